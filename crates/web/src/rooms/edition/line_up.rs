//! The line-up of the next edition: its order by buttons, what would follow by itself, and items that are only watched.

use std::sync::Arc;

use axum::http::StatusCode;
use newsroom::{Article, ArticleId, ItemId, LineUpChange, LinedUp, Problem, Unchanged};
use serde::Serialize;
use store::line_up::Changed;
use store::{articles, blocks, editions, envelope, items, line_up, readers, sources};

use super::{ROOM, due, publish, setting, today};
use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::problem::Trouble;
use crate::rooms::moment;
use crate::table::{EDITOR, Route, get, post};

pub(crate) const ROUTES: &[Route] =
    &[get!("/edition", EDITOR, room), post!("/edition/line-up", EDITOR, change), post!("/edition/item", EDITOR, item)];

/// How many stories that are not lined up are offered.
const BESIDE_MAX: i64 = 40;
/// How many watched items are offered.
const WATCHED_MAX: i64 = 40;
/// How many departures are listed.
const DEPARTURES_MAX: i64 = 5;

#[derive(Serialize)]
struct RoomView {
    date: String,
    due: i64,
    version: i64,
    stories: Vec<StoryView>,
    beside: Vec<StoryView>,
    fills: bool,
    watched: Vec<ItemView>,
    subject: String,
    subject_by_hand: bool,
    preview: String,
    note: bool,
    blocks: Vec<String>,
    departures: Vec<DepartureView>,
    stale: bool,
}

#[derive(Serialize)]
struct StoryView {
    id: String,
    title: String,
    language: String,
    credit: String,
    /// Where it leads, for a card.
    card: bool,
    lead: bool,
    first: bool,
    last: bool,
    by: String,
    pinned: bool,
    taken: String,
    gone: bool,
}

#[derive(Serialize)]
struct ItemView {
    id: String,
    title: String,
    source: String,
    url: String,
}

#[derive(Serialize)]
struct DepartureView {
    id: String,
    date: String,
    state: &'static str,
    audience: i64,
}

async fn room(hall: Arc<Hall>, visit: Visit) -> Done {
    show(&hall, &visit, StatusCode::OK, false).await
}

/// What the room reads, at one moment.
struct Read {
    line_up: newsroom::LineUp,
    articles: Vec<Option<Article>>,
    beside: Vec<Article>,
    watched: Vec<(store::items::Filed, String)>,
    envelope: newsroom::Envelope,
    blocks: Vec<String>,
    departures: Vec<(newsroom::Departure, String)>,
}

async fn show(hall: &Hall, visit: &Visit, status: StatusCode, stale: bool) -> Done {
    let (newsletter, date, now) = (hall.desk.newsletter.id, today(visit).to_string(), visit.now);
    let of_today = date.clone();
    let read = hall.desk.store.read(move |tx| {
        let line_up = line_up::of(tx, newsletter)?;
        let articles: store::Result<Vec<_>> = line_up.entries.iter().map(|e| articles::by_id(tx, e.article)).collect();
        let seen = readers::last_rank(tx, newsletter)?;
        let waits = |a: &Article| {
            a.published.is_some_and(|p| p.rank > seen) && !line_up.entries.iter().any(|e| e.article == a.id)
        };
        let beside = articles::published(tx, i64::MAX, BESIDE_MAX)?.into_iter().filter(waits).collect();
        let sources = sources::list(tx)?;
        let source = |f: &store::items::Filed| sources.iter().find(|s| s.id == f.item.source).map(|s| s.title.clone());
        let watched = items::watched(tx, WATCHED_MAX)?;
        let mut departures = Vec::new();
        for departure in editions::latest(tx, DEPARTURES_MAX)? {
            let edition = departure.edition.map(|id| editions::by_id(tx, id)).transpose()?.flatten();
            departures.push((departure, edition.map_or(String::new(), |edition| edition.date)));
        }
        Ok(Read {
            articles: articles?,
            beside,
            watched: watched
                .into_iter()
                .map(|f| {
                    let of = source(&f).unwrap_or_default();
                    (f, of)
                })
                .collect(),
            envelope: envelope::of(tx, newsletter)?.open_for(&of_today),
            blocks: blocks::running(tx, now)?.into_iter().map(|b| format!("{}: {}", b.kind.name(), b.title)).collect(),
            departures,
            line_up,
        })
    });
    let view = view(hall, visit, read.await?, &date, stale, due(hall, visit).await?);
    hall.pages.show_as(status, &Frame::of(visit), ROOM, "edition.html", "The next edition", &view)
}

fn view(hall: &Hall, visit: &Visit, read: Read, date: &str, stale: bool, due: i64) -> RoomView {
    let chosen = read.line_up.lead().is_some();
    let count = read.line_up.entries.len();
    let entries = read.line_up.entries.iter().zip(read.articles).enumerate();
    let stories: Vec<StoryView> = entries.map(|(at, (e, a))| lined_up(e, a, (at, count), chosen, date)).collect();
    let beside: Vec<StoryView> = read.beside.into_iter().map(|a| beside(&a)).collect();
    let fills = setting(hall, visit, edition::FILL_SETTING) != edition::FILLS[1];
    let headline =
        stories.iter().chain(beside.iter().filter(|_| fills)).find(|s| s.taken.is_empty()).map(|s| s.title.clone());
    RoomView {
        date: moment::date(visit.now, &visit.outlet.zone),
        due,
        version: read.line_up.version,
        subject_by_hand: !read.envelope.subject.is_empty(),
        subject: if read.envelope.subject.is_empty() { headline.unwrap_or_default() } else { read.envelope.subject },
        preview: read.envelope.preview,
        note: !read.envelope.note.text.is_empty(),
        stories,
        beside,
        fills,
        watched: read.watched.into_iter().map(|(filed, source)| watched(filed, source)).collect(),
        blocks: read.blocks,
        departures: read.departures.into_iter().map(|(d, date)| departure(&d, date)).collect(),
        stale,
    }
}

fn lined_up(e: &LinedUp, article: Option<Article>, (at, count): (usize, usize), chosen: bool, date: &str) -> StoryView {
    let shown = article.as_ref().map(beside);
    let gone = article.is_none_or(|a| a.state != newsroom::ArticleState::Published);
    let taken = match e.taken.as_str() {
        "" => String::new(),
        taken if taken == date => "in today’s edition".to_owned(),
        taken => format!("in the edition of {taken}"),
    };
    let shown = shown.unwrap_or_else(|| StoryView {
        id: e.article.to_string(),
        title: "An article that is gone".to_owned(),
        language: "en".to_owned(),
        credit: String::new(),
        card: false,
        lead: false,
        first: false,
        last: false,
        by: String::new(),
        pinned: false,
        taken: String::new(),
        gone,
    });
    StoryView {
        lead: chosen && at == 0,
        first: at == 0,
        last: at + 1 == count,
        by: e.by.clone(),
        pinned: e.pinned,
        taken,
        gone,
        ..shown
    }
}

fn beside(article: &Article) -> StoryView {
    let credit = &article.revision.credit;
    StoryView {
        id: article.id.to_string(),
        title: article.revision.title.clone(),
        language: article.revision.language.clone(),
        credit: [credit.byline.clone(), credit.outlet.clone()].into_iter().flatten().collect::<Vec<_>>().join(", "),
        card: article.form == newsroom::Form::Card,
        lead: false,
        first: false,
        last: false,
        by: String::new(),
        pinned: false,
        taken: String::new(),
        gone: false,
    }
}

fn watched(filed: store::items::Filed, source: String) -> ItemView {
    ItemView { id: filed.item.id.to_string(), title: filed.item.title, source, url: filed.item.url.unwrap_or_default() }
}

fn departure(d: &newsroom::Departure, date: String) -> DepartureView {
    DepartureView { id: d.id.to_string(), date, state: super::sending::word(d.state), audience: d.audience }
}

fn seen(visit: &Visit) -> Option<i64> {
    Some(visit.sent.fields.one("version").parse().unwrap_or(-1))
}

async fn change(hall: Arc<Hall>, visit: Visit) -> Done {
    let form = &visit.sent.fields;
    let article: ArticleId = form.one("article").parse().map_err(|_| Trouble::not_found())?;
    let change = match form.one("do") {
        "add" => LineUpChange::Add(article),
        "out" => LineUpChange::Out(article),
        "up" => LineUpChange::Up(article),
        "down" => LineUpChange::Down(article),
        "lead" => LineUpChange::Lead(article),
        "pin" => LineUpChange::Pin(article),
        "unpin" => LineUpChange::Unpin(article),
        _ => return Err(Trouble::not_found()),
    };
    let by = visit.member().name.clone();
    let changed = desk::change(&hall.desk.store, hall.desk.newsletter.id, seen(&visit), change, &by).await?;
    // Back to the story that was moved, so that the next press of a key finds it.
    let place = if matches!(change, LineUpChange::Out(_)) { String::new() } else { format!("#s{article}") };
    answer(&hall, &visit, changed, &format!("{ROOM}{place}")).await
}

async fn answer(hall: &Hall, visit: &Visit, changed: Changed, on: &str) -> Done {
    match changed {
        Changed::Done(_) | Changed::Not(Unchanged::Already) => Ok(see_other(on)),
        Changed::Stale(_) => show(hall, visit, StatusCode::CONFLICT, true).await,
        Changed::Not(Unchanged::NotThere) => show(hall, visit, StatusCode::CONFLICT, true).await,
        Changed::Not(Unchanged::Full) => Err(Trouble::refused(Problem::new(
            "The line-up is full.",
            "Nothing was changed.",
            "Take a story out first.",
        ))),
        Changed::NoArticle => Err(Trouble::refused(Problem::new(
            "This article is not published.",
            "The line-up stays as it is.",
            "Publish it first.",
        ))),
    }
}

async fn item(hall: Arc<Hall>, visit: Visit) -> Done {
    let form = &visit.sent.fields;
    let item: ItemId = form.one("item").parse().map_err(|_| Trouble::not_found())?;
    let desk = &hall.desk;
    if form.one("do") == "dismiss" {
        desk.store.write(move |tx| items::dismiss(tx, item)).await?;
        return Ok(see_other(&format!("{ROOM}#watched")));
    }
    let by = visit.member().name.clone();
    let done = desk::line_up_item(
        &desk.world,
        &desk.store,
        desk.newsletter.id,
        item,
        (seen(&visit), &by),
        &visit.outlet.language,
    );
    match done.await? {
        desk::ItemLinedUp::Article(article, changed) => {
            publish(&hall, &visit).await?;
            answer(&hall, &visit, changed, &format!("{ROOM}#s{article}")).await
        }
        desk::ItemLinedUp::NoItem | desk::ItemLinedUp::NotWatched => Err(Trouble::not_found()),
        desk::ItemLinedUp::NoAddress => Err(Trouble::refused(Problem::new(
            "This item has no address, so that a card of it would lead nowhere.",
            "The line-up stays as it is.",
            "Write about it in an article of your own.",
        ))),
    }
}
