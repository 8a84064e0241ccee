//! The place of the credentials that a stack uses.

use kube::ResourceExt;

use super::error::CredentialsProblem;
use crate::api::LoadBalancerStack;
use crate::controller::names::NamespacedName;

/// Credentials of one cloud, by their place in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum CredentialsSource {
    /// Entry `cloud` of the `clouds.yaml` in a Secret.
    Secret { secret: NamespacedName, cloud: String },
}

impl CredentialsSource {
    /// Source of a stack: a Secret in its own namespace.
    pub(crate) fn of(stack: &LoadBalancerStack) -> Result<Self, CredentialsProblem> {
        let Some(reference) = &stack.spec.cloud_credentials_ref else { return Err(CredentialsProblem::NoReference) };
        match reference.secret() {
            Some(name) => Ok(Self::Secret {
                secret: NamespacedName::new(stack.namespace().unwrap_or_default(), name),
                cloud: reference.cloud_name.clone(),
            }),
            None => Err(CredentialsProblem::Unusable {
                secret: format!("{:?}", reference.secret_name),
                cause: "no Secret can have this name".into(),
            }),
        }
    }

    /// The Secret that holds the credentials.
    pub(crate) const fn secret(&self) -> &NamespacedName {
        match self {
            Self::Secret { secret, .. } => secret,
        }
    }

    /// The name of the entry in `clouds.yaml`.
    pub(crate) fn cloud(&self) -> &str {
        match self {
            Self::Secret { cloud, .. } => cloud,
        }
    }
}

/// Name of the Secret that a stack refers to, in its own namespace.
pub(crate) fn secret_of(stack: &LoadBalancerStack) -> Option<&str> {
    stack.spec.cloud_credentials_ref.as_ref()?.secret()
}
