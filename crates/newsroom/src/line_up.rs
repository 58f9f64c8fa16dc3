//! The line-up of a newsletter's next edition: which stories, in which order. Plain rules; the store keeps it.
//!
//! The first entry is the lead once a person has had a hand in the order. What no person lined up stands behind what one
//! did, so that the press of news never pushes an editor's choice down.

use crate::ArticleId;

/// How many entries a line-up holds at most: ten times what a copy carries, and still a list that an editor can scroll.
pub const LINE_UP_MAX: usize = 200;

/// One story lined up for the next edition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinedUp {
    /// Which article.
    pub article: ArticleId,
    /// Who lined it up; empty: it lined up by itself, as what comes from our own sources does.
    pub by: String,
    /// It stays for the editions after the next one, until somebody takes it out.
    pub pinned: bool,
    /// The rank it counts with, when it is another than its own: a story that earlier editions passed over is new to
    /// everybody although its own rank is old.
    pub rank: Option<i64>,
    /// The local date of the edition that took it, `YYYY-MM-DD`; empty as long as none has.
    pub taken: String,
}

/// The line-up of a newsletter's next edition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineUp {
    /// Rises with every change by a person, so that of two members neither overwrites the other unseen.
    pub version: i64,
    /// Who last changed the order; empty: nobody has had a hand in it, and the mail chooses its lead by itself.
    pub ordered_by: String,
    /// The stories, first to last.
    pub entries: Vec<LinedUp>,
}

/// What a person does to a line-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineUpChange {
    /// Lines an article up, behind what people lined up before.
    Add(ArticleId),
    /// Takes it out.
    Out(ArticleId),
    /// Moves it one place up.
    Up(ArticleId),
    /// Moves it one place down.
    Down(ArticleId),
    /// Moves it to the first place.
    Lead(ArticleId),
    /// Keeps it for later editions too.
    Pin(ArticleId),
    /// Lets it go with the next edition.
    Unpin(ArticleId),
}

/// Why a line-up stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// It stands there already, or cannot go further that way.
    Already,
    /// It is not lined up.
    NotThere,
    /// The line-up is full: [`LINE_UP_MAX`].
    Full,
}

impl LineUpChange {
    /// Which article it is about.
    pub fn article(self) -> ArticleId {
        match self {
            Self::Add(a)
            | Self::Out(a)
            | Self::Up(a)
            | Self::Down(a)
            | Self::Lead(a)
            | Self::Pin(a)
            | Self::Unpin(a) => a,
        }
    }
}

impl LineUp {
    /// The first story, when a person chose the order.
    pub fn lead(&self) -> Option<ArticleId> {
        self.entries.first().filter(|_| !self.ordered_by.is_empty()).map(|entry| entry.article)
    }

    /// Makes a change of a person named `by`.
    ///
    /// # Errors
    /// [`Unchanged`]; then nothing was changed.
    pub fn change(&mut self, change: LineUpChange, by: &str) -> Result<(), Unchanged> {
        let at = self.entries.iter().position(|entry| entry.article == change.article());
        match (change, at) {
            (LineUpChange::Add(article), None) => self.add(article, by)?,
            (LineUpChange::Add(_), Some(at)) => self.take_over(at, by)?,
            (_, None) => return Err(Unchanged::NotThere),
            (LineUpChange::Out(_), Some(at)) => drop(self.entries.remove(at)),
            (LineUpChange::Up(_), Some(at)) => self.swap(at.checked_sub(1), at)?,
            (LineUpChange::Down(_), Some(at)) => self.swap(Some(at), at + 1)?,
            (LineUpChange::Lead(_), Some(at)) => self.entries[..=at].rotate_right(1),
            (LineUpChange::Pin(_), Some(at)) => return self.pin(at, true),
            (LineUpChange::Unpin(_), Some(at)) => return self.pin(at, false),
        }
        by.clone_into(&mut self.ordered_by);
        Ok(())
    }

    /// Lines up by itself, at the end. `false`: it stands there already, or there is no room.
    pub fn append(&mut self, article: ArticleId) -> bool {
        let room = self.entries.len() < LINE_UP_MAX && !self.entries.iter().any(|entry| entry.article == article);
        if room {
            self.entries.push(LinedUp { article, by: String::new(), pinned: false, rank: None, taken: String::new() });
        }
        room
    }

    fn add(&mut self, article: ArticleId, by: &str) -> Result<(), Unchanged> {
        if self.entries.len() >= LINE_UP_MAX {
            return Err(Unchanged::Full);
        }
        let entry = LinedUp { article, by: by.to_owned(), pinned: false, rank: None, taken: String::new() };
        self.entries.insert(self.behind_people(), entry);
        Ok(())
    }

    /// What lined up by itself becomes a person's choice.
    fn take_over(&mut self, at: usize, by: &str) -> Result<(), Unchanged> {
        if !self.entries[at].by.is_empty() {
            return Err(Unchanged::Already);
        }
        let mut entry = self.entries.remove(at);
        by.clone_into(&mut entry.by);
        self.entries.insert(self.behind_people(), entry);
        Ok(())
    }

    /// The place behind the last entry that a person lined up.
    fn behind_people(&self) -> usize {
        self.entries.iter().rposition(|entry| !entry.by.is_empty()).map_or(0, |last| last + 1)
    }

    fn swap(&mut self, upper: Option<usize>, lower: usize) -> Result<(), Unchanged> {
        match upper {
            Some(upper) if lower < self.entries.len() => self.entries.swap(upper, lower),
            _ => return Err(Unchanged::Already),
        }
        Ok(())
    }

    fn pin(&mut self, at: usize, pinned: bool) -> Result<(), Unchanged> {
        let entry = &mut self.entries[at];
        let same = std::mem::replace(&mut entry.pinned, pinned) == pinned;
        if same { Err(Unchanged::Already) } else { Ok(()) }
    }

    /// What is left for the edition of `date`: what no edition took, what this date's took already, and what is pinned.
    pub fn open_for(&self, date: &str) -> impl Iterator<Item = &LinedUp> {
        self.entries.iter().filter(move |entry| entry.pinned || entry.taken.is_empty() || entry.taken == date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LineUpChange::{Add, Down, Lead, Out, Pin, Up};

    fn after(changes: &[LineUpChange]) -> String {
        let mut line_up = LineUp::default();
        for own in [8, 9] {
            assert!(line_up.append(ArticleId(own)));
        }
        let mut told: Vec<String> = Vec::new();
        for change in changes {
            if let Err(why) = line_up.change(*change, "Ana") {
                told.push(format!("{why:?}"));
            }
        }
        told.insert(0, line_up.entries.iter().map(|entry| entry.article.to_string()).collect::<Vec<_>>().join(" "));
        told.join(", ")
    }

    #[test]
    fn what_a_person_lines_up_stands_before_what_lined_up_by_itself() {
        assert_eq!(after(&[Add(ArticleId(1)), Add(ArticleId(2))]), "1 2 8 9");
        assert_eq!(after(&[Add(ArticleId(1)), Add(ArticleId(9))]), "1 9 8");
        assert_eq!(after(&[Add(ArticleId(1)), Add(ArticleId(1))]), "1 8 9, Already");
    }

    #[test]
    fn stories_move_and_leave() {
        assert_eq!(after(&[Up(ArticleId(9))]), "9 8");
        assert_eq!(after(&[Up(ArticleId(8))]), "8 9, Already");
        assert_eq!(after(&[Down(ArticleId(9))]), "8 9, Already");
        assert_eq!(after(&[Add(ArticleId(1)), Add(ArticleId(2)), Lead(ArticleId(9))]), "9 1 2 8");
        assert_eq!(
            after(&[Out(ArticleId(8)), Out(ArticleId(8)), Pin(ArticleId(9)), Pin(ArticleId(9))]),
            "9, NotThere, Already"
        );
    }

    #[test]
    fn nobody_chose_a_lead_until_somebody_did() {
        let mut line_up = LineUp::default();
        line_up.append(ArticleId(8));
        assert_eq!(line_up.lead(), None);
        line_up.change(Add(ArticleId(1)), "Ana").expect("there is room");
        assert_eq!(line_up.lead(), Some(ArticleId(1)));
    }

    #[test]
    fn a_line_up_has_an_end() {
        let mut line_up = LineUp::default();
        assert_eq!((0..300).filter(|n| line_up.append(ArticleId(*n))).count(), LINE_UP_MAX);
        assert_eq!(line_up.entries.len(), LINE_UP_MAX);
        assert_eq!(line_up.change(Add(ArticleId(999)), "Ana"), Err(Unchanged::Full));
    }

    #[test]
    fn what_yesterday_took_is_gone_unless_it_is_pinned() {
        let entry = |n, taken: &str, pinned| LinedUp {
            article: ArticleId(n),
            by: "Ana".into(),
            pinned,
            rank: None,
            taken: taken.into(),
        };
        let entries = vec![
            entry(1, "2026-01-01", false),
            entry(2, "2026-01-01", true),
            entry(3, "", false),
            entry(4, "2026-01-02", false),
        ];
        let line_up = LineUp { entries, ..LineUp::default() };
        assert_eq!(line_up.open_for("2026-01-02").map(|e| e.article.0).collect::<Vec<_>>(), [2, 3, 4]);
    }
}
