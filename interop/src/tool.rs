//! The programs that tests need and cargo does not bring: where each is found, and how it is installed.
//!
//! Nothing is installed here. `.ci/run` does that on a build machine; a developer decides alone.

use crate::{namespace, root, skips};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A program, or a library in another language, that some tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// The PostgreSQL server: the folder of its binaries.
    Postgres,
    /// The Chromium browser.
    Chromium,
    /// axe-core, the accessibility checker: its one script.
    Axe,
    /// dkimpy, a DKIM verifier in Python: the interpreter that can import it.
    Dkimpy,
    /// `unshare` and `ip`, on a machine that lets us make namespaces with them.
    Namespaces,
    /// Postfix with its logins, under root: its `master`.
    Postfix,
    /// OpenSMTPD, unpacked, under root: its root.
    OpenSmtpd,
    /// Exim, unpacked, under root: its root.
    Exim,
    /// OpenDKIM, unpacked, under root: its root.
    OpenDkim,
    /// age, which seals files to keys and passphrases.
    Age,
    /// libfaketime, which moves a program's clock: its library for programs with threads.
    Faketime,
}

impl Tool {
    /// All of them.
    pub const ALL: [Tool; 11] = [
        Tool::Postgres,
        Tool::Chromium,
        Tool::Axe,
        Tool::Dkimpy,
        Tool::Namespaces,
        Tool::Postfix,
        Tool::OpenSmtpd,
        Tool::Exim,
        Tool::OpenDkim,
        Tool::Age,
        Tool::Faketime,
    ];

    /// Its name, in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Postgres => "postgresql",
            Tool::Chromium => "chromium",
            Tool::Axe => "axe-core",
            Tool::Dkimpy => "dkimpy",
            Tool::Namespaces => "namespaces",
            Tool::Postfix => "postfix",
            Tool::OpenSmtpd => "opensmtpd",
            Tool::Exim => "exim",
            Tool::OpenDkim => "opendkim",
            Tool::Age => "age",
            Tool::Faketime => "libfaketime",
        }
    }

    /// What to type to have it, on Debian, from the top of the repository.
    pub fn install(self) -> &'static str {
        match self {
            Tool::Postgres => "apt-get install postgresql",
            Tool::Chromium => "apt-get install chromium",
            Tool::Axe => "npm install --prefix target/npm --ignore-scripts axe-core@4.14.1",
            Tool::Dkimpy => "python3 -m venv target/venv && target/venv/bin/pip install dkimpy==1.1.8",
            Tool::Namespaces => "as root, or where others may make namespaces: apt-get install util-linux iproute2",
            Tool::Postfix => "as root: apt-get install postfix sasl2-bin",
            Tool::OpenSmtpd => "as root, to unpack and not install it: .ci/roots opensmtpd",
            Tool::Exim => "as root, to unpack and not install it: .ci/roots exim",
            Tool::OpenDkim => "as root, to unpack and not install it: .ci/roots opendkim",
            Tool::Age => "apt-get install age",
            Tool::Faketime => "apt-get install libfaketime",
        }
    }

    /// Where it is, if it is here.
    pub fn find(self) -> Option<PathBuf> {
        match self {
            Tool::Postgres => newest_postgres().or_else(|| on_path("postgres").and_then(beside)),
            Tool::Chromium => on_path("chromium").or_else(|| on_path("chromium-browser")),
            Tool::Axe => present(target().join("npm/node_modules/axe-core/axe.min.js")),
            Tool::Dkimpy => python_with("dkim"),
            Tool::Namespaces => on_path("unshare").filter(|unshare| namespace::usable(unshare)),
            Tool::Postfix => postfix(),
            Tool::OpenSmtpd => root::unpacked(self.name(), "usr/sbin/smtpd"),
            Tool::Exim => root::unpacked(self.name(), "usr/sbin/exim4"),
            Tool::OpenDkim => root::unpacked(self.name(), "usr/sbin/opendkim"),
            Tool::Age => on_path("age"),
            Tool::Faketime => faketime(),
        }
    }
}

/// Where `tool` is; or None, and the calling test is recorded as skipped, which `cargo xtask test` says in its last lines.
pub fn need(tool: Tool) -> Option<PathBuf> {
    let found = tool.find();
    if found.is_none() {
        skips::record(tool);
        eprintln!("SKIPPED for want of {}: {}", tool.name(), tool.install());
    }
    found
}

/// Cargo's target folder: the one that the running program was built into.
pub fn target() -> PathBuf {
    let program = std::env::current_exe().expect("the system knows which program runs");
    let marked = program.ancestors().find(|folder| folder.join(".rustc_info.json").exists());
    marked.expect("a program built by cargo lies below its target folder").to_owned()
}

fn present(path: PathBuf) -> Option<PathBuf> {
    path.exists().then_some(path)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find_map(|folder| present(folder.join(program)))
}

/// Debian keeps its daemons off the PATH. Only root can start them.
fn postfix() -> Option<PathBuf> {
    let root = std::fs::metadata("/proc/self").ok().filter(|about| about.uid() == 0);
    root.and_then(|_| on_path("saslpasswd2")).and_then(|_| present(PathBuf::from("/usr/lib/postfix/sbin/master")))
}

/// Debian keeps the servers of each version apart, off the PATH.
fn newest_postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).filter(|path| version(path).is_some()).max_by_key(version)?;
    let binaries = newest.join("bin");
    binaries.join("initdb").exists().then_some(binaries)
}

/// Debian keeps it below the folder of the machine's kind.
fn faketime() -> Option<PathBuf> {
    let kinds = std::fs::read_dir("/usr/lib").ok()?.filter_map(Result::ok);
    kinds.map(|kind| kind.path().join("faketime/libfaketimeMT.so.1")).find(|library| library.exists())
}

/// The folder that a program really lies in, if `initdb` lies there too: a link on the PATH may stand alone.
fn beside(program: PathBuf) -> Option<PathBuf> {
    let binaries = program.canonicalize().ok()?.parent()?.to_owned();
    binaries.join("initdb").exists().then_some(binaries)
}

/// The interpreter of `target/venv`, if it has the module.
fn python_with(module: &str) -> Option<PathBuf> {
    let venv = target().join("venv");
    let libraries = std::fs::read_dir(venv.join("lib")).ok()?.filter_map(Result::ok);
    let has = |library: &Path| library.join("site-packages").join(module).exists();
    libraries.map(|entry| entry.path()).any(|library| has(&library)).then_some(())?;
    present(venv.join("bin/python"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_folder_holds_the_running_test() {
        let program = std::env::current_exe().unwrap();
        assert!(program.starts_with(target()));
    }

    #[test]
    fn every_tool_says_how_to_install_it() {
        let mut names: Vec<_> = Tool::ALL.iter().map(|tool| tool.name()).collect();
        assert!(Tool::ALL.iter().all(|tool| tool.install().contains(" install ")));
        names.dedup();
        assert_eq!(names.len(), Tool::ALL.len());
    }

    #[test]
    fn a_build_machine_installs_every_tool_in_the_same_version() {
        let script = include_str!("../../.ci/run");
        let packages = Tool::ALL.map(|tool| tool.install().rsplit(' ').next().unwrap());
        let (programs, verifiers) = (["postgresql", "chromium"], ["axe-core@4.14.1", "dkimpy==1.1.8"]);
        let rest = ["iproute2", "sasl2-bin", "opensmtpd", "exim", "opendkim", "age", "libfaketime"];
        assert_eq!(packages.to_vec(), [&programs[..], &verifiers, &rest].concat());
        assert!(packages.iter().all(|package| script.split([' ', '\n', '(', ')']).any(|word| word == *package)));
    }
}
