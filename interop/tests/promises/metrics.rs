//! The figures for a machine that watches, asked for while an edition is on its way: they say what the ledger says.

use crate::http;
use crate::newsroom::Newsroom;
use crate::program::{Place, Running, command};
use crate::relay::Relay;
use std::fs;
use std::net::TcpListener;

const READERS: usize = 12;
/// How many get their copy before the relay falls silent.
const SENT_FIRST: usize = 5;

/// The sum of a figure's lines, or of those with these words in their labels.
fn figure(text: &str, name: &str, with: &str) -> u64 {
    let of = |line: &&str| line.split(['{', ' ']).next() == Some(name) && line.contains(with);
    let lines: Vec<&str> = text.lines().filter(of).collect();
    assert!(!lines.is_empty(), "no {name} {with} in {text}");
    lines.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn the_figures_say_what_the_ledger_says_while_an_edition_is_on_its_way() {
    let relay = Relay::open(None);
    let newsroom = Newsroom::found_in(Place::new("metrics"), relay.address);
    let list = newsroom.place.all().join("readers.csv");
    let addresses: String = (0..READERS).map(|n| format!("keeper-{n}@lamps.example\n")).collect();
    fs::write(&list, format!("email\n{addresses}")).unwrap();
    newsroom.run(&["readers", "import", "--apply", &list.display().to_string()]).done();
    newsroom.publish("The light is lit again");
    newsroom.run(&["edition", "cut"]).done();
    relay.takes(SENT_FIRST);
    let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut started = command(newsroom.place.arguments(&["run"]));
    started.env("CORANTO_LISTEN", "127.0.0.1:0").env("CORANTO_METRICS", &at);
    let mut running = Running::spawn(started);
    let url = format!("http://{at}/metrics");
    running.until("the figures", |running| running.stderr().contains("/metrics").then_some(()));
    // Cut and not sent: everyone waits.
    let text = http::get(&url).body;
    assert_eq!(figure(&text, "coranto_copies", "state=\"queued\""), READERS as u64, "{text}");
    newsroom.run(&["edition", "send", "--help"]);
    let mut sender = Running::spawn(command(newsroom.place.arguments(&["edition", "send"])));
    let settled = running.until("the first copies", |_| {
        let text = http::get(&url).body;
        (figure(&text, "coranto_copies", "state=\"accepted\"") == SENT_FIRST as u64).then_some(text)
    });
    assert_eq!(figure(&settled, "coranto_copies", ""), READERS as u64, "the states sum to the audience: {settled}");
    assert_eq!(figure(&settled, "coranto_audience", ""), READERS as u64);
    assert_eq!(figure(&settled, "coranto_way_copies", "state=\"accepted\""), SENT_FIRST as u64, "{settled}");
    assert_eq!(figure(&settled, "coranto_departures", "state=\"open\""), 1);
    assert_eq!(figure(&settled, "coranto_readers", "standing=\"active\""), READERS as u64);
    let report = newsroom.run(&["edition", "report"]).done();
    assert_eq!(report["accepted"].as_u64(), Some(SENT_FIRST as u64), "{report}");
    assert!(!settled.contains('@') && !settled.contains("lamps"), "{settled}");
    assert_eq!(http::get(&format!("http://{at}/")).status, 404);
    relay.takes_all();
    running.until("the end", |_| (figure(&http::get(&url).body, "coranto_audience", "") == 0).then_some(()));
    assert!(sender.is_alive() || sender.stderr().is_empty() || !sender.stderr().contains("panicked"));
    assert_eq!(running.stop().code, Some(0));
}
