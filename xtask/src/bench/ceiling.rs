//! The ceiling: the copies of an edition made, signed and written over as many connections, with no ledger at all.
//!
//! It makes the very messages that the poster makes, with the same code, and speaks the same SMTP; what is missing is
//! the mark before the dot and the outcome after it. It is told on its standard input when to begin each part, so that
//! its parts may lie before and after what they are compared with.

use crate::founding::world;
use crate::programs::usage;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use coranto::commands::edition::open;
use coranto::config::Config;
use coranto::house::House;
use coranto::office;
use mail::smtp::client::Session;
use newsroom::{CohortId, Delivery, DepartureId};
use post::route::{Carrier, Route};
use post::{Ready, Sender, SharedCopy};
use std::collections::{BTreeMap, VecDeque};
use std::io::BufRead;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use store::editions;
use store::ledger::{self, Claim};
use tokio::task::JoinSet;
use world::{Stream, Target};

/// How many copies are claimed by one transaction, before anything is timed.
const CLAIM: i64 = 2_000;
/// How long the lease is taken for, in milliseconds: the poster of the same newsroom may take it over at any time.
const LEASE_MS: i64 = 60_000;

/// Write the copies of the latest edition without a ledger.
#[derive(Args)]
pub struct Arguments {
    /// The newsroom's folder.
    #[arg(long, value_name = "DIR")]
    newsroom: PathBuf,
    /// Where to send them.
    #[arg(long, value_name = "ADDR")]
    to: SocketAddr,
}

/// What all connections share.
struct Shared {
    house: House,
    sender: Sender,
    route: Route,
    cohorts: BTreeMap<CohortId, Arc<SharedCopy>>,
    waiting: Mutex<VecDeque<Delivery>>,
}

/// Makes everything ready; then sends the first half at the first line it is given and the rest at the second, and says
/// what each took as a line of JSON.
pub fn run(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (shared, all) = runtime.block_on(prepare(arguments))?;
    println!("{}", serde_json::json!({"ready": all.len()}));
    let mut rest = all;
    let first = rest.drain(..rest.len() / 2).collect();
    let mut told = std::io::stdin().lock().lines();
    for part in [first, rest] {
        let _word = told.next().context("nobody says when to begin")??;
        println!("{}", runtime.block_on(part_of(&shared, part))?);
    }
    Ok(())
}

async fn prepare(arguments: &Arguments) -> Result<(Arc<Shared>, Vec<Delivery>)> {
    let house = House::open(world(), Config::read(&arguments.newsroom)?).await?;
    let latest = house.store.read(|tx| editions::latest(tx, 1)).await?;
    let departure = latest.first().context("no edition was cut")?;
    open(&house, departure).await?;
    let (_tell, stop) = tokio::sync::watch::channel(false);
    let orders = office::orders(&house, office::until_settled(), stop)?;
    let mut route = orders.routes.borrow().first().context("the newsroom has a relay")?.clone();
    let Carrier::Relay(relay) = &mut route.carrier;
    relay.target = Target::Addr(arguments.to);
    let all = claimed(&house, departure.id).await?;
    let mut cohorts = BTreeMap::new();
    for delivery in &all {
        if !cohorts.contains_key(&delivery.cohort) {
            let id = delivery.cohort;
            let cohort = house.store.read(move |tx| ledger::cohort(tx, id)).await?;
            cohorts.insert(id, Arc::new(SharedCopy::open(cohort)));
        }
    }
    let sender = orders.sender.clone();
    Ok((Arc::new(Shared { house, sender, route, cohorts, waiting: Mutex::default() }), all))
}

/// Every copy of the departure. They are left leased, and the poster's lease queues them again.
async fn claimed(house: &House, departure: DepartureId) -> Result<Vec<Delivery>> {
    let (holder, now) = (house.holder(), house.world.now());
    let taken = house.store.write(move |tx| ledger::take_lease(tx, &holder, now, now + LEASE_MS)).await?;
    let Ok(lease) = taken else { bail!("another poster is at work") };
    let (mut all, mut after) = (Vec::new(), (-1, -1));
    loop {
        let what = Claim::Edition(departure, after.0, after.1);
        let mut page = house.store.write(move |tx| ledger::claim(tx, lease, what, CLAIM)).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = (last.key.lane, last.key.position);
        all.append(&mut page);
    }
}

async fn part_of(shared: &Arc<Shared>, part: Vec<Delivery>) -> Result<serde_json::Value> {
    let copies = part.len();
    *shared.waiting.lock().expect("no task panicked with it") = part.into();
    let own = || usage(std::process::id()).context("/proc");
    let (began, before) = (Instant::now(), own()?);
    let mut hands = JoinSet::new();
    for _ in 0..shared.route.connections {
        let shared = shared.clone();
        hands.spawn(async move { work(&shared).await });
    }
    let mut sent = 0;
    while let Some(hand) = hands.join_next().await {
        sent += hand??;
    }
    ensure!(sent == copies, "{sent} of {copies} copies were taken");
    let (seconds, after) = (began.elapsed().as_secs_f64(), own()?);
    Ok(serde_json::json!({"copies": copies, "seconds": seconds, "cpu_seconds": after.cpu_seconds - before.cpu_seconds}))
}

/// One connection after the other, until nothing waits.
async fn work(shared: &Shared) -> Result<usize> {
    let mut sent = 0;
    let mut next = make(shared)?;
    while next.is_some() {
        let mut session = shared.route.open(&shared.house.world).await.map_err(|why| anyhow::anyhow!("{why}"))?;
        next = converse(shared, &mut session, next, &mut sent).await?;
        session.quit().await;
    }
    Ok(sent)
}

/// As many messages as one connection may carry, each one's dot with the next one's commands.
async fn converse(
    shared: &Shared,
    session: &mut Session<Stream>,
    first: Option<Ready>,
    sent: &mut usize,
) -> Result<Option<Ready>> {
    let Some(mut copy) = first else { return Ok(None) };
    session.begin(&copy.envelope()).await?;
    for left in (0..shared.route.messages_per_connection).rev() {
        session.pieces(&copy.pieces()).await?;
        let next = make(shared)?;
        let ahead = next.as_ref().filter(|_| left > 0);
        match ahead {
            Some(next) => session.dot_and_begin(&next.envelope()).await?,
            None => session.dot().await?,
        };
        *sent += 1;
        match next {
            Some(next) if left > 0 => copy = next,
            next => return Ok(next),
        }
        session.begun().await?;
    }
    Ok(None)
}

/// Makes and signs the next copy, as the poster would.
fn make(shared: &Shared) -> Result<Option<Ready>> {
    let next = shared.waiting.lock().expect("no task panicked with it").pop_front();
    let Some(delivery) = next else { return Ok(None) };
    let words = shared.cohorts[&delivery.cohort].clone();
    Ok(Some(Ready::make(&shared.house.vault, &shared.sender, delivery, words)?))
}
