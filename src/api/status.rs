//! Observed state. It is a projection: if all of it is deleted, the next reconcile restores it.

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Observed state of the load balancer, and the progress of Evenkeel.
#[derive(KubeSchema, Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerStackStatus {
    /// Generation of the spec that the controller has seen; -1 before the first reconcile. A condition may describe an
    /// earlier one while the stack is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Conditions: Ready sums up Accepted, ResolvedRefs, Programmed and MembersHealthy; Paused, Reconciling and Stalled are
    /// present only while they are true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// Load balancer as Octavia reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancerStatus>,

    /// Listeners of the stack that exist in Octavia.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub listeners: Vec<ListenerStatus>,

    /// Pools of the stack that exist in Octavia.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub pools: Vec<PoolStatus>,

    /// Listeners, pools and L7 policies of the load balancer that the spec does not name and that stay, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub foreign_children: Vec<ForeignChildStatus>,

    /// Changes in progress, or changes that would be made if managementPolicy were not Observe or disruptionPolicy did not
    /// hold them back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
}

/// One aspect of the state of a stack: the six fields of metav1.Condition.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Type of the condition, for example Ready.
    #[serde(rename = "type")]
    #[schemars(
        length(max = 316),
        regex(
            pattern = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
        )
    )]
    pub kind: String,

    /// Status of the condition: True, False or Unknown.
    pub status: ConditionStatus,

    /// Generation of the spec that the condition describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,

    /// Time of the last change of status.
    #[schemars(schema_with = "date_time")]
    pub last_transition_time: Timestamp,

    /// Reason of the status, in one word for machines.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"))]
    pub reason: String,

    /// Message for people: cause, object and next action. May be empty.
    #[schemars(length(max = 32768))]
    pub message: String,
}

/// Status of a condition.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

fn date_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time"})
}

/// Load balancer as Octavia reports it, with its project and region.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerStatus {
    /// Id of the load balancer in Octavia.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,

    /// Name of the load balancer in Octavia.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,

    /// Id of the project of the load balancer. Credentials for another project are rejected.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "projectID")]
    pub project_id: Option<String>,

    /// Region of the load balancer. Credentials for another region are rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,

    /// IP address of the VIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vip_address: Option<String>,

    /// Additional addresses, one for each subnet in spec.loadBalancer.vip.additional, at most 64. A load balancer that is
    /// created again requests the same ones, and the same vipAddress.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "additionalVIPs")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub additional_vips: Vec<AdditionalVipStatus>,

    /// Id of the Neutron port that holds the VIP.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "vipPortID")]
    pub vip_port_id: Option<String>,

    /// Floating IP address that leads to the VIP.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "floatingIP")]
    pub floating_ip: Option<String>,

    /// Octavia's provisioning_status: ACTIVE, PENDING_... during a change, or ERROR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning_status: Option<String>,

    /// True if the load balancer has been in ERROR since its own create: Evenkeel creates it again when the spec changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub never_served: Option<bool>,

    /// Octavia's operating_status: ONLINE, DEGRADED, ERROR, OFFLINE, DRAINING, NO_MONITOR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operating_status: Option<String>,

    /// Provider driver of the load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,

    /// Version of Octavia's API, for example 2.27.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "octaviaAPIVersion")]
    pub octavia_api_version: Option<String>,
}

/// Additional address of the load balancer.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdditionalVipStatus {
    /// Id of the Neutron subnet.
    #[serde(rename = "subnetID")]
    pub subnet_id: String,

    /// IP address. Absent while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,

    /// Id of the Neutron port that holds the address.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "portID")]
    pub port_id: Option<String>,
}

/// Listener as Octavia reports it.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// Name in the stack.
    pub name: String,

    /// Id in Octavia.
    pub id: String,

    /// Octavia's provisioning_status.
    pub provisioning_status: String,

    /// Octavia's operating_status.
    pub operating_status: String,
}

/// Pool as Octavia reports it.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolStatus {
    /// Name in the stack.
    pub name: String,

    /// Id in Octavia.
    pub id: String,

    /// Octavia's provisioning_status.
    pub provisioning_status: String,

    /// Octavia's operating_status.
    pub operating_status: String,

    /// Number of members by health.
    pub members: MembersStatus,
}

/// Members, counted by Octavia's operating_status.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembersStatus {
    /// Number of all members.
    pub total: i32,

    /// Number of members that serve or are not monitored: ONLINE and NO_MONITOR.
    pub online: i32,

    /// Number of members that get no new connections.
    pub draining: i32,

    /// Number of members that fail their checks.
    pub error: i32,

    /// Members that fail their checks, as address:port; at most 5.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub unhealthy: Vec<String>,

    /// Members of each member source, in the order of the spec. A member of several sources counts for the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub sources: Vec<SourceMembersStatus>,
}

/// Members of one source.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceMembersStatus {
    /// Name of the source in the pool.
    pub name: String,

    /// Number of its endpoints that are members.
    pub total: i32,

    /// Number of those that are not ready and stay because the pool has fewer than minMembers others. Absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<i32>,

    /// Number of those that serve or are not monitored: ONLINE and NO_MONITOR.
    pub online: i32,
}

/// Child of the load balancer that the spec does not name.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForeignChildStatus {
    /// Kind of the object: listener, pool or L7 policy.
    pub kind: String,

    /// Id in Octavia.
    pub id: String,

    /// Name in Octavia; may be empty.
    pub name: String,
}

/// Changes in progress, or changes that are held back.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// Summary in one line.
    pub summary: String,

    /// Steps in the order in which they run, one line each; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub steps: Vec<String>,
}
