//! A morning's gathering over a simulated internet: manners, patience, and what is kept of each source.

use gather::{Asked, Gatherer, INTERVAL_MS_MAX, INTERVAL_MS_MIN, Outcome, Went};
use newsroom::{Item, ItemId, ItemState, MINUTE_MS, Ms, SECOND_MS, Source, SourceHealth, SourceId, SourceKind, Topics};
use std::sync::{Arc, Mutex};
use store::sources::Reading;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::{
    Stream, World,
    http::Client,
    simulated::{self, Internet},
};

const FEED: &str = "<rss><channel><title>Harbour</title>\
    <item><guid>1</guid><title>One</title></item><item><guid>2</guid><title>Two</title></item></channel></rss>";

fn source(url: &str) -> Source {
    Source {
        id: SourceId(1),
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
    }
}

fn item(url: &str) -> Item {
    Item {
        id: ItemId(1),
        source: SourceId(1),
        guid: "1".into(),
        url: Some(url.to_owned()),
        title: "One".into(),
        author: None,
        language: None,
        published: None,
        published_raw: None,
        summary_html: Some("A teaser.".into()),
        content_html: None,
        image_url: None,
        first_seen: 0,
        state: ItemState::New,
        article: None,
    }
}

fn gatherer(world: &World) -> Gatherer {
    Gatherer::new(world, Client::new(world, &gather::agent("https://outlet.example/about")))
}

async fn head(stream: &mut Stream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("a request is ASCII")
}

fn ok(body: impl AsRef<[u8]>, fields: &str) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{fields}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn answer(status: u16, fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n{fields}\r\n").into_bytes()
}

/// Serves `host`: `reply` gets each request's head. The heads are kept.
fn serve(
    net: &Internet,
    host: &str,
    reply: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> Arc<Mutex<Vec<String>>> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (kept, reply) = (asked.clone(), Arc::new(reply));
    net.serve(host, 80, move |mut stream, _| {
        let (kept, reply) = (kept.clone(), reply.clone());
        async move {
            let head = head(&mut stream).await;
            let bytes = reply(&head);
            kept.lock().expect("no panic").push(head);
            let _ = stream.write_all(&bytes).await;
        }
    });
    asked
}

fn health(outcome: &Outcome) -> String {
    outcome.source.health.last_error.clone().unwrap_or_default()
}

/// How long the outcome waits, in milliseconds.
fn wait(world: &World, outcome: &Outcome) -> Ms {
    outcome.source.due - world.now()
}

#[tokio::test(start_paused = true)]
async fn a_source_is_read_and_then_asked_only_for_what_changed() {
    let net = Internet::new();
    let asked = serve(&net, "o.example", |head| {
        let known = head.contains("if-none-match: \"v1\"") && head.contains("if-modified-since: Mon, 05 Jan 2026");
        let fields = "ETag: \"v1\"\r\nLast-Modified: Mon, 05 Jan 2026 10:00:00 GMT\r\n";
        if known { answer(304, "") } else { ok(FEED, fields) }
    });
    let world = simulated::world(1, net);
    let first = gatherer(&world).read_source(&source("http://o.example/feed"), &Reading::default()).await;
    assert_eq!((&first.went, first.source.title.as_str(), first.items.len()), (&Went::Read, "Harbour", 2));
    assert_eq!(first.source.health.last_good, Some(world.now()));
    assert!((INTERVAL_MS_MIN..=INTERVAL_MS_MAX).contains(&wait(&world, &first)));
    let second = gatherer(&world).read_source(&first.source, &first.reading).await;
    assert_eq!((&second.went, second.items.len()), (&Went::Unchanged, 0));
    assert_eq!((&second.source.etag, &second.reading.body_hash), (&first.source.etag, &first.reading.body_hash));
    let agent = &asked.lock().expect("no panic")[0];
    assert!(agent.contains("user-agent: Coranto/"), "{agent}");
}

#[tokio::test(start_paused = true)]
async fn the_same_body_is_unchanged_whatever_the_server_knows_of_caching() {
    let net = Internet::new();
    serve(&net, "o.example", |_| ok(FEED, ""));
    let world = simulated::world(1, net);
    let first = gatherer(&world).read_source(&source("http://o.example/"), &Reading::default()).await;
    let second = gatherer(&world).read_source(&first.source, &first.reading).await;
    assert_eq!((first.went, second.went), (Went::Read, Went::Unchanged));
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_in_words_and_back_off() {
    let net = Internet::new();
    serve(&net, "gone.example", |_| answer(410, ""));
    serve(&net, "missing.example", |_| answer(404, ""));
    serve(&net, "busy.example", |_| answer(503, "Retry-After: 7200\r\n"));
    serve(&net, "page.example", |_| ok("<html><link rel=alternate type=application/rss+xml href=/rss></html>", ""));
    let world = simulated::world(1, net);
    let read = async |url: &str, failures| {
        let mut source = source(url);
        source.health.failures = failures;
        gatherer(&world).read_source(&source, &Reading::default()).await
    };
    let gone = read("http://gone.example/", 0).await;
    assert!(gone.source.health.stopped && matches!(gone.went, Went::Gone(_)));
    let missing = read("http://missing.example/", 0).await;
    assert_eq!(
        health(&missing),
        "http://missing.example/ is not there (status 404). It is tried again later. The address may have changed: \
         look for it on the outlet's site."
    );
    assert!(!missing.source.health.stopped);
    assert!((5 * MINUTE_MS..=6 * MINUTE_MS).contains(&wait(&world, &missing)));
    let fourth = read("http://missing.example/", 3).await;
    assert_eq!(fourth.source.health.failures, 4);
    assert!((40 * MINUTE_MS..=44 * MINUTE_MS).contains(&wait(&world, &fourth)));
    let busy = read("http://busy.example/", 0).await;
    assert!(wait(&world, &busy) >= 7_200 * SECOND_MS, "Retry-After is kept");
    let page = read("http://page.example/", 0).await;
    assert!(health(&page).contains("This is a web page, not a feed."), "{}", health(&page));
    assert!(health(&page).ends_with("The page names a feed: use http://page.example/rss as the address."));
    let nobody = read("http://nobody.example/", 0).await;
    assert!(health(&nobody).contains("there is no server of that name"), "{}", health(&nobody));
    let inside = read("http://127.0.0.1/", 0).await;
    assert!(health(&inside).contains("does not lead to the public internet"), "{}", health(&inside));
}

#[tokio::test(start_paused = true)]
async fn a_good_answer_ends_the_failures_and_a_bad_feed_keeps_the_validators() {
    let net = Internet::new();
    serve(
        &net,
        "o.example",
        |head| if head.contains("GET /good") { ok(FEED, "") } else { ok("oops", "ETag: \"bad\"\r\n") },
    );
    let world = simulated::world(1, net);
    let mut ill = source("http://o.example/good");
    ill.health = SourceHealth { failures: 5, last_error: Some("x".into()), ..SourceHealth::default() };
    let well = gatherer(&world).read_source(&ill, &Reading::default()).await.source.health;
    assert_eq!((well.failures, well.last_error, well.last_good), (0, None, Some(world.now())));
    ill.url = "http://o.example/bad".into();
    ill.etag = Some("\"old\"".into());
    let bad = gatherer(&world).read_source(&ill, &Reading::default()).await;
    assert_eq!(bad.source.etag.as_deref(), Some("\"old\""), "else a 304 would hide that nothing was read");
    assert_eq!((bad.reading.body_hash, bad.source.health.failures), (None, 6));
}

#[tokio::test(start_paused = true)]
async fn a_source_moves_after_three_permanent_redirects_in_a_row() {
    let net = Internet::new();
    serve(&net, "old.example", |_| answer(301, "Location: http://new.example/feed\r\n"));
    serve(&net, "new.example", |_| ok(FEED, ""));
    serve(&net, "elsewhere.example", |_| answer(302, "Location: http://new.example/feed\r\n"));
    let world = simulated::world(1, net);
    let mut outcome = Outcome {
        source: source("http://old.example/feed"),
        reading: Reading::default(),
        items: vec![],
        went: Went::Unchanged,
    };
    for (seen, url) in [(1, "http://old.example/feed"), (2, "http://old.example/feed"), (0, "http://new.example/feed")]
    {
        outcome = gatherer(&world).read_source(&outcome.source, &outcome.reading).await;
        assert_eq!((outcome.reading.moved_seen, outcome.source.url.as_str()), (seen, url));
    }
    let temporary = gatherer(&world).read_source(&source("http://elsewhere.example/"), &Reading::default()).await;
    assert_eq!((temporary.reading.moved_seen, temporary.reading.moved_to), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_host_is_asked_one_thing_at_a_time_and_a_hanging_one_delays_nobody_else() {
    let net = Internet::new();
    let under_way = Arc::new(Mutex::new((0_i32, 0_i32)));
    let counter = under_way.clone();
    net.serve("one.example", 80, move |mut stream, world| {
        let counter = counter.clone();
        async move {
            {
                let mut count = counter.lock().expect("no panic");
                count.0 += 1;
                count.1 = count.1.max(count.0);
            }
            head(&mut stream).await;
            world.sleep(1_000).await;
            counter.lock().expect("no panic").0 -= 1;
            let _ = stream.write_all(&ok(FEED, "")).await;
        }
    });
    net.serve("hang.example", 80, |mut stream, _| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    });
    for host in 0..20 {
        serve(&net, &format!("fine{host}.example"), |_| ok(FEED, ""));
    }
    let world = simulated::world(1, net);
    let gatherer = gatherer(&world);
    let start = world.now();
    let mut tasks = tokio::task::JoinSet::new();
    let hanging = (0..60).map(|n| format!("http://hang.example/{n}"));
    let one = (0..5).map(|n| format!("http://one.example/{n}"));
    let fine = (0..20).map(|n| format!("http://fine{n}.example/"));
    for url in hanging.chain(one).chain(fine) {
        let gatherer = gatherer.clone();
        tasks.spawn(
            async move { (gatherer.read_source(&source(&url), &Reading::default()).await, gatherer.world().now()) },
        );
    }
    while let Some(done) = tasks.join_next().await {
        let (outcome, at) = done.expect("no panic");
        let url = &outcome.source.url;
        let hanging = url.contains("hang");
        // One of those at the hanging host waits its 30 seconds; the others learn from it.
        let limit = if url.contains("fine") {
            1_000
        } else if hanging {
            31_000
        } else {
            10_000
        };
        assert!(at - start <= limit, "{url} took {} ms", at - start);
        assert_eq!(matches!(outcome.went, Went::Failed(_)), hanging, "{url}");
    }
    assert_eq!(under_way.lock().expect("no panic").1, 1, "one request in flight to a host");
}

/// A GIF's head says its size.
fn gif(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend(width.to_le_bytes());
    bytes.extend(height.to_le_bytes());
    bytes.extend([0; 8]);
    bytes
}

#[tokio::test(start_paused = true)]
async fn an_item_without_its_text_gets_its_page_and_picture() {
    let net = Internet::new();
    let asked = serve(&net, "o.example", |head| match head.split(' ').nth(1) {
        Some("/robots.txt") => ok("User-agent: *\nDisallow: /closed\n", ""),
        Some("/p.gif") => ok(gif(640, 480), "Content-Type: text/plain\r\n"),
        Some("/small.gif") => ok(gif(1, 1), ""),
        Some("/paper") => ok("%PDF", "Content-Type: application/pdf\r\n"),
        Some("/busy") => answer(503, ""),
        _ => ok("<title>One</title><meta property=og:image content=/p.gif><p>caf\u{e9}", "Content-Type: text/html\r\n"),
    });
    let world = simulated::world(1, net);
    let gatherer = gatherer(&world);
    let had = gatherer.material(&item("http://o.example/one")).await;
    let (page, picture) = (had.page.expect("a page"), had.picture.expect("a picture"));
    assert_eq!((page.url.as_deref(), page.title().as_str()), (Some("http://o.example/one"), "One"));
    assert!(page.html.contains("café"));
    assert_eq!((picture.width, picture.height, picture.url.as_deref()), (640, 480, Some("http://o.example/p.gif")));
    assert_eq!(had.problems, []);

    let closed = gatherer.material(&item("http://o.example/closed/two")).await;
    assert!(closed.page.is_none() && closed.picture.is_none());
    assert!(closed.problems[0].what.contains("asks programs not to read"), "{:?}", closed.problems);
    assert!(!closed.later, "asking again would change nothing");
    gatherer.page("http://o.example/closed/two", Asked::ByEditor).await.expect("a person may look");

    let mut full = item("http://o.example/three");
    (full.content_html, full.image_url) = (Some("<p>All of it.</p>".into()), Some("http://o.example/small.gif".into()));
    let had = gatherer.material(&full).await;
    assert!(had.page.is_none() && had.picture.is_none());
    assert!(had.problems[0].what.ends_with("It is too small to show."), "{:?}", had.problems);

    let busy = gatherer.material(&item("http://o.example/busy")).await;
    assert!(busy.later && busy.page.is_none(), "a page that is out of order may be had later");

    let paper = gatherer.page("http://o.example/paper", Asked::ByEditor).await.expect_err("no page");
    assert_eq!(paper.what, "http://o.example/paper is not a web page, but application/pdf.");
    let robots = asked.lock().expect("no panic").iter().filter(|head| head.starts_with("GET /robots.txt")).count();
    assert_eq!(robots, 1, "a site's wishes are remembered");
}

#[tokio::test(start_paused = true)]
async fn a_site_whose_wishes_cannot_be_had_is_left_alone() {
    let net = Internet::new();
    serve(&net, "broken.example", |_| answer(500, ""));
    serve(&net, "none.example", |head| if head.contains("robots") { answer(404, "") } else { ok("<p>x", "") });
    let world = simulated::world(1, net);
    let gatherer = gatherer(&world);
    let closed = gatherer.material(&item("http://broken.example/a")).await;
    assert!(closed.later && closed.problems[0].what.ends_with("its robots.txt is out of order."), "{closed:?}");
    gatherer.page("http://none.example/a", Asked::ByItself).await.expect("no file, no rules");
}

#[tokio::test(start_paused = true)]
async fn a_page_is_a_source_that_is_read_once() {
    let net = Internet::new();
    serve(&net, "o.example", |_| ok("<title>Investigation</title><p>Text</p>", "Content-Type: text/html\r\n"));
    let world = simulated::world(1, net);
    let page = Source { kind: SourceKind::Page, ..source("http://o.example/long-read") };
    let outcome = gatherer(&world).read_source(&page, &Reading::default()).await;
    let item = &outcome.items[0].item;
    assert_eq!((item.title.as_str(), item.guid.as_str()), ("Investigation", "http://o.example/long-read"));
    assert_eq!(outcome.source.due, Ms::MAX);
}
