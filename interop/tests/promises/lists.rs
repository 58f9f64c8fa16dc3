//! A list comes in from elsewhere and goes out again: counted to the line, the same twice as once, and nobody who left
//! comes back.

use crate::program::{Place, Said, run};
use interop::{Tool, need};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines of the three files of Mailchimp's export together.
const LINES: u64 = 40_000;

fn founded(purpose: &str) -> Place {
    let place = Place::new(purpose);
    let said = run(["init", &place.data().display().to_string(), "--name", "The Test", "--json"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    place
}

/// What the lines of the three files are, counted as they are made.
#[derive(Debug, Default)]
struct MadeUp {
    new: u64,
    suppressed: u64,
    kept_out: u64,
    duplicates: u64,
    refused: u64,
}

/// The three files: 36,000 subscribed, 3,000 unsubscribed, 1,000 cleaned, in three encodings. Of the subscribed every
/// hundredth repeats the line before, every five-hundredth and first is broken, and the last are among the unsubscribed.
fn export(place: &Place) -> ([String; 3], MadeUp) {
    const HEAD: &str = "\"Email Address\",\"First Name\",\"MEMBER_RATING\",\"OPTIN_TIME\",\"OPTIN_IP\",\"CONFIRM_TIME\",\
        \"CONFIRM_IP\",\"TIMEZONE\",\"LAST_CHANGED\",\"LEID\",\"NOTES\"";
    let row = |address: &str, id: u64, more: &str| {
        format!(
            "{address},\"Zoë \"\"Z\"\" {id}\",3,\"2019-03-01 10:22:33\",192.0.2.7,\"2019-03-02 10:22:33\",192.0.2.8,\
             Europe/Madrid,\"2020-01-01 00:00:00\",{id},\"=cmd|' /C calc'!A0\r\nsecond line, with a comma\"{more}\r\n"
        )
    };
    let (mut made, mut known) = (MadeUp::default(), BTreeSet::new());
    let mut subscribed = format!("{HEAD}\r\n");
    for id in 0..36_000_u64 {
        let address = match id {
            id if id % 500 == 1 => format!("broken{id}@@lists.example"),
            id if id % 100 == 50 => format!("Reader{}@LISTS.example", id - 1),
            id if id < 36_000 - 300 => format!("reader{id}@lists.example"),
            id => format!("left{id}@lists.example"),
        };
        let what = if address.contains("@@") {
            &mut made.refused
        } else if address.starts_with("left") {
            &mut made.kept_out
        } else if known.insert(address.to_lowercase()) {
            &mut made.new
        } else {
            &mut made.duplicates
        };
        *what += 1;
        subscribed += &row(&address, id, "");
    }
    let mut left = format!("{HEAD},\"UNSUB_TIME\",\"UNSUB_REASON\"\r\n");
    for id in 36_000 - 300..36_000 + 2_700_u64 {
        made.suppressed += 1;
        left +=
            &row(&format!("left{id}@lists.example"), id, ",\"2021-01-01 00:00:00\",\"N/A (Unsubscribed by admin)\"");
    }
    let mut cleaned = format!("{HEAD},\"CLEAN_TIME\"\r\n");
    for id in 0..1_000_u64 {
        made.suppressed += 1;
        cleaned += &row(&format!("bounced{id}@lists.example"), id, ",\"2021-01-01 00:00:00\"");
    }
    let western: Vec<u8> = left.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(cleaned.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let files = [
        ("subscribed_members_export_7.csv", [b"\xef\xbb\xbf", subscribed.as_bytes()].concat()),
        ("unsubscribed_members_export_7.csv", western),
        ("cleaned_members_export_7.csv", wide),
    ];
    let files = files.map(|(name, bytes)| {
        let path = place.all().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    });
    (files, made)
}

fn counts(said: &Said) -> [u64; 7] {
    let document = said.done();
    ["lines", "new", "here", "suppressed", "kept_out", "duplicates", "refused"]
        .map(|name| document[name].as_u64().unwrap_or_else(|| panic!("{name}: {document}")))
}

fn standing(place: &Place) -> Value {
    place.run(&["readers", "count"]).done()
}

#[test]
fn forty_thousand_lines_are_counted_to_the_line_and_twice_is_once() {
    let place = founded("import");
    let (files, made) = export(&place);
    let refused = place.all().join("refused.csv").display().to_string();
    let import = |more: &[&str]| {
        let words: Vec<&str> = ["readers", "import"].into_iter().chain(files.iter().map(String::as_str)).collect();
        place.run(&[&words[..], more].concat())
    };
    let dry = import(&["--refused", &refused]);
    let told = counts(&dry);
    let MadeUp { new, suppressed, kept_out, duplicates, refused: broken } = made;
    assert_eq!(told, [LINES, new, 0, suppressed, kept_out, duplicates, broken], "lines, new, here, suppressed, …");
    assert_eq!(new + suppressed + kept_out + duplicates + broken, LINES, "{made:?}");
    assert!([new, suppressed, kept_out, duplicates, broken].iter().all(|count| *count > 50), "{made:?}");
    assert_eq!(standing(&place)["active"].as_u64(), Some(0), "a dry run changes nothing");
    let listed = fs::read_to_string(&refused).unwrap();
    assert_eq!(listed.lines().count() as u64, 1 + broken);
    assert!(listed.contains("broken501@@lists.example"));
    for out in [&dry.stdout, &dry.stderr] {
        assert!(!out.contains("@@lists"), "no address outside the file that was named: {out}");
    }

    assert_eq!(counts(&import(&["--apply"])), told, "what was said is what is done");
    let after = standing(&place);
    assert_eq!(after["active"].as_u64(), Some(new), "{after}");
    let again = counts(&import(&["--apply"]));
    assert_eq!(again, [LINES, 0, new + suppressed, 0, kept_out, duplicates, broken], "twice is once");
    assert_eq!(standing(&place), after);

    let stranger = place.all().join("stranger.csv");
    fs::write(&stranger, "email\nbounced7@lists.example\nleft36001@lists.example\n").unwrap();
    let back = place.run(&["readers", "import", "--apply", &stranger.display().to_string()]);
    assert_eq!(counts(&back), [2, 0, 0, 0, 2, 0, 0], "no list brings anybody back");
    assert_eq!(standing(&place), after);
}

#[test]
fn a_list_of_another_planet_is_refused_in_words_and_changes_nothing() {
    let place = founded("planet");
    let check = |name: &str, bytes: &[u8], word: &str| {
        let path = place.all().join(name);
        fs::write(&path, bytes).unwrap();
        let refusal = place.run(&["readers", "import", "--apply", &path.display().to_string()]).refused();
        assert!(refusal.what.contains(word), "{name}: {}", refusal.what);
        assert!(refusal.means.contains("Nothing was"), "{name}: {}", refusal.means);
    };
    check("export.zip", b"PK\x03\x04\0\0", "archive");
    check("picture.csv", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", "no text");
    check("empty.csv", b"", "empty");
    check("people.csv", b"name,town\nAna,Sol\n", "name, town");
    check("bare.csv", b"ana@example.org,Ana\n", "does not name them");
    check("endless.csv", &b"x".repeat(3 << 20), "longer than a megabyte");
    check("subscribed.csv", b"Email Address,UNSUB_TIME\nana@example.org,\n", "both");
    assert_eq!(standing(&place)["active"].as_u64(), Some(0));
}

#[test]
fn the_whole_list_goes_out_sealed_and_comes_back_as_it_was() {
    let place = founded("export");
    let list = place.all().join("subscribed_1.csv");
    let lines: String =
        (0..60).map(|n| format!("reader{n}@lists.example,,2019-03-01 10:22:33,Europe/Madrid\n")).collect();
    fs::write(&list, format!("Email Address,LEID,CONFIRM_TIME,TIMEZONE\n{lines}")).unwrap();
    let left = place.all().join("unsubscribed_1.csv");
    fs::write(&left, "Email Address,UNSUB_TIME\ngone@lists.example,2020-01-01 00:00:00\n").unwrap();
    for file in [&list, &left] {
        place.run(&["readers", "import", "--apply", &file.display().to_string()]).done();
    }
    let (words, chest) = (place.all().join("words"), place.all().join("list.age").display().to_string());
    fs::write(&words, "correct horse battery staple\n").unwrap();
    let words = words.display().to_string();
    let given = place.run(&["readers", "export", &chest, "--passphrase-file", &words]).done();
    assert_eq!((given["readers"].as_u64(), given["suppressions"].as_u64()), (Some(60), Some(1)));
    assert!(!String::from_utf8_lossy(&fs::read(&chest).unwrap()).contains("lists.example"));
    let again = place.run(&["readers", "export", &chest, "--passphrase-file", &words]).refused();
    assert!(again.what.contains("already"), "{}", again.what);

    let before = standing(&place);
    let import = |place: &Place| place.run(&["readers", "import", "--apply", &chest, "--passphrase-file", &words]);
    assert_eq!(counts(&import(&place)), [61, 0, 61, 0, 0, 0, 0], "on the same newsroom nothing changes");
    assert_eq!(standing(&place), before);

    let other = founded("export-other");
    // Known by an index alone that another newsroom's keys made: that one line says so.
    assert_eq!(counts(&import(&other)), [61, 60, 0, 0, 0, 0, 1]);
    assert_eq!(standing(&other)["active"].as_u64(), Some(60));
    let back = other.all().join("back.age").display().to_string();
    other.run(&["readers", "export", &back, "--passphrase-file", &words]).done();
    assert_eq!(counts(&place.run(&["readers", "import", &back, "--passphrase-file", &words]))[2], 60);

    let wrong = place.all().join("wrong");
    fs::write(&wrong, "wrong horse battery staple\n").unwrap();
    let said = place.run(&["readers", "import", &chest, "--passphrase-file", &wrong.display().to_string()]);
    assert!(said.refused().what.contains("does not open"), "{}", said.stdout);
}

#[test]
fn readers_of_a_list_get_the_topics_that_are_named_and_no_topic_is_made_up() {
    let Some(age) = need(Tool::Age) else { return };
    let place = Place::new("topics");
    place.run(&["demo", "--once", "--readers", "3"]).done();
    let list = |name: &str| {
        let path = place.all().join(format!("{name}.csv"));
        let lines: String = (0..4).map(|n| format!("{name}{n}@lists.example\n")).collect();
        fs::write(&path, format!("email\n{lines}")).unwrap();
        path.display().to_string()
    };
    let (some, all) = (list("some"), list("all"));
    let refusal = place.run(&["readers", "import", "--apply", "--topics", "harbour,gossip", &some]).refused();
    assert!(refusal.what.contains("gossip") && refusal.act.contains("harbour"), "{refusal:?}");
    place.run(&["readers", "import", "--apply", "--topics", "harbour,water", &some]).done();
    place.run(&["readers", "import", "--apply", &all]).done();

    let (chest, key) = (place.all().join("list.age"), key(&place, &age));
    place.run(&["readers", "export", chest.to_str().unwrap(), "--to", &key.public]).done();
    let opened = key.open(&age, &chest);
    let topics = |name: &str| -> Vec<Value> {
        let readers = opened.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["reader"].take());
        let theirs = readers.filter(|one| one["address"].as_str().is_some_and(|address| address.starts_with(name)));
        theirs.map(|one| one["subscriptions"][0]["topics"].clone()).collect()
    };
    assert_eq!(topics("some"), vec![serde_json::json!(["harbour", "water"]); 4]);
    assert_eq!(topics("all"), vec![serde_json::json!("all"); 4]);
}

/// A key pair of age's own making.
struct Key {
    file: PathBuf,
    public: String,
}

fn key(place: &Place, age: &Path) -> Key {
    let (keygen, file) = (age.with_file_name("age-keygen"), place.all().join("key"));
    assert!(Command::new(&keygen).arg("-o").arg(&file).output().unwrap().status.success());
    let public = Command::new(&keygen).arg("-y").arg(&file).output().unwrap();
    Key { file, public: String::from_utf8(public.stdout).unwrap().trim().to_owned() }
}

impl Key {
    /// What lies in a file that is sealed to it.
    fn open(&self, age: &Path, sealed: &Path) -> String {
        let opened = Command::new(age).arg("-d").arg("-i").arg(&self.file).arg(sealed).output().unwrap();
        String::from_utf8(opened.stdout).unwrap()
    }
}

#[test]
fn the_list_sealed_to_a_key_opens_with_debians_age() {
    let Some(age) = need(Tool::Age) else { return };
    let place = founded("export-key");
    let list = place.all().join("list.csv");
    fs::write(&list, "email\nana@lists.example\n").unwrap();
    place.run(&["readers", "import", "--apply", &list.display().to_string()]).done();
    let (chest, key) = (place.all().join("list.age"), key(&place, &age));
    let named = chest.display().to_string();
    place.run(&["readers", "export", &named, "--to", &key.public]).done();
    let text = key.open(&age, &chest);
    assert!(text.contains("\"address\":\"ana@lists.example\"") && text.contains("\"end\""), "{text}");
    let back = place.run(&["readers", "import", &named, "--identity", key.file.to_str().unwrap()]);
    assert_eq!(counts(&back), [1, 0, 1, 0, 0, 0, 0]);
}
