//! A newsroom's desk in a folder of its own, and a browser that keeps cookies, follows forms and knows no script.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::newsroom::{Address, Member, MemberId, Newsletter, NewsletterId, Outlet, Problem, RelayTerms, Role, RouteId};
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use post::carry::{self, Opened};
use post::pace::Caps;
use store::members::{self, Invited};
use store::{Location, Store, newsletters};
use tower::ServiceExt;
use vault::{KeyRing, Vault};
use web::{Desk, Settings, Shape};
use world::World;
use world::simulated::Internet;

/// Where the desk listens.
pub const HOST: &str = "127.0.0.1:8401";
/// A password that is in no list.
pub const PASSWORD: &str = "violet anchor ninety-three";

/// The desk.
pub struct Newsroom {
    pub world: World,
    pub store: Store,
    pub routes: axum::Router,
    site: PathBuf,
}

/// An answer with its whole body.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are ASCII"))
    }

    /// The value of the first hidden field of this name.
    pub fn field(&self, name: &str) -> String {
        let after = self.body.split_once(&format!("name=\"{name}\" value=\""));
        let value = after.map_or("", |(_, rest)| rest.split('"').next().unwrap_or_default());
        value.replace("&amp;", "&").replace("&#x2f;", "/").replace("&#43;", "+")
    }

    #[track_caller]
    pub fn shows(&self, words: &str) -> &Self {
        assert!(self.body.contains(words), "the page does not say {words:?}: {}", self.body);
        self
    }
}

pub fn outlet(_: &BTreeMap<String, String>) -> Outlet {
    Outlet {
        name: "The Aldry Courier".into(),
        tagline: String::new(),
        site: "http://127.0.0.1:8400".into(),
        language: "en".into(),
        zone: "UTC".into(),
        postal_address: String::new(),
        from: "news@courier.example".into(),
        reply_to: None,
        mail_domain: "courier.example".into(),
        selector: "coranto".into(),
        invitation: String::new(),
    }
}

fn check(name: &str, value: &str) -> Result<(), Problem> {
    if value == "nonsense" {
        return Err(Problem::new(format!("{name} cannot be that."), "Nothing was changed.", "Try another."));
    }
    Ok(())
}

fn settings() -> Settings {
    let line = |name| web::Setting { name, shape: Shape::Line(80), default: "", sentence: "What it is." };
    let secret = web::Setting { shape: Shape::Secret, ..line("relay.password") };
    let record = |outlet: Outlet| -> web::Later<Vec<web::DnsRecord>> {
        let records = vec![web::DnsRecord {
            what: "DMARC",
            name: format!("_dmarc.{}", outlet.mail_domain),
            kind: "TXT",
            value: "v=DMARC1; p=none".into(),
        }];
        Box::pin(async move { Ok(records) })
    };
    Settings {
        table: vec![line("outlet.name"), line(web::ADDRESS_SETTING), secret],
        check,
        outlet,
        seal: |_, _, value| format!("sealed:{}", value.len()),
        records: Arc::new(record),
    }
}

/// A post office without a relay, whose caps carry `PER_DAY` copies a day.
fn office(store: &Store, world: &World) -> web::Office {
    let caps = Caps { per_day: Some(PER_DAY), ..Caps::default() };
    let ways = move || vec![carry::Capacity { route: RouteId::FIRST, name: "main".into(), caps }];
    let (route, opening) = ((store.clone(), world.clone()), (store.clone(), world.clone()));
    let failed = |_| Problem::new("The store failed.", "Nothing was changed.", "");
    web::Office {
        orders: Arc::new(|| {
            Box::pin(async { Err(Problem::new("There is no relay.", "No mail is sent.", "Name one.")) })
        }),
        route: Arc::new(move |departure| {
            let (store, world) = route.clone();
            Box::pin(async move { carry::of_departure(&store, ways(), departure, world.now()).await.map_err(failed) })
        }),
        open: Arc::new(move |departure, choice| {
            let (store, world) = opening.clone();
            Box::pin(async move {
                match carry::open(&store, ways(), departure, choice, world.now()).await.map_err(failed)? {
                    Opened::Open(_) => Ok(()),
                    _ => Err(Problem::new("The caps do not carry it.", "Nothing was sent.", "Choose.")),
                }
            })
        }),
        may_send: Arc::new(|| Box::pin(async { Ok(()) })),
        first: |kept| {
            let mut terms = RelayTerms::new(RouteId::FIRST, "main");
            terms.active = kept.get("relay.use").is_none_or(|word| word == "yes");
            terms
        },
        password_name: |terms| format!("relay.password {}", terms.name),
        greet: Arc::new(|route| {
            Box::pin(async move {
                match route {
                    RouteId::FIRST => Ok("main greets us.".to_owned()),
                    _ => Err(Problem::new("It refused our name.", "No mail was sent.", "Correct it.")),
                }
            })
        }),
    }
}

/// What the relay of a test carries in a day.
pub const PER_DAY: u32 = 2;

impl Newsroom {
    /// A fresh newsroom in a folder named after its test.
    pub async fn open(name: &str) -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("desk").join(name);
        if place.exists() {
            std::fs::remove_dir_all(&place).expect("the test's own folder");
        }
        std::fs::create_dir_all(&place).expect("the test's own folder");
        let store = Store::open(&Location::Sqlite(place.join("newsroom.db"))).expect("a fresh database opens");
        let newsletter = Newsletter { id: NewsletterId(1), slug: "daily".into(), title: "Daily".into() };
        let kept = newsletter.clone();
        store.write(move |tx| newsletters::add(tx, &kept)).await.expect("a newsroom is founded");
        let world = world::simulated::world(7, Internet::new());
        let ring = KeyRing::generate(&mut |bytes| world.fill(bytes));
        let desk = Desk {
            world: world.clone(),
            store: store.clone(),
            vault: Arc::new(Vault::new(ring)),
            site_folder: place.join("site"),
            newsletter,
            gatherer: gather::Gatherer::new(&world, world::http::Client::new(&world, "test")),
            listen: HOST.parse().expect("an address"),
            settings: settings(),
            office: office(&store, &world),
        };
        Self { world, store, routes: desk.routes(), site: place.join("site") }
    }

    /// Every page of the site as it lies there: its place and its text.
    pub async fn laid(&self) -> Vec<(String, String)> {
        let (mut found, mut folders) = (Vec::new(), vec![self.site.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("the site lies there") {
                let path = entry.expect("a readable folder").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "html") {
                    let text = std::fs::read_to_string(&path).expect("pages are UTF-8");
                    found.push((path.display().to_string(), text));
                }
            }
        }
        found
    }

    /// A member with a one-time link.
    pub async fn member(&self, name: &str, role: Role) -> (MemberId, String) {
        let id = MemberId(self.world.mint());
        let address = Address::parse(&format!("{}@courier.example", name.to_lowercase().replace(' ', "."))).unwrap();
        let member = Member { id, name: name.into(), address, role, active: true, made: self.world.now() };
        assert!(self.store.write(move |tx| members::add(tx, &member)).await.unwrap(), "{name} is new");
        let base = format!("http://{HOST}");
        let link = web::invite(&self.world, &self.store, &base, Invited::Join(id), web::INVITATION_MS).await.unwrap();
        (id, link.show().strip_prefix(&base).unwrap().to_owned())
    }

    /// A browser in which a member of this role is signed in.
    pub async fn signed_in(&self, name: &str, role: Role) -> Browser<'_> {
        let (_, link) = self.member(name, role).await;
        let mut browser = self.browser();
        let answer = browser.post(&link, &[("password", PASSWORD), ("again", PASSWORD)]).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"), "{}", answer.body);
        browser
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser { newsroom: self, cookies: BTreeMap::new() }
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.routes.clone().oneshot(request).await.expect("routes never fail");
        let (head, body) = response.into_parts();
        let body = to_bytes(body, 8 << 20).await.expect("pages are short").to_vec();
        Answer { status: head.status, headers: head.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }
}

/// A browser.
pub struct Browser<'n> {
    newsroom: &'n Newsroom,
    pub cookies: BTreeMap<String, String>,
}

pub fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

impl Browser<'_> {
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], String::new()).await
    }

    /// Sends a form as its own page would, without its mark.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let headers = [
            ("origin", "http://127.0.0.1:8401"),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.send(Method::POST, path, &headers, encoded(fields)).await
    }

    /// Sends a form of the page at `of`, with its mark.
    pub async fn submit(&mut self, of: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get(of).await;
        assert_eq!(page.status, StatusCode::OK, "{of}: {}", page.body);
        let mark = page.field("mark");
        let mut all = vec![("mark", mark.as_str())];
        all.extend_from_slice(fields);
        self.post(path, &all).await
    }

    pub async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        self.send_bytes(method, path, headers, body.into_bytes()).await
    }

    pub async fn send_bytes(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder().method(method).uri(path).header("host", HOST);
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.newsroom.ask(request.body(Body::from(body)).expect("a well-formed request")).await;
        for line in answer.headers.get_all("set-cookie") {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match value {
                "" => drop(self.cookies.remove(name)),
                value => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        answer
    }
}
