//! `coranto backup`: the whole newsroom in one sealed file, while it works; and whether such a file is whole.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use newsroom::Problem;
use seal::Secret;
use serde_json::json;
use survive::backup::{Backup, BackupFault, Held};
use vault::age::{self, Identity, Recipient};
use world::World;

use super::{house, world};
use crate::answer::Answer;
use crate::cli;
use crate::house::{House, key_problem, store_problem};
use crate::newfile::{self, NewFile};
use crate::passphrase::{self, age_problem};

/// Backs up, or verifies.
pub(super) async fn run(of: cli::Backup) -> Result<Answer, Problem> {
    if of.verify {
        let words = passphrase::known(of.passphrase_file.as_deref())?;
        let held = verify(&world(), &of.file, words).await?;
        let told = format!("{} is whole: {}.", of.file.display(), told(&held));
        return Ok(Answer::new(json(&of.file, &held), told));
    }
    let words = passphrase::fresh(of.passphrase_file.as_deref())?;
    let house = house(&of.common).await?;
    let held = write(&house, &of.file, words.clone()).await?;
    // What was written is read back before anybody relies on it.
    let read = verify(&house.world, &of.file, words).await?;
    assert_eq!(read, held, "a backup reads back as it was written");
    let told = format!(
        "{} holds {}.\nKeep its passphrase apart from it: without it nobody can open it, and with it everybody who has the file can.",
        of.file.display(),
        told(&held)
    );
    Ok(Answer::new(json(&of.file, &held), told))
}

fn told(held: &Held) -> String {
    let (made, outlet) = (&held.heading.made, &held.heading.outlet);
    format!("{outlet} as of {made}: {} readers, {} rows in {} tables", held.readers, held.rows, held.tables)
}

fn json(file: &Path, held: &Held) -> serde_json::Value {
    json!({"file": file, "made": held.heading.made, "outlet": held.heading.outlet, "tables": held.tables,
        "rows": held.rows, "readers": held.readers})
}

async fn write(house: &House, path: &Path, words: Secret<String>) -> Result<Held, Problem> {
    let mut file = NewFile::create(path)?;
    let (world, vault, outlet) = (house.world.clone(), house.vault.clone(), house.outlet().name);
    let log = house.config.log.clone();
    let written = house
        .store
        .read(move |tx| {
            let to = [Recipient::Passphrase(words)];
            let mut sealing = match age::seal(&to, &mut file, &mut |bytes| world.fill(bytes)) {
                Ok(sealing) => sealing,
                Err(fault) => return Ok(Err(fault.to_string())),
            };
            let written = survive::backup::write(tx, vault.ring(), &outlet, &log, world.now(), &mut sealing)?;
            let done = written.and_then(|held| sealing.finish().map(|_| held));
            Ok(done.and_then(|held| file.keep().map(|()| held)).map_err(|fault| fault.to_string()))
        })
        .await;
    written.map_err(|fault| store_problem(&fault))?.map_err(|why| newfile::problem(path, &why))
}

async fn verify(world: &World, path: &Path, words: Secret<String>) -> Result<Held, Problem> {
    let opened = path.to_owned();
    let work = move || open(&opened, words)?.verify().map_err(|fault| problem(&opened, fault));
    world.compute(work).await
}

/// Opens a sealed backup.
///
/// # Errors
/// A [`Problem`] when it is none, or the passphrase is another.
pub(super) fn open(path: &Path, words: Secret<String>) -> Result<Backup<impl std::io::BufRead>, Problem> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|fault| age_problem(&name, &fault.into()))?;
    let opened = age::open(BufReader::new(file), &Identity::Passphrase(words));
    let opened = opened.map_err(|fault| age_problem(&name, &fault))?;
    Backup::open(BufReader::new(opened)).map_err(|fault| problem(path, fault))
}

/// What a fault of a backup means to a person.
pub(super) fn problem(path: &Path, fault: BackupFault) -> Problem {
    match fault {
        BackupFault::Store(fault) => store_problem(&fault),
        BackupFault::Keys(fault) => key_problem(&fault),
        BackupFault::Newer => Problem::new(
            format!("The file {} was made by a newer version of Coranto.", path.display()),
            "Nothing was restored.",
            "Install that version, or a later one, and try again.",
        ),
        fault => Problem::new(
            format!("The file {} cannot be used: {fault}.", path.display()),
            "It must not be relied on. Nothing was restored from it.",
            "Take another backup; while the newsroom runs, make a new one.",
        ),
    }
}
