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

#[derive(Default)]
struct Kept {
    took: Vec<Took>,
    /// How often a password was refused.
    refused: usize,
    /// How many more messages it takes before it falls silent; none: as many as come.
    room: Option<usize>,
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

    /// How often it refused a password.
    pub fn refused(&self) -> usize {
        self.kept().refused
    }
}

fn converse(stream: TcpStream, password: Option<&str>, counter: &Counter) -> std::io::Result<()> {
    let (mut from, mut to) = (BufReader::new(stream.try_clone()?), stream);
    let (mut known, mut recipients) = (password.is_none(), Vec::new());
    write!(to, "220 relay.test\r\n")?;
    let mut line = String::new();
    while from.read_line(&mut line)? > 0 {
        let said = std::mem::take(&mut line);
        let said = said.trim_end();
        let verb = said.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" if password.is_some() => write!(to, "250-relay.test\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n")?,
            "EHLO" => write!(to, "250-relay.test\r\n250 PIPELINING\r\n")?,
            "AUTH" => {
                let wanted = format!("\0{NAME}\0{}", password.unwrap_or_default());
                let given = STANDARD.decode(said.rsplit(' ').next().unwrap_or_default()).unwrap_or_default();
                known = given == wanted.as_bytes();
                counter.kept.lock().unwrap().refused += usize::from(!known);
                // RFC 4954 §6.
                write!(to, "{}\r\n", if known { "235 2.7.0 welcome" } else { "535 5.7.8 wrong name or password" })?;
            }
            "MAIL" | "RCPT" | "DATA" if !known => write!(to, "530 5.7.0 log in first\r\n")?,
            "RCPT" => {
                recipients.push(said.split(['<', '>']).nth(1).unwrap_or_default().to_owned());
                write!(to, "250 2.1.5 ok\r\n")?;
            }
            "DATA" => {
                write!(to, "354 go on\r\n")?;
                let message = message(&mut from)?;
                let mut kept =
                    counter.room.wait_while(counter.kept.lock().unwrap(), |kept| kept.room == Some(0)).unwrap();
                kept.room = kept.room.map(|room| room - 1);
                kept.took.push(Took { to: std::mem::take(&mut recipients), message });
                drop(kept);
                write!(to, "250 2.0.0 taken\r\n")?;
            }
            "QUIT" => return write!(to, "221 2.0.0 bye\r\n"),
            _ => write!(to, "250 2.0.0 ok\r\n")?,
        }
    }
    Ok(())
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
