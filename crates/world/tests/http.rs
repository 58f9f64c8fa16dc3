//! The one client against strangers of every sort, in memory and on the paused clock.

use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use std::{net::SocketAddr, sync::Arc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::{
    Stream, World,
    http::{Client, FaultKind, FetchFault, Limits, Request, Response},
    simulated::{self, Internet},
    tls::Tls,
};

const AGENT: &str = "Coranto/0.1 (+https://outlet.example/about)";

/// Reads a request's head.
async fn head(stream: &mut Stream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("a request is ASCII")
}

/// Serves the same bytes to everyone at `host`.
fn serve(net: &Internet, host: &str, answer: impl Into<Vec<u8>>) {
    let answer = answer.into();
    net.serve(host, 80, move |mut stream, _| {
        let answer = answer.clone();
        async move {
            head(&mut stream).await;
            // A client that has seen enough goes away.
            let _ = stream.write_all(&answer).await;
        }
    });
}

fn ok(fields: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{fields}\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn redirect(status: u16, to: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

async fn get(world: &World, url: &str) -> Result<Response, FetchFault> {
    Client::new(world, AGENT).get(&Request::new(url)).await
}

async fn refused(world: &World, url: &str) -> FetchFault {
    get(world, url).await.expect_err(url)
}

#[tokio::test(start_paused = true)]
async fn a_request_says_what_it_wants_and_who_asks() {
    let net = Internet::new();
    net.serve("outlet.example", 80, |mut stream, _| async move {
        let asked = head(&mut stream).await;
        stream.write_all(&ok("", asked.as_bytes())).await.expect("the client listens");
    });
    let world = simulated::world(1, net);
    let mut request = Request::new("http://outlet.example/feed.xml?a=b#top");
    request.accept = "application/rss+xml";
    request.etag = Some("W/\"7\"".into());
    request.last_modified = Some("Thu, 01 Jan 2026 00:00:00 GMT".into());
    let response = Client::new(&world, AGENT).get(&request).await.expect("it answers");
    let asked = String::from_utf8(response.body.clone()).expect("text");
    assert_eq!(
        asked,
        "GET /feed.xml?a=b HTTP/1.1\r\nhost: outlet.example\r\nuser-agent: Coranto/0.1 (+https://outlet.example/about)\r\n\
         accept: application/rss+xml\r\naccept-encoding: gzip, deflate, br\r\nconnection: close\r\n\
         if-none-match: W/\"7\"\r\nif-modified-since: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n"
    );
    assert_eq!((response.status, response.hops.len(), response.moved_to()), (200, 0, None));
}

#[tokio::test(start_paused = true)]
async fn packed_bodies_are_unpacked() {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(b"<rss/>").expect("memory takes all");
    let net = Internet::new();
    serve(&net, "packed.example", ok("Content-Encoding: gzip\r\n", &packer.finish().expect("memory takes all")));
    serve(&net, "bare.example", "HTTP/1.0 200 OK\r\n\r\nuntil the end");
    serve(
        &net,
        "chunked.example",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n<r/\r\n1\r\n>\r\n0\r\n\r\n",
    );
    let world = simulated::world(1, net);
    assert_eq!(get(&world, "http://packed.example/").await.expect("it answers").body, b"<rss/>");
    assert_eq!(get(&world, "http://bare.example/").await.expect("it answers").body, b"until the end");
    assert_eq!(get(&world, "http://chunked.example/").await.expect("it answers").body, b"<r/>");
}

#[tokio::test(start_paused = true)]
async fn a_gzip_bomb_is_refused() {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![0; 50_000_000]).expect("memory takes all");
    let net = Internet::new();
    serve(&net, "bomb.example", ok("Content-Encoding: gzip\r\n", &packer.finish().expect("memory takes all")));
    let fault = refused(&simulated::world(1, net), "http://bomb.example/feed").await;
    assert_eq!(fault.kind, FaultKind::Garbled);
    assert!(fault.what.ends_with("unpacks to more than 200 times its size."), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn an_endless_body_is_cut_at_the_limit() {
    let net = Internet::new();
    net.serve("endless.example", 80, |mut stream, _| async move {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'a'; 4_096]).await.is_ok() {}
    });
    let world = simulated::world(1, net);
    let limits = Limits { body_bytes: 100_000, ..Limits::default() };
    let request = Request { limits, ..Request::new("http://endless.example/") };
    let fault = Client::new(&world, AGENT).get(&request).await.expect_err("too much");
    assert_eq!(fault.what, "http://endless.example/ sent more than 100000 bytes.");
}

#[tokio::test(start_paused = true)]
async fn a_body_of_one_byte_a_second_is_given_up_in_time() {
    let net = Internet::new();
    net.serve("slow.example", 80, |mut stream, world| async move {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        while stream.write_all(b"a").await.is_ok() {
            world.sleep(1_000).await;
        }
    });
    net.serve("silent.example", 80, |mut stream, _| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    });
    let world = simulated::world(1, net);
    for host in ["slow.example", "silent.example"] {
        let before = world.now();
        let fault = refused(&world, &format!("http://{host}/")).await;
        assert_eq!(fault.what, format!("http://{host}/ took longer than 30 seconds."));
        assert_eq!(world.now() - before, 30_000);
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_are_followed_and_the_permanent_ones_told() {
    let net = Internet::new();
    serve(&net, "old.example", redirect(301, "http://newer.example/feed"));
    serve(&net, "newer.example", redirect(308, "//newest.example/feed"));
    serve(&net, "newest.example", redirect(302, "http://today.example/feed?x"));
    serve(&net, "today.example", ok("ETag: \"1\"\r\n", b"news"));
    let world = simulated::world(1, net);
    let response = get(&world, "http://old.example/feed").await.expect("it answers");
    assert_eq!(response.final_url, "http://today.example/feed?x");
    assert_eq!(response.hops.iter().map(|hop| hop.status).collect::<Vec<_>>(), [301, 308, 302]);
    assert_eq!(response.moved_to(), Some("http://newest.example/feed"));
    assert_eq!(response.header("etag"), Some("\"1\""));
    let response = get(&world, "http://newest.example/feed").await.expect("it answers");
    assert_eq!(response.moved_to(), None, "a temporary redirect is not a move");
}

#[tokio::test(start_paused = true)]
async fn a_circle_of_redirects_ends() {
    let net = Internet::new();
    serve(&net, "circle.example", redirect(302, "/again"));
    let fault = refused(&simulated::world(1, net.clone()), "http://circle.example/").await;
    assert_eq!(fault.kind, FaultKind::Limit);
    assert_eq!(net.dialled().len(), 6, "the first request and five redirects");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_inside_is_refused_before_it_is_dialled() {
    let inside = [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://localhost/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://①②⑦.⓪.⓪.①/",
        "http://metadata.internal/",
    ];
    let net = Internet::new();
    net.answers("localhost", vec![vec!["127.0.0.1".parse().expect("an address")]]);
    net.answers("metadata.internal", vec![vec!["169.254.169.254".parse().expect("an address")]]);
    let world = simulated::world(1, net.clone());
    for (count, url) in inside.iter().enumerate() {
        serve(&net, "lure.example", redirect(302, url));
        let fault = refused(&world, "http://lure.example/").await;
        assert_eq!(fault.kind, FaultKind::Private, "{url}: {fault}");
        assert_eq!(refused(&world, url).await.kind, FaultKind::Private, "{url}");
        assert_eq!(net.dialled().len(), count + 1, "{url}: only the lure was dialled");
    }
}

#[tokio::test(start_paused = true)]
async fn a_public_page_may_not_redirect_into_an_exception() {
    let outlet: SocketAddr = "127.0.0.1:8123".parse().expect("an address");
    let net = Internet::new();
    serve(&net, "lure.example", redirect(302, "http://outlet.test:8123/private"));
    net.serve_at(outlet, |mut stream, _| async move {
        let asked = head(&mut stream).await;
        let answer =
            if asked.starts_with("GET /moved ") { redirect(302, "/feed").into_bytes() } else { ok("", b"news") };
        stream.write_all(&answer).await.expect("the client listens");
    });
    let world = simulated::world(1, net.clone()).with_exception("outlet.test", outlet);
    assert_eq!(get(&world, "http://outlet.test:8123/moved").await.expect("the exception answers").body, b"news");
    assert_eq!(refused(&world, "http://lure.example/").await.kind, FaultKind::Private);
    assert_eq!(refused(&world, "http://127.0.0.1:8123/").await.kind, FaultKind::Address, "not by number: the port");
}

#[tokio::test(start_paused = true)]
async fn addresses_that_no_feed_needs_are_refused_unasked() {
    let net = Internet::new();
    let world = simulated::world(1, net.clone());
    for url in [
        "",
        "feed.xml",
        "//outlet.example/",
        "file:///etc/passwd",
        "gopher://outlet.example/",
        "ftp://outlet.example/",
        "javascript:alert(1)",
        "data:text/plain,a",
        "http://ana:secret@outlet.example/",
        "http://ana@outlet.example/",
        "http://outlet.example:22/",
        "http://outlet.example:25/",
        "https://outlet.example:6379/",
        "http:///",
        "http://exa mple/",
        &format!("http://outlet.example/{}", "a".repeat(5_000)),
    ] {
        let fault = refused(&world, url).await;
        assert_eq!(fault.kind, FaultKind::Address, "{url}: {fault}");
        assert!(!fault.to_string().contains("secret"), "{fault}");
    }
    assert_eq!(net.dialled(), []);
}

#[tokio::test(start_paused = true)]
async fn a_port_is_dialled_when_a_setting_names_it() {
    let net = Internet::new();
    net.serve("outlet.example", 8_080, |mut stream, _| async move {
        let asked = head(&mut stream).await;
        assert!(asked.contains("host: outlet.example:8080\r\n"), "{asked}");
        stream.write_all(&ok("", b"news")).await.expect("the client listens");
    });
    let world = simulated::world(1, net);
    let request = Request::new("http://outlet.example:8080/");
    assert_eq!(refused(&world, &request.url).await.kind, FaultKind::Address);
    Client::new(&world, AGENT).with_port(8_080).get(&request).await.expect("allowed now");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_not_a_web_server_is_told_apart() {
    let net = Internet::new();
    serve(&net, "mail.example", "220 mail.example ESMTP\r\n");
    serve(&net, "gone.example", "");
    serve(&net, "half.example", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    serve(&net, "heavy.example", format!("HTTP/1.1 200 OK\r\nX-A: {}\r\n\r\n", "a".repeat(1_000_000)));
    serve(&net, "twice.example", ok("Content-Encoding: gzip, br\r\n", b"x"));
    let world = simulated::world(1, net.clone());
    for host in ["mail.example", "gone.example", "half.example", "heavy.example", "twice.example"] {
        let fault = refused(&world, &format!("http://{host}/")).await;
        assert_eq!(fault.kind, FaultKind::Garbled, "{host}: {fault}");
    }
    for url in ["http://nobody.example/", "http://mail.example:443/", "https://mail.example/"] {
        assert_eq!(refused(&world, url).await.kind, FaultKind::Unanswered, "{url}");
    }
    let spoken = refused(&world, "http://nobody.example/").await.to_string();
    assert_eq!(
        spoken,
        "http://nobody.example/ could not be reached: there is no server of that name. It is tried again later."
    );
}

/// A TLS server for harbour.example, by a test authority, good from November 2026 for a year.
fn serve_tls(net: &Internet) -> rustls::RootCertStore {
    let key = PrivateKeyDer::try_from(include_bytes!("tls/leaf.key.der").to_vec()).expect("a key");
    let leaf = include_bytes!("tls/leaf.der").to_vec().into();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![leaf], key)
        .expect("the key is the certificate's");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    for host in ["harbour.example", "other.example"] {
        let acceptor = acceptor.clone();
        net.serve(host, 443, move |stream, _| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(secured) = acceptor.accept(stream).await else { return };
                let mut stream = Stream::new(secured, None);
                head(&mut stream).await;
                let _ = stream.write_all(&ok("", b"secured")).await;
                let _ = stream.shutdown().await;
            }
        });
    }
    let mut roots = rustls::RootCertStore::empty();
    roots.add(include_bytes!("tls/ca.der").to_vec().into()).expect("an authority");
    roots
}

/// 2027-01-01 and 2030-01-01.
const IN_TIME: i64 = 1_798_761_600_000;
const EXPIRED: i64 = 1_893_456_000_000;

#[tokio::test(start_paused = true)]
async fn https_needs_a_certificate_that_is_good_for_the_name_and_today() {
    for (start, url, good) in [
        (IN_TIME, "https://harbour.example/", true),
        (IN_TIME, "https://other.example/", false),
        (EXPIRED, "https://harbour.example/", false),
        (simulated::START, "https://harbour.example/", false),
    ] {
        let net = Internet::new();
        let roots = serve_tls(&net);
        let world = simulated::world_at(1, start, net);
        let client = Client::with_tls(&world, AGENT, Tls::trusting(&world, roots));
        let answer = client.get(&Request::new(url)).await;
        assert_eq!(answer.is_ok(), good, "{start} {url}: {answer:?}");
        let distrusted = get(&world, url).await.expect_err("the web does not know the test authority");
        assert_eq!(distrusted.kind, FaultKind::Unanswered);
        assert!(distrusted.what.starts_with("No secure connection"), "{distrusted}");
    }
}

#[tokio::test]
async fn the_client_works_over_real_sockets_too() {
    let world = world::real::world(1);
    let listener = world.listen("127.0.0.1:0".parse().expect("an address")).await.expect("loopback is there");
    let address = listener.address().expect("it is bound");
    let world = world.with_exception("outlet.test", address);
    let serving = listener.serve(4, |mut stream| async move {
        head(&mut stream).await;
        stream.write_all(&ok("", b"news")).await.expect("the client listens");
    });
    let url = format!("http://outlet.test:{}/feed", address.port());
    tokio::select! {
        biased;
        response = get(&world, &url) => assert_eq!(response.expect("it answers").body, b"news"),
        () = serving => unreachable!("serving goes on for ever"),
    }
    let by_number = refused(&world, &format!("http://{address}/feed")).await;
    assert_eq!(by_number.kind, FaultKind::Address);
}
