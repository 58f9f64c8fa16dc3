//! RFC 2047: text that is not plain ASCII, as encoded words.
//!
//! Quoted or base64, whichever is shorter for the text; each word holds whole characters and at most 75 octets (§2), each
//! line at most 76. The letters used are those allowed in a phrase (§5, rule 3), so one encoder serves every field.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// §2: a line that holds an encoded word is at most 76 octets.
const LINE_BYTES_MAX: usize = 76;
/// §2: an encoded word is at most 75 octets.
const WORD_BYTES_MAX: usize = 75;
/// `=?utf-8?q?` and `?=`.
const FRAME_BYTES: usize = 12;
/// A word needs room for its frame and at least one character of four octets in base64 or quoted form.
const WORD_BYTES_MIN: usize = FRAME_BYTES + 12;
/// A longer run without a space could not be folded well.
const PLAIN_WORD_BYTES_MAX: usize = 60;

/// Whether text can stand as it is: printable ASCII in words with one space between them, nothing that looks like an
/// encoded word (else a reader's program would decode what a stranger wrote).
pub(super) fn is_plain(text: &str) -> bool {
    let is_word = |word: &str| (1..=PLAIN_WORD_BYTES_MAX).contains(&word.len());
    text.bytes().all(|b| matches!(b, b' '..=b'~')) && !text.contains("=?") && text.split(' ').all(is_word)
}

/// Writes encoded words, each after a space; `line_bytes` octets stand on the line already.
pub(super) fn encode_words(out: &mut Vec<u8>, mut line_bytes: usize, text: &str) {
    let is_quoted = text.bytes().map(quoted_bytes).sum::<usize>() <= text.len().div_ceil(3) * 4;
    let mut rest = text;
    while !rest.is_empty() {
        if line_bytes + 1 + WORD_BYTES_MIN > LINE_BYTES_MAX {
            out.extend_from_slice(b"\r\n");
            line_bytes = 0;
        }
        let room = (LINE_BYTES_MAX - line_bytes - 1).min(WORD_BYTES_MAX) - FRAME_BYTES;
        let taken = fitting(rest, room, is_quoted);
        let (word, after) = rest.split_at(taken);
        out.extend_from_slice(if is_quoted { b" =?utf-8?q?" } else { b" =?utf-8?b?" });
        write_word(out, word, is_quoted);
        out.extend_from_slice(b"?=");
        rest = after;
        line_bytes = LINE_BYTES_MAX;
    }
}

/// How many octets of text, in whole characters, fit in so much room once encoded.
fn fitting(text: &str, room: usize, is_quoted: bool) -> usize {
    let mut quoted = 0;
    let mut taken = 0;
    for character in text.chars() {
        let next = taken + character.len_utf8();
        quoted += character.encode_utf8(&mut [0; 4]).bytes().map(quoted_bytes).sum::<usize>();
        let encoded = if is_quoted { quoted } else { next.div_ceil(3) * 4 };
        if encoded > room {
            break;
        }
        taken = next;
    }
    taken
}

fn write_word(out: &mut Vec<u8>, word: &str, is_quoted: bool) {
    if !is_quoted {
        out.extend_from_slice(STANDARD.encode(word).as_bytes());
        return;
    }
    for byte in word.bytes() {
        match byte {
            b' ' => out.push(b'_'),
            _ if quoted_bytes(byte) == 1 => out.push(byte),
            _ => out.extend_from_slice(&crate::mime::escape(byte)),
        }
    }
}

/// §5, rule 3: what may stand unencoded in a phrase; a space is `_` (§4.2).
fn quoted_bytes(byte: u8) -> usize {
    if byte.is_ascii_alphanumeric() || b"!*+-/ ".contains(&byte) { 1 } else { 3 }
}
