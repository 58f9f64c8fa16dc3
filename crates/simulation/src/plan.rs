//! What the seed decides before the first morning: who lives outside, what the relay is like, what goes wrong and when.

use newsroom::{DAY_MS, HOUR_MS, MINUTE_MS, Ms, SECOND_MS};
use world::World;

use crate::temper::{Step, Temper, roll};

/// The edition is cut at this hour, UTC, in milliseconds after midnight.
pub(crate) const CUT_MS: Ms = 6 * HOUR_MS;
/// Most runs are small; every eighth is not.
const PEOPLE_MAX: u64 = 100;

/// See the module. Times are milliseconds after the start.
pub(crate) struct Plan {
    /// How many mornings.
    pub(crate) days: Ms,
    pub(crate) people: Vec<Fate>,
    pub(crate) stories: Vec<Story>,
    pub(crate) temper: Temper,
    /// The relay asks for a login.
    pub(crate) login: bool,
    /// The relay is down.
    pub(crate) downs: Vec<(Ms, Ms)>,
    /// The relay knows another password.
    pub(crate) wrong_password: Option<(Ms, Ms)>,
    pub(crate) connections: usize,
    pub(crate) messages_per_connection: usize,
    /// How long a copy may be on its way.
    pub(crate) lives_ms: Ms,
    pub(crate) retry_first_ms: Ms,
    pub(crate) crashes: Vec<Crash>,
    /// A second relay beside the first.
    pub(crate) second: Option<Second>,
    /// The outlet's account is suspended.
    pub(crate) suspensions: Vec<Suspension>,
    /// The editor pauses a departure in so many of a hundred mornings.
    pub(crate) pauses_percent: u64,
}

/// A second relay: it has a temper of its own and asks for no login.
pub(crate) struct Second {
    pub(crate) temper: Temper,
    /// Its share beside the first one's 1; 0: only when the first cannot.
    pub(crate) weight: u32,
    pub(crate) connections: usize,
    /// It is down.
    pub(crate) downs: Vec<(Ms, Ms)>,
}

/// A time in which a relay wants nothing of us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Suspension {
    /// 0 is the first relay.
    pub(crate) relay: usize,
    pub(crate) how: Suspended,
    pub(crate) from: Ms,
    pub(crate) to: Ms,
}

/// How a relay says that it wants nothing of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suspended {
    /// 421 on connecting, and at MAIL to who is in.
    Door,
    /// 550 5.7.1 at MAIL.
    Sender,
    /// 554 5.7.1 at RCPT.
    Recipient,
    /// No answer at MAIL, nor a banner.
    Silence,
}

impl Suspended {
    const EVERY: [Self; 4] = [Self::Door, Self::Sender, Self::Recipient, Self::Silence];
}

/// One person's life. Waits are in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    pub(crate) address: String,
    /// When they fill in the form.
    pub(crate) signs_up: Ms,
    /// Slugs of the topics they tick.
    pub(crate) topics: Vec<&'static str>,
    pub(crate) language: &'static str,
    /// How long after the letter they press its button; never.
    pub(crate) confirms_after: Option<Ms>,
    /// They press it twice.
    pub(crate) twice: bool,
    /// They leave after so many editions and so long: at once, or while the next morning's copies are on their way.
    pub(crate) leaves: Option<(usize, Ms)>,
    /// Their mail program leaves for them, by one click.
    pub(crate) one_click: bool,
    /// What they do after that.
    pub(crate) regrets: Regret,
    /// From when on the relay refuses them, and at which step.
    pub(crate) closed: Option<(Ms, Step)>,
    /// From when until when their mailbox is too full to take anything.
    pub(crate) full: Option<(Ms, Ms)>,
}

/// Second thoughts after leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Regret {
    None,
    /// They press the button that takes it back.
    Undo(Ms),
    /// They fill in the form again.
    SignUpAgain(Ms),
}

/// A story and when it is published.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) at: Ms,
    pub(crate) topics: Vec<&'static str>,
}

/// When the newsroom's life ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long after it began.
    After(Ms),
    /// At about the so-manyth step of the relay's dialogues, or knock at the doors, from then.
    RelayStep(u64),
    /// In the middle of the so-manyth operation of the disk from then: power alone.
    DiskOperation(u64),
}

/// What ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The process is killed.
    Kill,
    /// The machine loses power.
    Power,
    /// It is asked to stop, and does.
    Stop,
}

/// One life's end, what is down with it, and what it meets on the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crash {
    pub(crate) moment: Moment,
    pub(crate) end: End,
    /// How many other tasks are still polled after the moment: any await is as good as another.
    pub(crate) polls: u64,
    /// How long nothing runs.
    pub(crate) down_ms: Ms,
    /// The power goes again while it recovers, in the middle of this operation.
    pub(crate) again: Option<u64>,
    /// A second poster takes over from a paused one after so long.
    pub(crate) usurper: Option<Ms>,
}

/// Every topic of the outlet: slug and name.
pub(crate) const TOPICS: [(&str, &str); 3] = [("harbour", "Harbour"), ("schools", "Schools"), ("weather", "Weather")];
const LANGUAGES: [&str; 4] = ["en", "en", "es", "ar"];
const DOMAINS: [&str; 6] = ["gmail.com", "outlook.com", "mail.example", "post.example", "web.de", "uni.example"];

fn within(world: &World, from: Ms, to: Ms) -> Ms {
    from + Ms::try_from(world.roll((to - from).max(1).unsigned_abs())).expect("a few days")
}

fn percent(world: &World, of_hundred: u64) -> bool {
    world.roll(100) < of_hundred
}

impl Plan {
    /// A plan from the dice.
    pub(crate) fn roll(world: &World) -> Self {
        let days = within(world, 1, 4);
        let span = (days - 1) * DAY_MS + CUT_MS;
        let many = if world.roll(8) == 0 { PEOPLE_MAX } else { 30 };
        let temper = Temper::roll(world);
        let login = !temper.only_helo && world.roll(2) == 0;
        let people = (0..3 + world.roll(many - 2)).map(|n| Fate::roll(world, n, span)).collect();
        let downs = (0..world.roll(3)).map(|_| window(world, span, 5 * HOUR_MS)).collect();
        let wrong_password = (login && world.roll(3) == 0).then(|| window(world, span, 2 * HOUR_MS));
        let crashes = (0..world.roll(11)).map(|_| Crash::roll(world, span)).collect();
        let second = (world.roll(2) == 0).then(|| Second::roll(world, span));
        let suspensions = (0..world.roll(3)).map(|_| Suspension::roll(world, span, second.is_some())).collect();
        Self {
            days,
            people,
            stories: stories(world, days),
            temper,
            login,
            downs,
            wrong_password,
            connections: 1 + roll(world, 5),
            messages_per_connection: [1, 3, 20, 500][roll(world, 4)],
            lives_ms: [20 * MINUTE_MS, 2 * HOUR_MS, 6 * HOUR_MS, 20 * HOUR_MS, 30 * HOUR_MS, 30 * HOUR_MS]
                [roll(world, 6)],
            retry_first_ms: [1, 5, 15][roll(world, 3)] * MINUTE_MS,
            crashes,
            second,
            suspensions,
            pauses_percent: [0, 0, 60][roll(world, 3)],
        }
    }
}

impl Plan {
    /// How many connections the post office may have, to all relays together.
    pub(crate) fn connections_in_all(&self) -> u64 {
        (self.connections + self.second.as_ref().map_or(0, |second| second.connections)) as u64
    }
}

impl Second {
    fn roll(world: &World, span: Ms) -> Self {
        Self {
            temper: Temper::roll(world),
            weight: [0, 1, 1, 3][roll(world, 4)],
            connections: 1 + roll(world, 4),
            downs: (0..world.roll(3)).map(|_| window(world, span, 5 * HOUR_MS)).collect(),
        }
    }
}

impl Suspension {
    fn roll(world: &World, span: Ms, is_second_there: bool) -> Self {
        let relay = if is_second_there { roll(world, 2) } else { 0 };
        let how = Suspended::EVERY[roll(world, Suspended::EVERY.len())];
        let (from, to) = window(world, span, 3 * HOUR_MS);
        Self { relay, how, from, to }
    }
}

fn window(world: &World, span: Ms, longest: Ms) -> (Ms, Ms) {
    // Half of them fall on a cut, where they hurt.
    let from =
        if percent(world, 50) { within(world, CUT_MS - HOUR_MS, CUT_MS + HOUR_MS) } else { within(world, 0, span) };
    (from, from + within(world, MINUTE_MS, longest))
}

/// One to four stories before each morning, some without a topic, now and then none.
fn stories(world: &World, days: Ms) -> Vec<Story> {
    let mut stories = Vec::new();
    for day in 0..days {
        let cut = day * DAY_MS + CUT_MS;
        for _ in 0..if percent(world, 90) { 1 + world.roll(4) } else { 0 } {
            let topics = TOPICS.iter().filter(|_| percent(world, 35)).map(|(slug, _)| *slug).collect();
            stories.push(Story { at: within(world, cut - 5 * HOUR_MS, cut), topics });
        }
    }
    stories.sort_by_key(|story| story.at);
    stories
}

impl Fate {
    fn roll(world: &World, number: u64, span: Ms) -> Self {
        let early = percent(world, 70);
        let signs_up = if early { within(world, 10 * SECOND_MS, 4 * HOUR_MS) } else { within(world, 0, span) };
        let regrets = match world.roll(4) {
            0 => Regret::Undo(within(world, SECOND_MS, 8 * HOUR_MS)),
            1 => Regret::SignUpAgain(within(world, MINUTE_MS, 30 * HOUR_MS)),
            _ => Regret::None,
        };
        Self {
            address: format!("reader{number}@{}", DOMAINS[roll(world, DOMAINS.len())]),
            signs_up,
            topics: TOPICS.iter().filter(|_| percent(world, 40)).map(|(slug, _)| *slug).collect(),
            language: LANGUAGES[roll(world, LANGUAGES.len())],
            confirms_after: percent(world, 92).then(|| within(world, SECOND_MS, 90 * MINUTE_MS)),
            twice: percent(world, 10),
            leaves: percent(world, 45).then(|| {
                let (soon, next_day) =
                    (within(world, 0, 3 * HOUR_MS), within(world, DAY_MS - 5 * MINUTE_MS, DAY_MS + HOUR_MS));
                (roll(world, 3), if percent(world, 50) { soon } else { next_day })
            }),
            one_click: percent(world, 60),
            regrets,
            closed: percent(world, 8).then(|| {
                let step = if percent(world, 70) { Step::Rcpt } else { Step::Dot };
                (within(world, 0, span), step)
            }),
            full: percent(world, 10).then(|| {
                let from = within(world, 0, span);
                (from, from + within(world, MINUTE_MS, 30 * HOUR_MS))
            }),
        }
    }
}

impl Crash {
    fn roll(world: &World, span: Ms) -> Self {
        let moment = match world.roll(8) {
            0 => Moment::After(within(world, 0, span)),
            1 => Moment::After(within(world, 0, 20 * MINUTE_MS)),
            2..=4 => Moment::RelayStep(1 + world.roll([10, 60, 400][roll(world, 3)])),
            _ => Moment::DiskOperation(1 + world.roll([20, 200, 1_500][roll(world, 3)])),
        };
        let end = match (moment, world.roll(8)) {
            (Moment::DiskOperation(_), _) | (_, 0..=2) => End::Power,
            (_, 3) => End::Stop,
            _ => End::Kill,
        };
        Self {
            moment,
            end,
            polls: [0, world.roll(10), world.roll(200)][roll(world, 3)],
            down_ms: [0, within(world, 0, 20 * SECOND_MS), within(world, 0, 30 * MINUTE_MS)][roll(world, 3)],
            again: percent(world, 20).then(|| 1 + world.roll(12)),
            usurper: percent(world, 20).then(|| within(world, 0, 3 * HOUR_MS)),
        }
    }
}
