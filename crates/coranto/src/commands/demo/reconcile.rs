//! Holds every receipt of the catching server against the ledger: what was accepted lies there once, to the right reader,
//! and nothing else does.

use std::collections::BTreeMap;

use newsroom::{DeliveryState, DepartureId, Problem, ReaderId};
use serde::Serialize;
use stage::catcher::Catcher;
use store::{ledger, readers};

use crate::house::{House, store_problem};

/// How many rows of the ledger are read at once.
const PAGE: i64 = 5_000;

/// How receipts and ledger compare.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Receipts {
    /// Accepted by the ledger, and there once, to the right address.
    pub matched: i64,
    /// Accepted by the ledger, but not there.
    pub missing: i64,
    /// There more than once.
    pub twice: i64,
    /// There, but not accepted by the ledger, or to another address, or to more than one.
    pub stray: i64,
}

impl Receipts {
    /// Whether nothing is missing, doubled or astray.
    pub fn agree(&self) -> bool {
        self.missing == 0 && self.twice == 0 && self.stray == 0
    }
}

/// Compares the receipts of one departure with its ledger.
pub async fn hold(house: &House, catcher: &Catcher, departure: DepartureId) -> Result<Receipts, Problem> {
    let mut found = receipts_of(house, catcher, departure);
    let mut told = Receipts::default();
    let mut after = (-1, -1);
    loop {
        let page = house.store.read(move |tx| ledger::lines(tx, departure, after, PAGE)).await;
        let page = page.map_err(|fault| store_problem(&fault))?;
        let Some(last) = page.last() else { break };
        after = (last.key.lane, last.key.position);
        for line in page {
            let to = found.remove(&line.reader).unwrap_or_default();
            let right = is_right(house, line.reader, &to).await?;
            match (line.state, to.len()) {
                (DeliveryState::Accepted, 1) if right => told.matched += 1,
                (DeliveryState::Accepted, 0) => told.missing += 1,
                // The doubtful one may have arrived: that is what doubt means.
                (DeliveryState::Uncertain, 0 | 1) | (_, 0) => {}
                (_, 1) => told.stray += 1,
                (_, _) => told.twice += 1,
            }
        }
    }
    told.stray += i64::try_from(found.len()).expect("a departure's receipts are countable");
    Ok(told)
}

/// Recipients of each reader's messages, found by the envelope sender that only this newsroom can have written.
fn receipts_of(house: &House, catcher: &Catcher, departure: DepartureId) -> BTreeMap<ReaderId, Vec<String>> {
    let mut found: BTreeMap<ReaderId, Vec<String>> = BTreeMap::new();
    for receipt in catcher.receipts() {
        let local = receipt.from.rsplit_once('@').map_or("", |(local, _)| local);
        if let Some((of, reader)) = house.vault.post_key().check_verp(local)
            && of == departure
        {
            found.entry(reader).or_default().push(receipt.to.join(", "));
        }
    }
    found
}

async fn is_right(house: &House, reader: ReaderId, to: &[String]) -> Result<bool, Problem> {
    let sealed =
        house.store.read(move |tx| readers::sealed(tx, reader)).await.map_err(|fault| store_problem(&fault))?;
    let address = sealed.and_then(|(kid, bytes)| house.vault.open_address(kid, &bytes, reader).ok());
    Ok(address.is_some_and(|address| to.iter().all(|one| one == address.expose())))
}
