//! Readers: opens sealed sign-ups, asks them to confirm by letter, keeps their consent, and takes lists in and out. Reminds
//! the desk by mail.
//!
//! It never tells the public side whether an address is known, and never writes an address in the clear.

pub mod inbox;
pub mod letter;
pub mod list;
pub mod notice;
pub mod reminder;
pub mod returned;
pub mod trial;
