//! Dates as pages declare them, made into moments.
//!
//! The raw string is always kept beside the moment. A date without a time is its midnight, a time without a zone is UTC: a
//! page that says no more is off by a day at most. Nothing is read from prose here ("last Tuesday"), and nothing is guessed.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use newsroom::Ms;

/// A declared date is short; more is not a date.
const DATE_BYTES_MAX: usize = 64;

/// The moment a declared date names: RFC 3339 and ISO 8601 forms, RFC 2822, and English "24 November 2026" forms.
pub fn parse(raw: &str) -> Option<Ms> {
    let raw = raw.trim();
    if raw.len() > DATE_BYTES_MAX {
        return None;
    }
    let zoned = raw.parse::<Timestamp>().ok().or_else(|| hour_offset(raw)).or_else(|| {
        let moment = jiff::fmt::rfc2822::parse(raw).ok()?;
        Some(moment.timestamp())
    });
    let local = || {
        raw.parse::<DateTime>()
            .ok()
            .or_else(|| raw.parse::<Date>().ok().or_else(|| english(raw)).map(|date| date.at(0, 0, 0, 0)))
    };
    let moment = zoned.or_else(|| local().and_then(|local| jiff::tz::TimeZone::UTC.to_timestamp(local).ok()))?;
    Some(moment.as_millisecond())
}

/// "2026-11-24T06:30:00+0100" and "2026-11-24 06:30:00 +0100": offsets without a colon, dates with a space.
fn hour_offset(raw: &str) -> Option<Timestamp> {
    ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%dT%H:%M:%S%.f%z"]
        .iter()
        .find_map(|form| jiff::fmt::strtime::parse(form, raw).ok()?.to_timestamp().ok())
}

/// "24 November 2026", "Nov 24th, 2026".
fn english(raw: &str) -> Option<Date> {
    let plain = without_ordinals(raw);
    let raw = plain.as_str();
    ["%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%b %d %Y", "%B %d %Y", "%Y/%m/%d", "%Y%m%d"]
        .iter()
        .find_map(|form| jiff::fmt::strtime::parse(form, raw).ok()?.to_date().ok())
}

fn without_ordinals(raw: &str) -> String {
    let word = |word: &str| {
        let (head, comma) = word.strip_suffix(',').map_or((word, ""), |head| (head, ","));
        let day = ["st", "nd", "rd", "th"].iter().find_map(|end| head.strip_suffix(end));
        match day.filter(|day| !day.is_empty() && day.bytes().all(|b| b.is_ascii_digit())) {
            Some(day) => format!("{day}{comma}"),
            None => word.to_owned(),
        }
    };
    raw.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_dates_become_moments() {
        let morning = 1_795_498_200_000;
        for raw in [
            "2026-11-24T05:30:00Z",
            "2026-11-24T06:30:00+01:00",
            "2026-11-24T06:30:00+0100",
            "2026-11-24 05:30:00",
            "2026-11-24T05:30",
            "2026-11-24 06:30:00 +0100",
            "Tue, 24 Nov 2026 06:30:00 +0100",
            "2026-11-24T05:30:00.000Z",
        ] {
            assert_eq!(parse(raw), Some(morning), "{raw}");
        }
        let midnight = 1_795_478_400_000;
        for raw in [
            "2026-11-24",
            "24 November 2026",
            "November 24, 2026",
            "Nov 24, 2026",
            "Nov 24th 2026",
            "November 24th, 2026",
            "2026/11/24",
        ] {
            assert_eq!(parse(raw), Some(midnight), "{raw}");
        }
        for raw in ["", "yesterday", "2026", "24/11", "2026-13-40", "9999999999999999999999"] {
            assert_eq!(parse(raw), None, "{raw}");
        }
    }
}
