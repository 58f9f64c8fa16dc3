//! The doors to a reader's choices: their room, saving, the way back for who was unsubscribed, and the letter with the link.
//!
//! What is saved is durable before the answer. A form that is not ours, or half of one, changes nothing.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use newsroom::{
    Address, AddressFault, Format, Frequency, LinkWish, NewsletterId, ReaderId, SlotId, SubscriptionState, Timing,
};
use press::rooms::{self, Kept, MAIL_LANGUAGES, SignUpFault};
use seal::Purpose;
use store::readers::{self, Standing};
use store::slots;

use super::{BUSY_SECONDS, Form, Hall, Shared, lay_in, room, visitor_of};
use crate::Trouble;
use crate::guard::{Link, form_of};

/// How long a pause may last, in days: after a year nobody remembers having asked for mail.
const PAUSE_DAYS_MAX: i64 = 366;

pub(super) async fn room_of(State(hall): Shared, Link(token): Link) -> Response<Body> {
    let page = show(&hall, &token, Kept::Shown).await;
    hall.answer(page).await
}

pub(super) async fn save(State(hall): Shared, Link(token): Link, request: Request) -> Response<Body> {
    let body = match form_of(request).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let done = take(&hall, &token, &body).await;
    hall.answer(done).await
}

/// A reader's choices as they are kept.
struct Choices {
    standing: Standing,
    format: Format,
    language: String,
    chosen: slots::Chosen,
}

fn read(tx: &store::Read<'_>, reader: ReaderId, newsletter: NewsletterId) -> store::Result<Option<Choices>> {
    let (standing, format) = (readers::standing(tx, reader, newsletter)?, readers::format(tx, reader)?);
    let (mailing, chosen) = (readers::mailing(tx, reader)?, slots::chosen(tx, reader, newsletter)?);
    let (Some(standing), Some(format), Some((_, language)), Some(chosen)) = (standing, format, mailing, chosen) else {
        return Ok(None);
    };
    Ok(Some(Choices { standing, format, language, chosen }))
}

/// The reader's choices as they stand. Who has left has none: their link leads back.
async fn show(hall: &Hall, token: &str, kept: Kept) -> Result<Response<Body>, Trouble> {
    let Some((reader, newsletter)) = hall.holder(token, Purpose::Preferences) else { return hall.bad_link().await };
    let Some(choices) = hall.front.store.read(move |tx| read(tx, reader, newsletter)).await? else {
        return hall.bad_link().await;
    };
    match choices.standing.state {
        SubscriptionState::Active => {}
        SubscriptionState::Unsubscribed => return room(StatusCode::OK, rooms::left(&hall.site().await?, token)),
        SubscriptionState::Pending | SubscriptionState::Suppressed => return hall.bad_link().await,
    }
    let leave = hall.front.tokens.mint(Purpose::Unsubscribe, reader, newsletter.0);
    let shown = rooms::Chosen {
        token,
        leave: leave.as_str(),
        topics: choices.standing.topics,
        format: choices.format,
        timing: &choices.chosen.timing,
        // A pause that is over is none.
        paused_until: choices.chosen.paused_until.as_deref().filter(|until| **until > *today(hall, &choices.chosen)),
        language: &choices.language,
    };
    let status = if kept == Kept::WrongDate { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    room(status, rooms::preferences(&hall.site().await?, shown, kept))
}

/// The reader's local date.
fn today(hall: &Hall, chosen: &slots::Chosen) -> String {
    let outlet = &hall.front.outlet.zone;
    local_date(hall, chosen.timing.zone.as_deref().unwrap_or(outlet)).map_or(String::new(), |date| date.to_string())
}

fn local_date(hall: &Hall, zone: &str) -> Option<Date> {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    Some(zone.to_datetime(Timestamp::from_millisecond(hall.front.world.now()).ok()?).date())
}

async fn take(hall: &Hall, token: &str, body: &[u8]) -> Result<Response<Body>, Trouble> {
    let Some((reader, newsletter)) = hall.holder(token, Purpose::Preferences) else { return hall.bad_link().await };
    let form = Form::read(body);
    let topics = form.topics(&hall.front.store.read(store::topics::list).await?);
    let Some(format) = format_of(&form) else { return show(hall, token, Kept::Shown).await };
    let before = hall.front.store.read(move |tx| read(tx, reader, newsletter)).await?;
    let Some(before) = before else { return hall.bad_link().await };
    let timing = timing_of(&form, &before.chosen.timing);
    let zone = timing.zone.as_deref().unwrap_or(&hall.front.outlet.zone).to_owned();
    let paused_until = match local_date(hall, &zone).map(|today| pause_of(&form, today)) {
        None | Some(Pause::Wrong) => return show(hall, token, Kept::WrongDate).await,
        Some(Pause::Unsaid) => before.chosen.paused_until,
        Some(Pause::No) => None,
        Some(Pause::Until(date)) => Some(date.to_string()),
    };
    let language = form.language.filter(|said| MAIL_LANGUAGES.iter().any(|(tag, _)| tag == said));
    // A tag with a region is kept as long as its reader keeps the language.
    let language = language.filter(|said| before.language.split('-').next() != Some(said.as_str()));
    let wanted = slots::Chosen { timing, paused_until };
    let (fresh, now) = (SlotId(hall.front.world.mint()), hall.front.world.now());
    let keep = move |tx: &store::Write<'_>| {
        if readers::choose(tx, reader, newsletter, topics, format)? {
            slots::choose(tx, reader, newsletter, &wanted, fresh, now)?;
            language.iter().try_for_each(|language| readers::speak(tx, reader, language))?;
        }
        Ok(())
    };
    hall.front.store.write(keep).await?;
    show(hall, token, Kept::Saved).await
}

/// Our form always names a format. What names none is not our form, and must not reset a reader's choices.
fn format_of(form: &Form) -> Option<Format> {
    match form.format.as_deref() {
        Some("text") => Some(Format::Text),
        Some("html") => Some(Format::Html),
        _ => None,
    }
}

/// When copies are to come. What the form does not say, or says in a way that is none, stays as it was.
fn timing_of(form: &Form, before: &Timing) -> Timing {
    let often = form.often.as_deref().and_then(|said| Frequency::EVERY.into_iter().find(|f| f.name() == said));
    let hour = match form.hour.as_deref() {
        Some("") => None,
        Some(said) => said.parse().ok().filter(|hour| (0..24).contains(hour)).or(before.hour),
        None => before.hour,
    };
    let zone = match form.zone.as_deref() {
        Some("") => None,
        Some(said) if rooms::zones().iter().any(|known| known == said) => Some(said.to_owned()),
        _ => before.zone.clone(),
    };
    Timing { frequency: often.unwrap_or(before.frequency), zone, hour }
}

enum Pause {
    /// The form says nothing of it.
    Unsaid,
    No,
    Until(Date),
    /// A date that is none, is past, or too far away.
    Wrong,
}

fn pause_of(form: &Form, today: Date) -> Pause {
    let until = match form.pause.as_deref() {
        None => return Pause::Unsaid,
        Some("weeks") => {
            let weeks =
                form.weeks.as_deref().and_then(|said| said.parse::<i64>().ok()).filter(|n| (1..=52).contains(n));
            weeks.and_then(|weeks| today.checked_add(weeks.weeks()).ok())
        }
        Some("until") => form.until.as_deref().and_then(|said| said.parse().ok()),
        Some(_) => return Pause::No,
    };
    let last = today.checked_add(PAUSE_DAYS_MAX.days()).unwrap_or(today);
    until.filter(|date| *date > today && *date <= last).map_or(Pause::Wrong, Pause::Until)
}

pub(super) async fn come_back(State(hall): Shared, Link(token): Link) -> Response<Body> {
    let done = super::take_back(&hall, &token, Purpose::Preferences).await;
    hall.answer(done).await
}

pub(super) async fn link_room(State(hall): Shared) -> Response<Body> {
    let page = async { room(StatusCode::OK, rooms::choices_link(&hall.site().await?, "", None)) };
    hall.answer(page.await).await
}

pub(super) async fn link(State(hall): Shared, request: Request) -> Response<Body> {
    let visitor = visitor_of(&request);
    let body = match form_of(request).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let done = ask_link(&hall, visitor, &body).await;
    hall.answer(done).await
}

/// The same work and the same page for every address: whether a letter leaves is decided behind the vault.
async fn ask_link(hall: &Hall, visitor: Option<std::net::IpAddr>, body: &[u8]) -> Result<Response<Body>, Trouble> {
    let (front, site, form) = (&hall.front, hall.site().await?, Form::read(body));
    let address = match Address::parse(&form.typed.email) {
        Ok(address) => address,
        Err(fault) => {
            let fault = if fault == AddressFault::Empty { SignUpFault::NoAddress } else { SignUpFault::NotAnAddress };
            let page = rooms::choices_link(&site, &form.typed.email, Some(fault));
            return room(StatusCode::UNPROCESSABLE_ENTITY, page);
        }
    };
    // One budget for both: each asks a relay to carry a letter.
    if !hall.budget.take(visitor, front.world.now()) {
        let page = rooms::choices_link(&site, &form.typed.email, Some(SignUpFault::Busy));
        let mut busy = room(StatusCode::TOO_MANY_REQUESTS, page)?;
        busy.headers_mut().insert(header::RETRY_AFTER, BUSY_SECONDS.into());
        return Ok(busy);
    }
    if !form.bait {
        lay_in(front, LinkWish { newsletter: front.newsletter.id, address }.to_bytes()).await?;
    }
    room(StatusCode::OK, rooms::choices_link_sent(&site))
}

#[cfg(test)]
mod tests {
    use super::*;
    use newsroom::Topics;

    fn form(body: &str) -> Form {
        Form::read(body.as_bytes())
    }

    fn pause(body: &str) -> Option<String> {
        match pause_of(&form(body), "2026-11-24".parse().expect("a date")) {
            Pause::Until(date) => Some(date.to_string()),
            Pause::No => Some("no".into()),
            Pause::Unsaid => Some("unsaid".into()),
            Pause::Wrong => None,
        }
    }

    #[test]
    fn a_pause_ends_within_a_year_or_is_none() {
        assert_eq!(pause("pause=weeks&weeks=2").as_deref(), Some("2026-12-08"));
        assert_eq!(pause("pause=until&until=2027-01-01").as_deref(), Some("2027-01-01"));
        assert_eq!(pause("pause=no&until=2027-01-01").as_deref(), Some("no"));
        assert_eq!(pause("until=2027-01-01").as_deref(), Some("unsaid"));
        for wrong in ["pause=until", "pause=until&until=x", "pause=until&until=2026-11-24", "pause=weeks&weeks=-1"] {
            assert_eq!(pause(wrong), None, "{wrong}");
        }
        assert_eq!(pause("pause=until&until=2029-01-01"), None);
    }

    #[test]
    fn what_a_form_does_not_say_stays_as_it_was() {
        let before = Timing { frequency: Frequency::Weekly, zone: Some("Asia/Tokyo".into()), hour: Some(6) };
        assert_eq!(timing_of(&form("format=html"), &before), before);
        assert_eq!(timing_of(&form("often=hourly&zone=Mars/Base&hour=24"), &before), before);
        let own = Timing { frequency: Frequency::Daily, zone: None, hour: None };
        assert_eq!(timing_of(&form("often=daily&zone=&hour="), &before), own);
        let lisbon = Timing { zone: Some("Europe/Lisbon".into()), hour: Some(20), ..before.clone() };
        assert_eq!(timing_of(&form("zone=Europe/Lisbon&hour=20"), &before), lisbon);
        assert_eq!(form("").topics(&[]), Topics::ALL);
    }
}
