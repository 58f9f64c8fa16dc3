//! `coranto run`: every part at work, each restarted when it fails, none holding up another.

use std::future::Future;
use std::sync::Arc;

use newsroom::{MINUTE_MS, Ms, Problem, SECOND_MS};
use tokio::sync::watch;
use tokio::task::JoinSet;
use world::Listener;

use crate::house::{House, store_problem};
use crate::{clock, hold, metrics, morning, newsdesk, notices, office, returning, ways};

/// How often the inbox of sign-ups is looked into, in milliseconds: a person is waiting for the letter.
const INBOX_MS: Ms = 250;
/// How often sources are looked over for those that are due.
const GATHER_MS: Ms = MINUTE_MS;
/// How often the journal of readers who left is looked at: no mail to them may start once the store can be written again.
const LEAVINGS_MS: Ms = 250;
/// The journal of readers who left while the store could not be written, in the newsroom's folder.
const LEAVINGS: &str = "leavings.journal";
/// How long a part that failed waits before it starts again.
const AGAIN_MS: Ms = 2 * SECOND_MS;
/// How long the poster may wait for answers to dots that have left, when Coranto is told to stop.
const FAREWELL_MS: Ms = 10 * SECOND_MS;

/// The site's server for a newsroom.
pub fn front(house: &House) -> front::Front {
    let (seal, tokens) = house.vault.public();
    front::Front {
        world: house.world.clone(),
        store: house.store.clone(),
        folder: house.site_folder(),
        outlet: house.outlet(),
        newsletter: house.newsletter.clone(),
        seal,
        tokens,
        journal: Arc::new(front::Journal::at(house.config.folder.join(LEAVINGS))),
    }
}

/// Where the newsroom is reached.
pub struct Doors {
    /// The site, for readers.
    pub site: Listener,
    /// The desk, for members.
    pub desk: Listener,
}

/// Listens where the site and the desk are to be served.
///
/// # Errors
/// A [`Problem`] when an address cannot be had.
pub async fn listen(house: &House) -> Result<Doors, Problem> {
    let (listen, desk) = (house.config.listen, house.config.desk);
    let site = house.world.listen(listen).await.map_err(|fault| {
        Problem::new(
            format!("The site cannot be served on {listen}: {fault}."),
            "Readers cannot reach it; nothing was changed.",
            "Stop what listens there, or choose another address with `listen` in coranto.toml.",
        )
    })?;
    let desk = house.world.listen(desk).await.map_err(|fault| {
        Problem::new(
            format!("The desk cannot be served on {desk}: {fault}."),
            "Members cannot reach it, so nothing was started.",
            "Stop what listens there, or choose another address with `desk` in coranto.toml.",
        )
    })?;
    Ok(Doors { site, desk })
}

/// Runs the newsroom until `stop` turns true.
///
/// # Errors
/// A [`Problem`] when it cannot start.
pub async fn run(house: House, doors: Doors, stop: watch::Receiver<bool>) -> Result<(), Problem> {
    let lock = house.lock_post()?;
    // A fault in the settings is said now, not at the first mail.
    let orders = office::orders(&house, post::Until::Stopped, stop.clone())?;
    let (tell, relays) = watch::channel(orders.routes.borrow().clone());
    let returning = returning::orders(&house)?;
    morning::publish(&house).await?;
    let mut parts = JoinSet::new();
    let front = front(&house);
    open_journal(&front).await;
    let routes = front.clone().routes();
    let desk = newsdesk::routes(&house, doors.desk.address().unwrap_or(house.config.desk));
    parts.spawn(async move { front::serve(doors.site, routes).await });
    parts.spawn(async move { front::serve(doors.desk, desk).await });
    parts.spawn(leavings(house.clone(), front));
    parts.spawn(inbox(house.clone()));
    parts.spawn(notices::judging(house.clone()));
    if let Some(listener) = metrics::listen(&house).await? {
        parts.spawn(metrics::serve(house.clone(), listener));
    }
    parts.spawn(gathering(house.clone()));
    parts.spawn(hold::note(house.clone()));
    parts.spawn(clock::ticking(house.clone()));
    parts.spawn(clock::receiving(house.clone()));
    if let Some(orders) = returning {
        parts.spawn(bounces(house.clone(), orders));
    }
    let mut poster = JoinSet::new();
    parts.spawn(ways::follow(house.clone(), tell));
    poster.spawn(posting(house.clone(), relays, stop.clone()));
    let mut told = stop;
    // An error means that nobody can tell us to stop any more; then we run on.
    if told.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
    parts.shutdown().await;
    tokio::select! {
        biased;
        _done = poster.join_next() => {}
        () = house.world.sleep(FAREWELL_MS) => {
            tracing::warn!("Some copies still wait for their answer; they will be listed as doubtful at the next start");
        }
    }
    drop(lock);
    Ok(())
}

/// Runs a step again and again; a failure is logged when it begins or changes, not at every try, and the step tried again.
pub(crate) async fn forever<F, T>(house: &House, every: Ms, what: &'static str, mut step: impl FnMut() -> F)
where
    F: Future<Output = Result<T, Problem>>,
{
    let mut last = String::new();
    loop {
        let wait = match step().await {
            Ok(_) => {
                last.clear();
                every
            }
            Err(problem) => {
                let told = problem.to_string();
                if told != last {
                    tracing::error!(part = what, "{told}");
                    last = told;
                }
                every.max(AGAIN_MS)
            }
        };
        house.world.sleep(wait).await;
    }
}

/// Opens the journal and carries what an earlier run left in it, before any mail leaves. The newsroom starts without it too:
/// then readers who leave while the store cannot be written are told to try again.
pub(crate) async fn open_journal(front: &front::Front) {
    if let Err(fault) = front.carry_leavings().await {
        tracing::error!(error = %fault, "The journal of readers who leave cannot be used; see that the newsroom's folder can be written");
    }
}

/// Carries readers who left while the store could not be written into it, for as long as it is polled.
pub(crate) async fn leavings(house: House, front: front::Front) {
    forever(&house, LEAVINGS_MS, "front", || async {
        if !front.journal.holds_any() {
            return Ok(0);
        }
        front.carry_leavings().await.map_err(|fault| {
            Problem::new(
                format!("Readers who left wait in {LEAVINGS}: {fault}."),
                "Their wish is kept. No mail starts while the database cannot be written.",
                "Make room on the disk, or bring the database back; a running Coranto goes on by itself.",
            )
        })
    })
    .await;
}

/// Opens sign-ups and queues their letters.
///
/// # Errors
/// A [`Problem`] when the store fails or the letter cannot be made.
pub async fn open_inbox(house: &House) -> Result<readers::inbox::Passed, Problem> {
    let (world, store) = (&house.world, &house.store);
    let done = readers::inbox::work_through(world, store, &house.vault, &house.outlet(), &house.newsletter).await;
    done.map_err(|fault| match fault {
        readers::inbox::InboxFault::Store(fault) => store_problem(&fault),
        fault @ readers::inbox::InboxFault::Letter(_) => Problem::new(
            format!("Sign-ups cannot be answered: {fault}."),
            "They wait, sealed; nobody who signed up is lost.",
            "Check outlet.name, mail.from, mail.domain and outlet.site in `coranto settings`.",
        ),
    })
}

/// Opens sign-ups for as long as it is polled.
pub(crate) async fn inbox(house: House) {
    forever(&house, INBOX_MS, "readers", || open_inbox(&house)).await;
}

async fn gathering(house: House) {
    forever(&house, GATHER_MS, "gather", || morning::gather(&house, gather::Which::Due, |_| {})).await;
}

/// Receives what comes back for as long as it is polled.
async fn bounces(house: House, orders: returning::Orders) {
    forever(&house, AGAIN_MS, "bounces", || returning::receive(&house, orders.clone())).await;
}

/// Posts until told to stop, by the ways out as they are told.
pub(crate) async fn posting(house: House, routes: post::Routes, stop: watch::Receiver<bool>) {
    let house = Arc::new(house);
    let mut told = false;
    while !*stop.borrow() {
        if let Err(problem) = hold::refuse_if_held(&house).await {
            if !std::mem::replace(&mut told, true) {
                tracing::error!(part = "post", "{problem}");
            }
            house.world.sleep(AGAIN_MS).await;
            continue;
        }
        told = false;
        let ended = match orders(&house, &routes, &stop).await {
            Ok(orders) => {
                let (world, store, vault) = (house.world.clone(), house.store.clone(), house.vault.clone());
                post::run(world, store, vault, orders).await.map_err(|fault| office::problem(&fault))
            }
            Err(problem) => Err(problem),
        };
        if let Err(problem) = ended {
            tracing::error!(part = "post", "{problem}");
            house.world.sleep(AGAIN_MS).await;
        }
    }
}

/// The orders by the settings as they stand, and the ways out as they are told from then on.
async fn orders(house: &House, routes: &post::Routes, stop: &watch::Receiver<bool>) -> Result<post::Orders, Problem> {
    office::orders_by(&house.refreshed().await?, routes.clone(), post::Until::Stopped, stop.clone())
}
