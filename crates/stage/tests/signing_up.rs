//! The readers get through a site that works as ours does: a form with hidden fields and a bait, a mail, a page with one
//! button. The site here is the test's own, so that it can also misbehave.

use axum::{
    Router,
    extract::{Form, Path, State},
    http::StatusCode,
    response::Html,
    routing::get,
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use stage::{
    catcher::Catcher,
    readers::{self, Door, Outcome, Step, Stuck},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::{Listener, Target, World};

/// A newsroom reduced to its doors: what it writes down is what the tests look at.
struct Newsroom {
    world: World,
    mail: SocketAddr,
    site: String,
    asked: Mutex<BTreeMap<String, Vec<(String, String)>>>,
    confirmed: Mutex<BTreeSet<String>>,
    gets_of_links: Mutex<usize>,
}

type Shared = State<Arc<Newsroom>>;

const FRONT: &str = r#"<!doctype html><title>News</title><form action="/search"><input name="q"></form>
<form method="post" action="/subscribe"><input type="email" name="email" required>
<label><input type="checkbox" name="topics" value="harbour">Harbour</label><label><input type="checkbox" name="topics" value="water" checked>Water</label>
<label><input type="checkbox" name="topics" value="schools">Schools</label><p class="trap"><input name="website"></p>
<input type="hidden" name="language" value="en"><input type="hidden" name="ticket" value="a&amp;b"><button>Sign up</button></form>"#;

async fn subscribe(State(newsroom): Shared, Form(fields): Form<Vec<(String, String)>>) -> StatusCode {
    let value = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let Some(email) = value("email") else { return StatusCode::UNPROCESSABLE_ENTITY };
    assert_eq!((value("website").as_deref(), value("ticket").as_deref()), (Some(""), Some("a&b")));
    if email.contains("00013") {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    newsroom.asked.lock().expect("a list").insert(email.clone(), fields);
    newsroom.send_letter(&email).await;
    StatusCode::OK
}

async fn confirm_page(State(newsroom): Shared, Path(who): Path<String>) -> Html<String> {
    *newsroom.gets_of_links.lock().expect("a count") += 1;
    Html(format!(r#"<h1>Confirm</h1><form method="post" action="/confirm/{who}"><button>Yes</button></form>"#))
}

async fn confirm(State(newsroom): Shared, Path(who): Path<String>) -> &'static str {
    newsroom.confirmed.lock().expect("a list").insert(who);
    "Done"
}

impl Newsroom {
    async fn send_letter(&self, to: &str) {
        let (site, who) = (&self.site, to.replace('@', "_"));
        let text = format!(
            "From: n@x.example\r\nTo: <{to}>\r\nSubject: Please confirm\r\nList-Unsubscribe: <{site}/stop/{who}>\r\n\r\n\
             Not you? Do nothing, or {site}/stop/{who}\r\nOur site: {site}/\r\nPress here:\r\n<{site}/confirm/{who}>\r\n"
        );
        let mut stream = self.world.dial(&Target::Addr(self.mail)).await.expect("the catcher listens");
        let said = format!("EHLO x.example\r\nMAIL FROM:<>\r\nRCPT TO:<{to}>\r\nDATA\r\n{text}.\r\nQUIT\r\n");
        stream.write_all(said.as_bytes()).await.expect("it reads");
        let mut answers = String::new();
        stream.read_to_string(&mut answers).await.expect("it answers");
        assert!(answers.contains("250 2.0.0 accepted"), "{answers}");
    }

    fn routes(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/", get(async || Html(FRONT)).post(async || StatusCode::METHOD_NOT_ALLOWED))
            .route("/subscribe", axum::routing::post(subscribe))
            .route("/confirm/{who}", get(confirm_page).post(confirm))
            .route("/stop/{who}", get(async || -> &'static str { panic!("nobody opens the way out") }))
            .with_state(self.clone())
    }
}

async fn serve(listener: &Listener, routes: Router) {
    listener
        .serve(64, |stream| {
            let service = TowerToHyperService::new(routes.clone());
            async move {
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        })
        .await;
}

/// Signs `count` readers up; the newsroom as it stands after, and what came of it.
fn signed_up(name: &str, count: u32) -> (Arc<Newsroom>, Outcome, Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let world = world::real::world(1);
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let catcher = Catcher::open(&folder, &world).expect("a new folder");
        let any = ([127, 0, 0, 1], 0).into();
        let (smtp, http) = (world.listen(any).await.expect("a port"), world.listen(any).await.expect("a port"));
        let address = http.address().expect("its address");
        let site = format!("http://{address}");
        let newsroom = Arc::new(Newsroom {
            world: world.clone(),
            mail: smtp.address().expect("its address"),
            site: site.clone(),
            asked: Mutex::default(),
            confirmed: Mutex::default(),
            gets_of_links: Mutex::default(),
        });
        let mut steps = Vec::new();
        let door = Door { address, site };
        let outcome = tokio::select! {
            biased;
            outcome = readers::sign_up(&world, &door, &catcher, readers::readers(count), 8, |step| steps.push(step)) => outcome,
            () = catcher.clone().serve(&smtp) => unreachable!("it serves until dropped"),
            () = serve(&http, newsroom.routes()) => unreachable!("it serves until dropped"),
        };
        (newsroom, outcome, steps)
    })
}

#[test]
fn every_reader_gets_through_the_form_and_the_mail() {
    let (newsroom, outcome, steps) = signed_up("through", 12);
    assert_eq!((outcome.confirmed, outcome.stuck.len()), (12, 0), "{:?}", outcome.stuck);
    assert_eq!(newsroom.confirmed.lock().expect("a list").len(), 12);
    assert_eq!(steps.iter().filter(|step| **step == Step::Asked).count(), 12);
    for reader in readers::readers(12) {
        let asked = newsroom.asked.lock().expect("a list");
        let ticked: Vec<_> =
            asked[&reader.address].iter().filter(|(name, _)| name == "topics").map(|(_, v)| v.as_str()).collect();
        let offered = ["harbour", "water", "schools"];
        let want: Vec<_> = offered.into_iter().filter(|slug| reader.topics.contains(slug)).collect();
        assert_eq!(ticked, want, "what was ticked by the page and not wanted is unticked");
    }
}

#[test]
fn who_is_refused_is_reported_and_holds_nobody_up() {
    let (_, outcome, _) = signed_up("refused", 20);
    assert_eq!(outcome.confirmed, 19);
    let (reader, why) = &outcome.stuck[0];
    assert!(reader.address.starts_with("reader-00013@"));
    assert_eq!(*why, Stuck::Refused { path: "/subscribe".to_owned(), status: 503 });
}
