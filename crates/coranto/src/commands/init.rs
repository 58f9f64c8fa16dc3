//! `coranto init`: founds a newsroom in a folder.

use newsroom::Problem;
use serde_json::json;

use super::world;
use crate::answer::Answer;
use crate::cli::Init;
use crate::config::{Config, FILE};
use crate::house::House;
use crate::{newsdesk, office, settings};

pub async fn run(of: Init) -> Result<Answer, Problem> {
    let file = of.dir.join(FILE);
    if file.exists() {
        return Err(Problem::new(
            format!("There is a newsroom in {} already.", of.dir.display()),
            "It was not touched.",
            "Choose another folder, or go on with this one: `coranto run`.",
        ));
    }
    let mut first: Vec<(&str, String)> = Vec::new();
    for (name, value) in [("outlet.name", of.name), ("outlet.site", of.site)] {
        if let Some(value) = value {
            settings::check(name, &value)?;
            first.push((name, value));
        }
    }
    let mut config = Config::without_file(&of.dir)?;
    if let Some(database) = &of.database {
        config.database = crate::config::location(&of.dir, database);
    }
    let house = House::found(world(), config, &first).await?;
    // The settings file last: a folder that has it is a founded newsroom.
    crate::config::write(&of.dir, of.database.as_deref(), crate::config::LISTEN, crate::config::DESK)?;
    let link = newsdesk::first_link(&house).await?;
    let record = office::signer(&house)?.dns_record();
    let told = format!(
        "The newsroom is founded in {0}.\n\n\
         Its keys are in {1}. Without them the readers' list cannot be opened: keep a copy in a safe place.\n\n\
         Next: look over `coranto settings --data {0}`, publish the DKIM record that `coranto doctor --data {0}` shows,\n\
         add a source with `coranto source add URL --data {0}`, and start with `coranto run --data {0}`.\n\n\
         Then open the desk with this link, which makes you its first member. It works once, for three days:\n{2}",
        of.dir.display(),
        house.config.key_file.display(),
        link.as_ref().map_or("", |link| link.show()),
    );
    let keys = house.config.key_file.display().to_string();
    Ok(Answer::new(
        json!({"folder": of.dir, "keys": keys, "dkim": record, "desk": link.as_ref().map(|link| link.show())}),
        told,
    ))
}
