//! The reminder: a plain mail to the desk that an edition waits for a person's word, or is held.
//!
//! It goes through the same ledger as every letter, once for each edition. It never goes to a reader's address unless that
//! address was set as the desk's, and it holds no link that acts.

use ::mail::mime::{Draft, DraftPart};
use newsroom::{Address, Cohort, CohortId, DepartureId, EditionKind, Format, HOUR_MS, Ms, NewsletterId, Outlet};
use store::letters::{self, Letter};
use store::{Store, readers, slots};
use vault::Vault;
use world::World;

use crate::inbox::sealed_reader;
use crate::letter::{LetterDraft, LetterFault, Made, make_up, wrap};

/// After this a reminder is not sent any more: the edition's day is over.
const REMINDER_LIVES_MS: Ms = 20 * HOUR_MS;

/// Why the desk is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its hour is long past.
    Late,
    /// The settings ask for a person's word.
    Waits,
}

/// What the desk is reminded of.
#[derive(Clone, Debug)]
pub struct Reminder<'a> {
    /// The newsletter's name.
    pub newsletter: &'a str,
    /// Whose editions: the one that the go-ahead is for.
    pub of: NewsletterId,
    /// What sort of edition.
    pub kind: EditionKind,
    /// Its local date.
    pub date: &'a str,
    /// Why it asks.
    pub why: Why,
}

/// Why no reminder could be queued.
#[derive(Debug, thiserror::Error)]
pub enum ReminderFault {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// It could not be made.
    #[error("the reminder cannot be made: {0}")]
    Letter(#[from] LetterFault),
}

/// Queues a reminder to `to`, unless the desk was reminded of that edition before. `None` for `to` only notes that it was.
/// Gives whether a mail was queued.
///
/// # Errors
/// [`ReminderFault`]; then the next call tries again.
pub async fn remind(
    world: &World,
    store: &Store,
    vault: &Vault,
    outlet: &Outlet,
    to: Option<&Address>,
    reminder: &Reminder<'_>,
) -> Result<bool, ReminderFault> {
    let made = make(outlet, reminder)?;
    let cohort = Cohort { id: CohortId(world.mint()), subject: made.subject, body: made.body };
    let reader = to.map(|to| sealed_reader(world, vault, to, &outlet.language));
    let (now, departure) = (world.now(), DepartureId(world.mint()));
    let (of, kind, date, language) = (reminder.of, reminder.kind, reminder.date.to_owned(), outlet.language.clone());
    let queued = store.write(move |tx| {
        if !slots::ask_go_ahead(tx, of, kind, &date, now)? {
            return Ok(false);
        }
        let Some(reader) = reader else { return Ok(false) };
        if readers::suppressed(tx, &reader.index)?.is_some() {
            return Ok(false);
        }
        let id = match readers::by_index(tx, &reader.index)? {
            Some(known) => known,
            None => {
                readers::add(tx, &reader, now)?;
                reader.id
            }
        };
        readers::stand_by(tx, id)?;
        let cohort = letters::words(tx, &cohort, &made.fingerprint, &language, Format::Text)?;
        let (newsletter, lane, expires) = (NewsletterId::DESK, reader.lane, now + REMINDER_LIVES_MS);
        letters::queue(tx, &Letter { departure, newsletter, reader: id, lane, cohort, instant: now, expires })?;
        Ok(true)
    });
    Ok(queued.await?)
}

/// Makes a reminder up for sending.
///
/// # Errors
/// [`LetterFault`].
pub fn make(outlet: &Outlet, reminder: &Reminder<'_>) -> Result<Made, LetterFault> {
    make_up(outlet, &draft(outlet, reminder))
}

/// Its words.
fn draft(outlet: &Outlet, reminder: &Reminder<'_>) -> LetterDraft {
    let Reminder { newsletter, kind, date, why, .. } = reminder;
    let (name, kind) = (newsletter.split_whitespace().collect::<Vec<_>>().join(" "), kind.name());
    let (subject, because) = match why {
        Why::Late => (
            format!("Held: {name}, {date}"),
            "Its hour was long past when Coranto came to it, so it was not sent unasked. If this machine was restored \
             from a backup, or is a copy of another that runs, find out first what was sent.",
        ),
        Why::Waits => (
            format!("Waiting for you: {name}, {date}"),
            "The settings say that a person gives the word (edition.leaves = person).",
        ),
    };
    let nothing = "If you do nothing, it does not leave, and its readers get what is in it with their next edition.";
    let text = format!(
        "The {kind} edition of {date} waits for your word.\n\n{}\n\n\
         Send it, at the desk or where Coranto runs:\n\n    coranto edition release {kind}-{date}\n\n\
         Given before its hour, it leaves at its hour. Let it go:\n\n    coranto edition release {kind}-{date} --drop\n\n\
         {}\n\n{}\n",
        wrap(because),
        wrap(nothing),
        outlet.name
    );
    LetterDraft { subject, parts: Draft { text: DraftPart { shared: text, personal: String::new() }, html: None } }
}
