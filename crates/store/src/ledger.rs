//! The ledger: one row for every reader of a departure, and every step of it durable before the world sees it.
//!
//! `queued → leased → in_flight → accepted | deferred | refused | uncertain`, plus `excluded` and `expired`; the states
//! always sum to the audience. A poster holds a lease with an epoch; it **claims** rows, **marks** a row in flight before
//! the final dot of its message may leave, and **settles** what was answered. A mark of an older epoch, of a reader who
//! has left, or of a departure that is no longer open is refused, and then no dot is sent. What an ended poster left in
//! flight becomes uncertain, and doubt is never erased.

use newsroom::{
    CohortId, Delivery, DeliveryKey, DeliveryState, DepartureId, DepartureKind, DepartureState, Excluded, Id, Ms,
    NewsletterId, ReaderId, RouteId, Sums,
};

use crate::engine::{InsertMany, Kind, Row, UpdateMany};
use crate::{Read, Result, Write, args, row, sql};

/// A poster's right to post. The epoch fences everything it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Rises each time the lease is taken.
    pub epoch: i64,
}

/// Why a lease could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who holds it.
    pub holder: String,
    /// Until when, unless renewed.
    pub until: Ms,
}

const LEASE: &str = sql!("SELECT epoch, holder, until FROM lease WHERE name = 'post'");
const LEASE_TAKE: &str = sql!(
    "INSERT INTO lease (name, epoch, holder, until)
     VALUES ('post', 1, $1, $2)
     ON CONFLICT (name) DO UPDATE SET epoch = lease.epoch + 1, holder = excluded.holder, until = excluded.until
     RETURNING epoch"
);
const LEASE_HELD: &str = sql!("SELECT epoch FROM lease WHERE name = 'post' AND epoch = $1 {shared}");
const LEASE_RENEW: &str = sql!("UPDATE lease SET until = $1 WHERE name = 'post' AND epoch = $2");

/// Takes the lease for `holder` until `until`, unless another holds it; and puts in order what the last poster left:
/// leased rows are queued again, rows in flight become uncertain.
///
/// # Errors
/// [`crate::Error`]; the inner `Err` when another poster holds the lease.
pub fn take_lease(tx: &Write, holder: &str, now: Ms, until: Ms) -> Result<std::result::Result<Lease, Held>> {
    if let Some(row) = tx.first(LEASE, args![])? {
        let held = Held { holder: row.text(1), until: row.int(2) };
        if held.holder != holder && held.until > now {
            return Ok(Err(held));
        }
    }
    let epoch = tx.first(LEASE_TAKE, args![holder, until])?.expect("RETURNING gives the row").int(0);
    recover(tx, now)?;
    Ok(Ok(Lease { epoch }))
}

/// Keeps the lease until `until`. `false`: it was taken by another, and this poster must stop.
///
/// # Errors
/// [`crate::Error`].
pub fn renew_lease(tx: &Write, lease: Lease, until: Ms) -> Result<bool> {
    Ok(tx.execute(LEASE_RENEW, args![until, lease.epoch])? == 1)
}

const RECOVER_DOUBT: &str = sql!(
    "INSERT INTO doubt (departure, lane, position, since, reader, cause)
     SELECT d.departure, d.lane, d.position, CAST($1 AS BIGINT), d.reader, CAST($2 AS TEXT)
     FROM departure AS p
     JOIN delivery AS d ON d.departure = p.id
     WHERE p.state IN (0, 1, 2) AND d.state = 2
     ON CONFLICT DO NOTHING"
);
// A cancelled departure takes nothing more up, but what was in flight when it was cancelled comes to its end.
const RECOVER_CANCELLED_DOUBT: &str = sql!(
    "INSERT INTO doubt (departure, lane, position, since, reader, cause)
     SELECT d.departure, d.lane, d.position, CAST($1 AS BIGINT), d.reader, CAST($2 AS TEXT)
     FROM departure AS p
     JOIN delivery AS d ON d.departure = p.id
     WHERE p.kind = 1 AND p.folded = 0 AND p.state = 4 AND d.state = 2
     ON CONFLICT DO NOTHING"
);
const RECOVER_CANCELLED: &str = sql!(
    "UPDATE delivery SET state = 6, attempts = attempts + 1
     WHERE state = 2 AND departure IN (SELECT id FROM departure WHERE kind = 1 AND folded = 0 AND state = 4)"
);
const RECOVER_UNCERTAIN: &str = sql!(
    "UPDATE delivery SET state = 6, attempts = attempts + 1
     WHERE state = 2 AND departure IN (SELECT id FROM departure WHERE state IN (0, 1, 2))"
);
const RECOVER_QUEUED: &str = sql!(
    "UPDATE delivery SET state = 0
     WHERE state = 1 AND departure IN (SELECT id FROM departure WHERE state IN (0, 1, 2))"
);

const RECOVER_LETTERS: &str = sql!(
    "UPDATE departure SET state = 3
     WHERE kind = 2 AND state IN (0, 1, 2)
       AND NOT EXISTS (SELECT 1 FROM delivery AS d WHERE d.departure = departure.id AND d.state IN (0, 1, 2, 4))"
);

/// Whether the lease is still this poster's; then nobody takes it before this transaction has ended. So the next poster
/// finds the last one's work whole: PostgreSQL may still be committing for a process that was killed.
fn holds(tx: &Write, lease: Lease) -> Result<bool> {
    Ok(tx.first(LEASE_HELD, args![lease.epoch])?.is_some())
}

/// The cause in `doubt` of what an ended poster left in flight.
pub const POSTER_ENDED: &str = "the poster ended before an answer was kept";

/// After a crash: `leased` had sent nothing; `in_flight` may have.
pub(crate) fn recover(tx: &Write, now: Ms) -> Result<()> {
    tx.execute(RECOVER_DOUBT, args![now, POSTER_ENDED])?;
    tx.execute(RECOVER_UNCERTAIN, args![])?;
    tx.execute(RECOVER_CANCELLED_DOUBT, args![now, POSTER_ENDED])?;
    tx.execute(RECOVER_CANCELLED, args![])?;
    tx.execute(RECOVER_QUEUED, args![])?;
    // A letter in doubt has come to its end: it must not look as if something were still to be carried.
    tx.execute(RECOVER_LETTERS, args![])?;
    Ok(())
}

const CLAIM_EDITION: &str = sql!(
    "SELECT d.departure, d.lane, d.position, d.reader, d.cohort, d.attempts, r.kid, r.sealed, p.instant, p.expires,
       p.kind, p.newsletter, d.route
     FROM departure AS p
     JOIN delivery AS d ON d.departure = p.id
     LEFT JOIN reader AS r ON r.id = d.reader
     WHERE p.id = $1 AND p.state = 1 AND d.state = 0 AND (d.lane, d.position) > ($2, $3)
     ORDER BY d.departure, d.lane, d.position
     LIMIT $4"
);
const CLAIM_LETTERS: &str = sql!(
    "SELECT d.departure, d.lane, d.position, d.reader, d.cohort, d.attempts, r.kid, r.sealed, p.instant, p.expires,
       p.kind, p.newsletter, d.route
     FROM departure AS p
     JOIN delivery AS d ON d.departure = p.id
     LEFT JOIN reader AS r ON r.id = d.reader
     WHERE p.kind = 2 AND p.state IN (0, 1, 2) AND p.state = 1 AND d.state = 0
     ORDER BY p.kind, p.id, d.lane, d.position
     LIMIT $1"
);
const CLAIM_DUE_LETTERS: &str = sql!(
    "SELECT d.departure, d.lane, d.position, d.reader, d.cohort, d.attempts, r.kid, r.sealed, p.instant, p.expires,
       p.kind, p.newsletter, d.route
     FROM departure AS p
     JOIN deferral AS f ON f.departure = p.id
     JOIN delivery AS d ON d.departure = f.departure AND d.lane = f.lane AND d.position = f.position
     LEFT JOIN reader AS r ON r.id = d.reader
     WHERE p.kind = 2 AND p.state IN (0, 1, 2) AND p.state = 1 AND f.due <= $1 AND d.state = 4
     ORDER BY p.kind, p.id, d.lane, d.position
     LIMIT $2"
);
const CLAIM_DUE: &str = sql!(
    "SELECT d.departure, d.lane, d.position, d.reader, d.cohort, d.attempts, r.kid, r.sealed, p.instant, p.expires,
       p.kind, p.newsletter, d.route
     FROM deferral AS f
     JOIN delivery AS d ON d.departure = f.departure AND d.lane = f.lane AND d.position = f.position
     JOIN departure AS p ON p.id = f.departure
     LEFT JOIN reader AS r ON r.id = d.reader
     WHERE f.due <= $1 AND p.state = 1 AND d.state = 4
     ORDER BY f.due, f.departure, f.lane, f.position
     LIMIT $2"
);

const LEASE_ROWS: UpdateMany = UpdateMany {
    table: "delivery",
    set: &[("state", Kind::Int), ("epoch", Kind::Int)],
    also: "",
    key: &[("departure", Kind::Int), ("lane", Kind::Int), ("position", Kind::Int), ("state", Kind::Int)],
    guard: "",
};
const EXCLUDE_ROWS: UpdateMany = UpdateMany {
    table: "delivery",
    set: &[("state", Kind::Int), ("why", Kind::Int)],
    also: "",
    key: &[("departure", Kind::Int), ("lane", Kind::Int), ("position", Kind::Int)],
    guard: "{t}.state IN (0, 1, 4)",
};

/// What to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The next queued copies of an edition after this lane and position.
    Edition(DepartureId, i64, i64),
    /// The next queued letters.
    Letters,
    /// Deferred letters whose time has come.
    DueLetters(Ms),
    /// Deferred copies whose time has come, letters among them.
    Due(Ms),
}

/// Takes up to `limit` copies for the holder of `lease`, in key order. They are `leased`: nothing is sent yet. None for one
/// who no longer holds it.
///
/// # Errors
/// [`crate::Error`].
pub fn claim(tx: &Write, lease: Lease, what: Claim, limit: i64) -> Result<Vec<Delivery>> {
    if !holds(tx, lease)? {
        return Ok(Vec::new());
    }
    let (rows, was) = match what {
        Claim::Edition(departure, lane, position) => {
            (tx.query(CLAIM_EDITION, args![departure.0, lane, position, limit])?, DeliveryState::Queued)
        }
        Claim::Letters => (tx.query(CLAIM_LETTERS, args![limit])?, DeliveryState::Queued),
        Claim::DueLetters(now) => (tx.query(CLAIM_DUE_LETTERS, args![now, limit])?, DeliveryState::Deferred),
        Claim::Due(now) => (tx.query(CLAIM_DUE, args![now, limit])?, DeliveryState::Deferred),
    };
    let lost: Vec<_> = rows.iter().filter(|r| r.int_or_none(6).is_none()).map(key_of).collect();
    exclude(tx, &lost, Excluded::Suppressed)?;
    let found: Vec<Delivery> = rows.iter().filter(|r| r.int_or_none(6).is_some()).map(delivery).collect();
    let leased: Vec<_> = found
        .iter()
        .map(|d| {
            let DeliveryKey { departure, lane, position } = d.key;
            row![DeliveryState::Leased as i64, lease.epoch, departure.0, lane, position, was as i64]
        })
        .collect();
    let mine = tx.update_many(&LEASE_ROWS, &leased)?;
    let kept: Vec<Delivery> = found.into_iter().zip(mine).filter(|(_, mine)| *mine).map(|(d, _)| d).collect();
    if matches!(what, Claim::Due(_) | Claim::DueLetters(_)) {
        forget_deferrals(tx, kept.iter().map(|d| d.key))?;
    }
    Ok(kept)
}

fn key_of(row: &Row) -> DeliveryKey {
    DeliveryKey { departure: DepartureId(row.int(0)), lane: row.int(1), position: row.int(2) }
}

fn delivery(row: &Row) -> Delivery {
    Delivery {
        key: key_of(row),
        reader: ReaderId(row.int(3)),
        cohort: CohortId(row.int(4)),
        kind: if row.int(10) == 1 { DepartureKind::Edition } else { DepartureKind::Letter },
        newsletter: NewsletterId(row.int(11)),
        attempts: row.int(5),
        // Route 0: it was not tried yet.
        tried_by: Some(RouteId(row.int(12))).filter(|route| route.0 != 0),
        sealed: (row.int(6), row.bytes(7)),
        instant: row.int(8),
        expires: row.int(9),
    }
}

/// Rows that are not to be sent, for one reason. A letter is settled with it.
///
/// # Errors
/// [`crate::Error`].
pub fn exclude(tx: &Write, keys: &[DeliveryKey], why: Excluded) -> Result<()> {
    let rows: Vec<_> = keys
        .iter()
        .map(|k| row![DeliveryState::Excluded as i64, why as i64, k.departure.0, k.lane, k.position])
        .collect();
    tx.update_many(&EXCLUDE_ROWS, &rows)?;
    settle_letters(tx, keys.iter().map(|k| k.departure))
}

// P7: no message to a reader starts after their unsubscribing was acknowledged; and a paused departure starts none.
const MARK: UpdateMany = UpdateMany {
    table: "delivery",
    set: &[("state", Kind::Int), ("route", Kind::Int)],
    also: "",
    key: &[
        ("departure", Kind::Int),
        ("lane", Kind::Int),
        ("position", Kind::Int),
        ("state", Kind::Int),
        ("epoch", Kind::Int),
        // A copy made before its edition was corrected says what is no longer to be said.
        ("cohort", Kind::Int),
    ],
    guard: "EXISTS (
       SELECT 1 FROM departure AS p
       JOIN subscription AS s ON s.newsletter = p.newsletter
       WHERE p.id = {t}.departure AND p.state = 1 AND s.reader = {t}.reader AND s.state IN (1, 2)
     )",
};

/// A copy whose final dot is about to leave, the cohort whose mail it was made from, and the way that it takes.
pub type Mark = (DeliveryKey, CohortId, RouteId);

/// Marks copies in flight, each by its way: only after this is durable may their final dot leave. Tells for each whether it
/// may.
///
/// # Errors
/// [`crate::Error`].
pub fn mark(tx: &Write, lease: Lease, copies: &[Mark]) -> Result<Vec<bool>> {
    if copies.is_empty() || !holds(tx, lease)? {
        return Ok(vec![false; copies.len()]);
    }
    mark_held(tx, lease, copies)
}

fn mark_held(tx: &Write, lease: Lease, copies: &[Mark]) -> Result<Vec<bool>> {
    let rows: Vec<_> = copies
        .iter()
        .map(|(k, cohort, route)| {
            let (from, to) = (DeliveryState::Leased as i64, DeliveryState::InFlight as i64);
            row![to, route.0, k.departure.0, k.lane, k.position, from, lease.epoch, cohort.0]
        })
        .collect();
    tx.update_many(&MARK, &rows)
}

/// How one try of a copy ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Which copy.
    pub key: DeliveryKey,
    /// Its reader: named in `doubt` when uncertain.
    pub reader: ReaderId,
    /// Of an edition, or a letter, which is settled with it.
    pub kind: DepartureKind,
    /// How many tries came before.
    pub attempts: i64,
    /// Where it goes.
    pub state: DeliveryState,
    /// When to try again, for `Deferred`.
    pub due: Option<Ms>,
    /// By which way.
    pub route: RouteId,
    /// What was answered, addresses scrubbed.
    pub answer: newsroom::Answer,
}

impl Settled {
    /// How a try of `copy`, as it was claimed, ended.
    pub fn new(
        copy: &Delivery,
        state: DeliveryState,
        due: Option<Ms>,
        route: RouteId,
        answer: newsroom::Answer,
    ) -> Self {
        let Delivery { key, reader, kind, attempts, .. } = *copy;
        Self { key, reader, kind, attempts, state, due, route, answer }
    }
}

const SETTLE: UpdateMany = UpdateMany {
    table: "delivery",
    set: &[("state", Kind::Int), ("route", Kind::Int)],
    also: "attempts = attempts + 1",
    key: &[("departure", Kind::Int), ("lane", Kind::Int), ("position", Kind::Int), ("epoch", Kind::Int)],
    guard: "{t}.state IN (1, 2)",
};
const ATTEMPTS: InsertMany = InsertMany {
    table: "attempt",
    columns: &[
        ("departure", Kind::Int),
        ("lane", Kind::Int),
        ("position", Kind::Int),
        ("number", Kind::Int),
        ("at", Kind::Int),
        ("route", Kind::Int),
        ("state", Kind::Int),
        ("code", Kind::Int),
        ("reply", Kind::Text),
    ],
};
const DEFERRALS: InsertMany = InsertMany {
    table: "deferral",
    columns: &[("departure", Kind::Int), ("lane", Kind::Int), ("position", Kind::Int), ("due", Kind::Int)],
};
const DOUBTS: InsertMany = InsertMany {
    table: "doubt",
    columns: &[
        ("departure", Kind::Int),
        ("lane", Kind::Int),
        ("position", Kind::Int),
        ("since", Kind::Int),
        ("reader", Kind::Int),
        ("cause", Kind::Text),
    ],
};
const FORGET_DEFERRAL: &str = sql!("DELETE FROM deferral WHERE departure = $1 AND lane = $2 AND position = $3");

fn forget_deferrals(tx: &Write, keys: impl Iterator<Item = DeliveryKey>) -> Result<()> {
    for k in keys {
        tx.execute(FORGET_DEFERRAL, args![k.departure.0, k.lane, k.position])?;
    }
    Ok(())
}

/// Keeps how tries ended. Gives the keys that this poster no longer held: another epoch has taken them over, and what
/// was answered to the older one stays as the doubt already listed.
///
/// # Errors
/// [`crate::Error`].
pub fn settle(tx: &Write, lease: Lease, ended: &[Settled]) -> Result<Vec<DeliveryKey>> {
    if ended.is_empty() || !holds(tx, lease)? {
        return Ok(ended.iter().map(|s| s.key).collect());
    }
    settle_held(tx, lease, ended)
}

/// What [`keep`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Outcomes that came too late, as [`settle`] gives them.
    pub lost: Vec<DeliveryKey>,
    /// Which marks stand, as [`mark`] tells.
    pub marked: Vec<bool>,
}

/// Outcomes and marks of one moment: [`settle`], then `between`, if every outcome was in time, then [`mark`], with the lease
/// asked for once.
///
/// # Errors
/// [`crate::Error`], and what `between` gives.
pub fn keep(
    tx: &Write,
    lease: Lease,
    ended: &[Settled],
    copies: &[Mark],
    between: impl FnOnce(&Write) -> Result<()>,
) -> Result<Kept> {
    if !holds(tx, lease)? {
        return Ok(Kept { lost: ended.iter().map(|s| s.key).collect(), marked: vec![false; copies.len()] });
    }
    let lost = settle_held(tx, lease, ended)?;
    if lost.is_empty() {
        between(tx)?;
    }
    Ok(Kept { lost, marked: mark_held(tx, lease, copies)? })
}

fn settle_held(tx: &Write, lease: Lease, ended: &[Settled]) -> Result<Vec<DeliveryKey>> {
    let rows: Vec<_> = ended
        .iter()
        .map(|s| row![s.state as i64, s.route.0, s.key.departure.0, s.key.lane, s.key.position, lease.epoch])
        .collect();
    let mine = tx.update_many(&SETTLE, &rows)?;
    let kept = || ended.iter().zip(&mine).filter(|(_, mine)| **mine).map(|(s, _)| s);
    let attempts: Vec<_> = kept()
        .map(|s| {
            let (k, a) = (s.key, &s.answer);
            row![k.departure.0, k.lane, k.position, s.attempts + 1, a.at, s.route.0, s.state as i64, a.code, &a.text]
        })
        .collect();
    tx.insert_many(&ATTEMPTS, &attempts)?;
    let waiting: Vec<_> = kept()
        .filter(|s| s.state == DeliveryState::Deferred)
        .map(|s| {
            let due = s.due.expect("a deferred copy has a time to try again");
            row![s.key.departure.0, s.key.lane, s.key.position, due]
        })
        .collect();
    tx.insert_many(&DEFERRALS, &waiting)?;
    let doubts: Vec<_> = kept()
        .filter(|s| s.state == DeliveryState::Uncertain)
        .map(|s| row![s.key.departure.0, s.key.lane, s.key.position, s.answer.at, s.reader.0, &s.answer.text])
        .collect();
    tx.insert_many(&DOUBTS, &doubts)?;
    let letters = kept().filter(|s| s.kind == DepartureKind::Letter && s.state.terminal());
    settle_letters(tx, letters.map(|s| s.key.departure))?;
    Ok(ended.iter().zip(&mine).filter(|(_, mine)| !**mine).map(|(s, _)| s.key).collect())
}

const SETTLE_LETTER: UpdateMany = UpdateMany {
    table: "departure",
    set: &[("state", Kind::Int)],
    also: "",
    key: &[("id", Kind::Int), ("kind", Kind::Int)],
    guard: "{t}.state = 1",
};

/// A letter has an audience of one: it is settled with it.
fn settle_letters(tx: &Write, ended: impl Iterator<Item = DepartureId>) -> Result<()> {
    let rows: Vec<_> = ended.map(|d| row![DepartureState::Settled as i64, d.0, DepartureKind::Letter as i64]).collect();
    tx.update_many(&SETTLE_LETTER, &rows)?;
    Ok(())
}

const RELEASE: UpdateMany = UpdateMany {
    table: "delivery",
    set: &[("state", Kind::Int)],
    also: "",
    key: &[("departure", Kind::Int), ("lane", Kind::Int), ("position", Kind::Int), ("epoch", Kind::Int)],
    guard: "{t}.state IN (1, 2)",
};
const LEAVERS: &str = sql!(
    "SELECT d.departure, d.lane, d.position
     FROM delivery AS d
     JOIN departure AS p ON p.id = d.departure
     WHERE d.departure = $1 AND d.lane = $2 AND d.position = $3 AND d.state = 1
       AND NOT EXISTS (
         SELECT 1 FROM subscription AS s
         WHERE s.reader = d.reader AND s.newsletter = p.newsletter AND s.state IN (1, 2)
       )"
);

/// Gives back copies of which nothing counts as sent: no final dot has left. Readers who have gone meanwhile are
/// excluded, the others queued again, no attempt counted and nobody blamed.
///
/// # Errors
/// [`crate::Error`].
pub fn release(tx: &Write, lease: Lease, keys: &[DeliveryKey]) -> Result<()> {
    if !holds(tx, lease)? {
        return Ok(());
    }
    for k in keys {
        let gone: Vec<_> = tx.query(LEAVERS, args![k.departure.0, k.lane, k.position])?.iter().map(key_of).collect();
        exclude(tx, &gone, Excluded::Unsubscribed)?;
    }
    let rows: Vec<_> = keys
        .iter()
        .map(|k| row![DeliveryState::Queued as i64, k.departure.0, k.lane, k.position, lease.epoch])
        .collect();
    tx.update_many(&RELEASE, &rows)?;
    Ok(())
}

const EXPIRE: &str = sql!(
    "UPDATE delivery SET state = 8
     WHERE state IN (0, 4)
       AND departure IN (SELECT id FROM departure WHERE state IN (0, 1, 2) AND expires <= $1 AND held = 0)"
);
const EXPIRE_DEFERRALS: &str = sql!(
    "DELETE FROM deferral
     WHERE departure IN (SELECT id FROM departure WHERE state IN (0, 1, 2) AND expires <= $1 AND held = 0)"
);
const EXPIRED_LETTERS: &str = sql!(
    "UPDATE departure SET state = 3
     WHERE kind = 2 AND state IN (0, 1, 2) AND expires <= $1
       AND NOT EXISTS (SELECT 1 FROM delivery AS d WHERE d.departure = departure.id AND d.state IN (0, 1, 2, 4))"
);

/// Ends what waits in departures that have expired: stale news is no news. Departures that are held for our own caps wait
/// for a person instead. Gives how many copies it ended.
///
/// # Errors
/// [`crate::Error`].
pub fn expire(tx: &Write, now: Ms) -> Result<u64> {
    let ended = tx.execute(EXPIRE, args![now])?;
    if ended > 0 {
        tx.execute(EXPIRE_DEFERRALS, args![now])?;
    }
    tx.execute(EXPIRED_LETTERS, args![now])?;
    Ok(ended)
}

const SUMS: &str = sql!("SELECT state, count(*) FROM delivery WHERE departure = $1 GROUP BY state ORDER BY state");
const DOUBTED: &str = sql!("SELECT count(DISTINCT reader) FROM doubt WHERE departure = $1");

/// How many copies of a departure are in each state.
///
/// # Errors
/// [`crate::Error`].
pub fn sums(tx: &Read, departure: DepartureId) -> Result<Sums> {
    let rows = tx.query(SUMS, args![departure.0])?;
    let doubted = tx.first(DOUBTED, args![departure.0])?.map_or(0, |r| r.int(0));
    Ok(Sums::new(rows.iter().map(|r| (DeliveryState::from_raw(r.int(0)), r.int(1))), doubted))
}

const BY_ROUTE: &str = sql!(
    "SELECT route, state, count(*)
     FROM delivery
     WHERE departure = $1 AND state IN (2, 3, 4, 5, 6)
     GROUP BY route, state
     ORDER BY route, state"
);

/// How many copies of a departure each way last had in hand, by what came of it: only what was tried has one.
///
/// # Errors
/// [`crate::Error`].
pub fn by_route(tx: &Read, departure: DepartureId) -> Result<Vec<(RouteId, DeliveryState, i64)>> {
    let rows = tx.query(BY_ROUTE, args![departure.0])?;
    Ok(rows.iter().map(|r| (RouteId(r.int(0)), DeliveryState::from_raw(r.int(1)), r.int(2))).collect())
}

const SETTLE_DEPARTURE: &str = sql!(
    "UPDATE departure SET state = 3
     WHERE id = $1 AND state = 1
       AND NOT EXISTS (SELECT 1 FROM delivery AS d WHERE d.departure = departure.id AND d.state IN (0, 1, 2, 4))"
);

/// Closes a departure of which every copy has its end. `false`: something still moves.
///
/// # Errors
/// [`crate::Error`].
pub fn close(tx: &Write, departure: DepartureId) -> Result<bool> {
    Ok(tx.execute(SETTLE_DEPARTURE, args![departure.0])? == 1)
}

const NEXT_DUE: &str = sql!(
    "SELECT f.due FROM deferral AS f
     JOIN departure AS p ON p.id = f.departure
     WHERE p.state = 1
     ORDER BY f.due
     LIMIT 1"
);

/// When the next deferred copy is due, if any waits.
///
/// # Errors
/// [`crate::Error`].
pub fn next_due(tx: &Read) -> Result<Option<Ms>> {
    Ok(tx.first(NEXT_DUE, args![])?.map(|r| r.int(0)))
}

/// A reader who was ever uncertain in a departure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Which copy.
    pub key: DeliveryKey,
    /// Who.
    pub reader: ReaderId,
    /// Since when.
    pub since: Ms,
    /// What happened.
    pub cause: String,
    /// How it was resolved, if it was.
    pub resolution: Option<String>,
}

const DOUBTFUL: &str = sql!(
    "SELECT departure, lane, position, reader, since, cause, resolution
     FROM doubt
     WHERE departure = $1
     ORDER BY lane, position, since"
);

/// Everyone who was ever uncertain in a departure.
///
/// # Errors
/// [`crate::Error`].
pub fn doubtful(tx: &Read, departure: DepartureId) -> Result<Vec<Doubt>> {
    let doubt = |r: &Row| Doubt {
        key: key_of(r),
        reader: ReaderId(r.int(3)),
        since: r.int(4),
        cause: r.text(5),
        resolution: r.text_or_none(6),
    };
    Ok(tx.query(DOUBTFUL, args![departure.0])?.iter().map(doubt).collect())
}

/// One row of a departure's proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which copy.
    pub key: DeliveryKey,
    /// Who.
    pub reader: ReaderId,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it was excluded; 0 when it was not.
    pub why: i64,
    /// How many tries.
    pub attempts: i64,
}

const LINES: &str = sql!(
    "SELECT departure, lane, position, reader, state, why, attempts
     FROM delivery
     WHERE departure = $1 AND (lane, position) > ($2, $3)
     ORDER BY lane, position
     LIMIT $4"
);

/// A page of a departure's ledger, after `lane` and `position`; start with `(-1, -1)`.
///
/// # Errors
/// [`crate::Error`].
pub fn lines(tx: &Read, departure: DepartureId, after: (i64, i64), limit: i64) -> Result<Vec<Line>> {
    let line = |r: &Row| Line {
        key: key_of(r),
        reader: ReaderId(r.int(3)),
        state: DeliveryState::from_raw(r.int(4)),
        why: r.int(5),
        attempts: r.int(6),
    };
    Ok(tx.query(LINES, args![departure.0, after.0, after.1, limit])?.iter().map(line).collect())
}

const COHORT: &str = sql!("SELECT subject, body FROM cohort WHERE id = $1");

/// The mail that a cohort's readers get.
///
/// # Errors
/// [`crate::Error`].
pub fn cohort(tx: &Read, id: CohortId) -> Result<Option<newsroom::Cohort>> {
    Ok(tx.first(COHORT, args![id.raw()])?.map(|r| newsroom::Cohort { id, subject: r.text(0), body: r.bytes(1) }))
}
