//! The clock: lets every turn that has come depart, once, or holds it and asks.
//!
//! It can be looked at as often as one likes, by several schedulers on one database, and be interrupted anywhere: what is
//! decided stands in the database, in the transaction of the departure itself. It never sends a late edition unasked.

use std::collections::BTreeSet;

use newsroom::{DAY_MS, Departure, EditionKind, KeptTurn, MINUTE_MS, Ms, Newsletter, Outlet, SlotId, Turn, TurnState};
use store::slots::{self as kept, Word};
use store::{Store, editions};
use world::World;

use crate::cut::{CutFault, Leaving, Outcome, Wish, cut_for};
use crate::slots::{self, Due, Hours, Punctual, Sight};

/// How often it is noted that the clock was looked at, when nothing was due: well within what counts as an absence.
const SEEN_EVERY_MS: Ms = MINUTE_MS;
/// How long decided turns are remembered, in days: far longer than one is looked for.
const REMEMBERED_DAYS: i64 = 60;
/// What the newcomers of the last day are sent must be this fresh.
const FRESH_MS: Ms = DAY_MS;

/// Whether an edition leaves by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// When its turn comes.
    Itself,
    /// When a person has given the word for its date.
    Person,
}

/// Whether who has just confirmed gets today's edition at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Welcome {
    /// At once.
    AtOnce,
    /// At their turn.
    AtTurn,
}

/// What a scheduler goes by.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The outlet's hours.
    pub hours: Hours,
    /// At whose word editions leave.
    pub leaves: Leaves,
    /// How newcomers are received.
    pub welcome: Welcome,
    /// How long an edition's copies may be on their way, in milliseconds.
    pub lives_ms: Ms,
    /// A defect planted by the simulation, to show that it would be caught. Never set elsewhere.
    pub defect: Option<Defect>,
}

/// A promise broken on purpose, so that the simulation can show it sees that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The edition's date is taken in UTC instead of the reader's zone.
    DateInUtc,
    /// A reader's last date does not guard them.
    NoLastDate,
    /// What was decided before is forgotten at each look.
    NoTurns,
}

/// What became of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// It left.
    Departed(Departure),
    /// Nothing was new for its readers: nothing is sent.
    NothingNew,
    /// None of its readers was due, or another scheduler was first.
    NobodyDue,
    /// It came too late: it is held, and asks.
    Held,
    /// It waits for a person.
    Waiting,
}

/// One look at the clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The turns that were decided.
    pub turns: Vec<(Turn, Became)>,
    /// The clock was set back: nothing was decided.
    pub backwards: bool,
}

/// A scheduler's desk: the newsletter whose clock it looks at.
#[derive(Clone, Copy)]
pub struct Scheduler<'a> {
    /// The outside.
    pub world: &'a World,
    /// The database.
    pub store: &'a Store,
    /// The outlet.
    pub outlet: &'a Outlet,
    /// Whose editions.
    pub newsletter: &'a Newsletter,
    /// By which rules.
    pub rules: &'a Rules,
}

impl Scheduler<'_> {
    /// Looks at the clock once, and decides every turn that has come.
    ///
    /// # Errors
    /// [`CutFault`]; what was decided before it stands, and the next look goes on.
    pub async fn look(&self) -> Result<Look, CutFault> {
        let (now, newsletter) = (self.world.now(), self.newsletter.id);
        let clock = self.store.write(move |tx| kept::start_clock(tx, newsletter, now)).await?;
        self.plant().await?;
        let from = slots::earliest_date(now).map_or(String::new(), |date| date.to_string());
        let (choices, decided) =
            self.store.read(move |tx| Ok((kept::list(tx, newsletter)?, kept::decided(tx, newsletter, &from)?))).await?;
        let decided: BTreeSet<(SlotId, String)> = decided.into_iter().collect();
        let Sight::Due(due) = slots::due(&choices, &decided, &self.rules.hours, clock, now) else {
            return Ok(Look { turns: Vec::new(), backwards: true });
        };
        let mut look = Look::default();
        for one in due.into_iter().map(|one| self.planted(one)) {
            let became = self.decide(&one).await?;
            look.turns.push((one.turn, became));
        }
        if !look.turns.is_empty() || now - clock.seen >= SEEN_EVERY_MS {
            self.seen(now).await?;
        }
        Ok(look)
    }

    fn planted(&self, mut due: Due) -> Due {
        if self.rules.defect == Some(Defect::DateInUtc) {
            let date =
                slots::local_date(&jiff::tz::TimeZone::UTC, due.turn.instant).expect("a turn's moment has a date");
            due.turn.date = date.to_string();
        }
        due
    }

    async fn plant(&self) -> Result<(), store::Error> {
        let newsletter = self.newsletter.id;
        let dates = self.rules.defect == Some(Defect::NoLastDate);
        if dates || self.rules.defect == Some(Defect::NoTurns) {
            let plant = move |tx: &store::Write<'_>| {
                if dates { kept::plant_no_last_dates(tx, newsletter) } else { kept::plant_no_turns(tx, newsletter) }
            };
            self.store.write(plant).await?;
        }
        Ok(())
    }

    async fn seen(&self, now: Ms) -> Result<(), store::Error> {
        let newsletter = self.newsletter.id;
        let old = slots::local_date(&self.rules.hours.zone, now - REMEMBERED_DAYS * DAY_MS);
        let old = old.map_or(String::new(), |date| date.to_string());
        self.store
            .write(move |tx| {
                kept::see_clock(tx, newsletter, now)?;
                kept::forget(tx, newsletter, &old).map(drop)
            })
            .await
    }

    async fn decide(&self, due: &Due) -> Result<Became, CutFault> {
        let turn = &due.turn;
        if due.punctual == Punctual::Late {
            return self.mark(turn, TurnState::Held, Became::Held).await;
        }
        if self.rules.leaves == Leaves::Person && !self.has_word(turn).await? {
            return self.mark(turn, TurnState::Waiting, Became::Waiting).await;
        }
        self.depart(turn, Word::Clock).await
    }

    async fn has_word(&self, turn: &Turn) -> Result<bool, store::Error> {
        let (newsletter, kind, date) = (self.newsletter.id, turn.kind, turn.date.clone());
        let word = self.store.read(move |tx| kept::go_ahead(tx, newsletter, kind, &date)).await?;
        Ok(word.given.is_some())
    }

    async fn mark(&self, turn: &Turn, state: TurnState, became: Became) -> Result<Became, CutFault> {
        let (newsletter, marked, now) = (self.newsletter.id, turn.clone(), self.world.now());
        self.store.write(move |tx| kept::mark(tx, newsletter, &marked, state, now)).await?;
        Ok(became)
    }

    async fn depart(&self, turn: &Turn, word: Word) -> Result<Became, CutFault> {
        let (instant, closed_at) = match word {
            Word::Clock => (turn.instant, slots::closed_at(&self.rules.hours, turn.instant)),
            // It leaves when the word is given, with the line-up as it then stands.
            Word::Person => (self.world.now(), None),
        };
        let date = turn.date.parse().expect("a turn's date was written by this crate");
        let leaving = Leaving::AtTurn { turn: turn.clone(), word, instant, closed_at };
        let wish = self.wish(turn.kind, date, self.world.now() - instant);
        let became = match cut_for(self.world, self.store, self.outlet, wish, leaving).await? {
            Outcome::Cut(departure) | Outcome::Before(departure) => return Ok(Became::Departed(departure)),
            Outcome::NothingNew => (TurnState::NothingNew, Became::NothingNew),
            Outcome::NobodyDue => (TurnState::NobodyDue, Became::NobodyDue),
        };
        match word {
            Word::Clock => self.mark(turn, became.0, became.1).await,
            Word::Person => {
                let (newsletter, aside, now) = (self.newsletter.id, turn.clone(), self.world.now());
                self.store.write(move |tx| kept::set_aside(tx, newsletter, &aside, became.0, now)).await?;
                Ok(became.1)
            }
        }
    }

    /// Its copies live as long as ever, counted from when it really leaves.
    fn wish(&self, kind: EditionKind, date: jiff::civil::Date, late_ms: Ms) -> Wish {
        Wish { newsletter: self.newsletter.clone(), kind, date, lives_ms: self.rules.lives_ms + late_ms }
    }

    /// Turns that ask for a person's word, those of one edition together.
    ///
    /// # Errors
    /// [`store::Error`].
    pub async fn asking(&self) -> Result<Vec<Asking>, store::Error> {
        let newsletter = self.newsletter.id;
        let kept = self.store.read(move |tx| kept::asking(tx, newsletter)).await?;
        let mut asking: Vec<Asking> = Vec::new();
        for turn in kept {
            match asking.last_mut().filter(|a| a.turn.kind == turn.kind && a.turn.date == turn.date) {
                Some(known) => known.add(&turn),
                None => asking.push(Asking::new(&turn)),
            }
        }
        Ok(asking)
    }

    /// Gives the word for an edition: what is held or waits of it leaves now, and its later turns when they come.
    ///
    /// # Errors
    /// [`CutFault`]; the word stands, and can be given again.
    pub async fn release(&self, kind: EditionKind, date: &str) -> Result<Option<Became>, CutFault> {
        let (newsletter, of, now) = (self.newsletter.id, date.to_owned(), self.world.now());
        self.store.write(move |tx| kept::give_go_ahead(tx, newsletter, kind, &of, now)).await?;
        let asking = self.asking().await?.into_iter().find(|a| a.turn.kind == kind && a.turn.date == date);
        match asking {
            Some(asking) => Ok(Some(self.depart(&asking.turn, Word::Person).await?)),
            None => Ok(None),
        }
    }

    /// Drops what is held or waits of an edition: its readers get what it held with their next. Gives how many turns.
    ///
    /// # Errors
    /// [`store::Error`].
    pub async fn drop_held(&self, kind: EditionKind, date: &str) -> Result<u64, store::Error> {
        let Some(asking) = self.asking().await?.into_iter().find(|a| a.turn.kind == kind && a.turn.date == date) else {
            return Ok(0);
        };
        let (newsletter, now) = (self.newsletter.id, self.world.now());
        self.store.write(move |tx| kept::set_aside(tx, newsletter, &asking.turn, TurnState::Dropped, now)).await
    }

    /// Sends today's edition to those who have just confirmed: the latest of today or yesterday with what is new since, or
    /// a first one when something was published within a day. Gives the departure, if there was one.
    ///
    /// # Errors
    /// [`CutFault`].
    pub async fn receive_newcomers(&self) -> Result<Option<Departure>, CutFault> {
        let (now, newsletter) = (self.world.now(), self.newsletter.id);
        if self.store.read(move |tx| kept::newcomers(tx, newsletter)).await? == 0 {
            return Ok(None);
        }
        let until = if self.rules.welcome == Welcome::AtOnce { now - FRESH_MS } else { now };
        self.store.write(move |tx| kept::settle_newcomers(tx, newsletter, until)).await?;
        if self.rules.welcome == Welcome::AtTurn {
            return Ok(None);
        }
        self.store.write(move |tx| kept::open_newcomers_eyes(tx, newsletter, now - FRESH_MS)).await?;
        let Some(today) = slots::local_date(&self.rules.hours.zone, now) else { return Ok(None) };
        let last = self.store.read(move |tx| editions::last_date(tx, newsletter, EditionKind::Daily)).await?;
        let yesterday = today.yesterday().unwrap_or(today);
        // Before today's was cut it is yesterday's that they get, and today's at their turn. Tomorrow's may have left for
        // readers further east.
        let date = if last == yesterday.to_string() { yesterday } else { today };
        let wish = self.wish(EditionKind::Daily, date, 0);
        match cut_for(self.world, self.store, self.outlet, wish, Leaving::Newcomers).await? {
            Outcome::Cut(departure) | Outcome::Before(departure) => Ok(Some(departure)),
            Outcome::NothingNew | Outcome::NobodyDue => {
                self.store.write(move |tx| kept::settle_newcomers(tx, newsletter, now)).await?;
                Ok(None)
            }
        }
    }
}

/// An edition that asks for a person's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asking {
    /// Its turns, and the earliest moment at which one came.
    pub turn: Turn,
    /// Some of it was held for being late; else all of it waits as the settings ask.
    pub late: bool,
}

impl Asking {
    fn new(turn: &KeptTurn) -> Self {
        let KeptTurn { slot, kind, date, instant, state, .. } = turn.clone();
        Self { turn: Turn { kind, date, instant, slots: vec![slot] }, late: state == TurnState::Held }
    }

    fn add(&mut self, turn: &KeptTurn) {
        self.turn.slots.push(turn.slot);
        self.turn.instant = self.turn.instant.min(turn.instant);
        self.late |= turn.state == TurnState::Held;
    }

    /// Its name on the command line: `daily-2026-11-24`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.turn.kind.name(), self.turn.date)
    }
}
