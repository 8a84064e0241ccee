//! The error of a failed call, with a class that says what to do next.

use std::fmt;
use std::time::Duration;

/// The reaction that a failed call calls for. Measured on genuine services; see the tests of `classify`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorClass {
    /// 409 "immutable", "Invalid state PENDING_…": the load balancer is locked by a change in flight. A wait, not an error.
    Locked,
    /// Any other 409: a duplicate, or an object in use. Observe and plan again; a repeated conflict counts as rejected.
    Conflict,
    /// 400-class, 501, and the 409s and 500s that the request body causes: the same call will hardly ever succeed. A create
    /// waits for another spec, other calls back off up to an hour.
    Rejected,
    /// 403 "Quota has been met", Neutron's OverQuota: a slow retry.
    Quota,
    /// 401 after renewal, or 403 by policy: the credentials are wrong or lack a role.
    Credentials,
    /// An untrusted TLS certificate: the operator of the cloud or the owner of the Secret has to act.
    Untrusted,
    /// 404 that names a missing object.
    NotFound,
    /// Transport errors, 5xx, 429, 503 ProjectBusy: retry, after this delay if the server named one.
    Transient(Option<Duration>),
}

/// A finding about a failed call, beyond its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorDetail {
    /// The response exceeded the size that is read, or its JSON would have taken far more memory than its text.
    ResponseTooLarge,
    /// 404 by the service itself: it has no such object, or no such path in this version and its extensions. A proxy in front
    /// of the service knows neither.
    Absent,
    /// 404 of Neutron for a floating IP of which every named object exists: no router connects the subnet of the port to the
    /// network of the floating IP.
    ExternalNetworkUnreachable,
}

/// A failed call to an OpenStack service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudError {
    pub class: ErrorClass,
    /// `POST /v2/lbaas/loadbalancers`: method and path, without query and never with a secret.
    pub call: String,
    /// `load-balancer`, `network`, `key-manager`, `identity`.
    pub service: &'static str,
    /// The HTTP status; `None` when no response arrived.
    pub status: Option<u16>,
    /// The server's own text, or the fault of the transport with host and port.
    pub message: String,
    pub request_id: Option<String>,
    /// The call may have taken effect: the response was lost, or a proxy answered for the service.
    pub in_doubt: bool,
    detail: Option<ErrorDetail>,
}

impl CloudError {
    /// A failure before any response: no status, no doubt.
    pub fn new(class: ErrorClass, service: &'static str, call: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            class,
            call: call.into(),
            service,
            status: None,
            message: message.into(),
            request_id: None,
            in_doubt: false,
            detail: None,
        }
    }

    pub fn with_status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    pub fn with_request_id(self, request_id: Option<String>) -> Self {
        Self { request_id, ..self }
    }

    pub fn with_doubt(self, in_doubt: bool) -> Self {
        Self { in_doubt, ..self }
    }

    pub fn with_detail(self, detail: Option<ErrorDetail>) -> Self {
        Self { detail, ..self }
    }

    pub fn is_too_large(&self) -> bool {
        self.detail == Some(ErrorDetail::ResponseTooLarge)
    }

    /// The service itself has no such object or path; see [`ErrorDetail::Absent`].
    pub fn is_absent(&self) -> bool {
        matches!(self.detail, Some(ErrorDetail::Absent | ErrorDetail::ExternalNetworkUnreachable))
    }

    pub fn is_external_network_unreachable(&self) -> bool {
        self.detail == Some(ErrorDetail::ExternalNetworkUnreachable)
    }
}

impl std::error::Error for CloudError {}

impl fmt::Display for CloudError {
    /// The server's text first, then the call, the status and the request id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.message, self.call)?;
        if let Some(status) = self.status {
            write!(f, ": {status}")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, ", request {id}")?;
        }
        f.write_str(")")
    }
}
