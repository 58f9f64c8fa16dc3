//! Cutting: what each reader's copy holds, decided once, frozen with its audience in one transaction.
//!
//! A copy holds the stories of the line-up that are new to its reader and of their topics. Readers with the same answer
//! to both are a cohort and share one rendered body. Nothing new for anybody: nothing is cut. A reader for whom alone
//! nothing is new is counted as excluded, so that the sum is never short.

use std::collections::BTreeMap;

use newsroom::{
    Article, Cohort, CohortId, CohortKey, DepartureId, EditionId, EditionKind, LineUpEntry, Ms, Newsletter, Outlet,
    Topic, Turn,
};
use store::editions::{self, Audience, Cut, KeyCount, Order, Rendered};
use store::slots::{self, Word};
use store::{Store, articles, topics};
use world::World;

use crate::mail::{DraftFault, draft};
use crate::view;

/// How many stories one edition carries at most: more is no digest. The newest are kept.
pub const LINE_UP_MAX: usize = 40;
/// How often a cut is tried again because a reader came in meanwhile with a choice nobody else had.
const TRIES_MAX: usize = 5;

/// What to cut.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Of which newsletter.
    pub newsletter: Newsletter,
    /// What sort.
    pub kind: EditionKind,
    /// The readers' local date, `YYYY-MM-DD`.
    pub date: jiff::civil::Date,
    /// How long its copies may be on their way, in milliseconds.
    pub lives_ms: Ms,
}

/// Who leaves in a departure, when, and at whose word.
#[derive(Clone, Debug)]
pub enum Leaving {
    /// Everybody who gets such editions, now: cut by hand, it waits to be sent.
    ByHand,
    /// Those whose turn it is: it leaves at once.
    AtTurn {
        /// Whose turn.
        turn: Turn,
        /// At whose word.
        word: Word,
        /// The moment that the departure gets.
        instant: Ms,
        /// What was published after this waits for the next; `None`: the line-up as it stands.
        closed_at: Option<Ms>,
    },
    /// Those who have just confirmed: it leaves at once.
    Newcomers,
}

impl Leaving {
    fn audience(&self) -> Audience {
        match self {
            Self::ByHand => Audience::Everybody,
            Self::AtTurn { turn, .. } => Audience::Slots(turn.slots.clone()),
            Self::Newcomers => Audience::Newcomers,
        }
    }
}

/// How a wish ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Cut: here is the departure, waiting to be sent.
    Cut(newsroom::Departure),
    /// It was cut before: here it is.
    Before(newsroom::Departure),
    /// Nothing was published since the last edition that anybody would get.
    NothingNew,
    /// No reader is due.
    NobodyDue,
}

/// Why an edition could not be cut. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CutFault {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A mail could not be rendered.
    #[error("the mail cannot be rendered: {0}")]
    Draft(#[from] DraftFault),
    /// A mail could not be made up for sending.
    #[error("the mail cannot be made up: {0}")]
    MakeUp(#[from] ::mail::shared::MakeUpFault),
    /// Readers kept coming in with new choices while it was being cut.
    #[error("readers kept changing while the edition was being cut; cut it again")]
    Restless,
}

/// Everything a cut works with, read once.
struct Materials {
    outlet: Outlet,
    wish: Wish,
    leaving: Leaving,
    line_up: Vec<(LineUpEntry, Article)>,
    topics: Vec<Topic>,
}

/// Cuts an edition by hand: for everyone who is due, whatever their hour.
///
/// # Errors
/// [`CutFault`].
pub async fn cut(world: &World, store: &Store, outlet: &Outlet, wish: Wish) -> Result<Outcome, CutFault> {
    cut_for(world, store, outlet, wish, Leaving::ByHand).await
}

/// Cuts a departure for those of `leaving`.
///
/// # Errors
/// [`CutFault`].
pub async fn cut_for(
    world: &World,
    store: &Store,
    outlet: &Outlet,
    wish: Wish,
    leaving: Leaving,
) -> Result<Outcome, CutFault> {
    let (newsletter, edition, audience) = (wish.newsletter.id, edition_of(&wish), leaving.audience());
    store.write(move |tx| editions::fold(tx, newsletter)).await?;
    let due = store.read(move |tx| editions::due_keys(tx, &edition, &audience)).await?;
    let lowest = due.iter().map(|(key, _)| key.seen_rank).min().unwrap_or(0);
    let materials = gather_materials(store, outlet, wish, leaving, lowest).await?;
    if due.is_empty() {
        return Ok(Outcome::NobodyDue);
    }
    if materials.line_up.is_empty() || !anything_new(&due, &materials) {
        return Ok(Outcome::NothingNew);
    }
    freeze(world, store, materials, due.into_iter().map(|(key, _)| key).collect()).await
}

/// The edition that a wish is for, before it has an id and a subject.
fn edition_of(wish: &Wish) -> newsroom::Edition {
    newsroom::Edition {
        id: EditionId(0),
        newsletter: wish.newsletter.id,
        kind: wish.kind,
        date: wish.date.to_string(),
        subject: String::new(),
    }
}

async fn gather_materials(
    store: &Store,
    outlet: &Outlet,
    wish: Wish,
    leaving: Leaving,
    lowest: i64,
) -> Result<Materials, store::Error> {
    let closed_at = if let Leaving::AtTurn { closed_at, .. } = &leaving { *closed_at } else { None };
    let (articles, topics) = store
        .read(move |tx| {
            let limit = i64::try_from(LINE_UP_MAX).expect("a small number");
            let below = closed_at.map(|at| slots::rank_at(tx, at)).transpose()?.map_or(i64::MAX, |rank| rank + 1);
            Ok((articles::published(tx, below, limit)?, topics::list(tx)?))
        })
        .await?;
    let new = articles.into_iter().filter(|a| a.published.is_some_and(|p| p.rank > lowest)).collect();
    let new = lead_first(new, &outlet.language);
    let line_up = (0..)
        .zip(new)
        .map(|(position, article)| {
            let rank = article.published.expect("only published articles are listed").rank;
            let revision = &article.revision;
            let entry =
                LineUpEntry { position, article: article.id, revision: revision.number, rank, topics: revision.topics };
            (entry, article)
        })
        .collect();
    Ok(Materials { outlet: outlet.clone(), wish, leaving, line_up, topics })
}

/// Puts a lead first, as long as no editor has: the newest story with a picture in `language`, else the newest with a
/// picture, else the newest.
fn lead_first(mut stories: Vec<Article>, language: &str) -> Vec<Article> {
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_lowercase();
    let pictured = |a: &Article| a.revision.picture.is_some();
    let spoken = |a: &Article| pictured(a) && primary(&a.revision.language) == primary(language);
    if let Some(lead) = stories.iter().position(spoken).or_else(|| stories.iter().position(pictured)) {
        let lead = stories.remove(lead);
        stories.insert(0, lead);
    }
    stories
}

/// Which stories of a line-up are new to the readers of `key` and of their topics.
pub fn stories_for<'a>(key: &CohortKey, line_up: impl IntoIterator<Item = &'a LineUpEntry>) -> Vec<i64> {
    line_up
        .into_iter()
        .filter(|entry| entry.rank > key.seen_rank && key.topics.wants(entry.topics))
        .map(|entry| entry.position)
        .collect()
}

fn anything_new(due: &[KeyCount], materials: &Materials) -> bool {
    due.iter().any(|(key, _)| !stories_for(key, materials.line_up.iter().map(|(entry, _)| entry)).is_empty())
}

async fn freeze(
    world: &World,
    store: &Store,
    materials: Materials,
    mut keys: Vec<CohortKey>,
) -> Result<Outcome, CutFault> {
    let instant = if let Leaving::AtTurn { instant, .. } = materials.leaving { instant } else { world.now() };
    let materials = std::sync::Arc::new(materials);
    let mut rendered: BTreeMap<CohortKey, Rendered> = BTreeMap::new();
    let ids = (EditionId(world.mint()), DepartureId(world.mint()));
    for _ in 0..TRIES_MAX {
        for key in keys {
            let (at_work, id, of) = (materials.clone(), CohortId(world.mint()), key.clone());
            let made = world.compute(move || render(&at_work, ids.1, id, of)).await?;
            rendered.insert(key, made);
        }
        let order = order(&materials, ids, instant, &rendered);
        match keep(world, store, order, materials.leaving.clone()).await? {
            Cut::Frozen(departure) => return Ok(Outcome::Cut(departure)),
            Cut::Before(departure) => return Ok(Outcome::Before(departure)),
            Cut::NobodyDue => return Ok(Outcome::NobodyDue),
            Cut::Missing(more) => keys = more,
        }
    }
    Err(CutFault::Restless)
}

async fn keep(world: &World, store: &Store, order: Order, leaving: Leaving) -> Result<Cut, store::Error> {
    let now = world.now();
    store
        .write(move |tx| match &leaving {
            Leaving::ByHand => editions::cut(tx, &order),
            Leaving::AtTurn { turn, word, .. } => slots::depart(tx, &order, turn, *word, now),
            Leaving::Newcomers => slots::depart_newcomers(tx, &order, now),
        })
        .await
}

fn order(
    materials: &Materials,
    (edition, departure): (EditionId, DepartureId),
    instant: Ms,
    rendered: &BTreeMap<CohortKey, Rendered>,
) -> Order {
    let wish = &materials.wish;
    let lead = materials.line_up.first().map_or(String::new(), |(_, lead)| lead.revision.title.clone());
    Order {
        edition: newsroom::Edition { id: edition, subject: lead, ..edition_of(wish) },
        departure,
        instant,
        expires: instant + wish.lives_ms,
        line_up: materials.line_up.iter().map(|(entry, _)| entry.clone()).collect(),
        cohorts: rendered.values().cloned().collect(),
        audience: materials.leaving.audience(),
    }
}

/// One cohort's mail.
fn render(materials: &Materials, departure: DepartureId, id: CohortId, key: CohortKey) -> Result<Rendered, CutFault> {
    let stories = stories_for(&key, materials.line_up.iter().map(|(entry, _)| entry));
    if stories.is_empty() {
        // Nobody gets this mail; the cohort only counts its readers.
        let cohort = Cohort { id, subject: String::new(), body: Vec::new() };
        return Ok(Rendered { key, cohort, stories });
    }
    let held = materials.line_up.iter().filter(|(entry, _)| stories.contains(&entry.position));
    // A reader's own language leads, when there is a story in it.
    let held = lead_first(held.map(|(_, article)| article.clone()).collect(), &key.language);
    let view = view::edition(&materials.outlet, &materials.wish, &key.language, &held, &materials.topics);
    let drafted = draft(&view, key.format)?;
    let made = view::make_up(&materials.outlet, &materials.wish, departure, id, &drafted)?;
    Ok(Rendered { key, cohort: Cohort { id, subject: drafted.subject, body: made.to_bytes() }, stories })
}

#[cfg(test)]
mod tests {
    use super::*;
    use newsroom::{ArticleId, Format, Topics};

    fn entry(position: i64, rank: i64, topics: Topics) -> LineUpEntry {
        LineUpEntry { position, article: ArticleId(position), revision: 1, rank, topics }
    }

    #[test]
    fn a_copy_holds_what_is_new_to_its_reader_and_of_their_topics() {
        let line_up = [
            entry(0, 12, Topics::NONE.with(1)),
            entry(1, 11, Topics::NONE),
            entry(2, 10, Topics::NONE.with(2)),
            entry(3, 9, Topics::NONE.with(1)),
        ];
        let key = |seen_rank, topics| CohortKey { seen_rank, topics, language: "en".into(), format: Format::Html };
        assert_eq!(stories_for(&key(0, Topics::ALL), &line_up), [0, 1, 2, 3]);
        assert_eq!(stories_for(&key(10, Topics::ALL), &line_up), [0, 1]);
        assert_eq!(stories_for(&key(0, Topics::NONE.with(2)), &line_up), [1, 2]);
        assert!(stories_for(&key(12, Topics::ALL), &line_up).is_empty());
    }
}
