//! The programs that a rig starts: each in a process of its own, and none outlives the rig.
//!
//! A rig builds what it judges with cargo first, so that it never judges an old program. Nothing here is killed by name.

use anyhow::{Context, Result, bail, ensure};
use jiff::civil::Date;
use newsroom::DepartureId;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// The date of a rig's first edition; the others follow day by day.
const FIRST_DATE: Date = jiff::civil::date(2026, 3, 2);

/// How our programs are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// As developers run them.
    Debug,
    /// As outlets run them: what is measured is always this.
    Release,
}

impl Build {
    fn folder(self) -> &'static str {
        match self {
            Build::Debug => "debug",
            Build::Release => "release",
        }
    }
}

/// Builds one of the workspace's programs and says where it lies.
pub fn built(package: &str, build: Build) -> Result<PathBuf> {
    let mut command = Command::new(crate::cargo());
    command.args(["build", "--quiet", "--locked", "--package", package, "--bin", package]);
    if build == Build::Release {
        command.arg("--release");
    }
    let status = command.current_dir(crate::root()).stdout(Stdio::null()).status().context("cargo build")?;
    ensure!(status.success(), "{package} could not be built: {status}");
    Ok(interop::target().join(build.folder()).join(package))
}

/// A program at work. It ends when this is dropped.
pub struct Program {
    name: &'static str,
    child: Child,
}

impl Program {
    /// Starts `command`; what it prints is appended to `noise`.
    pub fn start(name: &'static str, command: &mut Command, noise: &Path) -> Result<Program> {
        let file = File::options().create(true).append(true).open(noise);
        let file = file.with_context(|| noise.display().to_string())?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        Ok(Program { name, child: command.spawn().with_context(|| format!("starting {name}"))? })
    }

    /// The system's number for it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("looking at {}", self.name))
    }

    /// SIGKILL: nothing of it runs another instruction. Returns when it is gone.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().with_context(|| format!("killing {}", self.name))?;
        self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        Ok(())
    }

    /// Sends it the signal of that name (`STOP`, `TERM`).
    pub fn signal(&self, name: &str) -> Result<()> {
        // The shell's own `kill`: there is no other way to it without `unsafe` or one more dependency.
        let words = [format!("kill -{name} \"$0\""), self.id().to_string()];
        let status = Command::new("sh").arg("-c").args(words).status().context("sh")?;
        ensure!(status.success(), "{} could not be sent SIG{name}", self.name);
        Ok(())
    }

    /// Asks it to end with SIGTERM, and waits until it has.
    pub fn end(&mut self) -> Result<()> {
        self.signal("TERM")?;
        self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A running `xtask sink`, its receipts and its address.
pub struct Sink {
    program: Program,
    /// Where it listens.
    pub address: SocketAddr,
    /// The file of receipts.
    pub receipts: PathBuf,
    said: BufReader<ChildStdout>,
    errors: PathBuf,
}

impl Sink {
    /// Starts the sink of the xtask at `xtask` with its receipts in `folder`, misbehaving as `script` says.
    pub fn start(xtask: &Path, folder: &Path, script: &[String]) -> Result<Sink> {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Sink::start_at(anywhere, xtask, folder, script)
    }

    /// The same at an address that it had before.
    pub fn start_at(address: SocketAddr, xtask: &Path, folder: &Path, script: &[String]) -> Result<Sink> {
        let receipts = folder.join("receipts");
        let errors = folder.join("sink.log");
        let mut command = Command::new(xtask);
        command.args(["sink", "--listen", &address.to_string(), "--receipts"]).arg(&receipts).args(script);
        let noise = File::create(&errors).with_context(|| errors.display().to_string())?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(noise);
        let mut child = command.spawn().context("starting the sink")?;
        let mut said = BufReader::new(child.stdout.take().expect("its output was asked for"));
        let program = Program { name: "the sink", child };
        let mut line = String::new();
        said.read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ").and_then(|address| address.parse().ok());
        let address = address.with_context(|| format!("the sink did not say where it listens: {line:?}"))?;
        Ok(Sink { program, address, receipts, said, errors })
    }

    /// Ends it in its own time, so that every receipt is written, and gives what it says of its work; fails if it had died
    /// before.
    pub fn end(mut self) -> Result<String> {
        if let Some(status) = self.program.ended()? {
            let said = std::fs::read_to_string(&self.errors).unwrap_or_default();
            bail!("the sink died, and what it would have seen is not known: {status} {said}");
        }
        self.program.end()?;
        let mut said = String::new();
        self.said.read_to_string(&mut said)?;
        Ok(said)
    }
}

/// The real `coranto` on one newsroom's folder.
#[derive(Clone, Debug)]
pub struct Coranto {
    /// The program.
    pub binary: PathBuf,
    /// The newsroom.
    pub folder: PathBuf,
}

impl Coranto {
    /// `coranto WORDS --data FOLDER --json`, not started yet.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).arg("--data").arg(&self.folder).arg("--json");
        command
    }

    /// Runs a command to its end and gives its answer.
    pub fn ask(&self, words: &[&str]) -> Result<Value> {
        answer(self.command(words), &words.join(" "))
    }

    /// The same for a setting that is a secret: it is read from the input, so that no list of processes shows it.
    pub fn tell(&self, setting: &str, secret: &str) -> Result<()> {
        let mut command = self.command(&["settings", setting]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().context("coranto settings")?;
        child.stdin.take().expect("its input was asked for").write_all(secret.as_bytes())?;
        let status = child.wait()?;
        ensure!(status.success(), "coranto settings {setting}: {status}");
        Ok(())
    }

    /// Cuts the edition of the `number`-th day of a rig, counted from 0, and gives its departure.
    pub fn cut(&self, number: usize) -> Result<DepartureId> {
        let date = FIRST_DATE + jiff::Span::new().days(i64::try_from(number)?);
        let cut = self.ask(&["edition", "cut", "--date", &date.to_string()])?;
        ensure!(cut["cut"] == Value::Bool(true), "no edition was cut: {cut}");
        Ok(cut["departure"].as_str().context("a departure's id")?.parse()?)
    }

    /// Founds the newsroom, in PostgreSQL if a `database` is named.
    pub fn found(&self, database: Option<&str>) -> Result<Value> {
        let mut command = Command::new(&self.binary);
        command.arg("init").arg(&self.folder).arg("--json");
        command.args(["--name", "The Aldry Courier", "--site", "http://courier.example"]);
        if let Some(database) = database {
            command.args(["--database", database]);
        }
        answer(command, "init")
    }
}

fn answer(mut command: Command, words: &str) -> Result<Value> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("coranto {words}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let noise = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "coranto {words}: {} {said} {noise}", output.status);
    serde_json::from_str(&said).with_context(|| format!("coranto {words} answered {said:?}"))
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time of all its threads, in seconds; the system counts hundredths.
    pub cpu_seconds: f64,
    /// The most memory it ever held, in bytes.
    pub peak_bytes: u64,
}

/// The clock ticks of /proc: Linux shows 100 a second, whatever it counts inside.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the process `id` has used so far (proc(5): `stat`, fields 14 and 15; `status`, VmHWM); `None` once it is gone.
pub fn usage(id: u32) -> Option<Usage> {
    let folder = PathBuf::from(format!("/proc/{id}"));
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    let status = std::fs::read_to_string(folder.join("status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(Usage { cpu_seconds: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND, peak_bytes: kilobytes * 1_024 })
}

/// How many connections lead from a living process of this machine to `port`: what is still open at the far end of a
/// process that was killed has no inode any more (proc(5), `/proc/net/tcp`).
pub fn connections_to(port: u16) -> Result<usize> {
    let table = std::fs::read_to_string("/proc/net/tcp").context("/proc/net/tcp")?;
    Ok(table.lines().skip(1).filter(|line| leads_to(line, port)).count())
}

/// The states of proc(5) in which no octet can have an answer pending: SYN_SENT, and TIME_WAIT and what leads to it.
const NOT_OPEN: [&str; 4] = ["02", "06", "07", "0A"];

fn leads_to(line: &str, port: u16) -> bool {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, _, remote, state, _, _, _, _, _, inode, ..] = fields[..] else { return false };
    let remote_port = remote.split_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
    remote_port == Some(port) && !NOT_OPEN.contains(&state) && inode != "0"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_connections_are_told_from_those_of_the_dead() {
        let line = |remote: &str, state: &str, inode: u32| {
            format!("  3: 0100007F:A2C4 0100007F:{remote} {state} 00000000:00000000 00:00000000 00000000 0 0 {inode} 1")
        };
        assert!(leads_to(&line("09DD", "01", 77), 2525));
        assert!(leads_to(&line("09DD", "08", 77), 2525), "the far end has closed, and its answer may lie there unread");
        assert!(!leads_to(&line("09DD", "04", 0), 2525));
        assert!(!leads_to(&line("09DD", "06", 0), 2525));
        assert!(!leads_to(&line("0019", "01", 77), 2525));
        assert!(!leads_to("", 2525));
    }

    #[test]
    fn a_process_s_use_is_read_while_it_lives() {
        let own = usage(std::process::id()).unwrap();
        assert!(own.peak_bytes > 1_000_000 && own.cpu_seconds < 1_000_000.0, "{own:?}");
        assert!(usage(u32::MAX).is_none());
    }

    #[test]
    fn a_connection_is_seen_in_the_system_s_table() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(connections_to(port).unwrap(), 0);
        let one = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert_eq!(connections_to(port).unwrap(), 1);
        drop(one);
    }
}
