//! Dice from a seed (splitmix64): a rig's choices are the same in every run of that seed.

/// The dice. What they choose is repeatable; when it happens is not, since real programs run meanwhile.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that begin with `seed`.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number in `0..sides`.
    ///
    /// # Panics
    /// If `sides` is 0: there is nothing to choose.
    pub fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_throws_the_same_again_and_another_seed_does_not() {
        let throws = |seed| {
            let mut dice = Dice::new(seed);
            (0..20).map(|_| dice.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(throws(7), throws(7));
        assert_ne!(throws(7), throws(8));
        assert!(throws(7).iter().all(|throw| *throw < 1_000));
    }
}
