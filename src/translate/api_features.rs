//! Fields and values of stacks that an older Octavia does not know.

use crate::model::ApiVersion;

/// A field or value that came with a minor version of Octavia's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiFeature {
    /// Field of the stack, `[]` for any item of a list: `spec.listeners[].tls.hsts`.
    pub field: &'static str,
    /// Name in messages.
    pub name: &'static str,
    pub since: ApiVersion,
}

const fn since(minor: u16, field: &'static str, name: &'static str) -> ApiFeature {
    ApiFeature { field, name, since: ApiVersion { minor } }
}

pub(super) const AVAILABILITY_ZONE: ApiFeature = since(14, "spec.loadBalancer.availabilityZone", "availabilityZone");
pub(super) const LISTENER_CIPHERS: ApiFeature = since(15, "spec.listeners[].tls.ciphers", "ciphers");
pub(super) const POOL_CIPHERS: ApiFeature = since(15, "spec.pools[].tls.ciphers", "ciphers");
pub(super) const DATAGRAM_MONITOR: ApiFeature =
    since(16, "spec.pools[].healthMonitor.type", "a TCP or HTTP monitor of a UDP or SCTP pool");
pub(super) const LISTENER_TLS_VERSIONS: ApiFeature = since(17, "spec.listeners[].tls.versions", "versions of TLS");
pub(super) const POOL_TLS_VERSIONS: ApiFeature = since(18, "spec.pools[].tls.versions", "versions of TLS in pools");
pub(super) const LISTENER_ALPN: ApiFeature = since(20, "spec.listeners[].tls.alpnProtocols", "alpnProtocols");
pub(super) const PROXYV2: ApiFeature = since(22, "spec.pools[].protocol", "protocol PROXYV2");
pub(super) const SCTP_LISTENER: ApiFeature = since(23, "spec.listeners[].protocol", "protocol SCTP");
pub(super) const SCTP_POOL: ApiFeature = since(23, "spec.pools[].protocol", "protocol SCTP");
pub(super) const SCTP_MONITOR: ApiFeature = since(23, "spec.pools[].healthMonitor.type", "type SCTP");
pub(super) const POOL_ALPN: ApiFeature = since(24, "spec.pools[].tls.alpnProtocols", "alpnProtocols in pools");
pub(super) const PROMETHEUS: ApiFeature = since(25, "spec.listeners[].protocol", "protocol PROMETHEUS");
pub(super) const ADDITIONAL_VIPS: ApiFeature = since(26, "spec.loadBalancer.vip.additional", "more than one address");
pub(super) const HSTS: ApiFeature = since(27, "spec.listeners[].tls.hsts", "hsts");
/// These headers came with octavia-lib 3.8. No API version announces them, but none before 2.28 has them.
pub(super) const CLIENT_ADDRESS_HEADERS: ApiFeature =
    since(28, "spec.listeners[].insertHeaders", "each of X-Forwarded-IP, X-Client-IP and X-Real-IP");
pub(super) const VIP_SECURITY_GROUPS: ApiFeature = since(29, "spec.loadBalancer.vip.securityGroups", "securityGroups");

/// All of them, by version.
pub const API_FEATURES: [ApiFeature; 17] = [
    AVAILABILITY_ZONE,
    LISTENER_CIPHERS,
    POOL_CIPHERS,
    DATAGRAM_MONITOR,
    LISTENER_TLS_VERSIONS,
    POOL_TLS_VERSIONS,
    LISTENER_ALPN,
    PROXYV2,
    SCTP_LISTENER,
    SCTP_POOL,
    SCTP_MONITOR,
    POOL_ALPN,
    PROMETHEUS,
    ADDITIONAL_VIPS,
    HSTS,
    CLIENT_ADDRESS_HEADERS,
    VIP_SECURITY_GROUPS,
];
