//! Reasons for which a stack has no session with its cloud.

use crate::engine::{Outcome, Retry, StallReason, WaitReason};

#[derive(Debug, thiserror::Error)]
pub enum CredentialsProblem {
    #[error("it is missing: name a Secret with a key clouds.yaml")]
    NoReference,
    #[error("Secret {0} does not exist: make it, with a key clouds.yaml")]
    NoSecret(String),
    #[error("Secret {0} has no key clouds.yaml: put it there")]
    NoKey(String),
    #[error("Secret {secret}: {cause}")]
    Unusable { secret: String, cause: String },
    #[error("Secret {0} is being deleted and no stack used it before: make a new one")]
    BeingDeleted(String),
    #[error("reading the Secret: {0}")]
    Kube(#[from] Box<kube::Error>),
}

impl From<CredentialsProblem> for Outcome {
    /// The outcome of a reconcile that had no session.
    fn from(problem: CredentialsProblem) -> Self {
        let message = format!("spec.cloudCredentialsRef: {problem}");
        match problem {
            CredentialsProblem::Kube(_) => Self::waiting(WaitReason::CredentialsInaccessible, message, Retry::Backoff),
            CredentialsProblem::NoReference | CredentialsProblem::NoSecret(_) | CredentialsProblem::BeingDeleted(_) => {
                Self::stalled(StallReason::CredentialsMissing, message)
            }
            CredentialsProblem::NoKey(_) | CredentialsProblem::Unusable { .. } => {
                Self::stalled(StallReason::CredentialsInvalid, message)
            }
        }
    }
}
