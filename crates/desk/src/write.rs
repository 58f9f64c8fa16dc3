//! Writing by hand: a member's text becomes a revision, and what still keeps it from being published is said all at once.
//!
//! A save names the revision it came from. When somebody else saved meanwhile, nothing is written and the caller is told.

use newsroom::{Article, ArticleId, ArticleState, Form, ItemId, ItemState, MemberId, Ms, Revision, slug};
use prose::Document;
use store::{Read, Store, Write, articles, items, revisions};
use world::World;

use crate::take::{held, make_of};

/// What keeps an article from being published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It has no headline.
    Title,
    /// It has no text.
    Body,
    /// Its picture says nothing to those who do not see it.
    Alt,
    /// It first stood elsewhere, and does not say whose it is.
    Outlet,
    /// It first stood elsewhere, and does not lead there.
    Canonical,
}

impl Missing {
    /// What to do about it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Title => "Give it a headline.",
            Self::Body => "Write its text.",
            Self::Alt => "Say what the picture shows, for readers who do not see it.",
            Self::Outlet => "Name the outlet that it came from.",
            Self::Canonical => "Give the address where it first stood.",
        }
    }
}

/// Everything that keeps a revision from being published, in the order of the form. `republished`: it came from a source.
/// A card has no text of its own here: it leads to where that stands.
pub fn missing(revision: &Revision, form: Form, republished: bool) -> Vec<Missing> {
    let blank = |text: &str| text.trim().is_empty();
    let body = Document::from_json(&revision.body).map_or(true, |body| body.is_empty());
    let alt = revision.picture.as_ref().is_some_and(|picture| blank(&picture.alt));
    let credit = &revision.credit;
    let elsewhere = republished || credit.outlet.is_some() || credit.canonical.is_some();
    let none = |text: &Option<String>| text.as_deref().is_none_or(blank);
    [
        (blank(&revision.title), Missing::Title),
        (body && form == Form::Page, Missing::Body),
        (alt, Missing::Alt),
        (elsewhere && none(&credit.outlet), Missing::Outlet),
        ((elsewhere || form == Form::Card) && none(&credit.canonical), Missing::Canonical),
    ]
    .into_iter()
    .filter_map(|(is, what)| is.then_some(what))
    .collect()
}

/// Who saves, and what readers are told of it.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Who.
    pub member: Option<MemberId>,
    /// What readers of a published article are told; empty: nothing.
    pub note: String,
}

/// What came of a save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is revision `number` now.
    As(i64),
    /// It is what it was.
    Same,
    /// Somebody else saved meanwhile: this is what stands. Nothing was written.
    Meanwhile(Box<Article>),
    /// There is no such article.
    Gone,
}

/// What came of taking an item to be edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drafted {
    /// It is a draft now, or an article that was there before.
    As(ArticleId),
    /// There is no item of that id.
    NoItem,
}

/// Takes an item as a draft, to be edited before it is published: whole when its source may be republished, else as a card.
///
/// # Errors
/// [`store::Error`].
pub async fn draft_item(
    world: &World,
    store: &Store,
    item: ItemId,
    language: &str,
    signed: Signed,
) -> store::Result<Drafted> {
    let Some(filed) = store.read(move |tx| items::by_id(tx, item)).await? else { return Ok(Drafted::NoItem) };
    if let (ItemState::Taken | ItemState::Changed, Some(article)) = (filed.item.state, filed.item.article) {
        return Ok(Drafted::As(article));
    }
    let held = held(store, item, filed.item.source).await?;
    let (id, policy) = (ArticleId(world.mint()), held.policy());
    let made = make_of(world, (held, policy), &filed, (id, 1), language.to_owned()).await;
    let drafted = store.write(move |tx| {
        let revision = &made.revision;
        // The same page in another feed is the same article.
        let known = match &revision.credit.canonical {
            Some(url) => articles::by_canonical(tx, url)?.map(|known| known.id),
            None => None,
        };
        items::forget_material(tx, item)?;
        let article = match known {
            Some(known) => known,
            None => {
                articles::add_as(tx, made.form, &slug(&revision.title, id), Some(item), made.source_date, revision)?;
                revisions::note(tx, id, revision.number, signed.member, "")?;
                id
            }
        };
        items::taken(tx, item, article)?;
        Ok(article)
    });
    Ok(Drafted::As(drafted.await?))
}

/// Adds a draft with its first revision.
///
/// # Errors
/// [`store::Error`].
pub fn begin(tx: &Write<'_>, first: &Revision, signed: &Signed) -> store::Result<()> {
    articles::add(tx, &slug(&first.title, first.article), None, None, first)?;
    revisions::note(tx, first.article, first.number, signed.member, "")
}

/// Saves a text over the revision that it came from; the revision's own number says which: the one before it.
///
/// # Errors
/// [`store::Error`].
pub fn save(tx: &Write<'_>, next: &Revision, signed: &Signed) -> store::Result<Saved> {
    let Some(now) = articles::by_id(tx, next.article)? else { return Ok(Saved::Gone) };
    if now.revision.number + 1 != next.number {
        return Ok(Saved::Meanwhile(Box::new(now)));
    }
    let same = Revision { number: next.number, made: next.made, ..now.revision.clone() } == *next;
    if same && signed.note.is_empty() {
        return Ok(Saved::Same);
    }
    articles::revise(tx, next)?;
    revisions::note(tx, next.article, next.number, signed.member, &signed.note)?;
    revisions::reslug(tx, next.article, &slug(&next.title, next.article))?;
    Ok(Saved::As(next.number))
}

/// Publishes a draft, or puts back what was withdrawn. `false`: it stands on the site already, or is not there.
///
/// # Errors
/// [`store::Error`].
pub fn put_out(tx: &Write<'_>, article: ArticleId, now: Ms) -> store::Result<bool> {
    match articles::by_id(tx, article)?.map(|article| article.state) {
        Some(ArticleState::Draft) => Ok(articles::publish(tx, article, now)?.is_some()),
        Some(ArticleState::Withdrawn) => revisions::restore(tx, article),
        Some(ArticleState::Published) | None => Ok(false),
    }
}

/// Takes an article back, with the reason that its address will give. `false`: it does not stand on the site.
///
/// # Errors
/// [`store::Error`].
pub fn take_back(tx: &Write<'_>, article: ArticleId, note: &str, now: Ms) -> store::Result<bool> {
    let done = articles::withdraw(tx, article)?;
    if done {
        revisions::note_withdrawal(tx, article, note, now)?;
    }
    Ok(done)
}

/// The document of an article's revision, for blocks that were kept while it was typed.
///
/// # Errors
/// [`store::Error`].
pub fn document_of(tx: &Read<'_>, article: ArticleId, revision: i64) -> store::Result<Document> {
    let found = articles::at_revision(tx, article, revision)?;
    Ok(found.and_then(|a| Document::from_json(&a.revision.body).ok()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use newsroom::{Credit, PictureId, PictureUse, Topics};
    use prose::Block;

    fn revision() -> Revision {
        Revision {
            article: ArticleId(1),
            number: 1,
            title: "The port opens".into(),
            standfirst: String::new(),
            language: "en".into(),
            credit: Credit::default(),
            picture: None,
            topics: Topics::NONE,
            body: Document { blocks: vec![Block::paragraph("At noon.")] }.to_json(),
            made: 0,
        }
    }

    #[test]
    fn everything_that_is_missing_is_said_at_once() {
        assert_eq!(missing(&revision(), Form::Page, false), []);
        let picture = PictureUse {
            picture: PictureId(1),
            alt: " ".into(),
            caption: None,
            credit: None,
            width: 1,
            height: 1,
            file: "a.png".into(),
        };
        let bare = Revision { title: " ".into(), body: "{}".into(), picture: Some(picture), ..revision() };
        let all = [Missing::Title, Missing::Body, Missing::Alt, Missing::Outlet, Missing::Canonical];
        assert_eq!(missing(&bare, Form::Page, true), all);
        assert!(!missing(&bare, Form::Card, true).contains(&Missing::Body), "a card has no text here");
        let credit = Credit { outlet: Some("El Faro".into()), ..Credit::default() };
        assert_eq!(missing(&Revision { credit, ..revision() }, Form::Page, false), [Missing::Canonical]);
    }
}
