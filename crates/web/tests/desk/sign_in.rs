//! Who comes in, how long they stay, and what becomes of what they were typing.

use ::newsroom::{HOUR_MS, MINUTE_MS, Role};
use axum::http::StatusCode;

use crate::newsroom::{Newsroom, PASSWORD};

async fn sign_in(browser: &mut crate::newsroom::Browser<'_>, who: &str, password: &str) -> crate::newsroom::Answer {
    browser.post("/sign-in", &[("who", who), ("password", password), ("next", "/members")]).await
}

#[tokio::test(start_paused = true)]
async fn the_first_member_comes_in_by_the_link_that_was_printed_and_it_works_once() {
    let newsroom = Newsroom::open("first").await;
    let base = "http://127.0.0.1:8401";
    let link = web::found(&newsroom.world, &newsroom.store, base).await.unwrap().expect("nobody is here yet");
    let path = link.show().strip_prefix(base).unwrap().to_owned();
    let mut browser = newsroom.browser();
    browser.get(&path).await.shows("You are the first here");
    browser.get(&path).await.shows("You are the first here");
    let who = [("name", "Ana Sol"), ("address", "ana@courier.example")];
    let weak = [&who[..], &[("password", "password1234"), ("again", "password1234")]].concat();
    let refused = browser.post(&path, &weak).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.shows("tried first everywhere").shows("value=\"Ana Sol\"");
    let good = [&who[..], &[("password", PASSWORD), ("again", PASSWORD)]].concat();
    let entered = browser.post(&path, &good).await;
    assert_eq!((entered.status, entered.header("location")), (StatusCode::SEE_OTHER, "/"));
    browser.get("/").await.shows("Ana Sol");
    browser.get("/members").await.shows("Let somebody in");
    assert_eq!(newsroom.browser().get(&path).await.status, StatusCode::GONE);
    assert!(web::found(&newsroom.world, &newsroom.store, base).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_invitation_runs_out_after_three_days() {
    let newsroom = Newsroom::open("runs-out").await;
    let (_, link) = newsroom.member("Ana Sol", Role::Editor).await;
    newsroom.world.sleep(72 * HOUR_MS - 1).await;
    assert_eq!(newsroom.browser().get(&link).await.status, StatusCode::OK);
    newsroom.world.sleep(1).await;
    assert_eq!(newsroom.browser().get(&link).await.status, StatusCode::GONE);
}

#[tokio::test(start_paused = true)]
async fn a_member_signs_in_by_name_or_address_and_is_led_on() {
    let newsroom = Newsroom::open("by-name").await;
    drop(newsroom.signed_in("Ana Sol", Role::Admin).await);
    for who in ["Ana Sol", " ana  SOL ", "Ana.Sol@courier.example"] {
        let mut browser = newsroom.browser();
        let answer = sign_in(&mut browser, who, PASSWORD).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/members"), "{who}");
        browser.get("/members").await.shows("Ana Sol");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_learns_who_is_a_member() {
    let newsroom = Newsroom::open("unknown").await;
    drop(newsroom.signed_in("Ana Sol", Role::Admin).await);
    let (_, _) = newsroom.member("No Password", Role::Editor).await;
    let mut pages = Vec::new();
    for who in ["Ana Sol", "Nobody", "No Password", "nobody@courier.example"] {
        let answer = sign_in(&mut newsroom.browser(), who, "another password altogether").await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.headers.get("set-cookie").is_none());
        pages.push(answer.body.replace(who, "WHO"));
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "the pages differ");
}

#[tokio::test(start_paused = true)]
async fn guessing_locks_out_whoever_guesses_and_not_the_member() {
    let newsroom = Newsroom::open("guessing").await;
    let mut own = newsroom.signed_in("Ana Sol", Role::Admin).await;
    own.cookies.remove("coranto-desk");
    let mut stranger = newsroom.browser();
    let mut last = StatusCode::OK;
    for _ in 0..12 {
        last = sign_in(&mut stranger, "Ana Sol", "a guess of twelve").await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let even_right = sign_in(&mut stranger, "Ana Sol", PASSWORD).await;
    assert_eq!(even_right.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(even_right.header("retry-after"), "60");
    assert_eq!(sign_in(&mut own, "Ana Sol", PASSWORD).await.status, StatusCode::SEE_OTHER, "from a known browser");
    newsroom.world.sleep(MINUTE_MS).await;
    assert_eq!(sign_in(&mut stranger, "Ana Sol", PASSWORD).await.status, StatusCode::SEE_OTHER, "a minute later");
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_after_twelve_idle_hours_and_after_fourteen_days() {
    let newsroom = Newsroom::open("ends").await;
    let mut browser = newsroom.signed_in("Ana Sol", Role::Admin).await;
    newsroom.world.sleep(12 * HOUR_MS).await;
    assert_eq!(browser.get("/members").await.header("location"), "/sign-in?next=%2Fmembers");
    sign_in(&mut browser, "Ana Sol", PASSWORD).await;
    for _ in 0..(14 * 24 / 11) {
        newsroom.world.sleep(11 * HOUR_MS).await;
        assert_eq!(browser.get("/members").await.status, StatusCode::OK);
    }
    newsroom.world.sleep(11 * HOUR_MS).await;
    assert_eq!(browser.get("/members").await.status, StatusCode::SEE_OTHER, "fourteen days are over");
}

#[tokio::test(start_paused = true)]
async fn what_was_typed_survives_the_end_of_a_session() {
    let newsroom = Newsroom::open("typed").await;
    let mut browser = newsroom.signed_in("Ana Sol", Role::Admin).await;
    let mark = browser.get("/members").await.field("mark");
    newsroom.world.sleep(13 * HOUR_MS).await;
    let typed =
        [("mark", mark.as_str()), ("name", "Ben & <Co>"), ("address", "ben@courier.example"), ("role", "editor")];
    let lost = browser.post("/members", &typed).await;
    assert_eq!(lost.status, StatusCode::UNAUTHORIZED);
    lost.shows("What you typed is kept");
    let (kept, next) = (lost.field("kept"), lost.field("next"));
    let wrong =
        [("who", "Ana Sol"), ("password", "wrong wrong wrong"), ("next", next.as_str()), ("kept", kept.as_str())];
    let still = browser.post("/sign-in", &wrong).await;
    assert_eq!(still.field("kept"), kept, "a slip costs nothing");
    let right = [("who", "Ana Sol"), ("password", PASSWORD), ("next", next.as_str()), ("kept", kept.as_str())];
    let back = browser.post("/sign-in", &right).await;
    assert_eq!(back.status, StatusCode::OK);
    back.shows("action=\"/members\"").shows("Ben &amp; &lt;Co&gt;");
    let sent: Vec<(&str, String)> = vec![
        ("mark", back.field("mark")),
        ("name", "Ben Co".into()),
        ("address", back.field("address")),
        ("role", back.field("role")),
    ];
    let sent: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post("/members", &sent).await.shows("A link for Ben Co");
}

#[tokio::test(start_paused = true)]
async fn signing_out_and_a_new_password_end_sessions_at_once() {
    let newsroom = Newsroom::open("out").await;
    let mut here = newsroom.signed_in("Ana Sol", Role::Admin).await;
    let mut there = newsroom.browser();
    sign_in(&mut there, "Ana Sol", PASSWORD).await;
    let stolen = there.cookies.clone();
    let out = there.submit("/", "/sign-out", &[]).await;
    assert_eq!((out.status, out.header("clear-site-data")), (StatusCode::SEE_OTHER, "\"cache\", \"storage\""));
    there.cookies = stolen;
    assert_eq!(there.get("/").await.status, StatusCode::SEE_OTHER, "the cookie alone opens nothing any more");
    sign_in(&mut there, "Ana Sol", PASSWORD).await;
    let fresh = "seven quiet gulls on tiles";
    let wrong = [("old", "not this one, no"), ("password", fresh), ("again", fresh)];
    assert_eq!(here.submit("/me", "/me/password", &wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let changed = here.submit("/me", "/me/password", &[("old", PASSWORD), ("password", fresh), ("again", fresh)]).await;
    assert_eq!(changed.header("location"), "/me?told=password");
    here.get("/me?told=password").await.shows("Your new password holds");
    assert_eq!(there.get("/").await.status, StatusCode::SEE_OTHER, "signed out everywhere else");
    assert_eq!(sign_in(&mut there, "Ana Sol", PASSWORD).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(sign_in(&mut there, "Ana Sol", fresh).await.status, StatusCode::SEE_OTHER);
}
