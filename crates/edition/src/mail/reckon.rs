//! How long a mail is: words counted and minutes reckoned from what is really in it, so that a reader knows before the
//! first line how much of the morning it asks for. Never guesses from bytes.

/// Reading speeds a minute, in what [`words`] counts: Trauzettel-Klosinski and Dietz, "Standardized Assessment of Reading
/// Performance", 2012 (the IReST texts in 17 languages). Chinese and Japanese are in characters.
const SPEEDS: [(&str, u64); 17] = [
    ("ar", 138),
    ("de", 179),
    ("en", 228),
    ("es", 218),
    ("fi", 161),
    ("fr", 195),
    ("he", 187),
    ("it", 188),
    ("ja", 357),
    ("nl", 202),
    ("pl", 166),
    ("pt", 181),
    ("ru", 184),
    ("sl", 180),
    ("sv", 199),
    ("tr", 166),
    ("zh", 255),
];
/// The mean over the languages of the same study, for one that it did not hold.
const SPEED_MEAN: u64 = 184;
/// Minutes are added up in this many parts, so that twelve short stories are not twelve rounded minutes.
const PARTS_A_MINUTE: u64 = 1_000;

/// The words of `text`: runs between spaces that hold a letter or digit, and each character of a script that writes
/// without spaces.
pub(crate) fn words(text: &str) -> u64 {
    let mut count = 0;
    let mut inside = false;
    for c in text.chars() {
        if ideograph(c) {
            count += 1;
            inside = false;
        } else if c.is_whitespace() {
            inside = false;
        } else if !inside && c.is_alphanumeric() {
            count += 1;
            inside = true;
        }
    }
    count
}

/// Whole minutes, at least one, to read `(language, words)` one after another.
pub(crate) fn minutes<'a>(texts: impl IntoIterator<Item = (&'a str, u64)>) -> u64 {
    let parts: u64 = texts.into_iter().map(|(language, words)| words * PARTS_A_MINUTE / speed(language)).sum();
    parts.div_ceil(PARTS_A_MINUTE).max(1)
}

fn speed(language: &str) -> u64 {
    let primary = super::language::primary(language);
    SPEEDS.iter().find(|(tag, _)| *tag == primary).map_or(SPEED_MEAN, |(_, speed)| *speed)
}

/// Han, kana and their neighbours, where a line may break after any character.
pub(crate) fn ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_in_every_script() {
        assert_eq!(words("The port — at last — reopens: day 3"), 7);
        assert_eq!(words("الميناء يفتح أبوابه"), 3);
        assert_eq!(words("港口重新开放"), 6);
        assert_eq!(words("港口 reopens 了"), 4);
        assert_eq!(words(" … ! "), 0);
    }

    #[test]
    fn minutes_follow_the_language_and_are_never_none() {
        assert_eq!(minutes([("en", 3)]), 1);
        assert_eq!(minutes([("en-GB", 2 * 228)]), 2);
        assert_eq!(minutes([("ar", 2 * 138)]), 2);
        assert_eq!(minutes((0..12).map(|_| ("en", 38))), 2);
    }
}
