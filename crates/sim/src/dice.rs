//! Chance, from a seed.

use std::time::Duration;

use rohrpost_cluster::Random;

/// A die.
#[derive(Clone, Debug)]
pub(crate) struct Dice(Random);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// A die of its own for the `number`th of something in a life, so that leaving one out changes nothing of the others.
    pub(crate) fn of(seed: u64, what: u64, number: u64) -> Self {
        let mut random =
            Random::new(seed ^ what.rotate_left(32) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        random.next_u64();
        Self(random)
    }

    /// 0 to `bound - 1`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound.max(1))
    }

    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }

    pub(crate) fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_micros(self.between(least * 1000, most * 1000))
    }
}
