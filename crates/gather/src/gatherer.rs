//! The gatherer: reads sources, pages and pictures through the world's one client, politely.
//!
//! One request at a time to a host, a bounded number at once in all, and a host that hangs holds up nobody else: whoever
//! waits for a host waits without a seat.

use crate::{
    Feed, FeedFault, PAGE_BYTES_MAX, PICTURE_BYTES_MAX, Page, Picture, look_at, markup,
    page::read_page,
    parse_feed,
    robots::{ROBOTS_BYTES_MAX, Robots},
    schedule, words,
};
use newsroom::{DAY_MS, HOUR_MS, Item, ItemId, ItemState, MINUTE_MS, Ms, Problem, Source, SourceId, SourceKind};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use store::{items::Filed, sources::Reading};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard, Semaphore, SemaphorePermit};
use url::Url;
use world::{
    World,
    http::{Client, FaultKind, FetchFault, Limits, Request, Response},
};

/// Requests under way at once: one for each of many hosts, and few enough for a small machine's memory.
pub const SEATS: usize = 32;
/// A permanent redirect is believed when it was seen this often in a row: some are a Monday's mistake.
pub const MOVED_SEEN_MIN: i64 = 3;
/// How long a site's robots.txt is remembered (RFC 9309 §2.4: at most a day).
const ROBOTS_MS: Ms = DAY_MS;
/// How long a site whose robots.txt could not be had is left alone.
const ROBOTS_CLOSED_MS: Ms = HOUR_MS;
/// How long a host that did not answer is not asked again, in milliseconds: who stood in line behind the request that
/// hung must not each wait as long.
const SILENT_MS: Ms = MINUTE_MS;
/// Sites remembered, hosts waited for.
const REMEMBERED_MAX: usize = 1_000;
/// Validators longer than this, in bytes, are not sent back.
const VALIDATOR_BYTES_MAX: usize = 1_000;
/// Times allowed for a feed, a page and a picture, in milliseconds.
const FEED_MS: u64 = 30_000;
const PAGE_MS: u64 = 30_000;
const PICTURE_MS: u64 = 60_000;
/// What a feed is asked for as.
const FEED_ACCEPT: &str = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1";
/// The token that a robots.txt names us by.
const PRODUCT: &str = "coranto";

/// Who wants a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// An editor, by hand: a person's visit.
    ByEditor,
    /// Coranto by itself: robots.txt is heeded.
    ByItself,
}

/// What reading a source found. Nothing is written yet.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The source as it is to be recorded: when next, how it does, what to ask with.
    pub source: Source,
    /// What is remembered of the visit.
    pub reading: Reading,
    /// Its entries, to be filed.
    pub items: Vec<Filed>,
    /// How it went.
    pub went: Went,
}

/// How reading a source went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Went {
    /// It was read.
    Read,
    /// It has not changed since.
    Unchanged,
    /// It could not be read this time.
    Failed(Problem),
    /// It is gone and is not asked again.
    Gone(Problem),
}

/// What could be had for an item beyond what its feed says.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// Its page, when the feed lacks the full text.
    pub page: Option<Page>,
    /// Its lead picture.
    pub picture: Option<Picture>,
    /// What could not be had.
    pub problems: Vec<Problem>,
    /// Something could not be had now and may be had later: the host did not answer, or was out of order.
    pub later: bool,
}

/// Reads what strangers publish. Cheap to clone; clones share their manners.
#[derive(Clone)]
pub struct Gatherer {
    shared: Arc<Shared>,
}

struct Shared {
    world: World,
    client: Client,
    seats: Semaphore,
    hosts: Mutex<BTreeMap<String, Arc<Turn<()>>>>,
    robots: Mutex<BTreeMap<String, (Ms, Arc<Robots>)>>,
    silent: Mutex<BTreeMap<String, Ms>>,
}

/// Why a page or a picture could not be had, and whether another time may do better.
struct Missing {
    problem: Problem,
    later: bool,
}

impl Missing {
    fn for_good(problem: Problem) -> Self {
        Self { problem, later: false }
    }

    fn fetch(fault: &FetchFault) -> Self {
        Self { problem: words::fetch(fault), later: matches!(fault.kind, FaultKind::Unanswered | FaultKind::Garbled) }
    }

    fn status(url: &str, status: u16) -> Self {
        // RFC 9110 §15.5.9, RFC 6585 §4, RFC 9110 §15.6: what passes.
        Self { problem: words::status(url, status), later: matches!(status, 408 | 429 | 500..) }
    }
}

/// The right to ask a host now.
struct Leave<'a> {
    _turn: OwnedMutexGuard<()>,
    _seat: SemaphorePermit<'a>,
}

impl Gatherer {
    /// A gatherer that asks through `client`.
    pub fn new(world: &World, client: Client) -> Self {
        let shared = Shared {
            world: world.clone(),
            client,
            seats: Semaphore::new(SEATS),
            hosts: Mutex::default(),
            robots: Mutex::default(),
            silent: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The world it reads.
    pub fn world(&self) -> &World {
        &self.shared.world
    }

    /// Reads a source as it is due, whatever its kind, and says what is to be written.
    pub async fn read_source(&self, source: &Source, reading: &Reading) -> Outcome {
        let request = Request {
            accept: if source.kind == SourceKind::Feed { FEED_ACCEPT } else { "text/html, */*;q=0.1" },
            etag: source.etag.clone(),
            last_modified: source.last_modified.clone(),
            limits: Limits { body_bytes: crate::FEED_BYTES_MAX, total_ms: FEED_MS, ..Limits::default() },
            ..Request::new(&*source.url)
        };
        let visit = Visit { world: self.world(), source, reading };
        match self.ask(&request).await {
            Err(fault) => visit.failed(words::fetch(&fault), None),
            Ok(response) => self.answered(visit, response).await,
        }
    }

    async fn answered(&self, visit: Visit<'_>, response: Response) -> Outcome {
        let retry = response.header("retry-after").and_then(|field| schedule::retry_after(field, self.world().now()));
        match response.status {
            304 => visit.unchanged(&response),
            200..=299 if visit.same_body(&response) => visit.unchanged(&response),
            200..=299 if visit.source.kind == SourceKind::Page => visit.page(&response),
            200..=299 => match self.parse(&response).await {
                Ok(feed) => visit.read(&response, &feed),
                Err(fault) => visit.failed(words::feed(&visit.source.url, &fault), retry),
            },
            410 => visit.gone(),
            status => visit.failed(words::status(&visit.source.url, status), retry),
        }
    }

    async fn parse(&self, response: &Response) -> Result<Feed, FeedFault> {
        let content_type = response.header("content-type").map(str::to_owned);
        let (body, url) = (response.body.clone(), response.final_url.clone());
        self.world().compute(move || parse_feed(&body, content_type.as_deref(), Some(&url))).await
    }

    /// Fetches what an item needs to become an article: its page if the feed lacks the full text, and its picture. What
    /// cannot be had is said and left out; an item is never lost for it.
    pub async fn material(&self, item: &Item) -> Material {
        let mut material = Material::default();
        if let Some(url) = item.url.as_deref().filter(|_| !has_full_text(item)) {
            let page = self.fetch_page(url, Asked::ByItself).await;
            material.page = material.take(page);
        }
        // The page's own picture first: what the page says of a picture is about that one.
        if let Some(url) = self.named_picture(material.page.as_ref()).await.or_else(|| item.image_url.clone()) {
            let picture = self.fetch_picture(&url).await;
            material.picture = material.take(picture);
        }
        material
    }

    async fn named_picture(&self, page: Option<&Page>) -> Option<String> {
        let page = page?.clone();
        self.world().compute(move || page.named_picture()).await
    }

    /// Fetches a page.
    ///
    /// # Errors
    /// A [`Problem`] for whoever asked.
    pub async fn page(&self, url: &str, asked: Asked) -> Result<Page, Problem> {
        self.fetch_page(url, asked).await.map_err(|missing| missing.problem)
    }

    async fn fetch_page(&self, url: &str, asked: Asked) -> Result<Page, Missing> {
        if asked == Asked::ByItself {
            self.may_read(url).await?;
        }
        let limits = Limits { body_bytes: PAGE_BYTES_MAX, total_ms: PAGE_MS, ..Limits::default() };
        let request = Request { accept: "text/html, application/xhtml+xml, */*;q=0.1", limits, ..Request::new(url) };
        let response = self.ask(&request).await.map_err(|fault| Missing::fetch(&fault))?;
        if !(200..=299).contains(&response.status) {
            return Err(Missing::status(url, response.status));
        }
        let kind = response.header("content-type").unwrap_or("text/html").to_ascii_lowercase();
        if !kind.starts_with("text/") && !kind.contains("html") && !kind.contains("xml") {
            return Err(Missing::for_good(words::no_page(url, &kind)));
        }
        Ok(read_page(&response.body, Some(&kind), Some(&response.final_url)))
    }

    /// Fetches a picture.
    ///
    /// # Errors
    /// A [`Problem`] for whoever asked.
    pub async fn picture(&self, url: &str) -> Result<Picture, Problem> {
        self.fetch_picture(url).await.map_err(|missing| missing.problem)
    }

    async fn fetch_picture(&self, url: &str) -> Result<Picture, Missing> {
        let unusable = |missing: Missing| Missing { problem: words::picture(url, &missing.problem.what), ..missing };
        let limits = Limits { body_bytes: PICTURE_BYTES_MAX, total_ms: PICTURE_MS, ..Limits::default() };
        let accept = "image/webp, image/png, image/jpeg, image/gif";
        let response = self.ask(&Request { accept, limits, ..Request::new(url) }).await;
        let response = response.map_err(|fault| unusable(Missing::fetch(&fault)))?;
        if !(200..=299).contains(&response.status) {
            return Err(unusable(Missing::status(url, response.status)));
        }
        let looked_at = look_at(response.body, Some(response.final_url));
        looked_at.map_err(|fault| Missing::for_good(words::picture(url, &fault.to_string())))
    }

    /// Asks a site's robots.txt whether we may read a page of it.
    async fn may_read(&self, url: &str) -> Result<(), Missing> {
        // What is no address is refused by the client, in its own words.
        let Ok(parsed) = Url::parse(url) else { return Ok(()) };
        let path = &parsed[url::Position::BeforePath..url::Position::AfterQuery];
        let robots = self.robots_of(&parsed).await;
        if robots.allows(path) {
            Ok(())
        } else if robots.is_unknown() {
            Err(Missing { problem: words::robots_unknown(url), later: true })
        } else {
            Err(Missing::for_good(words::robots(url)))
        }
    }

    async fn robots_of(&self, url: &Url) -> Arc<Robots> {
        let site = url[..url::Position::BeforePath].to_owned();
        let now = self.world().now();
        let known = self.shared.robots.lock().expect("no lock is held in a panic").get(&site).cloned();
        if let Some((_, robots)) = known.filter(|(until, _)| now < *until) {
            return robots;
        }
        let limits = Limits { body_bytes: ROBOTS_BYTES_MAX, total_ms: PAGE_MS, ..Limits::default() };
        let request = Request { accept: "text/plain, */*;q=0.1", limits, ..Request::new(format!("{site}/robots.txt")) };
        let (robots, keep_ms) = match self.ask(&request).await {
            Ok(response) => match response.status {
                200..=299 => (Robots::parse(&String::from_utf8_lossy(&response.body), PRODUCT), ROBOTS_MS),
                // RFC 9309 §2.3.1.3: no file, no rules.
                400..=499 => (Robots::open(), ROBOTS_MS),
                _ => (Robots::unknown(), ROBOTS_CLOSED_MS),
            },
            Err(_) => (Robots::unknown(), ROBOTS_CLOSED_MS),
        };
        let robots = Arc::new(robots);
        let mut remembered = self.shared.robots.lock().expect("no lock is held in a panic");
        if remembered.len() >= REMEMBERED_MAX {
            remembered.retain(|_, (until, _)| now < *until);
        }
        if remembered.len() >= REMEMBERED_MAX {
            remembered.pop_first();
        }
        remembered.insert(site, (self.world().now() + keep_ms, robots.clone()));
        robots
    }

    async fn ask(&self, request: &Request) -> Result<Response, FetchFault> {
        let host = host_of(&request.url);
        let _leave = self.leave(&host).await;
        if self.is_silent(&host) {
            return Err(words::silent(&host));
        }
        let answer = self.shared.client.get(request).await;
        if answer.as_ref().is_err_and(|fault| fault.kind == FaultKind::Unanswered) {
            self.note_silence(host);
        }
        answer
    }

    /// Whether a host has just failed to answer: whoever waits behind that request need not wait for the same again.
    fn is_silent(&self, host: &str) -> bool {
        let silent = self.shared.silent.lock().expect("no lock is held in a panic");
        silent.get(host).is_some_and(|until| self.world().now() < *until)
    }

    fn note_silence(&self, host: String) {
        let now = self.world().now();
        let mut silent = self.shared.silent.lock().expect("no lock is held in a panic");
        silent.retain(|_, until| now < *until);
        if silent.len() < REMEMBERED_MAX {
            silent.insert(host, now + SILENT_MS);
        }
    }

    /// Waits for the host's turn first and for a seat second: who waits for a slow host takes no seat from others.
    async fn leave(&self, host: &str) -> Leave<'_> {
        let turn = {
            let mut hosts = self.shared.hosts.lock().expect("no lock is held in a panic");
            if hosts.len() >= REMEMBERED_MAX {
                hosts.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            hosts.entry(host.to_owned()).or_default().clone()
        };
        let turn = turn.lock_owned().await;
        let seat = self.shared.seats.acquire().await.expect("the seats are never taken away");
        Leave { _turn: turn, _seat: seat }
    }
}

impl Material {
    /// Takes what was had, or says why it was not.
    fn take<T>(&mut self, had: Result<T, Missing>) -> Option<T> {
        match had {
            Ok(had) => Some(had),
            Err(missing) => {
                self.later |= missing.later;
                self.problems.push(missing.problem);
                None
            }
        }
    }
}

/// The host that is asked, by whose name its turns are kept.
fn host_of(url: &str) -> String {
    Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

impl std::fmt::Debug for Gatherer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gatherer").field("client", &self.shared.client).finish_non_exhaustive()
    }
}

/// One visit to a source: how each way it can go changes what is recorded.
#[derive(Clone, Copy)]
struct Visit<'a> {
    world: &'a World,
    source: &'a Source,
    reading: &'a Reading,
}

impl Visit<'_> {
    fn same_body(&self, response: &Response) -> bool {
        self.reading.body_hash.as_deref() == Some(&Sha256::digest(&response.body)[..])
    }

    fn read(self, response: &Response, feed: &Feed) -> Outcome {
        let mut outcome = self.good(response, Some(feed), Went::Read);
        if outcome.source.title.is_empty() {
            outcome.source.title.clone_from(&feed.title);
        }
        outcome.items = items(self.world, self.source.id, feed);
        outcome
    }

    /// A page is read once: what it says is one item, and it is not due again.
    fn page(self, response: &Response) -> Outcome {
        let page = read_page(&response.body, response.header("content-type"), Some(&response.final_url));
        let mut outcome = self.good(response, None, Went::Read);
        let title = page.title();
        if outcome.source.title.is_empty() {
            outcome.source.title.clone_from(&title);
        }
        let feed = Feed {
            entries: vec![crate::Entry {
                guid: self.source.url.clone(),
                link: Some(response.final_url.clone()),
                image_url: page.named_picture(),
                title,
                ..crate::Entry::default()
            }],
            ..Feed::default()
        };
        outcome.items = items(self.world, self.source.id, &feed);
        outcome.source.due = Ms::MAX;
        outcome
    }

    fn unchanged(self, response: &Response) -> Outcome {
        self.good(response, None, Went::Unchanged)
    }

    fn good(self, response: &Response, feed: Option<&Feed>, went: Went) -> Outcome {
        let now = self.world.now();
        let mut source = self.source.clone();
        let mut reading = self.reading.clone();
        reading.interval_ms = schedule::interval(feed, went == Went::Read, reading.interval_ms);
        source.due = now + self.jittered(reading.interval_ms.max(schedule::asked_for(response, feed)));
        source.health.failures = 0;
        source.health.last_good = Some(now);
        source.health.last_error = None;
        if response.status != 304 {
            let field = |name| response.header(name).filter(|v| v.len() <= VALIDATOR_BYTES_MAX).map(str::to_owned);
            (source.etag, source.last_modified) = (field("etag"), field("last-modified"));
            reading.body_hash = Some(Sha256::digest(&response.body).to_vec());
        }
        follow_moves(&mut source, &mut reading, response.moved_to());
        Outcome { source, reading, items: Vec::new(), went }
    }

    fn failed(self, problem: Problem, retry_after: Option<Ms>) -> Outcome {
        let mut source = self.source.clone();
        source.health.failures = source.health.failures.saturating_add(1);
        source.health.last_error = Some(problem.to_string());
        let wait = schedule::back_off(source.health.failures).max(retry_after.unwrap_or(0));
        source.due = self.world.now() + self.jittered(wait);
        Outcome { source, reading: self.reading.clone(), items: Vec::new(), went: Went::Failed(problem) }
    }

    fn gone(self) -> Outcome {
        let problem = words::status(&self.source.url, 410);
        let mut source = self.source.clone();
        source.health.failures = source.health.failures.saturating_add(1);
        source.health.last_error = Some(problem.to_string());
        source.health.stopped = true;
        Outcome { source, reading: self.reading.clone(), items: Vec::new(), went: Went::Gone(problem) }
    }

    fn jittered(self, wait: Ms) -> Ms {
        wait + Ms::try_from(self.world.roll(schedule::jitter_range(wait))).expect("a tenth of a week")
    }
}

/// Counts permanent redirects to one place; the third in a row makes it the source's address.
fn follow_moves(source: &mut Source, reading: &mut Reading, moved_to: Option<&str>) {
    match moved_to {
        None => (reading.moved_to, reading.moved_seen) = (None, 0),
        Some(place) if reading.moved_to.as_deref() == Some(place) => reading.moved_seen += 1,
        Some(place) => (reading.moved_to, reading.moved_seen) = (Some(place.to_owned()), 1),
    }
    if reading.moved_seen >= MOVED_SEEN_MIN {
        source.url = reading.moved_to.take().expect("it was seen");
        reading.moved_seen = 0;
    }
}

/// A feed's entries as items of `source`, to be filed. A guid that stands twice in one feed is the first's.
pub fn items(world: &World, source: SourceId, feed: &Feed) -> Vec<Filed> {
    let first_seen = world.now();
    let mut seen = std::collections::BTreeSet::new();
    let fresh = feed.entries.iter().filter(|entry| seen.insert(entry.guid.clone()));
    let item = |entry: &crate::Entry| Item {
        id: ItemId(world.mint()),
        source,
        guid: entry.guid.clone(),
        url: entry.link.clone(),
        title: entry.title.clone(),
        author: entry.author.clone(),
        language: entry.language.as_deref().or(feed.language.as_deref()).and_then(language),
        published: entry.published,
        published_raw: entry.published_raw.clone(),
        summary_html: entry.summary_html.clone(),
        content_html: entry.content_html.clone(),
        image_url: entry.image_url.clone(),
        first_seen,
        state: ItemState::New,
        article: None,
    };
    fresh.map(|entry| Filed { item: item(entry), categories: entry.categories.clone() }).collect()
}

/// A language tag from what feeds write: `en_us` is `en-us`; a word that is no tag is nothing (RFC 5646 §2.1).
fn language(written: &str) -> Option<String> {
    let tag = written.trim().replace('_', "-");
    let mut parts = tag.split('-');
    let primary =
        parts.next().is_some_and(|p| (2..=3).contains(&p.len()) && p.chars().all(|c| c.is_ascii_alphabetic()));
    let rest = parts.all(|p| (1..=8).contains(&p.len()) && p.chars().all(|c| c.is_ascii_alphanumeric()));
    (primary && rest && tag.len() <= 35).then_some(tag)
}

/// Words in a summary beyond which it is the whole text: some feeds put it there.
const FULL_SUMMARY_WORDS: usize = 150;
/// How much of a text's end is searched for the words that say there is more, in characters.
const ENDING_CHARS: usize = 80;

/// Whether the feed already gave the whole text, so that its page need not be fetched: a content that is not cut off, or
/// a summary as long as an article.
pub fn has_full_text(item: &Item) -> bool {
    let text = |html: &Option<String>| html.as_deref().map(markup::plain).filter(|text| !text.is_empty());
    match (text(&item.content_html), text(&item.summary_html)) {
        (Some(content), summary) => !cut_off(&content) && summary.as_ref() != Some(&content) || long(&content),
        (None, Some(summary)) => long(&summary),
        (None, None) => false,
    }
}

fn long(text: &str) -> bool {
    // Chinese, Japanese and Thai write without spaces: there five characters count as a word and a half.
    let words = text.split_whitespace().count().max(text.chars().filter(|c| *c >= '\u{e00}').count() / 3);
    words >= FULL_SUMMARY_WORDS && !cut_off(text)
}

/// Whether a text ends in an ellipsis or in an invitation to read on.
fn cut_off(text: &str) -> bool {
    const INVITATIONS: [&str; 14] = [
        "read more",
        "continue reading",
        "read the full",
        "weiterlesen",
        "lire la suite",
        "leer más",
        "seguir leyendo",
        "ler mais",
        "leggi tutto",
        "lees meer",
        "devamını oku",
        "читать далее",
        "اقرأ المزيد",
        "阅读全文",
    ];
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ']' | ')' | '»' | '>'));
    let from = text.char_indices().rev().nth(ENDING_CHARS).map_or(0, |(at, _)| at);
    let ending = text[from..].to_lowercase();
    ending.ends_with('…') || ending.ends_with("...") || INVITATIONS.iter().any(|words| ending.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(summary: Option<&str>, content: Option<&str>) -> Item {
        Item {
            id: ItemId(1),
            source: SourceId(1),
            guid: String::new(),
            url: None,
            title: String::new(),
            author: None,
            language: None,
            published: None,
            published_raw: None,
            summary_html: summary.map(str::to_owned),
            content_html: content.map(str::to_owned),
            image_url: None,
            first_seen: 0,
            state: ItemState::New,
            article: None,
        }
    }

    #[test]
    fn a_feed_gives_the_full_text_or_it_does_not() {
        let long = "word ".repeat(200);
        assert!(has_full_text(&item(Some("A teaser."), Some("<p>The whole of it.</p>"))));
        assert!(!has_full_text(&item(Some("A teaser."), Some("<p>The beginning of it […]</p>"))));
        assert!(!has_full_text(&item(None, Some("<p>It begins.</p><a href=x>Continue reading »</a>"))));
        assert!(!has_full_text(&item(Some("The same."), Some("The same."))), "some feeds repeat the teaser");
        assert!(has_full_text(&item(Some(&long), Some(&long))));
        assert!(has_full_text(&item(Some(&long), None)));
        assert!(!has_full_text(&item(Some(&format!("{long}...")), None)));
        assert!(!has_full_text(&item(Some("A teaser."), None)));
        assert!(!has_full_text(&item(None, None)));
        assert!(has_full_text(&item(Some(&"长".repeat(500)), None)));
    }

    #[test]
    fn languages_are_taken_when_they_are_tags() {
        assert_eq!(language("en_us").as_deref(), Some("en-us"));
        assert_eq!(language(" zh-Hant-TW ").as_deref(), Some("zh-Hant-TW"));
        assert_eq!(language("English"), None);
        assert_eq!(language(""), None);
        assert_eq!(language("en\"><script>"), None);
    }
}
