//! What a copy is made of, when its answer was lost: listed, sent once more as it was, and never a second time; and when
//! the relay signs.

use crate::newsroom::Newsroom;
use crate::program::Place;
use crate::relay::{Relay, Took};
use std::fs;

const READERS: usize = 6;
/// How many answers are lost.
const LOST: usize = 2;

fn copies_of<'a>(took: &'a [Took], address: &str) -> Vec<&'a String> {
    took.iter().filter(|one| one.to.iter().any(|to| to == address)).map(|one| &one.message).collect()
}

#[test]
fn a_copy_in_doubt_is_sent_once_more_to_the_letter_and_never_again() {
    let relay = Relay::open(None);
    let newsroom = Newsroom::found_in(Place::new("doubt"), relay.address);
    let addresses: Vec<String> = (0..READERS).map(|n| format!("keeper-{n}@lamps.example")).collect();
    newsroom.import(&addresses);
    newsroom.publish("The light is lit again");
    newsroom.run(&["edition", "cut"]).done();

    relay.cuts(LOST);
    let report = newsroom.run(&["edition", "send"]).done();
    assert_eq!((report["uncertain"].as_u64(), report["accepted"].as_u64()), (Some(LOST as u64), Some(4)), "{report}");
    assert_eq!(relay.took().len(), READERS, "nothing is sent twice by itself");
    let listed = newsroom.run(&["doubt", "list"]).done();
    let doubts = listed["doubts"].as_array().unwrap();
    assert_eq!(doubts.len(), LOST, "{listed}");
    assert!(doubts.iter().all(|one| one["can_be_resent"] == true && one["resolution"].is_null()), "{listed}");

    // A person who cannot be sent to again by mistake: this one is known to have arrived.
    let arrived = doubts[1]["reader"].as_str().unwrap();
    newsroom.run(&["doubt", "taken", arrived]).done();
    let again = newsroom.run(&["doubt", "resend", "--all"]).done();
    assert_eq!(again["ended"], 1, "{again}");
    let report = newsroom.run(&["edition", "send"]).done();
    assert_eq!((report["uncertain"].as_u64(), report["accepted"].as_u64()), (Some(1), Some(5)), "{report}");
    assert_eq!(report["doubted"], LOST as u64, "doubt is never erased: {report}");

    let took = relay.took();
    assert_eq!(took.len(), READERS + 1);
    let twice: Vec<_> = addresses.iter().map(|a| copies_of(&took, a)).filter(|copies| copies.len() > 1).collect();
    let [copies] = &twice[..] else { panic!("{} readers have it twice", twice.len()) };
    assert_eq!(copies[0], copies[1], "the same to the letter, Message-ID and signature with it");
    assert!(copies[0].contains("DKIM-Signature:") && copies[0].contains("Message-ID:"), "{}", copies[0]);

    let refusal = newsroom.run(&["doubt", "resend", doubts[0]["reader"].as_str().unwrap()]).refused();
    assert!(refusal.what.contains("sent once more already"), "{refusal:?}");
    let refusal = newsroom.run(&["doubt", "resend", arrived]).refused();
    assert!(refusal.what.contains("wrote down that it was taken"), "{refusal:?}");

    let proof = newsroom.place.all().join("proof.csv");
    newsroom.run(&["edition", "proof", "--format", "csv", "--out", &proof.display().to_string()]).done();
    let proof = fs::read_to_string(&proof).unwrap();
    let readers = proof.lines().skip(1).filter(|line| !line.starts_with("sum")).count();
    assert_eq!(readers, READERS, "{proof}");
    assert!(!proof.contains('@') && proof.contains("resent") && proof.contains("taken"), "{proof}");
}

#[test]
fn where_the_relay_signs_a_copy_leaves_without_a_signature_and_is_otherwise_the_same() {
    let relay = Relay::open(None);
    let newsroom = Newsroom::found_in(Place::new("unsigned"), relay.address);
    newsroom.set("mail.signing", "relay");
    newsroom.cut_for(2);
    newsroom.run(&["edition", "send"]).done();
    let took = relay.took();
    assert_eq!(took.len(), 2);
    for one in &took {
        let begins = one.message.lines().next().unwrap();
        assert!(begins.starts_with("From:") && !one.message.contains("DKIM-Signature:"), "{}", one.message);
    }
    let refusal = newsroom.run(&["settings", "mail.signing", "nobody"]).refused();
    assert!(refusal.what.contains("mail.signing"), "{refusal:?}");
}
