//! Patience with changes that do not take effect.
//!
//! Octavia takes a change, its data plane does not (haproxy refuses the configuration, an agent is gone), and the object
//! is in ERROR. The plan then holds the same step again, and would for ever: each try is a write and a reload. So a step
//! that comes back waits longer each time, and what else the plan holds goes on: it may be the very cure, since one bad
//! object spoils the configuration of the whole load balancer.

use std::time::Duration;

use tokio::time::Instant;

use crate::plan::Step;

/// Before the third try; the second comes at once, because most troubles pass.
const FIRST: Duration = Duration::from_secs(5);
const MOST: Duration = Duration::from_secs(600);

/// What was executed since the load balancer was last as the stack says.
#[derive(Debug, Default)]
pub(super) struct Patience {
    tried: Vec<Tried>,
}

#[derive(Debug)]
struct Tried {
    step: Step,
    times: u32,
    again: Instant,
}

/// What of a plan may run.
#[derive(Debug, PartialEq)]
pub(super) enum Turn<'a> {
    /// This step. `instead` of one that has to wait for so long.
    Of { step: &'a Step, instead: Option<Duration> },
    /// None yet, for so long.
    None(Duration),
}

impl Patience {
    /// The first step that may run now, if there is any; `None` for an empty plan.
    pub fn choose<'a>(&self, steps: &'a [Step]) -> Option<Turn<'a>> {
        let first = steps.first()?;
        let left = self.left(first);
        if left.is_zero() {
            return Some(Turn::Of { step: first, instead: None });
        }
        let other = steps.iter().find(|step| step.waits.is_none() && self.left(step).is_zero());
        Some(match other {
            Some(step) => Turn::Of { step, instead: Some(left) },
            None => Turn::None(steps.iter().map(|step| self.left(step)).filter(|left| !left.is_zero()).min()?),
        })
    }

    /// Octavia has taken it.
    pub fn taken(&mut self, step: &Step) {
        match self.tried.iter_mut().find(|tried| tried.step == *step) {
            Some(tried) => {
                tried.times += 1;
                let doubled = FIRST.saturating_mul(1 << (tried.times - 2).min(10));
                tried.again = Instant::now() + doubled.min(MOST);
            }
            None => self.tried.push(Tried { step: step.clone(), times: 1, again: Instant::now() }),
        }
    }

    pub fn forget(&mut self) {
        self.tried.clear();
    }

    fn left(&self, step: &Step) -> Duration {
        let tried = self.tried.iter().find(|tried| tried.step == *step);
        tried.map(|tried| tried.again.saturating_duration_since(Instant::now())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Call, Impact, Kind, Why};

    fn step(id: &str) -> Step {
        Step {
            kind: Kind::Pool,
            name: id.to_owned(),
            call: Call::Update { parent: None, id: id.to_owned(), body: Default::default() },
            changes: Vec::new(),
            impact: Impact::None,
            why: Why::Heal,
            waits: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_back_waits_longer_each_time() {
        let (mut patience, plan) = (Patience::default(), [step("a")]);
        let mut waited = Vec::new();
        for _ in 0..10 {
            if let Some(Turn::None(left)) = patience.choose(&plan) {
                waited.push(left.as_secs());
                tokio::time::advance(left).await;
            }
            assert_eq!(patience.choose(&plan), Some(Turn::Of { step: &plan[0], instead: None }));
            patience.taken(&plan[0]);
        }
        assert_eq!(waited, [5, 10, 20, 40, 80, 160, 320, 600]);
        patience.forget();
        assert_eq!(patience.choose(&plan), Some(Turn::Of { step: &plan[0], instead: None }));
        assert_eq!(patience.choose(&[]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_of_the_plan_goes_on() {
        let waiting = Step { waits: Some("pool a".to_owned()), ..step("b") };
        let (mut patience, plan) = (Patience::default(), [step("a"), waiting, step("c")]);
        patience.taken(&plan[0]);
        patience.taken(&plan[0]);
        let left = Duration::from_secs(5);
        assert_eq!(patience.choose(&plan), Some(Turn::Of { step: &plan[2], instead: Some(left) }));
        patience.taken(&plan[2]);
        patience.taken(&plan[2]);
        assert_eq!(patience.choose(&plan), Some(Turn::None(left)));
    }
}
