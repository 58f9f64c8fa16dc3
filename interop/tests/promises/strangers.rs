//! Sources of strangers: away, gone, ill, endless, broken off, no feed at all, or luring us inside. Each is told of; the
//! others are read.
//!
//! Coranto fetches from no address of this machine's, so they are served at one that seems to be somebody else's, in a
//! network with nobody else in it.

use crate::program::{Place, Refusal, command_within, finish, refusal};
use interop::{Tool, namespace, need};
use serde_json::Value;
use std::collections::BTreeMap;

/// The public addresses that are strangers' in that network. The first of the host is served; nobody is at the others.
const STRANGERS: &str = "8.8.8.0/24";

/// Serves the sources at port 80 of 8.8.8.8, and at our own loopback what no stranger may lead us to, then runs what
/// follows. At last it asks at loopback itself, so that one line tells that the door was open all the while.
const SERVE: &str = r#"
import http.server, subprocess, sys, threading, urllib.request
host = '8.8.8.8'
item = '<item><title>%s</title><link>http://' + host + '/story</link><guid>one</guid><description>%s</description></item>'
feed = '<?xml version="1.0"?><rss version="2.0"><channel><title>A good one</title><link>http://' + host + '/</link>' \
    + item % ('The boats came home', 'All of them came home, and the lamps were lit along the whole of the quay. ' * 8)
pages = {
    '/good.xml': feed + '</channel></rss>',
    '/page.xml': '<!doctype html><html><title>Welcome</title><body><p>This domain is for sale.</p></body></html>',
    '/nonsense.xml': '\x00\x01\x02 no feed \x7f' * 1000,
    '/empty.xml': '',
    '/story': '<!doctype html><html lang=en><title>The boats came home</title><article><h1>The boats came home</h1>'
        + '<p>All of them came home, and the lamps were lit along the whole of the quay.</p>' * 8 + '</article></html>',
}
leads = {
    '/inside.xml': 'http://127.0.0.1/feed.xml',
    '/cloud.xml': 'http://169.254.169.254/latest/meta-data/',
    '/file.xml': 'file:///etc/passwd',
    '/circle.xml': '/circle.xml',
}
class Strangers(http.server.BaseHTTPRequestHandler):
    def answer(self, status, *fields):
        self.send_response(status)
        for name, value in fields: self.send_header(name, value)
        self.end_headers()
    def do_GET(self):
        if self.client_address[0] == '127.0.0.1': print('ASKED INSIDE', file=sys.stderr, flush=True)
        try: self.serve()
        except OSError: pass
    def serve(self):
        if self.path in leads: return self.answer(302, ('Location', leads[self.path]), ('Content-Length', '0'))
        if self.path == '/ill.xml': return self.answer(500, ('Content-Length', '0'))
        if self.path == '/endless.xml':
            self.answer(200, ('Content-Type', 'application/xml'))
            self.wfile.write(feed.encode())
            while True: self.wfile.write(b'<!-- and so on -->' * 4096)
        if self.path == '/cut.xml':
            self.answer(200, ('Content-Type', 'application/xml'), ('Content-Length', '100000'))
            return self.wfile.write(feed.encode()[:200])
        if self.path not in pages: return self.answer(404, ('Content-Length', '0'))
        body = pages[self.path].encode()
        kind = 'text/html' if self.path in ('/story', '/page.xml') else 'application/xml'
        self.answer(200, ('Content-Type', kind), ('Content-Length', str(len(body))))
        self.wfile.write(body)
    def log_message(self, *said): pass
for at in (host, '127.0.0.1'):
    server = http.server.ThreadingHTTPServer((at, 80), Strangers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
code = subprocess.run(sys.argv[1:]).returncode
urllib.request.urlopen('http://127.0.0.1/good.xml')
sys.exit(code)
"#;

/// The words that put a command among the strangers; None when there can be no such network.
fn among_strangers() -> Option<Vec<String>> {
    // The interpreter that the DKIM verifier brought.
    let (mut words, python) = (namespace::network(STRANGERS)?, need(Tool::Dkimpy)?);
    words.extend([python.to_str()?, "-c", SERVE].map(str::to_owned));
    Some(words)
}

/// What is wrong with each source, by its address.
#[track_caller]
fn problems(gathered: &Value) -> BTreeMap<String, Refusal> {
    let listed = gathered["problems"].as_array().unwrap().iter();
    listed.map(|one| (one["source"].as_str().unwrap().to_owned(), refusal(one))).collect()
}

const GOOD: &str = "http://8.8.8.8/good.xml";

/// Sources that cannot be read, and words of which what is told of each must hold one.
const ILL: [(&str, &str); 14] = [
    ("http://8.8.8.9/feed.xml", "refuses connections"),
    ("http://9.9.9.9/feed.xml", "no way to the server"),
    ("http://8.8.8.8:81/feed.xml", "port 81"),
    ("http://8.8.8.8/gone.xml", "404"),
    ("http://8.8.8.8/ill.xml", "500"),
    ("http://8.8.8.8/page.xml", "feed"),
    ("http://8.8.8.8/nonsense.xml", "feed"),
    ("http://8.8.8.8/empty.xml", "feed"),
    ("http://8.8.8.8/cut.xml", "broke off"),
    ("http://8.8.8.8/endless.xml", "more than 10000000 bytes"),
    ("http://8.8.8.8/circle.xml", "redirects more than"),
    ("http://8.8.8.8/inside.xml", "public internet"),
    ("http://8.8.8.8/cloud.xml", "public internet"),
    ("http://127.0.0.1/feed.xml", "public internet"),
];

#[test]
fn every_source_that_cannot_be_read_is_told_of_by_name_and_the_others_are_read() {
    let Some(words) = among_strangers() else { return };
    let place = Place::new("strangers");
    crate::program::run(["init", place.data().to_str().unwrap(), "--json"]).done();
    for source in ILL.map(|(source, _)| source).into_iter().chain([GOOD]) {
        place.run(&["source", "add", source]).done();
    }
    let said = finish(command_within(&words, place.arguments(&["gather", "--once"])));
    let gathered = said.done();
    assert_eq!(gathered["sources"], ILL.len() + 1);
    let problems = problems(&gathered);
    for (source, hint) in ILL {
        let told = problems.get(source).unwrap_or_else(|| panic!("nothing is told of {source}: {problems:?}"));
        assert!(told.what.contains(hint), "{source}: {told:?}");
        assert!(told.what.len() < 400, "{source}: a stranger's words fill the report: {told:?}");
    }
    assert_eq!(problems.len(), ILL.len(), "{problems:?}");
    assert_eq!(gathered["published"], 1, "the good one is published: {gathered}");
    assert_eq!(said.stderr.matches("ASKED INSIDE").count(), 1, "only the test itself asked inside: {}", said.stderr);

    // Nothing is lost: every source is kept, with what happened, and is tried again.
    let listed = place.run(&["source", "list"]).done();
    let listed = listed["sources"].as_array().unwrap();
    let by_address: BTreeMap<&str, &Value> = listed.iter().map(|one| (one["url"].as_str().unwrap(), one)).collect();
    assert_eq!(by_address.len(), ILL.len() + 1);
    for (source, hint) in ILL {
        let kept = by_address[source];
        assert!(kept["failures"] == 1 && kept["last_error"].as_str().unwrap().contains(hint), "{source}: {kept}");
        assert!(kept["stopped"] == false && kept["due"].is_i64(), "{source} is tried again: {kept}");
    }
    assert!(by_address[GOOD]["failures"] == 0 && by_address[GOOD]["last_good"].is_i64(), "{}", by_address[GOOD]);
    let shown = crate::program::run(["source", "list", "--data", place.data().to_str().unwrap()]);
    assert!(ILL.iter().all(|(source, hint)| shown.stdout.contains(source) && shown.stdout.contains(hint)));
}

#[test]
fn a_demo_with_bad_sources_tells_of_each_and_delivers_all_the_same() {
    let Some(words) = among_strangers() else { return };
    let place = Place::new("bad-sources");
    let (empty, garbage) = (place.all().join("empty.xml"), place.all().join("garbage.xml"));
    std::fs::write(&empty, "").unwrap();
    std::fs::write(&garbage, (0..10_u32 << 20).map(|n| (n.wrapping_mul(7_919) % 251) as u8).collect::<Vec<u8>>())
        .unwrap();
    let missing = place.all().join("no-such-list.opml");
    let files = [missing.to_str().unwrap(), empty.to_str().unwrap(), garbage.to_str().unwrap()];
    let far = ["http://8.8.8.8/gone.xml", "http://8.8.8.8/endless.xml", "http://8.8.8.8/file.xml", "nonsense://x"];
    let bad: Vec<&str> = files.into_iter().chain(far).collect();
    let mut arguments = place.arguments(&["demo", "--once", "--readers", "5"]);
    arguments.extend(bad.iter().flat_map(|source| ["--source".to_owned(), (*source).to_owned()]));
    let told = finish(command_within(&words, arguments)).done();
    assert_eq!((told["accepted"].as_u64(), told["audience"].as_u64()), (Some(5), Some(5)));
    let problems = problems(&told["gathered"]);
    for source in bad {
        assert!(problems.contains_key(source), "nothing is told of {source}: {problems:?}");
    }
    assert!(problems[missing.to_str().unwrap()].what.contains("No such file"), "{problems:?}");
}
