//! A dependency is a hire: each one that a crate of ours names stands in dependencies.toml with what it is for.
//!
//! The same file lists the licences we accept, the packages we will not have, and how many the lock may hold. Every
//! package in the lock is held to it, not only those we named.

use super::Fault;
use super::cargo::{Package, Workspace};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The register of hires.
pub const REGISTER: &str = "dependencies.toml";

/// The register, read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The lock must hold fewer packages by others than this.
    packages_max: usize,
    licences: Licences,
    /// Packages that nothing may bring in, each with what to use instead.
    refused: BTreeMap<String, String>,
    /// Packages that our crates name, each with what it is for.
    hired: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Licences {
    accepted: BTreeSet<String>,
    /// Licences accepted for one package only, each with why.
    one: BTreeMap<String, One>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    licence: String,
    why: String,
}

impl Register {
    /// Reads the register.
    pub fn read(text: &str) -> Result<Register, Fault> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            Fault::new(REGISTER, line, error.message(), "mend the register")
        })
    }

    /// Every way the workspace departs from the register, and the register from the workspace.
    pub fn check(&self, workspace: &Workspace, locked: usize) -> Vec<Fault> {
        let mut faults = self.check_hires(workspace);
        for package in &workspace.packages {
            faults.extend(self.check_package(package));
        }
        if locked >= self.packages_max {
            let what =
                format!("the lock holds {locked} packages by others; fewer than {} was the promise", self.packages_max);
            faults.push(Fault::new(
                "Cargo.lock",
                1,
                &what,
                "let one go, or leave out a feature: `cargo tree -d`, `cargo tree -e features`",
            ));
        }
        faults
    }

    fn check_hires(&self, workspace: &Workspace) -> Vec<Fault> {
        let ours: BTreeSet<&str> = workspace.crates.iter().map(|c| c.name.as_str()).collect();
        let mut named = BTreeMap::new();
        for one in &workspace.crates {
            let others = one.imports.iter().map(|(name, _)| name.as_str()).filter(|name| !ours.contains(name));
            named.extend(others.map(|name| (name, one.manifest.as_str())));
        }
        let strangers = named.iter().filter(|(name, _)| !self.hired.contains_key(**name)).map(|(name, manifest)| {
            let what = format!("`{name}` is not in the register of hires");
            Fault::new(
                manifest,
                1,
                &what,
                "add it to dependencies.toml: what it is for, who keeps it, what we would write instead",
            )
        });
        let idle = self.hired.keys().filter(|name| !named.contains_key(name.as_str())).map(|name| {
            Fault::new(REGISTER, 1, &format!("`{name}` is hired, but no crate names it"), "take it out of the register")
        });
        let silent =
            self.hired.iter().filter(|(_, what_for)| what_for.trim().is_empty()).map(|(name, _)| {
                Fault::new(REGISTER, 1, &format!("`{name}` is hired for nothing"), "say what it is for")
            });
        strangers.chain(idle).chain(silent).collect()
    }

    fn check_package(&self, package: &Package) -> Option<Fault> {
        let name = format!("{} {}", package.name, package.version);
        if let Some(instead) = self.refused.get(&package.name) {
            return Some(Fault::new("Cargo.lock", 1, &format!("`{name}` is refused"), instead));
        }
        let Some(licence) = &package.licence else {
            return Some(Fault::new("Cargo.lock", 1, &format!("`{name}` names no licence"), "find another package"));
        };
        let one = self.licences.one.get(&package.name).filter(|one| !one.why.trim().is_empty());
        let accepted = |id: &str| self.licences.accepted.contains(id) || one.is_some_and(|one| one.licence == id);
        let what = format!("the licence of `{name}` is not accepted: {licence}");
        (!satisfied(licence, &accepted)).then(|| Fault::new("Cargo.lock", 1, &what, "find another package"))
    }
}

/// Whether the SPDX expression `licence` can be met with accepted licences. `AND` binds tighter than `OR`; the old `/` is `OR`.
fn satisfied(licence: &str, accepted: &impl Fn(&str) -> bool) -> bool {
    let spaced = licence.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ").replace(" WITH ", "+WITH+");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = either(&words, &mut at, accepted);
    met == Some(true) && at == words.len()
}

fn either(words: &[&str], at: &mut usize, accepted: &impl Fn(&str) -> bool) -> Option<bool> {
    let mut met = both(words, at, accepted)?;
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at, accepted)?;
    }
    Some(met)
}

fn both(words: &[&str], at: &mut usize, accepted: &impl Fn(&str) -> bool) -> Option<bool> {
    let mut met = term(words, at, accepted)?;
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= term(words, at, accepted)?;
    }
    Some(met)
}

fn term(words: &[&str], at: &mut usize, accepted: &impl Fn(&str) -> bool) -> Option<bool> {
    let word = *words.get(*at)?;
    *at += 1;
    if word != "(" {
        return Some(accepted(&word.replace("+WITH+", " WITH ")));
    }
    let met = either(words, at, accepted)?;
    (words.get(*at) == Some(&")")).then(|| *at += 1)?;
    Some(met)
}

/// The number of packages by others in the text of Cargo.lock.
pub fn locked(lock: &str) -> usize {
    lock.lines().filter(|line| line.starts_with("source = ")).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::cargo::{Crate, Purpose};

    const TEXT: &str = "packages_max = 3\n[licences]\naccepted = ['MIT', 'Apache-2.0']\n\
        one.roots = { licence = 'CDLA-Permissive-2.0', why = 'a list, not code' }\n\
        [refused]\nopenssl = 'rustls'\n[hired]\ntokio = 'the runtime'\n";

    fn faults_of(name: &str, licence: Option<&str>, imports: &[&str], locked: usize) -> Vec<String> {
        let package = Package { name: name.into(), version: "1.0.0".into(), licence: licence.map(str::to_owned) };
        let imports = imports.iter().map(|name| ((*name).to_owned(), Purpose::Ships)).collect();
        let post = Crate { imports, ..Crate::empty("post".into()) };
        let workspace = Workspace { crates: vec![post], packages: vec![package] };
        let register = Register::read(TEXT).unwrap_or_else(|fault| panic!("{fault:?}"));
        register.check(&workspace, locked).into_iter().map(|fault| fault.what).collect()
    }

    #[test]
    fn a_workspace_as_registered_passes() {
        assert_eq!(faults_of("tokio", Some("MIT OR GPL-3.0-only"), &["tokio"], 2), [""; 0]);
        assert_eq!(faults_of("roots", Some("CDLA-Permissive-2.0"), &["tokio"], 2), [""; 0]);
    }

    #[test]
    fn a_hire_that_nobody_registered_is_caught_and_so_is_an_idle_one() {
        assert_eq!(
            faults_of("a", Some("MIT"), &["tokio", "left-pad"], 2),
            ["`left-pad` is not in the register of hires"]
        );
        assert_eq!(faults_of("a", Some("MIT"), &[], 2), ["`tokio` is hired, but no crate names it"]);
    }

    #[test]
    fn a_licence_that_is_not_accepted_is_caught() {
        let says = |licence: &str| [format!("the licence of `a 1.0.0` is not accepted: {licence}")];
        for licence in ["GPL-3.0-only", "MIT AND AGPL-3.0-only", "CDLA-Permissive-2.0", "MIT (", ""] {
            assert_eq!(faults_of("a", Some(licence), &["tokio"], 2), says(licence));
        }
        assert_eq!(faults_of("a", None, &["tokio"], 2), ["`a 1.0.0` names no licence"]);
    }

    #[test]
    fn a_refused_package_is_caught_however_deep_it_stands() {
        assert_eq!(faults_of("openssl", Some("MIT"), &["tokio"], 2), ["`openssl 1.0.0` is refused"]);
    }

    #[test]
    fn a_crowded_lock_is_caught() {
        assert_eq!(faults_of("a", Some("MIT"), &["tokio"], 3).len(), 1);
        assert_eq!(locked("[[package]]\nname = \"ours\"\n[[package]]\nname = \"a\"\nsource = \"registry+x\"\n"), 1);
    }

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        let accepted = |id: &str| ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].contains(&id);
        for yes in ["MIT/GPL-2.0", "(MIT OR X) AND Apache-2.0", "Apache-2.0 WITH LLVM-exception", "X AND Y OR MIT"] {
            assert!(satisfied(yes, &accepted), "{yes}");
        }
        for no in ["X", "MIT AND (X OR Y)", "MIT OR", "MIT)", "MIT WITH X"] {
            assert!(!satisfied(no, &accepted), "{no}");
        }
    }
}
