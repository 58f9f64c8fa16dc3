//! What a refusal means for its reader: ended, counted, or held for a person, in the transaction that keeps the refusal.
//!
//! It never blames a reader for what is about us, and never ends more readers within an hour than one source may: a relay
//! that has gone mad and calls every address unknown is a source like any other.

use newsroom::{DAY_MS, DeliveryState, DepartureKind, UNREACHABLE};
use store::ledger::Settled;
use store::returned::{self, Kind, Outcome, Returned, Rules, Weight};
use store::{Write, editions, settings};

use crate::verdict;

/// Until the settings say otherwise: see POST, soft bounces.
const SOFT_EDITIONS: i64 = 5;
const SOFT_DAYS: i64 = 14;

/// Strikes the readers whose copies were refused. `fresh` holds an id for each of `ended`, and `source` names the relay.
pub(crate) fn blame(tx: &Write, ended: &[Settled], fresh: &[i64], source: &[u8]) -> store::Result<()> {
    for (settled, id) in ended.iter().zip(fresh).filter(|(settled, _)| settled.state == DeliveryState::Refused) {
        let reason = verdict::reason(settled.answer.code, &settled.answer.text);
        if !reason.is_about_mailbox() {
            continue;
        }
        let Some(departure) = editions::departure_by_id(tx, settled.key.departure)? else { continue };
        let weight = match (reason.is_hard(), departure.kind) {
            (true, _) => Weight::Ends(UNREACHABLE),
            (false, DepartureKind::Edition) => Weight::Soft(settled.key.lane),
            (false, DepartureKind::Letter) => Weight::Nothing,
        };
        let returned = Returned {
            id: *id,
            reader: settled.reader,
            departure: settled.key.departure,
            kind: Kind::Bounce,
            at: settled.answer.at,
            source: source.to_vec(),
            reason: reason.word().to_owned(),
            hard: reason.is_hard(),
            code: settled.answer.code,
            said: settled.answer.text.clone(),
            outcome: Outcome::Kept,
        };
        returned::strike(tx, returned, weight, departure.newsletter, rules(tx)?)?;
    }
    Ok(())
}

fn rules(tx: &Write) -> store::Result<Rules> {
    let number = |name: &str, usual: i64| -> store::Result<i64> {
        Ok(settings::get(tx, name)?.and_then(|kept| kept.parse().ok()).unwrap_or(usual))
    };
    let soft_editions = number("bounce.soft_editions", SOFT_EDITIONS)?;
    Ok(Rules { soft_editions, soft_ms: number("bounce.soft_days", SOFT_DAYS)? * DAY_MS })
}
