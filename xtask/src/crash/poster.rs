//! `cargo xtask poster`: the post office as a rig needs it, in a process that the rig may stop and kill: with a planted
//! defect, or with a lease that ends in seconds.
//!
//! The same library does the work, with the same orders; the shipped program has no way to ask for either.

use crate::founding::world;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use coranto::commands::edition::open;
use coranto::config::Config;
use coranto::house::House;
use coranto::office;
use post::{Defect, PostFault};
use std::path::PathBuf;
use std::time::Duration;
use store::{Location, Store, editions};

/// A defect that the poster can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Planted {
    /// The final dot leaves without its durable mark.
    MarkAfterDot,
    /// A copy's outcome is kept before its dot has left.
    OutcomeBeforeMark,
    /// A copy counts as sent when it is claimed: a checkpoint at the fetch.
    CursorMovedOnFetch,
    /// The dot leaves although its mark was refused: the lease is another's.
    NoFencing,
    /// A relay at fault is never rested.
    CircuitNeverOpens,
    /// A copy in doubt is sent again at once, by whatever relay.
    DoubtSentAgain,
    /// SQLite keeps what it says it has kept only in memory: `synchronous=NORMAL`.
    SynchronousNormal,
}

impl Planted {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Planted::MarkAfterDot => "mark-after-dot",
            Planted::OutcomeBeforeMark => "outcome-before-mark",
            Planted::CursorMovedOnFetch => "cursor-moved-on-fetch",
            Planted::NoFencing => "no-fencing",
            Planted::CircuitNeverOpens => "circuit-never-opens",
            Planted::DoubtSentAgain => "doubt-sent-again",
            Planted::SynchronousNormal => "synchronous-normal",
        }
    }

    fn defect(self) -> Option<Defect> {
        match self {
            Planted::MarkAfterDot => Some(Defect::MarkAfterDot),
            Planted::OutcomeBeforeMark => Some(Defect::OutcomeBeforeMark),
            Planted::CursorMovedOnFetch => Some(Defect::CursorMovedOnFetch),
            Planted::NoFencing => Some(Defect::RefusalIgnored),
            Planted::CircuitNeverOpens => Some(Defect::CircuitNeverOpens),
            Planted::DoubtSentAgain => Some(Defect::DoubtSentAgain),
            Planted::SynchronousNormal => None,
        }
    }
}

/// Send the latest edition as a rig wants it.
#[derive(Args)]
pub struct Arguments {
    /// With which defect.
    #[arg(long, value_name = "DEFECT")]
    planted: Option<Planted>,
    /// The newsroom's folder.
    #[arg(long, value_name = "DIR")]
    newsroom: PathBuf,
    /// With a lease that ends so soon unless renewed, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = post::LEASE_MS)]
    lease_ms: i64,
    /// While another holds the lease, ask for it again so soon, in milliseconds, instead of giving up; and after being
    /// fenced.
    #[arg(long, value_name = "MS")]
    again_ms: Option<u64>,
}

/// Sends until all is settled.
pub fn run(arguments: &Arguments) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(send(arguments))
}

async fn send(arguments: &Arguments) -> Result<()> {
    let config = Config::read(&arguments.newsroom)?;
    let location = config.database.clone();
    let mut house = House::open(world(), config).await?;
    if let (Some(Planted::SynchronousNormal), Location::Sqlite(file)) = (arguments.planted, location) {
        house.store = Store::open(&Location::SqlitePlantedNormal(file))?;
    }
    let latest = house.store.read(|tx| editions::latest(tx, 1)).await?;
    open(&house, latest.first().context("no edition was cut")?).await?;
    let lock = house.lock_post()?;
    let (_tell, stop) = tokio::sync::watch::channel(false);
    let mut orders = office::orders(&house, office::until_settled(), stop)?;
    orders.defect = arguments.planted.and_then(Planted::defect);
    orders.lease_ms = arguments.lease_ms;
    loop {
        let (world, store, vault) = (house.world.clone(), house.store.clone(), house.vault.clone());
        match (post::run(world, store, vault, orders.clone()).await, arguments.again_ms) {
            (Err(PostFault::Held(_) | PostFault::Fenced), Some(again)) => {
                tokio::time::sleep(Duration::from_millis(again)).await;
            }
            (ended, _) => break ended?,
        }
    }
    drop(lock);
    Ok(())
}
