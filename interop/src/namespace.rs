//! A corner of the machine for one test: a small disk that can be filled, or a network of which nobody else is part.
//!
//! Both are namespaces of the kernel's, so nothing of them is seen outside, and they are gone with the processes in them.

use crate::scratch::Scratch;
use crate::{Tool, need};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What a holder says when its disk is there.
const READY: &str = "ready";

/// Root may make namespaces; everybody else only within one where they are root.
fn as_root() -> &'static [&'static str] {
    let root = fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0);
    if root { &[] } else { &["--map-root-user"] }
}

/// Whether this machine lets us make them.
pub(crate) fn usable(unshare: &Path) -> bool {
    let mut attempt = Command::new(unshare);
    attempt
        .args(as_root())
        .args(["--mount", "--net", "ip", "link", "set", "lo", "up"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    attempt.status().is_ok_and(|status| status.success())
}

/// Makes a network of the kernel's in which `$1` belongs to somebody else, as far as a program can see, and runs the rest
/// there: connections to it stay inside, but leave from another address.
const NEIGHBOUR: &str = "ip link set lo up && ip address add 192.0.2.1/32 dev lo && \
    ip route add local \"$1\" dev lo src 192.0.2.1 && shift && exec \"$@\"";

/// The words before a command that give it a network of its own, with no way out, where `addresses` (as `8.8.8.0/24`) can
/// be listened at and dialled; None when there can be none, with the calling test recorded as skipped.
pub fn network(addresses: &str) -> Option<Vec<String>> {
    let unshare = need(Tool::Namespaces)?;
    let words = [unshare.to_str()?].into_iter().chain(as_root().iter().copied());
    let words = words.chain(["--net", "--", "sh", "-c", NEIGHBOUR, "sh", addresses]);
    Some(words.map(str::to_owned).collect())
}

/// A small disk in memory; it goes when this is dropped.
pub struct SmallDisk {
    holder: Child,
    folder: Scratch,
}

impl SmallDisk {
    /// One of `megabytes`, or None, with the calling test recorded as skipped.
    pub fn start(megabytes: u32) -> Option<SmallDisk> {
        let unshare = need(Tool::Namespaces)?;
        Some(SmallDisk::mount(&unshare, megabytes).expect("a machine that makes namespaces mounts a disk in one"))
    }

    fn mount(unshare: &Path, megabytes: u32) -> Result<SmallDisk> {
        let folder = Scratch::new("disk")?;
        let script = format!("mount -t tmpfs -o size={megabytes}m tmpfs \"$1\" && echo {READY} && exec sleep infinity");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(unshare).args(as_root()).arg("--mount");
        command.args(["--", "sh", "-c", &script, "sh"]).arg(folder.path());
        let mut holder =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("unshare, through setpriv")?;
        let mut said = String::new();
        BufReader::new(holder.stdout.take().context("its output was asked for")?).read_line(&mut said)?;
        ensure!(said.trim_end() == READY, "no disk was mounted: {said}");
        Ok(SmallDisk { holder, folder })
    }

    /// The words before a command that let it see the disk at [`SmallDisk::folder`].
    pub fn within(&self) -> Vec<String> {
        let target = format!("--target={}", self.holder.id());
        let mut words = vec!["nsenter".to_owned(), target, "--mount".into()];
        if !as_root().is_empty() {
            words.extend(["--user".into(), "--preserve-credentials".into()]);
        }
        words.push("--".into());
        words
    }

    /// Where the disk is, for commands within.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the same disk is for us.
    pub fn seen_from_outside(&self) -> PathBuf {
        let below = self.folder.path().strip_prefix("/").expect("a scratch folder's path is absolute");
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(below)
    }

    /// Leaves no room on it.
    pub fn fill(&self) -> Result<()> {
        let mut file = fs::File::options().append(true).create(true).open(self.ballast())?;
        // First much at once, then what is left, byte by byte.
        for piece in [1 << 20, 4_096, 1] {
            let piece = vec![b'.'; piece];
            while file.write_all(&piece).is_ok() {}
        }
        Ok(())
    }

    /// Makes room again.
    pub fn make_room(&self) -> Result<()> {
        fs::remove_file(self.ballast()).context("it was filled before")
    }

    fn ballast(&self) -> PathBuf {
        self.seen_from_outside().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.holder.kill().ok();
        self.holder.wait().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_is_full_until_there_is_room_again_and_seen_by_nobody_else() {
        let Some(disk) = SmallDisk::start(1) else { return };
        let write = || {
            let mut words = disk.within();
            let file = disk.folder().join("kept");
            words.extend(["dd".into(), "if=/dev/zero".into(), "bs=8k".into(), "count=1".into()]);
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]).arg(format!("of={}", file.display())).stderr(Stdio::null());
            command.status().unwrap().success()
        };
        disk.fill().unwrap();
        assert!(!write());
        disk.make_room().unwrap();
        assert!(write());
        assert_eq!(fs::metadata(disk.seen_from_outside().join("kept")).unwrap().len(), 8_192);
        assert!(!disk.folder().join("kept").exists());
    }

    #[test]
    fn in_a_network_of_its_own_a_program_reaches_its_neighbours_and_nobody_else() {
        let Some(words) = network("8.8.8.0/24") else { return };
        let way = |to: &str| {
            let mut command = Command::new(&words[0]);
            let output = command.args(&words[1..]).args(["ip", "route", "get", to]).output().unwrap();
            (output.status.success(), String::from_utf8(output.stdout).unwrap())
        };
        let (there, told) = way("8.8.8.8");
        assert!(there && told.contains("src 192.0.2.1"), "{told}");
        assert!(!way("9.9.9.9").0);
    }
}
