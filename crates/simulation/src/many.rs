//! Many seeds, one after the other, and what they showed together.

use crate::counters::Counters;
use crate::run::{Report, Settings, run};

/// What must have happened at least once over a good number of seeds: a promise that was never tried was not kept.
pub const SOMETIMES: [&str; 51] = [
    "accepted",
    "account suspended",
    "answered 421",
    "answered 4yz",
    "answered 5yz",
    "answers lost",
    "arrivals from a fenced poster",
    "broken lines",
    "closed after so many",
    "confirmed",
    "cut",
    "cut in a body",
    "departures paused",
    "editions kept",
    "excluded",
    "expired",
    "greylisted",
    "hung",
    "hung up",
    "kept, answer lost",
    "kept, answer never comes",
    "kept by the second relay",
    "killed",
    "lease held by another",
    "left by one click",
    "left by the page",
    "left in doubt by a crash",
    "letters kept",
    "lost, answer lost",
    "mailbox refuses",
    "mailbox too full",
    "messages not kept",
    "nights",
    "no such mailbox",
    "nothing to cut",
    "posters fenced",
    "posters paused",
    "power lost",
    "power lost in the middle of an operation",
    "power lost while recovering",
    "refused",
    "relay down",
    "requests cut by a crash",
    "retries",
    "second relay down",
    "sectors lost",
    "slow lines",
    "stopped in order",
    "uncertain",
    "undone",
    "wrong passwords",
];

/// What a number of seeds showed.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Runs in which every promise was kept.
    pub kept: u64,
    /// Runs in which one was broken: the seed and what was found.
    pub broken: Vec<(u64, String)>,
    /// Everything that happened.
    pub counters: Counters,
}

impl Tally {
    /// Takes a run in.
    pub fn take(&mut self, report: &Report) {
        match &report.fault {
            None => self.kept += 1,
            Some(fault) => self.broken.push((report.seed, fault.clone())),
        }
        self.counters.merge(&report.counters);
    }

    /// What never happened and should have.
    pub fn never(&self) -> Vec<&'static str> {
        SOMETIMES.into_iter().filter(|what| self.counters.of(what) == 0).collect()
    }
}

/// Runs `seeds`, one after the other on this thread.
pub fn run_many(seeds: impl IntoIterator<Item = u64>, settings: Settings) -> Tally {
    let mut tally = Tally::default();
    seeds.into_iter().for_each(|seed| tally.take(&run(seed, settings)));
    tally
}
