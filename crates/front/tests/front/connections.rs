//! Strangers who are slow: a deadline ends each, on a clock that jumps, and whoever is quick is answered all the same.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::hall::Hall;

/// P15: a slow connection is gone after this long.
const GONE: Duration = Duration::from_secs(15);
const STRANGER: &str = "203.0.113.7:5000";

#[tokio::test(start_paused = true)]
async fn who_sends_no_whole_header_is_gone_in_time() {
    let hall = Hall::open("slow-header").await;
    for said in ["", "G", "GET / HTTP/1.1\r\nHost: post.example\r\nX-A: b\r\n"] {
        let (mut near, mut served) = hall.connect(STRANGER);
        near.write_all(said.as_bytes()).await.unwrap();
        timeout(GONE, served.join_next()).await.expect("the connection is ended for it").unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_feeds_a_header_byte_now_and_then_is_gone_in_time() {
    let hall = Hall::open("fed-header").await;
    let (mut near, mut served) = hall.connect(STRANGER);
    near.write_all(b"GET / HTTP/1.1\r\nX-A: ").await.unwrap();
    let feed = async {
        // Until the far end is closed.
        while near.write_all(b"a").await.is_ok() {
            timeout(Duration::from_secs(1), std::future::pending::<()>()).await.unwrap_err();
        }
    };
    timeout(GONE, feed).await.expect("a byte a second buys no time");
    served.join_next().await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_keeps_a_connection_and_asks_no_more_is_gone_in_time() {
    let hall = Hall::open("idle").await;
    let (mut near, mut served) = hall.connect(STRANGER);
    near.write_all(b"GET /healthz HTTP/1.1\r\nHost: post.example\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 2_048];
    let length = near.read(&mut answer).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200 "));
    timeout(GONE, served.join_next()).await.expect("an idle connection is ended").unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_sends_no_whole_form_is_told_and_changes_nothing() {
    let hall = Hall::open("slow-form").await;
    for path in ["/subscribe", "/unsubscribe/x", "/preferences/x"] {
        for length in ["Content-Length: 23\r\n\r\nemail=ana%40ex", "Transfer-Encoding: chunked\r\n\r\n5\r\nemail"] {
            let (mut near, _served) = hall.connect("127.0.0.1:9");
            near.write_all(format!("POST {path} HTTP/1.1\r\nHost: post.example\r\n{length}").as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            timeout(GONE, near.read_to_end(&mut answer)).await.expect("the connection is ended").unwrap();
            let answer = String::from_utf8(answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("referrer-policy: no-referrer"), "{answer}");
        }
    }
    assert!(hall.inbox().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_endless_form_is_refused_before_it_ends() {
    let hall = Hall::open("endless-form").await;
    let (near, _served) = hall.connect("127.0.0.1:9");
    let (mut from, mut to) = tokio::io::split(near);
    let flood = async {
        let head = b"POST /subscribe HTTP/1.1\r\nHost: post.example\r\nTransfer-Encoding: chunked\r\n\r\n";
        to.write_all(head).await.unwrap();
        while to.write_all(b"8\r\naaaaaaaa\r\n").await.is_ok() {}
        std::future::pending::<()>().await;
    };
    let mut answer = vec![0; 4_096];
    let length = tokio::select! {
        biased;
        length = from.read(&mut answer) => length.unwrap(),
        () = flood => 0,
    };
    assert!(answer[..length].starts_with(b"HTTP/1.1 413 "));
}

#[tokio::test(start_paused = true)]
async fn a_header_that_is_too_long_or_smuggles_a_second_request_is_refused() {
    let hall = Hall::open("headers").await;
    let long = format!("GET / HTTP/1.1\r\nHost: post.example\r\nX-A: {}\r\n\r\n", "a".repeat(64 * 1_024));
    let many = format!("GET / HTTP/1.1\r\nHost: post.example\r\n{}\r\n", "X-A: b\r\n".repeat(1_000));
    let smuggled =
        "POST /subscribe HTTP/1.1\r\nHost: post.example\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd";
    let bare = "GET / HTTP/1.1\r\nHost: post.example\r\nX A: b\r\n\r\n";
    let nul = "GET /\0 HTTP/1.1\r\nHost: post.example\r\n\r\n";
    for said in [&long, &many, smuggled, bare, nul] {
        let (near, _served) = hall.connect(STRANGER);
        let (mut from, mut to) = tokio::io::split(near);
        // The far end may close before it has heard it all.
        drop(to.write_all(said.as_bytes()).await);
        let mut answer = Vec::new();
        from.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.get(..12).unwrap_or("closed").to_owned();
        assert!(["HTTP/1.1 400", "HTTP/1.1 431", "closed"].contains(&&*status), "{status}: {:.60}", said);
        assert_eq!(answer.matches("HTTP/1.1 ").count(), usize::from(status != "closed"), "one answer at most");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_is_answered_while_hundreds_hang() {
    let hall = Hall::open("hundreds").await;
    let mut hanging = Vec::new();
    for _ in 0..500 {
        let (mut near, served) = hall.connect(STRANGER);
        near.write_all(b"GET / HTTP/1.1\r\nX-A: ").await.unwrap();
        hanging.push((near, served));
    }
    let (mut near, _served) = hall.connect(STRANGER);
    near.write_all(b"GET / HTTP/1.1\r\nHost: post.example\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut page = Vec::new();
    near.read_to_end(&mut page).await.unwrap();
    assert!(page.starts_with(b"HTTP/1.1 200 ") && page.ends_with(b"</html>\n"));
    for (_near, mut served) in hanging {
        timeout(GONE, served.join_next()).await.expect("it is gone").unwrap().unwrap();
    }
}
