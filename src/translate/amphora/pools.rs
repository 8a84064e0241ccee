//! Pools of provider amphora.

use crate::api::{HealthMonitorSpec, LoadBalancerStackSpec, PoolSpec, SessionPersistenceSpec, duration};
use crate::model::{Algorithm, HttpMethod, ListenerProtocol, MonitorType, PersistenceType, PoolProtocol, TlsVersion};
use crate::translate::references::member_at;
use crate::translate::validator::Validator;
use crate::translate::{Families, Family};

use super::refuse;

/// keepalived: `LVS_MAX_TIMEOUT`. It drops what is longer.
const MOST_PERSISTENCE_SECONDS: u64 = 31 * 86_400;

pub(super) fn check(
    intake: &mut Validator<'_>,
    spec: &LoadBalancerStackSpec,
    pool: &PoolSpec,
    at: &str,
    families: &Families,
) {
    let datagram = matches!(pool.protocol, PoolProtocol::Udp | PoolProtocol::Sctp);
    if let Some(persistence) = &pool.session_persistence {
        let field = format!("{at}.sessionPersistence");
        cookie_is_seen(intake, spec, pool, persistence.kind, &format!("{field}.type"));
        datagram_persistence(intake, persistence, &field, families);
    }
    if let Some(versions) = pool.tls.as_ref().and_then(|tls| tls.versions.as_ref())
        && let Some(left_out) = gap(versions)
    {
        let fact = format!("speaks {left_out}, too, which stands between the others");
        refuse(intake, format!("{at}.tls.versions"), &fact, "name versions without a gap");
    }
    if datagram {
        datagram_members(intake, pool, at);
        if let Some(monitor) = &pool.health_monitor {
            datagram_monitor(intake, monitor, &format!("{at}.healthMonitor"));
        }
    }
    if pool.health_monitor.as_ref().is_some_and(|monitor| monitor.kind == MonitorType::Ping) {
        ping_asks_the_member(intake, pool, at);
    }
}

/// The first version that is left out between two others. haproxy knows an oldest and a newest version of a server
/// alone: it warns of the options for those between them (`no-tlsv12`) and speaks these. SSLv3 is no end of such a range,
/// because haproxy is built without it.
fn gap(versions: &[TlsVersion]) -> Option<TlsVersion> {
    let spoken = || versions.iter().filter(|v| **v != TlsVersion::SslV3);
    let (oldest, newest) = (spoken().min()?, spoken().max()?);
    TlsVersion::ALL.iter().copied().find(|v| v > oldest && v < newest && !versions.contains(v))
}

/// A PROXY pool has the mode of its listener (`backend_macro`), and haproxy ignores cookies in mode tcp. A pool of
/// protocol HTTP has mode http under any listener.
fn cookie_is_seen(
    intake: &mut Validator<'_>,
    spec: &LoadBalancerStackSpec,
    pool: &PoolSpec,
    kind: PersistenceType,
    field: &str,
) {
    use PoolProtocol as P;
    if kind == PersistenceType::SourceIp || !matches!(pool.protocol, P::Proxy | P::ProxyV2) {
        return;
    }
    let blind = |protocol| matches!(protocol, ListenerProtocol::Tcp | ListenerProtocol::Https);
    let serves = spec.listeners.iter().filter(|l| l.default_pool.as_ref() == Some(&pool.name));
    if let Some(listener) = serves.into_iter().find(|l| blind(l.protocol)) {
        let fact =
            format!("sees no cookies under listener {}, which is of protocol {}", listener.name, listener.protocol);
        let way_out = "use type SOURCE_IP, or give the listener another pool, without cookies";
        refuse(intake, field.to_owned(), &fact, way_out);
    }
}

fn datagram_persistence(intake: &mut Validator<'_>, wanted: &SessionPersistenceSpec, at: &str, families: &Families) {
    let seconds = wanted.timeout.as_ref().and_then(|text| duration::parse(text)).map(|d| d.as_secs());
    if seconds.is_some_and(|seconds| seconds > MOST_PERSISTENCE_SECONDS) {
        refuse(intake, format!("{at}.timeout"), "remembers a client for at most 31 days", "give at most 744h");
    }
    let Some(granularity) = &wanted.granularity else { return };
    let field = format!("{at}.granularity");
    if !is_netmask(granularity) {
        let fact = "takes nothing but an IPv4 netmask";
        refuse(intake, field, fact, "give one from 128.0.0.0 to 255.255.255.255, or remove it");
        return;
    }
    // keepalived takes the IPv6 half of the listener for IPv4 by the netmask and leaves out its members.
    intake.excludes_family(families, Family::V6, &field, || {
        "provider amphora would serve nobody at the IPv6 address of the load balancer, since a netmask is for IPv4: \
         remove it"
            .to_owned()
    });
}

/// Ones, then zeros. 0.0.0.0 is the same as absent to keepalived.
fn is_netmask(text: &str) -> bool {
    let mask = text.parse::<std::net::Ipv4Addr>().map(u32::from);
    mask.is_ok_and(|mask| mask != 0 && mask.leading_ones() + mask.trailing_zeros() == 32)
}

fn datagram_members(intake: &mut Validator<'_>, pool: &PoolSpec, at: &str) {
    // "lc" of IPVS counts connections and looks at no weight, except that one of 0 gets none.
    let mut heaviest = None;
    for member in &pool.members {
        let at = format!("{at}.members[{}]", member_at(&member.address, member.port));
        if member.backup == Some(true) {
            let fact = "knows no backup in pools of protocol UDP and SCTP, where every member serves";
            refuse(intake, format!("{at}.backup"), fact, "remove it, or give the member weight 0 and raise it by hand");
        }
        let weight = member.weight.unwrap_or(1);
        if pool.algorithm == Algorithm::LeastConnections && weight > 0 && *heaviest.get_or_insert(weight) != weight {
            let fact = "does not look at weights but 0 in pools of protocol UDP and SCTP with LEAST_CONNECTIONS";
            refuse(intake, format!("{at}.weight"), fact, "give all members one weight, or choose ROUND_ROBIN");
        }
    }
}

/// keepalived's HTTP_GET knows GET alone, and one that has several URLs needs all of them to succeed: Octavia renders
/// the path once for each code (`http_get_macro`).
fn datagram_monitor(intake: &mut Validator<'_>, monitor: &HealthMonitorSpec, at: &str) {
    if monitor.kind != MonitorType::Http {
        return;
    }
    let mut refuse = |field: &str, fact: &str, way_out: &str| {
        refuse(intake, format!("{at}.{field}"), &format!("{fact} in pools of protocol UDP and SCTP"), way_out);
    };
    if monitor.http_method.is_some_and(|method| method != HttpMethod::Get) {
        refuse("httpMethod", "watches nothing with another method than GET", "choose GET");
    }
    if monitor.expected_codes.as_ref().is_some_and(|codes| names_several(codes)) {
        refuse(
            "expectedCodes",
            "takes a member for healthy only if it answers with all codes at once",
            "give one code",
        );
    }
    if monitor.http_version.is_some() {
        refuse("httpVersion", "chooses the version of HTTP itself", "remove it");
    }
    if monitor.domain_name.is_some() {
        refuse("domainName", "names no host", "remove it");
    }
}

fn names_several(codes: &str) -> bool {
    let mut each = codes.split([',', '-']);
    let first = each.next();
    each.any(|code| Some(code) != first)
}

/// haproxy gives its external check the address and the port of the server, not those of the check.
fn ping_asks_the_member(intake: &mut Validator<'_>, pool: &PoolSpec, at: &str) {
    for member in &pool.members {
        let at = format!("{at}.members[{}]", member_at(&member.address, member.port));
        for (given, field) in
            [(member.monitor_address.is_some(), "monitorAddress"), (member.monitor_port.is_some(), "monitorPort")]
        {
            if given {
                let fact = "sends a PING to the address of the member";
                refuse(intake, format!("{at}.{field}"), fact, "remove it, or choose another type of healthMonitor");
            }
        }
    }
}
