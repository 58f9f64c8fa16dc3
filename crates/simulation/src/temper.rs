//! The relay's temper: which steps of the dialogue it spoils, how, and how often. Drawn from the seed.
//!
//! Each vice is one that a real relay or network has shown: see the scripted list in the handbook of delivering, and
//! RFC 5321 §4.2.5, RFC 1047 for what follows from it. A calm relay has none.

use newsroom::{MINUTE_MS, Ms, SECOND_MS};
use world::World;

/// A step of the dialogue, from the relay's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Connect,
    Helo,
    Auth,
    Mail,
    Rcpt,
    Data,
    Dot,
}

impl Step {
    pub(crate) const EVERY: [Self; 7] =
        [Self::Connect, Self::Helo, Self::Auth, Self::Mail, Self::Rcpt, Self::Data, Self::Dot];
}

/// What may go wrong at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Vice {
    /// 4yz.
    NotNow,
    /// 421, and the connection is closed.
    Goodbye,
    /// 5yz that is about us or the message, not about the reader's mailbox.
    Never,
    /// No answer for an hour, then the end.
    Hang,
    /// The connection is closed without a word.
    HangUp,
}

impl Vice {
    const EVERY: [Self; 5] = [Self::NotNow, Self::Goodbye, Self::Never, Self::Hang, Self::HangUp];
}

/// What a relay does to whoever speaks with it. Frequencies are per mille.
#[derive(Clone, Debug, Default)]
pub(crate) struct Temper {
    /// Vices by step.
    pub(crate) vices: Vec<(Step, Vice, u64)>,
    /// After the dot: the message is kept, and the connection ends without an answer.
    pub(crate) kept_and_gone: u64,
    /// After the dot: the message is kept, and no answer comes for an hour.
    pub(crate) kept_and_silent: u64,
    /// After the dot: nothing is kept, and the connection ends without an answer.
    pub(crate) lost_and_gone: u64,
    /// The connection ends in the middle of a body.
    pub(crate) cut_bodies: u64,
    /// A connection breaks after a random number of octets.
    pub(crate) broken_lines: u64,
    /// A connection's replies come octet by octet, and bodies are sipped.
    pub(crate) slow_lines: u64,
    /// A recipient seen for the first time is told to come back after this.
    pub(crate) greylist_ms: Option<Ms>,
    /// The relay closes a connection after so many messages.
    pub(crate) messages_max: Option<u64>,
    /// An answer takes up to so long, in milliseconds.
    pub(crate) answer_ms: u64,
    /// Connections refused.
    pub(crate) refusals: u64,
    /// PIPELINING is not offered.
    pub(crate) one_by_one: bool,
    /// EHLO is not known.
    pub(crate) only_helo: bool,
}

impl Temper {
    /// A temper from the dice: every eighth relay is calm, the others have one vice to many.
    pub(crate) fn roll(world: &World) -> Self {
        let mut temper = Self { answer_ms: [0, 20, 300, 5_000][roll(world, 4)], ..Self::default() };
        temper.one_by_one = world.roll(4) == 0;
        temper.only_helo = world.roll(10) == 0;
        if world.roll(8) == 0 {
            return temper;
        }
        for _ in 0..world.roll(7) {
            let (step, vice) =
                (Step::EVERY[roll(world, Step::EVERY.len())], Vice::EVERY[roll(world, Vice::EVERY.len())]);
            temper.vices.push((step, vice, frequency(world)));
        }
        for vice in [
            &mut temper.kept_and_gone,
            &mut temper.kept_and_silent,
            &mut temper.lost_and_gone,
            &mut temper.cut_bodies,
            &mut temper.broken_lines,
            &mut temper.slow_lines,
            &mut temper.refusals,
        ] {
            if world.roll(4) == 0 {
                *vice = frequency(world);
            }
        }
        if world.roll(4) == 0 {
            let wait = world.roll(15 * MINUTE_MS.unsigned_abs());
            temper.greylist_ms = Some(Ms::try_from(wait).expect("a quarter of an hour"));
        }
        if world.roll(3) == 0 {
            temper.messages_max = Some(1 + world.roll(10));
        }
        temper
    }

    /// Whether a step is spoiled this time, and how.
    pub(crate) fn vice(&self, step: Step, world: &World) -> Option<Vice> {
        self.vices.iter().filter(|(at, ..)| *at == step).find(|(.., per_mille)| chance(world, *per_mille)).map(|v| v.1)
    }
}

/// How long a relay that hangs says nothing, in milliseconds: longer than every patience of RFC 5321.
pub(crate) const HANG_MS: Ms = 3_600 * SECOND_MS;

/// Whether something of this frequency happens now. Nothing is thrown for what never happens.
pub(crate) fn chance(world: &World, per_mille: u64) -> bool {
    per_mille > 0 && world.roll(1_000) < per_mille
}

/// Rare to frequent, never always: every copy gets through at last.
fn frequency(world: &World) -> u64 {
    [5, 20, 60, 150, 300][roll(world, 5)]
}

/// A place in a list of `sides`.
pub(crate) fn roll(world: &World, sides: usize) -> usize {
    let sides = u64::try_from(sides).expect("a short list");
    usize::try_from(world.roll(sides)).expect("a short list")
}
