//! A document as HTML: for a page of the site, and for the mail's HTML part.
//!
//! Both walk the same document and write only elements that `clean` reads back, so that a page can be cleaned into the
//! document it came from. They never print an address that `link` does not allow, and never fetch a picture from
//! elsewhere: a page shows a picture only if the caller says where it lies on the outlet's own site.

use crate::direction::Direction;
use crate::document::{Block, Document, Figure, Inline};
use crate::markup::Clean;
use crate::{escape, link};
use std::fmt::Write;
use url::Url;

/// Where a picture lies on the outlet's own site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its address: a path of the site for pages, absolute for mail.
    pub src: String,
    /// Width and height in pixels, so that the page does not jump when it arrives.
    pub size: Option<(u32, u32)>,
}

/// Which pictures may be shown.
#[derive(Clone, Copy)]
pub enum Pictures<'a> {
    /// Asks the caller for each source address; `None` turns the picture into a link to where it stands.
    Placed(&'a dyn Fn(&str) -> Option<Placed>),
    /// Each picture where the document says it is: for previews at the desk and for export, not for the public site.
    AsTheyAre,
    /// No picture: each becomes a link to where it stands.
    Linked,
}

/// What a mail's HTML needs to know.
#[derive(Clone, Copy)]
pub struct MailDress<'a> {
    /// Links that are paths of the site are resolved against it.
    pub base: &'a Url,
    /// Which side lists and quotations are indented from: mail knows no logical properties.
    pub direction: Direction,
    /// Which pictures may be shown.
    pub pictures: Pictures<'a>,
}

impl Document {
    /// HTML for a page: semantic elements, no attribute but `href`, `src`, `alt`, `width`, `height` and the class `credit`.
    pub fn to_html(&self, pictures: Pictures<'_>) -> Clean {
        Pen { out: String::new(), pictures, mail: None }.document(self)
    }

    /// HTML for a mail: the safe base with inline styles in pixels, every link absolute.
    pub fn to_mail_html(&self, dress: MailDress<'_>) -> Clean {
        Pen { out: String::new(), pictures: dress.pictures, mail: Some(dress) }.document(self)
    }
}

struct Pen<'a> {
    out: String,
    pictures: Pictures<'a>,
    mail: Option<MailDress<'a>>,
}

impl Pen<'_> {
    fn document(mut self, document: &Document) -> Clean {
        self.blocks(&document.blocks);
        Clean::vouch(self.out)
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            self.block(block);
            self.out.push('\n');
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph { inlines } => self.element("p", inlines),
            Block::Heading { level, inlines } => {
                self.element(["h2", "h3", "h4"][usize::from(level.clamp(&2, &4) - 2)], inlines)
            }
            Block::List { ordered, items } => self.list(if *ordered { "ol" } else { "ul" }, items),
            Block::Quote { blocks } => {
                self.open("blockquote");
                self.blocks(blocks);
                self.out.push_str("</blockquote>");
            }
            Block::Figure(figure) => self.figure(figure),
            Block::Preformatted { text } => {
                self.open("pre");
                // HTML 13.1.2.5: a newline right after the tag is dropped, so one is always given.
                self.out.push('\n');
                escape::html(text, &mut self.out);
                self.out.push_str("</pre>");
            }
            Block::Table { header, rows } => self.table(header, rows),
            Block::Rule => self.void("hr"),
        }
    }

    fn element(&mut self, name: &'static str, inlines: &[Inline]) {
        self.open(name);
        self.inlines(inlines);
        self.close(name);
    }

    fn list(&mut self, name: &'static str, items: &[Vec<Block>]) {
        self.open(name);
        for item in items {
            self.open("li");
            match item.as_slice() {
                [Block::Paragraph { inlines }] => self.inlines(inlines),
                [Block::Paragraph { inlines }, Block::List { ordered, items }] => {
                    self.inlines(inlines);
                    self.list(if *ordered { "ol" } else { "ul" }, items);
                }
                blocks => self.blocks(blocks),
            }
            self.close("li");
        }
        self.close(name);
    }

    fn figure(&mut self, figure: &Figure) {
        let Some(placed) = self.place(&figure.src) else {
            return self.figure_elsewhere(figure);
        };
        self.open("figure");
        self.out.push_str("<img src=\"");
        escape::html(&placed.src, &mut self.out);
        self.out.push_str("\" alt=\"");
        escape::html(&figure.alt, &mut self.out);
        self.out.push('"');
        if let Some((width, height)) = placed.size {
            write!(self.out, " width=\"{width}\" height=\"{height}\"").expect("a String takes all that is written");
        }
        self.style("img");
        self.out.push('>');
        self.caption(figure);
        self.close("figure");
    }

    fn caption(&mut self, figure: &Figure) {
        let (caption, credit) = (figure.caption.as_deref(), figure.credit.as_deref());
        if caption.is_none() && credit.is_none() {
            return;
        }
        self.open("figcaption");
        escape::html(caption.unwrap_or_default(), &mut self.out);
        if let Some(credit) = credit {
            if caption.is_some() {
                self.out.push(' ');
            }
            self.out.push_str("<span class=\"credit\">");
            escape::html(credit, &mut self.out);
            self.out.push_str("</span>");
        }
        self.close("figcaption");
    }

    /// A picture that may not be shown: what is known of it, and a link to where it stands.
    fn figure_elsewhere(&mut self, figure: &Figure) {
        let told = [figure.caption.as_deref(), Some(figure.alt.as_str()), Some(figure.src.as_str())];
        let told = told.into_iter().flatten().find(|text| !text.is_empty()).unwrap_or_default();
        let mut inlines = vec![Inline::link(figure.src.as_str(), told)];
        if let Some(credit) = &figure.credit {
            inlines.push(Inline::text(format!(" ({credit})")));
        }
        self.element("p", &inlines);
    }

    fn place(&self, src: &str) -> Option<Placed> {
        match self.pictures {
            Pictures::Placed(ask) => ask(src).filter(|placed| link::on_page(&placed.src).is_some()),
            Pictures::AsTheyAre => {
                let src = self.href(src).filter(|src| !src.starts_with("mailto:"))?;
                Some(Placed { src, size: None })
            }
            Pictures::Linked => None,
        }
    }

    fn table(&mut self, header: &[Vec<Inline>], rows: &[Vec<Vec<Inline>>]) {
        self.open("table");
        if !header.is_empty() {
            self.open("thead");
            self.row("th", header);
            self.close("thead");
        }
        if !rows.is_empty() {
            self.open("tbody");
            rows.iter().for_each(|row| self.row("td", row));
            self.close("tbody");
        }
        self.close("table");
    }

    fn row(&mut self, cell: &'static str, cells: &[Vec<Inline>]) {
        self.open("tr");
        cells.iter().for_each(|inlines| self.element(cell, inlines));
        self.close("tr");
    }

    fn inlines(&mut self, inlines: &[Inline]) {
        inlines.iter().for_each(|inline| self.inline(inline));
    }

    fn inline(&mut self, inline: &Inline) {
        match inline {
            Inline::Text { text } => escape::html(text, &mut self.out),
            Inline::Link { href, inlines } => match self.href(href) {
                Some(href) => {
                    self.out.push_str("<a href=\"");
                    escape::html(&href, &mut self.out);
                    self.out.push('"');
                    self.style("a");
                    self.out.push('>');
                    self.inlines(inlines);
                    self.close("a");
                }
                None => self.inlines(inlines),
            },
            Inline::Strong { inlines } => self.element("strong", inlines),
            Inline::Emphasis { inlines } => self.element("em", inlines),
            Inline::Code { text } => {
                self.open("code");
                escape::html(text, &mut self.out);
                self.close("code");
            }
            Inline::Sub { inlines } => self.element("sub", inlines),
            Inline::Sup { inlines } => self.element("sup", inlines),
            Inline::Break => self.out.push_str("<br>"),
        }
    }

    fn href(&self, href: &str) -> Option<String> {
        let href = link::on_page(href)?;
        match &self.mail {
            Some(dress) => link::resolve(&href, dress.base).map(String::from),
            None => Some(href),
        }
    }

    fn open(&mut self, name: &'static str) {
        self.out.push('<');
        self.out.push_str(name);
        self.style(name);
        self.out.push('>');
    }

    fn void(&mut self, name: &'static str) {
        self.open(name);
    }

    fn close(&mut self, name: &'static str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// The inline style of an element in mail; nothing on a page, where the theme's style sheet speaks.
    fn style(&mut self, name: &str) {
        let Some(dress) = &self.mail else { return };
        let start = dress.direction.start();
        let style = match name {
            "p" => "margin:0 0 16px".to_owned(),
            "h2" => "margin:24px 0 8px;font-size:20px;line-height:26px".to_owned(),
            "h3" => "margin:24px 0 8px;font-size:18px;line-height:24px".to_owned(),
            "h4" => "margin:16px 0 8px;font-size:16px;line-height:24px".to_owned(),
            "ul" | "ol" => format!("margin:0 0 16px;padding:0;padding-{start}:24px"),
            "li" => "margin:0 0 8px".to_owned(),
            "blockquote" => format!("margin:0 0 16px;padding:0;padding-{start}:16px;border-{start}:3px solid #999999"),
            "figure" => "margin:0 0 16px".to_owned(),
            "figcaption" => "margin:4px 0 0;font-size:14px;line-height:20px".to_owned(),
            "img" => "display:block;border:0;width:100%;max-width:600px;height:auto".to_owned(),
            "pre" => {
                "margin:0 0 16px;font-family:monospace;font-size:14px;line-height:20px;white-space:pre-wrap".to_owned()
            }
            "table" => "margin:0 0 16px;border-collapse:collapse".to_owned(),
            "th" | "td" => format!("padding:4px 8px;border:1px solid #999999;text-align:{start};vertical-align:top"),
            "hr" => "margin:24px 0;border:0;border-top:1px solid #999999".to_owned(),
            _ => return,
        };
        self.out.push_str(" style=\"");
        self.out.push_str(&style);
        self.out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Document {
        Document {
            blocks: vec![
                Block::Heading { level: 2, inlines: vec![Inline::text("Day <3>")] },
                Block::Paragraph {
                    inlines: vec![
                        Inline::text("The "),
                        Inline::Strong { inlines: vec![Inline::link("/articles/port", "port")] },
                        Inline::Break,
                        Inline::link("javascript:alert(1)", "bad"),
                    ],
                },
                Block::List {
                    ordered: false,
                    items: vec![vec![Block::paragraph("one")], vec![Block::paragraph("two")]],
                },
                Block::Figure(Figure {
                    src: "https://other.example/1.jpg".into(),
                    alt: "A \"crane\"".into(),
                    caption: Some("The crane".into()),
                    credit: Some("Ana Ruiz".into()),
                }),
                Block::Preformatted { text: "a\n  b".into() },
                Block::Table {
                    header: vec![vec![Inline::text("Ship")]],
                    rows: vec![vec![vec![Inline::text("Aurora")]]],
                },
                Block::Rule,
            ],
        }
    }

    #[test]
    fn a_page_is_semantic_and_escaped() {
        let html = sample().to_html(Pictures::AsTheyAre);
        assert_eq!(
            html.as_str(),
            concat!(
                "<h2>Day &lt;3&gt;</h2>\n",
                "<p>The <strong><a href=\"/articles/port\">port</a></strong><br>bad</p>\n",
                "<ul><li>one</li><li>two</li></ul>\n",
                "<figure><img src=\"https://other.example/1.jpg\" alt=\"A &quot;crane&quot;\">",
                "<figcaption>The crane <span class=\"credit\">Ana Ruiz</span></figcaption></figure>\n",
                "<pre>\na\n  b</pre>\n",
                "<table><thead><tr><th>Ship</th></tr></thead><tbody><tr><td>Aurora</td></tr></tbody></table>\n",
                "<hr>\n",
            )
        );
    }

    #[test]
    fn a_public_page_asks_for_no_picture_elsewhere() {
        let linked = sample().to_html(Pictures::Linked);
        assert!(!linked.as_str().contains("<img"));
        assert!(linked.as_str().contains("<a href=\"https://other.example/1.jpg\">The crane</a> (Ana Ruiz)"));
        let place = |src: &str| {
            (src == "https://other.example/1.jpg")
                .then(|| Placed { src: "/pictures/ab.jpg".into(), size: Some((800, 600)) })
        };
        let placed = sample().to_html(Pictures::Placed(&place));
        assert!(
            placed
                .as_str()
                .contains("<img src=\"/pictures/ab.jpg\" alt=\"A &quot;crane&quot;\" width=\"800\" height=\"600\">")
        );
    }

    #[test]
    fn mail_has_absolute_links_and_physical_sides() {
        let base = Url::parse("https://outlet.example/").expect("a constant");
        let dress = MailDress { base: &base, direction: Direction::Rtl, pictures: Pictures::Linked };
        let html = sample().to_mail_html(dress);
        assert!(html.as_str().contains("<a href=\"https://outlet.example/articles/port\">port</a>"));
        assert!(html.as_str().contains("padding-right:24px"));
        assert!(!html.as_str().contains("padding-left") && !html.as_str().contains("class="));
    }
}
