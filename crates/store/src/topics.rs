//! The outlet's topics.

use newsroom::{TOPICS_MAX, Topic, TopicId};

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

const LIST: &str = sql!("SELECT id, bit, slug, title FROM topic ORDER BY bit");
const BY_SLUG: &str = sql!("SELECT id, bit, slug, title FROM topic WHERE slug = $1");
const ADD: &str = sql!("INSERT INTO topic (id, bit, slug, title) VALUES ($1, $2, $3, $4)");

fn topic(row: &Row) -> Topic {
    let bit = u8::try_from(row.int(1)).expect("the schema keeps bits below 62");
    Topic { id: TopicId(row.int(0)), bit, slug: row.text(2), title: row.text(3) }
}

/// Every topic, in the order they were made.
///
/// # Errors
/// [`crate::Error`].
pub fn list(tx: &Read) -> Result<Vec<Topic>> {
    Ok(tx.query(LIST, args![])?.iter().map(topic).collect())
}

/// The topic of `slug`, made with `id` and `title` if there is none. `None`: the outlet has as many as it may have.
///
/// # Errors
/// [`crate::Error`].
pub fn ensure(tx: &Write, id: TopicId, slug: &str, title: &str) -> Result<Option<Topic>> {
    if let Some(row) = tx.first(BY_SLUG, args![slug])? {
        return Ok(Some(topic(&row)));
    }
    let bit = list(tx)?.last().map_or(0, |last| last.bit + 1);
    if bit >= TOPICS_MAX {
        return Ok(None);
    }
    tx.execute(ADD, args![id.0, i64::from(bit), slug, title])?;
    Ok(Some(Topic { id, bit, slug: slug.into(), title: title.into() }))
}
