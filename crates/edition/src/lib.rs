//! Editions: Articles become one Edition, and each reader's copy of it.
//!
//! It decides what is new to whom, freezes a departure's audience with its rendered mail, and never sends anything: that is
//! the post office's. [`slots`] decides when a turn has come, and [`clock`] lets it depart.

pub mod clock;
pub mod cut;
pub mod mail;
pub mod slots;
mod view;

pub use view::edition_path;
