//! Bad input: a clear sentence with what it means and what to do, exit 1 (2 for wrong usage), and nothing lost.

use crate::program::{Running, run};
use interop::scratch::Scratch;
use std::fs;

fn founded() -> (Scratch, String) {
    let folder = Scratch::new("input").unwrap();
    let data = folder.path().join("newsroom").display().to_string();
    assert_eq!(run(["init", &data, "--name", "The Test", "--json"]).code, Some(0));
    (folder, data)
}

#[test]
fn an_unknown_key_in_the_settings_file_stops_the_start() {
    let (_folder, data) = founded();
    let file = format!("{data}/coranto.toml");
    fs::write(&file, fs::read_to_string(&file).unwrap() + "\nlisten_on = \"everywhere\"\n").unwrap();
    let said = run(["readers", "count", "--json", "--data", &data]);
    let refusal = said.refused();
    assert!(refusal.what.contains("listen_on"), "{}", refusal.what);
    assert!(refusal.act.contains("listen"), "{}", refusal.act);
    assert!(refusal.means.contains("nothing was changed"), "{}", refusal.means);
}

#[test]
fn a_folder_without_a_newsroom_says_how_to_found_one() {
    let folder = Scratch::new("nothing").unwrap();
    let said = run(["edition", "cut", "--json", "--data", &folder.path().display().to_string()]);
    assert!(said.refused().act.contains("coranto init"));
}

#[test]
fn another_newsrooms_keys_are_refused_before_they_do_harm() {
    let ((_one, ours), (_two, theirs)) = (founded(), founded());
    fs::copy(format!("{theirs}/newsroom.keys"), format!("{ours}/newsroom.keys")).unwrap();
    let said = run(["readers", "count", "--json", "--data", &ours]);
    assert!(said.refused().what.contains("does not belong"), "{}", said.stdout);
    fs::remove_file(format!("{ours}/newsroom.keys")).unwrap();
    let said = run(["readers", "count", "--json", "--data", &ours]);
    assert!(said.refused().what.contains("keys"), "{}", said.stdout);
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    assert_eq!(run(["edition", "fold"]).code, Some(2));
    assert_eq!(run(["demo", "--readers", "0"]).code, Some(2));
    assert_eq!(run(["--help"]).code, Some(0));
}

#[test]
fn a_source_that_is_not_there_is_named_and_the_morning_goes_on() {
    let folder = Scratch::new("source").unwrap();
    let data = folder.path().join("newsroom").display().to_string();
    let missing = folder.path().join("no-such-feed.xml").display().to_string();
    let broken = folder.path().join("broken.xml");
    fs::write(&broken, "<rss><channel><title>Half a feed").unwrap();
    let said = run([
        "demo",
        "--readers",
        "5",
        "--once",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--data",
        &data,
        "--source",
        &missing,
        "--source",
        &broken.display().to_string(),
        "--source",
        "http://10.0.0.1/feed.xml",
    ]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let problems = said.document()["gathered"]["problems"].to_string();
    assert!(problems.contains("no-such-feed.xml") && problems.contains("10.0.0.1"), "{problems}");
}

#[test]
fn a_second_demo_on_the_same_folder_is_refused_before_it_touches_anything() {
    let folder = Scratch::new("second").unwrap();
    let data = folder.path().join("newsroom").display().to_string();
    let words = ["demo", "--readers", "5", "--listen", "127.0.0.1:0", "--data", &data, "--json"];
    let mut first = Running::start(words);
    first.told("The inbox:");
    let settings = || run(["settings", "--json", "--data", &data]).done().to_string();
    let before = settings();
    let refusal = run(words).refused();
    assert!(refusal.what.contains("another Coranto"), "{refusal:?}");
    assert_eq!(settings(), before, "the second demo changed the first one's settings");
    assert!(first.is_alive());
}
