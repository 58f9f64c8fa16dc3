//! The little HTTP that a test needs: one request, one answer, no connection kept, no redirect followed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

/// What the test says when it posts a form.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// GETs `url`.
pub fn get(url: &str) -> Answer {
    ask("GET", url, None)
}

/// HEADs `url`.
pub fn head(url: &str) -> Answer {
    ask("HEAD", url, None)
}

/// POSTs `body` of type `kind` to `url`.
pub fn post(url: &str, kind: &str, body: &str) -> Answer {
    ask("POST", url, Some((kind, body)))
}

/// One request, in HTTP/1.0: the answer ends with the connection.
fn ask(method: &str, url: &str, body: Option<(&str, &str)>) -> Answer {
    try_ask(method, url, body).unwrap_or_else(|fault| panic!("{method} {url}: {fault}"))
}

/// As [`post`], for a server that may be gone.
pub fn try_post(url: &str, body: &str) -> std::io::Result<Answer> {
    try_ask("POST", url, Some((FORM, body)))
}

fn try_ask(method: &str, url: &str, body: Option<(&str, &str)>) -> std::io::Result<Answer> {
    let rest = url.strip_prefix("http://").expect("tests speak plain HTTP on loopback");
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    let mut request = format!("{method} /{path} HTTP/1.0\r\nHost: {authority}\r\n");
    if let Some((kind, body)) = body {
        request.push_str(&format!("Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    } else {
        request.push_str("\r\n");
    }
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(std::io::ErrorKind::InvalidData)?;
    Ok(Answer { status, body: body.to_owned() })
}
