//! What is wrong with a way out, in words, and the circuit that rests a way at fault.
//!
//! A fault is about the way or about our account with it; it never names a reader and is never held against one. A relay
//! that refuses our account, or says nothing at all, rests at once; one that drops a connection rests when it has dropped a
//! few in a row. It is tried again with one connection and one copy, a little later each time.

use std::sync::{Arc, Mutex, MutexGuard};

use mail::smtp::ReplyKind;
use mail::smtp::client::{Phase, Trouble, What};
use newsroom::{HOUR_MS, Ms, SECOND_MS};
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
    /// Whether one of it is enough to rest the way.
    pub at_once: bool,
    /// It answered nothing at all; then any answer mends it.
    silent: bool,
    /// It said something, and was not merely gone.
    answered: bool,
    /// It said that we have too many connections.
    crowded: bool,
}

impl Fault {
    fn new(kind: FaultKind, why: &str) -> Self {
        let at_once = !matches!(kind, FaultKind::Unreachable | FaultKind::Busy | FaultKind::Garbled);
        Self { kind, why: scrub(why, ""), at_once, silent: false, answered: false, crowded: false }
    }

    /// It answered nothing to anything, on any connection, for so many milliseconds.
    pub fn silence(ms: Ms) -> Self {
        let fault = Self::new(FaultKind::Unreachable, &format!("it has answered nothing for {} s", ms / SECOND_MS));
        Self { at_once: true, silent: true, ..fault }
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
        let fault = Self::new(kind_of(trouble), &why);
        let (answered, crowded) = (trouble.reply().is_some(), is_crowded(trouble));
        Self { at_once: (fault.at_once || is_policy(trouble)) && !crowded, answered, crowded, ..fault }
    }

    /// Whether it was said to us, and not merely suffered.
    pub fn is_answer(&self) -> bool {
        self.answered
    }

    /// Whether it is about the number of our connections.
    pub fn is_crowding(&self) -> bool {
        self.crowded
    }
}

/// RFC 3463 §3.8: x.7.z is about policy. A relay that turns us away so before anything was asked does not want us.
fn is_policy(trouble: &Trouble) -> bool {
    let at_the_door = matches!(trouble.phase, Phase::Banner | Phase::Ehlo);
    at_the_door && trouble.reply().and_then(|reply| reply.enhanced).is_some_and(|status| status.subject == 7)
}

/// Whether it says "not now" to our number of connections, in the words that servers have for it: Postfix's anvil, Exim,
/// Exchange, and the large providers each their own.
fn is_crowded(trouble: &Trouble) -> bool {
    let Some(reply) = trouble.reply().filter(|reply| reply.kind() == ReplyKind::NotNow) else { return false };
    let words = reply.text.to_ascii_lowercase();
    let about_connections = ["connection", "session", "smtpd process"].iter().any(|word| words.contains(word));
    let about_many = ["too many", "concurren", "maximum", "exceed", "limit", "simultaneous"];
    about_connections && about_many.iter().any(|word| words.contains(word))
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

/// The first rest of a way at fault, in milliseconds.
const REST_FIRST_MS: Ms = SECOND_MS;
/// The longest rest: a way that comes back is found within a minute.
const REST_MS_MAX: Ms = 60 * SECOND_MS;
/// So many connections in a row come to nothing before a way rests, when its fault may have been theirs alone.
const STRIKES_MAX: u32 = 3;
/// No second alert about the same way within this, in milliseconds: whoever was called is looking at it.
const ALERT_AGAIN_MS: Ms = HOUR_MS;

/// Rests a way that is at fault, a little longer each time, so that neither it nor the queue is worn out.
#[derive(Default)]
pub struct Circuit {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Rises with each rest: a connection that began before it has nothing new to say about the way.
    turn: u64,
    /// Rests in a row without a success; 0: the circuit is closed.
    faults: u32,
    /// Connections in a row that came to nothing while it was closed.
    strikes: u32,
    until: Ms,
    last: Option<Fault>,
    /// A connection tries whether it is well again.
    trying: bool,
    /// A person was called and it has not been well since.
    called: bool,
    alerted: Option<Ms>,
}

/// How a way has been doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Faults in a row.
    pub faults: u32,
    /// Not before this.
    pub until: Ms,
    /// What went wrong last.
    pub fault: Fault,
}

/// Whether a way may be given a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It may.
    Well,
    /// It has rested: one copy may try it.
    OnTrial,
    /// It may not for so many milliseconds, or until what is trying it has come to something.
    Resting(Ms),
}

/// What came of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The way rests from now on. `alert`: a person should be called.
    Rests {
        /// The rest.
        rest: Rest,
        /// Whether this is the moment to call a person.
        alert: bool,
    },
    /// It is one connection's so far.
    Struck,
    /// The connection began before the last rest, or had carried something: it says nothing about the way as it is now.
    Stale,
}

impl Circuit {
    /// Leave to use the way now; the first after a rest is the one that tries it.
    pub fn pass(self: &Arc<Self>, now: Ms) -> Option<Pass> {
        let mut state = self.lock();
        let trying = match stands(&state, now) {
            Stands::Well => false,
            Stands::OnTrial => true,
            Stands::Resting(_) => return None,
        };
        state.trying |= trying;
        Some(Pass { circuit: self.clone(), turn: state.turn, trying })
    }

    /// How it stands.
    pub fn stands(&self, now: Ms) -> Stands {
        stands(&self.lock(), now)
    }

    /// The rest it is in or has come out of without a success since; `None` when it is well.
    pub fn rest(&self) -> Option<Rest> {
        let state = self.lock();
        let fault = state.last.clone().filter(|_| state.faults > 0)?;
        Some(Rest { faults: state.faults, until: state.until, fault })
    }

    /// When a person was last called for it.
    pub fn alerted(&self) -> Option<Ms> {
        self.lock().alerted
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic happens under this lock")
    }
}

fn stands(state: &State, now: Ms) -> Stands {
    match state.faults {
        0 => Stands::Well,
        _ if state.until > now => Stands::Resting(state.until - now),
        _ if state.trying => Stands::Resting(REST_FIRST_MS),
        _ => Stands::OnTrial,
    }
}

/// Leave to use a way, for as long as one connection lasts. When it ends with nothing said, another may try.
pub struct Pass {
    circuit: Arc<Circuit>,
    turn: u64,
    trying: bool,
}

impl Pass {
    /// Whether the way has not been put to rest since this began.
    pub fn stands(&self) -> bool {
        self.circuit.lock().turn == self.turn
    }

    /// The way took a copy, or answered about one. `true`: it had rested, and is well again.
    pub fn well(&mut self) -> bool {
        let mut state = self.circuit.lock();
        let silent = state.last.as_ref().is_some_and(|fault| fault.silent);
        if state.turn != self.turn && !silent {
            return false;
        }
        let again = state.faults > 0;
        if again {
            (state.trying, state.called) = (false, false);
        }
        (state.faults, state.strikes, state.until) = (0, 0, 0);
        if again {
            state.last = None;
        }
        self.trying = false;
        again
    }

    /// The way is at fault. `seasoned`: this connection had carried something before.
    pub fn fault(&mut self, now: Ms, fault: &Fault, seasoned: bool) -> Told {
        let mut state = self.circuit.lock();
        if state.turn != self.turn || (seasoned && !fault.at_once && state.faults == 0) {
            return Told::Stale;
        }
        state.last = Some(fault.clone());
        if state.faults == 0 && !fault.at_once {
            state.strikes += 1;
            if state.strikes < STRIKES_MAX {
                return Told::Struck;
            }
        }
        let wait = (REST_FIRST_MS << state.faults.min(6)).min(REST_MS_MAX);
        state.faults += 1;
        state.turn += 1;
        (state.strikes, state.trying, state.until) = (0, false, now + wait);
        // A relay that was restarted is back at the first try, and nobody's business.
        let grave = fault.at_once || state.faults > 1;
        let lately = state.alerted.is_some_and(|at| (0..ALERT_AGAIN_MS).contains(&(now - at)));
        let alert = grave && !state.called && !lately;
        if alert {
            (state.called, state.alerted) = (true, Some(now));
        }
        Told::Rests { rest: Rest { faults: state.faults, until: state.until, fault: fault.clone() }, alert }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.trying {
            let mut state = self.circuit.lock();
            if state.turn == self.turn {
                state.trying = false;
            }
        }
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

    const NOON: Ms = 1_767_268_800_000;

    fn login() -> Fault {
        Fault::of_trouble(&Trouble { phase: Phase::Auth, what: What::Reply(Reply::plain(535, "no")) })
    }

    fn lost() -> Fault {
        Fault::of_trouble(&Trouble { phase: Phase::Banner, what: What::Closed })
    }

    fn rests(told: &Told) -> (u32, bool) {
        let Told::Rests { rest, alert } = told else { panic!("{told:?}") };
        (rest.faults, *alert)
    }

    #[test]
    fn a_refused_account_rests_the_way_at_once_and_calls_one_person() {
        let circuit = Arc::new(Circuit::default());
        let mut passes: Vec<Pass> = (0..20).filter_map(|_| circuit.pass(NOON)).collect();
        let told: Vec<Told> = passes.iter_mut().map(|pass| pass.fault(NOON, &login(), false)).collect();
        assert_eq!(rests(&told[0]), (1, true));
        assert!(told[1..].iter().all(|told| *told == Told::Stale), "the others say nothing new");
        assert!(circuit.pass(NOON + 999).is_none());
        for faults in 2..9 {
            let now = circuit.rest().unwrap().until;
            let mut trial = circuit.pass(now).unwrap();
            assert!(circuit.pass(now).is_none(), "one connection tries it");
            assert_eq!(rests(&trial.fault(now, &login(), false)), (faults, false), "nobody is called again");
            assert!(circuit.rest().unwrap().until - now <= REST_MS_MAX);
        }
    }

    #[test]
    fn lost_connections_rest_the_way_when_three_in_a_row_came_to_nothing() {
        let circuit = Arc::new(Circuit::default());
        let pass = || circuit.pass(NOON).unwrap();
        assert_eq!(pass().fault(NOON, &lost(), true), Told::Stale, "it had carried something");
        assert_eq!(
            [pass().fault(NOON, &lost(), false), pass().fault(NOON, &lost(), false)],
            [Told::Struck, Told::Struck]
        );
        assert!(!pass().well(), "it had not rested");
        assert_eq!(
            [pass().fault(NOON, &lost(), false), pass().fault(NOON, &lost(), false)],
            [Told::Struck, Told::Struck]
        );
        assert_eq!(rests(&pass().fault(NOON, &lost(), false)), (1, false), "a restart is nobody's business");
        let again = NOON + 1_000;
        assert_eq!(rests(&circuit.pass(again).unwrap().fault(again, &lost(), false)), (2, true));
    }

    #[test]
    fn a_trial_that_came_to_nothing_lets_another_try_and_a_success_closes_the_circuit() {
        let circuit = Arc::new(Circuit::default());
        let (mut old, mut pass) = (circuit.pass(NOON).unwrap(), circuit.pass(NOON).unwrap());
        pass.fault(NOON, &login(), false);
        assert!(!old.stands() && !old.well(), "an older connection that still works proves no login");
        let later = NOON + 1_000;
        drop(circuit.pass(later).unwrap());
        let mut trial = circuit.pass(later).unwrap();
        assert_eq!(circuit.stands(later), Stands::Resting(REST_FIRST_MS));
        assert!(trial.well() && trial.stands() && circuit.rest().is_none());
        assert_eq!(circuit.stands(later), Stands::Well);
    }

    #[test]
    fn any_answer_ends_a_silence() {
        let circuit = Arc::new(Circuit::default());
        let (mut waiting, mut quiet) = (circuit.pass(NOON).unwrap(), circuit.pass(NOON).unwrap());
        assert_eq!(rests(&quiet.fault(NOON, &Fault::silence(30_000), true)), (1, true));
        assert!(waiting.well() && circuit.stands(NOON) == Stands::Well);
    }

    #[test]
    fn a_policy_of_the_door_is_told_from_a_full_house() {
        let said = |phase, subject| {
            let reply = Reply::new(421, mail::smtp::Enhanced::new(4, subject, 0), "not you");
            Fault::of_trouble(&Trouble { phase, what: What::Reply(reply) })
        };
        assert!(said(Phase::Banner, 7).at_once && !said(Phase::Banner, 3).at_once && !said(Phase::Mail, 7).at_once);
        assert!(said(Phase::Banner, 7).is_answer() && !said(Phase::Banner, 7).is_crowding() && !lost().is_answer());
    }

    #[test]
    fn too_many_connections_are_told_from_an_account_that_is_not_wanted() {
        let said = |code, text: &'static str| {
            let reply = Reply::new(code, mail::smtp::Enhanced::new(4, 7, 0), text);
            Fault::of_trouble(&Trouble { phase: Phase::Banner, what: What::Reply(reply) })
        };
        for text in [
            "mx.example Error: too many connections from 203.0.113.7",
            "Too many concurrent SMTP connections; please try again later.",
            "Too many concurrent connections from this client",
            "Maximum number of concurrent connections has exceeded a limit, closing transmission channel",
            "Number of sessions exceeds the limit for your host",
        ] {
            let fault = said(421, text);
            assert!(fault.is_crowding() && !fault.at_once, "{text}");
        }
        for text in ["not for you", "our system has detected an unusual rate of mail from your address"] {
            assert!(!said(421, text).is_crowding() && said(421, text).at_once, "{text}");
        }
        assert!(!said(554, "too many connections").is_crowding(), "never is never");
    }
}
