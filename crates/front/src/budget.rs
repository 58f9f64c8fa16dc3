//! How many sign-ups, and how many notices of relays, the doors take (P24): from one network, and from everyone together.
//!
//! A token bucket for each network and one for all, kept as the moment at which the bucket will be full again (the
//! "theoretical arrival time" of ITU-T I.371's generic cell rate algorithm), so that a bucket is one number and a full one
//! is none. All of it is in memory; no network address is ever written or logged. It decides about letters only: reading,
//! confirming and leaving have no budget.
//!
//! Addresses have budgets of their own behind the vault, which hold whatever comes through here.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;

use newsroom::{Ms, SECOND_MS};

/// Sign-ups in one go from a network: a school class, or an office that was just told of the outlet.
const NETWORK_BURST: Ms = 30;
/// After those, one more each so often: 180 an hour, for the many phones that share one carrier's address.
const NETWORK_EVERY_MS: Ms = 20 * SECOND_MS;
/// Sign-ups in one go from everyone: the minutes after the outlet was named on television.
const ALL_BURST: Ms = 2_000;
/// After those, five a second: each asks a relay to carry a letter to an address that nobody has proved yet, and a relay
/// that carries 18,000 an hour to strangers is blocked by evening.
const ALL_EVERY_MS: Ms = SECOND_MS / 5;
/// Networks remembered before full buckets are swept out. By the limits above no more than 5,000 can be other than full:
/// a network is full again after ten minutes, and in these at most 2,000 + 3,000 sign-ups are taken.
const NETWORKS_KEPT: usize = 8_192;

/// How many a door takes.
#[derive(Clone, Copy)]
struct Rates {
    network_burst: Ms,
    network_every_ms: Ms,
    all_burst: Ms,
    all_every_ms: Ms,
}

const SIGN_UPS: Rates = Rates {
    network_burst: NETWORK_BURST,
    network_every_ms: NETWORK_EVERY_MS,
    all_burst: ALL_BURST,
    all_every_ms: ALL_EVERY_MS,
};
/// Notices: each takes 20 ms of one connection here and a signature to be checked behind the vault. A relay that reports every
/// copy of an edition of 200,000 comes from few networks and tries again for hours what it was told to bring later.
const NOTICES: Rates = Rates { network_burst: 2_000, network_every_ms: 10, all_burst: 5_000, all_every_ms: 5 };

/// A bucket: when it will be full again. Full buckets are in the past.
#[derive(Clone, Copy, Default)]
struct Bucket(Ms);

impl Bucket {
    /// The bucket with one sign-up taken from it; `None` when it holds none.
    fn take(self, now: Ms, burst: Ms, every_ms: Ms) -> Option<Self> {
        // An empty one is full after `burst` times `every_ms`. One that says twice that was filled by a clock that has been
        // set back since, and must not close the door for hours.
        let full = if self.0 > now + 2 * burst * every_ms { now } else { self.0.max(now) };
        (full - now <= (burst - 1) * every_ms).then_some(Self(full + every_ms))
    }
}

/// Who is counted together: a subscriber line has at least a /48 of IPv6 and moves freely within it, and whoever rents IPv4
/// addresses to bomb from rents neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network(bool, u64);

impl Network {
    /// The network of an address: a /24 of IPv4, a /48 of IPv6.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(four) => Self(false, u64::from(u32::from(four) >> 8)),
            IpAddr::V6(six) => Self(true, u64::try_from(u128::from(six) >> 80).expect("48 bits are left")),
        }
    }
}

/// The budgets of one door.
pub(crate) struct Budget(Mutex<Buckets>, Rates);

impl Default for Budget {
    /// For sign-ups.
    fn default() -> Self {
        Self(Mutex::default(), SIGN_UPS)
    }
}

#[derive(Default)]
struct Buckets {
    all: Bucket,
    networks: BTreeMap<Network, Bucket>,
}

impl Budget {
    /// For notices of relays.
    pub(crate) fn of_notices() -> Self {
        Self(Mutex::default(), NOTICES)
    }

    /// Takes one sign-up from `address` out of both buckets. `false`: one of them is empty, and nothing was taken.
    ///
    /// Loopback, and a request that came over no socket, have no budget: nobody outside this machine connects from there
    /// but through the outlet's own proxy, and [`visitor`] has then said who it was. What is left are the newsroom's own
    /// programs (the demo signs up thousands) and an onion service, all of whose visitors would share one bucket: one of
    /// them could close the door to every other.
    pub(crate) fn take(&self, address: Option<IpAddr>, now: Ms) -> bool {
        let Some(address) = address.map(|address| address.to_canonical()).filter(|address| !address.is_loopback())
        else {
            return true;
        };
        let mut buckets = self.0.lock().expect("nothing panics while it holds the buckets");
        let network = Network::of(address);
        let own = buckets.networks.get(&network).copied().unwrap_or_default();
        let rates = self.1;
        let own = own.take(now, rates.network_burst, rates.network_every_ms);
        let all = buckets.all.take(now, rates.all_burst, rates.all_every_ms);
        let (Some(own), Some(all)) = (own, all) else { return false };
        buckets.all = all;
        if buckets.networks.len() >= NETWORKS_KEPT {
            buckets.networks.retain(|_, bucket| bucket.0 > now);
        }
        buckets.networks.insert(network, own);
        true
    }
}

/// Whose sign-up it is: the peer, or whom the outlet's own proxy names.
///
/// `X-Forwarded-For` is believed from loopback alone, where only this machine's programs connect from, and of it only the
/// last address, which the proxy wrote itself (ASVS V4.1.3). From anyone else it is a stranger's text. A proxy that passes
/// on what a stranger sent lets them choose their network; the bucket of all still holds.
pub fn visitor(peer: Option<IpAddr>, forwarded: Option<&str>) -> Option<IpAddr> {
    let through_proxy = peer.is_some_and(|peer| peer.to_canonical().is_loopback());
    let named = forwarded.and_then(|list| list.rsplit(',').next()).and_then(|last| last.trim().parse().ok());
    if through_proxy { named.or(peer) } else { peer }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    const NOON: Ms = 1_767_268_800_000;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn taken(budget: &Budget, from: &str, now: Ms, tries: Ms) -> Ms {
        (0..tries).map(|_| Ms::from(budget.take(address(from), now))).sum()
    }

    #[test]
    fn a_network_has_a_burst_and_then_one_at_a_time() {
        let budget = Budget::default();
        assert_eq!(taken(&budget, "203.0.113.7", NOON, 100), NETWORK_BURST);
        assert_eq!(taken(&budget, "203.0.113.200", NOON + NETWORK_EVERY_MS - 1, 9), 0, "the same network, too early");
        assert_eq!(taken(&budget, "203.0.113.200", NOON + NETWORK_EVERY_MS, 9), 1);
        assert_eq!(taken(&budget, "203.0.114.7", NOON, 1), 1, "another network");
        assert_eq!(taken(&budget, "::ffff:203.0.113.9", NOON, 1), 0, "IPv4 written as IPv6");
        let full_again = NOON + (NETWORK_BURST + 1) * NETWORK_EVERY_MS;
        assert_eq!(taken(&budget, "203.0.113.7", full_again, 100), NETWORK_BURST, "never more than full");
    }

    #[test]
    fn addresses_of_one_line_are_one_network() {
        let budget = Budget::default();
        assert_eq!(taken(&budget, "2001:db8:1::1", NOON, 100), NETWORK_BURST);
        assert_eq!(taken(&budget, "2001:db8:1:ffff::9", NOON, 1), 0);
        assert_eq!(taken(&budget, "2001:db8:2::1", NOON, 1), 1);
    }

    #[test]
    fn everyone_together_has_a_budget_and_what_it_refuses_costs_no_network() {
        let budget = Budget::default();
        let mut sum = 0;
        for block in 0..=250 {
            sum += taken(&budget, &format!("198.51.{block}.1"), NOON, 20);
        }
        assert_eq!(sum, ALL_BURST);
        assert_eq!(taken(&budget, "192.0.2.1", NOON, 50), 0);
        assert_eq!(taken(&budget, "192.0.2.1", NOON + 2 * ALL_EVERY_MS, 50), 2);
        let later = NOON + 60 * SECOND_MS;
        assert_eq!(taken(&budget, "192.0.2.1", later, 50), NETWORK_BURST, "its own bucket had filled up again");
    }

    #[test]
    fn loopback_has_no_budget() {
        let budget = Budget::default();
        for own in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(taken(&budget, own, NOON, 3 * ALL_BURST), 3 * ALL_BURST);
        }
        assert!(budget.take(None, NOON));
        assert_eq!(taken(&budget, "203.0.113.7", NOON, 1), 1, "and uses up nobody's");
    }

    #[test]
    fn a_clock_set_back_closes_no_door() {
        let budget = Budget::default();
        assert_eq!(taken(&budget, "203.0.113.7", NOON, 100), NETWORK_BURST);
        let back = NOON - 3_600 * SECOND_MS;
        assert_eq!(taken(&budget, "203.0.114.7", back, 1), 1);
        assert_eq!(taken(&budget, "203.0.113.7", back, 100), NETWORK_BURST);
        assert_eq!(taken(&budget, "203.0.113.7", back - SECOND_MS, 100), 0, "a second is no reason");
    }

    #[test]
    fn a_flood_of_networks_is_forgotten_as_their_buckets_fill() {
        let budget = Budget::default();
        let mut most = 0;
        for second in 0..6_000_u32 {
            let now = NOON + Ms::from(second) * SECOND_MS;
            for n in 0..20 {
                let from = Ipv4Addr::from(0x0b00_0000 + ((second * 20 + n) << 8));
                budget.take(Some(from.into()), now);
            }
            most = most.max(budget.0.lock().unwrap().networks.len());
        }
        assert!((5_000..=NETWORKS_KEPT).contains(&most), "{most} networks remembered");
    }

    #[test]
    fn only_the_outlets_own_proxy_says_who_comes() {
        let (own, stranger) = (Some(IpAddr::V6(Ipv6Addr::LOCALHOST)), address("203.0.113.7"));
        assert_eq!(visitor(own, Some("198.51.100.1, 192.0.2.9")), address("192.0.2.9"), "what the proxy wrote itself");
        assert_eq!(visitor(own, Some(" 2001:db8::1 ")), address("2001:db8::1"));
        for odd in ["", ",", "unknown", "192.0.2.9, _hidden", "192.0.2.9:80"] {
            assert_eq!(visitor(own, Some(odd)), own, "{odd}");
        }
        assert_eq!(visitor(own, None), own);
        assert_eq!(visitor(stranger, Some("127.0.0.1")), stranger, "a stranger makes itself nobody else");
        assert_eq!(visitor(stranger, Some("192.0.2.9")), stranger);
        assert_eq!(visitor(None, Some("192.0.2.9")), None);
    }
}
