//! The report of a departure: where every reader of it stands, as JSON and as a table.

use std::collections::BTreeMap;

use newsroom::{DeliveryState, Departure, DepartureId, Edition, Problem, RouteId, Sums};
use serde::Serialize;
use store::ledger::Doubt;
use store::{Read, Store, editions, ledger, ways};

use crate::house::store_problem;

/// A departure's sums and its doubtful readers. Ids are strings in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The edition's id.
    pub edition: String,
    /// The departure's id.
    pub departure: String,
    /// The newsletter's local date.
    pub date: String,
    /// How many readers were frozen into it.
    pub audience: i64,
    /// Waiting.
    pub queued: i64,
    /// Taken by the poster; nothing sent.
    pub leased: i64,
    /// The final dot may have left.
    pub in_flight: i64,
    /// Taken by the receiving server.
    pub accepted: i64,
    /// To be tried again.
    pub deferred: i64,
    /// Refused for good.
    pub refused: i64,
    /// The dot left, no answer came.
    pub uncertain: i64,
    /// Not to be sent, for a reason.
    pub excluded: i64,
    /// Its time ran out first.
    pub expired: i64,
    /// Readers that were ever uncertain in it.
    pub doubted: i64,
    /// Those readers.
    pub uncertain_readers: Vec<UncertainReader>,
    /// What came of the copies that each relay had in hand last; not told where one carried them all.
    #[serde(skip_serializing_if = "is_of_one")]
    pub relays: Vec<RelayShare>,
}

fn is_of_one(shares: &[RelayShare]) -> bool {
    shares.len() < 2
}

/// What one relay carried of a departure.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RelayShare {
    /// Its name.
    pub name: String,
    /// Taken by it.
    pub accepted: i64,
    /// Refused by it for now.
    pub deferred: i64,
    /// Refused by it for good.
    pub refused: i64,
    /// Its answer was lost.
    pub uncertain: i64,
    /// Being sent by it.
    pub in_flight: i64,
}

/// A reader whose copy was in doubt.
#[derive(Clone, Debug, Serialize)]
pub struct UncertainReader {
    /// The reader's id.
    pub reader: String,
    /// Since when, UTC milliseconds.
    pub since: i64,
    /// What happened.
    pub cause: String,
    /// How it was resolved, if it was.
    pub resolution: Option<String>,
}

impl Report {
    fn new(edition: &Edition, departure: &Departure, sums: &Sums, doubts: Vec<Doubt>, relays: Vec<RelayShare>) -> Self {
        let of = |state| sums.of(state);
        Self {
            edition: edition.id.to_string(),
            departure: departure.id.to_string(),
            date: edition.date.clone(),
            audience: departure.audience,
            queued: of(DeliveryState::Queued),
            leased: of(DeliveryState::Leased),
            in_flight: of(DeliveryState::InFlight),
            accepted: of(DeliveryState::Accepted),
            deferred: of(DeliveryState::Deferred),
            refused: of(DeliveryState::Refused),
            uncertain: of(DeliveryState::Uncertain),
            excluded: of(DeliveryState::Excluded),
            expired: of(DeliveryState::Expired),
            doubted: sums.doubted,
            uncertain_readers: doubts
                .into_iter()
                .map(|d| UncertainReader {
                    reader: d.reader.to_string(),
                    since: d.since,
                    cause: d.cause,
                    resolution: d.resolution,
                })
                .collect(),
            relays,
        }
    }

    /// The states' sum: always the audience.
    pub fn sum(&self) -> i64 {
        self.moving() + self.accepted + self.refused + self.uncertain + self.excluded + self.expired
    }

    /// Copies that have not come to their end.
    pub fn moving(&self) -> i64 {
        self.queued + self.leased + self.in_flight + self.deferred
    }

    /// The table that a person reads.
    pub fn table(&self) -> String {
        let rows = [
            ("accepted", self.accepted, "the receiving server took it"),
            ("deferred", self.deferred, "refused for now, tried again by itself"),
            ("queued", self.queued + self.leased, "waiting to be sent"),
            ("in flight", self.in_flight, "being sent"),
            ("refused", self.refused, "refused for good"),
            ("uncertain", self.uncertain, "sent, but the answer was lost"),
            ("excluded", self.excluded, "nothing new for them, or gone since"),
            ("expired", self.expired, "not taken before the edition grew old"),
        ];
        let mut out = format!("Edition {} of {} (departure {})\n\n", self.edition, self.date, self.departure);
        for (state, count, meaning) in rows {
            out.push_str(&format!("  {state:<10} {count:>10}  {meaning}\n"));
        }
        out.push_str(&format!("  {:<10} {:>10}  = {} readers in the audience\n", "sum", self.sum(), self.audience));
        for relay in self.relays.iter().filter(|_| !is_of_one(&self.relays)) {
            let RelayShare { name, accepted, deferred, refused, uncertain, in_flight } = relay;
            out.push_str(&format!(
                "\n  by {name}: {accepted} accepted, {deferred} deferred, {refused} refused, {uncertain} uncertain, \
                 {in_flight} in flight"
            ));
        }
        if !is_of_one(&self.relays) {
            out.push('\n');
        }
        if self.doubted > 0 {
            out.push_str(&format!("\n{} readers were in doubt at some time:\n", self.doubted));
            for reader in &self.uncertain_readers {
                let how = reader.resolution.as_deref().unwrap_or("not ended: see `coranto doubt list`");
                out.push_str(&format!("  reader {}: {}; {how}\n", reader.reader, reader.cause));
            }
        }
        out
    }
}

/// What each relay carried of a departure, by its name.
fn shares(tx: &Read, departure: DepartureId) -> store::Result<Vec<RelayShare>> {
    let names = ways::names(tx)?;
    let mut shares: BTreeMap<RouteId, RelayShare> = BTreeMap::new();
    for (route, state, count) in ledger::by_route(tx, departure)? {
        let name = names.get(&route).cloned().unwrap_or_default();
        let share = shares.entry(route).or_insert_with(|| RelayShare { name, ..RelayShare::default() });
        *match state {
            DeliveryState::Accepted => &mut share.accepted,
            DeliveryState::Deferred => &mut share.deferred,
            DeliveryState::Refused => &mut share.refused,
            DeliveryState::Uncertain => &mut share.uncertain,
            _ => &mut share.in_flight,
        } += count;
    }
    Ok(shares.into_values().collect())
}

/// The report of one departure.
///
/// # Errors
/// A [`Problem`] when the store cannot be read.
///
/// # Panics
/// When the states do not sum to the audience: the ledger has broken its promise.
pub async fn of_departure(store: &Store, departure: &Departure) -> Result<Report, Problem> {
    let departure = departure.clone();
    let edition = departure.edition.expect("a report is of an edition's departure");
    let read = store
        .read(move |tx| {
            let edition = editions::by_id(tx, edition)?.expect("a departure has its edition");
            let fresh = editions::departure_by_id(tx, departure.id)?.expect("departures are never erased");
            let (sums, doubts) = (ledger::sums(tx, departure.id)?, ledger::doubtful(tx, departure.id)?);
            Ok(Report::new(&edition, &fresh, &sums, doubts, shares(tx, departure.id)?))
        })
        .await;
    let report = read.map_err(|fault| store_problem(&fault))?;
    assert_eq!(report.sum(), report.audience, "the states of departure {} sum to its audience", report.departure);
    Ok(report)
}
