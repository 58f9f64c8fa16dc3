//! What pages are dressed in: the desk's stylesheet and script, the site's own stylesheet for previews, and pictures; each
//! kept by browsers for ever under a name that is its content.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};

use crate::door::{Done, Hall, Visit};
use crate::page::{SCRIPT, STYLE};
use crate::problem::Trouble;
use crate::table::{ANYONE, EDITOR, Route, get};

pub(crate) const ROUTES: &[Route] = &[
    get!("/desk-{style}", ANYONE, style),
    get!("/enhance-{script}", ANYONE, script),
    get!("/assets/{style}", EDITOR, site_style),
    get!("/pictures/{file}", EDITOR, picture),
];

async fn style(hall: Arc<Hall>, visit: Visit) -> Done {
    let asked: String = visit.place("style")?;
    if asked.strip_suffix(".css") != Some(hall.pages.style()) {
        return Err(Trouble::not_found());
    }
    Ok(kept(STYLE, "text/css; charset=utf-8", "public, max-age=31536000, immutable"))
}

async fn script(hall: Arc<Hall>, visit: Visit) -> Done {
    let asked: String = visit.place("script")?;
    if asked.strip_suffix(".js") != Some(hall.pages.script()) {
        return Err(Trouble::not_found());
    }
    Ok(kept(SCRIPT, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"))
}

fn kept(body: impl Into<Body>, kind: &'static str, how_long: &'static str) -> Response<Body> {
    let mut answer = Response::new(body.into());
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(how_long));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// The site's stylesheet: previews wear it.
async fn site_style(_: Arc<Hall>, visit: Visit) -> Done {
    let (path, sheet) = press::style();
    let asked: String = visit.place("style")?;
    if path.strip_prefix("/assets/") != Some(asked.as_str()) {
        return Err(Trouble::not_found());
    }
    Ok(kept(sheet, "text/css; charset=utf-8", "private, max-age=31536000, immutable"))
}

/// A picture that is kept, published or not: for members alone.
async fn picture(hall: Arc<Hall>, visit: Visit) -> Done {
    let file: String = visit.place("file")?;
    let kind = press::picture_kind(&file).ok_or_else(Trouble::not_found)?;
    let bytes = hall.desk.store.read(move |tx| store::pictures::bytes(tx, &file)).await?;
    let bytes = bytes.ok_or_else(Trouble::not_found)?;
    let mut answer = kept(bytes, kind, "private, max-age=31536000, immutable");
    // Opened by itself it can do nothing (ASVS V3.2.1).
    let policy = HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'");
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    answer.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("inline"));
    Ok(answer)
}
