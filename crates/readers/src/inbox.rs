//! The inbox: opens sealed wishes, drops what must not be answered, asks who signed up by letter to confirm, sends readers
//! the link to their choices, and erases the sealed rows.
//!
//! One transaction a batch: a sign-up is either still sealed in the inbox, or its reader stands with a letter queued. The
//! answer at the door was the same for all: here is decided in silence who gets a letter.

use std::collections::BTreeSet;
use std::sync::Arc;

use newsroom::{
    Cohort, CohortId, ConsentKind, DAY_MS, DepartureId, Format, LinkWish, Ms, Newsletter, Outlet, ReaderId, SignUp,
    SubscriptionState,
};
use store::letters::{self, Letter};
use store::readers::{self, Line, SealedReader, Signup, Standing};
use store::{Store, Write};
use vault::Vault;
use world::World;

use crate::letter::{self, Errand, LetterFault};

/// How many sign-ups are opened in one transaction.
const BATCH: i64 = 128;
/// P24: opt-in letters to one address until it confirms. More is a bomb.
const OPT_INS_MAX: i64 = 3;
/// P24: and no more than one in this time.
const OPT_IN_EVERY_MS: Ms = DAY_MS;
/// And no more than one letter with the link to one's choices in this time: any edition's mail has it too.
const LINK_EVERY_MS: Ms = DAY_MS;
/// After this an opt-in letter is not sent any more: who asked two days ago has forgotten.
const OPT_IN_LIVES_MS: Ms = 2 * DAY_MS;

/// Why the inbox could not be worked through. What was not opened waits there, sealed.
#[derive(Debug, thiserror::Error)]
pub enum InboxFault {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A letter could not be made.
    #[error("the letter cannot be made: {0}")]
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
        let words = words(world, outlet, newsletter, letters_wanted(store, outlet, &opened).await?)?;
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

/// A sealed row opened, with every id it may need.
struct Wish {
    signup: i64,
    asked: Asked,
    letter: DepartureId,
}

enum Asked {
    /// It could not be opened, or is no wish.
    Nothing,
    /// To subscribe.
    SignUp { wish: SignUp, reader: SealedReader, consent: i64 },
    /// For the link to one's choices.
    Link { wish: LinkWish, index: Vec<u8> },
}

async fn open(world: &World, vault: &Arc<Vault>, waiting: Vec<Signup>) -> Vec<Wish> {
    let (vault, at) = (vault.clone(), world.clone());
    world.compute(move || waiting.into_iter().map(|signup| open_one(&at, &vault, &signup)).collect()).await
}

fn open_one(world: &World, vault: &Vault, signup: &Signup) -> Wish {
    let opened = vault.open_signup(&signup.sealed, &signup.id.to_be_bytes()).ok();
    let asked = opened.map_or(Asked::Nothing, |plain| asked(world, vault, plain.expose()));
    if matches!(asked, Asked::Nothing) {
        tracing::warn!(signup.id = signup.id, "A wish at the door could not be opened; it is dropped");
    }
    Wish { signup: signup.id, asked, letter: DepartureId(world.mint()) }
}

fn asked(world: &World, vault: &Vault, plain: &[u8]) -> Asked {
    if let Ok(wish) = LinkWish::from_bytes(plain) {
        let index = vault.index(&wish.address).to_vec();
        return Asked::Link { wish, index };
    }
    let Ok(wish) = SignUp::from_bytes(plain) else { return Asked::Nothing };
    let reader = sealed_reader(world, vault, &wish.address, &wish.language);
    Asked::SignUp { wish, reader, consent: world.mint() }
}

/// A reader's row for an address, as it is when nobody stands behind it yet.
pub(crate) fn sealed_reader(world: &World, vault: &Vault, address: &newsroom::Address, language: &str) -> SealedReader {
    let id = ReaderId::from_dice(world.now(), world.dice_u64());
    let (kid, sealed) = vault.seal_address(address, id, &mut |bytes| world.fill(bytes));
    SealedReader {
        id,
        kid,
        sealed,
        index: vault.index(address).to_vec(),
        lane: vault.lane(address),
        language: language.into(),
        format: Format::Html,
    }
}

/// Which letters are wanted, in which languages.
async fn letters_wanted(
    store: &Store,
    outlet: &Outlet,
    opened: &[Wish],
) -> Result<BTreeSet<(Errand, String)>, store::Error> {
    let mut wanted = BTreeSet::new();
    let mut links = Vec::new();
    for wish in opened {
        match &wish.asked {
            Asked::Nothing => {}
            Asked::SignUp { wish, .. } => drop(wanted.insert((Errand::Confirm, wish.language.clone()))),
            Asked::Link { index, .. } => links.push(index.clone()),
        }
    }
    if !links.is_empty() {
        wanted.insert((Errand::Choices, outlet.language.clone()));
        let languages = store.read(move |tx| links.iter().map(|index| language_of(tx, index)).collect()).await;
        let languages: Vec<Option<String>> = languages?;
        wanted.extend(languages.into_iter().flatten().map(|language| (Errand::Choices, language)));
    }
    Ok(wanted)
}

fn language_of(tx: &store::Read, index: &[u8]) -> store::Result<Option<String>> {
    let Some(reader) = readers::by_index(tx, index)? else { return Ok(None) };
    Ok(readers::mailing(tx, reader)?.map(|(_, language)| language))
}

/// A letter's words in one language.
struct Words {
    errand: Errand,
    language: String,
    cohort: Cohort,
    fingerprint: Vec<u8>,
}

fn words(
    world: &World,
    outlet: &Outlet,
    newsletter: &Newsletter,
    wanted: BTreeSet<(Errand, String)>,
) -> Result<Vec<Words>, LetterFault> {
    wanted
        .into_iter()
        .map(|(errand, language)| {
            let made = letter::make(outlet, newsletter, errand, &language)?;
            let cohort = Cohort { id: CohortId(world.mint()), subject: made.subject, body: made.body };
            Ok(Words { errand, language, cohort, fingerprint: made.fingerprint })
        })
        .collect()
}

/// Takes one wish in. Gives 1 when it led to a letter.
fn take(tx: &Write, wish: Wish, words: &[Words], invitation: &str, now: Ms) -> store::Result<u64> {
    readers::erase_signup(tx, wish.signup)?;
    match wish.asked {
        Asked::Nothing => Ok(0),
        Asked::SignUp { wish: signup, reader, consent } => {
            let line = Line { id: consent, door: "form", wording: invitation.into() };
            take_sign_up(tx, &signup, reader, wish.letter, words, &line, now)
        }
        Asked::Link { wish: link, index } => take_link(tx, &link, &index, wish.letter, words, now),
    }
}

fn take_sign_up(
    tx: &Write,
    wish: &SignUp,
    mut reader: SealedReader,
    departure: DepartureId,
    words: &[Words],
    line: &Line,
    now: Ms,
) -> store::Result<u64> {
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
    readers::consent(tx, reader.id, wish.newsletter, ConsentKind::Asked, line, now)?;
    let words = words.iter().find(|w| w.errand == Errand::Confirm && w.language == wish.language);
    let words = words.expect("words were made for every language");
    let cohort = letters::words(tx, &words.cohort, &words.fingerprint, &words.language, reader.format)?;
    let (newsletter, reader, lane) = (wish.newsletter, reader.id, reader.lane);
    letters::queue(
        tx,
        &Letter { departure, newsletter, reader, lane, cohort, instant: now, expires: now + OPT_IN_LIVES_MS },
    )?;
    Ok(1)
}

/// Only an active reader has choices; everybody else is met with silence.
fn take_link(
    tx: &Write,
    wish: &LinkWish,
    index: &[u8],
    departure: DepartureId,
    words: &[Words],
    now: Ms,
) -> store::Result<u64> {
    let (Some(reader), None) = (readers::by_index(tx, index)?, readers::suppressed(tx, index)?) else { return Ok(0) };
    if !readers::note_link(tx, reader, wish.newsletter, now, now - LINK_EVERY_MS)? {
        return Ok(0);
    }
    let (lane, language) = readers::mailing(tx, reader)?.expect("the reader was found in this transaction");
    let mut choices = words.iter().filter(|w| w.errand == Errand::Choices);
    // The reader may have chosen another language since the letters were made: then the first is the next best.
    let words = choices.clone().find(|w| w.language == language).or_else(|| choices.next());
    let words = words.expect("a letter was made when this wish was opened");
    let cohort = letters::words(tx, &words.cohort, &words.fingerprint, &words.language, Format::Html)?;
    let (newsletter, expires) = (wish.newsletter, now + OPT_IN_LIVES_MS);
    letters::queue(tx, &Letter { departure, newsletter, reader, lane, cohort, instant: now, expires })?;
    Ok(1)
}

/// Whether somebody of this standing is asked to confirm.
fn may_ask(standing: Option<&Standing>, now: Ms) -> bool {
    let Some(standing) = standing else { return true };
    let patient = standing.opt_ins < OPT_INS_MAX && now - standing.opt_in_at >= OPT_IN_EVERY_MS;
    match standing.state {
        // They have it already: silence.
        SubscriptionState::Active => false,
        // Who must not be written to was met with silence before, by their address; an unreachable one may try again.
        SubscriptionState::Pending | SubscriptionState::Unsubscribed | SubscriptionState::Suppressed => patient,
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
        assert!(may_ask(Some(&at(SubscriptionState::Suppressed, 0, 0)), now));
        assert!(!may_ask(Some(&at(SubscriptionState::Suppressed, 3, 0)), now));
        assert!(may_ask(Some(&at(SubscriptionState::Unsubscribed, 0, 0)), now));
        assert!(!may_ask(Some(&at(SubscriptionState::Unsubscribed, 1, now)), now));
    }
}
