//! A story's blocks as HTML, with its dates written out. What it makes is also well-formed XML.

use super::{dates, text::Block};
use jiff::civil::Date;

/// `text` with the characters that mean something to XML written as references.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}

/// Each block as one HTML element.
pub(super) fn blocks(body: &[Block], day: Date, language: &str) -> Vec<String> {
    let inline = |text: &str| emphasis(&escape(&dates::fill(text, day, language)));
    let element = |block: &Block| match block {
        Block::Paragraph(text) => format!("<p>{}</p>", inline(text)),
        Block::CrossHead(text) => format!("<h2>{}</h2>", inline(text)),
        Block::List(items) => {
            let items: String = items.iter().map(|item| format!("<li>{}</li>\n", inline(item))).collect();
            format!("<ul>\n{items}</ul>")
        }
    };
    body.iter().map(element).collect()
}

/// `*so*` as `<em>so</em>`.
fn emphasis(text: &str) -> String {
    let parts = text.split('*').collect::<Vec<_>>();
    assert!(parts.len() % 2 == 1, "an asterisk stands alone in: {text}");
    let mut out = String::with_capacity(text.len() + 16);
    for (place, part) in parts.iter().enumerate() {
        match place % 2 {
            1 => out.push_str(&format!("<em>{part}</em>")),
            _ => out.push_str(part),
        }
    }
    out
}

/// `text` in ISO-8859-1; what it cannot say becomes a character reference, which HTML and XML both read.
pub(super) fn latin1(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(u32::from(c)) {
            Ok(byte) => out.push(byte),
            Err(_) => out.extend(format!("&#{};", u32::from(c)).bytes()),
        }
    }
    out
}

/// `text` as someone types it who learned HTML long ago: entities of HTML in XML, and ampersands left alone.
pub(super) fn careless(text: &str) -> String {
    text.replace('’', "&rsquo;")
        .replace('“', "&ldquo;")
        .replace('”', "&rdquo;")
        .replace(" — ", "&nbsp;&mdash; ")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_escaped_elements() {
        let body = [Block::CrossHead("A & B"), Block::Paragraph("the *Gull* <left>"), Block::List(vec!["one", "two"])];
        let html = blocks(&body, jiff::civil::date(2026, 3, 3), "en").concat();
        let want = "<h2>A &amp; B</h2><p>the <em>Gull</em> &lt;left&gt;</p><ul>\n<li>one</li>\n<li>two</li>\n</ul>";
        assert_eq!(html, want);
    }

    #[test]
    fn latin1_refers_to_what_it_cannot_say() {
        assert_eq!(latin1("à l'œuvre"), b"\xe0 l'&#339;uvre");
    }
}
