//! What the controller shows. A projection: delete it all and the next reconcile restores it.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What Evenkeel has seen and done.
#[derive(KubeSchema, Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerStackStatus {
    /// The generation of the spec that this status speaks of; -1 before the first look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Ready, and why it is not: Accepted, ResolvedRefs, Programmed, MembersHealthy; Paused, Reconciling and Stalled are
    /// there only while they are true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// The load balancer as Octavia shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancerStatus>,

    /// The listeners of the stack that Octavia has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub listeners: Vec<ListenerStatus>,

    /// The pools of the stack that Octavia has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub pools: Vec<PoolStatus>,

    /// What is being done, or would be: while managementPolicy is Observe, or disruptionPolicy holds it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
}

/// One aspect of the state of a stack: the six fields of metav1.Condition.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about, for example Ready.
    #[serde(rename = "type")]
    #[schemars(
        length(max = 316),
        regex(
            pattern = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
        )
    )]
    pub kind: String,

    /// True, False or Unknown.
    pub status: ConditionStatus,

    /// The generation of the spec that it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,

    /// When status changed last.
    #[schemars(schema_with = "date_time")]
    pub last_transition_time: Timestamp,

    /// Why, in one word for machines.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"))]
    pub reason: String,

    /// Why, for people. May be empty.
    #[schemars(length(max = 32768))]
    pub message: String,
}

#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

fn date_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time"})
}

/// The load balancer as Octavia shows it, and where it lives.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerStatus {
    /// Octavia's id of the load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,

    /// Its name in Octavia.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,

    /// The project that it belongs to. Credentials of another project are refused.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "projectID")]
    pub project_id: Option<String>,

    /// The region that it is in. Credentials for another region are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,

    /// The address that it listens on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vip_address: Option<String>,

    /// Its further addresses, one of each subnet in spec.loadBalancer.vip.additional. A load balancer that is made again
    /// asks for the same ones, as it does for vipAddress.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "additionalVIPs")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub additional_vips: Vec<AdditionalVipStatus>,

    /// Neutron's id of the port that holds the address.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "vipPortID")]
    pub vip_port_id: Option<String>,

    /// The floating address that leads to it.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "floatingIP")]
    pub floating_ip: Option<String>,

    /// Octavia's provisioning_status: ACTIVE, PENDING_... while it works, ERROR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning_status: Option<String>,

    /// True while the load balancer is in ERROR since its own create: Evenkeel makes it anew when the spec changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub never_served: Option<bool>,

    /// Octavia's operating_status: ONLINE, DEGRADED, ERROR, OFFLINE, DRAINING, NO_MONITOR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operating_status: Option<String>,

    /// The provider driver that it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,

    /// The version of Octavia's API, for example 2.27.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "octaviaAPIVersion")]
    pub octavia_api_version: Option<String>,
}

/// One more address of the load balancer.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdditionalVipStatus {
    /// Neutron's id of the subnet.
    #[serde(rename = "subnetID")]
    pub subnet_id: String,

    /// The address. Absent while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,

    /// Neutron's id of the port that holds the address.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "portID")]
    pub port_id: Option<String>,
}

/// A listener as Octavia shows it.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// Its name in the stack.
    pub name: String,

    /// Octavia's id.
    pub id: String,

    /// Octavia's provisioning_status.
    pub provisioning_status: String,

    /// Octavia's operating_status.
    pub operating_status: String,
}

/// A pool as Octavia shows it.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolStatus {
    /// Its name in the stack.
    pub name: String,

    /// Octavia's id.
    pub id: String,

    /// Octavia's provisioning_status.
    pub provisioning_status: String,

    /// Octavia's operating_status.
    pub operating_status: String,

    /// Its members, counted.
    pub members: MembersStatus,
}

/// Members by their operating_status.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembersStatus {
    /// All of them.
    pub total: i32,

    /// Those that serve, or are not watched: ONLINE and NO_MONITOR.
    pub online: i32,

    /// Those that get no new connections.
    pub draining: i32,

    /// Those that do not answer.
    pub error: i32,

    /// At most five that do not answer, as address:port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub unhealthy: Vec<String>,
}

/// What is being done, or would be.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// All of it in one line.
    pub summary: String,

    /// At most 20 steps, one line each, in the order in which they run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub steps: Vec<String>,
}
