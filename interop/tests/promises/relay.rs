//! A relay that other people run: it wants a password, and keeps what it took with the recipients that it was named.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

/// The name it wants.
pub const NAME: &str = "courier";

/// A message, taken.
#[derive(Clone, Debug)]
pub struct Took {
    /// The recipients named.
    pub to: Vec<String>,
    /// Head and body, in lines as they came.
    pub message: String,
}

/// What a relay does once it has taken so many messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It knows our password no more, and closes what is open.
    Login,
    /// It refuses our sender at MAIL.
    Sender,
    /// It turns connections away, and closes what is open.
    Door,
    /// It answers nothing any more. What had come whole is taken.
    Silence,
    /// It cuts every connection. What had come whole is taken.
    Cut,
}

#[derive(Default)]
struct Kept {
    took: Vec<Took>,
    /// How often a password was refused.
    refused: usize,
    /// How many more messages it takes before it falls silent; none: as many as come.
    room: Option<usize>,
    /// After how many messages it turns, and how.
    turn: Option<(usize, Turn)>,
    /// How many more messages it takes and then cuts the connection instead of answering.
    cuts: usize,
    /// Connections, and MAIL commands, that came after it had turned.
    troubled: usize,
}

impl Kept {
    fn turned(&self) -> Option<Turn> {
        self.turn.filter(|(after, _)| self.took.len() >= *after).map(|(_, turn)| turn)
    }
}

/// What it keeps, and a bell for when there is room again.
#[derive(Default)]
struct Counter {
    kept: Mutex<Kept>,
    room: Condvar,
}

/// A relay on loopback, until the test program ends.
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    counter: Arc<Counter>,
}

impl Relay {
    /// Opens one. `password`: the one that it wants, if it wants one.
    pub fn open(password: Option<&str>) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Relay::on(listener, password)
    }

    /// Opens one on a listener.
    pub fn on(listener: TcpListener, password: Option<&str>) -> Relay {
        let (address, counter) = (listener.local_addr().unwrap(), Arc::<Counter>::default());
        let (theirs, password) = (counter.clone(), password.map(str::to_owned));
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let (counter, password) = (theirs.clone(), password.clone());
                // How a connection ends is the client's affair.
                thread::spawn(move || converse(stream, password.as_deref(), &counter).ok());
            }
        });
        Relay { address, counter }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.counter.kept.lock().unwrap()
    }

    /// What it took so far.
    pub fn took(&self) -> Vec<Took> {
        self.kept().took.clone()
    }

    /// From now on it takes so many messages, and leaves the answer to the next ones open.
    pub fn takes(&self, messages: usize) {
        self.kept().room = Some(messages);
    }

    /// It answers again, to those that wait too.
    pub fn takes_all(&self) {
        self.kept().room = None;
        self.counter.room.notify_all();
    }

    /// After so many messages it turns.
    pub fn turns(&self, after: usize, turn: Turn) {
        self.kept().turn = Some((after, turn));
    }

    /// It takes the next so many messages, and cuts the connection instead of answering.
    pub fn cuts(&self, messages: usize) {
        self.kept().cuts = messages;
    }

    /// How many connections and MAIL commands came after it had turned.
    pub fn troubled(&self) -> usize {
        self.kept().troubled
    }

    /// How often it refused a password.
    pub fn refused(&self) -> usize {
        self.kept().refused
    }
}

fn converse(stream: TcpStream, password: Option<&str>, counter: &Counter) -> std::io::Result<()> {
    let (mut from, mut to) = (BufReader::new(stream.try_clone()?), stream);
    let (mut known, mut refused, mut recipients) = (password.is_none(), false, Vec::new());
    match counter.turned() {
        Some(Turn::Door) => return write!(to, "421 4.7.0 not for you\r\n"),
        Some(Turn::Cut) => return Ok(()),
        Some(Turn::Silence) => return Counter::say_nothing(&mut from),
        _ => write!(to, "220 relay.test\r\n")?,
    }
    let mut line = String::new();
    while from.read_line(&mut line)? > 0 {
        let said = std::mem::take(&mut line);
        let said = said.trim_end();
        let verb = said.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let turned = if verb == "MAIL" { counter.turned() } else { None };
        match (verb.as_str(), turned) {
            ("EHLO", _) if password.is_some() => write!(to, "250-relay.test\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n")?,
            ("EHLO", _) => write!(to, "250-relay.test\r\n250 PIPELINING\r\n")?,
            ("AUTH", _) => {
                let wanted = format!("\0{NAME}\0{}", password.unwrap_or_default());
                let given = STANDARD.decode(said.rsplit(' ').next().unwrap_or_default()).unwrap_or_default();
                let turned = counter.kept.lock().unwrap().turned();
                known = given == wanted.as_bytes() && turned != Some(Turn::Login);
                counter.kept.lock().unwrap().refused += usize::from(!known);
                // RFC 4954 §6.
                write!(to, "{}\r\n", if known { "235 2.7.0 welcome" } else { "535 5.7.8 wrong name or password" })?;
            }
            ("MAIL" | "RCPT" | "DATA", _) if !known => write!(to, "530 5.7.0 log in first\r\n")?,
            ("MAIL", Some(Turn::Login | Turn::Door)) => return write!(to, "421 4.3.2 closing\r\n"),
            ("MAIL", Some(Turn::Cut)) => return Ok(()),
            ("MAIL", Some(Turn::Silence)) => return Counter::say_nothing(&mut from),
            ("MAIL", Some(Turn::Sender)) => {
                refused = true;
                write!(to, "550 5.7.1 your account is suspended\r\n")?;
            }
            ("RCPT" | "DATA", _) if refused => write!(to, "503 5.5.1 no sender\r\n")?,
            ("RCPT", _) => {
                recipients.push(said.split(['<', '>']).nth(1).unwrap_or_default().to_owned());
                write!(to, "250 2.1.5 ok\r\n")?;
            }
            ("DATA", _) => {
                write!(to, "354 go on\r\n")?;
                let message = message(&mut from)?;
                match counter.takes(Took { to: std::mem::take(&mut recipients), message }) {
                    Some(Turn::Cut) => return Ok(()),
                    Some(Turn::Silence) => return Counter::say_nothing(&mut from),
                    _ => write!(to, "250 2.0.0 taken\r\n")?,
                }
            }
            ("QUIT", _) => return write!(to, "221 2.0.0 bye\r\n"),
            _ => write!(to, "250 2.0.0 ok\r\n")?,
        }
    }
    Ok(())
}

impl Counter {
    /// What is wrong by now with what begins; it is counted.
    fn turned(&self) -> Option<Turn> {
        let mut kept = self.kept.lock().unwrap();
        let turned = kept.turned();
        kept.troubled += usize::from(turned.is_some());
        turned
    }

    /// Keeps a message that came whole, when there is room. Gives how its connection goes wrong, if it does.
    fn takes(&self, took: Took) -> Option<Turn> {
        let mut kept = self.room.wait_while(self.kept.lock().unwrap(), |kept| kept.room == Some(0)).unwrap();
        kept.room = kept.room.map(|room| room - 1);
        let turned = kept.turned();
        kept.took.push(took);
        if kept.cuts > 0 {
            kept.cuts -= 1;
            return Some(Turn::Cut);
        }
        turned
    }

    /// Reads what comes and answers nothing, until the other side has had enough.
    fn say_nothing(from: &mut impl BufRead) -> std::io::Result<()> {
        std::io::copy(from, &mut std::io::sink()).map(drop)
    }
}

/// Reads to the lone dot and undoes the stuffing (RFC 5321 §4.5.2).
fn message(from: &mut impl BufRead) -> std::io::Result<String> {
    let (mut message, mut line) = (String::new(), String::new());
    while from.read_line(&mut line)? > 0 && line != ".\r\n" {
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
        line.clear();
    }
    // Without the dot there is no message.
    if line == ".\r\n" { Ok(message) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}
