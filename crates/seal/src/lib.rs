//! What the public side may hold: a key to seal with, and keys to mark with.
//!
//! The front seals a sign-up to a public key and mints or checks the tokens in mail links. It does so with nothing that
//! opens an address or tells whether one is known: those keys stay in `vault`. This crate never opens, never reads a
//! clock, never rolls dice of its own: randomness comes in as bytes, so a simulation replays.

mod inbox;
mod mac;
mod post_key;
mod secret;
mod token;

pub use inbox::{INBOX_BLOCK_BYTES, InboxParts, KeyFault, PUBLIC_KEY_BYTES, SealKey, inbox_info, unpad};
pub use mac::{KEY_BYTES, MacKey, TAG_BYTES};
pub use post_key::{PostKey, VERP_PREFIX};
pub use secret::Secret;
pub use token::{Purpose, TOKEN_CHARS, Token, TokenKey};
