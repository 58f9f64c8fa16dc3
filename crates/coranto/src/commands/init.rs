//! `coranto init`: founds a newsroom in a folder.
//!
//! Everything is asked, and every answer checked, before anything is made: whoever breaks it off has founded nothing.

mod questions;
mod wishes;

use newsroom::Problem;
use serde_json::json;

use super::world;
use crate::answer::Answer;
use crate::cli::Init;
use crate::config::{Config, FILE};
use crate::house::{House, store_problem};
use crate::office::sealed_text;
use crate::{newsdesk, office, typed, ways};
use wishes::Wishes;

pub async fn run(of: Init) -> Result<Answer, Problem> {
    let file = of.dir.join(FILE);
    if file.exists() {
        return Err(Problem::new(
            format!("There is a newsroom in {} already.", of.dir.display()),
            "It was not touched.",
            "Choose another folder, or go on with this one: `coranto run`.",
        ));
    }
    let mut config = Config::without_file(&of.dir)?;
    if let Some(database) = &of.database {
        config.database = crate::config::location(&of.dir, database);
    }
    let person = typed::is_there() && !of.json && !of.yes;
    let wishes = if person && !answers_given(&of) { questions::ask(&of.dir)? } else { Wishes::of_flags(&of, person)? };
    let house = found(config, &wishes).await?;
    // The settings file last: a folder that has it is a founded newsroom.
    crate::config::write(&of.dir, of.database.as_deref(), crate::config::LISTEN, crate::config::DESK)?;
    let link = newsdesk::first_link(&house).await?;
    let link = link.as_ref().map(|link| link.show());
    let record = office::signer(&house)?.dns_record();
    let keys = house.config.key_file.display().to_string();
    let set: serde_json::Map<_, _> = wishes.settings().into_iter().map(|(n, v)| (n.to_owned(), v.into())).collect();
    Ok(Answer::new(
        json!({"folder": of.dir, "keys": keys, "dkim": record, "desk": link, "settings": set}),
        told(&of, &wishes, &keys, link.unwrap_or_default()),
    ))
}

/// Whether the command line answers a question.
fn answers_given(of: &Init) -> bool {
    [&of.name, &of.site, &of.from, &of.relay, &of.postal_address, &of.zone].iter().any(|given| given.is_some())
}

async fn found(config: Config, wishes: &Wishes) -> Result<House, Problem> {
    let house = House::found(world(), config, &wishes.settings()).await?;
    let Some(password) = &wishes.password else { return Ok(house) };
    let (kid, sealed) =
        house.vault.seal_setting(ways::PASSWORD, password.expose(), &mut |bytes| house.world.fill(bytes));
    let kept = sealed_text(kid, &sealed);
    let put = house.store.write(move |tx| store::settings::put(tx, ways::PASSWORD, &kept)).await;
    put.map_err(|fault| store_problem(&fault))?;
    house.refreshed().await
}

/// What was set, where it lies, and what to type next.
fn told(of: &Init, wishes: &Wishes, keys: &str, link: &str) -> String {
    let folder = of.dir.display();
    let login = match &wishes.password {
        Some(_) => ", with its password, sealed",
        None => "",
    };
    let postal = if wishes.postal_address.is_empty() {
        "none yet: through a relay on another machine no edition leaves without one"
    } else {
        &wishes.postal_address
    };
    let next = [
        (format!("coranto doctor --data {folder}"), "whether the relay answers, and the DNS records to publish"),
        (format!("coranto edition test YOUR-ADDRESS --data {folder}"), "a test mail to you"),
        (format!("coranto run --data {folder}"), "serves the site and the desk, gathers, sends"),
    ];
    let wide = next.iter().map(|(command, _)| command.chars().count()).max().unwrap_or_default();
    let next = next.map(|(command, what)| format!("  {command:wide$}  # {what}\n")).concat();
    let Wishes { name, site, from, domain, relay, zone, .. } = wishes;
    format!(
        "The newsroom is founded in {folder}.\n\n\
         \x20 outlet          {name}, at {site}\n\
         \x20 mail            from {from}, signed for {domain}\n\
         \x20 relay           {relay}{login}\n\
         \x20 postal address  {postal}\n\
         \x20 time zone       {zone}\n\n\
         `coranto settings --data {folder}` lists these and all others, and changes them. The keys are in {keys}:\n\
         without them the readers' list cannot be opened. Keep a copy in a safe place.\n\n\
         Next:\n{next}\n\
         Once it runs, open the desk with this link, which makes you its first member. It works once, for three days:\n{link}",
    )
}
