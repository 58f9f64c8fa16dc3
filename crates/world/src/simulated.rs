//! A world from one seed: tokio's paused clock, ChaCha8 dice, and an internet of closures over in-memory pipes.
//!
//! Run it on a current-thread runtime built with `start_paused(true)`: the clock jumps to the next timer, so four days
//! pass in a fraction of a second, and the same seed gives the same trace.

#![expect(clippy::disallowed_methods, reason = "tokio's paused clock is what the simulated one is made of")]

use crate::{Awaited, Clock, Dice, Listener, Ms, Net, Stream, Trace, Work, World};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::{
    collections::BTreeMap,
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::{task::JoinSet, time::Instant};

/// When a simulation starts unless told otherwise: 2026-01-01T00:00:00Z.
pub const START: Ms = 1_767_225_600_000;
/// What a pipe holds before the writer waits, in bytes: as small as a slow link's window, so that back pressure happens.
const PIPE_BYTES: usize = 16 * 1024;
/// Where simulated hosts live: a block that passes as public, since the guard stays on in a simulation.
const FIRST_ADDRESS: u32 = u32::from_be_bytes([11, 0, 0, 1]);

type Stranger = Arc<dyn Fn(Stream, World) -> Awaited<'static, ()> + Send + Sync>;

/// A simulated world from `seed`, starting at [`START`].
pub fn world(seed: u64, net: Internet) -> World {
    world_at(seed, START, net)
}

/// A simulated world whose clock says `start` now. Call it on the paused runtime it will live on.
pub fn world_at(seed: u64, start: Ms, net: Internet) -> World {
    let trace = Trace::new(net.keeps_lines());
    let clock = PausedClock { start, zero: Instant::now() };
    let dice = SeededDice(ChaCha8Rng::seed_from_u64(seed));
    World::new(Box::new(clock), Box::new(dice), Box::new(net), 1, Work::Inline, Some(trace))
}

struct PausedClock {
    start: Ms,
    zero: Instant,
}

impl Clock for PausedClock {
    fn now(&self) -> Ms {
        self.start
            + Ms::try_from(self.zero.elapsed().as_millis()).expect("a simulation ends before the year 292 million")
    }
}

struct SeededDice(ChaCha8Rng);

impl Dice for SeededDice {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

/// A table of names, addresses and the strangers who answer there. Clones share one table, so a simulation can change
/// it while the world runs: an outlet moves, a relay dies, a zone lies.
#[derive(Clone)]
pub struct Internet {
    table: Arc<Mutex<Table>>,
}

struct Table {
    names: BTreeMap<String, Name>,
    strangers: BTreeMap<SocketAddr, Stranger>,
    dialled: Vec<SocketAddr>,
    running: JoinSet<()>,
    next: u32,
    lag_ms: (u64, u64),
    refusals_per_mille: u64,
    keep_lines: bool,
}

/// What a name answers: each question gets the next answer, the last one for ever.
struct Name {
    answers: Vec<Vec<IpAddr>>,
    asked: usize,
}

impl Default for Internet {
    fn default() -> Self {
        Self::new()
    }
}

impl Internet {
    /// Nobody there yet; connections take 5 to 400 ms and none is refused by chance.
    pub fn new() -> Self {
        let table = Table {
            names: BTreeMap::new(),
            strangers: BTreeMap::new(),
            dialled: Vec::new(),
            running: JoinSet::new(),
            next: FIRST_ADDRESS,
            lag_ms: (5, 400),
            refusals_per_mille: 0,
            keep_lines: false,
        };
        Self { table: Arc::new(Mutex::new(table)) }
    }

    /// Connections take `from..=to` milliseconds, by the dice.
    #[must_use]
    pub fn with_lag_ms(self, from: u64, to: u64) -> Self {
        assert!(from <= to, "lag runs from less to more");
        self.table().lag_ms = (from, to);
        self
    }

    /// This many connections in a thousand are refused, by the dice.
    #[must_use]
    pub fn with_refusals(self, per_mille: u64) -> Self {
        self.set_refusals(per_mille);
        self
    }

    /// Likewise, while the world runs.
    pub fn set_refusals(&self, per_mille: u64) {
        self.table().refusals_per_mille = per_mille;
    }

    /// The trace keeps its lines, not only their hash.
    #[must_use]
    pub fn with_lines(self) -> Self {
        self.table().keep_lines = true;
        self
    }

    /// Puts a stranger at `host:port`: `answer` is called with the far end of each connection and the world it was
    /// dialled from. A name not yet known gets an address of its own. Serving again replaces the stranger.
    pub fn serve<F, Answered>(&self, host: &str, port: u16, answer: F)
    where
        F: Fn(Stream, World) -> Answered + Send + Sync + 'static,
        Answered: Future<Output = ()> + Send + 'static,
    {
        let stranger: Stranger = Arc::new(move |stream, world| Box::pin(answer(stream, world)));
        let mut table = self.table();
        let ip = table.address_of(host);
        table.strangers.insert(SocketAddr::new(ip, port), stranger);
    }

    /// Takes the stranger at `host:port` away: connections are refused from now on.
    pub fn remove(&self, host: &str, port: u16) {
        let mut table = self.table();
        let ip = table.address_of(host);
        table.strangers.remove(&SocketAddr::new(ip, port));
    }

    /// Puts a stranger at a bare address, whatever kind it is: a tripwire on loopback, say.
    pub fn serve_at<F, Answered>(&self, address: SocketAddr, answer: F)
    where
        F: Fn(Stream, World) -> Answered + Send + Sync + 'static,
        Answered: Future<Output = ()> + Send + 'static,
    {
        let stranger: Stranger = Arc::new(move |stream, world| Box::pin(answer(stream, world)));
        self.table().strangers.insert(address, stranger);
    }

    /// What `host` resolves to: each question gets the next of `answers`, the last one for ever. An empty answer is a
    /// name without addresses.
    pub fn answers(&self, host: &str, answers: Vec<Vec<IpAddr>>) {
        assert!(!answers.is_empty(), "a name needs at least one answer, if an empty one");
        self.table().names.insert(crate::host_key(host), Name { answers, asked: 0 });
    }

    /// Every address dialled so far, in order.
    pub fn dialled(&self) -> Vec<SocketAddr> {
        self.table().dialled.clone()
    }

    fn keeps_lines(&self) -> bool {
        self.table().keep_lines
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().expect("the table is never held across a panic")
    }

    fn call(&self, stranger: Stranger, address: SocketAddr, world: &World) -> Stream {
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let answered = stranger(Stream::new(far, None), world.clone());
        self.table().running.spawn(answered);
        Stream::new(near, Some(address))
    }
}

impl Table {
    /// The address of `host`, given out at first mention in the order of mention. IP literals are themselves.
    fn address_of(&mut self, host: &str) -> IpAddr {
        if let Ok(ip) = host.parse() {
            return ip;
        }
        let next = self.next;
        let fresh = IpAddr::V4(Ipv4Addr::from(next));
        let name =
            self.names.entry(crate::host_key(host)).or_insert_with(|| Name { answers: vec![vec![fresh]], asked: 0 });
        let ip = name.answers.last().and_then(|answer| answer.first()).copied().unwrap_or(fresh);
        if ip == fresh {
            self.next += 1;
        }
        ip
    }

    fn resolve(&mut self, host: &str) -> io::Result<Vec<IpAddr>> {
        if let Ok(ip) = host.trim_matches(['[', ']']).parse() {
            return Ok(vec![ip]);
        }
        let name = self
            .names
            .get_mut(&crate::host_key(host))
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such host"))?;
        let answer = name.answers[name.asked.min(name.answers.len() - 1)].clone();
        name.asked += 1;
        Ok(answer)
    }

    /// Forgets strangers who are done. One who panicked broke a promise of the simulation itself: so does the caller.
    fn reap(&mut self) -> Option<Box<dyn std::any::Any + Send>> {
        let mut panic = None;
        while let Some(ended) = self.running.try_join_next() {
            if let Err(Ok(what)) = ended.map_err(tokio::task::JoinError::try_into_panic) {
                panic = Some(what);
            }
        }
        panic
    }
}

impl Net for Internet {
    fn resolve<'a>(&'a self, _: &'a World, host: &'a str, port: u16) -> Awaited<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            let ips = self.table().resolve(host)?;
            Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
        })
    }

    fn connect<'a>(
        &'a self,
        world: &'a World,
        _source: Option<IpAddr>,
        address: SocketAddr,
    ) -> Awaited<'a, io::Result<Stream>> {
        Box::pin(async move {
            let (broken, (from, to), refusals) = {
                let mut table = self.table();
                table.dialled.push(address);
                (table.reap(), table.lag_ms, table.refusals_per_mille)
            };
            if let Some(panic) = broken {
                std::panic::resume_unwind(panic);
            }
            let lag = from + world.roll(to - from + 1);
            let refused = world.roll(1_000) < refusals;
            world.sleep(Ms::try_from(lag).expect("lag is a few seconds at most")).await;
            let stranger = self.table().strangers.get(&address).cloned();
            match stranger {
                Some(stranger) if !refused => Ok(self.call(stranger, address, world)),
                _ => Err(io::ErrorKind::ConnectionRefused.into()),
            }
        })
    }

    fn is_own<'a>(&'a self, _: SocketAddr) -> Awaited<'a, bool> {
        Box::pin(std::future::ready(false))
    }

    fn listen(&self, _: SocketAddr) -> Awaited<'_, io::Result<Listener>> {
        let why = "nobody listens in a simulation: strangers are served through the table";
        Box::pin(std::future::ready(Err(io::Error::new(io::ErrorKind::Unsupported, why))))
    }
}
