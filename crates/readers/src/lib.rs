//! Readers: opens sealed sign-ups, asks them to confirm by letter, and keeps their consent. Reminds the desk by mail.
//!
//! It never tells the public side whether an address is known, and never writes an address in the clear.

pub mod inbox;
pub mod letter;
pub mod reminder;
