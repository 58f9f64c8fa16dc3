//! A throw-away PostgreSQL of our own: initialised, started, used and gone, without touching one that runs already.
//!
//! It keeps the server's own defaults for durability (`fsync`, `synchronous_commit`), listens on a free port of loopback
//! and on a socket in its folder, and dies with the test program, however that ends. `initdb` and the server refuse root,
//! so under root they run as `postgres`, or as `nobody`.

use crate::scratch::Scratch;
use crate::{Tool, need};
use anyhow::{Context, Result, bail, ensure};
use postgres::{Client, NoTls, SimpleQueryMessage};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// The role that owns everything; loopback trusts it without a password.
const ROLE: &str = "coranto";
/// How long a server may take to answer for the first time: a busy machine with a slow disk needs seconds.
const START_MAX: Duration = Duration::from_secs(60);
/// A free port may be taken between the look and the start.
const ATTEMPTS: usize = 5;

/// A running server; it stops, and its folder goes, when this is dropped or the process ends.
pub struct Server {
    port: u16,
    folder: Scratch,
    databases: AtomicUsize,
    stop: Option<mpsc::Sender<()>>,
    owner: Option<thread::JoinHandle<()>>,
}

/// The first row of a query at `url`, each column as text; none if there is no row.
pub fn first_row(url: &str, query: &str) -> Result<Option<Vec<String>>> {
    let mut client = Client::connect(url, NoTls)?;
    let rows = client.simple_query(query)?;
    let row = rows.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    Ok(row.map(|row| (0..row.len()).map(|column| row.get(column).unwrap_or_default().to_owned()).collect()))
}

/// One server for all tests of a program, or None, with the calling test recorded as skipped.
pub fn shared() -> Option<&'static Server> {
    static SHARED: OnceLock<Server> = OnceLock::new();
    let binaries = need(Tool::Postgres)?;
    Some(SHARED.get_or_init(|| start(&binaries).expect("an installed PostgreSQL starts")))
}

/// Starts a server from `binaries` (what [`Tool::Postgres`] finds).
pub fn start(binaries: &Path) -> Result<Server> {
    let account = Account::unprivileged()?;
    let folder = Scratch::new("postgres")?;
    if let Account(Some((_, user, group))) = account {
        chown(folder.path(), Some(user), Some(group))?;
    }
    initialise(binaries, folder.path(), &account)?;
    let mut attempts = 1;
    let (port, stop, owner) = loop {
        match serve(binaries, folder.path(), &account) {
            Err(_) if attempts < ATTEMPTS => attempts += 1,
            Err(error) => bail!("{error:#}\n{}", fs::read_to_string(folder.path().join("log"))?),
            Ok(served) => break served,
        }
    };
    Ok(Server { port, folder, databases: AtomicUsize::new(0), stop: Some(stop), owner: Some(owner) })
}

impl Server {
    /// A fresh, empty database: its URL.
    pub fn database(&self) -> Result<String> {
        let name = format!("newsroom_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut client = Client::connect(&self.url("postgres"), NoTls)?;
        client.batch_execute(&format!("CREATE DATABASE {name}"))?;
        Ok(self.url(&name))
    }

    /// Runs statements as the owner of everything, such as `ALTER DATABASE`.
    pub fn execute(&self, statements: &str) -> Result<()> {
        Ok(Client::connect(&self.url("postgres"), NoTls)?.batch_execute(statements)?)
    }

    /// The URL of the database `name`, over loopback.
    pub fn url(&self, name: &str) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/{name}", self.port)
    }

    /// The folder that holds its data (`data/`), its socket and its log (`log`).
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(owner) = self.owner.take() {
            owner.join().ok();
        }
    }
}

/// Who runs the server, if it cannot be us.
struct Account(Option<(String, u32, u32)>);

impl Account {
    fn unprivileged() -> Result<Account> {
        if fs::metadata("/proc/self")?.uid() != 0 {
            return Ok(Account(None));
        }
        let accounts = fs::read_to_string("/etc/passwd")?;
        let find = |wanted: &str| accounts.lines().find_map(|line| account(line, wanted));
        let found = find("postgres").or_else(|| find("nobody"));
        Ok(Account(Some(found.context("neither `postgres` nor `nobody` has an account here")?)))
    }

    /// `program`, to be run under this account and to die with the thread that starts it.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT"]);
        if let Account(Some((_, user, group))) = self {
            command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into()]);
        }
        command.arg("--").arg(program).current_dir("/").stdin(Stdio::null());
        command
    }
}

/// Reads `name:x:user:group:…`.
fn account(line: &str, wanted: &str) -> Option<(String, u32, u32)> {
    let mut parts = line.split(':');
    let name = parts.next().filter(|name| *name == wanted)?;
    let mut numbers = parts.skip(1).map(|part| part.parse().ok());
    Some((name.to_owned(), numbers.next()??, numbers.next()??))
}

fn initialise(binaries: &Path, folder: &Path, account: &Account) -> Result<()> {
    let mut command = account.command(&binaries.join("initdb"));
    command.args(["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--username", ROLE]);
    let output = command.arg("--pgdata").arg(folder.join("data")).output().context("initdb, through setpriv")?;
    ensure!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

type Served = (u16, mpsc::Sender<()>, thread::JoinHandle<()>);

fn serve(binaries: &Path, folder: &Path, account: &Account) -> Result<Served> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut command = account.command(&binaries.join("postgres"));
    command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
    command.args(["-c", "listen_addresses=127.0.0.1", "-p", &port.to_string()]);
    let log = fs::File::options().append(true).create(true).open(folder.join("log"))?;
    command.stdout(log.try_clone()?).stderr(log);
    let (stop, stopped) = mpsc::channel();
    let (started, start) = mpsc::channel();
    let owner = thread::spawn(move || own(command, port, &started, &stopped));
    start.recv().context("the thread that owns PostgreSQL is gone")??;
    Ok((port, stop, owner))
}

/// Lives as long as the server may: the system stops a child with the thread that started it, and a test's thread is short.
fn own(mut command: Command, port: u16, started: &mpsc::Sender<Result<()>>, stopped: &mpsc::Receiver<()>) {
    let mut child = match command.spawn().context("postgres, through setpriv") {
        Ok(child) => child,
        Err(error) => return drop(started.send(Err(error))),
    };
    let ready = wait_until_ready(&mut child, port);
    let serving = ready.is_ok();
    started.send(ready).ok();
    if serving {
        stopped.recv().ok();
    }
    // SIGQUIT is PostgreSQL's immediate shutdown; it frees the shared memory that SIGKILL would leave.
    Command::new("sh").args(["-c", "kill -QUIT \"$0\"", &child.id().to_string()]).stderr(Stdio::null()).status().ok();
    child.wait().ok();
}

fn wait_until_ready(child: &mut Child, port: u16) -> Result<()> {
    let deadline = Instant::now() + START_MAX;
    let url = format!("postgres://{ROLE}@127.0.0.1:{port}/postgres");
    while Instant::now() < deadline {
        if Client::connect(&url, NoTls).is_ok() {
            return Ok(());
        }
        if let Some(status) = child.try_wait()? {
            bail!("postgres ended at once: {status}");
        }
        thread::sleep(Duration::from_millis(20));
    }
    bail!("postgres gave no answer in {} s", START_MAX.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_read_from_their_line() {
        let line = "postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash";
        assert_eq!(account(line, "postgres"), Some(("postgres".into(), 101, 104)));
        assert_eq!(account(line, "post"), None);
    }

    #[test]
    fn a_server_gives_each_test_a_database_and_is_gone_afterwards() {
        let Some(binaries) = need(Tool::Postgres) else { return };
        let server = start(&binaries).unwrap();
        let (folder, one, two) = (server.folder().to_owned(), server.database().unwrap(), server.database().unwrap());
        let mut first = Client::connect(&one, NoTls).unwrap();
        first.batch_execute("CREATE TABLE reader (id BIGINT); INSERT INTO reader VALUES (7)").unwrap();
        let row = first.query_one("SELECT id, current_setting('fsync') FROM reader", &[]).unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, &str>(1)), (7, "on"));
        assert!(Client::connect(&two, NoTls).unwrap().query("SELECT id FROM reader", &[]).is_err());
        assert!(folder.join("data/postmaster.pid").exists());
        drop(server);
        assert!(!folder.exists());
        assert!(Client::connect(&one, NoTls).is_err());
    }

    #[test]
    fn the_shared_server_is_one() {
        let (Some(one), Some(two)) = (shared(), shared()) else { return };
        assert!(std::ptr::eq(one, two));
        assert_ne!(one.database().unwrap(), two.database().unwrap());
    }
}
