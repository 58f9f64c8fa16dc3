//! Tallies of a departure for a page that an editor reads: by lane, and why copies were refused. Counts alone, no reader.

use newsroom::{DeliveryState, DepartureId};

use crate::{Read, Result, args, sql};

const BY_LANE: &str = sql!(
    "SELECT lane, state, count(*)
     FROM delivery
     WHERE departure = $1
     GROUP BY lane, state
     ORDER BY lane, state"
);
const REFUSALS: &str = sql!(
    "SELECT code, reply, count(*)
     FROM attempt
     WHERE departure = $1 AND state = 5
     GROUP BY code, reply
     ORDER BY count(*) DESC, code, reply
     LIMIT $2"
);
const EXCLUSIONS: &str = sql!(
    "SELECT why, count(*)
     FROM delivery
     WHERE departure = $1 AND state = 7
     GROUP BY why
     ORDER BY why"
);

/// How many copies of a departure are in which state, by lane: for classes of providers, never for one reader.
///
/// # Errors
/// [`crate::Error`].
pub fn by_lane(tx: &Read, departure: DepartureId) -> Result<Vec<(i64, DeliveryState, i64)>> {
    let rows = tx.query(BY_LANE, args![departure.0])?;
    Ok(rows.iter().map(|r| (r.int(0), DeliveryState::from_raw(r.int(1)), r.int(2))).collect())
}

/// What servers said when they refused copies for good, the most frequent first: code, words, how often.
///
/// # Errors
/// [`crate::Error`].
pub fn refusals(tx: &Read, departure: DepartureId, limit: i64) -> Result<Vec<(i64, String, i64)>> {
    let rows = tx.query(REFUSALS, args![departure.0, limit])?;
    Ok(rows.iter().map(|r| (r.int(0), r.text(1), r.int(2))).collect())
}

/// Why copies were not to be sent: the reason as the ledger keeps it, and how often.
///
/// # Errors
/// [`crate::Error`].
pub fn exclusions(tx: &Read, departure: DepartureId) -> Result<Vec<(i64, i64)>> {
    Ok(tx.query(EXCLUSIONS, args![departure.0])?.iter().map(|r| (r.int(0), r.int(1))).collect())
}
