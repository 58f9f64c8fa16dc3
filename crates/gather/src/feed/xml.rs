//! RSS and Atom from tokens: one pass, one table of elements, no tree.
//!
//! Elements mean what their name and namespace say, wherever they stand in an entry; where two say the same, the rank
//! decides, then the first. An entry ends where it ends, where the next begins, or where the text stops.

use super::{Entry, Feed, FeedFault, NAME_CHARS_MAX, TITLE_CHARS_MAX, cut, web_address};
use crate::{
    dates::parse_date,
    markup::{Tag, Token, Tokens, escape, one_line, plain, resolve, without_controls},
};
use newsroom::{DAY_MS, HOUR_MS, MINUTE_MS, Ms};
use std::collections::BTreeMap;
use url::Url;

/// Prefixes remembered: a feed declares a dozen.
const PREFIXES_MAX: usize = 100;
/// Feeds that a page may name.
const NAMED_FEEDS_MAX: usize = 20;
/// The longest `ttl` that is believed.
const TTL_MS_MAX: Ms = 7 * DAY_MS;

/// Which vocabulary an element belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    /// RSS of any version, Atom of any version, or none said.
    Core,
    Dublin,
    DublinTerms,
    Content,
    Media,
    Itunes,
    Xhtml,
    Syndication,
    Other,
}

/// How the namespaces begin that RSS 2.0 is found in, though it has none.
const RSS_URIS: [&str; 5] = [
    "backend.userland.com/rss",
    "blogs.law.harvard.edu/tech/rss",
    "cyber.law.harvard.edu/rss",
    "www.rssboard.org/rss",
    "my.netscape.com/",
];

/// How a text construct is to be read (RFC 4287 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Html,
    Xhtml,
}

/// What stands in an element.
struct Captured<'a> {
    tag: Tag<'a>,
    /// Everything inside, as written.
    raw: &'a str,
    /// Its text, references resolved.
    text: String,
    /// It holds elements.
    markup: bool,
}

/// A value and how good its source is: 0 is best.
type Ranked<T> = Option<(u8, T)>;

#[derive(Default)]
struct Draft {
    entry: Entry,
    base: Option<Url>,
    title: Ranked<String>,
    link: Ranked<String>,
    author: Ranked<String>,
    published: Ranked<String>,
    updated: Ranked<String>,
    summary: Ranked<String>,
    content: Ranked<String>,
    image: Ranked<String>,
}

struct Reader<'a> {
    tokens: Tokens<'a>,
    prefixes: BTreeMap<&'a str, Space>,
    base: Option<Url>,
    atom: bool,
    rooted: bool,
    feed: Feed,
    feed_link: Ranked<String>,
    draft: Option<Draft>,
}

/// Reads RSS or Atom.
pub(super) fn parse(text: &str, base: Option<Url>) -> Result<Feed, FeedFault> {
    let mut reader = Reader {
        tokens: Tokens::new(text),
        prefixes: BTreeMap::new(),
        base,
        atom: false,
        rooted: false,
        feed: Feed::default(),
        feed_link: None,
        draft: None,
    };
    while let Some(token) = reader.tokens.next() {
        match token {
            Token::Open(tag) => {
                if !reader.rooted && tag.name.eq_ignore_ascii_case("html") {
                    let feeds = named_feeds(text, reader.base.as_ref());
                    return Err(FeedFault::Page { feeds });
                }
                reader.open(tag);
            }
            Token::Close(name) if is_entry(local(name)) => reader.end_entry(),
            _ => {}
        }
    }
    reader.end_entry();
    if !reader.rooted {
        return Err(FeedFault::NotAFeed);
    }
    reader.feed.link = reader.feed_link.map(|(_, link)| link);
    Ok(reader.feed)
}

impl<'a> Reader<'a> {
    fn open(&mut self, tag: Tag<'a>) {
        let space = self.space(tag);
        let name = local(tag.name).to_ascii_lowercase();
        match (space, name.as_str()) {
            (Space::Core, "rss" | "rdf" | "feed" | "channel") if self.draft.is_none() => self.root(tag, &name),
            (Space::Core, "item" | "entry") => self.begin_entry(tag),
            _ if self.draft.is_some() => self.in_entry(space, &name, tag),
            _ if self.rooted => self.in_feed(space, &name, tag),
            _ => {}
        }
    }

    fn root(&mut self, tag: Tag<'a>, name: &str) {
        self.rooted = true;
        self.atom |= name == "feed";
        self.base = based(self.base.take(), tag);
        if self.feed.language.is_none() {
            self.feed.language = tag.get("xml:lang").map(|lang| lang.trim().to_owned()).filter(|lang| !lang.is_empty());
        }
    }

    fn begin_entry(&mut self, tag: Tag<'a>) {
        self.end_entry();
        if !self.rooted {
            // Atom allows an entry to stand alone (RFC 4287 §2).
            self.rooted = true;
            self.atom = local(tag.name).eq_ignore_ascii_case("entry");
        }
        let mut draft = Draft { base: based(self.base.clone(), tag), ..Draft::default() };
        draft.entry.language = tag.get("xml:lang").map(|lang| lang.trim().to_owned()).filter(|lang| !lang.is_empty());
        // RSS 1.0 §5.5: rdf:about is the item's identity.
        draft.entry.guid = tag.get("rdf:about").map(|about| about.trim().to_owned()).unwrap_or_default();
        self.draft = Some(draft);
        if tag.empty {
            self.end_entry();
        }
    }

    fn end_entry(&mut self) {
        let Some(draft) = self.draft.take() else { return };
        if let Some(entry) = draft.finished() {
            self.feed.push(entry);
        }
    }

    fn in_feed(&mut self, space: Space, name: &str, tag: Tag<'a>) {
        let captured = self.capture(tag);
        match (space, name) {
            (Space::Core, "title") if self.feed.title.is_empty() => {
                self.feed.title = cut(self.plain_of(&captured), TITLE_CHARS_MAX);
            }
            (Space::Core, "link") => {
                if let Some((rank, link)) = link(&captured, self.base.as_ref()) {
                    offer(&mut self.feed_link, rank, link);
                }
            }
            (Space::Core | Space::Dublin, "language") if self.feed.language.is_none() => {
                self.feed.language =
                    Some(cut(one_line(&captured.text), NAME_CHARS_MAX)).filter(|text| !text.is_empty());
            }
            (Space::Core, "ttl") => {
                let minutes = captured.text.trim().parse::<u32>().ok();
                self.feed.ttl_ms = minutes.map(|minutes| (Ms::from(minutes) * MINUTE_MS).min(TTL_MS_MAX));
            }
            (Space::Syndication, "updateperiod") if self.feed.ttl_ms.is_none() => {
                self.feed.ttl_ms = period(captured.text.trim());
            }
            _ => {}
        }
    }

    fn in_entry(&mut self, space: Space, name: &str, tag: Tag<'a>) {
        if space == Space::Media && matches!(name, "group" | "content") {
            // These hold others: their own attributes are read, then what is in them.
            self.media(name, tag);
            return;
        }
        let captured = self.capture(tag);
        let plain = |reader: &Self| reader.plain_of(&captured);
        let kind = self.kind(&captured);
        let Some(mut draft) = self.draft.take() else { return };
        let base = based(draft.base.clone(), tag);
        match (space, name) {
            (Space::Core, "title") => offer(&mut draft.title, 0, plain(self)),
            (Space::Dublin, "title") => offer(&mut draft.title, 1, plain(self)),
            (Space::Media, "title") => offer(&mut draft.title, 2, plain(self)),
            (Space::Core, "link") => draft.link(&captured, base.as_ref()),
            (Space::Other, "origlink") => draft.address(0, &captured.text, base.as_ref()),
            (Space::Core, "guid" | "id") => draft.identity(&captured, base.as_ref()),
            (Space::Core, "summary" | "description") => offer(&mut draft.summary, 0, html_of(&captured, kind)),
            (Space::Itunes, "summary") => offer(&mut draft.summary, 1, html_of(&captured, Kind::Html)),
            (Space::Dublin, "description") => offer(&mut draft.summary, 1, html_of(&captured, Kind::Html)),
            (Space::Media, "description") => offer(&mut draft.summary, 2, html_of(&captured, Kind::Html)),
            (Space::Content, "encoded") => offer(&mut draft.content, 0, html_of(&captured, Kind::Html)),
            (Space::Core, "content") => draft.content(&captured, kind, base.as_ref()),
            (Space::Xhtml, "body" | "div") | (Space::Core, "body" | "fullitem") => {
                offer(&mut draft.content, 1, html_of(&captured, Kind::Html));
            }
            (Space::Core, "author") => offer(&mut draft.author, 0, person(&captured)),
            (Space::Dublin, "creator" | "author") => offer(&mut draft.author, 0, plain(self)),
            (Space::Itunes, "author") => offer(&mut draft.author, 1, plain(self)),
            (Space::Core, "pubdate" | "published") => offer(&mut draft.published, 0, one_line(&captured.text)),
            (Space::Core, "issued") => offer(&mut draft.published, 1, one_line(&captured.text)),
            (Space::Dublin | Space::Core, "date") | (Space::DublinTerms, "issued") => {
                offer(&mut draft.published, 1, one_line(&captured.text));
            }
            (Space::Core | Space::DublinTerms, "created") => {
                offer(&mut draft.published, 2, one_line(&captured.text));
            }
            (Space::Core, "updated" | "lastbuilddate") => offer(&mut draft.updated, 0, one_line(&captured.text)),
            (Space::Core | Space::DublinTerms, "modified") => offer(&mut draft.updated, 1, one_line(&captured.text)),
            (Space::Core, "category") | (Space::Dublin, "subject") => draft.category(category(&captured)),
            (Space::Core, "enclosure") => draft.enclosure(tag, base.as_ref()),
            (Space::Media, "thumbnail") => draft.image(3, tag.get("url").as_deref(), base.as_ref()),
            (Space::Itunes, "image") => draft.image(4, tag.get("href").as_deref(), base.as_ref()),
            (Space::Core, "image") => draft.image(2, image_in(&captured).as_deref(), base.as_ref()),
            _ => {}
        }
        self.draft = Some(draft);
    }

    fn media(&mut self, name: &str, tag: Tag<'a>) {
        let Some(draft) = &mut self.draft else { return };
        let medium = tag.get("medium").unwrap_or_default();
        let kind = tag.get("type").unwrap_or_default();
        let picture = medium == "image" || kind.starts_with("image/");
        let url = tag.get("url").filter(|url| picture || (medium.is_empty() && kind.is_empty() && is_picture(url)));
        if name == "content" {
            let base = draft.base.clone();
            draft.image(1, url.as_deref(), base.as_ref());
        }
    }

    /// Reads to the end of an element, or to where it must have ended: at the end of its entry, at the next entry.
    fn capture(&mut self, tag: Tag<'a>) -> Captured<'a> {
        let start = self.tokens.at();
        let mut captured = Captured { tag, raw: "", text: String::new(), markup: false };
        if tag.empty {
            return captured;
        }
        let mut depth = 0_usize;
        let end = loop {
            let at = self.tokens.at();
            match self.tokens.next() {
                None => break at,
                Some(Token::Close(name)) if name == tag.name && depth == 0 => break at,
                Some(Token::Close(name)) if name == tag.name => depth -= 1,
                Some(Token::Close(name)) if is_frame(local(name)) => {
                    self.tokens.back_to(at);
                    break at;
                }
                Some(Token::Open(inner)) if is_entry(inner.name) => {
                    self.tokens.back_to(at);
                    break at;
                }
                Some(Token::Open(inner)) => {
                    captured.markup = true;
                    depth += usize::from(inner.name == tag.name && !inner.empty);
                }
                Some(Token::Text(text)) => captured.text.push_str(&resolve(text)),
                Some(Token::CData(text)) => captured.text.push_str(&without_controls(text)),
                Some(Token::Close(_)) => {}
            }
        };
        captured.raw = self.tokens.between(start, end);
        captured
    }

    fn kind(&self, captured: &Captured<'_>) -> Kind {
        let said = captured.tag.get("type").unwrap_or_default().to_ascii_lowercase();
        let mode = captured.tag.get("mode").unwrap_or_default().to_ascii_lowercase();
        match (said.as_str(), mode.as_str()) {
            ("xhtml" | "application/xhtml+xml", _) => Kind::Xhtml,
            ("html" | "text/html", _) | (_, "escaped") => Kind::Html,
            _ if captured.markup => Kind::Xhtml,
            ("text" | "text/plain", _) => Kind::Text,
            _ if self.atom => Kind::Text,
            _ => Kind::Html,
        }
    }

    fn plain_of(&self, captured: &Captured<'_>) -> String {
        match self.kind(captured) {
            Kind::Text => one_line(&captured.text),
            kind => plain(&html_of(captured, kind)),
        }
    }

    /// The vocabulary of an element. Prefixes declared on the way are remembered for the whole document; a default is
    /// remembered when a frame declares it, else it is the element's own.
    fn space(&mut self, tag: Tag<'a>) -> Space {
        let (prefix, name) = tag.name.split_once(':').unwrap_or(("", tag.name));
        let frame = is_frame(name);
        let mut own = None;
        for (attribute, uri) in tag.attributes() {
            let declared = if attribute == "xmlns" { Some("") } else { attribute.strip_prefix("xmlns:") };
            let Some(declared) = declared else { continue };
            let space = space_of_uri(uri);
            if declared == prefix {
                own = Some(space);
            }
            let room = self.prefixes.len() < PREFIXES_MAX || self.prefixes.contains_key(declared);
            if room && (frame || !declared.is_empty()) {
                self.prefixes.insert(declared, space);
            }
        }
        if frame && !self.rooted {
            // Whatever the root says its namespace is, it is a feed's: dialects and drafts have their own.
            self.prefixes.insert(prefix, Space::Core);
            own = Some(Space::Core);
        }
        own.or_else(|| self.prefixes.get(prefix).copied()).unwrap_or_else(|| space_of_prefix(prefix))
    }
}

impl Draft {
    fn finished(self) -> Option<Entry> {
        let value = |ranked: Ranked<String>| ranked.map(|(_, value)| value);
        let (published, updated) = (value(self.published), value(self.updated));
        let mut entry = self.entry;
        entry.title = value(self.title).unwrap_or_default();
        entry.link = value(self.link);
        entry.author = value(self.author);
        entry.updated = updated.as_deref().and_then(parse_date);
        // Many Atom feeds say only when an entry was updated; for one never changed that is the same.
        entry.published_raw = published.or(updated);
        entry.published = entry.published_raw.as_deref().and_then(parse_date);
        entry.summary_html = value(self.summary);
        entry.content_html = value(self.content);
        entry.image_url = value(self.image);
        entry.finished()
    }

    fn address(&mut self, rank: u8, written: &str, base: Option<&Url>) {
        if let Some(link) = web_address(written, base) {
            offer(&mut self.link, rank, link);
        }
    }

    fn link(&mut self, captured: &Captured<'_>, base: Option<&Url>) {
        let relation = captured.tag.get("rel").unwrap_or_default();
        if relation.eq_ignore_ascii_case("enclosure") {
            let kind = captured.tag.get("type").unwrap_or_default();
            if kind.starts_with("image/") {
                self.image(1, captured.tag.get("href").as_deref(), base);
            }
        } else if let Some((rank, link)) = link(captured, base) {
            offer(&mut self.link, rank, link);
        }
    }

    /// RSS 2.0: a guid is an address unless it says otherwise.
    fn identity(&mut self, captured: &Captured<'_>, base: Option<&Url>) {
        let guid = one_line(&captured.text);
        let says_no = captured.tag.get("isPermaLink").is_some_and(|said| said.trim().eq_ignore_ascii_case("false"));
        let absolute = guid.starts_with("http://") || guid.starts_with("https://");
        if !says_no && absolute {
            self.address(5, &guid, base);
        }
        if !guid.is_empty() {
            self.entry.guid = guid;
        }
    }

    /// RFC 4287 §4.1.3: content may be here or elsewhere.
    fn content(&mut self, captured: &Captured<'_>, kind: Kind, base: Option<&Url>) {
        if let Some(elsewhere) = captured.tag.get("src") {
            self.address(4, &elsewhere, base);
            return;
        }
        let said = captured.tag.get("type").unwrap_or_default();
        let foreign = said.contains('/') && !said.starts_with("text/") && !said.ends_with("xhtml+xml");
        if !foreign {
            offer(&mut self.content, 0, html_of(captured, kind));
        }
    }

    fn enclosure(&mut self, tag: Tag<'_>, base: Option<&Url>) {
        let kind = tag.get("type").unwrap_or_default();
        let url = tag.get("url").filter(|url| kind.starts_with("image/") || (kind.is_empty() && is_picture(url)));
        self.image(1, url.as_deref(), base);
    }

    fn category(&mut self, category: String) {
        if self.entry.categories.len() < super::CATEGORIES_MAX {
            self.entry.categories.push(category);
        }
    }

    fn image(&mut self, rank: u8, written: Option<&str>, base: Option<&Url>) {
        if let Some(url) = written.and_then(|written| web_address(written, base)) {
            offer(&mut self.image, rank, url);
        }
    }
}

/// Takes a value when there is none yet or only one of a worse rank. Empty ones are none.
fn offer(place: &mut Ranked<String>, rank: u8, value: String) {
    let better = place.as_ref().is_none_or(|(known, _)| rank < *known);
    if better && !value.trim().is_empty() {
        *place = Some((rank, value));
    }
}

/// The name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn is_entry(name: &str) -> bool {
    name.eq_ignore_ascii_case("item") || name.eq_ignore_ascii_case("entry")
}

/// Elements that end whatever is still open in them.
fn is_frame(name: &str) -> bool {
    is_entry(name) || ["channel", "rss", "feed", "rdf"].iter().any(|frame| name.eq_ignore_ascii_case(frame))
}

/// The base for what is in an element (XML Base §4).
fn based(base: Option<Url>, tag: Tag<'_>) -> Option<Url> {
    match (tag.get("xml:base"), &base) {
        (None, _) => base,
        (Some(written), Some(outer)) => outer.join(written.trim()).ok().or(base),
        (Some(written), None) => Url::parse(written.trim()).ok(),
    }
}

/// A link that leads to the thing itself, and its rank: an Atom `alternate` or an RSS text.
fn link(captured: &Captured<'_>, base: Option<&Url>) -> Option<(u8, String)> {
    let relation = captured.tag.get("rel").unwrap_or_default();
    if !relation.is_empty() && !relation.eq_ignore_ascii_case("alternate") {
        return None;
    }
    match captured.tag.get("href") {
        None => Some((1, web_address(&captured.text, base)?)),
        Some(href) => {
            let kind = captured.tag.get("type").unwrap_or_default();
            let rank = if kind.is_empty() || kind.contains("html") { 2 } else { 3 };
            Some((rank, web_address(&href, base)?))
        }
    }
}

/// A text construct as HTML.
fn html_of(captured: &Captured<'_>, kind: Kind) -> String {
    match kind {
        Kind::Text => escape(captured.text.trim()),
        Kind::Html | Kind::Xhtml if captured.markup => inline_html(captured.raw),
        Kind::Xhtml => escape(captured.text.trim()),
        Kind::Html => captured.text.trim().to_owned(),
    }
}

/// Markup that stands in the feed unescaped: prefixes dropped, CDATA unwrapped, comments gone.
fn inline_html(raw: &str) -> String {
    let mut html = String::with_capacity(raw.len());
    for token in Tokens::new(raw) {
        match token {
            Token::Open(tag) => {
                html.push('<');
                html.push_str(local(tag.name));
                html.push_str(tag.rest);
                html.push_str(if tag.empty { "/>" } else { ">" });
            }
            Token::Close(name) => {
                html.push_str("</");
                html.push_str(local(name));
                html.push('>');
            }
            Token::Text(text) | Token::CData(text) => html.push_str(text),
        }
    }
    html.trim().to_owned()
}

/// A person: Atom's `name`, else RSS's text without the mail address it likes to carry.
fn person(captured: &Captured<'_>) -> String {
    if let Some(name) = inside(captured.raw, "name") {
        return name;
    }
    if captured.markup && inside(captured.raw, "email").is_some() {
        return String::new();
    }
    let text = one_line(&captured.text);
    match text.split_once('(').and_then(|(before, rest)| Some((before, rest.split_once(')')?.0))) {
        // RSS 2.0: `desk@example.org (Ana Sol)`.
        Some((before, name)) if before.contains('@') => name.trim().to_owned(),
        _ => match text.split_once('<') {
            Some((name, address)) if address.contains('@') => name.trim().trim_matches('"').to_owned(),
            // Nobody's byline is an address, and an address is not ours to publish.
            _ if text.contains('@') && !text.contains(' ') => String::new(),
            _ => text,
        },
    }
}

/// The text of the first element `name` in a piece of markup.
fn inside(raw: &str, name: &str) -> Option<String> {
    let mut text: Option<String> = None;
    for token in Tokens::new(raw) {
        match (token, &mut text) {
            (Token::Open(tag), None) if local(tag.name).eq_ignore_ascii_case(name) => text = Some(String::new()),
            (Token::Close(closed), Some(_)) if local(closed).eq_ignore_ascii_case(name) => break,
            (Token::Text(part), Some(text)) => text.push_str(&resolve(part)),
            (Token::CData(part), Some(text)) => text.push_str(part),
            _ => {}
        }
    }
    text.map(|text| one_line(&text)).filter(|text| !text.is_empty())
}

fn image_in(captured: &Captured<'_>) -> Option<String> {
    let named = ["url", "href", "src", "rdf:resource"].into_iter().find_map(|name| captured.tag.get(name));
    named.map(String::from).or_else(|| inside(captured.raw, "url")).or_else(|| Some(one_line(&captured.text)))
}

/// RFC 4287 §4.2.2: the label is for people, the term for machines; RSS has only text.
fn category(captured: &Captured<'_>) -> String {
    let named = captured.tag.get("label").or_else(|| captured.tag.get("term"));
    one_line(&named.map_or_else(|| captured.text.clone(), String::from))
}

fn is_picture(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or(url).to_ascii_lowercase();
    [".jpg", ".jpeg", ".png", ".gif", ".webp"].iter().any(|ending| path.ends_with(ending))
}

/// RSS 1.0 module syndication: how often it is updated.
fn period(text: &str) -> Option<Ms> {
    match text {
        "hourly" => Some(HOUR_MS),
        "daily" => Some(DAY_MS),
        "weekly" | "monthly" | "yearly" => Some(TTL_MS_MAX),
        _ => None,
    }
}

fn space_of_uri(uri: &str) -> Space {
    let uri = resolve(uri).trim().trim_end_matches(['/', '#']).to_ascii_lowercase();
    let bare = uri.strip_prefix("http://").or_else(|| uri.strip_prefix("https://")).unwrap_or(&uri);
    match bare {
        ""
        | "www.w3.org/2005/atom"
        | "purl.org/atom/ns"
        | "purl.org/rss/1.0"
        | "channel.netscape.com/rdf/simple/0.9"
        | "my.netscape.com/rdf/simple/0.9"
        | "my.netscape.com/publish/formats/rss-0.91.dtd"
        | "purl.org/net/rss1.1"
        | "www.w3.org/1999/02/22-rdf-syntax-ns" => Space::Core,
        "purl.org/dc/elements/1.1" | "purl.org/dc/elements/1.0" => Space::Dublin,
        "purl.org/dc/terms" => Space::DublinTerms,
        "purl.org/rss/1.0/modules/content" => Space::Content,
        "search.yahoo.com/mrss" => Space::Media,
        "www.itunes.com/dtds/podcast-1.0.dtd" | "example.com/dtds/podcast-1.0.dtd" => Space::Itunes,
        "www.w3.org/1999/xhtml" => Space::Xhtml,
        "purl.org/rss/1.0/modules/syndication" => Space::Syndication,
        // A number of versions of each is in use: `backend.userland.com/rss2`, `blogs.law.harvard.edu/tech/rss`.
        _ if RSS_URIS.iter().any(|known| bare.starts_with(known)) => Space::Core,
        _ => Space::Other,
    }
}

/// A prefix that nobody declared means what it usually means.
fn space_of_prefix(prefix: &str) -> Space {
    match prefix {
        "" | "rss" | "atom" | "rdf" => Space::Core,
        "dc" => Space::Dublin,
        "dcterms" => Space::DublinTerms,
        "content" => Space::Content,
        "media" => Space::Media,
        "itunes" => Space::Itunes,
        "xhtml" => Space::Xhtml,
        "sy" => Space::Syndication,
        _ => Space::Other,
    }
}

/// The feeds a page names in its head.
fn named_feeds(html: &str, base: Option<&Url>) -> Vec<String> {
    let mut feeds = Vec::new();
    for token in Tokens::new(html) {
        let Token::Open(tag) = token else { continue };
        if !tag.name.eq_ignore_ascii_case("link") || feeds.len() == NAMED_FEEDS_MAX {
            continue;
        }
        let is = |name: &str, wanted: &[&str]| {
            tag.get(name).is_some_and(|said| wanted.iter().any(|word| said.trim().eq_ignore_ascii_case(word)))
        };
        let typed = is("type", &["application/rss+xml", "application/atom+xml", "application/feed+json"]);
        if is("rel", &["alternate"]) && typed {
            feeds.extend(tag.get("href").and_then(|href| web_address(&href, base)));
        }
    }
    feeds
}
