//! The way out: one relay, and the circuit that rests it when it is at fault.

use std::sync::Mutex;

use mail::address::HostName;
use mail::smtp::client::{Patience, Session, Trouble};
use newsroom::{Ms, SECOND_MS};
use seal::Secret;
use world::{Stream, Target, World};

/// A relay that carries our mail.
#[derive(Clone)]
pub struct Relay {
    /// Its name in reports.
    pub name: String,
    /// Where it listens.
    pub target: Target,
    /// The name we say in EHLO: our own host's.
    pub ehlo: HostName,
    /// How we log in, if we do.
    pub login: Option<Login>,
    /// How many connections at once.
    pub connections: usize,
    /// How many messages over one connection; relays close after some hundreds.
    pub messages_per_connection: usize,
    /// How long we wait for it, by step.
    pub patience: Patience,
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
}

impl std::fmt::Display for Unreached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect(why) => write!(f, "no connection: {why}"),
            Self::Dialogue(trouble) => write!(f, "{trouble}"),
        }
    }
}

impl Relay {
    /// Opens a connection, greets and logs in.
    ///
    /// # Errors
    /// [`Unreached`].
    pub async fn open(&self, world: &World) -> Result<Session<Stream>, Unreached> {
        let stream = world.dial(&self.target).await.map_err(|fault| Unreached::Connect(fault.to_string()))?;
        let mut session =
            Session::open(stream, &self.ehlo, self.patience.clone()).await.map_err(Unreached::Dialogue)?;
        if let Some(login) = &self.login {
            let (name, secret) = (&login.name, login.secret.expose());
            // PLAIN first: one round trip, and it is the standard one (RFC 4616).
            let offers_login_only = session.capabilities().auth_login && !session.capabilities().auth_plain;
            let done = if offers_login_only {
                session.auth_login(name, secret).await
            } else {
                session.auth_plain(name, secret).await
            };
            done.map_err(Unreached::Dialogue)?;
        }
        Ok(session)
    }
}

/// The first rest of a relay at fault, in milliseconds.
const REST_FIRST_MS: Ms = SECOND_MS;
/// The longest rest: a relay that comes back is found within a minute.
const REST_MS_MAX: Ms = 60 * SECOND_MS;

/// Rests a relay that is at fault, a little longer each time, so that neither it nor the queue is worn out.
#[derive(Default)]
pub struct Circuit {
    state: Mutex<Resting>,
}

#[derive(Clone, Default)]
struct Resting {
    faults: u32,
    until: Ms,
    last: Option<String>,
}

/// How a relay has been doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Faults in a row.
    pub faults: u32,
    /// Not before this.
    pub until: Ms,
    /// What went wrong last.
    pub why: String,
}

impl Circuit {
    /// The relay is at fault: it rests. Gives the rest when this one began it, so that it is told once.
    pub fn trip(&self, now: Ms, why: &str) -> Option<Rest> {
        let mut state = self.state.lock().expect("no panic happens under this lock");
        state.last = Some(why.to_owned());
        if state.until > now {
            return None;
        }
        let wait = (REST_FIRST_MS << state.faults.min(6)).min(REST_MS_MAX);
        state.faults += 1;
        state.until = now + wait;
        Some(Rest { faults: state.faults, until: state.until, why: why.to_owned() })
    }

    /// The relay took something.
    pub fn mend(&self) {
        *self.state.lock().expect("no panic happens under this lock") = Resting::default();
    }

    /// The rest it is in or has come out of without a success since; `None` when it is well.
    pub fn rest(&self) -> Option<Rest> {
        let state = self.state.lock().expect("no panic happens under this lock").clone();
        state.last.map(|why| Rest { faults: state.faults, until: state.until, why })
    }

    /// How long the relay still rests, in milliseconds; 0 when it may be tried.
    pub fn wait_ms(&self, now: Ms) -> Ms {
        self.rest().map_or(0, |rest| (rest.until - now).max(0))
    }
}
