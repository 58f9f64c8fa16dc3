//! When the poster is killed: moments from a seed, some where a random walk would hardly come.
//!
//! Most moments are tied to what the sink has written, not to a clock: then a run kills as often on a slow machine. A
//! killing never asks the poster anything.

use crate::dice::Dice;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// No kill waits for more than this part of the audience's receipts, of a thousand: after it, an edition may be over
/// before the moment comes.
const PROGRESS_MAX: u64 = 950;
/// How long after its moment a kill may come, in milliseconds: a few commits.
const LATE_MS_MAX: u64 = 25;
/// How early in a poster's life it is killed, in milliseconds: before, while and after it takes the lease.
const YOUNG_MS_MAX: u64 = 200;

/// One kill to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// When.
    pub moment: Moment,
    /// How.
    pub manner: Manner,
}

/// When a poster is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// When the sink has written so many receipts of this edition: then it holds back the answer to the last one.
    Held {
        /// So many receipts.
        receipts: u64,
    },
    /// Some time after that.
    Later {
        /// So many receipts.
        receipts: u64,
        /// Milliseconds after them.
        wait_ms: u64,
    },
    /// So long after its start, whatever it does.
    Young {
        /// Milliseconds.
        age_ms: u64,
    },
}

/// How a poster is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// SIGKILL, at once. Its open connections are those counted just before, at most as many as it may open.
    Outright,
    /// Stopped, its open connections counted exactly, then killed: to the ledger it is the same as being killed when it
    /// was stopped.
    Counted,
}

/// `count` kills of an edition of `audience` copies, in the order in which they come.
pub fn plan(dice: &mut Dice, count: usize, audience: u64) -> Vec<Kill> {
    let mut marks: Vec<u64> = (0..count).map(|_| dice.below(audience.max(1) * PROGRESS_MAX / 1_000 + 1)).collect();
    marks.sort_unstable();
    let kill = |receipts| {
        let moment = match dice.below(5) {
            0 | 1 => Moment::Held { receipts },
            2 | 3 => Moment::Later { receipts, wait_ms: dice.below(LATE_MS_MAX) },
            _ => Moment::Young { age_ms: dice.below(YOUNG_MS_MAX) },
        };
        Kill { moment, manner: if dice.below(2) == 0 { Manner::Outright } else { Manner::Counted } }
    };
    marks.into_iter().map(kill).collect()
}

/// Counts the lines of a file that grows, reading each octet once.
pub struct Tail {
    file: File,
    lines: u64,
}

impl Tail {
    /// Begins at the file's beginning.
    pub fn open(path: &Path) -> Result<Tail> {
        Ok(Tail { file: File::open(path).with_context(|| path.display().to_string())?, lines: 0 })
    }

    /// How many lines there are now.
    pub fn lines(&mut self) -> Result<u64> {
        let mut fresh = Vec::new();
        self.file.read_to_end(&mut fresh).context("reading what was added")?;
        self.lines += memchr::memchr_iter(b'\n', &fresh).count() as u64;
        Ok(self.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_plans_the_same_kills_and_every_kind_of_them() {
        let kills = plan(&mut Dice::new(3), 200, 5_000);
        assert_eq!(kills, plan(&mut Dice::new(3), 200, 5_000));
        assert_ne!(kills, plan(&mut Dice::new(4), 200, 5_000));
        let has = |wanted: fn(&Moment) -> bool| kills.iter().any(|kill| wanted(&kill.moment));
        assert!(has(|moment| matches!(moment, Moment::Held { .. })));
        assert!(has(|moment| matches!(moment, Moment::Later { .. })));
        assert!(has(|moment| matches!(moment, Moment::Young { .. })));
    }

    #[test]
    fn no_kill_waits_for_receipts_that_may_never_come() {
        let receipts = |kill: &Kill| match kill.moment {
            Moment::Held { receipts } | Moment::Later { receipts, .. } => receipts,
            Moment::Young { .. } => 0,
        };
        assert!(plan(&mut Dice::new(1), 500, 100).iter().all(|kill| receipts(kill) <= 95));
        assert!(plan(&mut Dice::new(1), 5, 0).iter().all(|kill| receipts(kill) == 0));
    }
}
