//! The crash rig, small: the real poster killed in the middle of its work loses nobody and mails nobody twice, on either
//! engine; and the rig finds out the two classical defects (P29).

use std::process::{Command, Output};

/// Runs the rig and gives its line of JSON.
fn crash(words: &[&str]) -> (Output, serde_json::Value) {
    let rig = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("crash").args(words).output().unwrap();
    let said = String::from_utf8_lossy(&rig.stdout).into_owned();
    let line = said.lines().last().unwrap_or_default();
    let sum = serde_json::from_str(line);
    let told = String::from_utf8_lossy(&rig.stderr).into_owned();
    (rig, sum.unwrap_or_else(|_| panic!("no sum in:\n{said}\n{told}")))
}

/// Every promise held, every kill was made, and kills did catch copies in flight: else the run has shown nothing.
fn is_clean(words: &[&str], kills: u64) {
    let (rig, sum) = crash(words);
    assert!(rig.status.success(), "{}\n{sum:#}", String::from_utf8_lossy(&rig.stdout));
    assert_eq!((&sum["breaches"], &sum["kills"]), (&0.into(), &kills.into()), "{sum:#}");
    assert!(sum["uncertain_at_a_kill_max"].as_u64().unwrap() > 0, "{sum:#}");
    assert!(sum["uncertain_at_a_kill_max"].as_u64() <= sum["open_at_that_kill"].as_u64(), "{sum:#}");
}

#[test]
fn a_poster_that_is_killed_misses_nobody_and_mails_nobody_twice() {
    is_clean(&["--readers", "1000", "--editions", "2", "--kills", "5"], 10);
}

#[test]
fn nor_does_it_on_postgresql() {
    if interop::need(interop::Tool::Postgres).is_none() {
        return;
    }
    is_clean(&["--readers", "500", "--editions", "2", "--kills", "5", "--database", "postgres"], 10);
}

#[test]
fn a_dot_that_leaves_without_its_mark_is_found_out() {
    let words = ["--planted", "mark-after-dot", "--readers", "300", "--editions", "1", "--kills", "4"];
    let (rig, sum) = crash(&[&words[..], &["--wait-ms", "15"]].concat());
    assert!(!rig.status.success());
    assert!(sum["twice"].as_u64().unwrap() > 0, "{sum:#}");
}

#[test]
fn a_cursor_that_moves_on_when_a_batch_is_fetched_is_found_out() {
    let words = ["--planted", "cursor-moved-on-fetch", "--readers", "300", "--editions", "1", "--kills", "4"];
    let (rig, sum) = crash(&words);
    assert!(!rig.status.success());
    assert!(sum["missed"].as_u64().unwrap() > 0, "{sum:#}");
}
