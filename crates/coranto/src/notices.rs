//! The notices that relays post to the site, judged behind the vault while Coranto runs.
//!
//! The public side laid them in, sealed and unread. Here is decided what is believed of them, by the settings as they stand.

use std::sync::Arc;

use newsroom::{MAILGUN_KEY_SETTING, Ms, Problem, SES_TOPIC_SETTING};
use readers::notice::{self, Certificates, Keys, Passed, Topic};
use world::http::Client;
use world::tls::Tls;

use crate::house::{House, store_problem};
use crate::{returning, run};

/// How often notices are looked for, in milliseconds: a relay reports within seconds, and nobody waits for the answer.
const LOOK_MS: Ms = 1_000;

/// Judges notices for as long as it is polled.
pub(crate) async fn judging(house: House) {
    let certificates = certificates(&house, Tls::public(&house.world));
    run::forever(&house, LOOK_MS, "notices", || async {
        // Settings are read only where something waits.
        match house.store.read(|tx| store::notices::waiting(tx, i64::MIN, 1)).await {
            Ok(waiting) if waiting.is_empty() => Ok(Passed::default()),
            Ok(_) => judge(&house.refreshed().await?, &certificates).await,
            Err(fault) => Err(store_problem(&fault)),
        }
    })
    .await;
}

/// Certificates of SNS's, believed as `tls` believes.
pub fn certificates(house: &House, tls: Tls) -> Certificates {
    let agent = gather::agent(house.settings.get("outlet.site"));
    Certificates::new(Client::with_tls(&house.world, &agent, tls.clone()), tls)
}

/// Judges what waits.
///
/// # Errors
/// A [`Problem`] when a key cannot be used or the store fails: then what was not judged waits.
pub async fn judge(house: &House, certificates: &Certificates) -> Result<Passed, Problem> {
    let keys = Arc::new(keys(house)?);
    let (world, store, rules) = (&house.world, &house.store, returning::rules(house));
    let passed = notice::work_through(world, store, &house.vault, &house.newsletter, rules, &keys, certificates).await;
    let passed = passed.map_err(|fault| store_problem(&fault))?;
    returning::tell_of_held(&passed.taken);
    if !passed.refused.is_empty() {
        tracing::warn!(
            notices = passed.refused.len(),
            "Notices were turned away: not signed by the relay, too old, or sent twice; `coranto bounces count` sums them by cause"
        );
    }
    Ok(passed)
}

fn keys(house: &House) -> Result<Keys, Problem> {
    let topic = Some(house.settings.get(SES_TOPIC_SETTING)).filter(|arn| !arn.is_empty());
    let ses = topic.map(Topic::parse).transpose().map_err(|fault| {
        Problem::new(
            format!("The setting {SES_TOPIC_SETTING} cannot be used: {fault}."),
            "What SES reports waits, unread.",
            format!("Set it to the topic's ARN: `coranto settings {SES_TOPIC_SETTING} ARN`."),
        )
    })?;
    Ok(Keys { mailgun: house.secret(MAILGUN_KEY_SETTING)?, ses })
}

#[cfg(test)]
mod tests;
