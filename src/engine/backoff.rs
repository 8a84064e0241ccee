//! Patience with changes that do not take effect, and with those that are refused.
//!
//! Octavia takes a change, its data plane does not (haproxy refuses the configuration, an agent is gone), and the object
//! is in ERROR. The plan then holds the same step again, and would for ever: each try is a write and a reload. So a step
//! that comes back waits longer each time, and what else the plan holds goes on: it may be the very cure, since one bad
//! object spoils the configuration of the whole load balancer.
//!
//! A step that Octavia refuses comes back likewise; so does one that is still in conflict with what is there after a new
//! look. Behind it only members go on: what is planned after it may build on it (a pool goes once no listener needs it any
//! more), members build on nothing. They may also make the room that a quota lacks.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Kind, Step};
use crate::openstack::{CloudError, ErrorClass};

/// Before the third try; the second comes at once, because most troubles pass.
const FIRST: Duration = Duration::from_secs(5);
const MOST: Duration = Duration::from_secs(600);
/// Somebody may make room at any time, and nothing tells.
const FOR_ROOM: Duration = Duration::from_secs(60);
/// The same call will hardly be accepted.
const FIRST_REFUSED: Duration = Duration::from_secs(60);
const MOST_REFUSED: Duration = Duration::from_secs(3600);

/// What was tried since the load balancer was last as the stack says.
#[derive(Debug, Default)]
pub(super) struct StepBackoff {
    tried: Vec<Tried>,
}

#[derive(Debug)]
struct Tried {
    step: Step,
    times: u32,
    again: Instant,
    refusal: Option<CloudError>,
    /// Its last answer was a conflict.
    conflicts: bool,
}

/// How long a step has to wait, and the refusal if that is why.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Delay {
    pub left: Duration,
    pub refusal: Option<CloudError>,
}

/// What of a plan may run.
#[derive(Debug, PartialEq)]
pub(super) enum NextStep<'a> {
    /// This step. `instead` of one that has to wait.
    Of { step: &'a Step, instead: Option<Delay> },
    /// None yet.
    None(Delay),
}

impl StepBackoff {
    /// The first step that may run now, if there is any; `None` for an empty plan.
    pub fn next_runnable<'a>(&self, steps: &'a [Step]) -> Option<NextStep<'a>> {
        let first = steps.first()?;
        let Some(delay) = self.delay(first) else { return Some(NextStep::Of { step: first, instead: None }) };
        let delays: Vec<Option<Delay>> = steps.iter().map(|step| self.delay(step)).collect();
        let refused = delays.iter().flatten().any(|delay| delay.refusal.is_some());
        let goes_on = |step: &Step| step.depends_on.is_none() && (!refused || step.kind == Kind::Member);
        let other = steps.iter().zip(&delays).find(|(step, delay)| delay.is_none() && goes_on(step));
        Some(match other {
            Some((step, _)) => NextStep::Of { step, instead: Some(delay) },
            None => {
                let left = delays.into_iter().flatten().map(|delay| delay.left).min()?;
                NextStep::None(Delay { left, ..delay })
            }
        })
    }

    /// How long this step has to wait, if at all.
    pub fn delay(&self, step: &Step) -> Option<Delay> {
        let tried = self.tried.iter().find(|tried| tried.step.repeats(step))?;
        let left = tried.again.saturating_duration_since(Instant::now());
        (!left.is_zero()).then(|| Delay { left, refusal: tried.refusal.clone() })
    }

    /// Octavia has taken it.
    pub fn accepted(&mut self, step: &Step) {
        let tried = self.tried(step);
        tried.refusal = None;
        tried.conflicts = false;
        if tried.times > 1 {
            tried.again = Instant::now() + doubled(FIRST, tried.times - 2).min(MOST);
        }
    }

    /// Octavia found it in conflict with what is there. A new look may show why; the same answer to the same step after
    /// that is a refusal.
    pub fn repeats_conflict(&mut self, step: &Step) -> bool {
        std::mem::replace(&mut self.entry(step).conflicts, true)
    }

    /// Octavia has refused it.
    pub fn rejected(&mut self, step: &Step, error: &CloudError) {
        let tried = self.tried(step);
        tried.refusal = Some(error.clone());
        tried.again = Instant::now()
            + match error.class {
                ErrorClass::Quota => FOR_ROOM,
                _ => doubled(FIRST_REFUSED, tried.times - 1).min(MOST_REFUSED),
            };
    }

    pub fn forget(&mut self) {
        self.tried.clear();
    }

    /// Counts one more try.
    fn tried(&mut self, step: &Step) -> &mut Tried {
        let tried = self.entry(step);
        tried.times += 1;
        tried
    }

    fn entry(&mut self, step: &Step) -> &mut Tried {
        let at = self.tried.iter().position(|tried| tried.step.repeats(step)).unwrap_or_else(|| {
            self.tried.push(Tried {
                step: step.clone(),
                times: 0,
                again: Instant::now(),
                refusal: None,
                conflicts: false,
            });
            self.tried.len() - 1
        });
        &mut self.tried[at]
    }
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(1 << times.min(10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Call, Impact, Kind, StepReason};

    fn step(id: &str) -> Step {
        Step {
            kind: Kind::Pool,
            name: id.to_owned(),
            call: Call::Update { parent: None, id: id.to_owned(), body: Default::default() },
            changes: Vec::new(),
            impact: Impact::None,
            reason: StepReason::Heal,
            depends_on: None,
        }
    }

    fn refusal(class: ErrorClass) -> CloudError {
        CloudError::new(class, "load-balancer", "PUT /v2/lbaas/pools/a/members", "no").with_status(403)
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_back_waits_longer_each_time() {
        let (mut patience, plan) = (StepBackoff::default(), [step("a")]);
        let mut waited = Vec::new();
        for _ in 0..10 {
            if let Some(NextStep::None(delay)) = patience.next_runnable(&plan) {
                waited.push(delay.left.as_secs());
                tokio::time::advance(delay.left).await;
            }
            assert_eq!(patience.next_runnable(&plan), Some(NextStep::Of { step: &plan[0], instead: None }));
            patience.accepted(&plan[0]);
        }
        assert_eq!(waited, [5, 10, 20, 40, 80, 160, 320, 600]);
        patience.forget();
        assert_eq!(patience.next_runnable(&plan), Some(NextStep::Of { step: &plan[0], instead: None }));
        assert_eq!(patience.next_runnable(&[]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_of_the_plan_goes_on() {
        let waiting = Step { depends_on: Some("pool a".to_owned()), ..step("b") };
        let (mut patience, plan) = (StepBackoff::default(), [step("a"), waiting, step("c")]);
        patience.accepted(&plan[0]);
        patience.accepted(&plan[0]);
        let delay = Delay { left: Duration::from_secs(5), refusal: None };
        assert_eq!(patience.next_runnable(&plan), Some(NextStep::Of { step: &plan[2], instead: Some(delay.clone()) }));
        patience.accepted(&plan[2]);
        patience.accepted(&plan[2]);
        assert_eq!(patience.next_runnable(&plan), Some(NextStep::None(delay)));
    }

    #[tokio::test(start_paused = true)]
    async fn behind_a_refusal_only_members_go_on() {
        let members = Step { kind: Kind::Member, ..step("c") };
        let (mut patience, plan) = (StepBackoff::default(), [step("a"), step("b"), members]);
        let error = refusal(ErrorClass::Quota);
        patience.rejected(&plan[0], &error);
        let delay = Delay { left: FOR_ROOM, refusal: Some(error) };
        assert_eq!(patience.next_runnable(&plan), Some(NextStep::Of { step: &plan[2], instead: Some(delay.clone()) }));
        assert_eq!(patience.next_runnable(&plan[..2]), Some(NextStep::None(delay)));
        tokio::time::advance(FOR_ROOM).await;
        assert_eq!(patience.next_runnable(&plan), Some(NextStep::Of { step: &plan[0], instead: None }));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_is_asked_ever_more_rarely_but_room_is_looked_for_each_minute() {
        for (class, expected) in [(ErrorClass::Rejected, [60, 120, 240, 480]), (ErrorClass::Quota, [60; 4])] {
            let (mut patience, plan) = (StepBackoff::default(), [step("a")]);
            let waited = expected.map(|_| {
                patience.rejected(&plan[0], &refusal(class.clone()));
                patience.delay(&plan[0]).unwrap().left.as_secs()
            });
            assert_eq!(waited, expected);
        }
    }
}
