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

/// A report on one recipient, of those fields.
fn report(fields: &str) -> String {
    format!(
        "From: MAILER-DAEMON@there.example\nContent-Type: multipart/report; boundary=b\n\n--b\n\nSee below.\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; there.example\n\n{fields}\n--b--\n"
    )
}

fn line(message: &[u8]) -> Vec<String> {
    let tell = |f: &Finding| {
        let (recipient, reason) = (f.recipient.as_deref().unwrap_or("-"), f.reason_word().unwrap_or("-"));
        let status = f.status.map_or("-".to_owned(), |status| status.to_string());
        format!(
            "{} {recipient} {status} {reason} {:?}{}",
            f.kind.word(),
            f.hard,
            if f.is_taken { " taken" } else { "" }
        )
    };
    read(message, &["bounce+"]).findings.iter().map(tell).collect()
}

#[test]
fn what_became_of_a_copy_is_told_by_its_action() {
    for (action, expected) in [
        ("failed", "bounce ana@there.example 5.1.1 unknown_address Some(true)"),
        ("Failed (permanently)", "bounce ana@there.example 5.1.1 unknown_address Some(true)"),
        ("delayed", "bounce ana@there.example 5.1.1 unknown_address Some(false)"),
        ("delivered", "other ana@there.example - - None taken"),
        ("relayed", "other ana@there.example - - None taken"),
        ("expanded", "other ana@there.example - - None taken"),
    ] {
        let fields = format!("Final-Recipient: rfc822; ana@there.example\nAction: {action}\nStatus: 5.1.1\n");
        assert_eq!(line(report(&fields).as_bytes()), [expected], "{action}");
    }
}

#[test]
fn fields_of_a_report_are_read_in_every_dress() {
    for fields in [
        "Final-Recipient: rfc822; ana@there.example\nAction: failed\nStatus: 5.1.1 (bad destination mailbox)\n",
        "Final-Recipient: unknown; ana@there.example\nAction: failed\nStatus: 5.1.1\n",
        "Final-Recipient: ana@there.example\nAction: failed\nStatus: \"5.1.1\"\n",
        "Final-Recipient: RFC822;<ana@there.example>\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; \"550 5.1.1 no such user\"\n",
        "Final-Recipient:\n rfc822;\n ana@there.example\nAction: failed\nStatus:\n 5.1.1\n",
        "Original-Recipient: rfc822; ana@there.example\nFinal-Recipient: rfc822; ana@there.example\nAction: failed\nStatus: 5.1.1\n",
    ] {
        let expected = ["bounce ana@there.example 5.1.1 unknown_address Some(true)"];
        assert_eq!(line(report(fields).as_bytes()), expected, "{fields}");
        let global = report(fields).replace("message/delivery-status", "message/global-delivery-status");
        assert_eq!(line(global.as_bytes()), expected, "RFC 6533: {fields}");
    }
    let tagged = |original: &str| {
        let fields = format!(
            "Original-Recipient: rfc822;{original}\nFinal-Recipient: rfc822;ana+x@there.example\nAction: failed\nStatus: 5.1.1\n"
        );
        read(report(&fields).as_bytes(), &[]).findings[0].recipient.clone().unwrap()
    };
    assert_eq!(tagged("ana+2Bx@there.example"), "ana+x@there.example", "RFC 3461 §4: handed on as it came");
    assert_eq!(tagged("ben+2Bx@there.example"), "ben+2Bx@there.example", "after a forward it may be a tag");
}

#[test]
fn a_message_is_read_whatever_ends_its_lines_and_however_it_was_saved() {
    let lf = report("Final-Recipient: rfc822; ana@there.example\nAction: failed\nStatus: 5.1.1\n");
    let expected = ["bounce ana@there.example 5.1.1 unknown_address Some(true)"];
    let utf_16 = |order: fn(u16) -> [u8; 2]| {
        std::iter::once(0xfeff).chain(lf.encode_utf16()).flat_map(order).collect::<Vec<u8>>()
    };
    let saved = [
        lf.clone().into_bytes(),
        lf.replace('\n', "\r\n").into_bytes(),
        lf.replace('\n', "\r").into_bytes(),
        utf_16(u16::to_le_bytes),
        utf_16(u16::to_be_bytes),
        format!("\u{feff}{lf}").into_bytes(),
        format!("From MAILER-DAEMON Thu Nov 24 10:00:00 2026\n{lf}").into_bytes(),
    ];
    for message in saved {
        assert_eq!(line(&message), expected, "{:?}", String::from_utf8_lossy(&message[..40]));
    }
    for message in [&b""[..], b"\0\x01\xff\xfe\r\r\n", b"\xff\xfe", b"\r", b"not a message"] {
        assert_eq!(line(message), ["other - - - None"], "{message:?}");
    }
}

#[test]
fn complaints_are_what_readers_say_and_nothing_else() {
    let feedback = |kind: &str| {
        format!(
            "From: abuse@there.example\nContent-Type: multipart/report; boundary=b\n\n--b\n\nA report.\n--b\n\
             Content-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: x/1\nVersion: 1\n--b--\n"
        )
    };
    for (kind, expected) in [
        ("abuse", "complaint - - complaint Some(false)"),
        ("Abuse", "complaint - - complaint Some(false)"),
        ("fraud", "complaint - - complaint Some(false)"),
        ("not-spam", "other - - - Some(false)"),
        ("auth-failure", "other - - authentication Some(false)"),
        ("opt-out", "unsubscribe - - unsubscribe Some(false)"),
    ] {
        assert_eq!(line(feedback(kind).as_bytes()), [expected], "{kind}, without the copy");
    }
}

#[test]
fn automatic_answers_of_many_kinds_are_no_bounces() {
    for head in [
        "Auto-Submitted: auto-replied\nSubject: Re: The Morning",
        "Auto-Submitted: auto-generated\nSubject: Ticket 4711",
        "Precedence: auto_reply\nSubject: Thank you",
        "X-Autoreply: yes\nSubject: Re: The Morning",
        "X-Auto-Response-Suppress: All\nAuto-Submitted: auto-replied (vacation)\nSubject: Hello",
        "Subject: Out of Office: The Morning",
        "Subject: Automatische Antwort: Der Morgen",
        "Subject: Abwesenheitsnotiz",
        "Subject: =?utf-8?q?R=C3=A9ponse_automatique_:_Le_matin?=",
        "Subject: Respuesta autom\u{e1}tica: La ma\u{f1}ana",
        "Subject: Risposta automatica: Il mattino",
        "Subject: \u{81ea}\u{52d5}\u{5fdc}\u{7b54}: \u{671d}",
        "Subject: \u{81ea}\u{52a8}\u{56de}\u{590d}: \u{6668}\u{62a5}",
        "Subject: \u{410}\u{432}\u{442}\u{43e}\u{43e}\u{442}\u{432}\u{435}\u{442}: \u{443}\u{442}\u{440}\u{43e}",
    ] {
        let message =
            format!("From: Ana <ana@there.example>\n{head}\n\nI am away until Monday. My mailbox may be full.\n");
        assert_eq!(line(message.as_bytes()), ["auto_reply ana@there.example - - None"], "{head}");
    }
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
