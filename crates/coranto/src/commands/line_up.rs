//! `coranto line-up`, `item` and `envelope`: what goes into the next edition.

use newsroom::{Article, ItemId, LineUp, Problem, Unchanged};
use serde_json::json;
use store::line_up::Changed;
use store::{articles, envelope, items, line_up, readers, sources};

use super::edition::today;
use super::house;
use crate::answer::Answer;
use crate::cli;
use crate::house::{House, store_problem};

/// Who changes something from the command line: whoever may run commands on this machine.
pub const BY: &str = "command line";
/// How many articles that are not lined up are listed beside those that are.
const BESIDE_MAX: i64 = 40;
/// How many items are listed.
const ITEMS_MAX: i64 = 100;

/// Shows or changes the line-up.
pub async fn run(of: cli::LineUp) -> Result<Answer, Problem> {
    let house = house(of.common()).await?;
    if let Some(change) = of.change() {
        let changed = desk::change(&house.store, house.newsletter.id, None, change, BY).await;
        return told(&house, changed.map_err(|fault| store_problem(&fault))?).await;
    }
    match of {
        cli::LineUp::Add { item: Some(item), .. } => add_item(&house, item).await,
        _ => list(&house, "").await,
    }
}

async fn add_item(house: &House, item: ItemId) -> Result<Answer, Problem> {
    let (language, newsletter) = (house.outlet().language, house.newsletter.id);
    let done = desk::line_up_item(&house.world, &house.store, newsletter, item, (None, BY), &language).await;
    match done.map_err(|fault| store_problem(&fault))? {
        desk::ItemLinedUp::Article(_, changed) => {
            crate::morning::publish(house).await?;
            told(house, changed).await
        }
        desk::ItemLinedUp::NoItem => {
            Err(refused(format!("There is no item {item}."), "`coranto item list` shows them."))
        }
        desk::ItemLinedUp::NotWatched => Err(refused(
            "This item's source is not watched: what it publishes becomes an article by itself.".into(),
            "Line up the article: `coranto line-up list` shows it.",
        )),
        desk::ItemLinedUp::NoAddress => Err(refused(
            "This item has no address, so that a card of it would lead nowhere.".into(),
            "Write about it in an article of your own.",
        )),
    }
}

fn refused(what: String, act: &str) -> Problem {
    Problem::new(what, "The line-up stays as it is.", act)
}

async fn told(house: &House, changed: Changed) -> Result<Answer, Problem> {
    match changed {
        Changed::Done(_) => list(house, "Done.\n").await,
        Changed::Stale(_) => {
            Err(refused("Somebody else changed the line-up meanwhile.".into(), "Look at it, then try again."))
        }
        Changed::Not(Unchanged::Already) => list(house, "Nothing to change.\n").await,
        Changed::Not(Unchanged::NotThere) => {
            Err(refused("This article is not lined up.".into(), "`coranto line-up list` shows what is."))
        }
        Changed::Not(Unchanged::Full) => Err(refused("The line-up is full.".into(), "Take something out first.")),
        Changed::NoArticle => {
            Err(refused("There is no published article of that id.".into(), "`coranto line-up list` shows them."))
        }
    }
}

/// The line-up with its articles, and what was published since the last edition beside it.
struct Shown {
    line_up: LineUp,
    articles: Vec<Option<Article>>,
    beside: Vec<Article>,
}

async fn list(house: &House, told: &str) -> Result<Answer, Problem> {
    let (newsletter, date) = (house.newsletter.id, today(house)?.to_string());
    let shown = house.store.read(move |tx| {
        let line_up = line_up::of(tx, newsletter)?;
        let found: store::Result<Vec<_>> = line_up.entries.iter().map(|e| articles::by_id(tx, e.article)).collect();
        let seen = readers::last_rank(tx, newsletter)?;
        let new = articles::published(tx, i64::MAX, BESIDE_MAX)?.into_iter();
        let waits = |a: &Article| {
            a.published.is_some_and(|p| p.rank > seen) && !line_up.entries.iter().any(|e| e.article == a.id)
        };
        Ok(Shown { articles: found?, beside: new.filter(waits).collect(), line_up })
    });
    let shown = shown.await.map_err(|fault| store_problem(&fault))?;
    let fills = house.settings.get(edition::FILL_SETTING) == edition::FILLS[0];
    let rows: Vec<_> = shown
        .line_up
        .entries
        .iter()
        .zip(&shown.articles)
        .map(|(e, a)| {
            json!({"article": e.article.to_string(), "title": a.as_ref().map(|a| &a.revision.title), "by": e.by,
                "pinned": e.pinned, "taken": e.taken})
        })
        .collect();
    let beside: Vec<_> =
        shown.beside.iter().map(|a| json!({"article": a.id.to_string(), "title": a.revision.title})).collect();
    let json = json!({"version": shown.line_up.version, "lead": shown.line_up.lead().map(|l| l.to_string()),
        "line_up": rows, "published_since": beside, "fills_itself": fills});
    Ok(Answer::new(json, format!("{told}{}", text(&shown, fills, &date))))
}

fn text(shown: &Shown, fills: bool, date: &str) -> String {
    let mut out = String::new();
    for (at, (entry, article)) in shown.line_up.entries.iter().zip(&shown.articles).enumerate() {
        let title = article.as_ref().map_or("(gone)", |a| &a.revision.title);
        let mut marks = Vec::new();
        if at == 0 && shown.line_up.lead().is_some() {
            marks.push("lead".to_owned());
        }
        marks.push(if entry.by.is_empty() { "by itself".into() } else { format!("by {}", entry.by) });
        if entry.pinned {
            marks.push("pinned".into());
        }
        match entry.taken.as_str() {
            "" => {}
            taken if taken == date => marks.push("in today’s edition".into()),
            taken => marks.push(format!("in the edition of {taken}")),
        }
        out.push_str(&format!("{:>3}  {}  {title}\n     {}\n", at + 1, entry.article, marks.join(", ")));
    }
    if shown.line_up.entries.is_empty() {
        out.push_str("Nothing is lined up.\n");
    }
    if !shown.beside.is_empty() {
        let what = if fills { "these follow by themselves" } else { "these stay out: edition.fill is lined_up" };
        out.push_str(&format!("\nPublished since the last edition; {what}:\n"));
        shown.beside.iter().for_each(|a| out.push_str(&format!("     {}  {}\n", a.id, a.revision.title)));
    }
    out.trim_end().to_owned()
}

/// Lists or dismisses items of watched sources.
pub async fn item(of: cli::Item) -> Result<Answer, Problem> {
    let house = house(of.common()).await?;
    match of {
        cli::Item::List(_) => items(&house).await,
        cli::Item::Dismiss { id, .. } => {
            let done =
                house.store.write(move |tx| items::dismiss(tx, id)).await.map_err(|fault| store_problem(&fault))?;
            if !done {
                return Err(Problem::new(
                    format!("No item {id} waits."),
                    "Nothing was changed.",
                    "`coranto item list` shows those that do.",
                ));
            }
            Ok(Answer::new(json!({"dismissed": id.to_string()}), "Passed over."))
        }
    }
}

async fn items(house: &House) -> Result<Answer, Problem> {
    let read = house.store.read(|tx| Ok((items::watched(tx, ITEMS_MAX)?, sources::list(tx)?)));
    let (filed, sources) = read.await.map_err(|fault| store_problem(&fault))?;
    let source = |id| sources.iter().find(|s| s.id == id).map_or("", |s| s.title.as_str());
    let rows: Vec<_> = filed
        .iter()
        .map(|f| json!({"id": f.item.id.to_string(), "title": f.item.title, "source": source(f.item.source), "url": f.item.url}))
        .collect();
    let line = |f: &store::items::Filed| {
        format!(
            "{}  {}\n    {}  {}",
            f.item.id,
            f.item.title,
            source(f.item.source),
            f.item.url.as_deref().unwrap_or("")
        )
    };
    let told = filed.iter().map(line).collect::<Vec<_>>().join("\n");
    let told = if told.is_empty() { "No item of a watched source waits.".to_owned() } else { told };
    Ok(Answer::new(json!({"items": rows}), told))
}

/// Shows or writes the next edition's envelope.
pub async fn envelope(of: cli::Envelope) -> Result<Answer, Problem> {
    let house = house(&of.common).await?;
    let newsletter = house.newsletter.id;
    let ready =
        house.store.read(move |tx| envelope::of(tx, newsletter)).await.map_err(|fault| store_problem(&fault))?;
    let date = today(&house)?.to_string();
    let mut next = ready.clone().open_for(&date);
    let given = [of.subject, of.preview, of.note, of.signed];
    if given.iter().any(Option::is_some) {
        let places = [&mut next.subject, &mut next.preview, &mut next.note.text, &mut next.note.signed];
        places.into_iter().zip(given).for_each(|(place, given)| *place = given.unwrap_or(std::mem::take(place)));
        next = next.checked().map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Problem::new(
                format!("The envelope cannot be so: {}.", faults.join("; ")),
                "It stays as it was.",
                "Mend it and try again.",
            )
        })?;
        let fresh = next.clone();
        let put = house.store.write(move |tx| envelope::put(tx, newsletter, Some(ready.version), &fresh, BY)).await;
        if put.map_err(|fault| store_problem(&fault))?.is_err() {
            return Err(Problem::new(
                "Somebody else changed the envelope meanwhile.",
                "It stays as they wrote it.",
                "Look at it, then try again.",
            ));
        }
    }
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let told = format!(
        "Subject: {}\nPreview: {}\nNote:    {}\nSigned:  {}",
        or(&next.subject, "(the lead’s headline)"),
        or(&next.preview, "(the next headlines)"),
        or(&next.note.text, "(none)"),
        or(&next.note.signed, "(nobody)")
    );
    let json =
        json!({"subject": next.subject, "preview": next.preview, "note": next.note.text, "signed": next.note.signed});
    Ok(Answer::new(json, told))
}
