//! Cutting: what each reader's copy holds, decided once, frozen with its audience in one transaction.
//!
//! The line-up is what the editors lined up, in their order, and behind it what was published since, unless a setting says
//! that only what is lined up counts. A copy holds the stories of it that are new to its reader and of their topics, up to
//! a limit; how many more there are it says, and leads to them. Readers with the same answer
//! to both are a cohort and share one rendered body. Nothing new for anybody: nothing is cut. A reader for whom alone
//! nothing is new is counted as excluded, so that the sum is never short.

use std::collections::BTreeMap;

use newsroom::{CohortId, CohortKey, DepartureId, EditionId, EditionKind, LineUpEntry, Ms, Newsletter, Outlet, Turn};
use store::Store;
use store::editions::{self, Audience, Cut, KeyCount, Order, Rendered};
use store::slots::{self, Word};
use world::World;

use crate::mail::DraftFault;
use crate::materials::Materials;

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

    /// When its line-up closed, if it did.
    pub(crate) fn closed_at(&self) -> Option<Ms> {
        if let Self::AtTurn { closed_at, .. } = self { *closed_at } else { None }
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
    let materials = Materials::read(store, outlet, wish, leaving, lowest, world.now()).await?;
    if due.is_empty() {
        return Ok(Outcome::NobodyDue);
    }
    if materials.line_up.is_empty() || !anything_new(&due, &materials) {
        return Ok(Outcome::NothingNew);
    }
    freeze(world, store, materials, due.into_iter().map(|(key, _)| key).collect()).await
}

/// The edition that a wish is for, before it has an id and a subject.
pub fn edition_of(wish: &Wish) -> newsroom::Edition {
    newsroom::Edition {
        id: EditionId(0),
        newsletter: wish.newsletter.id,
        kind: wish.kind,
        date: wish.date.to_string(),
        subject: String::new(),
    }
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
            let made = world.compute(move || at_work.render(ids.1, id, of)).await?;
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
    Order {
        edition: newsroom::Edition { id: edition, subject: materials.subject(), ..edition_of(wish) },
        departure,
        instant,
        expires: instant + wish.lives_ms,
        line_up: materials.line_up.iter().map(|(entry, _)| entry.clone()).collect(),
        cohorts: rendered.values().cloned().collect(),
        audience: materials.leaving.audience(),
        taken: materials.taken.clone(),
    }
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
