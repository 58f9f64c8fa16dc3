//! A document as an editor types it: plain text with a few marks, in a plain text box.
//!
//! What `to_manuscript` gives and nobody touches, `from_manuscript` gives back as the same document. Each block is tried when
//! it is written: one that would not come back the same (a mark inside a word) stands as a line that names it,
//! `[[kept 3: table]]`, and is taken from the document it came from. An editor may move such a line or take it out.
//!
//! ```text
//! ## A heading                    ### and #### below it
//!
//! A paragraph with **strong**, _stressed_ and `code`, and a [link](https://outlet.example/).\
//! A line end inside it.
//!
//! - a list                        1. a numbered one
//!   - and one inside it
//!
//! > A quotation.
//!
//! ![What it shows](https://outlet.example/crane.jpg)
//! caption: The crane at noon
//! credit: Ana Ruiz
//!
//! | Ship | From |
//! | ---- | ---- |
//! | Aurora | Vigo |
//!
//! ---
//! ```
//!
//! Between three backquotes and the next three stands text whose spaces matter. A backslash takes a mark for itself.

mod read;
mod write;

use crate::document::{Block, Document, DocumentFault, Inline};

/// Why a text is no article.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManuscriptFault {
    /// A line names a block that the document it came from does not have.
    #[error("line {0} names a kept block that is not there")]
    NoSuchBlock(usize),
    /// Too long, too deep, or with a link that may not be printed.
    #[error("{0}")]
    Document(#[from] DocumentFault),
}

impl Document {
    /// The document as an editor types it.
    pub fn to_manuscript(&self) -> String {
        let mut written = Vec::with_capacity(self.blocks.len());
        for (place, block) in self.blocks.iter().enumerate() {
            let text = write::block(block);
            let whole = read::blocks(&text, &[]).is_ok_and(|back| alike(&back, std::slice::from_ref(block)));
            written.push(if whole { text } else { kept_line(place, block) });
        }
        written.join("\n\n")
    }

    /// The document that an editor typed; lines that name a kept block take it from `before`.
    ///
    /// # Errors
    /// A [`ManuscriptFault`]: nothing that was typed is dropped or cut.
    pub fn from_manuscript(text: &str, before: &Self) -> Result<Self, ManuscriptFault> {
        Ok(Self::new(read::blocks(text, &before.blocks)?)?)
    }
}

/// How a kept block is named.
fn kept_line(place: usize, block: &Block) -> String {
    let kind = match block {
        Block::Paragraph { .. } => "paragraph",
        Block::Heading { .. } => "heading",
        Block::List { .. } => "list",
        Block::Quote { .. } => "quotation",
        Block::Figure(_) => "picture",
        Block::Preformatted { .. } => "set text",
        Block::Table { .. } => "table",
        Block::Rule => "break",
    };
    format!("[[kept {}: {kind}]]", place + 1)
}

/// The place of the block that a line names.
fn kept_place(line: &str) -> Option<usize> {
    let inside = line.trim().strip_prefix("[[kept ")?.strip_suffix("]]")?;
    let number = inside.split(':').next()?.trim();
    number.parse::<usize>().ok()?.checked_sub(1)
}

/// Whether two runs of blocks print alike: runs of text count as one, empty ones as none.
fn alike(one: &[Block], other: &[Block]) -> bool {
    let smooth = |blocks: &[Block]| blocks.iter().map(smooth_block).collect::<Vec<_>>();
    smooth(one) == smooth(other)
}

fn smooth_block(block: &Block) -> Block {
    let blocks = |blocks: &[Block]| blocks.iter().map(smooth_block).collect::<Vec<_>>();
    let cells = |row: &[Vec<Inline>]| row.iter().map(|cell| smooth_inlines(cell)).collect::<Vec<_>>();
    match block {
        Block::Paragraph { inlines } => Block::Paragraph { inlines: smooth_inlines(inlines) },
        Block::Heading { level, inlines } => Block::Heading { level: *level, inlines: smooth_inlines(inlines) },
        Block::List { ordered, items } => {
            Block::List { ordered: *ordered, items: items.iter().map(|item| blocks(item)).collect() }
        }
        Block::Quote { blocks: inner } => Block::Quote { blocks: blocks(inner) },
        Block::Table { header, rows } => {
            Block::Table { header: cells(header), rows: rows.iter().map(|row| cells(row)).collect() }
        }
        Block::Figure(_) | Block::Preformatted { .. } | Block::Rule => block.clone(),
    }
}

fn smooth_inlines(inlines: &[Inline]) -> Vec<Inline> {
    let mut out: Vec<Inline> = Vec::with_capacity(inlines.len());
    for inline in inlines {
        let smoothed = match inline {
            Inline::Text { text } if text.is_empty() => continue,
            Inline::Text { text } => match out.last_mut() {
                Some(Inline::Text { text: before }) => {
                    before.push_str(text);
                    continue;
                }
                _ => inline.clone(),
            },
            Inline::Link { href, inlines } => Inline::Link { href: href.clone(), inlines: smooth_inlines(inlines) },
            Inline::Strong { inlines } => Inline::Strong { inlines: smooth_inlines(inlines) },
            Inline::Emphasis { inlines } => Inline::Emphasis { inlines: smooth_inlines(inlines) },
            Inline::Sub { inlines } => Inline::Sub { inlines: smooth_inlines(inlines) },
            Inline::Sup { inlines } => Inline::Sup { inlines: smooth_inlines(inlines) },
            Inline::Code { .. } | Inline::Break => inline.clone(),
        };
        out.push(smoothed);
    }
    out
}

#[cfg(test)]
mod tests;
