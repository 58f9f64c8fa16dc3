//! Stories of the clock: a turn comes once, whoever looks, and takes whom it should.

use newsroom::{CohortKey, EditionKind, Frequency, ReaderId, SlotId, Timing, Topics, Turn, TurnState};
use store::editions::{self, Audience, Cut, Order};
use store::slots::{self, Chosen, Word};
use store::{Location, Store, Write};

use crate::engines::{DAILY, DAWN, newsroom_with, order, reader, tell};

const DATE: &str = "2026-01-01";

async fn write<T: Send + 'static>(store: &Store, work: impl FnOnce(&Write) -> store::Result<T> + Send + 'static) -> T {
    store.write(work).await.expect("the store works")
}

fn turn(slots: &[SlotId]) -> Turn {
    Turn { kind: EditionKind::Daily, date: DATE.into(), instant: DAWN + 7, slots: slots.to_vec() }
}

fn tokyo() -> Timing {
    Timing { zone: Some("Asia/Tokyo".into()), hour: Some(7), ..Timing::OUTLETS }
}

fn chosen(timing: Timing) -> Chosen {
    Chosen { timing, paused_until: None }
}

/// An order with a mail for everybody who may be due.
fn ready(tx: &store::Read, departure: i64) -> store::Result<Order> {
    let wanted = order(DATE, departure, 10, &[]);
    let due = editions::due_keys(tx, &wanted.edition, &Audience::Everybody)?;
    let keys: Vec<CohortKey> = due.into_iter().map(|(key, _)| key).collect();
    Ok(Order { instant: DAWN + 7, ..order(DATE, departure, 10, &keys) })
}

fn depart(tx: &Write, departure: i64, slots: &[SlotId], word: Word) -> store::Result<Cut> {
    slots::depart(tx, &ready(tx, departure)?, &turn(slots), word, DAWN + 9)
}

fn audience(cut: &Cut) -> i64 {
    if let Cut::Frozen(departure) = cut { departure.audience } else { 0 }
}

#[test]
fn a_turn_takes_the_readers_of_its_slots_and_comes_once() {
    tell("turn", async |store| {
        newsroom_with(&store, 10).await;
        let told = write(&store, |tx| {
            let slot = slots::slot_of(tx, DAILY, &tokyo(), SlotId(77), DAWN)?;
            assert!(slots::choose(tx, ReaderId(103), DAILY, &chosen(tokyo()), SlotId(78), DAWN)?);
            let again = slots::slot_of(tx, DAILY, &tokyo(), SlotId(79), DAWN)?;
            assert_eq!((slot, again), (SlotId(77), SlotId(77)), "the same choice is the same slot");
            let first = depart(tx, 1, &[SlotId(77)], Word::Clock)?;
            let second = depart(tx, 2, &[SlotId(77), SlotId::DAILY], Word::Clock)?;
            let third = depart(tx, 3, &[SlotId(77), SlotId::DAILY], Word::Clock)?;
            assert_eq!((audience(&first), audience(&second), &third), (1, 9, &Cut::NobodyDue));
            Ok(vec![format!("{first:?} {second:?}"), format!("{:?}", slots::decided(tx, DAILY, DATE)?)])
        });
        told.await
    });
}

#[test]
fn changing_zone_brings_no_second_edition_of_a_date() {
    tell("zone", async |store| {
        newsroom_with(&store, 3).await;
        let told = write(&store, |tx| {
            let first = depart(tx, 1, &[SlotId::DAILY], Word::Clock)?;
            slots::choose(tx, ReaderId(100), DAILY, &chosen(tokyo()), SlotId(77), DAWN)?;
            let second = depart(tx, 2, &[SlotId(77)], Word::Clock)?;
            assert_eq!((audience(&first), &second), (3, &Cut::NobodyDue));
            Ok(vec![format!("{first:?} {second:?}"), format!("{:?}", slots::chosen(tx, ReaderId(100), DAILY)?)])
        });
        told.await
    });
}

#[test]
fn what_is_held_leaves_at_a_persons_word_alone() {
    tell("held", async |store| {
        newsroom_with(&store, 4).await;
        let told = write(&store, |tx| {
            assert_eq!(slots::mark(tx, DAILY, &turn(&[SlotId::DAILY]), TurnState::Held, DAWN)?, 1);
            let asking = slots::asking(tx, DAILY)?;
            let clock = depart(tx, 1, &[SlotId::DAILY], Word::Clock)?;
            let person = depart(tx, 2, &[SlotId::DAILY], Word::Person)?;
            let again = depart(tx, 3, &[SlotId::DAILY], Word::Person)?;
            assert_eq!((&clock, audience(&person), &again), (&Cut::NobodyDue, 4, &Cut::NobodyDue));
            assert_eq!(slots::asking(tx, DAILY)?, []);
            Ok(vec![format!("{asking:?} {person:?}"), format!("{:?}", slots::recent(tx, DAILY, DATE, 9)?)])
        });
        told.await
    });
}

#[test]
fn a_person_is_asked_for_their_word_once_and_it_stays_given() {
    tell("word", async |store| {
        newsroom_with(&store, 1).await;
        let told = write(&store, |tx| {
            let asked = slots::ask_go_ahead(tx, DAILY, EditionKind::Daily, DATE, DAWN)?;
            let twice = slots::ask_go_ahead(tx, DAILY, EditionKind::Daily, DATE, DAWN + 1)?;
            slots::give_go_ahead(tx, DAILY, EditionKind::Daily, DATE, DAWN + 2)?;
            slots::give_go_ahead(tx, DAILY, EditionKind::Daily, DATE, DAWN + 3)?;
            let word = slots::go_ahead(tx, DAILY, EditionKind::Daily, DATE)?;
            assert_eq!((asked, twice, word.asked, word.given), (true, false, Some(DAWN), Some(DAWN + 2)));
            Ok(vec![format!("{word:?}")])
        });
        told.await
    });
}

#[test]
fn paused_and_weekly_readers_are_not_in_a_daily_turn() {
    tell("paused", async |store| {
        newsroom_with(&store, 5).await;
        let told = write(&store, |tx| {
            let paused = |until: &str| Chosen { timing: Timing::OUTLETS, paused_until: Some(until.into()) };
            let weekly = Timing { frequency: Frequency::Weekly, ..Timing::OUTLETS };
            slots::choose(tx, ReaderId(100), DAILY, &paused("2026-01-02"), SlotId(77), DAWN)?;
            slots::choose(tx, ReaderId(101), DAILY, &paused(DATE), SlotId(77), DAWN)?;
            slots::choose(tx, ReaderId(102), DAILY, &chosen(weekly), SlotId(77), DAWN)?;
            let cut = depart(tx, 1, &[SlotId::DAILY], Word::Clock)?;
            assert_eq!(audience(&cut), 3);
            Ok(vec![format!("{cut:?}")])
        });
        told.await
    });
}

#[test]
fn newcomers_get_one_copy_and_wait_no_more() {
    tell("newcomers", async |store| {
        newsroom_with(&store, 3).await;
        let told = write(&store, |tx| {
            depart(tx, 1, &[SlotId::DAILY], Word::Clock)?;
            reader(tx, 300, Topics::ALL)?;
            // They confirmed after what left; nothing older than a day is published here, so all of it is new to them.
            slots::open_newcomers_eyes(tx, DAILY, DAWN)?;
            assert_eq!(slots::newcomers(tx, DAILY)?, 4);
            let cut = slots::depart_newcomers(tx, &ready(tx, 2)?, DAWN + 10)?;
            assert_eq!((audience(&cut), slots::newcomers(tx, DAILY)?), (1, 0));
            let instants: Vec<i64> = editions::latest(tx, 9)?.iter().map(|d| d.instant).collect();
            assert_eq!(instants, [DAWN + 8, DAWN + 7], "two departures of one edition, at two instants");
            Ok(vec![format!("{cut:?}")])
        });
        told.await
    });
}

#[test]
fn two_schedulers_on_one_postgresql_let_each_turn_come_once() {
    let Some(server) = interop::postgres::shared() else { return };
    let place = Location::Postgres(server.database().expect("a fresh database"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (one, other) = (Store::open(&place).expect("a server"), Store::open(&place).expect("a server"));
        newsroom_with(&one, 60).await;
        let slots: Vec<SlotId> = (0..20).map(|n| SlotId(500 + n)).collect();
        for n in 0..20 {
            let timing = Timing { hour: Some(i8::try_from(n).expect("an hour")), ..Timing::OUTLETS };
            write(&one, move |tx| slots::choose(tx, ReaderId(100 + n), DAILY, &chosen(timing), SlotId(500 + n), DAWN))
                .await;
        }
        let mut audiences = Vec::new();
        for (n, slot) in (0..).zip(slots.into_iter().chain([SlotId::DAILY])) {
            let race = |store: &Store, departure| {
                let store = store.clone();
                async move { store.write(move |tx| depart(tx, departure, &[slot], Word::Clock)).await }
            };
            let (a, b) = tokio::join!(race(&one, 1_000 + n), race(&other, 2_000 + n));
            let (a, b) = (a.expect("no fault"), b.expect("no fault"));
            assert!((audience(&a) == 0) != (audience(&b) == 0), "{slot:?} came twice, or not at all: {a:?} {b:?}");
            audiences.push(audience(&a) + audience(&b));
        }
        assert_eq!(audiences[..20], [1; 20]);
        assert_eq!(audiences[20], 40);
    });
}
