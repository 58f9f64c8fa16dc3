//! The disk as a test holds it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    platter::{Counters, Flushes, Platter},
    vfs::Registration,
};

/// A disk in memory that SQLite can use by name, and whose power can be cut.
///
/// It may be dropped before its connections: they go on until they close, and nothing new opens on it.
pub struct Disk {
    platter: Arc<Mutex<Platter>>,
    registration: Registration,
}

impl Disk {
    /// A new, empty, honest disk with the power on. All its chances come from `seed`.
    pub fn new(seed: u64) -> Self {
        Self::with_flushes(seed, Flushes::Honest)
    }

    /// A new, empty disk that keeps its word about flushes, or does not.
    pub fn with_flushes(seed: u64, flushes: Flushes) -> Self {
        let platter = Arc::new(Mutex::new(Platter::new(seed, flushes)));
        let registration = Registration::new(&platter);
        Self { platter, registration }
    }

    /// The name of its VFS, unique in this process: for `Connection::open_with_flags_and_vfs` or `file:…?vfs=`.
    pub fn vfs_name(&self) -> &str {
        self.registration.name()
    }

    /// Cuts the power in the middle of the `operations`-th write, truncation, deletion or flush from now (the first
    /// is 1). Replaces an earlier appointment.
    pub fn crash_after(&self, operations: u64) {
        self.lock().crash_after(operations);
    }

    /// Takes an appointment of [`Disk::crash_after`] back that has not come.
    pub fn crash_never(&self) {
        self.lock().crash_never();
    }

    /// Cuts the power now. Every operation fails until [`Disk::revive`]. Without power already, it changes nothing.
    pub fn power_loss(&self) {
        self.lock().power_loss();
    }

    /// Ends the program that uses the disk, as `kill -9` does: what it wrote stands, flushed or not, its locks are free,
    /// and its connections are good for closing only. The power stays on.
    pub fn kill(&self) {
        self.lock().kill();
    }

    /// Brings the power back. The files are as the loss left them. Connections from before it stay dead: their process
    /// is gone.
    pub fn revive(&self) {
        self.lock().revive();
    }

    /// Whether the power is out.
    pub fn is_dead(&self) -> bool {
        self.lock().is_dead()
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.lock().counters()
    }

    /// A running hash of everything that was done to the disk and of what each power loss left: the same program on
    /// the same seed has the same trace. What a WAL or a journal holds is left out, because SQLite salts it from a
    /// generator that all connections of a process share; where and how much is written there counts.
    pub fn trace(&self) -> u64 {
        self.lock().trace()
    }

    /// The whole content of a file as a program sees it, for a search for bytes that should not be there.
    pub fn read(&self, file: &str) -> Option<Vec<u8>> {
        self.lock().content(file)
    }

    /// Every file there is.
    pub fn files(&self) -> Vec<String> {
        self.lock().files()
    }

    fn lock(&self) -> MutexGuard<'_, Platter> {
        self.platter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk")
            .field("vfs", &self.vfs_name())
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}
