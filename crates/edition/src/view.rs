//! From articles to what a mail shows, and from a drafted mail to what is frozen with its cohort.

use ::mail::shared::{Identity, MakeUpFault, Purpose, SharedMail};
use newsroom::{Article, CohortId, DepartureId, Outlet, Topic};

use crate::cut::Wish;
use crate::mail::{Doors, EditionDraft, EditionView, PictureView, StoryBody, StoryView, UNSUBSCRIBE_SLOT};

/// How many words of a story a teaser holds when it has no standfirst: a paragraph.
const TEASER_WORDS: usize = 45;

/// What the mail of a cohort shows.
pub(crate) fn edition(
    outlet: &Outlet,
    wish: &Wish,
    language: &str,
    stories: &[Article],
    topics: &[Topic],
) -> EditionView {
    let site = &outlet.site;
    EditionView {
        outlet: outlet.name.clone(),
        newsletter: wish.newsletter.title.clone(),
        site: format!("{site}/"),
        language: language.into(),
        kind: wish.kind,
        date: wish.date,
        stories: stories.iter().map(|article| story(site, article, topics)).collect(),
        corrections: Vec::new(),
        postal_address: outlet.postal_address.clone(),
        web: format!("{site}{}", edition_path(wish.date)),
        doors: Doors { preferences: format!("{site}/preferences/"), unsubscribe: format!("{site}/unsubscribe/") },
    }
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
    StoryView {
        title: revision.title.clone(),
        language: revision.language.clone(),
        byline: revision.credit.byline.clone(),
        outlet: revision.credit.outlet.clone(),
        original: revision.credit.canonical.clone(),
        topic: topics.iter().find(|t| revision.topics.has(t.bit)).map(|t| t.title.clone()),
        url: format!("{site}/articles/{}/", article.slug),
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
pub(crate) fn make_up(
    outlet: &Outlet,
    wish: &Wish,
    departure: DepartureId,
    cohort: CohortId,
    drafted: &EditionDraft,
) -> Result<SharedMail, MakeUpFault> {
    let newsletter = &wish.newsletter;
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
