//! The system's clock, dice, sockets and threads: the only place that touches them.

#![expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]

use crate::{Awaited, Clock, Dice, Ms, Net, Stream, Work, World};
use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream, UdpSocket},
    sync::Semaphore,
    task::JoinSet,
};

/// How long accepting waits after the system refused a connection for want of file handles, in milliseconds: long
/// enough for some to be closed, short enough that nobody notices.
const ACCEPT_PAUSE_MS: u64 = 100;

/// The real world. `node` keeps the ids of two processes on one database apart; its low 10 bits count.
pub fn world(node: u16) -> World {
    World::new(Box::new(SystemClock), Box::new(SystemDice), Box::new(SystemNet), node, Work::Thread, None)
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Ms {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ms::try_from(since.as_millis()).expect("the year is before 292 million")
    }
}

struct SystemDice;

impl Dice for SystemDice {
    fn fill(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("a system without randomness cannot keep anybody's secrets");
    }
}

struct SystemNet;

impl Net for SystemNet {
    fn resolve<'a>(&'a self, _: &'a World, host: &'a str, port: u16) -> Awaited<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
            Ok(tokio::net::lookup_host((host, port)).await?.collect())
        })
    }

    fn connect<'a>(
        &'a self,
        _: &'a World,
        source: Option<IpAddr>,
        address: SocketAddr,
    ) -> Awaited<'a, io::Result<Stream>> {
        Box::pin(async move {
            let socket = match source {
                None => TcpStream::connect(address).await?,
                Some(source) => {
                    let socket = if source.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
                    socket.bind(SocketAddr::new(source, 0))?;
                    socket.connect(address).await?
                }
            };
            // Small replies must not wait for the other side's delayed acknowledgement.
            socket.set_nodelay(true)?;
            let peer = socket.peer_addr()?;
            Ok(Stream::new(socket, Some(peer)))
        })
    }

    /// Asks the routing table: a datagram socket "connected" to an own address gets that address as its source, and
    /// connecting one sends nothing.
    fn is_own<'a>(&'a self, address: SocketAddr) -> Awaited<'a, bool> {
        Box::pin(async move {
            let any = match address {
                SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            };
            let Ok(socket) = UdpSocket::bind((any, 0)).await else { return false };
            let routed = socket.connect(address).await.is_ok();
            routed && socket.local_addr().is_ok_and(|local| local.ip() == address.ip())
        })
    }

    fn listen(&self, address: SocketAddr) -> Awaited<'_, io::Result<Listener>> {
        Box::pin(async move { Ok(Listener { socket: TcpListener::bind(address).await? }) })
    }
}

/// Runs `work` on a thread that may block.
pub(crate) async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Blocking work is cancelled only while the runtime goes down, and then this task is never resumed.
            Err(_) => std::future::pending().await,
        },
    }
}

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
}

impl Listener {
    /// The address it listens on, with the port the system chose when 0 was asked for.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The next connection. What went wrong with one connection is skipped; a want of file handles is waited out, since
    /// it passes.
    pub async fn accept(&self) -> Stream {
        loop {
            match self.socket.accept().await {
                Ok((socket, peer)) => {
                    // A socket that cannot be set up was closed by the far end already.
                    if socket.set_nodelay(true).is_ok() {
                        return Stream::new(socket, Some(peer));
                    }
                }
                Err(error) if of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(error.text = %error, "a connection could not be accepted; trying again");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                }
            }
        }
    }

    /// Serves connections for as long as it is polled, at most `connections_max` at a time: beyond that they wait in the
    /// system's queue. Dropping the future drops every connection with it. A panic in one connection ends that one.
    pub async fn serve<F, Served>(&self, connections_max: usize, mut each: F)
    where
        F: FnMut(Stream) -> Served,
        Served: Future<Output = ()> + Send + 'static,
    {
        let seats = std::sync::Arc::new(Semaphore::new(connections_max));
        let mut open = JoinSet::new();
        loop {
            let seat = seats.clone().acquire_owned().await.expect("the semaphore is never closed");
            let served = each(self.accept().await);
            open.spawn(async move {
                served.await;
                drop(seat);
            });
            while let Some(ended) = open.try_join_next() {
                if ended.is_err_and(|error| error.is_panic()) {
                    tracing::error!("serving one connection broke a promise; the others go on");
                }
            }
        }
    }
}

/// Errors of the connection that was about to be accepted, not of the listening socket (accept(2)).
fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
