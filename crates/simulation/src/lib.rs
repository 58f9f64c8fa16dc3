//! Days of a whole newsroom on one thread from one seed: real SMTP over in-memory pipes, a relay with a temper, people who
//! come and go, SQLite on a disk that loses power, crashes at any await. Never shipped.
//!
//! A run founds a newsroom, lets it live for some mornings, and holds it to its promises at every look and at the end:
//! nobody missed, nobody mailed twice but for the listed doubtful, nothing to those who left, sums equal to the audience.
//! The same seed gives the same run, to the last octet that reached the relay.
//!
//! What it does not simulate: gathering and the press's pages, PostgreSQL, TLS, a stepping wall clock.

mod counters;
mod house;
mod line;
mod look;
mod many;
mod outside;
mod plan;
mod reading;
mod relay;
mod run;
mod standing;
mod temper;
mod town;
mod witness;

pub use counters::Counters;
pub use many::{SOMETIMES, Tally, run_many};
pub use run::{Report, Settings, run};
