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

/// The same with nothing in flight.
fn out_by(outcome: Outcome, record: &Record, goal: Goal, waited: Duration) -> Outcome {
    ended(outcome, record, goal, waited, Duration::ZERO)
}

#[test]
fn stack_without_record_goes_unless_cloud_may_return() {
    let nothing = Record::default();
    let gone = out_by(stalled(StallReason::CredentialsMissing), &nothing, DELETE, Duration::ZERO);
    assert!(matches!(&gone.state, State::Orphaned { left_behind: Some(why) } if why.contains("nothing is on record")));
    let waits = out_by(unreachable(), &nothing, DELETE, Duration::ZERO);
    assert!(matches!(waits.state, State::Waiting { .. }));
    let left = out_by(unreachable(), &nothing, DELETE, LONG);
    assert!(matches!(&left.state, State::Orphaned { left_behind: Some(why) } if why.contains("nothing is on record")));
}

#[test]
fn stack_with_record_is_given_the_orphan_remedy() {
    for outcome in [stalled(StallReason::ProjectMismatch), stalled(StallReason::CredentialsInvalid), unreachable()] {
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
    let waits = out_by(untrusted(), &made(), Goal::Orphan, OUTAGE_WAIT / 2);
    assert_eq!(waits, untrusted());
    let left = out_by(untrusted(), &made(), Goal::Orphan, OUTAGE_WAIT);
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
