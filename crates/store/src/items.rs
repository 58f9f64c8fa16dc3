//! Items: what sources published, as it came.

use newsroom::{ArticleId, Item, ItemId, ItemState, Ms, PictureId, SourceId};

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

macro_rules! item_columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, source, guid, url, title, author, language, published, published_raw, summary_html,
       content_html, image_url, first_seen, state, article, categories
     FROM item ",
            $rest
        )
    };
}

const BY_GUID: &str = item_columns!("WHERE source = $1 AND guid = $2");
const WAITING: &str = item_columns!("WHERE state = 0 ORDER BY first_seen, id LIMIT $1");
const BY_ID: &str = item_columns!("WHERE id = $1");
const WATCHED: &str = item_columns!(
    "WHERE state = 0 AND EXISTS (SELECT 1 FROM source AS s WHERE s.id = item.source AND s.policy = 3)
     ORDER BY first_seen DESC, id DESC
     LIMIT $1"
);
const DISMISS: &str = sql!("UPDATE item SET state = 2 WHERE id = $1 AND state = 0");
const ADD: &str = sql!(
    "INSERT INTO item (id, source, guid, url, title, author, language, published, published_raw, summary_html,
       content_html, image_url, categories, first_seen, state)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0)"
);
const UPDATE: &str = sql!(
    "UPDATE item
     SET url = $2, title = $3, author = $4, summary_html = $5, content_html = $6, image_url = $7,
       state = CASE WHEN state = 1 THEN 3 ELSE state END
     WHERE id = $1"
);
const CHANGED: &str = item_columns!(
    "WHERE state = 3
       AND NOT EXISTS (SELECT 1 FROM revision_note AS n WHERE n.article = item.article AND n.member IS NOT NULL)
     ORDER BY first_seen, id
     LIMIT $1"
);
const SETTLE: &str = sql!("UPDATE item SET state = 1 WHERE id = $1 AND state = 3");
const TAKEN: &str = sql!("UPDATE item SET state = 1, article = $2 WHERE id = $1");

/// An item with the categories its source gave it, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filed {
    /// The item.
    pub item: Item,
    /// Its source's words for what it is about.
    pub categories: Vec<String>,
}

fn filed(row: &Row) -> Filed {
    let categories = row.text(15).split('\n').filter(|c| !c.is_empty()).map(str::to_owned).collect();
    let item = Item {
        id: ItemId(row.int(0)),
        source: SourceId(row.int(1)),
        guid: row.text(2),
        url: row.text_or_none(3),
        title: row.text(4),
        author: row.text_or_none(5),
        language: row.text_or_none(6),
        published: row.int_or_none(7),
        published_raw: row.text_or_none(8),
        summary_html: row.text_or_none(9),
        content_html: row.text_or_none(10),
        image_url: row.text_or_none(11),
        first_seen: row.int(12),
        state: match row.int(13) {
            0 => ItemState::New,
            1 => ItemState::Taken,
            2 => ItemState::Dismissed,
            _ => ItemState::Changed,
        },
        article: row.int_or_none(14).map(ArticleId),
    };
    Filed { item, categories }
}

/// What filing an item found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filing {
    /// Never seen before.
    Fresh,
    /// Known, and its text has changed since; the item as it now stands.
    Changed(Box<Filed>),
    /// Known, and the same.
    Same,
}

/// Files an item by its source and guid. A retitle is an update, not a new item.
///
/// # Errors
/// [`crate::Error`].
pub fn file(tx: &Write, fresh: &Filed) -> Result<Filing> {
    let i = &fresh.item;
    let Some(row) = tx.first(BY_GUID, args![i.source.0, &i.guid])? else {
        tx.execute(
            ADD,
            args![
                i.id.0,
                i.source.0,
                &i.guid,
                i.url.clone(),
                &i.title,
                i.author.clone(),
                i.language.clone(),
                i.published,
                i.published_raw.clone(),
                i.summary_html.clone(),
                i.content_html.clone(),
                i.image_url.clone(),
                fresh.categories.join("\n"),
                i.first_seen
            ],
        )?;
        return Ok(Filing::Fresh);
    };
    let mut known = filed(&row);
    let same = known.item.title == i.title
        && known.item.summary_html == i.summary_html
        && known.item.content_html == i.content_html;
    if same {
        return Ok(Filing::Same);
    }
    let (url, author) = (i.url.clone(), i.author.clone());
    let (summary, content, image) = (i.summary_html.clone(), i.content_html.clone(), i.image_url.clone());
    tx.execute(UPDATE, args![known.item.id.0, url, &i.title, author, summary, content, image])?;
    known.item = Item {
        id: known.item.id,
        first_seen: known.item.first_seen,
        state: if known.item.state == ItemState::Taken { ItemState::Changed } else { known.item.state },
        article: known.item.article,
        ..i.clone()
    };
    Ok(Filing::Changed(Box::new(known)))
}

/// Items that wait in the inbox, the oldest first.
///
/// # Errors
/// [`crate::Error`].
pub fn waiting(tx: &Read, limit: i64) -> Result<Vec<Filed>> {
    Ok(tx.query(WAITING, args![limit])?.iter().map(filed).collect())
}

/// Items of watched sources that nobody has lined up or dismissed, the newest first.
///
/// # Errors
/// [`crate::Error`].
pub fn watched(tx: &Read, limit: i64) -> Result<Vec<Filed>> {
    Ok(tx.query(WATCHED, args![limit])?.iter().map(filed).collect())
}

/// An item by its id.
///
/// # Errors
/// [`crate::Error`].
pub fn by_id(tx: &Read, id: ItemId) -> Result<Option<Filed>> {
    Ok(tx.first(BY_ID, args![id.0])?.as_ref().map(filed))
}

const IN_STATE: &str = item_columns!(
    "WHERE state = $1 AND (first_seen < $2 OR (first_seen = $2 AND id < $3))
     ORDER BY first_seen DESC, id DESC
     LIMIT $4"
);
const RECALL: &str = sql!("UPDATE item SET state = 0 WHERE id = $1 AND state = 2");
const RELEASE: &str = sql!("UPDATE item SET state = 0, article = NULL WHERE article = $1 AND state IN (1, 3)");

/// Items in a state, the latest seen first: pages by key, start with `(i64::MAX, i64::MAX)`.
///
/// # Errors
/// [`crate::Error`].
pub fn in_state(tx: &Read, state: ItemState, below: (Ms, i64), limit: i64) -> Result<Vec<Filed>> {
    Ok(tx.query(IN_STATE, args![state as i64, below.0, below.1, limit])?.iter().map(filed).collect())
}

/// Takes a dismissal back. `false` when the item was not dismissed.
///
/// # Errors
/// [`crate::Error`].
pub fn recall(tx: &Write, id: ItemId) -> Result<bool> {
    Ok(tx.execute(RECALL, args![id.0])? == 1)
}

/// Puts the item that an article was made of back into the inbox, when that article is thrown away.
///
/// # Errors
/// [`crate::Error`].
pub fn release(tx: &Write, article: ArticleId) -> Result<()> {
    tx.execute(RELEASE, args![article.0])?;
    Ok(())
}

/// Passes a waiting item over. `false` when it does not wait.
///
/// # Errors
/// [`crate::Error`].
pub fn dismiss(tx: &Write, id: ItemId) -> Result<bool> {
    Ok(tx.execute(DISMISS, args![id.0])? == 1)
}

/// A member has seen what changed at an item's source. `false` when nothing had.
///
/// # Errors
/// [`crate::Error`].
pub fn settle(tx: &Write, id: ItemId) -> Result<bool> {
    Ok(tx.execute(SETTLE, args![id.0])? == 1)
}

/// Items whose articles wait for a correction, the oldest first. Where a member's hand was at an article, what changed at
/// its source is for a member to see, and nothing is written over their text.
///
/// # Errors
/// [`crate::Error`].
pub fn changed(tx: &Read, limit: i64) -> Result<Vec<Filed>> {
    Ok(tx.query(CHANGED, args![limit])?.iter().map(filed).collect())
}

/// An item became an article, or its article was corrected.
///
/// # Errors
/// [`crate::Error`].
pub fn taken(tx: &Write, item: ItemId, article: ArticleId) -> Result<()> {
    tx.execute(TAKEN, args![item.0, article.0])?;
    Ok(())
}

/// What gather fetched for an item beyond its feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Material {
    /// The address that answered with its page.
    pub url: Option<String>,
    /// Its page as text, not cleaned.
    pub html: Option<String>,
    /// Its lead picture.
    pub picture: Option<PictureId>,
}

const WANTING: &str = item_columns!(
    "WHERE state = 0 AND NOT EXISTS (SELECT 1 FROM material AS m WHERE m.item = item.id)
       AND NOT EXISTS (SELECT 1 FROM source AS s WHERE s.id = item.source AND s.policy = 3)
     ORDER BY first_seen, id
     LIMIT $1"
);
const READY: &str = item_columns!(
    "WHERE state = 0 AND EXISTS (SELECT 1 FROM material AS m WHERE m.item = item.id)
       AND NOT EXISTS (SELECT 1 FROM source AS s WHERE s.id = item.source AND s.policy = 3)
     ORDER BY first_seen, id
     LIMIT $1"
);
const KEEP_MATERIAL: &str = sql!(
    "INSERT INTO material (item, url, html, picture, made) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (item) DO UPDATE
     SET url = excluded.url, html = excluded.html, picture = excluded.picture, made = excluded.made"
);
const MATERIAL: &str = sql!("SELECT url, html, picture FROM material WHERE item = $1");
const FORGET_MATERIAL: &str = sql!("DELETE FROM material WHERE item = $1");

/// Items for which nothing was fetched yet, the oldest first. What is only watched is not fetched.
///
/// # Errors
/// [`crate::Error`].
pub fn wanting(tx: &Read, limit: i64) -> Result<Vec<Filed>> {
    Ok(tx.query(WANTING, args![limit])?.iter().map(filed).collect())
}

/// Items of which the desk can make an article by itself, the oldest first: none that is only watched.
///
/// # Errors
/// [`crate::Error`].
pub fn ready(tx: &Read, limit: i64) -> Result<Vec<Filed>> {
    Ok(tx.query(READY, args![limit])?.iter().map(filed).collect())
}

/// Keeps what was fetched for an item, or that nothing could be.
///
/// # Errors
/// [`crate::Error`].
pub fn keep_material(tx: &Write, item: ItemId, material: &Material, now: Ms) -> Result<()> {
    let (url, html) = (material.url.clone(), material.html.clone());
    tx.execute(KEEP_MATERIAL, args![item.0, url, html, material.picture.map(|p| p.0), now])?;
    Ok(())
}

/// What was fetched for an item.
///
/// # Errors
/// [`crate::Error`].
pub fn material(tx: &Read, item: ItemId) -> Result<Option<Material>> {
    Ok(tx.first(MATERIAL, args![item.0])?.map(|r| Material {
        url: r.text_or_none(0),
        html: r.text_or_none(1),
        picture: r.int_or_none(2).map(PictureId),
    }))
}

/// Lets the page go, once an article was made of it.
///
/// # Errors
/// [`crate::Error`].
pub fn forget_material(tx: &Write, item: ItemId) -> Result<()> {
    tx.execute(FORGET_MATERIAL, args![item.0])?;
    Ok(())
}
