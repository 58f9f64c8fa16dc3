//! Stories of readers: the door, the letter, the consent.

use newsroom::{Answer, Cohort, CohortId, DeliveryState, DepartureId, Format, ReaderId, Suppression, Topics};
use store::ledger::{self, Claim, Settled};
use store::letters::{self, Letter};
use store::readers::{self, Line, Signup};
use store::{Error, editions};

use crate::engines::{DAILY, DAWN, newsroom_with, reader, tell};

fn line(id: i64) -> Line {
    Line { id, door: "mail link", wording: "daily".into() }
}

#[test]
fn a_sign_up_waits_sealed_until_it_is_erased() {
    tell("signup", async |store| {
        let signup = Signup { id: 5, sealed: vec![9; 64], received: DAWN };
        let kept = signup.clone();
        store.write(move |tx| readers::lay_in(tx, &kept)).await.expect("laid in");
        let waiting = store.read(|tx| readers::waiting(tx, 10)).await.expect("an inbox");
        assert_eq!(waiting, [signup]);
        store.write(|tx| readers::erase_signup(tx, 5)).await.expect("erased");
        vec![format!("{:?}", store.read(|tx| readers::waiting(tx, 10)).await.expect("an inbox"))]
    });
}

#[test]
fn leaving_and_coming_back_keeps_the_whole_consent() {
    tell("consent", async |store| {
        newsroom_with(&store, 1).await;
        let told = store
            .write(|tx| {
                let who = ReaderId(100);
                let left = readers::unsubscribe(tx, who, DAILY, &line(1), DAWN)?;
                let left_twice = readers::unsubscribe(tx, who, DAILY, &line(2), DAWN)?;
                let back = readers::undo(tx, who, DAILY, &line(3), DAWN)?;
                Ok((left, left_twice, back, readers::counts(tx, DAILY)?))
            })
            .await
            .expect("a story");
        assert_eq!((told.0, told.1, told.2, told.3.active), (true, false, true, 1));
        vec![format!("{told:?}")]
    });
}

#[test]
fn one_callers_error_rolls_back_that_callers_work_alone() {
    tell("alone", async |store| {
        newsroom_with(&store, 1).await;
        let good = store.write(|tx| reader(tx, 200, Topics::ALL));
        // The same address again: the unique index refuses it.
        let bad = store.write(|tx| {
            store::settings::put(tx, "half", "done")?;
            reader(tx, 100, Topics::ALL)
        });
        let (good, bad) = tokio::join!(good, bad);
        assert!(good.is_ok() && matches!(bad, Err(Error::Statement(_))), "{bad:?}");
        let (half, counts) = store
            .read(|tx| Ok((store::settings::get(tx, "half")?, readers::counts(tx, DAILY)?)))
            .await
            .expect("a look");
        assert_eq!(half, None);
        vec![format!("{counts:?}")]
    });
}

#[test]
fn a_letter_is_a_departure_of_its_own_and_shares_its_words() {
    tell("letter", async |store| {
        newsroom_with(&store, 2).await;
        let lease = store
            .write(|tx| {
                for n in 0..2 {
                    let fresh = Cohort { id: CohortId(70 + n), subject: "Please confirm".into(), body: vec![1] };
                    let cohort = letters::words(tx, &fresh, b"fingerprint", "en", Format::Html)?;
                    assert_eq!(cohort, CohortId(70), "the same words are one cohort");
                    let (departure, reader) = (DepartureId(500 + n), ReaderId(100 + n));
                    let (instant, expires) = (DAWN, DAWN + 1_000);
                    letters::queue(
                        tx,
                        &Letter { departure, newsletter: DAILY, reader, lane: n, cohort, instant, expires },
                    )?;
                }
                ledger::take_lease(tx, "a", DAWN, DAWN + 60_000)
            })
            .await
            .expect("letters")
            .expect("a lease");
        let copies = store.write(move |tx| ledger::claim(tx, lease, Claim::Letters, 10)).await.expect("a claim");
        assert_eq!(copies.len(), 2);
        let (copy, open) = (copies[0].clone(), editions::letters_open);
        let left = store
            .write(move |tx| {
                assert_eq!(ledger::mark(tx, lease, &[(copy.key, copy.cohort, newsroom::RouteId::FIRST)])?, [true]);
                let answer = Answer { at: DAWN, code: 250, text: "ok".into() };
                let (state, due) = (DeliveryState::Accepted, None);
                let done = Settled::new(&copy, state, due, newsroom::RouteId::FIRST, answer);
                ledger::settle(tx, lease, &[done])?;
                open(tx)
            })
            .await
            .expect("settled");
        assert_eq!(left, 1, "the other letter is still under way");
        let key = (copies[1].key, copies[1].cohort, newsroom::RouteId::FIRST);
        let next = store.write(move |tx| {
            assert_eq!(ledger::mark(tx, lease, &[key])?, [true]);
            ledger::take_lease(tx, "a", DAWN + 1, DAWN + 60_000)
        });
        next.await.expect("the poster died with a letter in flight").expect("the next lease");
        let doubt = store.read(|tx| {
            let in_doubt = |(reader, since)| letters::in_doubt(tx, ReaderId(reader), DAILY, since);
            [(100, DAWN), (101, DAWN), (101, DAWN + 1)].into_iter().map(in_doubt).collect::<store::Result<Vec<_>>>()
        });
        let doubt = doubt.await.expect("a look");
        let open = store.read(editions::letters_open).await.expect("a look");
        assert_eq!(open, 0, "a letter in doubt is not under way any more");
        assert_eq!(doubt, [false, true, false], "only the letter that was in flight, and not one asked for later");
        vec![format!("{copies:?} {doubt:?}")]
    });
}

#[test]
fn a_suppressed_address_is_known_by_its_index_alone() {
    tell("suppress", async |store| {
        let suppression = Suppression { index: vec![4; 16], at: DAWN, why: "complaint".into() };
        let kept = suppression.clone();
        store.write(move |tx| readers::suppress(tx, &kept)).await.expect("suppressed");
        let found = store.read(|tx| readers::suppressed(tx, &[4; 16])).await.expect("a look");
        let other = store.read(|tx| readers::suppressed(tx, &[5; 16])).await.expect("a look");
        assert_eq!((found.as_ref(), other.as_ref()), (Some(&suppression), None));
        vec![format!("{found:?}")]
    });
}
