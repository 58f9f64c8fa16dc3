//! What comes back, applied to a newsroom with real keys and a real database: who is silenced, and who by no forgery.

use std::path::PathBuf;
use std::sync::Arc;

use newsroom::{
    Address, Cohort, CohortId, DAY_MS, DepartureId, Edition, EditionId, EditionKind, Format, HOUR_MS, LineUpEntry, Ms,
    Newsletter, NewsletterId, ReaderId, SubscriptionState, Topics,
};
use readers::returned::{self, Arrival, Cause, Rules, Taken};
use seal::{KEY_BYTES, PostKey, Purpose, Secret, TokenKey};
use store::editions::{self, Audience, Order, Rendered};
use store::letters::{self, Letter};
use store::readers::{self as rows, Line, SealedReader};
use store::returned::Outcome;
use store::{Location, Store, newsletters};
use vault::{KeyRing, Vault};
use world::World;
use world::simulated::{self, Internet};

const DAWN: Ms = 1_767_225_600_000;
const DAILY: NewsletterId = NewsletterId(1);
const DEPARTURE: DepartureId = DepartureId(5_000);
const RULES: Rules = Rules { soft_editions: 5, soft_ms: 14 * DAY_MS };

struct Room {
    folder: PathBuf,
    store: Store,
    vault: Arc<Vault>,
    newsletter: Newsletter,
}

impl Drop for Room {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

fn at(now: Ms) -> World {
    simulated::world_at(1, now, Internet::new())
}

fn address(n: i64) -> String {
    format!("reader{n}@library.example")
}

/// A newsroom with so many readers, each of whom got the letter `DEPARTURE` + their number at dawn.
async fn room(name: &str, readers: i64) -> Room {
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("returned-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let store = Store::open(&Location::Sqlite(folder.join("newsroom.db"))).unwrap();
    let world = at(DAWN);
    let vault = Arc::new(Vault::new(KeyRing::generate(&mut |bytes| world.fill(bytes))));
    let newsletter = Newsletter { id: DAILY, slug: "daily".into(), title: "Daily".into() };
    let (seal, kept) = (vault.clone(), newsletter.clone());
    store
        .write(move |tx| {
            newsletters::add(tx, &kept)?;
            (0..readers).try_for_each(|n| join(tx, &seal, n))
        })
        .await
        .unwrap();
    Room { folder, store, vault, newsletter }
}

fn join(tx: &store::Write, vault: &Vault, n: i64) -> store::Result<()> {
    let address = Address::parse(&address(n)).unwrap();
    let id = ReaderId(100 + n);
    let (kid, sealed) = vault.seal_address(&address, id, &mut |bytes| bytes.fill(n as u8));
    let (index, lane) = (vault.index(&address).to_vec(), vault.lane(&address));
    rows::add(tx, &SealedReader { id, kid, sealed, index, lane, language: "en".into(), format: Format::Html }, DAWN)?;
    rows::ask(tx, id, DAILY, Topics::ALL, DAWN)?;
    rows::confirm(tx, id, DAILY, &Line { id: 9_000_000 + n, door: "form", wording: "daily".into() }, DAWN)?;
    let cohort = Cohort { id: CohortId(70), subject: "Words".into(), body: vec![1] };
    let cohort = letters::words(tx, &cohort, b"words", "en", Format::Html)?;
    let departure = DepartureId(DEPARTURE.0 + n);
    letters::queue(
        tx,
        &Letter { departure, newsletter: DAILY, reader: id, lane, cohort, instant: DAWN, expires: DAWN + DAY_MS },
    )
}

impl Room {
    fn mark(&self, n: i64) -> String {
        self.vault.post_key().verp(DepartureId(DEPARTURE.0 + n), ReaderId(100 + n))
    }

    async fn take(&self, now: Ms, message: &str, delivered_to: Option<&str>, source: &str) -> Vec<Taken> {
        let arrival = Arrival {
            message: message.as_bytes().to_vec(),
            delivered_to: delivered_to.map(str::to_owned),
            source: source.into(),
        };
        returned::take(&at(now), &self.store, &self.vault, &self.newsletter, RULES, arrival).await.unwrap()
    }

    async fn active(&self) -> i64 {
        self.store.read(|tx| rows::counts(tx, DAILY)).await.unwrap().active
    }

    async fn state(&self, n: i64) -> SubscriptionState {
        self.store.read(move |tx| rows::standing(tx, ReaderId(100 + n), DAILY)).await.unwrap().unwrap().state
    }
}

fn bounce(to: &str, recipient: &str, status: &str, words: &str) -> String {
    let action = if status.starts_with('4') { "delayed" } else { "failed" };
    format!(
        "From: MAILER-DAEMON@mx.example\r\nTo: {to}@courier.example\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n\
         Diagnostic-Code: smtp; {words}\r\n"
    )
}

fn gone(to: &str, recipient: &str) -> String {
    bounce(to, recipient, "5.1.1", "550 5.1.1 no such user")
}

fn complaint(mark: &str, recipient: &str) -> String {
    format!(
        "From: loop@provider.example\r\nTo: fbl@courier.example\r\nContent-Type: message/feedback-report\r\n\r\n\
         Feedback-Type: abuse\r\nOriginal-Mail-From: <{mark}@courier.example>\r\nOriginal-Rcpt-To: <{recipient}>\r\n"
    )
}

fn only(taken: Vec<Taken>) -> Result<Outcome, Cause> {
    assert_eq!(taken.len(), 1, "{taken:?}");
    taken[0].outcome
}

#[tokio::test]
async fn a_mailbox_that_is_gone_is_not_written_to_again_and_no_address_is_kept() {
    let room = room("gone", 3).await;
    let message = gone(&room.mark(1), &address(1));
    assert_eq!(only(room.take(DAWN + 1, &message, None, "a").await), Ok(Outcome::Suppressed));
    assert_eq!((room.state(1).await, room.active().await), (SubscriptionState::Suppressed, 2));
    assert_eq!(only(room.take(DAWN + 2, &message, None, "a").await), Err(Cause::Known), "a replay adds nothing");
    let index = room.vault.index(&Address::parse(&address(1)).unwrap()).to_vec();
    let suppressed = room.store.read(move |tx| rows::suppressed(tx, &index)).await.unwrap().unwrap();
    assert!(suppressed.ends_at_the_door(), "who signs up again shows that the mailbox works");
    let kept = std::fs::read(room.folder.join("newsroom.db")).unwrap();
    let kept = [kept, std::fs::read(room.folder.join("newsroom.db-wal")).unwrap_or_default()].concat();
    assert!(!String::from_utf8_lossy(&kept).contains("reader1"), "an address in the clear");
}

#[tokio::test]
async fn a_complaint_and_a_wish_to_leave_count_at_once() {
    let room = room("wishes", 4).await;
    let redacted = complaint(&room.mark(0), "xxxxxxxx@library.example");
    assert_eq!(only(room.take(DAWN + 1, &redacted, None, "a").await), Ok(Outcome::Suppressed));
    let token = room.vault.token_key().mint(Purpose::Unsubscribe, ReaderId(102), DAILY.0);
    let letter = format!("From: someone@else.example\r\nTo: unsubscribe+{token}@courier.example\r\n\r\nbye\r\n");
    let to = format!("unsubscribe+{token}");
    assert_eq!(only(room.take(DAWN + 1, &letter, Some(&to), "a").await), Ok(Outcome::Left));
    assert_eq!(room.state(2).await, SubscriptionState::Unsubscribed);
    let away = format!(
        "From: {}\r\nTo: {}@c.example\r\nAuto-Submitted: auto-replied\r\n\r\naway\r\n",
        address(3),
        room.mark(3)
    );
    assert_eq!(only(room.take(DAWN + 1, &away, Some(&room.mark(3)), "a").await), Err(Cause::Nothing));
    assert_eq!(room.active().await, 2);
}

/// Every forgery that we could think of, each a message and the mark under which it arrives.
fn forgeries(room: &Room) -> Vec<(Ms, String, Option<String>)> {
    let now = DAWN + HOUR_MS;
    let mut all = Vec::new();
    let mut both = |at: Ms, mark: &str, recipient: &str| {
        all.push((at, gone(mark, recipient), None));
        all.push((at, gone("x", recipient), Some(mark.to_owned())));
        all.push((at, complaint(mark, &recipient.replace("library", "elsewhere")), None));
    };
    let good = room.mark(1);
    // Any character of a mark changed, cut, or added.
    for (at, old) in good.char_indices().skip("bounce+".len()) {
        let new = if old == 'a' { 'b' } else { 'a' };
        let mut forged = good.clone();
        forged.replace_range(at..=at, &new.to_string());
        both(now, &forged, &address(1));
    }
    both(now, &good[..good.len() - 1], &address(1));
    both(now, &format!("{good}a"), &address(1));
    both(now, "bounce+", &address(1));
    // Another newsroom's key, ids of ours.
    for key in 0..20 {
        let strange = PostKey::new(&Secret::new([key; KEY_BYTES]));
        both(now, &strange.verp(DepartureId(DEPARTURE.0 + 1), ReaderId(101)), &address(1));
    }
    // The right mark of one reader, about another; and replays: years later, or before the copy left.
    for other in 2..20 {
        both(now, &good, &address(other));
    }
    for days in [31, 60, 365, 3_650] {
        both(DAWN + days * DAY_MS, &good, &address(1));
    }
    both(DAWN - 1, &good, &address(1));
    // A mark for a departure or a reader that never was, with the right key.
    both(now, &room.vault.post_key().verp(DepartureId(1), ReaderId(101)), &address(1));
    both(now, &room.vault.post_key().verp(DEPARTURE, ReaderId(77)), &address(1));
    // The wrong token for leaving.
    let tokens = TokenKey::new(&Secret::new([3; KEY_BYTES])).mint(Purpose::Unsubscribe, ReaderId(101), DAILY.0);
    let mut wrong = vec![tokens];
    for purpose in [Purpose::Confirm, Purpose::Preferences, Purpose::Resubscribe] {
        wrong.push(room.vault.token_key().mint(purpose, ReaderId(101), DAILY.0));
    }
    for token in wrong {
        let message =
            format!("From: {}\r\nTo: unsubscribe+{token}@courier.example\r\nSubject: unsubscribe\r\n\r\n", address(1));
        all.push((now, message.clone(), None));
        all.push((now, message, Some(format!("unsubscribe+{token}"))));
    }
    // No mark at all, or a good one where only the body says it.
    all.push((now, gone("postmaster", &address(1)), None));
    all.push((
        now,
        format!("From: a@b.example\r\nTo: news@courier.example\r\n\r\n{good} {}\r\n", gone(&good, &address(1))),
        None,
    ));
    all
}

#[tokio::test]
async fn no_forgery_silences_anybody() {
    let room = room("forged", 30).await;
    let forgeries = forgeries(&room);
    assert!(forgeries.len() > 300, "{}", forgeries.len());
    for (now, message, delivered_to) in &forgeries {
        for taken in room.take(*now, message, delivered_to.as_deref(), "forger").await {
            assert!(!taken.token_valid && taken.outcome.is_err(), "{delivered_to:?} {message}");
        }
    }
    assert_eq!(room.active().await, 30);
    let refused = room.store.read(|tx| store::returned::refused(tx, DAWN - DAY_MS)).await.unwrap();
    let count: i64 = refused.iter().map(|(_, count)| count).sum();
    assert!(count as usize >= forgeries.len() - 10, "what is turned away is counted: {refused:?}");
    // And the control: the same message with its own mark does.
    assert_eq!(
        only(room.take(DAWN + HOUR_MS, &gone(&room.mark(1), &address(1)), None, "mx").await),
        Ok(Outcome::Suppressed)
    );
}

#[tokio::test]
async fn one_source_ends_no_more_than_a_thousandth_within_an_hour_without_a_person() {
    let room = room("held", 60).await;
    let mut outcomes = Vec::new();
    for n in 0..10 {
        outcomes.push(only(room.take(DAWN + n, &gone(&room.mark(n), &address(n)), None, "one").await));
    }
    assert_eq!(outcomes.iter().filter(|o| **o == Ok(Outcome::Suppressed)).count(), 1);
    assert_eq!(outcomes.iter().filter(|o| **o == Ok(Outcome::Held)).count(), 9);
    assert_eq!(room.active().await, 59);
    assert_eq!(
        only(room.take(DAWN + 50, &gone(&room.mark(20), &address(20)), None, "two").await),
        Ok(Outcome::Suppressed)
    );
    let later = DAWN + HOUR_MS + 5;
    assert_eq!(only(room.take(later, &gone(&room.mark(21), &address(21)), None, "one").await), Ok(Outcome::Suppressed));
    assert_eq!(room.store.read(store::returned::held_count).await.unwrap(), 9);
    assert_eq!(returned::resolve(&at(later), &room.store, true).await.unwrap(), 9);
    assert_eq!(room.active().await, 48);
    assert_eq!(room.store.read(store::returned::held_count).await.unwrap(), 0);
}

#[tokio::test]
async fn a_full_mailbox_ends_a_reader_only_after_many_editions_and_many_days() {
    let room = room("soft", 2).await;
    let mut last = Ok(Outcome::Counted);
    for n in 0..7_i64 {
        assert_eq!(room.state(1).await, SubscriptionState::Active, "edition {n}");
        let departure = DepartureId(6_000 + n);
        let instant = DAWN + 3 * n * DAY_MS;
        cut(&room, departure, instant, n).await;
        let mark = room.vault.post_key().verp(departure, ReaderId(101));
        let full = bounce(&mark, &address(1), "5.2.2", "552 5.2.2 mailbox full");
        let policy =
            bounce(&room.vault.post_key().verp(departure, ReaderId(100)), &address(0), "5.7.1", "554 5.7.1 blocked");
        last = only(room.take(instant + 1, &full, None, "a").await);
        assert_eq!(only(room.take(instant + 1, &full, None, "a").await), Err(Cause::Known), "one edition counts once");
        assert_eq!(only(room.take(instant + 2, &policy, None, "a").await), Ok(Outcome::Counted));
        if last == Ok(Outcome::Suppressed) {
            // The first came back on day 0; the sixth, on day 15, is the first after 14 days.
            assert_eq!(n, 5);
            break;
        }
    }
    assert_eq!(last, Ok(Outcome::Suppressed));
    assert_eq!(room.state(0).await, SubscriptionState::Active, "what is about us never counts against a reader");
}

/// An edition to everybody.
async fn cut(room: &Room, departure: DepartureId, instant: Ms, n: i64) {
    room.store
        .write(move |tx| {
            let edition = Edition {
                id: EditionId(7_000 + n),
                newsletter: DAILY,
                kind: EditionKind::Daily,
                date: format!("2026-02-{:02}", n + 1),
                subject: "News".into(),
            };
            let keys = editions::due_keys(tx, &edition, &Audience::Everybody)?;
            let rendered = |(at, key): (i64, &editions::KeyCount)| Rendered {
                key: key.0.clone(),
                cohort: Cohort { id: CohortId(10 * departure.0 + at), subject: "News".into(), body: vec![7] },
                stories: vec![0],
            };
            let order = Order {
                edition,
                departure,
                instant,
                expires: instant + DAY_MS,
                line_up: vec![LineUpEntry {
                    position: 0,
                    article: newsroom::ArticleId(1),
                    revision: 1,
                    rank: n + 1,
                    topics: Topics::ALL,
                }],
                cohorts: (0..).zip(&keys).map(rendered).collect(),
                audience: Audience::Everybody,
                taken: store::envelope::Taken::default(),
            };
            editions::cut(tx, &order).map(drop)
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_look_changes_nothing() {
    let room = room("look", 2).await;
    let arrival =
        Arrival { message: gone(&room.mark(1), &address(1)).into_bytes(), delivered_to: None, source: "x".into() };
    let looked = returned::look(&at(DAWN + 1), &room.store, &room.vault, arrival).await.unwrap();
    assert!(looked.len() == 1 && looked[0].1);
    assert_eq!(room.active().await, 2);
}
