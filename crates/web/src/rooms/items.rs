//! Items: what the sources published and nobody has decided on yet. Line up, take as an article, or pass over; and undo.

use std::collections::BTreeMap;
use std::sync::Arc;

use desk::ItemLinedUp;
use desk::write::{self, Drafted, Signed};
use newsroom::{ItemId, ItemState, Policy, Problem, SourceId, Unchanged};
use serde::Serialize;
use store::items::{self, Filed};
use store::line_up::Changed;
use store::{Write, members, sources};
use url::Url;

use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::problem::Trouble;
use crate::rooms::{articles, moment};
use crate::table::{EDITOR, Route, get, post};

pub(crate) const ROUTES: &[Route] = &[get!("/items", EDITOR, list), post!("/items", EDITOR, decide)];

/// Items on one page: what can be looked over at a sitting.
const ITEMS: i64 = 50;
/// Words of an item shown in the list: enough to decide by.
const EXCERPT_WORDS: usize = 45;

#[derive(Serialize)]
struct ItemsView {
    tabs: Vec<Tab>,
    state: &'static str,
    items: Vec<ItemView>,
    older: Option<String>,
    /// An item that was just passed over: one button takes it back.
    undo: Option<String>,
}

#[derive(Serialize)]
struct Tab {
    word: &'static str,
    name: &'static str,
    here: bool,
}

#[derive(Serialize)]
struct ItemView {
    id: String,
    title: String,
    url: String,
    source: String,
    policy: &'static str,
    excerpt: String,
    author: String,
    when: String,
    language: String,
    article: Option<String>,
}

/// The lists: word in the address, name, state.
const LISTS: [(&str, &str, ItemState); 3] = [
    ("new", "New", ItemState::New),
    ("changed", "Changed at their source", ItemState::Changed),
    ("dismissed", "Dismissed", ItemState::Dismissed),
];

async fn list(hall: Arc<Hall>, visit: Visit) -> Done {
    let asked = visit.query.one("state");
    let (word, _, state) = LISTS.into_iter().find(|(word, _, _)| *word == asked).unwrap_or(LISTS[0]);
    let below = below(visit.query.one("before"));
    let read = hall.desk.store.read(move |tx| Ok((items::in_state(tx, state, below, ITEMS)?, sources::list(tx)?)));
    let (found, known) = read.await?;
    let older = found.last().filter(|_| found.len() as i64 == ITEMS);
    let older = older.map(|last| format!("{}-{}", last.item.first_seen, last.item.id));
    let known: BTreeMap<SourceId, (String, Policy)> =
        known.into_iter().map(|s| (s.id, (if s.title.is_empty() { s.url } else { s.title }, s.policy))).collect();
    let zone = visit.outlet.zone.clone();
    // Strangers' markup is cleaned off the threads that answer others.
    let items = hall.desk.world.compute(move || found.iter().map(|one| view(one, &known, &zone)).collect()).await;
    let tabs = LISTS.into_iter().map(|(w, name, _)| Tab { word: w, name, here: w == word }).collect();
    let undo = Some(visit.query.one("undo")).filter(|id| id.parse::<ItemId>().is_ok()).map(str::to_owned);
    let view = ItemsView { tabs, state: word, items, older, undo };
    hall.pages.show(&Frame::of(&visit), "/items", "items.html", "Items", &view)
}

/// The key that a page of the list goes on from.
fn below(asked: &str) -> (i64, i64) {
    let parts = asked.split_once('-').and_then(|(seen, id)| Some((seen.parse().ok()?, id.parse().ok()?)));
    parts.unwrap_or((i64::MAX, i64::MAX))
}

fn view(filed: &Filed, known: &BTreeMap<SourceId, (String, Policy)>, zone: &str) -> ItemView {
    let item = &filed.item;
    let nowhere = Url::parse("http://invalid.invalid/").expect("a valid address");
    let said = item.summary_html.as_deref().or(item.content_html.as_deref()).unwrap_or_default();
    let source = known.get(&item.source);
    ItemView {
        id: item.id.to_string(),
        title: articles::titled(&item.title),
        url: item.url.as_deref().and_then(prose::link::absolute).map(String::from).unwrap_or_default(),
        source: source.map_or_else(|| "a page taken by hand".to_owned(), |(title, _)| title.clone()),
        policy: source.map_or("partner", |(_, policy)| policy.name()),
        excerpt: prose::first_words(&prose::clean(said, &nowhere).plain_text(), EXCERPT_WORDS),
        author: item.author.clone().unwrap_or_default(),
        when: moment::minute(item.published.unwrap_or(item.first_seen), zone),
        language: item.language.clone().unwrap_or_default(),
        article: item.article.map(|article| article.to_string()),
    }
}

/// The button that was pressed: `dismiss:7`, or `dismiss` for all that are ticked.
async fn decide(hall: Arc<Hall>, visit: Visit) -> Done {
    let asked = visit.sent.fields.one("do").to_owned();
    let (act, one) = asked.split_once(':').unwrap_or((asked.as_str(), ""));
    let chosen: Vec<ItemId> = match one.parse() {
        Ok(one) => vec![one],
        Err(_) => visit.sent.fields.all("item").filter_map(|id| id.parse().ok()).collect(),
    };
    match (act, chosen.first()) {
        (_, None) => Ok(see_other("/items?told=none")),
        ("dismiss", Some(first)) => {
            let undo = if chosen.len() == 1 { format!("&undo={first}") } else { String::new() };
            pass_over(&hall, &visit, chosen).await?;
            Ok(see_other(&format!("/items?told=dismissed{undo}")))
        }
        ("recall", Some(_)) => {
            recall(&hall, &visit, chosen).await?;
            Ok(see_other("/items?told=recalled"))
        }
        ("settle", Some(item)) => {
            let (item, act) = (*item, hall.act(&visit, "saw what changed at a source", item.to_string()));
            let done = hall.desk.store.write(move |tx: &Write<'_>| {
                if items::settle(tx, item)? {
                    members::note(tx, &act)?;
                }
                Ok(())
            });
            done.await?;
            Ok(see_other("/items?state=changed&told=settled"))
        }
        ("take", Some(item)) => take(&hall, &visit, *item).await,
        ("line_up", Some(item)) => line_up(&hall, &visit, *item).await,
        _ => Err(Trouble::not_found()),
    }
}

async fn pass_over(hall: &Hall, visit: &Visit, chosen: Vec<ItemId>) -> Result<(), Trouble> {
    let acts: Vec<_> = chosen.iter().map(|id| hall.act(visit, "dismissed an item", id.to_string())).collect();
    let done = hall.desk.store.write(move |tx: &Write<'_>| {
        for (item, act) in chosen.iter().zip(&acts) {
            if items::dismiss(tx, *item)? {
                members::note(tx, act)?;
            }
        }
        Ok(())
    });
    Ok(done.await?)
}

async fn recall(hall: &Hall, visit: &Visit, chosen: Vec<ItemId>) -> Result<(), Trouble> {
    let acts: Vec<_> = chosen.iter().map(|id| hall.act(visit, "took a dismissal back", id.to_string())).collect();
    let done = hall.desk.store.write(move |tx: &Write<'_>| {
        for (item, act) in chosen.iter().zip(&acts) {
            if items::recall(tx, *item)? {
                members::note(tx, act)?;
            }
        }
        Ok(())
    });
    Ok(done.await?)
}

async fn take(hall: &Hall, visit: &Visit, item: ItemId) -> Done {
    let signed = Signed { member: Some(visit.member().id), note: String::new() };
    let desk = &hall.desk;
    match write::draft_item(&desk.world, &desk.store, item, &visit.outlet.language, signed).await? {
        Drafted::NoItem => Err(Trouble::not_found()),
        Drafted::As(article) => {
            let act = hall.act(visit, "took an item as an article", article.to_string());
            hall.desk.store.write(move |tx: &Write<'_>| members::note(tx, &act)).await?;
            Ok(see_other(&format!("/articles/{article}?told=taken")))
        }
    }
}

async fn line_up(hall: &Hall, visit: &Visit, item: ItemId) -> Done {
    let (desk, by) = (&hall.desk, visit.member().name.clone());
    let language = &visit.outlet.language;
    let done = desk::line_up_item(&desk.world, &desk.store, desk.newsletter.id, item, (None, &by), language).await?;
    let refused = |what: &str, act: &str| Err(Trouble::refused(Problem::new(what, "Nothing was changed.", act)));
    match done {
        ItemLinedUp::NoItem => Err(Trouble::not_found()),
        ItemLinedUp::NotWatched => refused(
            "This item becomes an article by itself: its source is not only watched.",
            "Line up the article, under Today, once it is published; or take the item as an article now.",
        ),
        ItemLinedUp::NoAddress => refused(
            "This item has no address, so that a card of it would lead nowhere.",
            "Take it as an article, and write about it.",
        ),
        ItemLinedUp::Article(_, Changed::Not(Unchanged::Full)) => {
            refused("The line-up is full.", "Take something out of it first, under Today.")
        }
        ItemLinedUp::Article(article, _) => {
            let act = hall.act(visit, "lined up an item", article.to_string());
            hall.desk.store.write(move |tx: &Write<'_>| members::note(tx, &act)).await?;
            articles::lay(hall, visit).await;
            Ok(see_other("/items?told=lined-up"))
        }
    }
}
