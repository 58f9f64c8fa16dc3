//! A tokenizer for markup as it is found, not as it should be: XML that is not well-formed, HTML inside it.
//!
//! It never fails and never looks twice at a byte, so nothing a stranger sends makes it slow. It expands no entity but
//! characters: a declaration in a DTD is skipped, so there is nothing to multiply and nothing to fetch.

mod entities;

use std::borrow::Cow;

/// The longest tag taken for one, in bytes; a `<` without an end in reach is text.
const TAG_BYTES_MAX: usize = 64 * 1024;
/// Attributes looked at in one tag: a real one has a dozen.
const ATTRIBUTES_MAX: usize = 200;
/// The longest character reference, in bytes: `&thetasym;` and room.
const REFERENCE_BYTES_MAX: usize = 12;

/// A piece of markup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// `<name …>`, or `<name …/>` when `empty`.
    Open(Tag<'a>),
    /// `</name>`.
    Close(&'a str),
    /// Text in which character references still stand.
    Text(&'a str),
    /// Text to be taken as it stands.
    CData(&'a str),
}

/// An opening tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    /// The name with its prefix, as written.
    pub name: &'a str,
    /// Everything between the name and the end of the tag.
    pub rest: &'a str,
    /// It closes itself.
    pub empty: bool,
}

impl<'a> Tag<'a> {
    /// The attributes, values as written.
    pub fn attributes(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        Attributes { rest: self.rest }.take(ATTRIBUTES_MAX)
    }

    /// The value of an attribute, references resolved; names are compared without case.
    pub fn get(self, name: &str) -> Option<Cow<'a, str>> {
        let found = self.attributes().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| resolve(value))
    }
}

/// The tokens of a text, and where in it they stand.
#[derive(Clone, Debug)]
pub(crate) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    no_instruction_ends: bool,
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, no_instruction_ends: false }
    }

    /// The offset of the next token, in bytes.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes back to a token's offset, to meet it again. Only to the last one: the promise of one look depends on it.
    pub fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    /// The text between two offsets.
    pub fn between(&self, from: usize, to: usize) -> &'a str {
        &self.text[from..to]
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Moves past the next `end`, or to the end of the text, and returns what was passed before `end`.
    fn until(&mut self, skip: usize, end: &str) -> &'a str {
        let body = &self.rest()[skip..];
        match body.find(end) {
            Some(length) => {
                self.at += skip + length + end.len();
                &body[..length]
            }
            None => {
                self.at = self.text.len();
                body
            }
        }
    }

    /// A processing instruction or the XML declaration. Some end in `>` alone.
    fn instruction(&mut self) {
        if !self.no_instruction_ends && self.rest().contains("?>") {
            self.until(2, "?>");
        } else {
            self.no_instruction_ends = true;
            self.until(2, ">");
        }
    }

    /// A declaration: a DOCTYPE with or without a subset, which is skipped unread.
    fn declaration(&mut self) {
        let rest = self.rest();
        let head = &rest[..rest.find('>').unwrap_or(rest.len())];
        if head.contains('[') {
            self.until(0, "]");
        }
        self.until(0, ">");
    }

    fn open(&mut self) -> Token<'a> {
        let rest = self.rest();
        let window = &rest.as_bytes()[..rest.len().min(TAG_BYTES_MAX)];
        let Some(end) = tag_end(window) else {
            let mut length = window.len();
            while !rest.is_char_boundary(length) {
                length -= 1;
            }
            self.at += length;
            return Token::Text(&rest[..length]);
        };
        self.at += end + 1;
        let inside = &rest[1..end];
        let (inside, empty) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let name_end = inside.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(inside.len());
        Token::Open(Tag { name: &inside[..name_end], rest: &inside[name_end..], empty })
    }

    fn close(&mut self) -> Token<'a> {
        Token::Close(self.until(2, ">").trim())
    }

    /// Text up to the next `<` that begins markup. The first character is text already, whatever it is.
    fn text(&mut self) -> Token<'a> {
        let rest = self.rest();
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let length = rest[first..].find('<').map_or(rest.len(), |length| first + length);
        self.at += length;
        Token::Text(&rest[..length])
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = self.rest();
            let bytes = rest.as_bytes();
            match bytes {
                [] => return None,
                [b'<', b'!', b'-', b'-', ..] => {
                    self.until(4, "-->");
                }
                [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => {
                    return Some(Token::CData(self.until(9, "]]>")));
                }
                [b'<', b'!', b'[' | b'A'..=b'Z' | b'a'..=b'z', ..] => self.declaration(),
                [b'<', b'?', ..] => self.instruction(),
                [b'<', b'/', next, ..] if begins_name(*next) => return Some(self.close()),
                [b'<', next, ..] if begins_name(*next) => return Some(self.open()),
                _ => return Some(self.text()),
            }
        }
    }
}

fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b':' || byte >= 0x80
}

/// Where the `>` of a tag is: outside of quotes if they are balanced, else the first.
fn tag_end(window: &[u8]) -> Option<usize> {
    let mut quote = None;
    let mut first = None;
    for (at, byte) in window.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            // A quote opens a value only after `=`: an apostrophe elsewhere is a typo, not a value.
            (None, b'"' | b'\'') if follows_equals(&window[..at]) => quote = Some(*byte),
            (Some(open), _) if open == *byte => quote = None,
            (Some(_), b'>') if first.is_none() => first = Some(at),
            _ => {}
        }
    }
    first
}

fn follows_equals(before: &[u8]) -> bool {
    // At most a few spaces stand between; more is no attribute.
    let near = &before[before.len().saturating_sub(4)..];
    near.iter().rev().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'=')
}

struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let name_end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        let Some(value) = after.trim_start().strip_prefix('=').map(str::trim_start) else {
            self.rest = after;
            return Some((name, ""));
        };
        let (value, rest) = match value.strip_prefix(['"', '\'']) {
            // A quote that never closes takes the rest, so that the tag is read once.
            Some(inside) => inside.split_once(&value[..1]).unwrap_or((inside, "")),
            None => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
        };
        self.rest = rest;
        Some((name, value))
    }
}

/// Resolves character references; what is no reference stays as it stands. Control characters vanish.
pub(crate) fn resolve(raw: &str) -> Cow<'_, str> {
    if !raw.contains('&') {
        return without_controls(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match reference(rest) {
            Some((c, length)) => {
                out.push(c);
                rest = &rest[length..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(without_controls(&out).into_owned())
}

/// The character at a `&`, and how many bytes its reference takes.
fn reference(text: &str) -> Option<(char, usize)> {
    let window = &text.as_bytes()[..text.len().min(REFERENCE_BYTES_MAX)];
    let end = window.iter().position(|byte| *byte == b';')?;
    let name = text.get(1..end)?;
    let c = match name.strip_prefix('#') {
        Some(number) => numbered(number)?,
        None => entities::character(name)?,
    };
    Some((c, end + 1))
}

fn numbered(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    // HTML (WHATWG §13.2.5.80): numbers in the C1 range are meant as windows-1252.
    let c = char::from_u32(code)?;
    windows_1252(c).or(Some(c))
}

/// XML 1.0 §2.2 allows no control characters but tab and line ends; nor does any page or mail of ours. Those of the C1
/// range are windows-1252 that somebody decoded wrongly: they become what was meant.
pub(crate) fn without_controls(text: &str) -> Cow<'_, str> {
    let barred = |c: char| (c.is_control() && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if !text.contains(barred) {
        return Cow::Borrowed(text);
    }
    let meant = |c: char| if barred(c) { windows_1252(c).filter(|c| !barred(*c)) } else { Some(c) };
    Cow::Owned(text.chars().filter_map(meant).collect())
}

/// What a character of the C1 range is in windows-1252.
fn windows_1252(c: char) -> Option<char> {
    let byte = u8::try_from(u32::from(c)).ok().filter(|byte| (0x80..=0x9f).contains(byte))?;
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next()
}

/// The text of a piece of HTML on one line: tags gone, references resolved, white space collapsed.
pub(crate) fn plain(html: &str) -> String {
    let mut out = String::new();
    let mut unseen: Option<&str> = None;
    for token in Tokens::new(html) {
        match token {
            Token::Open(tag) if unseen.is_none() && is_unseen(tag.name) && !tag.empty => unseen = Some(tag.name),
            Token::Close(name) if unseen.is_some_and(|open| open.eq_ignore_ascii_case(name)) => unseen = None,
            _ if unseen.is_some() => {}
            Token::Open(tag) if !is_inline(tag.name) => out.push(' '),
            Token::Close(name) if !is_inline(name) => out.push(' '),
            Token::Text(text) => out.push_str(&resolve(text)),
            Token::CData(text) => out.push_str(&without_controls(text)),
            Token::Open(_) | Token::Close(_) => {}
        }
    }
    one_line(&out)
}

fn is_unseen(name: &str) -> bool {
    ["script", "style", "template"].iter().any(|unseen| name.eq_ignore_ascii_case(unseen))
}

fn is_inline(name: &str) -> bool {
    const INLINE: [&str; 18] = [
        "a", "abbr", "b", "bdi", "cite", "code", "em", "font", "i", "mark", "q", "small", "span", "strong", "sub",
        "sup", "u", "wbr",
    ];
    INLINE.iter().any(|inline| name.eq_ignore_ascii_case(inline))
}

/// Whether a text is an HTML page, if a poor one: it has one of the elements that every page has.
pub(crate) fn is_page(text: &str) -> bool {
    let telling =
        |name: &str| ["html", "body", "head", "title", "p"].iter().any(|known| name.eq_ignore_ascii_case(known));
    Tokens::new(text).any(|token| matches!(token, Token::Open(tag) if telling(tag.name)))
}

/// White space collapsed to single spaces, none at the ends.
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Plain text as HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> String {
        let spell = |token| match token {
            Token::Open(Tag { name, rest, empty }) => {
                format!("[{name}|{}{}]", rest.trim(), if empty { "|/" } else { "" })
            }
            Token::Close(name) => format!("[/{name}]"),
            Token::Text(text) => text.to_owned(),
            Token::CData(text) => format!("[={text}]"),
        };
        Tokens::new(text).map(spell).collect()
    }

    #[test]
    fn markup_is_read_as_it_is_found() {
        for (text, expected) in [
            ("<a b='c>d'>x</a>", "[a|b='c>d']x[/a]"),
            ("<a b=\"c>x</a>", "[a|b=\"c]x[/a]"),
            ("<a/>1 < 2 <> 3", "[a||/]1 < 2 <> 3"),
            ("<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b \"c\">]><a>", "[a|]"),
            ("<?php oops ><a>", "[a|]"),
            ("<!-- a <b> --><![CDATA[<c>]]>", "[=<c>]"),
            ("<![CDATA[never ends", "[=never ends]"),
            ("<a don't>x", "[a|don't]x"),
            ("<a", "<a"),
            ("</a", "[/a]"),
            ("<ü>", "[ü|]"),
        ] {
            assert_eq!(spelled(text), expected, "{text}");
        }
    }

    #[test]
    fn attributes_are_read_in_every_quoting() {
        let Some(Token::Open(tag)) = Tokens::new("<a b=1 c='2' D=\"3&amp;4\" e f = 5>").next() else {
            panic!("a tag");
        };
        let values: Vec<_> = ["b", "c", "d", "e", "f", "g"].map(|name| tag.get(name)).into_iter().collect();
        let expected = [Some("1"), Some("2"), Some("3&4"), Some(""), Some("5"), None];
        assert_eq!(values, expected.map(|value| value.map(Cow::Borrowed)));
    }

    #[test]
    fn references_are_resolved_and_what_is_none_stays() {
        assert_eq!(
            resolve("a &amp; b & c &copy; &#8217; &#x41; &#146; &bogus; &#0;&#xFFFFFFFF;"),
            "a & b & c © ’ A ’ &bogus; &#xFFFFFFFF;"
        );
        assert_eq!(resolve("bell\u{7} and tab\t, don\u{92}t"), "bell and tab\t, don’t");
    }

    #[test]
    fn html_becomes_one_line_of_text() {
        assert_eq!(plain("<p>One <b>t</b>wo</p><script>x < y</script><br>three &amp; four"), "One two three & four");
        assert_eq!(plain("1 < 2"), "1 < 2");
    }

    #[test]
    fn hostile_markup_is_read_in_one_pass() {
        for piece in ["<a \"", "<?", "<!", "<![", "</", "<a b='", "&", "<!--", "<![CDATA[", "<a b=c ", "<!a[", "]]>"] {
            let text = piece.repeat(400_000 / piece.len());
            let bytes: usize = Tokens::new(&text)
                .map(|token| match token {
                    Token::Open(tag) => tag.attributes().count(),
                    Token::Close(text) | Token::Text(text) | Token::CData(text) => resolve(text).len(),
                })
                .sum();
            assert!(bytes <= text.len(), "{piece}");
        }
    }
}
