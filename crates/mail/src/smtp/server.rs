//! The receiving machine: [`serve`] speaks SMTP with one client and hands each message to a [`Receiver`].
//!
//! It serves the demo's catcher, the sink, the simulated exchangers and the bounce receiver alike: the receiver answers
//! each step, so it can be honest or play any part. It is strict where strictness protects (a message ends at CRLF.CRLF
//! and nowhere else, a bare CR or LF refuses it whole) and limits everything a client can feed ([`Limits`]).
//!
//! It answers pipelined commands in one flight (RFC 2920 §3.2), takes a message without copying it line by line, and keeps
//! no message after the receiver has answered. It never tells a client more than the receiver said.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::{memchr_iter, memmem};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::reply::{Enhanced, Reply};
use crate::address::HostName;
use crate::wire::LINE_BYTES_MAX;

/// Room made before each read.
const READ_BYTES: usize = 64 * 1024;
/// A buffer that grew beyond this for one message is given back after it.
const BUFFER_KEPT_BYTES: usize = 1024 * 1024;
/// Replies that a client does not read are not piled up further than this.
const REPLIES_BYTES_MAX: usize = 64 * 1024;

/// What a client may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A command with its CRLF, in octets. RFC 5321 §4.5.3.1.4 asks for 512, RFC 4954 §4 for 12,288 in AUTH.
    pub command_bytes_max: usize,
    /// A line of a message without its CRLF, in octets: RFC 5321 §4.5.3.1.6.
    pub line_bytes_max: usize,
    /// A message, in octets.
    pub message_bytes_max: usize,
    /// Recipients of one message: RFC 5321 §4.5.3.1.8 asks for 100.
    pub recipients_max: usize,
    /// Commands over one connection.
    pub commands_max: u64,
    /// Commands that were refused for their form or order; a client that makes more is probing.
    pub mistakes_max: u32,
    /// How long to wait for a command: RFC 5321 §4.5.3.2.7 asks for 5 minutes. Also for the client to read replies.
    pub command_wait: Duration,
    /// How long a whole message may take.
    pub message_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_bytes_max: 12_288 + 32,
            line_bytes_max: LINE_BYTES_MAX,
            message_bytes_max: 10 * 1024 * 1024,
            recipients_max: 100,
            commands_max: 1_000_000,
            mistakes_max: 20,
            command_wait: Duration::from_secs(300),
            message_wait: Duration::from_secs(600),
        }
    }
}

/// Whether an extension is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It is announced and served.
    Yes,
    /// It is neither announced nor served.
    No,
}

/// Who the server is and what it offers.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Its name, in the banner and the answer to EHLO.
    pub name: HostName,
    /// What a client may cost.
    pub limits: Limits,
    /// RFC 2920. Not offered, commands sent ahead are still answered in order.
    pub pipelining: Offer,
    /// RFC 3207: the stream comes back as [`Ended::StartTls`]. Not offered again once it is encrypted (§4.2).
    pub start_tls: Offer,
    /// RFC 4954, with PLAIN and LOGIN, judged by [`Receiver::auth`]. Where STARTTLS is offered, only after it (§4): a password
    /// does not travel in the clear here.
    pub auth: Offer,
    /// RFC 5321 §4.1.1.1. Without it EHLO is unknown and clients fall back to HELO.
    pub ehlo: Offer,
    /// RFC 2033: LHLO alone opens the dialogue, and a message is answered once for each of its recipients.
    pub lmtp: Offer,
}

impl Terms {
    /// A server that pipelines, knows neither TLS nor logins, and has the default limits.
    pub fn new(name: HostName) -> Self {
        Self {
            name,
            limits: Limits::default(),
            pipelining: Offer::Yes,
            start_tls: Offer::No,
            auth: Offer::No,
            ehlo: Offer::Yes,
            lmtp: Offer::No,
        }
    }
}

/// The envelope as the client gave it, before anyone judged it beyond its form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The client's name in EHLO or HELO.
    pub helo: String,
    /// The reverse path without its angle brackets; empty for the null path.
    pub from: String,
    /// The recipients that were accepted, in order.
    pub to: Vec<String>,
}

/// What a receiver does at a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The step's ordinary positive reply.
    Usual,
    /// This reply. A 421 also closes.
    Reply(Reply),
    /// This reply, then the connection is closed.
    Last(Reply),
    /// The connection is closed without a word.
    Close,
}

impl Answer {
    fn is_positive(&self) -> bool {
        match self {
            Self::Usual => true,
            Self::Reply(reply) | Self::Last(reply) => reply.code < 400,
            Self::Close => false,
        }
    }
}

/// Whether to go on taking a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    On,
    /// Close the connection, in the middle of the message.
    Close,
}

/// Who answers. Each step's default is the honest one. A step that waits holds up its own connection only; replies to
/// earlier commands are sent before.
pub trait Receiver: Send {
    /// A client has connected.
    fn connect(&mut self) -> impl Future<Output = Answer> + Send {
        async { Answer::Usual }
    }
    /// EHLO or HELO, with the client's name for itself.
    fn helo(&mut self, name: &str) -> impl Future<Output = Answer> + Send {
        let _ = name;
        async { Answer::Usual }
    }
    /// A login. Without one of its own, a receiver lets nobody in.
    fn auth(&mut self, name: &str, secret: &str) -> impl Future<Output = Answer> + Send {
        let _ = (name, secret);
        async { Answer::Reply(Reply::new(535, Enhanced::new(5, 7, 8), "authentication failed")) }
    }
    /// MAIL, with the reverse path without brackets.
    fn mail(&mut self, from: &str) -> impl Future<Output = Answer> + Send {
        let _ = from;
        async { Answer::Usual }
    }
    /// RCPT, with the path without brackets; `so_far` does not hold it yet.
    fn rcpt(&mut self, to: &str, so_far: &Received) -> impl Future<Output = Answer> + Send {
        let _ = (to, so_far);
        async { Answer::Usual }
    }
    /// DATA, once there is a recipient.
    fn data(&mut self, envelope: &Received) -> impl Future<Output = Answer> + Send {
        let _ = envelope;
        async { Answer::Usual }
    }
    /// So many octets of the message have come, and not its end.
    fn arriving(&mut self, message_bytes: usize) -> Flow {
        let _ = message_bytes;
        Flow::On
    }
    /// A whole message, without its final dot and with dot-stuffing undone. A positive answer takes responsibility for it
    /// (RFC 5321 §6.1): what must be durable is durable before.
    fn message(&mut self, envelope: &Received, message: &[u8]) -> impl Future<Output = Answer> + Send;
}

/// How a connection ended.
#[derive(Debug)]
pub enum Ended<S> {
    /// The client said QUIT.
    Quit,
    /// The client went away, or the connection broke.
    Gone,
    /// The receiver closed.
    Closed,
    /// The client was too slow, too long or too wrong.
    Limit(&'static str),
    /// STARTTLS was granted: encrypt this stream and call [`serve_upgraded`].
    StartTls(S),
}

/// Speaks with one client until it ends.
pub async fn serve<S, R>(stream: S, receiver: &mut R, terms: &Terms) -> Ended<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    R: Receiver,
{
    Connection::over(stream, receiver, terms).run(Greeting::Banner).await
}

/// Goes on over the stream that was encrypted after [`Ended::StartTls`]: without a banner, and with nothing known from
/// before (RFC 3207 §4.2).
pub async fn serve_upgraded<S, R>(stream: S, receiver: &mut R, terms: &Terms) -> Ended<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    R: Receiver,
{
    let mut connection = Connection::over(stream, receiver, terms);
    connection.is_upgraded = true;
    connection.run(Greeting::Silent).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Greeting {
    Banner,
    Silent,
}

/// Why the dialogue stops.
enum Stop {
    Quit,
    Gone,
    Closed,
    Limit(&'static str),
    StartTls,
}

/// Where the dialogue stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Strange,
    Greeted,
    Mail,
}

struct Connection<'a, S, R> {
    stream: S,
    receiver: &'a mut R,
    terms: &'a Terms,
    /// Octets read; those before `at` are done with.
    inbox: Vec<u8>,
    at: usize,
    /// Replies not yet sent.
    replies: Vec<u8>,
    envelope: Received,
    stage: Stage,
    /// STARTTLS was granted on this connection before.
    is_upgraded: bool,
    commands: u64,
    mistakes: u32,
}

const OK: Reply = Reply::new(250, Enhanced::new(2, 0, 0), "ok");
const SENDER_OK: Reply = Reply::new(250, Enhanced::new(2, 1, 0), "sender ok");
const RECIPIENT_OK: Reply = Reply::new(250, Enhanced::new(2, 1, 5), "recipient ok");
const ACCEPTED: Reply = Reply::new(250, Enhanced::new(2, 0, 0), "accepted");
const GO_ON: Reply = Reply::plain(354, "end with CRLF.CRLF");
const SYNTAX: Reply = Reply::new(500, Enhanced::new(5, 5, 2), "command not understood");
const ARGUMENT: Reply = Reply::new(501, Enhanced::new(5, 5, 4), "argument not understood");
const NOT_SERVED: Reply = Reply::new(502, Enhanced::new(5, 5, 1), "not served here");
const ORDER: Reply = Reply::new(503, Enhanced::new(5, 5, 1), "not in this order");
/// RFC 4954 §6.
const ENCRYPT_FIRST: Reply = Reply::new(538, Enhanced::new(5, 7, 11), "encryption is required for that");
const TOO_BIG: Reply = Reply::new(552, Enhanced::new(5, 3, 4), "message too big");
const BARE_BREAK: Reply = Reply::new(550, Enhanced::new(5, 5, 2), "a bare CR or LF in the message");
const LONG_LINE: Reply = Reply::new(550, Enhanced::new(5, 5, 2), "a line of the message is too long");

impl<'a, S, R> Connection<'a, S, R>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    R: Receiver,
{
    fn over(stream: S, receiver: &'a mut R, terms: &'a Terms) -> Self {
        Self {
            stream,
            receiver,
            terms,
            inbox: Vec::new(),
            at: 0,
            replies: Vec::new(),
            envelope: Received::default(),
            stage: Stage::Strange,
            is_upgraded: false,
            commands: 0,
            mistakes: 0,
        }
    }

    async fn run(mut self, greeting: Greeting) -> Ended<S> {
        let stop = match self.dialogue(greeting).await {
            Ok(never) => match never {},
            Err(stop) => stop,
        };
        if matches!(stop, Stop::Quit | Stop::Limit(_) | Stop::StartTls | Stop::Closed) {
            // The client may be gone already; the dialogue is over either way.
            let _flushed = self.flush().await;
        }
        if !matches!(stop, Stop::StartTls) {
            let _closed = timeout(self.terms.limits.command_wait, self.stream.shutdown()).await;
        }
        match stop {
            Stop::Quit => Ended::Quit,
            Stop::Gone => Ended::Gone,
            Stop::Closed => Ended::Closed,
            Stop::Limit(which) => Ended::Limit(which),
            Stop::StartTls => Ended::StartTls(self.stream),
        }
    }

    async fn dialogue(&mut self, greeting: Greeting) -> Result<std::convert::Infallible, Stop> {
        if greeting == Greeting::Banner {
            let answer = self.receiver.connect().await;
            let banner = format!("{} ESMTP", self.terms.name.as_str());
            self.answer(answer, Reply { code: 220, enhanced: None, text: banner.into() })?;
        }
        loop {
            let line = self.command().await?;
            self.commands += 1;
            if self.commands > self.terms.limits.commands_max {
                return self.give_up("too many commands");
            }
            self.obey(&line).await?;
            if self.mistakes > self.terms.limits.mistakes_max {
                return self.give_up("too many mistakes");
            }
        }
    }

    /// RFC 5321 §4.1.1: one command, verb in any case.
    async fn obey(&mut self, line: &Command) -> Result<(), Stop> {
        match line.verb {
            Verb::Lhlo if self.terms.lmtp == Offer::Yes => self.greet(line).await,
            // RFC 2033 §4.1: HELO and EHLO are not spoken here.
            Verb::Ehlo | Verb::Helo if self.terms.lmtp == Offer::Yes => self.mistake(&NOT_SERVED),
            Verb::Ehlo if self.terms.ehlo == Offer::Yes => self.greet(line).await,
            Verb::Helo => self.greet(line).await,
            Verb::Mail => self.mail(&line.rest).await,
            Verb::Rcpt => self.rcpt(&line.rest).await,
            Verb::Data if line.rest.is_empty() => self.data().await,
            Verb::Rset => {
                self.forget();
                self.say(&OK)
            }
            Verb::Noop => self.say(&OK),
            Verb::Quit => {
                self.say(&Reply::new(221, Enhanced::new(2, 0, 0), "goodbye"))?;
                Err(Stop::Quit)
            }
            Verb::Vrfy => self.say(&Reply::new(252, Enhanced::new(2, 5, 0), "send and see")),
            Verb::StartTls if self.offers_start_tls() => self.start_tls(),
            Verb::Auth if self.terms.auth == Offer::Yes && self.offers_start_tls() => self.mistake(&ENCRYPT_FIRST),
            Verb::Auth if self.terms.auth == Offer::Yes => self.auth(&line.rest).await,
            Verb::Ehlo | Verb::Lhlo | Verb::StartTls | Verb::Auth => self.mistake(&NOT_SERVED),
            Verb::Data => self.mistake(&ARGUMENT),
            Verb::Unknown => self.mistake(&SYNTAX),
        }
    }

    async fn greet(&mut self, line: &Command) -> Result<(), Stop> {
        let name = line.rest.trim();
        if name.is_empty() {
            return self.mistake(&ARGUMENT);
        }
        let answer = settle(self.receiver.helo(name), &mut self.stream, &mut self.replies).await;
        if answer.is_positive() {
            // RFC 5321 §4.1.4: a second EHLO also clears the transaction.
            self.forget();
            name.clone_into(&mut self.envelope.helo);
            self.stage = Stage::Greeted;
        }
        let mut text = self.terms.name.as_str().to_owned();
        if line.verb != Verb::Helo {
            self.add_offers(&mut text);
        }
        self.answer(answer, Reply { code: 250, enhanced: None, text: text.into() })
    }

    fn add_offers(&self, text: &mut String) {
        if self.terms.pipelining == Offer::Yes {
            text.push_str("\nPIPELINING");
        }
        text.push_str(&format!("\nSIZE {}", self.terms.limits.message_bytes_max));
        if self.offers_start_tls() {
            text.push_str("\nSTARTTLS");
        } else if self.terms.auth == Offer::Yes {
            text.push_str("\nAUTH PLAIN LOGIN");
        }
        text.push_str("\n8BITMIME\nENHANCEDSTATUSCODES");
    }

    async fn mail(&mut self, rest: &str) -> Result<(), Stop> {
        if self.stage != Stage::Greeted {
            return self.mistake(&ORDER);
        }
        let Some((from, parameters)) = strip_word(rest, "FROM:").and_then(path) else {
            return self.mistake(&ARGUMENT);
        };
        // RFC 1870 §6.1: a declared size over the maximum is refused here.
        let too_big = |size: u64| size > self.terms.limits.message_bytes_max as u64;
        if declared_size(parameters).is_some_and(too_big) {
            return self.say(&TOO_BIG);
        }
        let answer = settle(self.receiver.mail(from), &mut self.stream, &mut self.replies).await;
        if answer.is_positive() {
            from.clone_into(&mut self.envelope.from);
            self.stage = Stage::Mail;
        }
        self.answer(answer, SENDER_OK)
    }

    async fn rcpt(&mut self, rest: &str) -> Result<(), Stop> {
        if self.stage != Stage::Mail {
            return self.mistake(&ORDER);
        }
        let Some((to, _)) = strip_word(rest, "TO:").and_then(path).filter(|(to, _)| !to.is_empty()) else {
            return self.mistake(&ARGUMENT);
        };
        if self.envelope.to.len() >= self.terms.limits.recipients_max {
            // RFC 5321 §4.5.3.1.10.
            return self.say(&Reply::new(452, Enhanced::new(4, 5, 3), "too many recipients"));
        }
        let answer = settle(self.receiver.rcpt(to, &self.envelope), &mut self.stream, &mut self.replies).await;
        if answer.is_positive() {
            self.envelope.to.push(to.to_owned());
        }
        self.answer(answer, RECIPIENT_OK)
    }

    async fn data(&mut self) -> Result<(), Stop> {
        if self.stage != Stage::Mail {
            return self.mistake(&ORDER);
        }
        if self.envelope.to.is_empty() {
            // RFC 5321 §3.3.
            return self.say(&Reply::new(554, Enhanced::new(5, 5, 1), "no valid recipients"));
        }
        let answer = settle(self.receiver.data(&self.envelope), &mut self.stream, &mut self.replies).await;
        let is_open = match &answer {
            Answer::Usual => true,
            Answer::Reply(reply) | Answer::Last(reply) => reply.code / 100 == 3,
            Answer::Close => false,
        };
        self.answer(answer, GO_ON)?;
        if is_open { self.message().await } else { Ok(()) }
    }

    /// Takes one message and answers it.
    async fn message(&mut self) -> Result<(), Stop> {
        let limits = &self.terms.limits;
        let wait = limits.message_wait;
        // The message is to stand at the front of the inbox.
        self.inbox.drain(..self.at);
        self.at = 0;
        let mut scan = Scan::new(limits.line_bytes_max);
        let end = timeout(wait, self.take_message(&mut scan)).await;
        let end = end.unwrap_or(Err(Stop::Limit("a message took too long")))?;
        self.at = end.after;
        let refusal = scan.refusal().or((scan.bytes - 3 > limits.message_bytes_max).then_some(TOO_BIG));
        let (answer, usual) = match refusal {
            Some(refusal) => (Answer::Usual, refusal),
            None => {
                let whole = if scan.has_dots { unstuff(&mut self.inbox[..end.message]) } else { end.message };
                let message = &self.inbox[..whole];
                let answered = self.receiver.message(&self.envelope, message);
                (settle(answered, &mut self.stream, &mut self.replies).await, ACCEPTED)
            }
        };
        let others = if self.terms.lmtp == Offer::Yes { self.envelope.to.len().saturating_sub(1) } else { 0 };
        self.forget();
        if self.inbox.capacity() > BUFFER_KEPT_BYTES {
            self.inbox.drain(..self.at);
            self.at = 0;
            self.inbox.shrink_to(READ_BYTES);
        }
        for _ in 0..others {
            self.answer(answer.clone(), usual.clone())?;
        }
        self.answer(answer, usual)
    }

    /// Reads until CRLF.CRLF. A message over the limit is read on and not kept, so that its end is found.
    async fn take_message(&mut self, scan: &mut Scan) -> Result<End, Stop> {
        let mut scanned = 0;
        loop {
            if let Some(end) = scan.feed(&self.inbox[scanned..]) {
                let after = scanned + end;
                return Ok(End { message: after.saturating_sub(3), after });
            }
            if scan.bytes > self.terms.limits.message_bytes_max.saturating_add(3) {
                self.inbox.clear();
            }
            scanned = self.inbox.len();
            if scan.bytes > 0 && self.receiver.arriving(scan.bytes) == Flow::Close {
                return Err(Stop::Closed);
            }
            self.fill().await?;
        }
    }

    fn offers_start_tls(&self) -> bool {
        self.terms.start_tls == Offer::Yes && !self.is_upgraded
    }

    fn start_tls(&mut self) -> Result<(), Stop> {
        self.say(&Reply::new(220, Enhanced::new(2, 0, 0), "go ahead"))?;
        // CVE-2011-0411: commands that came in the clear after STARTTLS were planted, and must not be obeyed under TLS.
        if self.at < self.inbox.len() {
            Err(Stop::Limit("octets in the clear after STARTTLS"))
        } else {
            Err(Stop::StartTls)
        }
    }

    /// RFC 4954 with PLAIN (4616) and LOGIN.
    async fn auth(&mut self, rest: &str) -> Result<(), Stop> {
        if self.stage != Stage::Greeted {
            return self.mistake(&ORDER);
        }
        let (mechanism, initial) = rest.split_once(' ').map_or((rest, None), |(m, i)| (m, Some(i.to_owned())));
        let login = if mechanism.eq_ignore_ascii_case("PLAIN") {
            let answer = self.challenge(initial, "").await?;
            answer.and_then(|a| {
                let mut parts = a.splitn(3, '\0').skip(1).map(|part| Zeroizing::new(part.to_owned()));
                Some((parts.next()?, parts.next()?))
            })
        } else if mechanism.eq_ignore_ascii_case("LOGIN") {
            // "Username:" and "Password:": the form every client knows.
            let name = self.challenge(initial, "VXNlcm5hbWU6").await?;
            let secret = if name.is_some() { self.challenge(None, "UGFzc3dvcmQ6").await? } else { None };
            name.zip(secret)
        } else {
            return self.mistake(&Reply::new(504, Enhanced::new(5, 5, 4), "PLAIN and LOGIN are served here"));
        };
        let Some((name, secret)) = login else { return self.mistake(&ARGUMENT) };
        let answer = settle(self.receiver.auth(&name, &secret), &mut self.stream, &mut self.replies).await;
        self.answer(answer, Reply::new(235, Enhanced::new(2, 7, 0), "welcome"))
    }

    /// One answer of a login, decoded: given with the command, or asked for. `None` if it is not what it should be.
    async fn challenge(&mut self, given: Option<String>, ask: &'static str) -> Result<Option<Zeroizing<String>>, Stop> {
        let encoded = match given {
            Some(given) => given,
            None => {
                self.say(&Reply::plain(334, ask))?;
                let line = self.line().await?;
                String::from_utf8_lossy(&self.inbox[line]).into_owned()
            }
        };
        let encoded = Zeroizing::new(encoded);
        let decoded = STANDARD.decode(encoded.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(decoded.map(Zeroizing::new))
    }

    fn forget(&mut self) {
        self.envelope.from.clear();
        self.envelope.to.clear();
        if self.stage == Stage::Mail {
            self.stage = Stage::Greeted;
        }
    }

    async fn command(&mut self) -> Result<Command, Stop> {
        let line = self.line().await?;
        Ok(Command::parse(&self.inbox[line]))
    }

    /// The next line without its CRLF, as a place in the inbox. Replies go out only when no line is waiting.
    async fn line(&mut self) -> Result<std::ops::Range<usize>, Stop> {
        let limits = &self.terms.limits;
        let wait = limits.command_wait;
        if let Some(line) = self.waiting_line()? {
            return Ok(line);
        }
        self.flush().await?;
        let whole = async {
            loop {
                self.fill().await?;
                if let Some(line) = self.waiting_line()? {
                    return Ok(line);
                }
            }
        };
        match timeout(wait, whole).await {
            Ok(line) => line,
            Err(_) => self.give_up("no command in time"),
        }
    }

    fn waiting_line(&mut self) -> Result<Option<std::ops::Range<usize>>, Stop> {
        let waiting = &self.inbox[self.at..];
        let end = memmem::find(waiting, b"\r\n");
        if end.unwrap_or(waiting.len()) + 2 > self.terms.limits.command_bytes_max {
            self.say(&Reply::new(500, Enhanced::new(5, 5, 6), "line too long"))?;
            return Err(Stop::Limit("a command was too long"));
        }
        let Some(end) = end else { return Ok(None) };
        let line = self.at..self.at + end;
        self.at = line.end + 2;
        Ok(Some(line))
    }

    /// Reads more. What is done with gives its room back first, if it is all there is.
    async fn fill(&mut self) -> Result<(), Stop> {
        if self.at > 0 {
            self.inbox.drain(..self.at);
            self.at = 0;
        }
        self.flush().await?;
        self.inbox.reserve(READ_BYTES);
        match self.stream.read_buf(&mut self.inbox).await {
            Ok(0) | Err(_) => Err(Stop::Gone),
            Ok(_) => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), Stop> {
        if self.replies.is_empty() {
            return Ok(());
        }
        let sent = timeout(self.terms.limits.command_wait, flush(&mut self.stream, &mut self.replies)).await;
        match sent {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stop::Gone),
            Err(_) => Err(Stop::Limit("replies were not read")),
        }
    }

    fn say(&mut self, reply: &Reply) -> Result<(), Stop> {
        reply.write_to(&mut self.replies);
        if self.replies.len() > REPLIES_BYTES_MAX { Err(Stop::Limit("replies pile up")) } else { Ok(()) }
    }

    fn mistake(&mut self, reply: &Reply) -> Result<(), Stop> {
        self.mistakes += 1;
        self.say(reply)
    }

    fn answer(&mut self, answer: Answer, usual: Reply) -> Result<(), Stop> {
        let (reply, is_last) = match answer {
            Answer::Usual => (usual, false),
            Answer::Reply(reply) => {
                let is_closing = reply.is_closing();
                (reply, is_closing)
            }
            Answer::Last(reply) => (reply, true),
            Answer::Close => return Err(Stop::Closed),
        };
        self.say(&reply)?;
        if is_last { Err(Stop::Closed) } else { Ok(()) }
    }

    fn give_up<T>(&mut self, why: &'static str) -> Result<T, Stop> {
        self.say(&Reply::new(421, Enhanced::new(4, 7, 0), "closing"))?;
        Err(Stop::Limit(why))
    }
}

/// Waits for the receiver. If it does not answer at once, the replies before go out first.
async fn settle<S>(answer: impl Future<Output = Answer> + Send, stream: &mut S, replies: &mut Vec<u8>) -> Answer
where
    S: AsyncWrite + Unpin + Send,
{
    let mut answer = pin!(answer);
    let at_once = poll_fn(|context| match answer.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => Poll::Ready(None),
    });
    if let Some(answer) = at_once.await {
        return answer;
    }
    if !replies.is_empty() && !flush(stream, replies).await {
        // The client is gone. What the receiver began is still brought to its end.
        return answer.await;
    }
    answer.await
}

async fn flush<S: AsyncWrite + Unpin>(stream: &mut S, replies: &mut Vec<u8>) -> bool {
    let sent = stream.write_all(replies).await.is_ok() && stream.flush().await.is_ok();
    replies.clear();
    sent
}

/// Where a message and its terminator end in the inbox.
struct End {
    message: usize,
    after: usize,
}

/// Finds the end of a message in octets that come in pieces, at the speed of memory, and what is wrong with it.
struct Scan {
    line_bytes_max: usize,
    /// Octets so far, the terminator included.
    bytes: usize,
    /// Octets of the current line from earlier pieces, and its first one.
    line_bytes: usize,
    first: u8,
    last: u8,
    cr_count: usize,
    crlf_count: usize,
    has_bare_lf: bool,
    has_long_line: bool,
    has_dots: bool,
}

impl Scan {
    fn new(line_bytes_max: usize) -> Self {
        Self {
            line_bytes_max,
            bytes: 0,
            line_bytes: 0,
            first: 0,
            last: 0,
            cr_count: 0,
            crlf_count: 0,
            has_bare_lf: false,
            has_long_line: false,
            has_dots: false,
        }
    }

    /// Takes the next piece; the place after the terminator, if it is there. Only CR LF ends a line.
    fn feed(&mut self, piece: &[u8]) -> Option<usize> {
        let mut line_start = 0;
        for at in memchr_iter(b'\n', piece) {
            let before = if at == 0 { self.last } else { piece[at - 1] };
            if before != b'\r' {
                self.has_bare_lf = true;
                continue;
            }
            let content = self.line_bytes + at - line_start - 1;
            let first = if self.line_bytes > 0 { self.first } else { piece[line_start] };
            self.crlf_count += 1;
            if first == b'.' {
                if content == 1 {
                    self.count(&piece[..=at]);
                    return Some(at + 1);
                }
                self.has_dots = true;
            }
            self.has_long_line |= content > self.line_bytes_max;
            (self.line_bytes, line_start) = (0, at + 1);
        }
        self.count(piece);
        if let Some(last) = piece.last() {
            self.last = *last;
        }
        if let Some(first) = piece.get(line_start).filter(|_| self.line_bytes == 0) {
            self.first = *first;
        }
        self.line_bytes += piece.len() - line_start;
        None
    }

    /// Each CRLF was counted where it stood, so a CR beyond that count is a bare one.
    fn count(&mut self, piece: &[u8]) {
        self.bytes += piece.len();
        self.cr_count += memchr_iter(b'\r', piece).count();
    }

    fn refusal(&self) -> Option<Reply> {
        if self.has_bare_lf || self.cr_count != self.crlf_count {
            return Some(BARE_BREAK);
        }
        self.has_long_line.then_some(LONG_LINE)
    }
}

/// Takes the first dot from each line that starts with one (RFC 5321 §4.5.2), in place; the new length.
fn unstuff(message: &mut [u8]) -> usize {
    let mut kept = 0;
    let mut at = 0;
    while at < message.len() {
        let end = memmem::find(&message[at..], b"\r\n").map_or(message.len(), |n| at + n + 2);
        let from = at + usize::from(message[at] == b'.');
        message.copy_within(from..end, kept);
        kept += end - from;
        at = end;
    }
    kept
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Ehlo,
    Helo,
    Lhlo,
    Mail,
    Rcpt,
    Data,
    Rset,
    Noop,
    Quit,
    Vrfy,
    StartTls,
    Auth,
    Unknown,
}

const VERBS: [(&str, Verb); 12] = [
    ("MAIL", Verb::Mail),
    ("RCPT", Verb::Rcpt),
    ("DATA", Verb::Data),
    ("EHLO", Verb::Ehlo),
    ("HELO", Verb::Helo),
    ("LHLO", Verb::Lhlo),
    ("RSET", Verb::Rset),
    ("NOOP", Verb::Noop),
    ("QUIT", Verb::Quit),
    ("VRFY", Verb::Vrfy),
    ("STARTTLS", Verb::StartTls),
    ("AUTH", Verb::Auth),
];

struct Command {
    verb: Verb,
    rest: String,
}

impl Command {
    /// A command of printable ASCII; anything else (a bare CR or LF among it) is unknown.
    fn parse(line: &[u8]) -> Self {
        let unknown = Self { verb: Verb::Unknown, rest: String::new() };
        if !line.iter().all(|b| matches!(b, b' '..=b'~')) {
            return unknown;
        }
        let Ok(line) = std::str::from_utf8(line) else { return unknown };
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let verb = VERBS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        verb.map_or(unknown, |(_, verb)| Self { verb: *verb, rest: rest.trim_end().to_owned() })
    }
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

/// RFC 5321 §4.1.2 `Path`: what stands between the brackets, and the parameters after them. A `>` inside a quoted local
/// part does not end it. Source routes are not taken (§4.1.1.3: SHOULD NOT be used).
fn path(text: &str) -> Option<(&str, &str)> {
    // Many clients put a space after the colon; it harms nobody.
    let text = text.strip_prefix(' ').unwrap_or(text).strip_prefix('<')?;
    let mut is_quoted = false;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' if is_quoted => {
                bytes.next();
            }
            b'"' => is_quoted = !is_quoted,
            b'>' if !is_quoted => {
                let parameters = &text[at + 1..];
                let fine = parameters.is_empty() || parameters.starts_with(' ');
                return fine.then_some((&text[..at], parameters)).filter(|(path, _)| is_path(path));
            }
            _ => {}
        }
    }
    None
}

fn is_path(path: &str) -> bool {
    // RFC 5321 §4.5.1: postmaster is taken without a domain.
    path.is_empty() || path.eq_ignore_ascii_case("postmaster") || crate::address::EnvelopeAddress::parse(path).is_ok()
}

fn declared_size(parameters: &str) -> Option<u64> {
    parameters.split(' ').find_map(|word| strip_word(word, "SIZE=")).and_then(|digits| digits.parse().ok())
}

#[cfg(test)]
mod tests;
