//! P7: leaving is answered with 200 only when it is durable, whatever the store does, and reaches the store when it can.

use axum::http::StatusCode;
use front::Journal;
use newsroom::{ReaderId, SubscriptionState};
use seal::Purpose;
use store::{Location, Store};

use crate::hall::{ACTIVE, Answer, Hall, PENDING, look_at};

async fn leave(hall: &Hall, reader: ReaderId) -> Answer {
    hall.post(&format!("/unsubscribe/{}", hall.token(Purpose::Unsubscribe, reader)), "List-Unsubscribe=One-Click").await
}

async fn undo(hall: &Hall, reader: ReaderId) -> Answer {
    hall.post(&format!("/unsubscribe/{}/undo", hall.token(Purpose::Resubscribe, reader)), "").await
}

async fn state(hall: &Hall, reader: ReaderId) -> SubscriptionState {
    hall.standing(reader).await.expect("a reader of the newsroom").state
}

/// The newsroom with a store that works again.
fn mended(hall: Hall) -> Hall {
    let store = Store::open(&Location::Sqlite(hall.place.join("newsroom.db"))).expect("the file is whole");
    let mut hall = hall;
    hall.front.store = store;
    hall.again()
}

#[tokio::test]
async fn who_leaves_while_the_store_refuses_is_kept_in_the_journal_and_then_in_the_store() {
    let hall = Hall::open("refusing").await;
    hall.break_writer().await;
    for reader in [ACTIVE, PENDING, ACTIVE] {
        let answer = leave(&hall, reader).await;
        assert!(answer.status == StatusCode::OK && answer.text().contains("You have left the list"));
    }
    assert_eq!(state(&hall, ACTIVE).await, SubscriptionState::Active, "the store knows nothing yet");
    let lines = std::fs::read_to_string(hall.place.join("leavings.journal")).unwrap();
    let lines: Vec<&str> = lines.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 2, "each reader once: {lines:?}");
    assert!(lines[0].starts_with("leave-1 102 1 ") && lines[0].contains(" one-click "));
    assert!(hall.front.carry_leavings().await.is_err(), "it still refuses");
    assert!(hall.front.journal.holds_any());

    let hall = mended(hall);
    assert_eq!(hall.front.carry_leavings().await.unwrap(), 2);
    assert_eq!(state(&hall, ACTIVE).await, SubscriptionState::Unsubscribed);
    assert_eq!(state(&hall, PENDING).await, SubscriptionState::Unsubscribed);
    assert!(!hall.front.journal.holds_any());
    assert_eq!(hall.front.carry_leavings().await.unwrap(), 0, "once is enough");
    let hall = hall.again();
    assert_eq!(hall.front.carry_leavings().await.unwrap(), 0, "and a restart finds nothing");
}

#[tokio::test]
async fn a_crash_between_the_store_and_the_journal_ends_a_subscription_once() {
    let hall = Hall::open("carried-twice").await;
    hall.break_writer().await;
    assert_eq!(leave(&hall, ACTIVE).await.status, StatusCode::OK);
    let journal = hall.place.join("leavings.journal");
    let kept = std::fs::read(&journal).unwrap();
    let hall = mended(hall);
    assert_eq!(hall.front.carry_leavings().await.unwrap(), 1);
    // The journal as it lay before it was blanked.
    std::fs::write(&journal, kept).unwrap();
    let hall = hall.again();
    assert_eq!(undo(&hall, ACTIVE).await.status, StatusCode::OK, "they stay, before anybody carried anything");
    assert_eq!(hall.front.carry_leavings().await.unwrap(), 0);
    assert_eq!(state(&hall, ACTIVE).await, SubscriptionState::Active, "the old wish does not end it again");
}

#[tokio::test]
async fn who_left_and_takes_it_back_stays_whatever_waited_in_the_journal() {
    let hall = Hall::open("taken-back").await;
    hall.break_writer().await;
    assert_eq!(leave(&hall, ACTIVE).await.status, StatusCode::OK);
    assert_eq!(undo(&hall, ACTIVE).await.status, StatusCode::SERVICE_UNAVAILABLE, "it cannot be kept, and says so");
    let hall = mended(hall);
    assert_eq!(undo(&hall, ACTIVE).await.status, StatusCode::OK);
    assert_eq!(state(&hall, ACTIVE).await, SubscriptionState::Active);
    hall.front.carry_leavings().await.unwrap();
    assert_eq!(state(&hall, ACTIVE).await, SubscriptionState::Active);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_somebody_else_holds_keeps_no_reader_waiting() {
    let hall = Hall::open("held").await;
    let other = Store::open(&Location::Sqlite(hall.place.join("newsroom.db"))).unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let holding = other.write(move |_| {
        drop(tell);
        wait.recv().unwrap_err();
        Ok(())
    });
    let mut holding = std::pin::pin!(holding);
    assert!(look_at(holding.as_mut()).await.is_none());
    told.recv().unwrap_err();
    // The deadline is on the paused clock: it is reached as soon as nothing else moves.
    for reader in [ACTIVE, PENDING] {
        assert_eq!(leave(&hall, reader).await.status, StatusCode::OK);
    }
    assert!(hall.front.journal.holds_any());
    assert_eq!(state(&hall, ACTIVE).await, SubscriptionState::Active);
    drop(go);
    holding.await.unwrap();
    assert_eq!(hall.front.carry_leavings().await.unwrap(), 2);
    assert_eq!(state(&hall, ACTIVE).await, SubscriptionState::Unsubscribed);
    assert_eq!(state(&hall, PENDING).await, SubscriptionState::Unsubscribed);
}

#[tokio::test]
async fn what_neither_the_store_nor_the_journal_keeps_is_not_called_done() {
    let mut hall = Hall::open("neither").await;
    hall.break_writer().await;
    hall.front.journal = std::sync::Arc::new(Journal::at(hall.place.join("no").join("such").join("folder")));
    hall.routes = hall.front.clone().routes();
    let answer = leave(&hall, ACTIVE).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().contains("Nothing was changed") && !answer.text().contains("You have left"));
}
