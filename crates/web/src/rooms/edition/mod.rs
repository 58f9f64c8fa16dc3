//! The edition's rooms: the line-up of the next one, its envelope and blocks, its preview, and the sending.
//!
//! Everything here is a form with one button; two members who change the same thing at once are told, and nothing is
//! overwritten unseen.

pub(crate) mod blocks;
pub(crate) mod delivery;
pub(crate) mod doubts;
pub(crate) mod envelope;
pub(crate) mod line_up;
pub(crate) mod pace;
pub(crate) mod preview;
pub(crate) mod proof;
pub(crate) mod sending;

use edition::cut::Wish;
use jiff::civil::Date;
use newsroom::{EditionKind, HOUR_MS, Problem};
use store::editions::{self, Audience};

use crate::door::{Hall, Visit};
use crate::problem::Trouble;

/// The path of the room in which the next edition is made.
pub(crate) const ROOM: &str = "/edition";
/// The setting that says how long copies may be on their way, in hours.
const LIVES_SETTING: &str = "edition.lives_h";

/// A setting as it stands: what was set, else its default.
fn setting<'a>(hall: &'a Hall, visit: &'a Visit, name: &str) -> &'a str {
    let table = &hall.desk.settings.table;
    let default = || table.iter().find(|setting| setting.name == name).map_or("", |setting| setting.default);
    visit.kept.get(name).map_or_else(default, String::as_str)
}

/// Today's edition, as it would be cut now.
fn wish(hall: &Hall, visit: &Visit) -> Wish {
    Wish {
        newsletter: hall.desk.newsletter.clone(),
        kind: EditionKind::Daily,
        date: today(visit),
        lives_ms: setting(hall, visit, LIVES_SETTING).parse::<i64>().unwrap_or(20).clamp(1, 72) * HOUR_MS,
    }
}

/// The date by the outlet's clock.
fn today(visit: &Visit) -> Date {
    crate::rooms::moment::day(visit.now, &visit.outlet.zone)
}

/// How many readers an edition of today would take now.
async fn due(hall: &Hall, visit: &Visit) -> Result<i64, Trouble> {
    let edition = edition::cut::edition_of(&wish(hall, visit));
    let keys = hall.desk.store.read(move |tx| editions::due_keys(tx, &edition, &Audience::Everybody)).await?;
    Ok(keys.into_iter().map(|(_, count)| count).sum())
}

/// Lays what changed down on the site. A failure is told, and what was done stays done.
async fn publish(hall: &Hall, visit: &Visit) -> Result<(), Trouble> {
    let desk = &hall.desk;
    let done = press::publish::publish(&desk.world, &desk.store, &visit.outlet, &desk.site_folder).await;
    done.map(drop).map_err(|fault| {
        Trouble::refused(Problem::new(
            format!("The site could not be published: {fault}."),
            "What you did is kept; readers see the site as it last was.",
            "Make room on the disk or mend what is named; a running Coranto tries again by itself.",
        ))
    })
}

/// What it means to a member that a mail could not be made.
fn mail_trouble(fault: edition::cut::CutFault) -> Trouble {
    match fault {
        edition::cut::CutFault::Store(fault) => Trouble::Store(fault),
        other => Trouble::refused(Problem::new(
            format!("The mail cannot be made: {other}."),
            "Nothing was changed and nobody was mailed.",
            "Ask an admin to check the outlet's address, From address and mail domain among the settings.",
        )),
    }
}
