use super::*;
use crate::engine::fixtures::step;
use crate::engine::{Retry, StallReason};
use crate::model::{Call, StepReason};

fn inputs(previous: &[crate::api::Condition]) -> ConditionInputs<'_> {
    ConditionInputs {
        previous,
        generation: 1,
        deleting: false,
        held_back: &[],
        now: "2026-11-23T10:00:00Z".parse().unwrap(),
    }
}

fn after(outcome: &Outcome) -> Vec<crate::api::Condition> {
    conditions::conditions(outcome, inputs(&[]))
}

#[test]
fn each_state_is_announced_once() {
    let stalled = Outcome::stalled(StallReason::RequestRejected, "no".to_owned());
    let unreachable = Outcome::waiting(WaitReason::CloudUnreachable, "no".to_owned(), Retry::Backoff);
    let in_sync = Outcome::new(State::InSync, Retry::Resync);
    for outcome in [stalled, unreachable, in_sync] {
        assert!(event_for(&outcome, inputs(&[]), &Announced::default()).is_some());
        assert_eq!(event_for(&outcome, inputs(&after(&outcome)), &Announced::default()), None);
    }
}

#[test]
fn wait_of_deletion_is_announced_once() {
    let deleting = |previous| ConditionInputs { deleting: true, ..inputs(previous) };
    let unreachable = Outcome::waiting(WaitReason::CloudUnreachable, "no".to_owned(), Retry::Backoff);
    assert!(event_for(&unreachable, deleting(&[]), &Announced::default()).is_some());
    let after = conditions::conditions(&unreachable, deleting(&[]));
    assert_eq!(event_for(&unreachable, deleting(&after), &Announced::default()), None);
}

#[test]
fn change_of_many_steps_is_announced_once() {
    let locked = after(&Outcome::waiting(WaitReason::Locked, "PENDING_UPDATE".to_owned(), Retry::Backoff));
    let mut working = Outcome::new(State::Progressing, Retry::Backoff);
    let call = Call::Delete { parent: None, id: "p".to_owned() };
    working.executed = Some(step(Kind::Pool, "web", call, StepReason::Wanted));
    assert_eq!(event_for(&working, inputs(&locked), &Announced::default()).unwrap().reason, UPDATING);
    let announced = Announced { updating: Some(1), ..Announced::default() };
    assert_eq!(event_for(&working, inputs(&locked), &announced), None);
}

/// Between two tries the status has other reasons.
#[test]
fn warning_is_not_repeated_before_stack_is_in_sync() {
    let unreachable = Outcome::waiting(WaitReason::CloudUnreachable, "no".to_owned(), Retry::Backoff);
    let mut announced = Announced::default();
    let first = event_for(&unreachable, inputs(&[]), &announced);
    announced.remember(&unreachable, 1, first.as_ref());
    assert_eq!((first.is_some(), event_for(&unreachable, inputs(&[]), &announced)), (true, None));
    let other = Outcome::waiting(WaitReason::CloudUnreachable, "another".to_owned(), Retry::Backoff);
    assert!(event_for(&other, inputs(&[]), &announced).is_some());
    announced.remember(&Outcome::new(State::InSync, Retry::Resync), 1, None);
    assert!(event_for(&unreachable, inputs(&[]), &announced).is_some());
}

#[tokio::test(start_paused = true)]
async fn lasting_conflict_is_announced_once_per_generation() {
    let conflict = Outcome::waiting(WaitReason::Conflict, "in use".to_owned(), Retry::Backoff);
    let locked = Outcome::waiting(WaitReason::Locked, "PENDING_UPDATE".to_owned(), Retry::Backoff);
    let (before, mut announced, mut notes) = (after(&conflict), Announced::default(), Vec::new());
    for (minute, generation) in (0..30).map(|minute| (minute, i64::from(minute >= 20))) {
        let outcome = if minute % 2 == 0 { &conflict } else { &locked };
        announced.watch(outcome, generation, Duration::from_secs(900));
        let found = event_for(outcome, ConditionInputs { generation, ..inputs(&before) }, &announced);
        announced.remember(outcome, generation, found.as_ref());
        notes.extend(found.map(|_| minute));
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    assert_eq!(notes, [6, 26]);
    announced.watch(&Outcome::new(State::InSync, Retry::Resync), 1, Duration::from_secs(900));
    announced.watch(&conflict, 1, Duration::from_secs(900));
    assert_eq!(event_for(&conflict, inputs(&before), &announced), None);
}

#[test]
fn wait_for_lock_is_not_announced() {
    let locked = Outcome::waiting(WaitReason::Locked, "PENDING_UPDATE".to_owned(), Retry::Backoff);
    assert_eq!(event_for(&locked, inputs(&[]), &Announced::default()), None);
}
