//! Measures the reader of bounces against a folder of real ones whose meaning others have labelled.
//!
//! The folder holds messages (`*.eml`) and `expected.json`: for each file a list of `status`, `reply`, `reason` and `hard`
//! in Sisimai's words. Half of the files are set apart by the hash of their names, and their figures stand alone: a rule
//! that was written for what it knows shows there.

use anyhow::{Context, Result, bail};
use clap::Args;
use mail::bounce::{self, Finding, Kind};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder, and what to show.
#[derive(Args)]
pub struct Arguments {
    /// The folder of messages with its expected.json.
    dir: PathBuf,
    /// Show each finding that differs.
    #[arg(long)]
    misses: bool,
    /// Exit with an error when hard or soft is right in fewer than 98 % of the findings, or the reason in fewer than 95 %.
    #[arg(long)]
    check: bool,
}

/// What must be right, in per mille of the findings.
const HARD_PER_MILLE_MIN: usize = 980;
const REASON_PER_MILLE_MIN: usize = 950;

/// Sisimai's words and ours; docs/bounces.md explains the table.
const WORDS: [(&str, &[&str]); 34] = [
    ("userunknown", &["unknown_address"]),
    ("hostunknown", &["unknown_domain"]),
    ("notaccept", &["no_mail_service"]),
    ("hasmoved", &["moved"]),
    ("suspend", &["suspended"]),
    ("mailboxfull", &["mailbox_full"]),
    ("filtered", &["filtered"]),
    ("mesgtoobig", &["too_big"]),
    ("exceedlimit", &["too_big"]),
    ("authfailure", &["authentication"]),
    ("requireptr", &["authentication"]),
    ("blocked", &["policy"]),
    ("badreputation", &["policy"]),
    ("rejected", &["policy"]),
    ("policyviolation", &["policy"]),
    ("securityerror", &["policy"]),
    ("failedstarttls", &["policy"]),
    ("norelaying", &["policy"]),
    ("spamdetected", &["policy"]),
    ("notcompliantrfc", &["policy"]),
    ("virusdetected", &["content"]),
    ("contenterror", &["content"]),
    ("toomanyconn", &["rate_limited"]),
    ("ratelimited", &["rate_limited"]),
    ("speeding", &["rate_limited"]),
    ("expired", &["unreached"]),
    ("networkerror", &["unreached"]),
    ("systemerror", &["fault"]),
    ("systemfull", &["fault"]),
    ("mailererror", &["fault"]),
    ("syntaxerror", &["fault"]),
    ("undefined", &["unclear"]),
    ("onhold", &["unclear"]),
    ("feedback", &["complaint", "unsubscribe", "authentication"]),
];

#[derive(Deserialize)]
struct Expected {
    reason: String,
    hard: bool,
}

#[derive(Default)]
struct Score {
    findings: usize,
    hard: usize,
    reason: usize,
}

impl Score {
    fn add(&mut self, hard: bool, reason: bool) {
        self.findings += 1;
        self.hard += usize::from(hard);
        self.reason += usize::from(reason);
    }

    fn per_mille(&self, right: usize) -> usize {
        right * 1_000 / self.findings.max(1)
    }

    fn tell(&self, what: &str) {
        let percent = |right| self.per_mille(right) as f64 / 10.0;
        let (hard, reason) = (percent(self.hard), percent(self.reason));
        println!("{what:<12} findings {:>4}   hard or soft {hard:>5.1} %   reason {reason:>5.1} %", self.findings);
    }
}

/// Reads every labelled message and compares.
pub fn run(arguments: &Arguments) -> Result<()> {
    let labels = arguments.dir.join("expected.json");
    let text = std::fs::read_to_string(&labels).with_context(|| labels.display().to_string())?;
    let expected: BTreeMap<String, Vec<Expected>> = serde_json::from_str(&text).context("expected.json")?;
    let (mut halves, mut counts) = ([Score::default(), Score::default()], 0);
    for (name, expected) in &expected {
        let findings = read(&arguments.dir.join(name))?;
        counts += usize::from(findings.len() == expected.len());
        for (at, label) in expected.iter().enumerate() {
            let (hard, reason) = findings.get(at).map_or((false, false), |finding| is_right(finding, label));
            halves[usize::from(is_apart(name))].add(hard, reason);
            if arguments.misses && !(hard && reason) {
                miss(name, label, findings.get(at));
            }
        }
    }
    let [seen, apart] = &halves;
    let sum = |part: fn(&Score) -> usize| part(seen) + part(apart);
    let all = Score { findings: sum(|s| s.findings), hard: sum(|s| s.hard), reason: sum(|s| s.reason) };
    all.tell("all");
    seen.tell("first half");
    apart.tell("half apart");
    println!(
        "messages {}, of them with the right number of findings {counts}; kinds {}",
        expected.len(),
        kinds(&arguments.dir)?
    );
    let falls_short = all.per_mille(all.hard) < HARD_PER_MILLE_MIN || all.per_mille(all.reason) < REASON_PER_MILLE_MIN;
    if arguments.check && falls_short {
        bail!("below {} ‰ hard or soft, or {} ‰ reasons", HARD_PER_MILLE_MIN, REASON_PER_MILLE_MIN);
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<Finding>> {
    let message = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(bounce::read(&message, &[]).findings)
}

/// Whether hard or soft, and the reason, are as labelled.
fn is_right(finding: &Finding, label: &Expected) -> (bool, bool) {
    let words = WORDS.iter().find(|(word, _)| *word == label.reason).map_or(&[][..], |(_, ours)| ours);
    (finding.hard == Some(label.hard), finding.reason_word().is_some_and(|word| words.contains(&word)))
}

/// The half apart: the second byte of the SHA-256 of the file's name is odd.
fn is_apart(name: &str) -> bool {
    Sha256::digest(name.as_bytes())[1] % 2 == 1
}

fn miss(name: &str, label: &Expected, finding: Option<&Finding>) {
    let (reason, hard, said) = match finding {
        Some(finding) => (finding.reason_word().unwrap_or("-"), finding.hard, finding.said.as_str()),
        None => ("no finding", None, ""),
    };
    let said: String = said.chars().take(160).collect();
    println!("{name}: labelled {} hard {}, read {reason} hard {hard:?}: {said}", label.reason, label.hard);
}

/// How many messages of each kind there are, labelled or not.
fn kinds(dir: &Path) -> Result<String> {
    let every = [Kind::Bounce, Kind::Complaint, Kind::AutoReply, Kind::Unsubscribe, Kind::Other];
    let mut sums = [0; 5];
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "eml") {
            let kind = read(&path)?.first().map_or(Kind::Other, |finding| finding.kind);
            sums[every.iter().position(|known| *known == kind).unwrap_or(4)] += 1;
        }
    }
    let told: Vec<String> = every.iter().zip(sums).map(|(kind, sum)| format!("{} {sum}", kind.word())).collect();
    Ok(told.join(", "))
}
