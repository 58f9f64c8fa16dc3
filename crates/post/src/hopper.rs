//! A bounded queue with one end for filling and many hands taking.
//!
//! A hand that only looks (`try_take`) is never held up by one that waits, and everything is first come, first served.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::Semaphore;

/// The queue. Closing it lets waiting hands go once it is empty.
pub struct Hopper<T> {
    queue: Mutex<VecDeque<T>>,
    filled: Semaphore,
    room: Semaphore,
}

impl<T> Hopper<T> {
    /// A queue that holds `capacity` things at most.
    pub fn new(capacity: usize) -> Self {
        Self { queue: Mutex::new(VecDeque::new()), filled: Semaphore::new(0), room: Semaphore::new(capacity) }
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
        self.queue.lock().expect("no panic happens under this lock").push_back(thing);
        self.filled.add_permits(1);
    }

    /// Puts one thing in, waiting for room. Gives it back when the queue is closed.
    pub async fn put(&self, thing: T) -> Result<(), T> {
        if !self.reserve().await {
            return Err(thing);
        }
        self.fill(thing);
        Ok(())
    }

    /// How many things lie ready.
    pub fn count(&self) -> usize {
        self.filled.available_permits()
    }

    /// Everything that is still inside.
    pub fn drain(&self) -> Vec<T> {
        self.queue.lock().expect("no panic happens under this lock").drain(..).collect()
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
        let thing = self.queue.lock().expect("no panic happens under this lock").pop_front();
        self.room.add_permits(1);
        thing
    }

    /// Lets every waiting hand go. What is still inside can be drained.
    pub fn close(&self) {
        self.filled.close();
        self.room.close();
    }
}
