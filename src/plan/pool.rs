//! Pools: their normal form, and the steps that make and change one. Members and monitor are in their own modules.

use serde_json::{Value, json};

use super::diff::{FieldRules, Patch, Reset, add_some, object, without_empties};
use super::listener::{parameter_fields, version_list};
use super::step::Target;
use super::tls;
use crate::model::{
    Body, Call, Impact, Kind, ObservedMember, ObservedMonitor, ObservedPersistence, ObservedPool, OwnedFields,
    Persistence, Pool, PoolTls, Step, TlsParameters, key_tag,
};

const RULES: FieldRules = FieldRules {
    operator_defaulted: &[
        ("description", Reset::EmptyText),
        ("tls_versions", Reset::Null),
        ("tls_ciphers", Reset::Null),
        ("alpn_protocols", Reset::Null),
    ],
    groups: &[],
};

/// The changeable fields as the stack wants them.
fn wanted(key: &str, pool: &Pool) -> Body {
    let Pool {
        name,
        protocol: _,
        algorithm,
        description,
        tags,
        admin_state_up,
        persistence,
        tls,
        monitor: _,
        members: _,
    } = pool;
    let mut body = object([
        ("name", json!(name)),
        ("lb_algorithm", json!(algorithm)),
        ("admin_state_up", json!(admin_state_up)),
        ("session_persistence", persistence.as_ref().map_or(Value::Null, wanted_persistence)),
        ("tls_enabled", json!(tls.is_some())),
    ]);
    add_some(&mut body, [("description", description.as_ref().map(|d| json!(d)))]);
    let (certificate, ca, crl, parameters) = match tls {
        None => (&None, &None, &None, &TlsParameters::default()),
        Some(PoolTls { client_certificate_ref, ca_ref, crl_ref, parameters }) => {
            (client_certificate_ref, ca_ref, crl_ref, parameters)
        }
    };
    body.extend(object([
        ("tls_container_ref", json!(certificate)),
        ("ca_tls_container_ref", json!(ca)),
        ("crl_container_ref", json!(crl)),
    ]));
    body.extend(parameter_fields(parameters));
    let tags = RULES.tags(tags, [key_tag(key)], &body);
    body.insert("tags".to_owned(), json!(tags));
    body
}

/// Always the whole object: one that comes in part resets the rest.
fn wanted_persistence(persistence: &Persistence) -> Value {
    let Persistence { kind, cookie_name, timeout, granularity } = persistence;
    let mut body = object([("type", json!(kind))]);
    add_some(
        &mut body,
        [
            ("cookie_name", cookie_name.as_ref().map(|c| json!(c))),
            ("persistence_timeout", timeout.map(|t| json!(t))),
            ("persistence_granularity", granularity.as_ref().map(|g| json!(g))),
        ],
    );
    Value::from(body)
}

fn observed_persistence(seen: &ObservedPersistence) -> Value {
    let ObservedPersistence { kind, cookie_name, persistence_timeout, persistence_granularity } = seen;
    Value::from(without_empties(object([
        ("type", json!(kind)),
        ("cookie_name", json!(cookie_name)),
        ("persistence_timeout", json!(persistence_timeout)),
        ("persistence_granularity", json!(persistence_granularity)),
    ])))
}

fn observed(seen: &ObservedPool) -> Body {
    let versions = seen.tls_versions.as_ref().map(|v| version_list(v.iter().map(String::as_str)));
    object([
        ("name", json!(seen.name)),
        ("description", json!(seen.description)),
        ("tags", json!(seen.tags)),
        ("admin_state_up", json!(seen.admin_state_up)),
        ("lb_algorithm", json!(seen.lb_algorithm)),
        ("session_persistence", seen.session_persistence.as_ref().map_or(Value::Null, observed_persistence)),
        ("tls_enabled", json!(seen.tls_enabled)),
        ("tls_container_ref", json!(seen.tls_container_ref)),
        ("ca_tls_container_ref", json!(seen.ca_tls_container_ref)),
        ("crl_container_ref", json!(seen.crl_container_ref)),
        ("tls_ciphers", json!(seen.tls_ciphers)),
        ("tls_versions", json!(versions)),
        ("alpn_protocols", json!(seen.alpn_protocols)),
    ])
}

/// The body that makes it, without members and monitor.
pub(super) fn body(key: &str, pool: &Pool) -> Body {
    let mut body = without_empties(wanted(key, pool));
    body.insert("protocol".to_owned(), json!(pool.protocol));
    if pool.tls.is_some() {
        // The create reads these keys without asking (`create_pool` in octavia/db/prepare.py): absent is a KeyError,
        // that is a 500; null gives the operator's defaults.
        for field in ["tls_ciphers", "tls_versions", "alpn_protocols"] {
            body.entry(field).or_insert(Value::Null);
        }
    } else {
        body.remove("tls_enabled");
    }
    body
}

/// A pool, its members and its monitor, in place or from nothing. The pool itself comes first: while it is in ERROR,
/// Octavia refuses writes below it.
pub(super) fn steps(load_balancer: &str, key: &str, want: &Pool, seen: Option<&ObservedPool>) -> Vec<Step> {
    let (target, first) = match seen {
        Some(seen) => (Target::existing(&seen.id), update(key, want, seen)),
        None => (Target::pending(Kind::Pool, key), vec![create(load_balancer, key, want)]),
    };
    let members: &[ObservedMember] = seen.map_or(&[], |pool| &pool.members);
    let monitor: Option<&ObservedMonitor> = seen.and_then(|pool| pool.monitor.as_ref());
    first
        .into_iter()
        .chain(super::member::steps(key, &target, &want.members, members))
        .chain(super::health_monitor::steps(key, &target, want.monitor.as_ref(), monitor))
        .collect()
}

fn create(load_balancer: &str, key: &str, want: &Pool) -> Step {
    let mut body = body(key, want);
    body.insert("loadbalancer_id".to_owned(), json!(load_balancer));
    Step::new(Kind::Pool, key, Call::Create { parent: None, body })
}

/// Octavia fills in ciphers when it makes a pool with TLS, not when TLS is switched on later. Null gives the operator's
/// default.
const CIPHERS: &str = "tls_ciphers";

/// What brings a pool in ERROR back.
pub(super) fn reapply_body(seen: &ObservedPool) -> Body {
    let mut body = super::heal::no_op_body(&seen.name);
    if seen.tls_enabled && seen.tls_ciphers.is_none() {
        body.insert(CIPHERS.to_owned(), Value::Null);
    }
    body
}

fn update(key: &str, want: &Pool, seen: &ObservedPool) -> Vec<Step> {
    let mut edit = RULES.compare(&wanted(key, want), &observed(seen), &OwnedFields::of(&seen.tags));
    if edit.changes("tls_enabled") && want.tls.is_some() && seen.tls_ciphers.is_none() {
        edit.body.entry(CIPHERS).or_insert(Value::Null);
    }
    if want.tls.is_some() {
        tls::fill_ciphers(&mut edit, seen.tls_ciphers.as_deref(), seen.tls_versions.as_deref());
    }
    let first = edit.tags_first(&seen.tags);
    let target = Target::existing(&seen.id);
    let put = |edit: Patch| {
        let impact = impact(&edit);
        Step::update(Kind::Pool, key, &target, edit).impact(impact)
    };
    first.into_iter().chain([edit]).filter(|edit| !edit.is_empty()).map(put).collect()
}

fn impact(edit: &Patch) -> Impact {
    const ROUTING: [&str; 6] = [
        "lb_algorithm",
        "session_persistence",
        "tls_enabled",
        "tls_container_ref",
        "ca_tls_container_ref",
        "crl_container_ref",
    ];
    if edit.switches_off() {
        Impact::Interrupts
    } else if ROUTING.iter().any(|field| edit.changes(field)) {
        Impact::NewConnections
    } else {
        Impact::None
    }
}
