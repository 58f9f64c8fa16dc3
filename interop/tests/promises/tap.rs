//! A tap on the wire to a relay: it passes everything on and keeps every octet that came from us, connection by connection.
//!
//! What it kept is read by the strictest rule there is: a message ends at CRLF, a dot, CRLF and nowhere else, and CR and LF stand
//! nowhere but together. What a server of other people's makes of the same octets must come to the same.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// RFC 5321 §4.5.3.1.6, without the line's end.
const LINE_BYTES_MAX: usize = 998;
/// The commands that a client of ours has a use for.
const COMMANDS: [&str; 7] = ["EHLO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT"];

/// A message as it went over the wire.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Head and body, with the dots that were stuffed taken out again.
    pub message: Vec<u8>,
}

type Kept = Arc<Mutex<Vec<Vec<u8>>>>;

/// A tap, until the test program ends.
pub struct Tap {
    /// Where it listens.
    pub address: SocketAddr,
    kept: Kept,
}

impl Tap {
    /// One before the server at `port` of loopback.
    pub fn before(port: u16) -> Tap {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, kept) = (listener.local_addr().unwrap(), Kept::default());
        let theirs = kept.clone();
        thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                let number = {
                    let mut kept = theirs.lock().unwrap();
                    kept.push(Vec::new());
                    kept.len() - 1
                };
                // A server that takes no more connections closes ours.
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                pass(&client, &server, theirs.clone(), number);
            }
        });
        Tap { address, kept }
    }

    /// Everything that was sent whole so far.
    ///
    /// # Panics
    /// When an octet stands where it must not.
    #[track_caller]
    pub fn sent(&self) -> Vec<Sent> {
        let kept = self.kept.lock().unwrap().clone();
        kept.iter().flat_map(|octets| read(octets).unwrap_or_else(|fault| panic!("{fault}"))).collect()
    }
}

fn pass(client: &TcpStream, server: &TcpStream, kept: Kept, number: usize) {
    let one = |stream: &TcpStream| stream.try_clone().expect("a connection can be held twice");
    let (mut from, mut to) = (one(client), one(server));
    thread::spawn(move || {
        let mut octets = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut octets) {
            kept.lock().unwrap()[number].extend(&octets[..read]);
            if to.write_all(&octets[..read]).is_err() {
                break;
            }
        }
        to.shutdown(Shutdown::Write).ok();
    });
    let (mut from, mut to) = (one(server), one(client));
    thread::spawn(move || {
        std::io::copy(&mut from, &mut to).ok();
        to.shutdown(Shutdown::Both).ok();
    });
}

/// The messages in what one client said; what is wrong with it, if anything is.
fn read(octets: &[u8]) -> Result<Vec<Sent>, String> {
    let (mut sent, mut to, mut message) = (Vec::new(), Vec::new(), None::<Vec<u8>>);
    for line in octets.split_inclusive(|byte| *byte == b'\n') {
        let Some(line) = line.strip_suffix(b"\r\n") else {
            // The last line may still be on its way.
            if line.ends_with(b"\n") {
                return Err(format!("a bare LF behind {:?}", String::from_utf8_lossy(line)));
            }
            break;
        };
        let shown = String::from_utf8_lossy(line);
        if line.len() > LINE_BYTES_MAX || !line.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
            return Err(format!("a line of {} octets that may not stand so: {shown:?}", line.len()));
        }
        match &mut message {
            Some(text) if line == b"." => {
                sent.push(Sent { to: std::mem::take(&mut to), message: std::mem::take(text) });
                message = None;
            }
            Some(text) => text.extend([line.strip_prefix(b".").unwrap_or(line), b"\r\n"].concat()),
            None => match shown.get(..4).map(str::to_ascii_uppercase) {
                Some(verb) if verb == "DATA" => message = Some(Vec::new()),
                Some(verb) if verb == "RCPT" => {
                    to.push(shown.split(['<', '>']).nth(1).unwrap_or_default().to_owned());
                }
                Some(verb) if COMMANDS.contains(&verb.as_str()) => {}
                _ => return Err(format!("no command of ours: {shown:?}")),
            },
        }
    }
    Ok(sent)
}

/// The names of a message's fields, in order.
pub fn field_names(message: &[u8]) -> Vec<String> {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(message.len());
    let head = String::from_utf8_lossy(&message[..end]).into_owned();
    let fields = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    fields.map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
}

/// An envelope and one line, as a client sends them.
#[cfg(test)]
const WHOLE: &str = "EHLO us.test\r\nMAIL FROM:<a@us.test>\r\nRCPT TO:<b@them.test>\r\nDATA\r\nSubject: one\r\n\r\n..dot\r\n.\r\nQUIT\r\n";

#[test]
fn what_must_not_stand_on_a_wire_is_seen() {
    let [sent] = &read(WHOLE.as_bytes()).unwrap()[..] else { panic!("one message") };
    assert_eq!(
        (&sent.to[..], &sent.message[..]),
        (&["b@them.test".to_owned()][..], &b"Subject: one\r\n\r\n.dot\r\n"[..])
    );
    for (right, wrong) in [
        ("one\r\n\r\n", "one\n\r\n"),
        ("..dot", "a\rb"),
        ("..dot", "a\0b"),
        ("..dot", "\u{85}"),
        ("..dot", &"a".repeat(999)),
        // Dots that nobody stuffed: what follows is read as commands.
        ("..dot", ".\r\nX-Smuggled: yes"),
    ] {
        assert!(read(WHOLE.replace(right, wrong).as_bytes()).is_err(), "{wrong:?}");
    }
    let smuggled = WHOLE.replace("..dot", ".\r\nMAIL FROM:<c@us.test>\r\nRCPT TO:<d@them.test>\r\nDATA\r\nx");
    assert_eq!(read(smuggled.as_bytes()).unwrap().len(), 2, "one message that was meant for two");
    assert_eq!(field_names(b"A: 1\r\nB: 2\r\n C: 3\r\n\r\nD: 4\r\n"), ["A", "B"]);
}
