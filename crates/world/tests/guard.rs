//! The guarded door: nothing fetched reaches an address that is not public, and the rig would see it if it did.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use world::{
    Target, World,
    simulated::{self, Internet},
};

/// Addresses inside, each with a tripwire that counts who connects.
const INSIDE: [&str; 6] = ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1"];

struct Rig {
    net: Internet,
    world: World,
    touched: Arc<AtomicUsize>,
}

impl Rig {
    fn new() -> Self {
        let net = Internet::new();
        let touched = Arc::new(AtomicUsize::new(0));
        for inside in INSIDE {
            let touched = touched.clone();
            net.serve_at(SocketAddr::new(ip(inside), 80), move |_, _| {
                touched.fetch_add(1, Ordering::Relaxed);
                std::future::ready(())
            });
        }
        Self { world: simulated::world(7, net.clone()), net, touched }
    }

    fn touched(&self) -> usize {
        self.touched.load(Ordering::Relaxed)
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[tokio::test(start_paused = true)]
async fn a_dial_without_the_check_trips_the_wire() {
    let rig = Rig::new();
    for inside in INSIDE {
        rig.net.answers("lying.example", vec![vec![ip(inside)]]);
        let target = Target::Host { host: "lying.example".into(), port: 80 };
        rig.world.dial(&target).await.expect("the unguarded door reaches inside");
    }
    tokio::task::yield_now().await;
    assert_eq!(rig.touched(), INSIDE.len(), "the rig sees a hole");
}

#[tokio::test(start_paused = true)]
async fn the_guarded_door_reaches_nothing_inside() {
    let rig = Rig::new();
    for inside in INSIDE {
        rig.net.answers("lying.example", vec![vec![ip(inside)]]);
        let refusal = rig.world.dial_public("lying.example", 80).await.expect_err("refused");
        assert_eq!(refusal.kind(), std::io::ErrorKind::PermissionDenied);
        rig.world.dial_public(inside, 80).await.expect_err("refused as a number too");
    }
    tokio::task::yield_now().await;
    assert_eq!(rig.touched(), 0);
    assert_eq!(rig.net.dialled(), [], "not even a connection was tried");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_changes_between_two_questions_gains_nothing() {
    let rig = Rig::new();
    rig.net.serve("outlet.example", 80, |_, _| std::future::ready(()));
    let public = ip("11.0.0.1");
    rig.net.answers("outlet.example", vec![vec![public], vec![ip("127.0.0.1")]]);
    rig.world.dial_public("outlet.example", 80).await.expect("public at first");
    rig.world.dial_public("outlet.example", 80).await.expect_err("then it lies");
    assert_eq!(rig.net.dialled(), [SocketAddr::new(public, 80)]);
}

#[tokio::test(start_paused = true)]
async fn of_a_mixed_answer_only_the_public_part_is_dialled() {
    let rig = Rig::new();
    rig.net.answers("mixed.example", vec![vec![ip("127.0.0.1"), ip("11.0.0.9"), ip("::1")]]);
    rig.world.dial_public("mixed.example", 80).await.expect_err("nobody listens at the public one");
    assert_eq!(rig.net.dialled(), [SocketAddr::new(ip("11.0.0.9"), 80)]);
}

#[tokio::test(start_paused = true)]
async fn an_exception_is_for_one_name_alone() {
    let rig = Rig::new();
    let outlet = SocketAddr::new(ip("127.0.0.1"), 80);
    let world = rig.world.clone().with_exception("Outlet.Test", outlet);
    world.dial_public("outlet.test.", 8_080).await.expect("the name leads to its one address");
    world.dial_public("other.test", 80).await.expect_err("another name does not");
    world.dial_public("127.0.0.1", 80).await.expect_err("nor does the number");
    rig.world.dial_public("outlet.test", 80).await.expect_err("nor does the world it was made from");
    assert_eq!(rig.net.dialled(), [outlet]);
}

#[tokio::test]
async fn the_real_world_refuses_its_own_loopback_in_every_spelling() {
    let world = world::real::world(1);
    let listener = world.listen("127.0.0.1:0".parse().expect("an address")).await.expect("loopback is there");
    let port = listener.address().expect("it is bound").port();
    for host in
        ["127.0.0.1", "localhost", "::1", "[::1]", "::ffff:127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "0"]
    {
        let refusal = world.dial_public(host, port).await.expect_err(host);
        // Some resolvers know no numbers but dotted ones: then there is no such name, which is as good.
        assert_ne!(refusal.kind(), std::io::ErrorKind::ConnectionRefused, "{host} was dialled");
    }
    let accepted = tokio::time::timeout(std::time::Duration::from_millis(1), listener.accept()).await;
    assert!(accepted.is_err(), "somebody was let in");
    world.dial(&Target::Host { host: "127.0.0.1".into(), port }).await.expect("a relay may live on loopback");
}

#[tokio::test]
async fn a_connection_comes_from_the_address_that_was_named() {
    let world = world::real::world(1);
    let listener = world.listen("127.0.0.1:0".parse().expect("an address")).await.expect("loopback is there");
    let target = Target::Addr(listener.address().expect("it is bound"));
    let source = "127.0.0.2".parse().expect("loopback is a whole network");
    let (called, accepted) = tokio::join!(world.dial_from(Some(source), &target), listener.accept());
    let _open = called.expect("it listens");
    assert_eq!(accepted.peer().map(|peer| peer.ip()), Some(source));
    let other = world.dial_from(Some("::1".parse().expect("an address")), &target).await;
    assert_eq!(other.expect_err("it has no address of that kind").kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_listener_serves_many_and_survives_one_that_panics() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = world::real::world(1);
    let listener = world.listen("127.0.0.1:0".parse().expect("an address")).await.expect("loopback is there");
    let target = Target::Addr(listener.address().expect("it is bound"));
    let serving = listener.serve(2, |mut stream| async move {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.expect("a byte was sent");
        assert_ne!(byte[0], b'!', "planted");
        stream.write_all(&byte).await.expect("the other end listens");
    });
    let calling = async {
        for byte in *b"a!b" {
            let mut stream = world.dial(&target).await.expect("it listens");
            stream.write_all(&[byte]).await.expect("it reads");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.expect("it closes");
            assert_eq!(answer, if byte == b'!' { vec![] } else { vec![byte] });
        }
    };
    tokio::select! {
        biased;
        () = serving => unreachable!("serving goes on for ever"),
        () = calling => {}
    }
}
