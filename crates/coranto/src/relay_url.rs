//! A relay in one line: `smtp://127.0.0.1:25`, `submission://courier@smtp.example.net`, `smtps://courier@smtp.example.net`.
//!
//! It becomes the settings `relay.host`, `relay.port`, `relay.tls` and `relay.user`. A password has no place in it: it would
//! stay on the screen and in the shell's history.

use std::fmt;
use std::net::IpAddr;

use mail::address::Domain;
use newsroom::Problem;

use crate::settings;

/// The ways to a relay: the scheme, its port unless one is named, and the value of `relay.tls`.
const WAYS: [(&str, u16, &str); 3] = [
    // RFC 5321: in the clear on this machine; elsewhere the setting's rule asks for STARTTLS.
    ("smtp", 25, "auto"),
    // RFC 6409, with STARTTLS.
    ("submission", 587, "starttls"),
    // RFC 8314 §3.3: TLS from the first octet.
    ("smtps", 465, "implicit"),
];

/// A relay, as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayUrl {
    /// The scheme: how the way to it is encrypted.
    scheme: &'static str,
    /// The value of `relay.tls`.
    tls: &'static str,
    /// A domain name, or an address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The name to log in with; empty for none.
    pub user: String,
}

impl RelayUrl {
    /// Reads one. Without a scheme it is `smtp://`.
    ///
    /// # Errors
    /// A [`Problem`] that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("smtp", text));
        let Some((scheme, usual, tls)) = WAYS.into_iter().find(|way| way.0.eq_ignore_ascii_case(scheme)) else {
            return Err(wrong(text, "it begins with smtp://, submission:// or smtps://"));
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        // A name to log in with is often a mail address.
        let (user, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        if user.contains(':') {
            // The text is not repeated: there is a password in it.
            return Err(Problem::new(
                "There is a password in the relay's address.",
                "It would stay on the screen and in the shell's history. Nothing was changed.",
                "Leave it out (submission://name@host): it is asked for by itself, and not shown.",
            ));
        }
        let (host, port) = place_of(place, usual).ok_or_else(|| wrong(text, "its port is a number up to 65535"))?;
        if host.parse::<IpAddr>().is_err() && (host.is_empty() || Domain::parse(host).is_err()) {
            return Err(wrong(text, "its host is a name like smtp.example.net, or an address like 127.0.0.1"));
        }
        settings::check("relay.user", user).map_err(|_| wrong(text, "its name to log in with is one line of text"))?;
        Ok(Self { scheme, tls, host: host.to_ascii_lowercase(), port, user: user.to_owned() })
    }

    /// The settings that say the same.
    pub fn settings(&self) -> [(&'static str, String); 4] {
        [
            ("relay.host", self.host.clone()),
            ("relay.port", self.port.to_string()),
            ("relay.tls", self.tls.to_owned()),
            ("relay.user", self.user.clone()),
        ]
    }
}

/// As it is typed.
impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.user.is_empty() { "" } else { "@" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        write!(f, "{}://{}{at}{host}:{}", self.scheme, self.user, self.port)
    }
}

/// The host, out of its brackets, and the port.
fn place_of(place: &str, usual: u16) -> Option<(&str, u16)> {
    if let Some((host, rest)) = place.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        let port = if rest.is_empty() { Some(usual) } else { rest.strip_prefix(':').and_then(number) };
        return Some((host, port?));
    }
    match place.split_once(':') {
        Some((host, port)) => Some((host, number(port)?)),
        None => Some((place, usual)),
    }
}

fn number(port: &str) -> Option<u16> {
    port.parse().ok().filter(|port| *port > 0)
}

fn wrong(text: &str, rule: &str) -> Problem {
    Problem::new(
        format!("A relay cannot be {text:?}: {rule}."),
        "Nothing was changed.",
        "Write it like smtp://127.0.0.1:25 (on this machine), submission://name@smtp.example.net:587 or \
         smtps://name@smtp.example.net:465.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_in_one_line_becomes_its_settings() {
        for (text, host, port, tls, user) in [
            ("smtp://127.0.0.1:25", "127.0.0.1", "25", "auto", ""),
            ("localhost", "localhost", "25", "auto", ""),
            ("relay.example:2525", "relay.example", "2525", "auto", ""),
            ("submission://courier@Smtp.example.net/", "smtp.example.net", "587", "starttls", "courier"),
            (
                "SMTPS://ana@courier.example@smtp.example.net",
                "smtp.example.net",
                "465",
                "implicit",
                "ana@courier.example",
            ),
            ("smtp://[::1]:26", "::1", "26", "auto", ""),
            ("smtp://[2001:db8::1]", "2001:db8::1", "25", "auto", ""),
        ] {
            let relay = RelayUrl::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
            let named = relay.settings().map(|(_, value)| value);
            assert_eq!(named, [host, port, tls, user].map(str::to_owned), "{text}");
            for (name, value) in relay.settings() {
                assert!(settings::check(name, &value).is_ok(), "{text}: {name}");
            }
            assert_eq!(RelayUrl::parse(&relay.to_string()).as_ref(), Ok(&relay), "{relay}");
        }
    }

    #[test]
    fn what_is_no_relay_is_refused_with_what_one_looks_like() {
        for text in [
            "",
            "http://relay.example",
            "smtp://",
            "smtp://relay.example:0",
            "smtp://relay.example:70000",
            "smtp://relay.example:",
            "smtp://re lay",
            "smtp://user@",
            "smtp://relay.example/path",
            "smtp://[::1",
            "smtp://relay.example\r\nRSET",
            "smtp://a\tb@relay.example",
        ] {
            let problem = RelayUrl::parse(text).expect_err(text);
            assert!(problem.act.contains("smtp://127.0.0.1:25"), "{text}: {problem}");
        }
    }

    #[test]
    fn a_password_in_it_is_refused_and_not_repeated() {
        let problem = RelayUrl::parse("submission://courier:hunter2@relay.example").expect_err("a password");
        assert!(problem.what.contains("password") && !problem.to_string().contains("hunter2"), "{problem}");
    }
}
