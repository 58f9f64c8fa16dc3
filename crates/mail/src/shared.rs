//! A cohort's whole mail as it is kept: what its headers say, and its encoded body.
//!
//! Everything that two copies of a cohort share is frozen here when the edition is cut, so that a retry tomorrow is
//! byte-identical whatever was set or upgraded meanwhile. A copy adds its reader's address, tokens and Message-ID, and the
//! signature.

use crate::address::{Domain, EnvelopeAddress};
use crate::headers::{HeaderBlock, HeaderFault, Mailbox, MessageId};
use crate::mime::{BodyFault, Draft, SharedBody, SlotFault, StoredFault, Tails};

/// The first line of the kept form.
const VERSION: &str = "coranto mail 1";
/// More header lines than this were not written by us.
const FACTS_MAX: usize = 32;

/// Who sends.
#[derive(Clone, Debug)]
pub struct Identity {
    name: String,
    from: EnvelopeAddress,
    reply_to: Option<EnvelopeAddress>,
    domain: Domain,
}

impl Identity {
    /// A sender by its name, its address, where answers go, and the domain that names its messages.
    ///
    /// # Errors
    /// [`MakeUpFault`] when one of them cannot stand in a mail.
    pub fn new(name: &str, from: &str, reply_to: Option<&str>, domain: &str) -> Result<Self, MakeUpFault> {
        let address = |text: &str| {
            EnvelopeAddress::parse(text).map_err(|_| MakeUpFault::Sender(format!("{text:?} is no mail address")))
        };
        Ok(Self {
            name: name.into(),
            from: address(from)?,
            reply_to: reply_to.map(address).transpose()?,
            domain: Domain::parse(domain).map_err(|_| MakeUpFault::Sender(format!("{domain:?} is no domain")))?,
        })
    }
}

/// Why a mail cannot be made up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MakeUpFault {
    /// The sender's name, address or domain.
    #[error("{0}")]
    Sender(String),
    /// A header.
    #[error("a header cannot be written: {0}")]
    Header(#[from] HeaderFault),
    /// The body.
    #[error("the body cannot be encoded: {0}")]
    Body(#[from] BodyFault),
    /// Kept bytes that are no mail of ours.
    #[error("the kept mail is damaged or from a newer version")]
    Kept,
}

impl From<StoredFault> for MakeUpFault {
    fn from(_: StoredFault) -> Self {
        Self::Kept
    }
}

/// Why one copy cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CopyFault {
    /// A header.
    #[error("a header cannot be written: {0}")]
    Header(#[from] HeaderFault),
    /// A slot has no token.
    #[error("the body has a hole: {0}")]
    Slot(#[from] SlotFault),
}

/// How the local part of an address begins that wishes to leave go to; a token for unsubscribing follows. With it 56 octets;
/// RFC 5321 §4.5.3.1.1 allows 64.
pub const LEAVE_PREFIX: &str = "unsubscribe+";
/// The slot of that token.
const UNSUBSCRIBE_SLOT: &str = "{{unsubscribe}}";

/// What kind of mail it is to machines that read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A newsletter's edition: RFC 2919 and 8058.
    List {
        /// The newsletter's name.
        name: String,
        /// Its identity (RFC 2919 §3): outlives its name.
        id: String,
        /// The one-click address (RFC 8058), with a slot for the reader's token.
        unsubscribe: String,
        /// Three marks of the mailing for Gmail's feedback loop.
        marks: [String; 3],
    },
    /// A single mail that a person's own act asked for.
    Letter,
}

/// A cohort's mail.
#[derive(Clone, Debug)]
pub struct SharedMail {
    identity: Identity,
    subject: String,
    purpose: Purpose,
    body: SharedBody,
    /// What every copy's headers begin with.
    headers: HeaderBlock,
}

/// What a copy adds.
#[derive(Clone, Debug)]
pub struct Personal<'a> {
    /// To whom.
    pub to: &'a EnvelopeAddress,
    /// When it was first made up, in UTC milliseconds; the same at every retry.
    pub date_ms: i64,
    /// The left side of its Message-ID.
    pub message_id: &'a str,
    /// Readers may also leave by mail, to `unsubscribe+TOKEN` at the mail domain: somebody reads what comes there.
    pub leaves_by_mail: bool,
}

/// One copy, unsigned.
#[derive(Debug)]
pub struct PersonalCopy {
    /// Its header block.
    pub headers: HeaderBlock,
    /// Its body's own octets.
    pub tails: Tails,
}

impl SharedMail {
    /// Makes a mail up. `seed` distinguishes its MIME boundaries from other cohorts'.
    ///
    /// # Errors
    /// [`MakeUpFault`].
    pub fn new(
        identity: Identity,
        subject: &str,
        purpose: Purpose,
        draft: &Draft,
        seed: &[u8],
    ) -> Result<Self, MakeUpFault> {
        Self::assemble(identity, subject.into(), purpose, SharedBody::build(draft, seed)?)
    }

    fn assemble(identity: Identity, subject: String, purpose: Purpose, body: SharedBody) -> Result<Self, MakeUpFault> {
        let mut headers = HeaderBlock::new();
        headers.from(&Mailbox::new(&identity.name, identity.from.clone())?)?;
        if let Some(reply_to) = &identity.reply_to {
            headers.reply_to(&Mailbox::bare(reply_to.clone()))?;
        }
        headers.subject(&subject)?;
        match &purpose {
            Purpose::List { name, id, marks, .. } => {
                if name.trim().is_empty() {
                    return Err(MakeUpFault::Sender("the newsletter has no name".into()));
                }
                let id = Domain::parse(id).map_err(|_| MakeUpFault::Sender(format!("{id:?} is no list identity")))?;
                let [a, b, c] = marks;
                headers.list_id(name, &id)?.feedback_id([a, b, c], "coranto")?.precedence_bulk()?;
            }
            Purpose::Letter => {
                headers.auto_submitted()?;
            }
        }
        body.content_headers(&mut headers)?;
        Ok(Self { identity, subject, purpose, body, headers })
    }

    /// The subject line.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The encoded body.
    pub fn body(&self) -> &SharedBody {
        &self.body
    }

    /// The domain that names its messages and takes its bounces.
    pub fn domain(&self) -> &Domain {
        &self.identity.domain
    }

    /// Makes one copy; `token` gives the token for a slot's name.
    ///
    /// # Errors
    /// [`CopyFault`].
    pub fn copy(
        &self,
        personal: &Personal<'_>,
        mut token: impl FnMut(&str) -> Option<String>,
    ) -> Result<PersonalCopy, CopyFault> {
        let mut headers = self.headers.clone();
        headers
            .to(&Mailbox::bare(personal.to.clone()))?
            .date(personal.date_ms)?
            .message_id(&MessageId::new(personal.message_id, &self.identity.domain)?)?;
        if let Purpose::List { unsubscribe, .. } = &self.purpose {
            let link = fill(unsubscribe, &mut token)?;
            let mailto =
                format!("mailto:{LEAVE_PREFIX}{UNSUBSCRIBE_SLOT}@{}?subject=unsubscribe", self.identity.domain);
            let mailto = if personal.leaves_by_mail { Some(fill(&mailto, &mut token)?) } else { None };
            headers.list_unsubscribe(&link, mailto.as_deref())?;
        }
        Ok(PersonalCopy { headers, tails: self.body.copy(token)?.into_tails() })
    }

    /// The kept form: lines of facts, an empty line, the body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut lines = vec![VERSION.to_owned(), self.subject.clone(), self.identity.name.clone()];
        lines.push(self.identity.from.expose().into());
        lines.push(self.identity.reply_to.as_ref().map_or(String::new(), |a| a.expose().into()));
        lines.push(self.identity.domain.as_str().into());
        if let Purpose::List { name, id, unsubscribe, marks } = &self.purpose {
            lines.extend([name.clone(), id.clone(), unsubscribe.clone()]);
            lines.extend(marks.iter().cloned());
        }
        assert!(lines.iter().all(|line| !line.contains('\n')), "the headers were written, so no fact has a line end");
        let mut out = lines.join("\n").into_bytes();
        out.extend_from_slice(b"\n\n");
        out.extend_from_slice(&self.body.to_bytes());
        out
    }

    /// Reads the kept form.
    ///
    /// # Errors
    /// [`MakeUpFault::Kept`] when these bytes were not written by this version or an older one.
    pub fn from_bytes(kept: &[u8]) -> Result<Self, MakeUpFault> {
        let mut facts = Vec::new();
        let mut rest = kept;
        // The facts may be empty themselves, so they are counted by the purpose, not ended by an empty line alone.
        loop {
            let end = rest.iter().position(|b| *b == b'\n').ok_or(MakeUpFault::Kept)?;
            let line = std::str::from_utf8(&rest[..end]).map_err(|_| MakeUpFault::Kept)?;
            rest = &rest[end + 1..];
            if line.is_empty() && (facts.len() == 6 || facts.len() == 12) {
                break;
            }
            facts.push(line);
            if facts.len() > FACTS_MAX {
                return Err(MakeUpFault::Kept);
            }
        }
        let [VERSION, subject, name, from, reply_to, domain, list @ ..] = &facts[..] else {
            return Err(MakeUpFault::Kept);
        };
        let reply_to = (!reply_to.is_empty()).then_some(*reply_to);
        let identity = Identity::new(name, from, reply_to, domain)?;
        let purpose = match list {
            [] => Purpose::Letter,
            [name, id, unsubscribe, a, b, c] => Purpose::List {
                name: (*name).into(),
                id: (*id).into(),
                unsubscribe: (*unsubscribe).into(),
                marks: [(*a).into(), (*b).into(), (*c).into()],
            },
            _ => return Err(MakeUpFault::Kept),
        };
        Self::assemble(identity, (*subject).into(), purpose, SharedBody::from_bytes(rest)?)
    }
}

/// Fills the one slot of an address.
fn fill(template: &str, token: &mut impl FnMut(&str) -> Option<String>) -> Result<String, SlotFault> {
    let Some((before, rest)) = template.split_once("{{") else { return Ok(template.into()) };
    let (slot, after) = rest.split_once("}}").ok_or_else(|| SlotFault::Empty(rest.into()))?;
    let token = token(slot).ok_or_else(|| SlotFault::Empty(slot.into()))?;
    Ok(format!("{before}{token}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::DraftPart;

    fn mail(purpose: Purpose) -> SharedMail {
        let identity =
            Identity::new("The Courier", "news@courier.example", Some("desk@courier.example"), "courier.example");
        let part = |text: &str| DraftPart { shared: format!("{text}\n"), personal: "End it: {{unsubscribe}}\n".into() };
        let draft = Draft { text: part("News."), html: Some(part("<p>News.</p>")) };
        SharedMail::new(identity.expect("a sender"), "Strike «ends»", purpose, &draft, b"seed").expect("a mail")
    }

    fn list() -> Purpose {
        Purpose::List {
            name: "Daily".into(),
            id: "daily.courier.example".into(),
            unsubscribe: "https://courier.example/unsubscribe/{{unsubscribe}}".into(),
            marks: ["7".into(), "daily".into(), "edition".into()],
        }
    }

    fn bytes(mail: &SharedMail, token: &str) -> Vec<u8> {
        let to = EnvelopeAddress::parse("ana@example.org").expect("an address");
        let personal = Personal { to: &to, date_ms: 1_767_225_600_000, message_id: "abc", leaves_by_mail: true };
        let copy = mail.copy(&personal, |_| Some(token.to_owned())).expect("a copy");
        let body = mail.body().pieces(&copy.tails).map(crate::wire::Piece::bytes).concat();
        [copy.headers.bytes(), b"\r\n", &body].concat()
    }

    /// The names of its fields, in order.
    fn names(message: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(message);
        let head = text.split("\r\n\r\n").next().unwrap_or_default();
        let fields = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
        fields.map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
    }

    /// A mail of a list in which nobody typed anything odd.
    fn bytes_of_usual() -> Vec<u8> {
        let identity = Identity::new("A", "news@courier.example", None, "courier.example").expect("a sender");
        let part = || DraftPart { shared: "a\n".into(), personal: "{{unsubscribe}}\n".into() };
        let draft = Draft { text: part(), html: Some(part()) };
        bytes(&SharedMail::new(identity, "A", list(), &draft, b"seed").expect("a mail"), "TOKEN")
    }

    #[test]
    fn a_kept_mail_makes_the_same_copies() {
        for purpose in [list(), Purpose::Letter] {
            let mail = mail(purpose);
            let again = SharedMail::from_bytes(&mail.to_bytes()).expect("our own bytes");
            assert_eq!(bytes(&mail, &"A".repeat(44)), bytes(&again, &"A".repeat(44)));
        }
    }

    #[test]
    fn two_copies_differ_in_their_tokens_alone() {
        let mail = mail(list());
        let (a, b) = (bytes(&mail, &"A".repeat(44)), bytes(&mail, &"B".repeat(44)));
        let same: Vec<u8> = b.iter().map(|byte| if *byte == b'B' { b'A' } else { *byte }).collect();
        let plain: Vec<u8> = a.iter().map(|byte| if *byte == b'B' { b'A' } else { *byte }).collect();
        assert_eq!(plain, same);
        let text = String::from_utf8(a).expect("7-bit");
        let (post, link) = ("List-Unsubscribe-Post: List-Unsubscribe=One-Click", "courier.example/unsubscribe/AAAA");
        assert!(text.contains(post) && text.contains(link), "{text}");
        let unfolded = text.replace("\r\n ", " ");
        let mailto = format!("<mailto:unsubscribe+{}@courier.example?subject=unsubscribe>", "A".repeat(44));
        assert!(unfolded.contains(&mailto), "{unfolded}");
    }

    #[test]
    fn damaged_bytes_are_no_mail() {
        let kept = mail(list()).to_bytes();
        for end in 0..kept.len().min(400) {
            assert!(SharedMail::from_bytes(&kept[..end]).is_err(), "cut at {end}");
        }
        assert!(SharedMail::from_bytes(b"coranto mail 2\n\n").is_err());
    }

    proptest::proptest! {
        #[test]
        fn whatever_was_typed_anywhere_a_mail_is_one_message_of_fields_of_ours(
            name in proptest::prelude::any::<String>(), subject in proptest::prelude::any::<String>(),
            title in "[a-z.\r\n\0\u{85}\u{2028}: ]{0,40}", text in "[a.\r\n\0\u{85}\u{2028}é]{0,300}", html in "[<a.\r\n\0é]{0,300}",
        ) {
            let Ok(identity) = Identity::new(&name, "news@courier.example", None, "courier.example") else { return Ok(()) };
            let purpose = match list() {
                Purpose::List { id, unsubscribe, marks, .. } => Purpose::List { name: title, id, unsubscribe, marks },
                letter => letter,
            };
            let part = |shared: String| DraftPart { shared, personal: "{{unsubscribe}}\n.\n".into() };
            let draft = Draft { text: part(text), html: Some(part(html)) };
            // What cannot be written is refused; what is written is safe.
            let Ok(mail) = SharedMail::new(identity, &subject, purpose, &draft, b"seed") else { return Ok(()) };
            let bytes = bytes(&mail, "TOKEN");
            crate::wire::WireCheck::all([&bytes[..]]).expect("it can go over a wire as it stands");
            proptest::prop_assert!(bytes.iter().all(|byte| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~')));
            let usual = bytes_of_usual();
            proptest::prop_assert_eq!(names(&bytes), names(&usual));
            let text = String::from_utf8(bytes).expect("it is ASCII");
            let (_, body) = text.split_once("\r\n\r\n").expect("a head and a body");
            proptest::prop_assert!(!body.contains("\r\n.\r\n"), "dots are stuffed");
        }
    }
}
