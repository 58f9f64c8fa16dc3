//! Text and links from outside, made fit to stand in a mail: no control character, no bidirectional override, one line
//! where one line is meant, a limit on every length, and links that are http or https. Never trusts where a text came
//! from; never turns text into markup.

/// The text as one line: controls of C0 and C1, bidirectional embeddings and overrides (UAX #9), line and paragraph
/// separators and other invisible instructions removed, white space collapsed, at most `chars_max` characters.
pub(crate) fn line(text: &str, chars_max: usize) -> String {
    let mut out = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let word: String = word.chars().filter(|c| !invisible(*c)).take(chars_max + 1).collect();
        if word.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word);
        // A little more than asked for, so that `shorten` sees that something is left out.
        if out.len() > 4 * chars_max + 4 {
            break;
        }
    }
    shorten(out, chars_max)
}

/// Characters that change how the text around them is read and show nothing themselves. Joiners and the two direction
/// marks stay: Persian and mixed lines need them.
fn invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E007F}')
}

/// Cuts at a space where one is near, and says so with an ellipsis.
fn shorten(text: String, chars_max: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(chars_max) else {
        return text;
    };
    let kept = text[..end].trim_end();
    let kept = kept.char_indices().nth_back(0).map_or("", |(last, _)| &kept[..last]);
    // A word longer than half the line is cut inside rather than dropped: Chinese has no spaces.
    let at_space = kept.rfind(' ').filter(|at| *at > kept.len() / 2);
    let kept = at_space.map_or(kept, |at| &kept[..at]);
    format!("{}…", kept.trim_end_matches([' ', ',', ';', ':', '،', '，', '、']))
}

/// Longer addresses are cut by some clients and are no article's.
const LINK_BYTES_MAX: usize = 2_000;

/// `typed` as an absolute http or https address in ASCII, with nothing in it that could end an attribute, break a line of
/// text or look like a slot; `None` for every other scheme, and for an address that hides its host behind a name before
/// an `@`.
pub(crate) fn link(typed: &str) -> Option<String> {
    let url = prose::link::absolute(typed.trim())?;
    let plain = matches!(url.scheme(), "http" | "https") && url.as_str().len() <= LINK_BYTES_MAX;
    plain.then(|| {
        url.as_str().chars().fold(String::new(), |mut out, c| {
            match c {
                '{' => out.push_str("%7B"),
                '}' => out.push_str("%7D"),
                '\'' => out.push_str("%27"),
                '"' => out.push_str("%22"),
                c => out.push(c),
            }
            out
        })
    })
}

/// Long lines are hard to read: RFC 3676 §4.2 asks for 78 at most, 72 leaves room for a reply's marks.
const COLUMNS: usize = 72;

/// How wide `text` is in a fixed pitch: ideographs take two columns.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(|c| if super::reckon::ideograph(c) { 2 } else { 1 }).sum()
}

/// `text` in lines of at most 72 columns, broken at spaces alone: a link stays whole, and a script without spaces is
/// left to the reader's window. A line that fits stays as it is; one that begins with spaces or marks of quotation has
/// them on every line.
pub(crate) fn wrap(text: &str) -> String {
    if columns(text) <= COLUMNS {
        return text.to_owned();
    }
    let body = text.trim_start_matches([' ', '>']);
    let mark = &text[..text.len() - body.len()];
    let mut out = mark.to_owned();
    let mut column = mark.len();
    for word in body.split(' ').filter(|word| !word.is_empty()) {
        let wide = columns(word);
        if column > mark.len() && column + 1 + wide > COLUMNS {
            out.push('\n');
            out.push_str(mark);
            column = mark.len();
        } else if column > mark.len() {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += wide;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_nothing_but_its_words() {
        assert_eq!(line("  Port\r\nBcc: x\u{0}\u{85} \u{2028}reopens\t\u{9b}now ", 99), "Port Bcc: x reopens now");
        assert_eq!(line("a\u{202E}gpj.exe\u{2066}b\u{FEFF}", 99), "agpj.exeb");
        assert_eq!(line("می‌خواهم", 99), "می‌خواهم");
        assert_eq!(line("\u{202E}\u{1}", 99), "");
    }

    #[test]
    fn a_long_line_ends_at_a_word() {
        assert_eq!(line("one two three four", 12), "one two…");
        assert_eq!(line(&"长".repeat(50), 10).chars().count(), 10);
        assert_eq!(line(&"a ".repeat(5_000_000), 10), "a a a a…");
        assert_eq!(line("exactly ten", 11), "exactly ten");
    }

    #[test]
    fn only_plain_web_addresses_are_links() {
        let taken = |typed: &str| link(typed).unwrap_or_else(|| "refused".to_owned());
        assert_eq!(taken("https://courier.example/a?b=1&c=2"), "https://courier.example/a?b=1&c=2");
        assert_eq!(
            taken("https://courier.example/الميناء"),
            "https://courier.example/%D8%A7%D9%84%D9%85%D9%8A%D9%86%D8%A7%D8%A1"
        );
        assert_eq!(
            taken("https://bücher.example/\"onx='<script>"),
            "https://xn--bcher-kva.example/%22onx=%27%3Cscript%3E"
        );
        assert_eq!(
            taken("https://courier.example/?x={{unsubscribe}}#{{a}}"),
            "https://courier.example/?x=%7B%7Bunsubscribe%7D%7D#%7B%7Ba%7D%7D"
        );
        for refused in [
            "javascript:alert(1)",
            "data:text/html,x",
            "/relative",
            "",
            "https://a@evil.example/",
            "https://a.example/\r\nX: y",
            "file:///etc/passwd",
        ] {
            assert_eq!(taken(refused), "refused", "{refused}");
        }
    }

    #[test]
    fn text_is_wrapped_and_links_stay_whole() {
        let long = format!("https://courier.example/{}", "a".repeat(90));
        let wrapped = wrap(&format!("{} {long} end", "word ".repeat(30)));
        assert!(wrapped.lines().all(|l| l.chars().count() <= 72 || l == long));
        assert!(wrapped.contains(&long));
        let quoted = wrap(&format!("> {}", "word ".repeat(30)));
        assert!(quoted.lines().count() > 1 && quoted.lines().all(|line| line.starts_with("> word")));
        assert_eq!(wrap("a   b"), "a   b");
    }
}
