//! What a stack wants, after its references are resolved and its defaults filled in.
//!
//! What the absence of a field means is written in its type. A plain value is compared with the cloud and
//! corrected. An `Option` marked `[C]` is somebody else's business while it is `None`: it is not compared, and it is
//! reset once if we had set it before ([`OwnedFields`](super::OwnedFields)).

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::*;

/// Everything one stack wants from the cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Desired {
    pub owner: Owner,
    pub load_balancer: LoadBalancer,
    pub listeners: BTreeMap<Key, Listener>,
    pub pools: BTreeMap<Key, Pool>,
    /// `None`: a floating IP that we made or borrowed goes.
    pub floating_ip: Option<FloatingIp>,
    /// May a step run that interrupts traffic?
    pub allow_interruption: bool,
    /// Problems that prevent a create only: an existing load balancer is kept all the same.
    #[serde(skip)]
    pub create_problems: Vec<Problem>,
}

impl Desired {
    pub fn tree_query(&self) -> TreeQuery<'_> {
        let floating_ip = match &self.floating_ip {
            Some(FloatingIp::Existing { id }) => Some(id.as_str()),
            Some(FloatingIp::Allocate { .. }) | None => None,
        };
        TreeQuery { owner: &self.owner, floating_ip }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadBalancer {
    pub name: String,
    /// `[C]`
    pub description: Option<String>,
    /// The user's tags; ours come on top.
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    /// Compared only if given. Cannot change.
    pub provider: Option<String>,
    /// Compared only if given. Cannot change.
    pub flavor_id: Option<Id>,
    /// Compared only if given. Cannot change.
    pub availability_zone: Option<String>,
    pub vip: Vip,
    /// `[C]`
    pub qos_policy_id: Option<Id>,
    /// `[C]`
    pub security_group_ids: Option<BTreeSet<Id>>,
}

/// Where the load balancer listens. Cannot change; each part is compared only if given.
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
    /// One of our own: made when missing, found again by its marks.
    Allocate {
        network_id: Id,
        subnet: Option<FloatingSubnet>,
        address: Option<String>,
        /// Kept when the stack no longer wants it, or goes.
        retain: bool,
    },
    /// Somebody else's: used, tagged while it is in use, never released.
    Existing { id: Id },
}

/// A subnet of an external network. Neutron shows no subnet of a floating IP: its address tells. Those of one network do
/// not overlap.
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
    /// Cannot change in place.
    pub protocol: ListenerProtocol,
    /// Cannot change in place.
    pub port: u16,
    /// `[C]`
    pub description: Option<String>,
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    pub default_pool: Option<Key>,
    /// `[C]`; -1 is unlimited
    pub connection_limit: Option<i32>,
    /// Canonical; empty is open to all.
    pub allowed_cidrs: BTreeSet<String>,
    /// Header name to Octavia's text ("true"; "false" is the same as absent and never wanted).
    pub insert_headers: BTreeMap<String, String>,
    pub timeouts: Timeouts,
    /// Only TERMINATED_HTTPS, and PROMETHEUS where wanted.
    pub tls: Option<ListenerTls>,
    /// Octavia evaluates them in this order within one kind of action.
    pub policies: Vec<L7Policy>,
}

/// Milliseconds. Each `[C]`: Octavia's operator sets the default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Timeouts {
    pub client_data: Option<u32>,
    pub member_connect: Option<u32>,
    pub member_data: Option<u32>,
    pub tcp_inspect: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListenerTls {
    pub certificate_ref: Option<String>,
    pub sni_refs: BTreeSet<String>,
    pub client_ca_ref: Option<String>,
    pub client_crl_ref: Option<String>,
    pub client_authentication: ClientAuthentication,
    pub parameters: TlsParameters,
    pub hsts: Option<Hsts>,
}

/// Each `[C]`: Octavia's operator sets the default.
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
    /// `[C]`
    pub description: Option<String>,
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    pub action: L7Action,
    /// All must match. A set: Octavia gives them no order and no identity.
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
    pub const fn word(&self) -> PolicyAction {
        match self {
            Self::RedirectToPool { .. } => PolicyAction::RedirectToPool,
            Self::RedirectToUrl { .. } => PolicyAction::RedirectToUrl,
            Self::RedirectPrefix { .. } => PolicyAction::RedirectPrefix,
            Self::Reject => PolicyAction::Reject,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct L7Rule {
    pub kind: RuleType,
    pub compare: CompareType,
    /// Only HEADER, COOKIE and SSL_DN_FIELD have one.
    pub key: Option<String>,
    pub value: String,
    pub invert: bool,
    pub admin_state_up: bool,
    pub tags: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pool {
    /// Octavia's name: the display name, or the key. Unique within a stack: the single POST refers by it.
    pub name: String,
    /// Cannot change in place.
    pub protocol: PoolProtocol,
    pub algorithm: Algorithm,
    /// `[C]`
    pub description: Option<String>,
    pub tags: BTreeSet<String>,
    pub admin_state_up: bool,
    pub persistence: Option<Persistence>,
    /// `None`: connections to the members are not encrypted.
    pub tls: Option<PoolTls>,
    pub monitor: Option<HealthMonitor>,
    pub members: BTreeMap<MemberKey, Member>,
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
    pub client_certificate_ref: Option<String>,
    pub ca_ref: Option<String>,
    pub crl_ref: Option<String>,
    pub parameters: TlsParameters,
}

/// Octavia's key of a member. The address is canonical; the cloud may spell it otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MemberKey {
    pub address: std::net::IpAddr,
    pub port: u16,
}

impl std::fmt::Display for MemberKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::net::SocketAddr::new(self.address, self.port).fmt(f)
    }
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
    /// Cannot change in place.
    pub kind: MonitorType,
    /// Seconds.
    pub delay: u32,
    /// Seconds.
    pub timeout: u32,
    pub max_retries: u8,
    pub max_retries_down: u8,
    /// Only HTTP and HTTPS; on other types Octavia refuses even the presence of these fields.
    pub http: Option<HttpCheck>,
    pub admin_state_up: bool,
    pub tags: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpCheck {
    pub method: HttpMethod,
    pub url_path: String,
    /// As Octavia takes it: `200`, `200,202` or `200-204`.
    pub expected_codes: String,
    /// "1.0" or "1.1"
    pub version: Option<String>,
    pub domain_name: Option<String>,
}
