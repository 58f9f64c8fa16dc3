//! One connection's work: take a copy, stream it, mark it durably, send the dot, keep the answer, take the next.
//!
//! The order is the promise. Envelope and body stream ahead; the final dot leaves only after the mark is durable; the
//! answer to copy n and the mark of copy n+1 share one commit. So at any crash at most one copy of each open connection is
//! in doubt, and a poster that lost its lease cannot send: its mark is refused.

use std::sync::Arc;

use mail::smtp::Reply;
use mail::smtp::client::{Phase, Session, Trouble, What};
use newsroom::{Answer, DeliveryState, Ms, SECOND_MS};
use store::ledger::Settled;
use world::Stream;

use crate::circuit::{Fault, Pass};
use crate::gate::{Gate, LETTER_WAITS_MS_MAX};
use crate::office::{Defect, Shared};
use crate::ready::Ready;
use crate::route::Unreached;
use crate::verdict::{self, Said, Verdict};
use crate::when::When;
use crate::window::Seat;

/// How long a connection waits for the next copy before it says QUIT, in milliseconds: relays drop idle ones soon.
const IDLE_MS: Ms = 2_000;
/// How long a connection that came to nothing waits before the next, in milliseconds, when its way does not rest for it.
const AGAIN_MS: Ms = SECOND_MS;

/// What a connection that has nothing to send comes to.
enum Wait {
    /// A copy that may leave.
    Go(Ready),
    /// A copy that our caps hold back for longer than the connection stays.
    Park(Ready),
    /// None.
    Nothing,
}

/// What to do with the commands of the next copy.
enum Start {
    /// Send them and wait for the answers.
    Begin,
    /// They went with the last dot; wait for the answers.
    Begun,
}

/// Works at a gate until it takes no more.
pub async fn work(shared: &Shared, gate: &Arc<Gate>) {
    let (mut in_hand, mut seat) = (None, None::<Seat<'_>>);
    loop {
        if in_hand.is_none() {
            seat = None;
        }
        // A copy in hand keeps its seat: it must not lie where nobody takes it.
        let Some(mut sits) = (match seat.take() {
            Some(kept) => Some(kept),
            None => gate.sit().await,
        }) else {
            return;
        };
        let mut copy = match in_hand.take() {
            Some(copy) => copy,
            None => match shared.first(gate).await {
                Some(copy) => copy,
                None => return,
            },
        };
        if !shared.may_set_out(&copy) {
            shared.give_back(vec![copy]).await;
            continue;
        }
        // What a connection took ahead and did not try has not used its leave.
        copy.leave = None;
        let pass = gate.circuit.pass(shared.world.now()).filter(|pass| gate.goes_on(pass));
        let Some(mut pass) = pass else {
            shared.elsewhere(vec![copy]).await;
            continue;
        };
        let waits = if copy.goes_first() { LETTER_WAITS_MS_MAX } else { IDLE_MS };
        let until = copy.delivery.expires.min(shared.world.now() + waits);
        let leave = shared.leave(gate, &mut copy, until).await;
        copy.leave = leave;
        if copy.leave.is_none() {
            shared.elsewhere(vec![copy]).await;
            continue;
        }
        sits.knocks();
        match open(shared, gate).await {
            Ok(session) => {
                sits.is_open();
                let talk =
                    Conversation { shared, gate, seat: &mut sits, session, pass, seasoned: false, ended: Vec::new() };
                in_hand = talk.run(copy).await;
                sits.is_over();
                seat = Some(sits);
            }
            Err(fault) => {
                shared.turned_away(gate, &mut sits, &mut pass, &fault, false).await;
                drop((pass, sits));
                shared.elsewhere(vec![copy]).await;
                shared.world.sleep(AGAIN_MS).await;
            }
        }
    }
}

/// Opens a connection, unless the way says nothing at all.
async fn open(shared: &Shared, gate: &Gate) -> Result<Session<Stream>, Fault> {
    let opened = tokio::select! {
        biased;
        opened = gate.route.open(&shared.world) => opened,
        () = gate.quiet(&shared.world) => return Err(Fault::silence(gate.route.silence_ms)),
    };
    if !matches!(opened, Err(Unreached::Connect(_) | Unreached::SilentHandshake)) {
        gate.hears();
    }
    opened.map_err(|unreached| Fault::of_unreached(&unreached))
}

struct Conversation<'a, 'g> {
    shared: &'a Shared,
    gate: &'a Gate,
    seat: &'a mut Seat<'g>,
    session: Session<Stream>,
    pass: Pass,
    /// It has carried something.
    seasoned: bool,
    /// Answers that the next commit keeps.
    ended: Vec<Settled>,
}

/// How far a copy came before its dot.
enum Streamed {
    /// It is at the relay, but for the dot.
    Whole,
    /// It is not.
    Failed(Trouble),
    /// The relay says nothing at all.
    Silent,
}

/// What became of a copy.
enum Step {
    /// Answered; the connection can go on with the next copy, in hand or not, begun or not.
    Next(Option<Ready>),
    /// The connection is over; a copy taken ahead goes to another.
    Over(Option<Ready>),
}

impl Conversation<'_, '_> {
    async fn run(mut self, first: Ready) -> Option<Ready> {
        let _talking = self.shared.book.talking();
        let mut start = Start::Begin;
        let mut copy = first;
        let mut parked = None;
        for left in (0..self.gate.route.messages_per_connection.max(1)).rev() {
            // The last of many, or one too many: it ends in peace.
            let goes_on = left > 0 && !self.seat.makes_room();
            match self.send(copy, start, goes_on).await {
                Step::Next(Some(next)) => (copy, start) = (next, Start::Begun),
                Step::Next(None) if !goes_on || !self.gate.goes_on(&self.pass) => break,
                Step::Next(None) => match self.wait_for_next().await {
                    Wait::Go(next) => (copy, start) = (next, Start::Begin),
                    Wait::Park(next) => {
                        parked = Some(next);
                        break;
                    }
                    Wait::Nothing => break,
                },
                Step::Over(next) => {
                    self.keep_answers().await;
                    return next;
                }
            }
        }
        self.keep_answers().await;
        self.session.quit().await;
        parked
    }

    async fn wait_for_next(&mut self) -> Wait {
        if let Some(next) = self.shared.try_next(self.gate, &self.pass) {
            return Wait::Go(next);
        }
        self.keep_answers().await;
        let next = tokio::select! {
            biased;
            next = self.shared.take(self.gate) => next,
            () = self.shared.world.sleep(IDLE_MS) => None,
        };
        let Some(mut next) = next else { return Wait::Nothing };
        let until = next.delivery.expires.min(self.shared.world.now() + IDLE_MS);
        let leave = self.shared.leave(self.gate, &mut next, until).await;
        next.leave = leave;
        if next.leave.is_some() && self.gate.goes_on(&self.pass) { Wait::Go(next) } else { Wait::Park(next) }
    }

    async fn send(&mut self, copy: Ready, start: Start, may_go_on: bool) -> Step {
        let halted = matches!(start, Start::Begin) && !self.shared.may_set_out(&copy);
        if halted || copy.delivery.expires <= self.shared.world.now() {
            self.shared.give_back(vec![copy]).await;
            return if matches!(start, Start::Begun) { Step::Over(None) } else { Step::Next(None) };
        }
        if self.shared.defect == Some(Defect::OutcomeBeforeMark) {
            self.shared.holds_twice();
            self.ended.push(self.counted_as_sent(&copy));
        }
        let ended = std::mem::take(&mut self.ended);
        let mark = (copy.delivery.key, copy.delivery.cohort, self.gate.route.id);
        // The commit is under way while the relay answers; the dot waits for both.
        let (streamed, marked) = tokio::join!(
            stream(self.shared, self.gate, &mut self.session, &copy, start),
            self.shared.keep_and_mark(ended, mark)
        );
        match (streamed, marked) {
            (_, None) => {
                // Not ours any more, or the reader has gone, or the departure was paused: this body gets no dot.
                self.shared.give_back(vec![copy]).await;
                Step::Over(None)
            }
            (Streamed::Failed(trouble), Some(())) => self.came_to_grief(copy, &trouble).await,
            (Streamed::Silent, Some(())) => {
                let silence = Fault::silence(self.gate.route.silence_ms);
                self.shared.at_fault(self.gate, &mut self.pass, &silence, true).await;
                self.shared.give_back(vec![copy]).await;
                Step::Over(None)
            }
            (Streamed::Whole, Some(())) => self.dot(copy, may_go_on).await,
        }
    }

    async fn dot(&mut self, copy: Ready, may_go_on: bool) -> Step {
        let next = may_go_on.then(|| self.shared.try_next(self.gate, &self.pass)).flatten();
        let (answered, lost) = self.wait_for_answer(next.as_ref()).await;
        let (next, may_follow) = match (next, lost) {
            // It went back to the queue while the relay said nothing: it is another's now.
            (Some(_), true) => (None, false),
            (next, _) => (next, true),
        };
        if !matches!(&answered, Err(Trouble { what: What::Timeout | What::Closed | What::Io(_), .. })) {
            self.gate.hears();
        }
        match answered {
            Ok(reply) => {
                self.seasoned = true;
                self.shared.is_well(self.gate, &mut self.pass);
                self.answered(copy, &reply, Verdict::Accepted);
            }
            Err(trouble) if verdict::of_trouble(&trouble) == Verdict::RelayAtFault => {
                // It refused us, not the reader; the copy was not taken.
                self.at_fault(&Fault::of_trouble(&trouble)).await;
                self.shared.give_back(vec![copy]).await;
            }
            Err(trouble) => {
                let verdict = verdict::of_trouble(&trouble);
                if trouble.reply().is_some() {
                    self.seasoned = true;
                    self.shared.is_well(self.gate, &mut self.pass);
                }
                let said = verdict::said_of_trouble(&trouble, copy.local());
                self.ended.push(self.settled(copy, &verdict, said));
            }
        }
        // The way came to rest meanwhile: what has no dot yet sets out by another.
        let over = self.session.is_spent() || !may_follow || (next.is_some() && !self.gate.goes_on(&self.pass));
        if over { Step::Over(next) } else { Step::Next(next) }
    }

    /// Sends the dot, with the commands of the next copy, and waits for the answer as long as it takes. When the relay says
    /// nothing at all meanwhile it is put to rest, and the next copy, which has no dot, goes back to the queue: then `true`.
    async fn wait_for_answer(&mut self, next: Option<&Ready>) -> (Result<Reply, Trouble>, bool) {
        let Self { shared, gate, session, pass, .. } = self;
        let envelope = next.map(Ready::envelope);
        let mut dot = std::pin::pin!(async {
            match &envelope {
                Some(next) => session.dot_and_begin(next).await,
                None => session.dot().await,
            }
        });
        tokio::select! {
            biased;
            answered = &mut dot => return (answered, false),
            () = gate.quiet(&shared.world) => {}
        }
        shared.at_fault(gate, pass, &Fault::silence(gate.route.silence_ms), true).await;
        if let Some(next) = next {
            shared.requeue(&[next.delivery.key]).await;
        }
        (dot.await, true)
    }

    async fn at_fault(&mut self, fault: &Fault) {
        self.shared.turned_away(self.gate, self.seat, &mut self.pass, fault, self.seasoned).await;
    }

    fn answered(&mut self, copy: Ready, reply: &Reply, verdict: Verdict) {
        let said = verdict::said(reply, copy.local());
        self.ended.push(self.settled(copy, &verdict, said));
    }

    /// No dot has left for this copy.
    async fn came_to_grief(&mut self, copy: Ready, trouble: &Trouble) -> Step {
        let verdict = verdict::of_trouble(trouble);
        if trouble.reply().is_some() {
            self.gate.hears();
        }
        if verdict == Verdict::RelayAtFault {
            self.at_fault(&Fault::of_trouble(trouble)).await;
            // It is marked: it has to be claimed anew before another way may have it.
            self.shared.give_back(vec![copy]).await;
            return Step::Over(None);
        }
        // It answered about the reader: the way itself is well.
        if trouble.phase >= Phase::Rcpt && trouble.reply().is_some() {
            self.seasoned = true;
            self.shared.is_well(self.gate, &mut self.pass);
        }
        let said = verdict::said_of_trouble(trouble, copy.local());
        self.ended.push(self.settled(copy, &verdict, said));
        if self.session.is_spent() { Step::Over(None) } else { Step::Next(None) }
    }

    /// The planted defect: an outcome that nobody has given yet.
    fn counted_as_sent(&self, copy: &Ready) -> Settled {
        let answer = Answer { at: self.shared.world.now(), code: 0, text: String::new() };
        Settled::new(&copy.delivery, DeliveryState::Accepted, None, self.gate.route.id, answer)
    }

    /// The copy was tried: its leave is used.
    fn settled(&self, mut copy: Ready, verdict: &Verdict, said: Said) -> Settled {
        if let Some(leave) = copy.leave.take() {
            leave.spend();
        }
        let (world, attempts) = (&self.shared.world, copy.delivery.attempts);
        let now = world.now();
        let usual = verdict::wait_ms(self.shared.retry_first_ms, attempts, |sides| world.roll(sides));
        let later = |when: When| {
            let due = when.due(now, copy.delivery.expires, attempts, usual, |sides| world.roll(sides));
            // RFC 5321 §4.5.4.1 ends retries at some time; here it is the departure's expiry.
            (due.map_or(DeliveryState::Expired, |_| DeliveryState::Deferred), due)
        };
        let (state, due) = match verdict {
            Verdict::Uncertain if self.shared.defect == Some(Defect::DoubtSentAgain) => {
                (DeliveryState::Deferred, Some(now))
            }
            Verdict::Accepted => (DeliveryState::Accepted, None),
            Verdict::Refused => (DeliveryState::Refused, None),
            Verdict::Uncertain => (DeliveryState::Uncertain, None),
            Verdict::Later(when) => later(*when),
            Verdict::RelayAtFault => later(When::Usual),
        };
        let answer = Answer { at: now, code: said.code, text: said.text };
        self.gate.answered(&answer);
        Settled::new(&copy.delivery, state, due, self.gate.route.id, answer)
    }

    async fn keep_answers(&mut self) {
        let ended = std::mem::take(&mut self.ended);
        if !ended.is_empty() {
            self.shared.keep(ended).await;
        }
    }
}

/// The envelope and the body, unless the way says nothing at all.
async fn stream(shared: &Shared, gate: &Gate, session: &mut Session<Stream>, copy: &Ready, start: Start) -> Streamed {
    let streaming = async {
        match start {
            Start::Begin => session.begin(&copy.envelope()).await?,
            Start::Begun => session.begun().await?,
        }
        gate.hears();
        session.pieces(&copy.pieces()).await
    };
    tokio::select! {
        biased;
        streamed = streaming => streamed.map_or_else(Streamed::Failed, |()| Streamed::Whole),
        () = gate.quiet(&shared.world) => Streamed::Silent,
    }
}
