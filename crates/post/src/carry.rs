//! Whether today's ways out carry an edition before it expires, and the choice that a shortfall needs.
//!
//! No reader is expired by our own caps without a person's word: an edition that the caps cannot carry in time is not
//! opened until it was given more time, the caps were raised, or so many readers were given up by number. Retries take
//! from the same caps and cannot be foreseen; what they cost is held at the end, not expired (`store::caps::hold`).

use newsroom::{DAY_MS, DepartureId, DepartureState, HOUR_MS, Ms, RouteId};
use store::caps::{self, Minutes, Waiting};
use store::{Store, Write, editions};

use crate::pace::{Caps, Outlook, Tried, outlook};

/// How far ahead it is looked for the time that would be enough, in milliseconds: news older than a week is none.
pub const AHEAD_MS_MAX: Ms = 7 * DAY_MS;

/// How much a way out takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Which way.
    pub route: RouteId,
    /// Its name.
    pub name: String,
    /// Its caps.
    pub caps: Caps,
}

/// What the ways out carry of an edition, together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// Each way that carries mail, and the copies tried by it in the last 24 hours, of whatever edition or letter.
    pub ways: Vec<(Capacity, i64)>,
    /// Copies that are to leave.
    pub copies: i64,
    /// Copies of letters and of other editions that go first.
    pub ahead: i64,
    /// When they expire, in UTC milliseconds.
    pub expires: Ms,
    /// How many of the copies leave before.
    pub carried: i64,
    /// When the last of them would have left if they never expired; none when no cap says anything, or not within a week.
    pub done: Option<Ms>,
    /// How many readers may go without it: a person accepted that.
    pub accepted: i64,
    /// It was held at its end and waits for a person.
    pub held: bool,
}

/// What the ledger knows of each way's last 24 hours.
type Before = std::collections::BTreeMap<RouteId, Minutes>;

impl Prospect {
    fn new(ways: &[Capacity], tried: &Before, waiting: &Waiting, now: Ms) -> Self {
        let before = |way: &Capacity| tried.get(&way.route).map_or(&[][..], Vec::as_slice);
        let bounds: Vec<(Caps, &[Tried])> = ways.iter().map(|way| (way.caps, before(way))).collect();
        let all = waiting.own + waiting.ahead;
        let by = |until| outlook(&bounds, all, now, until);
        let Outlook { carried, .. } = by(waiting.expires);
        let sum = |way: &Capacity| before(way).iter().map(|(_, count)| count).sum();
        Self {
            ways: ways.iter().map(|way| (way.clone(), sum(way))).collect(),
            copies: waiting.own,
            ahead: waiting.ahead,
            expires: waiting.expires,
            // Letters and earlier departures are claimed first.
            carried: if waiting.expires <= now { 0 } else { (carried - waiting.ahead).max(0) },
            done: by(now + AHEAD_MS_MAX).done,
            accepted: waiting.accepted,
            held: waiting.held,
        }
    }

    /// Copies tried in the last 24 hours, by all ways.
    pub fn tried(&self) -> i64 {
        self.ways.iter().map(|(_, tried)| tried).sum()
    }

    /// Whether some way takes as much as we have.
    fn is_unbounded(&self) -> bool {
        self.ways.is_empty() || self.ways.iter().any(|(way, _)| way.caps.are_none())
    }

    /// How many copies our own caps would let expire.
    pub fn shortfall(&self) -> i64 {
        if self.is_unbounded() && !self.held { 0 } else { self.copies - self.carried }
    }

    /// Whether it may leave: all of it is carried, or the rest was given up.
    pub fn may_leave(&self) -> bool {
        self.shortfall() <= self.accepted
    }

    /// How many hours from `now` are enough, rounded up, if a week is.
    pub fn hours_enough(&self, now: Ms) -> Option<i64> {
        // Rounded up, and one more: a retry or two must fit as well.
        self.done.map(|done| (done - now).max(0) / HOUR_MS + 2)
    }
}

/// What a person chose for a shortfall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Nothing: then there may be none.
    #[default]
    None,
    /// The copies may be on their way for so long from now, in milliseconds.
    Lengthen(Ms),
    /// So many readers may go without this edition.
    Accept(i64),
}

/// How an opening ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Its copies leave.
    Open(Prospect),
    /// The caps do not carry it in time and nobody chose what then. Nothing was changed.
    Short(Prospect),
    /// It was cancelled.
    Cancelled,
}

/// What the ways out carry of a departure as it stands. `None`: there is none of that id.
///
/// # Errors
/// The store's.
pub async fn of_departure(
    store: &Store,
    ways: Vec<Capacity>,
    id: DepartureId,
    now: Ms,
) -> store::Result<Option<Prospect>> {
    store.read(move |tx| prospect(tx, &ways, id, now)).await
}

fn prospect(tx: &store::Read, ways: &[Capacity], id: DepartureId, now: Ms) -> store::Result<Option<Prospect>> {
    let Some(waiting) = caps::waiting(tx, id)? else { return Ok(None) };
    Ok(Some(Prospect::new(ways, &caps::tried(tx, now - DAY_MS)?, &waiting, now)))
}

/// What the ways out would carry of an edition to `readers` that left now and expired at `expires`.
///
/// # Errors
/// The store's.
pub async fn of_audience(
    store: &Store,
    ways: Vec<Capacity>,
    readers: i64,
    expires: Ms,
    now: Ms,
) -> store::Result<Prospect> {
    let (tried, ahead) =
        store.read(move |tx| Ok((caps::tried(tx, now - DAY_MS)?, caps::ahead(tx, DepartureId(i64::MAX))?))).await?;
    let waiting = Waiting { own: readers, ahead, expires, accepted: 0, held: false };
    Ok(Prospect::new(&ways, &tried, &waiting, now))
}

/// Lets a departure leave, or go on, if the ways out carry it in time or `choice` says what happens otherwise: looked at,
/// decided and written in one transaction.
///
/// # Errors
/// The store's.
///
/// # Panics
/// When there is no departure of that id: they are never erased.
pub async fn open(
    store: &Store,
    ways: Vec<Capacity>,
    id: DepartureId,
    choice: Choice,
    now: Ms,
) -> store::Result<Opened> {
    store
        .write(move |tx| {
            let before = prospect(tx, &ways, id, now)?.expect("departures are never erased");
            let wished = with(&before, &ways, tx, id, choice, now)?;
            if !wished.may_leave() {
                return Ok(Opened::Short(before));
            }
            choose(tx, id, choice, now)?;
            use DepartureState::{Cancelled, Cut, Open, Paused};
            if !editions::set_state(tx, id, Cut, Open)? {
                editions::set_state(tx, id, Paused, Open)?;
            }
            let state = editions::departure_by_id(tx, id)?.map(|d| d.state);
            Ok(if state == Some(Cancelled) { Opened::Cancelled } else { Opened::Open(wished) })
        })
        .await
}

/// The prospect once a choice is made.
fn with(
    before: &Prospect,
    ways: &[Capacity],
    tx: &Write,
    id: DepartureId,
    choice: Choice,
    now: Ms,
) -> store::Result<Prospect> {
    let waiting = caps::waiting(tx, id)?.expect("it was there a moment ago in this transaction");
    Ok(match choice {
        Choice::None => before.clone(),
        Choice::Lengthen(lives) => {
            let waiting = Waiting { expires: waiting.expires.max(now + lives), held: false, ..waiting };
            Prospect::new(ways, &caps::tried(tx, now - DAY_MS)?, &waiting, now)
        }
        Choice::Accept(readers) => Prospect { accepted: readers.max(0), ..before.clone() },
    })
}

fn choose(tx: &Write, id: DepartureId, choice: Choice, now: Ms) -> store::Result<()> {
    match choice {
        Choice::None => Ok(()),
        Choice::Lengthen(lives) => caps::lengthen(tx, id, now + lives),
        Choice::Accept(readers) => caps::accept(tx, id, readers.max(0)),
    }
}
