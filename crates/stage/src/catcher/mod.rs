//! The catching server: takes every message over real SMTP, writes it down, and only then says 250.
//!
//! Its folder stands for the far end of the mail: it lies outside the newsroom's, and what is written in it is what
//! readers got, whatever the newsroom believes. It delivers nothing to anyone, refuses nobody, and never rewrites a
//! message.

mod receipts;

pub use receipts::{DamagedReceipts, Receipt};

use crate::catcher::receipts::Roll;
use mail::address::HostName;
use mail::smtp::server::{Answer, Received, Receiver, Terms};
use mail::smtp::{Enhanced, Reply};
use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::oneshot;
use world::{Listener, World};

/// How many connections are served at a time: more than any poster opens to one relay.
const CONNECTIONS_MAX: usize = 512;
/// The name it goes by: RFC 6761 §6.2 keeps `.test` for this.
const NAME: &str = "catcher.coranto.test";

/// The catching server and everything it has caught.
pub struct Catcher {
    world: World,
    caught: Mutex<Caught>,
    terms: Terms,
}

/// The roll and what is known of it without reading it again.
struct Caught {
    roll: Roll,
    receipts: Vec<Receipt>,
    /// Recipient, in lower case, to places in `receipts`, oldest first.
    by_recipient: BTreeMap<String, Vec<usize>>,
    waiting: BTreeMap<String, Vec<oneshot::Sender<usize>>>,
}

impl Caught {
    fn enter(&mut self, receipt: Receipt) {
        let place = self.receipts.len();
        for to in &receipt.to {
            let to = to.to_ascii_lowercase();
            for waiter in self.waiting.remove(&to).unwrap_or_default() {
                // Whoever has stopped waiting finds the message in the index.
                let _ = waiter.send(place);
            }
            self.by_recipient.entry(to).or_default().push(place);
        }
        self.receipts.push(receipt);
    }
}

/// A page of the index, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Place in the order of arrival, and the receipt.
    pub receipts: Vec<(usize, Receipt)>,
    /// Where the next older page begins, when there is one: for [`Catcher::list`]'s `before`.
    pub older: Option<usize>,
}

impl Catcher {
    /// Opens the folder of an earlier run, or begins one. A receipt that was cut off by a crash never got its 250 and is
    /// cut away; the index is built from what is left.
    ///
    /// # Errors
    /// The system's, and [`DamagedReceipts`] inside `InvalidData` when a receipt in the middle is not what was written.
    pub fn open(folder: &Path, world: &World) -> io::Result<Arc<Self>> {
        let (roll, receipts) = Roll::open(folder)?;
        let mut caught = Caught { roll, receipts: Vec::new(), by_recipient: BTreeMap::new(), waiting: BTreeMap::new() };
        for receipt in receipts {
            caught.enter(receipt);
        }
        let name = HostName::parse(NAME).expect("the catcher's own name is a host name");
        Ok(Arc::new(Self { world: world.clone(), caught: Mutex::new(caught), terms: Terms::new(name) }))
    }

    /// Serves SMTP on `listener` for as long as it is polled.
    pub async fn serve(self: Arc<Self>, listener: &Listener) {
        listener
            .serve(CONNECTIONS_MAX, |stream| {
                let catcher = self.clone();
                async move {
                    let mut receiver = Hand { catcher: &catcher };
                    mail::smtp::server::serve(stream, &mut receiver, &catcher.terms).await;
                }
            })
            .await;
    }

    /// Every receipt so far, in the order of arrival.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.lock().receipts.clone()
    }

    /// How many messages have been caught.
    pub fn count(&self) -> usize {
        self.lock().receipts.len()
    }

    /// The receipt at `place` in the order of arrival.
    pub fn receipt(&self, place: usize) -> Option<Receipt> {
        self.lock().receipts.get(place).cloned()
    }

    /// The message at `place`, as it came over the wire with dot-stuffing undone.
    ///
    /// # Errors
    /// The system's; `NotFound` when nothing is there; `InvalidData` when the file no longer holds what was written.
    pub fn message(&self, place: usize) -> io::Result<Vec<u8>> {
        let caught = self.lock();
        let receipt = caught.receipts.get(place).ok_or(io::ErrorKind::NotFound)?;
        caught.roll.message(receipt)
    }

    /// Calls `each` with every message in the order of arrival, read from the file one at a time: tens of thousands do
    /// not fit in memory.
    ///
    /// # Errors
    /// As [`Catcher::message`].
    pub fn each_message(&self, mut each: impl FnMut(&Receipt, &[u8])) -> io::Result<()> {
        for place in 0..self.count() {
            let (receipt, message) = (self.receipt(place).ok_or(io::ErrorKind::NotFound)?, self.message(place)?);
            each(&receipt, &message);
        }
        Ok(())
    }

    /// At most `most` receipts, newest first: of `to` alone if given, and only those that came before `before`.
    pub fn list(&self, to: Option<&str>, before: Option<usize>, most: usize) -> Listing {
        let caught = self.lock();
        let earlier = |place: &usize| before.is_none_or(|before| *place < before);
        let all = 0..caught.receipts.len();
        let mut places: Vec<usize> = match to {
            Some(to) => {
                let of_one = caught.by_recipient.get(&to.to_ascii_lowercase()).map_or(&[][..], Vec::as_slice);
                of_one.iter().rev().copied().filter(earlier).take(most + 1).collect()
            }
            None => all.rev().filter(earlier).take(most + 1).collect(),
        };
        let more = places.len() > most;
        places.truncate(most);
        Listing {
            older: places.last().copied().filter(|_| more),
            receipts: places.into_iter().map(|place| (place, caught.receipts[place].clone())).collect(),
        }
    }

    /// The places of the messages to `to`, oldest first.
    pub fn places(&self, to: &str) -> Vec<usize> {
        self.lock().by_recipient.get(&to.to_ascii_lowercase()).cloned().unwrap_or_default()
    }

    /// The place of the first message to `to` for which there are already `seen` messages: at once if it is there, else
    /// when it comes. Waits for ever if it does not; the caller sets the limit.
    pub async fn next_message(&self, to: &str, seen: usize) -> usize {
        loop {
            let arrival = {
                let mut caught = self.lock();
                let to = to.to_ascii_lowercase();
                if let Some(place) = caught.by_recipient.get(&to).and_then(|places| places.get(seen)) {
                    return *place;
                }
                let (sender, arrival) = oneshot::channel();
                caught.waiting.entry(to).or_default().push(sender);
                arrival
            };
            // The sender is used or dropped only when the index has grown or is gone; either way the index decides.
            let _ = arrival.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Caught> {
        self.caught.lock().expect("no receipt is entered in a panic")
    }
}

impl std::fmt::Debug for Catcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catcher").field("caught", &self.count()).finish_non_exhaustive()
    }
}

/// Takes the messages of one connection.
struct Hand<'a> {
    catcher: &'a Catcher,
}

impl Receiver for Hand<'_> {
    /// RFC 5321 §6.1: the receipt is written before the 250. Written, not synced: the demo may be killed at any moment
    /// and the system keeps what was written; against a power cut the newsroom protects itself, not its catcher.
    async fn message(&mut self, envelope: &Received, message: &[u8]) -> Answer {
        let at = self.catcher.world.now();
        let mut caught = self.catcher.lock();
        match caught.roll.append(at, envelope, message) {
            Ok(receipt) => {
                caught.enter(receipt);
                Answer::Usual
            }
            Err(error) => {
                tracing::error!(error.text = %error, "a caught message could not be written down; it is refused for now");
                Answer::Reply(Reply::new(452, Enhanced::new(4, 3, 1), "no room for it just now"))
            }
        }
    }
}
