//! From an answer to what to do about it: one pure function over what was measured on genuine services.
//!
//! OpenStack has no common form of errors. Octavia alone has three (handlers, routing, authentication middleware),
//! Neutron a fourth; proxies answer with whatever they like.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use super::session::is_plain_id;
use super::{CloudError, ErrorClass};

/// The longest error that is read. Octavia repeats what it refuses, of at most 112 KiB.
const MAX_ERROR: usize = 256 << 10;
/// The longest text of a server that is passed on.
const MAX_TEXT: usize = 1000;
/// Neutron's name for: no router has its gateway on that network and an interface on that subnet
/// (`get_router_for_floatingip` in neutron/db/l3_db.py). Its text names network, subnet and port.
const UNROUTED: &str = "ExternalGatewayForFloatingIPNotFound";
/// The longest `Retry-After` that is believed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// An answer other than success, and the call that it answers.
pub(super) struct ErrorResponse<'a> {
    pub(super) service: &'static str,
    /// Method and path.
    pub(super) call: &'a str,
    /// Anything but GET and HEAD.
    pub(super) writes: bool,
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) now: Timestamp,
}

/// What an error body says.
struct Fault {
    text: String,
    /// Neutron's name of the exception.
    kind: Option<String>,
    /// In a form that only Octavia and Neutron have. The others are in use among gateways as well.
    own: bool,
    /// The status as the body repeats it.
    code: Option<u64>,
}

impl Fault {
    fn own(text: String, kind: Option<String>) -> Self {
        Self { text, kind, own: true, code: None }
    }

    /// `code`: where the body repeats the status.
    fn of_anybody(text: String, code: Option<&Value>) -> Self {
        Self { text, kind: None, own: false, code: code.and_then(Value::as_u64) }
    }
}

pub(super) fn classify(refusal: &ErrorResponse<'_>) -> CloudError {
    let fault = fault(refusal.body);
    let retry_after = retry_after(refusal.headers, refusal.now);
    let class = match &fault {
        Some(fault) => class_of_fault(refusal, fault, retry_after),
        None => class_of_status(refusal.status, retry_after),
    };
    let in_doubt = refusal.writes && leaves_doubt(refusal.status, fault.as_ref());
    let absent = fault.as_ref().is_some_and(|fault| is_absent(refusal, fault));
    let unrouted = fault.as_ref().and_then(|fault| fault.kind.as_deref()) == Some(UNROUTED);
    CloudError {
        class,
        call: refusal.call.to_owned(),
        service: refusal.service,
        status: Some(refusal.status.as_u16()),
        message: message(refusal, fault),
        request_id: request_id(refusal.headers),
        in_doubt,
        too_large: false,
        absent,
        external_network_unreachable: unrouted,
    }
}

/// A gateway that answers for the service cannot know what became of a write; the service itself rolls back. No service
/// says of itself that it is a gateway.
fn leaves_doubt(status: StatusCode, fault: Option<&Fault>) -> bool {
    let of_a_gateway = matches!(status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT);
    of_a_gateway || status.is_server_error() && !fault.is_some_and(|fault| fault.own)
}

/// Of an answer in a form of OpenStack's.
fn class_of_fault(refusal: &ErrorResponse<'_>, fault: &Fault, retry_after: Option<Duration>) -> ErrorClass {
    let ErrorResponse { service, status, .. } = *refusal;
    if is_quota(status, fault) {
        return ErrorClass::Quota;
    }
    match status.as_u16() {
        // Of an application credential that was deleted. No other 404 of a login tells that anything is gone.
        404 if service == "identity" && fault.text.starts_with("Could not find") => ErrorClass::Credentials,
        404 if service != "identity" && is_absent(refusal, fault) && is_gone(fault) => ErrorClass::NotFound,
        // Keystone's 400 tells of a login that is not complete: a domain or a project is missing.
        400 if service == "identity" => ErrorClass::Credentials,
        409 if is_locked(&fault.text) => ErrorClass::Locked,
        409 if fault.own && is_for_contents(refusal, &fault.text) => ErrorClass::Rejected,
        500 if fault.own && is_permanent(&fault.text) => ErrorClass::Rejected,
        _ => class_of_status(status, retry_after),
    }
}

fn class_of_status(status: StatusCode, retry_after: Option<Duration>) -> ErrorClass {
    match status.as_u16() {
        401 | 403 => ErrorClass::Credentials,
        // 412: Neutron's object has changed since it was looked at.
        409 | 412 => ErrorClass::Conflict,
        // A 404 that does not name an object comes from a wrong endpoint or a proxy: nothing is known to be gone.
        404 | 408 | 425 | 429 => ErrorClass::Transient(retry_after),
        501 => ErrorClass::Rejected,
        400..=499 => ErrorClass::Rejected,
        _ => ErrorClass::Transient(retry_after),
    }
}

/// Octavia answers 403, as for a missing role: only the text tells. Neutron answers 409. Where Octavia asks Neutron for
/// a VIP port, Neutron's exception is part of Octavia's text.
///
/// Only with the codes that it has: a 400 repeats what the user wrote.
fn is_quota(status: StatusCode, fault: &Fault) -> bool {
    const KINDS: [&str; 3] = ["OverQuota", "IpAddressGenerationFailure", "ExternalIpAddressExhausted"];
    const TEXTS: [&str; 4] =
        ["Quota exceeded for resources", "No more IP addresses available", "IpAddressGenerationFailure", "OverQuota"];
    match (&fault.kind, status.as_u16()) {
        (Some(kind), _) => KINDS.contains(&kind.as_str()),
        (None, 403) => fault.text.starts_with("Quota has been met for resources"),
        (None, 409 | 500 | 503) => TEXTS.iter().any(|text| without_statement(&fault.text).contains(text)),
        _ => false,
    }
}

/// An error of the database without what repeats the user's words: the statement with its parameters, and before it the
/// value that MySQL names (`Duplicate entry 'web' for key 'tags.PRIMARY'`).
fn without_statement(text: &str) -> &str {
    let ends = ["\n[SQL:", "Duplicate entry '"].iter().filter_map(|mark| text.find(mark));
    &text[..ends.min().unwrap_or(text.len())]
}

/// `Load Balancer <id> is immutable and cannot be updated.` does not tell PENDING from ERROR: the next look will.
/// `Invalid state ERROR of loadbalancer resource <id>` is no lock: waiting does not end it.
fn is_locked(text: &str) -> bool {
    text.contains("is immutable and cannot be updated") || text.contains("Invalid state PENDING_")
}

/// A 409 for what the request itself says, which no waiting mends.
///
/// Octavia words any double of its database as one of the object's id, which it chose itself: two tags or two references to
/// certificates that the database holds for equal (`IDAlreadyExists` in octavia/api/v2/controllers). In a create all
/// children are in the request, so whatever they collide with is, too: a listener, a member, a monitor. Nothing but the
/// address comes from elsewhere, and may be given back (`VIPAddressConflict`).
fn is_for_contents(refusal: &ErrorResponse<'_>, text: &str) -> bool {
    let creates = refusal.call == "POST /v2/lbaas/loadbalancers";
    match refusal.service {
        "load-balancer" if creates => !text.contains("VIP IP address is already in use"),
        "load-balancer" => text.contains("Already an entity with that specified id") || text.contains("Too many rules"),
        _ => false,
    }
}

/// Only a 404 that names what is missing; `{"code": 404, "title": "Not Found", "description": ""}` speaks of a path.
fn is_gone(fault: &Fault) -> bool {
    let named = fault.text.contains("not found") || fault.text.contains("could not be found");
    match &fault.kind {
        Some(kind) => kind.ends_with("NotFound") && kind != "HTTPNotFound",
        None => named,
    }
}

/// Neutron says so in its own form only; Octavia's routing and Barbican repeat the code, as few gateways do.
fn is_absent(refusal: &ErrorResponse<'_>, fault: &Fault) -> bool {
    let by_itself = fault.own || refusal.service != "network" && fault.code == Some(404);
    refusal.status == StatusCode::NOT_FOUND && by_itself
}

/// 500s that the body of the request causes and that no repetition heals: Neutron's refusal passed on by the driver,
/// a column that must not be null, a tag that takes the place of its equal, a text that the database cannot hold, and
/// Python's own texts for what the handler forgot to check.
fn is_permanent(text: &str) -> bool {
    let text = without_statement(text);
    let bare_key = |text: &str| {
        text.len() > 2
            && text.starts_with('\'')
            && text.ends_with('\'')
            && text[1..text.len() - 1].chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    text.contains("BadRequestException: 400")
        || text.contains("IntegrityError")
        || text.contains("DataError")
        || text.contains("AttributeError")
        || text.contains("KeyError")
        || text.contains("object has no attribute")
        || bare_key(text)
}

/// Every known form of an OpenStack error; `None` for anything else.
fn fault(body: &[u8]) -> Option<Fault> {
    if body.len() > MAX_ERROR {
        return None;
    }
    let json: Value = serde_json::from_slice(body).ok()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(fault) = json.get("faultstring").and_then(text) {
        return Some(Fault::own(fault, None));
    }
    if let Some(neutron) = json.get("NeutronError") {
        let kind = neutron.get("type").and_then(text);
        let message = neutron.get("message").and_then(text).or_else(|| text(neutron));
        return Some(Fault::own(message.unwrap_or_default(), kind));
    }
    if let Some(error) = json.get("error") {
        return error.get("message").and_then(text).map(|text| Fault::of_anybody(text, error.get("code")));
    }
    if let Some(first) = json.get("errors").and_then(|errors| errors.get(0)) {
        let detail = first.get("detail").or_else(|| first.get("title")).and_then(text);
        return detail.map(|text| Fault::of_anybody(text, first.get("status")));
    }
    let title = json.get("title").and_then(text)?;
    let description = json.get("description").or_else(|| json.get("message")).and_then(text);
    Some(Fault::of_anybody(description.filter(|d| !d.is_empty()).unwrap_or(title), json.get("code")))
}

fn message(refusal: &ErrorResponse<'_>, fault: Option<Fault>) -> String {
    let status = refusal.status;
    if let Some(fault) = fault {
        return match fault.text.trim() {
            "" => format!("the {} service answered {status} without a reason", refusal.service),
            text => shortened(text, MAX_TEXT),
        };
    }
    if status.is_redirection() {
        return format!(
            "the {} service redirects elsewhere, which is not followed: the endpoint is wrong",
            refusal.service
        );
    }
    let content_type = content_type(refusal.headers).map(|kind| format!(" ({kind})")).unwrap_or_default();
    format!("something that is not OpenStack answered {status} for the {} service{content_type}", refusal.service)
}

/// Without its parameters. All of a foreign answer that is told besides its code: the endpoint is what a user's
/// credentials say it is, and its answers end in a status that the user may read.
fn content_type(headers: &HeaderMap) -> Option<&str> {
    const LONGEST: usize = 64;
    let kind = headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '+' | '.');
    (kind.contains('/') && kind.len() <= LONGEST && kind.chars().all(plain)).then_some(kind)
}

fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-openstack-request-id").or_else(|| headers.get("x-compute-request-id"))?;
    id.to_str().ok().filter(|id| is_plain_id(id)).map(str::to_owned)
}

/// Seconds, or a date, which is compared with the server's own clock if it shows that; a date in the past is now.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let now = server_time(headers).unwrap_or(now);
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The server's own clock, by the `Date` of its answer.
pub(super) fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(http::header::DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
