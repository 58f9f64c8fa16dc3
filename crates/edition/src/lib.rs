//! Editions: Articles become one Edition, and each reader's copy of it.
//!
//! It decides what is new to whom, freezes a departure's audience with its rendered mail, and never sends anything: that is
//! the post office's.

pub mod cut;
pub mod mail;
mod view;

pub use view::edition_path;
