//! One entry of `clouds.yaml`, as openstacksdk reads it, or the reason why it cannot be used: `file` reads YAML, `entry`
//! gives the keys of one cloud their meaning.
//!
//! Nothing of the file's contents but the names of clouds and of known keys ever reaches a message.

mod entry;
mod file;

use std::fmt;

use serde::Deserialize;

use super::TlsOptions;
use super::session::Service;

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(String);

impl Secret {
    fn new(text: String) -> Self {
        Self(text)
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Why a `clouds.yaml` cannot be used. Every message says what to change, none shows a value that could be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    #[error(
        "clouds.yaml cannot be read (line {line}, column {column}): it is not YAML, or a key holds a value of a wrong kind"
    )]
    Unreadable { line: u64, column: u64 },
    #[error("clouds.yaml has more in it than is read: keep the clouds that are used, in plain YAML")]
    TooMuch,
    #[error("clouds.yaml has no cloud {cloud:?}; it has {}", list(.available))]
    NoSuchCloud { cloud: String, available: Vec<String> },
    #[error("cloud {cloud:?} of clouds.yaml lacks {key}")]
    Missing { cloud: String, key: &'static str },
    #[error(
        "cloud {cloud:?} of clouds.yaml has auth_type {auth_type:?}, which is not supported: use v3applicationcredential, v3password or password{hint}"
    )]
    AuthType { cloud: String, auth_type: String, hint: &'static str },
    #[error("cloud {cloud:?} of clouds.yaml has {key}: {advice}")]
    Unusable { cloud: String, key: String, advice: &'static str },
    #[error("clouds.yaml has the key {key} more than once: keep one of them")]
    Doubled { key: String },
    #[error("no connection can be made to cloud {cloud:?}: {cause}")]
    Connection { cloud: String, cause: String },
}

/// A message ends in a status, however many names there are.
pub(super) fn list(names: &[String]) -> String {
    const TOLD: usize = 10;
    let told: Vec<String> = names.iter().take(TOLD).map(|name| shortened(name)).collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > TOLD => format!("{} and {} more", told.join(", "), count - TOLD),
        _ => told.join(", "),
    }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 64;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Which of its addresses a service is spoken to at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Interface {
    Public,
    Internal,
    Admin,
}

impl Interface {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }

    /// `publicURL` and the like are the spelling of Keystone v2, still found in many files.
    fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix("URL").unwrap_or(text) {
            "public" => Some(Self::Public),
            "internal" => Some(Self::Internal),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// By id, or by name within a domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Named {
    Id(String),
    Name { name: String, domain: Domain },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Domain {
    Id(String),
    Name(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Auth {
    Password { user: Named, password: Secret, project: Named },
    ApplicationCredential { id: String, secret: Secret },
    NamedApplicationCredential { name: String, user: Named, secret: Secret },
}

/// A value of its own for each service that is spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PerService<T> {
    pub(super) load_balancer: Option<T>,
    pub(super) network: Option<T>,
    pub(super) key_manager: Option<T>,
}

impl<T> Default for PerService<T> {
    fn default() -> Self {
        Self { load_balancer: None, network: None, key_manager: None }
    }
}

impl<T> PerService<T> {
    /// `None` for Keystone, which answers at `auth_url`.
    pub(super) const fn of(&self, service: Service) -> Option<&T> {
        match service {
            Service::LoadBalancer => self.load_balancer.as_ref(),
            Service::Network => self.network.as_ref(),
            Service::KeyManager => self.key_manager.as_ref(),
            Service::Identity => None,
        }
    }
}

/// One usable entry of `clouds.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The name of the entry, for messages.
    pub(super) cloud: String,
    pub(super) auth_url: String,
    pub(super) auth: Auth,
    pub(super) region: Option<String>,
    /// `network_region_name` and the like, where it differs from `region_name`.
    pub(super) regions: PerService<String>,
    pub(super) interface: Interface,
    pub(super) interfaces: PerService<Interface>,
    /// Endpoints that stand in for those of the catalogue.
    pub(super) overrides: PerService<String>,
    pub(super) tls: TlsOptions,
}

impl Credentials {
    /// Reads the entry `cloud_name` of `clouds_yaml`; `cacert` is PEM, on top of the system's roots.
    ///
    /// # Errors
    /// When the file, the entry or one of its keys is missing, or asks for what a controller cannot do.
    pub fn parse(clouds_yaml: &[u8], cacert: Option<&[u8]>, cloud_name: &str) -> Result<Self, CredentialsError> {
        entry::credentials(file::entry(clouds_yaml, cloud_name)?, cacert, cloud_name)
    }

    pub(super) fn interface_of(&self, service: Service) -> Interface {
        self.interfaces.of(service).copied().unwrap_or(self.interface)
    }

    /// A server's text, should it ever repeat what it was sent.
    pub(super) fn without_secret(&self, text: String) -> String {
        let secret = match &self.auth {
            Auth::Password { password, .. } => password,
            Auth::ApplicationCredential { secret, .. } | Auth::NamedApplicationCredential { secret, .. } => secret,
        };
        if secret.0.is_empty() { text } else { text.replace(&secret.0, "<redacted>") }
    }
}

/// Paths are appended to it, and a token is sent there: with a query or a fragment they would not be paths any more.
pub(super) fn is_endpoint(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

#[cfg(test)]
#[path = "clouds_tests.rs"]
mod tests;
