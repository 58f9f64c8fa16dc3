//! The simulated relays, one or two: receiving machines with a temper each, over lines that may break.
//!
//! It speaks real SMTP through `mail::smtp::server`, takes responsibility for messages or does not, and tells the witness of
//! every dot that came. It lives on when the newsroom crashes.

use std::sync::Arc;

use mail::address::HostName;
use mail::smtp::server::{Answer, Flow, Offer, Received, Receiver, Terms, serve};
use mail::smtp::{Enhanced, Reply};
use newsroom::{Ms, SECOND_MS};
use world::{Stream, World};

use crate::line::{Line, Quality};
use crate::outside::Outside;
use crate::plan::Suspended;
use crate::temper::{HANG_MS, Step, Vice, chance, roll};
use crate::witness;

/// Their names.
pub(crate) const HOSTS: [&str; 2] = ["relay.example", "second.example"];
/// Where they live: on the newsroom's own machine, so that mail and password may go to it in the clear.
pub(crate) const ADDRESS: &str = "127.0.0.1";
/// Message submission (RFC 6409), and a port beside it.
pub(crate) const PORTS: [u16; 2] = [587, 588];
/// Who may log in.
pub(crate) const NAME: &str = "courier";
/// With what.
pub(crate) const PASSWORD: &str = "the tide turns at four";

/// A dialogue with a few copies has some kB; a line breaks somewhere in it.
const BREAK_BYTES_MAX: u64 = 60_000;
/// The relay's side of it is short.
const BREAK_REPLY_BYTES_MAX: u64 = 1_200;

/// A relay that stalls answers within every patience of RFC 5321, and after a lease has ended.
const STALL_MS_MAX: u64 = 170_000;

/// Answers one connection to the relay of that place.
pub(crate) async fn answer(outside: Arc<Outside>, which: usize, stream: Stream, world: World) {
    let connection = outside.connected();
    outside.step(connection, "connected");
    let (terms, quality) = conditions(&outside, which, &world);
    let line = Line::new(stream, world.clone(), quality);
    let mut clerk = Clerk { outside: outside.clone(), which, world, connection, begun: 0, is_in: false, messages: 0 };
    let _ended = serve(line, &mut clerk, &terms).await;
    outside.step(connection, "over");
    outside.disconnected(connection);
}

fn conditions(outside: &Outside, which: usize, world: &World) -> (Terms, Quality) {
    let (temper, login) = {
        let state = outside.lock();
        (state.relays[which].temper.clone(), state.relays[which].login)
    };
    let mut terms = Terms::new(HostName::parse(HOSTS[which]).expect("a host name"));
    let offer = |offered| if offered { Offer::Yes } else { Offer::No };
    terms.pipelining = offer(!temper.one_by_one);
    terms.ehlo = offer(!temper.only_helo);
    terms.auth = offer(login);
    let mut quality = Quality::default();
    if chance(world, temper.slow_lines) {
        outside.count("slow lines");
        quality.reply_octet_ms = Some(Ms::try_from(1 + world.roll(300)).expect("a fraction of a second"));
        quality.sips_bytes = Some(1 + roll(world, 2_000));
    }
    if chance(world, temper.broken_lines) {
        outside.count("broken lines");
        let place = |sides| usize::try_from(world.roll(sides)).expect("some kB");
        match world.roll(2) {
            0 => quality.reads_bytes_max = Some(place(BREAK_BYTES_MAX)),
            _ => quality.writes_bytes_max = Some(place(BREAK_REPLY_BYTES_MAX)),
        }
    }
    (terms, quality)
}

/// Answers the steps of one dialogue.
struct Clerk {
    outside: Arc<Outside>,
    /// Of which relay.
    which: usize,
    world: World,
    connection: u64,
    /// When the message under way began with MAIL.
    begun: Ms,
    /// Logged in.
    is_in: bool,
    messages: u64,
}

/// What is done with a message whose dot has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    KeptAndGone,
    KeptAndSilent,
    LostAndGone,
    Spoiled(Vice),
    /// The mailbox refuses it.
    Refused,
}

impl Fate {
    fn is_kept(self) -> bool {
        matches!(self, Self::Kept | Self::KeptAndGone | Self::KeptAndSilent)
    }
}

const LATER: Enhanced = Enhanced::new(4, 3, 0);

impl Clerk {
    /// The step begins: the trace hears of it, and a vice may spoil it.
    async fn step(&mut self, step: Step, what: &str) -> Answer {
        self.outside.step(self.connection, what);
        if let Some(answer) = self.suspended(step).await {
            return answer;
        }
        let vice = {
            let temper = self.outside.lock().relays[self.which].temper.clone();
            temper.vice(step, &self.world)
        };
        match vice {
            Some(vice) => self.spoil(step, vice).await,
            None => Answer::Usual,
        }
    }

    /// What the step comes to while our account is suspended.
    async fn suspended(&self, step: Step) -> Option<Answer> {
        let how = self.outside.lock().relays[self.which].suspended?;
        let closing = Reply::new(421, Enhanced::new(4, 7, 0), "not for you");
        match (how, step) {
            (Suspended::Door, Step::Connect | Step::Mail) => Some(Answer::Last(closing)),
            (Suspended::Sender, Step::Mail) => {
                Some(Answer::Reply(Reply::new(550, Enhanced::new(5, 7, 1), "your account is suspended")))
            }
            (Suspended::Recipient, Step::Rcpt) => {
                Some(Answer::Reply(Reply::new(554, Enhanced::new(5, 7, 1), "relay access denied")))
            }
            (Suspended::Silence, Step::Connect | Step::Mail) => {
                self.world.sleep(HANG_MS).await;
                Some(Answer::Close)
            }
            _ => None,
        }
    }

    async fn spoil(&self, step: Step, vice: Vice) -> Answer {
        self.outside.count(match vice {
            Vice::NotNow => "answered 4yz",
            Vice::Goodbye => "answered 421",
            Vice::Never => "answered 5yz",
            Vice::Hang => "hung",
            Vice::HangUp => "hung up",
        });
        match vice {
            Vice::NotNow if step == Step::Connect => Answer::Last(Reply::plain(450, "no room at the inn")),
            Vice::NotNow => Answer::Reply(Reply::new([450, 451, 452][roll(&self.world, 3)], LATER, "not now")),
            Vice::Goodbye => Answer::Reply(Reply::new(421, Enhanced::new(4, 3, 2), "closing for a moment")),
            Vice::Never => Answer::Reply(match step {
                Step::Connect => return Answer::Last(Reply::plain(554, "no service here")),
                Step::Mail => Reply::new(550, Enhanced::new(5, 7, 1), "sender not verified"),
                Step::Rcpt => Reply::new(554, Enhanced::new(5, 7, 1), "relay access denied"),
                Step::Dot => Reply::new(554, Enhanced::new(5, 6, 0), "we do not like the look of it"),
                _ => Reply::new(550, Enhanced::new(5, 0, 0), "no"),
            }),
            Vice::Hang => {
                self.world.sleep(HANG_MS).await;
                Answer::Close
            }
            Vice::HangUp => Answer::Close,
        }
    }

    async fn take_time(&self) {
        let most = {
            let relay = &self.outside.lock().relays[self.which];
            if relay.stalls { STALL_MS_MAX } else { relay.temper.answer_ms }
        };
        if most > 0 {
            let wait = self.world.roll(most);
            self.world.sleep(Ms::try_from(wait).expect("a few minutes")).await;
        }
    }

    fn is_greylisted(&self, person: usize) -> bool {
        let now = self.world.now();
        let mut state = self.outside.lock();
        let Some(wait) = state.relays[self.which].temper.greylist_ms else { return false };
        let since = *state.relays[self.which].greylist.entry(person).or_insert(now);
        now == since || now - since < wait
    }

    fn fate(&self, person: Option<usize>) -> Fate {
        let (temper, refuses) = {
            let state = self.outside.lock();
            (state.relays[self.which].temper.clone(), person.is_some_and(|p| state.closed.get(&p) == Some(&Step::Dot)))
        };
        if refuses {
            return Fate::Refused;
        }
        if let Some(vice) = temper.vice(Step::Dot, &self.world) {
            return Fate::Spoiled(vice);
        }
        let fates = [
            (temper.kept_and_gone, Fate::KeptAndGone),
            (temper.kept_and_silent, Fate::KeptAndSilent),
            (temper.lost_and_gone, Fate::LostAndGone),
        ];
        let chosen = fates.into_iter().find(|(per_mille, _)| chance(&self.world, *per_mille));
        chosen.map_or(Fate::Kept, |(_, fate)| fate)
    }

    /// The witness hears of a message whose dot has come.
    fn report(&self, envelope: &Received, bytes: &[u8], fate: Fate) {
        let received = witness::Received {
            at: self.world.now(),
            begun: self.begun,
            helo: &envelope.helo,
            from: &envelope.from,
            to: &envelope.to,
            bytes,
            kept: fate.is_kept(),
        };
        let mut state = self.outside.lock();
        let had = state.witness.fault.is_some();
        let came = state.witness.receive(&received);
        let fault = state.witness.fault.clone().filter(|_| !had);
        drop(state);
        if let Some(fault) = fault {
            self.world.note(&format!("BROKEN {fault}"));
        }
        if came.is_some() {
            self.outside.mail.notify_waiters();
        }
    }
}

impl Receiver for Clerk {
    async fn connect(&mut self) -> Answer {
        self.step(Step::Connect, "banner").await
    }

    async fn helo(&mut self, name: &str) -> Answer {
        // RFC 5321 §4.1.1.1: the name tells which of our posters it is.
        self.outside.heard_of(name);
        self.step(Step::Helo, &format!("helo {name}")).await
    }

    async fn auth(&mut self, name: &str, secret: &str) -> Answer {
        let answer = self.step(Step::Auth, "auth").await;
        if answer != Answer::Usual {
            return answer;
        }
        let wrong = self.outside.lock().relays[self.which].wrong_password;
        if wrong || (name, secret) != (NAME, PASSWORD) {
            self.outside.count("wrong passwords");
            return Answer::Reply(Reply::new(535, Enhanced::new(5, 7, 8), "authentication failed"));
        }
        self.is_in = true;
        Answer::Usual
    }

    async fn mail(&mut self, from: &str) -> Answer {
        self.begun = self.world.now();
        self.outside.begun.notify_waiters();
        let (login, most) = {
            let mut state = self.outside.lock();
            state.witness.begun(from);
            (state.relays[self.which].login, state.relays[self.which].temper.messages_max)
        };
        if login && !self.is_in {
            return Answer::Reply(Reply::new(530, Enhanced::new(5, 7, 0), "authentication required"));
        }
        if most.is_some_and(|most| self.messages >= most) {
            self.outside.count("closed after so many");
            return Answer::Reply(Reply::new(421, Enhanced::new(4, 7, 0), "enough for one connection"));
        }
        self.step(Step::Mail, &format!("mail {from}")).await
    }

    async fn rcpt(&mut self, to: &str, _: &Received) -> Answer {
        let answer = self.step(Step::Rcpt, &format!("rcpt {to}")).await;
        if answer != Answer::Usual {
            return answer;
        }
        self.take_time().await;
        let (person, closed, full) = {
            let mut state = self.outside.lock();
            let person = state.witness.person_at(to);
            let closed = person.filter(|p| state.closed.get(p) == Some(&Step::Rcpt));
            if let Some(closed) = closed {
                state.witness.people[closed].belief.turned_away();
            }
            (person, closed.is_some(), person.is_some_and(|p| state.full.contains(&p)))
        };
        if closed {
            self.outside.count("no such mailbox");
            return Answer::Reply(Reply::new(550, Enhanced::new(5, 1, 1), "no such mailbox"));
        }
        if full {
            self.outside.count("mailbox too full");
            return Answer::Reply(Reply::new(452, Enhanced::new(4, 2, 2), "mailbox full, try later"));
        }
        if person.is_some_and(|person| self.is_greylisted(person)) {
            self.outside.count("greylisted");
            return Answer::Reply(Reply::new(451, Enhanced::new(4, 7, 1), "greylisted, come back later"));
        }
        Answer::Usual
    }

    async fn data(&mut self, _: &Received) -> Answer {
        self.step(Step::Data, "data").await
    }

    fn arriving(&mut self, _: usize) -> Flow {
        let per_mille = self.outside.lock().relays[self.which].temper.cut_bodies;
        if chance(&self.world, per_mille) {
            self.outside.count("cut in a body");
            return Flow::Close;
        }
        Flow::On
    }

    async fn message(&mut self, envelope: &Received, bytes: &[u8]) -> Answer {
        self.messages += 1;
        self.outside.step(self.connection, "dot");
        // It may take its time before it keeps a message, and after.
        if self.world.roll(2) == 0 {
            self.take_time().await;
        }
        let person = envelope.to.first().and_then(|to| self.outside.lock().witness.person_at(to));
        let fate = self.fate(person);
        self.report(envelope, bytes, fate);
        if self.which == 1 && fate.is_kept() {
            self.outside.count("kept by the second relay");
        }
        self.outside.step(self.connection, &format!("{fate:?} {}", digest(bytes)));
        self.take_time().await;
        match fate {
            Fate::Kept => Answer::Usual,
            Fate::Refused => {
                self.outside.count("mailbox refuses");
                Answer::Reply(Reply::new(552, Enhanced::new(5, 2, 2), "mailbox full"))
            }
            Fate::Spoiled(vice) => self.spoil(Step::Dot, vice).await,
            Fate::KeptAndGone => {
                self.outside.count("kept, answer lost");
                Answer::Close
            }
            Fate::LostAndGone => {
                self.outside.count("lost, answer lost");
                Answer::Close
            }
            Fate::KeptAndSilent => {
                self.outside.count("kept, answer never comes");
                self.world.sleep(HANG_MS + SECOND_MS).await;
                Answer::Close
            }
        }
    }
}

/// FNV-1a, to tell messages apart in the trace.
fn digest(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
