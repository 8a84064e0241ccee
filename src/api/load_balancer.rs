//! The load balancer itself: its addresses, its floating IP, its provider and flavor.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::load_balancer;
use super::schema;

/// Most additional addresses. The rule against their change is written out for each of them.
pub(super) const ADDITIONAL_VIPS_MAX: usize = 16;

/// The load balancer itself.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerSpec {
    /// Name in Octavia: for people only, at most 255 characters on one line, changeable. Default: namespace/name of
    /// this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::display_name")]
    pub name: Option<String>,

    /// Text for people, at most 255 characters. If absent, Evenkeel leaves Octavia's value unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::description")]
    pub description: Option<String>,

    /// Tags in Octavia beside Evenkeel's owner tags: at most 32, each of 1 to 255 characters without comma and slash. None
    /// may begin with evenkeel: in any case, and no two may differ only in case, accents or trailing blanks, which Octavia's
    /// database ignores. Unlisted tags are removed. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Vec<String>,

    /// Administrative state: false closes all ports. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_state_up: Option<bool>,

    /// Name of Octavia's provider driver, 1 to 64 characters, for example amphora or ovn. Default: the provider of the
    /// flavor, or else of the cloud. Immutable once the load balancer exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub provider: Option<String>,

    /// Octavia flavor, which chooses for example between one instance and two. Default: that of the cloud. Immutable
    /// once the load balancer exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flavor: Option<CloudRef>,

    /// Name of an Octavia availability zone. Default: that of the cloud. Immutable once the load balancer exists.
    /// Octavia API 2.14.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::name")]
    pub availability_zone: Option<String>,

    /// Virtual IP address on which the load balancer listens. Immutable once the load balancer exists, except for
    /// qosPolicy and securityGroups.
    pub vip: VipSpec,

    /// Floating IP for the VIP. Default: none, and a floating IP that Evenkeel allocated or borrowed earlier is
    /// released, retained or disassociated (see reclaimPolicy).
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "floatingIP")]
    pub floating_ip: Option<FloatingIpSpec>,
}

/// Reference to a cloud object, by id or by name.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = load_balancer::id_or_name())]
pub struct CloudRef {
    /// Id of the object: a UUID in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::uuid")]
    pub id: Option<String>,

    /// Name of the object: 1 to 255 characters on one line. The project must see exactly one object of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::name")]
    pub name: Option<String>,
}

/// Addresses on which the load balancer listens.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = load_balancer::vip_has_source(), validation = load_balancer::vip_network_stands_alone())]
pub struct VipSpec {
    /// Subnet of the address. With port: the subnet of the port's address to use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<CloudRef>,

    /// Network of the address. Octavia chooses the subnet, IPv4 first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<CloudRef>,

    /// Existing Neutron port that holds the address and that nothing else uses. It outlives the load balancer, so the
    /// address survives a new create. A port with several addresses needs subnet or address as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<CloudRef>,

    /// IP address in canonical spelling. Default: chosen by Neutron and shown in status.loadBalancer.vipAddress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ip")]
    pub address: Option<String>,

    /// Neutron QoS policy for the VIP port, with provider amphora. If absent, Evenkeel leaves Octavia's value
    /// unchanged. A removed policy leaves Octavia's record only: amphorae keep it until they get another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos_policy: Option<CloudRef>,

    /// Security groups for the VIP port: at most 32, in place of the rules that Octavia makes. They exclude
    /// allowedCIDRs of listeners. If absent, Evenkeel leaves Octavia's value unchanged. Octavia's vip_sg_ids, API 2.29.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub security_groups: Option<Vec<CloudRef>>,

    /// Additional addresses: at most 16, each from another subnet of the same network, for example an IPv6 one.
    /// Default: none. Octavia's additional_vips, API 2.26.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = ADDITIONAL_VIPS_MAX))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub additional: Vec<AdditionalVipSpec>,
}

/// One more address.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdditionalVipSpec {
    /// Subnet of the address.
    pub subnet: CloudRef,

    /// IP address in canonical spelling. Default: chosen by Neutron.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ip")]
    pub address: Option<String>,
}

/// Floating IP of the VIP: allocated for it, or existing.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = load_balancer::allocate_or_existing())]
pub struct FloatingIpSpec {
    /// Allocation of a new floating IP. Evenkeel finds it again if the load balancer has to be created again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocate: Option<FloatingIpAllocation>,

    /// Existing floating IP, which Evenkeel associates and never releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingFloatingIp>,
}

/// Allocation of a floating IP.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FloatingIpAllocation {
    /// External network of the floating IP.
    pub network: CloudRef,

    /// IPv4 subnet of that network. Default: chosen by Neutron. Another network, subnet or address needs another
    /// floating IP, subject to disruptionPolicy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<CloudRef>,

    /// IPv4 address in canonical spelling; most clouds reserve this to administrators. Default: chosen by Neutron.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ipv4")]
    pub address: Option<String>,

    /// Handling of the floating IP when the stack no longer wants it or is deleted. `Delete`: it is released. `Retain`: it
    /// is kept, and Evenkeel forgets it. Default: `Delete`.
    #[serde(default)]
    pub reclaim_policy: ReclaimPolicy,
}

/// Handling of an allocated floating IP that the stack no longer wants.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ReclaimPolicy {
    /// The floating IP is released.
    #[default]
    Delete,
    /// The floating IP is kept, and Evenkeel forgets it.
    Retain,
}

/// Reference to an existing floating IP.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = load_balancer::id_or_address())]
pub struct ExistingFloatingIp {
    /// Id of the floating IP: a UUID in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::uuid")]
    pub id: Option<String>,

    /// Floating address itself, in canonical spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ip")]
    pub address: Option<String>,
}
