//! The FFI: a SQLite VFS (<https://sqlite.org/c3ref/vfs.html>) whose every call goes to a [`Platter`].
//!
//! All of this crate's `unsafe` is here. Two things make it sound whatever a test does:
//!
//! - The `sqlite3_vfs` of a disk and its name are never freed. A connection may outlive its disk; it then finds a VFS
//!   that opens nothing. A few hundred bytes a disk, in tests.
//! - What the VFS points to is a `Weak`; each open file owns an `Arc`. So the platter lives as long as any file on it.

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    mem, ptr, slice,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use crate::platter::{Fault, Handle, Lock, Platter};

/// The longest file name SQLite may ask for, with its NUL.
const PATH_BYTES_MAX: c_int = 512;
/// What SQLite's own VFS says on Linux (`SQLITE_DEFAULT_SECTOR_SIZE`).
const SECTOR_SIZE: c_int = 4096;
/// 2026-01-01 00:00 UTC in milliseconds of the Julian day: time stands still here; who needs it passes `now`.
const JULIAN_MS: sqlite3_int64 = 212_633_985_600_000;
/// A day, in milliseconds.
const DAY_MS: f64 = 86_400_000.0;

static DISKS: AtomicU64 = AtomicU64::new(0);

type Shared = Mutex<Platter>;

/// A disk's entry in SQLite's list, taken out when dropped.
pub(crate) struct Registration {
    vfs: *mut sqlite3_vfs,
    name: String,
}

// SAFETY: the pointer is to a leaked allocation that only SQLite writes to, under its own mutex (the bundled library is
// built with SQLITE_THREADSAFE=1); we hand it back to SQLite once, in `drop`.
unsafe impl Send for Registration {}
// SAFETY: as above; no method reads through the pointer.
unsafe impl Sync for Registration {}

impl Registration {
    pub(crate) fn new(platter: &Arc<Shared>) -> Self {
        let name = format!("crashdisk-{}", DISKS.fetch_add(1, Ordering::Relaxed));
        let leaked_name = CString::new(name.as_str()).expect("a name without a NUL").into_raw();
        let door: *mut Weak<Shared> = Box::into_raw(Box::new(Arc::downgrade(platter)));
        let vfs = Box::into_raw(Box::new(sqlite3_vfs {
            iVersion: 2,
            szOsFile: c_int::try_from(size_of::<OnDisk>()).expect("a few words"),
            mxPathname: PATH_BYTES_MAX,
            pNext: ptr::null_mut(),
            zName: leaked_name,
            pAppData: door.cast(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: Some(dl_open),
            xDlError: Some(dl_error),
            xDlSym: None,
            xDlClose: Some(dl_close),
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: None,
            xCurrentTimeInt64: Some(current_time_ms),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        }));
        // SAFETY: `vfs` is a complete VFS of version 2 at an address that is never freed, as SQLite demands.
        let code = unsafe { ffi::sqlite3_vfs_register(vfs, 0) };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite takes any VFS that is well-formed");
        Self { vfs, name }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: registered in `new` and nowhere unregistered before. Connections that still point to it find it
        // whole: it is leaked.
        let code = unsafe { ffi::sqlite3_vfs_unregister(self.vfs) };
        debug_assert_eq!(code, ffi::SQLITE_OK);
    }
}

/// SQLite's file with ours behind it. SQLite allocates `szOsFile` bytes for it and sees the first field only.
#[repr(C)]
struct OnDisk {
    base: sqlite3_file,
    opened: *mut Opened,
}

struct Opened {
    platter: Arc<Shared>,
    handle: Handle,
    delete_on_close: bool,
}

impl Opened {
    fn platter(&self) -> MutexGuard<'_, Platter> {
        held(&self.platter)
    }
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    // Version 1: no shared memory and no memory mapping.
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// A panic never leaves a platter half changed in a way a later test could see: it aborts at the FFI's edge.
fn held(platter: &Shared) -> MutexGuard<'_, Platter> {
    platter.lock().unwrap_or_else(PoisonError::into_inner)
}

/// SQLite's answer: fine, or `failed` for whatever is not told apart.
fn answer(outcome: Result<(), Fault>, failed: c_int) -> c_int {
    match outcome {
        Ok(()) => ffi::SQLITE_OK,
        Err(Fault::Busy) => ffi::SQLITE_BUSY,
        Err(Fault::Dead | Fault::NoFile) => failed,
    }
}

/// # Safety
/// `vfs` is one of ours.
unsafe fn platter_of(vfs: *mut sqlite3_vfs) -> Option<Arc<Shared>> {
    // SAFETY: `pAppData` of our VFS is a leaked `Weak`, written once before SQLite saw it.
    unsafe { (*(*vfs).pAppData.cast::<Weak<Shared>>()).upgrade() }
}

/// # Safety
/// `name` is null or a C string.
unsafe fn text<'a>(name: *const c_char) -> Option<&'a str> {
    if name.is_null() {
        return None;
    }
    // SAFETY: SQLite passes NUL-terminated names that outlive the call.
    unsafe { CStr::from_ptr(name) }.to_str().ok()
}

/// # Safety
/// `file` was opened by [`open`] and is not yet closed.
unsafe fn opened<'a>(file: *mut sqlite3_file) -> &'a Opened {
    // SAFETY: `open` put a leaked box there, and only `close` takes it away.
    unsafe { &*(*file.cast::<OnDisk>()).opened }
}

/// An offset or a size from SQLite, which are never negative.
fn place(offset: sqlite3_int64) -> usize {
    usize::try_from(offset).expect("SQLite's offsets are not negative")
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives `szOsFile` bytes. Without methods it does not call `xClose` if we fail.
    unsafe { (*file).pMethods = ptr::null() };
    // SAFETY: called through our VFS, with a name or null.
    let (platter, name) = unsafe { (platter_of(vfs), text(name)) };
    let Some(platter) = platter else { return ffi::SQLITE_CANTOPEN };
    let Ok(handle) = held(&platter).open(name, flags & ffi::SQLITE_OPEN_CREATE != 0) else {
        return ffi::SQLITE_CANTOPEN;
    };
    let delete_on_close = flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0;
    let opened = Box::into_raw(Box::new(Opened { platter, handle, delete_on_close }));
    let ready = OnDisk { base: sqlite3_file { pMethods: &raw const METHODS }, opened };
    // SAFETY: the allocation has room for an `OnDisk` (`szOsFile`) and SQLite aligns it to 8 bytes.
    unsafe { file.cast::<OnDisk>().write(ready) };
    if !out_flags.is_null() {
        // SAFETY: not null, and SQLite's to be written.
        unsafe { *out_flags = flags };
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: opened by `open`; SQLite closes once.
    let opened = unsafe {
        (*file).pMethods = ptr::null();
        Box::from_raw(mem::replace(&mut (*file.cast::<OnDisk>()).opened, ptr::null_mut()))
    };
    opened.platter().close(&opened.handle, opened.delete_on_close);
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut sqlite3_file, into: *mut c_void, bytes: c_int, at: sqlite3_int64) -> c_int {
    let length = place(sqlite3_int64::from(bytes));
    // SAFETY: an open file, and a buffer of so many bytes that nobody else touches meanwhile.
    let (opened, into) = unsafe { (opened(file), slice::from_raw_parts_mut(into.cast::<u8>(), length)) };
    match opened.platter().read(&opened.handle, place(at), into) {
        Ok(there) if there == length => ffi::SQLITE_OK,
        Ok(_) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(_) => ffi::SQLITE_IOERR_READ,
    }
}

unsafe extern "C" fn write(file: *mut sqlite3_file, from: *const c_void, bytes: c_int, at: sqlite3_int64) -> c_int {
    let length = place(sqlite3_int64::from(bytes));
    // SAFETY: an open file, and a buffer of so many bytes that stays as it is meanwhile.
    let (opened, from) = unsafe { (opened(file), slice::from_raw_parts(from.cast::<u8>(), length)) };
    answer(opened.platter().write(&opened.handle, place(at), from), ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: an open file.
    let opened = unsafe { opened(file) };
    answer(opened.platter().truncate(&opened.handle, place(size)), ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: an open file.
    let opened = unsafe { opened(file) };
    answer(opened.platter().flush(&opened.handle), ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    // SAFETY: an open file.
    let opened = unsafe { opened(file) };
    let Ok(bytes) = opened.platter().size(&opened.handle) else { return ffi::SQLITE_IOERR_FSTAT };
    // SAFETY: SQLite's to be written.
    unsafe { *size = sqlite3_int64::try_from(bytes).expect("a file in memory") };
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file.
    let opened = unsafe { opened(file) };
    let Some(wanted) = lock_of(level) else { return ffi::SQLITE_OK };
    answer(opened.platter().lock(&opened.handle, wanted), ffi::SQLITE_IOERR_LOCK)
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file.
    let opened = unsafe { opened(file) };
    opened.platter().unlock(&opened.handle, lock_of(level));
    ffi::SQLITE_OK
}

fn lock_of(level: c_int) -> Option<Lock> {
    match level {
        ffi::SQLITE_LOCK_SHARED => Some(Lock::Shared),
        ffi::SQLITE_LOCK_RESERVED => Some(Lock::Reserved),
        ffi::SQLITE_LOCK_PENDING => Some(Lock::Pending),
        ffi::SQLITE_LOCK_EXCLUSIVE => Some(Lock::Exclusive),
        _ => None,
    }
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, reserved: *mut c_int) -> c_int {
    // SAFETY: an open file.
    let opened = unsafe { opened(file) };
    let Ok(by_another) = opened.platter().reserved_by_another(&opened.handle) else {
        return ffi::SQLITE_IOERR_CHECKRESERVEDLOCK;
    };
    // SAFETY: SQLite's to be written.
    unsafe { *reserved = c_int::from(by_another) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_file: *mut sqlite3_file, _code: c_int, _argument: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_file: *mut sqlite3_file) -> c_int {
    SECTOR_SIZE
}

unsafe extern "C" fn device_characteristics(_file: *mut sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: called through our VFS, with a name.
    let (Some(platter), Some(name)) = (unsafe { (platter_of(vfs), text(name)) }) else {
        return ffi::SQLITE_IOERR_DELETE;
    };
    match held(&platter).delete(name, sync_folder != 0) {
        Err(Fault::NoFile) => ffi::SQLITE_IOERR_DELETE_NOENT,
        other => answer(other, ffi::SQLITE_IOERR_DELETE),
    }
}

unsafe extern "C" fn access(vfs: *mut sqlite3_vfs, name: *const c_char, _flags: c_int, found: *mut c_int) -> c_int {
    // SAFETY: called through our VFS, with a name.
    let (Some(platter), Some(name)) = (unsafe { (platter_of(vfs), text(name)) }) else {
        return ffi::SQLITE_IOERR_ACCESS;
    };
    let Ok(exists) = held(&platter).exists(name) else { return ffi::SQLITE_IOERR_ACCESS };
    // SAFETY: SQLite's to be written.
    unsafe { *found = c_int::from(exists) };
    ffi::SQLITE_OK
}

/// There are no folders: a name is its own full path.
unsafe extern "C" fn full_pathname(
    _vfs: *mut sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: a name, NUL-terminated.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if bytes.len() > place(sqlite3_int64::from(room)) {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: `out` has `room` bytes, which is enough, and is not the name itself.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn dl_open(_vfs: *mut sqlite3_vfs, _name: *const c_char) -> *mut c_void {
    ptr::null_mut()
}

unsafe extern "C" fn dl_error(_vfs: *mut sqlite3_vfs, room: c_int, out: *mut c_char) {
    if room > 0 {
        // SAFETY: at least one byte, SQLite's to be written: an empty message.
        unsafe { *out = 0 };
    }
}

unsafe extern "C" fn dl_close(_vfs: *mut sqlite3_vfs, _library: *mut c_void) {}

/// SQLite asks its default VFS alone for randomness; should that change, zeros keep a run repeatable.
unsafe extern "C" fn randomness(_vfs: *mut sqlite3_vfs, bytes: c_int, out: *mut c_char) -> c_int {
    // SAFETY: so many bytes, SQLite's to be written.
    unsafe { ptr::write_bytes(out, 0, place(sqlite3_int64::from(bytes))) };
    bytes
}

/// Nobody waits here: whoever holds a lock is on this very thread, or gone.
unsafe extern "C" fn sleep(_vfs: *mut sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

unsafe extern "C" fn current_time(_vfs: *mut sqlite3_vfs, days: *mut f64) -> c_int {
    // SAFETY: SQLite's to be written.
    unsafe { *days = JULIAN_MS as f64 / DAY_MS };
    ffi::SQLITE_OK
}

unsafe extern "C" fn current_time_ms(_vfs: *mut sqlite3_vfs, ms: *mut sqlite3_int64) -> c_int {
    // SAFETY: SQLite's to be written.
    unsafe { *ms = JULIAN_MS };
    ffi::SQLITE_OK
}
