//! Reminds the desk, by mail, of an edition that waits for a person or is held.

use newsroom::{Address, EditionKind, Problem};
use readers::reminder::{self, Reminder, ReminderFault, Why};
use store::{articles, editions, slots};

use crate::house::{House, store_problem};

/// Reminds the desk once of an edition that asks: when there is something to send, and nobody has given the word.
///
/// # Errors
/// A [`Problem`] when the store fails or the mail cannot be made.
pub async fn remind(house: &House, kind: EditionKind, date: &str, why: Why) -> Result<(), Problem> {
    let (newsletter, of) = (house.newsletter.id, date.to_owned());
    let read = house.store.read(move |tx| {
        let word = slots::go_ahead(tx, newsletter, kind, &of)?;
        let newest = articles::published(tx, i64::MAX, 1)?.first().and_then(|a| a.published).map_or(0, |p| p.rank);
        let sent = editions::latest(tx, 1)?.first().map_or(0, |departure| departure.rank);
        Ok(word.asked.is_none() && word.given.is_none() && newest > sent)
    });
    if !read.await.map_err(|fault| store_problem(&fault))? {
        return Ok(());
    }
    let to = Address::parse(house.settings.get("desk.reminders_to")).ok();
    let outlet = house.outlet();
    let wanted = Reminder { newsletter: &house.newsletter.title, of: newsletter, kind, date, why };
    let (world, store) = (&house.world, &house.store);
    let queued = reminder::remind(world, store, &house.vault, &outlet, to.as_ref(), &wanted).await;
    match queued {
        Ok(true) => tracing::info!(edition.date = date, "The desk is reminded by mail of an edition that waits"),
        Ok(false) => tracing::warn!(
            edition.date = date,
            "An edition waits for a person's word, and nobody is reminded by mail: set desk.reminders_to"
        ),
        Err(ReminderFault::Store(fault)) => return Err(store_problem(&fault)),
        Err(fault @ ReminderFault::Letter(_)) => {
            return Err(Problem::new(
                format!("The desk cannot be reminded: {fault}."),
                "The edition waits; nothing is lost.",
                "Check outlet.name, mail.from and mail.domain in `coranto settings`.",
            ));
        }
    }
    Ok(())
}
