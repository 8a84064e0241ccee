//! Objects behind one member source.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use crate::api::{MemberSourceSpec, PoolSpec};
use crate::endpoints::{
    Endpoints, NodeRecord, SERVICE_LABEL, ServiceRecord, SliceRecord, SourceProblem, SourceRecords, endpoints,
    unready_endpoints,
};

/// The Service, its EndpointSlices and the nodes that one source needs. Empty where it needs none.
#[derive(Debug, Default)]
pub struct SourceObjects {
    service: Option<ServiceRecord>,
    slices: Vec<SliceRecord>,
    nodes: BTreeMap<String, NodeRecord>,
}

impl SourceObjects {
    /// The objects of a Service that is known without a cluster.
    pub fn of_service(service: &Service, slices: &[&EndpointSlice]) -> Self {
        Self {
            service: Some(ServiceRecord::from(service)),
            slices: slices.iter().map(|slice| SliceRecord::from(*slice)).collect(),
            nodes: BTreeMap::new(),
        }
    }

    /// Reads the objects of a source now, with quorum (no resourceVersion).
    ///
    /// # Errors
    /// A request failed.
    pub async fn read(client: &Client, namespace: &str, source: &MemberSourceSpec) -> Result<Self, kube::Error> {
        let mut objects = Self::default();
        if let Some(name) = source.service.as_ref().and_then(|service| service.service_name()) {
            let found = Api::<Service>::namespaced(client.clone(), namespace).get_opt(name).await?;
            objects.service = found.map(|found| ServiceRecord::from(&found));
            let params = ListParams::default().labels(&format!("{SERVICE_LABEL}={name}"));
            let listed = Api::<EndpointSlice>::namespaced(client.clone(), namespace).list(&params).await?;
            objects.slices = listed.items.iter().map(SliceRecord::from).collect();
        }
        if source.uses_nodes() {
            let listed = Api::<Node>::all(client.clone()).list(&ListParams::default()).await?;
            objects.nodes = listed.items.iter().map(|node| (node.name_any(), NodeRecord::from(node))).collect();
        }
        Ok(objects)
    }

    pub const fn has_service(&self) -> bool {
        self.service.is_some()
    }

    /// Tells whether pods of the source are not ready.
    pub fn has_unready_pods(&self, source: &MemberSourceSpec) -> bool {
        let slices: Vec<&SliceRecord> = self.slices.iter().collect();
        let nodes = BTreeMap::new();
        let records = SourceRecords { service: self.service.as_ref(), slices: &slices, nodes: &nodes };
        !unready_endpoints(source, records).is_empty()
    }

    /// Endpoints of the source.
    ///
    /// # Errors
    /// The source cannot be used as it is; its endpoints are unknown then, not none.
    pub fn endpoints(&self, pool: &PoolSpec, source: &MemberSourceSpec) -> Result<Endpoints, SourceProblem> {
        let slices: Vec<&SliceRecord> = self.slices.iter().collect();
        let nodes = self.nodes.iter().map(|(name, node)| (name.as_str(), node)).collect();
        let records = SourceRecords { service: self.service.as_ref(), slices: &slices, nodes: &nodes };
        endpoints(source, pool, records)
    }
}
