//! One keyed hash for every mark: HMAC-SHA256 cut to 128 bits, with a label for each use.
//!
//! The label is hashed before the message and ended by a NUL, so a tag made for one use never passes for another, even
//! under the same key.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Secret;

/// Bytes of every symmetric key of Coranto: 256 bits.
pub const KEY_BYTES: usize = 32;
/// Bytes of a tag: 128 bits, what SP 800-107 asks of a truncated HMAC and more than a stranger can guess online.
pub const TAG_BYTES: usize = 16;

/// A key for marks, hashed into its starting state once so that a tag costs two blocks, not four.
#[derive(Clone)]
pub struct MacKey(Hmac<Sha256>);

impl MacKey {
    /// Ready to make tags under `key`.
    pub fn new(key: &Secret<[u8; KEY_BYTES]>) -> Self {
        Self(Hmac::new_from_slice(key.expose()).expect("HMAC takes keys of any length (RFC 2104 §2)"))
    }

    /// The tag of `message` for the use named by `label`.
    pub fn tag(&self, label: &str, message: &[u8]) -> [u8; TAG_BYTES] {
        let whole = self.hashed(label, message).finalize().into_bytes();
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&whole[..TAG_BYTES]);
        tag
    }

    /// Whether `tag` is the tag of `message` for that use. Takes the same time whatever the answer.
    pub fn holds(&self, label: &str, message: &[u8], tag: &[u8; TAG_BYTES]) -> bool {
        self.hashed(label, message).verify_truncated_left(tag).is_ok()
    }

    fn hashed(&self, label: &str, message: &[u8]) -> Hmac<Sha256> {
        debug_assert!(!label.contains('\0'), "a label ends at its first NUL");
        self.0.clone().chain_update(label).chain_update([0]).chain_update(message)
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_tag_is_the_one_another_implementation_makes() {
        // Python: hmac.new(bytes(range(32)), b"label\0message", "sha256").digest()[:16]
        let key = MacKey::new(&Secret::new(std::array::from_fn(|i| i as u8)));
        assert_eq!(hex(&key.tag("label", b"message")), "8424a4f2a9962d2248eecdf728b5763b");
    }

    #[test]
    fn a_tag_holds_for_its_own_label_and_message_alone() {
        let key = MacKey::new(&Secret::new([1; KEY_BYTES]));
        let tag = key.tag("one use", b"message");
        assert!(key.holds("one use", b"message", &tag));
        assert!(!key.holds("another", b"message", &tag));
        assert!(!key.holds("one use", b"massage", &tag));
        assert!(!MacKey::new(&Secret::new([2; KEY_BYTES])).holds("one use", b"message", &tag));
    }

    #[test]
    fn debug_prints_nothing_secret() {
        assert_eq!(format!("{:?}", MacKey::new(&Secret::new([1; KEY_BYTES]))), "MacKey(…)");
    }
}
