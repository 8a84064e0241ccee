//! The end of a deletion whose cloud cannot be used: deleting is always possible. Pure.

use std::time::Duration;

use super::outcome::{Observed, Outcome, Remedy, Retry, StallReason, State, WaitReason};
use super::pending_create::Record;
use super::reconciliation::Goal;

/// Time that a deletion which may orphan its load balancer waits for an unreachable cloud.
const OUTAGE_PATIENCE: Duration = Duration::from_secs(600);

/// The same for a stack with nothing on record: most likely it has a wrong `auth_url` and never made anything; or it was
/// restored from a backup without its status.
const NOTHING_ON_RECORD: Duration = Duration::from_secs(60);

/// Times of a deletion.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeletionTimes {
    /// Time since the deletion was first seen by this process.
    pub waited: Duration,
    /// Time that a write of an earlier process may take to arrive. A write that removes the owner tags must not meet a new
    /// stack of the same name, which would lose the load balancer by it.
    pub in_flight: Duration,
}

impl Outcome {
    /// The outcome of a deletion, with a way out where the cloud cannot be used. A stack that never made anything can
    /// always go. One that did is given the remedy, and goes when its goal allows it to leave everything behind.
    pub fn with_orphan_policy(mut self, goal: Goal, record: &Record, times: DeletionTimes) -> Self {
        if !matches!(goal, Goal::Delete { .. } | Goal::Orphan) {
            return self;
        }
        let Some((message, patience)) = self.obstacle() else { return self };
        let (mut message, DeletionTimes { waited, in_flight }) = (message.clone(), times);
        let nothing_seen = self.observed == Observed::Nothing;
        let never_made = nothing_seen && record.load_balancer_id.is_none() && record.pending_creates.is_empty();
        if never_made && (patience.is_zero() || waited >= NOTHING_ON_RECORD) {
            message.push_str("; nothing is on record that this stack ever made, so it goes without asking the cloud");
            return left_behind(message);
        }
        if goal != Goal::Orphan {
            return self.with_remedy(Remedy::OrphanLoadBalancer);
        }
        if waited < patience.max(in_flight) {
            if patience < in_flight {
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
            State::Stalled { message, .. } if self.untrusted => Some((message, OUTAGE_PATIENCE)),
            State::Stalled { reason, message } if needs_person(*reason) => Some((message, Duration::ZERO)),
            // This has been waited for long enough already.
            State::Waiting { reason: WaitReason::StuckPending, message } => Some((message, Duration::ZERO)),
            State::Waiting { reason: WaitReason::CloudUnreachable | WaitReason::CredentialsInaccessible, message } => {
                Some((message, OUTAGE_PATIENCE))
            }
            _ => None,
        }
    }
}

fn left_behind(reason: String) -> Outcome {
    Outcome::new(State::Orphaned { left_behind: Some(reason) }, Retry::Never)
}

/// Whether a deletion cannot go on in the cloud before a person acts.
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
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn made() -> Record {
        Record { load_balancer_id: Some("lb".to_owned()), ..Record::default() }
    }

    fn stalled(reason: StallReason) -> Outcome {
        Outcome::stalled(reason, "why".to_owned())
    }

    fn unreachable() -> Outcome {
        Outcome::waiting(WaitReason::CloudUnreachable, "why".to_owned(), Retry::Backoff)
    }

    const DELETE: Goal = Goal::Delete { retain_floating_ip: false };

    fn ended(outcome: Outcome, record: &Record, goal: Goal, waited: Duration, in_flight: Duration) -> Outcome {
        outcome.with_orphan_policy(goal, record, DeletionTimes { waited, in_flight })
    }

    /// With nothing in flight.
    fn out_by(outcome: Outcome, record: &Record, goal: Goal, waited: Duration) -> Outcome {
        ended(outcome, record, goal, waited, Duration::ZERO)
    }

    #[test]
    fn stack_without_record_goes_unless_cloud_may_return() {
        let nothing = Record::default();
        let gone = out_by(stalled(StallReason::CredentialsMissing), &nothing, DELETE, Duration::ZERO);
        assert!(
            matches!(&gone.state, State::Orphaned { left_behind: Some(why) } if why.contains("nothing is on record"))
        );
        let waits = out_by(unreachable(), &nothing, DELETE, Duration::ZERO);
        assert!(matches!(waits.state, State::Waiting { .. }));
        let left = out_by(unreachable(), &nothing, DELETE, LONG);
        assert!(
            matches!(&left.state, State::Orphaned { left_behind: Some(why) } if why.contains("nothing is on record"))
        );
    }

    #[test]
    fn stack_with_record_is_given_the_orphan_remedy() {
        for outcome in [stalled(StallReason::ProjectMismatch), stalled(StallReason::CredentialsInvalid), unreachable()]
        {
            let outcome = out_by(outcome, &made(), DELETE, LONG);
            assert!(matches!(
                &outcome.state,
                State::Stalled { message, .. } | State::Waiting { message, .. } if message == "why"
            ));
            assert_eq!(outcome.remedies, [Remedy::OrphanLoadBalancer]);
        }
    }

    #[test]
    fn orphan_goes_at_once_after_stall_and_later_after_outage() {
        let left_behind = State::Orphaned { left_behind: Some("why; on record is load balancer lb".to_owned()) };
        for reason in [StallReason::ProjectMismatch, StallReason::OctaviaTooOld, StallReason::CredentialsMissing] {
            assert_eq!(out_by(stalled(reason), &made(), Goal::Orphan, Duration::ZERO).state, left_behind);
        }
        assert_eq!(out_by(unreachable(), &made(), Goal::Orphan, Duration::ZERO), unreachable());
        assert_eq!(out_by(unreachable(), &made(), Goal::Orphan, LONG).state, left_behind);
    }

    #[test]
    fn untrusted_certificate_is_waited_for_like_an_outage() {
        let untrusted = || Outcome { untrusted: true, ..stalled(StallReason::CredentialsInvalid) };
        let waits = out_by(untrusted(), &made(), Goal::Orphan, OUTAGE_PATIENCE / 2);
        assert_eq!(waits, untrusted());
        let left = out_by(untrusted(), &made(), Goal::Orphan, OUTAGE_PATIENCE);
        assert!(matches!(left.state, State::Orphaned { left_behind: Some(_) }));
    }

    #[test]
    fn orphan_waits_for_requests_in_flight() {
        let (reason, minute) = (StallReason::CredentialsInvalid, Duration::from_secs(60));
        let early = ended(stalled(reason), &made(), Goal::Orphan, minute, 3 * minute);
        assert!(matches!(&early.state, State::Stalled { message, .. } if message.contains("in flight")), "{early:?}");
        assert_eq!(early.retry, Retry::After(2 * minute));
        let late = ended(stalled(reason), &made(), Goal::Orphan, 3 * minute, 3 * minute);
        assert!(matches!(late.state, State::Orphaned { left_behind: Some(why) } if why.starts_with("why; on record")));
    }

    #[test]
    fn rejected_or_stuck_deletion_can_be_left_behind() {
        let stuck = || Outcome::waiting(WaitReason::StuckPending, "why".to_owned(), Retry::Backoff);
        for outcome in [stalled(StallReason::RequestRejected), stuck()] {
            let left = out_by(outcome, &made(), Goal::Orphan, Duration::ZERO);
            assert!(matches!(left.state, State::Orphaned { left_behind: Some(why) } if why.starts_with("why; ")));
        }
    }

    #[test]
    fn observed_load_balancer_counts_without_record() {
        let mut stuck = Outcome::waiting(WaitReason::StuckPending, "why".to_owned(), Retry::Backoff);
        stuck.observed = Observed::LoadBalancer(Box::default());
        let waits = out_by(stuck, &Record::default(), DELETE, LONG);
        assert!(matches!(waits.state, State::Waiting { .. }));
    }

    #[test]
    fn progressing_deletion_is_left_alone() {
        let working = Outcome::new(State::Progressing, Retry::Backoff);
        assert_eq!(out_by(working.clone(), &made(), Goal::Orphan, LONG), working);
    }
}
