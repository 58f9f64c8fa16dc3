//! `cargo xtask trust`: writes docs/trust.md from the rigs' results: what was tried how often, and what failed.
//!
//! It says only what the files below the target folder hold, with seeds, day and commit. A promise of which no trial is on
//! file stands there with none.

use crate::results;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// One line of the page.
struct Promise {
    /// What is promised.
    words: &'static str,
    /// Whose results show it.
    rig: &'static str,
    /// What is counted as a trial: a field that is summed, or the results themselves.
    trials: Option<&'static str>,
    /// What a trial is called.
    unit: &'static str,
    /// What is counted as a failure.
    failures: &'static [&'static str],
    command: &'static str,
}

const LOST_OR_TWICE: &[&str] = &["missed", "twice", "strays", "unlisted"];

const PROMISES: [Promise; 9] = [
    Promise {
        words: "P2, P3: a poster killed at a random moment misses nobody, mails nobody twice outside the list of doubts, and the list is complete",
        rig: "crash",
        trials: Some("kills"),
        unit: "kills",
        failures: LOST_OR_TWICE,
        command: "cargo xtask crash --release --readers 50000 --connections 50 --editions 1 --trials 30",
    },
    Promise {
        words: "P3: a kill leaves no more readers in doubt than connections were open",
        rig: "crash",
        trials: Some("kills"),
        unit: "kills",
        failures: &["breaches"],
        command: "the same",
    },
    Promise {
        words: "P2, P3: connections cut after a random number of octets, either way",
        rig: "cuts",
        trials: Some("cuts"),
        unit: "cuts",
        failures: &["breaches"],
        command: "cargo xtask crash --release --cuts --readers 500 --trials 30",
    },
    Promise {
        words: "P4: four posters on one PostgreSQL, stopped, woken and killed: no copy is sent by two of them",
        rig: "fence",
        trials: None,
        unit: "rounds",
        failures: &["breaches"],
        command: "cargo xtask fence --rounds 200",
    },
    Promise {
        words: "P9: an outcome that was reported before a power cut stands after it, and nobody is mailed twice for it",
        rig: "power",
        trials: None,
        unit: "power cuts",
        failures: &["lost", "missed", "twice"],
        command: "cargo xtask power --cuts 200",
    },
    Promise {
        words: "P9: the same, by outcomes",
        rig: "power",
        trials: Some("reported"),
        unit: "outcomes reported",
        failures: &["lost"],
        command: "the same",
    },
    Promise {
        words: "P10: a suspended relay's rest goes by the other within 60 s, nobody missed, nobody twice where every answer was given, one alert",
        rig: "failover",
        trials: None,
        unit: "suspensions",
        failures: &["breaches"],
        command: "cargo xtask failover --runs 100",
    },
    Promise {
        words: "P10: the same, by readers",
        rig: "failover",
        trials: Some("audience"),
        unit: "readers",
        failures: &["missed", "twice"],
        command: "the same",
    },
    Promise {
        words: "P1 to P5, P7, P20, P24: days of a whole newsroom from a seed, with crashes, lost power, two relays and people who come and go",
        rig: "simulate",
        trials: Some("seeds"),
        unit: "seeds",
        failures: &["broken"],
        command: "cargo xtask simulate --seeds 1..20000",
    },
];

const HEAD: &str = "\
# What was tried

For whoever is to trust Coranto with a list. The figures are written by `cargo xtask trust` from what the rigs have kept. Every
command can be run again: a rig prints its seeds and goes on where it was stopped. No failure in n trials puts the rate of failures below 3/n with
95 % confidence; it does not make it zero.

The machine is a small one (2 cores), often with other work beside. A `+` behind a commit: files differed from it when the rig ran.

| promise | trials | failures | rate below | seeds | day | commit | command |
| --- | --- | --- | --- | --- | --- | --- | --- |
";

const PLANTED: &str = "
## The rigs can fail

A rig that cannot fail proves nothing. Each of these defects was put into the same library on purpose, and its rig had to fail:
`cargo xtask planted` runs them all.

| planted | what it does | command | seen | day | commit |
| --- | --- | --- | --- | --- | --- |
";

/// Writes the page.
pub fn run(root: &Path) -> Result<()> {
    let mut page = HEAD.to_owned();
    PROMISES.iter().try_for_each(|promise| writeln!(page, "{}", promise.line()))?;
    page.push_str(&failover());
    page.push_str(PLANTED);
    let planted = results::read(&results::folder().join("planted.jsonl"));
    let defects: BTreeSet<&str> = planted.iter().filter_map(|row| row["defect"].as_str()).collect();
    for defect in defects {
        // The last word on it counts.
        let Some(row) = planted.iter().rfind(|row| row["defect"] == defect) else { continue };
        let seen = if row["seen"] == true { "yes" } else { "**no**" };
        let (what, command, date, commit) =
            (word(row, "what"), word(row, "command"), word(row, "date"), word(row, "commit"));
        writeln!(page, "| {defect} | {what} | `{command}` | {seen} | {date} | {commit} |")?;
    }
    page.push_str(LIMITS);
    let file = root.join("docs/trust.md");
    std::fs::write(&file, page).with_context(|| file.display().to_string())?;
    println!("{}", file.display());
    Ok(())
}

const LIMITS: &str = "
## What this does not show

The sinks and relays are ours or stand on this machine; real providers are not asked. A power cut is EXT4_IOC_SHUTDOWN on a loop device: the file
system loses what it had not synced, the disk itself does not lie. The poster is stopped an instant before. Four cuts made before the rig did so are
not counted above: in one of them 19 readers got two copies. The likely cause is that the process lived on for some milliseconds after its disk was
gone, and was told that a commit had succeeded; this was inferred, not shown. The four posters' lease ends in two seconds instead
of a minute, and the wait for an answer after a dot is shortened: a rig has no ten minutes for each.
";

fn word<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

/// The results of a rig without a planted defect.
fn rows(rig: &str) -> Vec<Value> {
    let mut rows = results::read(&results::folder().join(format!("{rig}.jsonl")));
    rows.retain(|row| row["settings"]["planted"].is_null());
    rows
}

fn sum(rows: &[Value], name: &str) -> u64 {
    rows.iter().filter_map(|row| row[name].as_u64()).sum()
}

impl Promise {
    fn line(&self) -> String {
        let rows = rows(self.rig);
        let trials = self.trials.map_or(rows.len() as u64, |field| sum(&rows, field));
        let failures: u64 = self.failures.iter().map(|field| sum(&rows, field)).sum();
        let bound = match (trials, failures) {
            (0, _) => "not tried".to_owned(),
            (_, 0) => format!("{:.2e}", 3.0 / trials as f64),
            _ => "it fails".to_owned(),
        };
        let seeds: BTreeSet<u64> = rows.iter().flat_map(seeds).collect();
        let span = seeds.first().zip(seeds.last()).map_or(String::new(), |(first, last)| format!("{first} to {last}"));
        let list = |name: &str| {
            let all: BTreeSet<&str> = rows.iter().map(|row| word(row, name)).collect();
            all.into_iter().collect::<Vec<_>>().join(", ")
        };
        let command = if self.command == "the same" { String::new() } else { format!("`{}`", self.command) };
        format!(
            "| {} | {trials} {} | {failures} | {bound} | {span} | {} | {} | {command} |",
            self.words,
            self.unit,
            list("date"),
            list("commit")
        )
    }
}

/// The seeds of one result: its own, or all up to its last.
fn seeds(row: &Value) -> impl Iterator<Item = u64> {
    let first = row["seed"].as_u64().unwrap_or(0);
    [first, row["last_seed"].as_u64().unwrap_or(first)].into_iter()
}

/// What became of the suspended relays, by the way in which they turned.
fn failover() -> String {
    let all = rows("failover");
    let turns: BTreeSet<&str> = all.iter().map(|row| word(row, "turn")).collect();
    let mut page = "\n## A suspended relay, by the way it turns\n\n| the relay | runs | readers | missed | twice | in doubt | alerts | \
                    last copy after, s: median | worst |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for turn in turns {
        let rows: Vec<Value> = all.iter().filter(|row| row["turn"] == turn).cloned().collect();
        let mut seconds: Vec<f64> = rows.iter().filter_map(|row| row["seconds"].as_f64()).collect();
        seconds.sort_by(f64::total_cmp);
        let (Some(median), Some(worst)) = (seconds.get(seconds.len() / 2), seconds.last()) else { continue };
        let sums = ["audience", "missed", "twice", "uncertain", "alerts"].map(|name| sum(&rows, name).to_string());
        page.push_str(&format!("| {turn} | {} | {} | {median} | {worst} |\n", rows.len(), sums.join(" | ")));
    }
    page
}
