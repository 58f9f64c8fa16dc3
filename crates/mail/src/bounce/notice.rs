//! Notices in JSON: what Amazon SES (through SNS) and Mailgun say of a copy that went out through them.
//!
//! By mail or by webhook; SES's by mail has nothing that vouches for it but the mark of the copy that it is about. Who posted a
//! webhook is not asked here: this reads what is said, into the same findings as a bounce gives.

use serde_json::Value;

use super::parts::{PartKind, Parts};
use super::text;
use super::{FINDINGS_MAX, Finding, Kind, MARKS_MAX, Reading, starts};
use crate::reason::Reason;

/// A notice beyond this is none, in octets: SES caps its messages at 256 kB, and leaves long headers out.
const NOTICE_BYTES_MAX: usize = 256 * 1024;

/// What a notice by webhook says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its findings, and the marks under which the copy had left.
    pub reading: Reading,
    /// The Message-ID that the copy had when it left us, without its brackets.
    pub message_id: Option<String>,
}

/// A notice that came by mail.
pub(super) fn read(parts: &Parts) -> Vec<Finding> {
    let text = parts.of_kind(PartKind::Text).find(|part| part.text.trim_start().starts_with('{'));
    let Some(text) = text else { return Vec::new() };
    // Sendmail breaks a line that is too long with `!`, a line end and a space.
    let text = text.text.replace("!\r\n ", "").replace("!\n ", "");
    let Some(end) = text.rfind('}') else { return Vec::new() };
    let Some(outer) = parsed(text[..=end].trim_start()) else { return Vec::new() };
    let inner = outer.get("Message").and_then(Value::as_str).and_then(parsed);
    of_ses(inner.as_ref().unwrap_or(&outer)).unwrap_or_default()
}

/// What a notice of SES says, as it stands in SNS's `Message`. `None`: it has not the form that SES documents, or tells of
/// something that changes nothing.
pub fn ses(notice: &Value, prefixes: &[&str]) -> Option<Said> {
    let findings = of_ses(notice).filter(|findings| !findings.is_empty())?;
    let headers = notice.pointer("/mail/headers").and_then(Value::as_array);
    let header = |name: &str| {
        let of_name = |one: &&Value| string(one, "name").is_some_and(|named| named.eq_ignore_ascii_case(name));
        headers.into_iter().flatten().find(of_name).and_then(|one| string(one, "value"))
    };
    let source = notice.pointer("/mail/source").and_then(Value::as_str);
    let common = notice.pointer("/mail/commonHeaders/messageId").and_then(Value::as_str);
    Some(said(findings, [source, header("Return-Path")], header("Message-ID").or(common), prefixes))
}

/// What an event of Mailgun says: the `event-data` of its webhook. `None`: it has not the form that Mailgun documents, or
/// tells of something that changes nothing.
pub fn mailgun(event: &Value, prefixes: &[&str]) -> Option<Said> {
    let recipient = string(event, "recipient")?;
    let finding = match string(event, "event")? {
        "failed" => mailgun_failed(event, recipient),
        "complained" => Finding::of_wish(Kind::Complaint, Some(recipient)),
        "unsubscribed" => Finding::of_wish(Kind::Unsubscribe, Some(recipient)),
        "delivered" => Finding { is_taken: true, ..Finding::of(Kind::Other, Some(recipient)) },
        _ => return None,
    };
    let sender = event.pointer("/envelope/sender").and_then(Value::as_str);
    let message_id = event.pointer("/message/headers/message-id").and_then(Value::as_str);
    Some(said(vec![finding], [sender, None], message_id, prefixes))
}

fn said(findings: Vec<Finding>, left_as: [Option<&str>; 2], message_id: Option<&str>, prefixes: &[&str]) -> Said {
    let bare = |text: &str| text.trim().trim_matches(['<', '>']).to_owned();
    let is_mark = |text: &String| prefixes.iter().any(|prefix| starts(text, prefix));
    let marks = left_as.into_iter().flatten().map(bare).filter(is_mark).take(MARKS_MAX).collect();
    Said { reading: Reading { findings, marks }, message_id: message_id.map(bare).filter(|id| !id.is_empty()) }
}

/// Mailgun refuses by itself whom it has on a list of its own, and says why in a word.
fn mailgun_failed(event: &Value, recipient: &str) -> Finding {
    match string(event, "reason") {
        Some("suppress-unsubscribe") => return Finding::of_wish(Kind::Unsubscribe, Some(recipient)),
        Some("suppress-complaint") => return Finding::of_wish(Kind::Complaint, Some(recipient)),
        _ => {}
    }
    let status = |name: &str| event.pointer(&format!("/delivery-status/{name}"));
    let word = |name: &str| status(name).and_then(Value::as_str).unwrap_or("");
    // Its own codes (605 and the like) are none of SMTP's.
    let code = status("code").and_then(Value::as_u64).filter(|code| (400..600).contains(code));
    let code = code.map_or(String::new(), |code| code.to_string());
    let words = [code.as_str(), word("enhanced-code"), word("message"), word("description")].join(" ");
    // What is not said to be for good is for now: a word that we do not know must end nobody.
    let is_delay = string(event, "severity") != Some("permanent");
    let finding = text::judged(Finding::of(Kind::Bounce, Some(recipient)), words.trim(), None, true, is_delay);
    match (finding.reason, string(event, "reason")) {
        (Some(Reason::Unclear), Some("suppress-bounce")) => text::told(finding, Reason::UnknownAddress, is_delay),
        _ => finding,
    }
}

/// Reads a notice of SES.
fn of_ses(notice: &Value) -> Option<Vec<Finding>> {
    let kind = notice.get("notificationType").or_else(|| notice.get("eventType")).and_then(Value::as_str);
    match kind? {
        "Bounce" => Some(ses_bounce(notice)),
        "Complaint" => Some(each(notice, "/complaint/complainedRecipients", |one| {
            Finding::of_wish(Kind::Complaint, string(one, "emailAddress"))
        })),
        "Delivery" => Some(each(notice, "/delivery/recipients", |one| Finding {
            is_taken: true,
            ..Finding::of(Kind::Other, one.as_str())
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(said: Option<Said>) -> String {
        said.map_or("nothing".into(), |said| {
            let of =
                |f: &Finding| format!("{} {:?} hard {:?} taken {}", f.kind.word(), f.reason_word(), f.hard, f.is_taken);
            let findings: Vec<String> = said.reading.findings.iter().map(of).collect();
            format!("{} {:?} {:?}", findings.join(", "), said.reading.marks, said.message_id)
        })
    }

    fn mailgun_event(event: &str, more: &Value) -> Value {
        let mut value = json!({"event": event, "recipient": "ana@b.example",
            "envelope": {"sender": "bounce+abc@courier.example"},
            "message": {"headers": {"message-id": "<1@courier.example>"}}});
        for (name, part) in more.as_object().into_iter().flatten() {
            value[name] = part.clone();
        }
        value
    }

    #[test]
    fn mailgun_s_events_are_read_and_what_it_does_not_call_permanent_is_for_now() {
        let status = json!({"code": 550, "message": "5.1.1 The email account that you tried to reach does not exist."});
        let at = "[\"bounce+abc@courier.example\"] Some(\"1@courier.example\")";
        for (event, more, expected) in [
            (
                "failed",
                json!({"severity": "permanent", "delivery-status": status}),
                "bounce Some(\"unknown_address\") hard Some(true) taken false",
            ),
            (
                "failed",
                json!({"severity": "temporary", "delivery-status": status}),
                "bounce Some(\"unknown_address\") hard Some(false) taken false",
            ),
            (
                "failed",
                json!({"delivery-status": status}),
                "bounce Some(\"unknown_address\") hard Some(false) taken false",
            ),
            (
                "failed",
                json!({"severity": "permanent", "reason": "suppress-bounce", "delivery-status": {"code": 605, "message": ""}}),
                "bounce Some(\"unknown_address\") hard Some(true) taken false",
            ),
            (
                "failed",
                json!({"reason": "suppress-complaint"}),
                "complaint Some(\"complaint\") hard Some(false) taken false",
            ),
            ("complained", json!({}), "complaint Some(\"complaint\") hard Some(false) taken false"),
            ("unsubscribed", json!({}), "unsubscribe Some(\"unsubscribe\") hard Some(false) taken false"),
            ("delivered", json!({}), "other None hard None taken true"),
        ] {
            assert_eq!(told(mailgun(&mailgun_event(event, &more), &["bounce+"])), format!("{expected} {at}"), "{more}");
        }
        for nothing in [mailgun_event("opened", &json!({})), json!({"event": "failed"}), json!([]), json!("failed")] {
            assert_eq!(mailgun(&nothing, &["bounce+"]), None);
        }
    }

    #[test]
    fn ses_names_the_envelope_sender_and_the_message_id_that_we_gave() {
        let notice = json!({"notificationType": "Bounce",
            "bounce": {"bounceType": "Permanent", "bounceSubType": "General",
                "bouncedRecipients": [{"emailAddress": "ana@b.example", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}]},
            "mail": {"source": "bounce+abc@courier.example", "messageId": "of-ses",
                "headers": [{"name": "Message-Id", "value": "<1@courier.example>"}]}});
        assert_eq!(
            told(ses(&notice, &["bounce+"])),
            "bounce Some(\"unknown_address\") hard Some(true) taken false [\"bounce+abc@courier.example\"] Some(\"1@courier.example\")"
        );
        let delivered = json!({"eventType": "Delivery", "delivery": {"recipients": ["ana@b.example"]}, "mail": {"source": "news@courier.example"}});
        assert_eq!(told(ses(&delivered, &["bounce+"])), "other None hard None taken true [] None");
        assert_eq!(ses(&json!({"eventType": "Open"}), &["bounce+"]), None);
        assert_eq!(ses(&json!({"eventType": "Bounce", "bounce": {}}), &["bounce+"]), None);
    }
}
