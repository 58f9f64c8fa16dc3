//! One-time links: how a member comes to a password, and the first of them into an empty newsroom.
//!
//! The link is shown once, to whoever made it; here only its hash is kept. Opening it changes nothing; its page's button
//! does, once.

use newsroom::{DAY_MS, HOUR_MS, MemberId, Ms};
use store::members::{self, Invited};
use store::{Store, Write};
use world::World;

use crate::token::{self, Kind};

/// How long an invitation holds: over a weekend.
pub const INVITATION_MS: Ms = 3 * DAY_MS;
/// How long the demo's link that needs no password holds.
pub const ENTER_MS: Ms = 12 * HOUR_MS;

/// A one-time link. Whoever has it can use it: it is shown and never logged.
pub struct Link(String);

impl Link {
    /// A fresh one, for the desk at `address`, and what is kept of it.
    pub(crate) fn fresh(world: &World, address: &str) -> (Self, Vec<u8>) {
        let secret = token::roll(world);
        (Self(format!("{address}/welcome/{}", *secret)), token::hash(Kind::Link, &secret))
    }

    /// The link, to be shown.
    pub fn show(&self) -> &str {
        &self.0
    }
}

/// Makes a one-time link to the desk at `address` that holds for `lives` milliseconds; an earlier one to the same end no
/// longer does.
///
/// # Errors
/// [`store::Error`].
pub async fn invite(world: &World, store: &Store, address: &str, what: Invited, lives: Ms) -> store::Result<Link> {
    let (link, hash) = Link::fresh(world, address);
    let expires = world.now() + lives;
    store.write(move |tx| members::invite(tx, &hash, what, expires)).await?;
    Ok(link)
}

/// The link by which the first member comes in, while nobody can sign in yet; `None` once somebody can.
///
/// # Errors
/// [`store::Error`].
pub async fn found(world: &World, store: &Store, address: &str) -> store::Result<Option<Link>> {
    let (link, hash) = Link::fresh(world, address);
    let expires = world.now() + INVITATION_MS;
    let made = store.write(move |tx: &Write<'_>| {
        let waits = !members::founded(tx)?;
        if waits {
            // A member who was added but has no password yet has a link of their own.
            members::invite(tx, &hash, Invited::Found, expires)?;
        }
        Ok(waits)
    });
    Ok(made.await?.then_some(link))
}

/// Whom a link is for: their id, where it has one.
pub(crate) fn member_of(what: Invited) -> Option<MemberId> {
    match what {
        Invited::Found => None,
        Invited::Join(member) | Invited::Enter(member) => Some(member),
    }
}
