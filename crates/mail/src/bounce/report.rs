//! Reports by machines: the fields of message/delivery-status (RFC 3464 §2), judged together with the words beside them.

use super::addresses;
use super::parts::{Fields, PartKind, Parts};
use super::text;
use super::{Finding, Kind};
use crate::reason::{self, Reason, Step, Words};

/// Recipients of one report.
const RECIPIENTS_MAX: usize = super::FINDINGS_MAX;

/// What a report says; empty when there is none.
pub(super) fn read(parts: &Parts) -> Vec<Finding> {
    let status: Vec<&str> = parts.of_kind(PartKind::Status).map(|part| part.text.as_str()).collect();
    let words = text::of(parts);
    let mut groups: Vec<Fields> = status.iter().flat_map(|text| groups(text)).collect();
    if groups.is_empty() {
        // Some send the report as plain text, or a whole report within a text.
        let lines: Vec<&str> = words.lines().collect();
        if let Some(at) = lines.iter().position(|line| super::starts(line, "final-recipient:")) {
            let from = lines[..at].iter().rposition(|line| line.trim().is_empty()).map_or(0, |empty| empty + 1);
            groups = self::groups(&lines[from..].join("\n"));
        }
    }
    if groups.is_empty() && !status.is_empty() {
        return unnamed(parts, &words);
    }
    groups.iter().take(RECIPIENTS_MAX).map(|group| finding(group, &words, groups.len(), parts)).collect()
}

/// A report that names nobody: what the words say, about whom the copy was addressed to.
fn unnamed(parts: &Parts, words: &str) -> Vec<Finding> {
    let named = text::failed_recipients(parts);
    let recipient = named.first().map(String::as_str).or_else(|| text::returned_to(parts));
    vec![text::judged(Finding::of(Kind::Bounce, recipient), text::own_words(words), None, true, false)]
}

/// RFC 3464 §2.3: one group of fields for each recipient. The group about the message itself names none.
fn groups(text: &str) -> Vec<Fields> {
    let (mut groups, mut group) = (Vec::new(), Fields::default());
    let names = |group: &Fields| group.has("final-recipient") || group.has("original-recipient");
    let told = |group: &Fields| names(group) && (group.has("action") || group.has("status"));
    for line in text.lines() {
        let is_next = super::starts(line, "final-recipient:") && group.has("final-recipient");
        if (line.trim().is_empty() && told(&group)) || is_next {
            groups.push(std::mem::take(&mut group));
        }
        group.take(line);
    }
    groups.push(group);
    groups.retain(|group| names(group) && (group.has("action") || group.has("status") || group.has("diagnostic-code")));
    groups
}

fn finding(group: &Fields, words: &str, groups: usize, parts: &Parts) -> Finding {
    let original = addresses::typed(group.get("original-recipient"));
    // RFC 3461 §4.2: it came as xtext, and some hand it on as it came. `+2B` may as well be a reader's own tag.
    let decoded = original.map(from_xtext);
    let is_final = |address: &String| {
        addresses::typed(group.get("final-recipient")).is_some_and(|last| last.eq_ignore_ascii_case(address))
    };
    let original = decoded.as_ref().filter(|address| is_final(address)).map(String::as_str).or(original);
    let fields = ["x-actual-recipient", "final-recipient"];
    let others = fields.iter().filter_map(|field| addresses::typed(group.get(field)));
    let mut named: Vec<String> = original.into_iter().chain(others).map(str::to_owned).collect();
    named.dedup();
    let action = group.get("action").to_ascii_lowercase();
    let kind = if ["delivered", "relayed", "expanded"].iter().any(|taken| action.starts_with(taken)) {
        Kind::Other
    } else {
        Kind::Bounce
    };
    let recipient = named.first().map(String::as_str).or_else(|| text::returned_to(parts));
    let finding = Finding { is_taken: kind == Kind::Other, ..Finding::of(kind, recipient) };
    let finding = Finding { named: if named.is_empty() { finding.named.clone() } else { named }, ..finding };
    if finding.is_taken {
        return finding;
    }
    let said = Said::of(group, &finding, words, groups);
    said.judge(finding, action.starts_with("delay"))
}

/// RFC 3461 §4: `+` and two upper-case hexadecimal digits stand for an octet.
fn from_xtext(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('+') {
        out.push_str(before);
        let digits = after.get(..2).filter(|two| two.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)));
        let octet = digits.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(u8::is_ascii_graphic);
        out.push(octet.map_or('+', char::from));
        rest = if octet.is_some() { &after[2..] } else { after };
    }
    out + rest
}

/// What is to be judged of one recipient.
struct Said {
    diagnosis: String,
    chunk: String,
    status: String,
    step: Option<Step>,
    category: Option<Reason>,
}

impl Said {
    fn of(group: &Fields, finding: &Finding, words: &str, groups: usize) -> Self {
        let code = group.get("diagnostic-code");
        // `smtp; 550 ...`; some leave the type out.
        let diagnosis = match code.split_once(';') {
            Some((kind, rest)) if !kind.contains(' ') => rest.trim(),
            _ => code.trim(),
        };
        let own = text::own_words(words);
        let chunk = match groups {
            1 => text::heard(own),
            _ => finding.named.iter().find_map(|address| text::about(own, address)).unwrap_or_default(),
        };
        let category = text::of_category(group.get("x-powermta-bouncecategory"));
        let diagnosis = &text::heard(diagnosis);
        let step = (category == Some(Reason::UnknownAddress)).then_some(Step::Rcpt);
        let step = step
            .or_else(|| text::step_in(diagnosis))
            .or_else(|| text::step_in(if groups == 1 { own } else { &chunk }))
            .or_else(|| text::step_of(words, diagnosis));
        Self { diagnosis: diagnosis.to_owned(), chunk, status: group.get("status").to_owned(), step, category }
    }

    fn judge(&self, finding: Finding, is_delay: bool) -> Finding {
        let specific = |text: &str| reason::enhanced_in(text).filter(|code| (code.subject, code.detail) != (0, 0));
        let says = |text: &str| text.chars().any(char::is_alphabetic);
        let by_report = specific(&self.diagnosis).or_else(|| specific(&self.status));
        let vague = || reason::enhanced_in(&self.diagnosis).or_else(|| reason::enhanced_in(&self.status));
        let status =
            by_report.or_else(|| if says(&self.diagnosis) { None } else { specific(&self.chunk) }).or_else(vague);
        let text = if says(&self.diagnosis) { &self.diagnosis } else { &self.chunk };
        let reply = reason::reply_in(&self.diagnosis).or_else(|| reason::reply_in(&self.chunk));
        let words = Words { status, reply, step: self.step, is_report: true, text };
        let reason = [reason::judge(&words), reason::judge(&Words { text: &self.chunk, ..words })]
            .into_iter()
            .chain(self.category)
            .find(|reason| *reason != Reason::Unclear)
            .unwrap_or(Reason::Unclear);
        text::told(Finding { status, reply, ..finding }, reason, is_delay).says(text)
    }
}
