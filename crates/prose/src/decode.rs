//! Bytes become text: which encoding a page, a feed or a mail is in.
//!
//! The order is the web's: a byte order mark, then what HTTP said, then what the text says of itself in its first bytes, then
//! UTF-8 if it is that throughout, then windows-1252, which nothing contradicts. It never fails: bytes that make no sense in
//! the encoding become U+FFFD.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// How far a text is searched for what it says of its encoding (HTML 13.2.3.2: 1,024 bytes; feeds put comments before).
const SNIFF_BYTES_MAX: usize = 2_048;

/// The text in `bytes`, and the name of the encoding it was in. `content_type` is HTTP's header value, if there was one.
pub fn decode(bytes: &[u8], content_type: Option<&str>) -> (String, &'static str) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return read(encoding, &bytes[mark..]);
    }
    let encoding = content_type
        .and_then(charset)
        .or_else(|| declared(&bytes[..bytes.len().min(SNIFF_BYTES_MAX)]))
        .unwrap_or_else(|| if is_utf_8(bytes) { UTF_8 } else { WINDOWS_1252 });
    read(encoding, bytes)
}

/// Whether bytes are UTF-8, or would be but for a few: a page cut in the middle of a character, one bad insert. In other
/// encodings hardly any byte beyond ASCII begins a valid sequence.
fn is_utf_8(bytes: &[u8]) -> bool {
    const GOOD_FOR_EACH_BAD: usize = 10;
    let (mut good, mut bad) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    bad == 0 || bad * GOOD_FOR_EACH_BAD <= good
}

fn read(encoding: &'static Encoding, bytes: &[u8]) -> (String, &'static str) {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    (text.into_owned(), encoding.name())
}

/// RFC 9110 §8.3.2: `charset` of a Content-Type.
fn charset(content_type: &str) -> Option<&'static Encoding> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let named = name.trim().eq_ignore_ascii_case("charset");
        named.then(|| known(value.trim().trim_matches(['"', '\'']))).flatten()
    })
}

/// What the text says: `<?xml encoding="…"?>`, `<meta charset=…>`, `<meta http-equiv … content="…; charset=…">`.
fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let head: String = head.iter().map(|&b| char::from(b).to_ascii_lowercase()).collect();
    let prolog =
        head.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")).map(|(prolog, _)| prolog);
    let named = prolog
        .and_then(|prolog| value_after(prolog, "encoding"))
        .or_else(|| metas(&head).find_map(|meta| value_after(meta, "charset")));
    // HTML 13.2.3.2: a text that could be read this far is not in UTF-16, whatever it says.
    named.and_then(known).map(|encoding| if encoding.output_encoding() == encoding { encoding } else { UTF_8 })
}

fn metas(head: &str) -> impl Iterator<Item = &str> {
    head.split("<meta").skip(1).map(|rest| rest.split('>').next().unwrap_or_default())
}

fn value_after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = &text[text.find(name)? + name.len()..];
    let rest = rest.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let end =
        rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '/' | '>' | '?')).unwrap_or(rest.len());
    Some(&rest[..end])
}

/// An encoding by its label; the labels that stand for "unknown" or carry no text are none.
fn known(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes()).filter(|encoding| *encoding != encoding_rs::X_USER_DEFINED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], content_type: Option<&str>, text: &str, encoding: &str) {
        assert_eq!(
            decode(bytes, content_type),
            (text.to_owned(), encoding_rs::Encoding::for_label(encoding.as_bytes()).expect("known").name())
        );
    }

    #[test]
    fn a_byte_order_mark_wins() {
        check(b"\xef\xbb\xbf\xc3\xa9", Some("text/html; charset=latin1"), "é", "utf-8");
        check(b"\xff\xfeh\0i\0", None, "hi", "utf-16le");
    }

    #[test]
    fn what_http_says_comes_before_what_the_page_says() {
        check(
            b"<meta charset=utf-8>\xe9",
            Some("text/html; charset=\"iso-8859-1\""),
            "<meta charset=utf-8>é",
            "windows-1252",
        );
        check(b"\xe9", Some("text/html; charset=nonsense"), "é", "windows-1252");
    }

    #[test]
    fn a_page_says_what_it_is_in() {
        check(b"<META CharSet='koi8-r'>\xf0", None, "<META CharSet='koi8-r'>П", "koi8-r");
        let old = b"<meta http-equiv=Content-Type content=\"text/html; charset=shift_jis\">\x82\xa0";
        check(old, None, "<meta http-equiv=Content-Type content=\"text/html; charset=shift_jis\">あ", "shift_jis");
        check(
            b"<?xml version='1.0' encoding='iso-8859-2'?>\xb1",
            None,
            "<?xml version='1.0' encoding='iso-8859-2'?>ą",
            "iso-8859-2",
        );
        check("<meta charset=utf-16>é".as_bytes(), None, "<meta charset=utf-16>é", "utf-8");
    }

    #[test]
    fn what_says_nothing_is_utf_8_or_windows_1252() {
        check("é".as_bytes(), None, "é", "utf-8");
        check(b"\x93x\x94", None, "“x”", "windows-1252");
        check(b"", None, "", "utf-8");
        let cut = [&"é".repeat(20).into_bytes()[..], b"\xc3"].concat();
        check(&cut, None, &format!("{}\u{fffd}", "é".repeat(20)), "utf-8");
    }
}
