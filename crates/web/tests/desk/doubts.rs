//! Readers in doubt, bounces that are held, and the proof, at the desk: three locks, one press, written down.

use ::newsroom::{
    Answer, Delivery, DeliveryState, DepartureId, DepartureState, Format, NewsletterId, ReaderId, Role, RouteId, Topics,
};
use axum::http::{Method, StatusCode};
use store::ledger::{self, Claim, Settled};
use store::readers::{self, Line, SealedReader};
use store::returned::{self, Kind, Outcome, Returned};
use store::{Write, doubt, editions};

use crate::edition::published;
use crate::newsroom::{HOST, Newsroom, encoded};

const DAILY: NewsletterId = NewsletterId(1);
/// All in doubt.
const READERS: i64 = 3;

fn reader(tx: &Write, id: i64) -> store::Result<()> {
    let (index, language, format) = (id.to_be_bytes().to_vec(), "en".into(), Format::Html);
    let sealed = SealedReader { id: ReaderId(id), kid: 1, sealed: vec![1], index, lane: 0, language, format };
    readers::add(tx, &sealed, 0)?;
    readers::ask(tx, ReaderId(id), DAILY, Topics::ALL, 0)?;
    let line = Line { id, door: "form", wording: String::new() };
    readers::confirm(tx, ReaderId(id), DAILY, &line, 0).map(drop)
}

/// Every copy of a departure leaves, and every answer is lost; as many bounces are held.
fn a_bad_morning(tx: &Write, id: DepartureId, now: i64) -> store::Result<()> {
    assert!(editions::set_state(tx, id, DepartureState::Cut, DepartureState::Open)?);
    let lease = ledger::take_lease(tx, "a", now, now + 60_000)?.expect("nobody else holds it");
    let copies = ledger::claim(tx, lease, Claim::Edition(id, -1, -1), 99)?;
    assert_eq!(copies.len() as i64, READERS);
    let marks: Vec<_> = copies.iter().map(|c| (c.key, c.cohort, RouteId::FIRST)).collect();
    ledger::mark(tx, lease, &marks)?;
    let lost = |copy: &Delivery| {
        let answer = Answer { at: now, code: 0, text: "the connection is closed".into() };
        Settled::new(copy, DeliveryState::Uncertain, None, RouteId::FIRST, answer)
    };
    ledger::settle(tx, lease, &copies.iter().map(lost).collect::<Vec<_>>())?;
    assert!(ledger::close(tx, id)?);
    // Of another departure: a bounce of this one would be evidence that the copy had left the relay.
    (0..READERS).try_for_each(|n| held(tx, DepartureId(1), n, now))
}

fn held(tx: &Write, departure: DepartureId, n: i64, at: i64) -> store::Result<()> {
    let (reader, kind, outcome) = (ReaderId(100 + n), Kind::Bounce, Outcome::Held);
    let (said, reason) = ("550 user unknown".to_owned(), "unknown_address".to_owned());
    let (id, source, hard, code) = (900 + n, vec![7; 16], true, 550);
    returned::keep(tx, &Returned { id, reader, departure, kind, at, source, reason, hard, code, said, outcome })
}

fn open_doubts(doubts: &[doubt::Doubted]) -> usize {
    doubts.iter().filter(|one| one.resolution.is_none()).count()
}

/// A newsroom after it, and the path of the edition's page.
async fn newsroom(name: &str) -> (Newsroom, DepartureId, String) {
    let newsroom = Newsroom::open(name).await;
    let filled = newsroom.store.write(|tx| {
        published(tx, 1)?;
        (0..READERS).try_for_each(|n| reader(tx, 100 + n))
    });
    filled.await.expect("a newsroom");
    let cut = newsroom.signed_in("Zoe Cut", Role::Editor).await.submit("/edition", "/edition/cut", &[]).await;
    assert_eq!(cut.status, StatusCode::SEE_OTHER, "{}", cut.body);
    let id = newsroom.store.read(|tx| editions::latest(tx, 1)).await.expect("a look")[0].id;
    let now = newsroom.world.now();
    newsroom.store.write(move |tx| a_bad_morning(tx, id, now)).await.expect("a morning");
    (newsroom, id, format!("/departures/{id}"))
}

async fn doubts(newsroom: &Newsroom, id: DepartureId) -> Vec<doubt::Doubted> {
    newsroom.store.read(move |tx| doubt::list(tx, id, doubt::FIRST, 99)).await.expect("doubts")
}

#[tokio::test(start_paused = true)]
async fn a_doubt_is_ended_by_a_button_once_and_written_down() {
    let (newsroom, departure, path) = newsroom("doubts").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Admin).await;
    ana.get("/").await.shows("3 readers are in doubt").shows("3 bounces are held");
    let (page, who) = (&*format!("{path}/doubts"), doubts(&newsroom, departure).await);
    let ids: Vec<String> = who.iter().map(|one| one.reader.to_string()).collect();
    ana.get(page).await.shows(&ids[0]).shows("the connection is closed").shows("Send once more");
    ana.submit(page, page, &[("reader", &ids[0]), ("end", "hold")]).await;
    ana.get(page).await.shows("Held: not sent again").shows("by Ana Sol");
    assert_eq!(open_doubts(&doubts(&newsroom, departure).await), 2);
    // Without the tick all of them is nobody.
    ana.submit(page, page, &[("reader", "all"), ("end", "taken")]).await;
    assert_eq!(open_doubts(&doubts(&newsroom, departure).await), 2);
    ana.submit(page, page, &[("reader", &ids[1]), ("end", "resend")]).await;
    let now = doubts(&newsroom, departure).await;
    assert_eq!(
        now.iter().find(|one| one.reader.to_string() == ids[1]).map(|one| one.state),
        Some(DeliveryState::Deferred)
    );
    let again = ana.submit(page, page, &[("reader", &ids[1]), ("end", "resend")]).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "a copy is never sent a third time: {}", again.body);
    ana.submit(page, page, &[("reader", "all"), ("end", "taken"), ("sure", "yes")]).await;
    assert_eq!(open_doubts(&doubts(&newsroom, departure).await), 0);
    ana.get("/members/acts").await.shows("held copies in doubt").shows("sent copies in doubt once more");
    for (fields, expected) in [
        (&[("reader", "999"), ("end", "hold")], StatusCode::NOT_FOUND),
        (&[("reader", "nobody"), ("end", "hold")], StatusCode::NOT_FOUND),
        (&[("reader", &*ids[2]), ("end", "burn")], StatusCode::NOT_FOUND),
    ] {
        assert_eq!(ana.submit(page, page, fields).await.status, expected, "{fields:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn held_bounces_take_effect_or_are_dropped_one_by_one_or_all() {
    let (newsroom, ..) = newsroom("bounces").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let active = async || newsroom.store.read(|tx| readers::counts(tx, DAILY)).await.expect("counts").active;
    let (page, before) = ("/bounces", active().await);
    ana.get(page).await.shows("unknown address").shows("550 user unknown");
    ana.submit(page, page, &[("bounce", "900"), ("word", "apply")]).await;
    assert_eq!(active().await, before - 1);
    ana.submit(page, page, &[("bounce", "901"), ("word", "drop")]).await;
    ana.submit(page, page, &[("bounce", "all"), ("word", "apply")]).await;
    assert_eq!(active().await, before - 1, "nobody is ended without the tick");
    ana.submit(page, page, &[("bounce", "all"), ("word", "apply"), ("sure", "yes")]).await;
    assert_eq!(active().await, before - 2);
    ana.get(page).await.shows("Nothing waits for you");
}

#[tokio::test(start_paused = true)]
async fn the_proof_is_taken_away_whole_and_by_members_alone() {
    let (newsroom, _, path) = newsroom("proof").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let csv = ana.get(&format!("{path}/proof.csv")).await;
    assert_eq!((csv.status, csv.header("content-type")), (StatusCode::OK, "text/csv; charset=utf-8"));
    assert!(csv.header("content-disposition").starts_with("attachment; filename=\"proof-20"));
    let readers = csv.body.lines().skip(1).filter(|line| !line.starts_with("sum")).count();
    assert_eq!(readers as i64, READERS, "{}", csv.body);
    let json = ana.get(&format!("{path}/proof.json")).await;
    assert!(json.body.trim_start().starts_with('{') && json.body.trim_end().ends_with('}'), "{}", json.body);
    assert_eq!(ana.get("/departures/7/proof.csv").await.status, StatusCode::NOT_FOUND);
    let stranger = newsroom.browser().get(&format!("{path}/proof.csv")).await;
    assert_eq!(stranger.status, StatusCode::SEE_OTHER);
}

#[tokio::test(start_paused = true)]
async fn no_page_of_another_site_ends_a_doubt() {
    let (newsroom, departure, path) = newsroom("doubt-locks").await;
    let mut ana = newsroom.signed_in("Ana Sol", Role::Editor).await;
    let reader = doubts(&newsroom, departure).await[0].reader.to_string();
    let page = &*format!("{path}/doubts");
    let mark = ana.get(page).await.field("mark");
    let own = format!("http://{HOST}");
    for (origin, mark) in [("https://evil.example", &*mark), (&own, ""), (&own, "0000")] {
        for (path, act) in [(page, ("end", "hold")), ("/bounces", ("word", "apply"))] {
            let body = encoded(&[("mark", mark), ("reader", &reader), ("bounce", "900"), act]);
            let headers = [("origin", origin), ("content-type", "application/x-www-form-urlencoded")];
            let answer = ana.send(Method::POST, path, &headers, body).await;
            assert_ne!(answer.status, StatusCode::SEE_OTHER, "{origin} {mark:?} {path}: done");
            assert_eq!(answer.status == StatusCode::FORBIDDEN, origin != own, "{origin} {mark:?} {path}");
        }
    }
    assert_eq!(open_doubts(&doubts(&newsroom, departure).await), 3);
    assert_eq!(newsroom.store.read(returned::held_count).await.expect("a count"), 3);
}
