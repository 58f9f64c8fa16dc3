//! Prose: the one document model, and every way a text comes into it and out of it.
//!
//! In: [`decode`](decode()) bytes, [`extract`](extract()) an article from a page, [`clean`](clean()) foreign HTML, read a
//! plain text. Out: [`Document`] as page, mail and text; [`Templates`] dress it. Text from outside reaches a page only as
//! [`Clean`], which only this crate can make. Prose never fetches anything and never guesses what a page does not say.

mod boilerplate;
mod bound;
mod clean;
pub mod credit;
mod decode;
mod direction;
mod document;
mod escape;
mod extract;
mod featured;
pub mod language;
pub mod link;
pub mod manuscript;
mod markup;
mod metadata;
pub mod moment;
mod page;
pub mod strings;
pub mod templates;
mod text;
mod tokens;

pub use boilerplate::RemovedKind;
pub use clean::clean;
pub use decode::decode;
pub use direction::{Direction, direction};
pub use document::{
    BLOCK_DEPTH_MAX, Block, DOCUMENT_VERSION, Document, DocumentFault, Figure, INLINE_DEPTH_MAX, Inline, NODES_MAX,
    TEXT_BYTES_MAX,
};
pub use extract::{Extracted, Image, Removed, extract, read_text};
pub use manuscript::ManuscriptFault;
pub use markup::Clean;
pub use newsroom::word_count;
pub use page::{MailDress, Pictures, Placed};
pub use templates::{TemplateFault, Templates};
pub use text::first_words;
