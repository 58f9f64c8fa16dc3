//! Codes: where they stand in a text, and what they mean when the words say nothing.

use super::{Reason, Step, Words};
use crate::smtp::Enhanced;

/// Words looked at for a reply code, and runs of digits for an enhanced one: more than any reply has.
const WORDS_MAX: usize = 4_000;

/// The first enhanced code in `text` that is none of `x.0.0`, or else the first one. An IP address is no code, and what
/// says success is none either.
pub fn enhanced_in(text: &str) -> Option<Enhanced> {
    let runs = text.split(|c: char| !(c.is_ascii_digit() || c == '.')).filter(|run| run.len() >= 5).take(WORDS_MAX);
    let mut vague = None;
    for code in runs.filter_map(enhanced).filter(|code| code.class != 2) {
        if (code.subject, code.detail) != (0, 0) {
            return Some(code);
        }
        vague = vague.or(Some(code));
    }
    vague
}

/// The first reply code in `text` that says "not now" or "no" (RFC 5321 §4.2.1). One that stands where a code stands, at
/// the beginning, after a colon or before an enhanced code, goes before any other number.
pub fn reply_in(text: &str) -> Option<u16> {
    let words: Vec<&str> = text.split_whitespace().take(WORDS_MAX).collect();
    let is_sure = |at: usize| {
        let before = at.checked_sub(1).map_or(":", |before| words[before]);
        let after = words.get(at + 1).copied().unwrap_or("").trim_matches(|c: char| !c.is_ascii_digit());
        before.ends_with([':', '-', ';', '>', '\'', '"', ']', '='])
            || reply(before).is_some()
            || enhanced(after).is_some()
    };
    let all = || words.iter().enumerate().filter_map(|(at, word)| reply(word).map(|code| (at, code)));
    all().find(|(at, _)| is_sure(*at)).or_else(|| all().next()).map(|(_, code)| code)
}

/// `550`, `550-5.1.1`, `#550`, `:550,`, `(550`.
fn reply(word: &str) -> Option<u16> {
    let word = word.trim_start_matches(['#', ':', '(', '\'', '"', '[', ';', '=']);
    let digits = word.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let ends = word.as_bytes().get(3).is_none_or(|byte| b"-,:;)'\"".contains(byte));
    let code = digits.parse().ok()?;
    (ends && (400..600).contains(&code)).then_some(code)
}

/// Whether a word is a code as it stands before each line of a long reply: `550-5.7.26`, `5.7.26`.
pub(super) fn is_continued_code(word: &str) -> bool {
    let is_code = word.bytes().all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte));
    is_code && word.len() >= 5 && word.contains('.')
}

/// RFC 3463 §2, with the full stop of a sentence behind it or not.
fn enhanced(word: &str) -> Option<Enhanced> {
    let mut parts = word.trim_end_matches('.').split('.');
    let class = u8::try_from(number(parts.next()?)?).ok()?;
    let (subject, detail) = (number(parts.next()?)?, number(parts.next()?)?);
    let is_code = parts.next().is_none() && matches!(class, 2 | 4 | 5) && subject <= 9;
    is_code.then(|| Enhanced::new(class, subject, detail))
}

fn number(part: &str) -> Option<u16> {
    let is_number = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { part.parse().ok() } else { None }
}

/// What the codes alone say.
pub(super) fn fallback(said: &Words<'_>) -> Reason {
    let by_status = said.status.and_then(|status| of_status(status, said.step));
    let by_reply = || said.reply.and_then(|reply| of_reply(reply, said.step));
    // Refused before anyone named a reader: it is about us.
    let by_step = || matches!(said.step, Some(Step::Greeting | Step::Mail)).then_some(Reason::Policy);
    by_status.or_else(by_reply).or_else(by_step).unwrap_or(Reason::Unclear)
}

/// RFC 3463 §3 and the registry it opened: RFC 5248, 4954 (5.6, 7.8 to 7.12), 6710 (7.15, 7.16), 7372 (20 to 26), 7505 (1.10, 7.27),
/// 7293 (17, 18), 8617 (7.29), 8689 (7.30). Numbers above 99 are Exchange's and Microsoft 365's, by what Microsoft documents.
fn of_status(status: Enhanced, step: Option<Step>) -> Option<Reason> {
    let is_permanent = status.class == 5;
    Some(match (status.subject, status.detail) {
        (1, 1 | 3 | 351) => Reason::UnknownAddress,
        (1, 0) if step == Some(Step::Rcpt) && is_permanent => Reason::UnknownAddress,
        (1, 2) | (4, 4 | 310) => Reason::UnknownDomain,
        (1, 6) | (7, 17 | 18) => Reason::Moved,
        (1, 10) => Reason::NoMailService,
        (3, 2) if is_permanent => Reason::NoMailService,
        (2, 2) => Reason::MailboxFull,
        (2, 3) | (3, 4) | (7, 16) => Reason::TooBig,
        (2, 121 | 122) | (1, 90) | (5, 3) | (7, 28 | 705) => Reason::RateLimited,
        (7, 500..=699) if !is_permanent => Reason::RateLimited,
        (7, 2 | 124 | 129 | 133..=136) => Reason::Filtered,
        (2, 4) => Reason::Fault,
        (2, _) | (1, 4 | 5 | 9) => Reason::Filtered,
        (3, _) | (5, _) | (4, 3) => Reason::Fault,
        (4, _) => Reason::Unreached,
        (6, _) => Reason::Content,
        (7, 13) => Reason::Suspended,
        (7, 20..=26 | 29 | 509 | 515) => Reason::Authentication,
        (7, _) | (1, _) => Reason::Policy,
        _ => return None,
    })
}

/// RFC 5321 §4.2.3, RFC 7504 (521, 556).
fn of_reply(reply: u16, step: Option<Step>) -> Option<Reason> {
    Some(match reply {
        _ if step == Some(Step::Mail) => Reason::Policy,
        521 | 556 => Reason::NoMailService,
        525 => Reason::Suspended,
        551 => Reason::Moved,
        522 | 552 => Reason::MailboxFull,
        523 => Reason::TooBig,
        421 | 451 | 452 | 500..=504 => Reason::Fault,
        530 | 535 | 538 | 541 | 553 | 554 | 571 => Reason::Policy,
        _ => return None,
    })
}
