//! The preview: the mail as it would be cut now, in a frame without rights, at a phone's and a desk's width and as text;
//! and a test copy to any address.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use edition::preview::{For, NO_TOKEN, Preview};
use newsroom::{Address, Format, Problem, Topics};
use post::test_copy::{self, Asked, TestFault, Way};
use serde::Serialize;
use store::{test_copies, topics};

use super::{ROOM, mail_trouble, wish};
use crate::door::{Done, Frame, Hall, Visit};
use crate::form::Fields;
use crate::problem::Trouble;
use crate::rooms::moment;
use crate::table::{EDITOR, Route, get, post};

pub(crate) const ROUTES: &[Route] = &[
    get!("/edition/preview", EDITOR, room),
    get!("/edition/preview/mail", EDITOR, mail),
    post!("/edition/preview", EDITOR, test),
];

/// How many test copies are listed.
const TESTS_LISTED: i64 = 5;

/// The widths, in the order of the links: name, words.
const WIDTHS: [(&str, &str); 3] = [("phone", "Phone"), ("desktop", "Desktop"), ("text", "Text")];

#[derive(Serialize)]
struct PreviewView {
    nothing: bool,
    subject: String,
    stories: usize,
    more: usize,
    kilobytes: usize,
    long: bool,
    text: String,
    width: String,
    widths: Vec<WidthView>,
    frame: String,
    topics: Vec<TopicView>,
    fresh: bool,
    plain: bool,
    address: String,
    fault: String,
    said: String,
    tests: Vec<TestView>,
}

#[derive(Serialize)]
struct WidthView {
    name: &'static str,
    words: &'static str,
    href: String,
    here: bool,
}

#[derive(Serialize)]
struct TopicView {
    slug: String,
    title: String,
    chosen: bool,
}

#[derive(Serialize)]
struct TestView {
    at: String,
    by: String,
    to: String,
    said: String,
}

/// Which readers a preview is for: what the address or the form says.
struct Cohort {
    topics: Vec<String>,
    fresh: bool,
    plain: bool,
}

impl Cohort {
    fn of(fields: &Fields) -> Self {
        let topics = fields.all("topic").map(str::to_owned).collect();
        Self { topics, fresh: fields.has("new"), plain: fields.has("plain") }
    }

    /// The query that leads to the same again.
    fn query(&self, width: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("width", width);
        for slug in &self.topics {
            query.append_pair("topic", slug);
        }
        if self.fresh {
            query.append_pair("new", "yes");
        }
        if self.plain {
            query.append_pair("plain", "yes");
        }
        query.finish()
    }
}

async fn make(hall: &Hall, visit: &Visit, cohort: &Cohort) -> Result<Option<Preview>, Trouble> {
    let known = hall.desk.store.read(topics::list).await?;
    let chosen = known.iter().filter(|topic| cohort.topics.contains(&topic.slug)).map(|topic| topic.bit);
    let chosen: Topics = chosen.collect();
    let of = For {
        topics: if cohort.topics.is_empty() { Topics::ALL } else { chosen },
        format: if cohort.plain { Format::Text } else { Format::Html },
        language: visit.outlet.language.clone(),
        seen_rank: cohort.fresh.then_some(0),
    };
    let made = edition::preview::preview(&hall.desk.store, &visit.outlet, wish(hall, visit), of, visit.now).await;
    made.map_err(mail_trouble)
}

async fn room(hall: Arc<Hall>, visit: Visit) -> Done {
    let cohort = Cohort::of(&visit.query);
    show(&hall, &visit, StatusCode::OK, &cohort, Told::default()).await
}

/// What a test copy came to.
#[derive(Default)]
struct Told {
    fault: String,
    said: String,
}

async fn show(hall: &Hall, visit: &Visit, status: StatusCode, cohort: &Cohort, told: Told) -> Done {
    let made = make(hall, visit, cohort).await?;
    let newsletter = hall.desk.newsletter.id;
    let read =
        hall.desk.store.read(move |tx| Ok((topics::list(tx)?, test_copies::latest(tx, newsletter, TESTS_LISTED)?)));
    let (known, tests) = read.await?;
    let asked =
        Some(visit.query.one("width")).filter(|w| WIDTHS.iter().any(|(name, _)| name == w)).unwrap_or("desktop");
    let width = if cohort.plain { "text" } else { asked };
    let widths = WIDTHS.iter().filter(|(name, _)| !cohort.plain || *name == "text");
    let view = PreviewView {
        nothing: made.is_none(),
        subject: made.as_ref().map_or(String::new(), |p| p.subject.clone()),
        stories: made.as_ref().map_or(0, |p| p.stories),
        more: made.as_ref().map_or(0, |p| p.more),
        kilobytes: made.as_ref().map_or(0, |p| p.part_bytes.div_ceil(1_000)),
        long: made.as_ref().is_some_and(|p| p.part_bytes >= edition::mail::PART_BYTES_WARN),
        text: made.map_or(String::new(), |p| p.text),
        widths: widths
            .map(|(name, words)| WidthView {
                name,
                words,
                href: format!("/edition/preview?{}", cohort.query(name)),
                here: *name == width,
            })
            .collect(),
        frame: format!("/edition/preview/mail?{}", cohort.query(width)),
        width: width.to_owned(),
        topics: known
            .into_iter()
            .map(|t| TopicView { chosen: cohort.topics.contains(&t.slug), slug: t.slug, title: t.title })
            .collect(),
        fresh: cohort.fresh,
        plain: cohort.plain,
        address: if told.said.is_empty() { visit.sent.fields.one("address").to_owned() } else { String::new() },
        fault: told.fault,
        said: told.said,
        tests: tests
            .into_iter()
            .map(|t| TestView {
                at: moment::minute(t.at, &visit.outlet.zone),
                by: t.asked_by,
                to: t.redacted,
                said: format!("{} {}", t.code, t.reply),
            })
            .collect(),
    };
    hall.pages.show_as(status, &Frame::of(visit), ROOM, "edition_preview.html", "Preview", &view)
}

/// The mail's own HTML, for the frame: its inline styles and the site's pictures, and nothing else.
async fn mail(hall: Arc<Hall>, visit: Visit) -> Done {
    let cohort = Cohort::of(&visit.query);
    let html = make(&hall, &visit, &cohort).await?.and_then(|preview| preview.html).ok_or_else(Trouble::not_found)?;
    let site = url::Url::parse(&visit.outlet.site).map(|site| site.origin().ascii_serialization()).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; img-src {site}; frame-ancestors 'self'; base-uri 'none'; \
         form-action 'none'; sandbox"
    );
    let mut answer = Response::new(Body::from(html));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(answer)
}

async fn test(hall: Arc<Hall>, visit: Visit) -> Done {
    let cohort = Cohort::of(&visit.sent.fields);
    let unfit = |fault: String| Told { fault, said: String::new() };
    let to = match Address::parse(visit.sent.fields.one("address")) {
        Ok(to) => to,
        Err(fault) => return show(&hall, &visit, Trouble::UNFIT, &cohort, unfit(format!("{fault}."))).await,
    };
    let Some(preview) = make(&hall, &visit, &cohort).await? else {
        let fault = "Nothing is new to these readers: there is no mail to send.".to_owned();
        return show(&hall, &visit, Trouble::UNFIT, &cohort, unfit(fault)).await;
    };
    let desk = &hall.desk;
    let orders = (desk.office.orders)().await.map_err(Trouble::refused)?;
    let routes = orders.routes.borrow().clone();
    let way =
        Way { world: &desk.world, store: &desk.store, vault: &desk.vault, sender: &orders.sender, routes: &routes };
    let (mail, by) = (&preview.test, visit.member().name.clone());
    let asked = Asked { newsletter: desk.newsletter.id, mail, token: NO_TOKEN, to: &to, by: &by };
    match test_copy::send(way, asked).await {
        Ok(said) => {
            let said = format!("The receiving server took it: {} {}", said.code, said.text);
            show(&hall, &visit, StatusCode::OK, &cohort, Told { fault: String::new(), said }).await
        }
        Err(TestFault::Store(fault)) => Err(Trouble::Store(fault)),
        Err(fault) => {
            let fault = Problem::new(format!("It did not arrive: {fault}."), "No reader was mailed.", "");
            let fault = format!("{} {}", fault.what, fault.means);
            show(&hall, &visit, Trouble::UNFIT, &cohort, unfit(fault)).await
        }
    }
}
