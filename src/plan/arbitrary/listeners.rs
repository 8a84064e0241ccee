//! Random listeners, policies and rules.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{World, description, mostly, name, tags, tls_parameters};
use crate::model::*;

pub(super) fn listener(world: &World) -> impl Strategy<Value = Listener> + use<> {
    let protocol = prop_oneof![
        3 => Just(ListenerProtocol::Http),
        1 => Just(ListenerProtocol::TerminatedHttps),
        3 => select(ListenerProtocol::ALL.to_vec()),
    ];
    (
        (name(), protocol, select(vec![80u16, 443, 8080]), description(), tags(), mostly(true)),
        option::weighted(0.8, pool_key()),
        option::of(prop_oneof![Just(-1), Just(20_000)]),
        btree_set(select(vec!["10.0.0.0/8", "192.0.2.7/32", "198.51.100.0/24"]), 0..3),
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

fn pool_key() -> impl Strategy<Value = Key> {
    (0..6u8).prop_map(|n| format!("pool{n}"))
}

fn headers() -> impl Strategy<Value = BTreeMap<String, String>> {
    let name = select(vec!["X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-SSL-Client-CN"]);
    btree_map(name.prop_map(str::to_owned), Just("true".to_owned()), 0..3)
}

fn timeouts() -> impl Strategy<Value = Timeouts> {
    let time = || option::of(select(vec![0u32, 5_000, 60_000]));
    (time(), time(), time(), time()).prop_map(|(client_data, member_connect, member_data, tcp_inspect)| Timeouts {
        client_data,
        member_connect,
        member_data,
        tcp_inspect,
    })
}

fn tls(world: &World) -> impl Strategy<Value = ListenerTls> + use<> {
    let hsts = (select(vec![0u32, 3_600]), any::<bool>(), any::<bool>())
        .prop_map(|(max_age, include_subdomains, preload)| Hsts { max_age, include_subdomains, preload });
    (
        select(world.certificate_refs.clone()),
        any::<bool>(),
        btree_set(select(world.certificate_refs.clone()), 0..3),
        option::of((select(world.authorities.clone()), any::<bool>())),
        select(ClientAuthentication::ALL.to_vec()),
        tls_parameters(),
        option::of(hsts),
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

/// Distinct keys in any order.
fn policies() -> impl Strategy<Value = Vec<Policy>> {
    let keyed = btree_map((0..6u8).prop_map(|n| format!("policy{n}")), policy(), 0..5);
    keyed
        .prop_map(|map| map.into_iter().map(|(key, policy)| Policy { key, ..policy }).collect::<Vec<_>>())
        .prop_shuffle()
}

fn policy() -> impl Strategy<Value = Policy> {
    (name(), description(), tags(), mostly(true), action(), vec(rule(), 0..4)).prop_map(
        |(name, description, tags, admin_state_up, action, rules)| Policy {
            key: String::new(),
            name,
            description,
            tags,
            admin_state_up,
            action,
            rules,
        },
    )
}

fn action() -> impl Strategy<Value = Action> {
    let code = || select(vec![301u16, 302, 308]);
    let url = || select(vec!["https://a.example/", "http://b.example/x"]);
    prop_oneof![
        3 => pool_key().prop_map(|pool| Action::RedirectToPool { pool }),
        1 => (url(), code()).prop_map(|(url, code)| Action::RedirectToUrl { url: url.to_owned(), code }),
        1 => (url(), code()).prop_map(|(url, code)| Action::RedirectPrefix { prefix: url.to_owned(), code }),
        1 => Just(Action::Reject),
    ]
}

/// A rule of every type, with a few values, so that two policies share some.
pub fn rule() -> impl Strategy<Value = Rule> {
    let what = prop_oneof![
        3 => (Just(RuleType::Path), select(vec!["/a", "/b", "/c"])),
        1 => (Just(RuleType::HostName), select(vec!["a.example", "b.example"])),
        1 => (Just(RuleType::FileType), Just("jpg")),
        1 => (Just(RuleType::Header), select(vec!["one", "two"])),
        1 => (Just(RuleType::Cookie), Just("blue")),
        1 => (Just(RuleType::SslConnHasCert), Just("true")),
        1 => (Just(RuleType::SslDnField), Just("shop")),
    ];
    (what, any::<bool>(), select(vec!["x-kind", "x-other"]), mostly(false), mostly(true), tags()).prop_map(
        |((kind, value), exact, key, invert, admin_state_up, tags)| {
            let exact = exact || matches!(kind, RuleType::FileType | RuleType::SslConnHasCert);
            let key = match kind {
                RuleType::Header | RuleType::Cookie => Some(key.to_owned()),
                RuleType::SslDnField => Some("O-DN".to_owned()),
                _ => None,
            };
            let compare = if exact { CompareType::EqualTo } else { CompareType::StartsWith };
            Rule { kind, compare, key, value: value.to_owned(), invert, admin_state_up, tags }
        },
    )
}

/// Takes parts of another listener.
pub(super) fn mix(listener: &mut Listener, other: &Listener, pick: &mut impl FnMut() -> bool) {
    if pick() {
        (listener.protocol, listener.port) = (other.protocol, other.port);
    }
    if pick() {
        listener.port = other.port;
    }
    if pick() {
        listener.default_pool.clone_from(&other.default_pool);
    }
    if pick() {
        listener.tls.clone_from(&other.tls);
    }
    if pick() {
        listener.policies.clone_from(&other.policies);
    } else {
        mix_policies(&mut listener.policies, &other.policies, pick);
    }
    if pick() {
        let Listener { name, description, tags, admin_state_up, connection_limit, allowed_cidrs, .. } = other.clone();
        let (insert_headers, timeouts) = (other.insert_headers.clone(), other.timeouts.clone());
        *listener = Listener {
            name,
            description,
            tags,
            admin_state_up,
            connection_limit,
            allowed_cidrs,
            insert_headers,
            timeouts,
            ..listener.clone()
        };
    }
}

fn mix_policies(policies: &mut Vec<Policy>, other: &[Policy], pick: &mut impl FnMut() -> bool) {
    for policy in policies.iter_mut() {
        let Some(other) = other.iter().find(|other| other.key == policy.key) else { continue };
        if pick() {
            policy.action.clone_from(&other.action);
        }
        if pick() {
            policy.rules.clone_from(&other.rules);
        }
        if pick() {
            policy.rules.extend(other.rules.clone());
        }
        if pick() {
            policy.admin_state_up = other.admin_state_up;
        }
    }
    if pick() {
        policies.reverse();
    }
    if pick() && !policies.is_empty() {
        policies.rotate_left(1);
    }
    if pick() {
        policies.pop();
    }
}

pub(super) fn repair(key: &str, listener: &mut Listener, pools: &BTreeMap<Key, Pool>) {
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
    if !terminates {
        listener.insert_headers.retain(|header, _| !header.starts_with("X-SSL"));
    }
    if listener.protocol.l4() != L4::Tcp {
        listener.timeouts = Timeouts::default();
    }
    if !terminates && listener.protocol != L::Prometheus {
        listener.tls = None;
    }
    if let (L::Prometheus, Some(tls)) = (listener.protocol, &mut listener.tls) {
        tls.hsts = None;
    }
    for policy in &mut listener.policies {
        if let Action::RedirectToPool { pool } = &policy.action
            && !pools.get(pool).is_some_and(|pool| listener.protocol.suits(pool.protocol))
        {
            policy.action = Action::Reject;
        }
        if !terminates {
            policy.rules.retain(|rule| !matches!(rule.kind, RuleType::SslConnHasCert | RuleType::SslDnField));
        }
        policy.rules.truncate(16);
    }
    let mut keys = BTreeSet::new();
    listener.policies.retain(|policy| keys.insert(policy.key.clone()));
}
