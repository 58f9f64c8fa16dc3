//! The stored form of a shared body: what a cohort's row keeps, so that a retry is byte-identical across upgrades.
//!
//! All octets that go over the wire are in it, none are derived again. What comes back is not trusted: it is bounded,
//! checksummed, and checked as a message before it is used.

use aws_lc_rs::digest::{SHA256, digest};

use super::{Encoding, Piece, SLOTS_MAX, SharedBody, Tail, is_slot_name};
use crate::headers::HeaderBlock;

/// The first octet. A new form gets a new number, and old ones are read for as long as a departure can wait.
const VERSION: u8 = 1;
/// Enough of a SHA-256 to notice a damaged row; no defence against an author of rows.
const CHECKSUM_BYTES: usize = 8;
/// Two parts of the longest text in base64, their tails, and room.
const STORED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A tail of 16 KiB holds 3,276 slots at most, with a literal between each two.
const PIECES_MAX: usize = 8_192;
const CONTENT_FIELDS: [&str; 3] = ["MIME-Version", "Content-Type", "Content-Transfer-Encoding"];

/// Why stored octets are no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoredFault {
    /// Written by a version that this one does not read.
    #[error("a stored body of version {0}")]
    Version(u8),
    /// Not what was stored, or not by us.
    #[error("a damaged stored body")]
    Damaged,
}

impl SharedBody {
    /// The octets to store.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        for (_, value) in &self.content {
            push(&mut out, value.as_bytes());
        }
        out.push(octet(self.slots.len()));
        for slot in &self.slots {
            push(&mut out, slot.as_bytes());
        }
        out.push(octet(self.tails.len()));
        for tail in &self.tails {
            out.push(match tail.encoding {
                Encoding::Quoted => 0,
                Encoding::Base64 => 1,
            });
            out.extend_from_slice(&length(tail.pieces.len()));
            for piece in &tail.pieces {
                match piece {
                    Piece::Literal(literal) => {
                        out.push(0);
                        push(&mut out, literal);
                    }
                    Piece::Slot(slot) => out.extend_from_slice(&[1, octet(*slot)]),
                }
            }
        }
        for shared in &self.shared {
            push(&mut out, shared.bytes());
        }
        let sum = digest(&SHA256, &out);
        out.extend_from_slice(&sum.as_ref()[..CHECKSUM_BYTES]);
        out
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`StoredFault`].
    pub fn from_bytes(stored: &[u8]) -> Result<Self, StoredFault> {
        let version = *stored.first().ok_or(StoredFault::Damaged)?;
        if version != VERSION {
            return Err(StoredFault::Version(version));
        }
        let body = checked(stored).and_then(|octets| Reader { rest: &octets[1..] }.body());
        body.ok_or(StoredFault::Damaged)
    }
}

/// Everything but the checksum, if it is right.
fn checked(stored: &[u8]) -> Option<&[u8]> {
    let end = stored.len().checked_sub(CHECKSUM_BYTES)?;
    if end == 0 || stored.len() > STORED_BYTES_MAX {
        return None;
    }
    let (octets, sum) = stored.split_at(end);
    (&digest(&SHA256, octets).as_ref()[..CHECKSUM_BYTES] == sum).then_some(octets)
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).expect("parts are limited to a few megabytes").to_be_bytes()
}

fn octet(count: usize) -> u8 {
    u8::try_from(count).expect("slots and tails are few")
}

fn push(out: &mut Vec<u8>, octets: &[u8]) {
    out.extend_from_slice(&length(octets.len()));
    out.extend_from_slice(octets);
}

/// Takes octets from the front, and never more than there are.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }

    fn octet(&mut self) -> Option<usize> {
        self.take(1).map(|octets| usize::from(octets[0]))
    }

    fn length(&mut self) -> Option<usize> {
        let octets = self.take(4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(octets)).ok()
    }

    fn octets(&mut self) -> Option<&'a [u8]> {
        let bytes = self.length()?;
        self.take(bytes)
    }

    fn text(&mut self) -> Option<String> {
        std::str::from_utf8(self.octets()?).ok().map(str::to_owned)
    }

    fn body(mut self) -> Option<SharedBody> {
        let mut content = Vec::new();
        for name in CONTENT_FIELDS {
            content.push((name.to_owned(), self.text()?));
        }
        let slot_count = self.octet().filter(|count| *count <= SLOTS_MAX)?;
        let slots =
            (0..slot_count).map(|_| self.text().filter(|name| is_slot_name(name))).collect::<Option<Vec<_>>>()?;
        let tail_count = self.octet().filter(|count| matches!(count, 1 | 2))?;
        let tails = (0..tail_count).map(|_| self.tail(slot_count)).collect::<Option<Vec<_>>>()?;
        let shared = (0..=tail_count).map(|_| self.octets().map(<[u8]>::to_vec)).collect::<Option<Vec<_>>>()?;
        let body = SharedBody::of(content, shared, tails, slots).ok()?;
        (self.rest.is_empty() && body.content_headers(&mut HeaderBlock::new()).is_ok()).then_some(body)
    }

    fn tail(&mut self, slot_count: usize) -> Option<Tail> {
        let encoding = match self.octet()? {
            0 => Encoding::Quoted,
            1 => Encoding::Base64,
            _ => return None,
        };
        let count = self.length().filter(|count| *count <= PIECES_MAX)?;
        let mut pieces = Vec::new();
        for _ in 0..count {
            pieces.push(match self.octet()? {
                0 => Piece::Literal(self.octets()?.to_vec()),
                1 => Piece::Slot(self.octet().filter(|slot| *slot < slot_count)?),
                _ => return None,
            });
        }
        Some(Tail { encoding, pieces })
    }
}
