//! The reader's rooms: the pages behind the links in mail, rendered live by `front` in the theme of the site.
//!
//! Each is one form with one button at most. A GET shows the page and changes nothing; the button's POST acts. No room
//! tells whether an address was known, and none holds an address in its own address.

use newsroom::{Format, Problem, Topics};
use serde::Serialize;

use crate::{
    PressError, Site,
    context::{SignUp, TopicLink, topic_link},
    page::{self, head},
    text,
    words::Words,
};

/// What came in with a sign-up that could not be taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// The address as it was typed, to be shown again.
    pub email: String,
    /// Slugs of the topics that were ticked.
    pub topics: Vec<String>,
}

/// Why a sign-up could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUpFault {
    /// No address.
    NoAddress,
    /// What was typed is no address that mail can reach.
    NotAnAddress,
    /// Too many sign-ups: later.
    Busy,
}

/// A room's page.
#[derive(Serialize)]
struct RoomPart {
    room: Room,
}

#[derive(Default, Serialize)]
struct Room {
    heading: String,
    paragraphs: Vec<String>,
    button: Option<Button>,
    /// The sign-up form stands below.
    form: bool,
    /// A link to the front page stands below.
    home: bool,
    /// The form of a reader's choices stands below.
    choices: Option<Choices>,
}

/// A reader's choices, as their form shows them.
#[derive(Serialize)]
struct Choices {
    /// The path that the form posts to.
    action: String,
    topics: Vec<TopicLink>,
    plain: bool,
    /// The page with the one button that ends the subscription.
    leave: String,
}

#[derive(Serialize)]
struct Button {
    /// The path that the button posts to.
    action: String,
    /// What stands above it.
    text: &'static str,
    label: &'static str,
    /// It undoes: drawn with less weight.
    quiet: bool,
}

/// After a sign-up was taken. The same page whether the address was known or not (P23).
///
/// # Errors
/// [`PressError::Theme`] when the template fails, as for every room.
pub fn check_mail(site: &Site) -> Result<Vec<u8>, PressError> {
    plain(site, |words| (words.check_mail, vec![words.check_mail_text, words.check_mail_late]))
}

/// The sign-up form again, with what was typed and what is wrong with it.
///
/// # Errors
/// As [`check_mail`].
pub fn sign_up_problem(site: &Site, typed: &Typed, fault: SignUpFault) -> Result<Vec<u8>, PressError> {
    let words = site.words();
    let told = match fault {
        SignUpFault::NoAddress => words.fault_empty,
        SignUpFault::NotAnAddress => words.fault_shape,
        SignUpFault::Busy => words.fault_again,
    };
    let chosen = |topic: &newsroom::Topic| {
        let chosen = typed.topics.contains(&topic.slug);
        TopicLink { chosen, ..topic_link(topic) }
    };
    let topics = site.view.topics.iter().map(chosen).collect();
    let form = SignUp { email: shown(&typed.email), topics, fault: Some(told), ..site.sign_up() };
    let room = Room { heading: words.sign_up_again.to_owned(), form: true, ..Room::default() };
    render(site, room, form)
}

/// Behind the link in the opt-in letter: one button that posts to `/confirm/<token>`.
///
/// # Errors
/// As [`check_mail`].
pub fn confirm(site: &Site, token: &str) -> Result<Vec<u8>, PressError> {
    one_button(site, |words| {
        let action = format!("/confirm/{}", text::segment(token));
        let button = Button { action, text: "", label: words.confirm_button, quiet: false };
        (words.confirm, words.confirm_text, button)
    })
}

/// After the subscription was confirmed.
///
/// # Errors
/// As [`check_mail`].
pub fn confirmed(site: &Site) -> Result<Vec<u8>, PressError> {
    plain(site, |words| (words.confirmed, vec![words.confirmed_text]))
}

/// Behind the link at the foot of each copy: one button that posts to `/unsubscribe/<token>`.
///
/// # Errors
/// As [`check_mail`].
pub fn unsubscribe(site: &Site, token: &str) -> Result<Vec<u8>, PressError> {
    one_button(site, |words| {
        let action = format!("/unsubscribe/{}", text::segment(token));
        let button = Button { action, text: "", label: words.unsubscribe_button, quiet: false };
        (words.unsubscribe, words.unsubscribe_text, button)
    })
}

/// After unsubscribing: with a button that undoes it, posting to `/unsubscribe/<token>/undo`.
///
/// # Errors
/// As [`check_mail`].
pub fn unsubscribed(site: &Site, token: &str) -> Result<Vec<u8>, PressError> {
    one_button(site, |words| {
        let action = format!("/unsubscribe/{}/undo", text::segment(token));
        let button = Button { action, text: words.undo_text, label: words.undo_button, quiet: true };
        (words.unsubscribed, words.unsubscribed_text, button)
    })
}

/// After the unsubscribing was undone.
///
/// # Errors
/// As [`check_mail`].
pub fn undone(site: &Site) -> Result<Vec<u8>, PressError> {
    plain(site, |words| (words.undone, vec![words.undone_text]))
}

/// What a reader has chosen, and the links of their room.
#[derive(Clone, Copy, Debug)]
pub struct Chosen<'a> {
    /// The token of the room itself: the form posts to `/preferences/<token>`.
    pub token: &'a str,
    /// The token that ends the subscription, behind a page with a button.
    pub leave: &'a str,
    /// The topics chosen.
    pub topics: Topics,
    /// How the copy is made up.
    pub format: Format,
}

/// Behind the preferences link at the foot of each copy: a reader's choices in one form. `saved` says that they have just
/// been kept.
///
/// # Errors
/// As [`check_mail`].
pub fn preferences(site: &Site, chosen: Chosen<'_>, saved: bool) -> Result<Vec<u8>, PressError> {
    let words = site.words();
    let ticked = |topic: &newsroom::Topic| TopicLink { chosen: chosen.topics.has(topic.bit), ..topic_link(topic) };
    let choices = Choices {
        action: format!("/preferences/{}", text::segment(chosen.token)),
        topics: site.view.topics.iter().map(ticked).collect(),
        plain: chosen.format == Format::Text,
        leave: format!("/unsubscribe/{}", text::segment(chosen.leave)),
    };
    let said = if saved { words.choices_saved } else { words.choices_text };
    let room = Room {
        heading: words.choices.to_owned(),
        paragraphs: vec![said.to_owned()],
        choices: Some(choices),
        ..Room::default()
    };
    render(site, room, site.sign_up())
}

/// For a token that is none, or no longer one: with the sign-up form, so that nobody is stranded.
///
/// # Errors
/// As [`check_mail`].
pub fn link_not_valid(site: &Site) -> Result<Vec<u8>, PressError> {
    let words = site.words();
    let paragraphs = vec![words.link_dead_text.to_owned()];
    let room = Room { heading: words.link_dead.to_owned(), paragraphs, form: true, ..Room::default() };
    render(site, room, site.sign_up())
}

/// Anything else that went wrong: what happened, what it means, what to do.
///
/// # Errors
/// As [`check_mail`].
pub fn problem(site: &Site, problem: &Problem) -> Result<Vec<u8>, PressError> {
    let paragraphs = [&problem.what, &problem.means, &problem.act].map(|sentence| text::line(sentence));
    let paragraphs = paragraphs.into_iter().filter(|sentence| !sentence.is_empty()).collect();
    let room = Room { heading: site.words().problem.to_owned(), paragraphs, home: true, ..Room::default() };
    render(site, room, site.sign_up())
}

fn plain(site: &Site, say: impl Fn(&Words) -> (&'static str, Vec<&'static str>)) -> Result<Vec<u8>, PressError> {
    let (heading, paragraphs) = say(site.words());
    let paragraphs = paragraphs.into_iter().map(str::to_owned).collect();
    let room = Room { heading: heading.to_owned(), paragraphs, home: true, ..Room::default() };
    render(site, room, site.sign_up())
}

fn one_button(
    site: &Site,
    say: impl Fn(&Words) -> (&'static str, &'static str, Button),
) -> Result<Vec<u8>, PressError> {
    let (heading, paragraph, button) = say(site.words());
    let paragraphs = vec![paragraph.to_owned()];
    let room = Room { heading: heading.to_owned(), paragraphs, button: Some(button), ..Room::default() };
    render(site, room, site.sign_up())
}

fn render(site: &Site, room: Room, sign_up: SignUp) -> Result<Vec<u8>, PressError> {
    let mut page = head(site, "room", &room.heading, String::new());
    page.robots = "noindex";
    page.canonical = None;
    page::whole_with(site, "room.html", page, sign_up, RoomPart { room })
}

/// What was typed, cut to the length an address may have.
fn shown(typed: &str) -> String {
    text::line(typed).chars().take(newsroom::ADDRESS_BYTES_MAX).collect()
}
