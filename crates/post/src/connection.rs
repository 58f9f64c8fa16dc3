//! One connection's work: take a copy, stream it, mark it durably, send the dot, keep the answer, take the next.
//!
//! The order is the promise. Envelope and body stream ahead; the final dot leaves only after the mark is durable; the
//! answer to copy n and the mark of copy n+1 share one commit. So at any crash at most one copy of each open connection is
//! in doubt, and a poster that lost its lease cannot send: its mark is refused.

use mail::smtp::Reply;
use mail::smtp::client::{Session, Trouble};
use newsroom::{Answer, DeliveryState};
use store::ledger::Settled;
use world::Stream;

use crate::circuit::Fault;
use crate::office::Shared;
use crate::ready::Ready;
use crate::verdict::{self, Said, Verdict};

/// How long a connection waits for the next copy before it says QUIT, in milliseconds: relays drop idle ones soon.
const IDLE_MS: i64 = 2_000;

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

/// Works until the hopper is closed.
pub async fn work(shared: &Shared) {
    let mut in_hand = None;
    loop {
        let mut copy = match in_hand.take() {
            Some(copy) => copy,
            None => match shared.ready.take().await {
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
        if !shared.rested().await {
            return shared.give_back(vec![copy]).await;
        }
        copy.leave = shared.leave(copy.delivery.expires).await;
        if copy.leave.is_none() {
            shared.give_back(vec![copy]).await;
            continue;
        }
        match shared.relay.open(&shared.world).await {
            Ok(session) => in_hand = Conversation { shared, session, ended: Vec::new() }.run(copy).await,
            Err(unreached) => {
                shared.at_fault(&Fault::of_unreached(&unreached));
                shared.give_back(vec![copy]).await;
            }
        }
    }
}

struct Conversation<'a> {
    shared: &'a Shared,
    session: Session<Stream>,
    /// Answers that the next commit keeps.
    ended: Vec<Settled>,
}

/// What became of a copy.
enum Step {
    /// Answered; the connection can go on with the next copy, in hand or not, begun or not.
    Next(Option<Ready>),
    /// The connection is over; a copy taken ahead goes to another.
    Over(Option<Ready>),
}

impl Conversation<'_> {
    async fn run(mut self, first: Ready) -> Option<Ready> {
        let _talking = self.shared.book.talking();
        let mut start = Start::Begin;
        let mut copy = first;
        let mut parked = None;
        for left in (0..self.shared.relay.messages_per_connection.max(1)).rev() {
            match self.send(copy, start, left > 0).await {
                Step::Next(Some(next)) => (copy, start) = (next, Start::Begun),
                Step::Next(None) if left == 0 => break,
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
        if let Some(next) = self.shared.try_next() {
            return Wait::Go(next);
        }
        self.keep_answers().await;
        let next = tokio::select! {
            biased;
            next = self.shared.ready.take() => next,
            () = self.shared.world.sleep(IDLE_MS) => None,
        };
        let Some(mut next) = next else { return Wait::Nothing };
        let until = next.delivery.expires.min(self.shared.world.now() + IDLE_MS);
        next.leave = self.shared.leave(until).await;
        if next.leave.is_some() { Wait::Go(next) } else { Wait::Park(next) }
    }

    async fn send(&mut self, copy: Ready, start: Start, may_go_on: bool) -> Step {
        let halted = matches!(start, Start::Begin) && !self.shared.may_set_out(&copy);
        if halted || copy.delivery.expires <= self.shared.world.now() {
            self.shared.give_back(vec![copy]).await;
            return if matches!(start, Start::Begun) { Step::Over(None) } else { Step::Next(None) };
        }
        let ended = std::mem::take(&mut self.ended);
        let session = &mut self.session;
        let stream = async {
            match start {
                Start::Begin => session.begin(&copy.envelope()).await?,
                Start::Begun => session.begun().await?,
            }
            session.pieces(&copy.pieces()).await
        };
        // The commit is under way while the relay answers; the dot waits for both.
        let (streamed, marked) =
            tokio::join!(stream, self.shared.keep_and_mark(ended, (copy.delivery.key, copy.delivery.cohort)));
        match (streamed, marked) {
            (_, None) => {
                // Not ours any more, or the reader has gone, or the departure was paused: this body gets no dot.
                self.shared.give_back(vec![copy]).await;
                Step::Over(None)
            }
            (Err(trouble), Some(())) => self.came_to_grief(copy, &trouble).await,
            (Ok(()), Some(())) => self.dot(copy, may_go_on).await,
        }
    }

    async fn dot(&mut self, copy: Ready, may_go_on: bool) -> Step {
        let next = may_go_on.then(|| self.shared.try_next()).flatten();
        let answered = match &next {
            Some(next) => self.session.dot_and_begin(&next.envelope()).await,
            None => self.session.dot().await,
        };
        match answered {
            Ok(reply) => {
                self.shared.circuit.mend();
                self.answered(copy, &reply, Verdict::Accepted);
                Step::Next(next)
            }
            Err(trouble) => {
                let verdict = verdict::of_trouble(&trouble);
                let said = verdict::said_of_trouble(&trouble, copy.local());
                self.ended.push(self.settled(copy, &verdict, said));
                if self.session.is_spent() { Step::Over(next) } else { Step::Next(next) }
            }
        }
    }

    fn answered(&mut self, copy: Ready, reply: &Reply, verdict: Verdict) {
        let said = verdict::said(reply, copy.local());
        self.ended.push(self.settled(copy, &verdict, said));
    }

    /// No dot has left for this copy.
    async fn came_to_grief(&mut self, copy: Ready, trouble: &Trouble) -> Step {
        let verdict = verdict::of_trouble(trouble);
        if verdict == Verdict::RelayAtFault {
            self.shared.at_fault(&Fault::of_trouble(trouble));
            self.shared.give_back(vec![copy]).await;
            return Step::Over(None);
        }
        let said = verdict::said_of_trouble(trouble, copy.local());
        self.ended.push(self.settled(copy, &verdict, said));
        if self.session.is_spent() { Step::Over(None) } else { Step::Next(None) }
    }

    /// The copy was tried: its leave is used.
    fn settled(&self, mut copy: Ready, verdict: &Verdict, said: Said) -> Settled {
        if let Some(leave) = copy.leave.take() {
            leave.spend();
        }
        let (world, attempts) = (&self.shared.world, copy.delivery.attempts);
        let now = world.now();
        let due = now + verdict::wait_ms(self.shared.retry_first_ms, attempts, |sides| world.roll(sides));
        let (state, due) = match verdict {
            Verdict::Accepted => (DeliveryState::Accepted, None),
            Verdict::Refused => (DeliveryState::Refused, None),
            Verdict::Uncertain => (DeliveryState::Uncertain, None),
            // RFC 5321 §4.5.4.1 ends retries at some time; here it is the departure's expiry.
            Verdict::Later | Verdict::RelayAtFault if due >= copy.delivery.expires => (DeliveryState::Expired, None),
            Verdict::Later | Verdict::RelayAtFault => (DeliveryState::Deferred, Some(due)),
        };
        Settled {
            key: copy.delivery.key,
            reader: copy.delivery.reader,
            attempts,
            state,
            due,
            route: 1,
            answer: Answer { at: now, code: said.code, text: said.text },
        }
    }

    async fn keep_answers(&mut self) {
        let ended = std::mem::take(&mut self.ended);
        if !ended.is_empty() {
            self.shared.keep(ended).await;
        }
    }
}
