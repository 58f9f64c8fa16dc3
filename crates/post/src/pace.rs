//! How much the relay takes from us: so many copies a minute, so many in a day, and never more.
//!
//! Copies leave evenly, with at most one second's worth caught up; a day is any 24 hours, because relays count them so.
//! What was tried before this poster began is read from the ledger, so that a restart does not give a second allowance.
//! [`outlook`] says ahead of time what will have left by when: never more than will.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use newsroom::{DAY_MS, MINUTE_MS, Ms, SECOND_MS};

/// How much a relay takes from us. None: as much as we have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Copies in any 60 seconds.
    pub per_minute: Option<u32>,
    /// Copies in any 24 hours.
    pub per_day: Option<u32>,
}

impl Caps {
    /// Whether there is none.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// So many copies were tried in one minute since 1970.
pub type Tried = (i64, i64);

/// What may be caught up at once, in milliseconds of pace: timers wake late, and a late one must not cost copies.
const CATCH_UP_MS: Ms = SECOND_MS;
/// A minute's copies are spread over this, in milliseconds, so that with what is caught up no 60 seconds hold more.
const SPREAD_MS: Ms = MINUTE_MS + CATCH_UP_MS;
/// For so long after a copy had to wait, our caps count as what holds copies back, in milliseconds.
const HOLDING_MS: Ms = MINUTE_MS;

/// Lets copies leave at the relay's pace.
pub struct Pace {
    caps: Caps,
    state: Mutex<State>,
}

struct State {
    /// The next copy leaves by the minute's cap at this, in microseconds.
    next_us: i64,
    day: Day,
    /// When a copy last had to wait.
    waited: Option<Ms>,
}

/// The tries of the last 24 hours, by minute.
#[derive(Clone, Debug, Default)]
struct Day {
    minutes: VecDeque<Tried>,
    sum: i64,
}

impl Day {
    fn new(tried: &[Tried]) -> Self {
        Self { minutes: tried.iter().copied().collect(), sum: tried.iter().map(|(_, count)| count).sum() }
    }

    /// When the tries of a minute no longer count: 24 hours after its end.
    fn forgotten(minute: i64) -> Ms {
        (minute + 1) * MINUTE_MS + DAY_MS
    }

    fn forget(&mut self, now: Ms) {
        while let Some((minute, count)) = self.minutes.front().copied()
            && Self::forgotten(minute) <= now
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

    /// How long until fewer than `cap` count, in milliseconds.
    fn wait(&self, cap: i64, now: Ms) -> Ms {
        let mut sum = self.sum;
        for (minute, count) in &self.minutes {
            if sum < cap {
                break;
            }
            sum -= count;
            if sum < cap {
                return (Self::forgotten(*minute) - now).max(1);
            }
        }
        0
    }
}

impl Pace {
    /// The pace of a poster that begins `now`; `tried` is what the ledger knows of the last 24 hours, in order.
    pub fn new(caps: Caps, now: Ms, tried: &[Tried]) -> Arc<Self> {
        // Nothing is caught up at the start: the minute before may have been a full one.
        let next_us = now * 1_000 + caps.per_minute.map_or(0, step_us);
        Arc::new(Self { caps, state: Mutex::new(State { next_us, day: Day::new(tried), waited: None }) })
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
        state.day.forget(now);
        let by_day = self.caps.per_day.map_or(0, |cap| state.day.wait(i64::from(cap), now));
        let by_minute = self.caps.per_minute.map_or(0, |_| ((state.next_us - now * 1_000).max(0) + 999) / 1_000);
        let wait = by_day.max(by_minute);
        if wait > 0 {
            state.waited = Some(now);
            return Err(wait);
        }
        if let Some(cap) = self.caps.per_minute {
            state.next_us = state.next_us.max((now - CATCH_UP_MS) * 1_000) + step_us(cap);
        }
        let minute = now.div_euclid(MINUTE_MS);
        state.day.add(minute, 1);
        Ok(Leave(Some((self.clone(), minute))))
    }

    /// Whether our own caps are what holds copies back.
    pub fn is_holding(&self, now: Ms) -> bool {
        self.lock().waited.is_some_and(|at| now - at < HOLDING_MS)
    }

    fn take_back(&self, minute: i64) {
        let mut state = self.lock();
        state.day.take_back(minute);
        state.next_us -= self.caps.per_minute.map_or(0, step_us);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic happens under this lock")
    }
}

fn step_us(per_minute: u32) -> i64 {
    (SPREAD_MS * 1_000 + i64::from(per_minute) - 1) / i64::from(per_minute)
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

/// How many of `copies` the caps let leave from `now` until `until`, each tried once, when `tried` were tried before.
pub fn outlook(caps: &Caps, tried: &[Tried], copies: i64, now: Ms, until: Ms) -> Outlook {
    if caps.are_none() {
        return Outlook { carried: copies, done: None };
    }
    let mut day = Day::new(tried);
    let (mut carried, mut at, mut paced_rest) = (0, now, 0);
    while carried < copies && at < until {
        let next = (at + MINUTE_MS).min(until);
        day.forget(at);
        let by_day = caps.per_day.map_or(i64::MAX, |cap| (i64::from(cap) - day.sum).max(0));
        let by_minute = caps.per_minute.map_or(i64::MAX, |cap| {
            let paced = (next - at) * i64::from(cap) + paced_rest;
            paced_rest = paced % SPREAD_MS;
            paced / SPREAD_MS
        });
        let leaving = by_day.min(by_minute).min(copies - carried);
        if leaving > 0 {
            day.add(next.div_euclid(MINUTE_MS), leaving);
        }
        carried += leaving;
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
        Caps { per_minute: some(per_minute), per_day: some(per_day) }
    }

    /// Everything that leaves until `until` when copies never run out; asked again when told to, at most `late` later.
    fn greedy(pace: &Arc<Pace>, mut now: Ms, until: Ms, mut late: impl FnMut() -> Ms) -> Vec<Ms> {
        let mut left = Vec::new();
        while now < until {
            match pace.leave(now) {
                Ok(leave) => {
                    leave.spend();
                    left.push(now);
                }
                Err(wait) => now += wait + late(),
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
        fn the_outlook_promises_no_more_than_leaves_and_little_less(
            per_minute in 0_u32..50, per_day in 1_u32..2_000, before in 0_i64..2_000, hours in 1_i64..40,
        ) {
            let (caps, tried) = (caps(per_minute, per_day), [(DAWN / MINUTE_MS - 600, before)]);
            let until = DAWN + hours * 60 * MINUTE_MS;
            let leaves = greedy(&Pace::new(caps, DAWN, &tried), DAWN, until, || 0).len() as i64;
            let promised = outlook(&caps, &tried, i64::MAX / 2, DAWN, until).carried;
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
        assert!(!pace.is_holding(DAWN));
        pace.leave(DAWN).ok().unwrap().spend();
        assert!(pace.leave(DAWN).is_err() && pace.is_holding(DAWN) && !pace.is_holding(DAWN + HOLDING_MS));
    }

    #[test]
    fn a_lowered_cap_waits_until_it_is_kept_again() {
        let tried = [(DAWN / MINUTE_MS - 100, 50), (DAWN / MINUTE_MS - 50, 50)];
        let wait = Pace::new(caps(0, 40), DAWN, &tried).leave(DAWN).err().unwrap();
        assert_eq!(wait, DAY_MS - 49 * MINUTE_MS, "both flocks must be a day old");
    }

    #[test]
    fn without_caps_nothing_waits() {
        assert!(Pace::new(Caps::default(), DAWN, &[]).leave(DAWN).is_ok());
        let all = outlook(&Caps::default(), &[], 40_000, DAWN, DAWN + 1);
        assert_eq!(all, Outlook { carried: 40_000, done: None });
        let slow = outlook(&caps(61, 0), &[], 600, DAWN, DAWN + DAY_MS);
        assert_eq!(slow, Outlook { carried: 600, done: Some(DAWN + 10 * MINUTE_MS) });
    }
}
