//! A person at a terminal: a program runs behind a real pseudo-terminal, is read as it appears there, and typed to.
//!
//! `script` of util-linux makes the terminal; what it echoes, and what it does with Ctrl-C, is the kernel's doing.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long anything may take before the test fails: a busy machine needs a tenth of it.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// Between two looks at the terminal.
const LOOK: Duration = Duration::from_millis(3);
/// What Ctrl-C sends.
pub const CTRL_C: &str = "\u{3}";
/// What Ctrl-D sends.
pub const CTRL_D: &str = "\u{4}";

/// A program at a terminal of its own; it ends when this is dropped.
pub struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<String>>,
    watching: Option<JoinHandle<()>>,
    /// How many bytes of the screen were read already.
    read: usize,
}

impl Terminal {
    /// Starts `words` at a terminal, with `environment` and nothing else of ours but the path.
    pub fn start<S: AsRef<OsStr>>(
        words: impl IntoIterator<Item = S>,
        environment: &[(&str, &str)],
    ) -> Result<Terminal> {
        let quoted: Vec<String> = words.into_iter().map(|word| quoted(&word.as_ref().to_string_lossy())).collect();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", "script", "--quiet", "--flush", "--return", "--echo", "always"]);
        command.arg("--command").arg(format!("exec {}", quoted.join(" "))).arg("/dev/null");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("SHELL", "/bin/sh").env("TERM", "dumb").envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().context("script, through setpriv: both are part of util-linux")?;
        let keyboard = child.stdin.take().context("its input was asked for")?;
        let mut from = child.stdout.take().context("its output was asked for")?;
        let screen = Arc::<Mutex<String>>::default();
        let shown = screen.clone();
        let watching = thread::spawn(move || {
            let mut piece = [0; 4_096];
            while let Ok(bytes @ 1..) = from.read(&mut piece) {
                shown.lock().expect("nobody panics with it").push_str(&String::from_utf8_lossy(&piece[..bytes]));
            }
        });
        Ok(Terminal { child, keyboard, screen, watching: Some(watching), read: 0 })
    }

    /// Everything that has stood on the screen.
    pub fn screen(&self) -> String {
        self.screen.lock().expect("nobody panics with it").clone()
    }

    /// Waits until `word` stands on the screen behind what was read before, and gives what came up to its end.
    pub fn reads(&mut self, word: &str) -> Result<String> {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let ended = self.child.try_wait()?.is_some();
            let screen = self.screen();
            if let Some(at) = screen[self.read..].find(word) {
                let until = self.read + at + word.len();
                let seen = screen[self.read..until].to_owned();
                self.read = until;
                return Ok(seen);
            }
            if ended || Instant::now() > deadline {
                bail!("{word:?} does not come: {}", &screen[self.read..]);
            }
            thread::sleep(LOOK);
        }
    }

    /// Types `text` as it is: without the Enter.
    pub fn types(&mut self, text: &str) -> Result<()> {
        self.keyboard.write_all(text.as_bytes())?;
        Ok(self.keyboard.flush()?)
    }

    /// Types a line and presses Enter.
    pub fn enters(&mut self, line: &str) -> Result<()> {
        self.types(&format!("{line}\n"))
    }

    /// Waits for the program's end: its exit code, 128 and the signal's number if one ended it, and the whole screen.
    pub fn ends(mut self) -> Result<(i32, String)> {
        let deadline = Instant::now() + WAIT_MAX;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("it does not end: {}", self.screen());
            }
            thread::sleep(LOOK);
        }
        let code = self.child.wait()?.code().context("script was killed")?;
        self.watching.take().map(JoinHandle::join);
        Ok((code, self.screen()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_seen_and_answered_until_ctrl_c() {
        let script = "test -t 0 && printf 'name? ' && read name && echo \"hello $name\" && exec cat";
        let mut terminal = Terminal::start(["sh", "-c", script], &[]).unwrap();
        terminal.reads("name? ").unwrap();
        terminal.enters("Zoë").unwrap();
        assert_eq!(terminal.reads("hello Zoë").unwrap().trim(), "Zoë\r\nhello Zoë", "the terminal echoes it");
        terminal.types(CTRL_C).unwrap();
        assert_eq!(terminal.ends().unwrap().0, 130);
    }

    #[test]
    fn a_word_that_never_comes_is_told_with_what_came_instead() {
        let mut terminal = Terminal::start(["echo", "it's over"], &[]).unwrap();
        let fault = terminal.reads("never").unwrap_err().to_string();
        assert!(fault.contains("it's over"), "{fault}");
    }
}
