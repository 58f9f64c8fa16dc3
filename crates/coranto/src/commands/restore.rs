//! `coranto restore`: a newsroom from its backup, in an empty folder and database. It sends nothing until it is released.

use std::fs;
use std::path::Path;

use newsroom::Problem;
use serde_json::json;
use survive::backup::Held;

use super::{backup, start_log, world};
use crate::answer::Answer;
use crate::cli;
use crate::config::{self, Config, DESK, LISTEN};
use crate::house::{House, key_problem, store_problem};
use crate::{passphrase, settings};

/// Restores.
pub(super) async fn run(of: cli::Restore) -> Result<Answer, Problem> {
    start_log("info");
    if let Some(site) = &of.site {
        settings::check("outlet.site", site)?;
    }
    let fresh = empty(&of.dir)?;
    let words = passphrase::known(of.passphrase_file.as_deref())?;
    let world = world();
    let (file, dir, database) = (of.file.clone(), of.dir.clone(), of.database.clone());
    let now = world.now();
    let work = move || {
        let opened = backup::open(&file, words)?;
        let done = fill(opened, &file, &dir, database.as_deref(), now);
        if done.is_err() {
            undo(&dir, fresh);
        }
        done
    };
    let held = world.compute(work).await?;
    let house = House::open(world, Config::read(&of.dir)?).await?;
    if let Some(site) = of.site.clone() {
        let put = house.store.write(move |tx| store::settings::put(tx, "outlet.site", &site)).await;
        put.map_err(|fault| store_problem(&fault))?;
    }
    let told = format!(
        "{} is restored in {1} as of {2}: {3} readers, {4} rows.\n\n\
         All sending is held. `coranto run --data {1}` serves the site, takes sign-ups and lets readers leave.\n\
         When no other copy of this newsroom runs any more: `coranto release --data {1}`.\n\
         If editions went out after {2}, tell it the date of the last: `coranto release --served YYYY-MM-DD --data {1}`.",
        held.heading.outlet,
        of.dir.display(),
        held.heading.made,
        held.readers,
        held.rows
    );
    let json = json!({"folder": of.dir, "made": held.heading.made, "outlet": held.heading.outlet,
        "readers": held.readers, "rows": held.rows, "tables": held.tables, "held": true});
    Ok(Answer::new(json, told))
}

/// Whether the folder is to be made. One that holds anything is refused.
fn empty(dir: &Path) -> Result<bool, Problem> {
    match dir.read_dir().map(|mut inside| inside.next().is_none()) {
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Ok(true) => Ok(false),
        Ok(false) => Err(Problem::new(
            format!("The folder {} is not empty.", dir.display()),
            "Nothing was restored, so that nothing of yours is written over.",
            "Name a new or empty folder.",
        )),
        Err(fault) => Err(disk(dir, &fault)),
    }
}

fn disk(dir: &Path, fault: &std::io::Error) -> Problem {
    Problem::new(
        format!("The folder {} cannot be used: {fault}.", dir.display()),
        "Nothing was restored.",
        "Name a new folder on a disk with room, that you may write to.",
    )
}

fn fill(
    opened: survive::backup::Backup<impl std::io::BufRead>,
    file: &Path,
    dir: &Path,
    database: Option<&str>,
    now: newsroom::Ms,
) -> Result<Held, Problem> {
    fs::create_dir_all(dir).map_err(|fault| disk(dir, &fault))?;
    let mut config = Config::without_file(dir)?;
    if let Some(database) = database {
        config.database = config::location(dir, database);
    }
    opened.ring.create(&config.key_file).map_err(|fault| key_problem(&fault))?;
    let held = opened.restore(&config.database, now).map_err(|fault| backup::problem(file, fault))?;
    // The settings file last: a folder that has it is a newsroom.
    config::write(dir, database, LISTEN, DESK)?;
    Ok(held)
}

/// Takes away what a restore that failed has left in a folder that was empty before.
fn undo(dir: &Path, fresh: bool) {
    let left = ["newsroom.keys", "newsroom.db", "newsroom.db-wal", "newsroom.db-shm"];
    for name in left {
        // What is not there need not go; what cannot go is seen at the next try, which asks for an empty folder.
        let _gone = fs::remove_file(dir.join(name));
    }
    if fresh {
        let _gone = fs::remove_dir(dir);
    }
}
