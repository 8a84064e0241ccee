//! Kubernetes Events, one for each change of state and none for a retry. The decision is pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::{Api, Client};
use tokio::time::Instant;

use super::conditions::{self, ConditionInputs};
use super::names::{MANAGER, posted_by_evenkeel};
use super::text::shortened;
use crate::engine::{Outcome, State, WaitReason};
use crate::model::{Kind, StepReason};

/// Kubernetes takes 1024 bytes.
const MAX_NOTE: usize = 1000;

const DRIFT: &str = "DriftCorrected";
const UPDATING: &str = "Updating";
const DELETING: &str = "Deleting";
const RECREATING: &str = "Recreating";
const ADOPTING: &str = "Adopting";

/// Time after which a conflict is announced: most pass by themselves.
const LASTING_CONFLICT: Duration = Duration::from_secs(300);

/// An Event before it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventDraft {
    pub warning: bool,
    pub reason: &'static str,
    pub note: String,
}

fn draft(warning: bool, reason: &'static str, note: impl Into<String>) -> Option<EventDraft> {
    Some(EventDraft { warning, reason, note: note.into() })
}

/// Events that were published about the work in progress.
#[derive(Debug, Clone, Default)]
pub(super) struct Announced {
    /// Set while a drift that was announced is being corrected.
    pub drifting: bool,
    /// Generation whose change is in progress.
    pub updating: Option<i64>,
    /// Set once the deletion of the load balancer was announced, however many tries it takes.
    pub deleting: bool,
    /// Last warning for each reason, with its generation: between two tries of one write the status has other reasons.
    warnings: BTreeMap<&'static str, (i64, String)>,
    conflict: Option<Conflict>,
}

/// A generation that ends in nothing but conflicts.
#[derive(Debug, Clone)]
struct Conflict {
    generation: i64,
    since: Instant,
    lasts: bool,
    announced: bool,
}

impl Announced {
    /// Records the outcome of every reconcile, before [`event_for`] decides. `stuck_after` is the limit of the
    /// operator, which may be shorter.
    pub(super) fn watch(&mut self, outcome: &Outcome, generation: i64, stuck_after: Duration) {
        self.conflict = match (&outcome.state, self.conflict.take()) {
            (State::Waiting { reason, .. }, known) => {
                let known = known.filter(|conflict| conflict.generation == generation);
                let begins = || Conflict { generation, since: Instant::now(), lasts: false, announced: false };
                let mut conflict = if is_conflict(*reason) { Some(known.unwrap_or_else(begins)) } else { known };
                if let Some(conflict) = &mut conflict {
                    conflict.lasts = conflict.since.elapsed() >= LASTING_CONFLICT.min(stuck_after);
                }
                conflict
            }
            _ => None,
        };
    }

    fn is_repeated(&self, event: &EventDraft, generation: i64) -> bool {
        let last = self.warnings.get(event.reason);
        event.warning && last.is_some_and(|(known, note)| (*known, note) == (generation, &event.note))
    }

    /// Records the outcome of every reconcile, and its Event.
    pub(super) fn remember(&mut self, outcome: &Outcome, generation: i64, event: Option<&EventDraft>) {
        if outcome.state == State::InSync {
            self.drifting = false;
            self.warnings.clear();
        }
        let Some(event) = event else { return };
        match event.reason {
            UPDATING => self.updating = Some(generation),
            DELETING => self.deleting = true,
            _ => {}
        }
        if let Some(conflict) = self.conflict.as_mut().filter(|_| is_lasting_conflict(outcome)) {
            conflict.announced = true;
        }
        if event.warning {
            self.warnings.insert(event.reason, (generation, event.note.clone()));
        }
    }
}

fn is_conflict(reason: WaitReason) -> bool {
    matches!(reason, WaitReason::Conflict | WaitReason::ObjectChanged)
}

fn is_lasting_conflict(outcome: &Outcome) -> bool {
    matches!(outcome.state, State::Waiting { reason, .. } if is_conflict(reason))
}

/// Event of an outcome: none where the last status or an earlier Event says the same.
pub(super) fn event_for(outcome: &Outcome, inputs: ConditionInputs<'_>, announced: &Announced) -> Option<EventDraft> {
    let is_reported = |reason: &str| conditions::is_reported(inputs.previous, inputs.generation, reason);
    let event = match &outcome.state {
        State::Progressing => progress_event(outcome, inputs, announced),
        State::InSync if is_reported("InSync") => None,
        State::InSync => draft(false, "Ready", address_note(outcome)),
        State::Waiting { reason, message } => {
            let is_due = match reason {
                WaitReason::Locked | WaitReason::Queued => false,
                // Its condition is there from the first moment.
                WaitReason::Conflict | WaitReason::ObjectChanged => {
                    announced.conflict.as_ref().is_some_and(|conflict| conflict.lasts && !conflict.announced)
                }
                _ => !is_reported(reason.as_str()),
            };
            if is_due { draft(true, reason.as_str(), message) } else { None }
        }
        State::Blocked { message } if !is_reported("DisruptionForbidden") => {
            draft(true, "DisruptionForbidden", message)
        }
        State::Stalled { reason, message } if !is_reported(reason.as_str()) => draft(true, reason.as_str(), message),
        State::Observed { differs: true } if !is_reported("OutOfSync") => {
            draft(false, "OutOfSync", format!("would do: {}", outcome.plan.summary()))
        }
        State::Deleted => draft(false, "Deleted", "nothing of this stack is left in the cloud"),
        State::Orphaned { left_behind: None } => {
            let note = match outcome.load_balancer() {
                Some(lb) => format!("load balancer {} stays, without the tags of this stack", lb.id),
                None => "nothing in the cloud carries the tags of this stack".to_owned(),
            };
            draft(false, "Orphaned", note)
        }
        State::Orphaned { left_behind: Some(why) } => {
            draft(true, "CleanupSkipped", format!("{why}; what is there stays as it is"))
        }
        State::Blocked { .. } | State::Stalled { .. } | State::Observed { .. } => None,
    };
    event.filter(|event| !announced.is_repeated(event, inputs.generation))
}

fn progress_event(outcome: &Outcome, inputs: ConditionInputs<'_>, announced: &Announced) -> Option<EventDraft> {
    let step = outcome.executed.as_ref()?;
    if step.kind == Kind::LoadBalancer && step.call.verb() != "update" {
        let reason = match step.call.verb() {
            "create" => "Creating",
            // Only one that has never served is deleted to make way for another.
            _ if !inputs.deleting => {
                let note =
                    format!("{} went into ERROR in its own create: it is recreated, as the spec is now", step.object());
                return draft(false, RECREATING, note);
            }
            _ => DELETING,
        };
        return if reason == DELETING && announced.deleting { None } else { draft(false, reason, step.to_string()) };
    }
    if step.reason == StepReason::Adopt {
        return draft(false, ADOPTING, step.to_string());
    }
    let mut note = step.to_string();
    if !outcome.plan.steps.is_empty() {
        note = format!("{note}; then: {}", outcome.plan.summary());
    }
    if conditions::was_ready(inputs.previous, inputs.generation) {
        return if announced.drifting { None } else { draft(false, DRIFT, note) };
    }
    if announced.updating == Some(inputs.generation) { None } else { draft(false, UPDATING, note) }
}

fn address_note(outcome: &Outcome) -> String {
    let Some(lb) = outcome.load_balancer() else { return String::new() };
    let mut note = format!("load balancer {} serves {}", lb.id, lb.vip_address.as_deref().unwrap_or("no address"));
    for ip in outcome.floating_ips().iter().filter(|ip| ip.port_id.is_some() && ip.port_id == lb.vip_port_id) {
        note.push_str(&format!(", floating IP {}", ip.floating_ip_address));
    }
    note
}

/// Publishes an Event, each as an object of its own: a series would keep the note of the first. A namespace that is
/// being deleted accepts no Events, which is no error.
pub(super) async fn publish(client: &Client, now: Timestamp, regarding: &ObjectReference, event: EventDraft) {
    let note = shortened(&event.note, MAX_NOTE, char::len_utf8);
    let namespace = regarding.namespace.as_deref().unwrap_or_default();
    let object = Event {
        metadata: ObjectMeta {
            // A dot instead of the dash is not accepted in the prefix.
            generate_name: Some(format!("{}-", regarding.name.as_deref().unwrap_or_default())),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        type_: Some(if event.warning { "Warning" } else { "Normal" }.to_owned()),
        reason: Some(event.reason.to_owned()),
        note: Some(note),
        action: Some("Reconcile".to_owned()),
        event_time: Some(MicroTime(now)),
        regarding: Some(regarding.clone()),
        reporting_controller: Some(MANAGER.to_owned()),
        reporting_instance: Some(MANAGER.to_owned()),
        ..Event::default()
    };
    let events = Api::<Event>::namespaced(client.clone(), namespace);
    match events.create(&posted_by_evenkeel(), &object).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if [403, 404].contains(&status.code) => {
            tracing::debug!(%status, reason = event.reason, "the Event was not taken");
        }
        Err(error) => tracing::warn!(%error, reason = event.reason, "the Event was not taken"),
    }
}

#[cfg(test)]
mod tests;
