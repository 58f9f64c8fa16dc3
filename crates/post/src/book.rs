//! The book: the outcomes and marks of all connections, kept together in one transaction after the other.
//!
//! While one commit is on its way to the disk, what the connections have to say gathers here and goes with the next: one
//! statement for all of them where the engine has one. A connection's outcome and the mark of its next copy stand in
//! one entry and are never parted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use newsroom::{DeliveryKey, DeliveryState, Ms, RouteId, WayDay};
use store::ledger::{self, Mark, Settled};
use store::warm_up;
use tokio::sync::{mpsc, oneshot};

use crate::blame::{blame, is_refusal};
use crate::office::{Defect, Shared};
use crate::verdict;
use crate::warm_up::day_of;

/// How many entries go into one transaction at most: one from each connection that may be open.
const ENTRIES_MAX: usize = 256;
/// How long a transaction waits, in milliseconds, until half of the connections that talk to a relay have said something:
/// a commit costs as much for one entry as for ten. It waits only while signing is what holds the post up, so that no
/// connection would have a copy to go on with; and a connection alone does not wait.
const GATHER_MS: Ms = 2;

/// What one connection has to say.
pub(crate) struct Entry {
    ended: Vec<Settled>,
    mark: Option<Mark>,
    tell: oneshot::Sender<Kept>,
}

/// What came of an entry.
struct Kept {
    /// Outcomes that came too late: another poster had taken over.
    lost: Vec<DeliveryKey>,
    /// Whether the mark stands.
    marked: bool,
}

/// The way into the book.
pub(crate) struct Book {
    entries: mpsc::UnboundedSender<Entry>,
    /// Connections in conversation with a relay.
    talking: AtomicUsize,
}

/// A connection in conversation, until it is dropped.
pub(crate) struct Talking<'a>(&'a Book);

impl Book {
    /// A book, and what is entered into it.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Entry>) {
        let (entries, entered) = mpsc::unbounded_channel();
        (Self { entries, talking: AtomicUsize::new(0) }, entered)
    }

    /// Counts a connection in.
    pub(crate) fn talking(&self) -> Talking<'_> {
        self.talking.fetch_add(1, Ordering::Relaxed);
        Talking(self)
    }

    /// How many entries are worth a commit.
    fn worth(&self) -> usize {
        (self.talking.load(Ordering::Relaxed) / 2).clamp(1, ENTRIES_MAX)
    }
}

impl Drop for Talking<'_> {
    fn drop(&mut self) {
        self.0.talking.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits a moment for more entries while there are too few to be worth a commit.
async fn gather(shared: &Shared, entries: &mut mpsc::UnboundedReceiver<Entry>, batch: &mut Vec<Entry>) {
    let world = shared.world.clone();
    let moment = world.sleep(GATHER_MS);
    tokio::pin!(moment);
    while batch.len() < shared.book.worth() && shared.gates.waiting() < shared.book.talking.load(Ordering::Relaxed) {
        let room = ENTRIES_MAX - batch.len();
        let more = tokio::select! {
            biased;
            more = entries.recv_many(batch, room) => more,
            () = &mut moment => 0,
        };
        if more == 0 {
            return;
        }
    }
}

/// Keeps entries as they come, for as long as it is polled or until the store fails.
pub(crate) async fn keep(shared: &Shared, mut entries: mpsc::UnboundedReceiver<Entry>) {
    let mut batch = Vec::new();
    while entries.recv_many(&mut batch, ENTRIES_MAX).await > 0 {
        gather(shared, &mut entries, &mut batch).await;
        if keep_batch(shared, std::mem::take(&mut batch)).await.is_none() {
            return;
        }
    }
}

/// One transaction. `None`: the poster is ending, and nothing of the batch stands.
async fn keep_batch(shared: &Shared, mut batch: Vec<Entry>) -> Option<()> {
    let counts: Vec<usize> = batch.iter().map(|entry| entry.ended.len()).collect();
    let ended: Arc<Vec<Settled>> = Arc::new(batch.iter_mut().flat_map(|e| std::mem::take(&mut e.ended)).collect());
    let marks: Arc<Vec<_>> = Arc::new(batch.iter().filter_map(|entry| entry.mark).collect());
    let (lease, kept) = (shared.lease, ended.clone());
    let refused = ended.iter().filter(|settled| is_refusal(settled));
    let source = |settled: &Settled| shared.vault.post_key().source(&format!("relay {}", settled.route.0)).to_vec();
    let refusals: Arc<Vec<_>> = Arc::new(refused.map(|settled| (shared.world.mint(), source(settled))).collect());
    let rules = shared.rules;
    let days: Arc<Vec<WayDay>> = Arc::new(shared.gates.warms().map_or_else(Vec::new, |offset| days(&ended, offset)));
    let ledger::Kept { lost, marked } = shared
        .durably(move |tx| {
            ledger::keep(tx, lease, &ended, &marks, |tx| {
                blame(tx, &ended, &refusals, rules)?;
                warm_up::count(tx, &days)
            })
        })
        .await?;
    let (mut ended, mut marked) = (kept.iter(), marked.into_iter());
    for (entry, count) in batch.into_iter().zip(counts) {
        let own = ended.by_ref().take(count).filter(|s| lost.contains(&s.key)).map(|s| s.key).collect();
        let marked = entry.mark.is_some() && marked.next().expect("every mark has its answer");
        // A connection whose task was dropped has no use for the answer; what it said stands.
        drop(entry.tell.send(Kept { lost: own, marked }));
    }
    Some(())
}

/// What each way carried, by the day.
fn days(ended: &[Settled], offset_ms: Ms) -> Vec<WayDay> {
    let mut days: BTreeMap<(RouteId, i64), WayDay> = BTreeMap::new();
    for settled in ended {
        let (route, day) = (settled.route, day_of(settled.answer.at, offset_ms));
        let sum = days.entry((route, day)).or_insert(WayDay { route, day, tried: 0, put_off: 0 });
        sum.tried += 1;
        sum.put_off += i64::from(is_put_off(settled));
    }
    days.into_values().collect()
}

/// Whether it was put off, or refused for what is about us.
fn is_put_off(settled: &Settled) -> bool {
    match settled.state {
        DeliveryState::Deferred => true,
        DeliveryState::Refused => !verdict::reason(settled.answer.code, &settled.answer.text).is_about_mailbox(),
        _ => false,
    }
}

impl Shared {
    /// Keeps the answers so far and marks a copy in flight, in one commit. `None`: its dot may not leave.
    pub(crate) async fn keep_and_mark(&self, ended: Vec<Settled>, copy: Mark) -> Option<()> {
        if let Some(Defect::MarkAfterDot | Defect::CursorMovedOnFetch | Defect::OutcomeBeforeMark) = self.defect {
            self.keep(ended).await;
            return Some(());
        }
        let ignored = self.defect == Some(Defect::RefusalIgnored);
        let stands = self.enter(ended, Some(copy)).await?;
        (stands || ignored).then_some(())
    }

    /// Keeps answers durably.
    pub(crate) async fn keep(&self, ended: Vec<Settled>) {
        if !ended.is_empty() {
            self.enter(ended, None).await;
        }
    }

    /// Enters answers and a mark. Gives whether the mark stands; `None` when the poster is ending and nothing does.
    async fn enter(&self, ended: Vec<Settled>, mark: Option<Mark>) -> Option<bool> {
        let count = ended.len();
        let (tell, told) = oneshot::channel();
        self.book.entries.send(Entry { ended, mark, tell }).ok()?;
        let kept = told.await.ok()?;
        self.kept(count, &kept.lost);
        Some(kept.marked)
    }
}
