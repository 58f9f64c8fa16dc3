//! The public side: the files of the press, and the few doors that are live: sign-up, confirm, unsubscribe; and those to
//! which relays post notices.
//!
//! It seals what a reader types before anything is kept, and holds neither the key that opens an address nor the one
//! that finds it. A GET never changes anything: scanners open every link. It never answers differently for an address
//! that is known.

mod budget;
mod doors;
mod files;
mod guard;
pub mod journal;
mod leaving;
mod serve;

use std::path::PathBuf;
use std::sync::Arc;

use newsroom::{Newsletter, Outlet};
use seal::{SealKey, TokenKey};
use store::Store;
use world::World;

pub use budget::{Network, visitor};
pub use guard::Peer;
pub use journal::Journal;
pub use leaving::LeavingFault;
pub use serve::{converse, serve};

/// What the public side is given.
#[derive(Clone)]
pub struct Front {
    /// The outside.
    pub world: World,
    /// The database.
    pub store: Store,
    /// The folder of the press.
    pub folder: PathBuf,
    /// The outlet.
    pub outlet: Outlet,
    /// The newsletter that the form signs up for.
    pub newsletter: Newsletter,
    /// Seals sign-ups; cannot open them.
    pub seal: SealKey,
    /// Checks the tokens of links.
    pub tokens: TokenKey,
    /// Keeps unsubscribings while the store cannot.
    pub journal: Arc<Journal>,
}

impl Front {
    /// The routes.
    pub fn routes(self) -> axum::Router {
        doors::routes(Arc::new(self))
    }
}

/// Why a live page cannot be answered: said on a page of its own, with nothing of the inside.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// An unsubscribing could be kept nowhere.
    #[error(transparent)]
    Leaving(#[from] LeavingFault),
    /// The page does not render.
    #[error(transparent)]
    Press(#[from] press::PressError),
}
