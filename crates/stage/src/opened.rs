//! A message opened to be shown: its headers decoded, its text and HTML parts found.
//!
//! It reads what strangers could have sent, so depth, parts and lengths are limited, and it never fails: what cannot be
//! read is shown as it came.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Multiparts inside multiparts are followed so far: mails have two or three.
const DEPTH_MAX: usize = 8;
/// Parts of one message that are looked at.
const PARTS_MAX: usize = 64;
/// Header fields that are looked at.
const FIELDS_MAX: usize = 200;
/// Base64 with what mailers put between and behind it taken out already; some leave the padding off.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A message's header fields, unfolded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    fields: Vec<(String, String)>,
}

/// A message, opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Its header fields.
    pub headers: Headers,
    /// Its first `text/plain` part, decoded.
    pub text: Option<String>,
    /// Its first `text/html` part, decoded. A stranger's: show it in a sandbox.
    pub html: Option<String>,
}

impl Headers {
    /// The fields at the top of `message`, up to the first empty line.
    pub fn of(message: &[u8]) -> Self {
        Self::read(split(message).0)
    }

    fn read(head: &[u8]) -> Self {
        let head = String::from_utf8_lossy(head);
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in head.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)) {
            if line.starts_with([' ', '\t']) {
                // RFC 5322 §2.2.3: only the line break goes.
                if let Some((_, value)) = fields.last_mut() {
                    value.push_str(line);
                }
            } else if let Some((name, value)) = line.split_once(':') {
                if fields.len() == FIELDS_MAX {
                    break;
                }
                fields.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        Self { fields }
    }

    /// The first field called `name`, as it stands.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The first field called `name`, its encoded words decoded (RFC 2047).
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(decode_words)
    }

    /// Every field, in order, as it stands.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Opened {
    /// Opens `message`.
    pub fn parse(message: &[u8]) -> Self {
        let (head, body) = split(message);
        let mut opened = Self { headers: Headers::read(head), ..Self::default() };
        let headers = opened.headers.clone();
        let mut parts_left = PARTS_MAX;
        opened.take(&headers, body, DEPTH_MAX, &mut parts_left);
        opened
    }

    fn take(&mut self, headers: &Headers, body: &[u8], depth: usize, parts_left: &mut usize) {
        if *parts_left == 0 || depth == 0 {
            return;
        }
        *parts_left -= 1;
        let kind = headers.get("Content-Type").unwrap_or("text/plain");
        let media = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if media.starts_with("multipart/") {
            let Some(boundary) = parameter(kind, "boundary").filter(|boundary| !boundary.is_empty()) else { return };
            for part in parts(body, &boundary) {
                let (head, body) = split(part);
                self.take(&Headers::read(head), body, depth - 1, parts_left);
            }
            return;
        }
        let place = match media.as_str() {
            "text/plain" => &mut self.text,
            "text/html" => &mut self.html,
            _ => return,
        };
        let encoding = headers.get("Content-Transfer-Encoding").unwrap_or_default();
        let charset = parameter(kind, "charset").unwrap_or_default();
        place.get_or_insert_with(|| in_charset(&decode(body, encoding), &charset));
    }
}

/// Head and body: the first empty line divides them.
fn split(message: &[u8]) -> (&[u8], &[u8]) {
    if let Some(body) = message.strip_prefix(b"\r\n").or_else(|| message.strip_prefix(b"\n")) {
        return (&[], body);
    }
    let mut at = 0;
    while let Some(line_end) = message[at..].iter().position(|b| *b == b'\n') {
        let next = at + line_end + 1;
        if let Some(body) = message[next..].strip_prefix(b"\r\n").or_else(|| message[next..].strip_prefix(b"\n")) {
            return (&message[..next], body);
        }
        at = next;
    }
    (message, &[])
}

/// A parameter of a header field: `name=value` or `name="value"` (RFC 2045 §5.1).
fn parameter(field: &str, name: &str) -> Option<String> {
    let found = field
        .split(';')
        .skip(1)
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().trim_matches('"').to_owned())
}

/// The parts between the boundary's lines (RFC 2046 §5.1.1); what stands before and after them is dropped.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let delimiter = format!("--{boundary}");
    let (mut found, mut start, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|b| *b == b'\n') {
        if let Some(rest) = line.strip_prefix(delimiter.as_bytes()) {
            if let Some(start) = start {
                // The line break before a delimiter belongs to the delimiter.
                let part: &[u8] = &body[start..at];
                let part = part.strip_suffix(b"\n").unwrap_or(part);
                found.push(part.strip_suffix(b"\r").unwrap_or(part));
            }
            start = Some(at + line.len());
            if rest.starts_with(b"--") || found.len() == PARTS_MAX {
                return found;
            }
        }
        at += line.len();
    }
    // Cut off before its last boundary: what there is, is shown.
    found.extend(start.map(|start| &body[start.min(body.len())..]));
    found
}

/// Undoes a transfer encoding (RFC 2045 §6).
fn decode(body: &[u8], encoding: &str) -> Vec<u8> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => {
            let letters: Vec<u8> =
                body.iter().copied().filter(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b)).collect();
            LENIENT.decode(&letters).unwrap_or_else(|_| body.to_vec())
        }
        "quoted-printable" => quoted_printable(body, Underscore::Itself),
        _ => body.to_vec(),
    }
}

/// What an underscore stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Underscore {
    /// An underscore: in a body.
    Itself,
    /// A space: in an encoded word.
    Space,
}

/// RFC 2045 §6.7, and its use in encoded words where `_` is a space (RFC 2047 §4.2).
fn quoted_printable(body: &[u8], underscore: Underscore) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'=', [b'\r', b'\n', ..]) => rest = &after[2..],
            (b'=', [b'\n', ..]) => rest = &after[1..],
            (b'=', [high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex(*high) << 4 | hex(*low));
                rest = &after[2..];
            }
            (b'_', _) if underscore == Underscore::Space => out.push(b' '),
            _ => out.push(*first),
        }
    }
    out
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

fn in_charset(bytes: &[u8], charset: &str) -> String {
    if charset.eq_ignore_ascii_case("iso-8859-1") {
        return bytes.iter().map(|b| char::from(*b)).collect();
    }
    String::from_utf8_lossy(bytes).into_owned()
}

/// RFC 2047: `=?charset?B or Q?text?=`; the space between two of them is not shown (§6.2).
fn decode_words(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    let (mut rest, mut after_word) = (field, false);
    while let Some(start) = rest.find("=?") {
        let (before, from) = rest.split_at(start);
        let Some((word, after)) = encoded_word(from) else {
            out.push_str(before);
            out.push_str("=?");
            (rest, after_word) = (&from[2..], false);
            continue;
        };
        if !(after_word && before.trim().is_empty()) {
            out.push_str(before);
        }
        out.push_str(&word);
        (rest, after_word) = (after, true);
    }
    out.push_str(rest);
    out
}

fn encoded_word(from: &str) -> Option<(String, &str)> {
    let (charset, rest) = from.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (text, after) = rest.split_once("?=")?;
    if text.contains([' ', '\t']) {
        return None;
    }
    let bytes = match encoding {
        "B" | "b" => decode(text.as_bytes(), "base64"),
        "Q" | "q" => quoted_printable(text.as_bytes(), Underscore::Space),
        _ => return None,
    };
    Some((in_charset(&bytes, charset.split('*').next().unwrap_or_default()), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &[u8] = b"From: \"A\" <a@x.test>\r\nSubject: =?UTF-8?B?w4l0w6k=?=\r\n =?utf-8?Q?_=26_co?= done\r\n\
        Content-Type: multipart/alternative;\r\n boundary=\"b 1\"\r\n\r\npreamble\r\n--b 1\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        caf=C3=A9 and =\r\nmore\r\n--b 1\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        PHA+\r\nSGk8L3A+\r\n--b 1--\r\nepilogue\r\n";

    #[test]
    fn a_mail_is_opened_into_subject_text_and_html() {
        let opened = Opened::parse(MAIL);
        assert_eq!(opened.headers.text("subject").as_deref(), Some("Été & co done"));
        assert_eq!(opened.text.as_deref(), Some("café and more"));
        assert_eq!(opened.html.as_deref(), Some("<p>Hi</p>"));
    }

    #[test]
    fn a_plain_mail_needs_no_mime() {
        let opened = Opened::parse(b"Subject: Hello\r\n\r\nOne line.\r\n");
        assert_eq!(opened.text.as_deref(), Some("One line.\r\n"));
        assert_eq!(opened.html, None);
    }

    #[test]
    fn what_is_broken_is_shown_as_it_came() {
        assert_eq!(decode_words("=?utf-8?X?abc?= =? a"), "=?utf-8?X?abc?= =? a");
        assert_eq!(Opened::parse(b"").text.as_deref(), Some(""));
        assert_eq!(Opened::parse(b"\r\n\r\nx").text.as_deref(), Some("\r\nx"));
        let cut = Opened::parse(b"Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\nhalf a pa");
        assert_eq!(cut.text.as_deref(), Some("half a pa"));
        assert_eq!(quoted_printable(b"=ZZ=4", Underscore::Itself), b"=ZZ=4");
    }

    #[test]
    fn parts_within_parts_end_somewhere() {
        let mut nested = String::from("text");
        for depth in 0..50 {
            nested = format!(
                "Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n{nested}\r\n--b{depth}--"
            );
        }
        assert_eq!(Opened::parse(nested.as_bytes()).text, None);
    }
}
