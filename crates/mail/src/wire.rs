//! The rule of bytes on a mail wire: lines end in CRLF, and CR and LF stand nowhere else (RFC 5321 §2.3.8).
//!
//! Servers disagree on what a bare CR or LF means, and that is how one message becomes two (SMTP smuggling,
//! CVE-2023-51764 to -51766). So the sender refuses to send one and the receiver refuses to take one. Nothing here
//! repairs a message: what is wrong is refused whole.

use memchr::{memchr, memchr_iter};

/// RFC 5321 §4.5.3.1.6 and RFC 5322 §2.1.1: a line is at most 998 octets before its CRLF.
pub const LINE_BYTES_MAX: usize = 998;

/// Why bytes may not go out as a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireFault {
    /// A CR without its LF, or an LF without its CR.
    #[error("a bare CR or LF")]
    BareBreak,
    /// A line over [`LINE_BYTES_MAX`].
    #[error("a line of more than 998 octets")]
    LineTooLong,
    /// A line that starts with one dot: it would end the message or lose the dot (RFC 5321 §4.5.2).
    #[error("a line starts with a single dot")]
    LeadingDot,
    /// An octet above 127: what leaves here is always 7-bit, so that no relay has to recode it under the signature.
    #[error("an octet above 127")]
    EightBit,
    /// The last line has no CRLF, or there is no line.
    #[error("the last line does not end in CRLF")]
    Unfinished,
}

/// Checks a message that arrives in pieces, as it will stand between `DATA` and the final dot.
#[derive(Debug)]
pub struct WireCheck {
    /// Octets of the current line, its CR included.
    line_bytes: usize,
    last: u8,
    /// The piece before ended just after a dot at a line's start.
    after_dot: bool,
    cr_count: usize,
    lf_count: usize,
}

impl Default for WireCheck {
    fn default() -> Self {
        Self { line_bytes: 0, last: b'\n', after_dot: false, cr_count: 0, lf_count: 0 }
    }
}

impl WireCheck {
    /// Checks a message, all of it fresh.
    ///
    /// # Errors
    /// The first [`WireFault`] found.
    pub fn all<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(), WireFault> {
        let mut check = Self::default();
        for piece in pieces {
            check.feed(piece)?;
        }
        check.finish()
    }

    /// Checks a message of which some lines were checked before.
    ///
    /// # Errors
    /// The first [`WireFault`] found.
    pub fn pieces(pieces: &[Piece<'_>]) -> Result<(), WireFault> {
        let mut check = Self::default();
        for piece in pieces {
            check.feed_piece(*piece)?;
        }
        check.finish()
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// The first [`WireFault`] found; the check is then of no more use.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), WireFault> {
        let (Some(&first), Some(&last)) = (piece.first(), piece.last()) else { return Ok(()) };
        if !piece.is_ascii() {
            return Err(WireFault::EightBit);
        }
        if (self.after_dot && first != b'.') || (self.line_bytes == 0 && starts_with_one_dot(piece)) {
            return Err(WireFault::LeadingDot);
        }
        let mut line_start = 0;
        let mut before = self.line_bytes;
        for at in memchr_iter(b'\n', piece) {
            let previous = if at == 0 { self.last } else { piece[at - 1] };
            if previous != b'\r' {
                return Err(WireFault::BareBreak);
            }
            if before + at - line_start > LINE_BYTES_MAX + 1 {
                return Err(WireFault::LineTooLong);
            }
            (before, line_start) = (0, at + 1);
            self.lf_count += 1;
            if starts_with_one_dot(&piece[line_start..]) {
                return Err(WireFault::LeadingDot);
            }
        }
        // Every LF follows a CR; so if there are as many of both at the end, every CR stands before an LF.
        self.cr_count += memchr_iter(b'\r', piece).count();
        self.line_bytes = before + piece.len() - line_start;
        self.last = last;
        self.after_dot = self.line_bytes == 1 && last == b'.';
        if self.line_bytes > LINE_BYTES_MAX + 1 { Err(WireFault::LineTooLong) } else { Ok(()) }
    }

    /// Takes the next piece; lines that were checked by themselves are not gone through again where they begin a line.
    ///
    /// # Errors
    /// The first [`WireFault`] found; the check is then of no more use.
    pub fn feed_piece(&mut self, piece: Piece<'_>) -> Result<(), WireFault> {
        match piece {
            Piece::Checked(lines) if lines.0.is_empty() => Ok(()),
            Piece::Checked(_) if self.line_bytes == 0 => {
                // One whole line stands for all of them: what comes next begins a line too.
                (self.last, self.lf_count, self.cr_count) = (b'\n', self.lf_count + 1, self.cr_count + 1);
                Ok(())
            }
            other => self.feed(other.bytes()),
        }
    }

    /// Ends the check.
    ///
    /// # Errors
    /// [`WireFault::Unfinished`] or [`WireFault::BareBreak`].
    pub fn finish(self) -> Result<(), WireFault> {
        if self.line_bytes != 0 || self.lf_count == 0 {
            return Err(WireFault::Unfinished);
        }
        if self.cr_count == self.lf_count { Ok(()) } else { Err(WireFault::BareBreak) }
    }
}

/// Whole lines that were checked once and may go out as often as wanted: what all copies of a cohort share. Empty, or ending
/// in CRLF.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedLines(Vec<u8>);

impl CheckedLines {
    /// Checks lines, once for all.
    ///
    /// # Errors
    /// The first [`WireFault`] found.
    pub fn new(lines: Vec<u8>) -> Result<Self, WireFault> {
        if !lines.is_empty() {
            WireCheck::all([lines.as_slice()])?;
        }
        Ok(Self(lines))
    }

    /// The octets.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A piece of a message on its way out.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// Octets that nobody has looked at yet.
    Fresh(&'a [u8]),
    /// Lines that were looked at when they were made.
    Checked(&'a CheckedLines),
}

impl<'a> Piece<'a> {
    /// The octets.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::Fresh(bytes) => bytes,
            Self::Checked(lines) => lines.bytes(),
        }
    }
}

/// A dot and then something other than a second dot. A dot at the very end of a piece is judged with the next piece.
fn starts_with_one_dot(line: &[u8]) -> bool {
    line.first() == Some(&b'.') && line.get(1).is_some_and(|second| *second != b'.')
}

/// Doubles the dot at the start of each line (RFC 5321 §4.5.2), for messages that were not encoded to need none.
///
/// # Errors
/// The [`WireFault`] of a message that may not be sent even so.
pub fn stuff_dots(message: &[u8]) -> Result<Vec<u8>, WireFault> {
    let mut stuffed = Vec::with_capacity(message.len() + 16);
    let mut rest = message;
    while !rest.is_empty() {
        let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        if rest[0] == b'.' {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(&rest[..end]);
        rest = &rest[end..];
    }
    WireCheck::all([stuffed.as_slice()])?;
    Ok(stuffed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_whole_crlf_lines_without_a_single_leading_dot_pass() {
        let check = |text: &str| WireCheck::all([text.as_bytes()]);
        assert_eq!(check("a\r\nb\r\n"), Ok(()));
        assert_eq!(check("..a\r\n..\r\n"), Ok(()));
        assert_eq!(check("\r\n"), Ok(()));
        assert_eq!(check(""), Err(WireFault::Unfinished));
        assert_eq!(check("a"), Err(WireFault::Unfinished));
        assert_eq!(check("a\n"), Err(WireFault::BareBreak));
        assert_eq!(check("a\rb\r\n"), Err(WireFault::BareBreak));
        assert_eq!(check("a\r\r\n"), Err(WireFault::BareBreak));
        assert_eq!(check("a\r\n\n"), Err(WireFault::BareBreak));
        assert_eq!(check("a\r\n.\r\n"), Err(WireFault::LeadingDot));
        assert_eq!(check(".a\r\n"), Err(WireFault::LeadingDot));
        assert_eq!(WireCheck::all([&b"a\r\n."[..], b"\r\n"]), Err(WireFault::LeadingDot));
        assert_eq!(WireCheck::all([&b"a\r\n."[..], b"", b".\r\n"]), Ok(()));
        assert_eq!(check("é\r\n"), Err(WireFault::EightBit));
        assert_eq!(check(&format!("{}\r\n", "a".repeat(998))), Ok(()));
        assert_eq!(check(&format!("{}\r\n", "a".repeat(999))), Err(WireFault::LineTooLong));
    }

    proptest! {
        #[test]
        fn lines_checked_before_are_judged_as_if_they_were_gone_through(
            texts in proptest::collection::vec("(a|\\.|\r\n|\r\n|\r|\n){0,4}(\r\n)?", 1..5)
        ) {
            let kept: Vec<_> = texts.iter().map(|text| CheckedLines::new(text.clone().into_bytes())).collect();
            let mut check = WireCheck::default();
            let fed = texts.iter().zip(&kept).try_for_each(|(text, lines)| match lines {
                Ok(lines) => check.feed_piece(Piece::Checked(lines)),
                Err(_) => check.feed_piece(Piece::Fresh(text.as_bytes())),
            });
            let judged = fed.and_then(|()| check.finish());
            let whole = WireCheck::all([texts.concat().as_bytes()]);
            prop_assert_eq!(judged.is_ok(), whole.is_ok(), "{:?} {:?}", judged, whole);
        }

        #[test]
        fn the_cut_into_pieces_changes_nothing(text in "(a|\\.|\r\n|\r\n|\r|\n){0,8}\r\n", cut in 0usize..16, second in 0usize..16) {
            let bytes = text.as_bytes();
            let (a, b) = (cut.min(bytes.len()), second.min(bytes.len()));
            let (a, b) = (a.min(b), a.max(b));
            let whole = WireCheck::all([bytes]);
            let pieces = WireCheck::all([&bytes[..a], &bytes[a..b], &bytes[b..]]);
            prop_assert_eq!(whole.is_ok(), pieces.is_ok(), "{:?} {:?}", whole, pieces);
        }

        #[test]
        fn what_passes_has_no_bare_break_and_no_lone_dot(text in "(a|\\.|\r\n|\r\n|\r|\n){0,8}\r\n") {
            if WireCheck::all([text.as_bytes()]).is_ok() {
                for line in text.strip_suffix("\r\n").unwrap().split("\r\n") {
                    prop_assert!(!line.contains(['\r', '\n']));
                    prop_assert!(!line.starts_with('.') || line.starts_with(".."));
                }
            }
        }

        #[test]
        fn stuffing_makes_any_crlf_text_sendable(lines in proptest::collection::vec("[a.]{0,4}", 1..6)) {
            let text = lines.join("\r\n") + "\r\n";
            prop_assert!(stuff_dots(text.as_bytes()).is_ok());
        }
    }
}
