//! Stories of lists: who comes in, who stays out, and what goes out again.

use newsroom::{
    BOUNCED_ELSEWHERE, Consent, ConsentKind, EditionKind, Format, LEFT_ELSEWHERE, ReaderId, SlotId, SubscriptionState,
    Suppression, Topics,
};
use store::lists::{self, Entry, Listed};
use store::readers::{self, Line, SealedReader};

use crate::engines::{DAILY, DAWN, cut, newsroom_with, tell};

fn index(id: i64) -> Vec<u8> {
    id.to_be_bytes().to_vec()
}

fn arrival(id: i64, seen_rank: i64) -> Entry {
    let reader = ReaderId(id);
    Entry {
        reader: SealedReader {
            id: reader,
            kid: 1,
            sealed: vec![4; 56],
            index: index(id),
            lane: 2,
            language: "es".into(),
            format: Format::Text,
        },
        zone: Some("Europe/Madrid".into()),
        hour: Some(7),
        week: 2_900,
        subscriptions: vec![Listed {
            newsletter: DAILY,
            state: SubscriptionState::Active,
            topics: Topics::ALL,
            frequency: EditionKind::Daily,
            paused_until: String::new(),
            last_date: String::new(),
            seen_rank,
        }],
        consent: vec![(
            70_000 + id,
            Consent {
                reader,
                newsletter: DAILY,
                kind: ConsentKind::Imported,
                at: DAWN - 5,
                door: "import".into(),
                wording: "Mailchimp".into(),
            },
        )],
    }
}

fn left(id: i64, why: &str) -> Suppression {
    Suppression { index: index(id), at: DAWN, why: why.into() }
}

fn line(id: i64) -> Line {
    Line { id, door: "import", wording: "a list".into() }
}

#[test]
fn who_comes_in_with_a_list_is_active_and_goes_out_as_they_came() {
    tell("list-in-out", async |store| {
        newsroom_with(&store, 1).await;
        let come = arrival(500, 9);
        let kept = come.clone();
        store.write(move |tx| lists::arrive(tx, &kept, None, SlotId(9), 0)).await.expect("taken in");
        let page = store.read(|tx| lists::page(tx, ReaderId(100), 10)).await.expect("a page");
        assert_eq!(page, std::slice::from_ref(&come), "lossless");
        let all = store.read(|tx| lists::page(tx, ReaderId(0), 10)).await.expect("a page");
        assert_eq!(all.len(), 2);
        let known = store.read(|tx| lists::known(tx, DAILY, &index(500))).await.expect("a look");
        assert_eq!((known.reader, known.state), (Some(ReaderId(500)), Some(SubscriptionState::Active)));
        assert_eq!(known.own_yes, 0, "what they agreed to elsewhere is no yes of theirs here");
        let own = store.read(|tx| lists::known(tx, DAILY, &index(100))).await.expect("a look");
        assert_eq!(own.own_yes, DAWN);
        // The same reader again, and as asked-only: nothing that stands is changed but a wish that waits.
        let again = store.write(move |tx| {
            lists::arrive(tx, &come, Some(ReaderId(500)), SlotId(9), 0)?;
            readers::unsubscribe(tx, ReaderId(500), DAILY, &line(1), DAWN)?;
            lists::arrive(tx, &come, Some(ReaderId(500)), SlotId(9), 0)?;
            Ok((readers::counts(tx, DAILY)?, lists::page(tx, ReaderId(100), 10)?))
        });
        let again = again.await.expect("a story");
        assert_eq!((again.0.active, again.0.unsubscribed), (1, 1), "no list brings anybody back");
        assert_eq!(again.1[0].consent.len(), 2);
        vec![format!("{all:?} {again:?}")]
    });
}

#[test]
fn a_wish_that_waits_is_confirmed_by_the_list() {
    tell("list-pending", async |store| {
        newsroom_with(&store, 0).await;
        let told = store.write(|tx| {
            let mut entry = arrival(500, 9);
            readers::add(tx, &entry.reader, DAWN)?;
            readers::ask(tx, ReaderId(500), DAILY, Topics::NONE.with(1), DAWN)?;
            entry.reader.id = ReaderId(501);
            lists::arrive(tx, &entry, Some(ReaderId(500)), SlotId(9), 0)?;
            lists::page(tx, ReaderId(0), 10)
        });
        let told = told.await.expect("a story");
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].subscriptions, arrival(500, 9).subscriptions);
        vec![format!("{told:?}")]
    });
}

#[test]
fn who_left_elsewhere_is_suppressed_until_they_come_by_the_door() {
    tell("list-leave", async |store| {
        newsroom_with(&store, 2).await;
        let told = store
            .write(|tx| {
                lists::leave(tx, DAILY, None, &left(700, LEFT_ELSEWHERE), &line(1))?;
                lists::leave(tx, DAILY, Some(ReaderId(100)), &left(100, BOUNCED_ELSEWHERE), &line(2))?;
                lists::leave(tx, DAILY, Some(ReaderId(100)), &left(100, BOUNCED_ELSEWHERE), &line(3))?;
                let known = (lists::known(tx, DAILY, &index(700))?, lists::known(tx, DAILY, &index(100))?);
                Ok((known, lists::suppressions(tx, &[], 10)?, readers::counts(tx, DAILY)?))
            })
            .await
            .expect("a story");
        let ((stranger, reader), suppressions, counts) = &told;
        assert!(stranger.reader.is_none() && stranger.suppressed.as_ref().is_some_and(Suppression::ends_at_the_door));
        assert_eq!(reader.state, Some(SubscriptionState::Unsubscribed));
        let who: Vec<_> = suppressions.iter().map(|(s, reader)| (s.index.clone(), *reader)).collect();
        assert_eq!(who, [(index(100), Some(ReaderId(100))), (index(700), None)]);
        assert_eq!((counts.active, counts.unsubscribed), (1, 1));
        let rest = store.read(|tx| lists::suppressions(tx, &index(100), 10)).await.expect("a page");
        assert_eq!(rest.len(), 1, "pages go by index");
        let back = store.write(|tx| {
            readers::ask(tx, ReaderId(100), DAILY, Topics::ALL, DAWN + 1)?;
            assert!(readers::confirm(tx, ReaderId(100), DAILY, &line(9), DAWN + 2)?);
            Ok((readers::suppressed(tx, &index(100))?, readers::suppressed(tx, &index(700))?.is_some()))
        });
        let back = back.await.expect("a story");
        assert_eq!(back, (None, true), "their own yes ends it, for them alone");
        vec![format!("{told:?}")]
    });
}

#[test]
fn a_complaint_does_not_end_at_the_door() {
    tell("list-complaint", async |store| {
        newsroom_with(&store, 0).await;
        let told = store.write(|tx| {
            let entry = arrival(500, 9);
            readers::add(tx, &entry.reader, DAWN)?;
            readers::ask(tx, ReaderId(500), DAILY, Topics::ALL, DAWN)?;
            readers::suppress(tx, &left(500, "complaint"))?;
            readers::confirm(tx, ReaderId(500), DAILY, &line(9), DAWN)?;
            readers::suppressed(tx, &index(500))
        });
        let told = told.await.expect("a story").expect("it stands");
        assert!(!told.ends_at_the_door());
        vec![format!("{told:?}")]
    });
}

#[test]
fn who_comes_in_gets_the_next_edition_and_not_the_archive() {
    tell("list-next", async |store| {
        newsroom_with(&store, 1).await;
        let fresh = store.read(|tx| lists::next_from(tx, DAILY, DAWN)).await.expect("a look");
        assert_eq!(fresh, 0);
        cut(&store, "2026-01-01", 40, 20).await;
        let after = store.read(|tx| lists::next_from(tx, DAILY, DAWN)).await.expect("a look");
        assert_eq!(after, 21, "what the last edition carried is not new to them");
        let taken = store.read(|tx| Ok((lists::taken(tx, ReaderId(100))?, lists::taken(tx, ReaderId(7))?))).await;
        assert_eq!(taken.expect("a look"), (true, false));
        vec![format!("{fresh} {after}")]
    });
}
