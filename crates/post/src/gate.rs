//! The gates of the post office: each way out with its circuit, its pace, its queue, and how a copy comes to one of them.
//!
//! A copy is given by weight to one of the ways that are well, have room in their queue and leave by their caps; when a way
//! rests or is at its cap, the others take over, and where no way can take a copy it waits. Weights say who gets how much
//! while every way keeps up: no copy waits for a slow relay while another stands idle. A way of weight 0 is only asked when
//! no other can. Nothing here knows a reader or a reply.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use newsroom::{Answer, MINUTE_MS, Ms, SECOND_MS, Standing, WayState};
use tokio::sync::Notify;
use world::World;

use crate::circuit::{Circuit, Pass, Rest, Stands};
use crate::hopper::Hopper;
use crate::pace::Pace;
use crate::ready::Ready;
use crate::route::Route;
use crate::window::{Seat, Seats};

/// How long a copy that no way can take waits before the ways are looked at again, unless one of them calls, in
/// milliseconds.
const LOOK_MS: Ms = SECOND_MS;
/// For so long after a copy had to wait for our caps alone, they count as what holds copies back, in milliseconds.
const HOLDING_MS: Ms = MINUTE_MS;
/// A letter waits at a way that is at its cap when that has room again within this, in milliseconds; after it another way is
/// asked.
pub(crate) const LETTER_WAITS_MS_MAX: Ms = MINUTE_MS;
/// A silence is looked for so many times within its length.
const SILENCE_LOOKS: i64 = 6;

/// How many signed copies may lie ready at all gates together at least: while a commit waits for the disk, signing goes on.
const READY_MIN: usize = 256;

/// A way out at work.
pub(crate) struct Gate {
    pub(crate) route: Route,
    pub(crate) circuit: Arc<Circuit>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) ready: Hopper<Ready>,
    /// How many connections it takes at once, as it has shown.
    pub(crate) seats: Seats,
    /// No copy sets out by it any more: it was changed, or taken away.
    retired: AtomicBool,
    /// Letters in the hands of connections that wait for leave by the caps: the copies of editions let them go first.
    letters: AtomicUsize,
    /// Connections that wait for a copy to begin with. While all others wait for answers to their dots, there may be none.
    free: AtomicUsize,
    /// Rises with every answer, on whatever connection.
    heard: AtomicU64,
    /// Since when it has been open or at rest.
    since: AtomicI64,
    answered: Mutex<Option<Answer>>,
}

impl Gate {
    /// One of so many gates.
    pub(crate) fn new(route: Route, pace: Arc<Pace>, gates: usize, now: Ms) -> Arc<Self> {
        Arc::new(Self {
            ready: Hopper::new((2 * route.connections).max(READY_MIN / gates.max(1))),
            seats: Seats::new(route.connections),
            route,
            circuit: Arc::new(Circuit::default()),
            pace,
            retired: AtomicBool::new(false),
            letters: AtomicUsize::new(0),
            free: AtomicUsize::new(0),
            heard: AtomicU64::new(0),
            since: AtomicI64::new(now),
            answered: Mutex::new(None),
        })
    }

    /// Whether a connection that holds `pass` may begin another copy.
    pub(crate) fn goes_on(&self, pass: &Pass) -> bool {
        !self.retired.load(Ordering::SeqCst) && pass.stands()
    }

    /// A seat for a connection, waiting for one. `None`: the gate takes nothing more.
    pub(crate) async fn sit(&self) -> Option<Seat<'_>> {
        self.seats.sit(|| !self.retired.load(Ordering::SeqCst)).await
    }

    /// The next copy for a connection to begin with. `None`: the gate takes no more.
    pub(crate) async fn take(&self) -> Option<Ready> {
        self.free.fetch_add(1, Ordering::SeqCst);
        let copy = self.ready.take().await;
        self.free.fetch_sub(1, Ordering::SeqCst);
        copy
    }

    /// A letter that lies ready while our caps make all wait.
    pub(crate) fn letter(&self) -> Option<Ready> {
        if self.pace.caps().are_none() { None } else { self.ready.try_take_first() }
    }

    /// A connection waits for leave with a letter, until this is dropped.
    pub(crate) fn go_first(&self) -> GoesFirst<'_> {
        self.letters.fetch_add(1, Ordering::SeqCst);
        GoesFirst(self)
    }

    /// Whether a letter waits for leave, so that no copy of an edition may take it.
    pub(crate) fn makes_way(&self) -> bool {
        self.letters.load(Ordering::SeqCst) > 0 && !self.pace.caps().are_none()
    }

    /// Puts a copy into its queue, a letter before all others. Gives it back when there is no room, or it takes nothing more.
    fn fill(&self, copy: Ready) -> Option<Ready> {
        if copy.goes_first() { self.ready.offer_first(copy).err() } else { self.ready.offer(copy).err() }
    }

    /// The relay answered something.
    pub(crate) fn hears(&self) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    /// What it answered to a copy.
    pub(crate) fn answered(&self, answer: &Answer) {
        *self.answered.lock().expect(HELD) = Some(answer.clone());
    }

    /// Comes to an end when the relay has answered nothing at all, on any connection, for as long as it may.
    pub(crate) async fn quiet(&self, world: &World) {
        let look = (self.route.silence_ms / SILENCE_LOOKS).max(1);
        let (mut heard, mut looks) = (self.heard.load(Ordering::Relaxed), 0);
        while looks < SILENCE_LOOKS {
            world.sleep(look).await;
            let now = self.heard.load(Ordering::Relaxed);
            looks = if now == heard { looks + 1 } else { 0 };
            heard = now;
        }
    }

    /// Takes nothing more; gives what had not set out.
    pub(crate) fn retire(&self) -> Vec<Ready> {
        self.retired.store(true, Ordering::SeqCst);
        self.seats.ring();
        self.ready.close();
        self.ready.drain()
    }

    /// Takes out of its queue what waits there.
    pub(crate) fn empty(&self) -> Vec<Ready> {
        std::iter::from_fn(|| self.ready.try_take()).collect()
    }

    fn standing(&self) -> Standing {
        let rest = self.circuit.rest();
        Standing {
            route: self.route.id,
            state: if rest.is_some() { WayState::Resting } else { WayState::Open },
            since: self.since.load(Ordering::Relaxed),
            until: rest.as_ref().map_or(0, |rest| rest.until),
            faults: rest.as_ref().map_or(0, |rest| i64::from(rest.faults)),
            why: rest.map_or_else(String::new, |rest| rest.fault.why),
            alerted: self.circuit.alerted(),
            answered: self.answered.lock().expect(HELD).clone(),
        }
    }
}

/// A letter that waits for leave at a gate.
pub(crate) struct GoesFirst<'a>(&'a Gate);

impl Drop for GoesFirst<'_> {
    fn drop(&mut self) {
        self.0.letters.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether a gate may be given a copy.
enum Admits {
    Yes,
    /// Its queue is full: it takes one soon.
    Full,
    /// Its caps allow none for so long.
    Capped(Ms),
    /// It is at fault and rests for so long.
    Resting(Ms),
}

/// `first`: a letter, which has room of its own and waits for no copy of an edition.
fn admits(gate: &Gate, now: Ms, first: bool) -> Admits {
    let waiting = match gate.circuit.stands(now) {
        Stands::Resting(wait) => return Admits::Resting(wait),
        // One copy tries it, when there is a connection for it: it must not lie here until a lost answer is given up.
        Stands::OnTrial if gate.ready.len() > 0 || gate.free.load(Ordering::SeqCst) == 0 => {
            return Admits::Resting(LOOK_MS);
        }
        Stands::OnTrial | Stands::Well if gate.route.caps.are_none() => 0,
        Stands::OnTrial | Stands::Well if first => gate.ready.len_first(),
        Stands::OnTrial | Stands::Well => gate.ready.len(),
    };
    let has_room = if first { gate.ready.has_room_first() } else { gate.ready.has_room() };
    match gate.pace.room(now) {
        Err(wait) => Admits::Capped(wait),
        // What waits in its queue has no leave yet.
        Ok(room) if room <= i64::try_from(waiting).expect("a queue is short") => Admits::Capped(SECOND_MS),
        Ok(_) if !has_room => Admits::Full,
        Ok(_) => Admits::Yes,
    }
}

/// All gates.
#[derive(Default)]
pub(crate) struct Gates {
    /// Each with its credit: what it is owed by its weight.
    open: Mutex<Vec<(Arc<Gate>, i64)>>,
    /// Rung when a gate may take a copy that it could not take before.
    pub(crate) moved: Notify,
    /// When a copy last had to wait for our caps alone.
    held_by_caps: AtomicI64,
    /// Some gate stands otherwise than was last written down.
    changed: AtomicBool,
    /// Some way has a plan for warming up.
    warming: AtomicBool,
}

/// Why the locks here are never poisoned.
const HELD: &str = "no panic happens under this lock";

impl Gates {
    /// The gates as they are now.
    pub(crate) fn all(&self) -> Vec<Arc<Gate>> {
        self.lock().iter().map(|(gate, _)| gate.clone()).collect()
    }

    /// How many copies lie ready at all of them.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().iter().map(|(gate, _)| gate.ready.len()).sum()
    }

    /// How much the outlet's clock differs from UTC, in milliseconds, while some way is warming up: then each day is counted.
    pub(crate) fn warms(&self) -> Option<Ms> {
        if !self.warming.load(Ordering::Relaxed) {
            return None;
        }
        self.lock().iter().find_map(|(gate, _)| Some(gate.route.caps.allowance?.offset_ms))
    }

    /// Puts other gates in their place.
    pub(crate) fn set(&self, gates: Vec<Arc<Gate>>) {
        self.warming.store(gates.iter().any(|gate| gate.route.caps.allowance.is_some()), Ordering::Relaxed);
        *self.lock() = gates.into_iter().map(|gate| (gate, 0)).collect();
        self.changed.store(true, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Arc<Gate>, i64)>> {
        self.open.lock().expect(HELD)
    }

    /// Gives a copy to the gate whose turn it is. It comes back, with how long to wait in milliseconds, when none can take it
    /// now. A letter is given to a way at its cap too, when that has room again soon: it is the next to leave there.
    pub(crate) fn offer(&self, copy: Ready, now: Ms) -> Option<(Ready, Ms)> {
        let mut gates = self.lock();
        let (lane, first) = (copy.delivery.key.lane, copy.goes_first());
        if let Some(gate) = same_way(&gates, &copy, now) {
            return gate.fill(copy).map(|copy| (copy, 1));
        }
        let (mut wait, mut full, mut capped) = (Ms::MAX, false, None::<(Ms, Arc<Gate>)>);
        for spare in [false, true] {
            let mut willing: Vec<&mut (Arc<Gate>, i64)> = Vec::new();
            let takes = |gate: &Gate| gate.route.takes(lane) && (gate.route.weight == 0) == spare;
            for entry in gates.iter_mut().filter(|(gate, _)| takes(gate)) {
                match admits(&entry.0, now, first) {
                    Admits::Yes => willing.push(entry),
                    Admits::Full => full = true,
                    Admits::Capped(for_ms) => {
                        if capped.as_ref().is_none_or(|(least, _)| for_ms < *least) {
                            capped = Some((for_ms, entry.0.clone()));
                        }
                    }
                    Admits::Resting(for_ms) => wait = wait.min(for_ms),
                }
            }
            if let Some(gate) = turn(willing) {
                return gate.fill(copy).map(|copy| (copy, 1));
            }
            // A way that is only busy is not passed over for a spare one.
            if full {
                break;
            }
        }
        if full {
            return Some((copy, LOOK_MS));
        }
        let Some((for_ms, gate)) = capped else { return Some((copy, wait.max(1))) };
        self.held_by_caps.store(now, Ordering::Relaxed);
        if first && for_ms <= LETTER_WAITS_MS_MAX {
            return gate.fill(copy).map(|copy| (copy, LOOK_MS));
        }
        Some((copy, wait.min(for_ms).max(1)))
    }

    /// Whether our own caps are what holds copies back.
    pub(crate) fn are_holding(&self, now: Ms) -> bool {
        (0..HOLDING_MS).contains(&(now - self.held_by_caps.load(Ordering::Relaxed)))
    }

    /// Whether some gate beside `but` is well.
    pub(crate) fn other_is_well(&self, but: &Gate) -> bool {
        self.lock().iter().any(|(gate, _)| gate.route.id != but.route.id && gate.circuit.rest().is_none())
    }

    /// The rest of the first gate, when every one has been at fault at least so often in a row.
    pub(crate) fn all_given_up(&self, faults_max: u32) -> Option<Rest> {
        let gates = self.lock();
        let rests: Vec<Rest> = gates.iter().filter_map(|(gate, _)| gate.circuit.rest()).collect();
        let all = rests.len() == gates.len() && rests.iter().all(|rest| rest.faults >= faults_max);
        rests.into_iter().next().filter(|_| all)
    }

    /// A gate came to rest, or is well again.
    pub(crate) fn stands_otherwise(&self, gate: &Gate, now: Ms) {
        gate.since.store(now, Ordering::Relaxed);
        self.changed.store(true, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// How the gates stand, if that is to be written down: always when `due`, else when something changed.
    pub(crate) fn standings(&self, due: bool) -> Vec<Standing> {
        if !self.changed.swap(false, Ordering::SeqCst) && !due {
            return Vec::new();
        }
        self.lock().iter().map(|(gate, _)| gate.standing()).collect()
    }
}

/// The gate that put a copy off, when the copy is to come back by it and it can take it at once.
fn same_way(gates: &[(Arc<Gate>, i64)], copy: &Ready, now: Ms) -> Option<Arc<Gate>> {
    let route = copy.comes_back_by()?;
    let (gate, _) = gates.iter().find(|(gate, _)| gate.route.id == route)?;
    let takes = gate.route.takes(copy.delivery.key.lane) && matches!(admits(gate, now, copy.goes_first()), Admits::Yes);
    takes.then(|| gate.clone())
}

/// Whose turn it is among equals: each is owed its weight with every copy, and who is owed most pays for all.
fn turn(willing: Vec<&mut (Arc<Gate>, i64)>) -> Option<Arc<Gate>> {
    if let [(only, _)] = &willing[..] {
        return Some(only.clone());
    }
    let weight = |gate: &Gate| i64::from(gate.route.weight.max(1));
    let sum: i64 = willing.iter().map(|(gate, _)| weight(gate)).sum();
    let mut first: Option<&mut (Arc<Gate>, i64)> = None;
    for entry in willing {
        entry.1 += weight(&entry.0);
        if first.as_ref().is_none_or(|first| entry.1 > first.1) {
            first = Some(entry);
        }
    }
    let (gate, credit) = first?;
    *credit -= sum;
    Some(gate.clone())
}
