//! HTML as a stream of tags and raw text, in one linear pass.
//!
//! It exists to bound what the real parsers see: html5ever's tree building is quadratic in open formatting elements and in
//! attributes of one tag, and both are free for an attacker. Values and text stay raw (character references unread), because
//! what is re-emitted goes through a full parser again. It is never the last word on what is safe.

/// No honest tag carries more. Past it the rest of the tag's attributes are dropped.
pub(crate) const ATTRIBUTES_MAX: usize = 64;

/// Elements whose content is text to the tokenizer, whatever stands in it (HTML 13.2.5.1).
const RAW: &[&str] = &["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"];

/// One token. Comments, doctypes and processing instructions are not told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// Text with its character references unread. May hold `<` only as a literal.
    Text(&'a str),
    /// A start tag; the name in lower case.
    Start {
        /// The element's name.
        name: String,
        /// Names in lower case, values raw.
        attributes: Vec<(String, &'a str)>,
    },
    /// The content of a raw text element; follows its start tag.
    Raw(&'a str),
    /// An end tag; the name in lower case.
    End(String),
}

/// The tokens of a page.
pub(crate) struct Tokens<'a> {
    rest: &'a str,
    raw: Option<String>,
}

impl<'a> Tokens<'a> {
    /// Tokens of `html`, from its start.
    pub(crate) fn new(html: &'a str) -> Self {
        Self { rest: html, raw: None }
    }

    /// Splits off the first `at` bytes.
    fn take(&mut self, at: usize) -> &'a str {
        let (head, tail) = self.rest.split_at(at.min(self.rest.len()));
        self.rest = tail;
        head
    }

    fn raw_text(&mut self, name: &str) -> Token<'a> {
        let end = find_end_tag(self.rest, name).unwrap_or(self.rest.len());
        Token::Raw(self.take(end))
    }

    /// A tag, at a `<` that opens one. `None` when the page ends inside it: the standard drops such a tag.
    fn tag(&mut self) -> Option<Token<'a>> {
        let closing = self.rest.starts_with("</");
        self.take(if closing { 2 } else { 1 });
        let end =
            self.rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>')).unwrap_or(self.rest.len());
        let name = self.take(end).to_ascii_lowercase();
        let attributes = self.attributes()?;
        if closing {
            return Some(Token::End(name));
        }
        if RAW.contains(&name.as_str()) {
            self.raw = Some(name.clone());
        }
        Some(Token::Start { name, attributes })
    }

    fn attributes(&mut self) -> Option<Vec<(String, &'a str)>> {
        let mut attributes = Vec::new();
        loop {
            let skip = self.rest.find(|c: char| !c.is_ascii_whitespace() && c != '/')?;
            self.take(skip);
            if self.rest.starts_with('>') {
                self.take(1);
                return Some(attributes);
            }
            let attribute = self.attribute()?;
            if attributes.len() < ATTRIBUTES_MAX {
                attributes.push(attribute);
            }
        }
    }

    fn attribute(&mut self) -> Option<(String, &'a str)> {
        // HTML 13.2.5.32: a leading `=` is part of the name.
        let from = usize::from(self.rest.starts_with('='));
        let end = self.rest[from..].find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '='))? + from;
        let name = self.take(end).to_ascii_lowercase();
        let after = self.rest.find(|c: char| !c.is_ascii_whitespace())?;
        if !self.rest[after..].starts_with('=') {
            return Some((name, ""));
        }
        self.take(after + 1);
        let skip = self.rest.find(|c: char| !c.is_ascii_whitespace())?;
        self.take(skip);
        Some((name, self.value()?))
    }

    fn value(&mut self) -> Option<&'a str> {
        let quote = self.rest.chars().next()?;
        if quote == '"' || quote == '\'' {
            self.take(1);
            let end = self.rest.find(quote)?;
            let value = self.take(end);
            self.take(1);
            return Some(value);
        }
        let end = self.rest.find(|c: char| c.is_ascii_whitespace() || c == '>')?;
        Some(self.take(end))
    }

    /// Drops a comment, doctype or the like, at its `<`.
    fn drop_markup(&mut self) {
        let end = if self.rest.starts_with("<!--") {
            // HTML 13.2.5.43: `<!-->` and `<!--->` are whole comments.
            let body = &self.rest[4..];
            let short = ["-->", "--!>", ">", "->"];
            match short.iter().find(|end| body.starts_with(**end)) {
                Some(end) => Some(4 + end.len()),
                None => end_of_comment(body).map(|at| 4 + at),
            }
        } else {
            self.rest.find('>').map(|at| at + 1)
        };
        self.take(end.unwrap_or(usize::MAX));
    }
}

fn end_of_comment(body: &str) -> Option<usize> {
    let plain = body.find("-->").map(|at| at + 3);
    let bang = body[..plain.unwrap_or(body.len())].find("--!>").map(|at| at + 4);
    bang.or(plain)
}

/// Where `</name` followed by a space, a slash or `>` stands.
fn find_end_tag(text: &str, name: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = text[from..].find("</").map(|at| at + from) {
        let after = at + 2 + name.len();
        let matches = bytes.get(at + 2..after).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()));
        if matches && bytes.get(after).is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'>')) {
            return Some(at);
        }
        from = at + 2;
    }
    None
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if let Some(name) = self.raw.take() {
            return Some(self.raw_text(&name));
        }
        while !self.rest.is_empty() {
            if !self.rest.starts_with('<') {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                return Some(Token::Text(self.take(end)));
            }
            let after = self.rest[1..].chars().next();
            match after {
                Some(c) if c.is_ascii_alphabetic() => return self.tag_or_end(),
                Some('/') if self.rest[2..].starts_with(|c: char| c.is_ascii_alphabetic()) => return self.tag_or_end(),
                Some('!' | '?' | '/') => self.drop_markup(),
                _ => {
                    let end = self.rest[1..].find('<').map_or(self.rest.len(), |at| at + 1);
                    return Some(Token::Text(self.take(end)));
                }
            }
        }
        None
    }
}

impl<'a> Tokens<'a> {
    fn tag_or_end(&mut self) -> Option<Token<'a>> {
        let token = self.tag();
        if token.is_none() {
            self.rest = "";
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(html: &str) -> String {
        let mut out = String::new();
        for token in Tokens::new(html) {
            out.push_str(&match token {
                Token::Text(text) => format!("[{text}]"),
                Token::Raw(text) => format!("{{{text}}}"),
                Token::End(name) => format!("</{name}>"),
                Token::Start { name, attributes } => {
                    let attributes: Vec<String> = attributes.iter().map(|(k, v)| format!(" {k}={v}")).collect();
                    format!("<{name}{}>", attributes.concat())
                }
            });
        }
        out
    }

    #[test]
    fn tags_text_and_attributes_are_told_apart() {
        assert_eq!(
            told("a < b<P Class='x y' ID=z checked/>c &amp; d</P >"),
            "[a ][< b]<p class=x y id=z checked=>[c &amp; d]</p>"
        );
        assert_eq!(told("<a href=\"x>y\"title=t>1</a>"), "<a href=x>y title=t>[1]</a>");
        assert_eq!(told("<!doctype html><!-- <b> --><!--><i>"), "<i>");
        assert_eq!(told("<script>if (a</b>) '<p>'</SCRIPT x>e"), "<script>{if (a</b>) '<p>'}</script>[e]");
        assert_eq!(told("x<img src='"), "[x]");
        assert_eq!(told("</ x><3</3>"), "[<3]");
        assert_eq!(told("<title>a<b"), "<title>{a<b}");
    }

    #[test]
    fn a_tag_with_countless_attributes_keeps_a_few() {
        let html = format!("<p {}>x</p>", "a=1 ".repeat(100_000));
        let Some(Token::Start { attributes, .. }) = Tokens::new(&html).next() else { panic!("a start tag") };
        assert_eq!(attributes.len(), ATTRIBUTES_MAX);
    }
}
