//! Story: the editor's second pair of eyes. Pure functions over an article's plain text.
//!
//! [`sentences`] parts a text, [`summary`] picks the two or three sentences that stand for it. Everything that is said of a
//! story is a verbatim span of it, with its place; what cannot be placed is not said. Story never writes a sentence of its
//! own, never reads a clock and never fetches anything.

mod opener;
mod sentence;
mod summary;

pub use sentence::sentences;
pub use summary::{SUMMARY_SENTENCES_MAX, SUMMARY_WORDS_MAX, Sentence, summary};
