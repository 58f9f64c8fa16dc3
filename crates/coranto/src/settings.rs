//! Settings: one table defines each once, with its name, default, limit and sentence.
//!
//! The parser, `coranto settings`, and what the rooms will show are derived from it.

use std::collections::BTreeMap;

use edition::clock::{Leaves, Rules, Welcome};
use edition::slots::Hours;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use newsroom::{HOUR_MS, MINUTE_MS, Ms, Outlet, Problem};

/// What a setting's value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One line of text, at most this many characters.
    Line(usize),
    /// A whole number between two.
    Number(i64, i64),
    /// A mail address, or empty.
    Address,
    /// `http://…` or `https://…` without a slash at the end.
    Site,
    /// The same, or empty.
    MaybeSite,
    /// An address of this host, or empty.
    HostAddress,
    /// A name of a host or a domain; empty where that is the default.
    HostName,
    /// An IANA time zone.
    Zone,
    /// Kept sealed; never shown.
    Secret,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A time of day, `HH:MM`.
    Time,
    /// A topic of Amazon SNS, or empty.
    Topic,
}

/// A setting's definition.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name, as typed.
    pub name: &'static str,
    /// What it must look like.
    pub kind: Kind,
    /// Its value until it is set.
    pub default: &'static str,
    /// What it is, in a sentence.
    pub sentence: &'static str,
}

const fn line(name: &'static str, chars: usize, default: &'static str, sentence: &'static str) -> Setting {
    Setting { name, kind: Kind::Line(chars), default, sentence }
}

const fn host(name: &'static str, default: &'static str, sentence: &'static str) -> Setting {
    Setting { name, kind: Kind::HostName, default, sentence }
}

const fn number(name: &'static str, from: i64, to: i64, default: &'static str, sentence: &'static str) -> Setting {
    Setting { name, kind: Kind::Number(from, to), default, sentence }
}

/// The days of the week, as jiff counts them: from Monday.
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Every setting.
pub const SETTINGS: &[Setting] = &[
    line("outlet.name", 80, "Our outlet", "The outlet's name, on the site and as the sender of its mail."),
    line("outlet.tagline", 160, "", "What the outlet is, in a line under its name."),
    Setting {
        name: "outlet.site",
        kind: Kind::Site,
        default: "http://127.0.0.1:8400",
        sentence: "The site's address, as readers type it. Every link in a mail begins with it.",
    },
    line("outlet.language", 35, "en", "The language of the site's and the mail's own words."),
    Setting { name: "outlet.zone", kind: Kind::Zone, default: "UTC", sentence: "The time zone of the outlet's dates." },
    line("outlet.postal_address", 300, "", "Where the outlet can be written to; the law asks for it in every mail."),
    line(
        "outlet.invitation",
        400,
        "The day's news, once a day, in your mailbox. No tracking, and one click ends it.",
        "What invites people to sign up.",
    ),
    Setting {
        name: "desk.address",
        kind: Kind::MaybeSite,
        default: "",
        sentence: "The desk's address, as members type it: https://desk.outlet.example. Empty: on this machine alone.",
    },
    Setting {
        name: "mail.from",
        kind: Kind::Address,
        default: "news@outlet.example",
        sentence: "The address that mail comes from.",
    },
    Setting {
        name: "mail.reply_to",
        kind: Kind::Address,
        default: "",
        sentence: "Where answers go, when not to mail.from.",
    },
    host("mail.domain", "outlet.example", "The domain that signs the mail (DKIM) and takes its bounces."),
    host("mail.selector", "coranto", "The DKIM selector."),
    Setting {
        name: "mail.signing",
        kind: Kind::Word(&["own", "relay"]),
        default: "own",
        sentence: "Who signs the mail (DKIM): this newsroom with its own key, or every relay with its own. Unsigned mail is refused by the big providers.",
    },
    host("mail.ehlo", "", "The name this host gives to relays; mail.domain when empty."),
    Setting {
        name: "relay.use",
        kind: Kind::Word(&["yes", "no"]),
        default: "yes",
        sentence: "Whether this relay, named main, carries mail. With no it rests, and what waits goes by the others.",
    },
    line("relay.host", 253, "127.0.0.1", "The relay that carries the mail; its certificate must be for this name."),
    number(
        "relay.port",
        1,
        65_535,
        "25",
        "Its port: 587 with STARTTLS, 465 for TLS from the start, 25 on this machine.",
    ),
    Setting {
        name: "relay.tls",
        kind: Kind::Word(&["auto", "starttls", "implicit", "none"]),
        default: "auto",
        sentence: "How the way to the relay is encrypted: auto is none on this machine, implicit on port 465, and starttls else.",
    },
    line("relay.ca_file", 4_096, "", "A PEM file of authorities to trust beside the web's, for a relay of your own."),
    line("relay.user", 200, "", "The name to log in with; empty for none."),
    Setting { name: "relay.password", kind: Kind::Secret, default: "", sentence: "The password to log in with." },
    number(
        "relay.weight",
        0,
        1_000,
        "10",
        "Its share of the mail beside further relays (`coranto relay`); 0: only when no other can carry it.",
    ),
    number("relay.connections", 1, 200, "20", "How many connections to the relay at once."),
    number("relay.messages", 1, 100_000, "500", "How many messages over one connection."),
    number("relay.per_second", 0, 100_000, "0", "How many messages the relay takes in a second; 0 for no limit."),
    number("relay.per_minute", 0, 1_000_000, "0", "How many messages the relay takes in a minute; 0 for no limit."),
    number("relay.per_hour", 0, 100_000_000, "0", "How many it takes in any 60 minutes; 0 for no limit."),
    number("relay.per_day", 0, 100_000_000, "0", "How many it takes in any 24 hours; 0 for no limit."),
    Setting {
        name: "relay.source",
        kind: Kind::HostAddress,
        default: "",
        sentence: "The address of this host that connections to it come from; the system's choice when empty.",
    },
    number(
        "relay.silence_s",
        1,
        3_600,
        "30",
        "How long a relay may answer nothing at all, on any connection, before what it has not taken goes another way.",
    ),
    number("relay.patience_s", 1, 3_600, "60", "How long to wait for the relay's answers, in seconds."),
    number("relay.dot_patience_s", 1, 3_600, "600", "How long to wait for its answer to a message (RFC 5321: 600 s)."),
    Setting {
        name: newsroom::MAILGUN_KEY_SETTING,
        kind: Kind::Secret,
        default: "",
        sentence: "Mailgun's webhook signing key: with it what Mailgun posts to /relay/mailgun on the site is checked; empty: nothing is taken.",
    },
    Setting {
        name: newsroom::SES_TOPIC_SETTING,
        kind: Kind::Topic,
        default: "",
        sentence: "The Amazon SNS topic (its ARN) by which SES reports to /relay/ses on the site; empty: nothing is taken.",
    },
    line(
        "bounce.listen",
        64,
        "",
        "Where bounces and wishes to leave are received, like 0.0.0.0:25; empty: nowhere. Heard at the next start.",
    ),
    Setting {
        name: "bounce.protocol",
        kind: Kind::Word(&["smtp", "lmtp"]),
        default: "smtp",
        sentence: "How they come: smtp from the world's mail servers, lmtp from one's own.",
    },
    Setting {
        name: "bounce.elsewhere",
        kind: Kind::Word(&["no", "yes"]),
        default: "no",
        sentence: "yes when bounces go to a mailbox elsewhere that `coranto bounce --apply` reads: then readers may leave by mail too.",
    },
    line("bounce.certificate", 4_096, "", "A PEM file with the certificate shown to them (STARTTLS); empty: none."),
    line("bounce.key", 4_096, "", "A PEM file with its key; empty: in the same file."),
    number(
        "bounce.soft_editions",
        1,
        365,
        "5",
        "After how many editions in a row that bounced for now a reader is unreachable.",
    ),
    number("bounce.soft_days", 1, 365, "14", "And over how many days at least those editions must lie."),
    number("post.retry_first_s", 1, 14_400, "300", "The wait before a copy's second try, in seconds; it doubles."),
    Setting {
        name: "post.doubt",
        kind: Kind::Word(&["hold", "resend"]),
        default: "hold",
        sentence: "A copy whose answer was lost after it was sent: hold it for a person, or send it once more, the same (better twice than lost).",
    },
    number(
        "post.doubt_wait_min",
        0,
        10_080,
        "60",
        "How long evidence is waited for before such a copy is sent once more, in minutes.",
    ),
    Setting {
        name: edition::FILL_SETTING,
        kind: Kind::Word(&edition::FILLS),
        default: edition::FILLS[0],
        sentence: "What an edition holds beside what is lined up: all that was published since the last one, or nothing.",
    },
    number(
        edition::STORIES_SETTING,
        1,
        edition::STORIES_MAX,
        edition::STORIES_DEFAULT,
        "How many stories a copy carries at most; it leads to the others on the site.",
    ),
    number("edition.lives_h", 1, 72, "20", "How long an edition's copies may be on their way, in hours."),
    number("edition.hour", 0, 23, "7", "The outlet's hour of departure, in its own zone, for readers who chose none."),
    Setting {
        name: "edition.cutoff",
        kind: Kind::Time,
        default: "06:30",
        sentence: "When the line-up closes for the departure at edition.hour, and a person is reminded of it.",
    },
    Setting {
        name: "edition.leaves",
        kind: Kind::Word(&["person", "itself"]),
        default: "person",
        sentence: "Whether editions wait for a person's word, or leave by themselves.",
    },
    Setting {
        name: "edition.weekday",
        kind: Kind::Word(&WEEKDAYS),
        default: "sunday",
        sentence: "The day on which weekly readers get their edition.",
    },
    number("edition.late_after_h", 1, 23, "6", "A departure later than this many hours is held and asks."),
    Setting {
        name: "edition.welcome",
        kind: Kind::Word(&["at-once", "at-turn"]),
        default: "at-once",
        sentence: "Whether who has just confirmed gets today's edition at once, or waits for the next.",
    },
    Setting {
        name: "desk.reminders_to",
        kind: Kind::Address,
        default: "",
        sentence: "Who is reminded by mail of an edition that waits or is held; nobody when empty.",
    },
];

/// The settings of a newsroom.
#[derive(Clone, Debug, Default)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// From what the store keeps.
    pub fn new(kept: BTreeMap<String, String>) -> Self {
        Self(kept)
    }

    /// A setting's value.
    ///
    /// # Panics
    /// When there is no setting of that name: names are written in code only.
    pub fn get(&self, name: &str) -> &str {
        let setting = define(name).expect("a setting named in code is in the table");
        self.0.get(name).map_or(setting.default, String::as_str)
    }

    /// A number's value.
    ///
    /// # Panics
    /// As [`Settings::get`], and when the kept value is no number: it was checked when it was set.
    pub fn number(&self, name: &str) -> i64 {
        self.get(name).parse().expect("a number setting is checked when it is set")
    }

    /// The outlet, as these settings say.
    pub fn outlet(&self) -> Outlet {
        let text = |name: &str| self.get(name).to_owned();
        Outlet {
            name: text("outlet.name"),
            tagline: text("outlet.tagline"),
            site: text("outlet.site"),
            language: text("outlet.language"),
            zone: text("outlet.zone"),
            postal_address: text("outlet.postal_address"),
            from: text("mail.from"),
            reply_to: Some(text("mail.reply_to")).filter(|a| !a.is_empty()),
            mail_domain: text("mail.domain"),
            selector: text("mail.selector"),
            invitation: text("outlet.invitation"),
        }
    }

    /// How long an edition's copies may be on their way, in milliseconds.
    pub fn edition_lives_ms(&self) -> Ms {
        self.number("edition.lives_h") * HOUR_MS
    }

    /// What the clock goes by.
    ///
    /// # Panics
    /// When a kept value is none of what its setting takes: it was checked when it was set.
    pub fn rules(&self) -> Rules {
        let zone = TimeZone::get(self.get("outlet.zone")).expect("a zone is checked when it is set");
        let day = WEEKDAYS.iter().position(|day| *day == self.get("edition.weekday"));
        let day = day.and_then(|day| i8::try_from(day).ok()).expect("a day is checked when it is set");
        Rules {
            hours: Hours {
                zone,
                hour: i8::try_from(self.number("edition.hour")).expect("an hour is checked when it is set"),
                weekday: Weekday::from_monday_zero_offset(day).expect("seven days"),
                cutoff: time(self.get("edition.cutoff")).expect("a time is checked when it is set"),
                late_after_ms: self.number("edition.late_after_h") * HOUR_MS,
            },
            leaves: if self.get("edition.leaves") == "itself" { Leaves::Itself } else { Leaves::Person },
            welcome: if self.get("edition.welcome") == "at-once" { Welcome::AtOnce } else { Welcome::AtTurn },
            lives_ms: self.edition_lives_ms(),
            defect: None,
        }
    }

    /// What becomes of copies whose answer was lost.
    pub fn doubts(&self) -> post::Doubts {
        match self.get("post.doubt") {
            "hold" => post::Doubts::Hold,
            _ => post::Doubts::Resend { after_ms: self.number("post.doubt_wait_min") * MINUTE_MS },
        }
    }

    /// Whether the mail is signed here, and not by the relay.
    pub fn signs(&self) -> bool {
        self.get("mail.signing") == "own"
    }

    /// The wait before a copy's second try, in milliseconds.
    pub fn retry_first_ms(&self) -> Ms {
        self.number("post.retry_first_s") * MINUTE_MS / 60
    }
}

/// The definition of a setting.
pub fn define(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The definition of a setting that a person named.
///
/// # Errors
/// A [`Problem`] when there is none of that name.
pub fn named(name: &str) -> Result<&'static Setting, Problem> {
    define(name).ok_or_else(|| {
        Problem::new(
            format!("There is no setting called {name:?}."),
            "Nothing was changed.",
            "`coranto settings` lists them.",
        )
    })
}

/// Checks a value before it is kept.
///
/// # Errors
/// A [`Problem`] that says what the setting takes.
pub fn check(name: &str, value: &str) -> Result<&'static Setting, Problem> {
    let setting = named(name)?;
    let wrong = |takes: String| {
        Err(Problem::new(
            format!("The setting {name} cannot be {value:?}."),
            "Nothing was changed.",
            format!("It takes {takes}."),
        ))
    };
    let one_line = !value.chars().any(newsroom::ends_line);
    match setting.kind {
        Kind::Line(chars) if !one_line || value.chars().count() > chars => {
            wrong(format!("one line of at most {chars} characters"))
        }
        Kind::Number(from, to) if !value.parse::<i64>().is_ok_and(|n| (from..=to).contains(&n)) => {
            wrong(format!("a whole number from {from} to {to}"))
        }
        Kind::Address if !value.is_empty() && newsroom::Address::parse(value).is_err() => {
            wrong("a mail address".into())
        }
        Kind::HostAddress if !value.is_empty() && value.parse::<std::net::IpAddr>().is_err() => {
            wrong("an address of this host, like 192.0.2.25, or nothing".into())
        }
        Kind::HostName if value.is_empty() && setting.default.is_empty() => Ok(setting),
        Kind::HostName if mail::address::HostName::parse(value).is_err() => {
            wrong("a name in ASCII like mail.outlet.example".into())
        }
        Kind::MaybeSite if value.is_empty() => Ok(setting),
        Kind::Site | Kind::MaybeSite if !is_site(value) => {
            wrong("an address like https://news.example, without a slash at the end".into())
        }
        Kind::Word(words) if !words.contains(&value) => wrong(format!("one of: {}", words.join(", "))),
        Kind::Topic if !value.is_empty() && readers::notice::Topic::parse(value).is_err() => {
            wrong("a topic's ARN, like arn:aws:sns:eu-west-1:123456789012:bounces, or nothing".into())
        }
        Kind::Time if time(value).is_none() => wrong("a time like 06:30".into()),
        Kind::Zone if jiff::tz::TimeZone::get(value).is_err() => wrong("a time zone like Europe/Madrid".into()),
        _ => Ok(setting),
    }
}

fn time(value: &str) -> Option<Time> {
    let (hour, minute) = value.split_once(':')?;
    let part = |digits: &str| (digits.len() == 2).then(|| digits.parse::<i8>().ok()).flatten();
    Time::new(part(hour)?, part(minute)?, 0, 0).ok()
}

fn is_site(value: &str) -> bool {
    let web = value.starts_with("http://") || value.starts_with("https://");
    web && !value.ends_with('/') && url::Url::parse(value).is_ok_and(|u| u.host().is_some() && u.query().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_passes_its_own_check() {
        for setting in SETTINGS {
            assert!(check(setting.name, setting.default).is_ok(), "{}", setting.name);
        }
    }

    #[test]
    fn a_wrong_value_is_refused_with_what_it_takes() {
        let problem = check("relay.port", "0").expect_err("no port");
        assert!(problem.act.contains("1 to 65535"), "{problem}");
        assert!(check("outlet.site", "news.example").is_err());
        assert!(check("mail.from", "a@b\r\nBcc: c@d.example").is_err());
        assert!(check("edition.fill", "lined_up").is_ok() && check("edition.fill", "some").is_err());
        for name in ["mail.domain", "mail.selector", "mail.ehlo", "outlet.name"] {
            assert!(check(name, "courier.example\u{2028}X-Smuggled: yes").is_err(), "{name}");
        }
        assert!(check("mail.ehlo", "").is_ok() && check("mail.domain", "").is_err());
        assert!(check("nonsense", "1").is_err());
        assert!(check("relay.tls", "maybe").expect_err("no word").act.contains("starttls"));
        assert!(check("edition.leaves", "maybe").expect_err("no word").act.contains("itself"));
        for wrong in ["6:30", "24:00", "06:60", "06:30:00", "-1:30", "half past six"] {
            assert!(check("edition.cutoff", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_first_relay_has_every_field_of_a_further_one() {
        for field in newsroom::RELAY_FIELDS.iter().filter(|field| field.name != "ehlo") {
            let setting = define(&format!("relay.{}", field.name)).unwrap_or_else(|| panic!("{}", field.name));
            assert_eq!(setting.default, field.default, "{}", field.name);
        }
    }

    #[test]
    fn the_defaults_make_rules() {
        let rules = Settings::default().rules();
        assert_eq!((rules.hours.hour, rules.hours.weekday, rules.leaves), (7, Weekday::Sunday, Leaves::Person));
    }
}
