//! Wishes to leave by mail, and automatic answers.

use super::addresses;
use super::parts::Parts;
use super::{Finding, Kind};

/// How the local part of an address begins to which wishes to leave go (RFC 2369 §3.2, in our own List-Unsubscribe).
const LEAVE: [&str; 4] = ["unsubscribe", "leave", "opt-out", "optout"];

/// A wish to leave: it came to such an address, or says nothing but that word. Programs send it in a reader's name, so it
/// may well be marked as automatic.
pub(super) fn wish(parts: &Parts) -> Vec<Finding> {
    let subject = parts.fields.words("subject").trim().to_lowercase();
    let to =
        ["to", "delivered-to", "x-original-to"].into_iter().filter_map(|name| addresses::first(parts.fields.get(name)));
    let came_to = |prefix: &str| to.clone().any(|address| super::starts(address, prefix));
    let is_word = ["unsubscribe", "désabonnement", "abmelden", "abbestellen", "darme de baja", "cancellami"]
        .contains(&subject.as_str());
    if came_to("unsubscribe+") || (is_word && (LEAVE.iter().any(|prefix| came_to(prefix)) || !is_machine(parts))) {
        return vec![Finding::of_wish(Kind::Unsubscribe, addresses::first(parts.fields.get("from")))];
    }
    Vec::new()
}

fn is_machine(parts: &Parts) -> bool {
    parts.fields.get("from").to_ascii_lowercase().contains("daemon") || parts.fields.has("x-failed-recipients")
}

/// An automatic answer; empty when the message is none.
pub(super) fn read(parts: &Parts) -> Vec<Finding> {
    let is_answer = by_field(parts) || by_subject(parts);
    let from = addresses::first(parts.fields.get("from"));
    is_answer.then(|| Finding::of(Kind::AutoReply, from)).into_iter().collect()
}

/// RFC 3834 §5, and what programs wrote before and beside it.
fn by_field(parts: &Parts) -> bool {
    let fields = &parts.fields;
    let submitted = fields.get("auto-submitted").to_ascii_lowercase();
    let precedence = ["precedence", "x-precedence"].map(|name| fields.get(name).to_ascii_lowercase());
    let marks = [
        "x-autoreply",
        "x-auto-reply",
        "x-autorespond",
        "x-auto-respond",
        "x-autoresponder",
        "x-vacation",
        "x-ms-exchange-inbox-rules-loop",
        "x-autoreply-from",
        "x-mail-autoreply",
    ];
    (!submitted.is_empty() && submitted != "no")
        || precedence.iter().any(|value| value.starts_with("auto"))
        || marks.iter().any(|mark| fields.has(mark) && !fields.get(mark).eq_ignore_ascii_case("no"))
}

/// How such answers begin, in the languages of the readers we know of.
fn by_subject(parts: &Parts) -> bool {
    const BEGIN: [&str; 34] = [
        "auto:",
        "auto-reply",
        "auto reply",
        "autoreply",
        "automatic reply",
        "automatic response",
        "autoresponse",
        "auto response",
        "out of office",
        "out of the office",
        "on vacation",
        "vacation reply",
        "away from",
        "i am away",
        "i'm away",
        "holiday",
        "automatische antwort",
        "abwesenheit",
        "abwesend",
        "réponse automatique",
        "absence",
        "absent",
        "respuesta automática",
        "fuera de la oficina",
        "risposta automatica",
        "fuori sede",
        "resposta automática",
        "ausência",
        "automatisch antwoord",
        "afwezig",
        "autosvar",
        "automaattinen vastaus",
        "автоответ",
        "自動",
    ];
    const MORE: [&str; 8] = [
        "frånvar",
        "odpowiedź automatyczna",
        "automatická odpověď",
        "otomatik yanıt",
        "автоматический ответ",
        "不在",
        "自动回复",
        "자동",
    ];
    let subject = parts.fields.words("subject").to_lowercase();
    let subject = subject.trim_start_matches(|c: char| "[*-( ".contains(c));
    let subject = subject.strip_prefix("re: ").unwrap_or(subject);
    BEGIN.iter().chain(&MORE).any(|begin| subject.starts_with(begin)) || subject.contains("out of office")
}
