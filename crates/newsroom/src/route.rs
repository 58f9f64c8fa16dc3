//! Ways out: what was agreed with whoever runs a relay, and how each way has been doing.
//!
//! The first relay is the one that the settings `relay.…` describe; further ones have the same fields under names of their
//! own. [`RELAY_FIELDS`] defines each field once: the command line, the desk's form and the check are derived from it.

use crate::{Answer, Ms};

/// A way out, as the ledger names it. Small numbers: one stands in every row of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub i64);

impl RouteId {
    /// The relay of the settings.
    pub const FIRST: Self = Self(1);
}

impl std::fmt::Display for RouteId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for RouteId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The name of the relay of the settings.
pub const FIRST_RELAY: &str = "main";
/// Longest name of a relay, in characters: it stands in tables and sentences.
pub const RELAY_NAME_CHARS_MAX: usize = 40;
/// A newsroom with more relays than this has lost the thread.
pub const RELAYS_MAX: usize = 16;

/// What a field of a relay takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayFieldKind {
    /// One line of at most so many characters.
    Line(usize),
    /// A whole number between two.
    Number(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
}

/// A field of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayField {
    /// Its name: the setting of the first relay is `relay.` and this.
    pub name: &'static str,
    /// What it takes.
    pub kind: RelayFieldKind,
    /// Its value until it is set.
    pub default: &'static str,
    /// What it is, in a sentence.
    pub sentence: &'static str,
}

const fn field(name: &'static str, kind: RelayFieldKind, default: &'static str, sentence: &'static str) -> RelayField {
    RelayField { name, kind, default, sentence }
}

/// Every field of a relay but its name and its password.
pub const RELAY_FIELDS: [RelayField; 15] = {
    use RelayFieldKind::{Line, Number, Word};
    [
        field(
            "use",
            Word(&["yes", "no"]),
            "yes",
            "Whether it carries mail. With no it rests, and what waits goes another way.",
        ),
        field(
            "host",
            Line(253),
            "127.0.0.1",
            "The relay that carries the mail; its certificate must be for this name.",
        ),
        field(
            "port",
            Number(1, 65_535),
            "25",
            "Its port: 587 with STARTTLS, 465 for TLS from the start, 25 on this machine.",
        ),
        field(
            "tls",
            Word(&["auto", "starttls", "implicit", "none"]),
            "auto",
            "How the way to the relay is encrypted: auto is none on this machine, implicit on port 465, and starttls else.",
        ),
        field(
            "ca_file",
            Line(4_096),
            "",
            "A PEM file of authorities to trust beside the web's, for a relay of your own.",
        ),
        field("user", Line(200), "", "The name to log in with; empty for none."),
        field(
            "weight",
            Number(0, 1_000),
            "10",
            "Its share of the mail beside the other relays; 0: only when no other can carry it.",
        ),
        field("connections", Number(1, 200), "20", "How many connections to the relay at once."),
        field("messages", Number(1, 100_000), "500", "How many messages over one connection."),
        field("per_second", Number(0, 100_000), "0", "How many messages the relay takes in a second; 0 for no limit."),
        field(
            "per_minute",
            Number(0, 1_000_000),
            "0",
            "How many messages the relay takes in a minute; 0 for no limit.",
        ),
        field("per_hour", Number(0, 100_000_000), "0", "How many it takes in any 60 minutes; 0 for no limit."),
        field("per_day", Number(0, 100_000_000), "0", "How many it takes in any 24 hours; 0 for no limit."),
        field("ehlo", Line(253), "", "The name this host gives to it; mail.ehlo when empty."),
        field(
            "source",
            Line(45),
            "",
            "The address of this host that connections to it come from; the system's choice when empty.",
        ),
    ]
};

/// What was agreed with whoever runs a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayTerms {
    /// As the ledger names it.
    pub id: RouteId,
    /// As people name it.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// `auto`, `starttls`, `implicit` or `none`.
    pub tls: String,
    /// A PEM file of authorities, or empty.
    pub ca_file: String,
    /// The name to log in with, or empty.
    pub user: String,
    /// The password, sealed, as a setting is kept; empty when it was not set.
    pub password: String,
    /// The name said in EHLO, or empty for the outlet's.
    pub ehlo: String,
    /// The address that connections come from, or empty.
    pub source: String,
    /// Its share beside the others; 0: only when no other can.
    pub weight: u32,
    /// How many connections at once.
    pub connections: u32,
    /// How many messages over one connection.
    pub messages: u32,
    /// Most messages in a second; 0: no limit.
    pub per_second: u32,
    /// Most messages in a minute; 0: no limit.
    pub per_minute: u32,
    /// Most messages in an hour; 0: no limit.
    pub per_hour: u32,
    /// Most messages in 24 hours; 0: no limit.
    pub per_day: u32,
    /// Whether it carries mail.
    pub active: bool,
}

impl RelayTerms {
    /// A relay of this id and name with every field at its default.
    pub fn new(id: RouteId, name: &str) -> Self {
        let mut terms = Self {
            id,
            name: name.to_owned(),
            host: String::new(),
            port: 0,
            tls: String::new(),
            ca_file: String::new(),
            user: String::new(),
            password: String::new(),
            ehlo: String::new(),
            source: String::new(),
            weight: 0,
            connections: 0,
            messages: 0,
            per_second: 0,
            per_minute: 0,
            per_hour: 0,
            per_day: 0,
            active: true,
        };
        for field in &RELAY_FIELDS {
            terms.set(field.name, field.default).expect("a default passes its own check");
        }
        terms
    }

    /// Sets a field to what was typed.
    ///
    /// # Errors
    /// What the field takes, as the end of a sentence; nothing was changed.
    pub fn set(&mut self, name: &str, typed: &str) -> Result<(), String> {
        let field = RELAY_FIELDS.iter().find(|field| field.name == name).ok_or("a field of a relay")?;
        check(field.kind, typed)?;
        let text = || typed.to_owned();
        let number = || typed.parse::<u32>().map_err(|_| "a whole number".to_owned());
        match name {
            "use" => self.active = typed == "yes",
            "host" if typed.is_empty() || typed.contains(char::is_whitespace) => return Err("a host's name".into()),
            "host" => self.host = text(),
            "port" => self.port = typed.parse().map_err(|_| "a port")?,
            "tls" => self.tls = text(),
            "ca_file" => self.ca_file = text(),
            "user" => self.user = text(),
            "weight" => self.weight = number()?,
            "connections" => self.connections = number()?,
            "messages" => self.messages = number()?,
            "per_second" => self.per_second = number()?,
            "per_minute" => self.per_minute = number()?,
            "per_hour" => self.per_hour = number()?,
            "per_day" => self.per_day = number()?,
            "ehlo" => self.ehlo = text(),
            "source" if !typed.is_empty() && typed.parse::<std::net::IpAddr>().is_err() => {
                return Err("an address of this host, like 192.0.2.25, or nothing".into());
            }
            "source" => self.source = text(),
            other => unreachable!("{other} is no field of the table"),
        }
        Ok(())
    }

    /// A field's value as it is typed.
    ///
    /// # Panics
    /// When there is no such field: names are written in code only.
    pub fn get(&self, name: &str) -> String {
        match name {
            "use" => if self.active { "yes" } else { "no" }.to_owned(),
            "host" => self.host.clone(),
            "port" => self.port.to_string(),
            "tls" => self.tls.clone(),
            "ca_file" => self.ca_file.clone(),
            "user" => self.user.clone(),
            "weight" => self.weight.to_string(),
            "connections" => self.connections.to_string(),
            "messages" => self.messages.to_string(),
            "per_second" => self.per_second.to_string(),
            "per_minute" => self.per_minute.to_string(),
            "per_hour" => self.per_hour.to_string(),
            "per_day" => self.per_day.to_string(),
            "ehlo" => self.ehlo.clone(),
            "source" => self.source.clone(),
            other => unreachable!("{other} is no field of a relay"),
        }
    }

    /// Its caps, as the end of a sentence: “50 in a second, 10000 in 24 hours”; “none” when it has none.
    pub fn caps_told(&self) -> String {
        let caps = [
            (self.per_second, "in a second"),
            (self.per_minute, "in a minute"),
            (self.per_hour, "in an hour"),
            (self.per_day, "in 24 hours"),
        ];
        let told: Vec<String> =
            caps.iter().filter(|(cap, _)| *cap > 0).map(|(cap, span)| format!("{cap} {span}")).collect();
        if told.is_empty() { "none".into() } else { told.join(", ") }
    }
}

fn check(kind: RelayFieldKind, typed: &str) -> Result<(), String> {
    match kind {
        RelayFieldKind::Line(chars) if typed.chars().any(char::is_control) || typed.chars().count() > chars => {
            Err(format!("one line of at most {chars} characters"))
        }
        RelayFieldKind::Number(from, to) if !typed.parse::<i64>().is_ok_and(|n| (from..=to).contains(&n)) => {
            Err(format!("a whole number from {from} to {to}"))
        }
        RelayFieldKind::Word(words) if !words.contains(&typed) => Err(format!("one of: {}", words.join(", "))),
        _ => Ok(()),
    }
}

/// A relay's name as it is kept: trimmed, one line, not the first one's.
///
/// # Errors
/// What a name takes, as the end of a sentence.
pub fn relay_name(typed: &str) -> Result<String, String> {
    let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = !name.is_empty() && name.chars().count() <= RELAY_NAME_CHARS_MAX && !name.chars().any(char::is_control);
    match fits && name != FIRST_RELAY {
        true => Ok(name),
        false => Err(format!(
            "a name of at most {RELAY_NAME_CHARS_MAX} characters other than “{FIRST_RELAY}”, which is the relay of the settings"
        )),
    }
}

/// How a way out stands with the poster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WayState {
    /// It carries mail.
    Open = 0,
    /// It is at fault and rests.
    Resting = 1,
}

impl WayState {
    /// The state the store keeps as `raw`.
    ///
    /// # Panics
    /// When `raw` is no state: the database is damaged.
    pub fn from_raw(raw: i64) -> Self {
        [Self::Open, Self::Resting].into_iter().find(|state| *state as i64 == raw).expect("the schema keeps two states")
    }
}

/// How a way out has been doing, as the poster last wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which way.
    pub route: RouteId,
    /// How it stands.
    pub state: WayState,
    /// Since when.
    pub since: Ms,
    /// For `Resting`: when it is tried again. 0 otherwise.
    pub until: Ms,
    /// Faults in a row.
    pub faults: i64,
    /// What went wrong last, as the end of a sentence about it; empty when nothing did since it was last well.
    pub why: String,
    /// When a person was last called for it.
    pub alerted: Option<Ms>,
    /// What it last answered to a copy.
    pub answered: Option<Answer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_can_be_set_to_what_it_says_it_is() {
        let mut terms = RelayTerms::new(RouteId(2), "b");
        for field in &RELAY_FIELDS {
            assert_eq!(terms.get(field.name), field.default, "{}", field.name);
            let kept = terms.get(field.name);
            terms.set(field.name, &kept).unwrap();
        }
        assert_eq!(terms, RelayTerms::new(RouteId(2), "b"));
    }

    #[test]
    fn a_wrong_value_changes_nothing_and_is_told() {
        let mut terms = RelayTerms::new(RouteId(2), "b");
        for (name, typed) in
            [("port", "0"), ("weight", "-1"), ("host", ""), ("host", "a b"), ("source", "here"), ("use", "")]
        {
            assert!(terms.set(name, typed).is_err(), "{name}");
        }
        assert!(terms.set("host", "a\r\nb").is_err() && terms.set("name", "x").is_err());
        assert_eq!(terms, RelayTerms::new(RouteId(2), "b"));
        assert!(relay_name("main").is_err() && relay_name(" ").is_err());
        assert_eq!(relay_name("  second   one ").unwrap(), "second one");
    }

    #[test]
    fn caps_are_told_in_words() {
        let mut terms = RelayTerms::new(RouteId(2), "b");
        assert_eq!(terms.caps_told(), "none");
        terms.set("per_second", "5").unwrap();
        terms.set("per_day", "900").unwrap();
        assert_eq!(terms.caps_told(), "5 in a second, 900 in 24 hours");
    }
}
