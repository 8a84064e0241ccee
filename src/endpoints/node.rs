//! Nodes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::core::{Selector, SelectorExt};

use crate::api::{LabelSelectorSpec, NodeAddressType};
use crate::model::IpFamily;

/// Label that keeps a node out of load balancers, unless its value is false.
const EXCLUDE_LABEL: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// Taints of nodes that an autoscaler is about to delete.
const DELETION_TAINTS: [&str; 2] = ["ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted"];

/// The parts of a Node that endpoints depend on. Not its readiness, nor whether it is cordoned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeRecord {
    pub labels: BTreeMap<String, String>,
    pub internal: Vec<IpAddr>,
    pub external: Vec<IpAddr>,
    /// The node is being deleted, or is about to be.
    pub is_leaving: bool,
}

impl NodeRecord {
    /// Tells whether the node says that load balancers must not use it.
    pub(super) fn is_excluded(&self) -> bool {
        // As the service controller: any value but a false one excludes.
        self.labels
            .get(EXCLUDE_LABEL)
            .is_some_and(|value| !matches!(value.as_str(), "0" | "f" | "F" | "false" | "FALSE" | "False"))
    }

    pub(super) fn matches(&self, selector: Option<&LabelSelectorSpec>) -> bool {
        let Some(spec) = selector else { return true };
        // The schema admits the four operators only, so the conversion succeeds.
        Selector::try_from(LabelSelector::from(spec)).is_ok_and(|selector| selector.matches(&self.labels))
    }

    pub(super) fn address(&self, kind: NodeAddressType, family: IpFamily) -> Option<IpAddr> {
        let addresses = match kind {
            NodeAddressType::InternalIP => &self.internal,
            NodeAddressType::ExternalIP => &self.external,
        };
        addresses.iter().copied().find(|address| IpFamily::of(*address) == family)
    }
}

impl From<&Node> for NodeRecord {
    fn from(node: &Node) -> Self {
        let addresses = |kind: &str| {
            let all = node.status.iter().flat_map(|status| status.addresses.iter().flatten());
            all.filter(|address| address.type_ == kind).filter_map(|address| address.address.parse().ok()).collect()
        };
        let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
        let is_tainted = taints.into_iter().any(|taint| DELETION_TAINTS.contains(&taint.key.as_str()));
        Self {
            labels: node.labels().clone(),
            internal: addresses("InternalIP"),
            external: addresses("ExternalIP"),
            is_leaving: is_tainted || node.metadata.deletion_timestamp.is_some(),
        }
    }
}
