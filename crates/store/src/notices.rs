//! Notices of relays, sealed: laid in at the public door, opened behind the vault, erased when they are judged.
//!
//! Beside them the keyed sums of what a signed notice carries once, so that it is believed once.

use newsroom::Ms;

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

/// A notice that waits, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedNotice {
    /// Its id.
    pub id: i64,
    /// What the seal made of it.
    pub sealed: Vec<u8>,
    /// When it came.
    pub received: Ms,
}

const LAY_IN: &str = sql!("INSERT INTO notice (id, sealed, received) VALUES ($1, $2, $3)");
const WAITING: &str = sql!("SELECT id, sealed, received FROM notice WHERE id > $1 ORDER BY id LIMIT $2");
const COUNT: &str = sql!("SELECT count(*) FROM notice");
const ERASE: &str = sql!("DELETE FROM notice WHERE id = $1");

/// Lays a sealed notice in.
///
/// # Errors
/// [`crate::Error`].
pub fn lay_in(tx: &Write, notice: &SealedNotice) -> Result<()> {
    tx.execute(LAY_IN, args![notice.id, &notice.sealed[..], notice.received])?;
    Ok(())
}

/// Notices that wait, in order of their ids, from the one after `after`.
///
/// # Errors
/// [`crate::Error`].
pub fn waiting(tx: &Read, after: i64, limit: i64) -> Result<Vec<SealedNotice>> {
    let notice = |r: &Row| SealedNotice { id: r.int(0), sealed: r.bytes(1), received: r.int(2) };
    Ok(tx.query(WAITING, args![after, limit])?.iter().map(notice).collect())
}

/// How many wait.
///
/// # Errors
/// [`crate::Error`].
pub fn count(tx: &Read) -> Result<i64> {
    Ok(tx.first(COUNT, args![])?.map_or(0, |r| r.int(0)))
}

/// Erases one that was judged. `false`: somebody else had judged it.
///
/// # Errors
/// [`crate::Error`].
pub fn erase(tx: &Write, id: i64) -> Result<bool> {
    Ok(tx.execute(ERASE, args![id])? == 1)
}

const SPEND: &str = sql!("INSERT INTO notice_token (token, at) VALUES ($1, $2) ON CONFLICT DO NOTHING");
const FORGET: &str = sql!("DELETE FROM notice_token WHERE at < $1");

/// Spends what a notice may carry once. `false`: it was spent before.
///
/// # Errors
/// [`crate::Error`].
pub fn spend(tx: &Write, token: &[u8], now: Ms) -> Result<bool> {
    Ok(tx.execute(SPEND, args![token, now])? == 1)
}

/// Forgets what was spent before then: a notice as old as that is not believed for its age alone.
///
/// # Errors
/// [`crate::Error`].
pub fn forget(tx: &Write, before: Ms) -> Result<u64> {
    tx.execute(FORGET, args![before])
}
