//! Letters: single mails as departures with an audience of one, in the same ledger under the same promises.

use newsroom::{CohortId, DepartureId, Format, Ms, NewsletterId, ReaderId};

use crate::{Read, Result, Write, args, sql};

/// A letter to one reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The id its departure gets.
    pub departure: DepartureId,
    /// On behalf of which newsletter: an end to its subscription stops the letter too.
    pub newsletter: NewsletterId,
    /// To whom.
    pub reader: ReaderId,
    /// By which lane.
    pub lane: i64,
    /// Its words.
    pub cohort: CohortId,
    /// When it leaves.
    pub instant: Ms,
    /// After this it is not sent.
    pub expires: Ms,
}

const BY_FINGERPRINT: &str = sql!("SELECT id FROM cohort WHERE fingerprint = $1");
const COHORT: &str = sql!(
    "INSERT INTO cohort (id, fingerprint, seen_rank, topics, language, format, stories, subject, body)
     VALUES ($1, $2, 0, 0, $3, $4, 0, $5, $6)
     ON CONFLICT (fingerprint) DO NOTHING"
);
const DEPARTURE: &str = sql!(
    "INSERT INTO departure (id, kind, newsletter, instant, expires, audience, rank, state, folded)
     VALUES ($1, 2, $2, $3, $4, 1, 0, 1, 1)"
);
const DELIVERY: &str = sql!(
    "INSERT INTO delivery (departure, lane, position, reader, cohort, state, why, epoch, route, attempts)
     VALUES ($1, $2, 0, $3, $4, 0, 0, 0, 0, 0)"
);

const IN_DOUBT: &str = sql!(
    "SELECT count(*)
     FROM doubt
     JOIN departure ON departure.id = doubt.departure
     WHERE doubt.reader = $1 AND doubt.resolved_at IS NULL
       AND departure.kind = 2 AND departure.newsletter = $2 AND departure.instant >= $3"
);

/// Whether a letter that was queued for a reader at `since` or later is in doubt: it may have left, and nobody answered
/// for it.
///
/// # Errors
/// [`crate::Error`].
pub fn in_doubt(tx: &Read, reader: ReaderId, newsletter: NewsletterId, since: Ms) -> Result<bool> {
    Ok(tx.first(IN_DOUBT, args![reader.0, newsletter.0, since])?.is_some_and(|row| row.int(0) > 0))
}

/// The cohort of a letter's words; letters with the same words share it.
///
/// # Errors
/// [`crate::Error`].
pub fn words(
    tx: &Write,
    fresh: &newsroom::Cohort,
    fingerprint: &[u8],
    language: &str,
    format: Format,
) -> Result<CohortId> {
    let (subject, body) = (&fresh.subject, &fresh.body[..]);
    tx.execute(COHORT, args![fresh.id.0, fingerprint, language, format as i64, subject, body])?;
    let row = tx.first(BY_FINGERPRINT, args![fingerprint])?.expect("it was there or has just been put there");
    Ok(CohortId(row.int(0)))
}

/// Queues a letter. It is open at once: a poster takes it when it comes by.
///
/// # Errors
/// [`crate::Error`].
pub fn queue(tx: &Write, letter: &Letter) -> Result<()> {
    let l = letter;
    tx.execute(DEPARTURE, args![l.departure.0, l.newsletter.0, l.instant, l.expires])?;
    tx.execute(DELIVERY, args![l.departure.0, l.lane, l.reader.0, l.cohort.0])?;
    Ok(())
}
