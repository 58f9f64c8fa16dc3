//! `cargo xtask tidy`: the rules that no compiler knows, each a few lines, all of them in under a second.
//!
//! It checks what STYLE.md marks with ✓ and the table of arrows in ARCHITECTURE.md. It changes nothing: every fault says
//! where it stands, what is wrong and what to do.

mod arrows;
mod cargo;
mod code;
mod dependencies;
mod migrations;
mod text;
mod tokens;

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::process::Command;

/// Larger files are recordings; their bytes are not prose or code of ours.
const SOURCE_BYTES_MAX: usize = 1 << 20;
/// Recordings of other people's pages, feeds and mails are kept as they came.
const RECORDINGS: [&str; 3] = ["/fixtures/", "/recorded/", "/corpus/"];

/// One text file of the repository.
pub struct Source {
    /// Its path, relative to the repository.
    pub path: String,
    /// What it holds.
    pub text: String,
}

impl Source {
    /// The crate it belongs to, or "" outside every crate.
    pub fn crate_name(&self) -> &str {
        let mut parts = self.path.split('/');
        match parts.next() {
            Some("crates") => parts.next().unwrap_or(""),
            Some(top @ ("interop" | "xtask" | "fuzz")) => top,
            _ => "",
        }
    }
}

/// One broken rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, relative to the repository.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Fault {
    fn new(path: &str, line: usize, what: &str, remedy: &str) -> Fault {
        Fault { path: path.to_owned(), line, what: what.to_owned(), remedy: remedy.to_owned() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    {}", self.path, self.line, self.what, self.remedy)
    }
}

/// Checks the repository at `root`; prints every fault; fails if there is one.
pub fn run(root: &Path) -> Result<()> {
    let files = sources(root)?;
    let workspace = cargo::Workspace::ask(root)?;
    let mut faults = check_files(&files);
    faults.extend(check_workspace(&files, &workspace));
    faults.sort();
    faults.iter().for_each(|fault| println!("{fault}"));
    if !faults.is_empty() {
        bail!("tidy: {} to mend", faults.len());
    }
    println!("tidy: {} files, {} packages by others, nothing to mend", files.len(), workspace.packages.len());
    Ok(())
}

fn check_files(files: &[Source]) -> Vec<Fault> {
    let rust = || files.iter().filter(|file| file.path.ends_with(".rs"));
    let test_files: BTreeSet<String> = rust().flat_map(code::test_modules).collect();
    let mut faults: Vec<Fault> = rust().flat_map(|file| code::check(file, &test_files)).collect();
    faults.extend(files.iter().flat_map(text::check));
    faults.extend(migrations::check(files));
    faults.extend(code::engine_budget(files));
    faults.extend(files.iter().filter_map(lints));
    faults
}

fn check_workspace(files: &[Source], workspace: &cargo::Workspace) -> Vec<Fault> {
    let text_of = |path: &str| files.iter().find(|file| file.path == path).map_or("", |file| file.text.as_str());
    let ours: BTreeSet<String> = workspace.crates.iter().map(|one| one.name.clone()).collect();
    let mut faults = match arrows::Arrows::read(text_of(arrows::DOCUMENT), &ours) {
        Ok(arrows) => arrows.check(&workspace.crates),
        Err(faults) => faults,
    };
    match dependencies::Register::read(text_of(dependencies::REGISTER)) {
        Ok(register) => faults.extend(register.check(workspace, dependencies::locked(text_of("Cargo.lock")))),
        Err(fault) => faults.push(fault),
    }
    faults
}

/// Every crate takes the workspace's lints; `crashdisk`, which needs `unsafe`, writes its own.
fn lints(file: &Source) -> Option<Fault> {
    let is_crate = file.path.ends_with("/Cargo.toml") && !matches!(file.crate_name(), "" | "fuzz" | "crashdisk");
    let missing = is_crate && !file.text.contains("[lints]\nworkspace = true");
    missing.then(|| Fault::new(&file.path, 1, "a crate without our lints", "add `[lints]` with `workspace = true`"))
}

/// Every text file that git keeps or would keep, recordings left out.
fn sources(root: &Path) -> Result<Vec<Source>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
    let output = Command::new("git").args(arguments).current_dir(root).output().context("git ls-files")?;
    if !output.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let listed = String::from_utf8(output.stdout).context("a file name that is not UTF-8")?;
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    let ours = paths.filter(|path| !RECORDINGS.iter().any(|part| path.contains(part)));
    Ok(ours.filter_map(|path| read(root, path)).collect())
}

/// The file at `path`, if it is still there and is text of a sane size.
fn read(root: &Path, path: &str) -> Option<Source> {
    let bytes = std::fs::read(root.join(path)).ok()?;
    let text = (bytes.len() <= SOURCE_BYTES_MAX).then(|| String::from_utf8(bytes).ok()).flatten()?;
    Some(Source { path: path.to_owned(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_knows_its_crate() {
        let of = |path: &str| Source { path: path.into(), text: String::new() }.crate_name().to_owned();
        let paths = ["crates/post/src/lib.rs", "interop/src/lib.rs", "README.md", "docs/a.md"];
        assert_eq!(paths.map(of), ["post", "interop", "", ""]);
    }

    #[test]
    fn a_crate_without_our_lints_is_caught() {
        let fault = |path: &str, text: &str| lints(&Source { path: path.into(), text: text.into() }).is_some();
        assert!(fault("crates/post/Cargo.toml", "[package]\n"));
        assert!(!fault("crates/post/Cargo.toml", "[lints]\nworkspace = true\n"));
        assert!(!fault("Cargo.toml", "[workspace]\n"));
    }

    #[test]
    fn a_fault_says_where_what_and_what_to_do() {
        let fault = Fault::new("a.rs", 3, "`unsafe` outside crashdisk", "find the safe way");
        assert_eq!(fault.to_string(), "a.rs:3: `unsafe` outside crashdisk\n    find the safe way");
    }

    #[test]
    fn this_repository_is_read_whole() {
        let files = sources(&crate::root()).expect("the test runs in the repository");
        let has = |path: &str| files.iter().any(|file| file.path == path);
        assert!(["STYLE.md", "xtask/src/tidy.rs", "Cargo.lock", "clippy.toml"].into_iter().all(has));
    }
}
