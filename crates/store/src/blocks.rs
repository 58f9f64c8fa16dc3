//! House blocks: the outlet's own appeals, events and sponsors.

use newsroom::{BlockId, BlockKind, BlockPlace, HouseBlock, Ms};

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

macro_rules! block_columns {
    ($rest:literal) => {
        concat!("SELECT id, kind, place, title, text, link, link_words, starts, ends FROM house_block ", $rest)
    };
}

const BY_ID: &str = block_columns!("WHERE id = $1");
const LIST: &str = block_columns!("ORDER BY ends DESC, id DESC LIMIT $1");
const RUNNING: &str = block_columns!("WHERE starts <= $1 AND ends > $1 ORDER BY kind, starts, id");
const PUT: &str = sql!(
    "INSERT INTO house_block (id, kind, place, title, text, link, link_words, starts, ends)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (id) DO UPDATE
     SET kind = excluded.kind, place = excluded.place, title = excluded.title, text = excluded.text,
       link = excluded.link, link_words = excluded.link_words, starts = excluded.starts, ends = excluded.ends"
);
const REMOVE: &str = sql!("DELETE FROM house_block WHERE id = $1");

fn block(row: &Row) -> HouseBlock {
    HouseBlock {
        id: BlockId(row.int(0)),
        kind: BlockKind::from_raw(row.int(1)),
        place: BlockPlace::from_raw(row.int(2)),
        title: row.text(3),
        text: row.text(4),
        link: row.text(5),
        link_words: row.text(6),
        starts: row.int(7),
        ends: row.int(8),
    }
}

/// A block by its id.
///
/// # Errors
/// [`crate::Error`].
pub fn by_id(tx: &Read, id: BlockId) -> Result<Option<HouseBlock>> {
    Ok(tx.first(BY_ID, args![id.0])?.as_ref().map(block))
}

/// Blocks, those that end last first: past ones too.
///
/// # Errors
/// [`crate::Error`].
pub fn list(tx: &Read, limit: i64) -> Result<Vec<HouseBlock>> {
    Ok(tx.query(LIST, args![limit])?.iter().map(block).collect())
}

/// The blocks that stand at `now`, wherever: appeals, then events, then sponsors.
///
/// # Errors
/// [`crate::Error`].
pub fn running(tx: &Read, now: Ms) -> Result<Vec<HouseBlock>> {
    Ok(tx.query(RUNNING, args![now])?.iter().map(block).collect())
}

/// Keeps a block: a new one, or the new text of one that is there.
///
/// # Errors
/// [`crate::Error`].
pub fn put(tx: &Write, b: &HouseBlock) -> Result<()> {
    let (kind, place) = (b.kind as i64, b.place as i64);
    tx.execute(PUT, args![b.id.0, kind, place, &b.title, &b.text, &b.link, &b.link_words, b.starts, b.ends])?;
    Ok(())
}

/// Takes a block away. `false` when there is none.
///
/// # Errors
/// [`crate::Error`].
pub fn remove(tx: &Write, id: BlockId) -> Result<bool> {
    Ok(tx.execute(REMOVE, args![id.0])? == 1)
}
