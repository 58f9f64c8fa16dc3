//! What comes back: any message that arrives where our copies are sent from, read into findings.
//!
//! Reports by machines (RFC 3464 in RFC 3462's frame), complaints (RFC 5965), bounces in plain words, notices in JSON,
//! automatic answers (RFC 3834) and wishes to leave. Every message is a stranger's: its length, its depth, its parts, its
//! fields and its findings have limits, and nothing in it is believed about a reader until a MAC says so, which is not
//! decided here. This module stores nothing, knows no reader, and never fails: what it cannot read is [`Kind::Other`].

use crate::reason::Reason;
use crate::smtp::Enhanced;
use encoding_rs::Encoding;
use std::borrow::Cow;

mod addresses;
mod answers;
mod feedback;
pub mod notice;
mod parts;
mod report;
mod text;

use parts::{PartKind, Parts};

/// How much of a message is read, in octets. Reports that return a whole newsletter have 200 kB; what they say stands at
/// the beginning.
pub const MESSAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Findings of one message: a report names as many recipients as one transaction takes.
pub const FINDINGS_MAX: usize = 100;
/// Marks of ours looked at in one message.
const MARKS_MAX: usize = 20;
/// What is kept of a finding's words, in characters.
const SAID_CHARS_MAX: usize = 500;

/// What kind of message came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A copy was not delivered, or not yet.
    Bounce,
    /// A reader told their provider that it is unwanted.
    Complaint,
    /// A machine answers for somebody: out of office, received, moved on. It means nothing for the reader's state.
    AutoReply,
    /// Somebody wants to leave.
    Unsubscribe,
    /// Anything else: a person's letter, a report of success, a report about our domain.
    Other,
}

impl Kind {
    /// The word in JSON and in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
            Self::AutoReply => "auto_reply",
            Self::Unsubscribe => "unsubscribe",
            Self::Other => "other",
        }
    }
}

/// What a message says about one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Whom it is about, as far as it says.
    pub recipient: Option<String>,
    /// Every address that it names for that recipient: after forwarding there are several.
    pub named: Vec<String>,
    /// The enhanced code.
    pub status: Option<Enhanced>,
    /// The SMTP reply code.
    pub reply: Option<u16>,
    /// Why, for a bounce.
    pub reason: Option<Reason>,
    /// Whether waiting cannot help. `None` where the question makes no sense.
    pub hard: Option<bool>,
    /// It is only late: the sending server goes on trying.
    pub is_delay: bool,
    /// It was taken there: evidence for a copy in doubt (RFC 3464 §2.3.3: delivered, relayed, expanded).
    pub is_taken: bool,
    /// The words that were judged, control characters taken out. They may hold addresses.
    pub said: String,
}

impl Finding {
    fn of(kind: Kind, recipient: Option<&str>) -> Self {
        Self {
            kind,
            recipient: recipient.map(str::to_owned),
            named: recipient.map(str::to_owned).into_iter().collect(),
            status: None,
            reply: None,
            reason: None,
            hard: None,
            is_delay: false,
            is_taken: false,
            said: String::new(),
        }
    }

    /// A complaint or a wish to leave says nothing against the mailbox.
    fn of_wish(kind: Kind, recipient: Option<&str>) -> Self {
        Self { hard: Some(false), ..Self::of(kind, recipient) }
    }

    fn says(mut self, words: &str) -> Self {
        let plain = words.split_whitespace().collect::<Vec<_>>().join(" ");
        self.said = plain.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect();
        self
    }

    /// What stands in JSON under `reason`: the reason, or for a wish its kind.
    pub fn reason_word(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Complaint | Kind::Unsubscribe => Some(self.kind.word()),
            _ => self.reason.map(Reason::word),
        }
    }
}

/// A message that came back, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// At least one finding, at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// Addresses that may be marks of ours (their local part begins with a given prefix): those to which the message came
    /// first, then those under which the returned copy had left. None is checked.
    pub marks: Vec<String>,
}

/// Reads a message. `prefixes` are how the local parts of our own marks begin, `bounce+` and the like.
pub fn read(message: &[u8], prefixes: &[&str]) -> Reading {
    let parts = Parts::of(&readable(&message[..message.len().min(MESSAGE_BYTES_MAX)]));
    let mut findings = findings(&parts);
    findings.truncate(FINDINGS_MAX);
    Reading { findings, marks: marks(&parts, prefixes) }
}

/// A message as mail writes it: a mailbox program may have saved it in UTF-16 or behind a mark of UTF-8, or with CR alone
/// at the end of its lines.
fn readable(message: &[u8]) -> Cow<'_, [u8]> {
    if let Some((encoding, mark_bytes)) = Encoding::for_bom(message) {
        let text = encoding.decode_without_bom_handling(&message[mark_bytes..]).0;
        return Cow::Owned(text.into_owned().into_bytes());
    }
    if memchr::memchr(b'\n', message).is_none() && memchr::memchr(b'\r', message).is_some() {
        return Cow::Owned(message.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect());
    }
    Cow::Borrowed(message)
}

/// The most certain kind of message first; each reader says whether it is one of its kind.
fn findings(parts: &Parts) -> Vec<Finding> {
    let readers: [fn(&Parts) -> Vec<Finding>; 6] =
        [feedback::read, answers::wish, report::read, notice::read, text::read, answers::read];
    readers.iter().map(|read| read(parts)).find(|findings| !findings.is_empty()).unwrap_or_else(|| {
        let from = parts.fields.get("from");
        vec![Finding::of(Kind::Other, addresses::first(from))]
    })
}

/// Fields in which the address stands to which a message came.
const ARRIVED_AT: [&str; 6] = ["delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc"];
/// Fields of a returned copy, or of a report about it, in which its envelope sender or its way to leave stands.
const LEFT_AS: [&str; 6] =
    ["return-path", "x-postfix-sender", "original-mail-from", "x-actual-sender", "sender", "list-unsubscribe"];

fn marks(parts: &Parts, prefixes: &[&str]) -> Vec<String> {
    let top = ARRIVED_AT.iter().flat_map(|name| parts.fields.all(name)).map(str::to_owned);
    let returned = parts
        .of_kind(PartKind::Returned)
        .flat_map(|part| LEFT_AS.iter().flat_map(|name| part.fields.all(name).map(str::to_owned).collect::<Vec<_>>()));
    let reports = [PartKind::Feedback, PartKind::Status, PartKind::Text];
    let reported = parts.parts.iter().filter(|part| reports.contains(&part.kind)).flat_map(|part| {
        part.text.lines().filter(|line| LEFT_AS.iter().any(|name| starts(line, name))).map(str::to_owned)
    });
    let mut marks: Vec<String> = Vec::new();
    for text in top.chain(returned).chain(reported) {
        for (_, address) in addresses::all(&text) {
            let is_mark = prefixes.iter().any(|prefix| starts(address, prefix));
            if is_mark && marks.len() < MARKS_MAX && !marks.iter().any(|mark| mark == address) {
                marks.push(address.to_owned());
            }
        }
    }
    marks
}

/// Whether `text` begins with `word`, in any case.
fn starts(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests;
