//! What members add to revisions: who made each, what readers are told of it, and why an article was taken back.

use newsroom::{ArticleId, ArticleState, CorrectionNote, MemberId, Ms, Withdrawn};

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

const NOTE: &str = sql!("INSERT INTO revision_note (article, number, member, note) VALUES ($1, $2, $3, $4)");
const HISTORY: &str = sql!(
    "SELECT v.number, v.made, n.member, n.note, v.title
     FROM revision AS v
     LEFT JOIN revision_note AS n ON n.article = v.article AND n.number = v.number
     WHERE v.article = $1
     ORDER BY v.number DESC
     LIMIT $2"
);
const CORRECTIONS: &str = sql!(
    "SELECT n.article, v.made, n.note
     FROM revision_note AS n
     JOIN revision AS v ON v.article = n.article AND v.number = n.number
     JOIN article AS a ON a.id = n.article
     WHERE n.note <> '' AND a.state = 1
     ORDER BY n.article, n.number"
);
const WITHDRAW: &str = sql!(
    "INSERT INTO withdrawal (article, at, note) VALUES ($1, $2, $3)
     ON CONFLICT (article) DO UPDATE SET at = excluded.at, note = excluded.note"
);
const WITHDRAWN: &str = sql!(
    "SELECT a.id, a.slug, v.title, v.language, COALESCE(w.at, v.made), COALESCE(w.note, '')
     FROM article AS a
     JOIN revision AS v ON v.article = a.id AND v.number = a.revision
     LEFT JOIN withdrawal AS w ON w.article = a.id
     WHERE a.state = 2 AND a.id < $1
     ORDER BY a.id DESC
     LIMIT $2"
);
const RESTORE: &str = sql!("UPDATE article SET state = 1 WHERE id = $1 AND state = 2 AND published_at IS NOT NULL");
const RESLUG: &str = sql!("UPDATE article SET slug = $2 WHERE id = $1 AND published_at IS NULL");
const DISCARD_NOTES: &str = sql!(
    "DELETE FROM revision_note
     WHERE article = $1 AND EXISTS (SELECT 1 FROM article WHERE id = $1 AND published_at IS NULL)"
);
const DISCARD_REVISIONS: &str = sql!(
    "DELETE FROM revision
     WHERE article = $1 AND EXISTS (SELECT 1 FROM article WHERE id = $1 AND published_at IS NULL)"
);
const DISCARD: &str = sql!("DELETE FROM article WHERE id = $1 AND published_at IS NULL");
const IN_STATE: &str = sql!(
    "SELECT a.id, v.number, v.title, v.byline, v.outlet, v.made, a.published_at
     FROM article AS a
     JOIN revision AS v ON v.article = a.id AND v.number = a.revision
     WHERE a.state = $1 AND a.id < $2
     ORDER BY a.id DESC
     LIMIT $3"
);

/// Notes who made a revision, and what readers are told of it; empty: nothing.
///
/// # Errors
/// [`crate::Error`].
pub fn note(tx: &Write, article: ArticleId, number: i64, member: Option<MemberId>, note: &str) -> Result<()> {
    tx.execute(NOTE, args![article.0, number, member.map(|m| m.0), note])?;
    Ok(())
}

/// One revision in an article's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// 1 for the first.
    pub number: i64,
    /// When it was made.
    pub made: Ms,
    /// Who made it; `None`: the newsroom by itself.
    pub member: Option<MemberId>,
    /// What readers were told.
    pub note: String,
    /// The headline it had.
    pub title: String,
}

/// An article's revisions, the latest first.
///
/// # Errors
/// [`crate::Error`].
pub fn history(tx: &Read, article: ArticleId, limit: i64) -> Result<Vec<Past>> {
    let past = |r: &Row| Past {
        number: r.int(0),
        made: r.int(1),
        member: r.int_or_none(2).map(MemberId),
        note: r.text_or_none(3).unwrap_or_default(),
        title: r.text(4),
    };
    Ok(tx.query(HISTORY, args![article.0, limit])?.iter().map(past).collect())
}

/// What readers are told of changes to published articles, in the order they were made.
///
/// # Errors
/// [`crate::Error`].
pub fn corrections(tx: &Read) -> Result<Vec<(ArticleId, CorrectionNote)>> {
    let note = |r: &Row| (ArticleId(r.int(0)), CorrectionNote { at: r.int(1), note: r.text(2) });
    Ok(tx.query(CORRECTIONS, args![])?.iter().map(note).collect())
}

/// Notes why an article is taken back.
///
/// # Errors
/// [`crate::Error`].
pub fn note_withdrawal(tx: &Write, article: ArticleId, note: &str, now: Ms) -> Result<()> {
    tx.execute(WITHDRAW, args![article.0, now, note])?;
    Ok(())
}

/// Articles that were taken back, the latest first: pages by key, start with `i64::MAX`.
///
/// # Errors
/// [`crate::Error`].
pub fn withdrawn(tx: &Read, below: i64, limit: i64) -> Result<Vec<Withdrawn>> {
    let one = |r: &Row| Withdrawn {
        article: ArticleId(r.int(0)),
        slug: r.text(1),
        title: r.text(2),
        language: r.text(3),
        at: r.int(4),
        note: r.text(5),
    };
    Ok(tx.query(WITHDRAWN, args![below, limit])?.iter().map(one).collect())
}

/// Puts an article back that was taken back. `false` when it was not.
///
/// # Errors
/// [`crate::Error`].
pub fn restore(tx: &Write, article: ArticleId) -> Result<bool> {
    Ok(tx.execute(RESTORE, args![article.0])? == 1)
}

/// Gives a draft the address of its headline; once published an address stays.
///
/// # Errors
/// [`crate::Error`].
pub fn reslug(tx: &Write, article: ArticleId, slug: &str) -> Result<()> {
    tx.execute(RESLUG, args![article.0, slug])?;
    Ok(())
}

/// Throws a draft away that was never published; the item that it was made of waits in the inbox again. `false` when there is
/// no such draft.
///
/// # Errors
/// [`crate::Error`].
pub fn discard(tx: &Write, article: ArticleId) -> Result<bool> {
    tx.execute(DISCARD_NOTES, args![article.0])?;
    tx.execute(DISCARD_REVISIONS, args![article.0])?;
    let discarded = tx.execute(DISCARD, args![article.0])? == 1;
    if discarded {
        crate::items::release(tx, article)?;
    }
    Ok(discarded)
}

/// An article as a list of the desk shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub article: ArticleId,
    /// Its current revision.
    pub number: i64,
    /// Its headline.
    pub title: String,
    /// Its byline.
    pub byline: Option<String>,
    /// The outlet it came from, when it is not our own.
    pub outlet: Option<String>,
    /// When it was last changed.
    pub changed: Ms,
    /// When it was published.
    pub published: Option<Ms>,
}

/// Articles in a state, the latest first: pages by key, start with `i64::MAX`.
///
/// # Errors
/// [`crate::Error`].
pub fn in_state(tx: &Read, state: ArticleState, below: i64, limit: i64) -> Result<Vec<Entry>> {
    let entry = |r: &Row| Entry {
        article: ArticleId(r.int(0)),
        number: r.int(1),
        title: r.text(2),
        byline: r.text_or_none(3),
        outlet: r.text_or_none(4),
        changed: r.int(5),
        published: r.int_or_none(6),
    };
    Ok(tx.query(IN_STATE, args![state as i64, below, limit])?.iter().map(entry).collect())
}
