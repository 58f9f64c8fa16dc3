//! Files in the age format, version 1 (<https://age-encryption.org/v1>), as <https://github.com/C2SP/C2SP/blob/main/age.md>
//! writes it down: to X25519 recipients (`age1…`) or under a passphrase.
//!
//! ```text
//! age-encryption.org/v1
//! -> X25519 <ephemeral share>          or  -> scrypt <salt> <work factor>
//! <file key, wrapped>
//! --- <MAC of the header>
//! nonce (16 bytes), then chunks of 64 KiB, each with its tag; the last says that it is the last
//! ```
//!
//! Anybody with the `age` tool opens what is written here, without Coranto, and the other way round. Nothing is given
//! out of a chunk before its tag was checked, and a file that was cut, reordered or changed anywhere is refused. A reader
//! of it must read to the end before it believes the whole. Written here because the crate of that name would bring
//! sixty others (docs/decisions/0007).

mod bech32;
mod header;
mod stream;

use std::io::{self, Read, Write};

use seal::Secret;
use zeroize::Zeroizing;

pub use header::WORK_FACTOR;
pub use stream::{Opened, Sealing};

/// What a person is asked for when they type a passphrase: shorter ones are found by trying.
pub const PASSPHRASE_CHARS_MIN: usize = 12;
/// The first words of every age file.
pub const FIRST_WORDS: &[u8] = b"age-encryption.org/v1\n";

/// Dice for keys and nonces: the system's.
pub type Dice<'a> = dyn FnMut(&mut [u8]) + 'a;

/// Who can open a file.
#[derive(Clone)]
pub enum Recipient {
    /// The holder of the secret key of this X25519 public key.
    Key([u8; 32]),
    /// Whoever knows the passphrase.
    Passphrase(Secret<String>),
}

/// What opens a file.
pub enum Identity {
    /// An X25519 secret key, `AGE-SECRET-KEY-1…`.
    Key(Secret<[u8; 32]>),
    /// A passphrase.
    Passphrase(Secret<String>),
}

/// Why something is no key, or a file does not open. No message holds a key.
#[derive(Debug, thiserror::Error)]
pub enum AgeFault {
    /// A mistyped key: its sum is wrong, or it is another kind of key.
    #[error("this is no age key: {0}")]
    NoKey(&'static str),
    /// It does not begin as an age file does, or its header is not in the format.
    #[error("this is no age file: {0}")]
    NoAgeFile(&'static str),
    /// Sealed to somebody else, or under another passphrase.
    #[error("the key or passphrase does not open this file")]
    WrongKey,
    /// Its header was changed after it was sealed.
    #[error("the header was changed after the file was sealed")]
    Changed,
    /// Its passphrase costs more to try than any file of ours: refused before hours are spent on it.
    #[error("the passphrase of this file costs more to try (2^{0}) than we are willing to spend")]
    TooCostly(u8),
    /// The disk said no, or the file was cut or changed further on.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

impl Recipient {
    /// Reads `age1…`.
    ///
    /// # Errors
    /// [`AgeFault::NoKey`].
    pub fn parse(text: &str) -> Result<Self, AgeFault> {
        bech32::decode("age", text.trim()).map(Self::Key).map_err(AgeFault::NoKey)
    }
}

impl Identity {
    /// Reads the first key of an age identity file: lines of `AGE-SECRET-KEY-1…` and comments.
    ///
    /// # Errors
    /// [`AgeFault::NoKey`].
    pub fn parse(text: &str) -> Result<Self, AgeFault> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = lines.next().ok_or(AgeFault::NoKey("the file holds no line with a key"))?;
        bech32::decode("age-secret-key-", line).map(|key| Self::Key(Secret::new(key))).map_err(AgeFault::NoKey)
    }

    /// A fresh key from the dice, for tests and for those who have no `age-keygen`: the secret line and its recipient.
    pub fn generate(dice: &mut Dice<'_>) -> (Zeroizing<String>, String) {
        let secret: Secret<[u8; 32]> = Secret::roll(dice);
        let line = bech32::encode("age-secret-key-", secret.expose()).to_uppercase();
        (Zeroizing::new(line), bech32::encode("age", &header::public_of(secret.expose())))
    }
}

/// Begins a file for `recipients`: whatever is written into what comes back is sealed into `out`. [`Sealing::finish`]
/// must be called: without it the file is cut short, and no reader takes it.
///
/// # Errors
/// [`AgeFault::NoKey`] for no recipient, or a passphrase beside another recipient (the format forbids it); the disk's.
pub fn seal<W: Write>(recipients: &[Recipient], out: W, dice: &mut Dice<'_>) -> Result<Sealing<W>, AgeFault> {
    seal_costing(recipients, WORK_FACTOR, out, dice)
}

/// As [`seal()`], with the cost of a passphrase as a power of two: tests take a cheap one.
///
/// # Errors
/// As [`seal()`].
pub fn seal_costing<W: Write>(
    recipients: &[Recipient],
    work_factor: u8,
    mut out: W,
    dice: &mut Dice<'_>,
) -> Result<Sealing<W>, AgeFault> {
    let alone = recipients.len() == 1;
    if recipients.is_empty() || (!alone && recipients.iter().any(|r| matches!(r, Recipient::Passphrase(_)))) {
        return Err(AgeFault::NoKey("a file is for keys, one or several, or under one passphrase"));
    }
    let file_key: Secret<[u8; 16]> = Secret::roll(dice);
    out.write_all(&header::write(recipients, &file_key, work_factor, dice)?)?;
    let mut nonce = [0; 16];
    dice(&mut nonce);
    out.write_all(&nonce)?;
    Ok(Sealing::new(out, &header::payload_key(&file_key, &nonce)))
}

/// Opens a file: what comes back reads as what was sealed.
///
/// # Errors
/// [`AgeFault`]; whatever is wrong after the header shows as an error of reading.
pub fn open<R: Read>(mut from: R, identity: &Identity) -> Result<Opened<R>, AgeFault> {
    let file_key = header::read(&mut from, identity)?;
    let mut nonce = [0; 16];
    from.read_exact(&mut nonce).map_err(|_| AgeFault::NoAgeFile("it ends after its header"))?;
    Ok(Opened::new(from, &header::payload_key(&file_key, &nonce)))
}

#[cfg(test)]
mod tests;
