//! Lists of readers that come in from elsewhere, and this newsroom's own list on its way out.
//!
//! Addresses are sealed bytes and blind indexes here, as everywhere in this crate. Nobody who left is ever brought back
//! by what arrives, and who stands here already stays as they are.

use newsroom::{
    Consent, ConsentKind, DAY_MS, EditionKind, Format, Frequency, Id, Ms, NewsletterId, ReaderId, SlotId,
    SubscriptionState, Suppression, Timing, Topics,
};

use crate::engine::Row;
use crate::readers::{self, Line, SealedReader};
use crate::slots;
use crate::{Read, Result, Write, args, sql};

/// What is known here of an address, by its blind index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The reader, if there is one.
    pub reader: Option<ReaderId>,
    /// Where their subscription stands, if there is one.
    pub state: Option<SubscriptionState>,
    /// When they last said yes here themselves: asked, confirmed or came back. 0: never.
    pub own_yes: Ms,
    /// Whether the address must not be written to.
    pub suppressed: Option<Suppression>,
}

const KNOWN: &str = sql!(
    "SELECT r.id, s.state,
       (SELECT coalesce(max(c.at), 0) FROM consent AS c
        WHERE c.reader = r.id AND c.newsletter = $2 AND c.kind IN (1, 2, 4))
     FROM reader AS r
     LEFT JOIN subscription AS s ON s.reader = r.id AND s.newsletter = $2
     WHERE r.address_index = $1"
);

/// What is known here of an address.
///
/// # Errors
/// [`crate::Error`].
pub fn known(tx: &Read, newsletter: NewsletterId, index: &[u8]) -> Result<Known> {
    let suppressed = readers::suppressed(tx, index)?;
    let row = tx.first(KNOWN, args![index, newsletter.0])?;
    Ok(row.map_or(Known { suppressed: suppressed.clone(), ..Known::default() }, |r| Known {
        reader: Some(ReaderId(r.int(0))),
        state: r.int_or_none(1).map(SubscriptionState::from_raw),
        own_yes: r.int(2),
        suppressed,
    }))
}

const NEXT_FROM: &str = sql!(
    "SELECT coalesce(max(rank), 0) FROM (
       SELECT max(p.rank) AS rank FROM departure AS p WHERE p.kind = 1 AND p.newsletter = $1
       UNION ALL
       SELECT max(a.rank) AS rank FROM article AS a WHERE a.published_at < $2
     ) AS seen"
);

/// The rank that a reader who arrives with a list has seen: what the last edition carried, and whatever was published
/// more than a day ago. Their first edition is the next one's news, never the archive.
///
/// # Errors
/// [`crate::Error`].
pub fn next_from(tx: &Read, newsletter: NewsletterId, now: Ms) -> Result<i64> {
    Ok(tx.first(NEXT_FROM, args![newsletter.0, now - DAY_MS])?.map_or(0, |r| r.int(0)))
}

/// A subscription as it stands in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// To what.
    pub newsletter: NewsletterId,
    /// Asked, active, ended.
    pub state: SubscriptionState,
    /// What they chose.
    pub topics: Topics,
    /// How often.
    pub frequency: EditionKind,
    /// The first local date on which mail comes again; empty when it is not paused.
    pub paused_until: String,
    /// The local date of the last edition that took them; empty before the first.
    pub last_date: String,
    /// What they have seen.
    pub seen_rank: i64,
}

/// A reader with all that a list says of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who, address sealed.
    pub reader: SealedReader,
    /// The IANA zone they chose; the outlet's when none.
    pub zone: Option<String>,
    /// The local hour they chose; the outlet's when none.
    pub hour: Option<i64>,
    /// The week they joined, counted from 1970.
    pub week: i64,
    /// Their subscriptions.
    pub subscriptions: Vec<Listed>,
    /// Their consent, each line with its id.
    pub consent: Vec<(i64, Consent)>,
}

const ARRIVE: &str = sql!(
    "INSERT INTO reader (id, kid, sealed, address_index, lane, language, format, week, zone, hour)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
);
const SUBSCRIBE: &str = sql!(
    "INSERT INTO subscription (reader, newsletter, state, topics, frequency, slot, paused_until, last_date, seen_rank,
       opt_ins, opt_in_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0)
     ON CONFLICT (reader, newsletter) DO UPDATE
     SET state = excluded.state, topics = excluded.topics, opt_ins = 0,
       seen_rank = CASE WHEN subscription.seen_rank > excluded.seen_rank THEN subscription.seen_rank
         ELSE excluded.seen_rank END
     WHERE subscription.state = 1 AND excluded.state = 2"
);
const CONSENT: &str = sql!(
    "INSERT INTO consent (id, reader, newsletter, kind, at, door, wording) VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (id) DO NOTHING"
);

/// Takes a reader in, or what a list adds to one who is `known`: a subscription where there is none, or one that waits
/// for its confirmation and is confirmed by what they agreed to elsewhere. Any other subscription stays as it is. `fresh`
/// becomes the slot of a zone and hour that nobody had chosen, from `now` on.
///
/// # Errors
/// [`crate::Error`], also when another reader has this id or address.
pub fn arrive(tx: &Write, entry: &Entry, known: Option<ReaderId>, fresh: SlotId, now: Ms) -> Result<()> {
    let r = &entry.reader;
    let id = known.unwrap_or(r.id);
    if known.is_none() {
        let (sealed, index, format) = (&r.sealed[..], &r.index[..], r.format as i64);
        tx.execute(
            ARRIVE,
            args![id.0, r.kid, sealed, index, r.lane, &r.language, format, entry.week, entry.zone.as_ref(), entry.hour],
        )?;
    }
    for s in &entry.subscriptions {
        let (state, topics, frequency) = (s.state as i64, s.topics.raw(), s.frequency as i64);
        let hour = entry.hour.and_then(|hour| i8::try_from(hour).ok());
        let timing = Timing { frequency: Frequency::from_raw(frequency), zone: entry.zone.clone(), hour };
        let slot = slots::slot_of(tx, s.newsletter, &timing, fresh, now)?.0;
        let (paused, last) = (&s.paused_until, &s.last_date);
        tx.execute(SUBSCRIBE, args![id.0, s.newsletter.0, state, topics, frequency, slot, paused, last, s.seen_rank])?;
    }
    for (line, c) in &entry.consent {
        tx.execute(CONSENT, args![*line, id.0, c.newsletter.0, c.kind as i64, c.at, &c.door, &c.wording])?;
    }
    Ok(())
}

const END: &str = sql!("UPDATE subscription SET state = $3 WHERE reader = $1 AND newsletter = $2 AND state IN (1, 2)");

/// A list says that this address left, or bounced, elsewhere: it is suppressed, and a subscription that stands ends. Once
/// this is durable no message to them starts.
///
/// # Errors
/// [`crate::Error`].
pub fn leave(
    tx: &Write,
    newsletter: NewsletterId,
    reader: Option<ReaderId>,
    suppression: &Suppression,
    line: &Line,
) -> Result<()> {
    readers::suppress(tx, suppression)?;
    if let Some(reader) = reader {
        // Ended, not barred: the door stays open to whoever holds the address.
        let state = SubscriptionState::Unsubscribed as i64;
        if tx.execute(END, args![reader.0, newsletter.0, state])? == 1 {
            readers::consent(tx, reader, newsletter, ConsentKind::Unsubscribed, line, suppression.at)?;
        }
    }
    Ok(())
}

const READERS: &str = sql!(
    "SELECT id, kid, sealed, address_index, lane, language, format, zone, hour, week
     FROM reader
     WHERE id > $1
     ORDER BY id
     LIMIT $2"
);
const SUBSCRIPTIONS: &str = sql!(
    "SELECT reader, newsletter, state, topics, frequency, last_date, seen_rank, paused_until
     FROM subscription
     WHERE reader > $1 AND reader <= $2
     ORDER BY reader, newsletter"
);
const CONSENTS: &str = sql!(
    "SELECT id, reader, newsletter, kind, at, door, wording
     FROM consent
     WHERE reader > $1 AND reader <= $2
     ORDER BY reader, id"
);

/// The list, a page after the reader `after`, in order of id. Start with `ReaderId(0)`: ids are positive.
///
/// # Errors
/// [`crate::Error`].
pub fn page(tx: &Read, after: ReaderId, limit: i64) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = tx.query(READERS, args![after.0, limit])?.iter().map(entry).collect();
    let Some(last) = entries.last().map(|entry| entry.reader.id) else { return Ok(entries) };
    let mut at = 0;
    for row in tx.query(SUBSCRIPTIONS, args![after.0, last.0])? {
        if let Some(entry) = owner(&mut entries, &mut at, ReaderId(row.int(0))) {
            entry.subscriptions.push(listed(&row));
        }
    }
    at = 0;
    for row in tx.query(CONSENTS, args![after.0, last.0])? {
        if let Some(entry) = owner(&mut entries, &mut at, ReaderId(row.int(1))) {
            entry.consent.push((row.int(0), consent(&row)));
        }
    }
    Ok(entries)
}

/// The entry of `reader`, from `at` on: both come in order of id. None: a line of somebody whose row is gone.
fn owner<'e>(entries: &'e mut [Entry], at: &mut usize, reader: ReaderId) -> Option<&'e mut Entry> {
    while entries.get(*at).is_some_and(|entry| entry.reader.id < reader) {
        *at += 1;
    }
    entries.get_mut(*at).filter(|entry| entry.reader.id == reader)
}

fn entry(r: &Row) -> Entry {
    Entry {
        reader: SealedReader {
            id: ReaderId(r.int(0)),
            kid: r.int(1),
            sealed: r.bytes(2),
            index: r.bytes(3),
            lane: r.int(4),
            language: r.text(5),
            format: if r.int(6) == Format::Html as i64 { Format::Html } else { Format::Text },
        },
        zone: r.text_or_none(7),
        hour: r.int_or_none(8),
        week: r.int(9),
        subscriptions: Vec::new(),
        consent: Vec::new(),
    }
}

fn listed(r: &Row) -> Listed {
    Listed {
        newsletter: NewsletterId(r.int(1)),
        state: SubscriptionState::from_raw(r.int(2)),
        topics: Topics::from_raw(r.int(3)),
        frequency: match r.int(4) {
            1 => EditionKind::Daily,
            2 => EditionKind::Weekly,
            _ => EditionKind::Breaking,
        },
        last_date: r.text(5),
        seen_rank: r.int(6),
        paused_until: r.text(7),
    }
}

fn consent(r: &Row) -> Consent {
    Consent {
        reader: ReaderId::from_raw(r.int(1)),
        newsletter: NewsletterId(r.int(2)),
        kind: ConsentKind::from_raw(r.int(3)).expect("the schema keeps kinds between 1 and 5"),
        at: r.int(4),
        door: r.text(5),
        wording: r.text(6),
    }
}

const SUPPRESSIONS: &str = sql!(
    "SELECT s.address_index, s.at, s.why, r.id
     FROM suppression AS s
     LEFT JOIN reader AS r ON r.address_index = s.address_index
     WHERE s.address_index > $1
     ORDER BY s.address_index
     LIMIT $2"
);

/// Suppressions after the blind index `after`, each with its reader where one is known. Start with nothing.
///
/// # Errors
/// [`crate::Error`].
pub fn suppressions(tx: &Read, after: &[u8], limit: i64) -> Result<Vec<(Suppression, Option<ReaderId>)>> {
    let rows = tx.query(SUPPRESSIONS, args![after, limit])?;
    let one = |r: &Row| {
        let suppression = Suppression { index: r.bytes(0), at: r.int(1), why: r.text(2) };
        (suppression, r.int_or_none(3).map(ReaderId))
    };
    Ok(rows.iter().map(one).collect())
}

const TAKEN: &str = sql!("SELECT id FROM reader WHERE id = $1");

/// Whether a reader has this id.
///
/// # Errors
/// [`crate::Error`].
pub fn taken(tx: &Read, id: ReaderId) -> Result<bool> {
    Ok(tx.first(TAKEN, args![id.0])?.is_some())
}
