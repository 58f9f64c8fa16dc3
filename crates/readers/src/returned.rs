//! What comes back, applied: a message is read, its mark checked, and what it says of a reader takes effect.
//!
//! A mark is believed when its MAC holds, its copy is of these weeks, and the address that the message speaks of is the
//! reader's own. Everything else silences nobody: it is counted by cause and forgotten. What one source may end by itself
//! within an hour is limited; what is more waits for a person. All of it is one transaction, durable before anyone hears
//! "accepted"; no message is kept, and no address.

use std::sync::Arc;

use mail::bounce::{self, Finding, Reading};
use mail::reason::Reason;
pub use mail::shared::LEAVE_PREFIX;
use newsroom::{
    Address, COMPLAINED, DAY_MS, DepartureId, DepartureKind, Ms, Newsletter, NewsletterId, ReaderId, UNREACHABLE,
};
use seal::{Purpose, VERP_PREFIX};
use store::readers::{self, Line};
pub use store::returned::Rules;
use store::returned::{self, Kind, Outcome, Returned, Weight};
use store::{Store, Write, editions};
use vault::Vault;
use world::World;

/// Queues give up after 5 days; some reports take longer. What comes back later is a replay.
pub const MARK_LIVES_MS: Ms = 30 * DAY_MS;
/// What is kept of the words, in characters.
const SAID_CHARS_MAX: usize = 200;
/// Held findings resolved in one transaction.
const HELD_MAX: i64 = 10_000;

/// A message and how it came.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The message.
    pub message: Vec<u8>,
    /// The local part of the address to which it was delivered, where the server knows it. Then no other mark counts.
    pub delivered_to: Option<String>,
    /// Who brought it: a peer's network, a provider's name, a file.
    pub source: String,
}

/// Why a finding changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It carries no mark, or one whose MAC does not hold.
    NoMark,
    /// Its mark is of a copy from long ago, or of none that we know.
    Late,
    /// It speaks of another address than the reader's.
    AnotherAddress,
    /// It says nothing that changes anything.
    Nothing,
    /// The same was known of this copy.
    Known,
}

impl Cause {
    /// The word in counts and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoMark => "no_mark",
            Self::Late => "late",
            Self::AnotherAddress => "another_address",
            Self::Nothing => "nothing",
            Self::Known => "known",
        }
    }
}

/// What came of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The finding.
    pub finding: Finding,
    /// Whether its mark was believed.
    pub token_valid: bool,
    /// What was done, or why nothing.
    pub outcome: Result<Outcome, Cause>,
}

/// A relay's notice, read, whose signature held.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// What it says.
    pub(crate) said: bounce::notice::Said,
    /// Who says it, as [`Arrival::source`].
    pub(crate) source: String,
    /// An id for each finding.
    pub(crate) ids: Vec<i64>,
}

/// Takes what a relay's notice says. A copy that left under no mark of ours, because a relay wrote another, is known by its
/// Message-ID, if it was one of a late edition to the reader whom the notice names.
///
/// # Errors
/// The store's.
pub(crate) fn take_told(
    tx: &Write,
    vault: &Arc<Vault>,
    newsletter: NewsletterId,
    rules: Rules,
    told: Told,
    now: Ms,
) -> store::Result<Vec<Taken>> {
    let source = vault.post_key().source(&told.source).to_vec();
    let mut copies = copies(vault, told.said.reading.marks.iter().map(|mark| local_of(mark)));
    if let (true, Some(id)) = (copies.is_empty(), &told.said.message_id) {
        for finding in &told.said.reading.findings {
            copies.extend(by_message_id(tx, vault, finding, local_of(id), now)?);
        }
    }
    let hand = Hand { vault: vault.clone(), newsletter, rules, source, now };
    hand.take(tx, Asked { reading: told.said.reading, copies, leave: None }, &told.ids)
}

/// Editions looked at for a Message-ID: a month of hourly departures would be more, but a notice comes within days.
const DEPARTURES_LOOKED_AT: i64 = 200;

/// Which copy to the reader whom a finding names has this Message-ID.
fn by_message_id(
    tx: &store::Read,
    vault: &Vault,
    finding: &Finding,
    local: &str,
    now: Ms,
) -> store::Result<Option<Copy>> {
    let Some(address) = finding.named.first().and_then(|named| Address::parse(named).ok()) else { return Ok(None) };
    let Some(reader) = readers::by_index(tx, &vault.index(&address))? else { return Ok(None) };
    let mut late = editions::latest(tx, DEPARTURES_LOOKED_AT)?.into_iter();
    let found = late.find(|departure| {
        departure.instant > now - MARK_LIVES_MS && vault.post_key().message_id(departure.id, reader) == local
    });
    Ok(found.map(|departure| Copy { departure: departure.id, reader }))
}

fn local_of(address: &str) -> &str {
    address.split_once('@').map_or(address, |(local, _)| local)
}

fn copies<'l>(vault: &Vault, locals: impl Iterator<Item = &'l str>) -> Vec<Copy> {
    let copy = |local: &str| vault.post_key().check_verp(local);
    locals.filter_map(copy).map(|(departure, reader)| Copy { departure, reader }).collect()
}

/// Whose copy a mark names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Copy {
    departure: DepartureId,
    reader: ReaderId,
}

/// What a message asks for, its MACs checked.
struct Asked {
    reading: Reading,
    copies: Vec<Copy>,
    leave: Option<(ReaderId, NewsletterId)>,
}

/// Reads a message and applies what it says. Durable when it returns.
///
/// # Errors
/// The store's: then nothing was changed, and the message must be kept by whoever has it.
pub async fn take(
    world: &World,
    store: &Store,
    vault: &Arc<Vault>,
    newsletter: &Newsletter,
    rules: Rules,
    arrival: Arrival,
) -> store::Result<Vec<Taken>> {
    let (at_work, source) = (vault.clone(), vault.post_key().source(&arrival.source).to_vec());
    let asked = world.compute(move || ask(&at_work, &arrival)).await;
    let hand = Hand { vault: vault.clone(), newsletter: newsletter.id, rules, source, now: world.now() };
    let ids: Vec<i64> = asked.reading.findings.iter().map(|_| world.mint()).collect();
    store.write(move |tx| hand.take(tx, asked, &ids)).await
}

/// Reads a message and says which of its findings would be believed; changes nothing.
///
/// # Errors
/// The store's.
pub async fn look(
    world: &World,
    store: &Store,
    vault: &Arc<Vault>,
    arrival: Arrival,
) -> store::Result<Vec<(Finding, bool)>> {
    let (vault, now) = (vault.clone(), world.now());
    store
        .read(move |tx| {
            let asked = ask(&vault, &arrival);
            let believed = |finding: &Finding| {
                if finding.kind == bounce::Kind::Unsubscribe && asked.leave.is_some() {
                    return Ok(true);
                }
                Ok(believe(tx, &vault, &asked.copies, finding, now)?.is_ok())
            };
            asked.reading.findings.iter().map(|finding| Ok((finding.clone(), believed(finding)?))).collect()
        })
        .await
}

/// Whether mail to this local part is taken: a mark whose MAC holds. Everything else is somebody else's.
pub fn is_ours(vault: &Vault, local: &str) -> bool {
    vault.post_key().check_verp(local).is_some() || leave_token(vault, local).is_some()
}

fn leave_token(vault: &Vault, local: &str) -> Option<(ReaderId, NewsletterId)> {
    let (prefix, token) = local.split_at_checked(LEAVE_PREFIX.len())?;
    let is_leave = prefix.eq_ignore_ascii_case(LEAVE_PREFIX);
    let (reader, newsletter) = vault.token_key().check(token, Purpose::Unsubscribe).filter(|_| is_leave)?;
    Some((reader, NewsletterId(newsletter)))
}

fn ask(vault: &Vault, arrival: &Arrival) -> Asked {
    let mut reading = bounce::read(&arrival.message, &[VERP_PREFIX, LEAVE_PREFIX]);
    let locals: Vec<String> = match &arrival.delivered_to {
        Some(local) => vec![local.clone()],
        None => reading.marks.iter().map(|mark| local_of(mark).to_owned()).collect(),
    };
    let copies = copies(vault, locals.iter().map(String::as_str));
    let leave = locals.iter().find_map(|local| leave_token(vault, local));
    if arrival.delivered_to.is_some() && leave.is_some() {
        // Whatever it says: nobody writes to such an address but to leave.
        reading.findings.truncate(1);
        reading.findings.iter_mut().for_each(|finding| finding.kind = bounce::Kind::Unsubscribe);
    }
    Asked { reading, copies, leave }
}

/// Whose copy a finding is about, or why it is not believed.
fn believe(
    tx: &store::Read,
    vault: &Vault,
    copies: &[Copy],
    finding: &Finding,
    now: Ms,
) -> store::Result<Result<Believed, Cause>> {
    let mut cause = Cause::NoMark;
    for copy in copies {
        let departure = editions::departure_by_id(tx, copy.departure)?;
        let Some(departure) = departure.filter(|d| (d.instant..d.instant + MARK_LIVES_MS).contains(&now)) else {
            cause = Cause::Late;
            continue;
        };
        let Some(address) = address(tx, vault, copy.reader)? else {
            cause = Cause::Late;
            continue;
        };
        if !is_about(finding, &address) {
            cause = Cause::AnotherAddress;
            continue;
        }
        return Ok(Ok(Believed { copy: *copy, address, is_edition: departure.kind == DepartureKind::Edition }));
    }
    Ok(Err(cause))
}

/// A copy of ours, and whose address it went to.
struct Believed {
    copy: Copy,
    address: Address,
    is_edition: bool,
}

fn address(tx: &store::Read, vault: &Vault, reader: ReaderId) -> store::Result<Option<Address>> {
    let sealed = readers::sealed(tx, reader)?;
    Ok(sealed.and_then(|(kid, sealed)| vault.open_address(kid, &sealed, reader).ok()))
}

/// Whether a finding speaks of this address. One that names nobody speaks of the copy that came with it. Those who report
/// complaints may put something else before the `@` (RFC 6590).
fn is_about(finding: &Finding, address: &Address) -> bool {
    let is_complaint = finding.kind == bounce::Kind::Complaint;
    let domain = |text: &str| text.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
    let is_same = |named: &String| {
        let same = Address::parse(named).is_ok_and(|named| named == *address);
        same || (is_complaint && domain(named) == domain(address.expose()))
    };
    finding.named.is_empty() || finding.named.iter().any(is_same)
}

/// What applies the findings of one message.
struct Hand {
    vault: Arc<Vault>,
    newsletter: NewsletterId,
    rules: Rules,
    source: Vec<u8>,
    now: Ms,
}

impl Hand {
    fn take(&self, tx: &Write, asked: Asked, ids: &[i64]) -> store::Result<Vec<Taken>> {
        let Asked { reading, copies, leave } = asked;
        let mut taken = Vec::with_capacity(reading.findings.len());
        for (finding, id) in reading.findings.into_iter().zip(ids) {
            let outcome = match (finding.kind, leave) {
                (bounce::Kind::Unsubscribe, Some((reader, newsletter))) => self.leave(tx, reader, newsletter, *id)?,
                _ => self.take_finding(tx, &finding, &copies, *id)?,
            };
            if let Err(cause @ (Cause::NoMark | Cause::Late | Cause::AnotherAddress)) = outcome {
                returned::refuse(tx, cause.word(), 1, self.now)?;
            }
            let token_valid = matches!(outcome, Ok(_) | Err(Cause::Known | Cause::Nothing));
            taken.push(Taken { finding, token_valid, outcome });
        }
        Ok(taken)
    }

    fn take_finding(
        &self,
        tx: &Write,
        finding: &Finding,
        copies: &[Copy],
        id: i64,
    ) -> store::Result<Result<Outcome, Cause>> {
        let believed = match believe(tx, &self.vault, copies, finding, self.now)? {
            Ok(believed) => believed,
            Err(cause) => return Ok(Err(cause)),
        };
        let kind = match finding.kind {
            bounce::Kind::Bounce => Kind::Bounce,
            bounce::Kind::Complaint => Kind::Complaint,
            bounce::Kind::Unsubscribe => return self.leave(tx, believed.copy.reader, self.newsletter, id),
            bounce::Kind::Other if finding.is_taken => Kind::Taken,
            bounce::Kind::AutoReply | bounce::Kind::Other => return Ok(Err(Cause::Nothing)),
        };
        let Copy { departure, reader } = believed.copy;
        let weight = self.weight(finding, kind, &believed);
        let kept = Returned {
            id,
            reader,
            departure,
            kind,
            at: self.now,
            source: self.source.clone(),
            reason: finding.reason_word().unwrap_or("").to_owned(),
            hard: finding.hard == Some(true),
            code: finding.reply.map_or(0, i64::from),
            said: scrubbed(&finding.said, &believed.address),
            outcome: Outcome::Kept,
        };
        let outcome = returned::strike(tx, kept, weight, self.newsletter, self.rules)?;
        Ok(outcome.ok_or(Cause::Known))
    }

    fn weight(&self, finding: &Finding, kind: Kind, believed: &Believed) -> Weight {
        let is_about_mailbox = finding.reason.is_some_and(Reason::is_about_mailbox);
        match kind {
            Kind::Complaint => Weight::Ends(COMPLAINED),
            Kind::Bounce if finding.hard == Some(true) => Weight::Ends(UNREACHABLE),
            Kind::Bounce if believed.is_edition && !finding.is_delay && is_about_mailbox => {
                Weight::Soft(self.vault.lane(&believed.address))
            }
            _ => Weight::Nothing,
        }
    }

    fn leave(
        &self,
        tx: &Write,
        reader: ReaderId,
        newsletter: NewsletterId,
        id: i64,
    ) -> store::Result<Result<Outcome, Cause>> {
        let line = Line { id, door: "mail", wording: "unsubscribe".into() };
        let left = readers::unsubscribe(tx, reader, newsletter, &line, self.now)?;
        Ok(if left { Ok(Outcome::Left) } else { Err(Cause::Known) })
    }
}

/// The words without any address.
fn scrubbed(said: &str, address: &Address) -> String {
    let local = address.local();
    let plain = said
        .split_whitespace()
        .filter(|word| !word.contains('@') && !word.contains("=40"))
        .filter(|word| local.len() < 3 || !word.to_lowercase().contains(&local.to_lowercase()));
    plain.collect::<Vec<_>>().join(" ").chars().take(SAID_CHARS_MAX).collect()
}

/// A person's word on everything that is held: it takes effect, or it is dropped. Gives how many.
///
/// # Errors
/// The store's.
pub async fn resolve(world: &World, store: &Store, apply: bool) -> store::Result<u64> {
    let now = world.now();
    store.write(move |tx| resolve_all(tx, apply, now)).await
}

/// A person's word on one that is held, by its id. `0`: it is not held any more.
///
/// # Errors
/// The store's.
pub fn resolve_one(tx: &Write, id: i64, apply: bool, now: Ms) -> store::Result<u64> {
    let these = returned::held(tx, HELD_MAX)?.into_iter().filter(|held| held.id == id).collect();
    resolve_these(tx, these, apply, now)
}

/// A person's word on everything that is held, in the caller's transaction.
///
/// # Errors
/// The store's.
pub fn resolve_all(tx: &Write, apply: bool, now: Ms) -> store::Result<u64> {
    resolve_these(tx, returned::held(tx, HELD_MAX)?, apply, now)
}

fn resolve_these(tx: &Write, these: Vec<Returned>, apply: bool, now: Ms) -> store::Result<u64> {
    let mut resolved = 0;
    for held in these {
        if apply {
            let why = if held.kind == Kind::Complaint { COMPLAINED } else { UNREACHABLE };
            returned::bar(tx, held.reader, why, now)?;
        }
        let outcome = if apply { Outcome::Suppressed } else { Outcome::Dropped };
        resolved += u64::from(returned::resolve(tx, held.id, outcome)?);
    }
    Ok(resolved)
}
