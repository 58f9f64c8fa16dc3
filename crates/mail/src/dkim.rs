//! DKIM (RFC 6376, 8301): one RSA-2048 signature over a header block and the hash of a body.
//!
//! The body's hash comes from [`crate::mime::CopyBody`], so the body is not read again: canonical form is
//! `relaxed/simple`, and in `simple` the body that is sent is the body that is hashed. The signature is PKCS#1 v1.5 and the
//! time is an argument, so the same copy gets the same octets each time: a retry is byte-identical.
//!
//! Every field of the block is signed, and some once more than they stand there (RFC 6376 §8.15), so that nobody behind us
//! can add a second one. [`verify`] reads a message as a stranger would; it shares no code with the signing path.

mod verify;

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::address::Domain;
use crate::headers::HeaderBlock;
pub use verify::{PublicKey, Verified, VerifyFault, verify};

/// RFC 8301 §3.2: at least 1,024 bits, and 2,048 is what everyone accepts; a larger key does not fit one DNS string.
const KEY_BYTES: usize = 256;
/// Fields that must not be added behind us: whom it is from and to, what it says it is, and how its body reads.
const OVERSIGNED: [&str; 7] = ["From", "To", "Cc", "Subject", "Date", "Reply-To", "Content-Type"];
/// RFC 5322 §2.1.1: lines of at most 78 octets.
const FOLD_AT: usize = 78;
/// The signature is folded so.
const SIGNATURE_LINE_BYTES: usize = 72;

/// Why a key is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not an unencrypted RSA key in PKCS#8 DER.
    #[error("not an RSA key in PKCS#8 DER")]
    Form,
    /// Not 2,048 bits.
    #[error("an RSA key for DKIM has 2048 bits")]
    Length,
    /// The library could not make one.
    #[error("no key could be made")]
    Unmade,
}

/// Signs for one domain, with one key under one selector.
pub struct Signer {
    key: KeyPair,
    domain: Domain,
    selector: Domain,
    /// The field up to the value of `t=`.
    opening: String,
}

/// Shows whose signer it is, never the key.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("domain", &self.domain).field("selector", &self.selector).finish_non_exhaustive()
    }
}

impl Signer {
    /// Makes a new RSA-2048 key, as PKCS#8 DER. It is secret: seal it before it is stored.
    ///
    /// # Errors
    /// [`KeyFault::Unmade`].
    pub fn generate() -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyFault::Unmade)?;
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).map_err(|_| KeyFault::Unmade)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// Takes a key. `selector` is the label (or labels) under `_domainkey` where its public half stands.
    ///
    /// # Errors
    /// [`KeyFault::Form`] or [`KeyFault::Length`].
    pub fn from_pkcs8(der: &[u8], domain: Domain, selector: Domain) -> Result<Self, KeyFault> {
        let key = KeyPair::from_pkcs8(der).map_err(|_| KeyFault::Form)?;
        if key.public_modulus_len() != KEY_BYTES {
            return Err(KeyFault::Length);
        }
        let opening =
            format!("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple;\r\n d={domain}; s={selector};\r\n t=");
        Ok(Self { key, domain, selector, opening })
    }

    /// Where the record stands in the DNS.
    pub fn dns_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The TXT record's text (RFC 6376 §3.6.1). A zone file cuts it into strings of at most 255 octets.
    pub fn dns_record(&self) -> String {
        let public =
            AsDer::<PublicKeyX509Der<'_>>::as_der(self.key.public_key()).expect("a loaded key has a public half");
        format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(public.as_ref()))
    }

    /// The `DKIM-Signature` field, with its CRLF, to stand above the block. `body_hash` is over the body in `simple` form;
    /// `t_seconds` is the time that stands in it, in seconds since 1970.
    ///
    /// Panics when the block has no From: RFC 6376 §5.4 forbids such a signature, and no caller of ours makes such a message.
    pub fn sign(&self, headers: &HeaderBlock, body_hash: &[u8; 32], t_seconds: u64) -> Vec<u8> {
        assert!(
            headers.fields().any(|(name, _)| name.eq_ignore_ascii_case("From")),
            "a message is signed with its From"
        );
        let mut field = Vec::with_capacity(2_048);
        self.write_field(&mut field, headers, body_hash, t_seconds);
        let signature = self.signature_over(headers, &field);
        for (at, line) in STANDARD.encode(signature).as_bytes().chunks(SIGNATURE_LINE_BYTES).enumerate() {
            field.extend_from_slice(if at == 0 { b"" } else { b"\r\n " });
            field.extend_from_slice(line);
        }
        field.extend_from_slice(b"\r\n");
        field
    }

    /// The field up to and with `b=`.
    fn write_field(&self, field: &mut Vec<u8>, headers: &HeaderBlock, body_hash: &[u8; 32], t_seconds: u64) {
        field.extend_from_slice(self.opening.as_bytes());
        field.extend_from_slice(t_seconds.to_string().as_bytes());
        field.extend_from_slice(b"; bh=");
        field.extend_from_slice(STANDARD.encode(body_hash).as_bytes());
        field.extend_from_slice(b";\r\n h=");
        let mut line_bytes = 3;
        let names = headers.fields().map(|(name, _)| name).chain(OVERSIGNED);
        for (at, name) in names.enumerate() {
            if at > 0 {
                field.push(b':');
                line_bytes += 1;
            }
            // RFC 6376 §3.5 `h=`: white space may stand around the colons.
            if line_bytes + name.len() + 1 > FOLD_AT {
                field.extend_from_slice(b"\r\n ");
                line_bytes = 1;
            }
            field.extend_from_slice(name.as_bytes());
            line_bytes += name.len();
        }
        field.extend_from_slice(b";\r\n b=");
    }

    /// RFC 6376 §3.7: the signed fields, then the signature's own field with an empty `b=` and without its CRLF. A name in
    /// `h=` beyond the fields that are there stands for nothing (§5.4.2), so the oversigned ones add nothing here.
    fn signature_over(&self, headers: &HeaderBlock, field: &[u8]) -> [u8; KEY_BYTES] {
        let mut canonical = Vec::with_capacity(headers.bytes().len() + field.len());
        for (name, value) in headers.fields() {
            push_relaxed(&mut canonical, name.as_bytes(), value);
            canonical.extend_from_slice(b"\r\n");
        }
        let (name, value) = field.split_at("DKIM-Signature".len());
        push_relaxed(&mut canonical, name, &value[1..]);
        let mut signature = [0; KEY_BYTES];
        // The library asks for a source of chance and does not use it: PKCS#1 v1.5 is deterministic.
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &canonical, &mut signature)
            .expect("a checked RSA key signs any octets");
        signature
    }
}

/// RFC 6376 §3.4.2: the name in lower case, the value unfolded, runs of white space one space, none at its ends.
fn push_relaxed(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend(name.iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let start = out.len();
    let words = value.split(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).filter(|word| !word.is_empty());
    for word in words {
        if out.len() > start {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
