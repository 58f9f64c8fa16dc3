//! Slots and turns: when a reader's edition leaves.
//!
//! A slot is a choice of when that at least one reader made; its readers' turns come together, one on each local date it
//! has. What became of a turn is kept, so that it comes once.

use crate::{DepartureId, EditionKind, Ms, SlotId};

/// How often a reader wants mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Frequency {
    /// Every day that has something new.
    Daily = 1,
    /// Once a week, with everything new since the last.
    Weekly = 2,
    /// Only when the newsroom cuts a breaking edition.
    Breaking = 3,
}

impl Frequency {
    /// Every frequency, in the store's order.
    pub const EVERY: [Self; 3] = [Self::Daily, Self::Weekly, Self::Breaking];

    /// The frequency the store keeps as `raw`.
    ///
    /// # Panics
    /// When `raw` is none: the database is damaged.
    pub fn from_raw(raw: i64) -> Self {
        match raw {
            1 => Self::Daily,
            2 => Self::Weekly,
            3 => Self::Breaking,
            other => panic!("{other} is no frequency"),
        }
    }

    /// Its name in forms and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Breaking => "breaking",
        }
    }

    /// The kind of edition that such a reader gets.
    pub fn kind(self) -> EditionKind {
        match self {
            Self::Daily => EditionKind::Daily,
            Self::Weekly => EditionKind::Weekly,
            Self::Breaking => EditionKind::Breaking,
        }
    }
}

impl SlotId {
    /// Every day at the outlet's own hour and zone: where every reader begins.
    pub const DAILY: Self = Self(1);
    /// Every week at the outlet's own hour and zone.
    pub const WEEKLY: Self = Self(2);
    /// Breaking editions only: it has no hour, so it has no turn.
    pub const BREAKING: Self = Self(3);
}

/// When a reader wants their edition. `None` is the outlet's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often.
    pub frequency: Frequency,
    /// An IANA zone.
    pub zone: Option<String>,
    /// A local hour, 0 to 23.
    pub hour: Option<i8>,
}

impl Timing {
    /// Every day, at the outlet's hour.
    pub const OUTLETS: Self = Self { frequency: Frequency::Daily, zone: None, hour: None };
}

/// A choice of when, that at least one reader made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its id.
    pub id: SlotId,
    /// The choice.
    pub timing: Timing,
    /// Turns up to this moment are not its own: nobody had chosen it.
    pub since: Ms,
}

/// What became of a slot's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnState {
    /// Its readers were frozen into a departure.
    Departed = 1,
    /// Nothing was new for any of its readers.
    NothingNew = 2,
    /// None of its readers was due.
    NobodyDue = 3,
    /// It came too late, and waits for a person's word.
    Held = 4,
    /// It waits for a person, as the settings ask.
    Waiting = 5,
    /// A person, or a later turn, has set it aside.
    Dropped = 6,
}

impl TurnState {
    /// The state the store keeps as `raw`.
    ///
    /// # Panics
    /// When `raw` is none: the database is damaged.
    pub fn from_raw(raw: i64) -> Self {
        match raw {
            1 => Self::Departed,
            2 => Self::NothingNew,
            3 => Self::NobodyDue,
            4 => Self::Held,
            5 => Self::Waiting,
            6 => Self::Dropped,
            other => panic!("{other} is no state of a turn"),
        }
    }
}

/// One turn of some slots that come at the same instant on the same local date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What sort of edition.
    pub kind: EditionKind,
    /// The readers' local date, `YYYY-MM-DD`.
    pub date: String,
    /// When it came.
    pub instant: Ms,
    /// Whose.
    pub slots: Vec<SlotId>,
}

/// A slot's turn as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptTurn {
    /// Whose.
    pub slot: SlotId,
    /// What sort of edition.
    pub kind: EditionKind,
    /// The readers' local date, `YYYY-MM-DD`.
    pub date: String,
    /// When it came.
    pub instant: Ms,
    /// What became of it.
    pub state: TurnState,
    /// The departure, if there was one.
    pub departure: Option<DepartureId>,
}
