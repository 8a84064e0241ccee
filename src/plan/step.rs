//! Constructors of steps for the planner.

use serde_json::Value;

use super::Patch;
use crate::model::{Call, Id, Impact, Kind, Step, StepReason};

/// An object that the cloud has, or that an earlier step of the plan makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The id; `<pool web>` while there is none.
    pub id: Id,
    /// What has to be made first.
    pub depends_on: Option<String>,
}

impl Target {
    pub fn existing(id: &str) -> Self {
        Self { id: id.to_owned(), depends_on: None }
    }

    pub fn pending(kind: Kind, name: &str) -> Self {
        let waits = format!("{} {name}", kind.noun());
        Self { id: format!("<{waits}>"), depends_on: Some(waits) }
    }

    pub fn json(&self) -> Value {
        Value::from(self.id.as_str())
    }
}

impl Step {
    pub(super) fn new(kind: Kind, name: impl Into<String>, call: Call) -> Self {
        let (changes, impact, why) = (Vec::new(), Impact::None, StepReason::Wanted);
        Self { kind, name: name.into(), call, changes, impact, reason: why, depends_on: None }
    }

    /// `PUT` of an object that has no parent in its path.
    pub(super) fn update(kind: Kind, name: impl Into<String>, target: &Target, edit: Patch) -> Self {
        let call = Call::Update { parent: None, id: target.id.clone(), body: edit.body };
        Self { changes: edit.changes, ..Self::new(kind, name, call) }.after(target)
    }

    pub(super) fn delete(kind: Kind, name: impl Into<String>, id: &str) -> Self {
        Self::new(kind, name, Call::Delete { parent: None, id: id.to_owned() })
    }

    /// Waits for the target if that is still to be made.
    pub(super) fn after(mut self, target: &Target) -> Self {
        if target.depends_on.is_some() {
            self.depends_on.clone_from(&target.depends_on);
        }
        self
    }

    pub(super) fn because(self, why: StepReason) -> Self {
        Self { reason: why, ..self }
    }
}
