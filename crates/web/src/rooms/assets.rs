//! What pages are dressed in: the stylesheet, kept by browsers for ever under a name that is its content.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};

use crate::door::{Done, Hall, Visit};
use crate::page::STYLE;
use crate::problem::Trouble;
use crate::table::{ANYONE, Route, get};

pub(crate) const ROUTES: &[Route] = &[get!("/desk-{style}", ANYONE, style)];

async fn style(hall: Arc<Hall>, visit: Visit) -> Done {
    let asked: String = visit.place("style")?;
    if asked.strip_suffix(".css") != Some(hall.pages.style()) {
        return Err(Trouble::not_found());
    }
    let mut answer = Response::new(Body::from(STYLE));
    let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
    answer.headers_mut().insert(header::CACHE_CONTROL, kept);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    Ok(answer)
}
