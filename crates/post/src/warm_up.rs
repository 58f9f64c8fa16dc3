//! What a way that is warming up may carry today.
//!
//! A plan gives each day's volume, and goes on only after a day that was used and went well: a day on which less than half
//! was tried, on which too many copies were put off, or on which too many readers complained is had once more. So a plan
//! stretches over weekends and over a receiver's bad mood, and never runs ahead of what was shown to work. When it has run
//! to its end, no cap of it is left. Pure, but for what [`Known::read`] reads.

use std::collections::BTreeMap;

use newsroom::{DAY_MS, Ms, RouteId, WarmUp, WayDay};
use store::{Read, warm_up};

use crate::pace::Allowance;

/// A day counts as used when at least so many percent of its volume were tried.
pub const USED_PERCENT_MIN: i64 = 50;
/// A day went well when at most so many percent of its tries were put off: receivers that know us put off a few.
pub const PUT_OFF_PERCENT_MAX: i64 = 10;
/// And when at most so many of a thousand copies of that day led to a complaint: Gmail and Yahoo ask for less than one.
pub const COMPLAINTS_PER_MILLE_MAX: i64 = 1;
/// Fewer complaints prove nothing: on the first days one would be two in a hundred.
pub const COMPLAINTS_MIN: i64 = 3;
/// More complaints than this are not counted: the plan stands still long before.
const COMPLAINTS_READ_MAX: i64 = 100_000;

/// The difference of the outlet's clock from UTC now, in milliseconds. 0 for a zone that nobody knows.
pub fn offset_ms(zone: &str, now: Ms) -> Ms {
    let found = jiff::tz::TimeZone::get(zone).ok().zip(jiff::Timestamp::from_millisecond(now).ok());
    found.map_or(0, |(zone, now)| Ms::from(zone.to_offset(now).seconds()) * 1_000)
}

/// A moment's day, counted from 1970 by the outlet's clock.
pub fn day_of(at: Ms, offset_ms: Ms) -> i64 {
    (at + offset_ms).div_euclid(DAY_MS)
}

/// Why a plan goes on or stands still, seen from its latest day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It goes on: this day is new.
    Onward,
    /// The day before was not used.
    Unused,
    /// Too many copies of the day before were put off.
    PutOff,
    /// Too many readers complained on the day before.
    Complaints,
}

/// What a plan says of today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Today {
    /// It begins on that day: the way carries nothing before.
    NotYet(i64),
    /// It allows so much.
    Day {
        /// The plan's day, 1 for the first.
        number: usize,
        /// How many days it has.
        of: usize,
        /// Copies today.
        copies: u32,
        /// Tried today so far.
        tried: i64,
        /// Why it is this day.
        why: Why,
    },
    /// It has run to its end: no cap of it is left.
    Done,
}

/// All plans, and what is known of the days since they began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    plans: Vec<WarmUp>,
    days: BTreeMap<(RouteId, i64), WayDay>,
    complaints: BTreeMap<i64, i64>,
    today: i64,
    offset_ms: Ms,
}

impl Known {
    /// Reads the plans and their days as of `now`, by a clock that differs from UTC so much.
    ///
    /// # Errors
    /// The store's.
    pub fn read(tx: &Read, now: Ms, offset_ms: Ms) -> store::Result<Self> {
        let plans = warm_up::plans(tx)?;
        let today = day_of(now, offset_ms);
        let Some(first) = plans.iter().map(|plan| plan.start).min() else {
            return Ok(Self { today, offset_ms, ..Self::default() });
        };
        let days = warm_up::days(tx, first)?.into_iter().map(|day| ((day.route, day.day), day)).collect();
        let mut complaints = BTreeMap::new();
        for at in warm_up::complaints(tx, first * DAY_MS - offset_ms, COMPLAINTS_READ_MAX)? {
            *complaints.entry(day_of(at, offset_ms)).or_default() += 1;
        }
        Ok(Self { plans, days, complaints, today, offset_ms })
    }

    /// What a way's plan says of today; none when it has none.
    pub fn today(&self, route: RouteId) -> Option<Today> {
        self.plans.iter().find(|plan| plan.route == route).map(|plan| self.today_of(plan))
    }

    fn today_of(&self, plan: &WarmUp) -> Today {
        if self.today < plan.start {
            return Today::NotYet(plan.start);
        }
        let (mut done, mut why) = (0, Why::Onward);
        for day in plan.start..self.today {
            let Some(volume) = plan.volumes.get(done) else { break };
            why = self.judge(plan.route, day, *volume);
            done += usize::from(why == Why::Onward);
        }
        let Some(copies) = plan.volumes.get(done).copied() else { return Today::Done };
        let tried = self.days.get(&(plan.route, self.today)).map_or(0, |day| day.tried);
        Today::Day { number: done + 1, of: plan.volumes.len(), copies, tried, why }
    }

    /// Whether a plan goes on after a day.
    fn judge(&self, route: RouteId, day: i64, volume: u32) -> Why {
        let WayDay { tried, put_off, .. } =
            self.days.get(&(route, day)).copied().unwrap_or(WayDay { route, day, tried: 0, put_off: 0 });
        // Readers complain of the mail, whichever way it took: a complaint counts for every way that day.
        let complaints = self.complaints.get(&day).copied().unwrap_or(0);
        let all: i64 = self.days.values().filter(|other| other.day == day).map(|other| other.tried).sum();
        if tried * 100 < i64::from(volume) * USED_PERCENT_MIN {
            Why::Unused
        } else if put_off * 100 > tried * PUT_OFF_PERCENT_MAX {
            Why::PutOff
        } else if complaints >= COMPLAINTS_MIN && complaints * 1_000 > all * COMPLAINTS_PER_MILLE_MAX {
            Why::Complaints
        } else {
            Why::Onward
        }
    }

    /// The cap that a way's plan sets from today on; none when it sets none.
    pub fn allowance(&self, route: RouteId) -> Option<Allowance> {
        let (from, copies) = match self.today(route)? {
            // The day it begins is the first one's.
            Today::NotYet(start) => (start, self.plans.iter().find(|p| p.route == route)?.volumes[0]),
            Today::Day { copies, .. } => (self.today, copies),
            Today::Done => return None,
        };
        Some(Allowance { from, copies, offset_ms: self.offset_ms })
    }

    /// What a way's plan says of today, in a sentence; none when it has no plan.
    pub fn told(&self, route: RouteId) -> Option<String> {
        Some(match self.today(route)? {
            Today::NotYet(start) => format!("Warming up begins on {}: it carries nothing before.", date(start)),
            Today::Done => "Warmed up: its plan has run to its end, and sets no cap any more.".to_owned(),
            Today::Day { number, of, copies, tried, why } => {
                let why = match why {
                    Why::Onward => "",
                    Why::Unused => " The day before was not used, so it is had once more.",
                    Why::PutOff => " Too many copies were put off the day before, so it is had once more.",
                    Why::Complaints => " Too many readers complained the day before, so it is had once more.",
                };
                format!("Warming up, day {number} of {of}: {copies} copies today, {tried} tried so far.{why}")
            }
        })
    }
}

/// A day as people write it.
pub fn date(day: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(day.saturating_mul(DAY_MS)).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: RouteId = RouteId(2);
    const OLD: RouteId = RouteId(1);
    const START: i64 = 20_454;

    /// A plan of three days, with each past day's tries and copies put off by the new way, and complaints.
    fn known(days: &[(i64, i64, i64)]) -> Known {
        let day = |(n, (tried, put_off, _)): (i64, &(i64, i64, i64))| {
            let (day, tried, put_off) = (START + n, *tried, *put_off);
            [WayDay { route: NEW, day, tried, put_off }, WayDay { route: OLD, day, tried: 1_000, put_off: 0 }]
        };
        let all = (0..).zip(days).flat_map(day).map(|day| ((day.route, day.day), day)).collect();
        Known {
            plans: vec![WarmUp { route: NEW, start: START, volumes: vec![50, 100, 500] }],
            days: all,
            complaints: (START..).zip(days).map(|(day, (.., complaints))| (day, *complaints)).collect(),
            today: START + i64::try_from(days.len()).unwrap(),
            offset_ms: 0,
        }
    }

    fn check(days: &[(i64, i64, i64)]) -> (usize, Why) {
        match known(days).today(NEW) {
            Some(Today::Day { number, why, .. }) => (number, why),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_plan_goes_on_after_a_day_that_was_used_and_went_well() {
        assert_eq!(check(&[]), (1, Why::Onward));
        assert_eq!(check(&[(50, 5, 0)]), (2, Why::Onward));
        assert_eq!(check(&[(25, 0, 2)]), (2, Why::Onward), "half is enough, and two complaints prove nothing");
        assert_eq!(check(&[(50, 0, 0), (100, 0, 0)]), (3, Why::Onward));
        assert_eq!(known(&[(50, 0, 0), (100, 0, 0), (499, 0, 0)]).today(NEW), Some(Today::Done));
        assert_eq!(known(&[(50, 0, 0), (100, 0, 0), (499, 0, 0)]).allowance(NEW), None);
        assert_eq!(known(&[]).today(OLD), None);
    }

    #[test]
    fn a_plan_stretches_over_a_day_that_was_not_used_or_did_not_go_well() {
        assert_eq!(check(&[(24, 0, 0)]), (1, Why::Unused));
        assert_eq!(check(&[(0, 0, 0), (0, 0, 0), (50, 0, 0), (0, 0, 0)]), (2, Why::Unused));
        assert_eq!(check(&[(50, 6, 0)]), (1, Why::PutOff));
        assert_eq!(check(&[(50, 0, 3)]), (1, Why::Complaints), "three of 1,050 copies");
        assert_eq!(check(&[(50, 6, 0), (50, 0, 0)]), (2, Why::Onward));
    }

    #[test]
    fn before_its_first_day_a_way_carries_nothing() {
        let before = Known { today: START - 1, ..known(&[]) };
        assert_eq!(before.today(NEW), Some(Today::NotYet(START)));
        assert_eq!(before.allowance(NEW), Some(Allowance { from: START, copies: 50, offset_ms: 0 }));
        assert_eq!(before.told(NEW).unwrap(), "Warming up begins on 2026-01-01: it carries nothing before.");
    }

    #[test]
    fn days_are_the_outlets_own() {
        let midnight_in_lisbon = 1_782_860_400_000;
        let offset = offset_ms("Europe/Lisbon", midnight_in_lisbon);
        assert_eq!(offset, newsroom::HOUR_MS, "in summer");
        let days = [midnight_in_lisbon - 1, midnight_in_lisbon].map(|at| date(day_of(at, offset)));
        assert_eq!(days, ["2026-06-30", "2026-07-01"]);
        assert_eq!(offset_ms("Nowhere/Else", 0), 0);
    }
}
