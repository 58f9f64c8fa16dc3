//! The outlet's own pages (About, Donate, Privacy) and the site's menu.

use std::sync::Arc;

use axum::http::StatusCode;
use newsroom::{FreePage, PageId, page_slug};
use prose::Document;
use serde::Serialize;
use store::{Write, members, pages};

use crate::door::{Done, Frame, Hall, Visit, see_other};
use crate::problem::Trouble;
use crate::rooms::{articles, moment};
use crate::table::{EDITOR, Route, get, post};

pub(crate) const ROUTES: &[Route] = &[
    get!("/pages", EDITOR, list),
    post!("/pages/menu", EDITOR, arrange),
    get!("/pages/new", EDITOR, fresh),
    post!("/pages/new", EDITOR, add),
    get!("/pages/{page}", EDITOR, show),
    post!("/pages/{page}", EDITOR, save),
    post!("/pages/{page}/remove", EDITOR, remove),
];

/// Longest heading of a page, which is also its name in the menu.
const TITLE_CHARS_MAX: usize = 80;
/// Pages an outlet may have: a menu of more is no menu.
const PAGES_MAX: usize = 100;

#[derive(Serialize)]
struct ListView {
    menu: Vec<MenuView>,
    rest: Vec<PageView>,
}

#[derive(Serialize)]
struct MenuView {
    page: PageView,
    first: bool,
    last: bool,
}

#[derive(Serialize)]
struct PageView {
    id: String,
    title: String,
    path: String,
    public: bool,
    changed: String,
}

async fn list(hall: Arc<Hall>, visit: Visit) -> Done {
    let mut pages = hall.desk.store.read(pages::list).await?;
    pages.sort_by_key(|page| (page.menu.unwrap_or(i64::MAX), page.id));
    let view = |page: &FreePage| PageView {
        id: page.id.to_string(),
        title: page.title.clone(),
        path: format!("/{}/", page.slug),
        public: page.public,
        changed: moment::minute(page.changed, &visit.outlet.zone),
    };
    let (menu, rest): (Vec<FreePage>, Vec<FreePage>) = pages.into_iter().partition(|page| page.menu.is_some());
    let last = menu.len().saturating_sub(1);
    let entry = |(at, page): (usize, &FreePage)| MenuView { page: view(page), first: at == 0, last: at == last };
    let view = ListView { menu: menu.iter().enumerate().map(entry).collect(), rest: rest.iter().map(view).collect() };
    hall.pages.show(&Frame::of(&visit), "/pages", "pages.html", "Pages", &view)
}

/// Moves a page up or down in the menu, into it or out of it.
async fn arrange(hall: Arc<Hall>, visit: Visit) -> Done {
    let fields = &visit.sent.fields;
    let (Ok(page), step) = (fields.one("page").parse::<PageId>(), fields.one("step").to_owned()) else {
        return Err(Trouble::not_found());
    };
    let act = hall.act(&visit, "changed the menu", "");
    let done = hall.desk.store.write(move |tx: &Write<'_>| {
        let mut known = pages::list(tx)?;
        known.retain(|one| one.menu.is_some() || one.id == page);
        known.sort_by_key(|one| (one.menu.unwrap_or(i64::MAX), one.id));
        let mut menu: Vec<PageId> = known.iter().filter(|one| one.menu.is_some()).map(|one| one.id).collect();
        let at = menu.iter().position(|id| *id == page);
        match (step.as_str(), at) {
            ("in", None) if known.iter().any(|one| one.id == page) => menu.push(page),
            ("out", Some(at)) => drop(menu.remove(at)),
            ("up", Some(at)) if at > 0 => menu.swap(at, at - 1),
            ("down", Some(at)) if at + 1 < menu.len() => menu.swap(at, at + 1),
            _ => return Ok(()),
        }
        pages::arrange(tx, &menu)?;
        members::note(tx, &act)
    });
    done.await?;
    articles::lay(&hall, &visit).await;
    Ok(see_other("/pages?told=menu"))
}

#[derive(Clone, Default, Serialize)]
struct PageForm {
    title: String,
    slug: String,
    body: String,
    public: bool,
    version: i64,
}

#[derive(Serialize)]
struct EditView {
    action: String,
    id: String,
    form: PageForm,
    faults: Vec<String>,
    preview: String,
    /// What somebody else saved meanwhile: its title and its text.
    meanwhile: Option<(String, String)>,
    address: String,
}

#[derive(Default)]
struct Beside {
    faults: Vec<String>,
    preview: String,
    meanwhile: Option<(String, String)>,
}

fn edit(hall: &Hall, visit: &Visit, status: StatusCode, id: Option<PageId>, form: PageForm, beside: Beside) -> Done {
    let title = if id.is_some() { form.title.clone() } else { "New page".to_owned() };
    let view = EditView {
        action: id.map_or_else(|| "/pages/new".to_owned(), |id| format!("/pages/{id}")),
        id: id.map(|id| id.to_string()).unwrap_or_default(),
        faults: beside.faults,
        preview: beside.preview,
        meanwhile: beside.meanwhile,
        address: format!("{}/{}/", visit.outlet.site, form.slug),
        form,
    };
    hall.pages.show_as(status, &Frame::of(visit), "/pages", "page.html", &title, &view)
}

fn form_of(page: &FreePage) -> PageForm {
    let body = Document::from_json(&page.body).unwrap_or_default();
    PageForm {
        title: page.title.clone(),
        slug: page.slug.clone(),
        body: body.to_manuscript(),
        public: page.public,
        version: page.version,
    }
}

async fn fresh(hall: Arc<Hall>, visit: Visit) -> Done {
    let form = PageForm { public: true, ..PageForm::default() };
    edit(&hall, &visit, StatusCode::OK, None, form, Beside::default())
}

async fn named(hall: &Hall, visit: &Visit) -> Result<FreePage, Trouble> {
    let id: PageId = visit.place("page")?;
    hall.desk.store.read(move |tx| pages::by_id(tx, id)).await?.ok_or_else(Trouble::not_found)
}

async fn show(hall: Arc<Hall>, visit: Visit) -> Done {
    let page = named(&hall, &visit).await?;
    edit(&hall, &visit, StatusCode::OK, Some(page.id), form_of(&page), Beside::default())
}

/// What was typed: the form again, the page it makes, and what is wrong.
async fn typed(hall: &Hall, visit: &Visit, before: Option<&FreePage>) -> (PageForm, FreePage, Vec<String>) {
    let fields = &visit.sent.fields;
    let mut faults = Vec::new();
    let title = fields.one("title").split_whitespace().collect::<Vec<_>>().join(" ");
    if title.is_empty() || title.chars().count() > TITLE_CHARS_MAX {
        faults.push(format!("Give it a heading of at most {TITLE_CHARS_MAX} characters."));
    }
    let named = Some(fields.one("slug").trim()).filter(|slug| !slug.is_empty()).unwrap_or(&title);
    let slug = page_slug(named).unwrap_or_else(|| {
        faults.push("Give it another address: the site has something of its own there.".to_owned());
        String::new()
    });
    let body = fields.one("body").replace("\r\n", "\n");
    let source = before.and_then(|page| Document::from_json(&page.body).ok()).unwrap_or_default();
    let text = body.clone();
    let document = hall.desk.world.compute(move || Document::from_manuscript(&text, &source)).await;
    let document = document.unwrap_or_else(|fault| {
        faults.push(format!("The text cannot be kept as it is: {fault}."));
        Document::default()
    });
    let (public, version) = (fields.has("public"), fields.one("version").parse().unwrap_or(0));
    let page = FreePage {
        id: before.map_or_else(|| PageId(hall.desk.world.mint()), |page| page.id),
        slug: slug.clone(),
        title: title.clone(),
        body: document.to_json(),
        public,
        menu: before.and_then(|page| page.menu),
        version,
        changed: visit.now,
    };
    (PageForm { title, slug, body, public, version }, page, faults)
}

async fn add(hall: Arc<Hall>, visit: Visit) -> Done {
    let (form, page, faults) = typed(&hall, &visit, None).await;
    let unfit = |form, faults| edit(&hall, &visit, Trouble::UNFIT, None, form, Beside { faults, ..Beside::default() });
    if !faults.is_empty() {
        return unfit(form, faults);
    }
    if visit.sent.fields.one("act") == "preview" {
        let preview = articles::dressed(&hall, &visit, page).await?;
        return edit(&hall, &visit, StatusCode::OK, None, form, Beside { preview, ..Beside::default() });
    }
    let act = hall.act(&visit, "added a page", &page.title);
    let added = hall.desk.store.write(move |tx: &Write<'_>| {
        let known = pages::list(tx)?;
        let place = known.iter().filter_map(|one| one.menu).max().map_or(0, |last| last + 1);
        let page = FreePage { menu: Some(place), ..page };
        let added = known.len() < PAGES_MAX && pages::add(tx, &page)?;
        if added {
            members::note(tx, &act)?;
        }
        Ok(added)
    });
    if !added.await? {
        return unfit(form, vec!["There is a page at this address already: give this one another.".to_owned()]);
    }
    articles::lay(&hall, &visit).await;
    Ok(see_other("/pages?told=page"))
}

async fn save(hall: Arc<Hall>, visit: Visit) -> Done {
    let before = named(&hall, &visit).await?;
    let id = before.id;
    let (form, page, faults) = typed(&hall, &visit, Some(&before)).await;
    if !faults.is_empty() {
        return edit(&hall, &visit, Trouble::UNFIT, Some(id), form, Beside { faults, ..Beside::default() });
    }
    if visit.sent.fields.one("act") == "preview" {
        let preview = articles::dressed(&hall, &visit, page).await?;
        return edit(&hall, &visit, StatusCode::OK, Some(id), form, Beside { preview, ..Beside::default() });
    }
    let (act, now) = (hall.act(&visit, "changed a page", &page.title), visit.now);
    let saved = hall.desk.store.write(move |tx: &Write<'_>| {
        let saved = pages::save(tx, &page, now)?;
        if saved {
            members::note(tx, &act)?;
        }
        Ok((saved, pages::by_id(tx, id)?))
    });
    let (saved, stands) = saved.await?;
    let stands = stands.ok_or_else(Trouble::not_found)?;
    if saved {
        articles::lay(&hall, &visit).await;
        return Ok(see_other("/pages?told=page"));
    }
    if stands.version == form.version {
        let faults = vec!["There is another page at this address: give this one another.".to_owned()];
        return edit(&hall, &visit, Trouble::UNFIT, Some(id), form, Beside { faults, ..Beside::default() });
    }
    let theirs = form_of(&stands);
    let beside = Beside { meanwhile: Some((theirs.title, theirs.body)), ..Beside::default() };
    let form = PageForm { version: stands.version, ..form };
    edit(&hall, &visit, StatusCode::CONFLICT, Some(id), form, beside)
}

async fn remove(hall: Arc<Hall>, visit: Visit) -> Done {
    let page = named(&hall, &visit).await?;
    let act = hall.act(&visit, "removed a page", &page.title);
    let removed = hall.desk.store.write(move |tx: &Write<'_>| {
        let removed = pages::remove(tx, page.id)?;
        if removed {
            members::note(tx, &act)?;
        }
        Ok(removed)
    });
    if !removed.await? {
        return Err(Trouble::not_found());
    }
    articles::lay(&hall, &visit).await;
    Ok(see_other("/pages?told=removed"))
}
