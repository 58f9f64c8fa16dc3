//! Readers, their subscriptions and consent. Addresses are sealed bytes here: this crate cannot open them.

use newsroom::{
    BOUNCED_ELSEWHERE, ConsentKind, Format, LEFT_ELSEWHERE, Ms, NewsletterId, ReaderId, SubscriptionState, Suppression,
    Topics, UNREACHABLE, WEEK_MS,
};

use crate::engine::Row;
use crate::{Read, Result, Write, args, slots, sql};

/// A sealed sign-up waiting at the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signup {
    /// Its id.
    pub id: i64,
    /// What the seal made of it.
    pub sealed: Vec<u8>,
    /// When it came.
    pub received: Ms,
}

const SIGNUP_ADD: &str = sql!("INSERT INTO signup (id, sealed, received) VALUES ($1, $2, $3)");
const SIGNUP_LIST: &str = sql!("SELECT id, sealed, received FROM signup ORDER BY id LIMIT $1");
const SIGNUP_ERASE: &str = sql!("DELETE FROM signup WHERE id = $1");

/// Lays a sealed sign-up in the inbox.
///
/// # Errors
/// [`crate::Error`].
pub fn lay_in(tx: &Write, signup: &Signup) -> Result<()> {
    tx.execute(SIGNUP_ADD, args![signup.id, &signup.sealed[..], signup.received])?;
    Ok(())
}

/// Sign-ups that wait to be opened, the oldest first.
///
/// # Errors
/// [`crate::Error`].
pub fn waiting(tx: &Read, limit: i64) -> Result<Vec<Signup>> {
    let signup = |r: &Row| Signup { id: r.int(0), sealed: r.bytes(1), received: r.int(2) };
    Ok(tx.query(SIGNUP_LIST, args![limit])?.iter().map(signup).collect())
}

/// Erases a sign-up that was opened.
///
/// # Errors
/// [`crate::Error`].
pub fn erase_signup(tx: &Write, id: i64) -> Result<()> {
    tx.execute(SIGNUP_ERASE, args![id])?;
    Ok(())
}

/// A reader's row, address sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedReader {
    /// Who.
    pub id: ReaderId,
    /// Which key sealed the address.
    pub kid: i64,
    /// The sealed address.
    pub sealed: Vec<u8>,
    /// The blind index of the address.
    pub index: Vec<u8>,
    /// The lane their mail goes by.
    pub lane: i64,
    /// The language of the mail's own words.
    pub language: String,
    /// How their copies are made up.
    pub format: Format,
}

const BY_INDEX: &str = sql!("SELECT id FROM reader WHERE address_index = $1");
const SUPPRESSED: &str = sql!("SELECT at, why FROM suppression WHERE address_index = $1");
const ADD: &str = sql!(
    "INSERT INTO reader (id, kid, sealed, address_index, lane, language, format, week)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
);
const SUPPRESS: &str =
    sql!("INSERT INTO suppression (address_index, at, why) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");

/// The reader behind a blind index, if known.
///
/// # Errors
/// [`crate::Error`].
pub fn by_index(tx: &Read, index: &[u8]) -> Result<Option<ReaderId>> {
    Ok(tx.first(BY_INDEX, args![index])?.map(|r| ReaderId(r.int(0))))
}

/// Whether the address behind a blind index must not be written to, and why.
///
/// # Errors
/// [`crate::Error`].
pub fn suppressed(tx: &Read, index: &[u8]) -> Result<Option<Suppression>> {
    let row = tx.first(SUPPRESSED, args![index])?;
    Ok(row.map(|r| Suppression { index: index.to_vec(), at: r.int(0), why: r.text(1) }))
}

/// Never write to this address again.
///
/// # Errors
/// [`crate::Error`].
pub fn suppress(tx: &Write, suppression: &Suppression) -> Result<()> {
    tx.execute(SUPPRESS, args![&suppression.index[..], suppression.at, &suppression.why])?;
    Ok(())
}

/// Adds a reader.
///
/// # Errors
/// [`crate::Error`], also when the address is known.
pub fn add(tx: &Write, reader: &SealedReader, now: Ms) -> Result<()> {
    let r = reader;
    tx.execute(
        ADD,
        args![
            r.id.0,
            r.kid,
            &r.sealed[..],
            &r.index[..],
            r.lane,
            &r.language,
            r.format as i64,
            now.div_euclid(WEEK_MS)
        ],
    )?;
    Ok(())
}

/// Where a subscription stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Asked, active, ended.
    pub state: SubscriptionState,
    /// What they chose.
    pub topics: Topics,
    /// How many opt-in letters they were sent while pending.
    pub opt_ins: i64,
    /// When the last one was.
    pub opt_in_at: Ms,
}

const STANDING: &str =
    sql!("SELECT state, topics, opt_ins, opt_in_at FROM subscription WHERE reader = $1 AND newsletter = $2");
const ASK: &str = sql!(
    "INSERT INTO subscription (reader, newsletter, state, topics, frequency, last_date, seen_rank, opt_ins, opt_in_at)
     VALUES ($1, $2, 1, $3, 1, '', 0, 1, $4)
     ON CONFLICT (reader, newsletter) DO UPDATE
     SET state = 1, topics = excluded.topics, opt_ins = subscription.opt_ins + 1, opt_in_at = excluded.opt_in_at"
);
const LAST_RANK: &str = sql!("SELECT coalesce(max(rank), 0) FROM departure WHERE kind = 1 AND newsletter = $1");
const CONFIRM: &str = sql!(
    "UPDATE subscription
     SET state = 2, opt_ins = 0, seen_rank = CASE WHEN seen_rank > $3 THEN seen_rank ELSE $3 END
     WHERE reader = $1 AND newsletter = $2 AND state = 1"
);
// Who left elsewhere and now confirms here has come back by their own wish.
const COME_BACK: &str = sql!(
    "DELETE FROM suppression
     WHERE why IN ($2, $3, $4) AND address_index = (SELECT address_index FROM reader WHERE id = $1)"
);
const UNSUBSCRIBE: &str =
    sql!("UPDATE subscription SET state = 3 WHERE reader = $1 AND newsletter = $2 AND state IN (1, 2)");
const UNDO: &str = sql!("UPDATE subscription SET state = 2 WHERE reader = $1 AND newsletter = $2 AND state = 3");
const ASKED_ONLY: &str = sql!(
    "SELECT count(*) FROM consent
     WHERE reader = $1 AND newsletter = $2 AND kind IN (2, 4, 5)"
);
const CONSENT: &str =
    sql!("INSERT INTO consent (id, reader, newsletter, kind, at, door, wording) VALUES ($1, $2, $3, $4, $5, $6, $7)");

/// Where a reader's subscription to a newsletter stands, if there is one.
///
/// # Errors
/// [`crate::Error`].
pub fn standing(tx: &Read, reader: ReaderId, newsletter: NewsletterId) -> Result<Option<Standing>> {
    Ok(tx.first(STANDING, args![reader.0, newsletter.0])?.map(|r| Standing {
        state: SubscriptionState::from_raw(r.int(0)),
        topics: Topics::from_raw(r.int(1)),
        opt_ins: r.int(2),
        opt_in_at: r.int(3),
    }))
}

/// A wish at the door: the subscription is pending, and an opt-in letter is about to be queued in the same transaction.
///
/// # Errors
/// [`crate::Error`].
pub fn ask(tx: &Write, reader: ReaderId, newsletter: NewsletterId, topics: Topics, now: Ms) -> Result<()> {
    tx.execute(ASK, args![reader.0, newsletter.0, topics.raw(), now])?;
    Ok(())
}

/// One line for the consent log: an id, by which door, and the words shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its id.
    pub id: i64,
    /// `form`, `mail link`, `one-click`, `import`.
    pub door: &'static str,
    /// The words they acted on.
    pub wording: String,
}

/// Writes a line into the consent log.
///
/// # Errors
/// [`crate::Error`].
pub fn consent(
    tx: &Write,
    reader: ReaderId,
    newsletter: NewsletterId,
    kind: ConsentKind,
    line: &Line,
    now: Ms,
) -> Result<()> {
    tx.execute(CONSENT, args![line.id, reader.0, newsletter.0, kind as i64, now, line.door, &line.wording])?;
    Ok(())
}

/// The highest rank that an edition of a newsletter carried: what its readers have seen.
///
/// # Errors
/// [`crate::Error`].
pub fn last_rank(tx: &Read, newsletter: NewsletterId) -> Result<i64> {
    Ok(tx.first(LAST_RANK, args![newsletter.0])?.map_or(0, |r| r.int(0)))
}

/// The reader pressed the button behind the opt-in link. They have seen what earlier editions carried, so that their
/// first edition holds today's news and not the archive; and they are a newcomer, who may get today's at once. `false` when
/// there was nothing to confirm.
///
/// # Errors
/// [`crate::Error`].
pub fn confirm(tx: &Write, reader: ReaderId, newsletter: NewsletterId, line: &Line, now: Ms) -> Result<bool> {
    let seen = last_rank(tx, newsletter)?;
    let confirmed = tx.execute(CONFIRM, args![reader.0, newsletter.0, seen])? == 1;
    if confirmed {
        consent(tx, reader, newsletter, ConsentKind::Confirmed, line, now)?;
        tx.execute(COME_BACK, args![reader.0, LEFT_ELSEWHERE, BOUNCED_ELSEWHERE, UNREACHABLE])?;
        slots::welcome(tx, reader, newsletter, now)?;
    }
    Ok(confirmed)
}

/// Ends a subscription: once this is durable, no message to the reader starts. `false` when it had ended already.
///
/// # Errors
/// [`crate::Error`].
pub fn unsubscribe(tx: &Write, reader: ReaderId, newsletter: NewsletterId, line: &Line, now: Ms) -> Result<bool> {
    let ended = tx.execute(UNSUBSCRIBE, args![reader.0, newsletter.0])? == 1;
    if ended {
        consent(tx, reader, newsletter, ConsentKind::Unsubscribed, line, now)?;
    }
    Ok(ended)
}

/// Takes an unsubscribing back, for a reader who had confirmed before. `false` when there is nothing to take back.
///
/// # Errors
/// [`crate::Error`].
pub fn undo(tx: &Write, reader: ReaderId, newsletter: NewsletterId, line: &Line, now: Ms) -> Result<bool> {
    let confirmed_once = tx.first(ASKED_ONLY, args![reader.0, newsletter.0])?.is_some_and(|r| r.int(0) > 0);
    let undone = confirmed_once && tx.execute(UNDO, args![reader.0, newsletter.0])? == 1;
    if undone {
        consent(tx, reader, newsletter, ConsentKind::Undone, line, now)?;
        tx.execute(COME_BACK, args![reader.0, LEFT_ELSEWHERE, BOUNCED_ELSEWHERE, UNREACHABLE])?;
    }
    Ok(undone)
}

/// How many readers stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Asked, not confirmed.
    pub pending: i64,
    /// Get editions.
    pub active: i64,
    /// Ended it themselves.
    pub unsubscribed: i64,
    /// Must not be written to.
    pub suppressed: i64,
}

const COUNTS: &str =
    sql!("SELECT state, count(*) FROM subscription WHERE newsletter = $1 GROUP BY state ORDER BY state");

/// How many readers of a newsletter stand where.
///
/// # Errors
/// [`crate::Error`].
pub fn counts(tx: &Read, newsletter: NewsletterId) -> Result<Counts> {
    let mut counts = Counts::default();
    for row in tx.query(COUNTS, args![newsletter.0])? {
        let place = match row.int(0) {
            1 => &mut counts.pending,
            2 => &mut counts.active,
            3 => &mut counts.unsubscribed,
            _ => &mut counts.suppressed,
        };
        *place = row.int(1);
    }
    Ok(counts)
}

const SEALED: &str = sql!("SELECT kid, sealed FROM reader WHERE id = $1");

/// A reader's sealed address, for the vault alone.
///
/// # Errors
/// [`crate::Error`].
pub fn sealed(tx: &Read, reader: ReaderId) -> Result<Option<(i64, Vec<u8>)>> {
    Ok(tx.first(SEALED, args![reader.0])?.map(|r| (r.int(0), r.bytes(1))))
}

const MAILING: &str = sql!("SELECT lane, language FROM reader WHERE id = $1");
const NOTE_LINK: &str =
    sql!("UPDATE subscription SET link_at = $3 WHERE reader = $1 AND newsletter = $2 AND state = 2 AND link_at <= $4");
const STAND_BY: &str = sql!(
    "INSERT INTO subscription (reader, newsletter, state, topics, frequency, slot, last_date, seen_rank, opt_ins, opt_in_at)
     VALUES ($1, $2, 2, 0, 3, 3, '', 0, 0, 0)
     ON CONFLICT (reader, newsletter) DO NOTHING"
);

/// The lane a reader's mail goes by, and their language.
///
/// # Errors
/// [`crate::Error`].
pub fn mailing(tx: &Read, reader: ReaderId) -> Result<Option<(i64, String)>> {
    Ok(tx.first(MAILING, args![reader.0])?.map(|r| (r.int(0), r.text(1))))
}

const SPEAK: &str = sql!("UPDATE reader SET language = $2 WHERE id = $1");

/// The language that a reader's mail speaks from now on.
///
/// # Errors
/// [`crate::Error`].
pub fn speak(tx: &Write, reader: ReaderId, language: &str) -> Result<()> {
    tx.execute(SPEAK, args![reader.0, language])?;
    Ok(())
}

/// Notes that a letter with the link to their choices is queued for an active reader. `false`: they are none, or had one
/// after `before`.
///
/// # Errors
/// [`crate::Error`].
pub fn note_link(tx: &Write, reader: ReaderId, newsletter: NewsletterId, now: Ms, before: Ms) -> Result<bool> {
    Ok(tx.execute(NOTE_LINK, args![reader.0, newsletter.0, now, before])? == 1)
}

/// Lets the desk's own mail reach an address: a subscription to no newsletter, which nothing is cut for.
///
/// # Errors
/// [`crate::Error`].
pub fn stand_by(tx: &Write, reader: ReaderId) -> Result<()> {
    tx.execute(STAND_BY, args![reader.0, NewsletterId::DESK.0])?;
    Ok(())
}

const FORMAT: &str = sql!("SELECT format FROM reader WHERE id = $1");
const CHOOSE_TOPICS: &str =
    sql!("UPDATE subscription SET topics = $3 WHERE reader = $1 AND newsletter = $2 AND state = 2");
const CHOOSE_FORMAT: &str = sql!("UPDATE reader SET format = $2 WHERE id = $1");

/// How a reader's copies are made up.
///
/// # Errors
/// [`crate::Error`].
pub fn format(tx: &Read, reader: ReaderId) -> Result<Option<Format>> {
    let row = tx.first(FORMAT, args![reader.0])?;
    Ok(row.map(|r| if r.int(0) == Format::Html as i64 { Format::Html } else { Format::Text }))
}

/// An active reader's choices. `false` when the subscription is not active: nothing is changed.
///
/// # Errors
/// [`crate::Error`].
pub fn choose(tx: &Write, reader: ReaderId, newsletter: NewsletterId, topics: Topics, format: Format) -> Result<bool> {
    let chosen = tx.execute(CHOOSE_TOPICS, args![reader.0, newsletter.0, topics.raw()])? == 1;
    if chosen {
        tx.execute(CHOOSE_FORMAT, args![reader.0, format as i64])?;
    }
    Ok(chosen)
}
