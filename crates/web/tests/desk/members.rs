//! Members: let in, made admins, shut out; and what is written down of it.

use ::newsroom::Role;
use axum::http::StatusCode;

use crate::newsroom::{Newsroom, PASSWORD};

fn link_on(page: &str) -> String {
    let (_, rest) = page.split_once("readonly>").expect("the page shows a link");
    let link = rest.split('<').next().unwrap().replace("&#x2f;", "/");
    link.trim().strip_prefix("http://127.0.0.1:8401").expect("a link to this desk").to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_admin_lets_somebody_in_and_shuts_them_out_at_once() {
    let newsroom = Newsroom::open("let-in").await;
    let mut admin = newsroom.signed_in("Ana Sol", Role::Admin).await;
    let who = [("name", "Ben Co"), ("address", "ben@courier.example"), ("role", "editor")];
    let page = admin.submit("/members", "/members", &who).await;
    assert_eq!(page.status, StatusCode::OK);
    let again = admin.submit("/members", "/members", &who).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    again.shows("already").shows("value=\"Ben Co\"");
    let mut ben = newsroom.browser();
    let entered = ben.post(&link_on(&page.body), &[("password", PASSWORD), ("again", PASSWORD)]).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.body);
    let list = ben.get("/members").await;
    list.shows("Ben Co");
    assert!(!list.body.contains("Let somebody in"), "an editor is shown no form of an admin's");
    let id =
        admin.get("/members").await.body.split("/out\"").next().unwrap().rsplit("/members/").next().unwrap().to_owned();
    let out = admin.submit("/members", &format!("/members/{id}/out"), &[]).await;
    assert_eq!(out.header("location"), "/members?told=out");
    assert_eq!(ben.get("/members").await.status, StatusCode::SEE_OTHER, "at once");
    let back = ben.post("/sign-in", &[("who", "Ben Co"), ("password", PASSWORD)]).await;
    assert_eq!(back.status, StatusCode::UNPROCESSABLE_ENTITY);
    admin.submit("/members", &format!("/members/{id}/in"), &[]).await;
    let back = ben.post("/sign-in", &[("who", "Ben Co"), ("password", PASSWORD)]).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    admin.get("/members/acts").await.shows("Ana Sol shut a member out: Ben Co").shows("Ben Co set their password");
}

#[tokio::test(start_paused = true)]
async fn the_last_admin_stays_one() {
    let newsroom = Newsroom::open("last-admin").await;
    let mut admin = newsroom.signed_in("Ana Sol", Role::Admin).await;
    let (other, _) = newsroom.member("Ben Co", Role::Editor).await;
    let own = admin
        .get("/members")
        .await
        .body
        .split("/role\"")
        .next()
        .unwrap()
        .rsplit("/members/")
        .next()
        .unwrap()
        .to_owned();
    for path in [format!("/members/{own}/role"), format!("/members/{own}/out")] {
        let refused = admin.submit("/members", &path, &[("role", "editor")]).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{path}");
        refused.shows("last admin");
    }
    admin.submit("/members", &format!("/members/{other}/role"), &[("role", "admin")]).await;
    let left = admin.submit("/members", &format!("/members/{own}/role"), &[("role", "editor")]).await;
    assert_eq!(left.header("location"), "/members?told=role");
    assert_eq!(admin.get("/members/acts").await.status, StatusCode::FORBIDDEN, "from now on");
}

#[tokio::test(start_paused = true)]
async fn a_link_that_signs_in_works_once_and_only_by_its_button() {
    let newsroom = Newsroom::open("enter").await;
    let (id, _) = newsroom.member("Ana Sol", Role::Editor).await;
    let what = store::members::Invited::Enter(id);
    let link = web::invite(&newsroom.world, &newsroom.store, "", what, web::ENTER_MS).await.unwrap();
    let mut browser = newsroom.browser();
    for _ in 0..2 {
        browser.get(link.show()).await.shows("This link signs you in, once.");
    }
    assert!(browser.cookies.is_empty());
    assert_eq!(browser.post(link.show(), &[]).await.status, StatusCode::SEE_OTHER);
    browser.get("/").await.shows("Ana Sol");
    assert_eq!(browser.post(link.show(), &[]).await.status, StatusCode::GONE);
}
