//! A golden message of every kind of mail that leaves, octet by octet: `golden/*.eml`, to be opened in any mail program.
//!
//! What a reader gets changes only on purpose: then `CORANTO_GOLDEN=renew cargo test -p coranto --test golden` writes them
//! anew, and the difference stands in the commit. Everything that a copy takes from outside is fixed here: reader, date,
//! Message-ID, tokens, and a DKIM key that signs for nobody.

#[path = "../../edition/tests/samples/mod.rs"]
#[expect(dead_code, reason = "the samples serve the edition's own tests as well")]
mod samples;

use ::mail::address::{Domain, EnvelopeAddress};
use ::mail::dkim::Signer;
use ::mail::shared::{Personal, SharedMail};
use edition::mail::{EditionDraft, EditionView, draft};
use edition::preview::TEST_MARK;
use newsroom::{CohortId, DepartureId, EditionKind, Format, Newsletter, NewsletterId, Outlet};
use readers::letter::{self, Errand};
use readers::reminder::{self, Reminder, Why};
use readers::trial;
use std::fs;
use std::path::Path;

/// The key of the simulation: it signs for nobody.
const DKIM_KEY: &[u8] = include_bytes!("../../simulation/fixtures/throw_away_dkim_test_key.pk8");
/// 2026-11-24 06:00 UTC, in milliseconds.
const DATE_MS: i64 = 1_795_500_000_000;

fn outlet(language: &str, name: &str) -> Outlet {
    Outlet {
        name: name.into(),
        tagline: String::new(),
        site: "https://courier.example".into(),
        language: language.into(),
        zone: "UTC".into(),
        postal_address: "Quay Street 12\n4050-123 Porto\nPortugal".into(),
        from: "news@courier.example".into(),
        reply_to: Some("desk@courier.example".into()),
        mail_domain: "courier.example".into(),
        selector: "spring".into(),
        invitation: String::new(),
    }
}

fn newsletter(title: &str) -> Newsletter {
    Newsletter { id: NewsletterId(7), slug: "daily".into(), title: title.into() }
}

/// One copy, as it stands between DATA and the final dot, with no dot stuffed.
fn copy(mail: &SharedMail) -> Vec<u8> {
    let to = EnvelopeAddress::parse("ana@library.example").unwrap();
    let personal = Personal { to: &to, date_ms: DATE_MS, message_id: "golden", leaves_by_mail: true };
    let copy = mail.copy(&personal, |slot| Some(format!("{slot:A<44}"))).unwrap();
    let domain = |name| Domain::parse(name).unwrap();
    let signer = Signer::from_pkcs8(DKIM_KEY, domain("courier.example"), domain("spring")).unwrap();
    let signature = signer.sign(&copy.headers, &mail.body().hash(&copy.tails), DATE_MS.unsigned_abs() / 1_000);
    let body = mail.body().pieces(&copy.tails).map(::mail::wire::Piece::bytes).concat();
    let head = [signature.as_ref(), copy.headers.bytes(), b"\r\n"].concat();
    let stuffed = String::from_utf8([head, body].concat()).expect("what leaves is 7-bit");
    stuffed.replace("\r\n..", "\r\n.").into_bytes()
}

fn edition(view: &EditionView, format: Format, mark: &str) -> Vec<u8> {
    let drafted = draft(view, format).unwrap();
    let drafted = EditionDraft { subject: format!("{mark}{}", drafted.subject), ..drafted };
    let (outlet, newsletter) = (outlet(&view.language, &view.outlet), newsletter(&view.newsletter));
    copy(&edition::make_up(&outlet, &newsletter, DepartureId(1), CohortId(2), &drafted).unwrap())
}

fn letter(language: &str, name: &str, errand: Errand) -> Vec<u8> {
    let made = letter::make(&outlet(language, name), &newsletter(name), errand, language).unwrap();
    copy(&SharedMail::from_bytes(&made.body).unwrap())
}

fn reminder(why: Why) -> Vec<u8> {
    let (of, kind) = (NewsletterId(7), EditionKind::Daily);
    let reminder = Reminder { newsletter: "The Harbour Courier", of, kind, date: "2026-11-24", why };
    let made = reminder::make(&outlet("en", "The Harbour Courier"), &reminder).unwrap();
    copy(&SharedMail::from_bytes(&made.body).unwrap())
}

fn trial() -> Vec<u8> {
    let made = trial::make(&outlet("en", "The Harbour Courier"), TEST_MARK).unwrap();
    copy(&SharedMail::from_bytes(&made.body).unwrap())
}

#[test]
fn every_kind_of_mail_is_what_it_was_octet_by_octet() {
    let all = [
        ("edition", edition(&samples::dressed(), Format::Html, "")),
        ("edition-text", edition(&samples::dressed(), Format::Text, "")),
        ("edition-mixed", edition(&samples::mixed(), Format::Html, "")),
        ("edition-arabic", edition(&samples::arabic(), Format::Html, "")),
        ("edition-chinese-text", edition(&samples::chinese_of_twelve(), Format::Text, "")),
        ("test-copy", edition(&samples::dressed(), Format::Html, TEST_MARK)),
        ("trial", trial()),
        ("letter-confirm", letter("en", "The Harbour Courier", Errand::Confirm)),
        ("letter-confirm-arabic", letter("ar", "بريد المرفأ", Errand::Confirm)),
        ("letter-choices", letter("en", "The Harbour Courier", Errand::Choices)),
        ("letter-choices-french", letter("fr", "Le Fanal du matin", Errand::Choices)),
        ("reminder-waits", reminder(Why::Waits)),
        ("reminder-late", reminder(Why::Late)),
    ];
    let changed: Vec<String> = all.iter().filter_map(|(name, message)| change(name, message)).collect();
    assert!(
        changed.is_empty(),
        "if this is on purpose: CORANTO_GOLDEN=renew cargo test -p coranto --test golden\n{}",
        changed.join("\n")
    );
    let kept = fs::read_dir(folder()).unwrap().count();
    assert_eq!(kept, all.len(), "no golden message of a kind that is gone");
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// What changed in a message, if anything did; a wish to renew writes it down instead.
#[expect(clippy::disallowed_methods, reason = "a wish of whoever runs the tests, no setting of a newsroom")]
fn change(name: &str, message: &[u8]) -> Option<String> {
    let file = folder().join(format!("{name}.eml"));
    if std::env::var("CORANTO_GOLDEN").is_ok_and(|wish| wish == "renew") {
        fs::write(&file, message).unwrap();
    }
    let kept = fs::read(&file).unwrap_or_default();
    if kept == message {
        return None;
    }
    let (was, is) = (String::from_utf8_lossy(&kept), String::from_utf8_lossy(message));
    // The signature differs with everything else.
    let differ = was.lines().zip(is.lines()).filter(|(was, is)| was != is).find(|(was, _)| !was.contains(" b="));
    let (was, is) = differ.unwrap_or(("its end", "another end"));
    Some(format!("{name}: {was:?} is now {is:?}"))
}
