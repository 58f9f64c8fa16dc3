//! The post office: Deliveries become Verdicts.
//!
//! It reads what an edition or a letter left in the ledger, makes each copy from its cohort's shared body, and hands it
//! to one of the ways out: nobody missed, and nobody mailed twice but for the listed few whose answer was lost after the final dot.
//! It never stores a copy, never says "delivered", and never blames a reader for a relay. When a way fails, what it had not yet
//! taken goes by another; what it may have taken waits for its answer, and is nobody else's.

mod blame;
mod book;
pub mod carry;
pub mod circuit;
mod connection;
mod gate;
mod hopper;
mod letters;
pub mod listing;
mod office;
pub mod pace;
pub mod proof;
mod ready;
pub mod route;
pub mod test_copy;
pub mod verdict;
pub mod warm_up;
pub mod when;
pub mod window;

pub use office::{Defect, Doubts, LEASE_MS, Orders, PostFault, Routes, Until, fixed, run};
pub use ready::{CopyFault, Ready, Sender, SharedCopy};
