//! A wish at the door, as it is sealed on the public side and opened on the other.

use crate::{Address, AddressFault, NewsletterId, Topics};

/// A sign-up: who wants what. It exists in the clear only between the form and the seal, and behind the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignUp {
    /// Of which newsletter.
    pub newsletter: NewsletterId,
    /// Which topics.
    pub topics: Topics,
    /// The language of the mail's own words.
    pub language: String,
    /// Who.
    pub address: Address,
}

/// Why sealed bytes are no sign-up: an older or newer format, or not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSignUp;

impl From<AddressFault> for NoSignUp {
    fn from(_: AddressFault) -> Self {
        Self
    }
}

/// The format's first line.
const VERSION: &str = "sign-up 1";
/// BCP 47 tags are short; a longer one is no language.
const LANGUAGE_BYTES_MAX: usize = 35;

impl SignUp {
    /// The bytes to seal: five lines.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { newsletter, topics, language, address } = self;
        format!("{VERSION}\n{newsletter}\n{}\n{language}\n{}", topics.raw(), address.expose()).into_bytes()
    }

    /// Reads them back, and checks the address again: a promise is checked on both sides of a boundary.
    ///
    /// # Errors
    /// [`NoSignUp`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NoSignUp> {
        let text = std::str::from_utf8(bytes).map_err(|_| NoSignUp)?;
        let lines: Vec<&str> = text.split('\n').collect();
        let [VERSION, newsletter, topics, language, address] = lines[..] else { return Err(NoSignUp) };
        if language.len() > LANGUAGE_BYTES_MAX {
            return Err(NoSignUp);
        }
        Ok(Self {
            newsletter: newsletter.parse().map_err(|_| NoSignUp)?,
            topics: Topics::from_raw(topics.parse().map_err(|_| NoSignUp)?),
            language: language.into(),
            address: Address::parse(address)?,
        })
    }
}

/// A wish for the link to one's choices. Sealed and opened as a sign-up is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkWish {
    /// To the choices for which newsletter.
    pub newsletter: NewsletterId,
    /// Whose.
    pub address: Address,
}

/// The format's first line.
const LINK_VERSION: &str = "link 1";

impl LinkWish {
    /// The bytes to seal: three lines.
    pub fn to_bytes(&self) -> Vec<u8> {
        format!("{LINK_VERSION}\n{}\n{}", self.newsletter, self.address.expose()).into_bytes()
    }

    /// Reads them back, and checks the address again.
    ///
    /// # Errors
    /// [`NoSignUp`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NoSignUp> {
        let text = std::str::from_utf8(bytes).map_err(|_| NoSignUp)?;
        let lines: Vec<&str> = text.split('\n').collect();
        let [LINK_VERSION, newsletter, address] = lines[..] else { return Err(NoSignUp) };
        Ok(Self { newsletter: newsletter.parse().map_err(|_| NoSignUp)?, address: Address::parse(address)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_up_reads_back_and_nothing_else_does() {
        let address = Address::parse("ana@example.org").expect("a plain address");
        let wish = SignUp { newsletter: NewsletterId(7), topics: Topics::ALL, language: "en".into(), address };
        assert_eq!(SignUp::from_bytes(&wish.to_bytes()), Ok(wish));
        let address = Address::parse("ana@example.org").expect("a plain address");
        let link = LinkWish { newsletter: NewsletterId(7), address };
        assert_eq!(LinkWish::from_bytes(&link.to_bytes()), Ok(link.clone()));
        assert_eq!(SignUp::from_bytes(&link.to_bytes()), Err(NoSignUp));
        assert_eq!(LinkWish::from_bytes(b"link 1\n7\nana"), Err(NoSignUp));
        for other in [&b""[..], b"sign-up 1\n7\n-1\nen\nana", b"sign-up 2\n7\n-1\nen\nana@example.org", b"\xff"] {
            assert_eq!(SignUp::from_bytes(other), Err(NoSignUp));
        }
    }
}
