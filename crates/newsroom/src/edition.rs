//! Newsletters, editions, departures and cohorts.

use crate::{ArticleId, CohortId, DepartureId, EditionId, Ms, NewsletterId, Topics};

/// A regular mail of the outlet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newsletter {
    /// Its id.
    pub id: NewsletterId,
    /// The short name in addresses and in `List-Id`.
    pub slug: String,
    /// Its name.
    pub title: String,
}

/// What sort of edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EditionKind {
    /// Every day.
    Daily = 1,
    /// Once a week.
    Weekly = 2,
    /// Once, because something happened.
    Breaking = 3,
}

/// One newsletter's issue: unique by newsletter, kind and the reader's local date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Its id.
    pub id: EditionId,
    /// Of which newsletter.
    pub newsletter: NewsletterId,
    /// What sort.
    pub kind: EditionKind,
    /// The readers' local date, `YYYY-MM-DD`.
    pub date: String,
    /// The subject line.
    pub subject: String,
}

impl EditionKind {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Breaking => "breaking",
        }
    }

    /// The kind the store keeps as `raw`.
    ///
    /// # Panics
    /// When `raw` is none: the database is damaged.
    pub fn from_raw(raw: i64) -> Self {
        match raw {
            1 => Self::Daily,
            2 => Self::Weekly,
            3 => Self::Breaking,
            other => panic!("{other} is no kind of edition"),
        }
    }
}

/// What leaves in a departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepartureKind {
    /// An edition to its audience.
    Edition = 1,
    /// A single mail to one reader: opt-in and the like.
    Letter = 2,
}

/// Where a departure stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepartureState {
    /// Its audience is frozen; it waits to be sent.
    Cut = 0,
    /// Copies may leave.
    Open = 1,
    /// An editor stopped it; nothing new leaves.
    Paused = 2,
    /// Every delivery has its terminal state, or waits for a person in doubt.
    Settled = 3,
    /// An editor ended it: what was not sent stays unsent.
    Cancelled = 4,
}

/// An edition leaving at one instant, with its audience frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Its id.
    pub id: DepartureId,
    /// What leaves.
    pub kind: DepartureKind,
    /// Which edition; `None` for a letter.
    pub edition: Option<EditionId>,
    /// Of which newsletter.
    pub newsletter: NewsletterId,
    /// When it leaves.
    pub instant: Ms,
    /// After this no copy is sent: stale news is no news.
    pub expires: Ms,
    /// How many readers were frozen into it. The ledger's states always sum to it.
    pub audience: i64,
    /// The highest rank of an article published when it was cut.
    pub rank: i64,
    /// Where it stands.
    pub state: DepartureState,
}

/// How a copy is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// HTML and text.
    Html = 1,
    /// Text alone.
    Text = 2,
}

/// What readers of one cohort share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CohortKey {
    /// They have seen articles up to this rank.
    pub seen_rank: i64,
    /// Their topics.
    pub topics: Topics,
    /// Their language for the mail's own words.
    pub language: String,
    /// How their copy is made up.
    pub format: Format,
}

/// A cohort with the mail its readers get; a copy adds only tokens, To, Message-ID, envelope sender and signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cohort {
    /// Its id.
    pub id: CohortId,
    /// The subject line, plain text.
    pub subject: String,
    /// The rendered mail: `mail::mime::SharedBody` in its stored form. Byte-identical for every retry, across upgrades.
    pub body: Vec<u8>,
}

impl DepartureState {
    /// The state the store keeps as `raw`.
    ///
    /// # Panics
    /// When `raw` is no state: the database is damaged.
    pub fn from_raw(raw: i64) -> Self {
        match raw {
            0 => Self::Cut,
            1 => Self::Open,
            2 => Self::Paused,
            3 => Self::Settled,
            4 => Self::Cancelled,
            other => panic!("{other} is no state of a departure"),
        }
    }
}

/// One story of a departure's line-up, at the revision it had when it was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineUpEntry {
    /// Place in the line-up, from 0.
    pub position: i64,
    /// Which article.
    pub article: ArticleId,
    /// At which revision.
    pub revision: i64,
    /// Its rank: a reader who has seen up to `seen_rank` gets those above it.
    pub rank: i64,
    /// Its topics.
    pub topics: Topics,
}
