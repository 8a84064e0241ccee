//! Member sources: objects of the cluster from which a pool takes its members.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::load_balancer::CloudRef;
use super::object_name::service_name;
use super::rules::member_source as rules;
use super::schema;
use crate::model::IpFamily;

/// Source of members: a Service or the nodes of the cluster.
#[derive(KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::one_kind_of_source())]
pub struct MemberSourceSpec {
    /// Name of the source in this pool: a DNS label of at most 63 characters. Messages and status.pools show it.
    #[schemars(schema_with = "schema::key")]
    pub name: String,

    /// Endpoints of a Service in the namespace of the stack. Exactly one of service and nodes is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceSourceSpec>,

    /// Nodes of the cluster, all on one port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<NodesSourceSpec>,

    /// Share of the traffic for the whole source, 0 to 256, spread over its endpoints: 70 and 30 for two Services give
    /// them 70 and 30 % of the connections, however many endpoints each has. A static member counts as a source with one
    /// endpoint then. Either all sources of a pool have a weight, or none. Default: every endpoint has weight 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 256))]
    pub weight: Option<i32>,

    /// Standby: true makes the endpoints serve only while no other member of the pool does; not in pools of protocol UDP
    /// and SCTP. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<bool>,

    /// Subnet of the endpoints, which the load balancer gets an interface in. Default: they are reached by the routes of
    /// the VIP's subnet. Octavia's subnet_id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<CloudRef>,

    /// Port to check in place of the endpoints' own, 1 to 65535; not for type PING. Default: the port of the endpoint, or
    /// the health check node port of a Service with externalTrafficPolicy Local if target is NodePort and the
    /// healthMonitor of the pool is of type HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub monitor_port: Option<i32>,

    /// IP address to check in place of the endpoints' own, in canonical spelling; not for type PING. Default: the address
    /// of the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::machine_ip")]
    pub monitor_address: Option<String>,

    /// Tags of the members in Octavia, as in members[].tags. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::plain_tags")]
    pub tags: Vec<String>,
}

impl MemberSourceSpec {
    /// Tells whether the members are nodes.
    pub fn uses_nodes(&self) -> bool {
        self.nodes.is_some() || self.service.as_ref().is_some_and(|service| service.target == ServiceTarget::NodePort)
    }

    /// Tells whether the members are the endpoints of a Service.
    pub fn uses_pods(&self) -> bool {
        self.service.as_ref().is_some_and(|service| service.target == ServiceTarget::PodIP)
    }

    /// The IP version that the spec names.
    pub fn family(&self) -> Option<IpFamily> {
        self.service.as_ref().and_then(|service| service.family).or(self.nodes.as_ref().and_then(|nodes| nodes.family))
    }
}

/// Endpoints of a Service, from its EndpointSlices.
#[derive(KubeSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::node_fields_need_node_port())]
pub struct ServiceSourceSpec {
    /// Name of the Service. Type ExternalName is rejected; a headless Service needs target PodIP.
    #[schemars(schema_with = "schema::service_name")]
    pub name: String,

    /// Port of the Service: its name, or its number. For a headless Service without ports the number of the endpoints'
    /// port.
    #[schemars(schema_with = "schema::service_port")]
    pub port: ServicePort,

    /// Addresses to send the traffic to. PodIP: the addresses of the endpoints, which must be routable from the load
    /// balancer. NodePort: the nodes, on the node port of the Service.
    pub target: ServiceTarget,

    /// For NodePort: labels of the nodes to use. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<LabelSelectorSpec>,

    /// For NodePort: type of the node address. Default: InternalIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_type: Option<NodeAddressType>,

    /// IP version of the endpoints. Default: that of the VIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<IpFamily>,
}

impl ServiceSourceSpec {
    /// The name of the Service; `None` if it is not a valid name.
    pub fn service_name(&self) -> Option<&str> {
        service_name(&self.name)
    }
}

/// Nodes of the cluster as members.
#[derive(JsonSchema, Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodesSourceSpec {
    /// Labels of the nodes to use. Default: all. Nodes that are being deleted, and those with the label
    /// node.kubernetes.io/exclude-from-external-load-balancers, are left out. Nodes that are cordoned or not Ready stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelectorSpec>,

    /// Port on the nodes, 1 to 65535.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,

    /// Type of the node address. Default: InternalIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_type: Option<NodeAddressType>,

    /// IP version of the node address. Default: that of the VIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<IpFamily>,
}

/// Port of a Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ServicePort {
    Number(i32),
    Name(String),
}

impl std::fmt::Display for ServicePort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// Addresses that stand for a Service.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceTarget {
    PodIP,
    NodePort,
}

/// Type of a node address, as in the status of a Node.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum NodeAddressType {
    #[default]
    InternalIP,
    ExternalIP,
}

impl NodeAddressType {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InternalIP => "InternalIP",
            Self::ExternalIP => "ExternalIP",
        }
    }
}

/// Label selector: all of matchLabels and matchExpressions must match.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelectorSpec {
    /// Labels with their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::match_labels")]
    pub match_labels: BTreeMap<String, String>,

    /// Requirements on labels, at most 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub match_expressions: Vec<LabelRequirementSpec>,
}

/// Requirement on one label.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::values_suit_operator())]
pub struct LabelRequirementSpec {
    /// Name of the label, with its prefix if it has one.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,

    /// Relation of the label to values.
    pub operator: LabelOperator,

    /// Values of In and NotIn, at most 16; not allowed for Exists and DoesNotExist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::label_values")]
    pub values: Vec<String>,
}

/// Operator of a label requirement, as in Kubernetes.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LabelOperator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl LabelOperator {
    const fn as_str(self) -> &'static str {
        match self {
            Self::In => "In",
            Self::NotIn => "NotIn",
            Self::Exists => "Exists",
            Self::DoesNotExist => "DoesNotExist",
        }
    }
}

impl From<&LabelSelectorSpec> for LabelSelector {
    fn from(spec: &LabelSelectorSpec) -> Self {
        let expressions = spec.match_expressions.iter().map(|requirement| LabelSelectorRequirement {
            key: requirement.key.clone(),
            operator: requirement.operator.as_str().to_owned(),
            values: Some(requirement.values.clone()),
        });
        Self { match_labels: Some(spec.match_labels.clone()), match_expressions: Some(expressions.collect()) }
    }
}
