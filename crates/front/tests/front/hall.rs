//! A newsroom's public side in a folder of its own: a real store, a published site, readers of every standing.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use front::{Front, Journal};
use newsroom::{Format, Newsletter, NewsletterId, Outlet, ReaderId, Suppression, TopicId, Topics};
use seal::{Purpose, SealKey, Secret, TokenKey};
use store::readers::{self, Line, SealedReader, Signup, Standing};
use store::{Location, Store};
use tower::ServiceExt;
use world::World;

/// The one newsletter.
pub const DAILY: NewsletterId = NewsletterId(1);
/// Asked, not confirmed.
pub const PENDING: ReaderId = ReaderId(101);
/// Gets editions, all topics.
pub const ACTIVE: ReaderId = ReaderId(102);
/// Left, having confirmed once.
pub const LEFT: ReaderId = ReaderId(103);
/// Nobody.
pub const UNKNOWN: ReaderId = ReaderId(999);
/// Pages are short.
const PAGE_BYTES_MAX: usize = 1 << 20;

/// The public side.
pub struct Hall {
    pub front: Front,
    pub routes: axum::Router,
    pub place: PathBuf,
}

/// An answer with its whole body.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("pages are UTF-8")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are ASCII"))
    }
}

/// What a GET must not change: every row that a door can touch.
pub type Rows = (Vec<Signup>, Vec<(Option<Standing>, Option<Format>)>);

impl Hall {
    /// A fresh newsroom in a folder named after its test.
    pub async fn open(name: &str) -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("front").join(name);
        if place.exists() {
            std::fs::remove_dir_all(&place).expect("the test's own folder");
        }
        std::fs::create_dir_all(&place).expect("the test's own folder");
        let store = Store::open(&Location::Sqlite(place.join("newsroom.db"))).expect("a fresh database opens");
        store.write(found).await.expect("a newsroom is founded");
        let world = world::simulated::world(7, world::simulated::Internet::new());
        press::publish::publish(&world, &store, &outlet(), &place.join("site")).await.expect("a site is published");
        Self::on(store, world, place)
    }

    /// The same newsroom, its public side started anew.
    pub fn again(self) -> Self {
        let Self { front, routes, place } = self;
        drop(routes);
        let (store, world) = (front.store.clone(), front.world.clone());
        drop(front);
        Self::on(store, world, place)
    }

    fn on(store: Store, world: World, place: PathBuf) -> Self {
        let front = Front {
            world,
            store,
            folder: place.join("site"),
            outlet: outlet(),
            newsletter: daily(),
            seal: SealKey::new(1, &base_point()).expect("X25519's base point is a public key"),
            tokens: TokenKey::new(&Secret::new([7; seal::KEY_BYTES])),
            journal: Arc::new(Journal::at(place.join("leavings.journal"))),
        };
        Self { routes: front.clone().routes(), front, place }
    }

    pub fn token(&self, purpose: Purpose, reader: ReaderId) -> String {
        self.front.tokens.mint(purpose, reader, DAILY.0).as_str().to_owned()
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.routes.clone().oneshot(request).await.expect("routes never fail");
        let (head, body) = response.into_parts();
        let body = to_bytes(body, PAGE_BYTES_MAX).await.expect("our own pages are short").to_vec();
        Answer { status: head.status, headers: head.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(request(Method::GET, path, &[], "")).await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.ask(request(Method::POST, path, &form, body)).await
    }

    pub async fn standing(&self, reader: ReaderId) -> Option<Standing> {
        self.front.store.read(move |tx| readers::standing(tx, reader, DAILY)).await.expect("the store reads")
    }

    pub async fn inbox(&self) -> Vec<Signup> {
        self.front.store.read(|tx| readers::waiting(tx, 100_000)).await.expect("the store reads")
    }

    pub async fn rows(&self) -> Rows {
        let rows = self.front.store.read(|tx| {
            let of = |reader| Ok((readers::standing(tx, reader, DAILY)?, readers::format(tx, reader)?));
            let readers: store::Result<Vec<_>> = [PENDING, ACTIVE, LEFT, UNKNOWN].into_iter().map(of).collect();
            Ok((readers::waiting(tx, 100_000)?, readers?))
        });
        rows.await.expect("the store reads")
    }

    /// Its store never writes again; it still reads.
    pub async fn break_writer(&self) {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("the database's thread ends here, as the test wants it");
            }
        }
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let holding = self.front.store.write(move |_| {
            wait.recv().unwrap_err();
            Ok(())
        });
        let mut holding = std::pin::pin!(holding);
        assert!(look_at(holding.as_mut()).await.is_none(), "the thread waits for us");
        {
            // Nobody waits for this one's value: the thread itself drops it, after the commit.
            let given_up = self.front.store.write(|_| Ok(Bomb));
            let mut given_up = std::pin::pin!(given_up);
            assert!(look_at(given_up.as_mut()).await.is_none(), "the thread is held");
        }
        drop(go);
        holding.await.expect("it held the thread and nothing else");
        let refused = self.front.store.write(|_| Ok(())).await;
        assert!(refused.is_err(), "the writer is gone");
    }

    /// A connection to the doors, as if from `peer`.
    pub fn connect(&self, peer: &str) -> (tokio::io::DuplexStream, tokio::task::JoinSet<()>) {
        let (near, far) = tokio::io::duplex(64 * 1_024);
        let peer: SocketAddr = peer.parse().expect("an address with a port");
        let routes = self.routes.clone();
        let mut served = tokio::task::JoinSet::new();
        served.spawn(async move { front::converse(world::Stream::new(far, Some(peer)), &routes).await });
        (near, served)
    }
}

/// One look at a future.
pub async fn look_at<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        std::task::Poll::Ready(done) => std::task::Poll::Ready(Some(done)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

/// A request.
pub fn request(method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let start = Request::builder().method(method).uri(path);
    let start = headers.iter().fold(start, |made, (name, value)| made.header(*name, *value));
    start.body(Body::from(body.to_owned())).expect("a request that HTTP allows")
}

fn found(tx: &store::Write<'_>) -> store::Result<()> {
    store::newsletters::add(tx, &daily())?;
    for (id, slug) in [(1, "water"), (2, "ports"), (3, "schools")] {
        store::topics::ensure(tx, TopicId(id), slug, slug)?;
    }
    for reader in [PENDING, ACTIVE, LEFT] {
        let sealed = SealedReader {
            id: reader,
            kid: 1,
            sealed: vec![1, 2, 3],
            index: reader.0.to_be_bytes().to_vec(),
            lane: 0,
            language: "en".into(),
            format: Format::Html,
        };
        readers::add(tx, &sealed, 1)?;
        readers::ask(tx, reader, DAILY, Topics::ALL, 1)?;
    }
    let line = |id| Line { id, door: "mail link", wording: String::new() };
    for reader in [ACTIVE, LEFT] {
        assert!(readers::confirm(tx, reader, DAILY, &line(reader.0), 1)?);
    }
    assert!(readers::unsubscribe(tx, LEFT, DAILY, &line(500), 2)?);
    readers::suppress(tx, &Suppression { index: vec![9; 16], at: 1, why: "bounce".into() })
}

fn daily() -> Newsletter {
    Newsletter { id: DAILY, slug: "daily".into(), title: "Daily".into() }
}

fn outlet() -> Outlet {
    Outlet {
        name: "The Harbour Post".into(),
        tagline: "What the coast has to know, once a day".into(),
        site: "https://post.example".into(),
        language: "en".into(),
        zone: "Europe/Madrid".into(),
        postal_address: "1 Quay".into(),
        from: "post@post.example".into(),
        reply_to: None,
        mail_domain: "post.example".into(),
        selector: "c1".into(),
        invitation: "One mail a day, and it ends.".into(),
    }
}

/// RFC 7748 §4.1: the u-coordinate of the base point, a public key whose private half is 1.
fn base_point() -> [u8; seal::PUBLIC_KEY_BYTES] {
    let mut point = [0; seal::PUBLIC_KEY_BYTES];
    point[0] = 9;
    point
}
