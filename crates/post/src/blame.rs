//! What a refusal means for its reader: ended, counted, or held for a person, in the transaction that keeps the refusal.
//!
//! It never blames a reader for what is about us, and never ends more readers within an hour than one source may: a relay
//! that has gone mad and calls every address unknown is a source like any other.

use newsroom::{DeliveryState, DepartureKind, UNREACHABLE};
use store::ledger::Settled;
use store::returned::{self, Kind, Outcome, Returned, Rules, Weight};
use store::{Write, editions};

use crate::verdict;

/// Strikes the readers whose copies were refused. `marks` holds for each of `ended` that was a fresh id and the keyed name of
/// the way that refused it, in order.
pub(crate) fn blame(tx: &Write, ended: &[Settled], marks: &[(i64, Vec<u8>)], rules: Rules) -> store::Result<()> {
    for (settled, (id, source)) in ended.iter().filter(|settled| is_refusal(settled)).zip(marks) {
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
            source: source.clone(),
            reason: reason.word().to_owned(),
            hard: reason.is_hard(),
            code: settled.answer.code,
            said: settled.answer.text.clone(),
            outcome: Outcome::Kept,
        };
        returned::strike(tx, returned, weight, departure.newsletter, rules)?;
    }
    Ok(())
}

/// Whether a try ended in a refusal.
pub(crate) fn is_refusal(settled: &Settled) -> bool {
    settled.state == DeliveryState::Refused
}
