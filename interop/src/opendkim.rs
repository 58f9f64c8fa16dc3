//! OpenDKIM verifies signatures: in C, with OpenSSL, as many receivers run it; it shares no code with ours nor with dkimpy.

use crate::root::Root;
use crate::{Tool, need};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

/// Messages judged by one process: the names of their files go on its command line.
const MESSAGES_AT_ONCE: usize = 500;

/// OpenDKIM, found.
pub struct OpenDkim {
    unpacked: PathBuf,
}

impl OpenDkim {
    /// OpenDKIM, or None, with the calling test recorded as skipped.
    pub fn start() -> Option<OpenDkim> {
        need(Tool::OpenDkim).map(|unpacked| OpenDkim { unpacked })
    }

    /// What is wrong with each message, in order; None when its signature holds. `keys` are TXT records by name.
    pub fn verify<'m>(
        &self,
        keys: &BTreeMap<String, String>,
        messages: impl IntoIterator<Item = &'m [u8]>,
    ) -> Result<Vec<Option<String>>> {
        let root = Root::new("opendkim", &self.unpacked, &[])?;
        root.write("etc/opendkim.conf", CONF)?;
        let lines: Vec<String> = keys.iter().map(|(name, record)| format!("{name} {record}\n")).collect();
        root.write("etc/keys", &lines.concat())?;
        let mut names = Vec::new();
        for (number, message) in messages.into_iter().enumerate() {
            let name = format!("/tmp/{number}.eml");
            fs::write(root.path(&name[1..]), message)?;
            names.push(name);
        }
        let mut judged = Vec::new();
        for names in names.chunks(MESSAGES_AT_ONCE) {
            let mut command = root.command(&["/usr/sbin/opendkim", "-x", "/etc/opendkim.conf", "-t", &names.join(",")]);
            // Debian keeps one of its libraries where only ldconfig looks.
            let output = command.env("LD_LIBRARY_PATH", "/usr/lib").stdin(Stdio::null()).output().context("chroot")?;
            let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
            ensure!(output.status.success(), "opendkim failed: {said}");
            judged.extend(names.iter().map(|name| fault(&said, name)));
        }
        Ok(judged)
    }
}

/// `opendkim: FILE: verification (…) succeeded`, or why not; nothing is said of a message without a signature.
fn fault(said: &str, name: &str) -> Option<String> {
    let about = format!("{name}: ");
    let lines: Vec<&str> = said.lines().filter(|line| line.contains(&about)).collect();
    let holds = |line: &&str| line.contains("verification (") && line.ends_with(" succeeded");
    if !lines.is_empty() && lines.iter().all(holds) { None } else { Some(format!("no signature holds: {lines:?}")) }
}

/// opendkim.conf(5). The messages are judged as they came over the wire, line ends and all; nothing is looked up.
const CONF: &str = "\
Mode v
Syslog no
StrictTestMode yes
MinimumKeyBits 2048
TestDNSData file:/etc/keys
";
