//! The catcher keeps what it took, through restarts and crashes, and says so when its file is damaged.

use stage::catcher::{Catcher, DamagedReceipts};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::{Target, World};

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("catcher-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn world() -> World {
    world::real::world(1)
}

fn running<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(story)
}

/// Runs `story` beside the catcher, which serves at the address it is given.
async fn beside<T>(world: &World, catcher: &Arc<Catcher>, story: impl AsyncFnOnce(Target) -> T) -> T {
    let listener = world.listen(([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let target = Target::Addr(listener.address().expect("its address"));
    tokio::select! {
        biased;
        () = catcher.clone().serve(&listener) => unreachable!("it serves until dropped"),
        told = story(target) => told,
    }
}

/// Sends `messages` (recipients, text) over one connection and waits for every answer.
async fn deliver(world: &World, target: &Target, messages: &[(&[&str], &str)]) -> String {
    let mut stream = world.dial(target).await.expect("the catcher listens");
    let mut said = "EHLO newsroom.example\r\n".to_owned();
    for (to, text) in messages {
        said.push_str("MAIL FROM:<bounce@newsroom.example>\r\n");
        for to in *to {
            said.push_str(&format!("RCPT TO:<{to}>\r\n"));
        }
        said.push_str(&format!("DATA\r\n{text}\r\n.\r\n"));
    }
    said.push_str("QUIT\r\n");
    stream.write_all(said.as_bytes()).await.expect("it reads");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.expect("it answers and closes");
    answers
}

const FIRST: &str =
    "Subject: =?utf-8?B?w4l0w6k=?=\r\nMessage-ID: <1@newsroom.example>\r\n\r\nOne.\r\n..dotted\r\n.\u{200b}";
const SECOND: &str = "Subject: Two\r\nMessage-ID: <2@newsroom.example>\r\n\r\nTwo.";

#[test]
fn what_was_taken_is_there_after_a_restart() {
    running(async {
        let (world, folder) = (world(), folder("restart"));
        let catcher = Catcher::open(&folder, &world).expect("a new folder");
        let answers = beside(&world, &catcher, async |target| {
            deliver(&world, &target, &[(&["a@x.example"], FIRST), (&["B@x.example", "a@x.example"], SECOND)]).await
        });
        let answers = answers.await;
        assert_eq!(answers.matches("\n250 2.0.0 accepted").count(), 2, "{answers}");
        let before = catcher.receipts();
        drop(catcher);

        let catcher = Catcher::open(&folder, &world).expect("the folder of the earlier run");
        assert_eq!(catcher.receipts(), before);
        assert_eq!((before[0].subject.as_str(), before[0].message_id.as_str()), ("Été", "1@newsroom.example"));
        assert_eq!(before[1].to, ["B@x.example", "a@x.example"]);
        assert_eq!(before[1].from, "bounce@newsroom.example");
        let mut read = Vec::new();
        catcher.each_message(|receipt, message| read.push((receipt.bytes, message.to_vec()))).expect("it reads back");
        assert!(String::from_utf8_lossy(&read[0].1).contains("One.\r\n.dotted\r\n"), "dot-stuffing is undone");
        assert!(read.iter().all(|(bytes, message)| *bytes == message.len() as u64));
        assert_eq!(catcher.places("A@X.example"), [0, 1]);
    });
}

#[test]
fn the_list_is_newest_first_and_paged() {
    running(async {
        let (world, folder) = (world(), folder("paging"));
        let catcher = Catcher::open(&folder, &world).expect("a new folder");
        let many: Vec<(&[&str], &str)> =
            (0..7).map(|n| (if n == 3 { &["b@x.example"][..] } else { &["a@x.example"] }, SECOND)).collect();
        beside(&world, &catcher, async |target| deliver(&world, &target, &many).await).await;
        let places =
            |listing: &stage::catcher::Listing| listing.receipts.iter().map(|(place, _)| *place).collect::<Vec<_>>();
        let first = catcher.list(None, None, 3);
        assert_eq!((places(&first), first.older), (vec![6, 5, 4], Some(4)));
        let last = catcher.list(Some("a@x.example"), Some(4), 3);
        assert_eq!((places(&last), last.older), (vec![2, 1, 0], None));
        assert_eq!(places(&catcher.list(Some("nobody@x.example"), None, 3)), [0; 0]);
    });
}

#[test]
fn a_receipt_cut_off_by_a_crash_is_cut_away_and_the_next_one_stands() {
    running(async {
        let (world, folder) = (world(), folder("torn"));
        let catcher = Catcher::open(&folder, &world).expect("a new folder");
        beside(&world, &catcher, async |target| {
            deliver(&world, &target, &[(&["a@x.example"], FIRST), (&["b@x.example"], SECOND)]).await
        })
        .await;
        drop(catcher);
        let file = folder.join("receipts.roll");
        let whole = std::fs::read(&file).expect("the roll");
        for cut in [1, 40, 100] {
            std::fs::write(&file, &whole[..whole.len() - cut]).expect("cut");
            let catcher = Catcher::open(&folder, &world).expect("a torn end is no damage");
            assert_eq!(catcher.count(), 1, "{cut} octets are missing");
            beside(&world, &catcher, async |target| deliver(&world, &target, &[(&["c@x.example"], SECOND)]).await)
                .await;
            drop(catcher);
            let catcher = Catcher::open(&folder, &world).expect("whole again");
            assert_eq!(
                catcher.receipts().iter().map(|r| r.to[0].as_str()).collect::<Vec<_>>(),
                ["a@x.example", "c@x.example"]
            );
        }
    });
}

#[test]
fn damage_is_said_and_not_passed_over() {
    running(async {
        let (world, folder) = (world(), folder("damage"));
        let catcher = Catcher::open(&folder, &world).expect("a new folder");
        beside(&world, &catcher, async |target| {
            deliver(&world, &target, &[(&["a@x.example"], FIRST), (&["b@x.example"], SECOND)]).await
        })
        .await;
        drop(catcher);
        let file = folder.join("receipts.roll");
        let mut bytes = std::fs::read(&file).expect("the roll");
        bytes[60] ^= 1;
        std::fs::write(&file, bytes).expect("damaged");
        let error = Catcher::open(&folder, &world).expect_err("one bit is wrong");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let damaged = error.get_ref().and_then(|inner| inner.downcast_ref::<DamagedReceipts>()).expect("it says which");
        assert_eq!(damaged.at_byte, 0);
    });
}

#[test]
fn who_waits_for_mail_gets_it_whether_it_came_or_comes() {
    running(async {
        let (world, folder) = (world(), folder("waiting"));
        let catcher = Catcher::open(&folder, &world).expect("a new folder");
        beside(&world, &catcher, async |target| {
            let waits = catcher.next_message("a@x.example", 0);
            let (place, _) = tokio::join!(waits, deliver(&world, &target, &[(&["A@x.example"], FIRST)]));
            assert_eq!(place, 0);
            assert_eq!(catcher.next_message("a@X.example", 0).await, 0);
        })
        .await;
    });
}
