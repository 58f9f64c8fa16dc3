//! The sending machine: one [`Session`] over one connection, one message at a time.
//!
//! The order of a message is `begin`, `body`, the caller's durable mark, `dot`. Everything up to the body streams ahead;
//! only the final dot waits, because it alone makes the receiver responsible (RFC 5321 §4.2.5, §6.1). With
//! [`Session::dot_and_begin`] the dot travels with the next message's commands (RFC 2920): one round trip a message.
//!
//! The contract, as `post` relies on it:
//!
//! - Every failure is a [`Trouble`] with its [`Phase`]. [`Phase::Dot`] means that the dot may have left; every other phase
//!   means that it has not, and that the copy may be sent again without doubt.
//! - A connection whose bytes can no longer be trusted is *spent*: it never sends another octet. A dropped future leaves
//!   it spent as well, so a cancelled call cannot be continued in the middle.
//! - No octet leaves that [`WireCheck`] refuses, and no dot leaves while an answer lies there that was given too early.
//! - It reads no clock but tokio's timer, stores nothing, logs nothing, and decides nothing about the reader.

use std::future::poll_fn;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::reply::{Parsed, Reply, ReplyKind, ReplyParser};
use crate::address::{EnvelopeAddress, HostName, ReversePath};
use crate::wire::{Piece, WireCheck};

/// Read in such pieces; a reply rarely fills one.
const INBOX_BYTES: usize = 2_048;
/// A head, five pieces of a copy, and room to spare.
const SEGMENTS_MAX: usize = 16;
/// RFC 4954 §4: a base64 string in AUTH is at most 12,288 octets.
const AUTH_BYTES_MAX: usize = 12_288;
/// RFC 4954 §4: LOGIN takes two answers, PLAIN one; a server that asks for more is playing.
const AUTH_STEPS_MAX: usize = 3;

/// How long to wait for the other side, by step. The default is RFC 5321 §4.5.3.2, to the minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the banner (§4.5.3.2.1: 5 minutes).
    pub banner: Duration,
    /// For the answer to EHLO, HELO, STARTTLS, RSET and each step of AUTH. The RFC names no time; as for MAIL.
    pub command: Duration,
    /// For the answer to MAIL (§4.5.3.2.2: 5 minutes).
    pub mail: Duration,
    /// For the answer to RCPT (§4.5.3.2.3: 5 minutes; greylisting and call-outs happen here).
    pub rcpt: Duration,
    /// For the answer to DATA (§4.5.3.2.4: 2 minutes).
    pub data: Duration,
    /// For one piece of the body to be taken (§4.5.3.2.5: 3 minutes).
    pub block: Duration,
    /// For the whole body to be taken, however it trickles.
    pub body: Duration,
    /// For the answer to the final dot (§4.5.3.2.6: 10 minutes). Cutting it short makes duplicates.
    pub dot: Duration,
    /// For the answer to QUIT. Nothing depends on it.
    pub quit: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            banner: minutes(5),
            command: minutes(5),
            mail: minutes(5),
            rcpt: minutes(5),
            data: minutes(2),
            block: minutes(3),
            body: minutes(15),
            dot: minutes(10),
            quit: Duration::from_secs(5),
        }
    }
}

/// Where in the dialogue something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Waiting for the banner.
    Banner,
    /// EHLO or HELO.
    Ehlo,
    /// STARTTLS.
    StartTls,
    /// AUTH.
    Auth,
    /// RSET.
    Rset,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA.
    Data,
    /// The message's octets. The final dot has not left.
    Body,
    /// The final dot may have left. Without a reply, the copy is in doubt.
    Dot,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The server said so: 4yz or 5yz.
    Reply(Reply),
    /// The connection broke in an unusual way.
    Io(std::io::ErrorKind),
    /// The other side took longer than [`Patience`] allows.
    Timeout,
    /// The connection is closed, by either side.
    Closed,
    /// The other side does not speak SMTP, or the message may not be sent: in short, what.
    Protocol(&'static str),
}

/// A failure, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Where in the dialogue.
    pub phase: Phase,
    /// What happened.
    pub what: What,
}

impl Trouble {
    const fn new(phase: Phase, what: What) -> Self {
        Self { phase, what }
    }

    /// Whether the receiver may have taken the message although it did not say so (RFC 5321 §4.2.5, RFC 1047).
    pub fn is_doubt(&self) -> bool {
        self.phase == Phase::Dot && !matches!(self.what, What::Reply(_))
    }

    /// The server's answer, if that is what went wrong.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.what {
            What::Reply(reply) => Some(reply),
            _ => None,
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}: {}", self.phase, self.what)
    }
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reply(reply) => write!(f, "{reply}"),
            Self::Io(kind) => write!(f, "{kind}"),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Closed => f.write_str("the connection is closed"),
            Self::Protocol(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Trouble {}

/// What the server offered in its answer to EHLO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 6152.
    pub eight_bit_mime: bool,
    /// RFC 3207.
    pub start_tls: bool,
    /// RFC 6531.
    pub smtp_utf8: bool,
    /// RFC 2034.
    pub enhanced_status_codes: bool,
    /// RFC 1870: whether SIZE may be said in MAIL.
    pub size: bool,
    /// RFC 1870: the largest message taken, in octets, if the server named one.
    pub message_bytes_max: Option<u64>,
    /// RFC 4616.
    pub auth_plain: bool,
    /// The LOGIN mechanism: never standardised, widely offered.
    pub auth_login: bool,
}

impl Capabilities {
    /// Takes one line of the EHLO reply (RFC 5321 §4.1.1.1: keywords in any case).
    fn note(&mut self, line: &str) {
        let mut words = line.split_ascii_whitespace();
        let Some(keyword) = words.next() else { return };
        match keyword.to_ascii_uppercase().as_str() {
            "PIPELINING" => self.pipelining = true,
            "8BITMIME" => self.eight_bit_mime = true,
            "STARTTLS" => self.start_tls = true,
            "SMTPUTF8" => self.smtp_utf8 = true,
            "ENHANCEDSTATUSCODES" => self.enhanced_status_codes = true,
            "SIZE" => {
                self.size = true;
                // RFC 1870 §4: zero means that no fixed maximum is in force.
                self.message_bytes_max = words.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
            }
            "AUTH" => {
                for mechanism in words {
                    self.auth_plain |= mechanism.eq_ignore_ascii_case("PLAIN");
                    self.auth_login |= mechanism.eq_ignore_ascii_case("LOGIN");
                }
            }
            _ => {}
        }
    }
}

/// One message's envelope: exactly one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Where bounces go.
    pub from: &'a ReversePath,
    /// Who receives.
    pub to: &'a EnvelopeAddress,
    /// The message's size in octets, told to servers that offer SIZE.
    pub message_bytes: Option<u64>,
}

/// Where a session stands. Each call takes the state out and puts the next one in only when it went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No transaction.
    Idle,
    /// The server still holds a transaction that did not come to DATA: RSET goes first next time.
    Stale,
    /// The next message's commands stand in the outbox, sent (pipelined) or not.
    Begun,
    /// 354 was given.
    Open,
    /// The body is out, the dot is not.
    Written,
    /// STARTTLS was granted.
    Upgrading,
    /// Nothing more goes over this connection.
    Spent,
}

/// The commands that open one transaction, in one buffer.
#[derive(Default)]
struct Commands {
    bytes: Vec<u8>,
    /// Octets that stand before the first command: the dot of the message before.
    lead: usize,
    /// Where each command ends: RSET (empty if not needed), MAIL, RCPT, DATA.
    ends: [usize; 4],
}

const STEPS: [Phase; 4] = [Phase::Rset, Phase::Mail, Phase::Rcpt, Phase::Data];

impl Commands {
    fn clear(&mut self, lead: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(lead);
        self.lead = lead.len();
    }

    fn compose(&mut self, lead: &[u8], rset: &[u8], envelope: &Envelope<'_>, with_size: bool) {
        self.clear(lead);
        self.bytes.extend_from_slice(rset);
        self.ends[0] = self.bytes.len();
        for part in [b"MAIL FROM:<", envelope.from.expose().as_bytes(), b">"] {
            self.bytes.extend_from_slice(part);
        }
        if let Some(bytes) = envelope.message_bytes.filter(|_| with_size) {
            self.bytes.extend_from_slice(b" SIZE=");
            push_decimal(&mut self.bytes, bytes);
        }
        self.bytes.extend_from_slice(b"\r\n");
        self.ends[1] = self.bytes.len();
        for part in [b"RCPT TO:<", envelope.to.expose().as_bytes(), b">\r\n"] {
            self.bytes.extend_from_slice(part);
        }
        self.ends[2] = self.bytes.len();
        self.bytes.extend_from_slice(b"DATA\r\n");
        self.ends[3] = self.bytes.len();
    }

    /// Where the octets of a step stand.
    fn step(&self, step: usize) -> std::ops::Range<usize> {
        let start = if step == 0 { self.lead } else { self.ends[step - 1] };
        start..self.ends[step]
    }
}

fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Octets read and not yet understood.
struct Inbox {
    bytes: Box<[u8; INBOX_BYTES]>,
    start: usize,
    end: usize,
    parser: ReplyParser,
}

impl Inbox {
    fn is_empty(&self) -> bool {
        self.start == self.end && self.parser.is_fresh()
    }
}

/// A connection to a server that has been greeted.
pub struct Session<S> {
    stream: S,
    inbox: Inbox,
    commands: Commands,
    capabilities: Capabilities,
    patience: Patience,
    state: State,
    #[cfg(test)]
    slip: Option<Slip>,
}

/// A slip put in on purpose, so that the tests can show that they would see it. What is shipped has no way to make one.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slip {
    /// The next transaction begins without RSET, whatever became of the one before.
    NoReset,
    /// A body that could not be written gets its dot all the same.
    DotAfterFailedWrite,
}

/// Shows no octet of the dialogue: addresses and secrets pass through it.
impl<S> std::fmt::Debug for Session<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("state", &self.state).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Session<S> {
    /// Waits for the banner and says EHLO, or HELO where EHLO is not known (RFC 5321 §3.2).
    ///
    /// # Errors
    /// [`Trouble`] in [`Phase::Banner`] or [`Phase::Ehlo`]; the stream is dropped.
    pub async fn open(stream: S, name: &HostName, patience: Patience) -> Result<Self, Trouble> {
        let mut session = Self::over(stream, patience);
        let banner = session.reply(Phase::Banner, session.patience.banner).await?;
        expect(Phase::Banner, banner, ReplyKind::Done)?;
        session.greet(name).await?;
        Ok(session)
    }

    /// Greets again over the encrypted stream that [`Self::into_stream`] led to. RFC 3207 §4.2: there is no second
    /// banner, and nothing said before is known any more.
    ///
    /// # Errors
    /// [`Trouble`] in [`Phase::Ehlo`].
    pub async fn open_upgraded(stream: S, name: &HostName, patience: Patience) -> Result<Self, Trouble> {
        let mut session = Self::over(stream, patience);
        session.greet(name).await?;
        Ok(session)
    }

    fn over(stream: S, patience: Patience) -> Self {
        Self {
            stream,
            inbox: Inbox { bytes: Box::new([0; INBOX_BYTES]), start: 0, end: 0, parser: ReplyParser::default() },
            commands: Commands::default(),
            capabilities: Capabilities::default(),
            patience,
            state: State::Spent,
            #[cfg(test)]
            slip: None,
        }
    }

    async fn greet(&mut self, name: &HostName) -> Result<(), Trouble> {
        let phase = Phase::Ehlo;
        let mut offered = Capabilities::default();
        self.send(phase, format!("EHLO {}\r\n", name.as_str()).as_bytes()).await?;
        let wait = self.patience.command;
        let mut is_first = true;
        let answer = self
            .reply_lines(phase, wait, &mut |line| {
                // RFC 5321 §4.1.1.1: the first line is the server's name, not a keyword.
                if !std::mem::take(&mut is_first) {
                    offered.note(line);
                }
            })
            .await?;
        if answer.kind() == ReplyKind::No {
            offered = Capabilities::default();
            self.send(phase, format!("HELO {}\r\n", name.as_str()).as_bytes()).await?;
            let answer = self.reply(phase, wait).await?;
            expect(phase, answer, ReplyKind::Done)?;
        } else {
            expect(phase, answer, ReplyKind::Done)?;
        }
        self.capabilities = offered;
        self.state = State::Idle;
        Ok(())
    }

    /// What the server offered.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Whether nothing more can go over this connection.
    pub fn is_spent(&self) -> bool {
        self.state == State::Spent
    }

    /// Asks for encryption (RFC 3207). When granted, take the stream with [`Self::into_stream`], encrypt it, and go on
    /// with [`Self::open_upgraded`]. When refused, the session goes on in the clear if the caller allows that.
    ///
    /// # Errors
    /// [`Trouble`] in [`Phase::StartTls`]. Octets that arrived with the grant were planted by someone in between
    /// (CVE-2011-0411): the session is spent.
    pub async fn start_tls(&mut self) -> Result<(), Trouble> {
        let phase = Phase::StartTls;
        self.take_idle(phase)?;
        self.send(phase, b"STARTTLS\r\n").await?;
        let answer = self.reply(phase, self.patience.command).await?;
        if !self.inbox.is_empty() {
            return Err(Trouble::new(phase, What::Protocol("octets in the clear after STARTTLS was granted")));
        }
        let refused = self.settle(phase, answer, ReplyKind::Done, State::Upgrading, State::Idle);
        refused.map(|_| ())
    }

    /// The stream below, to be encrypted after [`Self::start_tls`] was granted.
    pub fn into_stream(self) -> S {
        assert!(self.state == State::Upgrading, "STARTTLS must be granted before the stream is taken");
        self.stream
    }

    /// Logs in with PLAIN (RFC 4616). The caller sees to it that the stream is encrypted, or may be in the clear.
    ///
    /// # Errors
    /// [`Trouble`] in [`Phase::Auth`]; a refused login leaves the session usable.
    pub async fn auth_plain(&mut self, name: &str, secret: &str) -> Result<(), Trouble> {
        if name.contains('\0') || secret.contains('\0') {
            return Err(Trouble::new(Phase::Auth, What::Protocol("a NUL in a name or secret")));
        }
        let whole = Zeroizing::new(format!("\0{name}\0{secret}"));
        self.auth(b"AUTH PLAIN ", &[&whole]).await
    }

    /// Logs in with LOGIN, for relays that know no better.
    ///
    /// # Errors
    /// As [`Self::auth_plain`].
    pub async fn auth_login(&mut self, name: &str, secret: &str) -> Result<(), Trouble> {
        self.auth(b"AUTH LOGIN", &[name, secret]).await
    }

    /// One login: a command that ends in a space carries the first answer itself (RFC 4954 §4, initial response).
    async fn auth(&mut self, command: &[u8], answers: &[&str]) -> Result<(), Trouble> {
        let phase = Phase::Auth;
        if answers.iter().any(|answer| answer.len() > AUTH_BYTES_MAX / 2) {
            return Err(Trouble::new(phase, What::Protocol("a name or secret too long for AUTH")));
        }
        self.take_idle(phase)?;
        let mut answers = answers.iter();
        // Large enough from the start: a buffer that grew would leave a copy of the secret behind.
        let mut line = Zeroizing::new(Vec::with_capacity(AUTH_BYTES_MAX));
        line.extend_from_slice(command);
        if command.ends_with(b" ") {
            line.extend_from_slice(encode(answers.next()).as_bytes());
        }
        for _ in 0..=AUTH_STEPS_MAX {
            line.extend_from_slice(b"\r\n");
            self.send(phase, &line).await?;
            let reply = self.reply(phase, self.patience.command).await?;
            if reply.kind() != ReplyKind::GoOn {
                return self.settle(phase, reply, ReplyKind::Done, State::Idle, State::Idle).map(|_| ());
            }
            line.clear();
            line.extend_from_slice(encode(answers.next()).as_bytes());
        }
        Err(Trouble::new(phase, What::Protocol("AUTH without end")))
    }

    /// Opens a transaction: MAIL, RCPT and DATA, in one flight if the server takes that (RFC 2920 §3.1). After `Ok` the
    /// server waits for the message.
    ///
    /// # Errors
    /// The first refusal, in its phase. After a refusal the session can be used again unless it [is spent](Self::is_spent).
    pub async fn begin(&mut self, envelope: &Envelope<'_>) -> Result<(), Trouble> {
        let rset: &[u8] = match std::mem::replace(&mut self.state, State::Spent) {
            State::Idle => b"",
            State::Stale => b"RSET\r\n",
            State::Spent => return Err(Trouble::new(Phase::Mail, What::Closed)),
            other => panic!("a transaction cannot begin while one is {other:?}"),
        };
        #[cfg(test)]
        let rset = if self.slip == Some(Slip::NoReset) { b"" } else { rset };
        self.commands.compose(b"", rset, envelope, self.capabilities.size);
        if self.capabilities.pipelining {
            self.send_commands(Phase::Mail, 0..self.commands.bytes.len()).await?;
        }
        self.state = State::Begun;
        self.begun().await
    }

    /// Waits for the answers to the commands that [`Self::dot_and_begin`] sent ahead. After `Ok` the server waits for
    /// the message.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn begun(&mut self) -> Result<(), Trouble> {
        match std::mem::replace(&mut self.state, State::Spent) {
            State::Begun => {}
            State::Spent => return Err(Trouble::new(Phase::Mail, What::Closed)),
            other => panic!("no transaction was begun: {other:?}"),
        }
        let mut refusal = None;
        let mut is_stale = false;
        for (step, phase) in STEPS.into_iter().enumerate() {
            if self.commands.step(step).is_empty() {
                continue;
            }
            match self.answer_to(step, phase, refusal.is_some()).await {
                Ok(None) => is_stale = matches!(phase, Phase::Mail | Phase::Rcpt),
                Ok(Some(reply)) => {
                    // Without RSET the server keeps a transaction that is not ours any more.
                    if reply.is_closing() || phase == Phase::Rset {
                        return Err(refusal.unwrap_or(Trouble::new(phase, What::Reply(reply))));
                    }
                    refusal.get_or_insert(Trouble::new(phase, What::Reply(reply)));
                    if !self.capabilities.pipelining {
                        break;
                    }
                }
                // The first refusal says more than what followed it.
                Err(trouble) => return Err(refusal.unwrap_or(trouble)),
            }
        }
        self.state = match (&refusal, is_stale) {
            (None, _) => State::Open,
            (Some(_), true) => State::Stale,
            (Some(_), false) => State::Idle,
        };
        refusal.map_or(Ok(()), Err)
    }

    /// The answer to one command: `None` if it is the one hoped for, the reply if it is a refusal.
    async fn answer_to(&mut self, step: usize, phase: Phase, is_refused: bool) -> Result<Option<Reply>, Trouble> {
        if !self.capabilities.pipelining {
            self.send_commands(phase, self.commands.step(step)).await?;
        }
        let wait = match phase {
            Phase::Mail => self.patience.mail,
            Phase::Rcpt => self.patience.rcpt,
            Phase::Data => self.patience.data,
            _ => self.patience.command,
        };
        let reply = self.reply(phase, wait).await?;
        let hoped_for = if phase == Phase::Data { ReplyKind::GoOn } else { ReplyKind::Done };
        match reply.kind() {
            // RFC 2920 §3.1 would have a lone dot sent here, to a server that takes data for nobody. Whether such a server
            // makes an empty message of it is not ours to find out: this connection ends without a dot.
            ReplyKind::GoOn if phase == Phase::Data && is_refused => {
                Err(Trouble::new(phase, What::Protocol("354 without a recipient")))
            }
            kind if kind == hoped_for => Ok(None),
            ReplyKind::NotNow | ReplyKind::No => Ok(Some(reply)),
            _ => Err(Trouble::new(phase, What::Protocol("an answer to another question"))),
        }
    }

    /// Sends the message, without the dot that would end it. The pieces together are whole CRLF lines, 7-bit, no line
    /// starting with a single dot.
    ///
    /// # Errors
    /// [`Trouble`] in [`Phase::Body`]; the session is spent, and the receiver has no message.
    pub async fn body(&mut self, segments: &[&[u8]]) -> Result<(), Trouble> {
        let mut pieces = [Piece::Fresh(b""); SEGMENTS_MAX];
        for (piece, segment) in pieces.iter_mut().zip(segments) {
            *piece = Piece::Fresh(segment);
        }
        assert!(segments.len() <= SEGMENTS_MAX, "a message in more than {SEGMENTS_MAX} pieces");
        self.pieces(&pieces[..segments.len()]).await
    }

    /// The same, of a message whose shared lines were checked when they were made.
    ///
    /// # Errors
    /// As [`Self::body`].
    pub async fn pieces(&mut self, pieces: &[Piece<'_>]) -> Result<(), Trouble> {
        let phase = Phase::Body;
        match std::mem::replace(&mut self.state, State::Spent) {
            State::Open => {}
            State::Spent => return Err(Trouble::new(phase, What::Closed)),
            other => panic!("a body needs an open transaction, not one that is {other:?}"),
        }
        WireCheck::pieces(pieces)
            .map_err(|_| Trouble::new(phase, What::Protocol("a message that may not be sent as it is")))?;
        let limit = self.patience.body;
        let written = timeout(limit, self.write_all_vectored(pieces)).await;
        #[cfg(test)]
        let written = if self.slip == Some(Slip::DotAfterFailedWrite) { Ok(Ok(())) } else { written };
        match written.unwrap_or(Err(Trouble::new(phase, What::Timeout))) {
            Ok(()) => self.state = State::Written,
            Err(trouble) => return Err(self.last_word().await.unwrap_or(trouble)),
        }
        Ok(())
    }

    async fn write_all_vectored(&mut self, pieces: &[Piece<'_>]) -> Result<(), Trouble> {
        let phase = Phase::Body;
        assert!(pieces.len() <= SEGMENTS_MAX, "a message in more than {SEGMENTS_MAX} pieces");
        let mut slices = [IoSlice::new(&[]); SEGMENTS_MAX];
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece.bytes());
        }
        let mut left = &mut slices[..pieces.len()];
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            let written = timeout(self.patience.block, self.stream.write_vectored(left)).await;
            match written.map_err(|_| Trouble::new(phase, What::Timeout))? {
                Ok(0) => return Err(Trouble::new(phase, What::Closed)),
                Ok(bytes) => IoSlice::advance_slices(&mut left, bytes),
                Err(error) => return Err(broken(phase, &error)),
            }
        }
        let flushed = timeout(self.patience.block, self.stream.flush()).await;
        flushed.map_err(|_| Trouble::new(phase, What::Timeout))?.map_err(|error| broken(phase, &error))
    }

    /// Sends the final dot and waits for the answer: `Ok` is the receiver's 2yz, and from there the message is its
    /// (RFC 5321 §4.1.1.4). The caller has made its durable mark before.
    ///
    /// # Errors
    /// [`Trouble`] in [`Phase::Body`]: the dot was not sent. In [`Phase::Dot`] with a reply: the receiver refused the message.
    /// In [`Phase::Dot`] with anything else: the copy is in doubt.
    pub async fn dot(&mut self) -> Result<Reply, Trouble> {
        self.take_written()?;
        self.check_silence().await?;
        self.commands.clear(b".\r\n");
        self.finish(State::Idle).await
    }

    /// Sends the final dot together with the next message's commands (RFC 2920), and waits for the answer to the dot
    /// alone, so that it can be settled at once. Then [`Self::begun`] waits for the rest. Without PIPELINING the commands
    /// are sent by [`Self::begun`].
    ///
    /// # Errors
    /// As [`Self::dot`]. The next message's dot has not left in any case.
    pub async fn dot_and_begin(&mut self, next: &Envelope<'_>) -> Result<Reply, Trouble> {
        self.take_written()?;
        self.check_silence().await?;
        self.commands.compose(b".\r\n", b"", next, self.capabilities.size);
        self.finish(State::Begun).await
    }

    fn take_written(&mut self) -> Result<(), Trouble> {
        match std::mem::replace(&mut self.state, State::Spent) {
            State::Written => Ok(()),
            State::Spent => Err(Trouble::new(Phase::Body, What::Closed)),
            other => panic!("a dot needs a written body, not a transaction that is {other:?}"),
        }
    }

    /// Sends the outbox, which starts with the dot, and takes the answer to the dot.
    async fn finish(&mut self, next: State) -> Result<Reply, Trouble> {
        let phase = Phase::Dot;
        let ahead = next == State::Begun && self.capabilities.pipelining;
        let end = if ahead { self.commands.bytes.len() } else { self.commands.lead };
        self.send_commands(phase, 0..end).await?;
        let reply = self.reply(phase, self.patience.dot).await?;
        // RFC 5321 §4.1.1.4: whatever the answer, the transaction is over.
        self.settle(phase, reply, ReplyKind::Done, next, next)
    }

    /// Nothing may lie there before the dot leaves: an answer given too early would be taken for the answer to the dot.
    /// What is found is a farewell (421), a refusal in mid-body, or a lie; or the connection is closed, and no doubt
    /// arises.
    async fn check_silence(&mut self) -> Result<(), Trouble> {
        match self.last_word().await {
            Some(trouble) => Err(trouble),
            None => Ok(()),
        }
    }

    /// What the server said without being asked, if it said anything yet.
    async fn last_word(&mut self) -> Option<Trouble> {
        let phase = Phase::Body;
        if self.inbox.is_empty() {
            match self.read_what_is_there().await? {
                Ok(()) => {}
                Err(trouble) => return Some(trouble),
            }
        }
        Some(match self.reply(phase, self.patience.quit).await {
            Ok(reply) if matches!(reply.kind(), ReplyKind::NotNow | ReplyKind::No) => {
                Trouble::new(phase, What::Reply(reply))
            }
            Ok(_) => Trouble::new(phase, What::Protocol("an answer before the final dot")),
            Err(trouble) => trouble,
        })
    }

    /// Reads without waiting: `None` if nothing is there.
    async fn read_what_is_there(&mut self) -> Option<Result<(), Trouble>> {
        let Self { stream, inbox, .. } = self;
        let mut buffer = ReadBuf::new(&mut inbox.bytes[..]);
        let read = poll_fn(|context| match Pin::new(&mut *stream).poll_read(context, &mut buffer) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending => Poll::Ready(None),
        });
        let outcome = match read.await? {
            Ok(()) if buffer.filled().is_empty() => Err(Trouble::new(Phase::Body, What::Closed)),
            Ok(()) => Ok(()),
            Err(error) => Err(broken(Phase::Body, &error)),
        };
        let bytes = buffer.filled().len();
        (inbox.start, inbox.end) = (0, bytes);
        Some(outcome)
    }

    /// Gives the message up after its body was sent: the connection ends without the dot, so the receiver drops what it
    /// has (RFC 5321 §4.1.1.4 makes the dot the only end of a message). There is no other way to take a body back.
    pub fn abandon(self) {
        drop(self);
    }

    /// Says RSET, to forget a transaction (RFC 5321 §4.1.1.5).
    ///
    /// # Errors
    /// [`Trouble`] in [`Phase::Rset`].
    pub async fn rset(&mut self) -> Result<(), Trouble> {
        let phase = Phase::Rset;
        self.take_idle(phase)?;
        self.send(phase, b"RSET\r\n").await?;
        let reply = self.reply(phase, self.patience.command).await?;
        self.settle(phase, reply, ReplyKind::Done, State::Idle, State::Stale).map(|_| ())
    }

    /// Says QUIT and closes, waiting a little for the farewell (RFC 5321 §4.1.1.10). A session in the middle of a
    /// message is dropped instead: QUIT there would be a line of the message.
    pub async fn quit(mut self) {
        if !matches!(self.state, State::Idle | State::Stale) {
            return;
        }
        let wait = self.patience.quit;
        let farewell = async {
            if self.send(Phase::Rset, b"QUIT\r\n").await.is_ok() {
                // The messages are settled: whatever the farewell is, nothing follows from it.
                let _farewell = self.reply(Phase::Rset, wait).await;
                let _closed = self.stream.shutdown().await;
            }
        };
        let _in_time = timeout(wait, farewell).await;
    }

    fn take_idle(&mut self, phase: Phase) -> Result<(), Trouble> {
        match std::mem::replace(&mut self.state, State::Spent) {
            State::Idle | State::Stale => Ok(()),
            State::Spent => Err(Trouble::new(phase, What::Closed)),
            other => panic!("{phase:?} cannot be said while a transaction is {other:?}"),
        }
    }

    /// Ends a step: the hoped-for answer leads to `then`, a refusal to `otherwise`; a farewell or an answer to another
    /// question leaves the session spent.
    fn settle(
        &mut self,
        phase: Phase,
        reply: Reply,
        hoped_for: ReplyKind,
        then: State,
        otherwise: State,
    ) -> Result<Reply, Trouble> {
        let outcome = expect(phase, reply, hoped_for);
        match &outcome {
            Ok(_) => self.state = then,
            Err(Trouble { what: What::Reply(reply), .. }) if !reply.is_closing() => self.state = otherwise,
            Err(_) => self.state = State::Spent,
        }
        outcome
    }

    async fn send(&mut self, phase: Phase, bytes: &[u8]) -> Result<(), Trouble> {
        send(&mut self.stream, phase, bytes, self.patience.block).await
    }

    async fn send_commands(&mut self, phase: Phase, range: std::ops::Range<usize>) -> Result<(), Trouble> {
        send(&mut self.stream, phase, &self.commands.bytes[range], self.patience.block).await
    }

    async fn reply(&mut self, phase: Phase, wait: Duration) -> Result<Reply, Trouble> {
        self.reply_lines(phase, wait, &mut |_| ()).await
    }

    /// Reads one reply. The wait is for the whole of it, however it trickles.
    async fn reply_lines(
        &mut self,
        phase: Phase,
        wait: Duration,
        each: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Reply, Trouble> {
        if let Some(reply) = self.take_reply(phase, each)? {
            return Ok(reply);
        }
        let whole = async {
            loop {
                self.fill(phase).await?;
                if let Some(reply) = self.take_reply(phase, each)? {
                    return Ok(reply);
                }
            }
        };
        timeout(wait, whole).await.unwrap_or(Err(Trouble::new(phase, What::Timeout)))
    }

    /// A reply from what is in the inbox already.
    fn take_reply(&mut self, phase: Phase, each: &mut (dyn FnMut(&str) + Send)) -> Result<Option<Reply>, Trouble> {
        let Inbox { bytes, start, end, parser } = &mut self.inbox;
        match parser.feed(&bytes[*start..*end], each) {
            Ok(Parsed::Whole(taken, reply)) => {
                *start += taken;
                Ok(Some(reply))
            }
            Ok(Parsed::More) => {
                *start = *end;
                Ok(None)
            }
            Err(what) => Err(Trouble::new(phase, What::Protocol(what))),
        }
    }

    async fn fill(&mut self, phase: Phase) -> Result<(), Trouble> {
        let Self { stream, inbox, .. } = self;
        let mut buffer = ReadBuf::new(&mut inbox.bytes[..]);
        let read = poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut buffer)).await;
        read.map_err(|error| broken(phase, &error))?;
        let bytes = buffer.filled().len();
        (inbox.start, inbox.end) = (0, bytes);
        if bytes == 0 { Err(Trouble::new(phase, What::Closed)) } else { Ok(()) }
    }
}

/// The reply if it is of the kind hoped for.
fn expect(phase: Phase, reply: Reply, hoped_for: ReplyKind) -> Result<Reply, Trouble> {
    match reply.kind() {
        kind if kind == hoped_for => Ok(reply),
        ReplyKind::NotNow | ReplyKind::No => Err(Trouble::new(phase, What::Reply(reply))),
        _ => Err(Trouble::new(phase, What::Protocol("an answer to another question"))),
    }
}

async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    phase: Phase,
    bytes: &[u8],
    wait: Duration,
) -> Result<(), Trouble> {
    let sent = timeout(wait, async {
        stream.write_all(bytes).await?;
        stream.flush().await
    });
    sent.await.map_err(|_| Trouble::new(phase, What::Timeout))?.map_err(|error| broken(phase, &error))
}

fn encode(answer: Option<&&str>) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(answer.copied().unwrap_or_default()))
}

/// The ways in which a peer that has gone shows are one thing to the caller.
fn broken(phase: Phase, error: &std::io::Error) -> Trouble {
    use std::io::ErrorKind as Kind;
    let what = match error.kind() {
        Kind::BrokenPipe
        | Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::UnexpectedEof
        | Kind::WriteZero
        | Kind::NotConnected => What::Closed,
        kind => What::Io(kind),
    };
    Trouble::new(phase, what)
}

#[cfg(test)]
mod tests;
