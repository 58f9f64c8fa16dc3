//! Plain text on its way into a page, a feed or an address.
//!
//! What a title may hold is decided here once: no control character, and no bidi embedding or override that would turn
//! round the text of the page beside it. Escaping is the template's; this never marks text as safe.

/// Plain text for one line of a page: control characters gone, blanks joined, bidi embeddings, overrides and isolates
/// dropped (UAX #9 §2; marks such as U+200F stay: they turn nothing round).
pub(crate) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFFE}' | '\u{FFFF}' => {}
            _ if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            _ if c.is_control() => {}
            _ => out.push(c),
        }
    }
    out.trim().to_owned()
}

/// One segment of a path, percent-encoded (RFC 3986 §3.3: everything but unreserved characters).
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Whether `name` may be one segment of a path on the site and one name in the folder: no separator, no dot in front,
/// no control character, not too long for a file system.
pub(crate) fn is_segment(name: &str) -> bool {
    /// Common file systems take names of 255 bytes; `.press-` in front and `.br` behind must still fit.
    const SEGMENT_BYTES_MAX: usize = 200;
    (1..=SEGMENT_BYTES_MAX).contains(&name.len())
        && !name.starts_with('.')
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ':' | '%' | '?' | '#' | '"' | '<' | '>'))
}

/// A stranger's address, if it may be linked as a page: absolute, http or https.
pub(crate) fn web_address(address: &str) -> Option<String> {
    prose::link::absolute(address).filter(|url| url.scheme() != "mailto").map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_cannot_turn_the_page_round() {
        assert_eq!(line("a\u{202E}b\u{0007} \n c\u{200F}"), "ab c\u{200F}");
    }

    #[test]
    fn a_segment_stays_one_segment() {
        assert_eq!(segment("الميناء/.."), "%D8%A7%D9%84%D9%85%D9%8A%D9%86%D8%A7%D8%A1%2F..");
        assert!(is_segment("harbour-11"));
        for bad in ["", ".", "..", "a/b", "a\\b", "a\0", ".press", "c:"] {
            assert!(!is_segment(bad), "{bad:?}");
        }
    }

    #[test]
    fn only_web_addresses_are_linked() {
        assert_eq!(web_address("https://e.example/a\"b").as_deref(), Some("https://e.example/a%22b"));
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "/a",
            "//e.example",
            "ftp://e.example",
            "http://",
            "mailto:a@e.example",
            "https://bank.example@e.example/",
        ] {
            assert_eq!(web_address(bad), None, "{bad}");
        }
    }
}
