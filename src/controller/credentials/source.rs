//! The place of the credentials that a stack uses.

use kube::ResourceExt;

use super::error::CredentialsProblem;
use crate::api::{ClusterOpenStackCloudSpec, CredentialsChoice, CredentialsRefProblem, LoadBalancerStack};
use crate::cluster::NamespacedName;
use crate::controller::cluster_clouds::{AccessProblem, CloudAccess, ClusterClouds};
use crate::controller::finalizer;

/// Credentials of one cloud, by their place in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum CredentialsSource {
    /// Entry `cloud` of the `clouds.yaml` in a Secret.
    Secret { secret: NamespacedName, cloud: String },
    /// The same, by way of the ClusterOpenStackCloud `name`: several namespaces use them.
    ClusterCloud { name: String, secret: NamespacedName, cloud: String },
}

impl CredentialsSource {
    /// Source of a stack: a Secret in its own namespace, or a cloud that is granted to the namespace. A withdrawn grant
    /// still lets a stack be deleted.
    pub(crate) fn of(stack: &LoadBalancerStack, clouds: &ClusterClouds) -> Result<Self, CredentialsProblem> {
        let Some(reference) = &stack.spec.cloud_credentials_ref else { return Err(CredentialsProblem::NoReference) };
        match reference.choice() {
            Ok(CredentialsChoice::Secret { secret, cloud }) => Ok(Self::Secret {
                secret: NamespacedName::new(stack.namespace().unwrap_or_default(), secret),
                cloud: cloud.to_owned(),
            }),
            Ok(CredentialsChoice::ClusterCloud(name)) => match clouds.access(stack) {
                Some(Ok(access)) => Self::of_access(stack, &access, clouds),
                Some(Err(AccessProblem::NotListed { .. })) => Err(CredentialsProblem::CloudsNotListed),
                Some(Err(AccessProblem::Unreadable)) => Err(CredentialsProblem::CloudUnreadable(name.to_owned())),
                Some(Err(AccessProblem::Missing)) | None => Err(CredentialsProblem::NoCloud(name.to_owned())),
            },
            Err(CredentialsRefProblem::SecretName) => Err(CredentialsProblem::Unusable {
                secret: format!("{:?}", reference.secret_name.as_deref().unwrap_or_default()),
                cause: "no Secret can have this name".into(),
            }),
            Err(problem) => Err(CredentialsProblem::Reference(problem.message())),
        }
    }

    fn of_access(
        stack: &LoadBalancerStack,
        access: &CloudAccess,
        clouds: &ClusterClouds,
    ) -> Result<Self, CredentialsProblem> {
        let ends = stack.metadata.deletion_timestamp.is_some() && !stack.spec.observes_only();
        if !access.is_granted && !ends {
            let namespace = stack.namespace().unwrap_or_default();
            return Err(CredentialsProblem::NotGranted { namespace, cloud: access.name.clone() });
        }
        if access.is_deleting && !ends && !finalizer::has_finalizer(stack) {
            return Err(CredentialsProblem::CloudBeingDeleted(access.name.clone()));
        }
        Self::of_cluster_cloud(&access.name, &access.spec, clouds)
    }

    /// Source of a cloud that namespaces share.
    pub(crate) fn of_cluster_cloud(
        name: &str,
        spec: &ClusterOpenStackCloudSpec,
        clouds: &ClusterClouds,
    ) -> Result<Self, CredentialsProblem> {
        let secret = clouds.secret_of(spec).ok_or_else(|| CredentialsProblem::Unusable {
            secret: format!("{:?}", spec.secret_ref.name),
            cause: "no Secret can have this name".into(),
        })?;
        Ok(Self::ClusterCloud { name: name.to_owned(), secret, cloud: spec.cloud_name.clone() })
    }

    /// The Secret that holds the credentials.
    pub(crate) const fn secret(&self) -> &NamespacedName {
        match self {
            Self::Secret { secret, .. } | Self::ClusterCloud { secret, .. } => secret,
        }
    }

    /// The name of the entry in `clouds.yaml`.
    pub(crate) fn cloud(&self) -> &str {
        match self {
            Self::Secret { cloud, .. } | Self::ClusterCloud { cloud, .. } => cloud,
        }
    }

    /// Name of the cloud, if namespaces share it.
    pub(crate) fn cluster_cloud(&self) -> Option<&str> {
        match self {
            Self::Secret { .. } => None,
            Self::ClusterCloud { name, .. } => Some(name),
        }
    }
}

/// Name of the Secret that a stack refers to, in its own namespace.
pub(crate) fn secret_of(stack: &LoadBalancerStack) -> Option<&str> {
    stack.spec.cloud_credentials_ref.as_ref()?.secret()
}
