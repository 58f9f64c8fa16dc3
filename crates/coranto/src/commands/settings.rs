//! `coranto settings`: lists them, or changes one.

use std::io::Read;

use newsroom::Problem;
use serde_json::json;

use super::house;
use crate::answer::Answer;
use crate::cli::SettingsArgs;
use crate::house::{House, store_problem};
use crate::office::sealed_text;
use crate::settings::{Kind, SETTINGS, check, define, named};

/// A password longer than this is a file by mistake.
const SECRET_BYTES_MAX: u64 = 4_096;

pub async fn run(of: SettingsArgs) -> Result<Answer, Problem> {
    let house = house(&of.common).await?;
    match (of.name, of.value) {
        (None, _) => Ok(list(&house)),
        (Some(name), value) => change(&house, &name, value).await,
    }
}

fn shown(house: &House, name: &str) -> String {
    let value = house.settings.get(name);
    match define(name).map(|s| s.kind) {
        Some(Kind::Secret) if value.is_empty() => "not set".into(),
        Some(Kind::Secret) => "set".into(),
        _ => value.to_owned(),
    }
}

fn list(house: &House) -> Answer {
    let rows: Vec<_> = SETTINGS
        .iter()
        .map(|s| json!({"name": s.name, "value": shown(house, s.name), "default": s.default, "what": s.sentence}))
        .collect();
    let lines: Vec<String> =
        SETTINGS.iter().map(|s| format!("{} = {}\n    {}", s.name, shown(house, s.name), s.sentence)).collect();
    Answer::new(json!({"settings": rows}), lines.join("\n"))
}

async fn change(house: &House, name: &str, value: Option<String>) -> Result<Answer, Problem> {
    let secret = named(name)?.kind == Kind::Secret;
    let value = match value {
        Some(_) if secret => {
            return Err(Problem::new(
                format!("{name} is a secret and would stay in the shell's history."),
                "Nothing was changed.",
                format!("Give it on standard input: `coranto settings {name} < file`."),
            ));
        }
        Some(value) => value,
        None if secret => typed()?,
        None => {
            let told = shown(house, name);
            check(name, house.settings.get(name))?;
            return Ok(Answer::new(json!({"name": name, "value": told}), told));
        }
    };
    check(name, &value)?;
    let kept = if secret {
        let (kid, sealed) = house.vault.seal_setting(name, &value, &mut |bytes| house.world.fill(bytes));
        sealed_text(kid, &sealed)
    } else {
        value
    };
    let owned = name.to_owned();
    let put = house.store.write(move |tx| store::settings::put(tx, &owned, &kept)).await;
    put.map_err(|fault| store_problem(&fault))?;
    // The relay's own are followed while it runs.
    let when = if name.starts_with("relay.") { "within seconds" } else { "at its next start" };
    Ok(Answer::new(json!({"set": name}), format!("{name} is set. A running Coranto takes it {when}.")))
}

pub(super) fn typed() -> Result<String, Problem> {
    let mut text = String::new();
    let read = std::io::stdin().take(SECRET_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|fault| {
        Problem::new(format!("Nothing could be read: {fault}."), "Nothing was changed.", "Try again.")
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
