//! Notices of relays, judged: opened, their signatures checked, and what they say of a copy applied as a bounce is.
//!
//! They come in by the public side, which seals them unread: the keys that tell a true one from a forged one are only here. What
//! is not signed as its relay signs, is late, or comes a second time is erased, counted by cause, and silences nobody. What is
//! signed must still carry the mark of a copy of ours and name that copy's own reader; what one relay may end within an hour is
//! limited like everybody's. Nothing of a notice is kept but what a bounce leaves, and no address is.

mod certificates;
mod json;
mod mailgun;
mod sns;

use std::sync::Arc;

use mail::bounce::notice::Said;
use mail::shared::LEAVE_PREFIX;
use newsroom::{DAY_MS, HOUR_MS, MINUTE_MS, Ms, Newsletter, Notice, NoticeFrom};
use seal::{Secret, VERP_PREFIX};
use store::notices::{self, SealedNotice};
use store::{Store, returned};
use vault::Vault;
use world::World;

use crate::returned::{Rules, Taken, Told, take_told};
pub use certificates::Certificates;
pub use sns::{NoTopic, Topic};

/// Notices opened in one transaction: at their longest 8 MB.
const BATCH: i64 = 64;
/// How old a notice may be when it comes. Mailgun tries again for 8 hours, SNS for 6 at most as it comes out of the box.
pub const NOTICE_AGE_MS: Ms = 9 * HOUR_MS;
/// How far ahead of ours a relay's clock may be.
pub const NOTICE_AHEAD_MS: Ms = 5 * MINUTE_MS;
/// How long what a notice carries once is remembered: longer than one is believed, whatever the clocks say.
const TOKEN_LIVES_MS: Ms = 2 * DAY_MS;
/// How long a notice waits whose certificate cannot be had.
const PATIENCE_MS: Ms = DAY_MS;
/// How our marks begin.
const PREFIXES: [&str; 2] = [VERP_PREFIX, LEAVE_PREFIX];

/// What tells true notices from forged ones. What has none is turned away.
#[derive(Default)]
pub struct Keys {
    /// Mailgun's webhook signing key.
    pub mailgun: Option<Secret<String>>,
    /// The one topic of SNS that is listened to.
    pub ses: Option<Topic>,
}

/// Why a notice is believed in nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// It has not the form of its relay's notices, or says something twice.
    Unread,
    /// Its signature does not hold, or nothing is there to hold it against.
    Forged,
    /// It is older than relays try, or from the future.
    Late,
    /// It came before.
    Replayed,
    /// It is of another topic.
    AnotherTopic,
    /// Its certificate could not be had for a day.
    NoCertificate,
}

impl Refusal {
    /// The word in counts.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unread => "notice_unread",
            Self::Forged => "notice_forged",
            Self::Late => "notice_late",
            Self::Replayed => "notice_replayed",
            Self::AnotherTopic => "notice_other_topic",
            Self::NoCertificate => "notice_no_certificate",
        }
    }
}

/// What came of a pass over the notices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// What was believed, and what came of each finding.
    pub taken: Vec<Taken>,
    /// What was turned away, and why.
    pub refused: Vec<Refusal>,
    /// Subscriptions that were confirmed.
    pub confirmed: u64,
    /// What waits for a certificate.
    pub waiting: u64,
}

/// A notice whose signature holds.
struct Verified {
    /// Who says it.
    from: NoticeFrom,
    /// What it carries once.
    token: String,
    /// What it says, when that changes anything.
    said: Option<Said>,
    /// It asks whether the topic is to be listened to: SNS's token for saying yes.
    confirms: Option<String>,
}

/// A notice opened and looked at.
enum Looked {
    /// It can be judged without asking anybody.
    Judged(Result<Verified, Refusal>),
    /// Its certificate is wanted first.
    Sns(Box<sns::Signed>),
}

/// Works through the notices that wait.
///
/// # Errors
/// The store's: what was not judged waits.
pub async fn work_through(
    world: &World,
    store: &Store,
    vault: &Arc<Vault>,
    newsletter: &Newsletter,
    rules: Rules,
    keys: &Arc<Keys>,
    certificates: &Certificates,
) -> store::Result<Passed> {
    let (mut passed, mut after) = (Passed::default(), i64::MIN);
    loop {
        let waiting = store.read(move |tx| notices::waiting(tx, after, BATCH)).await?;
        let Some(last) = waiting.last() else { return Ok(passed) };
        after = last.id;
        let looked = look(world, vault, keys, waiting).await;
        let mut judged = Vec::new();
        for (notice, looked) in looked {
            match judge(world, certificates, keys, &notice, looked).await {
                Some(verdict) => judged.push((notice, verdict)),
                None => passed.waiting += 1,
            }
        }
        let at = Desk { vault: vault.clone(), newsletter: newsletter.clone(), rules, world: world.clone() };
        let done = store.write(move |tx| at.apply(tx, judged)).await?;
        passed.taken.extend(done.taken);
        passed.refused.extend(done.refused);
        passed.confirmed += done.confirmed;
    }
}

async fn look(
    world: &World,
    vault: &Arc<Vault>,
    keys: &Arc<Keys>,
    waiting: Vec<SealedNotice>,
) -> Vec<(SealedNotice, Looked)> {
    let (vault, keys) = (vault.clone(), keys.clone());
    let look = move || waiting.into_iter().map(|notice| look_one(&vault, &keys, notice)).collect();
    world.compute(look).await
}

fn look_one(vault: &Vault, keys: &Keys, mut notice: SealedNotice) -> (SealedNotice, Looked) {
    let plain = vault.open_signup(&notice.sealed, &notice.id.to_be_bytes()).ok();
    notice.sealed = Vec::new();
    let opened = plain.and_then(|plain| Notice::from_bytes(plain.expose()).ok());
    let Some(opened) = opened else { return (notice, Looked::Judged(Err(Refusal::Unread))) };
    let looked = match opened.from {
        NoticeFrom::Mailgun => Looked::Judged(mailgun::verify(&opened.body, keys.mailgun.as_ref(), notice.received)),
        NoticeFrom::Ses => match sns::look(&opened.body, keys.ses.as_ref(), notice.received) {
            Ok(signed) => Looked::Sns(Box::new(signed)),
            Err(why) => Looked::Judged(Err(why)),
        },
    };
    (notice, looked)
}

/// `None`: it cannot be judged yet.
async fn judge(
    world: &World,
    certificates: &Certificates,
    keys: &Keys,
    notice: &SealedNotice,
    looked: Looked,
) -> Option<Result<Verified, Refusal>> {
    let signed = match looked {
        Looked::Judged(verdict) => return Some(verdict),
        Looked::Sns(signed) => signed,
    };
    let is_patient = world.now() - notice.received < PATIENCE_MS;
    let later = || (!is_patient).then_some(Err(Refusal::NoCertificate));
    let verified = match certificates.key(&signed.certificate, world.now()).await {
        Ok(key) => signed.verify(&key),
        Err(certificates::NoKey::Away) => return later(),
        Err(certificates::NoKey::Refused) => Err(Refusal::Forged),
    };
    if let (Ok(Verified { confirms: Some(token), .. }), Some(topic)) = (&verified, &keys.ses)
        && !certificates.confirm(topic, token).await
    {
        return later();
    }
    Some(verified)
}

/// What applies judged notices.
struct Desk {
    vault: Arc<Vault>,
    newsletter: Newsletter,
    rules: Rules,
    world: World,
}

impl Desk {
    fn apply(
        &self,
        tx: &store::Write,
        judged: Vec<(SealedNotice, Result<Verified, Refusal>)>,
    ) -> store::Result<Passed> {
        let (mut passed, now) = (Passed::default(), self.world.now());
        notices::forget(tx, now - TOKEN_LIVES_MS)?;
        for (notice, verdict) in judged {
            if !notices::erase(tx, notice.id)? {
                continue;
            }
            let verdict = match verdict {
                Ok(verified) if !self.spend(tx, &verified, now)? => Err(Refusal::Replayed),
                verdict => verdict,
            };
            match verdict {
                Ok(verified) => {
                    passed.confirmed += u64::from(verified.confirms.is_some());
                    passed.taken.extend(self.take(tx, verified, now)?);
                }
                Err(why) => {
                    returned::refuse(tx, why.word(), 1, now)?;
                    passed.refused.push(why);
                }
            }
        }
        Ok(passed)
    }

    fn spend(&self, tx: &store::Write, verified: &Verified, now: Ms) -> store::Result<bool> {
        let token = self.vault.post_key().source(&format!("{} token {}", verified.from.word(), verified.token));
        notices::spend(tx, &token, now)
    }

    fn take(&self, tx: &store::Write, verified: Verified, now: Ms) -> store::Result<Vec<Taken>> {
        let Some(said) = verified.said else { return Ok(Vec::new()) };
        let ids = said.reading.findings.iter().map(|_| self.world.mint()).collect();
        let told = Told { said, source: format!("webhook {}", verified.from.word()), ids };
        take_told(tx, &self.vault, self.newsletter.id, self.rules, told, now)
    }
}

/// Whether a notice that says it was made then is neither too old nor from the future.
fn is_of_late(made: Ms, received: Ms) -> bool {
    (received - NOTICE_AGE_MS..=received + NOTICE_AHEAD_MS).contains(&made)
}
