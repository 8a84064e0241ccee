//! Maps an error response to an error class: a pure function over responses that were measured on genuine services.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::error::{CloudError, ErrorClass, ErrorDetail};
use super::fault::{Fault, Form};
use super::headers::{content_type, request_id, retry_after};
use super::service::Service;
use crate::model::shortened;

/// The longest server text in a message, in characters.
const MAX_TEXT: usize = 1000;
/// Neutron's exception for a floating IP: no router has its gateway on that network and an interface on that subnet
/// (`get_router_for_floatingip` in neutron/db/l3_db.py). Its text names network, subnet and port.
const NO_ROUTER: &str = "ExternalGatewayForFloatingIPNotFound";

/// A response without success, and its request.
pub(in crate::openstack) struct ErrorResponse<'a> {
    pub(in crate::openstack) service: Service,
    /// Method and path.
    pub(in crate::openstack) call: &'a str,
    pub(in crate::openstack) is_write: bool,
    pub(in crate::openstack) status: StatusCode,
    pub(in crate::openstack) headers: &'a HeaderMap,
    pub(in crate::openstack) body: &'a [u8],
    pub(in crate::openstack) now: Timestamp,
}

pub(in crate::openstack) fn classify(response: &ErrorResponse<'_>) -> CloudError {
    let fault = Fault::parse(response.body);
    let retry_after = retry_after(response.headers, response.now);
    let class = match &fault {
        Some(fault) => class_of_fault(response, fault, retry_after),
        None => class_of_status(response.status, retry_after),
    };
    CloudError::new(class, response.service.as_str(), response.call, message(response, fault.as_ref()))
        .with_status(response.status.as_u16())
        .with_request_id(request_id(response.headers))
        .with_doubt(response.is_write && leaves_doubt(response.status, fault.as_ref()))
        .with_detail(fault.as_ref().and_then(|fault| detail(response, fault)))
}

/// A gateway that responds for the service cannot know the fate of a write. The service itself rolls back, and never calls
/// itself a gateway.
fn leaves_doubt(status: StatusCode, fault: Option<&Fault>) -> bool {
    let is_of_gateway = matches!(status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT);
    is_of_gateway || status.is_server_error() && !fault.is_some_and(Fault::is_of_service)
}

fn detail(response: &ErrorResponse<'_>, fault: &Fault) -> Option<ErrorDetail> {
    match fault.kind.as_deref() {
        _ if !is_absent(response, fault) => None,
        Some(NO_ROUTER) => Some(ErrorDetail::ExternalNetworkUnreachable),
        _ => Some(ErrorDetail::Absent),
    }
}

/// The class of a response in one of OpenStack's forms.
fn class_of_fault(response: &ErrorResponse<'_>, fault: &Fault, retry_after: Option<Duration>) -> ErrorClass {
    let ErrorResponse { service, status, .. } = *response;
    if is_quota(status, fault) {
        return ErrorClass::Quota;
    }
    match (status.as_u16(), service) {
        // A deleted application credential. Keystone has no other 404 for a log-in that proves an object missing.
        (404, Service::Identity) if fault.text.starts_with("Could not find") => ErrorClass::Credentials,
        // An incomplete log-in: a domain or a project is missing.
        (400, Service::Identity) => ErrorClass::Credentials,
        (404, service) if service != Service::Identity && is_absent(response, fault) && names_missing_object(fault) => {
            ErrorClass::NotFound
        }
        (409, _) if is_locked(&fault.text) => ErrorClass::Locked,
        (409, _) if fault.is_of_service() && is_caused_by_body(response, &fault.text) => ErrorClass::Rejected,
        (500, _) if fault.is_of_service() && is_permanent(&fault.text) => ErrorClass::Rejected,
        _ => class_of_status(status, retry_after),
    }
}

fn class_of_status(status: StatusCode, retry_after: Option<Duration>) -> ErrorClass {
    match status.as_u16() {
        401 | 403 => ErrorClass::Credentials,
        // 412: Neutron's object has changed since it was observed.
        409 | 412 => ErrorClass::Conflict,
        // A 404 that names no object comes from a wrong endpoint or a proxy, and proves nothing missing.
        404 | 408 | 425 | 429 => ErrorClass::Transient(retry_after),
        400..=499 | 501 => ErrorClass::Rejected,
        _ => ErrorClass::Transient(retry_after),
    }
}

/// Recognises an exhausted quota. Octavia and Barbican respond with 403, as for a missing role, and only the text differs;
/// Neutron with 409. When Octavia asks Neutron for a VIP port, Neutron's exception becomes part of Octavia's text.
///
/// Limited to the statuses that occur: a 400 echoes the user's input.
fn is_quota(status: StatusCode, fault: &Fault) -> bool {
    const KINDS: [&str; 3] = ["OverQuota", "IpAddressGenerationFailure", "ExternalIpAddressExhausted"];
    const TEXTS: [&str; 4] =
        ["Quota exceeded for resources", "No more IP addresses available", "IpAddressGenerationFailure", "OverQuota"];
    match (&fault.kind, status.as_u16()) {
        (Some(kind), _) => KINDS.contains(&kind.as_str()),
        (None, 403) => {
            fault.text.starts_with("Quota has been met for resources")
                || fault.text.ends_with("a quota has been reached.")
        }
        (None, 409 | 500 | 503) => TEXTS.iter().any(|text| without_user_input(&fault.text).contains(text)),
        _ => false,
    }
}

/// A database error up to the first text of the user: the statement with its parameters, or before it the value that MySQL
/// quotes (`Duplicate entry 'web' for key 'tags.PRIMARY'`).
fn without_user_input(text: &str) -> &str {
    let ends = ["\n[SQL:", "Duplicate entry '"].iter().filter_map(|start| text.find(start));
    &text[..ends.min().unwrap_or(text.len())]
}

/// `Load Balancer <id> is immutable and cannot be updated.` stands for PENDING and ERROR alike; the next read tells which.
/// `Invalid state ERROR of loadbalancer resource <id>` is no lock, since no wait ends it.
fn is_locked(text: &str) -> bool {
    text.contains("is immutable and cannot be updated") || text.contains("Invalid state PENDING_")
}

/// Recognises a 409 that the request body itself causes and no wait resolves.
///
/// Octavia reports every duplicate in its database as one of the object's id, which it chose itself: two tags or two
/// certificate references that the database considers equal (`IDAlreadyExists` in octavia/api/v2/controllers). A create
/// contains all its children, so the counterpart of each conflict is in the body too: a listener, a member, a monitor. Only
/// the address comes from elsewhere, and may become free (`VIPAddressConflict`).
fn is_caused_by_body(response: &ErrorResponse<'_>, text: &str) -> bool {
    let is_create = response.call == "POST /v2/lbaas/loadbalancers";
    match response.service {
        Service::LoadBalancer if is_create => !text.contains("VIP IP address is already in use"),
        Service::LoadBalancer => {
            text.contains("Already an entity with that specified id") || text.contains("Too many rules")
        }
        _ => false,
    }
}

/// True for a 404 that names the missing object. `{"code": 404, "title": "Not Found", "description": ""}` is about a path.
fn names_missing_object(fault: &Fault) -> bool {
    match &fault.kind {
        Some(kind) => kind.ends_with("NotFound") && kind != "HTTPNotFound",
        None => fault.text.contains("not found") || fault.text.contains("could not be found"),
    }
}

/// True for a 404 of the service itself. Neutron sends it in its own form only; Octavia's routing and Barbican repeat the
/// status in the body, as few gateways do.
fn is_absent(response: &ErrorResponse<'_>, fault: &Fault) -> bool {
    let is_of_service = match fault.form {
        Form::OpenStack => true,
        Form::Common { code } => response.service != Service::Network && code == Some(404),
    };
    response.status == StatusCode::NOT_FOUND && is_of_service
}

/// Recognises a 500 that the request body causes and no retry heals: a rejection by Neutron that the driver passes on, a
/// column that must not be null, a duplicate tag, a text that the database cannot store, and Python's own texts for input
/// that the handler fails to check.
fn is_permanent(text: &str) -> bool {
    const TEXTS: [&str; 6] = [
        "BadRequestException: 400",
        "IntegrityError",
        "DataError",
        "AttributeError",
        "KeyError",
        "object has no attribute",
    ];
    let text = without_user_input(text);
    TEXTS.iter().any(|part| text.contains(part)) || is_bare_key(text)
}

/// The text of Python's `KeyError`: a quoted identifier and nothing else.
fn is_bare_key(text: &str) -> bool {
    let key = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    key.is_some_and(|key| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

fn message(response: &ErrorResponse<'_>, fault: Option<&Fault>) -> String {
    let (service, status) = (response.service.as_str(), response.status);
    if let Some(fault) = fault {
        return match fault.text.trim() {
            "" => format!("the {service} service answered {status} without a reason"),
            text => shortened(text, MAX_TEXT),
        };
    }
    if status.is_redirection() {
        return format!("the {service} service redirects elsewhere, which is not followed: correct the endpoint");
    }
    let content_type = content_type(response.headers).map(|kind| format!(" ({kind})")).unwrap_or_default();
    format!("something that is not OpenStack answered {status} for the {service} service{content_type}")
}

#[cfg(test)]
mod tests;
