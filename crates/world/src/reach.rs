//! Which addresses something fetched may be fetched from: public ones, and nothing that leads back inside.
//!
//! IPv6 is a list of what is allowed (2000::/3) with exceptions; IPv4 is a list of what is not (RFC 6890 and its
//! registry). Forms of IPv6 that carry an IPv4 address are refused whole: whoever needs one has the IPv4 address too.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// IPv4 blocks that are not the public internet: address, prefix length.
const PRIVATE_V4: [([u8; 4], u32); 16] = [
    ([0, 0, 0, 0], 8),        // RFC 791 §3.2: "this network", the unspecified address
    ([10, 0, 0, 0], 8),       // RFC 1918
    ([100, 64, 0, 0], 10),    // RFC 6598: carrier-grade NAT
    ([127, 0, 0, 0], 8),      // RFC 1122 §3.2.1.3: loopback
    ([168, 63, 129, 16], 32), // the address at which one large cloud answers its machines' secrets
    ([169, 254, 0, 0], 16),   // RFC 3927: link-local, and the metadata services of clouds
    ([172, 16, 0, 0], 12),    // RFC 1918
    ([192, 0, 0, 0], 24),     // RFC 6890: protocol assignments
    ([192, 0, 2, 0], 24),     // RFC 5737: documentation
    ([192, 88, 99, 0], 24),   // RFC 7526: the old 6to4 relays
    ([192, 168, 0, 0], 16),   // RFC 1918
    ([198, 18, 0, 0], 15),    // RFC 2544: benchmarks
    ([198, 51, 100, 0], 24),  // RFC 5737: documentation
    ([203, 0, 113, 0], 24),   // RFC 5737: documentation
    ([224, 0, 0, 0], 4),      // RFC 5771: multicast
    ([240, 0, 0, 0], 4),      // RFC 1112 §4: reserved; holds broadcast
];

/// Blocks inside 2000::/3 that are not the public internet.
const PRIVATE_V6: [([u16; 3], u32); 4] = [
    ([0x2001, 0, 0], 23),     // RFC 2928: protocol assignments; holds Teredo, ORCHID and benchmarks
    ([0x2001, 0xdb8, 0], 32), // RFC 3849: documentation
    ([0x2002, 0, 0], 16),     // RFC 3056: 6to4 carries an IPv4 address
    ([0x3fff, 0, 0], 20),     // RFC 9637: documentation
];

/// Whether `ip` is an address of the public internet, by number alone.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    !PRIVATE_V4.iter().any(|(block, length)| {
        let shift = 32 - length;
        u32::from(ip) >> shift == u32::from_be_bytes(*block) >> shift
    })
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let global = ip.segments()[0] >> 13 == 1;
    // RFC 5214 §6.1: an ISATAP interface carries an IPv4 address behind any prefix.
    let isatap = ip.segments()[5] == 0x5efe && ip.segments()[4] & !0x0200 == 0;
    let listed = PRIVATE_V6.iter().any(|([a, b, c], length)| {
        let shift = 128 - length;
        u128::from(ip) >> shift == u128::from(Ipv6Addr::new(*a, *b, *c, 0, 0, 0, 0, 0)) >> shift
    });
    global && !isatap && !listed
}

/// A name that leads to no public address, so it is not fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host} does not lead to a public address")]
pub struct Unreachable {
    /// The name as asked for.
    pub host: String,
    /// What it led to.
    pub addresses: Vec<IpAddr>,
}

impl From<Unreachable> for io::Error {
    fn from(refusal: Unreachable) -> Self {
        Self::new(io::ErrorKind::PermissionDenied, refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_lead_inside_are_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2606:4700::5efe:7f00:1",
            "2606:4700::200:5efe:a00:1",
        ] {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn neighbours_of_private_blocks_stay_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "126.255.255.255",
            "128.0.0.1",
            "168.63.129.15",
            "169.253.255.255",
            "169.255.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "192.0.3.1",
            "192.167.255.255",
            "192.169.0.1",
            "198.17.255.255",
            "198.20.0.1",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2001:db7::1",
            "2001:db9::1",
            "2003::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "3ffe::1",
            "3fff:1000::1",
        ] {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
    }
}
