//! Letters' own lane: somebody has just filled in the form and waits for the mail that the edition must not hold up.
//!
//! From the claim to the connection a letter has precedence: it is claimed and signed apart, and lies at each gate in a
//! queue of its own from which connections take first. It is held to the same caps as all mail, and goes first under
//! them. What a connection has begun, it finishes: at most two copies of an edition on each go before. A letter that no
//! way can take now holds up no other.

use std::sync::Arc;

use newsroom::{Ms, SECOND_MS};

use crate::office::{Shared, make};
use crate::ready::Ready;

/// How many letters wait here for a way: more are not taken out of the queue, where the ledger's order holds.
const WAITING_MAX: usize = 64;
/// How soon the ways are looked at again for letters that wait, unless one of them calls, in milliseconds.
const AGAIN_MS: Ms = SECOND_MS;

/// Signs letters as they are claimed and hands them to the ways, until the poster goes home.
pub(crate) async fn work(shared: &Arc<Shared>) {
    let mut waiting: Vec<Ready> = Vec::new();
    loop {
        let batch = tokio::select! {
            biased;
            batch = shared.letters.take(), if waiting.len() < WAITING_MAX => match batch {
                Some(batch) => batch,
                None => break,
            },
            () = shared.gates.moved.notified(), if !waiting.is_empty() => Vec::new(),
            () = shared.world.sleep(AGAIN_MS), if !waiting.is_empty() => Vec::new(),
        };
        waiting.extend(make(shared, batch).await);
        waiting = shared.hand_over_letters(waiting).await;
    }
    shared.give_back(waiting).await;
}
