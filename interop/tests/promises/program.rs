//! `coranto` itself: built once for all tests, run to its end or in the background, and killed.

use interop::scratch::Scratch;
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long anything may take before the test fails: a busy machine needs a tenth of it.
const WAIT_MAX: Duration = Duration::from_secs(240);
/// Between two looks at something that is awaited.
pub const LOOK: Duration = Duration::from_millis(3);

/// The binary, beside this test program. cargo builds it if it is missing or older than its source: a package's tests
/// alone do not bring another package's binary with them.
pub fn coranto() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let folder = test.parent().and_then(Path::parent).expect("cargo puts tests into <profile>/deps");
        let profile = match folder.file_name().and_then(OsStr::to_str) {
            Some("debug") | None => "dev",
            Some(named) => named,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--locked", "--package", "coranto", "--bin", "coranto", "--profile", profile]);
        build.arg("--target-dir").arg(interop::target()).current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(build.status().expect("cargo runs this test, so it is here").success(), "coranto does not build");
        folder.join("coranto")
    })
}

/// A command line of `coranto`, with nothing of our environment but the path. It dies with the test that starts it.
pub fn command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    command_within(&[], arguments)
}

/// The same behind other words, as [`interop::namespace`] gives them.
pub fn command_within<S: AsRef<OsStr>>(words: &[String], arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).args(words).arg(coranto()).args(arguments);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    // Many newsrooms run at once here; each desk takes a port of its own.
    command.env("CORANTO_DESK", "127.0.0.1:0");
    // What a newsroom takes from its machine is the same on every machine.
    command.env("TZ", "UTC");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How a command ended, and what it said.
pub struct Said {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Said {
    /// The one document on standard output: one line of JSON and nothing else.
    #[track_caller]
    pub fn document(&self) -> Value {
        let line = self
            .stdout
            .strip_suffix('\n')
            .unwrap_or_else(|| panic!("no line of output; it complained: {}", self.stderr));
        assert!(!line.contains('\n'), "more than one line: {}", self.stdout);
        serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}"))
    }

    /// The document of a command that was done.
    #[track_caller]
    pub fn done(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.document()
    }

    /// What is wrong, in three sentences, from a command that failed: exit 1 and one document.
    #[track_caller]
    pub fn refused(&self) -> Refusal {
        assert_eq!(self.code, Some(1), "{}\n{}", self.stdout, self.stderr);
        let document = self.document();
        assert_eq!(document.as_object().unwrap().len(), 1, "{document}");
        refusal(&document["error"])
    }
}

/// What, what it means, and what to do.
#[derive(Debug)]
pub struct Refusal {
    /// What happened.
    pub what: String,
    /// What it means for readers.
    pub means: String,
    /// What to do.
    pub act: String,
}

/// Reads `{"what","means","do"}`: each a sentence that a person can use.
#[track_caller]
pub fn refusal(error: &Value) -> Refusal {
    let part = |name: &str| {
        let text = error[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {error}")).to_owned();
        let begins = text.chars().next().is_some_and(|c| c.is_uppercase() || !c.is_alphabetic());
        // An address is written as it is, at the beginning of a sentence, too.
        let begins = begins || text.split(' ').next().unwrap_or_default().contains("://");
        assert!(begins && text.len() > 10 && text.contains(' '), "`{name}` is no sentence: {text}");
        for inside in ["Error(", "Os {", "unwrap", "panicked", "Some(", "None"] {
            assert!(!text.contains(inside), "`{name}` speaks of the inside: {text}");
        }
        text
    };
    Refusal { what: part("what"), means: part("means"), act: part("do") }
}

/// Runs a command to its end.
pub fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Said {
    finish(command(arguments))
}

/// Runs a prepared command to its end.
pub fn finish(mut command: Command) -> Said {
    let output = command.output().expect("setpriv is part of util-linux");
    Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("answers are UTF-8"),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs a command to its end with `typed` on its standard input.
pub fn run_with_input<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>, typed: &str) -> Said {
    let mut command = command(arguments);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A command in the background; killed when dropped.
pub struct Running {
    child: Child,
    said: Arc<Mutex<String>>,
    listening: Vec<JoinHandle<()>>,
    answered: Arc<Mutex<String>>,
}

impl Running {
    /// Starts a command.
    pub fn start<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Running {
        Running::spawn(command(arguments))
    }

    /// Starts a prepared command.
    pub fn spawn(mut command: Command) -> Running {
        let mut child = command.spawn().expect("setpriv is part of util-linux");
        let (said, answered) = (Arc::<Mutex<String>>::default(), Arc::<Mutex<String>>::default());
        let listening = vec![
            listen(child.stderr.take().unwrap(), said.clone()),
            listen(child.stdout.take().unwrap(), answered.clone()),
        ];
        Running { child, said, answered, listening }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has complained of and told so far.
    pub fn stderr(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for a word on standard error, and gives what follows it on its line.
    #[track_caller]
    pub fn told(&mut self, word: &str) -> String {
        let found = |text: &str| {
            let line = text.lines().find_map(|line| line.split_once(word)).map(|(_, rest)| rest.trim().to_owned());
            line.filter(|_| text.ends_with('\n'))
        };
        self.until(word, |running| found(&running.stderr()))
    }

    /// Looks again and again until there is something to see; fails if the program ends before.
    #[track_caller]
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let alive = self.is_alive();
            if let Some(seen) = look(self) {
                return seen;
            }
            assert!(alive, "it ended before `{what}`: {}{}", self.stderr(), self.answered.lock().unwrap());
            assert!(Instant::now() < deadline, "`{what}` did not come: {}", self.stderr());
            thread::sleep(LOOK);
        }
    }

    /// `kill -9`. Gives everything it said.
    pub fn kill(mut self) -> Said {
        self.child.kill().ok();
        self.ended()
    }

    /// Asks it to stop, as the system does at shutdown, and waits.
    pub fn stop(self) -> Said {
        Command::new("kill").arg(self.id().to_string()).status().unwrap();
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Said {
        let deadline = Instant::now() + WAIT_MAX;
        while self.is_alive() {
            assert!(Instant::now() < deadline, "it does not end: {}", self.stderr());
            thread::sleep(LOOK);
        }
        self.ended()
    }

    fn ended(&mut self) -> Said {
        let code = self.child.wait().unwrap().code();
        self.listening.drain(..).for_each(|listener| listener.join().unwrap());
        Said { code, stdout: self.answered.lock().unwrap().clone(), stderr: self.stderr() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn listen(from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&std::mem::take(&mut line)));
        }
    })
}

/// A folder for one test's newsroom, and the arguments that name it.
pub struct Place {
    scratch: Scratch,
}

impl Place {
    /// An empty one.
    pub fn new(purpose: &str) -> Place {
        Place { scratch: Scratch::new(purpose).unwrap() }
    }

    /// Everything of the test: the newsroom, the caught mail, whatever else.
    pub fn all(&self) -> &Path {
        self.scratch.path()
    }

    /// The newsroom's folder.
    pub fn data(&self) -> PathBuf {
        self.all().join("newsroom")
    }

    /// Where the demo's caught mail lies.
    pub fn mail(&self) -> PathBuf {
        self.all().join("newsroom-mail")
    }

    /// `words`, and `--json` and the folder behind them.
    pub fn arguments(&self, words: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        all.extend(["--json".into(), "--data".into(), self.data().display().to_string()]);
        all
    }

    /// Runs a command on this newsroom.
    pub fn run(&self, words: &[&str]) -> Said {
        run(self.arguments(words))
    }
}
