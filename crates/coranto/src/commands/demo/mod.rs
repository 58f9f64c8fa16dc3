//! `coranto demo`: a newsroom's whole morning on this machine, over real HTTP and real SMTP on loopback.
//!
//! Outlets of its own are gathered, articles published, readers signed up through the form and their opt-in mail, an
//! edition cut and delivered to a catching server; then every receipt is held against the ledger. The same folder resumes,
//! and a later run is the next morning.

mod desk;
mod ground;
mod reconcile;
mod sources;

use edition::cut::Outcome;
use jiff::civil::Date;
use newsroom::{Departure, DepartureState, EditionKind, Problem, SubscriptionState};
use serde::Serialize;
use stage::outlets::Morning;
use stage::readers::{Reader, Step};
use store::{editions, readers};

use self::ground::Ground;
use self::reconcile::Receipts;
use super::edition::{cut_edition, open, today, watch};
use super::run::stop_signal;
use crate::answer::{Answer, tell};
use crate::cli::Demo;
use crate::house::{House, store_problem};
use crate::morning::{self, Gathered};
use crate::progress::bar;
use crate::report::{self, Report};

/// How many readers sign up at once: more would only queue at the machine's two cores.
const SIGN_UPS_AT_ONCE: usize = 24;

/// What the demo reports.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    report: Report,
    /// What this run did, in a sentence.
    morning: String,
    receipts: Receipts,
    gathered: Gathered,
    readers: Signed,
    site: String,
    inbox: String,
    /// Where the newsroom lies.
    newsroom: String,
    /// Where the caught mail lies: outside the newsroom's folder.
    mail: String,
}

/// What came of the sign-ups.
#[derive(Default, Serialize)]
struct Signed {
    confirmed: usize,
    already: usize,
    stuck: Vec<String>,
}

/// Runs the demo.
///
/// # Errors
/// A [`Problem`]: what could not be done, or that readers are not all accounted for.
pub async fn run(of: Demo) -> Result<Answer, Problem> {
    super::start_log("warn");
    let ground = Ground::prepare(&of).await?;
    let house = ground.house.clone();
    let mut stop = stop_signal()?;
    let told = tokio::select! {
        biased;
        told = morning(&of, &ground) => told?,
        _ = stop.wait_for(|stop| *stop) => return Ok(Answer::new(serde_json::json!({"stopped": true}),
            format!("Stopped. `coranto demo --data {}` goes on where it was.", house.config.folder.display()))),
    };
    let text = text(&told);
    if !of.once {
        let desk = &ground.desk;
        tell(format_args!(
            "{text}\nThe site:  {}\nThe inbox: {}\nThe desk:  {desk}\n           (this link signs you in, once)\n\nStop with Ctrl-C.",
            told.site, told.inbox
        ));
        let _told_to_stop = stop.wait_for(|stop| *stop).await;
    }
    ground.leave().await;
    accounted(&told)?;
    Ok(Answer::new(&told, if of.once { text } else { String::new() }))
}

/// One morning, or the rest of one that was interrupted.
async fn morning(of: &Demo, ground: &Ground) -> Result<Told, Problem> {
    let house = &ground.house;
    let mut gathered = Gathered::default();
    let (departure, signed, what) = match unfinished(house).await? {
        Some(departure) => (departure, Signed::default(), "An edition that was interrupted went on.".to_owned()),
        None => {
            let date = next_date(house).await?;
            ground.newsstand.set(if date.first { Morning::First } else { Morning::Second });
            gathered = gather_all(of, house).await?;
            if gathered.fresh > 0 {
                desk::line_up(house).await?;
            }
            let signed = sign_up(of, ground).await?;
            let (departure, what) = cut(house, date.date).await?;
            (departure, signed, what)
        }
    };
    if departure.state != DepartureState::Settled {
        open(house, &departure).await?;
        watch(house, &departure).await?;
        morning::publish(house).await?;
    }
    let report = settled(house, &departure).await?;
    let receipts = reconcile::hold(house, &ground.catcher, departure.id).await?;
    Ok(Told {
        report,
        morning: what,
        receipts,
        gathered,
        readers: signed,
        site: format!("{}/", house.outlet().site),
        inbox: ground.inbox.clone(),
        newsroom: house.config.folder.display().to_string(),
        mail: ground.mail.display().to_string(),
    })
}

/// The report, once the poster has closed the departure as well.
async fn settled(house: &House, departure: &Departure) -> Result<Report, Problem> {
    report::of_departure(&house.store, departure).await
}

/// A departure of an earlier run that has not come to its end.
async fn unfinished(house: &House) -> Result<Option<Departure>, Problem> {
    let live = house.store.read(editions::live).await.map_err(|fault| store_problem(&fault))?;
    Ok(live.into_iter().next())
}

struct NextDate {
    date: Date,
    /// No edition was cut before.
    first: bool,
}

/// Today, or the day after the last edition: a second morning on one day is the next day's.
async fn next_date(house: &House) -> Result<NextDate, Problem> {
    let newsletter = house.newsletter.id;
    let last = house.store.read(move |tx| editions::last_date(tx, newsletter, EditionKind::Daily)).await;
    let last = last.map_err(|fault| store_problem(&fault))?;
    let (now, last) = (today(house)?, last.parse::<Date>().ok());
    let after = last.and_then(|last| last.tomorrow().ok());
    Ok(NextDate { date: after.map_or(now, |after| after.max(now)), first: last.is_none() })
}

async fn gather_all(of: &Demo, house: &House) -> Result<Gathered, Problem> {
    let mut problems = sources::add(of, house).await?;
    let count = house.store.read(store::sources::list).await.map_or(0, |s| s.len() as u64);
    let progress = bar("Reading sources", count);
    let mut gathered = morning::gather(house, gather::Which::All, |_| progress.inc(1)).await?;
    progress.finish_and_clear();
    gathered.problems.append(&mut problems);
    for problem in &gathered.problems {
        tell(format_args!("{}\n    {} {} {}", problem.source, problem.what, problem.means, problem.r#do));
    }
    Ok(gathered)
}

async fn sign_up(of: &Demo, ground: &Ground) -> Result<Signed, Problem> {
    let house = &ground.house;
    let mut missing = Vec::new();
    for reader in stage::readers::readers(of.readers) {
        if !known(house, &reader).await? {
            missing.push(reader);
        }
    }
    let already = of.readers as usize - missing.len();
    let progress = bar("Readers sign up", missing.len() as u64);
    let told = |step| progress.inc(u64::from(step == Step::Confirmed));
    let door = ground.door();
    let done = stage::readers::sign_up(&house.world, &door, &ground.catcher, missing, SIGN_UPS_AT_ONCE, told).await;
    progress.finish_and_clear();
    let stuck: Vec<String> = done.stuck.iter().map(|(_, why)| why.to_string()).collect();
    for why in &stuck {
        tell(format_args!("A reader did not get through: {why}"));
    }
    Ok(Signed { confirmed: done.confirmed, already, stuck })
}

/// Whether an invented reader is on the list already, or has left it.
async fn known(house: &House, reader: &Reader) -> Result<bool, Problem> {
    let address = newsroom::Address::parse(&reader.address).expect("invented addresses are well-formed");
    let (index, newsletter) = (house.vault.index(&address), house.newsletter.id);
    let standing = house
        .store
        .read(move |tx| match readers::by_index(tx, &index)? {
            Some(id) => readers::standing(tx, id, newsletter),
            None => Ok(None),
        })
        .await;
    let standing = standing.map_err(|fault| store_problem(&fault))?;
    Ok(standing.is_some_and(|s| s.state != SubscriptionState::Pending))
}

async fn cut(house: &House, date: Date) -> Result<(Departure, String), Problem> {
    let what = match cut_edition(house, date).await? {
        Outcome::Cut(departure) => {
            morning::publish(house).await?;
            return Ok((departure, format!("The edition of {date} was cut and delivered.")));
        }
        Outcome::Before(departure) => return Ok((departure, format!("The edition of {date} was cut before."))),
        Outcome::NothingNew => "Nothing new was published since the last edition, so nobody was mailed.",
        Outcome::NobodyDue => "No reader was due, so nobody was mailed.",
    };
    let latest = house.store.read(|tx| editions::latest(tx, 1)).await.map_err(|fault| store_problem(&fault))?.pop();
    let last = latest.ok_or_else(|| {
        Problem::new(what, "There is no edition to report.", "Give the demo sources with stories, and readers.")
    })?;
    Ok((last, format!("{what} This is the report of the last one.")))
}

/// Exit 0 only when nobody is unaccounted for.
fn accounted(told: &Told) -> Result<(), Problem> {
    let (report, receipts) = (&told.report, &told.receipts);
    if report.audience == report.accepted + report.excluded && receipts.agree() {
        return Ok(());
    }
    Err(Problem::new(
        format!(
            "Not every reader is accounted for: {} in the audience, {} accepted, {} excluded; {} receipts matched, {} \
             missing, {} twice, {} to nobody.",
            report.audience,
            report.accepted,
            report.excluded,
            receipts.matched,
            receipts.missing,
            receipts.twice,
            receipts.stray
        ),
        "These readers did not get the edition, or got it twice; the report lists them.",
        format!("Look at `coranto edition report {} --data {}`.", report.edition, told.newsroom),
    ))
}

fn text(told: &Told) -> String {
    let g = &told.gathered;
    let r = &told.receipts;
    format!(
        "{}\n{} sources read, {} articles published; {} readers confirmed, {} before.\n\n{}\n\
         {} receipts at the catching server match the ledger; {} missing, {} twice, {} to nobody.\n\
         The newsroom lies in {}, the caught mail in {}.",
        told.morning,
        g.sources,
        g.published,
        told.readers.confirmed,
        told.readers.already,
        told.report.table(),
        r.matched,
        r.missing,
        r.twice,
        r.stray,
        told.newsroom,
        told.mail
    )
}
