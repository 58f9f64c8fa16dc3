//! A migration is forever: once its sum is listed in CHECKSUMS, its text does not change.
//!
//! A database somewhere has already run it. What it left undone is the next migration's work.

use super::{Fault, Source};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Where the migrations lie.
pub const FOLDER: &str = "crates/store/migrations/";
/// The list of sums, in the format of `sha256sum`.
pub const LIST: &str = "crates/store/migrations/CHECKSUMS";

/// Compares the migrations among `files` with the list.
pub fn check(files: &[Source]) -> Vec<Fault> {
    let listed = files.iter().find(|file| file.path == LIST).map(|file| read_list(&file.text)).unwrap_or_default();
    let migrations = files.iter().filter(|file| file.path.starts_with(FOLDER) && file.path.ends_with(".sql"));
    let found: BTreeMap<&str, String> = migrations.map(|file| (&file.path[FOLDER.len()..], sum(&file.text))).collect();
    let mut faults = Vec::new();
    for (name, (line, listed)) in &listed {
        match found.get(name) {
            Some(found) if found == listed => {}
            Some(_) => {
                faults.push(Fault::new(LIST, *line, &format!("`{name}` was edited"), "put it back and add a migration"))
            }
            None => {
                faults.push(Fault::new(LIST, *line, &format!("`{name}` is gone"), "put it back: old databases need it"))
            }
        }
    }
    for (name, sum) in found.iter().filter(|(name, _)| !listed.contains_key(*name)) {
        let remedy = format!("when its text is final, add this line to {LIST}: {sum}  {name}");
        faults.push(Fault::new(&format!("{FOLDER}{name}"), 1, "a migration without its sum", &remedy));
    }
    faults
}

/// Name to the line it stands on and its sum.
fn read_list(text: &str) -> BTreeMap<&str, (usize, &str)> {
    let lines = text.lines().enumerate().filter_map(|(at, line)| Some((at + 1, line.split_once("  ")?)));
    lines.map(|(line, (sum, name))| (name, (line, sum))).collect()
}

fn sum(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a String does not fail");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 'CREATE TABLE a (b BIGINT);\n' | sha256sum`
    const FOUNDING: &str = "CREATE TABLE a (b BIGINT);\n";

    fn faults_with(migrations: &[(&str, &str)], list: &str) -> Vec<String> {
        let source = |name: &str, text: &str| Source { path: format!("{FOLDER}{name}"), text: text.to_owned() };
        let mut files: Vec<Source> = migrations.iter().map(|(name, text)| source(name, text)).collect();
        files.push(source("CHECKSUMS", list));
        check(&files).into_iter().map(|fault| fault.what).collect()
    }

    #[test]
    fn a_listed_migration_may_not_change_or_go() {
        let list = format!("{}  0001_founding.sql\n", sum(FOUNDING));
        assert_eq!(faults_with(&[("0001_founding.sql", FOUNDING)], &list), [""; 0]);
        assert_eq!(faults_with(&[("0001_founding.sql", "edited")], &list), ["`0001_founding.sql` was edited"]);
        assert_eq!(faults_with(&[], &list), ["`0001_founding.sql` is gone"]);
    }

    #[test]
    fn a_migration_that_is_not_listed_is_caught() {
        assert_eq!(faults_with(&[("0001_founding.sql", FOUNDING)], ""), ["a migration without its sum"]);
    }

    #[test]
    fn the_sum_is_what_sha256sum_prints() {
        assert_eq!(sum("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
