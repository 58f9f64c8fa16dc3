//! One trial: a newsroom is founded, and its editions are sent by posters that are killed again and again.
//!
//! The poster is the real program in a process of its own, and so is the sink, which outlives it. The rig only looks: at
//! the sink's receipts, at the system's table of connections, and at the ledger through the library.

use super::cuts::Cutter;
use super::kills::{self, Kill, Manner, Moment, Tail};
use super::reconcile::{self, Balance, Marks};
use super::{Arguments, Edition};
use crate::dice::Dice;
use crate::founding::{Ground, Newsroom};
use crate::programs::{Program, Sink, connections_to};
use anyhow::{Context, Result};
use newsroom::{DeliveryState, Departure, DepartureId, DepartureState, Ms};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use store::editions;
use store::ledger::{self, Doubt};
use tokio::runtime::Runtime;

/// How often the rig looks at the receipts: well below the time that the sink holds back an answer.
const LOOK: Duration = Duration::from_micros(300);
/// How often it sums up the ledger.
const SUM: Duration = Duration::from_millis(40);
/// A sum of a large ledger takes its time: this many times as long passes before the next.
const SUM_RESTS: u32 = 20;
/// An edition that has not settled after this is stalled.
const EDITION_MAX: Duration = Duration::from_secs(1_200);
/// A poster that gives up by itself more often than this in one edition will not finish.
const GAVE_UP_MAX: usize = 30;
/// How many stories are published for each edition.
const STORIES: usize = 3;
/// What goes wrong at the sink: all that a relay can do to a sender, often enough that no edition is without it.
const SCRIPT: [(&str, &str); 9] = [
    ("--turn-away", "1/40"),
    ("--defer", "1/40"),
    ("--refuse", "1/200"),
    ("--drop-before-dot", "1/80"),
    ("--drop-after-dot", "1/250"),
    ("--lose-after-dot", "1/250"),
    ("--hang", "1/1500"),
    ("--defer-after-dot", "1/60"),
    ("--messages-max", "200"),
];

/// A founded newsroom with its sink.
pub struct Trial<'a> {
    arguments: &'a Arguments,
    runtime: &'a Runtime,
    xtask: PathBuf,
    newsroom: Newsroom,
    sink: Sink,
    /// The line to the sink, where that is cut.
    cutter: Option<Cutter>,
    /// The port that the poster knows.
    port: u16,
    seed: u64,
    dice: Dice,
    /// What the posters said.
    noise: PathBuf,
}

/// A kill that was made.
struct Killed {
    /// When, in UTC milliseconds.
    at: Ms,
    /// How many connections it had open, at most.
    open: usize,
}

/// What is known of an edition while it is sent.
struct Watch {
    departure: Departure,
    kills: Vec<Killed>,
    gave_up: usize,
    sums: u64,
    told: Vec<String>,
    began: Instant,
    summed: Instant,
    sum_took: Duration,
}

impl<'a> Trial<'a> {
    /// Founds a newsroom in `folder`, fills it with readers and starts the sink.
    pub fn found(arguments: &'a Arguments, runtime: &'a Runtime, folder: &Path, seed: u64) -> Result<Trial<'a>> {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let xtask = std::env::current_exe().context("this program's own path")?;
        // Where the line is cut, nothing else goes wrong: then every doubt has its cut.
        let wrongs = if arguments.cuts { &[][..] } else { &SCRIPT[..] };
        let mut script: Vec<String> =
            wrongs.iter().flat_map(|(name, share)| [(*name).to_owned(), (*share).to_owned()]).collect();
        script.extend(["--seed".to_owned(), seed.to_string(), "--wait-ms".to_owned(), arguments.wait_ms.to_string()]);
        let sink = Sink::start(&xtask, folder, &script)?;
        let cutter = arguments.cuts.then(|| Cutter::start(sink.address, seed)).transpose()?;
        let port = cutter.as_ref().map_or(sink.address.port(), |cutter| cutter.address.port());
        let settings = [
            ("relay.host", sink.address.ip().to_string()),
            ("relay.port", port.to_string()),
            ("relay.connections", arguments.connections.to_string()),
            // Far shorter than anybody's: a rig has no 600 s for a relay that hangs.
            ("relay.dot_patience_s", "2".to_owned()),
            ("relay.patience_s", "5".to_owned()),
            ("post.retry_first_s", "1".to_owned()),
        ];
        let database = crate::founding::database(&arguments.database)?;
        let ground = Ground { folder, database: database.as_deref(), build: arguments.build() };
        let newsroom = runtime.block_on(Newsroom::with_readers(&ground, &settings, arguments.readers))?;
        let noise = folder.join("poster.log");
        Ok(Trial { arguments, runtime, xtask, newsroom, sink, cutter, port, seed, dice: Dice::new(seed), noise })
    }

    /// Publishes, cuts and sends edition number `number`, from 0, killing its posters.
    pub fn edition(&mut self, number: usize) -> Result<Edition> {
        // A trial that goes on has other moments than its beginning had.
        self.dice = Dice::new(self.seed ^ ((number as u64) << 32));
        self.newsroom.publish(STORIES)?;
        let departure = self.departure(self.newsroom.coranto.cut(number)?)?;
        let mut watch = Watch {
            departure,
            kills: Vec::new(),
            gave_up: 0,
            sums: 0,
            told: Vec::new(),
            began: Instant::now(),
            summed: Instant::now(),
            sum_took: Duration::ZERO,
        };
        let cuts_before = self.cuts();
        self.send(&mut watch)?;
        self.reckon(number, watch, self.cuts() - cuts_before)
    }

    /// Ends the sink and gives what its receipts say that is of no copy at all.
    pub fn end(self) -> Result<Vec<String>> {
        drop(self.cutter);
        let receipts = self.sink.receipts.clone();
        self.sink.end()?;
        Ok(Marks::of(&self.newsroom).sort(crate::sink::receipts::read(&receipts)?).strays)
    }

    /// Starts posters and kills them until the departure is settled.
    fn send(&mut self, watch: &mut Watch) -> Result<()> {
        let mut tail = Tail::open(&self.sink.receipts)?;
        let before = tail.lines()?;
        let audience = u64::try_from(self.moving(watch)?)?;
        let mut plan = kills::plan(&mut self.dice, self.arguments.kills(), audience).into_iter();
        let mut next = plan.next();
        while self.departure(watch.departure.id)?.state != DepartureState::Settled {
            if watch.gave_up > GAVE_UP_MAX || watch.began.elapsed() > EDITION_MAX {
                watch.told.push(format!("not settled after {:.0} s", watch.began.elapsed().as_secs_f64()));
                return Ok(());
            }
            let mut poster = self.poster()?;
            let killed = self.attend(&mut poster, next, watch, &mut || Ok(tail.lines()? - before))?;
            if let Some(killed) = killed {
                watch.kills.push(killed);
                next = plan.next();
                self.sum(watch)?;
            }
        }
        Ok(())
    }

    fn poster(&self) -> Result<Program> {
        let mut command = match self.arguments.planted {
            None => self.newsroom.coranto.command(&["edition", "send"]),
            Some(defect) => {
                let mut command = Command::new(&self.xtask);
                command.args(["poster", "--planted", defect.name(), "--newsroom"]).arg(&self.newsroom.coranto.folder);
                command
            }
        };
        Program::start("the poster", &mut command, &self.noise)
    }

    /// Watches a poster until it ends, or its moment comes and it is killed.
    fn attend(
        &self,
        poster: &mut Program,
        kill: Option<Kill>,
        watch: &mut Watch,
        receipts: &mut dyn FnMut() -> Result<u64>,
    ) -> Result<Option<Killed>> {
        let (born, begun_with) = (Instant::now(), receipts()?);
        loop {
            if let Some(status) = poster.ended()? {
                watch.gave_up += usize::from(!status.success());
                return Ok(None);
            }
            if watch.began.elapsed() > EDITION_MAX {
                poster.kill()?;
                return Ok(None);
            }
            let seen = receipts()?;
            if let Some(Kill { moment, manner }) = kill
                && let Some(wait) = moment.due(seen, begun_with, born.elapsed())
            {
                std::thread::sleep(wait);
                return self.kill(poster, manner);
            }
            if watch.summed.elapsed() > SUM.max(watch.sum_took * SUM_RESTS) {
                self.sum(watch)?;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Kills it, unless it has just ended by itself.
    fn kill(&self, poster: &mut Program, manner: Manner) -> Result<Option<Killed>> {
        let open = match manner {
            Manner::Outright => self.arguments.connections,
            Manner::Counted => {
                if poster.ended()?.is_some() {
                    return Ok(None);
                }
                poster.signal("STOP")?;
                connections_to(self.port)?
            }
        };
        if poster.ended()?.is_some() {
            return Ok(None);
        }
        poster.kill()?;
        Ok(Some(Killed { at: self.newsroom.house.world.now(), open }))
    }

    /// How many connections were cut so far.
    fn cuts(&self) -> u64 {
        self.cutter.as_ref().map_or(0, Cutter::cuts)
    }

    fn departure(&self, id: DepartureId) -> Result<Departure> {
        let read = self.newsroom.house.store.read(move |tx| editions::departure_by_id(tx, id));
        self.runtime.block_on(read)?.context("departures are never erased")
    }

    /// Sums the ledger up, and holds the sum against the audience.
    fn sum(&self, watch: &mut Watch) -> Result<()> {
        let (departure, began) = (watch.departure.id, Instant::now());
        let sums = self.runtime.block_on(self.newsroom.house.store.read(move |tx| ledger::sums(tx, departure)))?;
        watch.sums += 1;
        (watch.summed, watch.sum_took) = (Instant::now(), began.elapsed());
        if sums.total() != watch.departure.audience {
            let (sum, audience) = (sums.total(), watch.departure.audience);
            watch.told.push(format!("the states summed to {sum}, not to the audience of {audience}"));
        }
        Ok(())
    }

    /// How many copies are to be sent.
    fn moving(&self, watch: &Watch) -> Result<i64> {
        let departure = watch.departure.id;
        let sums = self.runtime.block_on(self.newsroom.house.store.read(move |tx| ledger::sums(tx, departure)))?;
        Ok(sums.of(DeliveryState::Queued))
    }

    /// Holds everything against everything.
    fn reckon(&self, number: usize, mut watch: Watch, cuts: u64) -> Result<Edition> {
        let departure = watch.departure.id;
        let (lines, doubts) = self.runtime.block_on(reconcile::proof(&self.newsroom.house.store, departure))?;
        let sorted = Marks::of(&self.newsroom).sort(crate::sink::receipts::read(&self.sink.receipts)?);
        let mut balance: Balance = reconcile::hold(departure, &lines, &doubts, &sorted);
        let recoveries = recoveries(&doubts, &watch.kills);
        for recovery in recoveries.iter().filter(|one| one.uncertain > one.open) {
            let Recovery { uncertain, open } = recovery;
            watch.told.push(format!("{uncertain} readers became uncertain at a kill with {open} open connections"));
        }
        let by_cuts = balance.uncertain.saturating_sub(recoveries.iter().map(|one| one.uncertain).sum());
        if self.cutter.is_some() && by_cuts as u64 > cuts {
            watch.told.push(format!("{by_cuts} readers became uncertain, and {cuts} connections were cut"));
        }
        let over = watch.told.len();
        balance.told.append(&mut watch.told);
        let worst = recoveries.iter().max_by_key(|one| one.uncertain);
        Ok(Edition {
            number,
            kills: watch.kills.len(),
            cuts,
            gave_up: watch.gave_up,
            sums: watch.sums,
            uncertain_by_kills: recoveries.iter().map(|one| one.uncertain).sum(),
            uncertain_at_a_kill: worst.map_or(0, |one| one.uncertain),
            open_at_that_kill: worst.map_or(0, |one| one.open),
            breaches: balance.breaches() + over,
            seconds: watch.began.elapsed().as_secs_f64(),
            balance,
        })
    }
}

impl Moment {
    /// How long to wait before the kill, once its moment has come; `None` until then.
    ///
    /// A poster that comes after its moment is killed at the first receipt that it brings about.
    fn due(self, receipts: u64, begun_with: u64, age: Duration) -> Option<Duration> {
        let grown_beyond = |wanted: u64| receipts > wanted.max(begun_with);
        match self {
            Moment::Held { receipts } => grown_beyond(receipts).then_some(Duration::ZERO),
            Moment::Later { receipts, wait_ms } => grown_beyond(receipts).then_some(Duration::from_millis(wait_ms)),
            Moment::Young { age_ms } => (age >= Duration::from_millis(age_ms)).then_some(Duration::ZERO),
        }
    }
}

/// What one poster put in order after the kills before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Recovery {
    /// How many readers it found in flight.
    uncertain: usize,
    /// How many connections were open, at most, at any kill since the recovery before.
    open: usize,
}

/// Every recovery after a kill. A poster that was killed before it took the lease had nothing in flight and left its
/// predecessor's copies to the next; so of the kills since the recovery before, one alone left something.
fn recoveries(doubts: &[Doubt], kills: &[Killed]) -> Vec<Recovery> {
    let mut found: BTreeMap<Ms, usize> = BTreeMap::new();
    for doubt in doubts.iter().filter(|doubt| doubt.cause == ledger::POSTER_ENDED) {
        *found.entry(doubt.since).or_default() += 1;
    }
    let mut before = Ms::MIN;
    let mut all = Vec::new();
    for (since, uncertain) in found {
        let between = kills.iter().filter(|kill| kill.at > before && kill.at <= since);
        let open = between.map(|kill| kill.open).max().unwrap_or(0);
        all.push(Recovery { uncertain, open });
        before = since;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use newsroom::{DeliveryKey, ReaderId};

    fn doubt(since: Ms, cause: &str) -> Doubt {
        let key = DeliveryKey { departure: DepartureId(1), lane: 0, position: 0 };
        Doubt { key, reader: ReaderId(1), since, cause: cause.into(), resolution: None }
    }

    #[test]
    fn doubts_are_laid_to_the_kills_since_the_recovery_before() {
        let kills = [(10, 3), (20, 0), (30, 2), (40, 9)].map(|(at, open)| Killed { at, open });
        let doubts = [
            doubt(25, ledger::POSTER_ENDED),
            doubt(25, ledger::POSTER_ENDED),
            doubt(26, "the connection is closed"),
            doubt(31, ledger::POSTER_ENDED),
        ];
        let expected = [Recovery { uncertain: 2, open: 3 }, Recovery { uncertain: 1, open: 2 }];
        assert_eq!(recoveries(&doubts, &kills), expected);
    }
}
