//! Tokens that let somebody in: 256 random bits, held by a browser or a link, kept here only as a hash.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use world::World;
use zeroize::Zeroizing;

/// Bytes of a token: twice what ASVS V7.2.3 asks.
const TOKEN_BYTES: usize = 32;
/// Its characters in base64url without padding.
pub(crate) const TOKEN_CHARS: usize = 43;

/// What a token is for: it is hashed with it, so that one kind never passes for another.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A session's cookie.
    Session,
    /// A browser that a member has signed in from.
    Device,
    /// A one-time link.
    Link,
    /// What a form carries to show that its session's own page sent it.
    Form,
}

/// A fresh token.
pub(crate) fn roll(world: &World) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
    world.fill(&mut *bytes);
    Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes))
}

/// What is kept of a token.
pub(crate) fn hash(kind: Kind, token: &str) -> Vec<u8> {
    let label = match kind {
        Kind::Session => "coranto session",
        Kind::Device => "coranto device",
        Kind::Link => "coranto link",
        Kind::Form => "coranto form",
    };
    Sha256::new().chain_update(label).chain_update([0]).chain_update(token).finalize().to_vec()
}

/// Whether a text could be a token: what could not be is not looked for.
pub(crate) fn well_formed(text: &str) -> bool {
    text.len() == TOKEN_CHARS && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// What a session's forms carry: it follows from the session's token and leads back to it for nobody.
pub(crate) fn form_mark(session: &str) -> String {
    URL_SAFE_NO_PAD.encode(hash(Kind::Form, session))
}

/// Whether two texts are the same, in a time that depends on their lengths alone.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_hashed_for_its_use_alone() {
        let token = "a".repeat(TOKEN_CHARS);
        let every = [Kind::Session, Kind::Device, Kind::Link, Kind::Form].map(|kind| hash(kind, &token));
        for (at, one) in every.iter().enumerate() {
            assert_eq!(one.len(), 32);
            assert!(every.iter().skip(at + 1).all(|other| other != one));
        }
    }

    #[test]
    fn only_what_could_be_a_token_is_one() {
        assert!(well_formed(&"a-_9".repeat(11)[..TOKEN_CHARS]));
        for odd in ["", "a", &"a".repeat(44), &"/".repeat(43), &"é".repeat(43)] {
            assert!(!well_formed(odd), "{odd}");
        }
        assert!(same("ab", "ab") && !same("ab", "ac") && !same("ab", "abc"));
    }
}
