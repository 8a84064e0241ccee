//! Keystone v3: the token, its project, and the endpoints of the catalogue.

use std::collections::BTreeSet;
use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::clouds_yaml::{Auth, Credentials, Domain, Named, is_endpoint};
use super::http::{ApiResponse, Service};
use super::text::list;

/// Renewal happens this long before a token expires.
const RENEW_EARLY: Duration = Duration::from_secs(120);
/// The lifetime of a token that states none: Keystone's own default.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);

/// The project of the credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub id: String,
    /// The region of its load balancers.
    pub region: String,
}

/// A log-in that leads to no project.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LoginError {
    #[error("Keystone's answer carries no token: check auth_url")]
    NoToken,
    #[error("Keystone's answer was not understood: check auth_url")]
    Unreadable,
    #[error("the token is not for a project: give project_id, or project_name and its domain")]
    Unscoped,
    #[error("load balancers are offered in several regions ({}): set region_name", list(.regions))]
    SeveralRegions { regions: Vec<String> },
}

/// A service without a usable endpoint in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EndpointError {
    #[error("the catalogue has no service of type {service}")]
    NoService { service: &'static str },
    #[error(
        "the catalogue has no {interface} endpoint of type {service} in region {region:?}; it has {}",
        list(.available)
    )]
    NotOffered { service: &'static str, interface: &'static str, region: String, available: Vec<String> },
    #[error(
        "the catalogue's {interface} endpoint of type {service} in region {region:?} is not an http:// or https:// URL \
         without user name, query and fragment"
    )]
    InvalidUrl { service: &'static str, interface: &'static str, region: String },
}

/// The result of a log-in.
#[derive(Clone)]
pub(super) struct Login {
    /// Marked sensitive, so that Debug hides it.
    pub(super) token: HeaderValue,
    pub(super) renew_at: Instant,
    pub(super) expires_at: Instant,
    pub(super) project: Project,
    /// OpenStack's services show the objects of all projects to this role (`context_is_admin`, by default `role:admin`).
    pub(super) is_admin: bool,
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone)]
struct Endpoint {
    service: Service,
    interface: String,
    region: String,
    url: String,
}

/// The root URL of Keystone, without the version that `auth_url` may name.
pub(super) fn root(auth_url: &str) -> &str {
    let url = auth_url.trim_end_matches('/');
    url.strip_suffix("/v3").or_else(|| url.strip_suffix("/v2.0")).unwrap_or(url)
}

/// The body of `POST /v3/auth/tokens`.
pub(super) fn token_request(auth: &Auth) -> Value {
    let (identity, scope) = match auth {
        Auth::Password { user, password, project } => {
            let mut user = named(user);
            user["password"] = password.reveal().into();
            (json!({"methods": ["password"], "password": {"user": user}}), Some(json!({"project": named(project)})))
        }
        Auth::ApplicationCredential { id, secret } => (
            json!({"methods": ["application_credential"],
                   "application_credential": {"id": id, "secret": secret.reveal()}}),
            None,
        ),
        Auth::NamedApplicationCredential { name, user, secret } => (
            json!({"methods": ["application_credential"],
                   "application_credential": {"name": name, "user": named(user), "secret": secret.reveal()}}),
            None,
        ),
    };
    match scope {
        Some(scope) => json!({"auth": {"identity": identity, "scope": scope}}),
        None => json!({"auth": {"identity": identity}}),
    }
}

fn named(object: &Named) -> Value {
    match object {
        Named::Id(id) => json!({"id": id}),
        Named::Name { name, domain: Domain::Id(id) } => json!({"name": name, "domain": {"id": id}}),
        Named::Name { name, domain: Domain::Name(domain) } => json!({"name": name, "domain": {"name": domain}}),
    }
}

#[derive(Deserialize)]
struct TokenResponse {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    issued_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    project: Option<Scope>,
    #[serde(default)]
    roles: Vec<Role>,
    #[serde(default)]
    catalog: Vec<CatalogueService>,
}

#[derive(Deserialize)]
struct Scope {
    id: String,
}

#[derive(Deserialize)]
struct Role {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct CatalogueService {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    endpoints: Vec<CatalogueEndpoint>,
}

#[derive(Deserialize)]
struct CatalogueEndpoint {
    #[serde(default)]
    interface: String,
    region: Option<String>,
    region_id: Option<String>,
    #[serde(default)]
    url: String,
}

impl Login {
    /// `sent` is the moment before the request, `now` the wall clock at that moment. The lifetime is the difference of
    /// Keystone's own two timestamps, so that a wrong clock here does no harm.
    pub(super) fn read(
        response: &ApiResponse,
        credentials: &Credentials,
        sent: Instant,
        now: Timestamp,
    ) -> Result<Self, LoginError> {
        let mut token = response.headers().get("x-subject-token").cloned().ok_or(LoginError::NoToken)?;
        token.set_sensitive(true);
        let body: TokenResponse = serde_json::from_slice(response.body()).map_err(|_| LoginError::Unreadable)?;
        let Token { issued_at, expires_at, project, roles, catalog } = body.token;
        let project = project.ok_or(LoginError::Unscoped)?;
        let endpoints = endpoints(catalog);
        let region = region(credentials, &endpoints)?;
        let lifetime = expires_at.map_or(DEFAULT_LIFETIME, |expires| {
            Duration::try_from(expires.duration_since(issued_at.unwrap_or(now))).unwrap_or(Duration::ZERO)
        });
        Ok(Self {
            token,
            renew_at: sent + lifetime.saturating_sub(RENEW_EARLY.min(lifetime / 2)),
            expires_at: sent + lifetime,
            project: Project { id: project.id, region },
            is_admin: roles.iter().any(|role| role.name.eq_ignore_ascii_case("admin")),
            endpoints,
        })
    }

    /// The same log-in with another time of renewal, at the latest when the token expires.
    pub(super) fn renewed_at(&self, renew_at: Instant) -> Self {
        Self { renew_at: renew_at.min(self.expires_at), ..self.clone() }
    }

    /// The root URL of a service: the override of `clouds.yaml`, else the endpoint of interface and region in the catalogue.
    pub(super) fn endpoint(&self, service: Service, credentials: &Credentials) -> Result<String, EndpointError> {
        if service == Service::Identity {
            return Ok(root(&credentials.auth_url).to_owned());
        }
        if let Some(url) = credentials.overrides.of(service) {
            return Ok(service.root(url).to_owned());
        }
        let interface = credentials.interface_of(service).as_str();
        let region = credentials.regions.of(service).or(credentials.region.as_ref()).unwrap_or(&self.project.region);
        let of_service: Vec<&Endpoint> = self.endpoints.iter().filter(|e| e.service == service).collect();
        let chosen = of_service.iter().find(|e| e.interface == interface && e.region == *region);
        let (service_name, region) = (service.as_str(), region.clone());
        match chosen {
            Some(endpoint) if is_endpoint(&endpoint.url) => Ok(service.root(&endpoint.url).to_owned()),
            Some(_) => Err(EndpointError::InvalidUrl { service: service_name, interface, region }),
            None if of_service.is_empty() => Err(EndpointError::NoService { service: service_name }),
            None => {
                let available = available(&of_service);
                Err(EndpointError::NotOffered { service: service_name, interface, region, available })
            }
        }
    }
}

/// The endpoints of the services that Evenkeel calls. The rest of a catalogue may be large, and is dropped.
fn endpoints(catalogue: Vec<CatalogueService>) -> Vec<Endpoint> {
    let known = |entry: CatalogueService| Some((Service::from_type(&entry.kind)?, entry.endpoints));
    let of = |(service, endpoints): (_, Vec<CatalogueEndpoint>)| {
        endpoints.into_iter().map(move |endpoint| endpoint.into_endpoint(service))
    };
    catalogue.into_iter().filter_map(known).flat_map(of).collect()
}

impl CatalogueEndpoint {
    fn into_endpoint(self, service: Service) -> Endpoint {
        let Self { interface, region, region_id, url } = self;
        Endpoint {
            service,
            // Some catalogues still have publicURL.
            interface: interface.strip_suffix("URL").unwrap_or(&interface).to_owned(),
            region: region_id.or(region).unwrap_or_default(),
            url,
        }
    }
}

/// The region that the credentials name, or the only one with load balancers.
fn region(credentials: &Credentials, endpoints: &[Endpoint]) -> Result<String, LoginError> {
    if let Some(region) = credentials.regions.load_balancer.as_ref().or(credentials.region.as_ref()) {
        return Ok(region.clone());
    }
    let interface = credentials.interface_of(Service::LoadBalancer).as_str();
    let offers = |e: &&Endpoint| e.service == Service::LoadBalancer && e.interface == interface;
    let regions: BTreeSet<&str> = endpoints.iter().filter(offers).map(|e| e.region.as_str()).collect();
    let mut regions: Vec<String> = regions.into_iter().map(str::to_owned).collect();
    match regions.len() {
        0 | 1 => Ok(regions.pop().unwrap_or_default()),
        _ => Err(LoginError::SeveralRegions { regions }),
    }
}

/// Interfaces and regions of these endpoints, for messages.
fn available(endpoints: &[&Endpoint]) -> Vec<String> {
    let described = endpoints.iter().map(|e| format!("{} in region {:?}", e.interface, e.region));
    described.collect::<BTreeSet<String>>().into_iter().collect()
}
