//! The DNS records that an outlet's mail needs, and a look whether the world sees them.
//!
//! It asks one resolver, the system's or one that is named, over TCP (RFC 7766: every resolver speaks it), for TXT records
//! alone. It changes nothing and believes nothing but what it compares.

use std::net::{IpAddr, SocketAddr};

use newsroom::{Address, Outlet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use web::DnsRecord;
use world::{Target, World};

/// Where Unix systems name their resolvers (resolv.conf(5)).
const RESOLV_CONF: &str = "/etc/resolv.conf";
const DNS_PORT: u16 = 53;
/// How long one answer may take, in seconds: a resolver that has to ask around takes two or three.
const ANSWER_WAIT_S: u64 = 12;
/// Answers read from one message: a domain with more TXT records is not one of ours.
const ANSWERS_MAX: usize = 100;
/// Pointers followed in one name (RFC 1035 §4.1.4): more is a loop.
const JUMPS_MAX: usize = 20;
/// RFC 1035 §3.2.2.
const TXT: u16 = 16;
/// RFC 1035 §3.2.4.
const INTERNET: u16 = 1;
/// RFC 1035 §4.1.1: there is no such name.
const NO_SUCH_NAME: u8 = 3;

/// The records of an outlet whose mail leaves through `relays`; `dkim` is where its key stands, and what it says.
pub fn records(outlet: &Outlet, relays: &[String], dkim: Option<(String, String)>) -> Vec<DnsRecord> {
    let mut records = Vec::new();
    if let Some((name, value)) = dkim {
        let what = "DKIM: shows that the mail was signed by the outlet. Without it the big providers refuse it.";
        records.push(DnsRecord { what, name, kind: "TXT", value });
    }
    records.push(DnsRecord {
        what: "SPF: names who may send for this domain. When the relay's provider gives an include: of its own, put it in.",
        name: outlet.mail_domain.clone(),
        kind: "TXT",
        value: format!("v=spf1 {} ~all", every_sender(relays)),
    });
    records.push(DnsRecord {
        what: "DMARC: tells receivers that mail in the outlet's name is signed. Where there is one already, it serves.",
        name: format!("_dmarc.{}", from_domain(outlet)),
        kind: "TXT",
        value: "v=DMARC1; p=none".to_owned(),
    });
    records
}

/// Who sends, each named once.
fn every_sender(relays: &[String]) -> String {
    let mut all: Vec<String> = Vec::new();
    for sender in relays.iter().map(|relay| senders(relay)) {
        if !all.contains(&sender) {
            all.push(sender);
        }
    }
    if all.is_empty() { "a mx".to_owned() } else { all.join(" ") }
}

/// Who sends: the relay by its name or number, or this domain's own machines when the relay is on this one.
fn senders(relay: &str) -> String {
    match relay.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) if address.is_loopback() => "a mx".to_owned(),
        Ok(IpAddr::V4(address)) => format!("ip4:{address}"),
        Ok(IpAddr::V6(address)) => format!("ip6:{address}"),
        Err(_) if relay == "localhost" => "a mx".to_owned(),
        Err(_) => format!("a:{relay}"),
    }
}

fn from_domain(outlet: &Outlet) -> String {
    Address::parse(&outlet.from).map_or_else(|_| outlet.mail_domain.clone(), |from| from.domain().to_owned())
}

/// What a look at one record found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is there, and says what it must.
    Well,
    /// There is none of its sort.
    Missing,
    /// There is one of its sort that says something else.
    Other(String),
    /// The resolver gave no answer.
    Unknown(String),
}

/// Looks a record up and compares it.
pub async fn look(world: &World, resolver: SocketAddr, record: &DnsRecord) -> Seen {
    match texts(world, resolver, &record.name).await {
        Ok(texts) => compared(record, &texts),
        Err(fault) => Seen::Unknown(fault.to_string()),
    }
}

/// Every sort says so at its beginning: `v=DKIM1`, `v=spf1`, `v=DMARC1`.
fn compared(record: &DnsRecord, texts: &[String]) -> Seen {
    let sort = |text: &str| text.split([';', ' ']).next().unwrap_or_default().trim().to_ascii_lowercase();
    let wanted = sort(&record.value);
    // RFC 6376 §3.6.1: a key record may leave its version out.
    let same = |text: &&String| sort(text) == wanted || (wanted == "v=dkim1" && text.contains("p="));
    let found: Vec<&String> = texts.iter().filter(same).collect();
    let plain = |text: &str| text.split_whitespace().collect::<String>().trim_end_matches(';').to_owned();
    let key = |text: &str| plain(text).split(';').find(|tag| tag.starts_with("p=")).map(str::to_owned);
    match found.as_slice() {
        [] => Seen::Missing,
        // Two of a sort are as bad as none (RFC 7208 §4.5, RFC 7489 §6.6.3).
        [_, _, ..] => Seen::Other(format!("{} of them, where there must be one", found.len())),
        [text] => {
            let well = match wanted.as_str() {
                "v=dkim1" => key(text) == key(&record.value),
                // Whoever may send is the outlet's to say; that it says who is enough.
                "v=spf1" => plain(text).contains("all") || plain(text).contains("redirect="),
                _ => plain(text).contains("p="),
            };
            if well { Seen::Well } else { Seen::Other((*text).clone()) }
        }
    }
}

/// The resolver to ask: the one that is named, else the system's first.
///
/// # Errors
/// Why there is none, in words.
pub fn resolver(named: Option<&str>) -> Result<SocketAddr, String> {
    if let Some(named) = named {
        let bare = named.trim_matches(['[', ']']).parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT));
        return named.parse().or(bare).map_err(|_| format!("{named:?} is no address of a resolver, like 9.9.9.9"));
    }
    let text =
        std::fs::read_to_string(RESOLV_CONF).map_err(|fault| format!("{RESOLV_CONF} cannot be read: {fault}"))?;
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let found =
        lines.filter_map(|rest| rest.split_whitespace().next()?.split('%').next()?.parse::<IpAddr>().ok()).next();
    found.map(|ip| SocketAddr::new(ip, DNS_PORT)).ok_or_else(|| format!("{RESOLV_CONF} names no resolver"))
}

async fn texts(world: &World, resolver: SocketAddr, name: &str) -> std::io::Result<Vec<String>> {
    let id = u16::try_from(world.dice_u64() & 0xffff).expect("sixteen bits");
    let question = asked(id, name).ok_or_else(|| std::io::Error::other(format!("{name:?} is no name")))?;
    let talk = async {
        let mut stream = world.dial(&Target::Addr(resolver)).await?;
        // RFC 1035 §4.2.2: over TCP a message comes after its length.
        let length = u16::try_from(question.len()).expect("a name is at most 255 bytes");
        stream.write_all(&[&length.to_be_bytes()[..], &question].concat()).await?;
        stream.flush().await?;
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, "the resolver did not answer in time");
    let wait = std::time::Duration::from_secs(ANSWER_WAIT_S);
    let answer = tokio::time::timeout(wait, talk).await.map_err(|_| late())??;
    let odd = || std::io::Error::new(std::io::ErrorKind::InvalidData, "the resolver's answer cannot be read");
    match read(id, &answer).ok_or_else(odd)? {
        Ok(texts) => Ok(texts),
        Err(NO_SUCH_NAME) => Ok(Vec::new()),
        Err(code) => Err(std::io::Error::other(format!("the resolver refused with code {code}"))),
    }
}

/// RFC 1035 §4.1: one question, recursion desired.
fn asked(id: u16, name: &str) -> Option<Vec<u8>> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        out.push(length);
        out.extend(label.bytes());
    }
    out.push(0);
    out.extend(TXT.to_be_bytes());
    out.extend(INTERNET.to_be_bytes());
    (out.len() <= 12 + 255 + 4).then_some(out)
}

/// The TXT records of an answer, or the code with which it refuses. `None`: it is no answer to this question.
fn read(id: u16, answer: &[u8]) -> Option<Result<Vec<String>, u8>> {
    let number = |at: usize| Some(u16::from_be_bytes([*answer.get(at)?, *answer.get(at + 1)?]));
    if number(0)? != id || answer.get(2)? & 0x80 == 0 {
        return None;
    }
    let code = answer.get(3)? & 0x0f;
    if code != 0 {
        return Some(Err(code));
    }
    let mut at = 12;
    for _ in 0..number(4)? {
        at = past_name(answer, at)? + 4;
    }
    let mut texts = Vec::new();
    for _ in 0..usize::from(number(6)?).min(ANSWERS_MAX) {
        at = past_name(answer, at)?;
        let (kind, length) = (number(at)?, usize::from(number(at + 8)?));
        let value = answer.get(at + 10..at + 10 + length)?;
        if kind == TXT {
            texts.push(joined(value)?);
        }
        at += 10 + length;
    }
    Some(Ok(texts))
}

/// RFC 1035 §3.3.14: a TXT record is strings of at most 255 bytes; they are one text (RFC 7208 §3.3).
fn joined(mut value: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    while let Some((length, rest)) = value.split_first() {
        text.extend_from_slice(rest.get(..usize::from(*length))?);
        value = &rest[usize::from(*length)..];
    }
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// Where a name ends (RFC 1035 §4.1.4: a pointer ends it).
fn past_name(answer: &[u8], mut at: usize) -> Option<usize> {
    for _ in 0..JUMPS_MAX * 8 {
        match *answer.get(at)? {
            0 => return Some(at + 1),
            length if length & 0xc0 == 0xc0 => return Some(at + 2),
            length if length & 0xc0 == 0 => at += usize::from(length) + 1,
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use world::simulated::Internet;

    fn outlet(from: &str) -> Outlet {
        Outlet {
            name: String::new(),
            tagline: String::new(),
            site: String::new(),
            language: "en".into(),
            zone: "UTC".into(),
            postal_address: String::new(),
            from: from.into(),
            reply_to: None,
            mail_domain: "courier.example".into(),
            selector: "coranto".into(),
            invitation: String::new(),
        }
    }

    fn every() -> Vec<DnsRecord> {
        let dkim = ("coranto._domainkey.courier.example".to_owned(), "v=DKIM1; k=rsa; p=MIIB".to_owned());
        records(&outlet("news@courier.example"), &["smtp.relay.example".to_owned()], Some(dkim))
    }

    #[test]
    fn the_records_name_the_outlets_domain_and_its_relay() {
        let lines: Vec<String> = every().iter().map(|r| format!("{} {}", r.name, r.value)).collect();
        assert_eq!(
            lines,
            [
                "coranto._domainkey.courier.example v=DKIM1; k=rsa; p=MIIB",
                "courier.example v=spf1 a:smtp.relay.example ~all",
                "_dmarc.courier.example v=DMARC1; p=none",
            ]
        );
        let two = ["smtp.relay.example", "192.0.2.7", "smtp.relay.example"].map(str::to_owned);
        assert_eq!(every_sender(&two), "a:smtp.relay.example ip4:192.0.2.7");
        for (relay, sender) in
            [("127.0.0.1", "a mx"), ("203.0.113.7", "ip4:203.0.113.7"), ("2001:db8::1", "ip6:2001:db8::1")]
        {
            assert_eq!(senders(relay), sender);
        }
    }

    #[test]
    fn a_record_is_well_when_it_says_what_counts() {
        let [dkim, spf, dmarc] = every().try_into().expect("three records");
        let seen = |record: &DnsRecord, texts: &[&str]| {
            compared(record, &texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(seen(&dkim, &["v=DKIM1;k=rsa;p=MIIB;", "other"]), Seen::Well);
        assert_eq!(seen(&dkim, &["v=DKIM1; k=rsa; p=AAAA"]), Seen::Other("v=DKIM1; k=rsa; p=AAAA".into()));
        assert_eq!(seen(&spf, &["v=spf1 include:_spf.relay.example -all"]), Seen::Well);
        assert_eq!(seen(&spf, &["google-site-verification=x"]), Seen::Missing);
        assert!(matches!(seen(&spf, &["v=spf1 a -all", "v=spf1 mx -all"]), Seen::Other(_)));
        assert_eq!(seen(&dmarc, &["v=DMARC1; p=reject; rua=mailto:a@b.example"]), Seen::Well);
        assert_eq!(seen(&dmarc, &["v=DMARC1"]), Seen::Other("v=DMARC1".into()));
    }

    /// An answer with these records.
    fn answer(question: &[u8], code: u8, texts: &[&[&str]]) -> Vec<u8> {
        let mut out = question.to_vec();
        (out[2], out[3]) = (0x81, 0x80 | code);
        out[7] = u8::try_from(texts.len()).unwrap();
        for strings in texts {
            out.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
            let value: Vec<u8> =
                strings.iter().flat_map(|s| [&[u8::try_from(s.len()).unwrap()][..], s.as_bytes()].concat()).collect();
            out.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            out.extend(value);
        }
        out
    }

    #[tokio::test(start_paused = true)]
    async fn a_resolver_is_asked_over_tcp_and_long_texts_are_put_together() {
        let net = Internet::new();
        let place: SocketAddr = "11.0.0.53:53".parse().unwrap();
        net.serve_at(place, |mut stream, _| {
            Box::pin(async move {
                let length = stream.read_u16().await.unwrap();
                let mut question = vec![0; usize::from(length)];
                stream.read_exact(&mut question).await.unwrap();
                let missing = question.windows(6).any(|part| part == b"_dmarc");
                let texts: &[&[&str]] =
                    if missing { &[] } else { &[&["v=DKIM1; k=rsa; p=", "MIIB"], &["v=spf1 mx -all"]] };
                let told = answer(&question, if missing { NO_SUCH_NAME } else { 0 }, texts);
                stream.write_u16(u16::try_from(told.len()).unwrap()).await.unwrap();
                stream.write_all(&told).await.unwrap();
            })
        });
        let world = world::simulated::world(7, net);
        let mut seen = Vec::new();
        for record in every() {
            seen.push(look(&world, place, &record).await);
        }
        assert_eq!(seen, [Seen::Well, Seen::Well, Seen::Missing]);
        let nowhere = look(&world, "11.0.0.54:53".parse().unwrap(), &every()[0]).await;
        assert!(matches!(nowhere, Seen::Unknown(_)), "{nowhere:?}");
    }

    #[test]
    fn no_answer_of_a_stranger_breaks_the_reading() {
        let question = asked(7, "a.example").unwrap();
        let whole = answer(&question, 0, &[&["v=spf1 -all"]]);
        assert_eq!(read(7, &whole), Some(Ok(vec!["v=spf1 -all".to_owned()])));
        assert_eq!(read(8, &whole), None);
        for cut in 0..whole.len() {
            assert_ne!(read(7, &whole[..cut]), Some(Ok(vec!["v=spf1 -all".to_owned()])), "{cut}");
        }
        for at in 0..whole.len() {
            for byte in [0, 0x3f, 0xc0, 0xff] {
                let mut broken = whole.clone();
                broken[at] = byte;
                let _ = read(7, &broken);
            }
        }
        assert!(asked(7, "a..b").is_none() && asked(7, &"a".repeat(64)).is_none());
    }

    #[test]
    fn a_resolver_may_be_named_with_or_without_its_port() {
        assert_eq!(resolver(Some("9.9.9.9")), Ok("9.9.9.9:53".parse().unwrap()));
        assert_eq!(resolver(Some("127.0.0.1:5353")), Ok("127.0.0.1:5353".parse().unwrap()));
        assert_eq!(resolver(Some("[2620:fe::fe]")), Ok("[2620:fe::fe]:53".parse().unwrap()));
        assert!(resolver(Some("dns.example")).is_err());
    }
}
