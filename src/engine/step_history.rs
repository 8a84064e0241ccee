//! Memory of the changes on the way to the state that the stack describes, so that a failure names its cause.
//!
//! After a failed change Octavia shows the new values, and comparing finds nothing: the plan only heals. The fields of
//! the change are known to whoever sent it, and to nobody after a restart.

use crate::model::{Plan, Step, StepReason};

/// Changes that are remembered at most; more is a large edit, of which the latest matter.
const REMEMBERED: usize = 64;

/// Octavia's changes since the load balancer was last in sync, oldest first.
#[derive(Debug, Default)]
pub(super) struct StepHistory {
    steps: Vec<Step>,
    /// This process has seen the load balancer in sync: no change is missing in `steps`.
    complete: bool,
}

/// The change before a failure.
#[derive(Debug, PartialEq)]
pub(super) enum Cause<'a> {
    Change(&'a Step),
    /// Evenkeel changed nothing.
    None,
    /// An earlier process may have changed something.
    Unknown,
}

impl StepHistory {
    pub fn executed(&mut self, step: &Step) {
        if step.reason == StepReason::Heal || !step.call.is_octavia() {
            return;
        }
        self.steps.retain(|known| !same_object(known, step));
        if self.steps.len() >= REMEMBERED {
            self.steps.remove(0);
        }
        self.steps.push(step.clone());
    }

    /// The load balancer is as the stack says: every change took effect.
    pub fn settled(&mut self) {
        self.steps.clear();
        self.complete = true;
    }

    pub fn cause(&self) -> Cause<'_> {
        match self.steps.last() {
            Some(step) => Cause::Change(step),
            None if self.complete => Cause::None,
            None => Cause::Unknown,
        }
    }

    /// The change that this step sends again.
    pub fn change_of(&self, heal: &Step) -> Option<&Step> {
        self.steps.iter().find(|step| heal.reason == StepReason::Heal && same_object(step, heal))
    }

    /// Gives steps that heal the fields of the change that failed.
    pub fn explain(&self, plan: &mut Plan, executed: Option<&mut Step>) {
        for step in plan.steps.iter_mut().chain(executed).filter(|step| step.changes.is_empty()) {
            if let Some(change) = self.change_of(step) {
                step.changes.clone_from(&change.changes);
            }
        }
    }

    /// The steps of a plan that come back, for people: objects in ERROR with the change that led there.
    pub fn tell(&self, steps: &[Step]) -> String {
        let mut parts: Vec<String> = steps.iter().map(|step| self.part(step)).collect();
        let known = steps.iter().any(|step| step.reason != StepReason::Heal || self.change_of(step).is_some());
        if let Cause::Change(last) = self.cause()
            && !known
        {
            parts.push(format!("the last change before was {last}"));
        }
        parts.join("; ")
    }

    fn part(&self, step: &Step) -> String {
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
    use crate::model::{Call, Change, Impact, Kind};

    fn step(kind: Kind, name: &str, why: StepReason, field: Option<&str>) -> Step {
        let call = Call::Update { parent: None, id: name.to_owned(), body: Default::default() };
        let change = |field: &str| Change { field: field.to_owned(), was: "a".into(), want: "b".into() };
        let changes = field.map(change).into_iter().collect();
        Step { kind, name: name.to_owned(), call, changes, impact: Impact::None, reason: why, depends_on: None }
    }

    #[test]
    fn healed_object_is_told_with_the_change_before() {
        let mut trail = StepHistory::default();
        assert_eq!(trail.cause(), Cause::Unknown);
        trail.settled();
        assert_eq!(trail.cause(), Cause::None);
        trail.executed(&step(Kind::Pool, "web", StepReason::Wanted, Some("lb_algorithm")));
        trail.executed(&step(Kind::Pool, "web", StepReason::Heal, None));
        let heal = [step(Kind::Pool, "web", StepReason::Heal, None)];
        assert_eq!(trail.tell(&heal), "pool web is in ERROR since ~ pool web: lb_algorithm a -> b");
        let mut plan = Plan { steps: heal.to_vec(), ..Plan::default() };
        trail.explain(&mut plan, None);
        assert_eq!(plan.steps[0].to_string(), "~ pool web: lb_algorithm a -> b (heal)");
    }

    #[test]
    fn sibling_of_a_failed_change_is_told_with_that_change() {
        let mut trail = StepHistory::default();
        trail.executed(&step(Kind::Listener, "new", StepReason::Wanted, Some("tls_ciphers")));
        let heal = [step(Kind::Listener, "old", StepReason::Heal, None)];
        let told = "listener old is in ERROR; the last change before was ~ listener new: tls_ciphers a -> b";
        assert_eq!(trail.tell(&heal), told);
        trail.settled();
        assert_eq!(trail.tell(&heal), "listener old is in ERROR");
    }

    #[test]
    fn only_the_latest_changes_are_remembered() {
        let mut trail = StepHistory::default();
        for name in 0..100 {
            trail.executed(&step(Kind::Pool, &name.to_string(), StepReason::Wanted, None));
        }
        assert_eq!(trail.steps.len(), REMEMBERED);
        assert!(matches!(trail.cause(), Cause::Change(step) if step.name == "99"));
    }
}
