//! Why a mailbox did not take a message: our own short list of words, and how codes and texts lead to them.
//!
//! A refusal says the same things whether it is heard at RCPT or comes back days later in a report, so `post::verdict` and
//! the reader of bounces ask this one module. It judges by what such texts share: the words servers use, the enhanced code
//! (RFC 3463, RFC 7505, RFC 7372), the reply code (RFC 5321 §4.2.3), and the step of the dialogue at which it was said.
//!
//! It never believes "user unknown" from words alone. Several providers say it after the message when a reader's own filter
//! refused it; an address counts as gone only when a second witness agrees: the code, the step, or a machine's report.

use std::fmt;

use crate::smtp::Enhanced;

mod codes;
mod words;

pub use codes::{enhanced_in, reply_in};

/// How much of a text is judged, in octets: the longest real explanations stay under 4 kB.
pub const JUDGED_BYTES_MAX: usize = 16 * 1024;

/// Why. Each word stands for what the newsroom can do about it; docs/bounces.md has the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// There is no such mailbox. Hard.
    UnknownAddress,
    /// There is no such domain, or no way to it. Hard.
    UnknownDomain,
    /// The domain exists and takes no mail (RFC 7505). Hard.
    NoMailService,
    /// The mailbox is elsewhere now. Hard.
    Moved,
    /// The mailbox exists and was switched off by its provider.
    Suspended,
    /// The mailbox is full.
    MailboxFull,
    /// The mailbox exists and does not take this, by its owner's or provider's filter.
    Filtered,
    /// The message is longer than they take.
    TooBig,
    /// SPF, DKIM, DMARC or the name of our sending address failed. About us, never about the reader.
    Authentication,
    /// They do not take it from us: reputation, block lists, spam filters, rules, relaying. About us.
    Policy,
    /// They do not take what is in it: a virus, an attachment, a form they cannot read.
    Content,
    /// Too much, too fast. About us.
    RateLimited,
    /// Nobody took it in time: no connection, a loop, or patience ran out.
    Unreached,
    /// Something is broken over there.
    Fault,
    /// The text does not say.
    Unclear,
}

impl Reason {
    /// Every reason, as the documentation lists them.
    pub const EVERY: [Self; 15] = [
        Self::UnknownAddress,
        Self::UnknownDomain,
        Self::NoMailService,
        Self::Moved,
        Self::Suspended,
        Self::MailboxFull,
        Self::Filtered,
        Self::TooBig,
        Self::Authentication,
        Self::Policy,
        Self::Content,
        Self::RateLimited,
        Self::Unreached,
        Self::Fault,
        Self::Unclear,
    ];

    /// The word, as it stands in JSON, in the database and in the handbook. It never changes.
    pub const fn word(self) -> &'static str {
        match self {
            Self::UnknownAddress => "unknown_address",
            Self::UnknownDomain => "unknown_domain",
            Self::NoMailService => "no_mail_service",
            Self::Moved => "moved",
            Self::Suspended => "suspended",
            Self::MailboxFull => "mailbox_full",
            Self::Filtered => "filtered",
            Self::TooBig => "too_big",
            Self::Authentication => "authentication",
            Self::Policy => "policy",
            Self::Content => "content",
            Self::RateLimited => "rate_limited",
            Self::Unreached => "unreached",
            Self::Fault => "fault",
            Self::Unclear => "unclear",
        }
    }

    /// The reason of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|reason| reason.word() == word)
    }

    /// Whether waiting cannot help: the address will never take mail again as it stands.
    pub const fn is_hard(self) -> bool {
        matches!(self, Self::UnknownAddress | Self::UnknownDomain | Self::NoMailService | Self::Moved)
    }

    /// Whether it says something about the reader's mailbox at all. What is about us, our message or the way there is
    /// never counted against a reader.
    pub const fn is_about_mailbox(self) -> bool {
        self.is_hard() || matches!(self, Self::Suspended | Self::MailboxFull | Self::Filtered)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The step of the dialogue at which something was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Before MAIL: the banner, EHLO, TLS, a login.
    Greeting,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, the message, or its final dot.
    Data,
}

/// What was said, and what is known of the circumstances.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words<'a> {
    /// The enhanced code.
    pub status: Option<Enhanced>,
    /// The reply code.
    pub reply: Option<u16>,
    /// At which step, if it is known.
    pub step: Option<Step>,
    /// A machine-readable report (RFC 3464) says so, not free text alone.
    pub is_report: bool,
    /// The text, as it came.
    pub text: &'a str,
}

/// Why, as far as the words and codes tell.
pub fn judge(said: &Words<'_>) -> Reason {
    let text = plain(said.text);
    let reason = match words::find(&text) {
        Some(Reason::UnknownAddress) => unknown_address(said, &text),
        // Barracuda puts "permanent failure for one or more recipients" around the words of the server behind it.
        Some(Reason::Filtered) if is_1_1(said) && words::says_nobody(&text) => Reason::UnknownAddress,
        // A server that answers so to RCPT holds the domain: it found no way to the local part (Exim's routers).
        Some(Reason::UnknownDomain) if said.step == Some(Step::Rcpt) && text.contains(" unrouteable address ") => {
            Reason::UnknownAddress
        }
        Some(reason) => reason,
        None => codes::fallback(said),
    };
    // Said before anyone named a reader: "no such domain" is then about our own.
    let is_about_us = matches!(said.step, Some(Step::Greeting | Step::Mail)) && reason.is_about_mailbox();
    if is_about_us { Reason::Policy } else { reason }
}

/// RFC 3463 §3.2: "bad destination mailbox address".
fn is_1_1(said: &Words<'_>) -> bool {
    said.status.is_some_and(|status| (status.class, status.subject, status.detail) == (5, 1, 1))
}

/// "User unknown", with its second witness or without.
fn unknown_address(said: &Words<'_>, text: &str) -> Reason {
    let about = said.status.map(|status| (status.subject, status.detail));
    match (about, said.step) {
        (Some((1, 6)), _) => Reason::Moved,
        (Some((1, 1 | 3 | 10 | 351)), _) | (_, Some(Step::Rcpt)) => Reason::UnknownAddress,
        // RFC 3463 §3.3, §3.8: the code says that it is about the mailbox's state or a rule, whatever the words are.
        (Some((2 | 7, _)), _) | (_, Some(Step::Data)) => Reason::Filtered,
        // A report that says x.0.0 itself, "undefined", only hands the words on.
        _ if (said.is_report && about != Some((0, 0))) || words::is_from_the_mailbox_host(text) => {
            Reason::UnknownAddress
        }
        _ => Reason::Filtered,
    }
}

/// Lower case, single spaces, a space at either end; addresses, links and repeated codes taken out, so that nobody's name
/// counts as a word.
fn plain(text: &str) -> String {
    let end = (0..=text.len().min(JUDGED_BYTES_MAX)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let mut out = String::from(" ");
    for word in text[..end].split_whitespace() {
        let is_address = word.contains('@') && word.len() > 2;
        let is_link = word.contains("://") || word.contains("www.");
        if is_link || is_address {
            // What follows an address directly (`<a@b>:`) still parts the sentences.
            if word.ends_with(':') {
                out.push_str(": ");
            }
            continue;
        }
        // `SIZE=` is a parameter of MAIL (RFC 1870), quoted by those who name the command.
        if codes::is_continued_code(word) || word.starts_with("SIZE=") {
            continue;
        }
        out.extend(word.chars().flat_map(char::to_lowercase).map(|c| if c == '’' { '\'' } else { c }));
        out.push(' ');
    }
    without_restriction(out)
}

/// Postfix puts the name of its step before every explanation ("Recipient address rejected: ..."): where an explanation
/// follows, the explanation decides. "Access denied" explains nothing: Exchange says so of addresses it does not know.
fn without_restriction(text: String) -> String {
    const NAMES: [&str; 2] = ["recipient address rejected: ", "rcpt to not accepted: "];
    let mut text = text;
    for name in NAMES {
        if let Some(at) = text.find(name)
            && !text[at + name.len()..].starts_with("access denied")
            && text[at + name.len()..].chars().filter(|c| c.is_alphabetic()).count() > 1
        {
            text.replace_range(at..at + name.len(), "");
        }
    }
    text
}

#[cfg(test)]
mod tests;
