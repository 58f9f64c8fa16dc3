//! When a slot's turn comes: pure decisions from a clock, a zone and a choice. Nothing here reads a clock or the store.
//!
//! A turn comes at its hour on the reader's local date: in a gap of daylight saving time at the first instant after it, in
//! an overlap at the first of the two. A date that a zone skips has no turn. Zones come from jiff's bundled database
//! alone, so that every machine decides alike.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use newsroom::{EditionKind, Frequency, HOUR_MS, Ms, Slot, SlotId, Timing, Turn};
use store::slots::Clock;

/// A turn that comes later than this is held and asks, unless the outlet set another limit: the news has moved on.
pub const LATE_AFTER_H: i64 = 6;
/// When nobody looked at the clock for longer than this, every turn asks before it departs, late or not: the machine may be
/// a restored copy, or its clock may be wrong by a year, and an edition cannot be called back.
pub const AWAY_MS: Ms = 48 * HOUR_MS;
/// A clock that stands this far before the moment it was last looked at has been set back, and decides nothing.
pub const BACKWARDS_MS: Ms = 6 * HOUR_MS;
/// How far back a turn is looked for, in days: a week, and the day that a zone may have skipped.
const DAYS_BACK: i64 = 8;

/// The outlet's own hours.
#[derive(Clone, Debug)]
pub struct Hours {
    /// Its zone.
    pub zone: TimeZone,
    /// Its hour of departure, 0 to 23.
    pub hour: i8,
    /// The day of its weekly edition.
    pub weekday: Weekday,
    /// When its own departure's line-up closes, on the day.
    pub cutoff: Time,
    /// A turn later than this is held, in milliseconds.
    pub late_after_ms: Ms,
}

/// Whether a turn may depart by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Punctual {
    /// It is in time.
    InTime,
    /// It came too late: a person is asked.
    Late,
}

/// A turn that has come and is undecided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Whose, when, of which date.
    pub turn: Turn,
    /// In time or not.
    pub punctual: Punctual,
}

/// What the clock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// These turns have come, the earliest first.
    Due(Vec<Due>),
    /// The clock was set back: nothing is decided.
    Backwards,
}

/// The instant of `hour` on a local date. `None`: the zone skipped that date.
pub fn instant(zone: &TimeZone, date: Date, hour: i8) -> Option<Ms> {
    let wanted = date.at(hour, 0, 0, 0);
    let at = match zone.to_ambiguous_timestamp(wanted).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wanted).ok()?,
        // The clocks were set back: the first of the two.
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(wanted).ok()?,
        // Read with the offset after the gap, the wanted time lies before the transition.
        AmbiguousOffset::Gap { after, .. } => zone.following(after.to_timestamp(wanted).ok()?).next()?.timestamp(),
    };
    (zone.to_datetime(at).date() == date).then(|| at.as_millisecond())
}

/// The latest turn of a choice at or before `now`: its local date and instant. `None` for one that has no turns, or whose
/// zone is not known.
pub fn latest(timing: &Timing, hours: &Hours, now: Ms) -> Option<(Date, Ms)> {
    let zone = match &timing.zone {
        Some(name) => TimeZone::get(name).ok()?,
        None => hours.zone.clone(),
    };
    let hour = timing.hour.unwrap_or(hours.hour);
    // The clocks may have been set back over midnight: tomorrow may have begun already.
    let tomorrow = local_date(&zone, now)?.tomorrow().ok()?;
    (0..=DAYS_BACK + 1).find_map(|back| {
        let date = tomorrow.checked_sub(back.days()).ok()?;
        let wanted = match timing.frequency {
            Frequency::Daily => true,
            Frequency::Weekly => date.weekday() == hours.weekday,
            Frequency::Breaking => false,
        };
        let at = wanted.then(|| instant(&zone, date, hour)).flatten()?;
        (at <= now).then_some((date, at))
    })
}

/// The first turn of a choice after `now`: its local date and instant.
pub fn next(timing: &Timing, hours: &Hours, now: Ms) -> Option<(Date, Ms)> {
    let zone = match &timing.zone {
        Some(name) => TimeZone::get(name).ok()?,
        None => hours.zone.clone(),
    };
    let hour = timing.hour.unwrap_or(hours.hour);
    let today = local_date(&zone, now)?;
    (0..=DAYS_BACK).find_map(|ahead| {
        let date = today.checked_add(ahead.days()).ok()?;
        let wanted = match timing.frequency {
            Frequency::Daily => true,
            Frequency::Weekly => date.weekday() == hours.weekday,
            Frequency::Breaking => false,
        };
        let at = wanted.then(|| instant(&zone, date, hour)).flatten()?;
        (at > now).then_some((date, at))
    })
}

/// The local date at a moment.
pub fn local_date(zone: &TimeZone, moment: Ms) -> Option<Date> {
    Some(zone.to_datetime(Timestamp::from_millisecond(moment).ok()?).date())
}

/// The earliest date that a turn looked for at `now` can have, anywhere on earth.
pub fn earliest_date(now: Ms) -> Option<Date> {
    local_date(&TimeZone::UTC, now)?.checked_sub((DAYS_BACK + 2).days()).ok()
}

/// Which turns have come and are undecided. Slots that share kind, date and instant are one turn.
pub fn due(slots: &[Slot], decided: &BTreeSet<(SlotId, String)>, hours: &Hours, clock: Clock, now: Ms) -> Sight {
    if clock.seen - now > BACKWARDS_MS {
        return Sight::Backwards;
    }
    let mut turns: BTreeMap<(Ms, String, EditionKind), Vec<SlotId>> = BTreeMap::new();
    for slot in slots {
        let Some((date, at)) = latest(&slot.timing, hours, now) else { continue };
        let date = date.to_string();
        if at <= clock.since.max(slot.since) || decided.contains(&(slot.id, date.clone())) {
            continue;
        }
        turns.entry((at, date, slot.timing.frequency.kind())).or_default().push(slot.id);
    }
    let away = now - clock.seen > AWAY_MS;
    let due = turns.into_iter().map(|((instant, date, kind), slots)| {
        let late = away || now - instant > hours.late_after_ms;
        let punctual = if late { Punctual::Late } else { Punctual::InTime };
        Due { turn: Turn { kind, date, instant, slots }, punctual }
    });
    Sight::Due(due.collect())
}

/// The moment at which the outlet's own line-up closed for a departure at `instant`: what is published later waits for the
/// next. `None` when the departure is another hour's, and takes the line-up as it then stands.
pub fn closed_at(hours: &Hours, instant_ms: Ms) -> Option<Ms> {
    let date = local_date(&hours.zone, instant_ms)?;
    let own = instant(&hours.zone, date, hours.hour)?;
    let closed = hours.zone.to_timestamp(date.to_datetime(hours.cutoff)).ok()?.as_millisecond();
    (instant_ms == own && closed <= instant_ms).then_some(closed)
}

/// The local date whose line-up has closed, while it is still time to give the word for it: from the cutoff until a
/// departure would be held.
pub fn closing(hours: &Hours, now: Ms) -> Option<Date> {
    let date = local_date(&hours.zone, now)?;
    let closed = hours.zone.to_timestamp(date.to_datetime(hours.cutoff)).ok()?.as_millisecond();
    let own = instant(&hours.zone, date, hours.hour)?;
    (closed <= now && now <= own + hours.late_after_ms).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(zone: &str) -> Hours {
        Hours {
            zone: TimeZone::get(zone).expect("a zone of the bundled database"),
            hour: 7,
            weekday: Weekday::Sunday,
            cutoff: jiff::civil::time(6, 30, 0, 0),
            late_after_ms: LATE_AFTER_H * HOUR_MS,
        }
    }

    fn ms(text: &str) -> Ms {
        text.parse::<Timestamp>().expect("a moment").as_millisecond()
    }

    fn at(zone: &str, date: &str, hour: i8) -> Option<String> {
        let zone = TimeZone::get(zone).expect("a zone");
        let at = instant(&zone, date.parse().expect("a date"), hour)?;
        Some(Timestamp::from_millisecond(at).expect("in range").to_string())
    }

    #[test]
    fn a_turn_in_a_gap_comes_first_thing_after_it_and_in_an_overlap_the_first_time() {
        assert_eq!(at("Europe/Madrid", "2026-03-29", 7).as_deref(), Some("2026-03-29T05:00:00Z"));
        // 02:00 does not exist that day: the clocks go from 02:00 to 03:00 at 01:00 UTC.
        assert_eq!(at("Europe/Madrid", "2026-03-29", 2).as_deref(), Some("2026-03-29T01:00:00Z"));
        // 02:00 comes twice that day.
        assert_eq!(at("Europe/Madrid", "2026-10-25", 2).as_deref(), Some("2026-10-25T00:00:00Z"));
        // A gap of half an hour, from 02:00 to 02:30; and one at midnight.
        assert_eq!(at("Australia/Lord_Howe", "2026-10-04", 2).as_deref(), Some("2026-10-03T15:30:00Z"));
        assert_eq!(at("Africa/Cairo", "2026-04-24", 0).as_deref(), Some("2026-04-23T22:00:00Z"));
    }

    #[test]
    fn a_date_that_a_zone_skipped_has_no_turn() {
        // Samoa went from 29 to 31 December 2011.
        assert_eq!(at("Pacific/Apia", "2011-12-30", 7), None);
        assert!(at("Pacific/Apia", "2011-12-29", 7).is_some() && at("Pacific/Apia", "2011-12-31", 0).is_some());
    }

    #[test]
    fn the_date_is_the_readers() {
        let tokyo = Timing { zone: Some("Asia/Tokyo".into()), ..Timing::OUTLETS };
        let (date, at) = latest(&tokyo, &hours("Europe/Lisbon"), ms("2026-11-23T22:00:00Z")).expect("a turn");
        assert_eq!((date.to_string().as_str(), at), ("2026-11-24", ms("2026-11-23T22:00:00Z")));
        let (before, _) = latest(&tokyo, &hours("Europe/Lisbon"), ms("2026-11-23T21:59:59Z")).expect("a turn");
        assert_eq!(before.to_string(), "2026-11-23");
        let (next, _) = next(&tokyo, &hours("Europe/Lisbon"), ms("2026-11-23T22:00:00Z")).expect("a turn");
        assert_eq!(next.to_string(), "2026-11-25");
    }

    fn sight(seen: &str, now: &str) -> Sight {
        let slot = Slot { id: SlotId::DAILY, timing: Timing::OUTLETS, since: 0 };
        let clock = Clock { since: ms("2026-01-01T00:00:00Z"), seen: ms(seen) };
        due(&[slot], &BTreeSet::new(), &hours("UTC"), clock, ms(now))
    }

    fn punctual(sight: Sight) -> Vec<Punctual> {
        let Sight::Due(due) = sight else { panic!("the clock was not set back") };
        due.into_iter().map(|d| d.punctual).collect()
    }

    #[test]
    fn a_late_turn_is_held_and_so_is_every_turn_after_a_long_absence() {
        let seen = "2026-11-24T06:59:00Z";
        assert_eq!(punctual(sight(seen, "2026-11-24T07:00:00Z")), [Punctual::InTime]);
        assert_eq!(punctual(sight(seen, "2026-11-24T13:00:00Z")), [Punctual::InTime]);
        assert_eq!(punctual(sight(seen, "2026-11-24T13:00:01Z")), [Punctual::Late]);
        assert_eq!(punctual(sight("2026-11-22T06:59:00Z", "2026-11-24T07:00:00Z")), [Punctual::Late]);
        assert_eq!(sight("2027-11-24T06:59:00Z", "2026-11-24T07:00:00Z"), Sight::Backwards);
    }

    #[test]
    fn nothing_is_due_from_before_the_clock_was_first_looked_at() {
        let slot = Slot { id: SlotId::DAILY, timing: Timing::OUTLETS, since: 0 };
        let now = ms("2026-11-24T10:00:00Z");
        let none = due(&[slot], &BTreeSet::new(), &hours("UTC"), Clock { since: now, seen: now }, now);
        assert_eq!(none, Sight::Due(Vec::new()));
    }

    #[test]
    fn weekly_turns_come_on_the_outlets_day_and_breaking_ones_never() {
        let of =
            |frequency| latest(&Timing { frequency, ..Timing::OUTLETS }, &hours("UTC"), ms("2026-11-28T07:00:00Z"));
        assert_eq!(of(Frequency::Weekly).map(|(date, _)| date.to_string()).as_deref(), Some("2026-11-22"));
        assert_eq!(of(Frequency::Breaking), None);
    }

    #[test]
    fn the_line_up_closes_for_the_outlets_own_departure_alone() {
        let lisbon = hours("Europe/Lisbon");
        assert_eq!(closed_at(&lisbon, ms("2026-11-24T07:00:00Z")), Some(ms("2026-11-24T06:30:00Z")));
        assert_eq!(closed_at(&lisbon, ms("2026-11-24T20:00:00Z")), None);
    }
}
