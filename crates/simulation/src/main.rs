//! Runs the simulation from a command line: one seed, replayed exactly, or many. `cargo xtask simulate` is the way in.
//!
//! One line a run on stdout, in words separated by tabs, so that whoever runs several of these side by side can add them up:
//! `kept` or `broken`, the seed, the trace's hash, and the fault; then `count`, name and number. It reads no clock.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use post::Defect;
use simulation::{Settings, Tally, run};

/// What is run when nothing is said.
const SEEDS: (u64, u64) = (1, 20);

/// Days of a newsroom from a seed, held to its promises.
#[derive(Parser)]
struct Arguments {
    /// Replay one seed.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Print every line of the trace. With --seed.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Run the seeds A..B, both included.
    #[arg(long, value_parser = range)]
    seeds: Option<(u64, u64)>,
    /// Of these seeds, run each so-manyth.
    #[arg(long, default_value_t = 1)]
    every: usize,
    /// Plant a defect that the witness should find.
    #[arg(long, value_enum)]
    plant: Option<Planted>,
}

/// A defect to plant.
#[derive(Clone, Copy, ValueEnum)]
enum Planted {
    /// The dot leaves without its mark.
    MarkAfterDot,
    /// A copy counts as sent when it is claimed.
    CursorMovedOnFetch,
    /// The dot leaves although its mark was refused.
    RefusalIgnored,
    /// SQLite runs with synchronous=NORMAL.
    SynchronousNormal,
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let (from, to) = text.split_once("..").ok_or("a range is written A..B")?;
    let number = |text: &str| text.parse::<u64>().map_err(|fault| format!("{text:?}: {fault}"));
    Ok((number(from)?, number(to)?))
}

fn settings(arguments: &Arguments) -> Settings {
    let mut settings = Settings { lines: arguments.trace, ..Settings::default() };
    match arguments.plant {
        Some(Planted::MarkAfterDot) => settings.defect = Some(Defect::MarkAfterDot),
        Some(Planted::CursorMovedOnFetch) => settings.defect = Some(Defect::CursorMovedOnFetch),
        Some(Planted::RefusalIgnored) => settings.defect = Some(Defect::RefusalIgnored),
        Some(Planted::SynchronousNormal) => settings.planted_normal = true,
        None => {}
    }
    settings
}

fn main() -> ExitCode {
    match told(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        // A reader of ours who has gone, or a broken promise.
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// Runs what is asked for and tells it. `false`: a promise was broken.
fn told(arguments: &Arguments) -> io::Result<bool> {
    let (from, to) = arguments.seeds.or(arguments.seed.map(|seed| (seed, seed))).unwrap_or(SEEDS);
    let mut tally = Tally::default();
    let mut out = io::stdout().lock();
    for seed in (from..=to).step_by(arguments.every.max(1)) {
        let report = run(seed, settings(arguments));
        report.lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        let word = if report.fault.is_none() { "kept" } else { "broken" };
        writeln!(out, "{word}\t{seed}\t{:016x}\t{}", report.hash, report.fault.as_deref().unwrap_or_default())?;
        out.flush()?;
        tally.take(&report);
    }
    tally.counters.every().try_for_each(|(what, times)| writeln!(out, "count\t{what}\t{times}"))?;
    Ok(tally.broken.is_empty())
}
