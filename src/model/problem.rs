//! Reasons for which a stack cannot be carried out as it is written.

use serde::Serialize;
use thiserror::Error;

use super::Id;

/// One field of a stack that validation, the cloud or the planner objects to.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[error("{field}: {message}")]
pub struct Problem {
    /// Path by the names that the stack gives: `spec.listeners[https].tls.certificate`.
    pub field: String,
    pub reason: ProblemReason,
    /// Cause and remedy, for people.
    pub message: String,
    /// Floating IP that the problem is about: the problem lasts as long as it looks the same.
    #[serde(skip)]
    pub floating_ip: Option<Id>,
}

/// Reason of a condition that reports a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum ProblemReason {
    /// The stack contradicts itself or Octavia's rules, whatever the cloud.
    InvalidSpec,
    /// This Octavia is too old, or the provider does not support it.
    UnsupportedByCloud,
    /// The cloud is shared, and does not allow it.
    ForbiddenByCloud,
    /// The cloud has no such object, or the project cannot see it.
    ReferenceNotFound,
    /// Several objects have the name.
    ReferenceAmbiguous,
    /// The object exists, but cannot be used here.
    ReferenceUnusable,
    /// Octavia cannot change the field once the load balancer exists.
    ImmutableField,
    /// Another client's object inside the stack's load balancer is in the way: a listener on the same port.
    ResourceConflict,
    /// The members of a pool cannot be read now, so the pool cannot be replaced or deleted without losing them.
    MembersUnknown,
}

impl Problem {
    pub fn new(field: impl Into<String>, reason: ProblemReason, message: impl Into<String>) -> Self {
        Self { field: field.into(), reason, message: message.into(), floating_ip: None }
    }

    /// All problems in one text.
    pub fn joined(problems: &[Self]) -> String {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    /// A problem that lasts until the floating IP changes.
    pub fn about_floating_ip(self, id: &str) -> Self {
        Self { floating_ip: Some(id.to_owned()), ..self }
    }
}
