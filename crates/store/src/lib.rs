//! The store: the only SQL. Two engines, one set of queries, one set of migrations.
//!
//! A query is a function over [`Read`] or [`Write`] with its SQL in view, named by a newsroom verb; it takes `now` and
//! returns the newsroom's words. Rows never leave. The store never reads a clock.

pub mod articles;
pub mod blocks;
pub mod caps;
pub mod corrections;
pub mod doubt;
pub mod editions;
mod engine;
pub mod envelope;
pub mod items;
pub mod ledger;
pub mod letters;
pub mod line_up;
pub mod lists;
pub mod members;
mod migrations;
pub mod newsletters;
pub mod notices;
pub mod pages;
pub mod pictures;
pub mod proof;
pub mod readers;
pub mod returned;
pub mod revisions;
pub mod settings;
pub mod slots;
pub mod sources;
pub mod tallies;
pub mod test_copies;
pub mod topics;
mod value;
pub mod warm_up;
pub mod ways;
pub mod whole;

pub use engine::{Error, Location, Read, Result, Session, Store, Write};

/// A statement, written out. The conformance suite reads these from the source and plans each on both engines.
#[macro_export]
macro_rules! sql {
    ($text:literal) => {
        $text
    };
}

/// A statement's arguments.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::engine::Value::from($value)),*] }
}
pub(crate) use args;

/// One row of a bulk verb.
macro_rules! row {
    ($($value:expr),* $(,)?) => { vec![$($crate::engine::Value::from($value)),*] }
}
pub(crate) use row;
