//! `coranto edition`: cut, send, report.

use edition::cut::{CutFault, Outcome, Wish, cut};
use jiff::civil::Date;
use newsroom::{Departure, EditionId, EditionKind, HOUR_MS, Problem};
use post::carry::Choice;
use serde_json::json;
use store::editions;

use super::{held, house, proof, under_way};
use crate::answer::{Answer, tell};
use crate::cli;
use crate::house::{House, store_problem};
use crate::progress::bar;
use crate::report::{self, Report};
use crate::{hold, morning, office, relay};

/// How often the report is looked at while another process sends, in milliseconds.
const LOOK_MS: i64 = 250;
/// A look sums a million rows for a million readers: it waits this many times as long as it took before it looks again.
const LOOK_RESTS: i64 = 100;

/// Cuts, sends or reports.
pub(super) async fn run(of: cli::Edition) -> Result<Answer, Problem> {
    match of {
        cli::Edition::Cut { date, breaking, common } => {
            let house = house(&common).await?;
            let date = date.map_or_else(|| today(&house), Ok)?;
            let kind = if breaking { EditionKind::Breaking } else { EditionKind::Daily };
            cut_now(&house, kind, date).await
        }
        cli::Edition::Held(of) => held::list(&house(&of.common).await?).await,
        cli::Edition::Turns(of) => held::turns(&house(&of.common).await?).await,
        cli::Edition::Release { id, drop, common } => {
            let house = house(&common).await?;
            if drop { held::drop_held(&house, &id).await } else { held::release(&house, &id).await }
        }
        cli::Edition::Send { id, no_wait, lives_h, accept_shortfall, common } => {
            let house = house(&common).await?;
            let departure = named(&house, id).await?;
            let lengthen = lives_h.map(|hours| Choice::Lengthen(hours * HOUR_MS));
            let choice = lengthen.or(accept_shortfall.map(Choice::Accept)).unwrap_or_default();
            relay::open(&house, departure.id, choice).await?;
            if no_wait {
                let told = "Handed over; a running Coranto sends it.";
                return Ok(Answer::new(json!({"edition": departure.edition.map(|e| e.to_string())}), told));
            }
            let report = send(&house, &departure).await?;
            Ok(Answer::new(&report, report.table()))
        }
        cli::Edition::Route { id, common } => {
            let house = house(&common).await?;
            let route = relay::route(&house, latest(&house, id).await?.as_ref()).await?;
            Ok(Answer::new(&route, route.words()))
        }
        cli::Edition::Preview(of) => under_way::show(of).await,
        cli::Edition::Test(of) => under_way::test(of).await,
        cli::Edition::Pause(of) => under_way::pause(of).await,
        cli::Edition::Resume(of) => under_way::resume(of).await,
        cli::Edition::Cancel(of) => under_way::cancel(of).await,
        cli::Edition::Correct(of) => under_way::correct(of).await,
        cli::Edition::Who(of) => under_way::who(of).await,
        cli::Edition::Proof(of) => proof::write(of).await,
        cli::Edition::Report { id, common } => {
            let house = house(&common).await?;
            let departure = named(&house, id).await?;
            let report = report::of_departure(&house.store, &departure).await?;
            Ok(Answer::new(&report, report.table()))
        }
    }
}

/// Today, in the outlet's time zone.
///
/// # Errors
/// A [`Problem`] when the zone or the clock is no good.
pub fn today(house: &House) -> Result<Date, Problem> {
    let zone = house.outlet().zone;
    let now = jiff::Timestamp::from_millisecond(house.world.now()).ok();
    let local = now.and_then(|now| now.in_tz(&zone).ok());
    local.map(|local| local.date()).ok_or_else(|| {
        Problem::new(
            format!("The date in the time zone {zone:?} is not known."),
            "Nothing was cut.",
            "Set outlet.zone to a name like Europe/Madrid, and check this machine's clock.",
        )
    })
}

async fn cut_now(house: &House, kind: EditionKind, date: Date) -> Result<Answer, Problem> {
    let departure = match cut_kind(house, kind, date).await? {
        Outcome::Cut(departure) | Outcome::Before(departure) => departure,
        Outcome::NothingNew => {
            let told = "Nothing new: no edition was cut, and nobody is mailed.";
            return Ok(Answer::new(json!({"cut": false, "why": "nothing new"}), told));
        }
        Outcome::NobodyDue => {
            let told = "No reader is due: everyone has had an edition of this date, or nobody has confirmed yet.";
            return Ok(Answer::new(json!({"cut": false, "why": "nobody due"}), told));
        }
    };
    morning::publish(house).await?;
    let edition = departure.edition.expect("an edition's departure names it").to_string();
    let told = format!(
        "Edition {edition} of {date} is cut for {} readers. Nothing is sent yet: `coranto edition send`.",
        departure.audience
    );
    let json = json!({"cut": true, "edition": edition, "departure": departure.id.to_string(), "date": date.to_string(),
        "audience": departure.audience});
    Ok(Answer::new(json, told))
}

/// Cuts the daily edition of `date` for everyone who is due.
///
/// # Errors
/// A [`Problem`]; then nothing was changed.
pub async fn cut_edition(house: &House, date: Date) -> Result<Outcome, Problem> {
    cut_kind(house, EditionKind::Daily, date).await
}

/// Cuts an edition by hand for everyone who is due and gets its kind, whatever their hour.
///
/// # Errors
/// A [`Problem`]; then nothing was changed.
pub async fn cut_kind(house: &House, kind: EditionKind, date: Date) -> Result<Outcome, Problem> {
    let wish = Wish { kind, ..wish(house, date) };
    cut(&house.world, &house.store, &house.outlet(), wish).await.map_err(|fault| cut_problem(&fault))
}

/// The daily edition of `date`.
pub fn wish(house: &House, date: Date) -> Wish {
    Wish {
        newsletter: house.newsletter.clone(),
        kind: EditionKind::Daily,
        date,
        lives_ms: house.settings.edition_lives_ms(),
    }
}

/// What it means to a person that an edition could not be made.
pub fn cut_problem(fault: &CutFault) -> Problem {
    match fault {
        CutFault::Store(fault) => store_problem(fault),
        other => Problem::new(
            format!("The edition could not be cut: {other}."),
            "Nothing was changed and nobody was mailed.",
            "Check outlet.site, mail.from and mail.domain in `coranto settings`, then cut again.",
        ),
    }
}

/// The departure of an edition, the latest when none is named; none when nothing was cut.
async fn latest(house: &House, id: Option<EditionId>) -> Result<Option<Departure>, Problem> {
    let found = house
        .store
        .read(move |tx| {
            Ok(match id {
                Some(id) => editions::departures_of(tx, id)?.pop(),
                None => editions::latest(tx, 1)?.pop(),
            })
        })
        .await;
    let found = found.map_err(|fault| store_problem(&fault))?;
    if found.is_none() && id.is_some() { Err(unknown(id)) } else { Ok(found) }
}

/// The same, when there must be one.
pub(super) async fn named(house: &House, id: Option<EditionId>) -> Result<Departure, Problem> {
    latest(house, id).await?.ok_or_else(|| unknown(id))
}

fn unknown(id: Option<EditionId>) -> Problem {
    Problem::new(
        id.map_or_else(|| "No edition was cut yet.".into(), |id| format!("There is no edition {id}.")),
        "Nothing was sent or changed.",
        "`coranto edition cut` cuts today's; `coranto edition report` shows the latest.",
    )
}

/// Lets copies leave, if the relay's caps carry them in time or a person has chosen what happens otherwise.
///
/// # Errors
/// As [`relay::open`].
pub async fn open(house: &House, departure: &Departure) -> Result<(), Problem> {
    relay::open(house, departure.id, Choice::None).await.map(drop)
}

/// Sends an edition and waits until it is settled: by this process, or by the one that holds the post office.
///
/// # Errors
/// A [`Problem`]; whatever it is, every copy stands in the ledger.
pub async fn send(house: &House, departure: &Departure) -> Result<Report, Problem> {
    open(house, departure).await?;
    hold::note_now(house).await?;
    let watched = watch(house, departure);
    match house.lock_post_if_free()? {
        Some(lock) => {
            let posted = async {
                let (_tell, stop) = tokio::sync::watch::channel(false);
                let orders = office::orders(house, office::until_settled(), stop)?;
                let (world, store, vault) = (house.world.clone(), house.store.clone(), house.vault.clone());
                post::run(world, store, vault, orders).await.map_err(|fault| office::problem(&fault))
            };
            // Watching never ends by itself before the post does, unless all is settled.
            tokio::select! {
                biased;
                done = posted => done?,
                fault = async { match watched.await { Ok(_) => std::future::pending().await, Err(fault) => fault } } => return Err(fault),
            }
            drop(lock);
        }
        None => {
            tell(format_args!("Another Coranto on this folder is posting: it sends this edition. Watching."));
            watched.await?;
        }
    }
    morning::publish(house).await?;
    relay::refuse_if_held(house, departure.id).await?;
    report::of_departure(&house.store, departure).await
}

/// Watches a departure until nothing of it moves any more.
///
/// # Errors
/// A [`Problem`] when the store fails.
pub async fn watch(house: &House, departure: &Departure) -> Result<(), Problem> {
    let progress = bar("Sending", departure.audience.unsigned_abs());
    loop {
        let began = house.world.now();
        let report = report::of_departure(&house.store, departure).await?;
        let took = house.world.now() - began;
        progress.set_position((report.sum() - report.moving()).unsigned_abs());
        if report.moving() == 0 || relay::is_held(house, departure.id).await? {
            progress.finish_and_clear();
            return Ok(());
        }
        house.world.sleep(LOOK_MS.max(took * LOOK_RESTS)).await;
    }
}
