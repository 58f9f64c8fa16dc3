//! Signatures of ours against the verifier, and the verifier against signatures of dkimpy's.

use proptest::prelude::*;

use super::vectors::{KEY, RECORD, SIGNED};
use super::*;
use crate::address::EnvelopeAddress;
use crate::headers::{Mailbox, MessageId};
use crate::mime::{Draft, DraftPart, SharedBody};

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn signer() -> Signer {
    Signer::from_pkcs8(&STANDARD.decode(KEY).unwrap(), domain("news.example"), domain("k1")).unwrap()
}

fn key() -> PublicKey {
    PublicKey::from_record(RECORD).unwrap()
}

/// A whole signed message.
fn message(subject: &str, text: &str, token: &str) -> Vec<u8> {
    let part = DraftPart { shared: text.to_owned(), personal: "Leave: {{leave}}\n".to_owned() };
    let body = SharedBody::build(&Draft { text: part.clone(), html: Some(part) }, b"cohort 7").unwrap();
    let copy = body.copy(|_| Some(token)).unwrap();
    let address = |text: &str| EnvelopeAddress::parse(text).unwrap();
    let mut block = HeaderBlock::new();
    block.from(&Mailbox::new("The Desk", address("desk@news.example")).unwrap()).unwrap();
    block.to(&Mailbox::bare(address("ana@example.org"))).unwrap();
    block.subject(subject).unwrap().date(1_795_413_600_000).unwrap();
    block.message_id(&MessageId::new(token, &domain("news.example")).unwrap()).unwrap();
    block.list_unsubscribe(&format!("https://news.example/u/{token}"), None).unwrap();
    block.list_id("Daily", &domain("daily.news.example")).unwrap();
    body.content_headers(&mut block).unwrap();
    let signature = signer().sign(&block, &copy.hash(), 1_795_413_600);
    copy.message(&signature, &block).concat()
}

const ENGLISH: &str = "Good morning.\n\n.Dots, and From  spaces \n=\n";
const CHINESE: &str = "今日新闻：早上好，世界各地的读者。\n今日新闻：早上好，世界各地的读者。\n";

#[test]
fn what_dkimpy_signed_is_believed() {
    for signed in SIGNED {
        let verified = verify(signed.as_bytes(), &key()).unwrap();
        assert_eq!((verified.domain.as_str(), verified.selector.as_str()), ("news.example", "k1"));
        assert_eq!(verified.t_seconds, Some(1_795_510_570));
    }
}

#[test]
fn what_dkimpy_signed_is_not_believed_once_changed() {
    for (at, signed) in SIGNED.iter().enumerate() {
        let check = |from: &str, to: &str| {
            assert!(signed.contains(from), "{from} in {at}");
            verify(signed.replacen(from, to, 1).as_bytes(), &key()).map(|_| ())
        };
        assert_eq!(check("\r\nFrom: ", "\r\nFrom: x"), Err(VerifyFault::Signature), "{at}");
        assert_eq!(check("t=1795510570", "t=1795510571"), Err(VerifyFault::Signature), "{at}");
        let appended = format!("{signed}more");
        assert_eq!(verify(appended.as_bytes(), &key()), Err(VerifyFault::Body), "{at}");
        if at < 4 {
            assert_eq!(check("Hello", "hello"), Err(VerifyFault::Body), "{at}");
            assert_eq!(check("second", "third"), Err(VerifyFault::Signature), "{at}");
            // Oversigned: a second one may not come on top.
            assert_eq!(check("\r\nFrom: ", "\r\nFrom: evil@x\r\nFrom: "), Err(VerifyFault::Signature), "{at}");
            assert_eq!(check("\r\nX-Unsigned: yes", ""), Ok(()), "{at}");
            // Only the relaxed forms bear white space.
            let header = check("To: ana", "To:  ana");
            assert_eq!(header, if at < 2 { Ok(()) } else { Err(VerifyFault::Signature) }, "{at}");
            let body = check("Hello  \t", "Hello ");
            assert_eq!(body, if at % 2 == 0 { Ok(()) } else { Err(VerifyFault::Body) }, "{at}");
        }
    }
}

/// These octets were checked with dkimpy 1.1.8 when they were written down here.
#[test]
fn a_signature_is_still_the_one_that_dkimpy_believed() {
    for (text, encoding, expected) in [(ENGLISH, "quoted-printable", QUOTED), (CHINESE, "base64", BASED)] {
        let octets = message("Heute: drei Geschichten für Ana", text, "Abc-_123");
        let whole = String::from_utf8(octets).unwrap();
        assert_eq!(whole.matches(encoding).count(), 2);
        let (signature, _) = whole.split_once("From: ").unwrap();
        assert_eq!(signature, expected);
        verify(whole.as_bytes(), &key()).unwrap();
    }
}

const QUOTED: &str = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple;\r\n\
    \x20d=news.example; s=k1;\r\n\
    \x20t=1795413600; bh=AzlaYhWQq2nfnEVW1H9oeYg2bSdcgaUk+qCiW2io6nM=;\r\n\
    \x20h=From:To:Subject:Date:Message-ID:List-Unsubscribe:List-Unsubscribe-Post:\r\n\
    \x20List-Id:MIME-Version:Content-Type:Content-Transfer-Encoding:From:To:Cc:\r\n\
    \x20Subject:Date:Reply-To:Content-Type;\r\n\
    \x20b=sSfM3KOYnhJrRxTSG8XGMeTPtaQJINKtNJ6bXtpNWa92/p0rzScOfRvuMM3SAeVgV1mnMrq6\r\n\
    \x20y2UawUlA8NW+CDCrCgKNpdCIlM2McP0htMg8HtDN65M8Sh8E0FABL3SCGA22Pz4xA82ySFKm\r\n\
    \x20x6OpsfT4sZ8OIAuyhZcwAH7VhIGEqUdceTxlJYQO1ohFoWgqjukodN6ioWx8bcmAyRpMnF6r\r\n\
    \x20B7IJPsXUmkMW3Cvl3tPZRVgWx7HbGumVdnEGLK5VNMkSftK5Z0kMJaTChm51wEKsB4yWm/MR\r\n\
    \x20e1vVwbS4PlPEswtUgZXcBw0Z+oSHjU7pN70HS0Z7dhWInjbNftxBUw==\r\n";
const BASED: &str = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple;\r\n\
    \x20d=news.example; s=k1;\r\n\
    \x20t=1795413600; bh=rt/YIqmDxBPg/BWj76wyUILUQk2aELO7Goa6lthDC3I=;\r\n\
    \x20h=From:To:Subject:Date:Message-ID:List-Unsubscribe:List-Unsubscribe-Post:\r\n\
    \x20List-Id:MIME-Version:Content-Type:Content-Transfer-Encoding:From:To:Cc:\r\n\
    \x20Subject:Date:Reply-To:Content-Type;\r\n\
    \x20b=eH9K9vGZ+6b6YqErwRXriCXt19jIF+dOczwlSkP/3rWk4JLaOP9bNbbmPV0qG3yPLPU64y1Q\r\n\
    \x20ukaT6bcvvayrEuOtflSixI7rkJPZzqpYRkaAz8yz8RTAJFS1QV8FzFWm7O+PrMwnhUPTsS9r\r\n\
    \x20aMQRFjNr3+x+Tk3kcWfqC6pM29oVP/7V/vL26nODiva1YDtWMzvGLiBEDm7lhxtD404hn64K\r\n\
    \x20/AlpXaIq+Ethjrdvuk7MPat8ZDXkdIEtgOFozSttTHpu/0Ku4FeLtH/nL7xXVPK7G87c7dhW\r\n\
    \x20xh98OSIr/PqV1+6szvrn2lzpvHBs3AMBd7OiTMTjDQECBs1ZeQMTtg==\r\n";

#[test]
fn a_key_of_ours_has_a_record_that_verifies_it() {
    let signer = signer();
    assert_eq!(signer.dns_name(), "k1._domainkey.news.example");
    assert_eq!(signer.dns_record(), RECORD);
    assert_eq!(format!("{signer:?}"), "Signer { domain: Domain(\"news.example\"), selector: Domain(\"k1\"), .. }");

    let made = Signer::generate().unwrap();
    let made = Signer::from_pkcs8(&made, domain("news.example"), domain("k2.2026")).unwrap();
    let mut block = HeaderBlock::new();
    block.from(&Mailbox::bare(EnvelopeAddress::parse("a@news.example").unwrap())).unwrap();
    let hash = digest_of(b"a\r\n");
    let mut octets = made.sign(&block, &hash, 0);
    octets.extend_from_slice(block.bytes());
    octets.extend_from_slice(b"\r\na\r\n");
    assert!(verify(&octets, &PublicKey::from_record(&made.dns_record()).unwrap()).is_ok());
    assert_eq!(verify(&octets, &key()), Err(VerifyFault::Signature));
    assert_eq!(Signer::from_pkcs8(b"no key", domain("a"), domain("b")).unwrap_err(), KeyFault::Form);
}

fn digest_of(octets: &[u8]) -> [u8; 32] {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets).as_ref().try_into().unwrap()
}

#[test]
fn nobody_adds_a_field_or_changes_the_body_behind_us() {
    let whole = String::from_utf8(message("Monday", ENGLISH, "abc")).unwrap();
    assert!(verify(whole.as_bytes(), &key()).is_ok());
    for field in OVERSIGNED {
        let octets = format!("{field}: other\r\n{whole}");
        assert_eq!(verify(octets.as_bytes(), &key()), Err(VerifyFault::Signature), "{field}");
    }
    // What a server on the way adds is its own affair.
    assert!(verify(format!("Received: by mx\r\n{whole}").as_bytes(), &key()).is_ok());
    assert_eq!(verify(format!("{whole}x\r\n").as_bytes(), &key()), Err(VerifyFault::Body));
    for name in
        ["Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "MIME-Version", "Content-Type", "Date"]
    {
        let octets = whole.replacen(&format!("\r\n{name}: "), &format!("\r\n{name}: x"), 1);
        assert_eq!(verify(octets.as_bytes(), &key()), Err(VerifyFault::Signature), "{name}");
    }
}

#[test]
fn what_is_no_signature_of_a_kind_we_know_is_refused() {
    let signed = SIGNED[1];
    let check = |from: &str, to: &str| verify(signed.replacen(from, to, 1).as_bytes(), &key()).unwrap_err().to_string();
    assert_eq!(check("DKIM-Signature", "X-Signature"), "no DKIM signature");
    assert_eq!(check("v=1", "v=2"), "a signature of another version");
    assert_eq!(check("rsa-sha256", "rsa-sha1"), "an algorithm other than rsa-sha256");
    assert_eq!(check("q=dns/txt", "l=0"), "a signature over part of the body");
    assert_eq!(check("q=dns/txt", "s=k2"), "a tag twice");
    assert_eq!(check("q=dns/txt", "q"), "a tag without a value");
    assert_eq!(check("relaxed/simple", "strict"), "an unknown canonical form");
    assert_eq!(check("h=from : from : to", "h=to"), "a signature that leaves From out");
    assert_eq!(check("i=@news.example", "i=@evil.example"), "an i= outside of d=");
    assert_eq!(check("i=@news.example", "i=@evilnews.example"), "an i= outside of d=");
    assert_eq!(check("t=1795510570", "t=noon"), "a t= that is no time");
    assert_eq!(check("bh=", "bh=!"), "a value that is not base64");
    assert_eq!(check("Hello", "Hello\n"), "a bare CR or LF in the message");
    assert_eq!(check("\r\nTo: ", "\r\nTo"), "a field without a colon");

    for (record, fault) in [
        ("v=DKIM1; k=rsa", "a key record without p="),
        ("v=DKIM1; p=", "a revoked key"),
        ("v=DKIM1; k=ed25519; p=AAAA", "a key that is not DKIM1 and RSA"),
        ("v=DKIM1; p=%", "a value that is not base64"),
        ("", "a tag without a value"),
    ] {
        assert_eq!(PublicKey::from_record(record).unwrap_err().to_string(), fault);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_message_of_ours_verifies_and_is_the_same_each_time(subject in "\\PC{0,80}", text in "(\\PC|\n){0,200}", token in "[A-Za-z0-9_-]{8,43}") {
        prop_assume!(!subject.contains(['\u{2028}', '\u{2029}']));
        let octets = message(&subject, &text, &token);
        let verified = verify(&octets, &key());
        prop_assert!(verified.is_ok(), "{:?}", verified);
        prop_assert_eq!(octets, message(&subject, &text, &token));
    }

    #[test]
    fn one_changed_letter_of_the_body_is_noticed(at in any::<prop::sample::Index>()) {
        let mut octets = message("Monday", ENGLISH, "abc");
        let body = octets.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let at = body + at.index(octets.len() - body);
        prop_assume!(octets[at].is_ascii_alphanumeric());
        octets[at] ^= 1;
        prop_assert_eq!(verify(&octets, &key()), Err(VerifyFault::Body));
    }

    #[test]
    fn any_octets_are_survived(octets in proptest::collection::vec(any::<u8>(), 0..300), tags in "[a-z]{1,2}=[ -~]{0,20}(;[a-z]{1,2}=[ -~]{0,20}){0,9}") {
        let _ = verify(&octets, &key());
        let _ = verify(format!("DKIM-Signature: {tags}\r\n\r\n").as_bytes(), &key());
        let _ = PublicKey::from_record(&tags);
    }
}
