//! `cargo xtask failover`: one of two relays is suspended at a random point of an edition, in every way that relays have,
//! and the other carries the rest.
//!
//! The real program sends to two sinks, one of which turns. Then the receipts of both are held against the ledger: nobody
//! missed; nobody twice, and nobody even in doubt where every answer was given; the rest within a minute; one alert. What
//! it finds it keeps, run by run, and a run that was made is not made again.

use crate::crash::kills::Tail;
use crate::crash::poster::Planted;
use crate::crash::reconcile::{self, Balance, Marks};
use crate::dice::Dice;
use crate::founding::{Ground, Newsroom, database};
use crate::programs::{Build, Program, Sink};
use crate::results::{Results, workshop};
use crate::sink::turn::Turn;
use anyhow::{Context, Result, ensure};
use clap::Args;
use newsroom::DepartureId;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// The rest is to be through the other relay after this.
const REST_SECONDS_MAX: f64 = 60.0;
/// How long the poster waits for an answer after a dot, in seconds: a rig has no 600 s, and no less than a silence's 30 s.
const DOT_PATIENCE_S: u32 = 40;
/// How many connections go to each relay.
const CONNECTIONS: u64 = 20;
/// The relay turns after at most so many of a hundred copies: by weight it is given half.
const TURN_PERCENT_MAX: u64 = 40;
/// An edition that has not settled after this is stalled.
const EDITION_MAX: Duration = Duration::from_secs(300);
/// How often the rig looks at the receipts.
const LOOK: Duration = Duration::from_millis(5);
/// What the poster logs when a person is to be called.
const ALERT: &str = "A relay is at fault";

/// Suspend one of two relays in the middle of an edition.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// How many runs there are to be, with those that were made before.
    #[arg(long, default_value_t = 100, value_name = "N")]
    runs: u64,
    /// How many readers each edition has.
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    readers: u32,
    /// The first run's seed; it decides the way and the moment. The others follow.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// In this way alone.
    #[arg(long, value_name = "HOW")]
    turn: Option<Turn>,
    /// Post with this defect: the rig must find it out.
    #[arg(long, value_name = "DEFECT")]
    planted: Option<Planted>,
}

/// What came of one run.
struct Outcome {
    turn: Turn,
    after: u64,
    balance: Balance,
    by_second: usize,
    seconds: f64,
    alerts: usize,
    faults: Vec<String>,
}

/// Makes the runs that are missing, prints a table of all; fails if a promise was broken in one.
pub fn run(arguments: &Arguments) -> Result<()> {
    let settings = json!({"readers": arguments.readers, "planted": arguments.planted.map(Planted::name)});
    let mut results = Results::open("failover", settings)?;
    let wanted = arguments.seed..arguments.seed + arguments.runs;
    let missing = results.missing(wanted.clone());
    println!("failover: seeds {} to {}, {} runs to make", wanted.start, wanted.end - 1, missing.len());
    if !missing.is_empty() {
        let folder = workshop("failover")?;
        let made = make(arguments, &folder, &missing, &mut results);
        if made.is_ok() {
            std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        made?;
    }
    results.of_seeds(&wanted);
    table(&results);
    let breaches = results.sum("breaches");
    ensure!(breaches == 0, "a promise was broken {breaches} times");
    Ok(())
}

fn make(arguments: &Arguments, folder: &Path, seeds: &[u64], results: &mut Results) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut rig = Rig::found(arguments, &runtime, folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        let outcome = rig.run(number, *seed).with_context(|| format!("run {seed}"))?;
        outcome.print(*seed);
        results.keep(*seed, outcome.json())?;
    }
    Ok(())
}

struct Rig<'a> {
    arguments: &'a Arguments,
    runtime: &'a Runtime,
    folder: PathBuf,
    xtask: PathBuf,
    newsroom: Newsroom,
    at: [SocketAddr; 2],
}

impl<'a> Rig<'a> {
    fn found(arguments: &'a Arguments, runtime: &'a Runtime, folder: &Path) -> Result<Rig<'a>> {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let xtask = std::env::current_exe().context("this program's own path")?;
        // The ports are taken once and kept: what the newsroom knows of its relays does not change between runs.
        let free = [folder.join("a"), folder.join("b")].map(|folder| {
            std::fs::create_dir_all(&folder)?;
            let sink = Sink::start(&xtask, &folder, &[])?;
            let address = sink.address;
            sink.end().map(|_| address)
        });
        let [first, second] = free;
        let at = [first?, second?];
        let connections = CONNECTIONS.to_string();
        let settings = [
            ("relay.host", at[0].ip().to_string()),
            ("relay.port", at[0].port().to_string()),
            ("relay.user", "courier".to_owned()),
            ("relay.connections", connections.clone()),
            ("relay.dot_patience_s", DOT_PATIENCE_S.to_string()),
            ("post.retry_first_s", "1".to_owned()),
        ];
        let database = database("sqlite")?;
        let ground = Ground { folder, database: database.as_deref(), build: Build::Release };
        let newsroom = runtime.block_on(Newsroom::with_readers(&ground, &settings, arguments.readers))?;
        newsroom.coranto.tell("relay.password", "a password")?;
        let port = at[1].port().to_string();
        let second = ["relay", "add", "second", "--host", "127.0.0.1", "--port", &port, "--connections", &connections];
        newsroom.coranto.ask(&second)?;
        Ok(Rig { arguments, runtime, folder: folder.to_owned(), xtask, newsroom, at })
    }

    fn run(&mut self, number: usize, seed: u64) -> Result<Outcome> {
        let mut dice = Dice::new(seed);
        let any = Turn::EVERY[usize::try_from(seed % Turn::EVERY.len() as u64)?];
        let turn = self.arguments.turn.unwrap_or(any);
        let after = 1 + dice.below(u64::from(self.arguments.readers) * TURN_PERCENT_MAX / 100);
        self.newsroom.publish(1)?;
        let departure = self.newsroom.coranto.cut(number)?;
        let turns = ["--login", "--turn", turn.name(), "--turn-after", &after.to_string(), "--seed", &seed.to_string()];
        let first = self.sink("a", 0, &turns)?;
        let second = self.sink("b", 1, &[])?;
        let noise = self.folder.join("poster.log");
        std::fs::remove_file(&noise).ok();
        let seconds = self.send(&first, &second, after, &noise)?;
        let alerts = std::fs::read_to_string(&noise)?.lines().filter(|line| line.contains(ALERT)).count();
        self.reckon(
            departure,
            [first, second],
            Outcome { turn, after, seconds, alerts, balance: Balance::default(), by_second: 0, faults: Vec::new() },
        )
    }

    fn sink(&self, name: &str, place: usize, script: &[&str]) -> Result<Sink> {
        let folder = self.folder.join(name);
        std::fs::remove_file(folder.join("receipts")).ok();
        let script: Vec<String> = script.iter().map(|word| (*word).to_owned()).collect();
        Sink::start_at(self.at[place], &self.xtask, &folder, &script)
    }

    /// Sends the edition. Gives the seconds from the turn to the last copy that the other relay took.
    fn send(&self, first: &Sink, second: &Sink, after: u64, noise: &Path) -> Result<f64> {
        let mut command = match self.arguments.planted {
            None => self.newsroom.coranto.command(&["edition", "send"]),
            Some(defect) => {
                let mut command = Command::new(&self.xtask);
                command.args(["poster", "--planted", defect.name(), "--newsroom"]).arg(&self.newsroom.coranto.folder);
                command
            }
        };
        let mut poster = Program::start("the poster", &mut command, noise)?;
        let (mut of_first, mut of_second) = (Tail::open(&first.receipts)?, Tail::open(&second.receipts)?);
        let began = Instant::now();
        let (mut turned, mut seen, mut last) = (None, 0, began);
        loop {
            let ended = poster.ended()?;
            if turned.is_none() && of_first.lines()? >= after {
                turned = Some(Instant::now());
            }
            let lines = of_second.lines()?;
            if lines > seen {
                (seen, last) = (lines, Instant::now());
            }
            if ended.is_some() || began.elapsed() > EDITION_MAX {
                let turned = turned.context("the relay never turned: nothing was tried")?;
                return Ok(last.saturating_duration_since(turned).as_secs_f64());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Holds everything against everything.
    fn reckon(&self, departure: DepartureId, sinks: [Sink; 2], mut outcome: Outcome) -> Result<Outcome> {
        let mut receipts = Vec::new();
        for sink in sinks {
            let file = sink.receipts.clone();
            sink.end()?;
            let some = crate::sink::receipts::read(&file)?;
            outcome.by_second = some.iter().filter(|receipt| receipt.outcome.holds()).count();
            receipts.extend(some);
        }
        let store = &self.newsroom.house.store;
        let (lines, doubts) = self.runtime.block_on(reconcile::proof(store, departure))?;
        let sorted = Marks::of(&self.newsroom).sort(receipts);
        outcome.faults = sorted.strays.clone();
        outcome.balance = reconcile::hold(departure, &lines, &doubts, &sorted);
        outcome.judge(self.arguments.readers);
        Ok(outcome)
    }
}

impl Outcome {
    fn judge(&mut self, readers: u32) {
        let b = &self.balance;
        let doubted = b.uncertain + b.twice_in_doubt;
        let most = if self.turn.is_clean() { 0 } else { CONNECTIONS as usize };
        let wrong = [
            (b.audience != readers as usize, format!("{} readers in the edition of {readers}", b.audience)),
            (b.breaches() > 0, b.told.join("; ")),
            (doubted > most, format!("{doubted} readers in doubt, with {most} connections that could lose an answer")),
            (self.alerts != 1, format!("{} alerts", self.alerts)),
            (self.seconds > REST_SECONDS_MAX, format!("the last copy came {:.0} s after the turn", self.seconds)),
        ];
        self.faults.extend(wrong.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what));
    }

    fn print(&self, seed: u64) {
        let b = &self.balance;
        println!(
            "seed {seed}: {} after {}, {} by the other, {} in doubt, {} missed, {} twice, {} alerts, last copy {:.1} s after",
            self.turn.name(),
            self.after,
            self.by_second,
            b.uncertain,
            b.missed,
            b.twice + b.twice_in_doubt,
            self.alerts,
            self.seconds
        );
        self.faults.iter().for_each(|fault| println!("  breach: {fault}"));
    }

    fn json(&self) -> Value {
        let b = &self.balance;
        json!({
            "turn": self.turn.name(),
            "after": self.after,
            "audience": b.audience,
            "by_second": self.by_second,
            "uncertain": b.uncertain,
            "missed": b.missed,
            "twice": b.twice + b.twice_in_doubt,
            "alerts": self.alerts,
            "seconds": (self.seconds * 10.0).round() / 10.0,
            "breaches": self.faults.len(),
        })
    }
}

fn table(results: &Results) {
    println!(
        "\n| the relay | runs | readers | missed | twice | in doubt | alerts | last copy, s: median | worst | breaches |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for turn in Turn::EVERY {
        let rows: Vec<&Value> = results.rows.iter().filter(|row| row["turn"] == turn.name()).collect();
        let sum = |of: &str| rows.iter().filter_map(|row| row[of].as_u64()).sum::<u64>();
        let mut seconds: Vec<f64> = rows.iter().filter_map(|row| row["seconds"].as_f64()).collect();
        seconds.sort_by(f64::total_cmp);
        let (Some(median), Some(worst)) = (seconds.get(seconds.len() / 2), seconds.last()) else { continue };
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {median} | {worst} | {} |",
            turn.name(),
            rows.len(),
            sum("audience"),
            sum("missed"),
            sum("twice"),
            sum("uncertain"),
            sum("alerts"),
            sum("breaches")
        );
    }
}
