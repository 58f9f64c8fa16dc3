//! The ground the demo stands on: its newsroom, outlets, catching server and inbox, all listening on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use newsroom::{Policy, Problem, TopicId};
use stage::catcher::Catcher;
use stage::inbox::Inbox;
use stage::outlets::{Newsstand, OUTLETS, Outlet, TOPICS, first_day};
use stage::readers::Door;
use store::{settings, topics};
use tokio::sync::watch;
use tokio::task::JoinSet;
use world::{Listener, World};

use crate::cli::Demo;
use crate::config::{self, Config, location};
use crate::house::{House, lock_post, store_problem};
use crate::morning::Terms;
use crate::{morning, newsdesk, run, ways};

/// Any free port on loopback.
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// The day of the outlets' first morning, so that a resumed demo meets the same stories.
const FIRST_DAY: &str = "demo.first_day";
/// How long the poster may take to hear the last answers, in milliseconds.
const FAREWELL_MS: i64 = 5_000;

/// Everything that runs while the demo does.
pub struct Ground {
    /// The newsroom.
    pub house: House,
    /// The outlets.
    pub newsstand: Arc<Newsstand>,
    /// The catching server.
    pub catcher: Arc<Catcher>,
    /// The address of the web inbox.
    pub inbox: String,
    /// The folder of the caught mail.
    pub mail: PathBuf,
    /// The desk's address, with a link that signs in once.
    pub desk: String,
    site: SocketAddr,
    parts: JoinSet<()>,
    poster: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Ground {
    /// Founds or resumes the demo's newsroom and starts everything around it.
    pub async fn prepare(of: &Demo) -> Result<Self, Problem> {
        let folder = of.data.clone().unwrap_or_else(fresh_folder);
        // First of all: beside a demo that runs, nothing of it may be touched.
        let lock = lock_post(&folder)?;
        let mail = beside(&folder, "mail");
        let world = super::super::world();
        // A folder of an earlier demo knows its database and its address: the links in its mail still lead there.
        let founded = folder.join(config::FILE).exists();
        let mut config = if founded { Config::read(&folder)? } else { Config::without_file(&folder)? };
        let (site, desk, catching, reading, selling) = (
            listen_site(&world, of.listen, config.listen).await?,
            listen_site(&world, None, config.desk).await?,
            listen(&world).await?,
            listen(&world).await?,
            listen(&world).await?,
        );
        let (site_at, desk_at, catching_at) = (address(&site)?, address(&desk)?, address(&catching)?);
        let selling_at = address(&selling)?;
        let world = OUTLETS.iter().fold(world, |world, outlet| world.with_exception(outlet.host, selling_at));
        if let Some(database) = &of.database {
            config.database = location(&folder, database);
        }
        let first = outlet_settings(site_at, catching_at);
        let house = House::found(world.clone(), config, &first).await?;
        // So that every other command works on the demo's newsroom.
        config::write(&folder, of.database.as_deref(), site_at, desk_at)?;
        found_topics(&house).await?;
        let newsstand = Arc::new(Newsstand::new(opening_day(&house).await?));
        let catcher = Catcher::open(&mail, &world).map_err(|fault| mail_problem(&mail, &fault))?;
        let inbox = format!("http://{}/", address(&reading)?);
        for outlet in &OUTLETS {
            morning::add_source(&house, outlet.feed, terms(outlet)).await?;
        }
        morning::publish(&house).await?;
        let (stop, stopping) = watch::channel(false);
        let mut ground = Self {
            house: house.clone(),
            newsstand: newsstand.clone(),
            catcher: catcher.clone(),
            inbox,
            mail,
            desk: newsdesk::demo_link(&house, desk_at).await?,
            site: site_at,
            parts: JoinSet::new(),
            poster: JoinSet::new(),
            stop,
        };
        let front = run::front(&house);
        run::open_journal(&front).await;
        let routes = front.clone().routes();
        let desk_routes = newsdesk::routes(&house, desk_at);
        let window = Inbox::new(catcher.clone(), &house.outlet().site);
        ground.parts.spawn(async move { front::serve(site, routes).await });
        ground.parts.spawn(async move { front::serve(desk, desk_routes).await });
        ground.parts.spawn(async move { newsstand.serve(&selling).await });
        ground.parts.spawn(async move { catcher.serve(&catching).await });
        ground.parts.spawn(async move { window.serve(&reading).await });
        ground.parts.spawn(run::leavings(house.clone(), front));
        ground.parts.spawn(run::inbox(house.clone()));
        let relays = post::fixed(ways::routes(&house)?);
        ground.poster.spawn(async move {
            run::posting(house, relays, stopping).await;
            drop(lock);
        });
        Ok(ground)
    }

    /// Where readers go.
    pub fn door(&self) -> Door {
        Door { address: self.site, site: self.house.outlet().site }
    }

    /// Stops the poster between two copies, and then everything else.
    pub async fn leave(mut self) {
        self.stop.send_replace(true);
        tokio::select! {
            biased;
            _gone = self.poster.join_next() => {}
            () = self.house.world.sleep(FAREWELL_MS) => {}
        }
        self.parts.shutdown().await;
    }
}

/// One outlet is the Courier's own site, whose articles live there; one is only watched; the others let theirs be
/// republished.
fn terms(outlet: &Outlet) -> Terms {
    let policy = match outlet.host {
        "plumbline.outlets.test" => Policy::Ours,
        "lantern.outlets.test" => Policy::Watch,
        _ => Policy::Partner,
    };
    Terms { policy, ..Terms::default() }
}

#[expect(clippy::disallowed_methods, reason = "a demo without a folder of its own plays in the system's temporary one")]
fn fresh_folder() -> PathBuf {
    std::env::temp_dir().join(format!("coranto-demo-{}", std::process::id()))
}

/// A folder beside another: `/tmp/demo` and `/tmp/demo-mail`.
fn beside(folder: &Path, what: &str) -> PathBuf {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().map_or_else(|| "demo".into(), |n| n.to_string_lossy().into_owned());
    whole.with_file_name(format!("{name}-{what}"))
}

async fn listen_site(world: &World, named: Option<SocketAddr>, usual: SocketAddr) -> Result<Listener, Problem> {
    if let Some(address) = named {
        return world.listen(address).await.map_err(|fault| port_problem(address, &fault));
    }
    match world.listen(usual).await {
        Ok(listener) => Ok(listener),
        // Somebody is there already: any other port does as well for a demo.
        Err(_) => listen(world).await,
    }
}

async fn listen(world: &World) -> Result<Listener, Problem> {
    world.listen(ANY).await.map_err(|fault| port_problem(ANY, &fault))
}

fn address(listener: &Listener) -> Result<SocketAddr, Problem> {
    listener.address().map_err(|fault| port_problem(ANY, &fault))
}

fn port_problem(address: SocketAddr, fault: &std::io::Error) -> Problem {
    Problem::new(
        format!("The demo cannot listen on {address}: {fault}."),
        "Nothing was started.",
        "Stop what listens there, or name another address with --listen.",
    )
}

fn mail_problem(folder: &Path, fault: &std::io::Error) -> Problem {
    Problem::new(
        format!("The catching server cannot keep its mail in {}: {fault}.", folder.display()),
        "Nothing was sent.",
        "Make room there, or name another folder with --data.",
    )
}

fn outlet_settings(site: SocketAddr, catcher: SocketAddr) -> Vec<(&'static str, String)> {
    [
        ("outlet.name", "The Aldry Courier".to_owned()),
        ("outlet.tagline", "What the outlets of the harbour report, gathered every morning".to_owned()),
        ("outlet.site", format!("http://{site}")),
        ("outlet.language", "en".to_owned()),
        ("outlet.zone", "UTC".to_owned()),
        ("outlet.postal_address", "The Aldry Courier, 3 Customs Row, Aldry".to_owned()),
        (
            "outlet.invitation",
            "One mail each morning with what is new of the topics you choose. No tracking, and one click ends it."
                .to_owned(),
        ),
        ("mail.from", "news@courier.example".to_owned()),
        ("mail.domain", "courier.example".to_owned()),
        ("mail.ehlo", "mail.courier.example".to_owned()),
        ("relay.host", catcher.ip().to_string()),
        ("relay.port", catcher.port().to_string()),
    ]
    .into()
}

async fn found_topics(house: &House) -> Result<(), Problem> {
    let ids: Vec<TopicId> = TOPICS.iter().map(|_| TopicId(house.world.mint())).collect();
    let made = house
        .store
        .write(move |tx| {
            for ((slug, title), id) in TOPICS.iter().zip(ids) {
                topics::ensure(tx, id, slug, title)?;
            }
            Ok(())
        })
        .await;
    made.map_err(|fault| store_problem(&fault))
}

async fn opening_day(house: &House) -> Result<jiff::civil::Date, Problem> {
    let kept = house.store.read(|tx| settings::get(tx, FIRST_DAY)).await.map_err(|fault| store_problem(&fault))?;
    if let Some(day) = kept.and_then(|text| text.parse().ok()) {
        return Ok(day);
    }
    let day = first_day(house.world.now());
    let text = day.to_string();
    house.store.write(move |tx| settings::put(tx, FIRST_DAY, &text)).await.map_err(|fault| store_problem(&fault))?;
    Ok(day)
}
