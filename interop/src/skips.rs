//! What was skipped, and for want of what: one file per tool below the target folder, one line per test.
//!
//! libtest has no word for a test that finds its tool missing, and swallows what a passing test prints. So the test leaves
//! a note, and `cargo xtask test` reads the notes when the run is over.

use crate::{Tool, target};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The tests that one missing tool kept from running.
#[derive(Debug, PartialEq, Eq)]
pub struct Skip {
    /// What is missing.
    pub tool: Tool,
    /// The tests that asked for it, as `binary::module::test`.
    pub tests: BTreeSet<String>,
}

fn folder() -> PathBuf {
    target().join("skipped")
}

/// Notes that the calling test was skipped for want of `tool`.
pub fn record(tool: Tool) {
    note(&folder(), tool, &calling_test()).expect("the target folder can be written to: cargo just did");
}

/// Forgets the notes of earlier runs.
pub fn clear() -> io::Result<()> {
    match fs::remove_dir_all(folder()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The notes since the last [`clear`], one for each missing tool.
pub fn read() -> Vec<Skip> {
    read_from(&folder())
}

fn note(folder: &Path, tool: Tool, test: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = fs::File::options().append(true).create(true).open(folder.join(tool.name()))?;
    file.write_all(format!("{test}\n").as_bytes())
}

fn read_from(folder: &Path) -> Vec<Skip> {
    let noted = |tool: Tool| Some((tool, fs::read_to_string(folder.join(tool.name())).ok()?));
    let skip = |(tool, text): (Tool, String)| Skip { tool, tests: text.lines().map(str::to_owned).collect() };
    Tool::ALL.into_iter().filter_map(noted).map(skip).collect()
}

/// libtest names each test's thread after the test; cargo names the binary after the crate or file, and a hash.
fn calling_test() -> String {
    let program = std::env::current_exe().ok();
    let stem = program.as_deref().and_then(Path::file_stem).and_then(|stem| stem.to_str()).unwrap_or("unknown");
    let binary = stem.rsplit_once('-').map_or(stem, |(name, _)| name);
    format!("{binary}::{}", std::thread::current().name().unwrap_or("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_asks_twice_is_noted_once_for_each_tool() {
        let folder = target().join("interop-skips-test");
        fs::remove_dir_all(&folder).ok();
        for (tool, test) in
            [(Tool::Chromium, "a::b"), (Tool::Axe, "a::b"), (Tool::Chromium, "a::b"), (Tool::Chromium, "a::c")]
        {
            note(&folder, tool, test).unwrap();
        }
        let tests = |skip: &Skip| skip.tests.iter().cloned().collect::<Vec<_>>();
        let noted: Vec<_> = read_from(&folder).iter().map(|skip| (skip.tool, tests(skip))).collect();
        let expected = [(Tool::Chromium, vec!["a::b".to_owned(), "a::c".into()]), (Tool::Axe, vec!["a::b".into()])];
        assert_eq!(noted, expected);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_calling_test_is_known_by_name() {
        assert_eq!(calling_test(), "interop::skips::tests::the_calling_test_is_known_by_name");
    }
}
