//! How much a way out takes from us: so many copies a second, a minute, an hour and a day, and never more.
//!
//! Copies leave evenly, with little caught up; an hour is any 60 minutes and a day any 24 hours, because relays count them
//! so. What was tried before this poster began is read from the ledger, so that a restart does not give a second allowance.
//! [`outlook`] says ahead of time what will have left by when: never more than will.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use newsroom::{DAY_MS, HOUR_MS, MINUTE_MS, Ms, SECOND_MS};

use crate::warm_up::day_of;

/// How much a way out takes from us. None: as much as we have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Copies in any second.
    pub per_second: Option<u32>,
    /// Copies in any 60 seconds.
    pub per_minute: Option<u32>,
    /// Copies in any 60 minutes.
    pub per_hour: Option<u32>,
    /// Copies in any 24 hours.
    pub per_day: Option<u32>,
    /// What a plan for warming up allows.
    pub allowance: Option<Allowance>,
}

/// So many copies on each day of the outlet's clock, and none before the first. Later days are reckoned as today: only when
/// this day is over is it known whether the plan goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The first day, counted from 1970.
    pub from: i64,
    /// Copies a day.
    pub copies: u32,
    /// How much the outlet's clock differs from UTC, in milliseconds.
    pub offset_ms: Ms,
}

impl Caps {
    /// Whether there is none.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether any of them counts what was tried before the poster began.
    pub fn look_back(&self) -> bool {
        self.per_hour.is_some() || self.per_day.is_some() || self.allowance.is_some()
    }

    fn evens(&self, now: Ms) -> Vec<Even> {
        let second = self.per_second.map(|cap| Even::new(cap, SECOND_MS, CATCH_UP_MS / 5, now));
        let minute = self.per_minute.map(|cap| Even::new(cap, MINUTE_MS, CATCH_UP_MS, now));
        second.into_iter().chain(minute).collect()
    }

    fn windows(&self, tried: &[Tried]) -> Vec<Window> {
        let hour = self.per_hour.map(|cap| Window::new(cap, HOUR_MS, tried));
        let day = self.per_day.map(|cap| Window::new(cap, DAY_MS, tried));
        hour.into_iter().chain(day).collect()
    }
}

/// What is left of a day's allowance.
#[derive(Clone, Debug)]
struct Quota {
    allowance: Allowance,
    day: i64,
    used: i64,
}

impl Quota {
    fn new(allowance: Allowance, now: Ms, tried: &[Tried]) -> Self {
        let day = day_of(now, allowance.offset_ms);
        let today = tried.iter().filter(|(minute, _)| day_of(minute * MINUTE_MS, allowance.offset_ms) == day);
        Self { allowance, day, used: today.map(|(_, count)| count).sum() }
    }

    /// A new day has come. A clock that was set back does not make room.
    fn turn(&mut self, now: Ms) {
        let day = day_of(now, self.allowance.offset_ms);
        if day > self.day {
            (self.day, self.used) = (day, 0);
        }
    }

    fn room(&self) -> i64 {
        if self.day < self.allowance.from { 0 } else { i64::from(self.allowance.copies) - self.used }
    }

    fn wait(&self, now: Ms) -> Ms {
        let next = (self.day + 1).max(self.allowance.from);
        if self.room() > 0 { 0 } else { (next * DAY_MS - self.allowance.offset_ms - now).max(1) }
    }

    fn take_back(&mut self, minute: i64) {
        self.used -= i64::from(day_of(minute * MINUTE_MS, self.allowance.offset_ms) == self.day);
    }
}

/// So many copies were tried in one minute since 1970.
pub type Tried = (i64, i64);

/// What may be caught up at once of a minute's pace, in milliseconds: timers wake late, and a late one must not cost copies.
/// Of a second's, a fifth of it.
const CATCH_UP_MS: Ms = SECOND_MS;

/// A pace: copies leave evenly. The span's copies are spread over a little more than the span, so that with what is caught
/// up no span holds more.
#[derive(Clone, Debug)]
struct Even {
    cap: i64,
    /// The cap's copies leave within this, in milliseconds.
    spread_ms: Ms,
    catch_up_ms: Ms,
    step_us: i64,
    /// The next copy leaves at this, in microseconds.
    next_us: i64,
}

impl Even {
    fn new(cap: u32, span: Ms, catch_up_ms: Ms, now: Ms) -> Self {
        let (cap, spread_ms) = (i64::from(cap), span + catch_up_ms);
        let step_us = (spread_ms * 1_000 + cap - 1) / cap;
        // Nothing is caught up at the start: the span before may have been a full one.
        Self { cap, spread_ms, catch_up_ms, step_us, next_us: now * 1_000 + step_us }
    }

    /// How many may leave now.
    fn room(&self, now: Ms) -> i64 {
        let next = self.next_us.max((now - self.catch_up_ms) * 1_000);
        if next > now * 1_000 { 0 } else { (now * 1_000 - next) / self.step_us + 1 }
    }

    fn wait(&self, now: Ms) -> Ms {
        ((self.next_us - now * 1_000).max(0) + 999) / 1_000
    }

    fn take(&mut self, now: Ms) {
        self.next_us = self.next_us.max((now - self.catch_up_ms) * 1_000) + self.step_us;
    }
}

/// The tries of the last hour or day, by minute.
#[derive(Clone, Debug)]
struct Window {
    cap: i64,
    span: Ms,
    minutes: VecDeque<Tried>,
    sum: i64,
}

impl Window {
    fn new(cap: u32, span: Ms, tried: &[Tried]) -> Self {
        let sum = tried.iter().map(|(_, count)| count).sum();
        Self { cap: i64::from(cap), span, minutes: tried.iter().copied().collect(), sum }
    }

    /// When the tries of a minute no longer count: a span after its end.
    fn forgotten(&self, minute: i64) -> Ms {
        (minute + 1) * MINUTE_MS + self.span
    }

    fn forget(&mut self, now: Ms) {
        while let Some((minute, count)) = self.minutes.front().copied()
            && self.forgotten(minute) <= now
        {
            self.sum -= count;
            self.minutes.pop_front();
        }
    }

    fn add(&mut self, minute: i64, count: i64) {
        match self.minutes.back_mut() {
            // A clock that was set back does not make room.
            Some((last, so_far)) if *last >= minute => *so_far += count,
            _ => self.minutes.push_back((minute, count)),
        }
        self.sum += count;
    }

    fn take_back(&mut self, minute: i64) {
        if let Some((_, count)) = self.minutes.iter_mut().rev().find(|(known, count)| *known <= minute && *count > 0) {
            *count -= 1;
            self.sum -= 1;
        }
    }

    /// How long until fewer than the cap count, in milliseconds.
    fn wait(&self, now: Ms) -> Ms {
        let mut sum = self.sum;
        for (minute, count) in &self.minutes {
            if sum < self.cap {
                break;
            }
            sum -= count;
            if sum < self.cap {
                return (self.forgotten(*minute) - now).max(1);
            }
        }
        0
    }
}

/// Lets copies leave at the pace that a way out takes.
pub struct Pace {
    caps: Caps,
    state: Mutex<State>,
}

struct State {
    evens: Vec<Even>,
    windows: Vec<Window>,
    quota: Option<Quota>,
}

impl State {
    /// How many may leave now, or how long until one may, in milliseconds.
    fn room(&mut self, now: Ms) -> Result<i64, Ms> {
        self.windows.iter_mut().for_each(|window| window.forget(now));
        self.quota.iter_mut().for_each(|quota| quota.turn(now));
        let waits = self.evens.iter().map(|even| even.wait(now)).chain(self.windows.iter().map(|w| w.wait(now)));
        match waits.chain(self.quota.iter().map(|quota| quota.wait(now))).max() {
            Some(wait) if wait > 0 => Err(wait),
            _ => {
                let evens = self.evens.iter().map(|even| even.room(now));
                let windows = self.windows.iter().map(|window| window.cap - window.sum);
                let room = evens.chain(windows).chain(self.quota.iter().map(Quota::room)).min();
                Ok(room.unwrap_or(i64::MAX))
            }
        }
    }
}

impl Pace {
    /// The pace of a poster that begins `now`; `tried` is what the ledger knows of the last 24 hours, in order.
    pub fn new(caps: Caps, now: Ms, tried: &[Tried]) -> Arc<Self> {
        let quota = caps.allowance.map(|allowance| Quota::new(allowance, now, tried));
        let state = State { evens: caps.evens(now), windows: caps.windows(tried), quota };
        Arc::new(Self { caps, state: Mutex::new(state) })
    }

    /// The caps that it keeps.
    pub fn caps(&self) -> Caps {
        self.caps
    }

    /// How many copies may be tried now.
    ///
    /// # Errors
    /// How long until one may, in milliseconds.
    pub fn room(&self, now: Ms) -> Result<i64, Ms> {
        if self.caps.are_none() { Ok(i64::MAX) } else { self.lock().room(now) }
    }

    /// Leave for one copy to be tried now.
    ///
    /// # Errors
    /// How long to wait before asking again, in milliseconds.
    pub fn leave(self: &Arc<Self>, now: Ms) -> Result<Leave, Ms> {
        if self.caps.are_none() {
            return Ok(Leave(None));
        }
        let mut state = self.lock();
        state.room(now)?;
        state.evens.iter_mut().for_each(|even| even.take(now));
        let minute = now.div_euclid(MINUTE_MS);
        state.windows.iter_mut().for_each(|window| window.add(minute, 1));
        state.quota.iter_mut().for_each(|quota| quota.used += 1);
        Ok(Leave(Some((self.clone(), minute))))
    }

    fn take_back(&self, minute: i64) {
        let mut state = self.lock();
        state.windows.iter_mut().for_each(|window| window.take_back(minute));
        state.quota.iter_mut().for_each(|quota| quota.take_back(minute));
        state.evens.iter_mut().for_each(|even| even.next_us -= even.step_us);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic happens under this lock")
    }
}

/// Leave for one copy. Dropped without [`Leave::spend`], it goes back: the copy was not tried.
pub struct Leave(Option<(Arc<Pace>, i64)>);

impl Leave {
    /// The copy was tried: the relay counts it.
    pub fn spend(mut self) {
        self.0 = None;
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some((pace, minute)) = self.0.take() {
            pace.take_back(minute);
        }
    }
}

/// What will have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// How many of the copies.
    pub carried: i64,
    /// When the last of them has left, to the minute, if all of them do. None also where no cap says anything.
    pub done: Option<Ms>,
}

/// One way's part in an outlook.
struct Ahead {
    evens: Vec<Even>,
    /// What each pace left over of the minute before, in copies times milliseconds of its spread.
    rests: Vec<i64>,
    windows: Vec<Window>,
    quota: Option<Quota>,
}

impl Ahead {
    /// How many of at most `copies` leave between two moments no more than a minute apart.
    fn leave(&mut self, from: Ms, to: Ms, copies: i64) -> i64 {
        let mut leaving = copies;
        for (even, rest) in self.evens.iter().zip(&mut self.rests) {
            let paced = (to - from) * even.cap + *rest;
            *rest = paced % even.spread_ms;
            leaving = leaving.min(paced / even.spread_ms);
        }
        for window in &mut self.windows {
            window.forget(from);
            leaving = leaving.min((window.cap - window.sum).max(0));
        }
        if let Some(quota) = &mut self.quota {
            quota.turn(from);
            leaving = leaving.min(quota.room().max(0));
            quota.used += leaving;
        }
        if leaving > 0 {
            self.windows.iter_mut().for_each(|window| window.add(to.div_euclid(MINUTE_MS), leaving));
        }
        leaving
    }
}

/// How many of `copies` the ways out let leave from `now` until `until`, each tried once. A way is its caps and what was
/// tried by it before.
pub fn outlook(ways: &[(Caps, &[Tried])], copies: i64, now: Ms, until: Ms) -> Outlook {
    if ways.is_empty() || ways.iter().any(|(caps, _)| caps.are_none()) {
        return Outlook { carried: copies, done: None };
    }
    let ahead = |(caps, tried): &(Caps, &[Tried])| {
        let evens = caps.evens(now);
        let quota = caps.allowance.map(|allowance| Quota::new(allowance, now, tried));
        Ahead { rests: vec![0; evens.len()], evens, windows: caps.windows(tried), quota }
    };
    let mut ways: Vec<Ahead> = ways.iter().map(ahead).collect();
    let (mut carried, mut at) = (0, now);
    while carried < copies && at < until {
        let next = (at + MINUTE_MS).min(until);
        for way in &mut ways {
            carried += way.leave(at, next, copies - carried);
        }
        at = next;
    }
    Outlook { carried, done: (carried >= copies).then_some(at) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAWN: Ms = 1_767_225_600_000;

    fn caps(per_minute: u32, per_day: u32) -> Caps {
        let some = |cap: u32| Some(cap).filter(|cap| *cap > 0);
        Caps { per_minute: some(per_minute), per_day: some(per_day), ..Caps::default() }
    }

    /// Everything that leaves until `until` when copies never run out; asked again when told to, at most `late` later.
    fn greedy(pace: &Arc<Pace>, mut now: Ms, until: Ms, mut late: impl FnMut() -> Ms) -> Vec<Ms> {
        let mut left = Vec::new();
        while now < until {
            let room = pace.room(now);
            match pace.leave(now) {
                Ok(leave) => {
                    assert!(room.is_ok_and(|room| room > 0), "leave is given where there is room");
                    leave.spend();
                    left.push(now);
                }
                Err(wait) => {
                    assert_eq!(room, Err(wait));
                    now += wait + late();
                }
            }
        }
        left
    }

    fn most_within(left: &[Ms], span: Ms) -> usize {
        let within = |(at, first): (usize, &Ms)| left[at..].partition_point(|other| *other < first + span);
        left.iter().enumerate().map(within).max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn no_minute_and_no_day_holds_more_than_its_cap(
            per_minute in 0_u32..50, per_day in 1_u32..2_000, lates in proptest::collection::vec(0_i64..70_000, 1..8),
        ) {
            let pace = Pace::new(caps(per_minute, per_day), DAWN, &[]);
            let mut late = lates.iter().cycle();
            let left = greedy(&pace, DAWN, DAWN + 2 * DAY_MS, || *late.next().unwrap());
            prop_assert!(per_minute == 0 || most_within(&left, MINUTE_MS) <= per_minute as usize);
            prop_assert!(most_within(&left, DAY_MS) <= per_day as usize);
        }

        #[test]
        fn no_second_and_no_hour_holds_more_than_its_cap(
            per_second in 1_u32..50, per_hour in 1_u32..2_000, lates in proptest::collection::vec(0_i64..3_000, 1..8),
        ) {
            let caps = Caps { per_second: Some(per_second), per_hour: Some(per_hour), ..Caps::default() };
            let pace = Pace::new(caps, DAWN, &[]);
            let mut late = lates.iter().cycle();
            let left = greedy(&pace, DAWN, DAWN + 3 * HOUR_MS, || *late.next().unwrap());
            prop_assert!(most_within(&left, SECOND_MS) <= per_second as usize);
            prop_assert!(most_within(&left, HOUR_MS) <= per_hour as usize);
        }

        #[test]
        fn no_day_of_the_outlets_clock_holds_more_than_its_allowance_and_the_outlook_knows(
            copies in 1_u32..2_000, per_minute in 0_u32..50, from in -1_i64..2, offset in -12_i64..13,
            before in 0_i64..300, hours in 1_i64..60, lates in proptest::collection::vec(0_i64..70_000, 1..8),
        ) {
            let offset_ms = offset * HOUR_MS;
            let allowance = Some(Allowance { from: day_of(DAWN, offset_ms) + from, copies, offset_ms });
            let caps = Caps { allowance, ..caps(per_minute, 0) };
            let (tried, until) = ([(DAWN / MINUTE_MS - 600, before)], DAWN + hours * HOUR_MS);
            let mut late = lates.iter().cycle();
            let left = greedy(&Pace::new(caps, DAWN, &tried), DAWN, until, || *late.next().unwrap());
            let mut days = std::collections::BTreeMap::<i64, i64>::new();
            left.iter().for_each(|at| *days.entry(day_of(*at, offset_ms)).or_default() += 1);
            *days.entry(day_of(DAWN - 600 * MINUTE_MS, offset_ms)).or_default() += before;
            let today = day_of(DAWN, offset_ms);
            for (day, count) in days {
                prop_assert!(count <= i64::from(copies).max(before) && (day >= today + from || count <= before), "{count} on {day}");
            }
            let leaves = greedy(&Pace::new(caps, DAWN, &tried), DAWN, until, || 0).len() as i64;
            let promised = outlook(&[(caps, &tried)], i64::MAX / 2, DAWN, until).carried;
            prop_assert!(promised <= leaves && promised + 4 + i64::from(per_minute) * 4 >= leaves, "{promised} of {leaves}");
        }

        #[test]
        fn the_outlook_promises_no_more_than_leaves_and_little_less(
            per_minute in 0_u32..50, per_day in 1_u32..2_000, before in 0_i64..2_000, hours in 1_i64..40,
        ) {
            let (caps, tried) = (caps(per_minute, per_day), [(DAWN / MINUTE_MS - 600, before)]);
            let until = DAWN + hours * 60 * MINUTE_MS;
            let leaves = greedy(&Pace::new(caps, DAWN, &tried), DAWN, until, || 0).len() as i64;
            let promised = outlook(&[(caps, &tried)], i64::MAX / 2, DAWN, until).carried;
            prop_assert!(promised <= leaves, "{promised} of {leaves}");
            prop_assert!(promised + 2 + i64::from(per_minute) * 3 >= leaves, "{promised} of {leaves}");
        }
    }

    #[test]
    fn a_restart_gives_no_second_allowance() {
        let pace = Pace::new(caps(0, 100), DAWN, &[(DAWN / MINUTE_MS - 30, 60), (DAWN / MINUTE_MS - 10, 30)]);
        let left = greedy(&pace, DAWN, DAWN + 1_000, || 0);
        assert_eq!(left.len(), 10);
        let wait = pace.leave(DAWN).err().unwrap();
        assert!(pace.leave(DAWN + wait - 1).is_err() && pace.leave(DAWN + wait).is_ok());
        assert_eq!(wait, DAY_MS - 29 * MINUTE_MS);
    }

    #[test]
    fn a_copy_that_was_not_tried_does_not_count() {
        let pace = Pace::new(caps(0, 1), DAWN, &[]);
        drop(pace.leave(DAWN).ok().unwrap());
        pace.leave(DAWN).ok().unwrap().spend();
        assert!(pace.leave(DAWN).is_err());
    }

    #[test]
    fn a_lowered_cap_waits_until_it_is_kept_again() {
        let tried = [(DAWN / MINUTE_MS - 100, 50), (DAWN / MINUTE_MS - 50, 50)];
        let wait = Pace::new(caps(0, 40), DAWN, &tried).leave(DAWN).err().unwrap();
        assert_eq!(wait, DAY_MS - 49 * MINUTE_MS, "both flocks must be a day old");
    }

    #[test]
    fn a_change_of_day_in_an_editions_life_gives_the_allowance_again() {
        let allowance = Some(Allowance { from: day_of(DAWN, 0), copies: 500, offset_ms: 0 });
        let caps = Caps { allowance, ..Caps::default() };
        let (evening, tried) = (DAWN + 18 * HOUR_MS, [(DAWN / MINUTE_MS + 60, 200)]);
        let carried = |until| outlook(&[(caps, &tried)], 2_000, evening, until).carried;
        assert_eq!([carried(DAWN + DAY_MS), carried(DAWN + DAY_MS + MINUTE_MS)], [300, 800]);
        let pace = Pace::new(caps, evening, &tried);
        assert_eq!(greedy(&pace, evening, DAWN + DAY_MS, || 0).len(), 300);
        assert_eq!(pace.leave(DAWN + DAY_MS - 1).err(), Some(1), "until midnight");
        drop(pace.leave(DAWN + DAY_MS).ok().unwrap());
        assert_eq!(pace.room(DAWN + DAY_MS), Ok(500), "what was not tried does not count");
        // Others carry what it does not, and a cap for any 24 hours holds all the same.
        let both = [(caps, &tried[..]), (Caps { per_day: Some(100), ..Caps::default() }, &[][..])];
        assert_eq!(outlook(&both, 2_000, evening, DAWN + DAY_MS).carried, 400);
        let narrow = Caps { per_day: Some(400), ..caps };
        assert_eq!(outlook(&[(narrow, &tried)], 2_000, evening, DAWN + DAY_MS + MINUTE_MS).carried, 200);
    }

    #[test]
    fn without_caps_nothing_waits() {
        assert!(Pace::new(Caps::default(), DAWN, &[]).leave(DAWN).is_ok());
        let all = outlook(&[(caps(1, 1), &[]), (Caps::default(), &[])], 40_000, DAWN, DAWN + 1);
        assert_eq!(all, Outlook { carried: 40_000, done: None });
        let slow = outlook(&[(caps(61, 0), &[])], 600, DAWN, DAWN + DAY_MS);
        assert_eq!(slow, Outlook { carried: 600, done: Some(DAWN + 10 * MINUTE_MS) });
    }

    #[test]
    fn several_ways_carry_the_sum_of_what_each_still_takes() {
        let tried = [(DAWN / MINUTE_MS - 60, 80)];
        let ways: [(Caps, &[Tried]); 2] = [(caps(0, 100), &tried), (caps(61, 300), &[])];
        let day = outlook(&ways, 10_000, DAWN, DAWN + 20 * HOUR_MS);
        assert_eq!(day, Outlook { carried: 20 + 300, done: None });
        assert_eq!(outlook(&ways, 140, DAWN, DAWN + DAY_MS).done, Some(DAWN + 2 * MINUTE_MS));
    }
}
