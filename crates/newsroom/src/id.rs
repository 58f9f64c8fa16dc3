//! Ids: 63 bits, minted from the clock and a counter; a reader's from the week and dice.
//!
//! No serials, so two newsrooms can merge without a clash, and no id tells how many there are.

use crate::Ms;

/// One week, in milliseconds: a reader's id tells the week they joined, no finer.
pub const WEEK_MS: Ms = 7 * crate::DAY_MS;

/// What every id has in common: it is an `i64` of 63 bits in the database and a string in JSON.
pub trait Id: Copy + Ord {
    /// Wraps a number read from the store.
    fn from_raw(raw: i64) -> Self;
    /// The number the store keeps.
    fn raw(self) -> i64;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub i64);
        impl Id for $name {
            fn from_raw(raw: i64) -> Self { Self(raw) }
            fn raw(self) -> i64 { self.0 }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{}", self.0) }
        }
        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> { Ok(Self(text.parse()?)) }
        }
    )*};
}

ids! {
    /// A source's id.
    SourceId,
    /// An item's id.
    ItemId,
    /// An article's id.
    ArticleId,
    /// A picture's id.
    PictureId,
    /// A topic's id.
    TopicId,
    /// A member's id.
    MemberId,
    /// A free page's id.
    PageId,
    /// A newsletter's id.
    NewsletterId,
    /// An edition's id.
    EditionId,
    /// A departure's id.
    DepartureId,
    /// A cohort's id.
    CohortId,
    /// A slot's id.
    SlotId,
    /// A house block's id.
    BlockId,
    /// A reader's id: 12 bits of week and 51 random, so that it does not tell when in the week someone joined.
    ReaderId,
}

impl NewsletterId {
    /// No newsletter: mail to the desk itself, which no reader's leaving stops. No id that is minted is 0.
    pub const DESK: Self = Self(0);
}

/// Bits of an id that count within one millisecond.
const COUNTER_BITS: u32 = 12;
/// Bits of an id that name the node that minted it.
const NODE_BITS: u32 = 10;
/// Bits of a reader's id that are random.
const READER_RANDOM_BITS: u32 = 51;

/// Mints ids: 41 bits of milliseconds, 10 of node, 12 of counter. Monotonic even when the clock steps back.
#[derive(Debug)]
pub struct IdMint {
    node: i64,
    last: i64,
}

impl IdMint {
    /// A mint for one process; `node` keeps two processes on one database apart (its low 10 bits count).
    pub fn new(node: u16) -> Self {
        Self { node: i64::from(node) & ((1 << NODE_BITS) - 1), last: 0 }
    }

    /// The next id at `now`. Never repeats and never falls, whatever the clock does.
    pub fn mint(&mut self, now: Ms) -> i64 {
        let stamp = (now.max(0) & ((1 << 41) - 1)) << COUNTER_BITS;
        self.last = stamp.max(self.last + 1);
        let (millis, counter) = (self.last >> COUNTER_BITS, self.last & ((1 << COUNTER_BITS) - 1));
        (millis << (NODE_BITS + COUNTER_BITS)) | (self.node << COUNTER_BITS) | counter
    }
}

impl ReaderId {
    /// A reader's id from the week of `now` and 64 random bits, of which 51 are used.
    pub fn from_dice(now: Ms, dice: u64) -> Self {
        let week = (now.max(0) / WEEK_MS) & ((1 << 12) - 1);
        let random = (dice & ((1 << READER_RANDOM_BITS) - 1)) as i64;
        Self((week << READER_RANDOM_BITS) | random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_never_repeat_even_when_the_clock_steps_back() {
        let mut mint = IdMint::new(3);
        let mut last = 0;
        for now in [1_700_000_000_000, 1_700_000_000_000, 1_600_000_000_000, 1_700_000_000_001] {
            for _ in 0..5_000 {
                let id = mint.mint(now);
                assert!(id > last, "{id} after {last}");
                last = id;
            }
        }
    }

    #[test]
    fn a_readers_id_is_positive_and_tells_only_the_week() {
        let (monday, friday) = (1_700_000_000_000, 1_700_000_000_000 + 60_000);
        assert_eq!(ReaderId::from_dice(monday, 7), ReaderId::from_dice(friday, 7));
        assert!(ReaderId::from_dice(monday, u64::MAX).0 > 0);
    }
}
