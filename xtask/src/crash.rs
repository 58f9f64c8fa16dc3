//! `cargo xtask crash`: kills the real poster at random moments and shows that nobody is missed and nobody mailed twice.
//!
//! A newsroom is founded and filled, editions are cut, and `coranto edition send` sends them to a sink that misbehaves;
//! the poster is killed several times an edition and started again until all is settled. Then every receipt is held
//! against the ledger. A planted defect (`--planted`) must be found out: a rig that cannot fail proves nothing (P29).

pub mod kills;
pub mod poster;
pub mod reconcile;
mod trial;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use reconcile::Balance;
use serde_json::json;
use std::path::Path;
use std::time::Instant;
use tokio::runtime::Runtime;
use trial::Trial;

/// Kill the poster again and again, and hold every receipt against the ledger.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// How many newsrooms are founded, one after the other, each with the next seed.
    #[arg(long, default_value_t = 1, value_name = "N")]
    trials: u64,
    /// How many readers each has.
    #[arg(long, default_value_t = 5_000, value_name = "N")]
    readers: u32,
    /// How many editions each sends.
    #[arg(long, default_value_t = 10, value_name = "N")]
    editions: usize,
    /// How often the poster is killed in each edition.
    #[arg(long, default_value_t = 10, value_name = "N")]
    kills: usize,
    /// Decides the moments of the kills and what goes wrong at the sink.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// `sqlite`, `postgres` (a throw-away server of the rig's own), or the address of an empty database.
    #[arg(long, default_value = "sqlite", value_name = "URL")]
    database: String,
    /// How long the sink holds back each answer to a message, in milliseconds.
    #[arg(long, default_value_t = 4, value_name = "MS")]
    wait_ms: u64,
    /// Post with this defect: the rig must find it out.
    #[arg(long, value_name = "DEFECT")]
    planted: Option<Planted>,
    /// Keep the newsroom's folder, below the target folder.
    #[arg(long)]
    keep: bool,
}

/// A defect that the poster can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Planted {
    /// The final dot leaves without its durable mark.
    MarkAfterDot,
    /// A copy counts as sent when it is claimed.
    CursorMovedOnFetch,
}

impl Planted {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Planted::MarkAfterDot => "mark-after-dot",
            Planted::CursorMovedOnFetch => "cursor-moved-on-fetch",
        }
    }
}

/// What came of one edition.
pub struct Edition {
    number: usize,
    kills: usize,
    /// How often a poster ended by itself without having finished.
    gave_up: usize,
    /// How often the ledger was summed up.
    sums: u64,
    uncertain_by_kills: usize,
    uncertain_at_a_kill: usize,
    open_at_that_kill: usize,
    breaches: usize,
    seconds: f64,
    balance: Balance,
}

/// Runs the trials, prints a table and one line of JSON; fails if a promise was broken, or if a kill could not be made.
pub fn run(arguments: &Arguments) -> Result<()> {
    let one_newsroom = arguments.database.contains("://");
    ensure!(!one_newsroom || arguments.trials == 1, "one empty database holds one newsroom: ask for one trial");
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut all = Vec::new();
    let mut strays = Vec::new();
    println!("{HEAD}");
    for seed in arguments.seed..arguments.seed + arguments.trials {
        let folder = interop::target().join("crash").join(format!("{}-{seed}", std::process::id()));
        let (editions, mut astray) = trial(arguments, &runtime, &folder, seed)?;
        let clean = astray.is_empty() && editions.iter().all(|edition| edition.breaches == 0);
        if arguments.keep || (!clean && arguments.planted.is_none()) {
            println!("  the newsroom of seed {seed} lies in {}", folder.display());
        } else {
            std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        all.extend(editions);
        strays.append(&mut astray);
    }
    strays.iter().take(reconcile::TOLD_MAX).for_each(|stray| println!("  stray: {stray}"));
    let total = total(arguments, &all, strays.len(), began.elapsed().as_secs_f64());
    println!("{total}");
    ensure!(total["breaches"] == 0, "a promise was broken");
    let kills: usize = all.iter().map(|edition| edition.kills).sum();
    let asked = arguments.kills * all.len();
    ensure!(arguments.planted.is_some() || kills == asked, "only {kills} of {asked} kills could be made");
    Ok(())
}

/// One newsroom's editions, and the receipts that are of none.
fn trial(arguments: &Arguments, runtime: &Runtime, folder: &Path, seed: u64) -> Result<(Vec<Edition>, Vec<String>)> {
    let mut trial = Trial::found(arguments, runtime, folder, seed)?;
    let mut editions = Vec::new();
    for number in 0..arguments.editions {
        let edition = trial.edition(number).with_context(|| format!("edition {} of seed {seed}", number + 1))?;
        edition.print(seed);
        editions.push(edition);
    }
    Ok((editions, trial.end()?))
}

const HEAD: &str = "seed  edition  audience  accepted  refused  uncertain (with mail)  kills  at one kill / open  \
                    missed  twice  strays   sums      s";

impl Edition {
    fn print(&self, seed: u64) {
        let b = &self.balance;
        println!(
            "{seed:>4}  {:>7}  {:>8}  {:>8}  {:>7}  {:>9} {:>11}  {:>5}  {:>11} / {:<4}  {:>6}  {:>5}  {:>6}  {:>5}  {:>5.1}",
            self.number + 1,
            b.audience,
            b.accepted,
            b.refused,
            b.uncertain,
            format!("({})", b.uncertain_with_mail),
            self.kills,
            self.uncertain_at_a_kill,
            self.open_at_that_kill,
            b.missed,
            b.twice,
            b.strays,
            self.sums,
            self.seconds,
        );
        for fault in &b.told {
            println!("  breach: {fault}");
        }
    }
}

fn total(arguments: &Arguments, all: &[Edition], strays: usize, seconds: f64) -> serde_json::Value {
    let sum = |of: fn(&Edition) -> usize| all.iter().map(of).sum::<usize>();
    let worst = all.iter().max_by_key(|edition| edition.uncertain_at_a_kill);
    let database = if arguments.database == "sqlite" { "sqlite" } else { "postgres" };
    json!({
        "rig": "crash",
        "seed": arguments.seed,
        "trials": arguments.trials,
        "database": database,
        "planted": arguments.planted.map(Planted::name),
        "editions": all.len(),
        "audience": sum(|e| e.balance.audience),
        "accepted": sum(|e| e.balance.accepted),
        "refused": sum(|e| e.balance.refused),
        "excluded": sum(|e| e.balance.excluded),
        "uncertain": sum(|e| e.balance.uncertain),
        "uncertain_with_mail": sum(|e| e.balance.uncertain_with_mail),
        "uncertain_by_kills": sum(|e| e.uncertain_by_kills),
        "kills": sum(|e| e.kills),
        "uncertain_at_a_kill_max": worst.map_or(0, |e| e.uncertain_at_a_kill),
        "open_at_that_kill": worst.map_or(0, |e| e.open_at_that_kill),
        "gave_up": sum(|e| e.gave_up),
        "missed": sum(|e| e.balance.missed),
        "twice": sum(|e| e.balance.twice),
        "twice_in_doubt": sum(|e| e.balance.twice_in_doubt),
        "strays": sum(|e| e.balance.strays) + strays,
        "unlisted": sum(|e| e.balance.unlisted),
        "altered": sum(|e| e.balance.altered),
        "sums": all.iter().map(|e| e.sums).sum::<u64>(),
        "breaches": sum(|e| e.breaches) + strays,
        "seconds": seconds.round(),
    })
}
