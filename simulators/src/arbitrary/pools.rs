//! Random pools, members and monitors.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::values::{description, mostly, name, tags, tls_parameters};
use super::world::{Families, World};
use evenkeel::model::*;

pub(super) fn pool(world: &World) -> impl Strategy<Value = Pool> + use<> {
    let protocol = prop_oneof![
        3 => Just(PoolProtocol::Http),
        1 => Just(PoolProtocol::Udp),
        3 => select(PoolProtocol::ALL.to_vec()),
    ];
    let algorithm = select(vec![Algorithm::RoundRobin, Algorithm::LeastConnections, Algorithm::SourceIp]);
    (
        (name(), protocol, algorithm, description(), tags(), mostly(true)),
        option::weighted(0.6, persistence()),
        option::weighted(0.4, tls(world)),
        option::weighted(0.6, monitor()),
        btree_map(member_key(), member(world), 0..6),
    )
        .prop_map(|(common, persistence, tls, monitor, members)| {
            let (name, protocol, algorithm, description, tags, admin_state_up) = common;
            let members = Members::Known(members);
            Pool { name, protocol, algorithm, description, tags, admin_state_up, persistence, tls, monitor, members }
        })
}

fn persistence() -> impl Strategy<Value = Persistence> {
    (
        select(PersistenceType::ALL.to_vec()),
        select(vec!["sid", "session"]),
        option::weighted(0.7, select(vec![60u32, 360])),
        option::weighted(0.7, select(vec!["255.255.255.0", "255.255.255.255"])),
    )
        .prop_map(|(kind, cookie, timeout, granularity)| Persistence {
            kind,
            cookie_name: Some(cookie.to_owned()),
            timeout,
            granularity: granularity.map(str::to_owned),
        })
}

fn tls(world: &World) -> impl Strategy<Value = PoolTls> + use<> {
    (
        option::of(select(world.certificate_refs.clone())),
        option::weighted(0.7, (select(world.authorities.clone()), mostly(true))),
        tls_parameters(),
    )
        .prop_map(|(client_certificate_ref, authority, parameters)| {
            let (ca_ref, crl_ref) = match authority {
                Some(((ca, crl), with_crl)) => (Some(ca), with_crl.then_some(crl)),
                None => (None, None),
            };
            PoolTls { client_certificate_ref, ca_ref, crl_ref, parameters: without_a_gap(parameters) }
        })
}

/// Fills gaps: the amphora also speaks a version that the list leaves out between two others.
fn without_a_gap(mut parameters: TlsParameters) -> TlsParameters {
    if let Some(versions) = &mut parameters.versions
        && let (Some(oldest), Some(newest)) = (versions.first().copied(), versions.last().copied())
    {
        versions.extend(TlsVersion::ALL.iter().filter(|v| **v > oldest && **v < newest));
    }
    parameters
}

fn monitor() -> impl Strategy<Value = HealthMonitor> {
    (
        name(),
        prop_oneof![1 => Just(MonitorType::Http), 2 => select(MonitorType::ALL.to_vec())],
        (1u32..60, 1u32..10, 1u8..=10, 1u8..=10),
        monitor_http(),
        mostly(true),
        tags(),
    )
        .prop_map(|(name, kind, (delay, timeout, max_retries, max_retries_down), http, admin_state_up, tags)| {
            HealthMonitor {
                name,
                kind,
                delay,
                timeout,
                max_retries,
                max_retries_down,
                http: Some(http),
                admin_state_up,
                tags,
            }
        })
}

fn monitor_http() -> impl Strategy<Value = HttpCheck> {
    (
        select(HttpMethod::ALL.to_vec()),
        select(vec!["/", "/healthz", "/health?full=1", r"/health?a=1\x26b=\x272\x27"]),
        select(vec!["200", "200,202", "200-204"]),
        option::weighted(0.8, select(vec!["1.0", "1.1", "1.1"])),
        option::weighted(0.7, select(vec!["shop.example", "Shop.Example."])),
    )
        .prop_map(|(method, path, codes, version, domain)| HttpCheck {
            method,
            url_path: path.to_owned(),
            expected_codes: codes.to_owned(),
            version: version.map(str::to_owned),
            domain_name: domain.filter(|_| version == Some("1.1")).map(str::to_owned),
        })
}

fn member_key() -> impl Strategy<Value = MemberKey> {
    let v4 = (1u8..8).prop_map(|n| IpAddr::from(Ipv4Addr::new(10, 0, 0, n)));
    let v6 = (1u16..4).prop_map(|n| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n)));
    (prop_oneof![3 => v4, 1 => v6], select(vec![80u16, 8080])).prop_map(|(address, port)| MemberKey { address, port })
}

fn member(world: &World) -> impl Strategy<Value = Member> + use<> {
    (
        name(),
        prop_oneof![Just(1u16), 0u16..=256],
        mostly(false),
        mostly(true),
        option::of(select(world.member_subnet_ids.clone())),
        option::of((1u8..4).prop_map(|n| IpAddr::from(Ipv4Addr::new(10, 9, 0, n)))),
        option::of(select(vec![9000u16, 9001])),
        tags(),
    )
        .prop_map(|(name, weight, backup, admin_state_up, subnet_id, monitor_address, monitor_port, tags)| {
            Member { name, weight, backup, admin_state_up, subnet_id, monitor_address, monitor_port, tags }
        })
}

/// `names`: names of other pools of the stack.
pub(super) fn repair(key: &str, pool: &mut Pool, families: Families, names: &mut BTreeSet<String>) {
    // The single POST refers to pools by name.
    if pool.name.is_empty() || names.contains(&pool.name) {
        pool.name = key.to_owned();
    }
    while !names.insert(pool.name.clone()) {
        pool.name.push('+');
    }
    let datagram = pool.protocol.is_datagram();
    if let Some(persistence) = &mut pool.persistence {
        if !matches!(pool.protocol, PoolProtocol::Http | PoolProtocol::Proxy | PoolProtocol::ProxyV2) {
            persistence.kind = PersistenceType::SourceIp;
        }
        if persistence.kind != PersistenceType::AppCookie {
            persistence.cookie_name = None;
        } else if persistence.cookie_name.is_none() {
            persistence.cookie_name = Some("sid".to_owned());
        }
        if !datagram {
            (persistence.timeout, persistence.granularity) = (None, None);
        }
    }
    if datagram {
        pool.tls = None;
        if let Some(members) = pool.members.known_mut() {
            members.retain(|key, _| if key.address.is_ipv4() { families.v4 } else { families.v6 });
        }
    }
    match &mut pool.monitor {
        Some(monitor) => repair_monitor(monitor, datagram),
        None => {
            for member in pool.members.known_mut().into_iter().flat_map(BTreeMap::values_mut) {
                (member.monitor_address, member.monitor_port) = (None, None);
            }
        }
    }
}

fn repair_monitor(monitor: &mut HealthMonitor, datagram: bool) {
    use MonitorType as M;
    monitor.kind = match monitor.kind {
        M::Https | M::Ping | M::TlsHello if datagram => M::UdpConnect,
        M::UdpConnect | M::Sctp if !datagram => M::Tcp,
        kind => kind,
    };
    if monitor.kind == M::UdpConnect {
        monitor.delay = monitor.delay.max(3);
    }
    if !monitor.kind.is_http() {
        monitor.http = None;
    } else if monitor.http.is_none() {
        monitor.http = Some(HttpCheck {
            method: HttpMethod::Get,
            url_path: "/".to_owned(),
            expected_codes: "200".to_owned(),
            version: None,
            domain_name: None,
        });
    }
}
