//! The public side's promises, kept through its front door: requests in, answers and rows out.

mod connections;
mod hall;
mod journal;
mod leaving;
mod links;
mod pages;
mod sign_up;
