//! `coranto readers export`: the whole list, sealed into one age file. It is never on the disk in the clear.

use ::readers::list::chest::{Given, give_out};
use ::readers::list::{Foreign, ListFault};
use newsroom::Problem;
use serde_json::json;
use vault::age;

use super::super::house;
use super::import::unreadable;
use crate::answer::Answer;
use crate::cli::ExportReaders;
use crate::house::store_problem;
use crate::newfile::NewFile;
use crate::passphrase;

/// Exports.
pub(super) async fn run(of: ExportReaders) -> Result<Answer, Problem> {
    let recipients = passphrase::recipients(&of.to, of.passphrase_file.as_deref())?;
    let house = house(&of.common).await?;
    let mut file = NewFile::create(&of.file)?;
    let (world, vault, outlet) = (house.world.clone(), house.vault.clone(), house.outlet().name);
    let written = house
        .store
        .read(move |tx| {
            let mut sealing = match age::seal(&recipients, &mut file, &mut |bytes| world.fill(bytes)) {
                Ok(sealing) => sealing,
                Err(fault) => return Ok(Err(disk(&fault))),
            };
            let given = match give_out(tx, &vault, &outlet, world.now(), &mut sealing)? {
                Ok(given) => given,
                Err(fault) => return Ok(Err(fault)),
            };
            let done = sealing.finish().map(drop).and_then(|()| file.keep());
            Ok(done.map(|()| given).map_err(|fault| disk(&fault)))
        })
        .await;
    let given = written.map_err(|fault| store_problem(&fault))?.map_err(|fault| problem(&of, &fault))?;
    Ok(answer(&of, given))
}

fn disk(fault: &impl std::fmt::Display) -> ListFault {
    ListFault::Foreign(Foreign::Disk(fault.to_string()))
}

fn problem(of: &ExportReaders, fault: &ListFault) -> Problem {
    match fault {
        ListFault::Store(fault) => store_problem(fault),
        ListFault::Vault(..) => unreadable(fault),
        ListFault::Foreign(Foreign::Disk(why)) => crate::newfile::problem(&of.file, why),
        ListFault::Foreign(other) => crate::newfile::problem(&of.file, &format!("{other:?}")),
    }
}

fn answer(of: &ExportReaders, given: Given) -> Answer {
    let file = of.file.display();
    let told = format!(
        "{} readers and {} suppressions are in {file}, sealed.\n\
         `coranto readers import` reads it back, and the age tool opens it: age -d {file}",
        given.readers, given.suppressions
    );
    let json = json!({"file": of.file, "readers": given.readers, "suppressions": given.suppressions});
    Answer::new(json, told)
}
