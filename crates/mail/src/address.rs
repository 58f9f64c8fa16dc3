//! Addresses and domain names that may stand in an SMTP command or a header field, by type.
//!
//! Whoever holds one of these types holds ASCII without a space, a control character, an angle bracket or a line
//! break, so nothing typed by anyone becomes a command or a field (P20). Nothing here is looked up or normalised.

use std::fmt;

/// RFC 5321 §4.5.3.1.3: a path is at most 256 octets with its angle brackets.
pub const ADDRESS_BYTES_MAX: usize = 254;
/// RFC 5321 §4.5.3.1.1.
const LOCAL_BYTES_MAX: usize = 64;
/// RFC 1035 §2.3.4, as text without the root's dot.
const DOMAIN_BYTES_MAX: usize = 253;
/// RFC 1035 §2.3.4.
const LABEL_BYTES_MAX: usize = 63;

/// Why a text is not an address or a domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// Longer than the protocol allows.
    #[error("longer than the protocol allows")]
    TooLong,
    /// No `@`, or nothing before it.
    #[error("an address looks like name@example.org")]
    NoAt,
    /// A character that may not stand before the `@`.
    #[error("the part before the @ holds a character that mail does not carry")]
    Local,
    /// Not a host name of letters, digits and hyphens.
    #[error("not a domain name in ASCII")]
    Domain,
}

/// RFC 5322 §3.2.3 `atext`.
pub(crate) fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// RFC 5322 §3.2.3 `dot-atom-text`.
pub(crate) fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

/// A domain name in ASCII: labels of letters, digits and hyphens (RFC 5321 §4.1.2), an international name as A-labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

impl Domain {
    /// Checks a domain name. One label alone (`localhost`) is taken.
    ///
    /// # Errors
    /// [`AddressFault::Domain`] or [`AddressFault::TooLong`].
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        check_domain(text)?;
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The name, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_domain(text: &str) -> Result<(), AddressFault> {
    let label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if text.len() > DOMAIN_BYTES_MAX {
        return Err(AddressFault::TooLong);
    }
    if text.split('.').all(label) { Ok(()) } else { Err(AddressFault::Domain) }
}

/// RFC 5321 §4.1.3: `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
fn check_literal(text: &str) -> Result<(), AddressFault> {
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).ok_or(AddressFault::Domain)?;
    let is_address = match inner.strip_prefix("IPv6:") {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => inner.parse::<std::net::Ipv4Addr>().is_ok(),
    };
    if is_address { Ok(()) } else { Err(AddressFault::Domain) }
}

/// An address that is safe inside `MAIL FROM:<…>` and `RCPT TO:<…>`: RFC 5321 §4.1.2 `Mailbox`, ASCII only.
///
/// The local part is a `Dot-string` or a `Quoted-string` of printable characters; the domain a name or an address
/// literal. Its case is kept, because the local part belongs to the receiver (RFC 5321 §2.4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvelopeAddress {
    text: String,
    at: usize,
}

impl EnvelopeAddress {
    /// Checks an address. Nothing is trimmed or rewritten.
    ///
    /// # Errors
    /// The first [`AddressFault`] found.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(AddressFault::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressFault::NoAt)?;
        check_local(local)?;
        if domain.starts_with('[') {
            check_literal(domain)?
        } else {
            check_domain(domain)?
        }
        Ok(Self { at: local.len(), text: text.to_owned() })
    }

    /// The whole address as it stands on the wire. Never log it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The part before the `@`, with its quotes if it has any.
    pub fn local(&self) -> &str {
        &self.text[..self.at]
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }
}

/// Redacted: `a…@example.org`.
impl fmt::Debug for EnvelopeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…@{}", &self.text[..1], self.domain())
    }
}

fn check_local(local: &str) -> Result<(), AddressFault> {
    if local.len() > LOCAL_BYTES_MAX {
        return Err(AddressFault::TooLong);
    }
    if local.is_empty() {
        return Err(AddressFault::NoAt);
    }
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let fine = if quoted { is_quoted_content(&local.as_bytes()[1..local.len() - 1]) } else { is_dot_atom(local) };
    if fine { Ok(()) } else { Err(AddressFault::Local) }
}

/// RFC 5321 §4.1.2 `QcontentSMTP`: printable ASCII, with `"` and `\` only behind a `\`. Angle brackets are refused
/// although the grammar has them: careless receivers end the path there.
fn is_quoted_content(content: &[u8]) -> bool {
    let mut bytes = content.iter();
    while let Some(&byte) = bytes.next() {
        let literal = if byte == b'\\' { bytes.next().copied() } else { Some(byte).filter(|b| *b != b'"') };
        if !literal.is_some_and(|b| matches!(b, b' '..=b'~') && !matches!(b, b'<' | b'>')) {
            return false;
        }
    }
    true
}

/// Where a message comes from on the envelope: RFC 5321 §4.1.2 `Reverse-path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReversePath {
    /// `<>`: nothing may bounce back.
    Null,
    /// Bounces go there.
    Address(EnvelopeAddress),
}

impl ReversePath {
    /// What stands between the angle brackets.
    pub fn expose(&self) -> &str {
        match self {
            Self::Null => "",
            Self::Address(address) => address.expose(),
        }
    }
}

/// The name a client gives in EHLO, a server in its banner: a domain name or an address literal (RFC 5321 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`AddressFault::Domain`] or [`AddressFault::TooLong`].
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        if text.starts_with('[') {
            check_literal(text)?
        } else {
            check_domain(text)?
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> String {
        match EnvelopeAddress::parse(text) {
            Ok(address) => format!("{} at {}", address.local(), address.domain()),
            Err(fault) => format!("{fault:?}"),
        }
    }

    #[test]
    fn ordinary_addresses_are_taken() {
        assert_eq!(check("ana@example.org"), "ana at example.org");
        assert_eq!(check("a.b+c=d@xn--bcher-kva.example"), "a.b+c=d at xn--bcher-kva.example");
        assert_eq!(check("\"a b\\\"c\"@[192.0.2.1]"), "\"a b\\\"c\" at [192.0.2.1]");
        assert_eq!(check("x@[IPv6:2001:db8::1]"), "x at [IPv6:2001:db8::1]");
        assert_eq!(check("\"a@b\"@localhost"), "\"a@b\" at localhost");
    }

    #[test]
    fn nothing_that_could_end_a_path_or_a_line_is_taken() {
        for text in [
            "a@example.org>",
            "a@example.org\r\nRCPT TO:<b@example.org",
            "a b@example.org",
            "a\n@example.org",
            "a\0@example.org",
            "\"a\r\n\"@example.org",
            "\"a>\"@example.org",
            "\"a\\\"@example.org",
            "\"@example.org",
            "\"\"@example.org",
            "a@",
            "@example.org",
            "example.org",
            "a..b@example.org",
            ".a@example.org",
            "é@example.org",
            "a@bücher.example",
            "a@-x.example",
            "a@example..org",
            "a@example.org.",
            "a@[1.2.3]",
            "a@[1.2.3.4]\r\n",
            "<a@example.org>",
            "a,b@example.org",
            "",
        ] {
            assert!(EnvelopeAddress::parse(text).is_err(), "{text:?} was taken");
        }
        assert_eq!(check(&format!("{}@example.org", "a".repeat(65))), "TooLong");
        assert_eq!(check(&format!("a@{}", "a.".repeat(130) + "org")), "TooLong");
    }

    #[test]
    fn an_address_is_never_shown_whole_in_a_log() {
        let address = EnvelopeAddress::parse("ana@example.org").unwrap();
        assert_eq!(format!("{address:?}"), "a…@example.org");
        assert_eq!(format!("{:?}", ReversePath::Address(address)), "Address(a…@example.org)");
    }
}
