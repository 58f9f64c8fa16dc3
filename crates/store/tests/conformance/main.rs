//! The conformance suite: each test is a story, run on every engine, and the tellings compared.

mod engines;
mod ledger;
mod newsroom;
mod readers;
mod slots;
