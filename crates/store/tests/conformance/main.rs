//! The conformance suite: each test is a story, run on every engine, and the tellings compared.

mod caps;
mod doubt;
mod engines;
mod ledger;
mod lists;
mod members;
mod newsroom;
mod next_edition;
mod notices;
mod readers;
mod returned;
mod slots;
mod warm_up;
mod ways;
mod whole;
mod writing;
