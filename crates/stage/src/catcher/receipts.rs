//! The roll of receipts: one file, only ever appended to, each receipt framed and checksummed.
//!
//! A frame is `CORR`, the length of what follows the checksum (u32, big-endian), its CRC-32C (u32), and then: the time (i64
//! milliseconds), the reverse path, the number of recipients and each of them (each text as u16 length and bytes), and the
//! message to the end of the frame.

use crate::opened;
use mail::smtp::server::Received;
use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, Read, Write},
    os::unix::fs::FileExt,
    path::Path,
};

/// The file's name in the catcher's folder.
const FILE: &str = "receipts.roll";
/// What every frame begins with.
const MAGIC: [u8; 4] = *b"CORR";
/// Magic, length and checksum.
const HEAD_BYTES: usize = 12;
/// A frame longer than this was not written here: a message has at most 10 MiB and a hundred recipients.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What the catcher knows of a message without opening it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// When its final dot came, in UTC milliseconds.
    pub at: i64,
    /// The reverse path, without brackets; empty for the null path.
    pub from: String,
    /// The recipients in the envelope. A newsroom's copies have exactly one.
    pub to: Vec<String>,
    /// Its `Message-ID`, without brackets; empty when it has none.
    pub message_id: String,
    /// Its subject, decoded.
    pub subject: String,
    /// Its length, in octets.
    pub bytes: u64,
    /// Where it begins in the file.
    start: u64,
}

/// A receipt in the middle of the file is not what was written.
#[derive(Debug)]
pub struct DamagedReceipts {
    /// Where its frame begins, in octets from the beginning of the file.
    pub at_byte: u64,
}

impl std::fmt::Display for DamagedReceipts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the receipts are damaged at byte {}: begin the demo in a new folder", self.at_byte)
    }
}

impl std::error::Error for DamagedReceipts {}

/// The file.
pub(super) struct Roll {
    file: File,
    end: u64,
}

impl Roll {
    /// Opens or begins the roll in `folder` and reads every receipt.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Vec<Receipt>)> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let (receipts, end) = read_all(&file)?;
        // What follows the last whole receipt was being written when the process died.
        file.set_len(end)?;
        Ok((Self { file, end }, receipts))
    }

    /// Writes one receipt down. When it cannot be written whole, nothing of it stays.
    pub(super) fn append(&mut self, at: i64, envelope: &Received, message: &[u8]) -> io::Result<Receipt> {
        let head = frame_head(at, envelope, message)?;
        let written = self.file.write_all(&head).and_then(|()| self.file.write_all(message));
        if let Err(error) = written {
            self.file.set_len(self.end)?;
            return Err(error);
        }
        let start = self.end + head.len() as u64;
        self.end = start + message.len() as u64;
        Ok(receipt(at, envelope.from.clone(), envelope.to.clone(), message, start))
    }

    /// The message of `receipt`.
    pub(super) fn message(&self, receipt: &Receipt) -> io::Result<Vec<u8>> {
        let length = usize::try_from(receipt.bytes).expect("a message that was in memory fits in memory");
        let mut message = vec![0; length];
        self.file.read_exact_at(&mut message, receipt.start)?;
        Ok(message)
    }
}

fn receipt(at: i64, from: String, to: Vec<String>, message: &[u8], start: u64) -> Receipt {
    let headers = opened::Headers::of(message);
    let id = headers.get("Message-ID").unwrap_or_default();
    let message_id = id.trim().trim_start_matches('<').trim_end_matches('>').to_owned();
    let subject = headers.text("Subject").unwrap_or_default();
    Receipt { at, from, to, message_id, subject, bytes: message.len() as u64, start }
}

/// Everything of a frame but the message.
fn frame_head(at: i64, envelope: &Received, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = at.to_be_bytes().to_vec();
    put_text(&mut body, &envelope.from)?;
    put_length(&mut body, envelope.to.len())?;
    for to in &envelope.to {
        put_text(&mut body, to)?;
    }
    let length = body.len() + message.len();
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a message longer than the catcher takes"));
    }
    let mut head = MAGIC.to_vec();
    head.extend(u32::try_from(length).expect("a frame is shorter than 16 MiB").to_be_bytes());
    head.extend(crc32c(crc32c(0, &body), message).to_be_bytes());
    head.extend(body);
    Ok(head)
}

fn put_length(out: &mut Vec<u8>, length: usize) -> io::Result<()> {
    let length = u16::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    out.extend(length.to_be_bytes());
    Ok(())
}

fn put_text(out: &mut Vec<u8>, text: &str) -> io::Result<()> {
    put_length(out, text.len())?;
    out.extend(text.bytes());
    Ok(())
}

/// Every whole receipt, and where the last one ends.
fn read_all(file: &File) -> io::Result<(Vec<Receipt>, u64)> {
    let length = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let (mut receipts, mut at) = (Vec::new(), 0);
    while let Some(frame) = next_frame(&mut reader, at, length)? {
        receipts.push(frame.0);
        at = frame.1;
    }
    Ok((receipts, at))
}

/// The frame that begins at `at` and where it ends; `None` when the file ends in the middle of it.
fn next_frame(reader: &mut impl Read, at: u64, file_bytes: u64) -> io::Result<Option<(Receipt, u64)>> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, DamagedReceipts { at_byte: at });
    let left = file_bytes.saturating_sub(at);
    if left < HEAD_BYTES as u64 {
        return Ok(None);
    }
    let mut head = [0; HEAD_BYTES];
    reader.read_exact(&mut head)?;
    let number = |from: usize| u32::from_be_bytes(head[from..from + 4].try_into().expect("four bytes are four bytes"));
    let length = number(4) as usize;
    if head[..4] != MAGIC || length > FRAME_BYTES_MAX {
        return Err(damaged());
    }
    let end = at + HEAD_BYTES as u64 + length as u64;
    if end > file_bytes {
        return Ok(None);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if crc32c(0, &body) != number(8) {
        return Err(damaged());
    }
    let receipt = parse(&body, at + HEAD_BYTES as u64).ok_or_else(damaged)?;
    Ok(Some((receipt, end)))
}

/// What [`frame_head`] wrote.
fn parse(body: &[u8], body_start: u64) -> Option<Receipt> {
    let (at, mut rest) = body.split_first_chunk::<8>()?;
    let from = take_text(&mut rest)?;
    let count = take_length(&mut rest)?;
    let to = (0..count).map(|_| take_text(&mut rest)).collect::<Option<Vec<_>>>()?;
    let start = body_start + (body.len() - rest.len()) as u64;
    Some(receipt(i64::from_be_bytes(*at), from, to, rest, start))
}

fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let (length, after) = rest.split_first_chunk::<2>()?;
    *rest = after;
    Some(usize::from(u16::from_be_bytes(*length)))
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let length = take_length(rest)?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    String::from_utf8(text.to_vec()).ok()
}

/// CRC-32C (Castagnoli, reflected), carried on from `crc`: found by one table.
fn crc32c(crc: u32, bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| TABLE[usize::from((crc as u8) ^ byte)] ^ (crc >> 8);
    !bytes.iter().fold(!crc, step)
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut crc = n as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_books() {
        // RFC 3720 appendix B.4.
        assert_eq!(crc32c(0, b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(0, &[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(crc32c(0, b"1234"), b"56789"), 0xe306_9283);
    }
}
