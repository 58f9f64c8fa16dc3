//! Stories of lists as files: what is told of each line, and what is refused before any line is read.

use std::io::Cursor;

use super::text::LINE_BYTES_MAX;
use super::*;

fn open(name: &str, bytes: impl Into<Vec<u8>>) -> Result<List, Foreign> {
    List::open(Box::new(Cursor::new(bytes.into())), name, None)
}

/// Every line of a list: number, address, kind and time, or the reason.
fn told(name: &str, bytes: impl Into<Vec<u8>>) -> String {
    let mut list = open(name, bytes).unwrap_or_else(|fault| panic!("{fault:?}"));
    let mut told = String::new();
    loop {
        let lines = list.table.lines(3).unwrap();
        if lines.is_empty() {
            return told;
        }
        for line in lines {
            told += &match line.said {
                Ok(s) => {
                    let zone = s.zone.unwrap_or_default();
                    format!("{} {} {} {} {zone}\n", line.number, s.address.expose(), s.kind.name(), s.at.unwrap_or(0))
                }
                Err((reason, typed)) => format!("{} {reason} [{typed}]\n", line.number),
            };
        }
    }
}

const MAILCHIMP: &str =
    "\"Email Address\",\"First Name\",\"MEMBER_RATING\",OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,TIMEZONE,NOTES\r\n";

#[test]
fn mailchimps_subscribed_file_is_told_by_its_columns() {
    let text = format!(
        "{MAILCHIMP}Ana.Sol@Example.org,Ana,5,2019-03-01 10:22:33,192.0.2.7,2019-03-02 00:00:00,Europe/Madrid,\"two\r\n\
         lines, \"\"quoted\"\"\"\r\nben@example.org,=1+1,2,2020-01-01 00:00:00,,,Nowhere/Else,\r\n\r\n\
         broken,Cy,2,,,,,\r\n=1+2@example.org,Di,2,,,,,\r\neve@example.org,\"E\r\n"
    );
    assert_eq!(
        told("subscribed_members_export_1.csv", text),
        "2 ana.sol@example.org subscribed 1551484800000 Europe/Madrid\n\
         4 ben@example.org subscribed 1577836800000 \n\
         6 an address looks like name@example.org [broken]\n\
         7 the address begins as a spreadsheet's formula does [=1+2@example.org]\n\
         8 it has 2 fields where the first line names 8: look for a quotation mark [eve@example.org]\n"
    );
}

#[test]
fn unsubscribed_and_cleaned_files_bring_their_own_times() {
    let left = "Email Address,LEID,LAST_CHANGED,UNSUB_TIME,UNSUB_REASON\na@example.org,1,2020-01-01 00:00:00,2021-01-01 00:00:00,N/A\n";
    assert_eq!(told("x.csv", left), "2 a@example.org unsubscribed 1609459200000 \n");
    let cleaned = "Email Address,LEID,CLEAN_TIME\na@example.org,1,2021-01-01 00:00:00\n";
    assert_eq!(told("x.csv", cleaned), "2 a@example.org cleaned 1609459200000 \n");
}

#[test]
fn a_plain_list_needs_a_column_of_addresses_or_has_one_column() {
    assert_eq!(told("x.csv", "Name;E-Mail\nAna;ana@example.org\n"), "2 ana@example.org subscribed 0 \n");
    assert_eq!(told("x.csv", "sep=;\r\nName;E-Mail\r\nAna;ana@example.org\r\n"), "3 ana@example.org subscribed 0 \n");
    assert_eq!(told("x.tsv", "email\tname\nana@example.org\tAna\n"), "2 ana@example.org subscribed 0 \n");
    assert_eq!(
        told("x.txt", "ana@example.org\nben@example.org"),
        "1 ana@example.org subscribed 0 \n2 ben@example.org subscribed 0 \n"
    );
    assert_eq!(told("unsubscribed.csv", "email\nana@example.org\n"), "2 ana@example.org unsubscribed 0 \n");
    assert_eq!(
        told("x.csv", "email,status\na@example.org,Subscribed\nb@example.org,unsubscribed\nc@example.org,what\n"),
        "2 a@example.org subscribed 0 \n3 b@example.org unsubscribed 0 \n\
         4 its status is neither subscribed, unsubscribed nor cleaned [c@example.org]\n"
    );
}

#[test]
fn every_encoding_that_spreadsheets_write_is_read() {
    let text = "Email Address,First Name\r\nana@bücher.example,Zoë\r\n";
    let want = "2 ana@xn--bcher-kva.example subscribed 0 \n";
    assert_eq!(told("x.csv", text), want);
    assert_eq!(told("x.csv", [b"\xef\xbb\xbf", text.as_bytes()].concat()), want);
    let little = || text.encode_utf16().flat_map(u16::to_le_bytes);
    let big = || text.encode_utf16().flat_map(u16::to_be_bytes);
    assert_eq!(told("x.csv", [0xff, 0xfe].into_iter().chain(little()).collect::<Vec<u8>>()), want);
    assert_eq!(told("x.csv", [0xfe, 0xff].into_iter().chain(big()).collect::<Vec<u8>>()), want);
    assert_eq!(told("x.csv", little().collect::<Vec<u8>>()), want);
    assert_eq!(told("x.csv", big().collect::<Vec<u8>>()), want);
    let western: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(told("x.csv", western), want);
}

#[test]
fn a_file_of_another_planet_is_refused_with_what_it_is() {
    let check = |name: &str, bytes: &[u8]| open(name, bytes).err();
    assert_eq!(check("x.csv", b""), Some(Foreign::Empty));
    assert_eq!(check("x.xlsx", b"PK\x03\x04rest"), Some(Foreign::NoText("an archive or a spreadsheet file")));
    assert_eq!(check("x.bin", &[7, 0, 0, 0, 9, 1, 2, 3, 4]), Some(Foreign::NoText("no text")));
    assert_eq!(check("x.csv", b"name,town\nAna,Sol\n"), Some(Foreign::NoColumn(vec!["name".into(), "town".into()])));
    assert_eq!(check("x.csv", b"ana@example.org,Ana\n"), Some(Foreign::NoHeading));
    let left = b"Email Address,UNSUB_TIME\na@example.org,\n";
    assert_eq!(check("subscribed_1.csv", left), Some(Foreign::TwoKinds(Kind::Unsubscribed, Kind::Subscribed)));
    let told = List::open(Box::new(Cursor::new(left.to_vec())), "x.csv", Some(Kind::Subscribed)).err();
    assert_eq!(told, Some(Foreign::TwoKinds(Kind::Subscribed, Kind::Unsubscribed)));
}

#[test]
fn a_line_without_an_end_stops_the_reading_and_not_the_machine() {
    let heading = Cursor::new(b"email,name\nana@example.org,Ana\n".to_vec());
    let endless = heading.chain(std::io::repeat(b'x'));
    let mut list = List::open(Box::new(endless), "x.csv", None).unwrap();
    assert_eq!(list.table.lines(1).unwrap().len(), 1);
    assert_eq!(list.table.lines(1).err(), Some(Foreign::LongLine(3)));
    let opened = List::open(Box::new(std::io::repeat(b'x')), "x.csv", None).err();
    assert_eq!(opened, Some(Foreign::LongLine(1)));
    let fits = format!("email,name\nana@example.org,{}\n", "x".repeat(LINE_BYTES_MAX as usize / 2));
    assert_eq!(told("x.csv", fits), "2 ana@example.org subscribed 0 \n");
}

#[test]
fn a_quotation_mark_left_open_does_not_swallow_the_list() {
    let text = format!("email,name\nana@example.org,\"Ana\n{}", "ben@example.org,Ben\n".repeat(300));
    let mut list = open("x.csv", text).unwrap();
    assert_eq!(list.table.lines(10).err(), Some(Foreign::OpenQuote(2)));
}

#[test]
fn no_list_brings_anybody_back() {
    use SubscriptionState::{Active, Pending, Suppressed, Unsubscribed};
    let known = |state: Option<SubscriptionState>, own_yes: Ms, barred: bool| Known {
        reader: state.map(|_| ReaderId(1)),
        state,
        own_yes,
        suppressed: barred.then(|| Suppression { index: vec![], at: 0, why: LEFT_ELSEWHERE.into() }),
    };
    for barred in [false, true] {
        for state in [Unsubscribed, Suppressed] {
            assert_eq!(decide(&known(Some(state), 5, barred), Kind::Subscribed, Some(9)), Deed::StaysOut);
        }
    }
    assert_eq!(decide(&known(None, 0, true), Kind::Subscribed, Some(9)), Deed::StaysOut);
    assert_eq!(decide(&known(Some(Pending), 0, true), Kind::Subscribed, Some(9)), Deed::StaysOut);
    assert_eq!(decide(&known(None, 0, false), Kind::Subscribed, None), Deed::ComesIn);
    assert_eq!(decide(&known(Some(Pending), 5, false), Kind::Subscribed, None), Deed::ComesIn);
    assert_eq!(decide(&known(Some(Active), 5, false), Kind::Subscribed, None), Deed::IsHere);
    for kind in [Kind::Unsubscribed, Kind::Cleaned] {
        assert_eq!(decide(&known(None, 0, false), kind, None), Deed::Leaves);
        assert_eq!(decide(&known(None, 0, true), kind, None), Deed::IsHere);
        assert_eq!(decide(&known(Some(Active), 0, false), kind, None), Deed::Leaves, "who came in with a list");
        assert_eq!(decide(&known(Some(Active), 5, false), kind, None), Deed::IsHere, "who said yes here");
        assert_eq!(decide(&known(Some(Active), 5, false), kind, Some(4)), Deed::IsHere);
        assert_eq!(decide(&known(Some(Active), 5, false), kind, Some(6)), Deed::Leaves);
        assert_eq!(decide(&known(Some(Unsubscribed), 5, false), kind, Some(6)), Deed::IsHere);
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_of_a_stranger_harm(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        for start in [&b""[..], b"email,name\n", b"\xff\xfe", b"email\n"] {
            if let Ok(mut list) = open("x.csv", [start, &bytes].concat()) {
                while list.table.lines(7).is_ok_and(|lines| !lines.is_empty()) {}
            }
        }
    }
}
