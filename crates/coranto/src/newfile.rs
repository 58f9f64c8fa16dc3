//! A file that is there whole or not at all: written beside its place, for its owner's eyes alone, and moved there at
//! the end. It never writes over another.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use newsroom::Problem;

/// A file on its way. Dropped before it is kept, nothing of it stays.
pub struct NewFile {
    out: BufWriter<File>,
    beside: PathBuf,
    path: PathBuf,
    kept: bool,
}

impl NewFile {
    /// Begins a file that will stand at `path`.
    ///
    /// # Errors
    /// A [`Problem`] when something is there, or it cannot be written.
    pub fn create(path: &Path) -> Result<Self, Problem> {
        if path.exists() {
            return Err(problem(path, "there is such a file already"));
        }
        let name = path.file_name().ok_or_else(|| problem(path, "it names no file"))?;
        let beside = path.with_file_name(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside);
        let file = file.map_err(|fault| problem(path, &fault.to_string()))?;
        Ok(Self { out: BufWriter::new(file), beside, path: path.to_owned(), kept: false })
    }

    /// Flushes it to the disk and moves it to its place.
    ///
    /// # Errors
    /// The disk's.
    pub fn keep(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync_all()?;
        // A link fails where something came to be meanwhile; a rename would write over it.
        std::fs::hard_link(&self.beside, &self.path)?;
        self.kept = true;
        std::fs::remove_file(&self.beside)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is half a sealed file: nobody opens it.
            let _left = std::fs::remove_file(&self.beside);
        }
    }
}

/// What it means that a file could not be written.
pub fn problem(path: &Path, why: &str) -> Problem {
    Problem::new(
        format!("The file {} cannot be written: {why}.", path.display()),
        "Nothing was kept of it, and no other file was touched.",
        "Name a new file on a disk with room.",
    )
}
