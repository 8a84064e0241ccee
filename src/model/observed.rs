//! Observed state: Octavia's records, in Octavia's own field names, joined to a tree.
//!
//! Reading is tolerant, because a server may be older or newer than this version: absent fields get defaults, unknown
//! fields are ignored, values of enumerations are kept as text.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::text::null_as_default;
use super::{Id, Key, MemberKey, ObservedSecrets, Owner, SECRETS_TAG};

/// A load balancer and everything under it, as last observed.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ObservedTree {
    pub load_balancer: ObservedLoadBalancer,
    pub listeners: Vec<ObservedListener>,
    pub pools: Vec<ObservedPool>,
    /// Floating IPs on the VIP port, and those with owner tags or description of the stack, wherever they are.
    pub floating_ips: Vec<ObservedFloatingIp>,
    /// Neutron does not know the VIP port any more. Checked only where no floating IP leads to it: with one, the loss
    /// shows by itself, because that floating IP loses its port.
    pub vip_port_missing: bool,
    pub secrets: ObservedSecrets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Provisioning {
    Active,
    PendingCreate,
    PendingUpdate,
    PendingDelete,
    Error,
    Deleted,
    /// A status that this version does not know. Nothing is written meanwhile.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Provisioning {
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::PendingCreate | Self::PendingUpdate | Self::PendingDelete)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::PendingCreate => "PENDING_CREATE",
            Self::PendingUpdate => "PENDING_UPDATE",
            Self::PendingDelete => "PENDING_DELETE",
            Self::Error => "ERROR",
            Self::Deleted => "DELETED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl std::fmt::Display for Provisioning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Octavia's reference to another object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IdRef {
    pub id: Id,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedLoadBalancer {
    pub id: Id,
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    #[serde(deserialize_with = "null_as_default")]
    pub description: String,
    #[serde(deserialize_with = "null_as_default")]
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    pub provisioning_status: Provisioning,
    #[serde(deserialize_with = "null_as_default")]
    pub operating_status: String,
    pub project_id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub provider: String,
    pub flavor_id: Option<Id>,
    pub availability_zone: Option<String>,
    pub vip_address: Option<String>,
    pub vip_subnet_id: Option<Id>,
    pub vip_network_id: Option<Id>,
    pub vip_port_id: Option<Id>,
    pub vip_qos_policy_id: Option<Id>,
    #[serde(deserialize_with = "null_as_default")]
    pub vip_sg_ids: BTreeSet<Id>,
    #[serde(deserialize_with = "null_as_default")]
    pub additional_vips: Vec<ObservedAdditionalVip>,
    pub created_at: Option<String>,
    /// Changes with every object of the tree. Its resolution is one second.
    pub updated_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedAdditionalVip {
    pub subnet_id: Option<Id>,
    pub ip_address: Option<String>,
    pub port_id: Option<Id>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedListener {
    pub id: Id,
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    #[serde(deserialize_with = "null_as_default")]
    pub description: String,
    #[serde(deserialize_with = "null_as_default")]
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    pub provisioning_status: Provisioning,
    #[serde(deserialize_with = "null_as_default")]
    pub operating_status: String,
    pub protocol: String,
    pub protocol_port: u16,
    pub connection_limit: Option<i64>,
    pub default_pool_id: Option<Id>,
    #[serde(deserialize_with = "null_as_default")]
    pub insert_headers: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_as_default")]
    pub allowed_cidrs: BTreeSet<String>,
    pub timeout_client_data: Option<i64>,
    pub timeout_member_connect: Option<i64>,
    pub timeout_member_data: Option<i64>,
    pub timeout_tcp_inspect: Option<i64>,
    pub default_tls_container_ref: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub sni_container_refs: BTreeSet<String>,
    pub client_authentication: Option<String>,
    pub client_ca_tls_container_ref: Option<String>,
    pub client_crl_container_ref: Option<String>,
    pub tls_ciphers: Option<String>,
    pub tls_versions: Option<Vec<String>>,
    pub alpn_protocols: Option<Vec<String>>,
    pub hsts_max_age: Option<i64>,
    #[serde(deserialize_with = "null_as_default")]
    pub hsts_include_subdomains: bool,
    #[serde(deserialize_with = "null_as_default")]
    pub hsts_preload: bool,
    /// In order of position. Octavia lists only their ids; `openstack::observe` joins the tree.
    #[serde(skip)]
    pub policies: Vec<ObservedL7Policy>,
    /// The desired listener that it becomes by adoption. Set by the planner only.
    #[serde(skip)]
    pub adopted_as: Option<Key>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedL7Policy {
    pub id: Id,
    pub listener_id: Id,
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    #[serde(deserialize_with = "null_as_default")]
    pub description: String,
    #[serde(deserialize_with = "null_as_default")]
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    pub provisioning_status: Provisioning,
    #[serde(deserialize_with = "null_as_default")]
    pub operating_status: String,
    pub action: String,
    pub position: i64,
    pub redirect_pool_id: Option<Id>,
    pub redirect_url: Option<String>,
    pub redirect_prefix: Option<String>,
    pub redirect_http_code: Option<u16>,
    #[serde(skip)]
    pub rules: Vec<ObservedL7Rule>,
    /// The desired L7 policy that it becomes by adoption. Set by the planner only.
    #[serde(skip)]
    pub adopted_as: Option<Key>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedL7Rule {
    pub id: Id,
    #[serde(rename = "type")]
    pub kind: String,
    pub compare_type: String,
    pub key: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    pub value: String,
    #[serde(deserialize_with = "null_as_default")]
    pub invert: bool,
    pub admin_state_up: bool,
    #[serde(deserialize_with = "null_as_default")]
    pub tags: BTreeSet<String>,
    pub provisioning_status: Provisioning,
    #[serde(deserialize_with = "null_as_default")]
    pub operating_status: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedPool {
    pub id: Id,
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    #[serde(deserialize_with = "null_as_default")]
    pub description: String,
    #[serde(deserialize_with = "null_as_default")]
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    pub provisioning_status: Provisioning,
    #[serde(deserialize_with = "null_as_default")]
    pub operating_status: String,
    pub protocol: String,
    pub lb_algorithm: String,
    pub session_persistence: Option<ObservedPersistence>,
    #[serde(deserialize_with = "null_as_default")]
    pub tls_enabled: bool,
    pub tls_container_ref: Option<String>,
    pub ca_tls_container_ref: Option<String>,
    pub crl_container_ref: Option<String>,
    pub tls_ciphers: Option<String>,
    pub tls_versions: Option<Vec<String>>,
    pub alpn_protocols: Option<Vec<String>>,
    #[serde(skip)]
    pub monitor: Option<ObservedMonitor>,
    #[serde(skip)]
    pub members: Vec<ObservedMember>,
    /// The desired pool that it becomes by adoption. Set by the planner only.
    #[serde(skip)]
    pub adopted_as: Option<Key>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedPersistence {
    #[serde(rename = "type")]
    pub kind: String,
    pub cookie_name: Option<String>,
    pub persistence_timeout: Option<i64>,
    pub persistence_granularity: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedMonitor {
    pub id: Id,
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    #[serde(deserialize_with = "null_as_default")]
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    pub provisioning_status: Provisioning,
    #[serde(deserialize_with = "null_as_default")]
    pub operating_status: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub delay: i64,
    pub timeout: i64,
    pub max_retries: i64,
    pub max_retries_down: Option<i64>,
    pub http_method: Option<String>,
    pub url_path: Option<String>,
    pub expected_codes: Option<String>,
    pub http_version: Option<f64>,
    pub domain_name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedMember {
    pub id: Id,
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    #[serde(deserialize_with = "null_as_default")]
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    pub provisioning_status: Provisioning,
    #[serde(deserialize_with = "null_as_default")]
    pub operating_status: String,
    /// In the spelling of the client that created the member: a batch must repeat it to the letter.
    pub address: String,
    pub protocol_port: u16,
    pub weight: Option<i64>,
    #[serde(deserialize_with = "null_as_default")]
    pub backup: bool,
    pub subnet_id: Option<Id>,
    pub monitor_address: Option<String>,
    pub monitor_port: Option<u16>,
}

impl ObservedMember {
    /// Identity of the member; `None` if its address cannot be read.
    pub fn key(&self) -> Option<MemberKey> {
        Some(MemberKey { address: self.address.parse().ok()?, port: self.protocol_port })
    }
}

/// A Neutron floating IP.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "FloatingIpRecord")]
pub struct ObservedFloatingIp {
    pub id: Id,
    pub floating_ip_address: String,
    pub floating_network_id: Id,
    pub fixed_ip_address: Option<String>,
    pub port_id: Option<Id>,
    pub description: String,
    pub tags: BTreeSet<String>,
    /// Grows with every change of the floating IP and its tags. A write that names it fails (412) if it is another one
    /// by then.
    #[serde(rename = "revision_number")]
    pub revision: Option<i64>,
    /// This Neutron has no tags (extension `standard-attr-tag`): its records are without the field.
    #[serde(skip)]
    pub untaggable: bool,
    /// The other stack that owns or borrows it, for people. Looked up only for one that the stack names by id.
    #[serde(skip)]
    pub holder: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FloatingIpRecord {
    id: Id,
    floating_ip_address: String,
    floating_network_id: Id,
    fixed_ip_address: Option<String>,
    port_id: Option<Id>,
    description: Option<String>,
    tags: Option<BTreeSet<String>>,
    revision_number: Option<i64>,
}

impl From<FloatingIpRecord> for ObservedFloatingIp {
    fn from(record: FloatingIpRecord) -> Self {
        Self {
            id: record.id,
            floating_ip_address: record.floating_ip_address,
            floating_network_id: record.floating_network_id,
            fixed_ip_address: record.fixed_ip_address,
            port_id: record.port_id,
            description: record.description.unwrap_or_default(),
            revision: record.revision_number,
            untaggable: record.tags.is_none(),
            tags: record.tags.unwrap_or_default(),
            holder: None,
        }
    }
}

/// Selection of the floating IPs and secrets that matter to a stack: floating IPs on its VIP port, those of its owner,
/// and one by id.
#[derive(Debug, Clone, Copy)]
pub struct TreeQuery<'a> {
    pub owner: &'a Owner,
    /// Another client's, which the stack borrows.
    pub floating_ip: Option<&'a str>,
    /// The stack stores certificates in the key manager.
    pub stores_secrets: bool,
}

impl TreeQuery<'_> {
    /// Tells whether the key manager may have secrets of the stack.
    pub fn needs_secrets(&self, load_balancer: &ObservedLoadBalancer) -> bool {
        self.stores_secrets || load_balancer.tags.contains(SECRETS_TAG)
    }
}

impl<'a> From<&'a Owner> for TreeQuery<'a> {
    fn from(owner: &'a Owner) -> Self {
        Self { owner, floating_ip: None, stores_secrets: false }
    }
}
