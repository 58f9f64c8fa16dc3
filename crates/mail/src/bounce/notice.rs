//! Notices in JSON: what Amazon SES (through SNS) and Mailgun say of a copy that went out through them.
//!
//! They come to a web address, where their signature is checked before anything of them is read, or by mail, where nothing
//! vouches for them but the mark of the copy that they are about. Read here, they give the same findings as a bounce.

use serde_json::Value;

use super::parts::{PartKind, Parts};
use super::text;
use super::{FINDINGS_MAX, Finding, Kind};
use crate::reason::{self, Reason, Words};

/// A notice beyond this is none, in octets: SES caps its messages at 256 kB, and leaves long headers out.
const NOTICE_BYTES_MAX: usize = 256 * 1024;

/// Why a notice says nothing to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeFault {
    /// It is no JSON of the form that this sender documents.
    #[error("not a notice of the documented form")]
    Form,
    /// It tells of something that changes nothing: delivered, opened, sent.
    #[error("nothing that concerns us")]
    Nothing,
}

/// A notice that came by mail.
pub(super) fn read(parts: &Parts) -> Vec<Finding> {
    let text = parts.of_kind(PartKind::Text).find(|part| part.text.trim_start().starts_with('{'));
    let Some(text) = text else { return Vec::new() };
    // Sendmail breaks a line that is too long with `!`, a line end and a space.
    let text = text.text.replace("!\r\n ", "").replace("!\n ", "");
    let Some(end) = text.rfind('}') else { return Vec::new() };
    of_ses(text[..=end].trim_start()).map(|(findings, _)| findings).unwrap_or_default()
}

/// Reads a notice of SES, in SNS's envelope or without: its findings, and the envelope sender of the copy.
///
/// # Errors
/// [`NoticeFault`].
pub fn of_ses(text: &str) -> Result<(Vec<Finding>, Option<String>), NoticeFault> {
    let outer = parsed(text)?;
    let inner = outer.get("Message").and_then(Value::as_str).map(parsed).transpose()?;
    let notice = inner.as_ref().unwrap_or(&outer);
    let kind = notice.get("notificationType").or_else(|| notice.get("eventType")).and_then(Value::as_str);
    let source = notice.pointer("/mail/source").and_then(Value::as_str).map(str::to_owned);
    let findings = match kind.ok_or(NoticeFault::Form)? {
        "Bounce" => ses_bounce(notice),
        "Complaint" => each(notice, "/complaint/complainedRecipients", |one| {
            Finding::of_wish(Kind::Complaint, string(one, "emailAddress"))
        }),
        "Delivery" => return Err(NoticeFault::Nothing),
        _ => return Err(NoticeFault::Nothing),
    };
    if findings.is_empty() { Err(NoticeFault::Form) } else { Ok((findings, source)) }
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

/// Reads the `event-data` of a Mailgun webhook: its findings, and the envelope sender of the copy.
///
/// # Errors
/// [`NoticeFault`].
pub fn of_mailgun(text: &str) -> Result<(Vec<Finding>, Option<String>), NoticeFault> {
    let outer = parsed(text)?;
    let event = outer.get("event-data").unwrap_or(&outer);
    let recipient = string(event, "recipient");
    let sender = event.pointer("/envelope/sender").and_then(Value::as_str).map(str::to_owned);
    let finding = match string(event, "event").ok_or(NoticeFault::Form)? {
        "failed" | "rejected" => {
            let at = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or("");
            let code = event
                .pointer("/delivery-status/code")
                .and_then(Value::as_u64)
                .and_then(|code| u16::try_from(code).ok());
            let text = format!("{} {}", at("/delivery-status/message"), at("/delivery-status/description"));
            let reply = code.filter(|code| (400..600).contains(code)).or_else(|| reason::reply_in(&text));
            let status =
                reason::enhanced_in(&text).or_else(|| reason::enhanced_in(at("/delivery-status/enhanced-code")));
            let why = reason::judge(&Words { status, reply, step: text::step_in(&text), is_report: true, text: &text });
            let is_delay = string(event, "severity") == Some("temporary");
            text::told(Finding { status, reply, ..Finding::of(Kind::Bounce, recipient) }, why, is_delay).says(&text)
        }
        "complained" => Finding::of_wish(Kind::Complaint, recipient),
        "unsubscribed" => Finding::of_wish(Kind::Unsubscribe, recipient),
        _ => return Err(NoticeFault::Nothing),
    };
    Ok((vec![finding], sender))
}

/// serde_json refuses what is nested more than 128 deep.
fn parsed(text: &str) -> Result<Value, NoticeFault> {
    if text.len() > NOTICE_BYTES_MAX {
        return Err(NoticeFault::Form);
    }
    serde_json::from_str(text).map_err(|_| NoticeFault::Form)
}

fn string<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    of.get(name).and_then(Value::as_str)
}

fn each(notice: &Value, pointer: &str, finding: impl FnMut(&Value) -> Finding) -> Vec<Finding> {
    let all = notice.pointer(pointer).and_then(Value::as_array);
    all.into_iter().flatten().take(FINDINGS_MAX).map(finding).collect()
}
