//! P5 over all zones of the bundled database: two schedulers on one database, killed and powered off at random, look at the
//! clock for 48 hours across a change of daylight saving time, and every due reader gets exactly one edition a turn.
//!
//! What is due is found a second time here, minute by minute from the zones' local times alone, and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use crashdisk::Disk;
use edition::clock::{Became, Defect, Leaves, Look, Rules, Scheduler, Welcome};
use edition::slots::{Hours, LATE_AFTER_H};
use jiff::Timestamp;
use jiff::civil::{Date, Weekday, time};
use jiff::tz::TimeZone;
use newsroom::{
    ArticleId, Credit, DepartureState, EditionKind, Format, Frequency, HOUR_MS, MINUTE_MS, Ms, Newsletter,
    NewsletterId, Outlet, ReaderId, Revision, SlotId, Timing, Topics,
};
use store::readers::{self, Line, SealedReader};
use store::slots::{self, Chosen};
use store::{Location, Store, articles, editions, ledger, newsletters};
use world::World;
use world::simulated::{self, Internet};

/// How long a run looks at the clock.
const RUN_MS: Ms = 48 * HOUR_MS;
/// Readers who choose another zone again and again.
const MOVERS: usize = 120;
/// The outlet's own zone and hour.
const OUTLET_ZONE: &str = "Europe/Lisbon";
const OUTLET_HOUR: i8 = 7;
/// More than any departure has, and more departures than any run has.
const MANY: i64 = 10_000;
/// A day's worth of minutes and two hours: every local date that is under way when a run begins began within that.
const BEFORE_MS: Ms = 26 * HOUR_MS;

/// A turn as the other reckoning finds it.
type Turn = (Date, Ms);

/// All turns of every hour in one zone that come within `(from, to]`, minute by minute: an hour's turn on a date comes in
/// the first minute of that date that is not before the hour.
fn turns_of(zone: &TimeZone, from: Ms, to: Ms) -> BTreeMap<i8, Vec<Turn>> {
    let mut turns: BTreeMap<i8, Vec<Turn>> = BTreeMap::new();
    let mut come: BTreeSet<(Date, i8)> = BTreeSet::new();
    let first = (from - BEFORE_MS).div_euclid(MINUTE_MS) * MINUTE_MS;
    for minute in (first..=to).step_by(MINUTE_MS as usize) {
        let local = zone.to_datetime(Timestamp::from_millisecond(minute).expect("in range"));
        for hour in (0..=local.hour()).rev() {
            if !come.insert((local.date(), hour)) {
                break;
            }
            if minute > from {
                turns.entry(hour).or_default().push((local.date(), minute));
            }
        }
    }
    turns
}

/// A reader, what they chose, and what they should have had.
struct Person {
    id: ReaderId,
    timing: Timing,
    moves: bool,
    last: Option<Date>,
    due: Vec<Turn>,
}

struct Run {
    world: World,
    outlet: Outlet,
    newsletter: Newsletter,
    rules: Rules,
    disk: Disk,
    store: Store,
    people: Vec<Person>,
    turns: BTreeMap<String, BTreeMap<i8, Vec<Turn>>>,
    zones: Vec<String>,
    /// When everything that had come was last decided.
    decided: Ms,
    counts: BTreeMap<&'static str, u64>,
}

fn rules(defect: Option<Defect>) -> Rules {
    Rules {
        hours: Hours {
            zone: TimeZone::get(OUTLET_ZONE).expect("a zone"),
            hour: OUTLET_HOUR,
            weekday: Weekday::Sunday,
            cutoff: time(6, 30, 0, 0),
            late_after_ms: LATE_AFTER_H * HOUR_MS,
        },
        leaves: Leaves::Itself,
        welcome: Welcome::AtTurn,
        lives_ms: 20 * HOUR_MS,
        defect,
    }
}

fn outlet() -> Outlet {
    Outlet {
        name: "The Harbour Courier".into(),
        tagline: String::new(),
        site: "https://courier.example".into(),
        language: "en".into(),
        zone: OUTLET_ZONE.into(),
        postal_address: "Quay Street 12".into(),
        from: "news@courier.example".into(),
        reply_to: None,
        mail_domain: "courier.example".into(),
        selector: "s1".into(),
        invitation: String::new(),
    }
}

fn location(disk: &Disk) -> Location {
    Location::Simulated { vfs: disk.vfs_name().into(), planted_normal: false }
}

impl Run {
    async fn begin(seed: u64, start: &str, defect: Option<Defect>) -> Self {
        let start: Timestamp = start.parse().expect("a moment");
        let world = simulated::world_at(seed, start.as_millisecond(), Internet::new());
        let disk = Disk::new(seed);
        let store = Store::open(&location(&disk)).expect("a fresh disk");
        let newsletter = Newsletter { id: NewsletterId(1), slug: "daily".into(), title: "Morning Tide".into() };
        let zones: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        assert!(zones.len() > 500, "the bundled database has {} zones", zones.len());
        let from = world.now();
        let turns = zones.iter().map(|name| {
            let zone = TimeZone::get(name).expect("a zone of the database");
            (name.clone(), turns_of(&zone, from, from + RUN_MS))
        });
        let turns = turns.collect();
        let (outlet, rules) = (outlet(), rules(defect));
        let mut run = Self {
            world,
            outlet,
            newsletter,
            rules,
            disk,
            store,
            people: Vec::new(),
            turns,
            zones,
            decided: from,
            counts: BTreeMap::new(),
        };
        run.found().await;
        run
    }

    fn scheduler(&self) -> Scheduler<'_> {
        let Self { world, store, outlet, newsletter, rules, .. } = self;
        Scheduler { world, store, outlet, newsletter, rules }
    }

    /// A story, two readers in every zone, one of them at an hour that changes of the clocks touch; readers of the outlet's
    /// hour; and those who move.
    async fn found(&mut self) {
        let mut timings = vec![Timing::OUTLETS; 20];
        for (n, zone) in self.zones.iter().enumerate() {
            for hour in [n % 4, (5 * n) % 24] {
                let hour = Some(i8::try_from(hour).expect("an hour"));
                timings.push(Timing { zone: Some(zone.clone()), hour, ..Timing::OUTLETS });
            }
        }
        let movers = timings.len();
        timings.resize(movers + MOVERS, Timing::OUTLETS);
        self.people = (1..)
            .zip(timings)
            .enumerate()
            .map(|(n, (id, timing))| Person {
                id: ReaderId(id),
                timing,
                moves: n >= movers,
                last: None,
                due: Vec::new(),
            })
            .collect();
        let (newsletter, now) = (self.newsletter.clone(), self.world.now());
        let chosen: Vec<(ReaderId, Timing)> = self.people.iter().map(|p| (p.id, p.timing.clone())).collect();
        self.store
            .write(move |tx| {
                newsletters::add(tx, &newsletter)?;
                publish(tx, now)?;
                slots::start_clock(tx, newsletter.id, now)?;
                chosen.iter().try_for_each(|(id, timing)| subscribe(tx, newsletter.id, *id, timing, now))
            })
            .await
            .expect("founded");
    }

    fn roll(&self, n: u64) -> u64 {
        self.world.roll(n)
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    async fn days(&mut self) {
        let end = self.decided + RUN_MS;
        while self.world.now() < end {
            let nap = match self.roll(40) {
                // A machine that is down for a while, but not so long that anything is held.
                0 => 1 + self.roll(300),
                1..=5 => 1 + self.roll(50),
                _ => 1 + self.roll(9),
            };
            let nap = Ms::try_from(nap).expect("a few hours") * MINUTE_MS;
            self.world.sleep(nap.min(end - self.world.now())).await;
            self.step().await;
        }
        self.look().await;
    }

    async fn step(&mut self) {
        match self.roll(10) {
            0 | 1 => self.interrupted().await,
            2 => self.powerless().await,
            3 | 4 => self.both().await,
            _ => {}
        }
        self.look().await;
        if self.roll(8) == 0 {
            self.move_some().await;
        }
    }

    /// A scheduler that is killed at some await.
    async fn interrupted(&mut self) {
        self.count("killed");
        let mut steps = self.roll(40);
        let scheduler = self.scheduler();
        let mut look = pin!(scheduler.look());
        std::future::poll_fn(|context| {
            steps = steps.saturating_sub(1);
            if steps == 0 || look.as_mut().poll(context).is_ready() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// A scheduler whose machine loses its power at some operation of the disk.
    async fn powerless(&mut self) {
        self.count("power lost");
        self.disk.crash_after(1 + self.roll(60));
        // It fails when the power went, and is looked at again below either way.
        drop(self.scheduler().look().await);
        self.disk.crash_never();
        self.disk.power_loss();
        self.disk.revive();
        self.store = Store::open(&location(&self.disk)).expect("what was durable opens");
    }

    /// Two schedulers at once: every step of one falls between steps of the other.
    async fn both(&mut self) {
        self.count("both at once");
        let (one, other) = (self.scheduler(), self.scheduler());
        let (one, other) = tokio::join!(one.look(), other.look());
        for look in [one, other] {
            look.expect("nothing fails here");
        }
    }

    /// One look to its end: then everything that had come is decided.
    async fn look(&mut self) -> Look {
        let look = self.scheduler().look().await.expect("nothing fails here");
        assert!(!look.backwards);
        self.settle().await;
        let (from, to) = (self.decided, self.world.now());
        self.decided = to;
        let turns = &self.turns;
        for person in &mut self.people {
            let zone = person.timing.zone.as_deref().unwrap_or(OUTLET_ZONE);
            let hour = person.timing.hour.unwrap_or(OUTLET_HOUR);
            let come = turns[zone].get(&hour).into_iter().flatten().rfind(|(_, at)| *at > from && *at <= to);
            if let Some((date, at)) = come.copied()
                && person.last.is_none_or(|last| last < date)
            {
                person.last = Some(date);
                person.due.push((date, at));
            }
        }
        look
    }

    /// No post office is at work here: what left counts as settled, so that it is folded once.
    async fn settle(&self) {
        let settle = |tx: &store::Write<'_>| {
            editions::live(tx)?.iter().try_for_each(|departure| {
                editions::set_state(tx, departure.id, DepartureState::Open, DepartureState::Settled).map(drop)
            })
        };
        self.store.write(settle).await.expect("settled");
    }

    /// Some readers choose another zone and hour.
    async fn move_some(&mut self) {
        self.count("moved");
        let (newsletter, now) = (self.newsletter.id, self.world.now());
        for at in 0..self.people.len() {
            if !self.people[at].moves || self.roll(3) > 0 {
                continue;
            }
            let zone = usize::try_from(self.roll(self.zones.len() as u64)).expect("small");
            let hour = i8::try_from(self.roll(24)).expect("an hour");
            let timing = Timing { zone: Some(self.zones[zone].clone()), hour: Some(hour), ..Timing::OUTLETS };
            self.people[at].timing = timing.clone();
            let (id, fresh) = (self.people[at].id, SlotId(self.world.mint()));
            let wanted = Chosen { timing, paused_until: None };
            let kept = self.store.write(move |tx| slots::choose(tx, id, newsletter, &wanted, fresh, now)).await;
            assert!(kept.expect("kept"), "the reader is active");
        }
    }

    /// What each reader was frozen into: the edition's date and the departure's moment.
    async fn had(&self) -> BTreeMap<ReaderId, Vec<(Date, Ms)>> {
        let read = self.store.read(|tx| {
            let mut had: BTreeMap<ReaderId, Vec<(Date, Ms)>> = BTreeMap::new();
            for departure in editions::latest(tx, MANY)? {
                let edition = editions::by_id(tx, departure.edition.expect("of an edition"))?.expect("kept");
                let lines = ledger::lines(tx, departure.id, (-1, -1), MANY)?;
                assert_eq!(lines.len() as i64, departure.audience);
                let date = edition.date.parse().expect("a date");
                for line in lines {
                    had.entry(line.reader).or_default().push((date, departure.instant));
                }
            }
            had.values_mut().for_each(|all| all.sort());
            Ok(had)
        });
        read.await.expect("the ledger")
    }

    /// The first reader for whom the two reckonings differ.
    async fn fault(&self) -> Option<String> {
        let mut had = self.had().await;
        self.people.iter().find_map(|person| {
            let had = had.remove(&person.id).unwrap_or_default();
            (had != person.due)
                .then(|| format!("{:?} {:?}: due {:?}, had {had:?}", person.id, person.timing, person.due))
        })
    }
}

fn publish(tx: &store::Write, now: Ms) -> store::Result<()> {
    let revision = Revision {
        article: ArticleId(7),
        number: 1,
        title: "The tide rose again".into(),
        standfirst: "What happened at the quay.".into(),
        language: "en".into(),
        credit: Credit { byline: None, outlet: None, canonical: None, licence: None, picture: None },
        picture: None,
        topics: Topics::NONE,
        body: prose::Document::default().to_json(),
        made: now,
    };
    articles::add(tx, "tide", None, None, &revision)?;
    articles::publish(tx, ArticleId(7), now).map(drop)
}

fn subscribe(tx: &store::Write, newsletter: NewsletterId, id: ReaderId, timing: &Timing, now: Ms) -> store::Result<()> {
    let index = id.0.to_be_bytes().to_vec();
    let who = SealedReader {
        id,
        kid: 1,
        sealed: vec![1],
        index,
        lane: id.0 % 4,
        language: "en".into(),
        format: Format::Text,
    };
    readers::add(tx, &who, now)?;
    readers::ask(tx, id, newsletter, Topics::ALL, now)?;
    readers::confirm(tx, id, newsletter, &Line { id: id.0, door: "mail link", wording: String::new() }, now)?;
    let chosen = Chosen { timing: timing.clone(), paused_until: None };
    slots::choose(tx, id, newsletter, &chosen, SlotId(1_000 + id.0), now).map(drop)
}

/// Days around a change of the clocks somewhere, and one of none.
const STARTS: [&str; 7] = [
    "2026-03-28T09:00:00Z", // most of Europe forward; Lisbon itself
    "2026-10-24T05:30:00Z", // and back
    "2026-03-07T20:00:00Z", // North America forward
    "2026-10-31T18:00:00Z", // and back; Newfoundland by its half hours
    "2026-04-04T00:10:00Z", // southern Australia, Lord Howe (half an hour) and New Zealand back
    "2026-10-03T02:00:00Z", // and forward; Paraguay's and Chile's midnights are near
    "2011-12-29T00:00:00Z", // Samoa and Tokelau skip the 30th altogether
];

fn live<T>(story: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without I/O needs nothing of the system").block_on(story())
}

fn hold_over(starts: &[&'static str], seed: u64) {
    live(async || {
        for (n, start) in (0..).zip(starts) {
            let mut run = Run::begin(seed + n, start, None).await;
            run.days().await;
            assert_eq!(run.fault().await, None, "from {start}; tried {:?}", run.counts);
            for tried in ["killed", "power lost", "both at once", "moved"] {
                assert!(run.counts.contains_key(tried), "{tried} never happened: {:?}", run.counts);
            }
            let turns: usize = run.people.iter().map(|person| person.due.len()).sum();
            assert!(turns > 2 * run.zones.len(), "only {turns} turns came");
        }
    });
}

#[test]
fn every_due_reader_is_served_once_a_turn_over_all_zones_as_clocks_go_forward() {
    hold_over(&[STARTS[0], STARTS[2], STARTS[5], STARTS[6]], 1);
}

#[test]
fn every_due_reader_is_served_once_a_turn_over_all_zones_as_clocks_go_back() {
    hold_over(&[STARTS[1], STARTS[3], STARTS[4]], 11);
}

#[test]
fn each_planted_defect_is_caught() {
    for defect in [Defect::DateInUtc, Defect::NoLastDate, Defect::NoTurns] {
        let fault = live(async || {
            let mut run = Run::begin(5, STARTS[0], Some(defect)).await;
            run.days().await;
            run.fault().await
        });
        assert!(fault.is_some(), "{defect:?} was not seen");
    }
}

#[test]
fn what_is_late_is_held_and_leaves_at_a_persons_word_once() {
    live(async || {
        let mut run = Run::begin(3, "2026-11-24T00:00:00Z", None).await;
        // Lisbon keeps UTC in winter: its hour was seven hours ago.
        run.world.sleep(14 * HOUR_MS).await;
        run.look().await;
        let lisbon = |name: &str| name == "daily-2026-11-24";
        let asking = run.scheduler().asking().await.expect("a look");
        assert!(asking.iter().any(|a| lisbon(&a.name()) && a.late), "{asking:?}");
        let before = run.had().await;
        assert!(!before.contains_key(&ReaderId(1)), "held, not sent");
        let word = run.scheduler().release(EditionKind::Daily, "2026-11-24").await.expect("released");
        let Some(Became::Departed(departure)) = word else { panic!("{word:?}") };
        assert!(departure.instant >= run.world.now(), "it leaves when the word is given");
        assert_eq!(run.scheduler().release(EditionKind::Daily, "2026-11-24").await.expect("a word"), None);
        let had = run.had().await;
        assert_eq!(had[&ReaderId(1)].len(), 1);
        run.world.sleep(2 * MINUTE_MS).await;
        let again = run.scheduler().look().await.expect("a look");
        assert!(again.turns.iter().all(|(turn, _)| !turn.slots.contains(&SlotId::DAILY)), "{again:?}");
    });
}

#[test]
fn what_waits_for_a_person_leaves_by_itself_once_they_gave_the_word_for_its_date() {
    live(async || {
        let mut run = Run::begin(4, "2026-11-24T00:00:00Z", None).await;
        run.rules.leaves = Leaves::Person;
        run.world.sleep(7 * HOUR_MS).await;
        run.look().await;
        assert!(run.had().await.is_empty(), "nobody gave the word");
        run.scheduler().release(EditionKind::Daily, "2026-11-24").await.expect("released");
        let after = run.had().await;
        assert!(after.contains_key(&ReaderId(1)) && after.len() < run.people.len());
        run.world.sleep(HOUR_MS).await;
        run.look().await;
        assert!(run.had().await.len() > after.len(), "later hours of the same date need no second word");
        let dropped = run.scheduler().drop_held(EditionKind::Daily, "2026-11-23").await.expect("dropped");
        assert!(dropped > 0, "yesterday's, of zones behind, still wait");
        assert_eq!(run.scheduler().asking().await.expect("a look"), []);
    });
}

#[test]
fn weekly_paused_and_breaking_readers_get_what_they_chose() {
    live(async || {
        let mut run = Run::begin(6, "2026-11-21T00:00:00Z", None).await;
        let (newsletter, now) = (run.newsletter.id, run.world.now());
        let of = |frequency| Timing { frequency, ..Timing::OUTLETS };
        let wanted = [
            (1, of(Frequency::Weekly), None),
            (2, of(Frequency::Breaking), None),
            (3, of(Frequency::Daily), Some("2026-11-22".to_owned())),
        ];
        for (id, timing, paused_until) in wanted {
            let chosen = Chosen { timing, paused_until };
            let kept =
                run.store.write(move |tx| slots::choose(tx, ReaderId(id), newsletter, &chosen, SlotId(900), now));
            assert!(kept.await.expect("kept"));
        }
        for _ in 0..48 {
            run.world.sleep(HOUR_MS).await;
            run.look().await;
        }
        let had = run.had().await;
        let dates = |id| had.get(&ReaderId(id)).into_iter().flatten().map(|(d, _)| d.to_string()).collect::<Vec<_>>();
        assert_eq!(dates(1), ["2026-11-22"], "a Sunday");
        assert_eq!(dates(2), Vec::<String>::new());
        assert_eq!(dates(3), ["2026-11-22"]);
        assert_eq!(dates(4), ["2026-11-21", "2026-11-22"]);
    });
}

#[test]
fn who_has_just_confirmed_gets_one_copy_at_once_and_it_counts_as_their_date() {
    live(async || {
        let mut run = Run::begin(8, "2026-11-24T06:00:00Z", None).await;
        run.rules.welcome = Welcome::AtOnce;
        // Everybody has just been founded, that is: confirmed.
        let departure = run.scheduler().receive_newcomers().await.expect("received").expect("there is a story");
        assert_eq!(departure.audience, run.people.len() as i64);
        assert_eq!(run.scheduler().receive_newcomers().await.expect("nobody waits"), None);
        run.world.sleep(HOUR_MS).await;
        run.look().await;
        let had = run.had().await;
        assert_eq!(had[&ReaderId(1)].len(), 1, "the outlet's hour came, and they had had today's");
    });
}
