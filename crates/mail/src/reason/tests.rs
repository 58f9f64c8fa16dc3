//! What servers say, and what it must be taken for.

use super::*;

fn of(text: &str, step: Option<Step>) -> Reason {
    judge(&Words { status: enhanced_in(text), reply: reply_in(text), step, is_report: false, text })
}

#[test]
fn words_outweigh_codes_and_specific_words_outweigh_vague_ones() {
    let rcpt = Some(Step::Rcpt);
    for (text, reason) in [
        ("550 5.1.1 <a@b.example>: user unknown", Reason::UnknownAddress),
        ("552 5.2.2 over quota, message rejected", Reason::MailboxFull),
        ("550 5.1.1 192.0.2.1 has sent to too many recipients this hour", Reason::RateLimited),
        ("554 5.7.1 rejected: 192.0.2.1 is listed in a block list", Reason::Policy),
        ("550 5.7.26 unauthenticated email, DMARC", Reason::Authentication),
        ("550 5.4.1 Recipient address rejected: Access denied", Reason::UnknownAddress),
        ("450 4.2.1 Recipient address rejected: Greylisted, see http://user.unknown.example/", Reason::Policy),
        ("556 5.1.10 null MX", Reason::NoMailService),
        ("525 5.7.13 user account disabled", Reason::Suspended),
        ("551 user not local", Reason::Moved),
        ("", Reason::Unclear),
    ] {
        assert_eq!(of(text, rcpt), reason, "{text}");
    }
}

#[test]
fn a_name_is_no_word() {
    assert_eq!(of("550 <mailbox-full@spam.example>: sorry", None), Reason::Unclear);
}

#[test]
fn an_address_is_gone_only_by_two_witnesses() {
    let words = "550 user unknown";
    assert_eq!(of(words, None), Reason::Filtered);
    assert_eq!(of(words, Some(Step::Data)), Reason::Filtered);
    assert_eq!(of(words, Some(Step::Rcpt)), Reason::UnknownAddress);
    assert_eq!(of("550 5.1.1 user unknown", Some(Step::Data)), Reason::UnknownAddress);
    let report = |status| judge(&Words { status, is_report: true, text: words, ..Words::default() });
    assert_eq!(report(Some(Enhanced::new(5, 5, 0))), Reason::UnknownAddress);
    assert_eq!(report(Some(Enhanced::new(5, 0, 0))), Reason::Filtered);
}

#[test]
fn what_is_said_before_a_reader_is_named_is_about_us() {
    assert_eq!(of("550 5.1.2 no such domain", Some(Step::Mail)), Reason::Policy);
    assert_eq!(of("550 go away", Some(Step::Greeting)), Reason::Policy);
}

#[test]
fn codes_are_found_and_addresses_of_machines_are_none() {
    assert_eq!(enhanced_in("host 5.1.1.2 said 550-5.7.26."), Some(Enhanced::new(5, 7, 26)));
    assert_eq!(enhanced_in("2.0.0 and 10.5.1.1 and 5.0.0"), Some(Enhanced::new(5, 0, 0)));
    assert_eq!(reply_in("in 450 ms from host.example: 550 no"), Some(550));
    assert_eq!(reply_in("(#5.1.1) 999 100"), None);
}

#[test]
fn every_reason_has_a_word_of_its_own() {
    for reason in Reason::EVERY {
        assert_eq!(Reason::of_word(reason.word()), Some(reason));
    }
    assert_eq!(Reason::EVERY.iter().filter(|reason| reason.is_hard()).count(), 4);
}

#[test]
fn a_text_without_end_is_judged_by_its_beginning() {
    let long = "é".repeat(JUDGED_BYTES_MAX) + " user unknown";
    assert_eq!(of(&long, Some(Step::Rcpt)), Reason::Unclear);
}
