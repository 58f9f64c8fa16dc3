//! `cargo xtask crash`: kills the real poster at random moments and shows that nobody is missed and nobody mailed twice.
//!
//! A newsroom is founded and filled, editions are cut, and `coranto edition send` sends them to a sink that misbehaves;
//! the poster is killed several times an edition and started again until all is settled. Then every receipt is held
//! against the ledger. With `--cuts` it is the connections that end, after a random number of octets either way.
//! What was found is kept edition by edition, and a newsroom whose editions were all sent is not founded again. A planted defect (`--planted`) must be found out: a rig that cannot fail proves nothing (P29).

mod cuts;
pub mod kills;
pub mod poster;
pub mod reconcile;
mod trial;

use crate::programs::Build;
use crate::results::Results;
use anyhow::{Context, Result, ensure};
use clap::Args;
use poster::Planted;
use reconcile::Balance;
use serde_json::{Value, json};
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
    /// How often the poster is killed in each edition: ten times, or never with --cuts.
    #[arg(long, value_name = "N")]
    kills: Option<usize>,
    /// Cut every connection after a random number of octets, either way; then nothing else goes wrong at the sink.
    #[arg(long)]
    cuts: bool,
    /// How many connections the poster may open.
    #[arg(long, default_value_t = 20, value_name = "N")]
    connections: usize,
    /// Send with the program as it is shipped, not as it is developed.
    #[arg(long)]
    release: bool,
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

/// How often the poster is killed in an edition unless told otherwise.
const KILLS: usize = 10;

impl Arguments {
    fn kills(&self) -> usize {
        self.kills.unwrap_or(if self.cuts { 0 } else { KILLS })
    }

    fn build(&self) -> Build {
        if self.release { Build::Release } else { Build::Debug }
    }

    /// What the results are of.
    fn settings(&self) -> Value {
        json!({
            "readers": self.readers,
            "editions": self.editions,
            "kills": self.kills(),
            "cuts": self.cuts,
            "connections": self.connections,
            "database": if self.database == "sqlite" { "sqlite" } else { "postgres" },
            "wait_ms": self.wait_ms,
            "planted": self.planted.map(Planted::name),
        })
    }
}

/// What came of one edition.
pub struct Edition {
    number: usize,
    kills: usize,
    /// How many connections were cut.
    cuts: u64,
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

/// Runs the trials that are missing, prints a table and one line of JSON of all; fails if a promise was broken, or if a kill
/// could not be made.
pub fn run(arguments: &Arguments) -> Result<()> {
    let one_newsroom = arguments.database.contains("://");
    ensure!(!one_newsroom || arguments.trials == 1, "one empty database holds one newsroom: ask for one trial");
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut results = Results::open(if arguments.cuts { "cuts" } else { "crash" }, arguments.settings())?;
    let seeds = arguments.seed..arguments.seed + arguments.trials;
    println!("{HEAD}");
    for seed in seeds.clone() {
        if results.of_seed(seed) >= arguments.editions {
            continue;
        }
        let folder = interop::target().join("crash").join(format!("{}-{seed}", std::process::id()));
        let clean = trial(arguments, &runtime, &folder, seed, &mut results)?;
        if arguments.keep || (!clean && arguments.planted.is_none()) {
            println!("  the newsroom of seed {seed} lies in {}", folder.display());
        } else {
            std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
    }
    results.of_seeds(&seeds);
    let total = total(arguments, &results, began.elapsed().as_secs_f64());
    println!("{total}");
    ensure!(total["breaches"] == 0, "a promise was broken");
    let asked = (arguments.kills() * results.rows.len()) as u64;
    let kills = results.sum("kills");
    ensure!(arguments.planted.is_some() || kills == asked, "only {kills} of {asked} kills could be made");
    Ok(())
}

/// One newsroom's editions, each kept. `true`: no promise was broken.
fn trial(arguments: &Arguments, runtime: &Runtime, folder: &Path, seed: u64, results: &mut Results) -> Result<bool> {
    let mut trial = Trial::found(arguments, runtime, folder, seed)?;
    let mut clean = true;
    for number in results.of_seed(seed)..arguments.editions {
        let edition = trial.edition(number).with_context(|| format!("edition {} of seed {seed}", number + 1))?;
        edition.print(seed);
        clean &= edition.breaches == 0;
        results.keep(seed, edition.json())?;
    }
    let strays = trial.end()?;
    strays.iter().take(reconcile::TOLD_MAX).for_each(|stray| println!("  stray: {stray}"));
    if !strays.is_empty() {
        results.keep(seed, json!({"strays": strays.len(), "breaches": strays.len()}))?;
    }
    Ok(clean && strays.is_empty())
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
        if self.cuts > 0 {
            println!("  {} connections cut", self.cuts);
        }
        for fault in &b.told {
            println!("  breach: {fault}");
        }
    }

    fn json(&self) -> Value {
        let b = &self.balance;
        json!({
            "edition": self.number,
            "audience": b.audience,
            "accepted": b.accepted,
            "refused": b.refused,
            "excluded": b.excluded,
            "uncertain": b.uncertain,
            "uncertain_with_mail": b.uncertain_with_mail,
            "uncertain_by_kills": self.uncertain_by_kills,
            "uncertain_at_a_kill": self.uncertain_at_a_kill,
            "open_at_that_kill": self.open_at_that_kill,
            "kills": self.kills,
            "cuts": self.cuts,
            "gave_up": self.gave_up,
            "missed": b.missed,
            "twice": b.twice,
            "twice_in_doubt": b.twice_in_doubt,
            "strays": b.strays,
            "unlisted": b.unlisted,
            "altered": b.altered,
            "sums": self.sums,
            "breaches": self.breaches,
        })
    }
}

/// What is summed up over all editions.
const SUMMED: [&str; 18] = [
    "audience",
    "accepted",
    "refused",
    "excluded",
    "uncertain",
    "uncertain_with_mail",
    "uncertain_by_kills",
    "kills",
    "cuts",
    "gave_up",
    "missed",
    "twice",
    "twice_in_doubt",
    "strays",
    "unlisted",
    "altered",
    "sums",
    "breaches",
];

/// What all editions came to.
fn total(arguments: &Arguments, results: &Results, seconds: f64) -> Value {
    let worst = results.rows.iter().max_by_key(|row| row["uncertain_at_a_kill"].as_u64());
    let mut total = json!({
        "rig": if arguments.cuts { "cuts" } else { "crash" },
        "settings": arguments.settings(),
        "seed": arguments.seed,
        "trials": arguments.trials,
        "editions": results.rows.iter().filter(|row| row["audience"].is_u64()).count(),
        "uncertain_at_a_kill_max": worst.map_or(0, |row| row["uncertain_at_a_kill"].as_u64().unwrap_or(0)),
        "open_at_that_kill": worst.map_or(0, |row| row["open_at_that_kill"].as_u64().unwrap_or(0)),
        "seconds": seconds.round(),
    });
    for name in SUMMED {
        total[name] = json!(results.sum(name));
    }
    total
}
