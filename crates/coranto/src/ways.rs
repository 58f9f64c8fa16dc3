//! The newsroom's ways out: the relay of the settings, named `main`, and further ones under names of their own.
//!
//! What people agreed with a relay is [`RelayTerms`]; what the post works with is a [`Route`], made of it here. A relay
//! whose terms cannot be used is told of and left out: the others carry its share. A running Coranto looks for changes
//! every few seconds, and takes up what is new without disturbing the rest.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mail::address::HostName;
use mail::smtp::client::Patience;
use newsroom::{FIRST_RELAY, Ms, Problem, RELAY_FIELDS, RelayTerms, RouteId, SECOND_MS};
use post::carry::Capacity;
use post::pace::Caps;
use post::route::{Carrier, Encryption, Login, Relay, Route};
use store::Write;
use tokio::sync::watch;
use world::Target;
use world::tls::Tls;

use crate::house::{House, store_problem};
use crate::office::{sealed_text, unsealed};
use crate::settings::Settings;

/// A file of authorities longer than this is something else by mistake; Debian's whole bundle has 220 kB.
const AUTHORITIES_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// TLS from the first octet (RFC 8314 §7.3).
const SUBMISSIONS_PORT: u16 = 465;
/// The setting that keeps the first relay's password, sealed.
pub const PASSWORD: &str = "relay.password";
/// How often a running Coranto looks whether its relays were changed, in milliseconds.
const LOOK_MS: Ms = 2 * SECOND_MS;

/// The relay that the settings describe.
pub fn first(settings: &Settings) -> RelayTerms {
    let mut terms = RelayTerms::new(RouteId::FIRST, FIRST_RELAY);
    // The outlet's own name in EHLO is a setting of its mail.
    for field in RELAY_FIELDS.iter().filter(|field| field.name != "ehlo") {
        let value = settings.get(&format!("relay.{}", field.name));
        // A host was once let be empty; then there is none to reach, which dialling tells.
        if terms.set(field.name, value).is_err() {
            tracing::warn!(setting = field.name, "A setting of the relay cannot be used; its default stands");
        }
    }
    terms.password = settings.get(PASSWORD).to_owned();
    terms
}

/// Every relay of a newsroom, the first one first.
pub fn every(house: &House) -> Vec<RelayTerms> {
    std::iter::once(first(&house.settings)).chain(house.relays.iter().cloned()).collect()
}

/// How much each relay that carries mail takes.
pub fn capacities(house: &House) -> Vec<Capacity> {
    let capacity =
        |terms: &RelayTerms| Capacity { route: terms.id, name: terms.name.clone(), caps: caps(house, terms) };
    every(house).iter().filter(|terms| terms.active).map(capacity).collect()
}

/// How much a relay takes, and how much its plan for warming up lets it.
pub fn caps(house: &House, terms: &RelayTerms) -> Caps {
    let cap = |cap: u32| Some(cap).filter(|cap| *cap > 0);
    Caps {
        per_second: cap(terms.per_second),
        per_minute: cap(terms.per_minute),
        per_hour: cap(terms.per_hour),
        per_day: cap(terms.per_day),
        allowance: house.warm_up.allowance(terms.id),
    }
}

/// The name under which a relay's password is sealed, so that one relay's cannot be put in another's place.
pub fn password_name(terms: &RelayTerms) -> String {
    if terms.id == RouteId::FIRST { PASSWORD.to_owned() } else { format!("{PASSWORD} {}", terms.name) }
}

/// A password, sealed for this relay.
pub fn seal_password(house: &House, terms: &RelayTerms, password: &str) -> String {
    let seal = house.vault.seal_setting(&password_name(terms), password, &mut |bytes| house.world.fill(bytes));
    sealed_text(seal.0, &seal.1)
}

/// The ways out that carry mail, those of the greatest share first. One that cannot be used is told of and left out.
///
/// # Errors
/// A [`Problem`] when there is none: the first one's that cannot be used, or that none is in use.
pub fn routes(house: &House) -> Result<Vec<Route>, Problem> {
    let (routes, left_out) = usable(house);
    if !routes.is_empty() {
        left_out.iter().for_each(|left_out| tracing::error!(part = "post", "{left_out}"));
        return Ok(routes);
    }
    Err(left_out.into_iter().next().map_or_else(none_in_use, |left_out| left_out.problem))
}

/// A relay that cannot be used.
struct LeftOut {
    name: String,
    problem: Problem,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "The relay {} cannot be used and is left out: {}", self.name, self.problem)
    }
}

/// The ways out that carry mail, those of the greatest share first, and those that would and cannot.
fn usable(house: &House) -> (Vec<Route>, Vec<LeftOut>) {
    let (mut routes, mut left_out) = (Vec::new(), Vec::new());
    for terms in every(house).iter().filter(|terms| terms.active) {
        match route(house, terms) {
            Ok(route) => routes.push(route),
            Err(problem) => left_out.push(LeftOut { name: terms.name.clone(), problem }),
        }
    }
    routes.sort_by_key(|route| std::cmp::Reverse(route.weight));
    (routes, left_out)
}

fn none_in_use() -> Problem {
    Problem::new(
        "No relay is in use: every one was told to rest.",
        "No mail is sent; everything waits.",
        "Let one carry mail again: `coranto relay use main`.",
    )
}

/// A relay as the post works with it.
///
/// # Errors
/// A [`Problem`] when its terms cannot be used.
pub fn route(house: &House, terms: &RelayTerms) -> Result<Route, Problem> {
    let settings = &house.settings;
    let size = |number: u32| usize::try_from(number).expect("a few hundred");
    let named = [terms.ehlo.as_str(), settings.get("mail.ehlo"), settings.get("mail.domain")];
    let named = named.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let ehlo = HostName::parse(named).map_err(|_| {
        Problem::new(
            format!("{named:?} is no name for this host to give to the relay {}.", terms.name),
            "No mail is sent by it; what waits goes by the others, or goes on waiting.",
            "Set mail.ehlo, or this relay's own ehlo, to this host's full name.",
        )
    })?;
    let relay = Relay {
        target: Target::Host { host: terms.host.clone(), port: terms.port },
        source: terms.source.parse::<IpAddr>().ok(),
        encryption: encryption(house, terms)?,
        ehlo,
        login: login(house, terms)?,
        patience: patience(settings),
    };
    let waits = ["relay.silence_s", "relay.patience_s", "relay.dot_patience_s"].map(|name| settings.get(name));
    Ok(Route {
        id: terms.id,
        name: terms.name.clone(),
        stamp: format!("{terms:?} {named} {waits:?} {:?}", house.warm_up.allowance(terms.id)),
        weight: terms.weight,
        connections: size(terms.connections),
        messages_per_connection: size(terms.messages),
        caps: caps(house, terms),
        silence_ms: settings.number("relay.silence_s") * SECOND_MS,
        carrier: Carrier::Relay(relay),
    })
}

fn patience(settings: &Settings) -> Patience {
    let seconds = |name: &str| Duration::from_secs(settings.number(name).unsigned_abs());
    let wait = seconds("relay.patience_s");
    Patience {
        banner: wait,
        command: wait,
        mail: wait,
        rcpt: wait,
        data: wait,
        block: wait,
        dot: seconds("relay.dot_patience_s"),
        ..Patience::default()
    }
}

fn encryption(house: &House, terms: &RelayTerms) -> Result<Encryption, Problem> {
    Ok(match terms.tls.as_str() {
        "none" => Encryption::None,
        "implicit" => Encryption::Implicit(tls(house, terms)?),
        "auto" if terms.port == SUBMISSIONS_PORT => Encryption::Implicit(tls(house, terms)?),
        "auto" if is_this_machine(&terms.host) => Encryption::None,
        _ => Encryption::StartTls(tls(house, terms)?),
    })
}

/// Whether a name can only mean this machine (RFC 6761 §6.3).
pub fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// The web's authorities, and the newsroom's own if the terms name them.
fn tls(house: &House, terms: &RelayTerms) -> Result<Tls, Problem> {
    let path = &terms.ca_file;
    if path.is_empty() {
        return Ok(Tls::public(&house.world));
    }
    let trouble = |why: String| {
        Problem::new(
            format!("The authorities in {path} cannot be used: {why}."),
            "Without them the relay's certificate cannot be checked, so no mail is sent by it; what waits goes on waiting.",
            "Set relay.ca_file to a PEM file with the authority's certificate, or to nothing if the relay's is the web's.",
        )
    };
    let pem = read_limited(Path::new(path)).map_err(|fault| trouble(fault.to_string()))?;
    Tls::public_and(&house.world, &pem).map_err(|fault| trouble(fault.to_string()))
}

fn read_limited(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(AUTHORITIES_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn login(house: &House, terms: &RelayTerms) -> Result<Option<Login>, Problem> {
    if terms.user.is_empty() {
        return Ok(None);
    }
    let name = password_name(terms);
    let opened = unsealed(&terms.password).and_then(|(kid, bytes)| house.vault.open_setting(&name, kid, &bytes).ok());
    let secret = opened.ok_or_else(|| {
        let act = match terms.id == RouteId::FIRST {
            true => "Set it: `coranto settings relay.password` reads it from standard input.".to_owned(),
            false => {
                format!("Set it: `coranto relay change '{}' --password` reads it from standard input.", terms.name)
            }
        };
        Problem::new(
            "The relay's password is not set, or was sealed with another key file.",
            "The relay would refuse us, so no mail is sent; everything waits.",
            act,
        )
    })?;
    Ok(Some(Login { name: terms.user.clone(), secret }))
}

/// Follows the relays as they are changed, for as long as it is polled. What cannot be used is told once; when that leaves
/// none, those that were in use before stay.
pub async fn follow(house: House, tell: watch::Sender<Arc<Vec<Route>>>) {
    let mut known = stamps(&tell.borrow());
    let mut told = usable(&house).1.iter().map(LeftOut::to_string).collect();
    loop {
        house.world.sleep(LOOK_MS).await;
        let (routes, left_out) = match house.refreshed().await {
            Ok(now) => usable(&now),
            Err(problem) => {
                tell_once(&mut told, vec![problem.to_string()]);
                continue;
            }
        };
        let lost_all = routes.is_empty() && !left_out.is_empty();
        tell_once(&mut told, left_out.iter().map(LeftOut::to_string).collect());
        if !lost_all && stamps(&routes) != known {
            known = stamps(&routes);
            tracing::info!(relays = routes.len(), "The relays were changed");
            tell.send_replace(Arc::new(routes));
        }
    }
}

/// Tells what was not told at the last look.
fn tell_once(told: &mut Vec<String>, now: Vec<String>) {
    now.iter().filter(|line| !told.contains(line)).for_each(|line| tracing::error!(part = "post", "{line}"));
    *told = now;
}

fn stamps(routes: &[Route]) -> Vec<String> {
    routes.iter().map(|route| route.stamp.clone()).collect()
}

/// Makes a change to a further relay and keeps it.
///
/// # Errors
/// A [`Problem`] when there is none of that name, or the store fails.
pub async fn change(
    house: &House,
    name: &str,
    change: impl FnOnce(&mut RelayTerms) -> Result<(), Problem>,
) -> Result<RelayTerms, Problem> {
    let known = house.store.read(store::ways::relays).await.map_err(|fault| store_problem(&fault))?;
    let mut terms = known.into_iter().find(|terms| terms.name == name).ok_or_else(|| unknown(name))?;
    change(&mut terms)?;
    let kept = terms.clone();
    let changed = house.store.write(move |tx: &Write<'_>| store::ways::change(tx, &kept)).await;
    if changed.map_err(|fault| store_problem(&fault))? { Ok(terms) } else { Err(unknown(name)) }
}

/// There is no relay of that name.
pub fn unknown(name: &str) -> Problem {
    Problem::new(
        format!("There is no relay called {name:?}."),
        "Nothing was changed.",
        "`coranto relay list` shows them with their names.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_this_machine() {
        for host in ["localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["localhost.example", "relay.example", "10.0.0.1", "0.0.0.0", "128.0.0.1", ""] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
