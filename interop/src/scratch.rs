//! A folder for what a program under test leaves behind: gone when dropped, and swept up later if that never came.
//!
//! It lies below the system's folder for such things, not below the target folder: ours may lie where another account
//! cannot go, and the path of a socket must be short (107 bytes on Linux).

use anyhow::{Context, Result};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What every such folder begins with; then come what it is for, the process that made it, and a count.
const PREFIX: &str = "coranto-interop";

/// A fresh, empty folder.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A folder for `purpose` (one word). Also removes those of processes that are gone.
    pub fn new(purpose: &str) -> Result<Scratch> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let top = std::env::temp_dir();
        sweep(&top).with_context(|| top.display().to_string())?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = top.join(format!("{PREFIX}-{purpose}-{}-{count}", std::process::id()));
        fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        Ok(Scratch(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn sweep(top: &Path) -> io::Result<()> {
    for entry in fs::read_dir(top)?.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if process(&name).is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
    Ok(())
}

/// The process that made the folder of that name, if it is one of ours.
fn process(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)?.split('-').nth(2).filter(|process| process.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_when_dropped_and_is_swept_when_its_process_is_gone() {
        let left = std::env::temp_dir().join(format!("{PREFIX}-test-999999999-0"));
        fs::create_dir_all(left.join("below")).unwrap();
        let scratch = Scratch::new("test").unwrap();
        let path = scratch.path().to_owned();
        assert_eq!((path.exists(), left.exists()), (true, false));
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn a_stranger_s_folder_is_left_alone() {
        assert_eq!(process(&format!("{PREFIX}-postgres-12-0")), Some("12"));
        assert_eq!(["coranto-data", "coranto-interop", "coranto-interop-x-y-0"].map(process), [None; 3]);
    }
}
