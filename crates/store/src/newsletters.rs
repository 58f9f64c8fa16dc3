//! The outlet's newsletters.

use newsroom::{Newsletter, NewsletterId};

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

const LIST: &str = sql!("SELECT id, slug, title FROM newsletter ORDER BY id");
const ADD: &str = sql!("INSERT INTO newsletter (id, slug, title) VALUES ($1, $2, $3) ON CONFLICT (slug) DO NOTHING");

/// Every newsletter, the oldest first: that one is the outlet's main.
///
/// # Errors
/// [`crate::Error`].
pub fn list(tx: &Read) -> Result<Vec<Newsletter>> {
    let newsletter = |r: &Row| Newsletter { id: NewsletterId(r.int(0)), slug: r.text(1), title: r.text(2) };
    Ok(tx.query(LIST, args![])?.iter().map(newsletter).collect())
}

/// Adds one, unless its slug is taken.
///
/// # Errors
/// [`crate::Error`].
pub fn add(tx: &Write, newsletter: &Newsletter) -> Result<()> {
    tx.execute(ADD, args![newsletter.id.0, &newsletter.slug, &newsletter.title])?;
    Ok(())
}
