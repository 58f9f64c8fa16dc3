//! The five questions of `coranto init`, asked of a person at a terminal.
//!
//! Each shows its default, which Enter takes. An answer that cannot be is told why, and asked for again.

use std::path::Path;

use newsroom::Problem;

use super::wishes::{self, RELAY, Wishes, broken_off};
use crate::answer::tell;
use crate::relay_url::RelayUrl;
use crate::typed;

/// How many questions there are.
pub const QUESTIONS: usize = 5;
/// After so many answers to one question that cannot be, somebody else than a person types.
const ANSWERS_MAX: usize = 20;

/// Asks them all. Nothing is made.
///
/// # Errors
/// A [`Problem`] when it is broken off.
pub fn ask(folder: &Path) -> Result<Wishes, Problem> {
    tell(format_args!(
        "A newsroom in {}. {QUESTIONS} questions; Enter takes what stands in brackets, Ctrl-C ends it, and \
         everything\ncan be changed later.",
        folder.display()
    ));
    let name = question(1, "The outlet's name", "", &wishes::default("outlet.name"), |typed| {
        wishes::line("outlet.name", typed)
    })?;
    let site = question(
        2,
        "The site's address",
        "As readers type it: https://courier.example. The default is this machine, to try it out.",
        &wishes::default("outlet.site"),
        wishes::site,
    )?;
    let from = question(
        3,
        "The address that mail comes from",
        "At the outlet's own domain, which signs the mail.",
        &wishes::usual_from(&site),
        wishes::from,
    )?;
    let domain = wishes::domain(&from)?;
    let relay = question(
        4,
        "The relay that carries the mail",
        "A mail server on this machine: smtp://127.0.0.1:25. An account elsewhere: submission://name@smtp.example.net:587\n   \
         or smtps://name@smtp.example.net:465; its password is asked for then.",
        RELAY,
        RelayUrl::parse,
    )?;
    let password = wishes::password(&relay, None, true)?;
    let postal_address = question(
        5,
        "The outlet's postal address",
        "The law asks for it at the foot of every mail: Name, Street 3, Town. It can wait, but no edition can leave\n   \
         for the world before.",
        "",
        |typed| wishes::line("outlet.postal_address", typed),
    )?;
    Ok(Wishes { name, site, from, domain, relay, password, postal_address, zone: wishes::usual_zone() })
}

/// One question, until its answer can be taken.
fn question<T>(
    number: usize,
    what: &str,
    why: &str,
    usual: &str,
    read: impl Fn(&str) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let why = if why.is_empty() { String::new() } else { format!("   {why}\n") };
    let shown = if usual.is_empty() { "none yet" } else { usual };
    let prompt = format!("\n{number}. {what}\n{why}   [{shown}]: ");
    let mut last = None;
    for _ in 0..ANSWERS_MAX {
        let typed = typed::line(&prompt).map_err(|fault| broken_off(&fault))?;
        match read(if typed.is_empty() { usual } else { &typed }) {
            Ok(taken) => return Ok(taken),
            Err(problem) => {
                tell(format_args!("   {} {}", problem.what, problem.act));
                last = Some(problem);
            }
        }
    }
    Err(last.expect("it was asked at least once"))
}
