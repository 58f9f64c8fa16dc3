//! A newsroom backed up while it sends, lost, and brought back elsewhere: everything is there, nobody is mailed until a
//! person says so, and the links of old mails still let readers leave.

use crate::http::{self, FORM};
use crate::mails;
use crate::program::{Place, Running, command, run};
use interop::postgres;
use serde_json::Value;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

/// How many readers the newsroom has.
const READERS: u64 = 1_000;

fn words(place: &Place) -> String {
    let path = place.all().join("words");
    fs::write(&path, "correct horse battery staple\n").unwrap();
    path.display().to_string()
}

fn at(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    all.extend(["--json".into(), "--data".into(), folder.display().to_string()]);
    all
}

fn editions(place: &Place) -> usize {
    let roll = fs::read(place.mail().join("receipts.roll")).unwrap_or_default();
    roll.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"Feedback-ID:")).count()
}

fn number(document: &Value, name: &str) -> u64 {
    document[name].as_u64().unwrap_or_else(|| panic!("{name}: {document}"))
}

#[test]
fn a_newsroom_lost_while_sending_comes_back_elsewhere_and_mails_nobody_until_told() {
    let place = Place::new("backup");
    let (words, file) = (words(&place), place.all().join("newsroom.age").display().to_string());
    let readers = READERS.to_string();
    let mut demo = Running::start(place.arguments(&["demo", "--readers", &readers, "--listen", "127.0.0.1:0"]));
    demo.until("the moment to back up", |_| (editions(&place) > 50).then_some(()));
    let made = place.run(&["backup", &file, "--passphrase-file", &words]).done();
    assert_eq!(number(&made, "readers"), READERS, "{made}");
    demo.told("The inbox:");
    let sent = place.run(&["edition", "report"]).done();
    assert_eq!(number(&sent, "accepted"), READERS, "a backup holds up nobody: {sent}");
    assert_eq!(demo.stop().code, Some(0));
    let old = mails::caught(&place.mail()).into_iter().find(|mail| mail.departure().is_some()).unwrap();
    let way_out = old.field("List-Unsubscribe").trim_matches(['<', '>']).to_owned();
    fs::remove_dir_all(place.data()).unwrap();

    let verified = run(["backup", "--verify", &file, "--passphrase-file", &words, "--json"]).done();
    assert_eq!(verified, made);
    let home = place.all().join("elsewhere");
    let folder = home.display().to_string();
    let site = "http://127.0.0.1:8999";
    let restore = ["restore", &file, &folder, "--site", site, "--passphrase-file", &words, "--json"];
    let restored = run(restore).done();
    assert_eq!((number(&restored, "readers"), restored["held"].as_bool()), (READERS, Some(true)));
    let twice = run(restore).refused();
    assert!(twice.what.contains("not empty"), "{}", twice.what);

    let counts = || run(at(&home, &["readers", "count"])).done();
    assert_eq!(number(&counts(), "active"), READERS);
    let report = run(at(&home, &["edition", "report"])).done();
    let states =
        ["accepted", "uncertain", "queued", "leased", "in_flight", "deferred", "refused", "excluded", "expired"];
    assert_eq!(states.iter().map(|state| report[*state].as_u64().unwrap_or(0)).sum::<u64>(), READERS, "{report}");
    assert_eq!(report["in_flight"].as_u64().unwrap_or(0), 0, "what was in flight is in doubt: {report}");
    assert!(number(&report, "accepted") >= 50, "{report}");

    // Whatever knocks here would have been mail.
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = relay.local_addr().unwrap().port().to_string();
    for (name, value) in [("relay.host", "127.0.0.1"), ("relay.port", &port)] {
        assert_eq!(run(at(&home, &["settings", name, value])).code, Some(0));
    }
    relay.set_nonblocking(true).unwrap();
    let refusal = run(at(&home, &["edition", "send"])).refused();
    assert!(refusal.what.contains("All sending is held") && refusal.act.contains("coranto release"), "{refusal:?}");
    let mut start = command(at(&home, &["run"]));
    start.env("CORANTO_LISTEN", "127.0.0.1:0");
    let mut running = Running::spawn(start);
    let address = running.told("is at ").split(' ').next().unwrap().trim_end_matches('/').to_owned();
    running.until("the hold on the log", |running| running.stderr().contains("All sending is held").then_some(()));
    let path = way_out.strip_prefix("http://").and_then(|rest| rest.split_once('/')).unwrap().1;
    assert_eq!(http::get(&address).status, 200, "the site is served");
    assert_eq!(http::post(&format!("{address}/{path}"), FORM, "List-Unsubscribe=One-Click").status, 200);
    let after = counts();
    assert_eq!((number(&after, "active"), number(&after, "unsubscribed")), (READERS - 1, 1), "an old link lets go");
    assert_eq!(relay.accept().map(drop).map_err(|fault| fault.kind()), Err(ErrorKind::WouldBlock), "nobody is mailed");

    assert_eq!(run(at(&home, &["release"])).done()["released"].as_bool(), Some(true));
    assert_eq!(run(at(&home, &["release"])).done()["released"].as_bool(), Some(false));
    if number(&report, "queued") + number(&report, "deferred") > 0 {
        assert_eq!(relay.accept().map(drop).map_err(|fault| fault.kind()), Err(ErrorKind::WouldBlock), "it is paused");
        assert_eq!(run(at(&home, &["edition", "send", "--no-wait"])).code, Some(0));
        running.until("the poster at the relay", |_| relay.accept().ok().map(drop));
    }
    running.kill();
}

#[test]
fn a_backup_goes_from_one_engine_to_the_other_and_back() {
    let Some(server) = postgres::shared() else { return };
    let place = Place::new("engines");
    let words = words(&place);
    let path = |name: &str| place.all().join(name).display().to_string();
    place.run(&["demo", "--once", "--readers", "30"]).done();
    let first = place.run(&["backup", &path("one.age"), "--passphrase-file", &words]).done();
    let url = server.database().unwrap();
    let (there, back) = (path("there"), path("back"));
    run(["restore", &path("one.age"), &there, "--database", &url, "--passphrase-file", &words, "--json"]).done();
    let full = run(["restore", &path("one.age"), &back, "--database", &url, "--passphrase-file", &words, "--json"]);
    assert!(full.refused().what.contains("holds a newsroom already"), "{}", full.stdout);
    assert!(!Path::new(&back).exists(), "a restore that failed leaves nothing");
    let second = run(at(Path::new(&there), &["backup", &path("two.age"), "--passphrase-file", &words])).done();
    // The hold is a setting.
    assert_eq!(number(&second, "rows"), number(&first, "rows") + 1);
    run(["restore", &path("two.age"), &back, "--passphrase-file", &words, "--json"]).done();
    let report = |folder: &str| run(at(Path::new(folder), &["edition", "report"])).done();
    assert_eq!(report(&back), report(&there));
    assert_eq!(report(&back), place.run(&["edition", "report"]).done());
}

#[test]
fn a_backup_of_a_postgresql_that_is_sending_is_of_one_moment_and_holds_up_nobody() {
    const READERS: u64 = 400;
    let Some(server) = postgres::shared() else { return };
    let place = Place::new("backup-postgres");
    let (words, url) = (words(&place), server.database().unwrap());
    let path = |name: &str| place.all().join(name).display().to_string();
    let readers = READERS.to_string();
    let sending = ["demo", "--readers", &readers, "--listen", "127.0.0.1:0", "--database", &url];
    let mut demo = Running::start(place.arguments(&sending));
    demo.until("the moment to back up", |_| (editions(&place) > 20).then_some(()));
    let made = place.run(&["backup", &path("one.age"), "--passphrase-file", &words]).done();
    let at_the_end = editions(&place) as u64;
    assert_eq!(number(&made, "readers"), READERS, "{made}");
    demo.told("The inbox:");
    let sent = place.run(&["edition", "report"]).done();
    assert_eq!(number(&sent, "accepted"), READERS, "a backup holds up nobody: {sent}");
    assert_eq!(demo.stop().code, Some(0));

    // Back on the other engine: the ledger of that moment, to the last reader.
    let back = path("back");
    run(["restore", &path("one.age"), &back, "--passphrase-file", &words, "--json"]).done();
    let report = run(at(Path::new(&back), &["edition", "report"])).done();
    let states =
        ["accepted", "uncertain", "queued", "leased", "in_flight", "deferred", "refused", "excluded", "expired"];
    assert_eq!(states.iter().map(|state| report[*state].as_u64().unwrap_or(0)).sum::<u64>(), READERS, "{report}");
    assert_eq!(report["in_flight"].as_u64().unwrap_or(0), 0, "what was in flight is in doubt: {report}");
    assert!(number(&report, "accepted") <= at_the_end, "no more than had left by then: {report}");
    let refusal = run(at(Path::new(&back), &["edition", "send"])).refused();
    assert!(refusal.what.contains("All sending is held"), "{refusal:?}");
}

#[test]
fn a_copied_folder_is_held_and_a_damaged_backup_refused() {
    let place = Place::new("copy");
    let words = words(&place);
    place.run(&["demo", "--once", "--readers", "5"]).done();
    let copy = place.all().join("copy");
    assert!(Command::new("cp").arg("-a").arg(place.data()).arg(&copy).status().unwrap().success());
    let held = run(at(&copy, &["edition", "send"])).refused();
    assert!(held.what.contains("copied"), "{}", held.what);
    run(at(&copy, &["release"])).done();
    for said in [run(at(&copy, &["edition", "send"])), place.run(&["edition", "send"])] {
        assert!(!said.stdout.contains("held"), "released, and never held: {}", said.stdout);
    }

    let file = place.all().join("newsroom.age");
    let named = file.display().to_string();
    place.run(&["backup", &named, "--passphrase-file", &words]).done();
    let whole = fs::read(&file).unwrap();
    for (name, bytes) in [
        ("cut", whole[..whole.len() - 200].to_vec()),
        ("changed", {
            let mut bytes = whole.clone();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            bytes
        }),
    ] {
        let bad = place.all().join(name).display().to_string();
        fs::write(&bad, bytes).unwrap();
        for said in [
            run(["backup", "--verify", &bad, "--passphrase-file", &words, "--json"]),
            run([
                "restore",
                &bad,
                &place.all().join("never").display().to_string(),
                "--passphrase-file",
                &words,
                "--json",
            ]),
        ] {
            assert!(said.refused().what.contains("cannot be used"), "{name}: {}", said.stdout);
        }
        assert!(!place.all().join("never").exists(), "nothing is left of what was refused");
    }
}
