//! Dates as a newspaper prints them, in the outlet's time zone and the reader's language.
//!
//! Zones come from jiff's bundled database alone, so that a page is the same on every machine.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use newsroom::Ms;

/// A moment as RFC 3339 wants it, in UTC to the second: for `datetime`, Atom, JSON Feed and the sitemap.
pub(crate) fn rfc3339(at: Ms) -> String {
    moment(at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A moment as RSS 2.0 wants it (RFC 822 as amended by RFC 1123), in GMT.
pub(crate) fn rfc822(at: Ms) -> String {
    moment(at).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The local date of a moment.
pub(crate) fn local_date(at: Ms, zone: &TimeZone) -> Date {
    moment(at).to_zoned_datetime(zone.clone()).date()
}

/// A moment to the minute: "24 November 2026, 08:15".
pub(crate) fn minute(at: Ms, zone: &TimeZone, language: &str) -> String {
    let local = moment(at).to_zoned_datetime(zone.clone());
    let comma = match primary(language) {
        "ar" => "، ",
        "zh" => " ",
        _ => ", ",
    };
    format!("{}{comma}{}", day(local.date(), language), local.strftime("%H:%M"))
}

/// A date: "24 November 2026".
pub(crate) fn day(date: Date, language: &str) -> String {
    prose::strings::long_date(date, language)
}

/// A moment as the front page of `today` tells it: the time for a story of the day, the day without its year for one of
/// the same year, else the date.
pub(crate) fn recent(at: Ms, today: Date, zone: &TimeZone, language: &str) -> String {
    let local = moment(at).to_zoned_datetime(zone.clone());
    match local.date() {
        date if date == today => local.strftime("%H:%M").to_string(),
        date if date.year() == today.year() => day_of_year(date, language),
        date => day(date, language),
    }
}

/// A date whose year goes without saying: "24 November".
fn day_of_year(date: Date, language: &str) -> String {
    let (day, month) = (date.day(), month_name(date.month(), language));
    match primary(language) {
        "es" => format!("{day} de {month}"),
        "fr" if day == 1 => format!("1er {month}"),
        "zh" => format!("{month}{day}日"),
        _ => format!("{day} {month}"),
    }
}

/// A date with its day of the week: "Tuesday, 24 November 2026".
pub(crate) fn weekday_and_day(date: Date, language: &str) -> String {
    with_weekday(date, day(date, language), language)
}

/// A date of the month in hand: "Tuesday, 24 November".
pub(crate) fn weekday_of_month(date: Date, language: &str) -> String {
    with_weekday(date, day_of_year(date, language), language)
}

fn with_weekday(date: Date, day: String, language: &str) -> String {
    let weekday = weekday_name(date, language);
    match primary(language) {
        "fr" => format!("{weekday} {day}"),
        "ar" => format!("{weekday}، {day}"),
        "zh" => format!("{day} {weekday}"),
        _ => format!("{weekday}, {day}"),
    }
}

/// A month: "November 2026".
pub(crate) fn month(year: i16, number: i8, language: &str) -> String {
    let name = month_name(number, language);
    match primary(language) {
        "es" => format!("{name} de {year}"),
        "zh" => format!("{year}年{name}"),
        _ => format!("{name} {year}"),
    }
}

/// The first moment of the common era of computers when the database holds one out of jiff's range: a page still renders.
fn moment(at: Ms) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn primary(language: &str) -> &str {
    crate::words::words(language).language
}

fn month_name(month: i8, language: &str) -> &'static str {
    let names: [&str; 12] = match primary(language) {
        "es" => [
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ],
        "fr" => [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ],
        "ar" => [
            "يناير",
            "فبراير",
            "مارس",
            "أبريل",
            "مايو",
            "يونيو",
            "يوليو",
            "أغسطس",
            "سبتمبر",
            "أكتوبر",
            "نوفمبر",
            "ديسمبر",
        ],
        "zh" => ["1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"],
        _ => [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
    };
    names[usize::from(month.unsigned_abs()) - 1]
}

fn weekday_name(date: Date, language: &str) -> &'static str {
    let names: [&str; 7] = match primary(language) {
        "es" => ["Lunes", "Martes", "Miércoles", "Jueves", "Viernes", "Sábado", "Domingo"],
        "fr" => ["Lundi", "Mardi", "Mercredi", "Jeudi", "Vendredi", "Samedi", "Dimanche"],
        "ar" => ["الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"],
        "zh" => ["星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"],
        _ => ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    };
    names[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_own_order() {
        let date = jiff::civil::date(2026, 11, 24);
        assert_eq!(weekday_and_day(date, "en"), "Tuesday, 24 November 2026");
        assert_eq!(weekday_and_day(date, "es"), "Martes, 24 de noviembre de 2026");
        assert_eq!(weekday_and_day(date, "fr"), "Mardi 24 novembre 2026");
        assert_eq!(weekday_and_day(date, "ar"), "الثلاثاء، 24 نوفمبر 2026");
        assert_eq!(weekday_and_day(date, "zh"), "2026年11月24日 星期二");
        assert_eq!(day(jiff::civil::date(2026, 5, 1), "fr"), "1er mai 2026");
        assert_eq!(month(2026, 2, "zh"), "2026年2月");
    }

    #[test]
    fn the_front_page_tells_only_what_is_not_understood() {
        let today = jiff::civil::date(2026, 11, 25);
        let at = |at| recent(at, today, &TimeZone::UTC, "es");
        assert_eq!(at(1_795_564_800_000), "00:00");
        assert_eq!(at(1_795_564_800_000 - 1), "24 de noviembre");
        assert_eq!(at(1_700_000_000_000), "14 de noviembre de 2023");
    }

    #[test]
    fn a_moment_is_told_in_the_outlets_zone() {
        let zone = TimeZone::get("Asia/Shanghai").expect("jiff bundles every zone");
        assert_eq!(minute(1_795_564_800_000, &zone, "en"), "25 November 2026, 08:00");
        assert_eq!(rfc822(1_795_564_800_000), "Wed, 25 Nov 2026 00:00:00 GMT");
        assert_eq!(rfc3339(1_795_564_800_000), "2026-11-25T00:00:00Z");
        assert_eq!(local_date(1_795_564_800_000 - 1, &TimeZone::UTC), jiff::civil::date(2026, 11, 24));
    }
}
