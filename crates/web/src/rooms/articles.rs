//! Articles: the list by state, and the desk of one article: its text, its credit, its picture; seen before it is
//! published, published with everything that is missing said at once, corrected, taken back.
//!
//! A save carries the number of the revision it came from. When somebody else saved meanwhile both texts stand on one page,
//! and nothing is lost.

mod bare;
mod form;
mod preview;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use desk::write::{self, Missing, Saved, Signed};
use newsroom::{Article, ArticleId, ArticleState, Form, MemberId, Problem, Topic};
use prose::Document;
use serde::Serialize;
use store::{Write, articles, members, revisions, topics};

use self::form::{Form as Typing, Typed};
use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::form::Takes;
use crate::problem::Trouble;
use crate::rooms::moment;
use crate::table::{EDITOR, Route, get, post};

pub(crate) use self::preview::dressed;

pub(crate) const ROUTES: &[Route] = &[
    get!("/articles", EDITOR, list),
    get!("/articles/new", EDITOR, fresh),
    post!("/articles/new", EDITOR, begin, Takes::Picture),
    get!("/articles/{article}", EDITOR, show),
    post!("/articles/{article}", EDITOR, save, Takes::Picture),
    post!("/articles/{article}/withdraw", EDITOR, withdraw),
    post!("/articles/{article}/restore", EDITOR, restore),
    post!("/articles/{article}/discard", EDITOR, discard),
];

/// Articles on one page of the list.
const ENTRIES: i64 = 50;
/// Revisions in an article's history: the latest tell enough.
const PAST: i64 = 50;
/// Longest reason that readers are given.
const NOTE_CHARS_MAX: usize = 600;

#[derive(Serialize)]
struct ListView {
    state: &'static str,
    tabs: Vec<Tab>,
    entries: Vec<EntryView>,
    older: Option<String>,
}

#[derive(Serialize)]
struct Tab {
    word: &'static str,
    name: &'static str,
    here: bool,
}

#[derive(Serialize)]
struct EntryView {
    id: String,
    title: String,
    credit: String,
    when: String,
}

/// The lists: word in the address, name, state.
const LISTS: [(&str, &str, ArticleState); 3] = [
    ("draft", "Drafts", ArticleState::Draft),
    ("published", "Published", ArticleState::Published),
    ("withdrawn", "Withdrawn", ArticleState::Withdrawn),
];

async fn list(hall: Arc<Hall>, visit: Visit) -> Done {
    let asked = visit.query.one("state");
    let below = visit.query.one("before").parse().unwrap_or(i64::MAX);
    let (word, _, state) = LISTS.into_iter().find(|(word, _, _)| *word == asked).unwrap_or(LISTS[1]);
    let entries = hall.desk.store.read(move |tx| revisions::in_state(tx, state, below, ENTRIES)).await?;
    let older = entries.last().filter(|_| entries.len() as i64 == ENTRIES).map(|last| last.article.to_string());
    let zone = &visit.outlet.zone;
    let entry = |entry: revisions::Entry| EntryView {
        id: entry.article.to_string(),
        title: titled(&entry.title),
        credit: [entry.byline, entry.outlet].into_iter().flatten().collect::<Vec<_>>().join(", "),
        when: match entry.published.filter(|_| state == ArticleState::Published) {
            Some(at) => format!("published {}", moment::minute(at, zone)),
            None => format!("changed {}", moment::minute(entry.changed, zone)),
        },
    };
    let tabs = LISTS.into_iter().map(|(w, name, _)| Tab { word: w, name, here: w == word }).collect();
    let view = ListView { state: word, tabs, entries: entries.into_iter().map(entry).collect(), older };
    hall.pages.show(&Frame::of(&visit), "/articles", "articles.html", "Articles", &view)
}

/// A headline, or words in its place.
pub(crate) fn titled(title: &str) -> String {
    if title.trim().is_empty() { "(no headline yet)".to_owned() } else { title.to_owned() }
}

/// The page on which an article is written.
#[derive(Serialize)]
struct ArticleView {
    /// Where its form goes.
    action: String,
    id: String,
    state: &'static str,
    form: Typing,
    topics: Vec<TopicBox>,
    /// What is wrong with what was typed, or missing before it can be published.
    faults: Vec<String>,
    /// The site's own page of what was typed, for a frame.
    preview: String,
    /// What somebody else saved meanwhile.
    meanwhile: Option<Meanwhile>,
    address: String,
    /// It leads to where it lives, and has no page here.
    card: bool,
    public: String,
    past: Vec<PastView>,
    note: String,
    languages: &'static [(&'static str, &'static str)],
}

#[derive(Serialize)]
struct TopicBox {
    bit: String,
    title: String,
    chosen: bool,
}

#[derive(Serialize)]
struct Meanwhile {
    who: String,
    when: String,
    title: String,
    standfirst: String,
    body: String,
}

#[derive(Serialize)]
struct PastView {
    number: i64,
    when: String,
    who: String,
    title: String,
    note: String,
}

/// Languages offered in the form; any other BCP 47 tag may be typed.
const LANGUAGES: &[(&str, &str)] = &[
    ("en", "English"),
    ("ar", "Arabic"),
    ("es", "Spanish"),
    ("fr", "French"),
    ("zh", "Chinese"),
    ("de", "German"),
    ("fa", "Persian"),
    ("pt", "Portuguese"),
    ("ru", "Russian"),
    ("uk", "Ukrainian"),
];

/// What stands beside the form, beyond the article itself.
#[derive(Default)]
struct Beside {
    faults: Vec<String>,
    preview: String,
    meanwhile: Option<Meanwhile>,
    note: String,
}

async fn page(
    hall: &Hall,
    visit: &Visit,
    status: StatusCode,
    of: Option<&Article>,
    form: Typing,
    beside: Beside,
) -> Done {
    let id = of.map(|article| article.id);
    let read = hall.desk.store.read(move |tx| {
        let past = match id {
            Some(id) => revisions::history(tx, id, PAST)?,
            None => Vec::new(),
        };
        Ok((topics::list(tx)?, past, members::list(tx)?))
    });
    let (topics, past, known) = read.await?;
    let names: BTreeMap<MemberId, String> = known.into_iter().map(|k| (k.member.id, k.member.name)).collect();
    let zone = &visit.outlet.zone;
    let past_view = |past: revisions::Past| PastView {
        number: past.number,
        when: moment::minute(past.made, zone),
        who: past.member.and_then(|id| names.get(&id).cloned()).unwrap_or_else(|| "the newsroom by itself".to_owned()),
        title: titled(&past.title),
        note: past.note,
    };
    let state = of.map_or("new", |article| state_word(article.state));
    let published = of.filter(|article| article.state == ArticleState::Published);
    let address = match published {
        Some(article) if article.form == Form::Card => article.revision.credit.canonical.clone().unwrap_or_default(),
        Some(article) => format!("{}/articles/{}/", visit.outlet.site, article.slug),
        None => String::new(),
    };
    let title = titled(&form.title);
    let view = ArticleView {
        action: id.map_or_else(|| "/articles/new".to_owned(), |id| format!("/articles/{id}")),
        id: id.map(|id| id.to_string()).unwrap_or_default(),
        state,
        topics: boxes(&topics, &form),
        form,
        faults: beside.faults,
        preview: beside.preview,
        meanwhile: beside.meanwhile,
        address,
        card: of.is_some_and(|article| article.form == Form::Card),
        public: of
            .and_then(|article| article.published)
            .map_or_else(String::new, |published| moment::minute(published.at, zone)),
        past: past.into_iter().map(past_view).collect(),
        note: beside.note,
        languages: LANGUAGES,
    };
    hall.pages.show_as(status, &Frame::of(visit), "/articles", "article.html", &title, &view)
}

fn boxes(topics: &[Topic], form: &Typing) -> Vec<TopicBox> {
    let one = |topic: &Topic| TopicBox {
        bit: topic.bit.to_string(),
        title: topic.title.clone(),
        chosen: form.topics().has(topic.bit),
    };
    topics.iter().map(one).collect()
}

fn state_word(state: ArticleState) -> &'static str {
    LISTS.iter().find(|(_, _, known)| *known == state).map_or("draft", |(word, _, _)| word)
}

async fn fresh(hall: Arc<Hall>, visit: Visit) -> Done {
    page(&hall, &visit, StatusCode::OK, None, Typing::blank(&visit.outlet.language), Beside::default()).await
}

async fn named(hall: &Hall, visit: &Visit) -> Result<Article, Trouble> {
    let id: ArticleId = visit.place("article")?;
    hall.desk.store.read(move |tx| articles::by_id(tx, id)).await?.ok_or_else(Trouble::not_found)
}

async fn show(hall: Arc<Hall>, visit: Visit) -> Done {
    let article = named(&hall, &visit).await?;
    let form = Typing::of(&article.revision);
    page(&hall, &visit, StatusCode::OK, Some(&article), form, Beside::default()).await
}

/// What a form asks for: the button that was pressed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Save,
    Preview,
    Publish,
}

fn asked(visit: &Visit) -> Asked {
    match visit.sent.fields.one("act") {
        "preview" => Asked::Preview,
        "publish" => Asked::Publish,
        _ => Asked::Save,
    }
}

async fn begin(hall: Arc<Hall>, mut visit: Visit) -> Done {
    let typed = form::read(&hall, &mut visit, None).await?;
    let id = ArticleId(hall.desk.world.mint());
    let Typed { form, document, faults } = typed;
    let revision = form.revision(id, 1, visit.now, &document);
    if !faults.is_empty() {
        return page(&hall, &visit, Trouble::UNFIT, None, form, Beside { faults, ..Beside::default() }).await;
    }
    if asked(&visit) == Asked::Preview {
        let preview = preview::of(&hall, &visit, None, &revision).await?;
        return page(&hall, &visit, StatusCode::OK, None, form, Beside { preview, ..Beside::default() }).await;
    }
    let signed = Signed { member: Some(visit.member().id), note: String::new() };
    let act = hall.act(&visit, "wrote an article", &revision.title);
    let first = revision.clone();
    let begun = hall.desk.store.write(move |tx: &Write<'_>| {
        write::begin(tx, &first, &signed)?;
        members::note(tx, &act)
    });
    begun.await?;
    if asked(&visit) == Asked::Publish {
        return publish(&hall, &visit, id).await;
    }
    Ok(see_other(&format!("/articles/{id}?told=saved")))
}

async fn save(hall: Arc<Hall>, mut visit: Visit) -> Done {
    let article = named(&hall, &visit).await?;
    let Typed { form, document, faults } = form::read(&hall, &mut visit, Some(&article)).await?;
    let revision = form.revision(article.id, form.base + 1, visit.now, &document);
    let note = note_of(&visit, "note");
    let mut beside = Beside { faults, note: note.clone(), ..Beside::default() };
    let public = article.state == ArticleState::Published;
    if beside.faults.is_empty() && public && asked(&visit) != Asked::Preview {
        // What stands on the site stays fit for it.
        beside.faults = words(&write::missing(&revision, article.form, article.item.is_some()));
    }
    if !beside.faults.is_empty() {
        return page(&hall, &visit, Trouble::UNFIT, Some(&article), form, beside).await;
    }
    if asked(&visit) == Asked::Preview {
        beside.preview = preview::of(&hall, &visit, Some(&article), &revision).await?;
        return page(&hall, &visit, StatusCode::OK, Some(&article), form, beside).await;
    }
    let signed = Signed { member: Some(visit.member().id), note: if public { note } else { String::new() } };
    let act =
        hall.act(&visit, if public { "changed a published article" } else { "changed an article" }, &revision.title);
    let saved = hall.desk.store.write(move |tx: &Write<'_>| {
        let saved = write::save(tx, &revision, &signed)?;
        if matches!(saved, Saved::As(_)) {
            members::note(tx, &act)?;
        }
        Ok(saved)
    });
    match saved.await? {
        Saved::Gone => Err(Trouble::not_found()),
        Saved::Meanwhile(now) => meanwhile(&hall, &visit, *now, form, beside).await,
        Saved::As(_) | Saved::Same if asked(&visit) == Asked::Publish && !public => {
            publish(&hall, &visit, article.id).await
        }
        Saved::As(_) if public => {
            lay(&hall, &visit).await;
            Ok(see_other(&format!("/articles/{}?told=corrected", article.id)))
        }
        Saved::As(_) | Saved::Same => Ok(see_other(&format!("/articles/{}?told=saved", article.id))),
    }
}

fn words(missing: &[Missing]) -> Vec<String> {
    missing.iter().map(|one| one.words().to_owned()).collect()
}

fn note_of(visit: &Visit, field: &str) -> String {
    let note = visit.sent.fields.one(field).split_whitespace().collect::<Vec<_>>().join(" ");
    note.chars().take(NOTE_CHARS_MAX).collect()
}

/// Both texts on one page: what was typed in the form, ready to be saved over what stands now; and that, beside it.
async fn meanwhile(hall: &Hall, visit: &Visit, now: Article, form: Typing, mut beside: Beside) -> Done {
    let id = now.id;
    let read = hall.desk.store.read(move |tx| {
        let last = revisions::history(tx, id, 1)?.into_iter().next().and_then(|past| past.member);
        match last {
            Some(member) => Ok(members::by_id(tx, member)?.map(|known| known.member.name)),
            None => Ok(None),
        }
    });
    let who = read.await?.unwrap_or_else(|| "The newsroom".to_owned());
    let body = Document::from_json(&now.revision.body).unwrap_or_default();
    beside.meanwhile = Some(Meanwhile {
        who,
        when: moment::minute(now.revision.made, &visit.outlet.zone),
        title: now.revision.title.clone(),
        standfirst: now.revision.standfirst.clone(),
        body: body.to_manuscript(),
    });
    // The next save goes over what stands now; kept lines still mean the blocks that they were written from.
    let form = form.over(now.revision.number);
    page(hall, visit, StatusCode::CONFLICT, Some(&now), form, beside).await
}

async fn publish(hall: &Hall, visit: &Visit, id: ArticleId) -> Done {
    let act = hall.act(visit, "published an article", "");
    let now = visit.now;
    let done = hall.desk.store.write(move |tx: &Write<'_>| {
        let Some(article) = articles::by_id(tx, id)? else { return Ok(None) };
        let missing = write::missing(&article.revision, article.form, article.item.is_some());
        if missing.is_empty() && write::put_out(tx, id, now)? {
            members::note(tx, &members::Act { subject: article.revision.title.clone(), ..act })?;
        }
        Ok(Some((article, missing)))
    });
    let (article, missing) = done.await?.ok_or_else(Trouble::not_found)?;
    if !missing.is_empty() {
        let beside = Beside { faults: words(&missing), ..Beside::default() };
        return page(hall, visit, Trouble::UNFIT, Some(&article), Typing::of(&article.revision), beside).await;
    }
    lay(hall, visit).await;
    Ok(see_other(&format!("/articles/{id}?told=published")))
}

/// Brings the site up to date. What is kept is kept: when the press fails the newsroom's own round lays it a minute later.
pub(crate) async fn lay(hall: &Hall, visit: &Visit) {
    let desk = &hall.desk;
    let laid = press::publish::publish(&desk.world, &desk.store, &visit.outlet, &desk.site_folder).await;
    if let Err(fault) = laid {
        tracing::error!(error = %fault, "What a member published is kept, and not on the site yet");
    }
}

async fn withdraw(hall: Arc<Hall>, visit: Visit) -> Done {
    let article = named(&hall, &visit).await?;
    let (id, now, note) = (article.id, visit.now, note_of(&visit, "reason"));
    let act = hall.act(&visit, "withdrew an article", &article.revision.title);
    let done = hall.desk.store.write(move |tx: &Write<'_>| {
        let done = write::take_back(tx, id, &note, now)?;
        if done {
            members::note(tx, &act)?;
        }
        Ok(done)
    });
    if !done.await? {
        return Err(Trouble::refused(Problem::new(
            "This article does not stand on the site.",
            "Nothing was changed.",
            "Go back to the article to see where it stands.",
        )));
    }
    lay(&hall, &visit).await;
    Ok(see_other(&format!("/articles/{id}?told=withdrawn")))
}

async fn restore(hall: Arc<Hall>, visit: Visit) -> Done {
    let article = named(&hall, &visit).await?;
    publish(&hall, &visit, article.id).await
}

async fn discard(hall: Arc<Hall>, visit: Visit) -> Done {
    let article = named(&hall, &visit).await?;
    let (id, act) = (article.id, hall.act(&visit, "threw a draft away", &article.revision.title));
    let done = hall.desk.store.write(move |tx: &Write<'_>| {
        let done = revisions::discard(tx, id)?;
        if done {
            members::note(tx, &act)?;
        }
        Ok(done)
    });
    if done.await? { Ok(see_other("/articles?state=draft&told=discarded")) } else { Err(Trouble::not_found()) }
}
