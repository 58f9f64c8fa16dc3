//! The press's promises, kept through its front door.

mod cards;
mod folder;
mod pages;
mod place;
mod publish;
mod sample;
