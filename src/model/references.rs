//! What a stack points at, and what the cloud answered.
//!
//! Looking up is I/O and happens between two pure stages: the spec lists its [`Reference`]s, the cloud turns them into
//! [`Answers`], and validation reads those.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Id;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKind {
    Subnet,
    /// Of floating IPs.
    Network,
    /// One for a VIP, with what its subnets hold.
    VipNetwork,
    Port,
    QosPolicy,
    SecurityGroup,
    FloatingIp,
    Flavor,
    AvailabilityZone,
    Provider,
    /// A Barbican secret or certificate container. The id is the whole reference; only its UUID is looked up, at the
    /// key manager of the catalogue, so that a reference cannot send our token elsewhere.
    Certificate,
}

impl ReferenceKind {
    /// For messages.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Subnet => "subnet",
            Self::Network | Self::VipNetwork => "network",
            Self::Port => "port",
            Self::QosPolicy => "QoS policy",
            Self::SecurityGroup => "security group",
            Self::FloatingIp => "floating IP",
            Self::Flavor => "flavor",
            Self::AvailabilityZone => "availability zone",
            Self::Provider => "provider",
            Self::Certificate => "certificate",
        }
    }
}

/// By id, or by name; a floating IP also by its address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    Id(Id),
    Name(String),
    Address(IpAddr),
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "id {id}"),
            Self::Name(name) => write!(f, "name {name:?}"),
            Self::Address(address) => write!(f, "address {address}"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    pub kind: ReferenceKind,
    pub by: Selector,
}

/// What was found, with the facts that validation needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolvedReference {
    Subnet {
        id: Id,
        network_id: Id,
        cidr: IpNet,
    },
    /// `external`: floating IPs come from it.
    Network {
        id: Id,
        external: bool,
    },
    /// `cidrs`: of those of its subnets that the project sees.
    VipNetwork {
        id: Id,
        subnet_ids: Vec<Id>,
        cidrs: Vec<IpNet>,
    },
    /// `device_id` is empty while nobody uses the port.
    Port {
        id: Id,
        network_id: Id,
        device_id: String,
        fixed_ips: Vec<FixedIp>,
    },
    Flavor {
        id: Id,
        enabled: bool,
    },
    /// Has no id; neither has a provider.
    AvailabilityZone {
        enabled: bool,
    },
    Provider,
    /// QoS policy, security group, floating IP.
    Object {
        id: Id,
    },
    Certificate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedIp {
    pub subnet_id: Id,
    pub address: IpAddr,
}

impl ResolvedReference {
    /// The id to send to Octavia.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Subnet { id, .. }
            | Self::Network { id, .. }
            | Self::VipNetwork { id, .. }
            | Self::Port { id, .. }
            | Self::Flavor { id, .. }
            | Self::Object { id } => Some(id),
            Self::AvailabilityZone { .. } | Self::Provider | Self::Certificate => None,
        }
    }

    /// By the operator of the cloud: nothing new may have it. What has it keeps it.
    pub const fn is_disabled(&self) -> bool {
        matches!(self, Self::Flavor { enabled: false, .. } | Self::AvailabilityZone { enabled: false })
    }
}

/// Why a reference leads nowhere. Not an error of the call: the cloud answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolveError {
    Missing,
    /// Several objects share the name; the ids, at most five.
    Ambiguous(Vec<Id>),
    /// It is there, but must not be used: for example an unreadable secret; why.
    Unusable(String),
}

/// The answers of the cloud, by reference.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolutions(pub BTreeMap<Reference, Result<ResolvedReference, ResolveError>>);

/// Octavia's API version: `v2.<minor>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    pub minor: u16,
}

impl std::fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "2.{}", self.minor)
    }
}
