//! `coranto edition held`, `release` and `turns`: what the clock asks a person, and what it did.

use edition::clock::{Asking, Became};
use jiff::Timestamp;
use newsroom::{DAY_MS, EditionKind, Ms, Problem, TurnState};
use serde_json::json;
use store::slots;

use super::edition::cut_problem;
use crate::answer::Answer;
use crate::clock::with_scheduler;
use crate::house::{House, store_problem};
use crate::{morning, relay};

/// How many days of turns are shown.
const DAYS_SHOWN: Ms = 7;
/// How many turns are shown at most: a week of every hour.
const TURNS_SHOWN: i64 = 200;

/// The editions that wait for a person's word.
///
/// # Errors
/// A [`Problem`] when the store fails.
pub async fn list(house: &House) -> Result<Answer, Problem> {
    let asking = asking(house).await?;
    let rows: Vec<_> = asking
        .iter()
        .map(|a| json!({"id": a.name(), "date": a.turn.date, "since": a.turn.instant.to_string(), "late": a.late}))
        .collect();
    let line = |a: &Asking| {
        let why = if a.late { "held: its hour is long past" } else { "waits for your word" };
        format!("{}  {why}; it was due {}", a.name(), moment(house, a.turn.instant))
    };
    let mut lines: Vec<String> = asking.iter().map(line).collect();
    lines.push(match lines.len() {
        0 => "Nothing is held, and nothing waits for your word.".into(),
        _ => "Send one now: `coranto edition release ID`. Let it go: `coranto edition release ID --drop`.".into(),
    });
    Ok(Answer::new(json!({"held": rows}), lines.join("\n")))
}

/// What is held or waits.
///
/// # Errors
/// A [`Problem`] when the store fails.
pub async fn asking(house: &House) -> Result<Vec<Asking>, Problem> {
    with_scheduler(house, async |scheduler| scheduler.asking().await).await.map_err(|fault| store_problem(&fault))
}

/// Gives the word for an edition, by the name that [`list`] gives it.
///
/// # Errors
/// A [`Problem`] when it is no name, nothing may leave from here, or the store fails.
pub async fn release(house: &House, id: &str) -> Result<Answer, Problem> {
    let (kind, date) = parse(id)?;
    relay::may_leave(house).await?;
    let became = with_scheduler(house, async |scheduler| scheduler.release(kind, &date).await).await;
    let told = match became.map_err(|fault| cut_problem(&fault))? {
        Some(Became::Departed(departure)) => {
            morning::publish(house).await?;
            let told = format!("It leaves now, for {} readers. A running Coranto sends it.", departure.audience);
            let json = json!({"released": id, "departure": departure.id.to_string(), "audience": departure.audience});
            return Ok(Answer::new(json, told));
        }
        Some(Became::NothingNew) => "Nothing in it is new to its readers by now: nothing is sent.",
        Some(_) => "None of its readers is due any more: they have had a later edition. Nothing is sent.",
        None => "Noted: when its hours come, it leaves without asking.",
    };
    Ok(Answer::new(json!({"released": id, "told": told}), told))
}

/// Lets a held edition go.
///
/// # Errors
/// As [`release`].
pub async fn drop_held(house: &House, id: &str) -> Result<Answer, Problem> {
    let (kind, date) = parse(id)?;
    let dropped = with_scheduler(house, async |scheduler| scheduler.drop_held(kind, &date).await).await;
    let dropped = dropped.map_err(|fault| store_problem(&fault))?;
    let told = match dropped {
        0 => "Nothing of that edition is held.",
        _ => "Dropped. Its readers get what was in it with their next edition.",
    };
    Ok(Answer::new(json!({"dropped": dropped > 0}), told))
}

fn parse(id: &str) -> Result<(EditionKind, String), Problem> {
    let (kind, date) = id.split_once('-').unwrap_or_default();
    let kind = [EditionKind::Daily, EditionKind::Weekly].into_iter().find(|k| k.name() == kind);
    match (kind, date.parse::<jiff::civil::Date>()) {
        (Some(kind), Ok(date)) => Ok((kind, date.to_string())),
        _ => Err(Problem::new(
            format!("{id:?} names no edition."),
            "Nothing was changed.",
            "`coranto edition held` lists them by name, like daily-2026-11-24.",
        )),
    }
}

/// What became of the latest turns.
///
/// # Errors
/// A [`Problem`] when the store fails.
pub async fn turns(house: &House) -> Result<Answer, Problem> {
    let (newsletter, from) = (house.newsletter.id, house.world.now() - DAYS_SHOWN * DAY_MS);
    let from = Timestamp::from_millisecond(from).map_or(String::new(), |at| at.to_string());
    let from = from.split('T').next().unwrap_or_default().to_owned();
    let recent = house.store.read(move |tx| slots::recent(tx, newsletter, &from, TURNS_SHOWN)).await;
    let recent = recent.map_err(|fault| store_problem(&fault))?;
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    for (turn, slots) in &recent {
        let (word, meaning) = became(turn.state);
        rows.push(json!({"kind": turn.kind.name(), "date": turn.date, "instant": turn.instant.to_string(),
            "became": word, "departure": turn.departure.map(|d| d.to_string()), "slots": slots}));
        lines.push(format!("{} {}  {}  {meaning}", turn.kind.name(), turn.date, moment(house, turn.instant)));
    }
    if lines.is_empty() {
        lines.push("No edition's hour has come in the last week while Coranto was running.".into());
    }
    Ok(Answer::new(json!({"turns": rows}), lines.join("\n")))
}

fn became(state: TurnState) -> (&'static str, &'static str) {
    match state {
        TurnState::Departed => ("departed", "left"),
        TurnState::NothingNew => ("nothing new", "nothing new: nothing was sent"),
        TurnState::NobodyDue => ("nobody due", "no reader was due"),
        TurnState::Held => ("held", "held: its hour is long past (`coranto edition held`)"),
        TurnState::Waiting => ("waiting", "waits for a person's word (`coranto edition held`)"),
        TurnState::Dropped => ("dropped", "dropped: its readers get it with their next"),
    }
}

/// A moment in the outlet's zone, to the minute.
fn moment(house: &House, at: Ms) -> String {
    let zone = house.settings.rules().hours.zone;
    let local = Timestamp::from_millisecond(at).map(|at| zone.to_datetime(at));
    local.map_or_else(|_| at.to_string(), |local| local.strftime("%Y-%m-%d %H:%M").to_string())
}
