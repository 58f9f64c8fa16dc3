//! The disk itself, without SQLite: files, what of them is flushed, locks, and what a loss of power leaves.
//!
//! A file has two images: `live`, which programs see, and `kept`, which survives for certain; between them stand the
//! changes since the last flush. A flush makes `kept` equal to `live`. A loss of power applies some of the changes to
//! `kept`, sector by sector, as the dice fall, and that is then both.

use std::collections::BTreeMap;

/// A sector is written whole or not at all, but for the one under the head when the power went.
pub const SECTOR_BYTES: usize = 512;
/// How many in a hundred unflushed sectors survive one loss: each loss picks one of these. None and nearly all are the
/// likely ones in life; the middle finds the torn states.
const KEPT_PERCENT: [u64; 4] = [0, 30, 60, 90];

/// Whether a flush that was answered has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushes {
    /// As drives are meant to be.
    Honest,
    /// As some drives are: the answer comes, the bytes stay in a volatile cache.
    Lying,
}

/// What was done to a disk so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Writes, truncations, deletions and flushes together.
    pub operations: u64,
    /// Writes.
    pub writes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Truncations.
    pub truncations: u64,
    /// Deletions.
    pub deletions: u64,
    /// Flushes.
    pub flushes: u64,
    /// Losses of power.
    pub losses: u64,
    /// Programs that ended without a word.
    pub kills: u64,
    /// Unflushed sectors that survived a loss.
    pub sectors_kept: u64,
    /// Unflushed sectors that did not.
    pub sectors_lost: u64,
}

/// Why the disk did not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The power is out, or was since the file was opened.
    Dead,
    /// There is no such file.
    NoFile,
    /// Another connection holds the lock.
    Busy,
}

/// SQLite's lock levels (`SQLITE_LOCK_…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lock {
    Shared = 1,
    Reserved = 2,
    Pending = 3,
    Exclusive = 4,
}

/// An open file. Of one era: after a loss of power, or the end of its program, it is good for closing only.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    file: String,
    number: u64,
    era: u64,
}

enum Change {
    Create,
    Write { at: usize, bytes: Vec<u8> },
    Resize(usize),
    Remove,
}

#[derive(Default)]
struct File {
    live: Option<Vec<u8>>,
    kept: Option<Vec<u8>>,
    unflushed: Vec<Change>,
    locks: BTreeMap<u64, Lock>,
}

pub(crate) struct Platter {
    files: BTreeMap<String, File>,
    flushes: Flushes,
    dice: Dice,
    dead: bool,
    /// Rises with each loss of power and each end of a program.
    era: u64,
    /// The operation during which the power goes.
    crash_at: Option<u64>,
    handles: u64,
    counters: Counters,
    trace: Trace,
}

impl Platter {
    pub(crate) fn new(seed: u64, flushes: Flushes) -> Self {
        Self {
            files: BTreeMap::new(),
            flushes,
            dice: Dice(seed),
            dead: false,
            era: 0,
            crash_at: None,
            handles: 0,
            counters: Counters::default(),
            trace: Trace(seed),
        }
    }

    pub(crate) fn crash_after(&mut self, operations: u64) {
        assert!(operations > 0, "the first operation from now is 1");
        self.crash_at = Some(self.counters.operations + operations);
    }

    pub(crate) fn crash_never(&mut self) {
        self.crash_at = None;
    }

    pub(crate) fn power_loss(&mut self) {
        if !self.dead {
            self.lose(None);
        }
    }

    /// The program ends, the machine goes on: what was written stands, flushed or not, and its handles are gone.
    pub(crate) fn kill(&mut self) {
        self.era += 1;
        self.crash_at = None;
        self.counters.kills += 1;
        self.files.values_mut().for_each(|file| file.locks.clear());
        self.trace.note("kill", "", 0, 0);
    }

    pub(crate) fn revive(&mut self) {
        self.dead = false;
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    pub(crate) fn trace(&self) -> u64 {
        self.trace.0
    }

    pub(crate) fn content(&self, file: &str) -> Option<Vec<u8>> {
        self.files.get(file)?.live.clone()
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let there = self.files.iter().filter(|(_, file)| file.live.is_some());
        there.map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn exists(&self, name: &str) -> Result<bool, Fault> {
        self.powered()?;
        Ok(self.files.get(name).is_some_and(|file| file.live.is_some()))
    }

    /// Opens a file, or makes it where `create` says so. `name` of `None` is a temporary file.
    pub(crate) fn open(&mut self, name: Option<&str>, create: bool) -> Result<Handle, Fault> {
        self.powered()?;
        self.handles += 1;
        let number = self.handles;
        let name = name.map_or_else(|| format!("temporary-{number}"), str::to_owned);
        if !create && !self.exists(&name)? {
            return Err(Fault::NoFile);
        }
        let file = self.files.entry(name.clone()).or_default();
        if file.live.is_none() {
            file.live = Some(Vec::new());
            file.unflushed.push(Change::Create);
            self.trace.note("create", &name, 0, 0);
        }
        Ok(Handle { file: name, number, era: self.era })
    }

    pub(crate) fn close(&mut self, handle: &Handle, delete: bool) {
        if let Some(file) = self.files.get_mut(&handle.file) {
            file.locks.remove(&handle.number);
        }
        if delete && handle.era == self.era {
            // A temporary file: nobody looks for it after a loss.
            self.files.remove(&handle.file);
        }
    }

    /// Reads into `into`; what lies past the end reads as zeros. Returns how many bytes were there.
    pub(crate) fn read(&self, handle: &Handle, at: usize, into: &mut [u8]) -> Result<usize, Fault> {
        let live = self.live(handle)?;
        let there = live.get(at..).unwrap_or_default();
        let length = there.len().min(into.len());
        into[..length].copy_from_slice(&there[..length]);
        into[length..].fill(0);
        Ok(length)
    }

    pub(crate) fn size(&self, handle: &Handle) -> Result<usize, Fault> {
        Ok(self.live(handle)?.len())
    }

    pub(crate) fn write(&mut self, handle: &Handle, at: usize, bytes: &[u8]) -> Result<(), Fault> {
        self.live(handle)?;
        self.counters.writes += 1;
        self.counters.written_bytes += bytes.len() as u64;
        self.trace.note("write", &handle.file, at, bytes.len());
        if !salted(&handle.file) {
            self.trace.mix_bytes(bytes);
        }
        self.change(handle, Change::Write { at, bytes: bytes.to_vec() })
    }

    pub(crate) fn truncate(&mut self, handle: &Handle, size: usize) -> Result<(), Fault> {
        self.live(handle)?;
        self.counters.truncations += 1;
        self.trace.note("truncate", &handle.file, size, 0);
        self.change(handle, Change::Resize(size))
    }

    pub(crate) fn flush(&mut self, handle: &Handle) -> Result<(), Fault> {
        self.live(handle)?;
        self.counters.flushes += 1;
        self.trace.note("flush", &handle.file, 0, 0);
        self.operation(None)?;
        if self.flushes == Flushes::Honest {
            self.files.get_mut(&handle.file).ok_or(Fault::NoFile)?.flush();
        }
        Ok(())
    }

    /// Deletes a file; `flushed` when its folder is to be flushed too.
    pub(crate) fn delete(&mut self, name: &str, flushed: bool) -> Result<(), Fault> {
        if !self.exists(name)? {
            return Err(Fault::NoFile);
        }
        self.counters.deletions += 1;
        self.trace.note("delete", name, 0, usize::from(flushed));
        let file = self.files.get_mut(name).ok_or(Fault::NoFile)?;
        file.unflushed.push(Change::Remove);
        self.operation(Some(name))?;
        let file = self.files.get_mut(name).ok_or(Fault::NoFile)?;
        file.live = None;
        if flushed && self.flushes == Flushes::Honest {
            file.flush();
        }
        Ok(())
    }

    pub(crate) fn lock(&mut self, handle: &Handle, wanted: Lock) -> Result<(), Fault> {
        let others = self.others(handle)?;
        let locks = &mut self.files.get_mut(&handle.file).ok_or(Fault::NoFile)?.locks;
        let held = locks.get(&handle.number).copied();
        if held >= Some(wanted) {
            return Ok(());
        }
        let free = match wanted {
            Lock::Shared => others < Some(Lock::Pending),
            Lock::Reserved => others < Some(Lock::Reserved),
            Lock::Pending | Lock::Exclusive => others.is_none(),
        };
        if free {
            locks.insert(handle.number, wanted);
            return Ok(());
        }
        if wanted == Lock::Exclusive && others == Some(Lock::Shared) {
            // https://sqlite.org/lockingv3.html: no new readers while a writer waits for the old ones.
            locks.insert(handle.number, Lock::Pending);
        }
        Err(Fault::Busy)
    }

    /// Lowers a lock to shared, or to none.
    pub(crate) fn unlock(&mut self, handle: &Handle, to: Option<Lock>) {
        let Some(file) = self.files.get_mut(&handle.file) else { return };
        match to {
            Some(lock) => {
                file.locks.entry(handle.number).and_modify(|held| *held = lock.min(*held));
            }
            None => {
                file.locks.remove(&handle.number);
            }
        }
    }

    /// Whether another connection is about to write.
    pub(crate) fn reserved_by_another(&self, handle: &Handle) -> Result<bool, Fault> {
        Ok(self.others(handle)? >= Some(Lock::Reserved))
    }

    /// The highest lock that any other handle has on the file.
    fn others(&self, handle: &Handle) -> Result<Option<Lock>, Fault> {
        self.live(handle)?;
        let locks = &self.files.get(&handle.file).ok_or(Fault::NoFile)?.locks;
        Ok(locks.iter().filter(|(number, _)| **number != handle.number).map(|(_, lock)| *lock).max())
    }

    fn powered(&self) -> Result<(), Fault> {
        if self.dead { Err(Fault::Dead) } else { Ok(()) }
    }

    /// What a program sees of an open file.
    fn live(&self, handle: &Handle) -> Result<&Vec<u8>, Fault> {
        self.powered()?;
        if handle.era != self.era {
            return Err(Fault::Dead);
        }
        self.files.get(&handle.file).and_then(|file| file.live.as_ref()).ok_or(Fault::NoFile)
    }

    /// Does a change to an open file. When the power goes in the middle of it, it may be there afterwards in part.
    fn change(&mut self, handle: &Handle, change: Change) -> Result<(), Fault> {
        let file = self.files.get_mut(&handle.file).ok_or(Fault::NoFile)?;
        apply(&mut file.live, &change);
        file.unflushed.push(change);
        self.operation(Some(&handle.file))
    }

    /// Counts an operation, and loses power when its time has come. `under_way` is the file being changed.
    fn operation(&mut self, under_way: Option<&str>) -> Result<(), Fault> {
        self.counters.operations += 1;
        if self.crash_at.is_none_or(|at| self.counters.operations < at) {
            return Ok(());
        }
        self.lose(under_way);
        Err(Fault::Dead)
    }

    fn lose(&mut self, under_way: Option<&str>) {
        self.dead = true;
        self.era += 1;
        self.crash_at = None;
        self.counters.losses += 1;
        let percent = KEPT_PERCENT[self.dice.below(KEPT_PERCENT.len() as u64) as usize];
        for (name, file) in &mut self.files {
            let torn = under_way == Some(name.as_str());
            file.lose(&mut Loss { percent, torn, dice: &mut self.dice, counters: &mut self.counters });
            self.trace.note("loss", name, file.live.as_ref().map_or(usize::MAX, Vec::len), 0);
            if !salted(name) {
                self.trace.mix_bytes(file.live.as_deref().unwrap_or_default());
            }
        }
        self.files.retain(|_, file| file.live.is_some());
    }
}

/// One loss of power, for one file.
struct Loss<'a> {
    percent: u64,
    /// The last change was under way.
    torn: bool,
    dice: &'a mut Dice,
    counters: &'a mut Counters,
}

impl Loss<'_> {
    fn spares(&mut self) -> bool {
        self.dice.below(100) < self.percent
    }
}

impl File {
    fn flush(&mut self) {
        for change in self.unflushed.drain(..) {
            apply(&mut self.kept, &change);
        }
        assert_eq!(self.kept.as_ref().map(Vec::len), self.live.as_ref().map(Vec::len), "a flush leaves nothing behind");
    }

    fn lose(&mut self, loss: &mut Loss<'_>) {
        let last = self.unflushed.len().saturating_sub(1);
        // A file made where another was deleted is another one: changes to a file whose creation was lost reach nothing.
        let mut reachable = true;
        for (place, change) in std::mem::take(&mut self.unflushed).into_iter().enumerate() {
            match change {
                Change::Create => {
                    reachable = loss.spares();
                    if reachable {
                        apply(&mut self.kept, &change);
                    }
                }
                _ if !reachable => {}
                Change::Write { at, bytes } => self.lose_write(at, &bytes, loss, loss.torn && place == last),
                Change::Resize(_) | Change::Remove => {
                    if loss.spares() {
                        apply(&mut self.kept, &change);
                    }
                }
            }
        }
        self.live.clone_from(&self.kept);
        self.locks.clear();
    }

    fn lose_write(&mut self, at: usize, bytes: &[u8], loss: &mut Loss<'_>, torn: bool) {
        let mut done = 0;
        while done < bytes.len() {
            let length = (SECTOR_BYTES - (at + done) % SECTOR_BYTES).min(bytes.len() - done);
            if loss.spares() {
                // Under the head when the power went: written up to some byte.
                let cut = if torn { loss.dice.below(length as u64 + 1) as usize } else { length };
                let Some(kept) = &mut self.kept else { return };
                write_at(kept, at + done, &bytes[done..done + cut]);
                loss.counters.sectors_kept += 1;
            } else {
                loss.counters.sectors_lost += 1;
            }
            done += length;
        }
    }
}

fn apply(image: &mut Option<Vec<u8>>, change: &Change) {
    match (change, image) {
        (Change::Create, image) => *image = Some(Vec::new()),
        (Change::Remove, image) => *image = None,
        (Change::Write { at, bytes }, Some(image)) => write_at(image, *at, bytes),
        (Change::Resize(size), Some(image)) => image.resize(*size, 0),
        // Its deletion came through, what was done to it before did not matter any more.
        (Change::Write { .. } | Change::Resize(_), None) => {}
    }
}

fn write_at(image: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if image.len() < at + bytes.len() {
        image.resize(at + bytes.len(), 0);
    }
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

/// SQLite writes process-wide random salts into these.
fn salted(file: &str) -> bool {
    file.ends_with("-wal") || file.ends_with("-journal")
}

/// SplitMix64 (Steele, Lea, Flood 2014): the disk's own chances, apart from everybody else's.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; the bias of a remainder is far below what a test could see.
    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }
}

/// A running hash, eight bytes at a step: to tell two runs apart, not to resist anybody.
struct Trace(u64);

impl Trace {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn mix_bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
        self.mix(bytes.len() as u64);
    }

    fn note(&mut self, what: &str, file: &str, at: usize, length: usize) {
        self.mix_bytes(what.as_bytes());
        self.mix_bytes(file.as_bytes());
        self.mix(at as u64);
        self.mix(length as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platter(seed: u64) -> (Platter, Handle) {
        let mut platter = Platter::new(seed, Flushes::Honest);
        let handle = platter.open(Some("a"), true).unwrap();
        (platter, handle)
    }

    /// What each of 100 seeds leaves of one file.
    fn after_loss(what: impl Fn(&mut Platter, &Handle)) -> Vec<Option<Vec<u8>>> {
        let one = |seed| {
            let (mut platter, handle) = platter(seed);
            what(&mut platter, &handle);
            platter.power_loss();
            platter.revive();
            platter.content("a")
        };
        (0..100).map(one).collect()
    }

    #[test]
    fn what_was_flushed_survives_every_loss() {
        let left = after_loss(|platter, handle| {
            platter.write(handle, 0, &[1; 2000]).unwrap();
            platter.flush(handle).unwrap();
        });
        assert!(left.iter().all(|left| left.as_deref() == Some(&[1; 2000])));
    }

    #[test]
    fn what_was_not_flushed_survives_in_whole_sectors_or_not_at_all() {
        let left = after_loss(|platter, handle| {
            platter.write(handle, 0, &[1; 2048]).unwrap();
            platter.flush(handle).unwrap();
            platter.write(handle, 100, &[2; 1900]).unwrap();
        });
        let mut mixtures = std::collections::BTreeSet::new();
        for left in left {
            let left = left.unwrap();
            assert_eq!((&left[..100], &left[2000..]), (&[1; 100][..], &[1; 48][..]));
            let whole = |sector: &[u8]| sector.iter().all(|byte| *byte == sector[0]);
            assert!(
                whole(&left[100..512])
                    && whole(&left[512..1024])
                    && whole(&left[1024..1536])
                    && whole(&left[1536..2000])
            );
            mixtures.insert([left[100], left[512], left[1024], left[1536]]);
        }
        assert!(mixtures.len() > 8, "{mixtures:?}");
    }

    #[test]
    fn the_write_under_way_is_torn_at_some_byte() {
        let left = after_loss(|platter, handle| {
            platter.write(handle, 0, &[1; 512]).unwrap();
            platter.flush(handle).unwrap();
            platter.crash_after(1);
            assert_eq!(platter.write(handle, 0, &[2; 512]), Err(Fault::Dead));
        });
        let new = |left: Option<Vec<u8>>| left.unwrap().iter().filter(|byte| **byte == 2).count();
        let cuts: std::collections::BTreeSet<usize> = left.into_iter().map(new).collect();
        assert!(cuts.contains(&0) && cuts.iter().filter(|cut| (1..512).contains(*cut)).count() > 10, "{cuts:?}");
    }

    #[test]
    fn a_file_never_flushed_may_be_gone_and_a_deletion_never_flushed_undone() {
        let created = after_loss(|platter, handle| platter.write(handle, 0, &[1; 10]).unwrap());
        assert!(created.iter().any(Option::is_none) && created.iter().any(Option::is_some));
        let delete = |flushed| {
            after_loss(move |platter, handle| {
                platter.write(handle, 0, &[1; 10]).unwrap();
                platter.flush(handle).unwrap();
                platter.delete("a", flushed).unwrap();
            })
        };
        assert!(delete(false).iter().any(Option::is_none) && delete(false).iter().any(Option::is_some));
        assert!(delete(true).iter().all(Option::is_none));
    }

    #[test]
    fn a_file_that_comes_back_is_the_old_one_whole_never_mixed_with_its_successor() {
        let left = after_loss(|platter, handle| {
            platter.write(handle, 0, &[1; 5000]).unwrap();
            platter.flush(handle).unwrap();
            platter.close(handle, false);
            platter.delete("a", false).unwrap();
            let new = platter.open(Some("a"), true).unwrap();
            platter.write(&new, 0, &[2; 5000]).unwrap();
        });
        let holds = |left: &Option<Vec<u8>>, byte| left.as_ref().is_some_and(|left| left.contains(&byte));
        assert!(left.iter().any(|left| holds(left, 1)) && left.iter().any(|left| holds(left, 2)));
        assert!(left.iter().any(Option::is_none));
        assert!(left.iter().all(|left| !holds(left, 2) || !holds(left, 1)));
        assert!(left.iter().all(|left| !holds(left, 1) || left.as_deref() == Some(&[1; 5000])));
    }

    #[test]
    fn a_lying_disk_forgets_what_it_said_it_flushed() {
        let mut platter = Platter::new(4, Flushes::Lying);
        let handle = platter.open(Some("a"), true).unwrap();
        for at in 0..100 {
            platter.write(&handle, at * SECTOR_BYTES, &[1; SECTOR_BYTES]).unwrap();
            platter.flush(&handle).unwrap();
        }
        platter.power_loss();
        assert!(platter.counters().sectors_lost > 0);
    }

    #[test]
    fn a_handle_from_before_the_loss_is_dead_for_ever() {
        let (mut platter, handle) = platter(1);
        platter.write(&handle, 0, &[1]).unwrap();
        platter.flush(&handle).unwrap();
        platter.power_loss();
        assert_eq!(platter.open(Some("a"), true).unwrap_err(), Fault::Dead);
        platter.revive();
        assert_eq!(platter.write(&handle, 0, &[2]), Err(Fault::Dead));
        assert_eq!(platter.read(&handle, 0, &mut [0]), Err(Fault::Dead));
        let again = platter.open(Some("a"), false).unwrap();
        let mut byte = [0];
        assert_eq!((platter.read(&again, 0, &mut byte), byte), (Ok(1), [1]));
    }

    #[test]
    fn an_appointment_that_is_taken_back_is_not_kept() {
        let (mut platter, handle) = platter(1);
        platter.crash_after(1);
        platter.crash_never();
        platter.write(&handle, 0, &[1]).unwrap();
        assert!(!platter.is_dead());
    }

    #[test]
    fn a_killed_program_loses_its_handles_and_locks_and_nothing_it_wrote() {
        let (mut platter, handle) = platter(1);
        platter.write(&handle, 0, &[1; 2000]).unwrap();
        platter.lock(&handle, Lock::Shared).unwrap();
        platter.lock(&handle, Lock::Reserved).unwrap();
        platter.kill();
        assert_eq!(platter.write(&handle, 0, &[2]), Err(Fault::Dead));
        let again = platter.open(Some("a"), false).unwrap();
        platter.lock(&again, Lock::Shared).unwrap();
        platter.lock(&again, Lock::Reserved).unwrap();
        assert_eq!(platter.content("a"), Some(vec![1; 2000]));
        // It is still not flushed: the power may go after the program.
        platter.power_loss();
        assert!(platter.counters().sectors_lost > 0);
    }

    #[test]
    fn one_writes_while_others_wait() {
        let (mut platter, one) = platter(1);
        let two = platter.open(Some("a"), false).unwrap();
        platter.lock(&one, Lock::Shared).unwrap();
        platter.lock(&two, Lock::Shared).unwrap();
        platter.lock(&one, Lock::Reserved).unwrap();
        assert_eq!(platter.reserved_by_another(&two), Ok(true));
        assert_eq!(platter.lock(&two, Lock::Reserved), Err(Fault::Busy));
        assert_eq!(platter.lock(&one, Lock::Exclusive), Err(Fault::Busy));
        platter.unlock(&two, None);
        assert_eq!(platter.lock(&two, Lock::Shared), Err(Fault::Busy));
        platter.lock(&one, Lock::Exclusive).unwrap();
        platter.unlock(&one, Some(Lock::Shared));
        platter.lock(&two, Lock::Shared).unwrap();
        platter.close(&one, false);
        platter.lock(&two, Lock::Exclusive).unwrap();
    }
}
