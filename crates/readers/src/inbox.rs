//! The inbox: opens sealed sign-ups, drops what must not be answered, asks the others by letter to confirm, and erases
//! the sealed rows.
//!
//! One transaction a batch: a sign-up is either still sealed in the inbox, or its reader stands with a letter queued. The
//! answer at the door was the same for all: here is decided in silence who gets a letter.

use std::sync::Arc;

use newsroom::{
    Cohort, CohortId, ConsentKind, DAY_MS, DepartureId, Format, Ms, Newsletter, Outlet, ReaderId, SignUp,
    SubscriptionState,
};
use store::letters::{self, Letter};
use store::readers::{self, Line, SealedReader, Signup, Standing};
use store::{Store, Write};
use vault::Vault;
use world::World;

use crate::letter::{self, LetterFault};

/// How many sign-ups are opened in one transaction.
const BATCH: i64 = 128;
/// P24: opt-in letters to one address until it confirms. More is a bomb.
const OPT_INS_MAX: i64 = 3;
/// P24: and no more than one in this time.
const OPT_IN_EVERY_MS: Ms = DAY_MS;
/// After this an opt-in letter is not sent any more: who asked two days ago has forgotten.
const OPT_IN_LIVES_MS: Ms = 2 * DAY_MS;

/// Why the inbox could not be worked through. What was not opened waits there, sealed.
#[derive(Debug, thiserror::Error)]
pub enum InboxFault {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The opt-in letter could not be made.
    #[error("the opt-in letter cannot be made: {0}")]
    Letter(#[from] LetterFault),
}

/// What came of a pass over the inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Sign-ups opened.
    pub opened: u64,
    /// Letters queued.
    pub asked: u64,
}

/// Works through the inbox until it is empty.
///
/// # Errors
/// [`InboxFault`].
pub async fn work_through(
    world: &World,
    store: &Store,
    vault: &Arc<Vault>,
    outlet: &Outlet,
    newsletter: &Newsletter,
) -> Result<Passed, InboxFault> {
    let mut passed = Passed::default();
    loop {
        let waiting = store.read(|tx| readers::waiting(tx, BATCH)).await?;
        if waiting.is_empty() {
            return Ok(passed);
        }
        let opened = open(world, vault, waiting).await;
        let words = words(world, outlet, newsletter, &opened)?;
        let (now, invitation) = (world.now(), outlet.invitation.clone());
        let count = opened.len() as u64;
        passed.asked += store
            .write(move |tx| {
                opened.into_iter().try_fold(0, |n, wish| Ok(n + take(tx, wish, &words, &invitation, now)?))
            })
            .await?;
        passed.opened += count;
    }
}

/// A sign-up opened, with every id it may need.
struct Wish {
    signup: i64,
    /// `None`: it could not be opened, or is none.
    asked: Option<Asked>,
}

struct Asked {
    wish: SignUp,
    reader: SealedReader,
    letter: DepartureId,
    consent: i64,
}

async fn open(world: &World, vault: &Arc<Vault>, waiting: Vec<Signup>) -> Vec<Wish> {
    let (vault, at) = (vault.clone(), world.clone());
    world.compute(move || waiting.into_iter().map(|signup| open_one(&at, &vault, &signup)).collect()).await
}

fn open_one(world: &World, vault: &Vault, signup: &Signup) -> Wish {
    let opened = vault.open_signup(&signup.sealed, &signup.id.to_be_bytes()).ok();
    let wish = opened.and_then(|plain| SignUp::from_bytes(plain.expose()).ok());
    if wish.is_none() {
        tracing::warn!(signup.id = signup.id, "A sign-up could not be opened; it is dropped");
    }
    let asked = wish.map(|wish| {
        let id = ReaderId::from_dice(world.now(), world.dice_u64());
        let (kid, sealed) = vault.seal_address(&wish.address, id, &mut |bytes| world.fill(bytes));
        let reader = SealedReader {
            id,
            kid,
            sealed,
            index: vault.index(&wish.address).to_vec(),
            lane: vault.lane(&wish.address),
            language: wish.language.clone(),
            format: Format::Html,
        };
        Asked { wish, reader, letter: DepartureId(world.mint()), consent: world.mint() }
    });
    Wish { signup: signup.id, asked }
}

/// The opt-in letter's words in one language.
struct Words {
    language: String,
    cohort: Cohort,
    fingerprint: Vec<u8>,
}

fn words(world: &World, outlet: &Outlet, newsletter: &Newsletter, opened: &[Wish]) -> Result<Vec<Words>, LetterFault> {
    let languages: std::collections::BTreeSet<&str> =
        opened.iter().filter_map(|w| w.asked.as_ref()).map(|a| a.wish.language.as_str()).collect();
    languages
        .into_iter()
        .map(|language| {
            let made = letter::opt_in(outlet, newsletter, language)?;
            let cohort = Cohort { id: CohortId(world.mint()), subject: made.subject, body: made.body };
            Ok(Words { language: language.into(), cohort, fingerprint: made.fingerprint })
        })
        .collect()
}

/// Takes one wish in. Gives 1 when it led to a letter.
fn take(tx: &Write, wish: Wish, words: &[Words], invitation: &str, now: Ms) -> store::Result<u64> {
    readers::erase_signup(tx, wish.signup)?;
    let Some(Asked { wish, mut reader, letter, consent }) = wish.asked else { return Ok(0) };
    // Who left or bounced elsewhere may come back here: the letter proves that the address is theirs and works.
    if readers::suppressed(tx, &reader.index)?.is_some_and(|s| !s.ends_at_the_door()) {
        return Ok(0);
    }
    match readers::by_index(tx, &reader.index)? {
        Some(known) => reader.id = known,
        None => readers::add(tx, &reader, now)?,
    }
    if !may_ask(readers::standing(tx, reader.id, wish.newsletter)?.as_ref(), now) {
        return Ok(0);
    }
    readers::ask(tx, reader.id, wish.newsletter, wish.topics, now)?;
    let line = Line { id: consent, door: "form", wording: invitation.into() };
    readers::consent(tx, reader.id, wish.newsletter, ConsentKind::Asked, &line, now)?;
    let words = words.iter().find(|w| w.language == wish.language).expect("words were made for every language");
    let cohort = letters::words(tx, &words.cohort, &words.fingerprint, &words.language, reader.format)?;
    letters::queue(
        tx,
        &Letter {
            departure: letter,
            newsletter: wish.newsletter,
            reader: reader.id,
            lane: reader.lane,
            cohort,
            instant: now,
            expires: now + OPT_IN_LIVES_MS,
        },
    )?;
    Ok(1)
}

/// Whether somebody of this standing is asked to confirm.
fn may_ask(standing: Option<&Standing>, now: Ms) -> bool {
    let Some(standing) = standing else { return true };
    let patient = standing.opt_ins < OPT_INS_MAX && now - standing.opt_in_at >= OPT_IN_EVERY_MS;
    match standing.state {
        // They have it already, or must not be written to: silence either way.
        SubscriptionState::Active | SubscriptionState::Suppressed => false,
        SubscriptionState::Pending | SubscriptionState::Unsubscribed => patient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use newsroom::Topics;

    #[test]
    fn nobody_is_bombed_with_opt_in_letters() {
        let at = |state, opt_ins, opt_in_at| Standing { state, topics: Topics::ALL, opt_ins, opt_in_at };
        let now = 100 * DAY_MS;
        assert!(may_ask(None, now));
        assert!(!may_ask(Some(&at(SubscriptionState::Pending, 1, now - 1)), now));
        assert!(may_ask(Some(&at(SubscriptionState::Pending, 1, now - DAY_MS)), now));
        assert!(!may_ask(Some(&at(SubscriptionState::Pending, 3, 0)), now));
        assert!(!may_ask(Some(&at(SubscriptionState::Active, 0, 0)), now));
        assert!(!may_ask(Some(&at(SubscriptionState::Suppressed, 0, 0)), now));
        assert!(may_ask(Some(&at(SubscriptionState::Unsubscribed, 0, 0)), now));
        assert!(!may_ask(Some(&at(SubscriptionState::Unsubscribed, 1, now)), now));
    }
}
