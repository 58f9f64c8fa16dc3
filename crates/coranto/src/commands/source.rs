//! `coranto source`: what the newsroom reads.

use newsroom::{Problem, Source, SourceId, Topics};
use serde_json::json;
use store::sources;

use super::house;
use crate::answer::Answer;
use crate::cli;
use crate::house::{House, store_problem};
use crate::morning;

pub async fn run(of: cli::Source) -> Result<Answer, Problem> {
    match of {
        cli::Source::Add { source, common } => add(&house(&common).await?, &source).await,
        cli::Source::List(of) => list(&house(&of.common).await?).await,
        cli::Source::Remove { id, common } => remove(&house(&common).await?, id).await,
    }
}

async fn add(house: &House, named: &str) -> Result<Answer, Problem> {
    let urls = match std::fs::read(named) {
        Ok(bytes) => listed(named, &bytes)?,
        Err(_) => vec![named.to_owned()],
    };
    let mut added = Vec::new();
    for url in &urls {
        if let Some(id) = morning::add_source(house, url, Topics::NONE).await? {
            added.push(json!({"id": id.to_string(), "url": url}));
        }
    }
    let known = urls.len() - added.len();
    let told = match (added.len(), known) {
        (0, _) => "Nothing was added: every source named is known already.".to_owned(),
        (n, 0) => format!("{n} added. `coranto gather --once` reads them now; a running Coranto within a minute."),
        (n, k) => format!("{n} added; {k} known already."),
    };
    Ok(Answer::new(json!({"added": added, "known": known}), told))
}

fn listed(named: &str, bytes: &[u8]) -> Result<Vec<String>, Problem> {
    let list = gather::parse_opml(bytes).ok_or_else(|| {
        Problem::new(
            format!("{named} is no OPML list."),
            "No source was added.",
            "Give a feed's address, or the OPML file that a feed reader exports.",
        )
    })?;
    Ok(list.into_iter().map(|one| one.url).collect())
}

async fn list(house: &House) -> Result<Answer, Problem> {
    let sources = house.store.read(sources::list).await.map_err(|fault| store_problem(&fault))?;
    let rows: Vec<_> = sources.iter().map(row).collect();
    let lines: Vec<String> = sources.iter().map(line).collect();
    let told = if lines.is_empty() { "No sources yet: `coranto source add URL`.".into() } else { lines.join("\n") };
    Ok(Answer::new(json!({"sources": rows}), told))
}

fn row(s: &Source) -> serde_json::Value {
    let h = &s.health;
    json!({"id": s.id.to_string(), "url": s.url, "title": s.title, "failures": h.failures, "stopped": h.stopped,
        "last_good": h.last_good, "last_error": h.last_error, "due": s.due})
}

fn line(s: &Source) -> String {
    let how = match (&s.health.last_error, s.health.stopped) {
        (_, true) => "stopped".to_owned(),
        (Some(why), _) if s.health.failures > 0 => format!("failed {} times in a row: {why}", s.health.failures),
        _ if s.health.last_good.is_some() => "well".to_owned(),
        _ => "not read yet".to_owned(),
    };
    format!("{}  {}  {}\n    {how}", s.id, s.url, s.title)
}

async fn remove(house: &House, id: SourceId) -> Result<Answer, Problem> {
    let removed = house.store.write(move |tx| sources::remove(tx, id)).await.map_err(|fault| store_problem(&fault))?;
    if !removed {
        return Err(Problem::new(
            format!("There is no source {id}."),
            "Nothing was changed.",
            "`coranto source list` shows them with their ids.",
        ));
    }
    Ok(Answer::new(json!({"removed": id.to_string()}), "Removed. Its articles stay."))
}
