//! The receiving machine against raw octets, and against the sending machine.

use std::pin::Pin;
use std::task::Context;

use proptest::prelude::*;
use tokio::io::{DuplexStream, ReadBuf, duplex};

use super::*;
use crate::address::{EnvelopeAddress, ReversePath};
use crate::smtp::client::{Envelope, Patience, Session, Trouble};
use crate::test_clock::{lasting, wait};
use crate::wire::stuff_dots;

/// Keeps what it is given, and answers a step as scripted.
#[derive(Default)]
struct Catcher {
    messages: Vec<(Received, Vec<u8>)>,
    script: Vec<(&'static str, Answer)>,
    close_at_bytes: Option<usize>,
    wait_before_accepting: Option<Duration>,
}

impl Catcher {
    fn answer(&self, step: &str) -> Answer {
        self.script.iter().find(|(name, _)| *name == step).map_or(Answer::Usual, |(_, answer)| answer.clone())
    }
}

impl Receiver for Catcher {
    async fn connect(&mut self) -> Answer {
        self.answer("connect")
    }
    async fn helo(&mut self, _: &str) -> Answer {
        self.answer("helo")
    }
    async fn auth(&mut self, name: &str, secret: &str) -> Answer {
        if (name, secret) == ("news", "s3cret") {
            return Answer::Usual;
        }
        Answer::Reply(Reply::new(535, Enhanced::new(5, 7, 8), "no"))
    }
    async fn mail(&mut self, _: &str) -> Answer {
        self.answer("mail")
    }
    async fn rcpt(&mut self, _: &str, _: &Received) -> Answer {
        self.answer("rcpt")
    }
    async fn data(&mut self, _: &Received) -> Answer {
        self.answer("data")
    }
    fn arriving(&mut self, message_bytes: usize) -> Flow {
        if self.close_at_bytes.is_some_and(|limit| message_bytes >= limit) { Flow::Close } else { Flow::On }
    }
    async fn message(&mut self, envelope: &Received, message: &[u8]) -> Answer {
        if let Some(duration) = self.wait_before_accepting {
            wait(duration).await;
        }
        self.messages.push((envelope.clone(), message.to_vec()));
        self.answer("message")
    }
}

fn terms() -> Terms {
    Terms::new(HostName::parse("mx.example").unwrap())
}

/// Feeds a client's octets in pieces; returns all replies, how it ended, and what was caught.
async fn feed(pieces: &[&[u8]], terms: Terms, mut catcher: Catcher) -> (String, String, Catcher) {
    let (mut near, far) = duplex(1 << 20);
    let server = async { format!("{:?}", serve(far, &mut catcher, &terms).await) };
    let client = async {
        let (mut reader, mut writer) = tokio::io::split(&mut near);
        let write = async {
            for piece in pieces {
                if writer.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let _ = writer.shutdown().await;
        };
        let mut replies = String::new();
        let read = reader.read_to_string(&mut replies);
        let (_, read) = tokio::join!(write, read);
        read.unwrap();
        replies
    };
    let (ended, replies) = tokio::join!(server, client);
    (replies, ended, catcher)
}

const START: &str = "EHLO a.example\r\nMAIL FROM:<b@news.example>\r\nRCPT TO:<ana@example.org>\r\nDATA\r\n";

/// The replies to one message in one piece, the greeting left out.
async fn check(message: &str) -> (String, Vec<String>) {
    let octets = format!("{START}{message}QUIT\r\n");
    let (replies, _, catcher) = feed(&[octets.as_bytes()], terms(), Catcher::default()).await;
    let (_, after) = replies.split_once("354 end with CRLF.CRLF\r\n").unwrap();
    let caught = catcher.messages.iter().map(|(_, m)| String::from_utf8_lossy(m).into_owned()).collect();
    (after.to_owned(), caught)
}

#[tokio::test(start_paused = true)]
async fn a_dialogue_reads_as_the_rfc_has_it() {
    let octets = format!("{START}A: b\r\n\r\n..dot\r\n.x\r\n.\r\nRSET\r\nNOOP\r\nVRFY x\r\nQUIT\r\n");
    let (replies, ended, catcher) = feed(&[octets.as_bytes()], terms(), Catcher::default()).await;
    assert_eq!(
        replies,
        "220 mx.example ESMTP\r\n\
         250-mx.example\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n\
         250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n354 end with CRLF.CRLF\r\n250 2.0.0 accepted\r\n\
         250 2.0.0 ok\r\n250 2.0.0 ok\r\n252 2.5.0 send and see\r\n221 2.0.0 goodbye\r\n"
    );
    assert_eq!(ended, "Quit");
    let (envelope, message) = &catcher.messages[0];
    assert_eq!(String::from_utf8_lossy(message), "A: b\r\n\r\n.dot\r\nx\r\n");
    assert_eq!(
        envelope,
        &Received {
            helo: "a.example".to_owned(),
            from: "b@news.example".to_owned(),
            to: vec!["ana@example.org".to_owned()]
        }
    );
}

#[tokio::test(start_paused = true)]
async fn only_crlf_dot_crlf_ends_a_message_and_a_bare_break_refuses_it() {
    let smuggled = "MAIL FROM:<x@y>\r\nRCPT TO:<z@y>\r\nDATA\r\nsmuggled\r\n.\r\n";
    for terminator in
        ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\r\n\0.\r\n", "\n.\r", "\r\r\n.\r\r\n"]
    {
        let (replies, caught) = check(&format!("a{terminator}{smuggled}")).await;
        if terminator.contains('\0') {
            assert_eq!(caught.len(), 1, "no second message after {terminator:?}");
            continue;
        }
        assert_eq!(caught, Vec::<String>::new(), "{terminator:?}");
        assert!(replies.starts_with("550 5.5.2 a bare CR or LF in the message\r\n"), "{terminator:?} {replies}");
        assert!(replies.ends_with("221 2.0.0 goodbye\r\n"), "{terminator:?} {replies}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_may_be_empty_or_nothing_but_dots() {
    assert_eq!(check(".\r\n").await.1, [""]);
    assert_eq!(check("..\r\n...\r\n\r\n.\r\n").await.1, [".\r\n..\r\n\r\n"]);
}

#[tokio::test(start_paused = true)]
async fn a_long_line_and_a_big_message_are_refused_and_the_dialogue_goes_on() {
    let (replies, caught) = check(&format!("{}\r\n.\r\n", "x".repeat(999))).await;
    assert_eq!(replies, "550 5.5.2 a line of the message is too long\r\n221 2.0.0 goodbye\r\n");
    assert!(caught.is_empty());
    assert_eq!(check(&format!("{}\r\n.\r\n", "x".repeat(998))).await.1.len(), 1);

    let mut small = terms();
    small.limits.message_bytes_max = 1_000;
    for (lines, caught) in [(100, 1), (101, 0), (20_000, 0)] {
        let octets = format!("{START}{}.\r\nNOOP\r\nQUIT\r\n", "ten more\r\n".repeat(lines));
        let pieces: Vec<&[u8]> = octets.as_bytes().chunks(777).collect();
        let (replies, ended, catcher) = feed(&pieces, small.clone(), Catcher::default()).await;
        assert_eq!((ended.as_str(), catcher.messages.len()), ("Quit", caught), "{lines}");
        assert_eq!(replies.contains("552 5.3.4 message too big\r\n250 2.0.0 ok\r\n"), caught == 0, "{replies}");
    }
    let declared = "EHLO a\r\nMAIL FROM:<> BODY=8BITMIME SIZE=1001\r\nMAIL FROM:<> SIZE=1000\r\nQUIT\r\n";
    let (replies, ..) = feed(&[declared.as_bytes()], small, Catcher::default()).await;
    assert!(replies.contains("552 5.3.4 message too big\r\n250 2.1.0 sender ok\r\n"), "{replies}");
}

#[tokio::test(start_paused = true)]
async fn commands_out_of_order_or_form_are_refused() {
    for (command, reply) in [
        ("MAIL FROM:<a@b>", "503 5.5.1"),
        ("EHLO", "501 5.5.4"),
        ("EHLO a\r\nRCPT TO:<a@b>", "503 5.5.1"),
        ("EHLO a\r\nDATA", "503 5.5.1"),
        ("EHLO a\r\nMAIL FROM:<>\r\nDATA", "554 5.5.1"),
        ("EHLO a\r\nMAIL FROM:<>\r\nMAIL FROM:<>", "503 5.5.1"),
        ("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<>", "501 5.5.4"),
        ("EHLO a\r\nMAIL FROM:a@b", "501 5.5.4"),
        ("EHLO a\r\nMAIL FROM:<a@b", "501 5.5.4"),
        ("EHLO a\r\nMAIL FROM:<a@b>x", "501 5.5.4"),
        ("EHLO a\r\nMAIL FROM:<a\nb@c>", "500 5.5.2"),
        ("EHLO a\r\nMAIL FROM:<é@c>", "500 5.5.2"),
        ("EHLO a\r\nSTARTTLS", "502 5.5.1"),
        ("EHLO a\r\nAUTH PLAIN AAAA", "502 5.5.1"),
        ("EHLO a\r\nBDAT 5", "500 5.5.2"),
        ("EHLO a\nMAIL FROM:<>", "500 5.5.2"),
    ] {
        let (replies, ..) = feed(&[format!("{command}\r\n").as_bytes()], terms(), Catcher::default()).await;
        let last = replies.lines().last().unwrap();
        assert!(last.starts_with(reply), "{command:?}: {last}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_too_much_is_sent_away() {
    let mut strict = terms();
    strict.limits.commands_max = 3;
    strict.limits.recipients_max = 1;
    strict.limits.mistakes_max = 2;
    let (replies, ended, _) =
        feed(&[b"NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n"], strict.clone(), Catcher::default()).await;
    assert_eq!((replies.lines().count(), ended.as_str()), (5, "Limit(\"too many commands\")"));
    let (_, ended, _) = feed(&[b"X\r\nX\r\nX\r\nX\r\n"], strict.clone(), Catcher::default()).await;
    assert_eq!(ended, "Limit(\"too many mistakes\")");
    let (_, ended, _) = feed(&[&[b'x'; 20_000]], strict.clone(), Catcher::default()).await;
    assert_eq!(ended, "Limit(\"a command was too long\")");
    strict.limits.commands_max = 100;
    let two = b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nQUIT\r\n";
    let (replies, ..) = feed(&[two], strict, Catcher::default()).await;
    assert!(replies.contains("452 4.5.3 too many recipients"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_is_sent_away() {
    for (said, ended) in
        [("EHLO a\r\n", "Limit(\"no command in time\")"), (START, "Limit(\"a message took too long\")")]
    {
        let (mut near, far) = duplex(65_536);
        near.write_all(said.as_bytes()).await.unwrap();
        let (terms, mut catcher) = (terms(), Catcher::default());
        assert_eq!(format!("{:?}", serve(far, &mut catcher, &terms).await), ended);
    }
}

fn name() -> HostName {
    HostName::parse("news.example").unwrap()
}

/// One client against one server; what the client's last step gave.
async fn meet<T>(terms: Terms, catcher: &mut Catcher, client: impl AsyncFnOnce(Session<DuplexStream>) -> T) -> T {
    let (near, far) = duplex(65_536);
    let server = serve(far, catcher, &terms);
    let client = async { client(Session::open(near, &name(), Patience::default()).await.unwrap()).await };
    tokio::join!(server, client).1
}

async fn send(session: &mut Session<DuplexStream>, message: &[u8]) -> String {
    let from = ReversePath::Null;
    let to = EnvelopeAddress::parse("ana@example.org").unwrap();
    let envelope = Envelope { from: &from, to: &to, message_bytes: Some(message.len() as u64) };
    let outcome = async {
        session.begin(&envelope).await?;
        session.body(&[message]).await?;
        session.dot().await
    };
    outcome.await.map_or_else(|trouble| trouble.to_string(), |reply| reply.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_receiver_can_play_any_part() {
    let not_now = || Answer::Reply(Reply::new(450, Enhanced::new(4, 2, 0), "later"));
    for (step, answer, expected) in [
        ("mail", not_now(), "Mail: 450 4.2.0 later"),
        ("rcpt", not_now(), "Rcpt: 450 4.2.0 later"),
        ("data", not_now(), "Data: 450 4.2.0 later"),
        ("message", not_now(), "Dot: 450 4.2.0 later"),
        ("mail", Answer::Close, "Mail: the connection is closed"),
        ("rcpt", Answer::Close, "Mail: the connection is closed"),
        ("data", Answer::Close, "Mail: the connection is closed"),
        ("message", Answer::Close, "Dot: the connection is closed"),
        ("message", Answer::Last(Reply::new(250, Enhanced::new(2, 0, 0), "last")), "250 2.0.0 last"),
        ("rcpt", Answer::Reply(Reply::plain(421, "bye")), "Rcpt: 421 bye"),
        ("none", Answer::Usual, "250 2.0.0 accepted"),
    ] {
        let mut catcher = Catcher { script: vec![(step, answer)], ..Catcher::default() };
        let outcome = meet(terms(), &mut catcher, async |mut session| send(&mut session, b"a\r\n").await).await;
        // Replies are gathered, so a close in the same flight may come before or with them.
        let fits = outcome == expected || (outcome.ends_with("is closed") && expected.ends_with("is closed"));
        assert!(fits, "{step}: {outcome} instead of {expected}");
    }
    let mut catcher = Catcher { close_at_bytes: Some(1), ..Catcher::default() };
    let outcome = meet(terms(), &mut catcher, async |mut session| {
        let from = ReversePath::Null;
        let to = EnvelopeAddress::parse("ana@example.org").unwrap();
        session.begin(&Envelope { from: &from, to: &to, message_bytes: None }).await.unwrap();
        session.body(&[&b"abc\r\n".repeat(100)]).await.unwrap();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        session.dot().await.unwrap_err().to_string()
    })
    .await;
    assert_eq!((outcome.as_str(), catcher.messages.len()), ("Body: the connection is closed", 0));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_waits_is_waited_for_and_earlier_replies_come_at_once() {
    let mut catcher = Catcher { wait_before_accepting: Some(Duration::from_secs(300)), ..Catcher::default() };
    let dialogue = meet(terms(), &mut catcher, async |mut session| send(&mut session, b"a\r\n").await);
    let outcome = lasting(300, dialogue).await;
    assert_eq!(outcome, "250 2.0.0 accepted");
}

#[tokio::test(start_paused = true)]
async fn messages_follow_one_another_in_one_flight_each() {
    let mut catcher = Catcher::default();
    meet(terms(), &mut catcher, async |mut session| {
        let from = ReversePath::Null;
        let to = EnvelopeAddress::parse("ana@example.org").unwrap();
        let envelope = Envelope { from: &from, to: &to, message_bytes: None };
        session.begin(&envelope).await.unwrap();
        for n in 0..50 {
            session.body(&[format!("n: {n}\r\n").as_bytes(), b"\r\n..\r\n"]).await.unwrap();
            session.dot_and_begin(&envelope).await.unwrap();
            session.begun().await.unwrap();
        }
        session.abandon();
    })
    .await;
    assert_eq!(catcher.messages.len(), 50);
    for (n, (envelope, message)) in catcher.messages.iter().enumerate() {
        assert_eq!(envelope.to, ["ana@example.org"]);
        assert_eq!(String::from_utf8_lossy(message), format!("n: {n}\r\n\r\n.\r\n"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_is_judged_by_the_receiver() {
    let mut closed = terms();
    closed.auth = Offer::Yes;
    let mut catcher = Catcher::default();
    let outcomes = meet(closed, &mut catcher, async |mut session| {
        assert!(session.capabilities().auth_plain && session.capabilities().auth_login);
        let wrong = session.auth_login("news", "wrong").await.unwrap_err().to_string();
        let plain = session.auth_plain("news", "s3cret").await;
        let login = session.auth_login("news", "s3cret").await;
        (wrong, plain, login)
    })
    .await;
    assert_eq!(outcomes, ("Auth: 535 5.7.8 no".to_owned(), Ok(()), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn encryption_is_granted_and_planted_commands_are_not_obeyed() {
    let mut open = terms();
    open.start_tls = Offer::Yes;
    let (near, far) = duplex(65_536);
    let server = async {
        let mut catcher = Catcher::default();
        let Ended::StartTls(stream) = serve(far, &mut catcher, &open).await else { panic!("not granted") };
        serve_upgraded(stream, &mut catcher, &open).await;
        catcher.messages.len()
    };
    let client = async {
        let mut session = Session::open(near, &name(), Patience::default()).await.unwrap();
        session.start_tls().await.unwrap();
        let stream = session.into_stream();
        let mut session = Session::open_upgraded(stream, &name(), Patience::default()).await.unwrap();
        let outcome = send(&mut session, b"a\r\n").await;
        session.quit().await;
        outcome
    };
    let (caught, outcome) = tokio::join!(server, client);
    assert_eq!((caught, outcome.as_str()), (1, "250 2.0.0 accepted"));

    let (_, ended, _) = feed(&[b"EHLO a\r\nSTARTTLS\r\nMAIL FROM:<>\r\n"], open.clone(), Catcher::default()).await;
    assert_eq!(ended, "Limit(\"octets in the clear after STARTTLS\")");
}

#[tokio::test(start_paused = true)]
async fn a_password_is_taken_only_once_the_stream_is_encrypted() {
    let mut open = terms();
    (open.start_tls, open.auth) = (Offer::Yes, Offer::Yes);
    let (near, far) = duplex(65_536);
    let server = async {
        let mut catcher = Catcher::default();
        let Ended::StartTls(stream) = serve(far, &mut catcher, &open).await else { panic!("not granted") };
        serve_upgraded(stream, &mut catcher, &open).await;
    };
    let client = async {
        let mut session = Session::open(near, &name(), Patience::default()).await.unwrap();
        let before = *session.capabilities();
        let early = session.auth_plain("news", "s3cret").await.unwrap_err().to_string();
        session.start_tls().await.unwrap();
        let mut session = Session::open_upgraded(session.into_stream(), &name(), Patience::default()).await.unwrap();
        let after = *session.capabilities();
        let twice = session.start_tls().await.unwrap_err().to_string();
        let login = session.auth_plain("news", "s3cret").await;
        session.quit().await;
        (before, early, after, twice, login)
    };
    let ((), (before, early, after, twice, login)) = tokio::join!(server, client);
    assert!(before.start_tls && !before.auth_plain && !before.auth_login);
    assert!(!after.start_tls && after.auth_plain && after.auth_login, "nothing said before is known after");
    assert_eq!(early, "Auth: 538 5.7.11 encryption is required for that");
    assert_eq!((twice.as_str(), login), ("StartTls: 502 5.5.1 not served here", Ok(())));
}

#[tokio::test(start_paused = true)]
async fn clients_without_extensions_are_served() {
    let mut old = terms();
    (old.ehlo, old.pipelining) = (Offer::No, Offer::No);
    for terms in [old, Terms { pipelining: Offer::No, ..terms() }] {
        let mut catcher = Catcher::default();
        let outcome = meet(terms, &mut catcher, async |mut session| send(&mut session, b"a\r\n").await).await;
        assert_eq!((outcome.as_str(), catcher.messages.len()), ("250 2.0.0 accepted", 1));
    }
}

/// How a connection ends early.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// So many octets reach the server; then writing fails.
    WritesFail(usize),
    /// So many octets reach the server; the rest is lost on the way, and no answer comes any more.
    WritesVanish(usize),
    /// So many octets of answers come; then the connection is closed.
    ReadsEnd(usize),
    /// So many octets of answers come; then silence.
    ReadsStop(usize),
}

/// A client's stream that is cut.
struct CutStream {
    inner: DuplexStream,
    written: usize,
    read: usize,
    cut: Cut,
}

impl AsyncRead for CutStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let left = match self.cut {
            Cut::ReadsEnd(at) | Cut::ReadsStop(at) => at - self.read,
            Cut::WritesVanish(at) if self.written > at => return Poll::Pending,
            _ => usize::MAX,
        };
        if left == 0 {
            return if let Cut::ReadsEnd(_) = self.cut { Poll::Ready(Ok(())) } else { Poll::Pending };
        }
        let mut octets = vec![0; left.min(buffer.remaining())];
        let mut part = ReadBuf::new(&mut octets);
        std::task::ready!(Pin::new(&mut self.inner).poll_read(context, &mut part))?;
        self.read += part.filled().len();
        buffer.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CutStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<std::io::Result<usize>> {
        let left = match self.cut {
            Cut::WritesFail(at) | Cut::WritesVanish(at) => at.saturating_sub(self.written),
            _ => usize::MAX,
        };
        if left == 0 {
            if let Cut::WritesFail(_) = self.cut {
                return Poll::Ready(Err(std::io::ErrorKind::BrokenPipe.into()));
            }
            self.written += octets.len();
            return Poll::Ready(Ok(octets.len()));
        }
        let octets = &octets[..left.min(octets.len())];
        let written = std::task::ready!(Pin::new(&mut self.inner).poll_write(context, octets))?;
        self.written += written;
        Poll::Ready(Ok(written))
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Sends three messages over a stream that is cut; what the client makes of each, and which the server has.
async fn send_three(terms: &Terms, cut: Cut) -> (Vec<Result<Reply, Trouble>>, Vec<bool>) {
    let (near, far) = duplex(65_536);
    let mut catcher = Catcher::default();
    let mut outcomes = Vec::new();
    let client = async {
        let stream = CutStream { inner: near, written: 0, read: 0, cut };
        let (from, to) = (ReversePath::Null, EnvelopeAddress::parse("ana@example.org").unwrap());
        let envelope = Envelope { from: &from, to: &to, message_bytes: None };
        let mut session = match Session::open(stream, &name(), Patience::default()).await {
            Ok(session) => session,
            Err(trouble) => return outcomes.push(Err(trouble)),
        };
        let mut begun = session.begin(&envelope).await;
        for n in 0..3 {
            let message = format!("n: {n}\r\n");
            let sent = match begun {
                Ok(()) => session.body(&[message.as_bytes()]).await,
                Err(trouble) => Err(trouble),
            };
            outcomes.push(match sent {
                Ok(()) if n < 2 => session.dot_and_begin(&envelope).await,
                Ok(()) => session.dot().await,
                Err(trouble) => Err(trouble),
            });
            begun = if n < 2 && !session.is_spent() { session.begun().await } else { Ok(()) };
            if session.is_spent() {
                outcomes.extend(begun.err().map(Err));
                return;
            }
        }
        session.quit().await;
    };
    tokio::join!(serve(far, &mut catcher, terms), client);
    let received = (0..3).map(|n| catcher.messages.iter().any(|(_, m)| *m == format!("n: {n}\r\n").into_bytes()));
    let received: Vec<bool> = received.collect();
    assert!(catcher.messages.len() == received.iter().filter(|had| **had).count(), "no message twice, none in pieces");
    (outcomes, received)
}

/// P3: wherever the connection is cut, a message that the server has is accepted or in doubt, never a safe retry; one that
/// is accepted is there; and at most one is in doubt.
#[tokio::test(start_paused = true)]
async fn a_cut_at_any_octet_leaves_at_most_one_doubt_and_no_false_certainty() {
    /// More than the dialogue has in either direction: the last cuts cut nothing.
    const OCTETS_MAX: usize = 600;
    let (mut doubts, mut whole) = (0, 0);
    for offer in [Offer::Yes, Offer::No] {
        let terms = Terms { pipelining: offer, ..terms() };
        for at in 0..OCTETS_MAX {
            for cut in [Cut::WritesFail(at), Cut::WritesVanish(at), Cut::ReadsEnd(at), Cut::ReadsStop(at)] {
                let (outcomes, received) = send_three(&terms, cut).await;
                for (n, was_received) in received.iter().enumerate() {
                    let outcome = outcomes.get(n);
                    let is_accepted = matches!(outcome, Some(Ok(_)));
                    let is_doubt = matches!(outcome, Some(Err(trouble)) if trouble.is_doubt());
                    assert!(
                        !was_received || is_accepted || is_doubt,
                        "{cut:?} {offer:?}: {n} would be sent twice: {outcome:?}"
                    );
                    assert!(!is_accepted || *was_received, "{cut:?} {offer:?}: {n} is lost");
                }
                let in_doubt = outcomes.iter().filter(|o| matches!(o, Err(trouble) if trouble.is_doubt())).count();
                assert!(in_doubt <= 1, "{cut:?} {offer:?}: {outcomes:?}");
                doubts += in_doubt;
                whole += usize::from(received == [true; 3] && in_doubt == 0);
            }
        }
    }
    assert!(doubts > 50 && whole > 50, "the cuts reached the dots and went beyond the end: {doubts} {whole}");
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn exactly_the_message_sent_is_seen_whatever_dots_it_holds(lines in proptest::collection::vec("[.a ]{0,4}", 1..12)) {
        let message = lines.join("\r\n") + "\r\n";
        let stuffed = stuff_dots(message.as_bytes()).unwrap();
        let mut catcher = Catcher::default();
        let outcomes = run(meet(terms(), &mut catcher, async |mut session| {
            (send(&mut session, &stuffed).await, send(&mut session, &stuffed).await)
        }));
        prop_assert_eq!(outcomes.0, "250 2.0.0 accepted");
        prop_assert_eq!(outcomes.1, "250 2.0.0 accepted");
        let caught: Vec<_> = catcher.messages.iter().map(|(_, m)| String::from_utf8_lossy(m).into_owned()).collect();
        prop_assert_eq!(caught, vec![message.clone(), message]);
    }

    #[test]
    fn the_cut_into_pieces_changes_nothing(body in "[.a\r\n]{0,10}", pieces in 1usize..30) {
        let octets = format!("{START}{body}\r\n.\r\nQUIT\r\n");
        let whole = run(feed(&[octets.as_bytes()], terms(), Catcher::default()));
        let chunks: Vec<&[u8]> = octets.as_bytes().chunks(pieces).collect();
        let cut = run(feed(&chunks, terms(), Catcher::default()));
        prop_assert_eq!(&whole.0, &cut.0);
        prop_assert_eq!(&whole.1, &cut.1);
        prop_assert_eq!(&whole.2.messages, &cut.2.messages);
        // What was caught has whole lines only.
        for (_, message) in &whole.2.messages {
            let text = String::from_utf8_lossy(message).replace("\r\n", "");
            prop_assert!(!text.contains(['\r', '\n']));
        }
    }

    #[test]
    fn any_octets_are_survived(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        run(feed(&[&octets], terms(), Catcher::default()));
        run(feed(&[START.as_bytes(), &octets], terms(), Catcher::default()));
    }
}
