//! Pools and members.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{LoadBalancerStackSpec, MemberSpec, PoolSpec, SessionPersistenceSpec};
use crate::model::{
    Algorithm, Key, Member, MemberKey, Persistence, PersistenceType, Pool, PoolProtocol, PoolTls, ReferenceKind,
    TlsVersion,
};

use super::ciphers::End;
use super::listener::tls_parameters;
use super::provider::Provider;
use super::references::member_at;
use super::text::Text;
use super::validator::Validator;
use super::{Families, Family, health_monitor};

const MOST_WEIGHT: u16 = 256;

/// Octavia's `reserved_ips`: the metadata service of the cloud.
const RESERVED: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 169, 254));

pub(super) fn pools(
    intake: &mut Validator<'_>,
    spec: &LoadBalancerStackSpec,
    families: &Families,
) -> BTreeMap<Key, Pool> {
    let mut result: BTreeMap<Key, Pool> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for wanted in &spec.pools {
        let at = format!("spec.pools[{}]", wanted.name);
        let pool = pool(intake, wanted, &at, families);
        // The single call refers to pools by their name.
        if !names.insert(pool.name.clone()) {
            intake.invalid(format!("{at}.displayName"), format!("another pool is called {:?}, too", pool.name));
        }
        if result.insert(wanted.name.clone(), pool).is_some() {
            intake.invalid(at, "there is another pool of this name");
        }
    }
    result
}

/// Provider amphora answers 501 to a change, and takes a create, which haproxy then serves as ROUND_ROBIN
/// (`octavia/common/jinja/haproxy/combined_listeners/jinja_cfg.py`). Without a provider in the stack it may be that one.
pub(super) fn provider_knows_algorithms(intake: &mut Validator<'_>, spec: &LoadBalancerStackSpec) {
    let amphora = intake.provider == Provider::Amphora;
    for pool in spec.pools.iter().filter(|p| amphora && p.algorithm == Algorithm::SourceIpPort) {
        let field = format!("spec.pools[{}].algorithm", pool.name);
        let message =
            "provider amphora does not know SOURCE_IP_PORT: choose SOURCE_IP, or say spec.loadBalancer.provider: ovn";
        intake.unsupported(field, message);
    }
}

fn pool(intake: &mut Validator<'_>, wanted: &PoolSpec, at: &str, families: &Families) -> Pool {
    intake.text_of(Text::Key, &wanted.name, &format!("{at}.name"));
    let protocol_at = format!("{at}.protocol");
    match wanted.protocol {
        PoolProtocol::ProxyV2 => intake.needs(22, &protocol_at, "protocol PROXYV2"),
        PoolProtocol::Sctp => intake.needs(23, &protocol_at, "protocol SCTP"),
        _ => {}
    }
    let name = intake.display_name(wanted.display_name.as_ref(), &wanted.name, &format!("{at}.displayName"));
    let monitor = wanted
        .health_monitor
        .as_ref()
        .map(|m| health_monitor::monitor(intake, m, &wanted.name, wanted.protocol, &format!("{at}.healthMonitor")));
    Pool {
        protocol: wanted.protocol,
        algorithm: wanted.algorithm,
        description: intake.optional_text(Text::Description, wanted.description.as_ref(), &format!("{at}.description")),
        tags: intake.tags(&wanted.tags, &format!("{at}.tags")),
        admin_state_up: wanted.admin_state_up.unwrap_or(true),
        persistence: wanted
            .session_persistence
            .as_ref()
            .map(|p| persistence(intake, p, wanted.protocol, &format!("{at}.sessionPersistence"))),
        tls: tls(intake, wanted, &format!("{at}.tls")),
        monitor,
        members: members(intake, wanted, at, families).into(),
        name,
    }
}

pub(super) const fn is_datagram(protocol: PoolProtocol) -> bool {
    matches!(protocol, PoolProtocol::Udp | PoolProtocol::Sctp)
}

/// The single call checks nothing of this.
fn persistence(
    intake: &mut Validator<'_>,
    wanted: &SessionPersistenceSpec,
    protocol: PoolProtocol,
    at: &str,
) -> Persistence {
    use PoolProtocol as P;
    let source_ip = wanted.kind == PersistenceType::SourceIp;
    if !source_ip && !matches!(protocol, P::Http | P::Proxy | P::ProxyV2) {
        let message = format!("type {} is allowed in pools of protocol HTTP, PROXY and PROXYV2 only", wanted.kind);
        intake.invalid(at, message);
    }
    if (wanted.timeout.is_some() || wanted.granularity.is_some()) && !(source_ip && is_datagram(protocol)) {
        intake.invalid(
            at,
            "timeout and granularity are allowed for type SOURCE_IP in pools of protocol UDP and SCTP only",
        );
    }
    if wanted.cookie_name.is_some() != (wanted.kind == PersistenceType::AppCookie) {
        intake.invalid(format!("{at}.cookieName"), "is required for type APP_COOKIE and allowed for no other");
    }
    let timeout_at = format!("{at}.timeout");
    let granularity_at = format!("{at}.granularity");
    Persistence {
        kind: wanted.kind,
        cookie_name: intake.optional_text(Text::Cookie, wanted.cookie_name.as_ref(), &format!("{at}.cookieName")),
        timeout: wanted
            .timeout
            .as_ref()
            .and_then(|text| intake.seconds(text, 1, i32::MAX as u64, "1s to 87600h", &timeout_at)),
        granularity: wanted
            .granularity
            .as_ref()
            .and_then(|text| intake.address(text, &granularity_at))
            .map(|address| address.to_string()),
    }
}

fn tls(intake: &mut Validator<'_>, pool: &PoolSpec, at: &str) -> Option<PoolTls> {
    let wanted = pool.tls.as_ref()?;
    if is_datagram(pool.protocol) {
        intake.invalid(at, format!("is not allowed in pools of protocol {}", pool.protocol));
    }
    if wanted.crl.is_some() && wanted.ca.is_none() {
        intake.invalid(format!("{at}.crl"), "needs ca");
    }
    if wanted.versions.is_some() {
        intake.needs(18, &format!("{at}.versions"), "versions of TLS in pools");
    }
    if wanted.versions.iter().any(|versions| versions.iter().all(|v| *v == TlsVersion::SslV3)) {
        intake.invalid(format!("{at}.versions"), "must have a version newer than SSLv3");
    }
    if wanted.alpn_protocols.is_some() {
        intake.needs(24, &format!("{at}.alpnProtocols"), "alpnProtocols in pools");
    }
    Some(PoolTls {
        client_certificate_ref: intake
            .certificate(wanted.client_certificate.as_ref(), &format!("{at}.clientCertificate")),
        ca_ref: intake.certificate(wanted.ca.as_ref(), &format!("{at}.ca")),
        crl_ref: intake.certificate(wanted.crl.as_ref(), &format!("{at}.crl")),
        parameters: tls_parameters(
            intake,
            End::Pool,
            &wanted.versions,
            wanted.ciphers.as_ref(),
            &wanted.alpn_protocols,
            at,
        ),
    })
}

fn members(intake: &mut Validator<'_>, pool: &PoolSpec, at: &str, families: &Families) -> BTreeMap<MemberKey, Member> {
    let mut result = BTreeMap::new();
    for wanted in &pool.members {
        let at = format!("{at}.members[{}]", member_at(&wanted.address, wanted.port));
        let port = intake.port(wanted.port, &format!("{at}.port"));
        let Some(address) = intake.address(&wanted.address, &format!("{at}.address")) else { continue };
        if address == RESERVED {
            intake.invalid(format!("{at}.address"), format!("{address} is reserved for the cloud's metadata service"));
        }
        nobody_is_there(intake, address, &format!("{at}.address"));
        // The driver answers 501 on its own call; the single call makes a load balancer that does not work.
        if is_datagram(pool.protocol) {
            let family = Family::of(address);
            intake.needs_family(families, family, &format!("{at}.address"), || {
                let protocol = pool.protocol;
                format!("{address} is {family}, and no address of the load balancer is; {protocol} cannot cross over")
            });
        }
        if pool.health_monitor.is_none() {
            nothing_is_monitored(intake, wanted, &at);
        }
        let member = member(intake, wanted, &at);
        if result.insert(MemberKey { address, port }, member).is_some() {
            intake.invalid(at, "there is another member of this address and port");
        }
    }
    result
}

/// haproxy connects to the address that the client asked for where a server is called 0.0.0.0 or ::, so that a request
/// comes back to the listener; the others are no machine in a network of the cloud.
fn nobody_is_there(intake: &mut Validator<'_>, address: std::net::IpAddr, field: &str) {
    let broadcast = address == std::net::Ipv4Addr::BROADCAST;
    if address.is_unspecified() || address.is_loopback() || address.is_multicast() || broadcast {
        intake.invalid(field, format!("{address} is not the address of one machine that the load balancer can reach"));
    }
}

fn nothing_is_monitored(intake: &mut Validator<'_>, wanted: &MemberSpec, at: &str) {
    for (given, field) in
        [(wanted.monitor_address.is_some(), "monitorAddress"), (wanted.monitor_port.is_some(), "monitorPort")]
    {
        if given {
            intake.invalid(
                format!("{at}.{field}"),
                "is for the healthMonitor of the pool, which has none: give the pool one, or remove it",
            );
        }
    }
}

fn member(intake: &mut Validator<'_>, wanted: &MemberSpec, at: &str) -> Member {
    let monitor_address_at = format!("{at}.monitorAddress");
    let monitor_address = wanted.monitor_address.as_ref().and_then(|text| intake.address(text, &monitor_address_at));
    if let Some(address) = monitor_address {
        nobody_is_there(intake, address, &monitor_address_at);
    }
    Member {
        name: intake.display_name(wanted.name.as_ref(), "", &format!("{at}.name")),
        weight: wanted.weight.map_or(1, |weight| intake.number(weight, 0, MOST_WEIGHT, &format!("{at}.weight"))),
        backup: wanted.backup.unwrap_or_default(),
        admin_state_up: wanted.admin_state_up.unwrap_or(true),
        subnet_id: intake.id(ReferenceKind::Subnet, wanted.subnet.as_ref(), &format!("{at}.subnet")),
        monitor_address,
        monitor_port: wanted.monitor_port.map(|port| intake.port(port, &format!("{at}.monitorPort"))),
        tags: intake.tags(&wanted.tags, &format!("{at}.tags")),
    }
}
