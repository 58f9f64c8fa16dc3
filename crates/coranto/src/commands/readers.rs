//! `coranto readers`: how many there are; lists in and out.

mod export;
mod import;

use newsroom::Problem;
use serde_json::json;
use store::readers;

use super::house;
use crate::answer::Answer;
use crate::cli::{Common, Readers};
use crate::house::store_problem;

/// Counts, takes in, gives out.
pub(super) async fn run(of: Readers) -> Result<Answer, Problem> {
    match of {
        Readers::Count(of) => count(of.common).await,
        Readers::Import(of) => import::run(of).await,
        Readers::Export(of) => export::run(of).await,
    }
}

async fn count(common: Common) -> Result<Answer, Problem> {
    let house = house(&common).await?;
    let newsletter = house.newsletter.id;
    let counts = house.store.read(move |tx| readers::counts(tx, newsletter)).await;
    let c = counts.map_err(|fault| store_problem(&fault))?;
    let told = format!(
        "active        {:>9}\npending       {:>9}  (asked, not confirmed)\nunsubscribed  {:>9}\nsuppressed    {:>9}",
        c.active, c.pending, c.unsubscribed, c.suppressed
    );
    let json =
        json!({"active": c.active, "pending": c.pending, "unsubscribed": c.unsubscribed, "suppressed": c.suppressed});
    Ok(Answer::new(json, told))
}
