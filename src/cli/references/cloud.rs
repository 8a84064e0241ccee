//! Permissions of a stack that shares its cloud with other namespaces.

use kube::Api;

use crate::api::ClusterOpenStackCloud;
use crate::cli::manifests::StackManifest;

use super::contents::{ReferenceReader, SharedCloud, StackContents};
use super::unknown::{Unknown, UnknownContent};

/// Field that names the cloud.
const FIELD: &str = "spec.cloudCredentialsRef.clusterCloud";

impl ReferenceReader<'_> {
    pub(super) async fn add_cloud(&self, manifest: &StackManifest, result: &mut StackContents) {
        let reference = manifest.stack.spec.cloud_credentials_ref.as_ref();
        let Some(name) = reference.and_then(|reference| reference.cluster_cloud()) else { return };
        match self.cloud(name).await {
            Some(cloud) => result.cloud = Some(SharedCloud { name: name.to_owned(), allow: cloud.spec.allow }),
            None => {
                let object = format!("ClusterOpenStackCloud {name}");
                result.unknown.push(Unknown::new(manifest, FIELD, object, UnknownContent::Permissions));
            }
        }
    }

    /// The cloud in the cluster, or else in the manifests. Tenants often may not read it: that is no error.
    async fn cloud(&self, name: &str) -> Option<ClusterOpenStackCloud> {
        let in_cluster = match &self.client {
            Some(client) => Api::all(client.clone()).get_opt(name).await.unwrap_or_default(),
            None => None,
        };
        in_cluster.or_else(|| self.manifests.clouds.get(name).cloned())
    }
}
