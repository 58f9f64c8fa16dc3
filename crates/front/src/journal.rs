//! The journal of leavings: where an unsubscribing is kept while the store cannot be written (P7).
//!
//! A file in the newsroom's folder, of fixed slots of text, each a wish with its sum, or blank. Its blank slots are written
//! out and flushed while there is room, so that on a full disk a wish overwrites bytes that the file owns already and needs
//! no new block (a file system that copies on write may refuse all the same; then the reader is told so). A wish is
//! flushed before [`Journal::keep`] returns.
//!
//! It holds ids and no address. It never guesses: a slot that does not add up is left as it lies, and said.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use newsroom::{Ms, NewsletterId, ReaderId};

/// Bytes of a slot: what a wish needs and room to grow, and a whole part of every disk's sector, so that no slot is torn.
pub const SLOT_BYTES: usize = 128;
/// Slots laid out ahead: 1 MiB. On a full disk that many readers can leave, more than do in a week from a large list.
pub const SLOTS_AHEAD: u64 = 8_192;
/// A longer file is not read: no list is so large that this many leave while the store is away.
const SLOTS_MAX: u64 = 1 << 20;
/// The form of a slot.
const VERSION: &str = "leave-1";

/// A reader's wish to leave, as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Who leaves.
    pub reader: ReaderId,
    /// What they leave.
    pub newsletter: NewsletterId,
    /// When it was pressed.
    pub at: Ms,
    /// By the mail program's button (RFC 8058), not from the page.
    pub one_click: bool,
}

impl Wish {
    fn line(&self) -> String {
        let door = if self.one_click { "one-click" } else { "page" };
        let said = format!("{VERSION} {} {} {} {door}", self.reader.0, self.newsletter.0, self.at);
        format!("{said} {:08x}", crc32fast::hash(said.as_bytes()))
    }

    fn of(line: &str) -> Option<Self> {
        let (said, sum) = line.rsplit_once(' ')?;
        if u32::from_str_radix(sum, 16) != Ok(crc32fast::hash(said.as_bytes())) {
            return None;
        }
        let parts: Vec<&str> = said.split(' ').collect();
        let [VERSION, reader, newsletter, at, door] = parts[..] else { return None };
        Some(Self {
            reader: ReaderId(reader.parse().ok()?),
            newsletter: NewsletterId(newsletter.parse().ok()?),
            at: at.parse().ok()?,
            one_click: door == "one-click",
        })
    }
}

/// The journal of one newsroom's folder. One process holds it at a time.
pub struct Journal {
    path: PathBuf,
    book: Mutex<Option<Book>>,
    /// Wishes wait in it, or slots are to be blanked: to be asked without waiting for a disk.
    at_work: AtomicBool,
    /// Held while wishes are carried into the store, so that nothing which makes a subscription active comes between.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

impl Journal {
    /// The journal in `path`. Nothing is opened yet: a site starts without it too.
    pub fn at(path: PathBuf) -> Self {
        let at_work = AtomicBool::new(path.exists());
        Self { path, book: Mutex::new(None), at_work, turn: tokio::sync::Mutex::new(()) }
    }

    /// Whether there is something to carry into the store. A file that was not opened yet may hold what an earlier run left.
    pub fn holds_any(&self) -> bool {
        self.at_work.load(Ordering::Acquire)
    }

    /// Keeps a wish: when this gives `Ok`, it is durable. A wish that waits already is kept once.
    ///
    /// # Errors
    /// The system's, no room, no right, another process holds the file; then nothing was promised.
    pub fn keep(&self, wish: Wish) -> io::Result<()> {
        self.with(|book| book.keep(wish))
    }

    /// Wishes that wait, at most `limit`. Opens the file, and lays out its blank slots, if it was not open.
    ///
    /// # Errors
    /// The system's, when the file cannot be opened.
    pub fn waiting(&self, limit: usize) -> io::Result<Vec<Wish>> {
        self.with(|book| Ok(book.kept.values().take(limit).map(|(_, wish)| *wish).collect()))
    }

    /// Blanks the slots of wishes that the store now holds.
    ///
    /// # Errors
    /// The system's; then they wait on, and are carried again, which changes nothing.
    pub fn settle(&self, done: &[Wish]) -> io::Result<()> {
        self.with(|book| book.settle(done))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Book) -> io::Result<T>) -> io::Result<T> {
        let mut book = self.book.lock().expect("nothing panics while it holds the journal");
        if book.is_none() {
            *book = Some(Book::open(&self.path)?);
        }
        let book = book.as_mut().expect("it was opened just now");
        let done = act(book);
        self.at_work.store(!book.kept.is_empty() || !book.spoiled.is_empty(), Ordering::Release);
        done
    }
}

/// The open file.
struct Book {
    file: File,
    /// How many slots are laid out.
    slots: u64,
    /// The first slot after all that are taken.
    next: u64,
    kept: BTreeMap<(ReaderId, NewsletterId), (u64, Wish)>,
    /// Slots that do not add up. They are stepped over.
    damaged: BTreeSet<u64>,
    /// Slots whose wish was refused in the middle. Its reader was told so; it must not come back at the next start.
    spoiled: Vec<u64>,
}

impl Book {
    fn open(path: &std::path::Path) -> io::Result<Self> {
        let fresh = !path.exists();
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        file.try_lock().map_err(io::Error::from)?;
        if fresh {
            // The name itself must outlive a power cut.
            File::open(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(".".as_ref()))?
                .sync_all()?;
        }
        let mut text = Vec::new();
        (&mut file).take(SLOTS_MAX * SLOT_BYTES as u64).read_to_end(&mut text)?;
        let mut book =
            Self { file, slots: 0, next: 0, kept: BTreeMap::new(), damaged: BTreeSet::new(), spoiled: Vec::new() };
        // What stands after the last whole slot was never promised to anyone, and is written over.
        text.chunks_exact(SLOT_BYTES).for_each(|slot| book.read(slot));
        if !book.damaged.is_empty() {
            let (file, count) = (path.display(), book.damaged.len());
            tracing::error!("{count} lines of {file} are damaged: readers may be getting mail they do not want");
        }
        while book.slots < SLOTS_AHEAD {
            match book.lay_out() {
                Err(fault) if book.slots == 0 => return Err(fault),
                // What is laid out already serves.
                Err(_) => break,
                Ok(()) => {}
            }
        }
        Ok(book)
    }

    /// Takes the next slot of the file in.
    fn read(&mut self, slot: &[u8]) {
        let place = self.slots;
        self.slots += 1;
        let line = std::str::from_utf8(slot).ok().and_then(|slot| slot.strip_suffix('\n')).map(str::trim_end);
        match line.map(|line| (line, Wish::of(line))) {
            Some(("", _)) => return,
            Some((_, Some(wish))) => self.hold(place, wish),
            _ => {
                self.damaged.insert(place);
            }
        }
        self.next = self.slots;
    }

    fn hold(&mut self, place: u64, wish: Wish) {
        self.kept.insert((wish.reader, wish.newsletter), (place, wish));
    }

    /// Lays out as many blank slots again, flushed: from here on they are the file's own.
    fn lay_out(&mut self) -> io::Result<()> {
        let blank = slot("").repeat(usize::try_from(SLOTS_AHEAD).expect("a megabyte fits"));
        self.file.seek(SeekFrom::Start(self.slots * SLOT_BYTES as u64))?;
        self.file.write_all(&blank)?;
        self.file.sync_all()?;
        self.slots += SLOTS_AHEAD;
        Ok(())
    }

    fn keep(&mut self, wish: Wish) -> io::Result<()> {
        if self.kept.contains_key(&(wish.reader, wish.newsletter)) {
            return Ok(());
        }
        while self.damaged.contains(&self.next) {
            self.next += 1;
        }
        if self.next >= SLOTS_MAX {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.next >= self.slots {
            self.lay_out()?;
        }
        // A wish whose flush failed is not flushed again: its page may be lost though a second flush succeeds. The next
        // one has a slot of its own.
        let place = self.next;
        self.next += 1;
        let kept = self.write(place, &wish.line()).and_then(|()| self.file.sync_data());
        match kept {
            Ok(()) => self.hold(place, wish),
            Err(_) => self.spoiled.push(place),
        }
        kept
    }

    fn settle(&mut self, done: &[Wish]) -> io::Result<()> {
        let places = done.iter().filter_map(|wish| self.kept.get(&(wish.reader, wish.newsletter)));
        for place in places.map(|(place, _)| *place).collect::<Vec<_>>() {
            self.write(place, "")?;
        }
        for place in self.spoiled.clone() {
            self.write(place, "")?;
        }
        self.file.sync_data()?;
        self.spoiled.clear();
        for wish in done {
            self.kept.remove(&(wish.reader, wish.newsletter));
        }
        if self.kept.is_empty() {
            self.next = 0;
        }
        Ok(())
    }

    fn write(&mut self, place: u64, line: &str) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(place * SLOT_BYTES as u64))?;
        self.file.write_all(&slot(line))
    }
}

fn slot(line: &str) -> Vec<u8> {
    assert!(line.len() < SLOT_BYTES, "three numbers and three words fit a slot");
    format!("{line:<width$}\n", width = SLOT_BYTES - 1).into_bytes()
}
