//! Values for unit tests.

use crate::model::{Call, Impact, Kind, Step, StepReason};

/// A step without changes.
pub(crate) fn step(kind: Kind, name: &str, call: Call, reason: StepReason) -> Step {
    Step { kind, name: name.to_owned(), call, changes: Vec::new(), impact: Impact::None, reason, depends_on: None }
}
