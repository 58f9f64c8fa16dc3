//! The envelope of a newsletter's next edition, and what each departure took of it.

use newsroom::{ArticleId, DepartureId, Envelope, NewsletterId, Note};

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

const OF: &str = sql!(
    "SELECT subject, preview, note, signed, version, changed_by, taken
     FROM next_envelope
     WHERE newsletter = $1"
);
const PUT: &str = sql!(
    "INSERT INTO next_envelope (newsletter, version, subject, preview, note, signed, changed_by, taken)
     VALUES ($1, $2, $3, $4, $5, $6, $7, '')
     ON CONFLICT (newsletter) DO UPDATE
     SET version = excluded.version, subject = excluded.subject, preview = excluded.preview, note = excluded.note,
       signed = excluded.signed, changed_by = excluded.changed_by, taken = ''"
);

/// An envelope as it lies ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// What is written on it.
    pub envelope: Envelope,
    /// Rises with every change.
    pub version: i64,
    /// Who changed it last.
    pub changed_by: String,
    /// The local date of the edition that took it; empty: none has.
    pub taken: String,
}

impl Ready {
    /// What the edition of the local `date` would take: nothing, when an earlier one took it.
    pub fn open_for(self, date: &str) -> Envelope {
        if self.taken.is_empty() || self.taken == date { self.envelope } else { Envelope::default() }
    }
}

fn envelope(row: &Row) -> Envelope {
    Envelope { subject: row.text(0), preview: row.text(1), note: Note { text: row.text(2), signed: row.text(3) } }
}

/// The envelope that lies ready for a newsletter's next edition.
///
/// # Errors
/// [`crate::Error`].
pub fn of(tx: &Read, newsletter: NewsletterId) -> Result<Ready> {
    Ok(tx.first(OF, args![newsletter.0])?.map_or_else(Ready::default, |r| Ready {
        envelope: envelope(&r),
        version: r.int(4),
        changed_by: r.text(5),
        taken: r.text(6),
    }))
}

/// Writes it. `Err` holds what lies there when somebody else changed it since `seen`; then nothing is written.
///
/// # Errors
/// [`crate::Error`].
pub fn put(
    tx: &Write,
    newsletter: NewsletterId,
    seen: Option<i64>,
    fresh: &Envelope,
    by: &str,
) -> Result<std::result::Result<i64, Ready>> {
    let before = of(tx, newsletter)?;
    if seen.is_some_and(|seen| seen != before.version) {
        return Ok(Err(before));
    }
    let (version, note) = (before.version + 1, &fresh.note);
    tx.execute(PUT, args![newsletter.0, version, &fresh.subject, &fresh.preview, &note.text, &note.signed, by])?;
    Ok(Ok(version))
}

/// What a departure took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Its envelope.
    pub envelope: Envelope,
    /// The lead that a person chose.
    pub lead: Option<ArticleId>,
}

const TOOK: &str = sql!("UPDATE next_envelope SET taken = $2 WHERE newsletter = $1 AND taken = ''");
const KEEP: &str = sql!(
    "INSERT INTO departure_envelope (departure, subject, preview, note, signed, lead) VALUES ($1, $2, $3, $4, $5, $6)"
);
const OF_DEPARTURE: &str =
    sql!("SELECT subject, preview, note, signed, lead FROM departure_envelope WHERE departure = $1");

/// A departure of the edition of `date` takes it.
///
/// # Errors
/// [`crate::Error`].
pub fn take(tx: &Write, newsletter: NewsletterId, date: &str, departure: DepartureId, taken: &Taken) -> Result<()> {
    let (e, note) = (&taken.envelope, &taken.envelope.note);
    if !e.is_empty() {
        tx.execute(TOOK, args![newsletter.0, date])?;
    }
    let lead = taken.lead.map(|lead| lead.0);
    tx.execute(KEEP, args![departure.0, &e.subject, &e.preview, &note.text, &note.signed, lead])?;
    Ok(())
}

/// What a departure took; nothing for one of before there were envelopes.
///
/// # Errors
/// [`crate::Error`].
pub fn of_departure(tx: &Read, departure: DepartureId) -> Result<Taken> {
    let row = tx.first(OF_DEPARTURE, args![departure.0])?;
    Ok(row.map_or_else(Taken::default, |r| Taken { envelope: envelope(&r), lead: r.int_or_none(4).map(ArticleId) }))
}

const LAST_SUBJECTS: &str = sql!(
    "SELECT DISTINCT c.subject
     FROM departure AS p
     JOIN cohort AS c ON c.departure = p.id
     WHERE c.subject <> ''
       AND p.edition = (
         SELECT e.id FROM edition AS e
         WHERE e.newsletter = $1 AND e.date < $2
         ORDER BY e.date DESC, e.id DESC
         LIMIT 1
       )
     ORDER BY c.subject
     LIMIT $3"
);

/// The subjects that the last edition before the local `date` went out with.
///
/// # Errors
/// [`crate::Error`].
pub fn last_subjects(tx: &Read, newsletter: NewsletterId, date: &str, limit: i64) -> Result<Vec<String>> {
    Ok(tx.query(LAST_SUBJECTS, args![newsletter.0, date, limit])?.iter().map(|r| r.text(0)).collect())
}
