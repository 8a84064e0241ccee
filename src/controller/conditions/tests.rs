use super::*;
use crate::engine::fixtures::step;
use crate::engine::{Retry, StallReason};
use crate::model::{Call, StepReason};

const NOW: &str = "2026-11-23T10:00:00Z";

fn inputs(previous: &[Condition]) -> ConditionInputs<'_> {
    ConditionInputs { previous, generation: 2, deleting: false, held_back: &[], now: NOW.parse().unwrap() }
}

fn status<'a>(conditions: &'a [Condition], kind: &str) -> Option<(&'static str, &'a str)> {
    find(conditions, kind).map(|c| {
        let status = if c.status == ConditionStatus::True { "True" } else { "False" };
        (status, c.reason.as_str())
    })
}

fn waiting(reason: WaitReason) -> Outcome {
    Outcome::waiting(reason, "why".to_owned(), Retry::Backoff)
}

fn ready_before(generation: i64) -> Vec<Condition> {
    let outcome = Outcome::new(State::InSync, Retry::Resync);
    let earlier = "2026-11-23T09:00:00Z".parse().unwrap();
    conditions(&outcome, ConditionInputs { previous: &[], generation, deleting: false, held_back: &[], now: earlier })
}

#[test]
fn every_reason_is_documented() {
    let documented = include_str!("../../../docs/reference/conditions.md");
    let waits = WaitReason::ALL.iter().map(|reason| reason.as_str());
    for reason in waits.chain(StallReason::ALL.iter().map(|reason| reason.as_str())) {
        assert!(documented.contains(&format!("| `{reason}` |")), "docs/reference/conditions.md does not know {reason}");
    }
}

#[test]
fn in_sync_is_ready_without_further_conditions() {
    let set = ready_before(2);
    assert_eq!(status(&set, READY), Some(("True", "InSync")));
    assert_eq!(status(&set, PROGRAMMED), Some(("True", "Programmed")));
    assert!(find(&set, RECONCILING).is_none() && find(&set, STALLED).is_none());
}

#[test]
fn unreachable_cloud_is_reconciling_not_stalled() {
    let set = conditions(&waiting(WaitReason::CloudUnreachable), inputs(&ready_before(2)));
    assert_eq!(status(&set, READY), Some(("False", "CloudUnreachable")));
    assert!(find(&set, RECONCILING).is_some() && find(&set, STALLED).is_none());
}

#[test]
fn locked_load_balancer_of_ready_stack_stays_ready() {
    let before = ready_before(2);
    let set = conditions(&waiting(WaitReason::Locked), inputs(&before));
    assert_eq!(status(&set, READY), Some(("True", "InSync")));
    assert_eq!(find(&set, READY).unwrap().last_transition_time, find(&before, READY).unwrap().last_transition_time);
}

#[test]
fn stack_with_uncorrectable_drift_is_not_ready() {
    let before = ready_before(2);
    let mut outcome = waiting(WaitReason::Conflict);
    assert_eq!(status(&conditions(&outcome, inputs(&before)), READY), Some(("True", "InSync")));
    let call = Call::DeleteFloatingIp { id: "ip".to_owned(), revision: None };
    outcome.plan.steps.push(step(Kind::FloatingIp, "web", call, StepReason::Wanted));
    assert_eq!(status(&conditions(&outcome, inputs(&before)), READY), Some(("False", "Conflict")));
}

#[test]
fn stack_with_recreated_load_balancer_is_not_ready() {
    let mut outcome = Outcome::new(State::Progressing, Retry::Backoff);
    let call = Call::Update { parent: None, id: "p".to_owned(), body: Default::default() };
    outcome.executed = Some(step(Kind::Pool, "web", call, StepReason::Wanted));
    assert_eq!(status(&conditions(&outcome, inputs(&ready_before(2))), READY), Some(("True", "InSync")));
    let call = Call::CreateLoadBalancer { body: Default::default() };
    outcome.executed = Some(step(Kind::LoadBalancer, "web", call, StepReason::Wanted));
    assert_eq!(status(&conditions(&outcome, inputs(&ready_before(2))), READY), Some(("False", "Progressing")));
}

#[test]
fn new_generation_is_not_ready_while_locked() {
    let set = conditions(&waiting(WaitReason::Locked), inputs(&ready_before(1)));
    assert_eq!(status(&set, READY), Some(("False", "Locked")));
    assert_eq!(find(&set, READY).unwrap().last_transition_time, NOW.parse::<Timestamp>().unwrap());
}

#[test]
fn invalid_spec_is_stalled_and_not_accepted() {
    let outcome = Outcome::stalled(StallReason::ImmutableField, "spec.loadBalancer.provider: …".to_owned());
    let set = conditions(&outcome, inputs(&[]));
    assert_eq!(status(&set, ACCEPTED), Some(("False", "ImmutableField")));
    assert_eq!(status(&set, STALLED), Some(("True", "ImmutableField")));
    assert!(find(&set, RECONCILING).is_none());
}

#[test]
fn missing_reference_is_accepted_but_not_resolved() {
    let outcome = Outcome::stalled(StallReason::ReferenceNotFound, "no subnet".to_owned());
    let set = conditions(&outcome, inputs(&[]));
    assert_eq!(status(&set, ACCEPTED), Some(("True", "Accepted")));
    assert_eq!(status(&set, RESOLVED_REFS), Some(("False", "ReferenceNotFound")));
}

#[test]
fn observed_difference_is_ready_but_not_programmed() {
    let set = conditions(&Outcome::new(State::Observed { differs: true }, Retry::Resync), inputs(&[]));
    assert_eq!(status(&set, READY), Some(("True", "OutOfSync")));
    assert_eq!(status(&set, PROGRAMMED).unwrap().0, "False");
}

#[test]
fn pausing_adds_a_condition_and_keeps_the_others() {
    let before = ready_before(1);
    let set = paused(inputs(&before));
    assert_eq!(find(&set, READY), find(&before, READY));
    assert_eq!(status(&set, PAUSED), Some(("True", "Paused")));
}

#[test]
fn deletion_reports_reason_of_its_wait() {
    let set = conditions(&waiting(WaitReason::Locked), ConditionInputs { deleting: true, ..inputs(&ready_before(2)) });
    assert_eq!(status(&set, READY), Some(("False", "Deleting")));
    assert_eq!(find(&set, READY).unwrap().message, "why");
}

#[test]
fn long_message_is_cut_at_a_character() {
    let outcome = Outcome::stalled(StallReason::InvalidSpec, "ü".repeat(3000));
    let set = conditions(&outcome, inputs(&[]));
    assert_eq!(find(&set, READY).unwrap().message.chars().count(), MAX_MESSAGE);
}
