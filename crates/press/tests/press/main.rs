//! The press's promises, kept through its front door.

mod folder;
mod pages;
mod publish;
mod sample;
