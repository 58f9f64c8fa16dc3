//! The way to a relay, with both sides ours: encrypted or not at all, certificates checked, passwords never in the clear.

use std::sync::{Arc, Mutex};

use mail::address::{EnvelopeAddress, HostName, ReversePath};
use mail::smtp::client::{Envelope, Patience};
use mail::smtp::server::{Answer, Ended, Offer, Received, Receiver, Terms, serve, serve_upgraded};
use mail::smtp::{Enhanced, Reply};
use post::circuit::{Fault, FaultKind};
use post::route::{Encryption, Login, Relay, Unreached};
use seal::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use world::simulated::{self, Internet};
use world::tls::Tls;
use world::{Stream, Target, World};

/// 2027-01-01, when the certificate is good; 2030-01-01, when it has expired. It begins in November 2026.
const IN_TIME: i64 = 1_798_761_600_000;
const EXPIRED: i64 = 1_893_456_000_000;

/// What the relay heard, in order.
type Heard = Arc<Mutex<Vec<String>>>;

struct Ear(Heard);

impl Ear {
    fn note(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }
}

impl Receiver for Ear {
    async fn auth(&mut self, name: &str, secret: &str) -> Answer {
        self.note(format!("login {name} {secret}"));
        let wrong = Reply::new(535, Enhanced::new(5, 7, 8), "authentication failed");
        if secret == "s3cret" { Answer::Usual } else { Answer::Reply(wrong) }
    }
    async fn mail(&mut self, from: &str) -> Answer {
        self.note(format!("mail {from}"));
        Answer::Usual
    }
    async fn message(&mut self, _: &Received, message: &[u8]) -> Answer {
        self.note(format!("message of {}", message.len()));
        Answer::Usual
    }
}

/// How a relay keeps its door.
#[derive(Clone, Copy)]
enum Door {
    /// STARTTLS offered, and logins once it is used.
    StartTls,
    /// TLS from the first octet.
    Implicit,
    /// No encryption; logins offered as they are.
    Plain,
    /// The same without logins.
    NoLogin,
}

fn acceptor() -> TlsAcceptor {
    let key = include_bytes!("../../world/tests/tls/leaf.key.der").to_vec();
    let leaf = include_bytes!("../../world/tests/tls/leaf.der").to_vec().into();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf], key.try_into().unwrap())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn authority() -> rustls::RootCertStore {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(include_bytes!("../../world/tests/tls/ca.der").to_vec().into()).unwrap();
    roots
}

/// A relay at `host`; what it hears.
fn open_door(net: &Internet, host: &str, door: Door) -> Heard {
    let heard = Heard::default();
    let (told, acceptor) = (heard.clone(), acceptor());
    net.serve(host, 587, move |stream, _| {
        let (told, acceptor) = (told.clone(), acceptor.clone());
        async move { answer(stream, &mut Ear(told), &acceptor, door).await }
    });
    heard
}

async fn answer(stream: Stream, ear: &mut Ear, acceptor: &TlsAcceptor, door: Door) {
    let offer = |yes| if yes { Offer::Yes } else { Offer::No };
    let mut terms = Terms::new(HostName::parse("harbour.example").unwrap());
    terms.start_tls = offer(matches!(door, Door::StartTls));
    terms.auth = offer(!matches!(door, Door::NoLogin));
    // A client that does not trust us goes away in the middle of the handshake.
    if matches!(door, Door::Implicit) {
        let Ok(secured) = acceptor.accept(stream).await else { return };
        serve(Stream::new(secured, None), ear, &terms).await;
    } else if let Ended::StartTls(stream) = serve(stream, ear, &terms).await {
        let Ok(secured) = acceptor.accept(stream).await else { return };
        serve_upgraded(Stream::new(secured, None), ear, &terms).await;
    }
}

fn relay(host: &str, encryption: Encryption, login: Option<&str>) -> Relay {
    Relay {
        target: Target::Host { host: host.into(), port: 587 },
        source: None,
        encryption,
        ehlo: HostName::parse("courier.example").unwrap(),
        login: login.map(|secret| Login { name: "news".into(), secret: Secret::new(secret.to_owned()) }),
        patience: Patience::default(),
    }
}

fn trusting(world: &World) -> Tls {
    Tls::trusting(world, authority())
}

/// Opens a connection and sends one message; what the relay heard, or why nothing was sent.
async fn send(world: &World, relay: &Relay) -> Result<(), Unreached> {
    let mut session = relay.open(world).await?;
    let from = ReversePath::Address(EnvelopeAddress::parse("b@courier.example").unwrap());
    let to = EnvelopeAddress::parse("ana@example.org").unwrap();
    session.begin(&Envelope { from: &from, to: &to, message_bytes: None }).await.unwrap();
    session.body(&[b"Subject: news\r\n\r\n", b"Good morning\r\n"]).await.unwrap();
    session.dot().await.unwrap();
    session.quit().await;
    Ok(())
}

fn fault(outcome: Result<(), Unreached>) -> Fault {
    Fault::of_unreached(&outcome.expect_err("nothing can be sent"))
}

#[tokio::test(start_paused = true)]
async fn mail_and_password_travel_encrypted() {
    for door in [Door::StartTls, Door::Implicit] {
        let net = Internet::new();
        let heard = open_door(&net, "harbour.example", door);
        let world = simulated::world_at(1, IN_TIME, net);
        let tls = trusting(&world);
        let encryption =
            if matches!(door, Door::Implicit) { Encryption::Implicit(tls) } else { Encryption::StartTls(tls) };
        send(&world, &relay("harbour.example", encryption, Some("s3cret"))).await.unwrap();
        let expected = ["login news s3cret", "mail b@courier.example", "message of 31"];
        assert_eq!(*heard.lock().unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn encryption_that_was_asked_for_is_never_done_without() {
    let net = Internet::new();
    let heard = open_door(&net, "harbour.example", Door::Plain);
    net.serve("stripped.example", 587, |mut stream, _| async move {
        stream.write_all(b"220 a\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
        stream.write_all(b"250-a\r\n250 STARTTLS\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
        // RFC 3207 §4.
        stream.write_all(b"454 4.7.0 TLS not available\r\n").await.unwrap();
        assert_eq!(stream.read(&mut [0; 512]).await.unwrap(), 0, "nothing more is said in the clear");
    });
    let world = simulated::world_at(1, IN_TIME, net);
    let starting = |host| relay(host, Encryption::StartTls(trusting(&world)), Some("s3cret"));
    let none = fault(send(&world, &starting("harbour.example")).await);
    assert_eq!((none.kind, none.why.as_str()), (FaultKind::NoStartTls, "it offers no STARTTLS"));
    assert_eq!(fault(send(&world, &starting("stripped.example")).await).kind, FaultKind::NoStartTls);
    let implicit = relay("harbour.example", Encryption::Implicit(trusting(&world)), Some("s3cret"));
    let plain = fault(send(&world, &implicit).await);
    assert_eq!(plain.why, "what answers there does not speak TLS on this port");
    assert_eq!(*heard.lock().unwrap(), [""; 0], "neither password nor mail was sent");
}

#[tokio::test(start_paused = true)]
async fn octets_planted_after_the_grant_are_a_fault() {
    let net = Internet::new();
    net.serve("harbour.example", 587, |mut stream, _| async move {
        stream.write_all(b"220 a\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
        stream.write_all(b"250-a\r\n250 STARTTLS\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
        // CVE-2011-0411, turned against the client.
        stream.write_all(b"220 go ahead\r\n250-a\r\n250 AUTH PLAIN\r\n").await.unwrap();
        assert_eq!(stream.read(&mut [0; 512]).await.unwrap(), 0);
    });
    let world = simulated::world_at(1, IN_TIME, net);
    let planted = relay("harbour.example", Encryption::StartTls(trusting(&world)), Some("s3cret"));
    let fault = fault(send(&world, &planted).await);
    assert_eq!(fault.kind, FaultKind::Insecure);
    assert!(fault.why.contains("octets in the clear after STARTTLS"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_good_for_the_name_today_and_from_somebody_known() {
    for (start, host, known, expected) in [
        (IN_TIME, "other.example", true, "its certificate is for another name (harbour.example)"),
        (IN_TIME, "harbour.example", false, "its certificate is signed by nobody whom we know"),
        (EXPIRED, "harbour.example", true, "its certificate expired on 2027-11-24 08:22 UTC"),
        (simulated::START, "harbour.example", true, "its certificate is good only from 2026-11-24 08:22 UTC on"),
    ] {
        for door in [Door::StartTls, Door::Implicit] {
            let net = Internet::new();
            let heard = open_door(&net, host, door);
            let world = simulated::world_at(1, start, net);
            let tls = if known { trusting(&world) } else { Tls::public(&world) };
            let encryption =
                if matches!(door, Door::Implicit) { Encryption::Implicit(tls) } else { Encryption::StartTls(tls) };
            let fault = fault(send(&world, &relay(host, encryption, Some("s3cret"))).await);
            assert_eq!((fault.kind, fault.why.as_str()), (FaultKind::Insecure, expected));
            assert_eq!(*heard.lock().unwrap(), [""; 0]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_goes_in_the_clear_to_this_machine_alone() {
    let net = Internet::new();
    let far = open_door(&net, "harbour.example", Door::Plain);
    let here = open_door(&net, "127.0.0.1", Door::Plain);
    let world = simulated::world_at(1, IN_TIME, net);
    let fault = fault(send(&world, &relay("harbour.example", Encryption::None, Some("s3cret"))).await);
    assert_eq!(fault.kind, FaultKind::ClearLogin);
    assert_eq!(far.lock().unwrap().len(), 0);
    send(&world, &relay("127.0.0.1", Encryption::None, Some("s3cret"))).await.unwrap();
    assert_eq!(here.lock().unwrap().len(), 3);
    // Without a password mail may go in the clear, if a person said so.
    send(&world, &relay("harbour.example", Encryption::None, None)).await.unwrap();
    assert_eq!(*far.lock().unwrap(), ["mail b@courier.example", "message of 31"]);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_fails_is_told_as_one() {
    let net = Internet::new();
    open_door(&net, "127.0.0.1", Door::Plain);
    open_door(&net, "127.0.0.2", Door::NoLogin);
    let world = simulated::world_at(1, IN_TIME, net);
    let wrong = fault(send(&world, &relay("127.0.0.1", Encryption::None, Some("wrong"))).await);
    assert_eq!(wrong.kind, FaultKind::Login);
    assert_eq!(wrong.why, "it said “535 5.7.8 authentication failed” at our login");
    let none = fault(send(&world, &relay("127.0.0.2", Encryption::None, Some("s3cret"))).await);
    assert_eq!(
        (none.kind, none.why.as_str()),
        (FaultKind::NoLogin, "it offers neither PLAIN nor LOGIN to log in with")
    );
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_is_silent_in_the_handshake_is_given_up() {
    let net = Internet::new();
    net.serve("harbour.example", 587, |mut stream, _| async move {
        // It takes everything and says nothing.
        while stream.read(&mut [0; 512]).await.is_ok_and(|bytes| bytes > 0) {}
    });
    let world = simulated::world_at(1, IN_TIME, net);
    let silent = relay("harbour.example", Encryption::Implicit(trusting(&world)), None);
    let fault = fault(send(&world, &silent).await);
    assert_eq!(
        (fault.kind, fault.why.as_str()),
        (FaultKind::Insecure, "it gave no answer while the connection was being secured")
    );
}

#[tokio::test(start_paused = true)]
async fn an_authority_of_ones_own_is_read_from_pem() {
    use world::tls::NoAuthority;
    let world = simulated::world_at(1, IN_TIME, Internet::new());
    let read = |pem: &str| Tls::public_and(&world, pem.as_bytes()).err();
    assert_eq!(read("no certificate here"), Some(NoAuthority::Empty));
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(read(damaged), Some(NoAuthority::Damaged(1)));
}
