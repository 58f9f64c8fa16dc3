//! Ways out: the relays that carry the mail, how each has been doing, and what an admin changes about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use newsroom::{RELAY_FIELDS, RelayFieldKind, RelayTerms, RouteId, relay_name};
use post::listing::{self, Listed};
use serde::Serialize;
use store::{Write, members, settings, ways};

use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::problem::Trouble;
use crate::rooms::moment;
use crate::table::{ADMIN, EDITOR, Route, get, post};

pub(crate) const ROUTES: &[Route] = &[
    get!("/ways", EDITOR, list),
    post!("/ways", ADMIN, add),
    post!("/ways/{relay}", ADMIN, change),
    post!("/ways/{relay}/rest", ADMIN, rest),
    post!("/ways/{relay}/use", ADMIN, carry),
    post!("/ways/{relay}/try", ADMIN, greet),
    post!("/ways/{relay}/remove", ADMIN, remove),
];

/// A password longer than this was pasted by mistake.
const PASSWORD_CHARS_MAX: usize = 1_000;

#[derive(Serialize)]
struct WaysView {
    relays: Vec<RelayView>,
    /// The form of a new one, with what was typed.
    fresh: Vec<Field>,
    name: String,
    faults: Vec<String>,
    said: String,
}

#[derive(Serialize)]
struct RelayView {
    id: String,
    name: String,
    address: String,
    first: bool,
    active: bool,
    ill: bool,
    word: &'static str,
    how: String,
    weight: u32,
    caps: String,
    carried: String,
    /// What its plan for warming up says of today; empty when it has none.
    warms: String,
    answered: String,
    alerted: String,
    has_password: bool,
    fields: Vec<Field>,
}

#[derive(Serialize)]
struct Field {
    name: &'static str,
    /// `line`, `number` or `choice`.
    kind: &'static str,
    value: String,
    from: i64,
    to: i64,
    choices: Vec<&'static str>,
    chars_max: usize,
    sentence: &'static str,
}

/// What the page says beside the relays.
#[derive(Default)]
struct Told {
    faults: Vec<String>,
    said: String,
}

async fn list(hall: Arc<Hall>, visit: Visit) -> Done {
    show(&hall, &visit, StatusCode::OK, Told::default()).await
}

async fn show(hall: &Hall, visit: &Visit, status: StatusCode, told: Told) -> Done {
    let (first, now) = ((hall.desk.office.first)(&visit.kept), visit.now);
    let zone = visit.outlet.zone.clone();
    let listed = hall.desk.store.read(move |tx| listing::every(tx, first, &zone, now)).await?;
    let fresh = RelayTerms::new(RouteId(0), "");
    let sent = &visit.sent.fields;
    let typed = |name: &str| sent.has("name").then(|| sent.one(name).to_owned());
    let view = WaysView {
        relays: listed.iter().map(|one| view(one, &visit.outlet.zone)).collect(),
        fresh: fields(&fresh, |name| if name == "host" { typed(name).or(Some(String::new())) } else { typed(name) }),
        name: sent.one("name").to_owned(),
        faults: told.faults,
        said: told.said,
    };
    hall.pages.show_as(status, &Frame::of(visit), "/ways", "ways.html", "Ways out", &view)
}

fn view(one: &Listed, zone: &str) -> RelayView {
    let at = |moment| moment::minute(moment, zone);
    let terms = &one.terms;
    let alerted = one.standing.as_ref().filter(|_| one.is_ill()).and_then(|standing| standing.alerted);
    RelayView {
        id: terms.id.to_string(),
        name: terms.name.clone(),
        address: format!("{}:{}", terms.host, terms.port),
        first: terms.id == RouteId::FIRST,
        active: terms.active,
        ill: one.is_ill(),
        word: one.word(),
        how: one.how(at),
        weight: terms.weight,
        caps: terms.caps_told(),
        carried: one.carried(),
        warms: one.warms.clone().unwrap_or_default(),
        answered: one.answered(at).unwrap_or_default(),
        alerted: alerted.map(at).unwrap_or_default(),
        has_password: !terms.password.is_empty(),
        fields: fields(terms, |_| None),
    }
}

/// The fields of a form, with what was typed where something was. Whether it carries mail has a button of its own.
fn fields(terms: &RelayTerms, typed: impl Fn(&str) -> Option<String>) -> Vec<Field> {
    let field = |field: &newsroom::RelayField| {
        let (kind, from, to, choices, chars_max) = match field.kind {
            RelayFieldKind::Line(chars) => ("line", 0, 0, Vec::new(), chars),
            RelayFieldKind::Number(from, to) => ("number", from, to, Vec::new(), 0),
            RelayFieldKind::Word(words) => ("choice", 0, 0, words.to_vec(), 0),
        };
        let value = typed(field.name).unwrap_or_else(|| terms.get(field.name));
        Field { name: field.name, kind, value, from, to, choices, chars_max, sentence: field.sentence }
    };
    RELAY_FIELDS.iter().filter(|field| field.name != "use").map(field).collect()
}

/// Takes what was typed into the terms; gives what is wrong with it.
fn take(hall: &Hall, visit: &Visit, terms: &mut RelayTerms) -> Vec<String> {
    let sent = &visit.sent.fields;
    let mut faults = Vec::new();
    for field in RELAY_FIELDS.iter().filter(|field| sent.has(field.name)) {
        if let Err(takes) = terms.set(field.name, sent.one(field.name).trim()) {
            faults.push(format!("{} takes {takes}.", field.name));
        }
    }
    match sent.one("password") {
        "" => {}
        long if long.chars().count() > PASSWORD_CHARS_MAX => faults.push("The password is too long.".to_owned()),
        password => {
            let name = (hall.desk.office.password_name)(terms);
            terms.password = (hall.desk.settings.seal)(&hall.desk, &name, password);
        }
    }
    faults
}

async fn add(hall: Arc<Hall>, visit: Visit) -> Done {
    let mut faults = Vec::new();
    let name = relay_name(visit.sent.fields.one("name"));
    let name = name.map_err(|takes| faults.push(format!("Its name takes {takes}."))).unwrap_or_default();
    let mut terms = RelayTerms::new(RouteId(0), &name);
    faults.extend(take(&hall, &visit, &mut terms));
    if !faults.is_empty() {
        return show(&hall, &visit, Trouble::UNFIT, Told { faults, ..Told::default() }).await;
    }
    let act = hall.act(&visit, "added a relay", &name);
    let added = hall.desk.store.write(move |tx: &Write<'_>| {
        let added = ways::add(tx, &terms)?;
        if added.is_some() {
            members::note(tx, &act)?;
        }
        Ok(added)
    });
    if added.await?.is_none() {
        let faults = vec!["There is a relay of this name, or there are enough of them.".to_owned()];
        return show(&hall, &visit, Trouble::UNFIT, Told { faults, ..Told::default() }).await;
    }
    Ok(see_other("/ways?told=relay"))
}

/// The further relay that the path names.
async fn named(hall: &Hall, visit: &Visit) -> Result<RelayTerms, Trouble> {
    let id: RouteId = visit.place("relay")?;
    let known = hall.desk.store.read(ways::relays).await?;
    known.into_iter().find(|terms| terms.id == id).ok_or_else(Trouble::not_found)
}

async fn change(hall: Arc<Hall>, visit: Visit) -> Done {
    let mut terms = named(&hall, &visit).await?;
    let faults = take(&hall, &visit, &mut terms);
    if !faults.is_empty() {
        return show(&hall, &visit, Trouble::UNFIT, Told { faults, ..Told::default() }).await;
    }
    keep(&hall, &visit, terms, "changed a relay").await?;
    Ok(see_other("/ways?told=relay-changed"))
}

async fn keep(hall: &Hall, visit: &Visit, terms: RelayTerms, what: &str) -> Result<(), Trouble> {
    let act = hall.act(visit, what, &terms.name);
    let kept = hall.desk.store.write(move |tx: &Write<'_>| {
        let kept = ways::change(tx, &terms)?;
        if kept {
            members::note(tx, &act)?;
        }
        Ok(kept)
    });
    if kept.await? { Ok(()) } else { Err(Trouble::not_found()) }
}

/// Lets a relay rest, or carry mail again: a field of a further one, a setting of the first.
async fn set_active(hall: &Hall, visit: &Visit, active: bool, what: &str) -> Result<(), Trouble> {
    if visit.place::<RouteId>("relay")? != RouteId::FIRST {
        let terms = named(hall, visit).await?;
        return keep(hall, visit, RelayTerms { active, ..terms }, what).await;
    }
    let act = hall.act(visit, what, newsroom::FIRST_RELAY);
    let kept = hall.desk.store.write(move |tx: &Write<'_>| {
        settings::put(tx, "relay.use", if active { "yes" } else { "no" })?;
        members::note(tx, &act)
    });
    Ok(kept.await?)
}

async fn rest(hall: Arc<Hall>, visit: Visit) -> Done {
    set_active(&hall, &visit, false, "let a relay rest").await?;
    Ok(see_other("/ways?told=relay-rests"))
}

async fn carry(hall: Arc<Hall>, visit: Visit) -> Done {
    set_active(&hall, &visit, true, "let a relay carry mail again").await?;
    Ok(see_other("/ways?told=relay-used"))
}

/// Opens a connection, greets and logs in; no mail is sent.
async fn greet(hall: Arc<Hall>, visit: Visit) -> Done {
    let id: RouteId = visit.place("relay")?;
    let told = match (hall.desk.office.greet)(id).await {
        Ok(said) => Told { said, faults: Vec::new() },
        Err(problem) => Told { faults: vec![format!("{} {}", problem.what, problem.act)], said: String::new() },
    };
    show(&hall, &visit, StatusCode::OK, told).await
}

async fn remove(hall: Arc<Hall>, visit: Visit) -> Done {
    let terms = named(&hall, &visit).await?;
    let act = hall.act(&visit, "removed a relay", &terms.name);
    let removed = hall.desk.store.write(move |tx: &Write<'_>| {
        let removed = ways::remove(tx, &terms.name)?;
        if removed {
            members::note(tx, &act)?;
        }
        Ok(removed)
    });
    if removed.await? { Ok(see_other("/ways?told=relay-removed")) } else { Err(Trouble::not_found()) }
}

/// The relays that are at fault, in a line each for the day's page; empty when all is well.
pub(crate) async fn ill(hall: &Hall, visit: &Visit) -> Result<Vec<String>, Trouble> {
    let first = (hall.desk.office.first)(&visit.kept);
    let read = hall.desk.store.read(|tx| Ok((ways::relays(tx)?, ways::standings(tx)?))).await?;
    let standings: BTreeMap<RouteId, _> = read.1.into_iter().map(|standing| (standing.route, standing)).collect();
    let relays = std::iter::once(first).chain(read.0);
    let ill = |terms: RelayTerms| {
        let standing = standings.get(&terms.id).cloned();
        let one = Listed { terms, standing, hour: 0, day: 0, warm_up: None, warms: None };
        one.is_ill().then(|| {
            let how = one.how(|at| moment::minute(at, &visit.outlet.zone));
            format!("The relay {}: {how}", one.terms.name)
        })
    };
    Ok(relays.filter_map(ill).collect())
}
