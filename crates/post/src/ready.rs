//! A copy made from its cohort's mail: address opened, tokens minted, signed. It lives in memory alone.

use std::sync::Arc;

use mail::address::{EnvelopeAddress, ReversePath};
use mail::dkim::Signer;
use mail::mime::Tails;
use mail::shared::{Personal, PersonalCopy, SharedMail};
use mail::smtp::client::Envelope;
use mail::wire::Piece;
use newsroom::{Delivery, DepartureKind, Ms, RouteId};
use seal::Purpose;
use vault::Vault;

use crate::pace::Leave;

/// What every copy carries, whatever its cohort.
#[derive(Clone)]
pub struct Sender {
    /// Signs the copies; none where the relay signs them with a key of its own.
    pub signer: Option<Arc<Signer>>,
    /// Readers may also leave by mail: what comes back is received.
    pub leaves_by_mail: bool,
}

impl Sender {
    /// The DKIM field of a copy, with its line end; empty where the relay signs.
    pub(crate) fn signature(&self, mail: &SharedMail, copy: &PersonalCopy, at: Ms) -> Vec<u8> {
        // RFC 6376 §3.5: `t=` as of the departure, so that a retry is byte-identical.
        match &self.signer {
            Some(signer) => signer.sign(&copy.headers, &mail.body().hash(&copy.tails), at.unsigned_abs() / 1_000),
            None => Vec::new(),
        }
    }
}

/// A cohort's mail at hand; `None` inside when it cannot be read.
pub struct SharedCopy(Option<SharedMail>);

impl SharedCopy {
    /// The mail of a cohort as the store keeps it.
    pub fn open(cohort: Option<newsroom::Cohort>) -> Self {
        Self(cohort.and_then(|c| SharedMail::from_bytes(&c.body).ok()))
    }
}

/// Why a copy cannot be made: its reader is left out of this departure, and listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CopyFault {
    /// The sealed address does not open.
    #[error("the reader's address cannot be opened")]
    Address,
    /// The cohort's mail cannot be read.
    #[error("the cohort's mail cannot be read")]
    Words,
    /// The copy cannot be written.
    #[error(transparent)]
    Copy(#[from] mail::shared::CopyFault),
}

/// A copy, ready to be sent.
pub struct Ready {
    pub(crate) delivery: Delivery,
    to: EnvelopeAddress,
    from: ReversePath,
    /// Signature, headers, and the empty line after them.
    head: Vec<u8>,
    words: Arc<SharedCopy>,
    tails: Tails,
    /// Its way's caps let it be tried; goes back with it when it was not.
    pub(crate) leave: Option<Leave>,
    /// It waits for all others, whatever it is: a planted defect.
    in_line: bool,
}

impl Ready {
    /// Opens, fills in and signs. A few microseconds and one RSA signature.
    ///
    /// # Errors
    /// [`CopyFault`].
    pub fn make(vault: &Vault, sender: &Sender, delivery: Delivery, words: Arc<SharedCopy>) -> Result<Self, CopyFault> {
        let mail = words.0.as_ref().ok_or(CopyFault::Words)?;
        let (kid, sealed) = &delivery.sealed;
        let address = vault.open_address(*kid, sealed, delivery.reader).map_err(|_| CopyFault::Address)?;
        let to = EnvelopeAddress::parse(address.expose()).map_err(|_| CopyFault::Address)?;
        let (departure, reader) = (delivery.key.departure, delivery.reader);
        let message_id = vault.post_key().message_id(departure, reader);
        let personal = Personal {
            to: &to,
            date_ms: delivery.instant,
            message_id: &message_id,
            leaves_by_mail: sender.leaves_by_mail,
        };
        let copy = mail.copy(&personal, |slot| {
            let token = vault.token_key().mint(purpose(slot)?, reader, delivery.newsletter.0);
            Some(token.as_str().to_owned())
        })?;
        let signature = sender.signature(mail, &copy, delivery.instant);
        let head = [&signature[..], copy.headers.bytes(), b"\r\n"].concat();
        let verp = format!("{}@{}", vault.post_key().verp(departure, reader), mail.domain().as_str());
        // RFC 5321 §4.5.5: a letter's bounce goes to the same receiver; it is told by its envelope alone.
        let from = EnvelopeAddress::parse(&verp).map(ReversePath::Address).map_err(|_| CopyFault::Address)?;
        Ok(Self { delivery, to, from, head, tails: copy.tails, words, leave: None, in_line: false })
    }

    /// Its envelope.
    pub fn envelope(&self) -> Envelope<'_> {
        Envelope { from: &self.from, to: &self.to, message_bytes: Some(self.bytes()) }
    }

    /// The message's pieces, for one vectored write.
    pub fn pieces(&self) -> [Piece<'_>; 6] {
        let mail = self.words.0.as_ref().expect("a copy is only made from a readable mail");
        let [a, b, c, d, e] = mail.body().pieces(&self.tails);
        [Piece::Fresh(&self.head), a, b, c, d, e]
    }

    fn bytes(&self) -> u64 {
        self.pieces().iter().map(|piece| piece.bytes().len() as u64).sum()
    }

    /// Whether it is a letter.
    pub(crate) fn is_letter(&self) -> bool {
        self.delivery.kind == DepartureKind::Letter
    }

    /// Whether it goes before the copies of editions: somebody has just asked for it, and waits.
    pub(crate) fn goes_first(&self) -> bool {
        self.is_letter() && !self.in_line
    }

    /// The same copy, standing in line if that is the planted defect.
    pub(crate) fn in_line(self, in_line: bool) -> Self {
        Self { in_line, ..self }
    }

    /// The way that it should come back by: whoever asked it to come again later knows us by our address. Not for ever, for
    /// another may take what this one puts off and off.
    pub(crate) fn comes_back_by(&self) -> Option<RouteId> {
        self.delivery.tried_by.filter(|_| (1..=SAME_WAY_TRIES_MAX).contains(&self.delivery.attempts))
    }

    /// The part of the reader's address before the `@`: to be scrubbed from answers.
    pub(crate) fn local(&self) -> &str {
        self.to.local()
    }
}

/// A copy that was put off comes back by the same way so many times.
const SAME_WAY_TRIES_MAX: i64 = 2;

/// Which token a slot of a body asks for. A slot of another name is a hole, and the copy is not made.
fn purpose(slot: &str) -> Option<Purpose> {
    match slot {
        "confirm" => Some(Purpose::Confirm),
        "unsubscribe" => Some(Purpose::Unsubscribe),
        "preferences" => Some(Purpose::Preferences),
        _ => None,
    }
}
