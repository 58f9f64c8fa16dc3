//! Pictures, kept once by content.

use newsroom::PictureId;

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

/// A picture as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its id.
    pub id: PictureId,
    /// SHA-256 of its bytes.
    pub hash: Vec<u8>,
    /// Its file name on the site: content hash and extension.
    pub file: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

const BY_HASH: &str = sql!("SELECT id, hash, file, width, height FROM picture WHERE hash = $1");
const ADD: &str = sql!("INSERT INTO picture (id, hash, file, width, height, bytes) VALUES ($1, $2, $3, $4, $5, $6)");
const BYTES: &str = sql!("SELECT bytes FROM picture WHERE file = $1");

fn picture(row: &Row) -> Picture {
    let side = |i| u32::try_from(row.int(i)).expect("a side of a picture fits 32 bits");
    Picture { id: PictureId(row.int(0)), hash: row.bytes(1), file: row.text(2), width: side(3), height: side(4) }
}

/// Keeps a picture; gives the one already kept when its content is known.
///
/// # Errors
/// [`crate::Error`].
pub fn keep(tx: &Write, fresh: &Picture, bytes: Vec<u8>) -> Result<Picture> {
    if let Some(row) = tx.first(BY_HASH, args![&fresh.hash[..]])? {
        return Ok(picture(&row));
    }
    tx.execute(ADD, args![fresh.id.0, &fresh.hash[..], &fresh.file, fresh.width, fresh.height, bytes])?;
    Ok(fresh.clone())
}

/// A picture's bytes by its file name.
///
/// # Errors
/// [`crate::Error`].
pub fn bytes(tx: &Read, file: &str) -> Result<Option<Vec<u8>>> {
    Ok(tx.first(BYTES, args![file])?.map(|r| r.bytes(0)))
}

const BY_ID: &str = sql!("SELECT id, hash, file, width, height FROM picture WHERE id = $1");

/// A picture by its id.
///
/// # Errors
/// [`crate::Error`].
pub fn by_id(tx: &Read, id: PictureId) -> Result<Option<Picture>> {
    Ok(tx.first(BY_ID, args![id.0])?.as_ref().map(picture))
}
