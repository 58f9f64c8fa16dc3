//! The id mint. It stands here, not among the newsroom's words, because only the world has the clock it mints from.

use crate::Ms;

/// Bits of an id that count within one millisecond.
const COUNTER_BITS: u32 = 12;
/// Bits of an id that name the node that minted it.
const NODE_BITS: u32 = 10;
/// Bits of an id that are milliseconds: enough until 2039.
const MILLIS_BITS: u32 = 41;

/// Mints ids: 41 bits of milliseconds, 10 of node, 12 of counter. Monotonic even when the clock steps back.
#[derive(Debug)]
pub struct Mint {
    node: i64,
    last: i64,
}

impl Mint {
    /// A mint for one process; `node` keeps two processes on one database apart (its low 10 bits count).
    pub fn new(node: u16) -> Self {
        Self { node: i64::from(node) & ((1 << NODE_BITS) - 1), last: 0 }
    }

    /// The next id at `now`. Never repeats and never falls, whatever the clock does.
    pub fn mint(&mut self, now: Ms) -> i64 {
        let stamp = (now.max(0) & ((1 << MILLIS_BITS) - 1)) << COUNTER_BITS;
        self.last = stamp.max(self.last + 1);
        let (millis, counter) = (self.last >> COUNTER_BITS, self.last & ((1 << COUNTER_BITS) - 1));
        (millis << (NODE_BITS + COUNTER_BITS)) | (self.node << COUNTER_BITS) | counter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_never_repeat_even_when_the_clock_steps_back() {
        let mut mint = Mint::new(3);
        let mut last = 0;
        for now in [1_700_000_000_000, 1_700_000_000_000, 1_600_000_000_000, 1_700_000_000_001] {
            for _ in 0..5_000 {
                let id = mint.mint(now);
                assert!(id > last, "{id} after {last}");
                last = id;
            }
        }
    }
}
