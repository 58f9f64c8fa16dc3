//! `coranto bounce` and `coranto bounces`: what messages that came back say, and what came of them.

use std::io::Read;
use std::path::Path;

use mail::bounce::{self, Finding};
use newsroom::Problem;
use readers::returned::{self, Arrival, Cause};
use serde::Serialize;
use serde_json::json;
use store::returned::{Outcome, Returned};

use super::house;
use crate::answer::Answer;
use crate::cli::{Bounce, Bounces};
use crate::config::Config;
use crate::house::{House, store_problem};
use crate::returning;

/// A file beyond this is no message that came back.
const FILE_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// One finding, as scripts read it. Unknown is null; never a guess.
#[derive(Serialize)]
struct Row {
    kind: &'static str,
    recipient: Option<String>,
    status: Option<String>,
    reply: Option<String>,
    reason: Option<&'static str>,
    hard: Option<bool>,
    token_valid: bool,
}

impl Row {
    fn new(finding: &Finding, token_valid: bool) -> Self {
        Self {
            kind: finding.kind.word(),
            recipient: finding.recipient.clone(),
            status: finding.status.map(|status| status.to_string()),
            reply: finding.reply.map(|reply| reply.to_string()),
            reason: finding.reason_word(),
            hard: finding.hard,
            token_valid,
        }
    }
}

/// Reads one message, or applies every message of a file or folder.
pub async fn run(of: Bounce) -> Result<Answer, Problem> {
    if of.apply {
        return apply(&of).await;
    }
    let message = one(&of.file)?;
    let rows: Vec<Row> = match Config::read(&of.common.data) {
        // A message can be read anywhere; without a newsroom no mark is ours.
        Err(_) => {
            let reading = bounce::read(&message, &[]);
            reading.findings.iter().map(|finding| Row::new(finding, false)).collect()
        }
        Ok(_) => {
            let house = house(&of.common).await?;
            let arrival = Arrival { message, delivered_to: None, source: MAILBOX.into() };
            let looked = returned::look(&house.world, &house.store, &house.vault, arrival).await;
            let looked = looked.map_err(|fault| store_problem(&fault))?;
            looked.iter().map(|(finding, token_valid)| Row::new(finding, *token_valid)).collect()
        }
    };
    let told: Vec<String> = rows.iter().map(told).collect();
    Ok(Answer::new(rows, told.join("\n")))
}

/// Who brought it, for what one source may do within an hour: mailboxes are one source, whatever their names.
const MAILBOX: &str = "a mailbox";

#[derive(Serialize)]
struct Applied {
    #[serde(flatten)]
    row: Row,
    outcome: &'static str,
}

async fn apply(of: &Bounce) -> Result<Answer, Problem> {
    let house = house(&of.common).await?;
    let rules = returning::rules(&house);
    let mut rows = Vec::new();
    for message in messages(&of.file)? {
        let arrival = Arrival { message, delivered_to: None, source: MAILBOX.into() };
        for taken in returning::take(&house, rules, arrival).await? {
            rows.push(Applied { row: Row::new(&taken.finding, taken.token_valid), outcome: outcome(taken.outcome) });
        }
    }
    let told: Vec<String> = rows.iter().map(|one| format!("{}\n  outcome: {}", told(&one.row), one.outcome)).collect();
    Ok(Answer::new(rows, told.join("\n")))
}

fn outcome(outcome: Result<Outcome, Cause>) -> &'static str {
    match outcome {
        Ok(outcome) => word(outcome),
        Err(cause) => cause.word(),
    }
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Suppressed => "suppressed",
        Outcome::Counted => "counted",
        Outcome::Left => "left",
        Outcome::Held => "held",
        Outcome::Dropped => "dropped",
        Outcome::Kept => "kept",
    }
}

/// `coranto bounces`: what came back, and a person's word on what is held.
pub async fn all(of: Bounces) -> Result<Answer, Problem> {
    let house = house(of.common()).await?;
    match of {
        Bounces::Count(_) => count(&house).await,
        Bounces::Held(_) => held(&house).await,
        Bounces::Apply(_) => resolve(&house, true).await,
        Bounces::Drop(_) => resolve(&house, false).await,
    }
}

/// Refusals are told of this many days.
const REFUSED_DAYS: i64 = 30;

async fn count(house: &House) -> Result<Answer, Problem> {
    let since = house.world.now() - REFUSED_DAYS * newsroom::DAY_MS;
    let read = house.store.read(move |tx| Ok((store::returned::sums(tx)?, store::returned::refused(tx, since)?))).await;
    let (sums, refused) = read.map_err(|fault| store_problem(&fault))?;
    let mut told = String::new();
    for (kind, reason, outcome, count) in &sums {
        told.push_str(&format!("{count:>9}  {:<10} {reason:<18} {}\n", kind_word(*kind), word(*outcome)));
    }
    for (cause, count) in &refused {
        told.push_str(&format!("{count:>9}  turned away in {REFUSED_DAYS} days: {cause}\n"));
    }
    let sums: Vec<_> = sums
        .iter()
        .map(|(kind, reason, outcome, count)| {
            json!({"kind": kind_word(*kind), "reason": reason, "outcome": word(*outcome), "count": count})
        })
        .collect();
    let refused: Vec<_> = refused.iter().map(|(cause, count)| json!({"cause": cause, "count": count})).collect();
    Ok(Answer::new(json!({"returned": sums, "turned_away": refused}), told))
}

const fn kind_word(kind: store::returned::Kind) -> &'static str {
    match kind {
        store::returned::Kind::Bounce => "bounce",
        store::returned::Kind::Complaint => "complaint",
        store::returned::Kind::Leave => "unsubscribe",
        store::returned::Kind::Taken => "taken",
    }
}

/// Held findings listed at once.
const HELD_SHOWN: i64 = 1_000;

async fn held(house: &House) -> Result<Answer, Problem> {
    let held = house.store.read(|tx| store::returned::held(tx, HELD_SHOWN)).await;
    let held = held.map_err(|fault| store_problem(&fault))?;
    let line = |one: &Returned| format!("{} {} {} {}", one.reader, kind_word(one.kind), one.reason, one.said);
    let told: Vec<String> = held.iter().map(line).collect();
    let rows: Vec<_> = held
        .iter()
        .map(|one| {
            json!({"id": one.id.to_string(), "reader": one.reader.to_string(), "departure": one.departure.to_string(),
                "kind": kind_word(one.kind), "reason": one.reason, "hard": one.hard, "code": one.code, "said": one.said})
        })
        .collect();
    let told = if told.is_empty() { "Nothing is held.".to_owned() } else { told.join("\n") };
    Ok(Answer::new(rows, told))
}

async fn resolve(house: &House, apply: bool) -> Result<Answer, Problem> {
    let resolved = returned::resolve(&house.world, &house.store, apply).await;
    let resolved = resolved.map_err(|fault| store_problem(&fault))?;
    let what = if apply { "readers are not written to any more" } else { "were dropped" };
    Ok(Answer::new(json!({"resolved": resolved, "applied": apply}), format!("{resolved} {what}")))
}

fn one(file: &Path) -> Result<Vec<u8>, Problem> {
    let mut message = Vec::new();
    let read = match file == Path::new("-") {
        true => std::io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut message),
        false => std::fs::File::open(file).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut message)),
    };
    match read {
        Err(fault) => Err(trouble(file, &fault.to_string())),
        Ok(bytes) if bytes as u64 > FILE_BYTES_MAX => Err(trouble(file, "longer than any message that comes back")),
        Ok(_) => Ok(message),
    }
}

fn trouble(file: &Path, what: &str) -> Problem {
    Problem::new(
        format!("{}: {what}.", file.display()),
        "Nothing was read.",
        "Name a file with one message as it came over the wire, or - for standard input; with --apply also an mbox or a Maildir.",
    )
}

/// Every message of a Maildir, an mbox, or a file.
fn messages(file: &Path) -> Result<Vec<Vec<u8>>, Problem> {
    if !file.is_dir() {
        return Ok(of_mbox(one(file)?));
    }
    let mut paths = Vec::new();
    for folder in ["new", "cur"].map(|name| file.join(name)).iter().filter(|folder| folder.is_dir()) {
        let entries = std::fs::read_dir(folder).map_err(|fault| trouble(folder, &fault.to_string()))?;
        paths.extend(entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()));
    }
    paths.sort();
    paths.iter().map(|path| one(path)).collect()
}

/// RFC 4155: a message begins with a line `From `, behind an empty line. What does not begin so is one message.
fn of_mbox(file: Vec<u8>) -> Vec<Vec<u8>> {
    if !file.starts_with(b"From ") {
        return vec![file];
    }
    let (mut messages, mut current, mut after_empty) = (Vec::new(), Vec::new(), true);
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        if after_empty && line.starts_with(b"From ") && !current.is_empty() {
            messages.push(std::mem::take(&mut current));
        }
        after_empty = line.trim_ascii().is_empty();
        current.extend_from_slice(line);
    }
    messages.push(current);
    messages
}

/// What a person reads.
fn told(row: &Row) -> String {
    let what = match row.kind {
        "bounce" => "a copy was not delivered",
        "complaint" => "a reader complained to their provider",
        "auto_reply" => "an automatic answer: nothing to do",
        "unsubscribe" => "somebody wants to leave",
        _ => "no bounce",
    };
    let mut out = format!("{}: {what}", row.recipient.as_deref().unwrap_or("(nobody named)"));
    if row.kind == "bounce" {
        let codes = [row.reply.as_deref(), row.status.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let hard = if row.hard == Some(true) { "for good" } else { "for now" };
        out.push_str(&format!("\n  {} {codes}\n  {hard}", row.reason.unwrap_or("unclear")));
    }
    let token =
        if row.token_valid { "it carries a mark of ours" } else { "it carries no mark of ours: it changes nothing" };
    format!("{out}\n  {token}")
}
