//! The seams to everything outside: clock, dice, network, resolver, heavy work, HTTP client.
//!
//! Everything uncertain comes through a [`World`], passed as an argument and never found in a global. [`real::world`]
//! fills it with the system; [`simulated::world`] fills it with one seed, tokio's paused clock and a table of strangers.
//! This crate knows no newsroom: times are plain `i64` UTC milliseconds, ids plain `i64`.

pub mod http;
mod mint;
mod reach;
pub mod real;
pub mod simulated;
mod stream;
pub mod tls;
pub mod tls_server;
mod trace;

use std::{
    collections::BTreeMap, future::Future, io, net::IpAddr, net::SocketAddr, pin::Pin, sync::Arc, sync::Mutex,
    time::Duration,
};

pub use mint::Mint;
pub use reach::{Unreachable, is_public};
pub use real::Listener;
pub use stream::{Pipe, Stream};
pub use trace::Trace;

/// A moment, in UTC milliseconds since 1970-01-01.
pub type Ms = i64;

/// A future that a seam returns: boxed, because the seam is a trait object.
pub type Awaited<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How long one address may take to accept a connection, in milliseconds. A live server answers a SYN well inside it
/// and a dead one must not hold a worker for the kernel's two minutes.
pub const CONNECT_MS_MAX: u64 = 20_000;
/// How long a name may take to resolve, in milliseconds: two rounds of a resolver's usual 5 s and a little.
pub const RESOLVE_MS_MAX: u64 = 12_000;
/// How many of a name's addresses are tried. A hostile zone can answer with hundreds.
pub const ADDRESSES_MAX: usize = 6;

/// The wall clock.
pub trait Clock: Send + Sync {
    /// UTC milliseconds.
    fn now(&self) -> Ms;
}

/// The source of chance: the system's, or a seed's.
pub trait Dice: Send {
    /// Fills `bytes` with random ones, fit for keys and nonces when the world is real.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// The network: names and connections. It has no opinion about which addresses are allowed; [`World`] has.
pub trait Net: Send + Sync {
    /// The addresses of `host`, in the order to try them. IP literals resolve to themselves.
    fn resolve<'a>(&'a self, world: &'a World, host: &'a str, port: u16) -> Awaited<'a, io::Result<Vec<SocketAddr>>>;
    /// Opens a connection to exactly `address`, from `source` where one is named. The stream tells the peer it really has.
    fn connect<'a>(
        &'a self,
        world: &'a World,
        source: Option<IpAddr>,
        address: SocketAddr,
    ) -> Awaited<'a, io::Result<Stream>>;
    /// Whether `address` is one of this machine's own.
    fn is_own<'a>(&'a self, address: SocketAddr) -> Awaited<'a, bool>;
    /// Accepts connections at `address`.
    fn listen(&self, address: SocketAddr) -> Awaited<'_, io::Result<Listener>>;
}

/// Where heavy work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// On a thread of its own.
    Thread,
    /// On the caller's, so that a simulation stays on one.
    Inline,
}

/// Whom to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A host by name, at a port. The name is resolved; its addresses are tried in order.
    Host {
        /// A host name or an IP literal.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// Exactly this address.
    Addr(SocketAddr),
}

/// Everything outside. Cheap to clone, the same for every task.
#[derive(Clone)]
pub struct World {
    inner: Arc<Inner>,
    exceptions: Arc<BTreeMap<String, SocketAddr>>,
}

struct Inner {
    clock: Box<dyn Clock>,
    dice: Mutex<Box<dyn Dice>>,
    net: Box<dyn Net>,
    mint: Mutex<Mint>,
    work: Work,
    trace: Option<Mutex<Trace>>,
}

impl World {
    fn new(
        clock: Box<dyn Clock>,
        dice: Box<dyn Dice>,
        net: Box<dyn Net>,
        node: u16,
        work: Work,
        trace: Option<Trace>,
    ) -> Self {
        let (dice, mint) = (Mutex::new(dice), Mutex::new(Mint::new(node)));
        let trace = trace.map(Mutex::new);
        Self { inner: Arc::new(Inner { clock, dice, net, mint, work, trace }), exceptions: Arc::default() }
    }

    /// The wall clock, in UTC milliseconds. It may step; only [`World::mint`] promises order.
    pub fn now(&self) -> Ms {
        self.inner.clock.now()
    }

    /// Waits `ms` milliseconds of tokio's clock. Nothing below zero waits.
    #[expect(clippy::disallowed_methods, reason = "this is the one wait that all others use")]
    pub async fn sleep(&self, ms: Ms) {
        tokio::time::sleep(Duration::from_millis(ms.max(0).unsigned_abs())).await;
    }

    /// Fills `bytes` from the dice: keys, nonces, boundaries.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.inner.dice.lock().expect("no dice are thrown in a panic").fill(bytes);
    }

    /// 64 random bits.
    pub fn dice_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number in `0..n`, each as likely as the other.
    ///
    /// # Panics
    /// If `n` is 0: there is nothing to choose.
    pub fn roll(&self, n: u64) -> u64 {
        assert!(n > 0, "a roll needs at least one side");
        // Throws above the last whole multiple of n would favour small numbers; they are thrown again.
        let unfair = u64::MAX % n;
        loop {
            let throw = self.dice_u64();
            if throw < u64::MAX - unfair || unfair == n - 1 {
                return throw % n;
            }
        }
    }

    /// The next id: 41 bits of milliseconds, 10 of node, 12 of counter. Never repeats and never falls in this process.
    pub fn mint(&self) -> i64 {
        let now = self.now();
        self.inner.mint.lock().expect("no id is minted in a panic").mint(now)
    }

    /// Does heavy work where it does not hold up others: on a thread of its own, or inline in a simulation.
    /// A panic in the work is the caller's panic.
    pub async fn compute<T, F>(&self, work: F) -> T
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        match self.inner.work {
            Work::Inline => work(),
            Work::Thread => real::on_a_thread(work).await,
        }
    }

    /// Opens a connection to a relay or an exchanger that the outlet or the mail system chose. No address is refused
    /// here: a relay on loopback is common. Whatever a stranger's text names goes through [`World::dial_public`].
    ///
    /// # Errors
    /// The resolver's or the last address's; `TimedOut` when nobody answered within the limits.
    pub async fn dial(&self, target: &Target) -> io::Result<Stream> {
        self.dial_from(None, target).await
    }

    /// The same from an address of this host, where one is named: then only the target's addresses of its kind are tried.
    ///
    /// # Errors
    /// As [`World::dial`]; `AddrNotAvailable` when the host has no such address.
    pub async fn dial_from(&self, source: Option<IpAddr>, target: &Target) -> io::Result<Stream> {
        let mut addresses = match target {
            Target::Addr(address) => vec![*address],
            Target::Host { host, port } => self.resolve(host, *port).await?,
        };
        addresses.retain(|address| source.is_none_or(|source| source.is_ipv4() == address.is_ipv4()));
        self.connect_first(source, &addresses).await
    }

    /// Opens a connection for something fetched: the guarded door. The name is resolved once, every address that is not
    /// public is dropped, and only addresses that passed are dialled, so an answer that changes between two questions
    /// gains nothing. A name given to [`World::with_exception`] goes to its one address instead.
    ///
    /// # Errors
    /// `PermissionDenied` with an [`Unreachable`] inside when no public address is left; else as [`World::dial`].
    pub async fn dial_public(&self, host: &str, port: u16) -> io::Result<Stream> {
        if let Some(address) = self.exception(host) {
            return self.connect(None, address).await;
        }
        let resolved = self.resolve(host, port).await?;
        let mut allowed = Vec::new();
        for address in &resolved {
            if is_public(address.ip()) && !self.inner.net.is_own(*address).await {
                allowed.push(*address);
            }
        }
        if allowed.is_empty() {
            let addresses = resolved.iter().map(SocketAddr::ip).collect();
            return Err(Unreachable { host: host.to_owned(), addresses }.into());
        }
        let stream = self.connect_first(None, &allowed).await?;
        // The last word has the socket itself: the peer it has is one of those that passed.
        match stream.peer() {
            Some(peer) if allowed.contains(&peer) => Ok(stream),
            peer => {
                let addresses = peer.iter().map(SocketAddr::ip).collect();
                Err(Unreachable { host: host.to_owned(), addresses }.into())
            }
        }
    }

    /// This world, but `host` is reached at `address` through [`World::dial_public`], public or not: how the demo's own
    /// outlets on loopback are read. Nothing else is: not another name, not the address written as a number.
    #[must_use]
    pub fn with_exception(mut self, host: &str, address: SocketAddr) -> Self {
        Arc::make_mut(&mut self.exceptions).insert(host_key(host), address);
        self
    }

    /// Where the exception for `host` leads, if there is one.
    pub fn exception(&self, host: &str) -> Option<SocketAddr> {
        self.exceptions.get(&host_key(host)).copied()
    }

    /// Accepts connections at `address`. Real worlds only: a simulated stranger is served through its table.
    ///
    /// # Errors
    /// The system's: address in use, no permission; `Unsupported` in a simulation.
    pub async fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        self.inner.net.listen(address).await
    }

    /// Writes a line to the trace of a simulation: what two runs of one seed must agree on. Nothing in a real world.
    pub fn note(&self, line: &str) {
        if let Some(trace) = &self.inner.trace {
            let now = self.now();
            trace.lock().expect("no line is noted in a panic").note(now, line);
        }
    }

    /// The trace so far; `None` in a real world.
    pub fn trace(&self) -> Option<Trace> {
        self.inner.trace.as_ref().map(|trace| trace.lock().expect("no line is noted in a panic").clone())
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let answer = self.inner.net.resolve(self, host, port);
        let mut addresses = within(RESOLVE_MS_MAX, "the name server did not answer in time", answer).await?;
        addresses.truncate(ADDRESSES_MAX);
        Ok(addresses)
    }

    async fn connect(&self, source: Option<IpAddr>, address: SocketAddr) -> io::Result<Stream> {
        let connection = self.inner.net.connect(self, source, address);
        within(CONNECT_MS_MAX, "no answer within 20 seconds", connection).await
    }

    async fn connect_first(&self, source: Option<IpAddr>, addresses: &[SocketAddr]) -> io::Result<Stream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match self.connect(source, *address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Host names are compared without case and without the root's dot.
fn host_key(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

async fn within<T>(ms: u64, late: &str, work: Awaited<'_, io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(Duration::from_millis(ms), work)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, late)))
}
