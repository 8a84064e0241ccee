//! A schedule: steps, and the pause before each.

use std::fmt;
use std::time::Duration;

use super::step::{self, Step};
use evenkeel_simulators::random_cluster::{ClusterChange, Dice, RandomCluster, Shape, draw_spec};

pub struct Schedule {
    pub seed: u64,
    /// Names of the stacks that the schedule uses.
    pub stacks: Vec<&'static str>,
    /// Delay of every request to the API server. It opens more moments for a crash.
    pub latency: Duration,
    /// The credentials are those of a ClusterOpenStackCloud.
    pub shared_cloud: bool,
    /// The objects that stacks refer to, at the beginning.
    pub cluster: RandomCluster,
    pub steps: Vec<(Duration, Step)>,
    /// The last change of these objects: all of them can be used.
    pub healed: ClusterChange,
}

const NAMES: [&str; 4] = ["web", "api", "mail", "docs"];

impl Schedule {
    pub fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let stacks = NAMES[..dice.pick(&[1, 1, 1, 1, 2, 4])].to_vec();
        let latency = Duration::from_millis(dice.pick(&[0, 1, 15]));
        let mut cluster = RandomCluster::draw(&mut dice);
        let first = cluster.clone();
        let shape = Shape { dual_stack: dice.chance(30), shared_cloud: dice.chance(30) };
        let mut steps: Vec<_> =
            (0..stacks.len()).map(|stack| (Duration::ZERO, Step::Apply(stack, draw_spec(&mut dice, shape)))).collect();
        for _ in 0..dice.pick(&[2, 3, 4, 10]) {
            let pause = match dice.below(10) {
                0..4 => dice.millis(0, 400),
                4..8 => dice.millis(400, 4_000),
                8 => dice.millis(4_000, 30_000),
                _ => dice.millis(30_000, 170_000),
            };
            steps.push((pause, step::draw(&mut dice, stacks.len(), shape, &mut cluster)));
        }
        let healed = cluster.heal();
        Self { seed, stacks, latency, shared_cloud: shape.shared_cloud, cluster: first, steps, healed }
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
