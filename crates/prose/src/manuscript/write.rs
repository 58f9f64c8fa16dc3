//! Blocks as an editor types them. Whether they come back the same is tried by the caller.

use crate::document::{Block, Figure, Inline};

/// One block.
pub(super) fn block(block: &Block) -> String {
    match block {
        Block::Paragraph { inlines } => paragraph(inlines),
        Block::Heading { level, inlines } => format!("{} {}", "#".repeat(usize::from(*level)), line(inlines)),
        Block::List { ordered, items } => list(*ordered, items),
        Block::Quote { blocks } => indented(&several(blocks), "> ", "> "),
        Block::Figure(figure) => self::figure(figure),
        Block::Preformatted { text } => format!("```\n{text}\n```"),
        Block::Table { header, rows } => table(header, rows),
        Block::Rule => "---".to_owned(),
    }
}

fn several(blocks: &[Block]) -> String {
    blocks.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

fn list(ordered: bool, items: &[Vec<Block>]) -> String {
    let mark = |at: usize| if ordered { format!("{}. ", at + 1) } else { "- ".to_owned() };
    let item = |(at, item): (usize, &Vec<Block>)| {
        // A list right under its item's words stands without a blank line between.
        let text = match item.as_slice() {
            [first @ Block::Paragraph { .. }, inner @ Block::List { .. }] => {
                format!("{}\n{}", block(first), block(inner))
            }
            blocks => several(blocks),
        };
        let mark = mark(at);
        let rest = " ".repeat(mark.len());
        indented(&text, &mark, &rest)
    };
    items.iter().enumerate().map(item).collect::<Vec<_>>().join("\n")
}

/// Every line behind `rest`, the first behind `first`; no blanks at a line's end.
fn indented(text: &str, first: &str, rest: &str) -> String {
    let line =
        |(at, line): (usize, &str)| format!("{}{line}", if at == 0 { first } else { rest }).trim_end().to_owned();
    text.split('\n').enumerate().map(line).collect::<Vec<_>>().join("\n")
}

fn figure(figure: &Figure) -> String {
    let mut out = format!("![{}]({})", escaped(&figure.alt), figure.src);
    for (name, value) in [("caption", &figure.caption), ("credit", &figure.credit)] {
        if let Some(value) = value {
            out.push_str(&format!("\n{name}: {value}"));
        }
    }
    out
}

fn table(header: &[Vec<Inline>], rows: &[Vec<Vec<Inline>>]) -> String {
    let row = |cells: &[Vec<Inline>]| {
        let cells: Vec<String> = cells.iter().map(|cell| line(cell).replace('|', "\\|")).collect();
        format!("| {} |", cells.join(" | "))
    };
    let mut lines = Vec::new();
    if !header.is_empty() {
        lines.push(row(header));
        lines.push(format!("|{}", " --- |".repeat(header.len())));
    }
    lines.extend(rows.iter().map(|cells| row(cells)));
    lines.join("\n")
}

/// Text that would begin a block is taken for itself.
fn paragraph(inlines: &[Inline]) -> String {
    line(inlines).split('\n').map(guarded).collect::<Vec<_>>().join("\n")
}

fn guarded(line: &str) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 && line[digits..].starts_with(". ") {
        return format!("{}\\{}", &line[..digits], &line[digits..]);
    }
    let block = ["# ", "## ", "### ", "#### ", "- ", ">", "|", "---", "```", "![", "[["];
    let opens = block.iter().any(|mark| line.starts_with(mark)) || line == "-";
    if opens { format!("\\{line}") } else { line.to_owned() }
}

fn line(inlines: &[Inline]) -> String {
    let mut out = String::new();
    for inline in inlines {
        match inline {
            Inline::Text { text } => out.push_str(&escaped(text)),
            Inline::Link { href, inlines } => out.push_str(&format!("[{}]({href})", line(inlines))),
            Inline::Strong { inlines } => marked(&mut out, "**", inlines),
            Inline::Emphasis { inlines } => marked(&mut out, "_", inlines),
            Inline::Sub { inlines } => marked(&mut out, "~", inlines),
            Inline::Sup { inlines } => marked(&mut out, "^", inlines),
            Inline::Code { text } => out.push_str(&format!("`{text}`")),
            Inline::Break => out.push_str("\\\n"),
        }
    }
    out
}

fn marked(out: &mut String, mark: &str, inlines: &[Inline]) {
    out.push_str(mark);
    out.push_str(&line(inlines));
    out.push_str(mark);
}

/// Marks in a text are taken for themselves. An underscore between letters is none.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let inside = before.is_alphanumeric() && chars.peek().is_some_and(|next| next.is_alphanumeric());
        let mark = match c {
            '_' => !inside,
            '\\' | '*' | '`' | '[' | ']' | '~' | '^' => true,
            _ => false,
        };
        if mark {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}
