//! Where sentences begin and end, in any script that marks it.
//!
//! A line end always ends a sentence: headings and list items stand alone. A full stop ends one only where no abbreviation,
//! initial, number or ordinal explains it. Ranges count Unicode scalars of the text, as every span in Coranto does, and never
//! include the white space around a sentence.

use std::ops::Range;

/// The longest text looked at, in Unicode scalars: `prose` lets no article be longer than this.
pub(crate) const TEXT_SCALARS_MAX: usize = 600_000;

/// End a sentence wherever they stand.
const WIDE_STOPS: &[char] = &['。', '！', '？', '｡', '．'];
/// End a sentence before white space.
const STOPS: &[char] = &['.', '!', '?', '…', '؟', '۔', '।', '॥', '։', '።', '‽'];
/// May follow a stop and belong to its sentence.
const CLOSERS: &[char] = &['"', '\'', '”', '’', '»', '›', ')', ']', '」', '』', '）', '】', '》', '“', '‘'];
/// May open a sentence before its first letter.
const OPENERS: &[char] =
    &['"', '\'', '“', '‘', '„', '‚', '«', '‹', '(', '[', '¿', '¡', '「', '『', '（', '【', '《', '—', '–', '-'];

/// Never end a sentence: something always follows.
const ALWAYS_FOLLOWED: &[&str] = &[
    // en
    "mr", "mrs", "ms", "messrs", "dr", "prof", "st", "sen", "rep", "gov", "gen", "col", "lt", "sgt", "capt", "cmdr",
    "maj", "rev", "hon", "pres", "supt", "det", "insp", "amb", "fr", "mt", "ft", "vs", "v", "e.g", "i.e", "cf", "ca",
    "approx", "est", "fig", "figs", "vol", "pp", "ed", "eds", "art", "sec", "dept", "univ", "assn", "bros",
    // es, pt
    "sr", "sra", "srta", "sres", "dra", "d", "dña", "ud", "uds", "vd", "prof", "profa", "lic", "ing", "arq", "gral",
    "cnel", "tte", "exmo", "pág", "págs", "núm", "art", "av", "avda", "p. ej", "ee", // fr
    "m", "mm", "mme", "mmes", "mlle", "mgr", "me", "bd", "éd", "env", // de, nl
    "hr", "fr", "frl", "bzw", "z.b", "u.a", "d.h", "ca", "str", "nr", "mio", "mrd", "dhr", "mevr", "bijv", "o.a",
    // it
    "sig", "sigg", "dott", "dott.ssa", "avv", "on", "ing", // ru, uk, pl, cs
    "г", "гг", "ул", "им", "т.е", "т. е", "проф", "акад", "ul", "tzw", "np", "tzv",
];
/// End a sentence only before a word that begins one.
const SOMETIMES_FOLLOWED: &[&str] = &[
    "jr", "inc", "ltd", "co", "corp", "llc", "plc", "etc", "a.m", "p.m", "no", "nos", "u.s", "u.k", "u.n", "e.u",
    "d.c", "l.a", "n.y", "ph.d", "m.d", "u.s.a", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sept", "sep", "oct",
    "nov", "dec", "ave", "blvd", "rd", "al", "usw", "s.a", "s.l", "uu", "ee.uu", "ee. uu", "т.д", "т.п",
];
/// Words that begin sentences far more often than names.
const SENTENCE_WORDS: &[&str] = &[
    "the",
    "a",
    "an",
    "it",
    "he",
    "she",
    "they",
    "we",
    "i",
    "you",
    "this",
    "that",
    "these",
    "those",
    "but",
    "and",
    "in",
    "on",
    "at",
    "for",
    "with",
    "as",
    "after",
    "before",
    "when",
    "while",
    "if",
    "there",
    "its",
    "his",
    "her",
    "their",
    "our",
    "however",
    "meanwhile",
    "then",
    "since",
    "from",
    "by",
    "to",
    "so",
    "most",
    "many",
    "some",
    "all",
    "no",
    "not",
    "both",
    "what",
    "who",
    "where",
    "how",
    "according",
    "el",
    "la",
    "los",
    "las",
    "un",
    "una",
    "en",
    "le",
    "les",
    "une",
    "der",
    "die",
    "das",
    "ein",
    "eine",
];
/// Languages that write an ordinal as a number and a full stop: "am 8. Januar".
const ORDINAL_LANGUAGES: &[&str] =
    &["de", "da", "nb", "nn", "no", "fi", "is", "cs", "sk", "sl", "hr", "sr", "bs", "pl", "hu", "et", "lv", "tr"];

/// The sentences of a text, in order, as ranges of its Unicode scalars. `language` is a BCP 47 tag; an unknown one is read by
/// the rules all languages share.
pub fn sentences(text: &str, language: &str) -> Vec<Range<usize>> {
    let scalars: Vec<char> = text.chars().take(TEXT_SCALARS_MAX).collect();
    let primary = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let reader = Reader { scalars: &scalars, ordinals: ORDINAL_LANGUAGES.contains(&primary.as_str()) };
    let mut found = Vec::new();
    let (mut from, mut at) = (0, 0);
    while at < scalars.len() {
        match reader.end_at(at) {
            Some(end) => {
                found.extend(reader.trimmed(from..end));
                (from, at) = (end, end);
            }
            None => at += 1,
        }
    }
    found.extend(reader.trimmed(from..scalars.len()));
    found
}

struct Reader<'a> {
    scalars: &'a [char],
    ordinals: bool,
}

impl Reader<'_> {
    fn get(&self, at: usize) -> Option<char> {
        self.scalars.get(at).copied()
    }

    /// The end of a sentence whose stop stands at `at`, if one ends there.
    fn end_at(&self, at: usize) -> Option<usize> {
        let c = self.get(at)?;
        if c == '\n' {
            return Some(at + 1);
        }
        let wide = WIDE_STOPS.contains(&c);
        if !wide && !STOPS.contains(&c) {
            return None;
        }
        let last = self.last_stop(at);
        if wide {
            // There an opening quotation mark follows without a space; German's closing “ does not stand here.
            let closers =
                self.scalars[last + 1..].iter().take_while(|c| CLOSERS.contains(c) && !matches!(c, '“' | '‘'));
            return Some(last + 1 + closers.count());
        }
        let end = self.after_closers(last + 1);
        let spaced = self.get(end).is_none_or(char::is_whitespace);
        (spaced && self.is_end(at, last, end)).then_some(end)
    }

    /// The last of a run of stops: "?!", "...".
    fn last_stop(&self, at: usize) -> usize {
        let more = self.scalars[at + 1..].iter().take_while(|c| STOPS.contains(c) || WIDE_STOPS.contains(c)).count();
        at + more
    }

    fn after_closers(&self, at: usize) -> usize {
        let end = at + self.scalars[at.min(self.scalars.len())..].iter().take_while(|c| CLOSERS.contains(c)).count();
        // French sets its guillemets apart; where » opens a quotation, a letter follows it.
        let apart = self.get(end).is_some_and(|c| c.is_whitespace() && c != '\n')
            && matches!(self.get(end + 1), Some('»' | '›'))
            && !self.get(end + 2).is_some_and(char::is_alphanumeric);
        if apart { end + 2 } else { end }
    }

    /// Whether stops from `at` to `last`, with closers to `end`, end a sentence.
    fn is_end(&self, at: usize, last: usize, end: usize) -> bool {
        let Some(next) = self.next_word(end) else { return true };
        let closed = end > last + 1;
        let first = next.chars().next().unwrap_or(' ');
        if first.is_lowercase() {
            // “Why?” he asked. “We wait …” he said.
            return false;
        }
        match self.get(at) {
            // An ellipsis that stands alone marks words left out of a quotation, not its end.
            Some('…') => !self.stands_alone(at),
            Some('.') if last > at => !self.stands_alone(at),
            Some('.') if !closed => self.is_full_stop(at, &next),
            _ => true,
        }
    }

    fn stands_alone(&self, at: usize) -> bool {
        at > 0 && self.scalars[at - 1].is_whitespace()
    }

    fn is_full_stop(&self, at: usize, next: &str) -> bool {
        let word = self.word_before(at);
        let lower = word.to_lowercase();
        let begins = SENTENCE_WORDS.contains(&next.to_lowercase().as_str());
        let letters = word.chars().filter(|c| c.is_alphabetic()).count();
        if word.chars().all(|c| c.is_ascii_digit()) && !word.is_empty() {
            return !(self.ordinals && word.len() <= 2);
        }
        if ALWAYS_FOLLOWED.contains(&lower.as_str()) {
            return false;
        }
        if SOMETIMES_FOLLOWED.contains(&lower.as_str()) {
            return begins;
        }
        // Initials: "J. Smith", "ج. حداد", "G.W. Bush".
        let initials =
            letters > 0 && word.split('.').all(|part| part.chars().count() == 1) && letters == word.split('.').count();
        if initials && word.chars().any(|c| c.is_uppercase() || !has_case(c)) {
            return begins && letters > 1;
        }
        true
    }

    /// The run of letters, digits and inner full stops that ends at `at`.
    fn word_before(&self, at: usize) -> String {
        const WORD_SCALARS_MAX: usize = 16;
        let from = (0..at)
            .rev()
            .take(WORD_SCALARS_MAX)
            .take_while(|&i| is_word(self.scalars[i]) || self.scalars[i] == '.')
            .last();
        from.map(|from| self.scalars[from..at].iter().collect::<String>())
            .unwrap_or_default()
            .trim_start_matches('.')
            .to_owned()
    }

    /// The word after white space and opening marks; `None` at the end of the line, where every sentence ends.
    fn next_word(&self, from: usize) -> Option<String> {
        let mut at = from;
        while let Some(c) = self.get(at) {
            if c == '\n' {
                return None;
            }
            if !c.is_whitespace() && !OPENERS.contains(&c) {
                break;
            }
            at += 1;
        }
        self.get(at)?;
        let word: String = self.scalars[at..].iter().take_while(|&&c| is_word(c)).collect();
        Some(if word.is_empty() { self.scalars[at].to_string() } else { word })
    }

    fn trimmed(&self, range: Range<usize>) -> Option<Range<usize>> {
        let inside = &self.scalars[range.clone()];
        let first = inside.iter().position(|c| !c.is_whitespace())?;
        let last = inside.iter().rposition(|c| !c.is_whitespace())?;
        Some(range.start + first..range.start + last + 1)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\'' | '’' | '-')
}

fn has_case(c: char) -> bool {
    c.is_uppercase() || c.is_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, language: &str) -> Vec<String> {
        let scalars: Vec<char> = text.chars().collect();
        sentences(text, language).into_iter().map(|range| scalars[range].iter().collect()).collect()
    }

    #[track_caller]
    fn check(language: &str, expected: &[&str]) {
        assert_eq!(parts(&expected.join(" "), language), expected);
    }

    #[test]
    fn english_abbreviations_and_initials_end_nothing() {
        assert_eq!(
            parts("Mr. J. R. Smith of Smith & Co. Ltd. met Gen. Li at 5.30 p.m. on Jan. 8. The U.S. Army left.", "en"),
            ["Mr. J. R. Smith of Smith & Co. Ltd. met Gen. Li at 5.30 p.m. on Jan. 8.", "The U.S. Army left."]
        );
        assert_eq!(parts("He moved to the U.S. The port closed.", "en"), ["He moved to the U.S.", "The port closed."]);
        assert_eq!(parts("It cost 3.5 million. In 2014. Then", "en"), ["It cost 3.5 million.", "In 2014.", "Then"]);
    }

    #[test]
    fn a_quotation_keeps_its_marks_and_its_speaker() {
        check("en", &["“Why now?” she asked.", "“We wait,” he said.", "“We are tired.”", "“So are we!”", "They left."]);
        check("en", &["“It cost billions … We stay unless they pay … We will charge them.”", "He paused..."]);
        check("fr", &["« Pourquoi maintenant ? » demanda-t-elle.", "M. Petit est parti."]);
    }

    #[test]
    fn other_languages_mark_their_ends_in_their_own_way() {
        check("de", &["Am 8. Januar kam Dr. Lind an.", "Das war z.B. neu.", "Er ging."]);
        check("es", &["El Sr. Ruiz llegó a EE. UU. en 2014.", "¿Por qué?", "¡Nadie lo sabe!"]);
        check("ar", &["هل فتح الميناء؟", "عاد العمال يوم الاثنين.", "قال د. حداد إن الأجور دفعت."]);
        check("ur", &["بندرگاہ کھل گئی۔", "مزدور واپس آئے۔"]);
        check("hi", &["बंदरगाह खुल गया।", "मजदूर लौट आए।"]);
        assert_eq!(
            parts("港口重新开放。“我们要工资！”她说。为什么？", "zh"),
            ["港口重新开放。", "“我们要工资！”", "她说。", "为什么？"]
        );
    }

    #[test]
    fn a_line_end_always_ends_a_sentence() {
        assert_eq!(parts("Day 3\n\nThe port opens.\none\ntwo", "en"), ["Day 3", "The port opens.", "one", "two"]);
        assert_eq!(parts(" \n \n", "en"), Vec::<String>::new());
        assert_eq!(parts("", ""), Vec::<String>::new());
    }

    #[test]
    fn ranges_are_in_order_and_lose_nothing_but_white_space() {
        let mut state = 88_172_645_463_325_252_u64;
        let pieces = [" ", ".", "!", "\n", "Mr", "x", "É", "。", "…", "”", "“", "U.S", "8", "؟", "a.b", "🌍", "'"];
        for _ in 0..2_000 {
            let mut text = String::new();
            for _ in 0..30 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                text.push_str(pieces[(state % pieces.len() as u64) as usize]);
            }
            let scalars: Vec<char> = text.chars().collect();
            let mut covered = 0;
            for range in sentences(&text, "en") {
                assert!(range.start >= covered && range.end > range.start && range.end <= scalars.len());
                assert!(scalars[covered..range.start].iter().all(|c| c.is_whitespace()), "{text:?}");
                covered = range.end;
            }
            assert!(scalars[covered..].iter().all(|c| c.is_whitespace()), "{text:?}");
        }
    }
}
