//! The Chrome DevTools Protocol over a pipe: JSON messages that end in a NUL, on Chromium's descriptors 3 and 4.
//!
//! No port is opened, so nothing else on the machine can drive the browser, and it ends when we do. One thread reads; what
//! is no answer is an event, and waits in order until someone asks for it.

use crate::scratch::Scratch;
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long an answer or an event may take before the test fails: a cold start on a busy machine needs most of it.
pub const ANSWER_MAX: Duration = Duration::from_secs(60);

/// What Chromium is told: no first-run pages, nothing sent home, and no host but this machine's.
const ARGUMENTS: [&str; 14] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox", // Its sandbox refuses root; the pages are ours.
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE [::1]",
];

/// A running browser and the way to talk to it.
pub struct Wire {
    child: Child,
    to: Option<ChildStdin>,
    from: Receiver<Value>,
    last: u64,
    _profile: Scratch,
    /// Events that nobody has asked for yet, oldest first.
    pub events: Vec<Value>,
}

impl Wire {
    /// Starts `chromium` with a profile of its own.
    pub fn open(chromium: &Path) -> Result<Wire> {
        let profile = Scratch::new("chromium")?;
        // The shell hands our two pipes on as 3 and 4, where Chromium looks for them.
        let script = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(chromium).args(ARGUMENTS);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("starting Chromium")?;
        let output = child.stdout.take().context("its output was asked for")?;
        let to = child.stdin.take();
        let (sender, from) = mpsc::channel();
        thread::spawn(move || read(output, &sender));
        Ok(Wire { child, to, from, last: 0, _profile: profile, events: Vec::new() })
    }

    /// Calls `method` in `session` ("" is the browser itself) and waits for its result.
    pub fn call(&mut self, session: &str, method: &str, parameters: Value) -> Result<Value> {
        self.last += 1;
        let id = self.last;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if !session.is_empty() {
            message["sessionId"] = session.into();
        }
        let to = self.to.as_mut().context("the browser was closed")?;
        to.write_all(format!("{message}\0").as_bytes()).context("Chromium is gone")?;
        let deadline = Instant::now() + ANSWER_MAX;
        loop {
            let mut received = self.receive(deadline).with_context(|| method.to_owned())?;
            if received["id"] == id {
                return match received.get("error") {
                    Some(error) => Err(anyhow!("{method}: {error}")),
                    None => Ok(received["result"].take()),
                };
            }
            self.keep(received)?;
        }
    }

    /// Keeps an event until somebody asks for it. A box of the browser's own ("Leave the page?") waits for an answer before
    /// anything else goes on: it is yes.
    fn keep(&mut self, event: Value) -> Result<()> {
        if event["method"] == "Page.javascriptDialogOpening" {
            self.last += 1;
            let mut yes =
                json!({ "id": self.last, "method": "Page.handleJavaScriptDialog", "params": { "accept": true } });
            yes["sessionId"] = event["sessionId"].clone();
            let to = self.to.as_mut().context("the browser was closed")?;
            to.write_all(format!("{yes}\0").as_bytes()).context("Chromium is gone")?;
        }
        self.events.push(event);
        Ok(())
    }

    /// Waits for the first event for which `wanted` holds, among those that came already too, and takes it.
    pub fn event(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + ANSWER_MAX;
        loop {
            if let Some(at) = self.events.iter().position(&wanted) {
                return Ok(self.events.remove(at));
            }
            let received = self.receive(deadline).with_context(|| format!("waiting for {what}"))?;
            self.keep(received)?;
        }
    }

    fn receive(&self, deadline: Instant) -> Result<Value> {
        match self.from.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(message) => Ok(message),
            Err(RecvTimeoutError::Timeout) => bail!("no answer from Chromium in {} s", ANSWER_MAX.as_secs()),
            Err(RecvTimeoutError::Disconnected) => bail!("Chromium is gone"),
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.call("", "Browser.close", json!({})).ok();
        drop(self.to.take()); // It ends when its pipe does; if it hangs, by force.
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn read(output: ChildStdout, sender: &mpsc::Sender<Value>) {
    for message in BufReader::with_capacity(1 << 16, output).split(0) {
        let Ok(message) = message else { return };
        let Ok(message) = serde_json::from_slice(&message) else { continue };
        if sender.send(message).is_err() {
            return;
        }
    }
}
