//! Slots, turns and the clock: who is due when, decided once in the database, whoever looks at the clock.
//!
//! A turn is a row; whoever writes it first has decided it, and the departure it led to stands in the same transaction.
//! Who is due is found by slot, never by reading every reader.

use newsroom::{
    DepartureState, EditionKind, Frequency, KeptTurn, Ms, NewsletterId, ReaderId, Slot, SlotId, Timing, Turn, TurnState,
};

use crate::editions::{self, Audience, Cut, Order};
use crate::engine::Row;
use crate::{Read, Result, Write, args, sql};

/// When Coranto began to look at the clock for a newsletter, and when it last did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Turns up to this moment are nobody's: the newsroom was not running yet.
    pub since: Ms,
    /// When it was last looked at.
    pub seen: Ms,
}

const CLOCK: &str = sql!("SELECT since, seen FROM clock WHERE newsletter = $1");
const CLOCK_START: &str =
    sql!("INSERT INTO clock (newsletter, since, seen) VALUES ($1, $2, $2) ON CONFLICT (newsletter) DO NOTHING");
const CLOCK_SEE: &str = sql!("UPDATE clock SET seen = $2 WHERE newsletter = $1");
const CLOCK_HOLD: &str = sql!("UPDATE clock SET seen = seen WHERE newsletter = $1");

/// The clock of a newsletter, started at `now` when it never was.
///
/// # Errors
/// [`crate::Error`].
pub fn start_clock(tx: &Write, newsletter: NewsletterId, now: Ms) -> Result<Clock> {
    tx.execute(CLOCK_START, args![newsletter.0, now])?;
    let row = tx.first(CLOCK, args![newsletter.0])?.expect("it was there or has just been put there");
    Ok(Clock { since: row.int(0), seen: row.int(1) })
}

/// Notes that the clock was looked at, and everything due decided.
///
/// # Errors
/// [`crate::Error`].
pub fn see_clock(tx: &Write, newsletter: NewsletterId, now: Ms) -> Result<()> {
    tx.execute(CLOCK_SEE, args![newsletter.0, now])?;
    Ok(())
}

/// Lets one scheduler decide at a time: the row stays locked until the transaction ends.
fn hold_clock(tx: &Write, newsletter: NewsletterId, now: Ms) -> Result<()> {
    tx.execute(CLOCK_START, args![newsletter.0, now])?;
    tx.execute(CLOCK_HOLD, args![newsletter.0])?;
    Ok(())
}

const LIST: &str = sql!("SELECT id, frequency, zone, hour, since FROM slot WHERE newsletter = $1 ORDER BY id");
const FIND: &str = sql!("SELECT id FROM slot WHERE newsletter = $1 AND frequency = $2 AND zone = $3 AND hour = $4");
const ADD: &str = sql!(
    "INSERT INTO slot (id, newsletter, frequency, zone, hour, since) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (newsletter, frequency, zone, hour) DO NOTHING"
);

/// The slots of a newsletter that have turns: the outlet's own two, and those that readers chose.
///
/// # Errors
/// [`crate::Error`].
pub fn list(tx: &Read, newsletter: NewsletterId) -> Result<Vec<Slot>> {
    let own = |id, frequency| Slot { id, timing: Timing { frequency, ..Timing::OUTLETS }, since: 0 };
    let mut slots = vec![own(SlotId::DAILY, Frequency::Daily), own(SlotId::WEEKLY, Frequency::Weekly)];
    slots.extend(tx.query(LIST, args![newsletter.0])?.iter().map(|r| Slot {
        id: SlotId(r.int(0)),
        timing: timing(Frequency::from_raw(r.int(1)), Some(r.text(2)), Some(r.int(3))),
        since: r.int(4),
    }));
    Ok(slots)
}

fn timing(frequency: Frequency, zone: Option<String>, hour: Option<i64>) -> Timing {
    let hour = hour.filter(|h| *h >= 0).map(|h| i8::try_from(h).expect("an hour is checked where it is kept"));
    Timing { frequency, zone: zone.filter(|z| !z.is_empty()), hour }
}

/// The slot of a choice; a choice that nobody made before becomes one, with `fresh` for its id.
///
/// # Errors
/// [`crate::Error`].
pub fn slot_of(tx: &Write, newsletter: NewsletterId, wanted: &Timing, fresh: SlotId, now: Ms) -> Result<SlotId> {
    match (wanted.frequency, &wanted.zone, wanted.hour) {
        (Frequency::Breaking, ..) => return Ok(SlotId::BREAKING),
        (Frequency::Daily, None, None) => return Ok(SlotId::DAILY),
        (Frequency::Weekly, None, None) => return Ok(SlotId::WEEKLY),
        _ => {}
    }
    let (frequency, zone) = (wanted.frequency as i64, wanted.zone.as_deref().unwrap_or_default());
    let hour = wanted.hour.map_or(-1, i64::from);
    tx.execute(ADD, args![fresh.0, newsletter.0, frequency, zone, hour, now])?;
    let row = tx.first(FIND, args![newsletter.0, frequency, zone, hour])?;
    Ok(SlotId(row.expect("it was there or has just been put there").int(0)))
}

const DECIDED: &str = sql!("SELECT slot, date FROM turn WHERE newsletter = $1 AND date >= $2 ORDER BY date, slot");
const KEPT: &str = sql!(
    "SELECT slot, kind, date, instant, state, departure FROM turn WHERE newsletter = $1 AND date = $2 AND slot = $3"
);
const ASKING: &str = sql!(
    "SELECT slot, kind, date, instant, state, departure FROM turn
     WHERE newsletter = $1 AND state IN (4, 5)
     ORDER BY kind, date, slot"
);
const MARK: &str = sql!(
    "INSERT INTO turn (newsletter, date, slot, kind, instant, state, departure, decided)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (newsletter, date, slot) DO NOTHING"
);
const SETTLE: &str =
    sql!("UPDATE turn SET state = $4, departure = $5, decided = $6 WHERE newsletter = $1 AND date = $2 AND slot = $3");
const FORGET: &str = sql!("DELETE FROM turn WHERE newsletter = $1 AND date < $2 AND state NOT IN (4, 5)");
const OVERTAKEN: &str = sql!(
    "UPDATE turn SET state = 6, decided = $4
     WHERE newsletter = $1 AND state IN (4, 5) AND date < $2 AND slot = $3"
);

/// Turns of `date` or later that are decided.
///
/// # Errors
/// [`crate::Error`].
pub fn decided(tx: &Read, newsletter: NewsletterId, date: &str) -> Result<Vec<(SlotId, String)>> {
    Ok(tx.query(DECIDED, args![newsletter.0, date])?.iter().map(|r| (SlotId(r.int(0)), r.text(1))).collect())
}

/// Turns that ask for a person's word: held for being late, or waiting.
///
/// # Errors
/// [`crate::Error`].
pub fn asking(tx: &Read, newsletter: NewsletterId) -> Result<Vec<KeptTurn>> {
    Ok(tx.query(ASKING, args![newsletter.0])?.iter().map(kept).collect())
}

const RECENT: &str = sql!(
    "SELECT min(slot), kind, date, min(instant), state, departure, count(*) FROM turn
     WHERE newsletter = $1 AND date >= $2 AND state <> 3
     GROUP BY kind, date, state, departure
     ORDER BY date DESC, 4 DESC, kind, state
     LIMIT $3"
);

/// What became of the turns of `date` and later, the newest first, with how many slots each had; turns without readers are
/// left out.
///
/// # Errors
/// [`crate::Error`].
pub fn recent(tx: &Read, newsletter: NewsletterId, date: &str, limit: i64) -> Result<Vec<(KeptTurn, i64)>> {
    Ok(tx.query(RECENT, args![newsletter.0, date, limit])?.iter().map(|r| (kept(r), r.int(6))).collect())
}

fn kept(row: &Row) -> KeptTurn {
    KeptTurn {
        slot: SlotId(row.int(0)),
        kind: EditionKind::from_raw(row.int(1)),
        date: row.text(2),
        instant: row.int(3),
        state: TurnState::from_raw(row.int(4)),
        departure: row.int_or_none(5).map(newsroom::DepartureId),
    }
}

/// Decides a turn without a departure, for those of its slots that are undecided. Gives how many were.
///
/// # Errors
/// [`crate::Error`].
pub fn mark(tx: &Write, newsletter: NewsletterId, turn: &Turn, state: TurnState, now: Ms) -> Result<u64> {
    let (none, mut marked): (Option<i64>, u64) = (None, 0);
    for slot in &turn.slots {
        let (kind, state) = (turn.kind as i64, state as i64);
        marked += tx.execute(MARK, args![newsletter.0, &turn.date, slot.0, kind, turn.instant, state, none, now])?;
    }
    Ok(marked)
}

/// Sets turns of one kind and date that ask aside. Gives how many there were.
///
/// # Errors
/// [`crate::Error`].
pub fn set_aside(tx: &Write, newsletter: NewsletterId, turn: &Turn, state: TurnState, now: Ms) -> Result<u64> {
    let (none, mut settled): (Option<i64>, u64) = (None, 0);
    for slot in asking_of(tx, newsletter, turn)? {
        settled += tx.execute(SETTLE, args![newsletter.0, &turn.date, slot.0, state as i64, none, now])?;
    }
    Ok(settled)
}

fn asking_of(tx: &Read, newsletter: NewsletterId, turn: &Turn) -> Result<Vec<SlotId>> {
    let mut asking = Vec::new();
    for slot in &turn.slots {
        let row = tx.first(KEPT, args![newsletter.0, &turn.date, slot.0])?;
        if row.as_ref().map(kept).is_some_and(|t| matches!(t.state, TurnState::Held | TurnState::Waiting)) {
            asking.push(*slot);
        }
    }
    Ok(asking)
}

/// Forgets decided turns before `date`: they are long past, and each reader's own last date guards them.
///
/// # Errors
/// [`crate::Error`].
pub fn forget(tx: &Write, newsletter: NewsletterId, date: &str) -> Result<u64> {
    tx.execute(FORGET, args![newsletter.0, date])
}

/// Whose word lets a turn depart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The clock's: the turn must be undecided.
    Clock,
    /// A person's: the turn must be held or waiting.
    Person,
}

/// Lets a turn depart: decides it, cuts it and opens it, all in one transaction. Of its slots only those take part that
/// nobody has decided before, or, at a person's word, that ask for one; the order's audience is set here.
///
/// # Errors
/// [`crate::Error`].
pub fn depart(tx: &Write, order: &Order, turn: &Turn, word: Word, now: Ms) -> Result<Cut> {
    let newsletter = order.edition.newsletter;
    hold_clock(tx, newsletter, now)?;
    let mine = match word {
        Word::Clock => undecided(tx, newsletter, turn)?,
        Word::Person => asking_of(tx, newsletter, turn)?,
    };
    let mut order = order.clone();
    editions::fold(tx, newsletter)?;
    let due = editions::due_keys(tx, &order.edition, &Audience::Slots(mine.clone()))?;
    let turn = Turn { slots: mine.clone(), ..turn.clone() };
    if mine.is_empty() || due.is_empty() {
        settle(tx, newsletter, &turn, TurnState::NobodyDue, None, now)?;
        return Ok(Cut::NobodyDue);
    }
    if let Some(missing) = editions::missing(&order, &due) {
        return Ok(missing);
    }
    settle(tx, newsletter, &turn, TurnState::Departed, Some(order.departure.0), now)?;
    order.audience = Audience::Slots(mine);
    let cut = leave(tx, order)?;
    assert!(matches!(cut, Cut::Frozen(_)), "everything a cut needs was looked at in this transaction: {cut:?}");
    for slot in &turn.slots {
        tx.execute(OVERTAKEN, args![newsletter.0, &turn.date, slot.0, now])?;
    }
    Ok(cut)
}

fn undecided(tx: &Read, newsletter: NewsletterId, turn: &Turn) -> Result<Vec<SlotId>> {
    let mut open = Vec::new();
    for slot in &turn.slots {
        if tx.first(KEPT, args![newsletter.0, &turn.date, slot.0])?.is_none() {
            open.push(*slot);
        }
    }
    Ok(open)
}

fn settle(
    tx: &Write,
    newsletter: NewsletterId,
    turn: &Turn,
    state: TurnState,
    departure: Option<i64>,
    now: Ms,
) -> Result<()> {
    mark(tx, newsletter, turn, state, now)?;
    for slot in &turn.slots {
        tx.execute(SETTLE, args![newsletter.0, &turn.date, slot.0, state as i64, departure, now])?;
    }
    Ok(())
}

/// Cuts an order and opens what was cut, so that no crash can leave its readers served and unsent.
fn leave(tx: &Write, mut order: Order) -> Result<Cut> {
    let edition = &order.edition;
    if let Some(known) = editions::by_date(tx, edition.newsletter, edition.kind, &edition.date)? {
        // Slots that came late to the same instant, or newcomers: a departure of their own, a moment later.
        let taken = editions::departures_of(tx, known.id)?;
        while taken.iter().any(|d| d.instant == order.instant) {
            order.instant += 1;
        }
    }
    let cut = editions::cut(tx, &order)?;
    if let Cut::Frozen(departure) = &cut {
        let opened = editions::set_state(tx, departure.id, DepartureState::Cut, DepartureState::Open)?;
        assert!(opened, "a departure that was just cut can be opened");
        return Ok(Cut::Frozen(newsroom::Departure { state: DepartureState::Open, ..departure.clone() }));
    }
    Ok(cut)
}

const NEWCOMER: &str = sql!(
    "INSERT INTO newcomer (newsletter, reader, at) VALUES ($1, $2, $3) ON CONFLICT (newsletter, reader) DO NOTHING"
);
const NEWCOMERS: &str = sql!("SELECT count(*) FROM newcomer WHERE newsletter = $1");
const SETTLED_IN: &str = sql!("DELETE FROM newcomer WHERE newsletter = $1 AND at <= $2");

/// Notes that a reader has just confirmed, and waits for today's edition.
///
/// # Errors
/// [`crate::Error`].
pub fn welcome(tx: &Write, reader: ReaderId, newsletter: NewsletterId, now: Ms) -> Result<()> {
    tx.execute(NEWCOMER, args![newsletter.0, reader.0, now])?;
    Ok(())
}

/// How many newcomers wait.
///
/// # Errors
/// [`crate::Error`].
pub fn newcomers(tx: &Read, newsletter: NewsletterId) -> Result<i64> {
    Ok(tx.first(NEWCOMERS, args![newsletter.0])?.map_or(0, |r| r.int(0)))
}

const OPEN_EYES: &str = sql!(
    "UPDATE subscription SET seen_rank = $2
     WHERE newsletter = $1 AND seen_rank > $2 AND last_date = ''
       AND reader IN (SELECT w.reader FROM newcomer AS w WHERE w.newsletter = $1)"
);

/// Of the newcomers, lets those who never had an edition see what was published after `since` as new: their first holds
/// the day's news, also what left this morning. Who had editions before is left as they are.
///
/// # Errors
/// [`crate::Error`].
pub fn open_newcomers_eyes(tx: &Write, newsletter: NewsletterId, since: Ms) -> Result<()> {
    let rank = rank_at(tx, since)?;
    tx.execute(OPEN_EYES, args![newsletter.0, rank])?;
    Ok(())
}

/// Lets the newcomers' edition depart: each gets one copy, which counts as the edition of its date, and waits no more.
///
/// # Errors
/// [`crate::Error`].
pub fn depart_newcomers(tx: &Write, order: &Order, now: Ms) -> Result<Cut> {
    let newsletter = order.edition.newsletter;
    hold_clock(tx, newsletter, now)?;
    let mut order = order.clone();
    order.audience = Audience::Newcomers;
    let cut = leave(tx, order)?;
    if matches!(cut, Cut::Frozen(_) | Cut::NobodyDue) {
        settle_newcomers(tx, newsletter, now)?;
    }
    Ok(cut)
}

/// Lets newcomers who came up to a moment wait for their own turn.
///
/// # Errors
/// [`crate::Error`].
pub fn settle_newcomers(tx: &Write, newsletter: NewsletterId, until: Ms) -> Result<()> {
    tx.execute(SETTLED_IN, args![newsletter.0, until])?;
    Ok(())
}

const WORD: &str = sql!("SELECT asked, given FROM go_ahead WHERE newsletter = $1 AND kind = $2 AND date = $3");
const GIVE: &str = sql!(
    "INSERT INTO go_ahead (newsletter, kind, date, given) VALUES ($1, $2, $3, $4)
     ON CONFLICT (newsletter, kind, date) DO UPDATE SET given = coalesce(go_ahead.given, excluded.given)"
);
const ASK: &str = sql!(
    "INSERT INTO go_ahead (newsletter, kind, date, asked) VALUES ($1, $2, $3, $4)
     ON CONFLICT (newsletter, kind, date) DO UPDATE SET asked = excluded.asked WHERE go_ahead.asked IS NULL"
);

/// A person's word on the edition of a date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GoAhead {
    /// When it was asked for.
    pub asked: Option<Ms>,
    /// When it was given.
    pub given: Option<Ms>,
}

/// The word on an edition, as far as there is one.
///
/// # Errors
/// [`crate::Error`].
pub fn go_ahead(tx: &Read, newsletter: NewsletterId, kind: EditionKind, date: &str) -> Result<GoAhead> {
    let row = tx.first(WORD, args![newsletter.0, kind as i64, date])?;
    Ok(row.map_or(GoAhead::default(), |r| GoAhead { asked: r.int_or_none(0), given: r.int_or_none(1) }))
}

/// Gives the word: every departure of that edition may leave.
///
/// # Errors
/// [`crate::Error`].
pub fn give_go_ahead(tx: &Write, newsletter: NewsletterId, kind: EditionKind, date: &str, now: Ms) -> Result<()> {
    tx.execute(GIVE, args![newsletter.0, kind as i64, date, now])?;
    Ok(())
}

/// Notes that the word is asked for. `true` for the first who asks, and only for them.
///
/// # Errors
/// [`crate::Error`].
pub fn ask_go_ahead(tx: &Write, newsletter: NewsletterId, kind: EditionKind, date: &str, now: Ms) -> Result<bool> {
    Ok(tx.execute(ASK, args![newsletter.0, kind as i64, date, now])? == 1)
}

const CHOOSE: &str = sql!(
    "UPDATE subscription SET frequency = $3, slot = $4, paused_until = $5
     WHERE reader = $1 AND newsletter = $2 AND state = 2"
);
const CHOOSE_CLOCK: &str = sql!("UPDATE reader SET zone = $2, hour = $3 WHERE id = $1");
const CHOSEN: &str = sql!(
    "SELECT s.frequency, r.zone, r.hour, s.paused_until
     FROM subscription AS s
     JOIN reader AS r ON r.id = s.reader
     WHERE s.reader = $1 AND s.newsletter = $2"
);

/// When a reader wants mail, and until when none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Frequency, zone and hour.
    pub timing: Timing,
    /// The first local date on which mail comes again; `None` when it is not paused.
    pub paused_until: Option<String>,
}

/// What a reader chose.
///
/// # Errors
/// [`crate::Error`].
pub fn chosen(tx: &Read, reader: ReaderId, newsletter: NewsletterId) -> Result<Option<Chosen>> {
    Ok(tx.first(CHOSEN, args![reader.0, newsletter.0])?.map(|r| Chosen {
        timing: timing(Frequency::from_raw(r.int(0)), r.text_or_none(1), r.int_or_none(2)),
        paused_until: Some(r.text(3)).filter(|date| !date.is_empty()),
    }))
}

/// Keeps what an active reader chose. `false` when the subscription is not active: nothing is changed.
///
/// # Errors
/// [`crate::Error`].
pub fn choose(
    tx: &Write,
    reader: ReaderId,
    newsletter: NewsletterId,
    wanted: &Chosen,
    fresh: SlotId,
    now: Ms,
) -> Result<bool> {
    let slot = slot_of(tx, newsletter, &wanted.timing, fresh, now)?;
    let frequency = wanted.timing.frequency as i64;
    let paused_until = wanted.paused_until.as_deref().unwrap_or_default();
    let kept = tx.execute(CHOOSE, args![reader.0, newsletter.0, frequency, slot.0, paused_until])? == 1;
    if kept {
        let hour = wanted.timing.hour.map(i64::from);
        tx.execute(CHOOSE_CLOCK, args![reader.0, wanted.timing.zone.as_deref(), hour])?;
    }
    Ok(kept)
}

const RANK_AT: &str =
    sql!("SELECT rank FROM article WHERE rank IS NOT NULL AND published_at <= $1 ORDER BY rank DESC LIMIT 1");

/// The highest rank published up to a moment; 0 when nothing was.
///
/// # Errors
/// [`crate::Error`].
pub fn rank_at(tx: &Read, moment: Ms) -> Result<i64> {
    Ok(tx.first(RANK_AT, args![moment])?.map_or(0, |r| r.int(0)))
}

const PLANT_DATES: &str = sql!("UPDATE subscription SET last_date = '' WHERE newsletter = $1");
const PLANT_TURNS: &str = sql!("DELETE FROM turn WHERE newsletter = $1");

/// The simulation's planted defect: forgets which date each reader had last.
///
/// # Errors
/// [`crate::Error`].
pub fn plant_no_last_dates(tx: &Write, newsletter: NewsletterId) -> Result<()> {
    tx.execute(PLANT_DATES, args![newsletter.0])?;
    Ok(())
}

/// The simulation's planted defect: forgets what became of every turn, and which date each reader had last.
///
/// # Errors
/// [`crate::Error`].
pub fn plant_no_turns(tx: &Write, newsletter: NewsletterId) -> Result<()> {
    tx.execute(PLANT_TURNS, args![newsletter.0])?;
    plant_no_last_dates(tx, newsletter)
}
