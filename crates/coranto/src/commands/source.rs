//! `coranto source`: what the newsroom reads.

use newsroom::{Policy, Problem, Source, SourceId};
use serde_json::json;
use store::sources;

use super::house;
use crate::answer::Answer;
use crate::cli;
use crate::house::{House, store_problem};
use crate::morning::{self, Terms, is_web_address};

pub async fn run(of: cli::Source) -> Result<Answer, Problem> {
    match of {
        cli::Source::Add { source, policy, licence, common } => {
            let terms = Terms { policy, licence, ..Terms::default() };
            add(&house(&common).await?, &source, &terms).await
        }
        cli::Source::Policy { id, policy, licence, common } => {
            set_policy(&house(&common).await?, id, policy, licence).await
        }
        cli::Source::List(of) => list(&house(&of.common).await?).await,
        cli::Source::Remove { id, common } => remove(&house(&common).await?, id).await,
    }
}

async fn add(house: &House, named: &str, terms: &Terms) -> Result<Answer, Problem> {
    let urls = match std::fs::read(named) {
        Ok(bytes) => listed(named, &bytes)?,
        Err(_) => vec![named.to_owned()],
    };
    let mut added = Vec::new();
    for url in &urls {
        if let Some(id) = morning::add_source(house, url, terms.clone()).await? {
            added.push(json!({"id": id.to_string(), "url": url, "policy": terms.policy.name()}));
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
    json!({"id": s.id.to_string(), "url": s.url, "title": s.title, "policy": s.policy.name(), "licence": s.licence, "failures": h.failures, "stopped": h.stopped,
        "last_good": h.last_good, "last_error": h.last_error, "due": s.due})
}

fn line(s: &Source) -> String {
    let how = match (&s.health.last_error, s.health.stopped) {
        (_, true) => "stopped".to_owned(),
        (Some(why), _) if s.health.failures > 0 => format!("failed {} times in a row: {why}", s.health.failures),
        _ if s.health.last_good.is_some() => "well".to_owned(),
        _ => "not read yet".to_owned(),
    };
    let licence = s.licence.as_ref().map_or(String::new(), |url| format!(", licence {url}"));
    format!("{}  {}  {}\n    {}{licence}; {how}", s.id, s.url, s.title, s.policy.name())
}

async fn set_policy(house: &House, id: SourceId, policy: Policy, licence: Option<String>) -> Result<Answer, Problem> {
    if let Some(licence) = licence.as_ref().filter(|licence| !is_web_address(licence)) {
        return Err(Problem::new(
            format!("{licence:?} is no web address of a licence."),
            "Nothing was changed.",
            "Give the licence's address, like https://creativecommons.org/licenses/by/4.0/.",
        ));
    }
    let set = house.store.write(move |tx| sources::set_policy(tx, id, policy, licence.as_deref())).await;
    if !set.map_err(|fault| store_problem(&fault))? {
        let what = format!("There is no source {id}.");
        return Err(Problem::new(what, "Nothing was changed.", "`coranto source list` shows them with their ids."));
    }
    let told = format!("From now on: {}. What was published before stays as it is.", policy.name());
    Ok(Answer::new(json!({"source": id.to_string(), "policy": policy.name()}), told))
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
