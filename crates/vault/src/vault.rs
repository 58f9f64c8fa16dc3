//! Opening and sealing with the key ring: addresses, sign-ups, secret settings; the blind index and the lanes.

use std::collections::BTreeMap;

use hpke::{
    Deserializable, Kem, OpModeR, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256, kem::X25519HkdfSha256,
    single_shot_open,
};
use newsroom::{Address, ReaderId};
use seal::{InboxParts, MacKey, PostKey, SealKey, Secret, TokenKey, inbox_info, unpad};

use crate::{KeyRing, ciphers::Ciphers, key_ring::Keys, lane};

/// An address at rest is padded to whole steps of so many bytes: nearly all then have one of two lengths.
const ADDRESS_STEP_BYTES: usize = 32;
/// A secret setting (a relay's password) is padded likewise.
const SETTING_STEP_BYTES: usize = 64;
/// Parts a setting's place from a reader's, though their keys differ anyway.
const SETTING_PLACE: &[u8] = b"coranto setting\0";
const INDEX_LABEL: &str = "coranto address index";
const FINGERPRINT_LABEL: &str = "coranto index key fingerprint";

/// Why something did not open. No message holds what it was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultFault {
    /// Sealed under a key that this ring lacks: the wrong key file, or an older one. Stop and ask for the right one.
    #[error("this was sealed with key {0}, which the key file does not hold; the right key file is needed")]
    UnknownKey(i64),
    /// Altered, cut short, or sealed for another place: this row alone is unreadable.
    #[error("this row does not open: it was altered, or belongs elsewhere")]
    Refused,
}

/// The opened key ring, ready for use. Cheap to share behind an `Arc`; wiped when dropped.
pub struct Vault {
    address: Ciphers,
    setting: Ciphers,
    index: MacKey,
    inbox: BTreeMap<i64, <X25519HkdfSha256 as Kem>::PrivateKey>,
    seal: SealKey,
    token: TokenKey,
    post: PostKey,
    ring: KeyRing,
}

impl Vault {
    /// A vault over `ring`.
    pub fn new(ring: KeyRing) -> Self {
        let inbox: BTreeMap<_, _> =
            ring.inbox.iter().map(|(kid, key)| (*kid, X25519HkdfSha256::derive_keypair(key.expose()).0)).collect();
        let (kid, newest) = inbox.last_key_value().expect("a key ring has a key of each kind");
        let public = X25519HkdfSha256::sk_to_pk(newest).to_bytes().into();
        Self {
            seal: SealKey::new(*kid, &public).expect("a private key's own public half is no point of small order"),
            address: Ciphers::new(&ring.address, ADDRESS_STEP_BYTES),
            setting: Ciphers::new(&ring.setting, SETTING_STEP_BYTES),
            index: MacKey::new(&ring.index),
            token: token_key(&ring.token),
            post: PostKey::new(&ring.post),
            inbox,
            ring,
        }
    }

    /// What the public side gets, and all it gets: a key to seal with and a key for links.
    pub fn public(&self) -> (SealKey, TokenKey) {
        (self.seal.clone(), self.token.clone())
    }

    /// The token key.
    pub fn token_key(&self) -> &TokenKey {
        &self.token
    }

    /// The key of Message-IDs and envelope senders.
    pub fn post_key(&self) -> &PostKey {
        &self.post
    }

    /// The keys themselves: DKIM's are asked for here.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// The kid that seals addresses now: a row under a lower one is due to be sealed anew.
    pub fn address_kid(&self) -> i64 {
        self.address.newest()
    }

    /// `address` sealed for the row of `reader`: the kid and the bytes that the store keeps. The dice give the nonce.
    pub fn seal_address(&self, address: &Address, reader: ReaderId, dice: &mut dyn FnMut(&mut [u8])) -> (i64, Vec<u8>) {
        self.address.seal(address.expose().as_bytes(), &reader.0.to_be_bytes(), dice)
    }

    /// The address in the row of `reader`.
    ///
    /// # Errors
    /// [`VaultFault::UnknownKey`] for a kid that the ring lacks; [`VaultFault::Refused`] for bytes that were altered or
    /// taken from another reader's row.
    pub fn open_address(&self, kid: i64, sealed: &[u8], reader: ReaderId) -> Result<Address, VaultFault> {
        let padded = self.address.open(kid, sealed, &reader.0.to_be_bytes())?;
        let text = str::from_utf8(padded.expose()).map_err(|_| VaultFault::Refused)?.trim_end_matches('\0');
        Address::parse(text).map_err(|_| VaultFault::Refused)
    }

    /// The blind index of `address`: equal for equal addresses, meaningless without the index key.
    pub fn index(&self, address: &Address) -> [u8; 16] {
        self.index.tag(INDEX_LABEL, address.expose().as_bytes())
    }

    /// What tells this newsroom's index key from another's, in hexadecimal. It gives nothing of the key away.
    pub fn index_fingerprint(&self) -> String {
        self.index.tag(FINGERPRINT_LABEL, b"").iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The lane of `address`: see [`crate::PROVIDERS`].
    pub fn lane(&self, address: &Address) -> i64 {
        lane::lane(&self.index, address)
    }

    /// What the front sealed into the inbox, with the same `aad`.
    ///
    /// # Errors
    /// [`VaultFault`], as [`Vault::open_address`].
    pub fn open_signup(&self, row: &[u8], aad: &[u8]) -> Result<Secret<Vec<u8>>, VaultFault> {
        let InboxParts { kid, encapped, sealed } = InboxParts::of(row).ok_or(VaultFault::Refused)?;
        let key = self.inbox.get(&kid).ok_or(VaultFault::UnknownKey(kid))?;
        let encapped = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapped).map_err(|_| VaultFault::Refused)?;
        let padded = single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            key,
            &encapped,
            &inbox_info(kid),
            sealed,
            aad,
        )
        .map_err(|_| VaultFault::Refused)?;
        let padded = Secret::new(padded);
        let plain = unpad(padded.expose()).ok_or(VaultFault::Refused)?;
        Ok(Secret::new(plain.to_vec()))
    }

    /// A secret setting (a relay's password) sealed for the store, bound to its name.
    ///
    /// # Panics
    /// When `secret` holds a NUL: no password does, and the padding could not be told from it.
    pub fn seal_setting(&self, name: &str, secret: &str, dice: &mut dyn FnMut(&mut [u8])) -> (i64, Vec<u8>) {
        assert!(!secret.contains('\0'), "a secret setting is a line of text");
        self.setting.seal(secret.as_bytes(), &[SETTING_PLACE, name.as_bytes()].concat(), dice)
    }

    /// The secret setting `name`.
    ///
    /// # Errors
    /// [`VaultFault`], as [`Vault::open_address`].
    pub fn open_setting(&self, name: &str, kid: i64, sealed: &[u8]) -> Result<Secret<String>, VaultFault> {
        let padded = self.setting.open(kid, sealed, &[SETTING_PLACE, name.as_bytes()].concat())?;
        let text = str::from_utf8(padded.expose()).map_err(|_| VaultFault::Refused)?;
        Ok(Secret::new(text.trim_end_matches('\0').to_owned()))
    }
}

/// The newest mints; all check.
fn token_key(keys: &Keys) -> TokenKey {
    let mut newest_first = keys.values().rev();
    let newest = newest_first.next().expect("a key ring has a key of each kind");
    newest_first.fold(TokenKey::new(newest), TokenKey::with_retired)
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("address", &self.address.kids()).finish_non_exhaustive()
    }
}
