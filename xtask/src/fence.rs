//! `cargo xtask fence`: four posters on one PostgreSQL, stopped, woken and killed at random; no copy is sent by two of them.
//!
//! Each poster is a process with a folder of its own, as on a machine of its own; its lease ends in two seconds, so that
//! a stopped one is replaced soon and wakes to a newsroom that is another's. When a round's edition is settled and the last
//! stopped poster has had its say, every receipt is held against the ledger. Kept round by round; made once.

use crate::crash::poster::Planted;
use crate::crash::reconcile::{self, Balance, Marks};
use crate::dice::Dice;
use crate::founding::{Ground, Newsroom, database};
use crate::programs::{Build, Program, Sink};
use crate::results::{Results, workshop};
use anyhow::{Context, Result, ensure};
use clap::Args;
use coranto::config::FILE;
use newsroom::{DepartureId, DepartureState, Ms};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use store::editions;
use store::ledger::{self, Doubt};
use tokio::runtime::Runtime;

/// How many posters there are.
const POSTERS: usize = 4;
/// How many connections each may open.
const CONNECTIONS: usize = 5;
/// Their lease, in milliseconds: an outlet's holds for a minute.
const LEASE_MS: i64 = 2_000;
/// How often one that does not hold it asks again, in milliseconds.
const AGAIN_MS: u64 = 50;
/// How long the sink holds back each answer, in milliseconds: so that a poster that is stopped has copies in flight.
const WAIT_MS: u64 = 25;
/// Between two blows of the rig, in milliseconds, at most.
const APART_MS_MAX: u64 = 700;
/// How long a poster is stopped, in milliseconds, at most: some wake as holders of the lease, most do not.
const STOPPED_MS_MAX: u64 = 4_000;
/// Of so many of four blows the one that holds the lease is hit.
const AT_HOLDER_OF_FOUR: u64 = 3;
/// How long a poster that was woken at the end may take to see that nothing is left.
const FAREWELL: Duration = Duration::from_secs(6);
/// A round that has not settled after this is stalled.
const ROUND_MAX: Duration = Duration::from_secs(180);
/// How often the rig looks.
const LOOK: Duration = Duration::from_millis(20);
/// What the rig asks the database beside the store.
const LEASE: &str = "SELECT epoch, holder FROM lease WHERE name = 'post'";

/// Stop, wake and kill four posters on one PostgreSQL.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// How many rounds there are to be, with those that were made before.
    #[arg(long, default_value_t = 200, value_name = "N")]
    rounds: u64,
    /// How many readers each round's edition has.
    #[arg(long, default_value_t = 300, value_name = "N")]
    readers: u32,
    /// The first round's seed; the others follow.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Post with this defect: the rig must find it out.
    #[arg(long, value_name = "DEFECT")]
    planted: Option<Planted>,
}

/// Makes the rounds that are missing, prints the sums of all; fails if a promise was broken in one.
pub fn run(arguments: &Arguments) -> Result<()> {
    let settings = json!({
        "readers": arguments.readers,
        "posters": POSTERS,
        "lease_ms": LEASE_MS,
        "planted": arguments.planted.map(Planted::name),
    });
    let mut results = Results::open("fence", settings)?;
    let wanted = arguments.seed..arguments.seed + arguments.rounds;
    let missing = results.missing(wanted.clone());
    println!("fence: {} rounds from seed {}, {} to make", arguments.rounds, arguments.seed, missing.len());
    if !missing.is_empty() {
        let folder = workshop("fence")?;
        let made = make(arguments, &folder, &missing, &mut results);
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        made?;
    }
    results.of_seeds(&wanted);
    println!("\n| rounds | readers | stopped | killed | takings of the lease | in doubt | missed | twice | breaches |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let sums = ["audience", "stopped", "killed", "takings", "uncertain", "missed", "twice", "breaches"];
    let sums = sums.map(|name| results.sum(name).to_string());
    println!("| {} | {} |", results.rows.len(), sums.join(" | "));
    ensure!(results.sum("breaches") == 0, "a promise was broken");
    Ok(())
}

fn make(arguments: &Arguments, folder: &Path, seeds: &[u64], results: &mut Results) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut rig = Rig::found(arguments, &runtime, folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        let row = rig.round(number, *seed).with_context(|| format!("round {seed}"))?;
        println!("seed {seed}: {row}");
        results.keep(*seed, row)?;
    }
    rig.sink.end().map(drop)
}

struct Rig<'a> {
    arguments: &'a Arguments,
    runtime: &'a Runtime,
    xtask: PathBuf,
    newsroom: Newsroom,
    sink: Sink,
    folders: Vec<PathBuf>,
    database: String,
    noise: PathBuf,
}

/// A poster's process, and until when it is stopped.
struct Poster {
    program: Program,
    stopped: Option<Instant>,
}

/// What was done to the posters of a round.
#[derive(Default)]
struct Blows {
    stopped: u64,
    killed: u64,
    told: Vec<String>,
}

impl<'a> Rig<'a> {
    fn found(arguments: &'a Arguments, runtime: &'a Runtime, folder: &Path) -> Result<Rig<'a>> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let xtask = std::env::current_exe().context("this program's own path")?;
        let sink = Sink::start(&xtask, folder, &["--wait-ms".to_owned(), WAIT_MS.to_string()])?;
        let settings = [
            ("relay.host", sink.address.ip().to_string()),
            ("relay.port", sink.address.port().to_string()),
            ("relay.connections", CONNECTIONS.to_string()),
            ("relay.dot_patience_s", "5".to_owned()),
            ("post.retry_first_s", "1".to_owned()),
        ];
        let database = database("postgres")?.context("a database of the rig's own")?;
        let ground = Ground { folder, database: Some(&database), build: Build::Release };
        let newsroom = runtime.block_on(Newsroom::with_readers(&ground, &settings, arguments.readers))?;
        let home = &newsroom.coranto.folder;
        let folders = (0..POSTERS).map(|number| settle_in(home, &folder.join(format!("poster-{number}"))));
        let folders = folders.collect::<Result<Vec<_>>>()?;
        let noise = folder.join("posters.log");
        Ok(Rig { arguments, runtime, xtask, newsroom, sink, folders, database, noise })
    }

    fn poster(&self, number: usize) -> Result<Poster> {
        let mut command = Command::new(&self.xtask);
        command.args(["poster", "--lease-ms", &LEASE_MS.to_string(), "--again-ms", &AGAIN_MS.to_string()]);
        if let Some(defect) = self.arguments.planted {
            command.args(["--planted", defect.name()]);
        }
        command.arg("--newsroom").arg(&self.folders[number]);
        Ok(Poster { program: Program::start("a poster", &mut command, &self.noise)?, stopped: None })
    }

    fn round(&mut self, number: usize, seed: u64) -> Result<Value> {
        self.newsroom.publish(1)?;
        let departure = self.newsroom.coranto.cut(number)?;
        let epoch = self.epoch()?;
        let mut posters = (0..POSTERS).map(|number| self.poster(number)).collect::<Result<Vec<_>>>()?;
        let blows = self.beat(&mut posters, departure, &mut Dice::new(seed))?;
        farewell(posters)?;
        let takings = self.epoch()? - epoch;
        self.reckon(departure, blows, takings)
    }

    /// Beats the posters until the departure is settled.
    fn beat(&self, posters: &mut [Poster], departure: DepartureId, dice: &mut Dice) -> Result<Blows> {
        let (began, mut next, mut blows) = (Instant::now(), Instant::now(), Blows::default());
        while self.state(departure)? != DepartureState::Settled {
            if began.elapsed() > ROUND_MAX {
                blows.told.push(format!("not settled after {} s", ROUND_MAX.as_secs()));
                break;
            }
            for (number, poster) in posters.iter_mut().enumerate() {
                if poster.stopped.is_some_and(|until| until <= Instant::now()) {
                    poster.program.signal("CONT")?;
                    poster.stopped = None;
                }
                if poster.program.ended()?.is_some() {
                    *poster = self.poster(number)?;
                }
            }
            if next <= Instant::now() {
                self.blow(posters, dice, &mut blows)?;
                next = Instant::now() + Duration::from_millis(dice.below(APART_MS_MAX));
            }
            std::thread::sleep(LOOK);
        }
        Ok(blows)
    }

    /// Stops or kills one of them.
    fn blow(&self, posters: &mut [Poster], dice: &mut Dice, blows: &mut Blows) -> Result<()> {
        let (any, at_holder) = (usize::try_from(dice.below(POSTERS as u64))?, dice.below(4) < AT_HOLDER_OF_FOUR);
        let (kill, length) = (dice.below(3) == 0, dice.below(STOPPED_MS_MAX));
        let holder = if at_holder { self.holder()? } else { None };
        let poster = &mut posters[holder.unwrap_or(any)];
        if poster.stopped.is_some() || poster.program.ended()?.is_some() {
            return Ok(());
        }
        if kill {
            poster.program.kill()?;
            blows.killed += 1;
        } else {
            poster.program.signal("STOP")?;
            poster.stopped = Some(Instant::now() + Duration::from_millis(length));
            blows.stopped += 1;
        }
        Ok(())
    }

    fn state(&self, id: DepartureId) -> Result<DepartureState> {
        let read = self.newsroom.house.store.read(move |tx| editions::departure_by_id(tx, id));
        Ok(self.runtime.block_on(read)?.context("departures are never erased")?.state)
    }

    /// Which of the posters holds the lease, or held it last.
    fn holder(&self) -> Result<Option<usize>> {
        let Some((_, holder)) = self.lease()? else { return Ok(None) };
        let is_holder = |folder: &PathBuf| {
            fs::canonicalize(folder).is_ok_and(|folder| holder.ends_with(&folder.display().to_string()))
        };
        Ok(self.folders.iter().position(is_holder))
    }

    /// How often the lease was taken so far.
    fn epoch(&self) -> Result<i64> {
        Ok(self.lease()?.map_or(0, |(epoch, _)| epoch))
    }

    /// The lease as it stands: its epoch and its holder.
    fn lease(&self) -> Result<Option<(i64, String)>> {
        let row = interop::postgres::first_row(&self.database, LEASE)?;
        row.map(|row| Ok((row[0].parse()?, row[1].clone()))).transpose()
    }

    /// Holds everything against everything.
    fn reckon(&self, departure: DepartureId, mut blows: Blows, takings: i64) -> Result<Value> {
        let store = &self.newsroom.house.store;
        let (lines, doubts) = self.runtime.block_on(reconcile::proof(store, departure))?;
        let sorted = Marks::of(&self.newsroom).sort(crate::sink::receipts::read(&self.sink.receipts)?);
        let balance: Balance = reconcile::hold(departure, &lines, &doubts, &sorted);
        blows.told.extend(sorted.strays.iter().cloned());
        let most = most_at_once(&doubts);
        if most > CONNECTIONS {
            blows.told.push(format!("{most} readers became uncertain at once, with {CONNECTIONS} connections"));
        }
        blows.told.iter().chain(&balance.told).for_each(|fault| println!("  breach: {fault}"));
        Ok(json!({
            "audience": balance.audience,
            "stopped": blows.stopped,
            "killed": blows.killed,
            "takings": takings,
            "uncertain": balance.uncertain,
            "uncertain_at_once_max": most,
            "missed": balance.missed,
            "twice": balance.twice,
            "twice_in_doubt": balance.twice_in_doubt,
            "breaches": balance.breaches() + blows.told.len(),
        }))
    }
}

/// Makes a folder of the same newsroom: another machine's.
fn settle_in(home: &Path, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for file in [FILE, "newsroom.keys"] {
        fs::copy(home.join(file), folder.join(file)).with_context(|| file.to_owned())?;
    }
    // A copy is held until a person says that it may send: here that is the rig.
    coranto::hold::mark(folder, 0).map_err(|problem| anyhow::anyhow!("{problem:?}"))?;
    Ok(folder.to_owned())
}

/// Wakes whoever is stopped, and lets each see that nothing is left to do.
fn farewell(mut posters: Vec<Poster>) -> Result<()> {
    for poster in &mut posters {
        if poster.stopped.take().is_some() {
            poster.program.signal("CONT")?;
        }
    }
    let began = Instant::now();
    while began.elapsed() < FAREWELL {
        let mut left = 0;
        for poster in &mut posters {
            left += usize::from(poster.program.ended()?.is_none());
        }
        if left == 0 {
            break;
        }
        std::thread::sleep(LOOK);
    }
    posters.iter_mut().try_for_each(|poster| poster.program.kill())
}

/// The most readers that one taking of the lease found in flight.
fn most_at_once(doubts: &[Doubt]) -> usize {
    let mut found: BTreeMap<Ms, usize> = BTreeMap::new();
    for doubt in doubts.iter().filter(|doubt| doubt.cause == ledger::POSTER_ENDED) {
        *found.entry(doubt.since).or_default() += 1;
    }
    found.into_values().max().unwrap_or(0)
}
