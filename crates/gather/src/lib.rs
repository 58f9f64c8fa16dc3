//! Gather: feeds, pasted links and imports become Items.
//!
//! It reads what strangers publish, through the world's one client, and leaves in the store what the desk will choose
//! from. It never decides what is news, never cleans HTML itself (that is prose's), and never asks a host twice at once.

mod dates;
mod encoding;
mod feed;
mod gatherer;
mod markup;
mod opml;
mod page;
mod picture;
mod robots;
mod round;
mod schedule;
mod words;

pub use feed::{ENTRIES_MAX, Entry, FEED_BYTES_MAX, Feed, FeedFault, HTML_BYTES_MAX, TITLE_CHARS_MAX, parse_feed};
pub use gatherer::{Asked, Gatherer, MOVED_SEEN_MIN, Material, Outcome, SEATS, Went, has_full_text, items};
pub use opml::{Listed, OPML_BYTES_MAX, OPML_SOURCES_MAX, parse_opml};
pub use page::{PAGE_BYTES_MAX, Page, read_page};
pub use picture::{PICTURE_BYTES_MAX, PIXELS_MAX, Picture, PictureFault, PictureFormat, SIDE_MAX, SIDE_MIN, look_at};
pub use round::{Visited, Which, materials, once, record};
pub use schedule::{INTERVAL_MS_FIRST, INTERVAL_MS_MAX, INTERVAL_MS_MIN};

/// What bytes of unknown kind turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// A feed.
    Feed(Feed),
    /// A list of sources.
    List(Vec<Listed>),
    /// A web page.
    Page(Page),
}

/// Looks at a file or an answer of unknown kind: a list of sources, a feed, a web page, or `None` of these.
pub fn recognise(bytes: &[u8], content_type: Option<&str>, url: Option<&str>) -> Option<Recognised> {
    if let Some(listed) = parse_opml(bytes) {
        return Some(Recognised::List(listed));
    }
    match parse_feed(bytes, content_type, url) {
        Ok(feed) => Some(Recognised::Feed(feed)),
        Err(FeedFault::Page { .. }) => Some(Recognised::Page(read_page(bytes, content_type, url))),
        Err(FeedFault::NotAFeed) => {
            let page = read_page(bytes, content_type, url);
            markup::is_page(&page.html).then_some(Recognised::Page(page))
        }
        Err(FeedFault::Empty | FeedFault::TooBig) => None,
    }
}

/// The `User-Agent` that Coranto gathers with: what it is, and where to read about the outlet that runs it.
pub fn agent(about_url: &str) -> String {
    let address: String = about_url.chars().filter(char::is_ascii_graphic).collect();
    format!("Coranto/{} (+{address})", env!("CARGO_PKG_VERSION"))
}
