//! From the drafted opt-in letter to what is kept with its cohort.

use ::mail::shared::{Identity, MakeUpFault, Purpose, SharedMail};
use newsroom::{Newsletter, Outlet};
use sha2::{Digest, Sha256};

use crate::letter::{DraftFault, LetterView, draft};

/// Why an opt-in letter cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LetterFault {
    /// It cannot be drafted.
    #[error(transparent)]
    Draft(#[from] DraftFault),
    /// It cannot be made up for sending.
    #[error(transparent)]
    MakeUp(#[from] MakeUpFault),
}

/// An opt-in letter's words, the same for everyone who is asked in this language.
pub(crate) struct Made {
    pub(crate) subject: String,
    pub(crate) body: Vec<u8>,
    /// SHA-256 of the body: letters with the same words are one cohort.
    pub(crate) fingerprint: Vec<u8>,
}

pub(crate) fn opt_in(outlet: &Outlet, newsletter: &Newsletter, language: &str) -> Result<Made, LetterFault> {
    let drafted = draft(&LetterView {
        outlet: &outlet.name,
        newsletter: &newsletter.title,
        language,
        postal_address: &outlet.postal_address,
        confirm: &format!("{}/confirm/", outlet.site),
    })?;
    let identity = Identity::new(&outlet.name, &outlet.from, outlet.reply_to.as_deref(), &outlet.mail_domain)?;
    // One seed for all: the boundary must be the same for the same words.
    let mail = SharedMail::new(identity, &drafted.subject, Purpose::Letter, &drafted.parts, b"opt-in")?;
    let body = mail.to_bytes();
    let fingerprint = Sha256::digest(&body).to_vec();
    Ok(Made { subject: drafted.subject, body, fingerprint })
}
