//! The clock's part under `coranto run`: editions leave by themselves, or a person is reminded that they wait.
//!
//! What is due and what becomes of it is decided in `edition::clock` and in the database; here are the settings, the log,
//! the site and the reminder.

use edition::clock::{Became, Leaves, Look, Scheduler};
use newsroom::{EditionKind, Ms, Problem, SECOND_MS, Turn};
use readers::reminder::Why;
use store::slots;

use crate::commands::edition::cut_problem;
use crate::house::{House, store_problem};
use crate::{hold, morning, relay, reminder, run};

/// How often the clock is looked at, in milliseconds: a reader's edition is never much later than this.
const CLOCK_MS: Ms = 10 * SECOND_MS;
/// How often it is looked whether somebody has just confirmed: a person is waiting for today's edition.
const NEWCOMERS_MS: Ms = SECOND_MS;

/// Does something with the newsroom's scheduler.
pub async fn with_scheduler<T>(house: &House, work: impl AsyncFnOnce(Scheduler<'_>) -> T) -> T {
    let (outlet, rules) = (house.outlet(), house.settings.rules());
    let (world, store, newsletter) = (&house.world, &house.store, &house.newsletter);
    work(Scheduler { world, store, outlet: &outlet, newsletter, rules: &rules }).await
}

/// Looks at the clock for as long as it is polled.
pub(crate) async fn ticking(house: House) {
    // What fails here is tried again below, and said there.
    if tick(&house).await.is_ok() {
        tracing::info!("The clock is looked at: editions leave, or ask, when their hour comes");
    }
    run::forever(&house, CLOCK_MS, "clock", || tick(&house)).await;
}

/// Receives newcomers for as long as it is polled.
pub(crate) async fn receiving(house: House) {
    run::forever(&house, NEWCOMERS_MS, "clock", || receive(&house)).await;
}

/// Looks at the clock once, with the settings as they stand.
///
/// # Errors
/// A [`Problem`]; what was decided stands.
pub async fn tick(house: &House) -> Result<Look, Problem> {
    // A newsroom that may be a copy decides nothing: what the other one sent must not come again from here.
    if hold::held(house).await?.is_some() {
        return Ok(Look::default());
    }
    let house = house.refreshed().await?;
    relay::addressed(&house)?;
    let look = with_scheduler(&house, async |scheduler| scheduler.look().await).await;
    let look = look.map_err(|fault| cut_problem(&fault))?;
    if look.backwards {
        return Err(Problem::new(
            "This machine's clock was set back by hours.",
            "No edition leaves until it has caught up with itself; nothing is lost.",
            "Set the clock right. If it was wrong before and is right now, run `coranto edition held` once it has caught up.",
        ));
    }
    for (turn, became) in &look.turns {
        tell(turn, became);
    }
    remind(&house).await?;
    if look.turns.iter().any(|(_, became)| matches!(became, Became::Departed(_))) {
        morning::publish(&house).await?;
    }
    Ok(look)
}

fn tell(turn: &Turn, became: &Became) {
    let (kind, date) = (turn.kind.name(), turn.date.as_str());
    match became {
        Became::Departed(departure) => tracing::info!(
            departure.id = departure.id.0,
            departure.audience = departure.audience,
            edition.kind = kind,
            edition.date = date,
            "An edition left by itself"
        ),
        Became::NothingNew => {
            tracing::info!(edition.kind = kind, edition.date = date, "Nothing is new: no edition leaves this hour");
        }
        Became::NobodyDue => {}
        Became::Held => tracing::warn!(
            edition.kind = kind,
            edition.date = date,
            "An edition is held, because its hour is long past; see `coranto edition held`"
        ),
        Became::Waiting => tracing::warn!(
            edition.kind = kind,
            edition.date = date,
            "An edition waits for a person's word; see `coranto edition held`"
        ),
    }
}

async fn receive(house: &House) -> Result<(), Problem> {
    let newsletter = house.newsletter.id;
    let waiting = house.store.read(move |tx| slots::newcomers(tx, newsletter)).await;
    if waiting.map_err(|fault| store_problem(&fault))? == 0 || hold::held(house).await?.is_some() {
        return Ok(());
    }
    let house = house.refreshed().await?;
    relay::addressed(&house)?;
    let received = with_scheduler(&house, async |scheduler| scheduler.receive_newcomers().await).await;
    if let Some(departure) = received.map_err(|fault| cut_problem(&fault))? {
        tracing::info!(
            departure.id = departure.id.0,
            departure.audience = departure.audience,
            "Readers who have just confirmed get today's edition"
        );
    }
    Ok(())
}

/// Reminds the desk of what waits: once for each edition, at the cutoff or when its first turn came, whichever is sooner.
async fn remind(house: &House) -> Result<(), Problem> {
    let asking = with_scheduler(house, async |scheduler| scheduler.asking().await).await;
    let asking = asking.map_err(|fault| store_problem(&fault))?;
    for one in &asking {
        reminder::remind(house, one.turn.kind, &one.turn.date, if one.late { Why::Late } else { Why::Waits }).await?;
    }
    let rules = house.settings.rules();
    if rules.leaves == Leaves::Person
        && let Some(date) = edition::slots::closing(&rules.hours, house.world.now())
    {
        reminder::remind(house, EditionKind::Daily, &date.to_string(), Why::Waits).await?;
    }
    Ok(())
}
