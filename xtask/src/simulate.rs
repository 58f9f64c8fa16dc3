//! `cargo xtask simulate`: days of a newsroom from a seed, or from thousands, held to its promises.
//!
//! The simulation is a program of its own; this one starts it as often as the machine has cores, tells how far it is, and
//! adds up what was found. It decides nothing.

use crate::cargo;
use crate::results::Results;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Instant;

/// What `.ci/run` runs: fixed, so that it never fails for a stranger's change.
pub const CI_SEEDS: &str = "1..2000";

/// What to simulate.
#[derive(Args, Default)]
pub struct Wanted {
    /// Replay one seed exactly.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Print every line of its trace.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Run the seeds A..B, both included, on every core.
    #[arg(long)]
    seeds: Option<String>,
    /// Plant a defect that should be found: mark-after-dot, cursor-moved-on-fetch, refusal-ignored, synchronous-normal.
    #[arg(long)]
    plant: Option<String>,
}

impl Wanted {
    /// These seeds, and nothing planted.
    pub fn seeds(range: &str) -> Self {
        Self { seeds: Some(range.to_owned()), ..Self::default() }
    }
}

/// What one line of the simulation says.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Kept {
        seed: String,
        hash: String,
    },
    Broken {
        seed: String,
        hash: String,
        fault: String,
    },
    Count(String, u64),
    /// A line of the trace.
    Other(String),
}

/// Runs what is wanted; fails when a promise was broken or something that should happen never did.
pub fn run(root: &Path, wanted: &Wanted) -> Result<()> {
    let began = Instant::now();
    build(root)?;
    let (from, to) = range(wanted)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runs = (to - from).saturating_add(1);
    let workers = cores.min(usize::try_from(runs).unwrap_or(cores));
    let heard = listen(root, wanted, (from, to), workers)?;
    let mut outcome = Outcome::default();
    for said in heard {
        outcome.take(said, runs, wanted.seed.is_some());
    }
    if wanted.seed.is_none() {
        let mut results = Results::open("simulate", json!({"planted": wanted.plant}))?;
        let broken = outcome.broken.len();
        results.keep(from, json!({"last_seed": to, "seeds": outcome.kept + broken as u64, "broken": broken}))?;
    }
    outcome.tell(runs, began.elapsed().as_secs_f64())
}

fn build(root: &Path) -> Result<()> {
    let arguments = ["build", "--quiet", "--locked", "-p", "simulation"];
    let status = Command::new(cargo()).args(arguments).current_dir(root).status().context("cargo build")?;
    ensure!(status.success(), "the simulation does not build");
    Ok(())
}

fn range(wanted: &Wanted) -> Result<(u64, u64)> {
    if let Some(seed) = wanted.seed {
        return Ok((seed, seed));
    }
    let text = wanted.seeds.as_deref().unwrap_or(CI_SEEDS);
    let (from, to) = text.split_once("..").context("a range of seeds is written A..B")?;
    let (from, to) = (from.parse()?, to.parse()?);
    ensure!(from <= to, "the range {text} is empty");
    Ok((from, to))
}

/// Starts the workers, each on every so-manyth seed; what they say comes in as they say it.
fn listen(root: &Path, wanted: &Wanted, (from, to): (u64, u64), workers: usize) -> Result<mpsc::Receiver<Said>> {
    let (tell, told) = mpsc::channel();
    for worker in 0..workers {
        let mut child = start(root, wanted, (from + worker as u64, to), workers)?;
        let lines = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
        let tell = tell.clone();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| drop(tell.send(parse(&line))));
            // Its exit says what its lines have said, unless it died.
            let died = child.wait().map_or(true, |status| status.code().is_none());
            if died {
                let fault = "a simulation died".to_owned();
                drop(tell.send(Said::Broken { seed: "?".into(), hash: String::new(), fault }));
            }
        });
    }
    Ok(told)
}

fn start(root: &Path, wanted: &Wanted, (from, to): (u64, u64), every: usize) -> Result<Child> {
    let mut command = Command::new(cargo());
    command.args(["run", "--quiet", "--locked", "-p", "simulation", "--"]).current_dir(root).stdout(Stdio::piped());
    match wanted.seed {
        Some(seed) => command.args(["--seed", &seed.to_string()]),
        None => command.args(["--seeds", &format!("{from}..{to}"), "--every", &every.to_string()]),
    };
    if wanted.trace {
        command.arg("--trace");
    }
    if let Some(defect) = &wanted.plant {
        command.args(["--plant", defect]);
    }
    command.spawn().context("cargo run -p simulation")
}

fn parse(line: &str) -> Said {
    let words: Vec<&str> = line.split('\t').collect();
    match words[..] {
        ["kept", seed, hash, _] => Said::Kept { seed: seed.into(), hash: hash.into() },
        ["broken", seed, hash, fault] => Said::Broken { seed: seed.into(), hash: hash.into(), fault: fault.into() },
        ["count", what, times] if times.parse::<u64>().is_ok() => Said::Count(what.into(), times.parse().unwrap_or(0)),
        _ => Said::Other(line.into()),
    }
}

/// What all of them said together.
#[derive(Default)]
struct Outcome {
    kept: u64,
    broken: Vec<(String, String)>,
    counts: BTreeMap<String, u64>,
}

impl Outcome {
    fn take(&mut self, said: Said, runs: u64, is_single: bool) {
        match said {
            Said::Kept { seed, hash } => {
                self.kept += 1;
                if is_single {
                    println!("seed {seed}: trace {hash}, every promise kept");
                }
            }
            Said::Broken { seed, hash, fault } => {
                println!("\rseed {seed}: trace {hash}, BROKEN: {fault}");
                self.broken.push((seed, fault));
            }
            Said::Count(what, times) => *self.counts.entry(what).or_default() += times,
            Said::Other(line) => println!("{line}"),
        }
        let done = self.kept + self.broken.len() as u64;
        let mut out = std::io::stderr();
        if out.is_terminal() && done.is_multiple_of(20) {
            // A progress line that cannot be shown is no failure.
            let _shown =
                write!(out, "\r{done} of {runs} seeds, {} broken", self.broken.len()).and_then(|()| out.flush());
        }
    }

    fn tell(&self, runs: u64, seconds: f64) -> Result<()> {
        println!();
        for (what, times) in &self.counts {
            println!("{times:>10}  {what}");
        }
        println!("{} of {runs} seeds kept every promise, in {seconds:.0} s", self.kept);
        let seeds: Vec<&str> = self.broken.iter().map(|(seed, _)| seed.as_str()).collect();
        if !seeds.is_empty() {
            bail!("broken by {}: replay one with `cargo xtask simulate --seed N --trace`", seeds.join(", "));
        }
        ensure!(self.kept == runs, "only {} of {runs} seeds were heard of", self.kept);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_simulation_is_understood() {
        assert_eq!(parse("kept\t7\tab\t"), Said::Kept { seed: "7".into(), hash: "ab".into() });
        let broken = Said::Broken { seed: "7".into(), hash: "ab".into(), fault: "kept twice".into() };
        assert_eq!(parse("broken\t7\tab\tkept twice"), broken);
        assert_eq!(parse("count\tleft by the page\t3"), Said::Count("left by the page".into(), 3));
        assert_eq!(parse("17 relay 0 connected"), Said::Other("17 relay 0 connected".into()));
    }

    #[test]
    fn a_broken_seed_fails_the_run_and_so_does_one_that_was_not_heard_of() {
        let told = |lines: &[&str], runs| {
            let mut outcome = Outcome::default();
            lines.iter().for_each(|line| outcome.take(parse(line), runs, false));
            outcome.tell(runs, 1.0).is_ok()
        };
        assert!(told(&["kept\t1\tab\t", "kept\t2\tab\t"], 2));
        assert!(!told(&["kept\t1\tab\t"], 2));
        assert!(!told(&["kept\t1\tab\t", "broken\t2\tab\twhy"], 2));
    }

    #[test]
    fn a_range_is_read_and_an_empty_one_is_refused() {
        assert_eq!(range(&Wanted::seeds("3..9")).ok(), Some((3, 9)));
        assert!(range(&Wanted::seeds("9..3")).is_err() && range(&Wanted::seeds("9")).is_err());
        assert_eq!(range(&Wanted { seed: Some(4), ..Wanted::default() }).ok(), Some((4, 4)));
    }
}
