//! What the relays' caps need to know: what was tried of late, what waits, and what a person chose for a shortfall.
//!
//! A departure that our own caps kept from leaving in time is **held**: paused, and spared from expiring, until a person
//! lengthens its life or accepts that so many readers do not get it. Nothing here reads or sets a cap.

use std::collections::BTreeMap;

use newsroom::{DepartureId, HOUR_MS, Ms, RouteId};

use crate::ledger::POSTER_ENDED;
use crate::{Read, Result, Write, args, sql};

/// An answer may be kept so long after its departure has expired: the wait after the final dot, and room to spare.
const ANSWERED_LATE_MS: Ms = HOUR_MS;

const TRIED: &str = sql!(
    "SELECT a.route, a.at / 60000, count(*)
     FROM departure AS p
     JOIN attempt AS a ON a.departure = p.id
     WHERE p.expires > $2 AND a.at > $1
     GROUP BY a.route, a.at / 60000
     ORDER BY a.route, a.at / 60000"
);
const TRIED_UNKNOWN: &str = sql!(
    "SELECT d.route, u.since / 60000, count(*)
     FROM doubt AS u
     JOIN delivery AS d ON d.departure = u.departure AND d.lane = u.lane AND d.position = u.position
     WHERE u.since > $1 AND u.cause = $2
     GROUP BY d.route, u.since / 60000
     ORDER BY d.route, u.since / 60000"
);

/// So many copies, tried in each minute, counted from 1970.
pub type Minutes = Vec<(i64, i64)>;

/// How many copies were tried by each way in each minute after `since`, in order: what was answered, and what an ended
/// poster may have sent.
///
/// # Errors
/// [`crate::Error`].
pub fn tried(tx: &Read, since: Ms) -> Result<BTreeMap<RouteId, Minutes>> {
    let mut ways: BTreeMap<RouteId, Minutes> = BTreeMap::new();
    let mut rows = tx.query(TRIED, args![since, since - ANSWERED_LATE_MS])?;
    rows.extend(tx.query(TRIED_UNKNOWN, args![since, POSTER_ENDED])?);
    for row in rows {
        ways.entry(RouteId(row.int(0))).or_default().push((row.int(1), row.int(2)));
    }
    ways.values_mut().for_each(|minutes| minutes.sort_unstable());
    Ok(ways)
}

/// What a departure has still to send, and what was chosen for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Copies that have not come to their end.
    pub own: i64,
    /// Copies of others that go first: letters, and departures opened before.
    pub ahead: i64,
    /// When what waits expires.
    pub expires: Ms,
    /// How many readers may go without it for our own caps: a person accepted that.
    pub accepted: i64,
    /// It waits for that choice.
    pub held: bool,
}

const STANDING: &str = sql!("SELECT expires, shortfall, held FROM departure WHERE id = $1");
const OWN: &str = sql!("SELECT count(*) FROM delivery WHERE departure = $1 AND state IN (0, 1, 2, 4)");
const AHEAD: &str = sql!(
    "SELECT count(*)
     FROM departure AS p
     JOIN delivery AS d ON d.departure = p.id
     WHERE p.state IN (0, 1, 2) AND p.state = 1 AND (p.kind = 2 OR p.id < $1) AND d.state IN (0, 1, 2, 4)"
);

/// What a departure has still to send. `None`: there is none of that id.
///
/// # Errors
/// [`crate::Error`].
pub fn waiting(tx: &Read, id: DepartureId) -> Result<Option<Waiting>> {
    let Some(standing) = tx.first(STANDING, args![id.0])? else { return Ok(None) };
    let own = tx.first(OWN, args![id.0])?.map_or(0, |r| r.int(0));
    let (expires, accepted, held) = (standing.int(0), standing.int(1), standing.int(2) == 1);
    Ok(Some(Waiting { own, ahead: ahead(tx, id)?, expires, accepted, held }))
}

/// How many copies go before those of a departure with this id.
///
/// # Errors
/// [`crate::Error`].
pub fn ahead(tx: &Read, id: DepartureId) -> Result<i64> {
    Ok(tx.first(AHEAD, args![id.0])?.map_or(0, |r| r.int(0)))
}

const HOLD: &str = sql!(
    "UPDATE departure SET held = 1, state = 2
     WHERE kind = 1 AND state = 1 AND held = 0 AND expires <= $1
       AND (SELECT count(*) FROM delivery AS d WHERE d.departure = departure.id AND d.state IN (0, 1)) > shortfall"
);

/// Holds the departures whose time has run out with more readers waiting than anybody accepted. Called when our own caps
/// are what kept them waiting. Gives how many it held.
///
/// # Errors
/// [`crate::Error`].
pub fn hold(tx: &Write, now: Ms) -> Result<u64> {
    tx.execute(HOLD, args![now])
}

const LENGTHEN: &str =
    sql!("UPDATE departure SET expires = $2, held = 0 WHERE id = $1 AND state IN (0, 1, 2) AND expires < $2");
const ACCEPT: &str = sql!("UPDATE departure SET shortfall = $2, held = 0 WHERE id = $1 AND state IN (0, 1, 2)");

/// Gives a departure more time, and lets it go on if it was held. Time is never taken away.
///
/// # Errors
/// [`crate::Error`].
pub fn lengthen(tx: &Write, id: DepartureId, expires: Ms) -> Result<()> {
    tx.execute(LENGTHEN, args![id.0, expires])?;
    Ok(())
}

/// Accepts that up to `readers` do not get a departure because of our own caps.
///
/// # Errors
/// [`crate::Error`].
pub fn accept(tx: &Write, id: DepartureId, readers: i64) -> Result<()> {
    tx.execute(ACCEPT, args![id.0, readers])?;
    Ok(())
}

/// Whether a departure waits for a person's choice.
///
/// # Errors
/// [`crate::Error`].
pub fn is_held(tx: &Read, id: DepartureId) -> Result<bool> {
    Ok(tx.first(STANDING, args![id.0])?.is_some_and(|r| r.int(2) == 1))
}
