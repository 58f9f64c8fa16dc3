//! What stands around every room: roles, origins, marks, headers, and pages for what is not there.

use ::newsroom::Role;
use axum::http::{Method, StatusCode};
use web::{Least, every_route};

use crate::newsroom::{HOST, Newsroom, encoded};

/// A path of a route with something in its open places.
fn filled(path: &str) -> String {
    let part = |part: &str| if part.contains('{') { "7".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test(start_paused = true)]
async fn every_route_asks_for_the_role_in_its_row() {
    let newsroom = Newsroom::open("matrix").await;
    let mut editor = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let mut stranger = newsroom.browser();
    let mark = editor.get("/members").await.field("mark");
    let mut rows = 0;
    for (method, path, least) in every_route().filter(|(_, _, least)| *least != Least::Anyone) {
        let path = filled(path);
        let (outside, inside) = if method == "GET" {
            (stranger.get(&path).await, editor.get(&path).await)
        } else {
            (stranger.post(&path, &[]).await, editor.post(&path, &[("mark", &mark), ("role", "none")]).await)
        };
        let closed = if method == "GET" { StatusCode::SEE_OTHER } else { StatusCode::UNAUTHORIZED };
        assert_eq!(outside.status, closed, "{method} {path} for somebody who is not signed in");
        assert!(outside.header("location").starts_with("/sign-in") || method == "POST", "{path}");
        let admins = least == Least::Member(Role::Admin);
        assert_eq!(inside.status == StatusCode::FORBIDDEN, admins, "{method} {path} for an editor: {}", inside.status);
        rows += 1;
        if path == "/sign-out" {
            editor = newsroom.signed_in(&format!("Ana {rows}"), Role::Editor).await;
        }
    }
    assert!(rows > 10, "only {rows} rows ask for a role");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_by_a_page_of_another_site() {
    let newsroom = Newsroom::open("foreign").await;
    let mut browser = newsroom.signed_in("Ana Sol", Role::Admin).await;
    let mark = browser.get("/members").await.field("mark");
    let form = encoded(&[("mark", &mark), ("name", "Eve"), ("address", "eve@evil.example"), ("role", "admin")]);
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for said in [
        vec![kind],
        vec![kind, ("origin", "https://evil.example")],
        vec![kind, ("origin", "null")],
        vec![kind, ("origin", "http://127.0.0.1:8400")],
        vec![kind, ("sec-fetch-site", "cross-site")],
        vec![kind, ("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:8401")],
    ] {
        let answer = browser.send(Method::POST, "/members", &said, form.clone()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{said:?}");
        answer.shows("did not come from a page of this desk");
    }
    let unmarked = browser.post("/members", &[("name", "Eve"), ("address", "e@evil.example"), ("role", "admin")]).await;
    assert_eq!(unmarked.status, StatusCode::FORBIDDEN);
    let others = newsroom.signed_in("Ben Co", Role::Admin).await.get("/members").await.field("mark");
    let stolen = [("mark", others.as_str()), ("name", "Eve"), ("address", "e@evil.example"), ("role", "admin")];
    browser.post("/members", &stolen).await.shows("send it once more");
    assert!(!browser.get("/members").await.body.contains("evil.example"));
    for path in ["/sign-in", "/sign-out", "/me/password"] {
        let answer = browser.send(Method::POST, path, &[kind, ("origin", "https://evil.example")], String::new()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_answer_is_dressed() {
    let newsroom = Newsroom::open("dressed").await;
    let mut browser = newsroom.signed_in("Ana Sol", Role::Admin).await;
    let mut answers = Vec::new();
    for path in ["/", "/members", "/nowhere", "/members/none/out", "/me", "/sign-in?next=//evil.example", "/%ff/x"] {
        answers.push((path.to_owned(), browser.get(path).await));
    }
    answers.push(("DELETE".to_owned(), browser.send(Method::DELETE, "/members", &[], String::new()).await));
    answers.push(("odd form".to_owned(), browser.post("/members", &[("a", "1"), ("a", "2")]).await));
    for (path, answer) in &answers {
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("unsafe") && policy.contains("script-src 'self';"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(!answer.header("referrer-policy").is_empty(), "{path}");
    }
    assert_eq!(answers[2].1.status, StatusCode::NOT_FOUND);
    answers[2].1.shows("There is nothing at this address");
    let refused = browser.send(Method::DELETE, "/members", &[], String::new()).await;
    assert_eq!((refused.status, refused.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD,POST"));
    assert_eq!(browser.get("/sign-in?next=//evil.example").await.header("location"), "/");
}

#[tokio::test(start_paused = true)]
async fn the_desk_answers_to_its_own_name_alone() {
    let newsroom = Newsroom::open("name").await;
    let asked = |host: &'static str| {
        let request = axum::http::Request::builder().uri("/sign-in").header("host", host);
        newsroom.ask(request.body(axum::body::Body::empty()).unwrap())
    };
    assert_eq!(asked("evil.example:8401").await.status, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(asked(HOST).await.status, StatusCode::OK);
    assert_eq!(asked("desk.courier.example").await.status, StatusCode::MISDIRECTED_REQUEST);
    let name = (web::ADDRESS_SETTING, "https://desk.courier.example");
    newsroom.store.write(move |tx| store::settings::put(tx, name.0, name.1)).await.unwrap();
    let over_https = asked("desk.courier.example").await;
    assert_eq!(over_https.status, StatusCode::OK);
    assert!(over_https.header("strict-transport-security").contains("max-age=31536000"));
}

#[tokio::test(start_paused = true)]
async fn over_https_the_cookie_is_bound_to_the_host() {
    let newsroom = Newsroom::open("https").await;
    let (_, link) = newsroom.member("Ana Sol", Role::Editor).await;
    let name = (web::ADDRESS_SETTING, "https://desk.courier.example");
    newsroom.store.write(move |tx| store::settings::put(tx, name.0, name.1)).await.unwrap();
    let password = crate::newsroom::PASSWORD;
    let request = axum::http::Request::builder()
        .method("POST")
        .uri(&link)
        .header("host", "desk.courier.example")
        .header("origin", "https://desk.courier.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(axum::body::Body::from(encoded(&[("password", password), ("again", password)])));
    let answer = newsroom.ask(request.unwrap()).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let cookies: Vec<&str> = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
    assert!(cookies.iter().all(|line| line.starts_with("__Host-coranto") && line.contains("; Secure")), "{cookies:?}");
    assert!(cookies.iter().all(|line| line.contains("HttpOnly") && line.contains("SameSite=Lax")), "{cookies:?}");
}
