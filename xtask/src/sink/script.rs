//! The script: which attempts go wrong, and how.
//!
//! Chance is a hash of the seed, the fault, the recipient and how often that recipient was tried, so that a run with the
//! same seed goes the same way whatever the order of the connections. A refusal for good does not depend on the attempt.

use super::turn::{Turn, lost_in_silence};
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;

/// A part of all attempts: `1/50`, or `0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    hit: u64,
    of: u64,
}

impl FromStr for Share {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Share> {
        let (hit, of) = text.split_once('/').unwrap_or((text, "1"));
        let share =
            Share { hit: hit.parse().context("a share is `1/50`")?, of: of.parse().context("a share is `1/50`")? };
        ensure!(share.of > 0 && share.hit <= share.of, "a share is at most 1/1");
        Ok(share)
    }
}

impl Share {
    fn takes(self, chance: u64) -> bool {
        self.hit > 0 && chance % self.of < self.hit
    }
}

/// What goes wrong; each `SHARE` is a part of all attempts, such as `1/50`.
#[derive(Args, Clone, Debug, Default)]
pub struct Script {
    /// Decides, with the recipient and the attempt, what goes wrong.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// Turn connections away with 421.
    #[arg(long, default_value = "0", value_name = "SHARE")]
    pub turn_away: Share,
    /// Refuse every recipient's first attempt with 450.
    #[arg(long)]
    pub greylist: bool,
    /// Refuse recipients for now with 450.
    #[arg(long, default_value = "0", value_name = "SHARE")]
    pub defer: Share,
    /// Refuse recipients for good with 550.
    #[arg(long, default_value = "0", value_name = "SHARE")]
    pub refuse: Share,
    /// Cut the connection in the middle of the message.
    #[arg(long, default_value = "0", value_name = "SHARE")]
    pub drop_before_dot: Share,
    /// Take the message, then cut the connection instead of answering.
    #[arg(long, default_value = "0", value_name = "SHARE")]
    pub drop_after_dot: Share,
    /// Throw the message away, then cut the connection instead of answering.
    #[arg(long, default_value = "0", value_name = "SHARE")]
    pub lose_after_dot: Share,
    /// Take the message, then never answer.
    #[arg(long, default_value = "0", value_name = "SHARE")]
    pub hang: Share,
    /// Answer the message with 451 after its dot.
    #[arg(long, default_value = "0", value_name = "SHARE")]
    pub defer_after_dot: Share,
    /// Close with 421 after so many messages on a connection.
    #[arg(long, value_name = "N")]
    pub messages_max: Option<u64>,
    /// Ask for a login; any name and password will do.
    #[arg(long)]
    pub login: bool,
    /// Turn on the sender in this way, for good.
    #[arg(long, value_name = "HOW", requires = "turn_after")]
    pub turn: Option<Turn>,
    /// Turn after so many messages.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub turn_after: u64,
    /// Wait so long before each answer to a message, in milliseconds.
    #[arg(long, default_value_t = 0, value_name = "MS")]
    pub wait_ms: u64,
}

/// What happens to one recipient's attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// All goes well.
    Accept,
    /// 450 to RCPT.
    Defer,
    /// 550 to RCPT.
    Refuse,
    /// The connection is cut before the dot.
    DropBeforeDot,
    /// The message is kept, no answer.
    DropAfterDot,
    /// The message is lost, no answer.
    LoseAfterDot,
    /// The message is kept; silence.
    Hang,
    /// 451 to the message.
    DeferAfterDot,
}

/// The script at work: how often each recipient was tried.
#[derive(Debug, Default)]
pub struct Attempts(BTreeMap<u64, u64>);

impl Script {
    /// Whether no fault needs to know how often a recipient was tried.
    fn forgets(&self) -> bool {
        let shares = [
            self.defer,
            self.drop_before_dot,
            self.drop_after_dot,
            self.lose_after_dot,
            self.hang,
            self.defer_after_dot,
        ];
        !self.greylist && shares.iter().all(|share| share.hit == 0)
    }

    /// What happens to the next attempt at `recipient`.
    pub fn plan(&self, attempts: &mut Attempts, recipient: &str) -> Plan {
        if self.refuse.takes(self.chance("refuse", recipient, 0)) {
            return Plan::Refuse;
        }
        if self.forgets() {
            return Plan::Accept;
        }
        let tried = attempts.0.entry(hash(&recipient)).or_default();
        *tried += 1;
        let attempt = *tried;
        if self.greylist && attempt == 1 {
            return Plan::Defer;
        }
        let faults = [
            ("defer", self.defer, Plan::Defer),
            ("drop-before-dot", self.drop_before_dot, Plan::DropBeforeDot),
            ("drop-after-dot", self.drop_after_dot, Plan::DropAfterDot),
            ("lose-after-dot", self.lose_after_dot, Plan::LoseAfterDot),
            ("hang", self.hang, Plan::Hang),
            ("defer-after-dot", self.defer_after_dot, Plan::DeferAfterDot),
        ];
        let hit =
            faults.iter().find(|(name, share, _)| share.hit > 0 && share.takes(self.chance(name, recipient, attempt)));
        hit.map_or(Plan::Accept, |(_, _, plan)| *plan)
    }

    /// Whether the connection of that number is turned away.
    pub fn turns_away(&self, connection: u64) -> bool {
        self.turn_away.takes(self.chance("turn-away", "", connection))
    }

    /// Whether what had come whole for `recipient` is lost when the sink falls silent.
    pub fn is_lost_in_silence(&self, recipient: &str) -> bool {
        lost_in_silence().takes(self.chance("silence", recipient, 0))
    }

    fn chance(&self, fault: &str, recipient: &str, attempt: u64) -> u64 {
        hash(&(self.seed, fault, recipient, attempt))
    }
}

/// `DefaultHasher::new` has fixed keys: the same in every run.
fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(script: &Script, readers: u64) -> Vec<Plan> {
        let mut attempts = Attempts::default();
        (0..readers).map(|reader| script.plan(&mut attempts, &format!("r{reader}@example.org"))).collect()
    }

    #[test]
    fn a_share_is_met_nearly_and_the_same_seed_meets_the_same_readers() {
        let script = Script { defer: "1/50".parse().unwrap(), ..Script::default() };
        let first = plans(&script, 50_000);
        let deferred = first.iter().filter(|plan| **plan == Plan::Defer).count();
        assert!((900..1_100).contains(&deferred), "{deferred}");
        assert_eq!(first, plans(&script, 50_000));
        assert_ne!(first, plans(&Script { seed: 1, ..script }, 50_000));
    }

    #[test]
    fn greylisting_lets_the_second_attempt_pass_and_a_refusal_is_for_good() {
        let mut attempts = Attempts::default();
        let grey = Script { greylist: true, ..Script::default() };
        let twice = [0, 1].map(|_| grey.plan(&mut attempts, "a@example.org"));
        assert_eq!(twice, [Plan::Defer, Plan::Accept]);
        let never = Script { refuse: "1/1".parse().unwrap(), ..grey };
        assert_eq!([0, 1].map(|_| never.plan(&mut attempts, "b@example.org")), [Plan::Refuse; 2]);
    }

    #[test]
    fn without_a_script_all_goes_well() {
        assert!(plans(&Script::default(), 1_000).iter().all(|plan| *plan == Plan::Accept));
    }

    #[test]
    fn what_is_no_share_is_refused() {
        assert!(["2/1", "1/0", "half", "1/", ""].iter().all(|text| text.parse::<Share>().is_err()));
        assert!("0".parse::<Share>().unwrap() == Share { hit: 0, of: 1 });
    }
}
