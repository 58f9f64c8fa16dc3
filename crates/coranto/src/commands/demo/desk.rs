//! The demo's editor, for a minute: lines up a lead, and one item of the outlet that is only watched.

use newsroom::{LineUpChange, Problem};
use store::{articles, items, readers};

use crate::house::{House, store_problem};
use crate::morning;

/// Who lines up.
const BY: &str = "The demo’s editor";
/// How far back a lead with a picture is looked for.
const LEADS_MAX: i64 = 40;

/// Lines up what is new: the newest story of ours with a picture, in the outlet's language, and a watched item behind it.
pub async fn line_up(house: &House) -> Result<(), Problem> {
    let (newsletter, language) = (house.newsletter.id, house.outlet().language);
    let read = house.store.read(move |tx| {
        let seen = readers::last_rank(tx, newsletter)?;
        let new = articles::published(tx, i64::MAX, LEADS_MAX)?.into_iter();
        let new = new.filter(|a| a.published.is_some_and(|p| p.rank > seen) && a.revision.picture.is_some());
        let lead = new.into_iter().find(|a| a.revision.language.starts_with("en")).map(|a| a.id);
        Ok((lead, items::watched(tx, 1)?.pop().map(|filed| filed.item.id)))
    });
    let (lead, watched) = read.await.map_err(|fault| store_problem(&fault))?;
    if let Some(lead) = lead {
        let done = desk::change(&house.store, newsletter, None, LineUpChange::Add(lead), BY).await;
        done.map_err(|fault| store_problem(&fault))?;
    }
    if let Some(item) = watched {
        let (world, store) = (&house.world, &house.store);
        let done = desk::line_up_item(world, store, newsletter, item, (None, BY), &language).await;
        done.map_err(|fault| store_problem(&fault))?;
        morning::publish(house).await?;
    }
    Ok(())
}
