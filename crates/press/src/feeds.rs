//! Feeds with the full text: RSS 2.0, Atom (RFC 4287) and JSON Feed 1.1, for the site and for each topic; and the feed of
//! editions, one entry a day, for who wants the mail's rhythm without the mail.
//!
//! A reader who follows by feed gets what a reader of the page gets: text, picture, credit, licence and where it first
//! stood. Every address in a feed is absolute.

use newsroom::{Article, Ms, Topic};
use prose::Pictures;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    DayEdition, EditionsFeed, FeedFormat, PressError, Site,
    context::{self, Outlet, Story, StoryWords},
    dates, linked,
    site::{changed, published},
    text, theme,
};

/// A feed holds a week of a busy outlet; older stories are on the site.
const FEED_ENTRIES_MAX: usize = 30;

#[derive(Serialize)]
struct Feed {
    title: String,
    description: String,
    outlet: String,
    /// The feed's own address.
    url: String,
    /// The page it follows.
    home: String,
    lang: String,
    changed: Option<String>,
    changed_rfc822: String,
    entries: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    url: String,
    title: String,
    summary: String,
    lang: String,
    author: Option<String>,
    published: String,
    published_rfc822: String,
    changed: String,
    topics: Vec<String>,
    origin_url: Option<String>,
    licence_url: Option<String>,
    picture_url: Option<String>,
    html: String,
}

#[derive(Serialize)]
struct Body<'a> {
    outlet: &'a Outlet,
    story: &'a Story,
    sw: StoryWords,
    body: prose::Clean,
}

/// One feed of the site, or of one topic.
pub(crate) fn render(
    site: &Site,
    format: FeedFormat,
    topic: Option<&Topic>,
    path: &str,
) -> Result<Vec<u8>, PressError> {
    let feed = feed(site, topic, path)?;
    let templates = theme::templates();
    Ok(match format {
        FeedFormat::Rss => templates.render("rss.xml", json!({ "feed": feed }))?.into_bytes(),
        FeedFormat::Atom => templates.render("atom.xml", json!({ "feed": feed }))?.into_bytes(),
        FeedFormat::Json => to_json(&feed),
    })
}

fn feed(site: &Site, topic: Option<&Topic>, path: &str) -> Result<Feed, PressError> {
    let outlet = site.outlet();
    let articles: Vec<&Article> = match topic {
        Some(topic) => site.of_topic(topic).take(FEED_ENTRIES_MAX).collect(),
        None => site.newest().take(FEED_ENTRIES_MAX).collect(),
    };
    let changed = articles.iter().map(|article| changed(article)).max();
    let entries = articles.iter().map(|article| entry(site, &outlet, article)).collect::<Result<_, _>>()?;
    let title = match topic {
        Some(topic) => format!("{}{}{}", outlet.name, site.words().colon, text::line(&topic.title)),
        None => outlet.name.clone(),
    };
    Ok(Feed {
        title,
        description: outlet.tagline.clone(),
        url: site.absolute(path),
        home: site.absolute(&topic.map_or_else(|| "/".to_owned(), context::topic_path)),
        lang: outlet.lang.clone(),
        changed: changed.map(dates::rfc3339),
        changed_rfc822: changed.map(dates::rfc822).unwrap_or_default(),
        outlet: outlet.name,
        entries,
    })
}

/// The feed of editions holds this many: two weeks of whole editions are a megabyte already.
const EDITIONS_MAX: usize = 14;
/// And this many stories each, as the mail does.
const EDITION_STORIES_MAX: usize = 40;

/// The feed of the outlet's editions, each with the full text of its stories in their order.
pub(crate) fn render_editions(site: &Site, form: EditionsFeed) -> Result<Vec<u8>, PressError> {
    let outlet = site.outlet();
    let entries = site
        .editions()
        .take(EDITIONS_MAX)
        .filter_map(|(day, edition)| edition_entry(site, &outlet, day, edition).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let changed = entries.iter().map(|(_, at)| *at).max();
    let feed = Feed {
        title: format!("{}{}{}", outlet.name, site.words().colon, site.words().the_edition_by_mail),
        description: outlet.tagline.clone(),
        url: site.absolute(&format!("/{}", form.file())),
        home: site.absolute("/"),
        lang: outlet.lang.clone(),
        changed: changed.map(dates::rfc3339),
        changed_rfc822: changed.map(dates::rfc822).unwrap_or_default(),
        outlet: outlet.name,
        entries: entries.into_iter().map(|(entry, _)| entry).collect(),
    };
    let template = match form {
        EditionsFeed::Rss => "rss.xml",
        EditionsFeed::Atom => "atom.xml",
    };
    Ok(theme::templates().render(template, json!({ "feed": feed }))?.into_bytes())
}

/// An edition and when it last changed; `None` when nothing of it stands on the site any more.
fn edition_entry(
    site: &Site,
    outlet: &Outlet,
    day: jiff::civil::Date,
    edition: &DayEdition,
) -> Result<Option<(Entry, Ms)>, PressError> {
    let articles: Vec<&Article> =
        edition.line_up.iter().filter_map(|id| site.article(*id)).take(EDITION_STORIES_MAX).collect();
    let (Some(first), Some(last)) = (
        articles.iter().map(|article| published(article).at).max(),
        articles.iter().map(|article| changed(article)).max(),
    ) else {
        return Ok(None);
    };
    let stories = articles.iter().map(|article| entry(site, outlet, article)).collect::<Result<Vec<_>, _>>()?;
    let mut html = String::new();
    for story in &stories {
        // Two pieces that templates printed, one after the other: nothing else gets in between.
        html.push_str(&theme::templates().render("edition_entry.html", json!({ "entry": story }))?);
        html.push_str(&story.html);
    }
    let label = dates::day(day, &outlet.lang);
    let subject = text::line(&edition.subject);
    let entry = Entry {
        url: site.absolute(&context::day_path(day)),
        title: if subject.is_empty() { label } else { format!("{label}{}{subject}", site.words().colon) },
        summary: stories.iter().map(|story| story.title.as_str()).collect::<Vec<_>>().join(" · "),
        lang: outlet.lang.clone(),
        author: Some(outlet.name.clone()),
        published: dates::rfc3339(first),
        published_rfc822: dates::rfc822(first),
        changed: dates::rfc3339(last),
        topics: Vec::new(),
        origin_url: None,
        licence_url: None,
        picture_url: stories.iter().find_map(|story| story.picture_url.clone()),
        html,
    };
    Ok(Some((entry, last)))
}

fn entry(site: &Site, outlet: &Outlet, article: &Article) -> Result<Entry, PressError> {
    let story = site.story(article)?;
    let body = linked::absolute(context::body(article)?, &site.origin).to_html(Pictures::Linked);
    let sw = site.story_words(&story.teaser.lang);
    let html = theme::templates().render("feed_entry.html", Body { outlet, story: &story, sw, body })?;
    let teaser = story.teaser;
    let author = match (&teaser.byline, &teaser.outlet) {
        (Some(byline), Some(outlet)) => Some(format!("{byline}{}{outlet}", teaser.comma)),
        (byline, outlet) => byline.clone().or_else(|| outlet.clone()),
    };
    Ok(Entry {
        url: site.absolute(&teaser.href),
        title: teaser.title,
        summary: teaser.standfirst,
        lang: teaser.lang,
        author,
        published: teaser.published,
        published_rfc822: dates::rfc822(published(article).at),
        changed: dates::rfc3339(changed(article)),
        topics: story.topics.into_iter().map(|topic| topic.title).collect(),
        origin_url: story.origin.and_then(|origin| origin.url),
        licence_url: story.licence.map(|licence| licence.url),
        picture_url: teaser.picture.map(|picture| site.absolute(&picture.src)),
        html,
    })
}

/// JSON Feed 1.1.
fn to_json(feed: &Feed) -> Vec<u8> {
    let items: Vec<Value> = feed.entries.iter().map(json_item).collect();
    let document = json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.home,
        "feed_url": feed.url,
        "description": feed.description,
        "language": feed.lang,
        "items": items,
    });
    let mut bytes = serde_json::to_vec_pretty(&document).expect("strings and lists always have a JSON form");
    bytes.push(b'\n');
    bytes
}

fn json_item(entry: &Entry) -> Value {
    let mut item = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() && value != json!("") {
            item.insert(name.to_owned(), value);
        }
    };
    put("id", json!(entry.url));
    put("url", json!(entry.url));
    put("external_url", json!(entry.origin_url.as_ref().filter(|origin| **origin != entry.url)));
    put("title", json!(entry.title));
    put("summary", json!(entry.summary));
    put("content_html", json!(entry.html));
    put("image", json!(entry.picture_url));
    put("date_published", json!(entry.published));
    put("date_modified", json!(entry.changed));
    put("authors", entry.author.as_ref().map_or(Value::Null, |name| json!([{ "name": name }])));
    put("tags", json!(entry.topics));
    put("language", json!(entry.lang));
    Value::Object(item)
}
