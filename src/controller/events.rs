//! What a person would want to be told, once per state and never per retry. Deciding is pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::Instant;

use super::conditions::{self, ConditionInputs};
use crate::engine::{Outcome, State, WaitReason};
use crate::model::Kind;

/// Kubernetes takes 1024 bytes.
const MAX_NOTE: usize = 1000;

const DRIFT: &str = "DriftCorrected";
const UPDATING: &str = "Updating";
const DELETING: &str = "Deleting";
const RECREATING: &str = "Recreating";

/// Conflicts pass by themselves, as a rule: one that has lasted for so long is told.
const LASTING: Duration = Duration::from_secs(300);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    pub warning: bool,
    pub reason: &'static str,
    pub note: String,
}

fn draft(warning: bool, reason: &'static str, note: impl Into<String>) -> Option<EventDraft> {
    Some(EventDraft { warning, reason, note: note.into() })
}

/// What of the work under way has been told already.
#[derive(Debug, Clone, Default)]
pub struct Announced {
    /// A drift that is still being mended.
    pub drifting: bool,
    /// The generation whose change is under way.
    pub updating: Option<i64>,
    /// That the load balancer is being deleted, however often it takes.
    pub deleting: bool,
    /// The last warning for each reason, with its generation: between two tries of the same thing the status says something
    /// else.
    warnings: BTreeMap<&'static str, (i64, String)>,
    conflict: Option<Conflict>,
}

/// A generation that comes to nothing but conflicts.
#[derive(Debug, Clone)]
struct Conflict {
    generation: i64,
    since: Instant,
    lasts: bool,
    told: bool,
}

impl Announced {
    /// To be told of what every pass came to, before it is decided what is news. `stuck_after`: what is too long for an
    /// operator who is less patient.
    pub fn watch(&mut self, outcome: &Outcome, generation: i64, stuck_after: Duration) {
        self.conflict = match (&outcome.state, self.conflict.take()) {
            (State::Waiting { reason, .. }, known) => {
                let known = known.filter(|conflict| conflict.generation == generation);
                let begins = || Conflict { generation, since: Instant::now(), lasts: false, told: false };
                let mut conflict = if is_conflict(*reason) { Some(known.unwrap_or_else(begins)) } else { known };
                if let Some(conflict) = &mut conflict {
                    conflict.lasts = conflict.since.elapsed() >= LASTING.min(stuck_after);
                }
                conflict
            }
            _ => None,
        };
    }

    /// To be told of what every pass came to.
    pub fn remember(&mut self, outcome: &Outcome, generation: i64, notice: Option<&EventDraft>) {
        if outcome.state == State::InSync {
            self.drifting = false;
            self.warnings.clear();
        }
        let Some(notice) = notice else { return };
        match notice.reason {
            UPDATING => self.updating = Some(generation),
            DELETING => self.deleting = true,
            _ => {}
        }
        if let Some(conflict) = self.conflict.as_mut().filter(|_| is_lasting_conflict(outcome)) {
            conflict.told = true;
        }
        if notice.warning {
            self.warnings.insert(notice.reason, (generation, notice.note.clone()));
        }
    }
}

fn is_conflict(reason: WaitReason) -> bool {
    matches!(reason, WaitReason::Conflict | WaitReason::ObjectChanged)
}

fn is_lasting_conflict(outcome: &Outcome) -> bool {
    matches!(outcome.state, State::Waiting { reason, .. } if is_conflict(reason))
}

pub fn event_for(outcome: &Outcome, frame: ConditionInputs<'_>, told: &Announced) -> Option<EventDraft> {
    let is_old = |notice: &EventDraft| {
        let last = told.warnings.get(notice.reason);
        notice.warning && last.is_some_and(|(generation, note)| (*generation, note) == (frame.generation, &notice.note))
    };
    transition_event(outcome, frame, told).filter(|notice| !is_old(notice))
}

fn transition_event(outcome: &Outcome, frame: ConditionInputs<'_>, told: &Announced) -> Option<EventDraft> {
    let is_told = |cause: &str| conditions::is_reported(frame.previous, frame.generation, cause);
    match &outcome.state {
        State::Progressing => progress_event(outcome, frame, told),
        State::InSync if is_told("InSync") => None,
        State::InSync => draft(false, "Ready", address_note(outcome)),
        State::Waiting { reason, message } => {
            let worth_telling = match reason {
                WaitReason::Locked | WaitReason::Queued => false,
                // Its condition is there from the first moment.
                WaitReason::Conflict | WaitReason::ObjectChanged => {
                    told.conflict.as_ref().is_some_and(|conflict| conflict.lasts && !conflict.told)
                }
                _ => !is_told(reason.as_str()),
            };
            if worth_telling { draft(true, reason.as_str(), message) } else { None }
        }
        State::Blocked { message } if !is_told("DisruptionForbidden") => draft(true, "DisruptionForbidden", message),
        State::Stalled { reason, message } if !is_told(reason.as_str()) => draft(true, reason.as_str(), message),
        State::Observed { differs: true } if !is_told("OutOfSync") => {
            draft(false, "OutOfSync", format!("would do: {}", outcome.plan.summary()))
        }
        State::Deleted => draft(false, "Deleted", "everything of this stack in the cloud is gone"),
        State::Orphaned { left_behind: None } => {
            let note = match outcome.load_balancer() {
                Some(lb) => format!("load balancer {} stays, without our tags", lb.id),
                None => "nothing is left that has our tags".to_owned(),
            };
            draft(false, "Orphaned", note)
        }
        State::Orphaned { left_behind: Some(why) } => {
            draft(true, "CleanupSkipped", format!("{why}; what is there stays as it is"))
        }
        State::Blocked { .. } | State::Stalled { .. } | State::Observed { .. } => None,
    }
}

fn progress_event(outcome: &Outcome, frame: ConditionInputs<'_>, told: &Announced) -> Option<EventDraft> {
    let step = outcome.executed.as_ref()?;
    if step.kind == Kind::LoadBalancer && step.call.verb() != "update" {
        let reason = match step.call.verb() {
            "create" => "Creating",
            // Only one that has never served is deleted to make way for another.
            _ if !frame.deleting => {
                let note =
                    format!("{} went into ERROR in its own create: it is made anew, as the spec is now", step.object());
                return draft(false, RECREATING, note);
            }
            _ => DELETING,
        };
        return if reason == DELETING && told.deleting { None } else { draft(false, reason, step.to_string()) };
    }
    let mut note = step.to_string();
    if !outcome.plan.steps.is_empty() {
        note = format!("{note}; then: {}", outcome.plan.summary());
    }
    if conditions::was_ready(frame.previous, frame.generation) {
        return if told.drifting { None } else { draft(false, DRIFT, note) };
    }
    if told.updating == Some(frame.generation) { None } else { draft(false, UPDATING, note) }
}

fn address_note(outcome: &Outcome) -> String {
    let Some(lb) = outcome.load_balancer() else { return String::new() };
    let mut note = format!("load balancer {} serves {}", lb.id, lb.vip_address.as_deref().unwrap_or("no address"));
    for ip in outcome.floating_ips().iter().filter(|ip| ip.port_id.is_some() && ip.port_id == lb.vip_port_id) {
        note.push_str(&format!(", floating IP {}", ip.floating_ip_address));
    }
    note
}

/// Tells it, as an Event of its own each time: one that is counted up would keep the words of the first. A namespace
/// that is being deleted takes no Events, which is no error of ours.
pub async fn publish(client: &Client, now: Timestamp, object: &ObjectReference, notice: EventDraft) {
    let mut note = notice.note;
    if note.len() > MAX_NOTE {
        let cut = (0..=MAX_NOTE).rev().find(|&at| note.is_char_boundary(at)).unwrap_or(0);
        note.truncate(cut);
        note.push('…');
    }
    let namespace = object.namespace.as_deref().unwrap_or_default();
    let event = Event {
        metadata: ObjectMeta {
            // With a dot instead, the API server refuses the prefix.
            generate_name: Some(format!("{}-", object.name.as_deref().unwrap_or_default())),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        type_: Some(if notice.warning { "Warning" } else { "Normal" }.to_owned()),
        reason: Some(notice.reason.to_owned()),
        note: Some(note),
        action: Some("Reconcile".to_owned()),
        event_time: Some(MicroTime(now)),
        regarding: Some(object.clone()),
        reporting_controller: Some(super::MANAGER.to_owned()),
        reporting_instance: Some(super::MANAGER.to_owned()),
        ..Event::default()
    };
    let events = Api::<Event>::namespaced(client.clone(), namespace);
    match events.create(&PostParams::default(), &event).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if [403, 404].contains(&status.code) => {
            tracing::debug!(%status, reason = notice.reason, "the Event was not taken");
        }
        Err(error) => tracing::warn!(%error, reason = notice.reason, "the Event was not taken"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Retry, StallReason};

    fn frame(previous: &[crate::api::Condition]) -> ConditionInputs<'_> {
        ConditionInputs { previous, generation: 1, deleting: false, now: "2026-11-23T10:00:00Z".parse().unwrap() }
    }

    fn after(outcome: &Outcome) -> Vec<crate::api::Condition> {
        conditions::conditions(outcome, frame(&[]))
    }

    #[test]
    fn each_state_is_told_once() {
        let stalled = Outcome::stalled(StallReason::RequestRejected, "no".to_owned());
        let unreachable = Outcome::waiting(WaitReason::CloudUnreachable, "no".to_owned(), Retry::Backoff);
        let in_sync = Outcome::new(State::InSync, Retry::Resync);
        for outcome in [stalled, unreachable, in_sync] {
            assert!(event_for(&outcome, frame(&[]), &Announced::default()).is_some());
            assert_eq!(event_for(&outcome, frame(&after(&outcome)), &Announced::default()), None);
        }
    }

    #[test]
    fn what_a_deletion_waits_for_is_told_once() {
        let deleting = |previous| ConditionInputs { deleting: true, ..frame(previous) };
        let unreachable = Outcome::waiting(WaitReason::CloudUnreachable, "no".to_owned(), Retry::Backoff);
        assert!(event_for(&unreachable, deleting(&[]), &Announced::default()).is_some());
        let after = conditions::conditions(&unreachable, deleting(&[]));
        assert_eq!(event_for(&unreachable, deleting(&after), &Announced::default()), None);
    }

    #[test]
    fn a_change_of_many_steps_is_told_once_even_if_it_began_with_a_wait() {
        let locked = after(&Outcome::waiting(WaitReason::Locked, "PENDING_UPDATE".to_owned(), Retry::Backoff));
        let mut working = Outcome::new(State::Progressing, Retry::Backoff);
        let call = crate::model::Call::Delete { parent: None, id: "p".to_owned() };
        working.executed = Some(crate::model::Step {
            kind: Kind::Pool,
            name: "web".to_owned(),
            call,
            changes: Vec::new(),
            impact: crate::model::Impact::None,
            reason: crate::model::StepReason::Wanted,
            depends_on: None,
        });
        assert_eq!(event_for(&working, frame(&locked), &Announced::default()).unwrap().reason, UPDATING);
        let told = Announced { updating: Some(1), ..Announced::default() };
        assert_eq!(event_for(&working, frame(&locked), &told), None);
    }

    /// Between two tries the status says something else.
    #[test]
    fn what_was_told_a_moment_ago_is_not_told_again_until_it_was_well() {
        let unreachable = Outcome::waiting(WaitReason::CloudUnreachable, "no".to_owned(), Retry::Backoff);
        let mut told = Announced::default();
        let first = event_for(&unreachable, frame(&[]), &told);
        told.remember(&unreachable, 1, first.as_ref());
        assert_eq!((first.is_some(), event_for(&unreachable, frame(&[]), &told)), (true, None));
        let other = Outcome::waiting(WaitReason::CloudUnreachable, "another".to_owned(), Retry::Backoff);
        assert!(event_for(&other, frame(&[]), &told).is_some());
        told.remember(&Outcome::new(State::InSync, Retry::Resync), 1, None);
        assert!(event_for(&unreachable, frame(&[]), &told).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn conflict_that_lasts_is_told_once_for_each_generation() {
        let conflict = Outcome::waiting(WaitReason::Conflict, "in use".to_owned(), Retry::Backoff);
        let locked = Outcome::waiting(WaitReason::Locked, "PENDING_UPDATE".to_owned(), Retry::Backoff);
        let (before, mut told, mut notes) = (after(&conflict), Announced::default(), Vec::new());
        for (minute, generation) in (0..30).map(|minute| (minute, i64::from(minute >= 20))) {
            let outcome = if minute % 2 == 0 { &conflict } else { &locked };
            told.watch(outcome, generation, Duration::from_secs(900));
            let found = event_for(outcome, ConditionInputs { generation, ..frame(&before) }, &told);
            told.remember(outcome, generation, found.as_ref());
            notes.extend(found.map(|_| minute));
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        assert_eq!(notes, [6, 26]);
        told.watch(&Outcome::new(State::InSync, Retry::Resync), 1, Duration::from_secs(900));
        told.watch(&conflict, 1, Duration::from_secs(900));
        assert_eq!(event_for(&conflict, frame(&before), &told), None);
    }

    #[test]
    fn waiting_for_a_lock_is_no_news() {
        let locked = Outcome::waiting(WaitReason::Locked, "PENDING_UPDATE".to_owned(), Retry::Backoff);
        assert_eq!(event_for(&locked, frame(&[]), &Announced::default()), None);
    }
}
