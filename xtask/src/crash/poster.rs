//! `cargo xtask poster`: the post office with a planted defect, in a process that the crash rig may kill.
//!
//! The same library does the work, with the same orders; the shipped program has no way to ask for a defect.

use super::Planted;
use crate::founding::world;
use anyhow::{Context, Result};
use clap::Args;
use coranto::commands::edition::open;
use coranto::config::Config;
use coranto::house::House;
use coranto::office;
use std::path::PathBuf;
use store::editions;

/// Send the latest edition with a planted defect.
#[derive(Args)]
pub struct Arguments {
    /// Which defect.
    #[arg(long, value_name = "DEFECT")]
    planted: Planted,
    /// The newsroom's folder.
    #[arg(long, value_name = "DIR")]
    newsroom: PathBuf,
}

/// Sends until all is settled.
pub fn run(arguments: &Arguments) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(send(arguments))
}

async fn send(arguments: &Arguments) -> Result<()> {
    let house = House::open(world(), Config::read(&arguments.newsroom)?).await?;
    let latest = house.store.read(|tx| editions::latest(tx, 1)).await?;
    open(&house, latest.first().context("no edition was cut")?).await?;
    let lock = house.lock_post()?;
    let (_tell, stop) = tokio::sync::watch::channel(false);
    let mut orders = office::orders(&house, office::until_settled(), stop)?;
    orders.defect = Some(match arguments.planted {
        Planted::MarkAfterDot => post::Defect::MarkAfterDot,
        Planted::CursorMovedOnFetch => post::Defect::CursorMovedOnFetch,
    });
    post::run(house.world, house.store, house.vault, orders).await?;
    drop(lock);
    Ok(())
}
