//! One morning after another, as `coranto demo --once --json` has them, on both engines.

use crate::mails::{self, Mail, articles, without_tokens};
use crate::newsroom::keys;
use crate::program::{Place, run};
use interop::dkimpy::Dkimpy;
use interop::opendkim::OpenDkim;
use interop::postgres;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// How many readers sign up.
const READERS: usize = 300;

/// Three mornings of one newsroom: two with news, one without.
struct Mornings {
    place: Place,
    told: [Value; 3],
    /// How many mails had come after each.
    counts: [usize; 3],
    mails: Vec<Mail>,
}

impl Mornings {
    fn live(purpose: &str, database: Option<&str>) -> Mornings {
        let place = Place::new(purpose);
        let readers = READERS.to_string();
        let again = place.arguments(&["demo", "--once", "--readers", &readers]);
        // The folder remembers its database.
        let mut first = again.clone();
        first.extend(database.into_iter().flat_map(|url| ["--database".to_owned(), url.to_owned()]));
        let mut counts = [0; 3];
        let told = std::array::from_fn(|morning| {
            let said = run(if morning == 0 { &first } else { &again });
            let told = said.done();
            assert_eq!(said.stderr, "", "a good morning complains of nothing");
            counts[morning] = mails::caught(&place.mail()).len();
            told
        });
        let mails = mails::caught(&place.mail());
        Mornings { place, told, counts, mails }
    }

    fn on_sqlite() -> &'static Mornings {
        static LIVED: OnceLock<Mornings> = OnceLock::new();
        LIVED.get_or_init(|| Mornings::live("mornings", None))
    }

    /// None when there is no PostgreSQL, with the calling test recorded as skipped.
    fn on_postgres() -> Option<&'static Mornings> {
        static LIVED: OnceLock<Mornings> = OnceLock::new();
        let server = postgres::shared()?;
        Some(LIVED.get_or_init(|| Mornings::live("mornings-pg", Some(&server.database().unwrap()))))
    }

    fn on_both() -> impl Iterator<Item = &'static Mornings> {
        [Some(Mornings::on_sqlite()), Mornings::on_postgres()].into_iter().flatten()
    }

    fn editions(&self) -> impl Iterator<Item = &Mail> {
        self.mails.iter().filter(|mail| mail.departure().is_some())
    }

    fn letters(&self) -> impl Iterator<Item = &Mail> {
        self.mails.iter().filter(|mail| mail.departure().is_none())
    }
}

#[track_caller]
fn number(document: &Value, name: &str) -> usize {
    let found = document[name].as_u64().unwrap_or_else(|| panic!("no number `{name}` in {document}"));
    usize::try_from(found).unwrap()
}

/// The fields of `coranto edition report --json` that issue 2 names.
const REPORT: [&str; 15] = [
    "edition",
    "departure",
    "audience",
    "queued",
    "leased",
    "in_flight",
    "accepted",
    "deferred",
    "refused",
    "uncertain",
    "excluded",
    "expired",
    "doubted",
    "uncertain_readers",
    "date",
];

#[test]
fn one_document_tells_a_whole_morning_and_the_report_says_the_same() {
    for mornings in Mornings::on_both() {
        for told in &mornings.told {
            assert_eq!(number(told, "audience"), READERS);
            assert_eq!(number(told, "audience"), number(told, "accepted") + number(told, "excluded"), "{told}");
            let nothing = ["queued", "leased", "in_flight", "deferred", "refused", "uncertain", "expired", "doubted"];
            assert_eq!(nothing.map(|name| number(told, name)), [0; 8], "{told}");
            assert_eq!(told["receipts"]["matched"], told["accepted"]);
        }
        assert_eq!(number(&mornings.told[0]["readers"], "confirmed"), READERS);
        assert_eq!(number(&mornings.told[1]["readers"], "already"), READERS);
        for told in [&mornings.told[0], &mornings.told[1]] {
            let report = mornings.place.run(&["edition", "report", told["edition"].as_str().unwrap()]).done();
            let fields: BTreeSet<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(fields, REPORT.into());
            REPORT.iter().for_each(|name| assert_eq!(report[name], told[name], "{name}"));
        }
    }
}

#[test]
fn a_second_morning_is_the_next_day_and_repeats_no_story_to_any_reader() {
    for mornings in Mornings::on_both() {
        let [first, second, _] = &mornings.told;
        assert!(first["date"].as_str() < second["date"].as_str(), "{first} {second}");
        let mut had: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let mut departures: BTreeMap<&str, usize> = BTreeMap::new();
        for mail in mornings.editions() {
            let stories = articles(mail.html());
            assert!(!stories.is_empty(), "an edition without a story went to {:?}", mail.to);
            let before = had.entry(&mail.to[0]).or_default();
            let again: Vec<_> = before.intersection(&stories).collect();
            assert!(again.is_empty(), "{:?} got {again:?} twice", mail.to);
            before.extend(stories);
            *departures.entry(mail.departure().unwrap()).or_default() += 1;
        }
        let sent = |told: &Value| (told["departure"].as_str().unwrap().to_owned(), number(told, "accepted"));
        let expected: BTreeMap<String, usize> = [sent(first), sent(second)].into();
        assert_eq!(departures.into_iter().map(|(id, n)| (id.to_owned(), n)).collect::<BTreeMap<_, _>>(), expected);
    }
}

#[test]
fn a_third_morning_without_news_mails_nobody() {
    for mornings in Mornings::on_both() {
        let [_, second, third] = &mornings.told;
        assert_eq!(second["departure"], third["departure"], "no new departure was cut");
        assert!(third["morning"].as_str().unwrap().starts_with("Nothing new"), "{third}");
        assert_eq!(mornings.counts, [2 * READERS, 3 * READERS, 3 * READERS]);
    }
}

#[test]
fn every_mail_has_one_recipient_and_a_name_of_its_own() {
    for mornings in Mornings::on_both() {
        for mail in &mornings.mails {
            assert_eq!(mail.to.len(), 1, "{:?}", mail.to);
            assert_eq!(mail.field("To"), mail.to[0]);
            assert_eq!(["Cc", "Bcc", "Resent-To"].map(|name| mail.fields(name).len()), [0; 3]);
        }
        let count = mornings.mails.len();
        let distinct = |of: fn(&Mail) -> &str| mornings.mails.iter().map(of).collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(|mail| mail.field("Message-ID")), count);
        assert_eq!(distinct(|mail| &mail.from), count);
        let once: BTreeSet<_> = mornings.editions().map(|mail| (mail.departure(), &mail.to[0])).collect();
        assert_eq!(once.len(), mornings.editions().count(), "nobody is mailed twice");
        let letters: BTreeSet<_> = mornings.letters().map(|mail| &mail.to[0]).collect();
        assert_eq!((letters.len(), mornings.letters().count()), (READERS, READERS));
    }
}

#[test]
fn dkimpy_verifies_the_signature_of_every_mail() {
    let Some(dkimpy) = Dkimpy::start() else { return };
    for mornings in Mornings::on_both() {
        let keys = keys(&mornings.place);
        let judged = dkimpy.verify(&keys, mornings.mails.iter().map(|mail| mail.raw.as_slice())).unwrap();
        assert_eq!(judged.len(), 3 * READERS);
        for (judgement, mail) in judged.iter().zip(&mornings.mails) {
            assert!(judgement.valid && judgement.signatures == 1, "{judgement:?} of {:?}", mail.to);
            let mut expected = vec!["from", "to", "subject", "date", "message-id", "mime-version", "content-type"];
            if mail.departure().is_some() {
                expected.extend(["list-unsubscribe", "list-unsubscribe-post", "list-id"]);
            }
            let signed: BTreeSet<&str> = judgement.signed.iter().map(String::as_str).collect();
            assert!(expected.iter().all(|field| signed.contains(field)), "{signed:?} of {:?}", mail.to);
        }
    }
}

#[test]
fn opendkim_verifies_the_signature_of_every_mail_and_of_none_that_was_altered() {
    let Some(opendkim) = OpenDkim::start() else { return };
    let mornings = Mornings::on_sqlite();
    let keys = keys(&mornings.place);
    let faults = opendkim.verify(&keys, mornings.mails.iter().map(|mail| mail.raw.as_slice())).unwrap();
    assert_eq!(faults.len(), 3 * READERS);
    assert_eq!(faults.into_iter().flatten().collect::<Vec<_>>(), [""; 0]);
    let altered: Vec<Vec<u8>> = mornings.mails.iter().take(READERS).map(altered).collect();
    let faults = opendkim.verify(&keys, altered.iter().map(Vec::as_slice)).unwrap();
    assert!(faults.iter().all(Option::is_some), "one octet of the body is another one");
}

/// The same mail with the last letter or digit of its body another one.
fn altered(mail: &Mail) -> Vec<u8> {
    let mut raw = mail.raw.clone();
    let at = raw.iter().rposition(u8::is_ascii_alphanumeric).expect("a mail has words");
    raw[at] = if raw[at] == b'x' { b'y' } else { b'x' };
    raw
}

/// What readers of one wish have in common: everything but what is a reader's own.
fn shared_part(mail: &Mail) -> String {
    let own = ["DKIM-Signature", "To", "Message-ID", "Date"];
    let fields = mail.opened.headers.iter().filter(|(name, _)| !own.contains(name));
    let fields: String = fields.map(|(name, value)| format!("{name}: {}\n", without_tokens(value))).collect();
    format!("{fields}\n{}\n{}", without_tokens(mail.text()), without_tokens(mail.html()))
}

/// The lines of the body that differ, on either side.
fn lines_that_differ<'m>(one: &'m Mail, other: &'m Mail) -> Vec<(&'m [u8], &'m [u8])> {
    let lines = |mail: &'m Mail| {
        let end_of_head = mail.raw.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        mail.raw[end_of_head..].split(|byte| *byte == b'\n').collect::<Vec<_>>()
    };
    let (one, other) = (lines(one), lines(other));
    assert_eq!(one.len(), other.len());
    one.into_iter().zip(other).filter(|(one, other)| one != other).collect()
}

#[test]
fn copies_of_one_cohort_differ_only_in_token_recipient_message_id_sender_and_signature() {
    let wishes: BTreeMap<String, Vec<&str>> =
        (1..=READERS as u32).map(stage::readers::reader).map(|reader| (reader.address, reader.topics)).collect();
    for mornings in Mornings::on_both() {
        let mut cohorts: BTreeMap<(&str, &[&str]), Vec<&Mail>> = BTreeMap::new();
        for mail in mornings.editions() {
            cohorts.entry((mail.departure().unwrap(), &wishes[&mail.to[0]])).or_default().push(mail);
        }
        assert!(cohorts.values().any(|copies| copies.len() > 20), "some wish is shared by many");
        for copies in cohorts.values() {
            let expected = shared_part(copies[0]);
            for copy in &copies[1..] {
                assert_eq!(shared_part(copy), expected, "{:?} and {:?}", copy.to, copies[0].to);
                for (one, other) in lines_that_differ(copies[0], copy) {
                    assert_eq!(one.len(), other.len(), "a token never changes the length of its line");
                }
            }
        }
    }
}

#[test]
fn the_text_part_says_all_that_the_html_says() {
    for mornings in Mornings::on_both() {
        for mail in &mornings.mails {
            let of_site = |text: &str| {
                let all = mails::addresses(text).into_iter();
                all.filter(|address| !address.contains("/pictures/")).collect::<BTreeSet<_>>()
            };
            let (text, html) = (of_site(mail.text()), of_site(mail.html()));
            let lacking: Vec<_> = html.difference(&text).collect();
            assert!(lacking.is_empty(), "the text to {:?} lacks {lacking:?}", mail.to);
            for heading in headings(mail.html()) {
                let text = words(mail.text());
                assert!(
                    text.contains(&words(&heading)),
                    "the text to {:?} lacks {heading:?}:\n{}",
                    mail.to,
                    mail.text()
                );
            }
        }
    }
}

/// The headings of a page, without tags.
fn headings(html: &str) -> Vec<String> {
    let parts = html.split("<h3").skip(1).chain(html.split("<h2").skip(1)).chain(html.split("<h1").skip(1));
    let inside = parts.filter_map(|part| Some(part.split_once('>')?.1.split("</h").next()?.to_owned()));
    inside.map(|heading| plain(&heading)).collect()
}

/// A fragment's text.
fn plain(html: &str) -> String {
    let mut out = String::new();
    for part in html.split('<') {
        out.push_str(part.split_once('>').map_or(part, |(_, text)| text));
    }
    ["&amp;&", "&lt;<", "&gt;>", "&quot;\"", "&#39;'", "&#x27;'", "&nbsp;\u{a0}"].iter().fold(out, |text, pair| {
        let (reference, character) = pair.split_once(';').expect("written so above");
        text.replace(&format!("{reference};"), character)
    })
}

/// Letters and digits alone, in lower case: lines are broken, and headings set in capitals.
fn words(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}
