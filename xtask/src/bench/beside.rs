//! What an edition's speed is held against, in the same run: RSA signatures alone, Postfix's `smtp-source` to the same kind
//! of sink, and a Postfix that relays to it.

use super::post::{Cost, watched};
use crate::crash::kills::Tail;
use crate::programs::{Program, Sink, usage};
use anyhow::{Context, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use interop::postfix::{Mail, Postfix};
use mail::dkim::Signer;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Instant;

/// Signatures on each core: some two seconds.
const SIGNATURES: usize = 8_000;
/// What is signed: about the size of a copy's header block, which is what DKIM signs.
const SIGNED_BYTES: usize = 1_500;
/// Cores that sign at once: as many as the poster has.
const CORES: usize = 2;
/// As many messages as `smtp-source` sends at most.
const SOURCE_MAX: u32 = 50_000;
/// As many as Postfix relays at most: it takes 700 or so a second.
const RELAYED_MAX: u32 = 10_000;

/// What each came to; none where its program is not installed.
pub struct Beside {
    pub rsa: Cost,
    pub source: Option<Cost>,
    pub relayed: Option<Cost>,
}

/// Measures all of them; `bytes` is the size of a message.
pub fn measure(xtask: &Path, folder: &Path, readers: u32, connections: usize, bytes: usize) -> Result<Beside> {
    let rsa = rsa_alone()?;
    let source = Source { program: Path::new("/usr/sbin/smtp-source"), connections, bytes };
    if !source.program.exists() {
        return Ok(Beside { rsa, source: None, relayed: None });
    }
    let direct = folder.join("source");
    std::fs::create_dir_all(&direct)?;
    let sink = Sink::start(xtask, &direct, &[])?;
    let straight = source.run(sink.address.port(), readers.min(SOURCE_MAX), &sink, &direct)?;
    sink.end()?;
    let behind = folder.join("relayed");
    std::fs::create_dir_all(&behind)?;
    let sink = Sink::start(xtask, &behind, &[])?;
    let relayed = match Postfix::start(Mail::Relayed(sink.address.port())) {
        Some(postfix) => Some(source.run(postfix.plain_port, readers.min(RELAYED_MAX), &sink, &behind)?),
        None => None,
    };
    sink.end()?;
    Ok(Beside { rsa, source: Some(straight), relayed })
}

/// Nothing but RSA-2048 signatures, on every core at once.
fn rsa_alone() -> Result<Cost> {
    let key = Signer::generate()?;
    let text = vec![b'a'; SIGNED_BYTES];
    let own = || usage(std::process::id()).context("/proc");
    let (began, before) = (Instant::now(), own()?);
    thread::scope(|threads| {
        let hands: Vec<_> = (0..CORES).map(|_| threads.spawn(|| sign(&key, &text))).collect();
        hands.into_iter().try_for_each(|hand| hand.join().expect("signing does not panic"))
    })?;
    let cpu_seconds = own()?.cpu_seconds - before.cpu_seconds;
    Ok(Cost { copies: (CORES * SIGNATURES) as f64, seconds: began.elapsed().as_secs_f64(), cpu_seconds })
}

fn sign(key: &[u8], text: &[u8]) -> Result<()> {
    let pair = RsaKeyPair::from_pkcs8(key).context("a key of our own")?;
    let mut signature = vec![0; pair.public_modulus_len()];
    for _ in 0..SIGNATURES {
        let signed = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature);
        signed.ok().context("signing")?;
    }
    Ok(())
}

struct Source<'a> {
    program: &'a Path,
    connections: usize,
    bytes: usize,
}

impl Source<'_> {
    /// Sends `messages` to a port, until the last of them is at the sink; the CPU is that of `smtp-source` alone.
    fn run(&self, port: u16, messages: u32, sink: &Sink, folder: &Path) -> Result<Cost> {
        let mut command = Command::new(self.program);
        let number = |count: usize| count.to_string();
        command.args(["-d", "-f", "news@courier.example", "-t", "reader@library.example"]);
        command.args(["-s", &number(self.connections), "-l", &number(self.bytes), "-m", &messages.to_string()]);
        command.arg(format!("inet:127.0.0.1:{port}"));
        let (log, mut tail) = (folder.join("noise"), Tail::open(&sink.receipts)?);
        let mut program = Program::start("smtp-source", &mut command, &log)?;
        watched(&mut program, &mut tail, u64::from(messages), &log).map(|(cost, _)| cost)
    }
}
