//! A round: every source whose time has come is read, and what it published is filed. All that touches the store.

use crate::{Gatherer, Material, Outcome, Went};
use newsroom::{Problem, Source};
use store::{
    Store,
    items::{self, Filed, Filing},
    sources::{self, Reading},
};
use tokio::task::JoinSet;

/// Sources read in one round; the others wait for the next, the longest waiting first.
const SOURCES_MAX: i64 = 2_000;

/// Which sources a round reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those whose time has come.
    Due,
    /// Every one that is not stopped.
    All,
}

/// How one source's reading went, as it was written.
#[derive(Clone, Debug)]
pub struct Visited {
    /// The source as it now stands.
    pub source: Source,
    /// How it went.
    pub went: Went,
    /// Items never seen before.
    pub fresh: usize,
    /// Items whose text has changed, as they now stand.
    pub changed: Vec<Filed>,
}

impl Visited {
    /// What went wrong, if something did.
    pub fn problem(&self) -> Option<&Problem> {
        match &self.went {
            Went::Failed(problem) | Went::Gone(problem) => Some(problem),
            Went::Read | Went::Unchanged => None,
        }
    }
}

/// Reads sources once. Each is written as soon as it is read, so that a slow one holds up only itself. `tell` is called
/// after each write. The result is in the sources' order.
///
/// # Errors
/// The store's; what was written before stays written.
pub async fn once(
    gatherer: &Gatherer,
    store: &Store,
    which: Which,
    mut tell: impl FnMut(&Visited),
) -> store::Result<Vec<Visited>> {
    let now = gatherer.world().now();
    let due = store
        .read(move |tx| {
            let mut chosen = match which {
                Which::Due => sources::due(tx, now, SOURCES_MAX)?,
                Which::All => sources::list(tx)?,
            };
            chosen.retain(|source| !source.health.stopped);
            let with_reading = |source: Source| Ok((sources::reading(tx, source.id)?.unwrap_or_default(), source));
            chosen.into_iter().map(with_reading).collect::<store::Result<Vec<(Reading, Source)>>>()
        })
        .await?;
    let mut under_way = JoinSet::new();
    for (reading, source) in due {
        let gatherer = gatherer.clone();
        under_way.spawn(async move { gatherer.read_source(&source, &reading).await });
    }
    let mut visited = Vec::new();
    while let Some(read) = under_way.join_next().await {
        let outcome = read.unwrap_or_else(|broken| std::panic::resume_unwind(broken.into_panic()));
        let one = record(store, outcome).await?;
        report(&one);
        tell(&one);
        visited.push(one);
    }
    visited.sort_by_key(|one| one.source.id);
    Ok(visited)
}

/// Writes an outcome in one transaction.
///
/// # Errors
/// The store's.
pub async fn record(store: &Store, outcome: Outcome) -> store::Result<Visited> {
    store
        .write(move |tx| {
            let Outcome { source, reading, items, went } = outcome;
            let mut visited = Visited { source, went, fresh: 0, changed: Vec::new() };
            let known = sources::list(tx)?;
            let Some(before) = known.iter().find(|known| known.id == visited.source.id) else {
                // It was removed while it was being read.
                return Ok(visited);
            };
            // A feed may move to an address that is a source already: then it stays where it is, and both are read.
            if known.iter().any(|other| other.id != before.id && other.url == visited.source.url) {
                visited.source.url.clone_from(&before.url);
            }
            sources::record(tx, &visited.source, &reading)?;
            for item in &items {
                match items::file(tx, item)? {
                    Filing::Fresh => visited.fresh += 1,
                    Filing::Changed(now) => visited.changed.push(*now),
                    Filing::Same => {}
                }
            }
            Ok(visited)
        })
        .await
}

/// The material of many items at once, in their order: see [`Gatherer::material`].
pub async fn materials(gatherer: &Gatherer, wanted: Vec<Filed>) -> Vec<(Filed, Material)> {
    let mut under_way = JoinSet::new();
    for (place, filed) in wanted.into_iter().enumerate() {
        let gatherer = gatherer.clone();
        under_way.spawn(async move {
            let material = gatherer.material(&filed.item).await;
            (place, filed, material)
        });
    }
    let mut had = under_way.join_all().await;
    had.sort_by_key(|(place, ..)| *place);
    had.into_iter().map(|(_, filed, material)| (filed, material)).collect()
}

fn report(one: &Visited) {
    let source = one.source.id.0;
    match &one.went {
        Went::Read => {
            tracing::info!(
                source.id = source,
                items.fresh = one.fresh,
                items.changed = one.changed.len(),
                "read a source"
            );
        }
        Went::Unchanged => tracing::debug!(source.id = source, "a source has not changed"),
        Went::Failed(problem) | Went::Gone(problem) => {
            tracing::warn!(source.id = source, failures = one.source.health.failures, "{problem}");
        }
    }
}
