//! Stories of doubt: listed for good, sent once more at most, and every end written down.

use newsroom::{Answer, Delivery, DeliveryState, DepartureId, DepartureState, ReaderId, RouteId};
use store::doubt::{self, Bar, Decided, Doubted, End, Resolution};
use store::ledger::{self, Claim, Lease, Settled};
use store::readers::{self, Line};
use store::returned::{self, Kind, Outcome, Returned};
use store::{Store, Write, editions, proof};

use crate::engines::{DAILY, DAWN, cut, newsroom_with, tell};

const FIRST: DepartureId = DepartureId(1);

async fn write<T: Send + 'static>(store: &Store, work: impl FnOnce(&Write) -> store::Result<T> + Send + 'static) -> T {
    store.write(work).await.expect("the store works")
}

fn settled(copy: &Delivery, state: DeliveryState, at: i64) -> Settled {
    let text = if state == DeliveryState::Uncertain { "the connection is closed" } else { "taken" };
    let answer = Answer { at, code: 250, text: text.into() };
    Settled::new(copy, state, None, RouteId::FIRST, answer)
}

/// Marks and settles what was claimed.
async fn carried(store: &Store, lease: Lease, copies: Vec<Delivery>, state: DeliveryState, at: i64) {
    write(store, move |tx| {
        let marks: Vec<_> = copies.iter().map(|c| (c.key, c.cohort, RouteId::FIRST)).collect();
        assert!(ledger::mark(tx, lease, &marks)?.iter().all(|marked| *marked));
        let ended: Vec<_> = copies.iter().map(|c| settled(c, state, at)).collect();
        ledger::settle(tx, lease, &ended)
    })
    .await;
}

/// A settled departure of which the first `doubtful` copies are in doubt.
async fn after_the_morning(store: &Store, readers: i64, doubtful: usize) -> Lease {
    newsroom_with(store, readers).await;
    cut(store, "2026-01-01", 1, 10).await;
    let lease =
        write(store, |tx| ledger::take_lease(tx, "a", DAWN, DAWN + 60_000)).await.expect("nobody else holds it");
    let mut copies = write(store, move |tx| ledger::claim(tx, lease, Claim::Edition(FIRST, -1, -1), 99)).await;
    let rest = copies.split_off(doubtful);
    carried(store, lease, copies, DeliveryState::Uncertain, DAWN + 5).await;
    carried(store, lease, rest, DeliveryState::Accepted, DAWN + 5).await;
    assert!(write(store, |tx| ledger::close(tx, FIRST)).await);
    lease
}

async fn doubts(store: &Store) -> Vec<Doubted> {
    store.read(|tx| doubt::list(tx, FIRST, doubt::FIRST, 99)).await.expect("doubts")
}

async fn resend(store: &Store, one: &Doubted, now: i64) -> Result<(), Bar> {
    let which = (one.key, one.since);
    write(store, move |tx| doubt::resend(tx, which, "Ana", now)).await
}

async fn due(store: &Store, lease: Lease, now: i64) -> Vec<Delivery> {
    write(store, move |tx| ledger::claim(tx, lease, Claim::Due(now), 99)).await
}

#[test]
fn a_copy_in_doubt_is_sent_once_more_and_stays_listed() {
    tell("doubt-resend", async |store| {
        let lease = after_the_morning(&store, 4, 2).await;
        let before = doubts(&store).await;
        assert_eq!(resend(&store, &before[0], DAWN + 60).await, Ok(()));
        assert_eq!(resend(&store, &before[0], DAWN + 61).await, Err(Bar::Resent), "by another hand at the same time");
        let open = store.read(|tx| editions::departure_by_id(tx, FIRST)).await.expect("it works").expect("it is there");
        assert_eq!(open.state, DepartureState::Open, "a settled departure is open again");
        let copies = due(&store, lease, DAWN + 62).await;
        assert_eq!((copies.len(), copies[0].reader, copies[0].attempts), (1, before[0].reader, 1));
        carried(&store, lease, copies, DeliveryState::Accepted, DAWN + 70).await;
        assert!(write(&store, |tx| ledger::close(tx, FIRST)).await);
        let sums = store.read(|tx| ledger::sums(tx, FIRST)).await.expect("sums");
        assert_eq!((sums.of(DeliveryState::Accepted), sums.of(DeliveryState::Uncertain), sums.doubted), (3, 1, 2));
        let after = doubts(&store).await;
        assert_eq!(after.len(), 2, "no doubt is erased");
        let by = Resolution { end: End::Resent, at: DAWN + 60, by: "Ana".into() };
        assert_eq!((after[0].resolution.as_ref(), after[0].state), (Some(&by), DeliveryState::Accepted));
        vec![format!("{after:?}"), format!("{sums:?}")]
    });
}

#[test]
fn a_copy_that_a_report_came_back_about_is_not_sent_once_more() {
    tell("doubt-reported", async |store| {
        after_the_morning(&store, 3, 3).await;
        let listed = doubts(&store).await;
        for (one, kind, id) in
            [(&listed[0], Kind::Taken, 1), (&listed[1], Kind::Bounce, 2), (&listed[2], Kind::Leave, 3)]
        {
            let back = Returned {
                id,
                reader: one.reader,
                departure: FIRST,
                kind,
                at: DAWN + 30,
                source: vec![7],
                reason: "unclear".into(),
                hard: false,
                code: 0,
                said: "passed on".into(),
                outcome: Outcome::Kept,
            };
            write(&store, move |tx| returned::keep(tx, &back)).await;
        }
        assert_eq!(resend(&store, &listed[0], DAWN + 60).await, Err(Bar::Reported));
        let decided = write(&store, |tx| doubt::decide(tx, DAWN + 90, DAWN + 90, 9)).await;
        assert_eq!(decided, Decided { resent: 1, held: 2 }, "the policy sends the one of which nothing is known");
        vec![format!("{:?}", doubts(&store).await)]
    });
}

#[test]
fn a_copy_that_is_in_doubt_again_is_never_sent_a_third_time() {
    tell("doubt-again", async |store| {
        let lease = after_the_morning(&store, 1, 1).await;
        let first = doubts(&store).await.remove(0);
        assert_eq!(resend(&store, &first, DAWN + 60).await, Ok(()));
        let copies = due(&store, lease, DAWN + 62).await;
        carried(&store, lease, copies, DeliveryState::Uncertain, DAWN + 70).await;
        let twice = doubts(&store).await;
        assert_eq!(twice.len(), 2, "both are listed");
        for one in &twice {
            assert_eq!(resend(&store, one, DAWN + 80).await, Err(Bar::Resent));
        }
        let decided = write(&store, |tx| doubt::decide(tx, DAWN + 90, DAWN + 90, 9)).await;
        assert_eq!(decided, Decided { resent: 0, held: 1 });
        assert!(due(&store, lease, DAWN + 99).await.is_empty());
        vec![format!("{:?}", doubts(&store).await)]
    });
}

#[test]
fn what_was_taken_or_held_is_not_sent_by_the_policy() {
    tell("doubt-ends", async |store| {
        let lease = after_the_morning(&store, 5, 3).await;
        let before = doubts(&store).await;
        let end = |one: &Doubted, end| ((one.key, one.since), Resolution { end, at: DAWN + 50, by: "Ana".into() });
        for (which, resolution) in [end(&before[0], End::Taken), end(&before[1], End::Held)] {
            assert!(write(&store, move |tx| doubt::resolve(tx, which, &resolution)).await);
        }
        assert_eq!(resend(&store, &before[0], DAWN + 51).await, Err(Bar::Taken));
        let (which, late) = end(&before[0], End::Held);
        assert!(!write(&store, move |tx| doubt::resolve(tx, which, &late)).await, "taken is the last word");
        let early = write(&store, |tx| doubt::decide(tx, DAWN + 60, DAWN + 4, 9)).await;
        let decided = write(&store, |tx| doubt::decide(tx, DAWN + 60, DAWN + 5, 9)).await;
        assert_eq!((early, decided), (Decided::default(), Decided { resent: 1, held: 0 }), "evidence is waited for");
        assert!(!store.read(|tx| doubt::any_due(tx, DAWN + 61, DAWN + 61)).await.expect("it works"));
        let again = due(&store, lease, DAWN + 62).await;
        assert_eq!(again.iter().map(|c| c.reader).collect::<Vec<_>>(), [before[2].reader]);
        // A person may still send what a person held.
        assert_eq!(resend(&store, &before[1], DAWN + 63).await, Ok(()));
        vec![format!("{:?}", doubts(&store).await)]
    });
}

#[test]
fn who_left_or_whose_edition_is_over_is_sent_nothing() {
    tell("doubt-bars", async |store| {
        let lease = after_the_morning(&store, 3, 3).await;
        let before = doubts(&store).await;
        let gone: ReaderId = before[0].reader;
        let line = Line { id: 1, door: "one-click", wording: String::new() };
        assert!(write(&store, move |tx| readers::unsubscribe(tx, gone, DAILY, &line, DAWN + 20)).await);
        assert_eq!(doubts(&store).await[0].left, Some(DAWN + 20), "perhaps by the link in that very copy");
        assert_eq!(resend(&store, &before[0], DAWN + 30).await, Err(Bar::Left));
        let expires = DAWN + 1_000_000;
        assert_eq!(resend(&store, &before[1], expires).await, Err(Bar::Expired));
        let decided = write(&store, move |tx| doubt::decide(tx, expires, expires, 9)).await;
        assert_eq!(decided, Decided { resent: 0, held: 3 });
        assert!(due(&store, lease, expires).await.is_empty());
        vec![format!("{:?}", doubts(&store).await)]
    });
}

#[test]
fn a_copied_newsroom_sends_no_doubt_again_by_itself() {
    tell("doubt-copied", async |store| {
        after_the_morning(&store, 3, 2).await;
        write(&store, |tx| store::whole::release(tx, None, DAWN + 40)).await;
        assert!(!store.read(|tx| doubt::any_due(tx, DAWN + 50, DAWN + 50)).await.expect("it works"));
        vec![format!("{:?}", doubts(&store).await)]
    });
}

#[test]
fn the_proof_has_one_line_for_each_reader() {
    tell("proof", async |store| {
        let lease = after_the_morning(&store, 7, 2).await;
        let one = doubts(&store).await.remove(0);
        assert_eq!(resend(&store, &one, DAWN + 60).await, Ok(()));
        let copies = due(&store, lease, DAWN + 62).await;
        carried(&store, lease, copies, DeliveryState::Accepted, DAWN + 70).await;
        let (mut lines, mut after) = (Vec::new(), (-1, -1));
        loop {
            let page = store.read(move |tx| proof::lines(tx, FIRST, after, 3)).await.expect("a page");
            let Some(last) = page.last() else { break };
            after = (last.key.lane, last.key.position);
            lines.extend(page);
        }
        let mut readers: Vec<_> = lines.iter().map(|line| line.reader).collect();
        readers.sort();
        readers.dedup();
        assert_eq!((lines.len(), readers.len()), (7, 7));
        let again = lines.iter().find(|line| line.reader == one.reader).expect("its line");
        assert_eq!((again.state, again.attempts, again.route), (DeliveryState::Accepted, 2, Some(RouteId::FIRST)));
        assert_eq!(again.answer.as_ref().map(|a| a.at), Some(DAWN + 70), "the last answer");
        assert_eq!(lines.iter().filter(|line| line.doubt.is_some()).count(), 2);
        lines.iter().map(|line| format!("{line:?}")).collect()
    });
}
