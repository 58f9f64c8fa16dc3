//! A stranger with the handbook alone: from nothing to a test mail that a real Postfix delivers, word for word.
//!
//! What is typed here is read out of docs/handbook.md. Two things in it differ, because a test has no machine to itself: the
//! newsroom's folder, and the port that Postfix listens on.

use crate::program::{Place, coranto};
use interop::dkimpy::Dkimpy;
use interop::postfix::{Mail, Postfix};
use interop::terminal::Terminal;
use std::collections::BTreeMap;

const HANDBOOK: &str = include_str!("../../../docs/handbook.md");
/// The section that a stranger follows.
const SECTION: &str = "## From nothing to a test mail\n";
/// The newsroom's folder there.
const FOLDER: &str = "/srv/courier";
/// Where Postfix listens there.
const PORT: &str = "127.0.0.1:25";

struct Walk {
    place: Place,
    postfix: Postfix,
}

impl Walk {
    fn section(&self) -> String {
        let section = HANDBOOK.split_once(SECTION).unwrap().1.split("\n## ").next().unwrap();
        assert!(section.contains(FOLDER) && section.contains(PORT));
        let port = format!("127.0.0.1:{}", self.postfix.plain_port);
        section.replace(FOLDER, self.place.data().to_str().unwrap()).replace(PORT, &port)
    }

    /// The commands of Coranto, in their order.
    fn commands(&self) -> Vec<String> {
        let section = self.section();
        let typed = section.lines().filter_map(|line| line.strip_prefix("    "));
        typed.filter(|line| line.starts_with("coranto ")).map(str::to_owned).collect()
    }

    /// The answer to each question, by its number; Enter alone where the table says so.
    fn answers(&self) -> BTreeMap<String, String> {
        let section = self.section();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
        let answer = |(question, said): (&str, &str)| {
            let number = question.split_once(". ")?.0;
            let typed = said.split('`').nth(1).filter(|_| !said.starts_with("Enter"));
            Some((number.to_owned(), typed.unwrap_or_default().to_owned()))
        };
        rows.filter_map(answer).collect()
    }

    /// Types a line at a shell.
    fn shell(&self, line: &str) -> Terminal {
        let programs = coranto().parent().unwrap().display();
        let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
        Terminal::start(["sh", "-c", line], &[("PATH", &path)]).unwrap()
    }
}

#[test]
fn a_stranger_with_the_handbook_comes_to_a_signed_test_mail_through_postfix() {
    let (Some(postfix), Some(dkimpy)) = (Postfix::start(Mail::Delivered), Dkimpy::start()) else { return };
    let walk = Walk { place: Place::new("stranger"), postfix };
    let commands = walk.commands();
    let [init, doctor, test] = &commands[..] else { panic!("three commands: {commands:?}") };

    let answers = walk.answers();
    assert_eq!(answers.len(), 5, "at most five questions: {answers:?}");
    let mut founding = walk.shell(init);
    for (number, answer) in &answers {
        founding.reads(&format!("\n{number}. ")).unwrap();
        founding.reads("]: ").unwrap();
        founding.enters(answer).unwrap();
    }
    let (code, screen) = founding.ends().unwrap();
    assert_eq!(code, 0, "{screen}");
    for next in [doctor, "coranto edition test", "coranto run"] {
        assert!(screen.contains(next), "init says what comes next: {next}: {screen}");
    }

    let (code, screen) = walk.shell(doctor).ends().unwrap();
    let faults: Vec<&str> = screen.lines().filter_map(|line| line.strip_prefix("✗ ")).map(str::trim).collect();
    assert_eq!((code, &faults[..]), (1, &["The DKIM record", "The SPF record", "The DMARC record"][..]), "{screen}");
    assert!(screen.contains("✓ The relay") && screen.contains("greets us in the clear"), "{screen}");
    let mut record = screen.split_once("Publish this TXT record at ").unwrap().1.lines();
    let name = record.next().unwrap().trim().trim_end_matches(':').to_owned();
    let keys = BTreeMap::from([(name, record.next().unwrap().trim().to_owned())]);

    let (code, screen) = walk.shell(test).ends().unwrap();
    assert!(code == 0 && screen.contains("Taken by the receiving server: 250"), "{screen}");
    let to = test.split(' ').nth(3).unwrap();
    let delivered = walk.postfix.delivered().unwrap();
    assert_eq!(delivered.keys().collect::<Vec<_>>(), [to]);
    let [mail] = &delivered[to][..] else { panic!("one mail: {delivered:?}") };
    assert!(mail.contains("From: The Courier <news@courier.example>"), "{mail}");
    assert!(mail.contains("Subject: [Test] the mail of The Courier") && mail.contains("3 Customs Row"), "{mail}");

    let wire = mail.replace('\n', "\r\n");
    let judged = dkimpy.verify(&keys, [wire.as_bytes()]).unwrap();
    assert!(judged[0].valid && judged[0].signed.iter().any(|field| field == "from"), "{judged:?}");
    let forged = wire.replace("[Test] the mail", "[Test] no mail");
    assert!(!dkimpy.verify(&keys, [forged.as_bytes()]).unwrap()[0].valid, "and it would not hold for another subject");
}
