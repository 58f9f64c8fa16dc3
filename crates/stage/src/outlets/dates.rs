//! Fills the dates of a story in: the files say `{-6 day}`, the reader sees "Monday", in the story's language.

use jiff::{ToSpan, civil::Date};

/// `text` with every `{N day}`, `{N date}`, `{N full}` and `{N year}` written out in `language`, N days from `day`.
///
/// # Panics
/// On a mark that is none of these: the texts are part of the binary.
pub(super) fn fill(text: &str, day: Date, language: &str) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, mark)) = rest.split_once('{') {
        let (mark, after) = mark.split_once('}').expect("every mark is closed");
        out.push_str(before);
        out.push_str(&written(mark, day, language));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn written(mark: &str, day: Date, language: &str) -> String {
    let (offset, style) = mark.split_once(' ').expect("a mark is a number and a style");
    let offset: i32 = offset.parse().expect("a mark's number of days");
    let date = day.checked_add(offset.days()).expect("a date that calendars know");
    match style {
        "day" => weekday(date, language).to_owned(),
        "date" => day_and_month(date, language),
        "full" => with_year(date, language),
        "year" => date.year().to_string(),
        other => panic!("no date is written in the style {other}"),
    }
}

fn weekday(date: Date, language: &str) -> &'static str {
    let names = match language {
        "es" => ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
        "fr" => ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
        "ar" => ["الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"],
        "zh-Hans" => ["星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"],
        _ => ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    };
    let place = date.weekday().to_monday_zero_offset();
    names[usize::try_from(place).expect("a weekday is 0 to 6")]
}

fn month(date: Date, language: &str) -> &'static str {
    let names = match language {
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
    names[usize::try_from(date.month() - 1).expect("a month is 1 to 12")]
}

fn day_and_month(date: Date, language: &str) -> String {
    let (day, name) = (date.day(), month(date, language));
    match language {
        "es" => format!("{day} de {name}"),
        "fr" if day == 1 => format!("1er {name}"),
        "zh-Hans" => format!("{}月{day}日", date.month()),
        _ => format!("{day} {name}"),
    }
}

/// The date with its year, as a newspaper of `language` writes it.
pub(super) fn with_year(date: Date, language: &str) -> String {
    let (short, year) = (day_and_month(date, language), date.year());
    match language {
        "es" => format!("{short} de {year}"),
        "zh-Hans" => format!("{year}年{short}"),
        _ => format!("{short} {year}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn check(text: &str, language: &str) -> String {
        fill(text, date(2026, 3, 3), language)
    }

    #[test]
    fn dates_are_written_in_the_language_of_the_story() {
        assert_eq!(check("on {-1 day}, by {+18 date}", "en"), "on Monday, by 21 March");
        assert_eq!(check("el {0 day}, {-338 full}", "es"), "el martes, 30 de marzo de 2025");
        assert_eq!(check("avant le {-2 date}", "fr"), "avant le 1er mars");
        assert_eq!(check("في {-1 date}", "ar"), "في 2 مارس");
        assert_eq!(check("{-338 full}，{0 day}", "zh-Hans"), "2025年3月30日，星期二");
        assert_eq!(check("in {-500 year}.", "en"), "in 2024.");
    }

    #[test]
    fn every_mark_in_every_story_can_be_written() {
        for outlet in crate::outlets::OUTLETS {
            for story in crate::outlets::text::outlet(outlet.host).stories {
                let caption = story.picture.as_ref().map_or("", |picture| picture.caption);
                let whole = format!("{} {} {caption}", story.text(), story.summary);
                assert!(!fill(&whole, date(2026, 3, 3), outlet.language).contains(['{', '}']), "{}", story.id);
                assert!(!story.title.contains('{'), "headlines stand as they are: {}", story.id);
            }
        }
    }
}
