//! `coranto release`: a person says that this newsroom is the only copy, and it may send again.

use newsroom::Problem;
use serde_json::json;

use super::house;
use crate::answer::Answer;
use crate::cli;
use crate::hold;

/// Releases.
pub(super) async fn run(of: cli::Release) -> Result<Answer, Problem> {
    let house = house(&of.common).await?;
    let was = hold::held(&house).await?;
    if was.is_none() && of.served.is_none() {
        return Ok(Answer::new(json!({"released": false}), "Nothing is held here."));
    }
    hold::release(&house, of.served).await?;
    let told = "Released: mail may leave from here. Editions that had not left whole when the backup was made are paused: \
                `coranto edition report` shows the latest, `coranto edition send` lets it go on.";
    Ok(Answer::new(json!({"released": true}), told))
}
