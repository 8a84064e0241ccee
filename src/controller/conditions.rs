//! Conditions of an outcome. Pure. The documentation of conditions is for their readers.
//!
//! | state | Ready | other |
//! |---|---|---|
//! | progressing, locked, cloud unreachable, quota | False | Reconciling |
//! | drift being corrected | stays True until a write fails, or the load balancer is recreated | |
//! | rejected, reference missing, ownership conflict, other project, credentials | False | Stalled; Accepted or ResolvedRefs False |
//! | held back | False | Stalled |
//! | Observe | True | Programmed False when it differs |
//! | paused | unchanged | Paused |
//! | members down, or not ready and held back | True | MembersHealthy False |
//! | deleting | False, `Deleting` | Reconciling, with the reason of the wait; Stalled as above |

use jiff::Timestamp;

use super::text::shortened;
use crate::api::{Condition, ConditionStatus};
use crate::engine::{Outcome, StallReason, State, WaitReason};
use crate::model::{Kind, ObservedPool, ObservedTree, Problem};

pub(super) const READY: &str = "Ready";
const ACCEPTED: &str = "Accepted";
const RESOLVED_REFS: &str = "ResolvedRefs";
const PROGRAMMED: &str = "Programmed";
const MEMBERS_HEALTHY: &str = "MembersHealthy";
pub(super) const RECONCILING: &str = "Reconciling";
pub(super) const STALLED: &str = "Stalled";
pub(super) const PAUSED: &str = "Paused";

/// Reason of Ready of a stack that is only observed and differs from its load balancer.
const OUT_OF_SYNC: &str = "OutOfSync";

/// Most characters of a message. Kubernetes takes 32,768; people take fewer.
const MAX_MESSAGE: usize = 1024;

/// Most unhealthy members that status and conditions name.
pub(super) const MAX_UNHEALTHY: usize = 5;

/// Inputs of the conditions besides the outcome.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConditionInputs<'a> {
    pub previous: &'a [Condition],
    pub generation: i64,
    pub deleting: bool,
    /// Members that `minMembers` keeps although they are not ready.
    pub held_back: &'a [String],
    pub now: Timestamp,
}

/// Tells whether the stack was Ready at this very generation: a difference is drift then.
pub(super) fn was_ready(previous: &[Condition], generation: i64) -> bool {
    find(previous, READY)
        .is_some_and(|c| c.status == ConditionStatus::True && c.observed_generation == Some(generation))
}

/// Tells whether the last status reports this cause.
pub(super) fn is_reported(previous: &[Condition], generation: i64, cause: &str) -> bool {
    let reports = |c: &Condition| c.reason == cause && c.observed_generation == Some(generation);
    [READY, RECONCILING, STALLED].iter().any(|kind| find(previous, kind).is_some_and(reports))
}

pub(super) fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.kind == kind)
}

/// Conditions after a reconcile.
pub(super) fn conditions(outcome: &Outcome, inputs: ConditionInputs<'_>) -> Vec<Condition> {
    let mut builder = ConditionBuilder::new(inputs);
    let summary = summarize(outcome, inputs);
    builder.put(READY, summary.ready, &summary.reason, &summary.message);
    match summary.progress {
        Progress::Reconciling => builder.put(RECONCILING, true, &summary.cause, &summary.message),
        Progress::Stalled => builder.put(STALLED, true, &summary.cause, &summary.message),
        Progress::Settled => {}
    }
    put_accepted_and_resolved(&mut builder, outcome, &summary);
    put_programmed(&mut builder, &summary);
    match outcome.tree() {
        Some(tree) => put_members(&mut builder, tree),
        None => builder.keep(MEMBERS_HEALTHY),
    }
    builder.done
}

/// Conditions of a paused stack: each of them stays the same, with its own `observedGeneration`. A spec that was not
/// carried out is not Ready.
pub(super) fn paused(inputs: ConditionInputs<'_>) -> Vec<Condition> {
    let mut builder = ConditionBuilder::new(inputs);
    for condition in inputs.previous.iter().filter(|c| ![PAUSED, RECONCILING].contains(&c.kind.as_str())) {
        builder.done.push(condition.clone());
    }
    let message = if inputs.deleting {
        "spec.paused is true: OpenStack is not called, and the deletion waits until it is false"
    } else {
        "spec.paused is true: OpenStack is not called"
    };
    builder.put(PAUSED, true, "Paused", message);
    builder.done
}

enum Progress {
    Settled,
    Reconciling,
    Stalled,
}

struct Summary {
    ready: bool,
    /// Reason of Ready: `Deleting` while a deletion waits.
    reason: String,
    /// Reason of Reconciling or Stalled.
    cause: String,
    message: String,
    progress: Progress,
}

fn summarize(outcome: &Outcome, inputs: ConditionInputs<'_>) -> Summary {
    let make = |ready, cause: &str, message: String, progress| {
        let waits = inputs.deleting && matches!(progress, Progress::Reconciling);
        let reason = if waits { "Deleting" } else { cause };
        Summary { ready, reason: reason.to_owned(), cause: cause.to_owned(), message, progress }
    };
    match &outcome.state {
        State::InSync => make(true, "InSync", in_sync_message(outcome), Progress::Settled),
        State::Observed { differs: false } => make(true, "InSync", in_sync_message(outcome), Progress::Settled),
        State::Observed { differs: true } => {
            make(true, OUT_OF_SYNC, format!("would do: {}", outcome.plan.summary()), Progress::Settled)
        }
        State::Progressing | State::Waiting { reason: WaitReason::Locked | WaitReason::Conflict, .. }
            if stays_ready(outcome, inputs) =>
        {
            let ready = find(inputs.previous, READY);
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

/// Tells whether Ready stays True: drift is being corrected, and there is a load balancer that serves.
fn stays_ready(outcome: &Outcome, inputs: ConditionInputs<'_>) -> bool {
    let recreated =
        outcome.executed.as_ref().is_some_and(|step| step.kind == Kind::LoadBalancer && step.call.verb() == "create");
    // A conflict without a plan is a read that was overtaken; with one, another object made a step fail.
    let rejected =
        matches!(outcome.state, State::Waiting { reason: WaitReason::Conflict, .. }) && !outcome.plan.steps.is_empty();
    !inputs.deleting && !recreated && !rejected && was_ready(inputs.previous, inputs.generation)
}

fn in_sync_message(outcome: &Outcome) -> String {
    let Some(lb) = outcome.load_balancer() else { return String::new() };
    let address = lb.vip_address.as_deref().unwrap_or("no address yet");
    let mut message = format!("load balancer {} at {address} is in sync with the stack", lb.id);
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

fn put_accepted_and_resolved(builder: &mut ConditionBuilder<'_>, outcome: &Outcome, summary: &Summary) {
    match &outcome.state {
        State::Stalled { reason, .. } if reason.is_spec() => {
            builder.put(ACCEPTED, false, &summary.reason, &summary.message);
            builder.keep(RESOLVED_REFS);
        }
        State::Stalled { reason, .. } if reason.is_reference() => {
            builder.put(ACCEPTED, true, "Accepted", "");
            builder.put(RESOLVED_REFS, false, &summary.reason, &summary.message);
        }
        State::InSync | State::Progressing | State::Blocked { .. } | State::Observed { .. } => {
            builder.put(ACCEPTED, true, "Accepted", "");
            put_resolved(builder, &outcome.unresolved);
        }
        State::Stalled { .. } | State::Waiting { .. } | State::Deleted | State::Orphaned { .. } => {
            builder.keep(ACCEPTED);
            builder.keep(RESOLVED_REFS);
        }
    }
}

/// True for the conditions of a stack that is only observed and differs from its load balancer.
pub(super) fn are_out_of_sync(conditions: &[Condition]) -> bool {
    find(conditions, READY).is_some_and(|ready| ready.reason == OUT_OF_SYNC)
}

/// References of parts of the stack, such as member sources.
fn put_resolved(builder: &mut ConditionBuilder<'_>, unresolved: &[Problem]) {
    match unresolved.first() {
        None => builder.put(RESOLVED_REFS, true, "ResolvedRefs", ""),
        Some(first) => {
            let reason = StallReason::from(first.reason).as_str();
            builder.put(RESOLVED_REFS, false, reason, &Problem::joined(unresolved));
        }
    }
}

fn put_programmed(builder: &mut ConditionBuilder<'_>, summary: &Summary) {
    let programmed = summary.ready && summary.reason != OUT_OF_SYNC;
    let reason = if programmed { "Programmed" } else { summary.reason.as_str() };
    builder.put(PROGRAMMED, programmed, reason, if programmed { "" } else { summary.message.as_str() });
}

/// Health of the members. It never affects Ready: pods that wait for the stack would wait for themselves.
fn put_members(builder: &mut ConditionBuilder<'_>, tree: &ObservedTree) {
    let down: Vec<String> = tree.pools.iter().flat_map(members_down).collect();
    let watched = tree.pools.iter().filter(|pool| pool.monitor.is_some()).map(|pool| pool.members.len()).sum::<usize>();
    let held_back = builder.inputs.held_back;
    let down_message = format!("{} of {watched} watched members are down: {}", down.len(), first_of(&down));
    let held_message = format!(
        "{} members are not ready and stay, since their pools have fewer than minMembers others: {}; find out why their \
         pods are not ready",
        held_back.len(),
        first_of(held_back),
    );
    match (down.is_empty(), held_back.is_empty()) {
        (true, true) => builder.put(MEMBERS_HEALTHY, true, "NoMembersDown", ""),
        (true, false) => builder.put(MEMBERS_HEALTHY, false, "MembersHeldBack", &held_message),
        (false, true) => builder.put(MEMBERS_HEALTHY, false, "MembersDown", &down_message),
        (false, false) => {
            builder.put(MEMBERS_HEALTHY, false, "MembersDown", &format!("{down_message}; {held_message}"));
        }
    }
}

/// The first few members, and a mark where there are more.
fn first_of(members: &[String]) -> String {
    let some: Vec<&str> = members.iter().take(MAX_UNHEALTHY).map(String::as_str).collect();
    let more = if members.len() > some.len() { ", …" } else { "" };
    format!("{}{more}", some.join(", "))
}

fn members_down(pool: &ObservedPool) -> impl Iterator<Item = String> {
    pool.members
        .iter()
        .filter(|member| member.operating_status == "ERROR")
        .map(|member| format!("{}:{} of pool {}", member.address, member.protocol_port, pool.name))
}

/// Collects conditions, and keeps the transition time of those whose status stays.
struct ConditionBuilder<'a> {
    inputs: ConditionInputs<'a>,
    done: Vec<Condition>,
}

impl<'a> ConditionBuilder<'a> {
    fn new(inputs: ConditionInputs<'a>) -> Self {
        Self { inputs, done: Vec::new() }
    }

    fn put(&mut self, kind: &str, status: bool, reason: &str, message: &str) {
        self.done.push(condition(self.inputs, kind, status, reason, message));
    }

    fn keep(&mut self, kind: &str) {
        self.done.extend(find(self.inputs.previous, kind).cloned());
    }
}

/// One condition. Its time is that of the last change of `status`.
pub(super) fn condition(
    inputs: ConditionInputs<'_>,
    kind: &str,
    status: bool,
    reason: &str,
    message: &str,
) -> Condition {
    let status = if status { ConditionStatus::True } else { ConditionStatus::False };
    let since = find(inputs.previous, kind)
        .filter(|c| c.status == status)
        .map_or_else(|| in_seconds(inputs.now), |c| c.last_transition_time);
    Condition {
        kind: kind.to_owned(),
        status,
        reason: reason.to_owned(),
        message: shortened(message, MAX_MESSAGE, |_| 1),
        observed_generation: Some(inputs.generation),
        last_transition_time: since,
    }
}

/// Whole seconds, as Kubernetes writes times of conditions.
fn in_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests;
