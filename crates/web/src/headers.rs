//! The headers of every answer of the desk (ASVS V3.4): set in one place, on errors too.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, header};

/// Nothing but this desk's own stylesheet, pictures and forms, and its one script, which is a file of its own: what is
/// written into a page never runs.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; \
                      form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'";
/// Every header, unless the answer has one of that name already.
const EVERY: [(&str, &str); 8] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cache-control", "no-store"),
    ("x-robots-tag", "noindex, nofollow"),
];
/// A year, as ASVS V3.4.1 asks. Only where the desk is reached by https.
const HSTS: &str = "max-age=31536000";

/// Puts the headers on an answer.
pub(crate) fn dress(mut answer: Response<Body>, secure: bool) -> Response<Body> {
    for (name, value) in EVERY {
        answer.headers_mut().entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    if secure {
        answer.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    answer
}
