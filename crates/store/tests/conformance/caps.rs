//! Stories of the relay's caps: what counts against them, and that no reader expires by them without a person's word.

use std::collections::BTreeMap;

use newsroom::{Answer, Delivery, DeliveryState, DepartureId, DepartureState, RouteId};
use store::caps;
use store::editions;
use store::ledger::{self, Claim, Lease, Settled};
use store::{Store, Write};

use crate::engines::{DAWN, cut, newsroom_with, tell};

const FIRST: DepartureId = DepartureId(1);
/// When the departures of these stories expire.
const END: i64 = DAWN + 1_000_000;
const MINUTE: i64 = DAWN / 60_000;

async fn write<T: Send + 'static>(store: &Store, work: impl FnOnce(&Write) -> store::Result<T> + Send + 'static) -> T {
    store.write(work).await.expect("the store works")
}

async fn claimed(store: &Store, limit: i64) -> (Lease, Vec<Delivery>) {
    write(store, move |tx| {
        let lease = ledger::take_lease(tx, "a", DAWN, DAWN + 60_000)?.expect("nobody else holds it");
        Ok((lease, ledger::claim(tx, lease, Claim::Edition(FIRST, -1, -1), limit)?))
    })
    .await
}

fn tried(copy: &Delivery, state: DeliveryState, at: i64) -> Settled {
    let due = (state == DeliveryState::Deferred).then_some(at + 60_000);
    let answer = Answer { at, code: 250, text: "taken".into() };
    Settled::new(copy, state, due, RouteId::FIRST, answer)
}

async fn standing(store: &Store) -> String {
    let read = store.read(|tx| {
        let departure = editions::departure_by_id(tx, FIRST)?.expect("it was cut");
        Ok((departure.state, caps::waiting(tx, FIRST)?.expect("it was cut"), ledger::sums(tx, FIRST)?))
    });
    let (state, waiting, sums) = read.await.expect("it is there");
    format!("{state:?} {waiting:?} expired {}", sums.of(DeliveryState::Expired))
}

#[test]
fn every_try_counts_for_a_day_whatever_came_of_it() {
    tell("tried", async |store| {
        newsroom_with(&store, 6).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let (lease, copies) = claimed(&store, 5).await;
        let in_flight = (copies[4].key, copies[4].cohort, RouteId::FIRST);
        let ended = vec![
            tried(&copies[0], DeliveryState::Accepted, DAWN + 1),
            tried(&copies[1], DeliveryState::Refused, DAWN + 59_999),
            tried(&copies[2], DeliveryState::Deferred, DAWN + 60_000),
            tried(&copies[3], DeliveryState::Uncertain, DAWN + 60_001),
        ];
        write(&store, move |tx| {
            ledger::settle(tx, lease, &ended)?;
            ledger::mark(tx, lease, &[in_flight])
        })
        .await;
        // The poster ends, and the next one finds a copy of which nobody knows.
        write(&store, |tx| ledger::take_lease(tx, "a", DAWN + 120_000, DAWN + 180_000)).await.expect("the same holder");
        let since = |since| store.read(move |tx| caps::tried(tx, since));
        let all = since(DAWN - 1).await.expect("it is read");
        let first = |minutes: &[(i64, i64)]| BTreeMap::from([(RouteId::FIRST, minutes.to_vec())]);
        assert_eq!(all, first(&[(MINUTE, 2), (MINUTE + 1, 2), (MINUTE + 2, 1)]));
        let later = since(DAWN + 60_000).await.expect("it is read");
        assert_eq!(later, first(&[(MINUTE + 1, 1), (MINUTE + 2, 1)]), "what lies at the moment itself is a day old");
        vec![format!("{all:?} {later:?}"), standing(&store).await]
    });
}

#[test]
fn a_departure_that_our_caps_kept_waiting_is_held_and_not_expired() {
    tell("hold", async |store| {
        newsroom_with(&store, 4).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let mut told = vec![standing(&store).await];
        let end = |at: i64| write(&store, move |tx| Ok((caps::hold(tx, at)?, ledger::expire(tx, at)?)));
        assert_eq!(end(END - 1).await, (0, 0));
        assert_eq!(end(END).await, (1, 0), "it is held, and nobody's copy expires");
        assert_eq!(end(END + 5_000).await, (0, 0), "once");
        assert!(store.read(|tx| caps::is_held(tx, FIRST)).await.expect("it is read"));
        let (_, copies) = claimed(&store, 4).await;
        assert_eq!(copies.len(), 0, "and nothing of it leaves");
        told.push(standing(&store).await);

        write(&store, |tx| caps::lengthen(tx, FIRST, END + 60_000)).await;
        write(&store, |tx| editions::set_state(tx, FIRST, DepartureState::Paused, DepartureState::Open)).await;
        told.push(standing(&store).await);
        assert_eq!(claimed(&store, 1).await.1.len(), 1, "with more time it goes on");
        assert_eq!(end(END + 60_000).await, (1, 0), "and is held again when that is over");
        told.push(standing(&store).await);
        told
    });
}

#[test]
fn only_as_many_readers_as_were_given_up_expire_by_our_caps() {
    tell("give-up", async |store| {
        newsroom_with(&store, 4).await;
        cut(&store, "2026-01-01", 1, 10).await;
        write(&store, |tx| caps::accept(tx, FIRST, 3)).await;
        let end = || write(&store, |tx| Ok((caps::hold(tx, END)?, ledger::expire(tx, END)?)));
        assert_eq!(end().await, (1, 0), "four wait and three were given up");
        write(&store, |tx| caps::accept(tx, FIRST, 4)).await;
        write(&store, |tx| editions::set_state(tx, FIRST, DepartureState::Paused, DepartureState::Open)).await;
        assert_eq!(end().await, (0, 4));
        vec![standing(&store).await]
    });
}

#[test]
fn letters_and_earlier_departures_go_first() {
    tell("ahead", async |store| {
        newsroom_with(&store, 3).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let ahead = |id| store.read(move |tx| caps::ahead(tx, DepartureId(id)));
        let told = [ahead(1).await.expect("it is read"), ahead(2).await.expect("it is read")];
        assert_eq!(told, [0, 3]);
        vec![format!("{told:?}")]
    });
}
