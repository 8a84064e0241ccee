//! The session of one project: a token that is always good, and calls that carry it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, IF_MATCH};
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::classify::{ErrorResponse, classify, request_id, server_time};
use super::clouds_yaml::Credentials;
use super::keystone::{self, Login};
use super::quota::SlotKey;
use super::response_limits::JsonShape;
use super::single_flight::SingleFlight;
use super::{CloudError, CloudSettings, ErrorClass, Request, Response, Transport, TransportError};
use crate::clock::Clock;

/// After a renewal ahead of time failed, the old token serves for so long before the next attempt.
const RENEW_AGAIN: Duration = Duration::from_secs(10);

/// In the answer about one object with all below it. The states of a load balancer repeat a pool below each of its
/// listeners: 64 times a thousand members.
const MOST_OBJECTS: usize = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    LoadBalancer,
    Network,
    KeyManager,
    Identity,
}

impl Service {
    const ALL: [Self; 4] = [Self::LoadBalancer, Self::Network, Self::KeyManager, Self::Identity];

    /// The one that a catalogue calls so.
    pub(super) fn of_type(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.as_str() == text)
    }

    /// The type in the catalogue.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::LoadBalancer => "load-balancer",
            Self::Network => "network",
            Self::KeyManager => "key-manager",
            Self::Identity => "identity",
        }
    }

    /// An endpoint without what some catalogues write after the service's own place: a version, Octavia's `lbaas`.
    pub(super) fn root(self, url: &str) -> &str {
        let endings: &[&str] = match self {
            Self::LoadBalancer => &["/v2.0/lbaas", "/v2/lbaas", "/v2.0", "/v2"],
            Self::Network => &["/v2.0"],
            Self::KeyManager => &["/v1"],
            Self::Identity => &["/v3"],
        };
        let url = url.trim_end_matches('/');
        endings.iter().find_map(|ending| url.strip_suffix(ending)).unwrap_or(url).trim_end_matches('/')
    }
}

/// One call, without token and endpoint.
#[derive(Clone)]
pub(super) struct ApiRequest {
    service: Service,
    method: Method,
    /// From the root of the service: `/v2/lbaas/pools`.
    path: String,
    /// A segment of the path is no id: there is no such object, and nothing is sent.
    invalid_path: bool,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    /// Neutron's revision of the object that the write is meant for; at another one it is a 412.
    revision: Option<i64>,
    /// The service's own; that of the settings for the method when absent.
    timeout: Option<Duration>,
}

impl ApiRequest {
    /// `path`: what never changes of it; everything else comes by [`at`](Self::at).
    pub(super) fn new(service: Service, method: Method, path: &'static str) -> Self {
        let (path, query) = (path.to_owned(), Vec::new());
        Self { service, method, path, invalid_path: false, query, body: None, revision: None, timeout: None }
    }

    pub(super) fn get(service: Service, path: &'static str) -> Self {
        Self::new(service, Method::GET, path)
    }

    /// One segment further down. An id may come from a status that somebody wrote, or from a server that lies: none may
    /// lead to another path.
    pub(super) fn path_segment(mut self, id: &str) -> Self {
        let plain = is_plain_id(id);
        self.invalid_path |= !plain;
        self.path.push('/');
        self.path.push_str(if plain { id } else { "?" });
        self
    }

    pub(super) fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(super) fn if_revision(mut self, revision: Option<i64>) -> Self {
        self.revision = revision;
        self
    }

    pub(super) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// An error that no answer brought.
    pub(super) fn failed(&self, class: ErrorClass, message: String) -> CloudError {
        CloudError {
            class,
            call: self.name(),
            service: self.service.as_str(),
            status: None,
            message,
            request_id: None,
            in_doubt: false,
            too_large: false,
            external_network_unreachable: false,
            absent: false,
        }
    }
}

/// The answer to a call that succeeded.
pub(super) struct ApiResponse {
    call: String,
    service: Service,
    writes: bool,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    objects: usize,
}

impl ApiResponse {
    /// # Errors
    /// When it would take far more memory than it is long.
    fn to(ask: &ApiRequest, parts: http::response::Parts, body: Bytes) -> Result<Self, CloudError> {
        let structure = JsonShape::of(&body);
        let answer = Self {
            call: ask.name(),
            service: ask.service,
            writes: ask.is_write(),
            status: parts.status,
            headers: parts.headers,
            body,
            objects: structure.objects,
        };
        if structure.is_amplified() { Err(answer.too_large("has more structure than text")) } else { Ok(answer) }
    }

    /// About one object.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and when there is more in it than any object has.
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, CloudError> {
        if self.objects > MOST_OBJECTS {
            return Err(self.too_large("has more in it than any object of OpenStack"));
        }
        self.parse()
    }

    /// # Errors
    /// `Later` when the body is not what the service sends. What it is instead is not told: serde would quote it.
    pub(super) fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, CloudError> {
        let unlike = |error: serde_json::Error| {
            self.unread(&format!("was not understood (line {}, column {})", error.line(), error.column()))
        };
        serde_json::from_slice(&self.body).map_err(unlike)
    }

    fn too_large(&self, why: &str) -> CloudError {
        CloudError { too_large: true, ..self.unread(why) }
    }

    /// In doubt after a write, which has been carried out.
    fn unread(&self, why: &str) -> CloudError {
        let service = self.service.as_str();
        CloudError {
            class: ErrorClass::Transient(None),
            call: self.call.clone(),
            service,
            status: Some(self.status.as_u16()),
            message: format!("the {service} service's answer {why}"),
            request_id: request_id(&self.headers),
            in_doubt: self.writes,
            too_large: false,
            external_network_unreachable: false,
            absent: false,
        }
    }

    pub(super) fn size(&self) -> usize {
        self.body.len()
    }

    /// Those in it, on all levels.
    pub(super) const fn objects(&self) -> usize {
        self.objects
    }

    /// The server's time of day, for comparison with its own stamps.
    pub(super) fn server_time(&self) -> Option<Timestamp> {
        server_time(&self.headers)
    }
}

/// One log-in of one project, shared by all who work in it.
pub(super) struct Session {
    credentials: Credentials,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    settings: CloudSettings,
    login: SingleFlight<Arc<Login>>,
    /// The project has more floating IPs than one page shows.
    pub(super) many_floating_ips: AtomicBool,
    /// Neutron has shown that it knows floating IPs.
    pub(super) has_floating_ips: AtomicBool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(
        credentials: Credentials,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        settings: CloudSettings,
    ) -> Self {
        Self {
            credentials,
            transport,
            clock,
            settings,
            login: SingleFlight::new(),
            many_floating_ips: AtomicBool::new(false),
            has_floating_ips: AtomicBool::new(false),
        }
    }

    pub(super) fn settings(&self) -> &CloudSettings {
        &self.settings
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sends a call; logs in before it where needed, and once more when the token is refused: a 401 is given before
    /// anything is done, so the call may be sent again.
    pub(super) async fn send(&self, ask: &ApiRequest) -> Result<ApiResponse, CloudError> {
        if ask.invalid_path {
            return Err(
                ask.failed(ErrorClass::NotFound, "what is asked for has no id that an object could have".into())
            );
        }
        let login = self.login(None).await?;
        match self.send_as(ask, &login).await {
            Err(error) if error.status == Some(401) => {
                let renewed = self.login(Some(&login)).await?;
                self.send_as(ask, &renewed).await
            }
            result => result,
        }
    }

    /// The log-in, new when the last one is about to expire or is the `refused` one.
    pub(super) async fn login(&self, refused: Option<&Arc<Login>>) -> Result<Arc<Login>, CloudError> {
        let usable = |login: &Arc<Login>| refused.is_none_or(|refused| !Arc::ptr_eq(login, refused));
        let fresh = |login: &Arc<Login>| usable(login) && Instant::now() < login.renew_at;
        let renew = |old: Option<Arc<Login>>| async move {
            match self.authenticate().await {
                Err(error) if matches!(error.class, ErrorClass::Transient(_) | ErrorClass::Untrusted) => {
                    let old = old.filter(|old| usable(old) && Instant::now() < old.expires_at);
                    old.map(|old| Arc::new(old.until(Instant::now() + RENEW_AGAIN))).ok_or(error)
                }
                result => result.map(Arc::new),
            }
        };
        self.login.get(fresh, renew).await
    }

    /// Who takes turns with us.
    pub(super) async fn queue(&self) -> Result<SlotKey, CloudError> {
        let login = self.login(None).await?;
        let at = |service| {
            let ask = ApiRequest::get(service, "/");
            let root = login.endpoint(service, &self.credentials);
            root.and_then(|root| Url::parse(&root).map(String::from).map_err(|_| "the endpoint is no URL".into()))
                .map_err(|message| ask.failed(ErrorClass::Credentials, message))
        };
        Ok(SlotKey {
            identity: at(Service::Identity)?,
            load_balancer: at(Service::LoadBalancer)?,
            project: login.project.id.clone(),
        })
    }

    async fn authenticate(&self) -> Result<Login, CloudError> {
        let ask = ApiRequest::new(Service::Identity, Method::POST, "/v3/auth/tokens")
            .body(keystone::request(&self.credentials.auth))
            .timeout(self.settings.read_timeout);
        let (asked, now) = (Instant::now(), self.clock.now());
        let explain = |mut error: CloudError| {
            if error.class == ErrorClass::Credentials {
                let cloud = &self.credentials.cloud;
                error.message = format!("Keystone refuses the credentials of cloud {cloud:?}: {}", error.message);
            }
            // A token more or less does no harm.
            error.in_doubt = false;
            error.message = self.credentials.without_secret(error.message);
            error
        };
        let answer = self.exchange(&ask, keystone::root(&self.credentials.auth_url), None).await.map_err(explain)?;
        Login::read(&answer.headers, &answer.body, &self.credentials, asked, now)
            .map_err(|message| ask.failed(ErrorClass::Credentials, message))
    }

    async fn send_as(&self, ask: &ApiRequest, login: &Login) -> Result<ApiResponse, CloudError> {
        let root = login.endpoint(ask.service, &self.credentials);
        let root = root.map_err(|message| ask.failed(ErrorClass::Credentials, message))?;
        self.exchange(ask, &root, Some(login)).await
    }

    /// Exactly one request and its answer.
    async fn exchange(&self, ask: &ApiRequest, root: &str, login: Option<&Login>) -> Result<ApiResponse, CloudError> {
        let request = request(ask, root, login)?;
        let writes = ask.is_write();
        let default = if writes { self.settings.write_timeout } else { self.settings.read_timeout };
        let started = Instant::now();
        let result = self.transport.send(request, ask.timeout.unwrap_or(default)).await;
        self.observe(ask, &result, started.elapsed());
        let response = result.map_err(|error| {
            let (class, never_sent) = match error {
                TransportError::NotSent { .. } => (ErrorClass::Transient(None), true),
                TransportError::Untrusted { .. } => (ErrorClass::Untrusted, true),
                TransportError::NoAnswer { .. } | TransportError::TooLarge { .. } => {
                    (ErrorClass::Transient(None), false)
                }
            };
            let too_large = matches!(error, TransportError::TooLarge { .. });
            CloudError { in_doubt: writes && !never_sent, too_large, ..ask.failed(class, error.to_string()) }
        })?;
        let (parts, body) = response.into_parts();
        // Octavia's list of versions is a 300 in some deployments.
        if parts.status.is_success() || parts.status == StatusCode::MULTIPLE_CHOICES {
            return ApiResponse::to(ask, parts, body);
        }
        Err(classify(&ErrorResponse {
            service: ask.service.as_str(),
            call: &ask.name(),
            writes,
            status: parts.status,
            headers: &parts.headers,
            body: &body,
            now: self.clock.now(),
        }))
    }

    /// One line and one count for each exchange; never a body, never a query, never a token.
    fn observe(&self, ask: &ApiRequest, result: &Result<Response, TransportError>, took: Duration) {
        let status = result.as_ref().ok().map(Response::status);
        let code = status.as_ref().map_or("transport", StatusCode::as_str);
        let request_id = result.as_ref().ok().and_then(|response| request_id(response.headers()));
        tracing::debug!(
            service = ask.service.as_str(),
            method = %ask.method,
            path = %ask.path,
            status = code,
            ms = took.as_millis(),
            request_id,
            "called OpenStack"
        );
        self.settings.observer.called(ask.service.as_str(), verb(&ask.method), code, took.as_secs_f64());
    }
}

/// A UUID, a name that stands for one, or a tag of ours: all that is needed of a segment of a path, and nothing that
/// could end it.
pub(super) fn is_plain_id(id: &str) -> bool {
    const LONGEST: usize = 128;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '=');
    !id.is_empty() && id.len() <= LONGEST && id.chars().all(plain)
}

fn verb(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn request(ask: &ApiRequest, root: &str, login: Option<&Login>) -> Result<Request, CloudError> {
    let wrong =
        |_| ask.failed(ErrorClass::Credentials, format!("the endpoint {root} of {} is no URL", ask.service.as_str()));
    let mut url = Url::parse(&format!("{root}{}", ask.path)).map_err(wrong)?;
    if !ask.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&ask.query);
    }
    let mut request = http::Request::builder().method(ask.method.clone()).uri(url.as_str());
    request = request.header(ACCEPT, "application/json");
    if let Some(login) = login {
        request = request.header("x-auth-token", login.token.clone());
    }
    if let Some(revision) = ask.revision {
        request = request.header(IF_MATCH, format!("revision_number={revision}"));
    }
    let body = match &ask.body {
        Some(body) => {
            request = request.header(CONTENT_TYPE, "application/json");
            Bytes::from(body.to_string())
        }
        None => Bytes::new(),
    };
    let wrong =
        |_| ask.failed(ErrorClass::Credentials, format!("the endpoint {root} of {} is no URL", ask.service.as_str()));
    request.body(body).map_err(wrong)
}
