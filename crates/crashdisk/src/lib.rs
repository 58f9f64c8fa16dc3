//! SQLite on a disk that can lose power. For tests alone; never shipped.
//!
//! A [`Disk`] lies in memory and registers itself as a SQLite VFS under a name of its own, so that many live side by
//! side. When its power goes, at once or in the middle of the n-th operation, it keeps what was flushed and a part of
//! the rest that its seed decides: any of the 512-byte sectors written since, in any combination, the last write torn at
//! any byte. Then it is revived, and what SQLite finds there is what a real machine might find in the morning.
//!
//! What it does not have: shared memory. WAL works with `PRAGMA locking_mode=EXCLUSIVE` alone, one connection a file. It
//! promises what SQLite's own VFS promises on Linux (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`: a write never harms the bytes
//! beside it), so that SQLite takes the same paths as in production.
//!
//! ```
//! let disk = crashdisk::Disk::new(7);
//! let open = || -> rusqlite::Result<rusqlite::Connection> {
//!     let flags = rusqlite::OpenFlags::default();
//!     let connection = rusqlite::Connection::open_with_flags_and_vfs("a.db", flags, disk.vfs_name())?;
//!     // EXTRA before WAL: the deletion of the journal that turning WAL on leaves behind must be flushed as well.
//!     let pragmas = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL";
//!     connection.execute_batch(pragmas).map(|()| connection)
//! };
//! let connection = open()?;
//! connection.execute_batch("CREATE TABLE edition (id INTEGER); INSERT INTO edition VALUES (1)")?;
//! disk.power_loss();
//! drop(connection);
//! disk.revive();
//! let count: i64 = open()?.query_row("SELECT COUNT(*) FROM edition", [], |row| row.get(0))?;
//! assert_eq!(count, 1);
//! # Ok::<(), rusqlite::Error>(())
//! ```

mod disk;
mod platter;
mod vfs;

pub use disk::Disk;
pub use platter::{Counters, Flushes, SECTOR_BYTES};
