//! One entry of `clouds.yaml`, as openstacksdk reads it, or the reason why it cannot be used.
//!
//! Nothing of the file's contents but the names of clouds and keys ever reaches a message.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::TlsOptions;

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
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

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Which of its addresses a service is spoken to at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    Id(String),
    Name { name: String, domain: Domain },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Domain {
    Id(String),
    Name(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Auth {
    Password { user: Named, password: Secret, project: Named },
    ApplicationCredential { id: String, secret: Secret },
    NamedApplicationCredential { name: String, user: Named, secret: Secret },
}

/// Endpoints that stand in for those of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Overrides {
    pub(super) load_balancer: Option<String>,
    pub(super) network: Option<String>,
    pub(super) key_manager: Option<String>,
}

/// One usable entry of `clouds.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        let file: File = serde_saphyr::from_slice(clouds_yaml).map_err(|error| {
            let location = error.location();
            CredentialsError::Unreadable {
                line: location.map_or(0, |l| l.line()),
                column: location.map_or(0, |l| l.column()),
            }
        })?;
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
                auth_type,
                hint: " (a token cannot be renewed)",
            }),
            _ => Err(CredentialsError::AuthType { cloud: cloud.to_owned(), auth_type, hint: "" }),
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
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Credentials, CredentialsError> {
        Credentials::parse(text.as_bytes(), None, "c")
    }

    fn entry(body: &str) -> String {
        format!("clouds:\n  c:\n{}", body.lines().map(|l| format!("    {l}\n")).collect::<String>())
    }

    const PASSWORD: &str = "auth:\n  auth_url: http://keystone:5000/v3\n  username: u\n  password: hunter2\n  \
                            project_name: p\n  user_domain_name: Default";

    #[test]
    fn a_password_entry_is_read_with_its_defaults() {
        let read = parse(&entry(PASSWORD)).unwrap();
        let domain = Domain::Name("Default".into());
        assert_eq!(
            read.auth,
            Auth::Password {
                user: Named::Name { name: "u".into(), domain: domain.clone() },
                password: Secret("hunter2".into()),
                project: Named::Name { name: "p".into(), domain },
            }
        );
        assert_eq!((read.interface, read.region, read.tls), (Interface::Public, None, TlsOptions::default()));
    }

    #[test]
    fn values_that_look_like_numbers_stay_text() {
        let read = parse(&entry(
            "auth: {auth_url: 'http://k', user_id: 007, password: 1e3, project_id: 0123}\nregion_name: 1",
        ))
        .unwrap();
        assert_eq!(
            read.auth,
            Auth::Password {
                user: Named::Id("007".into()),
                password: Secret("1e3".into()),
                project: Named::Id("0123".into()),
            }
        );
        assert_eq!(read.region.as_deref(), Some("1"));
    }

    #[test]
    fn application_credentials_are_read_by_id_and_by_name() {
        let by_id = "auth_type: v3applicationcredential\nauth: {auth_url: 'http://k', application_credential_id: i, \
                     application_credential_secret: s}";
        let by_name = "auth: {auth_url: 'http://k', application_credential_name: n, user_id: u, \
                       application_credential_secret: s}";
        let secret = Secret("s".into());
        assert_eq!(
            parse(&entry(by_id)).unwrap().auth,
            Auth::ApplicationCredential { id: "i".into(), secret: secret.clone() }
        );
        assert_eq!(
            parse(&entry(by_name)).unwrap().auth,
            Auth::NamedApplicationCredential { name: "n".into(), user: Named::Id("u".into()), secret }
        );
    }

    #[test]
    fn region_interface_verify_and_overrides_are_read() {
        let read = parse(&entry(&format!(
            "region_name: R\nendpoint_type: internalURL\nverify: false\nidentity_api_version: 3\n\
             load_balancer_endpoint_override: http://lb:13876/v2.0\n{PASSWORD}"
        )))
        .unwrap();
        assert_eq!(read.region.as_deref(), Some("R"));
        assert_eq!(read.interface, Interface::Internal);
        assert!(read.tls.insecure);
        assert_eq!(read.overrides.load_balancer.as_deref(), Some("http://lb:13876/v2.0"));
    }

    #[test]
    fn an_endpoint_is_a_url_to_which_paths_can_be_appended() {
        for url in ["ftp://k", "k:5000", "http://u@k", "http://u:p@k", "http://k/v3?x=", "http://k/#", "http://k?", ""]
        {
            let text = entry(&PASSWORD.replace("http://keystone:5000/v3", &format!("'{url}'")));
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains("auth.auth_url"), "{url}: {error}");
            for key in ["load_balancer", "network", "key_manager"] {
                let key = format!("{key}_endpoint_override");
                let read = parse(&entry(&format!("{key}: '{url}'\n{PASSWORD}")));
                assert!(url.is_empty() || read.unwrap_err().to_string().contains(&key), "{key}: {url}");
            }
        }
    }

    #[test]
    fn anchors_and_merge_keys_are_followed() {
        let text = "base: &base {auth_url: 'http://k', project_id: p}\nclouds:\n  c:\n    auth: {<<: *base, user_id: u, \
                    password: x}\n";
        assert_eq!(parse(text).unwrap().auth_url, "http://k");
    }

    #[test]
    fn a_path_to_a_ca_is_refused_unless_the_secret_brings_the_text() {
        let text = entry(&format!("cacert: /etc/ssl/ca.pem\n{PASSWORD}"));
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains("key `cacert` of the Secret"), "{error}");
        let read = Credentials::parse(text.as_bytes(), Some(b"PEM"), "c").unwrap();
        assert_eq!(read.tls.ca.as_deref(), Some(&b"PEM"[..]));
    }

    #[test]
    fn what_is_missing_is_named_with_its_cloud() {
        for (body, key) in [
            ("region_name: R", "auth"),
            ("auth: {username: u}", "auth.auth_url"),
            ("auth: {auth_url: 'http://k'}", "auth.password"),
            ("auth: {auth_url: 'http://k', password: p}", "auth.username"),
            ("auth: {auth_url: 'http://k', password: p, username: u}", "auth.user_domain_name"),
            ("auth: {auth_url: 'http://k', password: p, user_id: u}", "auth.project_name"),
            ("auth: {auth_url: 'http://k', password: p, user_id: u, project_name: p}", "auth.project_domain_name"),
            ("auth_type: v3applicationcredential\nauth: {auth_url: 'http://k'}", "auth.application_credential_secret"),
            ("auth: {auth_url: 'http://k', application_credential_secret: s}", "auth.application_credential_id"),
        ] {
            assert_eq!(parse(&entry(body)).unwrap_err(), missing("c", key), "{body}");
        }
    }

    #[test]
    fn an_unknown_cloud_is_answered_with_the_names_that_there_are() {
        let text = format!("{}  d: {{}}\n", entry(PASSWORD));
        let error = Credentials::parse(text.as_bytes(), None, "x").unwrap_err();
        assert_eq!(error.to_string(), "clouds.yaml has no cloud \"x\"; it has c, d");
    }

    #[test]
    fn tokens_and_unknown_ways_to_log_in_are_refused() {
        let error = parse(&entry(&format!("auth_type: v3token\n{PASSWORD}"))).unwrap_err().to_string();
        assert!(error.contains("v3token") && error.contains("cannot be renewed"), "{error}");
        assert!(parse(&entry(&format!("auth_type: v3kerberos\n{PASSWORD}"))).is_err());
        assert!(parse(&entry(&format!("interface: secret\n{PASSWORD}"))).is_err());
        assert!(parse(&entry(&format!("cert: /tls.crt\n{PASSWORD}"))).is_err());
    }

    #[test]
    fn neither_debug_nor_errors_show_a_secret() {
        let shown = format!("{:?}", parse(&entry(PASSWORD)).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        for broken in [
            "clouds:\n  c:\n    auth: hunter2\n",
            "clouds:\n  c:\n    auth: {password: [hunter2]}\n",
            "clouds: {c: {auth: {password: hunter2\n",
            "hunter2",
            "clouds: hunter2",
        ] {
            let error = parse(broken).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
