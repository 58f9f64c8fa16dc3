//! Everything that outlives the newsroom's crashes: the witness, the relay's memory, the people's notes, the tripwire.
//!
//! Shared by the strangers of one run behind one lock that is never held across an await.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use newsroom::Ms;
use tokio::sync::Notify;
use world::World;

use crate::plan::Suspended;
use crate::temper::Temper;
use crate::witness::Witness;

/// See the module.
pub(crate) struct Outside {
    world: World,
    state: Mutex<State>,
    /// The tripwire was touched: the newsroom crashes about now.
    pub(crate) tripped: Notify,
    /// A message began with MAIL.
    pub(crate) begun: Notify,
    /// Something came into a mailbox.
    pub(crate) mail: Notify,
}

/// What the lock guards.
pub(crate) struct State {
    pub(crate) witness: Witness,
    /// The relays; the second is asked only where the plan has one.
    pub(crate) relays: [RelayState; 2],
    /// Connections by number, to whichever relay.
    open: BTreeSet<u64>,
    /// When connections ended, those of the last moment alone.
    ended: Vec<Ms>,
    next: u64,
    /// Mailboxes that are closed: at which step the relay says so.
    pub(crate) closed: BTreeMap<usize, crate::temper::Step>,
    /// Mailboxes that are too full just now.
    pub(crate) full: BTreeSet<usize>,
    /// Steps of the relay's dialogues and knocks at the doors until the tripwire is touched.
    tripwire: Option<u64>,
}

/// What the relay remembers.
#[derive(Default)]
pub(crate) struct RelayState {
    pub(crate) temper: Temper,
    /// The password is another just now.
    pub(crate) wrong_password: bool,
    /// It takes minutes for everything just now.
    pub(crate) stalls: bool,
    /// Nobody is let in without a login.
    pub(crate) login: bool,
    /// Since when a recipient is known.
    pub(crate) greylist: BTreeMap<usize, Ms>,
    /// It wants nothing of us just now.
    pub(crate) suspended: Option<Suspended>,
}

impl RelayState {
    pub(crate) fn new(temper: Temper, login: bool) -> Self {
        Self { temper, login, ..Self::default() }
    }
}

impl Outside {
    pub(crate) fn new(world: World, witness: Witness, relays: [RelayState; 2]) -> Arc<Self> {
        let state = State {
            witness,
            relays,
            open: BTreeSet::new(),
            ended: Vec::new(),
            next: 0,
            closed: BTreeMap::new(),
            full: BTreeSet::new(),
            tripwire: None,
        };
        let (tripped, begun, mail) = (Notify::new(), Notify::new(), Notify::new());
        Arc::new(Self { world, state: Mutex::new(state), tripped, begun, mail })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under this lock")
    }

    /// It happened, and the trace says so.
    pub(crate) fn count(&self, what: &'static str) {
        self.world.note(what);
        self.lock().witness.counters.count(what);
    }

    /// A promise is broken.
    pub(crate) fn broken(&self, what: String) {
        self.world.note(&format!("BROKEN {what}"));
        self.lock().witness.broken(what);
    }

    /// Crash at about the `steps`-th step of the relay or knock at the doors from now; `None` takes the wire away.
    pub(crate) fn set_tripwire(&self, steps: Option<u64>) {
        self.lock().tripwire = steps;
    }

    /// The relay comes to a step.
    pub(crate) fn step(&self, connection: u64, what: &str) {
        self.world.note(&format!("relay {connection} {what}"));
        self.touch_tripwire();
    }

    /// Something happened at which the newsroom may crash.
    pub(crate) fn touch_tripwire(&self) {
        let mut state = self.lock();
        if let Some(left) = &mut state.tripwire {
            *left = left.saturating_sub(1);
            if *left == 0 {
                state.tripwire = None;
                self.tripped.notify_one();
            }
        }
    }

    /// A poster of this name is at work: a second one means that the first of its life has lost its lease.
    pub(crate) fn heard_of(&self, poster: &str) {
        if let Some(life) = poster.strip_prefix("second-") {
            let first = format!("first-{life}");
            let now = self.world.now();
            self.lock().witness.fenced.entry(first).or_insert(now);
        }
    }

    /// Every relay takes minutes for everything from now on, or no longer.
    pub(crate) fn stall(&self, stalls: bool) {
        self.lock().relays.iter_mut().for_each(|relay| relay.stalls = stalls);
    }

    /// A connection comes in; gives its number.
    pub(crate) fn connected(&self) -> u64 {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.open.insert(number);
        number
    }

    /// It ended.
    pub(crate) fn disconnected(&self, number: u64) {
        let now = self.world.now();
        let mut state = self.lock();
        state.open.remove(&number);
        state.ended.retain(|at| *at == now);
        state.ended.push(now);
    }

    /// How many connections are open, with those that ended in this very millisecond: the newsroom may not know yet.
    pub(crate) fn open_connections(&self) -> u64 {
        let (now, state) = (self.world.now(), self.lock());
        (state.open.len() + state.ended.iter().filter(|at| **at == now).count()) as u64
    }
}
