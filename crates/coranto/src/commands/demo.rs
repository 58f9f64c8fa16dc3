//! demo
use newsroom::Problem;
use crate::{answer::Answer, cli::Demo};
pub async fn run(_of: Demo) -> Result<Answer, Problem> { Err(Problem::new("a","b","c")) }
