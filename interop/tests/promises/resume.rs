//! `kill -9` at any moment, and the same command again: everybody is accounted for, and nobody is mailed twice.

use crate::mails;
use crate::program::{Place, Running};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// How many readers sign up: enough that a kill finds them in the middle.
const READERS: usize = 400;
/// Connections to the relay that the poster opens; each may leave one reader in doubt when it dies.
const CONNECTIONS: u64 = 20;

/// Counts the mails that came, letters and editions apart, as the file grows.
struct Watch {
    file: PathBuf,
    read: u64,
    letters: usize,
    editions: usize,
}

impl Watch {
    fn new(place: &Place) -> Watch {
        let mut watch = Watch { file: place.mail().join("receipts.roll"), read: 0, letters: 0, editions: 0 };
        watch.look();
        watch
    }

    fn look(&mut self) {
        let Ok(mut file) = File::open(&self.file) else { return };
        let mut fresh = Vec::new();
        file.seek(SeekFrom::Start(self.read)).unwrap();
        file.read_to_end(&mut fresh).unwrap();
        // Only whole lines are counted; the rest is read again.
        let whole = fresh.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let count =
            |line: &[u8]| fresh[..whole].split(|byte| *byte == b'\n').filter(|one| one.starts_with(line)).count();
        self.letters += count(b"Auto-Submitted:");
        self.editions += count(b"Feedback-ID:");
        self.read += whole as u64;
    }
}

#[test]
fn a_demo_killed_while_sending_ends_with_everybody_accounted_for() {
    let place = Place::new("resume");
    let arguments = place.arguments(&["demo", "--once", "--readers", &READERS.to_string()]);
    let mut sending = 0;
    for (letters, editions) in [(READERS, 1), (READERS, READERS / 3), (READERS, READERS / 2)] {
        let mut watch = Watch::new(&place);
        let (before, wanted) = (watch.letters.max(letters), watch.editions.max(editions));
        let mut demo = Running::start(&arguments);
        demo.until("the moment to kill it", |_| {
            watch.look();
            (watch.letters >= before && watch.editions >= wanted).then_some(())
        });
        let said = demo.kill();
        assert_eq!((said.code, said.stdout.as_str()), (None, ""), "it was killed in the middle: {}", said.stderr);
        watch.look();
        sending += u64::from(watch.editions > 0);
        assert!(watch.editions < READERS, "it was killed too late to show anything");
    }

    let last = crate::program::run(&arguments);
    let report = place.run(&["edition", "report"]).done();
    let number = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(number("audience"), READERS as u64, "{report}");
    assert_eq!(number("accepted") + number("uncertain"), READERS as u64, "{report}");
    assert!(number("uncertain") <= CONNECTIONS * sending, "{report}");
    assert_eq!(number("uncertain"), report["uncertain_readers"].as_array().unwrap().len() as u64, "{report}");
    if number("uncertain") == 0 {
        assert_eq!(last.done()["receipts"]["matched"].as_u64(), Some(READERS as u64));
    } else {
        let refusal = last.refused();
        assert!(refusal.what.contains("accounted for") && refusal.act.contains("edition report"), "{refusal:?}");
    }

    let mut got: BTreeMap<String, usize> = BTreeMap::new();
    for mail in mails::caught(&place.mail()).iter().filter(|mail| mail.departure().is_some()) {
        assert_eq!(mail.departure(), report["departure"].as_str(), "one morning is one departure");
        *got.entry(mail.to[0].clone()).or_default() += 1;
    }
    assert_eq!(got.values().max(), Some(&1), "nobody is mailed twice");
    let reached = got.len() as u64;
    assert!((number("accepted")..=READERS as u64).contains(&reached), "{reached} were reached: {report}");
}
