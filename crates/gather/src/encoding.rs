//! From bytes to text: byte order mark, then what the bytes themselves say, then what is claimed about them.
//!
//! Claims lie: a page says ISO-8859-1 and is UTF-8. Text that is valid UTF-8 beyond ASCII is UTF-8, because nothing
//! else looks like it by accident.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How far into a document its own declaration is looked for, in bytes (WHATWG HTML §13.2.3.2 says 1024).
const PROLOG_BYTES_MAX: usize = 1_024;

/// Decodes `bytes`, whatever they claim; what cannot be read becomes U+FFFD. `content_type` is the HTTP field.
pub(crate) fn decode(bytes: &[u8], content_type: Option<&str>) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    let claimed = content_type.and_then(charset).or_else(|| declared(bytes));
    let encoding = match claimed {
        // ISO-2022-JP and its kin hide in plain ASCII, and UTF-16 is full of zeros: only the claim tells.
        Some(claimed) if !claimed.is_ascii_compatible() => claimed,
        _ if let Some(sniffed) = sniff_utf_16(bytes) => sniffed,
        _ if std::str::from_utf8(bytes).is_ok() => UTF_8,
        Some(claimed) if claimed != UTF_8 => claimed,
        // It claims UTF-8, or nothing, and has bytes that are not: mostly UTF-8 with a scar, or an old page.
        Some(_) if mostly_utf_8(bytes) => UTF_8,
        None if mostly_utf_8(bytes) => UTF_8,
        _ => WINDOWS_1252,
    };
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// The charset parameter of a `Content-Type` (RFC 9110 §8.3.2).
fn charset(content_type: &str) -> Option<&'static Encoding> {
    let (_, after) = split_ignoring_case(content_type, "charset=")?;
    let label = after.trim_start_matches(['"', '\'']).split(['"', '\'', ';', ' ']).next()?;
    Encoding::for_label(label.as_bytes())
}

/// What the document says of itself: `<?xml encoding="…"?>` or `<meta charset=…>`.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head: String = bytes.iter().take(PROLOG_BYTES_MAX).map(|byte| char::from(*byte)).collect();
    let (_, after) = split_ignoring_case(&head, "encoding=").or_else(|| split_ignoring_case(&head, "charset="))?;
    let label = after.trim_start_matches(['"', '\'']).split(['"', '\'', ';', ' ', '>', '?']).next()?;
    // A document that could be read this far is not UTF-16, whatever it says (XML 1.0 appendix F).
    Encoding::for_label(label.as_bytes())
        .map(|found| if found == UTF_16LE || found == UTF_16BE { UTF_8 } else { found })
}

fn split_ignoring_case<'a>(text: &'a str, needle: &str) -> Option<(&'a str, &'a str)> {
    let at = text.to_ascii_lowercase().find(needle)?;
    Some((&text[..at], &text[at + needle.len()..]))
}

/// XML 1.0 appendix F: a document that begins with `<` in two bytes.
fn sniff_utf_16(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [b'<', 0, second, 0, ..] if *second != 0 => Some(UTF_16LE),
        [0, b'<', 0, second, ..] if *second != 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// Whether more of the bytes beyond ASCII stand in valid UTF-8 sequences than do not.
fn mostly_utf_8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().bytes().filter(|byte| !byte.is_ascii()).count();
        bad += chunk.invalid().len();
    }
    good > 4 * bad
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_whatever_is_claimed_about_it() {
        let cases: [(&[u8], Option<&str>, &str); 12] = [
            ("é".as_bytes(), None, "é"),
            ("é".as_bytes(), Some("text/xml; charset=iso-8859-1"), "é"),
            (b"\xe9t\xe9", Some("text/xml; charset=\"ISO-8859-1\""), "été"),
            (b"\xe9t\xe9", None, "été"),
            (
                b"<?xml version='1.0' encoding='windows-1251'?>\xcf\xf0",
                None,
                "<?xml version='1.0' encoding='windows-1251'?>Пр",
            ),
            (b"<meta CHARSET=koi8-r>\xf0", None, "<meta CHARSET=koi8-r>П"),
            (b"\x1b$B$\"", Some("text/xml; charset=iso-2022-jp"), "あ"),
            (b"\xef\xbb\xbfa", Some("text/xml; charset=utf-16"), "a"),
            (b"\xff\xfea\x00", None, "a"),
            (b"<\x00a\x00", None, "<a"),
            (b"\x00<\x00a", None, "<a"),
            (b"caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9 \xff", None, "café café café \u{fffd}"),
        ];
        for (bytes, content_type, expected) in cases {
            assert_eq!(decode(bytes, content_type), expected, "{bytes:?} {content_type:?}");
        }
    }
}
