//! Sealing at rest: XChaCha20-Poly1305 under keys named by kid.
//!
//! A sealed value is 24 bytes of nonce, the text padded with zeros to whole steps, and 16 bytes of tag. The nonce is
//! random: 192 bits may be rolled for every row for ever (draft-irtf-cfrg-xchacha-03 §3.1). The kid stands beside it in
//! the row and is bound in the associated data, so a row cannot be passed off under another key.

use std::collections::BTreeMap;

use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce, aead::AeadInOut};
use seal::{KEY_BYTES, Secret};

use crate::VaultFault;

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// The ciphers of one kind of key. The highest kid seals; all open.
pub(crate) struct Ciphers {
    by_kid: BTreeMap<i64, XChaCha20Poly1305>,
    /// Lengths at rest come in whole steps of so many bytes.
    step_bytes: usize,
}

impl Ciphers {
    pub(crate) fn new(keys: &BTreeMap<i64, Secret<[u8; KEY_BYTES]>>, step_bytes: usize) -> Self {
        assert!(!keys.is_empty(), "a key ring has a key of each kind");
        let ready = |(kid, key): (&i64, &Secret<[u8; KEY_BYTES]>)| {
            let cipher = XChaCha20Poly1305::new_from_slice(key.expose()).expect("the cipher's keys have 32 bytes");
            (*kid, cipher)
        };
        Self { by_kid: keys.iter().map(ready).collect(), step_bytes }
    }

    pub(crate) fn kids(&self) -> Vec<i64> {
        self.by_kid.keys().copied().collect()
    }

    pub(crate) fn newest(&self) -> i64 {
        *self.by_kid.last_key_value().expect("never empty").0
    }

    /// `plain` sealed under the newest key, bound to `place`.
    pub(crate) fn seal(&self, plain: &[u8], place: &[u8], dice: &mut dyn FnMut(&mut [u8])) -> (i64, Vec<u8>) {
        let (kid, cipher) = self.by_kid.last_key_value().expect("never empty");
        let mut nonce = [0; NONCE_BYTES];
        dice(&mut nonce);
        let padded_bytes = plain.len().next_multiple_of(self.step_bytes);
        let mut sealed = Vec::with_capacity(NONCE_BYTES + padded_bytes + TAG_BYTES);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        sealed.resize(NONCE_BYTES + padded_bytes, 0);
        let tag = cipher
            .encrypt_inout_detached(&XNonce::from(nonce), &bound(place, *kid), (&mut sealed[NONCE_BYTES..]).into())
            .expect("a row is far below the cipher's 256 GiB");
        sealed.extend_from_slice(&tag);
        (*kid, sealed)
    }

    /// What was sealed under `kid` and bound to `place`, with its padding.
    pub(crate) fn open(&self, kid: i64, sealed: &[u8], place: &[u8]) -> Result<Secret<Vec<u8>>, VaultFault> {
        let cipher = self.by_kid.get(&kid).ok_or(VaultFault::UnknownKey(kid))?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(VaultFault::Refused)?;
        let nonce = XNonce::try_from(nonce).expect("split at the nonce's length");
        let mut plain = sealed.to_vec();
        cipher.decrypt_in_place(&nonce, &bound(place, kid), &mut plain).map_err(|_| VaultFault::Refused)?;
        Ok(Secret::new(plain))
    }
}

/// The associated data: the place it belongs to, then the kid.
fn bound(place: &[u8], kid: i64) -> Vec<u8> {
    [place, &kid.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_cipher_follows_its_draft_appendix_a_3_1() {
        let key: Vec<u8> = (0x80..0xa0).collect();
        let nonce: Vec<u8> = (0x40..0x58).collect();
        let mut text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
sunscreen would be it."
            .to_vec();
        let cipher = XChaCha20Poly1305::new_from_slice(&key).unwrap();
        let nonce = XNonce::try_from(nonce.as_slice()).unwrap();
        cipher.encrypt_in_place(&nonce, &unhex("50515253c0c1c2c3c4c5c6c7"), &mut text).unwrap();
        assert_eq!(text[..16], unhex("bd6d179d3e83d43b9576579493c0e939"));
        assert_eq!(text[text.len() - 16..], unhex("c0875924c1c7987947deafd8780acf49"));
    }

    #[test]
    fn a_row_is_the_one_another_implementation_makes() {
        // Python: HChaCha20 written out, then cryptography's ChaCha20Poly1305, over the text padded to 32 bytes with
        // reader 7 and kid 3 as associated data. This pins the format at rest.
        let keys = BTreeMap::from([(3, Secret::new([1; KEY_BYTES]))]);
        let ciphers = Ciphers::new(&keys, 32);
        let (kid, sealed) = ciphers.seal(b"ana@example.org", &7i64.to_be_bytes(), &mut |bytes| bytes.fill(2));
        assert_eq!(kid, 3);
        assert_eq!(sealed[..NONCE_BYTES], [2; NONCE_BYTES]);
        let expected =
            "ad0857afcf0f9d20d00d04bf1d221e9ecdd5f1a835e62b174067bc6e71d1ff98e4306d4cfecb7d822585b60bdcc4ec26";
        assert_eq!(sealed[NONCE_BYTES..], unhex(expected));
    }
}
