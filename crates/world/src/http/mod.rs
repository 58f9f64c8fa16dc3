//! The one HTTP client: whatever Coranto fetches from an address that a stranger wrote goes through here.
//!
//! It dials only through [`World::dial_public`], at every redirect again; it limits body, time, redirects and unpacking;
//! it carries no cookies, no credentials and no proxy from the environment; it tells honestly who asks.

mod fault;
mod unpack;
mod url_rules;

use crate::{Stream, World, tls::Tls};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::{io, time::Duration};
use tokio::task::JoinSet;
use url::Url;

pub use fault::{FaultKind, FetchFault};
pub use url_rules::{URL_BYTES_MAX, check_url};

/// Redirects followed for one request: browsers follow 20, feeds need two.
pub const HOPS_MAX: usize = 5;
/// What hyper may buffer for a response's head, in bytes. Heads are a few kilobytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Header fields in a response.
const HEADERS_MAX: usize = 100;

/// What one request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The body, in bytes, packed and unpacked alike.
    pub body_bytes: usize,
    /// Everything from the first name asked to the last byte, redirects included, in milliseconds.
    pub total_ms: u64,
    /// Redirects followed, at most [`HOPS_MAX`].
    pub hops: usize,
}

impl Default for Limits {
    /// 10 MB and 30 seconds: the longest feeds seen are a few megabytes, and slower is as good as dead.
    fn default() -> Self {
        Self { body_bytes: 10_000_000, total_ms: 30_000, hops: HOPS_MAX }
    }
}

/// What to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// An absolute `http` or `https` address.
    pub url: String,
    /// The `Accept` field.
    pub accept: &'static str,
    /// For `If-None-Match` (RFC 9110 §13.1.2): the `ETag` of the last good answer, as received.
    pub etag: Option<String>,
    /// For `If-Modified-Since` (RFC 9110 §13.1.3): its `Last-Modified`, as received.
    pub last_modified: Option<String>,
    /// What it may cost.
    pub limits: Limits,
}

impl Request {
    /// A plain request for `url` with the usual limits.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), accept: "*/*", etag: None, last_modified: None, limits: Limits::default() }
    }
}

/// One redirect on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Its status: 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Where it led, absolute.
    pub to: String,
}

/// An answer. Any status is an answer; what is not one is a [`FetchFault`].
#[derive(Clone, Debug)]
pub struct Response {
    /// The address that answered, after redirects.
    pub final_url: String,
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, unpacked.
    pub body: Vec<u8>,
    /// The redirects on the way.
    pub hops: Vec<Hop>,
}

impl Response {
    /// A header field as text, if it is there once or more and its first value is visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where the asked address has moved for good: the last of the permanent redirects (RFC 9110 §15.4.2, §15.4.9) that
    /// the way began with.
    pub fn moved_to(&self) -> Option<&str> {
        let permanent = self.hops.iter().take_while(|hop| matches!(hop.status, 301 | 308));
        permanent.last().map(|hop| hop.to.as_str())
    }
}

/// The client. One for a process; cheap to clone.
#[derive(Clone)]
pub struct Client {
    world: World,
    tls: Tls,
    agent: HeaderValue,
    ports: Vec<u16>,
}

impl Client {
    /// A client that says it is `agent`: a product with a version and an address to complain to.
    ///
    /// # Panics
    /// If `agent` cannot stand in a header field: it is written by us, not by strangers.
    pub fn new(world: &World, agent: &str) -> Self {
        Self::with_tls(world, agent, Tls::public(world))
    }

    /// Likewise, trusting what `tls` trusts.
    ///
    /// # Panics
    /// As [`Client::new`].
    pub fn with_tls(world: &World, agent: &str, tls: Tls) -> Self {
        let agent = HeaderValue::from_str(agent).expect("the agent's name is plain ASCII");
        Self { world: world.clone(), tls, agent, ports: vec![80, 443] }
    }

    /// Allows `port` beside 80 and 443, as an outlet's own setting.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.ports.push(port);
        self
    }

    /// Fetches, following redirects.
    ///
    /// # Errors
    /// A [`FetchFault`] when there is no answer that may be used.
    pub async fn get(&self, request: &Request) -> Result<Response, FetchFault> {
        let limit = Duration::from_millis(request.limits.total_ms);
        match tokio::time::timeout(limit, self.follow(request)).await {
            Ok(done) => done,
            Err(_) => Err(fault::too_slow(&request.url, request.limits.total_ms)),
        }
    }

    async fn follow(&self, request: &Request) -> Result<Response, FetchFault> {
        let mut url = check_url(&request.url, &self.ports, &self.world)?;
        let mut hops: Vec<Hop> = Vec::new();
        loop {
            let (status, headers, body, connection) = self.ask(&url, request).await?;
            let Some(location) = redirect(status, &headers) else {
                let packed = collect(&url, body, request.limits.body_bytes).await?;
                drop(connection);
                let body = self.unpack(&url, &headers, packed, request.limits.body_bytes).await?;
                let (final_url, status) = (url.to_string(), status.as_u16());
                return Ok(Response { final_url, status, headers, body, hops });
            };
            if hops.len() >= request.limits.hops.min(HOPS_MAX) {
                return Err(fault::too_many_hops(&request.url));
            }
            url = self.next(&url, &location)?;
            hops.push(Hop { status: status.as_u16(), to: url.to_string() });
        }
    }

    /// The address a redirect leads to, checked like the first. A public host may not lead into an exception.
    fn next(&self, from: &Url, location: &str) -> Result<Url, FetchFault> {
        let joined = from.join(location).map_err(|_| fault::not_an_address(location))?;
        let mut next = check_url(joined.as_str(), &self.ports, &self.world)?;
        let excepted = |url: &Url| url.host_str().is_some_and(|host| self.world.exception(host).is_some());
        if excepted(&next) && !excepted(from) {
            return Err(fault::not_public(next.as_str()));
        }
        // RFC 9110 §10.2.2: the fragment is inherited; it is never sent, so it is dropped.
        next.set_fragment(None);
        Ok(next)
    }

    /// One request on one connection. The connection is driven until the guard is dropped.
    async fn ask(
        &self,
        url: &Url,
        request: &Request,
    ) -> Result<(StatusCode, HeaderMap, Incoming, JoinSet<()>), FetchFault> {
        let stream = self.open(url).await?;
        let message = self.message(url, request)?;
        let (mut sender, driver) = hyper::client::conn::http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .allow_obsolete_multiline_headers_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| fault::garbled(url.as_str(), &error))?;
        let mut connection = JoinSet::new();
        connection.spawn(async move {
            // What goes wrong with the connection reaches the request or the body below.
            let _ = driver.await;
        });
        let answer = sender.send_request(message).await.map_err(|error| fault::garbled(url.as_str(), &error))?;
        let (head, body) = answer.into_parts();
        Ok((head.status, head.headers, body, connection))
    }

    async fn open(&self, url: &Url) -> Result<Stream, FetchFault> {
        let host = url.host_str().expect("a checked address has a host");
        let port = url.port_or_known_default().expect("a checked address has a port");
        let stream =
            self.world.dial_public(host, port).await.map_err(|error| fault::unanswered(url.as_str(), &error))?;
        if url.scheme() == "http" {
            return Ok(stream);
        }
        self.tls.secure(stream, host).await.map_err(|error| fault::insecure(url.as_str(), &error))
    }

    fn message(&self, url: &Url, request: &Request) -> Result<http::Request<Empty<Bytes>>, FetchFault> {
        let mut message = http::Request::get(&url[url::Position::BeforePath..url::Position::AfterQuery])
            .header(header::HOST, &url[url::Position::BeforeHost..url::Position::AfterPort])
            .header(header::USER_AGENT, &self.agent)
            .header(header::ACCEPT, request.accept)
            .header(header::ACCEPT_ENCODING, "gzip, deflate, br")
            .header(header::CONNECTION, "close");
        if let Some(etag) = &request.etag {
            message = message.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(date) = &request.last_modified {
            message = message.header(header::IF_MODIFIED_SINCE, date);
        }
        message.body(Empty::new()).map_err(|_| fault::not_an_address(url.as_str()))
    }

    async fn unpack(
        &self,
        url: &Url,
        headers: &HeaderMap,
        packed: Vec<u8>,
        bytes_max: usize,
    ) -> Result<Vec<u8>, FetchFault> {
        let coding = unpack::coding(headers).map_err(|what| fault::bad_packing(url.as_str(), &what))?;
        if packed.is_empty() || coding == unpack::Coding::Plain {
            return Ok(packed);
        }
        let unpacked = self.world.compute(move || unpack::unpack(coding, packed, bytes_max)).await;
        unpacked.map_err(|what| fault::bad_packing(url.as_str(), &what))
    }
}

/// Where a redirect leads, when the answer is one. A redirect without a readable `Location` is an answer as it stands.
fn redirect(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    let redirects = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = headers.get(header::LOCATION).filter(|_| redirects)?;
    // Addresses beyond ASCII arrive as raw UTF-8; the URL parser escapes them.
    std::str::from_utf8(location.as_bytes()).ok().map(str::to_owned)
}

async fn collect(url: &Url, mut body: Incoming, bytes_max: usize) -> Result<Vec<u8>, FetchFault> {
    let mut collected = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| fault::broken_off(url.as_str(), &error))?;
        let Ok(part) = frame.into_data() else { continue };
        if collected.len() + part.len() > bytes_max {
            return Err(fault::too_big(url.as_str(), bytes_max));
        }
        collected.extend_from_slice(&part);
    }
    Ok(collected)
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("agent", &self.agent).field("ports", &self.ports).finish_non_exhaustive()
    }
}

/// Whether the far end refused for a reason that [`World::dial_public`] gives.
fn is_refusal(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<crate::Unreachable>())
}
