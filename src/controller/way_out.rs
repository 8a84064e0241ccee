//! Deleting is always possible: what becomes of a deletion whose cloud cannot be used. Pure.

use std::time::Duration;

use crate::api::DeletionPolicy;
use crate::engine::{Outcome, Record, Retry, Seen, StallReason, State, WaitReason};

/// How long a deletion that may leave everything behind waits for a cloud that cannot be reached.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(600);

/// The same for a stack with nothing on record: most likely it has a wrong `auth_url` and never made anything; or it was
/// restored from a backup without its status.
const NOTHING_ON_RECORD: Duration = Duration::from_secs(60);

/// A stack that never made anything can always go; one that did, and whose cloud cannot be used, is told how, and
/// goes when it is allowed to leave everything behind.
///
/// `waited`: how long the deletion has waited already. `on_its_way`: how long a write of an earlier process may take to
/// arrive. One that takes our tags off must not meet the successor, which would lose the load balancer by it.
pub fn way_out(
    mut outcome: Outcome,
    record: &Record,
    policy: DeletionPolicy,
    waited: Duration,
    on_its_way: Duration,
) -> Outcome {
    let (message, patience) = match &mut outcome.state {
        State::Stalled { message, .. } if outcome.untrusted => (message, ORPHAN_PATIENCE),
        State::Stalled { reason, message } if shuts_out(*reason) => (message, Duration::ZERO),
        // It has been waited for long enough already.
        State::Waiting { reason: WaitReason::StuckPending, message } => (message, Duration::ZERO),
        State::Waiting { reason: WaitReason::CloudUnreachable | WaitReason::CredentialsInaccessible, message } => {
            (message, ORPHAN_PATIENCE)
        }
        _ => return outcome,
    };
    let nothing_seen = outcome.seen == Seen::Nothing;
    let never_made = nothing_seen && record.load_balancer_id.is_none() && record.pending_creates.is_empty();
    if never_made && (patience.is_zero() || waited >= NOTHING_ON_RECORD) {
        message.push_str("; nothing is on record that this stack ever made, so it goes without asking the cloud");
        return Outcome::new(State::Orphaned { left_behind: Some(std::mem::take(message)) }, Retry::Never);
    }
    if policy == DeletionPolicy::Delete {
        message.push_str(
            "; to let go of the load balancer, which then stays in the cloud, annotate the stack with \
             evenkeel.dev/deletion-policy=Orphan",
        );
        return outcome;
    }
    if waited < patience.max(on_its_way) {
        if patience < on_its_way {
            message.push_str("; what was sent last may still be on its way to the cloud: the stack goes after that");
            outcome.retry = Retry::After(on_its_way - waited);
        }
        return outcome;
    }
    // The object goes, and its status with it: this is the last place that can tell.
    if let Some(id) = record.load_balancer_id.as_ref().filter(|id| !message.contains(id.as_str())) {
        message.push_str(&format!("; on record is load balancer {id}"));
    }
    Outcome::new(State::Orphaned { left_behind: Some(std::mem::take(message)) }, Retry::Never)
}

/// What keeps us from the cloud, or from what is to be done there, until somebody does something.
const fn shuts_out(reason: StallReason) -> bool {
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

    /// With nothing on its way.
    fn out_by(outcome: Outcome, record: &Record, policy: DeletionPolicy, waited: Duration) -> Outcome {
        way_out(outcome, record, policy, waited, Duration::ZERO)
    }

    #[test]
    fn what_never_made_anything_goes_without_its_cloud_unless_that_may_come_back() {
        let nothing = Record::default();
        let gone = out_by(stalled(StallReason::CredentialsMissing), &nothing, DeletionPolicy::Delete, Duration::ZERO);
        assert!(
            matches!(&gone.state, State::Orphaned { left_behind: Some(why) } if why.contains("nothing is on record"))
        );
        let waits = out_by(unreachable(), &nothing, DeletionPolicy::Delete, Duration::ZERO);
        assert!(matches!(waits.state, State::Waiting { .. }));
        let left = out_by(unreachable(), &nothing, DeletionPolicy::Delete, LONG);
        assert!(
            matches!(&left.state, State::Orphaned { left_behind: Some(why) } if why.contains("nothing is on record"))
        );
    }

    #[test]
    fn what_made_something_is_told_the_way_out() {
        for outcome in [stalled(StallReason::ProjectMismatch), stalled(StallReason::CredentialsInvalid), unreachable()]
        {
            let outcome = out_by(outcome, &made(), DeletionPolicy::Delete, LONG);
            let (State::Stalled { message, .. } | State::Waiting { message, .. }) = outcome.state else {
                panic!("{outcome:?}")
            };
            assert!(
                message.starts_with("why; ") && message.contains("evenkeel.dev/deletion-policy=Orphan"),
                "{message}"
            );
        }
    }

    #[test]
    fn the_way_out_is_open_at_once_where_somebody_must_act_and_after_a_while_where_the_cloud_may_come_back() {
        let let_go = State::Orphaned { left_behind: Some("why; on record is load balancer lb".to_owned()) };
        for reason in [StallReason::ProjectMismatch, StallReason::OctaviaTooOld, StallReason::CredentialsMissing] {
            assert_eq!(out_by(stalled(reason), &made(), DeletionPolicy::Orphan, Duration::ZERO).state, let_go);
        }
        assert_eq!(out_by(unreachable(), &made(), DeletionPolicy::Orphan, Duration::ZERO), unreachable());
        assert_eq!(out_by(unreachable(), &made(), DeletionPolicy::Orphan, LONG).state, let_go);
    }

    #[test]
    fn untrusted_certificate_is_waited_for_like_an_outage() {
        let untrusted = || Outcome { untrusted: true, ..stalled(StallReason::CredentialsInvalid) };
        let waits = out_by(untrusted(), &made(), DeletionPolicy::Orphan, ORPHAN_PATIENCE / 2);
        assert_eq!(waits, untrusted());
        let left = out_by(untrusted(), &made(), DeletionPolicy::Orphan, ORPHAN_PATIENCE);
        assert!(matches!(left.state, State::Orphaned { left_behind: Some(_) }));
    }

    #[test]
    fn what_may_be_on_its_way_to_the_cloud_is_waited_for() {
        let (reason, minute) = (StallReason::CredentialsInvalid, Duration::from_secs(60));
        let early = way_out(stalled(reason), &made(), DeletionPolicy::Orphan, minute, 3 * minute);
        assert!(matches!(&early.state, State::Stalled { message, .. } if message.contains("on its way")), "{early:?}");
        assert_eq!(early.retry, Retry::After(2 * minute));
        let late = way_out(stalled(reason), &made(), DeletionPolicy::Orphan, 3 * minute, 3 * minute);
        assert!(matches!(late.state, State::Orphaned { left_behind: Some(why) } if why.starts_with("why; on record")));
    }

    #[test]
    fn what_octavia_refuses_or_never_ends_can_be_left_behind() {
        let stuck = || Outcome::waiting(WaitReason::StuckPending, "why".to_owned(), Retry::Backoff);
        for outcome in [stalled(StallReason::RequestRejected), stuck()] {
            let left = out_by(outcome, &made(), DeletionPolicy::Orphan, Duration::ZERO);
            assert!(matches!(left.state, State::Orphaned { left_behind: Some(why) } if why.starts_with("why; ")));
        }
    }

    #[test]
    fn what_is_seen_was_made_whatever_the_record_says() {
        let mut stuck = Outcome::waiting(WaitReason::StuckPending, "why".to_owned(), Retry::Backoff);
        stuck.seen = Seen::LoadBalancer(Box::default());
        let waits = out_by(stuck, &Record::default(), DeletionPolicy::Delete, LONG);
        assert!(matches!(waits.state, State::Waiting { .. }));
    }

    #[test]
    fn a_deletion_that_goes_on_is_left_alone() {
        let working = Outcome::new(State::Progressing, Retry::Backoff);
        assert_eq!(out_by(working.clone(), &made(), DeletionPolicy::Orphan, LONG), working);
    }
}
