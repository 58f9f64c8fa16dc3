//! Moments as the outlet's clock shows them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use newsroom::Ms;

fn at(moment: Ms, zone: &str) -> jiff::ZonedDateTime {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    Timestamp::from_millisecond(moment).unwrap_or_default().to_zoned_datetime(zone)
}

/// `Tuesday, 24 November 2026`.
pub(crate) fn date(moment: Ms, zone: &str) -> String {
    at(moment, zone).strftime("%A, %-d %B %Y").to_string()
}

/// The day by the outlet's clock.
pub(crate) fn day(moment: Ms, zone: &str) -> jiff::civil::Date {
    at(moment, zone).date()
}

/// `24 Nov 2026, 09:05`.
pub(crate) fn minute(moment: Ms, zone: &str) -> String {
    at(moment, zone).strftime("%-d %b %Y, %H:%M").to_string()
}
