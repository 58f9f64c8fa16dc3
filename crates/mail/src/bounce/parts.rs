//! A stranger's message taken apart: header fields, and parts down to their text (RFC 5322, RFC 2045, RFC 2046, RFC 2047).
//!
//! Forgiving where software is sloppy (a boundary without its end, a part without a header, bare LF), strict in what it
//! may cost: every length, count and depth has a limit, and what lies beyond is not read. It never fails.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use encoding_rs::Encoding;

/// Fields of one header block; real ones have up to 100.
const FIELDS_MAX: usize = 500;
/// A field's value, in octets; Gmail's longest ARC fields have 3 kB.
const VALUE_BYTES_MAX: usize = 8 * 1024;
/// How deep parts may lie within parts: a forwarded report of a forwarded message has 5.
const DEPTH_MAX: usize = 8;
/// Parts of a message in all.
const PARTS_MAX: usize = 64;
/// A part's text, in octets: the report is at its beginning.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Texts of a message in all, in octets.
const TEXTS_BYTES_MAX: usize = 512 * 1024;

/// A header block.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads lines up to the first empty one; gives the fields and where the rest begins. Lines that are no field are
    /// passed over.
    pub(super) fn read(text: &[u8]) -> (Self, usize) {
        let (mut fields, mut at) = (Self::default(), 0);
        while at < text.len() {
            let (line, next) = line_at(text, at);
            at = next;
            if line.is_empty() {
                break;
            }
            fields.take(&String::from_utf8_lossy(line));
        }
        (fields, at)
    }

    /// Takes one line: a field, or the continuation of the one before (RFC 5322 §2.2.3).
    pub(super) fn take(&mut self, line: &str) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = self.0.last_mut()
                && value.len() < VALUE_BYTES_MAX
            {
                value.push(' ');
                value.push_str(line.trim());
            }
            return;
        }
        let Some((name, value)) = line.split_once(':') else { return };
        let name = name.trim_end();
        let is_name = !name.is_empty() && name.len() <= 76 && name.bytes().all(|b| b.is_ascii_graphic());
        if is_name && self.0.len() < FIELDS_MAX {
            self.0.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// The first field of that name (in lower case); empty when there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Whether there is a field of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Every field of that name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The field's words with RFC 2047's encoded ones decoded.
    pub(super) fn words(&self, name: &str) -> String {
        decoded_words(self.get(name))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The line at `at` without its end, and where the next one begins.
fn line_at(text: &[u8], at: usize) -> (&[u8], usize) {
    let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |n| at + n);
    let line = &text[at..end];
    (line.strip_suffix(b"\r").unwrap_or(line), (end + 1).min(text.len()))
}

/// What a part is to a reader of bounces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartKind {
    /// text/plain, or no type at all.
    Text,
    /// text/html, its tags taken out.
    Html,
    /// message/delivery-status (RFC 3464).
    Status,
    /// message/feedback-report (RFC 5965).
    Feedback,
    /// The header of a message that came along: message/rfc822 or text/rfc822-headers.
    Returned,
}

/// One part.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) kind: PartKind,
    /// Its text, decoded; empty for [`PartKind::Returned`].
    pub(super) text: String,
    /// The fields of a [`PartKind::Returned`].
    pub(super) fields: Fields,
    /// It lies within a message that came along.
    pub(super) is_within: bool,
}

/// A message taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    pub(super) fields: Fields,
    pub(super) parts: Vec<Part>,
    text_bytes: usize,
}

impl Parts {
    /// Takes a message apart.
    pub(super) fn of(message: &[u8]) -> Self {
        // An mbox's first line is no field (RFC 4155).
        let message = match message.strip_prefix(b"From ") {
            Some(_) => &message[line_at(message, 0).1..],
            None => message,
        };
        let (fields, at) = Fields::read(message);
        let mut parts = Self { fields: fields.clone(), ..Self::default() };
        parts.walk(&fields, &message[at..], 0, false);
        parts
    }

    pub(super) fn of_kind(&self, kind: PartKind) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(move |part| part.kind == kind)
    }

    fn walk(&mut self, fields: &Fields, body: &[u8], depth: usize, is_within: bool) {
        if depth > DEPTH_MAX || self.parts.len() >= PARTS_MAX {
            return;
        }
        let content = fields.get("content-type");
        let (kind, charset) = (media_type(content), parameter(content, "charset"));
        if kind.starts_with("multipart/") {
            let boundary = parameter(content, "boundary").unwrap_or_default();
            return self.walk_multipart(&boundary, body, depth, is_within);
        }
        match kind.as_str() {
            "message/rfc822" | "message/global" => self.walk_message(&Self::decode(fields, body), depth),
            "text/rfc822-headers" | "message/global-headers" => {
                self.put(Part {
                    kind: PartKind::Returned,
                    text: String::new(),
                    fields: Fields::read(&trimmed(body)).0,
                    is_within,
                });
            }
            "message/delivery-status" | "message/global-delivery-status" => {
                self.put_text(PartKind::Status, fields, body, charset, is_within);
            }
            "message/feedback-report" => self.put_text(PartKind::Feedback, fields, body, charset, is_within),
            "text/html" => self.put_text(PartKind::Html, fields, body, charset, is_within),
            "text/plain" | "text" | "" => self.put_text(PartKind::Text, fields, body, charset, is_within),
            _ => {}
        }
    }

    fn walk_multipart(&mut self, boundary: &str, body: &[u8], depth: usize, is_within: bool) {
        let pieces = pieces(body, boundary);
        if pieces.is_empty() {
            // The boundary went astray; the words are still there.
            return self.put_text(PartKind::Text, &Fields::default(), body, None, is_within);
        }
        for piece in pieces {
            let (fields, at) = Fields::read(piece);
            let has_type = fields.has("content-type");
            let is_header = ["received", "return-path", "message-id"].iter().any(|name| fields.has(name));
            if is_header && (!has_type || (fields.has("from") && fields.has("to"))) {
                // Some write the returned message without saying what it is.
                self.put(Part { kind: PartKind::Returned, text: String::new(), fields, is_within });
                continue;
            }
            let is_plain = !has_type && !fields.has("content-transfer-encoding") && !fields.has("content-description");
            // RFC 2046 §5.1: a part may have no header; then its first line is text, and often looks like no field.
            let body = if is_plain && (fields.is_empty() || at >= piece.len()) { piece } else { &piece[at..] };
            self.walk(&fields, body, depth + 1, is_within);
        }
    }

    fn walk_message(&mut self, message: &[u8], depth: usize) {
        let message = trimmed(message);
        let (fields, at) = Fields::read(&message);
        self.put(Part { kind: PartKind::Returned, text: String::new(), fields: fields.clone(), is_within: depth > 2 });
        self.walk(&fields, &message[at..], depth + 1, true);
    }

    fn put_text(&mut self, kind: PartKind, fields: &Fields, body: &[u8], charset: Option<String>, is_within: bool) {
        if self.text_bytes >= TEXTS_BYTES_MAX {
            return;
        }
        let bytes = Self::decode(fields, body);
        let text = to_text(&bytes[..bytes.len().min(TEXT_BYTES_MAX)], charset.as_deref());
        self.text_bytes += text.len();
        let text = if kind == PartKind::Html { without_tags(&text) } else { text };
        self.put(Part { kind, text, fields: Fields::default(), is_within });
    }

    fn put(&mut self, part: Part) {
        if self.parts.len() < PARTS_MAX {
            self.parts.push(part);
        }
    }

    /// RFC 2045 §6.
    fn decode(fields: &Fields, body: &[u8]) -> Vec<u8> {
        // Quoted-printable and base64 take at most three times their text.
        let body = &body[..body.len().min(TEXTS_BYTES_MAX)];
        match fields.get("content-transfer-encoding").to_ascii_lowercase().as_str() {
            "quoted-printable" => from_quoted(body),
            "base64" => from_base64(body),
            _ => body.to_vec(),
        }
    }
}

/// Without the empty lines that some put before a returned header.
fn trimmed(message: &[u8]) -> Vec<u8> {
    let start = message.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(message.len());
    message[start..].to_vec()
}

/// What lies between a multipart's boundary lines (RFC 2046 §5.1.1).
fn pieces<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let mark = format!("--{boundary}");
    let (mut pieces, mut open, mut at) = (Vec::new(), None, 0);
    while at < body.len() && pieces.len() < PARTS_MAX {
        let (line, next) = line_at(body, at);
        let rest = line.strip_prefix(mark.as_bytes()).filter(|_| !boundary.is_empty()).map(<[u8]>::trim_ascii_end);
        if let Some(rest) = rest
            && (rest.is_empty() || rest == b"--")
        {
            if let Some(from) = open.take() {
                pieces.push(&body[from..at]);
            }
            if rest == b"--" {
                return pieces;
            }
            open = Some(next);
        }
        at = next;
    }
    pieces.extend(open.map(|from| &body[from..]));
    pieces
}

/// `text/plain` of `Text/Plain; charset=…`.
fn media_type(content: &str) -> String {
    content.split([';', ' ', '\t']).next().unwrap_or("").to_ascii_lowercase()
}

/// A parameter of a content type (RFC 2045 §5.1), its quotes taken off.
pub(super) fn parameter(content: &str, name: &str) -> Option<String> {
    let mut rest = content.split_once(';')?.1;
    loop {
        let (field, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_at(after.find([';', ' ', '\t']).unwrap_or(after.len())),
        };
        if field.trim_matches([' ', '\t', ';']).eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = next.trim_start_matches([';', ' ', '\t']);
    }
}

fn to_text(bytes: &[u8], charset: Option<&str>) -> String {
    let named = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    match named {
        Some(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        None if bytes.contains(&0x1b) => encoding_rs::ISO_2022_JP.decode_without_bom_handling(bytes).0.into_owned(),
        None => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn from_quoted(body: &[u8]) -> Vec<u8> {
    let hex = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (mut out, mut at) = (Vec::with_capacity(body.len()), 0);
    while at < body.len() {
        let rest = &body[at + 1..];
        match (body[at], rest) {
            (b'=', [b'\r', b'\n', ..]) => at += 3,
            (b'=', [b'\n', ..]) => at += 2,
            (b'=', [high, low, ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                out.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

fn from_base64(body: &[u8]) -> Vec<u8> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&alphabet::STANDARD, lenient);
    let letters: Vec<u8> = body.iter().copied().filter(|b| b.is_ascii_alphanumeric() || b"+/".contains(b)).collect();
    // A last letter alone stands for nothing.
    let whole = letters.len() - usize::from(letters.len() % 4 == 1);
    engine.decode(&letters[..whole]).unwrap_or_default()
}

/// The words of a page: tags and what stands in `style` and `script` taken out, five entities read.
fn without_tags(html: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(html.len()), html);
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let tag = &rest[at..];
        let name = tag.get(1..7).unwrap_or("").to_ascii_lowercase();
        let hidden = ["style", "script"].into_iter().find(|hidden| name.starts_with(hidden));
        let close = hidden.and_then(|hidden| tag.find(&format!("</{hidden}"))).unwrap_or(0);
        let end = tag[close..].find('>').map_or(tag.len(), |n| close + n + 1);
        let is_break = ["br", "p", "/p", "div", "/div", "tr", "/tr", "li", "h"].iter().any(|tag| name.starts_with(tag));
        out.push_str(if is_break { "\n" } else { " " });
        rest = &tag[end..];
    }
    out.push_str(rest);
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    entities.iter().fold(out, |text, (entity, character)| text.replace(entity, character))
}

/// RFC 2047: `=?utf-8?B?…?=`.
fn decoded_words(value: &str) -> String {
    let (mut out, mut rest) = (String::new(), value);
    while let Some(at) = rest.find("=?") {
        let between = &rest[..at];
        let mut pieces = rest[at + 2..].splitn(4, '?');
        let word = (pieces.next(), pieces.next(), pieces.next(), pieces.next());
        let (Some(charset), Some(how), Some(text), Some(after)) = word else { break };
        let Some(after) = after.strip_prefix('=') else { break };
        let bytes = match how {
            "b" | "B" => from_base64(text.as_bytes()),
            _ => from_quoted(text.replace('_', " ").as_bytes()),
        };
        // §6.2: white space between two encoded words is not shown.
        if !between.trim().is_empty() || out.is_empty() {
            out.push_str(between);
        }
        out.push_str(&to_text(&bytes, Some(charset)));
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgiving_reader_finds_every_part() {
        let message = b"From MAILER-DAEMON Thu\r\nContent-Type: multipart/report; boundary=\"b 1\"\r\n\r\nold\r\n--b 1\r\n\
            Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nnicht zustell=\r\nbar: =FC\r\n\
            --b 1\r\nContent-Type: Message/Delivery-Status\r\n\r\nAction: failed\r\n--b 1\r\nContent-Type: message/rfc822\r\n\r\nTo: a@b.example\r\n\r\nx\r\n";
        let parts = Parts::of(message);
        let kinds: Vec<PartKind> = parts.parts.iter().map(|part| part.kind).collect();
        assert_eq!(kinds, [PartKind::Text, PartKind::Status, PartKind::Returned, PartKind::Text]);
        assert!(parts.parts[0].text.starts_with("nicht zustellbar: ü"), "{:?}", parts.parts[0].text);
        assert_eq!(parts.parts[2].fields.get("to"), "a@b.example");
        assert!(parts.parts[3].is_within);
    }

    #[test]
    fn words_and_pages_are_read_as_people_see_them() {
        let mut fields = Fields::default();
        fields.take("Subject: =?utf-8?B?QWJ3ZXNlbmg=?=");
        fields.take(" =?utf-8?Q?eit=3A?= ja");
        assert_eq!(fields.words("subject"), "Abwesenheit: ja");
        assert_eq!(
            without_tags("<style>a{b}</style>No<br>&lt;a@b&gt;").split_whitespace().collect::<Vec<_>>(),
            ["No", "<a@b>"]
        );
    }

    #[test]
    fn a_message_of_a_thousand_parts_costs_no_more_than_its_limits() {
        let mut deep = String::new();
        for n in 0..1_000 {
            deep.push_str(&format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"));
        }
        assert!(Parts::of(deep.as_bytes()).parts.is_empty());
        let wide = "Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned() + &"--b\r\n\r\nx\r\n".repeat(1_000);
        assert_eq!(Parts::of(wide.as_bytes()).parts.len(), PARTS_MAX);
    }
}
