//! A stranger founds a newsroom at a terminal: five questions, each asked again until its answer can be, and nothing made
//! before the last of them.

use crate::program::{Place, command, coranto, finish, run};
use interop::terminal::{CTRL_C, CTRL_D, Terminal};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// What the terminal must never show.
const PASSWORD: &str = "beeswax and rope";

/// How many questions were asked: each begins with its number, and is shown again after an answer that cannot be.
fn questions(screen: &str) -> BTreeMap<u32, usize> {
    let mut asked = BTreeMap::new();
    for line in screen.lines() {
        let number = line.split_once(". ").and_then(|(number, _)| number.parse().ok());
        if let Some(number) = number {
            *asked.entry(number).or_default() += 1;
        }
    }
    asked
}

fn settings(place: &Place) -> BTreeMap<String, String> {
    let listed = place.run(&["settings"]).done();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    listed["settings"].as_array().unwrap().iter().map(|one| (text(one, "name"), text(one, "value"))).collect()
}

fn init(place: &Place, more: &[&str]) -> Terminal {
    let data = place.data().display().to_string();
    let words = [coranto().to_str().unwrap(), "init", &data].into_iter().chain(more.iter().copied());
    Terminal::start(words, &[("TZ", "Europe/Lisbon")]).unwrap()
}

#[test]
fn five_questions_found_a_newsroom_and_wrong_answers_are_asked_again() {
    let place = Place::new("start");
    let mut terminal = init(&place, &[]);
    terminal.reads("[Our outlet]: ").unwrap();
    terminal.enters("The Courier").unwrap();
    for (typed, told) in [("courier.example", "https://news.example"), ("https://courier.example?x=1", "outlet.site")] {
        terminal.reads("[http://127.0.0.1:8400]: ").unwrap();
        terminal.enters(typed).unwrap();
        terminal.reads(told).unwrap();
    }
    terminal.reads("[http://127.0.0.1:8400]: ").unwrap();
    terminal.enters("https://courier.example/").unwrap();
    terminal.reads("[news@courier.example]: ").unwrap();
    terminal.enters("nobody").unwrap();
    terminal.reads("name@example.org").unwrap();
    terminal.reads("[news@courier.example]: ").unwrap();
    terminal.enters("").unwrap();
    for typed in ["http://relay.example", "submission://courier:hunter2@relay.example", "smtp://relay.example:99999"] {
        terminal.reads("[smtp://127.0.0.1:25]: ").unwrap();
        terminal.enters(typed).unwrap();
        terminal.reads("submission://name").unwrap();
    }
    terminal.reads("[smtp://127.0.0.1:25]: ").unwrap();
    terminal.enters("submission://courier@relay.example:2587").unwrap();
    terminal.reads("password, which is not shown: ").unwrap();
    terminal.enters(PASSWORD).unwrap();
    terminal.reads("[none yet]: ").unwrap();
    assert!(!place.data().exists(), "nothing is made before the last answer");
    terminal.enters("The Courier, 3 Customs Row, Aldry").unwrap();
    let (code, screen) = terminal.ends().unwrap();
    assert_eq!(code, 0, "{screen}");

    let asked = questions(&screen);
    assert_eq!(asked.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4, 5], "{screen}");
    assert_eq!(asked.values().copied().collect::<Vec<_>>(), [1, 3, 2, 4, 1], "{screen}");
    assert!(!screen.contains(PASSWORD), "a password is not shown: {screen}");
    assert!(screen.contains("nobody") && screen.contains("Customs Row"), "everything else is: {screen}");
    for next in ["coranto doctor --data", "coranto edition test", "coranto run --data", "/welcome/", "newsroom.keys"] {
        assert!(screen.contains(next), "{next}: {screen}");
    }
    let kept = settings(&place);
    for (name, value) in [
        ("outlet.name", "The Courier"),
        ("outlet.site", "https://courier.example"),
        ("outlet.zone", "Europe/Lisbon"),
        ("outlet.postal_address", "The Courier, 3 Customs Row, Aldry"),
        ("mail.from", "news@courier.example"),
        ("mail.domain", "courier.example"),
        ("relay.host", "relay.example"),
        ("relay.port", "2587"),
        ("relay.tls", "starttls"),
        ("relay.user", "courier"),
        ("relay.password", "set"),
    ] {
        assert_eq!(kept[name], value, "{name}");
    }
    let sealed = fs::read(place.data().join("newsroom.db")).unwrap();
    assert!(!sealed.windows(PASSWORD.len()).any(|bytes| bytes == PASSWORD.as_bytes()), "it is kept sealed");
}

#[test]
fn enter_alone_takes_every_default() {
    let place = Place::new("defaults");
    let mut terminal = init(&place, &[]);
    for _ in 0..5 {
        terminal.reads("]: ").unwrap();
        terminal.enters("").unwrap();
    }
    let (code, screen) = terminal.ends().unwrap();
    assert_eq!((code, questions(&screen).len()), (0, 5), "{screen}");
    let kept = settings(&place);
    assert_eq!((&*kept["outlet.name"], &*kept["mail.from"]), ("Our outlet", "news@outlet.example"));
    assert_eq!((&*kept["relay.host"], &*kept["relay.port"], &*kept["relay.user"]), ("127.0.0.1", "25", ""));
}

#[test]
fn whoever_breaks_it_off_has_founded_nothing_and_has_a_terminal_that_echoes() {
    for (answers, key) in [(0, CTRL_C), (2, CTRL_C), (2, CTRL_D), (4, CTRL_C), (4, CTRL_D)] {
        let place = Place::new("broken-off");
        let mut terminal = init(&place, &[]);
        for _ in 0..answers {
            terminal.reads("]: ").unwrap();
            terminal.enters("").unwrap();
        }
        terminal.reads("]: ").unwrap();
        terminal.types(key).unwrap();
        let (code, screen) = terminal.ends().unwrap();
        assert!(code == 130 || (code == 1 && screen.contains("No newsroom was founded")), "{code}: {screen}");
        assert!(!place.data().exists(), "nothing half founded after {answers} answers");
    }

    // While a password is typed the terminal is mute. It must not stay so.
    let place = Place::new("mute");
    let data = place.data().display().to_string();
    let script = format!(
        "'{}' init '{data}' --relay submission://courier@relay.example; echo \"ended $?\"; read line",
        coranto().display()
    );
    let mut terminal = Terminal::start(["sh", "-c", &script], &[]).unwrap();
    terminal.reads("not shown: ").unwrap();
    terminal.types(PASSWORD).unwrap();
    terminal.types(CTRL_C).unwrap();
    terminal.reads("ended 1").unwrap();
    terminal.enters("seen again").unwrap();
    terminal.reads("seen again").unwrap();
    let (_, screen) = terminal.ends().unwrap();
    assert!(!screen.contains(PASSWORD) && screen.contains("No newsroom was founded"), "{screen}");
    assert!(!place.data().exists());
}

#[test]
fn flags_and_scripts_are_asked_nothing_and_checked_as_people_are() {
    let place = Place::new("flags");
    let data = place.data().display().to_string();
    let from_flags = ["--name", "The Courier", "--from", "ana@paper.example", "--relay", "smtps://ana@relay.example"];
    let flags = |more: &[&str]| -> Vec<String> {
        let words = ["init", &*data, "--json"].into_iter().chain(from_flags).chain(more.iter().copied());
        words.map(str::to_owned).collect()
    };
    let refusal = run(flags(&[])).refused();
    assert!(refusal.what.contains("password") && refusal.act.contains("CORANTO_RELAY_PASSWORD"), "{refusal:?}");
    let wrong = [["--zone", "Mars/Base"], ["--site", "courier.example"], ["--from", "x"], ["--relay", "ftp://x"]];
    for more in wrong {
        let refusal = run(["init", &*data, "--json"].into_iter().chain(more)).refused();
        assert!(refusal.what.contains(more[1]), "{refusal:?}");
    }
    assert!(!place.data().exists(), "nothing was founded");

    let mut told = command(flags(&["--zone", "Europe/Madrid", "--site", "https://courier.example"]));
    let founded = finish({
        told.env("CORANTO_RELAY_PASSWORD", PASSWORD);
        told
    });
    assert!(!founded.stderr.contains("1. "), "{}", founded.stderr);
    assert_eq!(founded.done()["settings"]["relay.port"], "465");
    let kept = settings(&place);
    assert_eq!((&*kept["mail.domain"], &*kept["outlet.zone"]), ("paper.example", "Europe/Madrid"));
    assert_eq!((&*kept["relay.password"], &*kept["outlet.postal_address"]), ("set", ""));

    // A person who gives flags or says yes is asked nothing either.
    for more in [&["--yes"][..], &["--site", "https://courier.example"]] {
        let place = Place::new("flags-at-a-terminal");
        let (code, screen) = init(&place, more).ends().unwrap();
        assert_eq!((code, questions(&screen).len()), (0, 0), "{screen}");
        assert_eq!(settings(&place)["outlet.zone"], "Europe/Lisbon");
    }
}

#[test]
fn a_database_that_belongs_to_other_keys_is_not_touched() {
    let Some(server) = interop::postgres::shared() else { return };
    let (ours, theirs, url) = (Place::new("ours"), Place::new("theirs"), server.database().unwrap());
    let found = |place: &Place, name: &str| {
        run(["init", place.data().to_str().unwrap(), "--name", name, "--database", &url, "--json"])
    };
    found(&ours, "Ours").done();
    let refusal = found(&theirs, "Theirs").refused();
    assert!(refusal.what.contains("does not belong"), "{refusal:?}");
    assert!(!theirs.data().join("newsroom.keys").exists(), "no keys are made that open nothing");
    assert_eq!(settings(&ours)["outlet.name"], "Ours");
}

#[test]
fn who_closes_the_pipe_has_read_enough() {
    let place = Place::new("pipe");
    run(["init", place.data().to_str().unwrap(), "--json"]).done();
    let data = place.data().display().to_string();
    let closed = || {
        let (from, to) = std::io::pipe().unwrap();
        drop(from);
        to
    };
    for (words, code) in
        [(&["settings"][..], 0), (&["settings", "--json"], 0), (&["settings", "none", "--json"], 1), (&["--help"], 0)]
    {
        let mut command = command(words.iter().copied().chain((words[0] != "--help").then_some("--data")));
        if words[0] != "--help" {
            command.arg(&data);
        }
        command.stdout(closed());
        let said = finish(command);
        assert_eq!((said.code, said.stderr.as_str()), (Some(code), ""), "{words:?}");
    }
    // And who closes standard error, too: what is told beside the answer is not worth the work.
    let mut both = command(["doctor", "--data", &data]);
    both.stdout(closed()).stderr(closed());
    assert_eq!(both.status().unwrap().code(), Some(1), "its checks fail; it does not panic");
    let mut running = command(["run", "--data", &data]);
    running.env("CORANTO_LISTEN", "127.0.0.1:0").stdout(closed()).stderr(closed());
    let mut running = running.spawn().unwrap();
    let site = place.data().join("site/index.html");
    let published = || site.exists() || running.try_wait().unwrap().is_some();
    wait(published);
    assert_eq!(running.try_wait().unwrap(), None, "it runs on");
    running.kill().unwrap();
    running.wait().unwrap();
}

fn wait(mut look: impl FnMut() -> bool) {
    while !look() {
        std::thread::sleep(crate::program::LOOK);
    }
}
