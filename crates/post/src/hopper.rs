//! A bounded queue with one end for filling and many hands taking.
//!
//! A hand that only looks (`try_take`) is never held up by one that waits, and everything is first come, first served.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::Semaphore;

/// The queue. Closing it lets waiting hands go once it is empty.
pub struct Hopper<T> {
    queue: Mutex<Queue<T>>,
    filled: Semaphore,
    room: Semaphore,
}

struct Queue<T> {
    things: VecDeque<T>,
    closed: bool,
}

impl<T> Hopper<T> {
    /// A queue that holds `capacity` things at most.
    pub fn new(capacity: usize) -> Self {
        let queue = Mutex::new(Queue { things: VecDeque::new(), closed: false });
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

    /// How many things are inside.
    pub fn len(&self) -> usize {
        self.queue.lock().expect(HELD).things.len()
    }

    /// Whether something more would go in.
    pub fn has_room(&self) -> bool {
        self.room.available_permits() > 0
    }

    /// Everything that is still inside, after it was closed.
    pub fn drain(&self) -> Vec<T> {
        self.queue.lock().expect(HELD).things.drain(..).collect()
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
        let thing = self.queue.lock().expect(HELD).things.pop_front();
        self.room.add_permits(1);
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
