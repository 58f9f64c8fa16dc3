//! A test copy: one mail to an address that a member typed, in a transaction of its own.
//!
//! It goes through the relay that carries the edition, made up and signed as a copy is, and over the same connection code.
//! It is no delivery: the address belongs to no reader, so that there is nothing in the ledger, nothing counts as read, and
//! nothing is tried again. Its links carry no token that a door takes. What the relay said is told at once; whoever asked
//! may ask again.

use mail::address::{EnvelopeAddress, ReversePath};
use mail::shared::{Personal, SharedMail};
use mail::smtp::client::Envelope;
use newsroom::{Address, Cohort, DepartureId, Ms, ReaderId};
use vault::Vault;
use world::World;

use crate::ready::Sender;
use crate::route::{Relay, Unreached};
use crate::verdict::{self, Said};

/// A test copy to be sent.
#[derive(Clone, Debug)]
pub struct TestCopy<'a> {
    /// The mail, marked as a test in its subject.
    pub mail: &'a Cohort,
    /// To whom.
    pub to: &'a Address,
    /// What stands where a reader's token would.
    pub token: &'a str,
    /// A number of its own: it names the message.
    pub number: i64,
    /// When.
    pub now: Ms,
}

/// Why a test copy did not leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TestFault {
    /// The address cannot be written to.
    #[error("the address cannot be written to")]
    Address,
    /// The mail cannot be made up.
    #[error("the mail cannot be made up: {0}")]
    Mail(String),
    /// No connection to the relay came about.
    #[error("{0}")]
    Unreached(String),
    /// The relay, or the server behind it, did not take it.
    #[error("it was not taken: {} {}", .0.code, .0.text)]
    Refused(Said),
}

/// Sends a test copy. `Ok` is what the receiving server said when it took it.
///
/// # Errors
/// [`TestFault`]. After a lost connection behind the final dot it may have arrived all the same.
pub async fn send(
    world: &World,
    vault: &Vault,
    sender: &Sender,
    relay: &Relay,
    copy: &TestCopy<'_>,
) -> Result<Said, TestFault> {
    let shared = SharedMail::from_bytes(&copy.mail.body).map_err(|fault| TestFault::Mail(fault.to_string()))?;
    let to = EnvelopeAddress::parse(copy.to.expose()).map_err(|_| TestFault::Address)?;
    let (departure, nobody) = (DepartureId(copy.number), ReaderId(0));
    let message_id = vault.post_key().message_id(departure, nobody);
    let personal = Personal { to: &to, date_ms: copy.now, message_id: &message_id };
    let made = shared.copy(&personal, |_slot| Some(copy.token.to_owned()));
    let made = made.map_err(|fault| TestFault::Mail(fault.to_string()))?;
    let signature = sender.signer.sign(&made.headers, &made.body_hash, copy.now.unsigned_abs() / 1_000);
    let head = [signature.as_ref(), made.headers.bytes(), b"\r\n"].concat();
    let [a, b, c, d, e] = shared.body().segments(&made.tails);
    let segments: [&[u8]; 6] = [&head, a, b, c, d, e];
    // A bounce comes back under the name of nobody: it can blame no reader.
    let verp = format!("{}@{}", vault.post_key().verp(departure, nobody), shared.domain().as_str());
    let from = EnvelopeAddress::parse(&verp).map(ReversePath::Address).map_err(|_| TestFault::Address)?;
    let bytes = segments.iter().map(|segment| segment.len() as u64).sum();
    let envelope = Envelope { from: &from, to: &to, message_bytes: Some(bytes) };
    transact(world, relay, &envelope, &segments, copy.to.local()).await
}

async fn transact(
    world: &World,
    relay: &Relay,
    envelope: &Envelope<'_>,
    segments: &[&[u8]; 6],
    local: &str,
) -> Result<Said, TestFault> {
    let unreached = |fault: Unreached| TestFault::Unreached(verdict::scrub(&fault.to_string(), local));
    let mut session = relay.open(world).await.map_err(unreached)?;
    let told = async {
        session.begin(envelope).await?;
        session.body(segments).await?;
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
