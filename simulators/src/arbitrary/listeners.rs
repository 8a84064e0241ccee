//! Random listeners.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::policies::{is_of_certificates, policies};
use super::values::{description, mostly, name, pool_key, tags, tls_parameters};
use super::world::{Families, World};
use evenkeel::model::*;

/// All headers that Octavia knows.
const HEADERS: [&str; 14] = [
    "X-Forwarded-For",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Forwarded-IP",
    "X-Client-IP",
    "X-Real-IP",
    "X-SSL-Client-Verify",
    "X-SSL-Client-Has-Cert",
    "X-SSL-Client-DN",
    "X-SSL-Client-CN",
    "X-SSL-Issuer",
    "X-SSL-Client-SHA1",
    "X-SSL-Client-Not-Before",
    "X-SSL-Client-Not-After",
];

pub(super) fn listener(world: &World) -> impl Strategy<Value = Listener> + use<> {
    let protocol = prop_oneof![
        3 => Just(ListenerProtocol::Http),
        3 => Just(ListenerProtocol::TerminatedHttps),
        3 => select(ListenerProtocol::ALL.to_vec()),
    ];
    (
        (name(), protocol, select(vec![80u16, 443, 8080]), description(), tags(), mostly(true)),
        option::weighted(0.8, pool_key()),
        option::of(prop_oneof![Just(-1), Just(20_000)]),
        btree_set(select(vec!["10.0.0.0/8", "192.0.2.7/32", "198.51.100.0/24", "2001:db8::/32", "fd00::7/128"]), 0..4),
        headers(),
        timeouts(),
        tls(world),
        policies(),
    )
        .prop_map(|(common, default_pool, connection_limit, cidrs, insert_headers, timeouts, tls, policies)| {
            let (name, protocol, port, description, tags, admin_state_up) = common;
            Listener {
                name,
                protocol,
                port,
                description,
                tags,
                admin_state_up,
                default_pool,
                connection_limit,
                allowed_cidrs: cidrs.into_iter().map(str::to_owned).collect(),
                insert_headers,
                timeouts,
                tls: Some(tls),
                policies,
            }
        })
}

fn headers() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(select(&HEADERS[..]).prop_map(str::to_owned), Just("true".to_owned()), 0..4)
}

fn timeouts() -> impl Strategy<Value = Timeouts> {
    let time = || option::of(select(vec![0u32, 5_000, 60_000, 2_073_600_000]));
    (time(), time(), time(), time()).prop_map(|(client_data, member_connect, member_data, tcp_inspect)| Timeouts {
        client_data,
        member_connect,
        member_data,
        tcp_inspect,
    })
}

fn tls(world: &World) -> impl Strategy<Value = ListenerTls> + use<> {
    let hsts = (select(vec![0u32, 3_600, 31_536_000]), any::<bool>(), any::<bool>())
        .prop_map(|(max_age, include_subdomains, preload)| Hsts { max_age, include_subdomains, preload });
    (
        select(world.certificate_refs.clone()),
        any::<bool>(),
        btree_set(select(world.certificate_refs.clone()), 0..3),
        option::weighted(0.7, (select(world.authorities.clone()), mostly(true))),
        select(ClientAuthentication::ALL.to_vec()),
        tls_parameters(),
        option::weighted(0.7, hsts),
    )
        .prop_map(|(certificate, only_sni, sni_refs, authority, authentication, parameters, hsts)| {
            let (client_ca_ref, client_crl_ref) = match authority {
                Some(((ca, crl), with_crl)) => (Some(ca), with_crl.then_some(crl)),
                None => (None, None),
            };
            ListenerTls {
                certificate_ref: (!only_sni || sni_refs.is_empty()).then_some(certificate),
                sni_refs,
                client_authentication: if client_ca_ref.is_some() {
                    authentication
                } else {
                    ClientAuthentication::None
                },
                client_ca_ref,
                client_crl_ref,
                parameters,
                hsts,
            }
        })
}

pub(super) fn repair(key: &str, listener: &mut Listener, pools: &BTreeMap<Key, Pool>, families: Families) {
    use ListenerProtocol as L;
    if listener.name.is_empty() {
        listener.name = key.to_owned();
    }
    if listener.protocol == L::TerminatedHttps && listener.tls.is_none() {
        listener.protocol = L::Http;
    }
    let suits = |pool: &Key| pools.get(pool).is_some_and(|pool| listener.protocol.suits(pool.protocol));
    listener.default_pool = listener.default_pool.take().filter(suits);
    if !listener.protocol.is_http() {
        listener.insert_headers.clear();
        listener.policies.clear();
    }
    let terminates = listener.protocol == L::TerminatedHttps;
    let asks =
        |tls: &ListenerTls| tls.client_ca_ref.is_some() && tls.client_authentication != ClientAuthentication::None;
    let knows_clients = terminates && listener.tls.as_ref().is_some_and(asks);
    if !knows_clients {
        listener.insert_headers.retain(|header, _| !header.starts_with("X-SSL"));
    }
    listener.allowed_cidrs.retain(|cidr| if cidr.contains(':') { families.v6 } else { families.v4 });
    if !terminates && listener.protocol != L::Prometheus {
        listener.tls = None;
    }
    if let (L::Prometheus, Some(tls)) = (listener.protocol, &mut listener.tls) {
        tls.hsts = None;
    }
    for policy in &mut listener.policies {
        if let L7Action::RedirectToPool { pool } = &policy.action
            && !pools.get(pool).is_some_and(|pool| listener.protocol.suits(pool.protocol))
        {
            policy.action = L7Action::Reject;
        }
        if !knows_clients {
            policy.rules.retain(|rule| !is_of_certificates(rule));
        }
        policy.rules.truncate(16);
        policy.admin_state_up &= policy.rules.iter().any(|rule| rule.admin_state_up);
    }
    let mut keys = BTreeSet::new();
    listener.policies.retain(|policy| keys.insert(policy.key.clone()));
}
