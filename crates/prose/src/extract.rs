//! A page becomes an article: its words, and what the page says of them.
//!
//! The body is found by dom_smoothie for now; what surrounds it is ours. Captions and credits become fields; boilerplate is
//! taken out and listed in `removed`, so that nothing vanishes silently. It never guesses: what the page does not say of
//! itself is `None`.

use crate::boilerplate::{self, RemovedKind};
use crate::bound::{HTML_BYTES_MAX, Shape, bound, cut};
use crate::clean::{clean, kept_characters, one_line};
use crate::credit;
use crate::direction::{Direction, direction};
use crate::document::{Block, Document, Figure, TEXT_BYTES_MAX};
use crate::metadata::{self, Metadata};
use crate::{featured, language, moment};
use dom_query::NodeRef;
use newsroom::Ms;
use std::collections::BTreeSet;
use url::Url;

/// Entries kept in `removed`: enough for any honest page.
const REMOVED_MAX: usize = 200;
/// How much of a removed text is told.
const REMOVED_BYTES_MAX: usize = 600;
/// A marked box that holds more words is not a sign-up box, whatever its class says.
const BOX_WORDS_MAX: usize = 150;
/// How many times more words the page's own article element must hold before it is preferred.
const CONTAINER_RATIO: usize = 2;
/// "Originally published by" opens a line of its own, in words.
const ORIGIN_WORDS_MAX: usize = 60;
/// A page's headline on a line of its own, in words.
const TITLE_WORDS_MAX: usize = 30;
/// Blocks at the start of a body that may still be about the lead picture.
const LEAD_BLOCKS: usize = 4;

/// What was made of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extracted {
    /// The headline.
    pub title: Option<String>,
    /// Who wrote it, as the page declares.
    pub byline: Option<String>,
    /// The outlet that published the page, as it declares.
    pub outlet: Option<String>,
    /// Where it first stood, when a line of the page says "originally published by".
    pub first_published: Option<String>,
    /// The declared date, as written.
    pub published_raw: Option<String>,
    /// The declared date as a moment, in UTC milliseconds.
    pub published: Option<Ms>,
    /// BCP 47 language: declared, else detected with confidence.
    pub language: Option<String>,
    /// Which way it is written: the page's `dir`, else its language's.
    pub direction: Direction,
    /// The address the page calls its own.
    pub canonical: Option<String>,
    /// The address of its licence.
    pub licence: Option<String>,
    /// The lead picture.
    pub image: Option<Image>,
    /// The body.
    pub document: Document,
    /// What was taken out, in the order of the page.
    pub removed: Vec<Removed>,
}

/// A lead picture. Every part may be unknown: a plain text can credit a picture it does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Where it is.
    pub src: Option<String>,
    /// What it shows, for those who do not see it.
    pub alt: Option<String>,
    /// The caption under it.
    pub caption: Option<String>,
    /// Who made it.
    pub credit: Option<String>,
}

/// Something taken out of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Why.
    pub kind: RemovedKind,
    /// Its text.
    pub text: String,
}

/// Stands for the address of a page that has none, so that its own words about a picture beside it are found: no such host
/// can exist (RFC 6761 §6.4).
const NOWHERE: &str = "http://nowhere.invalid/";

/// Reads a page; `url` is where it stood, when known. Without it relative links and pictures lead nowhere and are left out,
/// but not what the page says of its lead picture.
pub fn extract(html: &str, url: Option<&Url>) -> Extracted {
    let mut found = read_page(html, url);
    if url.is_none() && found.image.as_ref().is_none_or(|image| image.src.is_none()) {
        let nowhere = Url::parse(NOWHERE).expect("a constant");
        let image = read_page(html, Some(&nowhere)).image;
        found.image = image.map(|image| Image { src: image.src.filter(|src| !src.starts_with(NOWHERE)), ..image });
    }
    found
}

fn read_page(html: &str, url: Option<&Url>) -> Extracted {
    let page = dom_query::Document::from(bound(html, Shape::Page));
    let base = base_of(&page, url);
    let mut told = metadata::read(&page, &base);
    featured::complete(&page, &base, &mut told);
    page.select("script").remove();
    let mut removed = sweep_page(&page);
    let document = body(page, &told, &base);
    finish(told, document, &mut removed)
}

/// Reads a plain text: paragraphs parted by blank lines, a short first line as headline, the same boilerplate rules.
pub fn read_text(plain: &str) -> Extracted {
    let plain = kept_characters(cut(plain, HTML_BYTES_MAX));
    let mut removed = Vec::new();
    let mut blocks: Vec<String> = Vec::new();
    for part in plain.split("\n\n").flat_map(|part| part.split("\n \n")) {
        if let Some(part) = lines_apart(part, &mut removed) {
            blocks.push(part);
        }
    }
    let mut told = Metadata::default();
    if let Some(title) = headline(&blocks) {
        told.title = Some(title);
        blocks.remove(0);
    }
    let mut bytes = 0;
    blocks.retain(|text| {
        bytes += text.len();
        bytes <= TEXT_BYTES_MAX
    });
    let document = Document { blocks: blocks.into_iter().map(Block::paragraph).collect() };
    finish(told, document, &mut removed)
}

/// A paragraph of a plain text as one line, without the lines in it that are boilerplate.
fn lines_apart(part: &str, removed: &mut Vec<Removed>) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    for line in part.lines() {
        match boilerplate::kind(line) {
            // One line of a wrapped paragraph may look like a button; a paragraph is judged whole, later.
            Some(kind) if matches!(kind, RemovedKind::SkipLink | RemovedKind::ImageViewer) => {
                remove(removed, kind, line)
            }
            _ => kept.push(line),
        }
    }
    let text = one_line(&kept.join(" "));
    (!text.is_empty()).then_some(text)
}

/// The first line, when it is short, ends like a headline and text follows it.
fn headline(blocks: &[String]) -> Option<String> {
    let first = blocks.first()?;
    let short = first.split_whitespace().count() <= TITLE_WORDS_MAX && first.chars().count() <= 250;
    let open = !first.ends_with(['.', '。', '؛', ';', ':', '：', ',', '،']);
    let about = boilerplate::kind(first).is_some() || credit::picture_line(first).is_some();
    (blocks.len() > 1 && short && open && !about).then(|| first.clone())
}

/// Fields, sweeping and language: the same for pages and texts.
fn finish(told: Metadata, document: Document, removed: &mut Vec<Removed>) -> Extracted {
    let image = told.picture.is_some().then(|| Image {
        src: told.picture.clone(),
        // Content systems copy the alternative text into JSON-LD's caption; only the page itself shows a caption.
        alt: told.picture_alt.clone().or_else(|| told.picture_caption.clone()),
        caption: None,
        credit: told.picture_credit.as_deref().and_then(credit::name),
    });
    let mut sweep =
        Sweep { told: &told, image, first_published: None, removed, blocks: Vec::new(), after_signup: false };
    for block in document.blocks {
        sweep.block(block);
    }
    let (image, first_published, blocks) = (sweep.image, sweep.first_published, sweep.blocks);
    let document = Document { blocks };
    let plain = document.plain_text();
    let language = told.language.or_else(|| language::detect(&plain));
    let spoken = language.as_deref().map_or(Direction::Ltr, direction);
    let direction = match told.rtl {
        Some(true) => Direction::Rtl,
        Some(false) => Direction::Ltr,
        None => spoken,
    };
    Extracted {
        title: told.title,
        byline: told.byline,
        outlet: told.outlet,
        first_published,
        published: told.published_raw.as_deref().and_then(moment::parse),
        published_raw: told.published_raw,
        language,
        direction,
        canonical: told.canonical,
        licence: told.licence,
        image,
        document,
        removed: std::mem::take(removed),
    }
}

/// Where relative addresses start: the page's `<base>`, its address, or nowhere.
fn base_of(page: &dom_query::Document, url: Option<&Url>) -> Url {
    let nowhere = Url::parse("about:blank").expect("a constant");
    let own = url.cloned().unwrap_or(nowhere);
    let stated = page.select("base[href]").nodes().first().and_then(|node| node.attr("href"));
    stated.and_then(|href| crate::link::resolve(&href, &own)).unwrap_or(own)
}

fn body(page: dom_query::Document, told: &Metadata, base: &Url) -> Document {
    let container = container(&page);
    // It looks for credits by their class, and reads no JSON-LD: that is done.
    let config = dom_smoothie::Config { keep_classes: true, disable_json_ld: true, ..dom_smoothie::Config::default() };
    let found = dom_smoothie::Readability::with_document(page, None, Some(config))
        .ok()
        .and_then(|mut reader| reader.parse().ok());
    let mut document = found.map(|article| clean(&article.content, base)).unwrap_or_default();
    let found = document.word_count();
    if let Some((html, words)) = container
        && (found * CONTAINER_RATIO < words)
    {
        document = clean(&html, base);
    }
    match told.body.as_deref().filter(|text| is_fuller(text, &document)) {
        Some(text) => from_text(text),
        None => document,
    }
}

/// The element the page itself calls its article, and how many words stand in its paragraphs: what is used when the finder
/// found far less.
fn container(page: &dom_query::Document) -> Option<(String, usize)> {
    let words = |node: &NodeRef<'_>| {
        let paragraphs = node.descendants_it().filter(|inner| inner.has_name("p"));
        paragraphs.map(|paragraph| newsroom::word_count(&paragraph.text())).sum::<usize>()
    };
    let called = ["[itemprop=articleBody]", "article", "main, [role=main]"];
    let mut best: Option<(NodeRef<'_>, usize)> = None;
    for selector in called {
        let found = page.select(selector);
        let Some(next) = found.nodes().iter().map(|node| (*node, words(node))).max_by_key(|(_, words)| *words) else {
            continue;
        };
        // A wider element is taken only if the narrower one misses most of it.
        if best.as_ref().is_none_or(|(_, words)| words * CONTAINER_RATIO < next.1) {
            best = Some(next);
        }
    }
    best.map(|(node, words)| (node.html().to_string(), words))
}

/// Whether the article's text in JSON-LD holds much that the found body lacks.
fn is_fuller(text: &str, document: &Document) -> bool {
    let (told, found) = (newsroom::word_count(text), document.word_count());
    told >= 100 && told > found * 2
}

fn from_text(text: &str) -> Document {
    let text = if text.contains("</") || text.contains('&') {
        return clean(&text.replace('\n', "<br>"), &Url::parse("about:blank").expect("a constant"));
    } else {
        cut(text, TEXT_BYTES_MAX)
    };
    Document { blocks: text.split('\n').map(one_line).filter(|line| !line.is_empty()).map(Block::paragraph).collect() }
}

/// Takes boilerplate out of a page before its body is looked for: boxes by their marks, buttons and lines by their wording.
fn sweep_page(page: &dom_query::Document) -> Vec<Removed> {
    let mut removed = Vec::new();
    let mut gone: Vec<NodeRef<'_>> = Vec::new();
    let mut gone_ids = BTreeSet::new();
    let elements: Vec<NodeRef<'_>> = page.root().descendants_it().filter(NodeRef::is_element).collect();
    for node in elements {
        let Some((kind, text)) = boilerplate_in(&node) else { continue };
        // What stands in a box that is gone already is gone with it.
        if gone_ids.contains(&node.id) || node.ancestors_it(None).any(|above| gone_ids.contains(&above.id)) {
            continue;
        }
        remove(&mut removed, kind, &text);
        gone_ids.insert(node.id);
        gone.push(node);
        if let Some((pitch, text)) = pitch_after(&node).filter(|_| kind == RemovedKind::Signup) {
            remove(&mut removed, kind, &text);
            gone_ids.insert(pitch.id);
            gone.push(pitch);
        }
    }
    gone.iter().for_each(NodeRef::remove_from_parent);
    removed
}

/// The pitch right after a sign-up heading.
fn pitch_after<'a>(node: &NodeRef<'a>) -> Option<(NodeRef<'a>, String)> {
    let next = node.next_element_sibling().filter(|next| !has_blocks(next))?;
    let text = one_line(&next.text());
    boilerplate::is_pitch(&text).then_some((next, text))
}

fn boilerplate_in(node: &NodeRef<'_>) -> Option<(RemovedKind, String)> {
    let name = node.node_name()?;
    if !matches!(
        &*name,
        "a" | "button"
            | "p"
            | "div"
            | "span"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "li"
            | "ul"
            | "section"
            | "aside"
            | "form"
            | "label"
            | "strong"
            | "em"
            | "nav"
            | "footer"
    ) {
        return None;
    }
    let marks = [node.attr("class"), node.attr("id")];
    if let Some(kind) = marks.into_iter().flatten().find_map(|mark| boilerplate::kind_of_mark(&mark)) {
        let text = one_line(&spaced_text(node));
        if newsroom::word_count(&text) <= BOX_WORDS_MAX {
            return Some((kind, text));
        }
    }
    if has_blocks(node) {
        return None;
    }
    let text = one_line(&node.text());
    let kind = boilerplate::kind(&text)?;
    // A link's words alone do not make a sentence boilerplate: only its whole line does.
    let inline = matches!(&*name, "span" | "strong" | "em" | "a");
    let alone = !inline
        || node.parent().is_none_or(|parent| one_line(&parent.text()) == text || has_blocks(&parent))
        || matches!(kind, RemovedKind::SkipLink | RemovedKind::ImageViewer);
    alone.then_some((kind, text))
}

fn has_blocks(node: &NodeRef<'_>) -> bool {
    node.descendants_it().any(|inner| {
        inner.node_name().is_some_and(|name| {
            matches!(
                &*name,
                "p" | "div"
                    | "ul"
                    | "ol"
                    | "li"
                    | "h1"
                    | "h2"
                    | "h3"
                    | "h4"
                    | "section"
                    | "article"
                    | "table"
                    | "figure"
                    | "form"
                    | "img"
                    | "blockquote"
            )
        })
    })
}

/// Text with a space where blocks meet.
fn spaced_text(node: &NodeRef<'_>) -> String {
    let mut text = String::new();
    for inner in node.descendants_it() {
        if inner.is_text() {
            text.push_str(&inner.text());
            text.push(' ');
        }
        if text.len() > 8_192 {
            break;
        }
    }
    text
}

fn remove(removed: &mut Vec<Removed>, kind: RemovedKind, text: &str) {
    let text = cut(text.trim(), REMOVED_BYTES_MAX).to_owned();
    // A bar at the top and again at the foot is told once.
    let told = removed.iter().any(|other| other.kind == kind && other.text == text);
    if removed.len() < REMOVED_MAX && !told && !text.is_empty() {
        removed.push(Removed { kind, text });
    }
}

/// Goes over the body's blocks, keeping the article's.
struct Sweep<'a> {
    told: &'a Metadata,
    image: Option<Image>,
    first_published: Option<String>,
    removed: &'a mut Vec<Removed>,
    blocks: Vec<Block>,
    /// The block before was an invitation to subscribe.
    after_signup: bool,
}

impl Sweep<'_> {
    fn block(&mut self, block: Block) {
        if let Block::Figure(figure) = block {
            return self.figure(figure);
        }
        let line = Document { blocks: vec![block.clone()] }.plain_text();
        let heading = matches!(block, Block::Heading { .. });
        let judged = self.judge(&line, &block);
        self.after_signup = judged == Some(RemovedKind::Signup);
        match judged {
            Some(kind) => remove(self.removed, kind, &line),
            None if heading && line.trim().is_empty() => {}
            None => self.blocks.push(block),
        }
    }

    /// Why a block is not part of the article, if it is not.
    fn judge(&mut self, line: &str, block: &Block) -> Option<RemovedKind> {
        let lead = self.blocks.len() < LEAD_BLOCKS;
        if matches!(block, Block::Quote { .. } | Block::Preformatted { .. } | Block::Table { .. }) {
            return None;
        }
        if let Block::List { items, .. } = block {
            return list_kind(items);
        }
        if let Some(kind) = boilerplate::kind(line) {
            return Some(kind);
        }
        if self.after_signup && boilerplate::is_pitch(line) {
            return Some(RemovedKind::Signup);
        }
        if lead && self.told.title.as_deref().is_some_and(|title| same_line(title, line)) {
            return Some(RemovedKind::Headline);
        }
        if lead
            && self
                .told
                .byline
                .as_deref()
                .is_some_and(|byline| same_line(byline, line) || same_line(&format!("By {byline}"), line))
        {
            return Some(RemovedKind::Byline);
        }
        if line.split_whitespace().count() <= ORIGIN_WORDS_MAX
            && let Some(outlet) = credit::first_published(line)
        {
            self.first_published.get_or_insert(outlet);
            return Some(RemovedKind::Origin);
        }
        self.picture_line(line, lead)
    }

    /// "Above photo: …": its words go to the picture they are about.
    fn picture_line(&mut self, line: &str, lead: bool) -> Option<RemovedKind> {
        let told = credit::picture_line(line)?;
        let kind = if told.caption.is_some() { RemovedKind::Caption } else { RemovedKind::Credit };
        if let Some(Block::Figure(figure)) = self.blocks.last_mut() {
            figure.caption = figure.caption.take().or(told.caption);
            figure.credit = figure.credit.take().or(told.credit);
            return Some(kind);
        }
        let lone_credit = told.caption.is_none();
        if !lead && !lone_credit {
            return None;
        }
        let image = self.image.get_or_insert_default();
        image.caption = image.caption.take().or(told.caption);
        image.credit = image.credit.take().or(told.credit);
        Some(kind)
    }

    /// The figure at the head of the body is the lead picture; others stay where they are.
    fn figure(&mut self, figure: Figure) {
        let known = self.image.as_ref().and_then(|image| image.src.clone());
        let same = known.as_deref().is_some_and(|src| same_picture(src, &figure.src));
        let first = self.blocks.is_empty() && (known.is_none() || same);
        if !first && !same {
            return self.blocks.push(Block::Figure(figure));
        }
        let image = self.image.get_or_insert_default();
        image.src.get_or_insert(figure.src);
        if !figure.alt.is_empty() {
            image.alt.get_or_insert(figure.alt);
        }
        if let Some(caption) = figure.caption {
            remove(self.removed, RemovedKind::Caption, &caption);
            image.caption = Some(caption);
        }
        if let Some(credit) = figure.credit {
            remove(self.removed, RemovedKind::Credit, &credit);
            image.credit = Some(credit);
        }
    }
}

/// A list whose every item is boilerplate of one kind.
fn list_kind(items: &[Vec<Block>]) -> Option<RemovedKind> {
    let kind_of = |item: &Vec<Block>| boilerplate::kind(&Document { blocks: item.clone() }.plain_text());
    let first = kind_of(items.first()?)?;
    items.iter().all(|item| kind_of(item) == Some(first)).then_some(first)
}

fn same_line(one: &str, other: &str) -> bool {
    let words =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    words(one) == words(other)
}

/// Whether two addresses are sizes of one picture: the same file name but for "-800x600", "_large" and the query.
pub(crate) fn same_picture(one: &str, other: &str) -> bool {
    let stem = |src: &str| -> Option<String> {
        let path = src.split(['?', '#']).next()?;
        let file = path.rsplit('/').next()?;
        let name = file.rsplit_once('.').map_or(file, |(name, _)| name);
        let size = |part: &str| {
            part.split_once('x').is_some_and(|(w, h)| w.parse::<u32>().is_ok() && h.parse::<u32>().is_ok())
        };
        let name =
            name.rsplit_once('-').filter(|(_, end)| size(end) || *end == "scaled").map_or(name, |(name, _)| name);
        (name.len() >= 4).then(|| name.to_ascii_lowercase())
    };
    one == other || stem(one).is_some_and(|name| stem(other) == Some(name))
}
