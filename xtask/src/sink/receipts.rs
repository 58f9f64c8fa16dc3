//! Receipts: what the sink took and what it answered, one line each, written before the answer leaves.
//!
//! A line is `sum number connection outcome code bytes digest message-id from to…`, parted by tabs; the sum is the CRC-32 of
//! all that follows it. The file only grows, and numbers run from 1 without a gap, so a line that is damaged or gone is
//! found. Nothing is synced: the sink outlives what it judges, and only a power cut takes what `write` has taken.

use anyhow::{Context, Result, bail, ensure};
use std::fmt;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::str::FromStr;

/// What became of a message, or of an attempt to send one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Taken, and a positive answer went out.
    Accepted,
    /// Taken whole and kept, and the connection was cut instead of an answer. The sender cannot know.
    Kept,
    /// Taken whole and thrown away, and no answer went out. The sender cannot know.
    Lost,
    /// The connection was cut before the final dot.
    Cut,
    /// Refused for now.
    Deferred,
    /// Refused for good.
    Refused,
}

impl Outcome {
    const NAMES: [(Outcome, &str); 6] = [
        (Outcome::Accepted, "accepted"),
        (Outcome::Kept, "kept"),
        (Outcome::Lost, "lost"),
        (Outcome::Cut, "cut"),
        (Outcome::Deferred, "deferred"),
        (Outcome::Refused, "refused"),
    ];

    /// Whether the recipient has the message.
    pub fn holds(self) -> bool {
        matches!(self, Outcome::Accepted | Outcome::Kept)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Outcome::NAMES.iter().find(|(outcome, _)| outcome == self);
        f.write_str(named.expect("every outcome has a name").1)
    }
}

impl FromStr for Outcome {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Outcome> {
        let named = Outcome::NAMES.iter().find(|(_, known)| *known == name);
        Ok(named.with_context(|| format!("no outcome is called `{name}`"))?.0)
    }
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its place in the file, from 1.
    pub number: u64,
    /// The connection, from 1.
    pub connection: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// The reply code that went out, or 0 if none did.
    pub code: u16,
    /// The size of the message, in bytes, as far as it came.
    pub bytes: usize,
    /// The CRC-32 of the message without dot-stuffing; 0 if it did not come whole.
    pub digest: u32,
    /// The Message-ID with its angle brackets; empty if there is none.
    pub message_id: String,
    /// The reverse path.
    pub from: String,
    /// The recipients: those that were accepted, or the one that was not.
    pub to: Vec<String>,
}

impl Receipt {
    fn write_to(&self, line: &mut String) {
        line.clear();
        let Receipt { number, connection, outcome, code, bytes, digest, message_id, from, .. } = self;
        let head = "00000000"; // Room for the sum.
        write!(line, "{head}\t{number}\t{connection}\t{outcome}\t{code}\t{bytes}\t{digest:08x}\t{message_id}\t{from}")
            .and_then(|()| self.to.iter().try_for_each(|to| write!(line, "\t{to}")))
            .expect("writing to a String does not fail");
        let sum = crc32fast::hash(&line.as_bytes()[head.len() + 1..]);
        line.replace_range(..head.len(), &format!("{sum:08x}"));
        line.push('\n');
    }

    fn read(line: &str) -> Result<Receipt> {
        let (sum, rest) = line.split_once('\t').context("no fields")?;
        ensure!(u32::from_str_radix(sum, 16)? == crc32fast::hash(rest.as_bytes()), "its sum is wrong");
        let mut fields = rest.split('\t');
        let mut next = |name: &'static str| fields.next().with_context(|| format!("no {name}"));
        Ok(Receipt {
            number: next("number")?.parse()?,
            connection: next("connection")?.parse()?,
            outcome: next("outcome")?.parse()?,
            code: next("code")?.parse()?,
            bytes: next("bytes")?.parse()?,
            digest: u32::from_str_radix(next("digest")?, 16)?,
            message_id: next("message-id")?.to_owned(),
            from: next("from")?.to_owned(),
            to: fields.map(str::to_owned).collect(),
        })
    }
}

/// The file, open for more.
pub struct Log {
    file: File,
    kept: Option<File>,
    last: u64,
    line: String,
}

impl Log {
    /// Opens `path`, reads what stands there and goes on after it. Messages that the recipient has are also appended to
    /// `kept`, each behind a line with its receipt's number and its size in bytes.
    pub fn open(path: &Path, kept: Option<&Path>) -> Result<Log> {
        let last = if path.exists() { read(path)?.len() as u64 } else { 0 };
        let append = |path: &Path| {
            let file = File::options().create(true).append(true).open(path);
            file.with_context(|| path.display().to_string())
        };
        Ok(Log { file: append(path)?, kept: kept.map(append).transpose()?, last, line: String::new() })
    }

    /// Numbers `receipt` and writes it in one piece. When this returns, the system has it. `message` is for `kept`.
    pub fn write(&mut self, receipt: &mut Receipt, message: &[u8]) -> Result<()> {
        receipt.number = self.last + 1;
        if let Some(kept) = self.kept.as_mut().filter(|_| receipt.outcome.holds()) {
            kept.write_all(format!("{} {}\n", receipt.number, message.len()).as_bytes())?;
            kept.write_all(message)?;
        }
        receipt.write_to(&mut self.line);
        self.file.write_all(self.line.as_bytes())?;
        self.last = receipt.number;
        Ok(())
    }
}

/// Every receipt in the file, in order. Fails at the first that is damaged or missing, but for a last line that was being
/// written.
pub fn read(path: &Path) -> Result<Vec<Receipt>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let whole = &text[..text.rfind('\n').map_or(0, |at| at + 1)];
    let mut receipts = Vec::new();
    for (at, line) in whole.lines().enumerate() {
        let receipt = Receipt::read(line).with_context(|| format!("{}:{}", path.display(), at + 1))?;
        ensure!(receipt.number == at as u64 + 1, "{}:{}: a receipt is gone before this one", path.display(), at + 1);
        receipts.push(receipt);
    }
    Ok(receipts)
}

/// Every kept message with its receipt's number, in order.
pub fn read_kept(path: &Path) -> Result<Vec<(u64, Vec<u8>)>> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let mut rest = bytes.as_slice();
    let mut kept = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let head = std::str::from_utf8(&rest[..end])?;
        let (number, size) = head.split_once(' ').context("a kept message without its head")?;
        let (from, size) = (end + 1, size.parse::<usize>()?);
        let Some(message) = rest.get(from..from + size) else { bail!("kept message {number} is not whole") };
        kept.push((number.parse()?, message.to_owned()));
        rest = &rest[from + size..];
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(to: &str) -> Receipt {
        Receipt {
            number: 0,
            connection: 3,
            outcome: Outcome::Accepted,
            code: 250,
            bytes: 5,
            digest: crc32fast::hash(b"hello"),
            message_id: "<1@example.org>".into(),
            from: String::new(),
            to: vec![to.into()],
        }
    }

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = interop::target().join("receipts-test").join(name);
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn receipts_are_read_as_they_were_written_and_go_on_after_a_restart() {
        let folder = folder("restart");
        let (path, kept) = (folder.join("receipts"), folder.join("kept"));
        for to in ["a@example.org", "b@example.org"] {
            Log::open(&path, Some(&kept)).unwrap().write(&mut sample(to), b"hello").unwrap();
        }
        let read_back = read(&path).unwrap();
        let expected = |number, to: &str| Receipt { number, ..sample(to) };
        assert_eq!(read_back, [expected(1, "a@example.org"), expected(2, "b@example.org")]);
        assert_eq!(read_kept(&kept).unwrap(), [(1, b"hello".to_vec()), (2, b"hello".to_vec())]);
    }

    #[test]
    fn a_receipt_that_was_altered_or_taken_out_is_found() {
        let folder = folder("altered");
        let path = folder.join("receipts");
        let mut log = Log::open(&path, None).unwrap();
        (0..3).for_each(|_| log.write(&mut sample("a@example.org"), b"").unwrap());
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("a@example.org", "b@example.org", 1)).unwrap();
        assert!(format!("{:#}", read(&path).unwrap_err()).ends_with(":1: its sum is wrong"));
        let without: String =
            text.lines().filter(|line| !line.contains("\t2\t3")).map(|line| format!("{line}\n")).collect();
        fs::write(&path, without).unwrap();
        assert!(format!("{:#}", read(&path).unwrap_err()).contains(":2: a receipt is gone"));
        fs::write(&path, &text[..text.len() - 4]).unwrap();
        assert_eq!(read(&path).unwrap().len(), 2);
    }

    #[test]
    fn every_outcome_is_read_by_its_name() {
        assert!(Outcome::NAMES.iter().all(|(outcome, _)| outcome.to_string().parse::<Outcome>().unwrap() == *outcome));
        assert!("delivered".parse::<Outcome>().is_err());
    }
}
