//! The reader's rooms: the pages behind the links in mail, rendered live by `front` in the theme of the site.
//!
//! Each is one form with one button at most. A GET shows the page and changes nothing; the button's POST acts. No room
//! tells whether an address was known, and none holds an address in its own address.

use newsroom::{Format, Frequency, Problem, Timing, Topics};
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
    /// The form that asks for the link to them stands below.
    link: bool,
    /// What was typed into it, and what is wrong with that.
    typed: String,
    fault: Option<&'static str>,
}

/// A reader's choices, as their form shows them.
#[derive(Serialize)]
struct Choices {
    /// The path that the form posts to.
    action: String,
    topics: Vec<TopicLink>,
    plain: bool,
    often: Vec<Pick>,
    hours: Vec<Pick>,
    zone_is_outlets: bool,
    regions: Vec<Region>,
    languages: Vec<Pick>,
    weeks: Vec<Pick>,
    /// The date that a pause lasts to; empty: there is none.
    paused_until: String,
    fault: Option<&'static str>,
    /// The page with the one button that ends the subscription.
    leave: String,
}

/// One thing to choose.
#[derive(Serialize)]
struct Pick {
    value: String,
    label: String,
    lang: Option<&'static str>,
    chosen: bool,
}

/// The zones of one part of the world.
#[derive(Serialize)]
struct Region {
    name: String,
    zones: Vec<Pick>,
}

/// The languages that mail speaks, by their own names.
pub const MAIL_LANGUAGES: [(&str, &str); 5] =
    [("en", "English"), ("ar", "العربية"), ("es", "Español"), ("fr", "Français"), ("zh", "中文")];

/// The zones to choose from: those of the bundled database that are named after a place. Old names for a country or an
/// offset are left out.
pub fn zones() -> &'static [String] {
    const REGIONS: [&str; 10] =
        ["Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];
    static ZONES: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
        let named = |name: &str| name.split_once('/').is_some_and(|(region, _)| REGIONS.contains(&region));
        let mut zones: Vec<String> =
            jiff::tz::db().available().map(|name| name.to_string()).filter(|name| named(name)).collect();
        zones.sort();
        zones
    });
    &ZONES
}

fn regions(chosen: Option<&str>) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    let known = zones().iter().map(String::as_str);
    // A zone that came with an import may bear another name: it is shown all the same.
    let strange = chosen.filter(|zone| !zones().iter().any(|known| known == zone));
    for zone in known.chain(strange) {
        let (name, place) = zone.split_once('/').unwrap_or(("UTC", zone));
        let label = place.replace('_', " ").replace('/', " – ");
        let pick = Pick { value: zone.to_owned(), label, lang: None, chosen: chosen == Some(zone) };
        match regions.last_mut().filter(|region| region.name == name) {
            Some(region) => region.zones.push(pick),
            None => regions.push(Region { name: name.to_owned(), zones: vec![pick] }),
        }
    }
    regions
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
        let button = Button { action, text: words.unsubscribe_friend, label: words.unsubscribe_button, quiet: false };
        (words.unsubscribe, words.unsubscribe_text, button)
    })
}

/// Behind the preferences link of a reader who has left: one button that brings them back, posting to
/// `/preferences/<token>/back`. Any mail they ever had leads here, should somebody else have pressed for them.
///
/// # Errors
/// As [`check_mail`].
pub fn left(site: &Site, token: &str) -> Result<Vec<u8>, PressError> {
    one_button(site, |words| {
        let action = format!("/preferences/{}/back", text::segment(token));
        let button = Button { action, text: "", label: words.back_button, quiet: false };
        (words.back, words.back_text, button)
    })
}

/// The form that asks for the link to one's choices, posting to `/preferences`; with what was typed and what is wrong with
/// it, when it comes again.
///
/// # Errors
/// As [`check_mail`].
pub fn choices_link(site: &Site, typed: &str, fault: Option<SignUpFault>) -> Result<Vec<u8>, PressError> {
    let words = site.words();
    let fault = fault.map(|fault| match fault {
        SignUpFault::NoAddress => words.fault_empty,
        SignUpFault::NotAnAddress => words.fault_shape,
        SignUpFault::Busy => words.fault_again,
    });
    let room = Room {
        heading: words.choices_link.to_owned(),
        paragraphs: vec![words.choices_link_text.to_owned()],
        link: true,
        typed: shown(typed),
        fault,
        ..Room::default()
    };
    render(site, room, site.sign_up())
}

/// After the link was asked for. The same page whether the address is known or not (P23).
///
/// # Errors
/// As [`check_mail`].
pub fn choices_link_sent(site: &Site) -> Result<Vec<u8>, PressError> {
    plain(site, |words| (words.choices_link_sent, vec![words.choices_link_sent_text]))
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
    /// When it comes.
    pub timing: &'a Timing,
    /// The local date on which mail comes again, `YYYY-MM-DD`; `None` when it is not paused.
    pub paused_until: Option<&'a str>,
    /// The language of the mail's own words.
    pub language: &'a str,
}

/// What became of the choices that were sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// None were sent in.
    Shown,
    /// They are durable.
    Saved,
    /// The date of the pause is none: nothing was changed.
    WrongDate,
}

/// Behind the preferences link at the foot of each copy: a reader's choices in one form.
///
/// # Errors
/// As [`check_mail`].
pub fn preferences(site: &Site, chosen: Chosen<'_>, kept: Kept) -> Result<Vec<u8>, PressError> {
    let words = site.words();
    let said = if kept == Kept::Saved { words.choices_saved } else { words.choices_text };
    let room = Room {
        heading: words.choices.to_owned(),
        paragraphs: vec![said.to_owned()],
        choices: Some(choices(site, &chosen, kept)),
        ..Room::default()
    };
    render(site, room, site.sign_up())
}

fn choices(site: &Site, chosen: &Chosen<'_>, kept: Kept) -> Choices {
    let words = site.words();
    let ticked = |topic: &newsroom::Topic| TopicLink { chosen: chosen.topics.has(topic.bit), ..topic_link(topic) };
    let often = Frequency::EVERY.map(|frequency| {
        let label = match frequency {
            Frequency::Daily => words.choices_daily,
            Frequency::Weekly => words.choices_weekly,
            Frequency::Breaking => words.choices_breaking,
        };
        let value = frequency.name().to_owned();
        Pick { value, label: label.to_owned(), lang: None, chosen: chosen.timing.frequency == frequency }
    });
    let hour = |hour: i8| {
        let label = format!("{hour:02}:00");
        Pick { value: hour.to_string(), label, lang: None, chosen: chosen.timing.hour == Some(hour) }
    };
    let own = chosen.language.split('-').next().unwrap_or_default();
    let language = |(tag, name): (&'static str, &str)| Pick {
        value: tag.to_owned(),
        label: name.to_owned(),
        lang: Some(tag),
        chosen: own == tag,
    };
    let weeks = [
        ("1", words.choices_one_week),
        ("2", words.choices_two_weeks),
        ("4", words.choices_four_weeks),
        ("8", words.choices_eight_weeks),
    ];
    let week = |(value, label): (&str, &str)| Pick {
        value: value.to_owned(),
        label: label.to_owned(),
        lang: None,
        chosen: value == "2",
    };
    Choices {
        action: format!("/preferences/{}", text::segment(chosen.token)),
        topics: site.view.topics.iter().map(ticked).collect(),
        plain: chosen.format == Format::Text,
        often: often.into(),
        hours: (0..24).map(hour).collect(),
        zone_is_outlets: chosen.timing.zone.is_none(),
        regions: regions(chosen.timing.zone.as_deref()),
        languages: MAIL_LANGUAGES.into_iter().map(language).collect(),
        weeks: weeks.into_iter().map(week).collect(),
        paused_until: chosen.paused_until.unwrap_or_default().to_owned(),
        fault: (kept == Kept::WrongDate).then_some(words.choices_date_wrong),
        leave: format!("/unsubscribe/{}", text::segment(chosen.leave)),
    }
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
