//! Free pages and the site's menu.

use newsroom::{FreePage, Ms, PageId};

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

macro_rules! page_columns {
    ($rest:literal) => {
        concat!("SELECT id, slug, title, body, public, menu, version, changed FROM free_page ", $rest)
    };
}

const LIST: &str = page_columns!("ORDER BY id");
const BY_ID: &str = page_columns!("WHERE id = $1");
const ADD: &str = sql!(
    "INSERT INTO free_page (id, slug, title, body, public, menu, version, changed)
     VALUES ($1, $2, $3, $4, $5, $6, 1, $7)
     ON CONFLICT DO NOTHING"
);
const SAVE: &str = sql!(
    "UPDATE free_page SET slug = $3, title = $4, body = $5, public = $6, version = version + 1, changed = $7
     WHERE id = $1 AND version = $2
       AND NOT EXISTS (SELECT 1 FROM free_page AS other WHERE other.slug = $3 AND other.id <> $1)"
);
const PLACE: &str = sql!("UPDATE free_page SET menu = $2 WHERE id = $1");
const REMOVE: &str = sql!("DELETE FROM free_page WHERE id = $1");

fn page(row: &Row) -> FreePage {
    FreePage {
        id: PageId(row.int(0)),
        slug: row.text(1),
        title: row.text(2),
        body: row.text(3),
        public: row.int(4) == 1,
        menu: row.int_or_none(5),
        version: row.int(6),
        changed: row.int(7),
    }
}

/// Every free page, in the order they were made.
///
/// # Errors
/// [`crate::Error`].
pub fn list(tx: &Read) -> Result<Vec<FreePage>> {
    Ok(tx.query(LIST, args![])?.iter().map(page).collect())
}

/// One.
///
/// # Errors
/// [`crate::Error`].
pub fn by_id(tx: &Read, id: PageId) -> Result<Option<FreePage>> {
    Ok(tx.first(BY_ID, args![id.0])?.as_ref().map(page))
}

/// Adds one, as its version 1. `false` when its address is another's.
///
/// # Errors
/// [`crate::Error`].
pub fn add(tx: &Write, p: &FreePage) -> Result<bool> {
    Ok(tx.execute(ADD, args![p.id.0, &p.slug, &p.title, &p.body, p.public, p.menu, p.changed])? == 1)
}

/// Saves one over the version it says. `false` when it has changed since, or its address is another's.
///
/// # Errors
/// [`crate::Error`].
pub fn save(tx: &Write, p: &FreePage, now: Ms) -> Result<bool> {
    Ok(tx.execute(SAVE, args![p.id.0, p.version, &p.slug, &p.title, &p.body, p.public, now])? == 1)
}

/// Gives the menu this order; pages that are not named leave it.
///
/// # Errors
/// [`crate::Error`].
pub fn arrange(tx: &Write, menu: &[PageId]) -> Result<()> {
    for page in list(tx)? {
        let place = menu.iter().position(|id| *id == page.id).map(|at| at as i64);
        if place != page.menu {
            tx.execute(PLACE, args![page.id.0, place])?;
        }
    }
    Ok(())
}

/// Removes one. `false` when there is none.
///
/// # Errors
/// [`crate::Error`].
pub fn remove(tx: &Write, id: PageId) -> Result<bool> {
    Ok(tx.execute(REMOVE, args![id.0])? == 1)
}
