//! Readers' standing. Their addresses live sealed in the vault and are no part of these types.

use crate::{Ms, NewsletterId, ReaderId};

/// Where a reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderState {
    /// Known, not yet confirmed for anything.
    Pending = 1,
    /// Confirmed.
    Active = 2,
}

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionState {
    /// Asked for, not confirmed: gets the opt-in letter and nothing else.
    Pending = 1,
    /// Gets editions.
    Active = 2,
    /// Ended by the reader.
    Unsubscribed = 3,
    /// Ended by us: bounced for good, complained, or erased.
    Suppressed = 4,
}

impl SubscriptionState {
    /// The state kept in the store under a number.
    ///
    /// # Panics
    /// When there is none: the schema keeps such numbers out.
    pub fn from_raw(raw: i64) -> Self {
        [Self::Pending, Self::Active, Self::Unsubscribed, Self::Suppressed]
            .into_iter()
            .find(|state| *state as i64 == raw)
            .expect("the schema keeps states between 1 and 4")
    }
}

/// What a reader agreed to or took back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentKind {
    /// Filled in the form.
    Asked = 1,
    /// Pressed the button behind the opt-in mail's link.
    Confirmed = 2,
    /// Ended it.
    Unsubscribed = 3,
    /// Undid the unsubscribing.
    Undone = 4,
    /// Agreed elsewhere, and came in with a list that says when.
    Imported = 5,
}

impl ConsentKind {
    /// The kind kept in the store under a number.
    pub fn from_raw(raw: i64) -> Option<Self> {
        [Self::Asked, Self::Confirmed, Self::Unsubscribed, Self::Undone, Self::Imported]
            .into_iter()
            .find(|kind| *kind as i64 == raw)
    }
}

/// One line of a reader's consent: kept for good, exported, never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Who.
    pub reader: ReaderId,
    /// To what.
    pub newsletter: NewsletterId,
    /// Agreed or took back.
    pub kind: ConsentKind,
    /// When.
    pub at: Ms,
    /// By which door: `form`, `mail link`, `one-click`, `import`.
    pub door: String,
    /// The words they agreed to.
    pub wording: String,
}

/// An address, known only by its blind index, that must not be written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The blind index of the address.
    pub index: Vec<u8>,
    /// Since when.
    pub at: Ms,
    /// Why, in one word: `complaint`, `bounce`, `erased`, or [`LEFT_ELSEWHERE`], [`BOUNCED_ELSEWHERE`].
    pub why: String,
}

/// Why an address is suppressed that came in as unsubscribed with a list from elsewhere.
pub const LEFT_ELSEWHERE: &str = "unsubscribed";
/// Why an address is suppressed that came in as cleaned with a list from elsewhere: mail to it bounced there.
pub const BOUNCED_ELSEWHERE: &str = "cleaned";
/// Why an address is suppressed whose mailbox is gone, or took nothing for many editions. Who signs up with it again shows
/// that it works.
pub const UNREACHABLE: &str = "unreachable";
/// Why an address is suppressed whose owner complained to their provider.
pub const COMPLAINED: &str = "complaint";

impl Suppression {
    /// Whether the holder of the address may come back by the door, confirming by mail: for what happened elsewhere. No
    /// list lifts any suppression.
    pub fn ends_at_the_door(&self) -> bool {
        [LEFT_ELSEWHERE, BOUNCED_ELSEWHERE, UNREACHABLE].contains(&self.why.as_str())
    }
}
