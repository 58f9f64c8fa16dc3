//! Every address of the desk, with the least role that may ask for it. The router is built from this table; deny is the
//! rule, and a row the exception.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{DefaultBodyLimit, RawPathParams, Request, State};
use axum::routing::{MethodFilter, on};
use newsroom::Role;

use crate::door::{self, Done, Hall, Visit};
use crate::form::Takes;
use crate::rooms;

/// The least that somebody must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Least {
    /// Nobody in particular: the sign-in page and what it needs.
    Anyone,
    /// A member of this role or of a higher one.
    Member(Role),
}

impl Least {
    /// Whether this is enough: `role` of whoever is signed in.
    pub fn allows(self, role: Option<Role>) -> bool {
        match self {
            Self::Anyone => true,
            Self::Member(least) => role.is_some_and(|role| role >= least),
        }
    }
}

/// What a route's act is: a function of the hall and the visit.
pub(crate) type Acting = fn(Arc<Hall>, Visit) -> Pin<Box<dyn Future<Output = Done> + Send>>;

/// How it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To look.
    Get,
    /// To change something.
    Post,
}

/// One row.
pub(crate) struct Route {
    pub(crate) asked: Asked,
    pub(crate) path: &'static str,
    pub(crate) least: Least,
    pub(crate) takes: Takes,
    pub(crate) act: Acting,
}

/// A row that shows something: `get!("/path", least, act)`.
macro_rules! get {
    ($path:literal, $least:expr, $act:path) => {
        $crate::table::Route {
            asked: $crate::table::Asked::Get,
            path: $path,
            least: $least,
            takes: $crate::form::Takes::Fields,
            act: |hall, visit| Box::pin($act(hall, visit)),
        }
    };
}
pub(crate) use get;

/// A row that changes something: `post!("/path", least, act)`.
macro_rules! post {
    ($path:literal, $least:expr, $act:path) => {
        $crate::table::post!($path, $least, $act, $crate::form::Takes::Fields)
    };
    ($path:literal, $least:expr, $act:path, $takes:expr) => {
        $crate::table::Route {
            asked: $crate::table::Asked::Post,
            path: $path,
            least: $least,
            takes: $takes,
            act: |hall, visit| Box::pin($act(hall, visit)),
        }
    };
}
pub(crate) use post;

pub(crate) const ANYONE: Least = Least::Anyone;
pub(crate) const EDITOR: Least = Least::Member(Role::Editor);
pub(crate) const ADMIN: Least = Least::Member(Role::Admin);

/// The whole table: each room brings its rows.
const ROOMS: &[&[Route]] = &[
    rooms::sign_in::ROUTES,
    rooms::welcome::ROUTES,
    rooms::today::ROUTES,
    rooms::edition::line_up::ROUTES,
    rooms::edition::envelope::ROUTES,
    rooms::edition::blocks::ROUTES,
    rooms::edition::preview::ROUTES,
    rooms::edition::sending::ROUTES,
    rooms::edition::delivery::ROUTES,
    rooms::edition::doubts::ROUTES,
    rooms::edition::proof::ROUTES,
    rooms::bounces::ROUTES,
    rooms::items::ROUTES,
    rooms::articles::ROUTES,
    rooms::pages::ROUTES,
    rooms::sources::ROUTES,
    rooms::ways::ROUTES,
    rooms::outlet::ROUTES,
    rooms::members::ROUTES,
    rooms::assets::ROUTES,
];

/// Every address of the desk: method, path, and the least role that may ask for it.
pub fn every_route() -> impl Iterator<Item = (&'static str, &'static str, Least)> {
    ROOMS.iter().flat_map(|room| room.iter()).map(|route| {
        let method = if route.asked == Asked::Get { "GET" } else { "POST" };
        (method, route.path, route.least)
    })
}

/// The router of the table.
pub(crate) fn router(hall: Arc<Hall>) -> axum::Router {
    let mut router = axum::Router::new();
    for route in ROOMS.iter().flat_map(|room| room.iter()) {
        let filter = if route.asked == Asked::Get { MethodFilter::GET } else { MethodFilter::POST };
        let act = async move |State(hall): State<Arc<Hall>>,
                              places: Result<RawPathParams, RawPathParamsRejection>,
                              request: Request| {
            // A path that is no UTF-8 has no places, and so leads nowhere.
            let places = places.map(|found| found.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect());
            door::answer(hall, route, places.unwrap_or_default(), request).await
        };
        router = router.route(route.path, on(filter, act));
    }
    router
        .fallback(async |State(hall): State<Arc<Hall>>, request: Request| door::nowhere(hall, request).await)
        .method_not_allowed_fallback(async |State(hall): State<Arc<Hall>>, request: Request| {
            door::other_method(hall, request).await
        })
        // Bodies have limits of their own, by route and by who sends them.
        .layer(DefaultBodyLimit::disable())
        .with_state(hall)
}
