//! The header: the file key wrapped for each recipient, and a MAC over all of it.

use std::io::Read;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, aead::Aead};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use seal::Secret;
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::{AgeFault, Dice, FIRST_WORDS, Identity, Recipient};

/// What trying one passphrase costs, as a power of two: 2^18 takes about a second and 256 MiB, as the `age` tool does it.
pub const WORK_FACTOR: u8 = 18;
/// More than that by sixteen times is refused: a file must not hold a machine for hours.
const WORK_FACTOR_MAX: u8 = 22;
/// A header for dozens of recipients; more is no file of ours.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// The format wraps lines of base64 at this.
const COLUMNS: usize = 64;
const FILE_KEY_BYTES: usize = 16;
/// The file key with its tag.
const WRAPPED_BYTES: usize = FILE_KEY_BYTES + 16;
const X25519_LABEL: &[u8] = b"age-encryption.org/v1/X25519";
const SCRYPT_LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
const SALT_BYTES: usize = 16;

type FileKey = Secret<[u8; FILE_KEY_BYTES]>;

/// The public half of an X25519 secret key.
pub(super) fn public_of(secret: &[u8; 32]) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

/// The key of the chunks.
pub(super) fn payload_key(file_key: &FileKey, nonce: &[u8; 16]) -> Zeroizing<[u8; 32]> {
    derive(file_key.expose(), nonce, b"payload")
}

fn derive(secret: &[u8], salt: &[u8], label: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), secret).expand(label, key.as_mut()).expect("32 bytes are one block of SHA-256");
    key
}

fn mac_of(file_key: &FileKey, header: &[u8]) -> Hmac<Sha256> {
    let key = derive(file_key.expose(), &[], b"header");
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_slice()).expect("HMAC takes a key of any length");
    mac.update(header);
    mac
}

/// The whole header for these recipients.
pub(super) fn write(
    recipients: &[Recipient],
    file_key: &FileKey,
    work_factor: u8,
    dice: &mut Dice<'_>,
) -> Result<Vec<u8>, AgeFault> {
    let mut header = FIRST_WORDS.to_vec();
    for recipient in recipients {
        let (arguments, body) = match recipient {
            Recipient::Key(public) => to_key(public, file_key, dice)?,
            Recipient::Passphrase(words) => under_passphrase(words, file_key, work_factor, dice)?,
        };
        header.extend_from_slice(format!("-> {arguments}\n").as_bytes());
        let text = STANDARD_NO_PAD.encode(body);
        // 32 bytes are 43 letters: one short line, which is also the last.
        assert!(text.len() < COLUMNS, "a wrapped file key fits a line");
        header.extend_from_slice(format!("{text}\n").as_bytes());
    }
    header.extend_from_slice(b"---");
    let tag = mac_of(file_key, &header).finalize().into_bytes();
    header.extend_from_slice(format!(" {}\n", STANDARD_NO_PAD.encode(tag)).as_bytes());
    Ok(header)
}

fn to_key(public: &[u8; 32], file_key: &FileKey, dice: &mut Dice<'_>) -> Result<(String, Vec<u8>), AgeFault> {
    let mut fresh = Zeroizing::new([0; 32]);
    dice(fresh.as_mut());
    let ephemeral = StaticSecret::from(*fresh);
    let share = PublicKey::from(&ephemeral).to_bytes();
    let key = shared(&ephemeral, public, &share, public).ok_or(AgeFault::NoKey("nothing can be sealed to it"))?;
    Ok((format!("X25519 {}", STANDARD_NO_PAD.encode(share)), wrap(&key, file_key)))
}

/// The wrapping key between one side's secret and the other's public key. None for a point of small order.
fn shared(secret: &StaticSecret, other: &[u8; 32], share: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let shared = secret.diffie_hellman(&PublicKey::from(*other));
    let salt = [share.as_slice(), public].concat();
    shared.was_contributory().then(|| derive(shared.as_bytes(), &salt, X25519_LABEL))
}

fn under_passphrase(
    words: &Secret<String>,
    file_key: &FileKey,
    work_factor: u8,
    dice: &mut Dice<'_>,
) -> Result<(String, Vec<u8>), AgeFault> {
    let mut salt = [0; SALT_BYTES];
    dice(&mut salt);
    let key = stretch(words, &salt, work_factor)?;
    Ok((format!("scrypt {} {work_factor}", STANDARD_NO_PAD.encode(salt)), wrap(&key, file_key)))
}

fn stretch(words: &Secret<String>, salt: &[u8], work_factor: u8) -> Result<Zeroizing<[u8; 32]>, AgeFault> {
    let params = scrypt::Params::new(work_factor, 8, 1).map_err(|_| AgeFault::TooCostly(work_factor))?;
    let mut key = Zeroizing::new([0; 32]);
    let salt = [SCRYPT_LABEL, salt].concat();
    scrypt::scrypt(words.expose().as_bytes(), &salt, &params, key.as_mut()).expect("32 bytes may be asked for");
    Ok(key)
}

/// The nonce is zero: each wrapping key is used once.
fn wrap(key: &[u8; 32], file_key: &FileKey) -> Vec<u8> {
    let cipher = ChaCha20Poly1305::new_from_slice(key).expect("the cipher's keys have 32 bytes");
    cipher.encrypt(&Nonce::default(), file_key.expose().as_slice()).expect("16 bytes are far below its limit")
}

fn unwrap(key: &[u8; 32], wrapped: &[u8]) -> Option<FileKey> {
    let cipher = ChaCha20Poly1305::new_from_slice(key).expect("the cipher's keys have 32 bytes");
    let plain = Zeroizing::new(cipher.decrypt(&Nonce::default(), wrapped).ok()?);
    Some(Secret::new(plain.as_slice().try_into().ok()?))
}

/// One recipient's part of a header.
struct Stanza {
    arguments: Vec<String>,
    body: Vec<u8>,
}

/// Reads a header to its end, and not a byte further, and opens the file key with `identity`.
pub(super) fn read(from: &mut impl Read, identity: &Identity) -> Result<FileKey, AgeFault> {
    let mut lines = Lines { from, read: Vec::new() };
    if lines.next()? != FIRST_WORDS[..FIRST_WORDS.len() - 1] {
        return Err(AgeFault::NoAgeFile("it does not begin as one does"));
    }
    let mut stanzas = Vec::new();
    let (tag, signed_bytes) = loop {
        let line = lines.next()?;
        if let Some(tag) = line.strip_prefix(b"--- ") {
            break (decode(tag)?, lines.read.len() - line.len() - 1 + 3);
        }
        let arguments = line.strip_prefix(b"-> ").ok_or(AgeFault::NoAgeFile("a line of its header is out of place"))?;
        let arguments = str::from_utf8(arguments).map_err(|_| AgeFault::NoAgeFile("its header is not text"))?;
        let arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        if arguments.iter().any(|a| a.is_empty() || !a.bytes().all(|c| c.is_ascii_graphic())) {
            return Err(AgeFault::NoAgeFile("its header holds an empty word"));
        }
        stanzas.push(Stanza { arguments, body: lines.body()? });
    };
    let scrypt = stanzas.iter().any(|s| s.arguments[0] == "scrypt");
    if scrypt && stanzas.len() > 1 {
        return Err(AgeFault::NoAgeFile("it has a passphrase beside other recipients"));
    }
    let file_key = stanzas.iter().find_map(|stanza| opened(stanza, identity).transpose());
    let file_key = file_key.ok_or(AgeFault::WrongKey)??;
    mac_of(&file_key, &lines.read[..signed_bytes]).verify_slice(&tag).map_err(|_| AgeFault::Changed)?;
    Ok(file_key)
}

/// The file key in a stanza; none when it is another's.
fn opened(stanza: &Stanza, identity: &Identity) -> Result<Option<FileKey>, AgeFault> {
    let words: Vec<&str> = stanza.arguments.iter().map(String::as_str).collect();
    let bad = AgeFault::NoAgeFile("a recipient in its header is not in the format");
    match (identity, &words[..]) {
        (Identity::Key(secret), ["X25519", share]) => {
            let Ok(share) = <[u8; 32]>::try_from(decode(share.as_bytes())?) else { return Err(bad) };
            if stanza.body.len() != WRAPPED_BYTES {
                return Err(bad);
            }
            let secret = StaticSecret::from(*secret.expose());
            let public = PublicKey::from(&secret).to_bytes();
            let key = shared(&secret, &share, &share, &public).ok_or(bad)?;
            Ok(unwrap(&key, &stanza.body))
        }
        (Identity::Passphrase(words), ["scrypt", salt, factor]) => {
            let salt = decode(salt.as_bytes())?;
            let factor = factor.parse::<u8>().ok().filter(|f| *f > 0 && f.to_string() == *factor);
            let (Some(factor), true) = (factor, salt.len() == SALT_BYTES && stanza.body.len() == WRAPPED_BYTES) else {
                return Err(bad);
            };
            if factor > WORK_FACTOR_MAX {
                return Err(AgeFault::TooCostly(factor));
            }
            Ok(unwrap(&*stretch(words, &salt, factor)?, &stanza.body))
        }
        (_, ["X25519", ..] | ["scrypt", ..]) if words.len() != if words[0] == "scrypt" { 3 } else { 2 } => Err(bad),
        _ => Ok(None),
    }
}

/// Base64 without padding, in its one canonical spelling.
fn decode(text: &[u8]) -> Result<Vec<u8>, AgeFault> {
    STANDARD_NO_PAD.decode(text).map_err(|_| AgeFault::NoAgeFile("its header holds a word that is no base64"))
}

/// The header's lines, read byte for byte: what follows it is not ours to take.
struct Lines<'r, R: Read> {
    from: &'r mut R,
    read: Vec<u8>,
}

impl<R: Read> Lines<'_, R> {
    /// The next line, without its end.
    fn next(&mut self) -> Result<Vec<u8>, AgeFault> {
        let begun = self.read.len();
        loop {
            let mut byte = [0];
            self.from.read_exact(&mut byte).map_err(|_| AgeFault::NoAgeFile("it ends within its header"))?;
            self.read.push(byte[0]);
            if byte == *b"\n" {
                return Ok(self.read[begun..self.read.len() - 1].to_vec());
            }
            if self.read.len() > HEADER_BYTES_MAX
                || (self.read.len() == FIRST_WORDS.len() && !self.read.starts_with(FIRST_WORDS))
            {
                return Err(AgeFault::NoAgeFile("it does not begin as one does"));
            }
        }
    }

    /// A stanza's body: full lines, then a short one.
    fn body(&mut self) -> Result<Vec<u8>, AgeFault> {
        let mut body = Vec::new();
        loop {
            let line = self.next()?;
            if line.len() > COLUMNS {
                return Err(AgeFault::NoAgeFile("a line of its header is too long"));
            }
            body.extend(decode(&line)?);
            if line.len() < COLUMNS {
                return Ok(body);
            }
        }
    }
}
