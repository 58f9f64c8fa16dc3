//! What servers of other people's make of our mail: Postfix, OpenSMTPD and Exim see as many messages and recipients as were
//! meant, to whatever address a reader has and whatever anybody typed anywhere (P20).

use crate::http;
use crate::newsroom::Newsroom;
use crate::program::Said;
use crate::tap::{Sent, Tap, field_names};
use interop::dkimpy::Dkimpy;
use interop::opendkim::OpenDkim;
use interop::postfix::{Mail, Postfix};
use interop::receiver::{Make, Receiver};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

/// A server, whoever made it.
enum Server {
    Postfix(Box<Postfix>),
    Other(Receiver),
}

/// Whose server.
#[derive(Clone, Copy, Debug)]
enum Of {
    Postfix,
    OpenSmtpd,
    Exim,
}

impl Server {
    /// A running one, or None, with the calling test recorded as skipped.
    fn start(of: Of) -> Option<Server> {
        Some(match of {
            Of::Postfix => Server::Postfix(Box::new(Postfix::start(Mail::Delivered)?)),
            Of::OpenSmtpd => Server::Other(Receiver::start(Make::OpenSmtpd)?),
            Of::Exim => Server::Other(Receiver::start(Make::Exim)?),
        })
    }

    fn port(&self) -> u16 {
        match self {
            Server::Postfix(postfix) => postfix.plain_port,
            Server::Other(receiver) => receiver.port,
        }
    }

    /// What it delivered, by recipient.
    fn delivered(&self) -> BTreeMap<String, Vec<Vec<u8>>> {
        match self {
            Server::Postfix(postfix) => {
                let bytes = |messages: Vec<String>| messages.into_iter().map(String::into_bytes).collect();
                postfix.delivered().unwrap().into_iter().map(|(to, messages)| (to, bytes(messages))).collect()
            }
            Server::Other(receiver) => receiver.delivered().unwrap(),
        }
    }
}

/// Fields that we write, all of them.
const OURS: [&str; 18] = [
    "DKIM-Signature",
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Help",
    "List-Archive",
    "Feedback-ID",
    "Precedence",
    "Auto-Submitted",
];
/// Fields that a server writes before them.
const THEIRS: [&str; 6] = ["Return-Path", "Delivered-To", "Envelope-To", "X-Original-To", "Received", "Delivery-Date"];

/// Holds what a server delivered against what went over the wire to it.
#[track_caller]
fn agree(sent: &[Sent], delivered: &BTreeMap<String, Vec<Vec<u8>>>) {
    let mut meant: BTreeMap<&str, usize> = BTreeMap::new();
    for one in sent {
        let [to] = &one.to[..] else { panic!("one recipient a message: {:?}", one.to) };
        *meant.entry(to).or_default() += 1;
        let foreign: Vec<String> =
            field_names(&one.message).into_iter().filter(|name| !OURS.contains(&name.as_str())).collect();
        assert_eq!(foreign, [""; 0], "{}", String::from_utf8_lossy(&one.message));
    }
    let seen: BTreeMap<&str, usize> = delivered.iter().map(|(to, all)| (to.as_str(), all.len())).collect();
    assert_eq!(seen, meant, "messages seen by recipient, and messages meant");
    for message in delivered.values().flatten() {
        let text = String::from_utf8(message.clone()).expect("what leaves here is 7-bit");
        let crlf = text.replace("\r\n", "\n").replace('\n', "\r\n");
        for name in field_names(crlf.as_bytes()) {
            let known = OURS.iter().chain(&THEIRS).any(|known| known.eq_ignore_ascii_case(&name));
            assert!(known, "a foreign field {name:?} in {text}");
        }
    }
}

fn number_of(document: &Value, name: &str) -> usize {
    usize::try_from(document[name].as_u64().unwrap_or_else(|| panic!("no `{name}` in {document}"))).unwrap()
}

/// `application/x-www-form-urlencoded`, every octet.
fn form(name: &str, value: &str) -> String {
    value.bytes().fold(format!("{name}="), |mut form, byte| {
        write!(form, "%{byte:02x}").unwrap();
        form
    })
}

/// The token behind a door in a message.
fn token(sent: &Sent, door: &str) -> Option<String> {
    let whole = String::from_utf8_lossy(&sent.message).replace("=\r\n", "");
    Some(whole.split_once(door)?.1.get(..44)?.to_owned())
}

/// What is typed, and the address that it is, if it is one: `recorded/addresses.jsonl`. `CORANTO_ADDRESSES` names a further
/// file of that form, for a list that is not ours to keep.
fn typed() -> Vec<(String, Option<String>)> {
    let mut lines = include_str!("../recorded/addresses.jsonl").to_owned();
    if let Some(further) = std::env::var_os("CORANTO_ADDRESSES") {
        lines.push_str(&fs::read_to_string(further).unwrap());
    }
    let lines = lines.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every address that is one gets the letter, the edition and a test copy, once each; the rest is told apart at the door.
fn reach_everybody(of: Of) {
    let Some(server) = Server::start(of) else { return };
    let (tap, typed) = (Tap::before(server.port()), typed());
    assert!(typed.len() >= 164, "{}", typed.len());
    let newsroom = Newsroom::found("addresses", tap.address);
    let mut open = newsroom.open();
    for (typed, address) in &typed {
        let answer = http::post(&format!("{}/subscribe", open.site), http::FORM, &form("email", typed));
        assert_eq!(answer.status, if address.is_some() { 200 } else { 422 }, "{typed:?}: {}", answer.body);
    }
    let readers: BTreeSet<&String> = typed.iter().filter_map(|(_, address)| address.as_ref()).collect();
    let asked = |sent: &[Sent]| -> BTreeMap<String, String> {
        sent.iter().filter_map(|one| Some((one.to.first()?.clone(), token(one, "/confirm/")?))).collect()
    };
    let tokens = open
        .running
        .until("a letter to everybody", |_| Some(asked(&tap.sent())).filter(|tokens| tokens.len() >= readers.len()));
    assert_eq!(tokens.keys().collect::<BTreeSet<_>>(), readers, "letters went to the readers and to nobody else");
    for token in tokens.values() {
        let answer = http::post(&format!("{}/confirm/{token}", open.site), http::FORM, "");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let said = open.running.stop();
    assert_eq!(said.code, Some(0), "{}", said.stderr);

    newsroom.publish("The light");
    newsroom.run(&["edition", "cut"]).done();
    let report = newsroom.run(&["edition", "send"]).done();
    assert_eq!(
        (number_of(&report, "accepted"), number_of(&report, "audience")),
        (readers.len(), readers.len()),
        "{report}"
    );
    // A newsroom sends 30 test copies in an hour: each server gets a third of them.
    let tried: Vec<&&String> = readers.iter().skip(of as usize).step_by(3).collect();
    for reader in &tried {
        newsroom.run(&["edition", "test", "--new", reader]).done();
    }
    let (sent, delivered) = (tap.sent(), server.delivered());
    agree(&sent, &delivered);
    assert_eq!(delivered.keys().collect::<BTreeSet<_>>(), readers);
    for (reader, messages) in &delivered {
        let meant = if tried.contains(&&reader) { 3 } else { 2 };
        assert_eq!(messages.len(), meant, "{reader}: a letter, an edition, and perhaps a test copy");
    }
}

#[test]
fn postfix_delivers_to_every_address_that_is_one_and_to_nobody_else() {
    reach_everybody(Of::Postfix);
}

#[test]
fn opensmtpd_delivers_to_every_address_that_is_one_and_to_nobody_else() {
    reach_everybody(Of::OpenSmtpd);
}

#[test]
fn exim_delivers_to_every_address_that_is_one_and_to_nobody_else() {
    reach_everybody(Of::Exim);
}

/// What one server or another has taken for the end of a message, or may: every ending of a line before the dot with every one
/// behind it, and octets that some programs drop or turn into line ends (CVE-2023-51764 to -51766, CVE-2024-27305).
fn terminators() -> Vec<String> {
    let ends = ["\r\n", "\n", "\r", "\r\r\n", "\n\r", "\n\n", "\r\0\n", "\u{85}", "\u{2028}"];
    let mut all: Vec<String> = ends.iter().flat_map(|before| ends.map(|behind| format!("{before}.{behind}"))).collect();
    for odd in [
        "\r\n.\0\r\n",
        "\r\n\0.\r\n",
        "\n.\0\n",
        "\r\n.\t\r\n",
        "\r\n. \r\n",
        "\r\n..\r\n",
        "\u{2029}.\u{2029}",
        "\u{b}.\u{c}",
        "\r\n\u{200b}.\r\n",
    ] {
        all.push(odd.to_owned());
    }
    all
}

/// What stands behind a terminator: the rest of a stranger's message, in every dress of a line's end.
fn smuggled(terminator: &str, end: &str) -> String {
    let lines = [
        "MAIL FROM:<thief@evil.example>",
        "RCPT TO:<smuggled@evil.example>",
        "DATA",
        "X-Smuggled: yes",
        "",
        "Smuggled",
    ];
    format!("Before{terminator}{}{terminator}{end}X-Smuggled: yes{end}{end}", lines.join(end))
}

/// As a page may hold it: with the line ends as they are, and as character references, which a parser turns into them.
fn page(number: usize, terminator: &str) -> String {
    let plain = smuggled(terminator, "\r\n").replace('<', "&lt;");
    let referred: String = smuggled(terminator, "\n").chars().map(|c| format!("&#{};", u32::from(c).max(1))).collect();
    let words = "The light was repaired in the night, and the boats came in one by one. ".repeat(6);
    // Long enough that the terminator is met at every column of an encoded line.
    let columns: String = (0..78).map(|column| format!("{}{terminator}", "x".repeat(column))).collect();
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Light {number} {referred}</title></head><body><article>\
         <h1>Light {number} {referred}</h1><p>{words}</p><p>{plain}</p><p>{referred}</p><pre>{plain}\n{referred}</pre>\
         <p>{columns}</p><p>{words}</p></article></body></html>"
    )
}

/// Stories that are published before an edition is cut: what one edition shows.
const AT_ONCE: usize = 8;

/// What anybody typed anywhere, sent in earnest.
fn smuggle(of: Of) {
    let Some(server) = Server::start(of) else { return };
    let tap = Tap::before(server.port());
    let newsroom = Newsroom::found("smuggling", tap.address);
    let readers = confirmed(&newsroom, &tap);
    let (terminators, mut taken, mut meant) = (terminators(), 0, readers.len());
    assert!(terminators.len() >= 60);
    for (turn, chunk) in terminators.chunks(AT_ONCE).enumerate() {
        for (number, terminator) in (turn * AT_ONCE..).zip(chunk) {
            let file = newsroom.place.all().join("story.html");
            fs::write(&file, page(number, terminator)).unwrap();
            newsroom.run(&["article", "import", file.to_str().unwrap()]).done();
            // What can be typed does not depend on the server, and a newsroom sends 30 test copies in an hour: a third before
            // each server.
            if number % 3 == of as usize {
                taken += type_everywhere(&newsroom, terminator);
                let form: &[&str] = if number % 2 == 0 { &["--text"] } else { &[] };
                newsroom.run(&[&["edition", "test", "tester@lamps.example"], form].concat()).done();
                meant += 1;
            }
        }
        newsroom.run(&["edition", "cut", "--date", &format!("2126-01-{:02}", turn + 1)]).done();
        let report = newsroom.run(&["edition", "send"]).done();
        assert_eq!(number_of(&report, "accepted"), readers.len(), "{report}");
        meant += readers.len();
    }
    // Lines take no line end; a note does, and every line what is none to Unicode.
    assert!(taken >= terminators.len() / 6, "some of it can be typed: {taken}");
    let (sent, delivered) = (tap.sent(), server.delivered());
    assert_eq!(sent.len(), meant, "messages on the wire, and messages meant");
    agree(&sent, &delivered);
    sealed(&newsroom, &sent);
    assert!(!delivered.contains_key("smuggled@evil.example"));
    let all = sent.iter().map(|one| String::from_utf8_lossy(&one.message).into_owned()).collect::<String>();
    assert!(all.contains("smuggled@evil"), "the words themselves arrive: they are only words");
}

/// The signature of each holds, by two verifiers of other people's.
fn sealed(newsroom: &Newsroom, sent: &[Sent]) {
    let keys = newsroom.keys();
    let messages = || sent.iter().map(|one| one.message.as_slice());
    if let Some(dkimpy) = Dkimpy::start() {
        let faults = dkimpy.verify(&keys, messages()).unwrap();
        assert!(faults.iter().all(|judged| judged.valid), "{:?}", faults.iter().find(|judged| !judged.valid));
    }
    if let Some(opendkim) = OpenDkim::start() {
        let faults: Vec<String> = opendkim.verify(&keys, messages()).unwrap().into_iter().flatten().collect();
        assert_eq!(faults, [""; 0]);
    }
}

/// Two readers.
fn confirmed(newsroom: &Newsroom, tap: &Tap) -> Vec<String> {
    let readers: Vec<String> = ["keeper-1@lamps.example", "keeper-2@lamps.example"].map(str::to_owned).to_vec();
    let mut open = newsroom.open();
    readers.iter().for_each(|reader| assert_eq!(open.ask(reader), 200));
    for reader in &readers {
        let token = open.running.until("the letter", |_| {
            tap.sent().iter().find(|one| one.to == [reader.clone()]).and_then(|one| token(one, "/confirm/"))
        });
        let answer = http::post(&format!("{}/confirm/{token}", open.site), http::FORM, "");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert_eq!(open.running.stop().code, Some(0));
    readers
}

/// Types a terminator into everything that a mail shows and a line can hold. Gives how much of it was taken; the rest must
/// be refused in clear words.
fn type_everywhere(newsroom: &Newsroom, terminator: &str) -> usize {
    // A command line holds no NUL; a terminator with one is typed into pages alone.
    if terminator.contains('\0') {
        return 0;
    }
    let short = format!("A{terminator}X-Smuggled: yes{terminator}B");
    let long = smuggled(terminator, "\r\n");
    let mut taken = 0;
    let mut typed = |words: &[&str]| {
        let said: Said = newsroom.run(words);
        if said.code == Some(0) {
            taken += 1;
        } else {
            said.refused();
        }
    };
    typed(&["envelope", "--subject", &short]);
    typed(&["envelope", "--preview", &short]);
    typed(&["envelope", "--note", &long, "--signed", "Ana"]);
    typed(&["envelope", "--note", "Good morning.", "--signed", &short]);
    for name in ["outlet.name", "outlet.postal_address", "mail.reply_to", "mail.selector", "mail.ehlo"] {
        typed(&["settings", name, &short]);
    }
    typed(&[
        "block",
        "add",
        "appeal",
        "--place",
        "mail",
        "--title",
        &short,
        "--text",
        &long,
        "--link",
        "https://a.example/",
        "--words",
        &short,
    ]);
    taken
}

#[test]
fn nothing_typed_anywhere_becomes_a_message_to_postfix() {
    smuggle(Of::Postfix);
}

#[test]
fn nothing_typed_anywhere_becomes_a_message_to_opensmtpd() {
    smuggle(Of::OpenSmtpd);
}

#[test]
fn nothing_typed_anywhere_becomes_a_message_to_exim() {
    smuggle(Of::Exim);
}
