//! What a person would want to be told, once per state and never per retry. Deciding is pure.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder};

use super::conditions::{self, Frame};
use crate::api::ConditionStatus;
use crate::engine::{Outcome, State, WaitReason};
use crate::plan::Kind;

/// Kubernetes takes 1024 bytes.
const MAX_NOTE: usize = 1000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub warning: bool,
    pub reason: &'static str,
    pub note: String,
}

fn notice(warning: bool, reason: &'static str, note: impl Into<String>) -> Option<Notice> {
    Some(Notice { warning, reason, note: note.into() })
}

/// `drifting`: a drift of this stack has been told of and is still being mended.
pub fn notable(outcome: &Outcome, frame: Frame<'_>, drifting: bool) -> Option<Notice> {
    let ready = conditions::find(frame.previous, "Ready");
    let same_generation = ready.is_some_and(|c| c.observed_generation == Some(frame.generation));
    let told = |reason: &str| conditions::told(frame.previous, frame.generation, reason);
    match &outcome.state {
        State::Working => working(
            outcome,
            frame,
            drifting,
            same_generation && ready.is_some_and(|c| c.status == ConditionStatus::False),
        ),
        State::InSync if told("InSync") => None,
        State::InSync => notice(false, "Ready", address_note(outcome)),
        State::Waiting { reason, message } => match reason {
            WaitReason::StuckPending if !told("StuckPending") => notice(true, "StuckPending", message),
            WaitReason::CreateInDoubt if !told("CreateInDoubt") => notice(true, "CreateInDoubt", message),
            WaitReason::CloudUnreachable if !told("CloudUnreachable") => notice(true, "CloudUnreachable", message),
            WaitReason::QuotaExceeded if !told("QuotaExceeded") => notice(true, "QuotaExceeded", message),
            _ => None,
        },
        State::Held { message } if !told("DisruptionForbidden") => notice(true, "DisruptionForbidden", message),
        State::Stalled { reason, message } if !told(reason.as_str()) => notice(true, reason.as_str(), message),
        State::Observed { differs: true } if !told("ObservedDiffers") => {
            notice(false, "ObservedDiffers", format!("would do: {}", outcome.plan.summary()))
        }
        State::Gone => notice(false, "Deleted", "everything of this stack in the cloud is gone"),
        State::LetGo { left_behind: None } => notice(false, "Orphaned", "the load balancer stays, without our tags"),
        State::LetGo { left_behind: Some(why) } => notice(true, "LetGo", format!("{why}; it stays as it is")),
        State::Held { .. } | State::Stalled { .. } | State::Observed { .. } => None,
    }
}

fn working(outcome: &Outcome, frame: Frame<'_>, drifting: bool, begun: bool) -> Option<Notice> {
    let step = outcome.executed.as_ref()?;
    if step.kind == Kind::LoadBalancer && step.call.verb() != "update" {
        let reason = if step.call.verb() == "create" { "Creating" } else { "Deleting" };
        return notice(false, reason, step.to_string());
    }
    let mut note = step.to_string();
    if !outcome.plan.steps.is_empty() {
        note = format!("{note}; then: {}", outcome.plan.summary());
    }
    if conditions::was_ready(frame.previous, frame.generation) {
        return if drifting { None } else { notice(false, "DriftCorrected", note) };
    }
    if begun { None } else { notice(false, "Updating", note) }
}

fn address_note(outcome: &Outcome) -> String {
    let Some(lb) = outcome.load_balancer() else { return String::new() };
    let mut note = format!("load balancer {} serves {}", lb.id, lb.vip_address.as_deref().unwrap_or("no address"));
    for ip in outcome.floating_ips().iter().filter(|ip| ip.port_id.is_some() && ip.port_id == lb.vip_port_id) {
        note.push_str(&format!(", floating IP {}", ip.floating_ip_address));
    }
    note
}

/// Tells it. A namespace that is being deleted takes no Events, which is no error of ours.
pub async fn publish(recorder: &Recorder, object: &ObjectReference, notice: Notice) {
    let mut note = notice.note;
    if note.len() > MAX_NOTE {
        let cut = (0..=MAX_NOTE).rev().find(|&at| note.is_char_boundary(at)).unwrap_or(0);
        note.truncate(cut);
        note.push('…');
    }
    let event = Event {
        type_: if notice.warning { EventType::Warning } else { EventType::Normal },
        reason: notice.reason.to_owned(),
        note: Some(note),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    if let Err(error) = recorder.publish(&event, object).await {
        tracing::debug!(%error, reason = notice.reason, "the Event was not taken");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Retry, StallReason};

    fn frame(previous: &[crate::api::Condition]) -> Frame<'_> {
        Frame { previous, generation: 1, deleting: false, now: "2026-11-23T10:00:00Z".parse().unwrap() }
    }

    fn after(outcome: &Outcome) -> Vec<crate::api::Condition> {
        conditions::conditions(outcome, frame(&[]))
    }

    #[test]
    fn each_state_is_told_once() {
        let stalled = Outcome::stalled(StallReason::Refused, "no".to_owned());
        let unreachable = Outcome::waiting(WaitReason::CloudUnreachable, "no".to_owned(), Retry::Backoff);
        let in_sync = Outcome::new(State::InSync, Retry::Resync);
        for outcome in [stalled, unreachable, in_sync] {
            assert!(notable(&outcome, frame(&[]), false).is_some());
            assert_eq!(notable(&outcome, frame(&after(&outcome)), false), None);
        }
    }

    #[test]
    fn each_state_of_a_deletion_is_told_once() {
        fn deleting(previous: &[crate::api::Condition]) -> Frame<'_> {
            Frame { deleting: true, ..frame(previous) }
        }
        for reason in [WaitReason::StuckPending, WaitReason::CreateInDoubt, WaitReason::CloudUnreachable] {
            let waiting = Outcome::waiting(reason, "no".to_owned(), Retry::Backoff);
            assert!(notable(&waiting, deleting(&[]), false).is_some());
            let told = conditions::conditions(&waiting, deleting(&[]));
            assert_eq!(notable(&waiting, deleting(&told), false), None, "{reason:?}");
        }
    }

    #[test]
    fn waiting_for_a_lock_is_no_news() {
        let locked = Outcome::waiting(WaitReason::Locked, "PENDING_UPDATE".to_owned(), Retry::Backoff);
        assert_eq!(notable(&locked, frame(&[]), false), None);
    }
}
