//! `coranto relay`: the ways out, each with how it is doing.

use newsroom::{FIRST_RELAY, Problem, RelayTerms, RouteId, relay_name};
use post::listing::{self, Listed};
use serde_json::json;
use store::{Write, settings, ways as kept};

use super::house;
use super::settings::typed;
use crate::answer::Answer;
use crate::cli::{self, NamedRelay, RelayFields, SetRelay};
use crate::house::{House, store_problem};
use crate::relay::greet;
use crate::ways;

pub async fn run(of: cli::Relay) -> Result<Answer, Problem> {
    let house = house(of.common()).await?;
    match &of {
        cli::Relay::List(_) => list(&house).await,
        cli::Relay::Add(of) => add(&house, of).await,
        cli::Relay::Change(of) => change(&house, of).await,
        cli::Relay::Rest(of) => set_active(&house, of, false).await,
        cli::Relay::Use(of) => set_active(&house, of, true).await,
        cli::Relay::Try(of) => attempt(&house, of).await,
        cli::Relay::Remove(of) => remove(&house, of).await,
    }
}

async fn list(house: &House) -> Result<Answer, Problem> {
    let (first, now) = (ways::first(&house.settings), house.world.now());
    let listed = house.store.read(move |tx| listing::every(tx, first, now)).await;
    let listed = listed.map_err(|fault| store_problem(&fault))?;
    let rows: Vec<_> = listed.iter().map(row).collect();
    let lines: Vec<String> = listed.iter().map(line).collect();
    Ok(Answer::new(json!({"relays": rows}), lines.join("\n")))
}

fn row(one: &Listed) -> serde_json::Value {
    let (t, standing) = (&one.terms, one.standing.as_ref());
    let answered = standing.and_then(|s| s.answered.as_ref());
    json!({
        "id": t.id.to_string(), "name": t.name, "host": t.host, "port": t.port, "tls": t.tls, "user": t.user,
        "password": if t.password.is_empty() { "not set" } else { "set" }, "weight": t.weight,
        "connections": t.connections, "messages": t.messages, "per_second": t.per_second, "per_minute": t.per_minute,
        "per_hour": t.per_hour, "per_day": t.per_day, "ehlo": t.ehlo, "source": t.source,
        "state": one.word(), "since": standing.map(|s| s.since), "until": standing.map(|s| s.until),
        "faults": standing.map(|s| s.faults), "why": standing.map(|s| &s.why),
        "alerted": standing.and_then(|s| s.alerted), "tried_1h": one.hour, "tried_24h": one.day,
        "answered": answered.map(|a| json!({"at": a.at, "code": a.code, "text": a.text})),
    })
}

fn line(one: &Listed) -> String {
    let t = &one.terms;
    let answered = one.answered(moment).map_or(String::new(), |said| format!("\n    Last answer, {said}"));
    format!(
        "{}  {}:{}  {}\n    {}\n    Weight {}, caps: {}; {}.{answered}",
        t.name,
        t.host,
        t.port,
        one.word(),
        one.how(moment),
        t.weight,
        t.caps_told(),
        one.carried()
    )
}

fn moment(at: i64) -> String {
    crate::relay::moment(at)
}

fn refused(what: String) -> Problem {
    Problem::new(what, "Nothing was changed.", "`coranto relay add --help` says what each takes.")
}

fn take(house: &House, terms: &mut RelayTerms, fields: &RelayFields) -> Result<(), Problem> {
    for (name, value) in fields.given() {
        terms.set(name, value).map_err(|takes| refused(format!("{name} cannot be {value:?}: it takes {takes}.")))?;
    }
    if fields.password {
        terms.password = ways::seal_password(house, terms, &typed()?);
    }
    Ok(())
}

async fn add(house: &House, of: &SetRelay) -> Result<Answer, Problem> {
    let name = relay_name(&of.name).map_err(|takes| refused(format!("A relay's name takes {takes}.")))?;
    if of.fields.host.is_none() {
        return Err(refused("A relay needs a host.".into()));
    }
    let mut terms = RelayTerms::new(RouteId(0), &name);
    take(house, &mut terms, &of.fields)?;
    let added = house.store.write(move |tx: &Write<'_>| kept::add(tx, &terms)).await;
    match added.map_err(|fault| store_problem(&fault))? {
        Some(id) => {
            let told = format!(
                "Added. A running Coranto gives it its share within seconds; `coranto relay try '{name}'` greets it."
            );
            Ok(Answer::new(json!({"added": name, "id": id.to_string()}), told))
        }
        None => Err(refused(format!("There is a relay called {name:?} already, or there are enough of them."))),
    }
}

async fn change(house: &House, of: &SetRelay) -> Result<Answer, Problem> {
    if of.name == FIRST_RELAY {
        return Err(Problem::new(
            "The relay main is the one of the settings.",
            "Nothing was changed.",
            "Change it with `coranto settings relay.host …` and its like.",
        ));
    }
    let terms = ways::change(house, &of.name, |terms| take(house, terms, &of.fields)).await?;
    Ok(Answer::new(json!({"changed": terms.name}), "Changed. A running Coranto takes it up within seconds."))
}

async fn set_active(house: &House, of: &NamedRelay, active: bool) -> Result<Answer, Problem> {
    if of.name == FIRST_RELAY {
        let word = if active { "yes" } else { "no" };
        let put = house.store.write(move |tx: &Write<'_>| settings::put(tx, "relay.use", word)).await;
        put.map_err(|fault| store_problem(&fault))?;
    } else {
        let set = |terms: &mut RelayTerms| {
            terms.active = active;
            Ok(())
        };
        ways::change(house, &of.name, set).await?;
    }
    let told = match active {
        true => "It carries mail again; a running Coranto gives it its share within seconds.",
        false => {
            "It rests: what it has not taken goes by the others, or waits. Copies whose dot has left wait for their answer."
        }
    };
    Ok(Answer::new(json!({"relay": of.name, "active": active}), told))
}

async fn attempt(house: &House, of: &NamedRelay) -> Result<Answer, Problem> {
    let known = ways::every(house).into_iter().find(|terms| terms.name == of.name);
    let told = greet(house, &known.ok_or_else(|| ways::unknown(&of.name))?).await?;
    Ok(Answer::new(json!({"relay": of.name, "well": true, "told": told}), told))
}

async fn remove(house: &House, of: &NamedRelay) -> Result<Answer, Problem> {
    let name = of.name.clone();
    let removed = house.store.write(move |tx: &Write<'_>| kept::remove(tx, &name)).await;
    if !removed.map_err(|fault| store_problem(&fault))? {
        return Err(ways::unknown(&of.name));
    }
    Ok(Answer::new(json!({"removed": of.name}), "Removed. What it carried stays in the ledger under its name."))
}
