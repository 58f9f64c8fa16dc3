//! The desk's promises, kept through its front door: requests in, pages and rows out.

mod articles;
mod doubts;
mod edition;
mod guards;
mod inbox;
mod members;
mod newsroom;
mod outlet;
mod sign_in;
mod ways;
