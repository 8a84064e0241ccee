//! All contents of one stack.

use jiff::Timestamp;
use kube::Client;

use crate::api::AllowSpec;
use crate::cli::manifests::{Manifests, StackManifest};
use crate::model::{ClusterContents, Owner};
use crate::translate::Permissions;

use super::unknown::Unknown;

/// Reads contents from a cluster and from manifests.
pub(in crate::cli) struct ReferenceReader<'a> {
    pub(in crate::cli) manifests: &'a Manifests,
    pub(in crate::cli) client: Option<Client>,
    pub(in crate::cli) now: Timestamp,
}

/// Contents of one stack, and the references without one.
#[derive(Debug, Default)]
pub(in crate::cli) struct StackContents {
    pub(in crate::cli) contents: ClusterContents,
    pub(in crate::cli) unknown: Vec<Unknown>,
    /// The cloud that namespaces share, if the stack refers to one that is known.
    pub(super) cloud: Option<SharedCloud>,
}

/// A ClusterOpenStackCloud, as far as it restricts stacks.
#[derive(Debug)]
pub(super) struct SharedCloud {
    pub(super) name: String,
    pub(super) allow: AllowSpec,
}

impl StackContents {
    pub(in crate::cli) fn permissions(&self) -> Option<Permissions<'_>> {
        self.cloud.as_ref().map(|cloud| Permissions { cloud: &cloud.name, allow: &cloud.allow })
    }
}

impl ReferenceReader<'_> {
    pub(in crate::cli) async fn read(&self, manifest: &StackManifest, owner: &Owner) -> StackContents {
        let mut result = StackContents::default();
        self.add_endpoints(manifest, &mut result).await;
        self.add_certificates(manifest, owner, &mut result).await;
        self.add_cloud(manifest, &mut result).await;
        result
    }
}
