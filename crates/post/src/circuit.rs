//! What is wrong with the way out, in words, and the circuit that rests a relay at fault.
//!
//! A fault is about the relay or about our account with it; it never names a reader and is never held against one.

use std::sync::Mutex;

use mail::smtp::ReplyKind;
use mail::smtp::client::{Phase, Trouble, What};
use newsroom::{Ms, SECOND_MS};
use world::tls::Insecure;

use crate::route::Unreached;
use crate::verdict::scrub;

/// What a person can do about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Nobody answers there, or the connection broke: wait, or look at the host, the port and the way between.
    Unreachable,
    /// The relay offers no STARTTLS, or refuses it.
    NoStartTls,
    /// Its certificate is not good, or the connection cannot be secured.
    Insecure,
    /// Our password would travel in the clear.
    ClearLogin,
    /// It refuses our name and password.
    Login,
    /// It offers no login, or none that we know.
    NoLogin,
    /// It refuses our account, our sender or this host.
    Account,
    /// It asks us to come back later.
    Busy,
    /// What it says is not SMTP.
    Garbled,
}

/// What is wrong with the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What a person can do about it.
    pub kind: FaultKind,
    /// What happened, as the end of a sentence about the relay, without a full stop. Addresses are scrubbed.
    pub why: String,
}

impl Fault {
    fn new(kind: FaultKind, why: &str) -> Self {
        Self { kind, why: scrub(why, "") }
    }

    /// The fault that kept a connection from coming about.
    pub fn of_unreached(unreached: &Unreached) -> Self {
        match unreached {
            Unreached::Connect(why) => Self::new(FaultKind::Unreachable, &format!("no connection: {why}")),
            Unreached::Dialogue(trouble) => Self::of_trouble(trouble),
            Unreached::NoStartTls => Self::new(FaultKind::NoStartTls, "it offers no STARTTLS"),
            Unreached::Insecure(how) => of_handshake(how),
            Unreached::SilentHandshake => {
                Self::new(FaultKind::Insecure, "it gave no answer while the connection was being secured")
            }
            Unreached::ClearLogin => Self::new(
                FaultKind::ClearLogin,
                "our password would travel in the clear, and it is not on this machine",
            ),
            Unreached::NoLogin => Self::new(FaultKind::NoLogin, "it offers neither PLAIN nor LOGIN to log in with"),
        }
    }

    /// The fault that a dialogue came to.
    pub fn of_trouble(trouble: &Trouble) -> Self {
        let step = match trouble.phase {
            Phase::Banner | Phase::Ehlo => "at its greeting",
            Phase::StartTls => "when it was asked for encryption",
            Phase::Auth => "at our login",
            Phase::Rset | Phase::Mail => "at our sender's address",
            Phase::Rcpt => "at a reader's address",
            Phase::Data | Phase::Body | Phase::Dot => "at a message",
        };
        let why = match &trouble.what {
            What::Reply(reply) => format!("it said “{reply}” {step}"),
            What::Timeout => format!("it gave no answer {step}"),
            What::Closed => format!("it closed the connection {step}"),
            What::Io(kind) => format!("the connection broke {step} ({kind})"),
            What::Protocol(what) => format!("{step} it did not speak as a relay does: {what}"),
        };
        Self::new(kind_of(trouble), &why)
    }
}

fn kind_of(trouble: &Trouble) -> FaultKind {
    let reply = match &trouble.what {
        What::Reply(reply) => reply,
        What::Protocol(_) if trouble.phase == Phase::StartTls => return FaultKind::Insecure,
        What::Protocol(_) => return FaultKind::Garbled,
        What::Timeout | What::Closed | What::Io(_) => return FaultKind::Unreachable,
    };
    match (trouble.phase, reply.kind()) {
        (Phase::StartTls, _) => FaultKind::NoStartTls,
        // RFC 4954 §6: 530, 534, 535 and 538 are about logging in wherever they are said.
        _ if matches!(reply.code, 530 | 534 | 535 | 538) => FaultKind::Login,
        (_, ReplyKind::NotNow) => FaultKind::Busy,
        (Phase::Auth, _) => FaultKind::Login,
        _ => FaultKind::Account,
    }
}

fn of_handshake(how: &Insecure) -> Fault {
    let why = match how {
        Insecure::Expired { ended } => format!("its certificate expired on {}", moment(*ended)),
        Insecure::NotYet { begins } => format!("its certificate is good only from {} on", moment(*begins)),
        Insecure::WrongName { names } if names.is_empty() => "its certificate is for another name".into(),
        Insecure::WrongName { names } => format!("its certificate is for another name ({})", names.join(", ")),
        Insecure::UnknownIssuer => "its certificate is signed by nobody whom we know".into(),
        Insecure::Authority => "it shows an authority's own certificate (CA:TRUE) where its host's should be".into(),
        Insecure::Certificate(why) => format!("its certificate is not good: {why}"),
        Insecure::NotTls => "what answers there does not speak TLS on this port".into(),
        Insecure::Gone => "it closed the connection while it was being secured".into(),
        Insecure::Other(why) => format!("the connection could not be secured: {why}"),
    };
    Fault::new(FaultKind::Insecure, &why)
}

/// A moment as a person reads it, to the minute.
fn moment(at: Ms) -> String {
    let at = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::MAX);
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::fmt::Display for Unreached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Fault::of_unreached(self).fmt(f)
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
    last: Option<Fault>,
}

/// How a relay has been doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Faults in a row.
    pub faults: u32,
    /// Not before this.
    pub until: Ms,
    /// What went wrong last.
    pub fault: Fault,
}

impl Circuit {
    /// The relay is at fault: it rests. Gives the rest when this one began it, so that it is told once.
    pub fn trip(&self, now: Ms, fault: &Fault) -> Option<Rest> {
        let mut state = self.state.lock().expect("no panic happens under this lock");
        state.last = Some(fault.clone());
        if state.until > now {
            return None;
        }
        let wait = (REST_FIRST_MS << state.faults.min(6)).min(REST_MS_MAX);
        state.faults += 1;
        state.until = now + wait;
        Some(Rest { faults: state.faults, until: state.until, fault: fault.clone() })
    }

    /// The relay took something.
    pub fn mend(&self) {
        *self.state.lock().expect("no panic happens under this lock") = Resting::default();
    }

    /// The rest it is in or has come out of without a success since; `None` when it is well.
    pub fn rest(&self) -> Option<Rest> {
        let state = self.state.lock().expect("no panic happens under this lock").clone();
        state.last.map(|fault| Rest { faults: state.faults, until: state.until, fault })
    }

    /// How long the relay still rests, in milliseconds; 0 when it may be tried.
    pub fn wait_ms(&self, now: Ms) -> Ms {
        self.rest().map_or(0, |rest| (rest.until - now).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail::smtp::Reply;

    #[test]
    fn a_fault_says_what_happened_and_names_no_reader() {
        let refused = |phase, code, text: &'static str| {
            Fault::of_trouble(&Trouble { phase, what: What::Reply(Reply::plain(code, text)) })
        };
        let login = refused(Phase::Auth, 535, "5.7.8 bad credentials for ana@example.org");
        assert_eq!((login.kind, login.why.contains("ana")), (FaultKind::Login, false), "{login}");
        assert_eq!(refused(Phase::Mail, 530, "log in first").kind, FaultKind::Login);
        assert_eq!(refused(Phase::Auth, 454, "later").kind, FaultKind::Busy);
        assert_eq!(refused(Phase::StartTls, 454, "no").kind, FaultKind::NoStartTls);
        assert_eq!(refused(Phase::Banner, 554, "go away").kind, FaultKind::Account);
        let expired = of_handshake(&Insecure::Expired { ended: 1_767_225_600_000 });
        assert_eq!(expired.why, "its certificate expired on 2026-01-01 00:00 UTC");
    }
}
