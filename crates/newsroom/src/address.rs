//! A mail address that may be written to: one strict parser, ASCII on the wire, never shown whole in a log.

use unicode_normalization::UnicodeNormalization;

/// RFC 5321 §4.5.3.1.3: a path is at most 256 octets with its angle brackets.
pub const ADDRESS_BYTES_MAX: usize = 254;
/// RFC 5321 §4.5.3.1.1.
const LOCAL_BYTES_MAX: usize = 64;

/// A reader's mail address, parsed and normalised: trimmed, NFC, lower case, domain as A-label.
///
/// Only unquoted ASCII local parts are taken (RFC 5321 §4.1.2 `Dot-string`): quoted ones, comments and SMTPUTF8 local
/// parts are refused with a reason, since almost no relay carries them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    text: String,
    at: usize,
}

/// Why a text is not an address that Coranto writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFault {
    /// Nothing there.
    Empty,
    /// Longer than RFC 5321 allows.
    TooLong,
    /// No `@`, or nothing on one side of it.
    NoDomain,
    /// A character that may not stand in the part before the `@`.
    Local,
    /// The domain is not a host name with at least one dot.
    Domain,
    /// A control character, space or line break: the mark of header injection.
    Control,
}

impl std::fmt::Display for AddressFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "the address is empty",
            Self::TooLong => "the address is longer than 254 characters",
            Self::NoDomain => "an address looks like name@example.org",
            Self::Local => "the part before the @ holds a character that mail does not carry",
            Self::Domain => "the part after the @ is not a domain name",
            Self::Control => "the address holds a space, a line break or a control character",
        })
    }
}

impl std::error::Error for AddressFault {}

impl Address {
    /// Parses and normalises what a person typed.
    ///
    /// # Errors
    /// The first [`AddressFault`] found.
    pub fn parse(typed: &str) -> Result<Self, AddressFault> {
        if typed.len() > 4 * ADDRESS_BYTES_MAX {
            return Err(AddressFault::TooLong);
        }
        let text: String = typed.trim().nfc().collect();
        if text.is_empty() {
            return Err(AddressFault::Empty);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '\u{2028}' | '\u{2029}')) {
            return Err(AddressFault::Control);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressFault::NoDomain)?;
        if local.is_empty() || domain.is_empty() {
            return Err(AddressFault::NoDomain);
        }
        let local = local.to_ascii_lowercase();
        check_local(&local)?;
        let domain = ascii_domain(domain)?;
        let whole = format!("{local}@{domain}");
        if whole.len() > ADDRESS_BYTES_MAX {
            return Err(AddressFault::TooLong);
        }
        Ok(Self { at: local.len(), text: whole })
    }

    /// The whole address, as it stands in an SMTP command. Never log it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        &self.text[..self.at]
    }

    /// The domain, as an A-label.
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }
}

/// RFC 5321 §4.1.2: `Dot-string` of `atext`, no dot at either end, no two in a row. A leading `-` would be read as an
/// option by a careless program behind the relay.
fn check_local(local: &str) -> Result<(), AddressFault> {
    let atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
    if local.len() > LOCAL_BYTES_MAX {
        return Err(AddressFault::TooLong);
    }
    if dots || local.starts_with('-') || !local.chars().all(atext) {
        return Err(AddressFault::Local);
    }
    Ok(())
}

fn ascii_domain(domain: &str) -> Result<String, AddressFault> {
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| AddressFault::Domain)?;
    let label = |l: &str| !l.is_empty() && l.len() <= 63 && !l.starts_with('-') && !l.ends_with('-');
    let plain = ascii.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    let numeric_top = ascii.rsplit('.').next().is_none_or(|top| top.bytes().all(|b| b.is_ascii_digit()));
    if !ascii.contains('.') || !plain || numeric_top || !ascii.split('.').all(label) {
        return Err(AddressFault::Domain);
    }
    Ok(ascii)
}

/// Redacted: `a…@example.org`. A reader's address reaches a log only so.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}…@{}", &self.text[..1], self.domain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str) -> String {
        Address::parse(typed).map_or_else(|fault| format!("{fault:?}"), |a| a.expose().to_owned())
    }

    #[test]
    fn addresses_are_normalised() {
        assert_eq!(check(" Ana.Sol+news@Example.ORG "), "ana.sol+news@example.org");
        assert_eq!(check("ana@bücher.example"), "ana@xn--bcher-kva.example");
    }

    #[test]
    fn what_mail_cannot_carry_is_refused() {
        assert_eq!(check(""), "Empty");
        assert_eq!(check("ana"), "NoDomain");
        assert_eq!(check("ana@localhost"), "Domain");
        assert_eq!(check("ana@10.0.0.1"), "Domain");
        assert_eq!(check("-ana@example.org"), "Local");
        assert_eq!(check("a..b@example.org"), "Local");
        assert_eq!(check("\"a b\"@example.org"), "Control");
        assert_eq!(check("ana@example.org\r\nBcc: x@y.z"), "Control");
        assert_eq!(check("ana@example.org>"), "Domain");
        assert_eq!(check("<ana@example.org"), "Local");
        assert_eq!(check(&format!("{}@example.org", "a".repeat(65))), "TooLong");
    }

    #[test]
    fn debug_is_redacted() {
        let address = Address::parse("someone@example.org").expect("a plain address");
        assert_eq!(format!("{address:?}"), "s…@example.org");
    }
}
