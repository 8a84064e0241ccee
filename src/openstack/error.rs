//! What can go wrong with a call, as a small set of classes that say what to do next.

use std::time::Duration;

/// What to do about a failed call. From measured answers; see the tests of `classify`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorClass {
    /// 409 "immutable", "Invalid state PENDING_…": the load balancer is locked. A wait, not an error.
    Locked,
    /// Another 409: a duplicate, something in use. Look again and plan again; what is still refused then, is refused.
    Conflict,
    /// 400-class, 501, and the 409s and 500s that a body causes: the same call will hardly ever be accepted. A create waits
    /// for another spec, other calls are repeated ever more rarely.
    Rejected,
    /// 403 "Quota has been met", Neutron's OverQuota: a slow retry.
    Quota,
    /// 401 after renewal, 403 of the policy: the credentials are wrong or lack a role.
    Credentials,
    /// The server's TLS certificate is not accepted: somebody has to see to it, here or on the server.
    Untrusted,
    /// 404: it is not there (any more).
    NotFound,
    /// Transport errors, 5xx, 429, 503 ProjectBusy: try again, after this long if the server said so.
    Transient(Option<Duration>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudError {
    pub class: ErrorClass,
    /// `POST /v2/lbaas/loadbalancers`: method and path, without query and never with a secret.
    pub call: String,
    /// `load-balancer`, `network`, `key-manager`, `identity`.
    pub service: &'static str,
    pub status: Option<u16>,
    /// The server's own text, or what the transport said (with host and port).
    pub message: String,
    pub request_id: Option<String>,
    /// The call may have been carried out all the same: the answer was lost, or a proxy answered for the service.
    pub in_doubt: bool,
    /// The answer was larger, or had more in it, than any that is read.
    pub too_large: bool,
    /// 404 of the service itself: there is no such object, or no such path in this version of it and its extensions.
    /// What stands in front of a service knows neither.
    pub absent: bool,
    /// 404 of Neutron for a floating IP, although all that it names is there: no router leads from the subnet of the port to
    /// the network of the floating IP.
    pub external_network_unreachable: bool,
}

impl std::error::Error for CloudError {}

impl std::fmt::Display for CloudError {
    /// For people: the server's text first, then the call, the code and the request id.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
