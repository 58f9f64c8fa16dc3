//! Does one part of the hot path many times, to be timed from outside: `time speed PART TIMES`.
//!
//! PART is `copy` (complete a body of 30 kB and hash it), `head` (write a header block as well), `sign` (and sign it),
//! `serve` (receive such messages, pipelined, from memory) or `send` (send them to that server through a pipe, unsigned).
//! It reads no clock: run it under `perf stat` or `time`, and take the difference of two counts.

use std::pin::Pin;
use std::task::{Context, Poll};

use mail::address::{Domain, EnvelopeAddress, HostName, ReversePath};
use mail::dkim::Signer;
use mail::headers::{HeaderBlock, Mailbox, MessageId};
use mail::mime::{Draft, DraftPart, SharedBody};
use mail::smtp::client::{Envelope, Patience, Session};
use mail::smtp::server::{Answer, Received, Receiver, Terms, serve};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let part = arguments.next().ok_or("speed PART TIMES")?;
    let times: usize = arguments.next().ok_or("speed PART TIMES")?.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let bytes = match part.as_str() {
        "copy" => copies(times)?,
        "head" => messages(times, None)?,
        "sign" => {
            let signer =
                Signer::from_pkcs8(&Signer::generate()?, Domain::parse("news.example")?, Domain::parse("k1")?)?;
            messages(times, Some(&signer))?
        }
        "serve" => runtime.block_on(serving(times))?,
        "send" => runtime.block_on(sending(times))?,
        _ => return Err("copy, head, sign, serve or send".into()),
    };
    println!("{times} times, {bytes} octets");
    Ok(())
}

/// A body of 30 kB on the wire, as a daily mail has it.
fn body() -> Outcome<SharedBody> {
    let part = |line: &str, bytes: usize| DraftPart {
        shared: line.repeat(bytes / line.len()),
        personal: "\nLeave: https://news.example/u/{{leave}}\nChange: https://news.example/p/{{change}}\n".to_owned(),
    };
    let text = part("A headline that stands for what happened yesterday, in words.\n", 5_000);
    let html = Some(part("<p class=\"story\">A headline, with its link and some markup around.</p>\n", 23_500));
    Ok(SharedBody::build(&Draft { text, html }, b"cohort")?)
}

fn token(number: usize) -> [u8; 43] {
    let mut token = [b'A'; 43];
    for (at, digit) in token.iter_mut().enumerate().take(16) {
        *digit = b'a' + (number >> (4 * at) & 15) as u8;
    }
    token
}

fn copies(times: usize) -> Outcome<usize> {
    let body = body()?;
    let mut bytes = 0;
    for number in 0..times {
        let copy = body.copy(|_| Some(token(number)))?;
        bytes += copy.bytes() + usize::from(copy.hash()[0] == 0);
    }
    Ok(bytes)
}

fn messages(times: usize, signer: Option<&Signer>) -> Outcome<usize> {
    let body = body()?;
    let shared = shared_head(&body)?;
    let mut bytes = 0;
    for number in 0..times {
        let copy = body.copy(|_| Some(token(number)))?;
        let head = personal_head(&shared, number)?;
        let signature = signer.map(|signer| signer.sign(&head, &copy.hash(), 1_795_413_600)).unwrap_or_default();
        bytes += copy.message(&signature, &head).iter().map(|segment| segment.len()).sum::<usize>();
    }
    Ok(bytes)
}

fn shared_head(body: &SharedBody) -> Outcome<HeaderBlock> {
    let mut head = HeaderBlock::new();
    head.from(&Mailbox::new("The Desk", EnvelopeAddress::parse("desk@news.example")?)?)?;
    head.subject("Monday: three stories")?.date(1_795_413_600_000)?;
    head.list_id("Daily", &Domain::parse("daily.news.example")?)?.precedence_bulk()?;
    body.content_headers(&mut head)?;
    Ok(head)
}

fn personal_head(shared: &HeaderBlock, number: usize) -> Outcome<HeaderBlock> {
    let token = String::from_utf8(token(number).to_vec())?;
    let mut head = shared.clone();
    head.to(&Mailbox::bare(EnvelopeAddress::parse("ana@example.org")?))?;
    head.message_id(&MessageId::new(&token, &Domain::parse("news.example")?)?)?;
    head.list_unsubscribe(&format!("https://news.example/u/{token}"), None)?;
    Ok(head)
}

/// Counts what it is given.
struct Counter(usize);

impl Receiver for Counter {
    async fn message(&mut self, _: &Received, message: &[u8]) -> Answer {
        self.0 += message.len();
        Answer::Usual
    }
}

/// A client that has said everything at once, as often as asked, and reads nothing.
struct Said {
    flight: Vec<u8>,
    at: usize,
    left: usize,
}

impl AsyncRead for Said {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if self.at == self.flight.len() && self.left > 1 {
            (self.at, self.left) = (b"EHLO a\r\n".len(), self.left - 1);
        }
        let bytes = buffer.remaining().min(self.flight.len() - self.at);
        buffer.put_slice(&self.flight[self.at..self.at + bytes]);
        self.at += bytes;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Said {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

async fn serving(times: usize) -> Outcome<usize> {
    let body = body()?;
    let head = personal_head(&shared_head(&body)?, 7)?;
    let copy = body.copy(|_| Some(token(7)))?;
    let message = copy.message(b"", &head).concat();
    let before = b"EHLO a\r\nMAIL FROM:<b@news.example>\r\nRCPT TO:<ana@example.org>\r\nDATA\r\n".to_vec();
    let flight = [before, message, b".\r\n".to_vec()].concat();
    let mut counter = Counter(0);
    let mut terms = Terms::new(HostName::parse("mx.example")?);
    terms.limits.commands_max = u64::MAX;
    serve(Said { flight, at: 0, left: times }, &mut counter, &terms).await;
    Ok(counter.0)
}

async fn sending(times: usize) -> Outcome<usize> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let mut counter = Counter(0);
    let mut terms = Terms::new(HostName::parse("mx.example")?);
    terms.limits.commands_max = u64::MAX;
    let client = async {
        let body = body()?;
        let shared = shared_head(&body)?;
        let (from, to) = (ReversePath::Null, EnvelopeAddress::parse("ana@example.org")?);
        let envelope = Envelope { from: &from, to: &to, message_bytes: None };
        let mut session = Session::open(near, &HostName::parse("news.example")?, Patience::default()).await?;
        session.begin(&envelope).await?;
        for number in 0..times {
            let copy = body.copy(|_| Some(token(number)))?;
            let head = personal_head(&shared, number)?;
            session.body(&copy.message(b"", &head)).await?;
            session.dot_and_begin(&envelope).await?;
            session.begun().await?;
        }
        session.abandon();
        Outcome::Ok(())
    };
    let (_ended, sent) = tokio::join!(serve(far, &mut counter, &terms), client);
    sent?;
    Ok(counter.0)
}
