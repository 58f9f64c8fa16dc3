//! `cargo xtask test`: the whole test suite, and a last line that can be trusted.
//!
//! cargo prints one result for each test binary and none for the run, and libtest counts a test that found its tool missing
//! as passed. Here the results are added up, the skipped ones told apart, and what to install is said at the end.

use anyhow::{Context, Result, bail};
use interop::skips::{self, Skip};
use std::collections::BTreeSet;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// The tests of a run, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that ran and held.
    pub passed: usize,
    /// Tests that ran and did not hold.
    pub failed: usize,
    /// Tests that did not run.
    pub skipped: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// A run of the suite.
pub struct Outcome {
    /// The count.
    pub tally: Tally,
    /// What was missing.
    pub skips: Vec<Skip>,
}

impl Outcome {
    /// Prints what was skipped and what to install, then the count, alone on the last line.
    pub fn report(&self) {
        for skip in &self.skips {
            println!("\nSKIPPED for want of {}: {} tests", skip.tool.name(), skip.tests.len());
            skip.tests.iter().for_each(|test| println!("    {test}"));
            println!("  to run them: {}", skip.tool.install());
        }
        println!("\n{}", self.tally);
    }
}

/// Runs the suite and reports; fails if a test did. `arguments` go to `cargo test`.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let outcome = test(root, arguments)?;
    outcome.report();
    if outcome.tally.failed > 0 {
        bail!("");
    }
    Ok(())
}

/// Runs the suite, all of it even when a test fails, and counts.
pub fn test(root: &Path, arguments: &[String]) -> Result<Outcome> {
    skips::clear().context("forgetting what earlier runs skipped")?;
    let mut command = Command::new(crate::cargo());
    command.args(["test", "--locked", "--no-fail-fast"]).args(scope(arguments)).args(arguments);
    let mut child = command.current_dir(root).stdout(Stdio::piped()).spawn().context("cargo test")?;
    let output = child.stdout.take().expect("its output was asked for");
    let mut tally = count(BufReader::new(output), &mut std::io::stdout().lock())?;
    if !child.wait()?.success() && tally.failed == 0 {
        tally.failed = 1; // It did not compile, or a test took the whole binary down: its tests had no say.
    }
    let skips = skips::read();
    let silent: BTreeSet<&String> = skips.iter().flat_map(|skip| &skip.tests).collect();
    tally.passed = tally.passed.saturating_sub(silent.len());
    tally.skipped += silent.len();
    Ok(Outcome { tally, skips })
}

/// The whole workspace, unless the caller named a part of it.
fn scope(arguments: &[String]) -> Option<&'static str> {
    let named = arguments.iter().take_while(|argument| *argument != "--");
    let mut named = named.filter(|argument| argument.starts_with("-p") || argument.starts_with("--package"));
    named.next().is_none().then_some("--workspace")
}

/// Passes the output on, line by line, and adds up the results in it.
fn count(output: impl BufRead, screen: &mut impl Write) -> Result<Tally> {
    let mut tally = Tally::default();
    for line in output.split(b'\n') {
        let line = line?;
        screen.write_all(&line)?;
        screen.write_all(b"\n")?;
        if let Some(result) = result(&String::from_utf8_lossy(&line)) {
            tally.passed += result.passed;
            tally.failed += result.failed;
            tally.skipped += result.skipped;
        }
    }
    Ok(tally)
}

/// Reads `test result: ok. 40 passed; 0 failed; 0 ignored; …`.
fn result(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |of: &str| counts.split("; ").find_map(|part| part.strip_suffix(of)?.trim().parse().ok());
    Some(Tally { passed: number("passed")?, failed: number("failed")?, skipped: number("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "running 2 tests\ntest a ... ok\n\n\
        test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
        test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";

    #[test]
    fn the_results_of_all_binaries_are_added_up() {
        let mut screen = Vec::new();
        let tally = count(OUTPUT.as_bytes(), &mut screen).unwrap();
        assert_eq!(screen, OUTPUT.as_bytes());
        assert_eq!(tally, Tally { passed: 5, failed: 1, skipped: 2 });
        assert_eq!(tally.to_string(), "5 passed, 1 failed, 2 skipped");
    }

    #[test]
    fn the_whole_workspace_is_tested_unless_a_part_is_named() {
        let scope_of = |words: &[&str]| scope(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(scope_of(&[]), Some("--workspace"));
        assert_eq!(scope_of(&["--", "-p"]), Some("--workspace"));
        assert_eq!(scope_of(&["-p", "post"]), None);
    }
}
