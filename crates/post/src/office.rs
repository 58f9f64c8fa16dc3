//! The post office: holds the lease, claims copies, has them prepared, and lets the connections carry them.
//!
//! One poster a database. It never sends without the lease, never claims more than it can hold, and closes a departure
//! only when the ledger says that every copy has its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use newsroom::{
    CohortId, DAY_MS, Delivery, DeliveryKey, DeliveryState, Departure, DepartureId, DepartureKind, DepartureState, Ms,
    SECOND_MS,
};
use store::ledger::{self, Claim, Held, Lease, Settled};
use store::{Store, editions};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use vault::Vault;
use world::World;

use crate::book::{self, Book};
use crate::circuit::{Circuit, Fault, Rest};
use crate::connection;
use crate::hopper::Hopper;
use crate::pace::{Leave, Pace};
use crate::ready::{Ready, Sender, SharedCopy};
use crate::route::Relay;

/// How many copies are claimed at once: one commit and one walk in key order.
const CLAIM_MAX: i64 = 256;
/// How many signed copies may lie ready at least: while a commit waits for the disk, signing goes on.
const READY_MIN: usize = 256;
/// How many copies are signed in one piece of work: a few milliseconds of RSA.
const PREPARE_MAX: usize = 16;
/// How many pieces of that work run at once.
const PREPARERS: usize = 4;
/// How many pieces of that work wait: a claim's worth, so that signing goes on while the next claim is committed.
const CLAIMED_BATCHES: usize = 16;
/// How long the lease holds unless renewed, in milliseconds: a poster that is gone is replaced after it.
pub const LEASE_MS: Ms = 60 * SECOND_MS;
/// Renewed at a third of that.
const RENEW_MS: Ms = LEASE_MS / 3;
/// How often expired departures are looked for.
const EXPIRE_MS: Ms = 5 * SECOND_MS;
/// How long a write that found the disk full or the database away waits before it tries again.
const AGAIN_MS: Ms = SECOND_MS;
/// How long after a copy has come back the clerk looks for more to do: a moment's answers are taken together.
const MOVED_MS: Ms = 5;
/// A wait for our own caps that is longer than this is told, in milliseconds.
const HELD_TOLD_MS: Ms = 2 * 60 * SECOND_MS;
/// How many cohorts' bodies are kept at hand: a departure has dozens.
const COHORTS_MAX: usize = 512;

/// A defect put in on purpose, so that the rigs can show that they would see it. Only the rigs set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The dot leaves without its mark.
    MarkAfterDot,
    /// The dot leaves although its mark was refused: the lease is another's, the reader has left, the departure is paused.
    RefusalIgnored,
    /// A copy counts as sent when it is claimed, as where a cursor moves on when a batch is fetched.
    CursorMovedOnFetch,
}

/// How a poster works.
#[derive(Clone)]
pub struct Orders {
    /// What every copy carries.
    pub sender: Sender,
    /// The way out.
    pub relay: Relay,
    /// Who we are, for the lease: the same after a restart on the same data folder, so that it need not wait.
    pub holder: String,
    /// How long to wait when there is nothing to do, in milliseconds.
    pub idle_ms: Ms,
    /// The wait before a copy's second try, in milliseconds.
    pub retry_first_ms: Ms,
    /// Planted defects.
    pub defect: Option<Defect>,
    /// When to go home.
    pub until: Until,
    /// Turns true when the poster is to stop: it claims nothing more, and waits for the answers to dots that have left.
    pub stop: tokio::sync::watch::Receiver<bool>,
}

/// When a poster goes home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Never by itself.
    Stopped,
    /// When nothing is left to carry, or the relay has been at fault this often in a row.
    Settled {
        /// Faults in a row after which it gives up; nothing is lost, everything waits in the ledger.
        faults_max: u32,
    },
}

/// Why a poster ended.
#[derive(Debug, thiserror::Error)]
pub enum PostFault {
    /// Another poster holds the lease.
    #[error("another poster is at work ({}), at least until its lease ends", .0.holder)]
    Held(Held),
    /// The lease was taken by another: this one must not send any more.
    #[error("another poster has taken over")]
    Fenced,
    /// The relay has been at fault too often; everything waits in the ledger.
    #[error("the relay cannot be used: {}", .0.fault)]
    Relay(Rest),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What all hands of a poster share.
pub(crate) struct Shared {
    pub(crate) world: World,
    pub(crate) store: Store,
    pub(crate) vault: Arc<Vault>,
    pub(crate) sender: Sender,
    pub(crate) relay: Relay,
    pub(crate) circuit: Circuit,
    pace: Arc<Pace>,
    /// Told that our caps hold copies back, until one leaves again.
    told_of_caps: AtomicBool,
    pub(crate) lease: Lease,
    pub(crate) ready: Hopper<Ready>,
    pub(crate) book: Book,
    claimed: Hopper<Vec<(Delivery, Arc<SharedCopy>)>>,
    /// Copies claimed and not yet settled or given back.
    held: AtomicI64,
    /// Rung when a copy is settled or given back, and when the poster cannot go on: there may be something to do.
    moved: Notify,
    /// Editions' departures of which copies may leave, as the clerk last saw them: what is in hand of a paused one goes back
    /// before a relay is troubled with it. The ledger's mark is what decides; this only saves the way.
    open: Mutex<BTreeSet<DepartureId>>,
    /// Rises when a copy is given back: then the clerk walks a departure again from its start.
    returned: AtomicU64,
    pub(crate) retry_first_ms: Ms,
    pub(crate) defect: Option<Defect>,
    fault: Mutex<Option<PostFault>>,
    until: Until,
    stop: tokio::sync::watch::Receiver<bool>,
    /// The poster is going home: nothing new is begun.
    ending: AtomicBool,
}

/// Runs a poster until its orders say otherwise.
///
/// # Errors
/// [`PostFault`]. Whatever the reason, the ledger holds where every copy stands.
pub async fn run(world: World, store: Store, vault: Arc<Vault>, orders: Orders) -> Result<(), PostFault> {
    let (holder, now) = (orders.holder.clone(), world.now());
    let lease =
        store.write(move |tx| ledger::take_lease(tx, &holder, now, now + LEASE_MS)).await?.map_err(PostFault::Held)?;
    let connections = orders.relay.connections.max(1);
    let (book, entries) = Book::new();
    let pace = pace(&store, &orders.relay, now).await?;
    let shared = Arc::new(Shared {
        world,
        store,
        vault,
        sender: orders.sender,
        relay: orders.relay,
        circuit: Circuit::default(),
        pace,
        told_of_caps: AtomicBool::new(false),
        lease,
        ready: Hopper::new((2 * connections).max(READY_MIN)),
        book,
        claimed: Hopper::new(CLAIMED_BATCHES),
        held: AtomicI64::new(0),
        moved: Notify::new(),
        open: Mutex::new(BTreeSet::new()),
        returned: AtomicU64::new(0),
        retry_first_ms: orders.retry_first_ms,
        defect: orders.defect,
        fault: Mutex::new(None),
        until: orders.until,
        stop: orders.stop,
        ending: AtomicBool::new(false),
    });
    let mut hands = JoinSet::new();
    let mut bookkeeper = JoinSet::new();
    let keeping = shared.clone();
    bookkeeper.spawn(async move { book::keep(&keeping, entries).await });
    for _ in 0..connections {
        let shared = shared.clone();
        hands.spawn(async move { connection::work(&shared).await });
    }
    for _ in 0..PREPARERS {
        let shared = shared.clone();
        hands.spawn(async move { prepare(&shared).await });
    }
    let mut clerk = Clerk {
        shared: shared.clone(),
        cursors: BTreeMap::new(),
        cohorts: BTreeMap::new(),
        renewed: now,
        expired: 0,
        idle_ms: orders.idle_ms,
    };
    let ended = clerk.work().await;
    shared.ending.store(true, Ordering::SeqCst);
    shared.claimed.close();
    shared.ready.close();
    gone_home(&mut hands).await;
    // Every hand has heard what came of its last entry: the book is empty.
    bookkeeper.abort_all();
    gone_home(&mut bookkeeper).await;
    shared.give_back(shared.ready.drain()).await;
    tracing::info!(commits = shared.store.commits(), "The poster goes home");
    ended
}

/// Waits until all have ended. One that panicked has broken a promise; its panic is ours.
async fn gone_home(hands: &mut JoinSet<()>) {
    while let Some(hand) = hands.join_next().await {
        if let Err(fault) = hand
            && fault.is_panic()
        {
            std::panic::resume_unwind(fault.into_panic());
        }
    }
}

/// The relay's pace, with what was tried before counted in.
async fn pace(store: &Store, relay: &Relay, now: Ms) -> store::Result<Arc<Pace>> {
    let tried = match relay.caps.per_day {
        Some(_) => store.read(move |tx| store::caps::tried(tx, now - DAY_MS)).await?,
        None => Vec::new(),
    };
    Ok(Pace::new(relay.caps, now, &tried))
}

/// Opens addresses and signs, a few copies at a time, away from the connections.
async fn prepare(shared: &Arc<Shared>) {
    while let Some(batch) = shared.claimed.take().await {
        let at_work = shared.clone();
        let made = shared
            .world
            .compute(move || {
                batch
                    .into_iter()
                    .map(|(delivery, words)| {
                        let key = delivery.key;
                        Ready::make(&at_work.vault, &at_work.sender, delivery, words).map_err(|fault| (key, fault))
                    })
                    .collect::<Vec<_>>()
            })
            .await;
        for copy in made {
            match copy {
                Ok(copy) => {
                    if let Err(copy) = shared.ready.put(copy).await {
                        return shared.give_back(vec![copy]).await;
                    }
                }
                Err((key, fault)) => {
                    tracing::error!(departure.id = key.departure.0, error = %fault, "A copy could not be made; its reader is left out of this departure and listed");
                    shared.exclude(key).await;
                }
            }
        }
    }
}

/// Where the clerk stands in a departure.
#[derive(Clone, Copy)]
struct Cursor {
    lane: i64,
    position: i64,
    /// `returned` when the walk began.
    began: u64,
    ended: bool,
}

struct Clerk {
    shared: Arc<Shared>,
    cursors: BTreeMap<DepartureId, Cursor>,
    cohorts: BTreeMap<CohortId, Arc<SharedCopy>>,
    renewed: Ms,
    expired: Ms,
    idle_ms: Ms,
}

impl Clerk {
    async fn work(&mut self) -> Result<(), PostFault> {
        while !self.called_home()? {
            self.keep_house().await?;
            if self.claim().await? {
                continue;
            }
            let idle = self.shared.held.load(Ordering::SeqCst) == 0;
            if idle && self.close().await? && self.shared.until != Until::Stopped {
                break;
            }
            self.rest().await?;
        }
        Ok(())
    }

    /// Whether to stop, or why it cannot go on.
    fn called_home(&self) -> Result<bool, PostFault> {
        if let Some(fault) = self.shared.fault.lock().expect("no panic happens under this lock").take() {
            return Err(fault);
        }
        if let (Until::Settled { faults_max }, Some(rest)) = (self.shared.until, self.shared.circuit.rest())
            && rest.faults >= faults_max
        {
            return Err(PostFault::Relay(rest));
        }
        Ok(*self.shared.stop.borrow())
    }

    /// Renews the lease and ends what has expired.
    async fn keep_house(&mut self) -> Result<(), PostFault> {
        let (now, lease) = (self.shared.world.now(), self.shared.lease);
        if now - self.renewed >= RENEW_MS {
            let held = self.shared.again(move |tx| ledger::renew_lease(tx, lease, now + LEASE_MS)).await?;
            if !held {
                return Err(PostFault::Fenced);
            }
            self.renewed = now;
        }
        if now - self.expired >= EXPIRE_MS {
            if self.shared.pace.is_holding(now) {
                let held = self.shared.again(move |tx| store::caps::hold(tx, now)).await?;
                if held > 0 {
                    tracing::error!(
                        departures = held,
                        "Our own caps kept readers waiting until their edition expired; it is held: give it more time, or accept that they do not get it"
                    );
                }
            }
            let ended = self.shared.again(move |tx| ledger::expire(tx, now)).await?;
            if ended > 0 {
                tracing::warn!(copies = ended, "A departure expired before all of its copies were taken");
            }
            self.expired = now;
        }
        Ok(())
    }

    /// Claims what there is: letters first, then what is due again, then editions in order. `false`: nothing.
    async fn claim(&mut self) -> Result<bool, PostFault> {
        let now = self.shared.world.now();
        let live = self.look().await?;
        for what in [Claim::Letters, Claim::Due(now)] {
            if self.take(what).await?.is_some() {
                return Ok(true);
            }
        }
        for departure in live.iter().filter(|d| d.state == DepartureState::Open) {
            let returned = self.shared.returned.load(Ordering::SeqCst);
            let fresh = Cursor { lane: -1, position: -1, began: returned, ended: false };
            let cursor = *self.cursors.entry(departure.id).or_insert(fresh);
            if cursor.ended && cursor.began == returned {
                continue;
            }
            let from = if cursor.ended { fresh } else { cursor };
            let taken = self.take(Claim::Edition(departure.id, from.lane, from.position)).await?;
            let next = match taken {
                Some(last) => Cursor { lane: last.lane, position: last.position, ..from },
                None => Cursor { ended: true, ..from },
            };
            self.cursors.insert(departure.id, next);
            if taken.is_some() {
                return Ok(true);
            }
        }
        self.cursors.retain(|id, _| live.iter().any(|d| d.id == *id));
        Ok(false)
    }

    /// Looks which departures are under way, and which of them are open.
    async fn look(&self) -> Result<Vec<Departure>, PostFault> {
        let live = self.shared.store.read(editions::live).await?;
        let open = live.iter().filter(|d| d.state == DepartureState::Open).map(|d| d.id).collect();
        *self.shared.open.lock().expect("no panic happens under this lock") = open;
        Ok(live)
    }

    /// Claims and hands on; gives the last key taken.
    async fn take(&mut self, what: Claim) -> Result<Option<DeliveryKey>, PostFault> {
        let lease = self.shared.lease;
        let copies = self.shared.again(move |tx| ledger::claim(tx, lease, what, CLAIM_MAX)).await?;
        let Some(last) = copies.last().map(|c| c.key) else { return Ok(None) };
        self.shared.held.fetch_add(i64::try_from(copies.len()).expect("a claim is small"), Ordering::SeqCst);
        if self.shared.defect == Some(Defect::CursorMovedOnFetch) {
            self.shared.count_as_sent(&copies).await?;
        }
        let mut worded = Vec::with_capacity(copies.len());
        for copy in copies {
            let words = self.words(copy.cohort).await?;
            worded.push((copy, words));
        }
        while !worded.is_empty() {
            let rest = worded.split_off(worded.len().min(PREPARE_MAX));
            let batch = std::mem::replace(&mut worded, rest);
            if !self.room().await? {
                // Called home with copies in hand: they were only leased, and the next lease queues them again.
                return Ok(None);
            }
            self.shared.claimed.fill(batch);
        }
        Ok(Some(last))
    }

    /// Waits for room at the preparers, keeping house meanwhile: a resting relay holds everything up, the lease goes on.
    async fn room(&mut self) -> Result<bool, PostFault> {
        loop {
            let shared = self.shared.clone();
            tokio::select! {
                biased;
                open = shared.claimed.reserve() => return Ok(open),
                () = shared.world.sleep(AGAIN_MS) => {
                    self.keep_house().await?;
                    self.look().await?;
                    if self.called_home()? {
                        return Ok(false);
                    }
                }
            }
        }
    }

    async fn words(&mut self, id: CohortId) -> Result<Arc<SharedCopy>, PostFault> {
        if let Some(known) = self.cohorts.get(&id) {
            return Ok(known.clone());
        }
        let cohort = self.shared.store.read(move |tx| ledger::cohort(tx, id)).await?;
        let words = Arc::new(SharedCopy::open(cohort));
        if self.cohorts.len() >= COHORTS_MAX {
            self.cohorts.clear();
        }
        self.cohorts.insert(id, words.clone());
        Ok(words)
    }

    /// Closes departures of which every copy has its end. `true`: nothing is left to carry.
    async fn close(&mut self) -> Result<bool, PostFault> {
        let live = self.shared.store.read(editions::live).await?;
        let open: Vec<_> = live.iter().filter(|d| d.state == DepartureState::Open).map(|d| d.id).collect();
        let mut left = self.shared.store.read(editions::letters_open).await? > 0;
        for id in open {
            left |= !self.shared.again(move |tx| ledger::close(tx, id)).await?;
        }
        Ok(!left)
    }

    /// Waits for the next thing to do. While copies are out it looks again when one has come back, never because time has
    /// passed: an answer may take ten minutes, and a look costs the database three transactions.
    async fn rest(&self) -> Result<(), PostFault> {
        let world = &self.shared.world;
        let due = self.shared.store.read(ledger::next_due).await?;
        // However long its orders let it rest, it is back before its lease ends.
        let longest = self.idle_ms.min(self.renewed + 2 * RENEW_MS - world.now()).max(1);
        let wait = due.map_or(longest, |due| (due - world.now()).clamp(1, longest));
        let mut stop = self.shared.stop.clone();
        tokio::select! {
            biased;
            // An error here means that nobody can call any more: then only the orders end the work.
            called = stop.changed() => if called.is_err() { world.sleep(wait).await },
            // Answers come in flocks: one look for all of a moment's.
            () = self.shared.moved.notified() => world.sleep(MOVED_MS.min(wait)).await,
            () = world.sleep(wait) => {}
        }
        Ok(())
    }
}

impl Shared {
    /// The relay is at fault: it rests, and that is told once.
    pub(crate) fn at_fault(&self, fault: &Fault) {
        if let Some(rest) = self.circuit.trip(self.world.now(), fault) {
            tracing::warn!(relay.name = %self.relay.name, faults = rest.faults, error = %fault, "The relay is at fault; its copies wait and no reader is blamed");
        }
    }

    /// Waits until the relay has rested. `false`: the poster is going home.
    pub(crate) async fn rested(&self) -> bool {
        loop {
            let wait = self.circuit.wait_ms(self.world.now());
            if wait == 0 || self.ending.load(Ordering::SeqCst) {
                return wait == 0;
            }
            self.world.sleep(wait.min(AGAIN_MS)).await;
        }
    }

    /// Whether a copy in hand may set out: its departure was not paused or cancelled when the clerk last looked.
    pub(crate) fn may_set_out(&self, copy: &Ready) -> bool {
        let open = self.open.lock().expect("no panic happens under this lock");
        copy.delivery.kind == DepartureKind::Letter || open.contains(&copy.delivery.key.departure)
    }

    /// The next copy that lies ready, if our caps let it leave now.
    pub(crate) fn try_next(&self) -> Option<Ready> {
        let leave = self.pace.leave(self.world.now()).ok()?;
        let mut copy = self.ready.try_take()?;
        copy.leave = Some(leave);
        Some(copy)
    }

    /// Waits for leave to try a copy, but no longer than `until`. `None`: it is not to be tried now.
    pub(crate) async fn leave(&self, until: Ms) -> Option<Leave> {
        loop {
            let now = self.world.now();
            match self.pace.leave(now) {
                Ok(leave) => {
                    self.told_of_caps.store(false, Ordering::Relaxed);
                    return Some(leave);
                }
                Err(_) if now >= until || self.ending.load(Ordering::SeqCst) => return None,
                Err(wait) => {
                    self.tell_of_caps(wait);
                    self.world.sleep(wait.min(AGAIN_MS).min(until - now)).await;
                }
            }
        }
    }

    /// A minute's pace is nobody's news; a wait of minutes is told, once.
    fn tell_of_caps(&self, wait: Ms) {
        if wait > HELD_TOLD_MS && !self.told_of_caps.swap(true, Ordering::Relaxed) {
            tracing::warn!(relay.name = %self.relay.name, wait_ms = wait, "The relay's cap for a day is reached; the next copies leave when it allows");
        }
    }

    /// Gives copies back to the queue: no dot has left for them.
    pub(crate) async fn give_back(&self, copies: Vec<Ready>) {
        if copies.is_empty() {
            return;
        }
        let keys: Vec<_> = copies.iter().map(|c| c.delivery.key).collect();
        let (lease, count) = (self.lease, keys.len());
        if self.durably(move |tx| ledger::release(tx, lease, &keys)).await.is_some() {
            self.returned.fetch_add(1, Ordering::SeqCst);
            self.let_go(count);
        }
    }

    /// `count` answers are durable; `lost` of them came too late, another poster had taken over.
    pub(crate) fn kept(&self, count: usize, lost: &[DeliveryKey]) {
        self.let_go(count);
        if !lost.is_empty() && self.defect.is_none() {
            tracing::warn!(
                copies = lost.len(),
                "Answers came after another poster had taken over; they stay listed as doubtful"
            );
        }
    }

    fn let_go(&self, count: usize) {
        self.held.fetch_sub(i64::try_from(count).expect("a batch is small"), Ordering::SeqCst);
        self.moved.notify_one();
    }

    async fn exclude(&self, key: DeliveryKey) {
        let done = self.durably(move |tx| ledger::exclude(tx, &[key], newsroom::Excluded::Unreadable)).await;
        if done.is_some() {
            self.let_go(1);
        }
    }

    /// The planted defect: everything claimed counts as accepted at once.
    async fn count_as_sent(&self, copies: &[Delivery]) -> Result<(), PostFault> {
        let ended: Vec<_> = copies
            .iter()
            .map(|c| Settled {
                key: c.key,
                reader: c.reader,
                attempts: c.attempts,
                state: DeliveryState::Accepted,
                due: None,
                route: 1,
                answer: newsroom::Answer { at: self.world.now(), code: 0, text: String::new() },
            })
            .collect();
        let lease = self.lease;
        self.store.write(move |tx| ledger::settle(tx, lease, &ended)).await?;
        Ok(())
    }

    /// Runs a write; while the disk is full or the database away it waits and tries again, since what it would keep must
    /// not be lost. `None`: the poster is ending.
    pub(crate) async fn durably<T: Send + 'static>(
        &self,
        work: impl FnOnce(&store::Write<'_>) -> store::Result<T> + Clone + Send + 'static,
    ) -> Option<T> {
        match self.again(work).await {
            Ok(done) => Some(done),
            Err(fault) => {
                let mut first = self.fault.lock().expect("no panic happens under this lock");
                first.get_or_insert(fault);
                self.moved.notify_one();
                None
            }
        }
    }

    async fn again<T: Send + 'static>(
        &self,
        work: impl FnOnce(&store::Write<'_>) -> store::Result<T> + Clone + Send + 'static,
    ) -> Result<T, PostFault> {
        let mut told = false;
        loop {
            match self.store.write(work.clone()).await {
                Err(fault @ (store::Error::Full | store::Error::Busy(_) | store::Error::Away(_))) => {
                    if !told {
                        tracing::error!(error = %fault, "Nothing can be stored: no new mail starts, and what was answered is kept in memory until it can");
                        told = true;
                    }
                    self.world.sleep(AGAIN_MS).await;
                }
                other => return Ok(other?),
            }
        }
    }
}
