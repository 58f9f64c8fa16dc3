//! How often one may try to sign in: from one network, as one member, and everyone together (ASVS V6.3.1).
//!
//! Token buckets, each kept as the moment at which it will be full again (ITU-T I.371's generic cell rate algorithm). All
//! in memory. A member's own browsers, known from an earlier sign-in, have buckets of their own: whoever guesses at a
//! member's password uses up the strangers' bucket, and locks nobody out.

use std::collections::BTreeMap;
use std::sync::Mutex;

use front::Network;
use newsroom::{MINUTE_MS, Ms, SECOND_MS};

/// Whose bucket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whose {
    /// Everyone's together: what all the guessing may cost this machine, at 19 MiB and some 20 ms a guess.
    Everyones,
    /// One network's; none: this machine's own.
    Network(Option<Network>),
    /// One account's, from browsers that it is not known from. By a hash of what was typed, whether or not it exists.
    Account([u8; 16]),
    /// One known browser's.
    Device([u8; 16]),
}

impl Whose {
    /// Tries in one go, and after those one each so many milliseconds.
    fn allowance(self) -> (Ms, Ms) {
        match self {
            Self::Everyones => (120, SECOND_MS / 2),
            // An office behind one address signs in at nine.
            Self::Network(_) => (30, 20 * SECOND_MS),
            // Ten guesses and then 1,440 a day, of passwords that are in no list of common ones.
            Self::Account(_) => (10, MINUTE_MS),
            Self::Device(_) => (10, 20 * SECOND_MS),
        }
    }
}

/// Buckets remembered before full ones are swept out. Everyone together fills no more than 120 and two a second, and the
/// slowest bucket is full again after ten minutes: 1,320 tries, three buckets each.
const BUCKETS_KEPT: usize = 8_192;

/// The buckets: when each will be full again.
#[derive(Default)]
pub(crate) struct Budget(Mutex<BTreeMap<Whose, Ms>>);

impl Budget {
    /// Takes one try out of each of these buckets. `false`: one of them is empty, and nothing was taken.
    pub(crate) fn take(&self, whose: &[Whose], now: Ms) -> bool {
        let mut buckets = self.0.lock().expect("nothing panics while it holds the buckets");
        let taken = whose.iter().map(|one| {
            let (burst, every) = one.allowance();
            let full = buckets.get(one).copied().unwrap_or_default();
            // One that says twice a whole bucket was filled by a clock that has been set back since.
            let full = if full > now + 2 * burst * every { now } else { full.max(now) };
            (full - now <= (burst - 1) * every).then_some((*one, full + every))
        });
        let Some(taken) = taken.collect::<Option<Vec<_>>>() else { return false };
        if buckets.len() >= BUCKETS_KEPT {
            buckets.retain(|_, full| *full > now);
        }
        buckets.extend(taken);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Ms = 1_767_268_800_000;

    #[test]
    fn a_hundred_thousand_guesses_are_a_handful() {
        let budget = Budget::default();
        let account = [Whose::Everyones, Whose::Account([1; 16])];
        let taken = (0..100_000).filter(|n| budget.take(&account, NOON + n)).count();
        // 100 seconds: ten at once, and one more after a minute.
        assert_eq!(taken, 11);
    }

    #[test]
    fn a_known_browser_is_let_try_while_its_account_is_under_attack() {
        let budget = Budget::default();
        while budget.take(&[Whose::Account([1; 16])], NOON) {}
        assert!(budget.take(&[Whose::Device([7; 16])], NOON));
        assert!(budget.take(&[Whose::Account([2; 16])], NOON), "another account");
    }

    #[test]
    fn what_one_bucket_refuses_costs_no_other() {
        let budget = Budget::default();
        while budget.take(&[Whose::Account([1; 16])], NOON) {}
        for _ in 0..1_000 {
            assert!(!budget.take(&[Whose::Network(None), Whose::Account([1; 16])], NOON));
        }
        assert!(budget.take(&[Whose::Network(None)], NOON));
    }

    #[test]
    fn a_clock_set_back_closes_no_door() {
        let budget = Budget::default();
        while budget.take(&[Whose::Account([1; 16])], NOON) {}
        assert!(budget.take(&[Whose::Account([1; 16])], NOON - 86_400_000));
    }
}
