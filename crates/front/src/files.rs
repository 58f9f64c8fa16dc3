//! The press's files, as they lie.

use std::sync::RwLock;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use press::folder::Manifest;
use press::serve::{Asked, Found, lookup};

use crate::Front;

/// How long a manifest is trusted before its folder is looked at again: another process may have published.
const MANIFEST_AGE_MS: i64 = 1_000;
/// A file that is longer is no page and no picture of ours.
const FILE_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// The manifest at hand and when it was read.
#[derive(Default)]
pub(crate) struct Kept(RwLock<(i64, std::sync::Arc<Manifest>)>);

impl Kept {
    async fn manifest(&self, front: &Front, fresh: bool) -> std::sync::Arc<Manifest> {
        let now = front.world.now();
        {
            let kept = self.0.read().expect("no panic happens under this lock");
            if !fresh && (now - kept.0).abs() < MANIFEST_AGE_MS {
                return kept.1.clone();
            }
        }
        let folder = front.folder.clone();
        let read = front.world.compute(move || Manifest::read(&folder)).await;
        let mut kept = self.0.write().expect("no panic happens under this lock");
        match read {
            Ok(manifest) => *kept = (now, std::sync::Arc::new(manifest)),
            // P13: what was published stays readable by the manifest at hand.
            Err(fault) => {
                tracing::error!(error = %fault, "The site's manifest cannot be read; pages are served as they last were")
            }
        }
        kept.1.clone()
    }
}

/// Answers a GET or HEAD for a public page.
pub(crate) async fn answer(
    front: &Front,
    kept: &Kept,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Response<Body> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let asked =
        Asked { path, accept_encoding: text(header::ACCEPT_ENCODING), if_none_match: text(header::IF_NONE_MATCH) };
    // A file that is not as its manifest says was published anew in this moment: look again, once.
    for fresh in [false, true] {
        let found = lookup(&*kept.manifest(front, fresh).await, asked);
        let Some((file, bytes)) = found.file.clone() else { return response(found, Vec::new()) };
        if *method == Method::HEAD {
            return response(found, Vec::new());
        }
        let path = front.folder.join(file);
        if let Some(body) = front.world.compute(move || read(&path, bytes)).await {
            return response(found, body);
        }
    }
    away()
}

fn read(path: &std::path::Path, bytes: u64) -> Option<Vec<u8>> {
    if bytes > FILE_BYTES_MAX {
        return None;
    }
    let body = std::fs::read(path).ok()?;
    (body.len() as u64 == bytes).then_some(body)
}

fn response(found: Found, body: Vec<u8>) -> Response<Body> {
    let mut made = Response::builder().status(found.status);
    for (name, value) in found.headers {
        made = made.header(name, value);
    }
    made.body(Body::from(body)).expect("the press gives valid headers")
}

fn away() -> Response<Body> {
    let retry = Duration::from_secs(2).as_secs();
    Response::builder()
        .status(StatusCode::SERVICE_UNAVAILABLE)
        .header(header::RETRY_AFTER, retry)
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Body::from("This page is being published anew. Please try again in a moment.\n"))
        .expect("these headers are valid")
}
