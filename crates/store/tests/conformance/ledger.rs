//! Stories of the ledger: nobody missed, nobody twice.

use newsroom::{Answer, Delivery, DeliveryState, DepartureId, DepartureState, ReaderId, RouteId};
use store::editions::{self, Cut};
use store::ledger::{self, Claim, Lease, Settled};
use store::readers::{self, Line};
use store::{Store, Write};

use crate::engines::{DAILY, DAWN, cut, newsroom_with, tell, tell_twice};

const FIRST: DepartureId = DepartureId(1);

async fn write<T: Send + 'static>(store: &Store, work: impl FnOnce(&Write) -> store::Result<T> + Send + 'static) -> T {
    store.write(work).await.expect("the store works")
}

async fn lease(store: &Store, holder: &'static str) -> Lease {
    write(store, move |tx| ledger::take_lease(tx, holder, DAWN, DAWN + 60_000)).await.expect("nobody else holds it")
}

async fn claim(store: &Store, lease: Lease, limit: i64) -> Vec<Delivery> {
    write(store, move |tx| ledger::claim(tx, lease, Claim::Edition(FIRST, -1, -1), limit)).await
}

fn settled(copy: &Delivery, state: DeliveryState, due: Option<i64>) -> Settled {
    let answer = Answer { at: DAWN + 5, code: 250, text: "taken".into() };
    Settled::new(copy, state, due, RouteId::FIRST, answer)
}

async fn sums(store: &Store, departure: DepartureId) -> String {
    let sums = store.read(move |tx| ledger::sums(tx, departure)).await.expect("sums");
    let states: Vec<_> =
        DeliveryState::EVERY.iter().filter(|s| sums.of(**s) > 0).map(|s| format!("{s:?} {}", sums.of(*s))).collect();
    format!("{} = {}, doubted {}", states.join(" + "), sums.total(), sums.doubted)
}

#[test]
fn a_cut_freezes_every_due_reader_once() {
    tell("freeze", async |store| {
        newsroom_with(&store, 10).await;
        let first = cut(&store, "2026-01-01", 1, 10).await;
        let again = cut(&store, "2026-01-01", 2, 20).await;
        let Cut::Frozen(departure) = &first else { panic!("{first:?}") };
        assert_eq!((departure.audience, again), (10, Cut::NobodyDue));
        vec![format!("{first:?}"), sums(&store, FIRST).await]
    });
}

#[test]
fn a_reader_is_never_claimed_twice() {
    tell("claim", async |store| {
        newsroom_with(&store, 10).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let lease = lease(&store, "a").await;
        let (one, two, three) =
            (claim(&store, lease, 6).await, claim(&store, lease, 6).await, claim(&store, lease, 6).await);
        let mut readers: Vec<ReaderId> = one.iter().chain(&two).map(|d| d.reader).collect();
        readers.sort();
        readers.dedup();
        assert_eq!((readers.len(), three.len()), (10, 0));
        vec![format!("{one:?}"), format!("{two:?}"), sums(&store, FIRST).await]
    });
}

#[test]
fn a_mark_of_an_older_epoch_is_refused() {
    tell("fence", async |store| {
        newsroom_with(&store, 4).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let old = lease(&store, "a").await;
        let copy = claim(&store, old, 1).await.remove(0);
        // The process was paused; after its restart the same holder took the lease anew.
        let new = lease(&store, "a").await;
        assert!(new.epoch > old.epoch);
        let (key, cohort) = (copy.key, copy.cohort);
        let marked = write(&store, move |tx| ledger::mark(tx, old, &[(key, cohort, RouteId::FIRST)])).await;
        assert_eq!(marked, [false]);
        let mine = claim(&store, new, 1).await.remove(0);
        assert_eq!(mine.key, key, "what the old one had leased is queued again");
        let late =
            write(&store, move |tx| ledger::settle(tx, old, &[settled(&copy, DeliveryState::Accepted, None)])).await;
        assert_eq!(late, [key], "the old one's answers are not its own any more");
        vec![sums(&store, FIRST).await]
    });
}

#[test]
fn a_poster_whose_lease_was_taken_claims_nothing() {
    tell("claim-fence", async |store| {
        newsroom_with(&store, 4).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let old = lease(&store, "a").await;
        let new = lease(&store, "a").await;
        assert!(claim(&store, old, 4).await.is_empty(), "it would hold copies that nobody ever asks it for");
        assert_eq!(claim(&store, new, 4).await.len(), 4);
        vec![sums(&store, FIRST).await]
    });
}

/// How long a transaction is held open for the other to run into it, in milliseconds. Nothing is measured by it.
const HELD_OPEN_MS: u64 = 150;

#[test]
fn what_a_killed_poster_is_still_committing_is_found_by_the_next() {
    tell_twice("late-commit", async |store, beside| {
        newsroom_with(&store, 2).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let old = lease(&store, "a").await;
        let keys: Vec<_> = claim(&store, old, 1).await.iter().map(|c| (c.key, c.cohort, RouteId::FIRST)).collect();
        // PostgreSQL commits for a client that is gone: its last transaction may end after the next poster has come.
        let (came, comes) = std::sync::mpsc::channel::<()>();
        let (began, begun) = tokio::sync::oneshot::channel();
        let dying = store.write(move |tx| {
            let marked = ledger::mark(tx, old, &keys)?;
            let claimed = ledger::claim(tx, old, Claim::Edition(FIRST, -1, -1), 1)?;
            began.send(()).expect("the next poster waits for it");
            // The next poster waits for this transaction; or else it is through before it, and that is the defect.
            let _through = comes.recv_timeout(std::time::Duration::from_millis(HELD_OPEN_MS));
            Ok((marked, claimed.len()))
        });
        let next = async {
            begun.await.expect("the dying poster had begun");
            beside
                .write(move |tx| {
                    let taken = ledger::take_lease(tx, "a", DAWN + 1, DAWN + 60_001)?;
                    drop(came);
                    Ok(taken)
                })
                .await
        };
        let (died, taken) = tokio::join!(dying, next);
        assert_eq!(died.expect("its commit was under way"), (vec![true], 1));
        assert!(taken.expect("the store works").is_ok());
        let after = sums(&store, FIRST).await;
        assert_eq!(after, "Queued 1 + Uncertain 1 = 2, doubted 1");
        vec![after]
    });
}

#[test]
fn another_poster_waits_for_the_lease() {
    tell("lease", async |store| {
        newsroom_with(&store, 1).await;
        lease(&store, "a").await;
        let held = write(&store, |tx| ledger::take_lease(tx, "b", DAWN + 59_000, DAWN + 119_000)).await;
        let taken = write(&store, |tx| ledger::take_lease(tx, "b", DAWN + 60_000, DAWN + 120_000)).await;
        assert!(held.is_err() && taken.is_ok());
        vec![format!("{held:?} {taken:?}")]
    });
}

#[test]
fn what_a_dead_poster_left_in_flight_is_doubtful_for_good() {
    tell("doubt", async |store| {
        newsroom_with(&store, 6).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let lease_a = lease(&store, "a").await;
        let copies = claim(&store, lease_a, 4).await;
        let flying: Vec<_> = copies.iter().take(2).map(|c| (c.key, c.cohort, RouteId::FIRST)).collect();
        assert_eq!(write(&store, move |tx| ledger::mark(tx, lease_a, &flying)).await, [true, true]);
        lease(&store, "a").await;
        let after = sums(&store, FIRST).await;
        assert!(after.contains("Uncertain 2") && after.contains("Queued 4"), "{after}");
        let doubts = store.read(|tx| ledger::doubtful(tx, FIRST)).await.expect("doubts");
        assert_eq!(doubts.iter().map(|d| d.reader).collect::<Vec<_>>(), [copies[0].reader, copies[1].reader]);
        vec![after, format!("{doubts:?}")]
    });
}

#[test]
fn nobody_who_left_is_mailed() {
    tell("left", async |store| {
        newsroom_with(&store, 3).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let lease = lease(&store, "a").await;
        let copies = claim(&store, lease, 3).await;
        let gone = copies[1].reader;
        let line = Line { id: 1, door: "one-click", wording: String::new() };
        assert!(write(&store, move |tx| readers::unsubscribe(tx, gone, DAILY, &line, DAWN)).await);
        let keys: Vec<_> = copies.iter().map(|c| (c.key, c.cohort, RouteId::FIRST)).collect();
        let refused = copies[1].key;
        assert_eq!(write(&store, move |tx| ledger::mark(tx, lease, &keys)).await, [true, false, true]);
        write(&store, move |tx| ledger::release(tx, lease, &[refused])).await;
        let after = sums(&store, FIRST).await;
        assert!(after.contains("Excluded 1"), "{after}");
        vec![after]
    });
}

#[test]
fn nothing_starts_after_a_pause() {
    tell("pause", async |store| {
        newsroom_with(&store, 2).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let lease = lease(&store, "a").await;
        let copies = claim(&store, lease, 1).await;
        let (key, cohort) = (copies[0].key, copies[0].cohort);
        let pause =
            write(&store, |tx| editions::set_state(tx, FIRST, DepartureState::Open, DepartureState::Paused)).await;
        assert!(pause);
        assert_eq!(write(&store, move |tx| ledger::mark(tx, lease, &[(key, cohort, RouteId::FIRST)])).await, [false]);
        write(&store, move |tx| ledger::release(tx, lease, &[key])).await;
        assert!(claim(&store, lease, 9).await.is_empty(), "a paused departure gives nothing out");
        write(&store, |tx| editions::set_state(tx, FIRST, DepartureState::Paused, DepartureState::Open)).await;
        assert_eq!(claim(&store, lease, 9).await.len(), 2);
        vec![sums(&store, FIRST).await]
    });
}

#[test]
fn a_deferred_copy_comes_back_and_expires_with_its_edition() {
    tell("defer", async |store| {
        newsroom_with(&store, 2).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let lease = lease(&store, "a").await;
        let copies = claim(&store, lease, 2).await;
        let ended: Vec<_> = copies.iter().map(|c| settled(c, DeliveryState::Deferred, Some(DAWN + 300_000))).collect();
        write(&store, move |tx| ledger::settle(tx, lease, &ended)).await;
        let early = write(&store, move |tx| ledger::claim(tx, lease, Claim::Due(DAWN + 1), 9)).await;
        let due = store.read(ledger::next_due).await.expect("a time");
        let back = write(&store, move |tx| ledger::claim(tx, lease, Claim::Due(DAWN + 300_000), 1)).await;
        assert_eq!((early.len(), due, back.len(), back[0].attempts), (0, Some(DAWN + 300_000), 1, 1));
        let done = settled(&back[0], DeliveryState::Accepted, None);
        write(&store, move |tx| ledger::settle(tx, lease, &[done])).await;
        let open = write(&store, |tx| ledger::close(tx, FIRST)).await;
        let expired = write(&store, |tx| ledger::expire(tx, DAWN + 1_000_000)).await;
        let closed = write(&store, |tx| ledger::close(tx, FIRST)).await;
        assert_eq!((open, expired, closed), (false, 1, true));
        vec![sums(&store, FIRST).await]
    });
}

#[test]
fn a_second_morning_repeats_no_story_and_supersedes_what_never_left() {
    tell("second", async |store| {
        newsroom_with(&store, 3).await;
        cut(&store, "2026-01-01", 1, 10).await;
        let lease = lease(&store, "a").await;
        let copies = claim(&store, lease, 2).await;
        let keys: Vec<_> = copies.iter().map(|c| (c.key, c.cohort, RouteId::FIRST)).collect();
        write(&store, move |tx| ledger::mark(tx, lease, &keys)).await;
        let ended = [
            settled(&copies[0], DeliveryState::Accepted, None),
            settled(&copies[1], DeliveryState::Deferred, Some(DAWN + 9)),
        ];
        write(&store, move |tx| ledger::settle(tx, lease, &ended)).await;
        let next = cut(&store, "2026-01-02", 2, 12).await;
        let (yesterday, today) = (sums(&store, FIRST).await, sums(&store, DepartureId(2)).await);
        // One had it; two never got it, and get both days' stories today.
        assert!(yesterday.contains("Accepted 1 + Excluded 2"), "{yesterday}");
        let due = write(&store, move |tx| ledger::claim(tx, lease, Claim::Due(DAWN + 10), 9)).await;
        assert!(due.is_empty(), "a superseded copy does not come back");
        vec![format!("{next:?}"), yesterday, today]
    });
}
