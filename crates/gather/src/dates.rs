//! Dates as feeds write them: RFC 3339, RFC 5322, asctime, and what people type, with months in many languages.

use newsroom::Ms;

/// The longest text that is looked at as a date, in bytes.
const DATE_BYTES_MAX: usize = 120;

/// The moment a date names, in UTC milliseconds; `None` when it names none. Without a zone it is taken as UTC, without a
/// time as midnight. Years before 1970 and after 2199 are mistakes.
pub(crate) fn parse_date(raw: &str) -> Option<Ms> {
    if raw.len() > DATE_BYTES_MAX {
        return None;
    }
    let raw: String = raw.chars().map(western_digit).collect();
    let pieces = split(&raw);
    let mut found = Found::default();
    let mut left = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        match found.time_or_zone(&pieces, at) {
            0 => {
                left.push(pieces[at]);
                at += 1;
            }
            taken => at += taken,
        }
    }
    let (year, month, day) = calendar_day(&left)?;
    found.moment(year, month, day)
}

/// Arabic, Persian, Devanagari and full-width digits count like ours.
fn western_digit(c: char) -> char {
    let zero = ['\u{660}', '\u{6f0}', '\u{966}', '\u{ff10}']
        .into_iter()
        .find(|zero| (*zero..='\u{ff19}').contains(&c) && u32::from(c) - u32::from(*zero) < 10);
    zero.and_then(|zero| char::from_digit(u32::from(c) - u32::from(zero), 10)).unwrap_or(c)
}

/// A piece of a date: digits, letters, or one other character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Number(u32, usize),
    Word(&'a str),
    Mark(char),
}

fn split(raw: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = raw.trim();
    while let Some(first) = rest.chars().next() {
        let same = |c: char| {
            if first.is_ascii_digit() { c.is_ascii_digit() } else { first.is_alphabetic() && c.is_alphabetic() }
        };
        let length = rest.find(|c| !same(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (piece, after) = rest.split_at(length);
        // `20260101T…`: the T joins, it is no word of its own; letters of a word stay together.
        pieces.push(match piece.parse() {
            Ok(number) => Piece::Number(number, piece.len()),
            Err(_) if first.is_alphabetic() => Piece::Word(piece),
            Err(_) => Piece::Mark(first),
        });
        rest = after;
    }
    pieces
}

#[derive(Default)]
struct Found {
    time: Option<(u32, u32, u32, u32)>,
    afternoon: Option<bool>,
    offset_minutes: Option<i32>,
}

impl Found {
    /// Takes a time of day, a half of the day or a zone at `at`; returns how many pieces it took.
    fn time_or_zone(&mut self, pieces: &[Piece<'_>], at: usize) -> usize {
        match &pieces[at..] {
            [Piece::Number(hour, 1..=2), Piece::Mark(':'), Piece::Number(minute, 1..=2), rest @ ..]
                if self.time.is_none() =>
            {
                let (second, millis, taken) = seconds(rest);
                self.time = Some((*hour, *minute, second, millis));
                3 + taken
            }
            [Piece::Mark(sign @ ('+' | '-' | '−')), Piece::Number(number, digits), rest @ ..]
                if self.time.is_some() =>
            {
                self.signed_offset(*sign != '+', *number, *digits, rest)
            }
            [Piece::Word(word), ..] => usize::from(self.half_or_zone(word)),
            _ => 0,
        }
    }

    fn signed_offset(&mut self, west: bool, number: u32, digits: usize, rest: &[Piece<'_>]) -> usize {
        let (minutes, taken) = match (digits, rest) {
            (1..=2, [Piece::Mark(':'), Piece::Number(minutes, 2), ..]) => (number * 60 + minutes, 4),
            (1..=2, _) => (number * 60, 2),
            (3..=4, _) => (number / 100 * 60 + number % 100, 2),
            _ => return 0,
        };
        let minutes = i32::try_from(minutes).expect("an offset of at most four digits");
        // A written offset is better than an abbreviation: `GMT+0200` means two hours.
        self.offset_minutes = Some(if west { -minutes } else { minutes });
        taken
    }

    fn half_or_zone(&mut self, word: &str) -> bool {
        let lower = word.to_lowercase();
        match lower.as_str() {
            "am" | "오전" | "上午" | "午前" => self.afternoon = Some(false),
            "pm" | "오후" | "下午" | "午後" => self.afternoon = Some(true),
            _ => match ZONES.iter().find(|(name, _)| *name == lower) {
                Some((_, minutes)) if self.time.is_some() => self.offset_minutes = Some(*minutes),
                _ => return false,
            },
        }
        true
    }

    fn moment(&self, year: u32, month: u32, day: u32) -> Option<Ms> {
        let (mut hour, minute, second, millis) = self.time.unwrap_or_default();
        match self.afternoon {
            Some(true) if hour < 12 => hour += 12,
            Some(false) if hour == 12 => hour = 0,
            _ => {}
        }
        if !(1970..2200).contains(&year) || hour > 24 || minute > 59 || second > 60 {
            return None;
        }
        let number = |n: u32| i8::try_from(n).ok();
        let date = jiff::civil::Date::new(i16::try_from(year).ok()?, number(month)?, number(day)?).ok()?;
        let midnight = jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_millisecond();
        let seconds = i64::from(hour * 3_600 + minute * 60 + second) - i64::from(self.offset_minutes.unwrap_or(0)) * 60;
        Some(midnight + seconds * 1_000 + i64::from(millis))
    }
}

/// The seconds of a time and their fraction in milliseconds, and how many pieces they took.
fn seconds(rest: &[Piece<'_>]) -> (u32, u32, usize) {
    match rest {
        [
            Piece::Mark(':'),
            Piece::Number(second, 1..=2),
            Piece::Mark('.' | ','),
            Piece::Number(fraction, digits),
            ..,
        ] if *digits <= 9 => {
            let scale = 10_u64.pow(u32::try_from(*digits).expect("at most nine"));
            let millis = u64::from(*fraction) * 1_000 / scale;
            (*second, u32::try_from(millis).expect("below a thousand"), 4)
        }
        [Piece::Mark(':'), Piece::Number(second, 1..=2), ..] => (*second, 0, 2),
        _ => (0, 0, 0),
    }
}

/// Year, month and day from what is neither time nor zone.
fn calendar_day(left: &[Piece<'_>]) -> Option<(u32, u32, u32)> {
    // The last month word counts: an Italian Tuesday looks like March.
    let named = left.iter().rev().find_map(|piece| match piece {
        Piece::Word(word) => month(word),
        _ => None,
    });
    let numbers: Vec<(u32, usize)> = left
        .iter()
        .filter_map(|piece| match piece {
            Piece::Number(number, digits) => Some((*number, *digits)),
            _ => None,
        })
        .collect();
    let mark = left.iter().find_map(|piece| match piece {
        Piece::Mark(mark @ ('/' | '.' | '-')) => Some(*mark),
        _ => None,
    });
    match (named, numbers.as_slice()) {
        (Some(month), [(year, 4), (day, _), ..] | [(day, _), (year, 4), ..]) => Some((*year, month, *day)),
        (Some(month), [(day, _), (year, 2), ..]) => Some((century(*year), month, *day)),
        (Some(month), [(year, 4)]) => Some((*year, month, 1)),
        (None, [(compact, 8), ..]) => Some((compact / 10_000, compact / 100 % 100, compact % 100)),
        (None, [(year, 4), (month, _), (day, _), ..]) => Some((*year, *month, *day)),
        (None, [(year, 4), (month, 1..=2)]) => Some((*year, *month, 1)),
        (None, [(year, 4)]) => Some((*year, 1, 1)),
        (None, [(first, _), (second, _), (year, digits @ (2 | 4)), ..]) => {
            let year = if *digits == 4 { *year } else { century(*year) };
            // Points are day first everywhere; slashes are month first unless that cannot be.
            let day_first = mark == Some('.') || *first > 12;
            Some(if day_first { (year, *second, *first) } else { (year, *first, *second) })
        }
        _ => None,
    }
}

/// RFC 5322 §4.3: two digits below 50 are of this century.
fn century(year: u32) -> u32 {
    if year < 50 { 2_000 + year } else { 1_900 + year }
}

fn month(word: &str) -> Option<u32> {
    let lower = word.to_lowercase();
    let named = |stems: &&[&str]| stems.iter().any(|stem| lower.starts_with(stem));
    let place = MONTHS.iter().position(named)?;
    u32::try_from(place + 1).ok()
}

/// How months begin, in English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Turkish, Hungarian,
/// Russian, Ukrainian, Greek and Arabic. Longer beginnings stand where a shorter one would catch another month.
const MONTHS: [&[&str]; 12] = [
    &["jan", "jän", "ene", "gen", "sty", "oca", "янв", "січ", "ιαν", "يناير"],
    &["feb", "fév", "fev", "lut", "şub", "фев", "лют", "φεβ", "فبراير"],
    &["mar", "mär", "mrz", "mrt", "maart", "már", "мар", "бер", "μαρ", "μάρ", "مارس"],
    &["apr", "avr", "abr", "kwi", "nis", "ápr", "апр", "кві", "απρ", "أبريل", "ابريل"],
    &["may", "mai", "mag", "mei", "maj", "máj", "май", "мая", "тра", "μαϊ", "μάι", "μαΐ", "مايو"],
    &["jun", "juin", "giu", "cze", "haz", "jún", "июн", "чер", "ιουν", "ιούν", "يونيو"],
    &["jul", "juil", "lug", "lip", "tem", "júl", "июл", "лип", "ιουλ", "ιούλ", "يوليو"],
    &["aug", "aoû", "aou", "ago", "sie", "ağu", "авг", "сер", "αυγ", "αύγ", "أغسطس", "اغسطس"],
    &["sep", "set", "wrz", "eyl", "szep", "сен", "вер", "σεπ", "سبتمبر"],
    &["oct", "okt", "out", "ott", "paź", "eki", "окт", "жов", "οκτ", "أكتوبر", "اكتوبر"],
    &["nov", "lis", "kas", "ноя", "лис", "νοε", "νοέ", "نوفمبر"],
    &["dec", "dez", "déc", "dic", "gru", "ara", "дек", "гру", "δεκ", "ديسمبر"],
];

/// Zone abbreviations (RFC 5322 §4.3 and those seen in feeds), in minutes east of UTC.
const ZONES: [(&str, i32); 40] = [
    ("z", 0),
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("wet", 0),
    ("west", 60),
    ("bst", 60),
    ("cet", 60),
    ("mez", 60),
    ("cest", 120),
    ("mesz", 120),
    ("eet", 120),
    ("sast", 120),
    ("eest", 180),
    ("msk", 180),
    ("ist", 330),
    ("wib", 420),
    ("sgt", 480),
    ("hkt", 480),
    ("awst", 480),
    ("jst", 540),
    ("kst", 540),
    ("acst", 570),
    ("aest", 600),
    ("acdt", 630),
    ("aedt", 660),
    ("nzst", 720),
    ("nzdt", 780),
    ("art", -180),
    ("brt", -180),
    ("adt", -180),
    ("ast", -240),
    ("edt", -240),
    ("est", -300),
    ("cdt", -300),
    ("cst", -360),
    ("mdt", -360),
    ("mst", -420),
    ("pdt", -420),
    ("pst", -480),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str) -> String {
        parse_date(raw).map_or("none".into(), |ms| jiff::Timestamp::from_millisecond(ms).expect("in range").to_string())
    }

    #[test]
    fn dates_are_read_as_feeds_write_them() {
        for (raw, expected) in [
            ("2026-01-05T10:00:00Z", "2026-01-05T10:00:00Z"),
            ("2026-01-05T10:00:00.25+02:00", "2026-01-05T08:00:00.25Z"),
            ("2026-01-05t10:00:00-0330", "2026-01-05T13:30:00Z"),
            ("2026-01-05 10:00", "2026-01-05T10:00:00Z"),
            ("20260105", "2026-01-05T00:00:00Z"),
            ("2026-01", "2026-01-01T00:00:00Z"),
            ("2026", "2026-01-01T00:00:00Z"),
            ("Mon, 05 Jan 2026 10:00:00 GMT", "2026-01-05T10:00:00Z"),
            ("Mon, 5 Jan 26 10:00 EST", "2026-01-05T15:00:00Z"),
            ("Wed, 05 January 2026 10:00:00 +0100", "2026-01-05T09:00:00Z"),
            ("Mon Jan  5 10:00:00 PST 2026", "2026-01-05T18:00:00Z"),
            ("Jan 5, 2026 3:07 PM", "2026-01-05T15:07:00Z"),
            ("05 Jan 2026 24:00:00 GMT", "2026-01-06T00:00:00Z"),
            ("Mon, 05 Jan 2026 10:00:00 GMT+0200", "2026-01-05T08:00:00Z"),
            ("mar, 06 gen 2026 10:00:00 +0100", "2026-01-06T09:00:00Z"),
            ("lundi 5 février 2026 10:00", "2026-02-05T10:00:00Z"),
            ("Mo, 05 Mär 2026 10:00:00 MEZ", "2026-03-05T09:00:00Z"),
            ("Пн, 05 янв 2026 10:00:00 +0300", "2026-01-05T07:00:00Z"),
            ("2026년 1월 5일 오후 3:07", "2026-01-05T15:07:00Z"),
            ("2026年1月5日", "2026-01-05T00:00:00Z"),
            ("٥ يناير ٢٠٢٦", "2026-01-05T00:00:00Z"),
            ("05.01.2026 10:00", "2026-01-05T10:00:00Z"),
            ("1/5/2026", "2026-01-05T00:00:00Z"),
            ("25/1/2026", "2026-01-25T00:00:00Z"),
        ] {
            assert_eq!(check(raw), expected, "{raw}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for raw in
            ["", "yesterday", "0000-00-00", "2026-13-01", "2026-02-30", "1899-01-01", "99999999999999", "10:00", "Jan"]
        {
            assert_eq!(check(raw), "none", "{raw}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reader(raw in "\\PC{0,60}|[0-9:+ .a-zA-Z,-]{0,40}") {
            parse_date(&raw);
        }
    }
}
