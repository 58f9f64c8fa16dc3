//! The desk: Items become Articles, edited, credited, published and corrected.
//!
//! It takes what gather left in the store, makes the house's document of it, and keeps every revision. It never guesses
//! an author or an outlet, and never publishes another outlet's words without saying whose they are.

mod correct;
mod line_up;
mod make;
mod take;
pub mod write;

pub use correct::{Retitled, retitle};
pub use line_up::{ItemLinedUp, change, line_up_item};
pub use make::{EXCERPT_WORDS_MAX, Made, Origin, make};
pub use take::{Taken, correct, import, take_ready};
