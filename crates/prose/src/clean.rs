//! Foreign HTML becomes a [`Document`]: the one cleaner that feeds, saved pages, paste and imports share.
//!
//! Three walls, each enough alone: `bound` keeps only what a document can hold and makes it small and shallow; ammonia parses
//! that and keeps an allow-list; the walk below copies text and addresses into the model, which has no place for anything
//! else. Whatever comes in, `clean` of a cleaned document's HTML is that document. It never fails: what cannot be kept is
//! dropped, and what is too long is cut.

use crate::bound::{Shape, bound, cut};
use crate::credit;
use crate::document::{BLOCK_DEPTH_MAX, Block, Document, Figure, Inline, NODES_MAX, TEXT_BYTES_MAX};
use crate::escape;
use crate::link;
use dom_query::NodeRef;
use std::cell::Cell;
use std::sync::LazyLock;
use url::Url;

/// The document in a piece of foreign HTML; `base` is where it stood, for its relative addresses.
pub fn clean(html: &str, base: &Url) -> Document {
    let bounded = bound(html, Shape::Body);
    let safe = SANITIZER.clean(&bounded).to_string();
    let tree = dom_query::Document::fragment(safe);
    let budget = Budget::default();
    let mut walk = Walk::at(base, &budget, 1);
    walk.children(&tree.root(), &[]);
    let document = Document { blocks: walk.finish() };
    assert_eq!(document.check(), Ok(()), "the budget and the limits are the same");
    document
}

/// ammonia's allow-list: exactly what the walk reads. No svg, no math: all five advisories against it needed them.
static SANITIZER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    const TAGS: &str = "a blockquote br code div em figcaption figure h1 h2 h3 h4 h5 h6 hr img li ol p pre span strong sub \
                        sup table tbody td th thead tr ul";
    let words = |list: &'static str| list.split_ascii_whitespace();
    let mut builder = ammonia::Builder::empty();
    builder
        .tags(words(TAGS).collect())
        .tag_attributes([("a", "href"), ("img", "src alt")].map(|(tag, keys)| (tag, words(keys).collect())).into())
        .allowed_classes(["span", "div", "p"].map(|tag| (tag, words("credit").collect())).into())
        .url_schemes(words("http https mailto").collect())
        // The walk resolves them, and checks the result.
        .url_relative(ammonia::UrlRelative::PassThrough)
        .link_rel(None)
        .strip_comments(true);
    builder
});

/// What the document may still grow by. Each part is paid for before it is made, so that a document that would be too long
/// is cut where its budget ends.
struct Budget {
    nodes: Cell<usize>,
    bytes: Cell<usize>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { nodes: Cell::new(NODES_MAX), bytes: Cell::new(TEXT_BYTES_MAX) }
    }
}

impl Budget {
    /// Whether there was enough left.
    fn spend(&self, nodes: usize, bytes: usize) -> bool {
        let left = (self.nodes.get().checked_sub(nodes), self.bytes.get().checked_sub(bytes));
        let (Some(nodes), Some(bytes)) = left else { return false };
        self.nodes.set(nodes);
        self.bytes.set(bytes);
        true
    }
}

/// What a run of text is inside of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    Link(String),
    Strong,
    Emphasis,
    Sub,
    Sup,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Leaf {
    Text(String),
    Code(String),
    Break,
}

/// Text and its marks, outermost first.
type Run = (Vec<Mark>, Leaf);

struct Walk<'a> {
    base: &'a Url,
    budget: &'a Budget,
    depth: usize,
    blocks: Vec<Block>,
    runs: Vec<Run>,
    /// A heading is one line: line ends are spaces.
    one_line: bool,
}

impl<'a> Walk<'a> {
    fn at(base: &'a Url, budget: &'a Budget, depth: usize) -> Self {
        Self { base, budget, depth, blocks: Vec::new(), runs: Vec::new(), one_line: false }
    }

    fn finish(mut self) -> Vec<Block> {
        self.flush();
        self.blocks
    }

    /// Blocks inside `node`, one level deeper.
    fn inner(&self, node: &NodeRef<'_>) -> Vec<Block> {
        let mut inner = Walk::at(self.base, self.budget, self.depth + 1);
        inner.children(node, &[]);
        inner.finish()
    }

    fn children(&mut self, node: &NodeRef<'_>, marks: &[Mark]) {
        for child in node.children_it(false) {
            self.node(&child, marks);
        }
    }

    fn node(&mut self, node: &NodeRef<'_>, marks: &[Mark]) {
        if node.is_text() {
            return self.text(&node.text(), marks);
        }
        let Some(name) = node.node_name() else { return };
        match &*name {
            "br" if self.one_line => self.run(marks, Leaf::Text(" ".to_owned())),
            "br" => self.run(marks, Leaf::Break),
            "a" => match node.attr("href").and_then(|href| link::resolve(&href, self.base)) {
                Some(url) => self.marked(node, marks, Mark::Link(url.into())),
                None => self.children(node, marks),
            },
            "strong" => self.marked(node, marks, Mark::Strong),
            "em" => self.marked(node, marks, Mark::Emphasis),
            "sub" => self.marked(node, marks, Mark::Sub),
            "sup" => self.marked(node, marks, Mark::Sup),
            "span" => self.children(node, marks),
            "code" => self.run(marks, Leaf::Code(node.text().to_string())),
            _ => {
                self.flush();
                self.block(&name, node, marks);
                self.flush();
            }
        }
    }

    /// Text, as much of it as there is budget for.
    fn text(&mut self, text: &str, marks: &[Mark]) {
        // White space between blocks is not text, and costs nothing.
        if self.runs.is_empty() && text.bytes().all(|b| b.is_ascii_whitespace()) {
            return;
        }
        let left = cut(text, self.budget.bytes.get());
        self.run(marks, Leaf::Text(left.to_owned()));
    }

    fn run(&mut self, marks: &[Mark], leaf: Leaf) {
        let bytes = match &leaf {
            Leaf::Text(text) | Leaf::Code(text) => text.len(),
            Leaf::Break => 0,
        };
        let links = marks.iter().map(|mark| if let Mark::Link(href) = mark { href.len() } else { 0 });
        // One node more: a run may open a paragraph.
        if self.budget.spend(marks.len() + 2, bytes + links.sum::<usize>()) {
            self.runs.push((marks.to_vec(), leaf));
        }
    }

    fn marked(&mut self, node: &NodeRef<'_>, marks: &[Mark], mark: Mark) {
        let same = |other: &Mark| std::mem::discriminant(other) == std::mem::discriminant(&mark);
        // Said twice is said once; and no link stands in a link.
        if marks.iter().any(same) {
            return self.children(node, marks);
        }
        let mut marks = marks.to_vec();
        marks.push(mark);
        self.children(node, &marks);
    }

    fn block(&mut self, name: &str, node: &NodeRef<'_>, marks: &[Mark]) {
        match name {
            "h1" | "h2" => self.heading(2, node),
            "h3" => self.heading(3, node),
            "h4" | "h5" | "h6" => self.heading(4, node),
            "ul" | "ol" => self.list(name == "ol", node),
            "blockquote" => self.quote(node),
            "figure" => self.figure(node),
            "img" => self.blocks.extend(self.picture(node).and_then(|figure| paid(self.budget, figure))),
            "pre" => self.preformatted(node),
            "table" => self.table(node),
            "hr" if self.budget.spend(1, 0) => self.blocks.push(Block::Rule),
            "hr" => {}
            // div, p, and table parts or items that stand where they do not belong.
            _ => self.children(node, marks),
        }
    }

    fn heading(&mut self, level: u8, node: &NodeRef<'_>) {
        let mut line = Walk { one_line: true, ..Walk::at(self.base, self.budget, BLOCK_DEPTH_MAX) };
        line.children(node, &[]);
        let (mut inlines, mut rest) = (Vec::new(), Vec::new());
        for block in line.finish() {
            match block {
                Block::Paragraph { inlines: more } if inlines.is_empty() => inlines = more,
                other => rest.push(other),
            }
        }
        // Its text paid for a paragraph; the heading stands in that one's place.
        if !inlines.is_empty() {
            self.blocks.push(Block::Heading { level, inlines });
        }
        self.blocks.append(&mut rest);
    }

    fn list(&mut self, ordered: bool, node: &NodeRef<'_>) {
        if self.depth >= BLOCK_DEPTH_MAX {
            return self.children(node, &[]);
        }
        if !self.budget.spend(1, 0) {
            return;
        }
        let mut items: Vec<Vec<Block>> = Vec::new();
        for child in node.children_it(false).filter(|_| self.budget.spend(1, 0)) {
            let blocks = if child.has_name("li") {
                self.inner(&child)
            } else {
                let mut stray = Walk::at(self.base, self.budget, self.depth + 1);
                stray.node(&child, &[]);
                stray.finish()
            };
            let nested = child.has_name("ul") || child.has_name("ol");
            match items.last_mut() {
                _ if blocks.is_empty() => {}
                // A list right inside a list belongs to the item before it.
                Some(last) if nested => last.extend(blocks),
                _ => items.push(blocks),
            }
        }
        if !items.is_empty() {
            self.blocks.push(Block::List { ordered, items });
        }
    }

    fn quote(&mut self, node: &NodeRef<'_>) {
        if self.depth >= BLOCK_DEPTH_MAX {
            return self.children(node, &[]);
        }
        if !self.budget.spend(1, 0) {
            return;
        }
        let blocks = self.inner(node);
        if !blocks.is_empty() {
            self.blocks.push(Block::Quote { blocks });
        }
    }

    fn preformatted(&mut self, node: &NodeRef<'_>) {
        let mut text = String::new();
        for node in node.descendants_it() {
            if node.is_text() {
                text.push_str(&node.text());
            } else if node.has_name("br") {
                text.push('\n');
            }
        }
        let text = kept_characters(&text);
        let text = cut(text.trim_start_matches('\n'), self.budget.bytes.get()).trim_end();
        if !text.trim().is_empty() && self.budget.spend(1, text.len()) {
            self.blocks.push(Block::Preformatted { text: text.to_owned() });
        }
    }

    fn picture(&self, node: &NodeRef<'_>) -> Option<Figure> {
        let src = link::picture(&node.attr("src")?, Some(self.base))?.into();
        let alt = one_line(&node.attr_or("alt", ""));
        Some(Figure { src, alt, caption: None, credit: None })
    }

    fn figure(&mut self, node: &NodeRef<'_>) {
        let descendants = node.descendants();
        let pictures: Vec<Figure> =
            descendants.iter().filter(|node| node.has_name("img")).filter_map(|node| self.picture(node)).collect();
        let other = ["table", "pre", "blockquote", "ul", "ol"];
        if pictures.is_empty() || descendants.iter().any(|node| other.iter().any(|name| node.has_name(name))) {
            return self.children(node, &[]);
        }
        let (caption, credit) = caption_of(node, &descendants);
        let mut pictures = pictures.into_iter();
        let first = pictures.next().expect("not empty");
        let first = Figure { caption, credit, ..first };
        self.blocks.extend(std::iter::once(first).chain(pictures).filter_map(|figure| paid(self.budget, figure)));
    }

    /// A table of values stays a table; one that only lays out a page becomes the blocks in its cells.
    fn table(&mut self, node: &NodeRef<'_>) {
        if !self.budget.spend(1, 0) {
            return;
        }
        match self.rows(node) {
            Some((header, rows)) => self.blocks.push(Block::Table { header, rows }),
            None => {
                for cell in node.descendants().iter().filter(|node| is_cell(node)) {
                    // Cells of a table inside this one are walked from their own table.
                    if outer_table(cell).is_some_and(|table| table.id == node.id) {
                        self.children(cell, &[]);
                        self.flush();
                    }
                }
            }
        }
    }

    fn rows(&self, node: &NodeRef<'_>) -> Option<Rows> {
        if node.descendants_it().any(|node| node.has_name("table")) {
            return None;
        }
        let (mut header, mut rows) = (Vec::new(), Vec::new());
        for row in node.descendants().iter().filter(|node| node.has_name("tr")) {
            let cells: Vec<NodeRef<'_>> = row.children_it(false).filter(is_cell).collect();
            let line = cells.iter().map(|cell| self.cell(cell)).collect::<Option<Vec<_>>>()?;
            if line.iter().all(Vec::is_empty) {
                continue;
            }
            let heads = header.is_empty() && rows.is_empty() && cells.iter().all(|cell| cell.has_name("th"));
            if heads {
                header = line;
            } else {
                rows.push(line);
            }
        }
        let columns = rows.iter().map(Vec::len).chain([header.len()]).max()?;
        (columns >= 2).then_some((header, rows))
    }

    /// A cell's line of text; `None` when it holds more than text.
    fn cell(&self, node: &NodeRef<'_>) -> Option<Vec<Inline>> {
        let mut inner = Walk::at(self.base, self.budget, BLOCK_DEPTH_MAX);
        if !self.budget.spend(1, 0) {
            return Some(Vec::new());
        }
        inner.children(node, &[]);
        let mut line: Vec<Inline> = Vec::new();
        for block in inner.finish() {
            let Block::Paragraph { inlines } = block else { return None };
            if !line.is_empty() {
                line.push(Inline::Break);
            }
            line.extend(inlines);
        }
        Some(line)
    }

    /// Ends the paragraph that was being gathered.
    fn flush(&mut self) {
        let runs = std::mem::take(&mut self.runs);
        for runs in paragraphs(runs) {
            let inlines = grouped(&runs, 0);
            if !inlines.is_empty() {
                self.blocks.push(Block::Paragraph { inlines });
            }
        }
    }
}

type Rows = (Vec<Vec<Inline>>, Vec<Vec<Vec<Inline>>>);

/// A figure, when there is budget for it.
fn paid(budget: &Budget, figure: Figure) -> Option<Block> {
    let words = [Some(&figure.src), Some(&figure.alt), figure.caption.as_ref(), figure.credit.as_ref()];
    let bytes = words.into_iter().flatten().map(String::len).sum();
    budget.spend(1, bytes).then_some(Block::Figure(figure))
}

fn is_cell(node: &NodeRef<'_>) -> bool {
    node.has_name("td") || node.has_name("th")
}

fn outer_table<'a>(node: &NodeRef<'a>) -> Option<NodeRef<'a>> {
    node.ancestors_it(None).find(|node| node.has_name("table"))
}

/// The caption and the credit of a figure, told apart by the page's own marks or by their wording.
fn caption_of(figure: &NodeRef<'_>, descendants: &[NodeRef<'_>]) -> (Option<String>, Option<String>) {
    let marked: Vec<&NodeRef<'_>> = descendants.iter().filter(|node| node.has_class("credit")).collect();
    // Outermost only: a mark within a mark is said once.
    let outermost = |node: &&&NodeRef<'_>| !node.ancestors_it(None).any(|above| above.has_class("credit"));
    let credit: Vec<String> = marked.iter().filter(outermost).map(|node| one_line(&node.text())).collect();
    let within_credit = |node: &NodeRef<'_>| node.ancestors_it(None).any(|above| above.has_class("credit"));
    let captions: Vec<&NodeRef<'_>> = descendants.iter().filter(|node| node.has_name("figcaption")).collect();
    let roots: Vec<&NodeRef<'_>> = if captions.is_empty() { vec![figure] } else { captions };
    let mut text = String::new();
    for root in roots {
        for node in root.descendants_it() {
            if node.is_text() && !within_credit(&node) {
                text.push_str(&node.text());
            } else if !node.is_text()
                && !matches!(node.node_name().as_deref(), Some("a" | "span" | "em" | "strong" | "sub" | "sup"))
            {
                text.push(' ');
            }
        }
        text.push(' ');
    }
    let credit = credit::name(&credit.join(" "));
    credit::split(&one_line(&text), credit)
}

/// Splits runs where two line ends follow each other, and tidies the white space of each part.
fn paragraphs(runs: Vec<Run>) -> Vec<Vec<Run>> {
    let mut parts: Vec<Vec<Run>> = vec![Vec::new()];
    let mut part_tidy = Tidy::default();
    for (marks, leaf) in runs {
        let leaf = match leaf {
            Leaf::Text(text) => part_tidy.text(&text),
            Leaf::Code(text) => part_tidy.code(&text),
            Leaf::Break => {
                if part_tidy.after_break {
                    parts.push(Vec::new());
                    part_tidy = Tidy::default();
                    continue;
                }
                part_tidy.line_end().then_some(Leaf::Break)
            }
        };
        if let Some(leaf) = leaf {
            parts.last_mut().expect("starts with one").push((marks, leaf));
        }
    }
    parts.into_iter().map(trimmed).filter(|part| !part.is_empty()).collect()
}

/// White space across runs, as a browser collapses it.
#[derive(Default)]
struct Tidy {
    /// Something stands on this line.
    started: bool,
    /// The last character was a space.
    space: bool,
    /// Nothing stands after the last line end.
    after_break: bool,
}

impl Tidy {
    fn text(&mut self, text: &str) -> Option<Leaf> {
        let mut out = String::new();
        for c in kept_characters(text).chars() {
            if matches!(c, ' ' | '\t' | '\n' | '\x0c' | '\u{2028}' | '\u{2029}') {
                if self.started && !self.space {
                    out.push(' ');
                    self.space = true;
                }
            } else if self.started || !c.is_whitespace() {
                out.push(c);
                (self.started, self.space, self.after_break) = (true, false, false);
            }
        }
        (!out.is_empty()).then_some(Leaf::Text(out))
    }

    fn code(&mut self, text: &str) -> Option<Leaf> {
        let text = one_line(text);
        if text.is_empty() {
            return None;
        }
        (self.started, self.space, self.after_break) = (true, false, false);
        Some(Leaf::Code(text))
    }

    /// Whether a line end says anything here.
    fn line_end(&mut self) -> bool {
        let says = self.started || self.after_break;
        (self.started, self.space, self.after_break) = (false, false, says);
        says
    }
}

/// Runs without white space or line ends at their end, nor before a line end.
fn trimmed(mut runs: Vec<Run>) -> Vec<Run> {
    let mut at_line_end = true;
    let mut at_end = true;
    for (_, leaf) in runs.iter_mut().rev() {
        match leaf {
            Leaf::Text(text) if at_line_end => {
                text.truncate(text.trim_end().len());
                at_line_end = text.is_empty();
            }
            Leaf::Text(_) | Leaf::Code(_) => at_line_end = false,
            Leaf::Break if at_end => *leaf = Leaf::Text(String::new()),
            Leaf::Break => at_line_end = true,
        }
        at_end = at_end && at_line_end;
    }
    runs.retain(|(_, leaf)| *leaf != Leaf::Text(String::new()));
    runs
}

/// Runs as nested inlines: neighbours under the same mark share it.
fn grouped(runs: &[Run], depth: usize) -> Vec<Inline> {
    let mut inlines: Vec<Inline> = Vec::new();
    let mut at = 0;
    while at < runs.len() {
        let (marks, leaf) = &runs[at];
        let Some(mark) = marks.get(depth) else {
            match (leaf, inlines.last_mut()) {
                (Leaf::Text(more), Some(Inline::Text { text })) => text.push_str(more),
                (Leaf::Text(text), _) => inlines.push(Inline::Text { text: text.clone() }),
                (Leaf::Code(more), Some(Inline::Code { text })) => text.push_str(more),
                (Leaf::Code(text), _) => inlines.push(Inline::Code { text: text.clone() }),
                (Leaf::Break, _) => inlines.push(Inline::Break),
            }
            at += 1;
            continue;
        };
        let end = at + runs[at..].iter().take_while(|(marks, _)| marks.get(depth) == Some(mark)).count();
        let within = grouped(&runs[at..end], depth + 1);
        inlines.push(match mark {
            Mark::Link(href) => Inline::Link { href: href.clone(), inlines: within },
            Mark::Strong => Inline::Strong { inlines: within },
            Mark::Emphasis => Inline::Emphasis { inlines: within },
            Mark::Sub => Inline::Sub { inlines: within },
            Mark::Sup => Inline::Sup { inlines: within },
        });
        at = end;
    }
    inlines
}

/// Text without control characters, byte order marks and direction overrides: none is ever seen, and each can make a text
/// read differently from what it is.
pub(crate) fn kept_characters(text: &str) -> String {
    let hidden = |c: char| escape::is_control(c) || c == '\r' || matches!(c, '\u{feff}' | '\u{202d}' | '\u{202e}');
    text.replace("\r\n", "\n").replace('\r', "\n").chars().filter(|&c| !hidden(c)).collect()
}

/// One line of text, white space collapsed.
pub(crate) fn one_line(text: &str) -> String {
    kept_characters(text).split_whitespace().collect::<Vec<_>>().join(" ")
}
