//! The memory of one stack between reconciles. It saves calls; nothing that is correct depends on it.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Desired, ObservedFloatingIp, ObservedTree, Plan, Problem};

use super::addresses::Conflicts;
use super::backoff::StepBackoff;
use super::contended::Contended;
use super::outcome::{Outcome, State};
use super::pending_create::{REMEMBERED, Record};
use super::service_history::ServiceHistory;
use super::step_history::StepHistory;
use super::stop::Stop;

/// Everything that the reconciles of one stack remember between them. Losing it costs calls, never correctness.
#[derive(Debug, Default)]
pub struct Memory {
    /// Tree in the response to the create, until its statuses are confirmed.
    pub(super) created_tree: Option<ObservedTree>,
    /// Set after a reconcile that left something in flight, and after a change of the stack or its members. Otherwise, and after a
    /// start, lists shared with other stacks suffice: a restart among a thousand stacks at rest costs some lists, not a
    /// thousand trees.
    pub(super) needs_fresh_read: bool,
    /// End of the last reconcile that read the tree itself or wrote to it. Shared lists that began earlier may show the
    /// tree as it was before.
    pub(super) read_itself_at: Option<Instant>,
    /// Time since which every observation has found the load balancer locked.
    pub(super) locked_since: Option<Instant>,
    /// Conflicts about each remembered address.
    pub(super) address_conflicts: Conflicts,
    /// Creates that failed within Octavia, since the last one that did not.
    pub(super) failed_creates: u32,
    /// Last create that Octavia rejected.
    pub(super) rejected_create: Option<RejectedCreate>,
    /// Creates on record, each with the time since which this process knows of it; the one asked for last is the last.
    known_attempts: Vec<(String, Instant)>,
    /// Begin of the reconcile, so before anything that it has read.
    begun: Option<Instant>,
    /// Steps that were tried, so that each retry backs off.
    pub(super) backoff: StepBackoff,
    /// Set while no plan was made since the members changed by themselves.
    members_changed: bool,
    /// Floating IP of another client that stalls the stack.
    pub(super) contended: Option<Contended>,
    /// Changes since the load balancer was last in sync.
    pub(super) history: StepHistory,
    /// Create in flight, as this process observed it.
    pub(super) service_history: ServiceHistory,
    /// The load balancer of a stack that is being deleted had secrets in the key manager, or none. `None`: it is gone, and
    /// this process has not seen it.
    pub(super) had_secrets: Option<bool>,
    /// Create whose load balancer this process has deleted: it is in doubt no more.
    pub(super) deleted_attempt: Option<String>,
}

/// A create that is not sent again as long as stack and credentials stay as they are.
#[derive(Debug)]
pub(super) struct RejectedCreate {
    pub credentials: u64,
    pub desired: Box<Desired>,
    pub message: String,
}

impl Memory {
    /// Forgets whatever a change of the stack or of its credentials may have made obsolete.
    pub fn invalidate(&mut self) {
        self.needs_fresh_read = true;
        self.contended = None;
        self.failed_creates = 0;
        self.backoff.forget();
    }

    /// Takes note that the cluster gives the stack other members, without a change of the stack.
    pub const fn change_members(&mut self) {
        self.members_changed = true;
    }

    /// Takes note of a plan against what Octavia has finished.
    pub(super) fn plan_made(&mut self, plan: &Plan) {
        if std::mem::take(&mut self.members_changed) {
            self.backoff.forget_effective(&plan.steps);
        }
    }

    /// Starts the quiet period of the newest create on record. Every reconcile calls this, also one that cannot reach
    /// the cloud: time passes all the same.
    pub fn track_pending(&mut self, record: &Record) {
        if let Some(newest) = record.pending_creates.newest() {
            self.attempt_age(&newest.attempt);
        }
    }

    /// Takes note that a reconcile begins.
    pub(super) fn begin(&mut self) {
        self.begun = Some(Instant::now());
    }

    /// Time for which this process had known of a create when the reconcile began. Until now would be too long: a list
    /// that takes seconds does not show what has appeared meanwhile. The timestamp on record comes from the clock of an
    /// earlier leader, which may be an hour off, so after a restart the quiet period starts again.
    pub(super) fn attempt_age(&mut self, attempt: &str) -> Duration {
        let known = self.known_attempts.iter().position(|(known, _)| known == attempt);
        let (attempt, since) =
            known.map_or_else(|| (attempt.to_owned(), Instant::now()), |at| self.known_attempts.remove(at));
        // One more than the record holds: that of a create which is rejected is removed again.
        if self.known_attempts.len() > REMEMBERED {
            self.known_attempts.remove(0);
        }
        self.known_attempts.push((attempt, since));
        self.begun.map_or(Duration::ZERO, |begun| begun.saturating_duration_since(since))
    }

    /// Tells whether the load balancer of this create was deleted by this process.
    pub(super) fn has_deleted(&self, attempt: &str) -> bool {
        self.deleted_attempt.as_deref() == Some(attempt)
    }

    /// The outcome of a whole reconcile that ends before a write. A floating IP of another client as its reason is
    /// polled from now on: the outcome then says when.
    pub(super) fn contend(
        &mut self,
        desired: &Desired,
        in_use: Option<(Problem, Vec<ObservedFloatingIp>)>,
        outcome: Outcome,
    ) -> Outcome {
        let Some((problem, floating_ips)) = in_use else { return outcome };
        self.contended = Contended::new(self.contended.take(), desired, &problem, &floating_ips, &outcome);
        match &self.contended {
            Some(contended) => Outcome { retry: contended.retry(), ..outcome },
            None => outcome,
        }
    }

    /// Turns the end of a reconcile into its outcome, and learns from it.
    pub(super) fn conclude(&mut self, end: Result<Outcome, Stop>) -> Outcome {
        let mut outcome = end.unwrap_or_else(Outcome::from).without_contents();
        self.history.explain(&mut outcome.plan, outcome.executed.as_mut());
        if matches!(outcome.state, State::InSync | State::Blocked { .. } | State::Observed { differs: false }) {
            self.history.settled();
        }
        let read_itself = self.needs_fresh_read;
        self.needs_fresh_read = !matches!(outcome.state, State::InSync | State::Observed { .. });
        if read_itself || self.needs_fresh_read {
            self.read_itself_at = Some(Instant::now());
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempt_ages_from_first_sight_by_this_process() {
        let mut memory = Memory::default();
        memory.begin();
        assert_eq!(memory.attempt_age("a1"), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_eq!(memory.attempt_age("a1"), Duration::ZERO, "not before the next reconcile begins");
        memory.begin();
        assert_eq!(memory.attempt_age("a1"), Duration::from_secs(100));
        assert_eq!(memory.attempt_age("a2"), Duration::ZERO, "another one starts at zero");
        assert_eq!(memory.attempt_age("a1"), Duration::from_secs(100), "and the first keeps its age");
        for rejected in 0..20 {
            memory.attempt_age(&rejected.to_string());
            assert_eq!(memory.attempt_age("a1"), Duration::from_secs(100), "as long as it is asked for");
        }
        assert!(memory.known_attempts.len() <= REMEMBERED + 1, "{}", memory.known_attempts.len());
    }
}
