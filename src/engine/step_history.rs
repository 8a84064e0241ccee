//! Changes since the load balancer was last in sync, so that a failure names its cause.
//!
//! After a failed change Octavia shows the new values, and comparing finds nothing: the plan only heals. The fields of
//! the change are known to the process that sent it, and to none after a restart.

use crate::model::{Plan, Step, StepReason};

/// Most changes that are remembered; more is a large edit, of which the latest matter.
const REMEMBERED: usize = 64;

/// Octavia's changes since the load balancer was last in sync, oldest first.
#[derive(Debug, Default)]
pub(super) struct StepHistory {
    steps: Vec<Step>,
    /// Set once this process has seen the load balancer in sync: no change is missing in `steps`.
    complete: bool,
}

/// The change before a failure.
#[derive(Debug, PartialEq)]
pub(super) enum Cause<'a> {
    Change(&'a Step),
    /// Evenkeel has changed nothing.
    None,
    /// An earlier process may have changed something.
    Unknown,
}

impl StepHistory {
    pub(super) fn executed(&mut self, step: &Step) {
        if step.reason == StepReason::Heal || !step.call.is_octavia() {
            return;
        }
        self.steps.retain(|known| !same_object(known, step));
        if self.steps.len() >= REMEMBERED {
            self.steps.remove(0);
        }
        self.steps.push(step.clone());
    }

    /// Records that the load balancer is in sync: every change took effect.
    pub(super) fn settled(&mut self) {
        self.steps.clear();
        self.complete = true;
    }

    pub(super) fn cause(&self) -> Cause<'_> {
        match self.steps.last() {
            Some(step) => Cause::Change(step),
            None if self.complete => Cause::None,
            None => Cause::Unknown,
        }
    }

    /// The change that this step sends again.
    pub(super) fn change_of(&self, heal: &Step) -> Option<&Step> {
        self.steps.iter().find(|step| heal.reason == StepReason::Heal && same_object(step, heal))
    }

    /// Adds the fields of the failed change to the steps that heal it.
    pub(super) fn explain(&self, plan: &mut Plan, executed: Option<&mut Step>) {
        for step in plan.steps.iter_mut().chain(executed).filter(|step| step.changes.is_empty()) {
            if let Some(change) = self.change_of(step) {
                step.changes.clone_from(&change.changes);
            }
        }
    }

    /// Describes repeated steps for people: objects in ERROR with the change that led there.
    pub(super) fn describe(&self, steps: &[Step]) -> String {
        let mut parts: Vec<String> = steps.iter().map(|step| self.describe_step(step)).collect();
        let known = steps.iter().any(|step| step.reason != StepReason::Heal || self.change_of(step).is_some());
        if let Cause::Change(last) = self.cause()
            && !known
        {
            parts.push(format!("the last change before was {last}"));
        }
        parts.join("; ")
    }

    fn describe_step(&self, step: &Step) -> String {
        match self.change_of(step) {
            _ if step.reason != StepReason::Heal => step.to_string(),
            Some(change) => format!("{} is in ERROR since {change}", step.object()),
            None => format!("{} is in ERROR", step.object()),
        }
    }
}

/// Compares kind and name: a listener that was just made has no id in the step that made it.
fn same_object(one: &Step, other: &Step) -> bool {
    (one.kind, &one.name) == (other.kind, &other.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fixtures;
    use crate::model::{Call, Change, Kind};

    fn step(kind: Kind, name: &str, reason: StepReason, field: Option<&str>) -> Step {
        let call = Call::Update { parent: None, id: name.to_owned(), body: Default::default() };
        let change = |field: &str| Change { field: field.to_owned(), was: "a".into(), want: "b".into() };
        let changes = field.map(change).into_iter().collect();
        Step { changes, ..fixtures::step(kind, name, call, reason) }
    }

    #[test]
    fn healed_object_is_described_with_its_change() {
        let mut history = StepHistory::default();
        assert_eq!(history.cause(), Cause::Unknown);
        history.settled();
        assert_eq!(history.cause(), Cause::None);
        history.executed(&step(Kind::Pool, "web", StepReason::Wanted, Some("lb_algorithm")));
        history.executed(&step(Kind::Pool, "web", StepReason::Heal, None));
        let heal = [step(Kind::Pool, "web", StepReason::Heal, None)];
        assert_eq!(history.describe(&heal), "pool web is in ERROR since ~ pool web: lb_algorithm a -> b");
        let mut plan = Plan { steps: heal.to_vec(), ..Plan::default() };
        history.explain(&mut plan, None);
        assert_eq!(plan.steps[0].to_string(), "~ pool web: lb_algorithm a -> b (heal)");
    }

    #[test]
    fn sibling_of_failed_change_is_described_with_it() {
        let mut history = StepHistory::default();
        history.executed(&step(Kind::Listener, "new", StepReason::Wanted, Some("tls_ciphers")));
        let heal = [step(Kind::Listener, "old", StepReason::Heal, None)];
        let described = "listener old is in ERROR; the last change before was ~ listener new: tls_ciphers a -> b";
        assert_eq!(history.describe(&heal), described);
        history.settled();
        assert_eq!(history.describe(&heal), "listener old is in ERROR");
    }

    #[test]
    fn history_keeps_only_the_latest_changes() {
        let mut history = StepHistory::default();
        for name in 0..100 {
            history.executed(&step(Kind::Pool, &name.to_string(), StepReason::Wanted, None));
        }
        assert_eq!(history.steps.len(), REMEMBERED);
        assert!(matches!(history.cause(), Cause::Change(step) if step.name == "99"));
    }
}
