//! Making steps.

use serde_json::Value;

use super::{Call, Impact, Kind, Patch, Step, StepReason};
use crate::model::Id;

/// An object that the cloud has, or that an earlier step of the plan makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The id; `<pool web>` while there is none.
    pub id: Id,
    /// What has to be made first.
    pub waits: Option<String>,
}

impl Target {
    pub fn seen(id: &str) -> Self {
        Self { id: id.to_owned(), waits: None }
    }

    pub fn made(kind: Kind, name: &str) -> Self {
        let waits = format!("{} {name}", kind.noun());
        Self { id: format!("<{waits}>"), waits: Some(waits) }
    }

    pub fn json(&self) -> Value {
        Value::from(self.id.as_str())
    }
}

impl Step {
    pub(super) fn new(kind: Kind, name: impl Into<String>, call: Call) -> Self {
        let (changes, impact, why) = (Vec::new(), Impact::None, StepReason::Wanted);
        Self { kind, name: name.into(), call, changes, impact, why, waits: None }
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
        if target.waits.is_some() {
            self.waits.clone_from(&target.waits);
        }
        self
    }

    /// Whether this is the same change as another one, whatever happened to the object in between.
    pub fn repeats(&self, other: &Self) -> bool {
        let timeless = |step: &Self| {
            let mut step = step.clone();
            if let Call::UpdateFloatingIp { revision, .. } = &mut step.call {
                *revision = None;
            }
            step
        };
        timeless(self) == timeless(other)
    }

    pub fn impact(self, impact: Impact) -> Self {
        Self { impact, ..self }
    }

    pub(super) fn because(self, why: StepReason) -> Self {
        Self { why, ..self }
    }
}
