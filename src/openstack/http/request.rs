//! One API request, built from constants, checked ids and a JSON body.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, IF_MATCH};
use http::{HeaderValue, Method};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::error::{CloudError, ErrorClass, ErrorDetail};
use super::service::{Service, is_plain_id};
use super::transport::{Request, TransportError};

#[derive(Clone)]
struct QueryParameter {
    key: &'static str,
    value: String,
}

#[derive(Clone)]
enum RequestBody {
    Empty,
    Json(Value),
    /// JSON with key material. The bytes are zeroed when the last clone is dropped.
    Secret(Bytes),
}

/// A request without token and endpoint; the session adds both.
#[derive(Clone)]
pub(in crate::openstack) struct ApiRequest {
    service: Service,
    method: Method,
    /// Relative to the root of the service: `/v2/lbaas/pools`.
    path: String,
    /// A path segment is no id. No such object can exist, so nothing is sent.
    invalid_path: bool,
    query: Vec<QueryParameter>,
    body: RequestBody,
    /// The revision of a Neutron object that the write applies to. Neutron answers any other revision with a 412.
    revision: Option<i64>,
    timeout: Option<Duration>,
}

impl ApiRequest {
    /// `path` is a constant; ids are appended by [`path_segment`](Self::path_segment).
    pub(in crate::openstack) fn new(service: Service, method: Method, path: &'static str) -> Self {
        let (path, query) = (path.to_owned(), Vec::new());
        Self {
            service,
            method,
            path,
            invalid_path: false,
            query,
            body: RequestBody::Empty,
            revision: None,
            timeout: None,
        }
    }

    pub(in crate::openstack) fn get(service: Service, path: &'static str) -> Self {
        Self::new(service, Method::GET, path)
    }

    /// Appends an id to the path. Ids are untrusted, since they may come from an edited status or from a hostile server: one
    /// that could lead elsewhere marks the request as invalid.
    pub(in crate::openstack) fn path_segment(mut self, id: &str) -> Self {
        let plain = is_plain_id(id);
        self.invalid_path |= !plain;
        self.path.push('/');
        self.path.push_str(if plain { id } else { "?" });
        self
    }

    pub(in crate::openstack) fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push(QueryParameter { key, value: value.into() });
        self
    }

    pub(in crate::openstack) fn body(mut self, body: Value) -> Self {
        self.body = RequestBody::Json(body);
        self
    }

    /// A body with key material: JSON that is zeroed after use.
    pub(in crate::openstack) fn secret_body(mut self, json: Zeroizing<Vec<u8>>) -> Self {
        self.body = RequestBody::Secret(Bytes::from_owner(json));
        self
    }

    pub(in crate::openstack) fn if_revision(mut self, revision: Option<i64>) -> Self {
        self.revision = revision;
        self
    }

    /// Replaces the default timeout of the method.
    pub(in crate::openstack) fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    pub(in crate::openstack) fn service(&self) -> Service {
        self.service
    }

    pub(in crate::openstack) fn method(&self) -> &Method {
        &self.method
    }

    pub(in crate::openstack) fn path(&self) -> &str {
        &self.path
    }

    pub(in crate::openstack) fn has_invalid_path(&self) -> bool {
        self.invalid_path
    }

    pub(in crate::openstack) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    pub(in crate::openstack) fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    /// Method and path, for messages.
    pub(in crate::openstack) fn call(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// An error of this request without a response.
    pub(in crate::openstack) fn failed(&self, class: ErrorClass, message: impl Into<String>) -> CloudError {
        CloudError::new(class, self.service.as_str(), self.call(), message)
    }

    /// The error of a request whose response did not arrive. A write is in doubt unless it was never sent.
    pub(in crate::openstack) fn undelivered(&self, error: &TransportError) -> CloudError {
        let (class, may_have_arrived, detail) = match error {
            TransportError::NotSent { .. } => (ErrorClass::Transient(None), false, None),
            TransportError::Untrusted { .. } => (ErrorClass::Untrusted, false, None),
            TransportError::NoAnswer { .. } => (ErrorClass::Transient(None), true, None),
            TransportError::TooLarge { .. } => (ErrorClass::Transient(None), true, Some(ErrorDetail::ResponseTooLarge)),
        };
        self.failed(class, error.to_string()).with_doubt(self.is_write() && may_have_arrived).with_detail(detail)
    }

    /// The HTTP request to the service with this root URL.
    ///
    /// # Errors
    /// `Credentials` when `root` is not a URL.
    pub(in crate::openstack) fn to_http(&self, root: &str, token: Option<&HeaderValue>) -> Result<Request, CloudError> {
        let mut url = Url::parse(&format!("{root}{}", self.path)).map_err(|_| self.invalid_endpoint(root))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(self.query.iter().map(|parameter| (parameter.key, &parameter.value)));
        }
        let mut request = http::Request::builder().method(self.method.clone()).uri(url.as_str());
        request = request.header(ACCEPT, "application/json");
        if let Some(token) = token {
            request = request.header("x-auth-token", token.clone());
        }
        if let Some(revision) = self.revision {
            request = request.header(IF_MATCH, format!("revision_number={revision}"));
        }
        let body = match &self.body {
            RequestBody::Json(body) => Bytes::from(body.to_string()),
            RequestBody::Secret(bytes) => bytes.clone(),
            RequestBody::Empty => Bytes::new(),
        };
        if !matches!(self.body, RequestBody::Empty) {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(body).map_err(|_| self.invalid_endpoint(root))
    }

    fn invalid_endpoint(&self, root: &str) -> CloudError {
        let message = format!("the endpoint {root} of the {} service is not a URL", self.service.as_str());
        self.failed(ErrorClass::Credentials, message)
    }
}
