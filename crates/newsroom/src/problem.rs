//! What a person is told when something went wrong.

/// What happened, what it means for readers, and what to do: how every error reaches a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What happened, in one sentence.
    pub what: String,
    /// What it means for readers.
    pub means: String,
    /// What to do about it.
    pub act: String,
}

impl Problem {
    /// A problem in three sentences.
    pub fn new(what: impl Into<String>, means: impl Into<String>, act: impl Into<String>) -> Self {
        Self { what: what.into(), means: means.into(), act: act.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.what, self.means, self.act)
    }
}

impl std::error::Error for Problem {}
