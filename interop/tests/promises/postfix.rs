//! A real Postfix as the relay: TLS with a checked certificate, a login, faults told in clear words, and nobody lost.

use crate::program::{Place, Running, Said, command, run};
use interop::postfix::{Certificate, HOST, Mail, NAME, PASSWORD, Postfix};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

/// How many readers: an edition that takes Postfix a few seconds.
const READERS: usize = 300;
/// Connections to the relay; each may leave one reader in doubt when the relay vanishes.
const CONNECTIONS: usize = 8;

/// A newsroom with readers, whose relay is `postfix`.
struct Newsroom {
    place: Place,
}

impl Newsroom {
    /// The demo's newsroom, its edition delivered to its own catcher, is then led by hand.
    fn found(purpose: &str, postfix: &Postfix) -> Newsroom {
        let place = Place::new(purpose);
        run(place.arguments(&["demo", "--once", "--readers", &READERS.to_string()])).done();
        let newsroom = Newsroom { place };
        for (name, value) in [
            ("relay.host", HOST),
            ("relay.port", &postfix.port.to_string()),
            ("relay.tls", "starttls"),
            ("relay.ca_file", path(&postfix.authority())),
            ("relay.user", NAME),
            ("relay.connections", &CONNECTIONS.to_string()),
        ] {
            newsroom.set(name, value);
        }
        newsroom.set_password(PASSWORD);
        newsroom
    }

    #[track_caller]
    fn set(&self, name: &str, value: &str) {
        self.place.run(&["settings", name, value]).done();
    }

    #[track_caller]
    fn set_password(&self, password: &str) {
        let mut child =
            command(self.place.arguments(&["settings", "relay.password"])).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        assert!(child.wait_with_output().unwrap().status.success());
    }

    /// Cuts the edition of a date, with one story in it that nobody has had.
    #[track_caller]
    fn cut(&self, date: &str) -> Value {
        let page = self.place.all().join("story.html");
        let sentence =
            "The light was repaired in the night, and the boats that had waited outside came in one by one. ";
        let title = format!("The light of {date}");
        let body = format!("<p>{}</p>", sentence.repeat(4)).repeat(3);
        let html = format!(
            "<!doctype html><html lang=en><title>{title}</title><article><h1>{title}</h1>{body}</article></html>"
        );
        fs::write(&page, html).unwrap();
        self.place.run(&["article", "import", path(&page)]).done();
        let cut = self.place.run(&["edition", "cut", "--date", date]).done();
        assert_eq!(cut["cut"], true, "{cut}");
        cut
    }

    fn send(&self) -> Said {
        self.place.run(&["edition", "send"])
    }

    #[track_caller]
    fn report(&self) -> Value {
        let report = self.place.run(&["edition", "report"]).done();
        let states =
            ["queued", "leased", "in_flight", "accepted", "deferred", "refused", "uncertain", "excluded", "expired"];
        assert_eq!(
            states.iter().map(|state| number(&report, state)).sum::<usize>(),
            number(&report, "audience"),
            "{report}"
        );
        report
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("our own folders have plain names")
}

#[track_caller]
fn number(document: &Value, name: &str) -> usize {
    usize::try_from(document[name].as_u64().unwrap_or_else(|| panic!("no number `{name}` in {document}"))).unwrap()
}

#[test]
fn what_is_wrong_with_the_relay_is_said_clearly_and_costs_no_reader() {
    let Some(mut postfix) = Postfix::start(Mail::Delivered) else { return };
    let newsroom = Newsroom::found("faults", &postfix);
    newsroom.cut("2126-01-01");
    let refused = |expected: &str, setting: &str| {
        let refusal = newsroom.send().refused();
        assert!(refusal.what.contains(expected), "{refusal:?}");
        assert!(refusal.means.contains("No reader is blamed"), "{refusal:?}");
        assert!(refusal.act.contains(setting), "{refusal:?}");
        let report = newsroom.report();
        let waiting = ["queued", "leased", "excluded"].map(|state| number(&report, state)).iter().sum::<usize>();
        assert_eq!(waiting, number(&report, "audience"), "everybody waits: {report}");
        let doctor = newsroom.place.run(&["doctor"]);
        assert!(doctor.stderr.contains(expected), "{}", doctor.stderr);
    };
    newsroom.set_password("wrong");
    refused("The relay refused our name or password", "relay.password");
    newsroom.set_password(PASSWORD);
    postfix.restart(Certificate::Expired).unwrap();
    refused("its certificate expired on 2026-01-01 00:00 UTC", "certificate");
    postfix.restart(Certificate::OtherName).unwrap();
    refused("its certificate is for another name (mx.elsewhere.test)", "relay.host");
    postfix.restart(Certificate::Good).unwrap();
    newsroom.set("relay.ca_file", "");
    refused("its certificate is signed by nobody whom we know", "relay.ca_file");
    newsroom.set("relay.tls", "implicit");
    refused("does not speak TLS on this port", "relay.tls");
    newsroom.set("relay.tls", "none");
    refused("it offers neither PLAIN nor LOGIN", "relay.tls");
    assert_eq!(postfix.count(), 0, "nothing was taken so far");

    newsroom.set("relay.ca_file", path(&postfix.authority()));
    for (way, port, date) in [("starttls", postfix.port, None), ("implicit", postfix.implicit_port, Some("2126-01-02"))]
    {
        newsroom.set("relay.tls", way);
        newsroom.set("relay.port", &port.to_string());
        if let Some(date) = date {
            newsroom.cut(date);
        }
        let report = newsroom.send().done();
        let accepted = number(&report, "accepted");
        assert_eq!(accepted + number(&report, "excluded"), READERS, "{report}");
        assert!(accepted > READERS / 2, "{report}");
        let departure = report["departure"].as_str().unwrap();
        let delivered = postfix.delivered().unwrap();
        let ours = |message: &String| message.contains(&format!("Feedback-ID: {departure}:"));
        let got: Vec<usize> = delivered.values().map(|all| all.iter().filter(|m| ours(m)).count()).collect();
        assert_eq!((got.iter().sum::<usize>(), got.iter().max()), (accepted, Some(&1)), "once each, over {way}");
        let log = delivered.values().flatten().find(|m| ours(m)).unwrap();
        assert!(log.contains("with ESMTPSA"), "it came encrypted, from one who had logged in: {log}");
    }
}

#[test]
fn a_postfix_that_vanishes_in_mid_edition_costs_no_reader_and_mails_none_twice() {
    let Some(mut postfix) = Postfix::start(Mail::Kept) else { return };
    let newsroom = Newsroom::found("vanishes", &postfix);
    // Slow enough that it vanishes in the middle on any machine.
    newsroom.set("relay.per_minute", "3000");
    newsroom.cut("2126-01-01");
    let mut sending = Running::start(newsroom.place.arguments(&["edition", "send"]));
    for wanted in [READERS / 6, READERS / 3] {
        sending.until("the moment for Postfix to vanish", |_| (postfix.count() >= wanted).then_some(()));
        postfix.kill();
        assert!(postfix.count() < READERS, "it vanished too late to show anything");
        if wanted == READERS / 6 {
            postfix.restart(Certificate::Good).unwrap();
        }
    }
    let refusal = sending.wait().refused();
    assert!(refusal.what.contains("The relay could not be used, 3 times in a row"), "{refusal:?}");
    let waiting = newsroom.report();
    assert!(number(&waiting, "queued") + number(&waiting, "leased") > 0, "{waiting}");

    postfix.restart(Certificate::Good).unwrap();
    let report = newsroom.send().done();
    let (accepted, uncertain) = (number(&report, "accepted"), number(&report, "uncertain"));
    assert_eq!(accepted + uncertain + number(&report, "excluded"), READERS, "{report}");
    assert!(uncertain <= 2 * CONNECTIONS, "{report}");
    assert_eq!(report["uncertain_readers"].as_array().unwrap().len(), uncertain, "every doubt is listed: {report}");
    let queued = postfix.queued().unwrap();
    let reached: BTreeSet<&String> = queued.iter().collect();
    assert_eq!(reached.len(), queued.len(), "nobody is mailed twice");
    assert!((accepted..=accepted + uncertain).contains(&reached.len()), "{} were reached: {report}", reached.len());
}

#[test]
fn caps_that_do_not_carry_an_edition_are_a_choice_of_a_persons() {
    let Some(postfix) = Postfix::start(Mail::Kept) else { return };
    let newsroom = Newsroom::found("caps", &postfix);
    newsroom.set("relay.per_minute", "6000");
    // The demo's own mail of this day counts as well, a letter and an edition for everybody: half an edition is left.
    newsroom.set("relay.per_day", &(5 * READERS / 2).to_string());
    newsroom.cut("2126-01-01");
    let route = newsroom.place.run(&["edition", "route"]).done();
    assert_eq!(route["may_leave"], false, "{route}");
    let (short, carried) = (number(&route, "shortfall"), number(&route, "carried"));
    assert_eq!(short + carried, number(&route, "copies"), "{route}");
    assert!(short > 0 && carried > 0, "{route}");
    let refusal = newsroom.send().refused();
    assert!(refusal.what.contains(&format!("{short} of")), "{refusal:?}");
    for choice in ["--lives-h", "relay.per_day", &format!("--accept-shortfall {short}")] {
        assert!(refusal.act.contains(choice), "{refusal:?}");
    }
    let fewer = (short - 1).to_string();
    newsroom.place.run(&["edition", "send", "--no-wait", "--accept-shortfall", &fewer]).refused();
    assert_eq!(postfix.count(), 0, "nothing left without the choice");

    newsroom.set("relay.per_day", "0");
    let report = newsroom.send().done();
    assert_eq!(number(&report, "accepted") + number(&report, "excluded"), READERS, "{report}");
    assert_eq!(postfix.queued().unwrap().len(), number(&report, "accepted"));
}
