//! Sources: what is read, when next, and how it has been doing.

use newsroom::{Ms, Policy, Source, SourceHealth, SourceId, SourceKind, Topics};

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

macro_rules! source_columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, url, kind, title, topics, etag, last_modified, due, failures, last_good, last_error, stopped, policy,
       licence
     FROM source ",
            $rest
        )
    };
}

const LIST: &str = source_columns!("ORDER BY id");
const DUE: &str = source_columns!("WHERE stopped = 0 AND due <= $1 ORDER BY due, id LIMIT $2");
const ADD: &str = sql!(
    "INSERT INTO source (id, url, kind, policy, title, topics, due, interval_ms, failures, moved_seen, stopped, licence)
     VALUES ($1, $2, $3, $8, $4, $5, $6, $7, 0, 0, 0, $9)
     ON CONFLICT (url) DO NOTHING"
);
const BY_ID: &str = source_columns!("WHERE id = $1");
const SET_POLICY: &str = sql!("UPDATE source SET policy = $2, licence = $3 WHERE id = $1");
const REMOVE: &str = sql!("DELETE FROM source WHERE id = $1");
const READING: &str = sql!("SELECT body_hash, interval_ms, moved_to, moved_seen FROM source WHERE id = $1");
const RECORD: &str = sql!(
    "UPDATE source
     SET url = $2, title = $3, etag = $4, last_modified = $5, body_hash = $6, due = $7, interval_ms = $8, failures = $9,
       last_good = $10, last_error = $11, moved_to = $12, moved_seen = $13, stopped = $14
     WHERE id = $1"
);

fn source(row: &Row) -> Source {
    Source {
        id: SourceId(row.int(0)),
        url: row.text(1),
        kind: if row.int(2) == 1 { SourceKind::Feed } else { SourceKind::Page },
        policy: Policy::from_raw(row.int(12)),
        licence: row.text_or_none(13),
        title: row.text(3),
        topics: Topics::from_raw(row.int(4)),
        etag: row.text_or_none(5),
        last_modified: row.text_or_none(6),
        due: row.int(7),
        health: SourceHealth {
            failures: u32::try_from(row.int(8)).expect("failures fit 32 bits"),
            last_good: row.int_or_none(9),
            last_error: row.text_or_none(10),
            stopped: row.int(11) == 1,
        },
    }
}

/// Adds a source; `false` when its address is known already.
///
/// # Errors
/// [`crate::Error`].
pub fn add(tx: &Write, source: &Source, interval_ms: Ms) -> Result<bool> {
    let kind = if source.kind == SourceKind::Feed { 1 } else { 2 };
    let Source { id, url, title, topics, due, policy, licence, .. } = source;
    let (kind, policy) = (i64::from(kind), *policy as i64);
    Ok(tx.execute(ADD, args![id.0, url, kind, title, topics.raw(), *due, interval_ms, policy, licence.clone()])? == 1)
}

/// Removes a source; its items stay. `false` when there is none.
///
/// # Errors
/// [`crate::Error`].
pub fn remove(tx: &Write, id: SourceId) -> Result<bool> {
    Ok(tx.execute(REMOVE, args![id.0])? == 1)
}

/// What may be done with what a source publishes from now on, and under which terms. `false` when there is no such source.
///
/// # Errors
/// [`crate::Error`].
pub fn set_policy(tx: &Write, id: SourceId, policy: Policy, licence: Option<&str>) -> Result<bool> {
    Ok(tx.execute(SET_POLICY, args![id.0, policy as i64, licence])? == 1)
}

const PAUSE: &str = sql!("UPDATE source SET stopped = 1 WHERE id = $1");
const RESUME: &str = sql!("UPDATE source SET stopped = 0, failures = 0, due = $2 WHERE id = $1");

/// Asks a source no more, until it is resumed.
///
/// # Errors
/// [`crate::Error`].
pub fn pause(tx: &Write, id: SourceId) -> Result<bool> {
    Ok(tx.execute(PAUSE, args![id.0])? == 1)
}

/// Asks a source again, from now on.
///
/// # Errors
/// [`crate::Error`].
pub fn resume(tx: &Write, id: SourceId, now: Ms) -> Result<bool> {
    Ok(tx.execute(RESUME, args![id.0, now])? == 1)
}

/// A source by its id.
///
/// # Errors
/// [`crate::Error`].
pub fn by_id(tx: &Read, id: SourceId) -> Result<Option<Source>> {
    Ok(tx.first(BY_ID, args![id.0])?.as_ref().map(source))
}

/// Every source.
///
/// # Errors
/// [`crate::Error`].
pub fn list(tx: &Read) -> Result<Vec<Source>> {
    Ok(tx.query(LIST, args![])?.iter().map(source).collect())
}

/// Sources whose time has come, the longest waiting first.
///
/// # Errors
/// [`crate::Error`].
pub fn due(tx: &Read, now: Ms, limit: i64) -> Result<Vec<Source>> {
    Ok(tx.query(DUE, args![now, limit])?.iter().map(source).collect())
}

/// What the reading of a source remembers between two visits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// SHA-256 of the last body.
    pub body_hash: Option<Vec<u8>>,
    /// The current interval, in milliseconds.
    pub interval_ms: Ms,
    /// Where a permanent redirect pointed.
    pub moved_to: Option<String>,
    /// How often in a row it did.
    pub moved_seen: i64,
}

/// What is remembered of a source's last visit.
///
/// # Errors
/// [`crate::Error`].
pub fn reading(tx: &Read, id: SourceId) -> Result<Option<Reading>> {
    Ok(tx.first(READING, args![id.0])?.map(|r| Reading {
        body_hash: r.bytes_or_none(0),
        interval_ms: r.int(1),
        moved_to: r.text_or_none(2),
        moved_seen: r.int(3),
    }))
}

/// Keeps what a visit found.
///
/// # Errors
/// [`crate::Error`].
pub fn record(tx: &Write, source: &Source, reading: &Reading) -> Result<()> {
    let (s, h) = (source, &source.health);
    tx.execute(
        RECORD,
        args![
            s.id.0,
            &s.url,
            &s.title,
            s.etag.clone(),
            s.last_modified.clone(),
            reading.body_hash.clone(),
            s.due,
            reading.interval_ms,
            h.failures,
            h.last_good,
            h.last_error.clone(),
            reading.moved_to.clone(),
            reading.moved_seen,
            h.stopped
        ],
    )?;
    Ok(())
}
