//! `cargo xtask sink`: a mail server that takes everything, says what it took in receipts, and misbehaves by script.
//!
//! It is a process of its own, so that it outlives what it judges. A receipt is written before the answer leaves: whatever
//! a sender was told, the file knows. It is fast (one thread; see docs/benchmarks.md) because it is to measure others.

pub mod receipts;
pub mod script;
pub mod summary;
pub mod turn;

use anyhow::{Context, Result, ensure};
use clap::Args;
use mail::address::HostName;
use mail::smtp::server::{Answer, Flow, Limits, Offer, Received, Receiver, Terms, serve};
use mail::smtp::{Enhanced, Reply};
use receipts::{Log, Outcome, Receipt};
use script::{Attempts, Plan, Script};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use turn::{Step, Turn};

/// Far more than any edition opens; beyond it a new connection waits until one ends.
const CONNECTIONS_MAX: usize = 4_096;
/// How long silence lasts. RFC 5321 §4.5.3.2.6 lets a sender wait 600 s for the answer to its dot.
const HANG: Duration = Duration::from_secs(3_600);
/// The clock ticks of /proc/self/stat: Linux shows 100 a second, whatever it counts inside.
const TICKS_PER_SECOND: f64 = 100.0;

const TURNED_AWAY: Reply = Reply::new(421, Enhanced::new(4, 3, 2), "busy, come back");
const DEFERRED: Reply = Reply::new(450, Enhanced::new(4, 2, 0), "not now, come back");
const REFUSED: Reply = Reply::new(550, Enhanced::new(5, 1, 1), "nobody of that name");
const DEFERRED_AFTER: Reply = Reply::new(451, Enhanced::new(4, 3, 0), "could not keep it, come back");
const ENOUGH: Reply = Reply::new(421, Enhanced::new(4, 7, 0), "enough for one connection");
const FULL: Reply = Reply::new(452, Enhanced::new(4, 3, 1), "the receipt could not be written");

/// Take mail, write receipts, misbehave by script.
#[derive(Args)]
pub struct Arguments {
    /// Where to listen: an address of loopback; port 0 takes a free one and says which.
    #[arg(long, default_value = "127.0.0.1:2525")]
    pub listen: SocketAddr,
    /// The file of receipts, which grows.
    #[arg(long, default_value = "target/receipts")]
    pub receipts: PathBuf,
    /// Keep every message that was taken in this file.
    #[arg(long)]
    pub keep: Option<PathBuf>,
    #[command(flatten)]
    script: Script,
}

/// Listens until SIGTERM or SIGINT, then says what it took and what that cost.
pub fn run(arguments: Arguments) -> Result<()> {
    ensure!(arguments.listen.ip().is_loopback(), "the sink takes mail for anyone: it listens on loopback only");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(listen(arguments))
}

struct Shared {
    script: Script,
    terms: Terms,
    state: Mutex<State>,
    /// Messages that came whole so far.
    messages: watch::Sender<u64>,
}

struct State {
    log: Log,
    attempts: Attempts,
    tally: BTreeMap<Outcome, u64>,
}

async fn listen(arguments: Arguments) -> Result<()> {
    let listener = TcpListener::bind(arguments.listen).await.with_context(|| arguments.listen.to_string())?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let shared = Arc::new(Shared::open(&arguments)?);
    println!("listening on {}", listener.local_addr()?);
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            biased;
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            Some(ended) = connections.join_next() => ended?,
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                number += 1;
                let (stream, _) = accepted?;
                connections.spawn(converse(stream, number, Arc::clone(&shared)));
            }
        }
    }
    connections.shutdown().await;
    shared.state.lock().expect("no task panicked with it").report(number);
    Ok(())
}

impl Shared {
    fn open(arguments: &Arguments) -> Result<Shared> {
        let name = HostName::parse("sink.example").context("a good name")?;
        let limits = Limits { commands_max: u64::MAX, ..Limits::default() };
        let log = Log::open(&arguments.receipts, arguments.keep.as_deref())?;
        let state = State { log, attempts: Attempts::default(), tally: BTreeMap::new() };
        let auth = if arguments.script.login { Offer::Yes } else { Offer::No };
        let terms = Terms { limits, auth, ..Terms::new(name) };
        let messages = watch::Sender::new(0);
        Ok(Shared { script: arguments.script.clone(), terms, state: Mutex::new(state), messages })
    }
}

impl Shared {
    /// How it has turned by now, if it has.
    fn turned(&self) -> Option<Turn> {
        self.script.turn.filter(|_| *self.messages.borrow() >= self.script.turn_after)
    }

    /// Ends when every connection is to be reset.
    async fn reset(&self) {
        if self.script.turn != Some(Turn::Reset) {
            return std::future::pending().await;
        }
        let mut messages = self.messages.subscribe();
        // The sender lives as long as we do.
        let _turned = messages.wait_for(|messages| *messages >= self.script.turn_after).await;
    }
}

impl State {
    fn report(&self, connections: u64) {
        let counts: Vec<String> = self.tally.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        println!("{connections} connections: {}", if counts.is_empty() { "nothing".into() } else { counts.join(", ") });
        let whole: u64 = self.tally.iter().filter(|(outcome, _)| outcome.holds()).map(|(_, count)| count).sum();
        if let (Some(seconds), true) = (cpu_seconds(), whole > 0) {
            println!("{seconds:.2} s of CPU, {:.1} us a message taken", seconds * 1e6 / whole as f64);
        }
    }
}

/// What this process has used so far, in seconds: fields 14 and 15 of `/proc/self/stat` (proc(5)).
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

async fn converse(stream: TcpStream, number: u64, shared: Arc<Shared>) {
    stream.set_nodelay(true).ok();
    let mut taker = Taker { shared: Arc::clone(&shared), connection: number, plan: Plan::Accept, taken: 0, open: None };
    if shared.script.turn == Some(Turn::Reset) {
        // A connection that is dropped then ends with RST, and what was not read by the far end is gone.
        stream.set_zero_linger().ok();
    }
    tokio::select! {
        biased;
        () = shared.reset() => {}
        _ended = serve(stream, &mut taker, &shared.terms) => {}
    }
}

/// One connection's receiver.
struct Taker {
    shared: Arc<Shared>,
    connection: u64,
    plan: Plan,
    /// Messages so far.
    taken: u64,
    /// The envelope of a message that is arriving and will be cut.
    open: Option<Received>,
}

impl Taker {
    fn receipt(&self, outcome: Outcome, code: u16, envelope: &Received) -> Receipt {
        Receipt {
            number: 0,
            connection: self.connection,
            outcome,
            code,
            bytes: 0,
            digest: 0,
            message_id: String::new(),
            from: envelope.from.clone(),
            to: envelope.to.clone(),
        }
    }

    /// Writes the receipt; false if it could not be written, and then nothing may be promised.
    fn write(&self, mut receipt: Receipt, message: &[u8]) -> bool {
        let mut state = self.shared.state.lock().expect("no task panicked with it");
        if let Err(error) = state.log.write(&mut receipt, message) {
            eprintln!("a receipt could not be written: {error:#}");
            return false;
        }
        *state.tally.entry(receipt.outcome).or_default() += 1;
        true
    }

    /// What this step comes to once the sink has turned; in silence it comes to nothing.
    async fn turned(&self, step: Step) -> Option<Answer> {
        let turn = self.shared.turned()?;
        if turn == Turn::Silence {
            tokio::time::sleep(HANG).await;
            return Some(Answer::Close);
        }
        turn.answer(step)
    }

    fn refuse(&self, outcome: Outcome, reply: Reply, to: &str, so_far: &Received) -> Answer {
        let receipt = self.receipt(outcome, reply.code, so_far);
        self.write(Receipt { to: vec![to.to_owned()], ..receipt }, &[]);
        Answer::Reply(reply)
    }
}

impl Receiver for Taker {
    async fn connect(&mut self) -> Answer {
        if let Some(answer) = self.turned(Step::Connect).await {
            return answer;
        }
        if self.shared.script.turns_away(self.connection) { Answer::Last(TURNED_AWAY) } else { Answer::Usual }
    }

    async fn auth(&mut self, _name: &str, _secret: &str) -> Answer {
        self.turned(Step::Auth).await.unwrap_or(Answer::Usual)
    }

    async fn rcpt(&mut self, to: &str, so_far: &Received) -> Answer {
        if let Some(answer) = self.turned(Step::Rcpt).await {
            return answer;
        }
        let plan = {
            let mut state = self.shared.state.lock().expect("no task panicked with it");
            self.shared.script.plan(&mut state.attempts, to)
        };
        match plan {
            Plan::Defer => self.refuse(Outcome::Deferred, DEFERRED, to, so_far),
            Plan::Refuse => self.refuse(Outcome::Refused, REFUSED, to, so_far),
            plan => {
                self.plan = plan;
                Answer::Usual
            }
        }
    }

    async fn data(&mut self, envelope: &Received) -> Answer {
        self.open = (self.plan == Plan::DropBeforeDot).then(|| envelope.clone());
        Answer::Usual
    }

    fn arriving(&mut self, message_bytes: usize) -> Flow {
        let Some(envelope) = self.open.take() else { return Flow::On };
        let receipt = self.receipt(Outcome::Cut, 0, &envelope);
        self.write(Receipt { bytes: message_bytes, ..receipt }, &[]);
        Flow::Close
    }

    async fn message(&mut self, envelope: &Received, message: &[u8]) -> Answer {
        self.shared.messages.send_modify(|messages| *messages += 1);
        let is_silent = self.shared.turned() == Some(Turn::Silence);
        let (outcome, code, answer) = match self.plan {
            _ if is_silent && self.shared.script.is_lost_in_silence(&envelope.to.concat()) => {
                (Outcome::Lost, 0, Answer::Close)
            }
            _ if is_silent => (Outcome::Kept, 0, Answer::Close),
            Plan::DropAfterDot => (Outcome::Kept, 0, Answer::Close),
            // A message that came in one piece with its dot can no longer be cut before it.
            Plan::LoseAfterDot | Plan::DropBeforeDot => (Outcome::Lost, 0, Answer::Close),
            Plan::Hang => (Outcome::Kept, 0, Answer::Close),
            Plan::DeferAfterDot => (Outcome::Deferred, 451, Answer::Reply(DEFERRED_AFTER)),
            Plan::Accept | Plan::Defer | Plan::Refuse => (Outcome::Accepted, 250, Answer::Usual),
        };
        let receipt = self.receipt(outcome, code, envelope);
        let message_id = message_id(message);
        let (bytes, digest) = (message.len(), crc32fast::hash(message));
        if !self.write(Receipt { bytes, digest, message_id, ..receipt }, message) {
            return Answer::Last(FULL);
        }
        self.taken += 1;
        if self.plan == Plan::Hang || is_silent {
            tokio::time::sleep(HANG).await;
        }
        if self.shared.script.wait_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.shared.script.wait_ms)).await;
        }
        answer
    }

    async fn mail(&mut self, _from: &str) -> Answer {
        self.plan = Plan::Accept;
        if let Some(answer) = self.turned(Step::Mail).await {
            return answer;
        }
        let enough = self.shared.script.messages_max.is_some_and(|most| self.taken >= most);
        if enough { Answer::Last(ENOUGH) } else { Answer::Usual }
    }
}

/// The value of the Message-ID field (RFC 5322 §3.6.4), unfolded, without what would break a line of receipts.
fn message_id(message: &[u8]) -> String {
    const NAME: &[u8] = b"message-id:";
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', message) {
        let line = &message[start..end];
        if line == b"\r" {
            break; // RFC 5322 §2.1: an empty line ends the header.
        }
        if line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)) {
            let folded = matches!(message.get(end + 1), Some(b' ' | b'\t'));
            let value = if folded { &message[start + NAME.len()..] } else { &line[NAME.len()..] };
            let value = String::from_utf8_lossy(value);
            return value.split_ascii_whitespace().next().unwrap_or_default().replace(char::is_control, "?");
        }
        start = end + 1;
    }
    String::new()
}

#[cfg(test)]
mod tests;
