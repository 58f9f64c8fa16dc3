//! Every address inside, in every spelling that a URL parser, a resolver or a router has ever understood: thousands of
//! addresses, none dialled. And the public ones in the same spellings: none refused.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use world::{
    World,
    http::{Client, FaultKind, Request},
    simulated::{self, Internet},
};

/// One or more of each block that is not public.
const INSIDE: [[u8; 4]; 24] = [
    [0, 0, 0, 0],
    [0, 0, 0, 1],
    [10, 0, 0, 1],
    [10, 255, 255, 254],
    [100, 64, 0, 1],
    [100, 100, 100, 200],
    [127, 0, 0, 1],
    [127, 1, 2, 3],
    [168, 63, 129, 16],
    [169, 254, 169, 254],
    [169, 254, 170, 2],
    [172, 16, 0, 1],
    [172, 31, 255, 255],
    [192, 0, 0, 192],
    [192, 0, 2, 1],
    [192, 88, 99, 1],
    [192, 168, 0, 1],
    [192, 168, 255, 255],
    [198, 18, 0, 1],
    [198, 51, 100, 1],
    [203, 0, 113, 1],
    [224, 0, 0, 251],
    [240, 0, 0, 1],
    [255, 255, 255, 255],
];

/// Addresses of the public internet.
const PUBLIC: [[u8; 4]; 24] = [
    [1, 1, 1, 1],
    [8, 8, 8, 8],
    [9, 9, 9, 9],
    [11, 0, 0, 1],
    [17, 5, 7, 9],
    [52, 95, 110, 1],
    [93, 184, 216, 34],
    [100, 63, 255, 255],
    [100, 128, 0, 1],
    [126, 255, 255, 254],
    [128, 0, 0, 1],
    [151, 101, 1, 67],
    [169, 253, 1, 1],
    [172, 15, 0, 1],
    [172, 32, 0, 1],
    [185, 199, 108, 153],
    [191, 255, 0, 1],
    [192, 0, 1, 1],
    [192, 1, 0, 1],
    [192, 167, 1, 1],
    [198, 17, 0, 1],
    [198, 20, 0, 1],
    [203, 0, 112, 1],
    [223, 255, 255, 1],
];

/// An IPv4 address as hosts are written: whole numbers, parts in three bases, fewer parts, other digits, escapes.
fn hosts(ip: [u8; 4]) -> Vec<String> {
    let [a, b, c, d] = ip;
    let whole = u32::from_be_bytes(ip);
    let (low, lower) = (whole & 0xff_ffff, whole & 0xffff);
    let dotted = format!("{a}.{b}.{c}.{d}");
    let other_digits = |zero: u32| -> String {
        let digit = |c: char| c.to_digit(10).map_or(c, |d| char::from_u32(zero + d).expect("a digit"));
        dotted.chars().map(digit).collect()
    };
    vec![
        dotted.clone(),
        format!("{dotted}."),
        format!("{whole}"),
        format!("0x{whole:x}"),
        format!("0X{whole:X}"),
        format!("0x{whole:016x}"),
        format!("0{whole:o}"),
        format!("000{whole:o}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("0x{a:02X}.{b}.0{c:o}.{d}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("000{a:o}.000{b:o}.000{c:o}.000{d:o}"),
        format!("{a}.{low}"),
        format!("0x{a:x}.0x{low:x}"),
        format!("0{a:o}.0{low:o}"),
        format!("{a}.{b}.{lower}"),
        format!("0x{a:x}.{b}.0x{lower:x}"),
        other_digits(0xff10),
        dotted.replace('.', "。"),
        dotted.replace('.', "%2e"),
        dotted.replace('.', "．"),
        dotted.chars().map(|c| format!("%{:02x}", u32::from(c))).collect(),
    ]
}

/// An IPv4 address inside an IPv6 one, by every mechanism that unpacks it again.
fn carried(ip: [u8; 4]) -> Vec<String> {
    let [high, low] = [u16::from_be_bytes([ip[0], ip[1]]), u16::from_be_bytes([ip[2], ip[3]])];
    let v6 = |parts: [u16; 8]| Ipv6Addr::from(parts).to_string();
    let dotted = Ipv4Addr::from(ip);
    let addresses = [
        v6([0, 0, 0, 0, 0, 0, high, low]),
        v6([0, 0, 0, 0, 0, 0xffff, high, low]),
        v6([0, 0, 0, 0, 0xffff, 0, high, low]),
        v6([0x64, 0xff9b, 0, 0, 0, 0, high, low]),
        v6([0x64, 0xff9b, 1, 0, 0, 0, high, low]),
        v6([0x64, 0xff9b, 1, 0xffff, 7, 7, high, low]),
        v6([0x2002, high, low, 0, 0, 0, 0, 1]),
        v6([0x2001, 0, high, low, 0, 0, !high, !low]),
        v6([0x2606, 0x4700, 0, 0, 0, 0x5efe, high, low]),
        v6([0xfe80, 0, 0, 0, 0x200, 0x5efe, high, low]),
        format!("::ffff:{dotted}"),
        format!("0:0:0:0:0:FFFF:{dotted}"),
        format!("0000:0000:0000:0000:0000:ffff:{high:04X}:{low:04X}"),
        format!("::{dotted}"),
        format!("64:ff9b::{dotted}"),
    ];
    addresses.into_iter().map(|address| format!("[{address}]")).collect()
}

/// IPv6 addresses that are inside by themselves.
const INSIDE_V6: [&str; 14] = [
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[100::1]",
    "[2001:2::1]",
    "[2001:10::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
];

/// A host as URLs hold it, and tricks that make it look like another's.
fn urls(host: &str) -> Vec<String> {
    vec![
        format!("http://{host}/latest/meta-data"),
        format!("https://{host}/"),
        format!("http:\\\\{host}\\"),
        format!("http:{host}/"),
        format!("  http://{host}:80/?outlet.example#outlet.example "),
        format!("HTTP://{host}"),
        format!("http://outlet.example@{host}/"),
        format!("http://outlet.example:80@{host}/"),
        format!("http://{host}:80\\@outlet.example/"),
        format!("ht\ntp://{host}/"),
    ]
}

fn rig() -> (Internet, World, Client) {
    let net = Internet::new();
    let world = simulated::world(1, net.clone());
    let client = Client::new(&world, "Coranto/0.1 (+https://outlet.example/about)");
    (net, world, client)
}

#[tokio::test(start_paused = true)]
async fn no_spelling_of_an_address_inside_is_dialled() {
    let (net, world, client) = rig();
    let v4 = INSIDE.into_iter().flat_map(|ip| [hosts(ip), carried(ip)].concat());
    let all: Vec<String> = v4.chain(INSIDE_V6.map(str::to_owned)).collect();
    let mut tried = 0;
    for host in &all {
        for url in urls(host) {
            let fault = client.get(&Request::new(&*url)).await.expect_err(&url);
            assert!(matches!(fault.kind, FaultKind::Private | FaultKind::Address), "{url}: {fault}");
            tried += 1;
        }
        // The same as a resolver would be given it, past every rule about addresses of the web.
        world.dial_public(host, 80).await.expect_err(host);
    }
    // Carried public addresses are refused too: they are not needed, and a translator may lead anywhere.
    for host in PUBLIC.into_iter().flat_map(carried) {
        client.get(&Request::new(format!("http://{host}/"))).await.expect_err(&host);
        tried += 1;
    }
    assert!(tried > 9_000, "{tried} addresses were tried");
    assert_eq!(net.dialled(), [], "not one was dialled");
}

#[tokio::test(start_paused = true)]
async fn no_spelling_of_a_public_address_is_refused() {
    let (net, _, client) = rig();
    let mut expected = Vec::new();
    for ip in PUBLIC {
        for host in hosts(ip) {
            // Nobody listens, so the answer is a refused connection; what matters is that it was dialled.
            let fault = client.get(&Request::new(format!("http://{host}/feed"))).await.expect_err(&host);
            assert_eq!(fault.kind, FaultKind::Unanswered, "{host}: {fault}");
            expected.push(SocketAddr::from((ip, 80)));
        }
    }
    for host in ["2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001:80b::200e", "2400:cb00::1"] {
        let fault = client.get(&Request::new(format!("http://[{host}]/feed"))).await.expect_err(host);
        assert_eq!(fault.kind, FaultKind::Unanswered, "{host}: {fault}");
        expected.push(SocketAddr::new(host.parse().expect("an address"), 80));
    }
    assert!(expected.len() > 500, "{} public forms", expected.len());
    assert_eq!(net.dialled(), expected);
}
