//! dkimpy verifies signatures; it shares no code with ours, down to the arithmetic.
//!
//! One Python process takes all messages, so that ten thousand of them take seconds. The public keys are handed over as
//! the TXT records that DNS would give; nothing is looked up.

use crate::{Tool, need};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

/// What runs in Python: reads the keys as one line of JSON, then each message behind a line with its length in bytes.
const SCRIPT: &str = r#"
import dkim, json, sys
read, write = sys.stdin.buffer, sys.stdout
keys = {name.rstrip('.'): value.encode() for name, value in json.loads(read.readline()).items()}
lookup = lambda name, timeout=5: keys.get(name.decode().rstrip('.'))
while (line := read.readline()):
    message = read.read(int(line))
    fault, signed, count = None, [], 0
    try:
        verifier = dkim.DKIM(message, minkey=2048)
        count = sum(1 for name, _ in verifier.headers if name.lower() == b'dkim-signature')
        valid = count > 0
        for index in range(count):
            valid = verifier.verify(idx=index, dnsfunc=lookup) and valid
            signed = [name.decode() for name, _ in verifier.signed_headers]
    except Exception as error:
        valid, fault = False, f'{type(error).__name__}: {error}'
    if not valid and fault is None:
        fault = 'a signature does not hold, or its key is not to be had' if count else 'no signature'
    write.write(json.dumps({'valid': valid, 'fault': fault, 'signatures': count, 'signed': signed}) + '\n')
"#;

/// dkimpy, found.
pub struct Dkimpy {
    python: PathBuf,
}

/// What dkimpy says of one message.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it bears at least one signature and every one holds.
    pub valid: bool,
    /// Why not.
    pub fault: Option<String>,
    /// How many signatures it bears.
    pub signatures: usize,
    /// The names of the fields under the last signature, in lower case.
    pub signed: Vec<String>,
}

impl Dkimpy {
    /// dkimpy, or None, with the calling test recorded as skipped.
    pub fn start() -> Option<Dkimpy> {
        need(Tool::Dkimpy).map(|python| Dkimpy { python })
    }

    /// One judgement for each message, in order. `keys` are TXT records by name (`s1._domainkey.example.org`).
    pub fn verify<'m>(
        &self,
        keys: &BTreeMap<String, String>,
        messages: impl IntoIterator<Item = &'m [u8]> + Send,
    ) -> Result<Vec<Judgement>> {
        let mut command = Command::new(&self.python);
        command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("starting Python")?;
        let to = child.stdin.take().context("its input was asked for")?;
        let from = child.stdout.take().context("its output was asked for")?;
        let judged = thread::scope(|scope| {
            let fed = scope.spawn(move || feed(to, keys, messages));
            let lines = BufReader::new(from).lines();
            let judged = lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect::<Result<Vec<Judgement>>>();
            let sent = fed.join().expect("feeding does not panic")?;
            let judged = judged?;
            ensure!(judged.len() == sent, "dkimpy judged {} of {sent} messages", judged.len());
            Ok(judged)
        });
        ensure!(child.wait()?.success(), "Python failed: see its complaint above");
        judged
    }
}

fn feed<'m>(
    mut to: impl Write,
    keys: &BTreeMap<String, String>,
    messages: impl IntoIterator<Item = &'m [u8]>,
) -> Result<usize> {
    writeln!(to, "{}", serde_json::to_string(keys)?)?;
    let mut sent = 0;
    for message in messages {
        writeln!(to, "{}", message.len())?;
        to.write_all(message)?;
        sent += 1;
    }
    Ok(sent)
}
