//! Metrics and log of outcomes.

use super::conditions::{self, ConditionInputs};
use super::stack_state::StackState;
use crate::engine::{Outcome, Retry, State, WaitReason};
use crate::metrics::{Metrics, ResultLabel, StepLabel};

/// Counts an outcome in the metrics.
pub(super) fn measure(metrics: &Metrics, state: &mut StackState, outcome: &Outcome, inputs: ConditionInputs<'_>) {
    metrics.reconciles.get_or_create(&ResultLabel { result: label(&outcome.state).to_owned() }).inc();
    if let Some(step) = &outcome.executed {
        let label =
            StepLabel { kind: step.kind.noun().to_lowercase().replace(' ', "_"), verb: step.call.verb().to_owned() };
        metrics.steps.get_or_create(&label).inc();
        let drift = !inputs.deleting && conditions::was_ready(inputs.previous, inputs.generation);
        if drift && !state.announced.drifting {
            state.announced.drifting = true;
            metrics.drift.inc();
        }
    }
    if matches!(outcome.state, State::Waiting { reason: WaitReason::Locked | WaitReason::StuckPending, .. }) {
        metrics.lock_waits.inc();
    }
    if let Some(took) = state.time_to_ready(inputs.generation, outcome.state == State::InSync)
        && !conditions::was_ready(inputs.previous, inputs.generation)
    {
        metrics.time_to_ready.observe(took.as_secs_f64());
    }
}

/// Label of the state in metrics and log.
fn label(state: &State) -> &'static str {
    match state {
        State::InSync | State::Observed { differs: false } => "InSync",
        State::Progressing => "Progressing",
        State::Waiting { reason, .. } => reason.as_str(),
        State::Blocked { .. } => "Blocked",
        State::Stalled { reason, .. } => reason.as_str(),
        State::Observed { differs: true } => "OutOfSync",
        State::Deleted => "Deleted",
        State::Orphaned { .. } => "Orphaned",
    }
}

/// Logs an outcome. Repeated ones are for debugging only.
pub(super) fn log(outcome: &Outcome, inputs: ConditionInputs<'_>) {
    let result = label(&outcome.state);
    // A stack that waits for a floating IP is reconciled every few seconds.
    let often = matches!(outcome.retry, Retry::After(_));
    match &outcome.state {
        State::Stalled { reason, message }
            if often && conditions::is_reported(inputs.previous, inputs.generation, reason.as_str()) =>
        {
            tracing::debug!(result, message);
        }
        State::Waiting { reason: WaitReason::Locked, message } => tracing::debug!(result, message),
        State::Waiting { message, .. } | State::Blocked { message } => tracing::info!(result, message),
        State::Stalled { message, .. } => tracing::warn!(result, message),
        State::InSync | State::Observed { .. } => tracing::debug!(result),
        State::Progressing | State::Deleted | State::Orphaned { .. } => tracing::info!(result),
    }
}
