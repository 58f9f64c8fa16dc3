//! Lining up: what goes into the next edition, in which order. An article is lined up as it is; an item of a watched source
//! first becomes a card: its headline, whose it is, a short excerpt, and a link to where it lives.

use newsroom::{ArticleId, ItemId, ItemState, LineUpChange, NewsletterId, Policy};
use store::line_up::{self, Changed};
use store::{Store, items};
use world::World;

use crate::take::{held, make_of, publish};

/// Makes a member's change to the line-up of a newsletter's next edition. `seen` is the version they looked at.
///
/// # Errors
/// [`store::Error`].
pub async fn change(
    store: &Store,
    newsletter: NewsletterId,
    seen: Option<i64>,
    change: LineUpChange,
    by: &str,
) -> store::Result<Changed> {
    let by = by.to_owned();
    store.write(move |tx| line_up::change(tx, newsletter, seen, change, &by)).await
}

/// How lining up an item ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemLinedUp {
    /// It is a published article now, and this is what became of the line-up.
    Article(ArticleId, Changed),
    /// There is no item of that id.
    NoItem,
    /// Its source's articles are published by themselves: line up the article.
    NotWatched,
    /// It has no address, so that a card of it would lead nowhere.
    NoAddress,
}

/// Lines up an item of a watched source for a newsletter's next edition.
///
/// # Errors
/// [`store::Error`].
pub async fn line_up_item(
    world: &World,
    store: &Store,
    newsletter: NewsletterId,
    item: ItemId,
    (seen, by): (Option<i64>, &str),
    language: &str,
) -> store::Result<ItemLinedUp> {
    let Some(filed) = store.read(move |tx| items::by_id(tx, item)).await? else { return Ok(ItemLinedUp::NoItem) };
    if let (ItemState::Taken | ItemState::Changed, Some(article)) = (filed.item.state, filed.item.article) {
        let added = change(store, newsletter, seen, LineUpChange::Add(article), by).await?;
        return Ok(ItemLinedUp::Article(article, added));
    }
    let held = held(store, item, filed.item.source).await?;
    if held.policy() != Policy::Watch {
        return Ok(ItemLinedUp::NotWatched);
    }
    let id = ArticleId(world.mint());
    let made = make_of(world, (held, Policy::Watch), &filed, (id, 1), language.to_owned()).await;
    if made.revision.credit.canonical.is_none() {
        return Ok(ItemLinedUp::NoAddress);
    }
    let (now, by, link) = (world.now(), by.to_owned(), made.revision.credit.canonical.clone());
    store
        .write(move |tx| {
            // Two members may line the same item up at once: the first makes the article, both find it lined up.
            let known = match &link {
                Some(link) => store::articles::by_canonical(tx, link)?.map(|known| known.id),
                None => None,
            };
            let article = match known {
                Some(known) => {
                    items::taken(tx, item, known)?;
                    known
                }
                None => publish(tx, &filed.item, id, &made, now)?.expect("no article has this address yet"),
            };
            let added = line_up::change(tx, newsletter, seen, LineUpChange::Add(article), &by)?;
            Ok(ItemLinedUp::Article(article, added))
        })
        .await
}
