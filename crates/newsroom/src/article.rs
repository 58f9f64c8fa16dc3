//! Articles, kept by revision: what went out can always be shown.

use crate::{ArticleId, ItemId, Ms, PictureId, Topics};

/// Where an article stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArticleState {
    /// Being written.
    Draft = 0,
    /// On the site.
    Published = 1,
    /// Taken back.
    Withdrawn = 2,
}

/// What readers find of an article on our site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A whole page.
    Page = 1,
    /// A card: headline, a short text and a link that leads to where the article lives. There is no page of it here.
    Card = 2,
}

impl Form {
    /// The form the store keeps as `raw`.
    ///
    /// # Panics
    /// When `raw` is no form: the database is damaged.
    pub fn from_raw(raw: i64) -> Self {
        match raw {
            1 => Self::Page,
            2 => Self::Card,
            other => panic!("{other} is no form of an article"),
        }
    }
}

/// The terms an article is under, when known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// Its address, for `rel=license`.
    pub url: String,
}

/// Who wrote it and where it first stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credit {
    /// The byline, as written.
    pub byline: Option<String>,
    /// The outlet it came from, when it is not our own.
    pub outlet: Option<String>,
    /// Where it first stood: "originally published by".
    pub canonical: Option<String>,
    /// Its licence, when known.
    pub licence: Option<Licence>,
    /// Who made its lead picture, while the picture itself is not here: it could not be fetched. Where there is one, it says
    /// so itself.
    pub picture: Option<String>,
}

/// A picture as an article uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureUse {
    /// Which picture.
    pub picture: PictureId,
    /// What it shows, for those who do not see it. Empty only when nobody said.
    pub alt: String,
    /// The caption under it.
    pub caption: Option<String>,
    /// Who made it.
    pub credit: Option<String>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// File name on the site: content hash and extension.
    pub file: String,
}

/// One state of an article's text. Never changed, only followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Which article.
    pub article: ArticleId,
    /// 1 for the first.
    pub number: i64,
    /// The headline, plain text.
    pub title: String,
    /// The paragraph under the headline or the summary, plain text.
    pub standfirst: String,
    /// BCP 47 language.
    pub language: String,
    /// Who wrote it and where it first stood.
    pub credit: Credit,
    /// The lead picture.
    pub picture: Option<PictureUse>,
    /// Topics it belongs to.
    pub topics: Topics,
    /// The body: the house's document model as JSON (`prose::Document`).
    pub body: String,
    /// When this revision was made.
    pub made: Ms,
}

/// An article and its current revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Article {
    /// Its id.
    pub id: ArticleId,
    /// The last part of its address on the site; never changes once published.
    pub slug: String,
    /// Where it stands.
    pub state: ArticleState,
    /// What readers find of it here.
    pub form: Form,
    /// The item it came from.
    pub item: Option<ItemId>,
    /// When and in which place it was published.
    pub published: Option<Published>,
    /// Its current text.
    pub revision: Revision,
}

/// When an article was published here, and its rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// When we published it: never the source's date, which may be missing or wrong.
    pub at: Ms,
    /// Its place in the order of publishing, from 1: what a reader has seen is everything up to a rank.
    pub rank: i64,
    /// The source's own date, when it gave one.
    pub source_date: Option<Ms>,
}

/// File systems and mail lines stay happy with addresses this long.
pub const SLUG_BYTES_MAX: usize = 80;

/// The last part of an article's address from its headline and id: letters and digits of any script, joined by hyphens,
/// ending in the id so that it is unique.
pub fn slug(title: &str, id: ArticleId) -> String {
    let mut out = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            if out.len() + c.len_utf8() > SLUG_BYTES_MAX {
                break;
            }
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    let head = out.trim_matches('-');
    let tail = base32(id.0);
    if head.is_empty() { tail } else { format!("{head}-{tail}") }
}

/// Crockford's alphabet: no letter that reads as a digit.
fn base32(number: i64) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut digits: Vec<u8> = (0..13).map(|i| ALPHABET[((number >> (5 * i)) & 31) as usize]).collect();
    digits.reverse();
    let text: String = digits.into_iter().map(char::from).collect();
    text.trim_start_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_keeps_every_script_and_ends_in_the_id() {
        assert_eq!(slug("Harbour  strike: day 3!", ArticleId(33)), "harbour-strike-day-3-11");
        assert_eq!(slug("الميناء يفتح", ArticleId(33)), "الميناء-يفتح-11");
        assert_eq!(slug("???", ArticleId(33)), "11");
        assert!(slug(&"长".repeat(200), ArticleId(33)).len() <= SLUG_BYTES_MAX + 14);
    }
}
