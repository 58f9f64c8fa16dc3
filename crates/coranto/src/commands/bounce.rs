//! `coranto bounce`: what a message that came back says.

use std::io::Read;
use std::path::Path;

use mail::bounce::{self, Finding, Reading};
use newsroom::Problem;
use seal::VERP_PREFIX;
use serde::Serialize;
use vault::{KeyRing, Vault};

use crate::answer::Answer;
use crate::cli::Bounce;
use crate::config::Config;

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

pub fn run(of: &Bounce) -> Result<Answer, Problem> {
    let message = message(&of.file)?;
    let reading = bounce::read(&message, &[VERP_PREFIX]);
    let token_valid = vault(&of.common.data).is_some_and(|vault| is_ours(&vault, &reading));
    let rows: Vec<Row> = reading.findings.iter().map(|finding| Row::new(finding, token_valid)).collect();
    let told: Vec<String> = rows.iter().map(told).collect();
    Ok(Answer::new(rows, told.join("\n")))
}

/// Whether one of the marks in the message was written here.
fn is_ours(vault: &Vault, reading: &Reading) -> bool {
    let local = |mark: &String| mark.split_once('@').map_or(mark.clone(), |(local, _)| local.to_owned());
    reading.marks.iter().any(|mark| vault.post_key().check_verp(&local(mark)).is_some())
}

/// The keys of the newsroom in this folder, if there is one: a message can be read anywhere.
fn vault(folder: &Path) -> Option<Vault> {
    let config = Config::read(folder).ok()?;
    KeyRing::load(&config.key_file).ok().map(Vault::new)
}

fn message(file: &Path) -> Result<Vec<u8>, Problem> {
    let trouble = |what: String| {
        Problem::new(
            format!("{}: {what}.", file.display()),
            "Nothing was read.",
            "Name a file with one message as it came over the wire, or - for standard input.",
        )
    };
    let mut message = Vec::new();
    let read = match file == Path::new("-") {
        true => std::io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut message),
        false => std::fs::File::open(file).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut message)),
    };
    match read {
        Err(fault) => Err(trouble(fault.to_string())),
        Ok(bytes) if bytes as u64 > FILE_BYTES_MAX => Err(trouble("longer than any message that comes back".into())),
        Ok(_) => Ok(message),
    }
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
