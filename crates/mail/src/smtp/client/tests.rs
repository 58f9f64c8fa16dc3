//! The sending machine against scripted servers, octet by octet.

use tokio::io::{AsyncReadExt, DuplexStream, duplex};

use super::*;
use crate::test_clock::{lasting, wait};

/// One step of a scripted server.
enum Step {
    /// Hears exactly this.
    Hear(&'static str),
    /// Says this in one write.
    Say(&'static str),
    /// Says this one octet at a time.
    Drip(&'static str),
    /// Says this many octets of `x`, in reply lines.
    Flood(usize),
    /// Keeps silent until the client goes.
    Hang,
}
use Step::{Drip, Flood, Hang, Hear, Say};

/// Plays the script, closes unless it ends in [`Hang`], and returns what the client said beyond it.
async fn server(mut stream: DuplexStream, script: Vec<Step>) -> String {
    let hangs = matches!(script.last(), Some(Hang));
    for step in script {
        match step {
            Hear(expected) => {
                let mut heard = vec![0; expected.len()];
                stream.read_exact(&mut heard).await.expect("the client went away early");
                assert_eq!(String::from_utf8_lossy(&heard), expected);
            }
            Say(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Drip(text) => {
                for byte in text.bytes() {
                    stream.write_all(&[byte]).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
            // The client may hang up in the middle of it.
            Flood(bytes) => drop(stream.write_all("250-xxxxxxxxxxxx\r\n".repeat(bytes / 18).as_bytes()).await),
            Hang => {}
        }
    }
    let mut rest = Vec::new();
    if !hangs {
        stream.shutdown().await.unwrap();
    }
    let _ = stream.read_to_end(&mut rest).await;
    String::from_utf8(rest).unwrap()
}

const GREETING: [Step; 3] = [
    Say("220 mx.example ESMTP\r\n"),
    Hear("EHLO news.example\r\n"),
    Say("250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250 8BITMIME\r\n"),
];
const SLOW_GREETING: [Step; 3] =
    [Say("220 mx.example ESMTP\r\n"), Hear("EHLO news.example\r\n"), Say("250 mx.example\r\n")];
const COMMANDS: &str = "MAIL FROM:<b@news.example> SIZE=5\r\nRCPT TO:<ana@example.org>\r\nDATA\r\n";

fn name() -> HostName {
    HostName::parse("news.example").unwrap()
}

fn from() -> ReversePath {
    ReversePath::Address(EnvelopeAddress::parse("b@news.example").unwrap())
}

fn to() -> EnvelopeAddress {
    EnvelopeAddress::parse("ana@example.org").unwrap()
}

/// Runs a client against a script; returns the client's result and what the server heard beyond its script.
async fn play<T, F>(script: impl IntoIterator<Item = Step>, client: impl FnOnce(DuplexStream) -> F) -> (T, String)
where
    F: Future<Output = T>,
{
    let (near, far) = duplex(65_536);
    tokio::join!(client(near), server(far, script.into_iter().collect()))
}

/// As [`play`], but the server stays connected and silent after its script.
async fn play_silent<T, F>(
    script: impl IntoIterator<Item = Step>,
    client: impl FnOnce(DuplexStream) -> F,
) -> (T, String)
where
    F: Future<Output = T>,
{
    play(script.into_iter().chain([Hang]), client).await
}

async fn open(stream: DuplexStream) -> Session<DuplexStream> {
    Session::open(stream, &name(), Patience::default()).await.unwrap()
}

/// One whole message, as a caller sends it.
async fn send_one(session: &mut Session<DuplexStream>) -> Result<Reply, Trouble> {
    let (from, to) = (from(), to());
    session.begin(&Envelope { from: &from, to: &to, message_bytes: Some(5) }).await?;
    session.body(&[b"A: b\r\n", b"", b"\r\nc\r\n"]).await?;
    session.dot().await
}

async fn open_and_send(stream: DuplexStream) -> Result<Reply, Trouble> {
    send_one(&mut open(stream).await).await
}

fn with(greeting: [Step; 3], rest: impl IntoIterator<Item = Step>) -> Vec<Step> {
    greeting.into_iter().chain(rest).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_in_one_flight_where_pipelining_is_offered() {
    let script = with(
        GREETING,
        [
            Hear(COMMANDS),
            Say("250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n"),
            Hear("A: b\r\n\r\nc\r\n.\r\n"),
            Say("250 2.0.0 queued as 7\r\n"),
            Hear("QUIT\r\n"),
            Say("221 bye\r\n"),
        ],
    );
    let (reply, rest) = play(script, async |stream| {
        let mut session = open(stream).await;
        let reply = send_one(&mut session).await;
        session.quit().await;
        reply
    })
    .await;
    assert_eq!(reply.unwrap().to_string(), "250 2.0.0 queued as 7");
    assert_eq!(rest, "");
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_step_by_step_where_it_is_not() {
    let script = with(
        SLOW_GREETING,
        [
            Hear("MAIL FROM:<b@news.example>\r\n"),
            Say("250 ok\r\n"),
            Hear("RCPT TO:<ana@example.org>\r\n"),
            Say("251 will forward\r\n"),
            Hear("DATA\r\n"),
            Say("354 go\r\n"),
            Hear("A: b\r\n\r\nc\r\n.\r\n"),
            Say("250 ok\r\n"),
        ],
    );
    let (reply, rest) = play(script, open_and_send).await;
    assert_eq!(reply.unwrap().code, 250);
    assert_eq!(rest, "");
}

#[tokio::test(start_paused = true)]
async fn the_dot_travels_with_the_next_message_and_is_answered_alone() {
    let script = with(
        GREETING,
        [
            Hear(COMMANDS),
            Say("250 ok\r\n250 ok\r\n354 go\r\n"),
            Hear("one\r\n.\r\nMAIL FROM:<> SIZE=9\r\nRCPT TO:<ana@example.org>\r\nDATA\r\n"),
            Say("250 first\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
            Hear("two\r\n.\r\n"),
            Say("250 second\r\n"),
        ],
    );
    let (replies, rest) = play(script, async |stream| {
        let (from, to) = (from(), to());
        let mut session = open(stream).await;
        session.begin(&Envelope { from: &from, to: &to, message_bytes: Some(5) }).await.unwrap();
        session.body(&[b"one\r\n"]).await.unwrap();
        let next = Envelope { from: &ReversePath::Null, to: &to, message_bytes: Some(9) };
        let first = session.dot_and_begin(&next).await.unwrap();
        session.begun().await.unwrap();
        session.body(&[b"two\r\n"]).await.unwrap();
        (first, session.dot().await.unwrap())
    })
    .await;
    assert_eq!((replies.0.text, replies.1.text), ("first".into(), "second".into()));
    assert_eq!(rest, "");
}

#[tokio::test(start_paused = true)]
async fn without_pipelining_the_next_message_waits_for_the_answer_to_the_dot() {
    let script = with(
        SLOW_GREETING,
        [
            Hear("MAIL FROM:<b@news.example>\r\n"),
            Say("250 ok\r\n"),
            Hear("RCPT TO:<ana@example.org>\r\n"),
            Say("250 ok\r\n"),
            Hear("DATA\r\n"),
            Say("354 go\r\n"),
            Hear("one\r\n.\r\n"),
            Say("450 not now\r\n"),
            Hear("MAIL FROM:<b@news.example>\r\n"),
            Say("250 ok\r\n"),
            Hear("RCPT TO:<ana@example.org>\r\n"),
            Say("250 ok\r\n"),
            Hear("DATA\r\n"),
            Say("354 go\r\n"),
        ],
    );
    let (dot, rest) = play(script, async |stream| {
        let (from, to) = (from(), to());
        let envelope = Envelope { from: &from, to: &to, message_bytes: None };
        let mut session = open(stream).await;
        session.begin(&envelope).await.unwrap();
        session.body(&[b"one\r\n"]).await.unwrap();
        let dot = session.dot_and_begin(&envelope).await;
        session.begun().await.unwrap();
        dot
    })
    .await;
    let trouble = dot.unwrap_err();
    assert_eq!(trouble.to_string(), "Dot: 450 not now");
    assert!(!trouble.is_doubt());
    assert_eq!(rest, "");
}

#[tokio::test(start_paused = true)]
async fn an_old_server_is_greeted_with_helo() {
    let script = [
        Say("220 old\r\n"),
        Hear("EHLO news.example\r\n"),
        Say("502 what\r\n"),
        Hear("HELO news.example\r\n"),
        Say("250 old\r\n"),
    ];
    let (capabilities, _) = play(script, async |stream| *open(stream).await.capabilities()).await;
    assert_eq!(capabilities, Capabilities::default());
}

#[tokio::test(start_paused = true)]
async fn capabilities_are_read_in_any_case() {
    let script = [
        Say("220 mx\r\n"),
        Hear("EHLO news.example\r\n"),
        Say(
            "250-PIPELINING is my name\r\n250-size 0\r\n250-StartTLS\r\n250-AUTH LOGIN PLAIN XOAUTH2\r\n250-SMTPUTF8\r\n250-X\r\n250 \r\n",
        ),
    ];
    let (capabilities, _) = play(script, async |stream| *open(stream).await.capabilities()).await;
    let expected = Capabilities {
        start_tls: true,
        smtp_utf8: true,
        size: true,
        auth_plain: true,
        auth_login: true,
        ..Capabilities::default()
    };
    assert_eq!(capabilities, expected);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_will_not_talk_says_so_in_the_banner() {
    for (say, expected) in [
        ("421 4.3.2 later\r\n", "Banner: 421 4.3.2 later"),
        ("554 5.7.1 go away\r\n", "Banner: 554 5.7.1 go away"),
        ("HTTP/1.1 400 Bad Request\r\n", "Banner: a reply without a code"),
        ("354 eh\r\n", "Banner: an answer to another question"),
        ("", "Banner: the connection is closed"),
    ] {
        let open = async |stream| Session::open(stream, &name(), Patience::default()).await.map(|_| ());
        let (opened, rest) = play([Say(say)], open).await;
        assert_eq!((opened.unwrap_err().to_string().as_str(), rest.as_str()), (expected, ""));
    }
}

#[tokio::test(start_paused = true)]
async fn replies_in_single_octets_are_understood() {
    let script = [
        Drip("220 mx.example ESMTP\r\n"),
        Hear("EHLO news.example\r\n"),
        Drip("250-mx.example\r\n250-PIPELINING\r\n250 SIZE\r\n"),
        Hear(COMMANDS),
        Drip("250 ok\r\n250 ok\r\n354 go\r\n"),
        Hear("A: b\r\n\r\nc\r\n.\r\n"),
        Drip("250-2.0.0 all\r\n250 2.0.0 well\r\n"),
    ];
    let (reply, _) = play(script, open_and_send).await;
    assert_eq!(reply.unwrap().to_string(), "250 2.0.0 all well");
}

/// Sends one message; the answers to the flight are `answers`, and the server closes after them unless it waits.
async fn refused(answers: &'static str) -> (Trouble, bool, String) {
    let ((trouble, is_spent), rest) = play_silent(with(GREETING, [Hear(COMMANDS), Say(answers)]), async |stream| {
        let mut session = open(stream).await;
        let trouble = send_one(&mut session).await.unwrap_err();
        (trouble, session.is_spent())
    })
    .await;
    (trouble, is_spent, rest)
}

#[tokio::test(start_paused = true)]
async fn the_first_refusal_tells_the_phase() {
    for (answers, expected, spent) in [
        ("550 5.1.8 who\r\n503 no\r\n503 no\r\n", "Mail: 550 5.1.8 who", false),
        ("250 ok\r\n450 4.2.0 greylisted\r\n554 nobody\r\n", "Rcpt: 450 4.2.0 greylisted", false),
        ("250 ok\r\n250 ok\r\n451 disk\r\n", "Data: 451 disk", false),
        ("421 bye\r\n", "Mail: 421 bye", true),
        ("250 ok\r\n421 bye\r\n", "Rcpt: 421 bye", true),
        ("250 ok\r\n250 ok\r\n421 bye\r\n", "Data: 421 bye", true),
        ("250 ok\r\n550 no\r\n421 bye\r\n", "Rcpt: 550 no", true),
        ("354 eh\r\n", "Mail: an answer to another question", true),
        ("250 ok\r\n250 ok\r\n250 eh\r\n", "Data: an answer to another question", true),
        // RFC 2920 §3.1: data for nobody. No dot leaves.
        ("250 ok\r\n550 no\r\n354 go\r\n", "Rcpt: 550 no", true),
        ("550 no\r\n250 ok\r\n354 go\r\n", "Mail: 550 no", true),
        ("250 ok\r\nhello\r\n", "Rcpt: a reply without a code", true),
    ] {
        let (trouble, is_spent, rest) = refused(answers).await;
        assert_eq!((trouble.to_string().as_str(), is_spent), (expected, spent), "{answers:?}");
        assert!(!trouble.is_doubt());
        assert_eq!(rest, "", "after {answers:?} nothing more may leave");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_before_the_connection_closed_is_what_counts() {
    let script = with(GREETING, [Hear(COMMANDS), Say("250 ok\r\n550 5.7.1 no\r\n")]);
    let (sent, _) = play(script, open_and_send).await;
    assert_eq!(sent.unwrap_err().to_string(), "Rcpt: 550 5.7.1 no");
}

#[tokio::test(start_paused = true)]
async fn after_a_refused_recipient_rset_goes_first() {
    let script = with(
        GREETING,
        [
            Hear(COMMANDS),
            Say("250 ok\r\n550 no\r\n554 nobody\r\n"),
            Hear("RSET\r\nMAIL FROM:<b@news.example> SIZE=5\r\nRCPT TO:<ana@example.org>\r\nDATA\r\n"),
            Say("250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
            Hear("A: b\r\n\r\nc\r\n.\r\n"),
            Say("250 ok\r\n"),
        ],
    );
    let (sent, rest) = play(script, async |stream| {
        let mut session = open(stream).await;
        send_one(&mut session).await.unwrap_err();
        send_one(&mut session).await
    })
    .await;
    assert_eq!(sent.unwrap().code, 250);
    assert_eq!(rest, "");
}

#[tokio::test(start_paused = true)]
async fn a_503_on_reuse_is_told_and_the_session_can_be_reset() {
    let script = with(
        GREETING,
        [
            Hear(COMMANDS),
            Say("503 5.5.1 RSET first\r\n503 no\r\n503 no\r\n"),
            Hear("RSET\r\n"),
            Say("250 ok\r\n"),
            Hear(COMMANDS),
            Say("250 ok\r\n250 ok\r\n354 go\r\n"),
            Hear("A: b\r\n\r\nc\r\n.\r\n"),
            Say("250 ok\r\n"),
        ],
    );
    let (sent, _) = play(script, async |stream| {
        let mut session = open(stream).await;
        assert_eq!(send_one(&mut session).await.unwrap_err().to_string(), "Mail: 503 5.5.1 RSET first");
        session.rset().await.unwrap();
        send_one(&mut session).await
    })
    .await;
    assert_eq!(sent.unwrap().code, 250);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_after_one_message_leaves_the_next_without_doubt() {
    let script = with(
        GREETING,
        [
            Hear(COMMANDS),
            Say("250 ok\r\n250 ok\r\n354 go\r\n"),
            Hear("one\r\n.\r\nMAIL FROM:<b@news.example>\r\nRCPT TO:<ana@example.org>\r\nDATA\r\n"),
            Say("250 first and last\r\n"),
        ],
    );
    let ((first, second, third), _) = play(script, async |stream| {
        let (from, to) = (from(), to());
        let mut session = open(stream).await;
        session.begin(&Envelope { from: &from, to: &to, message_bytes: Some(5) }).await.unwrap();
        session.body(&[b"one\r\n"]).await.unwrap();
        let first = session.dot_and_begin(&Envelope { from: &from, to: &to, message_bytes: None }).await;
        let second = session.begun().await;
        assert!(session.is_spent());
        (first, second, session.body(&[b"two\r\n"]).await)
    })
    .await;
    assert_eq!(first.unwrap().text, "first and last");
    assert_eq!(second.unwrap_err(), Trouble::new(Phase::Mail, What::Closed));
    assert_eq!(third.unwrap_err(), Trouble::new(Phase::Body, What::Closed));
}

#[tokio::test(start_paused = true)]
async fn no_dot_leaves_when_something_was_said_before_it() {
    for (early, expected) in [
        ("250 2.0.0 already\r\n", "Body: an answer before the final dot"),
        ("421 4.4.2 idle\r\n", "Body: 421 4.4.2 idle"),
        ("552 5.3.4 too big\r\n", "Body: 552 5.3.4 too big"),
    ] {
        // Given with the 354, and given after the body came.
        for is_with_354 in [true, false] {
            let (near, far) = duplex(65_536);
            let lie = async move {
                let mut far = far;
                for step in GREETING {
                    match step {
                        Say(text) => far.write_all(text.as_bytes()).await.unwrap(),
                        Hear(text) => drop(far.read_exact(&mut vec![0; text.len()]).await.unwrap()),
                        _ => unreachable!(),
                    }
                }
                far.read_exact(&mut vec![0; COMMANDS.len()]).await.unwrap();
                let answers = format!("250 ok\r\n250 ok\r\n354 go\r\n{}", if is_with_354 { early } else { "" });
                far.write_all(answers.as_bytes()).await.unwrap();
                far.read_exact(&mut [0; 11]).await.unwrap();
                if !is_with_354 {
                    far.write_all(early.as_bytes()).await.unwrap();
                }
                let mut rest = Vec::new();
                far.read_to_end(&mut rest).await.unwrap();
                rest
            };
            let client = async move {
                let mut session = open(near).await;
                let (from, to) = (from(), to());
                session.begin(&Envelope { from: &from, to: &to, message_bytes: Some(5) }).await.unwrap();
                session.body(&[b"A: b\r\n\r\nc\r\n"]).await.unwrap();
                // The caller makes its mark; time passes.
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                session.dot().await.unwrap_err()
            };
            let (rest, trouble) = tokio::join!(lie, client);
            assert_eq!(trouble.to_string(), expected);
            assert_eq!(rest, b"", "no dot after {early:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_closed_before_the_dot_is_no_doubt_and_after_it_is() {
    let before = with(GREETING, [Hear(COMMANDS), Say("250 ok\r\n250 ok\r\n354 go\r\n"), Hear("A: b\r\n\r\nc\r\n")]);
    let (trouble, rest) = play(before, async |stream| {
        let (from, to) = (from(), to());
        let mut session = open(stream).await;
        session.begin(&Envelope { from: &from, to: &to, message_bytes: Some(5) }).await.unwrap();
        session.body(&[b"A: b\r\n\r\nc\r\n"]).await.unwrap();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        session.dot().await.unwrap_err()
    })
    .await;
    assert_eq!((trouble.clone(), trouble.is_doubt()), (Trouble::new(Phase::Body, What::Closed), false));
    assert_eq!(rest, "");

    let after = with(GREETING, [Hear(COMMANDS), Say("250 ok\r\n250 ok\r\n354 go\r\n"), Hear("A: b\r\n\r\nc\r\n.\r\n")]);
    let (sent, _) = play(after, open_and_send).await;
    let trouble = sent.unwrap_err();
    assert_eq!((trouble.clone(), trouble.is_doubt()), (Trouble::new(Phase::Dot, What::Closed), true));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_plain_yes_or_no_after_the_dot_is_doubt() {
    for (answer, expected) in [
        ("354 go on\r\n", "Dot: an answer to another question"),
        ("250-ok\r\n550 no\r\n", "Dot: a reply with two codes"),
        ("garbage\r\n", "Dot: a reply without a code"),
    ] {
        let script = with(
            GREETING,
            [Hear(COMMANDS), Say("250 ok\r\n250 ok\r\n354 go\r\n"), Hear("A: b\r\n\r\nc\r\n.\r\n"), Say(answer)],
        );
        let (sent, _) = play(script, open_and_send).await;
        let trouble = sent.unwrap_err();
        assert_eq!((trouble.to_string().as_str(), trouble.is_doubt()), (expected, true));
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_waited_out_as_the_rfc_says() {
    let greet = async |stream| Session::open(stream, &name(), Patience::default()).await.map(|_| ());
    let (opened, _) = lasting(300, play_silent([], greet)).await;
    assert_eq!(opened.unwrap_err(), Trouble::new(Phase::Banner, What::Timeout));

    for (answers, message, phase, seconds) in [
        ("", "", Phase::Mail, 300),
        ("250 ok\r\n", "", Phase::Rcpt, 300),
        ("250 ok\r\n250 ok\r\n", "", Phase::Data, 120),
        ("250 ok\r\n250 ok\r\n354 go\r\n", "A: b\r\n\r\nc\r\n.\r\n", Phase::Dot, 600),
    ] {
        let script = with(GREETING, [Hear(COMMANDS), Say(answers), Hear(message)]);
        let (sent, _) = lasting(seconds, play_silent(script, open_and_send)).await;
        let trouble = sent.unwrap_err();
        assert_eq!(trouble.is_doubt(), phase == Phase::Dot);
        assert_eq!(trouble, Trouble::new(phase, What::Timeout));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_reading_the_body_is_left_without_doubt() {
    let (near, far) = duplex(256);
    let client = async {
        let (from, to) = (from(), to());
        let mut session = open(near).await;
        session.begin(&Envelope { from: &from, to: &to, message_bytes: Some(5) }).await.unwrap();
        let line = [b"x".repeat(70), b"\r\n".to_vec()].concat();
        session.body(&[&line.repeat(100)]).await.unwrap_err()
    };
    let deaf = async {
        let mut far = far;
        for text in ["220 mx\r\n", "250-mx\r\n250-SIZE\r\n250 PIPELINING\r\n", "250 ok\r\n250 ok\r\n354 go\r\n"] {
            far.write_all(text.as_bytes()).await.unwrap();
            if text.starts_with("220") {
                far.read_exact(&mut [0; 19]).await.unwrap();
            } else if text.starts_with("250-") {
                far.read_exact(&mut vec![0; COMMANDS.len()]).await.unwrap();
            }
        }
        wait(Duration::from_secs(3_600)).await;
        far
    };
    let (trouble, _far) = tokio::join!(client, deaf);
    assert_eq!(trouble, Trouble::new(Phase::Body, What::Timeout));
}

/// What a server hears of a message that it stops reading at the end of a line, once it reads on, long after.
async fn heard_after_a_stall(slip: Option<Slip>) -> String {
    let line = [b"x".repeat(70), b"\r\n".to_vec()].concat();
    let (near, far) = duplex(3 * line.len());
    let client = async {
        let (from, to) = (from(), to());
        let mut session = open(near).await;
        session.slip = slip;
        session.begin(&Envelope { from: &from, to: &to, message_bytes: Some(5) }).await.unwrap();
        if session.body(&[&line.repeat(100)]).await.is_ok() {
            // Nobody answers; what counts is what was heard.
            let _unanswered = session.dot().await;
        }
    };
    let stalled = async {
        let mut far = far;
        far.write_all(b"220 mx\r\n").await.unwrap();
        far.read_exact(&mut [0; 19]).await.unwrap();
        far.write_all(b"250-mx\r\n250-SIZE\r\n250 PIPELINING\r\n").await.unwrap();
        far.read_exact(&mut vec![0; COMMANDS.len()]).await.unwrap();
        far.write_all(b"250 ok\r\n250 ok\r\n354 go\r\n").await.unwrap();
        wait(Duration::from_secs(200)).await;
        let mut heard = String::new();
        far.read_to_string(&mut heard).await.unwrap();
        heard
    };
    tokio::join!(client, stalled).1
}

#[tokio::test(start_paused = true)]
async fn a_body_that_could_not_be_written_never_gets_its_dot_and_a_planted_one_is_seen() {
    assert!(!heard_after_a_stall(None).await.contains("\r\n.\r\n"));
    let cut = heard_after_a_stall(Some(Slip::DotAfterFailedWrite)).await;
    assert!(cut.ends_with("x\r\n.\r\n"), "{cut:?}");
}

/// With what the next transaction begins when a server has kept the recipient of one that did not come to DATA.
async fn opens_the_next_with(slip: Option<Slip>) -> String {
    let script = with(GREETING, [Hear(COMMANDS), Say("250 ok\r\n250 ok\r\n450 not now\r\n")]);
    let (_, rest) = play(script, async |stream| {
        let mut session = open(stream).await;
        session.slip = slip;
        send_one(&mut session).await.unwrap_err();
        send_one(&mut session).await.unwrap_err()
    })
    .await;
    rest.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_recipient_that_was_kept_is_taken_back_before_the_next_and_a_planted_omission_is_seen() {
    assert_eq!(opens_the_next_with(None).await, "RSET");
    assert!(opens_the_next_with(Some(Slip::NoReset)).await.starts_with("MAIL"));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_could_end_early_is_not_sent() {
    for body in ["a\r\n.\r\nMAIL FROM:<x@y>\r\n", ".\r\n", "a\n.\n", "é\r\n", "a", ""] {
        let (trouble, rest) =
            play_silent(with(GREETING, [Hear(COMMANDS), Say("250 ok\r\n250 ok\r\n354 go\r\n")]), async |stream| {
                let (from, to) = (from(), to());
                let mut session = open(stream).await;
                session.begin(&Envelope { from: &from, to: &to, message_bytes: Some(5) }).await.unwrap();
                session.body(&[body.as_bytes()]).await.unwrap_err()
            })
            .await;
        assert_eq!(trouble.phase, Phase::Body);
        assert!(matches!(trouble.what, What::Protocol(_)));
        assert_eq!(rest, "", "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_message_ends_without_a_dot() {
    let script = with(GREETING, [Hear(COMMANDS), Say("250 ok\r\n250 ok\r\n354 go\r\n"), Hear("A: b\r\n\r\nc\r\n")]);
    let ((), rest) = play_silent(script, async |stream| {
        let (from, to) = (from(), to());
        let mut session = open(stream).await;
        session.begin(&Envelope { from: &from, to: &to, message_bytes: Some(5) }).await.unwrap();
        session.body(&[b"A: b\r\n\r\nc\r\n"]).await.unwrap();
        session.abandon();
    })
    .await;
    assert_eq!(rest, "");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_leaves_the_session_spent() {
    let (near, far) = duplex(65_536);
    let client = async {
        let mut session = open(near).await;
        let cancelled = tokio::time::timeout(Duration::from_secs(1), send_one(&mut session)).await;
        assert!(cancelled.is_err() && session.is_spent());
        let (from, to) = (from(), to());
        session.begin(&Envelope { from: &from, to: &to, message_bytes: None }).await.unwrap_err()
    };
    let (trouble, _) = tokio::join!(client, server(far, with(GREETING, [Hear(COMMANDS), Hang])));
    assert_eq!(trouble, Trouble::new(Phase::Mail, What::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_reply_of_40_kb_is_cut_and_an_endless_one_ends_the_session() {
    for (bytes, expected) in [(40_000, "welcome"), (100_000, "Ehlo: a reply without end")] {
        let script = [Say("220 mx\r\n"), Hear("EHLO news.example\r\n"), Flood(bytes), Say("250 end\r\n")];
        let (outcome, _) = play(script, async |stream| {
            let opened = Session::open(stream, &name(), Patience::default()).await;
            opened.map_or_else(|trouble| trouble.to_string(), |_| "welcome".to_owned())
        })
        .await;
        assert_eq!(outcome, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_goes_as_plain_or_login() {
    let plain = with(GREETING, [Hear("AUTH PLAIN AG5ld3MAczNjcmV0\r\n"), Say("235 2.7.0 in\r\n")]);
    let (done, _) = play(plain, async |stream| open(stream).await.auth_plain("news", "s3cret").await).await;
    done.unwrap();

    let login = with(
        GREETING,
        [
            Hear("AUTH LOGIN\r\n"),
            Say("334 VXNlcm5hbWU6\r\n"),
            Hear("bmV3cw==\r\n"),
            Say("334 UGFzc3dvcmQ6\r\n"),
            Hear("czNjcmV0\r\n"),
            Say("235 in\r\n"),
        ],
    );
    let (done, _) = play(login, async |stream| open(stream).await.auth_login("news", "s3cret").await).await;
    done.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_told_and_leaves_the_session_usable() {
    let script = with(GREETING, [Hear("AUTH PLAIN AG5ld3MAd3Jvbmc=\r\n"), Say("535 5.7.8 no\r\n")]);
    let ((trouble, is_spent), _) = play(script, async |stream| {
        let mut session = open(stream).await;
        (session.auth_plain("news", "wrong").await.unwrap_err(), session.is_spent())
    })
    .await;
    assert_eq!((trouble.to_string().as_str(), is_spent), ("Auth: 535 5.7.8 no", false));
    let endless = with(
        GREETING,
        [Hear("AUTH LOGIN\r\n"), Say("334 \r\n334 \r\n334 \r\n334 \r\n334 \r\n"), Hear("bmV3cw==\r\nczNjcmV0\r\n")],
    );
    let (outcome, _) = play(endless, async |stream| open(stream).await.auth_login("news", "s3cret").await).await;
    assert_eq!(outcome.unwrap_err().to_string(), "Auth: AUTH without end");
}

#[tokio::test(start_paused = true)]
async fn encryption_is_asked_for_and_planted_octets_are_refused() {
    let script = with(GREETING, [Hear("STARTTLS\r\n"), Say("220 go\r\n"), Hear("hello"), Say("world")]);
    let (heard, _) = play(script, async |stream| {
        let mut session = open(stream).await;
        session.start_tls().await.unwrap();
        let mut stream = session.into_stream();
        stream.write_all(b"hello").await.unwrap();
        let mut heard = [0; 5];
        stream.read_exact(&mut heard).await.unwrap();
        heard
    })
    .await;
    assert_eq!(&heard, b"world");

    let planted = with(GREETING, [Hear("STARTTLS\r\n"), Say("220 go\r\n250 planted\r\n")]);
    let ((trouble, is_spent), _) = play(planted, async |stream| {
        let mut session = open(stream).await;
        (session.start_tls().await.unwrap_err(), session.is_spent())
    })
    .await;
    assert_eq!(trouble.to_string(), "StartTls: octets in the clear after STARTTLS was granted");
    assert!(is_spent);

    let refused =
        with(GREETING, [Hear("STARTTLS\r\n"), Say("454 4.7.0 not now\r\n"), Hear("RSET\r\n"), Say("250 ok\r\n")]);
    let ((), _) = play(refused, async |stream| {
        let mut session = open(stream).await;
        assert_eq!(session.start_tls().await.unwrap_err().to_string(), "StartTls: 454 4.7.0 not now");
        session.rset().await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_of_the_dialogue_shows_in_a_log() {
    let script = with(
        GREETING,
        [
            Hear("AUTH PLAIN AG5ld3MAczNjcmV0\r\n"),
            Say("235 in\r\n"),
            Hear(COMMANDS),
            Say("550 no\r\n503 no\r\n503 no\r\n"),
        ],
    );
    let (shown, _) = play(script, async |stream| {
        let mut session = open(stream).await;
        session.auth_plain("news", "s3cret").await.unwrap();
        let trouble = send_one(&mut session).await.unwrap_err();
        format!("{session:?} {trouble:?}")
    })
    .await;
    assert!(!shown.contains("ana@") && !shown.contains("czNjcmV0") && !shown.contains("s3cret"), "{shown}");
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "a dot needs a written body")]
async fn a_dot_without_a_body_is_a_broken_promise() {
    let script = with(GREETING, [Hear(COMMANDS), Say("250 ok\r\n250 ok\r\n354 go\r\n")]);
    play_silent(script, async |stream| {
        let (from, to) = (from(), to());
        let mut session = open(stream).await;
        session.begin(&Envelope { from: &from, to: &to, message_bytes: Some(5) }).await.unwrap();
        session.dot().await.unwrap();
    })
    .await;
}
