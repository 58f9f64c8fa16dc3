//! The desk's rooms: each brings its rows of the table, its acts and its views.

pub(crate) mod articles;
pub(crate) mod assets;
pub(crate) mod bounces;
pub(crate) mod edition;
pub(crate) mod items;
pub(crate) mod members;
pub(crate) mod moment;
pub(crate) mod outlet;
pub(crate) mod pages;
pub(crate) mod sign_in;
pub(crate) mod sources;
pub(crate) mod today;
pub(crate) mod ways;
pub(crate) mod welcome;
