//! When a copy that was put off is tried again: when the server says, if it names a time, and else after the usual wait.
//!
//! Greylists tell how long they want to see us wait, in the words of their makers: "Greylisted for 5 minutes", "please come
//! back in 00:04:59", "try again in 300 seconds". A time counts only where the words are about coming again, so that a limit
//! ("100 messages in 60 seconds") is none. The text is a stranger's: it is read to a limit, a time too short or too long is
//! bent to our own limits, and no edition lives longer for it. Pure: no clock, no dice of its own.

use newsroom::{DAY_MS, HOUR_MS, MINUTE_MS, Ms, SECOND_MS};

/// No time that was asked for is shorter: servers round down, and clocks differ.
pub const ASKED_MS_MIN: Ms = MINUTE_MS;
/// None is longer: an edition has a day, and whoever wants us away for longer will say so again.
pub const ASKED_MS_MAX: Ms = 4 * HOUR_MS;
/// A time shorter than the usual wait is kept so many tries; a server that says "in a minute" all day does not get us every
/// minute.
const SHORT_TRIES_MAX: i64 = 3;
/// Who asks for a time that the edition does not live is tried once more before its end, this long before at the latest.
const LAST_TRY_MS: Ms = 2 * MINUTE_MS;
/// Copies put off together do not come back in one moment: each waits up to a fifth longer, but no more than this.
const SPREAD_MS_MAX: Ms = 5 * MINUTE_MS;
/// How much of a text is read, in octets.
const TEXT_BYTES_MAX: usize = 1_024;
/// How far before a time the word may stand that makes it one, in words: "again in", "wait for at least".
const NEAR: usize = 4;
/// A number of more digits is no time.
const DIGITS_MAX: usize = 7;

/// When a copy is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// After the usual wait.
    Usual,
    /// After so many milliseconds: the server said so. Not yet bent to any limit.
    Asked(Ms),
}

impl When {
    /// What a reply's text says of it.
    pub fn of(text: &str) -> Self {
        asked_ms(text).map_or(Self::Usual, Self::Asked)
    }

    /// When the copy is due, tried `attempts` times before and put off `now`; `usual` is the usual wait in milliseconds. `None`:
    /// its edition has expired by then.
    pub fn due(self, now: Ms, expires: Ms, attempts: i64, usual: Ms, mut roll: impl FnMut(u64) -> u64) -> Option<Ms> {
        let Self::Asked(asked) = self else { return Some(now + usual).filter(|due| *due < expires) };
        let asked = asked.clamp(ASKED_MS_MIN, ASKED_MS_MAX);
        let asked = if attempts >= SHORT_TRIES_MAX { asked.max(usual) } else { asked };
        let spread = |within: Ms| Ms::try_from(roll(within.max(0).unsigned_abs() + 1)).expect("a few minutes");
        let mut spread = spread;
        let due = now + asked + spread((asked / 5).min(SPREAD_MS_MAX));
        if due < expires {
            return Some(due);
        }
        let last = expires - LAST_TRY_MS - spread(LAST_TRY_MS);
        Some(last).filter(|last| *last >= now + ASKED_MS_MIN)
    }
}

/// How long a server asks us to wait, in milliseconds, if it does.
pub fn asked_ms(text: &str) -> Option<Ms> {
    let end = (0..=text.len().min(TEXT_BYTES_MAX)).rev().find(|at| text.is_char_boundary(*at))?;
    let text = text[..end].to_ascii_lowercase();
    // Addresses and links are no words of the sentence, and name anything.
    let words = text.split_whitespace().filter(|word| !word.contains('@') && !word.contains("://"));
    let words: Vec<&str> = words.map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric())).collect();
    (0..words.len()).find_map(|at| {
        let (ms, _) = time(&words[at..])?;
        (ms > 0 && is_asked(&words[at.saturating_sub(NEAR)..at], &words)).then_some(ms)
    })
}

/// Whether the words before a time ask us to come again after it.
fn is_asked(before: &[&str], all: &[&str]) -> bool {
    const LEADS: [&str; 8] = ["in", "for", "after", "within", "wait", "least", "retry", "retry-after"];
    const LIMITS: [&str; 7] = ["messages", "connections", "recipients", "mails", "emails", "rate", "limit"];
    const ABOUT: [&str; 12] = [
        "again",
        "retry",
        "retrying",
        "greylist",
        "graylist",
        "greylisted",
        "graylisted",
        "greylisting",
        "graylisting",
        "back",
        "wait",
        "deferred",
    ];
    let leads = before.iter().any(|word| LEADS.contains(word));
    // "Not more than 100 messages in 60 seconds" is a limit and no time to wait, whatever follows.
    let limits = before.iter().any(|word| LIMITS.contains(word));
    leads && !limits && all.iter().any(|word| ABOUT.contains(word) || word.starts_with("retry"))
}

/// The time that words begin with, in milliseconds, and of how many words it is made.
fn time(words: &[&str]) -> Option<(Ms, usize)> {
    let first = words.first()?;
    if let Some(ms) = clock(first) {
        return Some((ms, 1));
    }
    let (ms, took) = amount(words)?;
    // "4 minutes and 59 seconds", "1 hour 30 minutes".
    let rest = &words[took..];
    let rest = if rest.first() == Some(&"and") { &rest[1..] } else { rest };
    match amount(rest) {
        Some((more, also)) if more < ms => Some((ms.checked_add(more)?, took + also)),
        _ => Some((ms, took)),
    }
}

/// `300 seconds`, `5min`, `4m59s`.
fn amount(words: &[&str]) -> Option<(Ms, usize)> {
    let first = words.first()?;
    if let Some(number) = number(first) {
        return Some((number.checked_mul(unit(words.get(1)?)?)?, 2));
    }
    let (mut rest, mut sum) = (*first, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (count, after) = rest.split_at(digits);
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        sum = number(count)?.checked_mul(unit(&after[..letters])?)?.checked_add(sum)?;
        rest = &after[letters..];
    }
    Some((sum, 1))
}

fn number(digits: &str) -> Option<Ms> {
    let fine = (1..=DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if fine { digits.parse().ok() } else { None }
}

fn unit(word: &str) -> Option<Ms> {
    Some(match word.trim_end_matches('.') {
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND_MS,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE_MS,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR_MS,
        "d" | "day" | "days" => DAY_MS,
        _ => return None,
    })
}

/// `00:04:59`, as milter-greylist writes it. `4:59` is not read: it may be a time of day.
fn clock(word: &str) -> Option<Ms> {
    let mut parts = word.split(':');
    let two = |part: Option<&str>| part.filter(|p| (1..=2).contains(&p.len())).and_then(number);
    let (hours, minutes, seconds) = (two(parts.next())?, two(parts.next())?, two(parts.next())?);
    let fine = parts.next().is_none() && minutes < 60 && seconds < 60;
    fine.then_some(hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: Ms = SECOND_MS;
    const NOON: Ms = 1_767_268_800_000;

    /// As these servers are known to say it; addresses and hosts are examples.
    #[test]
    fn times_that_servers_name_are_heard() {
        for (text, asked) in [
            // Postfix's postgrey, of several years.
            (
                "<ana@example.org>: Recipient address rejected: Greylisted for 300 seconds (see http://isg.ee.ethz.ch/tools/postgrey/help/example.org.html)",
                300 * S,
            ),
            ("<ana@example.org>: Recipient address rejected: Greylisted for 5 minutes", 300 * S),
            ("4.2.0 <ana@example.org>: Recipient address rejected: Greylisted for 280 seconds", 280 * S),
            // milter-greylist
            ("Greylisting in action, please come back in 00:04:59", 299 * S),
            ("Greylisting in action, please come back in 01:00:00", 3_600 * S),
            ("Deferred for 00:04:59", 299 * S),
            // sqlgrey
            ("Greylisted for 5 minutes", 300 * S),
            ("<ana@example.org>: Recipient address rejected: Greylisted for 1 minutes", 60 * S),
            // Exim's recipes, and panels on it
            ("greylisted - please try again in 300 seconds", 300 * S),
            ("Greylisted, please try again in 180 seconds", 180 * S),
            ("Temporary greylisting in effect: retry in 4 minutes and 59 seconds.", 299 * S),
            ("203.0.113.7 is greylisted. Please retry after 10 minutes.", 600 * S),
            // policyd, gld, graylist daemons, appliances
            ("Graylisted, please wait for at least 5 min before you retry", 300 * S),
            ("You are being graylisted; try again in 15mins", 900 * S),
            ("Try again after 5m", 300 * S),
            ("resource busy, retry-after 120s", 120 * S),
            ("Please wait 4m59s and try again", 299 * S),
            ("temporarily deferred; retry in 1 hour 30 minutes", 5_400 * S),
            ("Throttled. Please try again in 1 h.", 3_600 * S),
            ("Too many connections from 203.0.113.7, try again in 300 seconds", 300 * S),
            ("Service busy. Retry within 2 hours", 7_200 * S),
            ("try again in 2 days", 2 * DAY_MS),
        ] {
            assert_eq!(asked_ms(text), Some(asked), "{text}");
        }
    }

    /// As these servers are known to say it: no time to wait is in it.
    #[test]
    fn texts_without_a_time_to_wait_have_none() {
        for text in [
            "",
            // postgrey and rspamd of today, Exim's and Sendmail's usual words
            "<ana@example.org>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.org.html",
            "Try again later",
            "Temporarily greylisted. Please try again later",
            "203.0.113.7 is not yet authorized to deliver mail from <a@b.example> to <c@d.example>. Please try later.",
            // Gmail
            "The user you are trying to contact is receiving mail too quickly. Please resend your message at a later time. If the user is able to receive mail at that time, your message will be delivered. For more information, please visit https://support.google.com/mail/?p=ReceivingRate a1-20020 si1234567wrb.300 - gsmtp",
            "Our system has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been temporarily rate limited. 60 s. - gsmtp",
            // Yahoo
            "[TSS04] Messages from 203.0.113.7 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
            // Outlook
            "The mail server [203.0.113.7] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com (S775)",
            "Server busy. Please try again later from [203.0.113.7]. (S77719) [AM0EUR02FT012.eop-EUR02.prod.protection.outlook.com 2026-11-24T20:12:18.123Z 08DE2B]",
            // Limits are no times.
            "Not more than 100 messages in 60 seconds; try again later",
            "Message rate limit of 20 per 10 minutes exceeded, retry later",
            "You may send 500 recipients in 24 hours. Try again.",
            // Times of day, versions, numbers
            "Try again after 12:30",
            "Greylisted since 20:12:18, come again",
            "retry 12345678901 seconds after",
            "wait in 3 weeks again",
            "Requested action aborted: error in processing (in 300 seconds)",
            "again in 99:99:99",
        ] {
            assert_eq!(asked_ms(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_kept_within_limits_and_within_the_editions_life() {
        let day = NOON + DAY_MS;
        let due = |asked, expires, attempts| When::Asked(asked).due(NOON, expires, attempts, 40 * MINUTE_MS, |_| 0);
        assert_eq!(due(300 * S, day, 0), Some(NOON + 300 * S));
        assert_eq!(due(S, day, 0), Some(NOON + ASKED_MS_MIN));
        assert_eq!(due(9 * DAY_MS, day, 0), Some(NOON + ASKED_MS_MAX));
        assert_eq!(due(300 * S, day, SHORT_TRIES_MAX), Some(NOON + 40 * MINUTE_MS), "not every minute all day");
        assert_eq!(due(HOUR_MS, day, 9), Some(NOON + HOUR_MS));
        let soon = NOON + HOUR_MS;
        assert_eq!(due(2 * HOUR_MS, soon, 0), Some(soon - LAST_TRY_MS), "once more before its end");
        assert_eq!(due(2 * HOUR_MS, NOON + LAST_TRY_MS, 0), None, "or not at all");
        let latest = When::Asked(HOUR_MS).due(NOON, day, 0, 1, |sides| sides - 1);
        assert_eq!(latest, Some(NOON + HOUR_MS + SPREAD_MS_MAX));
        assert_eq!(When::Usual.due(NOON, day, 0, 7, |_| 0), Some(NOON + 7));
        assert_eq!(When::Usual.due(NOON, NOON + 7, 0, 7, |_| 0), None);
    }

    #[test]
    fn ten_thousand_copies_put_off_in_one_moment_come_back_spread() {
        use world::simulated::{Internet, world};
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O");
        runtime.block_on(async {
            for seed in 0..20 {
                let world = world(seed, Internet::new());
                for when in [When::Usual, When::Asked(300 * S), When::Asked(2 * DAY_MS)] {
                    for attempts in [0, 1, 4] {
                        let usual = || crate::verdict::wait_ms(300 * S, attempts, |sides| world.roll(sides));
                        let due = || when.due(NOON, NOON + DAY_MS, attempts, usual(), |sides| world.roll(sides));
                        let mut all: Vec<Ms> = (0..10_000).map(|_| due().expect("it lives a day")).collect();
                        all.sort_unstable();
                        let (first, last) = (all[0] - NOON, all[9_999] - NOON);
                        assert!(last - first > (first / 5).min(SPREAD_MS_MAX) * 9 / 10, "{when:?} {first} {last}");
                        let most = all.chunk_by(|a, b| a / S == b / S).map(<[Ms]>::len).max().expect("some");
                        let even = 10_000 / usize::try_from((last - first) / S).expect("some seconds");
                        assert!(
                            most < 3 * even + 30,
                            "{when:?} after {attempts}: {most} in a second, {even} were even"
                        );
                    }
                }
            }
        });
    }

    proptest! {
        #[test]
        fn any_text_is_read_within_limits(text in "\\PC{0,200}", asked in any::<i64>(), lives in 0_i64..100_000_000, attempts in 0_i64..100) {
            asked_ms(&text);
            let due = When::Asked(asked.saturating_abs()).due(NOON, NOON + lives, attempts, 60_000, |sides| sides - 1);
            prop_assert!(due.is_none_or(|due| due >= NOON + ASKED_MS_MIN && due < NOON + lives));
        }

        #[test]
        fn numbers_and_units_in_any_order_never_overflow(text in "(in |for |retry )?([0-9]{0,9}[smhd:. ]{0,3}){0,12}") {
            let asked = asked_ms(&format!("again in {text}"));
            prop_assert!(asked.is_none_or(|ms| ms > 0));
        }
    }
}
