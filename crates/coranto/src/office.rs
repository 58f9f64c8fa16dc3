//! The post office of a newsroom: its orders from the settings, and what its faults mean to a person.

use std::sync::Arc;
use std::time::Duration;

use mail::address::{Domain, HostName};
use mail::dkim::Signer;
use mail::smtp::client::Patience;
use newsroom::Problem;
use post::route::{Login, Relay};
use post::{Orders, PostFault, Sender, Until};
use world::Target;

use crate::house::House;
use crate::settings::Settings;

/// How long a poster that found nothing to do waits before it looks again, in milliseconds.
const IDLE_MS: i64 = 200;
/// After so many faults in a row a command gives up and says why; a running Coranto goes on trying.
const FAULTS_MAX: u32 = 3;

/// The orders for a poster of this newsroom. `secret` is the relay's password, opened.
///
/// # Errors
/// A [`Problem`] when a setting or the DKIM key makes sending impossible.
pub fn orders(house: &House, until: Until, stop: tokio::sync::watch::Receiver<bool>) -> Result<Orders, Problem> {
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
    Ok(Orders {
        sender: Sender { signer: Arc::new(signer(house)?) },
        relay: Relay {
            name: format!("{host}:{port}"),
            target: Target::Host { host, port },
            ehlo,
            login: login(house)?,
            connections: size("relay.connections"),
            messages_per_connection: size("relay.messages"),
            patience,
        },
        holder: house.holder(),
        idle_ms: IDLE_MS,
        retry_first_ms: settings.retry_first_ms(),
        defect: None,
        until,
        stop,
    })
}

/// Whether an edition may leave as the law asks: with the outlet's postal address at its foot. A relay on this machine is a
/// rehearsal, and goes without.
///
/// # Errors
/// A [`Problem`] that says what to set.
pub fn addressed(settings: &Settings) -> Result<(), Problem> {
    let relay = settings.get("relay.host").trim_matches(['[', ']']);
    let here = relay == "localhost" || relay.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if here || !settings.get("outlet.postal_address").trim().is_empty() {
        return Ok(());
    }
    Err(Problem::new(
        "The outlet has no postal address, and the law asks for one in every mail of this kind.",
        "Nothing was sent. The edition stays as it was cut.",
        "Set it at the desk under Outlet, or with `coranto settings outlet.postal_address 'Name, Street 3, Town'`; then send again.",
    ))
}

/// Until everything is settled, giving up after a few faults.
pub fn until_settled() -> Until {
    Until::Settled { faults_max: FAULTS_MAX }
}

fn setting_problem(name: &str, value: &str) -> Problem {
    Problem::new(
        format!("The setting {name} is {value:?}, which cannot be used."),
        "No mail is sent; everything waits.",
        format!("Set it with `coranto settings {name} …`."),
    )
}

/// The signer of the outlet's mail.
///
/// # Errors
/// A [`Problem`] when there is no key under the selector, or it or the domain is no good.
pub fn signer(house: &House) -> Result<Signer, Problem> {
    let (domain, selector) = (house.settings.get("mail.domain"), house.settings.get("mail.selector"));
    let Some(key) = house.vault.ring().dkim(selector) else {
        return Err(Problem::new(
            format!("The key file holds no DKIM key for the selector {selector:?}."),
            "Unsigned mail would be refused by the big providers, so none is sent.",
            "Set mail.selector to one that the key file has; `coranto doctor` lists them.",
        ));
    };
    let trouble = |fault: String| {
        Problem::new(
            format!("The mail cannot be signed for {domain}: {fault}."),
            "No mail is sent; everything waits.",
            "Set mail.domain to the outlet's own domain, or put the right key file back.",
        )
    };
    let name = |text: &str| Domain::parse(text).map_err(|fault| trouble(format!("{text:?}: {fault}")));
    Signer::from_pkcs8(key.expose(), name(domain)?, name(selector)?).map_err(|fault| trouble(fault.to_string()))
}

/// How passwords are kept in the settings: the key's id and the sealed bytes, in hexadecimal.
pub const SEALED_SETTING: &str = "relay.password";

fn login(house: &House) -> Result<Option<Login>, Problem> {
    let name = house.settings.get("relay.user");
    if name.is_empty() {
        return Ok(None);
    }
    let sealed = house.settings.get(SEALED_SETTING);
    let opened = unsealed(sealed).and_then(|(kid, bytes)| house.vault.open_setting(SEALED_SETTING, kid, &bytes).ok());
    let secret = opened.ok_or_else(|| {
        Problem::new(
            "The relay's password is not set, or was sealed with another key file.",
            "The relay would refuse us, so no mail is sent; everything waits.",
            "Set it: `coranto settings relay.password` reads it from standard input.",
        )
    })?;
    Ok(Some(Login { name: name.to_owned(), secret }))
}

/// The kept form of a sealed setting.
pub fn sealed_text(kid: i64, sealed: &[u8]) -> String {
    let digits: String = sealed.iter().map(|b| format!("{b:02x}")).collect();
    format!("{kid}:{digits}")
}

/// Reads the kept form back; `None` when it is none.
pub fn unsealed(text: &str) -> Option<(i64, Vec<u8>)> {
    let (kid, digits) = text.split_once(':')?;
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes = (0..digits.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
    Some((kid.parse().ok()?, bytes))
}

/// What a poster's fault means to a person.
pub fn problem(fault: &PostFault) -> Problem {
    match fault {
        PostFault::Store(fault) => crate::house::store_problem(fault),
        PostFault::Relay(rest) if rest.why.contains("Auth") => Problem::new(
            format!("The relay refused our name or password: {}.", rest.why),
            "No reader is blamed: every copy waits in the queue, and none is lost or sent twice.",
            "Correct relay.user and relay.password (`coranto settings relay.password` reads it from standard input), then send again.",
        ),
        PostFault::Relay(rest) => Problem::new(
            format!("The relay could not be used, {} times in a row: {}.", rest.faults, rest.why),
            "No reader is blamed: every copy waits in the queue, and none is lost or sent twice.",
            "Check relay.host and relay.port and that the relay takes mail from here, then send again.",
        ),
        PostFault::Held(_) | PostFault::Fenced => Problem::new(
            format!("{fault}."),
            "This one sends nothing; the other goes on, and nobody is mailed twice.",
            "Let the other finish, or stop it and try again after a minute.",
        ),
    }
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
}
