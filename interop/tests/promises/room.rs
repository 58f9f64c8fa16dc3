//! A full disk: what was acknowledged stands, nothing doubles, it is said plainly, and it goes on when there is room.

use crate::http;
use crate::newsroom::{addresses, letters};
use crate::program::{LOOK, Running, Said, command_within, finish, refusal};
use crate::relay::{Relay, Took};
use interop::namespace::SmallDisk;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// Room for a newsroom, its site and its journal.
const DISK_MB: u32 = 24;

/// A newsroom on a small disk.
struct Cramped {
    disk: SmallDisk,
}

impl Cramped {
    fn command(&self, words: &[&str]) -> Command {
        let folder = self.disk.folder().join("newsroom");
        command_within(&self.disk.within(), words.iter().copied().chain(["--json", "--data", folder.to_str().unwrap()]))
    }

    fn run(&self, words: &[&str]) -> Said {
        finish(self.command(words))
    }

    /// None when there can be no small disk.
    fn found(relay: &Relay) -> Option<Cramped> {
        let cramped = Cramped { disk: SmallDisk::start(DISK_MB)? };
        cramped.init().done();
        let address = relay.address;
        for (name, value) in [
            ("relay.host", address.ip().to_string()),
            ("relay.port", address.port().to_string()),
            ("outlet.postal_address", "1 Lamp Row, Ostrey".to_owned()),
        ] {
            cramped.run(&["settings", name, &value]).done();
        }
        Some(cramped)
    }

    fn init(&self) -> Said {
        let folder = self.disk.folder().join("newsroom");
        finish(command_within(&self.disk.within(), ["init", folder.to_str().unwrap(), "--json"]))
    }

    fn open(&self) -> (Running, String) {
        let mut command = self.command(&["run"]);
        command.env("CORANTO_LISTEN", "127.0.0.1:0");
        let mut running = Running::spawn(command);
        let site = running.told(" is at ").split('/').take(3).collect::<Vec<_>>().join("/");
        (running, site)
    }

    fn import(&self, addresses: &[String]) {
        fs::write(self.disk.seen_from_outside().join("list.csv"), format!("email\n{}\n", addresses.join("\n")))
            .unwrap();
        let file = self.disk.folder().join("list.csv");
        self.run(&["readers", "import", "--apply", file.to_str().unwrap()]).done();
    }

    fn publish(&self) {
        let story = "<p>Every lamp along the quay was lit, and nobody could say by whom.</p>".repeat(8);
        let page =
            format!("<!doctype html><html lang=en><title>Lamps</title><article><h1>Lamps</h1>{story}</article></html>");
        fs::write(self.disk.seen_from_outside().join("story.html"), page).unwrap();
        let file = self.disk.folder().join("story.html");
        self.run(&["article", "import", file.to_str().unwrap()]).done();
    }
}

fn number(document: &Value, name: &str) -> usize {
    usize::try_from(document[name].as_u64().unwrap_or_else(|| panic!("no `{name}` in {document}"))).unwrap()
}

fn by_recipient(took: &[Took]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for one in took {
        assert_eq!(one.to.len(), 1);
        *counts.entry(one.to[0].clone()).or_default() += 1;
    }
    counts
}

#[test]
fn a_newsroom_that_could_not_be_founded_for_want_of_room_is_founded_when_there_is_some() {
    let Some(disk) = SmallDisk::start(4) else { return };
    let cramped = Cramped { disk };
    cramped.disk.fill().unwrap();
    cramped.init().refused();
    cramped.disk.make_room().unwrap();
    cramped.init().done();
    assert_eq!(cramped.run(&["readers", "count"]).done()["active"], 0);
}

#[test]
fn a_disk_that_fills_while_readers_sign_up_loses_nobody_who_was_told_to_look_for_mail() {
    let relay = Relay::open(None);
    let Some(cramped) = Cramped::found(&relay) else { return };
    let (mut running, site) = cramped.open();
    let (mut acknowledged, mut turned_away) = (Vec::new(), 0);
    let mut ask = |address: &String| {
        let answer =
            http::post(&format!("{site}/subscribe"), http::FORM, &format!("email={}", address.replace('@', "%40")));
        match answer.status {
            200 => acknowledged.push(address.clone()),
            503 => {
                assert!(
                    answer.body.contains("Nothing was changed") && answer.body.contains("try again"),
                    "{}",
                    answer.body
                );
                turned_away += 1;
            }
            other => panic!("{other}: {}", answer.body),
        }
        answer.status
    };
    let everybody = addresses(400);
    let (first, rest) = everybody.split_at(20);
    first.iter().for_each(|address| assert_eq!(ask(address), 200));
    cramped.disk.fill().unwrap();
    // What room is left in the journal's file may take some more.
    let refused = rest.iter().position(|address| ask(address) == 503).expect("a full disk takes nothing more");
    assert_eq!(http::get(&format!("{site}/")).status, 200, "the site stays readable");
    let full = cramped.run(&["settings", "outlet.tagline", &"x".repeat(160)]);
    if full.code != Some(0) {
        let refusal = refusal(&full.document()["error"]);
        assert!(refusal.what.contains("full") && refusal.act.contains("room"), "{refusal:?}");
    }
    assert!(running.is_alive(), "it waits for room: {}", running.stderr());

    cramped.disk.make_room().unwrap();
    let again = &rest[refused..refused + 20];
    again.iter().for_each(|address| assert_eq!(ask(address), 200));
    assert!(turned_away > 0);
    let all = running.until("a letter to everybody who was told so", |_| {
        let letters = letters(&relay);
        acknowledged.iter().all(|address| letters.contains_key(address)).then_some(letters)
    });
    assert_eq!(all.len(), acknowledged.len(), "and to nobody else");
    assert!(by_recipient(&relay.took()).values().all(|count| *count == 1), "and once");
    assert!(running.stderr().contains("full"), "the log says why: {}", running.stderr());
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn a_disk_that_fills_while_an_edition_leaves_doubles_and_loses_nobody() {
    // So many that what is written about them needs more room than the journal's file, which is used again, may have.
    const READERS: usize = 3_000;
    let relay = Relay::open(None);
    let Some(cramped) = Cramped::found(&relay) else { return };
    cramped.import(&addresses(READERS));
    cramped.publish();
    cramped.run(&["edition", "cut"]).done();
    let before = relay.took().len();

    // One that is killed while it waits for room, and one that lives to see some.
    const FIRST: usize = 10;
    relay.takes(FIRST);
    let mut killed = Running::spawn(cramped.command(&["edition", "send"]));
    killed.until("the first copies", |_| (relay.took().len() == before + FIRST).then_some(()));
    cramped.disk.fill().unwrap();
    relay.takes_all();
    killed.until("the word that there is no room", |running| running.stderr().contains("full").then_some(()));
    killed.kill();
    let mut waiting = Running::spawn(cramped.command(&["edition", "send"]));
    // It may say so and wait, or say so and end: either way nothing is lost.
    while waiting.is_alive() && !waiting.stderr().contains("full") {
        std::thread::sleep(LOOK);
    }
    cramped.disk.make_room().unwrap();
    let said = waiting.wait();
    let report = match said.code {
        Some(0) => said.done(),
        _ => {
            let refusal = said.refused();
            assert!(refusal.what.contains("full") && refusal.act.contains("room"), "{refusal:?}");
            cramped.run(&["edition", "send"]).done()
        }
    };
    let doubtful = number(&report, "uncertain");
    assert_eq!(number(&report, "accepted") + doubtful, READERS, "{report}");
    assert!(doubtful <= 20, "one for each connection at most: {report}");
    let reached = by_recipient(&relay.took()[before..]);
    assert!(reached.values().all(|count| *count == 1), "nobody is mailed twice");
    assert!(
        (number(&report, "accepted")..=READERS).contains(&reached.len()),
        "{} were reached: {report}",
        reached.len()
    );
}
