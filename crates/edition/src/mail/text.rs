//! Prints the mail's text part from its page: a plain letter that holds every story, credit and link that the HTML part
//! holds. Never wider than a reply can quote, and never HTML.

use super::page::{Body, Correction, Line, Page, Story};
use super::plain::wrap;
use super::words::Words;
use super::{PREFERENCES_SLOT, UNSUBSCRIBE_SLOT};
use ::mail::mime::DraftPart;

/// As wide as the text.
const RULE: &str = "========================================================================";
/// Between two stories of a topic.
const STARS: &str = "* * *";

/// The text part.
pub(super) fn part(page: &Page) -> DraftPart {
    let mut pen = Pen::default();
    pen.masthead(page);
    pen.note(page);
    pen.story(page, &page.lead, page.lead.topic.as_deref());
    for section in &page.sections {
        pen.section(&section.title);
        for (index, story) in section.stories.iter().enumerate() {
            if index > 0 {
                pen.line(STARS);
                pen.blank();
            }
            pen.story(page, story, None);
        }
    }
    pen.blocks(page);
    pen.corrections(page);
    pen.more(page);
    pen.foot(page);
    DraftPart { shared: pen.out, personal: tail(page) }
}

fn tail(page: &Page) -> String {
    let Words { preferences, unsubscribe, colon, .. } = page.words;
    format!(
        "{preferences}{colon}\n{}{PREFERENCES_SLOT}\n\n{unsubscribe}{colon}\n{}{UNSUBSCRIBE_SLOT}\n",
        page.preferences, page.unsubscribe
    )
}

#[derive(Default)]
struct Pen {
    out: String,
}

impl Pen {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn blank(&mut self) {
        self.out.push('\n');
    }

    fn paragraph(&mut self, text: &str) {
        self.line(&wrap(text));
        self.blank();
    }

    fn masthead(&mut self, page: &Page) {
        if let [only] = page.skyline.as_slice()
            && page.sections.is_empty()
        {
            self.paragraph(&only.text);
        } else {
            let titles: Vec<&str> = page.skyline.iter().map(|Line { text, .. }| text.as_str()).collect();
            self.paragraph(&format!("{}{}", page.also, titles.join(" · ")));
        }
        self.line(RULE);
        self.line(&wrap(&page.newsletter));
        self.line(&page.date);
        self.line(&wrap(&page.measure.join(" · ")));
        self.line(RULE);
        self.blank();
    }

    fn section(&mut self, title: &str) {
        self.line(RULE);
        self.line(&wrap(&title.to_uppercase()));
        self.blank();
        self.blank();
    }

    fn story(&mut self, page: &Page, story: &Story, topic: Option<&str>) {
        if let Some(topic) = topic {
            self.line(&wrap(&topic.to_uppercase()));
            self.blank();
        }
        self.line(&wrap(&story.title));
        self.credit(story);
        self.blank();
        match &story.body {
            Body::Teaser(paragraphs) => paragraphs.iter().for_each(|text| self.paragraph(text)),
            Body::Full(document) => self.document(page, document),
        }
        self.picture(story);
        self.line(&format!("{}{}", story.read, story.words.colon));
        self.line(&story.url);
        self.blank();
    }

    fn credit(&mut self, story: &Story) {
        let original = story.original.as_ref().map(|original| original.words.as_str());
        let parts: Vec<&str> = story.credit.as_deref().into_iter().chain(original).collect();
        if !parts.is_empty() {
            self.line(&wrap(&parts.join(" · ")));
        }
        if let Some(url) = story.original.as_ref().and_then(|original| original.url.as_ref()) {
            self.line(url);
        }
    }

    fn document(&mut self, page: &Page, document: &prose::Document) {
        let base = prose::link::absolute(&page.site);
        for line in document.to_text(base.as_ref()).lines() {
            self.line(&wrap(line));
        }
        self.blank();
    }

    /// The lead's picture in words.
    fn picture(&mut self, story: &Story) {
        let Some(picture) = &story.picture else { return };
        let credit = picture.credit.as_deref().map(story.words.photo);
        let told = picture.caption.clone().unwrap_or_else(|| picture.alt.clone());
        let parts: Vec<String> = [Some(told), credit].into_iter().flatten().filter(|part| !part.is_empty()).collect();
        if !parts.is_empty() {
            self.paragraph(&format!("[{}]", parts.join(" ")));
        }
    }

    fn note(&mut self, page: &Page) {
        let Some(note) = &page.note else { return };
        note.paragraphs.iter().for_each(|text| self.paragraph(text));
        if !note.signed.is_empty() {
            self.paragraph(&format!("— {}", note.signed));
        }
        self.line(RULE);
        self.blank();
    }

    /// Each under its label, so that nobody takes it for a story.
    fn blocks(&mut self, page: &Page) {
        for block in &page.blocks {
            self.section(block.label);
            self.line(&wrap(&block.title));
            self.paragraph(&block.text);
            self.line(&wrap(&format!("{}{}", block.link_words, page.words.colon)));
            self.line(&block.url);
            self.blank();
        }
    }

    fn more(&mut self, page: &Page) {
        let Some(more) = &page.more else { return };
        self.line(RULE);
        self.blank();
        self.line(&wrap(more));
        self.line(&page.web);
        self.blank();
    }

    fn corrections(&mut self, page: &Page) {
        if page.corrections.is_empty() {
            return;
        }
        self.section(page.words.corrections);
        for Correction { title, text, url, .. } in &page.corrections {
            self.line(&wrap(title));
            self.line(&wrap(text));
            self.line(url);
            self.blank();
        }
    }

    fn foot(&mut self, page: &Page) {
        self.line(RULE);
        self.blank();
        self.paragraph(page.end);
        self.paragraph(&page.why);
        self.line(&wrap(&page.outlet));
        page.postal.iter().for_each(|line| self.line(&wrap(line)));
        self.line(&page.site);
        self.blank();
        self.line(&format!("{}{}", page.words.web, page.words.colon));
        self.line(&page.web);
        self.line(&format!("{} {}{}", page.words.friend, page.words.friend_link, page.words.colon));
        self.line(&page.join);
        self.blank();
    }
}
