//! Rust source as a list of tokens with their lines: enough for a rule to tell code from comment from string.
//!
//! A rule that searched plain text would trip over its own name in a comment. This is no parser: it knows no grammar
//! beyond brackets and attributes, and never fails (a broken file ends the list early; rustc says what is wrong).

/// What kind of token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or a keyword.
    Word,
    /// One character of punctuation.
    Mark,
    /// A string literal of any sort; `text` is what stands between the quotes, escapes as written.
    Text,
    /// A comment of any sort, delimiters included.
    Comment,
    /// A number, a character or a lifetime.
    Other,
}

/// One token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// Its kind.
    pub kind: Kind,
    /// Its text (see [`Kind`]).
    pub text: &'a str,
    /// The line on which it begins, counted from 1.
    pub line: usize,
    /// Whether it belongs to an item that only tests compile.
    pub in_test: bool,
}

impl Token<'_> {
    /// Whether this is the word or mark `text`, in code.
    pub fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text == text
    }
}

/// The tokens of `source`, comments included, each marked whether only tests compile it.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut reader = Reader { source, at: 0, line: 1 };
    let mut found = Vec::new();
    while let Some(token) = reader.next() {
        found.push(token);
    }
    mark_tests(&mut found);
    found
}

struct Reader<'a> {
    source: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let rest = &self.source[self.at..];
        let first = rest.chars().next()?;
        let (kind, skip, length) = measure(rest, first);
        let end = (skip.0 + length + skip.1).min(rest.len());
        let text = rest.get(skip.0..skip.0 + length).unwrap_or(&rest[..end]);
        let token = Token { kind, text, line: self.line, in_test: false };
        self.line += rest[..end].matches('\n').count();
        self.at += end;
        Some(token)
    }

    fn skip_space(&mut self) {
        let rest = &self.source[self.at..];
        let space = rest.len() - rest.trim_start().len();
        self.line += rest[..space].matches('\n').count();
        self.at += space;
    }
}

/// The kind of the token at the head of `rest`, the bytes of its delimiters before and after, and of its text.
fn measure(rest: &str, first: char) -> (Kind, (usize, usize), usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, (0, 0), rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, (0, 0), block_comment(rest));
    }
    if let Some((open, length, close)) = string(rest) {
        return (Kind::Text, (open, close), length);
    }
    if first == '\'' {
        return (Kind::Other, (0, 0), character_or_lifetime(rest));
    }
    if first.is_alphabetic() || first == '_' {
        return (Kind::Word, (0, 0), word(rest));
    }
    if first.is_ascii_digit() {
        return (Kind::Other, (0, 0), word(rest));
    }
    (Kind::Mark, (0, 0), first.len_utf8())
}

fn word(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The bytes before, in and after a string literal at the head of `rest`: `"…"`, `b"…"`, `c"…"`, `r#"…"#`, `br"…"`.
fn string(rest: &str) -> Option<(usize, usize, usize)> {
    let prefix = rest.find(|c: char| !matches!(c, 'b' | 'c' | 'r')).filter(|n| *n <= 2)?;
    let after = &rest[prefix..];
    if rest[..prefix].contains('r') {
        let hashes = after.len() - after.trim_start_matches('#').len();
        let body = after[hashes..].strip_prefix('"')?;
        let close = format!("\"{}", &after[..hashes]);
        return Some((prefix + hashes + 1, body.find(&close).unwrap_or(body.len()), close.len()));
    }
    let body = after.strip_prefix('"')?;
    Some((prefix + 1, escaped_until(body, b'"'), 1))
}

fn escaped_until(body: &str, quote: u8) -> usize {
    let mut at = 0;
    while let Some(byte) = body.as_bytes().get(at) {
        match byte {
            b'\\' => at += 2,
            byte if *byte == quote => return at,
            _ => at += 1,
        }
    }
    body.len()
}

fn character_or_lifetime(rest: &str) -> usize {
    let after = &rest[1..];
    let Some(first) = after.chars().next() else { return 1 };
    if first == '\\' {
        return 2 + escaped_until(after, b'\'');
    }
    let close = 1 + first.len_utf8();
    if rest[close..].starts_with('\'') { close + 1 } else { 1 + word(after) }
}

/// Marks every token of an item under `#[test]` or `#[cfg(test)]`, and the whole file under `#![cfg(test)]`.
fn mark_tests(tokens: &mut [Token<'_>]) {
    let mut at = 0;
    while at < tokens.len() {
        let Some(attribute) = Attribute::at(tokens, at) else {
            at += 1;
            continue;
        };
        if !attribute.is_test(tokens) {
            at = attribute.end;
            continue;
        }
        let end = if attribute.inner { tokens.len() } else { item_end(tokens, attribute.end) };
        tokens[at..end].iter_mut().for_each(|token| token.in_test = true);
        at = end;
    }
}

/// One attribute: `#[…]` or `#![…]`.
pub struct Attribute {
    /// The index of its first token inside the brackets.
    pub start: usize,
    /// The index after its closing bracket.
    pub end: usize,
    inner: bool,
}

impl Attribute {
    /// The attribute whose `#` stands at `at`, if one does.
    pub fn at(tokens: &[Token<'_>], at: usize) -> Option<Attribute> {
        if !tokens[at].is("#") {
            return None;
        }
        let inner = tokens.get(at + 1)?.is("!");
        let open = at + 1 + usize::from(inner);
        tokens.get(open).filter(|token| token.is("["))?;
        Some(Attribute { start: open + 1, end: closing(tokens, open) + 1, inner })
    }

    /// Its tokens, without the brackets.
    pub fn inside<'t, 'a>(&self, tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
        tokens.get(self.start..self.end - 1).unwrap_or(&[])
    }

    fn is_test(&self, tokens: &[Token<'_>]) -> bool {
        let inside = self.inside(tokens);
        let has = |word: &str| inside.iter().any(|token| token.is(word));
        let Some(first) = inside.first() else { return false };
        if first.is("cfg") {
            return has("test") && !has("not");
        }
        let path_end = inside.iter().position(|token| token.is("(")).unwrap_or(inside.len());
        inside[..path_end].last().is_some_and(|token| token.is("test"))
    }
}

/// The index of the bracket that closes the one at `open`, or of the last token.
pub fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if ["(", "[", "{"].iter().any(|mark| token.is(mark)) {
            depth += 1;
        } else if [")", "]", "}"].iter().any(|mark| token.is(mark)) {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    tokens.len().saturating_sub(1)
}

/// The index after the item that starts at `from`: after its block, or after its semicolon.
fn item_end(tokens: &[Token<'_>], from: usize) -> usize {
    let mut at = from;
    while at < tokens.len() {
        if tokens[at].is("{") {
            return closing(tokens, at) + 1;
        }
        if tokens[at].is(";") {
            return at + 1;
        }
        at = if tokens[at].is("(") || tokens[at].is("[") { closing(tokens, at) + 1 } else { at + 1 };
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(source: &str) -> Vec<(Kind, String)> {
        tokens(source).into_iter().map(|token| (token.kind, token.text.to_owned())).collect()
    }

    #[test]
    fn strings_comments_and_lifetimes_are_told_apart() {
        use Kind::*;
        let source =
            r###"let x: &'a str = "a\"b // no"; /* one /* two */ */ r#"raw "quoted""# b"bytes" 'c' '\'' // end"###;
        let found = words(source);
        let pick = |kind| found.iter().filter(|(k, _)| *k == kind).map(|(_, t)| t.as_str()).collect::<Vec<_>>();
        assert_eq!(pick(Text), [r#"a\"b // no"#, r#"raw "quoted""#, "bytes"]);
        assert_eq!(pick(Comment), ["/* one /* two */ */", "// end"]);
        assert_eq!(pick(Other), ["'a", "'c'", r"'\''"]);
    }

    #[test]
    fn a_token_knows_its_line_after_a_string_of_several_lines() {
        let found = tokens("a\n\"one\ntwo\"\nb");
        assert_eq!(found.iter().map(|token| token.line).collect::<Vec<_>>(), [1, 2, 4]);
    }

    #[test]
    fn items_under_a_test_attribute_are_marked_and_what_follows_is_not() {
        let source =
            "fn a() {} #[cfg(test)] mod tests { fn b() {} } #[tokio::test] async fn c() {} #[cfg(not(test))] fn d() {}";
        let test = |name: &str| tokens(source).iter().find(|token| token.is(name)).map(|token| token.in_test);
        assert_eq!(["a", "b", "c", "d"].map(test), [Some(false), Some(true), Some(true), Some(false)]);
    }

    #[test]
    fn a_broken_file_still_gives_tokens() {
        for source in ["\"open", "/* open", "r#\"open", "#[cfg(test)] mod", "'", "#", "fn f( {", "'\\", "\"\\"] {
            tokens(source);
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_tokens_in_the_order_of_their_lines(source in "[\\[\\]#!({})'\"r/*\\\\ \nA-cé]{0,60}") {
            let lines: Vec<usize> = tokens(&source).iter().map(|token| token.line).collect();
            prop_assert!(lines.is_sorted());
        }
    }
}
