//! The published pages: guarded, packed, found by their address alone, and the same for everyone.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use seal::Purpose;

use crate::hall::{ACTIVE, Answer, Hall, UNKNOWN, request};

/// ASVS V3.4: what every answer carries.
fn guarded(answer: &Answer, what: &str) {
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("base-uri 'none'"), "{what}: {policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
    let page = answer.header("content-type").starts_with("text/html") || answer.header("content-type").is_empty();
    assert!(!page || !policy.contains("unsafe-inline"), "{what}: {policy}");
    assert!(policy.contains("sandbox") || !policy.contains("unsafe"), "{what}: {policy}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer", "{what}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "{what}");
    assert_ne!(answer.header("cache-control"), "", "{what}");
    assert_eq!(answer.header("set-cookie"), "", "{what}");
    for name in ["content-security-policy", "referrer-policy", "cache-control", "cross-origin-resource-policy"] {
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{what}: {name}");
    }
}

#[tokio::test]
async fn every_answer_is_guarded_whatever_its_status() {
    let hall = Hall::open("guarded").await;
    let style = style_of(&hall).await;
    let unsubscribe = format!("/unsubscribe/{}", hall.token(Purpose::Unsubscribe, UNKNOWN));
    let preferences = format!("/preferences/{}", hall.token(Purpose::Preferences, ACTIVE));
    let huge = "x".repeat(100_000);
    let mut seen = BTreeSet::new();
    for (method, path, body) in [
        ("GET", "/", ""),
        ("HEAD", "/", ""),
        ("GET", &*style, ""),
        ("GET", "/feed.xml", ""),
        ("GET", "/icon.svg", ""),
        ("GET", "/archive", ""),
        ("GET", "/nothing", ""),
        ("GET", "/healthz", ""),
        ("GET", &*unsubscribe, ""),
        ("POST", &*unsubscribe, ""),
        ("GET", &*preferences, ""),
        ("GET", "/preferences/x", ""),
        ("POST", "/subscribe", "email=ana%40example.org"),
        ("POST", "/subscribe", "email=ana"),
        ("POST", "/subscribe", &*huge),
        ("GET", "/subscribe", ""),
        ("PUT", "/subscribe", ""),
        ("DELETE", "/", ""),
        ("POST", "/", "x=1"),
        ("OPTIONS", "/confirm/x", ""),
        ("TRACE", "/", ""),
        ("BREW", "/nothing", ""),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = hall.ask(request(method.clone(), path, &[], body)).await;
        guarded(&answer, &format!("{method} {path}"));
        if answer.status == StatusCode::METHOD_NOT_ALLOWED {
            assert_ne!(answer.header("allow"), "", "{method} {path}");
        }
        seen.insert(answer.status.as_u16());
    }
    let tag = hall.get("/").await.header("etag").to_owned();
    let again = hall.ask(request(Method::GET, "/", &[("if-none-match", &tag)], "")).await;
    guarded(&again, "304");
    seen.insert(again.status.as_u16());
    hall.break_writer().await;
    let refused = hall.post("/subscribe", "email=ana%40example.org").await;
    guarded(&refused, "503");
    seen.insert(refused.status.as_u16());
    std::fs::remove_file(hall.place.join("site/index.html")).unwrap();
    let away = hall.get("/").await;
    guarded(&away, "a page that is not there");
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [200, 304, 308, 404, 405, 413, 422, 503]);
}

async fn style_of(hall: &Hall) -> String {
    let page = hall.get("/").await;
    let link = page.text().split("href=\"").find(|rest| rest.starts_with("/assets/")).expect("a page has a style");
    link.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_page_comes_packed_as_the_client_takes_it_and_not_at_all_when_it_has_it() {
    let hall = Hall::open("packed").await;
    let ask = async |method: &Method, accept: &str, tag: &str| {
        let headers = [("accept-encoding", accept), ("if-none-match", tag)];
        hall.ask(request(method.clone(), "/", &headers, "")).await
    };
    let plain = ask(&Method::GET, "", "").await;
    assert!(plain.text().starts_with("<!doctype html>"));
    let mut tags = BTreeSet::new();
    for (accept, encoding, magic) in [
        ("", "", &b"<!doctype"[..]),
        ("identity", "", b"<!doctype"),
        ("deflate, zstd", "", b"<!doctype"),
        ("gzip", "gzip", &[0x1f, 0x8b, 8]),
        ("br;q=0, gzip;q=0.1", "gzip", &[0x1f, 0x8b, 8]),
        ("gzip, deflate, br, zstd", "br", b""),
        ("*", "br", b""),
    ] {
        let page = ask(&Method::GET, accept, "").await;
        assert_eq!((page.status, page.header("content-encoding")), (StatusCode::OK, encoding), "{accept}");
        assert!(page.body.starts_with(magic), "{accept}");
        assert_eq!(page.header("vary"), "accept-encoding");
        assert_eq!(page.header("content-length"), page.body.len().to_string());
        let head = ask(&Method::HEAD, accept, "").await;
        assert!(head.body.is_empty());
        assert_eq!(head.headers, page.headers, "a HEAD says what a GET would");
        let tag = page.header("etag").to_owned();
        for list in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}"), "*".into()] {
            let kept = ask(&Method::GET, accept, &list).await;
            assert_eq!((kept.status, kept.body.len()), (StatusCode::NOT_MODIFIED, 0), "{list}");
            assert_eq!(kept.header("etag"), tag, "RFC 9110 §15.4.5");
        }
        assert_eq!(ask(&Method::GET, accept, "\"other\"").await.status, StatusCode::OK);
        tags.insert(tag);
    }
    assert_eq!(tags.len(), 3, "one tag an encoding");
}

#[tokio::test]
async fn no_address_leads_out_of_the_folder_or_to_another_site() {
    let hall = Hall::open("paths").await;
    std::fs::write(hall.place.join("secret.html"), "secret").unwrap();
    for path in [
        "/../newsroom.db",
        "/../secret.html",
        "/%2e%2e/newsroom.db",
        "/..%2fnewsroom.db",
        "/%2e%2e%2fsecret.html",
        "/..%5csecret.html",
        "/assets/../../secret.html",
        "/assets/%2e%2e/%2e%2e/secret.html",
        "/%252e%252e/secret.html",
        "/./index.html",
        "/index.html",
        "/index.html.br",
        "/.press/manifest.json",
        "//evil.example/",
        "//evil.example/%2f..",
        "/%2f%2fevil.example/",
        "/archive//",
        "//archive",
        "/archive/..",
        "/%00",
        "/feed.xml%00.html",
        "/%ff",
        "/%",
        "/%zz",
        "/archive%0d%0aX-Evil:%201",
    ] {
        let answer = hall.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.header("location"), "", "{path}");
        assert!(answer.text().contains("</html>") && !answer.text().contains("secret"), "{path}");
    }
    let long = format!("/{}", "a".repeat(60_000));
    assert_eq!(hall.get(&long).await.status, StatusCode::NOT_FOUND);
    let moved = hall.ask(request(Method::GET, "/archive", &[("host", "evil.example")], "")).await;
    assert_eq!((moved.status, moved.header("location")), (StatusCode::PERMANENT_REDIRECT, "/archive/"));
    let absolute = hall.get("http://evil.example/archive").await;
    assert_eq!(absolute.header("location"), "/archive/", "an absolute address leads nowhere else");
}

/// P25.
#[tokio::test]
async fn no_header_cookie_or_query_of_a_visitor_changes_what_anybody_gets() {
    let hall = Hall::open("one-digest").await;
    let style = style_of(&hall).await;
    let names = [
        "accept",
        "accept-language",
        "authorization",
        "cache-control",
        "cookie",
        "dnt",
        "forwarded",
        "from",
        "host",
        "if-modified-since",
        "if-range",
        "origin",
        "pragma",
        "purpose",
        "range",
        "referer",
        "save-data",
        "sec-fetch-site",
        "sec-gpc",
        "te",
        "upgrade",
        "user-agent",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-http-method-override",
        "x-original-url",
        "x-preview",
        "x-requested-with",
        "x-rewrite-url",
    ];
    let values = [
        "1",
        "en",
        "bytes=0-1",
        "https://evil.example",
        "evil.example",
        "session=abc; theme=dark",
        "POST",
        "/admin/",
        "<script>",
        "no-cache",
        "Mon, 01 Jan 2035 00:00:00 GMT",
        "Bearer abc",
        "a.b.c.d",
        "\"x\"",
        "xn--",
        "%00",
        "*/*",
    ];
    let variants: Vec<(&str, &str)> = names.iter().flat_map(|name| values.map(|value| (*name, value))).collect();
    assert!(variants.len() >= 500);
    // Every variant of the front page, and of each other kind of answer some, none twice.
    for (path, step) in [("/", 1), ("/archive/", 11), ("/feed.xml", 13), ("/nothing", 17), (&*style, 19)] {
        for encoding in ["", "gzip", "br"] {
            let plain = hall.ask(request(Method::GET, path, &[("accept-encoding", encoding)], "")).await;
            for (at, variant) in variants.iter().enumerate().step_by(step) {
                let asked = format!("{path}?{}={at}", variant.0);
                let headers = [("accept-encoding", encoding), *variant];
                let answer = hall.ask(request(Method::GET, &asked, &headers, "")).await;
                assert!(answer == plain, "{asked} with {variant:?} in {encoding:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_site_published_anew_is_served_within_a_second_and_never_half() {
    let hall = Hall::open("anew").await;
    let before = hall.get("/").await;
    let short = hall.place.join("site/index.html");
    std::fs::write(&short, "half a page").unwrap();
    let answer = hall.get("/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "not as its manifest says: not served");
    assert_eq!(answer.header("retry-after"), "2");
    std::fs::write(&short, &before.body).unwrap();
    assert_eq!(hall.get("/").await, before);
}
