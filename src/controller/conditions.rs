//! From an outcome to conditions; docs/reference/conditions.md is for those who read them. Pure.
//!
//! | state | Ready | other |
//! |---|---|---|
//! | working, locked, cloud unreachable, quota | False | Reconciling |
//! | drift found and being mended | stays True until a write fails, or the load balancer is made anew | |
//! | refused, reference missing, foreign owner, other cloud, credentials | False | Stalled; Accepted or ResolvedRefs False |
//! | held back | False | Stalled |
//! | Observe | True | Programmed False when it differs |
//! | paused | as it was | Paused |
//! | members down | True | MembersHealthy False |
//! | deleting | False, `Deleting` | Reconciling, with what it waits for; Stalled as above |

use jiff::Timestamp;

use crate::api::{Condition, ConditionStatus};
use crate::engine::{Outcome, State, WaitReason};
use crate::model::{Kind, ObservedPool, ObservedTree};

const READY: &str = "Ready";
const ACCEPTED: &str = "Accepted";
const RESOLVED_REFS: &str = "ResolvedRefs";
const PROGRAMMED: &str = "Programmed";
const MEMBERS_HEALTHY: &str = "MembersHealthy";
const RECONCILING: &str = "Reconciling";
const STALLED: &str = "Stalled";
const PAUSED: &str = "Paused";

/// Kubernetes takes 32,768 characters; people take fewer.
const MAX_MESSAGE: usize = 1024;

/// What the conditions depend on besides the outcome.
#[derive(Debug, Clone, Copy)]
pub struct ConditionInputs<'a> {
    pub previous: &'a [Condition],
    pub generation: i64,
    pub deleting: bool,
    pub now: Timestamp,
}

/// The stack was Ready at this very generation: what differs now is drift.
pub fn was_ready(previous: &[Condition], generation: i64) -> bool {
    find(previous, READY)
        .is_some_and(|c| c.status == ConditionStatus::True && c.observed_generation == Some(generation))
}

/// Whether the last status says that this is why the stack is not ready.
pub fn is_reported(previous: &[Condition], generation: i64, cause: &str) -> bool {
    let tells = |c: &Condition| c.reason == cause && c.observed_generation == Some(generation);
    [READY, RECONCILING, STALLED].iter().any(|kind| find(previous, kind).is_some_and(tells))
}

pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.kind == kind)
}

pub fn conditions(outcome: &Outcome, frame: ConditionInputs<'_>) -> Vec<Condition> {
    let mut set = ConditionBuilder::new(frame);
    let verdict = summarize(outcome, frame);
    set.put(READY, verdict.ready, &verdict.reason, &verdict.message);
    match verdict.progress {
        Progress::Reconciling => set.put(RECONCILING, true, &verdict.cause, &verdict.message),
        Progress::Stalled => set.put(STALLED, true, &verdict.cause, &verdict.message),
        Progress::Settled => {}
    }
    put_accepted_and_resolved(&mut set, outcome, &verdict);
    put_programmed(&mut set, outcome, &verdict);
    match outcome.tree() {
        Some(tree) => put_members(&mut set, tree),
        None => set.keep(MEMBERS_HEALTHY),
    }
    set.done
}

/// Paused: everything stays as it was, `observedGeneration` included.
pub fn paused(frame: ConditionInputs<'_>) -> Vec<Condition> {
    let mut set = ConditionBuilder::new(frame);
    for condition in frame.previous.iter().filter(|c| ![PAUSED, RECONCILING].contains(&c.kind.as_str())) {
        set.done.push(condition.clone());
    }
    let message = if frame.deleting {
        "spec.paused is true: nothing is called, and the deletion waits until it is false"
    } else {
        "spec.paused is true: nothing is called"
    };
    set.put(PAUSED, true, "Paused", message);
    set.done
}

enum Progress {
    Settled,
    Reconciling,
    Stalled,
}

struct Summary {
    ready: bool,
    /// Of Ready: `Deleting` for everything that a deletion waits for by itself.
    reason: String,
    /// What it is in truth.
    cause: String,
    message: String,
    progress: Progress,
}

fn summarize(outcome: &Outcome, frame: ConditionInputs<'_>) -> Summary {
    let make = |ready, cause: &str, message: String, progress| {
        let waits = frame.deleting && matches!(progress, Progress::Reconciling);
        let reason = if waits { "Deleting" } else { cause };
        Summary { ready, reason: reason.to_owned(), cause: cause.to_owned(), message, progress }
    };
    match &outcome.state {
        State::InSync => make(true, "InSync", in_sync_message(outcome), Progress::Settled),
        State::Observed { differs: false } => make(true, "InSync", in_sync_message(outcome), Progress::Settled),
        State::Observed { differs: true } => {
            make(true, "OutOfSync", format!("would do: {}", outcome.plan.summary()), Progress::Settled)
        }
        State::Progressing | State::Waiting { reason: WaitReason::Locked | WaitReason::Conflict, .. }
            if stays_ready(outcome, frame) =>
        {
            let ready = find(frame.previous, READY);
            let (reason, message) = ready.map(|c| (c.reason.as_str(), c.message.clone())).unwrap_or_default();
            make(true, reason, message, Progress::Settled)
        }
        State::Progressing => make(false, "Progressing", working_message(outcome), Progress::Reconciling),
        State::Waiting { reason, message } => make(false, reason.as_str(), message.clone(), Progress::Reconciling),
        State::Blocked { message } => make(false, "DisruptionForbidden", message.clone(), Progress::Stalled),
        State::Stalled { reason, message } => make(false, reason.as_str(), message.clone(), Progress::Stalled),
        State::Deleted | State::Orphaned { .. } => {
            make(false, "Deleting", "nothing is left".to_owned(), Progress::Reconciling)
        }
    }
}

/// Drift that is being mended, as long as there is a load balancer to speak of.
fn stays_ready(outcome: &Outcome, frame: ConditionInputs<'_>) -> bool {
    let made_anew =
        outcome.executed.as_ref().is_some_and(|step| step.kind == Kind::LoadBalancer && step.call.verb() == "create");
    // A conflict without a plan is a look that was overtaken; with one, a step was refused because of what else is there.
    let refused =
        matches!(outcome.state, State::Waiting { reason: WaitReason::Conflict, .. }) && !outcome.plan.steps.is_empty();
    !frame.deleting && !made_anew && !refused && was_ready(frame.previous, frame.generation)
}

fn in_sync_message(outcome: &Outcome) -> String {
    let Some(lb) = outcome.load_balancer() else { return String::new() };
    let address = lb.vip_address.as_deref().unwrap_or("no address yet");
    let mut message = format!("load balancer {} at {address} is as the stack says", lb.id);
    if !outcome.duplicates.is_empty() {
        message.push_str(&format!(
            "; another load balancer carries the tags of this stack and is left alone: {}; delete it by hand",
            outcome.duplicates.join(", ")
        ));
    }
    message
}

fn working_message(outcome: &Outcome) -> String {
    let done = outcome.executed.as_ref().map(ToString::to_string).unwrap_or_default();
    match outcome.plan.steps.len() {
        0 => done,
        left => format!("{done}; {left} more"),
    }
}

fn put_accepted_and_resolved(set: &mut ConditionBuilder<'_>, outcome: &Outcome, verdict: &Summary) {
    match &outcome.state {
        State::Stalled { reason, .. } if reason.is_spec() => {
            set.put(ACCEPTED, false, &verdict.reason, &verdict.message);
            set.keep(RESOLVED_REFS);
        }
        State::Stalled { reason, .. } if reason.is_reference() => {
            set.put(ACCEPTED, true, "Accepted", "");
            set.put(RESOLVED_REFS, false, &verdict.reason, &verdict.message);
        }
        State::InSync | State::Progressing | State::Blocked { .. } | State::Observed { .. } => {
            set.put(ACCEPTED, true, "Accepted", "");
            set.put(RESOLVED_REFS, true, "ResolvedRefs", "");
        }
        State::Stalled { .. } | State::Waiting { .. } | State::Deleted | State::Orphaned { .. } => {
            set.keep(ACCEPTED);
            set.keep(RESOLVED_REFS);
        }
    }
}

fn put_programmed(set: &mut ConditionBuilder<'_>, outcome: &Outcome, verdict: &Summary) {
    let programmed = verdict.ready && outcome.state != State::Observed { differs: true };
    let reason = if programmed { "Programmed" } else { verdict.reason.as_str() };
    set.put(PROGRAMMED, programmed, reason, if programmed { "" } else { verdict.message.as_str() });
}

/// Never gates Ready: pods that wait for the stack would wait for themselves.
fn put_members(set: &mut ConditionBuilder<'_>, tree: &ObservedTree) {
    let down: Vec<String> = tree.pools.iter().flat_map(members_down).collect();
    let watched = tree.pools.iter().filter(|pool| pool.monitor.is_some()).map(|pool| pool.members.len()).sum::<usize>();
    if down.is_empty() {
        set.put(MEMBERS_HEALTHY, true, "NoMembersDown", "");
    } else {
        let some: Vec<&str> = down.iter().take(5).map(String::as_str).collect();
        let more = if down.len() > some.len() { ", …" } else { "" };
        let message = format!("{} of {watched} watched members are down: {}{more}", down.len(), some.join(", "));
        set.put(MEMBERS_HEALTHY, false, "MembersDown", &message);
    }
}

fn members_down(pool: &ObservedPool) -> impl Iterator<Item = String> {
    pool.members
        .iter()
        .filter(|member| member.operating_status == "ERROR")
        .map(|member| format!("{}:{} of pool {}", member.address, member.protocol_port, pool.name))
}

/// Collects conditions and keeps the time of those whose status stays.
struct ConditionBuilder<'a> {
    frame: ConditionInputs<'a>,
    done: Vec<Condition>,
}

impl<'a> ConditionBuilder<'a> {
    fn new(frame: ConditionInputs<'a>) -> Self {
        Self { frame, done: Vec::new() }
    }

    fn put(&mut self, kind: &str, status: bool, reason: &str, message: &str) {
        let status = if status { ConditionStatus::True } else { ConditionStatus::False };
        let since = find(self.frame.previous, kind)
            .filter(|c| c.status == status)
            .map_or_else(|| in_seconds(self.frame.now), |c| c.last_transition_time);
        self.done.push(Condition {
            kind: kind.to_owned(),
            status,
            reason: reason.to_owned(),
            message: shortened(message),
            observed_generation: Some(self.frame.generation),
            last_transition_time: since,
        });
    }

    fn keep(&mut self, kind: &str) {
        self.done.extend(find(self.frame.previous, kind).cloned());
    }
}

/// As Kubernetes writes times of conditions.
fn in_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

fn shortened(message: &str) -> String {
    if message.chars().count() <= MAX_MESSAGE {
        return message.to_owned();
    }
    let mut short: String = message.chars().take(MAX_MESSAGE - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Retry, StallReason};

    const NOW: &str = "2026-11-23T10:00:00Z";

    fn frame(previous: &[Condition]) -> ConditionInputs<'_> {
        ConditionInputs { previous, generation: 2, deleting: false, now: NOW.parse().unwrap() }
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
        conditions(&outcome, ConditionInputs { previous: &[], generation, deleting: false, now: earlier })
    }

    #[test]
    fn every_reason_is_in_the_documentation() {
        let documented = include_str!("../../docs/reference/conditions.md");
        let waits = WaitReason::ALL.iter().map(|reason| reason.as_str());
        for reason in waits.chain(StallReason::ALL.iter().map(|reason| reason.as_str())) {
            assert!(
                documented.contains(&format!("| `{reason}` |")),
                "docs/reference/conditions.md does not know {reason}"
            );
        }
    }

    #[test]
    fn in_sync_is_ready_and_nothing_else_is_said() {
        let set = ready_before(2);
        assert_eq!(status(&set, READY), Some(("True", "InSync")));
        assert_eq!(status(&set, PROGRAMMED), Some(("True", "Programmed")));
        assert!(find(&set, RECONCILING).is_none() && find(&set, STALLED).is_none());
    }

    #[test]
    fn an_unreachable_cloud_is_reconciling_never_stalled() {
        let set = conditions(&waiting(WaitReason::CloudUnreachable), frame(&ready_before(2)));
        assert_eq!(status(&set, READY), Some(("False", "CloudUnreachable")));
        assert!(find(&set, RECONCILING).is_some() && find(&set, STALLED).is_none());
    }

    #[test]
    fn a_locked_load_balancer_of_a_ready_stack_stays_ready() {
        let before = ready_before(2);
        let set = conditions(&waiting(WaitReason::Locked), frame(&before));
        assert_eq!(status(&set, READY), Some(("True", "InSync")));
        assert_eq!(find(&set, READY).unwrap().last_transition_time, find(&before, READY).unwrap().last_transition_time);
    }

    fn step(call: crate::model::Call, kind: Kind) -> crate::model::Step {
        crate::model::Step {
            kind,
            name: "web".to_owned(),
            call,
            changes: Vec::new(),
            impact: crate::model::Impact::None,
            reason: crate::model::StepReason::Wanted,
            depends_on: None,
        }
    }

    #[test]
    fn a_ready_stack_whose_drift_cannot_be_mended_is_not_ready() {
        let before = ready_before(2);
        let mut outcome = waiting(WaitReason::Conflict);
        assert_eq!(status(&conditions(&outcome, frame(&before)), READY), Some(("True", "InSync")));
        let call = crate::model::Call::DeleteFloatingIp { id: "ip".to_owned(), revision: None };
        outcome.plan.steps.push(step(call, Kind::FloatingIp));
        assert_eq!(status(&conditions(&outcome, frame(&before)), READY), Some(("False", "Conflict")));
    }

    #[test]
    fn a_ready_stack_whose_load_balancer_is_made_anew_is_not_ready() {
        let mut outcome = Outcome::new(State::Progressing, Retry::Backoff);
        let call = crate::model::Call::Update { parent: None, id: "p".to_owned(), body: Default::default() };
        outcome.executed = Some(step(call, Kind::Pool));
        assert_eq!(status(&conditions(&outcome, frame(&ready_before(2))), READY), Some(("True", "InSync")));
        let call = crate::model::Call::CreateLoadBalancer { body: Default::default() };
        outcome.executed = Some(step(call, Kind::LoadBalancer));
        assert_eq!(status(&conditions(&outcome, frame(&ready_before(2))), READY), Some(("False", "Progressing")));
    }

    #[test]
    fn a_new_generation_is_not_ready_while_octavia_works() {
        let set = conditions(&waiting(WaitReason::Locked), frame(&ready_before(1)));
        assert_eq!(status(&set, READY), Some(("False", "Locked")));
        assert_eq!(find(&set, READY).unwrap().last_transition_time, NOW.parse::<Timestamp>().unwrap());
    }

    #[test]
    fn a_refused_spec_is_stalled_and_not_accepted() {
        let outcome = Outcome::stalled(StallReason::ImmutableField, "spec.loadBalancer.provider: …".to_owned());
        let set = conditions(&outcome, frame(&[]));
        assert_eq!(status(&set, ACCEPTED), Some(("False", "ImmutableField")));
        assert_eq!(status(&set, STALLED), Some(("True", "ImmutableField")));
        assert!(find(&set, RECONCILING).is_none());
    }

    #[test]
    fn a_missing_reference_is_told_apart_from_a_bad_spec() {
        let outcome = Outcome::stalled(StallReason::ReferenceNotFound, "no subnet".to_owned());
        let set = conditions(&outcome, frame(&[]));
        assert_eq!(status(&set, ACCEPTED), Some(("True", "Accepted")));
        assert_eq!(status(&set, RESOLVED_REFS), Some(("False", "ReferenceNotFound")));
    }

    #[test]
    fn a_difference_under_observe_is_ready_but_not_programmed() {
        let set = conditions(&Outcome::new(State::Observed { differs: true }, Retry::Resync), frame(&[]));
        assert_eq!(status(&set, READY), Some(("True", "OutOfSync")));
        assert_eq!(status(&set, PROGRAMMED).unwrap().0, "False");
    }

    #[test]
    fn pausing_changes_nothing_but_says_so() {
        let before = ready_before(1);
        let set = paused(frame(&before));
        assert_eq!(find(&set, READY), find(&before, READY));
        assert_eq!(status(&set, PAUSED), Some(("True", "Paused")));
    }

    #[test]
    fn a_deletion_says_what_it_waits_for() {
        let set =
            conditions(&waiting(WaitReason::Locked), ConditionInputs { deleting: true, ..frame(&ready_before(2)) });
        assert_eq!(status(&set, READY), Some(("False", "Deleting")));
        assert_eq!(find(&set, READY).unwrap().message, "why");
    }

    #[test]
    fn long_messages_are_cut_at_a_character() {
        assert_eq!(shortened(&"ü".repeat(3000)).chars().count(), MAX_MESSAGE);
    }
}
