//! One reader's browser: one kept-open connection to the site, a page at a time.

use super::Stuck;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::{net::SocketAddr, time::Duration};
use tokio::{task::JoinSet, time::timeout};
use world::{Target, World};

/// A page of the site is below 100 kB; this is where a browser of ours stops reading.
const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How long one page may take. The server commits to disk before it answers.
const PAGE_WAIT: Duration = Duration::from_secs(30);
/// A connection that was closed between two pages is opened again this often for one page.
const TRIES: usize = 3;

/// A connection to the site, opened when needed.
pub(super) struct Talk {
    world: World,
    address: SocketAddr,
    /// The site's addresses begin so.
    site: String,
    host: HeaderValue,
    open: Option<Open>,
}

struct Open {
    sender: SendRequest<Full<Bytes>>,
    /// Drives the connection; ends with it.
    _driver: JoinSet<()>,
}

impl Talk {
    pub(super) fn new(world: &World, address: SocketAddr, site: &str) -> Self {
        let authority = site.split_once("://").map_or(site, |(_, rest)| rest);
        let host = authority.split('/').next().unwrap_or_default();
        let host = HeaderValue::from_str(host).unwrap_or_else(|_| HeaderValue::from_static("localhost"));
        Self { world: world.clone(), address, site: site.to_owned(), host, open: None }
    }

    /// The page at `path`.
    pub(super) async fn get(&mut self, path: &str) -> Result<String, Stuck> {
        self.ask(Method::GET, path, String::new()).await
    }

    /// What the form on the page at `page` answers when `body` is submitted to its `action`.
    pub(super) async fn post(&mut self, page: &str, action: &str, body: String) -> Result<String, Stuck> {
        let path = resolved(&self.site, page, action);
        self.ask(Method::POST, &path, body).await
    }

    async fn ask(&mut self, method: Method, path: &str, body: String) -> Result<String, Stuck> {
        let mut last = String::new();
        for _ in 0..TRIES {
            match timeout(PAGE_WAIT, self.once(&method, path, &body)).await {
                Ok(Ok((status, page))) if (200..300).contains(&status) => return Ok(page),
                Ok(Ok((status, _))) => return Err(Stuck::Refused { path: path.to_owned(), status }),
                Ok(Err(why)) => last = why,
                Err(_) => "no answer in 30 seconds".clone_into(&mut last),
            }
            self.open = None;
        }
        Err(Stuck::Unreachable(last))
    }

    async fn once(&mut self, method: &Method, path: &str, body: &str) -> Result<(u16, String), String> {
        let request = self.request(method, path, body)?;
        let answer = self.connected().await?.send_request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let page =
            Limited::new(answer.into_body(), PAGE_BYTES_MAX).collect().await.map_err(|error| error.to_string())?;
        Ok((status, String::from_utf8_lossy(&page.to_bytes()).into_owned()))
    }

    fn request(&self, method: &Method, path: &str, body: &str) -> Result<Request<Full<Bytes>>, String> {
        let request = Request::builder().method(method).uri(path).header(header::HOST, &self.host);
        let request = match *method {
            // What browsers send with a form; the site may look at both.
            Method::POST => request
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(header::ORIGIN, &self.site)
                .header("sec-fetch-site", "same-origin"),
            _ => request.header(header::ACCEPT, "text/html"),
        };
        request.body(Full::new(Bytes::from(body.to_owned()))).map_err(|error| error.to_string())
    }

    async fn connected(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, String> {
        let usable = match &mut self.open {
            Some(open) => open.sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            let stream = self.world.dial(&Target::Addr(self.address)).await.map_err(|error| error.to_string())?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
            let mut driver = JoinSet::new();
            driver.spawn(async move {
                // How a connection ends is learnt by the request that needs it.
                let _ = connection.await;
            });
            self.open = Some(Open { sender, _driver: driver });
        }
        Ok(&mut self.open.as_mut().expect("it was opened just now").sender)
    }
}

/// `action` of a form on the page at `page`, as a path: what browsers do with the few forms that occur (RFC 3986 §5.2).
fn resolved(site: &str, page: &str, action: &str) -> String {
    let action = action.strip_prefix(site).filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(action);
    let here = page.split(['?', '#']).next().unwrap_or_default();
    match action {
        "" => page.to_owned(),
        _ if action.starts_with('/') => action.to_owned(),
        _ if action.starts_with('?') => format!("{here}{action}"),
        _ => format!("{}/{action}", here.rsplit_once('/').map_or("", |(folder, _)| folder)),
    }
}

#[cfg(test)]
mod tests {
    use super::resolved;

    #[test]
    fn a_forms_action_is_found_from_its_page() {
        let check = |action| resolved("http://a.test", "/confirm/abc?x=1", action);
        assert_eq!(check("/subscribe"), "/subscribe");
        assert_eq!(check("http://a.test/confirm/abc"), "/confirm/abc");
        assert_eq!(check(""), "/confirm/abc?x=1");
        assert_eq!(check("?y=2"), "/confirm/abc?y=2");
        assert_eq!(check("undo"), "/confirm/undo");
    }
}
