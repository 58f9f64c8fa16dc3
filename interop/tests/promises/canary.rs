//! No address in the clear: a byte search over everything the newsroom leaves, which does find them all in the caught mail.

use crate::program::Running;
use interop::scratch::Scratch;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// How many addresses are planted.
const READERS: u32 = 500;

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found
}

/// Which of `needles` stand in `hay`. All of them share a prefix, so one pass finds the places to compare.
fn found_in(hay: &[u8], prefix: &[u8], needles: &BTreeSet<Vec<u8>>) -> BTreeSet<Vec<u8>> {
    let length = needles.first().map_or(0, Vec::len);
    let mut found = BTreeSet::new();
    let mut from = 0;
    while let Some(at) = hay[from..].windows(prefix.len()).position(|window| window == prefix) {
        let start = from + at;
        if let Some(candidate) = hay.get(start..start + length)
            && needles.contains(candidate)
        {
            found.insert(candidate.to_vec());
        }
        from = start + 1;
    }
    found
}

/// The local parts of the demo's readers, as plain text: `reader-00001` and so on. Whoever finds one has found a reader.
fn locals() -> BTreeSet<Vec<u8>> {
    let local = |address: &str| address.split('@').next().unwrap().as_bytes().to_vec();
    stage::readers::readers(READERS).map(|reader| local(&reader.address)).collect()
}

fn wide(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| [*byte, 0]).collect()
}

fn hexadecimal(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

fn search(folder: &Path) -> BTreeSet<Vec<u8>> {
    let plain = locals();
    let every = |spell: &dyn Fn(&[u8]) -> Vec<u8>| -> (Vec<u8>, BTreeSet<Vec<u8>>) {
        (spell(b"reader-"), plain.iter().map(|local| spell(local)).collect())
    };
    let spellings = [every(&|text| text.to_vec()), every(&wide), every(&hexadecimal)];
    let mut found = BTreeSet::new();
    for file in files_below(folder) {
        let bytes = fs::read(&file).unwrap_or_default();
        for (prefix, needles) in &spellings {
            found.extend(found_in(&bytes, prefix, needles));
        }
    }
    found
}

#[test]
fn no_address_lies_in_the_clear_in_database_journal_site_or_log() {
    let folder = Scratch::new("canary").unwrap();
    let data = folder.path().join("newsroom");
    let readers = READERS.to_string();
    let named = data.display().to_string();
    let mut running = Running::start(["demo", "--readers", &readers, "--listen", "127.0.0.1:0", "--data", &named]);
    running.told("The inbox:");
    // While it runs, the write-ahead log holds what the database does not hold yet.
    assert_eq!(search(&data), BTreeSet::new(), "an address lies in the clear while the newsroom is at work");
    let said = running.kill();
    assert_eq!(search(&data), BTreeSet::new(), "an address lies in the clear after the newsroom was killed");
    let told = [said.stdout.as_bytes(), said.stderr.as_bytes()].concat();
    assert_eq!(found_in(&told, b"reader-", &locals()), BTreeSet::new(), "an address was logged");
    // The control: the same search finds every one of them where mail lies as it was sent.
    assert_eq!(search(&folder.path().join("newsroom-mail")).len(), READERS as usize, "the search is blind");
}
