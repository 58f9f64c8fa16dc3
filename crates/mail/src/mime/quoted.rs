//! Quoted-printable (RFC 2045 §6.7), with what a mail wire asks beyond it.
//!
//! No line starts with a dot (so dot-stuffing is never needed) or with `From ` (so no mailbox file changes it), also not
//! after a soft break.

/// §6.7, rule 5: a line is at most 76 octets, the `=` of a soft break among them.
const LINE_BYTES_MAX: usize = 75;
/// A token gets lines of its own, each of so many octets before its soft break.
pub(super) const TOKEN_LINE_BYTES_MAX: usize = 75;

/// `=` and two digits, in upper case (§6.7, rule 1).
pub(crate) fn escape(byte: u8) -> [u8; 3] {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    [b'=', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Writes text line by line, and knows how far the current line has come.
#[derive(Default)]
pub(super) struct QuotedWriter {
    out: Vec<u8>,
    line_bytes: usize,
    has_written: bool,
}

impl QuotedWriter {
    /// Writes text whose lines end in LF.
    pub(super) fn text(&mut self, text: &str) {
        let mut lines = text.split('\n');
        if let Some(first) = lines.next() {
            self.line(first.as_bytes());
        }
        for line in lines {
            self.hard_break();
            self.line(line.as_bytes());
        }
    }

    /// One line of text, or what of it stands before a slot. A space or tab at its end is encoded (§6.7, rule 3).
    fn line(&mut self, line: &[u8]) {
        for (at, &byte) in line.iter().enumerate() {
            let is_last = at + 1 == line.len();
            let mut is_literal = match byte {
                b' ' | b'\t' => !is_last,
                b'=' => false,
                _ => matches!(byte, b'!'..=b'~'),
            };
            if self.line_bytes + if is_literal { 1 } else { 3 } > LINE_BYTES_MAX {
                self.soft_break();
            }
            if self.line_bytes == 0 && (byte == b'.' || line[at..].starts_with(b"From ")) {
                is_literal = false;
            }
            if is_literal {
                self.out.push(byte);
                self.line_bytes += 1;
            } else {
                self.out.extend_from_slice(&escape(byte));
                self.line_bytes += 3;
            }
            self.has_written = true;
        }
    }

    fn hard_break(&mut self) {
        self.out.extend_from_slice(b"\r\n");
        self.line_bytes = 0;
        self.has_written = true;
    }

    /// Starts a new line of the wire without one in the text, unless a line has just begun.
    pub(super) fn soft_break(&mut self) {
        if self.line_bytes > 0 {
            self.out.extend_from_slice(b"=\r\n");
            self.line_bytes = 0;
        }
    }

    /// A token stands on the line now; whatever follows in the text needs a soft break first.
    pub(super) fn after_token(&mut self) {
        self.line_bytes = LINE_BYTES_MAX;
        self.has_written = true;
    }

    /// Ends the last line. A part without text is one empty line.
    pub(super) fn end(&mut self) {
        if self.line_bytes > 0 || !self.has_written {
            self.hard_break();
        }
    }

    /// What was written since the last call.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}
