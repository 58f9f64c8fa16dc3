//! Topics, and the set of them a reader chose.

use crate::TopicId;

/// How many topics an outlet may have: a chosen set is one 63-bit number, so that readers with the same choice are one
/// cohort without a join.
pub const TOPICS_MAX: u8 = 62;

/// A subject that readers may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its id.
    pub id: TopicId,
    /// Its place in a [`Topics`] set: `0..TOPICS_MAX`, given once and never reused.
    pub bit: u8,
    /// The last part of its address on the site.
    pub slug: String,
    /// Its name, in the outlet's words.
    pub title: String,
}

/// A set of topics. [`Topics::ALL`] is every topic, those of the future too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topics(i64);

impl Topics {
    /// Every topic, now and in future.
    pub const ALL: Self = Self(-1);
    /// No topic: an article without one is for everybody.
    pub const NONE: Self = Self(0);

    /// The set kept in the store.
    pub fn from_raw(raw: i64) -> Self {
        Self(raw)
    }

    /// What the store keeps: -1 for all, else one bit a topic.
    pub fn raw(self) -> i64 {
        self.0
    }

    /// This set with the topic of `bit` in it.
    #[must_use]
    pub fn with(self, bit: u8) -> Self {
        assert!(bit < TOPICS_MAX, "topic bit {bit} is out of range");
        Self(self.0 | (1 << bit))
    }

    /// Whether the topic of `bit` is in it.
    pub fn has(self, bit: u8) -> bool {
        bit < TOPICS_MAX && self.0 & (1 << bit) != 0
    }

    /// Whether a reader who chose `self` wants an article of `topics`: they share one, or the article has none.
    pub fn wants(self, topics: Topics) -> bool {
        topics == Self::NONE || self.0 & topics.0 != 0
    }
}

impl FromIterator<u8> for Topics {
    fn from_iter<T: IntoIterator<Item = u8>>(bits: T) -> Self {
        bits.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_wants_their_topics_and_what_has_none() {
        let chosen: Topics = [0, 3].into_iter().collect();
        assert!(chosen.wants(Topics::NONE.with(3)));
        assert!(!chosen.wants(Topics::NONE.with(2)));
        assert!(chosen.wants(Topics::NONE));
        assert!(Topics::ALL.wants(Topics::NONE.with(61)));
    }
}
