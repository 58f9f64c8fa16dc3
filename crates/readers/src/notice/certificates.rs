//! The certificates with which SNS signs, fetched once and remembered; and the yes by which a topic is listened to.
//!
//! Fetched by the one guarded client, from an address that was checked before, without following it anywhere else. What a
//! stranger can make us ask for is limited: so many addresses within a minute, each once.

use std::collections::BTreeMap;
use std::sync::Mutex;

use newsroom::{DAY_MS, MINUTE_MS, Ms};
use url::Url;
use world::http::{Client, Limits, Request};
use world::tls::{SignersKey, Tls};

use super::Topic;

/// A certificate with its chain, in bytes: 2 to 8 kB.
const CERTIFICATE_BYTES_MAX: usize = 64 * 1_024;
/// An answer of SNS's to a confirmation: a few lines of XML.
const ANSWER_BYTES_MAX: usize = 64 * 1_024;
/// How long one fetch may take, in milliseconds.
const FETCH_MS: u64 = 10_000;
/// How long a certificate is believed before it is fetched and looked at again.
const KEPT_MS: Ms = DAY_MS;
/// How long an address that gave none is not asked again.
const REFUSED_MS: Ms = 10 * MINUTE_MS;
/// How long one that could not be reached is not.
const AWAY_MS: Ms = MINUTE_MS;
/// Addresses remembered: SNS has one certificate at a time in a region.
const KEPT_MAX: usize = 64;
/// Addresses fetched within a minute. A forger may name certificates that are not there; each costs a request to Amazon.
const FETCHES_PER_MINUTE_MAX: u32 = 6;

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// It could not be fetched; it may be later.
    Away,
    /// What is there is no certificate of SNS's.
    Refused,
}

/// The certificates. One for a process.
pub struct Certificates {
    client: Client,
    tls: Tls,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: BTreeMap<Url, (Ms, Result<SignersKey, NoKey>)>,
    minute: Ms,
    fetches: u32,
}

impl Certificates {
    /// Fetches with `client`, and holds what it fetched to whom `tls` trusts.
    pub fn new(client: Client, tls: Tls) -> Self {
        Self { client, tls, known: Mutex::default() }
    }

    /// The key of the certificate at `url`, which was checked.
    pub(super) async fn key(&self, url: &Url, now: Ms) -> Result<SignersKey, NoKey> {
        if let Some(known) = self.known(url, now) {
            return known;
        }
        if !self.may_fetch(now) {
            return Err(NoKey::Away);
        }
        let key = self.fetch(url).await;
        let lives = match &key {
            Ok(_) => KEPT_MS,
            Err(NoKey::Refused) => REFUSED_MS,
            Err(NoKey::Away) => AWAY_MS,
        };
        let mut known = self.known.lock().expect("nothing panics under this lock");
        if known.keys.len() >= KEPT_MAX {
            // What was fetched in earnest is asked for again and again, and comes back at once.
            known.keys.clear();
        }
        known.keys.insert(url.clone(), (now + lives, key.clone()));
        key
    }

    fn known(&self, url: &Url, now: Ms) -> Option<Result<SignersKey, NoKey>> {
        let known = self.known.lock().expect("nothing panics under this lock");
        known.keys.get(url).filter(|(until, _)| *until > now).map(|(_, key)| key.clone())
    }

    fn may_fetch(&self, now: Ms) -> bool {
        let mut known = self.known.lock().expect("nothing panics under this lock");
        if known.minute != now.div_euclid(MINUTE_MS) {
            (known.minute, known.fetches) = (now.div_euclid(MINUTE_MS), 0);
        }
        known.fetches += 1;
        known.fetches <= FETCHES_PER_MINUTE_MAX
    }

    async fn fetch(&self, url: &Url) -> Result<SignersKey, NoKey> {
        let limits = Limits { body_bytes: CERTIFICATE_BYTES_MAX, total_ms: FETCH_MS, hops: 0 };
        let answer = self.client.get(&Request { limits, ..Request::new(url.as_str()) }).await;
        let answer = answer.map_err(|fault| {
            tracing::warn!(error = %fault, "The certificate of Amazon SNS cannot be fetched; its notices wait");
            NoKey::Away
        })?;
        match answer.status {
            200 => {}
            // The address of a forger's choosing, most likely.
            400..500 => return Err(NoKey::Refused),
            _ => return Err(NoKey::Away),
        }
        let host = url.host_str().unwrap_or_default();
        // Amazon's own are for the name without the region; docs and regions differ.
        let names = [host, "sns.amazonaws.com", "sns.amazonaws.com.cn"];
        self.tls.signers_key(&answer.body, &names).map_err(|fault| {
            tracing::warn!(error = ?fault, "What stands where Amazon SNS keeps its certificate is none that can be used");
            NoKey::Refused
        })
    }

    /// Tells SNS that `topic` is to be listened to. `false`: it could not be told.
    pub(super) async fn confirm(&self, topic: &Topic, token: &str) -> bool {
        let mut url = Url::parse(&format!("https://{}/", topic.host())).expect("a topic's host is a host");
        url.query_pairs_mut()
            .append_pair("Action", "ConfirmSubscription")
            .append_pair("TopicArn", topic.arn())
            .append_pair("Token", token);
        let limits = Limits { body_bytes: ANSWER_BYTES_MAX, total_ms: FETCH_MS, hops: 0 };
        match self.client.get(&Request { limits, ..Request::new(url.as_str()) }).await {
            Ok(answer) if answer.status < 500 => {
                let is_done = answer.status == 200;
                if is_done {
                    tracing::info!(topic.arn = topic.arn(), "Amazon SNS sends its notices of this topic from now on");
                } else {
                    tracing::warn!(http.status = answer.status, "Amazon SNS did not take our yes to its topic");
                }
                true
            }
            Ok(_) => false,
            Err(fault) => {
                tracing::warn!(error = %fault, "Amazon SNS cannot be told that its topic is listened to; it is tried again");
                false
            }
        }
    }
}
