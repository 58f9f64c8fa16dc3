//! Rewrites foreign HTML so that the real parsers meet a small, balanced, shallow tree.
//!
//! Two shapes: `body` keeps only what a document can hold, under our own names; `page` keeps the page's elements, classes
//! and metadata for the extractor. Both drop scripts, styles, svg, math and comments, close what was left open, and stop
//! nesting at a limit: deeper tags vanish and their text stays. Linear in the input. What comes out is not safe yet;
//! `clean` makes it so.

use crate::tokens::{Token, Tokens};

/// Articles nest some 20 elements deep. Walkers downstream recurse this far on a small stack, and work per level.
pub(crate) const BODY_DEPTH_MAX: usize = 64;
/// Real pages nest some 40 deep around the article.
pub(crate) const PAGE_DEPTH_MAX: usize = 160;
/// What marks the place of a block that was too deep.
const BOUNDARY: &str = "<div></div>";
/// An article's body of 20,000 nodes and what is dropped of it. Past this the rest is cut.
pub(crate) const BODY_ELEMENTS_MAX: usize = 60_000;
/// Of 268 article pages the largest holds 3,700 elements. The finder takes half a second for this many.
pub(crate) const PAGE_ELEMENTS_MAX: usize = 30_000;
/// The largest real article page seen is 3 MB. Longer input is cut at this many bytes.
pub(crate) const HTML_BYTES_MAX: usize = 4 << 20;

/// Elements that vanish with all they hold.
const DROPPED: &[&str] = &[
    "script",
    "style",
    "svg",
    "math",
    "iframe",
    "object",
    "embed",
    "applet",
    "template",
    "noscript",
    "textarea",
    "select",
    "button",
    "canvas",
    "map",
    "dialog",
    "noembed",
    "noframes",
    "xmp",
    "audio",
    "video",
    "datalist",
    "frameset",
    "plaintext",
];
const VOID: &[&str] = &[
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "image", "img", "input", "keygen",
    "link", "meta", "param", "source", "track", "wbr",
];
/// Elements that end a paragraph (HTML 13.2.6.4.7).
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "center",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "html",
    "legend",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
    "caption",
    "option",
    "listing",
];

/// Which elements and attributes are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// What a document can hold.
    Body,
    /// What an extractor looks at.
    Page,
}

impl Shape {
    fn depth_max(self) -> usize {
        match self {
            Self::Body => BODY_DEPTH_MAX,
            Self::Page => PAGE_DEPTH_MAX,
        }
    }

    fn elements_max(self) -> usize {
        match self {
            Self::Body => BODY_ELEMENTS_MAX,
            Self::Page => PAGE_ELEMENTS_MAX,
        }
    }
}

/// `html` rewritten: balanced, shallow, bounded.
pub(crate) fn bound(html: &str, shape: Shape) -> String {
    let html = cut(html, HTML_BYTES_MAX);
    let mut writer = Writer { out: String::with_capacity(html.len() / 2), open: Vec::new(), elements: 0, shape };
    let mut dropping: Option<(String, usize)> = None;
    for token in Tokens::new(html) {
        if let Some((name, depth)) = &mut dropping {
            match &token {
                Token::Start { name: other, .. } if other == name => *depth += 1,
                Token::End(other) if other == name => *depth -= 1,
                _ => {}
            }
            if *depth == 0 {
                dropping = None;
            }
            continue;
        }
        match token {
            Token::Text(text) => writer.text(text),
            Token::Raw(text) => writer.raw(text),
            Token::End(name) => writer.end(&name),
            Token::Start { name, attributes } if writer.drops(&name, &attributes) => {
                if !VOID.contains(&name.as_str()) {
                    dropping = Some((name, 1));
                }
            }
            Token::Start { name, attributes } => writer.start(&name, &attributes),
        }
        if writer.elements > shape.elements_max() {
            break;
        }
    }
    writer.finish()
}

/// The first `max` bytes, at a character.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

type Attributes<'a> = [(String, &'a str)];

fn attribute<'a>(attributes: &Attributes<'a>, name: &str) -> Option<&'a str> {
    attributes.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
}

struct Writer {
    out: String,
    open: Vec<String>,
    elements: usize,
    shape: Shape,
}

impl Writer {
    fn drops(&self, name: &str, attributes: &Attributes<'_>) -> bool {
        match (self.shape, name) {
            (Shape::Page, "script") => !is_json_ld(attributes),
            // The extractor looks for lazy pictures there.
            (Shape::Page, "noscript" | "button" | "video" | "audio") => false,
            (Shape::Body, "title" | "head") => true,
            (Shape::Page, "title") => false,
            _ => DROPPED.contains(&name),
        }
    }

    fn text(&mut self, text: &str) {
        for (i, part) in text.split('<').enumerate() {
            if i > 0 {
                self.out.push_str("&lt;");
            }
            self.out.push_str(part);
        }
    }

    /// Only a title or JSON-LD gets here.
    fn raw(&mut self, text: &str) {
        if self.open.last().is_some_and(|name| name == "script") {
            // The same JSON, in which no tag can be seen.
            self.out.push_str(&text.replace('<', "\\u003c"));
        } else {
            self.text(text);
        }
    }

    fn start(&mut self, name: &str, attributes: &Attributes<'_>) {
        self.imply_ends(name);
        let written = match self.shape {
            Shape::Body => body_name(name),
            Shape::Page => name,
        };
        if written.is_empty() || !written.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return;
        }
        if VOID.contains(&name) {
            self.void(written, attributes);
            return;
        }
        if self.open.len() >= self.shape.depth_max() {
            // Too deep to nest; what follows must still not run into what came before.
            if BLOCKS.contains(&name) && !self.out.ends_with(BOUNDARY) {
                self.elements += 1;
                self.out.push_str(BOUNDARY);
            }
            return;
        }
        if self.shape == Shape::Body && written == "q" {
            self.out.push('“');
        } else {
            self.tag(written, attributes);
        }
        self.open.push(name.to_owned());
    }

    fn void(&mut self, name: &str, attributes: &Attributes<'_>) {
        if self.shape == Shape::Body && name == "img" {
            return self.picture(attributes);
        }
        self.tag(name, attributes);
    }

    /// A picture as a document knows it: where it is and what it shows. Counting pixels vanish, pictures of characters
    /// become characters.
    fn picture(&mut self, attributes: &Attributes<'_>) {
        let of = |name| attribute(attributes, name);
        let tiny = |name| of(name).and_then(|side| side.trim().parse::<u32>().ok()).is_some_and(|side| side <= 2);
        let class = of("class").unwrap_or_default();
        if tiny("width") || tiny("height") {
            return;
        }
        if ["emoji", "wp-smiley"].iter().any(|emoji| class.contains(emoji)) {
            return self.text(of("alt").unwrap_or_default());
        }
        let places = ["src", "data-src", "data-lazy-src", "data-original", "srcset", "data-srcset"];
        let place = places.iter().find_map(|name| of(name).and_then(first_place));
        if let Some(src) = place {
            let mut kept = vec![("src".to_owned(), src)];
            kept.extend(of("alt").map(|alt| ("alt".to_owned(), alt)));
            self.tag("img", &kept);
        }
    }

    fn tag(&mut self, name: &str, attributes: &Attributes<'_>) {
        let shape = self.shape;
        self.elements += 1;
        self.out.push('<');
        self.out.push_str(name);
        if self.shape == Shape::Body && marks_credit(name, attributes) {
            self.out.push_str(" class=\"credit\"");
        }
        for (key, value) in attributes.iter().filter(|(key, _)| keeps(shape, name, key)) {
            self.out.push(' ');
            self.out.push_str(key);
            self.out.push_str("=\"");
            // The value is raw: only what would end it early is escaped here, the parser reads the rest.
            self.out.push_str(&value.replace('"', "&quot;"));
            self.out.push('"');
        }
        self.out.push('>');
    }

    fn end(&mut self, name: &str) {
        // HTML 13.2.6.4.7: a stray end of these two makes an element of its own, which ends what ran before it.
        let Some(at) = self.open.iter().rposition(|open| open == name) else {
            if matches!(name, "p" | "br") {
                self.out.push_str("<br>");
            }
            return;
        };
        // An end tag reaches out of a cell only to close the table's own parts.
        let wall = self.open.iter().rposition(|open| matches!(open.as_str(), "td" | "th" | "table"));
        let table_part = matches!(name, "table" | "tbody" | "thead" | "tfoot" | "tr" | "td" | "th" | "body" | "html");
        if table_part || wall.is_none_or(|wall| at > wall) {
            self.close_to(at);
        }
    }

    /// Ends what a start tag ends by standing there: paragraphs before blocks, items before items, cells before cells.
    fn imply_ends(&mut self, name: &str) {
        match name {
            "li" => self.close_inner(&["li"], &["ul", "ol", "menu", "table", "td", "th"]),
            "dt" | "dd" => self.close_inner(&["dt", "dd"], &["dl", "table", "td", "th"]),
            "td" | "th" => self.close_inner(&["td", "th"], &["table"]),
            "tr" => self.close_inner(&["tr"], &["table"]),
            "tbody" | "thead" | "tfoot" => self.close_inner(&["tbody", "thead", "tfoot"], &["table"]),
            // HTML 13.2.6.4.9: a table right inside a table ends it.
            "table" => self.close_inner(&["table"], &["td", "th", "caption"]),
            "option" => self.close_inner(&["option"], &["select"]),
            "a" => self.close_inner(&["a"], &["table", "td", "th"]),
            "body" => self.close_inner(&["head"], &[]),
            _ => {}
        }
        if BLOCKS.contains(&name) {
            self.close_inner(&["p"], &["table", "td", "th", "caption", "button", "object"]);
        }
        if matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
            && self.open.last().is_some_and(|open| matches!(open.as_str(), "h1" | "h2" | "h3" | "h4" | "h5" | "h6"))
        {
            self.close_to(self.open.len() - 1);
        }
    }

    fn close_inner(&mut self, names: &[&str], walls: &[&str]) {
        for at in (0..self.open.len()).rev() {
            let open = self.open[at].as_str();
            if names.contains(&open) {
                return self.close_to(at);
            }
            if walls.contains(&open) {
                return;
            }
        }
    }

    fn close_to(&mut self, at: usize) {
        while self.open.len() > at {
            let name = self.open.pop().expect("longer than `at`");
            let written = match self.shape {
                Shape::Body => body_name(&name),
                Shape::Page => name.as_str(),
            };
            if written == "q" && self.shape == Shape::Body {
                self.out.push('”');
                continue;
            }
            self.out.push_str("</");
            self.out.push_str(written);
            self.out.push('>');
        }
    }

    fn finish(mut self) -> String {
        self.close_to(0);
        self.out
    }
}

/// The name under which a document's body keeps an element; empty for those that only colour their text.
fn body_name(name: &str) -> &str {
    match name {
        "b" | "strong" => "strong",
        "i" | "em" => "em",
        "code" | "kbd" | "samp" | "tt" => "code",
        "image" | "img" => "img",
        "tfoot" => "tbody",
        "pre" | "listing" => "pre",
        "span" | "small" | "cite" => "span",
        "a" | "blockquote" | "br" | "figcaption" | "figure" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "hr" | "li"
        | "ol" | "p" | "q" | "sub" | "sup" | "table" | "tbody" | "td" | "th" | "thead" | "tr" | "ul" => name,
        "menu" | "dir" => "ul",
        name if BLOCKS.contains(&name) || name.contains('-') => "div",
        _ => "",
    }
}

fn keeps(shape: Shape, name: &str, key: &str) -> bool {
    match shape {
        Shape::Body => matches!((name, key), ("a", "href") | ("img", "src" | "alt")),
        Shape::Page => {
            let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-:_".contains(&b));
            plain && !key.is_empty() && !key.starts_with("on") && key != "style"
        }
    }
}

fn is_json_ld(attributes: &Attributes<'_>) -> bool {
    attribute(attributes, "type")
        .is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("application/ld+json"))
}

/// The class names by which pages mark who made a picture.
fn marks_credit(name: &str, attributes: &Attributes<'_>) -> bool {
    let class = || attribute(attributes, "class").unwrap_or_default().to_ascii_lowercase();
    let said = attribute(attributes, "itemprop").is_some_and(|prop| matches!(prop, "creditText" | "copyrightHolder"));
    matches!(name, "span" | "div" | "p")
        && (said || ["credit", "photographer", "attribution", "copyright"].iter().any(|mark| class().contains(mark)))
}

/// The first address of a `src` or `srcset` that is not a placeholder.
fn first_place(value: &str) -> Option<&str> {
    let first = value.trim().split_ascii_whitespace().next()?.trim_end_matches(',');
    let placeholder = first.len() >= 5 && first.as_bytes()[..5].eq_ignore_ascii_case(b"data:");
    (!placeholder && !first.is_empty()).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(html: &str) -> String {
        bound(html, Shape::Body)
    }

    #[test]
    fn what_was_left_open_is_closed() {
        assert_eq!(body("<p>a<p><b>b<ul><li>c<li>d"), "<p>a</p><p><strong>b</strong></p><ul><li>c</li><li>d</li></ul>");
        assert_eq!(
            body("<table><tr><td>a<td>b<tr><td>c"),
            "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>"
        );
        assert_eq!(body("a</i></td>b"), "ab");
    }

    #[test]
    fn what_no_document_holds_is_gone() {
        let html = "<svg><p>x</p><svg></svg></svg><p onclick=x style=y class=z>a<script>b</script></p><math>c</math>d";
        assert_eq!(body(html), "<p>a</p>d");
        assert_eq!(
            body("<img width=1 src=/p.gif><img src='data:x' data-src='/a.jpg' onerror=x>"),
            "<img src=\"/a.jpg\">"
        );
        assert_eq!(body("x <img class=emoji alt='🌍'>"), "x 🌍");
    }

    #[test]
    fn ten_thousand_times_ten_nested_tags_come_out_shallow() {
        for tag in [
            "<div>",
            "<b>",
            "<a href=x>",
            "<ul><li>",
            "<table><tr><td>",
            "<blockquote>",
            "<font size=1>",
            "<q>",
            "<svg>",
        ] {
            let out = body(&format!("{}x", tag.repeat(100_000)));
            let mut depth = 0_usize;
            for token in Tokens::new(&out) {
                match token {
                    Token::Start { name, .. } if name != "br" => depth += 1,
                    Token::End(_) => depth -= 1,
                    _ => {}
                }
                // One more for the empty element that marks a paragraph's end.
                assert!(depth <= BODY_DEPTH_MAX + 1, "{tag}");
            }
        }
    }

    #[test]
    fn a_page_keeps_its_metadata() {
        let html = "<html lang=en><head><title>A <b></title><meta property=og:title content='a \"b\"'>\
                    <script type='application/ld+json'>{\"a\":\"</p><b>\"}</script><script>x</script></head><body onload=x><p class=y>z";
        assert_eq!(
            bound(html, Shape::Page),
            "<html lang=\"en\"><head><title>A &lt;b></title><meta property=\"og:title\" content=\"a &quot;b&quot;\">\
             <script type=\"application/ld+json\">{\"a\":\"\\u003c/p>\\u003cb>\"}</script></head><body><p class=\"y\">z</p></body></html>"
        );
    }
}
