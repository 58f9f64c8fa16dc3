//! A test copy: one mail to an address that a member typed, in a transaction of its own.
//!
//! It goes by a way that carries the edition, made up and signed as a copy is, and over the same connection code.
//! It is no delivery: the address belongs to no reader, so that there is nothing in the ledger, nothing counts as read, and
//! nothing is tried again. Its links carry no token that a door takes. What the relay said is told at once; whoever asked
//! may ask again.

use mail::address::{EnvelopeAddress, ReversePath};
use mail::shared::{Personal, SharedMail};
use mail::smtp::client::Envelope;
use mail::wire::Piece;
use newsroom::{Address, Cohort, DepartureId, HOUR_MS, Ms, NewsletterId, ReaderId};
use store::{Store, readers, test_copies};
use vault::Vault;
use world::World;

use crate::ready::Sender;
use crate::route::{Route, Unreached};
use crate::verdict::{self, Said};

/// A member tries a mail out a few times; more than this in an hour is somebody using the desk to write to strangers.
pub const TESTS_AN_HOUR_MAX: i64 = 30;

/// Who sends a test copy, and by which way.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    /// The outside.
    pub world: &'a World,
    /// Where it is put on record.
    pub store: &'a Store,
    /// Names the message, and knows who must not be written to.
    pub vault: &'a Vault,
    /// Signs it.
    pub sender: &'a Sender,
    /// Carry it: the first of them that can be reached.
    pub routes: &'a [Route],
}

/// What a member asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Of which newsletter.
    pub newsletter: NewsletterId,
    /// The mail, marked as a test in its subject.
    pub mail: &'a Cohort,
    /// What stands where a reader's token would.
    pub token: &'a str,
    /// To whom.
    pub to: &'a Address,
    /// Who asked.
    pub by: &'a str,
}

/// A test copy to be sent.
struct TestCopy<'a> {
    mail: &'a Cohort,
    to: &'a Address,
    token: &'a str,
    /// A number of its own: it names the message.
    number: i64,
    now: Ms,
}

/// Why a test copy did not leave.
#[derive(Debug, thiserror::Error)]
pub enum TestFault {
    /// Enough test copies were sent within the hour.
    #[error("{TESTS_AN_HOUR_MAX} test copies were sent within the hour")]
    TooMany,
    /// Whoever owns the address asked not to be written to, or it bounced.
    #[error("the address must not be written to: whoever owns it said so, or it bounced")]
    Suppressed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The address cannot be written to.
    #[error("the address cannot be written to")]
    Address,
    /// The mail cannot be made up.
    #[error("the mail cannot be made up: {0}")]
    Mail(String),
    /// No connection to a relay came about.
    #[error("{0}")]
    Unreached(String),
    /// No relay is in use.
    #[error("no relay is in use")]
    NoWay,
    /// The relay, or the server behind it, did not take it.
    #[error("it was not taken: {} {}", .0.code, .0.text)]
    Refused(Said),
}

/// Sends a test copy and puts it on record. `Ok` is what the receiving server said when it took it.
///
/// # Errors
/// [`TestFault`]. After a lost connection behind the final dot it may have arrived all the same.
pub async fn send(way: Way<'_>, asked: Asked<'_>) -> Result<Said, TestFault> {
    let (newsletter, now, index) = (asked.newsletter, way.world.now(), way.vault.index(asked.to).to_vec());
    let read = way.store.read(move |tx| {
        Ok((test_copies::since(tx, newsletter, now - HOUR_MS)?, readers::suppressed(tx, &index)?.is_some()))
    });
    match read.await? {
        (sent, _) if sent >= TESTS_AN_HOUR_MAX => return Err(TestFault::TooMany),
        (_, true) => return Err(TestFault::Suppressed),
        (_, false) => {}
    }
    let copy = TestCopy { mail: asked.mail, to: asked.to, token: asked.token, number: way.world.mint(), now };
    let sent = carry(way, &copy).await;
    let (code, reply) = match &sent {
        Ok(said) | Err(TestFault::Refused(said)) => (said.code, said.text.clone()),
        Err(fault) => (0, fault.to_string()),
    };
    let record = test_copies::TestCopy {
        id: copy.number,
        newsletter,
        at: now,
        asked_by: asked.by.to_owned(),
        // An address reaches a record only so.
        redacted: format!("{:?}", asked.to),
        subject: asked.mail.subject.clone(),
        code,
        reply,
    };
    way.store.write(move |tx| test_copies::record(tx, &record)).await?;
    sent
}

async fn carry(Way { world, vault, sender, routes, .. }: Way<'_>, copy: &TestCopy<'_>) -> Result<Said, TestFault> {
    let shared = SharedMail::from_bytes(&copy.mail.body).map_err(|fault| TestFault::Mail(fault.to_string()))?;
    let to = EnvelopeAddress::parse(copy.to.expose()).map_err(|_| TestFault::Address)?;
    let (departure, nobody) = (DepartureId(copy.number), ReaderId(0));
    let message_id = vault.post_key().message_id(departure, nobody);
    let personal = Personal { to: &to, date_ms: copy.now, message_id: &message_id, leaves_by_mail: false };
    let made = shared.copy(&personal, |_slot| Some(copy.token.to_owned()));
    let made = made.map_err(|fault| TestFault::Mail(fault.to_string()))?;
    let signature = sender.signature(&shared, &made, copy.now);
    let head = [&signature[..], made.headers.bytes(), b"\r\n"].concat();
    let [a, b, c, d, e] = shared.body().pieces(&made.tails);
    let pieces = [Piece::Fresh(&head), a, b, c, d, e];
    // A bounce comes back under the name of nobody: it can blame no reader.
    let verp = format!("{}@{}", vault.post_key().verp(departure, nobody), shared.domain().as_str());
    let from = EnvelopeAddress::parse(&verp).map(ReversePath::Address).map_err(|_| TestFault::Address)?;
    let bytes = pieces.iter().map(|piece| piece.bytes().len() as u64).sum();
    let envelope = Envelope { from: &from, to: &to, message_bytes: Some(bytes) };
    transact(world, routes, &envelope, &pieces, copy.to.local()).await
}

async fn transact(
    world: &World,
    routes: &[Route],
    envelope: &Envelope<'_>,
    pieces: &[Piece<'_>; 6],
    local: &str,
) -> Result<Said, TestFault> {
    let unreached = |fault: Unreached| TestFault::Unreached(verdict::scrub(&fault.to_string(), local));
    let mut open = Err(TestFault::NoWay);
    for route in routes {
        open = route.open(world).await.map_err(unreached);
        if open.is_ok() {
            break;
        }
    }
    let mut session = open?;
    let told = async {
        session.begin(envelope).await?;
        session.pieces(pieces).await?;
        session.dot().await
    }
    .await;
    match told {
        Ok(reply) => {
            session.quit().await;
            Ok(verdict::said(&reply, local))
        }
        Err(trouble) => Err(TestFault::Refused(verdict::said_of_trouble(&trouble, local))),
    }
}
