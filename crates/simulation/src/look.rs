//! The witness's looks into the store: the ledger and everybody's standing, each in one transaction, so that nothing moves
//! between what is read and what it is held against.

use std::collections::BTreeMap;
use std::sync::Arc;

use newsroom::{Address, DepartureId, ReaderId};
use store::{Read, Store, editions, ledger, readers};

use crate::house::Charter;
use crate::outside::Outside;
use crate::standing::Standing;
use crate::witness::Seen;

/// More departures of editions than any run has.
const DEPARTURES: i64 = 100;
/// More lines than any departure has.
const LINES: i64 = 1_000;
/// Waiting sign-ups read at once: one is enough to know that the inbox is not empty.
const WAITING: i64 = 1;

/// Looks at every edition's departure and at everybody.
pub(crate) async fn at_everything(charter: &Charter, outside: &Arc<Outside>, store: &Store) -> store::Result<()> {
    let (indices, newsletter) = (indices(charter), charter.newsletter.id);
    let (outside, world) = (outside.clone(), charter.world.clone());
    store
        .read(move |tx| {
            let standings = standings(tx, &indices, newsletter)?;
            let inbox_empty = readers::waiting(tx, WAITING)?.is_empty();
            let departures = editions::latest(tx, DEPARTURES)?;
            let seen: Vec<_> = departures.iter().map(|d| Ok((d.id, see(tx, d.id)?))).collect::<store::Result<_>>()?;
            let witness = &mut outside.lock().witness;
            for (place, (reader, standing)) in standings.into_iter().enumerate() {
                witness.check_person(place, standing, reader, inbox_empty);
            }
            for (id, seen) in seen {
                if let Some(seen) = seen {
                    world.note(&format!("departure {id} {:?}", seen.sums));
                    witness.check_departure(id, seen);
                }
            }
            Ok(())
        })
        .await
}

/// Looks at every letter whose message was ever seen.
pub(crate) async fn at_letters(outside: &Arc<Outside>, store: &Store) -> store::Result<()> {
    let letters = outside.lock().witness.letters();
    let outside = outside.clone();
    store
        .read(move |tx| {
            for id in letters {
                let seen = see(tx, id)?;
                let witness = &mut outside.lock().witness;
                match seen {
                    Some(seen) => witness.check_departure(id, seen),
                    None => witness.broken(format!("letter {id} was sent and is not in the store")),
                }
            }
            Ok(())
        })
        .await
}

/// Looks at a departure that has just been cut; `before` is everybody's standing as it was before.
pub(crate) async fn at_cut(
    charter: &Charter,
    outside: &Arc<Outside>,
    store: &Store,
    id: DepartureId,
    before: Vec<(u64, Option<Standing>)>,
) -> store::Result<()> {
    let (indices, newsletter, outside) = (indices(charter), charter.newsletter.id, outside.clone());
    store
        .read(move |tx| {
            let standings = standings(tx, &indices, newsletter)?;
            let readers: BTreeMap<ReaderId, usize> =
                standings.iter().zip(0..).filter_map(|((reader, _), place)| Some(((*reader)?, place))).collect();
            let seen = see(tx, id)?.expect("it was cut and is never erased");
            let witness = &mut outside.lock().witness;
            witness.check_departure(id, seen);
            witness.check_cut(id, &before, &readers);
            Ok(())
        })
        .await
}

/// What nothing may be left of at the end.
pub(crate) async fn letters_open(store: &Store) -> store::Result<i64> {
    store.read(editions::letters_open).await
}

/// How many departures of editions still move.
pub(crate) async fn editions_live(store: &Store) -> store::Result<usize> {
    Ok(store.read(editions::live).await?.len())
}

fn indices(charter: &Charter) -> Vec<[u8; 16]> {
    let index = |address: &str| charter.vault.index(&Address::parse(address).expect("an address of the plan"));
    charter.plan.people.iter().map(|person| index(&person.address)).collect()
}

type Kept = (Option<ReaderId>, Standing);

fn standings(tx: &Read<'_>, indices: &[[u8; 16]], newsletter: newsroom::NewsletterId) -> store::Result<Vec<Kept>> {
    let one = |index: &[u8; 16]| {
        let Some(reader) = readers::by_index(tx, index)? else { return Ok((None, Standing::Stranger)) };
        let standing = readers::standing(tx, reader, newsletter)?;
        Ok((Some(reader), Standing::from(standing.map(|s| s.state))))
    };
    indices.iter().map(one).collect()
}

fn see(tx: &Read<'_>, id: DepartureId) -> store::Result<Option<Seen>> {
    let Some(departure) = editions::departure_by_id(tx, id)? else { return Ok(None) };
    Ok(Some(Seen {
        kind: departure.kind,
        audience: departure.audience,
        rank: departure.rank,
        sums: ledger::sums(tx, id)?,
        lines: ledger::lines(tx, id, (-1, -1), LINES)?,
        doubts: ledger::doubtful(tx, id)?,
    }))
}
