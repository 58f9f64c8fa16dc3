//! The line-up of a newsletter's next edition, kept until an edition takes it.
//!
//! Every change is made on the line-up as it is then, under a version: a member who looked at an older one is told, and
//! nothing of the other's is overwritten.

use newsroom::{ArticleId, LineUp, LineUpChange, LinedUp, NewsletterId, Unchanged};

use crate::engine::{InsertMany, Kind, Row};
use crate::{Read, Result, Write, args, articles, row, sql};

const HEAD: &str = sql!("SELECT version, ordered_by FROM next_line_up WHERE newsletter = $1");
const ENTRIES: &str = sql!(
    "SELECT article, lined_up_by, pinned, rank, taken
     FROM next_entry
     WHERE newsletter = $1
     ORDER BY position"
);
const PUT_HEAD: &str = sql!(
    "INSERT INTO next_line_up (newsletter, version, ordered_by) VALUES ($1, $2, $3)
     ON CONFLICT (newsletter) DO UPDATE SET version = excluded.version, ordered_by = excluded.ordered_by"
);
const CLEAR: &str = sql!("DELETE FROM next_entry WHERE newsletter = $1");
const ENTRY_ROWS: InsertMany = InsertMany {
    table: "next_entry",
    columns: &[
        ("newsletter", Kind::Int),
        ("position", Kind::Int),
        ("article", Kind::Int),
        ("lined_up_by", Kind::Text),
        ("pinned", Kind::Int),
        ("rank", Kind::Int),
        ("taken", Kind::Text),
    ],
};

/// The line-up of a newsletter's next edition.
///
/// # Errors
/// [`crate::Error`].
pub fn of(tx: &Read, newsletter: NewsletterId) -> Result<LineUp> {
    let head = tx.first(HEAD, args![newsletter.0])?;
    let entry = |r: &Row| LinedUp {
        article: ArticleId(r.int(0)),
        by: r.text(1),
        pinned: r.int(2) == 1,
        rank: r.int_or_none(3),
        taken: r.text(4),
    };
    Ok(LineUp {
        version: head.as_ref().map_or(0, |r| r.int(0)),
        ordered_by: head.map_or(String::new(), |r| r.text(1)),
        entries: tx.query(ENTRIES, args![newsletter.0])?.iter().map(entry).collect(),
    })
}

fn put(tx: &Write, newsletter: NewsletterId, line_up: &LineUp) -> Result<()> {
    tx.execute(PUT_HEAD, args![newsletter.0, line_up.version, &line_up.ordered_by])?;
    tx.execute(CLEAR, args![newsletter.0])?;
    let rows: Vec<_> = (0_i64..)
        .zip(&line_up.entries)
        .map(|(position, e)| row![newsletter.0, position, e.article.0, &e.by, e.pinned, e.rank, &e.taken])
        .collect();
    tx.insert_many(&ENTRY_ROWS, &rows)?;
    Ok(())
}

/// How a change ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Made; this is the line-up now.
    Done(LineUp),
    /// Somebody else changed it meanwhile: this is the line-up now, and nothing of this change was made.
    Stale(LineUp),
    /// There was nothing to change, or no way to.
    Not(Unchanged),
    /// There is no published article of that id.
    NoArticle,
}

const PUBLISHED: &str = sql!("SELECT count(*) FROM article WHERE id = $1 AND state = 1");
const PASSED_OVER: &str = sql!(
    "SELECT count(*) FROM article AS a
     WHERE a.id = $2
       AND a.rank <= (SELECT coalesce(max(p.rank), 0) FROM departure AS p WHERE p.kind = 1 AND p.newsletter = $1)
       AND NOT EXISTS (
         SELECT 1 FROM cohort_story AS s
         JOIN cohort AS c ON c.id = s.cohort
         JOIN departure AS q ON q.id = c.departure
         WHERE s.article = a.id AND q.newsletter = $1
       )"
);

/// Makes a member's change. `seen` is the version they looked at; none when they change it whatever it is.
///
/// # Errors
/// [`crate::Error`].
pub fn change(
    tx: &Write,
    newsletter: NewsletterId,
    seen: Option<i64>,
    change: LineUpChange,
    by: &str,
) -> Result<Changed> {
    let mut line_up = of(tx, newsletter)?;
    if seen.is_some_and(|seen| seen != line_up.version) {
        return Ok(Changed::Stale(line_up));
    }
    let article = change.article();
    let adds = matches!(change, LineUpChange::Add(_));
    if adds && count(tx.first(PUBLISHED, args![article.0])?) == 0 {
        return Ok(Changed::NoArticle);
    }
    if let Err(why) = line_up.change(change, by) {
        return Ok(Changed::Not(why));
    }
    if adds && count(tx.first(PASSED_OVER, args![newsletter.0, article.0])?) > 0 {
        // No copy ever carried it, so that it is new to everybody, however old its own rank is.
        let rank = articles::next_rank(tx)?;
        line_up.entries.iter_mut().filter(|e| e.article == article).for_each(|e| e.rank = Some(rank));
    }
    line_up.version += 1;
    put(tx, newsletter, &line_up)?;
    Ok(Changed::Done(line_up))
}

fn count(row: Option<Row>) -> i64 {
    row.map_or(0, |r| r.int(0))
}

/// Lines an article up by itself, behind everything else. A member's view of the line-up stays valid. `false` when it is
/// there already or the line-up is full.
///
/// # Errors
/// [`crate::Error`].
pub fn append(tx: &Write, newsletter: NewsletterId, article: ArticleId) -> Result<bool> {
    let mut line_up = of(tx, newsletter)?;
    let appended = line_up.append(article);
    if appended {
        put(tx, newsletter, &line_up)?;
    }
    Ok(appended)
}

/// An edition of the local `date` has taken these articles: they leave the line-up when the next date's edition is cut,
/// unless they are pinned; what earlier dates took leaves now.
///
/// # Errors
/// [`crate::Error`].
pub fn took(tx: &Write, newsletter: NewsletterId, date: &str, articles: &[ArticleId]) -> Result<()> {
    let before = of(tx, newsletter)?;
    let mut line_up = before.clone();
    line_up.entries.retain(|e| e.pinned || e.taken.is_empty() || e.taken.as_str() >= date);
    let taken = |e: &&mut LinedUp| e.taken.is_empty() && articles.contains(&e.article);
    line_up.entries.iter_mut().filter(taken).for_each(|e| date.clone_into(&mut e.taken));
    if line_up.entries.iter().all(|e| e.by.is_empty()) {
        line_up.ordered_by.clear();
    }
    if line_up != before {
        line_up.version += 1;
        put(tx, newsletter, &line_up)?;
    }
    Ok(())
}

const EARLIER: &str = sql!(
    "SELECT l.article, max(l.rank)
     FROM departure AS p
     JOIN line_up AS l ON l.departure = p.id
     WHERE p.kind = 1 AND p.newsletter = $1 AND p.rank > $2 AND l.rank > $2
     GROUP BY l.article
     ORDER BY max(l.rank) DESC, l.article
     LIMIT $3"
);

/// Articles that earlier departures took with a rank above `lowest`, and that rank, the newest first: readers whose copies
/// never left have not seen them.
///
/// # Errors
/// [`crate::Error`].
pub fn taken_earlier(tx: &Read, newsletter: NewsletterId, lowest: i64, limit: i64) -> Result<Vec<(ArticleId, i64)>> {
    let rows = tx.query(EARLIER, args![newsletter.0, lowest, limit])?;
    Ok(rows.iter().map(|r| (ArticleId(r.int(0)), r.int(1))).collect())
}
