//! The gauge of stacks by state.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::conditions::{self, PAUSED, READY, STALLED};
use crate::api::{Condition, ConditionStatus, LoadBalancerStack};
use crate::metrics::StateLabel;

/// State of a stack in one word: the first that holds, in the order of `of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StackPhase {
    Ready,
    Reconciling,
    Stalled,
    Paused,
    Deleting,
}

impl StackPhase {
    const ALL: [Self; 5] = [Self::Ready, Self::Reconciling, Self::Stalled, Self::Paused, Self::Deleting];

    pub(super) fn of(conditions: &[Condition], deleting: bool) -> Self {
        let holds = |kind: &str| conditions::find(conditions, kind).is_some_and(|c| c.status == ConditionStatus::True);
        if deleting {
            Self::Deleting
        } else if holds(PAUSED) {
            Self::Paused
        } else if holds(STALLED) {
            Self::Stalled
        } else if holds(READY) {
            Self::Ready
        } else {
            Self::Reconciling
        }
    }

    fn label(self) -> StateLabel {
        StateLabel {
            state: match self {
                Self::Ready => "Ready",
                Self::Reconciling => "Reconciling",
                Self::Stalled => "Stalled",
                Self::Paused => "Paused",
                Self::Deleting => "Deleting",
            },
        }
    }
}

/// Gauge of all stacks. Every state has a value from the start, so that an alert on one of them can tell 0 from nothing.
#[derive(Debug, Clone)]
pub(super) struct StackGauge(Family<StateLabel, Gauge>);

impl StackGauge {
    pub(super) fn new(gauges: Family<StateLabel, Gauge>) -> Self {
        for phase in StackPhase::ALL {
            gauges.get_or_create(&phase.label()).set(0);
        }
        Self(gauges)
    }

    /// Counts a stack in this state, instead of the one that it was counted in.
    pub(super) fn count(&self, stack: &mut Option<CountedStack>, phase: StackPhase) {
        if stack.as_ref().is_none_or(|counted| counted.phase != phase) {
            let gauge = self.0.get_or_create(&phase.label()).clone();
            gauge.inc();
            *stack = Some(CountedStack { phase, gauge });
        }
    }

    /// Counts a stack that this process sees for the first time, by its status.
    pub(super) fn count_first(&self, counted: &mut Option<CountedStack>, stack: &LoadBalancerStack) {
        if counted.is_none() {
            let conditions = stack.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
            self.count(counted, StackPhase::of(conditions, stack.metadata.deletion_timestamp.is_some()));
        }
    }
}

/// A stack as it is counted; no longer once this is dropped.
#[derive(Debug)]
pub(super) struct CountedStack {
    phase: StackPhase,
    gauge: Gauge,
}

impl Drop for CountedStack {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}
