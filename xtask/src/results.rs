//! A rig's results: one line of JSON for each trial in a file below the target folder, kept as they come.
//!
//! A rig that is stopped goes on from there. Every line says its seed, its settings, the day and the commit, so that
//! `cargo xtask trust` can say what was tried, and on what. A line whose settings are others' is left alone.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The results of one rig under one group of settings.
pub struct Results {
    path: PathBuf,
    rig: &'static str,
    settings: Value,
    commit: String,
    /// Those that were found and those that came since.
    pub rows: Vec<Value>,
}

/// Where every rig keeps its results.
pub fn folder() -> PathBuf {
    interop::target().join("rigs")
}

/// The folder in which a run of `rig` does its work. Those of runs that were killed are swept away, with what is mounted in
/// them.
pub fn workshop(rig: &str) -> Result<PathBuf> {
    let home = interop::target().join(rig);
    std::fs::create_dir_all(&home).with_context(|| home.display().to_string())?;
    for entry in std::fs::read_dir(&home)?.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.split('-').next().filter(|process| process.bytes().all(|byte| byte.is_ascii_digit()));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            // Only the rig of power cuts mounts something there.
            Command::new("umount").arg(entry.path().join("disk")).output().ok();
            std::fs::remove_dir_all(entry.path()).ok();
        }
    }
    Ok(home.join(std::process::id().to_string()))
}

/// Every line of a file of results; one that was being written when the rig was killed is no result.
pub fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

impl Results {
    /// Opens the results of `rig` under `settings`.
    pub fn open(rig: &'static str, settings: Value) -> Result<Results> {
        std::fs::create_dir_all(folder()).with_context(|| folder().display().to_string())?;
        let path = folder().join(format!("{rig}.jsonl"));
        let mut rows = read(&path);
        rows.retain(|row| row["settings"] == settings);
        Ok(Results { path, rig, settings, commit: commit(), rows })
    }

    /// How many results there are of `seed`.
    pub fn of_seed(&self, seed: u64) -> usize {
        self.rows.iter().filter(|row| row["seed"] == seed).count()
    }

    /// Those of `seeds` of which there is no result yet.
    pub fn missing(&self, seeds: Range<u64>) -> Vec<u64> {
        seeds.filter(|seed| self.of_seed(*seed) == 0).collect()
    }

    /// Forgets, for this look, the results of other seeds.
    pub fn of_seeds(&mut self, seeds: &Range<u64>) {
        self.rows.retain(|row| row["seed"].as_u64().is_some_and(|seed| seeds.contains(&seed)));
    }

    /// Keeps a result. When this returns, a rig that is killed will find it again.
    pub fn keep(&mut self, seed: u64, came_of_it: Value) -> Result<()> {
        let mut row = came_of_it;
        row["rig"] = json!(self.rig);
        row["seed"] = json!(seed);
        row["settings"] = self.settings.clone();
        row["date"] = json!(today());
        row["commit"] = json!(self.commit);
        let mut file = File::options().create(true).append(true).open(&self.path)?;
        file.write_all(format!("{row}\n").as_bytes()).with_context(|| self.path.display().to_string())?;
        self.rows.push(row);
        Ok(())
    }

    /// The sum of a number over all results.
    pub fn sum(&self, of: &str) -> u64 {
        self.rows.iter().filter_map(|row| row[of].as_u64()).sum()
    }
}

/// The day, in UTC.
fn today() -> String {
    let now = jiff::Timestamp::from_millisecond(crate::founding::world().now()).unwrap_or_default();
    jiff::tz::TimeZone::UTC.to_datetime(now).date().to_string()
}

/// The commit that is judged; with a `+` when files differ from it.
fn commit() -> String {
    let git = |words: &[&str]| {
        let output = Command::new("git").args(words).current_dir(crate::root()).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    };
    let dirty = if git(&["status", "--porcelain", "--untracked-files=no"]).is_empty() { "" } else { "+" };
    format!("{}{dirty}", git(&["rev-parse", "--short=9", "HEAD"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_found_again_and_what_was_half_written_is_no_result() {
        let settings = json!({"test": std::process::id()});
        let path = folder().join("results-test.jsonl");
        std::fs::remove_file(&path).ok();
        let mut results = Results::open("results-test", settings.clone()).unwrap();
        results.keep(7, json!({"kills": 3})).unwrap();
        results.keep(8, json!({"kills": 4})).unwrap();
        File::options().append(true).open(&path).unwrap().write_all(b"{\"seed\":9,").unwrap();
        let again = Results::open("results-test", settings).unwrap();
        assert_eq!((again.of_seed(7), again.of_seed(9), again.sum("kills")), (1, 0, 7));
        assert!(Results::open("results-test", json!({"test": "other"})).unwrap().rows.is_empty());
        std::fs::remove_file(&path).unwrap();
    }
}
