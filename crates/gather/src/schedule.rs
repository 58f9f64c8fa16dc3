//! When a source is asked again: a pure rule over what it publishes, what it asks for, and how it has failed.

use crate::{Feed, dates::parse_date};
use newsroom::{DAY_MS, HOUR_MS, MINUTE_MS, Ms, SECOND_MS};
use world::http::Response;

/// No source is asked more often.
pub const INTERVAL_MS_MIN: Ms = 5 * MINUTE_MS;
/// No source is asked less often, unless it asks for more time itself.
pub const INTERVAL_MS_MAX: Ms = DAY_MS;
/// How often a source is asked that has not told anything about itself yet.
pub const INTERVAL_MS_FIRST: Ms = HOUR_MS;
/// The longest wait that a server's `Retry-After` is granted.
const RETRY_AFTER_MS_MAX: Ms = 7 * DAY_MS;
/// How many of the newest dates tell a feed's rate.
const RATE_ENTRIES: usize = 10;
/// Doublings after which back-off is at its longest anyway; more would only overflow.
const DOUBLINGS_MAX: u32 = 16;

/// The interval after a good answer, in milliseconds: half the usual time between two entries when their dates tell it,
/// else a step shorter when there was something new and a step longer when there was not.
pub(crate) fn interval(feed: Option<&Feed>, fresh: bool, before: Ms) -> Ms {
    let before = if before > 0 { before } else { INTERVAL_MS_FIRST };
    let told = feed.and_then(rate).map(|between| between / 2);
    let learnt = if fresh { before / 2 } else { before + before / 4 };
    told.unwrap_or(learnt).clamp(INTERVAL_MS_MIN, INTERVAL_MS_MAX)
}

/// The mean time between a feed's newest entries, in milliseconds; `None` when fewer than three tell their date.
fn rate(feed: &Feed) -> Option<Ms> {
    let mut dates: Vec<Ms> = feed.entries.iter().filter_map(|entry| entry.published).collect();
    dates.sort_unstable_by(|a, b| b.cmp(a));
    dates.truncate(RATE_ENTRIES);
    match dates.as_slice() {
        [newest, _, .., oldest] => Some((newest - oldest) / Ms::try_from(dates.len() - 1).expect("at most ten")),
        _ => None,
    }
}

/// How long the server and the feed ask to be left alone after a good answer, in milliseconds; never more than a day.
pub(crate) fn asked_for(response: &Response, feed: Option<&Feed>) -> Ms {
    let age = response.header("cache-control").and_then(max_age).unwrap_or(0);
    let ttl = feed.and_then(|feed| feed.ttl_ms).unwrap_or(0);
    age.max(ttl).clamp(0, INTERVAL_MS_MAX)
}

/// RFC 9111 §5.2.2.1.
fn max_age(field: &str) -> Option<Ms> {
    let value = field.split(',').find_map(|part| part.trim().strip_prefix("max-age="))?;
    Some(value.trim_matches('"').parse::<u32>().ok().map_or(INTERVAL_MS_MAX, |seconds| Ms::from(seconds) * SECOND_MS))
}

/// The wait after the `failures`-th failure in a row, in milliseconds: doubled each time.
pub(crate) fn back_off(failures: u32) -> Ms {
    let doublings = failures.saturating_sub(1).min(DOUBLINGS_MAX);
    (INTERVAL_MS_MIN << doublings).min(INTERVAL_MS_MAX)
}

/// RFC 9110 §10.2.3: seconds or a date.
pub(crate) fn retry_after(field: &str, now: Ms) -> Option<Ms> {
    let field = field.trim();
    let wait = match field.parse::<i64>() {
        Ok(seconds) => seconds.checked_mul(SECOND_MS).unwrap_or(RETRY_AFTER_MS_MAX),
        Err(_) => parse_date(field)? - now,
    };
    Some(wait.clamp(0, RETRY_AFTER_MS_MAX))
}

/// A tenth of a wait: by so much it is lengthened at random, so that sources do not march in step.
pub(crate) fn jitter_range(wait: Ms) -> u64 {
    u64::try_from(wait / 10).unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entry;

    fn feed(dates: &[Ms]) -> Feed {
        let entry = |published: &Ms| Entry { published: Some(*published), ..Entry::default() };
        Feed { entries: dates.iter().map(entry).collect(), ..Feed::default() }
    }

    #[test]
    fn a_source_is_asked_twice_as_often_as_it_publishes() {
        assert_eq!(interval(Some(&feed(&[0, 4 * HOUR_MS, 8 * HOUR_MS])), false, HOUR_MS), 2 * HOUR_MS);
        assert_eq!(interval(Some(&feed(&[0, 1, 2])), false, HOUR_MS), INTERVAL_MS_MIN);
        assert_eq!(interval(Some(&feed(&[0, 30 * DAY_MS, 60 * DAY_MS])), false, HOUR_MS), INTERVAL_MS_MAX);
    }

    #[test]
    fn without_dates_the_interval_follows_what_is_found() {
        assert_eq!(interval(Some(&feed(&[0])), true, HOUR_MS), HOUR_MS / 2);
        assert_eq!(interval(None, false, HOUR_MS), HOUR_MS + HOUR_MS / 4);
        assert_eq!(interval(None, true, 0), INTERVAL_MS_FIRST / 2);
    }

    #[test]
    fn failures_double_the_wait_up_to_a_day() {
        let waits: Vec<_> = [1, 2, 3, 9, 10, u32::MAX].map(|n| back_off(n) / MINUTE_MS).into();
        assert_eq!(waits, [5, 10, 20, 1_280, 1_440, 1_440]);
    }

    #[test]
    fn a_server_may_name_its_own_time() {
        assert_eq!(retry_after("120", 0), Some(120_000));
        assert_eq!(retry_after("Thu, 01 Jan 1970 00:10:00 GMT", 60_000), Some(540_000));
        assert_eq!(retry_after("-5", 0), Some(0));
        assert_eq!(retry_after("9999999999999999", 0), Some(RETRY_AFTER_MS_MAX));
        assert_eq!(retry_after("soon", 0), None);
        assert_eq!(max_age("public, max-age=600"), Some(600_000));
        assert_eq!(max_age("no-store"), None);
    }
}
