//! Which addresses may be asked for at all, before anybody is dialled.

use super::{FetchFault, fault};
use crate::World;
use url::{Host, Url};

/// The longest address taken, in bytes: what servers commonly take for a request line.
pub const URL_BYTES_MAX: usize = 4_096;

/// Parses an absolute `http` or `https` address and refuses what no feed or page needs: credentials, other schemes,
/// ports that are not on the list (a name the world makes an exception for may have any), numbers that are no public
/// address, in whatever spelling.
///
/// # Errors
/// A [`FetchFault`] of kind `Address`.
pub fn check_url(text: &str, ports: &[u16], world: &World) -> Result<Url, FetchFault> {
    if text.len() > URL_BYTES_MAX {
        return Err(fault::too_long(text));
    }
    let url = Url::parse(text.trim()).map_err(|_| fault::not_an_address(text))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(fault::wrong_scheme(text, url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(fault::credentials(&url));
    }
    let excepted = url.host_str().is_some_and(|host| world.exception(host).is_some());
    let port = url.port_or_known_default().unwrap_or(0);
    if !excepted && !ports.contains(&port) {
        return Err(fault::wrong_port(text, port));
    }
    match url.host() {
        None => Err(fault::not_an_address(text)),
        Some(_) if excepted => Ok(url),
        // The URL parser has brought every spelling (decimal, octal, hex, short) to one number by now.
        Some(Host::Ipv4(ip)) if !crate::is_public(ip.into()) => Err(fault::not_public(text)),
        Some(Host::Ipv6(ip)) if !crate::is_public(ip.into()) => Err(fault::not_public(text)),
        Some(_) => Ok(url),
    }
}
