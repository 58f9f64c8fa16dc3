//! The live doors: sign-up, confirm, preferences, unsubscribe with undo.
//!
//! Each answers only after what it did is durable. A GET shows one form and changes nothing; the form's POST acts, and so
//! does the one click of RFC 8058.

use std::net::IpAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::map_response;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use newsroom::{Address, AddressFault, NewsletterId, Problem, ReaderId, SignUp, SubscriptionState, Topic, Topics};
use press::rooms::{self, SignUpFault, Typed};
use press::{OutletView, PressError, RepublishPolicy, SignUpWords, Site, SiteView, serve::room_headers};
use seal::Purpose;
use store::readers::{self, Line, Signup, Standing};

use crate::budget::{Budget, visitor};
use crate::files::{self, Kept};
use crate::guard::{Link, Peer, form_of, guarded, other_method};
use crate::{Front, Trouble};

/// How many fields a form may have: one a topic and a handful.
const FIELDS_MAX: usize = 128;
/// How long a room waits for the store's topics before it does with those it saw last: they are the page's frame only.
const TOPICS_WAIT: Duration = Duration::from_secs(2);
/// What a busy door asks for, in seconds: by then a network has its next sign-up or two.
const BUSY_SECONDS: u16 = 60;

/// The field that the press's form hides from people; only machines fill it in.
const BAIT_FIELD: &str = "website";

mod choices;
mod notices;

struct Hall {
    front: Arc<Front>,
    kept: Kept,
    budget: Budget,
    notices: notices::Intake,
    /// The topics as they were last read.
    topics: RwLock<Vec<Topic>>,
}

type Shared = State<Arc<Hall>>;

pub(crate) fn routes(front: Arc<Front>) -> Router {
    let (budget, notices) = (Budget::default(), notices::Intake::default());
    let hall = Hall { front, kept: Kept::default(), budget, notices, topics: RwLock::default() };
    Router::new()
        .route("/subscribe", post(subscribe))
        .route("/confirm/{token}", get(confirm_room).post(confirm))
        .route("/unsubscribe/{token}", get(unsubscribe_room).post(unsubscribe))
        .route("/unsubscribe/{token}/undo", post(undo))
        .route("/preferences", get(choices::link_room).post(choices::link))
        .route("/preferences/{token}", get(choices::room_of).post(choices::save))
        .route("/preferences/{token}/back", post(choices::come_back))
        .route("/relay/mailgun", post(notices::mailgun))
        .route("/relay/ses", post(notices::ses))
        .route("/healthz", get(async || "ok\n"))
        .fallback(file)
        .method_not_allowed_fallback(other_method)
        .layer(map_response(guarded))
        .with_state(Arc::new(hall))
}

async fn file(State(hall): Shared, request: Request) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allow = (header::ALLOW, "GET, HEAD");
        return (StatusCode::METHOD_NOT_ALLOWED, [allow], "This address is only for reading.\n").into_response();
    }
    files::answer(&hall.front, &hall.kept, request.method(), request.uri().path(), request.headers()).await
}

/// A page for one reader: never cached, by the strictest policy.
fn room(status: StatusCode, page: Result<Vec<u8>, PressError>) -> Result<Response<Body>, Trouble> {
    let mut made = Response::new(Body::from(page?));
    *made.status_mut() = status;
    for (name, value) in room_headers() {
        let value = HeaderValue::from_str(&value).expect("the press gives valid headers");
        made.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(made)
}

impl Hall {
    /// Runs a door; what goes wrong inside becomes a page that says what it means and what to do.
    async fn answer(&self, done: Result<Response<Body>, Trouble>) -> Response<Body> {
        let trouble = match done {
            Ok(response) => return response,
            Err(trouble) => trouble,
        };
        tracing::error!(error = %trouble, "A reader's request could not be answered");
        let problem = Problem::new(
            "This could not be kept just now.",
            "Nothing was changed.",
            "Please try again in a few minutes; the link in your mail stays valid.",
        );
        let page = match self.site().await {
            Ok(site) => room(StatusCode::SERVICE_UNAVAILABLE, rooms::problem(&site, &problem)),
            Err(trouble) => Err(trouble),
        };
        page.unwrap_or_else(|_| (StatusCode::SERVICE_UNAVAILABLE, format!("{problem}\n")).into_response())
    }

    /// The site as the live rooms need it: its words and topics, without articles. It is there also while the store is not.
    async fn site(&self) -> Result<Site, Trouble> {
        let read = tokio::time::timeout(TOPICS_WAIT, self.front.store.read(store::topics::list)).await;
        let topics = match read {
            Ok(Ok(topics)) => {
                self.topics.write().expect("no panic happens under this lock").clone_from(&topics);
                topics
            }
            Ok(Err(_)) | Err(_) => self.topics.read().expect("no panic happens under this lock").clone(),
        };
        let outlet = &self.front.outlet;
        Ok(Site::new(SiteView {
            outlet: OutletView::of(outlet),
            topics,
            articles: Vec::new(),
            blocks: Vec::new(),
            editions: Vec::new(),
            sign_up: SignUpWords::of(outlet),
            republished: RepublishPolicy::default(),
            desk: press::DeskView::default(),
        })?)
    }

    async fn bad_link(&self) -> Result<Response<Body>, Trouble> {
        room(StatusCode::NOT_FOUND, rooms::link_not_valid(&self.site().await?))
    }

    fn holder(&self, token: &str, purpose: Purpose) -> Option<(ReaderId, NewsletterId)> {
        let (reader, newsletter) = self.front.tokens.check(token, purpose)?;
        Some((reader, NewsletterId(newsletter)))
    }

    fn line(&self, door: &'static str, wording: impl Into<String>) -> Line {
        Line { id: self.front.world.mint(), door, wording: wording.into() }
    }
}

/// What a sign-up form may hold. Unknown fields are passed over; a field given twice counts the first time.
#[derive(Default)]
struct Form {
    typed: Typed,
    language: Option<String>,
    /// How copies are to be made up.
    format: Option<String>,
    /// A field that people do not see; only machines fill it in.
    bait: bool,
    /// When copies are to come, and until when none.
    often: Option<String>,
    hour: Option<String>,
    zone: Option<String>,
    pause: Option<String>,
    weeks: Option<String>,
    until: Option<String>,
}

impl Form {
    fn read(body: &[u8]) -> Self {
        let mut form = Self::default();
        let mut email = None;
        for (name, value) in url::form_urlencoded::parse(body).take(FIELDS_MAX) {
            match &*name {
                "email" => drop(email.get_or_insert(value.into_owned())),
                "topics" => form.typed.topics.push(value.into_owned()),
                "language" => drop(form.language.get_or_insert(value.into_owned())),
                "format" => drop(form.format.get_or_insert(value.into_owned())),
                "often" => drop(form.often.get_or_insert(value.into_owned())),
                "hour" => drop(form.hour.get_or_insert(value.into_owned())),
                "zone" => drop(form.zone.get_or_insert(value.into_owned())),
                "pause" => drop(form.pause.get_or_insert(value.into_owned())),
                "weeks" => drop(form.weeks.get_or_insert(value.into_owned())),
                "until" => drop(form.until.get_or_insert(value.into_owned())),
                BAIT_FIELD => form.bait |= !value.is_empty(),
                _ => {}
            }
        }
        form.typed.email = email.unwrap_or_default();
        form
    }

    fn topics(&self, known: &[newsroom::Topic]) -> Topics {
        let chosen: Vec<u8> = known.iter().filter(|t| self.typed.topics.contains(&t.slug)).map(|t| t.bit).collect();
        // Nothing ticked, or everything: all of it, and what comes later.
        if chosen.is_empty() || chosen.len() == known.len() { Topics::ALL } else { chosen.into_iter().collect() }
    }
}

/// Whose budget a request takes from.
fn visitor_of(request: &Request) -> Option<IpAddr> {
    let peer = request.extensions().get::<Peer>().and_then(|peer| peer.0);
    // Several headers are one list (RFC 9110 §5.3), and the proxy's word is the last of it.
    let forwarded = request.headers().get_all("x-forwarded-for").iter().next_back();
    visitor(peer, forwarded.and_then(|list| list.to_str().ok()))
}

async fn subscribe(State(hall): Shared, request: Request) -> Response<Body> {
    let visitor = visitor_of(&request);
    let body = match form_of(request).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let done = take_sign_up(&hall, visitor, &body).await;
    hall.answer(done).await
}

async fn take_sign_up(hall: &Hall, visitor: Option<IpAddr>, body: &[u8]) -> Result<Response<Body>, Trouble> {
    let front = &hall.front;
    let (site, form) = (hall.site().await?, Form::read(body));
    let address = match Address::parse(&form.typed.email) {
        Ok(address) => address,
        Err(fault) => {
            let fault = if fault == AddressFault::Empty { SignUpFault::NoAddress } else { SignUpFault::NotAnAddress };
            return room(StatusCode::UNPROCESSABLE_ENTITY, rooms::sign_up_problem(&site, &form.typed, fault));
        }
    };
    if !hall.budget.take(visitor, front.world.now()) {
        let page = rooms::sign_up_problem(&site, &form.typed, SignUpFault::Busy);
        let mut busy = room(StatusCode::TOO_MANY_REQUESTS, page)?;
        busy.headers_mut().insert(header::RETRY_AFTER, BUSY_SECONDS.into());
        return Ok(busy);
    }
    if !form.bait {
        let topics = front.store.read(store::topics::list).await?;
        let wish = SignUp {
            newsletter: front.newsletter.id,
            topics: form.topics(&topics),
            language: mail_language(form.language.as_deref(), &front.outlet.language),
            address,
        };
        lay_in(front, wish.to_bytes()).await?;
    }
    // The same page and status for everyone: nobody learns whether an address was known (P23).
    room(StatusCode::OK, rooms::check_mail(&site))
}

/// Seals a wish and lays it in the inbox; from here on nothing on this side can read it.
async fn lay_in(front: &Front, wish: Vec<u8>) -> Result<(), store::Error> {
    let id = front.world.mint();
    let plain = zeroize::Zeroizing::new(wish);
    let sealed = front.seal.seal(&plain, &id.to_be_bytes(), &mut |bytes: &mut [u8]| front.world.fill(bytes));
    let signup = Signup { id, sealed, received: front.world.now() };
    front.store.write(move |tx| readers::lay_in(tx, &signup)).await
}

/// The form's language when it is one, else the outlet's.
fn mail_language(said: Option<&str>, outlet: &str) -> String {
    let tag = |t: &&str| (2..=35).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    said.filter(tag).unwrap_or(outlet).to_owned()
}

/// A page for a link that holds, whatever its reader's standing: a GET tells nothing and changes nothing.
async fn link_room(
    hall: &Hall,
    token: &str,
    purpose: Purpose,
    page: impl Fn(&Site, &str) -> Result<Vec<u8>, PressError>,
) -> Result<Response<Body>, Trouble> {
    match hall.holder(token, purpose) {
        Some(_) => room(StatusCode::OK, page(&hall.site().await?, token)),
        None => hall.bad_link().await,
    }
}

async fn confirm_room(State(hall): Shared, Link(token): Link) -> Response<Body> {
    let page = link_room(&hall, &token, Purpose::Confirm, rooms::confirm).await;
    hall.answer(page).await
}

async fn confirm(State(hall): Shared, Link(token): Link) -> Response<Body> {
    let done = take_confirm(&hall, &token).await;
    hall.answer(done).await
}

async fn take_confirm(hall: &Hall, token: &str) -> Result<Response<Body>, Trouble> {
    let Some((reader, newsletter)) = hall.holder(token, Purpose::Confirm) else { return hall.bad_link().await };
    let (now, line) = (hall.front.world.now(), hall.line("mail link", hall.front.outlet.invitation.clone()));
    hall.front.settle_leavings().await?;
    let confirm = move |tx: &store::Write<'_>| {
        readers::confirm(tx, reader, newsletter, &line, now)?;
        readers::standing(tx, reader, newsletter)
    };
    active(hall, hall.front.store.write(confirm).await?, rooms::confirmed).await
}

/// The page that says so, to whom it is true. Pressed twice is done once, and the page is the same; but who has left since,
/// or never confirmed, is not told that they are on the list.
async fn active(
    hall: &Hall,
    standing: Option<Standing>,
    page: fn(&Site) -> Result<Vec<u8>, PressError>,
) -> Result<Response<Body>, Trouble> {
    match standing {
        Some(Standing { state: SubscriptionState::Active, .. }) => room(StatusCode::OK, page(&hall.site().await?)),
        _ => hall.bad_link().await,
    }
}

async fn unsubscribe_room(State(hall): Shared, Link(token): Link) -> Response<Body> {
    let page = link_room(&hall, &token, Purpose::Unsubscribe, rooms::unsubscribe).await;
    hall.answer(page).await
}

async fn unsubscribe(State(hall): Shared, Link(token): Link, request: Request) -> Response<Body> {
    let body = match form_of(request).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let done = take_unsubscribe(&hall, &token, &body).await;
    hall.answer(done).await
}

async fn take_unsubscribe(hall: &Hall, token: &str, body: &[u8]) -> Result<Response<Body>, Trouble> {
    let Some((reader, newsletter)) = hall.holder(token, Purpose::Unsubscribe) else { return hall.bad_link().await };
    hall.front.leave(reader, newsletter, is_one_click(body)).await?;
    let back = hall.front.tokens.mint(Purpose::Resubscribe, reader, newsletter.0);
    room(StatusCode::OK, rooms::unsubscribed(&hall.site().await?, back.as_str()))
}

/// RFC 8058 §3.1 and §3.2: the mail program's POST says so in its body, as a form of either kind; a person's comes from our
/// page and says nothing.
fn is_one_click(body: &[u8]) -> bool {
    let form =
        url::form_urlencoded::parse(body).any(|(name, value)| name == "List-Unsubscribe" && value == "One-Click");
    let parts = String::from_utf8_lossy(body);
    form || (parts.contains("name=\"List-Unsubscribe\"") && parts.lines().any(|line| line == "One-Click"))
}

async fn undo(State(hall): Shared, Link(token): Link) -> Response<Body> {
    let done = take_back(&hall, &token, Purpose::Resubscribe).await;
    hall.answer(done).await
}

/// Whoever holds a link of their own for it comes back with one press, whoever pressed to leave.
async fn take_back(hall: &Hall, token: &str, purpose: Purpose) -> Result<Response<Body>, Trouble> {
    let Some((reader, newsletter)) = hall.holder(token, purpose) else { return hall.bad_link().await };
    let (now, line) = (hall.front.world.now(), hall.line("mail link", ""));
    hall.front.settle_leavings().await?;
    let undo = move |tx: &store::Write<'_>| {
        readers::undo(tx, reader, newsletter, &line, now)?;
        readers::standing(tx, reader, newsletter)
    };
    active(hall, hall.front.store.write(undo).await?, rooms::undone).await
}
