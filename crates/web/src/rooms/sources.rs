//! Sources: what the newsroom reads, what may be done with it, and how each has been doing, in words.

use std::sync::Arc;

use axum::http::StatusCode;
use newsroom::{Policy, Source, SourceHealth, SourceId, SourceKind, Topics};
use serde::Serialize;
use store::{Write, members, sources, topics};

use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::problem::Trouble;
use crate::rooms::moment;
use crate::table::{EDITOR, Route, get, post};

pub(crate) const ROUTES: &[Route] = &[
    get!("/sources", EDITOR, list),
    post!("/sources", EDITOR, add),
    post!("/sources/{source}", EDITOR, change),
    post!("/sources/{source}/pause", EDITOR, pause),
    post!("/sources/{source}/resume", EDITOR, resume),
    post!("/sources/{source}/remove", EDITOR, remove),
];

/// Longest address of a feed or a licence, in bytes.
const ADDRESS_BYTES_MAX: usize = 2_000;

#[derive(Serialize)]
struct SourcesView {
    sources: Vec<SourceView>,
    policies: Vec<PolicyView>,
    url: String,
    licence: String,
    policy: String,
    topics: Vec<TopicBox>,
    faults: Vec<String>,
}

#[derive(Serialize)]
struct SourceView {
    id: String,
    title: String,
    url: String,
    policy: &'static str,
    licence: String,
    stopped: bool,
    ill: bool,
    how: String,
}

#[derive(Serialize)]
struct PolicyView {
    word: &'static str,
    what: &'static str,
}

#[derive(Serialize)]
struct TopicBox {
    bit: String,
    title: String,
    chosen: bool,
}

/// What each policy means, in a line.
fn what(policy: Policy) -> &'static str {
    match policy {
        Policy::Ours => "Ours: our own site. What is new is lined up by itself and leads there.",
        Policy::Partner => "Partner: may be republished whole, with credit and licence.",
        Policy::Watch => "Watch: comes to the items alone; lined up as headline, credit, a short excerpt and a link.",
    }
}

async fn list(hall: Arc<Hall>, visit: Visit) -> Done {
    show(&hall, &visit, StatusCode::OK, Vec::new()).await
}

async fn show(hall: &Hall, visit: &Visit, status: StatusCode, faults: Vec<String>) -> Done {
    let (known, topics) = hall.desk.store.read(|tx| Ok((sources::list(tx)?, topics::list(tx)?))).await?;
    let form = &visit.sent.fields;
    let chosen = topics_of(visit);
    let view = SourcesView {
        sources: known.iter().map(|source| view(source, &visit.outlet.zone)).collect(),
        policies: Policy::EVERY.iter().map(|policy| PolicyView { word: policy.name(), what: what(*policy) }).collect(),
        url: form.one("url").to_owned(),
        licence: form.one("licence").to_owned(),
        policy: Some(form.one("policy")).filter(|word| !word.is_empty()).unwrap_or("partner").to_owned(),
        topics: topics
            .iter()
            .map(|t| TopicBox { bit: t.bit.to_string(), title: t.title.clone(), chosen: chosen.has(t.bit) })
            .collect(),
        faults,
    };
    hall.pages.show_as(status, &Frame::of(visit), "/sources", "sources.html", "Sources", &view)
}

fn topics_of(visit: &Visit) -> Topics {
    let bits = visit.sent.fields.all("topic").filter_map(|bit| bit.parse::<u8>().ok());
    bits.filter(|bit| *bit < newsroom::TOPICS_MAX).collect()
}

fn view(source: &Source, zone: &str) -> SourceView {
    let health = &source.health;
    let last = health.last_good.map(|at| moment::minute(at, zone));
    let how = match (health.stopped, health.failures, &health.last_error, &last) {
        (true, _, Some(why), _) => format!("Not read any more: {why}"),
        (true, _, None, _) => "Paused by a member.".to_owned(),
        (false, 0, _, Some(at)) => format!("Well; last read {at}."),
        (false, 0, _, None) => "Not read yet; its turn comes within a minute.".to_owned(),
        (false, times, why, last) => {
            let why = why.as_deref().unwrap_or("no reason given");
            let last = last.as_ref().map_or_else(|| "It was never read.".to_owned(), |at| format!("Last read {at}."));
            format!("Failed {times} {} in a row: {why} {last}", if times == 1 { "time" } else { "times" })
        }
    };
    SourceView {
        id: source.id.to_string(),
        title: if source.title.is_empty() { source.url.clone() } else { source.title.clone() },
        url: source.url.clone(),
        policy: source.policy.name(),
        licence: source.licence.clone().unwrap_or_default(),
        stopped: health.stopped,
        ill: health.stopped || health.failures > 0,
        how,
    }
}

/// The policy and the licence of a form, or what is wrong with them.
fn terms(visit: &Visit) -> Result<(Policy, Option<String>), String> {
    let form = &visit.sent.fields;
    let policy = Policy::EVERY.into_iter().find(|policy| policy.name() == form.one("policy"));
    let policy = policy.ok_or("Choose what may be done with what it publishes.")?;
    let licence = Some(form.one("licence").trim()).filter(|licence| !licence.is_empty());
    match licence {
        Some(licence) if web_address(licence).is_none() => {
            Err("The licence is no web address: it looks like https://creativecommons.org/licenses/by/4.0/.".to_owned())
        }
        licence => Ok((policy, licence.map(str::to_owned))),
    }
}

fn web_address(text: &str) -> Option<url::Url> {
    let short = text.len() <= ADDRESS_BYTES_MAX;
    prose::link::absolute(text).filter(|url| short && url.scheme() != "mailto")
}

async fn add(hall: Arc<Hall>, visit: Visit) -> Done {
    let mut faults = Vec::new();
    let url = web_address(visit.sent.fields.one("url"));
    if url.is_none() {
        faults.push("Give the feed's address: it looks like https://partner.example/feed.xml.".to_owned());
    }
    let terms = terms(&visit).map_err(|fault| faults.push(fault)).ok();
    let (Some(url), Some((policy, licence))) = (url, terms) else {
        return show(&hall, &visit, Trouble::UNFIT, faults).await;
    };
    let source = Source {
        id: SourceId(hall.desk.world.mint()),
        url: url.into(),
        kind: SourceKind::Feed,
        policy,
        licence,
        title: String::new(),
        topics: topics_of(&visit),
        etag: None,
        last_modified: None,
        due: visit.now,
        health: SourceHealth::default(),
    };
    let act = hall.act(&visit, "added a source", &source.url);
    let added = hall.desk.store.write(move |tx: &Write<'_>| {
        let added = sources::add(tx, &source, gather::INTERVAL_MS_FIRST)?;
        if added {
            members::note(tx, &act)?;
        }
        Ok(added)
    });
    if !added.await? {
        return show(&hall, &visit, Trouble::UNFIT, vec!["This source is read already.".to_owned()]).await;
    }
    Ok(see_other("/sources?told=source"))
}

async fn change(hall: Arc<Hall>, visit: Visit) -> Done {
    let id: SourceId = visit.place("source")?;
    let (policy, licence) = match terms(&visit) {
        Ok(terms) => terms,
        Err(fault) => return show(&hall, &visit, Trouble::UNFIT, vec![fault]).await,
    };
    let changed = move |tx: &Write<'_>| sources::set_policy(tx, id, policy, licence.as_deref());
    done(&hall, &visit, "changed what may be done with a source", changed).await?;
    Ok(see_other("/sources?told=policy"))
}

/// Makes a change to the source that the path names, and writes it down.
async fn done(
    hall: &Hall,
    visit: &Visit,
    act: &str,
    change: impl FnOnce(&Write<'_>) -> store::Result<bool> + Send + 'static,
) -> Result<(), Trouble> {
    let id: SourceId = visit.place("source")?;
    let known = hall.desk.store.read(move |tx| sources::by_id(tx, id)).await?.ok_or_else(Trouble::not_found)?;
    let act = hall.act(visit, act, known.url);
    let changed = hall.desk.store.write(move |tx: &Write<'_>| {
        let changed = change(tx)?;
        if changed {
            members::note(tx, &act)?;
        }
        Ok(changed)
    });
    if changed.await? { Ok(()) } else { Err(Trouble::not_found()) }
}

async fn pause(hall: Arc<Hall>, visit: Visit) -> Done {
    let id: SourceId = visit.place("source")?;
    done(&hall, &visit, "paused a source", move |tx| sources::pause(tx, id)).await?;
    Ok(see_other("/sources?told=paused"))
}

async fn resume(hall: Arc<Hall>, visit: Visit) -> Done {
    let (id, now): (SourceId, _) = (visit.place("source")?, visit.now);
    done(&hall, &visit, "resumed a source", move |tx| sources::resume(tx, id, now)).await?;
    Ok(see_other("/sources?told=resumed"))
}

async fn remove(hall: Arc<Hall>, visit: Visit) -> Done {
    let id: SourceId = visit.place("source")?;
    done(&hall, &visit, "removed a source", move |tx| sources::remove(tx, id)).await?;
    Ok(see_other("/sources?told=source-removed"))
}
