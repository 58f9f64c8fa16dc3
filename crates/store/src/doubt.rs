//! Doubt, and how it ends: sent once more, held, or taken as arrived.
//!
//! A copy whose final dot left and whose answer was lost is `uncertain`, and its reader is listed in `doubt` for good; no row
//! is ever erased. A person, or the newsroom's policy, may have it **sent once more**: the same bytes under the same
//! Message-ID, made from the same cohort's mail, once and never again, while its departure has not expired. Or a person says
//! that it was **taken** (the relay's own log shows it) or **held**. Each end is written down with when and by whom; how the
//! copy itself then fared is the ledger's to say. Nothing here says that a copy arrived because nobody complained.

use newsroom::{
    DeliveryKey, DeliveryState, DepartureId, DepartureKind, DepartureState, Id, Ms, ReaderId, RouteId, WEEK_MS,
};

use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

/// Doubts older than this are not looked at by the policy: no departure lives so long, whatever a person chose.
const POLICY_LOOKS_BACK_MS: Ms = 2 * WEEK_MS;

/// How a doubt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The copy was put back to be sent once more.
    Resent,
    /// The copy is not to be sent again.
    Held,
    /// Somebody knows that the receiving server has it.
    Taken,
}

impl End {
    /// `resent`, `held` or `taken`: as the store keeps it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Resent => "resent",
            Self::Held => "held",
            Self::Taken => "taken",
        }
    }

    pub(crate) fn from_word(word: &str) -> Self {
        match word {
            "resent" => Self::Resent,
            "taken" => Self::Taken,
            _ => Self::Held,
        }
    }
}

/// An end, with when and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// How.
    pub end: End,
    /// When.
    pub at: Ms,
    /// By whom, or by what policy and for what reason.
    pub by: String,
}

/// Why a copy in doubt is not sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// It is a letter: its reader asks for another.
    Letter,
    /// It was sent once more already.
    Resent,
    /// Somebody knows that it was taken.
    Taken,
    /// A message came back about it: it had left the relay.
    Reported,
    /// It is not uncertain any more.
    Settled,
    /// Its departure has expired.
    Expired,
    /// Its departure was cancelled.
    Cancelled,
    /// Its reader left the list, or was taken off it.
    Left,
    /// The edition was corrected since: this copy says what is no longer to be said.
    Corrected,
}

impl Bar {
    /// Why, as the end of "not sent again: …".
    pub fn words(self) -> &'static str {
        match self {
            Self::Letter => "it is a letter, and its reader can ask for another",
            Self::Resent => "it was sent once more already, and never a second time",
            Self::Taken => "somebody wrote down that it was taken",
            Self::Reported => "a report came back about it, so the relay had taken it",
            Self::Settled => "it is not in doubt any more",
            Self::Expired => "its edition has expired",
            Self::Cancelled => "its edition was cancelled",
            Self::Left => "its reader has left the list",
            Self::Corrected => "the edition was corrected since, and this copy says what is no longer to be said",
        }
    }
}

/// One doubt, and all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubted {
    /// Which copy.
    pub key: DeliveryKey,
    /// Who.
    pub reader: ReaderId,
    /// Since when.
    pub since: Ms,
    /// What happened.
    pub cause: String,
    /// How it ended, if it has.
    pub resolution: Option<Resolution>,
    /// Where the copy stands now.
    pub state: DeliveryState,
    /// Evidence: when its reader left the list after the copy was sent. They may have left by the link in it.
    pub left: Option<Ms>,
    /// The way that had the copy last in hand; none when none had.
    pub route: Option<RouteId>,
    /// Why it cannot be sent once more, by what the ledger holds; see [`Doubted::bar`].
    facts: Facts,
}

/// What decides whether a copy may be sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    letter: bool,
    resent: bool,
    cancelled: bool,
    expires: Ms,
    on_the_list: bool,
    corrected: bool,
    reported: bool,
}

impl Doubted {
    /// Why the copy cannot be sent once more now; `None`: it can.
    pub fn bar(&self, now: Ms) -> Option<Bar> {
        let (f, end) = (&self.facts, self.resolution.as_ref().map(|r| r.end));
        let bars = [
            (f.letter, Bar::Letter),
            (f.resent, Bar::Resent),
            (end == Some(End::Taken), Bar::Taken),
            (f.reported, Bar::Reported),
            (self.state != DeliveryState::Uncertain, Bar::Settled),
            (f.cancelled, Bar::Cancelled),
            (f.expires <= now, Bar::Expired),
            (!f.on_the_list, Bar::Left),
            (f.corrected, Bar::Corrected),
        ];
        bars.into_iter().find(|(is, _)| *is).map(|(_, bar)| bar)
    }
}

macro_rules! doubt_columns {
    ($rest:literal) => {
        concat!(
            "SELECT b.departure, b.lane, b.position, b.reader, b.since, b.cause, b.resolution, b.resolved_at, b.resolved_by,
       d.state, p.kind, p.state, p.expires,
       (SELECT max(c.at) FROM consent AS c
        WHERE c.reader = b.reader AND c.newsletter = p.newsletter AND c.kind = 3 AND c.at >= b.since),
       (SELECT count(*) FROM doubt AS o
        WHERE o.departure = b.departure AND o.lane = b.lane AND o.position = b.position AND o.resolution = 'resent'),
       (SELECT count(*) FROM subscription AS s
        WHERE s.reader = b.reader AND s.newsletter = p.newsletter AND s.state IN (1, 2)),
       (SELECT count(*) FROM correction AS k WHERE k.departure = b.departure AND k.replaced = d.cohort),
       (SELECT count(*) FROM returned AS e
        WHERE e.reader = b.reader AND e.departure = b.departure AND e.kind IN (1, 4)),
       d.route
     FROM doubt AS b
     JOIN departure AS p ON p.id = b.departure
     JOIN delivery AS d ON d.departure = b.departure AND d.lane = b.lane AND d.position = b.position ",
            $rest
        )
    };
}

const LIST: &str = doubt_columns!(
    "WHERE b.departure = $1 AND (b.lane, b.position, b.since) > ($2, $3, $4)
     ORDER BY b.lane, b.position, b.since
     LIMIT $5"
);
const OF_READER: &str = doubt_columns!(
    "WHERE b.departure = $1 AND b.reader = $2
     ORDER BY b.since DESC
     LIMIT 1"
);
const ONE: &str = doubt_columns!("WHERE b.departure = $1 AND b.lane = $2 AND b.position = $3 AND b.since = $4");
const DUE: &str = doubt_columns!(
    "WHERE b.resolved_at IS NULL AND b.since > $1 AND b.since <= $2 AND p.kind = 1 AND p.state IN (1, 3, 4)
     ORDER BY b.since, b.departure, b.lane, b.position
     LIMIT $3"
);

fn doubted(r: &Row) -> Doubted {
    let resolution = r.text_or_none(6).map(|word| Resolution {
        end: End::from_word(&word),
        at: r.int_or_none(7).unwrap_or_default(),
        by: r.text_or_none(8).unwrap_or_default(),
    });
    Doubted {
        key: DeliveryKey { departure: DepartureId(r.int(0)), lane: r.int(1), position: r.int(2) },
        reader: ReaderId(r.int(3)),
        since: r.int(4),
        cause: r.text(5),
        resolution,
        state: DeliveryState::from_raw(r.int(9)),
        left: r.int_or_none(13),
        route: Some(RouteId(r.int(18))).filter(|route| route.0 > 0),
        facts: Facts {
            letter: r.int(10) == DepartureKind::Letter as i64,
            resent: r.int(14) > 0,
            cancelled: r.int(11) == DepartureState::Cancelled as i64,
            expires: r.int(12),
            on_the_list: r.int(15) > 0,
            corrected: r.int(16) > 0,
            reported: r.int(17) > 0,
        },
    }
}

/// Where a page of doubts goes on: lane, position, since.
pub type After = (i64, i64, Ms);

/// Before the first.
pub const FIRST: After = (-1, -1, -1);

/// A page of a departure's doubts, in the ledger's order, after one; start with [`FIRST`].
///
/// # Errors
/// [`crate::Error`].
pub fn list(tx: &Read, departure: DepartureId, after: After, limit: i64) -> Result<Vec<Doubted>> {
    let (lane, position, since) = after;
    Ok(tx.query(LIST, args![departure.0, lane, position, since, limit])?.iter().map(doubted).collect())
}

const OPEN: &str =
    sql!("SELECT departure, count(*) FROM doubt WHERE resolved_at IS NULL GROUP BY departure ORDER BY departure");

/// How many doubts nobody has ended, by departure.
///
/// # Errors
/// [`crate::Error`].
pub fn open(tx: &Read) -> Result<Vec<(DepartureId, i64)>> {
    Ok(tx.query(OPEN, args![])?.iter().map(|r| (DepartureId(r.int(0)), r.int(1))).collect())
}

/// A reader's latest doubt in a departure.
///
/// # Errors
/// [`crate::Error`].
pub fn of_reader(tx: &Read, departure: DepartureId, reader: ReaderId) -> Result<Option<Doubted>> {
    Ok(tx.first(OF_READER, args![departure.0, reader.raw()])?.as_ref().map(doubted))
}

/// A doubt by its copy and its moment.
pub type Which = (DeliveryKey, Ms);

fn one(tx: &Read, (key, since): Which) -> Result<Option<Doubted>> {
    let found = tx.first(ONE, args![key.departure.0, key.lane, key.position, since])?;
    Ok(found.as_ref().map(doubted))
}

const RESOLVE: &str = sql!(
    "UPDATE doubt SET resolution = $5, resolved_at = $6, resolved_by = $7
     WHERE departure = $1 AND lane = $2 AND position = $3 AND since = $4
       AND (resolved_at IS NULL OR resolution = 'held')"
);

/// Ends a doubt without sending anything. `false`: there is no such doubt, or it had ended otherwise.
///
/// # Errors
/// [`crate::Error`].
pub fn resolve(tx: &Write, (key, since): Which, resolution: &Resolution) -> Result<bool> {
    let (DeliveryKey { departure, lane, position }, r) = (key, resolution);
    Ok(tx.execute(RESOLVE, args![departure.0, lane, position, since, r.end.word(), r.at, &r.by])? == 1)
}

// It waits as one that is due again: every poster asks for those, wherever in a departure it walks.
const SEND_AGAIN: &str = sql!(
    "UPDATE delivery SET state = 4
     WHERE departure = $1 AND lane = $2 AND position = $3 AND state = 6"
);
const DUE_NOW: &str = sql!("INSERT INTO deferral (departure, lane, position, due) VALUES ($1, $2, $3, $4)");
const REOPEN: &str = sql!("UPDATE departure SET state = 1 WHERE id = $1 AND state = 3");

/// Puts a copy in doubt back to be sent once more, the same as it was, and opens its departure again if that had settled.
/// In a paused departure it waits with the others. The inner `Err` says why not; then nothing was changed.
///
/// # Errors
/// [`crate::Error`].
pub fn resend(tx: &Write, which: Which, by: &str, now: Ms) -> Result<std::result::Result<(), Bar>> {
    let Some(doubted) = one(tx, which)? else { return Ok(Err(Bar::Settled)) };
    if let Some(bar) = doubted.bar(now) {
        return Ok(Err(bar));
    }
    let DeliveryKey { departure, lane, position } = doubted.key;
    // Another hand may have been here since the row was read: only one finds the copy uncertain.
    if tx.execute(SEND_AGAIN, args![departure.0, lane, position])? == 0 {
        return Ok(Err(Bar::Settled));
    }
    tx.execute(DUE_NOW, args![departure.0, lane, position, now])?;
    tx.execute(REOPEN, args![departure.0])?;
    resolve(tx, which, &Resolution { end: End::Resent, at: now, by: by.to_owned() })?;
    Ok(Ok(()))
}

/// Whether the policy has anything to decide: doubts that began at `until` or before and that nobody has ended.
///
/// # Errors
/// [`crate::Error`].
pub fn any_due(tx: &Read, now: Ms, until: Ms) -> Result<bool> {
    Ok(tx.first(DUE, args![now - POLICY_LOOKS_BACK_MS, until, 1_i64])?.is_some())
}

/// What the policy did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// Copies put back to be sent once more.
    pub resent: u64,
    /// Doubts that stay: their copies are not to be sent again.
    pub held: u64,
}

/// The policy "send once more": up to `limit` doubts that began at `until` or before end now. What cannot or ought not to be
/// sent again is held, with the reason. Doubts of a paused departure wait until it goes on.
///
/// # Errors
/// [`crate::Error`].
pub fn decide(tx: &Write, now: Ms, until: Ms, limit: i64) -> Result<Decided> {
    let due: Vec<Doubted> =
        tx.query(DUE, args![now - POLICY_LOOKS_BACK_MS, until, limit])?.iter().map(doubted).collect();
    let mut decided = Decided::default();
    for one in due {
        let which = (one.key, one.since);
        match resend(tx, which, POLICY, now)? {
            Ok(()) => decided.resent += 1,
            Err(bar) => {
                let by = format!("{POLICY}: {}", bar.words());
                resolve(tx, which, &Resolution { end: End::Held, at: now, by })?;
                decided.held += 1;
            }
        }
    }
    Ok(decided)
}

/// By whom a doubt was ended that nobody decided.
pub const POLICY: &str = "the policy post.doubt";

const HOLD_ALL: &str = sql!(
    "UPDATE doubt SET resolution = 'held', resolved_at = $1, resolved_by = $2
     WHERE resolved_at IS NULL AND since <= $1 AND departure IN (SELECT id FROM departure WHERE kind = 1)"
);

/// Holds every doubt of an edition that nobody has ended: in a copy of a newsroom, another may have sent it once more.
///
/// # Errors
/// [`crate::Error`].
pub fn hold_all(tx: &Write, by: &str, now: Ms) -> Result<u64> {
    tx.execute(HOLD_ALL, args![now, by])
}
