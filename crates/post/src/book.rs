//! The book: the outcomes and marks of all connections, kept together in one transaction after the other.
//!
//! While one commit is on its way to the disk, what the connections have to say gathers here and goes with the next: one
//! statement for all of them where the engine has one. A connection's outcome and the mark of its next copy stand in
//! one entry and are never parted.

use std::sync::Arc;

use newsroom::{CohortId, DeliveryKey};
use store::ledger::{self, Settled};
use tokio::sync::{mpsc, oneshot};

use crate::office::{Defect, Shared};

/// How many entries go into one transaction at most: one from each connection that may be open.
const ENTRIES_MAX: usize = 256;

/// What one connection has to say.
pub(crate) struct Entry {
    ended: Vec<Settled>,
    mark: Option<(DeliveryKey, CohortId)>,
    tell: oneshot::Sender<Kept>,
}

/// What came of an entry.
struct Kept {
    /// Outcomes that came too late: another poster had taken over.
    lost: Vec<DeliveryKey>,
    /// Whether the mark stands.
    marked: bool,
}

/// Keeps entries as they come, for as long as it is polled or until the store fails.
pub(crate) async fn keep(shared: &Shared, mut entries: mpsc::UnboundedReceiver<Entry>) {
    let mut batch = Vec::new();
    while entries.recv_many(&mut batch, ENTRIES_MAX).await > 0 {
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
    let (lost, marked) =
        shared.durably(move |tx| Ok((ledger::settle(tx, lease, &ended)?, ledger::mark(tx, lease, &marks)?))).await?;
    let (mut ended, mut marked) = (kept.iter(), marked.into_iter());
    for (entry, count) in batch.into_iter().zip(counts) {
        let own = ended.by_ref().take(count).filter(|s| lost.contains(&s.key)).map(|s| s.key).collect();
        let marked = entry.mark.is_some() && marked.next().expect("every mark has its answer");
        // A connection whose task was dropped has no use for the answer; what it said stands.
        drop(entry.tell.send(Kept { lost: own, marked }));
    }
    Some(())
}

impl Shared {
    /// Keeps the answers so far and marks a copy in flight, in one commit. `None`: its dot may not leave.
    pub(crate) async fn keep_and_mark(&self, ended: Vec<Settled>, copy: (DeliveryKey, CohortId)) -> Option<()> {
        if let Some(Defect::MarkAfterDot | Defect::CursorMovedOnFetch) = self.defect {
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
    async fn enter(&self, ended: Vec<Settled>, mark: Option<(DeliveryKey, CohortId)>) -> Option<bool> {
        let count = ended.len();
        let (tell, told) = oneshot::channel();
        self.book.send(Entry { ended, mark, tell }).ok()?;
        let kept = told.await.ok()?;
        self.kept(count, &kept.lost);
        Some(kept.marked)
    }
}
