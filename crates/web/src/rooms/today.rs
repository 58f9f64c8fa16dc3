//! Today: how the morning stands, and the way to the rooms in which it is made.

use std::sync::Arc;

use newsroom::{NewsletterId, TurnState};
use serde::Serialize;
use store::{Read, articles, caps, doubt, editions, items, returned, slots};

use crate::door::{Done, Frame, Hall, Visit};
use crate::table::{EDITOR, Route, get};

pub(crate) const ROUTES: &[Route] = &[get!("/", EDITOR, today)];

/// How many waiting items are counted: beyond it, "many" is what matters.
const WAITING_MAX: i64 = 200;

#[derive(Serialize)]
struct TodayView {
    date: String,
    waiting: usize,
    published: i64,
    latest: Vec<Story>,
    /// Relays at fault.
    ill: Vec<String>,
    /// What else a person must act on.
    alerts: Vec<Alert>,
}

/// Something that waits for a person, and the way to it.
#[derive(Serialize)]
struct Alert {
    words: String,
    path: String,
    act: &'static str,
}

#[derive(Serialize)]
struct Story {
    id: String,
    language: String,
    title: String,
    credit: String,
}

async fn today(hall: Arc<Hall>, visit: Visit) -> Done {
    let newsletter = hall.desk.newsletter.id;
    let read = hall.desk.store.read(move |tx| {
        let stories = (articles::count(tx)?, articles::published(tx, i64::MAX, 8)?);
        Ok((items::waiting(tx, WAITING_MAX)?.len(), stories, alerts(tx, newsletter)?))
    });
    let (waiting, (published, latest), alerts) = read.await?;
    let story = |article: newsroom::Article| Story {
        id: article.id.to_string(),
        language: article.revision.language,
        title: article.revision.title,
        credit: [article.revision.credit.byline, article.revision.credit.outlet]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", "),
    };
    let view = TodayView {
        date: crate::rooms::moment::date(visit.now, &visit.outlet.zone),
        waiting,
        published,
        latest: latest.into_iter().map(story).collect(),
        ill: super::ways::ill(&hall, &visit).await?,
        alerts,
    };
    hall.pages.show(&Frame::of(&visit), "/", "today.html", "Today", &view)
}

/// What a person must act on beside relays at fault: editions that are held or wait, doubts that nobody has ended, and what
/// came back and is held.
fn alerts(tx: &Read, newsletter: NewsletterId) -> store::Result<Vec<Alert>> {
    let mut alerts = Vec::new();
    for turn in slots::asking(tx, newsletter)? {
        let why = if turn.state == TurnState::Held { "is held: its hour is long past" } else { "waits for your word" };
        let words = format!("The {} edition of {} {why}.", turn.kind.name(), turn.date);
        if !alerts.iter().any(|alert: &Alert| alert.words == words) {
            alerts.push(Alert { words, path: "/edition".into(), act: "The edition" });
        }
    }
    for departure in editions::live(tx)? {
        if caps::is_held(tx, departure.id)? {
            let words = "An edition is held: the relays’ caps do not carry it in time.".to_owned();
            alerts.push(Alert {
                words,
                path: format!("/departures/{}", departure.id),
                act: "Choose what becomes of it",
            });
        }
    }
    for (departure, open) in doubt::open(tx)? {
        if editions::departure_by_id(tx, departure)?.is_some_and(|departure| departure.edition.is_some()) {
            let words = match open {
                1 => "One reader is in doubt: their copy was sent and the answer was lost.".to_owned(),
                open => format!("{open} readers are in doubt: their copy was sent and the answer was lost."),
            };
            alerts.push(Alert { words, path: format!("/departures/{departure}/doubts"), act: "Who, and what to do" });
        }
    }
    match returned::held_count(tx)? {
        0 => {}
        1 => alerts.push(bounces("One bounce is held".into())),
        held => alerts.push(bounces(format!("{held} bounces are held"))),
    }
    Ok(alerts)
}

fn bounces(words: String) -> Alert {
    let words = format!("{words}: their source would end more readers than may be without a person.");
    Alert { words, path: "/bounces".into(), act: "Look at them" }
}
