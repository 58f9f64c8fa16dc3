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

/// Reads every message of a file or folder, and applies it if that is asked.
pub async fn run(of: Bounce) -> Result<Answer, Problem> {
    if of.apply {
        return apply(&of).await;
    }
    let mut rows = Vec::new();
    match Config::read(&of.common.data) {
        // A message can be read anywhere; without a newsroom no mark is ours.
        Err(_) => {
            for message in messages(&of.file)? {
                rows.extend(bounce::read(&message, &[]).findings.iter().map(|finding| Row::new(finding, false)));
            }
        }
        Ok(_) => {
            let house = house(&of.common).await?;
            for message in messages(&of.file)? {
                let arrival = Arrival { message, delivered_to: None, source: MAILBOX.into() };
                let looked = returned::look(&house.world, &house.store, &house.vault, arrival).await;
                let looked = looked.map_err(|fault| store_problem(&fault))?;
                rows.extend(looked.iter().map(|(finding, token_valid)| Row::new(finding, *token_valid)));
            }
        }
    }
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
        Ok(outcome) => outcome.word(),
        Err(cause) => cause.word(),
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
        told.push_str(&format!("{count:>9}  {:<10} {reason:<18} {}\n", kind.word(), outcome.word()));
    }
    for (cause, count) in &refused {
        told.push_str(&format!("{count:>9}  turned away in {REFUSED_DAYS} days: {cause}\n"));
    }
    let sums: Vec<_> = sums
        .iter()
        .map(|(kind, reason, outcome, count)| {
            json!({"kind": kind.word(), "reason": reason, "outcome": outcome.word(), "count": count})
        })
        .collect();
    let refused: Vec<_> = refused.iter().map(|(cause, count)| json!({"cause": cause, "count": count})).collect();
    Ok(Answer::new(json!({"returned": sums, "turned_away": refused}), told))
}

/// Held findings listed at once.
const HELD_SHOWN: i64 = 1_000;

async fn held(house: &House) -> Result<Answer, Problem> {
    let held = house.store.read(|tx| store::returned::held(tx, HELD_SHOWN)).await;
    let held = held.map_err(|fault| store_problem(&fault))?;
    let line = |one: &Returned| format!("{} {} {} {}", one.reader, one.kind.word(), one.reason, one.said);
    let told: Vec<String> = held.iter().map(line).collect();
    let rows: Vec<_> = held
        .iter()
        .map(|one| {
            json!({"id": one.id.to_string(), "reader": one.reader.to_string(), "departure": one.departure.to_string(),
                "kind": one.kind.word(), "reason": one.reason, "hard": one.hard, "code": one.code, "said": one.said})
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
        Ok(bytes) if bytes as u64 > FILE_BYTES_MAX => {
            let mebibytes = FILE_BYTES_MAX / 1_024 / 1_024;
            Err(trouble(
                file,
                &format!("more than {mebibytes} MiB, which no message that comes back has; part the mailbox"),
            ))
        }
        Ok(_) => Ok(message),
    }
}

fn trouble(file: &Path, what: &str) -> Problem {
    Problem::new(
        format!("{}: {what}.", file.display()),
        "Nothing was read.",
        "Name a file with a message as it came over the wire, an mbox, a Maildir, or - for standard input.",
    )
}

/// Every message of a Maildir, an mbox, or a file.
fn messages(file: &Path) -> Result<Vec<Vec<u8>>, Problem> {
    if !file.is_dir() {
        return Ok(of_mbox(one(file)?));
    }
    let mut paths = Vec::new();
    let folders: Vec<_> =
        ["new", "cur"].map(|name| file.join(name)).into_iter().filter(|folder| folder.is_dir()).collect();
    if folders.is_empty() {
        return Err(trouble(file, "a folder, and no Maildir: it has neither new nor cur"));
    }
    for folder in &folders {
        let entries = std::fs::read_dir(folder).map_err(|fault| trouble(folder, &fault.to_string()))?;
        paths.extend(entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()));
    }
    paths.sort();
    paths.iter().map(|path| one(path)).collect()
}

/// RFC 4155: a message begins with a line `From `, a sender and a time, behind an empty line. A sentence that begins with that
/// word has no time. What does not begin so is one message.
fn of_mbox(file: Vec<u8>) -> Vec<Vec<u8>> {
    if !file.starts_with(b"From ") {
        return vec![file];
    }
    let begins = |line: &[u8]| {
        let digits_around =
            |at: usize| at > 0 && line[at - 1].is_ascii_digit() && line.get(at + 1).is_some_and(u8::is_ascii_digit);
        line.starts_with(b"From ") && (0..line.len()).any(|at| line[at] == b':' && digits_around(at))
    };
    let (mut messages, mut current, mut after_empty) = (Vec::new(), Vec::new(), true);
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        if after_empty && begins(line) && !current.is_empty() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mbox_is_parted_where_a_message_begins_and_nowhere_else() {
        let one =
            "From MAILER-DAEMON Thu Nov 26 08:00:00 2026\nSubject: one\n\nFrom here on it is quiet.\n\nFrom nobody\n\n";
        let two = "From ana@there.example Thu Nov 26 08:00:01 2026\r\nSubject: two\r\n\r\n>From Thu 08:00\r\n";
        assert_eq!(of_mbox([one, two].concat().into_bytes()), [one.as_bytes(), two.as_bytes()]);
        for whole in ["", "Subject: one\n\nFrom a 08:00\n", "From", "\0\n\nFrom x 1:1"] {
            assert_eq!(of_mbox(whole.into()), [whole.as_bytes()], "{whole:?}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a folder of the test's own")]
    fn what_cannot_be_read_is_told_in_words() {
        let folder = std::env::temp_dir().join(format!("coranto-bounce-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("maildir/new")).unwrap();
        let long = folder.join("long");
        // A hole: it takes no room on the disk.
        std::fs::File::create(&long).unwrap().set_len(100 * 1_024 * 1_024).unwrap();
        std::fs::write(folder.join("maildir/new/1"), "Subject: one\n\n").unwrap();
        let fault = |name: &str| messages(&folder.join(name)).unwrap_err().what;
        assert!(fault("long").contains("more than 64 MiB"), "{}", fault("long"));
        assert!(fault("").contains("no Maildir"), "{}", fault(""));
        assert!(fault("missing").contains("No such file"), "{}", fault("missing"));
        assert_eq!(messages(&folder.join("maildir")).unwrap().len(), 1);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
