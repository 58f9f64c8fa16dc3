//! Warming up: how much a new way out may carry on each of its first days.
//!
//! Receivers judge an address they do not know by how it begins. A plan is a list of daily volumes; days are counted from
//! 1970 by the outlet's own clock. What a day was like is counted way by way.

use crate::RouteId;

/// More days than this are no warming up.
pub const WARM_UP_DAYS_MAX: usize = 90;
/// What a new address may carry day by day, as the large senders advise it; after that there is no limit.
pub const WARM_UP_VOLUMES: [u32; 14] =
    [50, 100, 500, 1_000, 5_000, 10_000, 20_000, 40_000, 70_000, 100_000, 150_000, 250_000, 400_000, 600_000];

/// A way's plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmUp {
    /// Which way.
    pub route: RouteId,
    /// Its first day, counted from 1970.
    pub start: i64,
    /// Most copies of each day, the first one first; none of them 0.
    pub volumes: Vec<u32>,
}

impl WarmUp {
    /// Volumes as a person writes them: numbers parted by spaces, commas or lines; `#` begins a remark.
    ///
    /// # Errors
    /// What a plan takes, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Vec<u32>, String> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let words =
            lines.flat_map(|line| line.split(|c: char| c.is_whitespace() || c == ',')).filter(|w| !w.is_empty());
        let mut volumes = Vec::new();
        for word in words {
            match word.replace('_', "").parse::<u32>() {
                Ok(volume) if (1..=VOLUME_MAX).contains(&volume) && volumes.len() < WARM_UP_DAYS_MAX => {
                    volumes.push(volume);
                }
                _ => return Err(what_a_plan_takes()),
            }
        }
        if volumes.is_empty() || !volumes.is_sorted() { Err(what_a_plan_takes()) } else { Ok(volumes) }
    }

    /// Its volumes as they are kept and shown.
    pub fn written(&self) -> String {
        self.volumes.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// As a relay's cap for a day.
const VOLUME_MAX: u32 = 100_000_000;

fn what_a_plan_takes() -> String {
    format!(
        "copies for each day, from 1 to {VOLUME_MAX}, never fewer than the day before, for at most {WARM_UP_DAYS_MAX} days, as `50 100 500`"
    )
}

/// What one way carried on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WayDay {
    /// Which way.
    pub route: RouteId,
    /// Which day, counted from 1970 by the outlet's own clock.
    pub day: i64,
    /// Copies tried.
    pub tried: i64,
    /// Of these, put off, or refused for what is about us and not about the reader's mailbox.
    pub put_off: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_as_people_write_one() {
        assert_eq!(WarmUp::parse("50, 100\n500 # the first week\n\n1_000"), Ok(vec![50, 100, 500, 1_000]));
        for text in ["", "# none", "0 5", "100 50", "five", "-1", "1.5", "100000001", &"1 ".repeat(91)] {
            assert!(WarmUp::parse(text).is_err(), "{text}");
        }
        let plan = WarmUp { route: RouteId(2), start: 0, volumes: WARM_UP_VOLUMES.to_vec() };
        assert_eq!(WarmUp::parse(&plan.written()), Ok(plan.volumes));
    }
}
