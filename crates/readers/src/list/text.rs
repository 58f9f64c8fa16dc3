//! The bytes of a list as UTF-8, and never more than one line's worth of them at once.
//!
//! What a list is written in shows in its first bytes: a byte order mark, or zeros where UTF-16 has them. Anything else
//! is passed on as it lies, and each field is read as UTF-8 or, where it is none, as Windows-1252. Nothing is guessed of
//! a file that is no text.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::Foreign;

/// So much of a file is looked at to learn what it is.
const HEAD_BYTES: usize = 64 * 1024;
/// A line of an export is some hundred bytes, a few thousand with notes; this is no line any more.
pub(super) const LINE_BYTES_MAX: u64 = 1024 * 1024;
/// What is decoded in one go.
const CHUNK_BYTES: usize = 16 * 1024;
/// Programs that write archives and spreadsheets begin their files so.
const OTHERS: [(&[u8], &str); 4] = [
    (b"PK\x03\x04", "an archive or a spreadsheet file"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet file"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a compressed file"),
];

/// The text of a file: its first part in view, and all of it to read.
pub(super) struct Text {
    /// The beginning, in UTF-8 or what passes for it.
    pub(super) head: Vec<u8>,
    rest: Box<dyn Read + Send>,
}

impl Text {
    /// Looks at the beginning of `file`.
    pub(super) fn open(mut file: Box<dyn Read + Send>) -> Result<Self, Foreign> {
        let raw = read_some(&mut file)?;
        if let Some((_, what)) = OTHERS.iter().find(|(mark, _)| raw.starts_with(mark)) {
            return Err(Foreign::NoText(what));
        }
        let all: Box<dyn Read + Send> = Box::new(Cursor::new(raw.clone()).chain(file));
        let (encoding, mark_bytes) = match Encoding::for_bom(&raw) {
            Some((encoding, bytes)) => (Some(encoding), bytes),
            None => (utf_16(&raw), 0),
        };
        let mut rest = match encoding.filter(|e| [UTF_16BE, UTF_16LE].contains(e)) {
            Some(encoding) => Box::new(Decoded::new(encoding, all)),
            None if raw.contains(&0) => return Err(Foreign::NoText("no text")),
            None => after(all, mark_bytes)?,
        };
        let head = read_some(&mut rest)?;
        Ok(Self { head, rest })
    }

    /// All of it after the first `skipped` bytes, under a `budget` that whoever reads must renew at each line.
    pub(super) fn from(self, skipped: usize, budget: &Budget) -> Limited {
        let mut head = Cursor::new(self.head);
        head.set_position(skipped as u64);
        Limited { inner: Box::new(head.chain(self.rest)), budget: budget.clone(), last: b'\n', over: false }
    }
}

fn after(mut all: Box<dyn Read + Send>, bytes: usize) -> Result<Box<dyn Read + Send>, Foreign> {
    let mut mark = [0; 4];
    all.read_exact(&mut mark[..bytes])?;
    Ok(all)
}

fn read_some(file: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// UTF-16 without its mark: text of most languages then has its zeros on one side.
fn utf_16(raw: &[u8]) -> Option<&'static Encoding> {
    let zeros = |side: usize| raw.iter().skip(side).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), raw.len() / 2);
    match (even * 10, odd * 10) {
        (even, odd) if odd > half * 4 && even < half => Some(UTF_16LE),
        (even, odd) if even > half * 4 && odd < half => Some(UTF_16BE),
        _ => None,
    }
}

/// A field as text: UTF-8, or what an older spreadsheet meant.
pub(super) fn words(field: &[u8]) -> String {
    match str::from_utf8(field) {
        Ok(text) => text.to_owned(),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(field).0.into_owned(),
    }
}

/// How many bytes may still be read before the next line must begin, and whether the file has been read to its end.
#[derive(Clone)]
pub(super) struct Budget(Arc<(AtomicU64, AtomicBool)>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Arc::new((AtomicU64::new(LINE_BYTES_MAX), AtomicBool::new(false))))
    }

    fn left(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }

    fn set(&self, left: u64) {
        self.0.0.store(left, Ordering::Relaxed);
    }

    /// Whether whoever reads was told that there is no more.
    pub(super) fn ended(&self) -> bool {
        self.0.1.load(Ordering::Relaxed)
    }

    /// A line came to its end.
    pub(super) fn renew(&self) {
        self.set(LINE_BYTES_MAX);
    }

    /// Whether a line was longer than any.
    pub(super) fn spent(&self) -> bool {
        self.left() == 0
    }
}

/// A reader that stops where a line is longer than any line, and ends every line in one way: so that lines can be counted.
pub(super) struct Limited {
    inner: Box<dyn Read + Send>,
    budget: Budget,
    last: u8,
    over: bool,
}

impl Read for Limited {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.budget.left();
        if left == 0 {
            return Err(io::Error::other("a line without an end"));
        }
        let want = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        while want > 0 && !self.over {
            let read = self.inner.read(&mut out[..want])?;
            self.budget.set(left.saturating_sub(read as u64));
            if read == 0 {
                self.over = true;
                // The last line ends as the others do.
                out[0] = b'\n';
                if self.last != b'\n' && self.last != b'\r' {
                    return Ok(1);
                }
                break;
            }
            let kept = self.one_line_end(&mut out[..read]);
            if kept > 0 {
                return Ok(kept);
            }
        }
        self.budget.0.1.store(true, Ordering::Relaxed);
        Ok(0)
    }
}

impl Limited {
    /// A line feed for a carriage return, and nothing for the line feed after it. Gives how many bytes are left.
    fn one_line_end(&mut self, bytes: &mut [u8]) -> usize {
        let mut kept = 0;
        for at in 0..bytes.len() {
            let byte = bytes[at];
            if !(byte == b'\n' && self.last == b'\r') {
                bytes[kept] = if byte == b'\r' { b'\n' } else { byte };
                kept += 1;
            }
            self.last = byte;
        }
        kept
    }
}

/// UTF-16 as UTF-8. What is no character becomes U+FFFD, which no address holds.
struct Decoded {
    from: Box<dyn Read + Send>,
    decoder: Decoder,
    raw: Vec<u8>,
    ready: Vec<u8>,
    given: usize,
    over: bool,
}

impl Decoded {
    fn new(encoding: &'static Encoding, from: Box<dyn Read + Send>) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        Self { from, decoder, raw: Vec::new(), ready: Vec::new(), given: 0, over: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        let mut chunk = [0; CHUNK_BYTES];
        let read = self.from.read(&mut chunk)?;
        self.over = read == 0;
        self.raw.extend_from_slice(&chunk[..read]);
        // Three bytes of UTF-8 for two of UTF-16, and room for what was held back.
        self.ready.resize(2 * self.raw.len() + 16, 0);
        let (result, taken, written, _) = self.decoder.decode_to_utf8(&self.raw, &mut self.ready, self.over);
        assert!(result == CoderResult::InputEmpty, "the room was reckoned for all of it");
        self.raw.drain(..taken);
        self.ready.truncate(written);
        self.given = 0;
        Ok(())
    }
}

impl Read for Decoded {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() && !self.over {
            self.refill()?;
        }
        let some = (self.ready.len() - self.given).min(out.len());
        out[..some].copy_from_slice(&self.ready[self.given..self.given + some]);
        self.given += some;
        Ok(some)
    }
}
