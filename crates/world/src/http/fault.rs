//! Why something could not be fetched, in words for the person who asked for it. All of them are made here.

use std::io;
use url::Url;

/// What a caller can do about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// The address itself is no good: asking again changes nothing, a person must change it.
    Address,
    /// The name leads to no public address. It may be changed by whoever keeps it.
    Private,
    /// Nobody answered, or too slowly: worth asking again later.
    Unanswered,
    /// The answer breaks a limit: worth asking again, rarely.
    Limit,
    /// The answer is not HTTP, breaks off, or its packing is damaged.
    Garbled,
}

/// Why something could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {means}")]
pub struct FetchFault {
    /// What a caller can do about it.
    pub kind: FaultKind,
    /// What happened, in one sentence.
    pub what: String,
    /// What it means, in one sentence.
    pub means: &'static str,
}

/// How much of a stranger's address is repeated in a sentence, in characters.
const SHOWN_CHARS: usize = 120;

fn fault(kind: FaultKind, what: String, means: &'static str) -> FetchFault {
    FetchFault { kind, what, means }
}

/// An address as a sentence may hold it: cut, and without control characters.
fn shown(url: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut text: String = url.chars().take(SHOWN_CHARS).map(clean).collect();
    if url.chars().nth(SHOWN_CHARS).is_some() {
        text.push('…');
    }
    text
}

pub(super) fn not_an_address(url: &str) -> FetchFault {
    let what = format!("“{}” is not a web address.", shown(url));
    fault(FaultKind::Address, what, "An address looks like https://example.org/feed.xml.")
}

pub(super) fn too_long(url: &str) -> FetchFault {
    let what = format!("The address {} is longer than {} bytes.", shown(url), super::URL_BYTES_MAX);
    fault(FaultKind::Address, what, "No server needs one that long; it is not asked.")
}

pub(super) fn wrong_scheme(url: &str, scheme: &str) -> FetchFault {
    let what = format!("{} is a {} address.", shown(url), shown(scheme));
    fault(FaultKind::Address, what, "Only http and https addresses are fetched.")
}

pub(super) fn credentials(url: &Url) -> FetchFault {
    let what = format!("The address at {} carries a user name or password.", shown(url.host_str().unwrap_or("?")));
    fault(FaultKind::Address, what, "Addresses are shown and logged, so one with a password in it is not used.")
}

pub(super) fn wrong_port(url: &str, port: u16) -> FetchFault {
    let what = format!("{} asks for port {port}.", shown(url));
    fault(FaultKind::Address, what, "Only the web's ports, 80 and 443, are dialled unless a setting names another.")
}

pub(super) fn not_public(url: &str) -> FetchFault {
    let what = format!("{} does not lead to the public internet.", shown(url));
    let means = "Private and local addresses are never fetched, so that no stranger's link can reach inside.";
    fault(FaultKind::Private, what, means)
}

pub(super) fn unanswered(url: &str, error: &io::Error) -> FetchFault {
    if super::is_refusal(error) {
        return not_public(url);
    }
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no server of that name",
        io::ErrorKind::ConnectionRefused => "the server refuses connections",
        io::ErrorKind::TimedOut => "the server does not answer",
        io::ErrorKind::ConnectionReset => "the server broke the connection",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "there is no way to the server from here",
        // The system's resolver reports a missing name as uncategorised.
        _ if error.to_string().contains("lookup") => "the name could not be looked up",
        _ => "the connection failed",
    };
    fault(FaultKind::Unanswered, format!("{} could not be reached: {why}.", shown(url)), "It is tried again later.")
}

pub(super) fn insecure(url: &str, error: &io::Error) -> FetchFault {
    let what = format!("No secure connection to {}: {}.", shown(url), shown(&error.to_string()));
    fault(FaultKind::Unanswered, what, "Its certificate must be put right there; until then it is tried again later.")
}

pub(super) fn too_slow(url: &str, total_ms: u64) -> FetchFault {
    let what = format!("{} took longer than {} seconds.", shown(url), total_ms / 1_000);
    fault(FaultKind::Unanswered, what, "It was given up so that others are not held up, and is tried again later.")
}

pub(super) fn too_big(url: &str, bytes_max: usize) -> FetchFault {
    let what = format!("{} sent more than {bytes_max} bytes.", shown(url));
    fault(FaultKind::Limit, what, "That is more than any feed, page or picture here may be; nothing of it was kept.")
}

pub(super) fn too_many_hops(url: &str) -> FetchFault {
    let what = format!("{} redirects more than {} times.", shown(url), super::HOPS_MAX);
    fault(FaultKind::Limit, what, "It probably redirects in a circle; nothing was fetched.")
}

pub(super) fn bad_packing(url: &str, what: &str) -> FetchFault {
    fault(FaultKind::Garbled, format!("The answer of {} {what}.", shown(url)), "Nothing of it was kept.")
}

pub(super) fn garbled(url: &str, error: &hyper::Error) -> FetchFault {
    let why = if error.is_parse() { "did not answer as a web server does" } else { "broke the connection" };
    fault(FaultKind::Garbled, format!("{} {why}.", shown(url)), "It is tried again later.")
}

pub(super) fn broken_off(url: &str, _: &hyper::Error) -> FetchFault {
    let what = format!("The answer of {} broke off before its end.", shown(url));
    fault(FaultKind::Garbled, what, "Half an answer is not used; it is tried again later.")
}
