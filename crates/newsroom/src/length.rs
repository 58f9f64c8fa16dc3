//! How long a text is, in words, whatever its script: what a copy's "words and minutes" and a summary's limit are made of.

/// Half a word for each character of a script that does not part words: Chinese averages 1.6 characters a word, and
/// readers read some 500 characters a minute against 250 words.
const HALF_WORD_SCRIPTS: &[(char, char)] = &[
    ('\u{3040}', '\u{30ff}'),
    ('\u{3400}', '\u{4dbf}'),
    ('\u{4e00}', '\u{9fff}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{20000}', '\u{3134f}'),
];
/// A fifth of a word for each character of Thai, Lao, Burmese and Khmer, which part sentences but not words.
const FIFTH_WORD_SCRIPTS: &[(char, char)] =
    &[('\u{0e00}', '\u{0eff}'), ('\u{1000}', '\u{109f}'), ('\u{1780}', '\u{17ff}')];
/// Words are counted in tenths, so that halves and fifths add up exactly.
const TENTHS: usize = 10;

/// How many words a text has: runs of letters and digits, and half a word for each Chinese or Japanese character.
pub fn word_count(text: &str) -> usize {
    let mut tally = WordTally::default();
    for c in text.chars() {
        tally.take(c);
    }
    tally.tenths.div_ceil(TENTHS)
}

/// Counts the words of a text as it is read, character by character.
#[derive(Clone, Copy, Debug, Default)]
pub struct WordTally {
    tenths: usize,
    inside: bool,
}

impl WordTally {
    /// Reads one character. True when it begins a word or part of one.
    pub fn take(&mut self, c: char) -> bool {
        let before = self.tenths;
        let within = |ranges: &[(char, char)]| ranges.iter().any(|&(from, to)| (from..=to).contains(&c));
        if within(HALF_WORD_SCRIPTS) {
            self.tenths += TENTHS / 2;
            self.inside = false;
        } else if within(FIFTH_WORD_SCRIPTS) {
            self.tenths += TENTHS / 5;
            self.inside = false;
        } else if c.is_alphanumeric() {
            self.tenths += if self.inside { 0 } else { TENTHS };
            self.inside = true;
        } else if !matches!(c, '\'' | '’' | '-' | '\u{ad}' | '\u{200c}' | '\u{200d}') && !is_mark(c) {
            self.inside = false;
        }
        self.tenths > before
    }

    /// Whether more than `words` words were read.
    pub fn exceeds(&self, words: usize) -> bool {
        self.tenths > words * TENTHS
    }
}

/// Combining marks of the scripts that write vowels with them; the standard library knows letters only.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}'
            | '\u{591}'..='\u{5c7}'
            | '\u{610}'..='\u{61a}'
            | '\u{64b}'..='\u{65f}'
            | '\u{900}'..='\u{903}'
            | '\u{93a}'..='\u{94f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_in_any_script() {
        assert_eq!(word_count("The port’s re-opening, at 5.30: done."), 7);
        assert_eq!(word_count("港口罢工第三天"), 4);
        assert_eq!(word_count("فتح الميناء أبوابه"), 3);
        assert_eq!(word_count("فَتَحَ المِيناءُ"), 2);
        assert_eq!(word_count(" … "), 0);
    }
}
