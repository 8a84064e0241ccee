//! Rules of a pool, its session persistence and its health monitor.

use kube::core::Rule;

use super::protocols::{DATAGRAM, HTTP_POOLS};

fn rule(condition: &str, message: &str, field: &str) -> Rule {
    Rule::new(condition).message(message).field_path(field)
}

/// Requires a protocol with cookies for persistence by cookie.
pub(crate) fn cookie_persistence_needs_http() -> Rule {
    rule(
        &format!(
            "!has(self.sessionPersistence) || self.sessionPersistence.type == 'SOURCE_IP' || self.protocol in {HTTP_POOLS}"
        ),
        "sessionPersistence of type HTTP_COOKIE and APP_COOKIE is allowed in pools of protocol HTTP, PROXY and PROXYV2 only",
        ".sessionPersistence",
    )
}

/// Requires a datagram protocol for the settings of LVS.
pub(crate) fn persistence_settings_need_datagrams() -> Rule {
    rule(
        &format!(
            "!has(self.sessionPersistence) || (!has(self.sessionPersistence.timeout) && \
             !has(self.sessionPersistence.granularity)) || self.protocol in {DATAGRAM}"
        ),
        "timeout and granularity of sessionPersistence are allowed in pools of protocol UDP and SCTP only",
        ".sessionPersistence",
    )
}

/// Requires a stream protocol for TLS.
pub(crate) fn tls_needs_streams() -> Rule {
    rule(
        &format!("!has(self.tls) || !(self.protocol in {DATAGRAM})"),
        "tls is not allowed in pools of protocol UDP and SCTP",
        ".tls",
    )
}

/// Requires a health monitor for settings of members that redirect its checks.
pub(crate) fn monitor_address_needs_monitor() -> Rule {
    rule(
        "has(self.healthMonitor) || !has(self.members) || \
         self.members.all(m, !has(m.monitorAddress) && !has(m.monitorPort))",
        "monitorAddress and monitorPort of a member need a healthMonitor in the pool",
        ".members",
    )
}

/// Requires a health monitor for settings of sources that redirect its checks.
pub(crate) fn source_monitor_needs_monitor() -> Rule {
    rule(
        "has(self.healthMonitor) || !has(self.memberSources) || \
         self.memberSources.all(s, !has(s.monitorAddress) && !has(s.monitorPort))",
        "monitorAddress and monitorPort of a member source need a healthMonitor in the pool",
        ".memberSources",
    )
}

/// Requires sources for the settings that pace their changes.
pub(crate) fn source_settings_need_sources() -> Rule {
    Rule::new(
        "(has(self.memberSources) && size(self.memberSources) > 0) || (!has(self.memberWindow) && !has(self.drain))",
    )
    .message("memberWindow and drain have no effect without memberSources")
}

/// Requires a source whose endpoints are pods: only those are kept while they are not ready.
pub(crate) fn min_members_needs_pods() -> Rule {
    rule(
        "!has(self.minMembers) || (has(self.memberSources) && \
         self.memberSources.exists(s, has(s.service) && s.service.target == 'PodIP'))",
        "minMembers needs a member source with target PodIP",
        ".minMembers",
    )
}

/// Requires a health monitor beside members that are not ready: it keeps traffic from those that do not serve.
pub(crate) fn min_members_needs_monitor() -> Rule {
    rule(
        "!has(self.minMembers) || has(self.healthMonitor)",
        "minMembers needs a healthMonitor in the pool",
        ".minMembers",
    )
}

/// Requires that all sources that share the traffic have a weight, or none: one without would have no share.
pub(crate) fn source_weights_are_complete() -> Rule {
    let group = |filter: &str| {
        format!(
            "(self.memberSources.filter(s, {filter}).all(s, has(s.weight)) || \
             self.memberSources.filter(s, {filter}).all(s, !has(s.weight)))"
        )
    };
    let (standby, serving) = ("has(s.backup) && s.backup", "!has(s.backup) || !s.backup");
    rule(
        &format!("!has(self.memberSources) || ({} && {})", group(serving), group(standby)),
        "either all member sources have a weight, or none (those with backup: true count by themselves)",
        ".memberSources",
    )
}

/// Requires that the type of the health monitor suits the protocol of the pool.
pub(crate) fn monitor_suits_pool() -> Rule {
    rule(
        &format!(
            "!has(self.healthMonitor) || (self.protocol in {DATAGRAM} ? \
             self.healthMonitor.type in ['HTTP', 'TCP', 'UDP-CONNECT', 'SCTP'] : \
             !(self.healthMonitor.type in ['UDP-CONNECT', 'SCTP']))"
        ),
        "the type of healthMonitor must suit the pool: UDP and SCTP take UDP-CONNECT, SCTP, TCP, HTTP; all others take \
         HTTP, HTTPS, PING, TCP, TLS-HELLO",
        ".healthMonitor",
    )
}

/// Requires the name of the cookie that the members set.
pub(crate) fn cookie_name_of_app_cookie() -> Rule {
    rule(
        "has(self.cookieName) == (self.type == 'APP_COOKIE')",
        "cookieName is required for type APP_COOKIE and allowed for no other",
        ".cookieName",
    )
}

/// Requires SOURCE_IP for a timeout.
pub(crate) fn persistence_timeout_of_source_ip() -> Rule {
    rule("self.type == 'SOURCE_IP' || !has(self.timeout)", "timeout is allowed for type SOURCE_IP only", ".timeout")
}

/// Limits the timeout from below.
pub(crate) fn persistence_timeout_minimum() -> Rule {
    rule("!has(self.timeout) || duration(self.timeout) >= duration('1s')", "timeout must be at least 1s", ".timeout")
}

/// Requires SOURCE_IP for a granularity.
pub(crate) fn persistence_granularity_of_source_ip() -> Rule {
    rule(
        "self.type == 'SOURCE_IP' || !has(self.granularity)",
        "granularity is allowed for type SOURCE_IP only",
        ".granularity",
    )
}

/// Limits the delay of UDP-CONNECT from below, as Octavia does by default.
pub(crate) fn udp_connect_delay_minimum() -> Rule {
    rule(
        "self.type != 'UDP-CONNECT' || duration(self.delay) >= duration('3s')",
        "delay of type UDP-CONNECT must be at least 3s",
        ".delay",
    )
}

/// Requires a type with HTTP requests for their settings.
pub(crate) fn http_settings_need_http_monitor() -> Rule {
    let absent = ["httpMethod", "urlPath", "expectedCodes", "httpVersion", "domainName"];
    let absent = absent.map(|field| format!("!has(self.{field})")).join(" && ");
    Rule::new(format!("self.type in ['HTTP', 'HTTPS'] || ({absent})")).message(
        "httpMethod, urlPath, expectedCodes, httpVersion and domainName are allowed for types HTTP and HTTPS only",
    )
}

/// Requires HTTP 1.1 for a host name.
pub(crate) fn domain_name_needs_http_1_1() -> Rule {
    rule(
        "!has(self.domainName) || (has(self.httpVersion) && self.httpVersion == '1.1')",
        "domainName needs httpVersion \"1.1\"",
        ".domainName",
    )
}
