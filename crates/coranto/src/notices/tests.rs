//! Notices as relays and forgers post them: over HTTP to the real public side, judged behind the vault, with an Amazon of the
//! test's own.
//!
//! `amazon/` holds a test authority, certificates by it and by a stranger, and one signature of version 1 (which nothing here can
//! make): all good from December 2025 for twenty years but the expired one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::{hmac, rsa, signature};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use newsroom::{
    Address, Cohort, CohortId, DAY_MS, DepartureId, Format, HOUR_MS, MINUTE_MS, ReaderId, SECOND_MS, SubscriptionState,
    Topics,
};
use readers::notice::Refusal;
use serde_json::{Value, json};
use store::letters::{self, Letter};
use store::readers::{self as rows, Line, SealedReader};
use store::returned::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::simulated::{self, Internet};
use world::tls_server::TlsServer;
use world::{Stream, World};

use super::*;
use crate::config::Config;
use crate::office::sealed_text;

/// 2026-01-01, noon.
const NOON: Ms = 1_767_268_800_000;
const DEPARTURE: DepartureId = DepartureId(5_000);
const READERS: i64 = 4;
const KEY: &str = "the outlet's own signing key";
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:bounces";
const SNS: &str = "sns.eu-west-1.amazonaws.com";
const CERTIFICATE: &str = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem";
const JSON: &str = "application/json";
const PLAIN: &str = "text/plain; charset=UTF-8";

/// What stands at an address of Amazon's: a path and its answer. What was asked for is noted.
type Site = Arc<Mutex<(BTreeMap<String, Vec<u8>>, Vec<String>)>>;

struct Room {
    house: House,
    certificates: Certificates,
    routes: axum::Router,
    amazon: Site,
    evil: Site,
    folder: std::path::PathBuf,
}

impl Drop for Room {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

fn answer(status: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// A web server at `host` with the test authority's certificate.
fn serve(net: &Internet, host: &'static str, pages: &[(&str, Vec<u8>)]) -> Site {
    let tls = TlsServer::new(include_bytes!("amazon/signer-chain.pem"), include_bytes!("amazon/leaf.key.pem")).unwrap();
    let pages = pages.iter().map(|(path, answer)| ((*path).to_owned(), answer.clone())).collect();
    let site: Site = Arc::new(Mutex::new((pages, Vec::new())));
    let at = site.clone();
    net.serve(host, 443, move |stream, _: World| {
        let (tls, site) = (tls.clone(), at.clone());
        async move {
            let Ok(mut stream) = tls.secure(stream).await else { return };
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let page = {
                let mut site = site.lock().unwrap();
                site.1.push(path.clone());
                site.0.get(path.split('?').next().unwrap_or_default()).cloned()
            };
            let _gone = stream.write_all(&page.unwrap_or_else(|| answer("404 Not Found", "", b"no"))).await;
            let _gone = stream.shutdown().await;
        }
    });
    site
}

#[expect(clippy::disallowed_methods, reason = "a test's own folder")]
fn folder(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("coranto-notices-{name}-{}", std::process::id()))
}

async fn room(name: &str) -> Room {
    let net = Internet::new();
    let chain = answer("200 OK", "", include_bytes!("amazon/signer-chain.pem"));
    let pages = [
        ("/SimpleNotificationService-0123456789abcdef.pem", chain.clone()),
        ("/SimpleNotificationService-a10e.pem", answer("200 OK", "", include_bytes!("amazon/signer-alone.pem"))),
        ("/SimpleNotificationService-e1se.pem", answer("200 OK", "", include_bytes!("amazon/elsewhere.pem"))),
        ("/SimpleNotificationService-01d.pem", answer("200 OK", "", include_bytes!("amazon/expired.pem"))),
        ("/SimpleNotificationService-5tra.pem", answer("200 OK", "", include_bytes!("amazon/strange-chain.pem"))),
        ("/SimpleNotificationService-50.pem", answer("200 OK", "", b"no certificate")),
        (
            "/SimpleNotificationService-302.pem",
            answer(
                "302 Found",
                "Location: https://evil.example/SimpleNotificationService-0123456789abcdef.pem\r\n",
                b"",
            ),
        ),
        ("/", answer("200 OK", "", b"<ConfirmSubscriptionResponse/>")),
    ];
    let amazon = serve(&net, SNS, &pages);
    let evil = serve(&net, "evil.example", &pages);
    for other in ["sns.us-east-1.amazonaws.com", "s3.amazonaws.com", "sns.eu-west-1.amazonaws.com.evil.example"] {
        serve(&net, other, &pages);
    }
    let (world, folder) = (simulated::world_at(1, NOON, net), folder(name));
    let config = Config::without_file(&folder).unwrap();
    let house = House::found(world, config, &[("mail.domain", "courier.example".to_owned())]).await.unwrap();
    let (kid, sealed) = house.vault.seal_setting(MAILGUN_KEY_SETTING, KEY, &mut |bytes| house.world.fill(bytes));
    let (vault, newsletter) = (house.vault.clone(), house.newsletter.id);
    let fill = move |tx: &store::Write<'_>| {
        store::settings::put(tx, MAILGUN_KEY_SETTING, &sealed_text(kid, &sealed))?;
        store::settings::put(tx, SES_TOPIC_SETTING, TOPIC)?;
        (0..READERS).try_for_each(|n| join(tx, &vault, newsletter, n))
    };
    house.store.write(fill).await.unwrap();
    let tls = Tls::public_and(&house.world, include_bytes!("amazon/ca.pem")).unwrap();
    let certificates = certificates(&house, tls);
    let routes = run::front(&house).routes();
    Room { house, certificates, routes, amazon, evil, folder }
}

/// A reader who confirmed, and was sent the letter `DEPARTURE` + their number.
fn join(tx: &store::Write<'_>, vault: &vault::Vault, newsletter: newsroom::NewsletterId, n: i64) -> store::Result<()> {
    let address = Address::parse(&reader(n)).unwrap();
    let id = ReaderId(100 + n);
    let (kid, sealed) = vault.seal_address(&address, id, &mut |bytes| bytes.fill(n as u8));
    let (index, lane, format) = (vault.index(&address).to_vec(), vault.lane(&address), Format::Html);
    rows::add(tx, &SealedReader { id, kid, sealed, index, lane, language: "en".into(), format }, NOON)?;
    rows::ask(tx, id, newsletter, Topics::ALL, NOON)?;
    rows::confirm(tx, id, newsletter, &Line { id: 9_000 + n, door: "form", wording: "daily".into() }, NOON)?;
    let cohort = Cohort { id: CohortId(70), subject: "Words".into(), body: vec![1] };
    let cohort = letters::words(tx, &cohort, b"words", "en", format)?;
    let departure = DepartureId(DEPARTURE.0 + n);
    letters::queue(
        tx,
        &Letter { departure, newsletter, reader: id, lane, cohort, instant: NOON - HOUR_MS, expires: NOON + DAY_MS },
    )
}

fn reader(n: i64) -> String {
    format!("reader{n}@library.example")
}

impl Room {
    fn sender(&self, n: i64) -> String {
        let local = self.house.vault.post_key().verp(DepartureId(DEPARTURE.0 + n), ReaderId(100 + n));
        format!("{local}@courier.example")
    }

    /// Posts a request as it stands, and gives the status.
    async fn say(&self, request: &[u8]) -> u16 {
        let (mut ours, theirs) = tokio::io::duplex(1 << 20);
        let mut heard = Vec::new();
        let talk = async {
            ours.write_all(request).await.unwrap();
            ours.read_to_end(&mut heard).await.unwrap();
        };
        tokio::join!(front::converse(Stream::new(theirs, None), &self.routes), talk);
        let heard = String::from_utf8_lossy(&heard).into_owned();
        heard.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{heard}"))
    }

    async fn post(&self, path: &str, content_type: &str, body: &[u8]) -> u16 {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: courier.example\r\nConnection: close\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.say(&request).await
    }

    async fn judge(&self) -> Passed {
        judge(&self.house.refreshed().await.unwrap(), &self.certificates).await.unwrap()
    }

    async fn states(&self) -> Vec<SubscriptionState> {
        let newsletter = self.house.newsletter.id;
        let of = move |tx: &store::Read<'_>| {
            (0..READERS).map(|n| Ok(rows::standing(tx, ReaderId(100 + n), newsletter)?.unwrap().state)).collect()
        };
        self.house.store.read(of).await.unwrap()
    }

    /// Posts forgeries, each judged by itself: nobody may be silenced by any, and nothing may be kept of any.
    async fn is_fooled_by_none(&self, path: &str, forgeries: Vec<Forgery>) -> usize {
        let mut tried = std::collections::BTreeSet::new();
        for Forgery { what, content_type, body } in forgeries {
            assert!(tried.insert(what.clone()), "{what}: twice");
            let status = self.post(path, content_type, &body).await;
            let passed = self.judge().await;
            let silent = passed.taken.iter().all(|taken| taken.outcome.is_err());
            assert!(silent && matches!(status, 200 | 413 | 415), "{what}: {status} {passed:?}");
            // It is judged, and gone; one whose certificate cannot be had waits in vain.
            let kept = self.house.store.read(store::notices::count).await.unwrap();
            assert_eq!(u64::try_from(kept).unwrap(), passed.waiting, "{what}");
            assert_eq!(self.states().await, vec![SubscriptionState::Active; READERS as usize], "{what}");
            let sums = self.house.store.read(store::returned::sums).await.unwrap();
            assert_eq!(sums, [], "{what}: something was kept of it");
        }
        tried.len()
    }
}

struct Forgery {
    what: String,
    content_type: &'static str,
    body: Vec<u8>,
}

fn forgery(what: &str, content_type: &'static str, body: impl Into<Vec<u8>>) -> Forgery {
    Forgery { what: what.to_owned(), content_type, body: body.into() }
}

// Mailgun

fn mailgun_signed(key: &str, timestamp: &str, token: &str) -> Value {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), format!("{timestamp}{token}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"timestamp": timestamp, "token": token, "signature": hex})
}

fn at(offset_ms: Ms) -> String {
    ((NOON + offset_ms) / SECOND_MS).to_string()
}

fn token(n: usize) -> String {
    format!("{n:0>50}")
}

fn gone(sender: &str, recipient: &str) -> Value {
    json!({"event": "failed", "severity": "permanent", "recipient": recipient, "reason": "bounce",
        "envelope": {"sender": sender, "transport": "smtp", "targets": recipient},
        "delivery-status": {"code": 550, "message": "5.1.1 The email account that you tried to reach does not exist"},
        "message": {"headers": {"message-id": "none@courier.example"}}})
}

/// A true notice of Mailgun's, numbered.
fn mailgun(n: usize, event: &Value) -> Value {
    json!({"signature": mailgun_signed(KEY, &at(0), &token(n)), "event-data": event})
}

#[tokio::test]
async fn what_mailgun_says_of_a_copy_takes_effect_once() {
    let room = room("mailgun").await;
    let event = |kind: &str, n: i64| {
        let mut event = gone(&room.sender(n), &reader(n));
        event["event"] = kind.into();
        event
    };
    let body = |n: usize, event: &Value| mailgun(n, event).to_string().into_bytes();
    let mut soft = event("failed", 1);
    soft["severity"] = "temporary".into();
    let told = [
        (event("delivered", 0), Ok(Outcome::Kept), SubscriptionState::Active),
        (soft, Ok(Outcome::Counted), SubscriptionState::Active),
        (event("failed", 0), Ok(Outcome::Suppressed), SubscriptionState::Suppressed),
        // One source ends one of a short list within an hour; what is more waits for a person.
        (event("complained", 2), Ok(Outcome::Held), SubscriptionState::Active),
        (event("unsubscribed", 3), Ok(Outcome::Left), SubscriptionState::Unsubscribed),
    ];
    for (n, (event, outcome, state)) in told.into_iter().enumerate() {
        assert_eq!(room.post("/relay/mailgun", JSON, &body(n, &event)).await, 200);
        let passed = room.judge().await;
        assert_eq!(passed.taken.iter().map(|taken| taken.outcome).collect::<Vec<_>>(), [outcome], "{event} {passed:?}");
        let who = (0..READERS).find(|n| event["recipient"] == reader(*n)).unwrap();
        assert_eq!(room.states().await[usize::try_from(who).unwrap()], state, "{event}");
        // The same once more is a replay.
        assert_eq!(room.post("/relay/mailgun", JSON, &body(n, &event)).await, 200);
        assert_eq!(room.judge().await.refused, [Refusal::Replayed]);
    }
    // Eight hours later Mailgun still tries what we did not take.
    let old =
        json!({"signature": mailgun_signed(KEY, &at(-8 * HOUR_MS), &token(90)), "event-data": event("delivered", 2)});
    assert_eq!(room.post("/relay/mailgun", JSON, old.to_string().as_bytes()).await, 200);
    assert_eq!(room.judge().await.taken.len(), 1);
}

/// What is wrong in each is the one thing that it is named after; the event is a permanent failure of a true copy.
fn mailgun_forgeries(room: &Room) -> Vec<Forgery> {
    let event = gone(&room.sender(0), &reader(0));
    let signed = |signature: Value, event: &Value| json!({"signature": signature, "event-data": event}).to_string();
    let mut all: Vec<Forgery> = Vec::new();
    let mut n = 1_000;
    let mut add = |what: &str, body: String| all.push(forgery(what, JSON, body));
    let mut fresh = || {
        n += 1;
        (at(0), token(n))
    };
    let (time, once) = fresh();
    for (what, key) in [
        ("another outlet's key", "another key"),
        ("no key at all", ""),
        ("the key and a space", "the outlet's own signing key "),
    ] {
        add(what, signed(mailgun_signed(key, &time, &once), &event));
    }
    let good = mailgun_signed(KEY, &time, &once);
    let with = |name: &str, value: Value| {
        let mut signature = good.clone();
        signature[name] = value;
        signature
    };
    let hex = good["signature"].as_str().unwrap().to_owned();
    add("no signature part", json!({"event-data": event}).to_string());
    add("an empty signature part", signed(json!({}), &event));
    add("a signature that is null", signed(with("signature", Value::Null), &event));
    add("an empty signature", signed(with("signature", "".into()), &event));
    add("a signature that is true", signed(with("signature", true.into()), &event));
    add("a list of signatures", signed(with("signature", json!([hex])), &event));
    add("half a signature", signed(with("signature", hex[..32].into()), &event));
    add("a signature and more", signed(with("signature", format!("{hex}00").into()), &event));
    add("one digit of the signature changed", {
        let other = if hex.starts_with('0') { "1" } else { "0" };
        signed(with("signature", format!("{other}{}", &hex[1..]).into()), &event)
    });
    add("a signature of zeros", signed(with("signature", "0".repeat(64).into()), &event));
    add("a signature in capitals", signed(with("signature", hex.to_uppercase().into()), &event));
    add(
        "a signature with a digit beyond ASCII",
        signed(with("signature", format!("\u{ff10}{}", &hex[1..]).into()), &event),
    );
    add("another token", signed(with("token", token(7_777).into()), &event));
    add("an empty token", signed(with("token", "".into()), &event));
    add("no token", signed(with("token", Value::Null), &event));
    add("another timestamp", signed(with("timestamp", at(SECOND_MS).into()), &event));
    add("a timestamp that is a number", signed(with("timestamp", json!(NOON / SECOND_MS)), &event));
    add("a digit moved from timestamp to token", {
        let mut signature = good.clone();
        signature["timestamp"] = time[..9].into();
        signature["token"] = format!("{}{once}", &time[9..]).into();
        signed(signature, &event)
    });
    add("a digit moved from token to timestamp", {
        let mut signature = good.clone();
        signature["timestamp"] = format!("{time}{}", &once[..1]).into();
        signature["token"] = once[1..].into();
        signed(signature, &event)
    });
    for (what, offset) in [
        ("ten hours old", -10 * HOUR_MS),
        ("a year old", -365 * DAY_MS),
        ("ten minutes from the future", 10 * MINUTE_MS),
        ("a day from the future", DAY_MS),
    ] {
        let (_, once) = fresh();
        add(what, signed(mailgun_signed(KEY, &at(offset), &once), &event));
    }
    add("a timestamp of nothing", signed(mailgun_signed(KEY, "", &fresh().1), &event));
    add("a negative timestamp", signed(mailgun_signed(KEY, "-767225600", &fresh().1), &event));
    add("a timestamp with a fraction", signed(mailgun_signed(KEY, "1767268800.5", &fresh().1), &event));
    // Mailgun signs no event: what is tampered with there is told by the copy's own mark and reader.
    for (what, tampered) in [
        ("another reader's address", gone(&room.sender(0), &reader(1))),
        ("a stranger's address", gone(&room.sender(0), "stranger@library.example")),
        ("the mark of another copy", gone(&room.sender(1), &reader(0))),
        ("a mark that nobody made", gone(&room.sender(0).replace("bounce+a", "bounce+b"), &reader(0))),
        ("no mark", gone("news@courier.example", &reader(0))),
        ("no recipient", gone(&room.sender(0), "")),
        ("an event that is text", json!("failed")),
    ] {
        let (time, once) = fresh();
        add(what, signed(mailgun_signed(KEY, &time, &once), &tampered));
    }
    let (time, once) = fresh();
    let good = mailgun_signed(KEY, &time, &once).to_string();
    let bad = mailgun_signed("another key", &time, &once).to_string();
    add(
        "a bad signature before the good one",
        format!(r#"{{"signature": {bad}, "signature": {good}, "event-data": {event}}}"#),
    );
    add(
        "a bad signature after the good one",
        format!(r#"{{"signature": {good}, "signature": {bad}, "event-data": {event}}}"#),
    );
    let other = gone(&room.sender(1), &reader(1));
    add("two events", format!(r#"{{"signature": {good}, "event-data": {event}, "event-data": {other}}}"#));
    add(
        "two recipients",
        format!(
            r#"{{"signature": {good}, "event-data": {}}}"#,
            event.to_string().replacen('{', r#"{"recipient": "a@b.example", "#, 1)
        ),
    );
    add("a second document after the first", format!("{} {}", signed(json!({}), &event), signed(json!({}), &event)));
    add("nothing", String::new());
    add("a byte order mark before it", format!("\u{feff}{}", signed(mailgun_signed(KEY, &time, &once), &event)));
    add("nested too deep", format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)));
    let (time, once) = fresh();
    let hex = mailgun_signed(KEY, &time, &once)["signature"].as_str().unwrap().to_owned();
    let form = format!("timestamp={time}&token={once}&signature={hex}&event=failed&recipient={}", reader(0));
    all.push(forgery("a form", "application/x-www-form-urlencoded", form.clone()));
    all.push(forgery("a form with parameters twice", "application/x-www-form-urlencoded", format!("{form}&{form}")));
    all.push(forgery("a form that says it is JSON", JSON, form));
    all.push(forgery(
        "JSON that says it is a form",
        "application/x-www-form-urlencoded",
        signed(mailgun_signed(KEY, &time, &once), &event),
    ));
    all.push(forgery("JSON that says it is text", PLAIN, signed(mailgun_signed(KEY, &time, &once), &event)));
    all.push(forgery(
        "JSON of two types",
        "application/json\r\nContent-Type: text/html",
        signed(mailgun_signed(KEY, &time, &once), &event),
    ));
    all.push(forgery(
        "more than anybody sends",
        JSON,
        format!("{}{}", signed(mailgun_signed(KEY, &time, &once), &event), " ".repeat(200_000)),
    ));
    all
}

#[tokio::test]
async fn no_forged_notice_of_mailgun_s_silences_anybody() {
    let room = room("mailgun-forged").await;
    let tried = room.is_fooled_by_none("/relay/mailgun", mailgun_forgeries(&room)).await;
    assert!(tried >= 40, "{tried}");
    // The same event, truly signed, does.
    let good = mailgun(1, &gone(&room.sender(0), &reader(0))).to_string();
    assert_eq!(room.post("/relay/mailgun", JSON, good.as_bytes()).await, 200);
    assert_eq!(room.judge().await.taken.len(), 1);
    assert_eq!(room.states().await[0], SubscriptionState::Suppressed);
}

// Amazon SES through SNS

fn key_pair() -> rsa::KeyPair {
    let pem = include_str!("amazon/leaf.key.pem");
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    rsa::KeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap()
}

/// Signs as SNS does in its version 2.
fn sign(notice: &mut Value) {
    let kind = notice["Type"].as_str().unwrap().to_owned();
    let names: &[&str] = match &*kind {
        "SubscriptionConfirmation" => {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        }
        _ => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
    };
    let line = |name: &&str| notice[*name].as_str().map(|value| format!("{name}\n{value}\n"));
    let words: String = names.iter().filter_map(line).collect();
    let key = key_pair();
    let mut tag = vec![0; key.public_modulus_len()];
    key.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), words.as_bytes(), &mut tag).unwrap();
    notice["Signature"] = STANDARD.encode(tag).into();
}

fn ses_bounce(sender: &str, recipient: &str) -> String {
    json!({"notificationType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": recipient, "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}]},
        "mail": {"source": sender, "destination": [recipient]}})
    .to_string()
}

fn moment(offset_ms: Ms) -> String {
    Timestamp::from_millisecond(NOON + offset_ms).unwrap().to_string()
}

/// A notice of SNS's, numbered, changed by `change` and then signed.
fn sns(n: usize, message: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut notice = json!({"Type": "Notification", "MessageId": format!("id-{n}"), "TopicArn": TOPIC, "Subject": "Amazon SES Email Event Notification",
        "Message": message, "Timestamp": moment(0), "SignatureVersion": "2", "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe"});
    change(&mut notice);
    sign(&mut notice);
    notice
}

#[tokio::test]
async fn what_ses_says_of_a_copy_takes_effect_once() {
    let room = room("ses").await;
    let bounce = ses_bounce(&room.sender(0), &reader(0));
    let delivery =
        json!({"eventType": "Delivery", "delivery": {"recipients": [reader(1)]}, "mail": {"source": room.sender(1)}});
    let alone = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-a10e.pem";
    for (notice, outcome) in [
        (
            sns(1, &delivery.to_string(), |notice| drop(notice.as_object_mut().unwrap().remove("Subject"))),
            Outcome::Kept,
        ),
        (sns(2, &bounce, |notice| notice["SigningCertURL"] = alone.into()), Outcome::Suppressed),
        (sns(3, &ses_bounce(&room.sender(2), &reader(2)), |_| ()), Outcome::Held),
    ] {
        for (content_type, expected) in [(PLAIN, Some(outcome)), (JSON, None)] {
            assert_eq!(room.post("/relay/ses", content_type, notice.to_string().as_bytes()).await, 200);
            let passed = room.judge().await;
            let outcomes: Vec<_> = passed.taken.iter().map(|taken| taken.outcome).collect();
            assert_eq!(outcomes, expected.map(Ok).into_iter().collect::<Vec<_>>(), "{passed:?}");
        }
    }
    use SubscriptionState::{Active, Suppressed};
    assert_eq!(room.states().await, [Suppressed, Active, Active, Active]);
    // Each certificate was fetched once.
    assert_eq!(room.amazon.lock().unwrap().1.len(), 2);
    assert_eq!(room.evil.lock().unwrap().1.len(), 0);
}

/// As version 1 of SNS signs it; made once by another implementation, for half a day before noon.
fn confirmation_v1() -> Value {
    json!({"Type": "SubscriptionConfirmation", "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b", "Token": "2336412f37",
        "TopicArn": TOPIC, "Message": "You have chosen to subscribe.",
        "SubscribeURL": format!("https://{SNS}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"),
        "Timestamp": "2026-01-01T00:00:00.000Z", "SignatureVersion": "1", "SigningCertURL": CERTIFICATE,
        "Signature": include_str!("amazon/confirmation-v1.base64").trim()})
}

#[tokio::test]
async fn only_the_outlet_s_own_topic_is_listened_to() {
    let confirm = format!("/?Action=ConfirmSubscription&TopicArn={}&Token=2336412f37", TOPIC.replace(':', "%3A"));
    let asked = |room: &Room| {
        room.amazon.lock().unwrap().1.iter().filter(|path| path.contains("Action")).cloned().collect::<Vec<_>>()
    };
    let room = room("confirm").await;
    let renewed = |change: fn(&mut Value)| {
        let mut notice = confirmation_v1();
        notice["Timestamp"] = moment(0).into();
        notice["SignatureVersion"] = "2".into();
        change(&mut notice);
        sign(&mut notice);
        notice.to_string()
    };
    for wrong in [
        renewed(|notice| notice["TopicArn"] = TOPIC.replace("bounces", "others").into()),
        renewed(|notice| notice["SubscribeURL"] = "https://evil.example/?Action=ConfirmSubscription".into()),
        renewed(|notice| notice["Token"] = "x&TopicArn=arn:aws:sns:eu-west-1:999999999999:evil".into()),
        renewed(|notice| notice["Type"] = "UnsubscribeConfirmation".into()),
    ] {
        assert_eq!(room.post("/relay/ses", PLAIN, wrong.as_bytes()).await, 200);
        let passed = room.judge().await;
        assert_eq!((passed.confirmed, passed.refused.len()), (0, 1), "{wrong}");
    }
    assert_eq!(asked(&room), [""; 0]);
    assert_eq!(room.post("/relay/ses", PLAIN, renewed(|_| ()).as_bytes()).await, 200);
    assert_eq!(room.judge().await.confirmed, 1);
    assert_eq!(asked(&room), std::slice::from_ref(&confirm));
    assert_eq!(room.evil.lock().unwrap().1.len(), 0);
}

#[tokio::test]
async fn version_one_is_checked_by_sha1_and_version_two_by_sha256_and_neither_by_the_other() {
    let room = room("versions").await;
    // Version 1 is of midnight: the notice is looked at as if it had come then.
    let look = |notice: &Value| {
        let id = room.house.world.mint();
        let plain =
            newsroom::Notice { from: newsroom::NoticeFrom::Ses, body: notice.to_string().into_bytes() }.to_bytes();
        let (seal, _) = room.house.vault.public();
        let sealed = seal.seal(&plain, &id.to_be_bytes(), &mut |bytes: &mut [u8]| room.house.world.fill(bytes));
        store::notices::SealedNotice { id, sealed, received: NOON - 12 * HOUR_MS }
    };
    let mut announced = confirmation_v1();
    announced["SignatureVersion"] = "2".into();
    let mut other = confirmation_v1();
    other["SignatureVersion"] = "1".into();
    other["Token"] = "2336412f38".into();
    for (notice, confirmed) in [(announced, 0), (other, 0), (confirmation_v1(), 1)] {
        let sealed = look(&notice);
        room.house.store.write(move |tx| store::notices::lay_in(tx, &sealed)).await.unwrap();
        let passed = room.judge().await;
        assert_eq!(
            (passed.confirmed, passed.refused.len()),
            (confirmed, 1 - usize::try_from(confirmed).unwrap()),
            "{notice}"
        );
    }
}

/// Each is signed with the right key unless that is what is wrong with it.
fn sns_forgeries(room: &Room) -> Vec<Forgery> {
    let bounce = ses_bounce(&room.sender(0), &reader(0));
    let mut n = 100;
    let mut all = Vec::new();
    let mut add = |what: &str, notice: Value| all.push(forgery(what, PLAIN, notice.to_string()));
    let mut signed = |name: &str, value: Value| {
        n += 1;
        sns(n, &bounce, |notice| notice[name] = value)
    };
    // Under the signature, changed after it.
    for (name, value) in [
        ("Message", ses_bounce(&room.sender(1), &reader(1))),
        ("MessageId", "id-other".into()),
        ("Subject", "Something else".into()),
        ("Timestamp", moment(SECOND_MS)),
        ("Type", "SubscriptionConfirmation".into()),
    ] {
        let mut notice = signed("MessageId", format!("id-{name}").into());
        notice[name] = value.into();
        add(&format!("{name} changed after signing"), notice);
    }
    let mut without = signed("MessageId", "id-without".into());
    without.as_object_mut().unwrap().remove("Subject");
    add("the subject taken away after signing", without);
    // The signature itself.
    let good = signed("MessageId", "id-signature".into());
    let tag = good["Signature"].as_str().unwrap().to_owned();
    let with = |name: &str, value: Value| {
        let mut notice = good.clone();
        notice[name] = value;
        notice
    };
    add("no signature", with("Signature", Value::Null));
    add("an empty signature", with("Signature", "".into()));
    add("a signature that is no base64", with("Signature", "%%%".into()));
    add("half a signature", with("Signature", tag[..172].into()));
    add("a signature of zeros", with("Signature", STANDARD.encode([0; 256]).into()));
    add(
        "one letter of the signature changed",
        with("Signature", format!("{}{}", if tag.starts_with('A') { "B" } else { "A" }, &tag[1..]).into()),
    );
    add(
        "the signature of another notice",
        with("Signature", signed("MessageId", "id-else".into())["Signature"].clone()),
    );
    add("SHA-256 announced as version 1", with("SignatureVersion", "1".into()));
    add("SHA-1 announced as version 2", {
        let mut notice = confirmation_v1();
        notice["SignatureVersion"] = "2".into();
        notice
    });
    for version in ["0", "3", "", "2 ", "SHA256", "none"] {
        add(&format!("version {version:?}"), with("SignatureVersion", version.into()));
    }
    add("a version that is a number", with("SignatureVersion", 2.into()));
    // Where the certificate is: all of these serve the right one, with the right key.
    for url in [
        "https://evil.example/SimpleNotificationService-0123456789abcdef.pem",
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://s3.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0123456789abcdef.pem",
        "https://evil.example/?sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://evil.example\\@sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.am\u{430}zonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws\u{ff0e}com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com:444/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com/other/SimpleNotificationService-0123456789abcdef.pem",
        "data:application/x-pem-file,x",
        "file:///etc/ssl/cert.pem",
        "",
        // At the right host, and no certificate of Amazon's.
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-e1se.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-01d.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-5tra.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-50.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-302.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-404.pem",
    ] {
        add(&format!("a certificate at {url}"), signed("SigningCertURL", url.into()));
    }
    // Truly signed, and not for us.
    add("another topic", signed("TopicArn", TOPIC.replace("bounces", "others").into()));
    add("another account's topic", signed("TopicArn", TOPIC.replace("1234", "9999").into()));
    add("the topic in capitals", signed("TopicArn", TOPIC.to_uppercase().into()));
    add("no topic", signed("TopicArn", Value::Null));
    add("ten hours old", signed("Timestamp", moment(-10 * HOUR_MS).into()));
    add("ten minutes from the future", signed("Timestamp", moment(10 * MINUTE_MS).into()));
    add("no moment", signed("Timestamp", "yesterday".into()));
    add("a mark of another copy", signed("Message", ses_bounce(&room.sender(1), &reader(0)).into()));
    add("a stranger's address", signed("Message", ses_bounce(&room.sender(0), "stranger@library.example").into()));
    add(
        "a message within that says its kind twice",
        signed("Message", bounce.replacen('{', r#"{"notificationType": "Bounce", "#, 1).into()),
    );
    let text = good.to_string();
    let more = |what: &str, content_type: &'static str, body: String| forgery(what, content_type, body);
    all.push(more(
        "a topic twice",
        PLAIN,
        text.replacen('{', r#"{"TopicArn": "arn:aws:sns:eu-west-1:999999999999:evil", "#, 1),
    ));
    all.push(more("a signature twice", PLAIN, text.replacen('{', r#"{"Signature": "AAAA", "#, 1)));
    all.push(more("a form", "application/x-www-form-urlencoded", text.clone()));
    all.push(more("no type", "", text.clone()));
    all.push(more("two documents", PLAIN, format!("{text}{text}")));
    all
}

#[tokio::test]
async fn no_forged_notice_of_ses_silences_anybody() {
    let room = room("ses-forged").await;
    let tried = room.is_fooled_by_none("/relay/ses", sns_forgeries(&room)).await;
    assert!(tried >= 40, "{tried}");
    assert_eq!(room.evil.lock().unwrap().1, [""; 0], "nothing was asked of a forger's host");
    // The same bounce, truly signed, does.
    let good = sns(1, &ses_bounce(&room.sender(0), &reader(0)), |_| ());
    assert_eq!(room.post("/relay/ses", PLAIN, good.to_string().as_bytes()).await, 200);
    assert_eq!(room.judge().await.taken.len(), 1);
    assert_eq!(room.states().await[0], SubscriptionState::Suppressed);
}

#[tokio::test]
async fn nothing_is_taken_while_no_key_is_set_and_nothing_is_believed_once_it_is_gone() {
    let room = room("unset").await;
    let set = async |name: &'static str, value: &'static str| {
        room.house.store.write(move |tx| store::settings::put(tx, name, value)).await.unwrap();
    };
    let (bounce, ses) = (
        mailgun(1, &gone(&room.sender(0), &reader(0))).to_string(),
        sns(1, &ses_bounce(&room.sender(0), &reader(0)), |_| ()).to_string(),
    );
    // Taken while there was one, judged when there is none.
    assert_eq!(room.post("/relay/mailgun", JSON, bounce.as_bytes()).await, 200);
    assert_eq!(room.post("/relay/ses", PLAIN, ses.as_bytes()).await, 200);
    set(MAILGUN_KEY_SETTING, "").await;
    set(SES_TOPIC_SETTING, "").await;
    assert_eq!(room.judge().await.refused, [Refusal::Forged, Refusal::AnotherTopic]);
    assert_eq!(room.post("/relay/mailgun", JSON, bounce.as_bytes()).await, 404);
    assert_eq!(room.post("/relay/ses", PLAIN, ses.as_bytes()).await, 404);
    assert_eq!(room.say(b"GET /relay/ses HTTP/1.1\r\nHost: courier.example\r\nConnection: close\r\n\r\n").await, 405);
    assert_eq!(room.house.store.read(store::notices::count).await.unwrap(), 0);
}
