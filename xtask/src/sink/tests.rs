//! The sink against the sending machine, in memory: what a sender is told, and what the receipts say of it.

use super::receipts::{read, read_kept};
use super::*;
use mail::address::{EnvelopeAddress, ReversePath};
use mail::smtp::client::{Envelope, Patience, Phase, Session, Trouble, What};
use tokio::io::{DuplexStream, duplex};

const MESSAGE: &[u8] = b"From: a@example.org\r\nMessage-Id:\r\n <1@example.org>\r\n\r\nGood morning.\r\n";

struct Rig {
    shared: Arc<Shared>,
    receipts: PathBuf,
    kept: PathBuf,
    connections: std::cell::Cell<u64>,
}

impl Rig {
    fn new(name: &str, script: Script) -> Rig {
        let folder = interop::target().join("sink-test").join(name);
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).unwrap();
        let (receipts, kept) = (folder.join("receipts"), folder.join("kept"));
        let listen = "127.0.0.1:0".parse().unwrap();
        let arguments = Arguments { listen, receipts: receipts.clone(), keep: Some(kept.clone()), script };
        Rig { shared: Arc::new(Shared::open(&arguments).unwrap()), receipts, kept, connections: 0.into() }
    }

    async fn connect(&self) -> Result<Session<DuplexStream>, Trouble> {
        let (ours, theirs) = duplex(1 << 16);
        self.connections.set(self.connections.get() + 1);
        let (number, shared) = (self.connections.get(), Arc::clone(&self.shared));
        let mut taker =
            Taker { shared: Arc::clone(&shared), connection: number, plan: Plan::Accept, taken: 0, open: None };
        tokio::spawn(async move { serve(theirs, &mut taker, &shared.terms).await });
        Session::open(ours, &HostName::parse("post.example").unwrap(), Patience::default()).await
    }

    /// One message over a connection of its own: the code of the answer, or the phase in which there was none.
    async fn send(&self, to: &str) -> Result<u16, (Phase, Option<u16>)> {
        let mut session = self.connect().await.map_err(|trouble| blame(&trouble))?;
        deliver(&mut session, to).await
    }

    fn outcomes(&self) -> Vec<(Outcome, u16, String)> {
        read(&self.receipts).unwrap().into_iter().map(|one| (one.outcome, one.code, one.to[0].clone())).collect()
    }
}

async fn deliver(session: &mut Session<DuplexStream>, to: &str) -> Result<u16, (Phase, Option<u16>)> {
    let (from, to) = (address("post@example.org"), address(to));
    let from = ReversePath::Address(from);
    let envelope = Envelope { from: &from, to: &to, message_bytes: None };
    let sent = async {
        session.begin(&envelope).await?;
        session.body(&[MESSAGE]).await?;
        tokio::task::yield_now().await; // As post does, which waits for its mark: the body comes before the dot.
        session.dot().await
    };
    sent.await.map(|reply| reply.code).map_err(|trouble| blame(&trouble))
}

fn blame(trouble: &Trouble) -> (Phase, Option<u16>) {
    let code = match &trouble.what {
        What::Reply(reply) => Some(reply.code),
        _ => None,
    };
    (trouble.phase, code)
}

fn address(text: &str) -> EnvelopeAddress {
    EnvelopeAddress::parse(text).unwrap()
}

fn always() -> script::Share {
    "1/1".parse().unwrap()
}

#[tokio::test]
async fn what_is_taken_is_on_the_receipt_and_kept() {
    let rig = Rig::new("taken", Script::default());
    assert_eq!(rig.send("reader@example.net").await, Ok(250));
    let receipt = &read(&rig.receipts).unwrap()[0];
    let expected = Receipt {
        number: 1,
        connection: 1,
        outcome: Outcome::Accepted,
        code: 250,
        bytes: MESSAGE.len(),
        digest: crc32fast::hash(MESSAGE),
        message_id: "<1@example.org>".into(),
        from: "post@example.org".into(),
        to: vec!["reader@example.net".into()],
    };
    assert_eq!(*receipt, expected);
    assert_eq!(read_kept(&rig.kept).unwrap(), [(1, MESSAGE.to_vec())]);
}

#[tokio::test]
async fn refusals_are_answered_and_recorded() {
    let rig = Rig::new("refused", Script { refuse: always(), ..Script::default() });
    assert_eq!(rig.send("a@example.net").await, Err((Phase::Rcpt, Some(550))));
    assert_eq!(rig.outcomes(), [(Outcome::Refused, 550, "a@example.net".into())]);
}

#[tokio::test]
async fn a_greylisted_recipient_is_taken_the_second_time() {
    let rig = Rig::new("greylist", Script { greylist: true, ..Script::default() });
    assert_eq!(rig.send("a@example.net").await, Err((Phase::Rcpt, Some(450))));
    assert_eq!(rig.send("a@example.net").await, Ok(250));
    let outcomes: Vec<Outcome> = rig.outcomes().into_iter().map(|(outcome, ..)| outcome).collect();
    assert_eq!(outcomes, [Outcome::Deferred, Outcome::Accepted]);
}

#[tokio::test]
async fn a_connection_cut_before_the_dot_leaves_no_message() {
    let rig = Rig::new("before", Script { drop_before_dot: always(), ..Script::default() });
    let (phase, code) = rig.send("a@example.net").await.unwrap_err();
    assert!(phase <= Phase::Dot && code.is_none());
    assert_eq!(rig.outcomes(), [(Outcome::Cut, 0, "a@example.net".into())]);
    assert_eq!(read_kept(&rig.kept).unwrap(), []);
}

#[tokio::test]
async fn a_connection_cut_after_the_dot_leaves_the_sender_in_doubt() {
    let kept = Rig::new("kept", Script { drop_after_dot: always(), ..Script::default() });
    assert_eq!(kept.send("a@example.net").await, Err((Phase::Dot, None)));
    assert_eq!(kept.outcomes()[0].0, Outcome::Kept);
    assert_eq!(read_kept(&kept.kept).unwrap().len(), 1);
    let lost = Rig::new("lost", Script { lose_after_dot: always(), ..Script::default() });
    assert_eq!(lost.send("a@example.net").await, Err((Phase::Dot, None)));
    assert_eq!(lost.outcomes()[0].0, Outcome::Lost);
    assert_eq!(read_kept(&lost.kept).unwrap().len(), 0);
}

#[tokio::test]
async fn silence_after_the_dot_gives_no_answer_and_the_message_is_kept() {
    let rig = Rig::new("hang", Script { hang: always(), ..Script::default() });
    let answered = rig.send("a@example.net");
    let waited = async {
        while rig.outcomes().is_empty() {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        answer = answered => panic!("{answer:?} from one who hangs"),
        () = waited => {}
    }
    assert_eq!(rig.outcomes()[0].0, Outcome::Kept);
}

#[tokio::test]
async fn a_message_can_be_put_off_after_its_dot() {
    let rig = Rig::new("put-off", Script { defer_after_dot: always(), ..Script::default() });
    assert_eq!(rig.send("a@example.net").await, Err((Phase::Dot, Some(451))));
    assert_eq!(rig.outcomes(), [(Outcome::Deferred, 451, "a@example.net".into())]);
}

#[tokio::test]
async fn a_connection_is_turned_away_or_ends_after_its_share() {
    let rig = Rig::new("turned-away", Script { turn_away: always(), ..Script::default() });
    assert_eq!(rig.send("a@example.net").await, Err((Phase::Banner, Some(421))));
    let rig = Rig::new("share", Script { messages_max: Some(1), ..Script::default() });
    let mut session = rig.connect().await.unwrap();
    assert_eq!(deliver(&mut session, "a@example.net").await, Ok(250));
    assert_eq!(deliver(&mut session, "b@example.net").await, Err((Phase::Mail, Some(421))));
    assert_eq!(rig.outcomes().len(), 1);
}

#[test]
fn a_message_id_is_found_folded_or_not_and_only_in_the_header() {
    let found = |text: &str| message_id(text.as_bytes());
    assert_eq!(found("MESSAGE-ID: <a@b>\r\n\r\n"), "<a@b>");
    assert_eq!(found("Message-ID:\r\n\t<a@b>\r\nTo: c\r\n\r\n"), "<a@b>");
    assert_eq!(found("Subject: x\r\n\r\nMessage-ID: <a@b>\r\n"), "");
    assert_eq!(found("Message-ID:\r\nTo: c\r\n\r\n"), "");
    assert_eq!(found("Message-ID: <a\x07b>\r\n\r\n"), "<a?b>");
}

#[test]
fn the_sink_listens_on_loopback_alone() {
    let arguments = Arguments {
        listen: "192.0.2.1:25".parse().unwrap(),
        receipts: "never".into(),
        keep: None,
        script: Script::default(),
    };
    assert!(run(arguments).unwrap_err().to_string().contains("loopback only"));
}
