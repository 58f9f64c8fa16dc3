//! Cut, send, pause, resume, cancel, correct: each one button, each written down with who pressed it.

use std::sync::Arc;

use edition::correct::Corrected;
use edition::cut::Outcome;
use newsroom::{ArticleId, Departure, DepartureId, DepartureState, HOUR_MS, Problem};
use post::carry::Choice;
use store::{editions, members};

use super::{mail_trouble, publish, wish};
use crate::door::{Done, Hall, Visit, see_other};
use crate::problem::Trouble;
use crate::table::{EDITOR, Route, post};

/// An edition may be given a week at most: older news is none.
const HOURS_MAX: i64 = 168;

pub(crate) const ROUTES: &[Route] = &[
    post!("/edition/cut", EDITOR, cut),
    post!("/departures/{departure}/send", EDITOR, send),
    post!("/departures/{departure}/pause", EDITOR, pause),
    post!("/departures/{departure}/resume", EDITOR, resume),
    post!("/departures/{departure}/cancel", EDITOR, cancel),
    post!("/departures/{departure}/correct", EDITOR, correct),
];

/// A departure's state, in a word.
pub(crate) fn word(state: DepartureState) -> &'static str {
    match state {
        DepartureState::Cut => "cut, not sent yet",
        DepartureState::Open => "on its way",
        DepartureState::Paused => "paused",
        DepartureState::Settled => "delivered",
        DepartureState::Cancelled => "cancelled",
    }
}

async fn cut(hall: Arc<Hall>, visit: Visit) -> Done {
    let desk = &hall.desk;
    let done = edition::cut::cut(&desk.world, &desk.store, &visit.outlet, wish(&hall, &visit)).await;
    let nothing = |what: &str, act: &str| {
        Err(Trouble::refused(Problem::new(what, "No edition was cut, and nobody is mailed.", act)))
    };
    match done.map_err(mail_trouble)? {
        Outcome::Cut(departure) => {
            let act = hall.act(&visit, "cut an edition", format!("for {} readers", departure.audience));
            desk.store.write(move |tx| members::note(tx, &act)).await?;
            publish(&hall, &visit).await?;
            Ok(see_other(&format!("/departures/{}?told=cut", departure.id)))
        }
        Outcome::Before(departure) => Ok(see_other(&format!("/departures/{}", departure.id))),
        Outcome::NothingNew => {
            nothing("Nothing new is lined up or published that any reader would get.", "Line something up first.")
        }
        Outcome::NobodyDue => nothing(
            "No reader is due: everyone has had an edition of this date, or nobody has confirmed yet.",
            "The next edition is tomorrow’s.",
        ),
    }
}

/// Moves a departure from one of these states to another; who did it is written down.
async fn moved(hall: &Hall, visit: &Visit, from: DepartureState, to: DepartureState, said: &'static str) -> Done {
    let id: DepartureId = visit.place("departure")?;
    let act = hall.act(visit, said, id.to_string());
    let done = hall.desk.store.write(move |tx| {
        let moved = editions::set_state(tx, id, from, to)?;
        if moved {
            members::note(tx, &act)?;
        }
        Ok((moved, editions::departure_by_id(tx, id)?))
    });
    let (moved, now) = done.await?;
    let now = now.ok_or_else(Trouble::not_found)?;
    // What is so already is as good as done: another member was quicker.
    if moved || now.state == to {
        return Ok(see_other(&path(&now)));
    }
    Err(not_now(&now))
}

fn not_now(departure: &Departure) -> Trouble {
    Trouble::refused(Problem::new(
        format!("This edition is {}.", word(departure.state)),
        "Nothing was changed.",
        "Its page shows where every reader stands.",
    ))
}

fn path(departure: &Departure) -> String {
    format!("/departures/{}", departure.id)
}

/// Lets a departure leave or go on. When the relays' caps do not carry it in time, the form says what was chosen.
async fn open(hall: &Hall, visit: &Visit, from: DepartureState, said: &'static str) -> Done {
    let id: DepartureId = visit.place("departure")?;
    let departure = hall.desk.store.read(move |tx| editions::departure_by_id(tx, id)).await?;
    let departure = departure.ok_or_else(Trouble::not_found)?;
    if departure.state == DepartureState::Open {
        // Another member was quicker.
        return Ok(see_other(&path(&departure)));
    }
    if departure.state != from {
        return Err(not_now(&departure));
    }
    (hall.desk.office.open)(id, choice(visit)).await.map_err(Trouble::refused)?;
    let act = hall.act(visit, said, id.to_string());
    hall.desk.store.write(move |tx| members::note(tx, &act)).await?;
    Ok(see_other(&path(&departure)))
}

/// What was chosen for a shortfall; nothing, when nothing was asked.
fn choice(visit: &Visit) -> Choice {
    let number = |name: &str| visit.sent.fields.one(name).parse::<i64>().ok();
    match visit.sent.fields.one("choice") {
        "lengthen" => {
            number("hours").map_or(Choice::None, |hours| Choice::Lengthen(hours.clamp(1, HOURS_MAX) * HOUR_MS))
        }
        "accept" => number("readers").map_or(Choice::None, Choice::Accept),
        _ => Choice::None,
    }
}

async fn send(hall: Arc<Hall>, visit: Visit) -> Done {
    open(&hall, &visit, DepartureState::Cut, "sent an edition").await
}

async fn pause(hall: Arc<Hall>, visit: Visit) -> Done {
    moved(&hall, &visit, DepartureState::Open, DepartureState::Paused, "paused an edition").await
}

async fn resume(hall: Arc<Hall>, visit: Visit) -> Done {
    open(&hall, &visit, DepartureState::Paused, "let an edition go on").await
}

async fn cancel(hall: Arc<Hall>, visit: Visit) -> Done {
    let id: DepartureId = visit.place("departure")?;
    if !visit.sent.fields.has("sure") {
        return Ok(see_other(&format!("/departures/{id}?told=not-sure#stop")));
    }
    let act = hall.act(&visit, "cancelled an edition", id.to_string());
    let done = hall.desk.store.write(move |tx| {
        let stopped = editions::cancel(tx, id)?;
        if stopped > 0 {
            members::note(tx, &act)?;
        }
        editions::departure_by_id(tx, id)
    });
    let departure = done.await?.ok_or_else(Trouble::not_found)?;
    Ok(see_other(&path(&departure)))
}

async fn correct(hall: Arc<Hall>, visit: Visit) -> Done {
    let departure: DepartureId = visit.place("departure")?;
    let article: ArticleId = visit.sent.fields.one("article").parse().map_err(|_| Trouble::not_found())?;
    let (desk, by) = (&hall.desk, visit.member().name.clone());
    let (title, what) = (visit.sent.fields.one("title").trim().to_owned(), (departure, article));
    match desk::retitle(&desk.world, &desk.store, article, &title, None).await? {
        desk::Retitled::Done(_) => {
            let act = hall.act(&visit, "corrected a headline", &title);
            desk.store.write(move |tx| members::note(tx, &act)).await?;
            publish(&hall, &visit).await?;
        }
        desk::Retitled::Same => {}
        desk::Retitled::NoArticle => return Err(Trouble::not_found()),
        desk::Retitled::NoText => {
            return Err(Trouble::refused(Problem::new(
                "The headline is empty, too long, or has more than one line.",
                "Nothing was changed.",
                "Go back in your browser and mend it: what you typed is still there.",
            )));
        }
    }
    let done = edition::correct::correct(&desk.world, &desk.store, &visit.outlet, &desk.newsletter, what, &by).await;
    match done.map_err(mail_trouble)? {
        Corrected::Copies { .. } => Ok(see_other(&format!("/departures/{departure}?told=headline&article={article}"))),
        Corrected::NoArticle => Err(Trouble::not_found()),
        Corrected::NotPaused => Err(Trouble::refused(Problem::new(
            "The headline is corrected on the site and in the feeds; this edition is on its way, or over.",
            "Its copies stay as they were.",
            "Pause it first, then correct the copies that have not left.",
        ))),
    }
}
