//! The same promises against real servers and browsers: PostgreSQL, Postfix, OpenSMTPD, Exim, Chromium, axe,
//! dkimpy, OpenDKIM.
//!
//! This crate finds and drives programs that share no code with ours; what they are asked stands in `tests/` here and in
//! the tests of other crates. It is never shipped. A program that is missing skips the test aloud, never in silence:
//!
//! ```no_run
//! use interop::{Tool, need};
//! let Some(_chromium) = need(Tool::Chromium) else { return };
//! ```

pub mod axe;
pub mod browser;
mod daemon;
pub mod dkimpy;
pub mod namespace;
pub mod opendkim;
pub mod postfix;
pub mod postgres;
pub mod receiver;
mod root;
pub mod scratch;
pub mod skips;
pub mod terminal;
mod tool;

pub use tool::{Tool, need, target};
