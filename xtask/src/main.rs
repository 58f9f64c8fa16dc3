//! The repository's own tools: `cargo xtask --help` lists them.
//!
//! Everything a developer or a build machine runs is written here, in Rust, so that it is the same everywhere. Nothing
//! here is shipped.

mod tidy;

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
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Tidy => tidy::run(&root()),
    }
}

/// The repository: the folder above this crate.
fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}
