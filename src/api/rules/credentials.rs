//! Rules of the reference to credentials.

use kube::core::Rule;

/// Requires a Secret with an entry of its clouds.yaml, or a ClusterOpenStackCloud.
pub(crate) fn one_source() -> Rule {
    Rule::new(
        "has(self.clusterCloud) ? !has(self.secretName) && !has(self.cloudName) : \
         has(self.secretName) && has(self.cloudName)",
    )
    .message("either secretName and cloudName are required, or clusterCloud")
}
