//! The receiver as a stranger meets it, over a pipe: what it takes, what it refuses, and what stands when it says 250.

use newsroom::{Address, Cohort, CohortId, DepartureId, Format, ReaderId, Topics};
use seal::Purpose;
use store::letters::{self, Letter};
use store::readers::{self as rows, Line, SealedReader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::config::Config;

const DEPARTURE: DepartureId = DepartureId(5_000);

struct Room {
    house: House,
    folder: std::path::PathBuf,
}

impl Drop for Room {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own folder")]
fn folder(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("coranto-returning-{name}-{}", std::process::id()))
}

/// A newsroom at courier.example with two readers, each of whom was sent a letter.
async fn room(name: &str) -> Room {
    let folder = folder(name);
    let world = world::real::world(7);
    let config = Config::without_file(&folder).unwrap();
    let first = [("mail.domain", "courier.example".to_owned()), ("bounce.listen", "127.0.0.1:0".to_owned())];
    let house = House::found(world, config, &first).await.unwrap();
    let (vault, newsletter, now) = (house.vault.clone(), house.newsletter.id, house.world.now());
    house
        .store
        .write(move |tx| {
            for n in 0..2_i64 {
                let address = Address::parse(&format!("reader{n}@library.example")).unwrap();
                let id = ReaderId(100 + n);
                let (kid, sealed) = vault.seal_address(&address, id, &mut |bytes| bytes.fill(n as u8));
                let (index, lane) = (vault.index(&address).to_vec(), vault.lane(&address));
                let format = Format::Html;
                rows::add(tx, &SealedReader { id, kid, sealed, index, lane, language: "en".into(), format }, now)?;
                rows::ask(tx, id, newsletter, Topics::ALL, now)?;
                let line = Line { id: 9_000 + n, door: "form", wording: "daily".into() };
                rows::confirm(tx, id, newsletter, &line, now)?;
                let cohort = Cohort { id: CohortId(70), subject: "Words".into(), body: vec![1] };
                let cohort = letters::words(tx, &cohort, b"words", "en", format)?;
                let (departure, expires) = (DepartureId(DEPARTURE.0 + n), now + DAY_MS);
                letters::queue(tx, &Letter { departure, newsletter, reader: id, lane, cohort, instant: now, expires })?;
            }
            Ok(())
        })
        .await
        .unwrap();
    Room { house, folder }
}

impl Room {
    fn mark(&self, n: i64) -> String {
        self.house.vault.post_key().verp(DepartureId(DEPARTURE.0 + n), ReaderId(100 + n))
    }

    fn shop(&self) -> Arc<Shop> {
        let orders = orders(&self.house).unwrap().unwrap();
        Arc::new(Shop { house: self.house.clone(), orders, networks: Mutex::default() })
    }

    async fn active(&self) -> i64 {
        let newsletter = self.house.newsletter.id;
        self.house.store.read(move |tx| rows::counts(tx, newsletter)).await.unwrap().active
    }
}

/// A mark of which one letter is another: never the true one.
fn forged(mark: &str) -> String {
    let other = if &mark[40..41] == "a" { "b" } else { "a" };
    format!("{}{other}{}@courier.example", &mark[..40], &mark[41..])
}

/// Says everything at once (RFC 2920 or not) and gives what is answered, its codes alone.
async fn say(shop: &Arc<Shop>, words: &str) -> Vec<String> {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let (mut read, mut write) = tokio::io::split(ours);
    let mut heard = String::new();
    let talk = async {
        write.write_all(words.as_bytes()).await.unwrap();
        // What comes otherwise than expected ends the talk at once, and not when the receiver's patience does.
        write.shutdown().await.unwrap();
        read.read_to_string(&mut heard).await.unwrap();
    };
    tokio::join!(converse(shop.clone(), Stream::new(theirs, None)), talk);
    heard.lines().filter(|line| line.as_bytes().get(3) == Some(&b' ')).map(|line| line[..3].to_owned()).collect()
}

fn gone(to: &str, recipient: &str) -> String {
    format!(
        "EHLO mx.example\r\nMAIL FROM:<>\r\nRCPT TO:<{to}>\r\nDATA\r\nFrom: MAILER-DAEMON@mx.example\r\n\
         Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n\
         Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n.\r\nQUIT\r\n"
    )
}

#[tokio::test]
async fn a_bounce_has_taken_effect_when_its_sender_hears_so() {
    let room = room("bounce").await;
    let shop = room.shop();
    let to = format!("{}@Courier.example", room.mark(1).to_uppercase());
    let heard = say(&shop, &gone(&to, "reader1@library.example")).await;
    assert_eq!(heard, ["220", "250", "250", "250", "354", "250", "221"]);
    assert_eq!(room.active().await, 1);
}

#[tokio::test]
async fn nobody_else_is_served_and_nothing_is_relayed() {
    let room = room("strangers").await;
    let shop = room.shop();
    let forged = forged(&room.mark(1));
    let elsewhere = format!("{}@elsewhere.example", room.mark(1));
    let confirm = room.house.vault.token_key().mint(Purpose::Confirm, ReaderId(101), room.house.newsletter.id.0);
    let wrong = format!("unsubscribe+{confirm}@courier.example");
    for to in
        [&forged, &elsewhere, &wrong, "postmaster@courier.example", "ana@gmail.example", "bounce+@courier.example"]
    {
        let heard =
            say(&shop, &format!("EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<{to}>\r\nDATA\r\nQUIT\r\n")).await;
        assert_eq!(heard, ["220", "250", "250", "550", "554", "221"], "{to}");
    }
    assert_eq!(room.active().await, 2);
}

#[tokio::test]
async fn a_wish_to_leave_by_mail_ends_the_subscription() {
    let room = room("leave").await;
    let token = room.house.vault.token_key().mint(Purpose::Unsubscribe, ReaderId(100), room.house.newsletter.id.0);
    let words = format!(
        "EHLO a\r\nMAIL FROM:<x@y.example>\r\nRCPT TO:<unsubscribe+{token}@courier.example>\r\nDATA\r\nFrom: x@y.example\r\n\r\nbye\r\n.\r\nQUIT\r\n"
    );
    assert_eq!(say(&room.shop(), &words).await, ["220", "250", "250", "250", "354", "250", "221"]);
    assert_eq!(room.active().await, 1);
}

#[tokio::test]
async fn lmtp_is_spoken_where_it_is_asked_for() {
    let room = room("lmtp").await;
    let shop = room.shop();
    let terms = Terms { lmtp: Offer::Yes, ..shop.orders.terms.clone() };
    let orders = Orders { terms, ..shop.orders.clone() };
    let shop = Arc::new(Shop { house: room.house.clone(), orders, networks: Mutex::default() });
    let to = format!("{}@courier.example", room.mark(1));
    let smtp = say(&shop, "EHLO a\r\nQUIT\r\n").await;
    assert_eq!(smtp, ["220", "502", "221"]);
    let words = gone(&to, "reader1@library.example").replace("EHLO", "LHLO");
    assert_eq!(say(&shop, &words).await, ["220", "250", "250", "250", "354", "250", "221"]);
    assert_eq!(room.active().await, 1);
}

#[tokio::test]
async fn one_network_has_a_share_of_the_seats_and_of_the_minute() {
    let room = room("crowd").await;
    let shop = room.shop();
    let network = network(None);
    assert!((0..CONNECTIONS_OF_ONE_MAX).all(|_| shop.enter(network)));
    assert_eq!(say(&shop, "").await, ["421"]);
    shop.leave(network);
    assert_eq!(say(&shop, "QUIT\r\n").await, ["220", "221"]);
    let fitting = (0..MESSAGES_PER_MINUTE_MAX * 2).filter(|_| shop.takes(network)).count();
    assert!(fitting as u32 <= MESSAGES_PER_MINUTE_MAX * 2 && !shop.takes(network), "{fitting}");
}
