//! Stories of the ways out: relays under names that last, how each stands, and what each carried of a departure.

use newsroom::{Answer, Delivery, DeliveryState, DepartureId, RelayTerms, RouteId, Standing, WayState};
use store::ledger::{self, Claim, Settled};
use store::{Store, Write, caps, ways};

use crate::engines::{DAWN, cut, newsroom_with, tell};

async fn write<T: Send + 'static>(store: &Store, work: impl FnOnce(&Write) -> store::Result<T> + Send + 'static) -> T {
    store.write(work).await.expect("the store works")
}

fn relay(name: &str) -> RelayTerms {
    let mut terms = RelayTerms::new(RouteId(0), name);
    terms.set("host", &format!("{name}.example")).expect("a host");
    terms.password = "1:abcd".into();
    terms
}

#[test]
fn a_relay_keeps_its_number_and_its_name_when_it_is_removed() {
    tell("relays", async |store| {
        let add = |name: &'static str| write(&store, move |tx| ways::add(tx, &relay(name)));
        assert_eq!(add("b").await, Some(RouteId(2)), "the first is the settings'");
        assert_eq!(add("c").await, Some(RouteId(3)));
        assert_eq!(add("b").await, None, "names are told apart");
        let mut changed = RelayTerms { id: RouteId(3), ..relay("c") };
        changed.set("weight", "7").expect("a weight");
        changed.set("use", "no").expect("a word");
        let kept = changed.clone();
        assert!(write(&store, move |tx| ways::change(tx, &changed)).await);
        assert!(write(&store, |tx| ways::remove(tx, "b")).await && !write(&store, |tx| ways::remove(tx, "b")).await);
        let gone = RelayTerms { id: RouteId(2), ..relay("b") };
        assert!(!write(&store, move |tx| ways::change(tx, &gone)).await, "who was removed is not changed");
        assert_eq!(add("b").await, Some(RouteId(4)), "a name may come again, a number never");
        let (known, names) = store.read(|tx| Ok((ways::relays(tx)?, ways::names(tx)?))).await.expect("they are read");
        assert_eq!(known, [kept, RelayTerms { id: RouteId(4), ..relay("b") }]);
        assert_eq!(names.values().map(String::as_str).collect::<Vec<_>>(), ["main", "b", "c", "b"]);
        vec![format!("{known:?} {names:?}")]
    });
}

#[test]
fn what_a_way_last_answered_stays_until_it_answers_again() {
    tell("standings", async |store| {
        let well = Standing {
            route: RouteId(2),
            state: WayState::Open,
            since: DAWN,
            until: 0,
            faults: 0,
            why: String::new(),
            alerted: None,
            answered: Some(Answer { at: DAWN, code: 250, text: "taken".into() }),
        };
        let ill = Standing {
            state: WayState::Resting,
            until: DAWN + 60_000,
            faults: 3,
            why: "it said “535 no”".into(),
            alerted: Some(DAWN + 1),
            answered: None,
            ..well.clone()
        };
        let (first, then) = (well.clone(), ill.clone());
        write(&store, move |tx| ways::stand(tx, &[first])).await;
        write(&store, move |tx| ways::stand(tx, &[then])).await;
        let told = store.read(ways::standings).await.expect("they are read");
        assert_eq!(told, [Standing { answered: well.answered, ..ill }]);
        vec![format!("{told:?}")]
    });
}

#[test]
fn the_ledger_names_the_way_that_carried_or_tried_each_copy() {
    tell("by-route", async |store| {
        newsroom_with(&store, 5).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let (lease, copies) = write(&store, |tx| {
            let lease = ledger::take_lease(tx, "a", DAWN, DAWN + 60_000)?.expect("nobody else holds it");
            Ok((lease, ledger::claim(tx, lease, Claim::Edition(DepartureId(1), -1, -1), 4)?))
        })
        .await;
        let by = |copy: &Delivery, route, state| {
            let answer = Answer { at: DAWN + 1, code: 250, text: "taken".into() };
            Settled::new(copy, state, None, RouteId(route), answer)
        };
        let ended = vec![
            by(&copies[0], 1, DeliveryState::Accepted),
            by(&copies[1], 2, DeliveryState::Accepted),
            by(&copies[2], 2, DeliveryState::Refused),
        ];
        let flying = (copies[3].key, copies[3].cohort, RouteId(2));
        write(&store, move |tx| {
            ledger::settle(tx, lease, &ended)?;
            ledger::mark(tx, lease, &[flying])
        })
        .await;
        // The poster ends: the way that the copy in flight had taken is known all the same.
        write(&store, |tx| ledger::take_lease(tx, "a", DAWN + 60_000, DAWN + 120_000)).await.expect("the same holder");
        let (carried, tried) = store
            .read(|tx| Ok((ledger::by_route(tx, DepartureId(1))?, caps::tried(tx, DAWN)?)))
            .await
            .expect("it is read");
        use DeliveryState::{Accepted, Refused, Uncertain};
        let expected = [(1, Accepted), (2, Accepted), (2, Refused), (2, Uncertain)];
        assert_eq!(carried, expected.map(|(route, state)| (RouteId(route), state, 1)));
        let sums: Vec<i64> = tried.values().map(|minutes| minutes.iter().map(|(_, count)| count).sum()).collect();
        assert_eq!(sums, [1, 3], "each way's tries count against its own caps");
        vec![format!("{carried:?} {tried:?}")]
    });
}
