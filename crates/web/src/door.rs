//! The one door that every request comes through: where it is meant for, who sends it, whether they may, what they send.
//!
//! It ends in the act that the table names, or in a page that says why not. Who is signed out in the middle of a form signs
//! in again and finds what they typed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use newsroom::{Member, Ms, Outlet, Problem};
use store::members::{self, Act};
use store::{Write, settings};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::budget::Budget;
use crate::form::{self, Fields, Sent, Takes};
use crate::guard::{self, Here};
use crate::page::Pages;
use crate::problem::Trouble;
use crate::session::{self, Signed};
use crate::table::{Least, Route};
use crate::{ADDRESS_SETTING, Desk, headers, rooms, token};

/// Forms that are read at a time from people who are not signed in: each may take as much memory as an article.
const FORMS_AT_ONCE: usize = 8;
/// Passwords that are hashed at a time: each takes 19 MiB and a core.
const HASHES_AT_ONCE: usize = 2;

/// The desk, at work.
pub(crate) struct Hall {
    pub(crate) desk: Desk,
    pub(crate) pages: Pages,
    pub(crate) budget: Budget,
    pub(crate) hashing: Semaphore,
    forms: Semaphore,
}

/// One request, once it is known to be meant for this desk and allowed.
pub(crate) struct Visit {
    /// How the desk was reached.
    pub(crate) here: Here,
    /// Who is signed in.
    pub(crate) signed: Option<Signed>,
    /// Who connects, as far as is known.
    pub(crate) visitor: Option<IpAddr>,
    /// The token of a browser that is known, or may be.
    pub(crate) device: Option<Zeroizing<String>>,
    /// Whether the browser runs our script, as it says.
    pub(crate) scripted: bool,
    /// The tag of what the browser has already (RFC 9110 §13.1.2); empty: of nothing.
    pub(crate) known: String,
    /// The path and query, as asked for.
    pub(crate) asked: String,
    /// The parts of the path that the route leaves open.
    pub(crate) places: Vec<(String, String)>,
    /// What follows the path's question mark.
    pub(crate) query: Fields,
    /// What was sent.
    pub(crate) sent: Sent,
    /// The settings as they stand.
    pub(crate) kept: BTreeMap<String, String>,
    /// The outlet, as they say.
    pub(crate) outlet: Outlet,
    /// The moment of the request.
    pub(crate) now: Ms,
}

/// What an act gives.
pub(crate) type Done = Result<Response<Body>, Trouble>;

impl Hall {
    pub(crate) fn new(desk: Desk) -> Self {
        Self {
            desk,
            pages: Pages::new(),
            budget: Budget::default(),
            hashing: Semaphore::new(HASHES_AT_ONCE),
            forms: Semaphore::new(FORMS_AT_ONCE),
        }
    }

    /// Writes down what a member does, in the transaction that does it.
    pub(crate) fn act(&self, visit: &Visit, act: &str, subject: impl Into<String>) -> Act {
        Act {
            id: self.desk.world.mint(),
            at: visit.now,
            member: visit.signed.as_ref().map(|s| s.member.id),
            act: act.to_owned(),
            subject: subject.into(),
        }
    }
}

impl Visit {
    /// Who is signed in: routes that ask for a role are reached by nobody else.
    pub(crate) fn member(&self) -> &Member {
        &self.signed.as_ref().expect("the table lets only members come here").member
    }

    /// An open part of the path, as an id or a word. What is not one leads nowhere.
    pub(crate) fn place<T: std::str::FromStr>(&self, name: &str) -> Result<T, Trouble> {
        let found = self.places.iter().find(|(known, _)| known == name);
        found.and_then(|(_, text)| text.parse().ok()).ok_or_else(Trouble::not_found)
    }
}

/// On to another page, after something was done (RFC 9110 §15.4.4).
pub(crate) fn see_other(path: &str) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    let place = HeaderValue::from_str(&percent(path)).unwrap_or(HeaderValue::from_static("/"));
    answer.headers_mut().insert(header::LOCATION, place);
    answer
}

/// A header carries ASCII alone.
fn percent(path: &str) -> String {
    let byte = |b: u8| if b.is_ascii_graphic() { char::from(b).to_string() } else { format!("%{b:02X}") };
    path.bytes().map(byte).collect()
}

/// Answers one request.
pub(crate) async fn answer(
    hall: Arc<Hall>,
    route: &'static Route,
    places: Vec<(String, String)>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let (mut visit, looked) = enter(&hall, &parts, places).await;
    let secure = visit.here.secure;
    let done = match looked {
        Ok(()) => admit(&hall, route, &mut visit, &parts, body).await,
        Err(trouble) => Err(trouble),
    };
    let done = match done {
        Ok(Some(early)) => Ok(early),
        Ok(None) => return headers::dress(act(hall, route, visit).await, secure),
        Err(trouble) => Err(trouble),
    };
    headers::dress(done.unwrap_or_else(|trouble| hall.trouble(&Frame::of(&visit), trouble)), secure)
}

/// Does what the table says; a member's sign of life is written down on the way.
async fn act(hall: Arc<Hall>, route: &'static Route, visit: Visit) -> Response<Body> {
    let frame = Frame::of(&visit);
    if let Some(signed) = visit.signed.as_ref().filter(|signed| signed.touch) {
        let (hash, now) = (signed.hash.clone(), visit.now);
        let touched = hall.desk.store.write(move |tx: &Write<'_>| members::touch(tx, &hash, now)).await;
        if let Err(fault) = touched {
            tracing::warn!(error = %fault, "A member's sign of life could not be kept");
        }
    }
    match (route.act)(hall.clone(), visit).await {
        Ok(answer) => answer,
        Err(trouble) => hall.trouble(&frame, trouble),
    }
}

/// What the frame of a page needs: who looks at it, and how it was reached.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) member: Option<Member>,
    pub(crate) mark: String,
    pub(crate) outlet: Outlet,
    pub(crate) told: String,
}

impl Frame {
    pub(crate) fn of(visit: &Visit) -> Self {
        Self {
            member: visit.signed.as_ref().map(|s| s.member.clone()),
            mark: visit.signed.as_ref().map_or_else(String::new, |s| token::form_mark(&s.token)),
            outlet: visit.outlet.clone(),
            told: visit.query.one("told").to_owned(),
        }
    }
}

/// Finds out where a request is meant for and who sends it. The visit comes in any case, so that a refusal has a page.
async fn enter(hall: &Hall, parts: &Parts, places: Vec<(String, String)>) -> (Visit, Result<(), Trouble>) {
    let desk = &hall.desk;
    let now = desk.world.now();
    let peer = parts.extensions.get::<front::Peer>().and_then(|peer| peer.address());
    let forwarded = parts.headers.get_all("x-forwarded-for").iter().next_back().and_then(|list| list.to_str().ok());
    let asked = parts.uri.path_and_query().map_or("/", |asked| asked.as_str()).to_owned();
    let mut visit = Visit {
        here: Here { origin: String::new(), secure: false },
        signed: None,
        visitor: front::visitor(peer, forwarded),
        device: None,
        scripted: session::runs_script(&parts.headers),
        known: parts
            .headers
            .get(header::IF_NONE_MATCH)
            .and_then(|tag| tag.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
        asked,
        places,
        query: Fields::default(),
        sent: Sent::default(),
        kept: BTreeMap::new(),
        outlet: (desk.settings.outlet)(&BTreeMap::new()),
        now,
    };
    // Either cookie, until it is known how the desk was reached: a token of one kind of address is looked up as such only.
    let sent = [true, false].map(|secure| session::sent(&parts.headers, secure));
    let looked = desk.store.read(move |tx| {
        let [over_https, plain] = sent;
        let look = |sent: Option<_>| sent.map_or(Ok(None), |sent| session::look(tx, sent, now));
        Ok((settings::all(tx)?, [look(over_https)?, look(plain)?]))
    });
    let (kept, [over_https, plain]) = match looked.await {
        Ok(looked) => looked,
        Err(fault) => return (visit, Err(fault.into())),
    };
    visit.outlet = (desk.settings.outlet)(&kept);
    let set = kept.get(ADDRESS_SETTING).cloned().unwrap_or_default();
    visit.kept = kept;
    match guard::here(&parts.headers, &set, desk.listen) {
        Ok(here) => visit.here = here,
        Err(trouble) => return (visit, Err(trouble)),
    }
    visit.signed = if visit.here.secure { over_https } else { plain };
    visit.device = session::sent_device(&parts.headers, visit.here.secure);
    match Fields::read(parts.uri.query().unwrap_or_default().as_bytes()) {
        Ok(query) => visit.query = query,
        Err(trouble) => return (visit, Err(trouble)),
    }
    (visit, Ok(()))
}

/// Lets a request through to its act (`None`), or gives the page it gets instead.
async fn admit(
    hall: &Hall,
    route: &Route,
    visit: &mut Visit,
    parts: &Parts,
    body: Body,
) -> Result<Option<Response<Body>>, Trouble> {
    let changes = guard::unsafe_method(&parts.method);
    if changes {
        guard::from_here(&parts.headers, &visit.here)?;
    }
    let role = visit.signed.as_ref().map(|signed| signed.member.role);
    let allowed = route.least.allows(role);
    if !allowed && role.is_some() {
        return Err(not_yours());
    }
    if changes {
        let request = Request::from_parts(parts.clone(), body);
        visit.sent = read(hall, route.takes, visit.signed.is_some(), request).await?;
    }
    if !allowed {
        return rooms::sign_in::first(hall, visit, changes).map(Some);
    }
    let Some(signed) = visit.signed.as_ref().filter(|_| changes && route.least != Least::Anyone) else {
        return Ok(None);
    };
    let mark = token::form_mark(&signed.token);
    if token::same(visit.sent.fields.one(guard::MARK), &mark) {
        return Ok(None);
    }
    // A page of an earlier session of the same member: what they typed is given back, to be sent once more.
    if visit.sent.fields.has(guard::MARK) {
        return rooms::sign_in::given_back(hall, visit, &visit.asked, &visit.sent.fields).map(Some);
    }
    Err(guard::foreign())
}

async fn read(hall: &Hall, takes: Takes, signed_in: bool, request: Request) -> Result<Sent, Trouble> {
    if signed_in {
        return form::read(request, form::bytes_max(takes, true)).await;
    }
    let _seat = hall.forms.acquire().await.expect("the seats are never closed");
    form::read(request, form::bytes_max(takes, false)).await
}

fn not_yours() -> Trouble {
    Trouble::Said(
        StatusCode::FORBIDDEN,
        Problem::new(
            "Only an admin may do this.",
            "Nothing was changed.",
            "Ask one of the outlet's admins; the members' page says who they are.",
        ),
    )
}

/// For an address that is in no row of the table.
pub(crate) async fn nowhere(hall: Arc<Hall>, request: Request) -> Response<Body> {
    refuse(hall, request, Trouble::not_found()).await
}

/// For a method that an address does not take; the framework adds `Allow` (RFC 9110 §15.5.6).
pub(crate) async fn other_method(hall: Arc<Hall>, request: Request) -> Response<Body> {
    let problem = Problem::new(
        "This address takes no such request.",
        "Nothing was changed.",
        "Open the page it belongs to, and use its form.",
    );
    refuse(hall, request, Trouble::Said(StatusCode::METHOD_NOT_ALLOWED, problem)).await
}

async fn refuse(hall: Arc<Hall>, request: Request, why: Trouble) -> Response<Body> {
    let (parts, _body) = request.into_parts();
    let (visit, looked) = enter(&hall, &parts, Vec::new()).await;
    let trouble = looked.err().unwrap_or(why);
    headers::dress(hall.trouble(&Frame::of(&visit), trouble), visit.here.secure)
}

impl Hall {
    /// The page of a trouble; plain words when even that cannot be shown.
    pub(crate) fn trouble(&self, frame: &Frame, trouble: Trouble) -> Response<Body> {
        let (status, problem) = trouble.told();
        let shown = self.pages.problem(frame, status, &problem);
        shown.unwrap_or_else(|_| (status, format!("{problem}\n")).into_response())
    }
}
