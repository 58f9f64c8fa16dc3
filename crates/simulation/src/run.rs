//! A run: one newsroom, founded, living for days through crashes and losses of power, held to its promises, from one seed.

use std::sync::Arc;

use crashdisk::Disk;
use mail::dkim::PublicKey;
use newsroom::{DAY_MS, HOUR_MS, MINUTE_MS, Ms, SECOND_MS};
use post::Defect;
use store::{Location, Store};
use tokio::task::{JoinSet, yield_now};
use world::World;
use world::simulated::{self, Internet};

use crate::counters::Counters;
use crate::house::{Birth, Charter, DOMAIN, Ended, Life};
use crate::look;
use crate::outside::{Outside, RelayState};
use crate::plan::{CUT_MS, Crash, End, Moment, Plan};
use crate::relay;
use crate::temper::Temper;
use crate::town::{self, Doors};
use crate::witness::{Restart, Seals, Witness};

/// How a run is done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Keep the trace's lines, not only their hash.
    pub lines: bool,
    /// A defect planted in the post office.
    pub defect: Option<Defect>,
    /// A defect planted in the store: `synchronous=NORMAL`.
    pub planted_normal: bool,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What it grew from.
    pub seed: u64,
    /// The hash of everything that happened: the same seed has the same.
    pub hash: u64,
    /// What happened, counted.
    pub counters: Counters,
    /// The first promise found broken, if any.
    pub fault: Option<String>,
    /// The trace's lines, if they were kept.
    pub lines: Vec<String>,
}

/// Lives one newsroom from one seed, on this thread.
///
/// # Panics
/// When the runtime cannot be built; a panic of the newsroom is a fault in the report.
pub fn run(seed: u64, settings: Settings) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        // The run's own future is polled between any two polls of tasks, so that it can crash the newsroom there.
        .event_interval(1)
        .build()
        .expect("a runtime without I/O needs nothing of the system");
    let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(live(seed, settings))));
    lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let fault = Some(format!("a panic: {}", text.unwrap_or_default()));
        Report { seed, hash: 0, counters: Counters::default(), fault, lines: Vec::new() }
    })
}

async fn live(seed: u64, settings: Settings) -> Report {
    let net = if settings.lines { Internet::new().with_lines() } else { Internet::new() };
    let world = simulated::world(seed, net.clone());
    let charter = Arc::new(Charter::new(world.clone(), Plan::roll(&world), settings.defect));
    let outside = outside_of(&charter);
    let disk = Disk::new(seed);
    let location = Location::Simulated { vfs: disk.vfs_name().into(), planted_normal: settings.planted_normal };
    let mut run =
        Run { charter, outside, net, disk, location, doors: Doors::default(), lives: 0, born: world.now(), world };
    run.days().await;
    run.report(seed)
}

fn outside_of(charter: &Charter) -> Arc<Outside> {
    let (plan, world) = (&charter.plan, &charter.world);
    let seals = Seals {
        vault: charter.vault.clone(),
        public: PublicKey::from_record(&charter.signer.dns_record()).expect("our own record"),
        domain: DOMAIN.into(),
        newsletter: charter.newsletter.id,
    };
    let addresses = plan.people.iter().map(|person| person.address.clone()).collect();
    let witness = Witness::new(seals, addresses, plan.connections_in_all());
    let second = plan.second.as_ref().map(|second| second.temper.clone()).unwrap_or_default();
    let relays = [RelayState::new(plan.temper.clone(), plan.login), RelayState::new(second, false)];
    Outside::new(world.clone(), witness, relays)
}

struct Run {
    charter: Arc<Charter>,
    outside: Arc<Outside>,
    net: Internet,
    disk: Disk,
    location: Location,
    doors: Doors,
    lives: u64,
    born: Ms,
    world: World,
}

/// Two hours after the cut: from then on a newsroom with nothing under way is closed for the night.
const EVENING_MS: Ms = CUT_MS + 2 * HOUR_MS;

/// A dozen times as many are most of what founding does to the disk.
const FOUNDING_OPERATIONS: u64 = 12;

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    /// Its moment or its time has come.
    Moment,
    /// The newsroom ended by itself.
    Ended,
    /// Nothing is under way till the morning.
    Night,
}

/// The relay can be reached.
fn relay_up(net: &Internet, outside: &Arc<Outside>, which: usize) {
    let outside = outside.clone();
    let answer = move |stream, world| relay::answer(outside.clone(), which, stream, world);
    net.serve(relay::ADDRESS, relay::PORTS[which], answer);
}

fn relays_up(net: &Internet, outside: &Arc<Outside>) {
    (0..relay::PORTS.len()).for_each(|which| relay_up(net, outside, which));
}

/// How often a run that waits looks whether a promise was found broken, in milliseconds.
const GLANCE_MS: Ms = 10 * MINUTE_MS;
/// How long people go on after the weather has cleared, in milliseconds.
const CALM_MS: Ms = HOUR_MS;
/// A letter's life and a little: by then everything is settled, or something is stuck.
const DRAIN_MS_MAX: Ms = 50 * HOUR_MS;
/// How long a poster that is asked to stop may take: a dot's patience and a little.
const STOP_MS_MAX: Ms = 30 * MINUTE_MS;
/// How often in a row nothing may move while something is open: the post office looks every minute.
const GLANCES_MAX: u32 = 3;
/// From a restart until its doubts are listed: a lease's length and a little.
const RECOVERY_MS: Ms = 90 * SECOND_MS;

impl Run {
    async fn days(&mut self) {
        relays_up(&self.net, &self.outside);
        self.net.set_refusals(self.charter.plan.temper.refusals);
        let mut weather = JoinSet::new();
        self.begin_weather(&mut weather);
        let mut town = JoinSet::new();
        for (place, fate) in self.charter.plan.people.iter().cloned().enumerate() {
            let (world, outside, doors) = (self.world.clone(), self.outside.clone(), self.doors.clone());
            town.spawn(town::Life { world, outside, doors, place, fate, born: self.born }.live());
        }
        let end = self.born + (self.charter.plan.days - 1) * DAY_MS + CUT_MS + self.charter.plan.lives_ms / 2;
        let mut open = 0;
        for crash in self.charter.plan.crashes.clone() {
            open = self.life(Some(crash), open, end).await;
            if self.is_over(end) {
                break;
            }
        }
        while !self.is_over(end) {
            open = self.life(None, open, end).await;
        }
        weather.shutdown().await;
        self.clear_up();
        open = self.life(None, open, self.world.now() + CALM_MS).await;
        town.shutdown().await;
        self.drain(open).await;
    }

    fn is_over(&self, end: Ms) -> bool {
        self.world.now() >= end || self.is_broken()
    }

    fn is_broken(&self) -> bool {
        self.outside.lock().witness.fault.is_some()
    }

    /// What goes wrong by the clock.
    fn begin_weather(&self, weather: &mut JoinSet<()>) {
        let plan = &self.charter.plan;
        let of_second = plan.second.iter().flat_map(|second| second.downs.clone());
        for (which, (from, to)) in plan.downs.iter().map(|down| (0, *down)).chain(of_second.map(|down| (1, down))) {
            let (world, net, outside, born) = (self.world.clone(), self.net.clone(), self.outside.clone(), self.born);
            weather.spawn(async move {
                world.sleep(born + from - world.now()).await;
                outside.count(["relay down", "second relay down"][which]);
                net.remove(relay::ADDRESS, relay::PORTS[which]);
                world.sleep(to - from).await;
                relay_up(&net, &outside, which);
            });
        }
        for suspension in plan.suspensions.clone() {
            let (world, outside, born) = (self.world.clone(), self.outside.clone(), self.born);
            weather.spawn(async move {
                world.sleep(born + suspension.from - world.now()).await;
                outside.count("account suspended");
                outside.lock().relays[suspension.relay].suspended = Some(suspension.how);
                world.sleep(suspension.to - suspension.from).await;
                outside.lock().relays[suspension.relay].suspended = None;
            });
        }
        if let Some((from, to)) = plan.wrong_password {
            let (world, outside, born) = (self.world.clone(), self.outside.clone(), self.born);
            weather.spawn(async move {
                world.sleep(born + from - world.now()).await;
                outside.lock().relays[0].wrong_password = true;
                world.sleep(to - from).await;
                outside.lock().relays[0].wrong_password = false;
            });
        }
        for (place, (from, step)) in
            plan.people.iter().enumerate().filter_map(|(place, person)| Some((place, person.closed?)))
        {
            let (world, outside, born) = (self.world.clone(), self.outside.clone(), self.born);
            weather.spawn(async move {
                world.sleep(born + from - world.now()).await;
                outside.lock().closed.insert(place, step);
            });
        }
        for (place, (from, to)) in
            plan.people.iter().enumerate().filter_map(|(place, person)| Some((place, person.full?)))
        {
            let (world, outside, born) = (self.world.clone(), self.outside.clone(), self.born);
            weather.spawn(async move {
                world.sleep(born + from - world.now()).await;
                outside.lock().full.insert(place);
                world.sleep(to - from).await;
                outside.lock().full.remove(&place);
            });
        }
    }

    /// From here on nothing goes wrong any more.
    fn clear_up(&self) {
        self.world.note("calm");
        relays_up(&self.net, &self.outside);
        self.net.set_refusals(0);
        let mut state = self.outside.lock();
        for relay in &mut state.relays {
            let temper = &relay.temper;
            let (one_by_one, only_helo, greylist_ms) = (temper.one_by_one, temper.only_helo, temper.greylist_ms);
            relay.temper = Temper { one_by_one, only_helo, greylist_ms, ..Temper::default() };
            (relay.wrong_password, relay.stalls, relay.suspended) = (false, false, None);
        }
        state.full.clear();
    }

    /// One life of the newsroom, until its crash or `end`; `open` connections were open at the crash before. Gives how many
    /// are open at this one.
    async fn life(&mut self, crash: Option<Crash>, open: u64, end: Ms) -> u64 {
        let Some(store) = self.open(crash.and_then(|c| c.again)).await else { return open };
        let birth = Birth { number: self.lives, usurper: crash.and_then(|c| c.usurper) };
        self.lives += 1;
        self.restarted(&birth, open);
        let mut life =
            Life::begin(self.charter.clone(), self.outside.clone(), store.clone(), self.doors.clone(), &birth);
        let why = self.wait(&mut life, &store, crash.map(|c| c.moment), end).await;
        drop(store);
        let crash = crash.filter(|_| why != Waited::Night);
        for _ in 0..crash.filter(|_| why == Waited::Moment).map_or(0, |c| c.polls) {
            yield_now().await;
        }
        let open = self.end(life, crash.map_or(End::Stop, |c| c.end)).await;
        if why == Waited::Night {
            self.outside.count("nights");
            self.world.sleep(self.morning().min(end) - self.world.now()).await;
        }
        if let Some(crash) = crash {
            self.world.sleep(crash.down_ms).await;
        }
        self.disk.revive();
        open
    }

    /// When the day's first work begins again.
    fn morning(&self) -> Ms {
        self.born + (self.world.now() - self.born).div_euclid(DAY_MS) * DAY_MS + DAY_MS
    }

    /// Whether nothing is under way and the next morning is far: a run would spend its time on waiting.
    async fn is_night(&self, store: &Store) -> bool {
        let late = (self.world.now() - self.born).rem_euclid(DAY_MS) >= EVENING_MS;
        late && self.is_settled(store).await.unwrap_or(false)
    }

    /// Opens the store as a start of the newsroom does; the power may go once more meanwhile. `None`: a promise is broken.
    async fn open(&self, again: Option<u64>) -> Option<Store> {
        if let Some(operations) = again {
            // Founding writes the whole schema; a recovery writes little.
            self.disk.crash_after(if self.lives == 0 { FOUNDING_OPERATIONS * operations } else { operations });
        }
        for _ in 0..3 {
            match self.try_open().await {
                Ok(store) => return Some(store),
                Err(_) if self.disk.is_dead() => {
                    self.outside.count("power lost while recovering");
                    self.world.sleep(1).await;
                    self.disk.revive();
                }
                Err(fault) => {
                    self.outside.broken(format!("the store does not open: {fault}"));
                    return None;
                }
            }
        }
        self.outside.broken("the store does not open on a disk that is well".into());
        None
    }

    async fn try_open(&self) -> store::Result<Store> {
        let store = Store::open(&self.location)?;
        self.charter.found(&store).await?;
        look::at_everything(&self.charter, &self.outside, &store).await?;
        look::at_letters(&self.outside, &store).await?;
        Ok(store)
    }

    /// The witness hears that posters of earlier lives are gone, and what their end may have left in doubt.
    fn restarted(&self, birth: &Birth, open: u64) {
        let now = self.world.now();
        let witness = &mut self.outside.lock().witness;
        for life in 0..birth.number {
            for name in ["first", "second"] {
                witness.fenced.entry(format!("{name}-{life}.{DOMAIN}")).or_insert(now);
            }
        }
        witness.restarted(Restart { from: now, to: now + RECOVERY_MS.min(birth.usurper.unwrap_or(Ms::MAX)), open });
    }

    /// Waits for a life's moment, or for `end`.
    async fn wait(&self, life: &mut Life, store: &Store, moment: Option<Moment>, end: Ms) -> Waited {
        let mut until = end;
        match moment {
            Some(Moment::After(ms)) => until = end.min(self.world.now() + ms),
            Some(Moment::RelayStep(steps)) => self.outside.set_tripwire(Some(steps)),
            Some(Moment::DiskOperation(operations)) => self.disk.crash_after(operations),
            None => {}
        }
        loop {
            let left = until - self.world.now();
            if left <= 0 || self.is_broken() {
                return Waited::Moment;
            }
            if self.is_night(store).await {
                return Waited::Night;
            }
            tokio::select! {
                biased;
                () = self.outside.tripped.notified() => return Waited::Moment,
                ended = life.ended() => {
                    if let Ended::Store(why) = &ended && !self.disk.is_dead() {
                        self.outside.broken(format!("the newsroom ended by itself: {why}"));
                    }
                    return Waited::Ended;
                }
                () = self.world.sleep(left.min(GLANCE_MS)) => {}
            }
        }
    }

    /// Ends a life. Gives how many connections were open at that moment.
    async fn end(&self, mut life: Life, end: End) -> u64 {
        self.outside.set_tripwire(None);
        // A loss of power that was meant for this life must not come in a later one, in the last above all.
        self.disk.crash_never();
        let dead = self.disk.is_dead();
        let open = match end {
            _ if dead => {
                self.outside.count("power lost in the middle of an operation");
                // The process has gone on for a moment and closed its connections: how many it had is not known.
                self.charter.plan.connections_in_all()
            }
            End::Stop => {
                self.outside.count("stopped in order");
                life.stop();
                let home =
                    tokio::time::timeout(std::time::Duration::from_millis(STOP_MS_MAX.unsigned_abs()), life.ended());
                if home.await.is_err() {
                    self.outside.broken("a poster that was asked to stop is still there".into());
                }
                0
            }
            End::Kill => {
                self.outside.count("killed");
                self.disk.kill();
                self.outside.open_connections()
            }
            End::Power => {
                self.outside.count("power lost");
                self.disk.power_loss();
                self.outside.open_connections()
            }
        };
        life.end();
        self.outside.stall(false);
        // Aborted tasks are dropped when the runtime comes to them; until the clock moves it comes to all of them.
        self.world.sleep(1).await;
        open
    }

    /// The last life, with nothing going wrong: until everything has come to its end, and then the reckoning.
    async fn drain(&mut self, open: u64) {
        if self.is_broken() {
            return;
        }
        let Some(store) = self.open(None).await else { return };
        let birth = Birth { number: self.lives, usurper: None };
        self.restarted(&birth, open);
        let mut life =
            Life::begin(self.charter.clone(), self.outside.clone(), store.clone(), self.doors.clone(), &birth);
        let last = self.world.now() + self.charter.plan.lives_ms + DRAIN_MS_MAX;
        let mut idle_glances = 0;
        let settled = loop {
            let glance = self.world.now() + GLANCE_MS;
            if self.wait(&mut life, &store, None, glance).await != Waited::Moment || self.is_over(last) {
                break Ok(());
            }
            if let Err(fault) = look::at_letters(&self.outside, &store).await {
                break Err(fault);
            }
            match self.is_settled(&store).await {
                Ok(true) => break Ok(()),
                Ok(false) => idle_glances = if self.moves() { 0 } else { idle_glances + 1 },
                Err(fault) => break Err(fault),
            }
            if idle_glances > GLANCES_MAX {
                self.outside.broken("every copy has come to its end, and a departure is still open".into());
            }
        };
        if let Err(fault) = settled.and(self.reckon(&store).await) {
            self.outside.broken(format!("the store failed on a disk that is well: {fault}"));
        }
        self.end(life, End::Stop).await;
    }

    /// Whether a copy that is known is still on its way.
    fn moves(&self) -> bool {
        self.outside.lock().witness.moves()
    }

    async fn is_settled(&self, store: &Store) -> store::Result<bool> {
        Ok(look::editions_live(store).await? == 0 && look::letters_open(store).await? == 0)
    }

    async fn reckon(&self, store: &Store) -> store::Result<()> {
        if !self.is_settled(store).await? {
            self.outside.broken("something is still under way long after its time".into());
        }
        look::at_everything(&self.charter, &self.outside, store).await?;
        look::at_letters(&self.outside, store).await?;
        self.outside.lock().witness.settle();
        Ok(())
    }

    fn report(self, seed: u64) -> Report {
        let witness = &mut self.outside.lock().witness;
        let disk = self.disk.counters();
        witness.counters.add("people", self.charter.plan.people.len() as u64);
        witness.counters.add("mornings", self.charter.plan.days.unsigned_abs());
        witness.counters.add("sectors lost", disk.sectors_lost);
        self.world.note(&format!("disk {:016x} {} {disk:?}", self.disk.trace(), witness.counters));
        let trace = self.world.trace().expect("a simulation has a trace");
        Report {
            seed,
            hash: trace.hash,
            counters: witness.counters.clone(),
            fault: witness.fault.clone(),
            lines: trace.lines,
        }
    }
}
