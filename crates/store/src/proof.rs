//! A departure's proof: one line for each reader of it, with what was last answered. Read in pages by key, so that a million
//! readers need no more memory than a page; readers are named by id alone, and what was answered was scrubbed of addresses
//! before it was kept.

use newsroom::{Answer, DeliveryKey, DeliveryState, DepartureId, Id, Ms, ReaderId, RouteId};

use crate::doubt::{End, Resolution};
use crate::engine::Row;
use crate::{Read, Result, args, sql};

/// One reader's line.
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
    /// The way that had it last in hand; none when none had.
    pub route: Option<RouteId>,
    /// What was answered to the last try that was answered or given up.
    pub answer: Option<Answer>,
    /// Its latest doubt: since when, why, and how it ended if it has.
    pub doubt: Option<(Ms, String, Option<Resolution>)>,
}

const LINES: &str = sql!(
    "SELECT d.departure, d.lane, d.position, d.reader, d.state, d.why, d.attempts, d.route, a.at, a.code, a.reply,
       b.since, b.cause, b.resolution, b.resolved_at, b.resolved_by
     FROM delivery AS d
     LEFT JOIN attempt AS a
       ON a.departure = d.departure AND a.lane = d.lane AND a.position = d.position AND a.number = d.attempts
     LEFT JOIN doubt AS b
       ON b.departure = d.departure AND b.lane = d.lane AND b.position = d.position
       AND b.since = (SELECT max(o.since) FROM doubt AS o
                      WHERE o.departure = d.departure AND o.lane = d.lane AND o.position = d.position)
     WHERE d.departure = $1 AND (d.lane, d.position) > ($2, $3)
     ORDER BY d.lane, d.position
     LIMIT $4"
);

/// A page of a departure's proof, after `lane` and `position`; start with `(-1, -1)`.
///
/// # Errors
/// [`crate::Error`].
pub fn lines(tx: &Read, departure: DepartureId, after: (i64, i64), limit: i64) -> Result<Vec<Line>> {
    Ok(tx.query(LINES, args![departure.0, after.0, after.1, limit])?.iter().map(line).collect())
}

fn line(r: &Row) -> Line {
    let answer =
        |at| Answer { at, code: r.int_or_none(9).unwrap_or_default(), text: r.text_or_none(10).unwrap_or_default() };
    let resolution = || {
        r.text_or_none(13).map(|word| Resolution {
            end: End::from_word(&word),
            at: r.int_or_none(14).unwrap_or_default(),
            by: r.text_or_none(15).unwrap_or_default(),
        })
    };
    Line {
        key: DeliveryKey { departure: DepartureId(r.int(0)), lane: r.int(1), position: r.int(2) },
        reader: ReaderId::from_raw(r.int(3)),
        state: DeliveryState::from_raw(r.int(4)),
        why: r.int(5),
        attempts: r.int(6),
        route: Some(RouteId(r.int(7))).filter(|route| route.0 > 0),
        answer: r.int_or_none(8).map(answer),
        doubt: r.int_or_none(11).map(|since| (since, r.text_or_none(12).unwrap_or_default(), resolution())),
    }
}
