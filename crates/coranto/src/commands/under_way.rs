//! What is done to an edition before it leaves and while it is on its way: preview, test copy, pause, resume, cancel,
//! correct, and who was sent an article.

use std::collections::BTreeMap;

use edition::correct::Corrected;
use edition::preview::{For, Preview};
use newsroom::{
    Address, ArticleId, Cohort, CohortId, DeliveryState, Departure, DepartureId, DepartureState, Format, Problem,
    Topics,
};
use post::test_copy::{self, Asked, TestFault, Way};
use serde_json::json;
use store::{corrections, editions, topics};

use super::edition::{cut_problem, named, open, today, wish};
use super::house;
use super::line_up::BY;
use crate::answer::Answer;
use crate::cli;
use crate::house::{House, store_problem};
use crate::{hold, morning, office, report};

/// How many rows of the ledger are read at once.
const PAGE: i64 = 5_000;
/// How many readers are listed by id in a person's table; `--json` lists all.
const LISTED_MAX: usize = 20;

/// The mail that a cohort would get if the edition were cut now.
///
/// # Errors
/// A [`Problem`]; nothing is changed either way.
pub async fn preview(house: &House, cohort: &cli::Cohort) -> Result<Option<Preview>, Problem> {
    let known = house.store.read(topics::list).await.map_err(|fault| store_problem(&fault))?;
    let mut chosen = if cohort.topics.is_empty() { Topics::ALL } else { Topics::NONE };
    for slug in &cohort.topics {
        let topic = known.iter().find(|topic| topic.slug == *slug).ok_or_else(|| {
            let slugs: Vec<&str> = known.iter().map(|topic| topic.slug.as_str()).collect();
            Problem::new(
                format!("There is no topic {slug:?}."),
                "Nothing was shown.",
                format!("The topics are {}.", slugs.join(", ")),
            )
        })?;
        chosen = chosen.with(topic.bit);
    }
    let of = For {
        topics: chosen,
        format: if cohort.text { Format::Text } else { Format::Html },
        language: house.outlet().language,
        seen_rank: cohort.new.then_some(0),
    };
    let wish = wish(house, today(house)?);
    let made = edition::preview::preview(&house.store, &house.outlet(), wish, of, house.world.now()).await;
    made.map_err(|fault| cut_problem(&fault))
}

/// Shows the mail that a cohort would get.
pub async fn show(of: cli::Preview) -> Result<Answer, Problem> {
    let house = house(&of.common).await?;
    let Some(preview) = preview(&house, &of.cohort).await? else { return Ok(nothing_new()) };
    if let Some(folder) = &of.out {
        write(folder, &preview).map_err(|fault| {
            Problem::new(
                format!("The preview cannot be written into {}: {fault}.", folder.display()),
                "Nothing was sent or changed.",
                "Name a folder that you may write to.",
            )
        })?;
    }
    let json = json!({"subject": preview.subject, "stories": preview.stories, "more": preview.more,
        "part_bytes": preview.part_bytes, "text": preview.text, "html": preview.html});
    let long = preview.part_bytes >= edition::mail::PART_BYTES_WARN;
    let told = format!(
        "Subject: {}\n{} stories, {} more on the site; about {} kB on the wire{}\n\n{}",
        preview.subject,
        preview.stories,
        preview.more,
        preview.part_bytes / 1_000,
        if long { ": some mail clients will cut it off" } else { "" },
        preview.text
    );
    Ok(Answer::new(json, told))
}

fn write(folder: &std::path::Path, preview: &Preview) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    if let Some(html) = &preview.html {
        std::fs::write(folder.join("preview.html"), html)?;
    }
    std::fs::write(folder.join("preview.txt"), &preview.text)
}

fn nothing_new() -> Answer {
    Answer::new(json!({"stories": 0}), "Nothing is new to such a reader: they would get no mail.")
}

/// Sends a test copy.
pub async fn test(of: cli::TestCopy) -> Result<Answer, Problem> {
    let house = house(&of.common).await?;
    let (mail, trial) = match preview(&house, &of.cohort).await? {
        Some(preview) => (preview.test, false),
        None => (trial(&house).await?, true),
    };
    let said = send_test(&house, &mail, &of.address, BY).await?;
    let what = if trial { "Nothing is published yet, so it is a plain trial mail. " } else { "" };
    let told = format!("{what}Taken by the receiving server: {said}");
    Ok(Answer::new(json!({"sent": true, "said": said, "trial": trial, "subject": mail.subject}), told))
}

/// The mail that a newsroom without a story tries its way out with.
async fn trial(house: &House) -> Result<Cohort, Problem> {
    let published = house.store.read(store::articles::count).await.map_err(|fault| store_problem(&fault))?;
    if published > 0 {
        return Err(Problem::new(
            "Nothing is new since the last edition, so there is no mail to test.",
            "No test copy was sent.",
            "`--new` sends what somebody would get who has just come; or publish a story first.",
        ));
    }
    let made = readers::trial::make(&house.outlet(), edition::preview::TEST_MARK).map_err(|fault| {
        Problem::new(
            format!("The trial mail cannot be made: {fault}."),
            "No test copy was sent.",
            "Check outlet.name, mail.from and mail.domain in `coranto settings`.",
        )
    })?;
    Ok(Cohort { id: CohortId(0), subject: made.subject, body: made.body })
}

/// Sends a mail to an address that a member typed, and puts it on record. Gives what the receiving server said.
///
/// # Errors
/// A [`Problem`]: the address is none or must not be written to, too many tests, or the mail was not taken.
pub async fn send_test(house: &House, mail: &Cohort, address: &str, by: &str) -> Result<String, Problem> {
    let to = Address::parse(address).map_err(|fault| {
        Problem::new(format!("{fault}."), "No test copy was sent.", "Type the address like name@example.org.")
    })?;
    hold::refuse_if_held(house).await?;
    let (_tell, stop) = tokio::sync::watch::channel(false);
    let orders = office::orders(house, post::Until::Stopped, stop)?;
    let routes = orders.routes.borrow().clone();
    let way =
        Way { world: &house.world, store: &house.store, vault: &house.vault, sender: &orders.sender, routes: &routes };
    let token = edition::preview::NO_TOKEN;
    let sent = test_copy::send(way, Asked { newsletter: house.newsletter.id, mail, token, to: &to, by }).await;
    sent.map(|said| format!("{} {}", said.code, said.text)).map_err(|fault| match fault {
        TestFault::Store(fault) => store_problem(&fault),
        fault => Problem::new(
            format!("The test copy did not arrive: {fault}."),
            "No reader was mailed, and nothing is tried again.",
            "Check the address and the relay's settings, or wait, then send it again.",
        ),
    })
}

/// Stops an edition that is on its way.
pub async fn pause(of: cli::OneEdition) -> Result<Answer, Problem> {
    let (house, departure) = one(&of).await?;
    let id = departure.id;
    let (from, to) = (DepartureState::Open, DepartureState::Paused);
    let paused = house.store.write(move |tx| editions::set_state(tx, id, from, to)).await;
    if !paused.map_err(|fault| store_problem(&fault))? {
        match state(&house, id).await? {
            // What is so already is as good as done.
            Some(DepartureState::Paused) => {}
            Some(DepartureState::Cut | DepartureState::Open) | None => return Err(not_sent()),
            Some(DepartureState::Settled | DepartureState::Cancelled) => return Err(over()),
        }
    }
    let report = report::of_departure(&house.store, &departure).await?;
    Ok(Answer::new(
        &report,
        format!("Paused: no further copy starts. `coranto edition resume` lets it go on.\n\n{}", report.table()),
    ))
}

/// Lets a paused edition go on.
pub async fn resume(of: cli::OneEdition) -> Result<Answer, Problem> {
    let (house, departure) = one(&of).await?;
    match state(&house, departure.id).await? {
        Some(DepartureState::Paused | DepartureState::Open) => open(&house, &departure).await?,
        Some(DepartureState::Settled | DepartureState::Cancelled) => return Err(over()),
        Some(DepartureState::Cut) | None => return Err(not_sent()),
    }
    let report = report::of_departure(&house.store, &departure).await?;
    let told = "It goes on: a running Coranto sends it, or `coranto edition send`.";
    Ok(Answer::new(&report, format!("{told}\n\n{}", report.table())))
}

/// Ends an edition: what has not left stays here.
pub async fn cancel(of: cli::OneEdition) -> Result<Answer, Problem> {
    let (house, departure) = one(&of).await?;
    let id = departure.id;
    let stopped = house.store.write(move |tx| editions::cancel(tx, id)).await.map_err(|fault| store_problem(&fault))?;
    let state = state(&house, id).await?;
    if state != Some(DepartureState::Cancelled) {
        return Err(over());
    }
    let report = report::of_departure(&house.store, &departure).await?;
    Ok(Answer::new(&report, format!("Cancelled: {stopped} copies stay here for good.\n\n{}", report.table())))
}

async fn one(of: &cli::OneEdition) -> Result<(House, Departure), Problem> {
    let house = house(&of.common).await?;
    let departure = named(&house, of.id).await?;
    Ok((house, departure))
}

async fn state(house: &House, id: DepartureId) -> Result<Option<DepartureState>, Problem> {
    let read = house.store.read(move |tx| editions::departure_by_id(tx, id)).await;
    Ok(read.map_err(|fault| store_problem(&fault))?.map(|departure| departure.state))
}

fn over() -> Problem {
    Problem::new(
        "This edition is over.",
        "Nothing was changed.",
        "`coranto edition report` shows where every reader stands.",
    )
}

fn not_sent() -> Problem {
    Problem::new("This edition has not been sent yet.", "Nothing was changed.", "`coranto edition send` lets it leave.")
}

/// Gives copies that have not left the article as it stands now.
pub async fn correct(of: cli::EditionArticle) -> Result<Answer, Problem> {
    let house = house(&of.common).await?;
    let departure = named(&house, of.id).await?;
    let (world, store, newsletter) = (&house.world, &house.store, &house.newsletter);
    let what = (departure.id, of.article);
    let done = edition::correct::correct(world, store, &house.outlet(), newsletter, what, BY)
        .await
        .map_err(|fault| cut_problem(&fault))?;
    morning::publish(&house).await?;
    match done {
        Corrected::Copies { copies, cohorts } => Ok(Answer::new(
            json!({"copies": copies, "cohorts": cohorts}),
            format!(
                "{copies} copies that have not left carry the article as it stands now. `coranto edition who --article {}` tells who was sent the old one.",
                of.article
            ),
        )),
        Corrected::NotPaused => Err(Problem::new(
            "This edition is on its way, or over.",
            "No copy was changed.",
            "Pause it first: `coranto edition pause`.",
        )),
        Corrected::NoArticle => {
            let what = format!("There is no article {}.", of.article);
            Err(Problem::new(what, "No copy was changed.", "`coranto line-up list` shows articles with their ids."))
        }
    }
}

/// Who was sent an article, by revision: counts and readers' ids, never an address.
pub async fn who(of: cli::EditionArticle) -> Result<Answer, Problem> {
    let house = house(&of.common).await?;
    let departure = named(&house, of.id).await?;
    let revisions = holders(&house, departure.id, of.article).await?;
    let rows: Vec<_> = revisions
        .iter()
        .map(|(revision, had)| {
            let ids: Vec<String> = had.sent.iter().map(ToString::to_string).collect();
            json!({"revision": revision, "sent": had.sent.len(), "waiting": had.waiting, "never": had.never, "readers": ids})
        })
        .collect();
    let lines = revisions.iter().map(|(revision, had)| {
        let shown: Vec<String> = had.sent.iter().take(LISTED_MAX).map(ToString::to_string).collect();
        let rest = if had.sent.len() > LISTED_MAX { " …" } else { "" };
        format!(
            "Revision {revision}: sent to {}, waiting {}, not sent {}\n    {}{rest}",
            had.sent.len(),
            had.waiting,
            had.never,
            shown.join(" ")
        )
    });
    let told = lines.collect::<Vec<_>>().join("\n");
    let told = if told.is_empty() { "No copy of this edition carries that article.".to_owned() } else { told };
    Ok(Answer::new(
        json!({"article": of.article.to_string(), "departure": departure.id.to_string(), "revisions": rows}),
        told,
    ))
}

/// The copies with one revision of an article.
#[derive(Clone, Debug, Default)]
pub struct Had {
    /// Readers whose copy was accepted, or may have arrived.
    pub sent: Vec<newsroom::ReaderId>,
    /// Copies that wait.
    pub waiting: u64,
    /// Copies that will not be sent: excluded, refused, expired.
    pub never: u64,
}

/// Who was sent an article in a departure, by revision.
///
/// # Errors
/// A [`Problem`] when the store cannot be read.
pub async fn holders(house: &House, departure: DepartureId, article: ArticleId) -> Result<BTreeMap<i64, Had>, Problem> {
    let mut found: BTreeMap<i64, Had> = BTreeMap::new();
    let mut after = (-1, -1);
    loop {
        let page = house.store.read(move |tx| corrections::holders(tx, departure, article, after, PAGE)).await;
        let page = page.map_err(|fault| store_problem(&fault))?;
        let Some(last) = page.last() else { return Ok(found) };
        after = (last.key.lane, last.key.position);
        for one in page {
            let had = found.entry(one.revision).or_default();
            match one.state {
                DeliveryState::Accepted | DeliveryState::Uncertain | DeliveryState::InFlight => {
                    had.sent.push(one.reader)
                }
                DeliveryState::Queued | DeliveryState::Leased | DeliveryState::Deferred => had.waiting += 1,
                DeliveryState::Refused | DeliveryState::Excluded | DeliveryState::Expired => had.never += 1,
            }
        }
    }
}
