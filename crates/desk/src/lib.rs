//! The desk: Items become Articles, edited, credited, published and corrected.
//!
//! It takes what gather left in the store, makes the house's document of it, and keeps every revision. It never guesses
//! an author or an outlet, and never publishes another outlet's words without saying whose they are.

mod make;
mod take;
pub mod write;

pub use make::{Made, Origin, make};
pub use take::{Taken, correct, import, take_ready};
