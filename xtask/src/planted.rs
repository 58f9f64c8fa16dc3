//! `cargo xtask planted`: every planted defect, each before the rig that must see it (P29).
//!
//! A rig that cannot fail proves nothing. Each defect is put into the same library that is shipped, the rig is run, and it
//! is the rig's failure that is wanted. The two slips of the sending machine are planted in its own tests, which pass only
//! when they have seen them.

use crate::results::Results;
use crate::{cargo, root};
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::json;
use std::process::Command;

/// Run the rigs with planted defects.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Only those whose name holds this.
    #[arg(default_value = "")]
    name: String,
    /// Tell them, with the command of each, and run nothing.
    #[arg(long)]
    list: bool,
}

/// One defect and who must see it.
struct Planted {
    defect: &'static str,
    what: &'static str,
    rig: Rig,
    words: &'static [&'static str],
}

/// How a catch is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rig {
    /// A command of ours that must fail with these words.
    Fails(&'static str),
    /// A test of cargo's that must pass.
    Tests,
}

const BROKEN: Rig = Rig::Fails("a promise was broken");
const SIMULATED: Rig = Rig::Fails("broken by");

const EVERY: [Planted; 14] = [
    Planted {
        defect: "mark-after-dot",
        what: "the dot leaves before its mark is durable",
        rig: BROKEN,
        words: &["crash", "--release", "--readers", "2000", "--editions", "1", "--planted", "mark-after-dot"],
    },
    Planted {
        defect: "outcome-before-mark",
        what: "a copy counts as accepted before its dot has left",
        rig: BROKEN,
        words: &["crash", "--release", "--readers", "2000", "--editions", "1", "--planted", "outcome-before-mark"],
    },
    Planted {
        defect: "cursor-moved-on-fetch",
        what: "a checkpoint moves on when a batch is fetched",
        rig: BROKEN,
        words: &["crash", "--release", "--readers", "2000", "--editions", "1", "--planted", "cursor-moved-on-fetch"],
    },
    Planted {
        defect: "no-fencing",
        what: "a poster whose lease is another's sends on",
        rig: BROKEN,
        words: &["fence", "--rounds", "5", "--planted", "no-fencing"],
    },
    Planted {
        defect: "no-reset-on-reuse",
        what: "a connection is used again without RSET after a refused transaction",
        rig: Rig::Tests,
        words: &["test", "--quiet", "-p", "mail", "--lib", "--", "a_planted_omission_is_seen"],
    },
    Planted {
        defect: "dot-after-failed-write",
        what: "a body that could not be written gets its final dot",
        rig: Rig::Tests,
        words: &["test", "--quiet", "-p", "mail", "--lib", "--", "a_planted_one_is_seen"],
    },
    Planted {
        defect: "circuit-never-opens",
        what: "a relay at fault is tried for every copy",
        rig: BROKEN,
        words: &[
            "failover",
            "--runs",
            "1",
            "--readers",
            "2000",
            "--turn",
            "sender",
            "--planted",
            "circuit-never-opens",
        ],
    },
    Planted {
        defect: "doubt-sent-again",
        what: "a copy in doubt at one relay is sent by the other at once",
        rig: BROKEN,
        words: &["failover", "--runs", "1", "--readers", "2000", "--turn", "reset", "--planted", "doubt-sent-again"],
    },
    Planted {
        defect: "doubt-sent-again, lines cut",
        what: "a copy in doubt is sent again at once",
        rig: BROKEN,
        words: &[
            "crash",
            "--release",
            "--cuts",
            "--readers",
            "500",
            "--editions",
            "6",
            "--planted",
            "doubt-sent-again",
        ],
    },
    Planted {
        defect: "synchronous-normal",
        what: "SQLite does not wait for the disk",
        rig: BROKEN,
        words: &["power", "--cuts", "2", "--planted", "synchronous-normal"],
    },
    Planted {
        defect: "mark-after-dot, simulated",
        what: "the dot leaves before its mark is durable",
        rig: SIMULATED,
        words: &["simulate", "--seeds", "1..60", "--plant", "mark-after-dot"],
    },
    Planted {
        defect: "cursor-moved-on-fetch, simulated",
        what: "a checkpoint moves on when a batch is fetched",
        rig: SIMULATED,
        words: &["simulate", "--seeds", "1..60", "--plant", "cursor-moved-on-fetch"],
    },
    Planted {
        defect: "refusal-ignored, simulated",
        what: "the dot leaves although its mark was refused",
        rig: SIMULATED,
        words: &["simulate", "--seeds", "1..200", "--plant", "refusal-ignored"],
    },
    Planted {
        defect: "synchronous-normal, simulated",
        what: "SQLite does not wait for the disk",
        rig: SIMULATED,
        words: &["simulate", "--seeds", "1..60", "--plant", "synchronous-normal"],
    },
];

/// Runs what is asked for, prints a table; fails if one was not seen.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut results = Results::open("planted", json!({}))?;
    let mut missed = Vec::new();
    println!("| planted | what it does | seen by | seen |");
    println!("| --- | --- | --- | --- |");
    for planted in EVERY.iter().filter(|planted| planted.defect.contains(&arguments.name)) {
        let command = planted.command();
        if arguments.list {
            println!("| {} | {} | `{command}` | |", planted.defect, planted.what);
            continue;
        }
        let seen = planted.is_seen()?;
        println!("| {} | {} | `{command}` | {} |", planted.defect, planted.what, if seen { "yes" } else { "NO" });
        results.keep(0, json!({"defect": planted.defect, "what": planted.what, "command": command, "seen": seen}))?;
        if !seen {
            missed.push(planted.defect);
        }
    }
    ensure!(missed.is_empty(), "not seen: {}", missed.join(", "));
    Ok(())
}

impl Planted {
    fn command(&self) -> String {
        let program = if self.rig == Rig::Tests { "cargo" } else { "cargo xtask" };
        format!("{program} {}", self.words.join(" "))
    }

    fn is_seen(&self) -> Result<bool> {
        let mut command = match self.rig {
            Rig::Tests => Command::new(cargo()),
            Rig::Fails(_) => Command::new(std::env::current_exe().context("this program's own path")?),
        };
        command.args(self.words).current_dir(root());
        if self.words[0] != "simulate" && self.rig != Rig::Tests {
            // What was found of an earlier day does not count: another seed.
            command.args(["--seed", &fresh_seed().to_string()]);
        }
        let output = command.output().with_context(|| self.command())?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        Ok(match self.rig {
            Rig::Fails(words) => !output.status.success() && said.contains(words),
            // A filter that fits no test passes too.
            Rig::Tests => output.status.success() && said.contains("1 passed"),
        })
    }
}

/// A seed that no earlier run had.
fn fresh_seed() -> i64 {
    crate::founding::world().now() / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crash::poster;
    use clap::ValueEnum;

    #[test]
    fn every_defect_that_can_be_planted_has_a_rig_that_must_see_it() {
        for defect in poster::Planted::value_variants() {
            assert!(EVERY.iter().any(|planted| planted.words.contains(&defect.name())), "{defect:?}");
        }
    }
}
