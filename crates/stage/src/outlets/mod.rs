//! Seven outlets of an invented harbour region, with feeds in every common format and pages full of what real pages are
//! full of. Served by `Host` header, with conditional GET, on loopback.
//!
//! They never answer for a host that is not theirs, and nothing in them changes but the morning.

mod answer;
mod dates;
mod markup;
mod pictures;
mod site;
mod text;

use crate::outlets::site::{Resource, Sites};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use std::sync::atomic::{AtomicBool, Ordering};

/// The end of every outlet's host name: RFC 6761 §6.2 keeps `.test` for this.
pub const DOMAIN: &str = "outlets.test";

/// The topics that stories carry: slug and title. Every topic has stories on each morning.
pub const TOPICS: [(&str, &str); 6] = [
    ("harbour", "Harbour"),
    ("schools", "Schools"),
    ("health", "Health"),
    ("water", "Water"),
    ("culture", "Culture"),
    ("science", "Science"),
];

/// An outlet, as the list of sources shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlet {
    /// Its host name.
    pub host: &'static str,
    /// Its name, in its own words.
    pub name: &'static str,
    /// BCP 47 language of its stories.
    pub language: &'static str,
    /// Where its feed is.
    pub feed: &'static str,
    /// What a poll of the feed meets.
    pub format: Format,
}

/// The kinds of feed there are, one outlet each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RSS 2.0 with the full text in `content:encoded`.
    RssFull,
    /// RSS 2.0 with summaries alone: the pages must be fetched.
    RssSummary,
    /// RSS 2.0, right to left.
    RssArabic,
    /// Atom (RFC 4287) with XHTML content.
    Atom,
    /// JSON Feed 1.1.
    Json,
    /// RSS 1.0 in ISO-8859-1.
    Rdf,
    /// RSS that is not XML.
    Malformed,
}

/// Every outlet.
pub const OUTLETS: [Outlet; 7] = [
    Outlet {
        host: "meridian.outlets.test",
        name: "The Aldry Meridian",
        language: "en",
        feed: "http://meridian.outlets.test/feed/",
        format: Format::RssFull,
    },
    Outlet {
        host: "plumbline.outlets.test",
        name: "The Plumbline",
        language: "en",
        feed: "http://plumbline.outlets.test/rss.xml",
        format: Format::RssSummary,
    },
    Outlet {
        host: "darsena.outlets.test",
        name: "La Voz de la Dársena",
        language: "es",
        feed: "http://darsena.outlets.test/atom.xml",
        format: Format::Atom,
    },
    Outlet {
        host: "rasif.outlets.test",
        name: "رصيف الشمال",
        language: "ar",
        feed: "http://rasif.outlets.test/feed.xml",
        format: Format::RssArabic,
    },
    Outlet {
        host: "tideline.outlets.test",
        name: "潮线日报",
        language: "zh-Hans",
        feed: "http://tideline.outlets.test/feed.json",
        format: Format::Json,
    },
    Outlet {
        host: "jetee.outlets.test",
        name: "Le Courrier de la Jetée",
        language: "fr",
        feed: "http://jetee.outlets.test/index.rdf",
        format: Format::Rdf,
    },
    Outlet {
        host: "lantern.outlets.test",
        name: "The Parish Lantern",
        language: "en",
        feed: "http://lantern.outlets.test/rss",
        format: Format::Malformed,
    },
];

/// Which morning it is at the outlets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Morning {
    /// The first: what they have published so far.
    First,
    /// The second: new stories before the old ones, and a corrected headline here and there.
    Second,
}

/// A story, as the desk of the demo needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    /// Whose it is.
    pub outlet: &'static Outlet,
    /// Its canonical address.
    pub url: &'a str,
    /// The slug of its topic, one of [`TOPICS`].
    pub topic: &'a str,
    /// From which morning on it stands in the feed.
    pub morning: Morning,
    /// Its headline on the first morning it stands there.
    pub title: &'a str,
}

/// The last hour of the second morning at which a story is dated, with room: after this many hours no story of a
/// second morning is dated in the future.
const SECOND_MORNING_OVER_HOURS: i64 = 10;

/// The day of the first morning for a demo founded at `now` (UTC milliseconds): the latest whose second morning is over,
/// so that no feed dates a story in the future. Keep it with the demo's folder: the stories' dates follow from it.
///
/// # Panics
/// When `now` is outside the years that `jiff` knows.
pub fn first_day(now: i64) -> Date {
    let now = Timestamp::from_millisecond(now).expect("the clock shows a year that calendars know");
    let second = now - SECOND_MORNING_OVER_HOURS.hours();
    second.to_zoned_datetime(TimeZone::UTC).date().yesterday().expect("the clock is not at the beginning of time")
}

/// All outlets, on one of two mornings.
#[derive(Debug)]
pub struct Newsstand {
    sites: [Sites; 2],
    second: AtomicBool,
}

impl Newsstand {
    /// The outlets whose first morning is on `first_day`. Every page is rendered here, once.
    pub fn new(first_day: Date) -> Self {
        let sites = [Morning::First, Morning::Second].map(|morning| Sites::render(first_day, morning));
        Self { sites, second: AtomicBool::new(false) }
    }

    /// Makes it `morning` everywhere. Mornings may go back, too: the demo starts again.
    pub fn set(&self, morning: Morning) {
        self.second.store(morning == Morning::Second, Ordering::Release);
    }

    /// Which morning it is.
    pub fn morning(&self) -> Morning {
        if self.second.load(Ordering::Acquire) { Morning::Second } else { Morning::First }
    }

    /// Every story that stands in a feed this morning, outlet by outlet, newest first.
    pub fn stories(&self) -> impl Iterator<Item = Listed<'_>> {
        self.today().stories()
    }

    /// The topic of the story at `url`, whether it is written as in the feed (with its tracking parameters or by the
    /// address that redirects) or as on its page.
    pub fn topic_of(&self, url: &str) -> Option<&str> {
        self.sites[1].topic_of(url)
    }

    /// The page at `url`, one of the addresses of [`Newsstand::stories`], as an outlet's server sends it.
    pub fn page(&self, url: &str) -> Option<&[u8]> {
        let (host, path) = url.strip_prefix("http://")?.split_once('/')?;
        let outlet = OUTLETS.iter().find(|outlet| outlet.host == host)?;
        match self.today().at(outlet.host, &format!("/{path}"))? {
            Resource::Body(body) => Some(&body.bytes),
            Resource::Moved(_) => None,
        }
    }

    fn today(&self) -> &Sites {
        match self.morning() {
            Morning::First => &self.sites[0],
            Morning::Second => &self.sites[1],
        }
    }
}
