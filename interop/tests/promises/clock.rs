//! P5 on the real binary, with the host's clock moved under it: an edition leaves by itself at its hour, and nothing is
//! repeated the next day.

use crate::mails;
use crate::program::{Place, Running, command, finish};
use interop::Tool;
use stage::catcher::Catcher;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many readers.
const READERS: usize = 12;
/// One day, in seconds.
const DAY_S: u64 = 86_400;

/// The host's clock as the newsroom sees it: a file that libfaketime reads at every look.
pub struct Host {
    library: PathBuf,
    file: PathBuf,
}

impl Host {
    /// One whose clock is kept in a file in `folder`; None without libfaketime, with the calling test recorded as skipped.
    pub fn new(folder: &Path) -> Option<Host> {
        interop::need(Tool::Faketime).map(|library| Host { library, file: folder.join("clock") })
    }

    /// What a program is told to live by this clock.
    pub fn variables(&self) -> [(&'static str, String); 4] {
        let path = |path: &Path| path.display().to_string();
        [
            ("LD_PRELOAD", path(&self.library)),
            ("FAKETIME_TIMESTAMP_FILE", path(&self.file)),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("DONT_FAKE_MONOTONIC", "1".into()),
        ]
    }

    /// Moves the clock to a moment, in seconds since 1970; it goes on from there.
    pub fn set(&self, moment: u64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("+{}\n", moment - now)).unwrap();
        // In one step: a file that is half written is a wrong time.
        std::fs::rename(next, &self.file).unwrap();
    }

    /// The same command, by this clock.
    pub fn under(&self, mut command: Command) -> Command {
        command.envs(self.variables()).env("CORANTO_LISTEN", "127.0.0.1:0");
        command
    }
}

/// Catches mail on a port of its own for as long as the test runs.
fn catch(folder: &Path) -> u16 {
    let (tell, told) = mpsc::channel();
    let folder = folder.to_owned();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = world::real::world(3);
            let catcher = Catcher::open(&folder, &world).unwrap();
            let listener = world.listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
            tell.send(listener.address().unwrap().port()).unwrap();
            catcher.serve(&listener).await;
        });
    });
    told.recv_timeout(Duration::from_secs(60)).unwrap()
}

/// How many copies each address has had.
fn had(folder: &Path) -> BTreeMap<String, usize> {
    let mut had = BTreeMap::new();
    for mail in mails::caught(folder) {
        for to in mail.to {
            *had.entry(to).or_default() += 1;
        }
    }
    had
}

/// A second of the `n`th day of a story, counted from one that comes: never the host's own.
pub fn day(n: u64, hour: u64, second: u64) -> u64 {
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / DAY_S * DAY_S;
    today + (n + 2) * DAY_S + hour * 3_600 + second
}

fn import(place: &Place, host: &Host, title: &str) {
    let page = place.all().join("story.html");
    let words = "The tide rose again at the quay, and nobody had foreseen how far it would come. ".repeat(40);
    let html = format!(
        "<!doctype html><html lang=en><head><title>{title}</title></head><body><article><h1>{title}</h1>\
                        <p>{words}</p><p>{words}</p></article></body></html>"
    );
    std::fs::write(&page, html).unwrap();
    let arguments = place.arguments(&["article", "import", page.to_str().unwrap()]);
    finish(host.under(command(arguments))).done();
}

#[test]
fn an_edition_leaves_by_itself_when_its_hour_comes_and_nothing_repeats_the_next_day() {
    let place = Place::new("clock");
    let Some(host) = Host::new(place.all()) else { return };
    place.run(&["demo", "--once", "--readers", &READERS.to_string()]).done();
    let inbox = place.all().join("inbox");
    let port = catch(&inbox).to_string();
    for (name, value) in [
        ("relay.host", "127.0.0.1"),
        ("relay.port", &*port),
        ("relay.user", ""),
        ("outlet.zone", "UTC"),
        ("edition.hour", "7"),
        ("edition.leaves", "itself"),
    ] {
        place.run(&["settings", name, value]).done();
    }
    host.set(day(0, 5, 0));
    import(&place, &host, "A story for the first day");
    let mut running = Running::spawn(host.under(command(place.arguments(&["run"]))));
    // Hours before it was first looked at are nobody's.
    running.told("The clock is looked at");
    host.set(day(0, 7, 1));
    running.told("An edition left by itself");
    running.until("every copy", |_| (had(&inbox).len() == READERS).then_some(()));

    host.set(day(1, 7, 1));
    running.told("Nothing is new: no edition leaves this hour");
    assert!(had(&inbox).values().all(|count| *count == 1), "nothing repeats the next day: {:?}", had(&inbox));

    import(&place, &host, "Another for the third");
    host.set(day(2, 7, 1));
    running.until("the third day's", |_| had(&inbox).values().all(|count| *count == 2).then_some(()));
    let turns = finish(host.under(command(place.arguments(&["edition", "turns"])))).done();
    let became: Vec<&str> = turns["turns"].as_array().unwrap().iter().map(|t| t["became"].as_str().unwrap()).collect();
    assert_eq!(became, ["departed", "nothing new", "departed"]);
    running.stop();
    assert_eq!(had(&inbox).len(), READERS);
}

#[test]
fn an_edition_that_waits_for_a_person_reminds_the_desk_by_mail_and_leaves_at_their_word() {
    const DESK: &str = "desk@courier.example";
    let place = Place::new("reminder");
    let Some(host) = Host::new(place.all()) else { return };
    place.run(&["demo", "--once", "--readers", &READERS.to_string()]).done();
    let inbox = place.all().join("inbox");
    let port = catch(&inbox).to_string();
    for (name, value) in [
        ("relay.port", &*port),
        ("outlet.zone", "UTC"),
        ("edition.hour", "7"),
        ("edition.cutoff", "06:30"),
        ("desk.reminders_to", DESK),
    ] {
        place.run(&["settings", name, value]).done();
    }
    host.set(day(0, 5, 0));
    import(&place, &host, "A story that waits");
    let mut running = Running::spawn(host.under(command(place.arguments(&["run"]))));
    running.told("The clock is looked at");
    assert!(had(&inbox).is_empty(), "before the cutoff nobody is reminded");
    host.set(day(0, 6, 1_801));
    let mail = running.until("the reminder", |_| mails::caught(&inbox).pop());
    assert_eq!(mail.to, [DESK]);
    let text = mail.text().to_owned();
    let word = text.lines().find_map(|line| line.trim().strip_prefix("coranto edition release ")).unwrap().to_owned();
    assert!(mail.field("Subject").starts_with("Waiting for you: ") && word.starts_with("daily-"), "{text}");
    assert!(mails::addresses(&text).is_empty(), "no link in it acts: {text}");

    host.set(day(0, 7, 1));
    running.told("An edition waits for a person's word");
    assert_eq!(had(&inbox).len(), 1, "nothing left without the word, and the desk is reminded once");
    finish(host.under(command(place.arguments(&["edition", "release", &word])))).done();
    running.until("every copy", |_| (had(&inbox).len() == READERS + 1).then_some(()));
    assert!(had(&inbox).values().all(|count| *count == 1), "{:?}", had(&inbox));
    running.stop();
}
