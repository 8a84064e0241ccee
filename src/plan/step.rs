//! Constructors of steps for the planner.

use serde_json::Value;

use super::diff::Patch;
use crate::model::{Call, Id, Kind, Step, StepReason};

/// Object that a step is about or refers to: one that the cloud has, or one that an earlier step of the plan creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The id; `<pool web>` while there is none.
    pub id: Id,
    /// The object that has to be created first.
    pub depends_on: Option<String>,
}

impl Target {
    pub(super) fn existing(id: &str) -> Self {
        Self { id: id.to_owned(), depends_on: None }
    }

    pub(super) fn pending(kind: Kind, name: &str) -> Self {
        let object = format!("{} {name}", kind.noun());
        Self { id: format!("<{object}>"), depends_on: Some(object) }
    }

    pub(super) fn json(&self) -> Value {
        Value::from(self.id.as_str())
    }
}

impl Step {
    /// `PUT` of an object that has no parent in its path.
    pub(super) fn update(kind: Kind, name: impl Into<String>, target: &Target, patch: Patch) -> Self {
        let call = Call::Update { parent: None, id: target.id.clone(), body: patch.body };
        Self { changes: patch.changes, ..Self::new(kind, name, call) }.after(target)
    }

    pub(super) fn delete(kind: Kind, name: impl Into<String>, id: &str) -> Self {
        Self::new(kind, name, Call::Delete { parent: None, id: id.to_owned() })
    }

    /// Makes the step depend on the target if that is still to be created.
    pub(super) fn after(mut self, target: &Target) -> Self {
        if target.depends_on.is_some() {
            self.depends_on.clone_from(&target.depends_on);
        }
        self
    }

    pub(super) fn because(self, reason: StepReason) -> Self {
        Self { reason, ..self }
    }
}
