//! Escaping for each place a string can land in: HTML, XML, plain text, one line.
//!
//! Everything a template prints passes through here. Control characters never survive: C1 characters hide text in mail
//! clients and are not allowed in XML at all. These functions never interpret what they are given; they only make it inert.

/// Appends `text` to `out` for an HTML text node or a quoted attribute.
pub(crate) fn html(text: &str, out: &mut String) {
    markup(text, "&#39;", out);
}

/// Appends `text` to `out` for an XML text node or a quoted attribute.
pub(crate) fn xml(text: &str, out: &mut String) {
    markup(text, "&apos;", out);
}

/// Appends `text` to `out` for a plain text part: line ends and tabs stay, other control characters go.
pub(crate) fn text(text: &str, out: &mut String) {
    out.extend(text.chars().filter(|&c| !is_control(c) && c != '\r'));
}

/// Appends `text` to `out` as one line that is safe in a mail header: every run of white space becomes one space.
pub(crate) fn line(text: &str, out: &mut String) {
    let mut gap = false;
    for c in text.chars() {
        // RFC 5322 §2.2: a header field ends at CRLF. Nothing that any reader takes for a line end may pass.
        if c.is_whitespace() || c.is_control() {
            gap = true;
            continue;
        }
        if is_control(c) {
            continue;
        }
        if gap && !out.is_empty() {
            out.push(' ');
        }
        gap = false;
        out.push(c);
    }
}

/// `text` escaped for HTML, as a new string.
pub(crate) fn html_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    html(text, &mut out);
    out
}

fn markup(text: &str, apostrophe: &str, out: &mut String) {
    out.reserve(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str(apostrophe),
            '\r' => {}
            c if is_control(c) => {}
            c => out.push(c),
        }
    }
}

/// Control characters that no text needs: C0 but tab and line ends, DEL, C1, and the two that XML 1.0 §2.2 forbids.
pub(crate) fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\x7f'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_inert_and_control_characters_are_gone() {
        let mut out = String::new();
        html("<a href=\"x\" o='y'>&\u{9b}\0\r\n", &mut out);
        assert_eq!(out, "&lt;a href=&quot;x&quot; o=&#39;y&#39;&gt;&amp;\n");
    }

    #[test]
    fn a_header_line_never_breaks() {
        let mut out = String::new();
        line(" Harbour\r\nBcc: a@example.org\u{2028}x\u{85}y\x0b ", &mut out);
        assert_eq!(out, "Harbour Bcc: a@example.org x y");
    }
}
