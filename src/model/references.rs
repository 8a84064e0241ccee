//! References of a stack to objects of the cloud, and their resolutions.
//!
//! The look-up is I/O between two pure stages: the spec lists its [`Reference`]s, the cloud turns them into
//! [`Resolutions`], and validation reads those.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Id;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKind {
    Subnet,
    /// External network, of floating IPs.
    Network,
    /// Network of a VIP, with its subnets.
    VipNetwork,
    Port,
    QosPolicy,
    SecurityGroup,
    FloatingIp,
    Flavor,
    AvailabilityZone,
    Provider,
    /// A Barbican secret or certificate container. The id is the whole reference. Only its UUID is looked up, at the
    /// key manager of the catalogue, so that a reference cannot send the token elsewhere.
    Certificate,
}

impl ReferenceKind {
    /// The kind in messages.
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

/// Selector of an object: by id or by name, a floating IP also by its address.
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

/// An object that a reference leads to, with the facts that validation needs.
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
    /// `subnet_ids` and `cidrs`: of the subnets that the project sees.
    VipNetwork {
        id: Id,
        subnet_ids: Vec<Id>,
        cidrs: Vec<IpNet>,
    },
    /// `device_id` is empty while the port is unused.
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
    /// A zone has no id.
    AvailabilityZone {
        enabled: bool,
    },
    Provider,
    /// A QoS policy, security group or floating IP.
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

    /// True for a flavor or zone that the operator of the cloud has disabled: no new object may have it, existing ones
    /// keep it.
    pub const fn is_disabled(&self) -> bool {
        matches!(self, Self::Flavor { enabled: false, .. } | Self::AvailabilityZone { enabled: false })
    }
}

/// Reason for which a reference leads nowhere. No error of the request: the cloud has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolveError {
    Missing,
    /// Several objects share the name; the ids, at most five.
    Ambiguous(Vec<Id>),
    /// The object exists but cannot be used, for example an unreadable secret; with the reason.
    Unusable(String),
}

/// Resolutions by reference.
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
