//! `cargo xtask ci`: what must hold before a change lands, in the order in which it is cheapest to hear.
//!
//! Every step runs even when an earlier one failed, so that one run says everything. Here a skipped test is a failure: a
//! promise that nobody checked is not kept. The last line is the count of the tests.

use crate::{cargo, simulate, suite, tidy};
use anyhow::{Context, Result, bail, ensure};
use std::path::Path;
use std::process::Command;

/// Runs every step; fails, with the names of those that did, if one did.
pub fn run(root: &Path) -> Result<()> {
    let mut failed = Vec::new();
    let mut step = |name: &'static str, outcome: Result<()>| {
        if let Err(error) = outcome {
            eprintln!("{name}: {error:#}");
            failed.push(name);
        }
    };
    let warnings = ["--", "-D", "warnings"];
    step("fmt", call(root, "fmt", &["--all", "--check"], &[]));
    step("tidy", heading("tidy").and_then(|()| tidy::run(root)));
    step("clippy", call(root, "clippy", &["--workspace", "--all-targets", "--locked"], &warnings));
    heading("test")?;
    let tests = suite::test(root, &[]);
    step("doc", call(root, "doc", &["--workspace", "--no-deps", "--locked"], &[]));
    let seeds = simulate::Wanted::seeds(simulate::CI_SEEDS);
    step("simulate", heading("simulate").and_then(|()| simulate::run(root, &seeds)));
    match &tests {
        Ok(outcome) => step("test", judge(outcome)),
        Err(error) => step("test", Err(anyhow::anyhow!("{error:#}"))),
    }
    if !failed.is_empty() {
        println!("\nfailed: {}", failed.join(", "));
    }
    if let Ok(outcome) = tests {
        outcome.report();
    }
    if failed.is_empty() { Ok(()) } else { bail!("") }
}

fn judge(outcome: &suite::Outcome) -> Result<()> {
    ensure!(outcome.tally.failed == 0, "a test did not hold");
    ensure!(outcome.tally.passed > 0, "no test ran");
    ensure!(outcome.tally.skipped == 0, "a skipped test is a promise that nobody checked");
    Ok(())
}

fn heading(name: &str) -> Result<()> {
    println!("\n── {name}");
    Ok(())
}

fn call(root: &Path, name: &str, arguments: &[&str], more: &[&str]) -> Result<()> {
    heading(name)?;
    let mut command = Command::new(cargo());
    command.arg(name).args(arguments).args(more).current_dir(root);
    if name == "doc" {
        command.env("RUSTDOCFLAGS", "-D warnings");
    }
    let status = command.status().with_context(|| format!("cargo {name}"))?;
    ensure!(status.success(), "{status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{Outcome, Tally};

    #[test]
    fn a_skipped_test_fails_the_run_and_so_does_a_run_of_none() {
        let judged = |passed, failed, skipped| {
            judge(&Outcome { tally: Tally { passed, failed, skipped }, skips: Vec::new() }).is_ok()
        };
        assert_eq!([judged(9, 0, 0), judged(9, 1, 0), judged(9, 0, 1), judged(0, 0, 0)], [true, false, false, false]);
    }
}
