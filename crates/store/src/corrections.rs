//! Corrections while an edition is on its way: copies that have not left get a new cohort's mail; what was sent stays as
//! it was, and who was sent it can be told.

use newsroom::{ArticleId, CohortId, CohortKey, DeliveryKey, DeliveryState, DepartureId, Format, Ms, ReaderId, Topics};

use crate::engine::{InsertMany, Kind, Row};
use crate::{Read, Result, Write, args, row, sql};

/// A cohort of which copies wait, and which holds an older revision of an article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// Which cohort.
    pub cohort: CohortId,
    /// What its readers share.
    pub key: CohortKey,
    /// How many of its copies have not left.
    pub waiting: i64,
    /// Its stories: position in the line-up, article, revision.
    pub stories: Vec<(i64, ArticleId, i64)>,
}

const AFFECTED: &str = sql!(
    "SELECT c.id, c.seen_rank, c.topics, c.language, c.format, count(*)
     FROM delivery AS d
     JOIN cohort AS c ON c.id = d.cohort
     WHERE d.departure = $1 AND d.state IN (0, 1, 4)
       AND EXISTS (SELECT 1 FROM cohort_story AS s WHERE s.cohort = c.id AND s.article = $2 AND s.revision < $3)
     GROUP BY c.id, c.seen_rank, c.topics, c.language, c.format
     ORDER BY c.id"
);
const STORIES: &str = sql!("SELECT position, article, revision FROM cohort_story WHERE cohort = $1 ORDER BY position");

/// The cohorts of a departure of which copies wait with `article` at a revision below `revision`.
///
/// # Errors
/// [`crate::Error`].
pub fn affected(tx: &Read, departure: DepartureId, article: ArticleId, revision: i64) -> Result<Vec<Affected>> {
    let rows = tx.query(AFFECTED, args![departure.0, article.0, revision])?;
    rows.iter().map(|r| affected_of(tx, r)).collect()
}

fn affected_of(tx: &Read, r: &Row) -> Result<Affected> {
    let format = if r.int(4) == 1 { Format::Html } else { Format::Text };
    let story = |s: &Row| (s.int(0), ArticleId(s.int(1)), s.int(2));
    Ok(Affected {
        cohort: CohortId(r.int(0)),
        key: CohortKey { seen_rank: r.int(1), topics: Topics::from_raw(r.int(2)), language: r.text(3), format },
        waiting: r.int(5),
        stories: tx.query(STORIES, args![r.int(0)])?.iter().map(story).collect(),
    })
}

/// The mail that takes another's place.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// The cohort whose waiting copies get it.
    pub replaced: CohortId,
    /// What its readers share.
    pub key: CohortKey,
    /// The mail.
    pub mail: newsroom::Cohort,
    /// Its stories: position in the line-up, article, revision.
    pub stories: Vec<(i64, ArticleId, i64)>,
}

const ADD_COHORT: &str = sql!(
    "INSERT INTO cohort (id, seen_rank, topics, language, format, stories, subject, body)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
);
const MOVE: &str = sql!(
    "UPDATE delivery SET cohort = $3
     WHERE departure = $1 AND cohort = $2 AND state IN (0, 1, 4)
       AND EXISTS (SELECT 1 FROM departure AS p WHERE p.id = delivery.departure AND p.state IN (0, 2))"
);
const CORRECTION: &str =
    sql!("INSERT INTO correction (cohort, departure, replaced, copies, at, by_whom) VALUES ($1, $2, $3, $4, $5, $6)");
const STORY_ROWS: InsertMany = InsertMany {
    table: "cohort_story",
    columns: &[("cohort", Kind::Int), ("position", Kind::Int), ("article", Kind::Int), ("revision", Kind::Int)],
};

/// Gives the waiting copies of a paused departure, or of one not yet opened, their corrected mail. A copy that a poster has
/// in hand with the old mail is refused its mark (see [`crate::ledger::mark`]). Gives how many copies changed; 0 when the
/// departure is open.
///
/// # Errors
/// [`crate::Error`].
pub fn replace(tx: &Write, departure: DepartureId, with: &Replacement, by: &str, now: Ms) -> Result<u64> {
    let (id, k) = (with.mail.id.0, &with.key);
    let moved = tx.execute(MOVE, args![departure.0, with.replaced.0, id])?;
    if moved == 0 {
        return Ok(0);
    }
    let stories = i64::try_from(with.stories.len()).expect("a copy is short");
    let (subject, body) = (&with.mail.subject, &with.mail.body[..]);
    let format = k.format as i64;
    tx.execute(ADD_COHORT, args![id, k.seen_rank, k.topics.raw(), &k.language, format, stories, subject, body])?;
    let rows: Vec<_> = with.stories.iter().map(|(position, a, revision)| row![id, *position, a.0, *revision]).collect();
    tx.insert_many(&STORY_ROWS, &rows)?;
    let copies = i64::try_from(moved).expect("copies fit 63 bits");
    tx.execute(CORRECTION, args![id, departure.0, with.replaced.0, copies, now, by])?;
    Ok(moved)
}

/// One reader's copy that carries an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Which copy.
    pub key: DeliveryKey,
    /// Whose.
    pub reader: ReaderId,
    /// The revision it carries.
    pub revision: i64,
    /// Where the copy stands.
    pub state: DeliveryState,
}

const HOLDERS: &str = sql!(
    "SELECT d.departure, d.lane, d.position, d.reader, s.revision, d.state
     FROM delivery AS d
     JOIN cohort_story AS s ON s.cohort = d.cohort AND s.article = $2
     WHERE d.departure = $1 AND (d.lane, d.position) > ($3, $4)
     ORDER BY d.lane, d.position
     LIMIT $5"
);

/// A page of the copies of a departure that carry an article, after lane and position; start with `(-1, -1)`.
///
/// # Errors
/// [`crate::Error`].
pub fn holders(
    tx: &Read,
    departure: DepartureId,
    article: ArticleId,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Holder>> {
    let holder = |r: &Row| Holder {
        key: DeliveryKey { departure: DepartureId(r.int(0)), lane: r.int(1), position: r.int(2) },
        reader: ReaderId(r.int(3)),
        revision: r.int(4),
        state: DeliveryState::from_raw(r.int(5)),
    };
    let rows = tx.query(HOLDERS, args![departure.0, article.0, after.0, after.1, limit])?;
    Ok(rows.iter().map(holder).collect())
}
