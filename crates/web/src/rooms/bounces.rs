//! What came back and waits for a person: bounces and complaints whose source would end more readers within an hour than may
//! be without one. Each takes effect or is dropped, by itself or all together; `coranto bounces` does the same.

use std::sync::Arc;

use serde::Serialize;
use store::returned::{self as kept, Kind, Returned};
use store::{Write, members};

use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::problem::Trouble;
use crate::rooms::moment;
use crate::table::{EDITOR, Route, get, post};

pub(crate) const ROUTES: &[Route] = &[get!("/bounces", EDITOR, list), post!("/bounces", EDITOR, decide)];

/// How many are shown: who has more decides for all.
const SHOWN_MAX: i64 = 200;

#[derive(Serialize)]
struct BouncesView {
    held: Vec<HeldView>,
    count: i64,
    /// What came back in all: of which kind, why, what came of it, how often.
    sums: Vec<SumView>,
}

#[derive(Serialize)]
struct HeldView {
    id: String,
    reader: String,
    what: &'static str,
    at: String,
    reason: String,
    said: String,
}

#[derive(Serialize)]
struct SumView {
    what: &'static str,
    reason: String,
    outcome: &'static str,
    count: i64,
}

async fn list(hall: Arc<Hall>, visit: Visit) -> Done {
    let read = hall.desk.store.read(|tx| Ok((kept::held(tx, SHOWN_MAX)?, kept::held_count(tx)?, kept::sums(tx)?)));
    let (held, count, sums) = read.await?;
    let sum = |(kind, reason, outcome, count): (Kind, String, kept::Outcome, i64)| SumView {
        what: word(kind),
        reason: plain(&reason),
        outcome: became(outcome),
        count,
    };
    let view = BouncesView {
        held: held.into_iter().map(|one| view(one, &visit)).collect(),
        count,
        sums: sums.into_iter().map(sum).collect(),
    };
    hall.pages.show(&Frame::of(&visit), "/departures", "bounces.html", "What came back", &view)
}

fn view(one: Returned, visit: &Visit) -> HeldView {
    HeldView {
        id: one.id.to_string(),
        reader: one.reader.to_string(),
        what: word(one.kind),
        at: moment::minute(one.at, &visit.outlet.zone),
        reason: plain(&one.reason),
        said: one.said,
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Bounce => "bounce",
        Kind::Complaint => "complaint",
        Kind::Leave => "wish to leave",
        Kind::Taken => "taken there",
    }
}

fn became(outcome: kept::Outcome) -> &'static str {
    match outcome {
        kept::Outcome::Suppressed => "not written to any more",
        kept::Outcome::Counted => "counted",
        kept::Outcome::Left => "left",
        kept::Outcome::Held => "held for you",
        kept::Outcome::Dropped => "dropped",
        kept::Outcome::Kept => "kept as evidence",
    }
}

/// A reason as it is read: the words are those of docs/bounces.md.
fn plain(reason: &str) -> String {
    reason.replace('_', " ")
}

async fn decide(hall: Arc<Hall>, visit: Visit) -> Done {
    let sent = &visit.sent.fields;
    let (apply, said, told) = match sent.one("word") {
        "apply" => (true, "believed bounces that were held", "bounces-applied"),
        "drop" => (false, "dropped bounces that were held", "bounces-dropped"),
        _ => return Err(Trouble::not_found()),
    };
    let one = match sent.one("bounce") {
        "all" if !sent.has("sure") => return Ok(see_other("/bounces?told=not-sure-all")),
        "all" => None,
        id => Some(id.parse::<i64>().map_err(|_| Trouble::not_found())?),
    };
    let (now, act) = (visit.now, hall.act(&visit, said, one.map_or("all".to_owned(), |id| id.to_string())));
    let done = hall.desk.store.write(move |tx: &Write<'_>| {
        let resolved = match one {
            Some(id) => readers::returned::resolve_one(tx, id, apply, now)?,
            None => readers::returned::resolve_all(tx, apply, now)?,
        };
        // What another member had decided already is as good as done.
        if resolved > 0 {
            members::note(tx, &act)?;
        }
        Ok(resolved)
    });
    done.await?;
    Ok(see_other(&format!("/bounces?told={told}")))
}
