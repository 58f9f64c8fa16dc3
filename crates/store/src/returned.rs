//! What comes back for a copy: kept once, counted, held for a person, or turned away and counted by cause.
//!
//! Only what carries a mark of ours gets here; who checks it is the readers' part. Nothing here holds an address.

use newsroom::{DAY_MS, DepartureId, HOUR_MS, Ms, NewsletterId, ReaderId, UNREACHABLE};

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

/// What kind of thing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bounce.
    Bounce = 1,
    /// A complaint.
    Complaint = 2,
    /// A wish to leave.
    Leave = 3,
    /// A report that the copy was taken: evidence.
    Taken = 4,
}

impl Kind {
    /// Its name in answers and figures.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
            Self::Leave => "unsubscribe",
            Self::Taken => "taken",
        }
    }

    fn from_raw(raw: i64) -> Self {
        match raw {
            1 => Self::Bounce,
            2 => Self::Complaint,
            3 => Self::Leave,
            _ => Self::Taken,
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is sent to the reader any more.
    Suppressed = 1,
    /// One more edition that did not reach them.
    Counted = 2,
    /// They left, by their own wish.
    Left = 3,
    /// It waits for a person: its source had ended too many readers within the hour.
    Held = 4,
    /// A person dropped it.
    Dropped = 5,
    /// Kept as evidence.
    Kept = 6,
}

impl Outcome {
    /// Its name in answers and figures.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::Counted => "counted",
            Self::Left => "left",
            Self::Held => "held",
            Self::Dropped => "dropped",
            Self::Kept => "kept",
        }
    }

    fn from_raw(raw: i64) -> Self {
        match raw {
            1 => Self::Suppressed,
            2 => Self::Counted,
            3 => Self::Left,
            4 => Self::Held,
            5 => Self::Dropped,
            _ => Self::Kept,
        }
    }
}

/// What a message said of one copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// Its id.
    pub id: i64,
    /// Whose copy.
    pub reader: ReaderId,
    /// Of which departure.
    pub departure: DepartureId,
    /// What.
    pub kind: Kind,
    /// When it came.
    pub at: Ms,
    /// Who brought it: a keyed hash.
    pub source: Vec<u8>,
    /// Why, in the words of docs/bounces.md.
    pub reason: String,
    /// Waiting cannot help.
    pub hard: bool,
    /// SMTP reply code, 0 when there was none.
    pub code: i64,
    /// The words, addresses taken out.
    pub said: String,
    /// What came of it.
    pub outcome: Outcome,
}

const KNOWN: &str = sql!("SELECT hard, outcome FROM returned WHERE reader = $1 AND departure = $2 AND kind = $3");
const KEEP: &str = sql!(
    "INSERT INTO returned (id, reader, departure, kind, at, source, reason, hard, code, said, outcome)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     ON CONFLICT (reader, departure, kind) DO UPDATE
     SET at = excluded.at, source = excluded.source, reason = excluded.reason, hard = excluded.hard,
       code = excluded.code, said = excluded.said, outcome = excluded.outcome"
);

/// What is known of this copy already: whether it was hard, and what came of it.
///
/// # Errors
/// [`crate::Error`].
pub fn known(tx: &Read, reader: ReaderId, departure: DepartureId, kind: Kind) -> Result<Option<(bool, Outcome)>> {
    let row = tx.first(KNOWN, args![reader.0, departure.0, kind as i64])?;
    Ok(row.map(|r| (r.int(0) == 1, Outcome::from_raw(r.int(1)))))
}

/// Keeps it; a later word on the same copy takes the earlier one's place.
///
/// # Errors
/// [`crate::Error`].
pub fn keep(tx: &Write, r: &Returned) -> Result<()> {
    let (kind, hard, outcome) = (r.kind as i64, i64::from(r.hard), r.outcome as i64);
    tx.execute(
        KEEP,
        args![r.id, r.reader.0, r.departure.0, kind, r.at, &r.source[..], &r.reason, hard, r.code, &r.said, outcome],
    )?;
    Ok(())
}

const ENDED_BY: &str = sql!("SELECT count(*) FROM returned WHERE source = $1 AND at > $2 AND outcome = 1");

/// How many readers this source has ended since then.
///
/// # Errors
/// [`crate::Error`].
pub fn ended_by(tx: &Read, source: &[u8], since: Ms) -> Result<i64> {
    Ok(tx.first(ENDED_BY, args![source, since])?.map_or(0, |r| r.int(0)))
}

const BAR: &str = sql!("UPDATE subscription SET state = 4 WHERE reader = $1 AND state IN (1, 2)");
const BAR_ADDRESS: &str = sql!(
    "INSERT INTO suppression (address_index, at, why)
     SELECT address_index, $2, $3 FROM reader WHERE id = $1
     ON CONFLICT DO NOTHING"
);

/// Ends every subscription of a reader and bars their address: once this is durable, no message to them starts.
///
/// # Errors
/// [`crate::Error`].
pub fn bar(tx: &Write, reader: ReaderId, why: &str, now: Ms) -> Result<()> {
    tx.execute(BAR, args![reader.0])?;
    tx.execute(BAR_ADDRESS, args![reader.0, now, why])?;
    Ok(())
}

const STREAK: &str = sql!("SELECT editions, since, departure FROM soft_streak WHERE reader = $1");
const PUT_STREAK: &str = sql!(
    "INSERT INTO soft_streak (reader, editions, since, departure) VALUES ($1, $2, $3, $4)
     ON CONFLICT (reader) DO UPDATE
     SET editions = excluded.editions, since = excluded.since, departure = excluded.departure"
);
// Copies of editions between two departures that were taken and did not come back: they end a streak.
const REACHED_BETWEEN: &str = sql!(
    "SELECT count(*) FROM departure
     JOIN delivery ON delivery.departure = departure.id
     WHERE departure.kind = 1 AND departure.newsletter = $1 AND departure.id > $2 AND departure.id < $3
       AND delivery.lane = $4 AND delivery.reader = $5 AND delivery.state = 3
       AND NOT EXISTS (SELECT 1 FROM returned
         WHERE returned.reader = $5 AND returned.departure = departure.id AND returned.kind = 1)"
);

/// Editions in a row that did not reach a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streak {
    /// How many.
    pub editions: i64,
    /// When the first of them came back.
    pub since: Ms,
}

/// One more edition came back for now: the streak with it. An edition in between that was taken begins it anew.
///
/// # Errors
/// [`crate::Error`].
pub fn soften(
    tx: &Write,
    reader: ReaderId,
    lane: i64,
    newsletter: NewsletterId,
    departure: DepartureId,
    now: Ms,
) -> Result<Streak> {
    let before = tx.first(STREAK, args![reader.0])?.map(|r| (r.int(0), r.int(1), r.int(2)));
    let (editions, since, last) = match before {
        None => (1, now, departure.0),
        Some((editions, since, last)) if departure.0 <= last => (editions + 1, since, last),
        Some((editions, since, last)) => {
            let between = args![newsletter.0, last, departure.0, lane, reader.0];
            match tx.first(REACHED_BETWEEN, between)?.map_or(0, |r| r.int(0)) {
                0 => (editions + 1, since, departure.0),
                _ => (1, now, departure.0),
            }
        }
    };
    tx.execute(PUT_STREAK, args![reader.0, editions, since, last])?;
    Ok(Streak { editions, since })
}

const REFUSE: &str = sql!(
    "INSERT INTO returned_refused (day, cause, count) VALUES ($1, $2, $3)
     ON CONFLICT (day, cause) DO UPDATE SET count = returned_refused.count + excluded.count"
);
const REFUSED: &str = sql!(
    "SELECT cause, CAST(sum(count) AS BIGINT) FROM returned_refused WHERE day >= $1 GROUP BY cause ORDER BY cause"
);

/// Counts what was turned away.
///
/// # Errors
/// [`crate::Error`].
pub fn refuse(tx: &Write, cause: &str, count: i64, now: Ms) -> Result<()> {
    tx.execute(REFUSE, args![now.div_euclid(DAY_MS), cause, count])?;
    Ok(())
}

/// What was turned away since then, by cause.
///
/// # Errors
/// [`crate::Error`].
pub fn refused(tx: &Read, since: Ms) -> Result<Vec<(String, i64)>> {
    // A sum of whole numbers is a whole number on one engine and not on the other.
    let rows = tx.query(REFUSED, args![since.div_euclid(DAY_MS)])?;
    Ok(rows.iter().map(|r| (r.text(0), r.int(1))).collect())
}

const HELD: &str = sql!(
    "SELECT id, reader, departure, kind, at, source, reason, hard, code, said, outcome FROM returned
     WHERE outcome = 4
     ORDER BY id
     LIMIT $1"
);
const HELD_COUNT: &str = sql!("SELECT count(*) FROM returned WHERE outcome = 4");
const RESOLVE: &str = sql!("UPDATE returned SET outcome = $2 WHERE id = $1 AND outcome = 4");

/// What waits for a person, the oldest first.
///
/// # Errors
/// [`crate::Error`].
pub fn held(tx: &Read, limit: i64) -> Result<Vec<Returned>> {
    Ok(tx.query(HELD, args![limit])?.iter().map(returned).collect())
}

/// How many wait for a person.
///
/// # Errors
/// [`crate::Error`].
pub fn held_count(tx: &Read) -> Result<i64> {
    Ok(tx.first(HELD_COUNT, args![])?.map_or(0, |r| r.int(0)))
}

/// A person's word on what was held. `false`: it was not held any more.
///
/// # Errors
/// [`crate::Error`].
pub fn resolve(tx: &Write, id: i64, outcome: Outcome) -> Result<bool> {
    Ok(tx.execute(RESOLVE, args![id, outcome as i64])? == 1)
}

fn returned(r: &Row) -> Returned {
    Returned {
        id: r.int(0),
        reader: ReaderId(r.int(1)),
        departure: DepartureId(r.int(2)),
        kind: Kind::from_raw(r.int(3)),
        at: r.int(4),
        source: r.bytes(5),
        reason: r.text(6),
        hard: r.int(7) == 1,
        code: r.int(8),
        said: r.text(9),
        outcome: Outcome::from_raw(r.int(10)),
    }
}

const SUMS: &str = sql!(
    "SELECT kind, reason, outcome, count(*) FROM returned GROUP BY kind, reason, outcome ORDER BY kind, reason, outcome"
);

/// How much came back, by kind, reason and outcome.
///
/// # Errors
/// [`crate::Error`].
pub fn sums(tx: &Read) -> Result<Vec<(Kind, String, Outcome, i64)>> {
    let sum = |r: &Row| (Kind::from_raw(r.int(0)), r.text(1), Outcome::from_raw(r.int(2)), r.int(3));
    Ok(tx.query(SUMS, args![])?.iter().map(sum).collect())
}

/// P21: one source ends no more than one reader in so many within an hour; at least one, so that a small list works too.
const READERS_PER_ONE: i64 = 1_000;
const HOLD_WITHIN_MS: Ms = HOUR_MS;

/// An outlet that serves many hours and zones has some dozens of departures a day; the largest of so many is its list.
const DEPARTURES_LOOKED_AT: i64 = 50;
const LARGEST: &str = sql!(
    "SELECT max(recent.audience) FROM (
       SELECT audience FROM departure WHERE newsletter = $1 AND kind = 1 ORDER BY id DESC LIMIT $2
     ) AS recent"
);

/// How many readers one source may end within an hour. The list is taken to be as long as the largest audience of late:
/// counting it would be a walk over every subscription for each refusal.
fn allowed(tx: &Read, newsletter: NewsletterId) -> Result<i64> {
    let largest = tx.first(LARGEST, args![newsletter.0, DEPARTURES_LOOKED_AT])?.and_then(|r| r.int_or_none(0));
    Ok((largest.unwrap_or(0) / READERS_PER_ONE).max(1))
}

/// When soft bounces end a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// After so many editions in a row.
    pub soft_editions: i64,
    /// That lie at least so far apart, in milliseconds.
    pub soft_ms: Ms,
}

/// How much something weighs against its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It ends them, for this reason.
    Ends(&'static str),
    /// One more edition that did not reach them, by a lane.
    Soft(i64),
    /// It is about us, or only kept.
    Nothing,
}

/// Takes what was said of one copy: the reader is ended, counted, or held for a person, and it is kept. `r.outcome` is
/// overwritten. `None`: as much was known of this copy.
///
/// # Errors
/// [`crate::Error`].
pub fn strike(
    tx: &Write,
    mut r: Returned,
    weight: Weight,
    newsletter: NewsletterId,
    rules: Rules,
) -> Result<Option<Outcome>> {
    let known = known(tx, r.reader, r.departure, r.kind)?;
    if known.is_some_and(|(was_hard, _)| was_hard || !r.hard) {
        return Ok(None);
    }
    let ends = match weight {
        Weight::Ends(why) => Some(why),
        Weight::Soft(lane) if known.is_none() => {
            let streak = soften(tx, r.reader, lane, newsletter, r.departure, r.at)?;
            let is_long = streak.editions >= rules.soft_editions && r.at - streak.since >= rules.soft_ms;
            is_long.then_some(UNREACHABLE)
        }
        Weight::Soft(_) | Weight::Nothing => None,
    };
    r.outcome = match ends {
        None if r.kind == Kind::Bounce => Outcome::Counted,
        None => Outcome::Kept,
        Some(why) => {
            if ended_by(tx, &r.source, r.at - HOLD_WITHIN_MS)? >= allowed(tx, newsletter)? {
                Outcome::Held
            } else {
                bar(tx, r.reader, why, r.at)?;
                Outcome::Suppressed
            }
        }
    };
    keep(tx, &r)?;
    Ok(Some(r.outcome))
}
