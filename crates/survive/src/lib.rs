//! Surviving: the site carried out as plain files, and the whole newsroom in one sealed file.
//!
//! It never opens an address, and never writes into a folder that holds something else.

pub mod backup;

use std::io;
use std::path::Path;

/// The site is at most this deep: `/editions/YYYY/MM/DD/` and one more. Deeper is no site of ours.
const DEPTH_MAX: usize = 8;

/// Copies the press's folder, ready compressed files too, without what the press keeps for itself. Gives the number of
/// files.
///
/// # Errors
/// The system's, at the first file that cannot be read or written.
pub fn export(from: &Path, to: &Path) -> io::Result<u64> {
    copy(from, to, DEPTH_MAX)
}

fn copy(from: &Path, to: &Path, depth: usize) -> io::Result<u64> {
    if depth == 0 {
        return Err(io::Error::other("the site's folder is deeper than a site is"));
    }
    std::fs::create_dir_all(to)?;
    let mut count = 0;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        // What begins with a dot is the press's own room.
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            count += copy(&entry.path(), &to.join(name), depth - 1)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), to.join(name))?;
            count += 1;
        }
    }
    Ok(count)
}
