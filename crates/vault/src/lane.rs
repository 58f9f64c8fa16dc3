//! Lanes: how a departure's copies are parted, so that a provider's throttle holds up its own readers only.
//!
//! The domain is sealed, so the store keeps a number. Lanes 0 to 63 are big providers' classes, by the list below; lanes
//! 64 to 127 are a keyed hash of any other domain modulo 64. The number is part of the ledger's key: a provider keeps
//! its place for ever, new ones are added at the end. Without the index key nobody tells which domains share a hashed
//! lane.

use newsroom::Address;
use seal::MacKey;

/// Lanes 0 to here are kept for providers; fewer are taken.
pub const PROVIDER_LANES: i64 = 64;
/// Lanes that the domains of all others are hashed into.
pub const HASHED_LANES: i64 = 64;
/// One more than the highest lane.
pub const LANES: i64 = PROVIDER_LANES + HASHED_LANES;
const LABEL: &str = "coranto lane";

/// Big providers, each with the domains its readers' addresses end in. The place in the list is the lane: append only,
/// and a domain once listed never moves. All domains of one entry share their exchangers and their limits.
pub const PROVIDERS: [(&str, &[&str]); 20] = [
    ("gmail", &["gmail.com", "googlemail.com"]),
    ("outlook", &OUTLOOK),
    ("yahoo", &YAHOO),
    ("icloud", &["icloud.com", "me.com", "mac.com"]),
    ("gmx", &["gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.com", "gmx.eu", "gmx.org", "gmx.fr", "gmx.us"]),
    ("web.de", &["web.de", "email.de"]),
    ("proton", &["proton.me", "protonmail.com", "protonmail.ch", "pm.me"]),
    ("t-online", &["t-online.de", "magenta.de"]),
    ("mail.ru", &["mail.ru", "bk.ru", "inbox.ru", "list.ru", "internet.ru"]),
    ("yandex", &["yandex.ru", "yandex.com", "ya.ru", "yandex.by", "yandex.kz", "yandex.ua"]),
    ("qq", &["qq.com", "foxmail.com"]),
    ("netease", &["163.com", "126.com", "yeah.net"]),
    ("orange", &["orange.fr", "wanadoo.fr"]),
    ("free", &["free.fr"]),
    ("libero", &["libero.it", "virgilio.it", "iol.it", "blu.it"]),
    ("comcast", &["comcast.net"]),
    ("naver", &["naver.com"]),
    ("seznam", &["seznam.cz", "email.cz", "post.cz"]),
    ("wp", &["wp.pl", "o2.pl", "tlen.pl"]),
    ("fastmail", &["fastmail.com", "fastmail.fm"]),
];

const OUTLOOK: [&str; 31] = [
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "passport.com",
    "windowslive.com",
    "outlook.de",
    "outlook.fr",
    "outlook.es",
    "outlook.it",
    "outlook.at",
    "outlook.jp",
    "outlook.be",
    "outlook.com.br",
    "outlook.com.au",
    "hotmail.de",
    "hotmail.fr",
    "hotmail.es",
    "hotmail.it",
    "hotmail.co.uk",
    "hotmail.be",
    "hotmail.nl",
    "hotmail.ca",
    "live.de",
    "live.fr",
    "live.it",
    "live.nl",
    "live.be",
    "live.co.uk",
    "live.ca",
    "live.com.au",
];

/// With AOL's, which Yahoo runs; without yahoo.co.jp, which is another company.
const YAHOO: [&str; 24] = [
    "yahoo.com",
    "ymail.com",
    "rocketmail.com",
    "myyahoo.com",
    "yahoo.de",
    "yahoo.fr",
    "yahoo.it",
    "yahoo.es",
    "yahoo.co.uk",
    "yahoo.ie",
    "yahoo.gr",
    "yahoo.se",
    "yahoo.ro",
    "yahoo.ca",
    "yahoo.in",
    "yahoo.co.in",
    "yahoo.co.id",
    "yahoo.com.br",
    "yahoo.com.ar",
    "yahoo.com.mx",
    "yahoo.com.au",
    "aol.com",
    "aol.de",
    "aim.com",
];

/// The provider whose class `lane` is, for statistics; `None` for a hashed lane.
pub fn provider(lane: i64) -> Option<&'static str> {
    let (name, _) = PROVIDERS.get(usize::try_from(lane).ok()?)?;
    Some(name)
}

/// The lane of an address; `index` is the blind index's key.
pub(crate) fn lane(index: &MacKey, address: &Address) -> i64 {
    let domain = address.domain();
    let listed = PROVIDERS.iter().position(|(_, domains)| domains.contains(&domain));
    let hashed = || PROVIDER_LANES + i64::from(index.tag(LABEL, domain.as_bytes())[0]) % HASHED_LANES;
    listed.map_or_else(hashed, |place| place as i64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use seal::Secret;

    use super::*;

    fn lane_of(key: u8, typed: &str) -> i64 {
        lane(&MacKey::new(&Secret::new([key; 32])), &Address::parse(typed).unwrap())
    }

    #[test]
    fn a_big_provider_has_its_lane_whatever_the_key() {
        for key in [1, 2] {
            assert_eq!(lane_of(key, "ana@gmail.com"), 0);
            assert_eq!(lane_of(key, "ana@GoogleMail.com"), 0);
            assert_eq!(lane_of(key, "ana@hotmail.co.uk"), 1);
            assert_eq!(lane_of(key, "ana@web.de"), 5);
            assert_eq!(lane_of(key, "ana@fastmail.fm"), 19);
        }
        assert_eq!((provider(0), provider(6), provider(20), provider(64)), (Some("gmail"), Some("proton"), None, None));
        assert_eq!(provider(-1), None);
    }

    #[test]
    fn other_domains_spread_over_the_hashed_lanes_and_the_key_decides_where() {
        let spread = |key| (0..1000).map(|n| lane_of(key, &format!("ana@d{n}.example"))).collect::<Vec<_>>();
        let first = spread(1);
        assert!(first.iter().all(|lane| (PROVIDER_LANES..LANES).contains(lane)));
        assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 64);
        assert_eq!(first, spread(1));
        assert_ne!(first, spread(2));
        assert_eq!(lane_of(1, "ana@d1.example"), lane_of(1, "bo@d1.example"));
    }

    #[test]
    fn no_domain_is_listed_twice_and_every_one_is_normal() {
        let all: Vec<_> = PROVIDERS.iter().flat_map(|(_, domains)| domains.iter()).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        for domain in all {
            assert_eq!(Address::parse(&format!("a@{domain}")).unwrap().domain(), *domain);
        }
    }
}
