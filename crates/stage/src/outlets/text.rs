//! Reads the outlets' files: their own words and their stories, as `outlets/README.md` describes them.
//!
//! The files are part of the binary, so a fault in one is a broken promise and the tests of this module find it.

use super::Morning;
use std::collections::BTreeMap;

/// What divides an outlet's words from its stories and one story from the next.
const DIVIDER: &str = "\n====\n";

/// An outlet's file.
#[derive(Debug)]
pub(super) struct OutletText {
    /// Its own words: labels, taglines, buttons.
    pub words: BTreeMap<&'static str, &'static str>,
    /// Its stories, in the file's order.
    pub stories: Vec<Story>,
}

/// One story, dates not yet filled in.
#[derive(Debug)]
pub(super) struct Story {
    pub id: &'static str,
    pub topic: &'static str,
    pub morning: Morning,
    /// Days from the first morning.
    pub day: i32,
    /// Hour and minute, UTC.
    pub time: (i8, i8),
    pub author: &'static str,
    pub picture: Option<PictureText>,
    pub title: &'static str,
    /// The headline from the second morning on.
    pub corrected: Option<&'static str>,
    pub summary: &'static str,
    pub body: Vec<Block>,
}

#[cfg(test)]
impl Story {
    /// Its text, dates not yet filled in.
    pub fn text(&self) -> String {
        let words = |block: &Block| match block {
            Block::Paragraph(text) | Block::CrossHead(text) => (*text).to_owned(),
            Block::List(items) => items.join(" "),
        };
        self.body.iter().map(words).collect::<Vec<_>>().join(" ")
    }
}

/// A picture as a story uses it.
#[derive(Debug)]
pub(super) struct PictureText {
    /// Its name in `pictures/`, without the extension.
    pub name: &'static str,
    pub alt: &'static str,
    pub caption: &'static str,
    pub credit: &'static str,
}

/// One block of a story's text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    Paragraph(&'static str),
    CrossHead(&'static str),
    List(Vec<&'static str>),
}

/// The file of the outlet at `host`.
pub(super) fn outlet(host: &str) -> OutletText {
    parse(file(host))
}

fn file(host: &str) -> &'static str {
    match host.split('.').next().expect("split yields at least one part") {
        "meridian" => include_str!("../../outlets/meridian.txt"),
        "plumbline" => include_str!("../../outlets/plumbline.txt"),
        "darsena" => include_str!("../../outlets/darsena.txt"),
        "rasif" => include_str!("../../outlets/rasif.txt"),
        "tideline" => include_str!("../../outlets/tideline.txt"),
        "jetee" => include_str!("../../outlets/jetee.txt"),
        "lantern" => include_str!("../../outlets/lantern.txt"),
        other => panic!("there is no outlet called {other}"),
    }
}

fn parse(file: &'static str) -> OutletText {
    let mut parts = file.trim_end().split(DIVIDER);
    let (words, _) = keys(parts.next().expect("split yields at least one part"));
    OutletText { words, stories: parts.map(story).collect() }
}

/// The `key: value` lines at the top of `part`, and what follows the first empty line.
fn keys(part: &'static str) -> (BTreeMap<&'static str, &'static str>, &'static str) {
    let (head, rest) = part.split_once("\n\n").unwrap_or((part, ""));
    let pairs = head.lines().map(|line| line.split_once(": ").expect("every line of a head is `key: value`"));
    (pairs.collect(), rest)
}

fn story(part: &'static str) -> Story {
    let (keys, text) = keys(part);
    let get = |key| keys.get(key).copied();
    let need = |key| get(key).unwrap_or_else(|| panic!("a story has no {key}: {part:.60}"));
    let (hour, minute) = need("time").split_once(':').expect("a time is hours:minutes");
    let number = |digits: &str| digits.parse::<i8>().expect("a time is two numbers");
    Story {
        id: need("id"),
        topic: need("topic"),
        morning: if need("morning") == "2" { Morning::Second } else { Morning::First },
        day: need("day").parse().expect("a day is a number"),
        time: (number(hour), number(minute)),
        author: need("author"),
        picture: get("picture").map(|name| PictureText {
            name,
            alt: need("alt"),
            caption: need("caption"),
            credit: need("credit"),
        }),
        title: need("title"),
        corrected: get("corrected"),
        summary: need("summary"),
        body: text.split("\n\n").map(block).collect(),
    }
}

fn block(text: &'static str) -> Block {
    if let Some(head) = text.strip_prefix("## ") {
        return Block::CrossHead(head);
    }
    if text.starts_with("- ") {
        return Block::List(text.lines().map(|line| line.strip_prefix("- ").unwrap_or(line)).collect());
    }
    Block::Paragraph(text)
}

#[cfg(test)]
mod tests {
    use super::super::{OUTLETS, TOPICS};
    use super::*;
    use std::collections::BTreeSet;

    fn every_story() -> Vec<(&'static str, Story)> {
        OUTLETS.iter().flat_map(|o| outlet(o.host).stories.into_iter().map(|s| (o.host, s))).collect()
    }

    #[test]
    fn every_outlet_is_in_its_table_as_in_its_file() {
        for entry in OUTLETS {
            let text = outlet(entry.host);
            assert_eq!((text.words["name"], text.words["language"]), (entry.name, entry.language));
        }
    }

    #[test]
    fn every_outlet_has_four_or_five_stories_and_then_two_or_three_new_ones() {
        for entry in OUTLETS {
            let stories = outlet(entry.host).stories;
            let second = stories.iter().filter(|s| s.morning == Morning::Second).count();
            assert!((4..=5).contains(&(stories.len() - second)), "{} on the first morning", entry.host);
            assert!((2..=3).contains(&second), "{} on the second morning", entry.host);
            assert!(stories.iter().all(|s| s.morning == Morning::First || s.day == 1), "{}", entry.host);
        }
    }

    #[test]
    fn every_topic_has_a_story_in_english_on_each_morning() {
        for morning in [Morning::First, Morning::Second] {
            let english = every_story()
                .into_iter()
                .filter(|(host, story)| story.morning == morning && outlet(host).words["language"] == "en");
            let topics: BTreeSet<_> = english.map(|(_, story)| story.topic).collect();
            assert_eq!(topics, TOPICS.iter().map(|(slug, _)| *slug).collect(), "{morning:?}");
        }
    }

    #[test]
    fn ids_are_distinct_and_fit_an_address() {
        let mut seen = BTreeSet::new();
        for (_, story) in every_story() {
            assert!(seen.insert(story.id), "{} twice", story.id);
            assert!(
                story.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                story.id
            );
        }
    }

    #[test]
    fn a_headline_is_corrected_somewhere() {
        assert!(every_story().iter().filter(|(_, story)| story.corrected.is_some()).count() >= 2);
    }

    #[test]
    fn texts_are_as_long_as_news_is() {
        for (host, story) in every_story() {
            let text = story.text();
            // A Chinese word is about two characters.
            let words = if host.starts_with("tideline") { text.chars().count() / 2 } else { text.split(' ').count() };
            assert!((220..=620).contains(&words), "{} has {words} words", story.id);
        }
    }
}
