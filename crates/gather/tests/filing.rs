//! A round over a real store: what is read is filed once, and a retitle is an update.

use gather::{Gatherer, Went, Which};
use newsroom::{Source, SourceHealth, SourceId, SourceKind, Topics};
use std::sync::{Arc, Mutex};
use store::{Location, Store, items, sources};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::{
    World,
    http::Client,
    simulated::{self, Internet},
};

/// A store in a folder of its own.
fn store(name: &str) -> Store {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    Store::open(&Location::Sqlite(folder.join("coranto.db"))).expect("a fresh database")
}

/// Serves at `host` whatever text stands in the cell.
fn serve(net: &Internet, host: &str, body: Arc<Mutex<String>>) {
    net.serve(host, 80, move |mut stream, _| {
        let body = body.lock().expect("no panic").clone();
        async move {
            let mut head = [0; 4_096];
            let _ = stream.read(&mut head).await;
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
}

async fn add(store: &Store, id: i64, url: &str) {
    let source = Source {
        id: SourceId(id),
        url: url.to_owned(),
        kind: SourceKind::Feed,
        policy: newsroom::Policy::Partner,
        licence: None,
        title: String::new(),
        topics: Topics::NONE,
        etag: None,
        last_modified: None,
        due: 0,
        health: SourceHealth::default(),
    };
    let added = store.write(move |tx| sources::add(tx, &source, 0)).await.expect("the store writes");
    assert!(added);
}

fn gatherer(world: &World) -> Gatherer {
    Gatherer::new(world, Client::new(world, &gather::agent("https://outlet.example/")))
}

fn feed(items: &[(&str, &str)]) -> String {
    let items: String =
        items.iter().map(|(guid, title)| format!("<item><guid>{guid}</guid><title>{title}</title></item>")).collect();
    format!("<rss><channel><title>Harbour</title>{items}</channel></rss>")
}

#[tokio::test]
async fn every_item_is_filed_once_and_a_retitle_is_an_update() {
    let store = store("filing_once");
    let net = Internet::new().with_lag_ms(0, 1);
    let body = Arc::new(Mutex::new(feed(&[("1", "One"), ("2", "Two"), ("1", "Again")])));
    serve(&net, "o.example", body.clone());
    let world = simulated::world(1, net);
    add(&store, 1, "http://o.example/").await;
    add(&store, 2, "http://nobody.example/").await;

    let mut told = 0;
    let visited = gather::once(&gatherer(&world), &store, Which::Due, |_| told += 1).await.expect("the store works");
    assert_eq!((visited.len(), told, visited[0].fresh), (2, 2, 2));
    assert!(visited[1].problem().is_some() && visited[0].problem().is_none());
    assert!(gather::once(&gatherer(&world), &store, Which::Due, |_| {}).await.expect("the store works").is_empty());

    *body.lock().expect("no panic") = feed(&[("3", "Three"), ("2", "Two, corrected"), ("1", "One")]);
    let visited = gather::once(&gatherer(&world), &store, Which::All, |_| {}).await.expect("the store works");
    assert_eq!((visited[0].fresh, visited[0].changed.len()), (1, 1));
    assert_eq!(visited[0].changed[0].item.title, "Two, corrected");

    let waiting = store.read(|tx| items::waiting(tx, 10)).await.expect("the store reads");
    let mut titles: Vec<_> = waiting.iter().map(|filed| filed.item.title.as_str()).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["One", "Three", "Two, corrected"]);
    let kept = store.read(sources::list).await.expect("the store reads");
    assert_eq!((kept[0].title.as_str(), kept[1].health.failures), ("Harbour", 2));
}

#[tokio::test]
async fn a_feed_that_moves_onto_another_source_stays_where_it_is() {
    let store = store("filing_moved");
    let net = Internet::new().with_lag_ms(0, 1);
    serve(&net, "new.example", Arc::new(Mutex::new(feed(&[("1", "One")]))));
    net.serve("old.example", 80, |mut stream, _| async move {
        let _ = stream.read(&mut [0; 4_096]).await;
        let _ = stream.write_all(b"HTTP/1.1 301 X\r\nLocation: http://new.example/\r\nContent-Length: 0\r\n\r\n").await;
    });
    let world = simulated::world(1, net);
    add(&store, 1, "http://old.example/").await;
    add(&store, 2, "http://new.example/").await;
    for _ in 0..3 {
        let visited = gather::once(&gatherer(&world), &store, Which::All, |_| {}).await.expect("the store works");
        assert!(visited.iter().all(|one| matches!(one.went, Went::Read | Went::Unchanged)), "{visited:?}");
    }
    let urls: Vec<_> = store.read(sources::list).await.expect("the store reads").into_iter().map(|s| s.url).collect();
    assert_eq!(urls, ["http://old.example/", "http://new.example/"]);
}

#[tokio::test]
async fn a_source_removed_while_it_is_read_leaves_nothing_behind() {
    let store = store("filing_removed");
    let net = Internet::new().with_lag_ms(0, 1);
    serve(&net, "o.example", Arc::new(Mutex::new(feed(&[("1", "One")]))));
    let world = simulated::world(1, net);
    add(&store, 1, "http://o.example/").await;
    let source = store.read(sources::list).await.expect("the store reads").remove(0);
    let outcome = gatherer(&world).read_source(&source, &sources::Reading::default()).await;
    store.write(|tx| sources::remove(tx, SourceId(1))).await.expect("the store writes");
    let visited = gather::record(&store, outcome).await.expect("the store works");
    assert_eq!(visited.fresh, 0);
    assert!(store.read(|tx| items::waiting(tx, 10)).await.expect("the store reads").is_empty());
}
