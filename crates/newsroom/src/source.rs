//! Sources and the items they publish.

use crate::{ArticleId, ItemId, Ms, SourceId, Topics};

/// How a source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// RSS, Atom or JSON Feed, polled.
    Feed,
    /// One page, read once.
    Page,
}

/// What the outlet may do with what a source publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// The outlet's own site: what is new is lined up by itself, as a card that leads there.
    Ours = 1,
    /// May be republished whole, with its credit and licence.
    Partner = 2,
    /// Read for the desk alone: nothing is published unless an editor lines it up, as a card with a short excerpt.
    Watch = 3,
}

impl Policy {
    /// Every policy.
    pub const EVERY: [Self; 3] = [Self::Ours, Self::Partner, Self::Watch];

    /// The policy the store keeps as `raw`.
    ///
    /// # Panics
    /// When `raw` is no policy: the database is damaged.
    pub fn from_raw(raw: i64) -> Self {
        Self::EVERY.into_iter().find(|policy| *policy as i64 == raw).expect("the schema keeps the three policies")
    }

    /// Its name, as it is typed and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Partner => "partner",
            Self::Watch => "watch",
        }
    }
}

/// A feed or site the outlet reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// Where it is read from.
    pub url: String,
    /// How it is read.
    pub kind: SourceKind,
    /// What may be done with what it publishes.
    pub policy: Policy,
    /// The address of the terms it is republished under, where its pages name none.
    pub licence: Option<String>,
    /// Its own name, once read.
    pub title: String,
    /// Topics its articles get.
    pub topics: Topics,
    /// What the last good answer said, for conditional GET (RFC 9110 §13.1).
    pub etag: Option<String>,
    /// Likewise, `Last-Modified` as received.
    pub last_modified: Option<String>,
    /// When to ask next.
    pub due: Ms,
    /// How it has been doing.
    pub health: SourceHealth,
}

/// How a source has been doing, in words an editor can use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceHealth {
    /// Failures since the last good answer.
    pub failures: u32,
    /// The last good answer, if ever.
    pub last_good: Option<Ms>,
    /// What went wrong last, while `failures > 0`.
    pub last_error: Option<String>,
    /// It answered 410 Gone, or was stopped by hand: not asked again.
    pub stopped: bool,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// Waiting in the inbox.
    New = 0,
    /// Became an article.
    Taken = 1,
    /// An editor passed it over.
    Dismissed = 2,
    /// Became an article, and its source has changed it since: a correction is due.
    Changed = 3,
}

/// One entry of a source, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub id: ItemId,
    /// Whose it is.
    pub source: SourceId,
    /// What makes it the same entry next time: the feed's guid, else its address.
    pub guid: String,
    /// Where it lives.
    pub url: Option<String>,
    /// Its headline, plain text.
    pub title: String,
    /// Its byline, plain text.
    pub author: Option<String>,
    /// BCP 47 language, if said.
    pub language: Option<String>,
    /// When it says it was published; many do not.
    pub published: Option<Ms>,
    /// That date as it was written.
    pub published_raw: Option<String>,
    /// The feed's summary, as received: not yet cleaned.
    pub summary_html: Option<String>,
    /// The feed's full text, as received: not yet cleaned.
    pub content_html: Option<String>,
    /// Its picture, if the feed names one.
    pub image_url: Option<String>,
    /// When we first saw it.
    pub first_seen: Ms,
    /// What became of it.
    pub state: ItemState,
    /// The article it became.
    pub article: Option<ArticleId>,
}
