//! Checks a DKIM signature on a raw message, as a stranger's server would: RFC 6376 §6, RSA-SHA256 alone.
//!
//! Written against the RFC and for strangers' octets; it shares no code with the signing path, so that a fault in one
//! shows in the other. It asks no DNS and no clock: the key is given, and `x=` is not judged.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A header block beyond this is no message of ours. Large real ones have 40 kB.
const HEADER_BYTES_MAX: usize = 256 * 1024;
/// Fields in a header block.
const FIELDS_MAX: usize = 1_000;
/// Names in `h=`; each costs a look at the block.
const SIGNED_MAX: usize = 200;
/// A TXT record beyond this is no key record.
const RECORD_BYTES_MAX: usize = 4_096;

/// A public key from a key record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Reads a TXT record's text (RFC 6376 §3.6.1).
    ///
    /// # Errors
    /// [`VerifyFault::Form`]; [`VerifyFault::Unsupported`] for a revoked key or one that is not RSA.
    pub fn from_record(record: &str) -> Result<Self, VerifyFault> {
        if record.len() > RECORD_BYTES_MAX {
            return Err(VerifyFault::Form("a key record too long"));
        }
        let tags = tags(record)?;
        if tags.get("v").is_some_and(|v| *v != "DKIM1") || tags.get("k").is_some_and(|k| *k != "rsa") {
            return Err(VerifyFault::Unsupported("a key that is not DKIM1 and RSA"));
        }
        let encoded = tags.get("p").ok_or(VerifyFault::Form("a key record without p="))?;
        if encoded.is_empty() {
            return Err(VerifyFault::Unsupported("a revoked key"));
        }
        Ok(Self(decode(encoded)?))
    }
}

/// What a signature vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// `d=`, in lower case.
    pub domain: String,
    /// `s=`.
    pub selector: String,
    /// The names in `h=`, in lower case and in order.
    pub signed: Vec<String>,
    /// `t=`, in seconds since 1970.
    pub t_seconds: Option<u64>,
}

/// Why a signature is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyFault {
    /// There is none.
    #[error("no DKIM signature")]
    Unsigned,
    /// The message, its signature field or the key record is not what it should be.
    #[error("{0}")]
    Form(&'static str),
    /// A part of DKIM that this does not do.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The body is not the one that was signed.
    #[error("the body was changed")]
    Body,
    /// The header is not the one that was signed, or the key is another.
    #[error("the header was changed, or the key is another")]
    Signature,
}

/// Checks the topmost DKIM signature of a raw message.
///
/// # Errors
/// [`VerifyFault`].
pub fn verify(message: &[u8], key: &PublicKey) -> Result<Verified, VerifyFault> {
    let message = Message::read(message)?;
    let field = message.fields.iter().find(|field| field.is("dkim-signature")).ok_or(VerifyFault::Unsigned)?;
    let signature = Signature::read(field)?;
    if digest(&SHA256, &signature.body_form.body(message.body)).as_ref() != signature.body_hash {
        return Err(VerifyFault::Body);
    }
    let octets = message.signed_octets(&signature, field);
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.0);
    public.verify(&octets, &signature.octets).map_err(|_| VerifyFault::Signature)?;
    Ok(signature.verified)
}

/// A field as it stands in the message, without its last CRLF.
struct Field<'a> {
    name: &'a [u8],
    value: &'a [u8],
    whole: &'a [u8],
}

impl Field<'_> {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

struct Message<'a> {
    fields: Vec<Field<'a>>,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    /// RFC 5322 §2.1: fields, an empty line, a body. A bare CR or LF makes it no message.
    fn read(octets: &'a [u8]) -> Result<Self, VerifyFault> {
        let has_bare = (0..octets.len()).any(|at| match octets[at] {
            b'\r' => octets.get(at + 1) != Some(&b'\n'),
            b'\n' => at == 0 || octets[at - 1] != b'\r',
            _ => false,
        });
        if has_bare {
            return Err(VerifyFault::Form("a bare CR or LF in the message"));
        }
        let mut fields: Vec<Field<'_>> = Vec::new();
        let mut rest = octets;
        while !rest.is_empty() && !rest.starts_with(b"\r\n") {
            if fields.len() == FIELDS_MAX || octets.len() - rest.len() > HEADER_BYTES_MAX {
                return Err(VerifyFault::Form("a header block without end"));
            }
            let (field, after) = rest.split_at(field_bytes(rest));
            fields.push(Self::field(field)?);
            rest = after;
        }
        Ok(Self { fields, body: rest.get(2..).unwrap_or_default() })
    }

    fn field(octets: &'a [u8]) -> Result<Field<'a>, VerifyFault> {
        let whole = octets.strip_suffix(b"\r\n").unwrap_or(octets);
        let colon = whole.iter().position(|b| *b == b':').ok_or(VerifyFault::Form("a field without a colon"))?;
        let name = whole[..colon].trim_ascii_end();
        if name.is_empty() || !name.iter().all(|b| matches!(b, b'!'..=b'~')) {
            return Err(VerifyFault::Form("a field without a name"));
        }
        Ok(Field { name, value: &whole[colon + 1..], whole })
    }

    /// RFC 6376 §3.7 and §5.4.2: each name in `h=` takes the lowest field of that name not taken yet, or nothing.
    fn signed_octets(&self, signature: &Signature, own: &Field<'_>) -> Vec<u8> {
        let form = signature.header_form;
        let mut octets = Vec::new();
        let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
        for name in &signature.verified.signed {
            let skipped = taken.entry(name).or_default();
            if let Some(field) = self.fields.iter().rev().filter(|field| field.is(name)).nth(*skipped) {
                form.header(field.name, field.value, field.whole, &mut octets);
                octets.extend_from_slice(b"\r\n");
            }
            *skipped += 1;
        }
        let (value, whole) = without_signature(own);
        form.header(own.name, &value, &whole, &mut octets);
        octets
    }
}

/// Octets of the first field with its continuation lines (RFC 5322 §2.2.3).
fn field_bytes(octets: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let Some(end) = octets[at..].windows(2).position(|pair| pair == b"\r\n") else { return octets.len() };
        at += end + 2;
        if !matches!(octets.get(at), Some(b' ' | b'\t')) {
            return at;
        }
    }
}

/// The signature's own field with the value of `b=` taken out, everything else untouched.
fn without_signature(field: &Field<'_>) -> (Vec<u8>, Vec<u8>) {
    let mut value = Vec::new();
    for (at, tag) in field.value.split(|b| *b == b';').enumerate() {
        if at > 0 {
            value.push(b';');
        }
        let equals = tag.iter().position(|b| *b == b'=').unwrap_or(0);
        let is_signature = tag[..equals].trim_ascii() == b"b";
        value.extend_from_slice(if is_signature { &tag[..=equals] } else { tag });
    }
    let head = field.whole.len() - field.value.len();
    let whole = [&field.whole[..head], &value].concat();
    (value, whole)
}

/// A canonical form (RFC 6376 §3.4).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Simple,
    Relaxed,
}

impl Form {
    fn header(self, name: &[u8], value: &[u8], whole: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Simple => out.extend_from_slice(whole),
            Self::Relaxed => {
                out.extend_from_slice(&name.to_ascii_lowercase());
                out.push(b':');
                out.extend_from_slice(squeezed(value).trim_ascii());
            }
        }
    }

    /// §3.4.3 and §3.4.4: no empty lines at the end, one CRLF; relaxed squeezes white space within lines and cuts it at
    /// their ends, and leaves an empty body empty.
    fn body(self, body: &[u8]) -> Vec<u8> {
        let mut canonical = match self {
            Self::Simple => body.to_vec(),
            Self::Relaxed => relaxed_body(body),
        };
        while canonical.ends_with(b"\r\n") {
            canonical.truncate(canonical.len() - 2);
        }
        if self == Self::Simple || !canonical.is_empty() {
            canonical.extend_from_slice(b"\r\n");
        }
        canonical
    }
}

fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut canonical = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|b| *b == b'\n') {
        let (line, end) = line.strip_suffix(b"\r\n").map_or((line, &b""[..]), |line| (line, b"\r\n"));
        let line = squeezed(line);
        canonical.extend_from_slice(line.strip_suffix(b" ").unwrap_or(&line));
        canonical.extend_from_slice(end);
    }
    canonical
}

/// Line breaks gone, runs of spaces and tabs one space.
fn squeezed(octets: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(octets.len());
    for &byte in octets {
        match byte {
            b'\r' | b'\n' => {}
            b' ' | b'\t' if out.last() == Some(&b' ') => {}
            b' ' | b'\t' => out.push(b' '),
            _ => out.push(byte),
        }
    }
    out
}

/// What a signature field says.
struct Signature {
    verified: Verified,
    header_form: Form,
    body_form: Form,
    body_hash: Vec<u8>,
    octets: Vec<u8>,
}

impl Signature {
    /// RFC 6376 §3.5 and §6.1.1.
    fn read(field: &Field<'_>) -> Result<Self, VerifyFault> {
        let text = std::str::from_utf8(field.value).map_err(|_| VerifyFault::Form("a signature not in ASCII"))?;
        let tags = tags(text)?;
        let tag =
            |name: &'static str| tags.get(name).copied().ok_or(VerifyFault::Form("a signature without a tag it needs"));
        if tag("v")? != "1" {
            return Err(VerifyFault::Unsupported("a signature of another version"));
        }
        if tag("a")? != "rsa-sha256" {
            return Err(VerifyFault::Unsupported("an algorithm other than rsa-sha256"));
        }
        if tags.contains_key("l") {
            // RFC 6376 §8.2: with a length, anyone may add to the body.
            return Err(VerifyFault::Unsupported("a signature over part of the body"));
        }
        let (header_form, body_form) = forms(tags.get("c").copied().unwrap_or("simple/simple"))?;
        let signed: Vec<String> = tag("h")?.split(':').map(|name| name.trim().to_ascii_lowercase()).collect();
        if signed.len() > SIGNED_MAX || !signed.iter().any(|name| name == "from") {
            return Err(VerifyFault::Form("a signature that leaves From out"));
        }
        let domain = tag("d")?.to_ascii_lowercase();
        if tags.get("i").is_some_and(|agent| !is_within(agent, &domain)) {
            return Err(VerifyFault::Form("an i= outside of d="));
        }
        let t_seconds =
            tags.get("t").map(|t| t.parse().map_err(|_| VerifyFault::Form("a t= that is no time"))).transpose()?;
        let verified = Verified { domain, selector: tag("s")?.to_owned(), signed, t_seconds };
        Ok(Self { verified, header_form, body_form, body_hash: decode(tag("bh")?)?, octets: decode(tag("b")?)? })
    }
}

/// §3.5 `i=`: the same domain, or one below it.
fn is_within(agent: &str, domain: &str) -> bool {
    let of = agent.rsplit_once('@').map_or("", |(_, of)| of).to_ascii_lowercase();
    of == domain || of.strip_suffix(domain).is_some_and(|above| above.ends_with('.'))
}

fn forms(text: &str) -> Result<(Form, Form), VerifyFault> {
    let form = |name: &str| match name {
        "simple" => Ok(Form::Simple),
        "relaxed" => Ok(Form::Relaxed),
        _ => Err(VerifyFault::Unsupported("an unknown canonical form")),
    };
    // §3.5 `c=`: the body's form is simple where only one is named.
    let (header, body) = text.split_once('/').unwrap_or((text, "simple"));
    Ok((form(header)?, form(body)?))
}

/// RFC 6376 §3.2: `tag=value;` with white space around either; no tag twice.
fn tags(text: &str) -> Result<BTreeMap<&str, &str>, VerifyFault> {
    let mut tags = BTreeMap::new();
    let list = text.trim_ascii();
    for tag in list.strip_suffix(';').unwrap_or(list).split(';') {
        let (name, value) = tag.split_once('=').ok_or(VerifyFault::Form("a tag without a value"))?;
        if tags.insert(name.trim_ascii(), value.trim_ascii()).is_some() {
            return Err(VerifyFault::Form("a tag twice"));
        }
    }
    Ok(tags)
}

/// Base64 with white space anywhere in it.
fn decode(text: &str) -> Result<Vec<u8>, VerifyFault> {
    let packed: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    STANDARD.decode(packed).map_err(|_| VerifyFault::Form("a value that is not base64"))
}
