//! A departure's page: where every reader stands, as a picture and in words, while it is on its way and afterwards. It
//! loads itself anew where no script runs, and stands still when asked to; a script brings its parts up to date. It names readers by id alone, and shows no count of a
//! provider's readers under ten.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::HeaderValue;
use newsroom::{ArticleId, DeliveryState, Departure, DepartureId, DepartureState, Edition, Ms, RelayTerms, Sums};
use serde::Serialize;
use store::ledger::{self, Doubt};
use store::{articles, corrections, editions, tallies};

use super::ROOM;
use super::pace::{self, Pace, PaceView};
use super::sending::word;
use crate::door::{Done, Frame, Hall, Visit};
use crate::problem::Trouble;
use crate::rooms::moment;
use crate::table::{EDITOR, Route, get};

pub(crate) const ROUTES: &[Route] = &[
    get!("/departures", EDITOR, list),
    get!("/departures/{departure}", EDITOR, room),
    get!("/departures/{departure}/now", EDITOR, now),
];

/// How often a page of something that moves is loaded again, in seconds.
const REFRESH_S: &str = "3";
/// How many departures are listed.
const LISTED_MAX: i64 = 30;
/// How many kinds of refusal are listed.
const REFUSALS_MAX: i64 = 20;
/// How many doubtful readers are listed on the page; the command line lists all.
const DOUBTS_MAX: usize = 200;
/// How many rows of the ledger are read at once for the question who has what.
const HOLDERS: i64 = 5_000;
/// A count smaller than this could tell on one reader.
const CELL_MIN: i64 = 10;
/// The bar's width in its own units.
const BAR: i64 = 1_000;

#[derive(Serialize)]
struct DepartureView {
    id: String,
    edition: String,
    date: String,
    subject: String,
    state: &'static str,
    cut: bool,
    open: bool,
    paused: bool,
    over: bool,
    moves: bool,
    still: bool,
    /// Without script it would not move: where it does not run after all, the page offers to load itself anew.
    plain: bool,
    /// The part that a script asks for again and again; empty: nothing moves.
    live: String,
    /// How it stands, roughly, for those who listen.
    said: String,
    leaves: String,
    expires: String,
    audience: i64,
    settled: i64,
    waiting: i64,
    bar: Vec<Piece>,
    bar_words: String,
    rows: Vec<Row>,
    doubts: Vec<DoubtView>,
    doubted: i64,
    refusals: Vec<Reason>,
    exclusions: Vec<Reason>,
    classes: Vec<Class>,
    stories: Vec<StoryView>,
    asked: Option<AskedView>,
    short: Option<ShortView>,
    /// How fast it goes, while it does.
    pace: Option<PaceView>,
    /// Doubts that nobody has ended.
    doubts_open: usize,
}

/// The relays' caps do not carry it in time: somebody has to choose.
#[derive(Serialize)]
struct ShortView {
    readers: i64,
    copies: i64,
    /// How many hours are enough, when a week is.
    hours: Option<i64>,
}

/// One piece of the bar.
#[derive(Serialize)]
struct Piece {
    kind: &'static str,
    x: i64,
    width: i64,
}

#[derive(Serialize)]
struct Row {
    kind: &'static str,
    name: &'static str,
    count: i64,
    meaning: &'static str,
}

#[derive(Serialize)]
struct DoubtView {
    reader: String,
    since: String,
    cause: String,
    resolution: String,
}

#[derive(Serialize)]
struct Reason {
    words: String,
    count: i64,
}

#[derive(Serialize)]
struct Class {
    name: String,
    cells: [String; 4],
}

#[derive(Serialize)]
struct StoryView {
    id: String,
    title: String,
    language: String,
}

/// Who was sent an article.
#[derive(Serialize)]
struct AskedView {
    title: String,
    revisions: Vec<Revision>,
}

#[derive(Serialize)]
struct Revision {
    number: i64,
    sent: usize,
    waiting: usize,
    never: usize,
    readers: String,
}

/// Everything the page is made from, read at one moment.
struct Read {
    departure: Departure,
    edition: Edition,
    sums: Sums,
    doubts: Vec<Doubt>,
    refusals: Vec<(i64, String, i64)>,
    exclusions: Vec<(i64, i64)>,
    lanes: Vec<(i64, DeliveryState, i64)>,
    stories: Vec<StoryView>,
    pace: Option<Pace>,
}

async fn room(hall: Arc<Hall>, visit: Visit) -> Done {
    let view = look(&hall, &visit).await?;
    // A script that was there may be gone: the page without it asks for the plain way by name.
    let refresh = view.moves && !view.still && (!visit.scripted || visit.query.has("plain"));
    let mut page = hall.pages.show(&Frame::of(&visit), ROOM, "departure.html", "An edition on its way", &view)?;
    if refresh {
        page.headers_mut().insert("refresh", HeaderValue::from_static(REFRESH_S));
    }
    Ok(page)
}

/// What moves of the page, for the script that follows it.
async fn now(hall: Arc<Hall>, visit: Visit) -> Done {
    let view = look(&hall, &visit).await?;
    hall.pages.part(&Frame::of(&visit), "departure_now.html", &view, &visit.known)
}

async fn look(hall: &Hall, visit: &Visit) -> Result<DepartureView, Trouble> {
    let id: DepartureId = visit.place("departure")?;
    let (first, now) = ((hall.desk.office.first)(&visit.kept), visit.now);
    let zone = visit.outlet.zone.clone();
    let read = hall.desk.store.read(move |tx| read(tx, id, first, &zone, now)).await?.ok_or_else(Trouble::not_found)?;
    let still = visit.query.has("still");
    let asked = asked(hall, visit, id).await?;
    let short = short(hall, visit, &read.departure).await?;
    Ok(view(read, visit, still, asked, short))
}

fn read(tx: &store::Read, id: DepartureId, first: RelayTerms, zone: &str, now: Ms) -> store::Result<Option<Read>> {
    let Some(departure) = editions::departure_by_id(tx, id)? else { return Ok(None) };
    let edition = departure.edition.map(|edition| editions::by_id(tx, edition)).transpose()?.flatten();
    let Some(edition) = edition else { return Ok(None) };
    let mut stories = Vec::new();
    for entry in editions::line_up(tx, id)? {
        stories.extend(articles::by_id(tx, entry.article)?.map(|article| StoryView {
            id: article.id.to_string(),
            title: article.revision.title,
            language: article.revision.language,
        }));
    }
    let is_under_way = matches!(departure.state, DepartureState::Open | DepartureState::Paused);
    let pace = is_under_way.then(|| pace::read(tx, id, departure.instant, first, zone, now)).transpose()?;
    Ok(Some(Read {
        pace,
        sums: ledger::sums(tx, id)?,
        doubts: ledger::doubtful(tx, id)?,
        refusals: tallies::refusals(tx, id, REFUSALS_MAX)?,
        exclusions: tallies::exclusions(tx, id)?,
        lanes: tallies::by_lane(tx, id)?,
        departure,
        edition,
        stories,
    }))
}

/// What the relays' caps leave behind of a departure that waits for its button.
async fn short(hall: &Hall, visit: &Visit, departure: &Departure) -> Result<Option<ShortView>, Trouble> {
    if !matches!(departure.state, DepartureState::Cut | DepartureState::Paused) {
        return Ok(None);
    }
    let route = (hall.desk.office.route)(departure.id).await.map_err(Trouble::refused)?;
    let short = route.filter(|prospect| !prospect.may_leave());
    Ok(short.map(|prospect| ShortView {
        readers: prospect.shortfall(),
        copies: prospect.copies,
        hours: prospect.hours_enough(visit.now),
    }))
}

fn view(read: Read, visit: &Visit, still: bool, asked: Option<AskedView>, short: Option<ShortView>) -> DepartureView {
    use DepartureState::{Cancelled, Cut, Open, Paused, Settled};
    let (state, sums) = (read.departure.state, &read.sums);
    let at = |moment| moment::minute(moment, &visit.outlet.zone);
    let rows = rows(sums);
    let in_hand = sums.of(DeliveryState::Leased) + sums.of(DeliveryState::InFlight);
    let moves = state == Open || (state == Paused && in_hand > 0);
    let pace = read.pace.as_ref().map(|pace| pace::view(pace, &read.departure, sums, visit.now, &visit.outlet.zone));
    DepartureView {
        pace,
        doubts_open: read.doubts.iter().filter(|doubt| doubt.resolution.is_none()).count(),
        id: read.departure.id.to_string(),
        edition: read.edition.id.to_string(),
        date: read.edition.date,
        subject: read.edition.subject,
        state: word(state),
        cut: state == Cut,
        open: state == Open,
        paused: state == Paused,
        over: matches!(state, Settled | Cancelled),
        moves,
        still,
        plain: moves && !still && visit.scripted && !visit.query.has("plain"),
        live: if moves && !still { format!("/departures/{}/now", read.departure.id) } else { String::new() },
        said: said(state, sums.settled(), read.departure.audience),
        leaves: at(read.departure.instant),
        expires: at(read.departure.expires),
        audience: read.departure.audience,
        settled: sums.settled(),
        waiting: sums.of(DeliveryState::Queued),
        bar: bar(&rows, read.departure.audience),
        bar_words: rows
            .iter()
            .filter(|r| r.count > 0)
            .map(|r| format!("{} {}", r.count, r.name))
            .collect::<Vec<_>>()
            .join(", "),
        rows,
        doubted: sums.doubted,
        doubts: read.doubts.into_iter().take(DOUBTS_MAX).map(|d| doubt(d, &at)).collect(),
        refusals: read
            .refusals
            .into_iter()
            .map(|(code, reply, count)| Reason { words: refusal(code, &reply), count })
            .collect(),
        exclusions: read
            .exclusions
            .into_iter()
            .map(|(why, count)| Reason { words: exclusion(why).into(), count })
            .collect(),
        classes: classes(&read.lanes),
        stories: read.stories,
        asked,
        short,
    }
}

/// How it stands, in steps of a tenth: a voice that tells every copy is one that nobody listens to.
fn said(state: DepartureState, settled: i64, audience: i64) -> String {
    let tenths = settled * 10 / audience.max(1);
    format!("This edition is {}; {} percent of its readers are accounted for.", word(state), tenths * 10)
}

/// The states as an editor needs them; they sum to the audience.
fn rows(sums: &Sums) -> Vec<Row> {
    use DeliveryState::{Accepted, Deferred, Excluded, Expired, InFlight, Leased, Queued, Refused, Uncertain};
    let of = |states: &[DeliveryState]| states.iter().map(|state| sums.of(*state)).sum();
    let row = |kind, name, states: &[DeliveryState], meaning| Row { kind, name, count: of(states), meaning };
    vec![
        row("accepted", "accepted", &[Accepted], "the receiving server took it"),
        row("waiting", "waiting", &[Queued, Leased], "not sent yet"),
        row("flight", "in flight", &[InFlight], "being sent right now"),
        row("deferred", "deferred", &[Deferred], "refused for now, tried again by itself"),
        row("refused", "refused", &[Refused], "refused for good"),
        row("uncertain", "in doubt", &[Uncertain], "sent, but the answer was lost; see below who they are"),
        row("excluded", "left out", &[Excluded], "nothing new for them, gone since, or cancelled"),
        row("expired", "too late", &[Expired], "not taken before the edition grew old"),
    ]
}

fn bar(rows: &[Row], audience: i64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut so_far, mut x) = (0, 0);
    for row in rows.iter().filter(|row| row.count > 0) {
        so_far += row.count;
        let end = so_far * BAR / audience.max(1);
        pieces.push(Piece { kind: row.kind, x, width: end - x });
        x = end;
    }
    pieces
}

fn doubt(doubt: Doubt, at: &impl Fn(i64) -> String) -> DoubtView {
    DoubtView {
        reader: doubt.reader.to_string(),
        since: at(doubt.since),
        cause: doubt.cause,
        resolution: doubt.resolution.unwrap_or_else(|| "not ended".to_owned()),
    }
}

/// What a server said, without the names of servers in it: a small one's would tell which reader it was.
fn refusal(code: i64, reply: &str) -> String {
    let host = |word: &&str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        let number = word.chars().all(|c| c.is_ascii_digit() || c == '.');
        word.contains(['.', ':']) && !(number && word.split('.').count() == 3)
    };
    let words: Vec<&str> = reply.split_whitespace().map(|word| if host(&word) { "…" } else { word }).collect();
    let words = words.join(" ");
    if code == 0 { words } else { format!("{code} {words}") }
}

fn exclusion(why: i64) -> &'static str {
    match why {
        1 => "nothing in it was new to them, or of their topics",
        2 => "unsubscribed after it was cut",
        3 => "must not be written to",
        4 => "a newer edition took its place",
        5 => "the edition was cancelled",
        6 => "the address could not be opened",
        _ => "another reason",
    }
}

/// Copies by provider: total, accepted, still under way, not taken. A provider is one of the classes that everybody knows;
/// all other domains are one. What is under ten is not told, nor what would tell it: beside such a count the others are
/// round. Providers with under ten readers are told together.
fn classes(lanes: &[(i64, DeliveryState, i64)]) -> Vec<Class> {
    let mut found: BTreeMap<&str, [i64; 4]> = BTreeMap::new();
    for (lane, state, count) in lanes.iter().filter(|(_, state, _)| *state != DeliveryState::Excluded) {
        let name = vault::provider(*lane).unwrap_or(OTHERS);
        let place = match state {
            DeliveryState::Accepted => 1,
            state if !state.terminal() => 2,
            _ => 3,
        };
        let counts = found.entry(name).or_default();
        counts[0] += count;
        counts[place] += count;
    }
    let small: Vec<&str> = found.iter().filter(|(_, counts)| counts[0] < CELL_MIN).map(|(name, _)| *name).collect();
    for name in small.into_iter().filter(|name| *name != OTHERS) {
        let counts = found.remove(name).expect("it was found above");
        let others = found.entry(OTHERS).or_default();
        (0..4).for_each(|at| others[at] += counts[at]);
    }
    let mut classes: Vec<(&str, [i64; 4])> = found.into_iter().collect();
    classes.sort_by_key(|(name, counts)| (*name == OTHERS, std::cmp::Reverse(counts[0])));
    classes.into_iter().map(|(name, counts)| Class { name: name.to_owned(), cells: cells(counts) }).collect()
}

/// Everyone who is with no big provider.
const OTHERS: &str = "all others";

fn cells(counts: [i64; 4]) -> [String; 4] {
    let small = |count: &i64| (1..CELL_MIN).contains(count);
    let round = counts.iter().any(small);
    counts.map(|count| match count {
        0 => "0".to_owned(),
        count if small(&count) => format!("under {CELL_MIN}"),
        count if round => format!("about {}", (count + CELL_MIN / 2) / CELL_MIN * CELL_MIN),
        count => count.to_string(),
    })
}

/// Who was sent the article that the address asks about.
async fn asked(hall: &Hall, visit: &Visit, departure: DepartureId) -> Result<Option<AskedView>, Trouble> {
    let Ok(article) = visit.query.one("article").parse::<ArticleId>() else { return Ok(None) };
    let Some(known) = hall.desk.store.read(move |tx| articles::by_id(tx, article)).await? else { return Ok(None) };
    let mut found: BTreeMap<i64, (Vec<String>, usize, usize)> = BTreeMap::new();
    let mut after = (-1, -1);
    loop {
        let page = hall.desk.store.read(move |tx| corrections::holders(tx, departure, article, after, HOLDERS)).await?;
        let Some(last) = page.last() else { break };
        after = (last.key.lane, last.key.position);
        for holder in page {
            let (sent, waiting, never) = found.entry(holder.revision).or_default();
            match holder.state {
                DeliveryState::Accepted | DeliveryState::Uncertain | DeliveryState::InFlight => {
                    sent.push(holder.reader.to_string());
                }
                state if !state.terminal() => *waiting += 1,
                _ => *never += 1,
            }
        }
    }
    let revision = |(number, (sent, waiting, never)): (i64, (Vec<String>, usize, usize))| Revision {
        number,
        sent: sent.len(),
        waiting,
        never,
        readers: sent.join(" "),
    };
    Ok(Some(AskedView { title: known.revision.title, revisions: found.into_iter().map(revision).collect() }))
}

#[derive(Serialize)]
struct ListView {
    departures: Vec<ListedView>,
}

#[derive(Serialize)]
struct ListedView {
    id: String,
    date: String,
    subject: String,
    state: &'static str,
    audience: i64,
}

async fn list(hall: Arc<Hall>, visit: Visit) -> Done {
    let read = hall.desk.store.read(|tx| {
        let mut listed = Vec::new();
        for departure in editions::latest(tx, LISTED_MAX)? {
            let edition = departure.edition.map(|id| editions::by_id(tx, id)).transpose()?.flatten();
            listed.extend(edition.map(|edition| ListedView {
                id: departure.id.to_string(),
                date: edition.date,
                subject: edition.subject,
                state: word(departure.state),
                audience: departure.audience,
            }));
        }
        Ok(listed)
    });
    let view = ListView { departures: read.await? };
    hall.pages.show(&Frame::of(&visit), ROOM, "departures.html", "Editions that left", &view)
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeliveryState::{Accepted, Refused};

    #[test]
    fn no_count_under_ten_is_told_of_a_provider() {
        let told: Vec<(String, [String; 4])> =
            classes(&[(0, Accepted, 20), (0, Refused, 3), (1, Accepted, 4), (70, Accepted, 30)])
                .into_iter()
                .map(|class| (class.name, class.cells))
                .collect();
        let cells = |cells: [&str; 4]| cells.map(str::to_owned);
        assert_eq!(told[0].1, cells(["about 20", "about 20", "0", "under 10"]), "nothing can be taken from the total");
        assert_eq!(told[1], (OTHERS.to_owned(), cells(["34", "34", "0", "0"])));
        assert_eq!(told.len(), 2, "a provider with four readers is told with the others");
    }

    #[test]
    fn what_a_server_said_names_no_server() {
        let said = "5.1.1 <…> unknown at mx1.tiny-village.example [203.0.113.7]: see https://tiny.example/why";
        assert_eq!(refusal(550, said), "550 5.1.1 <…> unknown at … … see …");
        assert_eq!(refusal(0, "The connection was lost."), "The connection was lost.");
    }

    #[test]
    fn the_bar_is_as_long_as_the_audience() {
        let rows = rows(&Sums::new([(Accepted, 397), (Refused, 1), (DeliveryState::Queued, 102)], 0));
        let pieces = bar(&rows, 500);
        assert_eq!(pieces.iter().map(|piece| piece.width).sum::<i64>(), BAR);
        assert_eq!(rows.iter().map(|row| row.count).sum::<i64>(), 500);
    }
}
