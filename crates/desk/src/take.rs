//! Taking: items of which everything is at hand become published articles, each once.

use newsroom::{Article, ArticleId, Item, ItemId, ItemState, Revision, Source, SourceId, Topics, slug};
use store::items::{self, Filed, Material};
use store::{Store, Write, articles, pictures, sources, topics};
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
struct Held {
    material: Material,
    picture: Option<pictures::Picture>,
    source: Option<Source>,
    topics: Vec<newsroom::Topic>,
}

async fn held(store: &Store, item: ItemId, source: SourceId) -> store::Result<Held> {
    store
        .read(move |tx| {
            let material = items::material(tx, item)?.unwrap_or_default();
            let picture = match material.picture {
                Some(id) => pictures::by_id(tx, id)?,
                None => None,
            };
            let source = sources::list(tx)?.into_iter().find(|s| s.id == source);
            Ok(Held { material, picture, source, topics: topics::list(tx)? })
        })
        .await
}

async fn make_of(world: &World, held: Held, filed: &Filed, article: ArticleId, number: i64, language: String) -> Made {
    let (filed, now) = (filed.clone(), world.now());
    world
        .compute(move || {
            let source = held.source.as_ref();
            let origin = Origin {
                filed: &filed,
                material: &held.material,
                picture: held.picture.as_ref(),
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
    let made = make_of(world, held, &filed, article, 1, language).await;
    let now = world.now();
    store.write(move |tx| publish(tx, &filed.item, article, &made, now)).await
}

fn publish(tx: &Write, item: &Item, article: ArticleId, made: &Made, now: i64) -> store::Result<Option<ArticleId>> {
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
    articles::add(tx, &address, Some(item.id), made.source_date, revision)?;
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
    let mut next = make_of(world, held, changed, current.id, number, language).await.revision;
    // What came from the page and not from the feed stays as it was: the page was let go.
    next.picture.clone_from(&current.revision.picture);
    next.credit.clone_from(&current.revision.credit);
    if changed.item.content_html.is_none() {
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
