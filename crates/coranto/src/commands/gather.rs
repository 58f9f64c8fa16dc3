//! `coranto gather --once`: reads every source now.

use newsroom::Problem;

use super::house;
use crate::answer::Answer;
use crate::cli::Common;
use crate::morning;
use crate::progress::bar;

pub async fn run(common: Common) -> Result<Answer, Problem> {
    let house = house(&common).await?;
    let count = house.store.read(store::sources::list).await.map_or(0, |s| s.len() as u64);
    let progress = bar("Reading sources", count);
    let gathered = morning::gather(&house, gather::Which::All, |_| progress.inc(1)).await?;
    progress.finish_and_clear();
    let mut told = format!(
        "{} sources read, {} new items, {} articles published, {} corrected.",
        gathered.sources, gathered.fresh, gathered.published, gathered.corrected
    );
    for problem in &gathered.problems {
        told.push_str(&format!("\n\n{}\n{} {} {}", problem.source, problem.what, problem.means, problem.r#do));
    }
    Ok(Answer::new(&gathered, told))
}
