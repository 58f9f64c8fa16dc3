//! What a relay's faults mean to a person, and whether the relays carry an edition in time.
//!
//! A fault here is an account's or a host's, told in words that name the setting to look at; no reader is blamed for it.
//! An edition that the relays' caps cannot carry before it expires leaves only by a person's choice.

use newsroom::{Departure, DepartureId, DepartureState, Ms, Problem, RelayTerms, RouteId};
use post::carry::{self, Choice, Opened, Prospect};
use post::circuit::{Fault, FaultKind};
use post::pace::Caps;
use post::route::{Carrier, Encryption};
use serde::Serialize;

use crate::house::{House, store_problem};
use crate::settings::Settings;
use crate::{hold, ways};

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

/// Opens a connection to a relay, greets and logs in, and says how that went; no mail is sent.
///
/// # Errors
/// A [`Problem`] when its terms cannot be used, or no connection came about.
pub async fn greet(house: &House, terms: &RelayTerms) -> Result<String, Problem> {
    let route = ways::route(house, terms)?;
    let session = route.open(&house.world).await.map_err(|unreached| {
        let fault = problem(&Fault::of_unreached(&unreached), 1);
        if terms.id == RouteId::FIRST {
            return fault;
        }
        let act = fault.act.replace("relay.", "its ");
        Problem {
            act: format!("{act} What is set for it is changed with `coranto relay change '{}'`.", terms.name),
            ..fault
        }
    })?;
    session.quit().await;
    let Carrier::Relay(relay) = &route.carrier;
    let way = match (&relay.encryption, &relay.login) {
        (Encryption::None, None) => "greets us in the clear",
        (Encryption::None, Some(_)) => "greets us in the clear, on this machine, and takes our login",
        (_, None) => "greets us over TLS, with a good certificate",
        (_, Some(_)) => "greets us over TLS, with a good certificate, and takes our login",
    };
    Ok(format!("{}:{} {way}.", terms.host, terms.port))
}

/// Whether an edition may leave as the law asks: with the outlet's postal address at its foot. With relays on this machine
/// alone it is a rehearsal, and goes without.
///
/// # Errors
/// A [`Problem`] that says what to set.
pub(crate) fn addressed(house: &House) -> Result<(), Problem> {
    addressed_by(&ways::every(house), &house.settings)
}

fn addressed_by(relays: &[RelayTerms], settings: &Settings) -> Result<(), Problem> {
    let here = relays.iter().filter(|terms| terms.active).all(|terms| ways::is_this_machine(&terms.host));
    if here || !settings.get("outlet.postal_address").trim().is_empty() {
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
    addressed(house)
}

/// Lets an edition leave, if the relay's caps carry it before it expires or `choice` says what happens otherwise. Every
/// door to sending goes through here.
///
/// # Errors
/// A [`Problem`] when there would be a shortfall that nobody chose, or the edition was cancelled; then nothing was changed.
pub async fn open(house: &House, departure: DepartureId, choice: Choice) -> Result<Prospect, Problem> {
    may_leave(house).await?;
    let now = house.world.now();
    let opened = carry::open(&house.store, ways::capacities(house), departure, choice, now).await;
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
    let prospect = carry::of_departure(&house.store, ways::capacities(house), departure, now).await;
    let prospect = prospect.map_err(|fault| store_problem(&fault))?.expect("departures are never erased");
    Err(shortfall_problem(&prospect, now))
}

/// What a shortfall means to a person, and what can be chosen.
pub fn shortfall_problem(prospect: &Prospect, now: Ms) -> Problem {
    let (short, copies) = (prospect.shortfall(), prospect.copies);
    let limits = limits(prospect);
    let what = if prospect.held {
        format!(
            "The edition's time ran out on {} while the relays' caps ({limits}) held {short} readers' copies back.",
            moment(prospect.expires)
        )
    } else {
        format!(
            "The relays' caps ({limits}) do not carry this edition before it expires on {}: {short} of {copies} readers would \
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
            "Choose: {longer}; raise relay.per_minute or relay.per_day if the relay allows it, or add another relay (`coranto relay add`); or accept that {short} readers \
             do not get it (`coranto edition send --accept-shortfall {short}`)."
        ),
    )
}

/// `coranto edition send --lives-h` takes no more: a week.
const HOURS_MAX: i64 = 168;

fn limits(prospect: &Prospect) -> String {
    let one = prospect.ways.len() == 1;
    let told = |name: &str, caps: &Caps| {
        let caps = caps_told(caps);
        if one { caps } else { format!("{name}: {caps}") }
    };
    prospect.ways.iter().map(|(way, _)| told(&way.name, &way.caps)).collect::<Vec<_>>().join("; ")
}

/// A relay's caps in words.
fn caps_told(caps: &Caps) -> String {
    let each = [
        (caps.per_second, "in a second"),
        (caps.per_minute, "a minute"),
        (caps.per_hour, "in an hour"),
        (caps.per_day, "in 24 hours"),
    ];
    let told = each.iter().filter_map(|(cap, span)| cap.map(|cap| format!("{cap} {span}")));
    let warms = caps.allowance.map(|allowance| format!("{} a day while it warms up", allowance.copies));
    let told: Vec<String> = told.chain(warms).collect();
    if told.is_empty() { "none set".into() } else { told.join(", ") }
}

/// A moment as a person reads it, to the minute.
pub(crate) fn moment(at: Ms) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// What one relay takes, and took.
#[derive(Clone, Debug, Serialize)]
pub struct RelayTakes {
    /// The relay.
    pub relay: String,
    /// Its cap for a second; none when there is none.
    pub per_second: Option<u32>,
    /// Its cap for a minute; none when there is none.
    pub per_minute: Option<u32>,
    /// Its cap for any 60 minutes; none when there is none.
    pub per_hour: Option<u32>,
    /// Its cap for any 24 hours; none when there is none.
    pub per_day: Option<u32>,
    /// What its plan for warming up allows on a day, as of today; none when it has none.
    pub warm_up_per_day: Option<u32>,
    /// Copies tried by it in the last 24 hours.
    pub tried_24h: i64,
    /// What it may carry, as the outlook reckons.
    #[serde(skip)]
    caps: Caps,
}

/// Whether today's ways out carry an edition: `coranto edition route`. Times are UTC milliseconds, ids strings.
#[derive(Clone, Debug, Serialize)]
pub struct Route {
    /// Each relay that carries mail.
    pub relays: Vec<RelayTakes>,
    /// Copies tried in the last 24 hours, by all of them.
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
    fn new(edition: Option<String>, of: &Prospect) -> Self {
        let takes = |(way, tried): &(carry::Capacity, i64)| RelayTakes {
            relay: way.name.clone(),
            per_second: way.caps.per_second,
            per_minute: way.caps.per_minute,
            per_hour: way.caps.per_hour,
            per_day: way.caps.per_day,
            warm_up_per_day: way.caps.allowance.map(|allowance| allowance.copies),
            tried_24h: *tried,
            caps: way.caps,
        };
        Self {
            relays: of.ways.iter().map(takes).collect(),
            tried_24h: of.tried(),
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
        let relay = |takes: &RelayTakes| {
            let caps = caps_told(&takes.caps);
            format!("Relay {}, caps: {caps}; {} copies tried in the last 24 hours.", takes.relay, takes.tried_24h)
        };
        let relays: Vec<String> = self.relays.iter().map(relay).collect();
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
            "{}\n{which}, {} others go first.\n{verdict}\n\
             Each copy is counted once; those that are tried again take from the same caps.",
            relays.join("\n"),
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
    let ways = ways::capacities(house);
    let told = match departure.filter(|d| matches!(d.state, Cut | Open | Paused)) {
        Some(departure) => carry::of_departure(&house.store, ways, departure.id, now).await.map(|found| {
            let found = found.expect("departures are never erased");
            Route::new(departure.edition.map(|edition| edition.to_string()), &found)
        }),
        None => {
            let active = house.store.read(move |tx| store::readers::counts(tx, newsletter)).await;
            let active = active.map_err(|fault| store_problem(&fault))?.active;
            let expires = now + settings.edition_lives_ms();
            carry::of_audience(&house.store, ways, active, expires, now).await.map(|all| Route::new(None, &all))
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
            let settings = Settings::new(kept.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
            let further = RelayTerms::new(RouteId(2), "here");
            addressed_by(&[ways::first(&settings), further], &settings)
        };
        assert!(with("smtp.relay.example", " ").is_err());
        assert!(with("203.0.113.7", "").is_err());
        assert!(with("smtp.relay.example", "The Courier, 3 Customs Row, Aldry").is_ok());
        assert!(["127.0.0.1", "[::1]", "localhost"].iter().all(|relay| with(relay, "").is_ok()));
    }

    #[test]
    fn a_shortfall_is_told_with_its_number_and_its_choices() {
        let prospect = Prospect {
            ways: vec![(
                carry::Capacity {
                    route: RouteId::FIRST,
                    name: "main".into(),
                    caps: Caps { per_day: Some(10_000), ..Caps::default() },
                },
                0,
            )],
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
