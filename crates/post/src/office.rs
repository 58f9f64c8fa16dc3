//! The post office: holds the lease, claims copies, has them prepared, and lets the connections carry them.
//!
//! One poster a database. It never sends without the lease, never claims more than it can hold, and closes a departure
//! only when the ledger says that every copy has its end. Each way out is a gate with connections of its own; ways may
//! change while it works.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use newsroom::{
    CohortId, DAY_MS, Delivery, DeliveryKey, DeliveryState, Departure, DepartureId, DepartureState, Ms, RouteId,
    SECOND_MS,
};
use store::ledger::{self, Claim, Held, Lease, Settled};
use store::returned::Rules;
use store::{Store, doubt, editions, ways};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use vault::Vault;
use world::World;

use crate::book::{self, Book};
use crate::circuit::{Fault, Pass, Rest, Told};
use crate::connection;
use crate::gate::{Gate, Gates};
use crate::hopper::Hopper;
use crate::letters;
use crate::pace::{Leave, Pace};
use crate::ready::{Ready, Sender, SharedCopy};
use crate::route::Route;
use crate::window::Seat;

/// How many copies are claimed at once: one commit and one walk in key order.
const CLAIM_MAX: i64 = 256;
/// How many copies are signed in one piece of work: a few milliseconds of RSA.
const PREPARE_MAX: usize = 16;
/// How many pieces of that work run at once.
const PREPARERS: usize = 4;
/// How many pieces of that work wait: a claim's worth, so that signing goes on while the next claim is committed.
const CLAIMED_BATCHES: usize = 16;
/// How many letters wait to be signed: a piece of work each, and few, since they are claimed again at every look.
const CLAIMED_LETTERS: usize = 16;
/// How long the lease holds unless renewed, in milliseconds: a poster that is gone is replaced after it.
pub const LEASE_MS: Ms = 60 * SECOND_MS;
/// A lease is renewed after one of so many parts of it.
const RENEW_PARTS: Ms = 3;
/// How often expired departures are looked for, and what the ways last answered is written down.
const EXPIRE_MS: Ms = 5 * SECOND_MS;
/// How long a write that found the disk full or the database away waits before it tries again.
const AGAIN_MS: Ms = SECOND_MS;
/// How long after a copy has come back the clerk looks for more to do: a moment's answers are taken together.
const MOVED_MS: Ms = 5;
/// A wait for our own caps that is longer than this is told, in milliseconds.
const HELD_TOLD_MS: Ms = 2 * 60 * SECOND_MS;
/// How many doubts are decided at a look: a relay that lost a thousand answers is not asked to take them all at once.
const DOUBTS_MAX: i64 = 256;
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
    /// A copy's outcome is kept where its mark should be: it counts as accepted before its dot has left.
    OutcomeBeforeMark,
    /// A way at fault is never rested: every copy of its share is tried by it again.
    CircuitNeverOpens,
    /// A copy whose answer was lost after the dot is sent again at once, by whatever way.
    DoubtSentAgain,
    /// A connection that is turned away is a strike against its way, however many others carry on.
    WindowNeverNarrows,
    /// Letters are claimed and carried with the copies of an edition, in the order in which they came.
    LettersWaitInLine,
}

/// The ways out, as they are now; another list when they have changed.
pub type Routes = watch::Receiver<Arc<Vec<Route>>>;

/// Ways out that never change.
pub fn fixed(routes: Vec<Route>) -> Routes {
    watch::channel(Arc::new(routes)).1
}

/// How a poster works.
#[derive(Clone)]
pub struct Orders {
    /// What every copy carries.
    pub sender: Sender,
    /// The ways out.
    pub routes: Routes,
    /// Who we are, for the lease: the same after a restart on the same data folder, so that it need not wait.
    pub holder: String,
    /// How long the lease holds unless renewed, in milliseconds: [`LEASE_MS`], or less where a rig has no minute to spare.
    pub lease_ms: Ms,
    /// How long to wait when there is nothing to do, in milliseconds.
    pub idle_ms: Ms,
    /// The wait before a copy's second try, in milliseconds.
    pub retry_first_ms: Ms,
    /// What becomes of copies in doubt.
    pub doubts: Doubts,
    /// When readers whose mailbox takes nothing are ended.
    pub rules: Rules,
    /// Planted defects.
    pub defect: Option<Defect>,
    /// When to go home.
    pub until: Until,
    /// Turns true when the poster is to stop: it claims nothing more, and waits for the answers to dots that have left.
    pub stop: watch::Receiver<bool>,
}

/// What the poster does about copies whose answer was lost after the dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubts {
    /// Nothing: a person decides.
    Hold,
    /// Each is sent once more, the same as it was: better twice than lost.
    Resend {
        /// How long evidence is waited for first, in milliseconds.
        after_ms: Ms,
    },
}

/// When a poster goes home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Never by itself.
    Stopped,
    /// When nothing is left to carry, or every way out has been at fault this often in a row.
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
    /// Every way out has been at fault too often; everything waits in the ledger. The rest is the first one's.
    #[error("the relay cannot be used: {}", .0.fault)]
    Relay(Rest),
    /// There is no way out: everything waits in the ledger.
    #[error("no relay is in use")]
    NoWay,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Copies that were claimed, each with the mail it is made from.
pub(crate) type Batch = Vec<(Delivery, Arc<SharedCopy>)>;

/// What all hands of a poster share.
pub(crate) struct Shared {
    pub(crate) world: World,
    pub(crate) store: Store,
    pub(crate) vault: Arc<Vault>,
    pub(crate) sender: Sender,
    pub(crate) gates: Gates,
    /// Told that our caps hold copies back, until one leaves again.
    told_of_caps: AtomicBool,
    pub(crate) lease: Lease,
    pub(crate) book: Book,
    pub(crate) rules: Rules,
    claimed: Hopper<Batch>,
    /// Letters have a hopper of their own: they never wait behind an edition.
    pub(crate) letters: Hopper<Batch>,
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
    stop: watch::Receiver<bool>,
    /// The poster is going home: nothing new is begun.
    ending: AtomicBool,
}

/// Runs a poster until its orders say otherwise.
///
/// # Errors
/// [`PostFault`]. Whatever the reason, the ledger holds where every copy stands.
pub async fn run(world: World, store: Store, vault: Arc<Vault>, orders: Orders) -> Result<(), PostFault> {
    let (holder, lease_ms, now) = (orders.holder.clone(), orders.lease_ms, world.now());
    let lease =
        store.write(move |tx| ledger::take_lease(tx, &holder, now, now + lease_ms)).await?.map_err(PostFault::Held)?;
    let (book, entries) = Book::new();
    let shared = Arc::new(Shared {
        world,
        store,
        vault,
        sender: orders.sender,
        gates: Gates::default(),
        told_of_caps: AtomicBool::new(false),
        lease,
        rules: orders.rules,
        book,
        claimed: Hopper::new(CLAIMED_BATCHES),
        letters: Hopper::new(CLAIMED_LETTERS),
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
    for _ in 0..PREPARERS {
        let shared = shared.clone();
        hands.spawn(async move { prepare(&shared).await });
    }
    let writing = shared.clone();
    hands.spawn(async move { letters::work(&writing).await });
    let mut clerk = Clerk {
        shared: shared.clone(),
        routes: orders.routes,
        hands,
        cursors: BTreeMap::new(),
        cohorts: BTreeMap::new(),
        renewed: now,
        expired: 0,
        lease_ms,
        idle_ms: orders.idle_ms,
        doubts: orders.doubts,
    };
    let ended = clerk.work().await;
    shared.ending.store(true, Ordering::SeqCst);
    shared.claimed.close();
    shared.letters.close();
    shared.gates.moved.notify_waiters();
    let left: Vec<Ready> = shared.gates.all().iter().flat_map(|gate| gate.retire()).collect();
    gone_home(&mut clerk.hands).await;
    shared.give_back(left).await;
    // Every hand has heard what came of its last entry: the book is empty.
    bookkeeper.abort_all();
    gone_home(&mut bookkeeper).await;
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

/// A way's pace, with what was tried before counted in.
async fn pace(store: &Store, route: &Route, now: Ms) -> store::Result<Arc<Pace>> {
    let tried = match route.caps.look_back() {
        true => store.read(move |tx| store::caps::tried(tx, now - DAY_MS)).await?.remove(&route.id),
        false => None,
    };
    Ok(Pace::new(route.caps, now, &tried.unwrap_or_default()))
}

/// Opens addresses and signs, a few copies at a time, away from the connections.
async fn prepare(shared: &Arc<Shared>) {
    while let Some(batch) = shared.claimed.take().await {
        for copy in make(shared, batch).await {
            shared.hand_over(copy).await;
        }
    }
}

/// Makes copies, away from the connections. A reader whose copy cannot be made is left out of the departure.
pub(crate) async fn make(shared: &Arc<Shared>, batch: Batch) -> Vec<Ready> {
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
    let mut copies = Vec::with_capacity(made.len());
    for copy in made {
        match copy {
            Ok(copy) => copies.push(copy.in_line(shared.defect == Some(Defect::LettersWaitInLine))),
            Err((key, fault)) => {
                tracing::error!(departure.id = key.departure.0, error = %fault, "A copy could not be made; its reader is left out of this departure and listed");
                shared.exclude(key).await;
            }
        }
    }
    copies
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
    routes: Routes,
    /// The preparers, and the connections of every gate.
    hands: JoinSet<()>,
    cursors: BTreeMap<DepartureId, Cursor>,
    cohorts: BTreeMap<CohortId, Arc<SharedCopy>>,
    renewed: Ms,
    expired: Ms,
    lease_ms: Ms,
    idle_ms: Ms,
    doubts: Doubts,
}

impl Clerk {
    async fn work(&mut self) -> Result<(), PostFault> {
        self.take_up_routes().await?;
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
        if let Until::Settled { faults_max } = self.shared.until {
            if let Some(rest) = self.shared.gates.all_given_up(faults_max) {
                return Err(PostFault::Relay(rest));
            }
            if self.shared.gates.all().is_empty() {
                return Err(PostFault::NoWay);
            }
        }
        Ok(*self.shared.stop.borrow())
    }

    /// Begins with the ways out as they are now: what is new gets a gate, what is gone or changed takes nothing more, and what
    /// stayed as it was is not disturbed.
    async fn take_up_routes(&mut self) -> Result<(), PostFault> {
        let routes = self.routes.borrow_and_update().clone();
        let (now, before) = (self.shared.world.now(), self.shared.gates.all());
        let mut gates = Vec::with_capacity(routes.len());
        for route in routes.iter() {
            let known = before.iter().find(|gate| gate.route.id == route.id);
            if let Some(same) = known.filter(|gate| gate.route.stamp == route.stamp) {
                gates.push(same.clone());
                continue;
            }
            let pace = match known.filter(|gate| gate.pace.caps() == route.caps) {
                Some(gate) => gate.pace.clone(),
                None => pace(&self.shared.store, route, now).await?,
            };
            let gate = Gate::new(route.clone(), pace, routes.len(), now);
            for _ in 0..route.connections.max(1) {
                let (shared, gate) = (self.shared.clone(), gate.clone());
                self.hands.spawn(async move { connection::work(&shared, &gate).await });
            }
            gates.push(gate);
        }
        let gone = before.iter().filter(|old| !gates.iter().any(|gate| Arc::ptr_eq(gate, old)));
        let gone: Vec<_> = gone.cloned().collect();
        if gates.is_empty() {
            tracing::error!("No relay is in use: every copy waits until one is");
        }
        self.shared.gates.set(gates);
        for gate in gone {
            self.shared.elsewhere(gate.retire()).await;
        }
        Ok(())
    }

    /// Renews the lease, ends what has expired, takes up other ways out, and writes down how they stand.
    async fn keep_house(&mut self) -> Result<(), PostFault> {
        let (now, lease) = (self.shared.world.now(), self.shared.lease);
        // An error means that nobody can change them any more.
        if self.routes.has_changed().unwrap_or(false) {
            self.take_up_routes().await?;
        }
        let standings = self.shared.gates.standings(now - self.expired >= EXPIRE_MS);
        if !standings.is_empty() {
            self.shared.again(move |tx| ways::stand(tx, &standings)).await?;
        }
        if now - self.renewed >= self.lease_ms / RENEW_PARTS {
            let until = now + self.lease_ms;
            let held = self.shared.again(move |tx| ledger::renew_lease(tx, lease, until)).await?;
            if !held {
                return Err(PostFault::Fenced);
            }
            self.renewed = now;
        }
        if now - self.expired >= EXPIRE_MS {
            if self.shared.gates.are_holding(now) {
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
            self.decide_doubts(now).await?;
            self.expired = now;
        }
        Ok(())
    }

    /// Has copies in doubt sent once more, where that is the policy and evidence was waited for.
    async fn decide_doubts(&self, now: Ms) -> Result<(), PostFault> {
        let Doubts::Resend { after_ms } = self.doubts else { return Ok(()) };
        let until = now - after_ms;
        if !self.shared.store.read(move |tx| doubt::any_due(tx, now, until)).await? {
            return Ok(());
        }
        let decided = self.shared.again(move |tx| doubt::decide(tx, now, until, DOUBTS_MAX)).await?;
        tracing::warn!(
            resent = decided.resent,
            held = decided.held,
            "Copies whose answer was lost are sent once more, the same as they were; they stay listed as doubted"
        );
        Ok(())
    }

    /// Claims what there is: letters first, then what is due again, then editions in order. `false`: nothing.
    async fn claim(&mut self) -> Result<bool, PostFault> {
        let now = self.shared.world.now();
        let live = self.look().await?;
        let letters = self.take_letters().await?;
        if self.shared.defect == Some(Defect::LettersWaitInLine) && self.take(Claim::Letters).await?.is_some() {
            return Ok(true);
        }
        if self.take(Claim::Due(now)).await?.is_some() {
            return Ok(true);
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
        Ok(letters)
    }

    /// Claims letters, as many as there is room for, and never waits for it. `false`: none.
    async fn take_letters(&mut self) -> Result<bool, PostFault> {
        let (lease, now) = (self.shared.lease, self.shared.world.now());
        let mut taken = false;
        for what in [Claim::Letters, Claim::DueLetters(now)] {
            let room = CLAIMED_LETTERS.saturating_sub(self.shared.letters.len());
            if self.shared.defect == Some(Defect::LettersWaitInLine) || room == 0 {
                break;
            }
            let limit = i64::try_from(room).expect("a queue is short");
            let letters = self.shared.again(move |tx| ledger::claim(tx, lease, what, limit)).await?;
            taken |= !letters.is_empty();
            for copy in self.word(letters).await? {
                // It is only closed when the poster goes home: then the next lease queues the letter again.
                drop(self.shared.letters.offer(vec![copy]));
            }
        }
        Ok(taken)
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
        if self.shared.defect == Some(Defect::CursorMovedOnFetch) {
            self.shared.count_as_sent(&copies).await?;
        }
        let mut worded = self.word(copies).await?;
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

    /// Takes claimed copies in hand, each with the mail it is made from.
    async fn word(&mut self, copies: Vec<Delivery>) -> Result<Batch, PostFault> {
        self.shared.held.fetch_add(i64::try_from(copies.len()).expect("a claim is small"), Ordering::SeqCst);
        let mut worded = Vec::with_capacity(copies.len());
        for copy in copies {
            let words = self.words(copy.cohort).await?;
            worded.push((copy, words));
        }
        Ok(worded)
    }

    /// Waits for room at the preparers, keeping house meanwhile: a resting relay holds everything up, the lease goes on, and
    /// so do letters.
    async fn room(&mut self) -> Result<bool, PostFault> {
        loop {
            let shared = self.shared.clone();
            tokio::select! {
                biased;
                open = shared.claimed.reserve() => return Ok(open),
                () = shared.world.sleep(AGAIN_MS) => {
                    self.keep_house().await?;
                    self.look().await?;
                    self.take_letters().await?;
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
        let longest = self.idle_ms.min(self.renewed + 2 * self.lease_ms / RENEW_PARTS - world.now()).max(1);
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
    /// A way is at fault. When it rests from now on, that is told, and what waits in its queue goes elsewhere.
    pub(crate) async fn at_fault(&self, gate: &Gate, pass: &mut Pass, fault: &Fault, seasoned: bool) {
        if self.defect == Some(Defect::CircuitNeverOpens) {
            return;
        }
        let now = self.world.now();
        let Told::Rests { rest, alert } = pass.fault(now, fault, seasoned) else { return };
        let (name, faults) = (&gate.route.name, rest.faults);
        match (alert, self.gates.other_is_well(gate)) {
            (true, true) => {
                tracing::error!(relay.name = %name, faults, error = %fault, "A relay is at fault: what it had not taken goes by the others, and no reader is blamed");
            }
            (true, false) => {
                tracing::error!(relay.name = %name, faults, error = %fault, "The relay is at fault and there is no other way out: every copy waits, and no reader is blamed");
            }
            (false, _) => {
                tracing::warn!(relay.name = %name, faults, error = %fault, "The relay rests; its copies wait or go another way, and no reader is blamed");
            }
        }
        self.gates.stands_otherwise(gate, now);
        self.elsewhere(gate.empty()).await;
        self.moved.notify_one();
    }

    /// A connection came to nothing, or was sent away. While others carry on, a way that only has no room says how many it
    /// takes: the window becomes narrower, and the way does not rest for it.
    pub(crate) async fn turned_away(
        &self,
        gate: &Gate,
        seat: &mut Seat<'_>,
        pass: &mut Pass,
        fault: &Fault,
        seasoned: bool,
    ) {
        let feels = self.defect != Some(Defect::WindowNeverNarrows);
        // What tries a way that rested has nobody beside it that counts.
        let presses = (fault.is_crowding() || !(fault.at_once || seasoned)) && gate.circuit.rest().is_none();
        if feels && presses && seat.was_turned_away(fault.is_answer()) {
            let (name, wide) = (&gate.route.name, gate.seats.wide());
            tracing::debug!(relay.name = %name, connections = wide, error = %fault, "A relay takes fewer connections at once");
            return;
        }
        self.at_fault(gate, pass, fault, seasoned).await;
    }

    /// A way took a copy, or answered about one.
    pub(crate) fn is_well(&self, gate: &Gate, pass: &mut Pass) {
        gate.seats.took();
        if pass.well() {
            tracing::info!(relay.name = %gate.route.name, "The relay is well again");
            self.gates.stands_otherwise(gate, self.world.now());
        }
    }

    /// Gives letters to the ways whose turn it is. Those that no way can take now stay, for those behind them not to wait;
    /// those that need not leave any more go back.
    pub(crate) async fn hand_over_letters(&self, letters: Vec<Ready>) -> Vec<Ready> {
        let now = self.world.now();
        let ending = self.ending.load(Ordering::SeqCst);
        let (needless, letters): (Vec<_>, Vec<_>) =
            letters.into_iter().partition(|l| ending || l.delivery.expires <= now);
        self.give_back(needless).await;
        letters.into_iter().filter_map(|letter| Some(self.gates.offer(letter, now)?.0)).collect()
    }

    /// Gives a copy to the way whose turn it is, waiting until one can take it. A copy that need not leave any more goes back.
    async fn hand_over(&self, mut copy: Ready) {
        loop {
            let now = self.world.now();
            let needless = !self.may_set_out(&copy) || copy.delivery.expires <= now;
            if needless || self.ending.load(Ordering::SeqCst) {
                return self.give_back(vec![copy]).await;
            }
            let mut moved = std::pin::pin!(self.gates.moved.notified());
            moved.as_mut().enable();
            let wait = match self.gates.offer(copy, now) {
                None => return,
                Some((back, wait)) => {
                    copy = back;
                    wait
                }
            };
            self.tell_of_caps(wait);
            tokio::select! {
                biased;
                () = moved => {}
                () = self.world.sleep(wait.min(AGAIN_MS)) => {}
            }
        }
    }

    /// Copies that did not set out by their way: another takes them at once, or they go back to the queue.
    pub(crate) async fn elsewhere(&self, copies: Vec<Ready>) {
        let now = self.world.now();
        let mut left = Vec::new();
        for mut copy in copies {
            copy.leave = None;
            let stays = !self.may_set_out(&copy) || self.ending.load(Ordering::SeqCst);
            if let Some((copy, _)) = if stays { Some((copy, 0)) } else { self.gates.offer(copy, now) } {
                left.push(copy);
            }
        }
        self.give_back(left).await;
    }

    /// Whether a copy in hand may set out: its departure was not paused or cancelled when the clerk last looked.
    pub(crate) fn may_set_out(&self, copy: &Ready) -> bool {
        let open = self.open.lock().expect("no panic happens under this lock");
        copy.is_letter() || open.contains(&copy.delivery.key.departure)
    }

    /// The next copy for a connection to begin with, waiting for one. `None`: the gate takes no more.
    pub(crate) async fn first(&self, gate: &Gate) -> Option<Ready> {
        let copy = gate.take().await;
        self.gates.moved.notify_waiters();
        copy
    }

    /// The next copy for a connection that is open, waiting for one. `None`: the gate takes no more.
    pub(crate) async fn take(&self, gate: &Gate) -> Option<Ready> {
        let copy = gate.ready.take().await;
        self.gates.moved.notify_waiters();
        copy
    }

    /// The next copy that lies ready at a gate, if it may go on and our caps let the copy leave now.
    pub(crate) fn try_next(&self, gate: &Gate, pass: &Pass) -> Option<Ready> {
        if !gate.goes_on(pass) || gate.makes_way() {
            return None;
        }
        let leave = gate.pace.leave(self.world.now()).ok()?;
        let mut copy = gate.ready.try_take()?;
        self.gates.moved.notify_waiters();
        copy.leave = Some(leave);
        Some(copy)
    }

    /// Waits for leave to try a copy by a gate, but no longer than `until`. A letter that comes meanwhile goes first under the
    /// gate's caps: it is then the copy, and the other is put back. `None`: it is not to be tried now.
    pub(crate) async fn leave(&self, gate: &Gate, copy: &mut Ready, until: Ms) -> Option<Leave> {
        let mut first = copy.goes_first().then(|| gate.go_first());
        loop {
            if first.is_none()
                && let Some(letter) = gate.letter()
            {
                first = Some(gate.go_first());
                if let Err(other) = gate.ready.put_back(std::mem::replace(copy, letter)) {
                    self.give_back(vec![other]).await;
                }
            }
            let now = self.world.now();
            let wait = match first.is_none() && gate.makes_way() {
                true => AGAIN_MS,
                false => match gate.pace.leave(now) {
                    Ok(leave) => {
                        self.told_of_caps.store(false, Ordering::Relaxed);
                        return Some(leave);
                    }
                    Err(wait) => wait,
                },
            };
            if now >= until || self.ending.load(Ordering::SeqCst) {
                return None;
            }
            self.world.sleep(wait.min(AGAIN_MS).min(until - now)).await;
        }
    }

    /// A minute's pace is nobody's news; a wait of minutes is told, once.
    fn tell_of_caps(&self, wait: Ms) {
        let caps = self.gates.are_holding(self.world.now());
        if caps && wait > HELD_TOLD_MS && !self.told_of_caps.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                wait_ms = wait,
                "The caps of every relay are reached; the next copies leave when one of them allows"
            );
        }
    }

    /// Gives copies back to the queue: no dot has left for them.
    pub(crate) async fn give_back(&self, copies: Vec<Ready>) {
        if copies.is_empty() {
            return;
        }
        let keys: Vec<_> = copies.iter().map(|c| c.delivery.key).collect();
        self.requeue(&keys).await;
    }

    /// The same by their keys.
    pub(crate) async fn requeue(&self, keys: &[DeliveryKey]) {
        let (lease, count, keys) = (self.lease, keys.len(), keys.to_vec());
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

    /// The planted defect gives an outcome to a copy that is still to get its own.
    pub(crate) fn holds_twice(&self) {
        self.held.fetch_add(1, Ordering::SeqCst);
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
            .map(|c| {
                let answer = newsroom::Answer { at: self.world.now(), code: 0, text: String::new() };
                Settled::new(c, DeliveryState::Accepted, None, RouteId::FIRST, answer)
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
