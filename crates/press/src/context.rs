//! What the templates see: the newsroom's words turned into text, labels and paths, in one place.
//!
//! Every string here is plain text; only a body is [`prose::Clean`]. Every path is made here too, percent-encoded.

use newsroom::{Article, BlockKind, Form, FreePage, HouseBlock, PictureUse, Topic};
use prose::{Clean, Document, Pictures, direction};
use serde::Serialize;

use crate::{
    PressError, Site, dates, language,
    site::{changed, published},
    text, theme,
    words::{self, Words},
};

/// What every page has.
#[derive(Serialize)]
pub(crate) struct Outlet {
    pub name: String,
    pub tagline: String,
    pub url: String,
    pub lang: String,
    pub dir: &'static str,
    pub css: &'static str,
    pub topics: Vec<TopicLink>,
    /// The outlet's own pages that stand in the menu.
    pub menu: Vec<Link>,
}

/// A topic as it is linked.
#[derive(Serialize)]
pub(crate) struct TopicLink {
    pub title: String,
    pub slug: String,
    pub href: String,
    /// Ticked in the sign-up form.
    pub chosen: bool,
}

/// What the head of a page says.
#[derive(Serialize)]
pub(crate) struct Head {
    /// Which template's page: the body's class.
    pub kind: &'static str,
    pub lang: String,
    pub dir: &'static str,
    pub title: String,
    pub description: String,
    pub robots: &'static str,
    /// Absolute, or nothing.
    pub canonical: Option<String>,
    /// Its own path, for the navigation.
    pub here: String,
}

/// What a link in a network's preview and a search engine are told.
#[derive(Serialize)]
pub(crate) struct Graph {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub title: String,
    pub url: String,
    pub picture: Option<GraphPicture>,
    pub json_ld: Clean,
}

/// A picture in the graph, with its absolute address.
#[derive(Serialize)]
pub(crate) struct GraphPicture {
    pub url: String,
    pub width: u32,
    pub height: u32,
    pub alt: String,
}

/// A picture on a page.
#[derive(Serialize)]
pub(crate) struct Picture {
    pub src: String,
    /// The page that shows it whole.
    pub page: String,
    pub width: u32,
    pub height: u32,
    pub alt: String,
    pub caption: Option<String>,
    pub credit: Option<String>,
}

/// The host that a card leads to, in words.
#[derive(Serialize)]
pub(crate) struct Elsewhere {
    pub words: &'static str,
    pub host: String,
    /// Set when the words are in another language than the story.
    pub lang: Option<String>,
    pub dir: &'static str,
}

/// A house block.
#[derive(Serialize)]
pub(crate) struct Block {
    /// The class it is drawn by.
    pub kind: &'static str,
    pub label: &'static str,
    pub title: String,
    pub text: String,
    pub href: String,
    pub link_words: String,
    /// What the link is to search engines: paid for, or merely another site's.
    pub rel: &'static str,
}

/// A story in a list.
#[derive(Serialize)]
pub(crate) struct Teaser {
    /// A path on the site, or where a card leads.
    pub href: String,
    /// Set for a card: the story lives elsewhere.
    pub at: Option<Elsewhere>,
    pub lang: String,
    pub dir: &'static str,
    pub title: String,
    pub standfirst: String,
    pub byline: Option<String>,
    pub outlet: Option<String>,
    /// What stands between byline and outlet.
    pub comma: &'static str,
    pub published: String,
    pub published_label: String,
    pub picture: Option<Picture>,
}

/// A story on its own page.
#[derive(Serialize)]
pub(crate) struct Story {
    #[serde(flatten)]
    pub teaser: Teaser,
    /// The standfirst, unless the text itself opens with it.
    pub lede: String,
    pub corrected: Option<String>,
    pub corrected_label: String,
    pub corrections: Vec<Correction>,
    pub origin: Option<Origin>,
    pub licence: Option<Terms>,
    pub topics: Vec<TopicLink>,
    pub body: Clean,
}

/// What readers are told of a change.
#[derive(Serialize)]
pub(crate) struct Correction {
    pub at: String,
    pub label: String,
    pub note: String,
}

/// Where a story first stood.
#[derive(Serialize)]
pub(crate) struct Origin {
    pub name: String,
    pub url: Option<String>,
}

/// The terms a story is under.
#[derive(Serialize)]
pub(crate) struct Terms {
    pub url: String,
    pub name: String,
}

/// The sign-up block, with what was typed before when the form comes back.
#[derive(Serialize)]
pub(crate) struct SignUp {
    pub heading: String,
    pub promise: String,
    pub button: String,
    pub privacy: String,
    pub topics: Vec<TopicLink>,
    pub email: String,
    pub fault: Option<&'static str>,
}

/// The theme's words inside a story: in its language, or in the outlet's and marked as such.
#[derive(Serialize)]
pub(crate) struct StoryWords {
    #[serde(flatten)]
    pub words: &'static Words,
    pub lang: String,
    pub dir: &'static str,
    /// The story's own language is one that the theme does not speak.
    pub foreign: bool,
}

/// A link with its label.
#[derive(Serialize)]
pub(crate) struct Link {
    pub href: String,
    pub label: String,
}

/// `dir` of a language.
pub(crate) fn dir(language: &str) -> &'static str {
    direction(language).as_str()
}

/// An article's path on the site.
pub(crate) fn article_path(article: &Article) -> String {
    format!("/articles/{}/", text::segment(&article.slug))
}

/// A free page's path on the site.
pub(crate) fn free_page_path(page: &FreePage) -> String {
    format!("/{}/", text::segment(&page.slug))
}

/// Where a card leads, and on which host: none when the article has a page here.
pub(crate) fn card(article: &Article) -> Option<(String, String)> {
    let url = article.revision.credit.canonical.as_deref().filter(|_| article.form == Form::Card)?;
    let url = text::web_address(url)?;
    let host = host(&url)?;
    Some((url, host))
}

/// A topic's path on the site.
pub(crate) fn topic_path(topic: &Topic) -> String {
    format!("/topics/{}/", text::segment(&topic.slug))
}

/// A local day's path on the site.
pub(crate) fn day_path(day: jiff::civil::Date) -> String {
    format!("/editions/{:04}/{:02}/{:02}/", day.year(), day.month(), day.day())
}

/// A month's path on the site.
pub(crate) fn month_path(year: i16, month: i8) -> String {
    format!("/archive/{year:04}/{month:02}/")
}

impl Site {
    pub(crate) fn words(&self) -> &'static Words {
        words::words(&self.view.outlet.language)
    }

    pub(crate) fn outlet(&self) -> Outlet {
        let outlet = &self.view.outlet;
        Outlet {
            name: text::line(&outlet.name),
            tagline: text::line(&outlet.tagline),
            url: self.origin.clone(),
            lang: outlet.language.clone(),
            dir: dir(&outlet.language),
            css: theme::style_path(),
            topics: self.view.topics.iter().map(topic_link).collect(),
            menu: self
                .menu()
                .into_iter()
                .map(|page| Link { href: free_page_path(page), label: text::line(&page.title) })
                .collect(),
        }
    }

    pub(crate) fn sign_up(&self) -> SignUp {
        let words = &self.view.sign_up;
        SignUp {
            heading: text::line(&words.heading),
            promise: text::line(&words.promise),
            button: text::line(&words.button),
            privacy: text::line(&words.privacy),
            topics: self.view.topics.iter().map(topic_link).collect(),
            email: String::new(),
            fault: None,
        }
    }

    /// The house blocks that stand now.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        self.view.blocks.iter().filter_map(|block| self.block(block)).collect()
    }

    fn block(&self, block: &HouseBlock) -> Option<Block> {
        let words = self.words();
        let (kind, label, rel) = match block.kind {
            BlockKind::Appeal => ("appeal", words.block_appeal, "noopener"),
            BlockKind::Event => ("event", words.block_event, "noopener"),
            BlockKind::Sponsor => ("sponsor", words.block_sponsor, "sponsored external noopener noreferrer"),
        };
        Some(Block {
            kind,
            label,
            title: text::line(&block.title),
            text: text::line(&block.text),
            href: text::web_address(&block.link)?,
            link_words: text::line(&block.link_words),
            rel,
        })
    }

    /// The words inside a story of `language`.
    pub(crate) fn story_words(&self, language: &str) -> StoryWords {
        let spoken = words::spoken(language);
        let words = spoken.unwrap_or_else(|| self.words());
        StoryWords { words, lang: words.language.to_owned(), dir: dir(words.language), foreign: spoken.is_none() }
    }

    /// An article as a list shows it.
    pub(crate) fn teaser(&self, article: &Article) -> Teaser {
        let revision = &article.revision;
        let published = published(article).at;
        let lang = language::tag(&revision.language);
        let (href, at) = match card(article) {
            Some((url, host)) => (url, Some(self.elsewhere(&lang, host))),
            None => (article_path(article), None),
        };
        Teaser {
            href,
            at,
            dir: dir(&lang),
            title: self.title(article),
            standfirst: text::line(&revision.standfirst),
            byline: revision.credit.byline.as_deref().map(text::line).filter(|byline| !byline.is_empty()),
            outlet: revision.credit.outlet.as_deref().map(text::line).filter(|outlet| !outlet.is_empty()),
            comma: comma(&lang),
            published: dates::rfc3339(published),
            published_label: dates::day(dates::local_date(published, &self.zone), self.date_language(&lang)),
            picture: revision.picture.as_ref().and_then(|picture| picture_of(article, picture)),
            lang,
        }
    }

    fn elsewhere(&self, language: &str, host: String) -> Elsewhere {
        let said = self.story_words(language);
        Elsewhere { words: said.words.at_host, host, lang: said.foreign.then_some(said.lang), dir: said.dir }
    }

    /// An article as its own page shows it.
    pub(crate) fn story(&self, article: &Article) -> Result<Story, PressError> {
        let credit = &article.revision.credit;
        let url = credit.canonical.as_deref().and_then(text::web_address);
        let host = url.as_deref().and_then(host);
        let mut teaser = self.teaser(article);
        let label = |at| dates::minute(at, &self.zone, self.date_language(&teaser.lang));
        let corrected = is_corrected(article).then(|| changed(article));
        let corrected_label = corrected.map(label).unwrap_or_default();
        let correction = |told: &newsroom::CorrectionNote| Correction {
            at: dates::rfc3339(told.at),
            label: label(told.at),
            note: text::line(&told.note),
        };
        let corrections = self.corrections(article.id).iter().map(correction).collect();
        let published_label = label(published(article).at);
        let origin = teaser.outlet.clone().or(host).map(|name| Origin { name, url });
        teaser.published_label = published_label;
        let body = body(article)?;
        let lede = if opens_with(&body, &teaser.standfirst) { String::new() } else { teaser.standfirst.clone() };
        Ok(Story {
            lede,
            corrected: corrected.map(dates::rfc3339),
            corrected_label,
            corrections,
            origin,
            licence: credit.licence.as_ref().and_then(|licence| terms(&licence.url)),
            topics: self.topics_of(article).map(topic_link).collect(),
            body: body.to_html(Pictures::Linked),
            teaser,
        })
    }

    /// A headline, or the outlet's name when there is none.
    pub(crate) fn title(&self, article: &Article) -> String {
        let title = text::line(&article.revision.title);
        if title.is_empty() { text::line(&self.view.outlet.name) } else { title }
    }

    /// The language dates are written in beside a story: its own when the theme speaks it.
    pub(crate) fn date_language<'a>(&'a self, language: &'a str) -> &'a str {
        if words::spoken(language).is_some() { language } else { &self.view.outlet.language }
    }

    /// An absolute address of a path on the site; where a card leads is one already.
    pub(crate) fn absolute(&self, path: &str) -> String {
        if path.starts_with("http://") || path.starts_with("https://") {
            return path.to_owned();
        }
        format!("{}{path}", self.origin)
    }
}

/// A topic as it is linked.
pub(crate) fn topic_link(topic: &Topic) -> TopicLink {
    TopicLink { title: text::line(&topic.title), slug: topic.slug.clone(), href: topic_path(topic), chosen: false }
}

/// An article's body.
pub(crate) fn body(article: &Article) -> Result<Document, PressError> {
    Document::from_json(&article.revision.body).map_err(|_| PressError::Body(article.id))
}

/// Whether a text begins with its own standfirst, as one does that was taken from it. Blanks and the marks of a cut are no
/// difference.
fn opens_with(body: &Document, standfirst: &str) -> bool {
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let begun = standfirst.trim_end_matches(['…', '.', ' ']);
    !begun.is_empty() && joined(&body.plain_text()).starts_with(&joined(begun))
}

/// Readers are told of a correction: the first revision, and one saved before publishing, is none.
fn is_corrected(article: &Article) -> bool {
    article.revision.number > 1 && article.revision.made > published(article).at
}

/// What parts byline and outlet: "Ana Ruiz, El Faro".
fn comma(language: &str) -> &'static str {
    match language.split('-').next().unwrap_or_default() {
        "ar" | "fa" | "ur" | "ckb" | "ps" | "ug" => "، ",
        "zh" | "ja" => "，",
        _ => ", ",
    }
}

/// A picture, if its file has a name that the press would serve.
fn picture_of(article: &Article, picture: &PictureUse) -> Option<Picture> {
    let served = is_picture_file(&picture.file) && picture.width > 0 && picture.height > 0;
    served.then(|| Picture {
        src: format!("/pictures/{}", picture.file),
        page: format!("{}picture/", article_path(article)),
        width: picture.width,
        height: picture.height,
        alt: text::line(&picture.alt),
        caption: picture.caption.as_deref().map(text::line).filter(|caption| !caption.is_empty()),
        credit: picture.credit.as_deref().map(text::line).filter(|credit| !credit.is_empty()),
    })
}

/// A picture's file name: a hash of letters and digits, one dot, an extension that browsers show as a picture. SVG is
/// not among them: it is a document that can hold script (ASVS V1.3.4).
pub(crate) fn is_picture_file(file: &str) -> bool {
    /// A SHA-512 in hexadecimal is the longest name there is.
    const NAME_BYTES_MAX: usize = 128;
    file.rsplit_once('.').is_some_and(|(name, extension)| {
        (1..=NAME_BYTES_MAX).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric())
            && matches!(extension, "jpg" | "jpeg" | "png" | "gif" | "webp" | "avif")
    })
}

/// The host of an address, without `www.`.
fn host(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    let host = url.host_str()?;
    Some(host.strip_prefix("www.").unwrap_or(host).to_owned())
}

/// A licence by its address: the well-known ones by name, others by host.
fn terms(address: &str) -> Option<Terms> {
    let url = text::web_address(address)?;
    let parsed = url::Url::parse(&url).ok()?;
    let parts: Vec<&str> = parsed.path().split('/').filter(|part| !part.is_empty()).collect();
    let commons = parsed.host_str().is_some_and(|host| host.trim_start_matches("www.") == "creativecommons.org");
    let name = match parts.as_slice() {
        ["licenses", kind, version, ..] if commons => format!("CC {} {version}", kind.to_uppercase()),
        ["publicdomain", "zero", version, ..] if commons => format!("CC0 {version}"),
        _ => host(&url)?,
    };
    Some(Terms { url, name: text::line(&name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_is_named_as_people_name_it() {
        let name = |url| terms(url).map(|terms| terms.name);
        assert_eq!(name("https://creativecommons.org/licenses/by-nd/4.0/").as_deref(), Some("CC BY-ND 4.0"));
        assert_eq!(name("https://creativecommons.org/publicdomain/zero/1.0/").as_deref(), Some("CC0 1.0"));
        assert_eq!(name("https://www.outlet.example/terms").as_deref(), Some("outlet.example"));
        assert_eq!(name("javascript:alert(1)"), None);
    }

    #[test]
    fn only_raster_pictures_with_plain_names_are_served() {
        assert!(is_picture_file("0123abcd.jpg"));
        for bad in ["a.svg", "../a.jpg", "a/b.jpg", ".jpg", "a", "a.jpg.html", "a b.png", ""] {
            assert!(!is_picture_file(bad), "{bad}");
        }
    }
}
