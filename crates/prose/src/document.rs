//! The one document model: what an article's body is, whoever wrote it.
//!
//! Feeds, saved pages, the editor's paste and imports all become a [`Document`], and pages, mail and text are made from it.
//! Its JSON carries a version and is what the store keeps (`Revision::body`). It never holds markup: no tag, no style, no
//! script can be written in it, and addresses are checked again each time they are printed.

use crate::link;
use serde::{Deserialize, Serialize};

/// The version that [`Document::to_json`] writes. A later form gets a later number; this one stays readable for ever.
pub const DOCUMENT_VERSION: u32 = 1;
/// Lists in quotes in lists: real articles reach 4. Deeper is an attack on whatever walks it.
pub const BLOCK_DEPTH_MAX: usize = 12;
/// Strong in emphasis in a link: real articles reach 3.
pub const INLINE_DEPTH_MAX: usize = 12;
/// A 30,000-word long read with a link in every sentence holds some 6,000 nodes.
pub const NODES_MAX: usize = 20_000;
/// A novel's worth of text: no article is longer, a page must stay small enough to send, and its HTML, escaped, must stay
/// within what `clean` reads.
pub const TEXT_BYTES_MAX: usize = 512 << 10;

/// An article's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Its blocks, in reading order.
    pub blocks: Vec<Block>,
}

/// One block of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Block {
    /// A paragraph.
    Paragraph {
        /// Its text.
        inlines: Vec<Inline>,
    },
    /// A heading inside the article.
    Heading {
        /// 2 to 4: the headline above the article is the page's only level 1.
        level: u8,
        /// Its text.
        inlines: Vec<Inline>,
    },
    /// A list.
    List {
        /// Whether its items are numbered.
        ordered: bool,
        /// Its items, each a run of blocks.
        items: Vec<Vec<Block>>,
    },
    /// A quotation set apart.
    Quote {
        /// What is quoted.
        blocks: Vec<Block>,
    },
    /// A picture with what belongs to it.
    Figure(Figure),
    /// Text whose spaces and line ends matter.
    Preformatted {
        /// The text as it stands.
        text: String,
    },
    /// A table.
    Table {
        /// The cells of the header row; empty when there is none.
        header: Vec<Vec<Inline>>,
        /// The other rows, each a run of cells.
        rows: Vec<Vec<Vec<Inline>>>,
    },
    /// A break between parts.
    Rule,
}

/// A picture inside an article.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Where the picture is.
    pub src: String,
    /// What it shows, for those who do not see it; empty when nobody said.
    pub alt: String,
    /// The caption under it.
    pub caption: Option<String>,
    /// Who made it.
    pub credit: Option<String>,
}

/// One run inside a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Inline {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A link.
    Link {
        /// Where it leads: http, https, mailto, or a path on the outlet's own site.
        href: String,
        /// What is linked.
        inlines: Vec<Inline>,
    },
    /// Of strong importance.
    Strong {
        /// What it holds.
        inlines: Vec<Inline>,
    },
    /// Stressed.
    Emphasis {
        /// What it holds.
        inlines: Vec<Inline>,
    },
    /// Code.
    Code {
        /// The code.
        text: String,
    },
    /// Below the line.
    Sub {
        /// What it holds.
        inlines: Vec<Inline>,
    },
    /// Above the line.
    Sup {
        /// What it holds.
        inlines: Vec<Inline>,
    },
    /// A line end inside a block.
    Break,
}

/// Why a document is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentFault {
    /// Past [`BLOCK_DEPTH_MAX`] or [`INLINE_DEPTH_MAX`].
    #[error("the document nests deeper than {BLOCK_DEPTH_MAX} blocks or {INLINE_DEPTH_MAX} inlines")]
    TooDeep,
    /// Past [`NODES_MAX`].
    #[error("the document has more than {NODES_MAX} parts")]
    TooManyNodes,
    /// Past [`TEXT_BYTES_MAX`].
    #[error("the document has more than {TEXT_BYTES_MAX} bytes of text")]
    TooLong,
    /// A heading level, or an address that may not be printed.
    #[error("the document has {0}")]
    Forbidden(String),
    /// Written by a later version.
    #[error("the document is of version {0}; this program reads version {DOCUMENT_VERSION}")]
    Version(u32),
    /// Not a document at all.
    #[error("the document cannot be read: {0}")]
    Malformed(String),
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    blocks: &'a [Block],
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "version")]
    _version: u32,
    blocks: Vec<Block>,
}

impl Document {
    /// A document of these blocks, checked against every limit.
    pub fn new(blocks: Vec<Block>) -> Result<Self, DocumentFault> {
        let document = Self { blocks };
        document.check()?;
        Ok(document)
    }

    /// The form the store keeps.
    pub fn to_json(&self) -> String {
        let written = Written { version: DOCUMENT_VERSION, blocks: &self.blocks };
        serde_json::to_string(&written).expect("strings, numbers and lists always have a JSON form")
    }

    /// Reads [`Document::to_json`]'s form and checks every limit and address.
    pub fn from_json(json: &str) -> Result<Self, DocumentFault> {
        let malformed = |fault: serde_json::Error| DocumentFault::Malformed(fault.to_string());
        // Escapes can make JSON six times its text; markup around it adds some 40 bytes a node.
        if json.len() > 6 * TEXT_BYTES_MAX + 64 * NODES_MAX {
            return Err(DocumentFault::TooLong);
        }
        let Version { version } = serde_json::from_str(json).map_err(malformed)?;
        if version != DOCUMENT_VERSION {
            return Err(DocumentFault::Version(version));
        }
        let read: Read = serde_json::from_str(json).map_err(malformed)?;
        Self::new(read.blocks)
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Checks every limit and every address.
    pub fn check(&self) -> Result<(), DocumentFault> {
        Check { nodes: 0, bytes: 0 }.blocks(&self.blocks, 1)
    }
}

struct Check {
    nodes: usize,
    bytes: usize,
}

impl Check {
    fn blocks(&mut self, blocks: &[Block], depth: usize) -> Result<(), DocumentFault> {
        if depth > BLOCK_DEPTH_MAX {
            return Err(DocumentFault::TooDeep);
        }
        blocks.iter().try_for_each(|block| self.block(block, depth))
    }

    fn block(&mut self, block: &Block, depth: usize) -> Result<(), DocumentFault> {
        self.node()?;
        match block {
            Block::Paragraph { inlines } => self.inlines(inlines, 1),
            Block::Heading { level, inlines } => {
                if !(2..=4).contains(level) {
                    return Err(DocumentFault::Forbidden(format!("a heading of level {level}")));
                }
                self.inlines(inlines, 1)
            }
            Block::List { items, .. } => items.iter().try_for_each(|item| {
                self.node()?;
                self.blocks(item, depth + 1)
            }),
            Block::Quote { blocks } => self.blocks(blocks, depth + 1),
            Block::Figure(figure) => self.figure(figure),
            Block::Preformatted { text } => self.text(text),
            Block::Table { header, rows } => {
                self.row(header)?;
                rows.iter().try_for_each(|row| self.row(row))
            }
            Block::Rule => Ok(()),
        }
    }

    fn row(&mut self, row: &[Vec<Inline>]) -> Result<(), DocumentFault> {
        row.iter().try_for_each(|cell| {
            self.node()?;
            self.inlines(cell, 1)
        })
    }

    fn figure(&mut self, figure: &Figure) -> Result<(), DocumentFault> {
        self.address(&figure.src)?;
        self.text(&figure.alt)?;
        self.text(figure.caption.as_deref().unwrap_or_default())?;
        self.text(figure.credit.as_deref().unwrap_or_default())
    }

    fn inlines(&mut self, inlines: &[Inline], depth: usize) -> Result<(), DocumentFault> {
        if depth > INLINE_DEPTH_MAX {
            return Err(DocumentFault::TooDeep);
        }
        inlines.iter().try_for_each(|inline| self.inline(inline, depth))
    }

    fn inline(&mut self, inline: &Inline, depth: usize) -> Result<(), DocumentFault> {
        self.node()?;
        match inline {
            Inline::Text { text } | Inline::Code { text } => self.text(text),
            Inline::Link { href, inlines } => {
                self.address(href)?;
                self.inlines(inlines, depth + 1)
            }
            Inline::Strong { inlines }
            | Inline::Emphasis { inlines }
            | Inline::Sub { inlines }
            | Inline::Sup { inlines } => self.inlines(inlines, depth + 1),
            Inline::Break => Ok(()),
        }
    }

    fn address(&mut self, href: &str) -> Result<(), DocumentFault> {
        self.text(href)?;
        match link::on_page(href) {
            Some(_) => Ok(()),
            None => Err(DocumentFault::Forbidden("a link that is neither http, https nor mailto".to_owned())),
        }
    }

    fn node(&mut self) -> Result<(), DocumentFault> {
        self.nodes += 1;
        if self.nodes > NODES_MAX { Err(DocumentFault::TooManyNodes) } else { Ok(()) }
    }

    fn text(&mut self, text: &str) -> Result<(), DocumentFault> {
        self.bytes += text.len();
        if self.bytes > TEXT_BYTES_MAX { Err(DocumentFault::TooLong) } else { Ok(()) }
    }
}

impl Block {
    /// A paragraph of plain text.
    pub fn paragraph(text: impl Into<String>) -> Self {
        Self::Paragraph { inlines: vec![Inline::text(text)] }
    }
}

impl Inline {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// A link on plain text.
    pub fn link(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Link { href: href.into(), inlines: vec![Self::text(text)] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_form_is_stable() {
        let document = Document::new(vec![
            Block::Heading { level: 2, inlines: vec![Inline::text("Day 3")] },
            Block::Paragraph {
                inlines: vec![Inline::text("See "), Inline::link("https://a.example/", "this"), Inline::Break],
            },
            Block::List { ordered: false, items: vec![vec![Block::paragraph("one")]] },
            Block::Figure(Figure {
                src: "https://a.example/1.jpg".into(),
                credit: Some("A".into()),
                ..Figure::default()
            }),
            Block::Table { header: vec![], rows: vec![vec![vec![Inline::text("x")]]] },
            Block::Rule,
        ])
        .expect("within limits");
        let json = concat!(
            r#"{"version":1,"blocks":[{"kind":"heading","level":2,"inlines":[{"kind":"text","text":"Day 3"}]},"#,
            r#"{"kind":"paragraph","inlines":[{"kind":"text","text":"See "},{"kind":"link","href":"https://a.example/","#,
            r#""inlines":[{"kind":"text","text":"this"}]},{"kind":"break"}]},"#,
            r#"{"kind":"list","ordered":false,"items":[[{"kind":"paragraph","inlines":[{"kind":"text","text":"one"}]}]]},"#,
            r#"{"kind":"figure","src":"https://a.example/1.jpg","alt":"","caption":null,"credit":"A"},"#,
            r#"{"kind":"table","header":[],"rows":[[[{"kind":"text","text":"x"}]]]},{"kind":"rule"}]}"#
        );
        assert_eq!(document.to_json(), json);
        assert_eq!(Document::from_json(json), Ok(document));
    }

    #[test]
    fn a_hostile_document_is_refused_with_a_reason() {
        let link = r#"{"version":1,"blocks":[{"kind":"paragraph","inlines":[{"kind":"link","href":"javascript:x","inlines":[]}]}]}"#;
        assert!(matches!(Document::from_json(link), Err(DocumentFault::Forbidden(_))));
        assert_eq!(Document::from_json(r#"{"version":2,"pages":[]}"#), Err(DocumentFault::Version(2)));
        let script = r#"{"version":1,"blocks":[{"kind":"script","text":"x"}]}"#;
        assert!(matches!(Document::from_json(script), Err(DocumentFault::Malformed(_))));
        let deep = format!(r#"{{"version":1,"blocks":{}"#, r#"[{"kind":"quote","blocks":"#.repeat(100_000));
        assert!(matches!(Document::from_json(&deep), Err(DocumentFault::Malformed(_) | DocumentFault::TooLong)));
        let mut nested = vec![Block::Rule];
        for _ in 0..BLOCK_DEPTH_MAX {
            nested = vec![Block::Quote { blocks: nested }];
        }
        assert_eq!(Document::new(nested), Err(DocumentFault::TooDeep));
        assert_eq!(Document::new(vec![Block::Rule; NODES_MAX + 1]), Err(DocumentFault::TooManyNodes));
        assert_eq!(Document::new(vec![Block::paragraph("x".repeat(TEXT_BYTES_MAX + 1))]), Err(DocumentFault::TooLong));
    }

    #[test]
    fn the_deepest_document_allowed_survives_its_json() {
        let mut inlines = vec![Inline::text("x")];
        for _ in 1..INLINE_DEPTH_MAX {
            inlines = vec![Inline::Strong { inlines }];
        }
        let mut blocks = vec![Block::Paragraph { inlines }];
        for _ in 1..BLOCK_DEPTH_MAX {
            blocks = vec![Block::List { ordered: true, items: vec![blocks] }];
        }
        let document = Document::new(blocks).expect("exactly at the limit");
        assert_eq!(Document::from_json(&document.to_json()), Ok(document));
    }
}
