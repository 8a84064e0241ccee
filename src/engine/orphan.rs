//! The end of a deletion whose cloud cannot be used: deleting is always possible. Pure.

use std::time::Duration;

use super::outcome::{Observed, Outcome, Remedy, Retry, StallReason, State, WaitReason};
use super::pending_create::Record;
use super::reconciliation::Goal;

/// Time that a deletion which may orphan its load balancer waits for an unreachable cloud.
const OUTAGE_WAIT: Duration = Duration::from_secs(600);

/// The same for a stack with nothing on record: most likely it has a wrong `auth_url` and never made anything; or it
/// was restored from a backup without its status.
const NOTHING_ON_RECORD: Duration = Duration::from_secs(60);

/// Times of a deletion.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeletionTimes {
    /// Time since the deletion was first seen by this process.
    pub waited: Duration,
    /// Time that a write of an earlier process may take to arrive. A write that removes the owner tags must not meet a
    /// new stack of the same name, which would lose the load balancer by it.
    pub in_flight: Duration,
}

impl Outcome {
    /// The outcome of a deletion, with an end where the cloud cannot be used. A stack that never made anything can
    /// always go. One that did is given the remedy, and goes when its goal allows it to leave everything behind.
    pub fn with_orphan_policy(mut self, goal: Goal, record: &Record, times: DeletionTimes) -> Self {
        if !matches!(goal, Goal::Delete { .. } | Goal::Orphan) {
            return self;
        }
        let Some((message, wait_limit)) = self.obstacle() else { return self };
        let (mut message, DeletionTimes { waited, in_flight }) = (message.clone(), times);
        let nothing_seen = self.observed == Observed::Nothing;
        let never_made = nothing_seen && record.load_balancer_id.is_none() && record.pending_creates.is_empty();
        if never_made && (wait_limit.is_zero() || waited >= NOTHING_ON_RECORD) {
            message.push_str("; nothing is on record that this stack ever made, so it goes without asking the cloud");
            return left_behind(message);
        }
        if goal != Goal::Orphan {
            return self.with_remedy(Remedy::OrphanLoadBalancer);
        }
        if waited < wait_limit.max(in_flight) {
            if wait_limit < in_flight {
                self.retry = Retry::After(in_flight - waited);
                self.add_to_message(
                    "; the last request may still be in flight to the cloud: the stack goes after that",
                );
            }
            return self;
        }
        // The object goes, and its status with it: this message is the last that can name the load balancer.
        if let Some(id) = record.load_balancer_id.as_ref().filter(|id| !message.contains(id.as_str())) {
            message.push_str(&format!("; on record is load balancer {id}"));
        }
        left_behind(message)
    }

    /// The message of a state that keeps the deletion from the cloud, and the time that the deletion waits for its end.
    fn obstacle(&self) -> Option<(&String, Duration)> {
        match &self.state {
            State::Stalled { message, .. } if self.untrusted => Some((message, OUTAGE_WAIT)),
            State::Stalled { reason, message } if needs_person(*reason) => Some((message, Duration::ZERO)),
            // This has been waited for long enough already.
            State::Waiting { reason: WaitReason::StuckPending, message } => Some((message, Duration::ZERO)),
            State::Waiting { reason: WaitReason::CloudUnreachable | WaitReason::CredentialsInaccessible, message } => {
                Some((message, OUTAGE_WAIT))
            }
            _ => None,
        }
    }
}

fn left_behind(reason: String) -> Outcome {
    Outcome::new(State::Orphaned { left_behind: Some(reason) }, Retry::Never)
}

/// Tells whether a deletion cannot go on in the cloud before a person acts.
const fn needs_person(reason: StallReason) -> bool {
    matches!(
        reason,
        StallReason::CredentialsMissing
            | StallReason::CredentialsInvalid
            | StallReason::ProjectMismatch
            | StallReason::OctaviaTooOld
            | StallReason::RequestRejected
    )
}

#[cfg(test)]
mod tests;
