//! How many connections at once a way takes: learnt from what it does, as Postfix's scheduler learns it (SCHEDULER_README).
//!
//! A window begins at what was agreed and is never wider. Each connection that is turned away while others carry on makes
//! it narrower by one, never less than one; as many copies taken as the window is wide make it wider by one. A wider window
//! that is refused at once doubles the copies that the next try costs, so that a relay that takes five is not knocked at for
//! ever. What is a connection's trouble alone is no strike against the way. Nothing here knows a reader or a reply's words.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use tokio::sync::Notify;

/// A wider window is tried after at most so many times its width in copies: a relay that was made wider is found out within
/// some thousands of copies.
const CAUTION_MAX: u32 = 8;

/// The rules, without anything that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    agreed: usize,
    wide: usize,
    /// Copies taken since it last changed.
    taken: usize,
    /// It was made wider, and nobody has been turned away since.
    tries: bool,
    /// So many tries in a row were refused: each doubles what the next one costs.
    caution: u32,
}

impl Window {
    /// A window of what was agreed.
    pub fn new(agreed: usize) -> Self {
        Self { agreed: agreed.max(1), wide: agreed.max(1), taken: 0, tries: false, caution: 0 }
    }

    /// How many connections at once.
    pub fn wide(&self) -> usize {
        self.wide
    }

    /// A copy was taken, or answered about. `true`: it is wider from now on.
    pub fn took(&mut self) -> bool {
        if self.wide >= self.agreed {
            return false;
        }
        self.taken += 1;
        if self.taken < self.wide << self.caution {
            return false;
        }
        if self.tries {
            // The last try was not refused.
            self.caution = 0;
        }
        (self.wide, self.taken, self.tries) = (self.wide + 1, 0, true);
        true
    }

    /// A connection was turned away while others carried on.
    pub fn turned_away(&mut self) {
        if self.tries {
            self.caution = (self.caution + 1).min(CAUTION_MAX);
        }
        (self.wide, self.taken, self.tries) = (self.wide.saturating_sub(1).max(1), 0, false);
    }
}

/// The window of a gate at work, and the connections that sit at it.
pub(crate) struct Seats {
    agreed: usize,
    /// The window's width, for those who only look.
    wide: AtomicUsize,
    seated: AtomicUsize,
    /// Connections that are being opened.
    knocking: AtomicUsize,
    /// Connections that were greeted.
    open: AtomicUsize,
    window: Mutex<Window>,
    /// Rung when there may be a seat.
    freed: Notify,
}

impl Seats {
    pub(crate) fn new(agreed: usize) -> Self {
        let window = Window::new(agreed);
        Self {
            agreed: window.wide(),
            wide: AtomicUsize::new(window.wide()),
            seated: AtomicUsize::new(0),
            knocking: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            window: Mutex::new(window),
            freed: Notify::new(),
        }
    }

    /// Waits for a seat, for as long as `goes_on`.
    pub(crate) async fn sit(&self, goes_on: impl Fn() -> bool) -> Option<Seat<'_>> {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            if !goes_on() {
                return None;
            }
            let sits = |seated: usize| (seated < self.wide.load(Ordering::SeqCst)).then_some(seated + 1);
            if self.seated.fetch_update(Ordering::SeqCst, Ordering::SeqCst, sits).is_ok() {
                return Some(Seat { seats: self, given_up: false, stage: Stage::Seated });
            }
            freed.await;
        }
    }

    /// Lets everyone who waits look again.
    pub(crate) fn ring(&self) {
        self.freed.notify_waiters();
    }

    /// How many connections at once.
    pub(crate) fn wide(&self) -> usize {
        self.wide.load(Ordering::Relaxed)
    }

    /// A copy was taken, or answered about.
    pub(crate) fn took(&self) {
        if self.wide() >= self.agreed {
            return;
        }
        let mut window = self.lock();
        if window.took() {
            self.wide.store(window.wide(), Ordering::SeqCst);
            drop(window);
            self.ring();
        }
    }

    /// A connection was turned away.
    fn turned_away(&self) {
        let mut window = self.lock();
        window.turned_away();
        self.wide.store(window.wide(), Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, Window> {
        self.window.lock().expect("no panic happens under this lock")
    }
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Seated,
    Knocking,
    Open,
}

/// A connection's seat at a gate, until it is dropped.
pub(crate) struct Seat<'a> {
    seats: &'a Seats,
    /// The window has become narrower, and this one makes room.
    given_up: bool,
    stage: Stage,
}

impl Seat<'_> {
    /// It knocks.
    pub(crate) fn knocks(&mut self) {
        self.leave_stage();
        self.seats.knocking.fetch_add(1, Ordering::SeqCst);
        self.stage = Stage::Knocking;
    }

    /// It was greeted.
    pub(crate) fn is_open(&mut self) {
        self.leave_stage();
        self.seats.open.fetch_add(1, Ordering::SeqCst);
        self.stage = Stage::Open;
    }

    /// It is over; whoever sits here may open another.
    pub(crate) fn is_over(&mut self) {
        self.leave_stage();
    }

    /// Whether it has to make room: then it takes no further copy.
    pub(crate) fn makes_room(&mut self) -> bool {
        let (seats, wide) = (self.seats, self.seats.wide());
        let goes = |seated: usize| (seated > wide).then(|| seated - 1);
        if !self.given_up && seats.seated.load(Ordering::Relaxed) > wide {
            self.given_up = seats.seated.fetch_update(Ordering::SeqCst, Ordering::SeqCst, goes).is_ok();
        }
        self.given_up
    }

    /// It was turned away. `true`: others carry on, so that this says how many the way takes and not that it is at fault.
    /// `answered`: it heard a refusal, and not nothing; then those who still knock may yet be let in.
    pub(crate) fn was_turned_away(&mut self, answered: bool) -> bool {
        self.leave_stage();
        let others = self.seats.open.load(Ordering::SeqCst)
            + if answered { self.seats.knocking.load(Ordering::SeqCst) } else { 0 };
        if others > 0 {
            self.seats.turned_away();
        }
        others > 0
    }

    fn leave_stage(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Seated) {
            Stage::Seated => {}
            Stage::Knocking => drop(self.seats.knocking.fetch_sub(1, Ordering::SeqCst)),
            Stage::Open => drop(self.seats.open.fetch_sub(1, Ordering::SeqCst)),
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.leave_stage();
        if !self.given_up {
            self.seats.seated.fetch_sub(1, Ordering::SeqCst);
        }
        self.seats.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Lives by a relay that takes `most` connections, for so many copies. Gives how many were turned away.
    fn live(window: &mut Window, most: usize, copies: usize) -> usize {
        let mut away = 0;
        for _ in 0..copies {
            while window.wide() > most {
                window.turned_away();
                away += 1;
            }
            window.took();
        }
        away
    }

    #[test]
    fn a_relay_that_takes_five_has_five_and_is_knocked_at_ever_less() {
        let mut window = Window::new(10);
        let mut away = 0;
        for doubled in 0..8 {
            away += live(&mut window, 5, 5 << doubled);
            assert!((5..=6).contains(&window.wide()), "{window:?}");
        }
        assert!((9..=14).contains(&away), "five at first, then one in twice as many copies: {away}");
        let later = live(&mut window, 5, 100_000);
        assert!(later <= 100_000 / (5 << CAUTION_MAX) + 2, "{later}");
    }

    #[test]
    fn a_relay_that_takes_more_again_is_found_out() {
        let mut window = Window::new(20);
        live(&mut window, 3, 10_000);
        assert!(window.wide() <= 4);
        assert_eq!(live(&mut window, 20, 2_000), 0);
        assert_eq!(window.wide(), 20, "what was agreed, and never more");
        assert!(!window.took());
    }

    proptest! {
        #[test]
        fn it_is_never_narrower_than_one_nor_wider_than_agreed(
            agreed in 0_usize..300, said in proptest::collection::vec(any::<bool>(), 0..3_000),
        ) {
            let mut window = Window::new(agreed);
            for away in said {
                if away { window.turned_away() } else { window.took(); }
                prop_assert!((1..=agreed.max(1)).contains(&window.wide()));
            }
        }
    }

    #[tokio::test]
    async fn a_narrower_window_makes_as_many_go_as_are_too_many() {
        let seats = Seats::new(3);
        let mut all = Vec::new();
        for _ in 0..3 {
            let mut seat = seats.sit(|| true).await.expect("there is one");
            seat.knocks();
            seat.is_open();
            all.push(seat);
        }
        let waits = tokio::time::timeout(std::time::Duration::ZERO, seats.sit(|| true)).await;
        assert!(waits.is_err(), "all are taken");
        assert!(all.pop().expect("the third").was_turned_away(true), "two carry on");
        assert_eq!((seats.wide(), all[0].makes_room()), (2, false));
        seats.turned_away();
        let going: Vec<bool> = all.iter_mut().map(Seat::makes_room).collect();
        assert_eq!(going, [true, false], "one, and not both");
        assert!(all[0].makes_room(), "it has said so");
        drop(all.remove(0));
        assert!(!all[0].was_turned_away(false), "nobody else is there: the way itself is at fault");
        drop(all);
        assert!(seats.sit(|| false).await.is_none(), "the gate takes nothing more");
        assert!(seats.sit(|| true).await.is_some());
    }
}
