//! A schedule: steps, and the pause before each.

use std::fmt;
use std::time::Duration;

use super::dice::Dice;
use super::specs;
use super::step::{self, Step};

pub struct Schedule {
    pub seed: u64,
    /// Names of the stacks that the schedule uses.
    pub stacks: Vec<&'static str>,
    /// Delay of every request to the API server. It opens more moments for a crash.
    pub latency: Duration,
    pub steps: Vec<(Duration, Step)>,
}

const NAMES: [&str; 4] = ["web", "api", "mail", "docs"];

impl Schedule {
    pub fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let stacks = NAMES[..dice.pick(&[1, 1, 1, 1, 2, 4])].to_vec();
        let latency = Duration::from_millis(dice.pick(&[0, 1, 15]));
        let mut steps: Vec<_> =
            (0..stacks.len()).map(|stack| (Duration::ZERO, Step::Apply(stack, specs::draw(&mut dice)))).collect();
        for _ in 0..dice.pick(&[2, 3, 4, 10]) {
            let pause = match dice.below(10) {
                0..4 => dice.millis(0, 400),
                4..8 => dice.millis(400, 4_000),
                8 => dice.millis(4_000, 30_000),
                _ => dice.millis(30_000, 170_000),
            };
            steps.push((pause, step::draw(&mut dice, stacks.len())));
        }
        Self { seed, stacks, latency, steps }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "stacks {:?}, latency of the API server {:?}", self.stacks, self.latency)?;
        for (at, (pause, step)) in self.steps.iter().enumerate() {
            writeln!(f, "{at:>3} after {pause:?}: {step:?}")?;
        }
        Ok(())
    }
}
