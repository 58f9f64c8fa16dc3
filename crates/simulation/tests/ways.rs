//! The post office and its ways out on virtual time: a letter in the middle of an edition, a relay that takes few
//! connections, greylists that name a time. Each rig is shown the defect that it is there for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use crashdisk::Disk;
use mail::address::{Domain, HostName};
use mail::dkim::Signer;
use mail::mime::{Draft, DraftPart};
use mail::shared::{Identity, Purpose, SharedMail};
use mail::smtp::client::Patience;
use mail::smtp::server::{Answer, Received, Receiver, Terms, serve};
use mail::smtp::{Enhanced, Reply};
use newsroom::{
    Address, ArticleId, Cohort, CohortId, CohortKey, DAY_MS, DeliveryState, DepartureId, DepartureState, Edition,
    EditionId, EditionKind, Format, HOUR_MS, LineUpEntry, MINUTE_MS, Ms, Newsletter, NewsletterId, ReaderId, RouteId,
    SECOND_MS, Sums, Topics, WarmUp,
};
use post::pace::Caps;
use post::route::{Carrier, Encryption, Relay, Route};
use post::{Defect, Doubts, Orders, Sender, Until, warm_up};
use seal::Secret;
use store::editions::{self, Audience, Cut, Order, Rendered};
use store::letters::{self, Letter};
use store::readers::{self, Line, SealedReader};
use store::{Location, Store, ledger, newsletters};
use tokio::sync::watch;
use vault::{KeyRing, Vault};
use world::simulated::{self, Internet};
use world::{Stream, Target, World};

const DKIM_KEY: &[u8] = include_bytes!("../fixtures/throw_away_dkim_test_key.pk8");
const DOMAIN: &str = "courier.example";
const DAILY: NewsletterId = NewsletterId(1);
const DEPARTURE: DepartureId = DepartureId(1_000);
const LETTER: DepartureId = DepartureId(9_000);
const PORT: u16 = 587;
/// Who signs up while the edition leaves.
const NEWCOMER: i64 = 1;

/// What a relay does beside taking mail.
#[derive(Clone, Copy, Debug, Default)]
struct Manner {
    /// It takes so many connections at once; the next one hears `away`, or nothing.
    connections: Option<usize>,
    away: Option<&'static str>,
    /// It takes one message after the other, and this long for each.
    one_ms: Ms,
    /// Nobody's first try is taken; it names this time.
    greylists: Option<(&'static str, Ms)>,
    /// This reader's mailbox is full, whenever it is asked.
    full: Option<i64>,
}

#[derive(Default)]
struct Log {
    open: usize,
    away: usize,
    /// Whom it took mail for, and when.
    took: Vec<(String, Ms)>,
    /// When each recipient was named.
    tries: BTreeMap<String, Vec<Ms>>,
}

#[derive(Clone, Default)]
struct House {
    log: Arc<Mutex<Log>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl House {
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    fn took(&self) -> Vec<(String, Ms)> {
        self.lock().took.clone()
    }

    fn serve(&self, net: &Internet, host: &str, manner: Manner) {
        let house = self.clone();
        net.serve(host, PORT, move |stream, world| house.clone().answer(stream, world, manner));
    }

    async fn answer(self, stream: Stream, world: World, manner: Manner) {
        self.lock().open += 1;
        let mut clerk = Clerk { house: self.clone(), world, manner };
        let _ended = serve(stream, &mut clerk, &Terms::new(HostName::parse("relay.example").unwrap())).await;
        self.lock().open -= 1;
    }
}

struct Clerk {
    house: House,
    world: World,
    manner: Manner,
}

impl Receiver for Clerk {
    async fn connect(&mut self) -> Answer {
        let mut log = self.house.lock();
        if self.manner.connections.is_none_or(|most| log.open <= most) {
            return Answer::Usual;
        }
        log.away += 1;
        match self.manner.away {
            Some(text) => Answer::Last(Reply::new(421, Enhanced::new(4, 7, 0), text)),
            None => Answer::Close,
        }
    }

    async fn rcpt(&mut self, to: &str, _: &Received) -> Answer {
        let now = self.world.now();
        let mut log = self.house.lock();
        let tries = log.tries.entry(to.to_owned()).or_default();
        tries.push(now);
        match self.manner.greylists {
            Some((text, wait)) if now - tries[0] < wait => Answer::Reply(Reply::new(451, Enhanced::new(4, 7, 1), text)),
            _ => Answer::Usual,
        }
    }

    async fn message(&mut self, envelope: &Received, _: &[u8]) -> Answer {
        if self.manner.full.is_some_and(|full| envelope.to[0] == address(full)) {
            return Answer::Reply(Reply::new(552, Enhanced::new(5, 2, 2), "mailbox full"));
        }
        if self.manner.one_ms > 0 {
            let _turn = self.house.turn.lock().await;
            self.world.sleep(self.manner.one_ms).await;
            self.house.lock().took.push((envelope.to[0].clone(), self.world.now()));
        } else {
            self.house.lock().took.push((envelope.to[0].clone(), self.world.now()));
        }
        Answer::Usual
    }
}

/// A newsroom with an edition that is cut and open.
struct Rig {
    world: World,
    net: Internet,
    store: Store,
    vault: Arc<Vault>,
    signer: Arc<Signer>,
    _disk: Disk,
}

fn address(n: i64) -> String {
    if n == NEWCOMER { "newcomer@lamps.example".into() } else { format!("keeper-{n}@lamps.example") }
}

fn body() -> Vec<u8> {
    let identity = Identity::new("The Courier", "news@courier.example", None, DOMAIN).unwrap();
    let part = DraftPart { shared: "The light is lit again.\n".into(), personal: "Good night.\n".into() };
    let draft = Draft { text: part, html: None };
    SharedMail::new(identity, "News", Purpose::Letter, &draft, b"rig").unwrap().to_bytes()
}

/// The so-manyth edition.
fn order(day: i64, now: Ms, lives: Ms, keys: &[CohortKey]) -> Order {
    let (position, article, rank) = (0, ArticleId(10 + day), 10 + day);
    let entry = LineUpEntry { position, article, revision: 1, rank, topics: Topics::NONE.with(0) };
    let cohort = |n| Cohort { id: CohortId(100 * day + n), subject: "News".into(), body: body() };
    let rendered = |(n, key): (i64, &CohortKey)| Rendered { key: key.clone(), cohort: cohort(n), stories: vec![0] };
    Order {
        edition: Edition {
            id: EditionId(500 + day),
            newsletter: DAILY,
            kind: EditionKind::Daily,
            date: format!("2026-01-{:02}", 1 + day),
            subject: "News".into(),
        },
        departure: DepartureId(DEPARTURE.0 + day),
        instant: now,
        expires: now + lives,
        line_up: vec![entry],
        cohorts: (1..).zip(keys).map(rendered).collect(),
        audience: Audience::Everybody,
        taken: store::envelope::Taken::default(),
    }
}

impl Rig {
    async fn new(seed: u64, count: i64) -> Self {
        let net = Internet::new();
        let world = simulated::world(seed, net.clone());
        let disk = Disk::new(seed);
        let place = Location::Simulated { vfs: disk.vfs_name().into(), planted_normal: false };
        let store = Store::open(&place).unwrap();
        let mut ring = KeyRing::generate(&mut |bytes| world.fill(bytes));
        ring.add_dkim("s1", Secret::new(DKIM_KEY.to_vec())).unwrap();
        let domain = |name| Domain::parse(name).unwrap();
        let signer = Signer::from_pkcs8(ring.dkim("s1").unwrap().expose(), domain(DOMAIN), domain("s1")).unwrap();
        let rig = Self { world, net, store, vault: Arc::new(Vault::new(ring)), signer: Arc::new(signer), _disk: disk };
        rig.found(count).await;
        rig.cut(0).await;
        rig
    }

    /// Cuts and opens the so-manyth day's edition.
    async fn cut(&self, day: i64) {
        let now = self.world.now();
        self.store
            .write(move |tx| {
                editions::fold(tx, DAILY)?;
                let wanted = order(day, now, 20 * HOUR_MS, &[]);
                let due = editions::due_keys(tx, &wanted.edition, &Audience::Everybody)?;
                let keys: Vec<CohortKey> = due.into_iter().map(|(key, _)| key).collect();
                let cut = editions::cut(tx, &order(day, now, 20 * HOUR_MS, &keys))?;
                assert!(matches!(cut, Cut::Frozen(_)), "{cut:?}");
                assert!(editions::set_state(tx, wanted.departure, DepartureState::Cut, DepartureState::Open)?);
                Ok(())
            })
            .await
            .unwrap();
    }

    async fn found(&self, count: i64) {
        let now = self.world.now();
        let sealed: Vec<SealedReader> = (100..100 + count).map(|n| self.reader(n)).collect();
        self.store
            .write(move |tx| {
                newsletters::add(tx, &Newsletter { id: DAILY, slug: "daily".into(), title: "Daily".into() })?;
                for who in &sealed {
                    readers::add(tx, who, now)?;
                    readers::ask(tx, who.id, DAILY, Topics::ALL, now)?;
                    let line = Line { id: 1_000_000 + who.id.0, door: "mail link", wording: "daily".into() };
                    assert!(readers::confirm(tx, who.id, DAILY, &line, now)?);
                }
                Ok(())
            })
            .await
            .unwrap();
    }

    fn reader(&self, n: i64) -> SealedReader {
        let who = Address::parse(&address(n)).unwrap();
        let (kid, sealed) = self.vault.seal_address(&who, ReaderId(n), &mut |bytes| self.world.fill(bytes));
        let (index, lane) = (self.vault.index(&who).to_vec(), self.vault.lane(&who));
        SealedReader { id: ReaderId(n), kid, sealed, index, lane, language: "en".into(), format: Format::Html }
    }

    /// Somebody fills in the form: a letter is queued.
    async fn sign_up(&self) {
        let (now, who) = (self.world.now(), self.reader(NEWCOMER));
        self.store
            .write(move |tx| {
                readers::add(tx, &who, now)?;
                readers::ask(tx, who.id, DAILY, Topics::ALL, now)?;
                let fresh = Cohort { id: CohortId(77), subject: "Please confirm".into(), body: body() };
                let cohort = letters::words(tx, &fresh, b"confirm", "en", Format::Html)?;
                let (reader, lane) = (who.id, who.lane);
                let departure = LETTER;
                let expires = now + 2 * DAY_MS;
                letters::queue(
                    tx,
                    &Letter { departure, newsletter: DAILY, reader, lane, cohort, instant: now, expires },
                )
            })
            .await
            .unwrap();
    }

    fn orders(&self, routes: Vec<Route>, defect: Option<Defect>) -> Orders {
        Orders {
            sender: Sender { signer: Some(self.signer.clone()), leaves_by_mail: false },
            routes: post::fixed(routes),
            holder: "the rig".into(),
            lease_ms: post::LEASE_MS,
            idle_ms: 200,
            doubts: Doubts::Hold,
            rules: store::returned::Rules { soft_editions: 5, soft_ms: 14 * DAY_MS },
            retry_first_ms: 5 * MINUTE_MS,
            defect,
            until: Until::Settled { faults_max: 50 },
            stop: watch::channel(false).1,
        }
    }

    async fn send(&self, routes: Vec<Route>, defect: Option<Defect>) {
        let orders = self.orders(routes, defect);
        post::run(self.world.clone(), self.store.clone(), self.vault.clone(), orders).await.unwrap();
    }

    async fn sums(&self) -> Sums {
        self.store.read(|tx| ledger::sums(tx, DEPARTURE)).await.unwrap()
    }
}

fn route(id: i64, host: &str, connections: usize, caps: Caps) -> Route {
    Route {
        id: RouteId(id),
        name: host.into(),
        stamp: String::new(),
        weight: 10,
        connections,
        messages_per_connection: 500,
        caps,
        silence_ms: 30 * SECOND_MS,
        carrier: Carrier::Relay(Relay {
            target: Target::Host { host: host.into(), port: PORT },
            source: None,
            encryption: Encryption::None,
            ehlo: HostName::parse(DOMAIN).unwrap(),
            login: None,
            patience: Patience::default(),
        }),
    }
}

fn on_virtual_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(work)
}

/// How many copies of the edition leave between a sign-up in its middle and the sign-up's letter.
async fn copies_before_the_letter(manner: Manner, connections: usize, caps: Caps, defect: Option<Defect>) -> usize {
    let rig = Rig::new(1, 900).await;
    let house = House::default();
    house.serve(&rig.net, "a.example", manner);
    let newcomer = async {
        while house.lock().took.len() < 100 {
            rig.world.sleep(100).await;
        }
        rig.sign_up().await;
        house.lock().took.len()
    };
    let (before, ()) = tokio::join!(newcomer, rig.send(vec![route(1, "a.example", connections, caps)], defect));
    let took = house.took();
    assert_eq!(took.len(), 901, "everybody, and the newcomer");
    took.iter().position(|(to, _)| *to == address(NEWCOMER)).expect("it came") - before
}

const ONE_A_SECOND: Manner = Manner { connections: None, away: None, one_ms: SECOND_MS, greylists: None, full: None };

#[test]
fn a_letter_leaves_as_one_of_the_next_copies_of_a_slow_relay() {
    for connections in [1, 4] {
        let between = on_virtual_time(copies_before_the_letter(ONE_A_SECOND, connections, Caps::default(), None));
        // What each connection has begun, what it took ahead, and what leaves until the clerk looks again.
        assert!(between <= 2 * connections + 3, "{between} copies went before it on {connections} connections");
    }
}

#[test]
fn a_letter_goes_first_under_a_cap() {
    let caps = Caps { per_second: Some(1), ..Caps::default() };
    let between = on_virtual_time(copies_before_the_letter(Manner::default(), 20, caps, None));
    assert!(between <= 4, "{between} copies went before it");
}

#[test]
fn a_letter_that_waits_in_line_is_seen() {
    let defect = Some(Defect::LettersWaitInLine);
    let between = on_virtual_time(copies_before_the_letter(ONE_A_SECOND, 4, Caps::default(), defect));
    assert!(between > 200, "{between} copies went before it");
    let caps = Caps { per_second: Some(1), ..Caps::default() };
    let between = on_virtual_time(copies_before_the_letter(Manner::default(), 20, caps, defect));
    assert!(between > 200, "{between} copies went before it");
}

/// What is wrong when a relay takes five connections of the ten that were agreed.
async fn faults_of_a_small_relay(away: Option<&'static str>, defect: Option<Defect>) -> Vec<String> {
    let rig = Rig::new(2, 1_000).await;
    let house = House::default();
    house.serve(&rig.net, "a.example", Manner { connections: Some(5), away, one_ms: 20, ..Manner::default() });
    rig.send(vec![route(1, "a.example", 10, Caps::default())], defect).await;
    let (took, away) = (house.took(), house.lock().away);
    let longest = took.windows(2).map(|two| two[1].1 - two[0].1).max().unwrap();
    let mut faults = Vec::new();
    if took.len() != 1_000 || rig.sums().await.of(DeliveryState::Accepted) != 1_000 {
        faults.push(format!("{} of 1,000 were taken", took.len()));
    }
    if away > 20 {
        faults.push(format!("{away} connections were turned away"));
    }
    // It has a copy in hand at every moment.
    if longest > SECOND_MS {
        faults.push(format!("nothing was taken for {longest} ms"));
    }
    faults
}

const TOO_MANY: [Option<&str>; 3] =
    [Some("mx.example Error: too many connections from 203.0.113.7"), Some("try again later, too many sessions"), None];

#[test]
fn a_relay_that_takes_five_connections_settles_there_and_never_rests() {
    for away in TOO_MANY {
        let faults = on_virtual_time(faults_of_a_small_relay(away, None));
        assert_eq!(faults, Vec::<String>::new(), "{away:?}");
    }
}

#[test]
fn a_window_that_never_narrows_is_seen() {
    for away in TOO_MANY {
        let faults = on_virtual_time(faults_of_a_small_relay(away, Some(Defect::WindowNeverNarrows)));
        assert!(!faults.is_empty(), "{away:?}");
    }
}

#[test]
fn who_is_greylisted_comes_back_by_the_same_way_within_a_quarter_of_an_hour() {
    for (seed, text) in [(3, "Greylisting in action, please come back in 00:04:59"), (4, "Greylisted, try again later")]
    {
        on_virtual_time(async {
            let rig = Rig::new(seed, 300).await;
            let houses = [House::default(), House::default()];
            let manner = Manner { greylists: Some((text, 299 * SECOND_MS)), ..Manner::default() };
            houses.iter().zip(["a.example", "b.example"]).for_each(|(house, host)| house.serve(&rig.net, host, manner));
            let ways = vec![route(1, "a.example", 3, Caps::default()), route(2, "b.example", 3, Caps::default())];
            rig.send(ways, None).await;
            let logs: Vec<MutexGuard<'_, Log>> = houses.iter().map(House::lock).collect();
            assert_eq!(logs.iter().map(|log| log.took.len()).sum::<usize>(), 300, "{text}");
            assert!(logs.iter().all(|log| log.took.len() > 100), "both carried");
            for log in &logs {
                assert_eq!(log.tries.len(), log.took.len(), "who was put off here was taken here");
                for tries in log.tries.values() {
                    assert_eq!(tries.len(), 2, "{text}: {tries:?}");
                    let waited = tries[1] - tries[0];
                    assert!((5 * MINUTE_MS - SECOND_MS..=15 * MINUTE_MS).contains(&waited), "{text}: {waited} ms");
                }
            }
        });
    }
}

#[test]
fn a_mailbox_that_refuses_as_full_ends_its_reader_after_five_editions_over_two_weeks_and_never_before() {
    on_virtual_time(async {
        let rig = Rig::new(5, 4).await;
        let house = House::default();
        house.serve(&rig.net, "a.example", Manner { full: Some(101), ..Manner::default() });
        let mut audiences = Vec::new();
        for day in 0..17 {
            if day > 0 {
                rig.world.sleep(DAY_MS).await;
                rig.cut(day).await;
            }
            rig.send(vec![route(1, "a.example", 2, Caps::default())], None).await;
            let sums = rig.store.read(move |tx| ledger::sums(tx, DepartureId(DEPARTURE.0 + day))).await.unwrap();
            audiences.push(sums.of(DeliveryState::Accepted) + sums.of(DeliveryState::Refused));
        }
        // Refused for the first time on day 0; on day 14 it has lasted for two weeks.
        let expected: Vec<i64> = (0..17).map(|day| if day <= 14 { 4 } else { 3 }).collect();
        assert_eq!(audiences, expected);
        assert_eq!(house.lock().tries[&address(101)].len(), 15);
    });
}

#[test]
fn a_new_way_carries_exactly_what_its_plan_allows_and_a_day_without_an_edition_is_had_once_more() {
    on_virtual_time(async {
        let rig = Rig::new(6, 12).await;
        let (known, fresh) = (House::default(), House::default());
        known.serve(&rig.net, "a.example", Manner::default());
        fresh.serve(&rig.net, "b.example", Manner::default());
        let start = warm_up::day_of(rig.world.now(), 0);
        let plan = WarmUp { route: RouteId(2), start, volumes: vec![2, 3, 4] };
        rig.store.write(move |tx| store::warm_up::plan(tx, &plan)).await.unwrap();
        let mut carried = Vec::new();
        for day in [0, 2, 3, 4] {
            if day > 0 {
                rig.world.sleep(start * DAY_MS + day * DAY_MS + HOUR_MS - rig.world.now()).await;
                rig.cut(day).await;
            }
            let now = rig.world.now();
            let plans = rig.store.read(move |tx| warm_up::Known::read(tx, now, 0)).await.unwrap();
            let caps = Caps { allowance: plans.allowance(RouteId(2)), ..Caps::default() };
            let before = [known.took().len(), fresh.took().len()];
            rig.send(vec![route(1, "a.example", 2, Caps::default()), route(2, "b.example", 2, caps)], None).await;
            carried.push([known.took().len() - before[0], fresh.took().len() - before[1]]);
        }
        assert_eq!(carried, [[10, 2], [9, 3], [8, 4], [6, 6]], "and then its weight alone says how much");
    });
}
