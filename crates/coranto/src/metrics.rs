//! Figures for a machine that watches: `GET /metrics` in Prometheus's text format, on a listener of its own that is off until
//! `metrics` in coranto.toml names it.
//!
//! Every figure is read from the ledger and the tables at the moment it is asked for, so it cannot drift from them, is the same
//! after a restart, and costs nothing while nobody asks. No label holds more than a handful of values: relays by the names that
//! the newsroom gave them, states, and the words of the tables here. No reader, no address, no host.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::header;
use axum::routing::get;
use newsroom::{DAY_MS, DeliveryState, DepartureState, MINUTE_MS, Ms, Problem, WayState};
use post::listing::{self, Listed};
use store::{Read, caps, doubt, editions, ledger, notices, readers, returned, slots, sources};
use tokio::sync::Mutex;
use world::Listener;

use crate::house::{House, store_problem};
use crate::ways;

/// Two scrapes within this get the same figures: whoever asks in a loop costs one look in this time.
const SAME_MS: Ms = 1_000;
/// The text format's own name (prometheus.io, "Exposition formats").
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Signed-up wishes counted at most: more is "many".
const WAITING_MAX: i64 = 10_000;

/// Listens where figures are to be served, if anywhere.
///
/// # Errors
/// A [`Problem`] when the address cannot be had.
pub async fn listen(house: &House) -> Result<Option<Listener>, Problem> {
    let Some(at) = house.config.metrics else { return Ok(None) };
    let listener = house.world.listen(at).await.map_err(|fault| {
        Problem::new(
            format!("Figures cannot be served on {at}: {fault}."),
            "Nothing was started.",
            "Stop what listens there, or choose another address with `metrics` in coranto.toml, or take the line out.",
        )
    })?;
    tracing::info!(metrics.address = %listener.address().unwrap_or(at), "Figures are served at /metrics");
    Ok(Some(listener))
}

/// Serves them for as long as it is polled.
pub async fn serve(house: House, listener: Listener) {
    front::serve(listener, routes(house)).await;
}

/// The routes: `/metrics` alone.
pub fn routes(house: House) -> axum::Router {
    let last: Arc<Mutex<(Ms, String)>> = Arc::new(Mutex::new((Ms::MIN, String::new())));
    let answer = move || {
        let (house, last) = (house.clone(), last.clone());
        async move {
            let mut last = last.lock().await;
            let now = house.world.now();
            if !(last.0..last.0.saturating_add(SAME_MS)).contains(&now) {
                match figures(&house).await {
                    Ok(figures) => *last = (now, figures.text()),
                    Err(problem) => {
                        tracing::error!(part = "metrics", "{problem}");
                        return Err(axum::http::StatusCode::SERVICE_UNAVAILABLE);
                    }
                }
            }
            Ok(([(header::CONTENT_TYPE, TEXT)], last.1.clone()))
        }
    };
    axum::Router::new().route("/metrics", get(answer))
}

/// All figures, a part each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The moment they were read.
    pub now: Ms,
    /// The post office.
    pub post: Post,
    /// Each way out.
    pub ways: Vec<Way>,
    /// Sources.
    pub gather: Gather,
    /// Readers and what waits for them.
    pub readers: Readers,
    /// What came back.
    pub returned: Vec<Returned>,
    /// What a person must act on.
    pub alerts: Alerts,
}

/// The post office: departures of editions that are not over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Post {
    /// Copies by state; they sum to the audience.
    pub copies: Vec<(DeliveryState, i64)>,
    /// Readers frozen into them.
    pub audience: i64,
    /// Departures by state: cut, open, paused.
    pub departures: [i64; 3],
    /// Letters under way.
    pub letters: i64,
}

/// One way out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The newsroom's own name for it: as many as there are relays, at most [`newsroom::RELAYS_MAX`] and one.
    pub name: String,
    /// Whether it is well: neither resting by a fault nor tried again after one.
    pub well: bool,
    /// Whether it is in use.
    pub active: bool,
    /// Copies of the departures that are not over that it had last in hand, by what came of them.
    pub copies: Vec<(DeliveryState, i64)>,
    /// Copies tried in the last whole minute.
    pub minute: i64,
    /// When it last answered to a copy.
    pub answered: Option<Ms>,
}

/// Sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gather {
    /// How many are read.
    pub active: i64,
    /// How many of them failed at their last reading.
    pub failing: i64,
}

/// Readers, and what waits for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readers {
    /// Who gets editions.
    pub active: i64,
    /// Who was asked to confirm.
    pub pending: i64,
    /// Sealed wishes that wait to be opened.
    pub sign_ups: i64,
    /// Relays' notices that wait to be judged.
    pub notices: i64,
}

/// So many of one kind came back, and that came of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// bounce, complaint, unsubscribe, taken.
    pub kind: &'static str,
    /// suppressed, counted, left, held, dropped, kept.
    pub outcome: &'static str,
    /// How many.
    pub count: i64,
}

/// What a person must act on, as the desk's first page says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    /// Relays at fault.
    pub relays: i64,
    /// Editions that are held or wait for a person's word.
    pub editions: i64,
    /// Readers in doubt whom nobody has decided about.
    pub doubts: i64,
    /// Bounces that are held.
    pub bounces: i64,
}

/// Reads all figures at one moment.
///
/// # Errors
/// A [`Problem`] when the store fails.
pub async fn figures(house: &House) -> Result<Figures, Problem> {
    let house = house.refreshed().await?;
    let (first, newsletter, now) = (ways::first(&house.settings), house.newsletter.id, house.world.now());
    let zone = house.settings.get("outlet.zone").to_owned();
    let read = house.store.read(move |tx| {
        let ways = listing::every(tx, first, &zone, now)?;
        let live = editions::live(tx)?;
        let mut post = Post { letters: editions::letters_open(tx)?, ..Post::default() };
        let mut by_route = Vec::new();
        for departure in &live {
            post.add(departure, &ledger::sums(tx, departure.id)?);
            by_route.extend(ledger::by_route(tx, departure.id)?);
        }
        let tried = caps::tried(tx, now - 2 * MINUTE_MS)?;
        let ways: Vec<Way> = ways.iter().map(|way| way_of(way, &by_route, &tried, now)).collect();
        let mut alerts = Alerts { relays: ways.iter().filter(|way| !way.well).count() as i64, ..Alerts::default() };
        alerts.read(tx, newsletter, &live)?;
        let counts = readers::counts(tx, newsletter)?;
        Ok(Figures {
            now,
            post,
            ways,
            gather: gather_of(tx)?,
            readers: Readers {
                active: counts.active,
                pending: counts.pending,
                sign_ups: readers::waiting(tx, WAITING_MAX)?.len() as i64,
                notices: notices::count(tx)?,
            },
            returned: returned_of(tx)?,
            alerts,
        })
    });
    read.await.map_err(|fault| store_problem(&fault))
}

impl Post {
    fn add(&mut self, departure: &newsroom::Departure, sums: &newsroom::Sums) {
        self.audience += departure.audience;
        match departure.state {
            DepartureState::Cut => self.departures[0] += 1,
            DepartureState::Open => self.departures[1] += 1,
            DepartureState::Paused => self.departures[2] += 1,
            DepartureState::Settled | DepartureState::Cancelled => {}
        }
        if self.copies.is_empty() {
            self.copies = DeliveryState::EVERY.iter().map(|state| (*state, 0)).collect();
        }
        self.copies.iter_mut().for_each(|(state, count)| *count += sums.of(*state));
    }
}

fn way_of(
    way: &Listed,
    by_route: &[(newsroom::RouteId, DeliveryState, i64)],
    tried: &std::collections::BTreeMap<newsroom::RouteId, caps::Minutes>,
    now: Ms,
) -> Way {
    const TOLD: [DeliveryState; 5] = [
        DeliveryState::InFlight,
        DeliveryState::Accepted,
        DeliveryState::Deferred,
        DeliveryState::Refused,
        DeliveryState::Uncertain,
    ];
    let of = |state| {
        let is = |(route, s, _): &&(newsroom::RouteId, DeliveryState, i64)| *route == way.terms.id && *s == state;
        by_route.iter().filter(is).map(|(_, _, count)| count).sum()
    };
    let last = now.div_euclid(MINUTE_MS) - 1;
    let minutes = tried.get(&way.terms.id).into_iter().flatten();
    Way {
        name: way.terms.name.clone(),
        well: !way.is_ill(),
        active: way.terms.active && way.standing.as_ref().is_none_or(|s| s.state != WayState::Resting),
        copies: TOLD.into_iter().map(|state| (state, of(state))).collect(),
        minute: minutes.filter(|(minute, _)| *minute == last).map(|(_, count)| count).sum(),
        answered: way.standing.as_ref().and_then(|s| s.answered.as_ref()).map(|answer| answer.at),
    }
}

impl Alerts {
    fn read(
        &mut self,
        tx: &Read,
        newsletter: newsroom::NewsletterId,
        live: &[newsroom::Departure],
    ) -> store::Result<()> {
        let mut asking: Vec<_> = slots::asking(tx, newsletter)?.into_iter().map(|t| (t.kind.name(), t.date)).collect();
        asking.dedup();
        self.editions = asking.len() as i64;
        for departure in live {
            self.editions += i64::from(caps::is_held(tx, departure.id)?);
        }
        for (departure, open) in doubt::open(tx)? {
            if editions::departure_by_id(tx, departure)?.is_some_and(|departure| departure.edition.is_some()) {
                self.doubts += open;
            }
        }
        self.bounces = returned::held_count(tx)?;
        Ok(())
    }
}

fn gather_of(tx: &Read) -> store::Result<Gather> {
    let active: Vec<_> = sources::list(tx)?.into_iter().filter(|source| !source.health.stopped).collect();
    let failing = active.iter().filter(|source| source.health.failures > 0).count();
    Ok(Gather { active: active.len() as i64, failing: failing as i64 })
}

fn returned_of(tx: &Read) -> store::Result<Vec<Returned>> {
    let mut sums: Vec<Returned> = Vec::new();
    for (kind, _, outcome, count) in returned::sums(tx)? {
        let (kind, outcome) = (kind.word(), outcome.word());
        match sums.iter_mut().find(|sum| (sum.kind, sum.outcome) == (kind, outcome)) {
            Some(sum) => sum.count += count,
            None => sums.push(Returned { kind, outcome, count }),
        }
    }
    Ok(sums)
}

impl Figures {
    /// As Prometheus reads them.
    pub fn text(&self) -> String {
        let mut page = Page::default();
        page.of("coranto_copies", "Copies of editions that are not over, by state; they sum to coranto_audience.");
        for (state, count) in &self.post.copies {
            page.line(&[("state", post::proof::word(*state))], *count);
        }
        page.of("coranto_audience", "Readers frozen into editions that are not over.").line(&[], self.post.audience);
        page.of("coranto_departures", "Departures that are not over, by state.");
        for (state, count) in ["cut", "open", "paused"].into_iter().zip(self.post.departures) {
            page.line(&[("state", state)], count);
        }
        page.of("coranto_letters_waiting", "Letters to single readers under way.").line(&[], self.post.letters);
        self.ways_text(&mut page);
        page.of("coranto_sources", "Sources that are read.").line(&[], self.gather.active);
        page.of("coranto_sources_failing", "Sources that failed when last read.").line(&[], self.gather.failing);
        page.of("coranto_readers", "Readers by standing.");
        page.line(&[("standing", "active")], self.readers.active)
            .line(&[("standing", "pending")], self.readers.pending);
        page.of("coranto_sign_ups_waiting", "Sealed wishes at the door not opened yet.")
            .line(&[], self.readers.sign_ups);
        page.of("coranto_notices_waiting", "Relays' notices not judged yet.").line(&[], self.readers.notices);
        page.of("coranto_returned", "What came back about copies, by kind and by what came of it.");
        for one in &self.returned {
            page.line(&[("kind", one.kind), ("outcome", one.outcome)], one.count);
        }
        page.of("coranto_needs_a_person", "What a person must act on, as the desk's first page says.");
        let Alerts { relays, editions, doubts, bounces } = self.alerts;
        for (what, count) in [("relays", relays), ("editions", editions), ("doubts", doubts), ("bounces", bounces)] {
            page.line(&[("what", what)], count);
        }
        page.0
    }

    fn ways_text(&self, page: &mut Page) {
        page.of("coranto_way_well", "1: the way out carries mail or could; 0: it is at fault and rests.");
        for way in &self.ways {
            page.line(&[("way", &way.name)], i64::from(way.well));
        }
        page.of("coranto_way_active", "1: the way out is in use now.");
        for way in &self.ways {
            page.line(&[("way", &way.name)], i64::from(way.active));
        }
        page.of("coranto_way_copies", "Copies of editions that are not over, by the way that had them last and state.");
        for way in &self.ways {
            for (state, count) in &way.copies {
                page.line(&[("way", &way.name), ("state", post::proof::word(*state))], *count);
            }
        }
        page.of("coranto_way_tried_last_minute", "Copies tried by the way in the last whole minute.");
        for way in &self.ways {
            page.line(&[("way", &way.name)], way.minute);
        }
        page.of("coranto_way_answer_age_seconds", "Seconds since the way last answered to a copy; 30 days at most.");
        for way in &self.ways {
            if let Some(at) = way.answered {
                page.line(&[("way", &way.name)], (self.now - at).clamp(0, 30 * DAY_MS) / 1_000);
            }
        }
    }
}

/// The text as it grows.
#[derive(Default)]
struct Page(String, &'static str);

impl Page {
    /// Begins a figure. All are gauges: the editions that they are about end.
    fn of(&mut self, name: &'static str, help: &str) -> &mut Self {
        self.1 = name;
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge").expect("a string takes all");
        self
    }

    fn line(&mut self, labels: &[(&str, &str)], value: i64) -> &mut Self {
        let label = |(name, value): &(&str, &str)| format!("{name}=\"{}\"", escaped(value));
        let labels = labels.iter().map(label).collect::<Vec<_>>().join(",");
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        writeln!(self.0, "{}{labels} {value}", self.1).expect("a string takes all");
        self
    }
}

/// A label's value, as the format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let mut page = Page::default();
        page.of("coranto_way_well", "Whether.").line(&[("way", "a \"b\" \\ c")], 1).line(&[], 0);
        assert_eq!(
            page.0,
            "# HELP coranto_way_well Whether.\n# TYPE coranto_way_well gauge\n\
             coranto_way_well{way=\"a \\\"b\\\" \\\\ c\"} 1\ncoranto_way_well 0\n"
        );
    }

    #[test]
    fn every_figure_is_described_before_its_first_line() {
        let figures = Figures {
            ways: vec![Way { name: "main".into(), answered: Some(0), ..Way::default() }],
            ..Figures::default()
        };
        let text = figures.text();
        let mut described = Vec::new();
        for line in text.lines() {
            match line.strip_prefix("# TYPE ") {
                Some(of) => described.push(of.split(' ').next().unwrap().to_owned()),
                None if line.starts_with('#') => {}
                None => {
                    let name = line.split(['{', ' ']).next().unwrap();
                    assert_eq!(described.last().map(String::as_str), Some(name), "{line}");
                }
            }
        }
        assert!(described.len() > 12, "{described:?}");
    }
}
