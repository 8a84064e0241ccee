//! Reasons for which a stack has no session with its cloud.

use crate::controller::conflict;
use crate::engine::{Outcome, Retry, StallReason, WaitReason};

#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsProblem {
    #[error("it is missing: name a Secret with a key clouds.yaml, or a ClusterOpenStackCloud")]
    NoReference,
    #[error("{0}")]
    Reference(&'static str),
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
    #[error(
        "ClusterOpenStackCloud {0} does not exist: correct the name, or ask the administrator of the cluster for it"
    )]
    NoCloud(String),
    #[error("this version cannot read ClusterOpenStackCloud {0}: ask the administrator of the cluster to correct it")]
    CloudUnreadable(String),
    #[error("ClusterOpenStackCloud {0} is being deleted and this stack did not use it before: name another one")]
    CloudBeingDeleted(String),
    /// The error is in the log: its text names the controller's own namespace.
    #[error("ClusterOpenStackClouds and namespaces cannot be listed now: let the controller get, list and watch them")]
    CloudsNotListed,
    #[error(
        "namespace {namespace} may not use ClusterOpenStackCloud {cloud}; nothing is changed in the cloud: ask the \
         administrator of the cluster to grant it to the namespace (spec.allowedNamespaces)"
    )]
    NotGranted { namespace: String, cloud: String },
    /// The problem itself is for the administrator only.
    #[error(
        "the credentials of ClusterOpenStackCloud {cloud} cannot be used now: ask the administrator of the cluster, who \
         finds the cause in its status"
    )]
    Hidden { cloud: String, cause: Box<CredentialsProblem> },
}

impl CredentialsProblem {
    /// The problem in words for a stack. The Secret of a shared cloud is the business of its administrator alone; a conflict of
    /// the Kubernetes API is reported to nobody.
    pub(super) fn for_stack(self, cluster_cloud: Option<&str>) -> Self {
        match cluster_cloud {
            Some(cloud) if !self.is_conflict() => Self::Hidden { cloud: cloud.to_owned(), cause: Box::new(self) },
            _ => self,
        }
    }

    fn is_conflict(&self) -> bool {
        matches!(self, Self::Kube(error) if conflict::is_conflict(error))
    }

    /// The outcome of a reconcile that had no session. `field` has the reference to the credentials.
    pub(crate) fn at(self, field: &str) -> Outcome {
        let message = format!("{field}: {self}");
        match self.stall_reason() {
            Some(reason) => Outcome::stalled(reason, message),
            None => Outcome::waiting(WaitReason::CredentialsInaccessible, message, Retry::Backoff),
        }
    }

    /// Reason of a stall; `None` for a problem that may pass by itself.
    fn stall_reason(&self) -> Option<StallReason> {
        match self {
            Self::Kube(_) | Self::CloudsNotListed => None,
            Self::NoReference
            | Self::Reference(_)
            | Self::NoSecret(_)
            | Self::BeingDeleted(_)
            | Self::NoCloud(_)
            | Self::CloudBeingDeleted(_) => Some(StallReason::CredentialsMissing),
            Self::NoKey(_) | Self::Unusable { .. } | Self::CloudUnreadable(_) => Some(StallReason::CredentialsInvalid),
            Self::NotGranted { .. } => Some(StallReason::CloudNotGranted),
            Self::Hidden { cause, .. } => cause.stall_reason(),
        }
    }
}
