//! The session of one project: keeps a valid token, and sends the requests that carry it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use tokio::time::Instant;

use super::clouds_yaml::Credentials;
use super::http::{
    ApiRequest, ApiResponse, CloudError, ErrorClass, ErrorResponse, Response, Service, SingleFlight, Transport,
    TransportError, classify, request_id,
};
use super::keystone::{self, Login};
use super::settings::CloudSettings;
use crate::clock::Clock;

/// The pause before the next renewal, after one ahead of time has failed. The old token serves meanwhile.
const RENEW_RETRY_DELAY: Duration = Duration::from_secs(10);

/// The reads that one caller may have in flight.
pub(super) const PARALLEL_READS: usize = 4;

/// One log-in of one project, shared by all callers that work in it.
pub(super) struct Session {
    credentials: Credentials,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    settings: CloudSettings,
    login: SingleFlight<Arc<Login>>,
    /// The floating IPs of the project have exceeded one page.
    pub(super) many_floating_ips: AtomicBool,
    /// Neutron has answered a list of floating IPs.
    pub(super) has_l3_extension: AtomicBool,
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
            has_l3_extension: AtomicBool::new(false),
        }
    }

    pub(super) fn settings(&self) -> &CloudSettings {
        &self.settings
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sends a request with a valid token. A 401 causes one new log-in and one repetition, which is safe: services reject a
    /// token before they act.
    pub(super) async fn send(&self, request: &ApiRequest) -> Result<ApiResponse, CloudError> {
        if request.has_invalid_path() {
            let message = "the request was not sent: its path has an id that no object can have";
            return Err(request.failed(ErrorClass::NotFound, message));
        }
        let login = self.login(None).await?;
        match self.send_as(request, &login).await {
            Err(error) if error.status == Some(StatusCode::UNAUTHORIZED.as_u16()) => {
                let renewed = self.login(Some(&login)).await?;
                self.send_as(request, &renewed).await
            }
            result => result,
        }
    }

    /// The current log-in, renewed when it is about to expire or is the `rejected` one.
    pub(super) async fn login(&self, rejected: Option<&Arc<Login>>) -> Result<Arc<Login>, CloudError> {
        let usable = |login: &Arc<Login>| rejected.is_none_or(|rejected| !Arc::ptr_eq(login, rejected));
        let fresh = |login: &Arc<Login>| usable(login) && Instant::now() < login.renew_at;
        let renew = |old: Option<Arc<Login>>| async move {
            match self.authenticate().await {
                Err(error) if matches!(error.class, ErrorClass::Transient(_) | ErrorClass::Untrusted) => {
                    let old = old.filter(|old| usable(old) && Instant::now() < old.expires_at);
                    old.map(|old| Arc::new(old.renewed_at(Instant::now() + RENEW_RETRY_DELAY))).ok_or(error)
                }
                result => result.map(Arc::new),
            }
        };
        self.login.get(fresh, renew).await
    }

    /// The root URL of a service.
    ///
    /// # Errors
    /// `Credentials` when the catalogue has no usable endpoint.
    pub(super) fn endpoint(&self, request: &ApiRequest, login: &Login) -> Result<String, CloudError> {
        let endpoint = login.endpoint(request.service(), &self.credentials);
        endpoint.map_err(|error| request.failed(ErrorClass::Credentials, error.to_string()))
    }

    async fn authenticate(&self) -> Result<Login, CloudError> {
        let request = ApiRequest::new(Service::Identity, Method::POST, "/v3/auth/tokens")
            .body(keystone::token_request(&self.credentials.auth))
            .with_timeout(self.settings.read_timeout);
        let (sent, now) = (Instant::now(), self.clock.now());
        let response = self.exchange(&request, keystone::root(&self.credentials.auth_url), None).await;
        let response = response.map_err(|error| self.login_failed(error))?;
        Login::read(&response, &self.credentials, sent, now)
            .map_err(|error| request.failed(ErrorClass::Credentials, error.to_string()))
    }

    fn login_failed(&self, mut error: CloudError) -> CloudError {
        if error.class == ErrorClass::Credentials {
            let cloud = &self.credentials.cloud;
            error.message = format!("Keystone rejects the credentials of cloud {cloud:?}: {}", error.message);
        }
        error.message = self.credentials.redact(error.message);
        // A token that may have been issued has no effect to look for.
        error.in_doubt = false;
        error
    }

    async fn send_as(&self, request: &ApiRequest, login: &Login) -> Result<ApiResponse, CloudError> {
        let root = self.endpoint(request, login)?;
        self.exchange(request, &root, Some(&login.token)).await
    }

    /// Sends exactly one HTTP request and reads its response.
    async fn exchange(
        &self,
        request: &ApiRequest,
        root: &str,
        token: Option<&HeaderValue>,
    ) -> Result<ApiResponse, CloudError> {
        let http_request = request.to_http(root, token)?;
        let default = if request.is_write() { self.settings.write_timeout } else { self.settings.read_timeout };
        let started = Instant::now();
        let result = self.transport.send(http_request, request.timeout().unwrap_or(default)).await;
        self.record(request, &result, started.elapsed());
        let (parts, body) = result.map_err(|error| request.undelivered(&error))?.into_parts();
        // Some deployments answer Octavia's list of versions with a 300.
        if parts.status.is_success() || parts.status == StatusCode::MULTIPLE_CHOICES {
            return ApiResponse::new(request, parts, body);
        }
        Err(classify(&ErrorResponse {
            service: request.service(),
            call: &request.call(),
            is_write: request.is_write(),
            status: parts.status,
            headers: &parts.headers,
            body: &body,
            now: self.clock.now(),
        }))
    }

    /// Logs and counts an exchange. Never shows a body, a query or a token.
    fn record(&self, request: &ApiRequest, result: &Result<Response, TransportError>, took: Duration) {
        let service = request.service().as_str();
        let status = result.as_ref().ok().map(Response::status);
        let code = status.as_ref().map_or("transport", StatusCode::as_str);
        let request_id = result.as_ref().ok().and_then(|response| request_id(response.headers()));
        tracing::debug!(
            service,
            method = %request.method(),
            path = %request.path(),
            status = code,
            ms = took.as_millis(),
            request_id,
            "called OpenStack"
        );
        self.settings.observer.called(service, verb(request.method()), code, took.as_secs_f64());
    }
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
