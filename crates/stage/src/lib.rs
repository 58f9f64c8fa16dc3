//! What `coranto demo` plays with: outlets to gather from, a server that catches its mail, and readers to write to.
//!
//! Everything here stands in for the world outside a newsroom, over the same wires: HTTP and SMTP on loopback. It ships
//! in the binary and the demo alone uses it. It never touches the newsroom's folder or its database.

pub mod catcher;
mod form;
pub mod inbox;
pub mod opened;
pub mod outlets;
pub mod readers;
