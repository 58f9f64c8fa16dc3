//! A root of its own for a program that is not installed: what `.ci/roots` unpacked, copied for one test, with the accounts
//! it wants.
//!
//! Debian's mail servers cannot be installed beside one another, and none of them should be set up on a machine for a
//! test's sake. Behind `chroot`, each finds the paths that it was compiled with. It needs root, and leaves nothing outside
//! its folder.

use crate::scratch::Scratch;
use crate::target;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// An account inside: its name and number, and the same for its group.
pub(crate) type Account = (&'static str, u32);

/// Who owns a mailbox.
pub(crate) const BOX: Account = ("box", 903);

/// Folders that programs take for granted.
const FOLDERS: [&str; 7] = ["dev", "etc", "mail", "root", "run", "tmp", "var/spool"];
/// Devices: name, major and minor number.
const DEVICES: [(&str, &str, &str); 3] = [("null", "1", "3"), ("urandom", "1", "9"), ("random", "1", "8")];

/// Where the unpacked root of that name lies, if it does and this process may go into one.
pub(crate) fn unpacked(name: &str, program: &str) -> Option<PathBuf> {
    let root = target().join("roots").join(name);
    let is_root = fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0);
    (is_root && root.join(program).exists()).then_some(root)
}

/// A root; it goes when this is dropped.
pub(crate) struct Root {
    folder: Scratch,
}

impl Root {
    /// A copy of the unpacked one at `from`, with accounts beside root, nobody and [`BOX`].
    pub(crate) fn new(purpose: &str, from: &Path, accounts: &[Account]) -> Result<Root> {
        let root = Root { folder: Scratch::new(purpose)? };
        done(Command::new("cp").args(["-a", "--reflink=auto", "-T"]).arg(from).arg(root.folder.path()))?;
        for folder in FOLDERS {
            fs::create_dir_all(root.path(folder))?;
        }
        for (name, major, minor) in DEVICES {
            done(Command::new("mknod").args(["-m", "666"]).arg(root.path("dev").join(name)).args(["c", major, minor]))?;
        }
        std::os::unix::fs::symlink("/run", root.path("var/run"))?;
        let all = [&[("root", 0), ("nobody", 65_534), BOX], accounts].concat();
        let line = |(name, number): &Account| format!("{name}:x:{number}:{number}::/:/bin/sh\n");
        root.write("etc/passwd", &all.iter().map(line).collect::<String>())?;
        let line = |(name, number): &Account| format!("{name}:x:{number}:\n");
        root.write("etc/group", &all.iter().map(line).collect::<String>())?;
        root.give("mail", BOX)?;
        Ok(root)
    }

    /// Where `path` lies, seen from outside.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.path(path);
        fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
        fs::write(&path, text).with_context(|| path.display().to_string())
    }

    /// Makes a folder that belongs to an account.
    pub(crate) fn give(&self, path: &str, (_, number): Account) -> Result<()> {
        fs::create_dir_all(self.path(path))?;
        chown(self.path(path), Some(number), Some(number)).context("giving a folder away takes root")
    }

    /// A program inside, with its arguments.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("chroot");
        command.arg(self.folder.path()).args(words);
        command
    }
}

fn done(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
