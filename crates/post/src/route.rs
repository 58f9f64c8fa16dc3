//! A way out: who carries our mail, by which name, and how much of it.
//!
//! Whoever carries it, a way is the same to the rest of the post: [`Route::open`] gives a session that takes messages, or
//! says why there is none. Encryption that was asked for is never done without: a relay that offers no STARTTLS, or whose
//! certificate is not good, gets no mail. A password never leaves in the clear, but to a relay on this very machine.
//! Whatever goes wrong here is the way's fault or ours, and no reader's.

use std::net::IpAddr;

use mail::address::HostName;
use mail::smtp::client::{Patience, Session, Trouble};
use newsroom::{Ms, RouteId};
use seal::Secret;
use tokio::time::timeout;
use world::tls::{Insecure, Tls};
use world::{Stream, Target, World};

use crate::pace::Caps;

/// A way out.
#[derive(Clone)]
pub struct Route {
    /// As the ledger names it.
    pub id: RouteId,
    /// Its name in reports.
    pub name: String,
    /// Differs whenever anything about the way does: by this a poster knows that it has to begin with it anew.
    pub stamp: String,
    /// Its share beside the others; 0: only when no other can.
    pub weight: u32,
    /// How many connections at once.
    pub connections: usize,
    /// How many messages over one connection; relays close after some hundreds.
    pub messages_per_connection: usize,
    /// How much it takes from us.
    pub caps: Caps,
    /// How long it may answer nothing at all to anything asked before it rests, in milliseconds.
    pub silence_ms: Ms,
    /// Who carries it.
    pub carrier: Carrier,
}

/// Who carries the mail of a way.
#[derive(Clone)]
pub enum Carrier {
    /// A relay: it takes every reader's copy.
    Relay(Relay),
}

impl Route {
    /// Opens a connection that takes messages.
    ///
    /// # Errors
    /// [`Unreached`].
    pub async fn open(&self, world: &World) -> Result<Session<Stream>, Unreached> {
        match &self.carrier {
            Carrier::Relay(relay) => relay.open(world).await,
        }
    }

    /// Whether it takes copies for the readers of this lane of the ledger.
    pub fn takes(&self, _lane: i64) -> bool {
        match &self.carrier {
            Carrier::Relay(_) => true,
        }
    }
}

/// A relay: greeted, encrypted and logged in to.
#[derive(Clone)]
pub struct Relay {
    /// Where it listens.
    pub target: Target,
    /// The address of this host that connections come from; the system's choice when none is named.
    pub source: Option<IpAddr>,
    /// How the way to it is encrypted.
    pub encryption: Encryption,
    /// The name we say in EHLO: our own host's.
    pub ehlo: HostName,
    /// How we log in, if we do.
    pub login: Option<Login>,
    /// How long we wait for it, by step.
    pub patience: Patience,
}

/// How the way to a relay is encrypted.
#[derive(Clone, Debug)]
pub enum Encryption {
    /// It is not: for a relay on this machine, or where a person said so.
    None,
    /// By STARTTLS (RFC 3207), or not at all.
    StartTls(Tls),
    /// From the first octet (RFC 8314 §3.3).
    Implicit(Tls),
}

/// A name and a password for a relay.
#[derive(Clone)]
pub struct Login {
    /// The name.
    pub name: String,
    /// The password.
    pub secret: Secret<String>,
}

/// Why no connection came about: nothing was sent, no reader is blamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreached {
    /// The connection itself failed.
    Connect(String),
    /// The dialogue failed before any message.
    Dialogue(Trouble),
    /// It does not offer the encryption that was asked for.
    NoStartTls,
    /// The connection could not be secured.
    Insecure(Insecure),
    /// It gave no answer while the connection was being secured.
    SilentHandshake,
    /// Our password would have to travel in the clear.
    ClearLogin,
    /// It offers no login, or none that we know.
    NoLogin,
}

impl Relay {
    /// Opens a connection, encrypts it, greets and logs in.
    ///
    /// # Errors
    /// [`Unreached`].
    pub async fn open(&self, world: &World) -> Result<Session<Stream>, Unreached> {
        let stream =
            world.dial_from(self.source, &self.target).await.map_err(|fault| Unreached::Connect(fault.to_string()))?;
        let is_here = stream.peer().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
        let mut session = match &self.encryption {
            Encryption::None if self.login.is_some() && !is_here => return Err(Unreached::ClearLogin),
            Encryption::None => self.greet(stream).await?,
            Encryption::StartTls(tls) => self.upgrade(self.greet(stream).await?, tls).await?,
            Encryption::Implicit(tls) => self.greet(self.secure(stream, tls).await?).await?,
        };
        if let Some(login) = &self.login {
            log_in(&mut session, login).await?;
        }
        Ok(session)
    }

    async fn greet(&self, stream: Stream) -> Result<Session<Stream>, Unreached> {
        Session::open(stream, &self.ehlo, self.patience.clone()).await.map_err(Unreached::Dialogue)
    }

    /// RFC 3207 §4.2: after the handshake nothing is known of what the relay said before.
    async fn upgrade(&self, mut session: Session<Stream>, tls: &Tls) -> Result<Session<Stream>, Unreached> {
        if !session.capabilities().start_tls {
            session.quit().await;
            return Err(Unreached::NoStartTls);
        }
        session.start_tls().await.map_err(Unreached::Dialogue)?;
        let stream = self.secure(session.into_stream(), tls).await?;
        Session::open_upgraded(stream, &self.ehlo, self.patience.clone()).await.map_err(Unreached::Dialogue)
    }

    async fn secure(&self, stream: Stream, tls: &Tls) -> Result<Stream, Unreached> {
        let name = match &self.target {
            Target::Host { host, .. } => host.clone(),
            Target::Addr(address) => address.ip().to_string(),
        };
        match timeout(self.patience.command, tls.secure(stream, &name)).await {
            Ok(done) => done.map_err(|error| Unreached::Insecure(Insecure::of(&error))),
            Err(_) => Err(Unreached::SilentHandshake),
        }
    }
}

/// PLAIN first: one round trip, and it is the standard one (RFC 4616).
async fn log_in(session: &mut Session<Stream>, login: &Login) -> Result<(), Unreached> {
    let (name, secret) = (&login.name, login.secret.expose());
    let offered = *session.capabilities();
    let done = match (offered.auth_plain, offered.auth_login) {
        (true, _) => session.auth_plain(name, secret).await,
        (false, true) => session.auth_login(name, secret).await,
        (false, false) => return Err(Unreached::NoLogin),
    };
    done.map_err(Unreached::Dialogue)
}
