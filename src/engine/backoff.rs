//! Backoff for each step that Octavia rejects, or accepts without an effect.
//!
//! Octavia accepts a change, its data plane does not (haproxy rejects the configuration, an agent is gone), and the
//! object is in ERROR. The plan then holds the same step again, and would for ever: each try is a write and a reload.
//! So a step that comes back waits longer each time, and the rest of the plan goes on: it may be the very cure, since
//! one bad object spoils the configuration of the whole load balancer.
//!
//! Members of a Service come and go by themselves. So a step that took effect may be due again although the load balancer
//! was never seen in sync: after such a change, steps that are not in the plan any more are forgotten.
//!
//! A step that Octavia rejects comes back likewise; so does one that is still in conflict after a new observation. Behind it
//! only members go on: a step planned after it may build on it (a pool is deleted once no listener needs it any more),
//! members build on nothing. They may also free the quota that it lacks.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Kind, Step, StepReason};
use crate::openstack::{CloudError, ErrorClass};

use super::settings::QUOTA_RETRY;

/// Delay before the third try; the second comes at once, because most troubles pass.
const FIRST: Duration = Duration::from_secs(5);
const MOST: Duration = Duration::from_secs(600);
/// Delay after a rejection: the same call will hardly be accepted.
const FIRST_REJECTED: Duration = Duration::from_secs(60);
const MOST_REJECTED: Duration = Duration::from_secs(3600);

/// Steps that were tried since the load balancer was last in sync.
#[derive(Debug, Default)]
pub(super) struct StepBackoff {
    tried: Vec<Tried>,
}

#[derive(Debug)]
struct Tried {
    step: Step,
    times: u32,
    again: Instant,
    rejection: Option<CloudError>,
    /// Set when the last answer was a conflict.
    conflicts: bool,
}

/// Time that a step has to wait, and the rejection if that is the reason.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Delay {
    pub left: Duration,
    pub rejection: Option<CloudError>,
}

/// The part of a plan that may run now.
#[derive(Debug, PartialEq)]
pub(super) enum NextStep<'a> {
    /// This step; `instead` is the delay of an earlier one that has to wait.
    Run { step: &'a Step, instead: Option<Delay> },
    /// No step may run before this delay is over.
    AllDelayed(Delay),
}

impl StepBackoff {
    /// The first step that may run now, if there is any; `None` for an empty plan.
    pub(super) fn next_runnable<'a>(&self, steps: &'a [Step]) -> Option<NextStep<'a>> {
        let first = steps.first()?;
        let Some(delay) = self.delay(first) else { return Some(NextStep::Run { step: first, instead: None }) };
        let delays: Vec<Option<Delay>> = steps.iter().map(|step| self.delay(step)).collect();
        let rejected = delays.iter().flatten().any(|delay| delay.rejection.is_some());
        let goes_on = |step: &Step| step.depends_on.is_none() && (!rejected || step.kind == Kind::Member);
        let other = steps.iter().zip(&delays).find(|(step, delay)| delay.is_none() && goes_on(step));
        Some(match other {
            Some((step, _)) => NextStep::Run { step, instead: Some(delay) },
            None => {
                let left = delays.into_iter().flatten().map(|delay| delay.left).min()?;
                NextStep::AllDelayed(Delay { left, ..delay })
            }
        })
    }

    /// Time that this step has to wait, if any.
    pub(super) fn delay(&self, step: &Step) -> Option<Delay> {
        let tried = self.tried.iter().find(|tried| tried.step.repeats(step))?;
        let left = tried.again.saturating_duration_since(Instant::now());
        (!left.is_zero()).then(|| Delay { left, rejection: tried.rejection.clone() })
    }

    /// Records that Octavia has accepted the step.
    pub(super) fn accepted(&mut self, step: &Step) {
        let tried = self.tried(step);
        tried.rejection = None;
        tried.conflicts = false;
        if tried.times > 1 {
            tried.again = Instant::now() + doubled(FIRST, tried.times - 2).min(MOST);
        }
    }

    /// Records a conflict, and says whether the last answer was one too. A new observation may show the reason of the first;
    /// the same answer to the same step after that is a rejection.
    pub(super) fn repeats_conflict(&mut self, step: &Step) -> bool {
        std::mem::replace(&mut self.entry(step).conflicts, true)
    }

    /// Records that Octavia has rejected the step.
    pub(super) fn rejected(&mut self, step: &Step, error: &CloudError) {
        let tried = self.tried(step);
        tried.rejection = Some(error.clone());
        tried.again = Instant::now()
            + match error.class {
                ErrorClass::Quota => QUOTA_RETRY,
                _ => doubled(FIRST_REJECTED, tried.times - 1).min(MOST_REJECTED),
            };
    }

    /// Forgets steps that took effect: Octavia has accepted them, and a plan that heals nothing holds them no more.
    pub(super) fn forget_effective(&mut self, plan: &[Step]) {
        if plan.iter().any(|step| step.reason == StepReason::Heal) {
            return;
        }
        let is_left = |tried: &Tried| plan.iter().any(|step| tried.step.repeats(step));
        self.tried.retain(|tried| tried.rejection.is_some() || tried.conflicts || is_left(tried));
    }

    pub(super) fn forget(&mut self) {
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
                step: step.clone().without_content(),
                times: 0,
                again: Instant::now(),
                rejection: None,
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
    use crate::engine::fixtures;
    use crate::model::Call;

    fn step(id: &str) -> Step {
        let call = Call::Update { parent: None, id: id.to_owned(), body: Default::default() };
        fixtures::step(Kind::Pool, id, call, StepReason::Heal)
    }

    fn rejection(class: ErrorClass) -> CloudError {
        CloudError::new(class, "load-balancer", "PUT /v2/lbaas/pools/a/members", "no").with_status(403)
    }

    #[tokio::test(start_paused = true)]
    async fn repeated_step_waits_longer_each_time() {
        let (mut backoff, plan) = (StepBackoff::default(), [step("a")]);
        let mut waited = Vec::new();
        for _ in 0..10 {
            if let Some(NextStep::AllDelayed(delay)) = backoff.next_runnable(&plan) {
                waited.push(delay.left.as_secs());
                tokio::time::advance(delay.left).await;
            }
            assert_eq!(backoff.next_runnable(&plan), Some(NextStep::Run { step: &plan[0], instead: None }));
            backoff.accepted(&plan[0]);
        }
        assert_eq!(waited, [5, 10, 20, 40, 80, 160, 320, 600]);
        backoff.forget();
        assert_eq!(backoff.next_runnable(&plan), Some(NextStep::Run { step: &plan[0], instead: None }));
        assert_eq!(backoff.next_runnable(&[]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn effective_step_is_forgotten_unless_something_heals() {
        let (mut backoff, error) = (StepBackoff::default(), rejection(ErrorClass::Rejected));
        let wanted = |id: &str| Step { reason: StepReason::Wanted, ..step(id) };
        for id in ["a", "a", "b", "b"] {
            backoff.accepted(&wanted(id));
        }
        backoff.rejected(&wanted("c"), &error);
        backoff.forget_effective(&[step("d")]);
        assert!(backoff.delay(&wanted("a")).is_some(), "a step that heals shows that something had no effect");
        backoff.forget_effective(&[wanted("b")]);
        let delayed = ["a", "b", "c"].map(|id| backoff.delay(&wanted(id)).is_some());
        assert_eq!(delayed, [false, true, true], "one is in the plan still, one was rejected");
    }

    #[tokio::test(start_paused = true)]
    async fn delayed_step_does_not_block_plan() {
        let waiting = Step { depends_on: Some("pool a".to_owned()), ..step("b") };
        let (mut backoff, plan) = (StepBackoff::default(), [step("a"), waiting, step("c")]);
        backoff.accepted(&plan[0]);
        backoff.accepted(&plan[0]);
        let delay = Delay { left: Duration::from_secs(5), rejection: None };
        assert_eq!(backoff.next_runnable(&plan), Some(NextStep::Run { step: &plan[2], instead: Some(delay.clone()) }));
        backoff.accepted(&plan[2]);
        backoff.accepted(&plan[2]);
        assert_eq!(backoff.next_runnable(&plan), Some(NextStep::AllDelayed(delay)));
    }

    #[tokio::test(start_paused = true)]
    async fn rejected_step_blocks_all_but_members() {
        let members = Step { kind: Kind::Member, ..step("c") };
        let (mut backoff, plan) = (StepBackoff::default(), [step("a"), step("b"), members]);
        let error = rejection(ErrorClass::Quota);
        backoff.rejected(&plan[0], &error);
        let delay = Delay { left: QUOTA_RETRY, rejection: Some(error) };
        assert_eq!(backoff.next_runnable(&plan), Some(NextStep::Run { step: &plan[2], instead: Some(delay.clone()) }));
        assert_eq!(backoff.next_runnable(&plan[..2]), Some(NextStep::AllDelayed(delay)));
        tokio::time::advance(QUOTA_RETRY).await;
        assert_eq!(backoff.next_runnable(&plan), Some(NextStep::Run { step: &plan[0], instead: None }));
    }

    #[tokio::test(start_paused = true)]
    async fn rejection_backs_off_and_quota_is_retried_each_minute() {
        for (class, expected) in [(ErrorClass::Rejected, [60, 120, 240, 480]), (ErrorClass::Quota, [60; 4])] {
            let (mut backoff, plan) = (StepBackoff::default(), [step("a")]);
            let waited = expected.map(|_| {
                backoff.rejected(&plan[0], &rejection(class.clone()));
                backoff.delay(&plan[0]).unwrap().left.as_secs()
            });
            assert_eq!(waited, expected);
        }
    }
}
