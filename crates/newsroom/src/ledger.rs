//! The ledger's words: one delivery for each reader of a departure, and the states it may be in.

use crate::{CohortId, DepartureId, DepartureKind, Ms, NewsletterId, ReaderId, RouteId};

/// Where a delivery stands.
///
/// `Queued → Leased → InFlight → Accepted | Deferred | Refused | Uncertain`, plus `Excluded` and `Expired`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryState {
    /// Frozen into the departure, waiting.
    Queued = 0,
    /// Taken by a poster of one epoch; nothing sent.
    Leased = 1,
    /// Marked durably: the final dot may have left.
    InFlight = 2,
    /// The receiving server took it. Not "delivered": nobody can know that.
    Accepted = 3,
    /// Refused for now; waits in `deferral`.
    Deferred = 4,
    /// Refused for good.
    Refused = 5,
    /// The dot left and no answer came back.
    Uncertain = 6,
    /// Not to be sent, for a reason.
    Excluded = 7,
    /// Its departure expired first.
    Expired = 8,
}

impl DeliveryState {
    /// Every state, in the store's order.
    pub const EVERY: [Self; 9] = [
        Self::Queued,
        Self::Leased,
        Self::InFlight,
        Self::Accepted,
        Self::Deferred,
        Self::Refused,
        Self::Uncertain,
        Self::Excluded,
        Self::Expired,
    ];

    /// The state the store keeps as `raw`.
    ///
    /// # Panics
    /// When `raw` is no state: the ledger is damaged.
    pub fn from_raw(raw: i64) -> Self {
        *Self::EVERY.get(usize::try_from(raw).expect("a state is not negative")).expect("a state the ledger knows")
    }

    /// Nothing more will happen to it by itself.
    pub fn terminal(self) -> bool {
        matches!(self, Self::Accepted | Self::Refused | Self::Uncertain | Self::Excluded | Self::Expired)
    }
}

/// Why a delivery was not to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excluded {
    /// Nothing in this edition was new to the reader or of their topics.
    NothingNew = 1,
    /// Unsubscribed after the audience was frozen.
    Unsubscribed = 2,
    /// Suppressed after the audience was frozen.
    Suppressed = 3,
    /// A newer edition took its place before it left.
    Superseded = 4,
    /// An editor cancelled the departure.
    Cancelled = 5,
    /// The address could not be opened.
    Unreadable = 6,
}

/// The ledger's key: dense positions in each lane of a departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey {
    /// Which departure.
    pub departure: DepartureId,
    /// Which lane: the big provider's class, or a keyed hash of the domain modulo 64.
    pub lane: i64,
    /// From 0, dense.
    pub position: i64,
}

/// A delivery as the poster claims it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its place in the ledger.
    pub key: DeliveryKey,
    /// Who.
    pub reader: ReaderId,
    /// Which rendered body.
    pub cohort: CohortId,
    /// An edition's copy or a letter.
    pub kind: DepartureKind,
    /// On behalf of which newsletter.
    pub newsletter: NewsletterId,
    /// How many times it was tried before.
    pub attempts: i64,
    /// By which way it was last tried, if it was.
    pub tried_by: Option<RouteId>,
    /// The reader's address, sealed: `kid` and ciphertext, for the vault alone.
    pub sealed: (i64, Vec<u8>),
    /// When its departure leaves: the copy's `Date`, the same at every retry.
    pub instant: Ms,
    /// When its departure expires.
    pub expires: Ms,
}

/// What a receiving server answered, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When.
    pub at: Ms,
    /// SMTP reply code, 0 when there was none.
    pub code: i64,
    /// Its text, with addresses scrubbed.
    pub text: String,
}

/// How many deliveries of a departure are in each state. Always sums to the audience.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    counts: [i64; 9],
    /// Readers that were ever uncertain in it.
    pub doubted: i64,
}

impl Sums {
    /// From `(state, count)` rows and the length of the doubt list.
    pub fn new(rows: impl IntoIterator<Item = (DeliveryState, i64)>, doubted: i64) -> Self {
        let mut counts = [0; 9];
        for (state, count) in rows {
            counts[state as usize] += count;
        }
        Self { counts, doubted }
    }

    /// How many are in `state`.
    pub fn of(&self, state: DeliveryState) -> i64 {
        self.counts[state as usize]
    }

    /// All of them.
    pub fn total(&self) -> i64 {
        self.counts.iter().sum()
    }

    /// Those to which nothing more will happen by itself.
    pub fn settled(&self) -> i64 {
        DeliveryState::EVERY.iter().filter(|s| s.terminal()).map(|s| self.of(*s)).sum()
    }
}
