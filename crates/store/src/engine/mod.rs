//! Everything that differs between SQLite and PostgreSQL, and the asynchronous door in front of both.
//!
//! A transaction is a plain closure that runs to completion on a database thread; it never spans an await. Writes of
//! many callers share one commit (group commit), each inside its own savepoint, so that one caller's error rolls back
//! that caller's work alone. A caller hears `Ok` only after the commit that holds its work is durable.

mod postgres;
mod session;
mod sqlite;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};

pub(crate) use session::page_statements;
pub use session::{InsertMany, Kind, Row, Session, UpdateMany, Value};

/// What went wrong in the store, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full: stop taking in, keep what there is, try again when there is room.
    #[error("the disk that holds the database is full")]
    Full,
    /// Another process holds the database: wait, or stop the other.
    #[error("another process holds the database: {0}")]
    Busy(String),
    /// The database server is away: wait for it.
    #[error("the database does not answer: {0}")]
    Away(String),
    /// The disk failed or lied; the process must end and recover from what is durable (an fsync is never retried).
    #[error("the disk under the database failed: {0}")]
    Disk(String),
    /// The settings of the database break a promise.
    #[error("{0}")]
    Unfit(String),
    /// A statement failed: a defect in Coranto or a damaged database.
    #[error("a statement failed: {0}")]
    Statement(String),
}

/// What the store's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// A transaction that can only read.
pub struct Read<'s> {
    session: std::cell::RefCell<&'s mut Session>,
}

impl Read<'_> {
    /// Rows of a query.
    ///
    /// # Errors
    /// [`Error`] when the statement fails.
    pub fn query(&self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>> {
        self.session.borrow_mut().query(sql, args)
    }

    /// The first row of a query, if any.
    ///
    /// # Errors
    /// [`Error`] when the statement fails.
    pub fn first(&self, sql: &'static str, args: &[Value]) -> Result<Option<Row>> {
        Ok(self.query(sql, args)?.into_iter().next())
    }
}

/// A transaction that can write. It reads too.
pub struct Write<'s> {
    read: Read<'s>,
}

impl<'s> std::ops::Deref for Write<'s> {
    type Target = Read<'s>;
    fn deref(&self) -> &Read<'s> {
        &self.read
    }
}

impl Write<'_> {
    /// Runs a statement; gives the number of rows it changed.
    ///
    /// # Errors
    /// [`Error`] when the statement fails.
    pub fn execute(&self, sql: &'static str, args: &[Value]) -> Result<u64> {
        self.read.session.borrow_mut().execute(sql, args)
    }

    /// Inserts many rows: a prepared loop on SQLite, one `UNNEST` on PostgreSQL. Gives the number inserted.
    ///
    /// # Errors
    /// [`Error`] when the statement fails.
    pub fn insert_many(&self, shape: &InsertMany<'_>, rows: &[Vec<Value>]) -> Result<u64> {
        self.read.session.borrow_mut().insert_many(shape, rows)
    }

    /// Updates many rows by key; tells for each of `rows` whether it changed a row.
    ///
    /// # Errors
    /// [`Error`] when the statement fails.
    pub fn update_many(&self, shape: &UpdateMany, rows: &[Vec<Value>]) -> Result<Vec<bool>> {
        self.read.session.borrow_mut().update_many(shape, rows)
    }
}

/// Where the database is.
#[derive(Clone, Debug)]
pub enum Location {
    /// A SQLite file.
    Sqlite(std::path::PathBuf),
    /// A SQLite file with `synchronous=NORMAL`: a planted defect that the rig of power cuts must catch.
    SqlitePlantedNormal(std::path::PathBuf),
    /// A PostgreSQL address: `postgres://…`.
    Postgres(String),
    /// A SQLite file on a named VFS, run inline on the caller's thread with one connection: the simulation.
    Simulated {
        /// The registered VFS.
        vfs: String,
        /// `synchronous=NORMAL` instead of `FULL`: a planted defect that the rigs must catch.
        planted_normal: bool,
    },
}

/// How many writes share a commit at most: keeps the wait of the last one bounded.
const GROUP_JOBS_MAX: usize = 256;
/// Reader connections beside the writer.
const READERS: usize = 3;

/// Runs inside a transaction, or hears why there is none, and gives what to do once the transaction's fate is known.
type Job = Box<dyn FnOnce(Result<&mut Session>) -> Verdict + Send>;
/// Called with the commit's outcome.
type Finish = Box<dyn FnOnce(std::result::Result<(), Arc<Error>>) + Send>;

/// What a job did: why its savepoint goes, if it does, and whom to tell.
struct Verdict {
    fault: Option<Error>,
    finish: Finish,
}

/// The store: cheap to clone, shared by every part.
#[derive(Clone)]
pub struct Store {
    door: Arc<Door>,
    commits: Commits,
}

/// How many writing transactions were committed.
type Commits = Arc<AtomicU64>;

enum Door {
    Threads { writer: mpsc::Sender<Job>, reader: Mutex<mpsc::Sender<Job>> },
    Inline(Mutex<Box<Session>>),
}

impl Store {
    /// Opens the database, migrates it, and starts its threads.
    ///
    /// # Errors
    /// [`Error::Unfit`] when a setting of the server breaks a promise, others as they come.
    pub fn open(location: &Location) -> Result<Self> {
        let commits = Commits::default();
        if matches!(location, Location::Simulated { .. }) {
            let door = Door::Inline(Mutex::new(Box::new(open_migrated(location)?)));
            return Ok(Self { door: Arc::new(door), commits });
        }
        let (tell, opened) = mpsc::channel();
        let ((writer, to_write), (reader, to_read)) = (mpsc::channel(), mpsc::channel());
        let (to_write, to_read) = (Arc::new(Mutex::new(to_write)), Arc::new(Mutex::new(to_read)));
        let (at, counted) = (location.clone(), commits.clone());
        // Opened where it is used: the PostgreSQL driver has a runtime of its own, which cannot start within the caller's.
        spawn("store-writer", move || {
            let first = open_migrated(&at);
            let heard = tell.send(first.as_ref().map(drop).map_err(Error::again)).is_ok();
            if let (Ok(first), true) = (first, heard) {
                serve(&at, Some(first), Some(&counted), &to_write);
            }
        });
        opened.recv().map_err(|_| gone())??;
        for _ in 0..READERS {
            let (at, jobs) = (location.clone(), to_read.clone());
            spawn("store-reader", move || serve(&at, None, None, &jobs));
        }
        Ok(Self { door: Arc::new(Door::Threads { writer, reader: Mutex::new(reader) }), commits })
    }

    /// Runs `work` in a read transaction.
    ///
    /// # Errors
    /// What `work` returns, or [`Error`] of the transaction itself.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Read<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run(false, move |session| work(&Read { session: std::cell::RefCell::new(session) })).await
    }

    /// Runs `work` in a write transaction: when this gives `Ok`, what it wrote is durable.
    ///
    /// # Errors
    /// What `work` returns (then nothing of it was written), or [`Error`] of the commit.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Write<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run(true, move |session| work(&Write { read: Read { session: std::cell::RefCell::new(session) } })).await
    }

    /// How many writing transactions this store has committed since it was opened; one holds many callers' work.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        write: bool,
        work: impl FnOnce(&mut Session) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (tell, told) = tokio::sync::oneshot::channel();
        let job: Job = Box::new(move |session| {
            let out = session.and_then(work);
            let fault = out.as_ref().err().map(Error::again);
            Verdict {
                fault,
                finish: Box::new(move |commit| {
                    // The caller may have gone: then nobody waits for the answer, and the work stands all the same.
                    drop(tell.send(match commit {
                        Ok(()) => out,
                        Err(fault) => Err(fault.again()),
                    }));
                }),
            }
        });
        match &*self.door {
            Door::Threads { writer, .. } if write => writer.send(job).map_err(|_| gone())?,
            Door::Threads { reader, .. } => {
                reader.lock().expect("no thread panics while it holds the sender").send(job).map_err(|_| gone())?;
            }
            Door::Inline(session) => {
                // Two places where the simulation may cut the power: before the work and after its commit.
                tokio::task::yield_now().await;
                let commits = write.then_some(&*self.commits);
                commit_group(&mut session.lock().expect("the simulation runs on one thread"), commits, vec![job]);
                tokio::task::yield_now().await;
            }
        }
        // A job that panicked dropped its sender: the caller dies with it, and its supervisor restarts it.
        told.await.map_err(|_| Error::Statement("the transaction's code panicked".into()))?
    }
}

fn gone() -> Error {
    Error::Away("the database threads have ended".into())
}

impl Error {
    /// The same fault for another caller of the same commit.
    fn again(&self) -> Self {
        match self {
            Self::Full => Self::Full,
            Self::Busy(why) => Self::Busy(why.clone()),
            Self::Away(why) => Self::Away(why.clone()),
            Self::Disk(why) => Self::Disk(why.clone()),
            Self::Unfit(why) => Self::Unfit(why.clone()),
            Self::Statement(why) => Self::Statement(why.clone()),
        }
    }
}

/// One write transaction on a database that stands at the first `count` migrations, which is then brought up to date.
pub(crate) fn once<T>(location: &Location, count: usize, work: impl FnOnce(&Write<'_>) -> Result<T>) -> Result<T> {
    let mut session = Session::open(location, true)?;
    session.migrate_to(count)?;
    session.begin(true)?;
    let done = work(&Write { read: Read { session: std::cell::RefCell::new(&mut session) } });
    if done.is_err() {
        session.rollback();
        return done;
    }
    session.commit()?;
    session.migrate()?;
    done
}

/// The connection that everything else follows, with the schema up to date.
fn open_migrated(location: &Location) -> Result<Session> {
    let mut first = Session::open(location, true)?;
    first.migrate()?;
    Ok(first)
}

/// Starts a database thread. It ends when every `Store` is gone.
#[expect(clippy::disallowed_methods, reason = "the store's database threads: invariant 2 names them")]
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().name(name.into()).spawn(work).expect("the system starts a handful of threads");
}

/// Runs jobs as they come: one by one when they read, in groups when they write, and then the commits are counted.
fn serve(
    location: &Location,
    mut session: Option<Session>,
    commits: Option<&AtomicU64>,
    jobs: &Mutex<mpsc::Receiver<Job>>,
) {
    let write = commits.is_some();
    loop {
        let group = {
            let jobs = jobs.lock().expect("a reader thread panics outside this lock only");
            let Ok(first) = jobs.recv() else { return };
            let more = if write { GROUP_JOBS_MAX - 1 } else { 0 };
            std::iter::once(first).chain(jobs.try_iter().take(more)).collect::<Vec<_>>()
        };
        let ready = match session.take() {
            Some(open) if !open.broken() => Ok(open),
            _ => Session::open(location, write),
        };
        match ready {
            Ok(mut open) => {
                commit_group(&mut open, commits, group);
                session = Some(open);
            }
            Err(fault) => refuse(group, &fault),
        }
    }
}

/// Tells a whole group why there is no transaction; none of their work was done.
fn refuse(group: Vec<Job>, fault: &Error) {
    tracing::error!(error = %fault, "The database cannot be reached: nothing is stored and no mail starts until it is");
    for job in group {
        (job(Err(fault.again())).finish)(Ok(()));
    }
}

/// One transaction for the whole group, a savepoint for each job when there are several.
fn commit_group(session: &mut Session, commits: Option<&AtomicU64>, group: Vec<Job>) {
    if let Err(fault) = session.begin(commits.is_some()) {
        return refuse(group, &fault);
    }
    let alone = group.len() == 1;
    let mut finishes = Vec::with_capacity(group.len());
    let mut lost = None;
    for job in group {
        let saved = if alone { Ok(()) } else { session.savepoint() };
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| saved.map(|()| job(Ok(session)))));
        // A job that panicked, or had no savepoint, dropped its sender: its caller hears of it.
        let Ok(Ok(verdict)) = done else {
            lost = Some(Error::Statement("another caller's transaction broke this commit".into()));
            break;
        };
        let kept = verdict.fault.is_none();
        finishes.push(verdict.finish);
        if alone && !kept {
            session.rollback();
            return finishes.into_iter().for_each(|finish| finish(Ok(())));
        }
        // A full or failing disk ends the whole transaction, not just the savepoint.
        if !alone && session.end_savepoint(kept).is_err() {
            lost = verdict.fault.or(Some(Error::Disk("the transaction ended by itself".into())));
            break;
        }
    }
    let fate = lost.map_or_else(|| session.commit(), Err).map_err(Arc::new);
    match (&fate, commits) {
        (Ok(()), Some(commits)) => drop(commits.fetch_add(1, Ordering::Relaxed)),
        (Ok(()), None) => {}
        (Err(_), _) => session.rollback(),
    }
    finishes.into_iter().for_each(|finish| finish(fate.clone()));
}
