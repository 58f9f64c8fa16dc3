//! Prints the mail's HTML part from its page. What a template shows are the types below, made by hand; every value is
//! escaped by the engine, and an article's body comes as [`prose::Clean`].

use super::language::Face;
use super::page::{Block, Body, Correction, Note, Page, Picture, Section, Story};
use super::{PREFERENCES_SLOT, UNSUBSCRIBE_SLOT};
use ::mail::mime::DraftPart;
use prose::{Clean, Direction, MailDress, Pictures, Templates};
use serde::Serialize;
use std::sync::LazyLock;

/// Compiled once: a digest of twelve stories then prints in microseconds.
static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| {
    Templates::new(&[
        ("edition.html", include_str!("../../templates/edition.html")),
        ("tail.html", include_str!("../../templates/tail.html")),
    ])
    .expect("the mail's own templates compile: a test prints them in every language")
});

#[derive(Serialize)]
struct Shared<'a> {
    subject: &'a str,
    language: &'static str,
    dir: &'static str,
    side: &'static str,
    face: Face,
    newsletter: &'a str,
    /// The masthead's size: a long name in a smaller one.
    nameplate: &'static str,
    /// Its size in pixels on a phone.
    nameplate_phone: usize,
    outlet: &'a str,
    site: &'a str,
    web: &'a str,
    web_words: &'static str,
    friend: &'static str,
    friend_words: &'static str,
    join: &'a str,
    date: &'a str,
    measure: &'a [String; 3],
    also: &'static str,
    skyline: Vec<LineView<'a>>,
    note: Option<NoteShown<'a>>,
    lead: StoryShown<'a>,
    sections: Vec<SectionShown<'a>>,
    blocks: Vec<BlockShown<'a>>,
    more: Option<&'a str>,
    corrections_words: &'static str,
    corrections: Vec<CorrectionShown<'a>>,
    end: &'static str,
    why: &'a str,
    comma: &'static str,
    postal: String,
}

#[derive(Serialize)]
struct LineView<'a> {
    text: &'a str,
    language: &'a str,
    dir: &'static str,
}

#[derive(Serialize)]
struct NoteShown<'a> {
    language: &'a str,
    dir: &'static str,
    side: &'static str,
    face: Face,
    paragraphs: &'a [String],
    signed: &'a str,
}

#[derive(Serialize)]
struct BlockShown<'a> {
    label: &'static str,
    language: &'a str,
    dir: &'static str,
    side: &'static str,
    face: Face,
    title: &'a str,
    text: &'a str,
    url: &'a str,
    link_words: &'a str,
}

#[derive(Serialize)]
struct SectionShown<'a> {
    title: &'a str,
    stories: Vec<StoryShown<'a>>,
}

#[derive(Serialize)]
struct StoryShown<'a> {
    title: &'a str,
    language: &'a str,
    dir: &'static str,
    side: &'static str,
    face: Face,
    credit: Option<&'a str>,
    original: Option<&'a str>,
    original_url: Option<&'a str>,
    topic: Option<&'a str>,
    url: &'a str,
    read: &'a str,
    /// Set when the words around the story are in another language than the story.
    words_language: Option<&'static str>,
    picture: Option<PictureShown<'a>>,
    teaser: &'a [String],
    full: Option<Clean>,
}

#[derive(Serialize)]
struct PictureShown<'a> {
    url: &'a str,
    alt: &'a str,
    width: u32,
    caption: Option<&'a str>,
    credit: Option<String>,
}

#[derive(Serialize)]
struct CorrectionShown<'a> {
    title: &'a str,
    language: &'a str,
    dir: &'static str,
    side: &'static str,
    face: Face,
    text: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
struct Tail<'a> {
    preferences: String,
    unsubscribe: String,
    preferences_words: &'a str,
    unsubscribe_words: &'a str,
}

/// The HTML part.
pub(super) fn part(page: &Page) -> DraftPart {
    let print = |name: &str, printed: Result<String, prose::TemplateFault>| {
        printed.unwrap_or_else(|fault| panic!("the mail's own template {name} prints every page: {fault}"))
    };
    DraftPart {
        shared: print("edition.html", TEMPLATES.render("edition.html", shared(page))),
        personal: print("tail.html", TEMPLATES.render("tail.html", tail(page))),
    }
}

fn shared(page: &Page) -> Shared<'_> {
    Shared {
        subject: &page.subject,
        language: page.words.language,
        dir: page.direction.as_str(),
        side: page.direction.start(),
        face: page.face,
        newsletter: &page.newsletter,
        nameplate: nameplate(&page.newsletter, page.face),
        nameplate_phone: nameplate_phone(&page.newsletter),
        outlet: &page.outlet,
        site: &page.site,
        web: &page.web,
        web_words: page.words.web,
        friend: page.words.friend,
        friend_words: page.words.friend_link,
        join: &page.join,
        date: &page.date,
        measure: &page.measure,
        also: page.also,
        skyline: page
            .skyline
            .iter()
            .map(|line| LineView { text: &line.text, language: &line.language, dir: line.direction.as_str() })
            .collect(),
        note: page.note.as_ref().map(note),
        lead: story(page, &page.lead),
        sections: page.sections.iter().map(|s| section(page, s)).collect(),
        blocks: page.blocks.iter().map(block).collect(),
        more: page.more.as_deref(),
        corrections_words: page.words.corrections,
        corrections: page.corrections.iter().map(correction).collect(),
        end: page.end,
        why: &page.why,
        comma: page.words.comma,
        postal: page.postal.join(page.words.comma),
    }
}

fn tail(page: &Page) -> Tail<'static> {
    Tail {
        preferences: format!("{}{PREFERENCES_SLOT}", page.preferences),
        unsubscribe: format!("{}{UNSUBSCRIBE_SLOT}", page.unsubscribe),
        preferences_words: page.words.preferences,
        unsubscribe_words: page.words.unsubscribe,
    }
}

/// The size in which a masthead's letters stand on one line of the column.
fn nameplate(newsletter: &str, face: Face) -> &'static str {
    let [short, middling, long] = face.nameplates;
    match super::plain::columns(newsletter) {
        0..=21 => short,
        22..=28 => middling,
        _ => long,
    }
}

/// A bold letter is some 0.57 of its size wide, and a phone's column 320 pixels.
fn nameplate_phone(newsletter: &str) -> usize {
    (56_000 / (100 * super::plain::columns(newsletter)).max(1)).clamp(26, 46)
}

fn section<'a>(page: &'a Page, section: &'a Section) -> SectionShown<'a> {
    SectionShown { title: &section.title, stories: section.stories.iter().map(|s| story(page, s)).collect() }
}

fn story<'a>(page: &'a Page, story: &'a Story) -> StoryShown<'a> {
    let (teaser, full) = match &story.body {
        Body::Teaser(paragraphs) => (paragraphs.as_slice(), None),
        Body::Full(document) => (&[][..], full(page, story.direction, document)),
    };
    StoryShown {
        title: &story.title,
        language: &story.language,
        dir: story.direction.as_str(),
        side: story.direction.start(),
        face: story.face,
        credit: story.credit.as_deref(),
        original: story.original.as_ref().map(|original| original.words.as_str()),
        original_url: story.original.as_ref().and_then(|original| original.url.as_deref()),
        topic: story.topic.as_deref(),
        url: &story.url,
        read: &story.read,
        words_language: (super::language::primary(&story.language) != story.words.language)
            .then_some(story.words.language),
        picture: story.picture.as_ref().map(|p| picture(story, p)),
        teaser,
        full,
    }
}

fn full(page: &Page, direction: Direction, document: &prose::Document) -> Option<Clean> {
    let base = prose::link::absolute(&page.site)?;
    Some(document.to_mail_html(MailDress { base: &base, direction, pictures: Pictures::Linked }))
}

fn picture<'a>(story: &Story, picture: &'a Picture) -> PictureShown<'a> {
    PictureShown {
        url: &picture.url,
        alt: &picture.alt,
        width: picture.width,
        caption: picture.caption.as_deref(),
        credit: picture.credit.as_deref().map(story.words.photo),
    }
}

fn note(note: &Note) -> NoteShown<'_> {
    NoteShown {
        language: &note.language,
        dir: note.direction.as_str(),
        side: note.direction.start(),
        face: note.face,
        paragraphs: &note.paragraphs,
        signed: &note.signed,
    }
}

fn block(block: &Block) -> BlockShown<'_> {
    BlockShown {
        label: block.label,
        language: &block.language,
        dir: block.direction.as_str(),
        side: block.direction.start(),
        face: block.face,
        title: &block.title,
        text: &block.text,
        url: &block.url,
        link_words: &block.link_words,
    }
}

fn correction(correction: &Correction) -> CorrectionShown<'_> {
    CorrectionShown {
        title: &correction.title,
        language: &correction.language,
        dir: correction.direction.as_str(),
        side: correction.direction.start(),
        face: correction.face,
        text: &correction.text,
        url: &correction.url,
    }
}
