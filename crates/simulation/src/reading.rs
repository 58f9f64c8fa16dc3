//! Reads a received message as a reader's mail program would: header fields, parts, decoded text, the links in it.
//!
//! It shares no code with what wrote the message, and is stricter than a mail program: whatever Coranto should not send
//! (a long line, an octet beyond ASCII, a part that does not decode) is a fault.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use seal::TOKEN_CHARS;

/// RFC 5322 §2.1.1: a line has at most 998 octets without its CRLF.
const LINE_BYTES_MAX: usize = 998;

/// A message, read.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    fields: Vec<(String, String)>,
    /// The text of each leaf part with its media type.
    parts: Vec<(String, String)>,
}

impl Mail {
    /// Reads a raw message.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not ASCII")?;
        if !text.is_ascii() {
            return Err("it is not ASCII".into());
        }
        if text.split("\r\n").any(|line| line.len() > LINE_BYTES_MAX || line.contains(['\r', '\n'])) {
            return Err("a line is too long, or ends otherwise than in CRLF".into());
        }
        let (head, body) = text.split_once("\r\n\r\n").ok_or("it has no body")?;
        let fields = fields(head)?;
        let mut parts = Vec::new();
        leaves(&fields, body, &mut parts)?;
        Ok(Self { fields, parts })
    }

    /// The value of the one field of this name.
    pub(crate) fn field(&self, name: &str) -> Result<&str, String> {
        one(&self.fields, name)?.ok_or_else(|| format!("it has no {name}"))
    }

    /// Whether there is a field of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field.eq_ignore_ascii_case(name))
    }

    /// The text of the part of this media type.
    pub(crate) fn part(&self, kind: &str) -> Result<&str, String> {
        let found = self.parts.iter().find(|(of, _)| of == kind);
        found.map(|(_, text)| text.as_str()).ok_or_else(|| format!("it has no {kind} part"))
    }

    /// The token behind the first link to `door` in the text part.
    pub(crate) fn token(&self, door: &str) -> Option<String> {
        token_in(self.part("text/plain").ok()?, door)
    }

    /// The slugs of the articles that the text part links to, each once, in order.
    pub(crate) fn stories(&self) -> Vec<String> {
        let mut stories: Vec<String> = Vec::new();
        let Ok(text) = self.part("text/plain") else { return stories };
        for rest in text.split("/articles/").skip(1) {
            let slug: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            if !stories.contains(&slug) {
                stories.push(slug);
            }
        }
        stories
    }
}

/// The token behind the first link to `door` in any text.
pub(crate) fn token_in(text: &str, door: &str) -> Option<String> {
    let rest = &text[text.find(door)? + door.len()..];
    let token: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    (token.len() == TOKEN_CHARS).then_some(token)
}

/// RFC 5322 §2.2: name, colon, value; a line that begins with white space goes on with the one before.
fn fields(head: &str) -> Result<Vec<(String, String)>, String> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in head.split("\r\n") {
        if line.starts_with([' ', '\t']) {
            let (_, value) = fields.last_mut().ok_or("it begins with a folded line")?;
            value.push_str(line);
        } else {
            let (name, value) = line.split_once(':').ok_or_else(|| format!("no header field: {line:?}"))?;
            if name.is_empty() || name.contains(|c: char| !c.is_ascii_graphic()) {
                return Err(format!("no field name: {name:?}"));
            }
            fields.push((name.into(), value.trim().into()));
        }
    }
    Ok(fields)
}

/// RFC 5322 §3.6: the fields we ask for stand at most once.
fn one<'a>(fields: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, String> {
    let mut found = fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
    let first = found.next().map(|(_, value)| value.as_str());
    if found.next().is_some() { Err(format!("it has two {name}")) } else { Ok(first) }
}

/// RFC 2046 §5.1: walks a multipart; decodes each leaf.
fn leaves(fields: &[(String, String)], body: &str, parts: &mut Vec<(String, String)>) -> Result<(), String> {
    let kind = one(fields, "Content-Type")?.unwrap_or("text/plain");
    let media = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !media.starts_with("multipart/") {
        let coding = one(fields, "Content-Transfer-Encoding")?.unwrap_or("7bit").to_ascii_lowercase();
        parts.push((media, decoded(&coding, body)?));
        return Ok(());
    }
    let boundary = parameter(kind, "boundary").ok_or("a multipart without a boundary")?;
    let (opens, ends) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}--"));
    let (inside, _) = body.split_once(&ends).ok_or("a multipart that does not end")?;
    let (_, inside) = inside.split_once(&opens).ok_or("a multipart that does not begin")?;
    for part in inside.split(&format!("\r\n{opens}")) {
        let (head, body) = part.split_once("\r\n\r\n").ok_or("a part without a header")?;
        leaves(&self::fields(head)?, body, parts)?;
    }
    Ok(())
}

fn parameter(value: &str, name: &str) -> Option<String> {
    let found = value.split(';').skip(1).filter_map(|p| p.trim().split_once('='));
    let mut found = found.filter(|(n, _)| n.eq_ignore_ascii_case(name));
    found.next().map(|(_, v)| v.trim_matches('"').to_owned())
}

fn decoded(coding: &str, body: &str) -> Result<String, String> {
    let bytes = match coding {
        "7bit" => body.as_bytes().to_vec(),
        "base64" => STANDARD.decode(body.replace("\r\n", "")).map_err(|fault| format!("base64: {fault}"))?,
        "quoted-printable" => quoted(body)?,
        other => return Err(format!("an unknown transfer encoding: {other:?}")),
    };
    String::from_utf8(bytes).map_err(|_| "a part is not UTF-8".into())
}

/// RFC 2045 §6.7.
fn quoted(body: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(body.len());
    let mut goes_on = true;
    for line in body.split("\r\n") {
        if line.len() > 76 {
            return Err("a quoted-printable line is longer than 76".into());
        }
        if line.ends_with([' ', '\t']) {
            return Err("a quoted-printable line ends in white space".into());
        }
        if !std::mem::replace(&mut goes_on, line.ends_with('=')) {
            out.extend_from_slice(b"\r\n");
        }
        unquote(line.strip_suffix('=').unwrap_or(line), &mut out)?;
    }
    Ok(out)
}

fn unquote(line: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let mut pieces = line.split('=');
    out.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let code = piece.get(..2).ok_or("a broken escape")?;
        out.push(u8::from_str_radix(code, 16).map_err(|_| format!("a broken escape: ={code}"))?);
        out.extend_from_slice(&piece.as_bytes()[2..]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "From: a@b.example\r\nSubject: one\r\n two\r\nContent-Type: multipart/alternative;\r\n \
        boundary=\"x=1\"\r\n\r\nskipped\r\n--x=1\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nCaf=C3=A9 =3D=\r\n https://c.example/articles/a-1/ and\r\n\
        https://c.example/articles/b/\r\n--x=1\r\nContent-Type: text/html\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nPGI+\r\nMTwvYj4=\r\n--x=1--\r\n";

    #[test]
    fn parts_are_found_and_decoded() {
        let mail = Mail::read(MESSAGE.as_bytes()).expect("a sound message");
        assert_eq!(mail.field("subject"), Ok("one two"));
        assert!(mail.part("text/plain").expect("a text part").starts_with("Café = https://"));
        assert_eq!(mail.part("text/html"), Ok("<b>1</b>"));
        assert_eq!(mail.stories(), ["a-1", "b"]);
    }

    #[test]
    fn what_should_not_be_sent_is_a_fault() {
        let faulty = |from: &str, to: &str| Mail::read(MESSAGE.replacen(from, to, 1).as_bytes()).is_err();
        assert!(!faulty("nothing", "new"));
        assert!(faulty("Caf=C3=A9", "Café"));
        assert!(faulty("=C3=A9", "=C3=A"));
        assert!(faulty("--x=1--", "--x=1"));
        assert!(faulty("PGI+", "PGI+!"));
        assert!(faulty("skipped", &"x".repeat(999)));
        assert!(faulty("skipped", "a\nb"));
    }

    #[test]
    fn a_token_is_read_whole_or_not_at_all() {
        let token = "A".repeat(TOKEN_CHARS);
        assert_eq!(token_in(&format!("x /confirm/{token}\r\n"), "/confirm/"), Some(token.clone()));
        assert_eq!(token_in(&format!("x /confirm/{token}A"), "/confirm/"), None);
        assert_eq!(token_in("x /confirm/short", "/confirm/"), None);
    }
}
