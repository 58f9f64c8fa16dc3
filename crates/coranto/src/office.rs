//! The post office of a newsroom: its orders from the settings, and what its faults mean to a person.

use std::sync::Arc;

use mail::address::Domain;
use mail::dkim::Signer;
use newsroom::Problem;
use post::{Orders, PostFault, Routes, Sender, Until};
use tokio::sync::watch;

use crate::house::House;
use crate::{relay, ways};

/// How long a poster that found nothing to do waits before it looks again, in milliseconds.
const IDLE_MS: i64 = 200;
/// After so many faults in a row a command gives up and says why; a running Coranto goes on trying.
const FAULTS_MAX: u32 = 3;

/// The orders for a poster of this newsroom, by its ways out as they stand.
///
/// # Errors
/// A [`Problem`] when a setting or the DKIM key makes sending impossible.
pub fn orders(house: &House, until: Until, stop: watch::Receiver<bool>) -> Result<Orders, Problem> {
    orders_by(house, post::fixed(ways::routes(house)?), until, stop)
}

/// The same by ways out that may change.
///
/// # Errors
/// As [`orders`], but for the ways.
pub fn orders_by(house: &House, routes: Routes, until: Until, stop: watch::Receiver<bool>) -> Result<Orders, Problem> {
    let settings = &house.settings;
    Ok(Orders {
        sender: Sender {
            signer: if settings.signs() { Some(Arc::new(signer(house)?)) } else { None },
            leaves_by_mail: crate::returning::leaves_by_mail(house),
        },
        routes,
        holder: house.holder(),
        lease_ms: post::LEASE_MS,
        idle_ms: IDLE_MS,
        retry_first_ms: settings.retry_first_ms(),
        doubts: settings.doubts(),
        rules: crate::returning::rules(house),
        defect: None,
        until,
        stop,
    })
}

/// Until everything is settled, giving up after a few faults.
pub fn until_settled() -> Until {
    Until::Settled { faults_max: FAULTS_MAX }
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
        PostFault::Relay(rest) => relay::problem(&rest.fault, rest.faults),
        PostFault::NoWay => Problem::new(
            "No relay is in use: every one was told to rest.",
            "No mail is sent; everything waits.",
            "Let one carry mail again: `coranto relay use main`.",
        ),
        PostFault::Held(_) | PostFault::Fenced => Problem::new(
            format!("{fault}."),
            "This one sends nothing; the other goes on, and nobody is mailed twice.",
            "Let the other finish, or stop it and try again after a minute.",
        ),
    }
}
