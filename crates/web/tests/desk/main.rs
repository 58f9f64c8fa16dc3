//! The desk's promises, kept through its front door: requests in, pages and rows out.

mod guards;
mod members;
mod newsroom;
mod sign_in;
