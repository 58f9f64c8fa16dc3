//! Replies: how a server's answer is read, kept and written.
//!
//! A reply is a stranger's text. It is read within limits whatever its length, and kept without control characters, so
//! that it can be stored, logged and shown. This module never says what a reply means for a delivery.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

/// How much of a reply's text is kept, in octets; the rest is read and dropped. RFC 5321 §4.5.3.1.5 allows 512 for a line;
/// the longest real refusals (with a link and a ticket) stay under 1 kB.
pub const REPLY_TEXT_BYTES_MAX: usize = 1_024;
/// A reply longer than this is an attack or a broken server: it is not read on. Replies of 40 kB have been seen.
pub const REPLY_BYTES_MAX: usize = 65_536;
/// RFC 5321 §4.5.3.1.5: a reply line is at most 512 octets with its code and CRLF. What we write keeps well below.
const WRITTEN_TEXT_BYTES_MAX: usize = 480;

/// An enhanced status code, `class.subject.detail` (RFC 3463), when the reply carries one that fits it (RFC 2034 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enhanced {
    /// 2 success, 4 try again, 5 permanent.
    pub class: u8,
    /// What it is about: 1 address, 2 mailbox, 3 mail system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// The detail.
    pub detail: u16,
}

impl Enhanced {
    /// `class.subject.detail`.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }

    /// Parses `5.1.1`.
    fn parse(word: &str) -> Option<Self> {
        let mut parts = word.split('.');
        let class = number(parts.next()?)?;
        let (subject, detail) = (number(parts.next()?)?, number(parts.next()?)?);
        let known = parts.next().is_none() && matches!(class, 2 | 4 | 5);
        known.then_some(Self { class: u8::try_from(class).ok()?, subject, detail })
    }
}

/// RFC 3463 §2: one to three digits.
fn number(digits: &str) -> Option<u16> {
    let fine = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if fine { digits.parse().ok() } else { None }
}

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// The first digit of a reply code (RFC 5321 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// 2yz: done.
    Done,
    /// 3yz: go on.
    GoOn,
    /// 4yz: not now.
    NotNow,
    /// 5yz: no.
    No,
}

/// A server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// The enhanced code, if there is one and its class fits the code.
    pub enhanced: Option<Enhanced>,
    /// The text without codes, its lines joined by spaces; at most [`REPLY_TEXT_BYTES_MAX`] octets when it was read, and
    /// without control characters. In a reply to be written, `\n` starts a new line.
    pub text: Cow<'static, str>,
}

impl Reply {
    /// A reply to give, with an enhanced code.
    pub const fn new(code: u16, enhanced: Enhanced, text: &'static str) -> Self {
        Self { code, enhanced: Some(enhanced), text: Cow::Borrowed(text) }
    }

    /// A reply to give, without an enhanced code: banners, EHLO and 3yz have none (RFC 2034 §4).
    pub const fn plain(code: u16, text: &'static str) -> Self {
        Self { code, enhanced: None, text: Cow::Borrowed(text) }
    }

    /// The kind of answer.
    pub fn kind(&self) -> ReplyKind {
        match self.code / 100 {
            2 => ReplyKind::Done,
            3 => ReplyKind::GoOn,
            4 => ReplyKind::NotNow,
            _ => ReplyKind::No,
        }
    }

    /// Whether the server is going away (RFC 5321 §3.8: 421 may answer anything).
    pub fn is_closing(&self) -> bool {
        self.code == 421
    }

    /// Writes the reply as it goes over the wire. What may not stand in a reply line becomes `?`.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').flat_map(pieces).peekable();
        while let Some(line) = lines.next() {
            out.extend_from_slice(&[
                b'0' + (self.code / 100 % 10) as u8,
                b'0' + (self.code / 10 % 10) as u8,
                b'0' + (self.code % 10) as u8,
                if lines.peek().is_some() { b'-' } else { b' ' },
            ]);
            if let Some(enhanced) = self.enhanced {
                out.extend_from_slice(format!("{enhanced} ").as_bytes());
            }
            out.extend(line.iter().map(|b| if matches!(b, b' '..=b'~') { *b } else { b'?' }));
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// A line cut so that each piece fits a reply line; an empty line is one empty piece.
fn pieces(line: &str) -> impl Iterator<Item = &[u8]> {
    let empty = line.is_empty().then_some(&b""[..]);
    empty.into_iter().chain(line.as_bytes().chunks(WRITTEN_TEXT_BYTES_MAX))
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        if self.text.is_empty() { Ok(()) } else { write!(f, " {}", self.text) }
    }
}

/// Reads replies from bytes that come in pieces of any size, within fixed memory.
///
/// A line may end in a bare LF: that is no danger in a reply, since a reply is no message, and some servers do it.
#[derive(Debug, Default)]
pub(crate) struct ReplyParser {
    /// The current line, as far as it is kept.
    line: Vec<u8>,
    /// Octets of this reply so far.
    reply_bytes: usize,
    code: Option<u16>,
    enhanced: Option<Enhanced>,
    text: String,
}

/// What a piece of input did.
pub(crate) enum Parsed {
    /// So many octets finished a reply; the rest belongs to the next one.
    Whole(usize, Reply),
    /// All of the piece was taken.
    More,
}

impl ReplyParser {
    /// Takes octets up to the end of one reply, and shows each line's text to `each`.
    ///
    /// # Errors
    /// What is wrong, when the bytes are no SMTP reply. Nothing after that can be trusted.
    pub(crate) fn feed(&mut self, piece: &[u8], each: &mut (dyn FnMut(&str) + Send)) -> Result<Parsed, &'static str> {
        let mut taken = 0;
        while let Some(at) = memchr(b'\n', &piece[taken..]) {
            self.keep(&piece[taken..taken + at], at + 1)?;
            taken += at + 1;
            if self.end_line(each)? {
                return Ok(Parsed::Whole(taken, self.take()));
            }
        }
        self.keep(&piece[taken..], piece.len() - taken)?;
        Ok(Parsed::More)
    }

    /// Whether no reply has begun.
    pub(crate) fn is_fresh(&self) -> bool {
        self.reply_bytes == 0
    }

    fn keep(&mut self, part: &[u8], bytes: usize) -> Result<(), &'static str> {
        self.reply_bytes += bytes;
        if self.reply_bytes > REPLY_BYTES_MAX {
            return Err("a reply without end");
        }
        // Four octets of code, the text, and one more for a CR.
        let room = (REPLY_TEXT_BYTES_MAX + 5).saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        Ok(())
    }

    /// RFC 5321 §4.2: `code SP text` ends a reply, `code-text` does not; a bare code is tolerated.
    fn end_line(&mut self, each: &mut (dyn FnMut(&str) + Send)) -> Result<bool, &'static str> {
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        let code = match *self.line.as_slice() {
            [a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => [a, b, c],
            _ => return Err("a reply without a code"),
        };
        let code = code.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        let is_last = match self.line.get(3) {
            None | Some(b' ') => true,
            Some(b'-') => false,
            Some(_) => return Err("a reply without a code"),
        };
        // RFC 5321 §4.2.1: all lines carry the same code. One that says yes and no is not understood.
        if *self.code.get_or_insert(code) != code {
            return Err("a reply with two codes");
        }
        self.add_text(code, each);
        self.line.clear();
        Ok(is_last)
    }

    fn add_text(&mut self, code: u16, each: &mut (dyn FnMut(&str) + Send)) {
        let text = String::from_utf8_lossy(self.line.get(4..).unwrap_or_default());
        let (first, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let enhanced = Enhanced::parse(first).filter(|e| u16::from(e.class) == code / 100);
        let text = if enhanced.is_some() { rest } else { &*text };
        self.enhanced = self.enhanced.or(enhanced);
        each(text);
        if !self.text.is_empty() && !text.is_empty() && self.text.len() < REPLY_TEXT_BYTES_MAX {
            self.text.push(' ');
        }
        for shown in text.chars().map(|c| if is_unshowable(c) { ' ' } else { c }) {
            if self.text.len() + shown.len_utf8() > REPLY_TEXT_BYTES_MAX {
                break;
            }
            self.text.push(shown);
        }
    }

    fn take(&mut self) -> Reply {
        let code = self.code.take().expect("a line was read, and each line has a code");
        self.reply_bytes = 0;
        Reply { code, enhanced: self.enhanced.take(), text: Cow::Owned(std::mem::take(&mut self.text)) }
    }
}

/// Control characters, line separators and characters that reorder a line.
fn is_unshowable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<(Reply, usize), &'static str> {
        let mut parser = ReplyParser::default();
        match parser.feed(bytes, &mut |_| ())? {
            Parsed::Whole(taken, reply) => Ok((reply, taken)),
            Parsed::More => Err("not whole"),
        }
    }

    fn check(text: &str) -> String {
        read(text.as_bytes()).map_or_else(str::to_owned, |(reply, _)| reply.to_string())
    }

    #[test]
    fn replies_are_read_with_their_codes() {
        assert_eq!(check("250 2.1.0 Ok\r\n"), "250 2.1.0 Ok");
        assert_eq!(check("250-first\r\n250-\r\n250 last\r\n"), "250 first last");
        assert_eq!(check("550-5.1.1 no\r\n550 5.1.1 such one\r\n"), "550 5.1.1 no such one");
        assert_eq!(check("354\r\n"), "354");
        assert_eq!(check("250 ok\n"), "250 ok");
        assert_eq!(check("550 4.1.1 odd class\r\n"), "550 4.1.1 odd class");
        assert!(read(b"550 4.1.1 odd class\r\n").unwrap().0.enhanced.is_none());
        assert_eq!(check("550 5.7.1234 x\r\n"), "550 5.7.1234 x");
        assert_eq!(check("450 a\x07\x1b[31m\u{202e}b\rc\r\n"), "450 a  [31m b c");
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for text in ["hello\r\n", "25 x\r\n", "2500 x\r\n", "150 x\r\n", "650 x\r\n", "\r\n", "250_x\r\n"] {
            assert_eq!(check(text), "a reply without a code", "{text:?}");
        }
        assert_eq!(check("250-ok\r\n550 no\r\n"), "a reply with two codes");
    }

    #[test]
    fn a_long_reply_is_cut_and_an_endless_one_refused() {
        let one_line = format!("550 5.7.1 {}\r\n", "é".repeat(20_000));
        let (reply, taken) = read(one_line.as_bytes()).unwrap();
        assert_eq!(taken, one_line.len());
        assert!(reply.text.len() <= REPLY_TEXT_BYTES_MAX && reply.text.len() > 1_000);
        let many_lines = "550-5.7.1 and so on and so on\r\n".repeat(1_300) + "550 5.7.1 end\r\n";
        let (reply, taken) = read(many_lines.as_bytes()).unwrap();
        assert_eq!((reply.code, taken), (550, many_lines.len()));
        assert!(reply.text.len() <= REPLY_TEXT_BYTES_MAX);
        assert_eq!(check(&"250-x\r\n".repeat(10_000)), "a reply without end");
        assert_eq!(check(&"2".repeat(70_000)), "a reply without end");
    }

    #[test]
    fn a_reply_is_written_on_lines_that_fit() {
        let mut out = Vec::new();
        Reply { code: 550, enhanced: Some(Enhanced::new(5, 7, 1)), text: "a\nb\r\tc é".into() }.write_to(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "550-5.7.1 a\r\n550 5.7.1 b??c ??\r\n");
        let mut out = Vec::new();
        Reply { code: 250, enhanced: None, text: "x".repeat(40_000).into() }.write_to(&mut out);
        assert!(out.split(|b| *b == b'\n').all(|line| line.len() < 512));
        let mut out = Vec::new();
        Reply::plain(250, "").write_to(&mut out);
        assert_eq!(out, b"250 \r\n");
    }

    proptest! {
        #[test]
        fn the_cut_into_pieces_changes_nothing(text in "(250[ -]x{0,3}\r\n){0,4}", cut in 0usize..40) {
            let bytes = text.as_bytes();
            let cut = cut.min(bytes.len());
            let mut parser = ReplyParser::default();
            let in_two = match parser.feed(&bytes[..cut], &mut |_| ()).unwrap() {
                Parsed::Whole(_, reply) => Some(reply),
                Parsed::More => match parser.feed(&bytes[cut..], &mut |_| ()).unwrap() {
                    Parsed::Whole(_, reply) => Some(reply),
                    Parsed::More => None,
                },
            };
            prop_assert_eq!(read(bytes).ok().map(|(reply, _)| reply), in_two);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((reply, taken)) = read(&bytes) {
                prop_assert!(taken <= bytes.len() && (200..600).contains(&reply.code));
                prop_assert!(!reply.text.chars().any(is_unshowable));
            }
        }
    }
}
