//! What happened in a run, counted, so that one sees that it did: a simulation in which nothing goes wrong proves nothing.

use std::collections::BTreeMap;

/// Counts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<&'static str, u64>);

impl Counters {
    /// It happened once more.
    pub(crate) fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    /// It happened so many times more.
    pub(crate) fn add(&mut self, what: &'static str, times: u64) {
        if times > 0 {
            *self.0.entry(what).or_default() += times;
        }
    }

    /// How often it happened.
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// Every count by name, those of nothing left out.
    pub fn every(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(what, times)| (*what, *times))
    }

    /// Adds another run's.
    pub fn merge(&mut self, other: &Self) {
        other.every().for_each(|(what, times)| self.add(what, times));
    }
}

impl std::fmt::Display for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (what, times)) in self.every().enumerate() {
            write!(f, "{}{what} {times}", if at == 0 { "" } else { " · " })?;
        }
        Ok(())
    }
}
