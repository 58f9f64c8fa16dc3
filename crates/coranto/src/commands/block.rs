//! `coranto block`: the outlet's own appeals, events and sponsors.

use jiff::ToSpan;
use newsroom::{BlockId, HouseBlock, Ms, Problem};
use serde_json::json;
use store::blocks;

use super::edition::today;
use super::house;
use crate::answer::Answer;
use crate::cli::{Block, NewBlock};
use crate::house::{House, store_problem};
use crate::morning;

/// How many blocks are listed.
const LISTED_MAX: i64 = 100;

/// Adds, lists or removes blocks.
pub async fn run(of: Block) -> Result<Answer, Problem> {
    let house = house(of.common()).await?;
    match of {
        Block::Add(new) => add(&house, *new).await,
        Block::List(_) => list(&house).await,
        Block::Remove { id, .. } => remove(&house, id).await,
    }
}

async fn add(house: &House, new: NewBlock) -> Result<Answer, Problem> {
    let from = new.from.map_or_else(|| today(house), Ok)?;
    let (starts, ends) = (dawn(house, from)?, dawn(house, from.saturating_add(i32::from(new.days).days()))?);
    let block = HouseBlock {
        id: BlockId(house.world.mint()),
        kind: new.kind,
        place: new.place,
        title: new.title.trim().to_owned(),
        text: new.text.trim().to_owned(),
        link: new.link.trim().to_owned(),
        link_words: new.words.trim().to_owned(),
        starts,
        ends,
    };
    let faults: Vec<String> = block.faults().iter().map(ToString::to_string).collect();
    if !faults.is_empty() {
        let what = format!("The block cannot be so: {}.", faults.join("; "));
        return Err(Problem::new(what, "Nothing was added.", "Mend it and try again."));
    }
    let id = block.id;
    house.store.write(move |tx| blocks::put(tx, &block)).await.map_err(|fault| store_problem(&fault))?;
    morning::publish(house).await?;
    let days = new.days;
    Ok(Answer::new(json!({"added": id.to_string()}), format!("Block {id} stands from {from} for {days} days.")))
}

/// The first moment of a day in the outlet's time zone.
fn dawn(house: &House, day: jiff::civil::Date) -> Result<Ms, Problem> {
    let zone = house.outlet().zone;
    day.in_tz(&zone).map(|dawn| dawn.timestamp().as_millisecond()).map_err(|_| {
        Problem::new(
            format!("The day {day} in the time zone {zone:?} is not known."),
            "Nothing was added.",
            "Set outlet.zone to a name like Europe/Madrid.",
        )
    })
}

async fn list(house: &House) -> Result<Answer, Problem> {
    let blocks = house.store.read(|tx| blocks::list(tx, LISTED_MAX)).await.map_err(|fault| store_problem(&fault))?;
    let now = house.world.now();
    let state = |b: &HouseBlock| match now {
        now if now < b.starts => "waits",
        now if now < b.ends => "stands",
        _ => "past",
    };
    let rows: Vec<_> = blocks
        .iter()
        .map(|b| {
            json!({"id": b.id.to_string(), "kind": b.kind.name(), "place": b.place.name(), "title": b.title, "text": b.text,
                "link": b.link, "words": b.link_words, "starts": b.starts, "ends": b.ends, "state": state(b)})
        })
        .collect();
    let line = |b: &HouseBlock| {
        format!("{}  {} ({}), {}: {}\n    {}", b.id, b.kind.name(), b.place.name(), state(b), b.title, b.link)
    };
    let told = blocks.iter().map(line).collect::<Vec<_>>().join("\n");
    let told = if told.is_empty() { "No blocks yet: `coranto block add`.".to_owned() } else { told };
    Ok(Answer::new(json!({"blocks": rows}), told))
}

async fn remove(house: &House, id: BlockId) -> Result<Answer, Problem> {
    let removed = house.store.write(move |tx| blocks::remove(tx, id)).await.map_err(|fault| store_problem(&fault))?;
    if !removed {
        let what = format!("There is no block {id}.");
        return Err(Problem::new(what, "Nothing was changed.", "`coranto block list` shows them."));
    }
    morning::publish(house).await?;
    Ok(Answer::new(json!({"removed": id.to_string()}), "Removed. Mails that were cut before keep it."))
}
