//! Stories of articles that members write, and of the outlet's own pages.

use newsroom::{
    ArticleId, ArticleState, Credit, FreePage, Item, ItemId, ItemState, MemberId, PageId, Revision, SourceId, Topics,
};
use store::items::Filed;
use store::{articles, items, pages, revisions};

use crate::engines::{DAWN, tell};

fn revision(article: i64, number: i64, title: &str) -> Revision {
    Revision {
        article: ArticleId(article),
        number,
        title: title.into(),
        standfirst: String::new(),
        language: "en".into(),
        credit: Credit::default(),
        picture: None,
        topics: Topics::NONE,
        body: "{}".into(),
        made: DAWN + number,
    }
}

#[test]
fn a_correction_is_told_and_a_withdrawn_article_says_so() {
    tell("corrections", async |store| {
        let told = store
            .write(|tx| {
                let article = ArticleId(5);
                articles::add(tx, "first-5", None, None, &revision(5, 1, "First"))?;
                revisions::note(tx, article, 1, Some(MemberId(1)), "")?;
                revisions::reslug(tx, article, "second-5")?;
                articles::publish(tx, article, DAWN)?;
                revisions::reslug(tx, article, "third-5")?;
                articles::revise(tx, &revision(5, 2, "Second"))?;
                revisions::note(tx, article, 2, Some(MemberId(2)), "It was two ships, not three.")?;
                articles::revise(tx, &revision(5, 3, "Third"))?;
                let (notes, history) = (revisions::corrections(tx)?, revisions::history(tx, article, 10)?);
                let listed = revisions::in_state(tx, ArticleState::Published, i64::MAX, 10)?;
                assert!(articles::withdraw(tx, article)?);
                revisions::note_withdrawal(tx, article, "It was not so.", DAWN + 9)?;
                let gone = revisions::withdrawn(tx, i64::MAX, 10)?;
                let none = revisions::corrections(tx)?.len();
                let back = [revisions::restore(tx, article)?, revisions::restore(tx, article)?];
                let kept = revisions::discard(tx, article)?;
                Ok((notes, history, listed, gone, (none, back, kept)))
            })
            .await
            .expect("a story");
        assert_eq!(told.0.len(), 1);
        assert_eq!(told.1.iter().map(|p| p.member).collect::<Vec<_>>(), [None, Some(MemberId(2)), Some(MemberId(1))]);
        assert_eq!((told.2[0].title.as_str(), told.3[0].slug.as_str()), ("Third", "second-5"));
        assert_eq!(told.4, (0, [true, false], false));
        vec![format!("{told:?}")]
    });
}

#[test]
fn who_made_a_picture_that_is_not_here_is_kept_with_the_article() {
    tell("picture-missing", async |store| {
        let told = store
            .write(|tx| {
                let credit = Credit { picture: Some("Reuters".into()), ..Credit::default() };
                articles::add(tx, "first-5", None, None, &Revision { credit, ..revision(5, 1, "First") })?;
                Ok(articles::by_id(tx, ArticleId(5))?.expect("it is there").revision)
            })
            .await
            .expect("a story");
        assert_eq!((&told.picture, told.credit.picture.as_deref()), (&None, Some("Reuters")));
        vec![format!("{told:?}")]
    });
}

fn item(id: i64, title: &str) -> Filed {
    let item = Item {
        id: ItemId(id),
        source: SourceId(1),
        guid: format!("g{id}"),
        url: None,
        title: title.into(),
        author: None,
        language: None,
        published: None,
        published_raw: None,
        summary_html: None,
        content_html: None,
        image_url: None,
        first_seen: DAWN + id / 2,
        state: ItemState::New,
        article: None,
    };
    Filed { item, categories: Vec::new() }
}

#[test]
fn an_item_waits_is_dismissed_and_comes_back_and_a_hand_at_its_article_is_not_written_over() {
    tell("inbox", async |store| {
        let told = store
            .write(|tx| {
                for id in 1..=4 {
                    items::file(tx, &item(id, "As it came"))?;
                }
                let first = items::in_state(tx, ItemState::New, (i64::MAX, i64::MAX), 2)?;
                let last = &first[1].item;
                let second = items::in_state(tx, ItemState::New, (last.first_seen, last.id.0), 9)?;
                let order: Vec<i64> = first.iter().chain(&second).map(|filed| filed.item.id.0).collect();
                let recalled =
                    [items::dismiss(tx, ItemId(1))?, items::recall(tx, ItemId(1))?, items::recall(tx, ItemId(1))?];
                for (id, member) in [(2, None), (3, Some(MemberId(1)))] {
                    articles::add(tx, &format!("a{id}"), Some(ItemId(id)), None, &revision(id, 1, "A"))?;
                    revisions::note(tx, ArticleId(id), 1, member, "")?;
                    items::taken(tx, ItemId(id), ArticleId(id))?;
                    items::file(tx, &item(id, "As it was changed"))?;
                }
                let by_itself: Vec<i64> = items::changed(tx, 9)?.iter().map(|filed| filed.item.id.0).collect();
                let settled = [items::settle(tx, ItemId(3))?, items::settle(tx, ItemId(3))?];
                revisions::discard(tx, ArticleId(3))?;
                let back = items::by_id(tx, ItemId(3))?.map(|filed| (filed.item.state, filed.item.article));
                Ok((order, recalled, by_itself, settled, back))
            })
            .await
            .expect("a story");
        let back = Some((ItemState::New, None));
        assert_eq!(told, (vec![4, 3, 2, 1], [true, true, false], vec![2], [true, false], back));
        vec![format!("{told:?}")]
    });
}

#[test]
fn a_draft_can_be_thrown_away_and_nothing_of_it_stays() {
    tell("discard", async |store| {
        let told = store
            .write(|tx| {
                articles::add(tx, "a", None, None, &revision(5, 1, "First"))?;
                revisions::note(tx, ArticleId(5), 1, None, "")?;
                let thrown = [revisions::discard(tx, ArticleId(5))?, revisions::discard(tx, ArticleId(5))?];
                Ok((thrown, articles::by_id(tx, ArticleId(5))?, revisions::history(tx, ArticleId(5), 9)?.len()))
            })
            .await
            .expect("a story");
        assert_eq!(told, ([true, false], None, 0));
        vec![format!("{told:?}")]
    });
}

#[test]
fn a_page_is_saved_over_the_version_it_came_from_alone() {
    tell("pages", async |store| {
        let page = |id, slug: &str, version| FreePage {
            id: PageId(id),
            slug: slug.into(),
            title: slug.to_uppercase(),
            body: "{}".into(),
            public: true,
            menu: None,
            version,
            changed: DAWN,
        };
        let told = store
            .write(move |tx| {
                let added = [pages::add(tx, &page(1, "about", 1))?, pages::add(tx, &page(2, "about", 1))?];
                assert!(pages::add(tx, &page(3, "donate", 1))?);
                let saved = [
                    pages::save(tx, &page(1, "about-us", 1), DAWN + 1)?,
                    pages::save(tx, &page(1, "about", 1), DAWN + 2)?,
                    pages::save(tx, &page(1, "donate", 2), DAWN + 3)?,
                ];
                pages::arrange(tx, &[PageId(3), PageId(1)])?;
                pages::arrange(tx, &[PageId(1)])?;
                let list = pages::list(tx)?;
                let removed = [pages::remove(tx, PageId(3))?, pages::remove(tx, PageId(3))?];
                Ok((added, saved, list, removed, pages::by_id(tx, PageId(1))?))
            })
            .await
            .expect("a story");
        assert_eq!((told.0, told.1, told.3), ([true, false], [true, false, false], [true, false]));
        assert_eq!(told.2.iter().map(|p| (p.version, p.menu)).collect::<Vec<_>>(), [(2, Some(0)), (1, None)]);
        vec![format!("{told:?}")]
    });
}
