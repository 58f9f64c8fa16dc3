//! A body for feeds: the same document with every link absolute, because a feed reader shows it far from the site.

use prose::{Block, Document, Inline};

/// `document` with links to the outlet's own paths led to `origin` (scheme, host and port).
pub(crate) fn absolute(mut document: Document, origin: &str) -> Document {
    blocks(&mut document.blocks, origin);
    document
}

fn blocks(list: &mut [Block], origin: &str) {
    for block in list {
        match block {
            Block::Paragraph { inlines } | Block::Heading { inlines, .. } => lead(inlines, origin),
            Block::List { items, .. } => items.iter_mut().for_each(|item| blocks(item, origin)),
            Block::Quote { blocks: inner } => blocks(inner, origin),
            Block::Figure(figure) => own(&mut figure.src, origin),
            Block::Table { header, rows } => {
                header.iter_mut().chain(rows.iter_mut().flatten()).for_each(|cell| lead(cell, origin));
            }
            Block::Preformatted { .. } | Block::Rule => {}
        }
    }
}

fn lead(inlines: &mut [Inline], origin: &str) {
    for inline in inlines {
        match inline {
            Inline::Link { href, inlines } => {
                own(href, origin);
                lead(inlines, origin);
            }
            Inline::Strong { inlines }
            | Inline::Emphasis { inlines }
            | Inline::Sub { inlines }
            | Inline::Sup { inlines } => lead(inlines, origin),
            Inline::Text { .. } | Inline::Code { .. } | Inline::Break => {}
        }
    }
}

fn own(href: &mut String, origin: &str) {
    if href.starts_with('/') && !href.starts_with("//") {
        href.insert_str(0, origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_paths_become_addresses_and_others_stay() {
        let document = Document::new(vec![Block::Paragraph {
            inlines: vec![Inline::link("/articles/a/", "a"), Inline::link("https://b.example/", "b")],
        }])
        .expect("within limits");
        let json = absolute(document, "https://o.example").to_json();
        assert!(json.contains("https://o.example/articles/a/") && json.contains("\"https://b.example/\""));
    }
}
