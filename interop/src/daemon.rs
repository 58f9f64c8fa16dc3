//! A server of other people's in the background: started, waited for until it answers, and ended with what it started.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long it may take to answer for the first time, or a queue to empty: a busy machine needs a tenth of it.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(120);
/// Between two looks at something that is awaited.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// A server at work. It is asked to end when this is dropped, or when the process ends.
pub(crate) struct Daemon {
    id: u32,
    stop: Option<mpsc::Sender<()>>,
    owner: Option<thread::JoinHandle<()>>,
}

impl Daemon {
    /// Starts `command`, which stays in the foreground.
    pub(crate) fn start(command: &Command) -> Result<Daemon> {
        let (started, start) = mpsc::channel();
        let (stop, stopped) = mpsc::channel();
        let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).map(Into::into).collect();
        // The system stops a child with the thread that started it, and a test's thread is short.
        let owner = thread::spawn(move || own(words, &started, &stopped));
        let id = start.recv().context("the thread that owns the server is gone")??;
        Ok(Daemon { id, stop: Some(stop), owner: Some(owner) })
    }

    /// Ends it and everything that it started, as a power cut does.
    pub(crate) fn kill(self) {
        let family: Vec<u32> = std::iter::once(self.id).chain(below(self.id)).collect();
        family.into_iter().for_each(|process| signal("KILL", process));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(owner) = self.owner.take() {
            owner.join().expect("the thread that owns it only waits");
        }
    }
}

fn own(words: Vec<std::ffi::OsString>, started: &mpsc::Sender<Result<u32>>, stopped: &mpsc::Receiver<()>) {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = match command.spawn().context("a server, through setpriv") {
        Ok(child) => child,
        Err(error) => return drop(started.send(Err(error))),
    };
    started.send(Ok(child.id())).ok();
    // Ends when the one who asked is done with it.
    stopped.recv().ok();
    let family = below(child.id());
    signal("TERM", child.id());
    child.wait().ok();
    // Whoever outlives the one that started it.
    family.into_iter().for_each(|process| signal("TERM", process));
}

/// Waits for the banner, or for the door alone where TLS comes before it.
pub(crate) fn wait_until_open(port: u16, greets: bool) -> Result<()> {
    let deadline = Instant::now() + WAIT_MAX;
    while Instant::now() < deadline {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
            let mut banner = String::new();
            if !greets || (BufReader::new(stream).read_line(&mut banner).is_ok() && banner.starts_with("220")) {
                return Ok(());
            }
        }
        thread::sleep(LOOK);
    }
    bail!("no answer on port {port} in {} s", WAIT_MAX.as_secs())
}

/// Waits until no file lies below `folder`.
pub(crate) fn wait_until_empty(folder: &Path) -> Result<()> {
    let deadline = Instant::now() + WAIT_MAX;
    while files(folder) > 0 {
        if Instant::now() > deadline {
            bail!("{} does not empty", folder.display());
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

/// How many files lie below `folder`.
pub(crate) fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

/// The processes that `parent` started, and those that they started.
fn below(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let parents: Vec<(u32, u32)> = processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|process: u32| Some((process, parent_of(process)?)))
        .collect();
    let mut found = vec![parent];
    let mut at = 0;
    while let Some(&one) = found.get(at) {
        found.extend(parents.iter().filter(|(_, of)| *of == one).map(|(process, _)| *process));
        at += 1;
    }
    found.split_off(1)
}

/// `pid (name) state parent …`; a name may hold anything, so it is read from behind.
fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn signal(name: &str, process: u32) {
    Command::new("kill").args([format!("-{name}"), process.to_string()]).stderr(Stdio::null()).status().ok();
}
