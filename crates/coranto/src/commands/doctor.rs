//! `coranto doctor`: looks the newsroom over and says what to do about each fault.

use newsroom::{Problem, RouteId};
use serde_json::json;
use store::readers;

use super::house;
use crate::answer::{Answer, tell};
use crate::cli::Doctor;
use crate::dns::{self, Seen};
use crate::house::{House, store_problem};
use crate::{hold, newsdesk, office, relay, returning, ways};

/// One thing looked at.
struct Check {
    what: String,
    well: bool,
    told: String,
}

pub async fn run(of: Doctor) -> Result<Answer, Problem> {
    let house = house(&of.common).await?;
    let mut checks = vec![files(&house), hold(&house).await?, database(&house).await?, keys(&house), address(&house)];
    checks.extend(relays(&house).await);
    checks.push(bounces(&house).await?);
    checks.extend(names(&house, of.resolver.as_deref()).await);
    let rows: Vec<_> = checks.iter().map(|c| json!({"what": c.what, "well": c.well, "told": c.told})).collect();
    let lines: Vec<String> =
        checks.iter().map(|c| format!("{} {}\n    {}", if c.well { "✓" } else { "✗" }, c.what, c.told)).collect();
    if let Some(worst) = checks.iter().find(|c| !c.well) {
        // The whole list first: one fault rarely comes alone.
        tell(format_args!("{}\n", lines.join("\n")));
        let faults = checks.iter().filter(|c| !c.well).count();
        return Err(Problem::new(
            format!("{faults} of {} checks failed: {}.", checks.len(), worst.what),
            "Until they are mended mail may not leave or not arrive; what is published stays readable.",
            worst.told.clone(),
        ));
    }
    Ok(Answer::new(json!({"checks": rows}), lines.join("\n")))
}

fn files(house: &House) -> Check {
    let config = &house.config;
    let told = format!(
        "Folder {}; keys {}; site served on {}; log {}.",
        config.folder.display(),
        config.key_file.display(),
        config.listen,
        config.log
    );
    Check { what: "The newsroom's files".into(), well: true, told }
}

async fn hold(house: &House) -> Result<Check, Problem> {
    let what = "Whether mail may leave from here";
    Ok(match hold::held(house).await? {
        Some(problem) => Check { what: what.into(), well: false, told: format!("{} {}", problem.what, problem.act) },
        None => Check { what: what.into(), well: true, told: "It may: this is no copy.".into() },
    })
}

async fn database(house: &House) -> Result<Check, Problem> {
    let newsletter = house.newsletter.id;
    let read = house.store.read(move |tx| Ok((readers::counts(tx, newsletter)?, store::articles::count(tx)?))).await;
    let (counts, articles) = read.map_err(|fault| store_problem(&fault))?;
    let told = format!("{} active readers, {articles} articles published.", counts.active);
    Ok(Check { what: "The database".into(), well: true, told })
}

fn keys(house: &House) -> Check {
    if !house.settings.signs() {
        let told = "mail.signing is relay: the mail leaves unsigned. If a relay does not sign it with a key of mail.domain, \
                    the big providers refuse it or file it as spam. Sign here again: `coranto settings mail.signing own`.";
        return Check { what: "The DKIM signature".into(), well: true, told: told.into() };
    }
    match office::signer(house) {
        Ok(signer) => {
            let told = format!("Publish this TXT record at {}:\n    {}", signer.dns_name(), signer.dns_record());
            Check { what: "The DKIM key".into(), well: true, told }
        }
        Err(problem) => Check { what: "The DKIM key".into(), well: false, told: problem.act },
    }
}

/// The DNS records of the outlet's mail: each to paste, and whether the world sees it.
async fn names(house: &House, resolver: Option<&str>) -> Vec<Check> {
    let records = newsdesk::dns_records(house, &house.outlet());
    let resolver = dns::resolver(resolver);
    let mut checks = Vec::new();
    for record in records {
        let seen = match &resolver {
            Ok(resolver) => dns::look(&house.world, *resolver, &record).await,
            Err(why) => Seen::Unknown(why.clone()),
        };
        let what = match record.value.split([';', ' ']).next() {
            Some("v=DKIM1") => "The DKIM record",
            Some("v=spf1") => "The SPF record",
            _ => "The DMARC record",
        };
        let paste = format!("TXT at {}:\n    {}", record.name, record.value);
        let (well, told) = match seen {
            Seen::Well => (true, format!("{} is there and says what it must.", record.name)),
            Seen::Missing => (false, format!("It is not there yet. Publish {paste}")),
            Seen::Other(text) => (false, format!("It says {text:?}. Publish instead {paste}")),
            Seen::Unknown(why) => (false, format!("Nobody could say: {why}. Publish {paste}")),
        };
        checks.push(Check { what: what.into(), well, told });
    }
    checks
}

fn address(house: &House) -> Check {
    let well = !house.outlet().postal_address.is_empty();
    let told = if well {
        house.outlet().postal_address
    } else {
        "Set outlet.postal_address: the law asks for it at the foot of every mail.".into()
    };
    Check { what: "The postal address".into(), well, told }
}

/// Where bounces go, and what waits for a person.
async fn bounces(house: &House) -> Result<Check, Problem> {
    let what = "What comes back".to_owned();
    let domain = &house.outlet().mail_domain;
    if let Err(problem) = returning::orders(house) {
        return Ok(Check { what, well: false, told: format!("{} {}", problem.what, problem.act) });
    }
    let held = house.store.read(store::returned::held_count).await.map_err(|fault| store_problem(&fault))?;
    if held > 0 {
        let told =
            format!("{held} bounces wait for a person: look with `coranto bounces held`, then apply or drop them.");
        return Ok(Check { what, well: false, told });
    }
    let told = match house.settings.get("bounce.listen") {
        "" if returning::leaves_by_mail(house) => {
            format!("Bounces go to bounce+…@{domain}, a mailbox elsewhere: give it to `coranto bounce FILE --apply`.")
        }
        "" => format!(
            "Bounces go to bounce+…@{domain} and are not received here. Set bounce.listen, or bounce.elsewhere for a mailbox."
        ),
        listen => format!("They are received on {listen}. The MX of {domain} must lead there."),
    };
    Ok(Check { what, well: true, told })
}

/// Every relay that carries mail, greeted; and that there is one.
async fn relays(house: &House) -> Vec<Check> {
    let mut checks = Vec::new();
    for terms in ways::every(house).iter().filter(|terms| terms.active) {
        let what =
            if terms.id == RouteId::FIRST { "The relay".to_owned() } else { format!("The relay {}", terms.name) };
        checks.push(match relay::greet(house, terms).await {
            Ok(told) => Check { what, well: true, told },
            Err(Problem { what: happened, act, .. }) => {
                Check { what, well: false, told: format!("{}:{}: {happened} {act}", terms.host, terms.port) }
            }
        });
    }
    if checks.is_empty() {
        let told = "Every relay was told to rest: let one carry mail, `coranto relay use main`.".to_owned();
        checks.push(Check { what: "The relay".into(), well: false, told });
    }
    checks
}
