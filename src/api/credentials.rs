//! Reference of a stack to its credentials.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::object_name::object_name;
use super::patterns;
use super::rules::credentials as rules;

/// Reference to the credentials: a Secret in the namespace of the stack with an entry of its clouds.yaml, or a
/// ClusterOpenStackCloud.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::one_source())]
pub struct CloudCredentialsRef {
    /// Name of a Secret in the same namespace, a DNS subdomain of at most 253 characters. Its key clouds.yaml holds the
    /// credentials, its optional key cacert a bundle of trusted certificates (PEM). Either secretName and cloudName are
    /// required, or clusterCloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::OBJECT_NAME))]
    pub secret_name: Option<String>,

    /// Name of the entry of clouds.yaml to use, 1 to 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub cloud_name: Option<String>,

    /// Name of a ClusterOpenStackCloud, whose credentials several namespaces share. It must grant its use to the namespace
    /// of the stack, and says what a stack may ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = patterns::OBJECT_NAME))]
    pub cluster_cloud: Option<String>,
}

/// The credentials that a stack names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialsChoice<'a> {
    /// An entry of the clouds.yaml in a Secret of the stack's namespace.
    Secret { secret: &'a str, cloud: &'a str },
    /// A ClusterOpenStackCloud.
    ClusterCloud(&'a str),
}

impl CloudCredentialsRef {
    /// The credentials that the reference names.
    ///
    /// # Errors
    /// The reason for which no such credentials can exist, with the field below the reference.
    pub fn choice(&self) -> Result<CredentialsChoice<'_>, CredentialsRefProblem> {
        match (&self.secret_name, &self.cloud_name, &self.cluster_cloud) {
            (Some(secret), Some(cloud), None) if object_name(secret).is_some() => {
                Ok(CredentialsChoice::Secret { secret, cloud })
            }
            (Some(_), Some(_), None) => Err(CredentialsRefProblem::SecretName),
            (None, None, Some(cloud)) if object_name(cloud).is_some() => Ok(CredentialsChoice::ClusterCloud(cloud)),
            (None, None, Some(_)) => Err(CredentialsRefProblem::ClusterCloudName),
            _ => Err(CredentialsRefProblem::NotOne),
        }
    }

    /// The name of the Secret, if the reference names one that can exist.
    pub fn secret(&self) -> Option<&str> {
        match self.choice() {
            Ok(CredentialsChoice::Secret { secret, .. }) => Some(secret),
            _ => None,
        }
    }

    /// The name of the ClusterOpenStackCloud, if the reference names one that can exist.
    pub fn cluster_cloud(&self) -> Option<&str> {
        match self.choice() {
            Ok(CredentialsChoice::ClusterCloud(cloud)) => Some(cloud),
            _ => None,
        }
    }
}

/// Reason for which a reference names no credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialsRefProblem {
    /// Neither or both.
    NotOne,
    /// No Secret can have the name.
    SecretName,
    /// No ClusterOpenStackCloud can have the name.
    ClusterCloudName,
}

impl CredentialsRefProblem {
    /// Path of the field below the reference, with its dot; empty for the reference itself.
    pub const fn field(self) -> &'static str {
        match self {
            Self::NotOne => "",
            Self::SecretName => ".secretName",
            Self::ClusterCloudName => ".clusterCloud",
        }
    }

    /// Cause and remedy, for people.
    pub const fn message(self) -> &'static str {
        match self {
            Self::NotOne => "either secretName and cloudName are required, or clusterCloud",
            Self::SecretName => "is not a valid Secret name: write a DNS subdomain of at most 253 characters",
            Self::ClusterCloudName => {
                "is not a valid name of a ClusterOpenStackCloud: write a DNS subdomain of at most 253 characters"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_names_either_secret_or_cluster_cloud() {
        let named = |secret: Option<&str>, cloud: Option<&str>, cluster_cloud: Option<&str>| {
            let [secret_name, cloud_name, cluster_cloud] =
                [secret, cloud, cluster_cloud].map(|name| name.map(str::to_owned));
            let reference = CloudCredentialsRef { secret_name, cloud_name, cluster_cloud };
            reference.choice().map(|choice| format!("{choice:?}"))
        };
        let secret = CredentialsChoice::Secret { secret: "s", cloud: "c" };
        assert_eq!(named(Some("s"), Some("c"), None), Ok(format!("{secret:?}")));
        assert_eq!(named(None, None, Some("p")), Ok(format!("{:?}", CredentialsChoice::ClusterCloud("p"))));
        assert_eq!(named(Some("../s"), Some("c"), None), Err(CredentialsRefProblem::SecretName));
        assert_eq!(named(None, None, Some("a/b")), Err(CredentialsRefProblem::ClusterCloudName));
        for (secret, cloud, cluster_cloud) in [
            (None, None, None),
            (Some("s"), None, None),
            (None, Some("c"), None),
            (Some("s"), Some("c"), Some("p")),
            (None, Some("c"), Some("p")),
        ] {
            assert_eq!(named(secret, cloud, cluster_cloud), Err(CredentialsRefProblem::NotOne));
        }
    }
}
