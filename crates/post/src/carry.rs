//! Whether today's route carries an edition before it expires, and the choice that a shortfall needs.
//!
//! No reader is expired by our own caps without a person's word: an edition that the caps cannot carry in time is not
//! opened until it was given more time, the caps were raised, or so many readers were given up by number. Retries take
//! from the same caps and cannot be foreseen; what they cost is held at the end, not expired (`store::caps::hold`).

use newsroom::{DAY_MS, DepartureId, DepartureState, HOUR_MS, Ms};
use store::caps::{self, Waiting};
use store::{Store, Write, editions};

use crate::pace::{Caps, Outlook, Tried, outlook};

/// How far ahead it is looked for the time that would be enough, in milliseconds: news older than a week is none.
pub const AHEAD_MS_MAX: Ms = 7 * DAY_MS;

/// What the route carries of an edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// The relay's caps.
    pub caps: Caps,
    /// Copies tried in the last 24 hours, of whatever edition or letter.
    pub tried: i64,
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

impl Prospect {
    fn new(caps: Caps, tried: &[Tried], waiting: &Waiting, now: Ms) -> Self {
        let all = waiting.own + waiting.ahead;
        let by = |until| outlook(&caps, tried, all, now, until);
        let Outlook { carried, .. } = by(waiting.expires);
        Self {
            caps,
            tried: tried.iter().map(|(_, count)| count).sum(),
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

    /// How many copies our own caps would let expire.
    pub fn shortfall(&self) -> i64 {
        if self.caps.are_none() && !self.held { 0 } else { self.copies - self.carried }
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Its copies leave.
    Open(Prospect),
    /// The caps do not carry it in time and nobody chose what then. Nothing was changed.
    Short(Prospect),
    /// It was cancelled.
    Cancelled,
}

/// What the route carries of a departure as it stands. `None`: there is none of that id.
///
/// # Errors
/// The store's.
pub async fn of_departure(store: &Store, caps: Caps, id: DepartureId, now: Ms) -> store::Result<Option<Prospect>> {
    store.read(move |tx| prospect(tx, caps, id, now)).await
}

fn prospect(tx: &store::Read, caps: Caps, id: DepartureId, now: Ms) -> store::Result<Option<Prospect>> {
    let Some(waiting) = caps::waiting(tx, id)? else { return Ok(None) };
    let tried = caps::tried(tx, now - DAY_MS)?;
    Ok(Some(Prospect::new(caps, &tried, &waiting, now)))
}

/// What the route would carry of an edition to `readers` that left now and expired at `expires`.
///
/// # Errors
/// The store's.
pub async fn of_audience(store: &Store, caps: Caps, readers: i64, expires: Ms, now: Ms) -> store::Result<Prospect> {
    let (tried, ahead) =
        store.read(move |tx| Ok((caps::tried(tx, now - DAY_MS)?, caps::ahead(tx, DepartureId(i64::MAX))?))).await?;
    let waiting = Waiting { own: readers, ahead, expires, accepted: 0, held: false };
    Ok(Prospect::new(caps, &tried, &waiting, now))
}

/// Lets a departure leave, or go on, if the route carries it in time or `choice` says what happens otherwise: looked at,
/// decided and written in one transaction.
///
/// # Errors
/// The store's.
///
/// # Panics
/// When there is no departure of that id: they are never erased.
pub async fn open(store: &Store, caps: Caps, id: DepartureId, choice: Choice, now: Ms) -> store::Result<Opened> {
    store
        .write(move |tx| {
            let before = prospect(tx, caps, id, now)?.expect("departures are never erased");
            let wished = with(before, tx, id, choice, now)?;
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
fn with(before: Prospect, tx: &Write, id: DepartureId, choice: Choice, now: Ms) -> store::Result<Prospect> {
    let waiting = caps::waiting(tx, id)?.expect("it was there a moment ago in this transaction");
    let tried = caps::tried(tx, now - DAY_MS)?;
    Ok(match choice {
        Choice::None => before,
        Choice::Lengthen(lives) => {
            let waiting = Waiting { expires: waiting.expires.max(now + lives), held: false, ..waiting };
            Prospect::new(before.caps, &tried, &waiting, now)
        }
        Choice::Accept(readers) => Prospect { accepted: readers.max(0), ..before },
    })
}

fn choose(tx: &Write, id: DepartureId, choice: Choice, now: Ms) -> store::Result<()> {
    match choice {
        Choice::None => Ok(()),
        Choice::Lengthen(lives) => caps::lengthen(tx, id, now + lives),
        Choice::Accept(readers) => caps::accept(tx, id, readers.max(0)),
    }
}
