//! The seal on every kind of mail in every script: two verifiers of other people's agree on each, and on none that was altered.

use crate::http;
use crate::newsroom::{Newsroom, letters};
use crate::relay::Relay;
use interop::dkimpy::Dkimpy;
use interop::opendkim::OpenDkim;
use std::fs;

/// An outlet in a language: its code, its name, a headline and a sentence.
const OUTLETS: [[&str; 4]; 3] = [
    ["en", "The Ostrey Light", "The light burns again", "The lamp was mended in the night, and the boats came in."],
    ["ar", "منارة أوستري", "المنارة تضيء من جديد", "أُصلح المصباح في الليل، ودخلت القوارب إلى الميناء واحدًا بعد آخر."],
    ["zh", "奥斯特里灯塔", "灯塔重新亮起", "夜里灯修好了，等在外面的船一艘接一艘地进了港。"],
];

/// Publishes a story in a language.
fn publish(newsroom: &Newsroom, language: &str, headline: &str, sentence: &str) {
    let file = newsroom.place.all().join("story.html");
    let paragraphs = format!("<p>{}</p>", sentence.repeat(5)).repeat(4);
    let page = format!(
        "<!doctype html><html lang={language}><head><meta charset=utf-8><title>{headline}</title></head><body><article>\
         <h1>{headline}</h1>{paragraphs}</article></body></html>"
    );
    fs::write(&file, page).unwrap();
    newsroom.run(&["article", "import", file.to_str().unwrap()]).done();
}

/// Every kind of mail that a newsroom in that language sends: a trial, the letter that asks, the one that leads to a reader's
/// choices, the edition, and its test copies as page and as text.
fn every_kind(newsroom: &Newsroom, relay: &Relay, [_, _, headline, sentence]: [&str; 4], language: &str) {
    newsroom.run(&["edition", "test", "desk@lamps.example"]).done();
    let reader = format!("keeper-{language}@lamps.example");
    let mut open = newsroom.open();
    assert_eq!(open.ask(&reader), 200);
    open.confirm(relay, std::slice::from_ref(&reader));
    let before = relay.took().len();
    let ask = format!("email={}", reader.replace('@', "%40"));
    assert_eq!(http::post(&format!("{}/preferences", open.site), http::FORM, &ask).status, 200);
    open.running.until("the letter to their choices", |_| (relay.took().len() > before).then_some(()));
    assert_eq!(open.running.stop().code, Some(0));
    publish(newsroom, language, headline, sentence);
    newsroom.run(&["edition", "cut"]).done();
    newsroom.run(&["edition", "send"]).done();
    newsroom.run(&["edition", "test", "--new", "desk@lamps.example"]).done();
    newsroom.run(&["edition", "test", "--new", "--text", "desk@lamps.example"]).done();
    assert!(letters(relay).contains_key(&reader));
}

#[test]
fn every_kind_of_mail_in_every_script_is_sealed_and_two_verifiers_see_what_was_altered() {
    let (Some(dkimpy), Some(opendkim)) = (Dkimpy::start(), OpenDkim::start()) else { return };
    for outlet in OUTLETS {
        let [language, name, ..] = outlet;
        let relay = Relay::open(None);
        let newsroom = Newsroom::found("seals", relay.address);
        newsroom.set("outlet.language", language);
        newsroom.set("outlet.name", name);
        every_kind(&newsroom, &relay, outlet, language);
        let keys = newsroom.keys();
        let whole: Vec<String> = relay.took().into_iter().map(|took| took.message).collect();
        assert_eq!(whole.len(), 6, "{language}");
        let altered: Vec<String> = whole.iter().map(|message| altered(message)).collect();
        for (messages, holds) in [(&whole, true), (&altered, false)] {
            let octets = || messages.iter().map(String::as_bytes);
            let by_dkimpy: Vec<bool> = dkimpy.verify(&keys, octets()).unwrap().iter().map(|one| one.valid).collect();
            let faults = opendkim.verify(&keys, octets()).unwrap();
            let by_opendkim: Vec<bool> = faults.iter().map(Option::is_none).collect();
            assert_eq!((by_dkimpy, by_opendkim), (vec![holds; 6], vec![holds; 6]), "{language}: {faults:?}");
        }
    }
}

/// The same message with one octet in the middle of its body another one.
fn altered(message: &str) -> String {
    let body = message.find("\r\n\r\n").expect("a head and a body") + 4;
    let middle = body + (message.len() - body) / 2;
    let at = middle + message[middle..].find(|c: char| c.is_ascii_alphanumeric()).expect("a body has words");
    let other = if &message[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &message[..at], &message[at + 1..])
}
