//! Messages that came back, written by hand, and strangers' octets. No message of a real reader.

use proptest::prelude::*;

use super::*;

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/bounces/{name}.eml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

/// Kind, recipient, reason and hard, as one line.
fn told(name: &str) -> Vec<String> {
    let tell = |f: &Finding| {
        let recipient = f.recipient.as_deref().unwrap_or("-");
        let hard = f.hard.map_or("-".to_owned(), |hard| hard.to_string());
        format!("{} {recipient} {} {hard}", f.kind.word(), f.reason_word().unwrap_or("-"))
    };
    read(&fixture(name), &["bounce+"]).findings.iter().map(tell).collect()
}

#[test]
fn a_report_tells_of_each_recipient_by_itself() {
    let expected = [
        "bounce Ana@library.example unknown_address true",
        "bounce ben@library.example mailbox_full false",
        "other eva@library.example - -",
    ];
    assert_eq!(told("report"), expected);
    let reading = read(&fixture("report"), &["bounce+"]);
    let [ana, ben, eva] = &reading.findings[..] else { panic!("three recipients") };
    assert_eq!(ana.named, ["Ana@library.example", "ana@library.example"]);
    assert_eq!((ana.status, ana.reply), (Some(Enhanced::new(5, 1, 1)), Some(550)));
    assert!(!ana.is_delay && ben.is_delay && !ben.is_taken && eva.is_taken);
    assert_eq!(reading.marks, ["bounce+aaaa@courier.example"]);
}

#[test]
fn user_unknown_after_the_message_needs_a_second_witness() {
    assert_eq!(told("after_the_message"), ["bounce ana@phone.example filtered false"]);
}

#[test]
fn plain_words_are_read_and_the_copy_behind_them_is_not() {
    assert_eq!(told("plain"), ["bounce ana@library.example mailbox_full false"]);
}

#[test]
fn complaints_wishes_and_answers_are_told_apart() {
    assert_eq!(told("complaint"), ["complaint ana@provider.example complaint false"]);
    assert_eq!(told("authentication_report"), ["other ana@provider.example authentication false"]);
    assert_eq!(told("away"), ["auto_reply ana@library.example - -"]);
    assert_eq!(told("leave"), ["unsubscribe ana@library.example unsubscribe false"]);
    assert_eq!(told("letter"), ["other ana@library.example - -"]);
    assert_eq!(told("notice"), ["bounce ana@library.example unknown_address true"]);
}

#[test]
fn marks_are_taken_from_where_the_message_went_before_what_it_returns() {
    let text = "To: x@y.example\r\nDelivered-To: bounce+new@courier.example\r\nContent-Type: message/rfc822\r\n\r\n\
        Return-Path: <bounce+old@courier.example>\r\nTo: ana@b.example\r\n\r\nbounce+body@courier.example\r\n";
    assert_eq!(read(text.as_bytes(), &["bounce+"]).marks, ["bounce+new@courier.example", "bounce+old@courier.example"]);
}

#[test]
fn a_report_on_ten_thousand_recipients_costs_no_more_than_its_limit() {
    let mut text = "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a.example\r\n\r\n".to_owned();
    for n in 0..10_000 {
        text.push_str(&format!("Final-Recipient: rfc822; r{n}@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"));
    }
    assert_eq!(read(text.as_bytes(), &["bounce+"]).findings.len(), FINDINGS_MAX);
}

proptest! {
    #[test]
    fn no_message_of_a_stranger_is_too_strange(
        kind in prop::sample::select(vec!["text/plain", "text/html", "message/delivery-status", "message/feedback-report", "multipart/report; boundary=b", "message/rfc822"]),
        encoding in prop::sample::select(vec!["7bit", "base64", "quoted-printable"]),
        body in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let head = format!("From: <>\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n");
        let reading = read(&[head.as_bytes(), &body].concat(), &["bounce+"]);
        prop_assert!(!reading.findings.is_empty() && reading.findings.len() <= FINDINGS_MAX);
    }

    #[test]
    fn a_real_message_cut_and_bitten_anywhere_is_still_read(
        name in prop::sample::select(vec!["report", "plain", "complaint", "notice", "after_the_message"]),
        cut in 0..2_000usize, at in 0..2_000usize, byte: u8,
    ) {
        let mut message = fixture(name);
        message.truncate(cut);
        if let Some(bitten) = message.get_mut(at) {
            *bitten = byte;
        }
        prop_assert!(!read(&message, &["bounce+"]).findings.is_empty());
    }
}
