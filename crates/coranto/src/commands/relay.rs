//! `coranto relay`: the ways out, each with how it is doing.

use std::io::Read;

use newsroom::{FIRST_RELAY, Problem, RelayTerms, RouteId, WARM_UP_VOLUMES, WarmUp, relay_name};
use post::listing::{self, Listed};
use post::warm_up::{self, Today, Why};
use serde_json::json;
use store::{Write, settings, ways as kept};

use super::house;
use super::settings::typed;
use crate::answer::Answer;
use crate::cli::{self, NamedRelay, RelayFields, SetRelay, WarmRelay};
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
        cli::Relay::Warm(of) => warm(&house, of).await,
        cli::Relay::Remove(of) => remove(&house, of).await,
    }
}

async fn list(house: &House) -> Result<Answer, Problem> {
    let (first, now) = (ways::first(&house.settings), house.world.now());
    let zone = house.settings.get("outlet.zone").to_owned();
    let listed = house.store.read(move |tx| listing::every(tx, first, &zone, now)).await;
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
        "warm_up": one.warm_up.as_ref().map(warm_up),
    })
}

/// What a plan says of today: `waiting` with its first day, `day` with its number and copies, or `done`.
fn warm_up(today: &Today) -> serde_json::Value {
    match today {
        Today::NotYet(start) => json!({"state": "waiting", "start": warm_up::date(*start)}),
        Today::Day { number, of, copies, tried, why } => {
            let again = match why {
                Why::Onward => None,
                Why::Unused => Some("unused"),
                Why::PutOff => Some("put_off"),
                Why::Complaints => Some("complaints"),
            };
            json!({"state": "day", "day": number, "of": of, "copies": copies, "tried": tried, "again": again})
        }
        Today::Done => json!({"state": "done"}),
    }
}

fn line(one: &Listed) -> String {
    let t = &one.terms;
    let warms = one.warms.as_ref().map_or(String::new(), |said| format!("\n    {said}"));
    let answered = one.answered(moment).map_or(String::new(), |said| format!("\n    Last answer, {said}"));
    format!(
        "{}  {}:{}  {}\n    {}\n    Weight {}, caps: {}; {}.{warms}{answered}",
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

/// No plan begins further away than this, in days: a typing mistake in the year.
const START_DAYS_MAX: i64 = 366;
/// A plan's file longer than this is something else by mistake.
const PLAN_BYTES_MAX: u64 = 16 * 1024;

async fn warm(house: &House, of: &WarmRelay) -> Result<Answer, Problem> {
    let known = ways::every(house).into_iter().find(|terms| terms.name == of.name);
    let route = known.ok_or_else(|| ways::unknown(&of.name))?.id;
    if of.off {
        let ended = house.store.write(move |tx: &Write<'_>| store::warm_up::end(tx, route)).await;
        let told = match ended.map_err(|fault| store_problem(&fault))? {
            true => "Its plan has ended: it carries as much as its caps let it, within seconds.",
            false => "It had no plan, and carries as much as its caps let it.",
        };
        return Ok(Answer::new(json!({"relay": of.name, "warm_up": null}), told));
    }
    let now = house.world.now();
    let today = warm_up::day_of(now, warm_up::offset_ms(house.settings.get("outlet.zone"), now));
    let start = of.start.as_deref().map_or(Ok(today), |typed| start_day(typed, today))?;
    let plan = WarmUp { route, start, volumes: volumes(of)? };
    let (first, days, last) = (plan.volumes[0], plan.volumes.len(), plan.volumes[plan.volumes.len() - 1]);
    let kept = plan.clone();
    let put = house.store.write(move |tx: &Write<'_>| store::warm_up::plan(tx, &kept)).await;
    put.map_err(|fault| store_problem(&fault))?;
    let start = warm_up::date(start);
    let told = format!(
        "From {start} on {} carries at most {first} copies on the first day, and more on each of {days} days, up to {last}; then its caps alone \
         hold. A day that is not used, or does not go well, is had once more. What it does not carry goes by the other ways, or waits: see `coranto edition route`.",
        of.name
    );
    let volumes = plan.volumes;
    Ok(Answer::new(json!({"relay": of.name, "warm_up": {"start": start, "volumes": volumes}}), told))
}

fn start_day(typed: &str, today: i64) -> Result<i64, Problem> {
    let date = typed.parse::<jiff::civil::Date>().ok();
    let dawn = date.and_then(|date| jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok());
    let day = dawn.map(|dawn| dawn.as_millisecond().div_euclid(newsroom::DAY_MS));
    day.filter(|day| (today - START_DAYS_MAX..=today + START_DAYS_MAX).contains(day)).ok_or_else(|| {
        Problem::new(
            format!("{typed:?} is no day that a plan can begin on."),
            "Nothing was changed.",
            "Name a day within a year of today, as `--start 2026-12-01`; without it the plan begins today.",
        )
    })
}

fn volumes(of: &WarmRelay) -> Result<Vec<u32>, Problem> {
    let Some(path) = &of.plan else { return Ok(WARM_UP_VOLUMES.to_vec()) };
    let unreadable = |why: String| {
        Problem::new(
            format!("The plan in {} cannot be used: {why}.", path.display()),
            "Nothing was changed.",
            "Write the most copies of each day in a file, the first day first, or take the usual plan with --default.",
        )
    };
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(PLAN_BYTES_MAX).read_to_string(&mut text));
    read.map_err(|fault| unreadable(fault.to_string()))?;
    WarmUp::parse(&text).map_err(|takes| unreadable(format!("it takes {takes}")))
}

async fn remove(house: &House, of: &NamedRelay) -> Result<Answer, Problem> {
    let name = of.name.clone();
    let removed = house.store.write(move |tx: &Write<'_>| kept::remove(tx, &name)).await;
    if !removed.map_err(|fault| store_problem(&fault))? {
        return Err(ways::unknown(&of.name));
    }
    Ok(Answer::new(json!({"removed": of.name}), "Removed. What it carried stays in the ledger under its name."))
}
