//! Editions and departures: cut exactly once, with the audience frozen and counted in one transaction.

use std::collections::BTreeMap;

use newsroom::{
    CohortKey, Departure, DepartureId, DepartureKind, DepartureState, Edition, EditionId, EditionKind, Excluded,
    Format, LineUpEntry, Ms, NewsletterId, SlotId, Topics,
};

use crate::engine::{InsertMany, Kind, Row};
use crate::{Read, Result, Write, args, envelope, line_up as next, row, sql};

macro_rules! departure_columns {
    ($rest:literal) => {
        concat!("SELECT id, kind, edition, newsletter, instant, expires, audience, rank, state FROM departure ", $rest)
    };
}

const BY_ID: &str = departure_columns!("WHERE id = $1");
const LIVE: &str = departure_columns!("WHERE kind = 1 AND state IN (0, 1, 2) ORDER BY id");
const OF_EDITION: &str = departure_columns!("WHERE edition = $1 ORDER BY instant, id");
const LATEST: &str = departure_columns!("WHERE kind = 1 ORDER BY id DESC LIMIT $1");
const LETTERS_OPEN: &str = sql!("SELECT count(*) FROM departure WHERE kind = 2 AND state IN (0, 1, 2)");

fn departure(row: &Row) -> Departure {
    Departure {
        id: DepartureId(row.int(0)),
        kind: if row.int(1) == 1 { DepartureKind::Edition } else { DepartureKind::Letter },
        edition: row.int_or_none(2).map(EditionId),
        newsletter: NewsletterId(row.int(3)),
        instant: row.int(4),
        expires: row.int(5),
        audience: row.int(6),
        rank: row.int(7),
        state: DepartureState::from_raw(row.int(8)),
    }
}

/// A departure by its id.
///
/// # Errors
/// [`crate::Error`].
pub fn departure_by_id(tx: &Read, id: DepartureId) -> Result<Option<Departure>> {
    Ok(tx.first(BY_ID, args![id.0])?.as_ref().map(departure))
}

/// Departures of editions that are not over.
///
/// # Errors
/// [`crate::Error`].
pub fn live(tx: &Read) -> Result<Vec<Departure>> {
    Ok(tx.query(LIVE, args![])?.iter().map(departure).collect())
}

/// The latest departures of editions, the newest first.
///
/// # Errors
/// [`crate::Error`].
pub fn latest(tx: &Read, limit: i64) -> Result<Vec<Departure>> {
    Ok(tx.query(LATEST, args![limit])?.iter().map(departure).collect())
}

/// The departures of an edition, in order of time.
///
/// # Errors
/// [`crate::Error`].
pub fn departures_of(tx: &Read, edition: EditionId) -> Result<Vec<Departure>> {
    Ok(tx.query(OF_EDITION, args![edition.0])?.iter().map(departure).collect())
}

/// How many letters are under way.
///
/// # Errors
/// [`crate::Error`].
pub fn letters_open(tx: &Read) -> Result<i64> {
    Ok(tx.first(LETTERS_OPEN, args![])?.map_or(0, |r| r.int(0)))
}

const SET_STATE: &str = sql!("UPDATE departure SET state = $2 WHERE id = $1 AND state = $3");

/// Moves a departure from one state to another. `false` when it was not in `from`.
///
/// # Errors
/// [`crate::Error`].
pub fn set_state(tx: &Write, id: DepartureId, from: DepartureState, to: DepartureState) -> Result<bool> {
    Ok(tx.execute(SET_STATE, args![id.0, to as i64, from as i64])? == 1)
}

macro_rules! edition_columns {
    ($rest:literal) => {
        concat!("SELECT id, newsletter, kind, date, subject FROM edition ", $rest)
    };
}

const EDITION: &str = edition_columns!("WHERE id = $1");
const EDITION_BY_DATE: &str = edition_columns!("WHERE newsletter = $1 AND kind = $2 AND date = $3");
const EDITIONS: &str = edition_columns!("WHERE newsletter = $1 AND id < $2 ORDER BY id DESC LIMIT $3");

fn edition(row: &Row) -> Edition {
    Edition {
        id: EditionId(row.int(0)),
        newsletter: NewsletterId(row.int(1)),
        kind: EditionKind::from_raw(row.int(2)),
        date: row.text(3),
        subject: row.text(4),
    }
}

/// An edition by its id.
///
/// # Errors
/// [`crate::Error`].
pub fn by_id(tx: &Read, id: EditionId) -> Result<Option<Edition>> {
    Ok(tx.first(EDITION, args![id.0])?.as_ref().map(edition))
}

/// The edition of a newsletter, kind and local date, if it was cut.
///
/// # Errors
/// [`crate::Error`].
pub fn by_date(tx: &Read, newsletter: NewsletterId, kind: EditionKind, date: &str) -> Result<Option<Edition>> {
    Ok(tx.first(EDITION_BY_DATE, args![newsletter.0, kind as i64, date])?.as_ref().map(edition))
}

/// Editions of a newsletter below an id, the newest first: pages by key, start with `EditionId(i64::MAX)`.
///
/// # Errors
/// [`crate::Error`].
pub fn list(tx: &Read, newsletter: NewsletterId, below: EditionId, limit: i64) -> Result<Vec<Edition>> {
    Ok(tx.query(EDITIONS, args![newsletter.0, below.0, limit])?.iter().map(edition).collect())
}

const LINE_UP: &str =
    sql!("SELECT position, article, revision, rank, topics FROM line_up WHERE departure = $1 ORDER BY position");

/// A departure's line-up, as it stood when it was cut.
///
/// # Errors
/// [`crate::Error`].
pub fn line_up(tx: &Read, departure: DepartureId) -> Result<Vec<LineUpEntry>> {
    let entry = |r: &Row| LineUpEntry {
        position: r.int(0),
        article: newsroom::ArticleId(r.int(1)),
        revision: r.int(2),
        rank: r.int(3),
        topics: Topics::from_raw(r.int(4)),
    };
    Ok(tx.query(LINE_UP, args![departure.0])?.iter().map(entry).collect())
}

const FOLD: &str = sql!(
    "UPDATE subscription SET seen_rank = $2
     WHERE newsletter = $3 AND seen_rank < $2
       AND reader IN (SELECT d.reader FROM delivery AS d WHERE d.departure = $1 AND d.state IN (2, 3, 6))"
);
const UNFOLDED: &str =
    departure_columns!("WHERE newsletter = $1 AND kind = 1 AND folded = 0 AND state <> 0 ORDER BY id");
const FOLDED: &str = sql!("UPDATE departure SET folded = 1 WHERE id = $1 AND state IN (3, 4)");

/// Advances every reader's `seen_rank` by what was accepted, or may have been, since the last cut.
///
/// # Errors
/// [`crate::Error`].
pub fn fold(tx: &Write, newsletter: NewsletterId) -> Result<()> {
    for d in tx.query(UNFOLDED, args![newsletter.0])?.iter().map(departure) {
        tx.execute(FOLD, args![d.id.0, d.rank, newsletter.0])?;
        tx.execute(FOLDED, args![d.id.0])?;
    }
    Ok(())
}

const SUPERSEDE: &str = sql!(
    "UPDATE delivery SET state = 7, why = $3
     WHERE state IN (0, 1, 4)
       AND departure IN (SELECT id FROM departure WHERE kind = 1 AND newsletter = $1 AND state IN (0, 1, 2) AND id <> $2)
       AND reader IN (SELECT n.reader FROM delivery AS n WHERE n.departure = $2)"
);
const SUPERSEDE_DEFERRALS: &str = sql!(
    "DELETE FROM deferral
     WHERE departure IN (SELECT id FROM departure WHERE kind = 1 AND newsletter = $1 AND state IN (0, 1, 2) AND id <> $2)
       AND NOT EXISTS (
         SELECT 1 FROM delivery AS d
         WHERE d.departure = deferral.departure AND d.lane = deferral.lane AND d.position = deferral.position
           AND d.state = 4
       )"
);

/// Whom a departure takes, of those who get its kind of edition, are not paused, and have had none of its date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everybody, whatever their hour.
    Everybody,
    /// Those of these slots: their turn has come.
    Slots(Vec<SlotId>),
    /// Those who have just confirmed.
    Newcomers,
}

macro_rules! keys_columns {
    ($rest:literal) => {
        concat!(
            "SELECT s.seen_rank, s.topics, r.language, r.format, count(*)
     FROM subscription AS s
     JOIN reader AS r ON r.id = s.reader
     WHERE s.newsletter = $1 AND s.state = 2 AND s.last_date < $2 AND s.paused_until <= $2 ",
            $rest
        )
    };
}

const KEYS_EVERYBODY: &str = keys_columns!(
    "AND s.frequency = $3
     GROUP BY s.seen_rank, s.topics, r.language, r.format
     ORDER BY s.seen_rank, s.topics, r.language, r.format"
);
const KEYS_SLOT: &str = keys_columns!(
    "AND s.slot = $3
     GROUP BY s.seen_rank, s.topics, r.language, r.format
     ORDER BY s.seen_rank, s.topics, r.language, r.format"
);
const KEYS_NEWCOMERS: &str = keys_columns!(
    "AND s.reader IN (SELECT w.reader FROM newcomer AS w WHERE w.newsletter = $1)
     GROUP BY s.seen_rank, s.topics, r.language, r.format
     ORDER BY s.seen_rank, s.topics, r.language, r.format"
);

/// A cohort's key and how many readers it has.
pub type KeyCount = (CohortKey, i64);

/// The cohorts of the readers whom an edition would take now, of an audience, in order.
///
/// # Errors
/// [`crate::Error`].
pub fn due_keys(tx: &Read, edition: &Edition, audience: &Audience) -> Result<Vec<KeyCount>> {
    let (newsletter, date) = (edition.newsletter.0, &edition.date);
    let rows = match audience {
        // A reader's frequency has the number of the kind of edition it asks for.
        Audience::Everybody => vec![tx.query(KEYS_EVERYBODY, args![newsletter, date, edition.kind as i64])?],
        Audience::Slots(slots) => {
            slots.iter().map(|slot| tx.query(KEYS_SLOT, args![newsletter, date, slot.0])).collect::<Result<Vec<_>>>()?
        }
        Audience::Newcomers => vec![tx.query(KEYS_NEWCOMERS, args![newsletter, date])?],
    };
    let mut counts: BTreeMap<CohortKey, i64> = BTreeMap::new();
    for r in rows.iter().flatten() {
        let format = if r.int(3) == 1 { Format::Html } else { Format::Text };
        let topics = Topics::from_raw(r.int(1));
        let key = CohortKey { seen_rank: r.int(0), topics, language: r.text(2), format };
        *counts.entry(key).or_default() += r.int(4);
    }
    Ok(counts.into_iter().collect())
}

/// The answer to an order that lacks the mail of some cohort that is due; `None` when it lacks none.
pub(crate) fn missing(order: &Order, due: &[KeyCount]) -> Option<Cut> {
    let rendered = |key: &CohortKey| order.cohorts.iter().any(|c| c.key == *key);
    let missing: Vec<CohortKey> = due.iter().filter(|(key, _)| !rendered(key)).map(|(key, _)| key.clone()).collect();
    (!missing.is_empty()).then_some(Cut::Missing(missing))
}

/// A rendered cohort, ready to be frozen.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Whose.
    pub key: CohortKey,
    /// The mail; its id is the cohort's.
    pub cohort: newsroom::Cohort,
    /// Positions in the line-up of the stories it holds. None: its readers are excluded, with nothing new for them.
    pub stories: Vec<i64>,
}

/// What to cut.
#[derive(Clone, Debug)]
pub struct Order {
    /// The edition; used when none of its newsletter, kind and date exists yet.
    pub edition: Edition,
    /// The id the departure gets.
    pub departure: DepartureId,
    /// When it leaves.
    pub instant: Ms,
    /// After this no copy is sent.
    pub expires: Ms,
    /// The line-up.
    pub line_up: Vec<LineUpEntry>,
    /// The cohorts.
    pub cohorts: Vec<Rendered>,
    /// Whom it takes.
    pub audience: Audience,
    /// The envelope it takes, and the lead that a person chose.
    pub taken: envelope::Taken,
}

/// How a cut ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Frozen and counted.
    Frozen(Departure),
    /// Somebody cut a departure of this edition and instant before: here it is. Nothing was changed.
    Before(Departure),
    /// A reader came in with a cohort that is not rendered yet: render it and cut again. Nothing was changed.
    Missing(Vec<CohortKey>),
    /// No reader is due: nothing was changed.
    NobodyDue,
}

const ADD_EDITION: &str = sql!(
    "INSERT INTO edition (id, newsletter, kind, date, subject, made) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (newsletter, kind, date) DO NOTHING"
);
const SAME_DEPARTURE: &str = departure_columns!("WHERE edition = $1 AND instant = $2");
const ADD_DEPARTURE: &str = sql!(
    "INSERT INTO departure (id, kind, edition, newsletter, instant, expires, audience, rank, state, folded)
     VALUES ($1, 1, $2, $3, $4, $5, 0, $6, 0, 0)"
);
const ADD_COHORT: &str = sql!(
    "INSERT INTO cohort (id, departure, seen_rank, topics, language, format, stories, subject, body)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
);
macro_rules! freeze_columns {
    ($rest:literal) => {
        concat!(
            "INSERT INTO delivery (departure, lane, position, reader, cohort, state, why, epoch, route, attempts)
     SELECT CAST($1 AS BIGINT), r.lane, row_number() OVER (PARTITION BY r.lane ORDER BY r.id) - 1, r.id, c.id,
       CASE WHEN c.stories = 0 THEN 7 ELSE 0 END, CASE WHEN c.stories = 0 THEN CAST($4 AS BIGINT) ELSE 0 END, 0, 0, 0
     FROM subscription AS s
     JOIN reader AS r ON r.id = s.reader
     JOIN cohort AS c
       ON c.departure = $1 AND c.seen_rank = s.seen_rank AND c.topics = s.topics AND c.language = r.language
         AND c.format = r.format
     WHERE s.newsletter = $2 AND s.state = 2 AND s.last_date < $3 AND s.paused_until <= $3 ",
            $rest
        )
    };
}

const FREEZE_EVERYBODY: &str = freeze_columns!("AND s.frequency = $5");
const FREEZE_SLOTS: &str = freeze_columns!(
    "AND s.slot IN (SELECT t.slot FROM turn AS t WHERE t.newsletter = $2 AND t.date = $3 AND t.departure = $1)"
);
const FREEZE_NEWCOMERS: &str =
    freeze_columns!("AND s.reader IN (SELECT w.reader FROM newcomer AS w WHERE w.newsletter = $2)");
const TAKE: &str = sql!(
    "UPDATE subscription SET last_date = $3
     WHERE newsletter = $2 AND state = 2 AND last_date < $3
       AND reader IN (SELECT d.reader FROM delivery AS d WHERE d.departure = $1)"
);
const AUDIENCE: &str = sql!("UPDATE departure SET audience = $2 WHERE id = $1");

const LINE_UP_ROWS: InsertMany = InsertMany {
    table: "line_up",
    columns: &[
        ("departure", Kind::Int),
        ("position", Kind::Int),
        ("article", Kind::Int),
        ("revision", Kind::Int),
        ("rank", Kind::Int),
        ("topics", Kind::Int),
    ],
};
const COHORT_STORIES: InsertMany = InsertMany {
    table: "cohort_story",
    columns: &[("cohort", Kind::Int), ("position", Kind::Int), ("article", Kind::Int), ("revision", Kind::Int)],
};

/// Cuts a departure: freezes its audience with a count, takes the line-up as it stands, and marks its readers as served
/// for the date, in one transaction. Copies of earlier departures that have not left are superseded for these readers:
/// what was in them is new again here.
///
/// # Errors
/// [`crate::Error`].
///
/// # Panics
/// When the frozen rows and the readers taken do not agree: the promise of the ledger is broken.
pub fn cut(tx: &Write, order: &Order) -> Result<Cut> {
    let wanted = &order.edition;
    fold(tx, wanted.newsletter)?;
    let existing = by_date(tx, wanted.newsletter, wanted.kind, &wanted.date)?;
    if let Some(known) = &existing
        && let Some(before) = tx.first(SAME_DEPARTURE, args![known.id.0, order.instant])?
    {
        return Ok(Cut::Before(departure(&before)));
    }
    let due = due_keys(tx, wanted, &order.audience)?;
    if due.is_empty() {
        return Ok(Cut::NobodyDue);
    }
    if let Some(missing) = missing(order, &due) {
        return Ok(missing);
    }
    let edition = existing.map_or(wanted.id, |known| known.id);
    write_edition(tx, order, edition)?;
    write_cohorts(tx, order, &due)?;
    Ok(Cut::Frozen(freeze(tx, order, edition, due.iter().map(|(_, count)| count).sum())?))
}

fn write_edition(tx: &Write, order: &Order, id: EditionId) -> Result<()> {
    let e = &order.edition;
    tx.execute(ADD_EDITION, args![id.0, e.newsletter.0, e.kind as i64, &e.date, &e.subject, order.instant])?;
    let rank = order.line_up.iter().map(|entry| entry.rank).max().unwrap_or(0);
    let d = order.departure.0;
    tx.execute(ADD_DEPARTURE, args![d, id.0, e.newsletter.0, order.instant, order.expires, rank])?;
    let entries: Vec<_> =
        order.line_up.iter().map(|l| row![d, l.position, l.article.0, l.revision, l.rank, l.topics.raw()]).collect();
    tx.insert_many(&LINE_UP_ROWS, &entries)?;
    // What waits for the next edition is taken with the cut, or not at all.
    envelope::take(tx, e.newsletter, &e.date, order.departure, &order.taken)?;
    if e.kind != EditionKind::Daily {
        return Ok(());
    }
    let articles: Vec<_> = order.line_up.iter().map(|entry| entry.article).collect();
    next::took(tx, e.newsletter, &e.date, &articles)
}

fn write_cohorts(tx: &Write, order: &Order, due: &[KeyCount]) -> Result<()> {
    for c in order.cohorts.iter().filter(|c| due.iter().any(|(key, _)| *key == c.key)) {
        let (k, stories) = (&c.key, i64::try_from(c.stories.len()).expect("a line-up is short"));
        let (id, subject, body) = (c.cohort.id.0, &c.cohort.subject, &c.cohort.body[..]);
        let format = k.format as i64;
        tx.execute(
            ADD_COHORT,
            args![id, order.departure.0, k.seen_rank, k.topics.raw(), &k.language, format, stories, subject, body],
        )?;
        let held: Vec<_> = order
            .line_up
            .iter()
            .filter(|l| c.stories.contains(&l.position))
            .map(|l| row![id, l.position, l.article.0, l.revision])
            .collect();
        tx.insert_many(&COHORT_STORIES, &held)?;
    }
    Ok(())
}

fn freeze(tx: &Write, order: &Order, edition: EditionId, expected: i64) -> Result<Departure> {
    let (id, newsletter, date) = (order.departure, order.edition.newsletter, &order.edition.date);
    let nothing_new = Excluded::NothingNew as i64;
    let frozen = match &order.audience {
        Audience::Everybody => {
            tx.execute(FREEZE_EVERYBODY, args![id.0, newsletter.0, date, nothing_new, order.edition.kind as i64])?
        }
        Audience::Slots(_) => tx.execute(FREEZE_SLOTS, args![id.0, newsletter.0, date, nothing_new])?,
        Audience::Newcomers => tx.execute(FREEZE_NEWCOMERS, args![id.0, newsletter.0, date, nothing_new])?,
    } as i64;
    let taken = tx.execute(TAKE, args![id.0, newsletter.0, date])? as i64;
    assert!(frozen == expected && taken == expected, "froze {frozen}, took {taken}, of {expected} readers due");
    tx.execute(SUPERSEDE, args![newsletter.0, id.0, Excluded::Superseded as i64])?;
    tx.execute(SUPERSEDE_DEFERRALS, args![newsletter.0, id.0])?;
    tx.execute(AUDIENCE, args![id.0, frozen])?;
    let departure = departure_by_id(tx, id)?.expect("it was written in this transaction");
    assert_eq!(departure.edition, Some(edition), "the departure belongs to its edition");
    Ok(departure)
}

const LAST_DATE: &str = sql!("SELECT coalesce(max(date), '') FROM edition WHERE newsletter = $1 AND kind = $2");
/// The date of the newest edition of a kind; empty when there is none.
///
/// # Errors
/// [`crate::Error`].
pub fn last_date(tx: &Read, newsletter: NewsletterId, kind: EditionKind) -> Result<String> {
    Ok(tx.first(LAST_DATE, args![newsletter.0, kind as i64])?.map_or(String::new(), |r| r.text(0)))
}

/// Cancels what has not left of a departure: pauses it for good. Gives how many copies were taken back; copies in flight
/// come to their end by themselves. Nothing happens to one that is over.
///
/// # Errors
/// [`crate::Error`].
pub fn cancel(tx: &Write, id: DepartureId) -> Result<u64> {
    if tx.execute(CANCEL, args![id.0])? == 0 {
        return Ok(0);
    }
    tx.execute(CANCEL_DEFERRALS, args![id.0])?;
    tx.execute(CANCEL_COPIES, args![id.0, Excluded::Cancelled as i64])
}

const CANCEL_COPIES: &str = sql!("UPDATE delivery SET state = 7, why = $2 WHERE departure = $1 AND state IN (0, 1, 4)");
const CANCEL_DEFERRALS: &str = sql!("DELETE FROM deferral WHERE departure = $1");
const CANCEL: &str = sql!("UPDATE departure SET state = 4 WHERE id = $1 AND state IN (0, 1, 2)");
