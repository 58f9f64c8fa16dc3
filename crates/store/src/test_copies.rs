//! Test copies: what was sent to an address that a member typed, kept for the record. No reader, no ledger row, nothing
//! that counts as read.

use newsroom::{Ms, NewsletterId};

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

/// A test copy on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestCopy {
    /// Its id.
    pub id: i64,
    /// Of which newsletter.
    pub newsletter: NewsletterId,
    /// When.
    pub at: Ms,
    /// Who asked for it.
    pub asked_by: String,
    /// The address, redacted: `a…@example.org`.
    pub redacted: String,
    /// Its subject.
    pub subject: String,
    /// The relay's reply code; 0 when there was none.
    pub code: i64,
    /// What it said, addresses scrubbed.
    pub reply: String,
}

const RECORD: &str = sql!(
    "INSERT INTO test_copy (id, newsletter, at, asked_by, redacted, subject, code, reply)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
);
const SINCE: &str = sql!("SELECT count(*) FROM test_copy WHERE newsletter = $1 AND at > $2");
const LATEST: &str = sql!(
    "SELECT id, newsletter, at, asked_by, redacted, subject, code, reply
     FROM test_copy
     WHERE newsletter = $1
     ORDER BY at DESC, id DESC
     LIMIT $2"
);

/// Puts a test copy on record.
///
/// # Errors
/// [`crate::Error`].
pub fn record(tx: &Write, c: &TestCopy) -> Result<()> {
    tx.execute(RECORD, args![c.id, c.newsletter.0, c.at, &c.asked_by, &c.redacted, &c.subject, c.code, &c.reply])?;
    Ok(())
}

/// How many test copies of a newsletter were sent after `since`.
///
/// # Errors
/// [`crate::Error`].
pub fn since(tx: &Read, newsletter: NewsletterId, since: Ms) -> Result<i64> {
    Ok(tx.first(SINCE, args![newsletter.0, since])?.map_or(0, |r| r.int(0)))
}

/// The latest test copies of a newsletter.
///
/// # Errors
/// [`crate::Error`].
pub fn latest(tx: &Read, newsletter: NewsletterId, limit: i64) -> Result<Vec<TestCopy>> {
    let copy = |r: &Row| TestCopy {
        id: r.int(0),
        newsletter: NewsletterId(r.int(1)),
        at: r.int(2),
        asked_by: r.text(3),
        redacted: r.text(4),
        subject: r.text(5),
        code: r.int(6),
        reply: r.text(7),
    };
    Ok(tx.query(LATEST, args![newsletter.0, limit])?.iter().map(copy).collect())
}
