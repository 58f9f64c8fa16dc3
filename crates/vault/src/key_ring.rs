//! The key ring: every key of one outlet, by kind and kid, and how each is replaced.
//!
//! | kind | for | replaced by |
//! | --- | --- | --- |
//! | address | readers' addresses at rest | a new kid; rows are sealed anew in batches, old keys stay until none is left |
//! | index | the blind index and the hashed lanes | never: what was erased is known by its index alone |
//! | inbox | sign-ups; X25519, derived from 32 bytes (RFC 9180 §7.1.3) | a new kid; the inbox is emptied in minutes |
//! | token | links in mail | a new kid; old ones go on being read for as long as the ring keeps them |
//! | post | Message-ID and envelope sender | never while a departure is under way: a retry must be byte-identical |
//! | setting | secret settings at rest | a new kid |
//! | dkim | signatures, by selector (PKCS#8) | a new selector |

use std::collections::BTreeMap;

use seal::{KEY_BYTES, Secret};

/// A selector is one DNS label or a few (RFC 6376 §3.1); 63 octets is one label's limit (RFC 1035 §2.3.4).
pub const SELECTOR_BYTES_MAX: usize = 63;

pub(crate) type Key = Secret<[u8; KEY_BYTES]>;
pub(crate) type Keys = BTreeMap<i64, Key>;

/// All keys of one outlet. `Debug` names kinds and kids, no key.
#[derive(Clone)]
pub struct KeyRing {
    pub(crate) address: Keys,
    pub(crate) index: Key,
    pub(crate) inbox: Keys,
    pub(crate) token: Keys,
    pub(crate) post: Key,
    pub(crate) setting: Keys,
    pub(crate) dkim: BTreeMap<String, Secret<Vec<u8>>>,
}

/// A selector that DNS could not hold, or that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorFault {
    /// Not letters, digits, hyphens and dots, or too long.
    #[error("a DKIM selector is letters, digits and hyphens, such as coranto-2026a")]
    NoSelector,
    /// There is a key under it: receivers that know the old one would refuse the new one's mail.
    #[error("there is a DKIM key under this selector; a new key needs a new selector")]
    Taken,
}

impl KeyRing {
    /// A fresh ring, without a DKIM key, from dice that must be the system's.
    pub fn generate(dice: &mut dyn FnMut(&mut [u8])) -> Self {
        let mut first = || Keys::from([(1, Secret::roll(dice))]);
        let (address, inbox, token, setting) = (first(), first(), first(), first());
        let (index, post) = (Secret::roll(dice), Secret::roll(dice));
        Self { address, index, inbox, token, post, setting, dkim: BTreeMap::new() }
    }

    /// Adds an address key, which seals from now on. Returns its kid.
    pub fn rotate_address(&mut self, dice: &mut dyn FnMut(&mut [u8])) -> i64 {
        rotate(&mut self.address, dice)
    }

    /// Adds a sign-up key, whose public half the front seals to from now on. Returns its kid.
    pub fn rotate_inbox(&mut self, dice: &mut dyn FnMut(&mut [u8])) -> i64 {
        rotate(&mut self.inbox, dice)
    }

    /// Adds a token key, which mints from now on. Returns its kid.
    pub fn rotate_token(&mut self, dice: &mut dyn FnMut(&mut [u8])) -> i64 {
        rotate(&mut self.token, dice)
    }

    /// Adds a key for secret settings. Returns its kid.
    pub fn rotate_setting(&mut self, dice: &mut dyn FnMut(&mut [u8])) -> i64 {
        rotate(&mut self.setting, dice)
    }

    /// Takes a DKIM private key, PKCS#8 in DER, under its selector.
    ///
    /// # Errors
    /// [`SelectorFault`].
    pub fn add_dkim(&mut self, selector: &str, pkcs8: Secret<Vec<u8>>) -> Result<(), SelectorFault> {
        if !is_selector(selector) {
            return Err(SelectorFault::NoSelector);
        }
        if self.dkim.contains_key(selector) {
            return Err(SelectorFault::Taken);
        }
        self.dkim.insert(selector.to_owned(), pkcs8);
        Ok(())
    }

    /// The DKIM private key under `selector`, PKCS#8 in DER.
    pub fn dkim(&self, selector: &str) -> Option<&Secret<Vec<u8>>> {
        self.dkim.get(selector)
    }

    /// Every DKIM selector, in order.
    pub fn selectors(&self) -> impl Iterator<Item = &str> {
        self.dkim.keys().map(String::as_str)
    }

    /// Every key as kind, name and bytes, in the order of the key file.
    pub(crate) fn every(&self) -> Vec<(&'static str, String, &[u8])> {
        let mut every = Vec::new();
        for (kind, keys) in
            [("address", &self.address), ("inbox", &self.inbox), ("token", &self.token), ("setting", &self.setting)]
        {
            every.extend(keys.iter().map(|(kid, key)| (kind, kid.to_string(), key.expose().as_slice())));
        }
        every.push(("index", "1".to_owned(), self.index.expose()));
        every.push(("post", "1".to_owned(), self.post.expose()));
        every.extend(self.dkim.iter().map(|(selector, key)| ("dkim", selector.clone(), key.expose().as_slice())));
        every
    }
}

pub(crate) fn is_selector(selector: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    selector.len() <= SELECTOR_BYTES_MAX && selector.split('.').all(label)
}

fn rotate(keys: &mut Keys, dice: &mut dyn FnMut(&mut [u8])) -> i64 {
    let kid = keys.last_key_value().map_or(0, |(kid, _)| *kid) + 1;
    keys.insert(kid, Secret::roll(dice));
    kid
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kids = |keys: &Keys| keys.keys().copied().collect::<Vec<_>>();
        f.debug_struct("KeyRing")
            .field("address", &kids(&self.address))
            .field("inbox", &kids(&self.inbox))
            .field("token", &kids(&self.token))
            .field("setting", &kids(&self.setting))
            .field("dkim", &self.dkim.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
