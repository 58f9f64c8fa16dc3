//! Renders the outlets: every feed, page and picture of one morning, by host and address.
//!
//! Rendering happens once, when the demo starts, so that answering is a look-up.

use super::{
    Format, Listed, Morning, OUTLETS, Outlet, TOPICS, dates, markup, pictures,
    text::{self, OutletText, PictureText, Story},
};
use axum::body::Bytes;
use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use minijinja::{
    Environment, Error, Output, State, Value,
    value::{Serde, ValueKind},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many other stories a page recommends.
const RELATED_STORIES: usize = 3;
/// Where an outlet's numbering of its stories stands: they have all been at it for a while.
const NUMBER_BEFORE_FIRST: usize = 1040;

/// What stands at an address.
#[derive(Clone, Debug)]
pub(super) enum Resource {
    /// Bytes, the same until the morning changes.
    Body(Body),
    /// It stands elsewhere (RFC 9110 §15.4.2).
    Moved(String),
}

/// A representation and what its headers say.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub content_type: &'static str,
    pub bytes: Bytes,
    pub etag: Option<String>,
    pub last_modified: Option<Timestamp>,
}

/// All outlets on one morning.
#[derive(Debug)]
pub(super) struct Sites {
    resources: BTreeMap<(&'static str, String), Resource>,
    /// Canonical address, address in the feed, and the rest.
    stories: Vec<(String, String, ListedStory)>,
}

#[derive(Debug)]
struct ListedStory {
    outlet: &'static Outlet,
    topic: &'static str,
    morning: Morning,
    title: &'static str,
}

impl Sites {
    /// Renders everything as it stands on `morning`, when the first was on `first_day`.
    pub(super) fn render(first_day: Date, morning: Morning) -> Self {
        let engine = engine();
        let mut sites = Self { resources: BTreeMap::new(), stories: Vec::new() };
        for outlet in &OUTLETS {
            Desk { engine: &engine, outlet, text: text::outlet(outlet.host), first_day, morning }.publish(&mut sites);
        }
        sites
    }

    /// What stands at `key` of `host`: a path, with its query where that matters.
    pub(super) fn at(&self, host: &'static str, key: &str) -> Option<&Resource> {
        self.resources.get(&(host, key.to_owned()))
    }

    pub(super) fn stories(&self) -> impl Iterator<Item = Listed<'_>> {
        self.stories.iter().map(|(url, _, s)| Listed {
            outlet: s.outlet,
            url,
            topic: s.topic,
            morning: s.morning,
            title: s.title,
        })
    }

    pub(super) fn topic_of(&self, asked: &str) -> Option<&str> {
        let more = |rest: &str| rest.is_empty() || rest.starts_with(['?', '&', '#']);
        let is = |known: &str| asked.strip_prefix(known).is_some_and(more);
        let found = self.stories.iter().find(|(url, link, _)| is(url) || is(link));
        found.map(|(_, _, story)| story.topic)
    }
}

/// One outlet at work.
struct Desk<'a> {
    engine: &'a Environment<'static>,
    outlet: &'static Outlet,
    text: OutletText,
    first_day: Date,
    morning: Morning,
}

/// What a template knows of an outlet.
#[derive(Serialize)]
struct OutletView<'a> {
    words: &'a BTreeMap<&'static str, &'static str>,
    base: String,
    feed: &'static str,
    feed_type: &'static str,
    dir: &'static str,
    charset: &'static str,
    accent: &'static str,
    accent_dark: &'static str,
    topics: Vec<TopicView>,
    share: Vec<&'static str>,
    about: Vec<&'static str>,
    newest: &'a StoryView,
    stories: &'a [StoryView],
}

#[derive(Serialize)]
struct TopicView {
    slug: &'static str,
    label: &'static str,
}

/// What a template knows of a story.
#[derive(Clone, Serialize)]
struct StoryView {
    number: usize,
    path: String,
    url: String,
    link: String,
    title: &'static str,
    summary: String,
    author: &'static str,
    topic: &'static str,
    topic_label: &'static str,
    iso: String,
    updated_iso: String,
    rfc822: String,
    rfc822_short: String,
    written: String,
    picture: Option<PictureView>,
    blocks: Vec<String>,
    ld: String,
    without_guid: bool,
    without_date: bool,
    #[serde(skip)]
    published: Timestamp,
    #[serde(skip)]
    updated: Timestamp,
}

#[derive(Clone, Serialize)]
struct PictureView {
    path: String,
    url: String,
    alt: &'static str,
    caption: String,
    credit: &'static str,
    bytes: usize,
}

impl Desk<'_> {
    fn publish(&self, sites: &mut Sites) {
        let mut stories: Vec<(StoryView, &Story)> =
            self.standing().map(|(n, story)| (self.view(n, story), story)).collect();
        stories.sort_by_key(|(view, _)| std::cmp::Reverse((view.published, view.number)));
        for (view, story) in &stories {
            let listed =
                ListedStory { outlet: self.outlet, topic: story.topic, morning: story.morning, title: story.title };
            sites.stories.push((view.url.clone(), view.link.clone(), listed));
        }
        let views: Vec<StoryView> = stories.into_iter().map(|(view, _)| view).collect();
        let newest = views.iter().max_by_key(|view| view.updated).expect("every outlet has stories");
        let outlet = self.outlet_view(&views, newest);
        self.put(sites, "/", self.html(), &self.render("front.html", &outlet, None), newest.updated);
        self.put(sites, &self.feed_path(), self.feed_type(), &self.feed(&outlet), newest.updated);
        for view in &views {
            let page = self.render(self.skeleton(), &outlet, Some(view));
            self.put(sites, &view.path, self.html(), &page, view.updated);
            if self.outlet.format == Format::RssSummary {
                let short = view.link.trim_start_matches(&self.base()).to_owned();
                sites.resources.insert((self.outlet.host, short), Resource::Moved(view.url.clone()));
            }
        }
        self.put_common(sites, views.last().expect("every outlet has stories").published);
    }

    /// The stories that stand this morning, with their place in the file.
    fn standing(&self) -> impl Iterator<Item = (usize, &Story)> {
        self.text.stories.iter().enumerate().filter(|(_, story)| story.morning <= self.morning)
    }

    fn put_common(&self, sites: &mut Sites, since: Timestamp) {
        self.put(
            sites,
            "/style.css",
            "text/css; charset=utf-8",
            include_str!("../../outlets/templates/style.css"),
            since,
        );
        // One outlet has no robots.txt, as many have not: RFC 9309 §2.3.1.3 lets everything be read then.
        if self.outlet.format != Format::Malformed {
            let rules = "User-agent: *\nDisallow: /subscribe\nDisallow: /inscription\n";
            self.put(sites, "/robots.txt", "text/plain; charset=utf-8", rules, since);
        }
        for (name, bytes) in pictures::PICTURES {
            let body = Body {
                content_type: "image/jpeg",
                bytes: Bytes::from_static(bytes),
                etag: Some(etag(bytes)),
                last_modified: Some(since),
            };
            sites.resources.insert((self.outlet.host, format!("/pictures/{name}.jpg")), Resource::Body(body));
        }
    }

    fn put(&self, sites: &mut Sites, key: &str, content_type: &'static str, text: &str, modified: Timestamp) {
        let bytes = match self.outlet.format {
            Format::Rdf => markup::latin1(text),
            _ => text.as_bytes().to_vec(),
        };
        // Not every server sends both validators: each outlet is one of the kinds there are.
        let etag = match self.outlet.format {
            Format::Rdf => None,
            Format::Malformed => Some(format!("W/{}", etag(&bytes))),
            _ => Some(etag(&bytes)),
        };
        let last_modified = (self.outlet.format != Format::Json).then_some(modified);
        let body = Body { content_type, bytes: bytes.into(), etag, last_modified };
        sites.resources.insert((self.outlet.host, key.to_owned()), Resource::Body(body));
    }

    fn base(&self) -> String {
        format!("http://{}", self.outlet.host)
    }

    fn feed_path(&self) -> String {
        self.outlet.feed.trim_start_matches(&self.base()).to_owned()
    }

    fn feed_type(&self) -> &'static str {
        match self.outlet.format {
            Format::RssFull => "application/rss+xml; charset=UTF-8",
            Format::RssSummary => "text/xml; charset=utf-8",
            Format::RssArabic => "application/xml; charset=utf-8",
            Format::Atom => "application/atom+xml; charset=utf-8",
            Format::Json => "application/feed+json; charset=utf-8",
            // No charset: what the document says decides.
            Format::Rdf => "application/rdf+xml",
            Format::Malformed => "text/html; charset=utf-8",
        }
    }

    fn html(&self) -> &'static str {
        match self.outlet.format {
            Format::Rdf => "text/html",
            _ => "text/html; charset=utf-8",
        }
    }

    fn skeleton(&self) -> &'static str {
        match self.outlet.format {
            Format::RssFull | Format::Atom | Format::Malformed => "page_a.html",
            Format::RssSummary | Format::Json => "page_b.html",
            Format::Rdf | Format::RssArabic => "page_c.html",
        }
    }

    fn feed(&self, outlet: &OutletView) -> String {
        match self.outlet.format {
            Format::RssFull => self.render("meridian.xml", outlet, None),
            Format::RssSummary => self.render("plumbline.xml", outlet, None),
            Format::RssArabic => self.render("rasif.xml", outlet, None),
            Format::Atom => self.render("darsena.xml", outlet, None),
            Format::Rdf => self.render("jetee.xml", outlet, None),
            Format::Malformed => self.render("lantern.xml", outlet, None),
            Format::Json => json_feed(outlet),
        }
    }

    fn render(&self, template: &str, outlet: &OutletView, story: Option<&StoryView>) -> String {
        let related: Vec<&StoryView> = outlet
            .stories
            .iter()
            .filter(|other| story.is_none_or(|story| other.number != story.number))
            .take(RELATED_STORIES)
            .collect();
        let page =
            minijinja::context! { story => Serde(story), related => Serde(related), ..Value::from(Serde(outlet)) };
        let template = self.engine.get_template(template).expect("every template is compiled in");
        template.render(page).expect("every template fits what it is given")
    }

    fn outlet_view<'v>(&'v self, stories: &'v [StoryView], newest: &'v StoryView) -> OutletView<'v> {
        let (accent, accent_dark) = match self.outlet.format {
            Format::RssFull => ("#0b4f6c", "#8cc7e0"),
            Format::RssSummary => ("#8a1c1c", "#f0a3a0"),
            Format::RssArabic => ("#0f5c4d", "#86d0bf"),
            Format::Atom => ("#7a3b00", "#f0b988"),
            Format::Json => ("#9c1f2e", "#f3a6ae"),
            Format::Rdf => ("#26418f", "#aebfee"),
            Format::Malformed => ("#5a4a00", "#d9c56a"),
        };
        OutletView {
            words: &self.text.words,
            base: self.base(),
            feed: self.outlet.feed,
            feed_type: self.feed_type().split(';').next().expect("split yields at least one part"),
            dir: if self.outlet.language == "ar" { "rtl" } else { "ltr" },
            charset: if self.outlet.format == Format::Rdf { "iso-8859-1" } else { "utf-8" },
            accent,
            accent_dark,
            topics: TOPICS.iter().map(|(slug, _)| TopicView { slug, label: self.label(slug) }).collect(),
            share: self.words("share"),
            about: self.words("about"),
            newest,
            stories,
        }
    }

    fn words(&self, key: &str) -> Vec<&'static str> {
        self.text.words[key].split(", ").collect()
    }

    /// What this outlet calls the topic of `slug`.
    fn label(&self, slug: &str) -> &'static str {
        let place = TOPICS.iter().position(|(known, _)| *known == slug).expect("stories carry topics that there are");
        self.words("topics")[place]
    }

    fn view(&self, place: usize, story: &Story) -> StoryView {
        let number = NUMBER_BEFORE_FIRST + place + 1;
        let day = self.first_day.checked_add(story.day.days()).expect("a date that calendars know");
        let language = self.outlet.language;
        let fill = |text: &str| dates::fill(text, day, language);
        let published = at(day, story.time);
        let corrected = story.corrected.filter(|_| self.morning == Morning::Second);
        let updated = corrected.map_or(published, |_| at(self.first_day.tomorrow().expect("not the last day"), (5, 0)));
        let path = self.path(number, story.id, day);
        let url = format!("{}{path}", self.base());
        let mut view = StoryView {
            number,
            link: self.link(&url, number),
            path,
            url,
            title: corrected.unwrap_or(story.title),
            summary: fill(story.summary),
            author: story.author,
            topic: story.topic,
            topic_label: self.label(story.topic),
            iso: published.to_string(),
            updated_iso: updated.to_string(),
            rfc822: rfc822(published, "%a, %d %b %Y %H:%M:%S +0000"),
            // RFC 822 §5.1 knew two-digit years and no seconds; some feeds never moved on.
            rfc822_short: rfc822(published, "%d %b %y %H:%M GMT"),
            written: dates::with_year(day, language),
            picture: story.picture.as_ref().map(|picture| self.picture(picture, day)),
            blocks: markup::blocks(&story.body, day, language),
            ld: String::new(),
            without_guid: self.outlet.format == Format::Malformed && story.topic == "culture",
            without_date: self.outlet.format == Format::Malformed && story.topic == "science",
            published,
            updated,
        };
        view.ld = self.linked_data(&view);
        view
    }

    fn picture(&self, picture: &PictureText, day: Date) -> PictureView {
        let path = format!("/pictures/{}.jpg", picture.name);
        PictureView {
            url: format!("{}{path}", self.base()),
            path,
            alt: picture.alt,
            caption: dates::fill(picture.caption, day, self.outlet.language),
            credit: picture.credit,
            bytes: pictures::bytes(picture.name).len(),
        }
    }

    /// Where a story stands: every outlet has its own habit.
    fn path(&self, number: usize, id: &str, day: Date) -> String {
        match self.outlet.format {
            Format::RssFull => format!("/{:04}/{:02}/{:02}/{id}/", day.year(), day.month(), day.day()),
            Format::RssSummary => format!("/investigations/{id}"),
            Format::RssArabic => format!("/article/{number}"),
            Format::Atom => format!("/noticias/{id}.html"),
            Format::Json => format!("/news/{id}"),
            Format::Rdf => format!("/article.php3?id_article={number}"),
            Format::Malformed => format!("/stories/{id}.html"),
        }
    }

    /// The address of a story as the feed gives it: with tracking parameters, or by way of a redirect.
    fn link(&self, url: &str, number: usize) -> String {
        match self.outlet.format {
            Format::RssFull => format!("{url}?utm_source=rss&utm_medium=rss&utm_campaign=feed"),
            Format::RssSummary => format!("{}/r/{number}", self.base()),
            _ => url.to_owned(),
        }
    }

    /// JSON-LD for the page. Only one outlet puts the whole text in, as in life.
    fn linked_data(&self, view: &StoryView) -> String {
        let mut article = serde_json::json!({
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "headline": view.title,
            "description": view.summary,
            "datePublished": view.iso,
            "dateModified": view.updated_iso,
            "inLanguage": self.outlet.language,
            "articleSection": view.topic_label,
            "author": [{ "@type": "Person", "name": view.author }],
            "publisher": { "@type": "Organization", "name": self.outlet.name },
            "mainEntityOfPage": view.url,
        });
        if let Some(picture) = &view.picture {
            article["image"] = serde_json::json!({
                "@type": "ImageObject", "url": picture.url, "caption": picture.caption, "creditText": picture.credit,
            });
        }
        if let Some(licence) = self.text.words.get("licence") {
            article["license"] = (*licence).into();
        }
        if self.outlet.format == Format::Json {
            article["articleBody"] =
                view.blocks.iter().map(|block| plain(block)).collect::<Vec<_>>().join("\n\n").into();
        }
        // A script element ends at the first `</`, wherever it stands (HTML §4.12.1.3).
        article.to_string().replace("</", "<\\/")
    }
}

/// The text of a block of our own making.
fn plain(block: &str) -> String {
    let mut out = String::new();
    let mut rest = block;
    while let Some((text, tag)) = rest.split_once('<') {
        out.push_str(text);
        rest = tag.split_once('>').expect("every tag of our own is closed").1;
    }
    out.push_str(rest);
    out.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn at(day: Date, (hour, minute): (i8, i8)) -> Timestamp {
    let time = DateTime::from_parts(day, jiff::civil::time(hour, minute, 0, 0));
    time.to_zoned_datetime(TimeZone::UTC).expect("a date that calendars know").timestamp()
}

fn rfc822(at: Timestamp, style: &str) -> String {
    at.strftime(style).to_string()
}

/// JSON Feed 1.1 (jsonfeed.org/version/1.1).
fn json_feed(outlet: &OutletView) -> String {
    let items: Vec<_> = outlet.stories.iter().map(json_item).collect();
    let feed = serde_json::json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.words["name"],
        "description": outlet.words["tagline"],
        "home_page_url": format!("{}/", outlet.base),
        "feed_url": outlet.feed,
        "language": outlet.words["language"],
        "items": items,
    });
    serde_json::to_string_pretty(&feed).expect("a feed of strings is JSON")
}

fn json_item(story: &StoryView) -> serde_json::Value {
    let mut item = serde_json::json!({
        "id": story.number.to_string(),
        "url": story.link,
        "title": story.title,
        "summary": story.summary,
        "content_html": story.blocks.join("\n"),
        "date_published": story.iso,
        "date_modified": story.updated_iso,
        "authors": [{ "name": story.author }],
        "tags": [story.topic_label],
    });
    if let Some(picture) = &story.picture {
        item["image"] = picture.url.clone().into();
    }
    item
}

fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(minijinja::UndefinedBehavior::SemiStrict);
    engine.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
    engine.set_formatter(written_escaped);
    engine.add_filter("careless", |text: &str| Value::from_safe_string(markup::careless(text)));
    let templates = [
        ("meridian.xml", include_str!("../../outlets/templates/meridian.xml")),
        ("plumbline.xml", include_str!("../../outlets/templates/plumbline.xml")),
        ("darsena.xml", include_str!("../../outlets/templates/darsena.xml")),
        ("rasif.xml", include_str!("../../outlets/templates/rasif.xml")),
        ("jetee.xml", include_str!("../../outlets/templates/jetee.rdf")),
        ("lantern.xml", include_str!("../../outlets/templates/lantern.xml")),
        ("page_a.html", include_str!("../../outlets/templates/page_a.html")),
        ("page_b.html", include_str!("../../outlets/templates/page_b.html")),
        ("page_c.html", include_str!("../../outlets/templates/page_c.html")),
        ("front.html", include_str!("../../outlets/templates/front.html")),
    ];
    for (name, source) in templates {
        engine.add_template(name, source).expect("every template compiles");
    }
    engine
}

/// Writes a value escaped as a hand would write it: minijinja's own way turns every `/` of an address into `&#x2f;`.
fn written_escaped(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match (value.kind(), value.as_str()) {
        (ValueKind::String, Some(text)) if !value.is_safe() => {
            out.write_str(&markup::escape(text)).map_err(Error::from)
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// A strong validator (RFC 9110 §8.8.3): FNV-1a of the bytes, 64 bits.
fn etag(bytes: &[u8]) -> String {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let hash = bytes.iter().fold(BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    format!("\"{hash:016x}\"")
}
