//! Answers HTTP for the outlets: by `Host`, with conditional GET, nothing else.

use super::{
    Newsstand, OUTLETS,
    site::{Body, Resource},
};
use axum::body::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{self, HeaderName},
};
use http_body_util::Full;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::{Timestamp, fmt::rfc2822};
use std::{convert::Infallible, sync::Arc, time::Duration};
use world::{Listener, Stream};

/// How many connections are served at a time. A gatherer opens one to each host; a stress test opens more.
const CONNECTIONS_MAX: usize = 256;
/// How long a request's head may take, in milliseconds: nobody on loopback needs it.
const HEAD_MS_MAX: u64 = 10_000;

type Answer = Response<Full<Bytes>>;

impl Newsstand {
    /// Serves every outlet on `listener` for as long as it is polled.
    pub async fn serve(self: Arc<Self>, listener: &Listener) {
        listener.serve(CONNECTIONS_MAX, |stream| self.clone().converse(stream)).await;
    }

    async fn converse(self: Arc<Self>, stream: Stream) {
        let answer = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
            let answer = self.answer(request.method(), request.uri(), request.headers());
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(HEAD_MS_MAX))
            .serve_connection(TokioIo::new(stream), answer);
        // A reader that goes away in the middle is no news.
        let _ = connection.await;
    }

    /// The answer to one request.
    pub fn answer(&self, method: &Method, uri: &http::Uri, headers: &HeaderMap) -> Answer {
        if method != Method::GET && method != Method::HEAD {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "These pages can only be read.\n");
        }
        let Some(host) = host(uri, headers) else {
            // RFC 9110 §15.5.20: not a host that is served here.
            return plain(StatusCode::MISDIRECTED_REQUEST, "No outlet of that name is here.\n");
        };
        let (path, query) = (uri.path(), uri.query().unwrap_or_default());
        let sites = self.today();
        let found = sites.at(host, &format!("{path}?{query}")).or_else(|| sites.at(host, path));
        let mut answer = match found {
            Some(Resource::Body(body)) => conditional(body, headers),
            Some(Resource::Moved(to)) => moved(to),
            None => plain(StatusCode::NOT_FOUND, "There is no such page.\n"),
        };
        if method == Method::HEAD {
            *answer.body_mut() = Full::default();
        }
        answer
    }
}

/// Which outlet is asked for: the authority of the request (RFC 9112 §3.3), whatever its port.
fn host(uri: &http::Uri, headers: &HeaderMap) -> Option<&'static str> {
    let asked = match uri.host() {
        Some(host) => host,
        None => headers.get(header::HOST)?.to_str().ok()?,
    };
    let name = asked.split(':').next()?.to_ascii_lowercase();
    OUTLETS.iter().map(|outlet| outlet.host).find(|host| *host == name)
}

/// 304 when what the client has is what we have (RFC 9110 §13.2.2): the entity tag decides when one was sent, and only
/// otherwise the date.
fn conditional(body: &Body, headers: &HeaderMap) -> Answer {
    let same = match headers.get(header::IF_NONE_MATCH) {
        Some(asked) => body.etag.as_deref().is_some_and(|etag| none_match(asked, etag)),
        None => unmodified(body, headers),
    };
    let mut answer = Response::new(if same { Full::default() } else { Full::new(body.bytes.clone()) });
    *answer.status_mut() = if same { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut set = |name: HeaderName, value: &str| {
        answer.headers_mut().insert(name, HeaderValue::from_str(value).expect("our own header values are ASCII"));
    };
    if let Some(etag) = &body.etag {
        set(header::ETAG, etag);
    }
    if let Some(modified) = body.last_modified {
        let written = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&modified);
        set(header::LAST_MODIFIED, &written.expect("an outlet's dates have four-digit years"));
    }
    if !same {
        set(header::CONTENT_TYPE, body.content_type);
    }
    answer
}

/// RFC 9110 §13.1.2: weak comparison, a list or `*`.
fn none_match(asked: &HeaderValue, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let asked = asked.to_str().unwrap_or_default();
    asked.trim() == "*" || asked.split(',').any(|tag| opaque(tag) == opaque(etag))
}

fn unmodified(body: &Body, headers: &HeaderMap) -> bool {
    let since = headers.get(header::IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok()).and_then(http_date);
    match (since, body.last_modified) {
        (Some(since), Some(modified)) => modified <= since,
        _ => false,
    }
}

/// RFC 9110 §5.6.7, the one form that anybody still sends.
fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

fn moved(to: &str) -> Answer {
    let mut answer = plain(StatusCode::MOVED_PERMANENTLY, "It has moved.\n");
    let to = HeaderValue::from_str(to).expect("our own addresses are ASCII");
    answer.headers_mut().insert(header::LOCATION, to);
    answer
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlets::{Format, Morning};
    use axum::body::HttpBody;
    use jiff::civil::date;

    fn stand() -> Newsstand {
        Newsstand::new(date(2026, 3, 3))
    }

    fn get(stand: &Newsstand, url: &str, headers: &[(HeaderName, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
        let uri: http::Uri = url.parse().expect("an address");
        let headers = headers.iter().map(|(n, v)| (n.clone(), v.parse().expect("a header value"))).collect();
        let (head, mut body) = stand.answer(&Method::GET, &uri, &headers).into_parts();
        let waker = std::task::Waker::noop();
        let mut cx = std::task::Context::from_waker(waker);
        let bytes = match std::pin::Pin::new(&mut body).poll_frame(&mut cx) {
            std::task::Poll::Ready(Some(Ok(frame))) => frame.into_data().expect("a body is data").to_vec(),
            _ => Vec::new(),
        };
        (head.status, head.headers, bytes)
    }

    fn text(stand: &Newsstand, url: &str) -> String {
        String::from_utf8(get(stand, url, &[]).2).expect("UTF-8")
    }

    #[test]
    fn every_feed_and_page_and_picture_of_both_mornings_is_served() {
        let stand = stand();
        for morning in [Morning::First, Morning::Second] {
            stand.set(morning);
            for outlet in OUTLETS {
                assert_eq!(get(&stand, outlet.feed, &[]).0, StatusCode::OK, "{}", outlet.feed);
                assert_eq!(get(&stand, &format!("http://{}/", outlet.host), &[]).0, StatusCode::OK);
            }
            for story in stand.stories() {
                let (status, headers, body) = get(&stand, story.url, &[]);
                assert_eq!(status, StatusCode::OK, "{}", story.url);
                assert!(headers[header::CONTENT_TYPE].to_str().expect("ASCII").starts_with("text/html"));
                assert!(body.len() > 2_000, "{}", story.url);
            }
        }
        assert_eq!(get(&stand, "http://rasif.outlets.test/pictures/clinic.jpg", &[]).2[..2], [0xff, 0xd8]);
    }

    #[test]
    fn a_second_morning_adds_stories_and_corrects_a_headline() {
        let stand = stand();
        let first = text(&stand, OUTLETS[0].feed);
        stand.set(Morning::Second);
        let second = text(&stand, OUTLETS[0].feed);
        assert_eq!((first.matches("<item>").count(), second.matches("<item>").count()), (5, 8));
        assert!(first.contains("after ten months") && !first.contains("after eleven months"));
        assert!(second.contains("after eleven months") && !second.contains("after ten months"));
    }

    #[test]
    fn what_has_not_changed_is_not_sent_again() {
        let stand = stand();
        for outlet in OUTLETS {
            let (_, headers, _) = get(&stand, outlet.feed, &[]);
            let pairs = [(header::ETAG, header::IF_NONE_MATCH), (header::LAST_MODIFIED, header::IF_MODIFIED_SINCE)];
            let mut kinds = 0;
            for (given, asked) in pairs {
                let Some(value) = headers.get(given) else { continue };
                kinds += 1;
                let value = value.to_str().expect("ASCII");
                stand.set(Morning::First);
                let (status, _, body) = get(&stand, outlet.feed, &[(asked.clone(), value)]);
                assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{}", outlet.feed);
                stand.set(Morning::Second);
                assert_eq!(get(&stand, outlet.feed, &[(asked, value)]).0, StatusCode::OK, "{}", outlet.feed);
                stand.set(Morning::First);
            }
            assert!(kinds > 0, "{} can be asked conditionally", outlet.feed);
        }
    }

    #[test]
    fn an_address_in_a_feed_leads_to_its_story_and_topic() {
        let stand = stand();
        let feed = text(&stand, "http://plumbline.outlets.test/rss.xml");
        let link = feed.split("<link>").nth(2).and_then(|rest| rest.split('<').next()).expect("an item's link");
        let (status, headers, _) = get(&stand, link, &[]);
        assert_eq!(status, StatusCode::MOVED_PERMANENTLY);
        let canonical = headers[header::LOCATION].to_str().expect("ASCII");
        assert!(text(&stand, canonical).contains(&format!("<link rel=\"canonical\" href=\"{canonical}\">")));
        assert!(stand.topic_of(link).is_some() && stand.topic_of(link) == stand.topic_of(canonical));
        let tracked = "http://meridian.outlets.test/2026/03/03/north-mole-reopens/?utm_source=rss&utm_medium=rss";
        assert_eq!(get(&stand, tracked, &[]).0, StatusCode::OK);
        assert_eq!(stand.topic_of(tracked), Some("harbour"));
        assert_eq!(stand.topic_of("http://jetee.outlets.test/article.php3?id_article=1042"), Some("water"));
        assert_eq!(stand.topic_of("http://elsewhere.example/"), None);
    }

    #[test]
    fn the_french_feed_is_latin_1_and_says_so_only_inside() {
        let (_, headers, body) = get(&stand(), "http://jetee.outlets.test/index.rdf", &[]);
        assert_eq!(headers[header::CONTENT_TYPE], "application/rdf+xml");
        assert!(String::from_utf8(body.clone()).is_err());
        assert!(body.windows(6).any(|w| w == b"Jet\xe9e<"), "é is one byte");
    }

    #[test]
    fn the_malformed_feed_is_malformed_in_every_promised_way() {
        let feed = text(&stand(), "http://lantern.outlets.test/rss");
        assert!(feed.contains("queues & kindness"), "a bare ampersand");
        assert!(feed.contains("&mdash;") && feed.contains("&nbsp;"), "undeclared entities");
        let items = feed.matches("<item>").count() - 1;
        assert_eq!(feed.matches("<guid").count(), items - 1, "one without guid");
        assert_eq!(feed.matches("<pubDate").count(), items - 1, "one without date");
        assert!(feed.ends_with("<titl"), "cut off");
    }

    #[test]
    fn a_strange_host_or_page_or_method_is_refused() {
        let stand = stand();
        assert_eq!(get(&stand, "http://elsewhere.example/", &[]).0, StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(get(&stand, "/", &[]).0, StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(get(&stand, "/", &[(header::HOST, "lantern.outlets.test:8080")]).0, StatusCode::OK);
        assert_eq!(get(&stand, "http://lantern.outlets.test/robots.txt", &[]).0, StatusCode::NOT_FOUND);
        assert_eq!(get(&stand, "http://rasif.outlets.test/robots.txt", &[]).0, StatusCode::OK);
        let uri: http::Uri = "http://rasif.outlets.test/".parse().expect("an address");
        let posted = stand.answer(&Method::POST, &uri, &HeaderMap::new());
        assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    }

    #[test]
    fn no_story_of_a_second_morning_is_dated_in_the_future() {
        for now in ["2026-11-24T00:10:00Z", "2026-11-24T09:59:00Z", "2026-11-24T10:00:00Z", "2026-11-24T23:50:00Z"] {
            let now: Timestamp = now.parse().expect("a time");
            let stand = Newsstand::new(crate::outlets::first_day(now.as_millisecond()));
            stand.set(Morning::Second);
            let feed = text(&stand, "http://darsena.outlets.test/atom.xml");
            let dates = feed.split("<updated>").skip(1).map(|rest| rest[..20].parse::<Timestamp>().expect("RFC 3339"));
            assert!(dates.max().expect("entries") <= now);
        }
    }

    #[test]
    fn every_format_is_shown_once() {
        let formats: std::collections::BTreeSet<_> = OUTLETS.iter().map(|o| format!("{:?}", o.format)).collect();
        assert_eq!(formats.len(), OUTLETS.len());
        assert_eq!(OUTLETS[6].format, Format::Malformed);
    }
}
