//! The newsroom's relay: from its settings, with what its faults mean, and whether it carries an edition in time.
//!
//! A fault here is an account's or a host's, told in words that name the setting to look at; no reader is blamed for it.
//! An edition that the relay's caps cannot carry before it expires leaves only by a person's choice.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use mail::address::HostName;
use mail::smtp::client::Patience;
use newsroom::{Departure, DepartureId, DepartureState, Ms, Problem};
use post::carry::{self, Choice, Opened, Prospect};
use post::circuit::{Fault, FaultKind};
use post::pace::Caps;
use post::route::{Encryption, Login, Relay};
use serde::Serialize;
use world::Target;
use world::tls::Tls;

use crate::hold;
use crate::house::{House, store_problem};
use crate::office::unsealed;
use crate::settings::Settings;

/// A file of authorities longer than this is something else by mistake; Debian's whole bundle has 220 kB.
const AUTHORITIES_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// TLS from the first octet (RFC 8314 §7.3).
const SUBMISSIONS_PORT: u16 = 465;
/// The setting that keeps the relay's password, sealed.
pub const PASSWORD: &str = "relay.password";

/// How much the relay takes, as the settings say.
pub fn caps(settings: &Settings) -> Caps {
    let cap = |name: &str| u32::try_from(settings.number(name)).ok().filter(|cap| *cap > 0);
    Caps { per_minute: cap("relay.per_minute"), per_day: cap("relay.per_day") }
}

/// The relay that the settings describe.
///
/// # Errors
/// A [`Problem`] when a setting makes sending impossible.
pub fn relay(house: &House) -> Result<Relay, Problem> {
    let settings = &house.settings;
    let seconds = |name: &str| Duration::from_secs(settings.number(name).unsigned_abs());
    let size = |name: &str| usize::try_from(settings.number(name)).expect("checked to be small and positive");
    let wait = seconds("relay.patience_s");
    let patience = Patience {
        banner: wait,
        command: wait,
        mail: wait,
        rcpt: wait,
        data: wait,
        block: wait,
        dot: seconds("relay.dot_patience_s"),
        ..Patience::default()
    };
    let named = Some(settings.get("mail.ehlo")).filter(|n| !n.is_empty()).unwrap_or(settings.get("mail.domain"));
    let ehlo = HostName::parse(named).map_err(|_| setting_problem("mail.ehlo", named))?;
    let port = u16::try_from(settings.number("relay.port")).expect("checked to be a port");
    let host = settings.get("relay.host").to_owned();
    Ok(Relay {
        name: format!("{host}:{port}"),
        encryption: encryption(house, &host, port)?,
        target: Target::Host { host, port },
        ehlo,
        login: login(house)?,
        connections: size("relay.connections"),
        messages_per_connection: size("relay.messages"),
        caps: caps(settings),
        patience,
    })
}

fn setting_problem(name: &str, value: &str) -> Problem {
    Problem::new(
        format!("The setting {name} is {value:?}, which cannot be used."),
        "No mail is sent; everything waits.",
        format!("Set it with `coranto settings {name} …`."),
    )
}

fn encryption(house: &House, host: &str, port: u16) -> Result<Encryption, Problem> {
    Ok(match house.settings.get("relay.tls") {
        "none" => Encryption::None,
        "implicit" => Encryption::Implicit(tls(house)?),
        "auto" if port == SUBMISSIONS_PORT => Encryption::Implicit(tls(house)?),
        "auto" if is_this_machine(host) => Encryption::None,
        _ => Encryption::StartTls(tls(house)?),
    })
}

/// Whether a name can only mean this machine (RFC 6761 §6.3).
fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// The web's authorities, and the newsroom's own if a setting names them.
fn tls(house: &House) -> Result<Tls, Problem> {
    let path = house.settings.get("relay.ca_file");
    if path.is_empty() {
        return Ok(Tls::public(&house.world));
    }
    let trouble = |why: String| {
        Problem::new(
            format!("The authorities in {path} cannot be used: {why}."),
            "Without them the relay's certificate cannot be checked, so no mail is sent; everything waits.",
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

fn login(house: &House) -> Result<Option<Login>, Problem> {
    let name = house.settings.get("relay.user");
    if name.is_empty() {
        return Ok(None);
    }
    let sealed = house.settings.get(PASSWORD);
    let opened = unsealed(sealed).and_then(|(kid, bytes)| house.vault.open_setting(PASSWORD, kid, &bytes).ok());
    let secret = opened.ok_or_else(|| {
        Problem::new(
            "The relay's password is not set, or was sealed with another key file.",
            "The relay would refuse us, so no mail is sent; everything waits.",
            "Set it: `coranto settings relay.password` reads it from standard input.",
        )
    })?;
    Ok(Some(Login { name: name.to_owned(), secret }))
}

/// What a relay's fault means to a person, `times` in a row.
pub fn problem(fault: &Fault, times: u32) -> Problem {
    let what = match fault.kind {
        FaultKind::Login => format!("The relay refused our name or password: {fault}."),
        FaultKind::NoLogin => format!("The relay takes no login from us: {fault}."),
        FaultKind::Account => format!("The relay refuses our mail: {fault}."),
        FaultKind::Busy => format!("The relay asks us to come back later: {fault}."),
        FaultKind::Insecure | FaultKind::NoStartTls | FaultKind::ClearLogin => {
            format!("The way to the relay is not safe: {fault}.")
        }
        FaultKind::Unreachable | FaultKind::Garbled if times > 1 => {
            format!("The relay could not be used, {times} times in a row: {fault}.")
        }
        FaultKind::Unreachable | FaultKind::Garbled => format!("The relay could not be used: {fault}."),
    };
    let act = match fault.kind {
        FaultKind::Unreachable => {
            "Check relay.host and relay.port and that the relay takes mail from here, then send again."
        }
        FaultKind::NoStartTls => {
            "Ask who runs the relay for its port with encryption: 587 with STARTTLS, or 465 with relay.tls set to implicit. \
             Only relay.tls set to none sends in the clear."
        }
        FaultKind::Insecure => {
            "Whoever runs the relay must put its certificate right: good today, for the name in relay.host, from an authority \
             that is known. An authority of your own is named with relay.ca_file; relay.tls says which encryption the port has."
        }
        FaultKind::ClearLogin => "Set relay.tls to starttls or implicit, then send again.",
        FaultKind::Login => {
            "Correct relay.user and relay.password (`coranto settings relay.password` reads it from standard input), then \
             send again."
        }
        FaultKind::NoLogin => {
            "Most relays offer a login only once the connection is encrypted: see relay.tls. If this one wants none, set \
             relay.user to nothing."
        }
        FaultKind::Account => {
            "Ask who runs the relay whether the account is in order, and whether it takes mail from mail.from and mail.domain \
             and from this host; then send again."
        }
        FaultKind::Busy => {
            "Wait, or ask who runs the relay how much it takes: relay.connections, relay.per_minute and \
             relay.per_day keep to that."
        }
        FaultKind::Garbled => "Check relay.host, relay.port and relay.tls: what answers there is no mail server.",
    };
    Problem::new(what, "No reader is blamed: every copy waits in the queue, and none is lost or sent twice.", act)
}

/// Whether an edition may leave as the law asks: with the outlet's postal address at its foot. A relay on this machine is a
/// rehearsal, and goes without.
///
/// # Errors
/// A [`Problem`] that says what to set.
pub(crate) fn addressed(settings: &Settings) -> Result<(), Problem> {
    if is_this_machine(settings.get("relay.host")) || !settings.get("outlet.postal_address").trim().is_empty() {
        return Ok(());
    }
    Err(Problem::new(
        "The outlet has no postal address, and the law asks for one in every mail of this kind.",
        "Nothing was sent. The edition stays as it was cut.",
        "Set it at the desk under Outlet, or with `coranto settings outlet.postal_address 'Name, Street 3, Town'`; then send again.",
    ))
}

/// Whether an edition may leave at all: from a newsroom that is no copy of another, with the outlet's postal address.
///
/// # Errors
/// A [`Problem`] that says what to do first.
pub async fn may_leave(house: &House) -> Result<(), Problem> {
    hold::refuse_if_held(house).await?;
    addressed(&house.settings)
}

/// Lets an edition leave, if the relay's caps carry it before it expires or `choice` says what happens otherwise. Every
/// door to sending goes through here.
///
/// # Errors
/// A [`Problem`] when there would be a shortfall that nobody chose, or the edition was cancelled; then nothing was changed.
pub async fn open(house: &House, departure: DepartureId, choice: Choice) -> Result<Prospect, Problem> {
    may_leave(house).await?;
    let now = house.world.now();
    let opened = carry::open(&house.store, caps(&house.settings), departure, choice, now).await;
    match opened.map_err(|fault| store_problem(&fault))? {
        Opened::Open(prospect) => Ok(prospect),
        Opened::Short(prospect) => Err(shortfall_problem(&prospect, now)),
        Opened::Cancelled => Err(Problem::new(
            "This edition was cancelled.",
            "Nothing more of it is sent.",
            "Cut the next one: `coranto edition cut`.",
        )),
    }
}

/// Whether an edition waits for a person's choice because the relay's caps kept it past its time.
///
/// # Errors
/// A [`Problem`] when the store cannot be read.
pub async fn is_held(house: &House, departure: DepartureId) -> Result<bool, Problem> {
    let held = house.store.read(move |tx| store::caps::is_held(tx, departure)).await;
    held.map_err(|fault| store_problem(&fault))
}

/// Tells that an edition is held.
///
/// # Errors
/// A [`Problem`] when it is, or when the store cannot be read.
pub async fn refuse_if_held(house: &House, departure: DepartureId) -> Result<(), Problem> {
    if !is_held(house, departure).await? {
        return Ok(());
    }
    let now = house.world.now();
    let prospect = carry::of_departure(&house.store, caps(&house.settings), departure, now).await;
    let prospect = prospect.map_err(|fault| store_problem(&fault))?.expect("departures are never erased");
    Err(shortfall_problem(&prospect, now))
}

/// What a shortfall means to a person, and what can be chosen.
pub fn shortfall_problem(prospect: &Prospect, now: Ms) -> Problem {
    let (short, copies) = (prospect.shortfall(), prospect.copies);
    let limits = limits(&prospect.caps);
    let what = if prospect.held {
        format!(
            "The edition's time ran out on {} while the relay's caps ({limits}) held {short} readers' copies back.",
            moment(prospect.expires)
        )
    } else {
        format!(
            "The relay's caps ({limits}) do not carry this edition before it expires on {}: {short} of {copies} readers would \
             not get it.",
            moment(prospect.expires)
        )
    };
    let longer = prospect
        .hours_enough(now)
        .filter(|hours| *hours <= HOURS_MAX)
        .map_or(format!("the caps would need more than {HOURS_MAX} hours, too long for news"), |hours| {
            format!("give it more time (`coranto edition send --lives-h {hours}` is enough)")
        });
    Problem::new(
        what,
        "These copies wait, and no reader's copy expires for our own caps unless you say so.",
        format!(
            "Choose: {longer}; raise relay.per_minute or relay.per_day if the relay allows it; or accept that {short} readers \
             do not get it (`coranto edition send --accept-shortfall {short}`)."
        ),
    )
}

/// `coranto edition send --lives-h` takes no more: a week.
const HOURS_MAX: i64 = 168;

fn limits(caps: &Caps) -> String {
    let minute = caps.per_minute.map(|cap| format!("{cap} a minute"));
    let day = caps.per_day.map(|cap| format!("{cap} in 24 hours"));
    let both: Vec<String> = minute.into_iter().chain(day).collect();
    if both.is_empty() { "none set".into() } else { both.join(", ") }
}

/// A moment as a person reads it, to the minute.
fn moment(at: Ms) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Whether today's route carries an edition: `coranto edition route`. Times are UTC milliseconds, ids strings.
#[derive(Clone, Debug, Serialize)]
pub struct Route {
    /// The relay.
    pub relay: String,
    /// Its cap for a minute; none when there is none.
    pub per_minute: Option<u32>,
    /// Its cap for any 24 hours; none when there is none.
    pub per_day: Option<u32>,
    /// Copies tried in the last 24 hours.
    pub tried_24h: i64,
    /// The edition that waits; none: the next one, to everyone who is active.
    pub edition: Option<String>,
    /// Copies that are to leave.
    pub copies: i64,
    /// Copies of letters and of other editions that go first.
    pub ahead: i64,
    /// When they expire.
    pub expires: i64,
    /// How many leave before.
    pub carried: i64,
    /// How many would not.
    pub shortfall: i64,
    /// How many of those a person has given up.
    pub accepted: i64,
    /// Its time ran out and it waits for a choice.
    pub held: bool,
    /// Whether it may leave as it stands.
    pub may_leave: bool,
    /// When the last copy will have left if none expires; none when no cap says anything, or not within a week.
    pub done: Option<i64>,
}

impl Route {
    fn new(relay: String, edition: Option<String>, of: &Prospect) -> Self {
        Self {
            relay,
            per_minute: of.caps.per_minute,
            per_day: of.caps.per_day,
            tried_24h: of.tried,
            edition,
            copies: of.copies,
            ahead: of.ahead,
            expires: of.expires,
            carried: of.carried,
            shortfall: of.shortfall(),
            accepted: of.accepted,
            held: of.held,
            may_leave: of.may_leave(),
            done: of.done,
        }
    }

    /// The same for a person.
    pub fn words(&self) -> String {
        let caps = Caps { per_minute: self.per_minute, per_day: self.per_day };
        let which = match &self.edition {
            Some(edition) => format!("Edition {edition}: {} copies wait", self.copies),
            None => format!("The next edition, to all {} active readers", self.copies),
        };
        let end = moment(self.expires);
        let verdict = match (self.shortfall, self.done) {
            (0, None) => "No cap of ours holds it back.".into(),
            (0, Some(done)) => format!("All of them leave by {}, before they expire on {end}.", moment(done)),
            (short, _) => format!("{} of them leave before they expire on {end}; {short} do not.", self.carried),
        };
        format!(
            "Relay {}, caps: {}; {} copies tried in the last 24 hours.\n{which}, {} others go first.\n{verdict}\n\
             Each copy is counted once; those that are tried again take from the same caps.",
            self.relay,
            limits(&caps),
            self.tried_24h,
            self.ahead
        )
    }
}

/// Whether today's route carries `departure`; or the next edition, when there is none that still has to leave.
///
/// # Errors
/// A [`Problem`] when the store cannot be read.
pub async fn route(house: &House, departure: Option<&Departure>) -> Result<Route, Problem> {
    use DepartureState::{Cut, Open, Paused};
    let (settings, now, newsletter) = (&house.settings, house.world.now(), house.newsletter.id);
    let name = format!("{}:{}", settings.get("relay.host"), settings.get("relay.port"));
    let caps = caps(settings);
    let told = match departure.filter(|d| matches!(d.state, Cut | Open | Paused)) {
        Some(departure) => carry::of_departure(&house.store, caps, departure.id, now).await.map(|found| {
            let found = found.expect("departures are never erased");
            Route::new(name, departure.edition.map(|edition| edition.to_string()), &found)
        }),
        None => {
            let active = house.store.read(move |tx| store::readers::counts(tx, newsletter)).await;
            let active = active.map_err(|fault| store_problem(&fault))?.active;
            let expires = now + settings.edition_lives_ms();
            carry::of_audience(&house.store, caps, active, expires, now).await.map(|all| Route::new(name, None, &all))
        }
    };
    told.map_err(|fault| store_problem(&fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_edition_leaves_for_the_world_without_a_postal_address() {
        let with = |relay: &str, address: &str| {
            let kept = [("relay.host", relay), ("outlet.postal_address", address)];
            addressed(&Settings::new(kept.map(|(name, value)| (name.to_owned(), value.to_owned())).into()))
        };
        assert!(with("smtp.relay.example", " ").is_err());
        assert!(with("203.0.113.7", "").is_err());
        assert!(with("smtp.relay.example", "The Courier, 3 Customs Row, Aldry").is_ok());
        assert!(["127.0.0.1", "[::1]", "localhost"].iter().all(|relay| with(relay, "").is_ok()));
    }

    #[test]
    fn only_this_machine_is_this_machine() {
        for host in ["localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["localhost.example", "relay.example", "10.0.0.1", "0.0.0.0", "128.0.0.1", ""] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn a_shortfall_is_told_with_its_number_and_its_choices() {
        let prospect = Prospect {
            caps: Caps { per_minute: None, per_day: Some(10_000) },
            tried: 0,
            copies: 40_000,
            ahead: 0,
            expires: 1_767_225_600_000,
            carried: 10_000,
            done: Some(1_767_225_600_000 + 50 * 3_600_000),
            accepted: 0,
            held: false,
        };
        let problem = shortfall_problem(&prospect, 1_767_225_600_000);
        assert!(problem.what.contains("30000 of 40000") && problem.what.contains("10000 in 24 hours"), "{problem}");
        for choice in ["--lives-h 52", "relay.per_day", "--accept-shortfall 30000"] {
            assert!(problem.act.contains(choice), "{problem}");
        }
    }
}
