//! The outlet: its settings, derived from the one table that defines them, and the DNS records to publish.

use std::sync::Arc;

use axum::http::StatusCode;
use newsroom::TopicId;
use serde::Serialize;
use store::{Write, members, settings, topics};

use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::problem::Trouble;
use crate::rooms::articles;
use crate::table::{ADMIN, Route, get, post};
use crate::{DnsRecord, Setting, Shape};

pub(crate) const ROUTES: &[Route] =
    &[get!("/outlet", ADMIN, show), post!("/outlet", ADMIN, save), post!("/outlet/topics", ADMIN, add_topic)];

/// Longest name of a topic: it stands in the site's navigation.
const TOPIC_CHARS_MAX: usize = 40;

#[derive(Serialize)]
struct OutletPage {
    parts: Vec<Part>,
    records: Vec<DnsRecord>,
    faults: Vec<String>,
    topics: Vec<String>,
    topic: String,
    topic_fault: String,
}

/// Settings that belong together: what stands before the dot of their names.
#[derive(Serialize)]
struct Part {
    name: &'static str,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    /// `line`, `long`, `number`, `choice` or `secret`.
    kind: &'static str,
    value: String,
    /// A secret that is set, and not shown.
    set: bool,
    choices: Vec<String>,
    chars_max: usize,
    from: i64,
    to: i64,
    sentence: &'static str,
    fault: String,
}

/// What the parts are called; others go by the word before the dot.
const PARTS: [(&str, &str); 7] = [
    ("outlet", "The outlet"),
    ("desk", "The desk"),
    ("mail", "Its mail"),
    ("relay", "The first relay, named main"),
    ("post", "The post office"),
    ("edition", "The edition"),
    ("site", "The site"),
];
/// A line longer than this gets room for several.
const LONG_CHARS: usize = 260;

async fn show(hall: Arc<Hall>, visit: Visit) -> Done {
    page(&hall, &visit, StatusCode::OK, Vec::new(), "").await
}

async fn page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    faults: Vec<(&'static str, String)>,
    topic_fault: &str,
) -> Done {
    let topics = hall.desk.store.read(topics::list).await?;
    let mut parts: Vec<Part> = Vec::new();
    for setting in &hall.desk.settings.table {
        let word = setting.name.split('.').next().unwrap_or_default();
        let name = PARTS.iter().find(|(known, _)| *known == word).map_or(word, |(_, name)| name);
        let row = row(visit, setting, &faults);
        match parts.iter_mut().find(|part| part.name == name) {
            Some(part) => part.rows.push(row),
            None => parts.push(Part { name, rows: vec![row] }),
        }
    }
    let records = (hall.desk.settings.records)(visit.outlet.clone()).await.map_err(Trouble::refused)?;
    let faults = faults.into_iter().map(|(_, fault)| fault).collect();
    let view = OutletPage {
        parts,
        records,
        faults,
        topics: topics.into_iter().map(|topic| topic.title).collect(),
        topic: visit.sent.fields.one("topic_name").to_owned(),
        topic_fault: topic_fault.to_owned(),
    };
    hall.pages.show_as(status, &Frame::of(visit), "/outlet", "outlet.html", "Outlet", &view)
}

fn row(visit: &Visit, setting: &Setting, faults: &[(&'static str, String)]) -> Row {
    let sent = &visit.sent.fields;
    let secret = setting.shape == Shape::Secret;
    let kept = visit.kept.get(setting.name).map_or(setting.default, String::as_str);
    let value = if sent.has(setting.name) && !secret { sent.one(setting.name) } else { kept };
    let (kind, chars_max, from, to, choices) = match &setting.shape {
        Shape::Line(chars) if *chars > LONG_CHARS => ("long", *chars, 0, 0, Vec::new()),
        Shape::Line(chars) => ("line", *chars, 0, 0, Vec::new()),
        Shape::Number(from, to) => ("number", 0, *from, *to, Vec::new()),
        Shape::Choice(words) => ("choice", 0, 0, 0, words.clone()),
        Shape::Secret => ("secret", 0, 0, 0, Vec::new()),
    };
    Row {
        name: setting.name,
        kind,
        value: if secret { String::new() } else { value.to_owned() },
        set: secret && !kept.is_empty(),
        choices,
        chars_max,
        from,
        to,
        sentence: setting.sentence,
        fault: faults
            .iter()
            .find(|(name, _)| *name == setting.name)
            .map(|(_, fault)| fault.clone())
            .unwrap_or_default(),
    }
}

/// Saves what was changed, all of it or nothing. A secret that is left empty stays as it is.
async fn save(hall: Arc<Hall>, visit: Visit) -> Done {
    let sent = &visit.sent.fields;
    let (mut changed, mut faults) = (Vec::new(), Vec::new());
    for setting in hall.desk.settings.table.iter().filter(|setting| sent.has(setting.name)) {
        let secret = setting.shape == Shape::Secret;
        let typed = sent.one(setting.name).replace("\r\n", "\n");
        let typed = if secret { typed } else { typed.split_whitespace().collect::<Vec<_>>().join(" ") };
        let kept = visit.kept.get(setting.name).map_or(setting.default, String::as_str);
        if typed == kept || (secret && typed.is_empty()) {
            continue;
        }
        match (hall.desk.settings.check)(setting.name, &typed) {
            Err(problem) => faults.push((setting.name, format!("{} {}", problem.what, problem.act))),
            Ok(()) if secret => {
                changed.push((setting.name, (hall.desk.settings.seal)(&hall.desk, setting.name, &typed)))
            }
            Ok(()) => changed.push((setting.name, typed)),
        }
    }
    if !faults.is_empty() {
        return page(&hall, &visit, Trouble::UNFIT, faults, "").await;
    }
    let names = changed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if changed.is_empty() {
        return Ok(see_other("/outlet"));
    }
    let act = hall.act(&visit, "changed settings", names);
    let kept = hall.desk.store.write(move |tx: &Write<'_>| {
        changed.iter().try_for_each(|(name, value)| settings::put(tx, name, value))?;
        members::note(tx, &act)?;
        settings::all(tx)
    });
    let outlet = (hall.desk.settings.outlet)(&kept.await?);
    let visit = Visit { outlet, ..visit };
    articles::lay(&hall, &visit).await;
    Ok(see_other("/outlet?told=settings"))
}

/// Adds a topic. It gets its place once and for ever: readers have chosen it, and articles belong to it.
async fn add_topic(hall: Arc<Hall>, visit: Visit) -> Done {
    let title = visit.sent.fields.one("topic_name").split_whitespace().collect::<Vec<_>>().join(" ");
    let slug = newsroom::plain_slug(&title);
    let (Some(slug), true) = (slug, title.chars().count() <= TOPIC_CHARS_MAX) else {
        let fault = format!("Give the topic a name of letters and digits, of at most {TOPIC_CHARS_MAX} characters.");
        return page(&hall, &visit, Trouble::UNFIT, Vec::new(), &fault).await;
    };
    let (id, act) = (TopicId(hall.desk.world.mint()), hall.act(&visit, "added a topic", &title));
    let made = hall.desk.store.write(move |tx: &Write<'_>| {
        let made = topics::ensure(tx, id, &slug, &title)?;
        if made.as_ref().is_some_and(|topic| topic.id == id) {
            members::note(tx, &act)?;
        }
        Ok(made)
    });
    match made.await? {
        None => {
            let fault = format!("An outlet has at most {} topics.", newsroom::TOPICS_MAX);
            page(&hall, &visit, Trouble::UNFIT, Vec::new(), &fault).await
        }
        Some(topic) if topic.id != id => {
            page(&hall, &visit, Trouble::UNFIT, Vec::new(), "There is a topic of this name already.").await
        }
        Some(_) => {
            articles::lay(&hall, &visit).await;
            Ok(see_other("/outlet?told=topic"))
        }
    }
}
