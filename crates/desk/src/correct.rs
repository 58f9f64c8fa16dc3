//! Correcting a headline: a new revision, made at once, for an edition that is on its way with the wrong one.

use newsroom::{ArticleId, ArticleState, Revision};
use store::{Store, articles};
use world::World;

/// A headline of this length fills a phone's screen.
const TITLE_CHARS_MAX: usize = 300;
/// A standfirst is a paragraph.
const STANDFIRST_CHARS_MAX: usize = 1_000;

/// How a correction of a headline ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retitled {
    /// This revision is the current one now.
    Done(Box<Revision>),
    /// It says so already.
    Same,
    /// There is no published article of that id.
    NoArticle,
    /// The headline or the standfirst is empty, longer than it may be, or has more than one line.
    NoText,
}

/// Gives a published article another headline, and another standfirst when one is given.
///
/// # Errors
/// [`store::Error`].
pub async fn retitle(
    world: &World,
    store: &Store,
    article: ArticleId,
    title: &str,
    standfirst: Option<&str>,
) -> store::Result<Retitled> {
    let line = |text: &str, chars: usize| text.chars().count() <= chars && !text.chars().any(newsroom::ends_line);
    let (title, standfirst) = (title.trim().to_owned(), standfirst.map(|text| text.trim().to_owned()));
    let sound = !title.is_empty() && line(&title, TITLE_CHARS_MAX);
    if !sound || standfirst.as_ref().is_some_and(|text| !line(text, STANDFIRST_CHARS_MAX)) {
        return Ok(Retitled::NoText);
    }
    let now = world.now();
    store
        .write(move |tx| {
            let current = articles::by_id(tx, article)?.filter(|a| a.state == ArticleState::Published);
            let Some(current) = current.map(|a| a.revision) else { return Ok(Retitled::NoArticle) };
            let mut next = Revision { number: current.number + 1, made: now, title, ..current.clone() };
            next.standfirst = standfirst.unwrap_or(next.standfirst);
            if (&next.title, &next.standfirst) == (&current.title, &current.standfirst) {
                return Ok(Retitled::Same);
            }
            articles::revise(tx, &next)?;
            Ok(Retitled::Done(Box::new(next)))
        })
        .await
}
