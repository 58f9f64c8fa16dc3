//! Sealing a sign-up: the front writes what a stranger typed into an inbox that the front itself cannot read back.
//!
//! HPKE in base mode (RFC 9180) with X25519, HKDF-SHA256 and ChaCha20-Poly1305. A sealed row:
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | version, 1 |
//! | 8 | kid: which of the vault's seal keys opens it, big-endian |
//! | 32 | the encapsulated key |
//! | n × 1024 | the length of what was sealed (4 bytes, big-endian), itself, zeros to the end of the block; encrypted |
//! | 16 | tag |
//!
//! Version and kid are bound in HPKE's `info`, whatever the caller names in its associated data. Only `vault` opens.

use hpke::{
    Deserializable, Kem, OpModeS, Serializable,
    aead::ChaCha20Poly1305,
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    rand_core::{TryCryptoRng, TryRng},
    single_shot_seal_with_rng,
};
use std::convert::Infallible;
use zeroize::Zeroize;

/// Sealed rows grow in steps of this: a sign-up with the longest address (254 bytes) and its choices fits one block,
/// so a row's length does not tell the address's.
pub const INBOX_BLOCK_BYTES: usize = 1024;
/// Bytes of a public key, and of the key that a sealed row carries.
pub const PUBLIC_KEY_BYTES: usize = 32;
const VERSION: u8 = 1;
const LENGTH_BYTES: usize = 4;
const HEAD_BYTES: usize = 1 + 8 + PUBLIC_KEY_BYTES;
const TAG_BYTES: usize = 16;

type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;

/// A public key that was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFault;

impl std::fmt::Display for KeyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this is no public key that a sign-up could be sealed to")
    }
}

impl std::error::Error for KeyFault {}

/// The public half of the vault's seal key: it seals, and opens nothing.
#[derive(Clone, Debug)]
pub struct SealKey {
    kid: i64,
    public: PublicKey,
}

impl SealKey {
    /// The key named `kid`, from its 32 bytes.
    ///
    /// # Errors
    /// [`KeyFault`] for a point of small order: with one, anybody could open what is sealed to it.
    pub fn new(kid: i64, public: &[u8; PUBLIC_KEY_BYTES]) -> Result<Self, KeyFault> {
        let public = PublicKey::from_bytes(public).map_err(|_| KeyFault)?;
        // RFC 9180 §7.1.4: an all-zero shared secret is refused; with such a point every one is, so one trial tells.
        hpke_seal(&public, b"", b"", b"", &mut |bytes: &mut [u8]| bytes.fill(0)).map_err(|_| KeyFault)?;
        Ok(Self { kid, public })
    }

    /// Which key this is.
    pub fn kid(&self) -> i64 {
        self.kid
    }

    /// Its 32 bytes. They are no secret.
    pub fn to_bytes(&self) -> [u8; PUBLIC_KEY_BYTES] {
        self.public.to_bytes().into()
    }

    /// `plain` sealed, bound to `aad` (which the opener must name again). The same dice give the same bytes; dice must
    /// never repeat in earnest. 57 bytes longer than `plain` in whole blocks. The caller limits `plain`.
    pub fn seal(&self, plain: &[u8], aad: &[u8], dice: &mut impl FnMut(&mut [u8])) -> Vec<u8> {
        let mut padded = pad(plain);
        let (encapped, sealed) = hpke_seal(&self.public, &inbox_info(self.kid), aad, &padded, dice)
            .expect("a key that passed its trial encapsulates, and one message never exhausts the nonces");
        padded.zeroize();
        let mut row = Vec::with_capacity(HEAD_BYTES + sealed.len());
        row.push(VERSION);
        row.extend_from_slice(&self.kid.to_be_bytes());
        row.extend_from_slice(&encapped);
        row.extend_from_slice(&sealed);
        row
    }
}

/// A sealed row taken apart, still sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxParts<'a> {
    /// Which seal key opens it.
    pub kid: i64,
    /// HPKE's encapsulated key.
    pub encapped: &'a [u8],
    /// Ciphertext and tag.
    pub sealed: &'a [u8],
}

impl<'a> InboxParts<'a> {
    /// Takes `row` apart; `None` when it has no such shape.
    pub fn of(row: &'a [u8]) -> Option<Self> {
        let (head, sealed) = row.split_at_checked(HEAD_BYTES)?;
        let blocks = sealed.len().checked_sub(TAG_BYTES)?;
        if head[0] != VERSION || blocks == 0 || blocks % INBOX_BLOCK_BYTES != 0 {
            return None;
        }
        let kid = i64::from_be_bytes(head[1..9].try_into().ok()?);
        Some(Self { kid, encapped: &head[9..], sealed })
    }
}

/// HPKE's `info` for rows of this version under the key `kid`.
pub fn inbox_info(kid: i64) -> Vec<u8> {
    [b"coranto inbox\0".as_slice(), &[VERSION], &kid.to_be_bytes()].concat()
}

/// What was sealed, out of its opened blocks; `None` when they are not ours: a wrong length or anything but zeros after.
pub fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let (length, rest) = padded.split_at_checked(LENGTH_BYTES)?;
    let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
    let (plain, zeros) = rest.split_at_checked(length)?;
    zeros.iter().all(|byte| *byte == 0).then_some(plain)
}

fn pad(plain: &[u8]) -> Vec<u8> {
    let length = u32::try_from(plain.len()).expect("the caller limits a sign-up far below 4 GiB");
    let size = (LENGTH_BYTES + plain.len()).next_multiple_of(INBOX_BLOCK_BYTES);
    let mut padded = Vec::with_capacity(size);
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(plain);
    padded.resize(size, 0);
    padded
}

fn hpke_seal(
    public: &PublicKey,
    info: &[u8],
    aad: &[u8],
    plain: &[u8],
    dice: &mut impl FnMut(&mut [u8]),
) -> Result<(Vec<u8>, Vec<u8>), hpke::HpkeError> {
    let (encapped, sealed) = single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        public,
        info,
        plain,
        aad,
        &mut Dice(dice),
    )?;
    Ok((encapped.to_bytes().to_vec(), sealed))
}

/// Dice from outside, as HPKE wants them.
struct Dice<'a, D: FnMut(&mut [u8])>(&'a mut D);

impl<D: FnMut(&mut [u8])> TryRng for Dice<'_, D> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        (self.0)(bytes);
        Ok(())
    }
}

/// The dice are `world`'s, whose real ones are the system's.
impl<D: FnMut(&mut [u8])> TryCryptoRng for Dice<'_, D> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn key() -> SealKey {
        let (_, public) = X25519HkdfSha256::derive_keypair(&[3; 32]);
        SealKey::new(7, &public.to_bytes().into()).unwrap()
    }

    fn loaded(byte: u8) -> impl FnMut(&mut [u8]) {
        move |bytes| bytes.fill(byte)
    }

    #[test]
    fn sealing_follows_rfc_9180_appendix_a_2_1() {
        let ikm_e = unhex("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b");
        let public = unhex("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
        let (encapped, sealed) = hpke_seal(
            &PublicKey::from_bytes(&public).unwrap(),
            b"Ode on a Grecian Urn",
            b"Count-0",
            b"Beauty is truth, truth beauty",
            &mut |bytes: &mut [u8]| bytes.copy_from_slice(&ikm_e),
        )
        .unwrap();
        assert_eq!(encapped, unhex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"));
        let expected = "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28";
        assert_eq!(sealed, unhex(expected));
    }

    #[test]
    fn the_same_dice_seal_the_same_bytes_and_others_do_not() {
        let first = key().seal(b"ana@example.org", b"row 1", &mut loaded(1));
        assert_eq!(first, key().seal(b"ana@example.org", b"row 1", &mut loaded(1)));
        assert_ne!(first, key().seal(b"ana@example.org", b"row 1", &mut loaded(2)));
    }

    #[test]
    fn a_sealed_row_names_its_key_and_hides_the_length() {
        let short = key().seal(b"a@b.cd", b"", &mut loaded(1));
        let long = key().seal(&[b'a'; 1020], b"", &mut loaded(1));
        let longer = key().seal(&[b'a'; 1021], b"", &mut loaded(1));
        assert_eq!((short.len(), long.len(), longer.len()), (1081, 1081, 2105));
        assert_eq!(InboxParts::of(&short).map(|parts| parts.kid), Some(7));
        assert!(!long.windows(8).any(|window| window == b"aaaaaaaa"));
    }

    #[test]
    fn a_row_of_another_shape_is_none_of_ours() {
        let row = key().seal(b"a@b.cd", b"", &mut loaded(1));
        for length in [0, 1, 40, 41, 56, 57, row.len() - 1] {
            assert_eq!(InboxParts::of(&row[..length]), None, "{length} bytes");
        }
        let mut newer = row;
        newer[0] = 2;
        assert_eq!(InboxParts::of(&newer), None);
    }

    #[test]
    fn padding_comes_off_as_it_went_on_and_foreign_padding_does_not() {
        for length in [0, 1, 254, 1020, 1021, 5000] {
            let plain = vec![7; length];
            assert_eq!(unpad(&pad(&plain)), Some(plain.as_slice()));
        }
        let mut padded = pad(b"ana");
        padded[1023] = 1;
        assert_eq!(unpad(&padded), None);
        assert_eq!(unpad(&[255; 1024]), None);
        assert_eq!(unpad(&[0; 3]), None);
    }

    #[test]
    fn a_public_key_of_small_order_is_refused() {
        assert_eq!(SealKey::new(1, &[0; 32]).unwrap_err(), KeyFault);
        let mut one = [0; 32];
        one[0] = 1;
        assert_eq!(SealKey::new(1, &one).unwrap_err(), KeyFault);
    }

    #[test]
    fn a_public_key_survives_its_bytes() {
        let again = SealKey::new(7, &key().to_bytes()).unwrap();
        let seal = |key: &SealKey| key.seal(b"x", b"", &mut loaded(4));
        assert_eq!(seal(&again), seal(&key()));
    }
}
