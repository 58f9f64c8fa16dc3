//! From articles to what a mail shows, and from a drafted mail to what is frozen with its cohort.

use ::mail::shared::{Identity, MakeUpFault, Purpose, SharedMail};
use newsroom::{Article, CohortId, DepartureId, Form, HouseBlock, Newsletter, Outlet, Topic};

use crate::mail::{
    BlockView, Doors, EditionDraft, EditionView, EnvelopeView, PictureView, StoryBody, StoryView, UNSUBSCRIBE_SLOT,
};
use crate::materials::Materials;

/// How many words of a story a teaser holds when it has no standfirst: a paragraph.
const TEASER_WORDS: usize = 45;

/// What the mail of a cohort shows.
pub(crate) fn edition(materials: &Materials, language: &str, stories: &[Article], more: usize) -> EditionView {
    let Materials { outlet, wish, topics, .. } = materials;
    let site = &outlet.site;
    EditionView {
        outlet: outlet.name.clone(),
        newsletter: wish.newsletter.title.clone(),
        site: format!("{site}/"),
        language: language.into(),
        kind: wish.kind,
        date: wish.date,
        stories: stories.iter().map(|article| story(site, article, topics)).collect(),
        envelope: envelope(materials),
        blocks: materials.blocks.iter().map(|block| block_view(block, &outlet.language)).collect(),
        more,
        corrections: Vec::new(),
        postal_address: outlet.postal_address.clone(),
        web: format!("{site}{}", edition_path(wish.date)),
        doors: Doors { preferences: format!("{site}/preferences/"), unsubscribe: format!("{site}/unsubscribe/") },
    }
}

fn envelope(materials: &Materials) -> EnvelopeView {
    let written = &materials.taken.envelope;
    EnvelopeView {
        subject: written.subject.clone(),
        last_subjects: materials.last_subjects.clone(),
        preview: written.preview.clone(),
        note: written.note.paragraphs(),
        signed: written.note.signed.clone(),
        language: materials.outlet.language.clone(),
    }
}

/// Blocks are written in the outlet's language.
fn block_view(block: &HouseBlock, language: &str) -> BlockView {
    BlockView {
        kind: block.kind,
        language: language.to_owned(),
        title: block.title.clone(),
        text: block.text.clone(),
        url: block.link.clone(),
        link_words: block.link_words.clone(),
    }
}

/// Where a card leads and on which host, when the article is one.
fn card(article: &Article) -> Option<(String, String)> {
    let url = article.revision.credit.canonical.as_deref().filter(|_| article.form == Form::Card)?;
    let parsed = prose::link::absolute(url).filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = parsed.host_str()?;
    Some((url.to_owned(), host.strip_prefix("www.").unwrap_or(host).to_owned()))
}

/// Where the edition of a day stands on the site.
pub fn edition_path(date: jiff::civil::Date) -> String {
    format!("/editions/{:04}/{:02}/{:02}/", date.year(), date.month(), date.day())
}

fn story(site: &str, article: &Article, topics: &[Topic]) -> StoryView {
    let revision = &article.revision;
    let picture = revision.picture.as_ref().map(|p| PictureView {
        url: format!("{site}/pictures/{}", p.file),
        alt: p.alt.clone(),
        width: p.width,
        height: p.height,
        caption: p.caption.clone(),
        credit: p.credit.clone(),
    });
    let (url, at) = match card(article) {
        Some((url, host)) => (url, Some(host)),
        None => (format!("{site}/articles/{}/", article.slug), None),
    };
    StoryView {
        title: revision.title.clone(),
        language: revision.language.clone(),
        byline: revision.credit.byline.clone(),
        outlet: revision.credit.outlet.clone(),
        original: revision.credit.canonical.clone(),
        topic: topics.iter().find(|t| revision.topics.has(t.bit)).map(|t| t.title.clone()),
        url,
        at,
        picture,
        body: StoryBody::Teaser(vec![teaser(article)]),
    }
}

fn teaser(article: &Article) -> String {
    let revision = &article.revision;
    if !revision.standfirst.is_empty() {
        return revision.standfirst.clone();
    }
    // A body that cannot be read was written by a newer Coranto: the headline and the link still stand.
    prose::Document::from_json(&revision.body).map_or_else(|_| String::new(), |body| body.first_words(TEASER_WORDS))
}

/// Makes a drafted mail up for sending: the headers its copies share, and the encoded body.
///
/// # Errors
/// [`MakeUpFault`] when the outlet's settings cannot stand in a mail.
pub fn make_up(
    outlet: &Outlet,
    newsletter: &Newsletter,
    departure: DepartureId,
    cohort: CohortId,
    drafted: &EditionDraft,
) -> Result<SharedMail, MakeUpFault> {
    let identity = Identity::new(&outlet.name, &outlet.from, outlet.reply_to.as_deref(), &outlet.mail_domain)?;
    let purpose = Purpose::List {
        name: newsletter.title.clone(),
        // RFC 2919: the list's own name, which outlives its title.
        id: format!("{}.{}", newsletter.slug, outlet.mail_domain),
        unsubscribe: format!("{}/unsubscribe/{UNSUBSCRIBE_SLOT}", outlet.site),
        marks: [departure.to_string(), newsletter.slug.clone(), "edition".into()],
    };
    SharedMail::new(identity, &drafted.subject, purpose, &drafted.parts, &cohort.0.to_be_bytes())
}
