//! Ways out: the relays beside the settings' own, and how each way has been doing.

use std::collections::BTreeMap;

use newsroom::{Answer, FIRST_RELAY, RELAYS_MAX, RelayTerms, RouteId, Standing, WayState};

use crate::engine::{Row, Value};
use crate::{Read, Result, Write, args, row, sql};

const LIST: &str = sql!(
    "SELECT id, name, host, port, tls, ca_file, login, password, ehlo, source, weight, connections, messages, per_second,
       per_minute, per_hour, per_day, active
     FROM relay
     WHERE removed = 0
     ORDER BY id"
);
const NAMES: &str = sql!("SELECT id, name FROM relay ORDER BY id");
const NEXT: &str = sql!("SELECT coalesce(max(id), 1) + 1 FROM relay");
const ADD: &str = sql!(
    "INSERT INTO relay (id, name, host, port, tls, ca_file, login, password, ehlo, source, weight, connections, messages,
       per_second, per_minute, per_hour, per_day, active, removed)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0)"
);
const CHANGE: &str = sql!(
    "UPDATE relay SET host = $3, port = $4, tls = $5, ca_file = $6, login = $7, password = $8, ehlo = $9, source = $10,
       weight = $11, connections = $12, messages = $13, per_second = $14, per_minute = $15, per_hour = $16, per_day = $17,
       active = $18
     WHERE id = $1 AND name = $2 AND removed = 0"
);
const REMOVE: &str = sql!("UPDATE relay SET removed = 1, active = 0, password = $2 WHERE name = $1 AND removed = 0");

fn terms(row: &Row) -> RelayTerms {
    let number = |at: usize| u32::try_from(row.int(at)).expect("it was checked when it was set");
    RelayTerms {
        id: RouteId(row.int(0)),
        name: row.text(1),
        host: row.text(2),
        port: u16::try_from(row.int(3)).expect("it was checked when it was set"),
        tls: row.text(4),
        ca_file: row.text(5),
        user: row.text(6),
        password: row.text(7),
        ehlo: row.text(8),
        source: row.text(9),
        weight: number(10),
        connections: number(11),
        messages: number(12),
        per_second: number(13),
        per_minute: number(14),
        per_hour: number(15),
        per_day: number(16),
        active: row.int(17) == 1,
    }
}

/// A relay's columns, as [`ADD`] and [`CHANGE`] number them.
fn values(r: &RelayTerms) -> Vec<Value> {
    row![
        r.id.0,
        &r.name,
        &r.host,
        i64::from(r.port),
        &r.tls,
        &r.ca_file,
        &r.user,
        &r.password,
        &r.ehlo,
        &r.source,
        i64::from(r.weight),
        i64::from(r.connections),
        i64::from(r.messages),
        i64::from(r.per_second),
        i64::from(r.per_minute),
        i64::from(r.per_hour),
        i64::from(r.per_day),
        i64::from(r.active),
    ]
}

/// The relays beside the settings' own, in the order in which they came.
///
/// # Errors
/// [`crate::Error`].
pub fn relays(tx: &Read) -> Result<Vec<RelayTerms>> {
    Ok(tx.query(LIST, args![])?.iter().map(terms).collect())
}

/// What each way is called, those that were removed with them: the ledger names them for good.
///
/// # Errors
/// [`crate::Error`].
pub fn names(tx: &Read) -> Result<BTreeMap<RouteId, String>> {
    let first = (RouteId::FIRST, FIRST_RELAY.to_owned());
    Ok(tx.query(NAMES, args![])?.iter().map(|r| (RouteId(r.int(0)), r.text(1))).chain([first]).collect())
}

/// Adds a relay under the next number, whatever its own says. `None`: there is one of that name, or there are enough.
///
/// # Errors
/// [`crate::Error`].
pub fn add(tx: &Write, relay: &RelayTerms) -> Result<Option<RouteId>> {
    let known = relays(tx)?;
    if known.len() + 1 >= RELAYS_MAX || known.iter().any(|other| other.name == relay.name) {
        return Ok(None);
    }
    let id = tx.first(NEXT, args![])?.expect("an aggregate gives a row").int(0);
    tx.execute(ADD, &values(&RelayTerms { id: RouteId(id), ..relay.clone() }))?;
    Ok(Some(RouteId(id)))
}

/// Keeps what was changed of a relay; its name stays. `false`: there is none of that id
/// and name.
///
/// # Errors
/// [`crate::Error`].
pub fn change(tx: &Write, relay: &RelayTerms) -> Result<bool> {
    Ok(tx.execute(CHANGE, &values(relay))? == 1)
}

/// Takes a relay away; its number and its name stay with what it carried, its password does not. `false`: there is none.
///
/// # Errors
/// [`crate::Error`].
pub fn remove(tx: &Write, name: &str) -> Result<bool> {
    Ok(tx.execute(REMOVE, args![name, ""])? == 1)
}

const STANDINGS: &str =
    sql!("SELECT route, state, since, until, faults, why, alerted, answered, code, reply FROM standing ORDER BY route");
const STAND: &str = sql!(
    "INSERT INTO standing (route, state, since, until, faults, why, alerted, answered, code, reply)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     ON CONFLICT (route) DO UPDATE SET state = excluded.state, since = excluded.since, until = excluded.until,
       faults = excluded.faults, why = excluded.why, alerted = excluded.alerted,
       answered = coalesce(excluded.answered, standing.answered),
       code = CASE WHEN excluded.answered IS NULL THEN standing.code ELSE excluded.code END,
       reply = CASE WHEN excluded.answered IS NULL THEN standing.reply ELSE excluded.reply END"
);

/// How each way out has been doing, as the poster last wrote it down.
///
/// # Errors
/// [`crate::Error`].
pub fn standings(tx: &Read) -> Result<Vec<Standing>> {
    let standing = |r: &Row| Standing {
        route: RouteId(r.int(0)),
        state: WayState::from_raw(r.int(1)),
        since: r.int(2),
        until: r.int(3),
        faults: r.int(4),
        why: r.text(5),
        alerted: r.int_or_none(6),
        answered: r.int_or_none(7).map(|at| Answer { at, code: r.int(8), text: r.text(9) }),
    };
    Ok(tx.query(STANDINGS, args![])?.iter().map(standing).collect())
}

/// Writes down how ways out stand. What a way last answered stays until it answers again.
///
/// # Errors
/// [`crate::Error`].
pub fn stand(tx: &Write, standings: &[Standing]) -> Result<()> {
    for s in standings {
        let (at, code, text) = match &s.answered {
            Some(answer) => (Some(answer.at), answer.code, answer.text.as_str()),
            None => (None, 0, ""),
        };
        let row = args![s.route.0, s.state as i64, s.since, s.until, s.faults, &s.why, s.alerted, at, code, text];
        tx.execute(STAND, row)?;
    }
    Ok(())
}
