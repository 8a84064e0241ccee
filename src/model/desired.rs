//! Desired state of a stack, with its references resolved and its defaults filled in.
//!
//! The planner compares every field with the cloud and corrects it. Two kinds of `Option` are exceptions while they are
//! `None`, and their doc comments say so:
//!
//! * *Operator-defaulted*: the value is up to the operator of the cloud, so it is not compared. If the stack has set
//!   the field before ([`OwnedFields`](super::OwnedFields)), it is reset once.
//! * *Immutable*: Octavia cannot change the field. A value that the stack gives is compared, and a difference is a
//!   problem.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::octavia_enums::{
    Algorithm, AlpnProtocol, ClientAuthentication, HttpMethod, L7CompareType, L7PolicyAction, L7RuleType,
    ListenerProtocol, MonitorType, PersistenceType, PoolProtocol, TlsVersion,
};
use super::{Adoption, CertificateRef, Id, Key, MemberKey, Owner, Problem, PrunePolicy, TreeQuery};

/// Desired state of one stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Desired {
    pub owner: Owner,
    pub load_balancer: LoadBalancer,
    pub listeners: BTreeMap<Key, Listener>,
    pub pools: BTreeMap<Key, Pool>,
    /// `None`: a floating IP that the stack created or borrows is released.
    pub floating_ip: Option<FloatingIp>,
    /// A load balancer that the stack takes in place of a new one. Children without the stack's keys that match desired
    /// ones become the stack's.
    pub adopt: Option<Adoption>,
    pub prune: PrunePolicy,
    /// Steps that interrupt traffic may run (`disruptionPolicy: Allow`).
    pub allow_interruption: bool,
    /// Problems that prevent the create of a load balancer. An existing one is reconciled all the same.
    #[serde(skip)]
    pub create_problems: Vec<Problem>,
    /// Problems of member sources and of certificates from the cluster: the members of their pools and the references of
    /// their listeners and pools stay as they are, and everything else is carried out.
    #[serde(skip)]
    pub source_problems: Vec<Problem>,
}

impl Desired {
    pub fn tree_query(&self) -> TreeQuery<'_> {
        let floating_ip = match &self.floating_ip {
            Some(FloatingIp::Existing { id }) => Some(id.as_str()),
            Some(FloatingIp::Allocate { .. }) | None => None,
        };
        let stores_secrets = self.stored_secrets().next().is_some();
        TreeQuery { owner: &self.owner, floating_ip, stores_secrets }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadBalancer {
    pub name: String,
    /// Operator-defaulted.
    pub description: Option<String>,
    /// The user's tags. The planner adds the owner's.
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    /// Immutable.
    pub provider: Option<String>,
    /// Immutable.
    pub flavor_id: Option<Id>,
    /// Immutable.
    pub availability_zone: Option<String>,
    pub vip: Vip,
    /// Operator-defaulted.
    pub qos_policy_id: Option<Id>,
    /// Operator-defaulted.
    pub security_group_ids: Option<BTreeSet<Id>>,
}

/// Addresses of the load balancer. Immutable, each part by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Vip {
    pub subnet_id: Option<Id>,
    pub network_id: Option<Id>,
    pub port_id: Option<Id>,
    pub address: Option<String>,
    pub additional: Vec<AdditionalVip>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdditionalVip {
    pub subnet_id: Id,
    pub address: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum FloatingIp {
    /// One of the stack's own: created when missing, found again by its owner tags.
    Allocate {
        network_id: Id,
        subnet: Option<FloatingSubnet>,
        address: Option<String>,
        /// Kept when the stack no longer wants it, or is deleted.
        retain: bool,
    },
    /// Another client's: borrowed, tagged meanwhile, never deleted.
    Existing { id: Id },
}

/// A subnet of an external network. Neutron does not show the subnet of a floating IP, but its address tells: subnets
/// of one network do not overlap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FloatingSubnet {
    pub id: Id,
    #[serde(serialize_with = "as_text")]
    pub cidr: IpNet,
}

fn as_text<S: Serializer>(value: &impl ToString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_string())
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// Octavia's name: the display name, or the key.
    pub name: String,
    /// Octavia cannot change it: another value means another object.
    pub protocol: ListenerProtocol,
    /// Octavia cannot change it: another value means another object.
    pub port: u16,
    /// Operator-defaulted.
    pub description: Option<String>,
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    pub default_pool: Option<Key>,
    /// Operator-defaulted. -1 is unlimited.
    pub connection_limit: Option<i32>,
    /// In canonical form. Empty admits all clients.
    pub allowed_cidrs: BTreeSet<String>,
    /// Header names, with Octavia's text for on, `"true"`. (`"false"` is the same as absent, and never desired.)
    pub insert_headers: BTreeMap<String, String>,
    pub timeouts: Timeouts,
    /// Only of TERMINATED_HTTPS, and of PROMETHEUS where the stack has it.
    pub tls: Option<ListenerTls>,
    /// In the order in which Octavia evaluates policies of one action.
    pub policies: Vec<L7Policy>,
}

impl Listener {
    /// The pools that the listener and its policies use.
    pub fn pools(&self) -> impl Iterator<Item = &Key> {
        self.default_pool.iter().chain(self.policies.iter().filter_map(|policy| policy.action.pool()))
    }
}

/// Milliseconds. Each is operator-defaulted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Timeouts {
    pub client_data: Option<u32>,
    pub member_connect: Option<u32>,
    pub member_data: Option<u32>,
    pub tcp_inspect: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListenerTls {
    pub certificate_ref: Option<CertificateRef>,
    pub sni_refs: BTreeSet<CertificateRef>,
    pub client_ca_ref: Option<CertificateRef>,
    pub client_crl_ref: Option<CertificateRef>,
    pub client_authentication: ClientAuthentication,
    pub parameters: TlsParameters,
    pub hsts: Option<Hsts>,
}

/// Each is operator-defaulted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TlsParameters {
    pub versions: Option<BTreeSet<TlsVersion>>,
    pub ciphers: Option<String>,
    /// Order is preference.
    pub alpn_protocols: Option<Vec<AlpnProtocol>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hsts {
    /// Seconds.
    pub max_age: u32,
    pub include_subdomains: bool,
    pub preload: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct L7Policy {
    pub key: Key,
    /// Octavia's name: the display name, or the key.
    pub name: String,
    /// Operator-defaulted.
    pub description: Option<String>,
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    pub action: L7Action,
    /// All must match. Octavia gives rules no order and no identity.
    pub rules: Vec<L7Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum L7Action {
    RedirectToPool { pool: Key },
    RedirectToUrl { url: String, code: u16 },
    RedirectPrefix { prefix: String, code: u16 },
    Reject,
}

impl L7Action {
    /// The pool that it redirects to.
    pub const fn pool(&self) -> Option<&Key> {
        match self {
            Self::RedirectToPool { pool } => Some(pool),
            Self::RedirectToUrl { .. } | Self::RedirectPrefix { .. } | Self::Reject => None,
        }
    }

    /// The action without its target.
    pub const fn kind(&self) -> L7PolicyAction {
        match self {
            Self::RedirectToPool { .. } => L7PolicyAction::RedirectToPool,
            Self::RedirectToUrl { .. } => L7PolicyAction::RedirectToUrl,
            Self::RedirectPrefix { .. } => L7PolicyAction::RedirectPrefix,
            Self::Reject => L7PolicyAction::Reject,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct L7Rule {
    pub kind: L7RuleType,
    pub compare: L7CompareType,
    /// Only of HEADER, COOKIE and SSL_DN_FIELD.
    pub key: Option<String>,
    pub value: String,
    pub invert: bool,
    pub admin_state_up: bool,
    pub tags: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pool {
    /// Octavia's name: the display name, or the key. Unique within a stack, because the single POST refers to pools by
    /// name.
    pub name: String,
    /// Octavia cannot change it: another value means another object.
    pub protocol: PoolProtocol,
    pub algorithm: Algorithm,
    /// Operator-defaulted.
    pub description: Option<String>,
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    pub persistence: Option<Persistence>,
    /// `None`: connections to the members are not encrypted.
    pub tls: Option<PoolTls>,
    pub monitor: Option<HealthMonitor>,
    pub members: Members,
}

/// Desired members of a pool.
///
/// Unknown is not empty: while the source of the members cannot be read, the observed members keep serving. The planner
/// leaves them alone, and neither replaces nor deletes a pool of the stack that has some. A replacement that is needed,
/// for another protocol, waits until the members are known, and the plan has a problem that says so.
///
/// A pool that does not exist yet, or has no members, holds nothing that could be lost. So it is created without
/// members, or replaced. A new listener serves an empty pool until the members are known; one that serves members of
/// another pool stays with those until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Members {
    Known(BTreeMap<MemberKey, Member>),
    Unknown,
}

impl Members {
    pub const fn known(&self) -> Option<&BTreeMap<MemberKey, Member>> {
        match self {
            Self::Known(members) => Some(members),
            Self::Unknown => None,
        }
    }

    pub const fn known_mut(&mut self) -> Option<&mut BTreeMap<MemberKey, Member>> {
        match self {
            Self::Known(members) => Some(members),
            Self::Unknown => None,
        }
    }
}

impl From<BTreeMap<MemberKey, Member>> for Members {
    fn from(members: BTreeMap<MemberKey, Member>) -> Self {
        Self::Known(members)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Persistence {
    pub kind: PersistenceType,
    pub cookie_name: Option<String>,
    /// Seconds; UDP and SCTP pools only.
    pub timeout: Option<u32>,
    /// A netmask; UDP and SCTP pools only.
    pub granularity: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolTls {
    pub client_certificate_ref: Option<CertificateRef>,
    pub ca_ref: Option<CertificateRef>,
    pub crl_ref: Option<CertificateRef>,
    pub parameters: TlsParameters,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    pub name: String,
    pub weight: u16,
    pub backup: bool,
    pub admin_state_up: bool,
    pub subnet_id: Option<Id>,
    pub monitor_address: Option<std::net::IpAddr>,
    pub monitor_port: Option<u16>,
    pub tags: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthMonitor {
    pub name: String,
    /// Octavia cannot change it: another value means another object.
    pub kind: MonitorType,
    /// Seconds.
    pub delay: u32,
    /// Seconds.
    pub timeout: u32,
    pub max_retries: u8,
    pub max_retries_down: u8,
    /// Only of HTTP and HTTPS. On other types Octavia rejects even the presence of these fields.
    pub http: Option<HttpCheck>,
    pub admin_state_up: bool,
    pub tags: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpCheck {
    pub method: HttpMethod,
    pub url_path: String,
    /// In Octavia's format: `200`, `200,202` or `200-204`.
    pub expected_codes: String,
    /// `1.0` or `1.1`.
    pub version: Option<String>,
    pub domain_name: Option<String>,
}
