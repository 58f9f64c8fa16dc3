//! What stands around every door: the headers of every answer, the peer of every request, and a form's body within its
//! limits of size and time.
//!
//! An answer that a door or the framework made without the site's headers gets them here, so that no 405, 413 or 503 goes
//! out bare (ASVS V3.4). It adds; it never takes away what a door said.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use press::serve::page_headers;

/// A form of ours is a few hundred bytes; a longer one is refused before it is read.
const FORM_BYTES_MAX: usize = 16 * 1_024;
/// A form must be there after this long: it fits one packet, and a person's phone in a tunnel sends it anew.
const FORM_WAIT: Duration = Duration::from_secs(10);

/// The address at the far end of a connection, as the socket says. Kept in memory as long as its request, and nowhere
/// else.
#[derive(Clone, Copy)]
pub struct Peer(pub(crate) Option<IpAddr>);

impl Peer {
    /// The address; `None` when the connection came over no socket.
    pub fn address(self) -> Option<IpAddr> {
        self.0
    }
}

/// The last part of a link's path: a token, or whatever stands in its place. What is no text is no token either.
pub(crate) struct Link(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Link {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, hall: &S) -> Result<Self, Self::Rejection> {
        let text = Path::<String>::from_request_parts(parts, hall).await;
        Ok(Self(text.map(|Path(text)| text).unwrap_or_default()))
    }
}

/// The body of a form.
///
/// # Errors
/// The answer to give instead: too long, or too slow.
pub(crate) async fn form_of(request: Request) -> Result<Bytes, Box<Response<Body>>> {
    body_of(request, FORM_BYTES_MAX).await
}

/// A body of at most so many bytes.
///
/// # Errors
/// As [`form_of`].
pub(crate) async fn body_of(request: Request, bytes_max: usize) -> Result<Bytes, Box<Response<Body>>> {
    let says = |status, words: &'static str| Err(Box::new((status, words).into_response()));
    match tokio::time::timeout(FORM_WAIT, to_bytes(request.into_body(), bytes_max)).await {
        Ok(Ok(body)) => Ok(body),
        // RFC 9110 §15.5.14. A body that broke off has nobody left to read the answer.
        Ok(Err(_)) => says(StatusCode::PAYLOAD_TOO_LARGE, "This form is too long. Nothing was changed.\n"),
        // RFC 9110 §15.5.9.
        Err(_) => says(StatusCode::REQUEST_TIMEOUT, "This form did not arrive in time. Nothing was changed.\n"),
    }
}

/// For a method that an address does not take; the framework adds `Allow` (RFC 9110 §15.5.6).
pub(crate) async fn other_method() -> Response<Body> {
    (StatusCode::METHOD_NOT_ALLOWED, "This address takes no such request. Nothing was changed.\n").into_response()
}

/// Gives an answer the site's headers where it has none of that name. What says nothing of being kept is not kept.
pub(crate) async fn guarded(mut answer: Response<Body>) -> Response<Body> {
    for (name, value) in page_headers() {
        let value = HeaderValue::from_str(&value).expect("the press gives valid headers");
        answer.headers_mut().entry(HeaderName::from_static(name)).or_insert(value);
    }
    answer.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}
