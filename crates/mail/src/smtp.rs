//! SMTP (RFC 5321) with PIPELINING (2920), SIZE (1870), enhanced status codes (2034), AUTH (4954), STARTTLS (3207).
//!
//! [`client`] is the sending machine, [`server`] the receiving one; they share [`Reply`] and nothing else. Neither opens
//! a socket: both take any byte stream, so the same code runs over TCP, TLS and the simulation's pipes.

pub mod client;
mod reply;
pub mod server;

pub use reply::{Enhanced, REPLY_BYTES_MAX, REPLY_TEXT_BYTES_MAX, Reply, ReplyKind};
