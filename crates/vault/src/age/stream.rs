//! The payload: chunks of 64 KiB under ChaCha20-Poly1305, numbered, the last one marked (the STREAM construction).

use std::io::{self, Read, Write};

use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, aead::AeadInOut};
use zeroize::Zeroize;

const CHUNK_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;

/// The nonce of a chunk: 11 bytes of its number, and whether it is the last.
fn nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(last);
    nonce.into()
}

fn cipher(key: &[u8; 32]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new_from_slice(key).expect("the cipher's keys have 32 bytes")
}

/// Seals what is written into it.
pub struct Sealing<W: Write> {
    out: W,
    cipher: ChaCha20Poly1305,
    number: u64,
    chunk: Vec<u8>,
}

impl<W: Write> Sealing<W> {
    pub(super) fn new(out: W, key: &[u8; 32]) -> Self {
        // With room for the tag: a buffer that grows leaves a copy of the text behind.
        Self { out, cipher: cipher(key), number: 0, chunk: Vec::with_capacity(CHUNK_BYTES + TAG_BYTES) }
    }

    fn put(&mut self, last: bool) -> io::Result<()> {
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce(self.number, last), b"", self.chunk.as_mut_slice().into())
            .expect("a chunk is far below the cipher's limit");
        self.chunk.extend_from_slice(&tag);
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        self.number += 1;
        Ok(())
    }

    /// Writes the last chunk, and gives back what was written into. Nobody opens a file whose last chunk is missing.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish(mut self) -> io::Result<W> {
        self.put(true)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits until there is more: only then is it not the last.
        if self.chunk.len() == CHUNK_BYTES && !bytes.is_empty() {
            self.put(false)?;
        }
        let some = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..some]);
        Ok(some)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Reads as what was sealed. Its end is the file's true end: a file cut short reads as an error.
pub struct Opened<R: Read> {
    from: R,
    cipher: ChaCha20Poly1305,
    number: u64,
    /// Sealed bytes that were read ahead: one chunk, and a byte of the next, which tells that it is not the last.
    sealed: Vec<u8>,
    chunk: Vec<u8>,
    given: usize,
    over: bool,
}

impl<R: Read> Opened<R> {
    pub(super) fn new(from: R, key: &[u8; 32]) -> Self {
        let (sealed, chunk) = (Vec::with_capacity(CHUNK_BYTES + TAG_BYTES + 1), Vec::new());
        Self { from, cipher: cipher(key), number: 0, sealed, chunk, given: 0, over: false }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        const WHOLE: usize = CHUNK_BYTES + TAG_BYTES;
        let missing = (WHOLE + 1 - self.sealed.len()) as u64;
        (&mut self.from).take(missing).read_to_end(&mut self.sealed)?;
        let last = self.sealed.len() <= WHOLE;
        let ahead = if last { None } else { self.sealed.pop() };
        // An empty chunk is the last of an empty file only.
        if self.sealed.len() < TAG_BYTES || (self.sealed.len() == TAG_BYTES && self.number > 0) {
            return Err(refused("the file is cut short"));
        }
        self.chunk.zeroize();
        self.chunk.clear();
        self.chunk.extend_from_slice(&self.sealed);
        let opened = self.cipher.decrypt_in_place(&nonce(self.number, last), b"", &mut self.chunk);
        if opened.is_err() {
            self.chunk.clear();
            return Err(refused("the file was changed or cut short after it was sealed"));
        }
        self.sealed.clear();
        self.sealed.extend(ahead);
        self.number += 1;
        self.given = 0;
        self.over = last;
        Ok(())
    }
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl<R: Read> Read for Opened<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.chunk.len() && !self.over {
            self.next_chunk()?;
        }
        let some = (self.chunk.len() - self.given).min(out.len());
        out[..some].copy_from_slice(&self.chunk[self.given..self.given + some]);
        self.given += some;
        Ok(some)
    }
}

impl<R: Read> Drop for Opened<R> {
    fn drop(&mut self) {
        self.chunk.zeroize();
    }
}
