//! The canary: planted addresses, looked for byte by byte in everything that a newsroom leaves on a disk.
//!
//! The caught mail is the plain control: there the same search finds every one of them.

use crate::mails::{self, caught_bytes};
use crate::program::{Place, Running, command};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use interop::postgres;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Readers with planted addresses.
const READERS: u32 = 10_000;
/// A needle is found by these first bytes of it, and then compared whole.
const KEY_BYTES: usize = 8;

/// Everything that is looked for: each reader's name before the `@`, in every spelling. An address cannot be written down in
/// one of them without it.
struct Needles {
    /// Whole needles by their first bytes.
    by_key: BTreeMap<[u8; KEY_BYTES], Alike>,
    /// Which pairs of bytes any needle begins with: most places are passed over at once.
    begins: Vec<bool>,
}

/// Needles that begin alike.
#[derive(Default)]
struct Alike {
    lengths: BTreeSet<usize>,
    /// The reader's number.
    whole: BTreeMap<Vec<u8>, u32>,
}

/// `name` in every spelling that hides it from a plain search. Upper case is folded before the search where it means nothing.
fn spellings(name: &str) -> Vec<Vec<u8>> {
    let bytes = name.as_bytes();
    let mut all = vec![
        bytes.to_vec(),
        bytes.iter().flat_map(|byte| [*byte, 0]).collect(), // UTF-16LE
        bytes.iter().flat_map(|byte| [0, *byte]).collect(), // UTF-16BE
        bytes.iter().rev().copied().collect(),              // reversed, as some indexes keep names
        bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
        name.replace('-', "=2d").into_bytes(), // quoted-printable with every special sign written out
        name.replace('-', "%2d").into_bytes(), // percent-encoded likewise
        name.replace('-', "\\u002d").into_bytes(), // JSON likewise
    ];
    // Base64 spells the same bytes in three ways, by where they begin; the signs at the edges depend on the neighbours. The
    // one before is not known; the one behind is the `@`, without which the name's last bits would be lost.
    let end = format!("{name}@");
    for shift in 0..3_usize {
        let shifted = [&[0; 2][..shift], end.as_bytes()].concat();
        // A sign holds six bits: the first that is the name's alone, and the last.
        let (first, last) = ((8 * shift).div_ceil(6), 8 * shifted.len() / 6);
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            all.push(engine.encode(&shifted).as_bytes()[first..last].to_vec());
        }
    }
    all
}

impl Needles {
    fn of(readers: u32) -> Needles {
        let mut needles = Needles { by_key: BTreeMap::new(), begins: vec![false; 1 << 16] };
        for number in 1..=readers {
            let address = stage::readers::reader(number).address;
            let name = address.split('@').next().unwrap();
            for spelling in spellings(name).into_iter().collect::<BTreeSet<_>>() {
                needles.begins[usize::from(u16::from_be_bytes([spelling[0], spelling[1]]))] = true;
                let key = spelling[..KEY_BYTES].try_into().unwrap();
                let alike = needles.by_key.entry(key).or_default();
                alike.lengths.insert(spelling.len());
                alike.whole.insert(spelling, number);
            }
        }
        needles
    }

    /// The readers whose names stand in `bytes`, in any spelling.
    fn found_in(&self, bytes: &[u8]) -> BTreeSet<u32> {
        let folded = bytes.to_ascii_lowercase();
        // Base64 is not folded.
        let mut found = self.look(bytes);
        if folded != bytes {
            found.extend(self.look(&folded));
        }
        found
    }

    fn look(&self, bytes: &[u8]) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        for at in 0..bytes.len().saturating_sub(KEY_BYTES - 1) {
            if !self.begins[usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))] {
                continue;
            }
            let key: [u8; KEY_BYTES] = bytes[at..at + KEY_BYTES].try_into().unwrap();
            let Some(alike) = self.by_key.get(&key) else { continue };
            let pieces = alike.lengths.iter().filter_map(|length| bytes.get(at..at + length));
            found.extend(pieces.filter_map(|piece| alike.whole.get(piece)));
        }
        found
    }

    /// Asserts that no reader's name stands in any file below `folder`; how many bytes were searched.
    #[track_caller]
    fn absent_below(&self, folder: &Path) -> u64 {
        let mut searched = 0;
        for file in files_below(folder) {
            // A file of a running program may go between the look and the search.
            let Ok(bytes) = fs::read(&file) else { continue };
            searched += bytes.len() as u64;
            let found = self.found_in(&bytes);
            assert!(found.is_empty(), "{} readers stand in {}: {found:?}", found.len(), file.display());
            let name = file.to_string_lossy();
            assert!(self.found_in(name.as_bytes()).is_empty(), "a reader's name is the name of a file: {name}");
        }
        searched
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(files_below(&entry.path())),
            _ => files.push(entry.path()),
        }
    }
    files
}

/// The files that a process has open, those that have no name any more among them; its sockets and pipes are none.
fn open_files(process: u32) -> Vec<(PathBuf, PathBuf)> {
    let entries = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().filter_map(Result::ok);
    let leads = entries.filter_map(|entry| Some((entry.path(), fs::read_link(entry.path()).ok()?)));
    leads.filter(|(_, to)| to.starts_with("/") && !to.starts_with("/dev") && !to.starts_with("/proc")).collect()
}

#[test]
fn the_search_finds_a_name_in_every_spelling() {
    let needles = Needles::of(20);
    let name = stage::readers::reader(7).address;
    let quoted = name.replace('@', "=40").replace('-', "=2D");
    let utf16: Vec<u8> = name.bytes().flat_map(|byte| [byte, 0]).collect();
    let hex: String = name.bytes().map(|byte| format!("{byte:02X}")).collect();
    for plain in
        [name.clone().into_bytes(), name.to_uppercase().into_bytes(), quoted.into_bytes(), utf16, hex.into_bytes()]
    {
        assert_eq!(needles.found_in(&plain), [7].into(), "{}", String::from_utf8_lossy(&plain));
    }
    for before in ["", "a", "ab", "abc", "To: \"", "{\"to\":\""] {
        for encoded in
            [STANDARD_NO_PAD.encode(format!("{before}{name}\"")), URL_SAFE_NO_PAD.encode(format!("{before}{name}?>"))]
        {
            assert_eq!(needles.found_in(encoded.as_bytes()), [7].into(), "{before}: {encoded}");
        }
    }
    assert_eq!(needles.found_in(b"reader-0000 reader-99999@gullmail.example cmVhZGVy"), [].into());
}

/// Where one run of the demo is looked at.
struct Run<'n> {
    place: Place,
    temporary: PathBuf,
    needles: &'n Needles,
    searched: u64,
}

impl Run<'_> {
    /// Searches everything that the newsroom has on the disk now, and what it said so far.
    #[track_caller]
    fn is_clean(&mut self, said: &str) {
        assert_eq!(self.needles.found_in(said.as_bytes()), [].into(), "on standard output or error");
        self.searched += said.len() as u64;
        for folder in [&self.temporary, &self.place.data()] {
            self.searched += self.needles.absent_below(folder);
        }
    }

    /// Searches the files that a process has open and that no folder may show any more.
    #[track_caller]
    fn is_clean_within(&mut self, process: u32) {
        for (handle, file) in open_files(process).into_iter().filter(|(_, file)| !file.starts_with(self.place.mail())) {
            let bytes = fs::read(handle).unwrap_or_default();
            self.searched += bytes.len() as u64;
            assert_eq!(self.needles.found_in(&bytes), [].into(), "{} is open and holds readers", file.display());
        }
    }
}

#[test]
fn no_address_of_ten_thousand_stands_in_anything_a_newsroom_leaves_on_a_disk_and_each_has_its_mail() {
    let (place, needles) = (Place::new("canary"), Needles::of(READERS));
    let temporary = place.all().join("temporary");
    fs::create_dir(&temporary).unwrap();
    let mut command = command(place.arguments(&["demo", "--once", "--readers", &READERS.to_string()]));
    command.env("TMPDIR", &temporary).env("SQLITE_TMPDIR", &temporary).env("CORANTO_LOG", "debug");
    command.current_dir(&temporary);
    let mut demo = Running::spawn(command);
    let mut run = Run { place, temporary, needles: &needles, searched: 0 };
    let mail = run.place.mail();

    // In the middle of signing up: the journal is full of what no checkpoint has moved.
    demo.until("half of the letters", |_| (caught_bytes(&mail) > u64::from(READERS) * 5_000 / 2).then_some(()));
    assert!(fs::metadata(run.place.data().join("newsroom.db-wal")).unwrap().len() > 100_000, "the journal is full");
    run.is_clean_within(demo.id());
    run.is_clean(&demo.stderr());
    assert!(demo.is_alive(), "it was looked at while it worked");

    let said = demo.wait();
    run.is_clean(&format!("{}{}", said.stdout, said.stderr));
    assert!(run.searched > 50_000_000, "{} bytes are too few to mean anything", run.searched);

    let control = fs::read(mail.join("receipts.roll")).unwrap();
    assert_eq!(needles.found_in(&control).len(), READERS as usize, "the plain control holds every one of them");

    // The same run, held against what it promises of the mail itself.
    let told = said.done();
    let wanted = u64::from(READERS);
    assert_eq!(["accepted", "audience"].map(|name| told[name].as_u64()), [Some(wanted); 2], "{told}");
    let (mut names, mut letters, mut editions) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    mails::each_caught(&mail, |to, head| {
        assert_eq!(to.len(), 1, "{to:?}");
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        assert!(names.insert(field("Message-ID: ").expect("every mail has a name")), "two mails of one name");
        let kind = if field("Feedback-ID: ").is_some() { &mut editions } else { &mut letters };
        assert!(kind.insert(to[0].clone()), "{to:?} is mailed twice");
    });
    assert_eq!((letters.len(), editions.len()), (READERS as usize, READERS as usize));
}

#[test]
fn no_address_stands_in_the_files_of_a_postgresql_server() {
    let Some(server) = postgres::shared() else { return };
    let (place, needles) = (Place::new("canary-pg"), Needles::of(300));
    let database = server.database().unwrap();
    let said = place.run(&["demo", "--once", "--readers", "300", "--database", &database]);
    said.done();
    assert_eq!(needles.found_in(format!("{}{}", said.stdout, said.stderr).as_bytes()), [].into());
    let searched = needles.absent_below(&server.folder().join("data")) + needles.absent_below(&place.data());
    let log = fs::read(server.folder().join("log")).unwrap();
    assert_eq!(needles.found_in(&log), [].into(), "in the server's log");
    assert!(searched > 16_000_000, "{searched} bytes are too few: where is its journal?");
    let control = fs::read(place.mail().join("receipts.roll")).unwrap();
    assert_eq!(needles.found_in(&control).len(), 300);
}
