//! Pages that are no articles (About, Donate, Privacy), and what readers are told of changes to articles.

use crate::{ArticleId, Ms, PageId};

/// A page of the outlet's own, beside its articles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreePage {
    /// Its id.
    pub id: PageId,
    /// Its address on the site: `/about/`.
    pub slug: String,
    /// Its heading, and its name in the menu.
    pub title: String,
    /// Its text: the house's document model as JSON (`prose::Document`).
    pub body: String,
    /// Whether readers find it.
    pub public: bool,
    /// Its place in the site's menu, if it stands there.
    pub menu: Option<i64>,
    /// Rises with every change: whoever saves says which one they had before them.
    pub version: i64,
    /// When it was last changed.
    pub changed: Ms,
}

/// Longest last part of a free page's address.
pub const PAGE_SLUG_CHARS_MAX: usize = 60;
/// What the site's own files and doors are called: no free page may take their places.
const TAKEN: [&str; 15] = [
    "articles",
    "topics",
    "editions",
    "archive",
    "assets",
    "pictures",
    "feeds",
    "search",
    "subscribe",
    "confirm",
    "unsubscribe",
    "preferences",
    "healthz",
    "friends",
    "desk",
];

/// The address of a free page from what was typed. `None`: nothing is left of it, or the site has something else there.
pub fn page_slug(typed: &str) -> Option<String> {
    plain_slug(typed).filter(|slug| !TAKEN.contains(&slug.as_str()))
}

/// One part of an address from what was typed: letters and digits of any script, joined by hyphens. `None`: nothing is left
/// of it.
pub fn plain_slug(typed: &str) -> Option<String> {
    let mut out = String::new();
    for c in typed.chars().flat_map(char::to_lowercase).take(PAGE_SLUG_CHARS_MAX) {
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    let slug = out.trim_matches('-').to_owned();
    Some(slug).filter(|slug| !slug.is_empty())
}

/// What readers are told of a change to an article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectionNote {
    /// When it was made.
    pub at: Ms,
    /// What was wrong, and what is right, in the editor's words.
    pub note: String,
}

/// An article that was taken back: what its address says from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// Which.
    pub article: ArticleId,
    /// Its address, which stays.
    pub slug: String,
    /// The headline it had.
    pub title: String,
    /// Its language.
    pub language: String,
    /// When it was taken back.
    pub at: Ms,
    /// Why, in the editor's words; may be empty.
    pub note: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_plain_address_that_is_nobody_elses() {
        assert_eq!(page_slug(" About us! ").as_deref(), Some("about-us"));
        assert_eq!(page_slug("من نحن").as_deref(), Some("من-نحن"));
        for taken in ["", "!!!", "Articles", "unsubscribe", "../archive"] {
            assert_eq!(page_slug(taken), None, "{taken}");
        }
    }
}
