//! The desk's pages: one template engine, one layout, one stylesheet, one script that nothing depends on.
//!
//! Everything that is printed is escaped; a name that the template asks for and the view lacks is an error. What a page
//! shows is a view, made by hand from the newsroom's words in the room that shows it.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use newsroom::{Problem, Role};
use prose::Templates;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::door::{Done, Frame};
use crate::problem::Trouble;

/// The stylesheet.
pub(crate) const STYLE: &str = include_str!("../assets/desk.css");
/// The script that makes the desk pleasanter where one runs.
pub(crate) const SCRIPT: &str = include_str!("../assets/enhance.js");

macro_rules! templates {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../templates/", $name)))),*] };
}

const TEMPLATES: &[(&str, &str)] = templates![
    "layout.html",
    "macros.html",
    "problem.html",
    "sign_in.html",
    "given_back.html",
    "welcome.html",
    "today.html",
    "edition.html",
    "envelope.html",
    "blocks.html",
    "edition_preview.html",
    "departure.html",
    "departure_now.html",
    "departures.html",
    "doubts.html",
    "bounces.html",
    "members.html",
    "link.html",
    "self.html",
    "acts.html",
    "articles.html",
    "article.html",
    "preview.html",
    "pages.html",
    "page.html",
    "outlet.html",
    "items.html",
    "sources.html",
    "ways.html",
];

/// What was done, by the word that an address carries after it: the one line at the top of the next page.
const TOLD: &[(&str, &str)] = &[
    ("saved", "Saved."),
    ("published", "Published. It stands on the site now."),
    ("corrected", "The change is published."),
    ("withdrawn", "Withdrawn. Its address says so from now on."),
    ("discarded", "The draft is thrown away."),
    ("none", "Nothing was ticked, so nothing was changed."),
    ("dismissed", "Dismissed."),
    ("recalled", "It waits among the new items again."),
    ("settled", "Noted: the article stays as it is."),
    ("taken", "Taken as a draft. Edit it, and publish it when it is ready."),
    ("lined-up", "Lined up for the next edition, and published as a card."),
    ("source", "Added. It is read within a minute, while Coranto runs."),
    ("policy", "Changed: it holds for what comes in from now on."),
    ("paused", "Paused. It is not read until a member resumes it."),
    ("resumed", "It is read again, within a minute."),
    ("source-removed", "Removed. Its articles stay."),
    ("page", "The page is saved, and the site brought up to date."),
    ("removed", "The page is removed from the site."),
    ("topic", "The topic is added. It stands in the site's navigation, and readers can choose it."),
    ("menu", "The menu is changed."),
    (
        "settings",
        "Saved. What the site shows is changed now; the relay's hold within seconds; what the mail says and who signs it holds from the next start of Coranto.",
    ),
    ("relay", "The relay is added. It gets its share within seconds, while Coranto runs."),
    ("relay-changed", "The relay is changed. It holds within seconds, while Coranto runs."),
    ("relay-rests", "The relay rests. What it had not taken goes by the others, or waits."),
    ("relay-used", "The relay carries mail again, within seconds, while Coranto runs."),
    ("relay-removed", "The relay is removed. What it carried stays under its name."),
    ("password", "Your new password holds, and you are signed out everywhere else."),
    ("role", "The member's role is changed."),
    ("out", "The member is signed out and cannot sign in."),
    ("in", "The member can sign in again."),
    ("envelope", "The envelope is kept."),
    ("block", "The block is up."),
    ("block-gone", "The block is down. Mails that were cut before keep it."),
    ("cut", "The edition is cut: who gets what is frozen. Nothing is sent before you press Send."),
    ("headline", "The headline is corrected, here and in every copy that had not left. Below is who was sent which."),
    ("not-sure", "Nothing was cancelled: tick that you are sure, then press again."),
    ("not-sure-all", "Nothing was changed: tick that you are sure, then press again."),
    ("resent", "Put back to be sent once more, the same as before, while Coranto runs."),
    ("held", "Held: not sent again. The reader stays listed."),
    ("counted", "Counted as taken: not sent again. The reader stays listed."),
    ("bounces-applied", "Believed. These readers are not written to any more."),
    ("bounces-dropped", "Dropped. Nothing changes for these readers."),
    ("out-all", "You are signed out everywhere else."),
];

/// A room of the desk, as the menu shows it.
#[derive(Serialize)]
struct Door {
    name: &'static str,
    path: &'static str,
    here: bool,
}

/// The rooms, in the order of a morning: name, path, least role.
const MENU: &[(&str, &str, Role)] = &[
    ("Today", "/", Role::Editor),
    ("Items", "/items", Role::Editor),
    ("Articles", "/articles", Role::Editor),
    ("Edition", "/edition", Role::Editor),
    ("Pages", "/pages", Role::Editor),
    ("Sources", "/sources", Role::Editor),
    ("Ways out", "/ways", Role::Editor),
    ("Outlet", "/outlet", Role::Admin),
    ("Members", "/members", Role::Editor),
];

/// What the layout shows.
#[derive(Serialize)]
struct Shown<'a, V> {
    title: &'a str,
    outlet: &'a str,
    language: &'static str,
    style: &'a str,
    script: &'a str,
    mark: &'a str,
    member: Option<&'a str>,
    admin: bool,
    menu: Vec<Door>,
    told: Option<&'static str>,
    view: &'a V,
}

/// The templates, read once.
pub(crate) struct Pages {
    templates: Templates,
    style: String,
    script: String,
}

/// A name that is a file's content, so that browsers can keep it for ever.
fn name_of(content: &str) -> String {
    Sha256::digest(content).iter().take(8).map(|b| format!("{b:02x}")).collect()
}

impl Pages {
    pub(crate) fn new() -> Self {
        let templates = Templates::new(TEMPLATES).expect("a test compiles every template of the desk");
        Self { templates, style: name_of(STYLE), script: name_of(SCRIPT) }
    }

    /// The stylesheet's name: by its content, so that it can be kept for ever.
    pub(crate) fn style(&self) -> &str {
        &self.style
    }

    /// The script's name.
    pub(crate) fn script(&self) -> &str {
        &self.script
    }

    /// A page: `room` is the path that the menu shows as the one we are in.
    pub(crate) fn show(&self, frame: &Frame, room: &str, template: &str, title: &str, view: &impl Serialize) -> Done {
        self.show_as(StatusCode::OK, frame, room, template, title, view)
    }

    /// A page with a status of its own.
    pub(crate) fn show_as(
        &self,
        status: StatusCode,
        frame: &Frame,
        room: &str,
        template: &str,
        title: &str,
        view: &impl Serialize,
    ) -> Done {
        let html = self.draw(frame, room, template, title, view)?;
        let mut page = Response::new(Body::from(html));
        *page.status_mut() = status;
        page.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        Ok(page)
    }

    /// A part of a page, under a tag that changes when it does: `known` is the one that the browser has already.
    pub(crate) fn part(&self, frame: &Frame, template: &str, view: &impl Serialize, known: &str) -> Done {
        let html = self.draw(frame, "", template, "", view)?;
        let tag = format!("\"{}\"", name_of(&html));
        let same = tag == known;
        let mut part = Response::new(if same { Body::empty() } else { Body::from(html) });
        if same {
            *part.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = part.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::ETAG, HeaderValue::try_from(tag).expect("hexadecimal digits in quotation marks"));
        Ok(part)
    }

    fn draw(
        &self,
        frame: &Frame,
        room: &str,
        template: &str,
        title: &str,
        view: &impl Serialize,
    ) -> Result<String, Trouble> {
        let role = frame.member.as_ref().map(|member| member.role);
        let doors = MENU.iter().filter(|(_, _, least)| role.is_some_and(|role| role >= *least));
        let shown = Shown {
            title,
            outlet: &frame.outlet.name,
            language: "en",
            style: &self.style,
            script: &self.script,
            mark: &frame.mark,
            member: frame.member.as_ref().map(|member| member.name.as_str()),
            admin: role == Some(Role::Admin),
            menu: doors.map(|(name, path, _)| Door { name, path, here: *path == room }).collect(),
            told: TOLD.iter().find(|(word, _)| *word == frame.told).map(|(_, line)| *line),
            view,
        };
        Ok(self.templates.render(template, &shown)?)
    }

    /// The page of a problem.
    pub(crate) fn problem(&self, frame: &Frame, status: StatusCode, problem: &Problem) -> Done {
        let view = ProblemView { what: &problem.what, means: &problem.means, act: &problem.act };
        self.show_as(status, frame, "", "problem.html", &problem.what, &view)
    }
}

#[derive(Serialize)]
struct ProblemView<'a> {
    what: &'a str,
    means: &'a str,
    act: &'a str,
}

impl Trouble {
    /// A page that says what is wrong with what was typed is no failure of ours: RFC 9110 §15.5.21.
    pub(crate) const UNFIT: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
}
