//! From material to an article's first revision: a pure function.

use newsroom::{ArticleId, Credit, Form, Licence, Ms, PictureUse, Policy, Revision, Topic, Topics};
use prose::{Block, Document, Extracted, Figure};
use store::items::{Filed, Material};
use store::pictures::Picture;
use url::Url;

/// A standfirst longer than this is an article of its own.
const STANDFIRST_WORDS_MAX: usize = 60;
/// A teaser taken from the text itself is a paragraph of this many words.
const TEASER_WORDS: usize = 40;
/// A feed's content of fewer words than this is a teaser, and the page is read instead.
const FULL_TEXT_WORDS_MIN: usize = 120;

/// An excerpt of a watched source's item is at most this many words: enough to know what it is about, and short enough for
/// every quotation right we know of (the press publishers' right of Directive (EU) 2019/790, article 15, leaves "very short
/// extracts" free).
pub const EXCERPT_WORDS_MAX: usize = 50;

/// Everything an article is made from.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// The item, as its source published it.
    pub filed: &'a Filed,
    /// What was fetched for it.
    pub material: &'a Material,
    /// Its lead picture, if one was fetched.
    pub picture: Option<&'a Picture>,
    /// What may be done with what its source publishes.
    pub policy: Policy,
    /// The terms that the source is republished under, where the page names none.
    pub licence: Option<&'a str>,
    /// The source's own name.
    pub source_title: &'a str,
    /// Topics that the source's articles get.
    pub source_topics: Topics,
    /// The outlet's topics.
    pub topics: &'a [Topic],
    /// The outlet's language, when nothing says another.
    pub language: &'a str,
}

/// An article's first text, and the source's own date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The text.
    pub revision: Revision,
    /// A whole page, or a card that leads to where it lives.
    pub form: Form,
    /// When the source says it was published.
    pub source_date: Option<Ms>,
}

/// Makes an article's revision of an item and what was fetched for it.
pub fn make(origin: &Origin<'_>, article: ArticleId, number: i64, now: Ms) -> Made {
    let item = &origin.filed.item;
    let base = origin.material.url.as_deref().or(item.url.as_deref()).and_then(|u| Url::parse(u).ok());
    let page = origin.material.html.as_deref().map(|html| prose::extract(html, base.as_ref()));
    let mut body = match origin.policy {
        Policy::Watch => teaser_alone(origin),
        Policy::Ours | Policy::Partner => body(origin, page.as_ref(), base.as_ref()),
    };
    let credit = credit(origin, page.as_ref());
    let lead = origin.picture.map(|picture| picture_use(picture, page.as_ref(), lead_figure(&mut body)));
    let text = body.plain_text();
    let language = item
        .language
        .clone()
        .or_else(|| page.as_ref().and_then(|p| p.language.clone()))
        .or_else(|| prose::language::detect(&text))
        .unwrap_or_else(|| origin.language.to_owned());
    let title = Some(item.title.clone())
        .filter(|t| !t.trim().is_empty())
        .or_else(|| page.as_ref().and_then(|p| p.title.clone()))
        .unwrap_or_else(|| body.first_words(8));
    let form = form(origin.policy, &credit);
    let revision = Revision {
        article,
        number,
        standfirst: standfirst(origin, &text, &language),
        title,
        language,
        credit,
        picture: lead,
        topics: topics(origin),
        // What lives elsewhere is not kept here.
        body: if form == Form::Card { Document::default().to_json() } else { body.to_json() },
        made: now,
    };
    Made { form, revision, source_date: item.published.or_else(|| page.and_then(|p| p.published)) }
}

/// What we may only watch or lead to is a card, if it has an address to lead to.
fn form(policy: Policy, credit: &Credit) -> Form {
    match policy {
        Policy::Ours | Policy::Watch if credit.canonical.is_some() => Form::Card,
        Policy::Ours | Policy::Watch | Policy::Partner => Form::Page,
    }
}

/// The beginning of what the feed says, for an excerpt.
fn teaser_alone(origin: &Origin<'_>) -> Document {
    let nowhere = Url::parse("http://invalid.invalid/").expect("a valid address");
    let item = &origin.filed.item;
    let said = item.summary_html.as_deref().or(item.content_html.as_deref()).unwrap_or_default();
    let text = prose::clean(said, &nowhere).plain_text().split_whitespace().collect::<Vec<_>>().join(" ");
    let excerpt = prose::first_words(&without_invitation(&text), EXCERPT_WORDS_MAX);
    if excerpt.is_empty() { Document::default() } else { Document { blocks: vec![Block::paragraph(&excerpt)] } }
}

/// The feed's full text when it has one, else the page's, else what little the feed says.
fn body(origin: &Origin<'_>, page: Option<&Extracted>, base: Option<&Url>) -> Document {
    let nowhere = Url::parse("http://invalid.invalid/").expect("a valid address");
    let cleaned = |html: &Option<String>| html.as_deref().map(|h| prose::clean(h, base.unwrap_or(&nowhere)));
    let item = &origin.filed.item;
    let content = cleaned(&item.content_html);
    let full = content.clone().filter(|d| d.word_count() >= FULL_TEXT_WORDS_MIN);
    let extracted = || page.map(|p| p.document.clone()).filter(|d| d.word_count() >= FULL_TEXT_WORDS_MIN);
    full.or_else(extracted)
        .or(content)
        .or_else(|| page.map(|p| p.document.clone()).filter(|d| !d.is_empty()))
        .or_else(|| cleaned(&item.summary_html))
        .unwrap_or_default()
}

/// The feed's own summary, if it is one; else the best sentences of the text itself, verbatim.
fn standfirst(origin: &Origin<'_>, text: &str, language: &str) -> String {
    if origin.policy == Policy::Watch {
        return text.trim().to_owned();
    }
    let nowhere = Url::parse("http://invalid.invalid/").expect("a valid address");
    let summary = origin.filed.item.summary_html.as_deref().map(|html| prose::clean(html, &nowhere).plain_text());
    let summary = summary.map(|s| s.split_whitespace().collect::<Vec<_>>().join(" "));
    let summary = summary.map(|s| without_invitation(&s)).filter(|s| !s.is_empty());
    match summary {
        Some(summary) if prose::word_count(&summary) <= STANDFIRST_WORDS_MAX => summary,
        _ => {
            let best: Vec<String> = story::summary(text, language).into_iter().map(|s| s.text).collect();
            // A text without a sentence that stands alone opens with its own first words.
            if best.is_empty() { prose::first_words(text, TEASER_WORDS) } else { best.join(" ") }
        }
    }
}

fn credit(origin: &Origin<'_>, page: Option<&Extracted>) -> Credit {
    let item = &origin.filed.item;
    let outlet = match origin.policy {
        // Our own outlet is not credited to itself.
        Policy::Ours => None,
        Policy::Partner | Policy::Watch => page.and_then(|p| p.outlet.clone()).or_else(|| {
            // A feed is called after its outlet; a page import has no source and stays without.
            Some(origin.source_title.trim().to_owned()).filter(|t| !t.is_empty())
        }),
    };
    let licence = page.and_then(|p| p.licence.clone()).or_else(|| origin.licence.map(str::to_owned));
    Credit {
        byline: item.author.clone().or_else(|| page.and_then(|p| p.byline.clone())),
        outlet,
        canonical: page.and_then(|p| p.canonical.clone()).or_else(|| item.url.clone()),
        licence: licence.filter(|_| origin.policy == Policy::Partner).map(|url| Licence { url }),
        // A picture that could not be fetched is credited all the same, for when somebody lays it in.
        picture: page.and_then(|p| p.image.clone()).and_then(|image| image.credit).filter(|_| origin.picture.is_none()),
    }
}

/// The figure that opens a body: it is the lead picture, said again. It leaves the body, and what it says of itself goes
/// with the picture.
fn lead_figure(body: &mut Document) -> Option<Figure> {
    match body.blocks.first() {
        Some(Block::Figure(_)) => match body.blocks.remove(0) {
            Block::Figure(figure) => Some(figure),
            other => unreachable!("the first block was a figure, not {other:?}"),
        },
        _ => None,
    }
}

fn picture_use(picture: &Picture, page: Option<&Extracted>, figure: Option<Figure>) -> PictureUse {
    let said = page.and_then(|p| p.image.clone()).unwrap_or_default();
    let figure = figure.unwrap_or_default();
    PictureUse {
        picture: picture.id,
        alt: said.alt.filter(|alt| !alt.is_empty()).unwrap_or(figure.alt),
        caption: said.caption.or(figure.caption),
        credit: said.credit.or(figure.credit),
        width: picture.width,
        height: picture.height,
        file: picture.file.clone(),
    }
}

/// Words that feeds put behind a teaser to lead to the page; they are no part of it.
const READ_ON: [&str; 16] = [
    "read more",
    "read on",
    "continue reading",
    "more",
    "full story",
    "leer más",
    "seguir leyendo",
    "sigue leyendo",
    "lire la suite",
    "lire plus",
    "en savoir plus",
    "weiterlesen",
    "اقرأ المزيد",
    "المزيد",
    "阅读全文",
    "继续阅读",
];

/// A teaser without the invitation to read on at its end.
fn without_invitation(teaser: &str) -> String {
    let marks =
        |c: char| c.is_whitespace() || matches!(c, '…' | '.' | '»' | '→' | '›' | '>' | ':' | '[' | ']' | '(' | ')');
    let bare = teaser.trim_end_matches(marks);
    let folded = bare.to_lowercase();
    // Only behind a finished sentence, so that no sentence loses its own words.
    let cut = READ_ON.iter().filter(|words| folded.ends_with(**words)).find_map(|words| {
        let count = words.chars().count();
        let at = bare.char_indices().rev().nth(count - 1)?.0;
        let before = bare[..at].trim_end();
        before.ends_with(['.', '!', '?', '…', '”', '"', '»', '。', '！', '？', '؟']).then(|| before.to_owned())
    });
    cut.unwrap_or_else(|| teaser.trim().to_owned())
}

/// The outlet's topics that the source's words name, and those that the source always gets.
fn topics(origin: &Origin<'_>) -> Topics {
    let named = |topic: &&Topic| {
        origin.filed.categories.iter().any(|c| {
            let word = c.trim().to_lowercase();
            word == topic.slug || word == topic.title.to_lowercase()
        })
    };
    let chosen = origin.topics.iter().filter(named).fold(Topics::NONE, |set, topic| set.with(topic.bit));
    Topics::from_raw(chosen.raw() | origin.source_topics.raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_to_read_on_is_no_part_of_a_teaser() {
        for (written, kept) in [
            ("The main is mended. Read more", "The main is mended."),
            ("The main is mended. Read on…", "The main is mended."),
            ("Se reparó la tubería. Leer más »", "Se reparó la tubería."),
            ("水管修好了。阅读全文", "水管修好了。"),
            ("She has no time to read more", "She has no time to read more"),
            ("The choir sings on", "The choir sings on"),
        ] {
            assert_eq!(without_invitation(written), kept);
        }
    }

    #[test]
    fn the_figure_that_opens_a_body_is_the_lead_picture() {
        let figure = Figure { src: "a.jpg".into(), alt: "A wall".into(), caption: None, credit: Some("T. V.".into()) };
        let blocks = vec![Block::Figure(figure.clone()), Block::paragraph("The wall stands.")];
        let mut body = Document { blocks };
        assert_eq!(lead_figure(&mut body), Some(figure));
        assert_eq!(body.plain_text(), "The wall stands.");
        assert_eq!(lead_figure(&mut body), None);
    }

    fn made(policy: Policy) -> Made {
        made_of(policy, None)
    }

    fn made_of(policy: Policy, html: Option<String>) -> Made {
        let item = newsroom::Item {
            id: newsroom::ItemId(1),
            source: newsroom::SourceId(1),
            guid: "g".into(),
            url: Some("https://tug.example/deal".into()),
            title: "The deal".into(),
            author: Some("P. O.".into()),
            language: Some("en".into()),
            published: None,
            published_raw: None,
            summary_html: Some(format!("<p>{}</p>", "word ".repeat(80))),
            content_html: html.is_none().then(|| format!("<p>{}</p>", "Text of theirs. ".repeat(200))),
            image_url: None,
            first_seen: 0,
            state: newsroom::ItemState::New,
            article: None,
        };
        let filed = Filed { item, categories: Vec::new() };
        let origin = Origin {
            filed: &filed,
            material: &Material { url: Some("https://tug.example/deal".into()), html, picture: None },
            picture: None,
            policy,
            licence: Some("https://creativecommons.org/licenses/by/4.0/"),
            source_title: "The Tug",
            source_topics: Topics::NONE,
            topics: &[],
            language: "en",
        };
        make(&origin, ArticleId(1), 1, 0)
    }

    #[test]
    fn a_picture_that_is_not_here_keeps_its_credit() {
        let text = "<p>The wall along the quay was mended in the night, and the boats came in.</p>".repeat(12);
        let html = format!(
            "<html lang=en><body><article><h1>The wall</h1><figure><img src='/wall.jpg' alt='A wall' width=900 height=600>\
             <figcaption>The wall at dawn. Photo: Reuters</figcaption></figure>{text}</article></body></html>"
        );
        let made = made_of(Policy::Partner, Some(html));
        assert_eq!((made.revision.picture, made.revision.credit.picture.as_deref()), (None, Some("Reuters")));
    }

    #[test]
    fn what_may_only_be_watched_is_a_card_with_a_short_excerpt_and_its_credit() {
        let Made { form, revision, .. } = made(Policy::Watch);
        assert_eq!((form, revision.credit.outlet.as_deref()), (Form::Card, Some("The Tug")));
        assert_eq!(prose::word_count(&revision.standfirst), EXCERPT_WORDS_MAX);
        assert!(revision.standfirst.ends_with('…') && !revision.body.contains("theirs"));
        assert_eq!(
            (revision.credit.canonical.as_deref(), revision.credit.licence),
            (Some("https://tug.example/deal"), None)
        );
    }

    #[test]
    fn what_is_ours_leads_to_our_own_site_and_is_not_credited_to_us() {
        let Made { form, revision, .. } = made(Policy::Ours);
        assert_eq!((form, revision.credit.outlet), (Form::Card, None));
        assert!(!revision.body.contains("theirs") && !revision.standfirst.is_empty());
    }

    #[test]
    fn a_partners_article_is_whole_with_its_outlet_and_the_sources_licence() {
        let Made { form, revision, .. } = made(Policy::Partner);
        assert_eq!((form, revision.credit.outlet.as_deref()), (Form::Page, Some("The Tug")));
        assert!(revision.body.contains("theirs"));
        assert!(revision.credit.licence.is_some_and(|l| l.url.contains("/by/4.0/")));
    }
}
