//! Header blocks against a reader of RFC 5322 and 2047 that shares nothing with them.

use proptest::prelude::*;

use super::*;
use crate::wire::WireCheck;
use base64::Engine;

fn address(text: &str) -> EnvelopeAddress {
    EnvelopeAddress::parse(text).unwrap()
}

fn domain() -> Domain {
    Domain::parse("news.example").unwrap()
}

/// What a step writes, or its fault.
fn check(step: impl FnOnce(&mut HeaderBlock) -> Result<&mut HeaderBlock, HeaderFault>) -> String {
    let mut block = HeaderBlock::new();
    match step(&mut block).map(|_| ()) {
        Ok(()) => String::from_utf8(block.bytes().to_vec()).unwrap(),
        Err(fault) => fault.to_string(),
    }
}

/// Undoes folding and encoded words, knowing nothing of how they were made (RFC 5322 §2.2.3, RFC 2047 §6.2).
fn read_text(field: &str) -> String {
    let unfolded = field.replace("\r\n", "");
    let (_, value) = unfolded.split_once(':').unwrap();
    let mut text = String::new();
    let mut was_encoded = false;
    for (at, word) in value.strip_prefix(' ').unwrap().split(' ').enumerate() {
        let decoded = decode_word(word);
        if at > 0 && !(was_encoded && decoded.is_some()) {
            text.push(' ');
        }
        was_encoded = decoded.is_some();
        text.push_str(decoded.as_deref().unwrap_or(word));
    }
    text
}

fn decode_word(word: &str) -> Option<String> {
    let inner = word.strip_prefix("=?utf-8?")?.strip_suffix("?=")?;
    let (kind, coded) = inner.split_once('?')?;
    let bytes = if kind == "b" {
        base64::engine::general_purpose::STANDARD.decode(coded).ok()?
    } else {
        let mut bytes = Vec::new();
        let mut rest = coded.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'_' => b' ',
                b'=' => u8::from_str_radix(&format!("{}{}", rest.next()? as char, rest.next()? as char), 16).ok()?,
                other => other,
            });
        }
        bytes
    };
    String::from_utf8(bytes).ok()
}

#[test]
fn ordinary_fields_read_as_everyone_writes_them() {
    let mut block = HeaderBlock::new();
    let desk = Mailbox::new("The Desk", address("desk@news.example")).unwrap();
    block.from(&desk).unwrap().to(&Mailbox::bare(address("ana@example.org"))).unwrap();
    block.subject("Monday: 3 stories").unwrap().date(1_795_413_600_000).unwrap();
    block.message_id(&MessageId::new("abc.1", &domain()).unwrap()).unwrap();
    block.list_unsubscribe("https://news.example/u/abcdefghij", Some("mailto:u+abc@news.example")).unwrap();
    block.list_id("Daily, all of it", &Domain::parse("daily.news.example").unwrap()).unwrap();
    block.list_link(ListLink::Archive, "https://news.example/archive").unwrap();
    block.feedback_id(["d7", "", "daily"], "coranto").unwrap().precedence_bulk().unwrap().auto_submitted().unwrap();
    let expected = "From: The Desk <desk@news.example>\r\n\
        To: ana@example.org\r\n\
        Subject: Monday: 3 stories\r\n\
        Date: Mon, 23 Nov 2026 06:00:00 +0000\r\n\
        Message-ID: <abc.1@news.example>\r\n\
        List-Unsubscribe: <https://news.example/u/abcdefghij>,\r\n <mailto:u+abc@news.example>\r\n\
        List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\
        List-Id: \"Daily, all of it\" <daily.news.example>\r\n\
        List-Archive: <https://news.example/archive>\r\n\
        Feedback-ID: d7::daily:coranto\r\n\
        Precedence: bulk\r\n\
        Auto-Submitted: auto-generated\r\n";
    assert_eq!(String::from_utf8_lossy(block.bytes()), expected);
    assert_eq!(format!("{block:?}").matches(',').count(), 11, "names only: {block:?}");
    assert!(!format!("{block:?}").contains("ana@"));
}

#[test]
fn names_that_are_shown_are_quoted_or_encoded_where_they_must() {
    let check = |name: &str| check(|block| block.from(&Mailbox::new(name, address("a@b.example")).unwrap()));
    assert_eq!(check("O'Neill & Co"), "From: O'Neill & Co <a@b.example>\r\n");
    assert_eq!(check("Ana (desk) \"x\" \\"), "From: \"Ana (desk) \\\"x\\\" \\\\\" <a@b.example>\r\n");
    assert_eq!(check("Zürich heute"), "From: =?utf-8?q?Z=C3=BCrich_heute?= <a@b.example>\r\n");
    assert_eq!(check("今日新闻"), "From: =?utf-8?b?5LuK5pel5paw6Ze7?= <a@b.example>\r\n");
    assert_eq!(check("evil@bank.example"), "From: \"evil@bank.example\" <a@b.example>\r\n");
    assert_eq!(check("=?utf-8?q?trick?="), "From: =?utf-8?b?PT91dGYtOD9xP3RyaWNrPz0=?= <a@b.example>\r\n");
    assert_eq!(check("  "), "From: a@b.example\r\n");
}

#[test]
fn nothing_typed_becomes_a_second_field() {
    let fault = "a control character or line break in Subject";
    for text in
        ["a\r\nBcc: x@y", "a\nb", "a\rb", "a\0b", "a\u{85}b", "a\u{2028}b", "a\u{2029}b", "a\tb", "a\x7fb", "a\x1bb"]
    {
        assert_eq!(check(|block| block.subject(text)), fault, "{text:?}");
        assert!(Mailbox::new(text, address("a@b.example")).is_err());
        assert!(MessageId::new(text, &domain()).is_err());
        assert!(check(|block| block.list_id(text, &domain())).starts_with("a control"), "{text:?}");
        assert!(check(|block| block.list_unsubscribe(&format!("https://x/{text}"), None)).ends_with("it needs"));
        assert!(check(|block| block.feedback_id([text, "", ""], "s")).ends_with("it needs"));
        assert!(check(|block| block.text(text, "x")).ends_with("it needs"));
        assert!(check(|block| block.words("X-A", text)).starts_with("a control"));
    }
    assert!(Mailbox::new("\u{202e}moc.knab", address("a@b.example")).is_err());
    for link in [
        "https://x/ y",
        "https://x/>",
        "https://x/<",
        "https://x/\"",
        "javascript:1",
        "https://",
        "mailto:a@b",
        "https://x/é",
    ] {
        assert!(check(|block| block.list_unsubscribe(link, None)).ends_with("it needs"), "{link}");
    }
    assert_eq!(check(|block| block.subject("a").and_then(|b| b.text("SUBJECT", "b"))), "SUBJECT is there already");
    assert_eq!(check(|block| block.text("X Y", "b")), "a field's name has not the form it needs");
    assert_eq!(check(|block| block.text("", "b")), "a field's name has not the form it needs");
    assert_eq!(check(|block| block.subject(&"é".repeat(1_001))), "Subject is too long");
}

#[test]
fn message_ids_have_one_form() {
    assert_eq!(MessageId::parse("<a.b-c@news.example>").unwrap().as_str(), "<a.b-c@news.example>");
    for text in
        ["a@b", "<a>", "<a@>", "<@b>", "<a b@c>", "<a@b>x", "<a@b@c>", "<a@b c>", "<a@[1.2.3.4]>", "<a..b@c>", ""]
    {
        assert!(MessageId::parse(text).is_err(), "{text}");
    }
    assert!(MessageId::new(&"a".repeat(250), &domain()).is_err());
}

#[test]
fn dates_are_written_for_every_day_we_may_meet() {
    assert_eq!(date(0).unwrap(), "Thu, 1 Jan 1970 00:00:00 +0000");
    assert_eq!(date(951_782_399_999).unwrap(), "Mon, 28 Feb 2000 23:59:59 +0000");
    assert_eq!(date(951_868_799_000).unwrap(), "Tue, 29 Feb 2000 23:59:59 +0000");
    assert_eq!(date(i64::MAX), Err(HeaderFault::Date));
    assert_eq!(date(i64::MIN), Err(HeaderFault::Date));
}

#[test]
fn long_text_is_folded_and_reads_back() {
    let long = "word ".repeat(60) + "end";
    let field = check(|block| block.subject(&long));
    assert!(field.lines().all(|line| line.len() <= 78), "{field}");
    assert_eq!(read_text(field.strip_suffix("\r\n").unwrap()), long);
    let wide = "x".repeat(400);
    let field = check(|block| block.subject(&wide));
    assert!(field.lines().all(|line| line.len() <= 76), "{field}");
    assert_eq!(read_text(field.strip_suffix("\r\n").unwrap()), wide);
    assert_eq!(check(|block| block.subject("")), "Subject: \r\n");
    assert_eq!(check(|block| block.subject(":")), "Subject: :\r\n");
}

proptest! {
    #[test]
    fn any_text_reads_back_from_lines_that_fit(text in "\\PC{0,120}") {
        prop_assume!(!text.contains(['\u{2028}', '\u{2029}']));
        let field = check(|block| block.subject(&text));
        prop_assert!(field.is_ascii());
        prop_assert!(field.split("\r\n").all(|line| line.len() <= 78 && !line.contains(['\r', '\n'])));
        prop_assert!(field.split("\r\n").skip(1).filter(|line| !line.is_empty()).all(|line| line.starts_with(' ') && line.trim() != ""));
        prop_assert!(WireCheck::all([field.as_bytes()]).is_ok());
        prop_assert_eq!(read_text(field.strip_suffix("\r\n").unwrap()), text);
    }

    #[test]
    fn any_shown_name_keeps_the_address_apart(text in "\\PC{0,60}") {
        let Ok(mailbox) = Mailbox::new(&text, address("a@b.example")) else { return Ok(()) };
        let field = check(|block| block.from(&mailbox));
        prop_assert!(field.ends_with("a@b.example>\r\n") || field == "From: a@b.example\r\n");
        prop_assert!(field.split("\r\n").all(|line| line.len() <= 78));
        // Outside a quoted string no bracket, comma or at-sign stands before the address.
        let shown = field.strip_suffix("<a@b.example>\r\n").unwrap_or("");
        if !shown.contains('"') {
            prop_assert!(!shown.contains(['<', '>', ',', '@', '(', ';']), "{}", shown);
        }
    }

    #[test]
    fn any_text_at_all_is_written_safely_or_refused(name in ".{0,20}", text in any::<String>()) {
        let mut block = HeaderBlock::new();
        let _ = block.text(&name, &text);
        let _ = block.subject(&text);
        prop_assert!(block.bytes().is_empty() || WireCheck::all([block.bytes()]).is_ok());
        prop_assert_eq!(block.fields().count(), block.bytes().split(|b| *b == b'\n').filter(|l| !l.is_empty() && l[0] != b' ').count());
    }
}
