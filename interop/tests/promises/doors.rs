//! What a link does: nothing until somebody presses a button, or a mail program the one click of RFC 8058.

use crate::http::{self, FORM};
use crate::mails::{self, Mail};
use crate::newsroom::readers;
use crate::program::{Place, Running};
use std::collections::BTreeSet;

/// How many readers the demo signs up.
const READERS: u64 = 40;
/// What mail programs post (RFC 8058 §3.1).
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";
/// One who asks later and has not pressed the button.
const LATE: &str = "late@gullmail.example";

/// The demo at work, its first morning over, and one more reader who asked.
fn demo(place: &Place) -> (Running, String) {
    let readers = READERS.to_string();
    let mut demo = Running::start(place.arguments(&["demo", "--listen", "127.0.0.1:0", "--readers", &readers]));
    let site = demo.told("The site:").trim_end_matches('/').to_owned();
    demo.told("The inbox:");
    assert_eq!(http::post(&format!("{site}/subscribe"), FORM, "email=late%40gullmail.example").status, 200);
    let came = |mails: Vec<Mail>| mails.iter().any(|mail| mail.to == [LATE]).then_some(());
    demo.until("the letter", |_| came(mails::caught(&place.mail())));
    (demo, site)
}

/// The address in a mail's List-Unsubscribe field.
fn way_out(mail: &Mail) -> &str {
    assert_eq!(mail.field("List-Unsubscribe-Post"), ONE_CLICK);
    mail.field("List-Unsubscribe").trim_start_matches('<').trim_end_matches('>')
}

#[test]
fn every_link_leads_somewhere_none_acts_when_opened_and_one_click_unsubscribes() {
    let place = Place::new("doors");
    let (demo, site) = demo(&place);
    let mails = mails::caught(&place.mail());
    let report = || place.run(&["edition", "report"]).done();
    let (before, told) = (readers(&place), report());
    assert_eq!(before, [READERS, 1, 0]);

    let links: BTreeSet<String> = mails.iter().flat_map(Mail::links).filter(|link| link.starts_with(&site)).collect();
    for door in ["/confirm/", "/preferences/", "/unsubscribe/", "/articles/", "/pictures/", "/editions/"] {
        assert!(links.iter().any(|link| link.contains(door)), "no mail links to {door}");
    }
    for link in &links {
        assert_eq!((http::head(link).status, http::get(link).status), (200, 200), "{link}");
    }
    assert_eq!((readers(&place), report()), (before, told), "opening {} links changed something", links.len());

    let editions: Vec<&Mail> = mails.iter().filter(|mail| mail.departure().is_some()).collect();
    // As forms are sent, and as RFC 8058 §3.1 prefers it.
    let boundary = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
    for (left, (mail, kind, body)) in
        [(editions[0], FORM, ONE_CLICK), (editions[1], "multipart/form-data; boundary=x", boundary)].iter().enumerate()
    {
        let left = left as u64 + 1;
        for _ in 0..2 {
            assert_eq!(http::post(way_out(mail), kind, body).status, 200);
            assert_eq!(readers(&place), [READERS - left, 1, left], "twice is once");
        }
    }

    let page = http::post(way_out(editions[2]), FORM, "");
    let undo =
        page.body.split("action=\"").find(|part| part.contains("/undo\"")).expect("the page offers the way back");
    let undo = undo.split('"').next().unwrap();
    let undo = if undo.starts_with('/') { format!("{site}{undo}") } else { undo.to_owned() };
    assert_eq!(readers(&place), [READERS - 3, 1, 3]);
    http::get(&undo);
    assert_eq!(readers(&place), [READERS - 3, 1, 3], "opening the way back changed something");
    assert_eq!(http::post(&undo, FORM, "").status, 200);
    assert_eq!(readers(&place), [READERS - 2, 1, 2]);

    let letter = mails.iter().find(|mail| mail.to == [LATE]).unwrap().links();
    let confirm = letter.iter().find(|link| link.contains("/confirm/")).unwrap();
    assert_eq!(http::post(confirm, FORM, "").status, 200);
    assert_eq!(readers(&place), [READERS - 1, 0, 2]);
    assert_eq!(demo.stop().code, Some(0));

    let readers = READERS.to_string();
    let next = place.run(&["demo", "--once", "--readers", &readers]).done();
    assert_eq!(next["accepted"].as_u64(), Some(READERS - 1), "{next}");
    let all = mails::caught(&place.mail());
    let departure = next["departure"].as_str();
    let reached: BTreeSet<&str> =
        all.iter().filter(|mail| mail.departure() == departure).map(|mail| mail.to[0].as_str()).collect();
    let gone = [&editions[0].to[0], &editions[1].to[0]];
    assert!(gone.iter().all(|reader| !reached.contains(reader.as_str())), "whoever left is not mailed");
    assert!(reached.contains(LATE) && reached.contains(editions[2].to[0].as_str()));
}

#[test]
fn a_forged_or_foreign_token_opens_no_door() {
    let place = Place::new("forged");
    let (demo, site) = demo(&place);
    let mails = mails::caught(&place.mail());
    let before = readers(&place);
    let way_out = way_out(mails.iter().find(|mail| mail.departure().is_some()).unwrap());
    let token = way_out.rsplit('/').next().unwrap();
    let mut forged = token.to_owned().into_bytes();
    forged[20] = if forged[20] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let doors = [
        format!("{site}/unsubscribe/{forged}"),
        format!("{site}/unsubscribe/{}", &token[..43]),
        format!("{site}/confirm/{token}"),
        format!("{site}/unsubscribe/{token}/undo"),
        format!("{site}/unsubscribe/{}", "A".repeat(10_000)),
    ];
    for door in doors {
        let answer = http::post(&door, FORM, ONE_CLICK);
        assert!((400..500).contains(&answer.status), "{door}: {}", answer.status);
    }
    assert_eq!(readers(&place), before);
    assert_eq!(demo.stop().code, Some(0));
}
