//! Reads of pods past the cache: a member that is not ready is kept only for a pod that is still there.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt};

use crate::endpoints::PodRef;

/// Addresses of a pod; none if it is gone, another one has its name, or it terminates.
pub(super) async fn pod_addresses(client: &Client, namespace: &str, pod: &PodRef) -> Result<Vec<IpAddr>, kube::Error> {
    let found = Api::<Pod>::namespaced(client.clone(), namespace).get_opt(&pod.name).await?;
    let found =
        found.filter(|found| found.uid().as_ref() == Some(&pod.uid) && found.metadata.deletion_timestamp.is_none());
    let Some(status) = found.and_then(|found| found.status) else { return Ok(Vec::new()) };
    if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return Ok(Vec::new());
    }
    let several = status.pod_ips.into_iter().flatten().map(|address| address.ip);
    Ok(status.pod_ip.into_iter().chain(several).filter_map(|address| address.parse().ok()).collect())
}
