//! The credentials of one `clouds.yaml` entry.

use std::fmt;

use serde::Deserialize;

use crate::openstack::http::{Service, TlsOptions};

/// The credentials of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The name of the entry, for messages.
    pub(in crate::openstack) cloud: String,
    pub(in crate::openstack) auth_url: String,
    pub(in crate::openstack) auth: Auth,
    pub(in crate::openstack) region: Option<String>,
    /// `network_region_name` and the like: regions that differ from `region_name`.
    pub(in crate::openstack) regions: PerService<String>,
    pub(in crate::openstack) interface: Interface,
    pub(in crate::openstack) interfaces: PerService<Interface>,
    /// Endpoints that replace those of the catalogue.
    pub(in crate::openstack) overrides: PerService<String>,
    pub(in crate::openstack) tls: TlsOptions,
}

impl Credentials {
    /// The interface at which a service is called.
    pub(in crate::openstack) fn interface_of(&self, service: Service) -> Interface {
        self.interfaces.of(service).copied().unwrap_or(self.interface)
    }

    /// Removes the secret from a server's text, in case the server echoes the request.
    pub(in crate::openstack) fn redact(&self, text: String) -> String {
        let secret = match &self.auth {
            Auth::Password { password, .. } => password,
            Auth::ApplicationCredential { secret, .. } | Auth::NamedApplicationCredential { secret, .. } => secret,
        };
        if secret.0.is_empty() { text } else { text.replace(&secret.0, "<redacted>") }
    }
}

/// The interface of a service in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::openstack) enum Interface {
    Public,
    Internal,
    Admin,
}

impl Interface {
    pub(in crate::openstack) const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }

    /// Accepts `publicURL` and the like too, the spelling of Keystone v2, which many files still have.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix("URL").unwrap_or(text) {
            "public" => Some(Self::Public),
            "internal" => Some(Self::Internal),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// A user or project, by id, or by name within a domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::openstack) enum Named {
    Id(String),
    Name { name: String, domain: Domain },
}

/// The domain of a user or project.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::openstack) enum Domain {
    Id(String),
    Name(String),
}

/// A way to log in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::openstack) enum Auth {
    Password { user: Named, password: Secret, project: Named },
    ApplicationCredential { id: String, secret: Secret },
    NamedApplicationCredential { name: String, user: Named, secret: Secret },
}

/// A value for each service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::openstack) struct PerService<T> {
    pub(in crate::openstack) load_balancer: Option<T>,
    pub(in crate::openstack) network: Option<T>,
    pub(in crate::openstack) key_manager: Option<T>,
}

impl<T> Default for PerService<T> {
    fn default() -> Self {
        Self { load_balancer: None, network: None, key_manager: None }
    }
}

impl<T> PerService<T> {
    /// `None` for Keystone, whose endpoint is `auth_url`.
    pub(in crate::openstack) const fn of(&self, service: Service) -> Option<&T> {
        match service {
            Service::LoadBalancer => self.load_balancer.as_ref(),
            Service::Network => self.network.as_ref(),
            Service::KeyManager => self.key_manager.as_ref(),
            Service::Identity => None,
        }
    }
}

/// A text that Debug hides.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub(in crate::openstack) struct Secret(pub(super) String);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    pub(in crate::openstack) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// True for an HTTP URL to which paths can be appended. A query or a fragment would swallow the paths, and a user name has no
/// use where a token is sent.
pub(in crate::openstack) fn is_endpoint(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}
