//! The demo's inbox: what the catcher caught, to be read in a browser.
//!
//! Server-rendered, works without script, by keyboard and by ear. A message's own HTML is a stranger's: it is shown from a
//! path of its own, in a sandbox, under a policy that runs nothing and loads pictures from the demo's site alone.

use crate::{
    catcher::{Catcher, Receipt},
    opened::{Headers, Opened},
};
use axum::{
    Router,
    body::Body,
    extract::{Path, Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use jiff::{Timestamp, tz::TimeZone};
use minijinja::{Environment, UndefinedBehavior, value::Serde};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use world::{Listener, Stream};

/// Messages on one page of the list.
const PAGE_MESSAGES: usize = 50;
/// Connections served at a time: a browser or two.
const CONNECTIONS_MAX: usize = 64;
/// How long a request's head may take.
const HEAD_WAIT: Duration = Duration::from_secs(10);
/// Longer than any address; what is longer is not searched for.
const SEARCH_BYTES_MAX: usize = 320;
/// What every page here may do: nothing but show itself, its style and the frame of a message.
const POLICY: &str = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The inbox.
pub struct Inbox {
    catcher: Arc<Catcher>,
    /// Where pictures in mails may come from: the demo's site, as scheme, host and port.
    site: String,
    pages: Environment<'static>,
}

type Shared = State<Arc<Inbox>>;

impl Inbox {
    /// The inbox of `catcher`. `site` is the newsroom's own site (`http://127.0.0.1:8080`): the pictures in its mails are
    /// loaded from there and from nowhere else.
    pub fn new(catcher: Arc<Catcher>, site: &str) -> Self {
        let mut pages = Environment::new();
        pages.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        for (name, source) in [
            ("frame.html", include_str!("frame.html")),
            ("list.html", include_str!("list.html")),
            ("message.html", include_str!("message.html")),
            ("missing.html", include_str!("missing.html")),
        ] {
            pages.add_template(name, source).expect("every template compiles");
        }
        Self { catcher, site: site.to_owned(), pages }
    }

    /// Serves the inbox on `listener` for as long as it is polled.
    pub async fn serve(self, listener: &Listener) {
        let routes = self.routes();
        listener.serve(CONNECTIONS_MAX, |stream| converse(stream, routes.clone())).await;
    }

    /// Its routes.
    pub fn routes(self) -> Router {
        Router::new()
            .route("/", get(list))
            .route("/style.css", get(style))
            .route("/messages/{place}", get(message))
            .route("/messages/{place}/html", get(html))
            .route("/messages/{place}/source", get(source))
            .fallback(missing)
            .with_state(Arc::new(self))
    }

    fn page(&self, template: &str, view: impl Serialize) -> Response {
        let template = self.pages.get_template(template).expect("every template is compiled in");
        let page = template.render(Serde(view)).expect("every template fits what it is given");
        answer("text/html; charset=utf-8", POLICY, page)
    }

    fn missing(&self) -> Response {
        let mut response = self.page("missing.html", Missing { title: "Not here" });
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    }

    /// Its place, the receipt and the message that an address of ours names.
    fn read(&self, place: &str) -> Option<(usize, Receipt, Vec<u8>)> {
        let place = place.parse().ok()?;
        let receipt = self.catcher.receipt(place)?;
        match self.catcher.message(place) {
            Ok(message) => Some((place, receipt, message)),
            Err(error) => {
                tracing::error!(error.text = %error, "a caught message could not be read back");
                None
            }
        }
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("site", &self.site).finish_non_exhaustive()
    }
}

async fn converse(stream: Stream, routes: Router) {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    // A browser that goes away in the middle is no news.
    let _ = connection.await;
}

/// An answer under `policy`, never kept and never sniffed.
fn answer(kind: &'static str, policy: &str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let mut set = |name: HeaderName, value: HeaderValue| drop(response.headers_mut().insert(name, value));
    set(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    set(header::CONTENT_SECURITY_POLICY, HeaderValue::from_str(policy).expect("a policy is ASCII"));
    set(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    set(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[derive(Deserialize)]
struct Wish {
    to: Option<String>,
    before: Option<usize>,
}

#[derive(Serialize)]
struct ListView {
    title: String,
    /// What was searched for; empty for everything.
    to: String,
    total: usize,
    rows: Vec<RowView>,
    older: Option<String>,
    newest: Option<String>,
}

#[derive(Serialize)]
struct RowView {
    place: usize,
    to: String,
    to_query: String,
    from: String,
    subject: String,
    time: String,
    iso: String,
    size: String,
}

impl RowView {
    fn of(place: usize, receipt: &Receipt) -> Self {
        let at = Timestamp::from_millisecond(receipt.at).unwrap_or_default();
        let to = receipt.to.join(", ");
        let subject = if receipt.subject.trim().is_empty() { "(no subject)" } else { &receipt.subject };
        Self {
            place,
            to_query: query(receipt.to.first().map_or("", String::as_str)),
            to,
            from: receipt.from.clone(),
            subject: subject.to_owned(),
            time: at.to_zoned_datetime(TimeZone::UTC).strftime("%-d %b %Y, %H:%M:%S").to_string(),
            iso: at.to_string(),
            size: format!("{} kB", receipt.bytes.div_ceil(1_000)),
        }
    }
}

async fn list(State(inbox): Shared, wish: Result<Query<Wish>, QueryRejection>) -> Response {
    let Ok(Query(wish)) = wish else { return inbox.missing() };
    let to = wish.to.unwrap_or_default().trim().to_owned();
    if to.len() > SEARCH_BYTES_MAX {
        return inbox.missing();
    }
    let only = (!to.is_empty()).then_some(to.as_str());
    let listing = inbox.catcher.list(only, wish.before, PAGE_MESSAGES);
    let filter = only.map_or(String::new(), |to| format!("to={}", query(to)));
    let title = only.map_or_else(|| "Inbox".to_owned(), |to| format!("Mail to {to}"));
    let view = ListView {
        title,
        total: only.map_or_else(|| inbox.catcher.count(), |to| inbox.catcher.places(to).len()),
        older: listing.older.map(|place| format!("/?{filter}&before={place}").replace("?&", "?")),
        newest: wish.before.map(|_| format!("/?{filter}")),
        rows: listing.receipts.iter().map(|(place, receipt)| RowView::of(*place, receipt)).collect(),
        to,
    };
    inbox.page("list.html", view)
}

/// `text` as the value of a query's parameter.
fn query(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~@".contains(&b);
    let one = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(one).collect()
}

#[derive(Serialize)]
struct MessageView {
    title: String,
    row: RowView,
    fields: Vec<FieldView>,
    more_fields: Vec<FieldView>,
    has_html: bool,
    /// The text part, in runs of plain text and addresses.
    text: Vec<RunView>,
    others: usize,
    earlier: Option<usize>,
    later: Option<usize>,
}

#[derive(Serialize)]
struct FieldView {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct RunView {
    text: String,
    link: bool,
}

/// The fields that everybody looks at, in this order.
const FIELDS: [&str; 3] = ["From", "To", "Date"];
/// Those that only the curious unfold.
const MORE_FIELDS: [&str; 4] = ["Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"];

async fn message(State(inbox): Shared, Path(place): Path<String>) -> Response {
    let Some((place, receipt, message)) = inbox.read(&place) else { return inbox.missing() };
    let opened = Opened::parse(&message);
    let row = RowView::of(place, &receipt);
    let mailbox = receipt.to.first().map_or_else(Vec::new, |to| inbox.catcher.places(to));
    let here = mailbox.iter().position(|known| *known == place);
    let view = MessageView {
        title: row.subject.clone(),
        row,
        fields: shown_fields(&opened.headers, &FIELDS),
        more_fields: shown_fields(&opened.headers, &MORE_FIELDS),
        has_html: opened.html.is_some(),
        text: runs(opened.text.as_deref().unwrap_or_default()),
        others: mailbox.len().saturating_sub(1),
        earlier: here.and_then(|here| here.checked_sub(1)).map(|at| mailbox[at]),
        later: here.and_then(|here| mailbox.get(here + 1)).copied(),
    };
    inbox.page("message.html", view)
}

fn shown_fields(headers: &Headers, names: &[&str]) -> Vec<FieldView> {
    let shown = |name: &&str| headers.text(name).map(|value| FieldView { name: (*name).to_owned(), value });
    names.iter().filter_map(shown).collect()
}

/// `text` in runs, so that its addresses can be links.
fn runs(text: &str) -> Vec<RunView> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"');
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(start) = ["http://", "https://"].iter().filter_map(|scheme| rest.find(scheme)).min() {
        let (before, from) = rest.split_at(start);
        let link = from[..from.find(ends).unwrap_or(from.len())].trim_end_matches(['.', ',', ';', ')', ']']);
        out.push(RunView { text: before.to_owned(), link: false });
        out.push(RunView { text: link.to_owned(), link: true });
        rest = &from[link.len()..];
    }
    out.push(RunView { text: rest.to_owned(), link: false });
    out
}

/// The message's own HTML, in a box: no script, no form, no request but for the site's pictures. Its links open beside it.
async fn html(State(inbox): Shared, Path(place): Path<String>) -> Response {
    let Some(html) = inbox.read(&place).and_then(|(_, _, message)| Opened::parse(&message).html) else {
        return inbox.missing();
    };
    let policy = format!(
        "default-src 'none'; img-src {}; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; \
         frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox",
        inbox.site
    );
    answer("text/html; charset=utf-8", &policy, opened_beside(&html))
}

/// `html` with its links opening in a window of their own: inside the frame the site refuses to be shown. The source shows
/// the mail as it came.
fn opened_beside(html: &str) -> String {
    const BASE: &str = "<base target=\"_blank\">";
    let lower = html.to_ascii_lowercase();
    let head_end = lower.find("<head").and_then(|at| lower[at..].find('>').map(|end| at + end + 1));
    match head_end {
        Some(at) => format!("{}{BASE}{}", &html[..at], &html[at..]),
        None => format!("{BASE}{html}"),
    }
}

/// The message as it came.
async fn source(State(inbox): Shared, Path(place): Path<String>) -> Response {
    match inbox.read(&place) {
        Some((_, _, message)) => answer("text/plain; charset=utf-8", "default-src 'none'; sandbox", message),
        None => inbox.missing(),
    }
}

async fn style() -> Response {
    answer("text/css; charset=utf-8", "default-src 'none'", include_str!("style.css")).into_response()
}

#[derive(Serialize)]
struct Missing {
    title: &'static str,
}

async fn missing(State(inbox): Shared) -> Response {
    inbox.missing()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_a_text_become_links_and_nothing_is_lost() {
        let text = "See <https://a.test/x>, or http://b.test/y. Done";
        let runs = runs(text);
        assert_eq!(runs.iter().map(|run| run.text.as_str()).collect::<String>(), text);
        let links: Vec<_> = runs.iter().filter(|run| run.link).map(|run| run.text.as_str()).collect();
        assert_eq!(links, ["https://a.test/x", "http://b.test/y"]);
    }

    #[test]
    fn a_mails_links_open_beside_the_frame() {
        assert_eq!(opened_beside("<html><head lang=en><b>"), "<html><head lang=en><base target=\"_blank\"><b>");
        assert_eq!(opened_beside("<p>x"), "<base target=\"_blank\"><p>x");
    }

    #[test]
    fn a_recipient_is_written_safely_into_an_address() {
        assert_eq!(query("a+b@x.example&c"), "a%2Bb@x.example%26c");
    }
}
