//! `coranto export`: the whole site as plain files.

use std::path::Path;

use newsroom::Problem;
use serde_json::json;

use super::house;
use crate::answer::Answer;
use crate::cli::Export;
use crate::morning;

pub async fn run(of: Export) -> Result<Answer, Problem> {
    let house = house(&of.common).await?;
    if of.dir.read_dir().is_ok_and(|mut inside| inside.next().is_some()) {
        return Err(Problem::new(
            format!("{} is not empty.", of.dir.display()),
            "Nothing was written, so that nothing of yours is overwritten.",
            "Name a new or empty folder.",
        ));
    }
    morning::publish(&house).await?;
    let (from, to) = (house.site_folder(), of.dir.clone());
    let written = house.world.compute(move || survive::export(&from, &to)).await;
    let count = written.map_err(|fault| disk_problem(&of.dir, &fault))?;
    let told = format!("{count} files written to {}: serve them from anywhere, as they lie.", of.dir.display());
    Ok(Answer::new(json!({"folder": of.dir, "files": count}), told))
}

fn disk_problem(dir: &Path, fault: &std::io::Error) -> Problem {
    Problem::new(
        format!("The site cannot be written to {}: {fault}.", dir.display()),
        "What was written so far is incomplete; the newsroom itself was not touched.",
        "Make room or choose another folder, empty it, and export again.",
    )
}
