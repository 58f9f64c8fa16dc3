//! The repository's own tools: `cargo xtask --help` lists them.
//!
//! Everything a developer or a build machine runs is written here, in Rust, so that it is the same everywhere. Nothing
//! here is shipped.

mod bench;
mod ci;
mod crash;
mod dice;
mod failover;
mod fence;
mod founding;
mod planted;
mod power;
mod programs;
mod results;
mod simulate;
mod sink;
mod suite;
mod tidy;
mod trust;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// The repository's own tools.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check the rules that no compiler knows: STYLE.md's ✓ and ARCHITECTURE.md's arrows.
    Tidy,
    /// Run the whole test suite; the last lines say what was skipped, what to install, and the count.
    Test {
        /// Passed on to `cargo test`: `-p post`, `-- a_name`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Everything that must hold before a change lands: fmt, tidy, clippy, tests, doc, simulations. A skipped test fails it.
    Ci,
    /// Live days of a newsroom from a seed, or from thousands, and hold it to its promises.
    Simulate(simulate::Wanted),
    /// Take mail on loopback, write receipts, misbehave by script.
    Sink(sink::Arguments),
    /// Check a file of receipts and sum it up.
    Receipts(sink::summary::Arguments),
    /// Kill the poster again and again, and hold every receipt against the ledger.
    Crash(crash::Arguments),
    /// Suspend one of two relays in the middle of an edition, again and again, in every way that relays have.
    Failover(failover::Arguments),
    /// Stop, wake and kill four posters on one PostgreSQL, and show that no copy is sent by two of them.
    Fence(fence::Arguments),
    /// Cut the power of the program's disk in the middle of an edition. Needs root and loop devices.
    Power(power::Arguments),
    /// Run every rig with the defects that it must see.
    Planted(planted::Arguments),
    /// Write docs/trust.md from what the rigs have kept.
    Trust,
    /// Measure what an edition costs, beside what it could cost at best.
    Bench {
        #[command(subcommand)]
        what: bench::What,
    },
    /// Write the copies of the latest edition without a ledger: the ceiling that `bench post` measures against.
    #[command(hide = true)]
    Ceiling(bench::ceiling::Arguments),
    /// Send the latest edition as a rig wants it: with a planted defect, or a lease of seconds.
    #[command(hide = true)]
    Poster(crash::poster::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let said = format!("{error:#}");
            if !said.is_empty() {
                eprintln!("{said}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Tidy => tidy::run(&root()),
        Task::Test { arguments } => suite::run(&root(), &arguments),
        Task::Ci => ci::run(&root()),
        Task::Simulate(wanted) => simulate::run(&root(), &wanted),
        Task::Sink(arguments) => sink::run(arguments),
        Task::Receipts(arguments) => sink::summary::run(&arguments),
        Task::Crash(arguments) => crash::run(&arguments),
        Task::Failover(arguments) => failover::run(&arguments),
        Task::Fence(arguments) => fence::run(&arguments),
        Task::Power(arguments) => power::run(&arguments),
        Task::Planted(arguments) => planted::run(&arguments),
        Task::Trust => trust::run(&root()),
        Task::Bench { what } => bench::run(&what),
        Task::Ceiling(arguments) => bench::ceiling::run(&arguments),
        Task::Poster(arguments) => crash::poster::run(&arguments),
    }
}

/// The repository: the folder above this crate.
fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

/// The cargo that started this program, or the one on the PATH.
fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}
