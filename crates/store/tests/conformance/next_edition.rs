//! Stories of the next edition: its line-up and envelope, what a cut takes of them, blocks, and corrections under way.

use newsroom::{
    ArticleId, BlockId, BlockKind, BlockPlace, Cohort, CohortId, Credit, DepartureId, DepartureState, EditionId,
    Envelope, Form, HouseBlock, Item, ItemId, ItemState, LineUp, LineUpChange, Policy, Revision, Source, SourceHealth,
    SourceId, SourceKind, Topics, Unchanged,
};
use store::corrections::{self, Replacement};
use store::editions::Audience;
use store::envelope::{self, Ready, Taken};
use store::items::{Filed, Material};
use store::line_up::{self, Changed};
use store::test_copies::{self, TestCopy};
use store::{Store, Write, articles, blocks, editions, items, ledger, sources, tallies};

use crate::engines::{DAILY, DAWN, cut, newsroom_with, order, tell};

async fn write<T: Send + 'static>(store: &Store, work: impl FnOnce(&Write) -> store::Result<T> + Send + 'static) -> T {
    store.write(work).await.expect("the store works")
}

fn published(tx: &Write, id: i64) -> store::Result<()> {
    let revision = Revision {
        article: ArticleId(id),
        number: 1,
        title: format!("Story {id}"),
        standfirst: "In short.".into(),
        language: "en".into(),
        credit: Credit { canonical: Some(format!("https://a.example/{id}")), ..Credit::default() },
        picture: None,
        topics: Topics::NONE,
        body: "[]".into(),
        made: DAWN,
    };
    let form = if id % 2 == 0 { Form::Card } else { Form::Page };
    articles::add_as(tx, form, &format!("story-{id}"), None, None, &revision)?;
    articles::publish(tx, ArticleId(id), DAWN).map(drop)
}

fn shown(line_up: &LineUp) -> String {
    let entry = |e: &newsroom::LinedUp| {
        let rank = e.rank.map_or(String::new(), |rank| format!(" counts as {rank}"));
        format!(
            "{} by {:?}{}{}{rank}",
            e.article,
            e.by,
            if e.pinned { " pinned" } else { "" },
            if e.taken.is_empty() { "" } else { " taken" }
        )
    };
    let entries: Vec<String> = line_up.entries.iter().map(entry).collect();
    format!("v{} {:?}: {}", line_up.version, line_up.ordered_by, entries.join(", "))
}

#[test]
fn two_members_never_overwrite_one_another_unseen() {
    tell("line-up", async |store| {
        newsroom_with(&store, 1).await;
        let told = write(&store, |tx| {
            (1..=3).try_for_each(|id| published(tx, id))?;
            let nothing = line_up::change(tx, DAILY, None, LineUpChange::Add(ArticleId(9)), "Ana")?;
            let ana = line_up::change(tx, DAILY, Some(0), LineUpChange::Add(ArticleId(1)), "Ana")?;
            // What lines up by itself makes nobody's view stale.
            assert!(line_up::append(tx, DAILY, ArticleId(3))? && !line_up::append(tx, DAILY, ArticleId(3))?);
            let ben = line_up::change(tx, DAILY, Some(0), LineUpChange::Add(ArticleId(2)), "Ben")?;
            let Changed::Stale(seen) = &ben else { panic!("{ben:?}") };
            let again = line_up::change(tx, DAILY, Some(seen.version), LineUpChange::Add(ArticleId(2)), "Ben")?;
            let same = line_up::change(tx, DAILY, None, LineUpChange::Add(ArticleId(2)), "Ben")?;
            assert_eq!((nothing, same), (Changed::NoArticle, Changed::Not(Unchanged::Already)));
            Ok((ana, ben, again, line_up::of(tx, DAILY)?))
        })
        .await;
        assert_eq!(shown(&told.3), "v2 \"Ben\": 1 by \"Ana\", 2 by \"Ben\", 3 by \"\"");
        vec![format!("{told:?}")]
    });
}

#[test]
fn a_cut_takes_the_line_up_and_the_envelope_once() {
    tell("taken", async |store| {
        newsroom_with(&store, 2).await;
        let envelope = Envelope { subject: "The harbour opens".into(), ..Envelope::default() };
        let written = envelope.clone();
        write(&store, move |tx| {
            for id in 10..=13 {
                published(tx, id)?;
            }
            for id in [10, 11, 12] {
                line_up::change(tx, DAILY, None, LineUpChange::Add(ArticleId(id)), "Ana")?;
            }
            line_up::change(tx, DAILY, None, LineUpChange::Pin(ArticleId(11)), "Ana")?;
            assert_eq!(envelope::put(tx, DAILY, Some(0), &written, "Ana")?, Ok(1));
            assert!(envelope::put(tx, DAILY, Some(0), &Envelope::default(), "Ben")?.is_err(), "Ben saw an older one");
            Ok(())
        })
        .await;
        // The sample order holds articles 10 and 11.
        cut(&store, "2026-01-01", 1, 10).await;
        let first = store.read(|tx| line_up::of(tx, DAILY)).await.expect("a line-up");
        let ready = store.read(|tx| envelope::of(tx, DAILY)).await.expect("an envelope");
        assert_eq!(shown(&first), "v5 \"Ana\": 10 by \"Ana\" taken, 11 by \"Ana\" pinned taken, 12 by \"Ana\"");
        let open: Vec<i64> = first.open_for("2026-01-02").map(|e| e.article.0).collect();
        assert_eq!(open, [11, 12], "what was taken is over, what is pinned stays, what was not taken waits");
        let taken = envelope::Taken { envelope: envelope.clone(), lead: Some(ArticleId(10)) };
        let kept = taken.clone();
        write(&store, move |tx| envelope::take(tx, DAILY, "2026-01-01", DepartureId(9), &kept)).await;
        let after = store.read(|tx| Ok((envelope::of(tx, DAILY)?, envelope::of_departure(tx, DepartureId(9))?))).await;
        let (after, held) = after.expect("what was taken");
        assert_eq!(
            (held, after.clone().open_for("2026-01-01"), after.open_for("2026-01-02")),
            (taken, envelope, Envelope::default())
        );
        cut(&store, "2026-01-02", 2, 20).await;
        let second = store.read(|tx| line_up::of(tx, DAILY)).await.expect("a line-up");
        assert_eq!(shown(&second), "v6 \"Ana\": 11 by \"Ana\" pinned taken, 12 by \"Ana\"");
        let subjects = store.read(|tx| envelope::last_subjects(tx, DAILY, "2026-01-02", 9)).await.expect("subjects");
        assert_eq!(subjects, ["News"]);
        vec![format!("{first:?} {ready:?} {second:?}")]
    });
}

#[test]
fn a_story_that_editions_passed_over_is_new_to_everybody_when_it_is_lined_up() {
    tell("passed-over", async |store| {
        newsroom_with(&store, 1).await;
        write(&store, |tx| (1..=12).try_for_each(|id| published(tx, id))).await;
        // The sample edition carries articles 10 and 11, ranks 10 and 11: the ones before were passed over.
        cut(&store, "2026-01-01", 1, 10).await;
        let told = write(&store, |tx| {
            for id in [3, 11, 12] {
                line_up::change(tx, DAILY, None, LineUpChange::Add(ArticleId(id)), "Ana")?;
            }
            Ok((line_up::of(tx, DAILY)?, line_up::taken_earlier(tx, DAILY, 10, 9)?))
        })
        .await;
        assert_eq!(shown(&told.0), "v3 \"Ana\": 3 by \"Ana\" counts as 13, 11 by \"Ana\", 12 by \"Ana\"");
        assert_eq!(told.1, [(ArticleId(11), 11)]);
        vec![format!("{told:?}")]
    });
}

#[test]
fn what_is_only_watched_waits_for_a_person() {
    tell("watched", async |store| {
        let source = |id, policy| Source {
            id: SourceId(id),
            url: format!("https://{id}.example/feed"),
            kind: SourceKind::Feed,
            policy,
            licence: Some("https://creativecommons.org/licenses/by/4.0/".into()),
            title: "Outlet".into(),
            topics: Topics::NONE,
            etag: None,
            last_modified: None,
            due: DAWN,
            health: SourceHealth::default(),
        };
        let filed = |id, source| Filed {
            item: Item {
                id: ItemId(id),
                source: SourceId(source),
                guid: id.to_string(),
                url: None,
                title: "Strike".into(),
                author: None,
                language: None,
                published: None,
                published_raw: None,
                summary_html: None,
                content_html: None,
                image_url: None,
                first_seen: DAWN,
                state: ItemState::New,
                article: None,
            },
            categories: Vec::new(),
        };
        let told = write(&store, move |tx| {
            for (id, policy) in (1..).zip(Policy::EVERY) {
                sources::add(tx, &source(id, policy), 900_000)?;
                items::file(tx, &filed(10 + id, id))?;
            }
            let ids = |filed: Vec<Filed>| filed.iter().map(|f| f.item.id.0).collect::<Vec<_>>();
            let wanting = ids(items::wanting(tx, 9)?);
            for id in [11, 12, 13] {
                items::keep_material(tx, ItemId(id), &Material::default(), DAWN)?;
            }
            let (ready, watched) = (ids(items::ready(tx, 9)?), ids(items::watched(tx, 9)?));
            let dismissed = (items::dismiss(tx, ItemId(13))?, items::dismiss(tx, ItemId(13))?);
            let set = sources::set_policy(tx, SourceId(2), Policy::Watch, None)?;
            let after = (ids(items::ready(tx, 9)?), ids(items::watched(tx, 9)?));
            Ok((wanting, ready, watched, dismissed, set, after, sources::by_id(tx, SourceId(2))?))
        })
        .await;
        assert_eq!((&told.0, &told.1, &told.2), (&vec![11, 12], &vec![11, 12], &vec![13]));
        assert_eq!((told.3, told.4, &told.5), ((true, false), true, &(vec![11], vec![12])));
        vec![format!("{told:?}")]
    });
}

#[test]
fn a_corrected_cohort_takes_the_place_of_copies_that_have_not_left() {
    tell("corrected", async |store| {
        newsroom_with(&store, 6).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let first = DepartureId(1);
        let lease = write(&store, |tx| ledger::take_lease(tx, "a", DAWN, DAWN + 60_000)).await.expect("a lease");
        let claim = ledger::Claim::Edition(first, -1, -1);
        let copies = write(&store, move |tx| ledger::claim(tx, lease, claim, 3)).await;
        let sent = (copies[0].key, copies[0].cohort, newsroom::RouteId::FIRST);
        assert_eq!(write(&store, move |tx| ledger::mark(tx, lease, &[sent])).await, [true]);
        let told = write(&store, move |tx| {
            let article = ArticleId(11);
            let before = corrections::affected(tx, first, article, 2)?;
            assert!(corrections::affected(tx, first, article, 1)?.is_empty(), "they carry revision 1 already");
            let with: Vec<Replacement> = (9_001..)
                .zip(&before)
                .map(|(id, of)| Replacement {
                    replaced: of.cohort,
                    key: of.key.clone(),
                    mail: Cohort { id: CohortId(id), subject: "News, corrected".into(), body: vec![8] },
                    stories: of
                        .stories
                        .iter()
                        .map(|(at, a, r)| (*at, *a, if *a == article { 2 } else { *r }))
                        .collect(),
                })
                .collect();
            let open = corrections::replace(tx, first, &with[0], "Ana", DAWN)?;
            assert!(editions::set_state(tx, first, DepartureState::Open, DepartureState::Paused)?);
            let moved: Vec<u64> = with
                .iter()
                .map(|one| corrections::replace(tx, first, one, "Ana", DAWN))
                .collect::<store::Result<_>>()?;
            let after = corrections::affected(tx, first, article, 2)?;
            let holders = corrections::holders(tx, first, article, (-1, -1), 99)?;
            Ok((before, open, moved, after, holders))
        })
        .await;
        assert_eq!((told.1, told.2.iter().sum::<u64>(), told.3.len()), (0, 5, 0));
        let old: Vec<_> = told.4.iter().filter(|h| h.revision == 1).collect();
        assert_eq!((told.4.len(), old.len(), old[0].key), (6, 1, copies[0].key));
        // A poster that still holds the old mail gets no mark for it, even when the departure goes on.
        let stale = (copies[1].key, copies[1].cohort, newsroom::RouteId::FIRST);
        let after = write(&store, move |tx| {
            assert!(editions::set_state(tx, first, DepartureState::Paused, DepartureState::Open)?);
            let refused = ledger::mark(tx, lease, &[stale])?;
            ledger::release(tx, lease, &[stale.0])?;
            let again = ledger::claim(tx, lease, ledger::Claim::Edition(first, -1, -1), 9)?;
            let fresh = again
                .iter()
                .find(|d| d.key == stale.0)
                .map(|d| (d.key, d.cohort, newsroom::RouteId::FIRST))
                .expect("it came back");
            Ok((refused, ledger::mark(tx, lease, &[fresh])?, ledger::sums(tx, first)?))
        })
        .await;
        assert_eq!((after.0, after.1, after.2.total()), (vec![false], vec![true], 6));
        vec![format!("{told:?}")]
    });
}

#[test]
fn an_edition_that_is_known_by_a_headline_follows_it_and_one_with_a_subject_of_its_own_does_not() {
    tell("follows", async |store| {
        newsroom_with(&store, 1).await;
        let told = write(&store, |tx| {
            (10..=13).try_for_each(|id| published(tx, id))?;
            let known_by = |departure, rank, subject: &str, written: &str| {
                let date = format!("2026-01-{departure:02}");
                let due = editions::due_keys(tx, &order(&date, departure, rank, &[]).edition, &Audience::Everybody)?;
                let keys: Vec<_> = due.into_iter().map(|(key, _)| key).collect();
                let mut order = order(&date, departure, rank, &keys);
                order.edition.subject = subject.into();
                order.taken.envelope.subject = written.into();
                editions::cut(tx, &order).map(drop)
            };
            known_by(1, 10, "Story 10", "")?;
            known_by(2, 10, "Story 10", "Story 10")?;
            known_by(3, 10, "Story 10 · 3 January", "")?;
            known_by(4, 12, "Story 12", "")?;
            let revised = |number, title: &str| -> store::Result<()> {
                let now = articles::by_id(tx, ArticleId(10))?.expect("it is there").revision;
                articles::revise(tx, &Revision { number, title: title.into(), ..now })
            };
            revised(2, "Story ten")?;
            revised(3, "Story ten, again")?;
            let mut subjects: Vec<String> =
                editions::list(tx, DAILY, EditionId(i64::MAX), 9)?.into_iter().map(|e| e.subject).collect();
            subjects.reverse();
            Ok(subjects)
        })
        .await;
        assert_eq!(told, ["Story ten, again", "Story 10", "Story ten, again · 3 January", "Story 12"]);
        told
    });
}

#[test]
fn a_cancelled_departure_keeps_its_sum_and_leaves_nothing_in_flight_for_ever() {
    tell("cancel", async |store| {
        newsroom_with(&store, 5).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let first = DepartureId(1);
        let lease = write(&store, |tx| ledger::take_lease(tx, "a", DAWN, DAWN + 60_000)).await.expect("a lease");
        let claim = ledger::Claim::Edition(first, -1, -1);
        let copies = write(&store, move |tx| ledger::claim(tx, lease, claim, 2)).await;
        let flying = (copies[0].key, copies[0].cohort, newsroom::RouteId::FIRST);
        let told = write(&store, move |tx| {
            assert_eq!(ledger::mark(tx, lease, &[flying])?, [true]);
            let stopped = editions::cancel(tx, first)?;
            Ok((stopped, editions::cancel(tx, first)?, ledger::sums(tx, first)?))
        })
        .await;
        assert_eq!((told.0, told.1, told.2.total()), (4, 0, 5));
        // The poster died: what was in flight is in doubt, as in any departure.
        write(&store, |tx| ledger::take_lease(tx, "a", DAWN, DAWN + 60_000)).await.expect("its own lease");
        let after = store.read(move |tx| ledger::sums(tx, first)).await.expect("sums");
        assert_eq!((after.of(newsroom::DeliveryState::Uncertain), after.doubted, after.total()), (1, 1, 5));
        vec![format!("{told:?} {after:?}")]
    });
}

#[test]
fn tallies_count_by_lane_and_by_what_servers_said() {
    tell("tallies", async |store| {
        newsroom_with(&store, 6).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let first = DepartureId(1);
        let lease = write(&store, |tx| ledger::take_lease(tx, "a", DAWN, DAWN + 60_000)).await.expect("a lease");
        let told = write(&store, move |tx| {
            let copies = ledger::claim(tx, lease, ledger::Claim::Edition(first, -1, -1), 4)?;
            let ended: Vec<_> = copies
                .iter()
                .zip(["no such mailbox", "no such mailbox", "policy", ""])
                .map(|(copy, said)| {
                    use newsroom::DeliveryState::{Accepted, Refused};
                    let (state, code) = if said.is_empty() { (Accepted, 250) } else { (Refused, 550) };
                    let answer = newsroom::Answer { at: DAWN, code, text: said.into() };
                    let (key, reader) = (copy.key, copy.reader);
                    ledger::Settled {
                        key,
                        reader,
                        kind: newsroom::DepartureKind::Edition,
                        attempts: 0,
                        state,
                        due: None,
                        route: newsroom::RouteId::FIRST,
                        answer,
                    }
                })
                .collect();
            ledger::settle(tx, lease, &ended)?;
            editions::cancel(tx, first)?;
            Ok((tallies::by_lane(tx, first)?, tallies::refusals(tx, first, 9)?, tallies::exclusions(tx, first)?))
        })
        .await;
        assert_eq!(told.0.iter().map(|(_, _, count)| count).sum::<i64>(), 6);
        assert_eq!(told.1, [(550, "no such mailbox".to_owned(), 2), (550, "policy".to_owned(), 1)]);
        assert_eq!(told.2, [(newsroom::Excluded::Cancelled as i64, 2)]);
        vec![format!("{told:?}")]
    });
}

#[test]
fn blocks_and_test_copies_are_kept() {
    tell("blocks", async |store| {
        let block = |id, kind, starts| HouseBlock {
            id: BlockId(id),
            kind,
            place: BlockPlace::Both,
            title: "Title".into(),
            text: "Text.".into(),
            link: "https://a.example/".into(),
            link_words: "Go".into(),
            starts,
            ends: starts + 10,
        };
        let told = write(&store, move |tx| {
            for (id, kind) in (1..).zip([BlockKind::Sponsor, BlockKind::Appeal, BlockKind::Event]) {
                blocks::put(tx, &block(id, kind, DAWN + id))?;
            }
            blocks::put(tx, &HouseBlock { title: "Another title".into(), ..block(2, BlockKind::Appeal, DAWN + 2) })?;
            let running: Vec<i64> = blocks::running(tx, DAWN + 2)?.iter().map(|b| b.id.0).collect();
            let removed = (blocks::remove(tx, BlockId(1))?, blocks::remove(tx, BlockId(1))?);
            let copy = TestCopy {
                id: 5,
                newsletter: DAILY,
                at: DAWN,
                asked_by: "Ana".into(),
                redacted: "a…@example.org".into(),
                subject: "[Test] News".into(),
                code: 250,
                reply: "taken".into(),
            };
            test_copies::record(tx, &copy)?;
            let tests = (test_copies::since(tx, DAILY, DAWN - 1)?, test_copies::since(tx, DAILY, DAWN)?);
            assert_eq!(test_copies::latest(tx, DAILY, 9)?, [copy]);
            Ok((running, removed, blocks::list(tx, 9)?, blocks::by_id(tx, BlockId(2))?, tests))
        })
        .await;
        assert_eq!((&told.0, told.1, told.4), (&vec![2, 1], (true, false), (1, 0)));
        assert_eq!(told.3.as_ref().map(|b| b.title.as_str()), Some("Another title"));
        vec![format!("{told:?}")]
    });
}

#[test]
fn an_envelope_that_nobody_wrote_is_empty() {
    tell("no-envelope", async |store| {
        let told = store.read(|tx| Ok((envelope::of(tx, DAILY)?, envelope::of_departure(tx, DepartureId(1))?))).await;
        let told = told.expect("a story");
        assert_eq!(told, (Ready::default(), Taken::default()));
        vec![format!("{told:?}")]
    });
}
