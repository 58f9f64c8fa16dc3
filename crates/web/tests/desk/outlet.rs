//! The outlet's pages, its menu and its settings.

use ::newsroom::Role;
use axum::http::StatusCode;
use store::settings;

use crate::newsroom::Newsroom;

#[tokio::test(start_paused = true)]
async fn a_page_is_made_stands_in_the_menu_and_is_removed() {
    let newsroom = Newsroom::open("free-pages").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    for (title, body) in [("About us", "We are **four**."), ("Donate", "Please do.")] {
        let made = ana.submit("/pages/new", "/pages/new", &[("title", title), ("body", body), ("public", "1")]).await;
        assert_eq!(made.header("location"), "/pages?told=page", "{}", made.body);
    }
    let laid = newsroom.laid().await;
    let about = &laid.iter().find(|(place, _)| place.contains("about-us")).expect("its page lies there").1;
    assert!(about.contains("<strong>four</strong>") && about.contains("href=\"/donate/\""), "{about}");
    let list = ana.get("/pages").await;
    let id = list.body.split("href=\"/pages/").nth(2).unwrap().split('"').next().unwrap().to_owned();
    list.shows("Move down");
    let path = format!("/pages/{id}");
    let taken = ana.submit(&path, &path, &[("title", "Articles"), ("body", "x"), ("version", "1")]).await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
    taken.shows("another address");
    let form = [("title", "About"), ("slug", "about-us"), ("body", "We are five."), ("public", "1"), ("version", "1")];
    assert_eq!(ana.submit(&path, &path, &form).await.status, StatusCode::SEE_OTHER);
    let late = ana.submit(&path, &path, &form).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    late.shows("Somebody else saved this page meanwhile");
    let seen = ana
        .submit(
            &path,
            &path,
            &[("title", "About"), ("slug", "about-us"), ("body", "Six!"), ("version", "2"), ("act", "preview")],
        )
        .await;
    seen.shows("srcdoc=").shows("Six!");
    ana.submit("/pages", "/pages/menu", &[("page", &id), ("step", "out")]).await;
    let laid = newsroom.laid().await;
    assert!(!laid.iter().any(|(_, text)| text.contains("href=\"/about-us/\"")), "it left the menu of every page");
    ana.submit(&path, &format!("{path}/remove"), &[]).await;
    assert!(!newsroom.laid().await.iter().any(|(place, _)| place.contains("about-us")));
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_added_once() {
    let newsroom = Newsroom::open("topics").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Admin).await;
    let made = ana.submit("/outlet", "/outlet/topics", &[("topic_name", "  The Harbour ")]).await;
    assert_eq!(made.header("location"), "/outlet?told=topic", "{}", made.body);
    ana.get("/outlet").await.shows("The Harbour.");
    ana.submit("/outlet", "/outlet/topics", &[("topic_name", "the harbour")]).await.shows("of this name already");
    ana.submit("/outlet", "/outlet/topics", &[("topic_name", "!!!")]).await.shows("letters and digits");
    ana.get("/articles/new").await.shows("The Harbour");
}

#[tokio::test(start_paused = true)]
async fn settings_are_saved_all_or_none_and_secrets_stay_sealed() {
    let newsroom = Newsroom::open("settings").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Admin).await;
    ana.get("/outlet").await.shows("outlet.name").shows("v=DMARC1; p=none");
    let odd = ana.submit("/outlet", "/outlet", &[("outlet.name", "The Lamp"), ("desk.address", "nonsense")]).await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
    odd.shows("The Lamp").shows("desk.address cannot be that");
    let kept = newsroom.store.read(settings::all).await.unwrap();
    assert!(!kept.contains_key("outlet.name"), "nothing of it was kept");
    let well =
        ana.submit("/outlet", "/outlet", &[("outlet.name", " The  Lamp "), ("relay.password", "hush hush")]).await;
    assert_eq!(well.header("location"), "/outlet?told=settings", "{}", well.body);
    let kept = newsroom.store.read(settings::all).await.unwrap();
    assert_eq!((kept["outlet.name"].as_str(), kept["relay.password"].as_str()), ("The Lamp", "sealed:9"));
    let page = ana.get("/outlet").await;
    page.shows("set; leave empty to keep it");
    assert!(!page.body.contains("hush") && !page.body.contains("sealed:9"));
    ana.submit("/outlet", "/outlet", &[("outlet.name", "The Lamp"), ("relay.password", "")]).await;
    let kept = newsroom.store.read(settings::all).await.unwrap();
    assert_eq!(kept["relay.password"], "sealed:9", "an empty field keeps it");
}
