//! Pools: their normal form, and the steps that create and change one. Members and monitor have their own modules.

use serde_json::{Value, json};

use super::diff::{FieldRules, Patch, Reset, add_some, no_op_body, object, without_empties};
use super::step::Target;
use super::tls::{self, ObservedTls};
use super::{health_monitor, member};
use crate::model::{
    Body, Call, Impact, Kind, ObservedMember, ObservedMonitor, ObservedPersistence, ObservedPool, OwnedFields,
    Persistence, Pool, PoolTls, PrunePolicy, Step, key_tag,
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

/// Changeable fields in the desired state.
fn desired_body(key: &str, pool: &Pool) -> Body {
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
        ("session_persistence", persistence.as_ref().map_or(Value::Null, desired_persistence)),
        ("tls_enabled", json!(tls.is_some())),
        ("tls_container_ref", Value::Null),
        ("ca_tls_container_ref", Value::Null),
        ("crl_container_ref", Value::Null),
    ]);
    add_some(&mut body, [("description", description.as_ref().map(|d| json!(d)))]);
    if let Some(PoolTls { client_certificate_ref, ca_ref, crl_ref, parameters }) = tls {
        body.extend(object([
            ("tls_container_ref", tls::reference(client_certificate_ref.as_ref())),
            ("ca_tls_container_ref", tls::reference(ca_ref.as_ref())),
            ("crl_container_ref", tls::reference(crl_ref.as_ref())),
        ]));
        body.extend(tls::desired_fields(parameters));
    }
    let tags = RULES.tags(tags, [key_tag(key)], &body);
    body.insert("tags".to_owned(), json!(tags));
    body
}

/// The whole object always: an object in part resets the rest.
fn desired_persistence(persistence: &Persistence) -> Value {
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

fn observed_persistence(observed: &ObservedPersistence) -> Value {
    let ObservedPersistence { kind, cookie_name, persistence_timeout, persistence_granularity } = observed;
    Value::from(without_empties(object([
        ("type", json!(kind)),
        ("cookie_name", json!(cookie_name)),
        ("persistence_timeout", json!(persistence_timeout)),
        ("persistence_granularity", json!(persistence_granularity)),
    ])))
}

fn observed_body(pool: &ObservedPool) -> Body {
    let mut body = object([
        ("name", json!(pool.name)),
        ("description", json!(pool.description)),
        ("tags", json!(pool.tags)),
        ("admin_state_up", json!(pool.admin_state_up)),
        ("lb_algorithm", json!(pool.lb_algorithm)),
        ("session_persistence", pool.session_persistence.as_ref().map_or(Value::Null, observed_persistence)),
        ("tls_enabled", json!(pool.tls_enabled)),
        ("tls_container_ref", json!(pool.tls_container_ref)),
        ("ca_tls_container_ref", json!(pool.ca_tls_container_ref)),
        ("crl_container_ref", json!(pool.crl_container_ref)),
    ]);
    body.extend(ObservedTls::from(pool).fields());
    body
}

/// The body that creates it, without members and monitor.
pub(super) fn create_body(key: &str, pool: &Pool) -> Body {
    let mut body = without_empties(desired_body(key, pool));
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

/// The body that brings a pool in ERROR back. One with TLS has ciphers after it, whatever its versions.
pub(super) fn reapply_body(observed: &ObservedPool) -> Body {
    let mut body = no_op_body(&observed.name);
    if observed.tls_enabled {
        ObservedTls::from(observed).default_ciphers(&mut body);
    }
    body
}

/// Steps for a pool, its members and its monitor, in place or from nothing. The pool itself comes first: while it is in
/// ERROR, Octavia rejects writes below it.
pub(super) fn steps(
    load_balancer: &str,
    key: &str,
    desired: &Pool,
    observed: Option<&ObservedPool>,
    prune: PrunePolicy,
) -> Vec<Step> {
    let (target, own) = match observed {
        Some(observed) => (Target::existing(&observed.id), update(key, desired, observed)),
        None => (Target::pending(Kind::Pool, key), vec![create(load_balancer, key, desired)]),
    };
    let members: &[ObservedMember] = observed.map_or(&[], |pool| &pool.members);
    let monitor: Option<&ObservedMonitor> = observed.and_then(|pool| pool.monitor.as_ref());
    let monitor = monitor.filter(|_| desired.monitor.is_some() || prune != PrunePolicy::None);
    let member_steps = desired.members.known().map(|desired| member::steps(key, &target, desired, members, prune));
    own.into_iter()
        .chain(member_steps.into_iter().flatten())
        .chain(health_monitor::steps(key, &target, desired.monitor.as_ref(), monitor))
        .collect()
}

fn create(load_balancer: &str, key: &str, desired: &Pool) -> Step {
    let mut body = create_body(key, desired);
    body.insert("loadbalancer_id".to_owned(), json!(load_balancer));
    Step::new(Kind::Pool, key, Call::Create { parent: None, body })
}

/// Changes the pool itself. Not while it needs a certificate that is unknown and that the cloud does not have: encryption
/// without it would be less than the stack asks for.
fn update(key: &str, desired: &Pool, observed: &ObservedPool) -> Vec<Step> {
    if desired.tls.as_ref().is_some_and(|tls| tls::lacks(tls.certificates())) {
        return Vec::new();
    }
    let owned = OwnedFields::of(&observed.tags);
    let mut patch = RULES.compare(&desired_body(key, desired), &observed_body(observed), &owned);
    if desired.tls.is_some() {
        let tls = ObservedTls::from(observed);
        // Octavia fills in ciphers when it creates a pool with TLS, not when TLS is switched on later.
        if patch.changes("tls_enabled") {
            tls.default_ciphers(&mut patch.body);
        }
        tls.fill_ciphers(&mut patch);
    }
    let first = patch.tags_first(&observed.tags);
    let target = Target::existing(&observed.id);
    let put = |patch: Patch| {
        let impact = impact(&patch);
        Step::update(Kind::Pool, key, &target, patch).impact(impact)
    };
    first.into_iter().chain([patch]).filter(|patch| !patch.is_empty()).map(put).collect()
}

fn impact(patch: &Patch) -> Impact {
    const ROUTING: [&str; 6] = [
        "lb_algorithm",
        "session_persistence",
        "tls_enabled",
        "tls_container_ref",
        "ca_tls_container_ref",
        "crl_container_ref",
    ];
    if patch.switches_off() {
        Impact::Interrupts
    } else if ROUTING.iter().any(|field| patch.changes(field)) {
        Impact::NewConnections
    } else {
        Impact::None
    }
}
