//! What the inbox shows of a message, and what it never lets a message do.

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use stage::{catcher::Catcher, inbox::Inbox};
use std::{path::Path, sync::Arc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;
use world::Target;

const HOSTILE: &str = "From: \"<b>Eve</b>\" <eve@x.example>\r\nSubject: <script>alert(1)</script> & co\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\
    Read https://x.example/?a=1&b=2 or <i>not</i>\r\n--b\r\nContent-Type: text/html\r\n\r\n\
    <p>Hello</p><script>alert(2)</script>\r\n--b--\r\n";

/// An inbox with two messages: a hostile one to `a@x.example`, a plain one to `b@x.example`.
async fn inbox(name: &str) -> axum::Router {
    let world = world::real::world(1);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("inbox-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let catcher = Catcher::open(&folder, &world).expect("a new folder");
    let listener = world.listen(([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let target = Target::Addr(listener.address().expect("its address"));
    let deliver = async {
        let mut stream = world.dial(&target).await.expect("the catcher listens");
        let said = format!(
            "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n{HOSTILE}.\r\n\
             MAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n\r\nplain\r\n.\r\nQUIT\r\n"
        );
        stream.write_all(said.as_bytes()).await.expect("it reads");
        stream.read_to_string(&mut String::new()).await.expect("it answers");
    };
    tokio::select! {
        biased;
        () = catcher.clone().serve(&listener) => unreachable!("it serves until dropped"),
        () = deliver => {}
    }
    assert_eq!(Arc::strong_count(&catcher), 1, "nobody else holds the catcher");
    Inbox::new(catcher, "http://site.example").routes()
}

async fn get(routes: &axum::Router, path: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let (head, body) = routes.clone().oneshot(request).await.expect("routes always answer").into_parts();
    let body = body.collect().await.expect("a body in memory").to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).expect("UTF-8"))
}

fn policy(headers: &HeaderMap) -> &str {
    headers["content-security-policy"].to_str().expect("ASCII")
}

#[tokio::test]
async fn every_page_runs_nothing_and_is_kept_nowhere() {
    let routes = inbox("policy").await;
    for path in
        ["/", "/?to=a@x.example", "/messages/0", "/messages/0/html", "/messages/0/source", "/style.css", "/none"]
    {
        let (_, headers, _) = get(&routes, path).await;
        assert!(policy(&headers).contains("default-src 'none'") && !policy(&headers).contains("script-src"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
    }
}

#[tokio::test]
async fn what_a_message_says_never_becomes_part_of_the_page() {
    let routes = inbox("escaping").await;
    for path in ["/", "/messages/0"] {
        let (_, _, page) = get(&routes, path).await;
        assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script"), "{path}");
    }
    let (_, _, page) = get(&routes, "/messages/0").await;
    assert!(page.contains("or &lt;i&gt;not&lt;"), "the text part is text");
    assert!(!page.contains("alert(2)"), "the HTML part is framed, not included");
    let (_, _, page) = get(&routes, "/?to=%22%3E%3Cscript%3E").await;
    assert!(!page.contains("<script"));
}

#[tokio::test]
async fn the_html_of_a_message_is_shown_in_a_sandbox_of_its_own() {
    let routes = inbox("sandbox").await;
    let (_, _, page) = get(&routes, "/messages/0").await;
    assert!(page.contains(r#"<iframe src="/messages/0/html" sandbox="allow-popups allow-popups-to-escape-sandbox""#));
    let (_, headers, html) = get(&routes, "/messages/0/html").await;
    assert!(policy(&headers).ends_with("sandbox allow-popups allow-popups-to-escape-sandbox"));
    assert!(policy(&headers).contains("img-src http://site.example;"));
    assert!(html.contains("<p>Hello</p>"));
    let (_, headers, source) = get(&routes, "/messages/0/source").await;
    assert_eq!(
        (headers["content-type"].to_str().expect("ASCII"), source.as_str()),
        ("text/plain; charset=utf-8", HOSTILE)
    );
}

#[tokio::test]
async fn mail_is_found_by_its_recipient() {
    let routes = inbox("search").await;
    let (_, _, all) = get(&routes, "/").await;
    assert!(all.contains("2 messages") && all.contains("(no subject)"));
    let (_, _, one) = get(&routes, "/?to=B@X.example").await;
    assert!(one.contains("1 message to this address") && one.contains("/messages/1") && !one.contains("/messages/0"));
    let (_, _, none) = get(&routes, "/?to=c@x.example").await;
    assert!(none.contains("Nothing has come for this address yet."));
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_missing() {
    let routes = inbox("missing").await;
    for path in ["/messages/2", "/messages/1/html", "/messages/99999999999999999999", "/other", "/?before=x"] {
        let (status, headers, _) = get(&routes, path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(policy(&headers).contains("default-src 'none'"), "{path}");
    }
}
