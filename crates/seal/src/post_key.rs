//! What the post office writes on a copy's outside: its Message-ID and its envelope sender.
//!
//! Both are pure functions of departure and reader, so a retry is byte-identical. The Message-ID tells nothing; the
//! envelope sender can be read back (VERP) and cannot be forged, so a forged bounce silences nobody.

use newsroom::{DepartureId, ReaderId};

use crate::{KEY_BYTES, MacKey, Secret, TAG_BYTES};

/// How every envelope sender's local part begins: mail to `bounce+…` is a bounce, and a server that knows
/// sub-addressing (RFC 5233) files all of it in one box.
pub const VERP_PREFIX: &str = "bounce+";
/// Departure and reader.
const BODY_BYTES: usize = 16;
/// Base32 characters of 16 bytes of ids and 16 of MAC. With the prefix 59 octets; RFC 5321 §4.5.3.1.1 allows 64.
const VERP_CHARS: usize = 52;
const MESSAGE_ID_LABEL: &str = "coranto message-id";
const SOURCE_LABEL: &str = "coranto source of bounces";
const VERP_LABEL: &str = "coranto verp";
/// RFC 4648 §6 in lower case: relays may fold the case of a local part, so it must not matter.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The post office's own key: with it one can forge bounces, and nothing else.
#[derive(Clone, Debug)]
pub struct PostKey(MacKey);

impl PostKey {
    /// Marks copies with `key`.
    pub fn new(key: &Secret<[u8; KEY_BYTES]>) -> Self {
        Self(MacKey::new(key))
    }

    /// The part of a copy's Message-ID before the `@`: 32 hexadecimal digits that only this key can connect with the
    /// departure and the reader. Unique to the copy (RFC 5322 §3.6.4), the same at every retry.
    pub fn message_id(&self, departure: DepartureId, reader: ReaderId) -> String {
        let tag = self.0.tag(MESSAGE_ID_LABEL, &body(departure, reader));
        tag.iter().fold(String::with_capacity(2 * TAG_BYTES), |text, byte| {
            let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
            text + digit(byte >> 4).encode_utf8(&mut [0; 4]) + digit(byte & 15).encode_utf8(&mut [0; 4])
        })
    }

    /// The local part of the envelope sender of one copy: 59 octets, lower case, without an address.
    pub fn verp(&self, departure: DepartureId, reader: ReaderId) -> String {
        let body = body(departure, reader);
        let mut whole = [0; BODY_BYTES + TAG_BYTES];
        whole[..BODY_BYTES].copy_from_slice(&body);
        whole[BODY_BYTES..].copy_from_slice(&self.0.tag(VERP_LABEL, &body));
        let mut text = String::with_capacity(VERP_PREFIX.len() + VERP_CHARS);
        text.push_str(VERP_PREFIX);
        text.extend((0..VERP_CHARS).map(|at| char::from(BASE32[usize::from(five_bits(&whole, at))])));
        text
    }

    /// A name for whoever brings bounces, that tells nothing of who they are to one without the key.
    pub fn source(&self, text: &str) -> [u8; TAG_BYTES] {
        self.0.tag(SOURCE_LABEL, text.as_bytes())
    }

    /// Which copy a bounce to this local part is about, in any mix of cases; `None` when the post office did not
    /// write it.
    pub fn check_verp(&self, local: &str) -> Option<(DepartureId, ReaderId)> {
        let (prefix, coded) = local.split_at_checked(VERP_PREFIX.len())?;
        if !prefix.eq_ignore_ascii_case(VERP_PREFIX) {
            return None;
        }
        let whole = from_base32(coded)?;
        let (body, tag) = whole.split_at(BODY_BYTES);
        if !self.0.holds(VERP_LABEL, body, tag.try_into().ok()?) {
            return None;
        }
        let number = |at: usize| i64::from_be_bytes(std::array::from_fn(|i| body[at + i]));
        Some((DepartureId(number(0)), ReaderId(number(8))))
    }
}

fn body(departure: DepartureId, reader: ReaderId) -> [u8; BODY_BYTES] {
    let mut body = [0; BODY_BYTES];
    body[..8].copy_from_slice(&departure.0.to_be_bytes());
    body[8..].copy_from_slice(&reader.0.to_be_bytes());
    body
}

/// The `at`-th group of five bits; past the end the missing bits are zero (RFC 4648 §6).
fn five_bits(whole: &[u8], at: usize) -> u8 {
    let (byte, bit) = (at * 5 / 8, at * 5 % 8);
    let pair = u16::from_be_bytes([whole[byte], whole.get(byte + 1).copied().unwrap_or(0)]);
    ((pair >> (11 - bit)) & 31) as u8
}

fn from_base32(coded: &str) -> Option<[u8; BODY_BYTES + TAG_BYTES]> {
    if coded.len() != VERP_CHARS {
        return None;
    }
    let (mut whole, mut at, mut held, mut bits) = ([0; BODY_BYTES + TAG_BYTES], 0, 0u32, 0);
    for character in coded.bytes().map(|byte| byte.to_ascii_lowercase()) {
        let value = BASE32.iter().position(|letter| *letter == character)?;
        held = (held << 5) | value as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            whole[at] = (held >> bits) as u8;
            held &= (1 << bits) - 1;
            at += 1;
        }
    }
    // RFC 4648 §3.5: bits that stand for nothing are zero, so that a copy has one spelling.
    (held == 0).then_some(whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> PostKey {
        PostKey::new(&Secret::new([1; KEY_BYTES]))
    }

    #[test]
    fn the_marks_are_those_another_implementation_makes() {
        // Python: hmac with b"coranto message-id\0" and b"coranto verp\0" before the two ids; base64.b32encode.
        assert_eq!(key().message_id(DepartureId(7), ReaderId(9)), "3b8928028777ca94d63c1436781e1d62");
        assert_eq!(
            key().verp(DepartureId(7), ReaderId(9)),
            "bounce+aaaaaaaaaaaaoaaaaaaaaaaabgdticwovtocc2fhl77ysntad2ga"
        );
    }

    #[test]
    fn an_envelope_sender_fits_into_a_local_part() {
        let local = key().verp(DepartureId(i64::MAX), ReaderId(i64::MAX));
        assert_eq!(local.len(), 59);
        newsroom::Address::parse(&format!("{local}@news.example.org")).unwrap();
    }

    #[test]
    fn an_envelope_sender_with_any_character_changed_is_refused() {
        let local = key().verp(DepartureId(7), ReaderId(9));
        for at in 0..local.len() {
            for other in BASE32.iter().chain(b"+-189").filter(|other| local.as_bytes()[at] != **other) {
                let mut forged = local.clone().into_bytes();
                forged[at] = *other;
                let forged = String::from_utf8(forged).unwrap();
                assert_eq!(key().check_verp(&forged), None, "{forged}");
            }
        }
        assert_eq!(key().check_verp(""), None);
        assert_eq!(key().check_verp("bounce+"), None);
        assert_eq!(key().check_verp("boünce+"), None);
        assert_eq!(key().check_verp(&format!("{local}a")), None);
        assert_eq!(PostKey::new(&Secret::new([2; KEY_BYTES])).check_verp(&local), None);
    }

    #[test]
    fn copies_have_distinct_message_ids() {
        let ids = [(1, 2), (2, 1), (1, 3), (3, 2)].map(|(d, r)| key().message_id(DepartureId(d), ReaderId(r)));
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
    }

    proptest! {
        #[test]
        fn every_envelope_sender_comes_back_in_any_case(departure in 0..i64::MAX, reader in 0..i64::MAX) {
            let (departure, reader) = (DepartureId(departure), ReaderId(reader));
            let local = key().verp(departure, reader);
            prop_assert_eq!(key().check_verp(&local), Some((departure, reader)));
            prop_assert_eq!(key().check_verp(&local.to_ascii_uppercase()), Some((departure, reader)));
        }
    }
}
