//! Complaints: the abuse reporting format (RFC 5965), and the older habit of sending the complained-of message along.

use super::addresses;
use super::parts::{Fields, PartKind, Parts};
use super::text;
use super::{Finding, Kind};
use crate::reason::Reason;

/// Fields that name whom it is about. The last are Yahoo's and AOL's.
const RECIPIENTS: [&str; 4] = ["original-rcpt-to", "removal-recipient", "redacted-address", "x-original-rcpt-to"];

/// What a complaint says; empty when the message is none.
pub(super) fn read(parts: &Parts) -> Vec<Finding> {
    let Some(part) = parts.of_kind(PartKind::Feedback).next() else {
        return if is_forwarded(parts) {
            vec![Finding::of_wish(Kind::Complaint, text::returned_to(parts))]
        } else {
            Vec::new()
        };
    };
    let mut fields = Fields::default();
    part.text.lines().for_each(|line| fields.take(line));
    let kind = kind(fields.get("feedback-type"));
    let mut named: Vec<String> = RECIPIENTS
        .iter()
        .flat_map(|name| fields.all(name))
        .flat_map(|value| addresses::all(value).map(|(_, address)| address.to_owned()))
        .collect();
    let mut seen = Vec::new();
    named.retain(|address| {
        !seen.contains(&address.to_lowercase()) && {
            seen.push(address.to_lowercase());
            true
        }
    });
    if named.is_empty() {
        named.extend(text::returned_to(parts).map(str::to_owned));
    }
    let finding = |recipient: Option<&str>| Finding {
        // A report about our domain's authentication (RFC 6591) is nobody's complaint.
        reason: (kind == Kind::Other)
            .then_some(Reason::Authentication)
            .filter(|_| fields.get("feedback-type").contains("auth")),
        ..Finding::of_wish(kind, recipient)
    };
    if named.is_empty() {
        vec![finding(None)]
    } else {
        named.iter().map(|recipient| finding(Some(recipient))).collect()
    }
}

/// RFC 5965 §7.3, RFC 6591, RFC 6650.
fn kind(feedback: &str) -> Kind {
    let feedback = feedback.to_ascii_lowercase();
    match feedback.as_str() {
        "not-spam" | "dismissal" => Kind::Other,
        authentication if ["auth", "dmarc"].iter().any(|word| authentication.starts_with(word)) => Kind::Other,
        "opt-out" | "opt-out-list" => Kind::Unsubscribe,
        _ => Kind::Complaint,
    }
}

/// "complaint about message from 192.0.2.1", with the message.
fn is_forwarded(parts: &Parts) -> bool {
    let subject = parts.fields.words("subject").trim().to_lowercase();
    let says = ["complaint about message", "abuse report", "spam report", "email feedback report"];
    parts.of_kind(PartKind::Returned).next().is_some() && says.iter().any(|phrase| subject.starts_with(phrase))
}
