//! What cargo says of the workspace: our crates and what each imports, and every package in the lock.
//!
//! One call of `cargo metadata`, read into the few facts that the rules ask for.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// What a dependency is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// It is part of what is built, or of a build script.
    Ships,
    /// Only tests, benches and examples see it.
    Tests,
}

/// One crate of ours.
#[derive(Debug)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its manifest, relative to the repository.
    pub manifest: String,
    /// The packages it names as dependencies, ours and others'.
    pub imports: Vec<(String, Purpose)>,
}

/// One package by others.
#[derive(Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence, as an SPDX expression; None if it only ships a file, or nothing.
    pub licence: Option<String>,
}

/// The workspace.
#[derive(Debug)]
pub struct Workspace {
    /// Our crates, in order of name.
    pub crates: Vec<Crate>,
    /// Every package by others that a build of any crate on any system may use, in order of name.
    pub packages: Vec<Package>,
}

impl Workspace {
    /// Asks cargo about the workspace at `root`. Fails if Cargo.lock is not up to date.
    pub fn ask(root: &Path) -> Result<Workspace> {
        let arguments = ["metadata", "--format-version", "1", "--locked", "--all-features"];
        let output =
            Command::new(crate::cargo()).args(arguments).current_dir(root).output().context("cargo metadata")?;
        if !output.status.success() {
            bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Workspace::read(&serde_json::from_slice(&output.stdout)?, root)
    }

    fn read(metadata: &Value, root: &Path) -> Result<Workspace> {
        let mut workspace = Workspace { crates: Vec::new(), packages: Vec::new() };
        for package in metadata["packages"].as_array().context("cargo metadata names no packages")? {
            match package["source"].as_str() {
                None => workspace.crates.push(read_crate(package, root)?),
                Some(_) => workspace.packages.push(read_package(package)?),
            }
        }
        workspace.crates.sort_by(|a, b| a.name.cmp(&b.name));
        workspace.packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        Ok(workspace)
    }
}

fn read_crate(package: &Value, root: &Path) -> Result<Crate> {
    let manifest = Path::new(text(package, "manifest_path")?);
    let manifest = manifest.strip_prefix(root).unwrap_or(manifest).display().to_string();
    let purpose = |import: &Value| match import["kind"].as_str() {
        Some("dev") => Purpose::Tests,
        _ => Purpose::Ships,
    };
    let imports = package["dependencies"].as_array().context("a package without a list of dependencies")?;
    let imports = imports.iter().map(|import| Ok((text(import, "name")?.to_owned(), purpose(import))));
    Ok(Crate { name: text(package, "name")?.to_owned(), manifest, imports: imports.collect::<Result<_>>()? })
}

fn read_package(package: &Value) -> Result<Package> {
    let licence = package["license"].as_str().map(str::to_owned);
    Ok(Package { name: text(package, "name")?.to_owned(), version: text(package, "version")?.to_owned(), licence })
}

fn text<'a>(package: &'a Value, key: &str) -> Result<&'a str> {
    package[key].as_str().with_context(|| format!("cargo metadata: a package without `{key}`"))
}

#[cfg(test)]
impl Crate {
    /// A crate of that name that imports nothing.
    pub fn empty(name: String) -> Crate {
        Crate { manifest: format!("crates/{name}/Cargo.toml"), name, imports: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_of_ours_are_told_from_packages_by_others() -> Result<()> {
        let metadata = serde_json::json!({"packages": [
            {"name": "post", "version": "0.1.0", "source": null, "manifest_path": "/top/crates/post/Cargo.toml", "license": "MIT",
             "dependencies": [{"name": "tokio", "kind": null}, {"name": "insta", "kind": "dev"}, {"name": "cc", "kind": "build"}]},
            {"name": "tokio", "version": "1.0.0", "source": "registry+x", "license": "MIT", "manifest_path": "/x", "dependencies": []},
        ]});
        let workspace = Workspace::read(&metadata, Path::new("/top"))?;
        let post = &workspace.crates[0];
        assert_eq!((post.name.as_str(), post.manifest.as_str()), ("post", "crates/post/Cargo.toml"));
        let purposes = post.imports.iter().map(|(name, purpose)| (name.as_str(), *purpose));
        let expected = [("tokio", Purpose::Ships), ("insta", Purpose::Tests), ("cc", Purpose::Ships)];
        assert!(purposes.eq(expected));
        assert_eq!(workspace.packages[0].licence.as_deref(), Some("MIT"));
        Ok(())
    }
}
