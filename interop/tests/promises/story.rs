//! A whole story of the list and the clock: a newsroom founded by its command, a thousand readers brought from elsewhere,
//! a source over HTTP, and two mornings that leave by themselves. Nobody is missed, nobody gets a story twice.
//!
//! Coranto fetches from no address of this machine's, so source and relay live in a network with nobody else in it.

use crate::clock::{Host, day};
use crate::program::{Place, Running, command_within, run};
use interop::{Tool, namespace, need};
use stage::opened::Opened;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// How many readers come from elsewhere.
const READERS: usize = 1_000;
/// The public address that the source seems to be at.
const SOURCE: &str = "8.8.8.0/24";

/// Serves the folder `argv[1]` at port 80 of 8.8.8.8 and takes mail at port 25 of loopback, each message as a line of JSON
/// in `took` there; then runs what follows, and ends with it.
const SERVE: &str = r#"
import functools, http.server, json, os, signal, socketserver, subprocess, sys, threading
folder = sys.argv[1]
class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *said): pass
class Relay(socketserver.StreamRequestHandler):
    def say(self, line): self.wfile.write(line.encode() + b'\r\n')
    def handle(self):
        self.say('220 relay.test')
        to = []
        while (line := self.rfile.readline()):
            word = line.split(b' ')[0].strip().upper()
            if word == b'RCPT': to.append(line.split(b'<')[1].split(b'>')[0].decode())
            if word == b'DATA':
                self.say('354 go on')
                body = b''
                while (line := self.rfile.readline()) and line != b'.\r\n':
                    body += line[1:] if line.startswith(b'.') else line
                with lock:
                    took.write(json.dumps({'to': to, 'message': body.decode('latin-1')}) + '\n')
                    took.flush()
                to = []
            if word == b'QUIT': return self.say('221 bye')
            self.say('250 ok')
class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 100
lock, took = threading.Lock(), open(os.path.join(folder, 'took'), 'a')
pages = functools.partial(Files, directory=folder)
for server in http.server.ThreadingHTTPServer(('8.8.8.8', 80), pages), Server(('127.0.0.1', 25), Relay):
    threading.Thread(target=server.serve_forever, daemon=True).start()
child = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', '--'] + sys.argv[2:])
signal.signal(signal.SIGTERM, lambda *_: child.terminate())
sys.exit(child.wait())
"#;

/// Publishes the source's stories: a feed, and a page for each.
fn publish(folder: &Path, stories: &[&str]) {
    let sentence = "The light was repaired in the night, and the boats that had waited outside came in one by one. ";
    let mut items = String::new();
    for (number, title) in stories.iter().enumerate() {
        let body = format!("<p>{}</p>", sentence.repeat(4)).repeat(3);
        let page = format!(
            "<!doctype html><html lang=en><title>{title}</title><article><h1>{title}</h1>{body}</article></html>"
        );
        fs::write(folder.join(format!("story-{number}.html")), page).unwrap();
        items = format!(
            "<item><title>{title}</title><link>http://8.8.8.8/story-{number}.html</link><guid>{number}</guid></item>{items}"
        );
    }
    let feed = format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>The Ostrey Light</title>\
         <link>http://8.8.8.8/</link>{items}</channel></rss>"
    );
    // In one step: half a feed is another test's.
    fs::write(folder.join("next"), feed).unwrap();
    fs::rename(folder.join("next"), folder.join("feed.xml")).unwrap();
}

/// How many messages the relay took.
fn count(folder: &Path) -> usize {
    fs::read(folder.join("took")).map_or(0, |lines| lines.iter().filter(|byte| **byte == b'\n').count())
}

/// What one copy carried.
struct Copy {
    to: String,
    text: String,
    /// The articles that it leads to.
    articles: BTreeSet<String>,
}

fn copies(folder: &Path) -> Vec<Copy> {
    let lines = fs::read_to_string(folder.join("took")).unwrap();
    let copy = |line: &str| {
        let took: serde_json::Value = serde_json::from_str(line).unwrap();
        let to = took["to"].as_array().unwrap();
        assert_eq!(to.len(), 1, "one recipient each");
        let text = Opened::parse(took["message"].as_str().unwrap().as_bytes()).text.unwrap();
        let articles = text.split("https://courier.example/articles/").skip(1);
        let articles = articles.filter_map(|rest| Some(rest.split(['/', '\n']).next()?.to_owned())).collect();
        Copy { to: to[0].as_str().unwrap().to_owned(), text, articles }
    };
    lines.lines().map(copy).collect()
}

/// Every reader has exactly one of these copies.
#[track_caller]
fn once_each(copies: &[Copy], readers: &BTreeSet<String>) {
    let mut had: BTreeMap<&str, usize> = BTreeMap::new();
    copies.iter().for_each(|copy| *had.entry(&copy.to).or_default() += 1);
    assert!(had.values().all(|count| *count == 1), "nobody is mailed twice");
    assert_eq!(had.keys().map(|to| (*to).to_owned()).collect::<BTreeSet<_>>(), *readers, "nobody is missed");
}

fn found(place: &Place, list: &Path) {
    let data = place.data().display().to_string();
    let words = ["init", &data, "--name", "The Courier", "--site", "https://courier.example", "--json"];
    let more = ["--relay", "smtp://127.0.0.1:25", "--postal-address", "3 Customs Row, Aldry", "--zone", "UTC"];
    run(words.into_iter().chain(more)).done();
    place.run(&["settings", "edition.leaves", "itself"]).done();
    place.run(&["settings", "edition.hour", "7"]).done();
    place.run(&["source", "add", "http://8.8.8.8/feed.xml"]).done();
    let imported = place.run(&["readers", "import", "--apply", list.to_str().unwrap()]).done();
    assert_eq!(imported["new"], READERS, "{imported}");
}

#[test]
fn a_thousand_imported_readers_get_each_morning_by_itself_once_and_no_story_twice() {
    let place = Place::new("story");
    let (Some(host), Some(network)) = (Host::new(place.all()), namespace::network(SOURCE)) else { return };
    // The interpreter that the DKIM verifier brought.
    let Some(python) = need(Tool::Dkimpy) else { return };
    let world = place.all().join("world");
    fs::create_dir(&world).unwrap();
    let readers: BTreeSet<String> = (0..READERS).map(|number| format!("reader-{number:04}@lists.example")).collect();
    let list = place.all().join("list.csv");
    let lines: String = readers.iter().map(|address| format!("{address},2024-03-01 10:22:33\n")).collect();
    fs::write(&list, format!("email,CONFIRM_TIME\n{lines}")).unwrap();
    found(&place, &list);

    let (old, new) = (["The boats came home", "A lamp for every quay"], "The ferry sails again");
    publish(&world, &old);
    host.set(day(0, 5, 0));
    let mut words = network;
    words.extend([python.to_str().unwrap(), "-c", SERVE, world.to_str().unwrap(), "env"].map(str::to_owned));
    words.extend(host.variables().map(|(name, value)| format!("{name}={value}")));
    let mut start = command_within(&words, place.arguments(&["run"]));
    start.env("CORANTO_LISTEN", "127.0.0.1:0");
    let mut running = Running::spawn(start);
    running.told("The clock is looked at");
    let articles = place.data().join("site/articles");
    let on_the_site = || fs::read_dir(&articles).map_or(0, Iterator::count);
    running.until("the first morning's stories", |_| (on_the_site() >= old.len()).then_some(()));
    assert_eq!(count(&world), 0, "nothing leaves before its hour");

    host.set(day(0, 7, 1));
    running.told("An edition left by itself");
    running.until("the first morning", |_| (count(&world) >= READERS).then_some(()));
    let first = copies(&world);
    once_each(&first, &readers);
    for copy in &first {
        assert!(old.iter().all(|title| copy.text.contains(title)) && copy.articles.len() == 2, "{}", copy.text);
    }

    publish(&world, &[old[0], old[1], new]);
    host.set(day(1, 5, 0));
    running.until("the second morning's story", |_| (on_the_site() > old.len()).then_some(()));
    host.set(day(1, 7, 1));
    running.until("the second morning", |_| (count(&world) >= 2 * READERS).then_some(()));
    let second = copies(&world).split_off(READERS);
    once_each(&second, &readers);
    let had: BTreeMap<&str, &BTreeSet<String>> = first.iter().map(|copy| (&*copy.to, &copy.articles)).collect();
    for copy in &second {
        assert!(copy.text.contains(new) && copy.articles.len() == 1, "{}", copy.text);
        assert!(copy.articles.is_disjoint(had[&*copy.to]), "an article comes twice: {}", copy.text);
        assert!(old.iter().all(|title| !copy.text.contains(title)), "a headline comes twice: {}", copy.text);
    }

    host.set(day(2, 7, 1));
    running.told("Nothing is new: no edition leaves this hour");
    assert_eq!(count(&world), 2 * READERS, "with nothing new nothing is sent");
    assert_eq!(running.stop().code, Some(0));
    let report = place.run(&["edition", "report"]).done();
    assert_eq!((&report["accepted"], &report["audience"]), (&READERS.into(), &READERS.into()), "{report}");
}
