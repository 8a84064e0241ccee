//! Remedies of the engine in the words of Kubernetes.

use crate::engine::{Outcome, Remedy};

/// Remedy for a stack that cannot be deleted together with its load balancer.
pub(super) const ORPHAN: &str = "to delete the stack and leave its load balancer in the cloud, annotate the stack with \
                          evenkeel.dev/deletion-policy=Orphan";

/// The outcome with its remedies in its message. `cluster_cloud` is the cloud of the stack, if namespaces share it.
pub(super) fn explained(mut outcome: Outcome, cluster_cloud: Option<&str>) -> Outcome {
    for remedy in std::mem::take(&mut outcome.remedies) {
        let text = match remedy {
            Remedy::CheckCredentials => match cluster_cloud {
                Some(cloud) => {
                    format!(
                        "ask the administrator of the cluster to check the credentials of ClusterOpenStackCloud {cloud}"
                    )
                }
                None => "check the Secret of spec.cloudCredentialsRef, and the roles of its user".to_owned(),
            },
            Remedy::OrphanLoadBalancer => ORPHAN.to_owned(),
        };
        outcome.add_to_message(&format!("; {text}"));
    }
    outcome
}
