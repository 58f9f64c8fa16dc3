//! The trace of a simulation: a running hash of everything noted, and the lines themselves when asked for.

use crate::Ms;

/// FNV-1a, 64 bits: stable across releases of the standard library, which its own hasher does not promise.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;
/// Lines kept when asked for: a long run must not fill the memory with its own diary.
const LINES_MAX: usize = 100_000;

/// What happened in a simulated world, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The running hash: two runs of one seed end with the same.
    pub hash: u64,
    /// How many lines were noted.
    pub events: u64,
    /// The first lines, each `milliseconds since start` and text; empty unless kept.
    pub lines: Vec<String>,
    keep: bool,
}

impl Trace {
    /// An empty trace; `keep` keeps lines too, up to a limit.
    pub(crate) fn new(keep: bool) -> Self {
        Self { hash: FNV_OFFSET, events: 0, lines: Vec::new(), keep }
    }

    /// Adds a line.
    pub(crate) fn note(&mut self, now: Ms, line: &str) {
        self.events += 1;
        let stamp = now.to_le_bytes();
        for byte in stamp.iter().chain(line.as_bytes()).chain(b"\n") {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
        if self.keep && self.lines.len() < LINES_MAX {
            self.lines.push(format!("{now} {line}"));
        }
    }
}
