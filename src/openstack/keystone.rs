//! Keystone v3: a token, the project that it is good for, and where the services of the cloud are.

use std::collections::BTreeSet;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::clouds_yaml::{Auth, Credentials, Domain, Interface, Named, is_endpoint, list};
use super::session::Service;

/// A token is renewed so long before it expires.
const RENEW_EARLY: Duration = Duration::from_secs(120);
/// For a token whose lifetime Keystone does not tell; its own default.
const DEFAULT_LIFE: Duration = Duration::from_secs(3600);

/// The project that the credentials are good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub id: String,
    pub name: String,
    /// The region whose load balancers are spoken to.
    pub region: String,
}

/// What a log-in gave.
#[derive(Clone)]
pub(super) struct Login {
    /// Marked sensitive: Debug does not show it.
    pub(super) token: HeaderValue,
    pub(super) renew_at: Instant,
    pub(super) expires_at: Instant,
    pub(super) project: Project,
    /// OpenStack's services show objects of all projects to this role (`context_is_admin`, by default `role:admin`).
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

/// Where Keystone answers, whatever version `auth_url` names.
pub(super) fn root(auth_url: &str) -> &str {
    let url = auth_url.trim_end_matches('/');
    url.strip_suffix("/v3").or_else(|| url.strip_suffix("/v2.0")).unwrap_or(url)
}

/// The body of `POST /v3/auth/tokens`.
pub(super) fn request(auth: &Auth) -> Value {
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
    #[serde(default)]
    name: String,
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
    /// `asked`: when the request was sent; `now`: the time of day then. Keystone's own two stamps tell how long the
    /// token lives, so that a clock that is wrong here does no harm.
    ///
    /// # Errors
    /// What is wrong with the answer, for people.
    pub(super) fn read(
        headers: &HeaderMap,
        body: &[u8],
        credentials: &Credentials,
        asked: Instant,
        now: Timestamp,
    ) -> Result<Self, String> {
        let mut token = headers.get("x-subject-token").cloned().ok_or("Keystone's answer carries no token")?;
        token.set_sensitive(true);
        let answer: TokenResponse = serde_json::from_slice(body).map_err(|_| "Keystone's answer was not understood")?;
        let Token { issued_at, expires_at, project, roles, catalog } = answer.token;
        let project =
            project.ok_or("the token is not for a project: give project_id, or project_name and its domain")?;
        let endpoints = endpoints(catalog);
        let region = region(credentials, &endpoints)?;
        let life = expires_at.map_or(DEFAULT_LIFE, |expires| {
            Duration::try_from(expires.duration_since(issued_at.unwrap_or(now))).unwrap_or(Duration::ZERO)
        });
        Ok(Self {
            token,
            renew_at: asked + life.saturating_sub(RENEW_EARLY.min(life / 2)),
            expires_at: asked + life,
            project: Project { id: project.id, name: project.name, region },
            is_admin: roles.iter().any(|role| role.name.eq_ignore_ascii_case("admin")),
            endpoints,
        })
    }

    /// The same, to be renewed no earlier than `renew_at`.
    pub(super) fn until(&self, renew_at: Instant) -> Self {
        Self { renew_at: renew_at.min(self.expires_at), ..self.clone() }
    }

    /// Where a service answers, without version and trailing slash: what its catalogue entry names after that varies
    /// from cloud to cloud.
    ///
    /// # Errors
    /// What the catalogue has instead, for people.
    pub(super) fn endpoint(&self, service: Service, credentials: &Credentials) -> Result<String, String> {
        if service == Service::Identity {
            return Ok(root(&credentials.auth_url).to_owned());
        }
        if let Some(url) = credentials.overrides.of(service) {
            return Ok(service.root(url).to_owned());
        }
        let interface = credentials.interface_of(service).as_str();
        let region = credentials.regions.of(service).or(credentials.region.as_ref()).unwrap_or(&self.project.region);
        let of_kind: Vec<&Endpoint> = self.endpoints.iter().filter(|e| e.service == service).collect();
        let fits = |e: &&&Endpoint| e.interface == interface && e.region == *region;
        match of_kind.iter().find(fits) {
            Some(endpoint) if is_endpoint(&endpoint.url) => Ok(service.root(&endpoint.url).to_owned()),
            Some(_) => Err(format!(
                "the catalogue's {interface} endpoint of type {} in region {:?} is not an http:// or https:// URL \
                 without user name, query and fragment",
                service.as_str(),
                region
            )),
            None => Err(nowhere(service.as_str(), interface, region, &of_kind)),
        }
    }
}

/// Those of the services that are spoken to.
fn endpoints(catalogue: Vec<CatalogueService>) -> Vec<Endpoint> {
    let known = |entry: CatalogueService| Some((Service::of_type(&entry.kind)?, entry.endpoints));
    let of = |(service, endpoints): (_, Vec<CatalogueEndpoint>)| endpoints.into_iter().map(move |e| e.of(service));
    catalogue.into_iter().filter_map(known).flat_map(of).collect()
}

impl CatalogueEndpoint {
    fn of(self, service: Service) -> Endpoint {
        let Self { interface, region, region_id, url } = self;
        Endpoint {
            service,
            // Some catalogues still say publicURL.
            interface: interface.strip_suffix("URL").unwrap_or(&interface).to_owned(),
            region: region_id.or(region).unwrap_or_default(),
            url,
        }
    }
}

/// The region of the entry, or the only one that has load balancers.
fn region(credentials: &Credentials, endpoints: &[Endpoint]) -> Result<String, String> {
    if let Some(region) = credentials.regions.load_balancer.as_ref().or(credentials.region.as_ref()) {
        return Ok(region.clone());
    }
    let interface: &str = Interface::as_str(credentials.interface_of(Service::LoadBalancer));
    let offers = |e: &&Endpoint| e.service == Service::LoadBalancer && e.interface == interface;
    let regions: BTreeSet<&str> = endpoints.iter().filter(offers).map(|e| e.region.as_str()).collect();
    let mut names = regions.iter();
    match (names.next(), names.next()) {
        (Some(_), Some(_)) => {
            let names: Vec<String> = regions.into_iter().map(str::to_owned).collect();
            Err(format!("load balancers are offered in several regions ({}): set region_name", list(&names)))
        }
        (Some(region), None) => Ok((*region).to_owned()),
        (None, _) => Ok(String::new()),
    }
}

fn nowhere(kind: &str, interface: &str, region: &str, of_kind: &[&Endpoint]) -> String {
    if of_kind.is_empty() {
        return format!("the catalogue has no service of type {kind}");
    }
    let has: BTreeSet<String> = of_kind.iter().map(|e| format!("{} in region {:?}", e.interface, e.region)).collect();
    let has: Vec<String> = has.into_iter().collect();
    format!("the catalogue has no {interface} endpoint of type {kind} in region {region:?}; it has {}", list(&has))
}
