//! Mail protocols over any byte stream: addresses, header blocks, MIME bodies, DKIM, SMTP (one sending machine, one
//! receiving machine).
//!
//! Everything here knows mail and nothing else: no newsroom, no clock (a date is an argument), no socket (a stream is an
//! argument), no store. Post, the bounce receiver, the sink and the simulated exchangers all speak through it.
//!
//! It never lets a bare CR or LF pass, in either direction, and it never says what a reply means for a delivery: that
//! is decided in one place, `post::verdict`.

pub mod address;
pub mod bounce;
pub mod dkim;
pub mod headers;
pub mod mime;
pub mod reason;
pub mod shared;
pub mod smtp;
#[cfg(test)]
mod test_clock;
pub mod wire;
