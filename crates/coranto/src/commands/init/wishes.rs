//! What a newsroom is founded with: from the command line's flags, each checked, or its default.

use std::path::Path;

use mail::address::Domain;
use newsroom::{Address, Problem};
use seal::Secret;

use crate::cli::Init;
use crate::config;
use crate::passphrase::first_line;
use crate::relay_url::RelayUrl;
use crate::settings::{check, define};
use crate::typed::{self, TypedFault};

/// What a relay on this machine is called, which is where a newsroom's mail goes until it is told otherwise.
pub const RELAY: &str = "smtp://127.0.0.1:25";
/// The zone of a machine that names none.
const ZONE: &str = "UTC";

/// What a newsroom is founded with.
pub struct Wishes {
    pub name: String,
    pub site: String,
    pub from: String,
    /// The domain of `from`.
    pub domain: String,
    pub relay: RelayUrl,
    /// The relay's password, when it wants a login.
    pub password: Option<Secret<String>>,
    pub postal_address: String,
    pub zone: String,
}

impl Wishes {
    /// From the flags. `person`: somebody sits there who can be asked for the relay's password.
    pub fn of_flags(of: &Init, person: bool) -> Result<Self, Problem> {
        let given = |flag: &Option<String>, usual: String| flag.clone().unwrap_or(usual);
        let site = site(&given(&of.site, default("outlet.site")))?;
        let from = from(&given(&of.from, usual_from(&site)))?;
        let relay = RelayUrl::parse(of.relay.as_deref().unwrap_or(RELAY))?;
        let name = line("outlet.name", &given(&of.name, default("outlet.name")))?;
        let postal_address = line("outlet.postal_address", &given(&of.postal_address, String::new()))?;
        let zone = line("outlet.zone", &given(&of.zone, usual_zone()))?;
        let domain = domain(&from)?;
        let password = password(&relay, of.relay_password_file.as_deref(), person)?;
        Ok(Self { name, site, from, domain, relay, password, postal_address, zone })
    }

    /// The settings that say the same; the password is none of them.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let told = [
            ("outlet.name", &self.name),
            ("outlet.site", &self.site),
            ("outlet.zone", &self.zone),
            ("outlet.postal_address", &self.postal_address),
            ("mail.from", &self.from),
            ("mail.domain", &self.domain),
        ];
        told.map(|(name, value)| (name, value.clone())).into_iter().chain(self.relay.settings()).collect()
    }
}

/// A setting's default.
pub fn default(name: &str) -> String {
    define(name).map_or(String::new(), |setting| setting.default.to_owned())
}

/// A value as its setting takes it.
pub fn line(name: &'static str, value: &str) -> Result<String, Problem> {
    check(name, value)?;
    Ok(value.to_owned())
}

/// The site's address; what is copied from a browser ends in a slash.
pub fn site(value: &str) -> Result<String, Problem> {
    line("outlet.site", value.strip_suffix('/').unwrap_or(value))
}

/// The address that mail comes from.
pub fn from(value: &str) -> Result<String, Problem> {
    let parsed = Address::parse(value).map_err(|fault| {
        Problem::new(
            format!("Mail cannot come from {value:?}: {fault}."),
            "Nothing was changed.",
            "Give an address at the outlet's own domain, like news@courier.example.",
        )
    })?;
    Ok(parsed.expose().to_owned())
}

/// The domain that signs the mail: the one of the address that it comes from.
pub fn domain(from: &str) -> Result<String, Problem> {
    let domain = from.rsplit_once('@').map_or("", |(_, domain)| domain);
    let parsed = Domain::parse(domain).map_err(|fault| {
        Problem::new(format!("Mail cannot be signed for {domain:?}: {fault}."), "Nothing was changed.", "Take another.")
    })?;
    Ok(parsed.as_str().to_owned())
}

/// `news@` the site's own host, when that is a domain; else the settings' own example.
pub fn usual_from(site: &str) -> String {
    let host = url::Url::parse(site).ok().and_then(|url| url.domain().map(str::to_owned)).unwrap_or_default();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    from(&format!("news@{host}")).unwrap_or_else(|_| default("mail.from"))
}

/// This machine's zone.
pub fn usual_zone() -> String {
    config::machine_zone().unwrap_or_else(|| ZONE.to_owned())
}

/// The password that belongs to the relay's name: from a file, from the environment, or typed.
///
/// # Errors
/// A [`Problem`] when there is none.
pub fn password(relay: &RelayUrl, file: Option<&Path>, person: bool) -> Result<Option<Secret<String>>, Problem> {
    if relay.user.is_empty() {
        return Ok(None);
    }
    if let Some(file) = file {
        return first_line(file).map(Some);
    }
    if let Some(told) = config::relay_password() {
        return Ok(Some(Secret::new(told)));
    }
    if !person {
        return Err(Problem::new(
            format!("The relay {relay} wants a password, and none was given."),
            "Nothing was founded.",
            "Put it into the variable CORANTO_RELAY_PASSWORD, or into a file that --relay-password-file names; it never \
             stands on the command line.",
        ));
    }
    loop {
        let typed = typed::unseen("   Its password, which is not shown: ").map_err(|fault| broken_off(&fault))?;
        if !typed.expose().is_empty() {
            return Ok(Some(typed));
        }
    }
}

/// A person ended it, or the terminal did.
pub fn broken_off(fault: &TypedFault) -> Problem {
    Problem::new(
        format!("No newsroom was founded: {fault}."),
        "Nothing was made and nothing was kept of what you typed.",
        "Type `coranto init` again when you like; `coranto init --help` lists the flags that answer without being asked.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_comes_from_the_sites_own_domain_unless_it_has_none() {
        for (site, address) in [
            ("https://courier.example", "news@courier.example"),
            ("https://www.courier.example:8443/paper", "news@courier.example"),
            ("https://bücher.example", "news@xn--bcher-kva.example"),
            ("http://127.0.0.1:8400", "news@outlet.example"),
            ("http://[::1]:8400", "news@outlet.example"),
            ("http://localhost:8400", "news@outlet.example"),
        ] {
            assert_eq!(usual_from(site), address, "{site}");
            assert!(address.ends_with(&domain(address).expect("a domain")), "{site}");
        }
    }

    #[test]
    fn what_a_person_copies_from_a_browser_is_taken_and_nonsense_is_not() {
        assert_eq!(site("https://courier.example/").expect("a site"), "https://courier.example");
        assert!(site("courier.example").is_err() && site("").is_err());
        assert_eq!(from(" News@Courier.Example ").expect("an address"), "news@courier.example");
        assert!(from("news").is_err() && from("news@localhost").is_err() && from("").is_err());
    }
}
