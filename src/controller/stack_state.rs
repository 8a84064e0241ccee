//! State of each stack between reconciles.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::controller::Action;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::certificates::StackCertificates;
use super::cluster_clouds::{AccessProblem, CloudAccess};
use super::events::Announced;
use super::member_sources::PacedSources;
use super::requeue::{self, Requeue};
use super::stack_gauge::{CountedStack, StackGauge, StackPhase};
use super::turns::Turns;
use super::written::Written;
use crate::api::{DELETION_POLICY_ANNOTATION, LoadBalancerStack, LoadBalancerStackStatus};
use crate::engine::{Memory, PendingCreates, Retry};

/// State of all stacks, by UID.
pub(super) struct StackStates {
    states: Mutex<HashMap<String, StackState>>,
    pub gauge: StackGauge,
    turns: Turns,
}

/// State of one stack. Losing it costs calls and repeats Events, nothing more.
#[derive(Default)]
pub(super) struct StackState {
    pub memory: Memory,
    /// Pending creates that this process wrote and its view of the cluster may not show yet.
    pub pending_creates: Option<Written<PendingCreates>>,
    /// Likewise a status.
    pub reported: Option<Written<LoadBalancerStackStatus>>,
    pub announced: Announced,
    /// The state that metrics count the stack in.
    pub counted: Option<CountedStack>,
    /// Endpoints of the member sources.
    pub sources: PacedSources,
    /// Facts about the certificates in the cluster.
    pub certificates: StackCertificates,
    /// Set once this process has reconciled the stack before its deletion.
    pub seen_alive: bool,
    deleting_since: Option<Instant>,
    failures: u32,
    due: Due,
    trigger: Option<ReconcileTrigger>,
    /// Version of the Secret at the last reconcile.
    secret: Option<String>,
    /// Access to a cloud that namespaces share, at the last reconcile.
    access: Option<Result<CloudAccess, AccessProblem>>,
    /// Fingerprint of the credentials of the last reconcile that had some.
    credentials: Option<u64>,
    /// The generation, and the time since which it is known; no time once it was Ready.
    generation_since: Option<(i64, Option<Instant>)>,
    /// Generation that was reported as invalid.
    invalid: Option<Option<i64>>,
}

/// Time before which a stack that looks the same needs no reconcile.
#[derive(Default)]
enum Due {
    /// The first reconcile is due at once.
    #[default]
    Now,
    At(Instant),
    /// Not before the stack changes.
    Never,
    /// Not at all: the stack has ended, and the watch will show it.
    Ended,
}

/// Digest of the inputs whose change triggers a reconcile. The controller's own writes of status are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReconcileTrigger(u64);

/// Inputs of a reconcile. References to other objects of the cluster will join them.
#[derive(Hash)]
struct Inputs<'a> {
    generation: Option<i64>,
    deleting: bool,
    finalizers: &'a [String],
    deletion_policy: Option<&'a String>,
    has_status: bool,
}

impl ReconcileTrigger {
    pub(super) fn of(stack: &LoadBalancerStack) -> Self {
        let inputs = Inputs {
            generation: stack.metadata.generation,
            deleting: stack.metadata.deletion_timestamp.is_some(),
            finalizers: stack.finalizers(),
            deletion_policy: stack.annotations().get(DELETION_POLICY_ANNOTATION),
            has_status: stack.status.as_ref().is_some_and(|status| !status.conditions.is_empty()),
        };
        let mut digest = DefaultHasher::new();
        inputs.hash(&mut digest);
        Self(digest.finish())
    }
}

impl StackStates {
    pub(super) fn new(gauge: StackGauge) -> Self {
        Self { states: Mutex::default(), gauge, turns: Turns::default() }
    }

    /// Takes the state of a stack out, for the time of a reconcile.
    pub(super) fn take(&self, uid: &str) -> StackState {
        self.states.lock().remove(uid).unwrap_or_default()
    }

    pub(super) fn put(&self, uid: String, state: StackState) {
        self.states.lock().insert(uid, state);
    }

    /// Puts the state of a stack back, and schedules its next reconcile.
    pub(super) fn schedule(&self, stack: &LoadBalancerStack, mut state: StackState, requeue: Requeue) -> Action {
        let retry = match requeue {
            Requeue::Ended => {
                self.put(stack.uid().unwrap_or_default(), StackState::ended());
                return Action::await_change();
            }
            Requeue::Rest(left) => {
                let left = state.sooner(left);
                self.put(stack.uid().unwrap_or_default(), state);
                return left.map_or_else(Action::await_change, Action::requeue);
            }
            Requeue::Throttled => Retry::After(self.turns.take(&stack.namespace().unwrap_or_default())),
            Requeue::Retry(retry) => {
                state.count_failure(retry);
                retry
            }
        };
        let delay = requeue::delay(retry, state.failures, stack.spec.resync_period());
        state.due = delay.map_or(Due::Never, |delay| Due::At(Instant::now() + delay));
        let delay = state.sooner(delay);
        self.put(stack.uid().unwrap_or_default(), state);
        delay.map_or_else(Action::await_change, Action::requeue)
    }

    /// Tells whether this generation of a stack is reported as invalid for the first time.
    pub(super) fn is_newly_invalid(&self, uid: &str, generation: Option<i64>) -> bool {
        let mut state = self.take(uid);
        let is_new = state.invalid.replace(generation) != Some(generation);
        self.gauge.count(&mut state.counted, StackPhase::Stalled);
        self.put(uid.to_owned(), state);
        is_new
    }

    /// Forgets stacks that are gone.
    pub(super) fn retain(&self, exists: impl Fn(&str) -> bool) {
        self.states.lock().retain(|uid, _| exists(uid));
    }
}

impl StackState {
    /// State of a stack whose finalizer is gone. What this process still sees of it is out of date.
    fn ended() -> Self {
        Self { due: Due::Ended, ..Self::default() }
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.due, Due::Ended)
    }

    /// Tells whether a reconcile of a stack with these inputs is due. Changed inputs are due at once, and reset the
    /// backoff.
    pub(super) fn is_due(&mut self, trigger: ReconcileTrigger) -> bool {
        self.invalid = None;
        if self.trigger == Some(trigger) {
            return match self.due {
                Due::Now => true,
                Due::At(due) => due <= Instant::now(),
                Due::Never | Due::Ended => false,
            };
        }
        if self.trigger.replace(trigger).is_some() {
            self.reset();
        }
        true
    }

    /// Time before the next reconcile is due; `None`: not before the stack changes.
    pub(super) fn remaining_delay(&self) -> Option<Duration> {
        match self.due {
            Due::Now => Some(Duration::ZERO),
            Due::At(due) => Some(due.saturating_duration_since(Instant::now())),
            Due::Never | Due::Ended => None,
        }
    }

    /// The delay, or the time before a change of the members that waits or a date of a certificate, if that is sooner.
    fn sooner(&self, delay: Option<Duration>) -> Option<Duration> {
        let times = self.sources.wake_at().into_iter().chain(self.certificates.wake_at());
        let waits = times.map(|time| time.saturating_duration_since(Instant::now()));
        delay.into_iter().chain(waits).min()
    }

    /// Tells whether the Secret has another version than at the last reconcile. Its contents may still be the same: a tool
    /// that annotates it makes a new version too.
    pub(super) fn secret_changed(&mut self, version: Option<String>) -> bool {
        let changed = self.secret != version;
        self.secret = version;
        changed
    }

    /// Tells whether the access to a cloud that namespaces share has changed since the last reconcile: the grant, what it
    /// allows, or its credentials. A change resets the backoff.
    pub(super) fn access_changed(&mut self, access: Option<Result<CloudAccess, AccessProblem>>) -> bool {
        let changed = self.access != access;
        if changed {
            self.access = access;
            self.reset();
        }
        changed
    }

    pub(super) fn has_same_credentials(&self, credentials: u64) -> bool {
        self.credentials == Some(credentials)
    }

    /// Records the credentials of a reconcile; other ones than before reset the backoff.
    pub(super) fn record_credentials(&mut self, credentials: u64) {
        if self.credentials.replace(credentials).is_some_and(|last| last != credentials) {
            self.reset();
        }
    }

    fn reset(&mut self) {
        self.memory.invalidate();
        self.failures = 0;
    }

    pub(super) fn remember_status(&mut self, written: Option<Written<LoadBalancerStackStatus>>) {
        if written.is_some() {
            self.reported = written;
        }
    }

    /// Time from the first sight of a generation to Ready, once for each generation: recovery is not measured.
    pub(super) fn time_to_ready(&mut self, generation: i64, ready: bool) -> Option<Duration> {
        let since = match self.generation_since {
            Some((known, since)) if known == generation => since,
            _ => Some(Instant::now()),
        };
        self.generation_since = Some((generation, since.filter(|_| !ready)));
        since.filter(|_| ready).map(|since| since.elapsed())
    }

    /// Time since the deletion of the stack was first seen.
    pub(super) fn deletion_age(&mut self) -> Duration {
        self.deleting_since.get_or_insert_with(Instant::now).elapsed()
    }

    fn count_failure(&mut self, retry: Retry) {
        self.failures = if requeue::grows(retry) { self.failures.saturating_add(1) } else { 0 };
    }
}
