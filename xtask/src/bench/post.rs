//! `cargo xtask bench post`: an edition through the real poster to the sink, and what it costs beside the ceiling.
//!
//! In one run: the cut of the edition; half of its copies written with no ledger; the whole edition by `coranto edition
//! send`; the other half with no ledger. So what the machine does meanwhile falls on both.

use super::beside::{self, Beside};
use crate::crash::kills::Tail;
use crate::founding::{Ground, Newsroom, database, world};
use crate::programs::{Build, Program, Sink, Usage, usage};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How often a process under measurement is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// A sender that takes longer has come to a stop.
const SENDING_MAX: Duration = Duration::from_secs(1_800);

/// An edition through the real poster.
#[derive(Args)]
pub struct Arguments {
    /// How many readers.
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    readers: u32,
    /// How many stories the edition holds: a dozen make about 30 kB.
    #[arg(long, default_value_t = 12, value_name = "N")]
    stories: usize,
    /// How many connections the poster opens.
    #[arg(long, default_value_t = 20, value_name = "N")]
    connections: usize,
    /// `sqlite`, `postgres` (a throw-away server of the bench's own), or the address of an empty database.
    #[arg(long, default_value = "sqlite", value_name = "URL")]
    database: String,
    /// Send unsigned, as where the relay signs.
    #[arg(long)]
    unsigned: bool,
    /// Leave out RSA alone, smtp-source and Postfix.
    #[arg(long)]
    without_peers: bool,
    /// Keep the newsroom's folder, below the target folder.
    #[arg(long)]
    keep: bool,
}

/// What sending cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) copies: f64,
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
}

impl Cost {
    fn per_second(self) -> f64 {
        self.copies / self.seconds
    }

    fn cpu_us(self) -> f64 {
        self.cpu_seconds * 1e6 / self.copies
    }

    fn and(self, other: Cost) -> Cost {
        Cost {
            copies: self.copies + other.copies,
            seconds: self.seconds + other.seconds,
            cpu_seconds: self.cpu_seconds + other.cpu_seconds,
        }
    }
}

/// Measures, and prints a table and a line of JSON.
pub fn run(arguments: &Arguments) -> Result<()> {
    let folder = interop::target().join("bench").join(std::process::id().to_string());
    std::fs::create_dir_all(folder.join("ceiling")).with_context(|| folder.display().to_string())?;
    let xtask = std::env::current_exe().context("this program's own path")?;
    let sink = Sink::start(&xtask, &folder, &[])?;
    let newsroom = found(arguments, &folder, &sink)?;
    let (cut_seconds, cut) = measured(&newsroom, &["edition", "cut", "--date", "2026-03-02"], &folder)?;
    let other = Sink::start(&xtask, &folder.join("ceiling"), &[])?;
    let mut ceiling = Ceiling::start(&xtask, &newsroom, &other)?;
    let before = ceiling.part()?;
    let sent = send(arguments, &newsroom, &sink, &folder)?;
    let after = ceiling.part()?;
    drop(ceiling);
    let (sink_said, ceiling_said) = (sink.end()?, other.end()?);
    let report = newsroom.coranto.ask(&["edition", "report"])?;
    ensure!(report["accepted"] == arguments.readers, "not every copy was accepted: {report}");
    let bytes = average_bytes(&folder.join("receipts"), arguments.readers)?;
    let beside = match arguments.without_peers {
        true => None,
        false => Some(beside::measure(&xtask, &folder, arguments.readers, arguments.connections, bytes as usize)?),
    };
    let waits = waits(&newsroom, sent.began_ms)?;
    let told = Told { bytes, cut_seconds, cut, sent, before, after, beside, waits };
    told.print(arguments);
    println!("the poster's sink: {}\nthe ceiling's sink: {}", last_line(&sink_said), last_line(&ceiling_said));
    println!("{}", told.json(arguments));
    if !arguments.keep {
        std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}

fn found(arguments: &Arguments, folder: &Path, sink: &Sink) -> Result<Newsroom> {
    let settings = [
        ("relay.host", sink.address.ip().to_string()),
        ("relay.port", sink.address.port().to_string()),
        ("relay.connections", arguments.connections.to_string()),
        ("mail.signing", if arguments.unsigned { "relay" } else { "own" }.to_owned()),
    ];
    let database = database(&arguments.database)?;
    let ground = Ground { folder, database: database.as_deref(), build: Build::Release };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let began = Instant::now();
    let mut newsroom = runtime.block_on(Newsroom::with_readers(&ground, &settings, arguments.readers))?;
    newsroom.publish(arguments.stories)?;
    eprintln!(
        "{} readers enlisted and {} stories published in {:.1?}",
        arguments.readers,
        arguments.stories,
        began.elapsed()
    );
    Ok(newsroom)
}

/// Runs a command of the real program to its end: how long it took and what it used.
fn measured(newsroom: &Newsroom, words: &[&str], folder: &Path) -> Result<(f64, Usage)> {
    let began = Instant::now();
    let mut program = Program::start("coranto", &mut newsroom.coranto.command(words), &folder.join("cut.log"))?;
    let mut last = Usage::default();
    loop {
        last = usage(program.id()).unwrap_or(last);
        if let Some(status) = program.ended()? {
            ensure!(status.success(), "coranto {}: {status}", words.join(" "));
            return Ok((began.elapsed().as_secs_f64(), last));
        }
        std::thread::sleep(LOOK);
    }
}

/// What the poster's work came to.
#[derive(Clone, Copy, Debug)]
struct Sent {
    cost: Cost,
    /// When it was let go, in UTC milliseconds.
    began_ms: i64,
    peak_bytes: u64,
    commits: f64,
}

/// Sends the edition with the real poster.
fn send(arguments: &Arguments, newsroom: &Newsroom, sink: &Sink, folder: &Path) -> Result<Sent> {
    let log = folder.join("poster.log");
    let mut tail = Tail::open(&sink.receipts)?;
    let began_ms = world().now();
    let mut poster = Program::start("the poster", &mut newsroom.coranto.command(&["edition", "send"]), &log)?;
    let (cost, peak_bytes) = watched(&mut poster, &mut tail, u64::from(arguments.readers), &log)?;
    Ok(Sent { cost, began_ms, peak_bytes, commits: commits(&log)? })
}

/// Watches a sender until it has ended and all its messages are at the sink. The time is that from the first receipt to the
/// last, the CPU all that its process used until then; and the most memory it held.
pub(super) fn watched(sender: &mut Program, tail: &mut Tail, messages: u64, log: &Path) -> Result<(Cost, u64)> {
    let (started, mut first, mut last) = (Instant::now(), None, Usage::default());
    let (mut cost, mut is_gone) = (None, false);
    loop {
        last = usage(sender.id()).unwrap_or(last);
        let lines = tail.lines()?;
        if lines > 0 && first.is_none() {
            first = Some((Instant::now(), lines));
        }
        if let (Some((first, begun_with)), None) = (first, cost)
            && lines >= messages
        {
            let copies = (lines - begun_with) as f64;
            cost = Some(Cost { copies, seconds: first.elapsed().as_secs_f64(), cpu_seconds: last.cpu_seconds });
        }
        if let Some(status) = sender.ended()? {
            ensure!(status.success(), "the sender: {status}, see {}", log.display());
            is_gone = true;
        }
        if let (Some(cost), true) = (cost, is_gone) {
            return Ok((cost, last.peak_bytes));
        }
        if started.elapsed() > SENDING_MAX {
            bail!("{lines} of {messages} messages came within {} s, see {}", SENDING_MAX.as_secs(), log.display());
        }
        std::thread::sleep(LOOK);
    }
}

/// What the poster said of its commits when it went home.
fn commits(log: &Path) -> Result<f64> {
    let said = std::fs::read_to_string(log).with_context(|| log.display().to_string())?;
    let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = lines.filter_map(|line| line["fields"]["commits"].as_f64()).next_back();
    found.with_context(|| format!("{} does not say how many commits there were", log.display()))
}

/// How long readers' copies took from being let go to being accepted, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Waits {
    half: i64,
    all_but_one_in_100: i64,
}

/// As the edition's own proof has it.
fn waits(newsroom: &Newsroom, began_ms: i64) -> Result<Waits> {
    let file = newsroom.coranto.folder.join("proof.csv");
    newsroom.coranto.ask(&["edition", "proof", "--format", "csv", "--out", &file.display().to_string()])?;
    let proof = std::fs::read_to_string(&file)?;
    let mut lines = proof.lines();
    let head: Vec<&str> = lines.next().context("a proof has columns")?.split(',').collect();
    let column = |name: &str| head.iter().position(|one| *one == name).with_context(|| format!("no column {name}"));
    let (state, at) = (column("state")?, column("at")?);
    // No column before these two holds a comma.
    let fields = lines.map(|line| line.split(',').collect::<Vec<_>>());
    let accepted = fields.filter(|fields| fields.get(state) == Some(&"accepted"));
    let mut waits: Vec<i64> =
        accepted.filter_map(|fields| fields.get(at)?.parse::<i64>().ok()).map(|at| at - began_ms).collect();
    ensure!(!waits.is_empty(), "the proof names nobody who has the edition");
    waits.sort_unstable();
    let of = |hundredths: usize| waits[(waits.len() - 1) * hundredths / 100];
    Ok(Waits { half: of(50), all_but_one_in_100: of(99) })
}

/// The mean size of a message, in bytes.
fn average_bytes(receipts: &Path, readers: u32) -> Result<f64> {
    let all = crate::sink::receipts::read(receipts)?;
    ensure!(all.len() == readers as usize, "{} receipts for {readers} readers", all.len());
    Ok(all.iter().map(|receipt| receipt.bytes as f64).sum::<f64>() / f64::from(readers))
}

fn last_line(said: &str) -> &str {
    said.lines().last().unwrap_or_default()
}

/// A running `xtask ceiling`.
struct Ceiling {
    child: Child,
    tell: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Ceiling {
    fn start(xtask: &Path, newsroom: &Newsroom, sink: &Sink) -> Result<Ceiling> {
        let mut command = Command::new(xtask);
        command.args(["ceiling", "--to", &sink.address.to_string(), "--newsroom"]).arg(&newsroom.coranto.folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("the ceiling")?;
        let tell = child.stdin.take().expect("its input was asked for");
        let said = BufReader::new(child.stdout.take().expect("its output was asked for"));
        let mut ceiling = Ceiling { child, tell, said };
        ceiling.line()?;
        Ok(ceiling)
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("the ceiling said {line:?}"))
    }

    fn part(&mut self) -> Result<Cost> {
        self.tell.write_all(b"go\n").context("the ceiling is gone")?;
        let line = self.line()?;
        let number = |name: &str| line[name].as_f64().with_context(|| format!("no {name} in {line}"));
        Ok(Cost { copies: number("copies")?, seconds: number("seconds")?, cpu_seconds: number("cpu_seconds")? })
    }
}

impl Drop for Ceiling {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Everything measured.
struct Told {
    bytes: f64,
    cut_seconds: f64,
    cut: Usage,
    sent: Sent,
    before: Cost,
    after: Cost,
    beside: Option<Beside>,
    waits: Waits,
}

const MB: f64 = 1e6;

impl Told {
    fn print(&self, of: &Arguments) {
        let (post, ceiling) = (self.sent.cost, self.before.and(self.after));
        println!(
            "{} readers, {:.1} kB a message{}, {} connections, {}\n",
            of.readers,
            self.bytes / 1e3,
            if of.unsigned { ", unsigned" } else { "" },
            of.connections,
            if of.database == "sqlite" { "SQLite" } else { "PostgreSQL" }
        );
        println!("| | messages/s | CPU us a copy | peak memory, MB | commits | copies a commit |");
        println!("| --- | --- | --- | --- | --- | --- |");
        for (name, cost) in [("no ledger, before", self.before), ("no ledger, after", self.after)] {
            println!("| {name} | {:.0} | {:.0} | | | |", cost.per_second(), cost.cpu_us());
        }
        println!(
            "| `coranto edition send` | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} |",
            post.per_second(),
            post.cpu_us(),
            self.sent.peak_bytes as f64 / MB,
            self.sent.commits,
            post.copies / self.sent.commits
        );
        println!(
            "| ratio | {:.2} | {:.2} | | | |\n",
            post.per_second() / ceiling.per_second(),
            post.cpu_us() / ceiling.cpu_us()
        );
        self.print_peers();
        let Waits { half, all_but_one_in_100 } = self.waits;
        println!("From being let go to accepted: half within {half} ms, 99 of 100 within {all_but_one_in_100} ms");
        println!(
            "`coranto edition cut`: {:.2} s, {:.2} s of CPU, {:.0} MB at its peak",
            self.cut_seconds,
            self.cut.cpu_seconds,
            self.cut.peak_bytes as f64 / MB
        );
    }

    fn print_peers(&self) {
        let Some(Beside { rsa, source, relayed }) = &self.beside else { return };
        let post = self.sent.cost;
        println!("| beside it | messages/s | CPU us a message | the post's CPU to it |");
        println!("| --- | --- | --- | --- |");
        let ratio = post.cpu_us() / rsa.cpu_us();
        println!("| RSA-2048 alone | {:.0} | {:.0} | {ratio:.2} |", rsa.per_second(), rsa.cpu_us());
        for (name, cost) in [("`smtp-source`", source), ("`smtp-source` through Postfix", relayed)] {
            match cost {
                Some(cost) => println!("| {name} | {:.0} | {:.0} | |", cost.per_second(), cost.cpu_us()),
                None => println!("| {name} | NOT MEASURED: install Debian's postfix | | |"),
            }
        }
        println!();
    }

    fn json(&self, of: &Arguments) -> Value {
        let (post, ceiling) = (self.sent.cost, self.before.and(self.after));
        let peer = |of: fn(&Beside) -> Option<Cost>| self.beside.as_ref().and_then(of);
        let round = |number: f64| (number * 100.0).round() / 100.0;
        serde_json::json!({
            "bench": "post",
            "readers": of.readers,
            "database": if of.database == "sqlite" { "sqlite" } else { "postgres" },
            "connections": of.connections,
            "message_bytes": self.bytes.round(),
            "messages_per_second": post.per_second().round(),
            "cpu_us_per_copy": round(post.cpu_us()),
            "peak_bytes": self.sent.peak_bytes,
            "commits": self.sent.commits,
            "ceiling_messages_per_second": ceiling.per_second().round(),
            "ceiling_cpu_us_per_copy": round(ceiling.cpu_us()),
            "ratio_messages": round(post.per_second() / ceiling.per_second()),
            "ratio_cpu": round(post.cpu_us() / ceiling.cpu_us()),
            "unsigned": of.unsigned,
            "accepted_ms_p50": self.waits.half,
            "accepted_ms_p99": self.waits.all_but_one_in_100,
            "rsa_alone_cpu_us": peer(|beside| Some(beside.rsa)).map(|cost| round(cost.cpu_us())),
            "smtp_source_messages_per_second": peer(|beside| beside.source).map(|cost| cost.per_second().round()),
            "postfix_messages_per_second": peer(|beside| beside.relayed).map(|cost| cost.per_second().round()),
            "cut_seconds": round(self.cut_seconds),
            "cut_cpu_seconds": self.cut.cpu_seconds,
            "cut_peak_bytes": self.cut.peak_bytes,
        })
    }
}
