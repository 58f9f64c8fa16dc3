//! The readers of an edition whose copy was sent and whose answer was lost: each by id, with all that is known, and three
//! buttons. What is done is what `coranto doubt` does, and it is written down with who pressed.

use std::collections::BTreeMap;
use std::sync::Arc;

use newsroom::{DepartureId, DepartureKind, Ms, Problem, ReaderId, RouteId};
use serde::Serialize;
use store::doubt::{self, After, Bar, Doubted, End, Resolution};
use store::{Write, editions, members, ways};

use super::ROOM;
use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::problem::Trouble;
use crate::rooms::moment;
use crate::table::{EDITOR, Route, get, post};

pub(crate) const ROUTES: &[Route] =
    &[get!("/departures/{departure}/doubts", EDITOR, list), post!("/departures/{departure}/doubts", EDITOR, decide)];

/// How many are shown on a page, and decided in one transaction.
const PAGE: i64 = 100;

#[derive(Serialize)]
struct DoubtsView {
    departure: String,
    date: String,
    subject: String,
    doubts: Vec<DoubtView>,
    open: i64,
    /// Where the next page goes on; empty on the last.
    after: String,
}

#[derive(Serialize)]
struct DoubtView {
    reader: String,
    since: String,
    cause: String,
    way: String,
    /// Who left the list afterwards may have left by the link in the copy.
    left: String,
    ended: String,
    /// Nobody has ended it.
    open: bool,
    /// Why it cannot be sent once more; empty: it can.
    bar: &'static str,
}

async fn list(hall: Arc<Hall>, visit: Visit) -> Done {
    let id: DepartureId = visit.place("departure")?;
    let from = after_of(visit.query.one("after"));
    let read = hall.desk.store.read(move |tx| {
        let departure = editions::departure_by_id(tx, id)?.filter(|d| d.kind == DepartureKind::Edition);
        let edition = departure.and_then(|d| d.edition).map(|edition| editions::by_id(tx, edition)).transpose()?;
        let open = doubt::open(tx)?.into_iter().find(|(of, _)| *of == id).map_or(0, |(_, count)| count);
        Ok((edition.flatten(), doubt::list(tx, id, from, PAGE)?, open, ways::names(tx)?))
    });
    let (edition, doubts, open, names) = read.await?;
    let edition = edition.ok_or_else(Trouble::not_found)?;
    let after = doubts.last().filter(|_| doubts.len() as i64 == PAGE).map(after).unwrap_or_default();
    let view = DoubtsView {
        departure: id.to_string(),
        date: edition.date,
        subject: edition.subject,
        doubts: doubts.into_iter().map(|one| view(one, &names, &visit)).collect(),
        open,
        after,
    };
    hall.pages.show(&Frame::of(&visit), ROOM, "doubts.html", "Readers in doubt", &view)
}

fn view(one: Doubted, names: &BTreeMap<RouteId, String>, visit: &Visit) -> DoubtView {
    let at = |moment| moment::minute(moment, &visit.outlet.zone);
    let (bar, open) = (one.bar(visit.now).map_or("", Bar::words), one.resolution.is_none());
    let way = one.route.map(|route| names.get(&route).cloned().unwrap_or_else(|| route.to_string()));
    DoubtView {
        reader: one.reader.to_string(),
        since: at(one.since),
        cause: one.cause,
        way: way.unwrap_or_default(),
        left: one.left.map(at).unwrap_or_default(),
        ended: one.resolution.map(|r| format!("{}, {} by {}", end_words(r.end), at(r.at), r.by)).unwrap_or_default(),
        open,
        bar,
    }
}

fn end_words(end: End) -> &'static str {
    match end {
        End::Resent => "Sent once more",
        End::Held => "Held: not sent again",
        End::Taken => "Counted as taken",
    }
}

/// A page's place, as it stands in an address.
fn after(last: &Doubted) -> String {
    format!("{}.{}.{}", last.key.lane, last.key.position, last.since)
}

fn after_of(text: &str) -> After {
    let parts: Vec<i64> = text.split('.').map_while(|part| part.parse().ok()).collect();
    if let [lane, position, since] = parts[..] { (lane, position, since) } else { doubt::FIRST }
}

/// What was pressed.
fn pressed(word: &str) -> Option<(End, &'static str, &'static str)> {
    match word {
        "resend" => Some((End::Resent, "sent copies in doubt once more", "resent")),
        "hold" => Some((End::Held, "held copies in doubt", "held")),
        "taken" => Some((End::Taken, "counted copies in doubt as taken", "counted")),
        _ => None,
    }
}

async fn decide(hall: Arc<Hall>, visit: Visit) -> Done {
    let id: DepartureId = visit.place("departure")?;
    let sent = &visit.sent.fields;
    let Some((end, said, told)) = pressed(sent.one("end")) else { return Err(Trouble::not_found()) };
    let reader = sent.one("reader");
    if reader == "all" && !sent.has("sure") {
        return Ok(see_other(&format!("/departures/{id}/doubts?told=not-sure-all")));
    }
    if end == End::Resent {
        // A copy of a newsroom sends nothing: the one it was copied from may have done so.
        (hall.desk.office.may_send)().await.map_err(Trouble::refused)?;
    }
    let done = match reader {
        "all" => all(&hall, id, end, &visit).await?,
        one => {
            let reader: ReaderId = one.parse().map_err(|_| Trouble::not_found())?;
            let found = hall.desk.store.read(move |tx| doubt::of_reader(tx, id, reader)).await?;
            let found = found.ok_or_else(Trouble::not_found)?;
            end_them(&hall, vec![found], end, &visit).await?
        }
    };
    if let (0, Some(bar)) = (done.ended, done.bar) {
        return Err(Trouble::refused(Problem::new(
            format!("It stays as it was: {}.", bar.words()),
            "Nothing was changed, and nothing is sent.",
            "The list shows how each doubt ended.",
        )));
    }
    let act = hall.act(&visit, said, format!("{} of departure {id}", done.ended));
    hall.desk.store.write(move |tx| members::note(tx, &act)).await?;
    Ok(see_other(&format!("/departures/{id}/doubts?told={told}")))
}

/// What came of a press.
#[derive(Default)]
struct Ended {
    ended: u64,
    /// Why the last of those that stayed did so.
    bar: Option<Bar>,
}

async fn all(hall: &Hall, id: DepartureId, end: End, visit: &Visit) -> Result<Ended, Trouble> {
    let (mut from, mut done) = (doubt::FIRST, Ended::default());
    loop {
        let page = hall.desk.store.read(move |tx| doubt::list(tx, id, from, PAGE)).await?;
        let Some(last) = page.last() else { return Ok(done) };
        from = (last.key.lane, last.key.position, last.since);
        let open = page.into_iter().filter(|one| one.resolution.is_none()).collect();
        let page = end_them(hall, open, end, visit).await?;
        done.ended += page.ended;
        done.bar = page.bar.or(done.bar);
    }
}

async fn end_them(hall: &Hall, these: Vec<Doubted>, end: End, visit: &Visit) -> Result<Ended, Trouble> {
    let (by, now) = (visit.member().name.clone(), visit.now);
    let ended = hall.desk.store.write(move |tx| {
        let mut done = Ended::default();
        for one in &these {
            match end_one(tx, one, end, &by, now)? {
                None => done.ended += 1,
                Some(bar) => done.bar = Some(bar),
            }
        }
        Ok(done)
    });
    Ok(ended.await?)
}

/// `None`: it is ended.
fn end_one(tx: &Write, one: &Doubted, end: End, by: &str, now: Ms) -> store::Result<Option<Bar>> {
    let which = (one.key, one.since);
    if end == End::Resent {
        return Ok(doubt::resend(tx, which, by, now)?.err());
    }
    let resolved = doubt::resolve(tx, which, &Resolution { end, at: now, by: by.to_owned() })?;
    Ok((!resolved).then(|| one.bar(now).unwrap_or(Bar::Settled)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_doubts_goes_on_where_the_last_one_ended_and_nonsense_begins_anew() {
        assert_eq!(after_of("3.17.1767268800000"), (3, 17, 1_767_268_800_000));
        for odd in ["", "3", "3.17", "3.17.x", "3.17.1.2", "-"] {
            assert_eq!(after_of(odd), doubt::FIRST, "{odd}");
        }
    }
}
