//! Corrections while an edition is on its way: the copies of a paused departure that have not left are rendered again with
//! their articles as they stand now. Which stories they hold, their order and all around them stays as it was cut.

use std::collections::BTreeMap;

use newsroom::{ArticleId, CohortId, Departure, DepartureId, DepartureState, Edition, Newsletter, Outlet};
use store::corrections::{self, Affected, Replacement};
use store::{Read, Store, articles, editions, envelope, topics};
use world::World;

use crate::cut::{CutFault, Leaving, Wish};
use crate::mail::draft;
use crate::materials::{Materials, blocks_at};

/// What came of a correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corrected {
    /// So many waiting copies, of so many cohorts, carry the article as it stands now.
    Copies {
        /// Copies.
        copies: u64,
        /// Cohorts.
        cohorts: usize,
    },
    /// The departure is on its way: pause it first.
    NotPaused,
    /// There is no published article of that id.
    NoArticle,
}

/// What a correction reads, at one moment.
struct Found {
    materials: Materials,
    affected: Vec<Affected>,
}

/// Gives the waiting copies of a paused departure, or of one not yet opened, the article as it stands now.
///
/// # Errors
/// [`CutFault`]; cohorts done before it keep their corrected mail, and a second call does the rest.
pub async fn correct(
    world: &World,
    store: &Store,
    outlet: &Outlet,
    newsletter: &Newsletter,
    (departure, article): (DepartureId, ArticleId),
    by: &str,
) -> Result<Corrected, CutFault> {
    let (outlet, newsletter) = (outlet.clone(), newsletter.clone());
    let found = store.read(move |tx| find(tx, outlet, newsletter, departure, article)).await?;
    let Found { materials, affected } = match found {
        Ok(found) => found,
        Err(why) => return Ok(why),
    };
    let materials = std::sync::Arc::new(materials);
    let (mut copies, mut cohorts) = (0, 0);
    for one in affected {
        let (at_work, id) = (materials.clone(), CohortId(world.mint()));
        let with = world.compute(move || replacement(&at_work, departure, id, one)).await?;
        let (by, now) = (by.to_owned(), world.now());
        let moved = store.write(move |tx| corrections::replace(tx, departure, &with, &by, now)).await?;
        copies += moved;
        cohorts += usize::from(moved > 0);
    }
    Ok(Corrected::Copies { copies, cohorts })
}

fn find(
    tx: &Read,
    outlet: Outlet,
    newsletter: Newsletter,
    departure: DepartureId,
    article: ArticleId,
) -> store::Result<Result<Found, Corrected>> {
    let Some(departure) = editions::departure_by_id(tx, departure)? else { return Ok(Err(Corrected::NotPaused)) };
    if !matches!(departure.state, DepartureState::Cut | DepartureState::Paused) {
        return Ok(Err(Corrected::NotPaused));
    }
    let Some(current) = articles::by_id(tx, article)? else { return Ok(Err(Corrected::NoArticle)) };
    let edition = departure.edition.map(|id| editions::by_id(tx, id)).transpose()?.flatten();
    let Some(edition) = edition else { return Ok(Err(Corrected::NotPaused)) };
    let affected = corrections::affected(tx, departure.id, article, current.revision.number)?;
    let materials = materials(tx, outlet, newsletter, &departure, &edition)?;
    Ok(Ok(Found { materials, affected }))
}

/// What the departure was cut from, with its articles as they stand now.
fn materials(
    tx: &Read,
    outlet: Outlet,
    newsletter: Newsletter,
    departure: &Departure,
    edition: &Edition,
) -> store::Result<Materials> {
    let mut line_up = Vec::new();
    for entry in editions::line_up(tx, departure.id)? {
        if let Some(article) = articles::by_id(tx, entry.article)? {
            line_up.push((entry, article));
        }
    }
    let taken = envelope::of_departure(tx, departure.id)?;
    let date = edition.date.parse().expect("an edition is cut for a date");
    Ok(Materials {
        // Where a person chose the lead, they chose the order.
        ordered: if taken.lead.is_some() { line_up.len() } else { 0 },
        line_up,
        topics: topics::list(tx)?,
        taken,
        blocks: blocks_at(tx, departure.instant)?,
        last_subjects: envelope::last_subjects(tx, newsletter.id, &edition.date, i64::MAX)?,
        stories_max: usize::MAX,
        outlet,
        wish: Wish { newsletter, kind: edition.kind, date, lives_ms: departure.expires - departure.instant },
        leaving: Leaving::ByHand,
    })
}

/// A cohort's mail again: its own stories in their order, as they stand now.
fn replacement(
    materials: &Materials,
    departure: DepartureId,
    id: CohortId,
    of: Affected,
) -> Result<Replacement, CutFault> {
    let positions: Vec<i64> = of.stories.iter().map(|(position, ..)| *position).collect();
    let new = crate::cut::stories_for(&of.key, materials.line_up.iter().map(|(entry, _)| entry));
    let more = new.len().saturating_sub(positions.len());
    let drafted = draft(&materials.view(&of.key, &positions, more), of.key.format)?;
    let mail = materials.cohort(departure, id, &drafted)?;
    let current: BTreeMap<ArticleId, i64> =
        materials.line_up.iter().map(|(entry, held)| (entry.article, held.revision.number)).collect();
    let now = |(position, held, was): &(i64, ArticleId, i64)| (*position, *held, *current.get(held).unwrap_or(was));
    let stories = of.stories.iter().map(now).collect();
    Ok(Replacement { replaced: of.cohort, key: of.key, mail, stories })
}
