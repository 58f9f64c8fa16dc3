//! What a page says of itself: headline, byline, outlet, date, picture, licence, canonical address.
//!
//! From JSON-LD, OpenGraph, meta elements, microdata and link relations, in that order of trust. Every field is something the
//! page declares; what it does not declare stays unknown. It never reads a byline or an outlet out of running text.

use crate::clean::one_line;
use crate::link;
use dom_query::{Document, NodeRef};
use serde_json::Value;
use std::collections::BTreeSet;
use url::Url;

/// A page's JSON-LD is some 20 kB; the largest seen, with whole articles in it, 400 kB.
const JSON_LD_BYTES_MAX: usize = 1 << 20;
/// Pages carry up to 12 blocks.
const JSON_LD_BLOCKS_MAX: usize = 32;
/// Objects looked at in them.
const JSON_LD_OBJECTS_MAX: usize = 2_000;
/// A field that is longer is not a headline, name or date.
const FIELD_BYTES_MAX: usize = 1_000;
/// A byline that is longer is a biography.
const BYLINE_BYTES_MAX: usize = 200;
/// A name with titles, in words; more is a sentence when it holds a full stop.
const BYLINE_WORDS_MAX: usize = 8;
/// Authors of one article.
const AUTHORS_MAX: usize = 12;

/// What a page declares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metadata {
    pub title: Option<String>,
    pub byline: Option<String>,
    pub outlet: Option<String>,
    pub published_raw: Option<String>,
    pub language: Option<String>,
    pub rtl: Option<bool>,
    pub canonical: Option<String>,
    pub licence: Option<String>,
    pub picture: Option<String>,
    pub picture_alt: Option<String>,
    pub picture_caption: Option<String>,
    pub picture_credit: Option<String>,
    pub body: Option<String>,
}

/// Reads a page; `base` is where it stood, for relative addresses.
pub(crate) fn read(page: &Document, base: &Url) -> Metadata {
    let told = JsonLd::read(page);
    let metas = Metas::read(page);
    let outlet = told
        .name("publisher")
        .or_else(|| metas.first(&["og:site_name", "application-name", "dc.publisher", "citation_journal_title"]))
        .or_else(|| microdata_outlet(page));
    let alone = told.picture();
    let picture = alone.clone().map(|(src, ..)| src).or_else(|| {
        metas.first(&["og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src"])
    });
    Metadata {
        title: title(page, &told, &metas, outlet.as_deref()),
        // An outlet that signs for itself names nobody.
        byline: byline(page, &told, &metas)
            .filter(|name| outlet.as_deref().is_none_or(|outlet| !same_words(name, outlet))),
        published_raw: published(page, &told, &metas),
        language: language(page, &metas),
        rtl: direction(page),
        canonical: canonical(page, &metas, base),
        licence: licence(page, &told, base),
        picture: picture.and_then(|src| link::picture(&src, Some(base))).map(String::from),
        picture_alt: metas.first(&["og:image:alt", "twitter:image:alt"]),
        picture_caption: alone.as_ref().and_then(|(_, caption, _)| caption.clone()),
        picture_credit: alone.and_then(|(_, _, credit)| credit),
        body: told.long_text("articleBody"),
        outlet,
    }
}

/// One line of decoded text, or nothing.
fn field(text: &str) -> Option<String> {
    let text = one_line(text);
    (!text.is_empty() && text.len() <= FIELD_BYTES_MAX).then_some(text)
}

/// Text in which some pages leave character references, and some tags.
fn decoded(text: &str) -> String {
    if text.contains('&') || text.contains('<') {
        let bounded = crate::bound::bound(text, crate::bound::Shape::Body);
        return one_line(&Document::fragment(bounded).text());
    }
    one_line(text)
}

struct Metas(Vec<(String, String)>);

impl Metas {
    fn read(page: &Document) -> Self {
        let content = |node: &NodeRef<'_>| {
            let key = ["property", "name", "itemprop", "http-equiv"].iter().find_map(|key| node.attr(key))?;
            let content = decoded(&node.attr("content")?);
            (!content.is_empty()).then(|| (key.trim().to_ascii_lowercase(), content))
        };
        Self(page.select("meta").nodes().iter().filter_map(content).collect())
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.0.iter().find(|(key, _)| key == name)).and_then(|(_, content)| field(content))
    }

    fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, content)| content.as_str()).collect()
    }
}

/// The article among a page's JSON-LD objects, and the others for what it refers to.
#[derive(Default)]
struct JsonLd {
    objects: Vec<Value>,
    article: Option<usize>,
}

impl JsonLd {
    fn read(page: &Document) -> Self {
        let mut told = Self::default();
        for script in page.select("script").nodes().iter().take(JSON_LD_BLOCKS_MAX) {
            let text = script.text();
            if text.len() > JSON_LD_BYTES_MAX {
                continue;
            }
            // Line ends inside strings are common, and not JSON.
            let tidy: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let json = tidy.trim().trim_start_matches("<!--").trim_end_matches("-->").trim().trim_end_matches(';');
            if let Ok(value) = serde_json::from_str(json) {
                told.gather(value);
            }
        }
        let rank = |object: &Value| ARTICLE_TYPES.iter().position(|name| has_type(object, name));
        told.article =
            (0..told.objects.len()).filter_map(|at| Some((rank(&told.objects[at])?, at))).min().map(|(_, at)| at);
        told
    }

    fn gather(&mut self, value: Value) {
        let mut waiting = vec![value];
        while let Some(value) = waiting.pop() {
            if self.objects.len() >= JSON_LD_OBJECTS_MAX {
                return;
            }
            match value {
                Value::Array(values) => waiting.extend(values.into_iter().rev()),
                Value::Object(ref map) => {
                    for key in ["mainEntity", "mainEntityOfPage", "@graph"] {
                        waiting.extend(map.get(key).filter(|value| value.is_object() || value.is_array()).cloned());
                    }
                    self.objects.push(value);
                }
                _ => {}
            }
        }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.objects.get(self.article?)?.get(key)
    }

    /// A text field of the article.
    fn text(&self, key: &str) -> Option<String> {
        field(&decoded(self.string(self.get(key)?)?))
    }

    fn long_text(&self, key: &str) -> Option<String> {
        self.string(self.get(key)?).map(str::to_owned)
    }

    /// A string, the first of several, or an object's `@value`.
    fn string<'a>(&self, value: &'a Value) -> Option<&'a str> {
        match value {
            Value::String(text) => Some(text),
            Value::Array(values) => values.iter().find_map(Value::as_str),
            Value::Object(map) => map.get("@value").and_then(Value::as_str),
            _ => None,
        }
    }

    /// An object, or the one it refers to by `@id`.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(id) = value.get("@id").filter(|_| value.get("name").is_none() && value.get("url").is_none()) else {
            return value;
        };
        self.objects
            .iter()
            .find(|object| object.get("@id") == Some(id) && object.get("name").is_some())
            .unwrap_or(value)
    }

    fn names(&self, key: &str) -> Vec<String> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        let name = |value: &Value| match self.resolved(value) {
            Value::String(name) => field(&decoded(name)),
            other => field(&decoded(self.string(other.get("name")?)?)),
        };
        values.iter().take(AUTHORS_MAX).filter_map(name).collect()
    }

    fn name(&self, key: &str) -> Option<String> {
        self.names(key).into_iter().next()
    }

    /// The article's picture: address, caption, credit.
    fn picture(&self) -> Option<(String, Option<String>, Option<String>)> {
        let value = self.get("image")?;
        let value = match value {
            Value::Array(values) => values.first()?,
            one => one,
        };
        if let Value::String(src) = value {
            return Some((src.clone(), None, None));
        }
        let id = value.get("@id").filter(|_| value.get("url").is_none() && value.get("contentUrl").is_none());
        let value = id
            .and_then(|id| {
                self.objects.iter().find(|object| object.get("@id") == Some(id) && object.get("url").is_some())
            })
            .unwrap_or(value);
        let of = |key: &str| value.get(key).and_then(|value| self.string(value));
        let src = of("contentUrl").or_else(|| of("url"))?.to_owned();
        let text = |key: &str| of(key).and_then(|text| field(&decoded(text)));
        Some((src, text("caption"), text("creditText")))
    }
}

/// Kinds of article, the surest first.
const ARTICLE_TYPES: &[&str] = &[
    "NewsArticle",
    "ReportageNewsArticle",
    "AnalysisNewsArticle",
    "OpinionNewsArticle",
    "BackgroundNewsArticle",
    "ReviewNewsArticle",
    "AskPublicNewsArticle",
    "Article",
    "BlogPosting",
    "LiveBlogPosting",
    "TechArticle",
    "ScholarlyArticle",
    "MedicalScholarlyArticle",
    "AdvertiserContentArticle",
    "SatiricalArticle",
    "Report",
    "SocialMediaPosting",
    "DiscussionForumPosting",
    "Recipe",
    "WebPage",
];

fn has_type(object: &Value, name: &str) -> bool {
    match object.get("@type") {
        Some(Value::String(kind)) => kind.rsplit('/').next() == Some(name),
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind.as_str() == Some(name)),
        _ => false,
    }
}

fn title(page: &Document, told: &JsonLd, metas: &Metas, outlet: Option<&str>) -> Option<String> {
    let headings: Vec<String> = page.select("h1").nodes().iter().filter_map(|node| field(&node.text())).collect();
    let element = page.select("title").nodes().first().and_then(|node| field(&decoded(&node.text())));
    let declared = [
        told.text("headline"),
        metas.first(&["og:title", "twitter:title", "dc.title", "citation_title", "parsely-title", "sailthru.title"]),
        element.clone(),
        told.text("name"),
    ];
    let declared: Vec<String> = declared.into_iter().flatten().collect();
    let headings: Vec<String> =
        headings.into_iter().filter(|heading| outlet.is_none_or(|outlet| !same_words(heading, outlet))).collect();
    // A heading that a declared title contains is the headline as readers see it; so is the page's only heading, when it
    // speaks of the same.
    let seen =
        |heading: &&String| declared.iter().any(|title| same_words(title, heading) || contains_heading(title, heading));
    if let Some(heading) = headings.iter().find(seen) {
        return Some(heading.clone());
    }
    match (headings.as_slice(), declared.first()) {
        (_, None) => headings.into_iter().next(),
        ([heading], Some(title)) if shared_words(heading, title) >= 2 => Some(heading.clone()),
        (_, Some(title)) => Some(without_outlet(title, outlet)),
    }
}

fn contains_heading(title: &str, heading: &str) -> bool {
    const CHARACTERS_MIN: usize = 12;
    heading.chars().count() >= CHARACTERS_MIN && title.to_lowercase().contains(&heading.to_lowercase())
}

/// How many words of more than three letters two titles share.
fn shared_words(one: &str, other: &str) -> usize {
    let words = |text: &str| -> BTreeSet<String> {
        let split = text.split(|c: char| !c.is_alphanumeric());
        split.filter(|word| word.chars().count() > 3).map(str::to_lowercase).collect()
    };
    words(one).intersection(&words(other)).count()
}

fn same_words(one: &str, other: &str) -> bool {
    let words =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    words(one) == words(other)
}

/// "The port opens | Harbour Post" is "The port opens" at the Harbour Post, and nowhere else.
fn without_outlet(title: &str, outlet: Option<&str>) -> String {
    let Some(outlet) = outlet else { return title.to_owned() };
    for mark in [" | ", " - ", " – ", " — ", " :: ", " • ", " · ", " « ", " » "] {
        if let Some((head, tail)) = title.rsplit_once(mark)
            && same_words(tail, outlet)
            && !head.trim().is_empty()
        {
            return head.trim().to_owned();
        }
    }
    title.to_owned()
}

fn byline(page: &Document, told: &JsonLd, metas: &Metas) -> Option<String> {
    let authors = told.names("author");
    let named: Vec<String> = authors.iter().filter_map(|author| person(author)).fold(Vec::new(), |mut names, name| {
        if !names.contains(&name) {
            names.push(name);
        }
        names
    });
    if !named.is_empty() {
        return Some(named.join(", "));
    }
    if metas.first(&["twitter:label1"]).is_some_and(|label| label.eq_ignore_ascii_case("written by"))
        && let Some(name) = metas.first(&["twitter:data1"]).and_then(|name| person(&name))
    {
        return Some(name);
    }
    for name in [
        "author",
        "article:author",
        "dc.creator",
        "dcterms.creator",
        "citation_author",
        "parsely-author",
        "sailthru.author",
        "byl",
    ] {
        let names: Vec<String> = metas.all(name).into_iter().take(AUTHORS_MAX).filter_map(person).collect();
        if !names.is_empty() {
            return Some(names.join(", "));
        }
    }
    marked_byline(page)
}

/// What the page marks as its author: microdata, `rel=author`, and elements of that class. Other articles' authors are marked
/// alike in lists of links, so only a name that is alone on the page counts.
fn marked_byline(page: &Document) -> Option<String> {
    const NAMED: &str = "[class*=author-name], [class*=author__name], [class*=author_name], [class*=authorName], [class*=byline__name], [class*=byline-name], .the-author, .post-author, .entry-author";
    const SAYING: &str = "[class*=byline], [class*=by-line], [class*=author], [class*=Author], [class*=entry-meta]";
    let name = |node: &NodeRef<'_>| name_in(&one_line(&node.text()));
    let said = |node: &NodeRef<'_>| says_by(&one_line(&node.text())).and_then(name_in);
    ["[itemprop=author] [itemprop=name]", "[itemprop=author]", "[rel~=author]"]
        .into_iter()
        .find_map(|selector| only(page, selector, name))
        .or_else(|| only(page, SAYING, said))
        .or_else(|| only(page, NAMED, name))
}

/// A name at the start of a byline's text, without the date and the rest that follow it.
fn name_in(text: &str) -> Option<String> {
    const AFTER: &[&str] =
        &[" · ", " | ", " • ", " - ", " – ", " — ", ". Reviewed", ". Updated", "Published", "Updated", "Posted"];
    let end = AFTER.iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len());
    person(&text[..end]).filter(|name| !name.contains(|c: char| c.is_ascii_digit()))
}

/// What every element of the selection that says something says.
fn only(page: &Document, selector: &str, read: impl Fn(&NodeRef<'_>) -> Option<String>) -> Option<String> {
    let found = page.select(selector);
    let mut names = found.nodes().iter().filter_map(read);
    let first = names.next()?;
    names.all(|name| name == first).then_some(first)
}

/// What follows "By" in a language, when the text says so.
fn says_by(text: &str) -> Option<&str> {
    const BY: &[&str] = &[
        "by ",
        "par ",
        "por ",
        "von ",
        "di ",
        "door ",
        "text: ",
        "words: ",
        "written by ",
        "بقلم ",
        "بقلم: ",
        "كتب ",
        "作者：",
        "作者:",
        "文／",
        "撰文：",
    ];
    let lower = text.to_lowercase();
    let by = BY.iter().find(|by| lower.starts_with(**by))?;
    text.get(by.len()..).map(str::trim)
}

/// A name as a byline shows it. `None` for addresses, numbers and the names that content systems put when nobody gave one.
fn person(text: &str) -> Option<String> {
    const NOBODY: &[&str] = &[
        "admin",
        "administrator",
        "wordpress",
        "unknown",
        "author",
        "editor",
        "root",
        "user",
        "null",
        "undefined",
        "none",
        "staff",
        "webmaster",
        "superuser",
        "anonymous",
        "n/a",
        "default",
        "by",
        "written by",
    ];
    let text = one_line(text);
    let text = says_by(&text).unwrap_or(&text);
    let text = text.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, ',' | '|' | '•' | '·' | '-' | '–' | '—' | ':' | ';' | '/')
    });
    let lower = text.to_lowercase();
    let address = lower.contains("://") || lower.contains("www.") || lower.contains('@') || lower.starts_with('/');
    let sentence = text.contains(". ") && text.split_whitespace().count() > BYLINE_WORDS_MAX;
    let button = lower.starts_with("view ") || lower.starts_with("more ") || lower.starts_with("follow ");
    let named =
        text.chars().any(char::is_alphabetic) && text.len() <= BYLINE_BYTES_MAX && !NOBODY.contains(&lower.as_str());
    (named && !address && !sentence && !button).then(|| text.to_owned())
}

fn published(page: &Document, told: &JsonLd, metas: &Metas) -> Option<String> {
    let names = [
        "article:published_time",
        "og:article:published_time",
        "article:published",
        "datepublished",
        "date",
        "pubdate",
        "publishdate",
        "publish-date",
        "publish_date",
        "dc.date",
        "dc.date.issued",
        "dcterms.created",
        "dcterms.date",
        "dcterms.issued",
        "parsely-pub-date",
        "sailthru.date",
        "citation_publication_date",
        "citation_date",
        "article.published",
        "published_time",
        "originalpublicationdate",
        "article_date_original",
        "cxenseparse:recs:publishtime",
        "og:published_time",
        "rnews:datepublished",
    ];
    let readable = |raw: String| crate::moment::parse(&raw).is_some().then_some(raw);
    let declared =
        || [told.text("datePublished"), told.text("uploadDate"), told.text("dateCreated")].into_iter().flatten();
    declared()
        .find_map(readable)
        .or_else(|| names.iter().find_map(|name| metas.first(&[name]).and_then(readable)))
        .or_else(|| marked_date(page))
        .or_else(|| declared().next())
        .or_else(|| metas.first(&names))
}

/// What the page marks as its date: microdata, `<time pubdate>`, and the one `<time>` an article has.
fn marked_date(page: &Document) -> Option<String> {
    let value = |node: &NodeRef<'_>| {
        let raw = ["datetime", "content"]
            .iter()
            .find_map(|name| node.attr(name))
            .and_then(|raw| field(&raw))
            .or_else(|| field(&node.text()))?;
        crate::moment::parse(&raw).is_some().then_some(raw)
    };
    for selector in [
        "[itemprop=datePublished]",
        "time[pubdate]",
        "time.published, time.entry-date, time.post-date, .published time, abbr.published",
        "article time",
        "main time",
        "header time",
    ] {
        if let Some(raw) = page.select(selector).nodes().iter().find_map(value) {
            return Some(raw);
        }
    }
    None
}

fn language(page: &Document, metas: &Metas) -> Option<String> {
    let root = page.select("html").nodes().first().and_then(|node| node.attr("lang").or_else(|| node.attr("xml:lang")));
    root.and_then(|tag| crate::language::declared(&tag))
        .or_else(|| metas.first(&["og:locale"]).and_then(|tag| crate::language::declared(&tag)))
}

fn direction(page: &Document) -> Option<bool> {
    let root = page.select("html").nodes().first().and_then(|node| node.attr("dir"));
    let body = || page.select("body").nodes().first().and_then(|node| node.attr("dir"));
    match root.or_else(body)?.to_ascii_lowercase().as_str() {
        "rtl" => Some(true),
        "ltr" => Some(false),
        _ => None,
    }
}

fn canonical(page: &Document, metas: &Metas, base: &Url) -> Option<String> {
    let web = |url: Url| url.scheme().starts_with("http").then(|| url.into());
    let linked = page
        .select("link[rel~=canonical]")
        .nodes()
        .iter()
        .find_map(|node| link::resolve(&node.attr("href")?, base))
        .and_then(web);
    linked.or_else(|| metas.first(&["og:url"]).and_then(|url| link::resolve(&url, base)).and_then(web))
}

fn licence(page: &Document, told: &JsonLd, base: &Url) -> Option<String> {
    let marked = page.select("link[rel~=license], a[rel~=license], [itemprop=license]");
    let address = |node: &NodeRef<'_>| link::resolve(&node.attr("href").or_else(|| node.attr("content"))?, base);
    let web = |url: Url| url.scheme().starts_with("http").then(|| url.into());
    marked
        .nodes()
        .iter()
        .find_map(address)
        .and_then(web)
        .or_else(|| told.text("license").and_then(|url| link::absolute(&url)).and_then(web))
}

fn microdata_outlet(page: &Document) -> Option<String> {
    let named = page.select("[itemprop=publisher] [itemprop=name]");
    let node = *named.nodes().first()?;
    node.attr("content").and_then(|name| field(&name)).or_else(|| field(&node.text()))
}
