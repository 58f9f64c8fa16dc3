//! A folder of a test's own, gone when the test is over.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
};

/// The folder. Its name holds the process, so that two runs at once do not meet.
pub struct Place(PathBuf);

impl Place {
    /// A new one, for the test of this name.
    pub fn new(name: &str) -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("press-{}-{name}", std::process::id()));
        // A process of the same number may have been killed before it could clear up.
        drop(fs::remove_dir_all(&place));
        fs::create_dir_all(&place).expect("the build folder can be written");
        Self(place)
    }
}

impl Deref for Place {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
