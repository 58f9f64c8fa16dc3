//! The ways out: what is added, changed, rested and greeted at the desk, and what it shows of a relay at fault.

use ::newsroom::{Answer, Role, RouteId, Standing, WayState};
use store::{settings, ways};

use crate::newsroom::Newsroom;

const NEW: [(&str, &str); 6] = [
    ("name", " Second  relay "),
    ("host", "smtp.b.example"),
    ("port", "587"),
    ("user", "courier"),
    ("weight", "3"),
    ("password", "hush hush"),
];

#[tokio::test]
async fn an_admin_adds_changes_rests_and_removes_a_relay() {
    let newsroom = Newsroom::open("ways").await;
    let mut ana = newsroom.signed_in("Ana", Role::Admin).await;
    ana.get("/ways").await.shows("main").shows("No mail has been tried by it yet");
    let mut wrong = NEW;
    wrong[2].1 = "0";
    let refused = ana.submit("/ways", "/ways", &wrong).await;
    refused.shows("port takes a whole number from 1 to 65535").shows("smtp.b.example");
    assert_eq!(ana.submit("/ways", "/ways", &NEW).await.header("location"), "/ways?told=relay");
    ana.submit("/ways", "/ways", &NEW).await.shows("There is a relay of this name");
    let known = newsroom.store.read(ways::relays).await.unwrap().remove(0);
    assert_eq!((known.name.as_str(), known.weight, known.password.as_str()), ("Second relay", 3, "sealed:9"));

    let path = format!("/ways/{}", known.id);
    ana.submit("/ways", &path, &[("weight", "0"), ("per_hour", "50"), ("password", "")]).await;
    ana.get("/ways").await.shows("weight 0, only when no other can").shows("50 in an hour");
    let changed = newsroom.store.read(ways::relays).await.unwrap().remove(0);
    assert_eq!((changed.password.as_str(), changed.host.as_str()), ("sealed:9", "smtp.b.example"), "the rest stays");

    ana.submit("/ways", &format!("{path}/rest"), &[]).await;
    ana.get("/ways").await.shows("Told to rest").shows("Let it carry mail");
    ana.submit("/ways", &format!("{path}/use"), &[]).await;
    ana.submit("/ways", "/ways/1/rest", &[]).await;
    assert_eq!(newsroom.store.read(|tx| settings::get(tx, "relay.use")).await.unwrap().as_deref(), Some("no"));
    ana.submit("/ways", "/ways/1/try", &[]).await.shows("main greets us");
    ana.submit("/ways", &format!("{path}/try"), &[]).await.shows("It refused our name. Correct it.");

    ana.submit("/ways", &format!("{path}/remove"), &[]).await;
    assert!(newsroom.store.read(ways::relays).await.unwrap().is_empty());
    let names = newsroom.store.read(ways::names).await.unwrap();
    assert_eq!(names.get(&RouteId(2)).map(String::as_str), Some("Second relay"), "what it carried keeps its name");
}

#[tokio::test]
async fn an_editor_sees_a_relay_at_fault_and_changes_nothing() {
    let newsroom = Newsroom::open("ways-ill").await;
    let ill = Standing {
        route: RouteId::FIRST,
        state: WayState::Resting,
        since: 1_767_225_600_000,
        until: 1_767_225_660_000,
        faults: 4,
        why: "it said “535 <no>” at our login".into(),
        alerted: Some(1_767_225_600_000),
        answered: Some(Answer { at: 1_767_225_500_000, code: 250, text: "taken".into() }),
    };
    newsroom.store.write(move |tx| ways::stand(tx, &[ill])).await.unwrap();
    let mut bea = newsroom.signed_in("Bea", Role::Editor).await;
    let page = bea.get("/ways").await;
    page.shows("4 times in a row: it said “535 &lt;no&gt;” at our login")
        .shows("A person was called")
        .shows("250 taken");
    assert!(!page.body.contains("Add a relay") && !page.body.contains("Let it rest"));
    bea.get("/").await.shows("The relay main: Rests since");
    let refused = bea.submit("/sources", "/ways/1/rest", &[]).await;
    assert_eq!(refused.status, axum::http::StatusCode::FORBIDDEN);
    assert_eq!(newsroom.store.read(|tx| settings::get(tx, "relay.use")).await.unwrap(), None);
}
