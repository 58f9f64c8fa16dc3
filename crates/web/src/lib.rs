//! The desk: server-rendered rooms in which the newsroom's members work.
//!
//! It is served on a listener of its own, never the public site's. Every address stands in one table with the least role
//! that may ask for it, and the router is built from that table: what is not in it does not exist. A GET changes nothing;
//! what changes something comes from this desk's own pages, signed by the session it was shown to.

mod budget;
mod door;
mod form;
mod guard;
mod headers;
mod links;
mod page;
mod password;
mod problem;
mod rooms;
mod session;
mod table;
mod token;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use newsroom::{DepartureId, Newsletter, Outlet, Problem, RelayTerms, RouteId};
use post::carry::{Choice, Prospect};
use store::Store;
use vault::Vault;
use world::World;

pub use links::{ENTER_MS, INVITATION_MS, Link, found, invite};
pub use table::{Least, every_route};

/// What the desk is given.
#[derive(Clone)]
pub struct Desk {
    /// The outside.
    pub world: World,
    /// The database.
    pub store: Store,
    /// Seals the settings that are secrets.
    pub vault: Arc<Vault>,
    /// The folder of the press.
    pub site_folder: PathBuf,
    /// The outlet's main newsletter.
    pub newsletter: Newsletter,
    /// Reads a source or a page that a member names.
    pub gatherer: gather::Gatherer,
    /// Where the desk listens: it is always reached there, whatever the settings say.
    pub listen: SocketAddr,
    /// Every setting, and what is made of them.
    pub settings: Settings,
    /// The doors to the post office.
    pub office: Office,
}

/// An answer that the post office gives later.
pub type Later<T> = Pin<Box<dyn Future<Output = Result<T, Problem>> + Send>>;
/// The settings as they stand, by name.
pub type Kept = BTreeMap<String, String>;

/// The doors to the post office, by the settings and relays as they stand. They are the binary's, handed in: every way to
/// send goes through the same ones, whatever was set since it started.
#[derive(Clone)]
pub struct Office {
    /// Its orders, for a test copy. Refused while the newsroom is held back.
    pub orders: Arc<dyn Fn() -> Later<post::Orders> + Send + Sync>,
    /// Whether the ways out carry a departure before it expires.
    pub route: Arc<dyn Fn(DepartureId) -> Later<Option<Prospect>> + Send + Sync>,
    /// Lets a departure leave, or go on, with what a person chose for a shortfall.
    pub open: Arc<dyn Fn(DepartureId, Choice) -> Later<()> + Send + Sync>,
    /// Refuses while the newsroom is held back: a copy of it may have been sending.
    pub may_send: Arc<dyn Fn() -> Later<()> + Send + Sync>,
    /// The relay that these settings describe.
    pub first: fn(&Kept) -> RelayTerms,
    /// The name under which a relay's password is sealed.
    pub password_name: fn(&RelayTerms) -> String,
    /// Opens a connection to a relay, greets and logs in, and says how that went; no mail is sent.
    pub greet: Arc<dyn Fn(RouteId) -> Later<String> + Send + Sync>,
}

/// What a setting's value must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One line of text, at most this many characters.
    Line(usize),
    /// A whole number between two.
    Number(i64, i64),
    /// One of these words.
    Choice(Vec<String>),
    /// Kept sealed; never shown.
    Secret,
}

/// One setting, for the form that changes it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its name: `outlet.name`.
    pub name: &'static str,
    /// What it must look like.
    pub shape: Shape,
    /// Its value until it is set.
    pub default: &'static str,
    /// What it is, in a sentence.
    pub sentence: &'static str,
}

/// The outlet's settings: their table is the binary's, handed in.
#[derive(Clone)]
pub struct Settings {
    /// Every setting, in the order of the form.
    pub table: Vec<Setting>,
    /// Whether a setting takes a value.
    pub check: fn(&str, &str) -> Result<(), Problem>,
    /// The outlet that these values describe.
    pub outlet: fn(&BTreeMap<String, String>) -> Outlet,
    /// A secret as it is kept: sealed.
    pub seal: fn(&Desk, &str, &str) -> String,
    /// The DNS records that this outlet needs.
    pub records: Records,
}

/// Makes the DNS records that an outlet needs.
pub type Records = Arc<dyn Fn(Outlet) -> Later<Vec<DnsRecord>> + Send + Sync>;

/// A DNS record to publish.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DnsRecord {
    /// What it is for, in a sentence.
    pub what: &'static str,
    /// Where it stands.
    pub name: String,
    /// `TXT`.
    pub kind: &'static str,
    /// What it says.
    pub value: String,
}

/// The setting that holds the desk's address as members type it; empty: where it listens.
pub const ADDRESS_SETTING: &str = "desk.address";

/// The desk's address as members type it, without a slash at its end.
pub fn address(set: &str, listen: SocketAddr) -> String {
    if set.is_empty() { format!("http://{listen}") } else { set.to_owned() }
}

impl Desk {
    /// The routes, for [`front::serve`].
    pub fn routes(self) -> axum::Router {
        table::router(Arc::new(door::Hall::new(self)))
    }
}
