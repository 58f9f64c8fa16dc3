//! The live doors: sign-up, confirm, preferences, unsubscribe with undo.
//!
//! Each answers only after what it did is durable. A GET shows one form and changes nothing; the form's POST acts, and so
//! does the one click of RFC 8058.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use newsroom::{Address, AddressFault, Format, NewsletterId, Problem, ReaderId, SignUp, SubscriptionState, Topics};
use press::rooms::{self, SignUpFault, Typed};
use press::{PressError, Site, serve::room_headers};
use seal::Purpose;
use store::readers::{self, Line, Signup};

use crate::files::{self, Kept};
use crate::{Front, Trouble};

/// A form of ours is a few hundred bytes; a longer one is refused before it is read.
const FORM_BYTES_MAX: usize = 16 * 1_024;
/// How many fields a form may have: one a topic and a handful.
const FIELDS_MAX: usize = 128;

/// The field that the press's form hides from people; only machines fill it in.
const BAIT_FIELD: &str = "website";

struct Hall {
    front: Arc<Front>,
    kept: Kept,
}

type Shared = State<Arc<Hall>>;

pub(crate) fn routes(front: Arc<Front>) -> Router {
    Router::new()
        .route("/subscribe", post(subscribe))
        .route("/confirm/{token}", get(confirm_room).post(confirm))
        .route("/unsubscribe/{token}", get(unsubscribe_room).post(unsubscribe))
        .route("/unsubscribe/{token}/undo", post(undo))
        .route("/preferences/{token}", get(preferences_room).post(preferences))
        .route("/healthz", get(async || "ok\n"))
        .fallback(file)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .with_state(Arc::new(Hall { front, kept: Kept::default() }))
}

async fn file(State(hall): Shared, request: Request) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let allow = (axum::http::header::ALLOW, "GET, HEAD");
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
        let page = match self.front.rooms().await {
            Ok(site) => room(StatusCode::SERVICE_UNAVAILABLE, rooms::problem(&site, &problem)),
            Err(trouble) => Err(trouble),
        };
        page.unwrap_or_else(|_| {
            let plain = [(axum::http::header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            (StatusCode::SERVICE_UNAVAILABLE, plain, format!("{problem}\n")).into_response()
        })
    }

    async fn bad_link(&self) -> Result<Response<Body>, Trouble> {
        room(StatusCode::NOT_FOUND, rooms::link_not_valid(&self.front.rooms().await?))
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

async fn subscribe(State(hall): Shared, body: Bytes) -> Response<Body> {
    let done = take_sign_up(&hall, &body).await;
    hall.answer(done).await
}

async fn take_sign_up(hall: &Hall, body: &[u8]) -> Result<Response<Body>, Trouble> {
    let front = &hall.front;
    let (site, form) = (front.rooms().await?, Form::read(body));
    let address = match Address::parse(&form.typed.email) {
        Ok(address) => address,
        Err(fault) => {
            let fault = if fault == AddressFault::Empty { SignUpFault::NoAddress } else { SignUpFault::NotAnAddress };
            return room(StatusCode::UNPROCESSABLE_ENTITY, rooms::sign_up_problem(&site, &form.typed, fault));
        }
    };
    if !form.bait {
        let topics = front.store.read(store::topics::list).await?;
        let wish = SignUp {
            newsletter: front.newsletter.id,
            topics: form.topics(&topics),
            language: mail_language(form.language.as_deref(), &front.outlet.language),
            address,
        };
        lay_in(front, &wish).await?;
    }
    // The same page and status for everyone: nobody learns whether an address was known (P23).
    room(StatusCode::OK, rooms::check_mail(&site))
}

/// Seals a wish and lays it in the inbox; from here on nothing on this side can read it.
async fn lay_in(front: &Front, wish: &SignUp) -> Result<(), store::Error> {
    let id = front.world.mint();
    let plain = zeroize::Zeroizing::new(wish.to_bytes());
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
        Some(_) => room(StatusCode::OK, page(&hall.front.rooms().await?, token)),
        None => hall.bad_link().await,
    }
}

async fn confirm_room(State(hall): Shared, Path(token): Path<String>) -> Response<Body> {
    let page = link_room(&hall, &token, Purpose::Confirm, rooms::confirm).await;
    hall.answer(page).await
}

async fn confirm(State(hall): Shared, Path(token): Path<String>) -> Response<Body> {
    let done = take_confirm(&hall, &token).await;
    hall.answer(done).await
}

async fn take_confirm(hall: &Hall, token: &str) -> Result<Response<Body>, Trouble> {
    let Some((reader, newsletter)) = hall.holder(token, Purpose::Confirm) else { return hall.bad_link().await };
    let (now, line) = (hall.front.world.now(), hall.line("mail link", hall.front.outlet.invitation.clone()));
    // Pressed twice is confirmed once; the page is the same.
    hall.front.store.write(move |tx| readers::confirm(tx, reader, newsletter, &line, now)).await?;
    room(StatusCode::OK, rooms::confirmed(&hall.front.rooms().await?))
}

async fn unsubscribe_room(State(hall): Shared, Path(token): Path<String>) -> Response<Body> {
    let page = link_room(&hall, &token, Purpose::Unsubscribe, rooms::unsubscribe).await;
    hall.answer(page).await
}

async fn unsubscribe(State(hall): Shared, Path(token): Path<String>, body: Bytes) -> Response<Body> {
    let done = take_unsubscribe(&hall, &token, &body).await;
    hall.answer(done).await
}

async fn take_unsubscribe(hall: &Hall, token: &str, body: &[u8]) -> Result<Response<Body>, Trouble> {
    let Some((reader, newsletter)) = hall.holder(token, Purpose::Unsubscribe) else { return hall.bad_link().await };
    // RFC 8058 §3.1: the mail program's POST says so in its body; a person's comes from our page.
    let one_click = url::form_urlencoded::parse(body).any(|(n, v)| n == "List-Unsubscribe" && v == "One-Click");
    let line = hall.line(if one_click { "one-click" } else { "mail link" }, "");
    let now = hall.front.world.now();
    hall.front.store.write(move |tx| readers::unsubscribe(tx, reader, newsletter, &line, now)).await?;
    let back = hall.front.tokens.mint(Purpose::Resubscribe, reader, newsletter.0);
    room(StatusCode::OK, rooms::unsubscribed(&hall.front.rooms().await?, back.as_str()))
}

async fn undo(State(hall): Shared, Path(token): Path<String>) -> Response<Body> {
    let done = take_undo(&hall, &token).await;
    hall.answer(done).await
}

async fn take_undo(hall: &Hall, token: &str) -> Result<Response<Body>, Trouble> {
    let Some((reader, newsletter)) = hall.holder(token, Purpose::Resubscribe) else { return hall.bad_link().await };
    let (now, line) = (hall.front.world.now(), hall.line("mail link", ""));
    hall.front.store.write(move |tx| readers::undo(tx, reader, newsletter, &line, now)).await?;
    room(StatusCode::OK, rooms::undone(&hall.front.rooms().await?))
}

async fn preferences_room(State(hall): Shared, Path(token): Path<String>) -> Response<Body> {
    let page = show_choices(&hall, &token, false).await;
    hall.answer(page).await
}

async fn preferences(State(hall): Shared, Path(token): Path<String>, body: Bytes) -> Response<Body> {
    let done = take_choices(&hall, &token, &body).await;
    hall.answer(done).await
}

/// The reader's choices as they stand. Who has left has none: their link is no longer one.
async fn show_choices(hall: &Hall, token: &str, saved: bool) -> Result<Response<Body>, Trouble> {
    let Some((reader, newsletter)) = hall.holder(token, Purpose::Preferences) else { return hall.bad_link().await };
    let read =
        hall.front.store.read(move |tx| Ok((readers::standing(tx, reader, newsletter)?, readers::format(tx, reader)?)));
    let (Some(standing), Some(format)) = read.await? else { return hall.bad_link().await };
    if standing.state != SubscriptionState::Active {
        return hall.bad_link().await;
    }
    let leave = hall.front.tokens.mint(Purpose::Unsubscribe, reader, newsletter.0);
    let chosen = rooms::Chosen { token, leave: leave.as_str(), topics: standing.topics, format };
    room(StatusCode::OK, rooms::preferences(&hall.front.rooms().await?, chosen, saved))
}

async fn take_choices(hall: &Hall, token: &str, body: &[u8]) -> Result<Response<Body>, Trouble> {
    let Some((reader, newsletter)) = hall.holder(token, Purpose::Preferences) else { return hall.bad_link().await };
    let form = Form::read(body);
    let topics = form.topics(&hall.front.store.read(store::topics::list).await?);
    let format = match form.format.as_deref() {
        Some("text") => Format::Text,
        Some("html") => Format::Html,
        // Our form always names one. What names none is not our form, and must not reset a reader's choices.
        _ => return show_choices(hall, token, false).await,
    };
    hall.front.store.write(move |tx| readers::choose(tx, reader, newsletter, topics, format)).await?;
    show_choices(hall, token, true).await
}
