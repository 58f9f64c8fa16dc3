//! A message's body: built once for a cohort, completed for each reader by a few octets.
//!
//! A [`Draft`] has a text part and perhaps an HTML part; each is a long `shared` beginning, the same for every reader of the
//! cohort, and a short `personal` tail with slots for that reader's tokens. [`SharedBody::build`] encodes the shared octets
//! once and hashes the first of them; [`SharedBody::copy`] borrows them, writes the tails, and gives the hash that DKIM
//! signs. So a copy costs a few microseconds, and two copies of a cohort differ in their tokens and nowhere else.
//!
//! What comes out is 7-bit (RFC 6152 or not), lines of at most 76 octets in CRLF, none starting with a dot or with
//! `From `: it needs no dot-stuffing, and no relay has a reason to touch it. It never holds a header of the message.
//!
//! DKIM's body canonicalisation is `simple` (RFC 6376 §3.4.3): the body ends in exactly one CRLF and not in an empty line,
//! so what is hashed is what is sent, octet for octet. `relaxed` would squeeze runs of spaces, and the shared octets would
//! have to be kept twice.

mod owned;
mod quoted;
mod stored;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::headers::{HeaderBlock, HeaderFault};
use crate::wire::{self, CheckedLines, WireCheck, WireFault};
pub use owned::Tails;
pub(crate) use quoted::escape;
use quoted::{QuotedWriter, TOKEN_LINE_BYTES_MAX};
pub use stored::StoredFault;

/// The longest text of one part, in octets. A daily mail has 30 kB; Gmail cuts at 102 kB.
pub const PART_BYTES_MAX: usize = 2 * 1024 * 1024;
/// The longest personal tail of one part, in octets: it is written anew for each copy.
pub const PERSONAL_BYTES_MAX: usize = 16 * 1024;
/// Slots of different names in one draft.
pub const SLOTS_MAX: usize = 32;
/// The longest name of a slot, in octets.
const SLOT_NAME_BYTES_MAX: usize = 40;
/// The longest token, in octets: two base64url keys of 256 bits, and room.
pub const TOKEN_BYTES_MAX: usize = 256;
/// RFC 2045 §6.8: 57 octets make a full line of 76.
const BASE64_LINE_BYTES: usize = 57;
/// What [`CopyBody::segments`] gives.
pub const BODY_SEGMENTS: usize = 5;

/// One part of a draft: Unicode text, its lines ending in LF or CRLF. Control characters other than tab are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftPart {
    /// The same for every reader of the cohort.
    pub shared: String,
    /// The tail that holds slots, written `{{slot-name}}` (a to z and `-`). It follows `shared` directly.
    pub personal: String,
}

/// What a cohort's mail says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// As plain text.
    pub text: DraftPart,
    /// As HTML, if there is such a part.
    pub html: Option<DraftPart>,
}

/// Why a draft cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// A CR without its LF.
    #[error("a bare CR in a part")]
    BareCr,
    /// Longer than [`PART_BYTES_MAX`] or [`PERSONAL_BYTES_MAX`].
    #[error("a part is too long")]
    TooLong,
    /// `{{` in a personal tail without a slot's name and `}}` behind it; here is what stands there.
    #[error("not a slot: {0}")]
    Slot(String),
    /// More than [`SLOTS_MAX`] names.
    #[error("too many slots")]
    Slots,
}

/// Why a copy cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotFault {
    /// Nobody filled this slot.
    #[error("nothing for the slot {0}")]
    Empty(String),
    /// What fills this slot is no token of base64url letters.
    #[error("not a token in the slot {0}")]
    Token(String),
}

/// How a part is encoded (RFC 2045 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Quoted,
    Base64,
}

impl Encoding {
    const fn name(self) -> &'static str {
        match self {
            Self::Quoted => "quoted-printable",
            Self::Base64 => "base64",
        }
    }
}

/// A piece of a personal tail.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// In quoted-printable the octets as they are sent; in base64 the octets to be encoded.
    Literal(Vec<u8>),
    /// The slot of this number. In quoted-printable its token starts a line of its own.
    Slot(usize),
}

/// A personal tail, ready to be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tail {
    encoding: Encoding,
    pieces: Vec<Piece>,
}

/// A cohort's body: everything but the tokens.
#[derive(Clone)]
pub struct SharedBody {
    /// The message's MIME header fields, in order.
    content: Vec<(String, String)>,
    /// What stands before each tail, and after the last one; one more than tails.
    shared: Vec<CheckedLines>,
    tails: Vec<Tail>,
    slots: Vec<String>,
    /// SHA-256 over the first of `shared`.
    state: Context,
}

impl SharedBody {
    /// Encodes a draft. `boundary_seed` distinguishes this cohort from others; the same seed gives the same octets.
    ///
    /// # Errors
    /// [`BodyFault`].
    pub fn build(draft: &Draft, boundary_seed: &[u8]) -> Result<Self, BodyFault> {
        let mut slots = Vec::new();
        let text = Part::build(&draft.text, &mut slots, Ending::of(draft))?;
        let html = draft.html.as_ref().map(|html| Part::build(html, &mut slots, Ending::of(draft))).transpose()?;
        let body = match html {
            None => Self::single(text, slots),
            Some(html) => Self::alternative(text, html, slots, &boundary(boundary_seed)),
        };
        Ok(body.expect("the encoders write whole 7-bit lines"))
    }

    fn single(text: Part, slots: Vec<String>) -> Result<Self, WireFault> {
        let content = content("text/plain; charset=utf-8", text.tail.encoding.name());
        Self::of(content, vec![text.shared, Vec::new()], vec![text.tail], slots)
    }

    /// RFC 2046 §5.1.4: the plainest part first.
    fn alternative(text: Part, html: Part, slots: Vec<String>, boundary: &str) -> Result<Self, WireFault> {
        let content = content(&format!("multipart/alternative; boundary=\"{boundary}\""), "7bit");
        let framed = |part: Part, kind: &str| {
            let encoding = part.tail.encoding.name();
            let head = format!(
                "--{boundary}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
            );
            ([head.as_bytes(), &part.shared].concat(), part.tail)
        };
        let (text, text_tail) = framed(text, "text/plain");
        let (html, html_tail) = framed(html, "text/html");
        let end = format!("--{boundary}--\r\n").into_bytes();
        Self::of(content, vec![text, html, end], vec![text_tail, html_tail], slots)
    }

    fn of(
        content: Vec<(String, String)>,
        shared: Vec<Vec<u8>>,
        tails: Vec<Tail>,
        slots: Vec<String>,
    ) -> Result<Self, WireFault> {
        assert!(shared.len() == tails.len() + 1, "a tail stands between two shared pieces");
        let mut state = Context::new(&SHA256);
        state.update(&shared[0]);
        let shared = shared.into_iter().map(CheckedLines::new).collect::<Result<_, _>>()?;
        let body = Self { content, shared, tails, slots, state };
        body.check_wire()?;
        Ok(body)
    }

    /// Adds MIME-Version, Content-Type and Content-Transfer-Encoding to a header block.
    ///
    /// # Errors
    /// [`HeaderFault::Twice`].
    pub fn content_headers<'a>(&self, block: &'a mut HeaderBlock) -> Result<&'a mut HeaderBlock, HeaderFault> {
        for (name, value) in &self.content {
            block.words(name, value)?;
        }
        Ok(block)
    }

    /// The names of the slots that [`Self::copy`] asks for, each once.
    pub fn slots(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(String::as_str)
    }

    /// Completes one reader's copy. `fill` gives the token for a slot's name and is asked once for each.
    ///
    /// # Errors
    /// [`SlotFault`]: a copy with a hole is never made.
    pub fn copy<T: AsRef<[u8]>>(&self, mut fill: impl FnMut(&str) -> Option<T>) -> Result<CopyBody<'_>, SlotFault> {
        let mut tokens = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let token = fill(slot).ok_or_else(|| SlotFault::Empty(slot.clone()))?;
            check_token(token.as_ref()).ok_or_else(|| SlotFault::Token(slot.clone()))?;
            tokens.push(token);
        }
        let mut tails = Vec::with_capacity(self.tails.len() * 1_024);
        let mut ends = [0; 2];
        for (end, tail) in ends.iter_mut().zip(&self.tails) {
            tail.complete(&tokens, &mut tails);
            *end = tails.len();
        }
        Ok(CopyBody::of(self, tails, ends))
    }

    /// What the encoders promise, checked on what they made and on what came back from the store.
    fn check_wire(&self) -> Result<(), WireFault> {
        let tokens = vec![b"A"; self.slots.len()];
        let mut check = WireCheck::default();
        for (at, shared) in self.shared.iter().enumerate() {
            check.feed_piece(wire::Piece::Checked(shared))?;
            if let Some(tail) = self.tails.get(at) {
                let mut octets = Vec::new();
                tail.complete(&tokens, &mut octets);
                check.feed(&octets)?;
            }
        }
        check.finish()
    }
}

impl std::fmt::Debug for SharedBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes: usize = self.shared.iter().map(|lines| lines.bytes().len()).sum();
        f.debug_struct("SharedBody")
            .field("content", &self.content)
            .field("shared_bytes", &bytes)
            .finish_non_exhaustive()
    }
}

/// Two bodies are the same if they send the same octets.
impl PartialEq for SharedBody {
    fn eq(&self, other: &Self) -> bool {
        (&self.content, &self.shared, &self.tails, &self.slots)
            == (&other.content, &other.shared, &other.tails, &other.slots)
    }
}

fn content(kind: &str, encoding: &str) -> Vec<(String, String)> {
    [("MIME-Version", "1.0"), ("Content-Type", kind), ("Content-Transfer-Encoding", encoding)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// RFC 2045 §6.7 advises `=_`: quoted-printable cannot hold it, base64 holds no `_`. So no part ends early.
fn boundary(seed: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(b"coranto boundary 1\0");
    context.update(seed);
    let hash = context.finish();
    format!("=_{}", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..18]))
}

/// RFC 4648 §5, without padding: the only octets that are the same in every encoding of ours.
fn check_token(token: &[u8]) -> Option<()> {
    let fine = (1..=TOKEN_BYTES_MAX).contains(&token.len())
        && token.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    fine.then_some(())
}

impl Tail {
    /// Writes the tail with its tokens, as it is sent.
    fn complete<T: AsRef<[u8]>>(&self, tokens: &[T], out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Quoted => self.complete_quoted(tokens, out),
            Encoding::Base64 => {
                let mut octets = Vec::with_capacity(1_024);
                for piece in &self.pieces {
                    octets.extend_from_slice(match piece {
                        Piece::Literal(literal) => literal,
                        Piece::Slot(slot) => tokens[*slot].as_ref(),
                    });
                }
                push_base64(out, &octets);
            }
        }
    }

    fn complete_quoted<T: AsRef<[u8]>>(&self, tokens: &[T], out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => out.extend_from_slice(literal),
                Piece::Slot(slot) => {
                    let mut lines = tokens[*slot].as_ref().chunks(TOKEN_LINE_BYTES_MAX);
                    out.extend_from_slice(lines.next().unwrap_or_default());
                    for line in lines {
                        out.extend_from_slice(b"=\r\n");
                        out.extend_from_slice(line);
                    }
                }
            }
        }
    }
}

/// RFC 2045 §6.8: full lines of 76, each with its CRLF.
fn push_base64(out: &mut Vec<u8>, octets: &[u8]) {
    let start = out.len();
    out.resize(start + octets.len().div_ceil(BASE64_LINE_BYTES) * 78, 0);
    let mut at = start;
    for line in octets.chunks(BASE64_LINE_BYTES) {
        let written = STANDARD.encode_slice(line, &mut out[at..]).expect("a line of 57 octets makes at most 76");
        out[at + written..at + written + 2].copy_from_slice(b"\r\n");
        at += written + 2;
    }
    out.truncate(at);
}

/// What follows the last character of a part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// A line break that belongs to the text.
    Line,
    /// Nothing: the line break belongs to the boundary (RFC 2046 §5.1.1).
    Boundary,
}

impl Ending {
    fn of(draft: &Draft) -> Self {
        if draft.html.is_some() { Self::Boundary } else { Self::Line }
    }
}

/// A part on its way into the body.
struct Part {
    shared: Vec<u8>,
    tail: Tail,
}

/// A piece of a personal tail before it is encoded.
enum Source<'a> {
    Literal(&'a str),
    Slot(usize),
}

impl Part {
    fn build(draft: &DraftPart, slots: &mut Vec<String>, ending: Ending) -> Result<Self, BodyFault> {
        if draft.shared.len() > PART_BYTES_MAX || draft.personal.len() > PERSONAL_BYTES_MAX {
            return Err(BodyFault::TooLong);
        }
        let mut shared = clean(&draft.shared)?;
        let mut personal = clean(&draft.personal)?;
        // A body that ends in an empty line would not be its own canonical form (RFC 6376 §3.4.3).
        personal.truncate(personal.trim_end_matches('\n').len());
        if personal.is_empty() {
            shared.truncate(shared.trim_end_matches('\n').len());
        }
        let sources = cut_at_slots(&personal, slots)?;
        let quoted = Self::quoted(&shared, &sources);
        let based = Self::based(&shared, &sources, ending);
        // An empty part in base64 would have no line at all.
        let is_based_shorter = (1..quoted.wire_bytes()).contains(&based.wire_bytes());
        Ok(if is_based_shorter { based } else { quoted })
    }

    fn quoted(shared: &str, sources: &[Source<'_>]) -> Self {
        let mut writer = QuotedWriter::default();
        writer.text(shared);
        if sources.is_empty() {
            writer.end();
            return Self { shared: writer.take(), tail: Tail { encoding: Encoding::Quoted, pieces: Vec::new() } };
        }
        writer.soft_break();
        let shared = writer.take();
        let mut pieces = Vec::new();
        for source in sources {
            match source {
                Source::Literal(text) => writer.text(text),
                Source::Slot(slot) => {
                    writer.soft_break();
                    push_literal(&mut pieces, writer.take());
                    pieces.push(Piece::Slot(*slot));
                    writer.after_token();
                }
            }
        }
        writer.end();
        push_literal(&mut pieces, writer.take());
        Self { shared, tail: Tail { encoding: Encoding::Quoted, pieces } }
    }

    fn based(shared: &str, sources: &[Source<'_>], ending: Ending) -> Self {
        // RFC 2045 §6.8: line breaks are CRLF before they are encoded.
        let shared = shared.replace('\n', "\r\n").into_bytes();
        let whole = shared.len() - shared.len() % BASE64_LINE_BYTES;
        let mut encoded = Vec::new();
        push_base64(&mut encoded, &shared[..whole]);
        let mut pieces = Vec::new();
        let mut literal = shared[whole..].to_vec();
        for source in sources {
            match source {
                Source::Literal(text) => literal.extend_from_slice(text.replace('\n', "\r\n").as_bytes()),
                Source::Slot(slot) => {
                    push_literal(&mut pieces, std::mem::take(&mut literal));
                    pieces.push(Piece::Slot(*slot));
                }
            }
        }
        if ending == Ending::Line {
            literal.extend_from_slice(b"\r\n");
        }
        push_literal(&mut pieces, literal);
        Self { shared: encoded, tail: Tail { encoding: Encoding::Base64, pieces } }
    }

    /// Octets on the wire with tokens of the usual length.
    fn wire_bytes(&self) -> usize {
        let mut tail = 0;
        for piece in &self.tail.pieces {
            tail += match piece {
                Piece::Literal(literal) => literal.len(),
                Piece::Slot(_) => BASE64_LINE_BYTES,
            };
        }
        let is_based = self.tail.encoding == Encoding::Base64;
        self.shared.len() + if is_based { tail.div_ceil(BASE64_LINE_BYTES) * 78 } else { tail }
    }
}

fn push_literal(pieces: &mut Vec<Piece>, literal: Vec<u8>) {
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
}

/// Lines end in LF from here on, and no control character but tab is left: C0, DEL and C1 (which some programs take for
/// commands to a terminal).
fn clean(text: &str) -> Result<String, BodyFault> {
    let mut cleaned = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' => return Err(BodyFault::BareCr),
            '\n' | '\t' => cleaned.push(character),
            _ if character.is_control() => {}
            _ => cleaned.push(character),
        }
    }
    Ok(cleaned)
}

fn cut_at_slots<'a>(personal: &'a str, slots: &mut Vec<String>) -> Result<Vec<Source<'a>>, BodyFault> {
    let mut sources = Vec::new();
    let mut rest = personal;
    while let Some(at) = rest.find("{{") {
        let (literal, slot) = rest.split_at(at);
        let name = slot[2..].split_once("}}").map(|(name, _)| name).filter(|name| is_slot_name(name));
        let name = name.ok_or_else(|| BodyFault::Slot(slot.chars().take(SLOT_NAME_BYTES_MAX).collect()))?;
        if !literal.is_empty() {
            sources.push(Source::Literal(literal));
        }
        sources.push(Source::Slot(number_of(name, slots)?));
        rest = &slot[name.len() + 4..];
    }
    if !rest.is_empty() {
        sources.push(Source::Literal(rest));
    }
    Ok(sources)
}

fn is_slot_name(name: &str) -> bool {
    (1..=SLOT_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

fn number_of(name: &str, slots: &mut Vec<String>) -> Result<usize, BodyFault> {
    if let Some(known) = slots.iter().position(|slot| slot == name) {
        return Ok(known);
    }
    if slots.len() == SLOTS_MAX {
        return Err(BodyFault::Slots);
    }
    slots.push(name.to_owned());
    Ok(slots.len() - 1)
}

/// One reader's body: the cohort's octets, borrowed, and the reader's own.
#[derive(Debug)]
pub struct CopyBody<'a> {
    body: &'a SharedBody,
    tails: Vec<u8>,
    ends: [usize; 2],
}

impl<'a> CopyBody<'a> {
    fn of(body: &'a SharedBody, tails: Vec<u8>, ends: [usize; 2]) -> Self {
        Self { body, tails, ends }
    }

    /// The body in order, for `writev`; empty where it has fewer pieces.
    pub fn segments(&self) -> [&[u8]; BODY_SEGMENTS] {
        let shared = |at: usize| self.body.shared.get(at).map_or(&b""[..], CheckedLines::bytes);
        let [first, second] = self.ends;
        let second_tail = if self.body.tails.len() == 2 { &self.tails[first..second] } else { b"" };
        [shared(0), &self.tails[..first], shared(1), second_tail, shared(2)]
    }

    /// The whole message for `writev`: signature field, header block, empty line, body.
    pub fn message<'b>(&'b self, signature: &'b [u8], headers: &'b HeaderBlock) -> [&'b [u8]; BODY_SEGMENTS + 3] {
        let [a, b, c, d, e] = self.segments();
        [signature, headers.bytes(), b"\r\n", a, b, c, d, e]
    }

    /// SHA-256 over the body in DKIM's `simple` canonical form: over the body as it is sent. Most of what an unsigned copy
    /// costs, so it is only made when it is asked for.
    pub fn hash(&self) -> [u8; 32] {
        self.body.hash_of(&self.segments())
    }

    /// Octets of the body.
    pub fn bytes(&self) -> usize {
        self.segments().iter().map(|segment| segment.len()).sum()
    }
}

#[cfg(test)]
mod tests;
