//! Reads of the API server past the cache.
//!
//! A pool is emptied only for a zero that the API server itself confirms: a cache may be behind, and a watch that is lost
//! says nothing. A member that is not ready is kept only for a pod that is still there.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use crate::api::{MemberSourceSpec, PoolSpec};
use crate::endpoints::{
    Endpoints, NodeRecord, PodRef, SERVICE_LABEL, ServiceRecord, SliceRecord, SourceProblem, SourceRecords, endpoints,
};

/// Endpoints of a source by objects read now, with quorum (no resourceVersion).
pub(super) async fn live_endpoints(
    client: &Client,
    namespace: &str,
    pool: &PoolSpec,
    source: &MemberSourceSpec,
) -> Result<Result<Endpoints, SourceProblem>, kube::Error> {
    let mut service = None;
    let mut slices = Vec::new();
    if let Some(name) = source.service.as_ref().and_then(|service| service.service_name()) {
        let found = Api::<Service>::namespaced(client.clone(), namespace).get_opt(name).await?;
        service = found.map(|found| ServiceRecord::from(&found));
        let params = ListParams::default().labels(&format!("{SERVICE_LABEL}={name}"));
        let listed = Api::<EndpointSlice>::namespaced(client.clone(), namespace).list(&params).await?;
        slices = listed.items.iter().map(SliceRecord::from).collect();
    }
    let mut nodes = Vec::new();
    if source.uses_nodes() {
        let listed = Api::<Node>::all(client.clone()).list(&ListParams::default()).await?;
        nodes = listed.items;
    }
    let nodes: BTreeMap<String, NodeRecord> =
        nodes.iter().map(|node| (node.name_any(), NodeRecord::from(node))).collect();
    let slices: Vec<&SliceRecord> = slices.iter().collect();
    let nodes = nodes.iter().map(|(name, node)| (name.as_str(), node)).collect();
    let records = SourceRecords { service: service.as_ref(), slices: &slices, nodes: &nodes };
    Ok(endpoints(source, pool, records))
}

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
