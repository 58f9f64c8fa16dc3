//! A document as plain text: for the mail's text part, for reading at a terminal, and for counting.
//!
//! `to_text` is for people and shows every link's address. `plain_text` is the article's words alone: spans of quotes,
//! dates and summaries count its Unicode scalars, so its form never changes for the same document.

use crate::document::{Block, Document, Figure, Inline};
use crate::{escape, link};
use newsroom::{WordTally, word_count};
use url::Url;

impl Document {
    /// Text for people: every block, and every link's address after it. Paths of the site are resolved against `base`.
    pub fn to_text(&self, base: Option<&Url>) -> String {
        let mut out = String::new();
        Reader { base, addresses: true }.blocks(&self.blocks, &mut out);
        tidy(&out)
    }

    /// The article's words alone: paragraphs and headings parted by blank lines, list items and rows by line ends; no
    /// figure, no rule, no address.
    pub fn plain_text(&self) -> String {
        let mut out = String::new();
        Reader { base: None, addresses: false }.blocks(&self.blocks, &mut out);
        tidy(&out)
    }

    /// How many words it has, as [`word_count`] counts them.
    pub fn word_count(&self) -> usize {
        word_count(&self.plain_text())
    }

    /// Its first `words` words, as [`first_words`] cuts them.
    pub fn first_words(&self, words: usize) -> String {
        first_words(&self.plain_text(), words)
    }
}

/// The first `words` words of a text on one line, with an ellipsis when something was cut.
pub fn first_words(text: &str, words: usize) -> String {
    let mut tally = WordTally::default();
    let mut out = String::new();
    for c in text.chars() {
        if tally.take(c) && tally.exceeds(words) {
            return format!("{}…", out.trim_end_matches(|c: char| !c.is_alphanumeric()));
        }
        if !c.is_whitespace() {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.trim().to_owned()
}

struct Reader<'a> {
    base: Option<&'a Url>,
    addresses: bool,
}

impl Reader<'_> {
    fn blocks(&self, blocks: &[Block], out: &mut String) {
        for block in blocks {
            self.block(block, out);
            out.push_str("\n\n");
        }
    }

    fn block(&self, block: &Block, out: &mut String) {
        match block {
            Block::Paragraph { inlines } | Block::Heading { inlines, .. } => escape::text(&self.line(inlines), out),
            Block::List { ordered, items } => self.list(*ordered, items, out),
            Block::Quote { blocks } if self.addresses => self.quote(blocks, out),
            Block::Quote { blocks } => self.blocks(blocks, out),
            Block::Figure(figure) if self.addresses => escape::text(&self.figure(figure), out),
            Block::Rule if self.addresses => out.push_str("* * *"),
            Block::Figure(_) | Block::Rule => {}
            Block::Preformatted { text } => escape::text(text, out),
            Block::Table { header, rows } => self.table(header, rows, out),
        }
    }

    fn quote(&self, blocks: &[Block], out: &mut String) {
        let lines = self.inner(blocks);
        let marked: Vec<String> = lines.lines().map(|line| format!("> {line}").trim_end().to_owned()).collect();
        out.push_str(&marked.join("\n"));
    }

    fn list(&self, ordered: bool, items: &[Vec<Block>], out: &mut String) {
        for (i, item) in items.iter().enumerate() {
            let mark = match (self.addresses, ordered) {
                (false, _) => String::new(),
                (true, true) => format!("{}. ", i + 1),
                (true, false) => "- ".to_owned(),
            };
            let hang = format!("\n{}", " ".repeat(mark.len()));
            let text = self.inner(item).replace("\n\n", "\n").replace('\n', &hang);
            if !text.is_empty() {
                out.push_str(&format!("{mark}{text}\n"));
            }
        }
    }

    fn table(&self, header: &[Vec<Inline>], rows: &[Vec<Vec<Inline>>], out: &mut String) {
        for row in std::iter::once(header).chain(rows.iter().map(Vec::as_slice)).filter(|row| !row.is_empty()) {
            let cells: Vec<String> = row.iter().map(|cell| self.line(cell).replace('\n', " ")).collect();
            escape::text(&cells.join(" | "), out);
            out.push('\n');
        }
    }

    fn inner(&self, blocks: &[Block]) -> String {
        let mut out = String::new();
        self.blocks(blocks, &mut out);
        tidy(&out)
    }

    fn figure(&self, figure: &Figure) -> String {
        let told = figure.caption.as_deref().unwrap_or(&figure.alt);
        let credit = figure.credit.as_ref().map(|credit| format!("({credit})")).unwrap_or_default();
        let address = self.address(&figure.src).map(|src| format!("<{src}>")).unwrap_or_default();
        let words = [told, &credit, &address].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        format!("[{words}]")
    }

    fn line(&self, inlines: &[Inline]) -> String {
        let mut out = String::new();
        self.inlines(inlines, &mut out);
        out.trim().to_owned()
    }

    fn inlines(&self, inlines: &[Inline], out: &mut String) {
        for inline in inlines {
            match inline {
                Inline::Text { text } | Inline::Code { text } => out.push_str(text),
                Inline::Link { href, inlines } => self.link(href, inlines, out),
                Inline::Strong { inlines }
                | Inline::Emphasis { inlines }
                | Inline::Sub { inlines }
                | Inline::Sup { inlines } => self.inlines(inlines, out),
                Inline::Break => out.push('\n'),
            }
        }
    }

    fn link(&self, href: &str, inlines: &[Inline], out: &mut String) {
        let from = out.len();
        self.inlines(inlines, out);
        let Some(address) = self.addresses.then(|| self.address(href)).flatten() else { return };
        let shown = address.strip_prefix("mailto:").unwrap_or(&address);
        // A link that reads as its own address is not told twice.
        if out[from..].trim() != shown && out[from..].trim() != href {
            out.push_str(&format!(" <{address}>"));
        }
    }

    fn address(&self, href: &str) -> Option<String> {
        let href = link::on_page(href)?;
        match self.base {
            Some(base) => link::resolve(&href, base).map(String::from),
            None => Some(href),
        }
    }
}

/// No space at line ends, no more than one blank line, none at either end.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = 0;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            blank += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if blank > 0 { "\n\n" } else { "\n" });
        }
        blank = 0;
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Document {
        Document {
            blocks: vec![
                Block::Heading { level: 2, inlines: vec![Inline::text("Day 3")] },
                Block::Paragraph {
                    inlines: vec![
                        Inline::text("The "),
                        Inline::link("/articles/port", "port"),
                        Inline::text(" opens."),
                        Inline::Break,
                        Inline::link("https://a.example/", "https://a.example/"),
                    ],
                },
                Block::List {
                    ordered: true,
                    items: vec![
                        vec![
                            Block::paragraph("one"),
                            Block::List { ordered: false, items: vec![vec![Block::paragraph("deep")]] },
                        ],
                        vec![Block::paragraph("two")],
                    ],
                },
                Block::Quote { blocks: vec![Block::paragraph("We leave."), Block::paragraph("Now.")] },
                Block::Figure(Figure {
                    src: "https://a.example/1.jpg".into(),
                    alt: "A crane".into(),
                    caption: None,
                    credit: Some("Ana Ruiz".into()),
                }),
                Block::Table { header: vec![vec![Inline::text("Ship")], vec![Inline::text("Day")]], rows: vec![] },
                Block::paragraph("End."),
            ],
        }
    }

    #[test]
    fn text_for_people_shows_every_address() {
        let base = Url::parse("https://outlet.example/").expect("a constant");
        assert_eq!(
            sample().to_text(Some(&base)),
            "Day 3\n\nThe port <https://outlet.example/articles/port> opens.\nhttps://a.example/\n\n1. one\n   - deep\n2. two\n\n> We leave.\n>\n> Now.\n\n[A crane (Ana Ruiz) <https://a.example/1.jpg>]\n\nShip | Day\n\nEnd."
        );
    }

    #[test]
    fn plain_text_is_the_words_alone() {
        assert_eq!(
            sample().plain_text(),
            "Day 3\n\nThe port opens.\nhttps://a.example/\n\none\ndeep\ntwo\n\nWe leave.\n\nNow.\n\nShip | Day\n\nEnd."
        );
    }

    #[test]
    fn the_first_words_end_where_a_word_ends() {
        assert_eq!(first_words("The port\nopens, at last.", 3), "The port opens…");
        assert_eq!(first_words("The port.", 3), "The port.");
        assert_eq!(first_words("港口罢工第三天。", 2), "港口罢工…");
    }
}
