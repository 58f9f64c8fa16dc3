//! Gather: feeds, pasted links and imports become Items.
//!
//! It reads what strangers publish, through the world's one client, and leaves in the store what the desk will choose
//! from. It never decides what is news, never cleans HTML itself (that is prose's), and never asks a source twice at
//! once.

mod dates;
mod encoding;
mod feed;
mod markup;

pub use feed::{ENTRIES_MAX, Entry, FEED_BYTES_MAX, Feed, FeedFault, HTML_BYTES_MAX, TITLE_CHARS_MAX, parse_feed};
