//! What an edition says of a story: two or three of its own sentences.
//!
//! Chosen by where they stand, how much of the story's own vocabulary they share, and the names and numbers in them; each
//! further one must say something new. A sentence is taken verbatim with its place, or not at all. One that leans on another
//! ("However", "Just days later", a pronoun) is never taken, nor a heading, nor half a quotation.

use crate::opener::{is_dangling, points_back};
use crate::sentence::sentences;
use newsroom::word_count;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A reader takes in this many at a glance.
pub const SUMMARY_SENTENCES_MAX: usize = 3;
/// Half a minute's reading, for twelve stories six minutes.
pub const SUMMARY_WORDS_MAX: usize = 75;
/// A shorter sentence says too little alone.
const SENTENCE_WORDS_MIN: usize = 5;
/// Only this much of a story is looked at: a summary comes from its beginning, and the work stays small.
const CANDIDATES_MAX: usize = 80;
/// How alike a further sentence may be to one already taken, from 0 to 1.
const ALIKE_MAX: f64 = 0.6;

/// A sentence of the story, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Its text, verbatim.
    pub text: String,
    /// Its span: first and one past last Unicode scalar of the story's plain text.
    pub source: [usize; 2],
}

/// The sentences that stand for a story, in its order: at most [`SUMMARY_SENTENCES_MAX`] and [`SUMMARY_WORDS_MAX`] words in
/// all; none when no sentence can stand alone.
pub fn summary(text: &str, language: &str) -> Vec<Sentence> {
    let scalars: Vec<char> = text.chars().collect();
    let candidates = candidates(&scalars, text, language);
    let mut taken: Vec<usize> = Vec::new();
    let mut words = 0;
    while taken.len() < SUMMARY_SENTENCES_MAX {
        let fits = |at: &usize| !taken.contains(at) && words + candidates[*at].words <= SUMMARY_WORDS_MAX;
        let new = |at: &usize| {
            taken.iter().all(|&other| alike(&candidates[*at].terms, &candidates[other].terms) <= ALIKE_MAX)
        };
        let best = (0..candidates.len()).filter(fits).filter(new).max_by(|&one, &other| {
            let worth = |at: usize| {
                candidates[at].score
                    - taken
                        .iter()
                        .map(|&other| alike(&candidates[at].terms, &candidates[other].terms))
                        .fold(0.0, f64::max)
                        * 0.3
            };
            worth(one).total_cmp(&worth(other)).then(other.cmp(&one))
        });
        let Some(best) = best else { break };
        words += candidates[best].words;
        taken.push(best);
    }
    taken.sort_unstable();
    taken.into_iter().map(|at| candidates[at].sentence(&scalars)).collect()
}

struct Candidate {
    range: Range<usize>,
    words: usize,
    terms: BTreeSet<String>,
    score: f64,
}

impl Candidate {
    fn sentence(&self, scalars: &[char]) -> Sentence {
        Sentence { text: scalars[self.range.clone()].iter().collect(), source: [self.range.start, self.range.end] }
    }
}

/// Sentences that can stand alone, with their scores.
fn candidates(scalars: &[char], text: &str, language: &str) -> Vec<Candidate> {
    let ranges: Vec<Range<usize>> = sentences(text, language).into_iter().take(CANDIDATES_MAX).collect();
    let told: Vec<String> = ranges.iter().map(|range| scalars[range.clone()].iter().collect()).collect();
    let mut weights: BTreeMap<String, f64> = BTreeMap::new();
    for term in told.iter().flat_map(|sentence| terms(sentence)) {
        *weights.entry(term).or_default() += 1.0;
    }
    let mut place = 0;
    let mut found = Vec::new();
    for (range, sentence) in ranges.into_iter().zip(told) {
        if !ends_as_sentence(&sentence) {
            continue;
        }
        place += 1;
        let words = word_count(&sentence);
        let stands = (SENTENCE_WORDS_MIN..=SUMMARY_WORDS_MAX).contains(&words)
            && is_whole(&sentence)
            && !is_dangling(&sentence, language);
        if stands {
            let terms: BTreeSet<String> = terms(&sentence).collect();
            let back = if points_back(&sentence, language) { 0.3 } else { 0.0 };
            let score = score(&sentence, place, &terms, &weights, words) - back;
            found.push(Candidate { range, words, terms, score });
        }
    }
    found
}

/// From 0 to about 1.
fn score(sentence: &str, place: usize, terms: &BTreeSet<String>, weights: &BTreeMap<String, f64>, words: usize) -> f64 {
    let lead = 1.0 / (1.0 + 0.35 * (place as f64 - 1.0));
    let heaviest = weights.values().copied().fold(1.0, f64::max);
    let shared: f64 = terms.iter().map(|term| (weights[term] / heaviest).sqrt()).sum();
    let central = shared / (terms.len() as f64 + 3.0);
    let facts = (names_and_numbers(sentence) as f64 / 5.0).min(1.0);
    // A long sentence leaves no room for another; a quotation or a question says less of what happened.
    let long = (words as f64 / SUMMARY_WORDS_MAX as f64 - 0.4).max(0.0) * 0.4;
    let quoted = if sentence.starts_with(['"', '“', '„', '«', '「']) { 0.3 } else { 0.0 };
    let asked = if sentence.ends_with(['?', '؟', '？']) { 0.3 } else { 0.0 };
    0.5 * lead + 0.35 * central + 0.15 * facts - long - quoted - asked
}

/// Words that carry meaning: letters and digits, in lower case, longer than three letters; pairs of characters where a script
/// parts no words.
fn terms(sentence: &str) -> impl Iterator<Item = String> + '_ {
    sentence.split(|c: char| !c.is_alphanumeric()).flat_map(|word| {
        let scalars: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
        let wide = scalars.first().is_some_and(|&c| c as u32 >= 0x2e80);
        match wide {
            true => scalars.windows(2).map(|pair| pair.iter().collect()).collect(),
            false if scalars.len() > 3 || scalars.iter().any(char::is_ascii_digit) => vec![scalars.iter().collect()],
            false => Vec::new(),
        }
    })
}

/// Capitalised words after the first, and numbers.
fn names_and_numbers(sentence: &str) -> usize {
    let words = sentence.split_whitespace().map(|word| word.trim_start_matches(|c: char| !c.is_alphanumeric()));
    words
        .enumerate()
        .filter(|(at, word)| {
            word.starts_with(|c: char| c.is_ascii_digit()) || (*at > 0 && word.starts_with(char::is_uppercase))
        })
        .count()
}

/// The share of the smaller set's terms that the other has too.
fn alike(one: &BTreeSet<String>, other: &BTreeSet<String>) -> f64 {
    let least = one.len().min(other.len());
    if least == 0 { 0.0 } else { one.intersection(other).count() as f64 / least as f64 }
}

/// Not a heading, a list item or a line cut short.
fn ends_as_sentence(sentence: &str) -> bool {
    let bare = sentence.trim_end_matches(['"', '\'', '”', '’', '»', ')', ']', '」', '』', '）']);
    bare.ends_with(['.', '!', '?', '؟', '۔', '。', '！', '？', '।', '։', '።']) && !bare.ends_with("...")
}

/// No quotation or bracket is open at its end or closed before its start.
fn is_whole(sentence: &str) -> bool {
    let pairs = [('“', '”'), ('«', '»'), ('(', ')'), ('[', ']'), ('「', '」'), ('（', '）'), ('《', '》')];
    // German closes with the mark that English opens with.
    let german = sentence.contains('„');
    let straight = sentence.matches('"').count().is_multiple_of(2);
    straight
        && pairs.iter().all(|&(open, close)| (german && open == '“') || balanced(sentence, open, close))
        && (!german || sentence.matches('„').count() == sentence.matches(['“', '”']).count())
}

fn balanced(sentence: &str, open: char, close: char) -> bool {
    let mut depth = 0_i32;
    for c in sentence.chars() {
        depth += i32::from(c == open) - i32::from(c == close);
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: &str = "The port opens\n\nThe port of Harbour opened again on Monday after a strike of three weeks, and the first ships left for the north before noon.\n\n\
        However, the union said that talks with the port authority were not over.\n\n\
        “We asked for pay, and we were given promises,” said Ana Ruiz, who speaks for the 900 dockers of Harbour. “They know our price.”\n\n\
        Just days later, the city's fish market ran empty.\n\n\
        The strike cost the city 40 million crowns, the Chamber of Trade said on Tuesday, most of it in fish that rotted on the quay.\n\n\
        He did not say who would pay.";

    #[track_caller]
    fn check(text: &str, language: &str) -> Vec<Sentence> {
        let told = summary(text, language);
        let scalars: Vec<char> = text.chars().collect();
        let mut last = 0;
        for sentence in &told {
            let [from, to] = sentence.source;
            assert_eq!(scalars[from..to].iter().collect::<String>(), sentence.text, "verbatim, where it says");
            assert!(from >= last && to > from);
            assert!(!is_dangling(&sentence.text, language), "{}", sentence.text);
            last = to;
        }
        assert!(told.iter().map(|sentence| word_count(&sentence.text)).sum::<usize>() <= SUMMARY_WORDS_MAX);
        assert!(told.len() <= SUMMARY_SENTENCES_MAX);
        told
    }

    #[test]
    fn a_summary_is_the_lead_and_what_adds_to_it() {
        let told = check(ENGLISH, "en");
        let texts: Vec<&str> = told.iter().map(|sentence| sentence.text.as_str()).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert!(texts[0].starts_with("The port of Harbour opened"));
        assert!(texts[1].starts_with("“We asked for pay") && texts[1].ends_with("dockers of Harbour."));
        assert!(texts[2].starts_with("The strike cost the city"));
    }

    #[test]
    fn a_story_in_any_script_has_a_summary() {
        let arabic = "عاد ميناء المدينة إلى العمل يوم الاثنين بعد إضراب استمر ثلاثة أسابيع. لكن النقابة قالت إن المحادثات مستمرة. وأضاف المتحدث أن الأجور لم تدفع. خسرت المدينة أربعين مليونا بسبب الإضراب وفق غرفة التجارة في الميناء.";
        let told = check(arabic, "ar");
        assert_eq!(told.len(), 2);
        assert!(told[0].text.starts_with("عاد ميناء"));
        let chinese = "港口在罢工三周之后于星期一重新开放，第一批船只在中午之前驶向北方。但是工会表示谈判尚未结束。随后，鱼市空无一物。商会星期二表示，罢工使城市损失四千万克朗，其中大部分是码头上腐烂的鱼。";
        let told = check(chinese, "zh");
        assert_eq!(told.len(), 2);
        let spanish = "El puerto volvió a abrir el lunes después de tres semanas de huelga. Sin embargo, el sindicato dijo que las conversaciones siguen. La huelga costó a la ciudad 40 millones de coronas, según la Cámara de Comercio.";
        assert_eq!(check(spanish, "es").len(), 2);
    }

    #[test]
    fn what_cannot_stand_alone_is_not_said() {
        assert_eq!(check("", "en"), []);
        assert_eq!(check("He left. However, she stayed. This was new to them.", "en"), []);
        assert_eq!(check("Only a heading\n\nand a list item", "en"), []);
        let endless = format!("The port {} opened.", "and the ship ".repeat(60));
        assert_eq!(check(&endless, "en"), []);
        assert_eq!(
            check("The minister said: “The port will open. The ships will sail.”", "en"),
            [],
            "half a quotation is none"
        );
    }

    #[test]
    fn a_sentence_said_twice_is_taken_once() {
        let text = "The port of Harbour opened again on Monday. The port of Harbour opened again on Monday. Fishermen celebrated with music on the quay.";
        let told = check(text, "en");
        assert_eq!(told.len(), 2);
    }
}
