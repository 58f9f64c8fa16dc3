//! The ways out as a person sees them: what was agreed, how each has been doing, and what it carried today.

use newsroom::{DAY_MS, HOUR_MS, Ms, RelayTerms, RouteId, Standing, WayState};
use store::{Read, caps, ways};

use crate::warm_up::{Known, Today, offset_ms};

/// One way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What was agreed.
    pub terms: RelayTerms,
    /// How it stands; none when no poster has come to it yet.
    pub standing: Option<Standing>,
    /// Copies tried by it in the last hour.
    pub hour: i64,
    /// Copies tried by it in the last 24 hours.
    pub day: i64,
    /// What its plan for warming up says of today; none when it has no plan.
    pub warm_up: Option<Today>,
    /// The same in a sentence.
    pub warms: Option<String>,
}

/// Every way out, the relay of the settings first; days are those of `zone`.
///
/// # Errors
/// The store's.
pub fn every(tx: &Read, first: RelayTerms, zone: &str, now: Ms) -> store::Result<Vec<Listed>> {
    let known = Known::read(tx, now, offset_ms(zone, now))?;
    let (further, tried) = (ways::relays(tx)?, caps::tried(tx, now - DAY_MS)?);
    let mut standings: std::collections::BTreeMap<RouteId, Standing> =
        ways::standings(tx)?.into_iter().map(|standing| (standing.route, standing)).collect();
    let listed = |terms: RelayTerms| {
        let minutes = tried.get(&terms.id).map_or(&[][..], Vec::as_slice);
        let since = |from: Ms| minutes.iter().filter(|(at, _)| *at * 60_000 >= from).map(|(_, count)| count).sum();
        let (hour, day) = (since(now - HOUR_MS), since(0));
        let (warm_up, warms) = (known.today(terms.id), known.told(terms.id));
        Listed { standing: standings.remove(&terms.id), terms, hour, day, warm_up, warms }
    };
    Ok(std::iter::once(first).chain(further).map(listed).collect())
}

impl Listed {
    /// Whether it needs a look: it is in use and rests because it is at fault.
    pub fn is_ill(&self) -> bool {
        self.terms.active && self.standing.as_ref().is_some_and(|standing| standing.state == WayState::Resting)
    }

    /// `off`, `new`, `open` or `resting`.
    pub fn word(&self) -> &'static str {
        match &self.standing {
            _ if !self.terms.active => "off",
            None => "new",
            Some(standing) if standing.state == WayState::Resting => "resting",
            Some(_) => "open",
        }
    }

    /// How it stands, in a sentence or two; moments as `moment` writes them.
    pub fn how(&self, moment: impl Fn(Ms) -> String) -> String {
        let standing = match &self.standing {
            _ if !self.terms.active => return "Told to rest: it carries no mail until a person says so.".to_owned(),
            Some(standing) if standing.state == WayState::Resting || standing.answered.is_some() => standing,
            _ => return "No mail has been tried by it yet.".to_owned(),
        };
        match standing.state {
            WayState::Open => format!("Well since {}.", moment(standing.since)),
            WayState::Resting => format!(
                "Rests since {}, {} {} in a row: {}. It is tried again with one copy, not before {}. What waits goes by the others.",
                moment(standing.since),
                standing.faults,
                if standing.faults == 1 { "time" } else { "times" },
                standing.why,
                moment(standing.until)
            ),
        }
    }

    /// What it carried today against its caps.
    pub fn carried(&self) -> String {
        let of = |cap: u32| if cap == 0 { String::new() } else { format!(" of {cap}") };
        let (hour, day) = (of(self.terms.per_hour), of(self.terms.per_day));
        format!("{}{hour} tried in the last hour, {}{day} in the last 24 hours", self.hour, self.day)
    }

    /// What it last answered to a copy; none when it never did.
    pub fn answered(&self, moment: impl Fn(Ms) -> String) -> Option<String> {
        let answer = self.standing.as_ref()?.answered.as_ref()?;
        let code = if answer.code == 0 { String::new() } else { format!("{} ", answer.code) };
        Some(format!("{}: {code}{}", moment(answer.at), answer.text))
    }
}
