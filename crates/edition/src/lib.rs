//! Editions: what each reader's copy of a newsletter holds, and how it looks.

pub mod mail;
