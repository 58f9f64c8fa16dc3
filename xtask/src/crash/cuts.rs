//! Between the poster and the sink, a line that is cut: every connection ends after a random number of octets, either way.
//!
//! It understands nothing of what it passes on, so it cuts in the middle of a command, of a reply, of a body, before a dot
//! and after it, as a bad network does: with RST, or with an ordinary end. It runs in a thread of the rig's own.

use crate::dice::Dice;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use tokio::io::{AsyncReadExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// No connection carries more octets to the sink than this: some messages.
const SENT_BYTES_MAX: u64 = 120_000;
/// None carries more back than this: the replies to some messages more.
const REPLY_BYTES_MAX: u64 = 4_000;
/// One connection of so many is cut before it can have carried anything.
const EARLY_ONE_OF: u64 = 8;
/// That is, within so many octets.
const EARLY_BYTES_MAX: u64 = 300;

/// The line, until it is dropped.
pub struct Cutter {
    /// Where the poster finds it.
    pub address: SocketAddr,
    cuts: Arc<AtomicU64>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How one connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    to_sink: bool,
    bytes: u64,
    reset: bool,
}

impl Cut {
    fn roll(dice: &mut Dice) -> Cut {
        let to_sink = dice.below(2) == 0;
        let most = match (dice.below(EARLY_ONE_OF) == 0, to_sink) {
            (true, _) => EARLY_BYTES_MAX,
            (false, true) => SENT_BYTES_MAX,
            (false, false) => REPLY_BYTES_MAX,
        };
        Cut { to_sink, bytes: dice.below(most), reset: dice.below(2) == 0 }
    }
}

impl Cutter {
    /// Begins to pass on what comes to `sink`.
    pub fn start(sink: SocketAddr, seed: u64) -> Result<Cutter> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("a port for the line")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let cuts = Arc::new(AtomicU64::new(0));
        let counted = cuts.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    _ = stopped => {}
                    () = pass_on(listener, sink, Dice::new(seed), counted) => {}
                }
            });
        });
        Ok(Cutter { address, cuts, stop: Some(stop), thread: Some(thread) })
    }

    /// How many connections were cut so far.
    pub fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

async fn pass_on(listener: std::net::TcpListener, sink: SocketAddr, mut dice: Dice, cuts: Arc<AtomicU64>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok((poster, _)) = accepted else { continue };
                let (cut, cuts) = (Cut::roll(&mut dice), cuts.clone());
                connections.spawn(async move {
                    // How it ends beyond the cut is the two ends' affair.
                    if converse(poster, sink, cut).await.unwrap_or(false) {
                        cuts.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        }
    }
}

/// Passes on until the cut, or until either end closes. `true`: it was cut.
async fn converse(mut poster: TcpStream, sink: SocketAddr, cut: Cut) -> std::io::Result<bool> {
    let mut sink = TcpStream::connect(sink).await?;
    for stream in [&poster, &sink] {
        stream.set_nodelay(true)?;
        if cut.reset {
            stream.set_zero_linger()?;
        }
    }
    let (mut from_poster, mut to_poster) = poster.split();
    let (mut from_sink, mut to_sink) = sink.split();
    if cut.to_sink {
        let mut limited = from_poster.take(cut.bytes);
        tokio::select! {
            biased;
            copied = copy(&mut limited, &mut to_sink) => Ok(copied? == cut.bytes),
            back = copy(&mut from_sink, &mut to_poster) => back.map(|_| false),
        }
    } else {
        let mut limited = from_sink.take(cut.bytes);
        tokio::select! {
            biased;
            copied = copy(&mut limited, &mut to_poster) => Ok(copied? == cut.bytes),
            sent = copy(&mut from_poster, &mut to_sink) => sent.map(|_| false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn a_seed_cuts_the_same_again_and_either_way() {
        let cuts = |seed| {
            let mut dice = Dice::new(seed);
            (0..100).map(|_| Cut::roll(&mut dice)).collect::<Vec<_>>()
        };
        assert_eq!(cuts(3), cuts(3));
        assert!(cuts(3).iter().any(|cut| cut.to_sink) && cuts(3).iter().any(|cut| !cut.to_sink));
        assert!(cuts(3).iter().any(|cut| cut.reset) && cuts(3).iter().any(|cut| !cut.reset));
    }

    #[test]
    fn a_line_passes_on_no_more_than_its_octets_and_counts_the_cut() {
        let sink = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let cutter = Cutter::start(sink.local_addr().unwrap(), 1).unwrap();
        let mut poster = std::net::TcpStream::connect(cutter.address).unwrap();
        let (mut far, _) = sink.accept().unwrap();
        let talker = std::thread::spawn(move || while poster.write_all(&[b'x'; 4_096]).is_ok() {});
        let answerer = far.try_clone().unwrap();
        let replies = std::thread::spawn(move || while (&answerer).write_all(b"250 ok\r\n").is_ok() {});
        let mut heard = Vec::new();
        // A reset is an error here, and what came before it counts all the same.
        far.read_to_end(&mut heard).ok();
        drop(far);
        talker.join().unwrap();
        replies.join().unwrap();
        while cutter.cuts() == 0 {
            std::thread::yield_now();
        }
        assert_eq!(cutter.cuts(), 1);
    }
}
