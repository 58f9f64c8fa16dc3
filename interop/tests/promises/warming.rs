//! A new relay is warmed up beside one that is known: it carries what its plan allows and not one copy more, the other
//! carries the rest, and nobody is missed.

use crate::newsroom::Newsroom;
use crate::program::Place;
use crate::relay::Relay;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

const READERS: usize = 240;

/// A newsroom with a relay, a fresh one beside it, and an edition that is cut.
struct Rig {
    newsroom: Newsroom,
    known: Relay,
    fresh: Relay,
}

impl Rig {
    fn new(purpose: &str) -> Rig {
        let (known, fresh) = (Relay::open(None), Relay::open(None));
        let newsroom = Newsroom::found_in(Place::new(purpose), known.address);
        let port = fresh.address.port().to_string();
        newsroom.run(&["relay", "add", "fresh", "--host", "127.0.0.1", "--port", &port]).done();
        newsroom.cut_for(READERS);
        Rig { newsroom, known, fresh }
    }

    fn listed(&self) -> Value {
        let listed = self.newsroom.run(&["relay", "list"]).done();
        listed["relays"].as_array().unwrap().iter().find(|relay| relay["name"] == "fresh").unwrap()["warm_up"].clone()
    }
}

fn recipients(relay: &Relay) -> Vec<String> {
    relay.took().into_iter().flat_map(|took| took.to).collect()
}

#[test]
fn a_relay_that_warms_up_carries_what_its_plan_allows_and_the_other_the_rest() {
    let rig = Rig::new("warming");
    let set = rig.newsroom.run(&["relay", "warm", "fresh", "--default"]).done();
    assert_eq!(set["warm_up"]["volumes"][0], 50);
    let report = rig.newsroom.run(&["edition", "send"]).done();
    let (known, fresh) = (recipients(&rig.known), recipients(&rig.fresh));
    assert_eq!((known.len(), fresh.len()), (READERS - 50, 50), "{report}");
    assert_eq!(known.iter().chain(&fresh).collect::<BTreeSet<_>>().len(), READERS, "everybody once");
    assert_eq!(report["accepted"], READERS);
    let expected = json!({"state": "day", "day": 1, "of": 14, "copies": 50, "tried": 50, "again": null});
    assert_eq!(rig.listed(), expected);
}

#[test]
fn an_edition_that_a_warming_relay_does_not_carry_in_time_waits_for_a_choice() {
    let rig = Rig::new("warming-alone");
    rig.newsroom.run(&["relay", "warm", "fresh", "--default"]).done();
    rig.newsroom.run(&["relay", "rest", "main"]).done();
    let route = rig.newsroom.run(&["edition", "route"]).done();
    let carried = route["carried"].as_u64().unwrap();
    // Today's allowance, and tomorrow's where the edition lives beyond midnight: reckoned as today's.
    assert!([50, 100].contains(&carried), "{route}");
    assert_eq!(route["relays"][0]["warm_up_per_day"], 50);
    let refused = rig.newsroom.run(&["edition", "send"]).refused();
    assert!(refused.what.contains("50 a day while it warms up"), "{refused:?}");
    assert_eq!((rig.known.took().len(), rig.fresh.took().len()), (0, 0), "nothing left");
    // A way that is asked only when no other can counts all the same.
    rig.newsroom.run(&["relay", "use", "main"]).done();
    rig.newsroom.set("relay.weight", "0");
    assert_eq!(rig.newsroom.run(&["edition", "route"]).done()["may_leave"], true);
    rig.newsroom.run(&["edition", "send"]).done();
    assert_eq!((rig.known.took().len(), rig.fresh.took().len()), (READERS - 50, 50), "the spare one carries the rest");
}

#[test]
fn a_plan_is_set_shown_and_ended_by_name() {
    let rig = Rig::new("warming-plan");
    assert_eq!(rig.listed(), Value::Null);
    let file = rig.newsroom.place.all().join("days.txt");
    let path = file.display().to_string();
    let warm = |words: &[&str]| rig.newsroom.run(&[&["relay", "warm"], words].concat());
    fs::write(&file, "20 40 # the first two\n80\n").unwrap();
    let set = warm(&["fresh", "--plan", &path]).done();
    assert_eq!(set["warm_up"]["volumes"], json!([20, 40, 80]));
    assert_eq!((rig.listed()["copies"].clone(), rig.listed()["of"].clone()), (json!(20), json!(3)));
    for text in ["", "40 20", "many"] {
        fs::write(&file, text).unwrap();
        assert!(warm(&["fresh", "--plan", &path]).refused().what.contains("days.txt"));
    }
    assert!(warm(&["fresh", "--plan", "/nowhere/days.txt"]).refused().what.contains("/nowhere/days.txt"));
    assert!(warm(&["fresh", "--start", "soon"]).refused().what.contains("soon"));
    assert!(warm(&["fresh", "--start", "1999-01-01"]).refused().what.contains("1999"));
    assert!(warm(&["nobody", "--default"]).refused().what.contains("nobody"));
    assert_eq!(rig.listed()["copies"], 20, "nothing was changed by what was refused");
    warm(&["fresh", "--off"]).done();
    assert_eq!(rig.listed(), Value::Null);
    warm(&["main", "--default"]).done();
}
