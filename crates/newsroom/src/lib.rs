//! The newsroom's words: plain types and the rules that make them, no I/O, no async.
//!
//! Every other crate speaks in these words, and a new word is added here first:
//!
//! - **Outlet**, **Source** (a feed or site it reads), **Item** (what a source published), **Article** (what the outlet
//!   publishes, kept by **Revision**, in the **Form** of a page or a card), **Topic**, **Picture**, **FreePage** (About). A source's **Policy** is
//!   ours, partner or watch.
//! - **Newsletter**, **Edition** (one newsletter's issue of one local date), **Departure** (an edition leaving at one
//!   instant, with a frozen audience), **Cohort** (the readers whose copies differ only in their tokens), **Copy**,
//!   **Letter** (a single mail: the opt-in).
//! - **Slot** (a choice of when that some readers made: frequency, zone, hour), **Turn** (a slot's, on one local date).
//! - **LineUp** (the stories of the next edition in their order, the **lead** first), **Envelope** (its subject, preview text
//!   and **Note**), **HouseBlock** (the outlet's own appeal, event or sponsor).
//! - **Reader**, **Subscription**, **Consent**, **Suppression**.
//! - **Delivery** (one copy's row in the **ledger**), **Attempt**, **Verdict**, **doubt**.
//! - **Route** (a way out), **RelayTerms** (what was agreed with who runs a relay), **Standing** (how a way has been doing),
//!   **Lane**, **Relay**, **Exchanger**, **Bounce**, **Notice** (a relay's own word on what became of a copy).
//! - **Mirror**, **Seal**, **Carry**; **Member**, **Desk**, **Press**.

mod address;
mod article;
mod block;
mod edition;
mod envelope;
mod free_page;
mod id;
mod ledger;
mod length;
mod line_up;
mod member;
mod notice;
mod outlet;
mod problem;
mod reader;
mod route;
mod signup;
mod slot;
mod source;
mod topic;
mod warm_up;

pub use address::{ADDRESS_BYTES_MAX, Address, AddressFault};
pub use article::{
    Article, ArticleState, Credit, Form, Licence, PictureUse, Published, Revision, SLUG_BYTES_MAX, slug,
};
pub use block::{BlockFault, BlockKind, BlockPlace, HouseBlock};
pub use edition::{
    Cohort, CohortKey, Departure, DepartureKind, DepartureState, Edition, EditionKind, Format, LineUpEntry, Newsletter,
};
pub use envelope::{Envelope, EnvelopeFault, Note, ends_line};
pub use free_page::{CorrectionNote, FreePage, PAGE_SLUG_CHARS_MAX, Withdrawn, page_slug, plain_slug};
pub use id::{
    ArticleId, BlockId, CohortId, DepartureId, EditionId, Id, IdMint, ItemId, MemberId, NewsletterId, PageId,
    PictureId, ReaderId, SlotId, SourceId, TopicId, WEEK_MS,
};
pub use ledger::{Answer, Delivery, DeliveryKey, DeliveryState, Excluded, Sums};
pub use length::{WordTally, word_count};
pub use line_up::{LINE_UP_MAX, LineUp, LineUpChange, LinedUp, Unchanged};
pub use member::{MEMBER_NAME_CHARS_MAX, Member, Role, member_name, name_key};
pub use notice::{MAILGUN_KEY_SETTING, NOTICE_BYTES_MAX, NoNotice, Notice, NoticeFrom, SES_TOPIC_SETTING};
pub use outlet::Outlet;
pub use problem::Problem;
pub use reader::{
    BOUNCED_ELSEWHERE, COMPLAINED, Consent, ConsentKind, LEFT_ELSEWHERE, ReaderState, SubscriptionState, Suppression,
    UNREACHABLE,
};
pub use route::{
    FIRST_RELAY, RELAY_FIELDS, RELAY_NAME_CHARS_MAX, RELAYS_MAX, RelayField, RelayFieldKind, RelayTerms, RouteId,
    Standing, WayState, relay_name,
};
pub use signup::{LinkWish, NoSignUp, SignUp};
pub use slot::{Frequency, KeptTurn, Slot, Timing, Turn, TurnState};
pub use source::{Item, ItemState, Policy, Source, SourceHealth, SourceKind};
pub use topic::{TOPICS_MAX, Topic, Topics};
pub use warm_up::{WARM_UP_DAYS_MAX, WARM_UP_VOLUMES, WarmUp, WayDay};

/// A moment, in UTC milliseconds since 1970-01-01: how the database keeps time.
pub type Ms = i64;

/// One second, in milliseconds.
pub const SECOND_MS: Ms = 1_000;
/// One minute, in milliseconds.
pub const MINUTE_MS: Ms = 60 * SECOND_MS;
/// One hour, in milliseconds.
pub const HOUR_MS: Ms = 60 * MINUTE_MS;
/// One day of 24 hours, in milliseconds.
pub const DAY_MS: Ms = 24 * HOUR_MS;
