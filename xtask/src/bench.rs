//! `cargo xtask bench`: what the work costs on this machine. Ratios are to be trusted, absolutes only beside each other.
//!
//! Everything measured is built for release and runs in a process of its own; docs/benchmarks.md keeps the results with
//! machine, date and command.

mod beside;
mod bounces;
pub mod ceiling;
mod post;

use crate::programs::{Build, built};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use std::process::Command;

/// What is measured.
#[derive(Subcommand)]
pub enum What {
    /// An edition through the real poster to the sink, beside the same messages signed and written with no ledger.
    Post(post::Arguments),
    /// How many real bounces are read as those who labelled them say.
    Bounces(bounces::Arguments),
}

/// Measures; in a debug build, by building this program for release and handing over to it.
pub fn run(what: &What) -> Result<()> {
    if let What::Bounces(arguments) = what {
        // Counts, no times: any build will do.
        return bounces::run(arguments);
    }
    if cfg!(debug_assertions) {
        let status = Command::new(built("xtask", Build::Release)?).args(std::env::args_os().skip(1)).status();
        return match status.context("xtask, built for release")?.success() {
            true => Ok(()),
            false => bail!(""),
        };
    }
    match what {
        What::Post(arguments) => post::run(arguments),
        What::Bounces(arguments) => bounces::run(arguments),
    }
}
