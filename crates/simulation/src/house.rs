//! One life of the newsroom: its parts wired together on the store as the disk left it, until it ends in whatever way.
//!
//! The parts are the real ones: the public doors, the inbox, the editor's cut, the post office. Dropping a life drops every
//! task of it at the await it stands at.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::to_bytes;
use edition::cut::{Outcome, Wish, cut};
use front::{Front, Journal};
use jiff::Timestamp;
use mail::address::{Domain, HostName};
use mail::dkim::Signer;
use mail::smtp::client::Patience;
use newsroom::{
    ArticleId, Credit, DAY_MS, DeliveryState, DepartureId, DepartureState, EditionKind, MINUTE_MS, Ms, Newsletter,
    NewsletterId, Outlet, ReaderId, Revision, RouteId, SECOND_MS, TopicId, Topics,
};
use post::pace::Caps;
use post::route::{Carrier, Encryption, Login, Relay, Route};
use post::{Defect, Orders, PostFault, Sender, Until};
use seal::Secret;
use store::{Store, articles, editions, ledger, newsletters, topics};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;
use vault::{KeyRing, Vault};
use world::{Target, World};

use crate::look;
use crate::outside::Outside;
use crate::plan::{CUT_MS, Plan, Story, TOPICS};
use crate::relay;
use crate::town::{Call, Doors};

/// A throw-away RSA-2048 key in PKCS#8, made for this crate alone: making one is slow and takes the system's randomness.
const DKIM_KEY: &[u8] = include_bytes!("../fixtures/throw_away_dkim_test_key.pk8");
pub(crate) const DOMAIN: &str = "courier.example";
const SELECTOR: &str = "simulated";
/// Pages of the live rooms are small.
const PAGE_BYTES_MAX: usize = 1 << 20;
/// How often the inbox is looked into when nobody rang, in milliseconds.
const INBOX_MS: Ms = 5 * MINUTE_MS;
/// How often the witness looks into the ledger, in milliseconds.
const LOOK_MS: Ms = 13 * MINUTE_MS;
/// How long the post office waits when there is nothing to do, in milliseconds. Longer than in production, since most of a
/// run's time would go there; shorter than its lease.
const IDLE_MS: Ms = 50 * SECOND_MS;
/// An editor who pauses a departure does so soon: a second thought.
const PAUSED_AFTER_MS_MAX: Ms = 3 * MINUTE_MS;
/// And not for long, in milliseconds.
const PAUSED_MS_MAX: Ms = 50 * MINUTE_MS;
/// More copies than a simulated departure has.
const COPIES_MAX: i64 = 1_000;
/// How long a second poster waits for a moment at which the first one is best paused.
const PAUSE_WAIT: Duration = Duration::from_secs(2 * 3_600);
/// How long the relay may say nothing at all, in milliseconds: the default.
const SILENCE_MS: Ms = 30 * SECOND_MS;
/// How long a poster waits before it asks for a held lease again, in milliseconds.
const HELD_MS: Ms = 10 * SECOND_MS;

/// What does not change from life to life: keys and settings.
pub(crate) struct Charter {
    pub(crate) world: World,
    pub(crate) outlet: Outlet,
    pub(crate) vault: Arc<Vault>,
    pub(crate) signer: Arc<Signer>,
    pub(crate) newsletter: Newsletter,
    pub(crate) plan: Plan,
    pub(crate) born: Ms,
    pub(crate) defect: Option<Defect>,
}

impl Charter {
    /// Keys from the world's dice, but for the DKIM key.
    pub(crate) fn new(world: World, plan: Plan, defect: Option<Defect>) -> Self {
        let mut ring = KeyRing::generate(&mut |bytes| world.fill(bytes));
        ring.add_dkim(SELECTOR, Secret::new(DKIM_KEY.to_vec())).expect("a selector not yet taken");
        let domain = |name| Domain::parse(name).expect("a domain");
        let key = ring.dkim(SELECTOR).expect("it was added").expose();
        let signer = Signer::from_pkcs8(key, domain(DOMAIN), domain(SELECTOR)).expect("an RSA-2048 key");
        let newsletter =
            Newsletter { id: NewsletterId(world.mint()), slug: "daily".into(), title: "Morning Tide".into() };
        Self {
            outlet: outlet(),
            vault: Arc::new(Vault::new(ring)),
            signer: Arc::new(signer),
            newsletter,
            plan,
            born: world.now(),
            defect,
            world,
        }
    }

    /// Founds the newsroom in an open store, unless it was founded before.
    pub(crate) async fn found(&self, store: &Store) -> store::Result<()> {
        let newsletter = self.newsletter.clone();
        let ids: Vec<TopicId> = TOPICS.iter().map(|_| TopicId(self.world.mint())).collect();
        store
            .write(move |tx| {
                newsletters::add(tx, &newsletter)?;
                TOPICS.iter().zip(ids).try_for_each(|((slug, title), id)| topics::ensure(tx, id, slug, title).map(drop))
            })
            .await
    }

    /// The first relay, and the second where there is one.
    fn routes(&self, name: &str) -> Vec<Route> {
        let login =
            self.plan.login.then(|| Login { name: relay::NAME.into(), secret: Secret::new(relay::PASSWORD.into()) });
        let first = self.route(name, 0, 1, self.plan.connections, login);
        let second = self.plan.second.as_ref();
        let second = second.map(|second| self.route(name, 1, second.weight, second.connections, None));
        std::iter::once(first).chain(second).collect()
    }

    fn route(&self, name: &str, which: usize, weight: u32, connections: usize, login: Option<Login>) -> Route {
        Route {
            id: [RouteId::FIRST, RouteId(2)][which],
            name: relay::HOSTS[which].into(),
            stamp: String::new(),
            weight,
            connections,
            messages_per_connection: self.plan.messages_per_connection,
            caps: Caps::default(),
            silence_ms: SILENCE_MS,
            carrier: Carrier::Relay(Relay {
                target: Target::Host { host: relay::ADDRESS.into(), port: relay::PORTS[which] },
                source: None,
                encryption: Encryption::None,
                ehlo: HostName::parse(&format!("{name}.{DOMAIN}")).expect("a host name"),
                login,
                patience: Patience::default(),
            }),
        }
    }

    fn orders(&self, name: &str, stop: watch::Receiver<bool>) -> Orders {
        Orders {
            sender: Sender { signer: Some(self.signer.clone()), leaves_by_mail: false },
            routes: post::fixed(self.routes(name)),
            // A restart has the holder of the life before it; a second poster has one of its own.
            holder: name.split('-').next().unwrap_or(name).into(),
            lease_ms: post::LEASE_MS,
            idle_ms: IDLE_MS,
            doubts: post::Doubts::Hold,
            rules: store::returned::Rules { soft_editions: 5, soft_ms: 14 * DAY_MS },
            retry_first_ms: self.plan.retry_first_ms,
            defect: self.defect,
            until: Until::Stopped,
            stop,
        }
    }
}

fn outlet() -> Outlet {
    Outlet {
        name: "The Harbour Courier".into(),
        tagline: "News from the quay".into(),
        site: format!("https://{DOMAIN}"),
        language: "en".into(),
        zone: "UTC".into(),
        postal_address: "Quay Street 12\n4050-123 Porto".into(),
        from: format!("news@{DOMAIN}"),
        reply_to: None,
        mail_domain: DOMAIN.into(),
        selector: SELECTOR.into(),
        invitation: "The day's news in your mailbox.".into(),
    }
}

/// Why a part of the newsroom ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It was asked to.
    Stopped,
    /// The store failed: the process ends, and recovers from what is durable.
    Store(String),
}

impl<E: std::fmt::Display> From<E> for Ended {
    fn from(fault: E) -> Self {
        Self::Store(fault.to_string())
    }
}

/// One life.
pub(crate) struct Life {
    parts: JoinSet<Ended>,
    stop: watch::Sender<bool>,
    doors: Doors,
}

/// What every part of a life is given.
#[derive(Clone)]
struct Part {
    charter: Arc<Charter>,
    outside: Arc<Outside>,
    world: World,
    store: Store,
    /// Rung when a form was filled in.
    bell: Arc<tokio::sync::Notify>,
}

/// What a life is called and meets.
pub(crate) struct Birth {
    /// How many came before it.
    pub(crate) number: u64,
    /// A second poster takes over after so long.
    pub(crate) usurper: Option<Ms>,
}

impl Life {
    /// Starts every part.
    pub(crate) fn begin(
        charter: Arc<Charter>,
        outside: Arc<Outside>,
        store: Store,
        doors: Doors,
        birth: &Birth,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let world = charter.world.clone();
        let part = Part { charter, outside, world, store, bell: Arc::default() };
        let mut parts = JoinSet::new();
        let (calls, called) = mpsc::unbounded_channel();
        parts.spawn(serve(part.clone(), called));
        doors.open(calls);
        parts.spawn(work_inbox(part.clone()));
        parts.spawn(edit(part.clone()));
        parts.spawn(watch_ledger(part.clone()));
        parts.spawn(posts(part, birth.number, birth.usurper, stopped));
        Self { parts, stop, doors }
    }

    /// Waits until a part ends by itself. A panic of a part is the caller's.
    pub(crate) async fn ended(&mut self) -> Ended {
        match self.parts.join_next().await {
            Some(Ok(ended)) => ended,
            Some(Err(fault)) if fault.is_panic() => std::panic::resume_unwind(fault.into_panic()),
            _ => Ended::Stopped,
        }
    }

    /// Asks the post office to go home.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Drops every task of it, wherever it stands.
    pub(crate) fn end(mut self) {
        self.doors.close();
        self.parts.abort_all();
    }
}

/// The public doors.
async fn serve(part: Part, mut calls: mpsc::UnboundedReceiver<Call>) -> Ended {
    let (seal, tokens) = part.charter.vault.public();
    let front = Front {
        world: part.world.clone(),
        store: part.store.clone(),
        folder: PathBuf::new(),
        outlet: part.charter.outlet.clone(),
        newsletter: part.charter.newsletter.clone(),
        seal,
        tokens,
        // It lies beside the database, on a disk that the simulation does not have: here the store alone keeps.
        journal: Arc::new(Journal::at(PathBuf::new())),
    };
    let routes = front.routes();
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(done) = under_way.join_next() => {
                if let Err(fault) = done && fault.is_panic() {
                    std::panic::resume_unwind(fault.into_panic());
                }
            }
            call = calls.recv() => {
                let Some(Call { request, answer }) = call else { return Ended::Stopped };
                let (routes, bell) = (routes.clone(), part.bell.clone());
                part.outside.touch_tripwire();
                under_way.spawn(async move {
                    let Ok(response) = routes.oneshot(request).await;
                    let (head, body) = response.into_parts();
                    let page = to_bytes(body, PAGE_BYTES_MAX).await.expect("our own page is short");
                    // The person may have gone.
                    drop(answer.send((head.status, page.to_vec())));
                    bell.notify_one();
                });
            }
        }
    }
}

/// Opens sealed sign-ups and queues the letters.
async fn work_inbox(part: Part) -> Ended {
    let Part { charter, world, store, bell, .. } = part;
    loop {
        let passed =
            readers::inbox::work_through(&world, &store, &charter.vault, &charter.outlet, &charter.newsletter).await;
        if let Err(fault) = passed {
            return fault.into();
        }
        tokio::select! {
            biased;
            () = bell.notified() => {}
            () = world.sleep(INBOX_MS) => {}
        }
    }
}

/// Publishes stories when their time has come, and cuts and opens the day's edition.
async fn edit(part: Part) -> Ended {
    let Part { charter, world, .. } = &part;
    loop {
        if let Err(ended) = edit_once(&part).await {
            return ended;
        }
        let since = world.now() - charter.born;
        let stories = charter.plan.stories.iter().map(|story| story.at).find(|at| *at > since);
        let morning = (0..charter.plan.days).map(|day| day * DAY_MS + CUT_MS).find(|at| *at > since);
        let Some(next) = stories.into_iter().chain(morning).min() else {
            return std::future::pending().await;
        };
        world.sleep(next - since).await;
    }
}

async fn edit_once(part: &Part) -> Result<(), Ended> {
    let Part { charter, world, store, .. } = part;
    let since = world.now() - charter.born;
    let published = usize::try_from(store.read(articles::count).await?).expect("a few stories");
    for (number, story) in charter.plan.stories.iter().enumerate().skip(published).filter(|(_, s)| s.at <= since) {
        publish(part, number, story).await?;
    }
    let day = since.div_euclid(DAY_MS);
    if since.rem_euclid(DAY_MS) < CUT_MS || day >= charter.plan.days {
        return Ok(());
    }
    cut_today(part).await
}

async fn publish(part: &Part, number: usize, story: &Story) -> Result<(), Ended> {
    let (world, store) = (&part.world, &part.store);
    let (id, now, slugs) = (ArticleId(world.mint()), world.now(), story.topics.clone());
    let slug = format!("story-{number}");
    let mut revision = Revision {
        article: id,
        number: 1,
        title: format!("Story {number}: the tide rose again"),
        standfirst: format!("What happened at the quay, told for the {number}th time."),
        language: "en".into(),
        credit: Credit { byline: Some("Ana Sol".into()), outlet: None, canonical: None, licence: None, picture: None },
        picture: None,
        topics: Topics::NONE,
        body: prose::Document::default().to_json(),
        made: now,
    };
    store
        .write(move |tx| {
            let known = topics::list(tx)?;
            let chosen = known.iter().filter(|t| slugs.contains(&t.slug.as_str())).map(|t| t.bit);
            revision.topics = chosen.collect();
            articles::add(tx, &slug, None, None, &revision)?;
            articles::publish(tx, id, now).map(drop)
        })
        .await?;
    world.note(&format!("published {number}"));
    Ok(())
}

/// P5: the edition of a date is cut once, whatever came between; what a crash left shut is opened.
async fn cut_today(part: &Part) -> Result<(), Ended> {
    let Part { charter, outside, world, store, .. } = part;
    let date = Timestamp::from_millisecond(world.now())?.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let (newsletter, text) = (charter.newsletter.clone(), date.to_string());
    let (id, kind) = (newsletter.id, EditionKind::Daily);
    let known = store
        .read(move |tx| match editions::by_date(tx, id, kind, &text)? {
            Some(edition) => editions::departures_of(tx, edition.id),
            None => Ok(Vec::new()),
        })
        .await?;
    let departures = if known.is_empty() {
        let before = outside.lock().witness.standings();
        let wish = Wish { newsletter, kind, date, lives_ms: charter.plan.lives_ms };
        match cut(world, store, &charter.outlet, wish).await? {
            Outcome::Cut(departure) => {
                outside.count("cut");
                look::at_cut(charter, outside, store, departure.id, before).await?;
                vec![departure]
            }
            Outcome::Before(departure) => vec![departure],
            Outcome::NothingNew | Outcome::NobodyDue => {
                outside.count("nothing to cut");
                Vec::new()
            }
        }
    } else {
        known
    };
    if departures.len() > 1 {
        outside.broken(format!("P5: {} departures of {date}", departures.len()));
    }
    for departure in departures {
        match departure.state {
            DepartureState::Cut => open(part, departure.id).await?,
            DepartureState::Paused => resume(part, departure.id).await?,
            _ => {}
        }
    }
    Ok(())
}

async fn open(part: &Part, id: DepartureId) -> Result<(), Ended> {
    let Part { charter, outside, world, store, .. } = part;
    store.write(move |tx| editions::set_state(tx, id, DepartureState::Cut, DepartureState::Open)).await?;
    world.note(&format!("opened {id}"));
    if world.roll(100) < charter.plan.pauses_percent {
        world.sleep(within_ms(world, PAUSED_AFTER_MS_MAX)).await;
        if let Some(flying) = store.write(move |tx| pause(tx, id)).await? {
            outside.count("departures paused");
            outside.lock().witness.paused.insert(id, (world.now(), flying));
            return resume(part, id).await;
        }
    }
    Ok(())
}

/// Pauses a departure. Gives whose copies are in flight at that moment; none when it cannot be paused any more.
fn pause(tx: &store::Write, id: DepartureId) -> store::Result<Option<BTreeSet<ReaderId>>> {
    if !editions::set_state(tx, id, DepartureState::Open, DepartureState::Paused)? {
        return Ok(None);
    }
    let lines = ledger::lines(tx, id, (-1, -1), COPIES_MAX)?;
    let flying = lines.into_iter().filter(|line| line.state == DeliveryState::InFlight);
    Ok(Some(flying.map(|line| line.reader).collect()))
}

async fn resume(part: &Part, id: DepartureId) -> Result<(), Ended> {
    let Part { outside, world, store, .. } = part;
    world.sleep(within_ms(world, PAUSED_MS_MAX)).await;
    outside.lock().witness.paused.remove(&id);
    store.write(move |tx| editions::set_state(tx, id, DepartureState::Paused, DepartureState::Open)).await?;
    world.note(&format!("resumed {id}"));
    Ok(())
}

fn within_ms(world: &World, most: Ms) -> Ms {
    Ms::try_from(world.roll(most.unsigned_abs())).expect("less than an hour")
}

async fn watch_ledger(part: Part) -> Ended {
    loop {
        if let Err(fault) = look::at_everything(&part.charter, &part.outside, &part.store).await {
            return fault.into();
        }
        part.world.sleep(LOOK_MS).await;
    }
}

/// The post office, and now and then a second one that takes over while the first is paused.
async fn posts(part: Part, number: u64, usurper: Option<Ms>, stop: watch::Receiver<bool>) -> Ended {
    let pause = Pause::default();
    let first = Paused {
        pause: pause.clone(),
        inner: Box::pin(post_office(part.clone(), format!("first-{number}"), stop.clone())),
    };
    let Some(after) = usurper else { return first.await };
    let mut called = stop.clone();
    let second = async {
        tokio::select! {
            biased;
            _ = called.wait_for(|stop| *stop) => return Ended::Stopped,
            () = part.world.sleep(after) => {}
        }
        // It is paused while a message is under way, and the relay takes its time: the dot may leave when its lease is gone.
        let under_way = tokio::time::timeout(PAUSE_WAIT, part.outside.begun.notified());
        let _begun = tokio::select! {
            biased;
            _ = called.wait_for(|stop| *stop) => return Ended::Stopped,
            begun = under_way => begun,
        };
        part.outside.stall(true);
        pause.begin();
        part.outside.count("posters paused");
        // It wakes an hour or less after the other has taken over.
        let wake = async {
            let nap = part.world.roll(3_600_000);
            part.world.sleep(Ms::try_from(nap).expect("an hour")).await;
            pause.end();
            part.outside.stall(false);
            std::future::pending::<()>().await;
        };
        let office = post_office(part.clone(), format!("second-{number}"), stop);
        tokio::select! {
            biased;
            ended = office => ended,
            () = wake => unreachable!("it never ends"),
        }
    };
    let (mut first, mut second) = (Box::pin(first), Box::pin(second));
    let (ended, other): (Ended, Pin<Box<dyn Future<Output = Ended> + Send + '_>>) = tokio::select! {
        biased;
        ended = &mut first => (ended, second),
        ended = &mut second => (ended, first),
    };
    // Asked to stop, each waits for its own answers, and a paused one wakes for it.
    pause.end();
    part.outside.stall(false);
    if matches!(ended, Ended::Stopped) { other.await } else { ended }
}

/// A poster under its supervisor: what ends it is told apart.
async fn post_office(part: Part, name: String, stop: watch::Receiver<bool>) -> Ended {
    let Part { charter, outside, world, store, .. } = part;
    loop {
        let orders = charter.orders(&name, stop.clone());
        match post::run(world.clone(), store.clone(), charter.vault.clone(), orders).await {
            Ok(()) => return Ended::Stopped,
            Err(PostFault::Held(_)) => outside.count("lease held by another"),
            Err(PostFault::Fenced) => outside.count("posters fenced"),
            Err(PostFault::Relay(rest)) => return Ended::Store(format!("it gave the relay up: {}", rest.fault)),
            Err(PostFault::NoWay) => return Ended::Store("it has no way out".into()),
            Err(PostFault::Store(fault)) => return fault.into(),
        }
        if *stop.borrow() {
            return Ended::Stopped;
        }
        world.sleep(HELD_MS).await;
    }
}

/// Stops and wakes a future, as a paused process is: it is not polled meanwhile.
#[derive(Clone, Default)]
struct Pause(Arc<Mutex<(bool, Option<Waker>)>>);

impl Pause {
    fn begin(&self) {
        self.0.lock().expect("nothing panics under this lock").0 = true;
    }

    fn end(&self) {
        let waker = {
            let mut state = self.0.lock().expect("nothing panics under this lock");
            state.0 = false;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

struct Paused<F> {
    pause: Pause,
    inner: Pin<Box<F>>,
}

impl<F: Future> Future for Paused<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        {
            let mut state = self.pause.0.lock().expect("nothing panics under this lock");
            if state.0 {
                state.1 = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        self.inner.as_mut().poll(cx)
    }
}
