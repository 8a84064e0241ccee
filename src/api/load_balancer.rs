//! The load balancer itself: its address, its floating IP, and what it is made of.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

pub(super) const MOST_ADDITIONAL_VIPS: usize = 16;

/// The load balancer itself.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerSpec {
    /// Its name in Octavia: for people only, may change. Absent means namespace/name of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::display_name")]
    pub name: Option<String>,

    /// A text for people, at most 255 characters. Absent means that Evenkeel leaves it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::description")]
    pub description: Option<String>,

    /// Tags in Octavia, besides Evenkeel's own: at most 32 of at most 255 characters each, without comma and slash;
    /// evenkeel: is refused as a beginning. No two may differ in case, accents or blanks at the end alone: Octavia's
    /// database holds them for one. Tags that are not listed are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Vec<String>,

    /// False: the load balancer answers nothing. Absent means true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// Octavia's provider driver, for example amphora or ovn. Absent means the cloud's default, or the flavor's. Cannot
    /// change once there is a load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub provider: Option<String>,

    /// Octavia's flavor, which decides for example between one instance and two. Absent means the cloud's default.
    /// Cannot change once there is a load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flavor: Option<CloudRef>,

    /// Name of Octavia's availability zone. Absent means the cloud's default. Cannot change once there is a load
    /// balancer. Octavia API 2.14.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::name")]
    pub availability_zone: Option<String>,

    /// The virtual IP address: where the load balancer listens. Cannot change once there is a load balancer, except for
    /// qosPolicy and securityGroups.
    pub vip: VipSpec,

    /// A floating IP for the VIP. Absent means none: one that Evenkeel made or used goes (see reclaimPolicy).
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "floatingIP")]
    pub floating_ip: Option<FloatingIpSpec>,
}

/// An object of the cloud, by id or by name.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.id) != has(self.name)", "exactly one of id and name is required"))]
pub struct CloudRef {
    /// The id of the object: a UUID in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::uuid")]
    pub id: Option<String>,

    /// The name of the object. It must be the only one of this name that the project sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::name")]
    pub name: Option<String>,
}

/// Where the load balancer listens.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.subnet) || has(self.network) || has(self.port)", "one of subnet, network and port is required"),
    validation = ("!has(self.network) || (!has(self.subnet) && !has(self.port))", "network stands alone: subnet and port each name their network already")
)]
pub struct VipSpec {
    /// The subnet that the address comes from. With port: which of the port's addresses to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<CloudRef>,

    /// The network that the address comes from; Octavia chooses the subnet (IPv4 first).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<CloudRef>,

    /// A Neutron port of yours that holds the address. It outlives the load balancer, so the address survives whatever
    /// happens. Nobody else may use it. A port with several addresses needs subnet or address as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<CloudRef>,

    /// The address, in canonical spelling. Absent means that Neutron chooses one; status.loadBalancer.vipAddress shows
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ip")]
    pub address: Option<String>,

    /// Neutron's QoS policy for the VIP port, with provider amphora. Absent means that Evenkeel leaves it alone. One that
    /// is removed here goes from Octavia's record only: amphorae keep it until they get another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos_policy: Option<CloudRef>,

    /// Security groups for the VIP port, instead of the rules that Octavia makes; they exclude allowedCIDRs of
    /// listeners. Absent means that Evenkeel leaves them alone. Octavia's vip_sg_ids, API 2.29.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub security_groups: Option<Vec<CloudRef>>,

    /// More addresses, each from another subnet of the same network, for example one of IPv6. Absent means none.
    /// Octavia's additional_vips, API 2.26.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_ADDITIONAL_VIPS))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub additional: Vec<AdditionalVipSpec>,
}

/// One more address.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdditionalVipSpec {
    /// The subnet that the address comes from.
    pub subnet: CloudRef,

    /// The address, in canonical spelling. Absent means that Neutron chooses one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ip")]
    pub address: Option<String>,
}

/// A floating IP for the VIP: one of its own, or one that is there already.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.allocate) != has(self.existing)", "exactly one of allocate and existing is required"))]
pub struct FloatingIpSpec {
    /// Evenkeel makes one, and finds it again if the load balancer has to be made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocate: Option<FloatingIpAllocation>,

    /// One that is there already: used, but never released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingFloatingIp>,
}

/// How to make a floating IP.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FloatingIpAllocation {
    /// The external network that it comes from.
    pub network: CloudRef,

    /// The subnet of that network, of IPv4. Absent means that Neutron chooses. Another network, subnet or address means
    /// another floating IP: see disruptionPolicy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<CloudRef>,

    /// The address, in canonical spelling; most clouds allow this to administrators only. Absent means that Neutron
    /// chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ipv4")]
    pub address: Option<String>,

    /// What happens to it when the stack no longer wants it, or is deleted. `Delete` (the default): it is released.
    /// `Retain`: it is kept and Evenkeel forgets it.
    #[serde(default)]
    pub reclaim_policy: ReclaimPolicy,
}

#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ReclaimPolicy {
    #[default]
    Delete,
    Retain,
}

/// Which floating IP to use.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.id) != has(self.address)", "exactly one of id and address is required"))]
pub struct ExistingFloatingIp {
    /// The id of the floating IP: a UUID in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::uuid")]
    pub id: Option<String>,

    /// The floating address itself, in canonical spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ip")]
    pub address: Option<String>,
}
