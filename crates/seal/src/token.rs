//! Tokens: what stands in a mail's links. They name a reader, a purpose and an object, carry a MAC, and hold no address.
//!
//! 33 bytes, always 44 characters of base64url, so a token never changes the length of the line it stands in:
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | version in the high half, purpose in the low |
//! | 8 | reader's id, big-endian |
//! | 8 | object's id, big-endian: the newsletter or the departure |
//! | 16 | HMAC-SHA256 over all that, cut to 128 bits |
//!
//! A token is checked without the store, on any of the outlet's domains, with the vault locked, for years. It never
//! expires by itself: what it may still do is the store's to say.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use newsroom::ReaderId;

use crate::{KEY_BYTES, MacKey, Secret, TAG_BYTES};

/// Characters of a token: 33 bytes in base64url without padding (RFC 4648 §5).
pub const TOKEN_CHARS: usize = 44;
const TOKEN_BYTES: usize = 33;
/// Purpose, reader and object: what the MAC covers.
const BODY_BYTES: usize = TOKEN_BYTES - TAG_BYTES;
/// The layout above. Four bits; a new layout takes the next number and old links go on being read.
const VERSION: u8 = 1;
const LABEL: &str = "coranto token";

/// What a link may do, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Confirm a sign-up.
    Confirm = 1,
    /// Unsubscribe, with one click or from the page.
    Unsubscribe = 2,
    /// Open the reader's own room: topics, hour, pause, erase.
    Preferences = 3,
    /// Take an unsubscribe back, from the page that says it is done.
    Resubscribe = 4,
}

impl Purpose {
    /// Every purpose.
    pub const EVERY: [Self; 4] = [Self::Confirm, Self::Unsubscribe, Self::Preferences, Self::Resubscribe];

    fn first_byte(self) -> u8 {
        (VERSION << 4) | self as u8
    }
}

/// A token as it stands in a link. `Debug` hides it: whoever holds it can act for its reader.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token([u8; TOKEN_CHARS]);

impl Token {
    /// Its 44 characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("base64url is ASCII")
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Mints and checks tokens. With it one can act for readers whose id is known; one cannot learn an address.
#[derive(Clone, Debug)]
pub struct TokenKey {
    current: MacKey,
    retired: Vec<MacKey>,
}

impl TokenKey {
    /// Mints and checks with `key`.
    pub fn new(key: &Secret<[u8; KEY_BYTES]>) -> Self {
        Self { current: MacKey::new(key), retired: Vec::new() }
    }

    /// Also takes tokens that an older key minted: links in mail outlive a key.
    #[must_use]
    pub fn with_retired(mut self, key: &Secret<[u8; KEY_BYTES]>) -> Self {
        self.retired.push(MacKey::new(key));
        self
    }

    /// A token with which `reader` may do `purpose` to `object` (a newsletter's or a departure's id).
    pub fn mint(&self, purpose: Purpose, reader: ReaderId, object: i64) -> Token {
        let mut whole = [0; TOKEN_BYTES];
        whole[0] = purpose.first_byte();
        whole[1..9].copy_from_slice(&reader.0.to_be_bytes());
        whole[9..BODY_BYTES].copy_from_slice(&object.to_be_bytes());
        let tag = self.current.tag(LABEL, &whole[..BODY_BYTES]);
        whole[BODY_BYTES..].copy_from_slice(&tag);
        let mut text = [0; TOKEN_CHARS];
        let written = URL_SAFE_NO_PAD.encode_slice(whole, &mut text).expect("33 bytes make 44 characters");
        assert_eq!(written, TOKEN_CHARS);
        Token(text)
    }

    /// Whose token `text` is and for which object, if it was minted here for `purpose`. Anything else is `None`:
    /// a stranger learns no reason.
    pub fn check(&self, text: &str, purpose: Purpose) -> Option<(ReaderId, i64)> {
        let (body, tag) = split(text)?;
        let mut keys = std::iter::once(&self.current).chain(&self.retired);
        let genuine = keys.any(|key| key.holds(LABEL, &body, &tag));
        if !genuine || body[0] != purpose.first_byte() {
            return None;
        }
        let number = |at: usize| i64::from_be_bytes(std::array::from_fn(|i| body[at + i]));
        Some((ReaderId(number(1)), number(9)))
    }
}

/// What the MAC covers, and the MAC. 44 characters are exactly 33 bytes, so there is one spelling of each token.
fn split(text: &str) -> Option<([u8; BODY_BYTES], [u8; TAG_BYTES])> {
    if text.len() != TOKEN_CHARS {
        return None;
    }
    let mut whole = [0; TOKEN_BYTES];
    let read = URL_SAFE_NO_PAD.decode_slice(text, &mut whole).ok()?;
    if read != TOKEN_BYTES {
        return None;
    }
    let (body, tag) = whole.split_at(BODY_BYTES);
    Some((body.try_into().ok()?, tag.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> TokenKey {
        TokenKey::new(&Secret::new([byte; KEY_BYTES]))
    }

    #[test]
    fn the_token_is_the_one_another_implementation_makes() {
        // Python: body = b"\x12" + the two ids; base64url of body + hmac.new(key, b"coranto token\0" + body, "sha256")[:16].
        let token = key(1).mint(Purpose::Unsubscribe, ReaderId(7), 9);
        assert_eq!(token.as_str(), "EgAAAAAAAAAHAAAAAAAAAAnzW3WSNHn_UDEn27EgwiYL");
    }

    #[test]
    fn a_token_changed_in_any_bit_is_refused() {
        let token = key(1).mint(Purpose::Unsubscribe, ReaderId(0x0123_4567_89ab_cdef), 77);
        let whole = URL_SAFE_NO_PAD.decode(token.as_str()).unwrap();
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut forged = whole.clone();
                forged[at] ^= 1 << bit;
                let text = URL_SAFE_NO_PAD.encode(forged);
                for purpose in Purpose::EVERY {
                    assert_eq!(key(1).check(&text, purpose), None, "byte {at} bit {bit} as {purpose:?}");
                }
            }
        }
    }

    #[test]
    fn a_token_with_any_character_changed_is_refused() {
        let token = key(1).mint(Purpose::Confirm, ReaderId(5), 6);
        for at in 0..TOKEN_CHARS {
            for other in b"Aa0-_+/=%. \0\xc3".iter().filter(|other| token.as_str().as_bytes()[at] != **other) {
                let mut forged = token.as_str().as_bytes().to_vec();
                forged[at] = *other;
                let text = String::from_utf8_lossy(&forged);
                assert_eq!(key(1).check(&text, Purpose::Confirm), None, "character {at} as {other}");
            }
        }
    }

    #[test]
    fn a_token_of_one_purpose_serves_no_other() {
        for minted in Purpose::EVERY {
            let token = key(1).mint(minted, ReaderId(5), 6);
            for asked in Purpose::EVERY {
                let expected = (minted == asked).then_some((ReaderId(5), 6));
                assert_eq!(key(1).check(token.as_str(), asked), expected, "{minted:?} as {asked:?}");
            }
        }
    }

    #[test]
    fn a_purpose_written_over_the_old_one_is_refused() {
        for minted in Purpose::EVERY {
            for wanted in Purpose::EVERY.into_iter().filter(|wanted| *wanted != minted) {
                let token = key(1).mint(minted, ReaderId(5), 6);
                let mut whole = URL_SAFE_NO_PAD.decode(token.as_str()).unwrap();
                whole[0] = wanted.first_byte();
                assert_eq!(key(1).check(&URL_SAFE_NO_PAD.encode(whole), wanted), None);
            }
        }
    }

    #[test]
    fn a_token_of_a_retired_key_is_still_taken_and_of_a_strange_key_is_not() {
        let old = key(1).mint(Purpose::Unsubscribe, ReaderId(5), 6);
        let rotated = key(2).with_retired(&Secret::new([1; KEY_BYTES]));
        assert_eq!(rotated.check(old.as_str(), Purpose::Unsubscribe), Some((ReaderId(5), 6)));
        assert_eq!(key(2).check(old.as_str(), Purpose::Unsubscribe), None);
        assert_ne!(rotated.mint(Purpose::Unsubscribe, ReaderId(5), 6), old);
    }

    #[test]
    fn debug_prints_no_token() {
        assert_eq!(format!("{:?}", key(1).mint(Purpose::Confirm, ReaderId(5), 6)), "Token(…)");
        assert!(!format!("{:?}", key(1)).contains('1'));
    }

    proptest! {
        #[test]
        fn every_token_comes_back(reader in 0..i64::MAX, object: i64, which in 0..4usize) {
            let token = key(3).mint(Purpose::EVERY[which], ReaderId(reader), object);
            prop_assert_eq!(token.as_str().len(), TOKEN_CHARS);
            prop_assert_eq!(key(3).check(token.as_str(), Purpose::EVERY[which]), Some((ReaderId(reader), object)));
        }

        #[test]
        fn no_text_of_a_stranger_is_a_token(text in ".{0,60}") {
            prop_assert_eq!(key(3).check(&text, Purpose::Unsubscribe), None);
        }
    }
}
