//! Stories of sources, items, articles and topics.

use newsroom::{
    ArticleId, Credit, Item, ItemId, ItemState, Policy, Revision, Source, SourceHealth, SourceId, SourceKind, TopicId,
    Topics,
};
use store::items::{Filed, Filing};
use store::sources::Reading;
use store::{articles, items, sources, topics};

use crate::engines::{DAWN, tell};

fn source(id: i64, url: &str) -> Source {
    Source {
        id: SourceId(id),
        url: url.into(),
        kind: SourceKind::Feed,
        policy: Policy::Partner,
        licence: None,
        title: String::new(),
        topics: Topics::NONE,
        etag: None,
        last_modified: None,
        due: DAWN,
        health: SourceHealth::default(),
    }
}

#[test]
fn a_source_is_due_until_it_was_read() {
    tell("source", async |store| {
        let told = store
            .write(|tx| {
                let first = sources::add(tx, &source(1, "https://a.example/feed"), 900_000)?;
                let again = sources::add(tx, &source(2, "https://a.example/feed"), 900_000)?;
                let mut read = sources::due(tx, DAWN, 10)?.remove(0);
                (read.due, read.etag) = (DAWN + 900_000, Some("\"1\"".into()));
                read.health.last_good = Some(DAWN);
                let reading = Reading { body_hash: Some(vec![3]), interval_ms: 900_000, ..Reading::default() };
                sources::record(tx, &read, &reading)?;
                assert_eq!(sources::reading(tx, read.id)?, Some(reading));
                Ok((first, again, sources::due(tx, DAWN, 10)?.len(), sources::list(tx)?))
            })
            .await
            .expect("a story");
        assert_eq!((told.0, told.1, told.2), (true, false, 0));
        vec![format!("{told:?}")]
    });
}

#[test]
fn a_paused_source_is_not_due_until_it_is_resumed() {
    tell("pause", async |store| {
        let told = store
            .write(|tx| {
                sources::add(tx, &source(1, "https://a.example/feed"), 900_000)?;
                let paused = [sources::pause(tx, SourceId(1))?, sources::pause(tx, SourceId(2))?];
                let due = sources::due(tx, DAWN, 10)?.len();
                let resumed = sources::resume(tx, SourceId(1), DAWN)?;
                Ok((paused, due, resumed, sources::due(tx, DAWN, 10)?.len()))
            })
            .await
            .expect("a story");
        assert_eq!(told, ([true, false], 0, true, 1));
        vec![format!("{told:?}")]
    });
}

#[test]
fn a_retitle_is_an_update_and_not_a_new_item() {
    tell("retitle", async |store| {
        let filed = |id, title: &str| Filed {
            item: Item {
                id: ItemId(id),
                source: SourceId(1),
                guid: "g1".into(),
                url: Some("https://a.example/1".into()),
                title: title.into(),
                author: None,
                language: None,
                published: None,
                published_raw: Some("last Tuesday".into()),
                summary_html: None,
                content_html: None,
                image_url: None,
                first_seen: DAWN,
                state: ItemState::New,
                article: None,
            },
            categories: vec!["Harbour".into(), "Work".into()],
        };
        let (fresh, retitled) = (filed(1, "Strike"), filed(2, "Strike ends"));
        let told = store
            .write(move |tx| {
                let first = items::file(tx, &fresh)?;
                let same = items::file(tx, &fresh)?;
                let changed = items::file(tx, &retitled)?;
                Ok((first, same, changed, items::waiting(tx, 10)?))
            })
            .await
            .expect("a story");
        assert_eq!((&told.0, &told.1), (&Filing::Fresh, &Filing::Same));
        assert_eq!((told.3.len(), told.3[0].item.title.as_str(), told.3[0].item.id), (1, "Strike ends", ItemId(1)));
        vec![format!("{told:?}")]
    });
}

#[test]
fn publishing_gives_ranks_in_order_and_once() {
    tell("rank", async |store| {
        let told = store
            .write(|tx| {
                let revision = |id, number, title: &str| Revision {
                    article: ArticleId(id),
                    number,
                    title: title.into(),
                    standfirst: "In short.".into(),
                    language: "en".into(),
                    credit: Credit { byline: Some("Ana Sol".into()), ..Credit::default() },
                    picture: None,
                    topics: Topics::NONE.with(2),
                    body: "[]".into(),
                    made: DAWN,
                };
                for id in [1, 2] {
                    articles::add(tx, &format!("story-{id}"), None, None, &revision(id, 1, "Story"))?;
                }
                let ranks = (
                    articles::publish(tx, ArticleId(2), DAWN)?,
                    articles::publish(tx, ArticleId(1), DAWN)?,
                    articles::publish(tx, ArticleId(1), DAWN)?,
                );
                articles::revise(tx, &revision(1, 2, "Story, corrected"))?;
                let (old, newest) =
                    (articles::at_revision(tx, ArticleId(1), 1)?, articles::published(tx, i64::MAX, 10)?);
                Ok((ranks, old, newest, articles::withdraw(tx, ArticleId(2))?, articles::count(tx)?))
            })
            .await
            .expect("a story");
        assert_eq!(told.0, (Some(1), Some(2), None));
        assert_eq!(told.2[0].revision.title, "Story, corrected");
        assert_eq!(told.1.as_ref().map(|a| a.revision.title.as_str()), Some("Story"));
        vec![format!("{told:?}")]
    });
}

#[test]
fn an_outlet_has_only_so_many_topics() {
    tell("topics", async |store| {
        let told = store
            .write(|tx| {
                let made: Vec<_> = (0..64)
                    .map(|n| topics::ensure(tx, TopicId(n + 1), &format!("t{n}"), "T"))
                    .collect::<store::Result<_>>()?;
                let again = topics::ensure(tx, TopicId(99), "t5", "T")?;
                Ok((made.iter().flatten().count(), again.map(|t| t.bit)))
            })
            .await
            .expect("a story");
        assert_eq!(told, (62, Some(5)));
        vec![format!("{told:?}")]
    });
}
