//! The vault: the only crate that opens a reader's address.
//!
//! It holds the key ring: address keys, the blind index's key, the sign-up inbox's private key, the marks' keys, the
//! DKIM keys and the key for secret settings. `post`, `readers` and `survive` may ask it; the front never can. It never
//! logs, never prints a key or an address, never reads a clock, and takes its randomness as an argument.

pub mod age;
mod ciphers;
mod key_file;
mod key_ring;
mod lane;
mod vault;

pub use key_file::{KEY_FILE_BYTES_MAX, KeyFileFault};
pub use key_ring::{KeyRing, SELECTOR_BYTES_MAX, SelectorFault};
pub use lane::{HASHED_LANES, LANES, PROVIDER_LANES, PROVIDERS, provider};
pub use vault::{Vault, VaultFault};
