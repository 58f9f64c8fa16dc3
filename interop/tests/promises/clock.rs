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
struct Host {
    library: PathBuf,
    file: PathBuf,
}

impl Host {
    /// Moves the clock to a moment, in seconds since 1970; it goes on from there.
    fn set(&self, moment: u64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("+{}\n", moment - now)).unwrap();
        // In one step: a file that is half written is a wrong time.
        std::fs::rename(next, &self.file).unwrap();
    }

    fn under(&self, mut command: Command) -> Command {
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        command.env("FAKETIME_NO_CACHE", "1").env("DONT_FAKE_MONOTONIC", "1").env("CORANTO_LISTEN", "127.0.0.1:0");
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
    let Some(library) = interop::need(Tool::Faketime) else { return };
    let place = Place::new("clock");
    place.run(&["demo", "--once", "--readers", &READERS.to_string()]).done();
    let (inbox, host) = (place.all().join("inbox"), Host { library, file: place.all().join("clock") });
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
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / DAY_S * DAY_S;
    let day = |n: u64, hour: u64, second: u64| today + (n + 2) * DAY_S + hour * 3_600 + second;

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
