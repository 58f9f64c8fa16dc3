//! The accept loop: our own, because the usual one closes no slow connection.
//!
//! 10,000 sockets that send a header byte now and then were still open after 32 s under the framework's loop; with a
//! deadline for the header and a cap on connections they are gone in seconds and readers do not notice.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tower::ServiceExt;
use world::{Listener, Stream};

use crate::guard::Peer;

/// A request's header must be there after this long, and the next one of a kept connection: a browser needs milliseconds.
const HEADER_WAIT: Duration = Duration::from_secs(8);
/// One connection may live this long, whatever it does: no body that this side takes or gives needs minutes.
const CONNECTION_WAIT: Duration = Duration::from_secs(300);
/// How many connections at once; beyond it new ones wait to be accepted. A small machine allows 20,000 file handles.
const CONNECTIONS_MAX: usize = 8_000;
/// A header block longer than this is an attack: ours and browsers' are below 4 kB.
const HEADER_BYTES_MAX: usize = 16 * 1_024;

/// Serves `routes` on `listener` until dropped.
pub async fn serve(listener: Listener, routes: axum::Router) {
    let routes = Arc::new(routes);
    listener
        .serve(CONNECTIONS_MAX, move |stream| {
            let routes = routes.clone();
            async move { converse(stream, &routes).await }
        })
        .await;
}

/// Answers the requests of one connection until it ends or a deadline ends it. Whoever is at the far end reaches the doors
/// as the stream's peer.
pub async fn converse(stream: Stream, routes: &axum::Router) {
    let peer = Peer(stream.peer().map(|address| address.ip()));
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        routes.clone().oneshot(request)
    });
    let talk = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WAIT)
        .max_buf_size(HEADER_BYTES_MAX)
        .keep_alive(true)
        .serve_connection(TokioIo::new(stream), service);
    // What ends a stranger's connection, its end or our deadline, is no event of the newsroom's.
    match tokio::time::timeout(CONNECTION_WAIT, talk).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(fault)) => tracing::debug!(error = %fault, "A reader's connection ended in the middle"),
    }
}
