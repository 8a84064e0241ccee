//! Pools of provider amphora.

use crate::api::{HealthMonitorSpec, LoadBalancerStackSpec, PoolSpec, SessionPersistenceSpec, duration};
use crate::model::{
    Algorithm, HttpMethod, IpFamily, ListenerProtocol, MonitorType, PersistenceType, PoolProtocol, TlsVersion,
};
use crate::translate::ip_family::{FamilyCondition, IpFamilies};
use crate::translate::stack::member_settings::{MemberSettings, member_path, source_path};
use crate::translate::validator::Validator;

/// Longest persistence that keepalived takes (`LVS_MAX_TIMEOUT`); it drops a longer one.
const PERSISTENCE_MAX_SECONDS: u64 = 31 * 86_400;

pub(super) fn check(
    validator: &mut Validator<'_>,
    stack: &LoadBalancerStackSpec,
    pool: &PoolSpec,
    path: &str,
    families: &IpFamilies,
) {
    if let Some(persistence) = &pool.session_persistence {
        let persistence_path = format!("{path}.sessionPersistence");
        check_cookie(validator, stack, pool, persistence.kind, &format!("{persistence_path}.type"));
        check_datagram_persistence(validator, persistence, &persistence_path, families);
    }
    if let Some(versions) = pool.tls.as_ref().and_then(|tls| tls.versions.as_ref())
        && let Some(missing) = version_gap(versions)
    {
        let fact = format!("also speaks {missing}, which lies between the others");
        validator.unsupported_by_provider(format!("{path}.tls.versions"), &fact, "name versions without a gap");
    }
    if pool.protocol.is_datagram() {
        check_datagram_members(validator, pool, path);
        if let Some(monitor) = &pool.health_monitor {
            check_datagram_monitor(validator, monitor, &format!("{path}.healthMonitor"));
        }
    }
    if pool.health_monitor.as_ref().is_some_and(|monitor| monitor.kind == MonitorType::Ping) {
        check_ping_target(validator, pool, path);
    }
}

/// The first version that is missing between two others. haproxy knows only an oldest and a newest version for a
/// server: it warns about the options for those between them (`no-tlsv12`) and speaks them. SSLv3 is no end of such a
/// range, because haproxy is built without it.
fn version_gap(versions: &[TlsVersion]) -> Option<TlsVersion> {
    let spoken = || versions.iter().filter(|v| **v != TlsVersion::SslV3);
    let (oldest, newest) = (spoken().min()?, spoken().max()?);
    TlsVersion::ALL.iter().copied().find(|v| v > oldest && v < newest && !versions.contains(v))
}

/// Rejects cookies that haproxy cannot see. A PROXY pool has the mode of its listener (`backend_macro`), and haproxy
/// ignores cookies in mode tcp. A pool of protocol HTTP has mode http under any listener.
fn check_cookie(
    validator: &mut Validator<'_>,
    stack: &LoadBalancerStackSpec,
    pool: &PoolSpec,
    kind: PersistenceType,
    field: &str,
) {
    use PoolProtocol as P;
    if kind == PersistenceType::SourceIp || !matches!(pool.protocol, P::Proxy | P::ProxyV2) {
        return;
    }
    let has_mode_tcp = |protocol| matches!(protocol, ListenerProtocol::Tcp | ListenerProtocol::Https);
    let mut listeners = stack.listeners.iter().filter(|l| l.default_pool.as_ref() == Some(&pool.name));
    if let Some(listener) = listeners.find(|l| has_mode_tcp(l.protocol)) {
        let fact =
            format!("sees no cookies under listener {}, which is of protocol {}", listener.name, listener.protocol);
        let remedy = "use type SOURCE_IP, or give the listener another pool, without cookies";
        validator.unsupported_by_provider(field, &fact, remedy);
    }
}

fn check_datagram_persistence(
    validator: &mut Validator<'_>,
    spec: &SessionPersistenceSpec,
    path: &str,
    families: &IpFamilies,
) {
    let seconds = spec.timeout.as_ref().and_then(|text| duration::parse(text)).map(|d| d.as_secs());
    if seconds.is_some_and(|seconds| seconds > PERSISTENCE_MAX_SECONDS) {
        let fact = "remembers a client for at most 31 days";
        validator.unsupported_by_provider(format!("{path}.timeout"), fact, "give at most 744h");
    }
    let Some(granularity) = &spec.granularity else { return };
    let field = format!("{path}.granularity");
    if !is_netmask(granularity) {
        let remedy = "give one from 128.0.0.0 to 255.255.255.255, or remove it";
        validator.unsupported_by_provider(field, "takes nothing but an IPv4 netmask", remedy);
        return;
    }
    // By the netmask keepalived takes the IPv6 half of the listener for IPv4, and leaves out its members.
    validator.check_family(families, FamilyCondition::Excludes(IpFamily::IPv6), &field, || {
        "provider amphora would serve no client at the IPv6 address of the load balancer, since a netmask is for IPv4: \
         remove it"
            .to_owned()
    });
}

/// True for an IPv4 netmask: ones, then zeros. keepalived takes 0.0.0.0 for an absent one.
fn is_netmask(text: &str) -> bool {
    let mask = text.parse::<std::net::Ipv4Addr>().map(u32::from);
    mask.is_ok_and(|mask| mask != 0 && mask.leading_ones() + mask.trailing_zeros() == 32)
}

fn check_datagram_members(validator: &mut Validator<'_>, pool: &PoolSpec, pool_path: &str) {
    for source in &pool.member_sources {
        let path = source_path(pool_path, source);
        if source.backup == Some(true) {
            let fact = "knows no backup in pools of protocol UDP and SCTP, where every member serves";
            validator.unsupported_by_provider(format!("{path}.backup"), fact, "remove it");
        }
        if source.weight.is_some() && pool.algorithm == Algorithm::LeastConnections {
            let fact = "ignores weights in pools of protocol UDP and SCTP with LEAST_CONNECTIONS";
            validator.unsupported_by_provider(format!("{path}.weight"), fact, "remove it, or choose ROUND_ROBIN");
        }
    }
    // "lc" of IPVS counts connections and ignores weights, except that a member of weight 0 gets none.
    let mut common_weight = None;
    for member in &pool.members {
        let path = member_path(pool_path, member);
        if member.backup == Some(true) {
            let fact = "knows no backup in pools of protocol UDP and SCTP, where every member serves";
            let remedy = "remove it, or give the member weight 0 and raise it by hand";
            validator.unsupported_by_provider(format!("{path}.backup"), fact, remedy);
        }
        let weight = member.weight.unwrap_or(1);
        let least_connections = pool.algorithm == Algorithm::LeastConnections;
        if least_connections && weight > 0 && *common_weight.get_or_insert(weight) != weight {
            let fact = "ignores weights other than 0 in pools of protocol UDP and SCTP with LEAST_CONNECTIONS";
            let remedy = "give all members one weight, or choose ROUND_ROBIN";
            validator.unsupported_by_provider(format!("{path}.weight"), fact, remedy);
        }
    }
}

/// Rejects settings of an HTTP monitor that keepalived lacks. Its HTTP_GET knows GET only, and needs all of several URLs
/// to succeed: Octavia renders the path once for each code (`http_get_macro`).
fn check_datagram_monitor(validator: &mut Validator<'_>, monitor: &HealthMonitorSpec, path: &str) {
    if monitor.kind != MonitorType::Http {
        return;
    }
    let mut reject = |field: &str, fact: &str, remedy: &str| {
        let fact = format!("{fact} in pools of protocol UDP and SCTP");
        validator.unsupported_by_provider(format!("{path}.{field}"), &fact, remedy);
    };
    if monitor.http_method.is_some_and(|method| method != HttpMethod::Get) {
        reject("httpMethod", "checks nothing with another method than GET", "choose GET");
    }
    if monitor.expected_codes.as_ref().is_some_and(|codes| has_several(codes)) {
        reject(
            "expectedCodes",
            "takes a member for healthy only if it answers with all codes at once",
            "give one code",
        );
    }
    if monitor.http_version.is_some() {
        reject("httpVersion", "chooses the version of HTTP itself", "remove it");
    }
    if monitor.domain_name.is_some() {
        reject("domainName", "sends no host name", "remove it");
    }
}

fn has_several(codes: &str) -> bool {
    let mut each = codes.split([',', '-']);
    let first = each.next();
    each.any(|code| Some(code) != first)
}

/// Rejects another target of a PING: haproxy gives its external check the address and the port of the server, not those
/// of the check.
fn check_ping_target(validator: &mut Validator<'_>, pool: &PoolSpec, pool_path: &str) {
    for settings in MemberSettings::of_pool(pool, pool_path) {
        for field in settings.monitor_fields {
            validator.unsupported_by_provider(
                format!("{}.{field}", settings.path),
                "sends a PING to the address of the member",
                "remove it, or choose another type of healthMonitor",
            );
        }
    }
}
