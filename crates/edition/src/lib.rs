//! Editions: Articles become one Edition, and each reader's copy of it.
//!
//! It decides what is new to whom, freezes a departure's audience with its rendered mail, and never sends anything: that is
//! the post office's. [`slots`] decides when a turn has come, and [`clock`] lets it depart.

pub mod clock;
pub mod correct;
pub mod cut;
pub mod mail;
mod materials;
pub mod preview;
pub mod slots;
mod view;

pub use materials::{FILL_SETTING, FILLS, STORIES_DEFAULT, STORIES_MAX, STORIES_SETTING};
pub use view::{edition_path, make_up};
