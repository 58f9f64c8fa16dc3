//! A newsroom founded and led by its commands, with a relay of its own: for what the demo does not do.

use crate::http;
use crate::program::{Place, Running, Said, command, run_with_input};
use crate::relay::Relay;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;

/// A newsroom in a folder of its own.
pub struct Newsroom {
    /// Where it lies.
    pub place: Place,
}

impl Newsroom {
    /// Founds one that sends through `relay`.
    pub fn found(purpose: &str, relay: SocketAddr) -> Newsroom {
        Newsroom::found_in(Place::new(purpose), relay)
    }

    /// Founds one in a place.
    pub fn found_in(place: Place, relay: SocketAddr) -> Newsroom {
        let data = place.data().display().to_string();
        crate::program::run(["init", data.as_str(), "--name", "The Ostrey Light", "--json"]).done();
        let newsroom = Newsroom { place };
        newsroom.set("relay.host", &relay.ip().to_string());
        newsroom.set("relay.port", &relay.port().to_string());
        newsroom.set("outlet.postal_address", "The Ostrey Light, 1 Lamp Row, Ostrey");
        newsroom
    }

    /// Runs a command on it.
    pub fn run(&self, words: &[&str]) -> Said {
        self.place.run(words)
    }

    /// Changes a setting.
    #[track_caller]
    pub fn set(&self, name: &str, value: &str) {
        self.run(&["settings", name, value]).done();
    }

    /// Gives it the relay's password, as a person does: on standard input.
    #[track_caller]
    pub fn set_password(&self, password: &str) {
        run_with_input(self.place.arguments(&["settings", "relay.password"]), password).done();
    }

    /// `coranto run`, on a free port.
    pub fn open(&self) -> Open {
        self.open_at("127.0.0.1:0")
    }

    /// `coranto run` at an address.
    pub fn open_at(&self, address: &str) -> Open {
        let mut command = command(self.place.arguments(&["run"]));
        command.env("CORANTO_LISTEN", address);
        let mut running = Running::spawn(command);
        let site = running.told(" is at ").split('/').take(3).collect::<Vec<_>>().join("/");
        Open { running, site }
    }

    /// Publishes a story of that title.
    #[track_caller]
    pub fn publish(&self, title: &str) {
        let file = self.place.all().join("story.html");
        let sentence =
            "The light was repaired in the night, and the boats that had waited outside came in one by one. ";
        let page = format!(
            "<!doctype html><html lang=en><head><title>{title}</title></head><body><article><h1>{title}</h1><p>{0}</p>\
             <p>{0}</p><p>{0}</p></article></body></html>",
            sentence.repeat(4)
        );
        fs::write(&file, page).unwrap();
        self.run(&["article", "import", file.to_str().unwrap()]).done();
    }

    /// Imports a list of these addresses.
    #[track_caller]
    pub fn import(&self, addresses: &[String]) {
        let list = self.place.all().join("readers.csv");
        fs::write(&list, format!("email\n{}\n", addresses.join("\n"))).unwrap();
        self.run(&["readers", "import", "--apply", list.to_str().unwrap()]).done();
    }

    /// Fills it with readers, publishes a story, and cuts an edition with it.
    #[track_caller]
    pub fn cut_for(&self, readers: usize) {
        let addresses: Vec<String> = (0..readers).map(|n| format!("keeper-{n:04}@lamps.example")).collect();
        self.import(&addresses);
        self.publish("The light is lit again");
        self.run(&["edition", "cut"]).done();
    }

    /// The key that its mail is signed with, as the TXT record that `coranto doctor` asks for, by its name.
    #[track_caller]
    pub fn keys(&self) -> BTreeMap<String, String> {
        keys(&self.place)
    }

    /// How many readers there are: active, pending, unsubscribed.
    #[track_caller]
    pub fn readers(&self) -> [u64; 3] {
        readers(&self.place)
    }
}

/// The key that a newsroom's mail is signed with, as the TXT record that `coranto doctor` asks for, by its name.
#[track_caller]
pub fn keys(place: &Place) -> BTreeMap<String, String> {
    // Doctor may complain of much else; the record is in its list all the same.
    let doctor = place.run(&["doctor"]);
    let (_, record) = doctor.stderr.split_once("Publish this TXT record at ").expect("doctor names the record");
    let (name, record) = record.split_once(":\n").unwrap();
    BTreeMap::from([(name.to_owned(), record.lines().next().unwrap().trim().to_owned())])
}

/// How many readers a newsroom has: active, pending, unsubscribed.
#[track_caller]
pub fn readers(place: &Place) -> [u64; 3] {
    let counts = place.run(&["readers", "count"]).done();
    ["active", "pending", "unsubscribed"].map(|state| counts[state].as_u64().unwrap())
}

/// A newsroom at work.
pub struct Open {
    /// The process.
    pub running: Running,
    /// Its address, without a slash at the end.
    pub site: String,
}

impl Open {
    /// Signs a reader up at the form's door; the answer's status.
    pub fn ask(&self, address: &str) -> u16 {
        let body = format!("email={}", address.replace('@', "%40").replace('+', "%2B"));
        http::try_post(&format!("{}/subscribe", self.site), &body).map_or(0, |answer| answer.status)
    }

    /// Waits for the letters to `addresses` and presses the button behind each one's link.
    #[track_caller]
    pub fn confirm(&mut self, relay: &Relay, addresses: &[String]) {
        let tokens = self.running.until("a letter to everybody", |_| {
            let letters = letters(relay);
            addresses.iter().map(|address| letters.get(address).cloned()).collect::<Option<Vec<_>>>()
        });
        for token in tokens {
            let answer = http::post(&format!("{}/confirm/{token}", self.site), http::FORM, "");
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    }
}

/// The tokens of the opt-in letters that a relay took, by recipient.
pub fn letters(relay: &Relay) -> BTreeMap<String, String> {
    let token = |message: &str| {
        let whole = message.replace("=\r\n", "");
        Some(whole.split_once("/confirm/")?.1.get(..44)?.to_owned())
    };
    relay.took().iter().filter_map(|took| Some((took.to.first()?.clone(), token(&took.message)?))).collect()
}

/// Addresses of `count` readers, all different.
pub fn addresses(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("keeper-{number:04}@lamps.example")).collect()
}

/// A newsroom with `count` active readers, at rest.
pub fn with_readers(purpose: &str, relay: &Relay, count: usize) -> Newsroom {
    let newsroom = Newsroom::found(purpose, relay.address);
    let (mut open, addresses) = (newsroom.open(), addresses(count));
    addresses.iter().for_each(|address| assert_eq!(open.ask(address), 200));
    open.confirm(relay, &addresses);
    let said = open.running.stop();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    newsroom
}
