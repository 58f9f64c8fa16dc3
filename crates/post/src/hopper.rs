//! A bounded queue with one end for filling and many hands taking, and a short queue of its own for what goes first.
//!
//! A hand that only looks (`try_take`) is never held up by one that waits. What goes first is taken before all else, and
//! has room of its own: a queue that is full of the rest never keeps it out. Within each, first come, first served.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::Semaphore;

/// So many things that go first may wait: letters are few, and what waits here waits for a connection alone.
const FIRST_MAX: usize = 32;

/// The queue. Closing it lets waiting hands go once it is empty.
pub struct Hopper<T> {
    queue: Mutex<Queue<T>>,
    /// One for each thing inside, of either kind.
    filled: Semaphore,
    /// Of those that do not go first.
    room: Semaphore,
}

struct Queue<T> {
    first: VecDeque<T>,
    things: VecDeque<T>,
    /// So many things were put back when there was no room: the next ones taken leave none.
    over: usize,
    closed: bool,
}

impl<T> Hopper<T> {
    /// A queue that holds `capacity` things at most.
    pub fn new(capacity: usize) -> Self {
        let queue = Mutex::new(Queue { first: VecDeque::new(), things: VecDeque::new(), over: 0, closed: false });
        Self { queue, filled: Semaphore::new(0), room: Semaphore::new(capacity) }
    }

    /// Waits for room and keeps it for one [`Hopper::fill`]. `false`: the queue is closed. May be dropped and asked again.
    pub async fn reserve(&self) -> bool {
        match self.room.acquire().await {
            Ok(room) => {
                room.forget();
                true
            }
            Err(_) => false,
        }
    }

    /// Puts one thing into the room that was reserved.
    pub fn fill(&self, thing: T) {
        self.queue.lock().expect(HELD).things.push_back(thing);
        self.filled.add_permits(1);
    }

    /// Puts one thing in if there is room. Gives it back when there is none, or the queue is closed.
    pub fn offer(&self, thing: T) -> Result<(), T> {
        let Ok(room) = self.room.try_acquire() else { return Err(thing) };
        let mut queue = self.queue.lock().expect(HELD);
        if queue.closed {
            return Err(thing);
        }
        room.forget();
        queue.things.push_back(thing);
        drop(queue);
        self.filled.add_permits(1);
        Ok(())
    }

    /// Puts one thing before all that does not go first. Gives it back when there are enough of them, or the queue is closed.
    pub fn offer_first(&self, thing: T) -> Result<(), T> {
        let mut queue = self.queue.lock().expect(HELD);
        if queue.closed || queue.first.len() >= FIRST_MAX {
            return Err(thing);
        }
        queue.first.push_back(thing);
        drop(queue);
        self.filled.add_permits(1);
        Ok(())
    }

    /// Takes the next thing that goes first, if there is one.
    pub fn try_take_first(&self) -> Option<T> {
        let permit = self.filled.try_acquire().ok()?;
        let thing = self.queue.lock().expect(HELD).first.pop_front()?;
        permit.forget();
        Some(thing)
    }

    /// Puts a thing back in front of those that do not go first, room or not. Gives it back when the queue is closed.
    pub fn put_back(&self, thing: T) -> Result<(), T> {
        let room = self.room.try_acquire();
        let mut queue = self.queue.lock().expect(HELD);
        if queue.closed {
            return Err(thing);
        }
        match room {
            Ok(room) => room.forget(),
            Err(_) => queue.over += 1,
        }
        queue.things.push_front(thing);
        drop(queue);
        self.filled.add_permits(1);
        Ok(())
    }

    /// How many things are inside.
    pub fn len(&self) -> usize {
        let queue = self.queue.lock().expect(HELD);
        queue.first.len() + queue.things.len()
    }

    /// How many of them go first.
    pub fn len_first(&self) -> usize {
        self.queue.lock().expect(HELD).first.len()
    }

    /// Whether one more would go in that goes first.
    pub fn has_room_first(&self) -> bool {
        self.len_first() < FIRST_MAX
    }

    /// Whether something more would go in.
    pub fn has_room(&self) -> bool {
        self.room.available_permits() > 0
    }

    /// Everything that is still inside, after it was closed.
    pub fn drain(&self) -> Vec<T> {
        let mut queue = self.queue.lock().expect(HELD);
        let first: Vec<T> = queue.first.drain(..).collect();
        first.into_iter().chain(queue.things.drain(..)).collect()
    }

    /// Takes the next thing, waiting for one. `None`: closed.
    pub async fn take(&self) -> Option<T> {
        self.filled.acquire().await.ok()?.forget();
        self.pop()
    }

    /// Takes the next thing if there is one.
    pub fn try_take(&self) -> Option<T> {
        self.filled.try_acquire().ok()?.forget();
        self.pop()
    }

    fn pop(&self) -> Option<T> {
        let mut queue = self.queue.lock().expect(HELD);
        if let Some(first) = queue.first.pop_front() {
            return Some(first);
        }
        let thing = queue.things.pop_front();
        if queue.over > 0 {
            queue.over -= 1;
        } else {
            drop(queue);
            self.room.add_permits(1);
        }
        thing
    }

    /// Lets every waiting hand go, and takes nothing more. What is still inside can be drained.
    pub fn close(&self) {
        self.queue.lock().expect(HELD).closed = true;
        self.filled.close();
        self.room.close();
    }
}

/// Why the queue's lock is never poisoned.
const HELD: &str = "no panic happens under this lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_first_has_room_of_its_own_and_is_taken_before_all_else() {
        let hopper = Hopper::new(2);
        assert!(hopper.offer("a").is_ok() && hopper.offer("b").is_ok() && hopper.offer("c").is_err());
        assert!(
            hopper.has_room_first() && hopper.offer_first("letter").is_ok() && hopper.offer_first("another").is_ok()
        );
        assert_eq!((hopper.len(), hopper.len_first()), (4, 2));
        assert_eq!(hopper.try_take_first(), Some("letter"));
        assert_eq!([hopper.try_take(), hopper.try_take(), hopper.try_take()], [Some("another"), Some("a"), Some("b")]);
        assert_eq!((hopper.try_take_first(), hopper.try_take()), (None, None));
        (0..FIRST_MAX).for_each(|_| hopper.offer_first("letter").expect("there is room"));
        assert!(!hopper.has_room_first() && hopper.offer_first("one too many").is_err());
        assert!(hopper.offer("the rest has its own").is_ok());
    }

    #[test]
    fn what_is_put_back_is_next_and_makes_no_room() {
        let hopper = Hopper::new(1);
        hopper.offer("a").expect("there is room");
        let a = hopper.try_take().expect("it is there");
        hopper.offer("b").expect("there is room again");
        hopper.put_back(a).expect("whether there is room or not");
        assert_eq!(hopper.try_take(), Some("a"));
        assert!(!hopper.has_room(), "b takes it still");
        assert_eq!(hopper.try_take(), Some("b"));
        assert!(hopper.has_room());
        hopper.put_back("b").expect("there is room");
        assert!(!hopper.has_room());
        hopper.offer_first("letter").expect("there is room");
        hopper.close();
        assert!(hopper.put_back("x").is_err() && hopper.offer_first("x").is_err() && hopper.offer("x").is_err());
        assert_eq!(hopper.drain(), ["letter", "b"]);
    }
}
