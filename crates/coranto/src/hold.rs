//! The hold: a newsroom that was restored or copied sends nothing until a person says that it is the only one.
//!
//! | sign | found by |
//! | --- | --- |
//! | it was restored from a backup | a setting that `coranto restore` leaves |
//! | its folder was copied, or moved to another machine or place | the install marker, which is bound to both and in no backup |
//! | its database is older than what was sent from here | the newest departure, noted in the marker |
//!
//! The site, sign-ups and unsubscribing go on all the same: readers must always be able to leave. Never holds a newsroom
//! that only restarted.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use newsroom::{Ms, Problem, SECOND_MS};
use sha2::{Digest, Sha256};
use store::{settings, whole};

use crate::house::{House, store_problem};

/// The marker, in the newsroom's folder.
pub const MARKER: &str = "install.marker";
const FIRST_WORDS: &str = "coranto install 1";
/// Where a Linux machine's own name lies.
const MACHINE: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
/// How often a running newsroom notes what it has sent.
const NOTE_MS: Ms = 5 * SECOND_MS;

/// What the marker says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Marker {
    /// The machine and the folder it was written for, as a sum.
    place: String,
    /// The newest departure that was seen here.
    departure: i64,
}

impl Marker {
    fn read(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(folder.join(MARKER)).ok()?;
        let mut lines = text.lines();
        let (FIRST_WORDS, place, departure) = (lines.next()?, lines.next()?, lines.next()?) else { return None };
        Some(Self { place: place.to_owned(), departure: departure.parse().ok()? })
    }

    fn write(&self, folder: &Path) -> std::io::Result<()> {
        let (path, beside) = (folder.join(MARKER), folder.join(format!(".{MARKER}.new")));
        let mut file = fs::File::create(&beside)?;
        file.write_all(format!("{FIRST_WORDS}\n{}\n{}\n", self.place, self.departure).as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    }
}

/// This machine and this folder, as a sum: a copy of the folder has another inode, another path or another machine.
fn place(folder: &Path) -> std::io::Result<String> {
    let machine = MACHINE.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    let path: PathBuf = fs::canonicalize(folder)?;
    let inode = fs::metadata(&path)?.ino();
    let sum = Sha256::digest(format!("{}\n{}\n{inode}", machine.trim(), path.display()));
    Ok(sum.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Marks `folder` as this newsroom's own place, where `departure` was the newest.
///
/// # Errors
/// A [`Problem`] when the folder cannot be written.
pub fn mark(folder: &Path, departure: i64) -> Result<(), Problem> {
    let written = place(folder).and_then(|place| Marker { place, departure }.write(folder));
    written.map_err(|fault| {
        let file = folder.join(MARKER);
        Problem::new(
            match fault.kind() {
                std::io::ErrorKind::StorageFull => format!("The disk is full: {} cannot be written.", file.display()),
                _ => format!("The file {} cannot be written: {fault}.", file.display()),
            },
            "No mail is sent from a folder that cannot be told from a copy of it.",
            "Make room or give the right to write, and try again.",
        )
    })
}

/// Why nothing leaves, if nothing may: a [`Problem`] that says what to do. None: mail may leave.
///
/// # Errors
/// A [`Problem`] when the store fails; then nothing may leave either.
pub async fn held(house: &House) -> Result<Option<Problem>, Problem> {
    let read = house.store.read(|tx| Ok((settings::get(tx, whole::HELD)?, whole::newest_departure(tx)?))).await;
    let (restored, newest) = read.map_err(|fault| store_problem(&fault))?;
    let folder = &house.config.folder;
    let here = place(folder).unwrap_or_default();
    let why = match (restored, Marker::read(folder)) {
        (Some(why), _) => why,
        (None, None) => format!("The folder {} has no install marker: this is a copy of a newsroom.", folder.display()),
        (None, Some(marker)) if marker.place != here => {
            "This newsroom's folder was copied, or moved to another place or machine.".into()
        }
        (None, Some(marker)) if marker.departure > newest => {
            "The database is older than what was already sent from this folder.".into()
        }
        (None, Some(_)) => return Ok(None),
    };
    Ok(Some(Problem::new(
        format!("{why} All sending is held."),
        "Nobody is mailed, so that nobody is mailed twice. The site, sign-ups and unsubscribing work.",
        "When no other copy of this newsroom runs any more, let it send again: `coranto release`.",
    )))
}

/// Refuses when sending is held.
///
/// # Errors
/// The [`Problem`] of [`held`].
pub async fn refuse_if_held(house: &House) -> Result<(), Problem> {
    held(house).await?.map_or(Ok(()), Err)
}

/// A person says that this is the only copy: it may send again, from here. With `served`, a local date, nobody gets an
/// edition of that date or an earlier one: it went out after the copy was made.
///
/// # Errors
/// A [`Problem`] when the store or the folder cannot be written.
pub async fn release(house: &House, served: Option<jiff::civil::Date>) -> Result<(), Problem> {
    note_now(house).await?;
    let served = served.map(|date| date.to_string());
    let now = house.world.now();
    let released = house.store.write(move |tx| whole::release(tx, served.as_deref(), now)).await;
    released.map_err(|fault| store_problem(&fault))
}

/// Notes that what was cut until now may have left from here: before the first copy of it does.
///
/// # Errors
/// A [`Problem`] when the store cannot be read or the folder not be written.
pub async fn note_now(house: &House) -> Result<i64, Problem> {
    let newest = house.store.read(whole::newest_departure).await.map_err(|fault| store_problem(&fault))?;
    mark(&house.config.folder, newest)?;
    Ok(newest)
}

/// Notes what has been sent from here, for as long as it is polled: a database put back from before is known by it.
pub(crate) async fn note(house: House) {
    let mut noted = Marker::read(&house.config.folder).map_or(0, |marker| marker.departure);
    loop {
        if let Ok(newest) = house.store.read(whole::newest_departure).await
            && newest > noted
            && matches!(held(&house).await, Ok(None))
        {
            match note_now(&house).await {
                Ok(newest) => noted = newest,
                Err(problem) => tracing::warn!(part = "hold", "{problem}"),
            }
        }
        house.world.sleep(NOTE_MS).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_belongs_to_its_own_folder() {
        let scratch = std::env::current_exe().unwrap().with_file_name(format!("hold-{}", std::process::id()));
        let (here, copy) = (scratch.join("here"), scratch.join("copy"));
        fs::create_dir_all(&here).unwrap();
        fs::create_dir_all(&copy).unwrap();
        assert_eq!(Marker::read(&here), None);
        mark(&here, 7).unwrap();
        fs::copy(here.join(MARKER), copy.join(MARKER)).unwrap();
        let marker = Marker::read(&here).unwrap();
        assert_eq!((marker.departure, marker.place == place(&here).unwrap()), (7, true));
        assert_ne!(Marker::read(&copy).unwrap().place, place(&copy).unwrap());
        fs::write(copy.join(MARKER), "coranto install 2\nx\n7\n").unwrap();
        assert_eq!(Marker::read(&copy), None, "what is not understood is no marker");
        fs::remove_dir_all(scratch).unwrap();
    }
}
