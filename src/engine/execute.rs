//! Executes one step of a plan, and turns the answer into an outcome.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Plan, Step};
use crate::openstack::{CloudError, Done, ErrorClass};

use super::backoff::NextStep;
use super::memory::Memory;
use super::outcome::{Observed, Outcome, Retry, State};
use super::reconciliation::Reconciliation;
use super::settings::FIRST_POLL;

/// A step of Neutron locks nothing: the next one may follow at once.
pub(super) const AT_ONCE: Retry = Retry::After(Duration::ZERO);

impl Reconciliation<'_> {
    /// Executes a step of a plan; what is left of the plan goes into the outcome.
    pub(super) async fn execute(&self, step: Step, mut plan: Plan, observed: Observed, memory: &mut Memory) -> Outcome {
        let mut outcome = match self.send(&step, memory).await {
            Ok(_) => {
                plan.steps.retain(|planned| *planned != step);
                let retry = if step.call.is_octavia() { Retry::After(FIRST_POLL) } else { AT_ONCE };
                let mut outcome = Outcome::new(State::Progressing, retry);
                outcome.executed = Some(step);
                outcome
            }
            Err(error) => self.step_failed(error, &step, &plan, &observed, memory).await,
        };
        outcome.observed = observed;
        outcome.with_plan(plan)
    }

    /// Sends the call of a step and remembers that it was accepted.
    pub(super) async fn send(&self, step: &Step, memory: &mut Memory) -> Result<Done, CloudError> {
        tracing::info!(step = %step, "executing");
        let done = self.cloud.execute(step).await?;
        accepted(step, memory);
        Ok(done)
    }

    async fn step_failed(
        &self,
        mut error: CloudError,
        step: &Step,
        plan: &Plan,
        observed: &Observed,
        memory: &mut Memory,
    ) -> Outcome {
        if error.class == ErrorClass::Locked {
            memory.locked_since.get_or_insert_with(Instant::now);
        }
        let conflicts = error.class == ErrorClass::Conflict && step.call.is_octavia();
        if conflicts && memory.backoff.repeats_conflict(step) {
            error.class = ErrorClass::Rejected;
        }
        let rejected = matches!(error.class, ErrorClass::Quota | ErrorClass::Rejected);
        if rejected {
            memory.backoff.rejected(step, &error);
        }
        let missing = self.missing(&error, step, observed).await;
        let mut outcome = missing.unwrap_or_else(|| Outcome::failed(error));
        if rejected && let Some(next) = memory.backoff.next_runnable(&plan.steps) {
            outcome.retry = match next {
                NextStep::Run { .. } => AT_ONCE,
                NextStep::AllDelayed(delay) => Retry::After(delay.left),
            };
        }
        outcome
    }
}

/// Remembers a step that the cloud accepted.
pub(super) fn accepted(step: &Step, memory: &mut Memory) {
    memory.created_tree = None;
    memory.backoff.accepted(step);
    memory.history.executed(step);
    memory.locked_since = step.call.is_octavia().then(Instant::now);
}
