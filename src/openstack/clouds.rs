//! One entry of `clouds.yaml`, as openstacksdk reads it, or the reason why it cannot be used.
//!
//! Nothing of the file's contents but the names of clouds and keys ever reaches a message.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::TlsOptions;

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(String);

impl Secret {
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
    Unusable { cloud: String, key: &'static str, advice: &'static str },
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

/// Hundreds of clouds, and nothing that unfolds into more than is written: a file is whatever its author likes.
fn limits() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 10_000,
            max_nodes: 10_000,
            max_anchors: 100,
            max_aliases: 1_000,
            max_merge_keys: 1_000,
            max_recorded_anchor_events: 10_000,
            max_depth: 16,
            flow_nesting_limit: 16,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
        },
        with_snippet: false,
    }
}

fn unreadable(error: &serde_saphyr::Error) -> CredentialsError {
    use serde_saphyr::Error;
    match error {
        Error::AliasError { error, .. } => unreadable(error),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => CredentialsError::TooMuch,
        error => {
            let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
            CredentialsError::Unreadable { line, column }
        }
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

/// Endpoints that stand in for those of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Overrides {
    pub(super) load_balancer: Option<String>,
    pub(super) network: Option<String>,
    pub(super) key_manager: Option<String>,
}

/// One usable entry of `clouds.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The name of the entry, for messages.
    pub(super) cloud: String,
    pub(super) auth_url: String,
    pub(super) auth: Auth,
    pub(super) region: Option<String>,
    pub(super) interface: Interface,
    pub(super) overrides: Overrides,
    pub(super) tls: TlsOptions,
}

impl Credentials {
    /// Reads the entry `cloud_name` of `clouds_yaml`; `cacert` is PEM, on top of the system's roots.
    ///
    /// # Errors
    /// When the file, the entry or one of its keys is missing, or asks for what a controller cannot do.
    pub fn parse(clouds_yaml: &[u8], cacert: Option<&[u8]>, cloud_name: &str) -> Result<Self, CredentialsError> {
        let file: File =
            serde_saphyr::from_slice_with_options(clouds_yaml, limits()).map_err(|error| unreadable(&error))?;
        let mut clouds = file.clouds.unwrap_or_default();
        match clouds.remove(cloud_name).flatten() {
            Some(entry) => entry.into_credentials(cloud_name, cacert),
            None => Err(CredentialsError::NoSuchCloud {
                cloud: cloud_name.to_owned(),
                available: clouds.into_keys().collect(),
            }),
        }
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

#[derive(Deserialize)]
struct File {
    clouds: Option<BTreeMap<String, Option<Entry>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth_type: Option<String>,
    auth: Option<AuthKeys>,
    region_name: Option<String>,
    #[serde(alias = "endpoint_type")]
    interface: Option<String>,
    verify: Option<bool>,
    insecure: Option<bool>,
    cacert: Option<String>,
    cert: Option<Secret>,
    key: Option<Secret>,
    #[serde(alias = "load-balancer_endpoint_override", alias = "octavia_endpoint_override")]
    load_balancer_endpoint_override: Option<String>,
    #[serde(alias = "neutron_endpoint_override")]
    network_endpoint_override: Option<String>,
    #[serde(alias = "key-manager_endpoint_override", alias = "barbican_endpoint_override")]
    key_manager_endpoint_override: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AuthKeys {
    auth_url: Option<String>,
    username: Option<String>,
    user_id: Option<String>,
    password: Option<Secret>,
    #[serde(alias = "tenant_name")]
    project_name: Option<String>,
    #[serde(alias = "tenant_id")]
    project_id: Option<String>,
    user_domain_name: Option<String>,
    user_domain_id: Option<String>,
    project_domain_name: Option<String>,
    project_domain_id: Option<String>,
    #[serde(alias = "default_domain_name", alias = "default_domain")]
    domain_name: Option<String>,
    #[serde(alias = "default_domain_id")]
    domain_id: Option<String>,
    application_credential_id: Option<String>,
    application_credential_name: Option<String>,
    application_credential_secret: Option<Secret>,
}

impl Entry {
    fn into_credentials(self, cloud: &str, cacert: Option<&[u8]>) -> Result<Credentials, CredentialsError> {
        let auth_keys = self.auth.as_ref().ok_or_else(|| missing(cloud, "auth"))?;
        let auth_url = filled(auth_keys.auth_url.as_ref()).ok_or_else(|| missing(cloud, "auth.auth_url"))?;
        if !is_endpoint(&auth_url) {
            return Err(unusable(cloud, "auth.auth_url", NOT_A_URL));
        }
        let interface = match filled(self.interface.as_ref()) {
            None => Interface::Public,
            Some(text) => Interface::parse(&text)
                .ok_or_else(|| unusable(cloud, "interface", "it must be public, internal or admin"))?,
        };
        Ok(Credentials {
            cloud: cloud.to_owned(),
            auth: self.auth(cloud, auth_keys)?,
            auth_url,
            region: filled(self.region_name.as_ref()),
            interface,
            overrides: self.overrides(cloud)?,
            tls: self.tls(cloud, cacert)?,
        })
    }

    fn auth(&self, cloud: &str, keys: &AuthKeys) -> Result<Auth, CredentialsError> {
        let auth_type = match filled(self.auth_type.as_ref()) {
            Some(given) => given,
            None if keys.application_credential_secret.is_some() => "v3applicationcredential".to_owned(),
            None => "password".to_owned(),
        };
        match auth_type.as_str() {
            "password" | "v3password" => keys.password(cloud),
            "v3applicationcredential" => keys.application_credential(cloud),
            "token" | "v3token" | "v3oidcaccesstoken" => Err(CredentialsError::AuthType {
                cloud: cloud.to_owned(),
                auth_type: shortened(&auth_type),
                hint: " (a token cannot be renewed)",
            }),
            _ => {
                Err(CredentialsError::AuthType { cloud: cloud.to_owned(), auth_type: shortened(&auth_type), hint: "" })
            }
        }
    }

    fn overrides(&self, cloud: &str) -> Result<Overrides, CredentialsError> {
        let read = |value: &Option<String>, key| match filled(value.as_ref()) {
            Some(url) if !is_endpoint(&url) => Err(unusable(cloud, key, NOT_A_URL)),
            url => Ok(url),
        };
        Ok(Overrides {
            load_balancer: read(&self.load_balancer_endpoint_override, "load_balancer_endpoint_override")?,
            network: read(&self.network_endpoint_override, "network_endpoint_override")?,
            key_manager: read(&self.key_manager_endpoint_override, "key_manager_endpoint_override")?,
        })
    }

    fn tls(&self, cloud: &str, cacert: Option<&[u8]>) -> Result<TlsOptions, CredentialsError> {
        if self.cert.is_some() || self.key.is_some() {
            return Err(unusable(cloud, "cert or key", "client certificates are not supported"));
        }
        let inline = self.cacert.as_ref().filter(|text| text.contains("-----BEGIN"));
        if self.cacert.is_some() && inline.is_none() && cacert.is_none() {
            let advice = "a path means nothing here; put the PEM text itself under the key `cacert` of the Secret";
            return Err(unusable(cloud, "cacert", advice));
        }
        let ca = cacert.map(<[u8]>::to_vec).or_else(|| inline.map(|text| text.clone().into_bytes()));
        Ok(TlsOptions { ca, insecure: self.verify == Some(false) || self.insecure == Some(true) })
    }
}

impl AuthKeys {
    fn password(&self, cloud: &str) -> Result<Auth, CredentialsError> {
        let password = self.password.clone().ok_or_else(|| missing(cloud, "auth.password"))?;
        Ok(Auth::Password { user: self.user(cloud)?, password, project: self.project(cloud)? })
    }

    fn application_credential(&self, cloud: &str) -> Result<Auth, CredentialsError> {
        let secret = self.application_credential_secret.clone();
        let secret = secret.ok_or_else(|| missing(cloud, "auth.application_credential_secret"))?;
        if let Some(id) = filled(self.application_credential_id.as_ref()) {
            return Ok(Auth::ApplicationCredential { id, secret });
        }
        let name = filled(self.application_credential_name.as_ref());
        let name = name.ok_or_else(|| missing(cloud, "auth.application_credential_id"))?;
        Ok(Auth::NamedApplicationCredential { name, user: self.user(cloud)?, secret })
    }

    fn user(&self, cloud: &str) -> Result<Named, CredentialsError> {
        if let Some(id) = filled(self.user_id.as_ref()) {
            return Ok(Named::Id(id));
        }
        let name = filled(self.username.as_ref()).ok_or_else(|| missing(cloud, "auth.username"))?;
        let domain = domain(&self.user_domain_id, &self.user_domain_name).or_else(|| self.any_domain());
        Ok(Named::Name { name, domain: domain.ok_or_else(|| missing(cloud, "auth.user_domain_name"))? })
    }

    /// Without a domain of its own a project is looked for in the user's, as other clients do.
    fn project(&self, cloud: &str) -> Result<Named, CredentialsError> {
        if let Some(id) = filled(self.project_id.as_ref()) {
            return Ok(Named::Id(id));
        }
        let name = filled(self.project_name.as_ref()).ok_or_else(|| missing(cloud, "auth.project_name"))?;
        let domain = domain(&self.project_domain_id, &self.project_domain_name)
            .or_else(|| self.any_domain())
            .or_else(|| domain(&self.user_domain_id, &self.user_domain_name));
        Ok(Named::Name { name, domain: domain.ok_or_else(|| missing(cloud, "auth.project_domain_name"))? })
    }

    /// openstacksdk takes `domain_*` for both where the user's or the project's own is absent.
    fn any_domain(&self) -> Option<Domain> {
        domain(&self.domain_id, &self.domain_name)
    }
}

fn domain(id: &Option<String>, name: &Option<String>) -> Option<Domain> {
    filled(id.as_ref()).map(Domain::Id).or_else(|| filled(name.as_ref()).map(Domain::Name))
}

fn filled(value: Option<&String>) -> Option<String> {
    value.filter(|text| !text.trim().is_empty()).cloned()
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

const NOT_A_URL: &str = "it must be an http:// or https:// URL without user name, query and fragment";

fn missing(cloud: &str, key: &'static str) -> CredentialsError {
    CredentialsError::Missing { cloud: cloud.to_owned(), key }
}

fn unusable(cloud: &str, key: &'static str, advice: &'static str) -> CredentialsError {
    CredentialsError::Unusable { cloud: cloud.to_owned(), key, advice }
}

#[cfg(test)]
#[path = "clouds_tests.rs"]
mod tests;
