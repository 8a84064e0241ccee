//! The OpenStack services that Evenkeel calls, and the ids that may stand in a URL path.

/// A service of the Keystone catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::openstack) enum Service {
    LoadBalancer,
    Network,
    KeyManager,
    Identity,
}

impl Service {
    const ALL: [Self; 4] = [Self::LoadBalancer, Self::Network, Self::KeyManager, Self::Identity];

    /// Finds the service with this catalogue type.
    pub(in crate::openstack) fn from_type(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.as_str() == kind)
    }

    /// The type in the catalogue.
    pub(in crate::openstack) const fn as_str(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load-balancer",
            Self::Network => "network",
            Self::KeyManager => "key-manager",
            Self::Identity => "identity",
        }
    }

    /// An endpoint reduced to the root of its service. Some catalogues append a version, or Octavia's `lbaas`.
    pub(in crate::openstack) fn root(self, url: &str) -> &str {
        let suffixes: &[&str] = match self {
            Self::LoadBalancer => &["/v2.0/lbaas", "/v2/lbaas", "/v2.0", "/v2"],
            Self::Network => &["/v2.0"],
            Self::KeyManager => &["/v1"],
            Self::Identity => &["/v3"],
        };
        let url = url.trim_end_matches('/');
        suffixes.iter().find_map(|suffix| url.strip_suffix(suffix)).unwrap_or(url).trim_end_matches('/')
    }
}

/// True for a UUID, a name used as an id, or an owner tag. Every other text is kept out of paths: it could end its segment
/// and lead to another object.
pub(in crate::openstack) fn is_plain_id(id: &str) -> bool {
    const LONGEST: usize = 128;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '=');
    !id.is_empty() && id.len() <= LONGEST && id.chars().all(plain)
}
