//! What servers of many makes say, labelled before any rule was written for it: `fixtures/unseen.txt`.
//!
//! The rules may learn from it, so what it shows afterwards is that they hold, not how they do with what nobody has seen;
//! docs/bounces.md has both figures.

use mail::bounce::{self, Kind};
use mail::reason::{self, Reason, Step, Words};

/// Of a hundred cases, so many must be right on hard or soft, and on the reason.
const HARD_PERCENT_MIN: usize = 99;
const REASON_PERCENT_MIN: usize = 98;

struct Case<'a> {
    reason: &'a str,
    hard: bool,
    how: &'a str,
    system: &'a str,
    text: &'a str,
}

fn cases(all: &str) -> Vec<Case<'_>> {
    let case = |case| {
        let (label, text): (&str, &str) = str::split_once(case, '\n').expect("a label and a text");
        let [label, how, system] = label.splitn(3, " | ").collect::<Vec<_>>()[..] else { panic!("{label}") };
        let (reason, hard) = label.split_once(' ').expect("a reason, and hard or soft");
        assert!(Reason::of_word(reason).is_some() && ["hard", "soft"].contains(&hard), "{label}");
        Case { reason, hard: hard == "hard", how, system, text }
    };
    all.split("\n== ").skip(1).map(case).collect()
}

/// The reason and whether it is hard, as the case comes to us.
fn read(case: &Case<'_>) -> (Reason, bool) {
    let text = case.text.trim_end();
    match case.how.split_once(' ').unwrap_or((case.how, "")) {
        ("said", status) => of_message(&format!(
            "From: <>\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; \
             ana@there.example\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {text}\n"
        )),
        ("mail", _) => of_message(&format!("{text}\n")),
        ("rcpt", _) => heard(text, Step::Rcpt),
        ("data", _) => heard(text, Step::Data),
        ("mail_from", _) => heard(text, Step::Mail),
        ("greeting", _) => heard(text, Step::Greeting),
        (how, _) => panic!("{how}"),
    }
}

fn of_message(message: &str) -> (Reason, bool) {
    let findings = bounce::read(message.as_bytes(), &[]).findings;
    let [finding] = &findings[..] else { return (Reason::Unclear, false) };
    let is_bounce = finding.kind == Kind::Bounce;
    (finding.reason.filter(|_| is_bounce).unwrap_or(Reason::Unclear), finding.hard == Some(true))
}

fn heard(text: &str, step: Step) -> (Reason, bool) {
    let (status, reply) = (reason::enhanced_in(text), reason::reply_in(text));
    let reason = reason::judge(&Words { status, reply, step: Some(step), is_report: false, text });
    (reason, reason.is_hard() && reply.is_none_or(|reply| reply >= 500))
}

#[test]
fn what_the_makers_of_mail_servers_write_is_understood() {
    let all = include_str!("../fixtures/unseen.txt");
    let cases = cases(all);
    let (mut hard, mut reason, mut told) = (0, 0, String::new());
    for case in &cases {
        let (read, read_hard) = read(case);
        hard += usize::from(read_hard == case.hard);
        reason += usize::from(read.word() == case.reason);
        if (read.word(), read_hard) != (case.reason, case.hard) {
            let first = case.text.lines().find(|line| !line.starts_with("From: ")).unwrap_or_default();
            told.push_str(&format!("{}: {} read {read} {read_hard}: {first}\n", case.system, case.reason));
        }
    }
    let percent = |right: usize| right as f64 * 100.0 / cases.len() as f64;
    println!("{told}{} cases: hard {:.1} %, reason {:.1} %", cases.len(), percent(hard), percent(reason));
    assert!(cases.len() >= 120, "{}", cases.len());
    assert!(hard * 100 >= HARD_PERCENT_MIN * cases.len(), "hard or soft: {hard} of {}\n{told}", cases.len());
    assert!(reason * 100 >= REASON_PERCENT_MIN * cases.len(), "reason: {reason} of {}\n{told}", cases.len());
}
