//! Bad input and bad days: each is told in three sentences, nothing is lost, and it goes on when the fault is mended.

use crate::http;
use crate::newsroom::{Newsroom, addresses, letters, with_readers};
use crate::program::{Place, Running, command, finish, run};
use crate::relay::{NAME, Relay};
use interop::postgres;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

/// An address that only the tests here listen at: elsewhere on loopback, ports are taken and left every moment.
const ASIDE: &str = "127.0.0.2:0";

/// A port of loopback that nobody listens on.
fn nobody() -> std::net::SocketAddr {
    TcpListener::bind(ASIDE).unwrap().local_addr().unwrap()
}

fn number(document: &Value, name: &str) -> usize {
    usize::try_from(document[name].as_u64().unwrap_or_else(|| panic!("no `{name}` in {document}"))).unwrap()
}

#[test]
fn wrong_usage_exits_2_and_every_command_shows_an_example() {
    let wrong: [&[&str]; 8] = [
        &["frobnicate"],
        &[],
        &["demo", "--readers", "0"],
        &["demo", "--readers", "many"],
        &["demo", "--listen", "nowhere"],
        &["edition", "cut", "--date", "yesterday"],
        &["gather"],
        &["source", "remove", "x"],
    ];
    for words in wrong {
        let said = run(words);
        assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{words:?}");
        assert!(!said.stderr.is_empty(), "{words:?}");
    }
    let commands = [
        "demo",
        "init",
        "run",
        "source",
        "source add",
        "source list",
        "source remove",
        "gather",
        "article",
        "article import",
        "edition",
        "edition cut",
        "edition send",
        "edition report",
        "readers",
        "readers count",
        "settings",
        "export",
        "doctor",
        "read",
    ];
    for words in commands {
        let said = run(words.split(' ').chain(["--help"]));
        assert_eq!(said.code, Some(0), "{words}");
        assert!(said.stdout.contains("Example: coranto"), "{words}: {}", said.stdout);
    }
}

#[test]
fn a_folder_without_a_newsroom_and_a_file_with_an_unknown_key_are_told_apart() {
    let place = Place::new("unknown-key");
    for words in [&["run"][..], &["readers", "count"], &["edition", "cut"], &["gather", "--once"], &["doctor"]] {
        let refusal = place.run(words).refused();
        assert!(refusal.what.contains("no newsroom") && refusal.act.contains("coranto init"), "{refusal:?}");
    }
    assert!(!place.data().exists(), "nothing is made where nothing was founded");

    let newsroom = Newsroom::found_in(place, nobody());
    let file = newsroom.place.data().join("coranto.toml");
    let good = fs::read_to_string(&file).unwrap();
    for (line, named) in
        [("lisen = \"127.0.0.1:80\"", "lisen"), ("listen = \"here\"", "listen"), ("database = 7", "database")]
    {
        let key = line.split(' ').next().unwrap();
        let kept: String = good.lines().filter(|old| !old.starts_with(key)).map(|old| format!("{old}\n")).collect();
        fs::write(&file, format!("{kept}{line}\n")).unwrap();
        let refusal = newsroom.run(&["readers", "count"]).refused();
        assert!(refusal.what.contains("coranto.toml") && refusal.what.contains(named), "{refusal:?}");
        assert!(refusal.act.contains("database, listen, desk, metrics, key_file, log"), "{refusal:?}");
    }
    fs::write(&file, good).unwrap();
    assert_eq!(newsroom.readers(), [0, 0, 0]);
    let again = run(["init", newsroom.place.data().to_str().unwrap(), "--json"]).refused();
    assert!(again.what.contains("already") && again.means.contains("not touched"), "{again:?}");
}

#[test]
fn without_its_own_key_file_for_its_owner_alone_a_newsroom_does_not_start() {
    let (relay, other) = (Relay::open(None), Newsroom::found("other-keys", nobody()));
    let newsroom = with_readers("keys", &relay, 2);
    let keys = newsroom.place.data().join("newsroom.keys");
    let (ours, aside) = (fs::read(&keys).unwrap(), newsroom.place.all().join("aside"));
    let private = fs::Permissions::from_mode(0o600);

    fs::rename(&keys, &aside).unwrap();
    let missing = newsroom.run(&["readers", "count"]).refused();
    assert!(missing.what.contains("no key file") && missing.act.contains("key file"), "{missing:?}");
    assert!(!keys.exists(), "no new keys are made over a database that has some");

    fs::copy(other.place.data().join("newsroom.keys"), &keys).unwrap();
    fs::set_permissions(&keys, private.clone()).unwrap();
    let foreign = newsroom.run(&["edition", "cut"]).refused();
    assert!(foreign.what.contains("does not belong") && foreign.act.contains("Put back"), "{foreign:?}");

    fs::write(&keys, &ours[..ours.len() / 2]).unwrap();
    let damaged = newsroom.run(&["run"]).refused();
    assert!(damaged.what.contains("damaged"), "{damaged:?}");

    fs::write(&keys, &ours).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).unwrap();
    let open = newsroom.run(&["readers", "count"]).refused();
    assert!(open.what.contains("others") && open.what.contains("chmod 600"), "{open:?}");

    fs::set_permissions(&keys, private).unwrap();
    assert_eq!(newsroom.readers(), [2, 0, 0], "nobody was lost");
    newsroom.publish("The keys are back");
    newsroom.run(&["edition", "cut"]).done();
    assert_eq!(number(&newsroom.run(&["edition", "send"]).done(), "accepted"), 2);
    assert_eq!(relay.took().len(), 4, "two letters and two copies");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind(ASIDE).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let newsroom = Newsroom::found("port", nobody());
    let mut serve = command(newsroom.place.arguments(&["run"]));
    serve.env("CORANTO_LISTEN", &address);
    let refusal = finish(serve).refused();
    assert!(refusal.what.contains(&address) && refusal.act.contains("listen"), "{refusal:?}");
    assert!(refusal.means.contains("nothing was changed"), "{refusal:?}");
    let demo = Place::new("port-demo");
    let words = ["demo", "--once", "--readers", "5", "--listen", &address];
    let refusal = demo.run(&words).refused();
    assert!(refusal.what.contains(&address) && refusal.act.contains("--listen"), "{refusal:?}");
    assert!(!demo.data().join("coranto.toml").exists() && !demo.mail().exists(), "nothing was founded");

    drop(taken);
    let open = newsroom.open_at(&address);
    assert_eq!(http::get(&format!("http://{address}/")).status, 200);
    assert_eq!(open.running.stop().code, Some(0));
    assert_eq!(demo.run(&words).done()["accepted"], 5);
}

#[test]
fn copies_wait_while_the_relay_is_down_or_refuses_us_and_leave_once_when_that_is_mended() {
    const READERS: usize = 12;
    const PASSWORD: &str = "quay-lamp-42-right";
    let (open_relay, relay) = (Relay::open(None), Relay::open(Some(PASSWORD)));
    let newsroom = with_readers("relay", &open_relay, READERS);
    newsroom.publish("The relay is down");
    newsroom.run(&["edition", "cut"]).done();
    let waiting = |what: &str| {
        let report = newsroom.run(&["edition", "report"]).done();
        // A poster that gives up may leave copies leased to itself; whoever posts next on this folder takes them over.
        let waits = number(&report, "queued") + number(&report, "leased");
        assert_eq!((waits, number(&report, "audience")), (READERS, READERS), "{what}: {report}");
    };
    waiting("cut, and not sent");

    let away = nobody();
    newsroom.set("relay.host", &away.ip().to_string());
    newsroom.set("relay.port", &away.port().to_string());
    let down = newsroom.run(&["edition", "send"]).refused();
    assert!(down.what.contains("relay") && down.means.contains("waits") && down.act.contains("relay.host"), "{down:?}");
    waiting("the relay is down");

    newsroom.set("relay.host", &relay.address.ip().to_string());
    newsroom.set("relay.port", &relay.address.port().to_string());
    newsroom.set("relay.user", NAME);
    let none = newsroom.run(&["edition", "send"]).refused();
    assert!(none.what.contains("password") && none.act.contains("relay.password"), "{none:?}");
    newsroom.set_password("quay-lamp-42-wrong");
    let said = newsroom.run(&["edition", "send"]);
    let wrong = said.refused();
    assert!(wrong.what.contains("535") && wrong.what.contains("password"), "{wrong:?}");
    assert!(wrong.means.contains("queue") && wrong.act.contains("relay.password"), "{wrong:?}");
    assert!(relay.refused() > 0 && relay.took().is_empty());
    waiting("the password is wrong");
    let doctor = newsroom.run(&["doctor"]);
    assert!(doctor.refused().what.contains("relay"), "doctor sees it, too");

    newsroom.set_password(PASSWORD);
    let report = newsroom.run(&["edition", "send"]).done();
    assert_eq!(number(&report, "accepted"), READERS, "{report}");
    let recipients: BTreeMap<Vec<String>, usize> = relay.took().into_iter().fold(BTreeMap::new(), |mut all, took| {
        *all.entry(took.to).or_default() += 1;
        all
    });
    assert!(recipients.len() == READERS && recipients.values().all(|count| *count == 1), "{recipients:?}");
    let again = newsroom.run(&["edition", "send"]).done();
    assert_eq!(
        (number(&again, "accepted"), relay.took().len()),
        (READERS, READERS),
        "sent again, nobody is mailed again"
    );

    for file in ["newsroom.db", "newsroom.db-wal", "coranto.toml", "newsroom.keys"] {
        let bytes = fs::read(newsroom.place.data().join(file)).unwrap_or_default();
        assert!(!bytes.windows(12).any(|part| part == b"quay-lamp-42"), "the password stands plain in {file}");
    }
    assert!(!said.stderr.contains("quay-lamp") && !newsroom.run(&["settings"]).stdout.contains("quay-lamp"));
}

#[test]
fn a_newsroom_at_work_outlives_a_relay_that_is_away_and_goes_on_by_itself() {
    let (relay_at, everybody) = (nobody(), addresses(5));
    let newsroom = Newsroom::found("away", relay_at);
    let mut open = newsroom.open();
    everybody.iter().for_each(|address| assert_eq!(open.ask(address), 200));
    let told = |running: &Running| running.stderr().lines().any(|line| line.contains("relay")).then_some(());
    open.running.until("a word about the relay", told);
    assert_eq!(newsroom.readers(), [0, 5, 0], "nobody who signed up is lost");
    assert!(newsroom.run(&["doctor"]).refused().what.contains("relay"));

    let relay = Relay::on(TcpListener::bind(relay_at).unwrap(), None);
    open.confirm(&relay, &everybody);
    assert_eq!(newsroom.readers(), [5, 0, 0]);
    assert_eq!(relay.took().len(), 5, "one letter each");
    assert_eq!(open.running.stop().code, Some(0));
}

#[test]
fn a_second_poster_on_the_same_folder_is_refused_and_a_command_beside_the_first_hands_over() {
    const READERS: usize = 6;
    let relay = Relay::open(None);
    let newsroom = with_readers("second", &relay, READERS);
    let mut open = newsroom.open();
    let mut second = command(newsroom.place.arguments(&["run"]));
    second.env("CORANTO_LISTEN", "127.0.0.1:0");
    let refusal = finish(second).refused();
    assert!(refusal.what.contains("another Coranto") && refusal.act.contains("stop"), "{refusal:?}");
    assert!(refusal.means.contains("twice"), "{refusal:?}");

    newsroom.publish("Two at the same door");
    newsroom.run(&["edition", "cut"]).done();
    let before = relay.took().len();
    let report = newsroom.run(&["edition", "send"]).done();
    assert_eq!(number(&report, "accepted"), READERS, "{report}");
    let recipients: Vec<_> = relay.took()[before..].iter().map(|took| took.to.concat()).collect();
    let mut once = recipients.clone();
    once.sort();
    once.dedup();
    assert_eq!((recipients.len(), once.len()), (READERS, READERS), "each of them once");
    assert!(open.running.is_alive(), "the first goes on");
    assert_eq!(open.running.stop().code, Some(0));
}

#[test]
fn a_lock_that_cannot_be_had_is_told_of_and_nobody_waits_for_a_poster_that_is_not_there() {
    const READERS: usize = 2;
    let relay = Relay::open(None);
    let newsroom = with_readers("no-lock", &relay, READERS);
    newsroom.publish("The door that would not open");
    newsroom.run(&["edition", "cut"]).done();
    // As when the file is another account's: not even root writes to a folder.
    let lock = newsroom.place.data().join("post.lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    for words in [&["edition", "send"][..], &["run"]] {
        let mut words = command(newsroom.place.arguments(words));
        words.env("CORANTO_LISTEN", "127.0.0.1:0");
        let refusal = finish(words).refused();
        assert!(refusal.what.contains("post.lock") && refusal.act.contains("write"), "{refusal:?}");
    }
    fs::remove_dir(&lock).unwrap();
    assert_eq!(number(&newsroom.run(&["edition", "send"]).done(), "accepted"), READERS);
}

#[test]
fn a_second_demo_on_the_same_folder_is_refused_before_it_touches_anything() {
    let place = Place::new("second-demo");
    let mut first = Running::start(place.arguments(&["demo", "--listen", "127.0.0.1:0", "--readers", "20"]));
    let site = first.told("The site:");
    first.told("The inbox:");
    let settings = || place.run(&["settings"]).done();
    let before = settings();
    let refusal = place.run(&["demo", "--listen", "127.0.0.1:0", "--readers", "20", "--once"]).refused();
    assert!(refusal.what.contains("another Coranto") && refusal.means.contains("twice"), "{refusal:?}");
    assert_eq!(settings(), before, "the first one's relay and address stand");
    assert_eq!(http::get(&site).status, 200);
    assert_eq!(first.stop().code, Some(0));
}

#[test]
fn a_postgresql_that_may_lose_what_it_acknowledged_is_refused() {
    let Some(server) = postgres::shared() else { return };
    let (place, url) = (Place::new("unfit"), server.database().unwrap());
    let name = url.rsplit('/').next().unwrap();
    let set = |value: &str| server.execute(&format!("ALTER DATABASE {name} SET synchronous_commit = {value}")).unwrap();
    let found = || run(["init", place.data().to_str().unwrap(), "--database", &url, "--json"]);
    for unsafe_value in ["off", "local"] {
        set(unsafe_value);
        let refusal = found().refused();
        assert!(refusal.what.contains("synchronous_commit") && refusal.what.contains("on"), "{refusal:?}");
        assert!(refusal.means.contains("promises"), "{refusal:?}");
    }
    set("on");
    found().done();
    set("off");
    let refusal = place.run(&["readers", "count"]).refused();
    assert!(refusal.what.contains("synchronous_commit"), "a server that changed its mind is refused, too: {refusal:?}");
    set("on");
    assert_eq!(place.run(&["readers", "count"]).done()["active"], 0);
}

#[test]
fn a_database_that_does_not_answer_is_named() {
    let place = Place::new("no-answer");
    let url = format!("postgres://coranto@{}/newsroom", nobody());
    let refusal = run(["init", place.data().to_str().unwrap(), "--database", &url, "--json"]).refused();
    assert!(refusal.what.contains("does not answer") && refusal.act.contains("database runs"), "{refusal:?}");
    assert!(!refusal.what.contains("postgres://"), "an address with a password in it is not repeated: {refusal:?}");
}

#[test]
fn nobody_is_told_whether_an_address_is_known_and_nonsense_is_told_as_such() {
    let relay = Relay::open(None);
    let newsroom = with_readers("form", &relay, 1);
    let known = addresses(1).remove(0);
    let mut open = newsroom.open();
    let post = |body: &str| http::post(&format!("{}/subscribe", open.site), http::FORM, body);
    let (old, fresh) = (post(&format!("email={}", known.replace('@', "%40"))), post("email=fresh%40lamps.example"));
    assert_eq!((old.status, &old.body), (fresh.status, &fresh.body), "the same page for both");
    for nonsense in ["", "email=", "email=nonsense", "email=a%40b%0d%0aBcc%3a+c%40d.example", "topics=all"] {
        let answer = post(nonsense);
        assert_eq!(answer.status, 422, "{nonsense}: {}", answer.body);
    }
    assert_eq!(post(&format!("email={}%40x.example", "a".repeat(100_000))).status, 413);
    open.running
        .until("the letter to the fresh one", |_| letters(&relay).contains_key("fresh@lamps.example").then_some(()));
    assert_eq!(newsroom.readers(), [1, 1, 0]);
    let to_known = relay.took().iter().filter(|took| took.to == [known.clone()]).count();
    assert_eq!(to_known, 1, "who is on the list already gets no other letter");
    assert_eq!(open.running.stop().code, Some(0));
}

#[test]
fn the_link_to_ones_choices_comes_by_mail_to_readers_alone_and_asking_tells_nothing() {
    let relay = Relay::open(None);
    let newsroom = with_readers("link", &relay, 2);
    let readers = addresses(2);
    let mut open = newsroom.open();
    let ask = |address: &str| {
        http::post(&format!("{}/preferences", open.site), http::FORM, &format!("email={}", address.replace('@', "%40")))
    };
    let before = relay.took().len();
    let answers: Vec<http::Answer> =
        ["stranger@lamps.example", &readers[0], &readers[0], &readers[1]].map(ask).into_iter().collect();
    assert!(answers.iter().all(|answer| (answer.status, &answer.body) == (200, &answers[0].body)), "the same for all");
    // The inbox is worked through in order: who asked last has their letter when everybody's is decided.
    let theirs = |address: &String| relay.took()[before..].iter().filter(|took| took.to == [address.clone()]).count();
    open.running.until("the last one's letter", |_| (theirs(&readers[1]) > 0).then_some(()));
    open.running.until("the first one's letter", |_| (theirs(&readers[0]) > 0).then_some(()));
    assert_eq!((theirs(&readers[0]), relay.took().len() - before), (1, 2), "once a day, and none to a stranger");

    let letter = relay.took()[before..].iter().find(|took| took.to == [readers[0].clone()]).unwrap().clone();
    let whole = letter.message.replace("=\r\n", "");
    let token = whole.split_once("/preferences/").unwrap().1.get(..44).unwrap().to_owned();
    let choices = format!("{}/preferences/{token}", open.site);
    let room = http::get(&choices);
    assert!(room.status == 200 && room.body.contains("name=\"format\""), "{}: {}", room.status, room.body);
    let saved = http::post(&choices, http::FORM, "format=text");
    assert!(saved.status == 200 && saved.body.contains("Your choices are saved"), "{}", saved.body);
    assert_eq!(open.running.stop().code, Some(0));
}

#[test]
fn a_source_that_is_not_there_is_named_and_the_morning_goes_on() {
    let place = Place::new("source");
    let (missing, broken) = (place.all().join("no-such-feed.xml"), place.all().join("broken.xml"));
    fs::write(&broken, "<rss><channel><title>Half a feed").unwrap();
    let mut arguments = place.arguments(&["demo", "--readers", "5", "--once", "--listen", "127.0.0.1:0"]);
    for source in [missing.to_str().unwrap(), broken.to_str().unwrap(), "http://10.0.0.1/feed.xml"] {
        arguments.extend(["--source".to_owned(), source.to_owned()]);
    }
    let problems = run(arguments).done()["gathered"]["problems"].to_string();
    assert!(problems.contains("no-such-feed.xml") && problems.contains("10.0.0.1"), "{problems}");
}

#[test]
fn no_edition_leaves_without_the_outlets_postal_address_by_hand_or_by_itself() {
    let far = "192.0.2.1:25".parse().unwrap();
    let newsroom = Newsroom::found("unaddressed", far);
    newsroom.set("outlet.postal_address", "");
    newsroom.set("edition.leaves", "itself");
    let refusal = newsroom.run(&["edition", "release", "daily-2026-11-24"]).refused();
    assert!(refusal.what.contains("postal address") && refusal.act.contains("outlet.postal_address"), "{refusal:?}");
    let mut open = newsroom.open();
    let told = |running: &Running| running.stderr().matches("no postal address").count();
    open.running.until("the word that no edition leaves", |running| (told(running) > 0).then_some(()));
    assert_eq!(told(&open.running), 1, "it is said when it begins, not at every look");
}
