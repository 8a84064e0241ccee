//! Rules on settings that the data plane of provider amphora does not carry out. The provider is beside listeners and
//! pools, so these rules are at `spec`. `translate/stack/provider_capabilities/amphora` has the same rules, with the places
//! in Octavia's templates that they follow from.

use kube::core::Rule;

use super::protocols::{DATAGRAM, PROXY_POOLS};

/// The stack uses Octavia's own driver, under any of its names or by default.
const IS_AMPHORA: &str =
    "!has(self.loadBalancer.provider) || self.loadBalancer.provider in ['amphora', 'amphorav2', 'octavia']";

/// A condition that must hold for every listener `l` of an amphora.
fn listeners(condition: &str, message: &str) -> Rule {
    rule(&format!("!has(self.listeners) || self.listeners.all(l, {condition})"), message, ".listeners")
}

/// A condition that must hold for every pool `p` of an amphora.
fn pools(condition: &str, message: &str) -> Rule {
    rule(&format!("!has(self.pools) || self.pools.all(p, {condition})"), message, ".pools")
}

/// A condition that must hold for every stack of an amphora.
fn rule(condition: &str, message: &str, field: &str) -> Rule {
    Rule::new(format!("!({IS_AMPHORA}) || {condition}")).message(message).field_path(field)
}

/// A condition that must hold for every member `m` of pool `p`.
fn members(condition: &str) -> String {
    format!("(!has(p.members) || p.members.all(m, {condition}))")
}

/// A condition that must hold for every member source `s` of pool `p`.
fn sources(condition: &str) -> String {
    format!("(!has(p.memberSources) || p.memberSources.all(s, {condition}))")
}

/// Requires a connection limit other than 0, which means the default.
pub(crate) fn connection_limit_zero() -> Rule {
    listeners(
        "!has(l.connectionLimit) || l.connectionLimit != 0",
        "connectionLimit 0 means the cloud's default to provider amphora: give a number from 1, -1 for the default, or \
         close the port with adminStateUp: false",
    )
}

/// Requires timeouts other than 0, which means the default.
pub(crate) fn timeouts_zero() -> Rule {
    let is_positive =
        |field: &str| format!("(!has(l.timeouts.{field}) || duration(l.timeouts.{field}) > duration('0s'))");
    let all = ["clientData", "memberConnect", "memberData"].map(is_positive).join(" && ");
    listeners(
        &format!("!has(l.timeouts) || ({all})"),
        "clientData, memberConnect and memberData of timeouts must be at least 1ms: 0 means the cloud's default to \
         provider amphora",
    )
}

/// Requires listeners of datagrams without timeouts, which LVS does not have.
pub(crate) fn timeouts_of_datagrams() -> Rule {
    let absent = |field: &str| format!("!has(l.timeouts.{field})");
    let all = ["clientData", "memberConnect", "memberData", "tcpInspect"].map(absent).join(" && ");
    listeners(
        &format!("!has(l.timeouts) || !(l.protocol in {DATAGRAM}) || ({all})"),
        "timeouts of UDP and SCTP listeners have no effect with provider amphora: remove them",
    )
}

/// Requires PROMETHEUS listeners without timeouts of members, which they do not have.
pub(crate) fn timeouts_of_metrics() -> Rule {
    listeners(
        "!has(l.timeouts) || l.protocol != 'PROMETHEUS' || (!has(l.timeouts.memberConnect) && \
         !has(l.timeouts.memberData))",
        "memberConnect and memberData of timeouts have no effect on PROMETHEUS listeners with provider amphora: remove \
         them",
    )
}

/// Requires headers that the templates have a line for.
pub(crate) fn headers_never_added() -> Rule {
    listeners(
        "!has(l.insertHeaders) || l.insertHeaders.all(h, !(h in ['X-Forwarded-IP', 'X-Client-IP', 'X-Real-IP']))",
        "X-Forwarded-IP, X-Client-IP and X-Real-IP are never added by provider amphora: use X-Forwarded-For",
    )
}

/// Requires a pool of protocol HTTP for headers that PROXY pools leave out.
pub(crate) fn headers_in_proxy_pools() -> Rule {
    let has_headers = "has(l.insertHeaders) && l.insertHeaders.exists(h, h in ['X-Forwarded-For', 'X-Forwarded-Port'])";
    let serves_others = "(has(l.defaultPool) && !(l.defaultPool in proxy)) || \
                  (has(l.l7Policies) && l.l7Policies.exists(r, has(r.redirectPool) && !(r.redirectPool in proxy)))";
    let serves_any = "has(l.defaultPool) || (has(l.l7Policies) && l.l7Policies.exists(r, has(r.redirectPool)))";
    rule(
        &format!(
            "!has(self.listeners) || !has(self.pools) || \
             [self.pools.filter(p, p.protocol in {PROXY_POOLS}).map(p, p.name)].all(proxy, \
             self.listeners.all(l, !({has_headers}) || {serves_others} || !({serves_any})))"
        ),
        "X-Forwarded-For and X-Forwarded-Port are added by provider amphora in pools of protocol HTTP only, and the \
         listener has only pools of protocol PROXY and PROXYV2, which name the client to the members already",
        ".listeners",
    )
}

/// Requires a default certificate beside SNI certificates.
pub(crate) fn certificate_beside_sni() -> Rule {
    listeners(
        "!has(l.tls) || has(l.tls.certificate) || !has(l.tls.sniCertificates) || size(l.tls.sniCertificates) == 0",
        "tls needs certificate beside sniCertificates with provider amphora: without it the port is not encrypted",
    )
}

/// Requires a listener with mode http for cookies in a PROXY pool, which has the mode of its listener.
pub(crate) fn cookies_out_of_sight() -> Rule {
    let sticky = format!(
        "self.pools.filter(p, p.protocol in {PROXY_POOLS} && has(p.sessionPersistence) && \
         p.sessionPersistence.type != 'SOURCE_IP').map(p, p.name)"
    );
    rule(
        &format!(
            "!has(self.listeners) || !has(self.pools) || [{sticky}].all(sticky, \
             self.listeners.all(l, !(l.protocol in ['TCP', 'HTTPS']) || !has(l.defaultPool) || \
             !(l.defaultPool in sticky)))"
        ),
        "sessionPersistence of type HTTP_COOKIE and APP_COOKIE has no effect in a pool of protocol PROXY or PROXYV2 \
         under a listener of protocol TCP or HTTPS, where provider amphora sees no HTTP: use SOURCE_IP, or give the \
         listener another pool",
        ".pools",
    )
}

/// Limits persistence to what keepalived takes (`LVS_MAX_TIMEOUT`).
pub(crate) fn persistence_of_datagrams() -> Rule {
    pools(
        "!has(p.sessionPersistence) || !has(p.sessionPersistence.timeout) || \
         duration(p.sessionPersistence.timeout) <= duration('744h')",
        "timeout of sessionPersistence must be at most 31 days (744h) with provider amphora",
    )
}

/// Requires an IPv4 netmask other than 0.0.0.0, as keepalived takes it.
pub(crate) fn granularity() -> Rule {
    pools(
        "!has(p.sessionPersistence) || !has(p.sessionPersistence.granularity) || \
         p.sessionPersistence.granularity.matches('^(128|192|224|240|248|252|254|255)[.]0[.]0[.]0$|\
         ^255[.](128|192|224|240|248|252|254|255)[.]0[.]0$|^255[.]255[.](128|192|224|240|248|252|254|255)[.]0$|\
         ^255[.]255[.]255[.](0|128|192|224|240|248|252|254|255)$')",
        "granularity of sessionPersistence must be an IPv4 netmask with provider amphora, for example 255.255.255.0",
    )
}

/// Requires TLS versions without a gap, because haproxy knows only an oldest and a newest one.
pub(crate) fn versions_of_pools_with_a_gap() -> Rule {
    let versions = "p.tls.versions";
    pools(
        &format!(
            "!has(p.tls) || !has(p.tls.versions) || \
             ((!('TLSv1' in {versions}) || 'TLSv1.1' in {versions} || !{versions}.exists(v, v in ['TLSv1.2', 'TLSv1.3'])) && \
             (!{versions}.exists(v, v in ['TLSv1', 'TLSv1.1']) || 'TLSv1.2' in {versions} || !('TLSv1.3' in {versions})))"
        ),
        "versions in the tls of a pool must have no gap with provider amphora, which also speaks the versions between the others",
    )
}

/// Requires members without backup in pools of datagrams.
pub(crate) fn backup_of_datagrams() -> Rule {
    pools(
        &format!(
            "!(p.protocol in {DATAGRAM}) || ({} && {})",
            members("!has(m.backup) || !m.backup"),
            sources("!has(s.backup) || !s.backup")
        ),
        "backup has no effect in pools of protocol UDP and SCTP with provider amphora: every member serves",
    )
}

/// Requires equal weights where LVS counts connections only.
pub(crate) fn weights_of_datagrams() -> Rule {
    let weights = "p.members.map(m, has(m.weight) ? m.weight : 1).filter(w, w > 0)";
    pools(
        &format!(
            "!(p.protocol in {DATAGRAM}) || p.algorithm != 'LEAST_CONNECTIONS' || \
             ((!has(p.members) || [{weights}].all(weights, weights.all(w, w == weights[0]))) && {})",
            sources("!has(s.weight)")
        ),
        "weights other than 0 must be equal in pools of protocol UDP and SCTP with algorithm LEAST_CONNECTIONS: provider \
         amphora ignores them",
    )
}

/// Requires HTTP checks that keepalived can make.
pub(crate) fn monitors_of_datagrams() -> Rule {
    let one_code = "[p.healthMonitor.expectedCodes].all(c, c.replace(',', '-').split('-').all(x, c.startsWith(x)))";
    pools(
        &format!(
            "!(p.protocol in {DATAGRAM}) || !has(p.healthMonitor) || \
             ((!has(p.healthMonitor.httpMethod) || p.healthMonitor.httpMethod == 'GET') && \
             (!has(p.healthMonitor.expectedCodes) || {one_code}) && \
             !has(p.healthMonitor.httpVersion) && !has(p.healthMonitor.domainName))"
        ),
        "a healthMonitor of type HTTP knows only method GET and one code in pools of protocol UDP and SCTP with provider \
         amphora, and neither httpVersion nor domainName",
    )
}

/// Requires the address of the member as the target of a PING.
pub(crate) fn pings_of_members() -> Rule {
    pools(
        &format!(
            "!has(p.healthMonitor) || p.healthMonitor.type != 'PING' || ({} && {})",
            members("!has(m.monitorAddress) && !has(m.monitorPort)"),
            sources("!has(s.monitorAddress) && !has(s.monitorPort)")
        ),
        "monitorAddress and monitorPort have no effect beside a healthMonitor of type PING with provider amphora, which \
         sends it to the address of the member",
    )
}
