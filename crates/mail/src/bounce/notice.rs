//! Notices in JSON: what Amazon SES (through SNS) says by mail of a copy that went out through it.
//!
//! Nothing vouches for them but the mark of the copy that they are about. Read here, they give the same findings as a bounce.

use serde_json::Value;

use super::parts::{PartKind, Parts};
use super::text;
use super::{FINDINGS_MAX, Finding, Kind};
use crate::reason::Reason;

/// A notice beyond this is none, in octets: SES caps its messages at 256 kB, and leaves long headers out.
const NOTICE_BYTES_MAX: usize = 256 * 1024;

/// A notice that came by mail.
pub(super) fn read(parts: &Parts) -> Vec<Finding> {
    let text = parts.of_kind(PartKind::Text).find(|part| part.text.trim_start().starts_with('{'));
    let Some(text) = text else { return Vec::new() };
    // Sendmail breaks a line that is too long with `!`, a line end and a space.
    let text = text.text.replace("!\r\n ", "").replace("!\n ", "");
    let Some(end) = text.rfind('}') else { return Vec::new() };
    of_ses(text[..=end].trim_start()).unwrap_or_default()
}

/// Reads a notice of SES, in SNS's envelope or without. `None`: it has not the form that SES documents, or tells of something
/// that changes nothing.
fn of_ses(text: &str) -> Option<Vec<Finding>> {
    let outer = parsed(text)?;
    let inner = outer.get("Message").and_then(Value::as_str).and_then(parsed);
    let notice = inner.as_ref().unwrap_or(&outer);
    let kind = notice.get("notificationType").or_else(|| notice.get("eventType")).and_then(Value::as_str);
    match kind? {
        "Bounce" => Some(ses_bounce(notice)),
        "Complaint" => Some(each(notice, "/complaint/complainedRecipients", |one| {
            Finding::of_wish(Kind::Complaint, string(one, "emailAddress"))
        })),
        _ => None,
    }
}

fn ses_bounce(notice: &Value) -> Vec<Finding> {
    let at = |pointer: &str| notice.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let (kind, sub) = (at("/bounce/bounceType"), at("/bounce/bounceSubType"));
    each(notice, "/bounce/bouncedRecipients", |one| {
        let diagnosis = string(one, "diagnosticCode").unwrap_or("");
        let diagnosis = diagnosis.split_once(';').map_or(diagnosis, |(_, words)| words);
        let words = format!("{diagnosis} {}", string(one, "status").unwrap_or(""));
        let finding = text::judged(
            Finding::of(Kind::Bounce, string(one, "emailAddress")),
            &words,
            None,
            true,
            kind == "Transient",
        );
        // What SES decides itself has no words of a server.
        let reason = match (finding.reason, kind, sub) {
            (Some(Reason::Unclear), _, "MailboxFull") => Reason::MailboxFull,
            (Some(Reason::Unclear), _, "MessageTooLarge") => Reason::TooBig,
            (Some(Reason::Unclear), _, "ContentRejected" | "AttachmentRejected") => Reason::Content,
            (Some(Reason::Unclear), "Permanent", "NoEmail" | "Suppressed" | "OnAccountSuppressionList") => {
                Reason::UnknownAddress
            }
            (Some(reason), ..) => reason,
            (None, ..) => Reason::Unclear,
        };
        text::told(finding, reason, kind == "Transient")
    })
}

/// serde_json refuses what is nested more than 128 deep.
fn parsed(text: &str) -> Option<Value> {
    if text.len() > NOTICE_BYTES_MAX { None } else { serde_json::from_str(text).ok() }
}

fn string<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    of.get(name).and_then(Value::as_str)
}

fn each(notice: &Value, pointer: &str, finding: impl FnMut(&Value) -> Finding) -> Vec<Finding> {
    let all = notice.pointer(pointer).and_then(Value::as_array);
    all.into_iter().flatten().take(FINDINGS_MAX).map(finding).collect()
}
