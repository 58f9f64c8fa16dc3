//! The mail's page: an [`EditionView`] cleaned, measured, grouped and put into words, from which both parts are printed.
//! Whatever is decided about the mail is decided here; the printers only print.

use super::language::{Face, direction, tag};
use super::words::Words;
use super::{
    BlockView, CorrectionView, DraftFault, EditionView, EnvelopeView, PictureView, StoryBody, StoryView, plain, reckon,
};
use newsroom::{BlockKind, EditionKind};
use prose::Direction;

/// Longer subjects are cut by every inbox.
pub const SUBJECT_CHARS_MAX: usize = 120;
/// A headline of this length fills a phone's screen.
const TITLE_CHARS_MAX: usize = 300;
/// Names of people, outlets, topics and newsletters.
const NAME_CHARS_MAX: usize = 160;
/// A description that says more than this is an article.
const CAPTION_CHARS_MAX: usize = 600;
/// A teaser is a few sentences.
const TEASER_CHARS_MAX: usize = 900;
/// More paragraphs than this are no teaser.
const TEASER_PARAGRAPHS_MAX: usize = 4;
/// The desk takes notes of 1,500 characters in six paragraphs.
const NOTE_CHARS_MAX: usize = 1_500;
const NOTE_PARAGRAPHS_MAX: usize = 6;
/// The desk takes blocks of 400 characters.
const BLOCK_CHARS_MAX: usize = 400;
/// A correction says what was wrong and what is right.
const CORRECTION_CHARS_MAX: usize = 1_200;
/// Addresses have seven lines at most (UPU S42); a little more for telephone and registration.
const POSTAL_LINES_MAX: usize = 10;
/// Inboxes show, and summaries read, about this much of a mail's beginning, in columns.
const SKYLINE_COLUMNS_MAX: usize = 150;
/// The column of text is 600 pixels with 24 on either side.
pub(super) const COLUMN_PX: u32 = 552;
/// A tall picture would push the news below the screen.
const PICTURE_HEIGHT_PX_MAX: u32 = 620;

/// What both parts print.
pub(super) struct Page {
    pub(super) subject: String,
    pub(super) words: &'static Words,
    pub(super) direction: Direction,
    pub(super) face: Face,
    pub(super) outlet: String,
    pub(super) newsletter: String,
    pub(super) site: String,
    pub(super) web: String,
    /// Where a friend signs up: the site's own form, without any token.
    pub(super) join: String,
    pub(super) date: String,
    /// Stories, words and minutes.
    pub(super) measure: [String; 3],
    pub(super) also: &'static str,
    pub(super) skyline: Vec<Line>,
    pub(super) note: Option<Note>,
    pub(super) lead: Story,
    pub(super) sections: Vec<Section>,
    pub(super) blocks: Vec<Block>,
    /// What stands on the site alone, in words.
    pub(super) more: Option<String>,
    pub(super) corrections: Vec<Correction>,
    pub(super) end: &'static str,
    pub(super) why: String,
    pub(super) postal: Vec<String>,
    pub(super) preferences: String,
    pub(super) unsubscribe: String,
}

/// A line in a language of its own.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) language: String,
    pub(super) direction: Direction,
}

/// The editor's note.
pub(super) struct Note {
    pub(super) language: String,
    pub(super) direction: Direction,
    pub(super) face: Face,
    pub(super) paragraphs: Vec<String>,
    pub(super) signed: String,
}

/// A house block.
pub(super) struct Block {
    pub(super) label: &'static str,
    pub(super) language: String,
    pub(super) direction: Direction,
    pub(super) face: Face,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) url: String,
    pub(super) link_words: String,
}

/// Stories under one topic.
pub(super) struct Section {
    pub(super) title: String,
    pub(super) stories: Vec<Story>,
}

pub(super) struct Story {
    pub(super) title: String,
    pub(super) language: String,
    pub(super) direction: Direction,
    pub(super) face: Face,
    /// The words around the story: its own language's where we have them.
    pub(super) words: &'static Words,
    /// The byline; whose story it was says `original`.
    pub(super) credit: Option<String>,
    pub(super) original: Option<Original>,
    pub(super) topic: Option<String>,
    pub(super) url: String,
    /// The words of the link to it.
    pub(super) read: String,
    pub(super) picture: Option<Picture>,
    pub(super) body: Body,
}

/// Where a republished story first stood.
pub(super) struct Original {
    pub(super) words: String,
    pub(super) url: Option<String>,
}

pub(super) enum Body {
    Teaser(Vec<String>),
    Full(prose::Document),
}

pub(super) struct Picture {
    pub(super) url: String,
    pub(super) alt: String,
    /// The width at which it is shown.
    pub(super) width: u32,
    pub(super) caption: Option<String>,
    pub(super) credit: Option<String>,
}

pub(super) struct Correction {
    pub(super) title: String,
    pub(super) language: String,
    pub(super) direction: Direction,
    pub(super) face: Face,
    pub(super) text: String,
    pub(super) url: String,
}

/// The subject line: what the editors wrote, else the lead's headline, on one line of at most [`SUBJECT_CHARS_MAX`]
/// characters. When there is none, the newsletter's name, then the outlet's, then the date: a subject is never empty.
///
/// It is never one that the last edition had: then the next headline takes its place, and when there is none, or when the
/// editors wrote it, the date is put behind it.
pub fn subject(view: &EditionView) -> String {
    let date = (Words::of(&view.language).date)(view.date);
    let headlines = view.stories.iter().map(|story| story.title.as_str());
    let names = [view.newsletter.as_str(), &view.outlet];
    choose_subject(&view.envelope.subject, headlines, names, &view.envelope.last_subjects, &date)
}

/// As [`subject`], of its parts.
pub(crate) fn choose_subject<'a>(
    written: &str,
    mut headlines: impl Iterator<Item = &'a str>,
    names: [&str; 2],
    last: &[String],
    date: &str,
) -> String {
    let line = |text: &str| Some(plain::line(text, SUBJECT_CHARS_MAX)).filter(|line| !line.is_empty());
    let fresh = |line: &String| !last.contains(line);
    let (written, lead) = (line(written), headlines.next().and_then(line));
    let next = if written.is_some() { None } else { headlines.filter_map(line).find(fresh) };
    let first = written.or(lead);
    match (first, next) {
        (Some(first), _) if fresh(&first) => first,
        (Some(_), Some(next)) => next,
        (Some(first), None) => {
            let room = SUBJECT_CHARS_MAX.saturating_sub(date.chars().count() + 3);
            format!("{} · {date}", plain::line(&first, room))
        }
        (None, _) => names.into_iter().filter_map(line).find(fresh).unwrap_or_else(|| date.to_owned()),
    }
}

impl Page {
    pub(super) fn of(view: &EditionView) -> Result<Self, DraftFault> {
        let words = Words::of(&view.language);
        // The lead's headline is of the second level, the others stand on the third below their topic.
        let headings = std::iter::once(3).chain(std::iter::repeat(4));
        let stories = view.stories.iter().zip(headings).map(|(story, heading)| Story::of(story, words, heading));
        let mut stories = stories.collect::<Result<Vec<_>, _>>()?;
        if stories.is_empty() {
            return Err(DraftFault::NoStory);
        }
        let measure = measure(words, &stories);
        let kind = match view.kind {
            EditionKind::Daily => 0,
            EditionKind::Weekly => 1,
            EditionKind::Breaking => 2,
        };
        let preview = preview(&view.envelope);
        let also = if preview.is_some() { "" } else { words.also[kind] };
        let skyline = preview.map_or_else(|| skyline(&stories), |line| vec![line]);
        let lead = stories.remove(0);
        let outlet = name_or(&view.outlet, &view.newsletter);
        let newsletter = name_or(&view.newsletter, &view.outlet);
        Ok(Self {
            subject: subject(view),
            words,
            direction: direction(words.language, ""),
            face: Face::of(words.language),
            why: if newsletter == outlet { (words.why)(&newsletter) } else { (words.why_of)(&newsletter, &outlet) },
            outlet,
            newsletter,
            site: required("the site", &view.site)?,
            web: required("the edition's page", &view.web)?,
            join: required("the site", &format!("{}#sign-up", view.site))?,
            date: (words.date)(view.date),
            measure,
            also,
            skyline,
            note: note(&view.envelope),
            lead,
            sections: sections(stories, words),
            blocks: view.blocks.iter().map(|block| Block::of(block, words)).collect::<Result<_, _>>()?,
            more: (view.more > 0)
                .then(|| (words.more_on_site)(u64::try_from(view.more).expect("a count fits in 64 bits"))),
            corrections: view.corrections.iter().map(Correction::of).collect::<Result<_, _>>()?,
            end: words.end[kind],
            postal: postal(&view.postal_address),
            preferences: required("the preferences page", &view.doors.preferences)?,
            unsubscribe: required("the unsubscribe page", &view.doors.unsubscribe)?,
        })
    }
}

fn name_or(name: &str, other: &str) -> String {
    let name = plain::line(name, NAME_CHARS_MAX);
    if name.is_empty() { plain::line(other, NAME_CHARS_MAX) } else { name }
}

fn required(what: &'static str, address: &str) -> Result<String, DraftFault> {
    plain::link(address).ok_or_else(|| DraftFault::Address { what, address: plain::line(address, NAME_CHARS_MAX) })
}

fn postal(address: &str) -> Vec<String> {
    let lines = address.lines().map(|line| plain::line(line, NAME_CHARS_MAX)).filter(|line| !line.is_empty());
    lines.take(POSTAL_LINES_MAX).collect()
}

fn measure(words: &Words, stories: &[Story]) -> [String; 3] {
    let counts: Vec<(&str, u64)> = stories.iter().map(|story| (story.language.as_str(), story.length())).collect();
    let total = counts.iter().map(|(_, count)| count).sum();
    let minutes = reckon::minutes(counts);
    let count = u64::try_from(stories.len()).expect("a count fits in 64 bits");
    [(words.stories)(count), (words.words)(total), (words.minutes)(minutes)]
}

/// What the editors want inboxes to show.
fn preview(envelope: &EnvelopeView) -> Option<Line> {
    let text = plain::line(&envelope.preview, SKYLINE_COLUMNS_MAX);
    let language = tag(&envelope.language);
    (!text.is_empty()).then(|| Line { direction: direction(&language, &text), text, language })
}

fn note(envelope: &EnvelopeView) -> Option<Note> {
    let paragraphs = envelope.note.iter().map(|text| plain::line(text, NOTE_CHARS_MAX)).filter(|text| !text.is_empty());
    let paragraphs: Vec<String> = paragraphs.take(NOTE_PARAGRAPHS_MAX).collect();
    let language = tag(&envelope.language);
    let first = paragraphs.first()?;
    Some(Note {
        direction: direction(&language, first),
        face: Face::of(&language),
        signed: plain::line(&envelope.signed, NAME_CHARS_MAX),
        language,
        paragraphs,
    })
}

/// The headlines that follow the lead's, which is already the subject; of an edition of one story, how it begins. An
/// inbox shows this beside the subject.
fn skyline(stories: &[Story]) -> Vec<Line> {
    if let [only] = stories {
        return only.line(&only.opening()).into_iter().collect();
    }
    let mut room = SKYLINE_COLUMNS_MAX;
    let mut lines = Vec::new();
    for story in &stories[1..] {
        let length = plain::columns(&story.title);
        if !lines.is_empty() && length > room {
            break;
        }
        room = room.saturating_sub(length + 3);
        lines.extend(story.line(&story.title));
    }
    lines
}

/// Topics in the order in which the line-up first names them; what has no topic comes last.
fn sections(stories: Vec<Story>, words: &Words) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut others = Vec::new();
    for story in stories {
        let Some(topic) = story.topic.clone() else {
            others.push(story);
            continue;
        };
        match sections.iter_mut().find(|section| section.title == topic) {
            Some(section) => section.stories.push(story),
            None => sections.push(Section { title: topic, stories: vec![story] }),
        }
    }
    if !others.is_empty() {
        sections.push(Section { title: words.more.to_owned(), stories: others });
    }
    sections
}

impl Story {
    fn of(view: &StoryView, mail: &'static Words, heading: u8) -> Result<Self, DraftFault> {
        let language = tag(&view.language);
        let title = plain::line(&view.title, TITLE_CHARS_MAX);
        let words = Words::exactly(&language).unwrap_or(mail);
        let outlet = named(view.outlet.as_deref());
        let byline = named(view.byline.as_deref());
        let at = named(view.at.as_deref());
        // What lives elsewhere was not published by us: its outlet stands beside its byline.
        let (credit, republished) = match &at {
            Some(_) => (Some([byline, outlet].into_iter().flatten().collect::<Vec<_>>().join(words.comma)), None),
            None => (byline, outlet),
        };
        let url = required("a story's page", &view.url)?;
        // An article without a headline is still linked: by its address.
        let title = if title.is_empty() { url.clone() } else { title };
        Ok(Self {
            direction: direction(&language, &title),
            face: Face::of(&language),
            words,
            credit: credit.filter(|credit| !credit.is_empty()),
            original: republished.map(|outlet| Original {
                words: (words.original)(&outlet),
                url: view.original.as_deref().and_then(plain::link),
            }),
            topic: named(view.topic.as_deref()),
            read: at.map_or_else(|| words.read.to_owned(), |host| (words.read_at)(&host)),
            url,
            picture: view.picture.as_ref().and_then(Picture::of),
            body: Body::of(&view.body, heading),
            language,
            title,
        })
    }

    fn length(&self) -> u64 {
        reckon::words(&self.title)
            + match &self.body {
                Body::Teaser(paragraphs) => paragraphs.iter().map(|text| reckon::words(text)).sum(),
                Body::Full(document) => reckon::words(&document.plain_text()),
            }
    }

    /// How it begins, for an inbox.
    fn opening(&self) -> String {
        let opening = match &self.body {
            Body::Teaser(paragraphs) => paragraphs.join(" "),
            Body::Full(document) => document.first_words(SKYLINE_COLUMNS_MAX),
        };
        plain::line(&opening, SKYLINE_COLUMNS_MAX)
    }

    fn line(&self, text: &str) -> Option<Line> {
        let line = || Line { text: text.to_owned(), language: self.language.clone(), direction: self.direction };
        (!text.is_empty()).then(line)
    }
}

impl Block {
    fn of(view: &BlockView, words: &'static Words) -> Result<Self, DraftFault> {
        let language = tag(&view.language);
        let title = plain::line(&view.title, NAME_CHARS_MAX);
        Ok(Self {
            label: match view.kind {
                BlockKind::Appeal => words.labels[0],
                BlockKind::Event => words.labels[1],
                BlockKind::Sponsor => words.labels[2],
            },
            direction: direction(&language, &title),
            face: Face::of(&language),
            title,
            text: plain::line(&view.text, BLOCK_CHARS_MAX),
            url: required("a house block's link", &view.url)?,
            link_words: plain::line(&view.link_words, NAME_CHARS_MAX),
            language,
        })
    }
}

fn named(name: Option<&str>) -> Option<String> {
    name.map(|name| plain::line(name, NAME_CHARS_MAX)).filter(|name| !name.is_empty())
}

impl Body {
    fn of(view: &StoryBody, heading: u8) -> Self {
        match view {
            StoryBody::Full(document) => Self::Full(prose::Document { blocks: lowered(&document.blocks, heading) }),
            StoryBody::Teaser(paragraphs) => Self::Teaser(teaser(paragraphs)),
        }
    }
}

/// The headings of an article stand one level below its headline.
fn lowered(blocks: &[prose::Block], level: u8) -> Vec<prose::Block> {
    let lower = |block: &prose::Block| match block {
        prose::Block::Heading { inlines, .. } => prose::Block::Heading { level, inlines: inlines.clone() },
        prose::Block::Quote { blocks } => prose::Block::Quote { blocks: lowered(blocks, level) },
        other => other.clone(),
    };
    blocks.iter().map(lower).collect()
}

fn teaser(paragraphs: &[String]) -> Vec<String> {
    let mut room = TEASER_CHARS_MAX;
    let mut kept = Vec::new();
    for paragraph in paragraphs.iter().take(TEASER_PARAGRAPHS_MAX) {
        let paragraph = plain::line(paragraph, room);
        room = room.saturating_sub(paragraph.chars().count());
        if !paragraph.is_empty() {
            kept.push(paragraph);
        }
        if room == 0 {
            break;
        }
    }
    kept
}

impl Picture {
    fn of(view: &PictureView) -> Option<Self> {
        if view.width == 0 || view.height == 0 {
            return None;
        }
        let by_height = u64::from(PICTURE_HEIGHT_PX_MAX) * u64::from(view.width) / u64::from(view.height);
        let by_height = u32::try_from(by_height).unwrap_or(u32::MAX);
        Some(Self {
            url: plain::link(&view.url)?,
            alt: plain::line(&view.alt, CAPTION_CHARS_MAX),
            width: COLUMN_PX.min(view.width).min(by_height).max(1),
            caption: view.caption.as_deref().map(|text| plain::line(text, CAPTION_CHARS_MAX)).filter(|t| !t.is_empty()),
            credit: named(view.credit.as_deref()),
        })
    }
}

impl Correction {
    fn of(view: &CorrectionView) -> Result<Self, DraftFault> {
        let language = tag(&view.language);
        let text = plain::line(&view.text, CORRECTION_CHARS_MAX);
        let url = required("a corrected story's page", &view.url)?;
        let title = plain::line(&view.title, TITLE_CHARS_MAX);
        Ok(Self {
            direction: direction(&language, &text),
            face: Face::of(&language),
            title: if title.is_empty() { url.clone() } else { title },
            language,
            text,
            url,
        })
    }
}
