//! Taking: items of which everything is at hand become published articles, each once.

use newsroom::{Article, ArticleId, Form, Item, ItemId, ItemState, Policy, Revision, Source, SourceId, Topics, slug};
use store::items::{self, Filed, Material};
use store::{Store, Write, articles, line_up, newsletters, pictures, sources, topics};
use world::World;

use crate::make::{Made, Origin, make};

/// How many items are looked at together, to be published in the order of their dates: a morning's worth.
const BATCH: i64 = 500;

/// What came of taking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Articles published, in order.
    pub published: Vec<ArticleId>,
    /// Items that became nothing: the same article is there already, or there is no text in it.
    pub passed: u64,
}

/// Takes every item that is ready and publishes it.
///
/// # Errors
/// [`store::Error`].
pub async fn take_ready(world: &World, store: &Store, language: &str) -> store::Result<Taken> {
    let mut taken = Taken::default();
    loop {
        let mut ready = store.read(|tx| items::ready(tx, BATCH)).await?;
        if ready.is_empty() {
            return Ok(taken);
        }
        // The oldest first, so that the newest stands first on the page. What has no date counts from when it was seen.
        ready.sort_by_key(|filed| (filed.item.published.unwrap_or(filed.item.first_seen), filed.item.id));
        for filed in ready {
            match take(world, store, filed, language.to_owned()).await? {
                Some(article) => taken.published.push(article),
                None => taken.passed += 1,
            }
        }
    }
}

/// What the store holds of an item besides itself.
pub(crate) struct Held {
    material: Material,
    picture: Option<pictures::Picture>,
    source: Option<Source>,
    topics: Vec<newsroom::Topic>,
}

pub(crate) async fn held(store: &Store, item: ItemId, source: SourceId) -> store::Result<Held> {
    store
        .read(move |tx| {
            let material = items::material(tx, item)?.unwrap_or_default();
            let picture = match material.picture {
                Some(id) => pictures::by_id(tx, id)?,
                None => None,
            };
            let source = sources::by_id(tx, source)?;
            Ok(Held { material, picture, source, topics: topics::list(tx)? })
        })
        .await
}

impl Held {
    /// What a source's policy says; what an editor imported by hand is published whole.
    pub(crate) fn policy(&self) -> Policy {
        self.source.as_ref().map_or(Policy::Partner, |source| source.policy)
    }
}

pub(crate) async fn make_of(
    world: &World,
    (held, policy): (Held, Policy),
    filed: &Filed,
    (article, number): (ArticleId, i64),
    language: String,
) -> Made {
    let (filed, now) = (filed.clone(), world.now());
    world
        .compute(move || {
            let source = held.source.as_ref();
            let origin = Origin {
                filed: &filed,
                material: &held.material,
                picture: held.picture.as_ref(),
                policy,
                licence: source.and_then(|s| s.licence.as_deref()),
                source_title: source.map_or("", |s| &s.title),
                source_topics: source.map_or(Topics::NONE, |s| s.topics),
                topics: &held.topics,
                language: &language,
            };
            make(&origin, article, number, now)
        })
        .await
}

async fn take(world: &World, store: &Store, filed: Filed, language: String) -> store::Result<Option<ArticleId>> {
    let article = ArticleId(world.mint());
    let held = held(store, filed.item.id, filed.item.source).await?;
    let policy = held.policy();
    let made = make_of(world, (held, policy), &filed, (article, 1), language).await;
    let now = world.now();
    let taken = store
        .write(move |tx| {
            let taken = publish(tx, &filed.item, article, &made, now)?;
            let by_itself = policy == Policy::Ours && taken.is_some();
            Ok((taken, by_itself && !line_up_by_itself(tx, article)?))
        })
        .await?;
    if taken.1 {
        tracing::warn!(article.id = article.0, "The line-up is full: what is new on our own site waits outside it");
    }
    Ok(taken.0)
}

/// Puts it into the next edition of the main newsletter. `false`: no room.
fn line_up_by_itself(tx: &Write, article: ArticleId) -> store::Result<bool> {
    match newsletters::list(tx)?.first() {
        Some(main) => line_up::append(tx, main.id, article),
        None => Ok(true),
    }
}

pub(crate) fn publish(
    tx: &Write,
    item: &Item,
    article: ArticleId,
    made: &Made,
    now: i64,
) -> store::Result<Option<ArticleId>> {
    let revision = &made.revision;
    // The same page under another guid, or in another feed: it is published already.
    let known = match &revision.credit.canonical {
        Some(url) => articles::by_canonical(tx, url)?,
        None => None,
    };
    items::forget_material(tx, item.id)?;
    if let Some(known) = known {
        items::taken(tx, item.id, known.id)?;
        return Ok(None);
    }
    let address = slug(&revision.title, article);
    articles::add_as(tx, made.form, &address, Some(item.id), made.source_date, revision)?;
    articles::publish(tx, article, now)?;
    items::taken(tx, item.id, article)?;
    Ok(Some(article))
}

/// Articles whose items have changed at their source get a new revision. Gives how many were corrected.
///
/// # Errors
/// [`store::Error`]; what was not corrected waits for the next round.
pub async fn correct(world: &World, store: &Store, language: &str) -> store::Result<usize> {
    let mut corrected = 0;
    loop {
        let changed = store.read(|tx| items::changed(tx, BATCH)).await?;
        if changed.is_empty() {
            return Ok(corrected);
        }
        for filed in changed {
            corrected += usize::from(correct_one(world, store, filed, language.to_owned()).await?);
        }
    }
}

async fn correct_one(world: &World, store: &Store, changed: Filed, language: String) -> store::Result<bool> {
    let item = changed.item.id;
    // A changed item had become an article; when that is gone there is nothing to correct, and no round without end.
    let id = changed.item.article.unwrap_or(ArticleId(0));
    let current = store.read(move |tx| articles::by_id(tx, id)).await?;
    let next = match &current {
        Some(current) => Some(corrected(world, store, &changed, current, language).await?).filter(|next| {
            let (new, old) = (next, &current.revision);
            (&new.title, &new.standfirst, &new.body) != (&old.title, &old.standfirst, &old.body)
        }),
        None => None,
    };
    // The revision and the mark that it was made go together: a crash in between repeats both or neither.
    store
        .write(move |tx| {
            if let Some(next) = &next {
                articles::revise(tx, next)?;
            }
            items::taken(tx, item, id)?;
            Ok(next.is_some())
        })
        .await
}

async fn corrected(
    world: &World,
    store: &Store,
    changed: &Filed,
    current: &Article,
    language: String,
) -> store::Result<Revision> {
    let held = held(store, changed.item.id, changed.item.source).await?;
    let number = current.revision.number + 1;
    // A card stays a card, and a page a page, whatever the source's policy is by now.
    let policy = match current.form {
        Form::Page => Policy::Partner,
        Form::Card if held.policy() == Policy::Ours => Policy::Ours,
        Form::Card => Policy::Watch,
    };
    let mut next = make_of(world, (held, policy), changed, (current.id, number), language).await.revision;
    // What came from the page and not from the feed stays as it was: the page was let go.
    next.picture.clone_from(&current.revision.picture);
    next.credit.clone_from(&current.revision.credit);
    if changed.item.content_html.is_none() || current.form == Form::Card {
        next.body.clone_from(&current.revision.body);
        next.language.clone_from(&current.revision.language);
    }
    Ok(next)
}

/// Publishes a page that an editor named: fetched or saved, without a source.
///
/// # Errors
/// [`store::Error`].
pub async fn import(
    world: &World,
    store: &Store,
    material: Material,
    guid: &str,
    language: &str,
) -> store::Result<Option<ArticleId>> {
    let item = Item {
        id: ItemId(world.mint()),
        source: SourceId(0),
        guid: guid.into(),
        url: material.url.clone(),
        title: String::new(),
        author: None,
        language: None,
        published: None,
        published_raw: None,
        summary_html: None,
        content_html: None,
        image_url: None,
        first_seen: world.now(),
        state: ItemState::New,
        article: None,
    };
    let (filed, now) = (Filed { item, categories: Vec::new() }, world.now());
    let kept = filed.clone();
    let fresh = store
        .write(move |tx| {
            let filing = items::file(tx, &kept)?;
            let fresh = filing == items::Filing::Fresh;
            if fresh {
                items::keep_material(tx, kept.item.id, &material, now)?;
            }
            Ok(fresh)
        })
        .await?;
    if fresh { take(world, store, filed, language.to_owned()).await } else { Ok(None) }
}
