//! Bounces in plain words: by what such texts share, whoever wrote the program that sent them.
//!
//! They come from nobody or from a daemon, say in a known phrase that something was not delivered, name a recipient at the
//! beginning of a line, give the words of the server that refused, and append the copy. What belongs to the copy is cut
//! away before anything is judged.

use super::addresses;
use super::parts::{PartKind, Parts};
use super::{Finding, Kind};
use crate::reason::{self, Reason, Step, Words};

/// Lines of a text looked at.
const LINES_MAX: usize = 4_000;
/// So many of its fields within so many lines make a returned header.
const HEADER_FIELDS: usize = 3;
const HEADER_LINES: usize = 14;
/// Evidence enough to call a message a bounce: see [`evidence`].
const EVIDENCE_ENOUGH: u32 = 3;

/// Every text of the message itself; its pages, where it has no text.
pub(super) fn of(parts: &Parts) -> String {
    let own = |kind| parts.of_kind(kind).filter(|part| !part.is_within).map(|part| part.text.as_str());
    let text: Vec<&str> = own(PartKind::Text).collect();
    if text.iter().any(|text| !text.trim().is_empty()) {
        text.join("\n")
    } else {
        own(PartKind::Html).collect::<Vec<_>>().join("\n")
    }
}

/// What a text bounce says; empty when the message is none.
pub(super) fn read(parts: &Parts) -> Vec<Finding> {
    let whole = of(parts);
    let own = own_words(&whole);
    if evidence(parts, own) < EVIDENCE_ENOUGH {
        return Vec::new();
    }
    let is_delay = is_delay(parts, own);
    let recipients = recipients(parts, own);
    match recipients.as_slice() {
        [] => {
            let recipient = returned_to(parts).or_else(|| to_in(&whole[own.len()..]));
            vec![judged(Finding::of(Kind::Bounce, recipient), own, None, false, is_delay)]
        }
        [(recipient, _)] => vec![judged(Finding::of(Kind::Bounce, Some(recipient)), own, None, false, is_delay)],
        many => many
            .iter()
            .map(|(recipient, words)| judged(Finding::of(Kind::Bounce, Some(recipient)), words, None, false, is_delay))
            .collect(),
    }
}

/// A finding with the reason that `words` give.
pub(super) fn judged(finding: Finding, words: &str, step: Option<Step>, is_report: bool, is_delay: bool) -> Finding {
    let heard = heard(words);
    let (status, reply) =
        (reason::enhanced_in(&heard).or_else(|| reason::enhanced_in(words)), reason::reply_in(&heard));
    let step = step.or_else(|| step_in(words)).or_else(|| last_command(words));
    // Behind a transcript the line that names the recipient comes first, with the code that counts.
    let reply = words.lines().next().and_then(reason::reply_in).or(reply).or_else(|| reason::reply_in(words));
    let said = Words { status, reply, step, is_report, text: &heard };
    let reason = match reason::judge(&said) {
        Reason::Unclear => reason::judge(&Words { text: words, ..said }),
        reason => reason,
    };
    told(Finding { status, reply, ..finding }, reason, is_delay).says(words)
}

/// What the server that refused said, where the text quotes it: what the reporting program adds before is its own
/// opinion, often a friendly list of everything that may be wrong.
pub(super) fn heard(words: &str) -> String {
    const QUOTES: [&str; 7] = [
        "error that the other server returned was:",
        "the response from the remote server was:",
        "the response was:",
        "remote host said:",
        "error message below:",
        "server message",
        "failed with:",
    ];
    let lower = words.to_ascii_lowercase();
    if let Some(at) = QUOTES.iter().find_map(|quote| lower.find(quote).map(|at| at + quote.len())) {
        return words[at..].to_owned();
    }
    // `5.1.0 - Unknown address error 550-'5.7.1 …'`: what stands between the quotes.
    let is_code = |head: &str| head.len() >= 3 && head.as_bytes()[head.len() - 3..].iter().all(u8::is_ascii_digit);
    if let Some((head, quoted)) = words.split_once("-'").filter(|(head, _)| is_code(head)) {
        let code = &head[head.len() - 3..];
        return format!("{code} {}", quoted.rsplit_once('\'').map_or(quoted, |(quoted, _)| quoted));
    }
    // A transcript: what the other side answered, without what it took.
    let is_answer =
        |line: &&str| line.starts_with("<<< ") || (line.starts_with("Out: ") && reason::reply_in(&line[5..]).is_some());
    let answers: Vec<&str> = words.lines().map(str::trim_start).filter(is_answer).collect();
    let is_other = |line: &&str| !line.starts_with("In: ") && !line.starts_with("Out: ") && !line.starts_with(">>> ");
    if !answers.iter().any(|answer| answer.chars().any(char::is_alphabetic)) {
        return words.to_owned();
    }
    let others = words.lines().map(str::trim_start).filter(is_other).filter(|line| !line.starts_with("<<< "));
    let codes = others.filter(|line| line.get(..3).is_some_and(|head| reason::reply_in(head).is_some()));
    answers.into_iter().chain(codes).collect::<Vec<_>>().join("\n")
}

/// A finding with its reason, hard or not: a server that will try again, or that said "not now", has not given up.
pub(super) fn told(finding: Finding, reason: Reason, is_delay: bool) -> Finding {
    let for_now = match (finding.reply, finding.status) {
        (Some(reply), _) => reply < 500,
        (None, Some(status)) => status.class == 4 && (status.subject, status.detail) != (0, 0),
        (None, None) => false,
    };
    Finding { reason: Some(reason), hard: Some(reason.is_hard() && !is_delay && !for_now), is_delay, ..finding }
}

/// How much speaks for a bounce: two from a sender, a subject or a sentence that only bounces have, one from what also
/// occurs elsewhere.
fn evidence(parts: &Parts, own: &str) -> u32 {
    let subject = parts.fields.words("subject").to_lowercase();
    let text = own.to_lowercase();
    let is_null = parts.fields.all("return-path").any(|path| path.trim() == "<>" || path.is_empty());
    let returns = parts.of_kind(PartKind::Returned).next().is_some() || own.len() < of(parts).len();
    let fields = ["x-failed-recipients", "x-mailer-daemon-recipients"];
    let mut sum = if fields.iter().any(|field| parts.fields.has(field)) { 3 } else { 0 };
    sum += if is_daemon(parts.fields.get("from")) { 2 } else { 0 };
    sum += if SUBJECTS.iter().any(|phrase| subject.contains(phrase)) { 2 } else { 0 };
    // Lists answer in their own name.
    sum += if ["not a member of this", "not members of this", "duplicated message-id"]
        .iter()
        .any(|phrase| text.contains(phrase))
    {
        3
    } else {
        0
    };
    sum += if SENTENCES.iter().any(|phrase| text.contains(phrase)) { 2 } else { 0 };
    sum + u32::from(is_null) + u32::from(returns)
}

/// RFC 3464 §2, RFC 5321 §6.1: bounces come from a daemon's name, or from nobody.
fn is_daemon(from: &str) -> bool {
    let from = from.to_ascii_lowercase();
    let names = [
        "mailer-daemon",
        "mailer daemon",
        "postmaster",
        "post_master",
        "mail delivery s",
        "mail deliver s",
        "maildaemon",
        "mdaemon",
    ];
    from.trim() == "<>" || names.iter().any(|name| from.contains(name))
}

const SUBJECTS: [&str; 27] = [
    "undeliver",
    "undelivered",
    "returned mail",
    "returned to sender",
    "mail delivery",
    "message delivery",
    "delivery status",
    "delivery fail",
    "delivery notification",
    "delivery report",
    "delivery error",
    "delivery problem",
    "failure notice",
    "failed mail",
    "mail failure",
    "mail error",
    "mail system error",
    "could not be delivered",
    "could not deliver",
    "could not send",
    "not delivered",
    "non-delivery",
    "nondeliverable",
    "unzustellbar",
    "non remis",
    "no entregado",
    "メールエラー",
];

const SENTENCES: [&str; 34] = [
    "requested action not taken",
    "error message below",
    "could not be delivered",
    "couldn't be delivered",
    "cannot be delivered",
    "can not be delivered",
    "can't be delivered",
    "not be delivered",
    "was not delivered",
    "wasn't delivered",
    "was undeliverable",
    "is undeliverable",
    "not delivered to",
    "unable to deliver",
    "able to deliver your message",
    "failed to deliver",
    "error delivering",
    "error occurred while attempting to deliver",
    "delivery failed",
    "delivery has failed",
    "delivery to the following",
    "delivery errors",
    "delivery problems",
    "did not reach the following",
    "permanent fatal errors",
    "permanent error",
    "following addresses had",
    "following address(es) failed",
    "each of the following recipients was rejected",
    "failure reasons",
    "transcript of session follows",
    "was not relayed",
    "invalid final delivery",
    "has been delayed",
];

fn is_delay(parts: &Parts, own: &str) -> bool {
    let subject = parts.fields.words("subject").to_lowercase();
    let text = own.to_lowercase();
    let of_subject = ["(delay)", "delayed", "warning"];
    let of_text = [
        "only a temporary failure",
        "do not need to resend",
        "warning message only",
        "is only a warning",
        "message is delayed",
        "has been delayed",
    ];
    of_subject.iter().any(|word| subject.contains(word)) || of_text.iter().any(|phrase| text.contains(phrase))
}

/// The report's own words: up to where the copy begins.
pub(super) fn own_words(text: &str) -> &str {
    let mut at = 0;
    let lines: Vec<&str> = text.split_inclusive('\n').take(LINES_MAX).collect();
    for (n, line) in lines.iter().enumerate() {
        if announces_copy(line) || begins_header(&lines[n..]) {
            return &text[..at];
        }
        at += line.len();
    }
    &text[..at]
}

/// "--- Below this line is a copy of the message." and its many sisters.
fn announces_copy(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    let phrases = [
        "copy of the message",
        "copy of your message",
        "copy of the original",
        "original message -----",
        "-original message",
        "original message follows",
        "original message headers",
        "original message is following",
        "headers follow",
        "message header:",
        "unsent message",
        "returned message -",
        "returned message follows",
        "undelivered message follows",
        "original mail follows",
        "original mail as follows",
        "copy of the undeliver",
    ];
    line.len() < 120 && phrases.iter().any(|phrase| line.contains(phrase))
}

/// Whether a message's header begins here: several of its fields, close together, at the beginning of their lines.
fn begins_header(lines: &[&str]) -> bool {
    let names = [
        "received:",
        "return-path:",
        "from:",
        "to:",
        "subject:",
        "date:",
        "message-id:",
        "mime-version:",
        "content-type:",
    ];
    let is = |line: &str, name: &str| super::starts(line, name);
    if !lines.first().is_some_and(|line| names.iter().any(|name| is(line, name))) {
        return false;
    }
    let near = &lines[..lines.len().min(HEADER_LINES)];
    let found: Vec<&&str> = names.iter().filter(|name| near.iter().any(|line| is(line, name))).collect();
    // A report may quote to whom, when and about what; only a header also says from whom or by what way.
    found.len() >= HEADER_FIELDS
        && found.iter().any(|name| !["to:", "subject:", "date:", "content-type:"].contains(name))
}

/// Whom the text is about, each with the words that go with it.
fn recipients(parts: &Parts, own: &str) -> Vec<(String, String)> {
    let by_line = by_line(own);
    if !by_line.is_empty() {
        return by_line;
    }
    let failed = failed_recipients(parts);
    if !failed.is_empty() {
        return failed.into_iter().map(|recipient| (recipient, own.to_owned())).collect();
    }
    let ours = ["to", "from", "reply-to", "cc"]
        .map(|name| addresses::first(parts.fields.get(name)).unwrap_or("").to_lowercase());
    let other = addresses::all(own).map(|(_, address)| address).find(|address| {
        let address = address.to_lowercase();
        let is_role = ["postmaster@", "mailer-daemon@", "support@", "abuse@", "helpdesk@"]
            .iter()
            .any(|role| address.starts_with(role));
        !is_role && !ours.contains(&address)
    });
    other.map(|address| (address.to_owned(), own.to_owned())).into_iter().collect()
}

/// Recipients that begin a line, the words behind them up to the next; or, as in a transcript, recipients behind a reply
/// code, with the words before them.
fn by_line(own: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let (mut before, mut at) = ("", None);
    for line in own.lines() {
        let is_sender = before.trim_end().ends_with("sent by");
        before = if line.trim().is_empty() { before } else { line };
        match addresses::leading(line).filter(|_| !is_sender) {
            Some(recipient) => {
                let known = found.iter().position(|(known, _)| known.eq_ignore_ascii_case(recipient));
                at = Some(known.unwrap_or(found.len()));
                match known {
                    Some(known) => push_line(&mut found[known].1, line),
                    None => found.push((recipient.to_owned(), line.to_owned())),
                }
            }
            None => {
                if let Some(at) = at {
                    push_line(&mut found[at].1, line);
                }
            }
        }
    }
    if found.is_empty() { by_transcript(own) } else { found }
}

fn by_transcript(own: &str) -> Vec<(String, String)> {
    let (mut found, mut words) = (Vec::new(), String::new());
    for line in own.lines() {
        let behind_code =
            line.get(..4).filter(|head| reason::reply_in(head).is_some()).and_then(|_| addresses::leading(&line[4..]));
        match behind_code {
            // Its own line first: the code in it is the one that counts.
            Some(recipient) => found.push((recipient.to_owned(), format!("{line}{}", std::mem::take(&mut words)))),
            None => push_line(&mut words, line),
        }
    }
    found
}

fn push_line(words: &mut String, line: &str) {
    words.push('\n');
    words.push_str(line);
}

/// The words that go with `address`.
pub(super) fn about(own: &str, address: &str) -> Option<String> {
    by_line(own).into_iter().find(|(recipient, _)| recipient.eq_ignore_ascii_case(address)).map(|(_, words)| words)
}

/// X-Failed-Recipients and its like.
pub(super) fn failed_recipients(parts: &Parts) -> Vec<String> {
    let fields = ["x-failed-recipients", "x-mailer-daemon-recipients"];
    let mut named: Vec<String> = fields
        .iter()
        .flat_map(|name| parts.fields.all(name))
        .flat_map(|value| addresses::all(value).map(|(_, address)| address.to_owned()))
        .collect();
    named.sort();
    named.dedup();
    named
}

/// Whom the returned copy was addressed to: ours have one recipient each.
pub(super) fn returned_to(parts: &Parts) -> Option<&str> {
    parts.of_kind(PartKind::Returned).find_map(|part| addresses::first(part.fields.get("to")))
}

fn to_in(copy: &str) -> Option<&str> {
    copy.lines().find(|line| super::starts(line, "to:")).and_then(addresses::first)
}

/// What a category of PowerMTA's witnesses, and what it says when no words do.
pub(super) fn of_category(category: &str) -> Option<Reason> {
    Some(match category.trim().to_ascii_lowercase().as_str() {
        "bad-mailbox" => Reason::UnknownAddress,
        "bad-domain" => Reason::UnknownDomain,
        "inactive-mailbox" => Reason::Suspended,
        "quota-issues" => Reason::MailboxFull,
        "spam-related" | "policy-related" | "relaying-issues" => Reason::Policy,
        "content-related" | "virus-related" => Reason::Content,
        "message-expired" | "routing-errors" | "no-answer-from-host" | "bad-connection" => Reason::Unreached,
        "protocol-errors" | "bad-configuration" => Reason::Fault,
        _ => return None,
    })
}

/// At which step, if the words name it.
pub(super) fn step_in(words: &str) -> Option<Step> {
    const NAMED: [(Step, &[&str]); 4] = [
        (
            Step::Data,
            &[
                "end of data",
                "final data",
                "reply to data",
                "failed after i sent the message",
                "after data",
                "our data",
                "[data]",
                "data command",
                "smtp command\ndata",
            ],
        ),
        (
            Step::Rcpt,
            &[
                "reply to rcpt",
                "does not like recipient",
                "after rcpt",
                "our rcpt",
                "[rcpt_to]",
                "in rcpt to",
                "rcpt command",
                "rcpt to:<",
                "rcpt-to validation",
                "rcpt to command",
            ],
        ),
        (
            Step::Mail,
            &[
                "reply to mail from",
                "but sender was rejected",
                "after mail from",
                "our mail from",
                "[mail_from]",
                "in mail from",
                "mail from command",
            ],
        ),
        (
            Step::Greeting,
            &[
                "initial connection",
                "but my name was rejected",
                "but greeting failed",
                "refused to talk to me",
                "reply to ehlo",
                "reply to helo",
                "after ehlo",
                "after helo",
                "[connect]",
                "reply to starttls",
            ],
        ),
    ];
    let text = words.to_ascii_lowercase();
    NAMED.iter().find(|(_, phrases)| phrases.iter().any(|phrase| text.contains(phrase))).map(|(step, _)| *step)
}

/// `>>> RCPT To:<…>` in a transcript.
fn command(line: &str) -> Option<Step> {
    let said = line.trim_start().strip_prefix(">>> ")?.to_ascii_uppercase();
    let steps = [
        ("RCPT", Step::Rcpt),
        ("DATA", Step::Data),
        ("MAIL", Step::Mail),
        ("EHLO", Step::Greeting),
        ("HELO", Step::Greeting),
    ];
    steps.iter().find(|(verb, _)| said.starts_with(verb)).map(|(_, step)| *step)
}

fn last_command(words: &str) -> Option<Step> {
    words.lines().rev().find_map(command)
}

/// The command that stands before the answer `diagnosis` in a transcript.
pub(super) fn step_of(words: &str, diagnosis: &str) -> Option<Step> {
    let mut step = None;
    for line in words.lines().take(LINES_MAX) {
        step = command(line).or(step);
        let answer = line.trim_start().strip_prefix("<<< ").map(str::trim).filter(|answer| answer.len() > 4);
        if answer
            .is_some_and(|answer| diagnosis.starts_with(answer) || answer.starts_with(diagnosis) && diagnosis.len() > 4)
        {
            let is_refused_before = |line: &str| line.contains("valid recipients") || line.contains("need RCPT");
            let was_pipelined = step == Some(Step::Data) && words.lines().any(is_refused_before);
            // RFC 2920: the answer to a RCPT that was sent ahead stands below DATA, and DATA fails for want of recipients.
            return if was_pipelined { Some(Step::Rcpt) } else { step };
        }
    }
    None
}
