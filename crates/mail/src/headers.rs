//! A message's header block, built field by field so that nothing typed by anyone becomes a field (P20).
//!
//! Every value is checked before a byte of it is written: no CR, LF, NUL or other control character, no line separator.
//! Text is encoded (RFC 2047) where it is not plain, folded at 78 octets and never beyond 998 (RFC 5322 §2.1.1), and no
//! field stands twice. What comes out is 7-bit CRLF lines, ready to be signed and sent; it is never parsed back.

mod words;

use std::fmt;

use crate::address::{Domain, EnvelopeAddress, is_atext, is_dot_atom};
use words::{encode_words, is_plain};

/// RFC 5322 §2.1.1: a line should be at most 78 octets.
const FOLD_AT: usize = 78;
/// The longest text a field takes, in octets of UTF-8. A subject of 2 kB is no subject.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// The longest address of a link, in octets: it cannot be folded, and a line holds 998.
pub const LINK_BYTES_MAX: usize = 900;
/// A field's name: the longest registered one has 34.
const NAME_BYTES_MAX: usize = 60;
/// RFC 5322 says nothing; mail systems keep an index of these, and 250 fits all we know.
const MESSAGE_ID_BYTES_MAX: usize = 250;

/// Why a value may not stand in a header field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// A control character, a line or paragraph separator: the mark of header injection.
    #[error("a control character or line break in {0}")]
    Control(String),
    /// Characters that reorder what is shown, in a name: the mark of a forged sender.
    #[error("a character that turns the writing direction in {0}")]
    Direction(String),
    /// Longer than the field takes.
    #[error("{0} is too long")]
    TooLong(String),
    /// The value has not the form the field needs.
    #[error("{0} has not the form it needs")]
    Form(String),
    /// The field is there already; all of ours stand once (RFC 5322 §3.6).
    #[error("{0} is there already")]
    Twice(String),
    /// A moment outside the years 0 to 9999.
    #[error("a date that cannot be written")]
    Date,
}

/// No value holds one of these, in any field.
fn check_text(name: &str, text: &str) -> Result<(), HeaderFault> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(HeaderFault::TooLong(name.to_owned()));
    }
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(HeaderFault::Control(name.to_owned()));
    }
    Ok(())
}

/// A name that is shown, and an address: RFC 5322 §3.4 `mailbox`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    display: String,
    address: EnvelopeAddress,
}

impl Mailbox {
    /// Checks the shown name, which may be empty.
    ///
    /// # Errors
    /// [`HeaderFault::Control`], [`HeaderFault::TooLong`], or [`HeaderFault::Direction`] for characters that reorder the
    /// line, so that `moc.elpmaxe` cannot pose as a sender.
    pub fn new(display: &str, address: EnvelopeAddress) -> Result<Self, HeaderFault> {
        check_text("a shown name", display)?;
        if display.chars().any(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')) {
            return Err(HeaderFault::Direction("a shown name".to_owned()));
        }
        Ok(Self { display: display.trim().to_owned(), address })
    }

    /// An address without a name.
    pub fn bare(address: EnvelopeAddress) -> Self {
        Self { display: String::new(), address }
    }

    /// The address.
    pub fn address(&self) -> &EnvelopeAddress {
        &self.address
    }
}

/// A message's identity: RFC 5322 §3.6.4 `msg-id`, with `dot-atom` on the left and a domain name on the right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageId(String);

impl MessageId {
    /// `<left@domain>`.
    ///
    /// # Errors
    /// [`HeaderFault::Form`] or [`HeaderFault::TooLong`].
    pub fn new(left: &str, domain: &Domain) -> Result<Self, HeaderFault> {
        if !is_dot_atom(left) {
            return Err(HeaderFault::Form("a Message-ID".to_owned()));
        }
        if left.len() + domain.as_str().len() + 3 > MESSAGE_ID_BYTES_MAX {
            return Err(HeaderFault::TooLong("a Message-ID".to_owned()));
        }
        Ok(Self(format!("<{left}@{domain}>")))
    }

    /// Checks one that is written already.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn parse(text: &str) -> Result<Self, HeaderFault> {
        let inner = text.strip_prefix('<').and_then(|t| t.strip_suffix('>'));
        let (left, right) =
            inner.and_then(|t| t.split_once('@')).ok_or_else(|| HeaderFault::Form("a Message-ID".to_owned()))?;
        let domain = Domain::parse(right).map_err(|_| HeaderFault::Form("a Message-ID".to_owned()))?;
        Self::new(left, &domain)
    }

    /// With its angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A field being written: where it starts, and where its value does.
#[derive(Clone, Copy)]
struct Open {
    start: usize,
    value: usize,
}

/// One field's place in the block.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    colon: usize,
    end: usize,
}

/// A header block under construction. Fields that a whole cohort shares are written once; the block is then cloned and
/// the personal fields added for each copy.
#[derive(Clone, Default)]
pub struct HeaderBlock {
    bytes: Vec<u8>,
    fields: Vec<Place>,
}

/// Shows the fields' names only: values hold addresses and tokens.
impl fmt::Debug for HeaderBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields().map(|(name, _)| name)).finish()
    }
}

impl HeaderBlock {
    /// An empty block.
    pub fn new() -> Self {
        Self::default()
    }

    /// The fields as they go over the wire, without the empty line that ends them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Names and raw values: folded, starting after the colon, without the last CRLF.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|place| {
            let name = std::str::from_utf8(&self.bytes[place.start..place.colon]).expect("names are ASCII");
            (name, &self.bytes[place.colon + 1..place.end - 2])
        })
    }

    /// From: one author.
    ///
    /// # Errors
    /// [`HeaderFault::Twice`].
    pub fn from(&mut self, mailbox: &Mailbox) -> Result<&mut Self, HeaderFault> {
        self.mailbox("From", mailbox)
    }

    /// To: exactly one reader.
    ///
    /// # Errors
    /// [`HeaderFault::Twice`].
    pub fn to(&mut self, mailbox: &Mailbox) -> Result<&mut Self, HeaderFault> {
        self.mailbox("To", mailbox)
    }

    /// Reply-To.
    ///
    /// # Errors
    /// [`HeaderFault::Twice`].
    pub fn reply_to(&mut self, mailbox: &Mailbox) -> Result<&mut Self, HeaderFault> {
        self.mailbox("Reply-To", mailbox)
    }

    /// Subject: any text on one line.
    ///
    /// # Errors
    /// [`HeaderFault::Control`], [`HeaderFault::TooLong`] or [`HeaderFault::Twice`].
    pub fn subject(&mut self, text: &str) -> Result<&mut Self, HeaderFault> {
        self.text("Subject", text)
    }

    /// Date, from UTC milliseconds since 1970 (RFC 5322 §3.3), always in `+0000`.
    ///
    /// # Errors
    /// [`HeaderFault::Date`] or [`HeaderFault::Twice`].
    pub fn date(&mut self, ms: i64) -> Result<&mut Self, HeaderFault> {
        let date = date(ms)?;
        self.words("Date", &date)
    }

    /// Message-ID.
    ///
    /// # Errors
    /// [`HeaderFault::Twice`].
    pub fn message_id(&mut self, id: &MessageId) -> Result<&mut Self, HeaderFault> {
        self.words("Message-ID", id.as_str())
    }

    /// List-Unsubscribe (RFC 2369 §3.2) with an `https:` address for one click, and a `mailto:` one if there is one; and
    /// List-Unsubscribe-Post (RFC 8058 §3.1), without which the click is not one.
    ///
    /// # Errors
    /// [`HeaderFault::Form`], [`HeaderFault::TooLong`] or [`HeaderFault::Twice`].
    pub fn list_unsubscribe(&mut self, https: &str, mailto: Option<&str>) -> Result<&mut Self, HeaderFault> {
        let name = "List-Unsubscribe";
        // RFC 8058 §3.1: the field must hold one HTTPS address. Plain HTTP is for an outlet on loopback or an onion.
        check_link(name, https, &["https://", "http://"])?;
        let mut links = format!("<{https}>");
        if let Some(mailto) = mailto {
            check_link(name, mailto, &["mailto:"])?;
            links.push_str(", <");
            links.push_str(mailto);
            links.push('>');
        }
        self.words(name, &links)?;
        self.words("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
    }

    /// List-Help, List-Subscribe, List-Archive, List-Owner (RFC 2369 §3) with one link.
    ///
    /// # Errors
    /// As [`Self::list_unsubscribe`].
    pub fn list_link(&mut self, list: ListLink, link: &str) -> Result<&mut Self, HeaderFault> {
        let name = list.field_name();
        check_link(name, link, &["https://", "http://", "mailto:"])?;
        self.words(name, &format!("<{link}>"))
    }

    /// List-Id (RFC 2919 §2): the newsletter's name and its identity, which looks like a domain name and never changes.
    ///
    /// # Errors
    /// [`HeaderFault::Control`], [`HeaderFault::TooLong`] or [`HeaderFault::Twice`].
    pub fn list_id(&mut self, name: &str, id: &Domain) -> Result<&mut Self, HeaderFault> {
        check_text("List-Id", name)?;
        let open = self.open("List-Id")?;
        self.phrase(open, name.trim());
        self.word(open, &format!("<{id}>"));
        self.close(open);
        Ok(self)
    }

    /// Feedback-ID (Gmail's Feedback Loop): up to three marks of the mailing, none of the reader, and the sender's.
    ///
    /// # Errors
    /// [`HeaderFault::Form`] or [`HeaderFault::Twice`].
    pub fn feedback_id(&mut self, marks: [&str; 3], sender: &str) -> Result<&mut Self, HeaderFault> {
        let is_mark =
            |mark: &str| mark.len() <= 64 && mark.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        let fine = marks.iter().all(|mark| is_mark(mark)) && is_mark(sender) && !sender.is_empty();
        if !fine {
            return Err(HeaderFault::Form("Feedback-ID".to_owned()));
        }
        self.words("Feedback-ID", &format!("{}:{}:{}:{sender}", marks[0], marks[1], marks[2]))
    }

    /// `Precedence: bulk`, which keeps vacation programs quiet.
    ///
    /// # Errors
    /// [`HeaderFault::Twice`].
    pub fn precedence_bulk(&mut self) -> Result<&mut Self, HeaderFault> {
        self.words("Precedence", "bulk")
    }

    /// `Auto-Submitted: auto-generated` (RFC 3834 §5): no answer by a machine is wanted.
    ///
    /// # Errors
    /// [`HeaderFault::Twice`].
    pub fn auto_submitted(&mut self) -> Result<&mut Self, HeaderFault> {
        self.words("Auto-Submitted", "auto-generated")
    }

    /// Any other field with text for people. The name is letters, digits and hyphens.
    ///
    /// # Errors
    /// [`HeaderFault`].
    pub fn text(&mut self, name: &str, text: &str) -> Result<&mut Self, HeaderFault> {
        check_text(name, text)?;
        let open = self.open(name)?;
        if is_plain(text) {
            for word in text.split(' ') {
                self.word(open, word);
            }
        } else {
            self.encoded(open, text);
        }
        self.close(open);
        Ok(self)
    }

    /// A field of ASCII words that machines read, already in its form.
    pub(crate) fn words(&mut self, name: &str, value: &str) -> Result<&mut Self, HeaderFault> {
        if !value.bytes().all(|b| matches!(b, b' '..=b'~')) {
            return Err(HeaderFault::Control(name.to_owned()));
        }
        let open = self.open(name)?;
        for word in value.split(' ').filter(|word| !word.is_empty()) {
            self.word(open, word);
        }
        self.close(open);
        Ok(self)
    }

    fn mailbox(&mut self, name: &str, mailbox: &Mailbox) -> Result<&mut Self, HeaderFault> {
        let open = self.open(name)?;
        if mailbox.display.is_empty() {
            self.word(open, mailbox.address.expose());
        } else {
            self.phrase(open, &mailbox.display);
            self.word_of(open, &["<", mailbox.address.expose(), ">"]);
        }
        self.close(open);
        Ok(self)
    }

    /// RFC 5322 §3.2.5 `phrase`: bare atoms, or a quoted string folded at its spaces, or encoded words.
    fn phrase(&mut self, open: Open, text: &str) {
        if text.is_empty() {
            return;
        }
        let is_atoms = text.bytes().all(|b| is_atext(b) || b == b' ');
        let written = if is_atoms { text.to_owned() } else { quoted(text) };
        if !is_plain(&written) {
            return self.encoded(open, text);
        }
        for word in written.split(' ') {
            self.word(open, word);
        }
    }

    fn encoded(&mut self, open: Open, text: &str) {
        let line = self.line_bytes(open);
        encode_words(&mut self.bytes, line, text);
    }

    /// Adds a word after a space, on a new line if it would not fit. The first word stays on the name's line, since
    /// some programs take a field whose first line is empty for an empty one.
    fn word(&mut self, open: Open, word: &str) {
        self.word_of(open, &[word]);
    }

    fn word_of(&mut self, open: Open, parts: &[&str]) {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let is_first = self.bytes.len() == open.value;
        if !is_first && self.line_bytes(open) + 1 + bytes > FOLD_AT {
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.bytes.push(b' ');
        for part in parts {
            self.bytes.extend_from_slice(part.as_bytes());
        }
    }

    /// Octets on the current line of the field.
    fn line_bytes(&self, open: Open) -> usize {
        let field = &self.bytes[open.start..];
        field.len() - memchr::memrchr(b'\n', field).map_or(0, |at| at + 1)
    }

    /// Starts a field: its name and colon. RFC 5322 §2.2 allows more in a name; nobody needs it.
    fn open(&mut self, name: &str) -> Result<Open, HeaderFault> {
        let fine =
            (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !fine {
            return Err(HeaderFault::Form("a field's name".to_owned()));
        }
        if self.fields().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(HeaderFault::Twice(name.to_owned()));
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(b':');
        Ok(Open { start, value: self.bytes.len() })
    }

    fn close(&mut self, open: Open) {
        if self.bytes.len() == open.value {
            self.bytes.push(b' ');
        }
        self.bytes.extend_from_slice(b"\r\n");
        self.fields.push(Place { start: open.start, colon: open.value - 1, end: self.bytes.len() });
    }
}

/// RFC 5322 §3.2.4 `quoted-string`.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The links that RFC 2369 gives a list, besides the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListLink {
    /// Where help stands.
    Help,
    /// Where to sign up.
    Subscribe,
    /// Where past editions stand.
    Archive,
    /// Who answers for it.
    Owner,
}

impl ListLink {
    const fn field_name(self) -> &'static str {
        match self {
            Self::Help => "List-Help",
            Self::Subscribe => "List-Subscribe",
            Self::Archive => "List-Archive",
            Self::Owner => "List-Owner",
        }
    }
}

/// RFC 2369 §2: a link between angle brackets. Only characters that RFC 3986 lets stand in a URI, so that no bracket,
/// space or quote ends it early.
fn check_link(name: &str, link: &str, schemes: &[&str]) -> Result<(), HeaderFault> {
    let is_uri = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    if link.len() > LINK_BYTES_MAX {
        return Err(HeaderFault::TooLong(name.to_owned()));
    }
    let scheme = schemes.iter().find(|scheme| link.starts_with(**scheme));
    let fine = scheme.is_some_and(|scheme| link.len() > scheme.len()) && link.bytes().all(is_uri);
    if fine { Ok(()) } else { Err(HeaderFault::Form(name.to_owned())) }
}

/// RFC 5322 §3.3: `Mon, 23 Nov 2026 06:00:00 +0000`.
fn date(ms: i64) -> Result<String, HeaderFault> {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let moment = jiff::Timestamp::from_millisecond(ms).map_err(|_| HeaderFault::Date)?;
    let at = jiff::tz::Offset::UTC.to_datetime(moment);
    if at.year() < 1900 {
        return Err(HeaderFault::Date);
    }
    let weekday = at.weekday().to_monday_zero_offset().unsigned_abs();
    let month = at.month().unsigned_abs() - 1;
    Ok(format!(
        "{}, {} {} {:04} {:02}:{:02}:{:02} +0000",
        DAYS[usize::from(weekday)],
        at.day(),
        MONTHS[usize::from(month)],
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    ))
}

#[cfg(test)]
mod tests;
