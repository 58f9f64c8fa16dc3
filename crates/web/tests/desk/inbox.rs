//! The inbox and the sources: what came in, what a member makes of it, and what no feed writes over.

use ::newsroom::{
    ArticleState, Item, ItemId, ItemState, Policy, Role, Source, SourceHealth, SourceId, SourceKind, Topics,
};
use axum::http::StatusCode;
use store::items::{self, Filed};
use store::{articles, sources};

use crate::newsroom::Newsroom;

const NOON: i64 = 1_767_268_800_000;

async fn source(newsroom: &Newsroom, id: i64, policy: Policy) {
    let source = Source {
        id: SourceId(id),
        url: format!("https://partner{id}.example/feed"),
        kind: SourceKind::Feed,
        policy,
        licence: None,
        title: format!("Partner {id}"),
        topics: Topics::NONE,
        etag: None,
        last_modified: None,
        due: NOON,
        health: SourceHealth::default(),
    };
    assert!(newsroom.store.write(move |tx| sources::add(tx, &source, 60_000)).await.unwrap());
}

async fn item(newsroom: &Newsroom, id: i64, of: i64, title: &str, text: &str) {
    let item = Item {
        id: ItemId(id),
        source: SourceId(of),
        guid: format!("g{id}"),
        url: Some(format!("https://partner{of}.example/{id}")),
        title: title.into(),
        author: Some("Zo Ellis".into()),
        language: Some("en".into()),
        published: Some(NOON + id),
        published_raw: None,
        summary_html: Some(text.into()),
        content_html: None,
        image_url: None,
        first_seen: NOON + id,
        state: ItemState::New,
        article: None,
    };
    let filed = Filed { item, categories: Vec::new() };
    newsroom.store.write(move |tx| items::file(tx, &filed)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_item_is_passed_over_and_put_back() {
    let newsroom = Newsroom::open("pass-over").await;
    source(&newsroom, 1, Policy::Watch).await;
    for id in 1..=60 {
        item(&newsroom, id, 1, &format!("Item {id}."), "<p>The <script>alert(1)</script>mole.</p>").await;
    }
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let list = ana.get("/items").await;
    list.shows("Item 60.").shows("Item 11.").shows("The mole.").shows("watch").shows("Partner 1");
    assert!(!list.body.contains("Item 10.") && !list.body.contains("<script>"), "fifty a page, and cleaned");
    let older = list.body.split("before=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    ana.get(&format!("/items?before={older}")).await.shows("Item 10.").shows("Item 1.");
    let gone = ana.submit("/items", "/items", &[("do", "dismiss:60")]).await;
    assert_eq!(gone.header("location"), "/items?told=dismissed&undo=60");
    ana.get("/items?told=dismissed&undo=60").await.shows("Undo: put it back");
    assert!(!ana.get("/items").await.body.contains("Item 60."));
    ana.submit("/items", "/items", &[("do", "recall:60")]).await;
    ana.get("/items").await.shows("Item 60.");
    ana.submit("/items", "/items", &[("do", "dismiss"), ("item", "59"), ("item", "58")]).await;
    ana.get("/items?state=dismissed").await.shows("Item 59.").shows("Item 58.");
    let none = ana.submit("/items", "/items", &[("do", "dismiss")]).await;
    assert_eq!(none.header("location"), "/items?told=none");
}

#[tokio::test(start_paused = true)]
async fn a_watched_item_is_lined_up_as_a_card_or_taken_to_be_edited() {
    let newsroom = Newsroom::open("taken").await;
    source(&newsroom, 1, Policy::Watch).await;
    item(&newsroom, 1, 1, "The mole is lit", "It burns.").await;
    item(&newsroom, 2, 1, "The choir sings", "It sings.").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let done = ana.submit("/items", "/items", &[("do", "line_up:1")]).await;
    assert_eq!(done.header("location"), "/items?told=lined-up", "{}", done.body);
    let taken = ana.submit("/items", "/items", &[("do", "take:2")]).await;
    let path = taken.header("location").split('?').next().unwrap().to_owned();
    let page = ana.get(&path).await;
    page.shows("The choir sings").shows("A card").shows("Partner 1").shows("https://partner1.example/2");
    let thrown = ana.submit(&path, &format!("{path}/discard"), &[]).await;
    assert_eq!(thrown.status, StatusCode::SEE_OTHER);
    ana.get("/items").await.shows("The choir sings");
}

#[tokio::test(start_paused = true)]
async fn no_feed_writes_over_a_members_text() {
    let newsroom = Newsroom::open("write-over").await;
    source(&newsroom, 1, Policy::Partner).await;
    item(&newsroom, 1, 1, "The mole is lit", "It burns.").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let taken = ana.submit("/items", "/items", &[("do", "take:1")]).await;
    let path = taken.header("location").split('?').next().unwrap().to_owned();
    let form = [
        ("base", "1"),
        ("kept_from", "1"),
        ("title", "Our own headline"),
        ("body", "Our own text."),
        ("outlet", "Partner 1"),
        ("canonical", "https://partner1.example/1"),
        ("language", "en"),
        ("act", "publish"),
    ];
    let out = ana.submit(&path, &path, &form).await;
    assert_eq!(out.header("location"), format!("{path}?told=published"), "{}", out.body);
    item(&newsroom, 1, 1, "Another headline altogether", "It burns brighter.").await;
    let corrected = desk::correct(&newsroom.world, &newsroom.store, "en").await.unwrap();
    assert_eq!(corrected, 0);
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let now = newsroom.store.read(move |tx| articles::by_id(tx, id)).await.unwrap().unwrap();
    assert_eq!((now.revision.title.as_str(), now.state), ("Our own headline", ArticleState::Published));
    ana.get("/items?state=changed").await.shows("Another headline altogether").shows("Open the article");
    ana.submit("/items", "/items", &[("do", "settle:1")]).await;
    assert!(!ana.get("/items?state=changed").await.body.contains("Another headline"));
}

#[tokio::test(start_paused = true)]
async fn a_source_is_added_changed_paused_and_removed() {
    let newsroom = Newsroom::open("sources").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let odd = [("url", "file:///etc/passwd"), ("policy", "watch"), ("licence", "none")];
    let odd = ana.submit("/sources", "/sources", &odd).await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY);
    odd.shows("2 things are to be mended").shows("value=\"file:");
    let well = [("url", "https://partner.example/feed"), ("policy", "watch")];
    assert_eq!(ana.submit("/sources", "/sources", &well).await.header("location"), "/sources?told=source");
    ana.submit("/sources", "/sources", &well).await.shows("This source is read already");
    let known = newsroom.store.read(sources::list).await.unwrap().remove(0);
    assert_eq!(known.policy, Policy::Watch);
    let path = format!("/sources/{}", known.id);
    let licence = "https://creativecommons.org/licenses/by/4.0/";
    ana.submit("/sources", &path, &[("policy", "partner"), ("licence", licence)]).await;
    ana.submit("/sources", &format!("{path}/pause"), &[]).await;
    ana.get("/sources").await.shows("Paused by a member").shows("Read it again");
    let paused = newsroom.store.read(sources::list).await.unwrap().remove(0);
    assert_eq!(
        (paused.policy, paused.licence.as_deref(), paused.health.stopped),
        (Policy::Partner, Some(licence), true)
    );
    ana.submit("/sources", &format!("{path}/resume"), &[]).await;
    ana.get("/sources").await.shows("Not read yet");
    ana.submit("/sources", &format!("{path}/remove"), &[]).await;
    assert!(newsroom.store.read(sources::list).await.unwrap().is_empty());
}
