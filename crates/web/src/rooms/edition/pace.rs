//! How fast a departure goes while it is on its way: each relay's rate over the last minute, what it put off, its last
//! answer; all of them as a small picture, minute by minute; and when it will be over if it goes on like this.
//!
//! By relay alone: where a relay's copies went in the end is not ours to know. Ways that lead to many sites show each site as a
//! line of its own below them, by [`Line::of`].

use std::collections::BTreeMap;

use newsroom::{DeliveryState, Departure, DepartureId, HOUR_MS, MINUTE_MS, Ms, RelayTerms, RouteId, Sums};
use post::listing::{self, Listed};
use serde::Serialize;
use store::{Read, caps, ledger};

use crate::rooms::moment;

/// How far back the picture looks: an edition that takes longer is one whose relays' caps are what it waits for.
const LOOKS_BACK_MS: Ms = 6 * HOUR_MS;
/// Beats of the picture at most: more are no picture on a phone.
const BEATS_MAX: i64 = 60;
/// An edition that has gone for fewer minutes than this has no picture yet.
const BEATS_MIN: usize = 3;
/// The picture's height in its own units, and a beat's width.
const HEIGHT: i64 = 100;
const BEAT: i64 = 10;

/// What the store says, at one moment.
pub(crate) struct Pace {
    by_route: Vec<(RouteId, DeliveryState, i64)>,
    tried: BTreeMap<RouteId, caps::Minutes>,
    ways: Vec<Listed>,
}

/// Reads it; `first` is the relay of the settings, `zone` the outlet's.
pub(crate) fn read(
    tx: &Read,
    id: DepartureId,
    instant: Ms,
    first: RelayTerms,
    zone: &str,
    now: Ms,
) -> store::Result<Pace> {
    let since = instant.max(now - LOOKS_BACK_MS);
    Ok(Pace {
        by_route: ledger::by_route(tx, id)?,
        tried: caps::tried(tx, since)?,
        ways: listing::every(tx, first, zone, now)?,
    })
}

#[derive(Serialize)]
pub(crate) struct PaceView {
    lines: Vec<Line>,
    beats: Vec<Beat>,
    width: i64,
    /// The picture, in words.
    said: String,
    /// When it will be over by reckoning; empty when nothing goes.
    ends: String,
}

/// A way's line.
#[derive(Serialize)]
struct Line {
    of: String,
    ill: bool,
    word: &'static str,
    accepted: i64,
    deferred: i64,
    refused: i64,
    flight: i64,
    minute: i64,
    answered: String,
}

/// One beat of the picture: copies tried in one minute, or in several.
#[derive(Serialize)]
struct Beat {
    x: i64,
    y: i64,
    height: i64,
}

/// The page's view of it.
pub(crate) fn view(pace: &Pace, departure: &Departure, sums: &Sums, now: Ms, zone: &str) -> PaceView {
    let minute = now.div_euclid(MINUTE_MS);
    let lines: Vec<Line> = pace.ways.iter().map(|way| pace.line(way, minute, zone)).filter(Line::is_told).collect();
    let rate: i64 = lines.iter().map(|line| line.minute).sum();
    let under_way: i64 = DeliveryState::EVERY.iter().filter(|state| !state.terminal()).map(|s| sums.of(*s)).sum();
    let first = departure.instant.max(now - LOOKS_BACK_MS).div_euclid(MINUTE_MS);
    let minutes = minutes(&pace.tried, first, minute);
    // A block or two are no picture of anything.
    let (beats, most) = if minutes.len() < BEATS_MIN { (Vec::new(), 0) } else { beats(&minutes) };
    PaceView {
        width: beats.len() as i64 * BEAT,
        said: said(&minutes, most),
        beats,
        ends: ends(under_way, rate, now, departure.expires, zone),
        lines,
    }
}

impl Line {
    /// A relay that has nothing to do with this edition, and is well, is not told of.
    fn is_told(&self) -> bool {
        self.ill || self.accepted + self.deferred + self.refused + self.flight + self.minute > 0
    }
}

impl Pace {
    fn line(&self, way: &Listed, minute: i64, zone: &str) -> Line {
        let of = |states: &[DeliveryState]| {
            let is =
                |(route, state, _): &&(RouteId, DeliveryState, i64)| *route == way.terms.id && states.contains(state);
            self.by_route.iter().filter(is).map(|(_, _, count)| count).sum()
        };
        Line {
            of: way.terms.name.clone(),
            ill: way.is_ill(),
            word: way.word(),
            accepted: of(&[DeliveryState::Accepted]),
            deferred: of(&[DeliveryState::Deferred]),
            refused: of(&[DeliveryState::Refused]),
            flight: of(&[DeliveryState::InFlight]),
            minute: rate(self.tried.get(&way.terms.id).map_or(&[], Vec::as_slice), minute),
            answered: way.answered(|at| moment::minute(at, zone)).unwrap_or_default(),
        }
    }
}

/// Copies tried within a minute: the last whole one, or the one that runs, when it has more already.
fn rate(minutes: &[(i64, i64)], now: i64) -> i64 {
    let of = |minute: i64| minutes.iter().filter(|(at, _)| *at == minute).map(|(_, count)| count).sum::<i64>();
    of(now - 1).max(of(now))
}

/// Copies tried by all ways in each minute from `first` to `last`.
fn minutes(tried: &BTreeMap<RouteId, caps::Minutes>, first: i64, last: i64) -> Vec<i64> {
    let mut all = vec![0; usize::try_from(last - first + 1).unwrap_or_default()];
    for (minute, count) in tried.values().flatten() {
        if let Some(sum) = usize::try_from(minute - first).ok().and_then(|at| all.get_mut(at)) {
            *sum += count;
        }
    }
    all
}

/// The picture's beats, and the most that was tried in one.
fn beats(minutes: &[i64]) -> (Vec<Beat>, i64) {
    let each = (minutes.len() as i64).div_euclid(BEATS_MAX) + 1;
    let sums: Vec<i64> = minutes.chunks(each as usize).map(|chunk| chunk.iter().sum()).collect();
    let most = sums.iter().copied().max().unwrap_or_default();
    let beat = |(n, sum): (usize, &i64)| {
        // What was something is seen as something.
        let height = if *sum == 0 { 0 } else { (sum * HEIGHT / most.max(1)).max(2) };
        Beat { x: n as i64 * BEAT, y: HEIGHT - height, height }
    };
    (sums.iter().enumerate().map(beat).collect(), minutes.iter().copied().max().unwrap_or_default())
}

fn said(minutes: &[i64], most: i64) -> String {
    let sum: i64 = minutes.iter().sum();
    format!("{sum} copies tried by all relays in the last {} minutes; at most {most} in one minute.", minutes.len())
}

/// In words for an editor.
fn ends(under_way: i64, rate: i64, now: Ms, expires: Ms, zone: &str) -> String {
    if under_way == 0 || rate == 0 {
        return String::new();
    }
    let end = now.saturating_add(under_way.saturating_mul(MINUTE_MS) / rate);
    let at = moment::minute(end, zone);
    match end {
        end if end <= now + MINUTE_MS => "It will be over within a minute if it goes on like this.".to_owned(),
        end if end > expires => {
            format!(
                "At this rate it would take until {at}, and the edition grows old before: some would go without it."
            )
        }
        _ => format!("It will be over about {at} if it goes on like this."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Ms = 1_767_268_800_000;

    #[test]
    fn the_end_is_reckoned_from_what_waits_and_the_last_minute() {
        let end = |under_way, rate| ends(under_way, rate, NOON, NOON + HOUR_MS, "UTC");
        assert_eq!(end(0, 10), "");
        assert_eq!(end(10, 0), "", "nothing goes: nothing is promised");
        assert_eq!(end(10, 10), "It will be over within a minute if it goes on like this.");
        assert_eq!(end(300, 10), "It will be over about 1 Jan 2026, 12:30 if it goes on like this.");
        assert!(end(601, 10).contains("grows old before"));
        assert!(end(i64::MAX, 1).contains("grows old before"));
    }

    #[test]
    fn the_rate_is_of_the_last_whole_minute_or_of_one_that_has_more_already() {
        let minutes = [(7, 90), (8, 60), (9, 70)];
        assert_eq!(rate(&minutes, 9), 70);
        assert_eq!(rate(&minutes, 8), 90);
        assert_eq!(rate(&minutes, 20), 0);
    }

    #[test]
    fn the_picture_holds_every_copy_and_at_most_sixty_beats() {
        let tried = BTreeMap::from([(RouteId(1), vec![(10, 5), (12, 1)]), (RouteId(2), vec![(10, 5), (99, 7)])]);
        let all = minutes(&tried, 10, 13);
        assert_eq!(all, [10, 0, 1, 0]);
        let (drawn, most) = beats(&all);
        assert_eq!(most, 10);
        assert_eq!(drawn.iter().map(|beat| beat.height).collect::<Vec<_>>(), [100, 0, 10, 0]);
        assert!(beats(&vec![1; 361]).0.len() <= 60);
        assert!(minutes(&tried, 10, 5).is_empty());
    }
}
