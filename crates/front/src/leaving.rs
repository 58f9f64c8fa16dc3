//! Leaving always works (P7): into the store, or, while that cannot be written, into the journal; and from there into the
//! store as soon as it can.
//!
//! What makes a subscription active again first empties the journal, so that an older wish to leave never undoes a newer one
//! to stay.

use std::time::Duration;

use newsroom::{NewsletterId, ReaderId};
use store::readers::{self, Line};

use crate::Front;
use crate::journal::Wish;

/// How long the store may take before the journal is asked: a mail provider that presses the button for its reader gives up
/// after a few seconds.
const STORE_WAIT: Duration = Duration::from_secs(2);
/// Wishes carried into the store in one transaction.
const CARRIED_MAX: usize = 256;

/// Why a wish to leave could not be kept, or not be carried on.
#[derive(Debug, thiserror::Error)]
pub enum LeavingFault {
    /// The store failed: what is in the journal waits there.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The journal failed.
    #[error("the journal of readers who leave cannot be written: {0}")]
    Journal(#[from] std::io::Error),
}

impl Front {
    /// Carries what the journal holds into the store; gives how many wishes. To be called at the start, before any mail
    /// leaves, and again and again.
    ///
    /// # Errors
    /// [`LeavingFault`]; what was not carried waits on.
    pub async fn carry_leavings(&self) -> Result<usize, LeavingFault> {
        let _turn = self.journal.turn.lock().await;
        let mut carried = 0;
        loop {
            let journal = self.journal.clone();
            let wishes = self.world.compute(move || journal.waiting(CARRIED_MAX)).await?;
            if wishes.is_empty() && !self.journal.holds_any() {
                return Ok(carried);
            }
            let lines: Vec<(Wish, Line)> = wishes.iter().map(|wish| (*wish, self.line(wish))).collect();
            if !lines.is_empty() {
                let leave = move |tx: &store::Write<'_>| {
                    lines.iter().try_for_each(|(wish, line)| {
                        readers::unsubscribe(tx, wish.reader, wish.newsletter, line, wish.at).map(drop)
                    })
                };
                self.store.write(leave).await?;
            }
            carried += wishes.len();
            let journal = self.journal.clone();
            self.world.compute(move || journal.settle(&wishes)).await?;
        }
    }

    /// Ends a subscription. When this gives `Ok`, the wish is durable, in the store or in the journal.
    ///
    /// # Errors
    /// [`LeavingFault::Journal`] when neither takes it.
    pub(crate) async fn leave(
        &self,
        reader: ReaderId,
        newsletter: NewsletterId,
        one_click: bool,
    ) -> Result<(), LeavingFault> {
        let wish = Wish { reader, newsletter, at: self.world.now(), one_click };
        // While wishes wait the store is in trouble: asking it first would only keep this reader waiting.
        if self.journal.holds_any() && self.keep(wish).await.is_ok() {
            return Ok(());
        }
        let line = self.line(&wish);
        let write = self.store.write(move |tx| readers::unsubscribe(tx, reader, newsletter, &line, wish.at));
        let why = match tokio::time::timeout(STORE_WAIT, write).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(fault)) => fault.to_string(),
            Err(_) => "the database did not answer in time".to_owned(),
        };
        tracing::error!(error = why, "Readers who leave are kept in the journal until the store can be written");
        Ok(self.keep(wish).await?)
    }

    async fn keep(&self, wish: Wish) -> std::io::Result<()> {
        let journal = self.journal.clone();
        self.world.compute(move || journal.keep(wish)).await
    }

    /// To be done before a subscription is made active.
    ///
    /// # Errors
    /// [`LeavingFault`]: then it must not be.
    pub(crate) async fn settle_leavings(&self) -> Result<(), LeavingFault> {
        if self.journal.holds_any() {
            self.carry_leavings().await?;
        }
        Ok(())
    }

    fn line(&self, wish: &Wish) -> Line {
        let door = if wish.one_click { "one-click" } else { "mail link" };
        Line { id: self.world.mint(), door, wording: String::new() }
    }
}
