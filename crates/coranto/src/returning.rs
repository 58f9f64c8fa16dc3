//! The receiver of what comes back: an SMTP or LMTP server that takes mail for our own marks and for nobody else.
//!
//! Off until `bounce.listen` names an address. It relays nothing: a recipient is a mark whose MAC holds, at our own mail
//! domain, or it is refused. What a message says has taken effect, durably, before its sender hears 250. No message is kept.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mail::address::HostName;
use mail::smtp::server::{Answer, Ended, Limits, Offer, Received, Receiver, Terms, serve, serve_upgraded};
use mail::smtp::{Enhanced, Reply};
use newsroom::{DAY_MS, MINUTE_MS, Ms, Problem};
use readers::returned::{self, Arrival, Rules, Taken};
use world::tls_server::TlsServer;
use world::{Listener, Stream};

use crate::house::{House, store_problem};

/// Connections at a time: a receiver of bounces is no busy place, and each costs a message's memory.
const CONNECTIONS_MAX: usize = 64;
/// Connections of one network at a time.
const CONNECTIONS_OF_ONE_MAX: usize = 8;
/// Messages of one network within a minute: a whole edition that one relay returns takes longer, and waits.
const MESSAGES_PER_MINUTE_MAX: u32 = 600;
/// Networks remembered; beyond, those of the past minute are forgotten.
const NETWORKS_MAX: usize = 10_000;
/// A message, in octets: reports return the copy, which has 50 to 100 kB.
const MESSAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Commands over one connection.
const COMMANDS_MAX: u64 = 2_000;

/// What is served, as the settings say.
#[derive(Clone, Debug)]
pub struct Orders {
    listen: SocketAddr,
    terms: Terms,
    tls: Option<TlsServer>,
    domain: String,
    rules: Rules,
}

/// What the settings say; `None` while nothing is to be received.
///
/// # Errors
/// A [`Problem`] when they cannot be used.
pub fn orders(house: &House) -> Result<Option<Orders>, Problem> {
    let settings = &house.settings;
    let written = settings.get("bounce.listen");
    if written.is_empty() {
        return Ok(None);
    }
    let listen = written.parse().map_err(|_| {
        problem(format!("bounce.listen is {written:?}, which is no address."), "Write it as 0.0.0.0:25 or [::]:25.")
    })?;
    let ehlo = Some(settings.get("mail.ehlo")).filter(|name| !name.is_empty());
    let domain = settings.get("mail.domain").to_ascii_lowercase();
    let name = HostName::parse(ehlo.unwrap_or(&domain)).map_err(|fault| {
        problem(format!("This host has no name to give: {fault}."), "Set mail.ehlo or mail.domain to a host name.")
    })?;
    let tls = tls(settings.get("bounce.certificate"), settings.get("bounce.key"))?;
    let is_lmtp = settings.get("bounce.protocol") == "lmtp";
    let limits = Limits {
        message_bytes_max: MESSAGE_BYTES_MAX,
        commands_max: COMMANDS_MAX,
        mistakes_max: 10,
        command_wait: Duration::from_secs(120),
        ..Limits::default()
    };
    let start_tls = if tls.is_some() { Offer::Yes } else { Offer::No };
    let lmtp = if is_lmtp { Offer::Yes } else { Offer::No };
    let terms = Terms { limits, start_tls, lmtp, ..Terms::new(name) };
    Ok(Some(Orders { listen, terms, tls, domain, rules: rules(house) }))
}

/// Whether readers are told that they may leave by mail: only where such mail is read.
pub fn leaves_by_mail(house: &House) -> bool {
    !house.settings.get("bounce.listen").is_empty() || house.settings.get("bounce.elsewhere") == "yes"
}

/// When soft bounces end a reader.
pub fn rules(house: &House) -> Rules {
    let soft_editions = house.settings.number("bounce.soft_editions");
    Rules { soft_editions, soft_ms: house.settings.number("bounce.soft_days") * DAY_MS }
}

fn tls(certificate: &str, key: &str) -> Result<Option<TlsServer>, Problem> {
    if certificate.is_empty() {
        return Ok(None);
    }
    let read = |path: &str| {
        std::fs::read(path).map_err(|fault| {
            problem(format!("{path} cannot be read: {fault}."), "Name PEM files that this account may read.")
        })
    };
    // Many keep both in one file.
    let key = if key.is_empty() { certificate } else { key };
    let server = TlsServer::new(&read(certificate)?, &read(key)?);
    let act = "Set bounce.certificate and bounce.key to a certificate and its key, as PEM files.";
    server.map(Some).map_err(|fault| problem(format!("{certificate}: {fault}."), act))
}

fn problem(what: String, act: &str) -> Problem {
    Problem::new(what, "Bounces are not received; mail goes out as before.", act)
}

/// Receives for as long as it is polled.
///
/// # Errors
/// A [`Problem`] when the address cannot be had.
pub async fn receive(house: &House, orders: Orders) -> Result<(), Problem> {
    let listener = house.world.listen(orders.listen).await.map_err(|fault| {
        problem(
            format!("Bounces cannot be received on {}: {fault}.", orders.listen),
            "Stop what listens there, let Coranto use the port, or choose another with bounce.listen.",
        )
    })?;
    serve_on(house, orders, &listener).await;
    Ok(())
}

/// Receives on `listener` for as long as it is polled.
pub async fn serve_on(house: &House, orders: Orders, listener: &Listener) {
    let shop = Arc::new(Shop { house: house.clone(), orders, networks: Mutex::default() });
    listener.serve(CONNECTIONS_MAX, |stream| converse(shop.clone(), stream)).await;
}

/// What every connection shares.
struct Shop {
    house: House,
    orders: Orders,
    networks: Mutex<BTreeMap<IpAddr, Guest>>,
}

/// What one network has done.
#[derive(Clone, Copy, Default)]
struct Guest {
    open: usize,
    minute: Ms,
    messages: u32,
}

impl Shop {
    /// Lets a connection in, unless its network has too many.
    fn enter(&self, network: IpAddr) -> bool {
        let minute = self.house.world.now().div_euclid(MINUTE_MS);
        let mut networks = self.networks.lock().expect("nothing panics under this lock");
        if networks.len() >= NETWORKS_MAX {
            networks.retain(|_, guest| guest.open > 0 || guest.minute == minute);
        }
        let guest = networks.entry(network).or_default();
        let fits = guest.open < CONNECTIONS_OF_ONE_MAX;
        guest.open += usize::from(fits);
        fits
    }

    fn leave(&self, network: IpAddr) {
        let mut networks = self.networks.lock().expect("nothing panics under this lock");
        if let Some(guest) = networks.get_mut(&network) {
            guest.open = guest.open.saturating_sub(1);
        }
    }

    /// Counts a message; `false` when its network has brought too many within this minute.
    fn takes(&self, network: IpAddr) -> bool {
        let minute = self.house.world.now().div_euclid(MINUTE_MS);
        let mut networks = self.networks.lock().expect("nothing panics under this lock");
        let guest = networks.entry(network).or_default();
        if guest.minute != minute {
            (guest.minute, guest.messages) = (minute, 0);
        }
        guest.messages += 1;
        guest.messages <= MESSAGES_PER_MINUTE_MAX
    }
}

/// One machine, or one customer's network: the last 64 bits of an IPv6 address are its owner's to choose.
fn network(peer: Option<SocketAddr>) -> IpAddr {
    match peer.map(|peer| peer.ip().to_canonical()) {
        Some(IpAddr::V6(address)) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        Some(address) => address,
        None => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    }
}

async fn converse(shop: Arc<Shop>, stream: Stream) {
    let network = network(stream.peer());
    let is_welcome = shop.enter(network);
    let mut hand = Hand { shop: &shop, network, is_welcome };
    let ended = serve(stream, &mut hand, &shop.orders.terms).await;
    if let (Ended::StartTls(stream), Some(tls)) = (ended, &shop.orders.tls)
        && let Ok(stream) = tls.secure(stream).await
    {
        serve_upgraded(stream, &mut hand, &shop.orders.terms).await;
    }
    if is_welcome {
        shop.leave(network);
    }
}

struct Hand<'a> {
    shop: &'a Shop,
    network: IpAddr,
    is_welcome: bool,
}

impl Hand<'_> {
    /// The local part, if the recipient is a mark of ours.
    fn mark<'t>(&self, to: &'t str) -> Option<&'t str> {
        let (local, domain) = to.rsplit_once('@')?;
        let is_here = domain.eq_ignore_ascii_case(&self.shop.orders.domain);
        (is_here && returned::is_ours(&self.shop.house.vault, local)).then_some(local)
    }
}

const BUSY: Reply = Reply::new(421, Enhanced::new(4, 3, 2), "too many connections from your network; come back later");
const TOO_FAST: Reply = Reply::new(450, Enhanced::new(4, 7, 0), "too many messages from your network; come back later");
const NOT_HERE: Reply = Reply::new(550, Enhanced::new(5, 1, 1), "nobody is served at this address");
const LATER: Reply = Reply::new(451, Enhanced::new(4, 3, 0), "it cannot be taken just now; come back later");
const ONE_BY_ONE: Reply = Reply::new(452, Enhanced::new(4, 5, 3), "one recipient at a time");

impl Receiver for Hand<'_> {
    async fn connect(&mut self) -> Answer {
        if self.is_welcome { Answer::Usual } else { Answer::Last(BUSY) }
    }

    async fn rcpt(&mut self, to: &str, so_far: &Received) -> Answer {
        match self.mark(to) {
            None => Answer::Reply(NOT_HERE),
            Some(_) if !so_far.to.is_empty() => Answer::Reply(ONE_BY_ONE),
            Some(_) => Answer::Usual,
        }
    }

    async fn message(&mut self, envelope: &Received, message: &[u8]) -> Answer {
        if !self.shop.takes(self.network) {
            return Answer::Reply(TOO_FAST);
        }
        let mark = envelope.to.first().and_then(|to| self.mark(to)).map(str::to_owned);
        let arrival = Arrival { message: message.to_vec(), delivered_to: mark, source: self.network.to_string() };
        match take(&self.shop.house, self.shop.orders.rules, arrival).await {
            Ok(_) => Answer::Usual,
            Err(problem) => {
                tracing::error!(part = "bounces", "{problem}");
                Answer::Reply(LATER)
            }
        }
    }
}

/// Reads a message and applies it; what is held is told.
///
/// # Errors
/// A [`Problem`] when the store cannot be written; nothing was changed.
pub async fn take(house: &House, rules: Rules, arrival: Arrival) -> Result<Vec<Taken>, Problem> {
    let (world, store) = (&house.world, &house.store);
    let taken = returned::take(world, store, &house.vault, &house.newsletter, rules, arrival).await;
    let taken = taken.map_err(|fault| store_problem(&fault))?;
    tell_of_held(&taken);
    Ok(taken)
}

/// Says that something waits for a person.
pub fn tell_of_held(taken: &[Taken]) {
    if taken.iter().any(|one| one.outcome == Ok(store::returned::Outcome::Held)) {
        tracing::warn!(
            "Bounces are held: their source would end more readers within an hour than may be without a person; see `coranto bounces held`"
        );
    }
}

#[cfg(test)]
mod tests;
