//! What an answer means: the one place that decides.
//!
//! Contract, as a manual page would give it. For a relay, by phase of the dialogue:
//!
//! | phase | 4yz | 5yz | no answer |
//! | --- | --- | --- | --- |
//! | connect, banner, EHLO, STARTTLS, AUTH | relay at fault | relay at fault | relay at fault |
//! | MAIL (about us, never about the reader) | relay at fault | relay at fault | relay at fault |
//! | RCPT | later | refused; relay at fault when it is about the account | relay at fault |
//! | DATA | later | relay at fault | relay at fault |
//! | body | later | refused | later: no dot has left |
//! | dot | later | refused; relay at fault when it is about the account | **uncertain** |
//!
//! 421 is a farewell whatever it answers (RFC 5321 §3.8): the connection is over and the copy goes back unblamed, except
//! after the dot, where it says "not taken" and the copy is tried later. When is the server's word if it names a time
//! (`when`), and else the usual wait. Only a reader's own refusal counts against them.
//!
//! Why it was refused is judged by `mail::reason`, the same for a reply and for a bounce. A refusal at RCPT that is hard
//! (the address, its domain or its mail service is gone) makes the reader unreachable; one that is about the mailbox counts
//! as soft; one that is about us (policy, reputation, authentication, rate, size) counts against nobody.
//! This module reads no clock, stores nothing and never says "delivered".

use mail::reason::{self, Reason, Step, Words};
use mail::smtp::client::{Phase, Trouble, What};
use mail::smtp::{Reply, ReplyKind};
use newsroom::Ms;

use crate::when::When;

/// How one try of a copy ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The receiving server took it.
    Accepted,
    /// Not now: try again then.
    Later(When),
    /// Never: the server refused this reader or this message.
    Refused,
    /// The way out is at fault, not the reader: the copy goes back to the queue and the relay rests.
    RelayAtFault,
    /// The dot left and no answer came.
    Uncertain,
}

/// What a person reads in the ledger about a try: the code and the server's words, addresses scrubbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// SMTP reply code, 0 when there was none.
    pub code: i64,
    /// The words.
    pub text: String,
}

/// How much of an answer is kept, in characters: enough to act on, small enough to keep for every reader.
const SAID_CHARS_MAX: usize = 200;

/// The verdict on what the receiving server said to the final dot.
pub fn of_reply(reply: &Reply) -> Verdict {
    match reply.kind() {
        ReplyKind::Done => Verdict::Accepted,
        ReplyKind::No => Verdict::Refused,
        ReplyKind::NotNow | ReplyKind::GoOn => Verdict::Later(When::of(&reply.text)),
    }
}

/// The verdict on a try that came to grief.
pub fn of_trouble(trouble: &Trouble) -> Verdict {
    let Some(reply) = trouble.reply() else {
        return match trouble.phase {
            // RFC 5321 §4.2.5, RFC 1047: after the dot, a lost connection leaves us in doubt.
            Phase::Dot => Verdict::Uncertain,
            // A message of ours that may not be sent as it is will not be better later.
            Phase::Body if matches!(trouble.what, What::Protocol(_)) => Verdict::Refused,
            Phase::Body => Verdict::Later(When::Usual),
            _ => Verdict::RelayAtFault,
        };
    };
    match (trouble.phase, reply.kind()) {
        (Phase::Dot, ReplyKind::No) if is_about_account(reply) => Verdict::RelayAtFault,
        (Phase::Dot, _) => of_reply(reply),
        _ if reply.is_closing() => Verdict::RelayAtFault,
        (Phase::Rcpt | Phase::Data | Phase::Body, ReplyKind::NotNow) => Verdict::Later(When::of(&reply.text)),
        (Phase::Rcpt, ReplyKind::No) if is_about_account(reply) => Verdict::RelayAtFault,
        (Phase::Rcpt | Phase::Body, ReplyKind::No) => Verdict::Refused,
        _ => Verdict::RelayAtFault,
    }
}

/// Whether a refusal at RCPT or at the dot is about our account or our right to relay rather than about the reader: RFC 4954
/// §6 (530, 535, 538), and the words every relay uses for a stranger. A status x.1.z or x.2.z is about the reader's address
/// or mailbox, whatever the words (RFC 3463 §3.2, §3.3).
fn is_about_account(reply: &Reply) -> bool {
    if matches!(reply.code, 530 | 535 | 538) {
        return true;
    }
    if reply.enhanced.is_some_and(|status| matches!(status.subject, 1 | 2)) {
        return false;
    }
    let words = reply.text.to_ascii_lowercase();
    let signs = [
        "relay access denied",
        "relaying denied",
        "relay not permitted",
        "not permitted to relay",
        "authentication required",
        "account suspended",
        "account is suspended",
        "account has been suspended",
        "account disabled",
        "sender not verified",
        "sending quota",
    ];
    signs.iter().any(|sign| words.contains(sign))
}

/// What is kept of a reply to a copy for the reader whose address begins with `local`.
pub fn said(reply: &Reply, local: &str) -> Said {
    let enhanced = reply.enhanced.map_or(String::new(), |e| format!("{e} "));
    Said { code: i64::from(reply.code), text: scrub(&format!("{enhanced}{}", reply.text), local) }
}

/// How the kept words of a refusal begin that was said when the reader was named, and not of the message.
const AT_RCPT: &str = "RCPT: ";

/// What is kept of a trouble.
pub fn said_of_trouble(trouble: &Trouble, local: &str) -> Said {
    let words = || match trouble.phase {
        // Editors read it beside each reader in doubt.
        Phase::Dot => format!("after the whole message: {}", trouble.what),
        _ => trouble.to_string(),
    };
    let said_nothing = || Said { code: 0, text: scrub(&words(), local) };
    let mut said = trouble.reply().map_or_else(said_nothing, |reply| said(reply, local));
    let is_refusal = trouble.reply().is_some_and(|reply| reply.kind() == ReplyKind::No);
    if trouble.phase == Phase::Rcpt && is_refusal {
        said.text = format!("{AT_RCPT}{}", said.text).chars().take(SAID_CHARS_MAX).collect();
    }
    said
}

/// Why a copy was refused, from what was kept of it.
pub fn reason(code: i64, text: &str) -> Reason {
    let (step, text) = match text.strip_prefix(AT_RCPT) {
        Some(text) => (Step::Rcpt, text),
        None => (Step::Data, text),
    };
    let reply = u16::try_from(code).ok();
    reason::judge(&Words { status: reason::enhanced_in(text), reply, step: Some(step), is_report: false, text })
}

/// A local part shorter than this stands in too many words to be taken out of them.
const LOCAL_SCRUBBED_MIN: usize = 3;

/// Takes addresses out of a server's words: what stands around an `@` keeps only its domain, and the reader's own local
/// part goes wherever it stands alone. Limits the length.
pub fn scrub(text: &str, local: &str) -> String {
    let text = without_local(text, local);
    let mut out = String::with_capacity(text.len().min(SAID_CHARS_MAX));
    for word in text.split_inclusive(char::is_whitespace) {
        match word.rsplit_once('@') {
            Some((_, domain)) => {
                out.push_str("…@");
                out.push_str(domain);
            }
            // Some servers fold an address into a token: `user=40example.org`, `user%example.org`.
            None if word.contains("=40") || word.contains("%40") => out.push_str("… "),
            None => out.push_str(word),
        }
    }
    out.chars().take(SAID_CHARS_MAX).collect()
}

fn without_local(text: &str, local: &str) -> String {
    if local.len() < LOCAL_SCRUBBED_MIN {
        return text.to_owned();
    }
    let folded = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, found) in folded.match_indices(&local.to_ascii_lowercase()) {
        out.push_str(&text[from..at]);
        out.push('…');
        from = at + found.len();
    }
    out + &text[from..]
}

/// RFC 5321 §4.5.4.1 would have the first retry after 30 minutes; greylisting comes back in 5 to 15.
pub const RETRY_FIRST_MS: Ms = 5 * newsroom::MINUTE_MS;
/// No wait is longer: an edition has a day.
pub const RETRY_WAIT_MS_MAX: Ms = 4 * newsroom::HOUR_MS;

/// How long a copy waits before its next try, in milliseconds: `first` doubled with each attempt, capped, and up to a
/// fifth more by the dice so that retries spread.
pub fn wait_ms(first: Ms, attempts: i64, roll: impl FnOnce(u64) -> u64) -> Ms {
    let doublings = u32::try_from(attempts.clamp(0, 20)).expect("clamped");
    let base = first.saturating_mul(1 << doublings).min(RETRY_WAIT_MS_MAX);
    let spread = u64::try_from(base / 5).expect("a wait is not negative") + 1;
    base + Ms::try_from(roll(spread)).expect("a fifth of a wait is small")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(phase: Phase, code: u16, text: &'static str) -> Trouble {
        Trouble { phase, what: What::Reply(Reply::plain(code, text)) }
    }

    #[test]
    fn only_a_lost_answer_after_the_dot_is_uncertain() {
        for phase in [Phase::Banner, Phase::Ehlo, Phase::Auth, Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Body] {
            for what in [What::Timeout, What::Closed, What::Io(std::io::ErrorKind::ConnectionReset)] {
                assert_ne!(of_trouble(&Trouble { phase, what }), Verdict::Uncertain, "{phase:?}");
            }
        }
        assert_eq!(of_trouble(&Trouble { phase: Phase::Dot, what: What::Timeout }), Verdict::Uncertain);
        assert_eq!(of_trouble(&refused(Phase::Dot, 451, "try later")), Verdict::Later(When::Usual));
        assert_eq!(of_trouble(&refused(Phase::Dot, 421, "closing")), Verdict::Later(When::Usual));
        assert_eq!(of_trouble(&refused(Phase::Dot, 554, "no")), Verdict::Refused);
    }

    #[test]
    fn no_reader_is_blamed_for_the_relay() {
        assert_eq!(of_trouble(&refused(Phase::Auth, 535, "wrong password")), Verdict::RelayAtFault);
        assert_eq!(of_trouble(&refused(Phase::Mail, 550, "sender unknown")), Verdict::RelayAtFault);
        assert_eq!(of_trouble(&refused(Phase::Rcpt, 554, "5.7.1 Relay access denied")), Verdict::RelayAtFault);
        assert_eq!(of_trouble(&refused(Phase::Rcpt, 421, "busy")), Verdict::RelayAtFault);
        let status = |phase, subject| {
            let reply = Reply::new(550, mail::smtp::Enhanced::new(5, subject, 1), "account suspended");
            of_trouble(&Trouble { phase, what: What::Reply(reply) })
        };
        assert_eq!((status(Phase::Dot, 7), status(Phase::Dot, 2)), (Verdict::RelayAtFault, Verdict::Refused));
        assert_eq!((status(Phase::Rcpt, 7), status(Phase::Rcpt, 2)), (Verdict::RelayAtFault, Verdict::Refused));
        assert_eq!(of_trouble(&refused(Phase::Rcpt, 550, "no such mailbox")), Verdict::Refused);
        assert_eq!(of_trouble(&refused(Phase::Rcpt, 451, "greylisted")), Verdict::Later(When::Usual));
    }

    #[test]
    fn addresses_are_scrubbed_from_answers() {
        let words = "<Ana.Sol@example.org>: mailbox ana.sol full for other@example.net (id ben=40example.org)";
        let text = scrub(words, "ana.sol");
        assert!(!text.to_lowercase().contains("ana") && !text.contains("other") && !text.contains("ben"), "{text}");
        assert!(text.contains("full for"), "{text}");
    }

    #[test]
    fn a_refusal_tells_why_and_at_which_step() {
        let why = |phase, code, text| {
            let said = said_of_trouble(&refused(phase, code, text), "ana");
            reason(said.code, &said.text)
        };
        assert_eq!(why(Phase::Rcpt, 550, "5.1.1 <ana@b.example>: user unknown"), Reason::UnknownAddress);
        assert_eq!(why(Phase::Rcpt, 550, "no such user"), Reason::UnknownAddress);
        assert_eq!(why(Phase::Dot, 550, "no such user"), Reason::Filtered);
        assert_eq!(why(Phase::Rcpt, 552, "5.2.2 mailbox full"), Reason::MailboxFull);
        for text in ["5.7.1 blocked by Spamhaus", "5.7.26 DMARC", "5.7.1 message refused"] {
            let reason = why(Phase::Rcpt, 550, text);
            assert!(!reason.is_about_mailbox(), "{text} is {reason}, and about us");
        }
        assert_eq!(why(Phase::Rcpt, 550, "no"), Reason::Unclear);
    }

    #[test]
    fn waits_double_and_end() {
        assert_eq!(wait_ms(RETRY_FIRST_MS, 0, |_| 0), RETRY_FIRST_MS);
        assert_eq!(wait_ms(RETRY_FIRST_MS, 2, |_| 0), 4 * RETRY_FIRST_MS);
        assert_eq!(wait_ms(RETRY_FIRST_MS, 99, |_| 0), RETRY_WAIT_MS_MAX);
    }
}
