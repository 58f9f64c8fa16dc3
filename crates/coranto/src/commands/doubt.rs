//! `coranto doubt`: readers whose copy was sent and whose answer was lost, and what a person decides about them.

use newsroom::{Departure, DepartureId, EditionId, Problem};
use serde_json::json;
use store::doubt::{self, After, Bar, Doubted, End, Resolution};
use store::editions;

use super::edition::named;
use super::house;
use super::line_up::BY;
use crate::answer::Answer;
use crate::cli;
use crate::house::{House, store_problem};
use crate::relay::moment;

/// How many doubts are read or decided in one transaction.
const PAGE: i64 = 500;

pub async fn run(of: cli::Doubt) -> Result<Answer, Problem> {
    let house = house(of.common()).await?;
    match &of {
        cli::Doubt::List(of) => list(&house, of.id).await,
        cli::Doubt::Resend(of) => decide(&house, of, End::Resent).await,
        cli::Doubt::Hold(of) => decide(&house, of, End::Held).await,
        cli::Doubt::Taken(of) => decide(&house, of, End::Taken).await,
    }
}

/// An edition's departures: it has one for each hour at which readers get it.
async fn departures(house: &House, id: Option<EditionId>) -> Result<Vec<Departure>, Problem> {
    let edition = named(house, id).await?.edition.expect("an edition's departure names it");
    let found = house.store.read(move |tx| editions::departures_of(tx, edition)).await;
    found.map_err(|fault| store_problem(&fault))
}

async fn page(house: &House, departure: DepartureId, after: After) -> Result<Vec<Doubted>, Problem> {
    let read = house.store.read(move |tx| doubt::list(tx, departure, after, PAGE)).await;
    read.map_err(|fault| store_problem(&fault))
}

fn after(last: &Doubted) -> After {
    (last.key.lane, last.key.position, last.since)
}

async fn list(house: &House, id: Option<EditionId>) -> Result<Answer, Problem> {
    let (mut rows, mut lines, now) = (Vec::new(), Vec::new(), house.world.now());
    for departure in departures(house, id).await? {
        let mut from = doubt::FIRST;
        loop {
            let page = page(house, departure.id, from).await?;
            let Some(last) = page.last() else { break };
            from = after(last);
            rows.extend(page.iter().map(|one| row(one, now)));
            lines.extend(page.iter().map(|one| line(one, now)));
        }
    }
    let told = if lines.is_empty() { "Nobody was in doubt in this edition.".to_owned() } else { lines.join("\n") };
    Ok(Answer::new(json!({"doubts": rows}), told))
}

fn row(one: &Doubted, now: i64) -> serde_json::Value {
    let ended = one.resolution.as_ref();
    json!({
        "reader": one.reader.to_string(), "departure": one.key.departure.to_string(), "since": one.since,
        "cause": one.cause, "state": format!("{:?}", one.state).to_lowercase(), "left_at": one.left,
        "resolution": ended.map(|r| r.end.word()), "resolved_at": ended.map(|r| r.at), "resolved_by": ended.map(|r| &r.by),
        "can_be_resent": one.bar(now).is_none(), "why_not": one.bar(now).map(Bar::words),
    })
}

fn line(one: &Doubted, now: i64) -> String {
    let evidence = one
        .left
        .map_or_else(String::new, |at| format!("\n    They left the list {}: perhaps by the link in it.", moment(at)));
    let ended = match (&one.resolution, one.bar(now)) {
        (Some(r), _) => format!("{} {} by {}; the copy is {:?} now", r.end.word(), moment(r.at), r.by, one.state),
        (None, None) => "not ended; it can be sent once more".to_owned(),
        (None, Some(bar)) => format!("not ended, and not to be sent again: {}", bar.words()),
    };
    format!("reader {}  since {}: {}\n    {ended}.{evidence}", one.reader, moment(one.since), one.cause)
}

/// What became of those that were asked for.
#[derive(Default)]
struct Done {
    ended: u64,
    not: Vec<(newsroom::ReaderId, Bar)>,
}

async fn decide(house: &House, of: &cli::Doubtful, end: End) -> Result<Answer, Problem> {
    if end == End::Resent {
        crate::hold::refuse_if_held(house).await?;
    }
    let mut done = Done::default();
    for departure in departures(house, of.edition).await? {
        match of.reader {
            Some(reader) => {
                let found = house.store.read(move |tx| doubt::of_reader(tx, departure.id, reader)).await;
                let found = found.map_err(|fault| store_problem(&fault))?;
                end_them(house, found.into_iter().collect(), end, &mut done).await?;
            }
            None => end_all(house, departure.id, end, &mut done).await?,
        }
    }
    told(of, end, done)
}

async fn end_all(house: &House, departure: DepartureId, end: End, done: &mut Done) -> Result<(), Problem> {
    let mut from = doubt::FIRST;
    loop {
        let page = page(house, departure, from).await?;
        let Some(last) = page.last() else { return Ok(()) };
        from = after(last);
        let open = page.into_iter().filter(|one| one.resolution.is_none()).collect();
        end_them(house, open, end, done).await?;
    }
}

async fn end_them(house: &House, these: Vec<Doubted>, end: End, done: &mut Done) -> Result<(), Problem> {
    let now = house.world.now();
    let ended = house.store.write(move |tx| {
        let (mut count, mut not) = (0, Vec::new());
        for one in these {
            let which = (one.key, one.since);
            let bar = match end {
                End::Resent => doubt::resend(tx, which, BY, now)?.err(),
                _ => {
                    let resolved = doubt::resolve(tx, which, &Resolution { end, at: now, by: BY.to_owned() })?;
                    (!resolved).then(|| one.bar(now).unwrap_or(Bar::Settled))
                }
            };
            match bar {
                None => count += 1,
                Some(bar) => not.push((one.reader, bar)),
            }
        }
        Ok((count, not))
    });
    let (count, not) = ended.await.map_err(|fault| store_problem(&fault))?;
    done.ended += count;
    done.not.extend(not);
    Ok(())
}

fn told(of: &cli::Doubtful, end: End, done: Done) -> Result<Answer, Problem> {
    const ACT: &str = "`coranto doubt list` shows everyone who was in doubt, and how it ended.";
    if let (Some(reader), 0) = (of.reader, done.ended) {
        let what = match done.not.first() {
            Some((_, bar)) => format!("Reader {reader} stays as it was: {}.", bar.words()),
            None => format!("Reader {reader} was not in doubt in this edition."),
        };
        return Err(Problem::new(what, "Nothing was changed, and nothing is sent.", ACT));
    }
    let did = match end {
        End::Resent => {
            "are sent once more, the same as they were: by a running Coranto, or with `coranto edition send`"
        }
        End::Held => "are held: they are not sent again",
        End::Taken => "count as taken: they are not sent again",
    };
    let mut lines = vec![format!("{} copies {did}. Their readers stay listed.", done.ended)];
    lines.extend(done.not.iter().map(|(reader, bar)| format!("reader {reader} stays as it was: {}", bar.words())));
    let not: Vec<_> =
        done.not.iter().map(|(reader, bar)| json!({"reader": reader.to_string(), "why": bar.words()})).collect();
    Ok(Answer::new(json!({"end": end.word(), "ended": done.ended, "not_ended": not}), lines.join("\n")))
}
