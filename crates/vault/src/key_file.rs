//! The key file: the key ring as text, on disk, for its owner's eyes only.
//!
//! ```text
//! coranto keys 1
//! # comments
//! address 1 <base64 of 32 bytes>
//! …
//! dkim coranto-2026a <base64 of PKCS#8>
//! sum <hexadecimal SHA-256 of all lines before>
//! ```
//!
//! It is written whole beside its place, mode 0600 from its first byte, flushed, and moved there in one step: a loss of
//! power leaves the old file or the new one. A first file never replaces another, and a later one never lacks a key of
//! the one it replaces: a lost key is a lost list. A file that others may read is refused, and so is one whose sum is
//! wrong, before a single key is used.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use seal::{KEY_BYTES, Secret};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    KeyRing,
    key_ring::{Keys, is_selector},
};

/// Far above any real ring (a hundred RSA keys are 240 kB), far below what would hurt to read.
pub const KEY_FILE_BYTES_MAX: usize = 512 * 1024;
const FIRST_WORDS: &str = "coranto keys ";
const VERSION: &str = "1";
const COMMENT: &str = "\
# Whoever reads this file can read the address of every reader.
# Without it nobody can, and the list is lost: keep a copy in a safe place, apart from the backups of the database.
";
/// Owner only.
const MODE: u32 = 0o600;
const OTHERS: u32 = 0o077;

/// Why a key file was not read or written. Each message stands on its own; none holds a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileFault {
    /// Nothing at the path.
    #[error("there is no key file at {}", .0.display())]
    Missing(PathBuf),
    /// Its group or everybody may read or write it.
    #[error("the key file {} can be opened by others on this machine (mode {mode:03o}); run: chmod 600 {}", .path.display(), .path.display())]
    OpenToOthers {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Damaged, cut short, or no key file at all.
    #[error("the key file {} is damaged: {why}; put back the copy you keep", .path.display())]
    Garbled {
        /// Which file.
        path: PathBuf,
        /// In what way.
        why: &'static str,
    },
    /// Written by a newer Coranto.
    #[error("the key file {} was written by a newer version of Coranto", .0.display())]
    Newer(PathBuf),
    /// A first key file was to be written where there is one.
    #[error("there is a key file at {} already; it was left as it is", .0.display())]
    AlreadyThere(PathBuf),
    /// The new ring lacks a key of the file it was to replace.
    #[error("the key file {} holds the key {kind} {name}, which would be lost; it was left as it is", .path.display())]
    WouldLose {
        /// Which file.
        path: PathBuf,
        /// The key's kind.
        kind: &'static str,
        /// Its kid or selector.
        name: String,
    },
    /// The disk said no.
    #[error("the key file {} could not be read or written: {source}", .path.display())]
    Disk {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl KeyRing {
    /// Reads the ring at `path`.
    ///
    /// # Errors
    /// [`KeyFileFault`]: nothing there, open to others, damaged, newer, or the disk's fault.
    pub fn load(path: &Path) -> Result<Self, KeyFileFault> {
        let disk = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => KeyFileFault::Missing(path.to_owned()),
            _ => KeyFileFault::Disk { path: path.to_owned(), source },
        };
        let file = File::open(path).map_err(disk)?;
        // Asked of the open file, not of the path, so that nobody can change it in between.
        let mode = file.metadata().map_err(disk)?.permissions().mode() & 0o777;
        if mode & OTHERS != 0 {
            return Err(KeyFileFault::OpenToOthers { path: path.to_owned(), mode });
        }
        // Reserved at once: a buffer that grows leaves copies of the keys behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_FILE_BYTES_MAX + 1));
        file.take(KEY_FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(disk)?;
        parse(&bytes).map_err(|fault| fault.at(path))
    }

    /// The ring as the text of a key file, for a place that seals it.
    pub fn to_secret_text(&self) -> Secret<String> {
        Secret::new(self.to_text().to_string())
    }

    /// The ring in the text of a key file.
    ///
    /// # Errors
    /// [`KeyFileFault::Garbled`] or [`KeyFileFault::Newer`], of a file called `name`.
    pub fn from_secret_text(text: &Secret<String>, name: &Path) -> Result<Self, KeyFileFault> {
        parse(text.expose().as_bytes()).map_err(|fault| fault.at(name))
    }

    /// Writes a first key file. What is at `path` already stays.
    ///
    /// # Errors
    /// [`KeyFileFault::AlreadyThere`], or the disk's fault.
    pub fn create(&self, path: &Path) -> Result<(), KeyFileFault> {
        let beside = self.write_beside(path)?;
        // A hard link fails where something is; a rename would replace it.
        let linked = fs::hard_link(&beside, path);
        let removed = fs::remove_file(&beside);
        linked.and(removed).and_then(|()| flush_folder(path)).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => KeyFileFault::AlreadyThere(path.to_owned()),
            _ => KeyFileFault::Disk { path: path.to_owned(), source },
        })
    }

    /// Writes the ring over the key file at `path`, after a rotation or a new DKIM key.
    ///
    /// # Errors
    /// [`KeyFileFault::WouldLose`] when the file holds a key that this ring lacks; whatever [`KeyRing::load`] says of
    /// the old file; the disk's fault. In each case the old file is whole.
    pub fn replace(&self, path: &Path) -> Result<(), KeyFileFault> {
        let old = Self::load(path)?;
        let new = self.every();
        if let Some((kind, name, _)) = old.every().into_iter().find(|key| !new.contains(key)) {
            return Err(KeyFileFault::WouldLose { path: path.to_owned(), kind, name });
        }
        let beside = self.write_beside(path)?;
        fs::rename(&beside, path)
            .and_then(|()| flush_folder(path))
            .map_err(|source| KeyFileFault::Disk { path: path.to_owned(), source })
    }

    /// Writes and flushes the whole text to a new file of this process in the same folder.
    fn write_beside(&self, path: &Path) -> Result<PathBuf, KeyFileFault> {
        let disk = |source| KeyFileFault::Disk { path: path.to_owned(), source };
        let name = path.file_name().ok_or_else(|| disk(io::ErrorKind::InvalidInput.into()))?;
        let beside = path.with_file_name(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
        // Left by a process of the same number that lost power: its keys sealed nothing.
        if let Err(fault) = fs::remove_file(&beside)
            && fault.kind() != io::ErrorKind::NotFound
        {
            return Err(disk(fault));
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&beside).map_err(disk)?;
        let written = file.write_all(self.to_text().as_bytes()).and_then(|()| file.sync_all());
        if let Err(fault) = written {
            let _unread = fs::remove_file(&beside);
            return Err(disk(fault));
        }
        Ok(beside)
    }

    fn to_text(&self) -> Zeroizing<String> {
        let every = self.every();
        let room = every.iter().map(|(_, name, key)| 32 + name.len() + key.len() * 3 / 2).sum::<usize>() + 1024;
        let mut text = Zeroizing::new(String::with_capacity(room));
        text.push_str(FIRST_WORDS);
        text.push_str(VERSION);
        text.push('\n');
        text.push_str(COMMENT);
        for (kind, name, key) in every {
            for word in [kind, " ", &name, " "] {
                text.push_str(word);
            }
            STANDARD.encode_string(key, &mut text);
            text.push('\n');
        }
        let sum = sum_of(&text);
        text.push_str(&sum);
        text
    }
}

/// The last line, over all lines before it.
fn sum_of(lines: &str) -> String {
    let hex: String = Sha256::digest(lines).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sum {hex}\n")
}

/// A new name is durable once its folder is flushed.
fn flush_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[derive(Debug, PartialEq)]
enum Bad {
    Garbled(&'static str),
    Newer,
}

impl Bad {
    fn at(self, path: &Path) -> KeyFileFault {
        match self {
            Self::Garbled(why) => KeyFileFault::Garbled { path: path.to_owned(), why },
            Self::Newer => KeyFileFault::Newer(path.to_owned()),
        }
    }
}

fn parse(bytes: &[u8]) -> Result<KeyRing, Bad> {
    if bytes.len() > KEY_FILE_BYTES_MAX {
        return Err(Bad::Garbled("it is longer than any key file"));
    }
    let text = str::from_utf8(bytes).map_err(|_| Bad::Garbled("it is not text"))?;
    let (first, rest) = text.split_once('\n').ok_or(Bad::Garbled("it has no lines"))?;
    let version = first.strip_prefix(FIRST_WORDS).ok_or(Bad::Garbled("it does not begin as a key file does"))?;
    if version != VERSION {
        return Err(if version.parse::<u32>().is_ok() { Bad::Newer } else { Bad::Garbled("it has no version") });
    }
    let sum_at = text.rfind("\nsum ").ok_or(Bad::Garbled("its last line is missing"))? + 1;
    if text[sum_at..] != sum_of(&text[..sum_at]) {
        return Err(Bad::Garbled("its sum is wrong"));
    }
    let mut ring = Unsorted::default();
    let lines = rest[..sum_at - first.len() - 1].lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        ring.take(line)?;
    }
    ring.sorted()
}

/// A ring while its lines come in.
#[derive(Default)]
struct Unsorted {
    address: Keys,
    index: Keys,
    inbox: Keys,
    token: Keys,
    post: Keys,
    setting: Keys,
    dkim: std::collections::BTreeMap<String, Secret<Vec<u8>>>,
}

impl Unsorted {
    fn take(&mut self, line: &str) -> Result<(), Bad> {
        let mut words = line.split(' ');
        let (Some(kind), Some(name), Some(coded), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Bad::Garbled("a line is not kind, name and key"));
        };
        let key = Secret::new(STANDARD.decode(coded).map_err(|_| Bad::Garbled("a key is not base64"))?);
        let keys = match kind {
            "address" => &mut self.address,
            "index" => &mut self.index,
            "inbox" => &mut self.inbox,
            "token" => &mut self.token,
            "post" => &mut self.post,
            "setting" => &mut self.setting,
            "dkim" => return self.take_dkim(name, key),
            _ => return Err(Bad::Garbled("it holds a kind of key that this version does not know")),
        };
        let kid =
            name.parse().ok().filter(|kid| *kid > 0 && *kid < i64::MAX).ok_or(Bad::Garbled("a key has no number"))?;
        let key: [u8; KEY_BYTES] =
            key.expose().as_slice().try_into().map_err(|_| Bad::Garbled("a key has not 32 bytes"))?;
        match keys.insert(kid, Secret::new(key)) {
            None => Ok(()),
            Some(_) => Err(Bad::Garbled("a key stands there twice")),
        }
    }

    fn take_dkim(&mut self, selector: &str, key: Secret<Vec<u8>>) -> Result<(), Bad> {
        if !is_selector(selector) {
            return Err(Bad::Garbled("a DKIM key has no selector"));
        }
        match self.dkim.insert(selector.to_owned(), key) {
            None => Ok(()),
            Some(_) => Err(Bad::Garbled("a DKIM key stands there twice")),
        }
    }

    fn sorted(mut self) -> Result<KeyRing, Bad> {
        let missing = Bad::Garbled("a kind of key is missing");
        let some = [&self.address, &self.inbox, &self.token, &self.setting].iter().all(|keys| !keys.is_empty());
        let (Some(index), Some(post), true) = (self.index.remove(&1), self.post.remove(&1), some) else {
            return Err(missing);
        };
        if !self.index.is_empty() || !self.post.is_empty() {
            return Err(Bad::Garbled("it holds a second key of a kind that has one"));
        }
        let Self { address, inbox, token, setting, dkim, .. } = self;
        Ok(KeyRing { address, index, inbox, token, post, setting, dkim })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ring() -> KeyRing {
        let mut count = 0u8;
        let mut dice = |bytes: &mut [u8]| {
            count += 1;
            bytes.fill(count);
        };
        let mut ring = KeyRing::generate(&mut dice);
        ring.rotate_address(&mut dice);
        ring.add_dkim("coranto-2026a", Secret::new(vec![9; 1200])).unwrap();
        ring
    }

    #[test]
    fn a_file_cut_short_anywhere_or_changed_in_any_byte_is_refused() {
        let whole = ring().to_text();
        for length in 0..whole.len() {
            assert!(parse(&whole.as_bytes()[..length]).is_err(), "cut to {length} bytes");
        }
        for at in 0..whole.len() {
            let mut changed = whole.as_bytes().to_vec();
            changed[at] ^= 1;
            assert!(parse(&changed).is_err(), "byte {at}");
        }
        let longer = format!("{}\n", *whole);
        assert!(parse(longer.as_bytes()).is_err());
    }

    #[test]
    fn wrong_texts_are_refused_with_their_reason() {
        let with_sum = |lines: &str| format!("{lines}{}", sum_of(lines));
        let check = |text: &str| match parse(text.as_bytes()) {
            Err(Bad::Garbled(why)) => why.to_owned(),
            other => format!("{other:?}"),
        };
        let whole = ring().to_text();
        let body = &whole[..whole.rfind("sum ").unwrap()];
        assert_eq!(check(""), "it has no lines");
        assert_eq!(check("-----BEGIN PRIVATE KEY-----\n"), "it does not begin as a key file does");
        assert_eq!(check("coranto keys 2\n"), "Err(Newer)");
        assert_eq!(check(&with_sum("coranto keys 1\n")), "a kind of key is missing");
        let lines = |extra: &str| with_sum(&format!("{body}{extra}\n"));
        let key = STANDARD.encode([1; 32]);
        assert_eq!(check(&lines(&format!("address 1 {key}"))), "a key stands there twice");
        assert_eq!(check(&lines(&format!("address 0 {key}"))), "a key has no number");
        assert_eq!(check(&lines(&format!("index 2 {key}"))), "it holds a second key of a kind that has one");
        assert_eq!(check(&lines("token 2 AAAA")), "a key has not 32 bytes");
        assert_eq!(check(&lines("token 2 ????")), "a key is not base64");
        assert_eq!(check(&lines("token 2")), "a line is not kind, name and key");
        assert_eq!(check(&lines(&format!("dkim -a {key}"))), "a DKIM key has no selector");
        assert_eq!(check(&lines(&format!("spare 1 {key}"))), "it holds a kind of key that this version does not know");
        assert_eq!(check(&"a".repeat(KEY_FILE_BYTES_MAX + 1)), "it is longer than any key file");
    }

    #[test]
    fn debug_and_faults_print_no_key() {
        let shown = format!("{:?}", ring());
        assert_eq!(
            shown,
            r#"KeyRing { address: [1, 2], inbox: [1], token: [1], setting: [1], dkim: ["coranto-2026a"], .. }"#
        );
    }

    proptest! {
        #[test]
        fn any_ring_comes_back_from_its_text(seed: u64, rotations in 0..5, pkcs8 in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut state = seed;
            let mut dice = |bytes: &mut [u8]| for byte in bytes {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = (state >> 56) as u8;
            };
            let mut ring = KeyRing::generate(&mut dice);
            for _ in 0..rotations {
                ring.rotate_address(&mut dice);
                ring.rotate_inbox(&mut dice);
                ring.rotate_setting(&mut dice);
            }
            ring.add_dkim("s1", Secret::new(pkcs8)).unwrap();
            let back = parse(ring.to_text().as_bytes()).unwrap();
            prop_assert_eq!(back.every(), ring.every());
        }

        #[test]
        fn no_text_of_a_stranger_harms(text in ".{0,200}") {
            prop_assert!(parse(text.as_bytes()).is_err());
            let dressed = format!("coranto keys 1\n{text}\nsum 00\n");
            prop_assert!(parse(dressed.as_bytes()).is_err());
        }
    }
}
