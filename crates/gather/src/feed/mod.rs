//! Feeds: RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0, JSON Feed, and what is sent in their name.
//!
//! A pure function from bytes to a [`Feed`]. It takes what is broken as far as it can be understood, keeps every limit,
//! and cleans nothing: summaries and contents are a stranger's HTML until `prose` has been over them.

mod json;
mod xml;

use crate::{encoding::decode, markup};
use newsroom::Ms;
use sha2::{Digest, Sha256};
use url::Url;

/// The largest feed read, in bytes. The longest in use, whole podcasts' histories, are below.
pub const FEED_BYTES_MAX: usize = 10_000_000;
/// Entries kept of one feed: the first, which are the newest by custom.
pub const ENTRIES_MAX: usize = 1_000;
/// Headlines are cut here, in characters.
pub const TITLE_CHARS_MAX: usize = 500;
/// Names and categories are cut here, in characters.
const NAME_CHARS_MAX: usize = 200;
/// A summary or content longer than this, in bytes, is left out whole: a cut tag is worse than a fetched page.
pub const HTML_BYTES_MAX: usize = 1_000_000;
/// Identities longer than this, in bytes, are replaced by their hash.
const GUID_BYTES_MAX: usize = 1_000;
/// Categories kept of one entry.
const CATEGORIES_MAX: usize = 50;

/// What a feed says of itself and of its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feed {
    /// Its name, plain text.
    pub title: String,
    /// The site it belongs to.
    pub link: Option<String>,
    /// Its language, as written.
    pub language: Option<String>,
    /// How long it asks to be left alone, in milliseconds (RSS `ttl`, `sy:updatePeriod`).
    pub ttl_ms: Option<Ms>,
    /// Its entries, in its order.
    pub entries: Vec<Entry>,
    /// There were more than [`ENTRIES_MAX`].
    pub cut: bool,
}

/// One entry of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What makes it the same entry next time: its guid, else its address, else a hash of what it says.
    pub guid: String,
    /// Where it lives: absolute, `http` or `https`.
    pub link: Option<String>,
    /// Its headline, plain text.
    pub title: String,
    /// Its byline, plain text.
    pub author: Option<String>,
    /// Its language, as written, when it differs from the feed's.
    pub language: Option<String>,
    /// When it says it was published.
    pub published: Option<Ms>,
    /// That date as it was written, readable or not.
    pub published_raw: Option<String>,
    /// When it says it was last changed.
    pub updated: Option<Ms>,
    /// Its summary, HTML as received.
    pub summary_html: Option<String>,
    /// Its full text, HTML as received.
    pub content_html: Option<String>,
    /// Its picture.
    pub image_url: Option<String>,
    /// Its categories, plain text.
    pub categories: Vec<String>,
}

/// Why bytes are not a feed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedFault {
    /// Nothing there, or nothing but white space.
    #[error("The feed is empty.")]
    Empty,
    /// More than [`FEED_BYTES_MAX`].
    #[error("The feed is larger than {} MB.", FEED_BYTES_MAX / 1_000_000)]
    TooBig,
    /// A web page. The feeds it names, absolute.
    #[error("This is a web page, not a feed.")]
    Page {
        /// Addresses of `<link rel="alternate">` of a feed's type.
        feeds: Vec<String>,
    },
    /// Anything else.
    #[error("This is neither RSS, Atom nor JSON Feed.")]
    NotAFeed,
}

/// Reads a feed. `content_type` is the HTTP field, if there was one; `url` is where the feed came from, for addresses
/// that are relative.
///
/// # Errors
/// A [`FeedFault`] when there is no feed in it, even a broken one.
pub fn parse_feed(bytes: &[u8], content_type: Option<&str>, url: Option<&str>) -> Result<Feed, FeedFault> {
    if bytes.len() > FEED_BYTES_MAX {
        return Err(FeedFault::TooBig);
    }
    let text = decode(bytes, content_type);
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
    let base = url.and_then(|url| Url::parse(url).ok());
    match text.chars().next() {
        None => Err(FeedFault::Empty),
        Some('{') => json::parse(text, base.as_ref()),
        Some(_) => xml::parse(text, base),
    }
}

impl Feed {
    /// Takes an entry, within the limit.
    fn push(&mut self, entry: Entry) {
        if self.entries.len() < ENTRIES_MAX {
            self.entries.push(entry);
        } else {
            self.cut = true;
        }
    }
}

impl Entry {
    /// Gives an entry its limits and an identity; `None` when there is nothing in it.
    fn finished(mut self) -> Option<Self> {
        self.title = cut(self.title, TITLE_CHARS_MAX);
        self.author = self.author.map(|name| cut(name, NAME_CHARS_MAX)).filter(|name| !name.is_empty());
        self.published_raw = self.published_raw.map(|raw| cut(raw, NAME_CHARS_MAX)).filter(|raw| !raw.is_empty());
        self.summary_html = self.summary_html.and_then(html_within_limit);
        self.content_html = self.content_html.and_then(html_within_limit);
        self.categories = categories(self.categories);
        let silent = self.title.is_empty() && self.summary_html.is_none() && self.content_html.is_none();
        if silent && self.link.is_none() {
            return None;
        }
        self.guid = self.identity();
        Some(self)
    }

    fn identity(&self) -> String {
        let given = markup::one_line(&markup::without_controls(&self.guid));
        match (given, &self.link) {
            (given, _) if given.len() > GUID_BYTES_MAX => hash(&[&given]),
            (given, Some(link)) if given.is_empty() => link.clone(),
            (given, None) if given.is_empty() => {
                let said = self.summary_html.as_deref().or(self.content_html.as_deref());
                hash(&[&self.title, said.unwrap_or(""), self.published_raw.as_deref().unwrap_or("")])
            }
            (given, _) => given,
        }
    }
}

fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    let digest = hasher.finalize();
    digest.iter().take(16).fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn html_within_limit(html: String) -> Option<String> {
    let clean = markup::without_controls(html.trim()).into_owned();
    (!clean.is_empty() && clean.len() <= HTML_BYTES_MAX).then_some(clean)
}

fn categories(found: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for category in found.into_iter().map(|category| cut(category, NAME_CHARS_MAX)) {
        if kept.len() < CATEGORIES_MAX && !category.is_empty() && !kept.contains(&category) {
            kept.push(category);
        }
    }
    kept
}

/// The first `chars` characters, with an ellipsis for the rest.
fn cut(text: String, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text,
    }
}

/// An absolute web address from what a feed writes. Other schemes lead to no article.
fn web_address(written: &str, base: Option<&Url>) -> Option<String> {
    let written = written.trim();
    if written.is_empty() || written.len() > world::http::URL_BYTES_MAX {
        return None;
    }
    let url = match base {
        Some(base) => base.join(written).ok()?,
        None => Url::parse(written).ok()?,
    };
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}
