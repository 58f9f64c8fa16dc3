//! House blocks: the outlet's own appeals, events and sponsors.

use std::sync::Arc;

use axum::http::StatusCode;
use jiff::ToSpan;
use jiff::civil::Date;
use newsroom::{BlockId, BlockKind, BlockPlace, HouseBlock, Ms};
use serde::Serialize;
use store::blocks;

use super::{ROOM, publish, today};
use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::problem::Trouble;
use crate::rooms::moment;
use crate::table::{EDITOR, Route, get, post};

pub(crate) const ROUTES: &[Route] = &[
    get!("/edition/blocks", EDITOR, list),
    post!("/edition/blocks", EDITOR, add),
    post!("/edition/blocks/{block}/remove", EDITOR, remove),
];

/// How many blocks are listed, past ones too.
const LISTED_MAX: i64 = 60;
/// How long a block stands when nobody says otherwise, in days.
const DAYS: i32 = 7;

#[derive(Serialize)]
struct BlocksView {
    blocks: Vec<BlockShown>,
    kinds: Vec<Choice>,
    places: Vec<Choice>,
    title: String,
    text: String,
    link: String,
    words: String,
    from: String,
    until: String,
    faults: Vec<String>,
}

#[derive(Serialize)]
struct BlockShown {
    id: String,
    kind: &'static str,
    place: &'static str,
    title: String,
    text: String,
    link: String,
    words: String,
    times: String,
    state: &'static str,
}

#[derive(Serialize)]
struct Choice {
    name: &'static str,
    words: &'static str,
    chosen: bool,
}

async fn list(hall: Arc<Hall>, visit: Visit) -> Done {
    show(&hall, &visit, StatusCode::OK, Vec::new()).await
}

async fn show(hall: &Hall, visit: &Visit, status: StatusCode, faults: Vec<String>) -> Done {
    let known = hall.desk.store.read(|tx| blocks::list(tx, LISTED_MAX)).await?;
    let (form, first) = (&visit.sent.fields, today(visit));
    let or = |name: &str, other: String| if form.has(name) { form.one(name).to_owned() } else { other };
    let kind = |kind: BlockKind| Choice {
        name: kind.name(),
        words: match kind {
            BlockKind::Appeal => "An appeal",
            BlockKind::Event => "An event",
            BlockKind::Sponsor => "A sponsor: labelled as paid for",
        },
        chosen: or("kind", "appeal".to_owned()) == kind.name(),
    };
    let place = |place: BlockPlace| Choice {
        name: place.name(),
        words: match place {
            BlockPlace::Mail => "In the mail",
            BlockPlace::Site => "On the site",
            BlockPlace::Both => "In both",
        },
        chosen: or("place", "both".to_owned()) == place.name(),
    };
    let view = BlocksView {
        blocks: known.iter().map(|block| shown(block, visit)).collect(),
        kinds: BlockKind::EVERY.map(kind).into(),
        places: BlockPlace::EVERY.map(place).into(),
        title: or("title", String::new()),
        text: or("text", String::new()),
        link: or("link", String::new()),
        words: or("words", String::new()),
        from: or("from", first.to_string()),
        until: or("until", first.saturating_add((DAYS - 1).days()).to_string()),
        faults,
    };
    hall.pages.show_as(status, &Frame::of(visit), ROOM, "blocks.html", "House blocks", &view)
}

fn shown(block: &HouseBlock, visit: &Visit) -> BlockShown {
    let at = |moment| moment::minute(moment, &visit.outlet.zone);
    BlockShown {
        id: block.id.to_string(),
        kind: block.kind.name(),
        place: block.place.name(),
        title: block.title.clone(),
        text: block.text.clone(),
        link: block.link.clone(),
        words: block.link_words.clone(),
        times: format!("{} to {}", at(block.starts), at(block.ends)),
        state: match visit.now {
            now if now < block.starts => "waits",
            now if now < block.ends => "stands",
            _ => "past",
        },
    }
}

/// The first moment of a day by the outlet's clock.
fn dawn(typed: &str, visit: &Visit, days: i32) -> Option<Ms> {
    let day = typed.parse::<Date>().ok()?.checked_add(days.days()).ok()?;
    Some(day.in_tz(&visit.outlet.zone).ok()?.timestamp().as_millisecond())
}

async fn add(hall: Arc<Hall>, visit: Visit) -> Done {
    let form = &visit.sent.fields;
    let kind = BlockKind::EVERY.into_iter().find(|kind| kind.name() == form.one("kind"));
    let place = BlockPlace::EVERY.into_iter().find(|place| place.name() == form.one("place"));
    // The last day is a whole one.
    let times = (dawn(form.one("from"), &visit, 0), dawn(form.one("until"), &visit, 1));
    let (Some(kind), Some(place), (Some(starts), Some(ends))) = (kind, place, times) else {
        let fault = "choose a kind and a place, and two dates like 2026-11-24".to_owned();
        return show(&hall, &visit, Trouble::UNFIT, vec![fault]).await;
    };
    let text = |name: &str| form.one(name).split_whitespace().collect::<Vec<_>>().join(" ");
    let block = HouseBlock {
        id: BlockId(hall.desk.world.mint()),
        kind,
        place,
        title: text("title"),
        text: text("text"),
        link: form.one("link").trim().to_owned(),
        link_words: text("words"),
        starts,
        ends,
    };
    let faults: Vec<String> = block.faults().iter().map(ToString::to_string).collect();
    if !faults.is_empty() {
        return show(&hall, &visit, Trouble::UNFIT, faults).await;
    }
    let act = hall.act(&visit, "put up a block", &block.title);
    let put = hall.desk.store.write(move |tx| {
        blocks::put(tx, &block)?;
        store::members::note(tx, &act)
    });
    put.await?;
    publish(&hall, &visit).await?;
    Ok(see_other("/edition/blocks?told=block"))
}

async fn remove(hall: Arc<Hall>, visit: Visit) -> Done {
    let id: BlockId = visit.place("block")?;
    let act = hall.act(&visit, "took a block down", id.to_string());
    let removed = hall.desk.store.write(move |tx| {
        let removed = blocks::remove(tx, id)?;
        if removed {
            store::members::note(tx, &act)?;
        }
        Ok(removed)
    });
    if !removed.await? {
        return Err(Trouble::not_found());
    }
    publish(&hall, &visit).await?;
    Ok(see_other("/edition/blocks?told=block-gone"))
}
